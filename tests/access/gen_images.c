/* Makes the vaults that tests/images keeps: whole ones with every kind of object, and ones that were
 * sealed with the right keys and yet are impossible. Usage: gen_images FOLDER (existing and empty), or
 * gen_images FOLDER HOME for the one named "keeping" alone, by the staff key in the folder HOME.
 * Prints what tests/images/lib/make.py must know to break bytes from outside, a JSON object a line. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "access/internal.h"
#include "store/folder_disk.h"
#include "store/internal.h"
#include "tests/access/people.h"
#include "tests/check.h"
#include "volume/internal.h"

#define AGING 9u /* commits after which a state is not recent any more */

static char top[256];
static struct person person;

static char *path_in(const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", top, name);
	return out;
}

/* ---- content ---- */

static void fill(uint8_t *out, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((i * 2654435761u ^ seed * 40503u) >> 7);
}

static void put_content(struct volume *v, uint64_t ino, uint64_t off, size_t len, uint32_t seed)
{
	uint8_t *data = malloc(len + 1);

	fill(data, len, seed);
	assert_ok(volume_write(v, ino, off, data, len));
	free(data);
}

static uint64_t add(struct volume *v, uint64_t parent, const char *name, uint32_t mode)
{
	struct volume_attr attr;

	assert_ok(volume_make(v, parent, name, mode, 1000, 1000, &attr));
	return attr.ino;
}

static uint64_t add_file(struct volume *v, uint64_t parent, const char *name, size_t len)
{
	uint64_t ino = add(v, parent, name, S_IFREG | 0644);

	if (len > 0)
		put_content(v, ino, 0, len, (uint32_t)len);
	return ino;
}

static void add_xattr(struct volume *v, uint64_t ino, const char *name, size_t len)
{
	uint8_t value[VOLUME_XATTR_MAX];

	fill(value, len, 7);
	assert_ok(volume_set_xattr(v, ino, name, value, len, 0));
}

static void set_attr(struct volume *v, uint64_t ino, unsigned mask, const struct volume_attr *in)
{
	assert_ok(volume_setattr(v, ino, mask, in, NULL));
}

/* ---- opening ---- */

static void make_vault(const char *name, const char *label, bool separated, char path[512])
{
	struct vault_new what = { .label = label, .separated = separated };
	char dir[512];
	char *made;

	what.dir = path_in(name, dir);
	shell("mkdir '%s'%s", dir, "");
	assert_ok(vault_create(&person.actor, &what, &made));
	snprintf(path, 512, "%s", made);
	free(made);
}

static struct vault *open_vault(const char *path)
{
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_open(&person.actor, path, false, NULL, &v, &facts));
	return v;
}

/* Past the volume: items as they are, and what a state says of itself. */
struct raw {
	struct vault v;
	struct meta meta;
	uint8_t user[STORE_USER_LEN];
};

static void raw_open(struct raw *r, const char *path)
{
	struct store_key key = item_key(0, ITEM_META, 0);
	struct store_view view;

	memset(r, 0, sizeof(*r));
	assert_ok(vault_unlock(&person.actor, path, false, &r->v));
	store_user(r->v.store, r->user);
	store_read_begin(r->v.store);
	assert_ok(store_find(r->v.store, &key, &view));
	assert_ok(meta_decode(&view, &r->meta));
	store_read_end(r->v.store);
	assert_ok(vault_line_open(&r->v)); /* goes with the first commit, if there is one */
}

static void raw_commit(struct raw *r, unsigned times)
{
	for (unsigned i = 1; i <= times; i++) {
		assert_ok(store_commit_seal(r->v.store, r->user, i == times));
		assert_ok(store_commit_flush(r->v.store));
	}
}

static void raw_close(struct raw *r)
{
	folder_disk_hide_times(r->v.disk);
	vault_clear(&r->v);
}

static void raw_put(struct raw *r, struct store_key key, const void *value, size_t len)
{
	assert_ok(store_write_begin(r->v.store, 1, false));
	assert_ok(store_put(r->v.store, &key, value, len));
	store_write_end(r->v.store);
}

static void raw_delete(struct raw *r, struct store_key key)
{
	assert_ok(store_write_begin(r->v.store, 1, true));
	assert_ok(store_delete(r->v.store, &key));
	store_write_end(r->v.store);
}

static void raw_put_ref(struct raw *r, struct store_key key, const struct ref *ref)
{
	assert_ok(store_write_begin(r->v.store, 1, false));
	assert_ok(store_put_record(r->v.store, &key, ref, NULL, 0));
	store_write_end(r->v.store);
}

