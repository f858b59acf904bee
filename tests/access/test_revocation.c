/* Promises P5 and P6. Revoked means: nothing written afterwards opens with what the revoked party
 * kept, and they kept everything: their staff key, the device secret, every key of every epoch, all
 * bytes of the medium at all times, and a program that asks no register. And a medium whose device
 * secret was destroyed is noise, also to who holds all other keys. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/escrow.h"
#include "access/internal.h"
#include "access/recovery.h"
#include "age/age.h"
#include "base/io.h"
#include "base/text.h"
#include "store/folder_disk.h"
#include "store/seal.h"
#include "tests/access/books.h"
#include "tests/check.h"

#define OLD_FILES 12u
#define NEW_FILES 12u
#define TIMES 5u /* when the leaver copied the medium */
#define KEYS_MAX 8u

struct fixture {
	char dir[64];
	struct person o, a, b;	    /* b is the one who will be revoked */
	struct age_identity *sheet; /* the recovery key, on paper */
	char *path;
	uint8_t volume_id[VOLUME_ID_LEN];
	struct secret *device;
	unsigned times; /* copies taken */
	/* Keys of epochs that b had. */
	struct {
		uint32_t epoch;
		struct secret *key;
	} kept[KEYS_MAX];
	unsigned kept_count;
};

/* ---- files ---- */

static void put_files(struct vault *v, const char *prefix, unsigned count)
{
	static uint8_t data[200000];

	for (unsigned n = 0; n < count; n++) {
		size_t len = n == 0 ? sizeof(data) : n % 2 ? n * 30 : 5000 * n;
		struct volume_attr attr;
		char name[32];

		snprintf(name, sizeof(name), "%s-%02u", prefix, n);
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)(prefix[0] ^ (i * 2654435761u + n) >> 12);
		assert_ok(volume_make(vault_volume(v), VOLUME_ROOT, name, S_IFREG | 0600, 0, 0,
				      &attr));
		assert_ok(volume_write(vault_volume(v), attr.ino, 0, data, len));
	}
}

static bool has_file(struct vault *v, const char *prefix, unsigned n)
{
	struct volume_attr attr;
	char name[32];

	snprintf(name, sizeof(name), "%s-%02u", prefix, n);
	return volume_lookup(vault_volume(v), VOLUME_ROOT, name, &attr) == OK;
}

static struct vault *open_as(struct person *p, const char *path, bool read_only)
{
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_open(&p->actor, path, read_only, NULL, &v, &facts));
	return v;
}

static void write_as(struct fixture *f, struct person *p, const char *prefix, unsigned count)
{
	struct vault *v = open_as(p, f->path, false);

	put_files(v, prefix, count);
	assert_ok(vault_close(v));
}

/* ---- the society ---- */

static void enrol(struct fixture *f, struct person *who)
{
	struct device d = {0};
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->o.actor, f->path, &who->info.recipient, ticket));
	assert_ok(vault_enrol(&who->actor, ticket, &d));
}

static void tell_all(struct fixture *f)
{
	books_carry(&f->o, &f->a);
	books_carry(&f->o, &f->b);
}

static void make_vault(struct fixture *f)
{
	struct vault_new what = {.dir = f->dir, .label = "OSAKA-03", .separated = true};
	struct vault *v;

	assert_ok(vault_create(&f->o.actor, &what, &f->path));
	enrol(f, &f->a);
	enrol(f, &f->b);
	v = open_as(&f->o, f->path, false);
	put_files(v, "old", OLD_FILES);
	memcpy(f->volume_id, v->facts.volume_id, VOLUME_ID_LEN);
	assert_ok(secret_copy(secret_data(v->device), DEVICE_SECRET_LEN, &f->device));
	assert_ok(vault_close(v));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct age_recipient on_paper;

	assert_non_null(f);
	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-revoked-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->o, f->dir, "o");
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	make_vault(f);
	books_found(&f->o);
	books_staff(&f->o, &f->a);
	books_staff(&f->o, &f->b);
	books_medium(&f->o, f->path, "U-012");
	books_grant(&f->o, &f->a, "*", NULL);
	books_grant(&f->o, &f->b, "*", NULL);
	assert_ok(age_identity_new_random(&f->sheet));
	age_identity_recipient(f->sheet, &on_paper);
	books_recovery(&f->o, &on_paper);
	tell_all(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->o);
	person_clear(&f->a);
	person_clear(&f->b);
	age_identity_free(f->sheet);
	secret_free(f->device);
	for (unsigned i = 0; i < f->kept_count; i++)
		secret_free(f->kept[i].key);
	shell("chmod -R u+rwX '%s' && rm -rf '%s'", f->dir, f->dir);
	free(f->path);
	free(f);
	return 0;
}

