#include "base/cursor.h"

#include <string.h>

struct reader reader_make(const void *data, size_t len)
{
	return (struct reader){.at = data, .left = len};
}

bool reader_ok(const struct reader *r)
{
	return !r->failed;
}

bool reader_done(const struct reader *r)
{
	return !r->failed && r->left == 0;
}

/* Once failed nothing is left, so every later read of at least one byte fails by itself. */
const uint8_t *read_span(struct reader *r, size_t len)
{
	const uint8_t *span = r->at;

	if (r->failed || len > r->left) {
		r->failed = true;
		r->left = 0;
		return NULL;
	}
	if (len > 0)
		r->at += len;
	r->left -= len;
	return span;
}

uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = read_span(r, 1);

	return p ? *p : 0;
}

uint16_t read_u16(struct reader *r)
{
	const uint8_t *p = read_span(r, 2);

	return p ? load_u16(p) : 0;
}

uint32_t read_u32(struct reader *r)
{
	const uint8_t *p = read_span(r, 4);

	return p ? load_u32(p) : 0;
}

uint64_t read_u48(struct reader *r)
{
	const uint8_t *p = read_span(r, 6);

	return p ? load_u48(p) : 0;
}

uint64_t read_u64(struct reader *r)
{
	const uint8_t *p = read_span(r, 8);

	return p ? load_u64(p) : 0;
}

uint64_t read_be64(struct reader *r)
{
	const uint8_t *p = read_span(r, 8);

	return p ? load_be64(p) : 0;
}

void read_bytes(struct reader *r, void *out, size_t len)
{
	const uint8_t *p = read_span(r, len);

	if (len == 0)
		return;
	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

void read_skip(struct reader *r, size_t len)
{
	read_span(r, len);
}

struct writer writer_make(void *data, size_t len)
{
	return (struct writer){.at = data, .left = len};
}

bool writer_ok(const struct writer *w)
{
	return !w->failed;
}

/* The place for `len` bytes; NULL when they do not fit, and from then on. */
static uint8_t *writer_room(struct writer *w, size_t len)
{
	uint8_t *room = w->at;

	if (w->failed || len > w->left) {
		w->failed = true;
		w->left = 0;
		return NULL;
	}
	if (len > 0)
		w->at += len;
	w->left -= len;
	return room;
}

void write_u8(struct writer *w, uint8_t v)
{
	uint8_t *p = writer_room(w, 1);

	if (p)
		*p = v;
}

void write_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = writer_room(w, 2);

	if (p)
		store_u16(p, v);
}

void write_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = writer_room(w, 4);

	if (p)
		store_u32(p, v);
}

void write_u48(struct writer *w, uint64_t v)
{
	uint8_t *p = writer_room(w, 6);

	if (p)
		store_u48(p, v);
}

void write_u64(struct writer *w, uint64_t v)
{
	uint8_t *p = writer_room(w, 8);

	if (p)
		store_u64(p, v);
}

void write_be64(struct writer *w, uint64_t v)
{
	uint8_t *p = writer_room(w, 8);

	if (p)
		store_be64(p, v);
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *p = writer_room(w, len);

	if (p && len > 0)
		memcpy(p, data, len);
}

void write_zeroes(struct writer *w, size_t len)
{
	uint8_t *p = writer_room(w, len);

	if (p && len > 0)
		memset(p, 0, len);
}

static uint64_t load_le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static void store_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

uint16_t load_u16(const uint8_t *p)
{
	return (uint16_t)load_le(p, 2);
}

uint32_t load_u32(const uint8_t *p)
{
	return (uint32_t)load_le(p, 4);
}

uint64_t load_u48(const uint8_t *p)
{
	return load_le(p, 6);
}

uint64_t load_u64(const uint8_t *p)
{
	return load_le(p, 8);
}

uint64_t load_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void store_u16(uint8_t *p, uint16_t v)
{
	store_le(p, v, 2);
}

void store_u32(uint8_t *p, uint32_t v)
{
	store_le(p, v, 4);
}

void store_u48(uint8_t *p, uint64_t v)
{
	store_le(p, v, 6);
}

void store_u64(uint8_t *p, uint64_t v)
{
	store_le(p, v, 8);
}

void store_be64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * (7 - i)));
}