static struct ref raw_record(struct raw *r, struct store_key key, size_t len)
{
	uint8_t *data = calloc(1, len);
	struct ref ref;

	assert_ok(store_reserve(r->v.store, store_record_blocks(len), false));
	assert_ok(store_record_write(r->v.store, &key, data, len, &ref));
	store_unreserve(r->v.store, store_record_blocks(len));
	free(data);
	return ref;
}

static void raw_put_extent(struct raw *r, uint64_t ino, uint64_t off, size_t len)
{
	struct store_key key = item_key(ino, ITEM_EXTENT, off);
	struct ref ref = raw_record(r, key, len);

	raw_put_ref(r, key, &ref);
}

static struct ref raw_ref(struct raw *r, struct store_key key)
{
	struct store_view view;

	store_read_begin(r->v.store);
	assert_ok(store_find(r->v.store, &key, &view));
	store_read_end(r->v.store);
	return view.record;
}

static struct inode_item raw_inode(struct raw *r, uint64_t ino)
{
	struct store_key key = item_key(ino, ITEM_INODE, 0);
	struct inode_item item;
	struct store_view view;

	store_read_begin(r->v.store);
	assert_ok(store_find(r->v.store, &key, &view));
	assert_ok(inode_item_decode(&view, &item));
	store_read_end(r->v.store);
	return item;
}

static void raw_put_inode(struct raw *r, uint64_t ino, const struct inode_item *item)
{
	uint8_t value[INODE_LEN];

	inode_item_encode(item, value);
	raw_put(r, item_key(ino, ITEM_INODE, 0), value, sizeof(value));
}

static uint64_t name_bucket(struct raw *r, const char *name)
{
	return dirent_bucket(r->meta.name_key, name, strlen(name));
}

static void raw_put_name(struct raw *r, uint64_t folder, const char *name, uint64_t ino,
			 uint32_t mode)
{
	uint8_t value[STORE_VALUE_MAX];
	size_t len = dirent_encode(ino, mode, name, strlen(name), value);

	raw_put(r, item_key(folder, ITEM_DIRENT, name_bucket(r, name)), value, len);
}

static void raw_put_orphan(struct raw *r, uint64_t ino, unsigned what, uint64_t size)
{
	struct orphan_item item = { .what = what, .size = size };
	uint8_t value[ORPHAN_LEN];

	orphan_encode(&item, value);
	raw_put(r, item_key(0, ITEM_ORPHAN, ino), value, sizeof(value));
}

/* Counters of the volume: next inode number, files, bytes. */
static void raw_count(struct raw *r, unsigned field, int64_t by)
{
	struct reader in = reader_make(r->user + 8 * field, 8);

	store_u64(r->user + 8 * field, read_u64(&in) + (uint64_t)by);
}

static void raw_facts(struct raw *r, const char *name, struct store_key key)
{
	struct ref root, leaf, record = raw_ref(r, key);
	uint8_t page[FORMAT_PAGE_LEN];
	unsigned depth = tree_depth(r->v.store->tree);

	tree_root(r->v.store->tree, &root);
	leaf = root;
	for (unsigned level = depth; level-- > 1;) {
		assert_ok(node_load(r->v.disk, r->v.store->sealer, &leaf, level, page));
		ref_decode(page_child(page, page_count(page) - 1), &leaf);
	}
	printf("{\"image\": \"%s\", \"root\": %llu, \"leaf\": %llu, \"record\": %llu, "
	       "\"depth\": %u, \"generation\": %llu, \"used\": %llu}\n",
	       name, (unsigned long long)root.addr, (unsigned long long)leaf.addr,
	       (unsigned long long)record.addr, depth,
	       (unsigned long long)r->v.store->durable.generation,
	       (unsigned long long)r->v.store->durable.used_blocks);
}

/* ---- whole: every kind of object ---- */

static void grow_files(struct volume *v, uint64_t folder)
{
	uint64_t sparse = add_file(v, folder, "sparse", 0), holes;

	add_file(v, folder, "empty", 0);
	add_file(v, folder, "one byte", 1);
	add_file(v, folder, "inline", 2048);
	add_file(v, folder, "one window", 5000);
	add_file(v, folder, "full window", 16384);
	add_file(v, folder, "windows", 100000);
	put_content(v, sparse, 3 << 20, 3, 1);
	put_content(v, sparse, 40000, 10, 2);
	holes = add_file(v, folder, "holes", 65536);
	assert_ok(volume_fallocate(v, holes, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384,
				   20000));
	set_attr(v, add_file(v, folder, "inline and windows", 700), VOLUME_SET_SIZE,
		 &(struct volume_attr){ .size = 90000 });
}

