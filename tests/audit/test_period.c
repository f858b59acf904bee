/* Periods of the host log: each has its key, which signs the end of its period and is destroyed;
 * crashes at any byte, keys that were lost, clocks that were set back, and what it costs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "audit/chain.h"
#include "audit/log.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "tests/check.h"

/* Every flush of this program is counted. */
static unsigned flushes;

int fsync(int fd)
{
	flushes++;
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	flushes++;
	return (int)syscall(SYS_fdatasync, fd);
}

struct fixture {
	char dir[64], path[96], keys[96];
	struct sign_key *key;
	struct audit_log *log;
	char host[20];
};

static void reopen(struct fixture *f)
{
	audit_log_close(f->log);
	f->log = NULL;
	assert_ok(audit_log_open(f->path, f->host, f->key, &f->log));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t fpr[KEY_FPR_LEN];

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-period-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/host.jsonl", f->dir);
	snprintf(f->keys, sizeof(f->keys), "%s/signing.key", f->dir);
	assert_ok(sign_key_random(&f->key));
	key_fpr(sign_key_vkey(f->key), fpr);
	strcpy(f->host, "h-");
	text_hex(fpr, KEY_FPR_LEN, f->host + 2);
	reopen(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	clock_override(NULL);
	audit_log_close(f->log);
	sign_key_free(f->key);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void append(struct fixture *f, enum audit_code code)
{
	struct audit_event event = {.code = code, .actor = "a/00", .label = "OSAKA-03"};

	assert_ok(audit_log_append(f->log, &event, NULL));
}

/* ---- looking at it ---- */

struct tally {
	unsigned lines, rotations, closings, clocks, recoveries, keys;
	uint8_t fpr[KEY_FPR_LEN];
	enum err worst;
};

static enum err read_file(const char *path, struct buf *ret)
{
	return io_read_file(path, 1u << 24, ret);
}

static struct tally tally(struct fixture *f, enum chain_proof proof)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct tally t = {0};
	struct chain chain;
	struct record r;

	assert_ok(read_file(f->path, &text));
	chain_begin(&chain, proof, sign_key_vkey(f->key));
	for (char *at = text.data; at < text.data + text.len;) {
		char *end = memchr(at, '\n', (size_t)(text.data + text.len - at));
		size_t len = (size_t)((end ? end : text.data + text.len) - at);
		enum err err = chain_line(&chain, at, len, at + len + 1 >= text.data + text.len,
					  end != NULL, &r);

		t.worst = t.worst == OK || err == ERR_LOG_TAMPERED ? err : t.worst;
		t.lines++;
		t.rotations += span_is(r.event, "rotate");
		t.closings += r.checkpoint.at != NULL;
		t.clocks += span_is(r.event, "clock");
		t.recoveries += span_is(r.event, "recovered");
		t.keys += r.seq > 0 && memcmp(t.fpr, r.key_fpr, KEY_FPR_LEN) != 0;
		memcpy(t.fpr, r.key_fpr, KEY_FPR_LEN);
		at += len + 1;
	}
	return t;
}

static void expect_whole(struct fixture *f)
{
	assert_int_equal(tally(f, CHAIN_EACH).worst, OK);
	assert_int_equal(tally(f, CHAIN_PERIODS).worst, OK);
}

/* ---- stories ---- */

static void each_mount_begins_a_period_with_a_key_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct tally t;

	append(f, AUDIT_KEY_NEW);
	for (int i = 0; i < 3; i++) {
		append(f, AUDIT_UNLOCK);
		append(f, AUDIT_EXPORT);
		append(f, AUDIT_LOCK);
		reopen(f);
	}
	t = tally(f, CHAIN_EACH);
	assert_int_equal(t.worst, OK);
	assert_int_equal(t.lines, 1 + 3 * 4);
	assert_int_equal(t.rotations, 3);
	assert_int_equal(t.closings, 3);
	assert_int_equal(t.keys, 4);
	expect_whole(f);
}

/* The key of an ended period is nowhere any more; the one in force is. */
static void an_old_key_is_destroyed(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf before = {0}, after = {0};
	static const uint8_t empty[SIGN_SEED_LEN];
	unsigned live = 0;

	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	assert_ok(read_file(f->keys, &before));
	append(f, AUDIT_UNLOCK);
	assert_ok(read_file(f->keys, &after));
	for (size_t i = 0; i + SIGN_SEED_LEN <= before.len; i += SIGN_SEED_LEN) {
		if (memcmp(before.data + i, empty, SIGN_SEED_LEN) == 0)
			continue;
		live++;
		assert_null(memmem(after.data, after.len, before.data + i, SIGN_SEED_LEN));
	}
	assert_int_equal(live, 1);
}

static void an_event_costs_one_flush_and_a_mount_three(void **state)
{
	struct fixture *f = *state;

	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	flushes = 0;
	append(f, AUDIT_EXPORT);
	assert_int_equal(flushes, 1);
	append(f, AUDIT_LOCK);
	assert_int_equal(flushes, 2);
	append(f, AUDIT_UNLOCK);
	assert_int_equal(flushes, 5);
}

static enum err put(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	enum err err;

	assert_true(fd >= 0);
	err = io_write_full(fd, data, len);
	close(fd);
	return err;
}

/* The power went: the block of `rotate` and `unlock` is there to some byte, and the keys as they
 * were before the old one was destroyed. */
