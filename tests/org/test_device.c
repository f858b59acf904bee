/* Device secrets in the keyring, and tickets that carry them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "age/age.h"
#include "age/armor.h"
#include "base/io.h"
#include "org/device_format.h"
#include "tests/check.h"
#include "tests/org/host.h"

struct fixture {
	struct host *host;
	struct age_identity *a, *b;
	struct age_recipient to_a, to_b;
	struct device device;
	char ticket[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->host = host_new();
	f->a = host_staff(f->host, "a", &f->to_a);
	f->b = host_staff(f->host, "b", &f->to_b);
	memset(f->device.volume_id, 0x11, VOLUME_ID_LEN);
	memset(f->device.device_id, 0x22, sizeof(f->device.device_id));
	strcpy(f->device.label, "大阪-03");
	assert_ok(secret_random(DEVICE_SECRET_LEN, &f->device.secret));
	snprintf(f->ticket, sizeof(f->ticket), "%s/ticket", f->host->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	device_clear(&f->device);
	age_identity_free(f->a);
	age_identity_free(f->b);
	host_free(f->host);
	free(f);
	return 0;
}

static void expect_same(const struct device *a, const struct device *b)
{
	assert_memory_equal(a->volume_id, b->volume_id, VOLUME_ID_LEN);
	assert_memory_equal(a->device_id, b->device_id, sizeof(a->device_id));
	assert_string_equal(a->label, b->label);
	assert_true(secret_equal(a->secret, b->secret));
}

static enum err try_load(struct fixture *f, const struct age_identity *id)
{
	struct device d = { 0 };
	enum err err = device_load(f->host->home, f->device.volume_id, id, &d);

	if (err == OK)
		expect_same(&d, &f->device);
	device_clear(&d);
	return err;
}

static enum err try_ticket(struct fixture *f, const struct age_identity *id)
{
	struct device d = { 0 };
	enum err err = ticket_open(f->ticket, id, &d);

	if (err == OK)
		expect_same(&d, &f->device);
	device_clear(&d);
	return err;
}

/* ---- keyring ---- */

static void a_device_secret_comes_back_to_its_owner_only(void **state)
{
	struct fixture *f = *state;

	assert_err(try_load(f, f->a), ERR_NOT_ENROLLED);
	assert_ok(device_save(f->host->home, &f->device, &f->to_a, 1));
	host_again(f->host);
	assert_ok(try_load(f, f->a));
	assert_err(try_load(f, f->b), ERR_NO_KEY_FITS);
}

static void what_one_person_saves_leaves_the_others_alone(void **state)
{
	struct fixture *f = *state;
	struct secret *mine;

	assert_ok(device_save(f->host->home, &f->device, &f->to_a, 1));
	mine = f->device.secret;
	assert_ok(secret_random(DEVICE_SECRET_LEN, &f->device.secret));
	assert_ok(device_save(f->host->home, &f->device, &f->to_b, 1));
	assert_ok(try_load(f, f->b));
	secret_free(f->device.secret);
	f->device.secret = mine;
	assert_ok(try_load(f, f->a));
	device_forget(f->host->home, f->device.volume_id, &f->to_b);
	assert_err(try_load(f, f->b), ERR_NO_KEY_FITS);
	assert_ok(try_load(f, f->a));
	device_forget(f->host->home, f->device.volume_id, &f->to_a);
	assert_err(try_load(f, f->a), ERR_NOT_ENROLLED);
}

static void several_people_can_have_it(void **state)
{
	struct fixture *f = *state;
	struct age_recipient both[2] = { f->to_a, f->to_b };

	assert_ok(device_save(f->host->home, &f->device, both, 2));
	assert_ok(try_load(f, f->a));
	assert_ok(try_load(f, f->b));
}

static void the_secret_of_another_vault_under_this_name_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_ok(device_save(f->host->home, &f->device, &f->to_a, 1));
	char command[256];
	snprintf(command, sizeof(command), "cd '%s' && f=$(ls) && cp $f 33${f#11}",
		 home_devices_dir(f->host->home));
	assert_int_equal(system(command), 0);
	f->device.volume_id[0] = 0x33;
	assert_err(try_load(f, f->a), ERR_BAD_FORMAT);
}

