/* vault recovery print, restore, drill: the society's last key, on paper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/escrow.h"
#include "access/recovery.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/medium.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/recipients.h"
#include "tools/sheets.h"
#include "tools/verbs.h"
#include "tools/visit.h"

/* ---- print ----------------------------------------------------------------------------------- */

struct printing {
	struct officer o;
	unsigned needed, total;
	const char *path;	  /* NULL: to standard output */
	struct age_identity *key; /* owned */
	struct age_recipient pub;
	struct paper list[SHARES_MAX];
	size_t made, written; /* sheets in `list`; files */
};

static void printing_clear(struct printing *p)
{
	for (size_t i = 0; i < p->made; i++)
		paper_clear(&p->list[i]);
	age_identity_free(p->key);
	officer_clear(&p->o);
}

static enum err read_shares(struct cli *cli, struct printing *p)
{
	const char *text = cli_value(cli, OPT_SHARES);
	char rest;

	p->needed = p->total = 1;
	if (!text)
		return OK;
	if (strlen(text) > 7 || strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%u/%u%c", &p->needed, &p->total, &rest) != 2 || p->needed < 1 ||
	    p->needed > p->total || p->total > SHARES_MAX)
		return cli_usage(_("--shares: \"%s\" is not like 2/3: two of three sheets"), text);
	return OK;
}

static enum err read_wish(struct cli *cli, struct printing *p)
{
	TRY(read_shares(cli, p));
	p->path = cli_value(cli, OPT_SHEET_OUTPUT);
	if (!p->path == !cli_has(cli, OPT_SHOW))
		return cli_usage("%s", _("say where the sheet goes: either -o FILE or --show"));
	if (!p->path && cli->json)
		return cli_usage("%s", _("--show does not go with --json"));
	return OK;
}

/* "sheet.txt", or "sheet-2.txt" where there are several. */
static enum err sheet_path(const struct printing *p, size_t i, struct buf *ret)
{
	const char *name = strrchr(p->path, '/');
	const char *dot = strrchr(name ? name : p->path, '.');

	if (p->total == 1)
		return buf_puts(ret, p->path);
	if (!dot || dot == name + 1 || dot == p->path)
		return buf_printf(ret, "%s-%zu", p->path, i + 1);
	return buf_printf(ret, "%.*s-%zu%s", (int)(dot - p->path), p->path, i + 1, dot);
}

/* Letters of a text file have the widths that its reader gives them; a code needs a browser. */
static bool is_html(const char *path)
{
	const char *dot = path ? strrchr(path, '.') : NULL;

	return dot && (!strcmp(dot, ".html") || !strcmp(dot, ".htm"));
}

static enum err page_of(const struct printing *p, size_t i, struct secret **ret)
{
	char words[96], today[ROSTER_DAY];
	struct paper_words about = {p->o.roster->name, words, today};

	register_words(register_org(p->o.books), words);
	officer_today(today);
	return is_html(p->path) ? paper_page_html(&p->list[i], &about, &p->pub, ret)
				: paper_page(&p->list[i], &about, &p->pub, ret);
}

static enum err write_sheets(struct printing *p)
{
	for (size_t i = 0; i < p->made; i++) {
		CLEANUP(secret_freep) struct secret *page = NULL;
		CLEANUP(buf_clear) struct buf path = {0};

		TRY(sheet_path(p, i, &path));
		TRY(page_of(p, i, &page));
		TRY(io_create_file(path.data, secret_data(page), secret_len(page), 0600));
		p->written++;
	}
	return OK;
}

static enum err show_sheets(struct printing *p)
{
	for (size_t i = 0; i < p->made; i++) {
		CLEANUP(secret_freep) struct secret *page = NULL;

		TRY(page_of(p, i, &page));
		if (i > 0)
			putchar('\f');
		TRY(out_finish());
		TRY(io_write_full(STDOUT_FILENO, secret_data(page), secret_len(page)));
	}
	return OK;
}

