/* Any bytes as what a plugin says: the first byte chooses the talk, the second in how large pieces
 * the rest comes. A header made of what was taken can be read again, and a file key has its length.
 */
#include "tests/fuzz.h"
#include "age/header.h"
#include "age/plugin_talk.h"

/* Costs some guarded memory each. */
const unsigned fuzz_cost = 20;

static struct secret *file_key;

struct mouth {
	const uint8_t *at;
	size_t left, piece;
};

static enum err mouth_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct mouth *m = ctx;
	size_t len = MIN(MIN(m->left, m->piece), cap);

	if (len > 0)
		memcpy(out, m->at, len);
	m->at += len;
	m->left -= len;
	*ret_len = len;
	return OK;
}

/* What we say are stanzas one after the other, and each is told whole. */
static enum err ear_write(void *ctx, const void *data, size_t len)
{
	struct age_stanza s = {0};
	size_t used = 0;

	MUST(age_stanza_parse(data, len, &s, &used) == OK && used == len);
	age_stanza_clear(&s);
	return OK;
}

static void must_be_a_line(const char *text)
{
	MUST(strlen(text) <= AGE_PLUGIN_LINE);
	for (const char *at = text; *at; at++)
		MUST((uint8_t)*at >= 0x20 && *at != 0x7f);
}

static enum err ui_say(void *ctx, const char *name, const char *text)
{
	must_be_a_line(text);
	return strlen(text) % 5 == 4 ? ERR_NO_ANSWER : OK;
}

static enum err ui_confirm(void *ctx, const char *name, const char *text, const char *yes,
			   const char *no, bool *ret)
{
	must_be_a_line(text);
	must_be_a_line(yes);
	must_be_a_line(no ? no : "");
	*ret = no != NULL;
	return OK;
}

static enum err ui_ask(void *ctx, const char *name, const char *text, bool hidden,
		       struct secret **ret)
{
	must_be_a_line(text);
	return hidden ? secret_copy("1234", 4, ret) : ERR_CANCELLED;
}

static void try_wrap(const struct plugin_talk *t)
{
	CLEANUP(age_wrapped_clear) struct age_wrapped got = {0};
	CLEANUP(age_header_clear) struct age_header h = {0};
	CLEANUP(buf_clear) struct buf text = {0};
	size_t len = 0;

	if (plugin_talk_wrap(t, file_key, &got) != OK)
		return;
	MUST(got.count > 0);
	MUST(age_header_print(got.list, got.count, file_key, &text) == OK);
	MUST(age_header_parse(text.data, text.len, &h, &len) == OK && len == text.len);
	MUST(h.count == got.count);
}

static void try_unwrap(const struct plugin_talk *t)
{
	CLEANUP(secret_freep) struct secret *got = NULL;
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	const char *args[] = {"toy", "a"};

	MUST(age_stanza_make(args, 2, "body", 4, &s) == OK);
	if (plugin_talk_unwrap(t, &s, 1, &got) == OK)
		MUST(secret_len(got) == AGE_FILE_KEY_LEN);
	else
		MUST(got == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct age_plugin_ui ui = {ui_say, ui_confirm, ui_ask, NULL, NULL};
	struct mouth mouth;
	struct dialogue d;
	struct plugin_talk t = {&d, "toy", &ui, false, "age1toy1aaa"};

	if (size < 2)
		return 0;
	if (!file_key && (crypto_init() != OK || secret_random(AGE_FILE_KEY_LEN, &file_key) != OK))
		abort();
	mouth = (struct mouth){data + 2, size - 2, (size_t)data[1] * data[1] + 1};
	MUST(dialogue_open(&d, (struct age_source){mouth_read, &mouth},
			   (struct age_sink){ear_write, NULL}) == OK);
	if (data[0] & 1)
		try_wrap(&t);
	else
		try_unwrap(&t);
	dialogue_close(&d);
	return 0;
}
