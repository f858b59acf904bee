/* A whole volume whose items are not what they should be.
 *
 * The input is what happens to the items of a prepared volume, 13 bytes each: which item, how,
 * where, value. They go through the store, so all of it is sealed and in its place. What opens must
 * be safe to check, read and change; and what the check finds good must be found whole by a walk
 * from the root and stay good after changes. The first byte chooses: read-only or with changes. */
#include "tests/fuzz.h"
#include <fcntl.h>
#include "base/clock.h"
#include "crypto/random.h"
#include "tests/store/sim_disk.h"
#include "volume/items.h"
#include "volume/volume.h"

#define PATCHES 12u
#define ITEMS_MAX 256u
#define DEPTH_MAX 24u
#define READ_MAX 200000u

const unsigned fuzz_cost = 200;

static struct {
	struct sim *sim;
	struct secret *key;
	struct sign_key *host;
	struct store_door door;
	struct store_unlock unlock;
	uint8_t user[STORE_USER_LEN];
	struct store_key items[ITEMS_MAX];
	unsigned count;
} base;

static uint64_t random_state;

/* The same ones for the same input. Threads draw too; which of them is first does not matter. */
static void same_bytes(void *out, size_t len)
{
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(sim_random(&random_state) >> 32);
}

/* ---- the prepared volume ---- */

static uint64_t add(struct volume *v, uint64_t parent, const char *name, uint32_t mode)
{
	struct volume_attr attr;

	MUST(volume_make(v, parent, name, mode, 1, 2, &attr) == OK);
	return attr.ino;
}

static void write_to(struct volume *v, uint64_t ino, uint64_t off, size_t len)
{
	static uint8_t bytes[40000];

	memset(bytes, 'a' + (int)(off % 7), len);
	MUST(volume_write(v, ino, off, bytes, len) == OK);
}

static void fill(struct volume *v)
{
	uint64_t folder = add(v, VOLUME_ROOT, "folder", S_IFDIR | 0755);
	uint64_t inner = add(v, folder, "inner", S_IFDIR | 0755);
	uint64_t small = add(v, folder, "small", S_IFREG | 0644);
	uint64_t large = add(v, inner, "large", S_IFREG | 0600);
	uint64_t holes = add(v, VOLUME_ROOT, "holes", S_IFREG | 0600);
	struct volume_attr attr;

	write_to(v, small, 0, 100);
	write_to(v, large, 0, 40000);
	write_to(v, holes, 100000, 5000);
	(void)add(v, VOLUME_ROOT, "empty", S_IFREG | 0400);
	(void)add(v, VOLUME_ROOT, "pipe", S_IFIFO | 0600);
	(void)add(v, inner, "\xe5\xa4\xa7\xe9\x98\xaa", S_IFDIR | 0700);
	MUST(volume_symlink(v, VOLUME_ROOT, "link", "folder/small", 1, 2, &attr) == OK);
	MUST(volume_link(v, small, inner, "second", &attr) == OK);
	MUST(volume_set_xattr(v, small, "user.short", "value", 5, 0) == OK);
	MUST(volume_set_xattr(v, large, "user.long", base.user, sizeof(base.user), 0) == OK);
}

/* What the program keeps: a note in three pieces, and lines. */
static void keep(struct volume *v)
{
	static uint8_t bytes[300000];
	char line[32];

	MUST(volume_note_put(v, NOTE_REGISTER, bytes, sizeof(bytes)) == OK);
	MUST(volume_note_put(v, 2, "some", 4) == OK);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(line, sizeof(line), "{\"event\":\"unlock\",\"n\":%u}", i);
		MUST(volume_log_append(v, line, strlen(line)) == OK);
	}
}

/* What the program keeps comes last, so that kept inputs mean the same items as before there was such. */
static void note_items_of(struct store *s, bool kept)
{
	struct store_key key = {0};
	struct store_view view;

	store_read_begin(s);
	while (base.count < ITEMS_MAX && store_find_ge(s, &key, &view) == OK) {
		key = view.key;
		if ((key.object == 0 && key.kind >= ITEM_NOTE) == kept)
			base.items[base.count++] = key;
		key.offset++;
	}
	store_read_end(s);
}