/* ---- what the leaver keeps ---- */

static void copy_path(const struct fixture *f, unsigned time, char out[96])
{
	snprintf(out, 96, "%s/copy-%u.VLT", f->dir, time);
}

static void keep_medium(struct fixture *f)
{
	char copy[96];

	assert_true(f->times < TIMES);
	copy_path(f, f->times++, copy);
	shell("cp -r '%s' '%s'", f->path, copy);
}

static void keep_key(struct fixture *f, uint32_t epoch, const struct secret *key)
{
	for (unsigned i = 0; i < f->kept_count; i++)
		if (f->kept[i].epoch == epoch)
			return;
	assert_true(f->kept_count < KEYS_MAX);
	f->kept[f->kept_count].epoch = epoch;
	assert_ok(secret_copy(secret_data(key), secret_len(key), &f->kept[f->kept_count++].key));
}

/* All that b can get hold of today. */
static void keep_all(struct fixture *f)
{
	struct vault *v = open_as(&f->b, f->path, true);

	keep_key(f, v->key.epoch, v->epoch_key);
	for (unsigned i = 0; i < v->key.older.count; i++)
		keep_key(f, v->key.older.epoch[i], v->key.older.key[i]);
	assert_ok(vault_close(v));
	keep_medium(f);
}

static void forget_what_was_seen(struct person *p)
{
	shell("rm -rf '%s'/* '%s'/.x", home_seen_dir(p->home), home_seen_dir(p->home));
}

/* ---- putting media together from what was kept ---- */

/* KEY files of one time, HEAD files of another, DATA of a third. */
static void put_together(const struct fixture *f, unsigned key, unsigned head, unsigned data,
			 const char *to)
{
	char from[96];

	shell("rm -rf '%s'%s", to, "");
	copy_path(f, data, from);
	shell("cp -r '%s' '%s'", from, to);
	copy_path(f, key, from);
	shell("cp '%s'/KEY?.AGE '%s'/", from, to);
	copy_path(f, head, from);
	shell("cp '%s'/HEAD?.BIN '%s'/", from, to);
}

/* True when it opens for b; then nothing new may be in it. */
static bool opens_without_news(struct fixture *f, const char *path)
{
	struct vault_facts facts;
	struct vault *v;

	forget_what_was_seen(&f->b);
	if (vault_open(&f->b.actor, path, true, NULL, &v, &facts) != OK)
		return false;
	for (unsigned n = 0; n < NEW_FILES; n++)
		if (has_file(v, "new", n) || has_file(v, "late", n))
			fail_msg("who was revoked sees a new file");
	assert_ok(vault_close(v));
	return true;
}

/* ---- block by block ---- */

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

/* With every key that was kept, under every number an epoch could have. */
static unsigned kept_sealers(struct fixture *f, struct sealer *ret[4 * KEYS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < f->kept_count; i++) {
		for (uint32_t epoch = 1; epoch <= 4; epoch++) {
			assert_ok(sealer_new(f->volume_id, &ret[count]));
			assert_ok(sealer_add_epoch(ret[count++], epoch, f->kept[i].key));
		}
	}
	return count;
}

static bool was_there(const struct image *old, uint64_t off, const uint8_t *bytes, size_t len)
{
	return off + len <= old->len[DISK_DATA] &&
	       memcmp(old->area[DISK_DATA] + off, bytes, len) == 0;
}