static void grow_kinds(struct volume *v, uint64_t folder)
{
	struct volume_attr attr;
	uint64_t file = add_file(v, folder, "first name", 321);

	assert_ok(volume_link(v, file, folder, "second name", &attr));
	assert_ok(volume_link(v, file, VOLUME_ROOT, "third name", &attr));
	assert_ok(volume_symlink(v, folder, "link", "../files/inline", 1000, 1000, &attr));
	assert_ok(volume_symlink(v, folder, "broken link", "nowhere", 1000, 1000, &attr));
	add(v, folder, "pipe", S_IFIFO | 0600);
	add(v, folder, "socket", S_IFSOCK | 0600);
	file = add_file(v, folder, "attributes", 10);
	add_xattr(v, file, "user.empty", 0);
	add_xattr(v, file, "user.short", 20);
	add_xattr(v, file, "user.long", 3000);
	add_xattr(v, file, "user.注記", 50);
	add_xattr(v, folder, "user.of a folder", 5);
}

static void grow_times(struct volume *v, uint64_t folder)
{
	struct volume_attr old = { .mtime = { -1, 999999999 }, .atime = { -86400, 1 } };
	struct volume_attr far = { .mtime = { INT64_C(4102444800), 5 }, .atime = { 0, 0 } };
	struct volume_attr mode = { .mode = 07751 };

	set_attr(v, add_file(v, folder, "before 1970", 4), VOLUME_SET_MTIME | VOLUME_SET_ATIME, &old);
	set_attr(v, add_file(v, folder, "2100", 4), VOLUME_SET_MTIME | VOLUME_SET_ATIME, &far);
	set_attr(v, add_file(v, folder, "all bits", 4), VOLUME_SET_MODE, &mode);
	mode.mode = 0;
	set_attr(v, add_file(v, folder, "no bits", 4), VOLUME_SET_MODE, &mode);
}

static void grow_names(struct volume *v, uint64_t folder)
{
	uint64_t deep = folder;
	char name[VOLUME_NAME_BYTES + 1] = "";

	add_file(v, folder, "健診結果～2026年度.csv", 12);
	add_file(v, folder, "a\nb\\c \x01", 12);
	add_file(v, folder, "\xff\xfe not UTF-8", 12);
	for (unsigned i = 0; i < 85; i++)
		strcat(name, "長");
	add_file(v, folder, name, 12);
	for (unsigned i = 0; i < 12; i++)
		deep = add(v, deep, "深い", S_IFDIR | 0755);
	add_file(v, deep, "bottom", 12);
	for (unsigned i = 0; i < 170; i++)
		strcat(name, "い");
	add_file(v, add(v, VOLUME_ROOT, "long", S_IFDIR | 0755), name, 4000);
}

static uint64_t next_number(struct raw *r)
{
	struct reader in = reader_make(r->user, 8);

	raw_count(r, 0, 1);
	return read_u64(&in) - 1;
}

/* A name in the fourth place of its bucket, as when others before it are gone. */
static void grow_bucket(struct raw *r, uint64_t folder)
{
	struct inode_item item = { .mode = S_IFREG | 0600, .nlink = 1 };
	uint64_t ino = next_number(r);
	uint8_t value[STORE_VALUE_MAX];
	size_t len = dirent_encode(ino, item.mode, "moved up", 8, value);

	raw_put_inode(r, ino, &item);
	raw_put(r, item_key(folder, ITEM_DIRENT, name_bucket(r, "moved up") + 3), value, len);
	raw_count(r, 1, 1);
}

/* One without names whose items are still there, and one that is to be cut. */
static void grow_orphans(struct raw *r, uint64_t cut)
{
	uint64_t ino = next_number(r);
	struct inode_item item = { .mode = S_IFREG | 0600, .size = 5000, .blocks = 16 };

	raw_put_inode(r, ino, &item);
	raw_put_extent(r, ino, 0, 5000);
	raw_put_orphan(r, ino, ORPHAN_DELETE, 0);
	raw_put_orphan(r, cut, ORPHAN_TRUNCATE, 20000);
}

