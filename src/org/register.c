#include "org/register.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/io.h"
#include "org/register_set.h"
#include "org/words.h"

enum err register_new(struct org_register **ret)
{
	struct org_register *r = calloc(1, sizeof(*r));

	if (!r)
		return err_at(ERR_NOMEM, "register");
	*ret = r;
	return OK;
}

void register_free(struct org_register *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		statement_clear(r->list[i]);
		free(r->list[i]);
	}
	free(r->list);
	free(r->all);
	free(r->table);
	free(r->dir);
	free(r->path);
	free(r->writer_path);
	free(r);
}

enum err register_open(struct home *h, struct org_register **ret)
{
	CLEANUP(register_freep) struct org_register *r = NULL;

	TRY(register_new(&r));
	r->dir = strdup(home_register_dir(h));
	r->path = io_path_join(home_register_dir(h), "statements.txt");
	r->writer_path = io_path_join(home_register_dir(h), "writer");
	if (!r->dir || !r->path || !r->writer_path)
		return err_at(ERR_NOMEM, "register");
	TRY(register_load(r));
	*ret = TAKE(r);
	return OK;
}

/* ---- looking ---- */

bool register_is_empty(const struct org_register *r)
{
	return r->count == 0;
}

const uint8_t *register_org(const struct org_register *r)
{
	return r->has_org ? r->org : NULL;
}

void register_words(const uint8_t org[ORG_ID_LEN], char out[96])
{
	size_t at = 0;

	for (unsigned i = 0; i < 6; i++) {
		const char *word = fingerprint_words[org[i]];
		size_t len = strlen(word);

		if (i > 0)
			out[at++] = '-';
		memcpy(out + at, word, len);
		at += len;
	}
	out[at] = '\0';
}

size_t register_count(const struct org_register *r)
{
	return r->count;
}

const struct statement *register_at(const struct org_register *r, size_t i)
{
	return r->list[i];
}

const struct statement *register_find(const struct org_register *r, const uint8_t id[SHA256_LEN])
{
	size_t slot = register_slot(r, id);

	return slot == NO_SLOT ? NULL : r->all[slot];
}

void register_digest(const struct org_register *r, uint8_t out[SHA256_LEN])
{
	uint8_t *ids = malloc(r->count * SHA256_LEN + 1);

	memset(out, 0, SHA256_LEN);
	if (!ids)
		return;
	for (size_t i = 0; i < r->count; i++)
		memcpy(ids + i * SHA256_LEN, r->list[i]->id, SHA256_LEN);
	sha256(ids, r->count * SHA256_LEN, out);
	free(ids);
}

/* ---- from elsewhere ---- */

struct taking {
	const struct statement *s;
	bool fresh;
};

static enum err make_taken(struct org_register *r, void *ctx, struct buf *out)
{
	struct taking *t = ctx;

	if (!r->has_org && t->s->kind != STATEMENT_ORG)
		return err_at(ERR_SENDER, "statement of another society");
	if (r->has_org && memcmp(r->org, t->s->org, ORG_ID_LEN) != 0)
		return err_at(ERR_SENDER, "statement of another society");
	t->fresh = register_slot(r, t->s->id) == NO_SLOT;
	return t->fresh ? buf_append(out, t->s->text, t->s->len) : OK;
}

enum err register_take(struct org_register *r, const char *text, size_t len, bool *ret_new)
{
	CLEANUP(statement_clear) struct statement s = { 0 };
	struct taking t = { .s = &s };

	TRY(statement_read(text, len, &s));
	TRY(register_append(r, &(struct append){ make_taken, &t }));
	if (ret_new)
		*ret_new = t.fresh;
	return OK;
}

struct merging {
	const struct org_register *from;
	size_t fresh;
};

static enum err make_merged(struct org_register *r, void *ctx, struct buf *out)
{
	struct merging *m = ctx;

	if (r->has_org && memcmp(r->org, m->from->org, ORG_ID_LEN) != 0)
		return err_at(ERR_SENDER, "register of another society");
	for (size_t i = 0; i < m->from->count; i++) {
		const struct statement *s = m->from->list[i];

		if (register_slot(r, s->id) != NO_SLOT)
			continue;
		TRY(buf_append(out, s->text, s->len));
		m->fresh++;
	}
	return OK;
}

