/* ssh-ed25519 keys as recipients and identities, with keys that ssh-keygen made; the judge is age's
 * own program. */
#include "tests/age/fixture.h"

#include "age/ssh_identity.h"
#include "base/io.h"
#include "base/text.h"
#include "tests/age/workshop.h"

#define KEYS "tests/age/lib/ssh/"
#define CLERK "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEz7moPtO9E461lai25WJbWgstc/mglp6Lnks22guAqX"

static struct workshop shop;
static bool age_is_here;

static void need_age(void)
{
	if (!age_is_here) {
		print_message("age is not installed\n");
		skip();
	}
}

static enum err parse(const char *line, struct age_ssh_recipient *ret)
{
	return age_ssh_recipient_parse(line, strlen(line), ret);
}

static enum err refusal_of(const char *line)
{
	struct age_ssh_recipient r;

	return parse(line, &r);
}

static char *key_file(const char *name)
{
	CLEANUP(mem_freep) char *path = text_format(KEYS "%s", name);
	struct buf text = {0};

	assert_ok(io_read_file(path, 1 << 16, &text));
	return text.data;
}

static struct age_ssh_recipient recipient_of(const char *name)
{
	CLEANUP(mem_freep) char *line = key_file(name);
	struct age_ssh_recipient r;

	assert_ok(parse(line, &r));
	return r;
}

static struct age_ssh_identity *identity_of(const char *name)
{
	CLEANUP(mem_freep) char *text = key_file(name);
	struct age_ssh_identity *id = NULL;

	assert_ok(age_ssh_identity_parse(text, strlen(text), &id));
	return id;
}

/* ---- the public line ---- */

static void a_pub_file_is_taken_with_and_without_comment_and_line_end(void **state)
{
	static const char *const lines[] = {CLERK,
					    CLERK "\n",
					    CLERK "\r\n",
					    CLERK " ",
					    CLERK " clerk@office\n",
					    CLERK "\tthe clerk's, \xe9\x8d\xb5"};
	struct age_ssh_recipient first = recipient_of("clerk.pub"), r;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_ok(parse(lines[i], &r));
		assert_memory_equal(r.wire, first.wire, sizeof(r.wire));
		assert_memory_equal(r.pk, first.pk, sizeof(r.pk));
	}
}

static void the_line_is_printed_as_ssh_keygen_wrote_it(void **state)
{
	struct age_ssh_recipient r = recipient_of("clerk.pub");
	char text[AGE_SSH_TEXT];

	age_ssh_recipient_print(&r, text);
	assert_string_equal(text, CLERK);
}

static void keys_of_other_types_are_refused_by_their_name(void **state)
{
	static const char *const lines[] = {
		"ecdsa-sha2-nistp256 AAAA", "sk-ssh-ed25519@openssh.com AAAA",
		"sk-ecdsa-sha2-nistp256@openssh.com AAAA", "ssh-dss AAAA",
		"ssh-ed25519-cert-v01@openssh.com AAAA"};
	CLEANUP(mem_freep) char *rsa = key_file("rsa.pub");

	assert_err(refusal_of(rsa), ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err_detail(), "ssh-rsa"));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_err(refusal_of(lines[i]), ERR_NOT_SUPPORTED);
}

static void anything_else_is_no_key(void **state)
{
	static const char *const lines[] = {
		"", " ", "\n", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 AAAA", " " CLERK,
		"no-pty " CLERK, "command=\"sh\" " CLERK, CLERK "=", CLERK "\n\n", CLERK "\n" CLERK,
		CLERK " \x1b[2J", CLERK " a\x7f", "# " CLERK,
		"ssh-ed25519\nAAAAC3NzaC1lZDI1NTE5AAAAIEz7moPtO9E461lai25WJbWgstc/mglp6Lnks22guAqX",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEz7moPtO9E461lai25WJbWgstc_mglp6Lnks22guAqX",
		/* the string inside is called ssh-ed25518, and then is one byte shorter */
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE4AAAAIEz7moPtO9E461lai25WJbWgstc/mglp6Lnks22guAqX",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAH0z7moPtO9E461lai25WJbWgstc/mglp6Lnks22guAqX"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (refusal_of(lines[i]) != ERR_BAD_FORMAT)
			fail_msg("line %zu was not refused: %s", i, lines[i]);
	}
}

