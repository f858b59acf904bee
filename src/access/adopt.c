/* Going on from a state that does not follow from the one known: a backup that was put back, or one of
 * two copies that were both used. From here on it is the right one; what is known is given up.
 *
 * Order: the host's record of both states, the line in the volume's log and the state that has it, the
 * statement in the register, the state that names the adopted one and carries the statement, what this
 * host remembers. A crash before the last of these leaves a medium that is refused as before, or one
 * that the statement covers; in each case the same command may be given again. */
#include <inttypes.h>
#include <string.h>
#include "access/enforce.h"
#include "base/clock.h"
#include "base/text.h"
#include "org/draft.h"
#include "org/rules.h"
#include "store/folder_disk.h"

/* What is given up: the newer of what this host saw and what others reported. False: nothing is known. */
static enum err what_is_known(const struct vault *v, struct seen *ret, bool *ret_known)
{
	enum err err = seen_load(v->actor.home, v->facts.volume_id, ret);

	*ret_known = err == OK;
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	err_clear();
	if (!v->has_medium || v->medium.generation <= ret->generation)
		return OK;
	ret->generation = v->medium.generation;
	ret->epoch = MAX(ret->epoch, v->medium.epoch);
	memcpy(ret->super_sha256, v->medium.super_sha256, SHA256_LEN);
	*ret_known = true;
	return OK;
}

/* ---- records ---- */

static enum err record_head(struct vault *v, enum audit_code code, uint64_t generation,
			    const uint8_t super_sha256[SHA256_LEN])
{
	char hex[2 * SHA256_LEN + 1];
	struct audit_event event;

	text_hex(super_sha256, SHA256_LEN, hex);
	vault_event(v, code, &event);
	event.mode = NULL;
	event.generation = generation;
	event.super_sha256 = hex;
	return leave_record(&v->actor, &event);
}

/* Both heads: the one given up, and the one that is gone on from. */
static enum err record_both(struct vault *v, const struct seen *over)
{
	if (over)
		TRY(record_head(v, AUDIT_ROLLBACK, over->generation, over->super_sha256));
	return record_head(v, AUDIT_ADOPT, v->facts.store.generation, v->opened_sha256);
}

/* ---- the register ---- */

static enum err ask_rules(struct vault *v, const struct org_register *mine)
{
	CLEANUP(roster_freep) struct roster *roster = NULL;
	struct rules_ask ask = { .now = clock_wall().tv_sec,
				 .synced = register_synced(v->actor.home),
				 .volume_id = v->key.volume_id,
				 .separated = v->key.separated };
	struct age_recipient me;

	TRY(roster_make(mine, &roster));
	TRY(home_host_id(v->actor.home, &ask.host_id));
	age_identity_recipient(v->actor.identity, &me);
	ask.who = &me;
	TRY(rules_not_revoked(roster, &ask));
	return rules_officer(roster, &ask);
}

static enum err may_adopt(struct vault *v)
{
	CLEANUP(register_freep) struct org_register *mine = NULL;

	if (v->facts.read_only)
		return err_at(ERR_READ_ONLY, "%s", v->facts.path);
	TRY(register_open(v->actor.home, &mine));
	return register_is_empty(mine) ? OK : ask_rules(v, mine);
}

static enum err draft_of(struct vault *v, const struct store_info *info, struct draft *ret)
{
	TRY(draft_add_hex(ret, "volume", v->key.volume_id, STORE_ID_LEN));
	TRY(draft_addf(ret, "epoch", "%" PRIu32, v->key.epoch));
	TRY(draft_addf(ret, "generation", "%" PRIu64, info->generation));
	return draft_add_hex(ret, "superblock", info->super_sha256, SHA256_LEN);
}

static enum err state_it(struct vault *v, struct org_register *mine, struct vault_adopted *ret)
{
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;
	CLEANUP(draft_clear) struct draft draft = { 0 };
	CLEANUP(roster_freep) struct roster *roster = NULL;
	const struct statement *statement;
	struct store_info info;

	store_info(v->store, &info);
	TRY(draft_of(v, &info, &draft));
	TRY(staff_sign_key(v->actor.identity, &signer));
	TRY(register_write(mine, STATEMENT_ADOPT, draft.fields, draft.count, signer, &statement));
	TRY(roster_make(mine, &roster));
	ret->stated = true;
	ret->pending = !roster_counts(roster, statement);
	return OK;
}

static enum err tell_others(struct vault *v, struct vault_adopted *ret)
{
	CLEANUP(register_freep) struct org_register *mine = NULL;

	TRY(register_open(v->actor.home, &mine));
	return register_is_empty(mine) ? OK : state_it(v, mine, ret);
}

/* ---- all of it ---- */

/* A key from before the newest one known may be in hands that were let out since: it ends here. */
static enum err renew_key(struct vault *v, const struct seen *over)
{
	CLEANUP(enforce_leavers_clear) struct enforce_leavers leavers = { 0 };
	struct vault_rekey how = { .above = over ? over->epoch : 0 };
	struct vault_rekeyed got;

	TRY(enforce_leavers(v, NULL, 0, &leavers));
	if (leavers.why == OK && v->key.epoch >= how.above)
		return OK;
	how.without = leavers.list;
	how.without_count = leavers.count;
	how.after = leavers.after;
	TRY(record_deed(v, AUDIT_REKEY, OK));
	return vault_change_key(v, &how, &got);
}

static enum err take_up(struct vault *v, const struct seen *over)
{
	TRY(vault_line_adopt(v, over));
	TRY(vault_settle(v));
	TRY(renew_key(v, over));
	return vault_commit(v, true);
}

static enum err adopt(struct vault *v, struct vault_adopted *ret)
{
	struct seen over = { 0 };
	bool known;

	TRY(may_adopt(v));
	TRY(what_is_known(v, &over, &known));
	TRY(record_unclean(v));
	TRY(record_both(v, known ? &over : NULL));
	TRY(take_up(v, known ? &over : NULL));
	TRY(tell_others(v, ret));
	TRY(vault_line_adopted(v));
	TRY(carry_out(v));
	TRY(vault_commit(v, true));
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

enum err vault_adopt(const struct vault_actor *actor, const char *path, struct vault_adopted *ret)
{
	CLEANUP(vault_clear) struct vault v = { .adopting = true };
	enum err err = enforce_before(actor, &v);

	memset(ret, 0, sizeof(*ret));
	if (err == OK)
		err = vault_unlock(actor, path, false, &v);
	text_copy(ret->label, sizeof(ret->label), v.facts.label);
	ret->found = v.facts.store.generation;
	if (err == OK)
		err = adopt(&v, ret);
	if (err != OK && err != ERR_LOG_WRITE)
		(void)!record_deed(&v, AUDIT_ADOPT, err);
	return err;
}
