#include "org/society.h"
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

void society_clear(struct society *s)
{
	roster_free(TAKE(s->roster));
	register_free(TAKE(s->from));
	memset(s, 0, sizeof(*s));
}

static enum err load(struct home *h, struct society *s)
{
	const char *id;

	TRY(register_open(h, &s->from));
	TRY(roster_make(s->from, &s->roster));
	if (register_is_empty(s->from))
		return OK;
	TRY(home_host_id(h, &id));
	text_copy(s->host_id, sizeof(s->host_id), id);
	s->synced = register_synced(h);
	return OK;
}

enum err society_load(struct home *h, struct society *ret)
{
	struct society s = {0};
	enum err err = load(h, &s);

	if (err != OK) {
		society_clear(&s);
		return err;
	}
	*ret = s;
	return OK;
}

bool society_exists(const struct society *s)
{
	return s->from && !register_is_empty(s->from);
}

void society_ask(const struct society *s, const struct age_recipient *who, struct rules_ask *ret)
{
	*ret = (struct rules_ask){
		.now = clock_wall().tv_sec,
		.synced = s->synced,
		.who = who,
		.host_id = s->host_id,
	};
}

const char *society_role(const struct society *s, const struct age_recipient *who)
{
	const struct roster_person *p = s->roster ? roster_person(s->roster, who) : NULL;

	return !p ? NULL : p->officer && !p->revoked.is ? "officer" : "staff";
}

const char *society_number(const struct society *s, const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct roster_medium *m = s->roster ? roster_medium(s->roster, volume_id) : NULL;

	return m && m->number[0] ? m->number : NULL;
}
