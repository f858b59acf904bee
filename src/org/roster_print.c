/* The whole of a roster as text, for comparing two. */
#include <inttypes.h>
#include "base/text.h"
#include "org/roster_internal.h"

static enum err put_revoked(const struct revoked *r, struct buf *out)
{
	return r->is ? buf_printf(out, " revoked %s %" PRId64 "\n", revoke_reason_name(r->reason),
				  r->when)
		     : buf_puts(out, "\n");
}

static enum err put_hex(const void *data, size_t len, struct buf *out)
{
	char hex[2 * 64 + 1];

	text_hex(data, len, hex);
	return buf_printf(out, " %s", hex);
}

static enum err put_people(const struct roster *r, struct buf *out)
{
	for (size_t i = 0; i < r->person_count; i++) {
		const struct roster_person *p = &r->people[i];
		char who[AGE_RECIPIENT_TEXT];

		age_recipient_print(&p->recipient, who);
		TRY(buf_printf(out, "person %s [%s] [%s] [%s]%s", who, p->name, p->site, p->trained,
			       p->officer ? " officer" : ""));
		if (p->has_key)
			TRY(put_hex(p->vkey, SIGN_VKEY_LEN, out));
		TRY(put_revoked(&p->revoked, out));
	}
	return OK;
}

static enum err put_host(const struct roster_host *h, struct buf *out)
{
	TRY(buf_printf(out, "host %s [%s] [%s] %" PRId64 " %" PRIu64, h->id, h->name, h->site,
		       h->reported, h->register_clock));
	TRY(put_hex(h->vkey, SIGN_VKEY_LEN, out));
	TRY(put_revoked(&h->revoked, out));
	for (size_t i = 0; i < h->key_count; i++) {
		char who[AGE_RECIPIENT_TEXT];

		age_recipient_print(&h->keys[i], who);
		TRY(buf_printf(out, " keeps %s\n", who));
	}
	for (size_t i = 0; i < h->held_count; i++) {
		TRY(buf_puts(out, h->held[i].gone ? " gone" : " holds"));
		TRY(put_hex(h->held[i].volume_id, VOLUME_ID_LEN, out));
		TRY(put_hex(h->held[i].device_id, sizeof(h->held[i].device_id), out));
		TRY(buf_printf(out, " %" PRId64 "\n", h->held[i].when));
	}
	return OK;
}

static enum err put_medium(const struct roster_medium *m, struct buf *out)
{
	TRY(buf_printf(out,
		       "medium %s state %d%s [%s] [%s] [%s] [%s] [%s] [%s] [%s] [%s] [%s] [%s]",
		       m->number, (int)m->state,
		       m->separated	     ? " separated"
		       : m->separation_known ? " whole"
					     : "",
		       m->label, m->serial, m->product, m->kind, m->capacity, m->place, m->keeper,
		       m->owner, m->category, m->purpose));
	if (m->has_volume)
		TRY(put_hex(m->volume_id, VOLUME_ID_LEN, out));
	TRY(put_hex(m->device_id, sizeof(m->device_id), out));
	TRY(put_hex(m->super_sha256, SHA256_LEN, out));
	TRY(buf_printf(out, " %u/%" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " [%s]", m->epoch,
		       m->generation, m->registered, m->sighted, m->opened, m->opened_host));
	if (m->adopted) {
		TRY(buf_printf(out, " adopted %u/%" PRIu64 " at %" PRIu64, m->adopted_epoch,
			       m->adopted_generation, m->adopted_clock));
		TRY(put_hex(m->adopted_super, SHA256_LEN, out));
	}
	return put_revoked(&m->revoked, out);
}

static enum err put_checkout(const struct roster_checkout *c, struct buf *out)
{
	TRY(buf_printf(out, "checkout %s %s until %s%s%s %" PRId64 " %" PRId64 " %" PRId64, c->id,
		       c->number, c->until, c->approved ? " approved" : "",
		       c->returned ? " returned" : "", c->requested, c->approved_at,
		       c->returned_at));
	TRY(put_hex(c->request->id, SHA256_LEN, out));
	if (c->approved)
		TRY(put_hex(c->approved_by, SIGN_VKEY_LEN, out));
	return buf_puts(out, "\n");
}

static enum err put_ties(const struct roster_book *b, struct buf *out)
{
	char who[AGE_RECIPIENT_TEXT];

	for (size_t i = 0; i < b->volume_count; i++) {
		TRY(buf_printf(out, "vault of %s", b->volumes[i].number));
		TRY(put_hex(b->volumes[i].volume_id, VOLUME_ID_LEN, out));
		TRY(buf_puts(out, "\n"));
	}
	for (size_t i = 0; i < b->key_count; i++) {
		age_recipient_print(&b->keys[i].recipient, who);
		TRY(buf_printf(out, "key of %s", who));
		TRY(put_hex(b->keys[i].vkey, SIGN_VKEY_LEN, out));
		TRY(buf_puts(out, "\n"));
	}
	return OK;
}

static enum err put_policy(const struct policy *p, struct buf *out)
{
	return buf_printf(out, "policy %" PRId64 " %d %d %u %d %d %d\n", p->idle_seconds,
			  (int)p->key_separation, (int)p->training, p->unsynced_days,
			  (int)p->two_person, (int)p->checkout, (int)p->second_officer);
}

enum err roster_print(const struct roster *r, struct buf *out)
{
	char who[AGE_RECIPIENT_TEXT];

	TRY(buf_printf(out, "society [%s] void %zu\n", r->name, r->void_count));
	TRY(put_people(r, out));
	for (size_t i = 0; i < r->host_count; i++)
		TRY(put_host(&r->hosts[i], out));
	for (size_t i = 0; i < r->medium_count; i++)
		TRY(put_medium(&r->media[i], out));
	for (size_t i = 0; i < r->grant_count; i++) {
		age_recipient_print(&r->grants[i].recipient, who);
		TRY(buf_printf(out, "grant %s %s [%s]\n", who, r->grants[i].what,
			       r->grants[i].until));
	}
	for (size_t i = 0; i < r->checkout_count; i++)
		TRY(put_checkout(&r->checkouts[i], out));
	TRY(put_ties((const struct roster_book *)r, out));
	TRY(put_policy(&r->policy, out));
	if (r->catalog) {
		TRY(buf_puts(out, "catalog"));
		TRY(put_hex(r->catalog->id, SHA256_LEN, out));
		TRY(buf_puts(out, "\n"));
	}
	if (!r->has_recovery)
		return OK;
	age_recipient_print(&r->recovery, who);
	return buf_printf(out, "recovery %s %u %u\n", who, r->recovery_threshold,
			  r->recovery_shares);
}
