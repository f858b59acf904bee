/* A workload: the same operations done to a volume on a simulated disk and to a plain model, and what
 * was committed when. Whatever the volume answers must be what the model answers, except for lack of
 * space. Whatever differs ends the trial (sim_gate_fail). */
#pragma once
#include "tests/store/sim_gate.h"
#include "tests/volume/model_fs.h"
#include "tests/volume/stick.h"

struct work_profile {
	unsigned shift;		/* of the record size */
	uint64_t disk_blocks;	/* what the medium gives */
	unsigned ops;
	unsigned sync_every;	/* about so many operations between syncs */
	size_t file_max;	/* bytes */
	unsigned names;		/* in each folder, about */
	bool reopens;		/* closed, killed and opened in between */
};

/* A state that was committed. */
struct mark {
	uint64_t first_gen, last_gen; /* generations that hold it */
	size_t start, acked;	      /* trace positions: its commit may have begun; had returned */
	/* A commit inside an operation that needed space took what was before it or after it. */
	char *listing[2];
	struct model *model[2];
};

struct work {
	struct work_profile profile;
	struct sim *sim;
	struct stick stick;
	struct model *model;
	struct mark *marks;
	size_t mark_count, mark_cap;
	uint64_t random;
	struct timespec now;
	uint64_t held[8]; /* inodes without a name that are held */
	unsigned held_count;
	uint64_t ops_done, no_space;
	char last[96]; /* operation, for messages */
};

/* A profile that follows from the seed: record sizes, disk sizes, names, how often it syncs. */
void work_profile_random(struct work_profile *p, uint64_t *random);

/* Formats `sim` and opens it; mark 0 is the empty volume. Tracing begins after some operations. */
void work_begin(struct work *w, struct sim *sim, const struct work_profile *profile, uint64_t seed);
/* Goes on with a volume as a crash left it, which is what `model` says; opens and traces it. */
void work_resume(struct work *w, struct sim *sim, const struct work_profile *profile, uint64_t seed,
		 const struct model *model);
void work_trace(struct work *w); /* what is committed now becomes mark 0 */
void work_step(struct work *w);	 /* one random operation, sync and reopening included */
void work_sync(struct work *w);
void work_reopen(struct work *w, bool kill);
/* Single operations of the bounded runs; n below work_op_count. */
unsigned work_op_count(void);
const char *work_op_name(unsigned n);
void work_op(struct work *w, unsigned n);
/* Compares everything now, and checks the whole volume. */
void work_compare(struct work *w);
void work_check(struct work *w);
void work_end(struct work *w); /* closes without a commit, frees; the sim stays */

const struct mark *work_mark_of(const struct work *w, uint64_t generation); /* NULL: none */
