/* Plugins: our side of the protocol against tests/age/lib/age-plugin-vaulttest, which also serves
 * age's own program, and against the same plugin when it does everything wrong. */
#include "tests/age/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "age/bech32.h"
#include "age/plugin.h"
#include "base/io.h"
#include "tests/age/workshop.h"

#define PROGRAM "age-plugin-vaulttest"

static struct workshop shop;
static bool age_is_here;

/* Who sits at the desk: what was shown, and what is answered. */
struct desk {
	struct age_plugin_host host;
	struct buf said; /* one line each */
	const char *typed;
	bool chosen;
	enum err answer;
	int patience; /* how often `stop` says no; negative: for ever */
};

static enum err desk_note(struct desk *d, const char *kind, const char *text)
{
	assert_true(strlen(text) <= AGE_PLUGIN_LINE);
	return buf_printf(&d->said, "%s%s\n", kind, text);
}

static enum err desk_say(void *ctx, const char *name, const char *text)
{
	struct desk *d = ctx;

	assert_string_equal(name, "vaulttest");
	assert_ok(desk_note(d, "", text));
	return d->answer;
}

static enum err desk_confirm(void *ctx, const char *name, const char *text, const char *yes,
			     const char *no, bool *ret)
{
	struct desk *d = ctx;

	assert_ok(desk_note(d, "? ", text));
	assert_ok(desk_note(d, "yes: ", yes));
	assert_ok(desk_note(d, "no: ", no ? no : "-"));
	*ret = d->chosen;
	return d->answer;
}

static enum err desk_ask(void *ctx, const char *name, const char *text, bool hidden,
			 struct secret **ret)
{
	struct desk *d = ctx;

	assert_ok(desk_note(d, hidden ? "hidden: " : "open: ", text));
	TRY(d->answer);
	*ret = fixture_secret(d->typed);
	return OK;
}

static bool desk_stop(void *ctx)
{
	struct desk *d = ctx;

	return d->patience >= 0 && d->patience-- == 0;
}

static int desk_open(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->patience = -1;
	d->host.folder = shop.dir;
	d->host.ui = (struct age_plugin_ui){desk_say, desk_confirm, desk_ask, NULL, d};
	*state = d;
	return 0;
}

/* Whatever happened, no process of ours is left. */
static int desk_close(void **state)
{
	struct desk *d = *state;

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	buf_clear(&d->said);
	free(d);
	return 0;
}

/* ---- keys of the plugin ---- */

static char *key_text(const char *hrp, const char *words)
{
	size_t len = strlen(words) + 1;
	char data[512] = {1};
	char *text = malloc(BECH32_LEN(strlen(hrp), len) + 1);

	assert_non_null(text);
	strcpy(data + 1, words); /* behind the number of the token */
	bech32_encode(hrp, data, len, text);
	return text;
}

static char *recipient_text(const char *words)
{
	return key_text("age1vaulttest", words);
}

static char *identity_text(const char *words)
{
	return key_text("AGE-PLUGIN-VAULTTEST-", words);
}

static struct age_plugin *plugin_of(struct desk *d, char *text)
{
	struct age_plugin *p = NULL;

	assert_ok(age_plugin_parse(&d->host, text, strlen(text), &p));
	free(text);
	return p;
}

static enum err seal(struct age_plugin *p, size_t multiple, struct buf *out)
{
	struct age_wrapper wrapper = age_plugin_wrapper(p);
	const struct age_to to = {.wrappers = &wrapper, .wrapper_count = 1, .multiple = multiple};
	struct age_memory plain = {(const uint8_t *)"hello", 5};

	return age_encrypt(&to, age_source_memory(&plain), age_sink_buf(out));
}

static enum err seal_words(struct desk *d, const char *words)
{
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text(words));
	CLEANUP(buf_clear) struct buf file = {0};

	return seal(p, 0, &file);
}