static void a_key_cut_anywhere_is_no_key(void **state)
{
	for (size_t len = 0; len < sizeof(CLERK) - 1; len++) {
		struct age_ssh_recipient r;
		enum err err = age_ssh_recipient_parse(CLERK, len, &r);

		/* "ssh-" and so on is the name of a type that nobody knows */
		assert_true(err == ERR_BAD_FORMAT || (len < 11 && err == ERR_NOT_SUPPORTED));
	}
}

static void a_point_of_low_order_is_no_key(void **state)
{
	static const uint8_t points[][32] = {{0}, {1}};
	struct age_ssh_recipient r;

	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		char line[AGE_SSH_TEXT];

		r = recipient_of("clerk.pub");
		memcpy(r.wire + 19, points[i], 32);
		age_ssh_recipient_print(&r, line);
		assert_err(refusal_of(line), ERR_BAD_FORMAT);
	}
}

static void ssh_keys_are_told_from_keys_of_age(void **state)
{
	struct age_recipient r = fixture_recipient();
	char age[AGE_RECIPIENT_TEXT];

	age_recipient_print(&r, age);
	assert_true(age_ssh_likely(CLERK, strlen(CLERK)));
	assert_true(age_ssh_likely("ssh-rsa AAAA", 12));
	assert_false(age_ssh_likely(age, strlen(age)));
	assert_false(age_ssh_likely("", 0));
}

/* ---- the private file ---- */

static void a_private_key_has_the_public_line_that_belongs_to_it(void **state)
{
	static const char *const names[] = {"clerk", "officer"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = identity_of(names[i]);
		CLEANUP(mem_freep) char *pub = text_format("%s.pub", names[i]);
		struct age_ssh_recipient r = recipient_of(pub);

		assert_memory_equal(age_ssh_identity_recipient(id), &r, sizeof(r));
	}
}

static enum err private_refusal(const char *text, size_t len)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = NULL;

	return age_ssh_identity_parse(text, len, &id);
}

static void a_private_key_with_windows_line_ends_or_no_last_one_is_taken(void **state)
{
	CLEANUP(mem_freep) char *text = key_file("officer");
	CLEANUP(buf_clear) struct buf windows = {0};

	assert_ok(private_refusal(text, strlen(text) - 1));
	for (const char *at = text; *at; at++)
		assert_ok(*at == '\n' ? buf_puts(&windows, "\r\n") : buf_append(&windows, at, 1));
	assert_ok(private_refusal(windows.data, windows.len));
}

static void private_keys_under_a_passphrase_or_of_another_type_say_so(void **state)
{
	CLEANUP(mem_freep) char *locked = key_file("locked");
	CLEANUP(mem_freep) char *ecdsa = key_file("ecdsa");

	assert_err(private_refusal(locked, strlen(locked)), ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err_detail(), "passphrase"));
	assert_err(private_refusal(ecdsa, strlen(ecdsa)), ERR_NOT_SUPPORTED);
	assert_non_null(strstr(err_detail(), "type"));
	assert_true(age_ssh_identity_likely(locked, strlen(locked)));
	assert_false(age_ssh_identity_likely(CLERK, strlen(CLERK)));
}

static void a_private_key_cut_anywhere_is_refused(void **state)
{
	CLEANUP(mem_freep) char *text = key_file("clerk");
	size_t whole = strlen(text);

	for (size_t len = 0; len < whole - 1; len++)
		assert_err(private_refusal(text, len), ERR_BAD_FORMAT);
	assert_err(private_refusal(text, AGE_SSH_FILE_MAX + 1), ERR_BAD_FORMAT);
}

