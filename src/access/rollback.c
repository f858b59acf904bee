/* An older state, a fork, or what is known: what is found against what this host saw last, and against
 * what other hosts reported. FORMAT.md, "What follows from what". */
#include <string.h>
#include "access/lineage.h"
#include "base/text.h"

static enum err older(const struct vault *v, const struct seen *seen)
{
	if (v->facts.store.generation == seen->generation)
		return err_at(ERR_ROLLBACK, "state %llu is not the one seen before",
			      (unsigned long long)seen->generation);
	return err_at(ERR_ROLLBACK, "state %llu, but this computer has seen state %llu",
		      (unsigned long long)v->facts.store.generation,
		      (unsigned long long)seen->generation);
}

/* Newer, and yet not from what was seen: an older copy was used on beside it. Nobody writes on; reading
 * is allowed, so that what is in it can be compared. */
static enum err forked(struct vault *v, uint64_t known)
{
	if (!v->facts.read_only)
		return err_at(ERR_FORK, "state %llu does not follow from state %llu",
			      (unsigned long long)v->facts.store.generation,
			      (unsigned long long)known);
	v->facts.forked = true;
	return OK;
}

static enum err compare_seen(struct vault *v, const struct seen *seen, enum lineage lineage)
{
	/* A rekey has ended when it is remembered: no loss of a tail leads back behind it. */
	if (v->key.epoch < seen->epoch)
		return err_at(ERR_ROLLBACK, "epoch %u, but this computer has seen epoch %u",
			      v->key.epoch, seen->epoch);
	if (lineage == LINEAGE_FOLLOWS)
		return OK;
	if (v->facts.store.generation <= seen->generation)
		return older(v, seen);
	return lineage == LINEAGE_UNTOLD ? OK : forked(v, seen->generation);
}

/* ---- what an officer accepted ---- */

static enum err is_adopted(struct vault *v, bool *ret)
{
	struct seen accepted = { .generation = v->medium.adopted_generation, .clean = true };

	*ret = false;
	if (!v->has_medium || !v->medium.adopted || v->key.epoch < v->medium.adopted_epoch)
		return OK;
	memcpy(accepted.super_sha256, v->medium.adopted_super, SHA256_LEN);
	return lineage_has(v, &accepted, ret);
}

/* Once: what this host saw must not have that decision behind it already. */
static enum err was_adopted(struct vault *v, const struct seen *seen, bool *ret)
{
	const uint8_t none[SHA256_LEN] = { 0 };

	*ret = false;
	if (mem_equal(v->log.adopted_sha256, none, SHA256_LEN) ||
	    mem_equal(v->log.adopted_sha256, seen->log.adopted_sha256, SHA256_LEN))
		return OK;
	return is_adopted(v, ret);
}

/* ---- what other hosts reported ---- */

static enum err compare_reported(struct vault *v)
{
	const struct roster_medium *m = &v->medium;
	struct seen reported = { .generation = m->generation, .epoch = m->epoch, .clean = m->clean };
	bool has_session, adopted;
	enum lineage lineage;

	if (!v->has_medium || m->generation == 0)
		return OK;
	if (v->key.epoch < m->epoch)
		return err_at(ERR_ROLLBACK, "epoch %u, but another computer has seen epoch %u",
			      v->key.epoch, m->epoch);
	memcpy(reported.super_sha256, m->super_sha256, SHA256_LEN);
	memcpy(reported.session_id, m->session_id, STORE_ID_LEN);
	/* Who reported later may not have heard yet that another state was adopted. */
	TRY(is_adopted(v, &adopted));
	has_session = m->has_session && !adopted;
	TRY(lineage_judge_reported(v, &reported, has_session, &lineage));
	if (lineage != LINEAGE_BROKEN)
		return OK;
	if (v->facts.store.generation > m->generation)
		return forked(v, m->generation);
	return err_at(ERR_ROLLBACK, "state %llu, but another computer has seen state %llu",
		      (unsigned long long)v->facts.store.generation,
		      (unsigned long long)m->generation);
}

/* ---- all of it ---- */

static enum err compare(struct vault *v, const struct seen *seen)
{
	enum lineage lineage;
	char detail[512];
	bool adopted;
	enum err err;

	TRY(lineage_judge(v, seen, &lineage));
	err = compare_seen(v, seen, lineage);
	if (err == OK && !v->facts.forked)
		return OK;
	text_copy(detail, sizeof(detail), err_detail());
	TRY(was_adopted(v, seen, &adopted));
	if (!adopted)
		return err_at(err, "%s", detail);
	v->facts.forked = false;
	v->facts.adopted = true;
	err_clear();
	return OK;
}

enum err vault_check_rollback(struct vault *v)
{
	enum lineage nothing_seen;
	struct seen seen = { 0 };
	enum err err;

	if (v->adopting)
		return lineage_judge(v, NULL, &nothing_seen);
	err = seen_load(v->actor.home, v->facts.volume_id, &seen);
	v->facts.first_sight = err == ERR_NOT_FOUND;
	if (v->facts.first_sight)
		TRY(lineage_judge(v, NULL, &nothing_seen));
	else if (err == OK)
		err = compare(v, &seen);
	if (err != OK && !v->facts.first_sight)
		return err;
	return v->facts.adopted || v->facts.forked ? OK : compare_reported(v);
}
