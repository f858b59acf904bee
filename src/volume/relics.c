#include "volume/relics.h"
#include <stdlib.h>
#include <string.h>

void relics_clear(struct relics *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->at[i].path);
	for (size_t i = 0; i < r->name_count; i++)
		free(r->names[i].text);
	free(r->at);
	free(r->names);
	free(r->by_folder);
	free(r->orphans);
	free(r->lost);
}

static enum err array_room(void **array, size_t count, size_t *cap, size_t size)
{
	size_t wide = *cap ? *cap * 2 : 64;
	void *grown;

	if (count < *cap)
		return OK;
	grown = realloc(*array, wide * size);
	if (!grown)
		return err_at(ERR_NOMEM, "salvage");
	*array = grown;
	*cap = wide;
	return OK;
}

bool relic_is_folder(const struct relic *r)
{
	return S_ISDIR(r->item.mode);
}

bool relic_is_lost(const struct relic *r)
{
	return !r->has_inode && !r->has_content && !relic_is_folder(r);
}

/* ---- taking items ---- */

static enum err relic_of(struct relics *r, uint64_t ino, struct relic **ret)
{
	if (r->count == 0 || r->at[r->count - 1].ino != ino) {
		TRY(array_room((void **)&r->at, r->count, &r->cap, sizeof(*r->at)));
		r->at[r->count++] = (struct relic){.ino = ino};
	}
	*ret = &r->at[r->count - 1];
	return OK;
}

static enum err take_of_volume(struct relics *r, const struct store_view *view)
{
	struct orphan_item orphan;
	struct meta meta;

	if (view->key.kind == ITEM_META && meta_decode(view, &meta) == OK)
		memcpy(r->label, meta.label, sizeof(r->label));
	if (view->key.kind != ITEM_ORPHAN || orphan_decode(view, &orphan) != OK ||
	    orphan.what != ORPHAN_DELETE)
		return OK;
	TRY(array_room((void **)&r->orphans, r->orphan_count, &r->orphan_cap, sizeof(*r->orphans)));
	r->orphans[r->orphan_count++] = view->key.offset;
	return OK;
}

static enum err take_name(struct relics *r, const struct store_view *view, enum salvage_trust trust)
{
	struct relic_name *name;
	struct dirent_item item;

	if (dirent_decode(view, &item) != OK)
		return OK; /* its file turns up without a name */
	TRY(array_room((void **)&r->names, r->name_count, &r->name_cap, sizeof(*r->names)));
	name = &r->names[r->name_count];
	*name = (struct relic_name){.folder = view->key.object,
				    .ino = item.ino,
				    .type = (uint32_t)item.type << 12,
				    .trust = trust};
	name->text = strndup(item.name, item.name_len);
	if (!name->text)
		return err_at(ERR_NOMEM, "salvage");
	r->name_count++;
	return OK;
}

uint64_t relics_blocks(const struct store_view *view)
{
	return view->has_record ? view->record.blocks * (uint64_t)(DISK_BLOCK / 512)
				: (view->len + 511) / 512;
}

enum err relics_take(struct relics *r, const struct store_view *view, enum salvage_trust trust)
{
	struct relic *relic;

	if (view->key.object == 0)
		return take_of_volume(r, view);
	TRY(relic_of(r, view->key.object, &relic));
	switch (view->key.kind) {
	case ITEM_INODE:
		relic->has_inode = inode_item_decode(view, &relic->item) == OK;
		relic->trust = trust;
		return OK;
	case ITEM_INLINE:
	case ITEM_EXTENT:
		relic->has_content = true;
		relic->blocks[trust] += relics_blocks(view);
		return OK;
	case ITEM_DIRENT:
		relic->has_names = true;
		return take_name(r, view, trust);
	default:
		return OK;
	}
}

/* ---- settling ---- */

