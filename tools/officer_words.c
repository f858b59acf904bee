/* The words of the register's verbs: reading what was typed, and saying what is there. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "org/people.h"
#include "pack/manifest.h"
#include "pack/transfer.h"
#include "tools/officer.h"

enum err officer_person(struct officer *o, const char *word, struct age_recipient *ret)
{
	const struct roster_person *person;
	struct person who;

	if (age_recipient_parse(word, ret) == OK)
		return OK;
	person = roster_person_named(o->roster, word);
	if (person) {
		*ret = person->recipient;
		return OK;
	}
	if (people_find(o->home, word, &who) == OK) {
		*ret = who.recipient;
		return OK;
	}
	cli_hint(o->cli, _("\"%s staff list\" shows who is known"), VAULT_NAME);
	return cli_usage(_("\"%s\" is neither a recipient nor the name of anybody known"), word);
}

enum err officer_key(const char *hex, const char *what, uint8_t ret[SIGN_VKEY_LEN])
{
	if (strlen(hex) == 2 * SIGN_VKEY_LEN && text_unhex(hex, ret, SIGN_VKEY_LEN) == OK)
		return OK;
	return cli_usage(_("%s: \"%s\" is not a key of 64 hexadecimal digits"), what, hex);
}

enum err officer_day(const struct cli *cli, enum option_id id, const char *what, const char **ret)
{
	const char *day = cli_value(cli, id);

	if (day && !pack_date_is_valid(day))
		return cli_usage(_("%s: \"%s\" is no day like 2026-12-31"), what, day);
	*ret = day;
	return OK;
}

/* What a statement takes in no value: C0, DEL, and C1, which is C2 80 to C2 9F. */
static bool has_controls(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at; at++)
		if (*at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
			return true;
	return false;
}

enum err officer_text(const char *text, const char *what, size_t max)
{
	size_t len = strlen(text);

	if (!text_is_utf8(text, len) || has_controls(text))
		return cli_usage(_("%s: not plain text: \"%s\""), what, text);
	if (len > max)
		return cli_usage(_("%s: at most %u bytes: \"%s\""), what, (unsigned)max, text);
	return OK;
}

void officer_key_words(const uint8_t vkey[SIGN_VKEY_LEN], char out[96])
{
	pack_signer_words(vkey, out);
}

void officer_signer_name(const struct officer *o, const uint8_t vkey[SIGN_VKEY_LEN], char out[65])
{
	const struct roster_person *person = roster_signer(o->roster, vkey);
	uint8_t sum[SHA256_LEN];
	char hex[17];

	if (person) {
		text_copy(out, 65, person->name);
		return;
	}
	sha256(vkey, SIGN_VKEY_LEN, sum);
	text_hex(sum, 8, hex);
	text_copy(out, 65, hex);
	for (size_t i = 0; i < o->roster->host_count; i++)
		if (!memcmp(o->roster->hosts[i].vkey, vkey, SIGN_VKEY_LEN))
			text_copy(out, 65, o->roster->hosts[i].name);
}

const char *officer_reason(enum revoke_reason reason)
{
	switch (reason) {
	case REVOKE_LOST:
		return _("lost");
	case REVOKE_LEFT:
		return _("left");
	case REVOKE_BROKEN:
		return _("broken");
	case REVOKE_ERASED:
		break;
	}
	return _("erased");
}

void officer_time(int64_t when, char out[24])
{
	char text[32];

	text_copy(out, 24, "-");
	if (when == 0)
		return;
	text_time((time_t)when, text);
	text[10] = ' ';
	text_copy(out, 17, text);
}

void officer_today(char out[ROSTER_DAY])
{
	char text[32];

	text_time(clock_wall().tv_sec, text);
	text_copy(out, ROSTER_DAY, text);
}

const char *officer_kind(enum statement_kind kind)
{
	static const char *const words[STATEMENT_KINDS] = {
		[STATEMENT_ORG] = N_("society"),
		[STATEMENT_OFFICER] = N_("officer"),
		[STATEMENT_STAFF] = N_("staff"),
		[STATEMENT_HOST] = N_("computer"),
		[STATEMENT_MEDIUM] = N_("medium"),
		[STATEMENT_CATALOG] = N_("catalogue"),
		[STATEMENT_GRANT] = N_("permission"),
		[STATEMENT_GRANT_END] = N_("end of a permission"),
		[STATEMENT_POLICY] = N_("rule"),
		[STATEMENT_REVOKE] = N_("revocation"),
		[STATEMENT_APPROVE] = N_("approval"),
		[STATEMENT_ADOPT] = N_("restored backup"),
		[STATEMENT_RECOVERY] = N_("recovery key"),
		[STATEMENT_CHECKOUT] = N_("taking out"),
		[STATEMENT_CHECKIN] = N_("return"),
		[STATEMENT_SIGHT] = N_("sight"),
		[STATEMENT_FOUND] = N_("found again"),
		[STATEMENT_ERASE] = N_("erasure"),
		[STATEMENT_INCIDENT] = N_("incident"),
		[STATEMENT_REPORT] = N_("report of a computer"),
	};

	return kind < STATEMENT_KINDS && words[kind] ? gettext(words[kind])
						     : statement_kind_name(kind);
}

const char *officer_about(const struct statement *s)
{
	static const char *const names[] = {"name",	 "number", "for", "set",
					    "published", "id",	   "host"};
	const char *value = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && !value; i++)
		value = statement_value(s, names[i]);
	return value ? value : "";
}
