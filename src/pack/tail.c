#include "pack/tail.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "base/cursor.h"

#define SKIP_PADDING 0x184D2A5Cu
#define SKIP_INDEX 0x184D2A5Du
#define SKIP_SEEK 0x184D2A5Eu
#define SKIP_HEAD 8u
#define SEEK_MAGIC 0x8F92EAB1u
#define SEEK_ENTRY 8u
#define SEEK_FOOT 9u
#define INDEX_MAGIC "VPIDX001"
#define INDEX_HEAD 16u /* magic, bytes of the text */
#define INDEX_MAX (1u << 30)
#define INDEX_LEVEL 3

void tail_index_clear(struct tail_index *t)
{
	buf_clear(&t->text);
	t->count = 0;
}

/* A line is: type, size, time, offset, then the name up to a zero byte, which no name holds. */
enum err tail_index_add(struct tail_index *t, const struct tail_entry *e)
{
	TRY(buf_printf(&t->text, "%c %" PRIu64 " %" PRId64 " %" PRIu64 " ", e->type, e->size,
		       e->mtime, e->offset));
	TRY(buf_append(&t->text, e->name, strlen(e->name) + 1));
	if (t->text.len > INDEX_MAX)
		return err_at(ERR_TOO_BIG, "index of the pack");
	t->count++;
	return OK;
}

/* Padmé (Nikitin and others, 2019): the mantissa of the length keeps as many bits as its exponent
 * needs to be written down. */
uint64_t tail_padded(uint64_t len)
{
	unsigned exponent, kept = 1;
	uint64_t mask;

	if (len < 2)
		return len;
	exponent = 63u - (unsigned)__builtin_clzll(len);
	while (exponent >> kept)
		kept++;
	mask = (UINT64_C(1) << (exponent - MIN(kept, exponent))) - 1;
	return (len + mask) & ~mask;
}

static enum err put_head(struct age_sink into, uint32_t magic, size_t len)
{
	uint8_t head[SKIP_HEAD];
	struct writer w = writer_make(head, sizeof(head));

	write_u32(&w, magic);
	write_u32(&w, (uint32_t)len);
	return into.write(into.ctx, head, sizeof(head));
}

static enum err put_zeroes(struct age_sink into, size_t len)
{
	static const uint8_t zeroes[1 << 17]; /* sealed from where they lie */

	while (len > 0) {
		size_t part = MIN(len, sizeof(zeroes));

		TRY(into.write(into.ctx, zeroes, part));
		len -= part;
	}
	return OK;
}

/* ---- writing ---- */

static enum err press_index(const struct tail_index *index, struct buf *out)
{
	size_t cap = ZSTD_compressBound(index->text.len), len;
	CLEANUP(mem_freep) uint8_t *pressed = malloc(cap + INDEX_HEAD);

	if (!pressed)
		return err_at(ERR_NOMEM, "index of the pack");
	memcpy(pressed, INDEX_MAGIC, 8);
	store_u64(pressed + 8, index->text.len);
	len = ZSTD_compress(pressed + INDEX_HEAD, cap, index->text.len ? index->text.data : "",
			    index->text.len, INDEX_LEVEL);
	if (ZSTD_isError(len))
		return err_at(ERR_NOMEM, "index of the pack");
	return buf_append(out, pressed, INDEX_HEAD + len);
}

static enum err put_seek_entry(struct age_sink into, uint64_t sealed, uint32_t plain)
{
	uint8_t entry[SEEK_ENTRY];
	struct writer w = writer_make(entry, sizeof(entry));

	write_u32(&w, (uint32_t)sealed);
	write_u32(&w, plain);
	return into.write(into.ctx, entry, sizeof(entry));
}

/* Every frame before it has its entry, the padding and the index too. */
static enum err put_seek_table(struct age_sink into, const struct frame_size *sizes, size_t count,
			       size_t padding, size_t index_len)
{
	uint8_t foot[SEEK_FOOT];
	struct writer w = writer_make(foot, sizeof(foot));
	size_t entries = count + 1 + (padding > 0);

	TRY(put_head(into, SKIP_SEEK, entries * SEEK_ENTRY + SEEK_FOOT));
	for (size_t i = 0; i < count; i++)
		TRY(put_seek_entry(into, sizes[i].sealed, sizes[i].plain));
	if (padding > 0)
		TRY(put_seek_entry(into, padding, 0));
	TRY(put_seek_entry(into, SKIP_HEAD + index_len, 0));
	write_u32(&w, (uint32_t)entries);
	write_u8(&w, 0);
	write_u32(&w, SEEK_MAGIC);
	return into.write(into.ctx, foot, sizeof(foot));
}

/* Bytes of the padding frame with its head; 0 for none. */
static size_t padding_for(const struct frame_size *sizes, size_t count, size_t index_len)
{
	uint64_t len = SKIP_HEAD + index_len + SKIP_HEAD + (count + 2) * SEEK_ENTRY + SEEK_FOOT;

	for (size_t i = 0; i < count; i++)
		len += sizes[i].sealed;
	len += SKIP_HEAD;
	return (size_t)(tail_padded(len) - len) + SKIP_HEAD;
}

