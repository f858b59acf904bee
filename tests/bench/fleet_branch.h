/* A branch of a society: ten computers and the four sticks that go from one of them to the next,
 * for a year. What its people do is drawn with dice; what the logs say of it is what the program
 * writes. Branches have nothing to do with each other, so each thread can take one. */
#pragma once
#include "tests/bench/fleet_log.h"

#define BRANCH_HOSTS 10u
#define BRANCH_VOLUMES 4u

/* What a forger did to the first host of the branch, or to a copy that lies there. */
enum defect {
	DEFECT_NONE,
	DEFECT_CUT_TAIL,	/* the last lines of the host's log are gone */
	DEFECT_EDIT_LINE,	/* a line says something else */
	DEFECT_REMOVE_LINE,	/* a line in the middle is gone */
	DEFECT_SWAP_LINE,	/* a line of another host is in the place of one */
	DEFECT_SWAP_LOG,	/* the whole log of another host under the name of this one */
	DEFECT_REWRITE_TAIL,	/* the last period was signed anew with its key */
	DEFECT_DROP_CHECKPOINT, /* a period has no end */
	DEFECT_TURN_CLOCK,	/* time runs back, and nothing announces it */
	DEFECT_REPLAY,		/* one session was opened twice */
	DEFECT_HIDE_SESSION,	/* a session that only the volume's log tells of */
	DEFECT_FORK_VOLUME,	/* the copy of a volume's log went another way */
	DEFECT_CUT_VOLUME,	/* all copies of a volume's log lack their last quarter */
	DEFECTS
};
const char *defect_name(enum defect defect); /* "cut-tail" */

struct fleet_totals {
	uint64_t hosts, volumes, lines, sessions, bytes, volume_lines;
};
struct branch_plan {
	const char *out;	/* folder; HOST-ID/log/... is made in it */
	uint64_t seed, number;	/* the branch's */
	unsigned hosts;		/* at most BRANCH_HOSTS */
	uint64_t lines;		/* of the hosts' logs together; a session more at most */
	int64_t begin, seconds; /* of the time that it tells */
	enum defect defect;
};
/* Adds to *totals. Sets this thread's clock (branch_clock). */
MUST_CHECK enum err branch_make(const struct branch_plan *plan, struct fleet_totals *totals);
/* For clock_override(). */
struct timespec branch_clock(void);

/* ---- within ---- */

struct member {
	struct host_log log;
	char fpr[17], actor[40];
};
struct stick {
	struct volume_log log;
	char label[16];
	unsigned holders[BRANCH_HOSTS], holder_count, at; /* who uses it; who has it now */
	size_t copied[BRANCH_HOSTS];			  /* bytes of its log that a holder has */
	char session[33], super[65];			  /* of the state that is on it */
	bool clean;
	uint64_t generation, files, bytes;
};
struct branch {
	const struct branch_plan *plan;
	struct dice dice;
	struct member members[BRANCH_HOSTS];
	struct stick sticks[BRANCH_VOLUMES];
	unsigned hosts, volumes;
	int64_t office_time, step, clock_behind;
	uint64_t sessions;
	bool is_done; /* the defect that is made on the way */
	/* The first host's last session that wrote, to be signed anew. */
	struct host_mark mark;
	int64_t mark_time;
	bool has_mark;
};

uint64_t branch_lines(const struct branch *b); /* of the hosts */
/* Spoils the logs as the plan's defect says, and writes them. */
MUST_CHECK enum err branch_write(struct branch *b, struct fleet_totals *totals);