/* Sheets of a key that the register does not name open nothing. */
static void take_back(struct printing *p)
{
	for (size_t i = 0; i < p->written; i++) {
		CLEANUP(buf_clear) struct buf path = {0};

		if (sheet_path(p, i, &path) == OK)
			(void)unlink(path.data);
	}
}

static enum err confirm_new(struct printing *p)
{
	if (!p->o.roster->has_recovery)
		return OK;
	return cli_confirm(p->o.cli, p->o.roster->name,
			   _("There is a recovery key already. With a new one, the old sheets open "
			     "nothing that is written from then on."));
}

static enum err make_key(struct printing *p)
{
	TRY(age_identity_new_random(&p->key));
	age_identity_recipient(p->key, &p->pub);
	TRY(paper_make(p->key, p->needed, p->total, p->list));
	p->made = p->total;
	return OK;
}

static enum err state_key(struct printing *p, const struct statement **ret)
{
	CLEANUP(draft_clear) struct draft d = {0};
	char fpr[STAFF_FPR_LEN];
	struct audit_event event = {.code = AUDIT_KEY_NEW, .counterparty = fpr};

	staff_fpr(&p->pub, fpr);
	TRY(draft_add_recipient(&d, "recipient", &p->pub));
	TRY(draft_addf(&d, "threshold", "%u", p->needed));
	TRY(draft_addf(&d, "shares", "%u", p->total));
	return officer_state(&p->o, STATEMENT_RECOVERY, &d, &event, ret);
}

/* Of all whose device secret the officer has here; others follow when they are opened. */
static enum err keep_copies(struct printing *p, size_t *ret_count)
{
	const struct roster *r = p->o.roster;

	for (size_t i = 0; i < r->medium_count; i++) {
		CLEANUP(device_clear) struct device d = {0};

		if (!r->media[i].has_volume || r->media[i].revoked.is ||
		    device_load(p->o.home, r->media[i].volume_id, p->o.cli->identity, &d) != OK)
			continue;
		TRY(escrow_keep(p->o.home, r, &d, p->o.cli->identity));
		(*ret_count)++;
	}
	err_clear();
	return OK;
}

static enum err tell_printed(struct printing *p, const struct statement *s, size_t copies)
{
	struct cli *cli = p->o.cli;
	char words[96], recipient[AGE_RECIPIENT_TEXT];

	staff_fpr_words(&p->pub, words);
	age_recipient_print(&p->pub, recipient);
	for (size_t i = 0; i < p->written; i++) {
		CLEANUP(buf_clear) struct buf path = {0};

		TRY(sheet_path(p, i, &path));
		out_say(cli, _("Sheet %zu of %u is in %s: print it, then delete the file."), i + 1,
			p->total, path.data);
	}
	out_talk(cli, _("The words of the recovery key: %s"), words);
	officer_tell_pending(&p->o, s);
	out_talk(cli, "%s",
		 _("Every vault takes this key in at its next opening for writing."));
	out_talk(cli, _("Try the sheets once before they go into the safe: %s recovery drill"),
		 VAULT_NAME);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:I,s:I,s:I,s:b}", "recipient", recipient, "words", words,
				  "needed", (json_int_t)p->needed, "sheets", (json_int_t)p->total,
				  "copies", (json_int_t)copies, "pending",
				  (int)!roster_counts(p->o.roster, s)));
}

static enum err run_print(struct cli *cli)
{
	CLEANUP(printing_clear) struct printing p = {.made = 0};
	const struct statement *s = NULL;
	size_t copies = 0;
	enum err err;

	TRY(read_wish(cli, &p));
	TRY(officer_begin(cli, AUDIT_KEY_NEW, &p.o));
	TRY(confirm_new(&p));
	TRY(make_key(&p));
	err = p.path ? write_sheets(&p) : show_sheets(&p);
	if (err == OK)
		err = state_key(&p, &s);
	if (err != OK) {
		take_back(&p);
		return err;
	}
	TRY(keep_copies(&p, &copies));
	return tell_printed(&p, s, copies);
}