/* The bytes between the marks, and a file around them. */
static size_t private_bytes(const char *text, uint8_t *out, size_t cap)
{
	CLEANUP(buf_clear) struct buf digits = {0};
	const char *at = strchr(text, '\n'), *end = strstr(text, "\n-----END");
	size_t len = 0;

	for (; at < end; at++) {
		if (*at != '\n')
			assert_ok(buf_append(&digits, at, 1));
	}
	assert_ok(text_unbase64(digits.data, digits.len, true, out, cap, &len));
	return len;
}

static enum err private_refusal_of_bytes(const uint8_t *bytes, size_t len)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = NULL;
	CLEANUP(mem_freep) char *text = NULL;
	struct age_ssh_recipient clerk = recipient_of("clerk.pub");
	char digits[1024];

	text_base64(bytes, len, true, digits);
	text = text_format("-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n"
			   "-----END OPENSSH PRIVATE KEY-----\n",
			   digits);
	TRY(age_ssh_identity_parse(text, strlen(text), &id));
	assert_memory_equal(age_ssh_identity_recipient(id), &clerk, sizeof(clerk));
	return OK;
}

/* The comment and how far it reaches may change; the key may not. */
static void a_changed_bit_is_seen_or_belongs_to_the_comment(void **state)
{
	CLEANUP(mem_freep) char *text = key_file("clerk");
	uint8_t bytes[512];
	size_t len = private_bytes(text, bytes, sizeof(bytes));
	size_t comment = (size_t)((uint8_t *)memmem(bytes, len, "clerk@office", 12) - bytes);

	assert_ok(private_refusal_of_bytes(bytes, len));
	for (size_t i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= 1 << i % 8;
		if (i / 8 < comment - 1 || i / 8 >= comment + 12)
			assert_int_not_equal(private_refusal_of_bytes(bytes, len), OK);
		bytes[i / 8] ^= 1 << i % 8;
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(private_refusal_of_bytes(bytes, cut), OK);
}

/* ---- stanzas ---- */

static void what_is_wrapped_opens_with_the_private_key_and_with_no_other(void **state)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *clerk = identity_of("clerk");
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *officer = identity_of("officer");
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	CLEANUP(secret_freep) struct secret *got = NULL;
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	struct age_ssh_recipient r = recipient_of("clerk.pub");

	assert_ok(age_ssh_recipient_wrap(&r, key, &s));
	assert_err(age_ssh_identity_unwrap(officer, &s, &got), ERR_NO_KEY_FITS);
	assert_ok(age_ssh_identity_unwrap(clerk, &s, &got));
	assert_true(secret_equal(key, got));
}

static void the_tag_is_that_of_age(void **state)
{
	struct age_ssh_recipient r = recipient_of("clerk.pub");
	CLEANUP(buf_clear) struct buf file = {0};
	const char *const argv[] = {"age", "-r", CLERK, "-o", "tag.age", "plain", NULL};
	char tag[SSH_TAG_TEXT];
	CLEANUP(mem_freep) char *line = NULL;

	need_age();
	workshop_put(&shop, "plain", "x", 1, 0600);
	assert_int_equal(workshop_run(&shop, argv), 0);
	workshop_get(&shop, "tag.age", &file);
	age_ssh_tag(&r, tag);
	line = text_format("\n-> ssh-ed25519 %s ", tag);
	assert_non_null(strstr(file.data, line));
}

static enum err unwrap_text(const char *text)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = identity_of("clerk");
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	CLEANUP(secret_freep) struct secret *got = NULL;
	size_t len;

	assert_ok(age_stanza_parse(text, strlen(text), &s, &len));
	return age_ssh_identity_unwrap(id, &s, &got);
}

