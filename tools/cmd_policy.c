/* vault policy show, policy set: the rules of the society. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/idle.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

enum rule_kind { RULE_SWITCH, RULE_TIME, RULE_DAYS };

static const struct rule {
	const char *name;
	enum rule_kind kind;
	const char *what; /* N_() */
} rules[] = {
	{"idle", RULE_TIME, N_("a vault closes itself after this time without use, at the latest")},
	{"key-separation", RULE_SWITCH, N_("vaults without a device secret are refused")},
	{"training", RULE_SWITCH,
	 N_("who has no valid training opens, packs and takes out nothing")},
	{"unsynced-days", RULE_DAYS,
	 N_("so many days a computer may go without the newest register")},
	{"two-person", RULE_SWITCH, N_("who takes a medium out does not approve it")},
	{"checkout", RULE_SWITCH,
	 N_("media are opened only while they are checked out, or by an officer")},
	{"second-officer", RULE_SWITCH,
	 N_("what is weighty counts once another officer approved it")},
};

static void value_of(const struct policy *p, const struct rule *rule, char out[24])
{
	const bool on[] = {p->key_separation, p->training, p->two_person, p->checkout,
			   p->second_officer};
	static const char *const switches[] = {"key-separation", "training", "two-person",
					       "checkout", "second-officer"};

	if (rule->kind == RULE_TIME)
		idle_print((unsigned)p->idle_seconds, out);
	else if (rule->kind == RULE_DAYS)
		snprintf(out, 24, p->unsynced_days ? "%u" : "never", p->unsynced_days);
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (!strcmp(switches[i], rule->name))
			snprintf(out, 24, "%s", on[i] ? "on" : "off");
}

static enum err show_one(struct cli *cli, const struct roster *r, const struct rule *rule)
{
	CLEANUP(buf_clear) struct buf row = {0};
	char value[24] = "";

	value_of(&r->policy, rule, value);
	TRY(width_pad(&row, rule->name, 15));
	TRY(buf_puts(&row, " "));
	TRY(width_pad(&row, value, 6));
	TRY(buf_printf(&row, " %s", gettext(rule->what)));
	out_line(cli, "%s", row.data);
	return out_json(cli, "rule", json_pack("{s:s,s:s}", "name", rule->name, "value", value));
}

static enum err run_show(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		TRY(show_one(cli, o.roster, &rules[i]));
	return OK;
}

const struct verb verb_policy_show = {
	.name = "policy show",
	.group = GROUP_OFFICER,
	.run = run_show,
	.words = "",
	.summary = N_("the rules of the society, and what each does"),
	.examples = {{"policy show", N_("asks no passphrase")}},
	.max = 0,
};

/* ---- set ------------------------------------------------------------------------------------- */

static enum err find_rule(struct cli *cli, const char *name, const struct rule **ret)
{
	CLEANUP(buf_clear) struct buf names = {0};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		*ret = &rules[i];
		if (!strcmp(rules[i].name, name))
			return OK;
		TRY(buf_printf(&names, "%s%s", i ? ", " : "", rules[i].name));
	}
	cli_hint(cli, _("there are: %s"), names.data);
	return cli_usage(_("there is no rule \"%s\""), name);
}

/* The value as the register has it. */
static enum err read_value(const struct rule *rule, const char *text, char out[24])
{
	char *end = NULL;
	unsigned long days;
	unsigned seconds;

	switch (rule->kind) {
	case RULE_SWITCH:
		if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
			return cli_usage(_("%s is on or off, not \"%s\""), rule->name, text);
		snprintf(out, 24, "%s", text);
		return OK;
	case RULE_TIME:
		TRY(idle_parse(text, &seconds));
		snprintf(out, 24, "%u", seconds);
		return OK;
	case RULE_DAYS:
		break;
	}
	days = !strcmp(text, "never")		  ? 0
	       : text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10)
						  : 10000;
	if ((end && *end) || days > 3650)
		return cli_usage(_("%s is a number of days, or never, not \"%s\""), rule->name,
				 text);
	snprintf(out, 24, "%lu", days);
	return OK;
}

/* Turned on for good: else one of two could take the other's word away. And with one officer alone
 * nobody could approve anything any more. */
static enum err check_second(struct officer *o, const struct rule *rule, const char *value)
{
	if (strcmp(rule->name, "second-officer") != 0)
		return OK;
	if (!strcmp(value, "off") && o->roster->policy.second_officer)
		return err_at(ERR_POLICY, "%s",
			      _("two officers once required are required for good"));
	if (!strcmp(value, "off") || officer_count(o->roster) >= 2)
		return OK;
	cli_hint(o->cli, _("first make another one: %s org officer NAME"), VAULT_NAME);
	return err_at(ERR_SECOND_PERSON, "%s", _("there is only one officer"));
}

static enum err run_set(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(draft_clear) struct draft d = {0};
	struct audit_event event = {.code = AUDIT_POLICY};
	const struct statement *s = NULL;
	const struct rule *rule = NULL;
	char value[24];

	TRY(find_rule(cli, cli_argument(cli, 0), &rule));
	TRY(read_value(rule, cli_argument(cli, 1), value));
	TRY(officer_begin(cli, AUDIT_POLICY, &o));
	TRY(check_second(&o, rule, value));
	TRY(draft_addf(&d, "set", "%s %s", rule->name, value));
	TRY(officer_state(&o, STATEMENT_POLICY, &d, &event, &s));
	if (roster_counts(o.roster, s))
		out_say(cli, _("The rule is in force here: %s %s (%s)."), rule->name,
			cli_argument(cli, 1), gettext(rule->what));
	officer_tell_pending(&o, s);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:b}", "name", rule->name, "value",
				  cli_argument(cli, 1), "pending", !roster_counts(o.roster, s)));
}

const struct verb verb_policy_set = {
	.name = "policy set",
	.group = GROUP_OFFICER,
	.run = run_set,
	.words = "RULE VALUE",
	.summary = N_("set a rule of the society"),
	.about = N_("It holds on each computer as soon as the register came there. RULE is one of: "
		    "idle "
		    "key-separation training unsynced-days two-person checkout second-officer; "
		    "\"policy "
		    "show\" says what each does."),
	.examples = {{"policy set idle 15m", N_("no vault stays open longer unused")},
		     {"policy set key-separation on", N_("a stick alone never opens")},
		     {"policy set unsynced-days 14", N_("revocations arrive within two weeks")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 2,
	.max = 2,
};
