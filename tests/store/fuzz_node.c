/* A tree page, sealed so that it comes to its parser on the way of a real one: with its
 * pointer and without. What is found is what was sealed, and nothing else is found. The page is
 * refused, or safe to search, read, fill and empty, and stays a page all the while. Input: a byte,
 * then the page: of any bytes, or with a head and keys that fit its slots. */
#include "tests/fuzz.h"
#include "store/node.h"
#include "store/seal.h"

#define ADDR 40u

const unsigned fuzz_cost = 10;

static struct sealer *sealer;

static void must_be_page(const uint8_t *page, unsigned level)
{
	MUST(page_count(page) == 0 || page_validate(page, level) == OK);
}

/* The others stay what they were. */
static void remove_one(uint8_t *page, unsigned i)
{
	static uint8_t before[FORMAT_PAGE_LEN];
	struct page_item was, is;

	memcpy(before, page, sizeof(before));
	page_remove(page, i);
	must_be_page(page, 0);
	for (unsigned k = 0; k < page_count(page); k++) {
		page_item_at(before, k < i ? k : k + 1, &was);
		page_item_at(page, k, &is);
		MUST(is.len == was.len && !memcmp(is.key, was.key, PAGE_KEY_LEN));
		MUST(!memcmp(is.value, was.value, is.len) && !is.ref == !was.ref);
	}
}

static void use_leaf(uint8_t *page)
{
	uint8_t key[PAGE_KEY_LEN] = {0x80}, value[100] = {1};
	struct page_item item = {.key = key, .value = value, .len = sizeof(value)}, other;
	size_t used = page_used(page);
	bool exact;
	unsigned at = page_search(page, key, &exact);

	for (unsigned i = 0; i < page_count(page); i++) {
		page_item_at(page, i, &other);
		MUST(page_search(page, other.key, &exact) == i && exact);
		MUST(other.value >= page && other.value + other.len <= page + FORMAT_PAGE_LEN);
		used -= page_item_cost(&other);
	}
	MUST(used == 0);
	(void)page_search(page, key, &exact);
	if (!exact && page_fits(page, &item)) {
		page_insert(page, at, &item);
		must_be_page(page, 0);
		page_item_at(page, at, &other);
		MUST(other.len == item.len && !memcmp(other.value, value, sizeof(value)));
	}
	while (page_count(page) > 0)
		remove_one(page, page_count(page) / 2);
}

static void use_inner(uint8_t *page, unsigned level)
{
	uint8_t key[PAGE_KEY_LEN] = {0x80};
	bool exact;
	unsigned at = page_search(page, key, &exact);

	if (!exact && page_count(page) < PAGE_INNER_MAX) {
		page_insert_child(page, at, key);
		must_be_page(page, level);
	}
	while (page_count(page) > 0) {
		page_remove_child(page, page_count(page) / 2);
		must_be_page(page, level);
	}
}

static void must_differ(uint8_t *sealed, const struct ref *ref, size_t at)
{
	static uint8_t page[FORMAT_PAGE_LEN];
	struct ref found;

	sealed[at % FORMAT_NODE_LEN] ^= 1;
	MUST(sealer_open_node(sealer, ref, sealed, page) == ERR_FORGED);
	MUST(sealer_find_node(sealer, ADDR, sealed, page, &found) == ERR_FORGED);
	sealed[at % FORMAT_NODE_LEN] ^= 1;
	MUST(sealer_find_node(sealer, ADDR + 1, sealed, page, &found) == ERR_FORGED);
}

/* There and back again. */
static void seal_and_find(uint8_t *page, size_t flip)
{
	static uint8_t sealed[FORMAT_NODE_LEN], again[FORMAT_PAGE_LEN];
	struct ref ref = {.addr = ADDR, .extra = 1}, found;

	MUST(sealer_seal_node(sealer, page, sealed, &ref) == OK);
	MUST(sealer_find_node(sealer, ADDR, sealed, again, &found) == OK);
	MUST(!memcmp(page, again, sizeof(again)) && found.birth == page_birth(page));
	MUST(!memcmp(&ref, &found, sizeof(ref)));
	memset(again, 0, sizeof(again));
	MUST(sealer_open_node(sealer, &ref, sealed, again) == OK);
	MUST(!memcmp(page, again, sizeof(again)));
	must_differ(sealed, &ref, flip);
}

static void prepare(void)
{
	static const uint8_t id[STORE_ID_LEN] = "volume";
	struct secret *key = NULL;

	MUST(crypto_init() == OK && sealer_new(id, &sealer) == OK);
	MUST(secret_random(32, &key) == OK && sealer_add_epoch(sealer, 1, key) == OK);
	secret_free(key);
}

/* Keys ascend, and the head says what the slots need, as far as it can. */
static void mend(uint8_t *page)
{
	unsigned count = page_count(page) % (PAGE_ROOM / PAGE_LEAF_SLOT);
	size_t heap = FORMAT_PAGE_LEN, sum = 0;

	for (unsigned i = 0; i < count; i++) {
		uint8_t *slot = page + PAGE_HEAD_LEN + (size_t)i * PAGE_LEAF_SLOT;

		slot[0] = (uint8_t)(i >> 8);
		slot[1] = (uint8_t)i;
		slot[21] &= 1;
		heap = MIN(heap, load_u16(slot + 17));
		sum += load_u16(slot + 19) + (slot[21] ? REF_LEN : 0u);
	}
	page[0] = 0;
	store_u16(page + 2, (uint16_t)count);
	store_u16(page + 4, (uint16_t)heap);
	store_u16(page + 6, (uint16_t)(FORMAT_PAGE_LEN - heap - sum));
}

/* The first bytes are the head and slots; the rest comes from the end of the input, as values stand
 * at the end of a page. */
static void lay_out(const uint8_t *data, size_t size, uint8_t *page)
{
	memset(page, 0, FORMAT_PAGE_LEN);
	memcpy(page, data, MIN(size, FORMAT_PAGE_LEN));
	if (size > 64 && size < FORMAT_PAGE_LEN)
		memcpy(page + FORMAT_PAGE_LEN - size / 2, data + size - size / 2, size / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t page[FORMAT_PAGE_LEN];

	if (!sealer)
		prepare();
	if (size == 0)
		return 0;
	lay_out(data + 1, size - 1, page);
	if (data[0] & 1)
		mend(page);
	if (data[0] & 2) /* it costs as much as many pages */
		seal_and_find(page, size * 37);
	if (page_validate(page, 0) == OK)
		use_leaf(page);
	else if (page[0] > 0 && page_validate(page, page[0]) == OK)
		use_inner(page, page[0]);
	return 0;
}