static void make_whole(void)
{
	char path[512];
	uint64_t files, many, cut;
	struct volume *v;
	struct vault *vault;
	struct raw r;
	char name[32];

	make_vault("whole", "WHOLE", true, path);
	vault = open_vault(path);
	v = vault_volume(vault);
	files = add(v, VOLUME_ROOT, "files", S_IFDIR | 0750);
	grow_files(v, files);
	grow_kinds(v, add(v, VOLUME_ROOT, "kinds", S_IFDIR | 0755));
	grow_times(v, add(v, VOLUME_ROOT, "times", S_IFDIR | 01777));
	grow_names(v, add(v, VOLUME_ROOT, "names", S_IFDIR | 0700));
	many = add(v, VOLUME_ROOT, "many", S_IFDIR | 0755);
	for (unsigned i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "%03u", i);
		add_file(v, many, name, i % 40);
	}
	assert_ok(volume_sync(v));
	for (unsigned i = 0; i < 150; i += 3) {
		snprintf(name, sizeof(name), "%03u", i);
		assert_ok(volume_unlink(v, many, name, NULL));
	}
	cut = add_file(v, files, "being cut", 50000);
	assert_ok(vault_close(vault));
	raw_open(&r, path);
	grow_bucket(&r, many);
	grow_orphans(&r, cut);
	raw_commit(&r, AGING);
	raw_facts(&r, "whole", item_key(files + 7, ITEM_EXTENT, 16384));
	raw_close(&r);
}

/* ---- whole, and special ---- */

/* Windows of 128 KiB, one of them in pieces as scattered space makes them. */
static void make_wide(void)
{
	char path[512];
	struct vault *vault;
	struct inode_item item;
	uint8_t value[META_MAX];
	struct raw r;
	uint64_t ino;

	make_vault("wide", "WIDE", true, path);
	raw_open(&r, path);
	r.meta.record_shift = 17;
	raw_put(&r, item_key(0, ITEM_META, 0), value, meta_encode(&r.meta, value));
	raw_commit(&r, 1);
	raw_close(&r);
	vault = open_vault(path);
	add_file(vault_volume(vault), VOLUME_ROOT, "one window", 70000);
	ino = add_file(vault_volume(vault), VOLUME_ROOT, "pieces", 0);
	assert_ok(vault_close(vault));
	raw_open(&r, path);
	for (uint64_t off = 0; off < 40000; off += 16384)
		raw_put_extent(&r, ino, off, MIN(16384u, 40000 - off));
	item = raw_inode(&r, ino);
	item.size = 40000;
	item.blocks = 10 * 8;
	raw_put_inode(&r, ino, &item);
	raw_count(&r, 2, 40000);
	raw_commit(&r, 1);
	raw_close(&r);
}

/* In the middle of re-sealing; the KEY file of before is kept beside. */
static void make_rekeyed(void)
{
	struct vault_rekey how = { 0 };
	struct vault_rekeyed done;
	struct store_reseal at = { 0 };
	struct vault *vault;
	struct raw r;
	char path[512], old[512], name[32];
	bool more = true;

	make_vault("rekeyed", "REKEYED", true, path);
	vault = open_vault(path);
	for (unsigned i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "%03u", i);
		add_file(vault_volume(vault), VOLUME_ROOT, name, i % 12 ? 300 : 5000);
	}
	assert_ok(vault_close(vault));
	shell("cp '%s/KEY0.AGE' '%s'", path, path_in("older-key", old));
	assert_ok(vault_rekey(&person.actor, path, &how, &done));
	raw_open(&r, path);
	for (unsigned i = 0; i < 2; i++)
		assert_ok(store_reseal_step(r.v.store, 2, &at, &more));
	assert_true(more);
	raw_commit(&r, 1);
	assert_int_equal(store_oldest_epoch(r.v.store), 1);
	raw_close(&r);
}

/* As the medium stands while it is used. */
static void make_unclean(void)
{
	char path[512], dir[512];
	struct vault *vault;
	struct volume *v;
	uint64_t last;
	struct raw r;

	make_vault("live", "UNCLEAN", true, path);
	vault = open_vault(path);
	v = vault_volume(vault);
	add_file(v, VOLUME_ROOT, "saved", 5000);
	assert_ok(volume_sync(v));
	last = add_file(v, VOLUME_ROOT, "saved last", 30000);
	assert_ok(volume_sync(v));
	shell("cp -rp '%s' '%s'", path_in("live", path), path_in("unclean", dir));
	r.v = *vault; /* only to look at */
	raw_facts(&r, "unclean", item_key(last, ITEM_EXTENT, 16384));
	assert_ok(vault_close(vault));
	shell("rm -r '%s'%s", path_in("live", path), "");
}

