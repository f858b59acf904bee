/* A whole store, sealed anew after each mutation so that it reaches what reads it.
 *
 * The map of a prepared disk has a root, two inner nodes, six leaves (one of an older epoch) and
 * some records, written by hand. The input is what happens to it: first what is done with the
 * result, then patches of 13 bytes: which node (or the superblock), where, how, value. Nodes are
 * sealed again from the leaves up, the superblock is signed. What opens must be safe to check, read
 * and change; and what the check finds good must read the same in every way and stay good after
 * changes. */
#include "tests/fuzz.h"
#include "crypto/random.h"
#include "store/node.h"
#include "store/super.h"
#include "tests/store/sim_disk.h"

#define LEAVES 6u
#define INNERS 2u
#define NODES (LEAVES + INNERS + 1u)
#define ROOT (NODES - 1u)
#define LEAF_ITEMS 6u
#define PATCHES 24u
#define GENERATION 12u
#define RECORD_LEN 5000u

const unsigned fuzz_cost = 100;

struct tree_node {
	uint8_t page[FORMAT_PAGE_LEN];
	struct ref ref; /* addr is fixed, the rest as it was sealed */
	unsigned parent, slot;
	bool changed;
};

static struct {
	struct sim *sim;
	struct secret *key[2];
	struct sealer *old, *fresh; /* epoch 1 alone; 1 and 2 */
	struct sign_key *host, *session;
	struct store_door door;
	struct store_unlock unlock;
	struct tree_node nodes[NODES];
	struct super super;
} base;

/* The same ones for the same input, and no nonce twice. */
static uint64_t random_state;

static void same_bytes(void *out, size_t len)
{
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(sim_random(&random_state) >> 32);
}

/* ---- the prepared disk ---- */

static uint64_t next_block(unsigned blocks)
{
	static uint64_t at;

	at += blocks;
	return at - blocks;
}

static void prepare_record(const struct store_key *key, struct ref *ret)
{
	static uint8_t content[2 * DISK_BLOCK];

	memset(content, 0, sizeof(content));
	memset(content, (int)key->offset, RECORD_LEN);
	*ret = (struct ref){.addr = next_block(2), .blocks = 2, .birth = 3, .extra = RECORD_LEN};
	MUST(sealer_seal(base.fresh, key, content, content, ret) == OK);
	sim_poke(base.sim, DISK_DATA, ret->addr * DISK_BLOCK, content, sizeof(content));
}

static void prepare_leaf(unsigned number, uint8_t *page)
{
	page_init(page, 0);
	for (unsigned i = 0; i < LEAF_ITEMS; i++) {
		struct store_key key = {
			.object = number + 1, .kind = (uint8_t)(i / 2), .offset = 16u * (i + 1)};
		uint8_t bytes[PAGE_KEY_LEN], value[300], ref_bytes[REF_LEN];
		struct page_item item = {.key = bytes, .value = value, .len = 40u * i};
		struct ref ref;

		key_encode(&key, bytes);
		memset(value, (int)(number * 16 + i), sizeof(value));
		if (i % 4 == 1) {
			prepare_record(&key, &ref);
			ref_encode(&ref, ref_bytes);
			item.ref = ref_bytes;
		}
		page_insert(page, i, &item);
	}
}

static void prepare_inner(unsigned number, unsigned first, unsigned count, uint8_t *page)
{
	page_init(page, number == ROOT ? 2 : 1);
	for (unsigned i = 0; i < count; i++) {
		const struct tree_node *child = &base.nodes[first + i];

		page_insert_child(page, i, page_key(child->page, 0));
		base.nodes[first + i].parent = number;
		base.nodes[first + i].slot = i;
	}
}

static void seal_node(struct tree_node *n, const struct sealer *sealer, struct sim *sim)
{
	static uint8_t sealed[FORMAT_NODE_LEN];

	MUST(sealer_seal_node(sealer, n->page, sealed, &n->ref) == OK);
	sim_poke(sim, DISK_DATA, n->ref.addr * DISK_BLOCK, sealed, sizeof(sealed));
}

/* The pointer goes where it stood at first, wherever a patch may have put the slots. */
static void tell_parent(struct tree_node *nodes, unsigned number)
{
	const struct tree_node *n = &nodes[number];

	if (number == ROOT)
		return;
	ref_encode(&n->ref, nodes[n->parent].page + PAGE_HEAD_LEN +
				    (size_t)n->slot * PAGE_INNER_SLOT + PAGE_KEY_LEN);
	nodes[n->parent].changed = true;
}

