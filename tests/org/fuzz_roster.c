/* What a register says, of statements with any fields under good signatures. The input is text: for each
 * statement a line KIND SIGNER (a name, a digit), lines of fields, and an empty line. In a value %N is
 * the recipient of person N, #N the key of signer N, @N the id of the N-th statement. The first
 * statement founds the society. The roster says the same when the statements come backwards; looking
 * up anything by any of its words does no harm. */
#include "tests/fuzz.h"
#include "base/text.h"
#include "org/draft.h"
#include "org/register_set.h"
#include "org/roster.h"
#include "tests/org/sign_text.h"

#define SIGNERS 6u
#define STATEMENTS_MAX 60u

const unsigned fuzz_cost = 80;

static const char *const recipients[SIGNERS] = {
	"age1as0ckw9p3txknn209e0tq78hklfvaqeymvfjh3yl9meqyl0yuc6qmtqd50",
	"age10625a79624xgjeqdd8x07e3j40gclrqlupz03zzvvldv6krudv7s92hr7q",
	"age1lv07dqn8v6y7ucys7cg8z66kmpanqhdegjr0033kdxcyp70xsseqlrf4tv",
	"age16z4qfm0dydptdq6gqcdl43hwfkxgtzsde3c79cwty72yhh9chpcqqvujng",
	"age14sndxt37h539av3e6esqspr9r7y7ts94kc37rhc0mw9w8p03xvnqvmrgzn",
	"age1ac7zudt2x8tjegelpr3zvd05ursm2sxk689hgk0vs6rpl9ej4ayqvz3uey",
};
static struct sign_key *keys[SIGNERS];

static void prepare(void)
{
	static const char *const names[SIGNERS] = { "0", "1", "2", "3", "4", "5" };

	for (unsigned i = 0; i < SIGNERS; i++)
		keys[i] = key_named(names[i]);
}

/* ---- the input ---- */

struct input {
	const char *at, *end;
};

/* Without its newline; false at the end. */
static bool next_line(struct input *in, const char **line, size_t *len)
{
	const char *end;

	if (in->at == in->end)
		return false;
	end = memchr(in->at, '\n', (size_t)(in->end - in->at));
	if (!end)
		end = in->end;
	*line = in->at;
	*len = (size_t)(end - in->at);
	in->at = end == in->end ? end : end + 1;
	return true;
}

static void append_id(const struct org_register *r, unsigned n, struct buf *out)
{
	char hex[2 * SHA256_LEN + 1];

	if (n >= register_count(r))
		return;
	text_hex(r->all[n]->id, SHA256_LEN, hex);
	MUST(buf_puts(out, hex) == OK);
}

static void append_key(unsigned n, struct buf *out)
{
	char hex[2 * SIGN_VKEY_LEN + 1];

	text_hex(sign_key_vkey(keys[n % SIGNERS]), SIGN_VKEY_LEN, hex);
	MUST(buf_puts(out, hex) == OK);
}

static void expand(const struct org_register *r, const char *value, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = value[i];

		if (i + 1 < len && (c == '%' || c == '#' || c == '@') && value[i + 1] >= '0' &&
		    value[i + 1] <= '9') {
			unsigned n = (unsigned)(value[++i] - '0');

			if (c == '%')
				MUST(buf_puts(out, recipients[n % SIGNERS]) == OK);
			else if (c == '#')
				append_key(n, out);
			else
				append_id(r, n, out);
		} else if (c != '\0') {
			MUST(buf_append(out, &c, 1) == OK);
		}
	}
}

#define FIELDS_MAX 16u

struct fields {
	struct statement_field list[FIELDS_MAX];
	struct buf names[FIELDS_MAX], values[FIELDS_MAX];
	size_t count;
};

static void read_fields(struct input *in, const struct org_register *r, struct fields *f)
{
	const char *line, *space;
	size_t len;

	while (next_line(in, &line, &len) && len > 0) {
		space = memchr(line, ' ', len);
		if (!space || f->count == FIELDS_MAX)
			continue;
		expand(r, line, (size_t)(space - line), &f->names[f->count]);
		expand(r, space + 1, len - (size_t)(space + 1 - line), &f->values[f->count]);
		f->list[f->count] = (struct statement_field){
			f->names[f->count].data ? f->names[f->count].data : "",
			f->values[f->count].data ? f->values[f->count].data : ""
		};
		f->count++;
	}
}

static bool read_head(struct input *in, enum statement_kind *kind, const struct sign_key **key)
{
	const char *line;
	size_t len;

	if (!next_line(in, &line, &len) || len < 3 || line[len - 2] != ' ')
		return false;
	*key = keys[(unsigned char)line[len - 1] % SIGNERS];
	for (unsigned k = 0; k < STATEMENT_KINDS; k++) {
		const char *name = statement_kind_name((enum statement_kind)k);

		*kind = (enum statement_kind)k;
		if (strlen(name) == len - 2 && memcmp(name, line, len - 2) == 0)
			return true;
	}
	return false;
}

static bool read_statement(struct input *in, struct org_register *r)
{
	struct fields f = { .count = 0 };
	const struct sign_key *key;
	enum statement_kind kind;

	if (in->at == in->end || register_count(r) >= STATEMENTS_MAX)
		return false;
	if (!read_head(in, &kind, &key))
		return true;
	read_fields(in, r, &f);
	if (register_is_empty(r))
		(void)!register_found(r, f.list, f.count, key);
	else
		(void)!register_write(r, kind, f.list, f.count, key, NULL);
	for (size_t i = 0; i < f.count; i++) {
		buf_clear(&f.names[i]);
		buf_clear(&f.values[i]);
	}
	return true;
}

/* ---- what must hold ---- */

static void look_up(const struct roster *r, const char *word)
{
	uint8_t volume_id[VOLUME_ID_LEN] = { 0 };

	(void)roster_person_named(r, word);
	(void)roster_host_named(r, word);
	(void)roster_medium_named(r, word);
	(void)roster_open_checkout(r, word);
	if (text_unhex(word, volume_id, sizeof(volume_id)) == OK)
		(void)roster_medium(r, volume_id);
}

static void look_everything_up(const struct roster *r)
{
	for (size_t i = 0; i < register_count(r->from); i++) {
		const struct statement *s = register_at(r->from, i);

		(void)roster_signer(r, s->signer);
		(void)roster_counts(r, s);
		for (size_t n = 0; n < s->field_count; n++)
			look_up(r, s->fields[n].value);
	}
}

static void print(const struct org_register *r, struct buf *out)
{
	struct roster *roster;

	MUST(roster_make(r, &roster) == OK);
	MUST(roster_print(roster, out) == OK);
	look_everything_up(roster);
	roster_free(roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { (const char *)data, (const char *)data + size };
	struct org_register *r, *backwards;
	struct buf one = { 0 }, other = { 0 };

	if (!keys[0])
		prepare();
	MUST(register_new(&r) == OK && register_new(&backwards) == OK);
	while (read_statement(&in, r))
		;
	for (size_t i = register_count(r); i-- > 0;)
		MUST(register_add_text(backwards, register_at(r, i)->text, register_at(r, i)->len,
				       false, NULL) == OK);
	print(r, &one);
	print(backwards, &other);
	MUST(strcmp(one.data, other.data) == 0);
	buf_clear(&one);
	buf_clear(&other);
	register_free(backwards);
	register_free(r);
	return 0;
}
