#include "tools/registering.h"

#include <stddef.h>
#include <string.h>

#include "access/identify.h"
#include "base/text.h"
#include "tools/catalogue.h"
#include "tools/output.h"
#include "tools/sessions.h"

enum err registering_vault(struct officer *o, const char *path, struct roster_medium *ret)
{
	struct vault_actor actor;
	struct vault_identity id;
	enum err err;

	TRY(cli_actor(o->cli, NULL, &actor));
	err = vault_identify(&actor, path, &id);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY)
		sessions_hint_busy(o->cli, path);
	if (err != OK)
		return err;
	ret->has_volume = true;
	memcpy(ret->volume_id, id.volume_id, VOLUME_ID_LEN);
	memcpy(ret->device_id, id.device_id, sizeof(ret->device_id));
	ret->separated = id.separated;
	ret->separation_known = true;
	if (id.label[0])
		text_copy(ret->label, sizeof(ret->label), id.label);
	return OK;
}

/* ---- the number ------------------------------------------------------------------------------ */

/* Numbers are looked up whatever their case and width, before labels and serial numbers. */
const struct roster_medium *registering_find(const struct officer *o, const char *number)
{
	const struct roster_medium *m = roster_medium_named(o->roster, number);

	if (!m || !strcmp(m->number, number))
		return m;
	return !strcasecmp(m->label, number) || !strcasecmp(m->serial, number) ? NULL : m;
}

enum err registering_wanted(struct officer *o, const char *word, const struct roster_medium **ret)
{
	*ret = roster_medium_named(o->roster, word);
	if (*ret)
		return OK;
	cli_hint(o->cli, _("\"%s media list\" shows what is on the register"), VAULT_NAME);
	return err_at(ERR_NOT_FOUND, "%s", word);
}

static enum err number_is_free(struct officer *o, const char *number,
			       const struct roster_medium *entry)
{
	const struct roster_medium *taken = registering_find(o, number);

	if (!taken)
		return OK;
	if (taken->revoked.is) {
		cli_hint(o->cli, "%s",
			 _("what was revoked does not come back: give the medium a new vault and a "
			   "new "
			   "number"));
		return err_at(ERR_REVOKED_MEDIUM, "%s", number);
	}
	if (!taken->has_volume ||
	    (entry->has_volume && !memcmp(taken->volume_id, entry->volume_id, VOLUME_ID_LEN)))
		return OK;
	cli_hint(o->cli, _("\"%s media list\" shows the numbers that are taken"), VAULT_NAME);
	return err_at(ERR_EXISTS, "%s", number);
}

enum err registering_number(struct officer *o, const char *number,
			    const struct roster_medium *entry)
{
	const struct roster_medium *same =
		entry->has_volume ? roster_medium(o->roster, entry->volume_id) : NULL;

	if (!*number)
		return cli_usage("%s", _("a medium needs a number"));
	TRY(officer_text(number, "NUMBER", sizeof(entry->number) - 1));
	if (same && strcmp(same->number, number) != 0) {
		cli_hint(o->cli, _("change it under that number: %s media set %s"), VAULT_NAME,
			 same->number);
		return err_at(ERR_EXISTS, "%s", same->number);
	}
	return number_is_free(o, number, entry);
}

/* ---- words ----------------------------------------------------------------------------------- */

static const struct {
	enum option_id id;
	const char *field; /* of the statement; the option is called so, too, but for the kind */
	size_t offset, size;
} words[] = {
#define WORD(id, field, member)                                                                    \
	{                                                                                          \
		id, field, offsetof(struct roster_medium, member),                                 \
			sizeof(((struct roster_medium *)0)->member)                                \
	}
	WORD(OPT_SERIAL, "serial", serial),
	WORD(OPT_PRODUCT, "product", product),
	WORD(OPT_KIND, "type", kind),
	WORD(OPT_CAPACITY, "capacity", capacity),
	WORD(OPT_PLACE, "place", place),
	WORD(OPT_KEEPER, "keeper", keeper),
	WORD(OPT_OWNER, "owner", owner),
	WORD(OPT_MEDIUM_CATEGORY, "category", category),
	WORD(OPT_MEDIUM_PURPOSE, "purpose", purpose),
#undef WORD
};

static enum err check_catalogue(struct officer *o, const char *category, const char *purpose)
{
	CLEANUP(catalogue_clear) struct catalogue c = {0};
	bool own;

	if (!category && !purpose)
		return OK;
	TRY(catalogue_of(o->roster, &c, &own));
	if (category && *category && catalogue_check_category(&c, category) != OK)
		return catalogue_unknown_id(o->cli, &c, category);
	if (purpose && *purpose && catalogue_check_purpose(&c, purpose) != OK)
		return catalogue_unknown_id(o->cli, &c, purpose);
	return OK;
}

enum err registering_words(struct officer *o, struct roster_medium *ret)
{
	TRY(check_catalogue(o, cli_value(o->cli, OPT_MEDIUM_CATEGORY),
			    cli_value(o->cli, OPT_MEDIUM_PURPOSE)));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *value = cli_value(o->cli, words[i].id);

		if (!value)
			continue;
		TRY(officer_text(value, words[i].field, words[i].size - 1));
		text_copy((char *)ret + words[i].offset, words[i].size, value);
	}
	return OK;
}

/* ---- the statement --------------------------------------------------------------------------- */

static bool is_same_vault(const struct roster_medium *a, const struct roster_medium *b)
{
	return a->has_volume && b->has_volume && a->separated == b->separated &&
	       !memcmp(a->volume_id, b->volume_id, VOLUME_ID_LEN) &&
	       !memcmp(a->device_id, b->device_id, sizeof(a->device_id));
}

/* Two officers who change different things of one medium are both heard. */
static enum err draft_medium(const struct roster_medium *before, const struct roster_medium *m,
			     struct draft *d)
{
	static const struct roster_medium none;

	if (!before)
		before = &none;
	TRY(draft_add(d, "number", m->number));
	if (m->has_volume && !is_same_vault(before, m)) {
		TRY(draft_add_hex(d, "volume", m->volume_id, VOLUME_ID_LEN));
		TRY(draft_add_hex(d, "device", m->device_id, sizeof(m->device_id)));
		if (m->separation_known)
			TRY(draft_add(d, "separated", m->separated ? "on" : "off"));
	}
	if (strcmp(before->label, m->label) != 0)
		TRY(draft_add(d, "label", m->label));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *was = (const char *)before + words[i].offset;
		const char *is = (const char *)m + words[i].offset;

		if (strcmp(was, is) != 0)
			TRY(draft_addf(d, words[i].field, "%s", is));
	}
	return OK;
}

enum err registering_state(struct officer *o, const struct roster_medium *before,
			   const struct roster_medium *m)
{
	CLEANUP(draft_clear) struct draft d = {0};
	char volume[2 * VOLUME_ID_LEN + 1] = "";
	struct audit_event event = {
		.code = AUDIT_REGISTER,
		.medium_id = m->number,
		.medium_serial = m->serial[0] ? m->serial : NULL,
		.label = m->label[0] ? m->label : NULL,
		.category = m->category[0] ? m->category : NULL,
		.purpose = m->purpose[0] ? m->purpose : NULL,
	};

	if (m->has_volume) {
		text_hex(m->volume_id, VOLUME_ID_LEN, volume);
		event.volume_id = volume;
		event.keysep = !m->separation_known ? 0 : m->separated ? 1 : -1;
	}
	TRY(draft_medium(before, m, &d));
	return officer_state(o, STATEMENT_MEDIUM, &d, &event, NULL);
}
