/* Sealed blocks: whole, in their place, and no others, even for somebody who has the key. */
#include <string.h>
#include "store/format.h"
#include "store/seal.h"
#include "tests/check.h"

struct fixture {
	struct sealer *sealer;
	uint8_t plain[DISK_BLOCK], sealed[DISK_BLOCK];
	struct seal_place place;
	struct ref ref;
};

static void add_epoch(struct sealer *s, uint32_t epoch)
{
	struct secret *key;

	assert_ok(secret_random(32, &key));
	assert_ok(sealer_add_epoch(s, epoch, key));
	secret_free(key);
}

static int setup(void **state)
{
	static struct fixture f;
	const uint8_t volume_id[STORE_ID_LEN] = "a volume";

	memset(&f, 0, sizeof(f));
	assert_ok(crypto_init());
	assert_ok(sealer_new(volume_id, &f.sealer));
	add_epoch(f.sealer, 1);
	memset(f.plain, 'p', sizeof(f.plain));
	f.place = (struct seal_place){.kind = FORMAT_RECORD, .key = {.object = 5, .offset = 9}};
	f.ref = (struct ref){.addr = 40, .blocks = 1, .birth = 7, .extra = 100};
	assert_ok(sealer_seal(f.sealer, &f.place, f.plain, f.sealed, &f.ref));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sealer_free(f->sealer);
	return 0;
}

static enum err open_copy(struct fixture *f, bool hash)
{
	uint8_t data[DISK_BLOCK];
	enum err err;

	memcpy(data, f->sealed, sizeof(data));
	err = sealer_open(f->sealer, &f->place, hash, &f->ref, data);
	if (err == OK)
		assert_memory_equal(data, f->plain, sizeof(data));
	return err;
}

static void a_block_opens_where_it_was_sealed(void **state)
{
	assert_ok(open_copy(*state, true));
	assert_ok(open_copy(*state, false));
}

static void a_block_in_another_place_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct fixture good = *f;

	f->ref.addr++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->ref.birth++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->ref.extra++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->place.key.object++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->place.key.offset++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->place.kind = FORMAT_NODE;
	assert_err(open_copy(f, false), ERR_FORGED);
}

static void an_epoch_that_is_not_open_is_refused(void **state)
{
	struct fixture *f = *state;

	f->ref.epoch = 2;
	assert_err(open_copy(f, false), ERR_FORGED);
}

/* Whoever has the key of an epoch can make other bytes fit a tag (GCM's tag is linear), so the hash
 * counts where the block may be such a person's: asked for, or of an epoch that ended. */
static void a_fitting_tag_without_the_fitting_hash_is_refused(void **state)
{
	struct fixture *f = *state;

	f->ref.sha256[31] ^= 1;
	assert_err(open_copy(f, true), ERR_FORGED);
	assert_ok(open_copy(f, false));
	add_epoch(f->sealer, 2);
	assert_err(open_copy(f, false), ERR_FORGED);
}

static void an_ended_epoch_still_opens(void **state)
{
	struct fixture *f = *state;

	add_epoch(f->sealer, 2);
	assert_ok(open_copy(f, false));
}

static void every_byte_of_a_slot_counts(void **state)
{
	struct fixture *f = *state;
	static uint8_t content[SLOT_CONTENT_LEN], slot[FORMAT_SLOT_LEN], out[SLOT_CONTENT_LEN];

	memset(content, 'c', sizeof(content));
	assert_ok(sealer_seal_slot(f->sealer, 3, content, slot));
	assert_ok(sealer_open_slot(f->sealer, 3, slot, out));
	assert_memory_equal(out, content, sizeof(out));
	assert_err(sealer_open_slot(f->sealer, 4, slot, out), ERR_FORGED);
	for (unsigned i = 0; i < sizeof(slot); i++) {
		slot[i] ^= 0x20;
		assert_err(sealer_open_slot(f->sealer, 3, slot, out), ERR_FORGED);
		slot[i] ^= 0x20;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_block_opens_where_it_was_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_in_another_place_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_epoch_that_is_not_open_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_fitting_tag_without_the_fitting_hash_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_ended_epoch_still_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(every_byte_of_a_slot_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