static enum err open_file(struct age_plugin *p, const struct buf *file, const char *want)
{
	struct age_unwrapper unwrapper = age_plugin_unwrapper(p);
	const struct age_who who = {.unwrappers = &unwrapper, .unwrapper_count = 1};
	struct age_memory from = {(const uint8_t *)file->data, file->len};
	CLEANUP(secret_freep) struct secret *plain = NULL;

	TRY(age_decrypt_small(&who, age_source_memory(&from), 64, &plain));
	assert_int_equal(secret_len(plain), strlen(want));
	assert_memory_equal(secret_data(plain), want, strlen(want));
	return OK;
}

/* Opens a good file with an identity of these words. */
static enum err open_words(struct desk *d, const char *words)
{
	CLEANUP(age_plugin_freep) struct age_plugin *to = plugin_of(d, recipient_text(""));
	CLEANUP(age_plugin_freep) struct age_plugin *who = plugin_of(d, identity_text(words));
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(to, 4, &file));
	return open_file(who, &file, "hello");
}

/* ---- names ---- */

static enum err name_refusal(const char *hrp)
{
	struct desk d = {0};
	CLEANUP(mem_freep) char *text = key_text(hrp, "");
	CLEANUP(age_plugin_freep) struct age_plugin *p = NULL;

	return age_plugin_parse(&d.host, text, strlen(text), &p);
}

static void names_have_few_characters_and_no_slash(void **state)
{
	static const char *const good[] = {
		"age1x",	 "age1a.b+c_d-1",	  "age11",
		"AGE-PLUGIN-X-", "AGE-PLUGIN-A.B+C_D-1-", "AGE-PLUGIN---"};
	static const char *const bad[] = {"age1",
					  "age",
					  "age1../x",
					  "age1a/b",
					  "age1a b",
					  "age1a~",
					  "age1a$b",
					  "age1a;b",
					  "AGE-PLUGIN-",
					  "AGE-PLUGIN--",
					  "AGE-PLUGIN-A/B-",
					  "AGE-PLUGIN-../X-",
					  "AGE-PLUGIN-X",
					  "AGE-SECRET-KEY-",
					  "age2x",
					  "AGE1X",
					  "age-plugin-x-"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_ok(name_refusal(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (name_refusal(bad[i]) != ERR_BAD_FORMAT)
			fail_msg("%s was not refused", bad[i]);
	}
}

static void a_name_longer_than_a_file_name_is_refused(void **state)
{
	char hrp[140];

	memset(hrp, 'x', sizeof(hrp));
	memcpy(hrp, "age1", 4);
	hrp[4 + 128] = '\0';
	assert_ok(name_refusal(hrp));
	hrp[4 + 128] = 'x';
	hrp[4 + 129] = '\0';
	assert_err(name_refusal(hrp), ERR_BAD_FORMAT);
}

static void the_text_is_taken_whole_or_not_at_all(void **state)
{
	struct desk *d = *state;
	CLEANUP(mem_freep) char *text = recipient_text("some words");
	CLEANUP(mem_freep) char *capital = identity_text("");
	CLEANUP(age_plugin_freep) struct age_plugin *p = NULL, *q = NULL;
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		assert_err(age_plugin_parse(&d->host, text, i, &p), ERR_BAD_FORMAT);
		text[i] ^= 1;
		assert_err(age_plugin_parse(&d->host, text, len, &p), ERR_BAD_FORMAT);
		text[i] ^= 1;
	}
	assert_ok(age_plugin_parse(&d->host, text, len, &p));
	assert_string_equal(age_plugin_name(p), "vaulttest");
	assert_false(age_plugin_is_identity(p));
	assert_ok(age_plugin_parse(&d->host, capital, strlen(capital), &q));
	assert_string_equal(age_plugin_name(q), "vaulttest");
	assert_true(age_plugin_is_identity(q));
}

static void keys_of_plugins_are_told_from_keys_of_age(void **state)
{
	struct age_recipient r = fixture_recipient();
	char own[AGE_RECIPIENT_TEXT];
	CLEANUP(mem_freep) char *text = recipient_text("");

	age_recipient_print(&r, own);
	assert_false(age_plugin_likely(own, strlen(own)));
	assert_false(age_plugin_likely("AGE-SECRET-KEY-1", 16));
	assert_false(age_plugin_likely("", 0));
	assert_true(age_plugin_likely(text, strlen(text)));
	assert_true(age_plugin_likely("AGE-PLUGIN-X-1", 14));
}

/* ---- the folder ---- */

static void the_program_comes_from_the_folder_and_from_nowhere_else(void **state)
{
	struct desk *d = *state;
	struct workshop empty;
	CLEANUP(mem_freep) char *path = text_format("%s:%s", getenv("PATH"), shop.dir);
	CLEANUP(mem_freep) char *kept = text_format("%s", getenv("PATH"));
	static const char *const folders[] = {
		NULL, "", ".", "tests/age/lib", "/nowhere/at/all", "/dev/null"};

	setenv("PATH", path, 1);
	workshop_open(&empty);
	d->host.folder = empty.dir;
	assert_err(seal_words(d, ""), ERR_NOT_FOUND);
	assert_non_null(strstr(err_detail(), PROGRAM));
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		d->host.folder = folders[i];
		assert_err(seal_words(d, ""), ERR_NOT_FOUND);
	}
	workshop_close(&empty);
	setenv("PATH", kept, 1);
	d->host.folder = shop.dir;
	assert_ok(seal_words(d, ""));
}

