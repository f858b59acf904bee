/* The host log: what it holds, what it notices, and what a crash may do to it. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audit/line.h"
#include "audit/log.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/labels.h"
#include "tests/check.h"

#define HOST "h-0123456789abcdef"

struct fixture {
	char dir[64], path[96];
	struct sign_key *key;
	struct audit_log *log;
};

static void log_reopen(struct fixture *f)
{
	audit_log_close(f->log);
	f->log = NULL;
	assert_ok(audit_log_open(f->path, HOST, f->key, &f->log));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-audit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/host.jsonl", f->dir);
	assert_ok(sign_key_random(&f->key));
	log_reopen(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"host.jsonl", "signing.key", "host.tree"};
	struct fixture *f = *state;
	char path[96];

	audit_log_close(f->log);
	sign_key_free(f->key);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* ---- helpers: the file as lines ---- */

struct lines {
	struct buf text;
	char *line[64];
	size_t count;
};

static void lines_clear(struct lines *l)
{
	buf_clear(&l->text);
}

static void lines_read(struct fixture *f, struct lines *l)
{
	memset(l, 0, sizeof(*l));
	assert_ok(io_read_file(f->path, 1u << 24, &l->text));
	for (char *at = l->text.data; *at;) {
		char *end = strchr(at, '\n');

		assert_true(l->count < ARRAY_LEN(l->line));
		l->line[l->count++] = at;
		if (!end)
			break;
		*end = '\0';
		at = end + 1;
	}
}

static void lines_write(struct fixture *f, const struct lines *l)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < l->count; i++)
		assert_true(fprintf(file, "%s\n", l->line[i]) > 0);
	assert_int_equal(fclose(file), 0);
}

static void lines_remove(struct lines *l, size_t i)
{
	memmove(&l->line[i], &l->line[i + 1], (l->count - i - 1) * sizeof(l->line[0]));
	l->count--;
}

static void append(struct fixture *f, enum audit_code code)
{
	struct audit_event event = {.code = code, .actor = "a/00", .label = "OSAKA-03"};

	assert_ok(audit_log_append(f->log, &event, NULL));
}

/* A log of three lines, read. */
static void three(struct fixture *f, struct lines *l)
{
	append(f, AUDIT_CREATE);
	append(f, AUDIT_EXPORT);
	append(f, AUDIT_LOCK);
	lines_read(f, l);
	assert_int_equal(l->count, 3);
}

static enum err verify(struct fixture *f)
{
	return audit_log_read(f->path, NULL, NULL, NULL);
}

static enum err verify_with_key(struct fixture *f)
{
	return audit_log_read(f->path, sign_key_vkey(f->key), NULL, NULL);
}

static json_t *parsed(const char *line)
{
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	return json;
}

static const char *field(json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* ---- what is written ---- */

static void every_line_names_the_hash_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct lines l;
	char want[2 * SHA256_LEN + 1];

	three(f, &l);
	memset(want, '0', 64);
	want[64] = '\0';
	for (size_t i = 0; i < l.count; i++) {
		json_t *json = parsed(l.line[i]);
		uint8_t sum[SHA256_LEN];

		assert_string_equal(field(json, "schema"), "vault.audit/1");
		assert_string_equal(field(json, "host"), HOST);
		assert_int_equal(json_integer_value(json_object_get(json, "seq")), i + 1);
		assert_string_equal(field(json, "prev"), want);
		assert_int_equal(json_object_get(json, "vkey") != NULL, i == 0);
		sha256(l.line[i], strlen(l.line[i]), sum);
		text_hex(sum, sizeof(sum), want);
		json_decref(json);
	}
	lines_clear(&l);
	assert_ok(verify(f));
	assert_ok(verify_with_key(f));
}

/* FORMAT.md, "Host log": what somebody with another program has to do. */
static void the_signature_covers_the_label_and_all_before_it(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	for (size_t i = 0; i < l.count; i++) {
		json_t *json = parsed(l.line[i]);
		char *end = strstr(l.line[i], ",\"sig\":");
		uint8_t sig[SIGN_LEN], text[4096];
		size_t len = (size_t)(end - l.line[i]), got;

		assert_ok(text_unbase64(field(json, "sig"), 88, true, sig, sizeof(sig), &got));
		memcpy(text, "vault-record/1", 15);
		memcpy(text + 15, l.line[i], len);
		assert_true(sign_verify(sign_key_vkey(f->key), text, 15 + len, sig));
		json_decref(json);
	}
	lines_clear(&l);
}

