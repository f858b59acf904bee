/* A tree node's page: FORMAT_PAGE_LEN bytes of sorted slots, as they are sealed on the disk.
 *
 * A leaf (level 0) has items with values in a heap that grows down from the end of the page; an
 * inner node has children, each with the least key it may hold. A page from the disk goes through
 * page_validate once; afterwards every offset in it may be trusted. Keys are encoded big-endian so
 * that bytes compare as keys do. docs/FORMAT.md, "Tree node". */
#pragma once
#include "store/format.h"
#include "store/store.h"

#define PAGE_KEY_LEN 17u
#define PAGE_HEAD_LEN 16u
#define PAGE_LEAF_SLOT (PAGE_KEY_LEN + 5u)
#define PAGE_INNER_SLOT (PAGE_KEY_LEN + REF_LEN)
#define PAGE_INNER_MAX ((FORMAT_PAGE_LEN - PAGE_HEAD_LEN) / PAGE_INNER_SLOT)
#define PAGE_ROOM (FORMAT_PAGE_LEN - PAGE_HEAD_LEN)

void key_encode(const struct store_key *key, uint8_t out[PAGE_KEY_LEN]);
void key_decode(const uint8_t in[PAGE_KEY_LEN], struct store_key *ret);

void page_init(uint8_t *page, unsigned level);
/* ERR_MALFORMED unless every slot, length and order is right and the level is `level`. */
MUST_CHECK enum err page_validate(const uint8_t *page, unsigned level);
/* Whether every key is where the pointers above lead: not below `low` and below `high` (NULL: no bound).
 * The first key of an inner node binds nothing: its child takes everything below the second one. */
bool page_within(const uint8_t *page, const uint8_t *low, const uint8_t *high);
unsigned page_level(const uint8_t *page);
uint64_t page_birth(const uint8_t *page); /* generation that seals it */
void page_set_birth(uint8_t *page, uint64_t birth);
unsigned page_count(const uint8_t *page);
const uint8_t *page_key(const uint8_t *page, unsigned i); /* PAGE_KEY_LEN bytes, borrowed */
/* The first slot whose key is not below `key`; *exact tells whether it is equal. */
unsigned page_search(const uint8_t *page, const uint8_t key[PAGE_KEY_LEN], bool *exact);

/* ---- leaves ---- */
struct page_item {
	const uint8_t *key;   /* PAGE_KEY_LEN bytes */
	const uint8_t *ref;   /* REF_LEN bytes, or NULL */
	const uint8_t *value; /* beside the ref */
	size_t len;
};
size_t page_item_cost(const struct page_item *item); /* bytes of a page it takes */
void page_item_at(const uint8_t *page, unsigned i, struct page_item *ret);
size_t page_used(const uint8_t *page); /* bytes taken by slots and living values, or children */
bool page_fits(const uint8_t *page, const struct page_item *item);
/* The item fits (page_fits). It must not point into the page. */
void page_insert(uint8_t *page, unsigned i, const struct page_item *item);
void page_remove(uint8_t *page, unsigned i);
/* Puts items of `from` in [first, last) at the end of `to`, which has room. */
void page_append(uint8_t *to, const uint8_t *from, unsigned first, unsigned last);

/* ---- inner nodes ---- */
const uint8_t *page_child(const uint8_t *page, unsigned i); /* REF_LEN bytes, borrowed */
void page_set_child(uint8_t *page, unsigned i, const struct ref *ref);
void page_insert_child(uint8_t *page, unsigned i, const uint8_t key[PAGE_KEY_LEN]); /* null ref */
void page_remove_child(uint8_t *page, unsigned i);
void page_set_key(uint8_t *page, unsigned i, const uint8_t key[PAGE_KEY_LEN]); /* inner only */