/* Nodes of `now` that open with a kept key and were not on the medium when it was kept. */
static unsigned new_nodes(struct sealer **sealers, unsigned count, const struct image *old,
			  const struct image *now)
{
	uint8_t page[FORMAT_PAGE_LEN];
	unsigned opened = 0;

	for (uint64_t at = 0; (at + FORMAT_NODE_BLOCKS) * DISK_BLOCK <= now->len[DISK_DATA]; at++) {
		const uint8_t *bytes = now->area[DISK_DATA] + at * DISK_BLOCK;
		struct ref ref;

		if (was_there(old, at * DISK_BLOCK, bytes, FORMAT_NODE_LEN))
			continue;
		for (unsigned i = 0; i < count; i++)
			opened += sealer_find_node(sealers[i], at, bytes, page, &ref) == OK;
	}
	return opened;
}

static unsigned slots_opened(struct sealer **sealers, unsigned count, const struct image *now)
{
	uint8_t content[SLOT_CONTENT_LEN];
	unsigned opened = 0;

	for (unsigned slot = 0; slot < 2 * FORMAT_SLOTS; slot++)
		for (unsigned i = 0; i < count; i++)
			opened += sealer_open_slot(sealers[i], slot,
						   now->area[DISK_HEAD0 + slot / FORMAT_SLOTS] +
							   slot % FORMAT_SLOTS * FORMAT_SLOT_LEN,
						   content) == OK;
	return opened;
}

/* Records that the new state reaches and the old one did not, tried with the kept keys although
 * nobody who was revoked knows where they are. */
struct record_search {
	struct sealer **sealers;
	unsigned count, opened, tried;
	const struct image *old, *now;
};

static enum err try_record(void *ctx, const struct store_view *view, enum err damage)
{
	static uint8_t data[STORE_RECORD_MAX];
	struct record_search *s = ctx;
	const struct ref *ref = &view->record;
	const uint8_t *bytes;

	TRY(damage);
	if (!view->has_record)
		return OK;
	bytes = s->now->area[DISK_DATA] + ref->addr * DISK_BLOCK;
	if (was_there(s->old, ref->addr * DISK_BLOCK, bytes, ref->blocks * DISK_BLOCK))
		return OK;
	s->tried++;
	for (unsigned i = 0; i < s->count; i++) {
		memcpy(data, bytes, ref->blocks * DISK_BLOCK);
		s->opened += sealer_open(s->sealers[i], &view->key, false, ref, data) == OK;
	}
	return OK;
}

static void try_records(struct fixture *f, struct record_search *s)
{
	struct store_check check = {.item = try_record, .ctx = s};
	struct store_check_result found;
	struct vault *v = open_as(&f->a, f->path, true);

	assert_ok(store_check(vault_store(v), &check, &found));
	assert_ok(vault_close(v));
}

/* `old` is the last time before the revocation. */
static void expect_only_old_blocks(struct fixture *f, unsigned old_time)
{
	struct sealer *sealers[4 * KEYS_MAX];
	unsigned count = kept_sealers(f, sealers);
	struct image old, now;
	char copy[96];

	copy_path(f, old_time, copy);
	image_take(copy, &old);
	image_take(f->path, &now);
	assert_true(slots_opened(sealers, count, &old) > 0);
	assert_int_equal(slots_opened(sealers, count, &now), 0);
	assert_int_equal(new_nodes(sealers, count, &old, &now), 0);

	struct record_search s = {.sealers = sealers, .count = count, .old = &old, .now = &now};

	try_records(f, &s);
	assert_true(s.tried > 0);
	assert_int_equal(s.opened, 0);
	for (unsigned i = 0; i < count; i++)
		sealer_free(sealers[i]);
	image_clear(&old);
	image_clear(&now);
}

/* ---- P5 ---- */

static void reseal(struct fixture *f)
{
	struct vault *v = open_as(&f->a, f->path, false);
	bool more = true;

	for (struct store_reseal at = {0}; more;)
		assert_ok(volume_reseal_step(vault_volume(v), 64, &at, &more));
	put_files(v, "late", NEW_FILES);
	assert_ok(vault_close(v));
}