static bool has_all(const struct org_register *r, const struct org_register *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (register_slot(r, from->list[i]->id) == NO_SLOT)
			return false;
	return true;
}

enum err register_merge(struct org_register *into, const struct org_register *from,
			size_t *ret_new)
{
	struct merging m = { .from = from };

	if (from->count > 0 && !register_is_founded(from))
		return err_at(ERR_BAD_FORMAT, "register without its beginning");
	/* Nothing new: then nothing is written, not even on a computer that cannot. */
	if (!has_all(into, from))
		TRY(register_append(into, &(struct append){ make_merged, &m }));
	if (ret_new)
		*ret_new = m.fresh;
	return OK;
}

/* ---- writing ---- */

struct writing {
	enum statement_kind kind;
	const struct statement_field *fields;
	size_t count;
	const struct sign_key *key;
	uint8_t id[SHA256_LEN]; /* of what was written */
};

static int64_t now(void)
{
	int64_t t = clock_wall().tv_sec;

	return t < 0 ? 0 : MIN(t, STATEMENT_TIME_MAX);
}

static void fill_draft(const struct org_register *r, const struct writing *w,
		       struct statement *draft)
{
	*draft = (struct statement){ .kind = w->kind, .seq = 1, .clock = 1, .time = now() };
	if (r->has_org)
		memcpy(draft->org, r->org, ORG_ID_LEN);
	memcpy(draft->writer, r->writer, WRITER_LEN);
	draft->fields = (struct statement_field *)(uintptr_t)w->fields;
	draft->field_count = w->count;
}

static enum err sign_into(struct writing *w, const struct statement *draft, struct buf *out)
{
	CLEANUP(statement_clear) struct statement s = { 0 };

	TRY(statement_sign(draft, w->key, &s));
	memcpy(w->id, s.id, SHA256_LEN);
	return buf_append(out, s.text, s.len);
}

/* ---- its place ---- */

/* The last one of the chain that the key and this home write; NULL: none yet. *ret_whole: all of the
 * chain stands. */
static const struct statement *find_tip(const struct org_register *r, const struct sign_key *key,
					const uint8_t *flags, bool *ret_whole)
{
	const struct statement *tip = NULL;

	*ret_whole = true;
	for (size_t slot = 0; slot < r->count; slot++) {
		const struct statement *s = r->all[slot];

		if (memcmp(s->writer, r->writer, WRITER_LEN) != 0 ||
		    memcmp(s->signer, sign_key_vkey(key), SIGN_VKEY_LEN) != 0)
			continue;
		if (flags[slot] != 0)
			*ret_whole = false;
		if (!tip || s->seq > tip->seq)
			tip = s;
	}
	return tip;
}

static void strike(const struct org_register *r, const uint8_t id[SHA256_LEN], uint8_t *named)
{
	size_t slot = register_slot(r, id);

	if (slot != NO_SLOT)
		named[slot] = 1;
}

