/* Salvage: every file whose blocks are intact comes out byte for byte, and nothing wrong under a
 * whole name, whatever is lost of the medium. */
#include "tests/volume/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/super.h"

#define TRIALS 60u

/* ---- a volume with a past ---- */

struct world {
	struct fixture *f;
	struct inventory was;
	uint64_t random;
	uint64_t folders[64];
	unsigned folder_count;
	struct {
		uint64_t ino, folder;
		char name[32];
	} files[1024];
	unsigned file_count;
};

static uint64_t below(struct world *w, uint64_t n)
{
	return sim_random(&w->random) % n;
}

static void add_folder(struct world *w)
{
	char name[32];

	snprintf(name, sizeof(name), "folder-%u", w->folder_count);
	w->folders[w->folder_count] =
		make_folder(w->f, w->folders[below(w, w->folder_count)], name);
	w->folder_count++;
}

static void add_file(struct world *w, size_t len_max)
{
	unsigned i = w->file_count++;

	w->files[i].folder = w->folders[below(w, w->folder_count)];
	snprintf(w->files[i].name, sizeof(w->files[i].name), "file-%u", i);
	w->files[i].ino = make_file(w->f, w->files[i].folder, w->files[i].name);
	write_pattern(w->f, w->files[i].ino, 0, 1 + below(w, len_max), i);
}

static void add_xattrs(struct world *w, unsigned i, unsigned count)
{
	uint8_t value[1900];
	char name[32];

	for (unsigned n = 0; n < count; n++) {
		snprintf(name, sizeof(name), "user.x%u", n);
		pattern_fill(value, n, sizeof(value), i);
		assert_ok(
			volume_set_xattr(w->f->v, w->files[i].ino, name, value, sizeof(value), 0));
	}
}

/* Overwrites, cuts, renames and deletes something that is there. */
static void change_something(struct world *w)
{
	unsigned i = (unsigned)below(w, w->file_count);
	uint64_t ino = w->files[i].ino;
	char name[32];

	if (ino == 0)
		return;
	switch (below(w, 6)) {
	case 0:
		assert_ok(volume_unlink(w->f->v, w->files[i].folder, w->files[i].name, NULL));
		w->files[i].ino = 0;
		break;
	case 1:
		snprintf(name, sizeof(name), "renamed-%u", (unsigned)below(w, 1u << 30));
		assert_ok(volume_rename(w->f->v, w->files[i].folder, w->files[i].name,
					w->files[i].folder, name, 0));
		memcpy(w->files[i].name, name, sizeof(name));
		break;
	case 2:
		set_size(w->f, ino, below(w, 50000));
		break;
	default:
		write_pattern(w->f, ino, below(w, 30000), 1 + below(w, 40000),
			      (uint32_t)below(w, 1u << 30));
	}
}

static void add_odd_things(struct world *w)
{
	struct volume_attr attr;

	assert_ok(volume_symlink(w->f->v, VOLUME_ROOT, "link", "folder-1/file", 1, 1, &attr));
	assert_ok(volume_make(w->f->v, VOLUME_ROOT, "pipe", S_IFIFO | 0600, 1, 1, &attr));
	assert_ok(volume_link(w->f->v, w->files[0].ino, VOLUME_ROOT, "second name", &attr));
	write_pattern(w->f, make_file(w->f, VOLUME_ROOT, "sparse"), 200000, 5000, 7);
	write_pattern(w->f, make_file(w->f, VOLUME_ROOT, "long"), 0, 3000000, 8);
	make_file(w->f, VOLUME_ROOT, "empty");
}

/* `deep`: so many attributes that the tree has three levels. */
static void world_make(struct world *w, uint64_t seed, unsigned files, bool deep)
{
	memset(w, 0, sizeof(*w));
	w->random = seed;
	w->f = fixture_new_sim(VOLUME_RECORD_SHIFT, 1u << 16);
	w->folders[w->folder_count++] = VOLUME_ROOT;
	for (unsigned i = 0; i < files; i++) {
		if (i % 8 == 0 && w->folder_count < 60)
			add_folder(w);
		add_file(w, i % 5 ? 30000 : 3000);
		if (deep)
			add_xattrs(w, i, 7);
		if (i % 7 == 0)
			assert_ok(volume_sync(w->f->v));
	}
	add_odd_things(w);
	for (unsigned i = 0; i < files; i++) {
		change_something(w);
		if (i % 9 == 0)
			assert_ok(volume_sync(w->f->v));
	}
	fixture_reopen(w->f);
	inventory_take(w->f, &w->was);
}

