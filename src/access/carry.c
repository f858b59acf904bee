/* The register on its way from host to host: each vault of a society carries the statements that the
 * hosts which opened it had. FORMAT.md 9.8.
 *
 * What comes in may come from anybody who could write to the vault, so only what a register takes from
 * anywhere is taken: signed statements of the society that this host belongs to. Nothing that is wrong
 * with a note keeps a vault closed: it is told and recorded. A host without a society joins none. */
#include <string.h>
#include "access/internal.h"

static bool is_as_printed(const struct org_register *mine, const struct buf *note)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	return register_print(mine, &text) == OK && text.len == note->len &&
	       mem_equal(text.data, note->data, text.len);
}

static enum err take_note(struct vault *v, struct org_register *mine)
{
	CLEANUP(register_freep) struct org_register *theirs = NULL;
	CLEANUP(buf_clear) struct buf note = { 0 };

	TRY(note_get(v->store, NOTE_REGISTER, &note));
	if (is_as_printed(mine, &note)) {
		v->carried.statements = register_count(mine);
		return OK;
	}
	TRY(register_read(note.data, note.len, &theirs));
	if (register_is_empty(theirs) ||
	    !mem_equal(register_org(mine), register_org(theirs), ORG_ID_LEN))
		return err_at(ERR_SENDER, "the register in the vault is of another society");
	TRY(register_merge(mine, theirs, &v->carried.news));
	v->carried.statements = register_count(theirs);
	return OK;
}

/* Told by visit_tell_facts; the record may fail, as then the vault stays closed anyway. */
static void tell(struct vault *v)
{
	enum err why = v->carried.why;

	v->facts.register_in_vault = why;
	if (why != OK || v->carried.news > 0)
		(void)!record_deed(v, AUDIT_SYNC, why);
	err_clear();
}

static enum err note_medium(struct vault *v, const uint8_t volume_id[VOLUME_ID_LEN],
			    const struct org_register *mine)
{
	CLEANUP(roster_freep) struct roster *roster = NULL;
	const struct roster_medium *medium;

	TRY(roster_make(mine, &roster));
	medium = roster_medium(roster, volume_id);
	v->has_medium = medium != NULL;
	if (medium)
		v->medium = *medium;
	return OK;
}

enum err carry_known(struct vault *v, const uint8_t volume_id[VOLUME_ID_LEN], uint64_t *generation)
{
	CLEANUP(register_freep) struct org_register *mine = NULL;

	TRY(register_open(v->actor.home, &mine));
	TRY(note_medium(v, volume_id, mine));
	if (v->has_medium)
		*generation = MAX(*generation, v->medium.generation);
	return OK;
}

/* A register of this host that cannot be read is told by who asks the rules. */
enum err carry_in(struct vault *v)
{
	CLEANUP(register_freep) struct org_register *mine = NULL;

	if (v->carried.asked)
		return OK;
	v->carried.asked = true;
	if (register_open(v->actor.home, &mine) != OK || register_is_empty(mine)) {
		err_clear();
		return OK;
	}
	v->carried.has_society = true;
	v->carried.why = take_note(v, mine);
	v->carried.has_note = v->carried.why != ERR_NOT_FOUND;
	if (!v->carried.has_note)
		v->carried.why = OK;
	tell(v);
	return note_medium(v, v->key.volume_id, mine);
}

/* One that is damaged is made good. One of another society, or with statements that this version does
 * not know, stays as it is; and a vault that is on nobody's register gets none, since whoever it is for
 * need not know who is on the staff. */
static bool may_replace(const struct vault *v)
{
	if (!v->carried.has_society || v->facts.read_only)
		return false;
	if (v->carried.why == ERR_SENDER || v->carried.why == ERR_NEWER_FORMAT)
		return false;
	return v->carried.has_note || v->has_medium;
}

static enum err print_mine(struct vault *v, struct buf *ret)
{
	CLEANUP(register_freep) struct org_register *mine = NULL;

	TRY(register_open(v->actor.home, &mine));
	if (register_count(mine) <= v->carried.statements)
		return OK;
	v->carried.statements = register_count(mine);
	return register_print(mine, ret);
}

static enum err put_note(struct vault *v)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	TRY(print_mine(v, &text));
	if (text.len == 0)
		return OK;
	return v->volume ? volume_note_put(v->volume, NOTE_REGISTER, text.data, text.len)
			 : note_put(v->store, NOTE_REGISTER, text.data, text.len);
}

/* Where there is no room for it, it stays as it is. */
enum err carry_out(struct vault *v)
{
	if (may_replace(v) && put_note(v) != OK)
		err_clear();
	return OK;
}