/* What the program keeps beside the files: notes, and the lines of sessions of several kinds. */
static void make_keeping(char path[512])
{
	struct vault_rekey how = { .wait = true };
	static uint8_t note[300000];
	struct vault_rekeyed done;
	struct vault *vault;

	make_vault("keeping", "KEEPING", true, path);
	vault = open_vault(path);
	add_file(vault_volume(vault), VOLUME_ROOT, "a", 5000);
	fill(note, sizeof(note), 11);
	assert_ok(volume_note_put(vault_volume(vault), NOTE_REGISTER, note, sizeof(note)));
	assert_ok(volume_note_put(vault_volume(vault), 2, "short", 5));
	assert_ok(vault_close(vault));
	assert_ok(vault_rekey(&person.actor, path, &how, &done));
	for (unsigned i = 0; i < 3; i++) {
		vault = open_vault(path);
		put_content(vault_volume(vault), VOLUME_ROOT + 1, 0, 100, i);
		assert_ok(vault_close(vault));
	}
}

/* ---- sealed, and yet impossible ---- */

/* What the small vault has, by what it is called there. */
struct ground {
	struct raw r;
	uint64_t a, b, d, c, e, link, pipe, gone;
};

/* Without key separation. /a one extent, /b inline, /d/c three windows, /d/e a folder, /link, /pipe. */
static void make_plain(char path[512])
{
	struct volume_attr attr;
	struct vault *vault;
	struct volume *v;
	uint64_t d;

	make_vault("plain", "PLAIN", false, path);
	vault = open_vault(path);
	v = vault_volume(vault);
	add_file(v, VOLUME_ROOT, "a", 5000);
	add_file(v, VOLUME_ROOT, "b", 500);
	d = add(v, VOLUME_ROOT, "d", S_IFDIR | 0755);
	add_file(v, d, "c", 40000);
	add(v, d, "e", S_IFDIR | 0755);
	assert_ok(volume_symlink(v, VOLUME_ROOT, "link", "d/c", 1000, 1000, &attr));
	add(v, VOLUME_ROOT, "pipe", S_IFIFO | 0600);
	add_file(v, VOLUME_ROOT, "gone", 10);
	assert_ok(volume_sync(v));
	assert_ok(volume_unlink(v, VOLUME_ROOT, "gone", NULL));
	assert_ok(vault_close(vault));
}

static void ground_open(struct ground *g, const char *path)
{
	memset(g, 0, sizeof(*g));
	raw_open(&g->r, path);
	g->a = 2;
	g->b = 3;
	g->d = 4;
	g->c = 5;
	g->e = 6;
	g->link = 7;
	g->pipe = 8;
	g->gone = 9;
}

static void edit_links(struct ground *g, uint64_t ino, int by, uint64_t parent)
{
	struct inode_item item = raw_inode(&g->r, ino);

	item.nlink += (uint32_t)by;
	item.parent = parent ? parent : item.parent;
	raw_put_inode(&g->r, ino, &item);
}

static void edit_size(struct ground *g, uint64_t ino, int64_t size, int64_t blocks)
{
	struct inode_item item = raw_inode(&g->r, ino);

	item.size += (uint64_t)size;
	item.blocks += (uint64_t)blocks;
	raw_put_inode(&g->r, ino, &item);
	if (S_ISREG(item.mode))
		raw_count(&g->r, 2, size);
}

static void wrong_link_count(struct ground *g)
{
	edit_links(g, g->a, 1, 0);
}

static void wrong_folder_count(struct ground *g)
{
	edit_links(g, g->d, 1, 0);
}

static void wrong_parent(struct ground *g)
{
	edit_links(g, g->e, 0, VOLUME_ROOT);
}

static void name_without_file(struct ground *g)
{
	raw_put_name(&g->r, g->d, "ghost", g->gone, S_IFREG);
}

static void file_without_name(struct ground *g)
{
	struct inode_item item = { .mode = S_IFREG | 0600, .nlink = 1 };

	raw_put_inode(&g->r, g->gone, &item);
	raw_count(&g->r, 1, 1);
}

static void folder_with_two_names(struct ground *g)
{
	raw_put_name(&g->r, VOLUME_ROOT, "d again", g->d, S_IFDIR);
	edit_links(g, VOLUME_ROOT, 1, 0);
}