static void what_others_may_change_is_not_started(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text(""));
	CLEANUP(mem_freep) char *program = workshop_place(&shop, PROGRAM);

	assert_ok(age_plugin_find(p));
	assert_int_equal(chmod(shop.dir, 0707), 0);
	assert_err(age_plugin_find(p), ERR_PERM);
	assert_int_equal(chmod(shop.dir, 0700), 0);
	assert_int_equal(chmod(program, 0757), 0);
	assert_err(age_plugin_find(p), ERR_PERM);
	assert_err(seal_words(d, ""), ERR_PERM);
	assert_int_equal(chmod(program, 0755), 0);
	assert_ok(age_plugin_find(p));
}

static void what_belongs_to_somebody_else_is_not_started(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text(""));
	CLEANUP(mem_freep) char *program = workshop_place(&shop, PROGRAM);

	if (chown(program, 65534, 65534) != 0) {
		print_message("only root gives files away\n");
		skip();
	}
	assert_err(age_plugin_find(p), ERR_PERM);
	assert_int_equal(chown(program, 0, 0), 0);
	assert_int_equal(chown(shop.dir, 65534, 65534), 0);
	assert_err(age_plugin_find(p), ERR_PERM);
	assert_int_equal(chown(shop.dir, 0, 0), 0);
}

static enum err seal_for_program(struct desk *d, const char *text, unsigned mode)
{
	struct workshop other;
	enum err err;

	workshop_open(&other);
	workshop_put(&other, PROGRAM, text, strlen(text), mode);
	d->host.folder = other.dir;
	err = seal_words(d, "");
	workshop_close(&other);
	d->host.folder = shop.dir;
	return err;
}

static void a_program_that_cannot_run_is_told_apart(void **state)
{
	struct desk *d = *state;

	assert_err(seal_for_program(d, "#!/bin/sh\nexit 0\n", 0600), ERR_PERM);
	assert_err(seal_for_program(d, "no program at all\n", 0700), ERR_SYSTEM);
	assert_err(seal_for_program(d, "#!/no/such/shell\n", 0700), ERR_NOT_FOUND);
	assert_err(seal_for_program(d,
				    "#!/bin/sh\n"
				    "while [ \"$line\" != '-> done' ]; do read -r line; done\n",
				    0700),
		   ERR_PLUGIN);
	assert_non_null(strstr(err_detail(), "ended before it was done (status 0)"));
}

/* ---- both talks ---- */

