/* Packs that stock programs open: age, zstd, tar, sha256sum, minisign. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "age/identity.h"
#include "age/reader.h"
#include "base/io.h"
#include "org/staff_key.h"
#include "pack/count.h"
#include "pack/make.h"
#include "pack/minisig.h"
#include "pack/tail.h"
#include "tests/check.h"

struct fixture {
	char dir[64], out[128], tree[128];
	struct age_identity *me;
	struct sign_key *signer;
	struct age_recipient to;
	struct pack_manifest manifest;
	struct age_to how;
	struct pack_source sources[2];
	struct pack_new what;
};

static void run(const char *format, ...) PRINTF_LIKE(1, 2);
static void run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static bool has_user_xattrs(const char *path)
{
	return setxattr(path, "user.note", "添付", 6, 0) == 0;
}

static void make_tree(const char *dir)
{
	char path[128];
	int fd;

	run("mkdir -p '%s/tree/健診/深い/階層' '%s/tree/empty folder' '%s/single'", dir, dir, dir);
	run("seq 200000 >'%s/tree/numbers'; head -c 3000000 /dev/urandom >'%s/tree/健診/noise.bin'",
	    dir, dir);
	run(": >'%s/tree/empty'; printf x >'%s/tree/健診/深い/階層/一.txt'", dir, dir);
	run("ln -s ../numbers '%s/tree/健診/link'; ln '%s/tree/numbers' '%s/tree/again'", dir, dir,
	    dir);
	run("printf y >'%s/tree/back\\slash'; printf 'z' >'%s/single/file.csv'", dir, dir);
	run("touch -d '1999-12-31 23:59:59.5' '%s/tree/empty'; chmod 640 '%s/tree/empty'", dir,
	    dir);
	snprintf(path, sizeof(path), "%s/tree/sparse", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "middle", 6, 5000000), 6);
	assert_int_equal(ftruncate(fd, 9000000), 0);
	close(fd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-pack-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	make_tree(f->dir);
	assert_ok(age_identity_new_random(&f->me));
	assert_ok(staff_sign_key(f->me, &f->signer));
	age_identity_recipient(f->me, &f->to);
	strcpy(f->manifest.sender, "山田");
	f->manifest.sender_recipient = f->to;
	f->manifest.to = &f->to;
	f->manifest.to_count = 1;
	f->manifest.persons = 12;
	f->how = (struct age_to){.recipients = &f->to, .count = 1};
	snprintf(f->out, sizeof(f->out), "%s/out.tar.zst.age", f->dir);
	f->what = (struct pack_new){.to = &f->how,
				    .manifest = &f->manifest,
				    .signer = f->signer,
				    .sources = f->sources,
				    .source_count = 1,
				    .out = f->out,
				    .level = 3,
				    .threads = 2};
	snprintf(f->tree, sizeof(f->tree), "%s/tree", f->dir);
	f->sources[0] = (struct pack_source){.path = f->tree, .name = "tree"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	run("rm -rf '%s'", f->dir);
	age_identity_free(f->me);
	sign_key_free(f->signer);
	free(f);
	return 0;
}

/* The identity as age-keygen would have written it. */
static void write_identity(struct fixture *f)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/id", f->dir);
	assert_ok(age_identity_print(f->me, &text));
	assert_ok(io_create_file(path, secret_data(text), secret_len(text), 0600));
}

static void open_with_stock(struct fixture *f)
{
	write_identity(f);
	run("mkdir '%s/got' && age -d -i '%s/id' '%s' | zstd -q -d | tar -x -C '%s/got'", f->dir,
	    f->dir, f->out, f->dir);
}

static void stock_programs_unpack_the_same_tree(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;
	struct stat st;
	char path[128];

	assert_ok(pack_make(&f->what, &made));
	open_with_stock(f);
	run("diff -r '%s/tree' '%s/got/tree'", f->dir, f->dir);
	run("test \"$(stat -c '%%a %%Y' '%s/tree/empty')\" = \"$(stat -c '%%a %%Y' "
	    "'%s/got/tree/empty')\"",
	    f->dir, f->dir);
	run("test '%s/got/tree/numbers' -ef '%s/got/tree/again'", f->dir, f->dir);
	run("test \"$(readlink '%s/got/tree/健診/link')\" = ../numbers", f->dir);
	run("cd '%s/got' && sha256sum --strict --quiet -c .vault-pack/SHA256SUMS", f->dir);
	snprintf(path, sizeof(path), "%s/got/tree/sparse", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 < 1000000); /* holes stayed holes */
	assert_int_equal(made.files, 6);
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(made.length, st.st_size);
}

