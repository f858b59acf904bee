/* A new key for a vault: what it takes from whom, and what is left of the old one. Promise P5: whoever
 * kept everything of the old epoch opens nothing that was written since. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "store/folder_disk.h"
#include "store/seal.h"
#include "tests/access/people.h"
#include "tests/check.h"

#define FILES 40u
#define LARGE (1u << 20)
#define GUESSES 4u

struct fixture {
	char dir[64];
	struct person a, b;
	char *path; /* of a vault that a made and b may open, with files in it */
};

/* ---- files ---- */

static void fill(uint8_t *out, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((i * 2654435761u + seed * 40503u) >> 16);
}

/* Small ones inside their items, middling ones in a record, one of many records. */
static size_t length_of(unsigned n)
{
	return n == 0 ? LARGE : n % 2 ? n * 40 : 3000 + n * 400;
}

static void file_name(unsigned n, char out[32])
{
	snprintf(out, 32, "file-%02u", n);
}

static void put_file(struct volume *v, unsigned n)
{
	uint8_t *data = malloc(length_of(n));
	struct volume_attr attr;
	char name[32];

	assert_non_null(data);
	file_name(n, name);
	fill(data, length_of(n), n);
	assert_ok(volume_make(v, VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_write(v, attr.ino, 0, data, length_of(n)));
	free(data);
}

static void expect_file(struct volume *v, unsigned n)
{
	size_t want = length_of(n), len;
	uint8_t *data = malloc(2 * want);
	struct volume_attr attr;
	char name[32];

	assert_non_null(data);
	file_name(n, name);
	assert_ok(volume_lookup(v, VOLUME_ROOT, name, &attr));
	assert_int_equal(attr.size, want);
	assert_ok(volume_read(v, attr.ino, 0, data, want, &len));
	assert_int_equal(len, want);
	fill(data + want, want, n);
	assert_memory_equal(data, data + want, want);
	free(data);
}

static void hurt(void *ctx, const char *path, enum err what, const char *why)
{
	fail_msg("%s: %s (%s)", path, err_name(what), why);
}

static struct vault *open_as(struct person *p, const char *path, bool read_only)
{
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_open(&p->actor, path, read_only, NULL, &v, &facts));
	return v;
}

static enum err try_read(struct person *p, const char *path)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err = vault_open(&p->actor, path, true, NULL, &v, &facts);

	if (err == OK)
		assert_ok(vault_close(v));
	return err;
}

/* Every file is whole, for this person, without a write. */
static void expect_files(struct person *p, const char *path)
{
	struct vault *v = open_as(p, path, true);
	struct volume_check_result found;

	for (unsigned n = 0; n < FILES; n++)
		expect_file(vault_volume(v), n);
	assert_ok(volume_check(vault_volume(v), hurt, NULL, NULL, &found));
	assert_int_equal(found.problems, 0);
	assert_ok(vault_close(v));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = { .label = "OSAKA-03", .separated = true };
	struct device facts = { 0 };
	char ticket[96];
	struct vault *v;

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-rekey-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	what.dir = f->dir;
	assert_ok(vault_create(&f->a.actor, &what, &f->path));
	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, ticket));
	assert_ok(vault_enrol(&f->b.actor, ticket, &facts));
	v = open_as(&f->a, f->path, false);
	for (unsigned n = 0; n < FILES; n++)
		put_file(vault_volume(v), n);
	assert_ok(vault_close(v));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f->path);
	free(f);
	return 0;
}

/* ---- doing it ---- */

static struct vault_rekeyed rekey(struct fixture *f, bool wait, const struct age_recipient *without)
{
	struct vault_rekey how = { .wait = wait, .without = without, .without_count = without ? 1 : 0 };
	struct vault_rekeyed ret;

	assert_ok(vault_rekey(&f->a.actor, f->path, &how, &ret));
	return ret;
}

static bool stop_at_once(void *ctx)
{
	return true;
}