static void a_crash_at_any_byte_of_a_rotation_leaves_a_log_that_goes_on(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf before = {0}, after = {0}, old_keys = {0}, new_keys = {0};
	char both[2 * SIGN_SEED_LEN];
	static const uint8_t empty[SIGN_SEED_LEN];

	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	assert_ok(read_file(f->path, &before));
	assert_ok(read_file(f->keys, &old_keys));
	append(f, AUDIT_UNLOCK);
	assert_ok(read_file(f->path, &after));
	assert_ok(read_file(f->keys, &new_keys));
	assert_int_equal(new_keys.len, sizeof(both));
	for (size_t i = 0; i < sizeof(both); i += SIGN_SEED_LEN) {
		bool is_old = i + SIGN_SEED_LEN <= old_keys.len &&
			      memcmp(old_keys.data + i, empty, SIGN_SEED_LEN) != 0;

		memcpy(both + i, (is_old ? old_keys.data : new_keys.data) + i, SIGN_SEED_LEN);
	}
	for (size_t len = before.len; len <= after.len; len++) {
		struct tally t;

		assert_ok(put(f->path, after.data, len));
		assert_ok(put(f->keys, both, sizeof(both)));
		reopen(f);
		append(f, AUDIT_EXPORT);
		append(f, AUDIT_UNLOCK);
		append(f, AUDIT_LOCK);
		t = tally(f, CHAIN_EACH);
		if (t.worst != OK)
			fail_msg("cut at byte %zu of %zu: %s", len - before.len,
				 after.len - before.len, err_detail());
		assert_int_equal(t.rotations, t.closings);
		assert_int_equal(tally(f, CHAIN_PERIODS).worst, OK);
	}
}

/* The help that saves reading may be anything. */
static void whatever_lies_in_host_tree_changes_nothing(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf tree = {0};
	char path[96];

	snprintf(path, sizeof(path), "%s/host.tree", f->dir);
	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	assert_ok(read_file(path, &tree));
	for (size_t i = 0; i < tree.len; i += 7) {
		tree.data[i] ^= 0x40;
		assert_ok(put(path, tree.data, tree.len));
		tree.data[i] ^= 0x40;
		append(f, AUDIT_UNLOCK);
	}
	assert_ok(put(path, tree.data, tree.len)); /* an old one */
	append(f, AUDIT_UNLOCK);
	assert_ok(put(path, "", 0));
	append(f, AUDIT_UNLOCK);
	expect_whole(f);
}

static void a_key_that_was_lost_is_a_gap_and_the_log_goes_on(void **state)
{
	struct fixture *f = *state;
	struct tally t;

	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	assert_int_equal(unlink(f->keys), 0);
	append(f, AUDIT_LOCK);
	append(f, AUDIT_UNLOCK);
	t = tally(f, CHAIN_EACH);
	assert_int_equal(t.worst, ERR_LOG_GAP);
	assert_int_equal(tally(f, CHAIN_PERIODS).worst, ERR_LOG_GAP);
	assert_int_equal(t.rotations, 3);
}

static struct timespec told;

static struct timespec tell(void)
{
	return told;
}

static void a_clock_that_was_set_back_is_announced(void **state)
{
	struct fixture *f = *state;
	struct tally t;

	told.tv_sec = 1790000000;
	clock_override(tell);
	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	told.tv_sec -= 7200;
	append(f, AUDIT_LOCK);
	append(f, AUDIT_UNLOCK);
	t = tally(f, CHAIN_EACH);
	assert_int_equal(t.worst, OK);
	assert_int_equal(t.clocks, 1);
}

static void without_a_mount_a_period_ends_after_a_day(void **state)
{
	struct fixture *f = *state;

	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_EXPORT);
	assert_int_equal(tally(f, CHAIN_EACH).rotations, 0);
	told = clock_wall();
	told.tv_sec += 86401;
	clock_override(tell);
	append(f, AUDIT_EXPORT);
	assert_int_equal(tally(f, CHAIN_EACH).rotations, 1);
	expect_whole(f);
}

static void the_head_is_what_the_lines_are_and_signed_by_the_key_in_force(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf note = {0}, none = {0};
	struct checkpoint c;
	struct chain chain;
	char origin[ORIGIN_MAX];
	uint8_t root[SHA256_LEN];
	CLEANUP(buf_clear) struct buf text = {0};
	struct record r;

	assert_err(audit_log_head(f->log, &none), ERR_NOT_FOUND);
	append(f, AUDIT_KEY_NEW);
	append(f, AUDIT_UNLOCK);
	assert_ok(audit_log_head(f->log, &note));
	assert_ok(checkpoint_parse(note.data, note.len, &c));
	assert_ok(read_file(f->path, &text));
	chain_begin(&chain, CHAIN_EACH, NULL);
	for (char *at = text.data, *end; (end = strchr(at, '\n')); at = end + 1)
		assert_ok(chain_line(&chain, at, (size_t)(end - at), end[1] == '\0', true, &r));
	merkle_root(&chain.tree, root);
	assert_int_equal(c.size, 3);
	assert_memory_equal(c.root, root, SHA256_LEN);
	snprintf(origin, sizeof(origin), ORIGIN_HOST "%s", f->host);
	assert_true(note_verify(note.data, note.len, origin, chain.vkey));
	assert_false(note_verify(note.data, note.len, origin, chain.host_vkey));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(each_mount_begins_a_period_with_a_key_of_its_own),
		STORY(an_old_key_is_destroyed),
		STORY(an_event_costs_one_flush_and_a_mount_three),
		STORY(a_crash_at_any_byte_of_a_rotation_leaves_a_log_that_goes_on),
		STORY(whatever_lies_in_host_tree_changes_nothing),
		STORY(a_key_that_was_lost_is_a_gap_and_the_log_goes_on),
		STORY(a_clock_that_was_set_back_is_announced),
		STORY(without_a_mount_a_period_ends_after_a_day),
		STORY(the_head_is_what_the_lines_are_and_signed_by_the_key_in_force),
	};

	return cmocka_run_group_tests_name("periods of the host log", tests, NULL, NULL);
}
