/* Messages between the command, the supervisor and the worker, over sequenced-packet sockets: one
 * packet is one message, a type byte and a body. All ends run the same program, so there are no
 * versions. A message that does not parse ends the conversation (ERR_INTERNAL). */
#pragma once
#include "audit/event.h"
#include "base/cursor.h"

#define WIRE_MAX 32768u
#define WIRE_NOTE 1024u /* a note of the log's head, filled up with zeroes */

enum wire_type {
	WIRE_RESULT = 1, /* code u32, detail text, then what the question asked for */
	WIRE_IDENTITY,	 /* command to worker: the 32 bytes of a staff key */
	WIRE_RECORD,	 /* worker to supervisor: an audit event; answered by a result */
	WIRE_HEAD,	 /* worker to supervisor: what is the log now; answered by a result and a note */
	WIRE_READY,	 /* worker to supervisor: mounted, with the vault's facts; answered */
	WIRE_IDLE,	 /* worker to supervisor: nobody used it for a while */
	WIRE_END,	 /* worker to supervisor: closed; a result's body */
	WIRE_SYNC,	 /* supervisor to worker: make everything durable; answered */
	WIRE_CLOSE,	 /* supervisor to worker: close, open files or not */
	WIRE_EJECT,	 /* command to supervisor: force u8; answered when all is done */
};

struct message {
	uint8_t type;
	size_t len;
	uint8_t body[WIRE_MAX];
};

/* A connected pair, closed on exec. */
MUST_CHECK enum err wire_pair(int ret[2]);
MUST_CHECK enum err wire_send(int fd, enum wire_type type, const void *body, size_t len);
/* ERR_TRUNCATED when the other end is gone. */
MUST_CHECK enum err wire_receive(int fd, struct message *ret);

/* A text with its NUL, so that readers can borrow it; NULL is kept apart from "". */
void wire_put_text(struct writer *w, const char *text);
const char *wire_get_text(struct reader *r);

/* `err` with this thread's detail. `extra` follows it. */
MUST_CHECK enum err wire_send_result(int fd, enum wire_type type, enum err err, const void *extra,
				     size_t extra_len);
/* The code that was sent, its detail now this thread's; `extra` (may be NULL) gets what follows
 * when the code is OK. */
MUST_CHECK enum err wire_read_result(const struct message *m, void *extra, size_t extra_len);
/* Waits for a message of that type and reads it as a result. */
MUST_CHECK enum err wire_receive_result(int fd, enum wire_type type, void *extra, size_t extra_len);

MUST_CHECK enum err wire_send_event(int fd, const struct audit_event *event);
/* Texts are borrowed from the message. */
MUST_CHECK enum err wire_read_event(const struct message *m, struct audit_event *ret);
