/* vault checkout, checkout approve, checkin: the lending ledger (持出管理台帳). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tools/catalogue.h"
#include "tools/lending.h"
#include "tools/output.h"
#include "tools/verbs.h"

static int64_t now(void)
{
	return clock_wall().tv_sec;
}

/* ---- the request ------------------------------------------------------------------------------
 */

static enum err check_words(struct cli *cli, int64_t *ret_until)
{
	static const struct {
		enum option_id id;
		const char *text;
	} needed[] = {
		{OPT_LEND_UNTIL, N_("say when it will be back: --until 2026-12-31")},
		{OPT_DESTINATION, N_("say where it goes: --destination PLACE")},
		{OPT_LEND_PURPOSE, N_("say what for: --purpose ID (as in the catalogue)")},
		{OPT_PERSONS, N_("say how many insured persons it concerns: --persons N")},
	};
	const char *persons = cli_value(cli, OPT_PERSONS);

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!cli_value(cli, needed[i].id) || !*cli_value(cli, needed[i].id))
			return cli_usage("%s", gettext(needed[i].text));
	if (strspn(persons, "0123456789") != strlen(persons) || strlen(persons) > 9)
		return cli_usage(_("%s: \"%s\" is no number from 0 to %ld"), "--persons", persons,
				 999999999L);
	if (ledger_time(cli_value(cli, OPT_LEND_UNTIL), ret_until) != OK)
		return cli_usage(_("--until: \"%s\" is no day like 2026-12-31"),
				 cli_value(cli, OPT_LEND_UNTIL));
	if (*ret_until <= now())
		return cli_usage(_("--until: %s is over already"), cli_value(cli, OPT_LEND_UNTIL));
	return OK;
}

static enum err check_purpose(struct cli *cli)
{
	CLEANUP(catalogue_clear) struct catalogue c = {0};
	const char *purpose = cli_value(cli, OPT_LEND_PURPOSE);

	TRY(catalogue_in_force(cli, &c));
	if (catalogue_check_purpose(&c, purpose) == OK)
		return OK;
	return catalogue_unknown_id(cli, &c, purpose);
}

static enum err check_free(const struct officer *b, const struct roster_medium *m)
{
	const struct roster_checkout *open = roster_open_checkout(b->roster, m->number);

	if (m->revoked.is)
		return err_at(ERR_REVOKED_MEDIUM, "%s", m->number);
	if (!open)
		return OK;
	cli_hint(b->cli, _("\"%s checkin %s\" ends it"), VAULT_NAME, m->number);
	return err_at(ERR_BUSY, "%s: %s", m->number, open->id);
}

static enum err fill_request(const struct cli *cli, const char *id, const struct roster_medium *m,
			     const struct roster_person *carrier, struct draft *f)
{
	char who[AGE_RECIPIENT_TEXT];
	const char *purpose = cli_value(cli, OPT_LEND_PURPOSE), *dot = strrchr(purpose, '.');
	char category[33] = "";

	if (dot && (size_t)(dot - purpose) < sizeof(category))
		snprintf(category, sizeof(category), "%.*s", (int)(dot - purpose), purpose);
	age_recipient_print(&carrier->recipient, who);
	TRY(draft_add(f, "checkout", id));
	TRY(draft_add(f, "number", m->number));
	TRY(draft_add(f, "carrier", who));
	TRY(draft_add(f, "until", cli_value(cli, OPT_LEND_UNTIL)));
	TRY(draft_add(f, "from", m->place));
	TRY(draft_add(f, "to", cli_value(cli, OPT_DESTINATION)));
	TRY(draft_add(f, "route", cli_value(cli, OPT_ROUTE)));
	TRY(draft_add(f, "means", cli_value(cli, OPT_MEANS)));
	TRY(draft_add(f, "companion", cli_value(cli, OPT_COMPANION)));
	TRY(draft_add(f, "category", m->category[0] ? m->category : category));
	TRY(draft_add(f, "purpose", purpose));
	TRY(draft_add(f, "persons", cli_value(cli, OPT_PERSONS)));
	TRY(draft_add(f, "reason", cli_value(cli, OPT_LEND_REASON)));
	TRY(draft_add(f, "contact", cli_value(cli, OPT_CONTACT)));
	return OK;
}

