/* What a salvage brought out, kept in memory, and what a volume held, for comparing the two. */
#pragma once
#include "tests/volume/fixture.h"
#include "volume/salvage.h"

struct brought {
	char *path;
	struct volume_attr attr;
	uint8_t *data; /* content, or a link's target */
	size_t len;
	char xattrs[256]; /* "name=sum;" for each */
};

struct told {
	struct salvage_flaw flaw; /* path is owned */
};

struct outcome {
	struct brought *at;
	size_t count, cap;
	struct told *flaws;
	size_t flaw_count, flaw_cap;
	struct brought file; /* begun */
	struct salvage_facts facts;
	struct salvage_result result;
	char label[65];
};

/* Salvages the image under the fixture's keys; nothing may be written to it. */
void outcome_of(struct fixture *f, struct sim *image, struct outcome *ret);
/* The same of any disk; `ret` is to be cleared in any case. */
enum err outcome_try(struct fixture *f, struct disk *disk, struct outcome *ret);
void outcome_clear(struct outcome *o);
const struct brought *outcome_find(const struct outcome *o, const char *path);
/* The first flaw told of this very path; NULL for none. */
const struct salvage_flaw *outcome_flaw(const struct outcome *o, const char *path);
bool outcome_tells(const struct outcome *o, const char *path, enum salvage_flaw_kind kind);

/* ---- what was there ---- */
struct use { /* blocks that an object needs */
	uint64_t ino, addr;
	unsigned blocks;
	uint8_t kind;	/* of an item in it */
	uint64_t place; /* offset of that item's key */
};
struct held { /* one name */
	struct brought what;
	uint64_t folder, place; /* where its entry is */
};
struct inventory {
	struct held *at;
	size_t count, cap;
	struct use *uses;
	size_t use_count, use_cap;
	uint64_t nodes[4096]; /* addresses of inner nodes, the root first */
	size_t node_count;
	uint64_t leaves[4096];
	size_t leaf_count;
	unsigned depth;
};
/* Of the fixture's open volume, whose changes are all committed. */
void inventory_take(struct fixture *f, struct inventory *ret);
void inventory_clear(struct inventory *i);
