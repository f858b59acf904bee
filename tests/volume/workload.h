/* A workload: the same operations done to a volume on a simulated disk and to a plain model, and what
 * was committed when. Whatever the volume answers must be what the model answers, except for lack of
 * space. Whatever differs ends the trial (sim_gate_fail). */
#pragma once
#include "tests/store/sim_gate.h"
#include "tests/volume/model_fs.h"
#include "tests/volume/stick.h"

#define WORK_LEN_MAX (512u * 1024) /* of one write or read */
#define WORK_TIGHT 4096u /* blocks: on smaller disks operations may commit for want of space */

struct work_profile {
	unsigned shift;		/* of the record size */
	uint64_t disk_blocks;	/* what the medium gives */
	unsigned ops;
	unsigned sync_every;	/* about so many operations between syncs */
	size_t file_max;	/* bytes */
	unsigned names;		/* in each folder, about */
	bool reopens;		/* closed, killed and opened in between */
	bool rekeys;		/* new epochs, re-sealing, purging in between */
};

/* A state that was committed. */
struct mark {
	uint64_t first_gen, last_gen; /* generations that hold it */
	size_t start, acked;	      /* trace positions: its commit may have begun; had returned */
	/* A commit inside an operation that needed space took what was before it or after it. */
	char *listing[2];
	struct model *model[2];
};

/* What holds once the trace is at `acked`. */
struct vow {
	size_t acked;
	uint32_t epoch;	     /* this one is in force */
	uint32_t oldest;     /* keys of older ones are gone */
	uint64_t generation; /* what was born after it opens with no key from before `epoch` */
};

#define WORK_VOWS_MAX 64u

struct work {
	struct work_profile profile;
	struct sim *sim;
	struct stick stick;
	struct model *model;
	struct mark *marks;
	size_t mark_count, mark_cap;
	struct vow vows[WORK_VOWS_MAX];
	unsigned vow_count;
	uint64_t epoch_after; /* the last generation before the epoch that is in force */
	uint64_t stale;	      /* newest birth of what a crash had left on the medium */
	struct store_reseal reseal; /* how far a re-sealing is */
	uint64_t random;
	struct timespec now;
	uint64_t held[8]; /* inodes without a name that are held */
	unsigned held_count;
	uint64_t ops_done, no_space;
	char last[96]; /* operation, for messages */
	/* One of several hands in one volume: each has a folder of its own, time stands still, and
	 * instead of marks `noted` hears of each operation once it is over. */
	uint64_t root;
	bool shared;
	void (*noted)(struct work *w, size_t start, bool synced);
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
/* Closed in good order, or ended with nothing more written; and opened again. */
void work_reopen(struct work *w, bool kill);

/* ---- epochs; to the model they are nothing ---- */
void work_rekey(struct work *w);
void work_reseal(struct work *w, unsigned steps); /* goes on where the last one ended */
void work_end_older(struct work *w);		   /* all of it, and the older keys go */
void work_purge(struct work *w);
/* The last vow of that trace position; NULL: none yet. */
const struct vow *work_vow_at(const struct work *w, size_t at);

/* ---- single operations; they may fail, on both sides in the same way ---- */
uint64_t work_make(struct work *w, uint64_t folder, const char *name, uint32_t mode,
		   const char *target); /* target for symbolic links; gives the inode, 0 for none */
void work_link(struct work *w, uint64_t ino, uint64_t folder, const char *name);
void work_unlink(struct work *w, uint64_t folder, const char *name);
void work_rmdir(struct work *w, uint64_t folder, const char *name);
void work_rename(struct work *w, uint64_t from, const char *old, uint64_t to, const char *new,
		 unsigned flags);
void work_write(struct work *w, uint64_t ino, uint64_t off, const void *bytes, size_t len);
void work_append(struct work *w, uint64_t ino, const void *bytes, size_t len);
void work_setattr(struct work *w, uint64_t ino, unsigned mask, const struct volume_attr *in);
void work_fallocate(struct work *w, uint64_t ino, int mode, uint64_t off, uint64_t len);
void work_set_xattr(struct work *w, uint64_t ino, const char *name, const void *bytes, size_t len,
		    int flags);
void work_remove_xattr(struct work *w, uint64_t ino, const char *name);
void work_note(struct work *w, const void *bytes, size_t len);
void work_log(struct work *w, const char *line, size_t len);
bool work_hold(struct work *w, uint64_t ino); /* false: not there, or too many are held */
void work_release(struct work *w, unsigned i); /* the i-th that is held */
void work_read(struct work *w, uint64_t ino, uint64_t off, size_t len);

/* ---- looking ---- */
/* Compares everything now, and checks the whole volume. */
void work_compare(struct work *w);
void work_check(struct work *w);
void work_check_epochs(struct work *w); /* what was written under which */
void work_end(struct work *w); /* closes without a commit, frees; the sim stays */

const struct mark *work_mark_of(const struct work *w, uint64_t generation); /* NULL: none */