static void world_free(struct world *w)
{
	inventory_clear(&w->was);
	fixture_free(w->f);
}

/* ---- damage ---- */

struct harm {
	struct sim *image;
	uint8_t *hit; /* a byte for each block */
};

static void harm_begin(struct harm *h, struct world *w)
{
	h->image = sim_copy(w->f->sim);
	h->hit = calloc(1, sim_blocks(h->image));
}

static void harm_end(struct harm *h)
{
	sim_free(h->image);
	free(h->hit);
}

static void lose_block(struct harm *h, uint64_t block)
{
	uint8_t noise[DISK_BLOCK];

	random_bytes(noise, sizeof(noise));
	sim_poke(h->image, DISK_DATA, block * DISK_BLOCK, noise, sizeof(noise));
	h->hit[block] = 1;
}

static void lose_heads(struct harm *h)
{
	static const uint8_t zeroes[DISK_FIXED_LEN];

	sim_poke(h->image, DISK_HEAD0, 0, zeroes, sizeof(zeroes));
	sim_poke(h->image, DISK_HEAD1, 0, zeroes, sizeof(zeroes));
}

static void lose_percent(struct harm *h, uint64_t seed)
{
	uint64_t blocks = sim_blocks(h->image);

	for (uint64_t i = 0; i < blocks / 100; i++)
		lose_block(h, sim_random(&seed) % blocks);
}

static bool run_is_hit(const struct harm *h, uint64_t addr, unsigned blocks)
{
	for (unsigned i = 0; i < blocks; i++)
		if (h->hit[addr + i])
			return true;
	return false;
}

/* ---- what must hold ---- */

/* All records of the file, and all leaves that hold items of it. */
static bool is_intact(const struct world *w, const struct harm *h, uint64_t ino)
{
	for (size_t i = 0; i < w->was.use_count; i++) {
		const struct use *u = &w->was.uses[i];

		if (u->ino == ino && u->kind != ITEM_DIRENT && run_is_hit(h, u->addr, u->blocks))
			return false;
	}
	return true;
}

static bool name_is_intact(const struct world *w, const struct harm *h, const struct held *held)
{
	for (size_t i = 0; i < w->was.use_count; i++) {
		const struct use *u = &w->was.uses[i];

		if (u->ino == held->folder && u->kind == ITEM_DIRENT && u->place == held->place &&
		    run_is_hit(h, u->addr, u->blocks))
			return false;
	}
	if (held->folder == VOLUME_ROOT)
		return true;
	for (size_t i = 0; i < w->was.count; i++)
		if (w->was.at[i].what.attr.ino == held->folder)
			return name_is_intact(w, h, &w->was.at[i]);
	fail();
	return false;
}

static bool is_same_file(const struct brought *a, const struct brought *b)
{
	return a->attr.ino == b->attr.ino && a->attr.mode == b->attr.mode && a->len == b->len &&
	       memcmp(a->data ? a->data : (uint8_t *)"", b->data ? b->data : (uint8_t *)"",
		      a->len) == 0 &&
	       a->attr.mtime.tv_sec == b->attr.mtime.tv_sec &&
	       a->attr.mtime.tv_nsec == b->attr.mtime.tv_nsec && a->attr.size == b->attr.size;
}

static bool is_same(const struct brought *a, const struct brought *b)
{
	return is_same_file(a, b) && strcmp(a->xattrs, b->xattrs) == 0;
}

static bool has_suffix(const char *path)
{
	return strstr(path, ".damaged") || strstr(path, ".older");
}

/* Somewhere, under a whole name. */
static const struct brought *find_same(const struct outcome *o, const struct brought *what)
{
	for (size_t i = 0; i < o->count; i++)
		if (!has_suffix(o->at[i].path) && is_same(&o->at[i], what))
			return &o->at[i];
	return NULL;
}

