/* A simulated disk: memory that tells what was written when, and can fail, lie and be pulled.
 *
 * A sim outlives the disks made over it (closing one leaves the content alone). Between
 * sim_trace_begin and the end every write is kept as pieces of SIM_PAGE bytes, every flush and grow as
 * an event; a sim_cursor walks that trace and makes the images that pulling the medium at each moment
 * could leave. Pages are shared between a sim and its images, so an image costs a table of pointers.
 * An image must be freed before the sim it came from. Threads: a disk as disk.h says; everything else
 * by one thread at a time. Running out of memory ends the program: this is for tests. */
#pragma once
#include "store/disk.h"

#define SIM_PAGE DISK_BLOCK
#define SIM_LIES_MAX 8u /* flushes that a crash may take back */

struct sim;
struct sim_options {
	uint64_t blocks_max;  /* of DATA: what the medium can give; 0 for 1 GiB */
	uint64_t step_blocks; /* told as disk_info.step_blocks; 0 for 1 */
};

struct sim *sim_new(const struct sim_options *options); /* noise everywhere, DATA empty */
void sim_free(struct sim *s);				/* NULL is welcome */
DEFINE_FREEP(struct sim, sim_free)
struct sim *sim_copy(struct sim *from);	  /* an image as it is now, without faults or trace */
struct disk *sim_disk(struct sim *s);	  /* disk_close it */
uint64_t sim_blocks(const struct sim *s); /* of DATA, owned now */
void sim_set_read_only(struct sim *s, bool read_only);
void sim_set_max(struct sim *s, uint64_t blocks_max);

/* Looks and meddles behind the disk's back. Within the extent. */
const uint8_t *sim_page(const struct sim *s, enum disk_area area, uint64_t page);
void sim_poke(struct sim *s, enum disk_area area, uint64_t off, const void *buf, size_t len);
void sim_flip(struct sim *s, enum disk_area area, uint64_t off, uint8_t mask);

/* ---- faults ---- */
enum sim_op { SIM_READ, SIM_WRITE, SIM_FLUSH, SIM_GROW, SIM_OPS };
/* Calls of `op` since the beginning. */
uint64_t sim_count(const struct sim *s, enum sim_op op);
/* The call number `nth` (as sim_count counts, from 0) gives `err`; all later ones too if `for_ever`.
 * A write that fails leaves its first half, a flush that fails flushes nothing. One fault an op. */
void sim_fail(struct sim *s, enum sim_op op, uint64_t nth, enum err err, bool for_ever);
bool sim_has_failed(const struct sim *s); /* a fault was given back since it was asked for */
void sim_heal(struct sim *s);		  /* no faults, nobody pulled anything */
/* From now on everything gives ERR_REMOVED. */
void sim_remove(struct sim *s);

/* ---- the trace ---- */
/* What is there now counts as durable; from here on is traced. */
void sim_trace_begin(struct sim *s);
size_t sim_trace_len(const struct sim *s);

enum sim_mode {
	SIM_NONE,   /* nothing unflushed got there */
	SIM_PREFIX, /* all of it did */
	SIM_SUBSET, /* some pages did, in any order */
	SIM_TORN,   /* some sectors of 512 bytes did */
	SIM_MODES
};
struct sim_crash {
	enum sim_mode mode;
	unsigned lies; /* so many last flushes did nothing */
	bool heads_arrived; /* but what was flushed of HEAD is there: only DATA was lied about */
	bool drop_newest_slot; /* the HEAD page that was flushed last is noise, later ones lost */
	uint64_t seed;
};

struct sim_cursor;
struct sim_cursor *sim_cursor_new(struct sim *s); /* at the beginning of the trace */
void sim_cursor_free(struct sim_cursor *c);
DEFINE_FREEP(struct sim_cursor, sim_cursor_free)
bool sim_cursor_step(struct sim_cursor *c); /* past one event; false at the end */
size_t sim_cursor_at(const struct sim_cursor *c); /* events passed */
bool sim_cursor_at_flush(const struct sim_cursor *c); /* the event passed last was a flush */
/* The trace position before the last `lies` flushes passed: what was flushed by then is durable. */
size_t sim_cursor_honest(const struct sim_cursor *c, unsigned lies);
bool sim_cursor_has_slot(const struct sim_cursor *c); /* a HEAD page was flushed in the trace */
struct sim *sim_cursor_crash(const struct sim_cursor *c, const struct sim_crash *how);

/* Numbers for tests: the same after the same seed, good enough to mix things well. */
uint64_t sim_random(uint64_t *state);