static enum err write_approval(struct officer *b, const struct roster_checkout *c,
			       const struct roster_medium *m)
{
	CLEANUP(draft_clear) struct draft f = {0};
	char statement[2 * SHA256_LEN + 1], fpr[STAFF_FPR_LEN];
	char id[LEDGER_ID];
	struct lending_event event;

	text_copy(id, sizeof(id), c->id);
	text_hex(c->request->id, SHA256_LEN, statement);
	TRY(draft_add(&f, "statement", statement));
	lending_event(m, id, AUDIT_APPROVE, &event);
	staff_fpr(&c->carrier, fpr);
	event.event.counterparty = fpr;
	return officer_state(b, STATEMENT_APPROVE, &f, &event.event, NULL);
}

static enum err tell_request(struct officer *b, const char *id, const char *number)
{
	const struct roster_checkout *c = ledger_find(b->roster, id);
	struct lending l = {0};

	if (!c)
		return err_at(ERR_INTERNAL, "%s", id);
	lending_of(b->roster, c, now(), &l);
	if (l.approver)
		out_say(b->cli, _("%s: %s may be taken out until %s."), id, number, c->until);
	else
		out_say(b->cli,
			_("%s: requested for %s. An officer who does not carry it approves it: %s "
			  "checkout approve %s"),
			id, number, VAULT_NAME, id);
	return out_json(b->cli, "result",
			json_pack("{s:s,s:s,s:s,s:s}", "checkout", id, "number", number, "state",
				  lending_state_name(l.state), "until", c->until));
}

static enum err find_carrier(struct officer *b, const char *word, const struct roster_person **ret)
{
	struct age_recipient who;

	TRY(officer_person(b, word, &who));
	*ret = roster_person(b->roster, &who);
	return *ret ? OK : err_at(ERR_NOT_ON_STAFF, "%s", word);
}

static enum err request(struct officer *b, const char *medium)
{
	CLEANUP(draft_clear) struct draft f = {0};
	char id[LEDGER_ID], number[33];
	const struct roster_person *carrier = roster_person(b->roster, &b->me);
	const struct roster_medium *m;
	struct lending_event event;
	bool for_other;

	if (cli_value(b->cli, OPT_CARRIER))
		TRY(find_carrier(b, cli_value(b->cli, OPT_CARRIER), &carrier));
	TRY(lending_medium(b, medium, &m));
	TRY(check_free(b, m));
	if (carrier->revoked.is)
		return err_at(ERR_REVOKED_KEY, "%s", carrier->name);
	for_other = !age_recipient_equal(&carrier->recipient, &b->me);
	ledger_next_id(b->roster, 'T', now(), id);
	text_copy(number, sizeof(number), m->number);
	TRY(fill_request(b->cli, id, m, carrier, &f));
	lending_event(m, id, AUDIT_REQUEST, &event);
	event.event.purpose = cli_value(b->cli, OPT_LEND_PURPOSE);
	event.event.has_persons = true;
	event.event.persons = strtoull(cli_value(b->cli, OPT_PERSONS), NULL, 10);
	TRY(officer_state(b, STATEMENT_CHECKOUT, &f, &event.event, NULL));
	/* An officer who enters it for somebody else has approved it. */
	if (for_other && officer_is_one(b) && ledger_find(b->roster, id) &&
	    roster_medium_named(b->roster, number))
		TRY(write_approval(b, ledger_find(b->roster, id),
				   roster_medium_named(b->roster, number)));
	return tell_request(b, id, number);
}

static enum err run_checkout(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer b = {0};
	int64_t until;

	TRY(check_words(cli, &until));
	TRY(check_purpose(cli));
	TRY(lending_begin(cli, &b));
	return request(&b, cli_argument(cli, 0));
}

/* ---- the approval ------------------------------------------------------------------------------
 */

static enum err find_request(struct officer *b, const char *word,
			     const struct roster_checkout **ret)
{
	const struct roster_medium *m = roster_medium_named(b->roster, word);

	*ret = ledger_find(b->roster, word);
	if (!*ret && m)
		*ret = roster_open_checkout(b->roster, m->number);
	return *ret ? OK : err_at(ERR_NOT_FOUND, "%s", word);
}

static enum err approve(struct officer *b, const char *word)
{
	const struct roster_checkout *c;
	const struct roster_medium *m;
	char id[LEDGER_ID], number[33];
	struct lending l;

	TRY(find_request(b, word, &c));
	lending_of(b->roster, c, now(), &l);
	if (c->returned)
		return err_at(ERR_INVALID, "%s", c->id);
	if (age_recipient_equal(&c->carrier, &b->me))
		return err_at(ERR_SECOND_PERSON, "%s", c->id);
	TRY(lending_medium(b, c->number, &m));
	text_copy(id, sizeof(id), c->id);
	text_copy(number, sizeof(number), c->number);
	if (!l.approver)
		TRY(write_approval(b, c, m));
	return tell_request(b, id, number);
}

