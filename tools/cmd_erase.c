/* vault erase: a medium that is not needed any more, with the certificate. */
#include <stdio.h>
#include <string.h>

#include "access/destroy.h"
#include "access/erase.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/certificate.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

struct erasing {
	struct officer o;
	struct medium medium; /* path NULL: it is not here */
	struct certificate c;
};

static void erasing_clear(struct erasing *e)
{
	medium_clear(&e->medium);
	certificate_clear(&e->c);
	officer_clear(&e->o);
}

/* The folder of the vault, if it is plugged in; that it is not stops nothing. */
static void find_here(struct erasing *e, const char *word)
{
	struct cli *cli = e->o.cli;
	size_t hints = cli->hints.len;

	if (medium_find(cli, word, &e->medium) != OK &&
	    (!e->c.label[0] || medium_find(cli, e->c.label, &e->medium) != OK))
		medium_clear(&e->medium);
	if (cli->hints.data) {
		cli->hints.len = hints;
		cli->hints.data[hints] = '\0';
	}
}

static enum err revoke(struct erasing *e)
{
	CLEANUP(draft_clear) struct draft draft = {0};
	const struct roster_medium *m;
	struct lending_event event;

	TRY(lending_medium(&e->o, e->c.number, &m));
	if (m->revoked.is)
		return OK;
	TRY(draft_add(&draft, "what", "medium"));
	TRY(draft_add(&draft, "id", m->number));
	TRY(draft_add(&draft, "reason", revoke_reason_name(REVOKE_ERASED)));
	lending_event(m, NULL, AUDIT_KEY_REVOKE, &event);
	return officer_state(&e->o, STATEMENT_REVOKE, &draft, &event.event, NULL);
}

static enum err check_shut(struct erasing *e)
{
	struct vault_actor actor;

	TRY(cli_actor(e->o.cli, NULL, &actor));
	return vault_is_shut(&actor, e->medium.path);
}

/* First the keys on all computers, which nothing brings back; then what stands on the medium. */
static enum err destroy(struct erasing *e)
{
	struct destroyed destroyed = {0};

	TRY(revoke(e));
	TRY(vault_destroy_revoked(e->o.home, e->o.roster, e->o.recorder, &destroyed));
	if (!e->medium.path)
		return OK;
	TRY(vault_overwrite(e->medium.path));
	e->c.overwritten = true;
	TRY(check_shut(e));
	e->c.verified = true;
	return OK;
}

static enum err state_erased(struct erasing *e)
{
	CLEANUP(draft_clear) struct draft draft = {0};
	const struct roster_medium *m;
	struct lending_event event;

	TRY(lending_medium(&e->o, e->c.number, &m));
	TRY(certificate_draft(&e->c, &draft));
	lending_event(m, NULL, AUDIT_ERASE, &event);
	TRY(officer_state(&e->o, STATEMENT_ERASE, &draft, &event.event, NULL));
	TRY(lending_medium(&e->o, e->c.number, &m));
	return certificate_pending(&e->o, m, &e->c);
}

static enum err write_certificate(struct erasing *e, const char *path)
{
	CLEANUP(buf_clear) struct buf text = {0};

	if (!path)
		return OK;
	TRY(certificate_print(&e->o, &e->c, &text));
	TRY(io_create_file(path, text.data, text.len, 0600));
	out_say(e->o.cli, _("The certificate is in %s."), path);
	return OK;
}

static enum err tell(struct erasing *e)
{
	out_say(e->o.cli, _("%s: %s is erased."), e->c.id, e->c.number);
	if (!e->c.separated)
		out_warn(e->o.cli, "%s",
			 _("It was made without a device secret: a copy of it still opens with a "
			   "staff "
			   "key. Destroy the medium itself."));
	if (!e->medium.path)
		out_talk(e->o.cli, "%s",
			 _("The medium is not plugged in: nothing on it was overwritten."));
	if (e->c.pending.len)
		out_talk(e->o.cli, _("Not confirmed yet by: %s. It is when they sync."),
			 e->c.pending.data);
	return out_json(e->o.cli, "result",
			json_pack("{s:s,s:s,s:b,s:b,s:b,s:s}", "erase", e->c.id, "number",
				  e->c.number, "overwritten", (int)e->c.overwritten, "verified",
				  (int)e->c.verified, "separated", (int)e->c.separated, "pending",
				  e->c.pending.len ? e->c.pending.data : ""));
}

static enum err begin(struct erasing *e, struct cli *cli)
{
	const struct roster_medium *m;

	TRY(officer_begin(cli, AUDIT_ERASE, &e->o));
	TRY(lending_medium(&e->o, cli_argument(cli, 0), &m));
	certificate_begin(&e->o, m, cli_value(cli, OPT_LEND_REASON), &e->c);
	find_here(e, cli_argument(cli, 0));
	if (e->medium.path && e->c.volume_hex[0] && e->medium.volume_id[0] &&
	    strcmp(e->medium.volume_id, e->c.volume_hex) != 0)
		return err_at(ERR_INVALID, _("%s: another vault than the one on the register"),
			      e->medium.path);
	return cli_confirm(
		cli, m->label[0] ? m->label : m->number,
		_("Everything on this medium becomes unreadable for everybody, for good."));
}

static enum err run(struct cli *cli)
{
	CLEANUP(erasing_clear) struct erasing e = {0};
	const char *path = cli_value(cli, OPT_REPORT_OUTPUT);
	enum err err;

	TRY(begin(&e, cli));
	err = destroy(&e);
	if (err == ERR_VAULT_BUSY)
		sessions_hint_busy(cli, e.medium.path);
	TRY(err);
	TRY(state_erased(&e));
	TRY(write_certificate(&e, path));
	return tell(&e);
}

const struct verb verb_erase = {
	.name = "erase",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "MEDIUM [-o CERTIFICATE]",
	.summary = N_("make a medium unreadable for good, with a certificate"),
	.about = N_(
		"Its device secret is destroyed here and, at their next sync, on every computer; "
		"the keys on the medium are overwritten when it is plugged in, and that it cannot "
		"be opened is tried. The number is not used again."),
	.examples = {{"erase U-012 -o erased.md --reason \"job done\"", N_("after its return")}},
	.options = OPT_BIT(OPT_REPORT_OUTPUT) | OPT_BIT(OPT_LEND_REASON) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
