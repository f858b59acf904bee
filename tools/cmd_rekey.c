/* vault rekey: a new key for a vault, for those who are left. */
#include "tools/interrupt.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/recipients.h"
#include "tools/sessions.h"
#include "tools/verbs.h"
#include "tools/visit.h"

static void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;

	p->total = total * DISK_BLOCK;
	progress_set(p, done * DISK_BLOCK);
}

static bool stop(void *ctx)
{
	return interrupt_seen();
}

static enum err tell(const struct cli *cli, const struct medium *medium,
		     const struct vault_rekeyed *got)
{
	char left[32];

	out_say(cli,
		ngettext("%s has a new key, which %zu person can open it with.",
			 "%s has a new key, which %zu people can open it with.", got->recipients),
		medium->label, got->recipients);
	if (got->older_blocks > 0) {
		out_size(got->older_blocks * DISK_BLOCK, left);
		out_talk(cli,
			 _("About %s in it is still under an old key; that goes on whenever it is "
			   "mounted."),
			 left);
	} else {
		out_say(cli, _("Nothing in it is under an old key any more."));
	}
	return out_json(cli, "result",
			json_pack("{s:o,s:o,s:I,s:I,s:I}", "label", out_json_text(medium->label),
				  "path", out_json_text(medium->path), "epoch",
				  (json_int_t)got->epoch, "recipients", (json_int_t)got->recipients,
				  "bytes_left", (json_int_t)(got->older_blocks * DISK_BLOCK)));
}

static enum err rekey(struct cli *cli, const struct medium *medium, struct vault_rekeyed *got)
{
	CLEANUP(recipients_clear) struct recipients without = {0};
	struct progress progress;
	struct vault_rekey how = {.wait = cli_has(cli, OPT_WAIT_RESEALED),
				  .progress = tell_progress,
				  .stop = stop,
				  .ctx = &progress};
	struct vault_actor actor;
	enum err err;

	TRY(recipients_of(cli, OPT_WITHOUT, &without));
	how.without = without.list;
	how.without_count = without.count;
	TRY(cli_check_confirm(cli, medium->label));
	TRY(cli_actor(cli, medium, &actor));
	interrupt_watch();
	progress_begin(&progress, cli, _("re-sealing"), 0);
	err = vault_rekey(&actor, medium->path, &how, got);
	progress_end(&progress);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(cli, medium->path);
		return err_at(err, "%s", medium->label);
	}
	return err;
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	struct vault_rekeyed got = {0};
	enum err err, told = OK;

	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	err = rekey(cli, &medium, &got);
	/* Also when the waiting was cut short. */
	if (got.epoch != 0)
		told = tell(cli, &medium, &got);
	return worse(err, told);
}

const struct verb verb_rekey = {
	.name = "rekey",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "MEDIUM [--wait] [--without RECIPIENT|NAME]...",
	.summary = N_("give a vault a new key"),
	.about = N_("What is written from then on opens only with the new key. What is there is "
		    "re-sealed while the vault is mounted, or now with --wait. Who has only an old "
		    "key cannot read what is written since, nor change anything unseen. They can "
		    "still:\n"
		    "- read every copy that they made before;\n"
		    "- read what was not re-sealed yet, and what free space (\"purge\") and the spare "
		    "blocks of a flash medium still hold of old times;\n"
		    "- put an older copy of the medium back: a computer that saw a newer state "
		    "refuses it, one that did not cannot know;\n"
		    "- destroy it.\n"
		    "A lost medium is erased by destroying its device secret on every computer."),
	.examples = {{"rekey OSAKA-03", N_("at once; the rest while it is mounted")},
		     {"rekey OSAKA-03 --wait", N_("stay until no old key is in use")}},
	.options = OPT_BIT(OPT_WAIT_RESEALED) | OPT_BIT(OPT_WITHOUT) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
