/* vault unpack: what is in a pack, once all of it is proved. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "pack/transfer.h"
#include "tools/identities.h"
#include "tools/interrupt.h"
#include "tools/plugins.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/prompt.h"
#include "tools/verbs.h"

struct unpacking {
	struct cli *cli;
	const char *file;
	struct progress progress;
};

static enum err tell_progress(void *ctx, uint64_t read)
{
	struct unpacking *u = ctx;

	progress_set(&u->progress, read);
	return interrupt_seen() ? err_at(ERR_INTERRUPTED, "%s", "") : OK;
}

static enum err ask_passphrase(void *ctx, struct secret **ret)
{
	struct unpacking *u = ctx;
	CLEANUP(buf_clear) struct buf question = {0};
	struct prompt_notes notes;

	progress_pause(&u->progress);
	TRY(buf_printf(&question, _("Passphrase of \"%s\": "), u->file));
	return prompt_secret(u->cli, question.data, NULL, ret, &notes);
}

/* "300M", "2G" */
static enum err read_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	char *end = NULL;
	unsigned long long value = strtoull(text, &end, 10);
	const char *unit = end && *end ? strchr(units, *end) : NULL;

	if (end == text || text[0] == '-' || (*end && (!unit || end[1])) || value == 0 ||
	    value > UINT64_MAX >> 41)
		return cli_usage(_("\"%s\" is no size like 300M or 2G"), text);
	*ret = unit ? (uint64_t)value << (10 * (unit - units + 1)) : value;
	return OK;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void hint_sender(const struct unpacking *u, const struct pack_receipt_facts *f)
{
	if (!f->unpacked.is_signed) {
		cli_hint(u->cli, "%s",
			 _("nobody signed it: if you know by another route who made it, add "
			   "--any-sender"));
		return;
	}
	cli_hint(
		u->cli,
		_("it says that it is from \"%s\". Compare these words with them by telephone: %s"),
		f->unpacked.manifest.sender, f->words);
	cli_hint(u->cli, _("if they are the same: %s unpack \"%s\" --accept %s --as NAME"),
		 VAULT_NAME, u->file, f->words);
}

static enum err tell(const struct unpacking *u, const struct pack_receipt_facts *f,
		     const char *into)
{
	const struct unpacked *got = &f->unpacked;
	char size[32], id[2 * PACK_ID_LEN + 1] = "", sum[2 * SHA256_LEN + 1];

	out_size(got->bytes, size);
	text_hex(got->sha256, SHA256_LEN, sum);
	if (got->is_signed)
		text_hex(got->manifest.id, PACK_ID_LEN, id);
	if (f->known)
		out_say(u->cli,
			ngettext("%llu file from %s, %s, verified, is in \"%s\".",
				 "%llu files from %s, %s, verified, are in \"%s\".", got->files),
			(unsigned long long)got->files, f->sender.name, size, into);
	else
		out_say(u->cli,
			ngettext("%llu file, %s, is in \"%s\". Who sent it is not proved.",
				 "%llu files, %s, are in \"%s\". Who sent them is not proved.",
				 got->files),
			(unsigned long long)got->files, size, into);
	return out_json(u->cli, "result",
			json_pack("{s:o,s:s*,s:s,s:b,s:s*,s:I,s:I,s:I}", "into",
				  out_json_text(into), "pack", id[0] ? id : NULL, "sha256", sum,
				  "signed", (int)got->is_signed, "sender",
				  f->known ? f->sender.name : NULL, "files", (json_int_t)got->files,
				  "bytes", (json_int_t)got->bytes, "kept", (json_int_t)got->kept));
}

/* ---- doing it ------------------------------------------------------------------------------- */

static const char *into_of(const struct cli *cli)
{
	const char *into = cli_value(cli, OPT_DIRECTORY);

	return into ? into : ".";
}

static enum err paths_of(const struct cli *cli, const char ***ret, size_t *ret_count)
{
	size_t count = 0;
	const char **list;

	while (cli_value_at(cli, OPT_ONLY, count))
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		list[i] = cli_value_at(cli, OPT_ONLY, i);
	*ret = list;
	*ret_count = count;
	return OK;
}

/* What was released stays, whatever becomes of its receipt. */
static enum err write_receipt(const struct unpacking *u, const struct pack_actor *actor,
			      const struct unpacked *unpacked)
{
	const char *path = cli_value(u->cli, OPT_RECEIPT);
	CLEANUP(buf_clear) struct buf text = {0};

	if (!path)
		return OK;
	TRY(pack_receipt_make(unpacked, actor->identity, actor->name, &text));
	return io_create_file(path, text.data, text.len, 0644);
}