const struct verb verb_recovery_print = {
	.name = "recovery print",
	.group = GROUP_OFFICER,
	.run = run_print,
	.words = "[--shares K/N] -o FILE",
	.summary = N_("make the society's recovery key, on paper"),
	.about = N_("With it every vault opens when no staff key is left. --shares 2/3 makes three sheets "
		    "of which any two suffice, for people who need each other: FILE-1, FILE-2, FILE-3. "
		    "The key is nowhere but on the paper: print the file and delete it. A FILE that ends in "
		    ".html has a QR code too, for a barcode reader at the restore. A new key replaces the "
		    "one before."),
	.examples = {{"recovery print -o sheet.txt", N_("one sheet")},
		     {"recovery print --shares 2/3 -o sheet.html",
		      N_("any two of three, with a QR code on each")}},
	.options = OPT_BIT(OPT_SHARES) | OPT_BIT(OPT_SHEET_OUTPUT) | OPT_BIT(OPT_SHOW) | OPT_BIT(OPT_KEY),
	.max = 0,
};

/* ---- restore --------------------------------------------------------------------------------- */

static enum err the_one(struct cli *cli, struct recipients *to)
{
	TRY(recipients_read(cli, to));
	if (to->count == 1)
		return OK;
	return cli_usage("%s", _("say who is to be let in: --to RECIPIENT"));
}

static enum err tell_restored(struct cli *cli, const struct vault_facts *facts, const char *label,
			      const struct age_recipient *to)
{
	char recipient[AGE_RECIPIENT_TEXT], volume[2 * VOLUME_ID_LEN + 1];
	const char *ticket = cli_value(cli, OPT_TICKET);

	age_recipient_print(to, recipient);
	text_hex(facts->volume_id, VOLUME_ID_LEN, volume);
	out_say(cli, _("%s opens for them now."), label);
	if (ticket)
		out_say(cli, _("Their ticket is %s. Send it by another way than the medium."), ticket);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s,s:s*}", "volume_id", volume, "label", label,
				  "recipient", recipient, "ticket", ticket));
}

static enum err run_restore(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	CLEANUP(recipients_clear) struct recipients to = {0};
	CLEANUP(age_identity_freep) struct age_identity *key = NULL;
	struct vault_facts facts = {.read_only = false};
	struct vault_actor actor;
	struct vault_recovery what = {.actor = &actor, .ticket_path = cli_value(cli, OPT_TICKET)};

	TRY(the_one(cli, &to));
	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(cli_actor(cli, &medium, &actor));
	TRY(sheets_read(cli, &key));
	what.key = key;
	what.path = medium.path;
	what.to = &to.list[0];
	TRY(vault_recover(&what, &facts));
	return tell_restored(cli, &facts, facts.label[0] ? facts.label : medium.label, what.to);
}