static struct vault_rekeyed rekey_interrupted(struct fixture *f)
{
	struct vault_rekey how = { .wait = true, .stop = stop_at_once };
	struct vault_rekeyed ret;

	assert_err(vault_rekey(&f->a.actor, f->path, &how, &ret), ERR_INTERRUPTED);
	return ret;
}

/* As a mount does it in the background. */
static void reseal_in_use(struct vault *v)
{
	bool more = true;

	while (store_oldest_epoch(vault_store(v)) < v->key.epoch) {
		struct store_reseal at = { 0 };

		for (more = true; more;)
			assert_ok(volume_reseal_step(vault_volume(v), 64, &at, &more));
		assert_ok(volume_sync(vault_volume(v)));
	}
	assert_ok(vault_end_epochs(v));
}

/* ---- the log ---- */

static enum err collect(void *ctx, const char *text, size_t len, enum err fault)
{
	TRY(fault);
	TRY(buf_append(ctx, text, len));
	return buf_puts(ctx, "\n");
}

/* The events of a person's log end with these, each behind a space. */
static void expect_events(struct person *p, const char *last)
{
	struct buf all = { 0 }, events = { 0 };

	assert_ok(audit_log_read(home_log_path(p->home), NULL, collect, &all));
	for (const char *at = all.data; (at = strstr(at, "\"event\":\"")); at++)
		assert_ok(buf_printf(&events, " %.*s", (int)strcspn(at + 9, "\""), at + 9));
	if (events.len < strlen(last) || strcmp(events.data + events.len - strlen(last), last) != 0)
		fail_msg("not%s at the end of%s", last, events.data);
	buf_clear(&all);
	buf_clear(&events);
}

/* ---- bytes of a medium ---- */

struct image {
	uint8_t *area[DISK_AREAS];
	uint64_t len[DISK_AREAS];
};

static void image_take(const char *path, struct image *ret)
{
	struct disk *disk;
	struct disk_info info;

	assert_ok(folder_disk_open(path, true, &disk));
	assert_ok(disk_list(disk, &info));
	for (unsigned i = 0; i < DISK_AREAS; i++) {
		ret->len[i] = i == DISK_DATA ? info.blocks * DISK_BLOCK : DISK_FIXED_LEN;
		ret->area[i] = malloc(ret->len[i]);
		assert_non_null(ret->area[i]);
		assert_ok(disk_read(disk, (enum disk_area)i, 0, ret->area[i], ret->len[i]));
	}
	disk_close(disk);
}

static void image_clear(struct image *image)
{
	for (unsigned i = 0; i < DISK_AREAS; i++)
		free(image->area[i]);
}

static bool same_bytes(const struct image *a, const struct image *b, uint64_t addr, uint64_t blocks)
{
	uint64_t off = addr * DISK_BLOCK, len = blocks * DISK_BLOCK;

	return off + len <= a->len[DISK_DATA] && off + len <= b->len[DISK_DATA] &&
	       memcmp(a->area[DISK_DATA] + off, b->area[DISK_DATA] + off, len) == 0;
}

/* What somebody keeps who could open a vault: all that a person's keys gave, and the keys of epochs to
 * come as far as they follow from that. */
struct kept {
	struct secret *share, *device, *epoch_key;
	struct sealer *sealers[GUESSES]; /* with the key of one epoch each; the first is the true one */
	struct {
		struct store_key key;
		struct ref ref;
	} *records;
	size_t count;
	struct image image;
};

static enum err keep_record(void *ctx, const struct store_view *view, enum err damage)
{
	struct kept *k = ctx;

	TRY(damage);
	if (!view->has_record)
		return OK;
	k->records = realloc(k->records, (k->count + 1) * sizeof(*k->records));
	assert_non_null(k->records);
	k->records[k->count].key = view->key;
	k->records[k->count++].ref = view->record;
	return OK;
}