static void folder_loop(struct ground *g)
{
	raw_delete(&g->r, item_key(VOLUME_ROOT, ITEM_DIRENT, name_bucket(&g->r, "d")));
	raw_put_name(&g->r, g->e, "d", g->d, S_IFDIR);
	edit_links(g, VOLUME_ROOT, -1, 0);
	edit_links(g, g->e, 1, 0);
	edit_links(g, g->d, 0, g->e);
}

static void overlapping_extents(struct ground *g)
{
	raw_put_extent(&g->r, g->c, 4096, 4096);
	edit_size(g, g->c, 0, 8);
}

static void extent_over_two_windows(struct ground *g)
{
	raw_put_extent(&g->r, g->c, 45056, 8192);
	edit_size(g, g->c, 53248 - 40000, 0);
}

static void content_behind_the_end(struct ground *g)
{
	edit_size(g, g->a, -1000, 0);
}

static void inline_and_extent(struct ground *g)
{
	raw_put_extent(&g->r, g->b, 0, 400);
	edit_size(g, g->b, 0, 8);
}

static void inline_flag_without_inline(struct ground *g)
{
	raw_delete(&g->r, item_key(g->b, ITEM_INLINE, 0));
	edit_size(g, g->b, 0, -1);
}

static void wrong_block_count(struct ground *g)
{
	edit_size(g, g->a, 0, 8);
}

static void wrong_file_counter(struct ground *g)
{
	raw_count(&g->r, 1, 1);
}

static void wrong_byte_counter(struct ground *g)
{
	raw_count(&g->r, 2, 1);
}

static void unknown_item(struct ground *g)
{
	raw_put(&g->r, item_key(g->a, 9, 0), "?", 1);
}

static void unknown_item_of_the_volume(struct ground *g)
{
	raw_put(&g->r, item_key(0, 9, 0), "?", 1);
}

static void edit_inode_byte(struct ground *g, uint64_t ino, size_t at, uint8_t value)
{
	struct inode_item item = raw_inode(&g->r, ino);
	uint8_t bytes[INODE_LEN];

	inode_item_encode(&item, bytes);
	bytes[at] = value;
	raw_put(&g->r, item_key(ino, ITEM_INODE, 0), bytes, sizeof(bytes));
}

static void unknown_flag(struct ground *g)
{
	edit_inode_byte(g, g->a, 40, 2);
}

static void unknown_file_type(struct ground *g)
{
	edit_inode_byte(g, g->a, 1, 0x61); /* a block device */
}

static void file_of_another_type(struct ground *g)
{
	raw_put_name(&g->r, VOLUME_ROOT, "pipe", g->pipe, S_IFREG);
}

static void name_with_slash(struct ground *g)
{
	raw_put_name(&g->r, g->d, "../x", g->gone, S_IFREG);
}

static void name_of_two_dots(struct ground *g)
{
	raw_put_name(&g->r, g->d, "..", VOLUME_ROOT, S_IFDIR);
}

static void name_in_the_wrong_place(struct ground *g)
{
	uint8_t value[STORE_VALUE_MAX];
	uint64_t place = name_bucket(&g->r, "a");
	size_t len = dirent_encode(g->a, S_IFREG, "a", 1, value);

	raw_delete(&g->r, item_key(VOLUME_ROOT, ITEM_DIRENT, place));
	raw_put(&g->r, item_key(VOLUME_ROOT, ITEM_DIRENT, place ^ UINT64_C(1) << 40), value, len);
}

static void name_in_a_file(struct ground *g)
{
	raw_put_name(&g->r, g->b, "inside", g->a, S_IFREG);
	edit_links(g, g->a, 1, 0);
}

static void root_with_a_name(struct ground *g)
{
	raw_put_name(&g->r, g->d, "root", VOLUME_ROOT, S_IFDIR);
	edit_links(g, g->d, 1, 0);
}

static void attribute_in_the_wrong_place(struct ground *g)
{
	uint8_t value[STORE_VALUE_MAX];
	size_t len = xattr_encode("user.x", 6, 0, value);

	raw_put(&g->r, item_key(g->a, ITEM_XATTR, 4096), value, len);
}

static void attribute_cut_short(struct ground *g)
{
	uint8_t value[STORE_VALUE_MAX];
	size_t len = xattr_encode("user.x", 6, 100, value);

	raw_put(&g->r,
		item_key(g->a, ITEM_XATTR, xattr_bucket(g->r.meta.name_key, "user.x", 6)), value,
		len);
}