static void note_items(struct store *s)
{
	note_items_of(s, false);
	note_items_of(s, true);
	MUST(base.count > 20 && base.count < ITEMS_MAX);
}

static void prepare_keys(void)
{
	MUST(crypto_init() == OK);
	random_override(same_bytes);
	MUST(secret_random(32, &base.key) == OK && sign_key_random(&base.host) == OK);
	base.door = (struct store_door){.epoch = 1, .epoch_key = base.key};
	base.unlock =
		(struct store_unlock){.doors = &base.door, .door_count = 1, .host_key = base.host};
}

static struct timespec same_time(void)
{
	return (struct timespec){.tv_sec = 1700000000};
}

static void prepare(void)
{
	struct sim_options options = {.blocks_max = 2048};
	struct store_report report;
	struct volume *v = NULL;
	struct store *s = NULL;
	struct disk *disk;

	prepare_keys();
	clock_override(same_time);
	base.sim = sim_new(&options);
	disk = sim_disk(base.sim);
	MUST(store_format(disk, &base.unlock, base.user) == OK);
	MUST(store_open(disk, &base.unlock, &s, &report) == OK);
	MUST(volume_format(s, "FUZZ-01", 1000, 1000) == OK && volume_open(s, &v) == OK);
	fill(v);
	keep(v);
	MUST(volume_close(v) == OK);
	store_user(s, base.user);
	note_items(s);
	store_close(s);
	disk_close(disk);
}

/* ---- patches ---- */

struct item {
	struct store_key key;
	struct ref record;
	bool has_record;
	uint8_t value[STORE_VALUE_MAX];
	size_t len;
};

static bool take_item(struct store *s, const struct store_key *key, struct item *ret)
{
	struct store_view view;

	if (store_find(s, key, &view) != OK)
		return false;
	ret->key = *key;
	ret->record = view.record;
	ret->has_record = view.has_record;
	ret->len = view.len;
	if (view.len > 0)
		memcpy(ret->value, view.value, view.len);
	return true;
}

/* Items with a record keep it, so that its blocks live on. */
static enum err put_item(struct store *s, const struct item *item)
{
	if (item->has_record)
		return OK;
	return store_put(s, &item->key, item->value, item->len);
}

static void patch_key(struct store_key *key, size_t at, uint64_t value)
{
	if (at % 3 == 0)
		key->object = value % 20;
	else if (at % 3 == 1)
		key->kind = (uint8_t)(value % 11);
	else
		key->offset = value;
}

static void patch_value(struct item *item, unsigned how, size_t at, uint64_t value)
{
	size_t len = (size_t)1 << how % 4;
	uint8_t bytes[8];

	store_u64(bytes, value);
	if (item->len == 0)
		return;
	at %= item->len;
	memcpy(item->value + at, bytes, MIN(len, item->len - at));
}

static enum err patch_item(struct store *s, const struct store_key *key, unsigned how, size_t at,
			   uint64_t value)
{
	static struct item item;

	if (!take_item(s, key, &item))
		return OK;
	switch (how / 4 % 6) {
	case 0: /* moved */
		patch_key(&item.key, at, value);
		TRY(put_item(s, &item));
		return item.has_record ? OK : store_delete(s, key);
	case 1: /* there twice */
		patch_key(&item.key, at, value);
		return put_item(s, &item);
	case 2:
		return store_delete(s, key);
	case 3: /* of another length */
		item.len = MIN(at, sizeof(item.value));
		return put_item(s, &item);
	default:
		patch_value(&item, how, at, value);
		return put_item(s, &item);
	}
}

static void patch_all(struct store *s, struct reader *r)
{
	uint8_t user[STORE_USER_LEN];

	memcpy(user, base.user, sizeof(user));
	for (unsigned i = 0; i < PATCHES && r->left > 0; i++) {
		unsigned number = read_u8(r), how = read_u8(r);
		size_t at = read_u16(r);
		uint64_t value = read_u64(r);

		read_skip(r, 1);
		if (number == 255) {
			user[at % 24] = (uint8_t)value;
			continue;
		}
		MUST(store_write_begin(s, 2, false) == OK);
		MUST(patch_item(s, &base.items[number % base.count], how, at, value) == OK);
		store_write_end(s);
	}
	MUST(store_commit_seal(s, user, true) == OK && store_commit_flush(s) == OK);
}