static enum err run_approve(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer b = {0};

	TRY(officer_begin(cli, AUDIT_APPROVE, &b));
	return approve(&b, cli_argument(cli, 0));
}

/* ---- the return --------------------------------------------------------------------------------
 */

static enum err checkin(struct officer *b, const char *word)
{
	CLEANUP(draft_clear) struct draft f = {0};
	const struct roster_checkout *c;
	const struct roster_medium *m;
	char id[LEDGER_ID], number[33];
	struct lending_event event;
	struct lending l;

	TRY(find_request(b, word, &c));
	if (c->returned)
		return err_at(ERR_INVALID, "%s", c->id);
	/* Whoever carried it does not confirm that it is back. */
	if (b->roster->policy.two_person && age_recipient_equal(&c->carrier, &b->me))
		return err_at(ERR_SECOND_PERSON, "%s", c->id);
	TRY(lending_medium(b, c->number, &m));
	text_copy(id, sizeof(id), c->id);
	text_copy(number, sizeof(number), c->number);
	TRY(draft_add(&f, "checkout", id));
	TRY(draft_add(&f, "number", number));
	TRY(draft_add(&f, "place",
		      cli_value(b->cli, OPT_PLACE_NOW) ? cli_value(b->cli, OPT_PLACE_NOW)
						       : m->place));
	TRY(draft_add(&f, "result", cli_value(b->cli, OPT_RESULT)));
	lending_event(m, id, AUDIT_RETURN, &event);
	TRY(officer_state(b, STATEMENT_CHECKIN, &f, &event.event, NULL));
	c = ledger_find(b->roster, id);
	if (!c)
		return err_at(ERR_INTERNAL, "%s", id);
	lending_of(b->roster, c, now(), &l);
	out_say(b->cli, _("%s: %s is back."), id, number);
	if (l.days_overdue)
		out_say(b->cli,
			ngettext("It was %u day late.", "It was %u days late.", l.days_overdue),
			l.days_overdue);
	out_talk(b->cli,
		 _("Delete from it what is not needed any more, or destroy all of it: \"%s "
		   "erase %s\"."),
		 VAULT_NAME, number);
	return out_json(b->cli, "result",
			json_pack("{s:s,s:s,s:s,s:i}", "checkout", id, "number", number, "state",
				  lending_state_name(l.state), "days_overdue",
				  (int)l.days_overdue));
}

static enum err run_checkin(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer b = {0};

	TRY(lending_begin(cli, &b));
	return checkin(&b, cli_argument(cli, 0));
}

const struct verb verb_checkout = {
	.name = "checkout",
	.group = GROUP_OFFICER,
	.run = run_checkout,
	.words = "MEDIUM --until DATE --destination PLACE ...",
	.summary = N_("ask to take a medium out"),
	.about = N_(
		"Goes into the lending ledger and is approved by an officer who does not carry it "
		"(\"checkout approve\"). An officer who enters it for somebody else with "
		"--carrier has approved it."),
	.examples = {{"checkout U-012 --until 2026-12-04 --destination OSAKA ...",
		      N_("my own request")}},
	.options = OPT_BIT(OPT_LEND_UNTIL) | OPT_BIT(OPT_DESTINATION) | OPT_BIT(OPT_LEND_PURPOSE) |
		   OPT_BIT(OPT_PERSONS) | OPT_BIT(OPT_ROUTE) | OPT_BIT(OPT_MEANS) |
		   OPT_BIT(OPT_COMPANION) | OPT_BIT(OPT_LEND_REASON) | OPT_BIT(OPT_CONTACT) |
		   OPT_BIT(OPT_CARRIER) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

const struct verb verb_checkout_approve = {
	.name = "checkout approve",
	.group = GROUP_OFFICER,
	.run = run_approve,
	.words = "NUMBER|MEDIUM",
	.summary = N_("approve that a medium is taken out"),
	.about =
		N_("By an officer who is not the carrier. The approval holds for this medium, this "
		   "carrier and until the day that the request names."),
	.examples = {{"checkout approve T-2026-0031", N_("by the number of the request")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

const struct verb verb_checkin = {
	.name = "checkin",
	.group = GROUP_OFFICER,
	.run = run_checkin,
	.words = "MEDIUM|NUMBER [--place PLACE]",
	.summary = N_("a medium is back"),
	.about = N_(
		"Where the rules ask for two people, somebody else than the carrier confirms it."),
	.examples = {{"checkin U-012 --place \"safe 2\"", N_("back in its place")}},
	.options = OPT_BIT(OPT_PLACE_NOW) | OPT_BIT(OPT_RESULT) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
