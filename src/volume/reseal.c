/* Re-sealing while the volume is in use, and moments of quiet in between. */
#include "volume/internal.h"

/* A leaf, and its share of the nodes above. */
#define STEP_CHANGES 2u

/* As every operation that changes something: a commit waits for its end. */
static enum err step_once(struct volume *v, uint64_t blocks, struct store_reseal *at, bool *ret_more)
{
	enum err err;

	TRY(volume_room(v, 0));
	pthread_rwlock_rdlock(&v->ops);
	err = store_reseal_step(v->store, blocks, at, ret_more);
	if (err == OK) {
		v->tree_changes += STEP_CHANGES;
		commits_note_change(v);
	}
	pthread_rwlock_unlock(&v->ops);
	return err;
}

enum err volume_reseal_step(struct volume *v, uint64_t blocks, struct store_reseal *at,
			    bool *ret_more)
{
	unsigned tries = 0;
	enum err err;

	do
		err = step_once(v, blocks, at, ret_more);
	while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_quiet(struct volume *v, enum err (*fn)(void *ctx), void *ctx)
{
	struct store_info info;
	enum err err;

	TRY(volume_writable(v));
	TRY(volume_hold_still(v));
	err = fn(ctx);
	store_info(v->store, &info);
	volume_note_error(v, info.frozen);
	volume_let_go(v);
	return err;
}