static void what_a_plugin_wraps_it_opens(void **state)
{
	assert_ok(open_words(*state, ""));
}

static void a_plugin_seals_to_one_of_its_identities_too(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, identity_text(""));
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(p, 0, &file));
	assert_ok(open_file(p, &file, "hello"));
}

static void a_recipient_of_a_plugin_opens_nothing(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text(""));
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(p, 0, &file));
	assert_err(open_file(p, &file, ""), ERR_INVALID);
}

static void a_file_for_somebody_else_fits_no_token(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, identity_text(""));
	CLEANUP(buf_clear) struct buf file = {0};
	struct age_recipient r = fixture_recipient();

	assert_ok(age_seal_buf(&r, 1, 8, "hello", 5, &file));
	assert_err(open_file(p, &file, ""), ERR_NO_KEY_FITS);
}

static void a_plugin_may_wrap_to_several_stanzas(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *to = plugin_of(d, recipient_text("two"));
	CLEANUP(age_plugin_freep) struct age_plugin *who = plugin_of(d, identity_text(""));
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(to, 0, &file));
	assert_non_null(strstr(file.data, "\n-> extra\n"));
	assert_ok(open_file(who, &file, "hello"));
}

static void labels_of_a_plugin_keep_others_out(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text("labels=b+a"));
	CLEANUP(age_plugin_freep) struct age_plugin *q = plugin_of(d, recipient_text("labels=a+b"));
	CLEANUP(age_plugin_freep) struct age_plugin *none = plugin_of(d, recipient_text(""));
	struct age_wrapper same[] = {age_plugin_wrapper(p), age_plugin_wrapper(q)};
	struct age_wrapper mixed[] = {age_plugin_wrapper(p), age_plugin_wrapper(none)};
	struct age_sealing *s = NULL;

	assert_ok(age_seal_begin(&(struct age_to){.wrappers = same, .wrapper_count = 2}, &s));
	age_sealing_free(s);
	assert_err(age_seal_begin(&(struct age_to){.wrappers = mixed, .wrapper_count = 2}, &s),
		   ERR_INVALID);
}

static void what_we_do_not_know_is_answered_so(void **state)
{
	assert_ok(seal_words(*state, "grease"));
	assert_ok(open_words(*state, "grease"));
}

/* ---- the person ---- */

static void messages_are_shown(void **state)
{
	struct desk *d = *state;

	assert_ok(seal_words(d, "msg"));
	assert_ok(open_words(d, "msg=insert the token"));
	assert_string_equal(d->said.data, "touch the token\ninsert the token\n");
}

static void a_message_comes_as_one_safe_line(void **state)
{
	struct desk *d = *state;
	const char *third;

	assert_ok(seal_words(d, "escape"));
	third = text_replace(d->said.data, "a [31mb c?d?e  \xc3\xa9\xe9\x8d\xb5\n??no utf-8 \n",
			     "");
	assert_int_equal(strlen(third), 341 * 3 + 1);
	free((void *)third);
}

static void a_pin_is_asked_for_and_goes_to_the_plugin(void **state)
{
	struct desk *d = *state;

	d->typed = "1234";
	assert_ok(open_words(d, "pin=1234"));
	assert_string_equal(d->said.data, "hidden: PIN of the token\n");
	d->typed = "4321";
	assert_err(open_words(d, "pin=1234"), ERR_PLUGIN);
	assert_string_equal(err_detail(), "vaulttest: the PIN is wrong");
	d->typed = "";
	assert_err(open_words(d, "pin=1234"), ERR_PLUGIN);
}

static void an_open_question_is_no_pin(void **state)
{
	struct desk *d = *state;

	d->typed = "blue";
	assert_ok(seal_words(d, "name=blue"));
	assert_string_equal(d->said.data, "open: name of the token\n");
}