static void stanzas_of_a_wrong_form_are_refused(void **state)
{
	static const char body[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
	static const char share[] = "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const char zero[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct age_ssh_recipient r = recipient_of("clerk.pub");
	char tag[SSH_TAG_TEXT];
	CLEANUP(mem_freep) char *good = NULL, *low = NULL, *few = NULL, *many = NULL;
	CLEANUP(mem_freep) char *short_share = NULL, *short_body = NULL;

	age_ssh_tag(&r, tag);
	good = text_format("-> ssh-ed25519 %s %s\n%s", tag, share, body);
	low = text_format("-> ssh-ed25519 %s %s\n%s", tag, zero, body);
	few = text_format("-> ssh-ed25519 %s\n%s", tag, body);
	many = text_format("-> ssh-ed25519 %s %s x\n%s", tag, share, body);
	short_share = text_format("-> ssh-ed25519 %s AAAA\n%s", tag, body);
	short_body = text_format("-> ssh-ed25519 %s %s\nAAAA\n", tag, share);
	assert_err(unwrap_text(good), ERR_NO_KEY_FITS);
	assert_err(unwrap_text(low), ERR_AGE_HEADER);
	assert_err(unwrap_text(few), ERR_AGE_HEADER);
	assert_err(unwrap_text(many), ERR_AGE_HEADER);
	assert_err(unwrap_text(short_share), ERR_AGE_HEADER);
	assert_err(unwrap_text(short_body), ERR_AGE_HEADER);
	assert_err(unwrap_text("-> ssh-rsa AAAAAA\nAAAA\n"), ERR_NO_KEY_FITS);
}

/* ---- whole files ---- */

static void seal_for_both(struct buf *out, bool armor)
{
	struct age_ssh_recipient clerk = recipient_of("clerk.pub"),
				 officer = recipient_of("officer.pub");
	struct age_recipient person = fixture_recipient();
	struct age_wrapper wrappers[] = {age_ssh_wrapper(&clerk), age_ssh_wrapper(&officer)};
	const struct age_to to = {.recipients = &person,
				  .count = 1,
				  .wrappers = wrappers,
				  .wrapper_count = 2,
				  .multiple = 8,
				  .armor = armor};
	struct age_memory plain = {(const uint8_t *)"hello", 5};

	assert_ok(age_encrypt(&to, age_source_memory(&plain), age_sink_buf(out)));
}

static enum err open_with(const struct age_who *who, const struct buf *file, const char *want)
{
	struct age_memory from = {(const uint8_t *)file->data, file->len};
	CLEANUP(secret_freep) struct secret *plain = NULL;

	TRY(age_decrypt_small(who, age_source_memory(&from), 64, &plain));
	assert_int_equal(secret_len(plain), strlen(want));
	assert_memory_equal(secret_data(plain), want, strlen(want));
	return OK;
}

static void one_file_for_age_keys_and_ssh_keys_opens_with_each(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *person = fixture_identity();
	CLEANUP(age_identity_freep) struct age_identity *stranger = fixture_stranger();
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *clerk = identity_of("clerk");
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *officer = identity_of("officer");
	const struct age_identity *persons[] = {person}, *strangers[] = {stranger};
	struct age_unwrapper hands[] = {age_ssh_unwrapper(clerk), age_ssh_unwrapper(officer)};
	CLEANUP(buf_clear) struct buf file = {0};
	size_t count = 0;

	seal_for_both(&file, false);
	assert_ok(open_with(&(struct age_who){.identities = persons, .count = 1}, &file, "hello"));
	for (size_t i = 0; i < 2; i++) {
		assert_ok(open_with(&(struct age_who){.identities = strangers,
						      .count = 1,
						      .unwrappers = &hands[i],
						      .unwrapper_count = 1},
				    &file, "hello"));
	}
	assert_err(open_with(&(struct age_who){.identities = strangers, .count = 1}, &file, ""),
		   ERR_NO_KEY_FITS);
	for (const char *at = file.data; (at = strstr(at, "\n-> ")); at++)
		count++;
	assert_int_equal(count, 8);
}

static void age_opens_what_we_sealed_for_ssh_keys(void **state)
{
	static const char *const names[] = {"clerk", "officer"};
	CLEANUP(buf_clear) struct buf file = {0};

	need_age();
	seal_for_both(&file, true);
	workshop_put(&shop, "ours.age", file.data, file.len, 0600);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(mem_freep) char *from = text_format(KEYS "%s", names[i]);
		const char *const argv[] = {"age", "-d",     "-i",	 "key",
					    "-o",  "opened", "ours.age", NULL};
		CLEANUP(buf_clear) struct buf plain = {0};

		workshop_copy(&shop, "key", from, 0600);
		assert_int_equal(workshop_run(&shop, argv), 0);
		workshop_get(&shop, "opened", &plain);
		assert_string_equal(plain.data, "hello");
	}
}

