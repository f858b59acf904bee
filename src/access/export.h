/* A folder for an auditor who has none of our programs: each log as it is (logs/ID.jsonl) and as a
 * tile log (tiles/ID/, C2SP tlog-tiles) with its newest checkpoint and the keys to it, and the keys
 * of the computers on the register (keys.txt). What else belongs there is put by the caller. Needs
 * no key. What a log holds is copied and not judged, so that one that was tampered with can be
 * handed over as it is. docs/FORMAT.md, "Export". One thread. */
#pragma once
#include <stdio.h>
#include "access/log_finder.h"
#include "org/roster.h"

struct export;
/* `dir` is made with mode 0700, or is there and empty; else ERR_NOT_EMPTY. */
MUST_CHECK enum err export_begin(const char *dir, struct export **ret);
void export_free(struct export *e); /* NULL is welcome */
DEFINE_FREEP(struct export, export_free)
/* A new file at `path` below the folder; folders on the way are made. The caller closes it with
 * export_close. */
MUST_CHECK enum err export_create(struct export *e, const char *path, mode_t mode, FILE **ret);
MUST_CHECK enum err export_close(FILE **file, const char *path);
/* Of each log the longest copy, and those that go on differently. `files` is sorted. */
MUST_CHECK enum err export_logs(struct export *e, const struct log_files *files);
MUST_CHECK enum err export_keys(struct export *e, const struct roster *roster);
/* All of it is on the disk when this returns. */
MUST_CHECK enum err export_end(struct export *e);

struct export_facts {
	size_t hosts, volumes;
	size_t unreadable; /* logs of hosts that do not tell whose they are */
	size_t different;  /* copies that go on differently than the longest one */
	uint64_t lines;
};
const struct export_facts *export_facts(const struct export *e);
