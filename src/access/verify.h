/* What the auditor asks: do the logs of hosts and volumes, as they lie in some folders, hold
 * together? Every log is verified by itself (audit/chain.h), and then against what the others
 * witnessed of it (docs/FORMAT.md, "Verifying a collection"): heads that one log says of another,
 * sessions that a volume's log tells and the host's must tell too, keys that the register knows.
 * Needs no secret. Each log is read twice; kept are heads and sessions, about 100 bytes each. Works
 * on all cores. */
#pragma once
#include "access/log_finder.h"
#include "org/roster.h"

enum verify_what {
	/* ERR_LOG_TAMPERED */
	VERIFY_CHANGED,	       /* a line of the log does not keep the rules; detail says which */
	VERIFY_REWRITTEN,      /* its lines are not those that another log witnessed */
	VERIFY_FOREIGN_KEY,    /* the host's key is not the one of the register, or not of its id */
	VERIFY_HIDDEN_MOUNT,   /* a volume tells a session that the host's log has not */
	VERIFY_UNTOLD_SESSION, /* a state of a volume is of a session that its log does not tell */
	VERIFY_REPLAYED,       /* one session was opened twice */
	VERIFY_COPIES_DIFFER,  /* two copies of a host's log go on differently */
	/* ERR_LOG_GAP */
	VERIFY_MISSING_LINES, /* within a log, or a period without its end */
	VERIFY_CUT,	      /* another log witnessed more lines than are here */
	VERIFY_NO_LOG,	      /* a checkpoint that was kept is of a log that is not here */
	/* ERR_ROLLBACK */
	VERIFY_VOLUME_FORKED, /* a volume's log went on differently, and nobody told of lines lost
			       */
	/* ERR_REVOKED */
	VERIFY_AFTER_REVOCATION, /* opened by a key, on a host, or a medium, that was revoked before
				  */
	/* Worth knowing; no fault of the logs. */
	VERIFY_NOT_CLOSED,   /* an opening that ended without an eject */
	VERIFY_CLOCK,	     /* a clock was set back */
	VERIFY_STEPPED_BACK, /* lines of a volume were lost, and it was told */
	VERIFY_UNREGISTERED, /* the register does not know the host */
	VERIFY_HOST_ABSENT,  /* a volume was opened on a host whose log is not here */
	VERIFY_UNSEEN,	     /* a medium of the register that no log of the last 31 days tells of */
	VERIFY_UNREADABLE,   /* a file by the name of a log is none */
	VERIFY_KINDS
};
enum err verify_weight(enum verify_what what); /* OK for what is only worth knowing */

struct verify_finding {
	enum verify_what what;
	char log[40];	/* which log it is about */
	char other[72]; /* the log, session or key that shows it; "" none */
	uint64_t seq;	/* of the record or line; 0: none */
	int64_t when;	/* 0: not known */
	char detail[128];
};
struct verify_log {
	enum log_kind kind;
	char id[40];
	uint64_t lines, periods, witnessed; /* heads of it that others told */
	int64_t last;			    /* time of its last record; 0 */
	enum err verdict;
};
struct verify_result {
	struct verify_log *logs; /* owned */
	size_t log_count;
	struct verify_finding
		*findings; /* owned; by weight, then as found; of a kind at most VERIFY_KEPT */
	size_t finding_count;
	uint64_t counts[VERIFY_KINDS];
	uint64_t lines, openings, heads;
	enum err verdict; /* the worst */
};
#define VERIFY_KEPT 200u
void verify_clear(struct verify_result *r);

struct verify_ask {
	const struct log_files *files; /* sorted */
	const struct roster *roster;   /* NULL: nothing is known of keys */
	const char *checkpoints; /* notes or texts of checkpoints that were kept, one behind the
				    other; NULL */
	int64_t now;
	unsigned threads; /* 0: as many as there are cores */
};
/* Findings are no error. ERR_NOMEM; ERR_BAD_FORMAT: `checkpoints` has none; what reading gives. */
MUST_CHECK enum err verify_logs(const struct verify_ask *ask, struct verify_result *ret);
