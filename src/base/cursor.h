/* Bounded cursors over bytes: every read and write is checked against the end.
 *
 * A reader never goes past its end: the first read that does not fit sets `failed`, gives zeroes,
 * and so does every later one. A parser may therefore read field by field and ask once, with
 * reader_done() or reader_ok(). A writer behaves the same way. Integers are little-endian (the
 * volume format) unless the name says be. Nothing is allocated; not shared between threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct writer {
	uint8_t *at;
	size_t left;
	bool failed;
};

struct reader reader_make(const void *data, size_t len);
bool reader_ok(const struct reader *r);   /* nothing was read past the end so far */
bool reader_done(const struct reader *r); /* ok, and every byte was read */
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u48(struct reader *r);
uint64_t read_u64(struct reader *r);
uint64_t read_be64(struct reader *r);
void read_bytes(struct reader *r, void *out, size_t len); /* zero-fills `out` on failure */
/* Borrowed bytes inside the reader's buffer; NULL (and failed) when fewer are left. */
const uint8_t *read_span(struct reader *r, size_t len);
void read_skip(struct reader *r, size_t len);

struct writer writer_make(void *data, size_t len);
bool writer_ok(const struct writer *w);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u48(struct writer *w, uint64_t v);
void write_u64(struct writer *w, uint64_t v);
void write_be64(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, const void *data, size_t len);
void write_zeroes(struct writer *w, size_t len);

/* The same conversions at a place that is known to be large enough. */
uint16_t load_u16(const uint8_t *p);
uint32_t load_u32(const uint8_t *p);
uint64_t load_u48(const uint8_t *p);
uint64_t load_u64(const uint8_t *p);
uint64_t load_be64(const uint8_t *p);
void store_u16(uint8_t *p, uint16_t v);
void store_u32(uint8_t *p, uint32_t v);
void store_u48(uint8_t *p, uint64_t v);
void store_u64(uint8_t *p, uint64_t v);
void store_be64(uint8_t *p, uint64_t v);