static void deletion_of_nothing(struct ground *g)
{
	raw_put_orphan(&g->r, g->gone, ORPHAN_DELETE, 0);
}

static void deletion_of_what_has_a_name(struct ground *g)
{
	raw_put_orphan(&g->r, g->a, ORPHAN_DELETE, 0);
	raw_count(&g->r, 1, -1);
	raw_count(&g->r, 2, -5000);
}

static void cut_of_a_folder(struct ground *g)
{
	raw_put_orphan(&g->r, g->d, ORPHAN_TRUNCATE, 0);
}

static void unknown_deletion(struct ground *g)
{
	raw_put_orphan(&g->r, g->a, 7, 0);
}

static void number_not_given_out(struct ground *g)
{
	raw_count(&g->r, 0, -3);
}

static void target_of_another_length(struct ground *g)
{
	edit_size(g, g->link, 5, 0);
}

static void content_of_a_pipe(struct ground *g)
{
	raw_put_extent(&g->r, g->pipe, 0, 10);
}

static void no_root_folder(struct ground *g)
{
	raw_delete(&g->r, item_key(VOLUME_ROOT, ITEM_INODE, 0));
}

/* /a gets the blocks of a window of /d/c. */
static void doubly_used_blocks(struct ground *g)
{
	struct store_key of_c = item_key(g->c, ITEM_EXTENT, 16384);
	struct ref ref = raw_ref(&g->r, of_c);

	raw_put_ref(&g->r, item_key(g->a, ITEM_EXTENT, 16384), &ref);
	edit_size(g, g->a, 32768 - 5000, 32);
}

/* A record that was written and never put. */
static void unused_blocks(struct ground *g)
{
	struct ref ref = raw_record(&g->r, item_key(g->a, ITEM_EXTENT, 16384), 8192);

	(void)ref;
}

static void newer_volume(struct ground *g)
{
	uint8_t value[META_MAX];
	size_t len = meta_encode(&g->r.meta, value);

	value[0] = 2;
	raw_put(&g->r, item_key(0, ITEM_META, 0), value, len);
}

static void no_description_of_the_volume(struct ground *g)
{
	raw_delete(&g->r, item_key(0, ITEM_META, 0));
}

struct defect {
	const char *name;
	void (*make)(struct ground *g);
	unsigned commits;
};

static const struct defect defects[] = {
	{ "wrong-link-count", wrong_link_count, 1 },
	{ "wrong-folder-count", wrong_folder_count, 1 },
	{ "wrong-parent", wrong_parent, 1 },
	{ "name-without-file", name_without_file, 1 },
	{ "file-without-name", file_without_name, 1 },
	{ "folder-with-two-names", folder_with_two_names, 1 },
	{ "folder-loop", folder_loop, 1 },
	{ "overlapping-extents", overlapping_extents, 1 },
	{ "extent-over-two-windows", extent_over_two_windows, 1 },
	{ "content-behind-the-end", content_behind_the_end, 1 },
	{ "inline-and-extent", inline_and_extent, 1 },
	{ "inline-flag-without-inline", inline_flag_without_inline, 1 },
	{ "wrong-block-count", wrong_block_count, 1 },
	{ "wrong-file-counter", wrong_file_counter, 1 },
	{ "wrong-byte-counter", wrong_byte_counter, 1 },
	{ "unknown-item", unknown_item, 1 },
	{ "unknown-item-of-the-volume", unknown_item_of_the_volume, 1 },
	{ "unknown-flag", unknown_flag, 1 },
	{ "unknown-file-type", unknown_file_type, 1 },
	{ "file-of-another-type", file_of_another_type, 1 },
	{ "name-with-slash", name_with_slash, 1 },
	{ "name-of-two-dots", name_of_two_dots, 1 },
	{ "name-in-the-wrong-place", name_in_the_wrong_place, 1 },
	{ "name-in-a-file", name_in_a_file, 1 },
	{ "root-with-a-name", root_with_a_name, 1 },
	{ "attribute-in-the-wrong-place", attribute_in_the_wrong_place, 1 },
	{ "attribute-cut-short", attribute_cut_short, 1 },
	{ "deletion-of-nothing", deletion_of_nothing, 1 },
	{ "deletion-of-what-has-a-name", deletion_of_what_has_a_name, 1 },
	{ "cut-of-a-folder", cut_of_a_folder, 1 },
	{ "unknown-deletion", unknown_deletion, 1 },
	{ "number-not-given-out", number_not_given_out, 1 },
	{ "target-of-another-length", target_of_another_length, 1 },
	{ "content-of-a-pipe", content_of_a_pipe, 1 },
	{ "no-root-folder", no_root_folder, 1 },
	{ "doubly-used-blocks", doubly_used_blocks, AGING },
	{ "unused-blocks", unused_blocks, 1 },
	{ "newer-volume", newer_volume, 1 },
	{ "no-description-of-the-volume", no_description_of_the_volume, 1 },
};

