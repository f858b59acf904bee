/* Free space made free of what was deleted. */
#include <string.h>
#include "access/enforce.h"
#include "base/text.h"
#include "store/folder_disk.h"

struct purging {
	void (*progress)(void *ctx, uint64_t done_blocks, uint64_t total_blocks);
	void *ctx;
};

static enum err overwrite(struct vault *v, const struct purging *p)
{
	TRY(vault_settle(v));
	TRY(vault_commit_pending(v));
	TRY(store_purge(v->store, p->progress, p->ctx));
	TRY(vault_commit(v, true));
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

static enum err purge(struct vault *v, const struct purging *p)
{
	if (v->facts.read_only)
		return err_at(ERR_READ_ONLY, "%s", v->facts.path);
	TRY(record_unclean(v));
	TRY(record_deed(v, AUDIT_PURGE, OK));
	return overwrite(v, p);
}

enum err vault_purge(const struct vault_actor *actor, const char *path,
		     void (*progress)(void *ctx, uint64_t done_blocks, uint64_t total_blocks),
		     void *ctx, char ret_label[VAULT_LABEL_MAX + 1])
{
	CLEANUP(vault_clear) struct vault v = { 0 };
	struct purging p = { progress, ctx };
	enum err err = vault_admit(actor, path, false, &v);

	text_copy(ret_label, VAULT_LABEL_MAX + 1, v.facts.label);
	if (err == OK)
		err = purge(&v, &p);
	if (err != OK && err != ERR_LOG_WRITE)
		(void)!record_deed(&v, AUDIT_PURGE, err);
	return err;
}
