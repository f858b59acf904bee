/* A private folder in which a pack is laid out until it may be believed, beside the place it will
 * have.
 *
 * Everything is made through descriptors of folders that were made here: no symbolic link is ever
 * passed on the way, nothing is replaced, nothing outside is touched before stage_release. What was
 * not released is removed by stage_free; what a run left that was killed, by the next one that
 * unpacks into the same folder: the private folder is locked as long as somebody works in it.
 * Names are those of pack/name.h. Private to pack; one
 * thread at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "base/err.h"

struct stage;
/* `into` is an existing folder; the private one is made in it, so that release is renaming. */
MUST_CHECK enum err stage_new(const char *into, struct stage **ret);
void stage_free(struct stage *s);
DEFINE_FREEP(struct stage, stage_free)

struct stage_facts {
	unsigned mode; /* permissions */
	struct timespec mtime;
};
/* A fresh file, open for writing; the caller closes it. ERR_UNSAFE when the name is taken. */
MUST_CHECK enum err stage_file(struct stage *s, const char *name, int *ret_fd);
/* The last words about a file that was written. */
MUST_CHECK enum err stage_file_done(struct stage *s, int fd, const char *name, uint64_t size,
				    const struct stage_facts *facts);
/* Modes and times of folders are set at release, so that what is below still finds its place. */
MUST_CHECK enum err stage_folder(struct stage *s, const char *name,
				 const struct stage_facts *facts);
MUST_CHECK enum err stage_link(struct stage *s, const char *name, const char *target);
/* Another name for a file that was made here. ERR_UNSAFE for anything else. */
MUST_CHECK enum err stage_hard_link(struct stage *s, const char *name, const char *target);
uint64_t stage_space(const struct stage *s); /* bytes that the file system could take */

/* Everything that can be done before: modes, times, bytes on the disk. ERR_EXISTS as stage_release.
 */
MUST_CHECK enum err stage_ready(struct stage *s, bool replace);
/* Moves everything to its place, whole or not at all, after stage_ready. `replace`: what is there
 * under the same name is put aside and removed afterwards; otherwise it is ERR_EXISTS. */
MUST_CHECK enum err stage_release(struct stage *s, bool replace);
