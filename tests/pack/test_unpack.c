/* Unpacking: what was packed comes back, and nothing of what is forged, cut, changed or hostile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "age/identity.h"
#include "base/clock.h"
#include "base/io.h"
#include "org/staff_key.h"
#include "pack/make.h"
#include "pack/unpack.h"
#include "tests/check.h"

struct fixture {
	char dir[64], out[128], into[128];
	struct age_identity *me;
	const struct age_identity *ids[1];
	struct sign_key *signer;
	struct age_recipient to;
	struct pack_manifest manifest;
	struct age_to how;
	struct pack_source source;
	struct pack_new make;
	struct age_who who;
	struct unpack_how unpack;
	enum err verdict;
	unsigned judged;
	bool judged_unsigned;
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

static enum err judge(void *ctx, const struct pack_manifest *m)
{
	struct fixture *f = ctx;

	f->judged++;
	f->judged_unsigned = m == NULL;
	return f->verdict == OK ? OK : err_at(f->verdict, "the judge");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-unpack-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->out, sizeof(f->out), "%s/pack.age", f->dir);
	snprintf(f->into, sizeof(f->into), "%s/into", f->dir);
	run("mkdir -p '%s/tree/深い/階層' '%s'", f->dir, f->into);
	run("seq 3000 >'%s/tree/numbers'; : >'%s/tree/empty'; printf x >'%s/tree/深い/階層/一.txt'",
	    f->dir, f->dir, f->dir);
	run("ln -s ../numbers '%s/tree/深い/link'; ln '%s/tree/numbers' '%s/tree/zwei'", f->dir,
	    f->dir, f->dir);
	run("truncate -s 100000 '%s/tree/sparse'; printf end >>'%s/tree/sparse'", f->dir, f->dir);
	run("touch -d '2001-02-03 04:05:06' '%s/tree/empty' '%s/tree/深い'; chmod 600 "
	    "'%s/tree/empty'",
	    f->dir, f->dir, f->dir);
	assert_ok(age_identity_new_random(&f->me));
	assert_ok(staff_sign_key(f->me, &f->signer));
	age_identity_recipient(f->me, &f->to);
	strcpy(f->manifest.sender, "sender");
	f->manifest = (struct pack_manifest){
		.sender_recipient = f->to, .to = &f->to, .to_count = 1, .persons = -1};
	f->how = (struct age_to){.recipients = &f->to, .count = 1};
	f->source = (struct pack_source){.path = strdup(f->dir), .name = "tree"};
	free((char *)f->source.path);
	f->source.path = malloc(128);
	snprintf((char *)f->source.path, 128, "%s/tree", f->dir);
	f->make = (struct pack_new){.to = &f->how,
				    .manifest = &f->manifest,
				    .signer = f->signer,
				    .sources = &f->source,
				    .source_count = 1,
				    .out = f->out,
				    .level = 3,
				    .threads = 1};
	f->ids[0] = f->me;
	f->who = (struct age_who){.identities = f->ids, .count = 1};
	f->unpack = (struct unpack_how){.who = &f->who,
					.me = &f->to,
					.me_count = 1,
					.from = -1,
					.into = f->into,
					.judge = judge,
					.judge_ctx = f,
					.ctx = f};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	run("rm -rf '%s'", f->dir);
	free((char *)f->source.path);
	age_identity_free(f->me);
	sign_key_free(f->signer);
	free(f);
	return 0;
}

static void make(struct fixture *f)
{
	struct pack_made made;

	assert_ok(pack_make(&f->make, &made));
}

static enum err unpack(struct fixture *f)
{
	struct unpacked got;
	enum err err;

	f->unpack.from = open(f->out, O_RDONLY);
	assert_true(f->unpack.from >= 0);
	err = pack_unpack(&f->unpack, &got);
	close(f->unpack.from);
	pack_manifest_clear(&got.manifest);
	return err;
}

static void expect_nothing(struct fixture *f)
{
	DIR *dir = opendir(f->into);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			fail_msg("\"%s\" is left behind", entry->d_name);
	closedir(dir);
}

static void refused(struct fixture *f, enum err want)
{
	assert_err(unpack(f), want);
	expect_nothing(f);
}

/* ---- packs of ours ---- */

static void what_was_packed_comes_back(void **state)
{
	struct fixture *f = *state;

	make(f);
	assert_ok(unpack(f));
	assert_int_equal(f->judged, 1);
	assert_false(f->judged_unsigned);
	run("diff -r '%s/tree' '%s/tree'", f->dir, f->into);
	for (unsigned i = 0; i < 2; i++)
		run("test \"$(stat -c '%%a %%Y' '%s/tree/%s')\" = \"$(stat -c '%%a %%Y' "
		    "'%s/tree/%s')\"",
		    f->dir, i ? "深い" : "empty", f->into, i ? "深い" : "empty");
	run("test '%s/tree/numbers' -ef '%s/tree/zwei'", f->into, f->into);
	run("test \"$(readlink '%s/tree/深い/link')\" = ../numbers", f->into);
	run("test \"$(ls -A '%s')\" = tree", f->into); /* nothing of the work is left */
}