static struct sealer *sealer_of(const struct vault *v, uint32_t epoch)
{
	struct keyfile guess = { .epoch = epoch, .share = v->key.share };
	struct secret *key;
	struct sealer *ret;

	memcpy(guess.volume_id, v->key.volume_id, sizeof(guess.volume_id));
	assert_ok(keyfile_epoch_key(&guess, v->device, &key));
	assert_ok(sealer_new(v->facts.volume_id, &ret));
	assert_ok(sealer_add_epoch(ret, epoch, key));
	secret_free(key);
	return ret;
}

static void keep_all(struct person *p, const char *path, struct kept *ret)
{
	struct store_check check = { .item = keep_record, .ctx = ret };
	struct vault *v = open_as(p, path, true);
	struct store_check_result found;

	memset(ret, 0, sizeof(*ret));
	assert_ok(store_check(vault_store(v), &check, &found));
	assert_ok(secret_copy(secret_data(v->key.share), 32, &ret->share));
	assert_ok(secret_copy(secret_data(v->device), 32, &ret->device));
	assert_ok(secret_copy(secret_data(v->epoch_key), 32, &ret->epoch_key));
	for (unsigned i = 0; i < GUESSES; i++)
		ret->sealers[i] = sealer_of(v, v->key.epoch + i);
	assert_ok(vault_close(v));
	image_take(path, &ret->image);
}

static void kept_clear(struct kept *k)
{
	secret_free(k->share);
	secret_free(k->device);
	secret_free(k->epoch_key);
	for (unsigned i = 0; i < GUESSES; i++)
		sealer_free(k->sealers[i]);
	free(k->records);
	image_clear(&k->image);
}

static bool opens_as_node(const struct kept *k, const struct image *now, uint64_t at)
{
	const uint8_t *bytes = now->area[DISK_DATA] + at * DISK_BLOCK;
	uint8_t page[FORMAT_PAGE_LEN];
	bool opens = false;
	struct ref ref;

	for (unsigned i = 0; i < GUESSES; i++)
		opens = opens || sealer_find_node(k->sealers[i], at, bytes, page, &ref) == OK;
	return opens;
}

/* How many places of `now` open as a node with what was kept, and were written since. */
static unsigned new_nodes_opened(const struct kept *k, const struct image *now)
{
	unsigned opened = 0;

	for (uint64_t at = 0; (at + FORMAT_NODE_BLOCKS) * DISK_BLOCK <= now->len[DISK_DATA]; at++)
		opened += opens_as_node(k, now, at) &&
			  !same_bytes(&k->image, now, at, FORMAT_NODE_BLOCKS);
	return opened;
}

/* The same for every record whose pointer was known. */
static unsigned new_records_opened(const struct kept *k, const struct image *now)
{
	uint8_t data[STORE_RECORD_MAX];
	unsigned opened = 0;

	for (size_t i = 0; i < k->count; i++) {
		const struct ref *ref = &k->records[i].ref;

		memcpy(data, now->area[DISK_DATA] + ref->addr * DISK_BLOCK, ref->blocks * DISK_BLOCK);
		if (sealer_open(k->sealers[0], &k->records[i].key, false, ref, data) == OK)
			opened += !same_bytes(&k->image, now, ref->addr, ref->blocks);
	}
	return opened;
}

static unsigned slots_opened(const struct kept *k, const struct image *now)
{
	uint8_t content[SLOT_CONTENT_LEN];
	unsigned opened = 0;

	for (unsigned slot = 0; slot < 2 * FORMAT_SLOTS; slot++)
		for (unsigned i = 0; i < GUESSES; i++)
			opened += sealer_open_slot(k->sealers[i], slot,
						   now->area[DISK_HEAD0 + slot / FORMAT_SLOTS] +
							   slot % FORMAT_SLOTS * FORMAT_SLOT_LEN,
						   content) == OK;
	return opened;
}

/* ---- stories ---- */

