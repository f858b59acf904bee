#include "tools/ledger_csv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "org/ledger.h"
#include "tools/catalogue.h"

struct row {
	const struct officer *o;
	const struct catalogue *catalogue;
	struct lending l;
	const struct statement *erasure; /* NULL: it was not erased */
	bool first;
	struct buf *out;
};

static enum err put(struct row *r, const char *text)
{
	TRY(buf_puts(r->out, r->first ? "\"" : ",\""));
	r->first = false;
	/* A spreadsheet would take these for a formula. */
	if (*text && strchr("=+-@", *text))
		TRY(buf_puts(r->out, "'"));
	for (; *text; text++) {
		if (*text == '"')
			TRY(buf_puts(r->out, "\""));
		TRY(buf_append(r->out, text, 1));
	}
	return buf_puts(r->out, "\"");
}

static enum err put_time(struct row *r, int64_t when)
{
	char text[32] = "";

	if (when > 0)
		text_time((time_t)when, text);
	return put(r, text);
}

static enum err put_number(struct row *r, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", n);
	return put(r, text);
}

static enum err put_field(struct row *r, const struct statement *s, const char *name)
{
	const char *value = s ? statement_value(s, name) : NULL;

	return put(r, value ? value : "");
}

static enum err put_signer(struct row *r, const struct statement *s)
{
	char name[65] = "";

	if (s)
		officer_signer_name(r->o, s->signer, name);
	return put(r, name);
}

static const char *yes_no(bool yes)
{
	return yes ? _("yes") : _("no");
}

/* ---- the parts of a row ------------------------------------------------------------------------
 */

static enum err put_medium(struct row *r)
{
	const struct roster_medium *m = r->l.medium;

	TRY(put(r, r->l.checkout->id));
	TRY(put(r, r->l.checkout->number));
	TRY(put(r, m ? m->kind : ""));
	TRY(put(r, m ? m->serial : ""));
	TRY(put(r, m ? m->label : ""));
	return put(r, r->l.carrier ? r->l.carrier->site : "");
}

static enum err put_request(struct row *r)
{
	const struct statement *s = r->l.checkout->request;
	const char *id = statement_value(s, "category");
	const struct category *c = id ? catalogue_find(r->catalogue, id) : NULL;
	const char *flags = c ? c->flags : "";

	TRY(put_signer(r, s));
	TRY(put_time(r, r->l.checkout->requested));
	TRY(put_field(r, s, "reason"));
	TRY(put_field(r, s, "purpose"));
	TRY(put_field(r, s, "category"));
	TRY(put(r, c ? yes_no(strchr(flags, 'S') != NULL) : ""));
	TRY(put(r, c ? yes_no(strchr(flags, 'N') != NULL) : ""));
	TRY(put_field(r, s, "persons"));
	return put_field(r, s, "contact");
}

static enum err put_carrying(struct row *r)
{
	const struct roster_checkout *c = r->l.checkout;
	const struct statement *s = c->request;

	TRY(put(r, r->l.approver ? r->l.approver->name : ""));
	TRY(put_time(r, r->l.approver ? c->approved_at : 0));
	TRY(put(r, r->l.carrier ? r->l.carrier->name : ""));
	TRY(put_field(r, s, "companion"));
	TRY(put_field(r, s, "from"));
	TRY(put_field(r, s, "to"));
	TRY(put_field(r, s, "route"));
	TRY(put_field(r, s, "means"));
	return put(r, c->until);
}

static enum err put_sealing(struct row *r)
{
	const struct roster_medium *m = r->l.medium;
	bool known = m && m->separation_known;

	TRY(put(r, "AES-256-GCM (XAES-256-GCM)"));
	TRY(put(r, known ? yes_no(m->separated) : ""));
	return put(r, known && m->separated
			      ? _("on enrolled computers only; by ticket, apart from the medium")
			      : "");
}