static const struct held *held_at(const struct world *w, const char *path)
{
	for (size_t i = 0; i < w->was.count; i++)
		if (strcmp(w->was.at[i].what.path, path) == 0)
			return &w->was.at[i];
	return NULL;
}

/* It, or a folder on the way to it, is told. */
static bool path_is_told(const struct outcome *o, const char *what)
{
	char path[4096];
	char *slash;

	snprintf(path, sizeof(path), "%s", what);
	while (!outcome_flaw(o, path)) {
		slash = strrchr(path, '/');
		if (!slash)
			return outcome_flaw(o, "") != NULL;
		*slash = '\0';
	}
	return true;
}

/* It is there with a suffix, or in lost+found, or somebody tells of it. */
static bool is_told(const struct outcome *o, const struct held *held)
{
	char path[4200];

	snprintf(path, sizeof(path), "lost+found/inode-%llu",
		 (unsigned long long)held->what.attr.ino);
	for (size_t i = 0; i < o->flaw_count; i++)
		if (strncmp(o->flaws[i].flaw.path, path, strlen(path)) == 0)
			return true;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", held->what.path, i ? ".older" : ".damaged");
		if (outcome_find(o, path))
			return true;
	}
	return path_is_told(o, held->what.path);
}

static void expect_file(const struct world *w, const struct harm *h, const struct outcome *o,
			const struct held *held)
{
	const struct brought *there = outcome_find(o, held->what.path);

	if (is_intact(w, h, held->what.attr.ino)) {
		if (!find_same(o, &held->what))
			fail_msg("%s is intact and was not brought out", held->what.path);
		if (name_is_intact(w, h, held) && (!there || !is_same(there, &held->what)))
			fail_msg("%s is intact and not in its place", held->what.path);
	}
	if (!there && !is_told(o, held))
		fail_msg("%s is not there, and nobody says so", held->what.path);
}

static void expect_folder(const struct world *w, const struct harm *h, const struct outcome *o,
			  const struct held *held)
{
	const struct brought *there = outcome_find(o, held->what.path);

	if (!there && !is_told(o, held))
		fail_msg("folder %s is not there, and nobody says so", held->what.path);
	if (!is_intact(w, h, held->what.attr.ino) || !name_is_intact(w, h, held))
		return;
	if (!there || there->attr.mode != held->what.attr.mode)
		fail_msg("folder %s is intact and not in its place", held->what.path);
}

static const struct held *held_as(const struct world *w, uint64_t ino)
{
	for (size_t i = 0; i < w->was.count; i++)
		if (w->was.at[i].what.attr.ino == ino)
			return &w->was.at[i];
	return NULL;
}

/* What has a whole name is a file that was there, unless it is told that it may be older; and what
 * is not told of at all is where it was, with all that it had. */
static void expect_nothing_wrong(const struct world *w, const struct outcome *o)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct brought *b = &o->at[i];
		const struct held *here = held_at(w, b->path), *held = held_as(w, b->attr.ino);

		if (has_suffix(b->path) || S_ISDIR(b->attr.mode))
			continue;
		if (!outcome_tells(o, b->path, FLAW_UNPROVEN) &&
		    (!held || !is_same_file(b, &held->what)))
			fail_msg("%s is wrong under a whole name", b->path);
		if (!path_is_told(o, b->path) && (!here || !is_same(b, &here->what)))
			fail_msg("%s is wrong, and nobody says so", b->path);
	}
}

static void expect_all(const struct world *w, const struct harm *h, const struct outcome *o)
{
	for (size_t i = 0; i < w->was.count; i++) {
		if (S_ISDIR(w->was.at[i].what.attr.mode))
			expect_folder(w, h, o, &w->was.at[i]);
		else
			expect_file(w, h, o, &w->was.at[i]);
	}
	expect_nothing_wrong(w, o);
}

