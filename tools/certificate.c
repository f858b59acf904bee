#include "tools/certificate.h"

#include <string.h>

#include "access/destroy.h"
#include "base/clock.h"
#include "base/text.h"

void certificate_begin(const struct officer *o, const struct roster_medium *m, const char *reason,
		       struct certificate *ret)
{
	int64_t now = clock_wall().tv_sec;

	*ret = (struct certificate){.separated = m->separated};
	ledger_next_id(o->roster, 'E', now, ret->id);
	text_time((time_t)now, ret->when);
	text_copy(ret->number, sizeof(ret->number), m->number);
	text_copy(ret->label, sizeof(ret->label), m->label);
	text_copy(ret->product, sizeof(ret->product), m->product);
	text_copy(ret->serial, sizeof(ret->serial), m->serial);
	text_copy(ret->capacity, sizeof(ret->capacity), m->capacity);
	text_copy(ret->category, sizeof(ret->category), m->category);
	text_copy(ret->reason, sizeof(ret->reason), reason ? reason : "");
	if (!m->has_volume)
		return;
	text_hex(m->volume_id, VOLUME_ID_LEN, ret->volume_hex);
	text_hex(m->device_id, sizeof(m->device_id), ret->device_hex);
}

void certificate_clear(struct certificate *c)
{
	buf_clear(&c->pending);
}

enum err certificate_draft(const struct certificate *c, struct draft *draft)
{
	TRY(draft_add(draft, "erase", c->id));
	TRY(draft_add(draft, "number", c->number));
	TRY(draft_add(draft, "volume", c->volume_hex));
	TRY(draft_add(draft, "device", c->separated ? c->device_hex : ""));
	TRY(draft_add(draft, "method", c->separated ? "crypto-erase" : "overwrite"));
	TRY(draft_add(draft, "overwritten", c->overwritten ? "yes" : "no"));
	TRY(draft_add(draft, "verified", c->verified ? "yes" : "no"));
	return draft_add(draft, "reason", c->reason);
}

enum err certificate_pending(const struct officer *o, const struct roster_medium *m,
			     struct certificate *c)
{
	const char *self = "";

	TRY(home_host_id(o->home, &self));
	return held_pending(o->roster, m->volume_id, self, &c->pending);
}

static enum err row(struct buf *out, const char *head, const char *value)
{
	return buf_printf(out, "- %s: %s\n", head, *value ? value : _("(to be filled in)"));
}

static enum err put_medium(const struct certificate *c, struct buf *out)
{
	TRY(row(out, _("number of the medium"), c->number));
	TRY(row(out, _("product"), c->product));
	TRY(row(out, _("serial number"), c->serial));
	TRY(row(out, _("capacity"), c->capacity));
	TRY(row(out, _("category of the data"), c->category));
	return row(out, _("reason for the erasure"), c->reason);
}

static enum err put_method(const struct certificate *c, struct buf *out)
{
	TRY(row(out, _("method"),
		c->separated ? _("Purge: cryptographic erase (the device secret is destroyed)")
			     : _("Clear: the keys on the medium are overwritten")));
	TRY(row(out, _("device secret that was destroyed (its id)"),
		c->separated ? c->device_hex : _("none: made without key separation")));
	TRY(row(out, _("escrow copies"), c->separated ? _("destroyed with it") : _("none")));
	TRY(row(out, _("keys on the medium"),
		c->overwritten ? _("overwritten, flushed and read back")
			       : _("not overwritten: the medium was not plugged in")));
	TRY(row(out, _("verification"),
		c->verified	 ? _("tried to open it with all keys of this computer: refused")
		: c->overwritten ? _("it could still be opened")
				 : _("no device secret is left on this computer")));
	return row(out, _("computers that have not confirmed yet"),
		   c->pending.len ? c->pending.data : _("none"));
}

enum err certificate_print(const struct officer *o, const struct certificate *c, struct buf *out)
{
	char who[65];

	officer_signer_name(o, sign_key_vkey(o->key), who);
	TRY(buf_printf(out, "# %s\n\n", _("Certificate of erasure")));
	TRY(row(out, _("number of the certificate"), c->id));
	TRY(row(out, _("organisation"), o->roster->name));
	TRY(put_medium(c, out));
	TRY(put_method(c, out));
	TRY(row(out, _("carried out by"), who));
	TRY(row(out, _("confirmed by"), ""));
	TRY(row(out, _("time of the erasure"), c->when));
	TRY(row(out, _("certificate of a contractor"), ""));
	return buf_printf(
		out, "\n%s\n",
		_("Copies that were made of the medium before are noise as well, as long as "
		  "no computer named above as unconfirmed keeps its device secret. Copies of "
		  "files that people took out of it are not reached by this."));
}
