/* Sealed blocks: whole, in their place, and no others, even for somebody who has the key. */
#include <string.h>
#include "store/node.h"
#include "store/seal.h"
#include "tests/check.h"

struct fixture {
	struct sealer *sealer;
	uint8_t plain[DISK_BLOCK], sealed[DISK_BLOCK];
	struct store_key key;
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
	f.key = (struct store_key){.object = 5, .offset = 9};
	f.ref = (struct ref){.addr = 40, .blocks = 1, .birth = 7, .extra = 100};
	assert_ok(sealer_seal(f.sealer, &f.key, f.plain, f.sealed, &f.ref));
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
	err = sealer_open(f->sealer, &f->key, hash, &f->ref, data);
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
	f->key.object++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->key.offset++;
	assert_err(open_copy(f, false), ERR_FORGED);
	*f = good;
	f->key.kind++;
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

/* ---- nodes ---- */

struct node_fixture {
	uint8_t page[FORMAT_PAGE_LEN], sealed[FORMAT_NODE_LEN], out[FORMAT_PAGE_LEN];
	struct ref ref;
};

static struct node_fixture *seal_a_node(struct fixture *f)
{
	static struct node_fixture n;

	memset(&n, 0, sizeof(n));
	page_init(n.page, 2);
	page_set_birth(n.page, 77);
	n.ref = (struct ref){.addr = 12, .extra = 1};
	assert_ok(sealer_seal_node(f->sealer, n.page, n.sealed, &n.ref));
	return &n;
}

static void a_node_opens_by_its_pointer_and_by_nothing_like_it(void **state)
{
	struct fixture *f = *state;
	struct node_fixture *n = seal_a_node(f);
	struct ref good = n->ref;

	assert_ok(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out));
	assert_memory_equal(n->out, n->page, sizeof(n->page));
	n->ref.birth++;
	assert_err(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out), ERR_FORGED);
	n->ref = good;
	n->ref.addr++;
	assert_err(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out), ERR_FORGED);
	n->ref = good;
	n->ref.sha256[0] ^= 1;
	assert_err(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out), ERR_FORGED);
}

static void every_byte_of_a_node_counts(void **state)
{
	struct fixture *f = *state;
	struct node_fixture *n = seal_a_node(f);

	for (unsigned i = 0; i < sizeof(n->sealed); i += i < 64 ? 1 : 61) {
		n->sealed[i] ^= 4;
		assert_err(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out), ERR_FORGED);
		n->sealed[i] ^= 4;
	}
}

static void a_node_is_recognised_without_its_pointer(void **state)
{
	struct fixture *f = *state;
	struct node_fixture *n = seal_a_node(f);
	struct ref found;

	add_epoch(f->sealer, 2);
	assert_ok(sealer_find_node(f->sealer, 12, n->sealed, n->out, &found));
	assert_memory_equal(n->out, n->page, sizeof(n->page));
	assert_memory_equal(&found, &n->ref, sizeof(found));
	assert_err(sealer_find_node(f->sealer, 13, n->sealed, n->out, &found), ERR_FORGED);
	n->sealed[5000] ^= 1;
	assert_err(sealer_find_node(f->sealer, 12, n->sealed, n->out, &found), ERR_FORGED);
}

static void keys_that_are_let_go_open_nothing(void **state)
{
	struct fixture *f = *state;
	struct node_fixture *n = seal_a_node(f);
	struct ref found;

	add_epoch(f->sealer, 2);
	sealer_drop_older(f->sealer);
	assert_int_equal(sealer_epoch(f->sealer), 2);
	assert_int_equal(sealer_epochs(f->sealer), 1);
	assert_err(sealer_open_node(f->sealer, &n->ref, n->sealed, n->out), ERR_FORGED);
	assert_err(sealer_find_node(f->sealer, 12, n->sealed, n->out, &found), ERR_FORGED);
	assert_err(open_copy(f, true), ERR_FORGED);
}

static void a_slot_of_an_older_epoch_is_known_as_such(void **state)
{
	struct fixture *f = *state;
	static uint8_t content[SLOT_CONTENT_LEN], slot[FORMAT_SLOT_LEN];

	assert_ok(sealer_seal_slot(f->sealer, 3, content, slot));
	assert_false(sealer_knows_older_slot(f->sealer, slot));
	add_epoch(f->sealer, 2);
	assert_true(sealer_knows_older_slot(f->sealer, slot));
	slot_noise(slot);
	assert_false(sealer_knows_older_slot(f->sealer, slot));
}

static void epochs_ascend_and_have_an_end(void **state)
{
	struct fixture *f = *state;
	struct secret *key;

	assert_ok(secret_random(32, &key));
	assert_err(sealer_add_epoch(f->sealer, 1, key), ERR_INVALID);
	for (uint32_t epoch = 2; epoch <= FORMAT_EPOCHS_MAX; epoch++)
		assert_ok(sealer_add_epoch(f->sealer, epoch, key));
	assert_err(sealer_add_epoch(f->sealer, 9, key), ERR_TOO_MANY_EPOCHS);
	assert_int_equal(sealer_epoch(f->sealer), 8);
	secret_free(key);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_node_opens_by_its_pointer_and_by_nothing_like_it),
		STORY(every_byte_of_a_node_counts),
		STORY(a_node_is_recognised_without_its_pointer),
		STORY(keys_that_are_let_go_open_nothing),
		STORY(a_slot_of_an_older_epoch_is_known_as_such),
		STORY(epochs_ascend_and_have_an_end),
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
