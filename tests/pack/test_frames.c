/* Compressing on many threads: in order, each frame for itself, readable by zstd's own program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "pack/frames.h"
#include "tests/check.h"

#define BIG (5u * FRAMES_PLAIN + 12345u)

static uint8_t *data;

static int setup(void **state)
{
	uint32_t seed = 1;

	data = malloc(BIG);
	assert_non_null(data);
	for (unsigned i = 0; i < BIG; i++) {
		seed = seed * 1664525u + 1013904223u;
		/* Half of it presses well, half of it not at all. */
		data[i] = i / 100000 % 2 ? (uint8_t)(seed >> 24) : (uint8_t)(i / 1000);
	}
	return 0;
}

static int teardown(void **state)
{
	free(data);
	return 0;
}

static void make(int level, unsigned threads, size_t step, size_t cut, struct buf *out,
		 struct frame_size *sizes, size_t *ret_count)
{
	CLEANUP(frames_freep) struct frames *f = NULL;
	const struct frame_size *made;

	assert_ok(frames_new(level, threads, age_sink_buf(out), &f));
	for (size_t at = 0; at < BIG; at += step) {
		assert_int_equal(frames_taken(f), at);
		assert_ok(frames_put(f, data + at, MIN(step, BIG - at)));
		if (cut > 0 && at / step % cut == 0)
			assert_ok(frames_cut(f));
	}
	assert_ok(frames_finish(f));
	made = frames_sizes(f, ret_count);
	memcpy(sizes, made, *ret_count * sizeof(*made));
}

static void check(const struct buf *out, const struct frame_size *sizes, size_t count)
{
	uint8_t *back = malloc(FRAMES_PLAIN);
	size_t from = 0, plain = 0;

	assert_non_null(back);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(ZSTD_getFrameContentSize(out->data + from, sizes[i].sealed),
				 sizes[i].plain);
		assert_int_equal(
			ZSTD_decompress(back, FRAMES_PLAIN, out->data + from, sizes[i].sealed),
			sizes[i].plain);
		assert_memory_equal(back, data + plain, sizes[i].plain);
		from += sizes[i].sealed;
		plain += sizes[i].plain;
	}
	assert_int_equal(from, out->len);
	assert_int_equal(plain, BIG);
	free(back);
}

static void frames_come_in_order_whatever_the_threads(void **state)
{
	static const struct {
		int level;
		unsigned threads;
		size_t step, cut;
	} cases[] = {{3, 1, 70000, 0},	{3, 4, 1000000, 0}, {1, 3, 300001, 5},
		     {0, 2, 123457, 0}, {0, 0, BIG, 0},	    {9, 2, 2097152, 1},
		     {0, 3, 131072, 1}, {0, 1, 100000, 1},  {19, 16, 700000, 0}};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = {0};
		struct frame_size sizes[128];
		size_t count;

		make(cases[i].level, cases[i].threads, cases[i].step, cases[i].cut, &out, sizes,
		     &count);
		check(&out, sizes, count);
	}
}

static void a_cut_begins_a_frame(void **state)
{
	CLEANUP(buf_clear) struct buf out = {0};
	CLEANUP(frames_freep) struct frames *f = NULL;
	const struct frame_size *sizes;
	size_t count;

	assert_ok(frames_new(3, 2, age_sink_buf(&out), &f));
	assert_ok(frames_cut(f)); /* nothing was put: no frame */
	assert_ok(frames_put(f, data, 100));
	assert_ok(frames_cut(f));
	assert_ok(frames_cut(f));
	assert_ok(frames_put(f, data, 7));
	assert_ok(frames_finish(f));
	sizes = frames_sizes(f, &count);
	assert_int_equal(count, 2);
	assert_int_equal(sizes[0].plain, 100);
	assert_int_equal(sizes[1].plain, 7);
	assert_err(frames_put(f, data, 1), ERR_INTERNAL); /* it is over */
}

struct narrow {
	size_t left;
};

static enum err narrow_write(void *ctx, const void *bytes, size_t len)
{
	struct narrow *n = ctx;

	if (len > n->left)
		return err_at(ERR_NO_SPACE, "the sink");
	n->left -= len;
	return OK;
}

static void a_full_sink_stops_the_work_and_stays_told(void **state)
{
	struct narrow n = {.left = 3000000};
	CLEANUP(frames_freep) struct frames *f = NULL;
	enum err err = OK;

	assert_ok(frames_new(0, 2, (struct age_sink){narrow_write, &n}, &f));
	for (unsigned i = 0; i < 40 && err == OK; i++)
		err = frames_put(f, data, FRAMES_PLAIN);
	assert_err(err, ERR_NO_SPACE);
	assert_err(frames_put(f, data, 1), ERR_NO_SPACE);
	assert_err(frames_finish(f), ERR_NO_SPACE);
}

static void levels_that_are_none_are_refused(void **state)
{
	struct buf out = {0};
	struct frames *f = NULL;

	assert_err(frames_new(-1, 1, age_sink_buf(&out), &f), ERR_INVALID);
	assert_err(frames_new(20, 1, age_sink_buf(&out), &f), ERR_INVALID);
}

/* What is stored without compressing is a zstd file all the same. */
static void the_stock_program_reads_stored_frames(void **state)
{
	CLEANUP(buf_clear) struct buf out = {0};
	struct frame_size sizes[16];
	char path[] = "/tmp/vault-frames-XXXXXX", command[128];
	size_t count;
	FILE *pipe;
	int fd = mkstemp(path), c = 0;

	assert_true(fd >= 0);
	make(0, 2, 500000, 0, &out, sizes, &count);
	assert_int_equal(write(fd, out.data, out.len), out.len);
	close(fd);
	snprintf(command, sizeof(command), "zstd -q -d -c <%s", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	for (size_t i = 0; i < BIG; i++) {
		c = fgetc(pipe);
		if (c != data[i])
			fail_msg("byte %zu differs", i);
	}
	assert_int_equal(fgetc(pipe), EOF);
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_in_order_whatever_the_threads),
		cmocka_unit_test(a_cut_begins_a_frame),
		cmocka_unit_test(a_full_sink_stops_the_work_and_stays_told),
		cmocka_unit_test(levels_that_are_none_are_refused),
		cmocka_unit_test(the_stock_program_reads_stored_frames),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