static void fields_stand_in_one_order_and_only_when_known(void **state)
{
	struct fixture *f = *state;
	static const char *const few[] = {"schema", "seq",     "ts",	"clock",  "host",
					  "tool",   "actor",   "event", "result", "volume_id",
					  "vkey",   "key_fpr", "prev",	"sig"};
	static const char *const many[] = {"schema",
					   "seq",
					   "ts",
					   "clock",
					   "host",
					   "tool",
					   "actor",
					   "counterparty",
					   "event",
					   "result",
					   "reason",
					   "reason_id",
					   "volume_id",
					   "label",
					   "media_serial",
					   "category",
					   "purpose",
					   "session",
					   "mode",
					   "suite",
					   "keysep",
					   "generation",
					   "lost_generations",
					   "saved_until",
					   "files",
					   "bytes",
					   "superblock",
					   "key_fpr",
					   "prev",
					   "sig"};
	struct audit_event all = {
		.code = AUDIT_UNCLEAN,
		.result = AUDIT_FAILED,
		.reason = ERR_NOT_ENROLLED,
		.actor = "a",
		.counterparty = "b",
		.volume_id = "c",
		.label = "d",
		.medium_serial = "e",
		.category = "f",
		.purpose = "g",
		.session_id = "h",
		.mode = "rw",
		.suite = "i",
		.keysep = -1,
		.generation = 1,
		.lost_generations = 2,
		.saved_until = 3,
		.has_totals = true,
		.super_sha256 = "j",
	};
	struct audit_event none = {.code = AUDIT_CREATE};
	struct lines l;
	const char *name;
	json_t *value, *json;
	size_t i = 0;

	assert_ok(audit_log_append(f->log, &none, NULL));
	assert_ok(audit_log_append(f->log, &all, NULL));
	lines_read(f, &l);
	json = parsed(l.line[0]);
	assert_int_equal(json_object_size(json), ARRAY_LEN(few));
	json_object_foreach(json, name, value) assert_string_equal(name, few[i++]);
	json_decref(json);
	json = parsed(l.line[1]);
	assert_int_equal(json_object_size(json), ARRAY_LEN(many));
	i = 0;
	json_object_foreach(json, name, value) assert_string_equal(name, many[i++]);
	assert_string_equal(field(json, "reason"), "NOT_ENROLLED");
	assert_string_equal(field(json, "reason_id"), "VLT-019");
	json_decref(json);
	lines_clear(&l);
}

static void text_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	static const char odd[] = "大阪 \"03\" \\ \n\t\x01 ,\"event\":\"recovered\"}";
	struct audit_event event = {.code = AUDIT_LOCK, .label = odd};
	struct lines l;
	json_t *json;

	assert_ok(audit_log_append(f->log, &event, NULL));
	append(f, AUDIT_LOCK);
	lines_read(f, &l);
	assert_int_equal(l.count, 2);
	json = parsed(l.line[0]);
	assert_string_equal(field(json, "label"), odd);
	json_decref(json);
	lines_clear(&l);
	assert_ok(verify(f));
}

static void the_clock_says_whether_somebody_keeps_it_right(void **state)
{
	struct fixture *f = *state;
	struct lines l;
	json_t *json;
	const char *clock;

	append(f, AUDIT_LOCK);
	lines_read(f, &l);
	json = parsed(l.line[0]);
	clock = field(json, "clock");
	assert_true(strcmp(clock, "synced") == 0 || strcmp(clock, "unsynced") == 0 ||
		    strcmp(clock, "unknown") == 0);
	json_decref(json);
	lines_clear(&l);
}

static void every_event_code_has_a_name_of_its_own(void **state)
{
	for (unsigned i = 0; i < AUDIT_CODES; i++) {
		enum audit_code code;

		assert_ok(audit_code_parse(audit_code_name((enum audit_code)i), &code));
		assert_int_equal(code, i);
	}
	enum audit_code none;
	assert_err(audit_code_parse("mounted", &none), ERR_BAD_FORMAT);
}