static void the_signature_inside_is_the_senders(void **state)
{
	struct fixture *f = *state;
	char public[MINISIG_PUBLIC_TEXT];
	struct pack_made made;

	assert_ok(pack_make(&f->what, &made));
	open_with_stock(f);
	minisig_public(sign_key_vkey(f->signer), public);
	run("cd '%s/got/.vault-pack' && minisign -V -q -P '%s' -m SHA256SUMS", f->dir, public);
}

static void the_manifest_says_what_was_asked_for(void **state)
{
	struct fixture *f = *state;
	CLEANUP(pack_manifest_clear) struct pack_manifest back = {0};
	CLEANUP(buf_clear) struct buf text = {0};
	struct pack_made made;
	char path[128];

	strcpy(f->manifest.category, "kenshin");
	strcpy(f->manifest.expires, "2027-02-28");
	assert_ok(pack_make(&f->what, &made));
	open_with_stock(f);
	snprintf(path, sizeof(path), "%s/got/" PACK_MANIFEST, f->dir);
	assert_ok(io_read_file(path, 100000, &text));
	assert_ok(pack_manifest_decode(text.data, text.len, &back));
	assert_string_equal(back.sender, "山田");
	assert_string_equal(back.category, "kenshin");
	assert_string_equal(back.purpose, "");
	assert_string_equal(back.expires, "2027-02-28");
	assert_int_equal(back.persons, 12);
	assert_int_equal(back.to_count, 1);
	assert_true(age_recipient_equal(&back.to[0], &f->to));
	assert_memory_equal(back.sender_vkey, sign_key_vkey(f->signer), SIGN_VKEY_LEN);
	assert_int_equal(back.files, made.files);
	assert_int_equal(back.bytes, made.bytes);
}

static enum err count(void *ctx, const struct tail_entry *e)
{
	++*(unsigned *)ctx;
	return OK;
}

static void it_is_listed_without_being_unpacked(void **state)
{
	struct fixture *f = *state;
	const struct age_identity *ids[] = {f->me};
	struct age_who who = {.identities = ids, .count = 1};
	CLEANUP(age_reader_freep) struct age_reader *r = NULL;
	struct pack_made made;
	unsigned entries = 0;
	int fd;

	assert_ok(pack_make(&f->what, &made));
	fd = open(f->out, O_RDONLY);
	assert_ok(age_reader_new(&who, fd, &r));
	assert_ok(tail_read(r, count, &entries));
	assert_int_equal(entries, made.entries);
	close(fd);
}

static void armored_and_uncompressed_packs_open_too(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->how.armor = true;
	f->what.level = 0;
	assert_ok(pack_make(&f->what, &made));
	run("head -1 '%s' | grep -q 'BEGIN AGE ENCRYPTED FILE'", f->out);
	open_with_stock(f);
	run("diff -r '%s/tree' '%s/got/tree'", f->dir, f->dir);
}

static void attributes_of_people_are_carried(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;
	char path[128], value[16];

	snprintf(path, sizeof(path), "%s/tree/numbers", f->dir);
	if (!has_user_xattrs(path)) {
		skip_because("the file system of /tmp has no extended attributes");
	}
	assert_ok(pack_make(&f->what, &made));
	write_identity(f);
	run("mkdir '%s/got' && age -d -i '%s/id' '%s' | zstd -q -d | tar --xattrs -x -C '%s/got'",
	    f->dir, f->dir, f->out, f->dir);
	snprintf(path, sizeof(path), "%s/got/tree/numbers", f->dir);
	assert_int_equal(getxattr(path, "user.note", value, sizeof(value)), 6);
	assert_memory_equal(value, "添付", 6);
}

/* Whatever goes wrong, neither the pack nor a part of it is there afterwards. */
static void expect_nothing(struct fixture *f)
{
	run("test \"$(ls '%s' | grep -c out.tar)\" = 0", f->dir);
}

static enum err stop_soon(void *ctx, uint64_t done, uint64_t total)
{
	assert_true(done <= total);
	return done > 1000000 ? err_at(ERR_INTERRUPTED, "enough") : OK;
}

static enum err stop_soon_in_a_stream(void *ctx, uint64_t done, uint64_t total)
{
	return done > 1000000 ? err_at(ERR_INTERRUPTED, "enough") : OK;
}

