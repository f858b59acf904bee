/* A tree page of any bytes: refused, or safe to search, read, fill and empty. */
#include <stdlib.h>
#include <string.h>
#include "store/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_leaf(uint8_t *page)
{
	uint8_t key[PAGE_KEY_LEN] = { 0x80 }, value[100] = { 1 };
	struct page_item item = { .key = key, .value = value, .len = sizeof(value) }, other;
	bool exact;
	unsigned at = page_search(page, key, &exact);

	for (unsigned i = 0; i < page_count(page); i++)
		page_item_at(page, i, &other);
	if (!exact && page_fits(page, &item))
		page_insert(page, at, &item);
	while (page_count(page) > 0)
		page_remove(page, page_count(page) / 2);
}

static void use_inner(uint8_t *page)
{
	uint8_t key[PAGE_KEY_LEN] = { 0x80 };
	bool exact;
	unsigned at = page_search(page, key, &exact);

	if (!exact && page_count(page) < PAGE_INNER_MAX)
		page_insert_child(page, at, key);
	while (page_count(page) > 0)
		page_remove_child(page, page_count(page) / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *page = calloc(1, FORMAT_PAGE_LEN);

	if (!page)
		return 0;
	/* The first bytes are the head and slots; the rest comes from the end of the input, as values
	 * stand at the end of a page. */
	memcpy(page, data, size < FORMAT_PAGE_LEN ? size : FORMAT_PAGE_LEN);
	if (size > 64 && size < FORMAT_PAGE_LEN)
		memcpy(page + FORMAT_PAGE_LEN - size / 2, data + size - size / 2, size / 2);
	if (page_validate(page, 0) == OK)
		use_leaf(page);
	else if (page_validate(page, 1) == OK)
		use_inner(page);
	free(page);
	return 0;
}