static void a_log_goes_on_where_it_ended(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK};
	struct stat st;
	uint64_t seq;

	append(f, AUDIT_EXPORT);
	log_reopen(f);
	assert_ok(audit_log_append(f->log, &event, &seq));
	assert_int_equal(seq, 2);
	assert_ok(verify(f));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void many_processes_make_one_chain(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	for (unsigned i = 0; i < 4; i++) {
		pid_t child = fork();

		if (child == 0) {
			struct audit_event event = {.code = AUDIT_LOCK};
			struct audit_log *log;
			bool good = audit_log_open(f->path, HOST, f->key, &log) == OK;

			for (unsigned j = 0; good && j < 8; j++)
				good = audit_log_append(log, &event, NULL) == OK;
			_exit(good ? 0 : 1);
		}
	}
	for (unsigned i = 0; i < 4; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	lines_read(f, &l);
	assert_int_equal(l.count, 32);
	lines_clear(&l);
	assert_ok(verify(f));
}

/* ---- what is noticed ---- */

static void every_changed_byte_of_a_log_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct buf text = {0};
	struct lines l;
	int fd;

	three(f, &l);
	lines_clear(&l);
	assert_ok(io_read_file(f->path, 1u << 20, &text));
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	/* The newline at the very end alone means nothing. */
	for (size_t i = 0; i + 1 < text.len; i++) {
		char other = (char)(text.data[i] ^ 1);

		assert_ok(io_pwrite_full(fd, &other, 1, (off_t)i));
		if (verify_with_key(f) == OK)
			fail_msg("byte %zu changed from '%c' unnoticed", i, text.data[i]);
		assert_ok(io_pwrite_full(fd, &text.data[i], 1, (off_t)i));
	}
	close(fd);
	buf_clear(&text);
	assert_ok(verify(f));
}

static void an_edited_field_is_tampering(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	memcpy(strstr(l.line[1], "OSAKA-03"), "KYOTO-03", 8);
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

static void a_line_made_unreadable_is_tampering_wherever_it_stands(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	for (size_t i = 0; i < l.count; i++) {
		l.line[i][0] = 'x';
		lines_write(f, &l);
		assert_err(verify_with_key(f), ERR_LOG_TAMPERED);
		l.line[i][0] = '{';
	}
	lines_clear(&l);
}

static void a_line_taken_out_is_a_gap(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	lines_remove(&l, 1);
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(verify(f), ERR_LOG_GAP);
}

static void a_beginning_cut_off_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	lines_remove(&l, 0);
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(verify_with_key(f), ERR_LOG_GAP);
	assert_err(verify(f), ERR_LOG_TAMPERED); /* and with it the key went */
}

static void lines_that_changed_places_are_tampering(void **state)
{
	struct fixture *f = *state;
	struct lines l;
	char *line;

	three(f, &l);
	line = l.line[1];
	l.line[1] = l.line[2];
	l.line[2] = line;
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

static void a_line_told_twice_is_tampering(void **state)
{
	struct fixture *f = *state;
	struct lines l;

	three(f, &l);
	l.line[l.count] = l.line[l.count - 1];
	l.count++;
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

static void a_line_of_another_key_is_tampering(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK};
	struct sign_key *other;
	struct audit_log *log;

	append(f, AUDIT_EXPORT);
	assert_ok(sign_key_random(&other));
	assert_ok(audit_log_open(f->path, HOST, other, &log));
	assert_ok(audit_log_append(log, &event, NULL));
	audit_log_close(log);
	sign_key_free(other);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

static void a_log_rewritten_under_another_key_is_tampering_to_who_knows_the_key(void **state)
{
	struct fixture *f = *state;
	struct sign_key *mine = f->key;
	uint8_t vkey[SIGN_VKEY_LEN];

	memcpy(vkey, sign_key_vkey(mine), sizeof(vkey));
	assert_ok(sign_key_random(&f->key));
	log_reopen(f);
	append(f, AUDIT_EXPORT);
	sign_key_free(mine);
	assert_ok(verify(f));
	assert_err(audit_log_read(f->path, vkey, NULL, NULL), ERR_LOG_TAMPERED);
}

static void a_fork_of_the_log_is_tampering(void **state)
{
	struct fixture *f = *state;
	struct lines one, two;
	char *third;

	three(f, &one);
	third = one.line[2];
	one.count = 2;
	lines_write(f, &one);
	append(f, AUDIT_REMOVED); /* another third line, as good as the first */
	append(f, AUDIT_LOCK);
	lines_read(f, &two);
	two.line[2] = third;
	lines_write(f, &two);
	lines_clear(&one);
	lines_clear(&two);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

struct stop_at {
	unsigned calls;
	enum err fault;
};

static enum err stop_at_second(void *ctx, const char *text, size_t len, enum err fault)
{
	struct stop_at *s = ctx;

	assert_int_equal(text[len - 1], '}');
	s->fault = fault;
	return ++s->calls == 2 ? err_at(ERR_CANCELLED, "enough") : OK;
}

static void a_reader_may_stop_and_hears_of_each_fault(void **state)
{
	struct fixture *f = *state;
	struct stop_at s = {0};
	struct lines l;

	three(f, &l);
	lines_remove(&l, 1);
	lines_write(f, &l);
	lines_clear(&l);
	assert_err(audit_log_read(f->path, NULL, stop_at_second, &s), ERR_CANCELLED);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.fault, ERR_LOG_GAP);
}

static void a_missing_log_is_not_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->path), 0);
	assert_err(verify(f), ERR_NOT_FOUND);
}