static const char *state_words(enum lending_state state)
{
	switch (state) {
	case LENDING_REQUESTED:
		return _("requested");
	case LENDING_OUT:
		return _("out");
	case LENDING_OVERDUE:
		return _("overdue");
	case LENDING_RETURNED:
		return _("returned");
	case LENDING_ERASED:
		return _("erased");
	case LENDING_MISSING:
		return _("missing");
	}
	return "";
}

static enum err put_end(struct row *r)
{
	const struct roster_checkout *c = r->l.checkout;

	TRY(put_time(r, c->returned ? c->returned_at : 0));
	TRY(put_signer(r, c->checkin));
	TRY(put_field(r, c->checkin, "result"));
	TRY(put_time(r, r->erasure ? r->erasure->time : 0));
	TRY(put_field(r, r->erasure, "method"));
	TRY(put_signer(r, r->erasure));
	TRY(put_field(r, r->erasure, "erase"));
	TRY(put_number(r, r->l.days_overdue));
	return put(r, state_words(r->l.state));
}

static enum err put_headings(struct row *r)
{
	static const char *const headings[] = {
		N_("take-out number"),
		N_("number of the medium"),
		N_("kind"),
		N_("serial number"),
		N_("label"),
		N_("site"),
		N_("requested by"),
		N_("requested on"),
		N_("reason for taking it out"),
		N_("purpose"),
		N_("category"),
		N_("sensitive personal information"),
		N_("individual numbers"),
		N_("number of persons"),
		N_("contact should it be lost"),
		N_("approved by"),
		N_("approved on"),
		N_("carrier"),
		N_("companion"),
		N_("from"),
		N_("to"),
		N_("route"),
		N_("means of transport"),
		N_("planned return"),
		N_("cipher"),
		N_("key separation"),
		N_("where the other half of the key is"),
		N_("returned on"),
		N_("return confirmed by"),
		N_("result of the check"),
		N_("erased on"),
		N_("method of erasure"),
		N_("erased by"),
		N_("number of the certificate"),
		N_("days overdue"),
		N_("state"),
	};

	for (size_t i = 0; i < ARRAY_LEN(headings); i++)
		TRY(put(r, gettext(headings[i])));
	return buf_puts(r->out, "\r\n");
}

/* The newest erasure of the medium that counts. */
static const struct statement *erasure_of(const struct officer *o, const char *number)
{
	for (size_t i = register_count(o->books); i-- > 0;) {
		const struct statement *s = register_at(o->books, i);
		const char *value = statement_value(s, "number");

		if (s->kind == STATEMENT_ERASE && value && !strcmp(value, number) &&
		    roster_counts(o->roster, s))
			return s;
	}
	return NULL;
}

static enum err put_row(struct row *r)
{
	TRY(put_medium(r));
	TRY(put_request(r));
	TRY(put_carrying(r));
	TRY(put_sealing(r));
	TRY(put_end(r));
	return buf_puts(r->out, "\r\n");
}

static enum err put_rows(const struct officer *o, const struct catalogue *c, int64_t now,
			 struct buf *out)
{
	struct row r = {.o = o, .catalogue = c, .first = true, .out = out};

	TRY(buf_puts(out, "\xef\xbb\xbf"));
	TRY(put_headings(&r));
	for (size_t i = 0; i < o->roster->checkout_count; i++) {
		r.first = true;
		r.erasure = erasure_of(o, o->roster->checkouts[i].number);
		lending_of(o->roster, &o->roster->checkouts[i], now, &r.l);
		TRY(put_row(&r));
	}
	return OK;
}

enum err ledger_csv(const struct officer *o, int64_t now, struct buf *out)
{
	struct catalogue c = {0};
	bool own;
	enum err err = catalogue_of(o->roster, &c, &own);

	if (err == OK)
		err = put_rows(o, &c, now, out);
	catalogue_clear(&c);
	return err;
}