static void a_choice_is_offered_with_one_answer_or_two(void **state)
{
	struct desk *d = *state;

	d->chosen = true;
	assert_ok(seal_words(d, "yes=two"));
	assert_ok(seal_words(d, "yes=one"));
	assert_string_equal(d->said.data, "? is the token there?\nyes: go on\nno: skip it\n"
					  "? is the token there?\nyes: go on\nno: -\n");
	d->chosen = false;
	assert_err(seal_words(d, "yes=two"), ERR_PLUGIN);
	assert_string_equal(err_detail(), "vaulttest: it was skipped");
}

static void without_anybody_to_ask_the_plugin_decides(void **state)
{
	struct desk *d = *state;

	d->host.ui = (struct age_plugin_ui){0};
	assert_ok(seal_words(d, "msg"));
	assert_err(seal_words(d, "msg=must"), ERR_PLUGIN);
	assert_err(open_words(d, "pin=1234"), ERR_PLUGIN);
	assert_string_equal(err_detail(), "vaulttest: no PIN was given");
	assert_err(seal_words(d, "yes=two"), ERR_PLUGIN);
	assert_string_equal(err_detail(), "vaulttest: nobody confirmed");
}

static void who_gives_no_answer_leaves_it_to_the_plugin_too(void **state)
{
	static const enum err answers[] = {ERR_CANCELLED, ERR_NO_ANSWER};
	struct desk *d = *state;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		d->answer = answers[i];
		assert_ok(seal_words(d, "msg"));
		assert_err(open_words(d, "pin=1234"), ERR_PLUGIN);
		assert_err(seal_words(d, "yes=two"), ERR_PLUGIN);
	}
}

static void any_other_failure_of_the_desk_ends_the_talk(void **state)
{
	static const char *const words[] = {"msg", "pin=1", "name=a", "yes=two"};
	struct desk *d = *state;

	d->answer = ERR_INTERRUPTED;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		assert_err(seal_words(d, words[i]), ERR_INTERRUPTED);
}

/* ---- a plugin that does wrong ---- */

struct wrong {
	const char *name;
	enum err (*use)(struct desk *d, const char *words);
	const char *words;
	enum err want;
	const char *detail;
};