static void everybody_who_stays_reads_everything(void **state)
{
	struct fixture *f = *state;
	struct vault_rekeyed got = rekey(f, false, NULL);

	assert_string_equal(got.label, "OSAKA-03");
	assert_int_equal(got.epoch, 2);
	assert_int_equal(got.recipients, 2);
	assert_true(got.older_blocks > LARGE / DISK_BLOCK);
	expect_events(&f->a, " rekey");
	expect_files(&f->a, f->path);
	expect_files(&f->b, f->path);
	shell("cmp '%s'/KEY?.AGE%s", f->path, "");
}

static void who_was_let_out_stays_out(void **state)
{
	struct fixture *f = *state;
	struct vault_rekeyed got = rekey(f, false, &f->b.info.recipient);

	assert_int_equal(got.recipients, 1);
	expect_files(&f->a, f->path);
	assert_err(try_read(&f->b, f->path), ERR_NO_KEY_FITS);
}

static void nobody_leaves_themselves_out(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = { .without = &f->a.info.recipient, .without_count = 1 };
	struct vault_rekeyed got;

	assert_err(vault_rekey(&f->a.actor, f->path, &how, &got), ERR_INVALID);
	assert_int_equal(got.epoch, 0);
	expect_files(&f->a, f->path);
}

static void waiting_ends_the_old_key(void **state)
{
	struct fixture *f = *state;
	struct vault_rekeyed got = rekey(f, true, NULL);
	struct vault *v;

	assert_int_equal(got.epoch, 2);
	assert_int_equal(got.older_blocks, 0);
	expect_events(&f->a, " rekey reseal_end");
	expect_files(&f->a, f->path);
	expect_files(&f->b, f->path);
	shell("cmp '%s'/KEY?.AGE%s", f->path, "");
	v = open_as(&f->a, f->path, false);
	assert_false(vault_has_older_keys(v));
	assert_int_equal(store_oldest_epoch(vault_store(v)), 2);
	assert_ok(vault_close(v));
}

/* P5, at each stage of a new key's life. */
static void nothing_written_since_opens_with_what_was_kept(void **state)
{
	struct fixture *f = *state;
	struct kept kept;
	struct image now;
	struct vault *v;

	keep_all(&f->b, f->path, &kept);
	assert_true(kept.count > FILES / 2);
	assert_true(slots_opened(&kept, &kept.image) > 0);
	for (unsigned stage = 0; stage < 3; stage++) {
		if (stage == 0) {
			rekey(f, false, &f->b.info.recipient);
		} else if (stage == 1) {
			v = open_as(&f->a, f->path, false);
			for (unsigned n = FILES; n < 2 * FILES; n++)
				put_file(vault_volume(v), n);
			assert_ok(volume_unlink(vault_volume(v), VOLUME_ROOT, "file-02", NULL));
			assert_ok(vault_close(v));
		} else {
			v = open_as(&f->a, f->path, false);
			reseal_in_use(v);
			put_file(vault_volume(v), 2);
			assert_ok(vault_close(v));
			expect_files(&f->a, f->path);
		}
		image_take(f->path, &now);
		assert_int_equal(new_nodes_opened(&kept, &now), 0);
		assert_int_equal(new_records_opened(&kept, &now), 0);
		assert_int_equal(slots_opened(&kept, &now), 0);
		assert_err(try_read(&f->b, f->path), ERR_NO_KEY_FITS);
		image_clear(&now);
	}
	kept_clear(&kept);
}

/* The yardstick of the story above: without a new key all of it opens. */
static void without_a_new_key_what_was_kept_opens_all(void **state)
{
	struct fixture *f = *state;
	struct kept kept;
	struct image now;
	struct vault *v;

	keep_all(&f->b, f->path, &kept);
	v = open_as(&f->a, f->path, false);
	put_file(vault_volume(v), FILES);
	assert_ok(vault_close(v));
	image_take(f->path, &now);
	assert_true(new_nodes_opened(&kept, &now) > 0);
	assert_true(slots_opened(&kept, &now) > 0);
	image_clear(&now);
	kept_clear(&kept);
}

