/* vault receipt verify: the receiver's word that a pack came. */
#include <jansson.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "pack/transfer.h"
#include "tools/output.h"
#include "tools/verbs.h"

/* What this host recorded of the pack that a receipt speaks of. */
struct search {
	char id[2 * PACK_ID_LEN + 1], sum[2 * SHA256_LEN + 1], receiver[STAFF_FPR_LEN];
	bool sent, same, meant;
};

static const char *field(const json_t *record, const char *name)
{
	const char *value = json_string_value(json_object_get(record, name));

	return value ? value : "";
}

static enum err look(void *ctx, const char *text, size_t len, enum err fault)
{
	struct search *s = ctx;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (!strcmp(field(record, "event"), "pack") && !strcmp(field(record, "result"), "ok") &&
	    !strcmp(field(record, "pack"), s->id)) {
		s->sent = true;
		s->same = !strcmp(field(record, "pack_sha256"), s->sum);
		s->meant = !*field(record, "counterparty") ||
			   strstr(field(record, "counterparty"), s->receiver);
	}
	json_decref(record);
	return fault;
}

static enum err find_pack(struct cli *cli, const struct pack_receipt *r)
{
	const struct sign_key *key = NULL;
	struct search s = {.sent = false};
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	TRY(home_host_key(home, &key));
	text_hex(r->pack_id, PACK_ID_LEN, s.id);
	text_hex(r->pack_sha256, SHA256_LEN, s.sum);
	staff_fpr(&r->recipient, s.receiver);
	TRY(audit_log_read(home_log_path(home), sign_key_vkey(key), look, &s));
	if (!s.sent)
		return err_at(ERR_NOT_FOUND, _("no pack %s was sent from this computer"), s.id);
	if (!s.same)
		return err_at(ERR_FORGED, "%s",
			      _("the pack that came is not the one that was sent"));
	if (!s.meant)
		return err_at(ERR_SENDER, "%s", _("the pack was not sealed for who signed this"));
	return OK;
}

static enum err tell(struct cli *cli, const struct pack_receipt *r, const struct person *who)
{
	char when[32], id[2 * PACK_ID_LEN + 1];

	text_time((time_t)r->received, when);
	text_hex(r->pack_id, PACK_ID_LEN, id);
	out_say(cli,
		ngettext("%s received the pack %s at %s: %llu file.",
			 "%s received the pack %s at %s: %llu files.", r->files),
		who->name, id, when, (unsigned long long)r->files);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s,s:I,s:I}", "pack", id, "receiver", who->name,
				  "received", when, "files", (json_int_t)r->files, "bytes",
				  (json_int_t)r->bytes));
}

static enum err run(struct cli *cli)
{
	struct pack_trust trust = {.words = cli_value(cli, OPT_ACCEPT),
				   .as_name = cli_value(cli, OPT_AS)};
	CLEANUP(buf_clear) struct buf text = {0};
	struct pack_receipt receipt;
	struct vault_actor actor;
	struct person who;
	char words[96];
	enum err err;

	if (trust.as_name && !trust.words)
		return cli_usage("%s", _("--as goes with --accept"));
	TRY(io_read_file(cli_argument(cli, 0), RECEIPT_MAX, &text));
	TRY(pack_receipt_read(text.data ? text.data : "", text.len, &receipt));
	TRY(find_pack(cli, &receipt));
	TRY(cli_actor(cli, NULL, &actor));
	err = pack_take_receipt(
		&(struct pack_actor){actor.home, actor.identity, actor.name, actor.recorder},
		&receipt, &trust, &who, words);
	if (err == ERR_SENDER) {
		cli_hint(cli,
			 _("it says that it is from \"%s\". Compare these words with them by "
			   "telephone: %s"),
			 receipt.name, words);
		cli_hint(cli,
			 _("if they are the same: %s receipt verify \"%s\" --accept %s --as NAME"),
			 VAULT_NAME, cli_argument(cli, 0), words);
	}
	TRY(err);
	return tell(cli, &receipt, &who);
}

const struct verb verb_receipt_verify = {
	.name = "receipt verify",
	.group = GROUP_AROUND,
	.run = run,
	.words = "FILE",
	.summary = N_("check and record that a pack was received"),
	.about = N_("The receipt that \"unpack --receipt\" wrote names the pack, its hash and the "
		    "time, "
		    "signed by the receiver. It must fit a pack that was sent from this computer. "
		    "\"log --open-packs\" lists packs that none came back for."),
	.examples = {{"receipt verify r.receipt", N_("a receipt that came by mail")}},
	.options = OPT_BIT(OPT_ACCEPT) | OPT_BIT(OPT_AS) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
