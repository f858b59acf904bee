/* Purging: what no state reaches is overwritten. FORMAT.md, "Free space and reuse". */
#include <stdlib.h>
#include <string.h>
#include "crypto/random.h"
#include "store/internal.h"

#define PURGE_RUN 256u /* blocks written at once */

struct purge {
	struct store *s;
	uint8_t *noise; /* PURGE_RUN blocks */
	struct {
		uint64_t addr;
		uint32_t blocks;
	} * taken;
	size_t count, cap;
	uint64_t done, total;
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

static enum err note_room(struct purge *p)
{
	size_t cap = p->cap ? p->cap * 2 : 256;
	void *grown;

	if (p->count < p->cap)
		return OK;
	grown = realloc(p->taken, cap * sizeof(*p->taken));
	if (!grown)
		return err_at(ERR_NOMEM, "purge");
	p->taken = grown;
	p->cap = cap;
	return OK;
}

static enum err overwrite(struct purge *p, uint64_t addr, uint32_t blocks)
{
	size_t len = (size_t)blocks * DISK_BLOCK;

	random_bytes(p->noise, len);
	TRY(disk_write(p->s->disk, DISK_DATA, addr * DISK_BLOCK, p->noise, len));
	p->done += blocks;
	if (p->progress)
		p->progress(p->ctx, MIN(p->done, p->total), p->total);
	return OK;
}

/* Takes runs of this length as long as there are any; what was taken is not met again. */
static enum err overwrite_runs(struct purge *p, uint32_t blocks)
{
	uint64_t addr;

	for (;;) {
		enum err err;

		TRY(note_room(p));
		err = alloc_take(p->s->alloc, blocks, &addr);
		if (err == ERR_NO_SPACE) {
			err_clear();
			return OK;
		}
		TRY(err);
		p->taken[p->count].addr = addr;
		p->taken[p->count++].blocks = blocks;
		TRY(overwrite(p, addr, blocks));
	}
}

static enum err overwrite_free(struct purge *p)
{
	struct alloc_info a;
	enum err err = OK;

	alloc_info(p->s->alloc, &a);
	p->total = MAX(a.owned - a.used - a.held, 1);
	p->noise = malloc((size_t)PURGE_RUN * DISK_BLOCK);
	if (!p->noise)
		return err_at(ERR_NOMEM, "purge");
	for (uint32_t blocks = PURGE_RUN; blocks > 0 && err == OK; blocks /= 4)
		err = overwrite_runs(p, blocks);
	return err;
}

enum err store_purge(struct store *s, void (*progress)(void *ctx, uint64_t done, uint64_t total),
		     void *ctx)
{
	struct purge p = {.s = s, .progress = progress, .ctx = ctx};
	enum err err;

	/* What was freed lately is held for states that might still be opened: let them pass. */
	TRY(store_settle(s));
	err = overwrite_free(&p);
	if (err == OK)
		err = disk_flush(s->disk, DISK_DATA);
	if (err != OK && err != ERR_NOMEM)
		(void)store_fail(s, err);
	for (size_t i = 0; i < p.count; i++)
		alloc_give(s->alloc, p.taken[i].addr, p.taken[i].blocks);
	free(p.taken);
	free(p.noise);
	return err;
}
