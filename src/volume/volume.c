/* Opening and closing, and the gates that every change goes through. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "crypto/random.h"

enum err rwlock_make(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	int rc;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	rc = pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return rc == 0 ? OK : ERR_NOMEM;
}

/* ---- gates ---- */

enum err volume_writable(struct volume *v)
{
	if (v->read_only)
		return ERR_READ_ONLY;
	return v->frozen == OK ? OK : ERR_FROZEN;
}

void volume_freeze(struct volume *v, enum err why)
{
	int thawed = OK;

	atomic_compare_exchange_strong(&v->frozen, &thawed, (int)why);
	store_freeze(v->store, why);
}

/* Anything but a lack of memory or space means that what is to be kept cannot be kept: then nothing
 * more may be promised either. */
void volume_note_error(struct volume *v, enum err err)
{
	if (err == OK || err == ERR_NOMEM || err == ERR_NO_SPACE || err == ERR_NOT_FOUND ||
	    v->read_only)
		return;
	volume_freeze(v, err);
}

/* With a committer the work is asked for early, so that nobody has to wait for it. */
static enum err room_for_items(struct volume *v)
{
	size_t items = v->table.dirty_count + v->pool.count;
	unsigned changes = v->tree_changes;

	if (items < DIRTY_ITEMS_MAX && changes < TREE_CHANGES_MAX)
		return OK;
	commits_hurry(v);
	if (items < 2 * DIRTY_ITEMS_MAX && changes < 2 * TREE_CHANGES_MAX)
		return OK;
	return volume_sync(v);
}

static enum err room_for_bytes(struct volume *v, size_t len)
{
	struct pool *p = &v->pool;

	while (p->bytes + len > POOL_BYTES_MAX) {
		enum err err;
		bool done;

		err = pool_flush_one(v, false, &done);
		if (err == ERR_NO_SPACE)
			err = volume_commit_now(v);
		TRY(err);
		if (done)
			continue;
		pthread_mutex_lock(&p->lock);
		if (p->count > 0 && list_is_empty(&p->ready) && list_is_empty(&p->rest))
			pthread_cond_wait(&p->changed, &p->lock);
		pthread_mutex_unlock(&p->lock);
	}
	return OK;
}

enum err volume_room(struct volume *v, size_t len)
{
	TRY(volume_writable(v));
	TRY(room_for_items(v));
	return len > 0 ? room_for_bytes(v, len) : OK;
}

enum err tree_begin(struct volume *v, unsigned items, bool freeing)
{
	TRY(store_write_begin(v->store, items, freeing));
	v->tree_changes += items;
	return OK;
}

/* ---- format ---- */

static enum err format_put(struct store *store, const struct meta *meta,
			   const struct inode_item *root)
{
	struct store_key key = item_key(0, ITEM_META, 0);
	uint8_t value[META_MAX];
	uint8_t inode[INODE_LEN];

	TRY(store_put(store, &key, value, meta_encode(meta, value)));
	inode_item_encode(root, inode);
	key = item_key(VOLUME_ROOT, ITEM_INODE, 0);
	return store_put(store, &key, inode, sizeof(inode));
}

static enum err format_write(struct store *store, const struct meta *meta,
			     const struct inode_item *root)
{
	uint8_t user[STORE_USER_LEN] = {0};
	enum err err;

	store_u64(user, VOLUME_ROOT + 1);
	TRY(store_write_begin(store, 2, false));
	err = format_put(store, meta, root);
	if (err != OK) {
		store_write_abort(store);
		return err;
	}
	store_write_end(store);
	TRY(store_commit_seal(store, user, true));
	return store_commit_flush(store);
}

enum err volume_format_sized(struct store *store, const char *label, uint32_t uid, uint32_t gid,
			     unsigned record_shift)
{
	struct timespec now = clock_wall();
	struct inode_item root = {
		.mode = S_IFDIR | 0700,
		.nlink = 2,
		.uid = uid,
		.gid = gid,
		.parent = VOLUME_ROOT,
		.atime = now,
		.mtime = now,
		.ctime = now,
		.btime = now,
	};
	struct meta meta = {.record_shift = record_shift};

	if (strlen(label) > META_LABEL_MAX || !text_is_utf8(label, strlen(label)))
		return err_at(ERR_INVALID, "label \"%s\"", label);
	memcpy(meta.label, label, strlen(label));
	random_bytes(meta.name_key, sizeof(meta.name_key));
	return format_write(store, &meta, &root);
}