static void prepare_nodes(void)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct tree_node *n = &base.nodes[i];

		if (i < LEAVES)
			prepare_leaf(i, n->page);
		else
			prepare_inner(i, i == ROOT ? LEAVES : (i - LEAVES) * 3,
				      i == ROOT ? INNERS : 3, n->page);
		n->ref.addr = next_block(FORMAT_NODE_BLOCKS);
		n->ref.extra = i == 0 || i == LEAVES || i == ROOT ? 1 : 2;
		page_set_birth(n->page, i == 0 ? 2 : GENERATION - 1);
	}
	for (unsigned i = 0; i < NODES; i++) {
		seal_node(&base.nodes[i], i == 0 ? base.old : base.fresh, base.sim);
		tell_parent(base.nodes, i);
		base.nodes[i].changed = false;
	}
	base.nodes[ROOT].changed = false;
}

static void write_super(struct super *sb, struct sim *sim)
{
	uint8_t slot[FORMAT_SLOT_LEN];
	unsigned index = super_slot(sb->generation);

	super_certify(base.host, sb->volume_id, sb->session_id, sb->session_vkey, sb->session_cert);
	MUST(super_encode(sb, base.fresh, base.session, slot) == OK);
	sim_poke(sim, super_area(index), super_offset(index), slot, sizeof(slot));
}

static void prepare_keys(void)
{
	static const uint8_t seeds[2][SIGN_SEED_LEN] = {"host key of the store's fuzzer",
							"session key of that fuzzer"};
	static const uint8_t id[STORE_ID_LEN] = "volume";

	MUST(crypto_init() == OK);
	random_override(same_bytes);
	MUST(secret_random(32, &base.key[0]) == OK && secret_random(32, &base.key[1]) == OK);
	MUST(sealer_new(id, &base.old) == OK && sealer_new(id, &base.fresh) == OK);
	MUST(sealer_add_epoch(base.old, 1, base.key[0]) == OK);
	base.door = (struct store_door){.epoch = 2, .epoch_key = base.key[1]};
	base.door.older = (struct store_older){.count = 1, .epoch = {1}, .key = {base.key[0]}};
	MUST(sealer_add_door(base.fresh, &base.door) == OK);
	MUST(sign_key_new(seeds[0], &base.host) == OK);
	MUST(sign_key_new(seeds[1], &base.session) == OK);
	base.unlock =
		(struct store_unlock){.doors = &base.door, .door_count = 1, .host_key = base.host};
	memcpy(base.unlock.volume_id, id, sizeof(id));
}

static void prepare(void)
{
	struct sim_options options = {.blocks_max = 512};
	struct disk *disk;

	prepare_keys();
	base.sim = sim_new(&options);
	disk = sim_disk(base.sim);
	MUST(disk_grow(disk, 256) == OK);
	disk_close(disk);
	prepare_nodes();
	base.super = (struct super){.generation = GENERATION - 1,
				    .epoch = 2,
				    .flags = SUPER_OPEN,
				    .root = base.nodes[ROOT].ref,
				    .depth = 3,
				    .used_blocks = next_block(0)};
	memcpy(base.super.volume_id, base.unlock.volume_id, STORE_ID_LEN);
	memcpy(base.super.session_vkey, sign_key_vkey(base.session), SIGN_VKEY_LEN);
	memcpy(base.super.host_vkey, sign_key_vkey(base.host), SIGN_VKEY_LEN);
	write_super(&base.super, base.sim);
	base.super.generation = GENERATION;
	write_super(&base.super, base.sim);
}

/* ---- patches ---- */

static void patch_super(struct super *sb, unsigned field, uint64_t value)
{
	switch (field % 9) {
	case 0:
		sb->depth = (uint8_t)value;
		break;
	case 1:
		sb->root.addr = value % FORMAT_ADDR_MAX;
		break;
	case 2:
		sb->root.blocks = (uint16_t)value;
		break;
	case 3:
		sb->root.birth = value;
		break;
	case 4:
		sb->root.epoch = (uint32_t)value;
		break;
	case 5:
		sb->root.extra = (uint32_t)value;
		break;
	case 6:
		sb->used_blocks = value;
		break;
	case 7:
		sb->flags = (uint32_t)value;
		break;
	default:
		sb->generation = value ? value : 1;
	}
}