/* ---- crashes ---- */

static off_t log_size(struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	return st.st_size;
}

static unsigned count_recovered(struct fixture *f)
{
	struct lines l;
	unsigned count = 0;

	lines_read(f, &l);
	for (size_t i = 0; i < l.count; i++)
		count += strstr(l.line[i], "\"event\":\"recovered\"") != NULL;
	lines_clear(&l);
	return count;
}

static void a_crash_at_any_byte_of_a_line_leaves_a_log_that_goes_on(void **state)
{
	struct fixture *f = *state;
	off_t begin, end;

	append(f, AUDIT_CREATE);
	begin = log_size(f);
	append(f, AUDIT_EXPORT);
	end = log_size(f);
	for (off_t cut = begin; cut <= end; cut += cut > begin + 3 && cut < end - 9 ? 7 : 1) {
		assert_int_equal(truncate(f->path, cut), 0);
		assert_ok(verify(f));
		append(f, AUDIT_EXPORT);
		assert_ok(verify(f));
		assert_int_equal(count_recovered(f), cut > begin && cut < end);
		assert_int_equal(truncate(f->path, begin), 0);
		append(f, AUDIT_EXPORT);
	}
}

static void a_crash_in_the_first_line_leaves_a_log_that_goes_on(void **state)
{
	struct fixture *f = *state;
	off_t end;

	append(f, AUDIT_CREATE);
	end = log_size(f);
	for (off_t cut = 0; cut <= end; cut += cut < end - 20 ? 17 : 1) {
		assert_int_equal(truncate(f->path, cut), 0);
		append(f, AUDIT_EXPORT);
		assert_ok(verify(f));
		assert_int_equal(truncate(f->path, 0), 0);
		append(f, AUDIT_CREATE);
	}
}

/* Only a cut right behind the newline that closed the torn piece is told as tampering: nothing
 * tells it from a last line that somebody overwrote. */
static void a_crash_while_recovering_is_recovered_too(void **state)
{
	struct fixture *f = *state;
	struct buf torn = {0};
	off_t begin, end;
	int fd;

	append(f, AUDIT_CREATE);
	append(f, AUDIT_EXPORT);
	begin = log_size(f) - 20;
	assert_int_equal(truncate(f->path, begin), 0);
	append(f, AUDIT_LOCK);
	end = log_size(f);
	assert_ok(io_read_file(f->path, 1u << 20, &torn));
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t cut = begin + 2; cut <= end; cut += cut < begin + 5 ? 1 : 11) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_ok(io_pwrite_full(fd, torn.data, (size_t)cut, 0));
		append(f, AUDIT_LOCK);
		if (verify(f) != OK)
			fail_msg("cut at %ld of %ld: %s", (long)cut, (long)end, err_detail());
	}
	close(fd);
	buf_clear(&torn);
}

static void a_tail_of_zeroes_is_recovered(void **state)
{
	struct fixture *f = *state;

	append(f, AUDIT_CREATE);
	assert_int_equal(truncate(f->path, log_size(f) + 3000), 0);
	append(f, AUDIT_EXPORT);
	assert_ok(verify(f));
	assert_ok(verify_with_key(f));
}

static void junk_that_no_recovery_tells_of_is_tampering(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	append(f, AUDIT_CREATE);
	file = fopen(f->path, "a");
	assert_non_null(file);
	assert_true(fputs("{\"half\":\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	append(f, AUDIT_EXPORT);
	assert_err(verify(f), ERR_LOG_TAMPERED);
}

/* ---- what cannot be written ---- */

static void a_record_that_finds_no_room_leaves_the_log_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK};
	struct rlimit before, small;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	off_t size;

	append(f, AUDIT_EXPORT);
	size = log_size(f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){(rlim_t)size + 100, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, handler);
	assert_int_equal(log_size(f), size);
	append(f, AUDIT_LOCK);
	assert_ok(verify(f));
	assert_int_equal(count_recovered(f), 0);
}