enum err volume_format(struct store *store, const char *label, uint32_t uid, uint32_t gid)
{
	return volume_format_sized(store, label, uid, gid, VOLUME_RECORD_SHIFT);
}

/* ---- open and close ---- */

static enum err volume_load_meta(struct volume *v)
{
	struct store_key key = item_key(0, ITEM_META, 0);
	struct store_view view;
	enum err err;

	store_read_begin(v->store);
	err = store_find(v->store, &key, &view);
	if (err == OK)
		err = meta_decode(&view, &v->meta);
	store_read_end(v->store);
	if (err == ERR_NOT_FOUND)
		return err_at(ERR_MALFORMED, "the volume has no description");
	return err;
}

static enum err volume_load_counters(struct volume *v)
{
	uint8_t user[STORE_USER_LEN];
	struct reader r = reader_make(user, sizeof(user));

	store_user(v->store, user);
	v->next_ino = read_u64(&r);
	v->files = read_u64(&r);
	v->bytes = read_u64(&r);
	if (v->next_ino <= VOLUME_ROOT)
		return err_at(ERR_MALFORMED, "next inode number");
	return OK;
}

static enum err volume_new(struct store *store, struct volume **ret)
{
	struct volume *v = calloc(1, sizeof(*v));
	struct store_info info;

	if (!v)
		return ERR_NOMEM;
	if (table_init(&v->table) != OK) {
		free(v);
		return ERR_NOMEM;
	}
	if (rwlock_make(&v->ops) != OK) {
		table_clear(&v->table);
		free(v);
		return ERR_NOMEM;
	}
	pthread_mutex_init(&v->names, NULL);
	pool_init(&v->pool);
	commits_init(&v->commits);
	cache_init(&v->cache);
	v->store = store;
	store_info(store, &info);
	v->read_only = info.read_only;
	v->frozen = (int)info.frozen;
	*ret = v;
	return OK;
}

/* What is dirty here is lost: it belongs to a volume that could not commit it. */
static void volume_drop_dirty(struct volume *v)
{
	struct pool *p = &v->pool;

	while (!list_is_empty(&p->ready))
		chunk_discard(v, (struct chunk *)p->ready.next);
	while (!list_is_empty(&p->rest))
		chunk_discard(v, (struct chunk *)p->rest.next);
	while (!list_is_empty(&v->table.dirty))
		inode_clean(v, inode_of_dirty_link(v->table.dirty.next));
}

static void volume_free(struct volume *v)
{
	if (!v)
		return;
	committer_stop(v);
	sealers_stop(v);
	volume_drop_dirty(v);
	fund_spend(v);
	table_clear(&v->table);
	cache_clear(&v->cache);
	commits_clear(&v->commits);
	pool_clear(&v->pool);
	pthread_mutex_destroy(&v->names);
	pthread_rwlock_destroy(&v->ops);
	free(v);
}
DEFINE_FREEP(struct volume, volume_free)

enum err volume_open(struct store *store, struct volume **ret)
{
	CLEANUP(volume_freep) struct volume *v = NULL;

	TRY(volume_new(store, &v));
	TRY(volume_load_meta(v));
	TRY(volume_load_counters(v));
	v->shift = v->meta.record_shift;
	v->record = 1u << v->shift;
	if (volume_writable(v) == OK) {
		fund_fill(v);
		TRY(orphans_finish(v));
	}
	*ret = TAKE(v);
	return OK;
}

enum err volume_close(struct volume *v)
{
	enum err err = OK;

	if (!v)
		return OK;
	committer_stop(v);
	sealers_stop(v);
	if (volume_writable(v) == OK)
		table_drop_holds(v);
	if (volume_writable(v) == OK)
		err = volume_commit(v, true);
	else if (v->changed)
		err = ERR_FROZEN;
	volume_free(v);
	return err;
}

/* ---- facts ---- */

const char *volume_label(const struct volume *v)
{
	return v->meta.label;
}

void volume_totals(struct volume *v, struct volume_totals *ret)
{
	ret->files = v->files;
	ret->bytes = v->bytes;
}

void volume_statfs(struct volume *v, struct volume_statfs *ret)
{
	struct store_info info;

	store_info(v->store, &info);
	ret->total_bytes = info.total_blocks * DISK_BLOCK;
	ret->free_bytes = info.free_blocks * DISK_BLOCK;
	ret->files = v->files;
	ret->block_size = DISK_BLOCK;
}