/* ---- a walk from the root ---- */

struct names {
	struct {
		char name[VOLUME_NAME_BYTES + 1];
		uint64_t ino;
		uint32_t type;
	} at[64];
	unsigned count;
};

struct walk {
	struct volume *v;
	bool good; /* by the check: everything must succeed */
	uint64_t met[64];
	unsigned met_count;
};

static bool keep_name(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct names *n = ctx;

	if (n->count == ARRAY_LEN(n->at))
		return false;
	snprintf(n->at[n->count].name, sizeof(n->at[0].name), "%s", name);
	n->at[n->count].ino = attr->ino;
	n->at[n->count++].type = attr->mode & S_IFMT;
	return true;
}

/* False when it was met before: in a volume that is not good folders may hold each other. */
static bool meet(struct walk *w, uint64_t ino)
{
	for (unsigned i = 0; i < w->met_count; i++)
		if (w->met[i] == ino)
			return false;
	if (w->met_count < ARRAY_LEN(w->met))
		w->met[w->met_count++] = ino;
	return true;
}

static void read_file(const struct walk *w, const struct volume_attr *attr)
{
	static uint8_t bytes[READ_MAX];
	uint64_t off = attr->size > READ_MAX ? attr->size - READ_MAX : 0;
	size_t got = 0;
	enum err err = volume_read(w->v, attr->ino, off, bytes, sizeof(bytes), &got);

	MUST(err != OK || got <= sizeof(bytes));
	MUST(!w->good || (err == OK && got == attr->size - off));
	err = volume_read(w->v, attr->ino, 0, bytes, sizeof(bytes), &got);
	MUST(!w->good || (err == OK && got == MIN(attr->size, (uint64_t)READ_MAX)));
}

static void read_link(const struct walk *w, const struct volume_attr *attr)
{
	char target[VOLUME_SYMLINK_MAX + 1];
	enum err err = volume_readlink(w->v, attr->ino, target, sizeof(target));

	MUST(!w->good || (err == OK && strlen(target) == attr->size));
}

static void read_xattrs(const struct walk *w, uint64_t ino)
{
	static char names[VOLUME_XATTR_MAX], value[VOLUME_XATTR_MAX];
	size_t len = 0, got;
	enum err err = volume_list_xattr(w->v, ino, names, sizeof(names), &len);

	MUST(!w->good || err == OK);
	if (err != OK)
		return;
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		err = volume_get_xattr(w->v, ino, name, value, sizeof(value), &got);
		MUST(!w->good || err == OK);
	}
}

static void walk_folder(struct walk *w, uint64_t ino, unsigned depth);

static void walk_one(struct walk *w, uint64_t ino, uint32_t type, unsigned depth)
{
	struct volume_attr attr;
	enum err err = volume_getattr(w->v, ino, &attr);

	MUST(!w->good || (err == OK && (attr.mode & S_IFMT) == type));
	if (err != OK || !meet(w, ino))
		return;
	if (S_ISREG(attr.mode))
		read_file(w, &attr);
	if (S_ISLNK(attr.mode))
		read_link(w, &attr);
	read_xattrs(w, ino);
	if (S_ISDIR(attr.mode) && depth < DEPTH_MAX)
		walk_folder(w, ino, depth + 1);
}

static void walk_folder(struct walk *w, uint64_t ino, unsigned depth)
{
	struct names *n = calloc(1, sizeof(*n));
	struct volume_attr attr;
	enum err err;

	MUST(n && (!w->good || depth < DEPTH_MAX));
	err = volume_readdir(w->v, ino, 0, depth % 2 == 0, keep_name, n);
	MUST(!w->good || err == OK);
	for (unsigned i = 0; i < n->count && w->met_count < ARRAY_LEN(w->met); i++) {
		err = volume_lookup(w->v, ino, n->at[i].name, &attr);
		MUST(!w->good || (err == OK && attr.ino == n->at[i].ino));
		walk_one(w, n->at[i].ino, n->at[i].type, depth);
	}
	free(n);
}

/* ---- what must hold ---- */

