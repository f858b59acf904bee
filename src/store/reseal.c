/* Re-sealing: what older epochs sealed is opened and sealed under the newest, a leaf at a time.
 * FORMAT.md, "A new epoch". */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"

#define PAIR_MIN 8u /* records; fewer are not worth a thread */

/* One step: the old records of a leaf, and their new places. */
struct step {
	struct tree_older found;
	struct ref fresh[TREE_OLDER_MAX]; /* null: not sealed anew */
	uint8_t *data;			  /* twice STORE_RECORD_MAX bytes */
	bool pair;
	uint8_t value[STORE_VALUE_MAX];
	bool skipped;
};

/* The least key above. */
static struct store_key key_after(const struct store_key *key)
{
	struct store_key next = *key;

	if (++next.offset == 0 && ++next.kind == 0)
		next.object++;
	return next;
}

static bool same_record(const struct ref *a, const struct ref *b)
{
	return a->addr == b->addr && a->birth == b->birth &&
	       memcmp(a->sha256, b->sha256, SHA256_LEN) == 0;
}

static bool is_unreadable(enum err err)
{
	return err == ERR_FORGED || err == ERR_MALFORMED || err == ERR_IO || err == ERR_TRUNCATED;
}

/* Outside the lock: other work goes on, and may take the record away meanwhile. */
static enum err seal_anew(struct store *s, struct step *w, unsigned i, uint8_t *data)
{
	const struct store_key *key = &w->found.at[i].key;
	const struct ref *old = &w->found.at[i].record;
	enum err err = store_record_read(s, key, old, data);

	if (is_unreadable(err)) {
		err_clear();
		return OK;
	}
	TRY(err);
	err = store_record_write(s, key, data, old->extra, &w->fresh[i]);
	/* A long run may find no place in scattered space however much there is of it. */
	if (err == ERR_NO_SPACE && old->blocks > FORMAT_NODE_BLOCKS) {
		err_clear();
		return OK;
	}
	return err;
}

/* Every second record: opening and sealing is work for two cores. */
struct half {
	struct store *s;
	struct step *w;
	unsigned from, step;
	uint8_t *data;
	enum err err;
};

static enum err seal_half(const struct half *h)
{
	for (unsigned i = h->from; i < h->w->found.count; i += h->step)
		TRY(seal_anew(h->s, h->w, i, h->data));
	return OK;
}

static void *run_half(void *ctx)
{
	struct half *h = ctx;

	h->err = seal_half(h);
	return NULL;
}

static enum err seal_all(struct store *s, struct step *w)
{
	struct half other = {s, w, 1, 2, w->data + STORE_RECORD_MAX, OK};
	struct half own = {s, w, 0, 2, w->data, OK};
	pthread_t thread;

	if (!w->pair || w->found.count < PAIR_MIN ||
	    pthread_create(&thread, NULL, run_half, &other) != 0) {
		own.step = 1;
		return seal_half(&own);
	}
	own.err = seal_half(&own);
	pthread_join(thread, NULL);
	if (own.err == OK && other.err != OK)
		return err_at(other.err, "re-sealing");
	return own.err;
}

/* Under the lock. What is not there any more as it was found is left alone. */
static enum err put_anew(struct store *s, struct step *w, unsigned i, bool *ret_taken)
{
	const struct store_key *key = &w->found.at[i].key;
	struct store_view view;
	enum err err = tree_find(s->tree, key, TREE_EXACT, &view);

	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	if (!view.has_record || !same_record(&view.record, &w->found.at[i].record))
		return OK;
	if (ref_is_null(&w->fresh[i])) {
		w->skipped = true;
		return OK;
	}
	if (view.len > 0)
		memcpy(w->value, view.value, view.len);
	TRY(store_put_record(s, key, &w->fresh[i], w->value, view.len));
	*ret_taken = true;
	return OK;
}

static enum err put_all(struct store *s, struct step *w, bool taken[TREE_OLDER_MAX])
{
	enum err err = OK;

	TRY(store_write_begin(s, w->found.count + 1, true));
	for (unsigned i = 0; i < w->found.count && err == OK; i++)
		err = put_anew(s, w, i, &taken[i]);
	if (err == OK)
		err = tree_touch(s->tree, &w->found.first);
	if (err == OK) {
		store_write_end(s);
		return OK;
	}
	store_write_abort(s);
	memset(taken, 0, TREE_OLDER_MAX * sizeof(*taken));
	return err;
}

/* Records that were sealed and not taken have no other owner. */
static void drop_rest(struct store *s, const struct step *w, const bool taken[TREE_OLDER_MAX])
{
	for (unsigned i = 0; i < w->found.count; i++)
		if (!ref_is_null(&w->fresh[i]) && !taken[i])
			store_record_drop(s, &w->fresh[i]);
}

static enum err reseal_found(struct store *s, struct step *w)
{
	bool taken[TREE_OLDER_MAX] = {false};
	enum err err;

	TRY(store_reserve(s, w->found.blocks, true));
	err = seal_all(s, w);
	if (err == OK)
		err = put_all(s, w, taken);
	drop_rest(s, w, taken);
	store_unreserve(s, w->found.blocks);
	return err;
}

static enum err find(struct store *s, struct step *w, uint64_t blocks, const struct store_key *from)
{
	enum err err;

	store_read_begin(s);
	err = tree_older(s->tree, from, blocks, &w->found);
	store_read_end(s);
	return err;
}

static void note_done(struct store *s, struct store_reseal *at, const struct step *w)
{
	uint64_t done = w->found.blocks + (w->found.more ? 0 : FORMAT_NODE_BLOCKS);
	uint64_t left = s->older_blocks;

	s->older_blocks = left - MIN(left, done);
	at->done_blocks += done;
	at->next = key_after(&w->found.last);
}

static enum err step(struct store *s, struct step *w, uint64_t blocks, struct store_reseal *at)
{
	enum err err = find(s, w, blocks, &at->next);

	if (err == OK) {
		err = reseal_found(s, w);
		/* Little space is enough for one record after the other. */
		if (err == ERR_NO_SPACE && w->found.count > 1) {
			memset(w->fresh, 0, sizeof(w->fresh));
			err = find(s, w, 1, &at->next);
			if (err == OK)
				err = reseal_found(s, w);
		}
		if (err == OK)
			note_done(s, at, w);
	}
	at->skipped = at->skipped || w->skipped || w->found.skipped;
	return err;
}

enum err store_reseal_step(struct store *s, uint64_t blocks, struct store_reseal *at,
			   bool *ret_more)
{
	struct step *w;
	enum err err;

	TRY(store_usable(s));
	if (at->total_blocks == 0)
		at->total_blocks = MAX(s->older_blocks, 1);
	w = calloc(1, sizeof(*w));
	if (w)
		w->data = malloc(2 * STORE_RECORD_MAX);
	if (!w || !w->data) {
		free(w);
		return err_at(ERR_NOMEM, "re-sealing");
	}
	w->pair = at->pair;
	err = step(s, w, blocks, at);
	mem_wipe(w->data, 2 * STORE_RECORD_MAX);
	free(w->data);
	mem_wipe(w, sizeof(*w));
	free(w);
	*ret_more = err != ERR_NOT_FOUND;
	return err == ERR_NOT_FOUND ? OK : err;
}
