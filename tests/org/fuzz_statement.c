/* A statement: any bytes; and any bytes with the form of a good signature behind them, which then, if
 * they read, have one text only: signed anew they are the same to the byte. */
#include "tests/fuzz.h"
#include "org/statement.h"
#include "tests/org/sign_text.h"

const unsigned fuzz_cost = 4;

#define SIG_LINE (4 + 88 + 1)

static struct sign_key *mine;

/* All but signer, signature and what follows from them. */
static void must_mean_the_same(const struct statement *a, const struct statement *b)
{
	MUST(a->kind == b->kind && a->seq == b->seq && a->clock == b->clock && a->time == b->time);
	MUST(memcmp(a->writer, b->writer, WRITER_LEN) == 0);
	MUST(memcmp(a->prev, b->prev, SHA256_LEN) == 0);
	MUST(a->seen_count == b->seen_count && memcmp(a->seen, b->seen, sizeof(a->seen)) == 0);
	MUST(a->field_count == b->field_count && a->len == b->len);
	for (size_t i = 0; i < a->field_count; i++) {
		MUST(strcmp(a->fields[i].name, b->fields[i].name) == 0);
		MUST(strcmp(a->fields[i].value, b->fields[i].value) == 0);
	}
}

static void sign_anew(const struct statement *s)
{
	struct statement again = { 0 }, read = { 0 };

	MUST(statement_sign(s, mine, &again) == OK);
	must_mean_the_same(s, &again);
	if (memcmp(s->signer, sign_key_vkey(mine), SIGN_VKEY_LEN) == 0)
		MUST(memcmp(s->text, again.text, s->len - SIG_LINE) == 0);
	MUST(statement_read(again.text, again.len, &read) == OK);
	MUST(memcmp(read.id, again.id, SHA256_LEN) == 0);
	MUST(statement_split(again.text, again.len) == again.len);
	statement_clear(&read);
	statement_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct statement s = { 0 };
	struct buf text = { 0 };

	if (!mine)
		mine = key_named("officer");
	if (statement_read((const char *)data, size, &s) == OK)
		sign_anew(&s);
	statement_clear(&s);
	/* With a last line of its own the input is a whole statement, without it a body. */
	if (statement_read_trusted((const char *)data, size, &s) != OK) {
		sign_text(mine, (const char *)data, size, &text);
		if (statement_read(text.data, text.len, &s) != OK &&
		    statement_read_trusted(text.data, text.len, &s) != OK)
			MUST(s.text == NULL);
	}
	if (s.text)
		sign_anew(&s);
	statement_clear(&s);
	buf_clear(&text);
	return 0;
}
