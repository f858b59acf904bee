/* Logs in the exchange folder: this host's goes there, with its copies of volumes' logs, so that
 * whoever audits finds them and so that a log which is cut here is missing nothing there. Logs of
 * other hosts must go on from what this host saw of them; how far they are now goes into a
 * `witness` record, so that hosts vouch for each other. Nothing in the folder is trusted. Needs no
 * staff key. Private to access; docs/FORMAT.md, "Exchange folder". */
#pragma once
#include "access/sync_folder.h"
#include "audit/log.h"

#define SYNC_WITNESSED                                                                             \
	32u /* logs an exchange looks at: those that were not for the longest time                 \
	     */

struct sync_logs {
	struct home *home;
	const struct sync_folder *folder;
	const struct recorder *recorder;
	const char *actor; /* may be NULL */
	/* What is not as it should be: ERR_LOG_GAP, ERR_LOG_TAMPERED with the name of the log; it
	 * ends nothing. */
	enum err (*fault)(void *ctx, enum err what, const char *name);
	void *ctx;
	size_t witnessed; /* result: logs of other hosts that went on */
};
MUST_CHECK enum err sync_logs_exchange(struct sync_logs *s);