enum err tail_write(const struct tail_index *index, const struct frame_size *sizes, size_t count,
		    bool padded, struct age_sink into)
{
	CLEANUP(buf_clear) struct buf pressed = {0};
	size_t padding = 0;

	TRY(press_index(index, &pressed));
	if (padded)
		padding = padding_for(sizes, count, pressed.len);
	if (padding > UINT32_MAX || count > UINT32_MAX / SEEK_ENTRY - 4)
		return err_at(ERR_TOO_BIG, "pack");
	if (padding > 0) {
		TRY(put_head(into, SKIP_PADDING, padding - SKIP_HEAD));
		TRY(put_zeroes(into, padding - SKIP_HEAD));
	}
	TRY(put_head(into, SKIP_INDEX, pressed.len));
	TRY(into.write(into.ctx, pressed.data, pressed.len));
	return put_seek_table(into, sizes, count, padding, pressed.len);
}

/* ---- reading ---- */

static enum err bad_tail(void)
{
	return err_at(ERR_BAD_FORMAT, "index of the pack");
}

/* Where the index stands: right before the seek table, whose last entry tells its length. */
static enum err find_index(struct age_reader *pack, uint64_t *ret_at, uint32_t *ret_len)
{
	uint8_t foot[SEEK_FOOT], entry[SEEK_ENTRY], head[SKIP_HEAD];
	uint64_t len, table, index;

	TRY(age_reader_length(pack, &len));
	if (len < SEEK_FOOT + SEEK_ENTRY + 2 * SKIP_HEAD)
		return ERR_NOT_FOUND;
	TRY(age_reader_at(pack, len - SEEK_FOOT, foot, sizeof(foot)));
	if (load_u32(foot + 5) != SEEK_MAGIC)
		return ERR_NOT_FOUND;
	table = (uint64_t)load_u32(foot) * SEEK_ENTRY + SEEK_FOOT;
	if (foot[4] != 0 || load_u32(foot) == 0 || table + SKIP_HEAD > len)
		return bad_tail();
	TRY(age_reader_at(pack, len - SEEK_FOOT - SEEK_ENTRY, entry, sizeof(entry)));
	index = load_u32(entry);
	if (load_u32(entry + 4) != 0 || index < SKIP_HEAD || index + table + SKIP_HEAD > len)
		return ERR_NOT_FOUND;
	*ret_at = len - table - SKIP_HEAD - index;
	TRY(age_reader_at(pack, *ret_at, head, sizeof(head)));
	if (load_u32(head) != SKIP_INDEX)
		return ERR_NOT_FOUND;
	if (load_u32(head + 4) != index - SKIP_HEAD)
		return bad_tail();
	*ret_at += SKIP_HEAD;
	*ret_len = (uint32_t)(index - SKIP_HEAD);
	return OK;
}

static enum err unpress_index(const uint8_t *pressed, uint32_t len, char **ret, size_t *ret_len)
{
	uint64_t want;
	char *text;

	if (len < INDEX_HEAD || memcmp(pressed, INDEX_MAGIC, 8) != 0)
		return bad_tail();
	want = load_u64(pressed + 8);
	if (want > INDEX_MAX)
		return err_at(ERR_TOO_BIG, "index of the pack");
	text = malloc(want + 1);
	if (!text)
		return err_at(ERR_NOMEM, "index of the pack");
	if (ZSTD_decompress(text, want, pressed + INDEX_HEAD, len - INDEX_HEAD) != want) {
		free(text);
		return bad_tail();
	}
	*ret = text;
	*ret_len = (size_t)want;
	return OK;
}

/* A decimal number and the space behind it. */
static bool number(const char **at, const char *end, uint64_t *ret)
{
	const char *c = *at;
	uint64_t value = 0;

	if (c == end || *c < '0' || *c > '9')
		return false;
	for (; c < end && *c >= '0' && *c <= '9'; c++) {
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*c - '0');
	}
	if (c == end || *c != ' ')
		return false;
	*at = c + 1;
	*ret = value;
	return true;
}

static bool parse_entry(const char *line, const char *end, struct tail_entry *e)
{
	uint64_t mtime;
	bool before_1970;

	if (end - line < 3 || line[1] != ' ')
		return false;
	e->type = line[0];
	line += 2;
	if (!number(&line, end, &e->size))
		return false;
	before_1970 = line < end && *line == '-';
	line += before_1970;
	if (!number(&line, end, &mtime) || mtime > INT64_MAX || !number(&line, end, &e->offset))
		return false;
	e->mtime = before_1970 ? -(int64_t)mtime : (int64_t)mtime;
	e->name = line;
	return line < end;
}

static enum err each_entry(const char *text, size_t len,
			   enum err (*each)(void *ctx, const struct tail_entry *entry), void *ctx)
{
	const char *at = text, *all = text + len;

	while (at < all) {
		const char *end = memchr(at, '\0', (size_t)(all - at));
		struct tail_entry e;

		if (!end || !parse_entry(at, end, &e))
			return bad_tail();
		TRY(each(ctx, &e));
		at = end + 1;
	}
	return OK;
}

enum err tail_read(struct age_reader *pack,
		   enum err (*each)(void *ctx, const struct tail_entry *entry), void *ctx)
{
	CLEANUP(mem_freep) uint8_t *pressed = NULL;
	CLEANUP(mem_freep) char *text = NULL;
	uint32_t len = 0;
	uint64_t at = 0;
	size_t text_len = 0;

	TRY(find_index(pack, &at, &len));
	pressed = malloc(len);
	if (!pressed)
		return err_at(ERR_NOMEM, "index of the pack");
	TRY(age_reader_at(pack, at, pressed, len));
	TRY(unpress_index(pressed, len, &text, &text_len));
	return each_entry(text, text_len, each, ctx);
}
