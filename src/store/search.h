/* Searching all of DATA for tree nodes, and what was found. Private to the salvage of a store. */
#pragma once
#include "store/node.h"
#include "store/salvage.h"
#include "store/seal.h"

struct found {
	uint64_t addr, birth;
	uint8_t level;
	uint8_t first[PAGE_KEY_LEN], last[PAGE_KEY_LEN]; /* least and greatest key in its page */
};

struct search {
	struct found *at; /* the newest first, of one birth the highest first */
	size_t count, cap;
};

/* Tries every block as the beginning of a node. Goes on where the medium cannot read. */
MUST_CHECK enum err search_run(struct disk *disk, const struct sealer *sealer,
			       salvage_progress_fn progress, void *ctx, struct search **ret);
void search_free(struct search *s); /* NULL is welcome */
DEFINE_FREEP(struct search, search_free)
/* What a pointer to it would be. */
MUST_CHECK enum err search_ref(struct disk *disk, const struct sealer *sealer,
			       const struct found *f, struct ref *ret);

/* ---- ranges of encoded keys: from `from` to before `to` ---- */
struct span {
	uint8_t from[PAGE_KEY_LEN], to[PAGE_KEY_LEN];
};
void span_all(struct span *ret);
bool span_is_some(const struct span *s);
/* What both have; false when that is nothing. */
bool span_clip(struct span *s, const struct span *by);
/* What child i of an inner page stands for within `span`; false when that is nothing. */
bool child_span(const uint8_t *page, unsigned i, const struct span *span, struct span *ret);
void found_span(const struct found *f, struct span *ret); /* first to last */
bool found_meets(const struct found *f, const struct span *span);

/* ---- a list of some of them ---- */
struct found_list {
	const struct found **at; /* borrowed, in an owned array */
	size_t count, cap;
};
void found_list_clear(struct found_list *l);
/* Unless it meets one that is in the list. */
MUST_CHECK enum err found_list_add_apart(struct found_list *l, const struct found *f);