static void revoked_means_that_nothing_written_since_opens_with_what_was_kept(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = {0};
	struct vault_rekeyed got;
	struct vault_facts facts;
	unsigned opened = 0;
	struct vault *v;
	char mixed[96];

	keep_all(f);
	assert_ok(vault_rekey(&f->a.actor, f->path, &how, &got));
	keep_all(f);
	assert_int_equal(f->kept_count, 2);
	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->a);
	books_burn(&f->b);
	keep_medium(f);
	write_as(f, &f->a, "new", NEW_FILES);
	keep_medium(f);
	expect_only_old_blocks(f, 2);
	reseal(f);
	keep_medium(f);
	expect_only_old_blocks(f, 2);
	snprintf(mixed, sizeof(mixed), "%s/mixed.VLT", f->dir);
	for (unsigned key = 0; key < TIMES; key++) {
		for (unsigned head = 0; head < TIMES; head++) {
			for (unsigned data = 0; data < TIMES; data++) {
				put_together(f, key, head, data, mixed);
				opened += opens_without_news(f, mixed);
			}
		}
	}
	/* What was true before the revocation they can have back, as it was. */
	assert_in_range(opened, 3, TIMES * TIMES * TIMES);
	forget_what_was_seen(&f->b);
	assert_err(vault_open(&f->b.actor, f->path, true, NULL, &v, &facts), ERR_NO_KEY_FITS);
}

/* Who is to be revoked lets a second key of theirs in, before or after, with a program that asks no
 * register. The next opening elsewhere leaves out both. */
static void a_second_key_let_in_by_the_revoked_goes_with_the_first(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct person second;
	struct device d = {0};
	struct vault *v;
	char ticket[96];

	person_make(&second, f->dir, "second");
	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->a);
	books_burn(&f->b);
	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->b.actor, f->path, &second.info.recipient, ticket));
	assert_ok(vault_enrol(&second.actor, ticket, &d));
	assert_ok(vault_open(&second.actor, f->path, true, NULL, &v, &facts));
	assert_ok(vault_close(v));
	write_as(f, &f->a, "new", 1);
	assert_err(vault_open(&second.actor, f->path, true, NULL, &v, &facts), ERR_NO_KEY_FITS);
	assert_err(vault_open(&f->b.actor, f->path, true, NULL, &v, &facts), ERR_NO_KEY_FITS);
	person_clear(&second);
}

/* ---- P6 ---- */

static struct {
	const struct age_identity *ids[4];
	const struct secret *device;
	unsigned files, opened;
	bool found;
} hunt;

static bool holds(const void *data, size_t len, const struct secret *d)
{
	char hex[2 * DEVICE_SECRET_LEN + 1], base64[64];

	text_hex(secret_data(d), DEVICE_SECRET_LEN, hex);
	text_base64(secret_data(d), DEVICE_SECRET_LEN, false, base64);
	return memmem(data, len, secret_data(d), DEVICE_SECRET_LEN) ||
	       memmem(data, len, hex, strlen(hex)) || memmem(data, len, base64, strlen(base64) - 1);
}

/* A file as it is, and as every key opens it. */
static int look_into(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	CLEANUP(buf_clear) struct buf bytes = {0};

	if (kind != FTW_F || io_read_file(path, 1 << 20, &bytes) != OK)
		return 0;
	hunt.files++;
	hunt.found = hunt.found || holds(bytes.data, bytes.len, hunt.device);
	for (unsigned i = 0; i < ARRAY_LEN(hunt.ids); i++) {
		CLEANUP(secret_freep) struct secret *plain = NULL;

		if (age_open_buf(&hunt.ids[i], 1, bytes.data, bytes.len, 1 << 20, &plain, NULL) !=
		    OK)
			continue;
		hunt.opened++;
		hunt.found =
			hunt.found || holds(secret_data(plain), secret_len(plain), hunt.device);
	}
	return 0;
}

static bool device_secret_is_anywhere(struct fixture *f)
{
	const struct person *people[] = {&f->o, &f->a, &f->b};

	hunt.ids[0] = f->o.id;
	hunt.ids[1] = f->a.id;
	hunt.ids[2] = f->b.id;
	hunt.ids[3] = f->sheet;
	hunt.device = f->device;
	hunt.files = hunt.opened = 0;
	hunt.found = false;
	for (unsigned i = 0; i < ARRAY_LEN(people); i++)
		assert_int_equal(nftw(people[i]->dir, look_into, 8, FTW_PHYS), 0);
	assert_true(hunt.files > 0);
	return hunt.found;
}

