/* Files of the host: whole reads and writes, and replacing a file so that a crash leaves the old or
 * the new one. Errors carry the path. EINTR is handled; short counts never reach the caller. */
#pragma once
#include <sys/types.h>
#include "base/buf.h"

MUST_CHECK enum err io_read_full(int fd, void *buf, size_t len, size_t *ret_len); /* less only at EOF */
MUST_CHECK enum err io_write_full(int fd, const void *buf, size_t len);
MUST_CHECK enum err io_pread_full(int fd, void *buf, size_t len, off_t off); /* EOF: ERR_TRUNCATED */
MUST_CHECK enum err io_pwrite_full(int fd, const void *buf, size_t len, off_t off);
/* Reads a whole regular file of at most `max` bytes; larger is ERR_TOO_BIG, absent ERR_NOT_FOUND. */
MUST_CHECK enum err io_read_file(const char *path, size_t max, struct buf *ret);
/* The same, but a symbolic link at the end of `path` is an error (ERR_LOOP, ERR_SYSTEM): for folders that
 * others write to. */
MUST_CHECK enum err io_read_own_file(const char *path, size_t max, struct buf *ret);
/* Writes `path` through a temporary file beside it, flushed with its folder. `mode` as for open. */
MUST_CHECK enum err io_replace_file(const char *path, const void *data, size_t len, mode_t mode);
/* As io_replace_file, but ERR_EXISTS when `path` is there already. */
MUST_CHECK enum err io_create_file(const char *path, const void *data, size_t len, mode_t mode);
/* mkdir -p; folders that are made get `mode`. */
MUST_CHECK enum err io_make_dirs(const char *path, mode_t mode);
MUST_CHECK enum err io_sync_dir_of(const char *path); /* flushes the folder that holds `path` */
/* malloc'd "a/b"; NULL when out of memory. */
char *io_path_join(const char *dir, const char *name);
