#include "audit/forward.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "audit/record.h"
#include "base/clock.h"
#include "base/cursor.h"

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG "/dev/log"
#define NAME "vault"
#define FACILITY (10 << 3) /* security and authorization messages, private (authpriv) */

/* ---- what is sent ---- */

/* "KEY=value" on a line; a value with line feeds goes with its length in front. */
static enum err put_field(struct buf *out, const char *key, const char *value, size_t len)
{
	uint8_t size[8];
	struct writer w = writer_make(size, sizeof(size));

	if (!memchr(value, '\n', len)) {
		TRY(buf_printf(out, "%s=", key));
		TRY(buf_append(out, value, len));
		return buf_puts(out, "\n");
	}
	write_u64(&w, len);
	TRY(buf_printf(out, "%s\n", key));
	TRY(buf_append(out, size, sizeof(size)));
	TRY(buf_append(out, value, len));
	return buf_puts(out, "\n");
}

static enum err put_span(struct buf *out, const char *key, struct span value)
{
	char text[1024];

	if (!value.at || value.len == 0 || span_text(value, text, sizeof(text)) != OK)
		return OK;
	return put_field(out, key, text, strlen(text));
}

/* Failed is an error, refused a warning, everything else a notice. */
static int priority_of(const struct record *r)
{
	return span_is(r->result, "failed") ? 3 : span_is(r->result, "refused") ? 4 : 5;
}

/* "unlock ok OSAKA-03 by sato/0123456789abcdef" */
static enum err put_message(struct buf *out, const struct record *r)
{
	char event[32] = "", result[16] = "", label[256] = "", actor[256] = "", message[640];

	(void)!span_text(r->event, event, sizeof(event));
	(void)!span_text(r->result, result, sizeof(result));
	if (r->label.at)
		(void)!span_text(r->label, label, sizeof(label));
	if (r->actor.at)
		(void)!span_text(r->actor, actor, sizeof(actor));
	snprintf(message, sizeof(message), "%s %s%s%s%s%s", event, result, *label ? " " : "", label,
		 *actor ? " by " : "", actor);
	return put_field(out, "MESSAGE", message, strlen(message));
}

static enum err journal_text(const struct record *r, const char *line, size_t len, struct buf *out)
{
	char seq[24];

	snprintf(seq, sizeof(seq), "%llu", (unsigned long long)r->seq);
	TRY(put_message(out, r));
	TRY(buf_printf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=" NAME "\nSYSLOG_FACILITY=%d\n",
		       priority_of(r), FACILITY >> 3));
	TRY(put_field(out, "VAULT_SEQ", seq, strlen(seq)));
	TRY(put_span(out, "VAULT_HOST", r->host));
	TRY(put_span(out, "VAULT_EVENT", r->event));
	TRY(put_span(out, "VAULT_RESULT", r->result));
	TRY(put_span(out, "VAULT_REASON", r->reason));
	TRY(put_span(out, "VAULT_ACTOR", r->actor));
	TRY(put_span(out, "VAULT_VOLUME_ID", r->volume_id));
	TRY(put_span(out, "VAULT_LABEL", r->label));
	TRY(put_span(out, "VAULT_MEDIA_ID", r->media_id));
	TRY(put_span(out, "VAULT_SESSION", r->session));
	TRY(put_span(out, "VAULT_TIME", r->ts));
	return put_field(out, "VAULT_RECORD", line, len);
}

/* As programs send it to a socket of this host (RFC 3164 without the host), JSON behind the cookie
 * that collectors know. */
static enum err syslog_text(const struct record *r, const char *line, size_t len, struct buf *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = clock_wall().tv_sec;
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return ERR_SYSTEM;
	TRY(buf_printf(out, "<%d>%.3s %2d %02d:%02d:%02d " NAME "[%d]: @cee: ",
		       FACILITY | priority_of(r), months + (size_t)tm.tm_mon * 3, tm.tm_mday,
		       tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid()));
	return buf_append(out, line, len);
}

/* ---- where to ---- */

/* Whether somebody took it. A socket that is full or gone is passed over. */
static bool send_to(const char *path, const struct buf *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;
	bool sent;

	if (text->len == 0 || strlen(path) >= sizeof(to.sun_path))
		return false;
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, text->data, text->len, MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&to, sizeof(to)) == (ssize_t)text->len;
	close(fd);
	return sent;
}

typedef enum err (*text_fn)(const struct record *r, const char *line, size_t len, struct buf *out);

static bool send_as(text_fn print, const char *path, const struct record *r, const char *line,
		    size_t len)
{
	CLEANUP(buf_clear) struct buf text = {0};

	return print(r, line, len, &text) == OK && send_to(path, &text);
}

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

void audit_forward(const char *line, size_t len)
{
	const char *where = getenv("PVAULT_FORWARD"), *path;
	int kept = errno;
	struct record r;

	if (!where || !*where)
		where = "auto";
	if (strcmp(where, "off") == 0 || record_parse(line, len, &r) != OK) {
		errno = kept;
		return;
	}
	if ((path = after(where, "journal:")))
		(void)send_as(journal_text, path, &r, line, len);
	else if ((path = after(where, "syslog:")))
		(void)send_as(syslog_text, path, &r, line, len);
	else if (!send_as(journal_text, JOURNAL, &r, line, len))
		(void)send_as(syslog_text, SYSLOG, &r, line, len);
	err_clear();
	errno = kept;
}