static const struct wrong wrongs[] = {
	{"the_plugins_own_words_are_the_error", seal_words, "error=no such slot", ERR_PLUGIN,
	 "vaulttest: no such slot"},
	{"its_words_count_though_it_left", open_words, "blurt=token removed", ERR_PLUGIN,
	 "vaulttest: token removed"},
	{"leaving_with_a_status_is_told", seal_words, "exit=9", ERR_PLUGIN,
	 "vaulttest: it ended before it was done (status 9)"},
	{"leaving_without_a_word_is_told", open_words, "exit=0", ERR_PLUGIN, "(status 0)"},
	{"leaving_in_the_middle_of_hearing_is_told", open_words, "leave", ERR_PLUGIN, "(status 7)"},
	{"dying_is_told", seal_words, "die", ERR_PLUGIN, "(signal 9)"},
	{"leaving_in_the_middle_of_a_word_is_told", seal_words, "half", ERR_PLUGIN, "(status 0)"},
	{"closing_its_ears_does_not_keep_us", seal_words, "leave-listening", ERR_PLUGIN,
	 "(signal 9)"},
	{"a_flood_of_words_is_cut_off", seal_words, "flood", ERR_PLUGIN, "talks without listening"},
	{"a_flood_is_cut_off_when_opening_too", open_words, "flood", ERR_PLUGIN,
	 "talks without listening"},
	{"endless_chatter_is_cut_off", seal_words, "chatter", ERR_PLUGIN,
	 "more than 1048576 bytes"},
	{"an_endless_line_is_cut_off", seal_words, "long", ERR_PLUGIN, "a word of more than 65536"},
	{"an_endless_body_is_cut_off", seal_words, "long-body", ERR_PLUGIN,
	 "a word of more than 65536"},
	{"prose_is_no_word", seal_words, "prose", ERR_PLUGIN, "no stanza"},
	{"binary_is_no_word", seal_words, "binary", ERR_PLUGIN, "no stanza"},
	{"padded_base64_is_no_word", open_words, "padded", ERR_PLUGIN, "no stanza"},
	{"a_stanza_for_another_file_is_wrong", seal_words, "other-file", ERR_PLUGIN,
	 "wrong \"recipient-stanza\""},
	{"a_stanza_without_a_type_is_wrong", seal_words, "no-type", ERR_PLUGIN,
	 "wrong \"recipient-stanza\""},
	{"an_scrypt_stanza_is_wrong", seal_words, "scrypt", ERR_PLUGIN,
	 "wrong \"recipient-stanza\""},
	{"a_broken_x25519_stanza_is_wrong", seal_words, "x25519", ERR_PLUGIN,
	 "wrong \"recipient-stanza\""},
	{"labels_come_once", seal_words, "labels-twice", ERR_PLUGIN, "wrong \"labels\""},
	{"a_choice_needs_readable_answers", seal_words, "bad-confirm", ERR_PLUGIN,
	 "wrong \"confirm\""},
	{"a_choice_needs_answers", seal_words, "bare-confirm", ERR_PLUGIN, "wrong \"confirm\""},
	{"done_stands_alone", seal_words, "bad-done", ERR_PLUGIN, "wrong \"done\""},
	{"wrapping_nothing_is_told", seal_words, "nothing", ERR_PLUGIN, "wraps nothing"},
	{"a_file_key_when_sealing_is_not_understood", seal_words, "short-key", OK, ""},
	{"a_stanza_when_opening_is_not_understood", open_words, "other-file", OK, ""},
	{"done_without_a_key_fits_nobody", open_words, "early-done", ERR_NO_KEY_FITS, ""},
	{"a_file_key_of_a_wrong_length_is_wrong", open_words, "short-key", ERR_PLUGIN,
	 "wrong \"file-key\""},
	{"a_second_file_key_is_wrong", open_words, "key-twice", ERR_PLUGIN, "wrong \"file-key\""},
	{"a_file_key_for_another_file_is_wrong", open_words, "key-elsewhere", ERR_PLUGIN,
	 "wrong \"file-key\""},
	{"a_false_file_key_opens_nothing", open_words, "wrong-key", ERR_AGE_HEADER_MAC, ""},
	{"staying_after_done_does_not_keep_us", open_words, "linger", ERR_NO_KEY_FITS, ""},
};

static void a_plugin_does_wrong(void **state)
{
	const struct wrong *w = *state;
	struct desk *d;

	assert_int_equal(desk_open((void **)&d), 0);
	assert_err(w->use(d, w->words), w->want);
	if (w->want == ERR_PLUGIN && !strstr(err_detail(), w->detail))
		fail_msg("told was \"%s\"", err_detail());
	assert_int_equal(desk_close((void **)&d), 0);
}

/* ---- one that does not end ---- */

static void a_silent_plugin_is_ended_when_the_person_wants_it(void **state)
{
	static const char *const words[] = {"silent", "deaf"};
	struct desk *d = *state;

	d->host.ui.stop = desk_stop;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		d->patience = 5;
		assert_err(seal_words(d, words[i]), ERR_INTERRUPTED);
		d->patience = -1;
	}
	assert_ok(seal_words(d, ""));
}

static volatile sig_atomic_t rang;

static void ring(int number)
{
	rang = 1;
}

static bool alarm_rang(void *ctx)
{
	return rang;
}