static void facts_of_the_pack_are_told(void **state)
{
	struct fixture *f = *state;
	struct pack_made made;
	struct unpacked got;

	assert_ok(pack_make(&f->make, &made));
	f->unpack.from = open(f->out, O_RDONLY);
	assert_ok(pack_unpack(&f->unpack, &got));
	close(f->unpack.from);
	assert_true(got.is_signed);
	assert_int_equal(got.length, made.length);
	assert_memory_equal(got.sha256, made.sha256, SHA256_LEN);
	assert_int_equal(got.files, made.files);
	assert_int_equal(got.bytes, made.bytes);
	assert_int_equal(got.entries, made.entries);
	assert_memory_equal(got.manifest.id, f->manifest.id, PACK_ID_LEN);
	pack_manifest_clear(&got.manifest);
}

static void what_the_judge_refuses_stays_in(void **state)
{
	struct fixture *f = *state;

	make(f);
	f->verdict = ERR_SENDER;
	refused(f, ERR_SENDER);
}

static void existing_files_are_not_touched_without_being_told_to(void **state)
{
	struct fixture *f = *state;

	make(f);
	run("mkdir '%s/tree'; printf mine >'%s/tree/mine'", f->into, f->into);
	assert_err(unpack(f), ERR_EXISTS);
	run("test \"$(ls -A '%s' '%s/tree' | tr '\\n' ' ')\" = \"%s: tree  %s/tree: mine \"",
	    f->into, f->into, f->into, f->into);
	f->unpack.replace = true;
	assert_ok(unpack(f));
	run("diff -r '%s/tree' '%s/tree' && test \"$(ls -A '%s')\" = tree", f->dir, f->into,
	    f->into);
}

static void only_what_was_asked_for_comes_out(void **state)
{
	struct fixture *f = *state;
	const char *only[] = {"tree/深い", "tree/empty"};

	make(f);
	f->unpack.only = only;
	f->unpack.only_count = 2;
	assert_ok(unpack(f));
	run("test \"$(cd '%s' && find . | sort | tr '\\n' ' ')\" = "
	    "'. ./tree ./tree/empty ./tree/深い ./tree/深い/link ./tree/深い/階層 "
	    "./tree/深い/階層/一.txt '",
	    f->into);
	run("rm -r '%s/tree'", f->into);
	only[1] = "tree/nothing";
	refused(f, ERR_NOT_FOUND);
}

static void a_pack_that_has_expired_is_refused(void **state)
{
	struct fixture *f = *state;

	strcpy(f->manifest.expires, "2020-01-31");
	make(f);
	refused(f, ERR_REVOKED);
}

/* Somebody who received a pack seals what is in it for somebody else. */
static void a_pack_signed_for_others_is_refused(void **state)
{
	struct fixture *f = *state;
	struct age_identity *other;
	struct age_recipient them;

	assert_ok(age_identity_new_random(&other));
	age_identity_recipient(other, &them);
	f->manifest.to = &them;
	make(f);
	refused(f, ERR_SENDER);
	age_identity_free(other);
}

/* One of several recipients opens it, adds a name, and seals it for the others. */
static void a_link_that_the_sender_did_not_sign_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[160];
	int from, to;

	make(f);
	snprintf(path, sizeof(path), "%s/tar.zst", f->dir);
	from = open(f->out, O_RDONLY);
	to = open(path, O_CREAT | O_WRONLY, 0600);
	assert_ok(age_decrypt(&f->who, age_source_fd(&from), age_sink_fd(&to)));
	close(from);
	close(to);
	run("cd '%s' && zstd -q -d tar.zst && python3 -c \"import tarfile\n"
	    "t=open('tar','rb').read(); at=t.index(b'" PACK_LINKS "'); assert at%%512==0\n"
	    "i=tarfile.TarInfo('payroll'); i.type=b'1'; i.linkname='tree/numbers'\n"
	    "open('tar','wb').write(t[:at]+i.tobuf()+t[at:])\"",
	    f->dir);
	snprintf(path, sizeof(path), "%s/tar", f->dir);
	from = open(path, O_RDONLY);
	to = open(f->out, O_TRUNC | O_WRONLY);
	assert_ok(age_encrypt(&f->how, age_source_fd(&from), age_sink_fd(&to)));
	close(from);
	close(to);
	refused(f, ERR_FORGED);
}