/* FORMAT.md, "Device secret": each rule for readers. */
static void bytes_that_are_no_device_secret_are_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t good[DEVICE_LEN], bad[DEVICE_LEN];
	struct writer w = writer_make(good, sizeof(good));
	struct reader r = reader_make(good, sizeof(good));
	struct device d = { 0 };

	device_encode(&f->device, &w);
	assert_true(writer_ok(&w));
	assert_int_equal(w.left, 0);
	assert_ok(device_decode(&r, &d));
	assert_true(reader_done(&r));
	expect_same(&d, &f->device);
	device_clear(&d);
	for (size_t len = 0; len < DEVICE_LEN; len++) {
		r = reader_make(good, len);
		assert_err(device_decode(&r, &d), ERR_BAD_FORMAT);
		assert_null(d.secret);
	}
	memcpy(bad, good, sizeof(bad));
	bad[0] ^= 1; /* magic */
	r = reader_make(bad, sizeof(bad));
	assert_err(device_decode(&r, &d), ERR_BAD_FORMAT);
	memcpy(bad, good, sizeof(bad));
	memset(bad + DEVICE_LEN - 65, 'x', 65); /* a label without end */
	r = reader_make(bad, sizeof(bad));
	assert_err(device_decode(&r, &d), ERR_BAD_FORMAT);
	memset(bad + DEVICE_LEN - 65, 0, 65); /* no label */
	r = reader_make(bad, sizeof(bad));
	assert_err(device_decode(&r, &d), ERR_BAD_FORMAT);
	bad[DEVICE_LEN - 65] = 0xff; /* no UTF-8 */
	r = reader_make(bad, sizeof(bad));
	assert_err(device_decode(&r, &d), ERR_BAD_FORMAT);
}

/* ---- tickets ---- */

static void a_ticket_brings_the_secret_to_one_person(void **state)
{
	struct fixture *f = *state;
	struct device d = { 0 };
	struct sign_key *issuer;

	assert_ok(ticket_write(f->ticket, &f->device, &f->to_b, f->a));
	assert_ok(ticket_open(f->ticket, f->b, &d));
	expect_same(&d, &f->device);
	assert_ok(staff_sign_key(f->a, &issuer));
	assert_memory_equal(d.issuer_vkey, sign_key_vkey(issuer), SIGN_VKEY_LEN);
	sign_key_free(issuer);
	device_clear(&d);
	assert_err(try_ticket(f, f->a), ERR_NO_KEY_FITS);
}

static void a_ticket_is_text_that_survives_mail(void **state)
{
	struct fixture *f = *state;
	struct buf text = { 0 }, mailed = { 0 };

	assert_ok(ticket_write(f->ticket, &f->device, &f->to_b, f->a));
	assert_ok(io_read_file(f->ticket, 65536, &text));
	assert_int_equal(strncmp(text.data, "-----BEGIN AGE ENCRYPTED FILE-----\n", 35), 0);
	for (size_t i = 0; i < text.len; i++)
		assert_true(text.data[i] == '\n' || (text.data[i] >= ' ' && text.data[i] < 127));
	assert_ok(buf_puts(&mailed, "\r\n"));
	for (size_t i = 0; i < text.len; i++)
		assert_ok(buf_puts(&mailed, text.data[i] == '\n' ? "\r\n"
								  : (char[2]){ text.data[i], 0 }));
	assert_ok(buf_puts(&mailed, "\r\n"));
	assert_ok(io_replace_file(f->ticket, mailed.data, mailed.len, 0600));
	assert_ok(try_ticket(f, f->b));
	buf_clear(&text);
	buf_clear(&mailed);
}

static void a_ticket_that_was_changed_or_cut_is_refused(void **state)
{
	struct fixture *f = *state;
	struct buf text = { 0 };

	assert_ok(ticket_write(f->ticket, &f->device, &f->to_b, f->a));
	assert_ok(io_read_file(f->ticket, 65536, &text));
	for (size_t i = 40; i + 40 < text.len; i += 19) {
		char was = text.data[i];

		text.data[i] = was == 'A' ? 'B' : 'A';
		if (was != '\n') {
			assert_ok(io_replace_file(f->ticket, text.data, text.len, 0600));
			assert_int_not_equal(try_ticket(f, f->b), OK);
		}
		text.data[i] = was;
		assert_ok(io_replace_file(f->ticket, text.data, i, 0600));
		assert_int_not_equal(try_ticket(f, f->b), OK);
	}
	buf_clear(&text);
	assert_ok(io_replace_file(f->ticket, "hello\n", 6, 0600));
	assert_err(try_ticket(f, f->b), ERR_BAD_FORMAT);
	assert_ok(io_replace_file(f->ticket, "", 0, 0600));
	assert_err(try_ticket(f, f->b), ERR_BAD_FORMAT);
	assert_int_equal(unlink(f->ticket), 0);
	assert_err(try_ticket(f, f->b), ERR_NOT_FOUND);
}

