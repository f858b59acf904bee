/* A volume on a simulated disk: the keys, the opening and the ways it ends. */
#pragma once
#include "tests/store/sim_disk.h"
#include "volume/volume.h"

struct stick {
	struct sim *sim; /* borrowed */
	struct disk *disk;
	struct store *store;
	struct volume *volume;
	struct store_report report;
};

void stick_init(void); /* once: crypto and the keys, always the same */
void stick_done(void);
/* A fresh volume with records of 1 << shift bytes (0: as the program chooses). */
MUST_CHECK enum err stick_format(struct sim *sim, unsigned shift);
/* On failure nothing is open. */
MUST_CHECK enum err stick_open(struct stick *s, struct sim *sim, bool read_only);
MUST_CHECK enum err stick_close(struct stick *s); /* in good order */
void stick_kill(struct stick *s);		  /* nothing more is written */
uint64_t stick_generation(const struct stick *s);
