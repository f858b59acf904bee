/* The folder through which registers are exchanged, as it lies there: where its parts are, who may
 * write to them, what is in a file. Nothing in it is trusted. Private to access; docs/FORMAT.md,
 * "Exchange folder". */
#pragma once
#include <sys/types.h>
#include "org/register.h"

#define SYNC_FOLDER "portable-vault-register"
#define SYNC_NAME 69u /* SHA256HEX.txt and NUL */

struct sync_folder {
	char *top, *base, *statements, *escrow, *contents; /* owned; of one society */
	mode_t mode;					   /* of the folder that holds it all */
	bool fresh;					   /* there was nothing of this society */
};
void sync_folder_clear(struct sync_folder *f); /* all-zero is welcome */
/* Makes nothing. ERR_NOT_FOUND, ERR_NOT_DIR: `dir` itself. */
MUST_CHECK enum err sync_folder_find(const char *dir, const uint8_t org[ORG_ID_LEN],
				     struct sync_folder *ret);
/* Makes what is missing, as open to others as `dir` is. ERR_PERM when that is not allowed. */
MUST_CHECK enum err sync_folder_make(const struct sync_folder *f);

/* One folder below. */
MUST_CHECK enum err sync_folder_make_one(const char *path, mode_t mode);

/* Calls fn with every name in a folder, in order; one that is not there is empty. */
MUST_CHECK enum err sync_each_name(const char *path, enum err (*fn)(void *ctx, const char *name),
				   void *ctx);
bool sync_parse_name(const char *name, uint8_t id[SHA256_LEN]);
void sync_print_name(const uint8_t id[SHA256_LEN], char out[SYNC_NAME]);
/* A small file that is one: links are not followed. ERR_NOT_FOUND, ERR_PERM, ERR_IO, ERR_TOO_BIG;
 * ERR_INVALID for what is no file. */
MUST_CHECK enum err sync_read(const char *dir, const char *name, size_t max, struct buf *ret);
/* The statement that the name promises. ERR_LOG_GAP: its end is missing; ERR_LOG_TAMPERED;
 * ERR_NEWER_FORMAT; and as sync_read. */
MUST_CHECK enum err sync_read_statement(const char *dir, const char *name,
					const uint8_t id[SHA256_LEN], struct statement *ret);
/* Durably, whole or not at all. ERR_PERM also on a medium that takes nothing. */
MUST_CHECK enum err sync_write(const char *dir, const char *name, const void *data, size_t len);
/* Takes away what a crash left half-written, when it is old enough to be nobody's any more. */
void sync_tidy(const char *dir, const char *name);
