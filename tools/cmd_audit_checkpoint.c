/* vault audit checkpoint: a few lines that say what the logs are now, to be kept on paper. Whoever
 * keeps them can prove later that nothing before was changed or cut. */
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "access/log_finder.h"
#include "audit/checkpoint.h"
#include "base/io.h"
#include "base/qr.h"
#include "tools/cli.h"
#include "tools/output.h"
#include "tools/verbs.h"

#define LOG_MAX (1u << 30)
#define QR_MAX 8u /* more of them than that nobody stamps */

static enum err read_checkpoint(const struct log_file *f, struct checkpoint *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	const char *at, *end, *stop;
	struct merkle tree = {0};
	uint8_t leaf[SHA256_LEN];

	TRY(io_read_file(f->path, LOG_MAX, &text));
	at = text.data ? text.data : "";
	end = at + text.len;
	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
		merkle_leaf(at, (size_t)(stop - at), leaf);
		merkle_add(&tree, leaf);
	}
	checkpoint_make(ret, f->kind == LOG_HOST ? ORIGIN_HOST : ORIGIN_VOLUME, f->id, &tree);
	return OK;
}

static enum err put_picture(const struct cli *cli, const char *note)
{
	CLEANUP(qr_freep) struct qr *qr = NULL;
	CLEANUP(buf_clear) struct buf picture = {0};

	if (cli->json || cli->quiet)
		return OK;
	TRY(qr_make(note, strlen(note), &qr));
	TRY(qr_put_text(qr, strcmp(nl_langinfo(CODESET), "UTF-8") == 0, &picture));
	out_line(cli, "%s", picture.data);
	return OK;
}

static enum err put_note(const struct cli *cli, const char *note, size_t len, bool picture)
{
	struct checkpoint c;

	TRY(checkpoint_parse(note, len, &c));
	out_line(cli, "%s", note);
	if (picture)
		TRY(put_picture(cli, note));
	return out_json(cli, "checkpoint",
			json_pack("{s:s,s:I,s:s}", "log", strrchr(c.origin, '/') + 1, "lines",
				  (json_int_t)c.size, "note", note));
}

/* The log of this computer, signed. */
static enum err own(struct cli *cli)
{
	CLEANUP(buf_clear) struct buf note = {0};
	const struct recorder *recorder;

	TRY(cli_recorder(cli, &recorder));
	TRY(recorder->head(recorder->ctx, &note));
	return put_note(cli, note.data, note.len, true);
}

/* Copies: what they are, which needs no key and so has no signature. */
static enum err copies(struct cli *cli, struct log_files *files)
{
	for (size_t i = 0; i < cli_argument_count(cli); i++)
		TRY(log_files_find(files, cli_argument(cli, i)));
	log_files_sort(files);
	for (size_t i = 0; i < files->count; i++) {
		CLEANUP(buf_clear) struct buf note = {0};
		const struct log_file *f = &files->files[i];
		struct checkpoint c;

		/* The longest copy stands first. */
		if (strcmp(f->id, "?") == 0 || (i > 0 && strcmp(f->id, f[-1].id) == 0))
			continue;
		TRY(read_checkpoint(f, &c));
		TRY(checkpoint_print(&c, &note));
		TRY(put_note(cli, note.data, note.len, files->count <= QR_MAX));
	}
	return files->count ? OK : err_at(ERR_NOT_FOUND, "%s", cli_argument(cli, 0));
}

static enum err run(struct cli *cli)
{
	struct log_files files = {0};
	enum err err = cli_argument_count(cli) > 0 ? copies(cli, &files) : own(cli);

	log_files_clear(&files);
	if (err == OK)
		out_talk(cli, "%s",
			 _("Print it or write it down, with date and stamp, and keep it apart from "
			   "the "
			   "computers. \"vault audit verify --checkpoint FILE\" asks for it "
			   "later."));
	return err;
}

const struct verb verb_audit_checkpoint = {
	.name = "audit checkpoint",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[DIR]...",
	.summary = N_("a few lines and a QR code to keep on paper: what the logs are today"),
	.about = N_(
		"Whoever has them can prove later that nothing before that day was changed, cut or "
		"written anew. Without DIR it is this computer's log, signed by its key."),
	.examples = {{"audit checkpoint > april.txt",
		      N_("this computer, to be printed and stamped")},
		     {"audit checkpoint copies", N_("all logs of which there are copies there")}},
	.max = 10000,
};
