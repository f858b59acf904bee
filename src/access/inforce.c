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

/* A clean end is written to both HEAD files by itself. */
enum err vault_commit_key(struct vault *v, const struct keyfile *k, bool clean)
{
	store_set_keyfile(v->store, k->sha256);
	TRY(vault_commit(v, clean));
	return clean ? OK : vault_commit(v, false);
}

enum err vault_take_key(struct vault *v, struct keyfile *next, struct secret **epoch_key)
{
	enum disk_area old = v->key_area;

	v->key_area = vault_other_key_area(v);
	keyfile_clear(&v->key);
	v->key = *next;
	memset(next, 0, sizeof(*next));
	if (epoch_key) {
		secret_free(v->epoch_key);
		v->epoch_key = TAKE(*epoch_key);
	}
	v->keys_agree = false;
	TRY(keyfile_copy(v->disk, v->key_area, old));
	v->keys_agree = true;
	return OK;
}

enum err vault_settle(struct vault *v)
{
	if (v->facts.read_only)
		return OK;
	if (v->facts.store.unsettled)
		TRY(store_settle(v->store));
	v->facts.store.unsettled = false;
	if (v->keys_agree)
		return OK;
	/* Both HEAD files name the one that stays before the other one goes. */
	TRY(vault_commit_key(v, &v->key, true));
	TRY(keyfile_copy(v->disk, v->key_area, vault_other_key_area(v)));
	v->keys_agree = true;
	return OK;
}
