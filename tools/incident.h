/* A lost medium as its incident report tells it: everything that this computer knows, from the
 * register, its own log and the sealed list of contents; never from the medium. */
#pragma once
#include "access/contents.h"
#include "access/history.h"
#include "tools/lending.h"

struct incident_rules { /* tools/data/incident.tsv */
	unsigned prompt_from, prompt_to, final_days, final_wrongful, persons;
	char list[65], list_date[ROSTER_DAY];
};
MUST_CHECK enum err incident_rules_read(struct incident_rules *ret);

struct incident {
	struct officer *o;	       /* borrowed */
	const struct roster_medium *m; /* borrowed */
	struct incident_rules rules;
	char id[LEDGER_ID];
	int64_t now, known; /* when it became known: the deadlines count from that day */
	struct history history;
	struct contents contents; /* owned */
	bool has_contents;
	enum err contents_err; /* why there is none */
	bool has_lending;      /* the newest taking out, open or not */
	struct lending lending;
	char category[33], purpose[33];
	bool has_persons;
	uint64_t persons; /* as declared */
};
/* `o` is signed in. `m` from its roster. */
MUST_CHECK enum err incident_collect(struct officer *o, const struct roster_medium *m,
				     struct incident *ret);
void incident_clear(struct incident *i);
/* The report in the language that is set, appended. Never says that no report is due. */
MUST_CHECK enum err incident_print(const struct incident *i, struct buf *out);
