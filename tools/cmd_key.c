/* vault key new, key show, key passwd: my staff key. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "pack/transfer.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/unlock.h"
#include "tools/verbs.h"

#define LOG_N_MIN 10
#define LOG_N_MAX 22

static const char *wanted_name(const struct cli *cli)
{
	const char *name = cli_value(cli, OPT_NAME);

	return name ? name : cli_value(cli, OPT_KEY);
}

static enum err work_factor(const struct cli *cli, unsigned *ret)
{
	const char *text = cli_value(cli, OPT_WORK_FACTOR);
	char *end = NULL;
	long value;

	*ret = STAFF_SCRYPT_LOG_N;
	if (!text)
		return OK;
	value = strtol(text, &end, 10);
	if (end == text || *end || value < LOG_N_MIN || value > LOG_N_MAX)
		return cli_usage(_("the work factor is a number from %d to %d, not \"%s\""),
				 LOG_N_MIN, LOG_N_MAX, text);
	*ret = (unsigned)value;
	return OK;
}

/* A register that cannot be read keeps nobody from showing a key. */
static void tell_registering(struct cli *cli, const struct staff_key_info *info,
			     const char *recipient, const char *signs)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct roster_person *me = NULL;

	if (officer_look(cli, &o) == OK)
		me = roster_person(o.roster, &info->recipient);
	if (me && me->has_key)
		out_talk(cli, _("It is on the register of %s as %s."), o.roster->name, me->name);
	else
		out_talk(cli, _("An officer registers it with: %s staff add %s %s --signs %s"),
			 VAULT_NAME, info->name, recipient, signs);
}

/* What others need to know of a key: the recipient as data; for the telephone, words of it and of
 * the key that signs; and what an officer types. */
static enum err show(struct cli *cli, const struct staff_key_info *info)
{
	char recipient[AGE_RECIPIENT_TEXT], words[96],
		signs[2 * SIGN_VKEY_LEN + 1] = "", signs_words[96] = "";

	age_recipient_print(&info->recipient, recipient);
	staff_fpr_words(&info->recipient, words);
	if (info->has_key) {
		text_hex(info->vkey, SIGN_VKEY_LEN, signs);
		pack_signer_words(info->vkey, signs_words);
	}
	out_line(cli, "%s", recipient);
	TRY(out_json(cli, "result",
		     json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*}", "name", info->name, "recipient",
			       recipient, "fingerprint", info->fpr, "words", words, "signs",
			       info->has_key ? signs : NULL, "signs_words",
			       info->has_key ? signs_words : NULL)));
	out_talk(cli, _("Staff key \"%s\". Fingerprint, to compare by telephone: %s"), info->name,
		 words);
	if (!info->has_key) {
		out_talk(cli,
			 _("The key it signs with shows here once it was unlocked: %s key passwd, "
			   "or "
			   "open a vault"),
			 VAULT_NAME);
		return OK;
	}
	out_talk(cli, _("The key it signs with: %s"), signs_words);
	tell_registering(cli, info, recipient, signs);
	return OK;
}

static enum err record(struct cli *cli, enum audit_code code, const struct staff_key_info *info,
		       enum err why)
{
	char actor[STAFF_NAME_MAX + STAFF_FPR_LEN + 2];
	const struct recorder *recorder = NULL;
	struct audit_event event = {
		.code = code,
		.result = why == OK ? AUDIT_OK : AUDIT_REFUSED,
		.reason = why,
		.actor = actor,
	};

	snprintf(actor, sizeof(actor), "%s/%s", info->name, info->fpr);
	TRY(cli_recorder(cli, &recorder));
	return recorder->record(recorder->ctx, &event);
}

/* ---- new ------------------------------------------------------------------------------------- */

static const char *login_name(void)
{
	const struct passwd *user = getpwuid(getuid());

	return user ? user->pw_name : "staff";
}

static enum err run_new(struct cli *cli)
{
	CLEANUP(secret_freep) struct secret *passphrase = NULL;
	const char *name = wanted_name(cli) ? wanted_name(cli) : login_name();
	const struct recorder *recorder = NULL;
	struct staff_key_info info;
	struct home *home = NULL;
	unsigned log_n = 0;