static void a_cancelled_run_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->what.progress = stop_soon;
	assert_err(pack_make(&f->what, &made), ERR_INTERRUPTED);
	expect_nothing(f);
}

static void what_is_there_is_never_replaced(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	run("printf mine >'%s'", f->out);
	assert_err(pack_make(&f->what, &made), ERR_EXISTS);
	run("test \"$(cat '%s')\" = mine", f->out);
}

static void what_cannot_be_carried_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	run("mkfifo '%s/tree/pipe'", f->dir);
	assert_err(pack_make(&f->what, &made), ERR_NOT_SUPPORTED);
	expect_nothing(f);
	f->sources[0].path = "/nowhere/at/all";
	assert_err(pack_make(&f->what, &made), ERR_NOT_FOUND);
	expect_nothing(f);
}

/* Rather than by whoever gets the pack, who could do nothing about it. */
static void what_the_other_side_would_refuse_is_refused(void **state)
{
	static const char *const harms[] = {"ln -s /etc/passwd '%s/tree/evil'",
					    "ln -s ../../x '%s/tree/evil'",
					    "touch '%s/tree/evil\nname'"};
	struct fixture *f = *state;
	struct pack_made made;

	for (unsigned i = 0; i < ARRAY_LEN(harms); i++) {
		enum err want = i < 2 ? ERR_NOT_SUPPORTED : ERR_BAD_FORMAT;
		char harm[128];

		snprintf(harm, sizeof(harm), harms[i], f->dir);
		run("%s", harm);
		assert_err(pack_make(&f->what, &made), want);
		expect_nothing(f);
		run("rm '%s/tree/'evil*", f->dir);
	}
}

static void names_in_windows_japanese_are_carried_as_what_they_mean(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	run("cd '%s' && rm -r tree && mkdir tree && printf x >\"tree/$(printf "
	    "'\\214\\222\\220\\146')\"",
	    f->dir);
	assert_ok(pack_make(&f->what, &made));
	write_identity(f);
	run("age -d -i '%s/id' '%s' | zstd -q -d | tar -t | grep -qx tree/健診", f->dir, f->out);
	run("mkdir '%s/got' && age -d -i '%s/id' '%s' | zstd -q -d | tar -x -C '%s/got'", f->dir,
	    f->dir, f->out, f->dir);
	run("cd '%s/got' && sha256sum --quiet --strict -c " PACK_SUMS, f->dir);
}

/* The reading end of what a command says. */
static int stream_of(const char *command)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	if (fork() == 0) {
		dup2(ends[1], 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return ends[0];
}

/* What this process has open and nobody else can: the stream that was put aside. */
static enum err look_for_words_on_the_disk(void *ctx, uint64_t done, uint64_t total)
{
	struct fixture *f = ctx;
	char command[256];

	snprintf(command, sizeof(command),
		 "for fd in /proc/%d/fd/*; do case $(readlink $fd) in %s/*deleted*) "
		 "cat $fd >>%s/aside;; esac; done",
		 (int)getpid(), f->dir, f->dir);
	if (total == 0 && done == 1200000)
		run("%s", command);
	return OK;
}

static void a_stream_is_packed_and_touches_no_disk_in_the_clear(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->sources[0] = (struct pack_source){"-", "健診/流れ.txt", true,
					     stream_of("yes 'secret word' | head -c 1200000")};
	f->sources[1] = (struct pack_source){f->tree, "tree", false, 0};
	f->what.source_count = 2;
	f->what.progress = look_for_words_on_the_disk;
	f->what.ctx = f;
	assert_ok(pack_make(&f->what, &made));
	close(f->sources[0].fd);
	run("test $(stat -c %%s %s/aside) -gt 1000000 && ! grep -q 'secret word' %s/aside", f->dir,
	    f->dir);
	run("rm %s/aside", f->dir);
	open_with_stock(f);
	run("yes 'secret word' | head -c 1200000 | cmp - '%s/got/健診/流れ.txt'", f->dir);
	run("diff -r '%s/tree' '%s/got/tree'", f->dir, f->dir);
	run("cd '%s/got' && sha256sum --quiet --strict -c " PACK_SUMS, f->dir);
}

static void a_stream_without_a_byte_is_an_empty_file(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->sources[0] = (struct pack_source){"-", "nothing", true, stream_of("true")};
	assert_ok(pack_make(&f->what, &made));
	close(f->sources[0].fd);
	assert_int_equal(made.files, 1);
	assert_int_equal(made.bytes, 0);
}

static void a_stream_that_is_cancelled_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->sources[0] = (struct pack_source){"-", "s", true, stream_of("yes | head -c 2000000")};
	f->what.progress = stop_soon_in_a_stream;
	assert_err(pack_make(&f->what, &made), ERR_INTERRUPTED);
	close(f->sources[0].fd);
	expect_nothing(f);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const names[] = {"",	    "/etc", "..",     "a/../b",
					    "a//b", "./a",  PACK_DIR, PACK_DIR "/HEAD.json"};
	struct fixture *f = *state;
	struct pack_made made;

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		enum err err;

		f->sources[0].name = names[i];
		err = pack_make(&f->what, &made);
		assert_true(err == ERR_INVALID || err == ERR_EXISTS);
		expect_nothing(f);
	}
	f->sources[0].name = "one";
	f->sources[1] = (struct pack_source){.path = f->sources[0].path, .name = "one"};
	f->what.source_count = 2;
	assert_err(pack_make(&f->what, &made), ERR_EXISTS);
}