/* A run of bytes from another page, so that slots and pointers can wander. */
static void patch_copy(struct tree_node *nodes, unsigned number, size_t at, uint64_t value)
{
	const uint8_t *from = nodes[(value >> 24) % NODES].page;
	size_t begin = (value >> 8) % FORMAT_PAGE_LEN;
	size_t len = MIN((size_t)(value & 0xff) + 1, FORMAT_PAGE_LEN - MAX(begin, at));

	memmove(nodes[number].page + at, from + begin, len);
}

static void patch_page(struct tree_node *nodes, unsigned number, unsigned how, size_t at,
		       uint64_t value)
{
	uint8_t bytes[8];
	size_t len = (size_t)1 << how % 4;

	store_u64(bytes, value);
	at %= FORMAT_PAGE_LEN;
	nodes[number].changed = true;
	if (how % 16 >= 8)
		patch_copy(nodes, number, at, value);
	else if (how % 8 >= 4)
		nodes[number].page[at] ^= bytes[0];
	else
		memcpy(nodes[number].page + at, bytes, MIN(len, FORMAT_PAGE_LEN - at));
}

static void patch(struct reader *r, struct tree_node *nodes, struct super *sb)
{
	for (unsigned i = 0; i < PATCHES && r->left > 0; i++) {
		unsigned number = read_u8(r), how = read_u8(r);
		size_t at = read_u16(r);
		uint64_t value = read_u64(r);

		read_skip(r, 1);
		if (number % 16 < NODES)
			patch_page(nodes, number % 16, how, at, value);
		else
			patch_super(sb, how, value);
	}
}

/* From the leaves up: a node comes before its parent. */
static void seal_again(struct tree_node *nodes, struct super *sb, struct sim *sim)
{
	struct ref was = nodes[ROOT].ref;

	for (unsigned i = 0; i < NODES; i++) {
		if (!nodes[i].changed)
			continue;
		seal_node(&nodes[i], base.fresh, sim);
		tell_parent(nodes, i);
	}
	if (sb->root.addr == was.addr) {
		struct ref told = sb->root;

		sb->root = nodes[ROOT].ref;
		sb->root.blocks = told.blocks;
		sb->root.extra = told.extra;
	}
	write_super(sb, sim);
}

/* ---- what must hold ---- */

struct seen {
	uint64_t items;
	bool ascending;
	struct store_key last;
};

static enum err see_item(void *ctx, const struct store_view *view, enum err damage)
{
	struct seen *seen = ctx;

	if (seen->items > 0 && store_key_compare(&seen->last, &view->key) >= 0)
		seen->ascending = false;
	seen->last = view->key;
	seen->items++;
	return OK;
}

static bool check(struct store *s, struct seen *seen)
{
	struct store_check ask = {.item = see_item, .ctx = seen};
	struct store_check_result r;

	*seen = (struct seen){.ascending = true};
	MUST(store_check(s, &ask, &r) == OK);
	return r.bad_nodes == 0 && r.bad_records == 0 && r.doubly_used_blocks == 0 &&
	       r.unreachable_blocks == 0;
}

static uint8_t content[STORE_RECORD_MAX];

/* One after the other, and each by its name. */
static uint64_t read_all(struct store *s, bool good)
{
	struct store_key key = {0};
	struct store_view view, again;
	uint64_t count = 0;
	enum err err;

	store_read_begin(s);
	while ((err = store_find_ge(s, &key, &view)) == OK && count < 10000) {
		enum err exact = store_find(s, &view.key, &again);

		MUST(store_key_compare(&key, &view.key) <= 0);
		MUST(!good || (exact == OK && again.value == view.value && again.len == view.len));
		if (view.has_record && view.record.blocks * (size_t)DISK_BLOCK <= sizeof(content)) {
			err = store_record_read(s, &view.key, &view.record, content);
			MUST(!good || err == OK);
		}
		count++;
		key = view.key;
		if (++key.offset == 0 && ++key.kind == 0 && ++key.object == 0)
			break;
	}
	MUST(!good || err == OK || err == ERR_NOT_FOUND);
	store_read_end(s);
	return count;
}

static enum err put(struct store *s, uint64_t object, size_t len)
{
	struct store_key key = {.object = object, .kind = 9, .offset = len};
	enum err err;

