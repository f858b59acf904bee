/* A tree as text, one line a name in order of names, so that two trees are equal when their texts are,
 * and a person sees where they differ. Both the model and the volume are told this way. */
#pragma once
#include "base/buf.h"
#include "volume/volume.h"

struct listing {
	char *text;
	size_t len, cap;
};

/* A fast sum of bytes, good enough to tell contents apart that nobody made alike on purpose. */
uint64_t listing_sum(const void *data, size_t len);
/* `content` is the sum of the bytes or of the link's target. */
void listing_add(struct listing *l, const char *path, const struct volume_attr *attr,
		 uint64_t content);
/* What the program keeps beside the files: note 1 and the log, each if there is one. */
void listing_add_kept(struct listing *l, uint64_t note_sum, size_t note_len, uint64_t log_sum,
		      uint64_t log_count);
/* The sum of a log after one more line. */
uint64_t listing_log_sum(uint64_t before, const void *line, size_t len);
void listing_add_xattr(struct listing *l, const char *name, uint64_t value_sum, size_t len);

/* The tree below a folder as a volume tells it; on failure `*ret` is untouched. */
MUST_CHECK enum err volume_listing_of(struct volume *v, uint64_t folder, char **ret);
MUST_CHECK enum err volume_listing(struct volume *v, char **ret); /* of the whole */
/* Where two listings differ first, in a few lines, into `out`. */
void listing_diff(const char *want, const char *got, char *out, size_t cap);
