/* Copies trees from one side to the other. What cannot be copied is told, counted and passed over;
 * what makes going on useless (a full disk, a medium that left, Ctrl-C) ends the work. */
#pragma once
#include "tools/progress.h"
#include "tools/side.h"

struct copy {
	struct cli *cli;
	struct side *from, *to; /* borrowed */
	bool recursive;
	uint64_t files, bytes; /* copied */
	uint64_t failed;
	enum err worst; /* of what failed */
	struct progress progress;
	uint8_t *buffer; /* owned */
	void *links;	 /* owned: where each file with several names went */
};
MUST_CHECK enum err copy_init(struct copy *c, struct cli *cli, struct side *from, struct side *to,
			      bool recursive);
void copy_clear(struct copy *c);
/* Adds the size of what is below `path` to the progress' total. */
void copy_measure(struct copy *c, const char *path);
/* The thing called `from` becomes the thing called `to`. What fails below it is passed over; that
 * it fails itself is told by copy_one's result, and passed over too by copy_item. */
MUST_CHECK enum err copy_one(struct copy *c, const char *from, const char *to);
MUST_CHECK enum err copy_item(struct copy *c, const char *from, const char *to);
