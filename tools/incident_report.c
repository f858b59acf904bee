/* The text of an incident report: 紛失・盗難 事案報告書, with the nine items of the report. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tools/catalogue.h"
#include "tools/incident.h"
#include "tools/output.h"

struct page {
	const struct incident *i;
	struct buf *out;
	struct catalogue catalogue; /* owned; may be empty */
};

/* ---- lines --------------------------------------------------------------------------------------
 */

static enum err title(struct page *p, const char *text)
{
	return buf_printf(p->out, "\n## %s\n\n", text);
}

static enum err row(struct page *p, const char *head, const char *format, ...) PRINTF_LIKE(3, 4);
static enum err row(struct page *p, const char *head, const char *format, ...)
{
	CLEANUP(mem_freep) char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return err_at(ERR_NOMEM, "report");
	return buf_printf(p->out, "- %s: %s\n", head, *text ? text : _("(to be filled in)"));
}

static const char *blank(void)
{
	return "";
}

static enum err line(struct page *p, const char *text)
{
	return buf_printf(p->out, "%s\n", text);
}

static void day_after(int64_t when, unsigned days, char out[ROSTER_DAY])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		memset(&tm, 0, sizeof(tm));
	tm.tm_mday += (int)days;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	(void)mktime(&tm);
	if (strftime(out, ROSTER_DAY, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}

static void when_text(int64_t when, char out[32])
{
	out[0] = '\0';
	if (when > 0)
		text_time((time_t)when, out);
}

/* ---- parts
 * --------------------------------------------------------------------------------------- */

static enum err put_head(struct page *p)
{
	const struct incident *i = p->i;

	TRY(buf_printf(p->out, "# %s\n\n", _("Incident report: lost or stolen medium (draft)")));
	TRY(row(p, _("incident number"), "%s", i->id));
	TRY(row(p, _("kind of report"), "%s", _("prompt report")));
	TRY(row(p, _("organisation"), "%s", i->o->roster->name));
	TRY(row(p, _("department, person in charge, contact"), "%s", blank()));
	TRY(row(p, _("reported to"), "%s",
		_("Personal Information Protection Commission, or whom it delegated to (to be "
		  "checked)")));
	return row(p, _("outsourcing (by whom, to whom)"), "%s", blank());
}

static enum err put_times(struct page *p)
{
	const struct incident *i = p->i;
	char seen[32], known[32], a[ROSTER_DAY], b[ROSTER_DAY], c[ROSTER_DAY], d[ROSTER_DAY];

	when_text(MAX(i->m->sighted, i->m->opened), seen);
	when_text(i->known, known);
	day_after(i->known, i->rules.prompt_from, a);
	day_after(i->known, i->rules.prompt_to, b);
	day_after(i->known, i->rules.final_days, c);
	day_after(i->known, i->rules.final_wrongful, d);
	TRY(title(p, _("Times")));
	TRY(row(p, _("last seen or opened"), "%s", seen[0] ? seen : _("not known")));
	TRY(row(p, _("when it happened (estimate)"), "%s", blank()));
	TRY(row(p, _("when it became known"), "%s", known));
	TRY(row(p, _("found out by"), "%s", blank()));
	TRY(row(p, _("reported to the officer"), "%s", blank()));
	TRY(row(p, _("reported to the police (time, number)"), "%s", blank()));
	TRY(row(p, _("prompt report due"), _("%s to %s (day %u to %u)"), a, b, i->rules.prompt_from,
		i->rules.prompt_to));
	TRY(row(p, _("final report due"),
		_("%s (day %u); %s where a wrongful purpose is suspected"), c, i->rules.final_days,
		d));
	return line(p,
		    _("  Days are counted with holidays, from the day any part of the organisation "
		      "knew."));
}

static const char *yes_no(bool yes)
{
	return yes ? _("yes") : _("no");
}

static enum err put_class(struct page *p)
{
	const struct incident *i = p->i;
	const struct category *c = catalogue_find(&p->catalogue, i->category);
	const char *flags = c ? c->flags : "";

	TRY(title(p, _("What kind of case it may be (for a person to judge)")));
	TRY(row(p, _("health records or other sensitive data"), "%s",
		strchr(flags, 'S') ? _("yes: one person is enough for a report")
		: flags[0]	   ? _("not by the catalogue")
				   : _("not known")));
	TRY(row(p, _("individual numbers (My Number)"), "%s",
		strchr(flags, 'N') ? _("possible: to be checked")
		: flags[0]	   ? _("not by the catalogue")
				   : _("not known")));
	TRY(row(p, _("bank accounts"), "%s", yes_no(strchr(flags, 'F') != NULL)));
	TRY(row(p, _("more persons than the limit"), _("limit %u; declared: %s"), i->rules.persons,
		!i->has_persons			? _("not known")
		: i->persons > i->rules.persons ? _("above")
						: _("not above")));
	TRY(row(p, _("wrongful purpose suspected"), "%s", blank()));
	TRY(row(p, _("leak, loss or damage"), "%s", blank()));
	return row(p, _("where the originals and copies are"), "%s", blank());
}

/* The wording of "receipt.1"; "" when the catalogue has none. */
static const char *purpose_name(const struct catalogue *c, const char *id)
{
	const char *dot = strrchr(id, '.');
	char category[CATALOGUE_ID_MAX + 1];
	const struct category *found;
	unsigned long at;

	if (!dot || (size_t)(dot - id) >= sizeof(category))
		return "";
	snprintf(category, sizeof(category), "%.*s", (int)(dot - id), id);
	found = catalogue_find(c, category);
	at = strtoul(dot + 1, NULL, 10);
	return found && at >= 1 && at <= found->purpose_count ? found->purposes[at - 1] : "";
}

static enum err put_data(struct page *p, const char *head)
{
	const struct incident *i = p->i;
	const struct category *c = catalogue_find(&p->catalogue, i->category);
	CLEANUP(buf_clear) struct buf text = {0};
	const char *purpose = purpose_name(&p->catalogue, i->purpose);

	if (c)
		TRY(buf_printf(&text, "%s (%s)", c->name, c->id));
	else
		TRY(buf_puts(&text, i->category[0] ? i->category : _("not known")));
	if (i->purpose[0])
		TRY(buf_printf(&text, "; %s%s(%s)", purpose, *purpose ? " " : "", i->purpose));
	return row(p, head, "%s", text.data);
}

static enum err put_persons(struct page *p, const char *head)
{
	if (!p->i->has_persons)
		return row(p, head, "%s", _("not known yet (to be added when known)"));
	return row(p, head, _("%llu (as declared when it was taken out)"),
		   (unsigned long long)p->i->persons);
}

static enum err put_items(struct page *p)
{
	const struct incident *i = p->i;
	char seen[32];

	when_text(i->m->opened, seen);
	TRY(title(p, _("The nine items of the report")));
	TRY(row(p, _("1 outline"), _("The medium %s (%s) is missing. It was last opened: %s."),
		i->m->number, i->m->product[0] ? i->m->product : i->m->kind,
		seen[0] ? seen : _("not known")));
	TRY(put_data(p, _("2 items of personal data")));
	TRY(put_persons(p, _("3 number of persons")));
	TRY(row(p, _("4 cause"), "%s", _("not known yet (to be added when known)")));
	TRY(row(p, _("5 secondary damage or its risk"), "%s",
		_("not known yet (to be added when known)")));
	TRY(row(p, _("6 what was done for the persons"), "%s", blank()));
	TRY(row(p, _("7 publication"), "%s", blank()));
	TRY(row(p, _("8 measures against a repetition (done, planned)"), "%s", blank()));
	TRY(row(p, _("9 other"), "%s", _("see the facts below")));
	return line(p, _("  The notice to the persons is made of the items 1, 2, 4, 5 and 9."));
}

static enum err put_lending(struct page *p)
{
	const struct incident *i = p->i;
	const struct lending *l = &i->lending;
	const char *to;

	if (!i->has_lending)
		return row(p, _("taking out"), "%s", _("none in the ledger"));
	to = statement_value(l->checkout->request, "to");
	TRY(row(p, _("taking out"), "%s; %s; %s", l->checkout->id,
		l->carrier ? l->carrier->name : _("not known"), to ? to : _("not known")));
	TRY(row(p, _("approval"), "%s", l->approver ? l->approver->name : _("not approved")));
	return row(p, _("planned return"), "%s", l->checkout->until);
}

static const char *host_name(const struct incident *i, const char *id)
{
	const struct roster_host *host = roster_host(i->o->roster, id);

	return host && host->name[0] ? host->name : id;
}

static enum err put_contents(struct page *p)
{
	const struct incident *i = p->i;
	const struct contents *c = &i->contents;
	char size[32], hex[2 * SHA256_LEN + 1];

	if (!i->has_contents)
		return row(p, _("list of contents"), _("none that can be opened here (%s)"),
			   gettext(err_message(i->contents_err)));
	out_size(c->bytes, size);
	text_hex(c->sha256, SHA256_LEN, hex);
	TRY(row(p, _("number of files"), "%" PRIu64, c->files));
	TRY(row(p, _("size"), "%s (%" PRIu64 ")", size, c->bytes));
	TRY(row(p, _("list of contents"), _("%s, state %llu, taken %s on %s by %s"),
		c->closed ? _("at the last eject") : _("at the last opening"),
		(unsigned long long)c->generation, c->time, host_name(i, c->host), c->actor));
	TRY(row(p, _("hash of the sealed list"), "%s", hex));
	return row(p, _("signature of that computer"), "%s",
		   c->vouched ? _("valid") : _("NOT VALID"));
}

/* What this computer knows of itself, or what the list says that came from another. */
static enum err put_state(struct page *p)
{
	const struct history_event *e = &p->i->history.closed;
	const struct contents *c = &p->i->contents;
	bool by_list = p->i->has_contents && c->closed && c->vouched &&
		       (!e->known || c->generation >= e->generation);
	const char *how = by_list			 ? _("locked: ejected")
			  : !e->known			 ? _("not known here")
			  : !strcmp(e->event, "lock")	 ? _("locked: ejected")
			  : !strcmp(e->event, "removed") ? _("pulled out without eject")
							 : _("its session did not end well");
	const char *when = by_list ? c->time : e->time;

	return row(p, _("state at its last session that is known"), "%s%s%s%s%s", how,
		   *when ? ", " : "", when, by_list ? ", " : "",
		   by_list ? host_name(p->i, c->host) : "");
}

static enum err put_medium(struct page *p)
{
	const struct incident *i = p->i;
	const struct roster_host *host = roster_host(i->o->roster, i->m->opened_host);
	char opened[32];

	when_text(i->m->opened, opened);
	TRY(title(p, _("The medium")));
	TRY(row(p, _("number"), "%s", i->m->number));
	TRY(row(p, _("kind"), "%s", i->m->kind));
	TRY(row(p, _("product"), "%s", i->m->product));
	TRY(row(p, _("serial number"), "%s", i->m->serial));
	TRY(put_lending(p));
	TRY(put_data(p, _("category and purpose")));
	TRY(put_persons(p, _("number of persons")));
	TRY(put_contents(p));
	TRY(row(p, _("last opening"), "%s%s%s", opened[0] ? opened : _("not known"),
		host ? ", " : "", host ? host->name : ""));
	TRY(put_state(p));
	return row(p, _("found again"), "%s",
		   i->m->state == MEDIUM_FOUND ? _("yes") : _("no, as far as is known"));
}

static enum err put_holders(struct page *p)
{
	const struct incident *i = p->i;
	CLEANUP(buf_clear) struct buf names = {0};

	for (size_t n = 0; i->has_contents && n < i->contents.recipient_count; n++) {
		const struct roster_person *who;
		struct age_recipient r;
		char fpr[STAFF_FPR_LEN];

		TRY(contents_recipient(&i->contents, n, &r));
		who = roster_person(i->o->roster, &r);
		staff_fpr(&r, fpr);
		TRY(buf_printf(&names, "%s%s", names.len ? ", " : "",
			       who ? who->name
			       : i->o->roster->has_recovery &&
					       age_recipient_equal(&r, &i->o->roster->recovery)
				       ? _("recovery key")
				       : fpr));
	}
	return row(p, _("who held a key then"), "%s", names.len ? names.data : _("not known"));
}

/* Hosts that said they have the device secret, and have not said that it is gone. */
static enum err put_hosts(struct page *p)
{
	const struct roster *r = p->i->o->roster;
	CLEANUP(buf_clear) struct buf gone = {0};
	CLEANUP(buf_clear) struct buf pending = {0};

	for (size_t h = 0; h < r->host_count; h++)
		for (size_t n = 0; n < r->hosts[h].held_count; n++) {
			const struct roster_held *held = &r->hosts[h].held[n];
			struct buf *to = held->gone ? &gone : &pending;

			if (memcmp(held->volume_id, p->i->m->volume_id, VOLUME_ID_LEN) == 0)
				TRY(buf_printf(to, "%s%s", to->len ? ", " : "", r->hosts[h].name));
		}
	TRY(row(p, _("device secret destroyed on"), "%s", gone.len ? gone.data : _("none yet")));
	return row(p, _("device secret still on"), "%s",
		   pending.len ? pending.data : _("none known"));
}

static enum err put_sealing(struct page *p)
{
	const struct incident *i = p->i;
	bool known = i->has_contents || i->m->separation_known;
	bool separated = i->has_contents ? i->contents.separated : i->m->separated;
	char revoked[32];

	when_text(i->m->revoked.is ? i->m->revoked.when : 0, revoked);
	TRY(title(p, _("Facts of sealing")));
	TRY(row(p, _("cipher"), "%s", _("AES-256 in GCM mode (XAES-256-GCM), every block")));
	TRY(row(p, _("key length"), "%s", _("256 bits")));
	TRY(row(p, _("implementation"), "portable-vault %s", VAULT_VERSION));
	TRY(row(p, _("list of ciphers"), "%s (%s)", i->rules.list, i->rules.list_date));
	TRY(row(p, _("key separation"), "%s",
		!known	    ? _("not known")
		: separated ? _("yes: half of the key is on enrolled computers only, never on the "
				"medium")
			    : _("NO: a staff key alone opens it")));
	TRY(row(p, _("a computer or a passphrase lost with it (declared)"), "%s", blank()));
	TRY(row(p, _("derivation of the key"), "%s",
		_("HKDF-SHA-256 from two random values of 256 bits")));
	if (i->has_contents)
		TRY(row(p, _("keys issued"), "%zu", i->contents.recipient_count));
	TRY(put_holders(p));
	TRY(row(p, _("keys revoked"), "%s", revoked[0] ? revoked : _("not yet")));
	TRY(put_hosts(p));
	TRY(row(p, _("the log of this computer"), "%s",
		i->history.is_whole ? _("verified, whole") : _("NOT whole: see \"log --verify\"")));
	return line(
		p,
		_("\nA medium keeps no record of being read: whether it was copied or read while "
		  "it was missing, nobody can tell."));
}

static enum err put_judgement(struct page *p)
{
	TRY(title(p, _("Judgement (a person fills this in)")));
	TRY(row(p, _("does this count as advanced encryption that protects the persons"), "%s",
		blank()));
	TRY(row(p, _("grounds"), "%s", blank()));
	TRY(row(p, _("judged by"), "%s", blank()));
	return row(p, _("time of the judgement"), "%s", blank());
}

static enum err put_report(struct page *p)
{
	TRY(put_head(p));
	TRY(put_times(p));
	TRY(put_class(p));
	TRY(put_items(p));
	TRY(put_medium(p));
	TRY(put_sealing(p));
	return put_judgement(p);
}

enum err incident_print(const struct incident *i, struct buf *out)
{
	struct page p = {.i = i, .out = out};
	bool own;
	enum err err;

	/* Without the catalogue the ids stand alone. */
	if (catalogue_of(i->o->roster, &p.catalogue, &own) != OK)
		memset(&p.catalogue, 0, sizeof(p.catalogue));
	err = put_report(&p);
	catalogue_clear(&p.catalogue);
	return err;
}