static void counts_that_do_not_fit_are_refused(void **state)
{
	struct fixture *f = *state;

	f->unpack.max_bytes = 50000; /* a bomb is stopped before it goes off */
	make(f);
	refused(f, ERR_TOO_BIG);
}

static enum err cancel(void *ctx, uint64_t read)
{
	return err_at(ERR_INTERRUPTED, "enough");
}

static void a_cancelled_run_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	make(f);
	f->unpack.progress = cancel;
	refused(f, ERR_INTERRUPTED);
}

static enum err die(void *ctx, uint64_t read)
{
	struct fixture *f = ctx;
	char path[160];
	struct stat st;

	/* The private folder and the one in it are there. */
	snprintf(path, sizeof(path), "test -n \"$(ls -A '%s')\"", f->into);
	if (stat(f->into, &st) == 0 && st.st_nlink > 2 && system(path) == 0)
		_exit(9);
	return OK;
}

static void run_and_be_killed(struct fixture *f)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		f->unpack.progress = die;
		(void)!unpack(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
	run("ls -A '%s' | grep -qx '.vault-[0-9a-f]*'", f->into);
}

static void what_a_killed_run_left_is_removed_by_the_next(void **state)
{
	struct fixture *f = *state;

	run("head -c 3000000 /dev/urandom >'%s/tree/noise'", f->dir);
	make(f);
	run_and_be_killed(f);
	run_and_be_killed(f);
	assert_ok(unpack(f));
	run("test \"$(ls -A '%s')\" = tree", f->into);
}

#define LEFT ".vault-0123456789abcdef"

/* Between putting the old one aside and the new one in its place. */
static void what_a_killed_run_put_aside_comes_back(void **state)
{
	struct fixture *f = *state;

	run("cd '%s' && mkdir -p " LEFT "/old/mine " LEFT "/old/tree " LEFT "/new && "
	    "printf x >" LEFT "/old/mine/x && printf y >" LEFT "/old/tree/y && mkdir tree",
	    f->into);
	make(f);
	assert_err(unpack(f), ERR_EXISTS);
	run("cd '%s' && test \"$(ls -A . mine tree | tr '\\n' ' ')\" = '.: mine tree  mine: x  "
	    "tree: '",
	    f->into);
}

static void what_another_run_is_at_work_on_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char path[160];
	int fd;

	run("mkdir -p '%s/" LEFT "/new/half'", f->into);
	snprintf(path, sizeof(path), "%s/" LEFT, f->into);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	make(f);
	assert_ok(unpack(f));
	run("test -d '%s/" LEFT "/new/half'", f->into);
	close(fd);
}

static void a_folder_that_only_has_such_a_name_is_left_alone(void **state)
{
	struct fixture *f = *state;

	run("mkdir '%s/" LEFT "' && printf x >'%s/" LEFT "/thesis.txt'", f->into, f->into);
	run("mkdir '%s/target' && printf x >'%s/target/file' && ln -s '%s/target' "
	    "'%s/.vault-0000000000000000'",
	    f->dir, f->dir, f->dir, f->into);
	make(f);
	assert_ok(unpack(f));
	run("test -f '%s/" LEFT "/thesis.txt' && test -f '%s/target/file'", f->into, f->dir);
}

/* The mount point of another file system cannot be moved aside. */
static void a_release_that_fails_puts_everything_back(void **state)
{
	struct fixture *f = *state;
	struct pack_source two[2] = {f->source, f->source};
	char point[160];
	enum err err;

	two[0].name = "a";
	two[1].name = "b";
	f->make.sources = two;
	f->make.source_count = 2;
	make(f);
	run("mkdir '%s/a' '%s/b' && printf x >'%s/a/mine'", f->into, f->into, f->into);
	snprintf(point, sizeof(point), "%s/b", f->into);
	if (mount("tmpfs", point, "tmpfs", 0, NULL) != 0)
		skip_because("mounting is not allowed here");
	f->unpack.replace = true;
	err = unpack(f);
	assert_int_equal(umount(point), 0);
	assert_int_not_equal(err, OK);
	run("cd '%s' && test \"$(ls -A . a | tr '\\n' ' ')\" = '.: a b  a: mine '", f->into);
}

static void passphrases_open_packs_too(void **state)
{
	struct fixture *f = *state;
	struct secret *words;

	assert_ok(secret_copy("correct horse", 13, &words));
	f->how = (struct age_to){.passphrase = words, .log_n = 10};
	f->manifest.to_count = 0;
	f->manifest.passphrase = true;
	make(f);
	refused(f, ERR_NO_KEY_FITS);
	secret_free(words);
}

/* ---- cut and changed ---- */