static bool check(struct volume *v, uint64_t *ret_files)
{
	struct volume_check_result r;

	MUST(volume_check(v, NULL, NULL, NULL, &r) == OK);
	*ret_files = r.files;
	return r.problems == 0 && r.store.bad_nodes == 0 && r.store.bad_records == 0 &&
	       r.store.doubly_used_blocks == 0 && r.store.unreachable_blocks == 0;
}

static enum err meet_line(void *ctx, uint64_t number, const char *line, size_t len)
{
	uint64_t *due = ctx;

	MUST(number == (*due)++ && len > 0 && len <= JOURNAL_LINE_MAX && !memchr(line, '\n', len));
	return OK;
}

static void look_at_kept(struct volume *v, struct store *s, bool good)
{
	uint64_t lines = 0, count = 0;
	enum err err;

	for (uint32_t id = 1; id <= 3; id++) {
		struct buf note = {0};

		err = volume_note_get(v, id, &note);
		MUST(!good || err == OK || err == ERR_NOT_FOUND);
		MUST(note.len <= NOTE_MAX);
		buf_clear(&note);
	}
	err = journal_each(s, 0, meet_line, &lines);
	MUST(!good || err == OK);
	err = journal_count(s, &count);
	MUST(!good || (err == OK && count == lines));
}

static bool look(struct volume *v, struct store *s)
{
	struct walk w = {.v = v};
	uint64_t files;

	w.good = check(v, &files);
	walk_one(&w, VOLUME_ROOT, S_IFDIR, 0);
	MUST(!w.good || w.met_count == files + 1);
	look_at_kept(v, s, w.good);
	return w.good;
}

/* Errors are fine in a volume that is not good. */
static void change(struct volume *v, bool good)
{
	struct names *n = calloc(1, sizeof(*n));
	struct volume_attr attr = {0};
	enum err err = volume_make(v, VOLUME_ROOT, "fresh", S_IFREG | 0600, 1, 2, &attr);

	MUST(n && (!good || err == OK));
	if (err == OK) {
		err = volume_write(v, attr.ino, 1000, "some text", 9);
		MUST(!good || err == OK);
	}
	err = volume_readdir(v, VOLUME_ROOT, 0, false, keep_name, n);
	MUST(!good || err == OK);
	for (unsigned i = 0; i < n->count; i++) {
		uint64_t ino = n->at[i].ino;

		attr.size = 2000;
		if (n->at[i].type == S_IFREG)
			(void)!volume_setattr(v, ino, VOLUME_SET_SIZE, &attr, NULL);
		(void)!volume_write(v, ino, 20000, "text", 4);
		(void)!volume_rename(v, VOLUME_ROOT, n->at[i].name, VOLUME_ROOT, "other", 0);
		(void)!volume_unlink(v, VOLUME_ROOT, "other", NULL);
		(void)!volume_rmdir(v, VOLUME_ROOT, "other", NULL);
	}
	free(n);
	err = volume_note_put(v, NOTE_REGISTER, "fresh", 5);
	MUST(!good || err == OK);
	err = volume_log_append(v, "fresh", 5);
	MUST(!good || err == OK);
	err = volume_sync(v);
	MUST(!good || err == OK);
}

static void try_volume(struct store *s, bool changes)
{
	struct volume *v = NULL;
	enum err err = volume_open(s, &v);
	bool good;

	if (err != OK) {
		MUST(!v && err != ERR_INTERNAL && err != ERR_NOMEM);
		return;
	}
	good = look(v, s);
	if (changes) {
		change(v, good);
		MUST(!good || look(v, s));
	}
	err = volume_close(v);
	MUST(!good || err == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_make(data, size);
	struct store_report report;
	struct store_unlock unlock;
	struct store *s = NULL;
	struct disk *disk;
	struct sim *sim;
	bool changes;

	if (!base.sim)
		prepare();
	random_state = 1;
	sim = sim_copy(base.sim);
	disk = sim_disk(sim);
	unlock = base.unlock;
	changes = read_u8(&r) & 1;
	MUST(store_open(disk, &unlock, &s, &report) == OK);
	patch_all(s, &r);
	try_volume(s, changes);
	store_close(s);
	disk_close(disk);
	sim_free(sim);
	return 0;
}
