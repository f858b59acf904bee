/* The tail of a pack: listed at once, padded so that its length tells little, passed over by zstd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "age/reader.h"
#include "base/cursor.h"
#include "pack/tail.h"
#include "tests/check.h"

#define ENTRIES 500u

static struct age_identity *me;

static int setup(void **state)
{
	assert_ok(crypto_init());
	return age_identity_new_random(&me) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	age_identity_free(me);
	return 0;
}

static struct tail_entry entry_of(unsigned i, char name[64])
{
	snprintf(name, 64, "folder %u/健診 %u.pdf", i / 10, i);
	return (struct tail_entry){.name = name,
				   .type = i % 10 ? '0' : '5',
				   .size = (uint64_t)i * i * 1000,
				   .mtime = (int64_t)i * 100 - 5000,
				   .offset = (uint64_t)i * 1536};
}

/* Frames and a tail, sealed to me; the plain bytes go to `plain` too. */
static int make_pack(bool padded, struct buf *plain)
{
	CLEANUP(frames_freep) struct frames *f = NULL;
	CLEANUP(tail_index_clear) struct tail_index index = {0};
	struct age_recipient to;
	struct age_memory from;
	const struct frame_size *sizes;
	char path[] = "/tmp/vault-tail-XXXXXX", name[64];
	size_t count;
	int fd = mkstemp(path);

	unlink(path);
	assert_ok(frames_new(1, 1, age_sink_buf(plain), &f));
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct tail_entry e = entry_of(i, name);

		assert_ok(frames_put(f, name, strlen(name)));
		assert_ok(tail_index_add(&index, &e));
		if (i % 100 == 0)
			assert_ok(frames_cut(f));
	}
	assert_ok(frames_finish(f));
	sizes = frames_sizes(f, &count);
	assert_ok(tail_write(&index, sizes, count, padded, age_sink_buf(plain)));
	age_identity_recipient(me, &to);
	from = (struct age_memory){(const uint8_t *)plain->data, plain->len};
	assert_ok(age_encrypt(&(struct age_to){.recipients = &to, .count = 1},
			      age_source_memory(&from), age_sink_fd(&fd)));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int seal(const void *plain, size_t len)
{
	struct age_memory from = {plain, len};
	struct age_recipient to;
	char path[] = "/tmp/vault-tail-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	age_identity_recipient(me, &to);
	assert_ok(age_encrypt(&(struct age_to){.recipients = &to, .count = 1},
			      age_source_memory(&from), age_sink_fd(&fd)));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static enum err count_entry(void *ctx, const struct tail_entry *e)
{
	unsigned *i = ctx;
	char name[64];
	struct tail_entry want = entry_of(*i, name);

	assert_string_equal(e->name, want.name);
	assert_int_equal(e->type, want.type);
	assert_int_equal(e->size, want.size);
	assert_int_equal(e->mtime, want.mtime);
	assert_int_equal(e->offset, want.offset);
	++*i;
	return OK;
}

static enum err list(int fd, unsigned *ret)
{
	const struct age_identity *ids[] = {me};
	CLEANUP(age_reader_freep) struct age_reader *r = NULL;

	*ret = 0;
	TRY(age_reader_new(&(struct age_who){.identities = ids, .count = 1}, fd, &r));
	return tail_read(r, count_entry, ret);
}

static void the_index_is_found_from_the_end(void **state)
{
	for (unsigned padded = 0; padded < 2; padded++) {
		CLEANUP(buf_clear) struct buf plain = {0};
		unsigned seen;
		int fd = make_pack(padded, &plain);

		assert_ok(list(fd, &seen));
		assert_int_equal(seen, ENTRIES);
		close(fd);
	}
}

static void the_length_is_one_of_few(void **state)
{
	CLEANUP(buf_clear) struct buf plain = {0};

	close(make_pack(true, &plain));
	assert_int_equal(tail_padded(plain.len), plain.len);
	assert_int_equal(tail_padded(0), 0);
	assert_int_equal(tail_padded(9), 10);
	assert_int_equal(tail_padded(1000), 1024);
	for (uint64_t len = 1; len < UINT64_C(1) << 50; len = len * 3 + 1) {
		uint64_t padded = tail_padded(len);

		assert_true(padded >= len && padded - len <= len / 8 + 1);
		assert_int_equal(tail_padded(padded), padded);
	}
}

static void files_of_other_tools_have_no_index(void **state)
{
	static const char other[] =
		"just a tar, or anything else, that is long enough to look into";
	unsigned seen;
	int fd = seal(other, sizeof(other)), small = seal("x", 1);

	assert_err(list(fd, &seen), ERR_NOT_FOUND);
	assert_err(list(small, &seen), ERR_NOT_FOUND);
	close(fd);
	close(small);
}

/* Whoever can seal can write any tail: it is listed, or refused, and never read past. */
static void tails_that_lie_are_refused(void **state)
{
	CLEANUP(buf_clear) struct buf plain = {0};
	uint8_t *foot;

	close(make_pack(true, &plain));
	for (size_t back = 1; back <= 17; back++) {
		CLEANUP(buf_clear) struct buf lie = {0};
		unsigned seen;
		enum err err;
		int fd;

		assert_ok(buf_append(&lie, plain.data, plain.len));
		lie.data[lie.len - back] = (char)(lie.data[lie.len - back] ^ 0x41);
		fd = seal(lie.data, lie.len);
		err = list(fd, &seen);
		assert_true(err == ERR_NOT_FOUND || err == ERR_BAD_FORMAT);
		close(fd);
	}
	foot = (uint8_t *)plain.data + plain.len - 9;
	store_u32(foot, UINT32_MAX);
	{
		unsigned seen;
		int fd = seal(plain.data, plain.len);

		assert_err(list(fd, &seen), ERR_BAD_FORMAT);
		close(fd);
	}
}

static void the_stock_program_passes_it_over(void **state)
{
	CLEANUP(buf_clear) struct buf plain = {0};
	char path[] = "/tmp/vault-tail-XXXXXX", command[128], name[64], got[64];
	FILE *pipe;
	int fd = mkstemp(path);

	close(make_pack(true, &plain));
	assert_int_equal(write(fd, plain.data, plain.len), plain.len);
	close(fd);
	snprintf(command, sizeof(command), "zstd -q -d -c <%s", path);
	pipe = popen(command, "r");
	for (unsigned i = 0; i < ENTRIES; i++) {
		(void)entry_of(i, name);
		assert_int_equal(fread(got, 1, strlen(name), pipe), strlen(name));
		assert_memory_equal(got, name, strlen(name));
	}
	assert_int_equal(fgetc(pipe), EOF);
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_is_found_from_the_end),
		cmocka_unit_test(the_length_is_one_of_few),
		cmocka_unit_test(files_of_other_tools_have_no_index),
		cmocka_unit_test(tails_that_lie_are_refused),
		cmocka_unit_test(the_stock_program_passes_it_over),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