static void an_age_file_that_is_no_ticket_is_refused(void **state)
{
	struct fixture *f = *state;
	static const size_t lengths[] = { 0, 5, TICKET_LEN - 1, TICKET_LEN, TICKET_LEN + 1, 60000 };
	uint8_t *data = calloc(1, 60000);

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct buf file = { 0 };

		assert_ok(age_seal_buf(&f->to_b, 1, 1, data, lengths[i], &file));
		assert_ok(io_replace_file(f->ticket, file.data, file.len, 0600));
		assert_err(try_ticket(f, f->b), ERR_BAD_FORMAT);
		buf_clear(&file);
	}
	free(data);
}

/* A ticket's plaintext, taken out of its envelope by its receiver. */
static struct secret *opened(struct fixture *f, const struct age_identity *id)
{
	struct age_who who = { .identities = &id, .count = 1 };
	struct buf text = { 0 };
	struct age_memory from;
	struct secret *plain;

	assert_ok(io_read_file(f->ticket, 65536, &text));
	from = (struct age_memory){ (const uint8_t *)text.data, text.len };
	assert_ok(age_decrypt_small(&who, age_source_memory(&from), TICKET_LEN, &plain));
	buf_clear(&text);
	return plain;
}

static void a_ticket_passed_on_to_a_third_person_is_refused(void **state)
{
	struct fixture *f = *state;
	struct buf file = { 0 };
	struct secret *plain;

	assert_ok(ticket_write(f->ticket, &f->device, &f->to_b, f->a));
	plain = opened(f, f->b);
	assert_ok(age_seal_buf(&f->to_a, 1, 1, secret_data(plain), secret_len(plain), &file));
	assert_ok(io_replace_file(f->ticket, file.data, file.len, 0600));
	assert_err(try_ticket(f, f->a), ERR_SENDER);
	secret_free(plain);
	buf_clear(&file);
}

static void every_byte_of_a_ticket_is_signed(void **state)
{
	struct fixture *f = *state;
	struct device d = { 0 };
	struct secret *plain;
	uint8_t data[TICKET_LEN];

	assert_ok(ticket_write(f->ticket, &f->device, &f->to_b, f->a));
	plain = opened(f, f->b);
	assert_int_equal(secret_len(plain), TICKET_LEN);
	memcpy(data, secret_data(plain), TICKET_LEN);
	secret_free(plain);
	assert_ok(ticket_decode(data, TICKET_LEN, &f->to_b, &d));
	device_clear(&d);
	for (size_t i = 0; i < TICKET_LEN; i++) {
		enum err err;

		data[i] ^= 0x80;
		err = ticket_decode(data, TICKET_LEN, &f->to_b, &d);
		if (err != ERR_SENDER && err != ERR_BAD_FORMAT)
			fail_msg("byte %zu: %s", i, err_name(err));
		assert_null(d.secret);
		data[i] ^= 0x80;
		assert_int_not_equal(ticket_decode(data, i, &f->to_b, &d), OK);
	}
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_device_secret_comes_back_to_its_owner_only),
		STORY(what_one_person_saves_leaves_the_others_alone),
		STORY(several_people_can_have_it),
		STORY(the_secret_of_another_vault_under_this_name_is_refused),
		STORY(bytes_that_are_no_device_secret_are_refused),
		STORY(a_ticket_brings_the_secret_to_one_person),
		STORY(a_ticket_is_text_that_survives_mail),
		STORY(a_ticket_that_was_changed_or_cut_is_refused),
		STORY(an_age_file_that_is_no_ticket_is_refused),
		STORY(a_ticket_passed_on_to_a_third_person_is_refused),
		STORY(every_byte_of_a_ticket_is_signed),
	};

	return cmocka_run_group_tests_name("device secret", tests, NULL, NULL);
}