static enum err grow_a_file(void *ctx, uint64_t done, uint64_t total)
{
	struct fixture *f = ctx;

	/* The last one of them is being read. */
	if (total - done < 2000000 && f->manifest.persons-- == 12)
		run("truncate -s +1 '%s/tree/健診/noise.bin'", f->dir);
	return OK;
}

static void a_file_that_changes_meanwhile_ends_the_work(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->what.progress = grow_a_file;
	f->what.ctx = f;
	assert_err(pack_make(&f->what, &made), ERR_BUSY);
	expect_nothing(f);
}

static enum err add_a_file(void *ctx, uint64_t done, uint64_t total)
{
	struct fixture *f = ctx;

	if (f->manifest.persons-- == 12)
		run("printf late >'%s/tree/健診/late'", f->dir);
	return OK;
}

/* The manifest would not be true any more. */
static void a_file_that_comes_meanwhile_ends_the_work(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;

	f->what.progress = add_a_file;
	f->what.ctx = f;
	assert_err(pack_make(&f->what, &made), ERR_BUSY);
	expect_nothing(f);
}

static void what_was_counted_before_is_not_counted_again(void **state)
{
	struct fixture *f = *state;
	CLEANUP(pack_count_freep) struct pack_count *count = NULL;
	struct pack_counted counted;
	struct pack_made made;

	assert_ok(pack_count_new(f->sources, 1, &count));
	assert_ok(pack_count_wait(count, &counted));
	f->what.count = count;
	assert_ok(pack_make(&f->what, &made));
	assert_int_equal(counted.entries, made.entries);
	assert_int_equal(counted.files, made.files);
	assert_int_equal(counted.bytes, made.bytes);
}

static void counting_can_be_given_up_and_tells_what_it_met(void **state)
{
	struct fixture *f = *state;
	struct pack_count *count = NULL;
	struct pack_counted counted;

	assert_ok(pack_count_new(f->sources, 1, &count));
	pack_count_free(count);
	run("mkfifo '%s/tree/pipe'", f->dir);
	assert_ok(pack_count_new(f->sources, 1, &count));
	assert_err(err_at(ERR_IO, "another matter"), ERR_IO);
	assert_err(pack_count_wait(count, &counted), ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err_detail(), "/tree/pipe"));
	pack_count_free(count);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(stock_programs_unpack_the_same_tree),
		STORY(the_signature_inside_is_the_senders),
		STORY(the_manifest_says_what_was_asked_for),
		STORY(it_is_listed_without_being_unpacked),
		STORY(armored_and_uncompressed_packs_open_too),
		STORY(attributes_of_people_are_carried),
		STORY(a_cancelled_run_leaves_nothing),
		STORY(what_is_there_is_never_replaced),
		STORY(what_cannot_be_carried_is_refused),
		STORY(what_the_other_side_would_refuse_is_refused),
		STORY(a_stream_is_packed_and_touches_no_disk_in_the_clear),
		STORY(a_stream_without_a_byte_is_an_empty_file),
		STORY(a_stream_that_is_cancelled_leaves_nothing),
		STORY(names_in_windows_japanese_are_carried_as_what_they_mean),
		STORY(names_that_lead_elsewhere_are_refused),
		STORY(a_file_that_changes_meanwhile_ends_the_work),
		STORY(a_file_that_comes_meanwhile_ends_the_work),
		STORY(what_was_counted_before_is_not_counted_again),
		STORY(counting_can_be_given_up_and_tells_what_it_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
