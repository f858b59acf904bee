/* The end of a host log's file: what the next line follows. Lines that a crash tore, and that were
 * closed off, are passed over. Private to audit. */
#pragma once
#include <sys/types.h>
#include "audit/record.h"

struct tail {
	off_t end;    /* of the file */
	off_t torn;   /* bytes behind the last line feed that a crash left; 0 none */
	uint64_t seq; /* of the last record; 0: there is none */
	int64_t time;
	uint8_t sha256[SHA256_LEN];
	uint8_t fpr[KEY_FPR_LEN]; /* of the key in force; nothing when there is no record */
	bool unclosed; /* the last record is a `rotate`: the next line closes the period */
	uint8_t closing_fpr[KEY_FPR_LEN]; /* then: of the key that is to do it */
};
/* ERR_LOG_WRITE when the file does not end with a record; ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err tail_find(int fd, const char *path, struct tail *ret);
/* `line` (without its line feed) was just put behind it. ERR_LOG_TAMPERED when it is no record. */
MUST_CHECK enum err tail_take(struct tail *t, const char *line, size_t len);
