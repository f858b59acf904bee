/* What logs say of each other: gathered by looking for it, before any line is judged. */
#include <stdlib.h>
#include <string.h>
#include "access/verify_internal.h"
#include "base/io.h"
#include "base/text.h"

#define ORIGIN "portable-vault/"
#define ROOT_DIGITS 44u

/* `origin\nsize\nroot\n` with `sep` for its line ends: as it stands in a line, or in a file. */
static const char *take_part(const char **at, const char *end, const char *sep, size_t *ret_len)
{
	const char *part = *at;
	const char *stop = memmem(part, (size_t)(end - part), sep, strlen(sep));

	if (!stop)
		return NULL;
	*ret_len = (size_t)(stop - part);
	*at = stop + strlen(sep);
	return part;
}

static bool parse_size(const char *text, size_t len, uint64_t *ret)
{
	*ret = 0;
	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(text[i] - '0');
	}
	return *ret > 0;
}

static uint32_t place_of(const struct verify *v, const char *origin, size_t len)
{
	const size_t host = strlen(ORIGIN_HOST), volume = strlen(ORIGIN_VOLUME);

	if (len > host && memcmp(origin, ORIGIN_HOST, host) == 0)
		return verify_place(v, LOG_HOST, origin + host, len - host);
	if (len > volume && memcmp(origin, ORIGIN_VOLUME, volume) == 0)
		return verify_place(v, LOG_VOLUME, origin + volume, len - volume);
	return UINT32_MAX;
}

/* False: it is none. A head of a log that is not here has no place. */
static bool parse(const struct verify *v, const char *at, const char *end, const char *sep,
		  struct claim *ret, const char **origin, size_t *origin_len)
{
	const char *size, *root;
	size_t size_len = 0, root_len = 0, got;

	*origin = take_part(&at, end, sep, origin_len);
	size = *origin && *origin_len < ORIGIN_MAX ? take_part(&at, end, sep, &size_len) : NULL;
	root = size && size_len < 20 ? take_part(&at, end, sep, &root_len) : NULL;
	if (!root || root_len != ROOT_DIGITS || !parse_size(size, size_len, &ret->size) ||
	    text_unbase64(root, root_len, true, ret->root, SHA256_LEN, &got) != OK ||
	    got != SHA256_LEN)
		return false;
	ret->target = place_of(v, *origin, *origin_len);
	return true;
}

static bool is_same(const struct claim *a, const struct claim *b)
{
	return a->target == b->target && a->size == b->size &&
	       memcmp(a->root, b->root, SHA256_LEN) == 0;
}

static enum err add(struct batch *b, size_t begin, const struct claim *c)
{
	struct claim *place;

	/* A closing often says what the opening said, and the next opening what the closing said.
	 */
	for (size_t i = b->claim_count; i > begin && i + 4 > b->claim_count; i--)
		if (is_same(&b->claims[i - 1], c))
			return OK;
	place = batch_grow(b->claims, &b->claim_count, &b->claim_cap, sizeof(*place));
	if (!place)
		return err_at(ERR_NOMEM, "heads");
	b->claims = place;
	b->claims[b->claim_count - 1] = *c;
	return OK;
}

/* `"witness":"` or `"head":"` stands before it; a `checkpoint` is of the log itself. */
static bool is_of_another(const char *begin, const char *at)
{
	static const char *const names[] = {"\"witness\":\"", "\"head\":\""};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if ((size_t)(at - begin) >= len && memcmp(at - len, names[i], len) == 0)
			return true;
	}
	return false;
}

enum err verify_gather(struct verify *v, uint32_t log, struct batch *b)
{
	CLEANUP(buf_clear) struct buf text = {0};
	const char *at, *end, *origin;
	size_t begin = b->claim_count, origin_len = 0;
	struct claim c = {.by = log};

	TRY(io_read_file(v->logs[log].copies[0].path, VERIFY_LOG_MAX, &text));
	at = text.data ? text.data : "";
	end = at + text.len;
	while ((at = memmem(at, (size_t)(end - at), ORIGIN, strlen(ORIGIN)))) {
		if (is_of_another(text.data, at) &&
		    parse(v, at, end, "\\n", &c, &origin, &origin_len) && c.target != UINT32_MAX)
			TRY(add(b, begin, &c));
		at++;
	}
	return OK;
}

enum err verify_gather_kept(struct verify *v, const char *text)
{
	const char *at = text, *end = text + strlen(text), *origin;
	struct claim c = {.by = CLAIM_KEPT};
	size_t origin_len = 0;
	bool any = false;
	char id[ORIGIN_MAX];

	for (; (at = strstr(at, ORIGIN)); at++) {
		/* Not the names of those who signed. */
		if ((at > text && at[-1] != '\n') ||
		    !parse(v, at, end, "\n", &c, &origin, &origin_len))
			continue;
		any = true;
		if (c.target != UINT32_MAX) {
			TRY(add(&v->all, 0, &c));
			continue;
		}
		memcpy(id, origin, origin_len);
		id[origin_len] = '\0';
		TRY(batch_find(&v->all, VERIFY_NO_LOG, strrchr(id, '/') + 1, "", c.size, 0));
	}
	return any ? OK : err_at(ERR_BAD_FORMAT, "no checkpoint");
}
