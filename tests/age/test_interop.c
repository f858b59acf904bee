/* The judge is somebody else's program: what we seal, age opens, and the other way round. */
#include "tests/age/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "age/identity_file.h"
#include "base/io.h"
#include "crypto/hash.h"

#define MIB ((uint64_t)1 << 20)

static struct {
	char dir[64];	   /* ours alone, removed at the end */
	char identity[96]; /* the file for age -i */
	char recipient[AGE_RECIPIENT_TEXT];
} judge;

/* A plaintext of any length, made as it is read, that remembers its hash. */
struct spring {
	uint64_t left, state;
	struct sha256_stream *sum;
};

static enum err spring_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct spring *s = ctx;
	size_t len = MIN(s->left, cap);
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		s->state = s->state * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(s->state >> 56);
	}
	s->left -= len;
	sha256_stream_add(s->sum, out, len);
	*ret_len = len;
	return OK;
}

static void spring_open(struct spring *s, uint64_t len)
{
	*s = (struct spring){.left = len, .state = len};
	assert_ok(sha256_stream_new(&s->sum));
}

/* Where a plaintext ends: only its hash and length stay. */
struct drain {
	uint64_t len;
	struct sha256_stream *sum;
};

static enum err drain_write(void *ctx, const void *data, size_t len)
{
	struct drain *d = ctx;

	d->len += len;
	sha256_stream_add(d->sum, data, len);
	return OK;
}

static void drain_open(struct drain *d)
{
	*d = (struct drain){0};
	assert_ok(sha256_stream_new(&d->sum));
}

/* The same bytes went in and came out; both ends are closed. */
static void assert_same(struct spring *in, struct drain *out, uint64_t len)
{
	uint8_t want[SHA256_LEN], got[SHA256_LEN];

	sha256_stream_get(in->sum, want);
	sha256_stream_get(out->sum, got);
	sha256_stream_free(in->sum);
	sha256_stream_free(out->sum);
	assert_int_equal(out->len, len);
	assert_memory_equal(got, want, SHA256_LEN);
}

/* A program between two pipes. */
struct filter {
	pid_t pid;
	int in, out; /* our ends; -1 when closed */
};

