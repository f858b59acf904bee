/* The file that a pack becomes: it grows beside its place, and gets there when it is complete.
 *
 * Hashing and writing are done by threads of their own. Where the file system allows it the bytes
 * go to the disk past the page cache: what nobody reads again soon is not copied once more, leaves
 * the memory to others, and is on the disk soon after it was made, so that the flush at the end is
 * short. Used by one thread at a time. Private to pack. */
#pragma once
#include "age/pipe.h"
#include "crypto/hash.h"

struct output;
/* ERR_EXISTS when there is something at `path` (borrowed) already. */
MUST_CHECK enum err output_new(const char *path, struct output **ret);
/* Whatever did not appear is removed. */
void output_free(struct output *o);
DEFINE_FREEP(struct output, output_free)

struct age_sink output_sink(struct output *o);
/* Length and hash of all bytes, which are with the kernel afterwards. */
MUST_CHECK enum err output_finish(struct output *o, uint64_t *ret_length, uint8_t ret[SHA256_LEN]);
/* Flushed, under its name, and its folder flushed. Replaces nothing: ERR_EXISTS. To be called once,
 * after output_finish. */
MUST_CHECK enum err output_appear(struct output *o);