/* The header is longer than what the system keeps for somebody who does not read. */
static void a_plugin_that_does_not_listen_is_ended_too(void **state)
{
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *to = plugin_of(d, recipient_text(""));
	CLEANUP(age_plugin_freep) struct age_plugin *deaf = plugin_of(d, identity_text("deaf"));
	CLEANUP(age_plugin_freep) struct age_plugin *good = plugin_of(d, identity_text(""));
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(to, 6000, &file));
	d->host.ui.stop = alarm_rang;
	assert_ptr_not_equal(signal(SIGALRM, ring), SIG_ERR);
	alarm(1); /* whenever it comes, this plugin does not listen */
	assert_err(open_file(deaf, &file, ""), ERR_INTERRUPTED);
	assert_true(rang);
	signal(SIGALRM, SIG_DFL);
	d->host.ui.stop = NULL;
	assert_ok(open_file(good, &file, "hello"));
}

/* Gone, or dead and waiting for its parent. */
static bool is_alive(long pid)
{
	CLEANUP(mem_freep) char *path = text_format("/proc/%ld/stat", pid);
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[256] = "";
	const char *state;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false; /* the read fails when it went after the open */
	state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void assert_dies(long pid)
{
	assert_true(pid > 1);
	for (int i = 0; i < 1000 && is_alive(pid); i++)
		usleep(10000);
	assert_false(is_alive(pid));
}

static void children_of_a_plugin_end_with_it(void **state)
{
	struct desk *d = *state;

	assert_ok(seal_words(d, "child"));
	assert_dies(strtol(d->said.data + strlen("child "), NULL, 10));
	buf_clear(&d->said);
	d->host.ui.stop = desk_stop;
	d->patience = 20;
	assert_err(seal_words(d, "child,silent"), ERR_INTERRUPTED);
	if (d->said.len > 0) /* it came so far */
		assert_dies(strtol(d->said.data + strlen("child "), NULL, 10));
}

static enum err tell_pid(void *ctx, const char *name, const char *text)
{
	return io_write_full(*(int *)ctx, text, strlen(text) + 1);
}

static void a_plugin_ends_when_we_are_killed(void **state)
{
	struct desk *d = *state;
	char text[64] = "";
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	d->host.ui = (struct age_plugin_ui){.say = tell_pid, .ctx = &ends[1]};
	pid = fork();
	if (pid == 0)
		_exit(seal_words(d, "pid,silent"));
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 4);
	close(ends[0]);
	assert_true(is_alive(strtol(text + 4, NULL, 10)));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_dies(strtol(text + 4, NULL, 10));
}

/* ---- where it finds itself ---- */

static void a_plugin_gets_nothing_of_ours_but_two_pipes(void **state)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "HOME=/", NULL};
	struct desk *d = *state;
	int leak = dup(2); /* without O_CLOEXEC */
	sigset_t some, kept;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &kept);
	signal(SIGTERM, SIG_IGN);
	setenv("VAULT_SECRET", "x", 1);
	assert_ok(seal_words(d, "surroundings"));
	assert_string_equal(d->said.data,
			    "fds 0,1,2\nenv LC_ALL,PATH\ncwd /\nalone True\nsignals 0 0\n");
	buf_clear(&d->said);
	d->host.env = env;
	assert_ok(seal_words(d, "surroundings"));
	assert_non_null(strstr(d->said.data, "env HOME,PATH\n"));
	unsetenv("VAULT_SECRET");
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &kept, NULL);
	close(leak);
}