static void expect_exactly(const struct world *w, const struct outcome *o)
{
	for (size_t i = 0; i < o->flaw_count; i++)
		print_message("flaw %d: %s\n", o->flaws[i].flaw.kind, o->flaws[i].flaw.path);
	assert_int_equal(o->flaw_count, 0);
	assert_int_equal(o->count, w->was.count + 1);
	for (size_t i = 0; i < w->was.count; i++) {
		const struct brought *there = outcome_find(o, w->was.at[i].what.path);

		assert_non_null(there);
		if (S_ISDIR(there->attr.mode))
			assert_int_equal(there->attr.mode, w->was.at[i].what.attr.mode);
		else if (!is_same(there, &w->was.at[i].what))
			fail_msg("%s differs", there->path);
	}
	assert_string_equal(o->label, "TEST-01");
}

/* ---- the stories ---- */

static struct world shallow, deep;

static int worlds_make(void **state)
{
	world_make(&shallow, 1, 150, false);
	world_make(&deep, 2, 300, true);
	assert_int_equal(shallow.was.depth, 2);
	assert_int_equal(deep.was.depth, 3);
	return 0;
}

static int worlds_free(void **state)
{
	world_free(&shallow);
	world_free(&deep);
	return 0;
}

static void a_whole_volume_comes_out_whole(void **state)
{
	struct harm h;
	struct outcome o;

	harm_begin(&h, &deep);
	outcome_of(deep.f, h.image, &o);
	expect_exactly(&deep, &o);
	assert_true(o.facts.has_state);
	assert_false(o.facts.searched);
	outcome_clear(&o);
	harm_end(&h);
}

static void without_any_superblock_the_last_state_comes_out(void **state)
{
	struct world *worlds[] = {&shallow, &deep};

	for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
		struct harm h;
		struct outcome o;

		harm_begin(&h, worlds[i]);
		lose_heads(&h);
		outcome_of(worlds[i]->f, h.image, &o);
		expect_exactly(worlds[i], &o);
		assert_false(o.facts.has_state);
		assert_false(o.facts.root_lost);
		outcome_clear(&o);
		harm_end(&h);
	}
}

static void lose_and_expect(struct world *w, bool heads, const uint64_t *nodes, size_t count)
{
	struct harm h;
	struct outcome o;

	harm_begin(&h, w);
	if (heads)
		lose_heads(&h);
	for (size_t i = 0; i < count; i++)
		lose_block(&h, nodes[i]);
	outcome_of(w->f, h.image, &o);
	expect_all(w, &h, &o);
	assert_true(o.flaw_count > 0);
	outcome_clear(&o);
	harm_end(&h);
}

static void without_the_root_everything_is_found_again(void **state)
{
	lose_and_expect(&shallow, false, shallow.was.nodes, 1);
	lose_and_expect(&deep, false, deep.was.nodes, 1);
}

static void without_the_root_and_any_superblock_everything_is_found_again(void **state)
{
	lose_and_expect(&shallow, true, shallow.was.nodes, 1);
	lose_and_expect(&deep, true, deep.was.nodes, 1);
}

static void without_an_inner_node_what_is_below_is_found_again(void **state)
{
	for (size_t i = 1; i < deep.was.node_count; i++)
		lose_and_expect(&deep, false, &deep.was.nodes[i], 1);
}

static void without_all_inner_nodes_the_leaves_are_found_again(void **state)
{
	lose_and_expect(&shallow, false, shallow.was.nodes, shallow.was.node_count);
	lose_and_expect(&deep, false, deep.was.nodes, deep.was.node_count);
	lose_and_expect(&deep, true, deep.was.nodes, deep.was.node_count);
}

static void without_a_leaf_only_what_it_held_is_hurt(void **state)
{
	for (size_t i = 0; i < shallow.was.leaf_count; i++)
		lose_and_expect(&shallow, false, &shallow.was.leaves[i], 1);
}

static void one_percent_of_noise_costs_only_what_it_hits(void **state)
{
	for (uint64_t seed = 1; seed <= TRIALS; seed++) {
		struct world *w = seed % 3 ? &shallow : &deep;
		struct harm h;
		struct outcome o;

		harm_begin(&h, w);
		lose_percent(&h, seed);
		outcome_of(w->f, h.image, &o);
		expect_all(w, &h, &o);
		outcome_clear(&o);
		harm_end(&h);
	}
}