static void a_log_that_was_moved_away_takes_no_record(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK};
	char away[128];

	append(f, AUDIT_EXPORT);
	snprintf(away, sizeof(away), "%s.old", f->path);
	assert_int_equal(rename(f->path, away), 0);
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	FILE *other = fopen(f->path, "w"); /* nor one that another file took the place of */
	assert_non_null(other);
	assert_int_equal(fclose(other), 0);
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	assert_int_equal(rename(away, f->path), 0);
	assert_ok(audit_log_append(f->log, &event, NULL));
}

static void what_is_no_plain_file_is_no_log(void **state)
{
	struct fixture *f = *state;
	struct audit_log *log;
	char missing[128], link[128];

	snprintf(missing, sizeof(missing), "%s/none/host.jsonl", f->dir);
	snprintf(link, sizeof(link), "%s/link", f->dir);
	assert_int_equal(symlink(f->path, link), 0);
	assert_err(audit_log_open(missing, HOST, f->key, &log), ERR_LOG_WRITE);
	assert_err(audit_log_open(f->dir, HOST, f->key, &log), ERR_LOG_WRITE);
	assert_err(audit_log_open("/dev/null", HOST, f->key, &log), ERR_LOG_WRITE);
	assert_err(audit_log_open(link, HOST, f->key, &log), ERR_LOG_WRITE);
	assert_int_equal(unlink(link), 0);
}

static void a_file_without_any_record_is_not_taken_for_a_log(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK};
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	assert_true(fputs("dear diary\ntoday\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	assert_int_equal(log_size(f), 17);
}

static void text_that_is_not_utf8_or_too_long_is_not_written(void **state)
{
	struct fixture *f = *state;
	struct audit_event event = {.code = AUDIT_LOCK, .label = "\xff"};
	char *label = malloc(LINE_MAX_LEN + 1);

	append(f, AUDIT_EXPORT);
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	memset(label, 'x', LINE_MAX_LEN);
	label[LINE_MAX_LEN] = '\0';
	event.label = label;
	assert_err(audit_log_append(f->log, &event, NULL), ERR_LOG_WRITE);
	/* The longest lines there can be are still found from the end. */
	label[LINE_MAX_LEN - 1000] = '\0';
	assert_ok(audit_log_append(f->log, &event, NULL));
	assert_ok(audit_log_append(f->log, &event, NULL));
	assert_int_equal(truncate(f->path, log_size(f) - 1000), 0);
	assert_ok(audit_log_append(f->log, &event, NULL));
	assert_ok(verify(f));
	free(label);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(every_line_names_the_hash_of_the_one_before),
		STORY(the_signature_covers_the_label_and_all_before_it),
		STORY(fields_stand_in_one_order_and_only_when_known),
		STORY(text_comes_back_as_it_went_in),
		STORY(the_clock_says_whether_somebody_keeps_it_right),
		STORY(every_event_code_has_a_name_of_its_own),
		STORY(a_log_goes_on_where_it_ended),
		STORY(many_processes_make_one_chain),
		STORY(every_changed_byte_of_a_log_is_noticed),
		STORY(an_edited_field_is_tampering),
		STORY(a_line_made_unreadable_is_tampering_wherever_it_stands),
		STORY(a_line_taken_out_is_a_gap),
		STORY(a_beginning_cut_off_is_noticed),
		STORY(lines_that_changed_places_are_tampering),
		STORY(a_line_told_twice_is_tampering),
		STORY(a_line_of_another_key_is_tampering),
		STORY(a_log_rewritten_under_another_key_is_tampering_to_who_knows_the_key),
		STORY(a_fork_of_the_log_is_tampering),
		STORY(a_reader_may_stop_and_hears_of_each_fault),
		STORY(a_missing_log_is_not_found),
		STORY(a_crash_at_any_byte_of_a_line_leaves_a_log_that_goes_on),
		STORY(a_crash_in_the_first_line_leaves_a_log_that_goes_on),
		STORY(a_crash_while_recovering_is_recovered_too),
		STORY(a_tail_of_zeroes_is_recovered),
		STORY(junk_that_no_recovery_tells_of_is_tampering),
		STORY(a_record_that_finds_no_room_leaves_the_log_as_it_was),
		STORY(a_log_that_was_moved_away_takes_no_record),
		STORY(what_is_no_plain_file_is_no_log),
		STORY(a_file_without_any_record_is_not_taken_for_a_log),
		STORY(text_that_is_not_utf8_or_too_long_is_not_written),
	};

	return cmocka_run_group_tests_name("audit log", tests, NULL, NULL);
}