static void put_back_keys(const struct fixture *f, const struct image *image)
{
	struct disk *disk;

	assert_ok(folder_disk_open(f->path, false, &disk));
	for (unsigned i = DISK_KEY0; i <= DISK_KEY1; i++)
		assert_ok(disk_write(disk, (enum disk_area)i, 0, image->area[i], DISK_FIXED_LEN));
	disk_close(disk);
}

static void old_key_files_put_back_open_nothing(void **state)
{
	struct fixture *f = *state;
	struct kept kept;

	keep_all(&f->b, f->path, &kept);
	rekey(f, false, &f->b.info.recipient);
	put_back_keys(f, &kept.image);
	assert_err(try_read(&f->a, f->path), ERR_ROLLBACK);
	assert_err(try_read(&f->b, f->path), ERR_FORGED);
	kept_clear(&kept);
}

static void the_whole_old_medium_put_back_is_a_rollback(void **state)
{
	struct fixture *f = *state;

	shell("cp -r '%s' '%s/old'", f->path, f->dir);
	rekey(f, false, NULL);
	shell("cp '%s/old'/* '%s'", f->dir, f->path);
	assert_err(try_read(&f->a, f->path), ERR_ROLLBACK);
	expect_events(&f->a, " rollback");
	/* Seen, not prevented: who never saw the new one cannot know. */
	expect_files(&f->b, f->path);
}

/* ---- what is left of the old key ---- */

struct search {
	struct vault *v;
	const uint8_t *what; /* 32 bytes */
	unsigned found;
};

static void search_in(struct search *s, const void *data, size_t len)
{
	s->found += memmem(data, len, s->what, 32) != NULL;
}

static enum err search_item(void *ctx, const struct store_view *view, enum err damage)
{
	struct search *s = ctx;
	uint8_t data[STORE_RECORD_MAX];

	TRY(damage);
	search_in(s, view->value, view->len);
	if (!view->has_record)
		return OK;
	TRY(store_record_read(s->v->store, &view->key, &view->record, data));
	search_in(s, data, view->record.blocks * DISK_BLOCK);
	return OK;
}

/* Everything that opens with the key in force: slots, nodes in use or not, records, KEY files. */
static unsigned times_found(struct fixture *f, const uint8_t what[32])
{
	struct vault *v = open_as(&f->a, f->path, true);
	struct search s = { .v = v, .what = what };
	struct store_check check = { .item = search_item, .ctx = &s };
	struct store_check_result result;
	uint8_t page[FORMAT_PAGE_LEN], content[SLOT_CONTENT_LEN];
	struct sealer *sealer;
	struct image now;
	struct ref ref;

	assert_ok(store_check(v->store, &check, &result));
	image_take(f->path, &now);
	assert_ok(sealer_new(v->facts.volume_id, &sealer));
	assert_ok(sealer_add_epoch(sealer, v->key.epoch, v->epoch_key));
	for (uint64_t at = 0; (at + FORMAT_NODE_BLOCKS) * DISK_BLOCK <= now.len[DISK_DATA]; at++)
		if (sealer_find_node(sealer, at, now.area[DISK_DATA] + at * DISK_BLOCK, page, &ref) ==
		    OK)
			search_in(&s, page, sizeof(page));
	for (unsigned i = 0; i < 2 * FORMAT_SLOTS; i++)
		if (sealer_open_slot(sealer, i,
				     now.area[DISK_HEAD0 + i / FORMAT_SLOTS] +
					     i % FORMAT_SLOTS * FORMAT_SLOT_LEN,
				     content) == OK)
			search_in(&s, content, sizeof(content));
	for (unsigned i = DISK_KEY0; i <= DISK_KEY1; i++) {
		struct keyfile k = { 0 };

		assert_ok(keyfile_read(v->disk, (enum disk_area)i, f->a.id, &k));
		assert_ok(keyfile_prove(v->disk, (enum disk_area)i, &k, v->epoch_key));
		search_in(&s, secret_data(k.share), 32);
		for (unsigned j = 0; j < k.older.count; j++)
			search_in(&s, secret_data(k.older.key[j]), 32);
		keyfile_clear(&k);
	}
	for (unsigned i = 0; i < DISK_AREAS; i++)
		search_in(&s, now.area[i], now.len[i]);
	sealer_free(sealer);
	image_clear(&now);
	assert_ok(vault_close(v));
	return s.found;
}