static void filter_start(struct filter *f, const char *const *argv)
{
	int to[2], from[2];

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	f->pid = fork();
	if (f->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_true(f->pid > 0);
	close(to[0]);
	close(from[1]);
	f->in = to[1];
	f->out = from[0];
}

/* Its exit status. What it still has to say is read first: a closed pipe would end it with an error
 * of its own. */
static int filter_end(struct filter *f)
{
	char rest[512];
	int status;

	while (read(f->out, rest, sizeof(rest)) > 0)
		;
	close(f->out);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Feeding runs beside reading, or both sides would wait for each other. */
struct feeder {
	struct filter *filter;
	const struct age_to *to; /* NULL: the plaintext is fed as it is */
	struct spring *from;
	enum err err;
};

static enum err copy(struct age_source from, struct age_sink into)
{
	static uint8_t piece[65536];
	size_t len;

	for (;;) {
		TRY(from.read(from.ctx, piece, sizeof(piece), &len));
		if (len == 0)
			return OK;
		TRY(into.write(into.ctx, piece, len));
	}
}

static void *feed(void *ctx)
{
	struct feeder *f = ctx;
	struct age_source from = {spring_read, f->from};
	struct age_sink into = age_sink_fd(&f->filter->in);

	f->err = f->to ? age_encrypt(f->to, from, into) : copy(from, into);
	close(f->filter->in);
	return NULL;
}

static void ours_opens_with_age(uint64_t len, bool armor)
{
	const char *const argv[] = {"age", "-d", "-i", judge.identity, NULL};
	struct age_recipient r = fixture_recipient();
	const struct age_to to = {
		.recipients = &r, .count = 1, .multiple = 8, .checksum = true, .armor = armor};
	struct spring spring;
	struct drain drain;
	struct filter filter;
	struct feeder feeder = {&filter, &to, &spring, OK};
	struct age_source out = age_source_fd(&filter.out);
	struct age_sink sink = {drain_write, &drain};
	pthread_t thread;

	spring_open(&spring, len);
	drain_open(&drain);
	filter_start(&filter, argv);
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	for (uint8_t piece[65536];;) {
		size_t got;

		assert_ok(out.read(out.ctx, piece, sizeof(piece), &got));
		if (got == 0)
			break;
		assert_ok(sink.write(sink.ctx, piece, got));
	}
	pthread_join(thread, NULL);
	assert_int_equal(filter_end(&filter), 0);
	assert_ok(feeder.err);
	assert_same(&spring, &drain, len);
}

static void theirs_opens_with_us(uint64_t len, bool armor)
{
	const char *const argv[] = {"age", "-r", judge.recipient, armor ? "-a" : NULL, NULL};
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	const struct age_identity *ids[] = {id};
	const struct age_who who = {.identities = ids, .count = 1};
	struct spring spring;
	struct drain drain;
	struct filter filter;
	struct feeder feeder = {&filter, NULL, &spring, OK};
	pthread_t thread;

	spring_open(&spring, len);
	drain_open(&drain);
	filter_start(&filter, argv);
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	assert_ok(age_decrypt(&who, age_source_fd(&filter.out),
			      (struct age_sink){drain_write, &drain}));
	pthread_join(thread, NULL);
	assert_int_equal(filter_end(&filter), 0);
	assert_ok(feeder.err);
	assert_same(&spring, &drain, len);
}

struct size_case {
	const char *name;
	void (*direction)(uint64_t len, bool armor);
	uint64_t len;
	bool armor;
};

static const struct size_case cases[] = {
	{"age_opens_our_empty_file", ours_opens_with_age, 0, false},
	{"age_opens_our_1_byte", ours_opens_with_age, 1, false},
	{"age_opens_our_65535_bytes", ours_opens_with_age, 65535, false},
	{"age_opens_our_65536_bytes", ours_opens_with_age, 65536, false},
	{"age_opens_our_65537_bytes", ours_opens_with_age, 65537, false},
	{"age_opens_our_100_mib", ours_opens_with_age, 100 * MIB, false},
	{"we_open_the_empty_file_of_age", theirs_opens_with_us, 0, false},
	{"we_open_1_byte_of_age", theirs_opens_with_us, 1, false},
	{"we_open_65535_bytes_of_age", theirs_opens_with_us, 65535, false},
	{"we_open_65536_bytes_of_age", theirs_opens_with_us, 65536, false},
	{"we_open_65537_bytes_of_age", theirs_opens_with_us, 65537, false},
	{"we_open_100_mib_of_age", theirs_opens_with_us, 100 * MIB, false},
	{"age_opens_our_empty_armor", ours_opens_with_age, 0, true},
	{"age_opens_our_armor_of_65536_bytes", ours_opens_with_age, 65536, true},
	{"age_opens_our_armor_of_1_mib", ours_opens_with_age, MIB + 1, true},
	{"we_open_the_empty_armor_of_age", theirs_opens_with_us, 0, true},
	{"we_open_armor_of_65536_bytes_of_age", theirs_opens_with_us, 65536, true},
	{"we_open_armor_of_1_mib_of_age", theirs_opens_with_us, MIB + 1, true},
};

static void a_file_crosses_over(void **state)
{
	const struct size_case *c = *state;

	c->direction(c->len, c->armor);
}

/* Runs age with a terminal of its own; each time it asks, the next answer is typed. Returns its
 * exit status; *ret_screen is malloc'd. */
static int run_on_terminal(const char *const *argv, const char *const *answers, char **ret_screen)
{
	struct buf screen = {0};
	char piece[512];
	ssize_t got;
	size_t asked = 0;
	int terminal, status;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	while ((got = read(terminal, piece, sizeof(piece))) > 0) {
		assert_ok(buf_append(&screen, piece, (size_t)got));
		if (!*answers || !strstr(screen.data + asked, "passphrase") ||
		    !strstr(screen.data + asked, ": "))
			continue;
		asked = screen.len;
		assert_ok(io_write_full(terminal, *answers, strlen(*answers)));
		answers++;
	}
	close(terminal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_screen = screen.data;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *place(const char *name)
{
	return text_format("%s/%s", judge.dir, name);
}

static void age_opens_our_sealed_identity_and_uses_it(void **state)
{
	static const char *const answers[] = {"open sesame\n", NULL};
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(mem_freep) char *sealed = place("sealed.age");
	CLEANUP(mem_freep) char *opened = place("opened.txt");
	CLEANUP(mem_freep) char *screen = NULL;
	CLEANUP(buf_clear) struct buf file = {0};
	const char *const open_argv[] = {"age", "-d", "-o", opened, sealed, NULL};
	const char *const keygen_argv[] = {"age-keygen", "-y", opened, NULL};
	struct filter keygen;
	char printed[128] = "";
	size_t len = 0;

	assert_ok(age_identity_seal(id, 1795306443, pass, 12, &file));
	assert_ok(io_create_file(sealed, file.data, file.len, 0600));
	assert_int_equal(run_on_terminal(open_argv, answers, &screen), 0);
	filter_start(&keygen, keygen_argv);
	close(keygen.in);
	assert_ok(io_read_full(keygen.out, printed, sizeof(printed) - 1, &len));
	assert_int_equal(filter_end(&keygen), 0);
	assert_int_equal(len, AGE_RECIPIENT_LEN + 1);
	assert_memory_equal(printed, judge.recipient, AGE_RECIPIENT_LEN);
}

static void age_refuses_a_wrong_passphrase_for_our_sealed_identity(void **state)
{
	static const char *const answers[] = {"open barley\n", NULL};
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(mem_freep) char *sealed = place("other.age");
	CLEANUP(mem_freep) char *screen = NULL;
	CLEANUP(buf_clear) struct buf file = {0};
	const char *const argv[] = {"age", "-d", sealed, NULL};

	assert_ok(age_identity_seal(id, 1795306443, pass, 12, &file));
	assert_ok(io_create_file(sealed, file.data, file.len, 0600));
	assert_int_not_equal(run_on_terminal(argv, answers, &screen), 0);
	assert_non_null(strstr(screen, "incorrect passphrase"));
}

static void we_open_an_identity_that_age_sealed(void **state)
{
	static const char *const answers[] = {"open sesame\n", "open sesame\n", NULL};
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(age_identity_freep) struct age_identity *got = NULL;
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(mem_freep) char *sealed = place("theirs.age");
	CLEANUP(mem_freep) char *screen = NULL;
	CLEANUP(buf_clear) struct buf file = {0};
	const char *const argv[] = {"age", "-p", "-a", "-o", sealed, judge.identity, NULL};

	assert_int_equal(run_on_terminal(argv, answers, &screen), 0);
	assert_ok(io_read_file(sealed, 65536, &file));
	assert_ok(age_identity_open(file.data, file.len, pass, 0, &got));
	assert_memory_equal(age_identity_secret(got), age_identity_secret(id), 32);
}

static void we_read_what_age_keygen_writes(void **state)
{
	static const char *const argv[] = {"age-keygen", NULL};
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;
	struct age_recipient r;
	struct filter keygen;
	char text[512] = "", who[AGE_RECIPIENT_TEXT];
	size_t len = 0;

	filter_start(&keygen, argv);
	close(keygen.in);
	assert_ok(io_read_full(keygen.out, text, sizeof(text) - 1, &len));
	assert_int_equal(filter_end(&keygen), 0);
	assert_ok(age_identity_file_parse(text, len, &id));
	age_identity_recipient(id, &r);
	age_recipient_print(&r, who);
	assert_non_null(strstr(text, who));
}

/* Both judge alike: a file cut anywhere is refused by age as it is by us (test_age.c cuts at every
 * byte; here a few, since each starts a program). */
static void age_refuses_our_file_when_it_is_cut(void **state)
{
	const char *const argv[] = {"age", "-d", "-i", judge.identity, NULL};
	struct age_recipient r = fixture_recipient();
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(age_seal_buf(&r, 1, 0, "hello", 5, &file));
	for (size_t len = 1; len < file.len; len += 29) {
		struct filter filter;

		filter_start(&filter, argv);
		assert_ok(io_write_full(filter.in, file.data, len));
		close(filter.in);
		assert_int_not_equal(filter_end(&filter), 0);
	}
}

static bool age_is_here(void)
{
	const char *const argv[] = {"age", "--version", NULL};
	struct filter f;

	filter_start(&f, argv);
	close(f.in);
	return filter_end(&f) == 0;
}

static int make_judge(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct age_recipient r;

	signal(SIGPIPE, SIG_IGN);
	if (crypto_init() != OK)
		return -1;
	strcpy(judge.dir, "/tmp/age-interop-XXXXXX");
	if (!mkdtemp(judge.dir))
		return -1;
	id = fixture_identity();
	r = fixture_recipient();
	age_recipient_print(&r, judge.recipient);
	snprintf(judge.identity, sizeof(judge.identity), "%s/identity.txt", judge.dir);
	assert_ok(age_identity_file_print(id, 1795306443, &text));
	assert_ok(io_create_file(judge.identity, secret_data(text), secret_len(text), 0600));
	return 0;
}

static int drop_judge(void **state)
{
	static const char *const names[] = {"identity.txt", "sealed.age", "opened.txt", "other.age",
					    "theirs.age"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(mem_freep) char *path = place(names[i]);

		unlink(path);
	}
	return rmdir(judge.dir);
}

static const struct CMUnitTest plain_tests[] = {
	cmocka_unit_test(age_opens_our_sealed_identity_and_uses_it),
	cmocka_unit_test(age_refuses_a_wrong_passphrase_for_our_sealed_identity),
	cmocka_unit_test(we_open_an_identity_that_age_sealed),
	cmocka_unit_test(we_read_what_age_keygen_writes),
	cmocka_unit_test(age_refuses_our_file_when_it_is_cut),
};

#define PLAIN ARRAY_LEN(plain_tests)

int main(void)
{
	struct CMUnitTest tests[PLAIN + ARRAY_LEN(cases)];

	if (!age_is_here()) {
		puts("1..1\nok 1 - what we seal and what age seals # SKIP age is not installed");
		return 0;
	}
	memcpy(tests, plain_tests, sizeof(plain_tests));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tests[PLAIN + i] = (struct CMUnitTest){cases[i].name, a_file_crosses_over, NULL,
						       NULL, (void *)&cases[i]};
	return cmocka_run_group_tests(tests, make_judge, drop_judge);
}
