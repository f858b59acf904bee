/* vault org show: what the register of this computer holds, what waits, and what is wrong with it.
 */
#include <string.h>

#include "base/text.h"
#include "org/pending.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/visit.h"

struct showing {
	struct officer *o;
	size_t pending, findings;
	enum err worst;
};

static enum err show_pending(struct showing *show, const struct statement *s)
{
	char id[2 * SHA256_LEN + 1], who[65], when[24];

	show->pending++;
	text_hex(s->id, SHA256_LEN, id);
	officer_signer_name(show->o, s->signer, who);
	officer_time(s->time, when);
	out_line(show->o->cli, _("waits for approval: %.12s  %s \"%s\" by %s, %s"), id,
		 officer_kind(s->kind), officer_about(s), who, when);
	return out_json(show->o->cli, "pending",
			json_pack("{s:s,s:s,s:s,s:s,s:I}", "id", id, "kind",
				  statement_kind_name(s->kind), "about", officer_about(s), "by",
				  who, "time", (json_int_t)s->time));
}

static enum err show_all_pending(struct showing *show)
{
	const struct officer *o = show->o;

	for (size_t i = 0; i < register_count(o->books); i++) {
		const struct statement *s = register_at(o->books, i);

		if (pending_is(o->roster, s))
			TRY(show_pending(show, s));
	}
	return OK;
}

static const char *fault_name(enum register_fault fault)
{
	static const char *const names[] = {[REGISTER_FORK] = "fork",
					    [REGISTER_CUT] = "cut",
					    [REGISTER_UNSEEN] = "unseen",
					    [REGISTER_LEAP] = "leap"};

	return names[fault];
}

static const char *fault_words(enum register_fault fault)
{
	switch (fault) {
	case REGISTER_FORK:
		return _("two statements of %s have number %llu: the key was used in two places, "
			 "or a "
			 "backup was put back");
	case REGISTER_CUT:
		return _("of %s something is missing before number %llu");
	case REGISTER_LEAP:
		return _("%s gave number %llu a place in time that it cannot have");
	case REGISTER_UNSEEN:
		break;
	}
	return _("%s knew of something, in number %llu, that is not here");
}

static enum err show_finding(void *ctx, const struct register_finding *f)
{
	struct showing *show = ctx;
	enum err err = f->fault == REGISTER_FORK ? ERR_FORK : ERR_LOG_GAP;
	char id[2 * SHA256_LEN + 1], who[65];
	CLEANUP(buf_clear) struct buf line = {0};

	show->findings++;
	text_hex(f->statement->id, SHA256_LEN, id);
	officer_signer_name(show->o, f->statement->signer, who);
	if (worse(show->worst, err) != show->worst)
		show->worst = err;
	TRY(buf_printf(&line, fault_words(f->fault), who, (unsigned long long)f->statement->seq));
	out_line(show->o->cli, _("finding: %s (%.12s)"), line.data, id);
	return out_json(show->o->cli, "finding",
			json_pack("{s:s,s:s,s:s,s:I,s:I}", "fault", fault_name(f->fault), "id", id,
				  "by", who, "seq", (json_int_t)f->statement->seq, "time",
				  (json_int_t)f->statement->time));
}

static enum err officer_names(const struct roster *r, struct buf *names, json_t *list)
{
	for (size_t i = 0; i < r->person_count; i++) {
		if (!r->people[i].officer || r->people[i].revoked.is)
			continue;
		TRY(buf_printf(names, "%s%s", names->len ? ", " : "", r->people[i].name));
		if (json_array_append_new(list, json_string(r->people[i].name)) != 0)
			return ERR_NOMEM;
	}
	return OK;
}

static size_t staff_count(const struct roster *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->person_count; i++)
		count += !r->people[i].revoked.is;
	return count;
}

static enum err show_facts(struct showing *show)
{
	struct officer *o = show->o;
	const struct roster *r = o->roster;
	CLEANUP(buf_clear) struct buf names = {0};
	char id[2 * ORG_ID_LEN + 1], words[96], synced[24];
	json_t *officers = json_array();
	enum err err = officers ? officer_names(r, &names, officers) : ERR_NOMEM;

	if (err != OK) {
		json_decref(officers);
		return err;
	}
	text_hex(register_org(o->books), ORG_ID_LEN, id);
	register_words(register_org(o->books), words);
	officer_time(register_synced(o->home), synced);
	out_line(o->cli, _("society:      %s"), r->name);
	out_line(o->cli, _("words:        %s"), words);
	out_line(o->cli, _("officers:     %s"), names.data ? names.data : "-");
	out_line(o->cli, _("on it:        staff %zu, computers %zu, media %zu, permissions %zu"),
		 staff_count(r), r->host_count, r->medium_count, r->grant_count);
	out_line(o->cli, _("statements:   %zu, of which %zu count for nothing"),
		 register_count(o->books), r->void_count);
	out_line(o->cli, _("last synced:  %s"), synced);
	return out_json(
		o->cli, "result",
		json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:I}", "name",
			  r->name, "org", id, "words", words, "officers", officers, "staff",
			  (json_int_t)staff_count(r), "hosts", (json_int_t)r->host_count, "media",
			  (json_int_t)r->medium_count, "grants", (json_int_t)r->grant_count,
			  "statements", (json_int_t)register_count(o->books), "void",
			  (json_int_t)r->void_count, "synced", (json_int_t)register_synced(o->home),
			  "second_officer", r->policy.second_officer, "pending",
			  (json_int_t)show->pending, "findings", (json_int_t)show->findings));
}

static enum err run_show(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	struct showing show = {.o = &o, .worst = OK};

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	TRY(show_all_pending(&show));
	TRY(register_check(o.books, show_finding, &show));
	TRY(show_facts(&show));
	if (o.roster->policy.second_officer && officer_count(o.roster) < 2)
		out_warn(cli, "%s",
			 _("there is only one officer, and what is weighty needs two: nobody can "
			   "approve it"));
	if (show.worst == OK)
		return OK;
	cli_hint(cli, "%s",
		 _("get the newest register with \"vault sync DIR\"; if it stays, whoever wrote it "
		   "needs "
		   "a new key"));
	return err_at(show.worst, "%s", _("the register"));
}

const struct verb verb_org_show = {
	.name = "org show",
	.group = GROUP_OFFICER,
	.run = run_show,
	.words = "",
	.summary = N_("what the register of this computer holds"),
	.about = N_(
		"Name, words and officers of the society, how much is on the register, when it was "
		"last exchanged, what waits for a second officer. A register in which a chain of "
		"statements has a gap gives 22, one with a forked chain 23."),
	.examples = {{"org show", N_("asks no passphrase")}},
	.max = 0,
};