static void the_old_key_is_nowhere_once_its_last_block_is_sealed_anew(void **state)
{
	struct fixture *f = *state;
	struct kept kept;
	struct vault *v;

	keep_all(&f->a, f->path, &kept);
	rekey(f, false, NULL);
	assert_int_equal(times_found(f, secret_data(kept.epoch_key)), 2); /* in both KEY files */
	assert_int_equal(times_found(f, secret_data(kept.share)), 0);
	v = open_as(&f->a, f->path, false);
	reseal_in_use(v);
	assert_ok(vault_close(v));
	expect_events(&f->a, " unlock reseal_end lock");
	assert_int_equal(times_found(f, secret_data(kept.epoch_key)), 0);
	assert_int_equal(times_found(f, secret_data(kept.share)), 0);
	assert_int_equal(times_found(f, secret_data(kept.device)), 0);
	expect_files(&f->b, f->path);
	kept_clear(&kept);
}

/* ---- halfway ---- */

static void an_interrupted_waiting_goes_on_at_the_next_mount(void **state)
{
	struct fixture *f = *state;
	struct vault_rekeyed all = rekey(f, false, NULL), got = rekey_interrupted(f);
	struct vault *v;

	assert_int_equal(got.epoch, 3);
	assert_true(got.older_blocks > 0 && got.older_blocks < all.older_blocks);
	expect_files(&f->a, f->path);
	v = open_as(&f->a, f->path, false);
	assert_true(v->facts.store.was_clean);
	assert_true(vault_has_older_keys(v));
	reseal_in_use(v);
	assert_false(vault_has_older_keys(v));
	assert_ok(vault_close(v));
	expect_files(&f->b, f->path);
}

static void a_half_resealed_vault_reads_without_a_write(void **state)
{
	struct fixture *f = *state;

	rekey_interrupted(f);
	shell("cd '%s' && sha256sum * > '%s/before'", f->path, f->dir);
	expect_files(&f->b, f->path);
	shell("cd '%s' && sha256sum --quiet -c '%s/before'", f->path, f->dir);
}

static void a_grant_carries_the_older_keys_on(void **state)
{
	struct fixture *f = *state;
	struct person c;
	struct device facts = { 0 };
	char ticket[96];

	rekey_interrupted(f);
	rekey_interrupted(f);
	person_make(&c, f->dir, "c");
	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->b.actor, f->path, &c.info.recipient, ticket));
	assert_ok(vault_enrol(&c.actor, ticket, &facts));
	expect_files(&c, f->path);
	assert_int_equal(rekey(f, true, NULL).recipients, 3);
	expect_files(&c, f->path);
	person_clear(&c);
}

static void eight_keys_are_the_most(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = { 0 };
	struct vault_rekeyed got;
	struct vault *v;

	for (unsigned n = 2; n <= 8; n++) {
		assert_int_equal(rekey(f, false, NULL).epoch, n);
		v = open_as(&f->a, f->path, false);
		put_file(vault_volume(v), FILES + n);
		assert_ok(vault_close(v));
	}
	assert_err(vault_rekey(&f->a.actor, f->path, &how, &got), ERR_TOO_MANY_EPOCHS);
	assert_int_equal(got.epoch, 0);
	expect_files(&f->b, f->path);
	got = rekey(f, true, NULL);
	assert_int_equal(got.epoch, 9);
	assert_int_equal(got.older_blocks, 0);
	expect_files(&f->b, f->path);
	v = open_as(&f->b, f->path, true);
	for (unsigned n = 2; n <= 8; n++)
		expect_file(vault_volume(v), FILES + n);
	assert_ok(vault_close(v));
}

