/* The logs in copies of hosts' folders, in an exchange folder, or in an export: found by their
 * names, in any folder below. host.jsonl and h-0123456789abcdef.jsonl are logs of hosts,
 * VOLUME-ID.jsonl (32 digits) is a volume's. Links are not followed. Needs no key and trusts
 * nothing: what a file holds is not looked at, but for the host's id in the first line of
 * host.jsonl. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

enum log_kind { LOG_HOST, LOG_VOLUME };
struct log_file {
	enum log_kind kind;
	char id[40]; /* "h-0123456789abcdef" or 32 digits; "?" when the first line does not tell */
	char *path;  /* owned */
	off_t size;
};
struct log_files {
	struct log_file *files; /* owned */
	size_t count;
};
void log_files_clear(struct log_files *f); /* all-zero is welcome */
/* Adds what is in `path`, a folder or one such file. ERR_NOT_FOUND: it does not exist. */
MUST_CHECK enum err log_files_find(struct log_files *f, const char *path);
/* By kind, id, and the longest copy first. */
void log_files_sort(struct log_files *f);
/* Whether the file before it, once sorted, is a copy of the same log that is at least as long. */
bool log_files_is_shorter(const struct log_files *f, size_t i);