/* A pack of a few bytes, for me and one other person, and its bytes. */
static void make_small(struct fixture *f, bool armor, struct buf *ret)
{
	struct age_identity *other;
	struct age_recipient both[2];

	run("rm -r '%s/tree/深い' '%s/tree/sparse' '%s/tree/numbers' '%s/tree/zwei'", f->dir,
	    f->dir, f->dir, f->dir);
	assert_ok(age_identity_new_random(&other));
	age_identity_recipient(other, &both[0]);
	age_identity_free(other);
	both[1] = f->to;
	f->how = (struct age_to){.recipients = both, .count = 2, .armor = armor};
	f->manifest.to = both;
	f->manifest.to_count = 2;
	make(f);
	assert_ok(io_read_file(f->out, 1 << 20, ret));
}

/* What the person at the other end is told is damage, never "no key of yours fits". */
static void expect_damage(struct fixture *f, const void *pack, size_t len, const char *what,
			  size_t at)
{
	enum err err;

	assert_ok(io_replace_file(f->out, pack, len, 0600));
	err = unpack(f);
	if (err_exit_code(err) != 20)
		fail_msg("%s %zu: %s (%s)", what, at, err_name(err), err_detail());
	expect_nothing(f);
	assert_int_equal(f->judged, 0);
}

static void cut_everywhere(struct fixture *f, bool armor, size_t last)
{
	CLEANUP(buf_clear) struct buf pack = {0};

	make_small(f, armor, &pack);
	for (size_t len = 0; len < pack.len - last; len++)
		expect_damage(f, pack.data, len, "cut at", len);
}

static void change_everywhere(struct fixture *f, bool armor, uint8_t mask, size_t last)
{
	CLEANUP(buf_clear) struct buf pack = {0};

	make_small(f, armor, &pack);
	for (size_t i = 0; i < pack.len - last; i++) {
		pack.data[i] ^= mask;
		expect_damage(f, pack.data, pack.len, "changed at", i);
		pack.data[i] ^= mask;
	}
	/* And it was the change, nothing else. */
	assert_ok(io_replace_file(f->out, pack.data, pack.len, 0600));
	assert_ok(unpack(f));
}

static void a_pack_cut_at_any_byte_releases_nothing(void **state)
{
	cut_everywhere(*state, false, 0);
}

static void a_pack_with_a_bit_changed_anywhere_releases_nothing(void **state)
{
	change_everywhere(*state, false, 0x01, 0);
}

static void a_pack_with_a_byte_changed_anywhere_releases_nothing(void **state)
{
	change_everywhere(*state, false, 0xff, 0);
}

/* The last line feed of armor is no part of what is sealed. */
static void an_armored_pack_cut_at_any_byte_releases_nothing(void **state)
{
	cut_everywhere(*state, true, 1);
}

static void an_armored_pack_changed_anywhere_releases_nothing(void **state)
{
	change_everywhere(*state, true, 0x01, 1);
}

static void a_whole_pack_for_others_is_not_called_damaged(void **state)
{
	struct fixture *f = *state;
	struct age_identity *other;
	struct age_recipient them;

	assert_ok(age_identity_new_random(&other));
	age_identity_recipient(other, &them);
	age_identity_free(other);
	f->how.recipients = &them;
	make(f);
	refused(f, ERR_NO_KEY_FITS);
}

/* ---- archives by hand ---- */

/* A ustar header, and content padded to whole blocks. */
static void put_entry(struct buf *tar, const char *name, char type, unsigned mode, const char *link,
		      const char *content, size_t size)
{
	char head[512] = {0};
	static const char zeroes[512];
	size_t len = content ? strlen(content) : 0;
	unsigned sum = 0;

	snprintf(head, 100, "%s", name);
	snprintf(head + 100, 8, "%07o", mode);
	snprintf(head + 108, 8, "%07o", 0);
	snprintf(head + 116, 8, "%07o", 0);
	snprintf(head + 124, 12, "%011lo", size & 077777777777ul);
	snprintf(head + 136, 12, "%011o", 1);
	memset(head + 148, ' ', 8);
	head[156] = type;
	if (link)
		snprintf(head + 157, 100, "%s", link);
	memcpy(head + 257,
	       "ustar\0"
	       "00",
	       8);
	for (unsigned i = 0; i < sizeof(head); i++)
		sum += (uint8_t)head[i];
	snprintf(head + 148, 8, "%06o", sum);
	assert_ok(buf_append(tar, head, sizeof(head)));
	assert_ok(buf_append(tar, content ? content : "", len));
	assert_ok(buf_append(tar, zeroes, (512 - len % 512) % 512));
}

static void put_file(struct buf *tar, const char *name, const char *content)
{
	put_entry(tar, name, '0', 0644, NULL, content, strlen(content));
}