static void what_cannot_be_read_keeps_its_key_until_it_is_deleted(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = { .wait = true };
	struct vault_rekeyed got;
	struct disk *disk;
	struct kept kept;
	struct vault *v;
	uint64_t at;
	uint8_t byte;

	/* A record of the large file, which comes before all others. */
	keep_all(&f->a, f->path, &kept);
	at = kept.records[3].ref.addr * DISK_BLOCK;
	byte = kept.image.area[DISK_DATA][at] ^ 1;
	assert_ok(folder_disk_open(f->path, false, &disk));
	assert_ok(disk_write(disk, DISK_DATA, at, &byte, 1));
	disk_close(disk);
	assert_err(vault_rekey(&f->a.actor, f->path, &how, &got), ERR_DAMAGED);
	assert_int_equal(got.epoch, 2);
	assert_true(got.older_blocks > 0);
	v = open_as(&f->a, f->path, false);
	for (unsigned n = 1; n < FILES; n++)
		expect_file(vault_volume(v), n);
	assert_true(vault_has_older_keys(v));
	assert_ok(volume_unlink(vault_volume(v), VOLUME_ROOT, "file-00", NULL));
	assert_ok(volume_sync(vault_volume(v)));
	reseal_in_use(v);
	assert_false(vault_has_older_keys(v));
	put_file(vault_volume(v), 0);
	assert_ok(vault_close(v));
	kept_clear(&kept);
	expect_files(&f->b, f->path);
}

static void a_vault_without_a_device_secret_gets_a_new_key_too(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = { .dir = f->dir, .label = "PLAIN", .to = &f->b.info.recipient,
				  .to_count = 1 };
	struct vault *v;

	free(TAKE(f->path));
	assert_ok(vault_create(&f->a.actor, &what, &f->path));
	v = open_as(&f->b, f->path, false);
	for (unsigned n = 0; n < FILES; n++)
		put_file(vault_volume(v), n);
	assert_ok(vault_close(v));
	assert_int_equal(rekey(f, true, &f->b.info.recipient).epoch, 2);
	expect_files(&f->a, f->path);
	assert_err(try_read(&f->b, f->path), ERR_NO_KEY_FITS);
}

/* ---- what is refused ---- */

static enum err refuse(void *ctx, const struct audit_event *event)
{
	return ERR_NO_SPACE;
}

static void no_log_no_new_key_and_no_purge(void **state)
{
	struct fixture *f = *state;
	struct recorder broken = { .record = refuse };
	struct vault_actor actor = f->a.actor;
	struct vault_rekey how = { 0 };
	struct vault_rekeyed got;
	char label[VAULT_LABEL_MAX + 1];

	actor.recorder = &broken;
	shell("cd '%s' && sha256sum * > '%s/before'", f->path, f->dir);
	assert_err(vault_rekey(&actor, f->path, &how, &got), ERR_LOG_WRITE);
	assert_err(vault_purge(&actor, f->path, NULL, NULL, label), ERR_LOG_WRITE);
	shell("cd '%s' && sha256sum --quiet -c '%s/before'", f->path, f->dir);
}

static void an_open_vault_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct vault *v = open_as(&f->a, f->path, false);
	struct vault_rekey how = { 0 };
	struct vault_rekeyed got;
	char label[VAULT_LABEL_MAX + 1];

	assert_err(vault_rekey(&f->b.actor, f->path, &how, &got), ERR_VAULT_BUSY);
	assert_err(vault_purge(&f->b.actor, f->path, NULL, NULL, label), ERR_VAULT_BUSY);
	expect_events(&f->b, " rekey purge");
	assert_ok(vault_close(v));
	expect_files(&f->b, f->path);
}