static enum err compare(void *ctx, struct device *d)
{
	struct fixture *f = ctx;

	return secret_equal(d->secret, f->device) ? OK : ERR_INVALID;
}

static bool paper_opens_copy_of(struct fixture *f, struct person *p)
{
	return escrow_each(p->home, f->volume_id, f->sheet, compare, f) == OK;
}

/* As `vault recovery` does it, with whatever the host has. */
static bool paper_opens_vault(struct fixture *f, struct person *p)
{
	uint8_t id[VOLUME_ID_LEN];

	return recovery_try_vault(&p->actor, f->path, f->sheet, id) == OK;
}

static void nobody_opens(struct fixture *f, enum err want)
{
	struct person *people[] = {&f->o, &f->a, &f->b};
	struct vault_facts facts;
	struct vault *v;

	for (unsigned i = 0; i < ARRAY_LEN(people); i++) {
		struct vault_actor with_sheet = people[i]->actor;

		assert_err(vault_open(&people[i]->actor, f->path, true, NULL, &v, &facts), want);
		with_sheet.identity = f->sheet;
		if (vault_open(&with_sheet, f->path, true, NULL, &v, &facts) == OK)
			fail_msg("the recovery key opens it");
		assert_false(paper_opens_vault(f, people[i]));
	}
}

/* The shares come out of the KEY files for all of them; without the device secret they prove
 * nothing and open nothing. */
static void shares_alone_open_nothing(struct fixture *f)
{
	const struct age_identity *ids[] = {f->o.id, f->a.id, f->b.id, f->sheet};
	struct disk *disk;

	assert_ok(folder_disk_open(f->path, true, &disk));
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
		CLEANUP(keyfile_clear) struct keyfile k = {0};
		CLEANUP(secret_freep) struct secret *guess = NULL;

		assert_ok(keyfile_read(disk, DISK_KEY0, ids[i], &k));
		assert_ok(keyfile_epoch_key(&k, NULL, &guess));
		assert_err(keyfile_prove(disk, DISK_KEY0, &k, guess), ERR_FORGED);
	}
	disk_close(disk);
}

/* Each host destroys its own when it learns of the revocation; behind the last one nothing is left.
 */
static void a_medium_whose_secret_is_destroyed_is_noise_to_everybody(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v;

	write_as(f, &f->a, "new", 2);
	write_as(f, &f->o, "late", 2);
	assert_true(paper_opens_copy_of(f, &f->a) && paper_opens_copy_of(f, &f->o));
	assert_true(paper_opens_vault(f, &f->a) && paper_opens_vault(f, &f->o));
	books_revoke(&f->o, "OSAKA-03");
	assert_false(paper_opens_copy_of(f, &f->o));
	assert_err(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts), ERR_REVOKED_MEDIUM);
	assert_true(device_secret_is_anywhere(f)); /* a and b have not heard of it */
	tell_all(f);
	assert_err(vault_open(&f->a.actor, f->path, true, NULL, &v, &facts), ERR_REVOKED_MEDIUM);
	assert_true(device_secret_is_anywhere(f));
	assert_err(vault_open(&f->b.actor, f->path, true, NULL, &v, &facts), ERR_REVOKED_MEDIUM);
	assert_false(device_secret_is_anywhere(f));
	nobody_opens(f, ERR_REVOKED_MEDIUM);
	books_burn(&f->o);
	books_burn(&f->a);
	books_burn(&f->b);
	nobody_opens(f, ERR_NOT_ENROLLED);
	shares_alone_open_nothing(f);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(revoked_means_that_nothing_written_since_opens_with_what_was_kept),
		STORY(a_second_key_let_in_by_the_revoked_goes_with_the_first),
		STORY(a_medium_whose_secret_is_destroyed_is_noise_to_everybody),
	};

	return cmocka_run_group_tests_name("revoked", tests, NULL, NULL);
}