static enum err unpack(struct unpacking *u, const struct pack_actor *actor, struct unpack_how *how,
		       const struct pack_trust *trust)
{
	CLEANUP(pack_receipt_facts_clear) struct pack_receipt_facts facts = {0};
	CLEANUP(identities_clear) struct identities ids = {0};
	struct age_who who = {.ask = ask_passphrase, .ask_ctx = u};
	struct age_plugin_host plugins;
	enum err err;

	plugins_host(u->cli, &plugins);
	TRY(identities_read(u->cli, &plugins, actor->identity, &ids));
	who.identities = ids.all;
	who.count = ids.all_count;
	who.unwrappers = ids.unwrappers;
	who.unwrapper_count = ids.unwrapper_count;
	how->also = ids.recipients;
	how->also_count = ids.own_count;
	how->stands_for = identities_stand_for;
	how->stands_ctx = &ids;
	how->who = &who;
	how->progress = tell_progress;
	how->ctx = u;
	err = pack_receive(actor, how, trust, &facts);
	progress_end(&u->progress);
	if (err == ERR_SENDER)
		hint_sender(u, &facts);
	if (err == ERR_EXISTS)
		cli_hint(u->cli, "%s",
			 _("unpack into another folder with -C DIR, or add --replace"));
	if (err == ERR_AGE_PAYLOAD)
		return err_at(ERR_AGE_PAYLOAD, "%s", u->file);
	TRY(err);
	TRY(write_receipt(u, actor, &facts.unpacked));
	return tell(u, &facts, how->into);
}

static enum err open_file(struct unpacking *u, int *ret)
{
	struct stat st;

	*ret = open(u->file, O_RDONLY | O_CLOEXEC);
	if (*ret < 0 || fstat(*ret, &st) < 0)
		return err_from_errno("%s", u->file);
	if (S_ISDIR(st.st_mode))
		return err_at(ERR_IS_DIR, "%s", u->file);
	progress_begin(&u->progress, u->cli, _("unpacking"), (uint64_t)st.st_size);
	return OK;
}

static enum err run(struct cli *cli)
{
	struct unpacking u = {.cli = cli, .file = cli_argument(cli, 0)};
	struct unpack_how how = {.into = into_of(cli), .replace = cli_has(cli, OPT_REPLACE)};
	struct pack_trust trust = {.words = cli_value(cli, OPT_ACCEPT),
				   .as_name = cli_value(cli, OPT_AS),
				   .anybody = cli_has(cli, OPT_ANY_SENDER)};
	CLEANUP(mem_freep) const char **only = NULL;
	CLEANUP(fd_closep) int fd = -1;
	struct vault_actor actor;

	if (trust.as_name && !trust.words)
		return cli_usage("%s", _("--as goes with --accept"));
	if (cli_value(cli, OPT_MAX_SIZE))
		TRY(read_size(cli_value(cli, OPT_MAX_SIZE), &how.max_bytes));
	TRY(open_file(&u, &fd));
	TRY(paths_of(cli, &only, &how.only_count));
	how.only = only;
	how.from = fd;
	TRY(cli_actor(cli, NULL, &actor));
	interrupt_watch();
	return unpack(&u,
		      &(struct pack_actor){actor.home, actor.identity, actor.name, actor.recorder},
		      &how, &trust);
}

const struct verb verb_unpack = {
	.name = "unpack",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "FILE [-C DIR] [--only PATH...] [--receipt FILE]",
	.summary = N_("open a pack once all of it is verified"),
	.about = N_("Nothing comes out before the last byte, every hash and the signature are "
		    "good. A sender "
		    "who is not known yet is refused with words to compare by telephone. Names and "
		    "links that lead out of the folder, devices and the like are refused."),
	.examples = {{"unpack r.tar.zst.age -C inbox", N_("into the folder \"inbox\"")},
		     {"unpack r.tar.zst.age --accept WORDS --as sato",
		      N_("the first pack of somebody, after the call")}},
	.options = OPT_BIT(OPT_IDENTITY) | OPT_BIT(OPT_DIRECTORY) | OPT_BIT(OPT_ONLY) |
		   OPT_BIT(OPT_REPLACE) | OPT_BIT(OPT_ACCEPT) | OPT_BIT(OPT_AS) |
		   OPT_BIT(OPT_ANY_SENDER) | OPT_BIT(OPT_MAX_SIZE) | OPT_BIT(OPT_RECEIPT) |
		   OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