/* ---- purge ---- */

/* Deletes the large file. */
static void delete_large(struct fixture *f)
{
	struct vault *v = open_as(&f->a, f->path, false);

	assert_ok(volume_unlink(vault_volume(v), VOLUME_ROOT, "file-00", NULL));
	assert_ok(vault_close(v));
}

/* How many of the records kept are still on the medium as they were. */
static unsigned records_left(const struct kept *k, const struct image *now)
{
	unsigned left = 0;

	for (size_t i = 0; i < k->count; i++)
		left += same_bytes(&k->image, now, k->records[i].ref.addr, k->records[i].ref.blocks);
	return left;
}

static void a_purge_leaves_nothing_of_what_was_deleted(void **state)
{
	struct fixture *f = *state;
	char label[VAULT_LABEL_MAX + 1];
	struct kept kept, rest;
	struct image now;
	struct vault *v;

	keep_all(&f->a, f->path, &kept);
	delete_large(f);
	keep_all(&f->a, f->path, &rest);
	assert_true(records_left(&kept, &rest.image) > rest.count);
	assert_ok(vault_purge(&f->a.actor, f->path, NULL, NULL, label));
	assert_string_equal(label, "OSAKA-03");
	expect_events(&f->a, " purge");
	image_take(f->path, &now);
	assert_int_equal(records_left(&kept, &now), rest.count);
	image_clear(&now);
	kept_clear(&kept);
	kept_clear(&rest);
	v = open_as(&f->b, f->path, false);
	put_file(vault_volume(v), 0);
	assert_ok(vault_close(v));
	expect_files(&f->a, f->path);
}

/* Together they take it all: no block of the old epoch is left, wherever it stood. */
static void a_new_key_and_a_purge_leave_nothing_that_the_old_one_opens(void **state)
{
	struct fixture *f = *state;
	char label[VAULT_LABEL_MAX + 1];
	struct kept kept;
	struct image now;

	keep_all(&f->a, f->path, &kept);
	rekey(f, true, NULL);
	assert_ok(vault_purge(&f->a.actor, f->path, NULL, NULL, label));
	image_take(f->path, &now);
	assert_int_equal(records_left(&kept, &now), 0);
	for (uint64_t at = 0; (at + FORMAT_NODE_BLOCKS) * DISK_BLOCK <= now.len[DISK_DATA]; at++)
		assert_false(opens_as_node(&kept, &now, at));
	image_clear(&now);
	kept_clear(&kept);
	expect_files(&f->b, f->path);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(everybody_who_stays_reads_everything),
		STORY(who_was_let_out_stays_out),
		STORY(nobody_leaves_themselves_out),
		STORY(waiting_ends_the_old_key),
		STORY(nothing_written_since_opens_with_what_was_kept),
		STORY(without_a_new_key_what_was_kept_opens_all),
		STORY(old_key_files_put_back_open_nothing),
		STORY(the_whole_old_medium_put_back_is_a_rollback),
		STORY(the_old_key_is_nowhere_once_its_last_block_is_sealed_anew),
		STORY(an_interrupted_waiting_goes_on_at_the_next_mount),
		STORY(a_half_resealed_vault_reads_without_a_write),
		STORY(a_grant_carries_the_older_keys_on),
		STORY(eight_keys_are_the_most),
		STORY(what_cannot_be_read_keeps_its_key_until_it_is_deleted),
		STORY(a_vault_without_a_device_secret_gets_a_new_key_too),
		STORY(no_log_no_new_key_and_no_purge),
		STORY(an_open_vault_is_left_alone),
		STORY(a_purge_leaves_nothing_of_what_was_deleted),
		STORY(a_new_key_and_a_purge_leave_nothing_that_the_old_one_opens),
	};

	return cmocka_run_group_tests_name("a new key", tests, NULL, NULL);
}