/* Marks what another statement that stands names. */
static void mark_named(const struct org_register *r, const uint8_t *flags, uint8_t *named)
{
	for (size_t slot = 0; slot < r->count; slot++) {
		const struct statement *s = r->all[slot];

		if (flags[slot] != 0)
			continue;
		if (s->seq > 1)
			strike(r, s->prev, named);
		for (size_t i = 0; i < s->seen_count; i++)
			strike(r, s->seen[i], named);
	}
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

/* The newest that nobody named yet, so that the clock is right. */
static enum err fill_seen(const struct org_register *r, const uint8_t *flags,
			  struct statement *draft)
{
	CLEANUP(mem_freep) uint8_t *named = calloc(1, r->count + 1);

	if (!named)
		return err_at(ERR_NOMEM, "register");
	mark_named(r, flags, named);
	strike(r, draft->prev, named);
	for (size_t i = r->count; i-- > 0 && draft->seen_count < STATEMENT_SEEN_MAX;) {
		const struct statement *s = r->list[i];
		size_t slot = register_slot(r, s->id);

		if (named[slot] || flags[slot] != 0)
			continue;
		memcpy(draft->seen[draft->seen_count++], s->id, SHA256_LEN);
		draft->clock = MAX(draft->clock, s->clock + 1);
	}
	qsort(draft->seen, draft->seen_count, SHA256_LEN, by_id);
	return OK;
}

static enum err make_written(struct org_register *r, void *ctx, struct buf *out)
{
	CLEANUP(mem_freep) uint8_t *flags = calloc(1, r->count + 1);
	const struct statement *tip;
	struct writing *w = ctx;
	struct statement draft;
	bool whole;

	if (!r->has_org)
		return err_at(ERR_NOT_FOUND, "register");
	if (!flags)
		return err_at(ERR_NOMEM, "register");
	TRY(chains_judge(r, flags));
	TRY(register_need_writer(r, false));
	tip = find_tip(r, w->key, flags, &whole);
	/* A copy of this home wrote too, or something is lost: what is added there counts for nothing. */
	if (!whole) {
		TRY(register_need_writer(r, true));
		tip = NULL;
	}
	fill_draft(r, w, &draft);
	if (tip) {
		draft.seq = tip->seq + 1;
		draft.clock = tip->clock + 1;
		memcpy(draft.prev, tip->id, SHA256_LEN);
	}
	TRY(fill_seen(r, flags, &draft));
	return sign_into(w, &draft, out);
}

static enum err make_founding(struct org_register *r, void *ctx, struct buf *out)
{
	struct writing *w = ctx;
	struct statement draft;

	if (r->has_org)
		return err_at(ERR_EXISTS, "register");
	TRY(register_need_writer(r, false));
	fill_draft(r, w, &draft);
	return sign_into(w, &draft, out);
}

enum err register_write(struct org_register *r, enum statement_kind kind,
			const struct statement_field *fields, size_t count,
			const struct sign_key *key, const struct statement **ret)
{
	struct writing w = { .kind = kind, .fields = fields, .count = count, .key = key };

	if (kind == STATEMENT_ORG)
		return err_at(ERR_INVALID, "statement: kind");
	TRY(register_append(r, &(struct append){ make_written, &w }));
	if (ret)
		*ret = register_find(r, w.id);
	return OK;
}

enum err register_found(struct org_register *r, const struct statement_field *fields, size_t count,
			const struct sign_key *key)
{
	struct writing w = { .kind = STATEMENT_ORG, .fields = fields, .count = count, .key = key };

	return register_append(r, &(struct append){ make_founding, &w });
}

/* ---- as a text ---- */

enum err register_print(const struct org_register *r, struct buf *out)
{
	for (size_t i = 0; i < r->count; i++)
		TRY(buf_append(out, r->list[i]->text, r->list[i]->len));
	return OK;
}

enum err register_read(const char *text, size_t len, struct org_register **ret)
{
	CLEANUP(register_freep) struct org_register *r = NULL;

	TRY(register_new(&r));
	TRY(register_add_text(r, text, len, true, NULL));
	if (r->count > 0 && !register_is_founded(r))
		return err_at(ERR_BAD_FORMAT, "register without its beginning");
	*ret = TAKE(r);
	return OK;
}

/* ---- when it was exchanged ---- */

static enum err synced_path(struct home *h, struct buf *ret)
{
	return buf_printf(ret, "%s/synced", home_register_dir(h));
}

int64_t register_synced(struct home *h)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	size_t digits;

	if (synced_path(h, &path) != OK || io_read_file(path.data, 32, &text) != OK || !text.data)
		return 0;
	digits = strspn(text.data, "0123456789");
	if (digits == 0 || digits > 15 || strcmp(text.data + digits, "\n") != 0)
		return 0;
	return strtoll(text.data, NULL, 10);
}

enum err register_note_sync(struct home *h, int64_t when)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };

	TRY(synced_path(h, &path));
	TRY(buf_printf(&text, "%" PRId64 "\n", when));
	TRY(io_make_dirs(home_register_dir(h), 0700));
	return io_replace_file(path.data, text.data, text.len, 0600);
}