	TRY(work_factor(cli, &log_n));
	TRY(cli_home(cli, &home));
	TRY(home_prepare(home));
	if (staff_key_info(home, name, &info) == OK)
		return err_at(ERR_EXISTS, "%s", name);
	TRY(cli_recorder(cli, &recorder));
	TRY(unlock_ask_new(cli, name, &passphrase));
	TRY(staff_key_create(home, name, passphrase, log_n, &info));
	TRY(record(cli, AUDIT_KEY_NEW, &info, OK));
	TRY(show(cli, &info));
	out_talk(cli, _("Give the line that begins with \"age1\" to whoever is to let you into a "
			"vault."));
	return OK;
}

const struct verb verb_key_new = {
	.name = "key new",
	.group = GROUP_SET_UP,
	.run = run_new,
	.words = "[--name NAME]",
	.summary = N_("make my staff key, once for each person and computer"),
	.about = N_(
		"Makes the key that opens vaults for you, sealed with a passphrase, and the key of "
		"this computer that signs its log. Prints your recipient: the line that others "
		"need to let you in. It is no secret.\n"
		"Press Enter at the question for a passphrase, and a good one is made for you."),
	.examples = {{"key new", N_("named like your login")},
		     {"key new --name hanako", N_("with a name of its own")}},
	.options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_WORK_FACTOR),
	.max = 0,
};

/* ---- show ------------------------------------------------------------------------------------ */

static enum err run_show(struct cli *cli)
{
	struct staff_key_info info;
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	TRY(staff_key_info(home, wanted_name(cli), &info));
	return show(cli, &info);
}

const struct verb verb_key_show = {
	.name = "key show",
	.group = GROUP_SET_UP,
	.run = run_show,
	.words = "[--name NAME]",
	.summary = N_("print my recipient and its fingerprint in words"),
	.about = N_(
		"Asks no passphrase: what it prints is no secret. The words are for comparing by "
		"telephone, so that nobody puts another recipient in place of yours."),
	.examples = {{"key show", N_("the recipient, and the words")},
		     {"key show --json", N_("the same for a program")}},
	.options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_KEY),
	.max = 0,
};

/* ---- passwd ---------------------------------------------------------------------------------- */

static enum err run_passwd(struct cli *cli)
{
	CLEANUP(age_identity_freep) struct age_identity *identity = NULL;
	CLEANUP(secret_freep) struct secret *old = NULL;
	CLEANUP(secret_freep) struct secret *fresh = NULL;
	struct staff_key_info info;
	struct home *home = NULL;
	unsigned log_n = 0;
	enum err err;

	TRY(work_factor(cli, &log_n));
	TRY(cli_home(cli, &home));
	TRY(staff_key_info(home, wanted_name(cli), &info));
	err = unlock_staff_key(cli, info.name, NULL, &identity, &old);
	if (err == ERR_PASSPHRASE) {
		TRY(record(cli, AUDIT_KEY_PASSWD, &info, err));
		return err_at(ERR_PASSPHRASE, "%s", info.name);
	}
	TRY(err);
	TRY(unlock_ask_new(cli, info.name, &fresh));
	TRY(staff_key_passwd(home, info.name, old, fresh, log_n));
	TRY(record(cli, AUDIT_KEY_PASSWD, &info, OK));
	out_say(cli, _("The key \"%s\" has a new passphrase."), info.name);
	return out_json(cli, "result",
			json_pack("{s:s,s:s}", "name", info.name, "fingerprint", info.fpr));
}

const struct verb verb_key_passwd = {
	.name = "key passwd",
	.group = GROUP_SET_UP,
	.run = run_passwd,
	.words = "[--name NAME]",
	.summary = N_("change the passphrase of my staff key"),
	.about = N_(
		"The key itself stays the same, so every vault opens as before. An old copy of the "
		"key file still opens with the old passphrase."),
	.examples = {{"key passwd", N_("asks for the old one, then for a new one")}},
	.options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_KEY) | OPT_BIT(OPT_WORK_FACTOR),
	.max = 0,
};
