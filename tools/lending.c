#include "tools/lending.h"

#include <string.h>

#include "base/text.h"
#include "tools/medium.h"

enum err lending_begin(struct cli *cli, struct officer *ret)
{
	const struct roster_person *who;

	TRY(officer_look(cli, ret));
	TRY(officer_need_society(ret));
	TRY(officer_sign_in(ret));
	who = roster_person(ret->roster, &ret->me);
	if (!who)
		return err_at(ERR_NOT_ON_STAFF, "%s", cli->actor);
	return who->revoked.is ? err_at(ERR_REVOKED_KEY, "%s", who->name) : OK;
}

/* A folder or a mounted disk stands for the vault that this host knows to be on it; NULL. */
static const struct roster_medium *plugged_in(struct officer *o, const char *name)
{
	CLEANUP(medium_clear) struct medium m = {0};
	size_t hints = o->cli->hints.len;
	uint8_t id[VOLUME_ID_LEN];
	bool known = medium_find(o->cli, name, &m) == OK && m.volume_id[0] &&
		     text_unhex(m.volume_id, id, sizeof(id)) == OK;

	if (o->cli->hints.data) {
		o->cli->hints.len = hints;
		o->cli->hints.data[hints] = '\0';
	}
	return known ? roster_medium(o->roster, id) : NULL;
}

enum err lending_medium(struct officer *o, const char *name, const struct roster_medium **ret)
{
	*ret = roster_medium_named(o->roster, name);
	if (!*ret)
		*ret = plugged_in(o, name);
	if (*ret)
		return OK;
	cli_hint(o->cli, _("\"%s media list\" shows the media on the register"), VAULT_NAME);
	return err_at(ERR_MEDIUM_UNKNOWN, "%s", name);
}

void lending_event(const struct roster_medium *m, const char *id, enum audit_code code,
		   struct lending_event *ret)
{
	*ret = (struct lending_event){.event.code = code};
	if (m->has_volume) {
		text_hex(m->volume_id, VOLUME_ID_LEN, ret->volume_hex);
		ret->event.volume_id = ret->volume_hex;
	}
	text_copy(ret->number, sizeof(ret->number), m->number);
	text_copy(ret->label, sizeof(ret->label), m->label);
	text_copy(ret->serial, sizeof(ret->serial), m->serial);
	text_copy(ret->id, sizeof(ret->id), id ? id : "");
	ret->event.medium_id = ret->number;
	ret->event.label = ret->label[0] ? ret->label : NULL;
	ret->event.medium_serial = ret->serial[0] ? ret->serial : NULL;
	ret->event.checkout_id = id ? ret->id : NULL;
}