/* Seals the archive to me, as any tool could. */
static void seal(struct fixture *f, struct buf *tar)
{
	static const char end[1024];
	struct age_memory from;
	int fd = open(f->out, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_ok(buf_append(tar, end, sizeof(end)));
	from = (struct age_memory){(const uint8_t *)tar->data, tar->len};
	assert_ok(age_encrypt(&f->how, age_source_memory(&from), age_sink_fd(&fd)));
	close(fd);
}

/* A file in GNU tar's sparse form: one piece of a byte at `at`, and a length. */
static void put_sparse(struct buf *tar, const char *name, unsigned long long at,
		       unsigned long long size)
{
	size_t begin = tar->len;
	char *head;
	unsigned sum = 0;

	put_entry(tar, name, 'S', 0644, NULL, "x", 1);
	head = tar->data + begin;
	memcpy(head + 257, "ustar  ", 8);
	snprintf(head + 386, 12, "%011llo", at);
	snprintf(head + 398, 12, "%011o", 1);
	/* Lengths beyond octal are binary, as GNU tar has them. */
	head[483] = (char)0x80;
	for (unsigned i = 0; i < 8; i++)
		head[494 - i] = (char)(size >> 8 * i);
	memset(head + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += (uint8_t)head[i];
	snprintf(head + 148, 8, "%06o", sum);
}

/* A pax header of one attribute, `len` bytes of it. */
static void put_pax(struct buf *tar, const char *key, size_t len)
{
	CLEANUP(mem_freep) char *value = malloc(len + 1);
	CLEANUP(buf_clear) struct buf line = {0};
	size_t total = len + strlen(key) + 3, digits = (size_t)snprintf(NULL, 0, "%zu", total);

	memset(value, 'a', len);
	value[len] = '\0';
	digits = (size_t)snprintf(NULL, 0, "%zu", total + digits);
	assert_ok(buf_printf(&line, "%zu %s=%s\n", total + digits, key, value));
	put_entry(tar, "pax", 'x', 0644, NULL, line.data, line.len);
}

/* A name of `count` folders in each other. */
static void put_deep(struct buf *tar, unsigned count)
{
	CLEANUP(buf_clear) struct buf path = {0};

	for (unsigned i = 0; i < count; i++)
		assert_ok(buf_puts(&path, "d/"));
	put_entry(tar, "././@LongLink", 'L', 0644, NULL, path.data, path.len);
	put_entry(tar, "d", '5', 0755, NULL, NULL, 0);
}

#define HOSTILE(story, code, ...)                                                                  \
	static void story(void **state)                                                            \
	{                                                                                          \
		struct fixture *f = *state;                                                        \
		CLEANUP(buf_clear) struct buf tar = {0};                                           \
                                                                                                   \
		__VA_ARGS__                                                                        \
		seal(f, &tar);                                                                     \
		refused(f, code);                                                                  \
		assert_int_equal(f->judged, 0);                                                    \
	}

HOSTILE(a_name_that_climbs_out_is_refused, ERR_UNSAFE, put_file(&tar, "../out", "x");)
HOSTILE(a_name_that_climbs_out_in_the_middle_is_refused, ERR_UNSAFE,
	put_file(&tar, "a/../../x", "x");)
HOSTILE(an_absolute_name_is_refused, ERR_UNSAFE, put_file(&tar, "/tmp/vault-unpack-evil", "x");)
HOSTILE(a_link_that_leads_out_is_refused, ERR_UNSAFE,
	put_entry(&tar, "a/l", '2', 0777, "../../etc", NULL, 0);)
HOSTILE(an_absolute_link_is_refused, ERR_UNSAFE, put_entry(&tar, "l", '2', 0777, "/etc", NULL, 0);)
HOSTILE(a_link_that_climbs_through_another_is_refused, ERR_UNSAFE,
	put_entry(&tar, "a/b/l", '2', 0777, "../..", NULL, 0);
	put_entry(&tar, "out", '2', 0777, "a/b/l/../x", NULL, 0);)
HOSTILE(writing_through_a_link_is_refused, ERR_UNSAFE, put_file(&tar, "d/x", "x");
	put_entry(&tar, "l", '2', 0777, "d", NULL, 0); put_file(&tar, "l/y", "y");)
HOSTILE(a_hard_link_to_what_is_not_in_the_pack_is_refused, ERR_UNSAFE,
	put_entry(&tar, "h", '1', 0644, "etc/passwd", NULL, 0);)
HOSTILE(a_hard_link_that_climbs_out_is_refused, ERR_UNSAFE,
	put_entry(&tar, "h", '1', 0644, "../../../etc/passwd", NULL, 0);)
HOSTILE(a_hard_link_to_a_link_is_refused, ERR_UNSAFE, put_entry(&tar, "l", '2', 0777, "x", NULL, 0);
	put_entry(&tar, "h", '1', 0644, "l", NULL, 0);)
HOSTILE(the_same_name_twice_is_refused, ERR_UNSAFE, put_file(&tar, "a", "1");
	put_file(&tar, "./a", "2");)
HOSTILE(a_file_in_the_place_of_a_folder_is_refused, ERR_UNSAFE, put_file(&tar, "a/b", "1");
	put_file(&tar, "a", "2");)
HOSTILE(a_folder_in_the_place_of_a_file_is_refused, ERR_UNSAFE, put_file(&tar, "a", "1");
	put_entry(&tar, "a", '5', 0755, NULL, NULL, 0);)
HOSTILE(a_device_is_refused, ERR_UNSAFE, put_entry(&tar, "d", '3', 0644, NULL, NULL, 0);)
HOSTILE(a_pipe_is_refused, ERR_UNSAFE, put_entry(&tar, "p", '6', 0644, NULL, NULL, 0);)
HOSTILE(a_set_id_bit_is_refused, ERR_UNSAFE, put_entry(&tar, "s", '0', 04755, NULL, NULL, 0);)
HOSTILE(a_name_with_a_line_feed_is_refused, ERR_BAD_FORMAT, put_file(&tar, "a\nb", "x");)
HOSTILE(a_size_beyond_the_limit_is_refused, ERR_TOO_BIG, f->unpack.max_bytes = 1 << 30;
	put_entry(&tar, "big", '0', 0644, NULL, "x", 077777777777ul);)
HOSTILE(a_hole_beyond_the_limit_is_refused, ERR_TOO_BIG, f->unpack.max_bytes = 1 << 30;
	put_sparse(&tar, "big", 0, 1ull << 40);)
HOSTILE(a_hole_longer_than_the_disk_is_refused, ERR_NO_SPACE,
	put_sparse(&tar, "big", 0, 1ull << 60);)
HOSTILE(a_length_that_no_file_has_is_refused, ERR_NO_SPACE, put_sparse(&tar, "big", 0, 1ull << 63);)
HOSTILE(data_outside_of_their_file_are_refused, ERR_UNSAFE, put_sparse(&tar, "big", 5000, 100);)
HOSTILE(a_name_of_two_megabytes_is_refused, ERR_BAD_FORMAT, put_pax(&tar, "path", 2 << 20);
	put_file(&tar, "a", "x");)
HOSTILE(a_name_longer_than_any_path_is_refused, ERR_NAME_TOO_LONG, put_pax(&tar, "path", 5000);
	put_file(&tar, "a", "x");)
HOSTILE(folders_in_each_other_without_end_are_refused, ERR_NAME_TOO_LONG, put_deep(&tar, 2000);)
HOSTILE(a_deep_tree_of_a_pack_that_is_refused_is_cleaned_up, ERR_UNSAFE, put_deep(&tar, 512);
	put_file(&tar, "../x", "x");)
HOSTILE(a_link_in_the_place_of_a_folder_is_refused, ERR_UNSAFE, put_file(&tar, "a/b", "1");
	put_entry(&tar, "a", '2', 0777, "b", NULL, 0);)
HOSTILE(a_block_device_is_refused, ERR_UNSAFE, put_entry(&tar, "d", '4', 0644, NULL, NULL, 0);)
HOSTILE(a_set_group_bit_on_a_folder_is_refused, ERR_UNSAFE,
	put_entry(&tar, "s", '5', 02755, NULL, NULL, 0);)
HOSTILE(the_manifest_twice_is_refused, ERR_FORGED, CLEANUP(buf_clear) struct buf text = {0};
	f->manifest.to_count = 1; assert_ok(pack_manifest_encode(&f->manifest, &text));
	put_file(&tar, PACK_MANIFEST, text.data); put_file(&tar, PACK_MANIFEST, text.data);)
HOSTILE(hashes_that_do_not_fit_are_refused, ERR_FORGED, CLEANUP(buf_clear) struct buf text = {0};
	assert_ok(pack_manifest_encode(&f->manifest, &text));
	put_file(&tar, PACK_MANIFEST, text.data); put_file(&tar, "a", "1");
	put_file(&tar, PACK_SUMS, "0  a\n");)
HOSTILE(a_manifest_without_a_signature_is_refused, ERR_FORGED,
	CLEANUP(buf_clear) struct buf text = {0};
	assert_ok(pack_manifest_encode(&f->manifest, &text));
	put_file(&tar, PACK_MANIFEST, text.data); put_file(&tar, "a", "1");)

static void a_hostile_tar_may_say_that_it_is_not_one(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf tar = {0};

	assert_ok(buf_puts(&tar, "this is no tar at all, whatever its name says"));
	seal(f, &tar);
	refused(f, ERR_BAD_FORMAT);
}

/* What goes through `make_tar`, a command, is sealed to me. */
static void seal_output_of(struct fixture *f, const char *make_tar)
{
	FILE *pipe = popen(make_tar, "r");
	int from = fileno(pipe), to = open(f->out, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_ok(age_encrypt(&f->how, age_source_fd(&from), age_sink_fd(&to)));
	assert_int_equal(pclose(pipe), 0);
	close(to);
}

/* Sixteen megabytes each, which is true, in next to nothing: the limit stops the one that crosses
 * it before any of its bytes is written. */
static void a_zip_bomb_stops_at_the_limit(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	seal_output_of(f, "python3 -c \"import tarfile,sys,io\n"
			  "t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|')\n"
			  "for n in range(5):\n"
			  " i=tarfile.TarInfo('f%d'%n); i.size=1<<24\n"
			  " t.addfile(i,io.BytesIO(bytes(1<<24)))\n"
			  "t.close()\" | zstd -q -3");
	assert_int_equal(stat(f->out, &st), 0);
	assert_true(st.st_size < 1 << 20);
	f->unpack.max_bytes = 40 << 20;
	refused(f, ERR_TOO_BIG);
}

static enum err cancel_after_a_while(void *ctx, uint64_t read)
{
	struct fixture *f = ctx;

	return ++f->judged < 50 ? OK : err_at(ERR_INTERRUPTED, "enough");
}

/* Hashing zeroes that stand in no byte of the pack is work, too. */
static void a_long_hole_can_be_interrupted(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf tar = {0};

	put_sparse(&tar, "hole", 0, 1ull << 29);
	seal(f, &tar);
	f->unpack.progress = cancel_after_a_while;
	refused(f, ERR_INTERRUPTED);
}

static void too_many_entries_are_refused(void **state)
{
	struct fixture *f = *state;
	char path[160];
	FILE *pipe;

#if defined(__SANITIZE_ADDRESS__)
	skip_because("a million entries take too long under the sanitizer");
#endif
	/* A million and one times the same folder, pressed to next to nothing. */
	snprintf(path, sizeof(path), "%s/tar.zst", f->dir);
	{
		CLEANUP(buf_clear) struct buf one = {0};
		char command[256];

		put_entry(&one, "d", '5', 0755, NULL, NULL, 0);
		snprintf(command, sizeof(command), "zstd -q -1 -o '%s'", path);
		pipe = popen(command, "w");
		for (unsigned i = 0; i <= UNPACK_ENTRIES_MAX; i++)
			assert_int_equal(fwrite(one.data, 1, one.len, pipe), one.len);
		assert_int_equal(pclose(pipe), 0);
	}
	{
		int from = open(path, O_RDONLY), to = open(f->out, O_CREAT | O_WRONLY, 0600);

		assert_ok(age_encrypt(&f->how, age_source_fd(&from), age_sink_fd(&to)));
		close(from);
		close(to);
	}
	refused(f, ERR_TOO_BIG);
}

/* ---- files of other tools ---- */

static void what_stock_tools_made_is_unpacked_and_told_to_be_unsigned(void **state)
{
	struct fixture *f = *state;
	char recipient[AGE_RECIPIENT_TEXT];

	age_recipient_print(&f->to, recipient);
	run("tar -C '%s' -c tree | zstd -q | age -r %s >'%s'", f->dir, recipient, f->out);
	f->verdict = ERR_SENDER;
	refused(f, ERR_SENDER);
	assert_true(f->judged_unsigned);
	f->verdict = OK;
	assert_ok(unpack(f));
	run("diff -r '%s/tree' '%s/tree'", f->dir, f->into);
	run("rm -r '%s/tree' && tar -C '%s' -c ./tree | age -a -r %s >'%s'", f->into, f->dir,
	    recipient, f->out);
	assert_ok(unpack(f));
	run("diff -r '%s/tree' '%s/tree'", f->dir, f->into);
}

static void names_in_windows_japanese_are_read_as_what_they_mean(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf tar = {0};

	put_file(&tar, "\x8c\x92\x90\x66/\x8c\x8b\x89\xca.csv", "x"); /* 健診/結果.csv */
	seal(f, &tar);
	assert_ok(unpack(f));
	run("test -f '%s/健診/結果.csv'", f->into);
}

static void names_in_parts_are_kept_as_they_came(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf tar = {0};

	put_file(&tar, "\xe3\x81\x8b\xe3\x82\x99", "nfd"); /* か and its mark */
	put_file(&tar, "\xe3\x81\x8c", "nfc");
	seal(f, &tar);
	assert_ok(unpack(f));
	run("test \"$(cat \"%s/$(printf '\\343\\201\\213\\343\\202\\231')\")\" = nfd", f->into);
	run("test \"$(cat \"%s/$(printf '\\343\\201\\214')\")\" = nfc", f->into);
}

static void names_that_no_disk_takes_are_told(void **state)
{
	struct fixture *f = *state;
	char recipient[AGE_RECIPIENT_TEXT];

	/* 255 characters of three bytes each: what other systems allow and Linux does not. */
	age_recipient_print(&f->to, recipient);
	run("python3 - <<'P' | age -r %s >'%s'\n"
	    "import tarfile,io,sys\n"
	    "t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|',format=tarfile.PAX_FORMAT)\n"
	    "i=tarfile.TarInfo('\\u5065'*255); i.size=1; t.addfile(i,io.BytesIO(b'x')); "
	    "t.close()\nP\n",
	    recipient, f->out);
	refused(f, ERR_NAME_TOO_LONG);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_was_packed_comes_back),
		STORY(facts_of_the_pack_are_told),
		STORY(what_the_judge_refuses_stays_in),
		STORY(existing_files_are_not_touched_without_being_told_to),
		STORY(only_what_was_asked_for_comes_out),
		STORY(a_pack_that_has_expired_is_refused),
		STORY(a_pack_signed_for_others_is_refused),
		STORY(a_link_that_the_sender_did_not_sign_is_refused),
		STORY(counts_that_do_not_fit_are_refused),
		STORY(a_cancelled_run_leaves_nothing),
		STORY(what_a_killed_run_left_is_removed_by_the_next),
		STORY(what_a_killed_run_put_aside_comes_back),
		STORY(what_another_run_is_at_work_on_is_left_alone),
		STORY(a_folder_that_only_has_such_a_name_is_left_alone),
		STORY(a_release_that_fails_puts_everything_back),
		STORY(passphrases_open_packs_too),
		STORY(a_pack_cut_at_any_byte_releases_nothing),
		STORY(a_pack_with_a_bit_changed_anywhere_releases_nothing),
		STORY(a_pack_with_a_byte_changed_anywhere_releases_nothing),
		STORY(an_armored_pack_cut_at_any_byte_releases_nothing),
		STORY(an_armored_pack_changed_anywhere_releases_nothing),
		STORY(a_whole_pack_for_others_is_not_called_damaged),
		STORY(a_name_that_climbs_out_is_refused),
		STORY(a_name_that_climbs_out_in_the_middle_is_refused),
		STORY(an_absolute_name_is_refused),
		STORY(a_link_that_leads_out_is_refused),
		STORY(an_absolute_link_is_refused),
		STORY(a_link_that_climbs_through_another_is_refused),
		STORY(writing_through_a_link_is_refused),
		STORY(a_hard_link_to_what_is_not_in_the_pack_is_refused),
		STORY(a_hard_link_that_climbs_out_is_refused),
		STORY(a_hard_link_to_a_link_is_refused),
		STORY(the_same_name_twice_is_refused),
		STORY(a_file_in_the_place_of_a_folder_is_refused),
		STORY(a_folder_in_the_place_of_a_file_is_refused),
		STORY(a_device_is_refused),
		STORY(a_pipe_is_refused),
		STORY(a_set_id_bit_is_refused),
		STORY(a_name_with_a_line_feed_is_refused),
		STORY(a_size_beyond_the_limit_is_refused),
		STORY(a_hole_beyond_the_limit_is_refused),
		STORY(a_hole_longer_than_the_disk_is_refused),
		STORY(a_length_that_no_file_has_is_refused),
		STORY(data_outside_of_their_file_are_refused),
		STORY(a_name_of_two_megabytes_is_refused),
		STORY(a_name_longer_than_any_path_is_refused),
		STORY(folders_in_each_other_without_end_are_refused),
		STORY(a_deep_tree_of_a_pack_that_is_refused_is_cleaned_up),
		STORY(a_link_in_the_place_of_a_folder_is_refused),
		STORY(a_block_device_is_refused),
		STORY(a_set_group_bit_on_a_folder_is_refused),
		STORY(a_zip_bomb_stops_at_the_limit),
		STORY(a_long_hole_can_be_interrupted),
		STORY(the_manifest_twice_is_refused),
		STORY(hashes_that_do_not_fit_are_refused),
		STORY(a_manifest_without_a_signature_is_refused),
		STORY(a_hostile_tar_may_say_that_it_is_not_one),
		STORY(too_many_entries_are_refused),
		STORY(what_stock_tools_made_is_unpacked_and_told_to_be_unsigned),
		STORY(names_in_windows_japanese_are_read_as_what_they_mean),
		STORY(names_in_parts_are_kept_as_they_came),
		STORY(names_that_no_disk_takes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