struct relic *relics_find(const struct relics *r, uint64_t ino)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->at[mid].ino == ino)
			return &r->at[mid];
		if (r->at[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool relics_lost(const struct relics *r, uint64_t ino, uint8_t kind, uint64_t from, uint64_t to)
{
	const struct store_key a = item_key(ino, kind, from), b = item_key(ino, kind, to);

	for (size_t i = 0; i < r->lost_count; i++)
		if (store_key_compare(&r->lost[i].from, &b) < 0 &&
		    store_key_compare(&r->lost[i].to, &a) > 0)
			return true;
	return false;
}

static int by_inode(const void *a, const void *b)
{
	const struct relic_name *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->trust != y->trust)
		return x->trust < y->trust ? -1 : 1;
	if (x->folder != y->folder)
		return x->folder < y->folder ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int by_folder(const void *a, const void *b)
{
	const struct relic_name *x = *(struct relic_name *const *)a;
	const struct relic_name *y = *(struct relic_name *const *)b;

	if (x->folder != y->folder)
		return x->folder < y->folder ? -1 : 1;
	return strcmp(x->text, y->text);
}

bool relics_has_name(const struct relics *r, uint64_t folder, const char *text)
{
	const struct relic_name name = {.folder = folder, .text = (char *)text}, *key = &name;

	return r->name_count > 0 &&
	       bsearch(&key, r->by_folder, r->name_count, sizeof(*r->by_folder), by_folder) != NULL;
}

static enum err sort_names(struct relics *r)
{
	if (r->name_count == 0)
		return OK;
	qsort(r->names, r->name_count, sizeof(*r->names), by_inode);
	r->by_folder = malloc(r->name_count * sizeof(*r->by_folder));
	if (!r->by_folder)
		return err_at(ERR_NOMEM, "salvage");
	for (size_t i = 0; i < r->name_count; i++)
		r->by_folder[i] = &r->names[i];
	qsort(r->by_folder, r->name_count, sizeof(*r->by_folder), by_folder);
	return OK;
}

static void link_names(struct relics *r)
{
	for (size_t i = 0; i < r->name_count; i++) {
		struct relic *relic = relics_find(r, r->names[i].ino);

		if (!relic)
			continue;
		if (relic->name_count++ == 0)
			relic->name_at = i;
	}
}

/* What nobody described is what its surest name calls it, or what its items suit. */
static void guess(struct relics *r, struct relic *relic)
{
	uint32_t type = relic->has_names || relic->ino == VOLUME_ROOT ? S_IFDIR : S_IFREG;

	if (relic->has_inode)
		return;
	if (relic->name_count > 0)
		type = r->names[relic->name_at].type;
	relic->item.mode = type | (type == S_IFDIR ? 0700 : 0600);
	relic->item.nlink = 1;
	relic->trust = SALVAGE_OLDER;
}

/* A name of an older state is overruled by what is surer: that the file has all its names already,
 * that it is of another kind, or that it is gone. */
static void drop_names(struct relics *r, struct relic *relic)
{
	size_t good = 0;

	for (size_t i = 0; i < relic->name_count; i++) {
		struct relic_name *name = &r->names[relic->name_at + i];
		bool all_known = S_ISDIR(relic->item.mode) ? good > 0 : good >= relic->item.nlink;

		if (name->type != (relic->item.mode & S_IFMT) ||
		    (name->trust != SALVAGE_PROVEN && all_known))
			name->dropped = true;
		else
			good++;
	}
}

static bool is_orphan(const struct relics *r, uint64_t ino)
{
	for (size_t i = 0; i < r->orphan_count; i++)
		if (r->orphans[i] == ino)
			return true;
	return false;
}

size_t relics_names_left(const struct relics *r, const struct relic *relic)
{
	size_t left = 0;

	for (size_t i = 0; i < relic->name_count; i++)
		left += !r->names[relic->name_at + i].dropped;
	return left;
}

/* Deleted: the volume says so, or an older state alone knows it and no name can be missing. */
static bool was_deleted(const struct relics *r, const struct relic *relic)
{
	if (relic->ino == VOLUME_ROOT)
		return false;
	if (is_orphan(r, relic->ino) || (relic->has_inode && relic->item.nlink == 0))
		return true;
	if (relics_names_left(r, relic) > 0 || r->names_lost)
		return false;
	return !relic->has_inode || relic->trust == SALVAGE_OLDER;
}

/* The surest set of content that makes up what the description counts. */
static void choose_content(struct relic *relic)
{
	uint64_t sum = 0;

	relic->accept = SALVAGE_OLDER;
	if (!relic->has_inode)
		return;
	for (unsigned trust = SALVAGE_PROVEN; trust <= SALVAGE_OLDER; trust++) {
		sum += relic->blocks[trust];
		if (sum == relic->item.blocks) {
			relic->is_complete = true;
			relic->accept = (enum salvage_trust)trust;
			return;
		}
	}
}

bool relics_folder_names_lost(const struct relics *r, const struct relic *relic)
{
	return relic_is_folder(relic) && (relic->trust != SALVAGE_PROVEN ||
					  relics_lost(r, relic->ino, ITEM_DIRENT, 0, UINT64_MAX));
}

/* Names of a folder that itself is known by its name only. */
static bool unseen_folder_lost(const struct relics *r)
{
	for (size_t i = 0; i < r->name_count; i++)
		if (S_ISDIR(r->names[i].type) && !relics_find(r, r->names[i].ino))
			return true;
	return relics_find(r, VOLUME_ROOT) == NULL;
}

/* A name that only an older state knows, of a file that the last state surely did not have, or in a
 * folder that it did not have. */
static void drop_names_of_nothing(struct relics *r)
{
	for (size_t i = 0; i < r->name_count; i++) {
		struct relic_name *name = &r->names[i];
		const struct relic *folder = relics_find(r, name->folder);

		if (name->trust != SALVAGE_OLDER)
			continue;
		if (!relics_find(r, name->ino) && !relics_lost(r, name->ino, ITEM_INODE, 0, 1))
			name->dropped = true;
		if (folder && folder->is_deleted)
			name->dropped = true;
	}
}

enum err relics_settle(struct relics *r, const struct salvage_range *lost, size_t lost_count)
{
	r->lost = malloc((lost_count + 1) * sizeof(*r->lost));
	if (!r->lost)
		return err_at(ERR_NOMEM, "salvage");
	if (lost_count > 0)
		memcpy(r->lost, lost, lost_count * sizeof(*r->lost));
	r->lost_count = lost_count;
	TRY(sort_names(r));
	link_names(r);
	for (size_t i = 0; i < r->count; i++) {
		guess(r, &r->at[i]);
		drop_names(r, &r->at[i]);
		choose_content(&r->at[i]);
		r->names_lost |= relics_folder_names_lost(r, &r->at[i]);
	}
	r->names_lost |= unseen_folder_lost(r);
	for (size_t i = 0; i < r->count; i++)
		r->at[i].is_deleted = was_deleted(r, &r->at[i]);
	drop_names_of_nothing(r);
	for (size_t i = 0; i < r->count; i++)
		r->at[i].is_deleted = was_deleted(r, &r->at[i]);
	return OK;
}