	memset(content, 7, len);
	TRY(store_write_begin(s, 1, false));
	err = store_put(s, &key, content, len);
	store_write_end(s);
	return err;
}

static enum err delete_after(struct store *s, uint64_t object)
{
	struct store_key key = {.object = object};
	struct store_view view;
	enum err err;

	TRY(store_write_begin(s, 1, true));
	err = store_find_ge(s, &key, &view);
	if (err == OK) {
		key = view.key;
		err = store_delete(s, &key);
	}
	store_write_end(s);
	return err;
}

static enum err commit(struct store *s)
{
	static const uint8_t user[STORE_USER_LEN] = "user";

	TRY(store_commit_seal(s, user, false));
	return store_commit_flush(s);
}

static enum err change(struct store *s, uint64_t *items)
{
	for (uint64_t object = 0; object <= LEAVES + 1; object++) {
		TRY(put(s, object, 3000));
		++*items;
	}
	for (uint64_t object = 1; object <= LEAVES; object += 2) {
		TRY(delete_after(s, object));
		--*items;
	}
	return commit(s);
}

/* Until nothing of the older epoch is left. */
static enum err reseal(struct store *s)
{
	for (unsigned round = 0; round < 4 && store_oldest_epoch(s) < 2; round++) {
		struct store_reseal at = {0};
		bool more = true;

		for (unsigned steps = 0; more && steps < 1000; steps++)
			TRY(store_reseal_step(s, 8, &at, &more));
		TRY(commit(s));
		if (at.skipped)
			return err_at(ERR_BUSY, "left behind");
	}
	return store_end_older_epochs(s);
}

enum act { ACT_READ, ACT_CHANGE, ACT_RESEAL, ACTS };

static enum err act(struct store *s, enum act what, uint64_t *items)
{
	switch (what) {
	case ACT_CHANGE:
		return change(s, items);
	case ACT_RESEAL:
		return reseal(s);
	default:
		return OK;
	}
}

static bool expect_read(struct store *s, const struct store_report *report, uint64_t *ret_items)
{
	struct seen seen;
	bool good = check(s, &seen) && !report->damaged;

	if (good) {
		MUST(seen.ascending);
		MUST(read_all(s, true) == seen.items);
	} else {
		(void)read_all(s, false);
	}
	*ret_items = seen.items;
	return good;
}

static void expect_reopen(struct disk *disk, uint64_t items, bool older)
{
	struct store_unlock unlock = base.unlock;
	struct store_door door = base.door;
	struct store_report report;
	struct store *s = NULL;
	uint64_t found = 0;

	unlock.doors = &door;
	if (!older)
		door.older.count = 0;
	MUST(store_open(disk, &unlock, &s, &report) == OK);
	MUST(report.steps_back == 0 && !report.damaged);
	MUST(expect_read(s, &report, &found) && found == items);
	store_close(s);
}

static void try_store(struct sim *sim, enum act what)
{
	struct disk *disk = sim_disk(sim);
	struct store_unlock unlock = base.unlock;
	struct store_report report;
	struct store *s = NULL;
	struct store_info info;
	uint64_t items = 0;
	bool good;
	enum err err;

	unlock.read_only = what == ACT_READ;
	err = store_open(disk, &unlock, &s, &report);
	if (err == OK) {
		store_info(s, &info);
		what = info.read_only ? ACT_READ : what;
		good = expect_read(s, &report, &items);
		err = act(s, what, &items);
		MUST(!good || err == OK);
		store_close(s);
		if (good && what != ACT_READ)
			expect_reopen(disk, items, what != ACT_RESEAL);
	} else {
		MUST(!s && err != ERR_INTERNAL && err != ERR_INVALID && err != ERR_NOMEM);
	}
	disk_close(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree_node nodes[NODES];
	struct reader r = reader_make(data, size);
	struct super sb;
	struct sim *sim;
	enum act what;

	if (!base.sim)
		prepare();
	random_state = 1;
	sb = base.super;
	sim = sim_copy(base.sim);
	memcpy(nodes, base.nodes, sizeof(nodes));
	what = read_u8(&r) % ACTS;
	patch(&r, nodes, &sb);
	seal_again(nodes, &sb, sim);
	try_store(sim, what);
	sim_free(sim);
	return 0;
}