/* A slot for the state after the newest one, which says what no program of today understands. */
static void write_newer_slot(struct raw *r, size_t at, uint8_t value)
{
	uint8_t content[FORMAT_SLOT_LEN], slot[FORMAT_SLOT_LEN];
	struct store *s = r->v.store;
	struct super next = s->durable;
	unsigned index;

	next.generation++;
	index = super_slot(next.generation);
	assert_ok(super_encode(&next, s->sealer, s->session, slot));
	assert_ok(sealer_open_slot(s->sealer, index, slot, content));
	content[at] = value;
	assert_ok(sealer_seal_slot(s->sealer, index, content, slot));
	assert_ok(disk_write(r->v.disk, super_area(index), super_offset(index), slot, sizeof(slot)));
}

static void copy_vault(const char *from, const char *name, char path[512])
{
	char to[512], dir[512];

	snprintf(dir, sizeof(dir), "%s", from);
	*strrchr(dir, '/') = '\0';
	shell("cp -rp '%s' '%s'", dir, path_in(name, to));
	snprintf(path, 512, "%s%s", to, strrchr(from, '/'));
}

static void make_broken(const char *plain)
{
	char path[512];
	struct ground g;

	for (size_t i = 0; i < ARRAY_LEN(defects); i++) {
		copy_vault(plain, defects[i].name, path);
		ground_open(&g, path);
		defects[i].make(&g);
		raw_commit(&g.r, defects[i].commits);
		raw_close(&g.r);
	}
	copy_vault(plain, "newer-format", path);
	ground_open(&g, path);
	write_newer_slot(&g.r, 0, 2);
	raw_close(&g.r);
	copy_vault(plain, "unknown-feature", path);
	ground_open(&g, path);
	write_newer_slot(&g.r, 4, 1);
	raw_close(&g.r);
}

static void log_lacks_a_line(struct raw *r)
{
	raw_delete(r, item_key(0, ITEM_LOG, 1));
}

static void bad_line_in_the_log(struct raw *r)
{
	raw_put(r, item_key(0, ITEM_LOG, 2), "two\nlines", 9);
}

static void note_lacks_a_piece(struct raw *r)
{
	raw_delete(r, item_key(0, ITEM_NOTE, (uint64_t)NOTE_REGISTER << 32 | 131072));
}

static void note_without_a_record(struct raw *r)
{
	raw_put(r, item_key(0, ITEM_NOTE, (uint64_t)3 << 32), NULL, 0);
}

static void make_broken_keeping(const char *keeping)
{
	static const struct {
		const char *name;
		void (*make)(struct raw *r);
	} broken[] = {
		{ "log-lacks-a-line", log_lacks_a_line },
		{ "bad-line-in-the-log", bad_line_in_the_log },
		{ "note-lacks-a-piece", note_lacks_a_piece },
		{ "note-without-a-record", note_without_a_record },
	};

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		char path[512];
		struct raw r;

		copy_vault(keeping, broken[i].name, path);
		raw_open(&r, path);
		broken[i].make(&r);
		raw_commit(&r, 1);
		raw_close(&r);
	}
}

static void person_from(const char *home)
{
	struct person kept = { .info = { .name = "home" } };

	snprintf(kept.dir, sizeof(kept.dir), "%s", home);
	person_copy(&person, &kept, top);
}

static void make_all(void)
{
	char plain[512], keeping[512];

	make_whole();
	make_wide();
	make_rekeyed();
	make_unclean();
	make_plain(plain);
	make_broken(plain);
	make_keeping(keeping);
	make_broken_keeping(keeping);
}

int main(int argc, char **argv)
{
	char keeping[512];

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: gen_images FOLDER [HOME]\n");
		return 2;
	}
	snprintf(top, sizeof(top), "%s", argv[1]);
	assert_ok(crypto_init());
	if (argc == 3) {
		person_from(argv[2]);
		make_keeping(keeping);
		make_broken_keeping(keeping);
	} else {
		person_make(&person, top, "home");
		make_all();
	}
	person_clear(&person);
	return 0;
}