static void we_open_what_age_sealed_for_ssh_keys(void **state)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *clerk = identity_of("clerk");
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *officer = identity_of("officer");
	struct age_unwrapper hands[] = {age_ssh_unwrapper(officer), age_ssh_unwrapper(clerk)};
	const char *const argv[] = {"age", "-R", "clerk.pub", "-o", "theirs.age", "plain", NULL};
	CLEANUP(buf_clear) struct buf file = {0};

	need_age();
	workshop_copy(&shop, "clerk.pub", KEYS "clerk.pub", 0600);
	workshop_put(&shop, "plain", "from age", 8, 0600);
	assert_int_equal(workshop_run(&shop, argv), 0);
	workshop_get(&shop, "theirs.age", &file);
	assert_ok(open_with(&(struct age_who){.unwrappers = hands, .unwrapper_count = 2}, &file,
			    "from age"));
	assert_err(
		open_with(&(struct age_who){.unwrappers = hands, .unwrapper_count = 1}, &file, ""),
		ERR_NO_KEY_FITS);
}

static void a_passphrase_stays_alone(void **state)
{
	struct age_ssh_recipient clerk = recipient_of("clerk.pub");
	struct age_wrapper wrapper = age_ssh_wrapper(&clerk);
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	const struct age_to both = {.wrappers = &wrapper, .wrapper_count = 1, .passphrase = pass};
	const struct age_to many = {.wrappers = &wrapper, .wrapper_count = SIZE_MAX};
	struct age_sealing *sealing = NULL;

	assert_err(age_seal_begin(&both, &sealing), ERR_INVALID);
	assert_err(age_seal_begin(&many, &sealing), ERR_TOO_BIG);
}

static int set_up(void **state)
{
	if (crypto_init() != OK)
		return -1;
	age_is_here = workshop_has("age");
	workshop_open(&shop);
	return 0;
}

static int tear_down(void **state)
{
	workshop_close(&shop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pub_file_is_taken_with_and_without_comment_and_line_end),
		cmocka_unit_test(the_line_is_printed_as_ssh_keygen_wrote_it),
		cmocka_unit_test(keys_of_other_types_are_refused_by_their_name),
		cmocka_unit_test(anything_else_is_no_key),
		cmocka_unit_test(a_key_cut_anywhere_is_no_key),
		cmocka_unit_test(a_point_of_low_order_is_no_key),
		cmocka_unit_test(ssh_keys_are_told_from_keys_of_age),
		cmocka_unit_test(a_private_key_has_the_public_line_that_belongs_to_it),
		cmocka_unit_test(a_private_key_with_windows_line_ends_or_no_last_one_is_taken),
		cmocka_unit_test(private_keys_under_a_passphrase_or_of_another_type_say_so),
		cmocka_unit_test(a_private_key_cut_anywhere_is_refused),
		cmocka_unit_test(a_changed_bit_is_seen_or_belongs_to_the_comment),
		cmocka_unit_test(what_is_wrapped_opens_with_the_private_key_and_with_no_other),
		cmocka_unit_test(the_tag_is_that_of_age),
		cmocka_unit_test(stanzas_of_a_wrong_form_are_refused),
		cmocka_unit_test(one_file_for_age_keys_and_ssh_keys_opens_with_each),
		cmocka_unit_test(age_opens_what_we_sealed_for_ssh_keys),
		cmocka_unit_test(we_open_what_age_sealed_for_ssh_keys),
		cmocka_unit_test(a_passphrase_stays_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