static void it_works_for_a_process_without_standard_descriptors(void **state)
{
	struct desk *d = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		closefrom(0);
		_exit(seal_words(d, "msg") == OK && strcmp(d->said.data, "touch the token\n") == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- age's own program with the same plugin ---- */

static void need_age(void)
{
	if (!age_is_here) {
		print_message("age is not installed\n");
		skip();
	}
}

static void age_opens_with_the_plugin_what_we_sealed_for_it(void **state)
{
	const char *const argv[] = {"age", "-d", "-i", "key", "-o", "opened", "ours.age", NULL};
	struct desk *d = *state;
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, recipient_text(""));
	CLEANUP(mem_freep) char *key = identity_text("msg,grease");
	CLEANUP(buf_clear) struct buf file = {0}, plain = {0};

	need_age();
	assert_ok(seal(p, 8, &file));
	workshop_put(&shop, "ours.age", file.data, file.len, 0600);
	workshop_put(&shop, "key", key, strlen(key), 0600);
	assert_int_equal(workshop_run(&shop, argv), 0);
	workshop_get(&shop, "opened", &plain);
	assert_string_equal(plain.data, "hello");
}

static void we_open_with_the_plugin_what_age_sealed_for_it(void **state)
{
	struct desk *d = *state;
	struct age_recipient r = fixture_recipient();
	char person[AGE_RECIPIENT_TEXT];
	CLEANUP(mem_freep) char *text = recipient_text("msg,grease,two");
	const char *const argv[] = {"age", "-a", "-r",	       person,	"-r",
				    text,  "-o", "theirs.age", "plain", NULL};
	CLEANUP(age_plugin_freep) struct age_plugin *p = plugin_of(d, identity_text(""));
	CLEANUP(buf_clear) struct buf file = {0};

	need_age();
	age_recipient_print(&r, person);
	workshop_put(&shop, "plain", "from age", 8, 0600);
	assert_int_equal(workshop_run(&shop, argv), 0);
	workshop_get(&shop, "theirs.age", &file);
	assert_ok(open_file(p, &file, "from age"));
}

static int set_up(void **state)
{
	if (crypto_init() != OK)
		return -1;
	age_is_here = workshop_has("age");
	workshop_open(&shop);
	workshop_copy(&shop, PROGRAM, "tests/age/lib/" PROGRAM, 0755);
	return 0;
}

static int tear_down(void **state)
{
	workshop_close(&shop);
	return 0;
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)
static const struct CMUnitTest stories[] = {
	STORY(names_have_few_characters_and_no_slash),
	STORY(a_name_longer_than_a_file_name_is_refused),
	STORY(the_text_is_taken_whole_or_not_at_all),
	STORY(keys_of_plugins_are_told_from_keys_of_age),
	STORY(the_program_comes_from_the_folder_and_from_nowhere_else),
	STORY(what_others_may_change_is_not_started),
	STORY(what_belongs_to_somebody_else_is_not_started),
	STORY(a_program_that_cannot_run_is_told_apart),
	STORY(what_a_plugin_wraps_it_opens),
	STORY(a_plugin_seals_to_one_of_its_identities_too),
	STORY(a_recipient_of_a_plugin_opens_nothing),
	STORY(a_file_for_somebody_else_fits_no_token),
	STORY(a_plugin_may_wrap_to_several_stanzas),
	STORY(labels_of_a_plugin_keep_others_out),
	STORY(what_we_do_not_know_is_answered_so),
	STORY(messages_are_shown),
	STORY(a_message_comes_as_one_safe_line),
	STORY(a_pin_is_asked_for_and_goes_to_the_plugin),
	STORY(an_open_question_is_no_pin),
	STORY(a_choice_is_offered_with_one_answer_or_two),
	STORY(without_anybody_to_ask_the_plugin_decides),
	STORY(who_gives_no_answer_leaves_it_to_the_plugin_too),
	STORY(any_other_failure_of_the_desk_ends_the_talk),
	STORY(a_silent_plugin_is_ended_when_the_person_wants_it),
	STORY(a_plugin_that_does_not_listen_is_ended_too),
	STORY(children_of_a_plugin_end_with_it),
	STORY(a_plugin_ends_when_we_are_killed),
	STORY(a_plugin_gets_nothing_of_ours_but_two_pipes),
	STORY(it_works_for_a_process_without_standard_descriptors),
	STORY(age_opens_with_the_plugin_what_we_sealed_for_it),
	STORY(we_open_with_the_plugin_what_age_sealed_for_it),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(stories) + ARRAY_LEN(wrongs)];

	memcpy(tests, stories, sizeof(stories));
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++)
		tests[ARRAY_LEN(stories) + i] = (struct CMUnitTest){
			wrongs[i].name, a_plugin_does_wrong, NULL, NULL, (void *)&wrongs[i]};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
