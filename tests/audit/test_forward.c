/* Copies of records for the journal and for syslog: what arrives, and that nobody waits for it. */
#include "audit/forward.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "audit/log.h"
#include "base/cursor.h"
#include "base/io.h"
#include "tests/check.h"

struct fixture {
	char dir[64], socket[96], log_path[96];
	struct sign_key *key;
	struct audit_log *log;
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-forward-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%s/s", f->dir);
	snprintf(f->log_path, sizeof(f->log_path), "%s/host.jsonl", f->dir);
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->socket);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_ok(sign_key_random(&f->key));
	assert_ok(audit_log_open(f->log_path, "h-0123456789abcdef", f->key, &f->log));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	unsetenv("PVAULT_FORWARD");
	audit_log_close(f->log);
	sign_key_free(f->key);
	close(f->fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void forward_to(const struct fixture *f, const char *kind)
{
	char where[128];

	snprintf(where, sizeof(where), "%s:%s", kind, f->socket);
	assert_int_equal(setenv("PVAULT_FORWARD", where, 1), 0);
}

static enum err append(struct fixture *f, const char *label)
{
	const struct audit_event event = {.code = AUDIT_EXPORT,
					  .result = AUDIT_REFUSED,
					  .reason = ERR_REVOKED,
					  .actor = "sato/00",
					  .label = label};

	return audit_log_append(f->log, &event, NULL);
}

static size_t arrived(const struct fixture *f, char *out, size_t cap)
{
	ssize_t len = recv(f->fd, out, cap - 1, MSG_DONTWAIT);

	assert_true(len > 0);
	out[len] = '\0';
	return (size_t)len;
}

/* The line as the log has it. */
static void last_line(const struct fixture *f, struct buf *ret)
{
	assert_ok(io_read_file(f->log_path, 1u << 20, ret));
	ret->data[--ret->len] = '\0';
	assert_null(strchr(ret->data, '\n'));
}

static void the_journal_gets_fields_and_the_whole_record(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf line = {0};
	char got[8192];

	forward_to(f, "journal");
	assert_ok(append(f, "OSAKA-03"));
	arrived(f, got, sizeof(got));
	last_line(f, &line);
	assert_non_null(strstr(got, "MESSAGE=export refused OSAKA-03 by sato/00\nPRIORITY=4\n"));
	assert_non_null(
		strstr(got, "\nVAULT_EVENT=export\nVAULT_RESULT=refused\nVAULT_REASON=REVOKED\n"));
	assert_non_null(strstr(got, "\nVAULT_LABEL=OSAKA-03\n"));
	assert_non_null(strstr(got, "\nVAULT_RECORD={"));
	assert_string_equal(strstr(got, "VAULT_RECORD=") + 13 + line.len, "\n");
	assert_memory_equal(strstr(got, "VAULT_RECORD=") + 13, line.data, line.len);
}

/* A label cannot pass for a field of its own. */
static void line_feeds_go_with_their_length(void **state)
{
	struct fixture *f = *state;
	char got[8192], *at;
	size_t len;

	forward_to(f, "journal");
	assert_ok(append(f, "A\nVAULT_RESULT=ok"));
	len = arrived(f, got, sizeof(got));
	at = memmem(got, len, "\nVAULT_LABEL\n", 13);
	assert_non_null(at);
	assert_int_equal(load_u64((const uint8_t *)at + 13), strlen("A\nVAULT_RESULT=ok"));
	assert_memory_equal(at + 13 + 8, "A\nVAULT_RESULT=ok\n", 18);
}

static void syslog_gets_json_behind_the_cookie(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf line = {0};
	char got[8192], *at;

	forward_to(f, "syslog");
	assert_ok(append(f, "OSAKA-03"));
	arrived(f, got, sizeof(got));
	last_line(f, &line);
	assert_int_equal(strncmp(got, "<84>", 4), 0);
	at = strstr(got, " vault[");
	assert_non_null(at);
	at = strstr(at, "]: @cee: {");
	assert_non_null(at);
	assert_string_equal(at + 9, line.data);
}

static void off_sends_nothing(void **state)
{
	struct fixture *f = *state;
	char got[64];

	forward_to(f, "journal");
	assert_int_equal(setenv("PVAULT_FORWARD", "off", 1), 0);
	assert_ok(append(f, "OSAKA-03"));
	assert_int_equal(recv(f->fd, got, sizeof(got), MSG_DONTWAIT), -1);
}

/* Nobody takes anything out of the socket: the log goes on, and nobody waits. */
static void a_socket_that_is_full_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = {0};
	unsigned lines = 0;

	forward_to(f, "journal");
	(void)alarm(60);
	for (int i = 0; i < 600; i++)
		assert_ok(append(f, "OSAKA-03"));
	(void)alarm(0);
	assert_ok(io_read_file(f->log_path, 1u << 22, &text));
	for (const char *at = text.data; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 600);
}

static void nobody_listening_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setenv("PVAULT_FORWARD", "journal:/nonexistent/socket", 1), 0);
	assert_ok(append(f, "OSAKA-03"));
	assert_int_equal(setenv("PVAULT_FORWARD", "no such word", 1), 0);
	assert_ok(append(f, "OSAKA-03"));
	assert_ok(audit_log_read(f->log_path, NULL, NULL, NULL));
}

/* What is no record is nobody's affair. */
static void only_records_are_sent(void **state)
{
	struct fixture *f = *state;
	char got[64];

	forward_to(f, "journal");
	audit_forward("{\"a\":1}", 7);
	audit_forward("", 0);
	assert_int_equal(recv(f->fd, got, sizeof(got), MSG_DONTWAIT), -1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_journal_gets_fields_and_the_whole_record),
		STORY(line_feeds_go_with_their_length),
		STORY(syslog_gets_json_behind_the_cookie),
		STORY(off_sends_nothing),
		STORY(a_socket_that_is_full_keeps_nobody_waiting),
		STORY(nobody_listening_changes_nothing),
		STORY(only_records_are_sent),
	};

	return cmocka_run_group_tests_name("copies for the journal", tests, NULL, NULL);
}