/* More than is promised: then only that nothing wrong has a whole name. */
static void noise_and_no_superblock_bring_nothing_wrong(void **state)
{
	for (uint64_t seed = 1; seed <= TRIALS; seed++) {
		struct world *w = seed % 3 ? &shallow : &deep;
		struct harm h;
		struct outcome o;

		harm_begin(&h, w);
		lose_percent(&h, seed);
		lose_heads(&h);
		outcome_of(w->f, h.image, &o);
		expect_nothing_wrong(w, &o);
		outcome_clear(&o);
		harm_end(&h);
	}
}

/* ---- a medium that cannot read ---- */

struct bad_disk {
	struct disk disk;
	struct disk *real;
	const struct harm *harm; /* blocks of DATA that give ERR_IO */
	bool bad_heads;
};

static enum err bad_read(struct disk *d, enum disk_area area, uint64_t off, void *buf, size_t len)
{
	struct bad_disk *b = (struct bad_disk *)d;

	if (area == DISK_DATA &&
	    run_is_hit(b->harm, off / DISK_BLOCK, (unsigned)(len / DISK_BLOCK)))
		return ERR_IO;
	if (b->bad_heads && (area == DISK_HEAD0 || area == DISK_HEAD1))
		return ERR_IO;
	return disk_read(b->real, area, off, buf, len);
}

static enum err bad_list(struct disk *d, struct disk_info *ret)
{
	return disk_list(((struct bad_disk *)d)->real, ret);
}

static const struct disk_ops bad_ops = {.read = bad_read, .list = bad_list};

static void bad_sectors_cost_only_themselves(void **state)
{
	for (unsigned heads = 0; heads < 2; heads++) {
		struct bad_disk bad = {.disk = {&bad_ops}, .bad_heads = heads};
		struct harm h;
		struct outcome o;

		harm_begin(&h, &shallow);
		bad.harm = &h;
		bad.real = sim_disk(h.image);
		for (uint64_t block = 5; block < sim_blocks(h.image) && !heads; block += 97)
			h.hit[block] = 1;
		assert_ok(outcome_try(shallow.f, &bad.disk, &o));
		assert_int_equal(o.facts.has_state, !heads);
		if (heads)
			expect_exactly(&shallow, &o);
		else
			expect_all(&shallow, &h, &o);
		outcome_clear(&o);
		disk_close(bad.real);
		harm_end(&h);
	}
}

static void a_missing_stretch_costs_only_what_was_there(void **state)
{
	struct world *worlds[] = {&shallow, &deep};

	for (unsigned part = 0; part < 6; part++) {
		struct world *w = worlds[part % 2];
		struct harm h;
		struct outcome o;
		uint64_t third;

		harm_begin(&h, w);
		third = sim_blocks(h.image) / 3;
		for (uint64_t i = 0; i < third; i++)
			lose_block(&h, part / 2 * third + i);
		outcome_of(w->f, h.image, &o);
		expect_all(w, &h, &o);
		outcome_clear(&o);
		harm_end(&h);
	}
}

static void a_medium_that_is_pulled_ends_it(void **state)
{
	struct harm h;
	struct disk *disk;
	struct outcome o;

	harm_begin(&h, &shallow);
	disk = sim_disk(h.image);
	sim_remove(h.image);
	assert_err(outcome_try(shallow.f, disk, &o), ERR_REMOVED);
	outcome_clear(&o);
	disk_close(disk);
	harm_end(&h);
}

static void noise_alone_holds_no_state(void **state)
{
	struct sim_options options = {.blocks_max = 64};
	struct sim *noise = sim_new(&options);
	struct disk *disk = sim_disk(noise);
	struct outcome o;

	assert_ok(disk_grow(disk, 64));
	assert_err(outcome_try(shallow.f, disk, &o), ERR_NO_STATE);
	outcome_clear(&o);
	disk_close(disk);
	sim_free(noise);
}

/* ---- small volumes ---- */

/* Salvages the fixture's disk as it is, with and without superblocks. */
static void look(struct fixture *f, bool heads, struct outcome *ret)
{
	struct sim *image = sim_copy(f->sim);
	struct harm h = {.image = image};

	if (!heads)
		lose_heads(&h);
	outcome_of(f, image, ret);
	sim_free(image);
}

