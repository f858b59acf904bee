/* The folder that a salvage fills, and the report beside it.
 *
 * A file gets its name when it is whole on the disk; before it stands in the folder as ".vault-"
 * and twelve digits. Paths come from the volume: they are walked name by name and no link is
 * followed, so nothing is ever written outside. Owners are given back only by root, set-id bits
 * never. One thread. */
#pragma once
#include "volume/salvage.h"

struct salvage_dir {
	int top;  /* the folder */
	int file; /* begun, under `passing`; -1: none */
	char passing[32];
	bool made;    /* the folder was not there before */
	char *path;   /* of the folder; owned */
	char *report; /* path of the report, FOLDER.salvage.txt; owned */
	int report_fd;
};

/* `path` must be empty, or not there: then it is made. `medium` is the vault's folder: nothing is
 * written into it, nor onto a stick that it is on. ERR_NOT_EMPTY, ERR_EXISTS (the report),
 * ERR_INVALID. */
MUST_CHECK enum err salvage_dir_open(const char *path, const char *medium, struct salvage_dir *ret);
/* Takes folder and report away again, as far as nothing came out. */
void salvage_dir_undo(struct salvage_dir *d);
void salvage_dir_clear(struct salvage_dir *d); /* a file that was begun is gone then */
/* What writes the files; a struct salvage_dir is its ctx. flaw and progress are left out. */
void salvage_dir_sink(struct salvage_sink *ret);
MUST_CHECK enum err salvage_dir_report(struct salvage_dir *d, const char *line);
MUST_CHECK enum err salvage_dir_sync(struct salvage_dir *d); /* everything is durable */
