#include "fuse/wire.h"

#include <string.h>
#include <sys/socket.h>

#define TEXT_NONE 0xffffu

enum err wire_pair(int ret[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) != 0)
		return err_from_errno("socket pair");
	return OK;
}

enum err wire_send(int fd, enum wire_type type, const void *body, size_t len)
{
	uint8_t head = (uint8_t)type;
	struct iovec parts[2] = {{&head, 1}, {(void *)(uintptr_t)body, len}};
	struct msghdr packet = {.msg_iov = parts, .msg_iovlen = len > 0 ? 2 : 1};
	ssize_t n;

	if (len > WIRE_MAX)
		return err_at(ERR_INTERNAL, "message of %zu bytes", len);
	do
		n = sendmsg(fd, &packet, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_from_errno("sending a message") : OK;
}

enum err wire_receive(int fd, struct message *ret)
{
	struct iovec parts[2] = {{&ret->type, 1}, {ret->body, sizeof(ret->body)}};
	struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;

	do
		n = recvmsg(fd, &packet, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return err_from_errno("waiting for a message");
	if (n <= 0)
		return err_at(ERR_TRUNCATED, "the other process is gone");
	if (packet.msg_flags & MSG_TRUNC)
		return err_at(ERR_INTERNAL, "message too long");
	ret->len = (size_t)n - 1;
	return OK;
}

void wire_put_text(struct writer *w, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= TEXT_NONE) {
		w->failed = true;
		return;
	}
	write_u16(w, text ? (uint16_t)len : TEXT_NONE);
	if (text)
		write_bytes(w, text, len + 1);
}

const char *wire_get_text(struct reader *r)
{
	uint16_t len = read_u16(r);
	const uint8_t *text;

	if (r->failed || len == TEXT_NONE)
		return NULL;
	text = read_span(r, (size_t)len + 1);
	if (!text || memchr(text, 0, (size_t)len + 1) != text + len) {
		r->failed = true;
		return NULL;
	}
	return (const char *)text;
}

enum err wire_send_result(int fd, enum wire_type type, enum err err, const void *extra,
			  size_t extra_len)
{
	uint8_t body[WIRE_MAX];
	struct writer w = writer_make(body, sizeof(body));

	write_u32(&w, (uint32_t)err);
	wire_put_text(&w, err == OK ? "" : err_detail());
	if (extra_len > 0)
		write_bytes(&w, extra, extra_len);
	if (!writer_ok(&w))
		return err_at(ERR_INTERNAL, "result too long");
	return wire_send(fd, type, body, (size_t)(w.at - body));
}

enum err wire_read_result(const struct message *m, void *extra, size_t extra_len)
{
	struct reader r = reader_make(m->body, m->len);
	enum err err = (enum err)read_u32(&r);
	const char *detail = wire_get_text(&r);

	if (!reader_ok(&r) || !detail)
		return err_at(ERR_INTERNAL, "a result that cannot be read");
	if (err != OK)
		return err_at(err, "%s", detail);
	if (extra_len > 0)
		read_bytes(&r, extra, extra_len);
	return reader_done(&r) ? OK : err_at(ERR_INTERNAL, "a result of another length");
}

enum err wire_receive_result(int fd, enum wire_type type, void *extra, size_t extra_len)
{
	struct message m;

	TRY(wire_receive(fd, &m));
	if (m.type != type)
		return err_at(ERR_INTERNAL, "message %d instead of %d", m.type, type);
	return wire_read_result(&m, extra, extra_len);
}

/* The texts of an event, in the order in which they travel. */
static const size_t event_texts[] = {
	offsetof(struct audit_event, actor),	     offsetof(struct audit_event, counterparty),
	offsetof(struct audit_event, volume_id),     offsetof(struct audit_event, label),
	offsetof(struct audit_event, medium_serial), offsetof(struct audit_event, category),
	offsetof(struct audit_event, purpose),	     offsetof(struct audit_event, session_id),
	offsetof(struct audit_event, mode),	     offsetof(struct audit_event, suite),
	offsetof(struct audit_event, super_sha256),  offsetof(struct audit_event, role),
	offsetof(struct audit_event, approver),	     offsetof(struct audit_event, medium_id),
	offsetof(struct audit_event, checkout_id),   offsetof(struct audit_event, incident_id),
	offsetof(struct audit_event, manifest),	     offsetof(struct audit_event, witness),
};

enum err wire_send_event(int fd, const struct audit_event *event)
{
	uint8_t body[WIRE_MAX];
	struct writer w = writer_make(body, sizeof(body));

	write_u8(&w, (uint8_t)event->code);
	write_u8(&w, (uint8_t)event->result);
	write_u32(&w, (uint32_t)event->reason);
	write_u8(&w, (uint8_t)(event->keysep + 1));
	write_u64(&w, event->generation);
	write_u64(&w, event->lost_generations);
	write_u64(&w, (uint64_t)event->saved_until);
	write_u8(&w, event->has_totals);
	write_u64(&w, event->files);
	write_u64(&w, event->bytes);
	for (size_t i = 0; i < ARRAY_LEN(event_texts); i++) {
		const char *text;

		memcpy(&text, (const char *)event + event_texts[i], sizeof(text));
		wire_put_text(&w, text);
	}
	if (!writer_ok(&w))
		return err_at(ERR_INTERNAL, "record too long");
	return wire_send(fd, WIRE_RECORD, body, (size_t)(w.at - body));
}

enum err wire_read_event(const struct message *m, struct audit_event *ret)
{
	struct reader r = reader_make(m->body, m->len);
	struct audit_event e = {0};

	e.code = (enum audit_code)read_u8(&r);
	e.result = (enum audit_result)read_u8(&r);
	e.reason = (enum err)read_u32(&r);
	e.keysep = read_u8(&r) - 1;
	e.generation = read_u64(&r);
	e.lost_generations = read_u64(&r);
	e.saved_until = (int64_t)read_u64(&r);
	e.has_totals = read_u8(&r) != 0;
	e.files = read_u64(&r);
	e.bytes = read_u64(&r);
	for (size_t i = 0; i < ARRAY_LEN(event_texts); i++) {
		const char *text = wire_get_text(&r);

		memcpy((char *)&e + event_texts[i], &text, sizeof(text));
	}
	if (!reader_done(&r) || e.code >= AUDIT_CODES || e.result > AUDIT_FAILED)
		return err_at(ERR_INTERNAL, "a record that cannot be read");
	*ret = e;
	return OK;
}