static void a_file_deleted_but_held_stays_deleted(void **state)
{
	for (unsigned way = 0; way < 4; way++) {
		struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
		uint64_t ino = make_file(f, VOLUME_ROOT, "gone");
		struct store_key mark = item_key(0, ITEM_ORPHAN, ino);
		struct outcome o;

		write_pattern(f, ino, 0, 50000, 1);
		make_file(f, VOLUME_ROOT, "stays");
		assert_ok(volume_sync(f->v));
		assert_ok(volume_hold(f->v, ino));
		assert_ok(volume_unlink(f->v, VOLUME_ROOT, "gone", NULL));
		assert_ok(volume_sync(f->v));
		if (way & 2) { /* even if the mark is lost */
			assert_ok(store_write_begin(f->store, 1, true));
			assert_ok(store_delete(f->store, &mark));
			store_write_end(f->store);
			commits_note_change(f->v);
		}
		assert_ok(volume_sync(f->v));
		look(f, way & 1, &o);
		assert_int_equal(o.count, 2);
		assert_non_null(outcome_find(&o, "stays"));
		assert_int_equal(o.flaw_count, 0);
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void a_session_cut_short_gives_its_last_commit(void **state)
{
	for (unsigned heads = 0; heads < 2; heads++) {
		struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
		uint64_t ino = make_file(f, VOLUME_ROOT, "file");
		const struct brought *file;
		struct outcome o;

		write_text(f, ino, 0, "committed");
		assert_ok(volume_sync(f->v));
		write_pattern(f, ino, 0, 200000, 1);
		make_file(f, VOLUME_ROOT, "never committed");
		look(f, heads, &o);
		file = outcome_find(&o, "file");
		assert_non_null(file);
		assert_int_equal(file->len, 9);
		assert_memory_equal(file->data, "committed", 9);
		assert_int_equal(o.count, 2);
		assert_int_equal(o.flaw_count, 0);
		outcome_clear(&o);
		fixture_free(f);
	}
}

/* The states before it still open, and are not the last one. */
static void without_the_newest_superblock_its_state_comes_out(void **state)
{
	struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
	uint8_t noise[FORMAT_SLOT_LEN];
	struct store_info info;
	struct outcome o;
	unsigned slot;

	make_file(f, VOLUME_ROOT, "first");
	assert_ok(volume_sync(f->v));
	make_file(f, VOLUME_ROOT, "last");
	assert_ok(volume_sync(f->v));
	store_info(f->store, &info);
	slot = super_slot(info.generation);
	random_bytes(noise, sizeof(noise));
	sim_poke(f->sim, super_area(slot), super_offset(slot), noise, sizeof(noise));
	look(f, true, &o);
	assert_non_null(outcome_find(&o, "last"));
	assert_int_equal(o.count, 3);
	assert_int_equal(o.flaw_count, 0);
	assert_false(o.facts.has_state);
	outcome_clear(&o);
	fixture_free(f);
}

static void what_older_epochs_sealed_comes_out_too(void **state)
{
	for (unsigned heads = 0; heads < 2; heads++) {
		struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
		struct store_door next = {.epoch = 2};
		struct secret *key;
		struct outcome o;

		for (unsigned i = 0; i < 200; i++) {
			char name[32];

			snprintf(name, sizeof(name), "old-%u", i);
			write_pattern(f, make_file(f, VOLUME_ROOT, name), 0, 100 * i, i);
		}
		assert_ok(volume_sync(f->v));
		assert_ok(secret_random(32, &key));
		next.epoch_key = key;
		next.older.count = 1;
		next.older.epoch[0] = 1;
		next.older.key[0] = f->epoch_key;
		assert_ok(store_rekey(f->store, &next));
		write_pattern(f, make_file(f, VOLUME_ROOT, "new"), 0, 9000, 7);
		assert_ok(volume_sync(f->v));
		f->unlock.doors = &next;
		look(f, heads, &o);
		assert_int_equal(o.count, 202);
		assert_int_equal(o.flaw_count, 0);
		outcome_clear(&o);
		fixture_free(f);
		secret_free(key);
	}
}

/* Sealed with the right keys, and yet no name that may become a path. */
static void a_name_that_leads_elsewhere_is_no_name(void **state)
{
	struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
	uint64_t ino = make_file(f, VOLUME_ROOT, "file");
	uint8_t value[STORE_VALUE_MAX];
	struct name_place place;
	struct outcome o;
	size_t len;

	write_text(f, ino, 0, "content");
	assert_ok(name_find(f->v, VOLUME_ROOT, "file", &place));
	len = dirent_encode(ino, S_IFREG, "../up", 5, value);
	assert_ok(store_write_begin(f->store, 1, false));
	assert_ok(store_put(f->store, &place.key, value, len));
	store_write_end(f->store);
	commits_note_change(f->v);
	assert_ok(volume_sync(f->v));
	look(f, true, &o);
	assert_int_equal(o.count, 3);
	assert_string_equal(o.at[1].path, "lost+found");
	assert_int_equal(strncmp(o.at[2].path, "lost+found/inode-", 17), 0);
	assert_memory_equal(o.at[2].data, "content", 7);
	assert_true(outcome_tells(&o, o.at[2].path, FLAW_NAME_LOST));
	outcome_clear(&o);
	fixture_free(f);
}

static void a_suffix_takes_nobody_elses_name(void **state)
{
	struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
	uint64_t ino = make_file(f, VOLUME_ROOT, "file");
	const struct salvage_flaw *flaw;
	struct inventory was;
	struct outcome o;

	write_pattern(f, ino, 0, 40000, 1);
	write_text(f, make_file(f, VOLUME_ROOT, "file.damaged"), 0, "whole");
	inventory_take(f, &was);
	for (size_t i = 0; i < was.use_count; i++)
		if (was.uses[i].ino == ino && was.uses[i].kind == ITEM_EXTENT &&
		    was.uses[i].place == 16384 && was.uses[i].addr != was.leaves[0])
			sim_flip(f->sim, DISK_DATA, was.uses[i].addr * DISK_BLOCK + 5, 1);
	look(f, true, &o);
	assert_null(outcome_find(&o, "file"));
	assert_memory_equal(outcome_find(&o, "file.damaged")->data, "whole", 5);
	flaw = outcome_flaw(&o, "file.damaged-2");
	assert_non_null(flaw);
	assert_int_equal(flaw->kind, FLAW_DAMAGED);
	assert_int_equal(flaw->from, 16384);
	assert_int_equal(flaw->to, 32768);
	assert_int_equal(outcome_find(&o, "file.damaged-2")->len, 40000);
	assert_int_equal(o.flaw_count, 1);
	outcome_clear(&o);
	inventory_clear(&was);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_volume_comes_out_whole),
		cmocka_unit_test(without_any_superblock_the_last_state_comes_out),
		cmocka_unit_test(without_the_root_everything_is_found_again),
		cmocka_unit_test(without_the_root_and_any_superblock_everything_is_found_again),
		cmocka_unit_test(without_an_inner_node_what_is_below_is_found_again),
		cmocka_unit_test(without_all_inner_nodes_the_leaves_are_found_again),
		cmocka_unit_test(without_a_leaf_only_what_it_held_is_hurt),
		cmocka_unit_test(one_percent_of_noise_costs_only_what_it_hits),
		cmocka_unit_test(noise_and_no_superblock_bring_nothing_wrong),
		cmocka_unit_test(bad_sectors_cost_only_themselves),
		cmocka_unit_test(a_missing_stretch_costs_only_what_was_there),
		cmocka_unit_test(a_medium_that_is_pulled_ends_it),
		cmocka_unit_test(noise_alone_holds_no_state),
		cmocka_unit_test(a_file_deleted_but_held_stays_deleted),
		cmocka_unit_test(a_session_cut_short_gives_its_last_commit),
		cmocka_unit_test(without_the_newest_superblock_its_state_comes_out),
		cmocka_unit_test(what_older_epochs_sealed_comes_out_too),
		cmocka_unit_test(a_name_that_leads_elsewhere_is_no_name),
		cmocka_unit_test(a_suffix_takes_nobody_elses_name),
	};

	return cmocka_run_group_tests(tests, worlds_make, worlds_free);
}
