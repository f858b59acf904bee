/* The Merkle tree over the lines of a log (RFC 6962, section 2.1; RFC 9162 has the same tree): leaf
 * = SHA-256(0x00 || line), node = SHA-256(0x01 || left || right). Kept are only the roots of the
 * full subtrees to the left, so a tree of any size has at most 64 hashes, and adding is cheap; the
 * tree of an earlier size cannot be had from it. No errors: a tree of 2^63 lines cannot come about.
 * One thread. */
#pragma once
#include "crypto/hash.h"

#define MERKLE_PEAKS 64u

struct merkle {
	uint64_t size; /* lines */
	uint8_t peak[MERKLE_PEAKS]
		    [SHA256_LEN]; /* the largest first; as many as `size` has one bits */
};

void merkle_leaf(const void *line, size_t len, uint8_t out[SHA256_LEN]); /* without its line feed */
void merkle_node(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
		 uint8_t out[SHA256_LEN]);
void merkle_add(struct merkle *t, const uint8_t leaf[SHA256_LEN]);
void merkle_root(const struct merkle *t, uint8_t out[SHA256_LEN]); /* of none: SHA-256 of nothing */
unsigned merkle_peaks(uint64_t size); /* how many hashes a tree of that size keeps */