const struct verb verb_recovery_restore = {
	.name = "recovery restore",
	.group = GROUP_OFFICER,
	.run = run_restore,
	.words = "MEDIUM --to RECIPIENT",
	.summary = N_("let somebody into a vault with the recovery sheets"),
	.about = N_("Asks for your passphrase, then for the lines of the sheets; a line with a typing "
		    "error is asked for again. A barcode reader may type them from the QR code. Who is let "
		    "in has to be on the staff. If that is you, the device secret comes to this computer "
		    "as well; others need the ticket."),
	.examples = {{"recovery restore OSAKA-03 --to age1... --ticket t.age",
		      N_("somebody at another computer")},
		     {"recovery restore OSAKA-03 --to sato --sheet a.txt --sheet b.txt",
		      N_("sheets from files")}},
	.options = OPT_BIT(OPT_TO) | OPT_BIT(OPT_TICKET) | OPT_BIT(OPT_SHEET) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

/* ---- drill ----------------------------------------------------------------------------------- */

struct at_hand { /* a vault that is plugged in */
	uint8_t volume_id[VOLUME_ID_LEN];
	char label[VAULT_LABEL_MAX + 1];
	enum err err; /* of opening its KEY files; the volume is known unless that failed at once */
	bool told;
};

struct drill {
	struct officer o;
	struct vault_actor actor;
	struct age_identity *key; /* owned */
	struct at_hand *hands;	  /* owned */
	size_t hand_count;
	size_t good, bad;
	enum err worst;
};

static void drill_clear(struct drill *d)
{
	age_identity_free(d->key);
	free(d->hands);
	officer_clear(&d->o);
}

/* Of a vault that the key does not open, this computer may still know which one it is. */
static void remember_which(struct drill *d, const char *path, struct at_hand *at)
{
	static const uint8_t unknown[VOLUME_ID_LEN];
	CLEANUP(medium_clear) struct medium m = {0};

	if (memcmp(at->volume_id, unknown, sizeof(unknown)) == 0 &&
	    medium_find(d->o.cli, path, &m) == OK && m.volume_id[0] &&
	    text_unhex(m.volume_id, at->volume_id, VOLUME_ID_LEN) != OK)
		memset(at->volume_id, 0, VOLUME_ID_LEN);
}

static enum err try_plugged(void *ctx, const char *path, const char *label)
{
	struct drill *d = ctx;
	struct at_hand *more = realloc(d->hands, (d->hand_count + 1) * sizeof(*more)), *at;

	if (!more)
		return err_at(ERR_NOMEM, "media");
	d->hands = more;
	at = &more[d->hand_count++];
	*at = (struct at_hand){.err = OK};
	text_copy(at->label, sizeof(at->label), label);
	at->err = recovery_try_vault(&d->actor, path, d->key, at->volume_id);
	remember_which(d, path, at);
	return OK;
}

static struct at_hand *hand_of(struct drill *d, const uint8_t volume_id[VOLUME_ID_LEN])
{
	for (size_t i = 0; i < d->hand_count; i++)
		if (memcmp(d->hands[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			return &d->hands[i];
	return NULL;
}

static const char *copy_name(bool separated, enum err err)
{
	if (!separated)
		return "unneeded";
	return err == OK ? "opens" : err == ERR_NOT_FOUND ? "missing" : "bad";
}

static const char *hand_name(const struct at_hand *hand)
{
	if (!hand)
		return "absent";
	return hand->err == OK ? "opens" : hand->err == ERR_NO_KEY_FITS ? "unsealed" : "bad";
}

static const char *copy_words(enum err err)
{
	return err == ERR_NOT_FOUND ? _("NO COPY of its device secret is here")
				    : _("the copy of its device secret does not open");
}

static const char *hand_words(const struct at_hand *hand)
{
	if (!hand)
		return _("its copy opens; the medium is not here");
	if (hand->err == OK)
		return _("opens");
	if (hand->err == ERR_NO_KEY_FITS)
		return _("its copy opens, but the vault has not taken in the recovery key yet");
	return _("its KEY files do not open with it");
}

static enum err tell_medium(struct drill *d, const char *number, const char *label,
			    const uint8_t volume_id[VOLUME_ID_LEN], bool separated, enum err copy,
			    const struct at_hand *hand)
{
	char volume[2 * VOLUME_ID_LEN + 1];
	enum err err = copy != OK ? copy : hand ? hand->err : OK;

	text_hex(volume_id, VOLUME_ID_LEN, volume);
	d->good += err == OK;
	d->bad += err != OK;
	if (worse(d->worst, err) != d->worst)
		d->worst = err;
	out_line(d->o.cli, "%s %s: %s", number[0] ? number : "-", label,
		 copy != OK ? copy_words(copy) : hand_words(hand));
	return out_json(d->o.cli, "medium",
			json_pack("{s:s,s:s,s:s,s:s,s:s}", "number", number, "label", label,
				  "volume_id", volume, "copy", copy_name(separated, copy), "medium",
				  hand_name(hand)));
}

static enum err try_registered(struct drill *d)
{
	const struct roster *r = d->o.roster;

	for (size_t i = 0; i < r->medium_count; i++) {
		const struct roster_medium *m = &r->media[i];
		struct at_hand *hand = m->has_volume ? hand_of(d, m->volume_id) : NULL;
		enum err copy = OK;

		if (!m->has_volume || m->revoked.is)
			continue;
		if (m->separated)
			copy = recovery_try_escrow(d->o.home, m->volume_id, d->key);
		if (hand)
			hand->told = true;
		TRY(tell_medium(d, m->number, m->label, m->volume_id, m->separated, copy, hand));
	}
	return OK;
}

/* What is plugged in and no entry of the register is about. */
static enum err tell_others(struct drill *d)
{
	for (size_t i = 0; i < d->hand_count; i++) {
		struct at_hand *hand = &d->hands[i];
		const struct roster_medium *m = roster_medium(d->o.roster, hand->volume_id);

		if (!hand->told && !(m && m->revoked.is))
			TRY(tell_medium(d, "", hand->label, hand->volume_id, true, OK, hand));
	}
	return OK;
}

/* Old sheets prove nothing. */
static enum err is_the_key(const struct drill *d)
{
	struct age_recipient pub;

	age_identity_recipient(d->key, &pub);
	if (age_recipient_equal(&pub, &d->o.roster->recovery))
		return OK;
	return err_at(ERR_NO_KEY_FITS, "%s",
		      _("these sheets are of another key than the register names now"));
}

static enum err drill(struct drill *d)
{
	TRY(sheets_read(d->o.cli, &d->key));
	TRY(is_the_key(d));
	TRY(medium_each(d->o.cli, try_plugged, d));
	TRY(try_registered(d));
	TRY(tell_others(d));
	return d->worst == OK ? OK : err_at(d->worst, _("%zu of %zu media"), d->bad, d->good + d->bad);
}

static enum err begin_drill(struct cli *cli, struct drill *d)
{
	const struct staff_key_info *staff = NULL;

	TRY(officer_look(cli, &d->o));
	TRY(officer_need_society(&d->o));
	if (!d->o.roster->has_recovery) {
		cli_hint(cli, _("make one with \"%s recovery print\""), VAULT_NAME);
		return err_at(ERR_NOT_FOUND, "%s", _("the society has no recovery key"));
	}
	TRY(cli_staff(cli, &staff));
	TRY(cli_recorder(cli, &d->o.recorder));
	d->o.me = staff->recipient;
	d->actor = (struct vault_actor){.home = d->o.home, .name = staff->name,
					.recorder = d->o.recorder};
	return OK;
}

static enum err run_drill(struct cli *cli)
{
	CLEANUP(drill_clear) struct drill d = {.worst = OK};
	struct audit_event event = {.code = AUDIT_CHECK, .has_totals = true};
	enum err err;

	TRY(begin_drill(cli, &d));
	err = drill(&d);
	event.files = d.good;
	TRY(officer_record(&d.o, &event, err));
	out_say(cli, _("The sheets open all %zu media."), d.good);
	return out_json(cli, "result",
			json_pack("{s:I,s:I}", "media", (json_int_t)(d.good + d.bad), "opens",
				  (json_int_t)d.good));
}

const struct verb verb_recovery_drill = {
	.name = "recovery drill",
	.group = GROUP_OFFICER,
	.run = run_drill,
	.words = "",
	.summary = N_("prove that the recovery sheets still open everything"),
	.about = N_("For each registered medium: the copy of its device secret opens. For those plugged in: "
		    "the vault opens, too. Contents stay closed and nothing of the key is shown. Names the "
		    "media that could not be restored. Asks for the lines of the sheets, no passphrase."),
	.examples = {{"recovery drill", N_("once a year")},
		     {"recovery drill --sheet sheet.txt", N_("before the file is deleted")}},
	.options = OPT_BIT(OPT_SHEET) | OPT_BIT(OPT_KEY),
	.max = 0,
};
