/* Which KEY file is in force, and how another one takes its place: written to the other place, named by
 * a commit, copied over the old one. So at any moment the one in force stands whole in one place. */
#include <string.h>
#include "access/internal.h"

enum disk_area vault_other_key_area(const struct vault *v)
{
	return v->key_area == DISK_KEY0 ? DISK_KEY1 : DISK_KEY0;
}

enum err vault_commit(struct vault *v, bool clean)
{
	uint8_t user[STORE_USER_LEN];

	store_user(v->store, user);
	TRY(store_commit_seal(v->store, user, clean));
	return store_commit_flush(v->store);
}

/* A disk may lie about flushes; the store reckons with eight. This is one more. */
#define COMMITS 5u

static enum err commit_often(struct vault *v, bool clean)
{
	for (unsigned i = 1; i < COMMITS; i++)
		TRY(vault_commit(v, false));
	return vault_commit(v, clean);
}

static enum err copy_over_old(struct vault *v)
{
	v->keys_agree = false;
	TRY(keyfile_copy(v->disk, v->key_area, vault_other_key_area(v)));
	v->keys_agree = true;
	return OK;
}

enum err vault_take_key(struct vault *v, struct keyfile *next, struct secret **epoch_key)
{
	v->key_area = vault_other_key_area(v);
	keyfile_clear(&v->key);
	v->key = *next;
	memset(next, 0, sizeof(*next));
	if (epoch_key) {
		secret_free(v->epoch_key);
		v->epoch_key = TAKE(*epoch_key);
	}
	return copy_over_old(v);
}

/* The new file is on the medium before a state names it, and that state before the old file goes, also
 * on a disk that lied. */
enum err vault_put_key_in_force(struct vault *v, struct keyfile *next, bool clean)
{
	TRY(keyfile_prove(v->disk, vault_other_key_area(v), next, v->epoch_key));
	TRY(commit_often(v, false));
	store_set_keyfile(v->store, next->sha256);
	TRY(commit_often(v, clean));
	return vault_take_key(v, next, NULL);
}

enum err vault_commit_pending(struct vault *v)
{
	return store_is_dirty(v->store) ? vault_commit(v, false) : OK;
}

enum err vault_settle(struct vault *v)
{
	if (v->facts.read_only)
		return OK;
	TRY(vault_line_open(v));
	if (v->facts.store.unsettled) {
		TRY(vault_commit_pending(v));
		TRY(store_settle(v->store));
	}
	v->facts.store.unsettled = false;
	if (v->keys_agree)
		return OK;
	store_set_keyfile(v->store, v->key.sha256);
	TRY(commit_often(v, true));
	return copy_over_old(v);
}
