#include "audit/merkle.h"
#include <string.h>

void merkle_leaf(const void *line, size_t len, uint8_t out[SHA256_LEN])
{
	static const uint8_t mark = 0x00;

	sha256_2(&mark, 1, line, len, out);
}

void merkle_node(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
		 uint8_t out[SHA256_LEN])
{
	uint8_t both[1 + 2 * SHA256_LEN] = {0x01};

	memcpy(both + 1, left, SHA256_LEN);
	memcpy(both + 1 + SHA256_LEN, right, SHA256_LEN);
	sha256(both, sizeof(both), out);
}

unsigned merkle_peaks(uint64_t size)
{
	return (unsigned)__builtin_popcountll(size);
}

/* Each one bit at the low end of the size is a full subtree as large as the new one by then. */
void merkle_add(struct merkle *t, const uint8_t leaf[SHA256_LEN])
{
	unsigned count = merkle_peaks(t->size);
	uint8_t sum[SHA256_LEN];

	memcpy(sum, leaf, SHA256_LEN);
	for (uint64_t bits = t->size; bits & 1; bits >>= 1)
		merkle_node(t->peak[--count], sum, sum);
	memcpy(t->peak[count], sum, SHA256_LEN);
	t->size++;
}

void merkle_root(const struct merkle *t, uint8_t out[SHA256_LEN])
{
	unsigned count = merkle_peaks(t->size);

	if (count == 0) {
		sha256("", 0, out);
		return;
	}
	memcpy(out, t->peak[--count], SHA256_LEN);
	while (count > 0)
		merkle_node(t->peak[--count], out, out);
}
