/* What a walk over a damaged volume found out about its objects: their descriptions, their names,
 * how much of their content there is. Private to the salvage of a volume.
 *
 * Filled item by item in the order of keys, then settled once: which names count, which objects
 * were deleted, which content belongs together. Memory is by object and name, not by content. */
#pragma once
#include "volume/items.h"
#include "volume/salvage.h"

struct relic_name {
	uint64_t folder, ino;
	char *text;    /* owned */
	uint32_t type; /* S_IFMT bits */
	enum salvage_trust trust;
	bool dropped; /* settled: of an older state, and overruled */
};

struct relic {
	uint64_t ino;
	struct inode_item item; /* without has_inode: what can be guessed */
	bool has_inode, has_content, has_names;
	bool is_deleted;  /* settled: not brought back */
	bool is_complete; /* settled: content of at most `accept` is all there was */
	bool is_placed, is_placing;
	bool is_brought;	    /* its items came when content was brought out */
	enum salvage_trust trust;   /* of the description */
	enum salvage_trust accept;  /* settled: content that is less sure is passed over */
	uint64_t blocks[3];	    /* of content found, of 512 bytes, by its trust */
	size_t name_at, name_count; /* settled: its names, the surest first */
	char *path;		    /* of a folder that was made; owned */
};

struct relics {
	struct relic *at; /* in the order of numbers */
	size_t count, cap;
	struct relic_name *names;      /* settled: by inode */
	struct relic_name **by_folder; /* settled: by folder and text */
	size_t name_count, name_cap;
	uint64_t *orphans;
	size_t orphan_count, orphan_cap;
	struct salvage_range *lost;
	size_t lost_count;
	bool names_lost; /* settled: there may be names that nobody knows */
	char label[META_LABEL_MAX + 1];
};

void relics_clear(struct relics *r);
MUST_CHECK enum err relics_take(struct relics *r, const struct store_view *view,
				enum salvage_trust trust);
MUST_CHECK enum err relics_settle(struct relics *r, const struct salvage_range *lost,
				  size_t lost_count);
struct relic *relics_find(const struct relics *r, uint64_t ino); /* NULL: there is none */
bool relic_is_folder(const struct relic *r);
bool relic_is_lost(const struct relic *r); /* nothing that could be written is there */
bool relics_has_name(const struct relics *r, uint64_t folder, const char *text);
/* Something of this kind from offset `from` to before `to` of the object may be lost. */
bool relics_lost(const struct relics *r, uint64_t ino, uint8_t kind, uint64_t from, uint64_t to);
/* What an item of content counts in the description of its file, in blocks of 512 bytes. */
uint64_t relics_blocks(const struct store_view *view);
/* Settled: how many names count. */
size_t relics_names_left(const struct relics *r, const struct relic *relic);
/* Names in this folder may be lost. */
bool relics_folder_names_lost(const struct relics *r, const struct relic *relic);
