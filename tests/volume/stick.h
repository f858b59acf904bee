/* A volume on a simulated disk: the keys, the opening and the ways it ends.
 *
 * What stands in for a KEY file is a page that names its epoch and the oldest one whose key it carries;
 * the keys themselves follow from the epoch. It is read, written and replaced as FORMAT.md, "A new
 * epoch" and "KEY file", tell of the real ones. */
#pragma once
#include "tests/store/sim_disk.h"
#include "volume/volume.h"

/* What a KEY file says here. */
struct stick_key {
	uint64_t sequence;
	uint32_t epoch, oldest; /* it carries the keys of all epochs from `oldest` on */
};

struct stick {
	struct sim *sim; /* borrowed */
	struct disk *disk;
	struct store *store;
	struct volume *volume;
	struct store_report report;
	struct stick_key key;	 /* in force */
	enum disk_area key_area; /* where it is */
	bool keys_agree;	 /* both places hold it */
	uint64_t epoch_after;	 /* the last generation before this epoch, if it began here */
};

void stick_init(void); /* once: crypto and the keys, always the same */
void stick_done(void);
/* A fresh volume with records of 1 << shift bytes (0: as the program chooses). */
MUST_CHECK enum err stick_format(struct sim *sim, unsigned shift);
/* With every key that the medium names; for writing also ends what a crash cut short. On failure nothing
 * is open. */
MUST_CHECK enum err stick_open(struct stick *s, struct sim *sim, bool read_only);
MUST_CHECK enum err stick_close(struct stick *s); /* in good order */
void stick_kill(struct stick *s);		  /* nothing more is written */
uint64_t stick_generation(const struct stick *s);

/* ---- epochs ---- */
/* A new epoch. ERR_TOO_MANY_EPOCHS: nothing was done. */
MUST_CHECK enum err stick_rekey(struct stick *s);
/* At most so many steps of re-sealing, each of about so many blocks; *ret_more: they were not all. */
MUST_CHECK enum err stick_reseal(struct stick *s, unsigned steps, uint64_t blocks,
				 struct store_reseal *at, bool *ret_more);
/* Everything is re-sealed, and the older keys go. ERR_DAMAGED when something was left behind. */
MUST_CHECK enum err stick_end_older(struct stick *s);
MUST_CHECK enum err stick_purge(struct stick *s);

/* The KEY files that are on the medium: how many, the newest first. */
unsigned stick_keys(struct sim *sim, struct stick_key ret[2]);
/* What opening gives to who has only this KEY file and its keys: OK, or why not. Writes nothing. */
MUST_CHECK enum err stick_try(struct sim *sim, const struct stick_key *key);
/* The newest birth of any tree node on the medium, reachable or not, that the keys up to `epoch` open. */
uint64_t stick_newest_birth(struct sim *sim, uint32_t epoch);
/* Records that the open volume reaches, born after `generation` and sealed before `epoch`. */
uint64_t stick_records_before(struct stick *s, uint32_t epoch, uint64_t generation);
