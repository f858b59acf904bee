#include "store/node.h"
#include <string.h>

/* Page head: level 1, zero 1, count 2, heap 2 (lowest byte used by values), dead 2 (bytes of values
 * that are gone), birth 8. Leaf slot: key 17, offset 2, length 2 (without the reference), flag 1. */
#define AT_COUNT 2u
#define AT_HEAP 4u
#define AT_DEAD 6u
#define AT_BIRTH 8u
#define FLAG_RECORD 1u

void key_encode(const struct store_key *key, uint8_t out[PAGE_KEY_LEN])
{
	store_be64(out, key->object);
	out[8] = key->kind;
	store_be64(out + 9, key->offset);
}

void key_decode(const uint8_t in[PAGE_KEY_LEN], struct store_key *ret)
{
	ret->object = load_be64(in);
	ret->kind = in[8];
	ret->offset = load_be64(in + 9);
}

int store_key_compare(const struct store_key *a, const struct store_key *b)
{
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

void page_init(uint8_t *page, unsigned level)
{
	memset(page, 0, FORMAT_PAGE_LEN);
	page[0] = (uint8_t)level;
	store_u16(page + AT_HEAP, FORMAT_PAGE_LEN);
}

unsigned page_level(const uint8_t *page)
{
	return page[0];
}

uint64_t page_birth(const uint8_t *page)
{
	return load_u64(page + AT_BIRTH);
}

void page_set_birth(uint8_t *page, uint64_t birth)
{
	store_u64(page + AT_BIRTH, birth);
}

unsigned page_count(const uint8_t *page)
{
	return load_u16(page + AT_COUNT);
}

static unsigned slot_len(const uint8_t *page)
{
	return page[0] == 0 ? PAGE_LEAF_SLOT : PAGE_INNER_SLOT;
}

static const uint8_t *slot_at(const uint8_t *page, unsigned i)
{
	return page + PAGE_HEAD_LEN + (size_t)i * slot_len(page);
}

const uint8_t *page_key(const uint8_t *page, unsigned i)
{
	return slot_at(page, i);
}

unsigned page_search(const uint8_t *page, const uint8_t key[PAGE_KEY_LEN], bool *exact)
{
	unsigned low = 0, high = page_count(page);

	*exact = false;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		int order = memcmp(page_key(page, mid), key, PAGE_KEY_LEN);

		if (order == 0) {
			*exact = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- validation ---- */

static bool keys_ascend(const uint8_t *page)
{
	for (unsigned i = 1; i < page_count(page); i++)
		if (memcmp(page_key(page, i - 1), page_key(page, i), PAGE_KEY_LEN) >= 0)
			return false;
	return true;
}

static bool leaf_slot_ok(const uint8_t *slot, size_t heap, size_t *sum)
{
	size_t off = load_u16(slot + 17), len = load_u16(slot + 19);
	size_t all = len + (slot[21] & FLAG_RECORD ? REF_LEN : 0);

	*sum += all;
	return slot[21] <= FLAG_RECORD && len <= STORE_VALUE_MAX && off >= heap &&
	       off + all <= FORMAT_PAGE_LEN;
}

/* Which bytes of a page are taken by values. */
struct taken {
	uint64_t bits[FORMAT_PAGE_LEN / 64 + 1];
};

/* False when one of them was taken before: an item that is removed would take the other with it. */
static bool take(struct taken *t, size_t off, size_t len)
{
	while (len > 0) {
		size_t first = off % 64, count = MIN(64 - first, len);
		uint64_t mask = (count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << first;

		if (t->bits[off / 64] & mask)
			return false;
		t->bits[off / 64] |= mask;
		off += count;
		len -= count;
	}
	return true;
}

static bool values_apart(const uint8_t *page)
{
	struct taken taken = { 0 };

	for (unsigned i = 0; i < page_count(page); i++) {
		const uint8_t *slot = slot_at(page, i);
		size_t all = load_u16(slot + 19) + (slot[21] & FLAG_RECORD ? REF_LEN : 0u);

		if (!take(&taken, load_u16(slot + 17), all))
			return false;
	}
	return true;
}

static bool leaf_ok(const uint8_t *page)
{
	size_t heap = load_u16(page + AT_HEAP), dead = load_u16(page + AT_DEAD), sum = 0;
	size_t slots = PAGE_HEAD_LEN + (size_t)page_count(page) * PAGE_LEAF_SLOT;

	if (heap > FORMAT_PAGE_LEN || slots > heap)
		return false;
	for (unsigned i = 0; i < page_count(page); i++)
		if (!leaf_slot_ok(slot_at(page, i), heap, &sum))
			return false;
	return sum + dead == FORMAT_PAGE_LEN - heap && values_apart(page);
}

enum err page_validate(const uint8_t *page, unsigned level)
{
	bool ok = page[0] == level && page_count(page) > 0;

	if (ok && level == 0)
		ok = leaf_ok(page);
	else if (ok)
		ok = page_count(page) <= PAGE_INNER_MAX;
	if (!ok || !keys_ascend(page))
		return err_at(ERR_MALFORMED, "tree node of level %u", level);
	return OK;
}

bool page_within(const uint8_t *page, const uint8_t *low, const uint8_t *high)
{
	unsigned first = page_level(page) > 0, last = page_count(page) - 1;

	if (first > last)
		return true;
	return (!low || memcmp(page_key(page, first), low, PAGE_KEY_LEN) >= 0) &&
	       (!high || memcmp(page_key(page, last), high, PAGE_KEY_LEN) < 0);
}

/* ---- leaves ---- */

size_t page_item_cost(const struct page_item *item)
{
	return PAGE_LEAF_SLOT + item->len + (item->ref ? REF_LEN : 0);
}

void page_item_at(const uint8_t *page, unsigned i, struct page_item *ret)
{
	const uint8_t *slot = slot_at(page, i), *at = page + load_u16(slot + 17);

	ret->key = slot;
	ret->len = load_u16(slot + 19);
	ret->ref = slot[21] & FLAG_RECORD ? at : NULL;
	ret->value = ret->ref ? at + REF_LEN : at;
}

size_t page_used(const uint8_t *page)
{
	size_t slots = (size_t)page_count(page) * slot_len(page);

	if (page[0] != 0)
		return slots;
	return slots + FORMAT_PAGE_LEN - load_u16(page + AT_HEAP) - load_u16(page + AT_DEAD);
}

bool page_fits(const uint8_t *page, const struct page_item *item)
{
	return page_used(page) + page_item_cost(item) <= PAGE_ROOM;
}

/* Moves the living values together at the end of the page; what was dead is overwritten. */
static void compact(uint8_t *page)
{
	uint8_t copy[FORMAT_PAGE_LEN];
	unsigned count = page_count(page);

	memcpy(copy, page, FORMAT_PAGE_LEN);
	page_init(page, 0);
	page_append(page, copy, 0, count);
	mem_wipe(copy, sizeof(copy));
}

void page_insert(uint8_t *page, unsigned i, const struct page_item *item)
{
	size_t all = item->len + (item->ref ? REF_LEN : 0);
	unsigned count = page_count(page);
	uint8_t *slot;
	size_t heap;

	if (PAGE_HEAD_LEN + (size_t)(count + 1) * PAGE_LEAF_SLOT + all > load_u16(page + AT_HEAP))
		compact(page);
	heap = load_u16(page + AT_HEAP) - all;
	slot = page + PAGE_HEAD_LEN + (size_t)i * PAGE_LEAF_SLOT;
	memmove(slot + PAGE_LEAF_SLOT, slot, (size_t)(count - i) * PAGE_LEAF_SLOT);
	memcpy(slot, item->key, PAGE_KEY_LEN);
	store_u16(slot + 17, (uint16_t)heap);
	store_u16(slot + 19, (uint16_t)item->len);
	slot[21] = item->ref ? FLAG_RECORD : 0;
	if (item->ref)
		memcpy(page + heap, item->ref, REF_LEN);
	if (item->len)
		memcpy(page + heap + all - item->len, item->value, item->len);
	store_u16(page + AT_HEAP, (uint16_t)heap);
	store_u16(page + AT_COUNT, (uint16_t)(count + 1));
}

void page_remove(uint8_t *page, unsigned i)
{
	unsigned count = page_count(page);
	uint8_t *slot = page + PAGE_HEAD_LEN + (size_t)i * PAGE_LEAF_SLOT;
	size_t off = load_u16(slot + 17);
	size_t all = load_u16(slot + 19) + (slot[21] & FLAG_RECORD ? REF_LEN : 0u);

	memset(page + off, 0, all); /* deleted content must not linger in the node */
	memmove(slot, slot + PAGE_LEAF_SLOT, (size_t)(count - i - 1) * PAGE_LEAF_SLOT);
	memset(page + PAGE_HEAD_LEN + (size_t)(count - 1) * PAGE_LEAF_SLOT, 0, PAGE_LEAF_SLOT);
	store_u16(page + AT_COUNT, (uint16_t)(count - 1));
	if (off == load_u16(page + AT_HEAP))
		store_u16(page + AT_HEAP, (uint16_t)(off + all));
	else
		store_u16(page + AT_DEAD, (uint16_t)(load_u16(page + AT_DEAD) + all));
}

void page_append(uint8_t *to, const uint8_t *from, unsigned first, unsigned last)
{
	for (unsigned i = first; i < last; i++) {
		if (page_level(from) == 0) {
			struct page_item item;

			page_item_at(from, i, &item);
			page_insert(to, page_count(to), &item);
		} else {
			unsigned at = page_count(to);

			page_insert_child(to, at, page_key(from, i));
			memcpy(to + (page_child(to, at) - to), page_child(from, i), REF_LEN);
		}
	}
}

/* ---- inner nodes ---- */

const uint8_t *page_child(const uint8_t *page, unsigned i)
{
	return slot_at(page, i) + PAGE_KEY_LEN;
}

void page_set_child(uint8_t *page, unsigned i, const struct ref *ref)
{
	ref_encode(ref, page + (page_child(page, i) - page));
}

void page_insert_child(uint8_t *page, unsigned i, const uint8_t key[PAGE_KEY_LEN])
{
	unsigned count = page_count(page);
	uint8_t *slot = page + PAGE_HEAD_LEN + (size_t)i * PAGE_INNER_SLOT;

	memmove(slot + PAGE_INNER_SLOT, slot, (size_t)(count - i) * PAGE_INNER_SLOT);
	memcpy(slot, key, PAGE_KEY_LEN);
	memset(slot + PAGE_KEY_LEN, 0, REF_LEN);
	store_u16(page + AT_COUNT, (uint16_t)(count + 1));
}

void page_remove_child(uint8_t *page, unsigned i)
{
	unsigned count = page_count(page);
	uint8_t *slot = page + PAGE_HEAD_LEN + (size_t)i * PAGE_INNER_SLOT;

	memmove(slot, slot + PAGE_INNER_SLOT, (size_t)(count - i - 1) * PAGE_INNER_SLOT);
	memset(page + PAGE_HEAD_LEN + (size_t)(count - 1) * PAGE_INNER_SLOT, 0, PAGE_INNER_SLOT);
	store_u16(page + AT_COUNT, (uint16_t)(count - 1));
}

void page_set_key(uint8_t *page, unsigned i, const uint8_t key[PAGE_KEY_LEN])
{
	memcpy(page + (page_key(page, i) - page), key, PAGE_KEY_LEN);
}
