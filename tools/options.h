/* The options of all verbs: one table that the parser, help, the manual and completion read. */
#pragma once
#include <stdbool.h>
#include "base/err.h"

enum option_id {
	OPT_JSON,
	OPT_NO_INPUT,
	OPT_PASSPHRASE_FD,
	OPT_CONFIRM,
	OPT_LANG,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_GLOBAL_END, /* those above stand with every verb */
	OPT_KEY = OPT_GLOBAL_END,
	OPT_NAME,
	OPT_WORK_FACTOR,
	OPT_LABEL,
	OPT_TO,
	OPT_CATEGORY,
	OPT_PURPOSE,
	OPT_KEY_SEPARATION,
	OPT_TICKET,
	OPT_READ_ONLY,
	OPT_IDLE,
	OPT_FOREGROUND,
	OPT_ALL,
	OPT_WAIT,
	OPT_WAIT_RESEALED,
	OPT_FORCE,
	OPT_RECURSIVE,
	OPT_LONG,
	OPT_HIDDEN_NAMES,
	OPT_VERIFY,
	OPT_OUTPUT,
	OPT_PACK_OUTPUT,
	OPT_STREAM_NAME,
	OPT_PACK_CATEGORY,
	OPT_PACK_PURPOSE,
	OPT_PERSONS,
	OPT_EXPIRES,
	OPT_COMPRESS,
	OPT_ARMOR,
	OPT_SHARED_PASSPHRASE,
	OPT_DIRECTORY,
	OPT_ONLY,
	OPT_REPLACE,
	OPT_ACCEPT,
	OPT_AS,
	OPT_ANY_SENDER,
	OPT_MAX_SIZE,
	OPT_RECEIPT,
	OPT_OPEN_PACKS,
	OPT_ORG_NAME,
	OPT_SECOND_OFFICER,
	OPT_SIGNS,
	OPT_SITE,
	OPT_TRAINED,
	OPT_UNTIL,
	OPT_END,
	OPT_GRANT_CATEGORY,
	OPT_NUMBER,
	OPT_VOLUME,
	OPT_SERIAL,
	OPT_PRODUCT,
	OPT_KIND,
	OPT_CAPACITY,
	OPT_PLACE,
	OPT_KEEPER,
	OPT_OWNER,
	OPT_MEDIUM_CATEGORY,
	OPT_MEDIUM_PURPOSE,
	OPT_PUBLISHED,
	OPT_METHOD,
	OPT_CSV,
	OPT_HTML,
	OPT_REASON,
	OPT_DRY_RUN,
	OPT_WITHOUT,
	OPT_LEND_UNTIL,
	OPT_DESTINATION,
	OPT_LEND_PURPOSE,
	OPT_ROUTE,
	OPT_MEANS,
	OPT_COMPANION,
	OPT_LEND_REASON,
	OPT_CONTACT,
	OPT_CARRIER,
	OPT_PLACE_NOW,
	OPT_RESULT,
	OPT_OVERDUE,
	OPT_SEEN_BEFORE,
	OPT_KNOWN_SINCE,
	OPT_REPORT_OUTPUT,
	OPT_CONTENTS,
	OPT_ACCEPT_SOCIETY,
	OPT_SHARES,
	OPT_SHEET_OUTPUT,
	OPT_SHOW,
	OPT_SHEET,
	OPT_IDENTITY,
	OPT_LEDGER_CSV,
	OPT_PAGE_OUTPUT,
	OPT_FROM_DAY,
	OPT_TO_DAY,
	OPT_ERA,
	OPT_CHECKPOINT,
	OPT_EVENT,
	OPT_VERSION, /* only without a verb */
	OPT_COUNT
};
/* One bit for each option. */
__extension__ typedef unsigned __int128 option_set;
#define OPT_BIT(id) ((option_set)1 << (id))

struct option_row {
	const char *name; /* without the dashes; NULL: a letter only */
	char letter;	  /* 0: none */
	enum option_id id;
	const char *value; /* NULL: takes none. Else its name in help */
	const char *help;  /* N_(); NULL: another spelling of the row with this id */
};
extern const struct option_row option_rows[];
extern const size_t option_row_count;
const struct option_row *option_by_id(enum option_id id);
/* "-q, --quiet", "--idle TIME". out has 64 bytes. */
void option_spelling(const struct option_row *row, char out[64]);

struct option_value {
	enum option_id id;
	const char *value; /* borrowed from argv; NULL for a flag */
};

/* A command line, taken apart. Strings are borrowed from argv. All-zero is the empty state. */
struct arguments {
	const struct verb *verb; /* NULL: there is none */
	const char **words;	 /* what is no option, without the verb; owned array */
	size_t word_count;
	struct option_value *values; /* owned array */
	size_t value_count;
};

/* On ERR_USAGE the detail says which word is at fault, and `near` (may stay empty) what was
 * probably meant. `ret` is valid in any case as far as it was understood. */
MUST_CHECK enum err arguments_parse(int argc, char **argv, struct arguments *ret, char near[64]);
void arguments_clear(struct arguments *a);
/* The value of --lang before anything else is known, so that errors of the parser are translated.
 */
const char *arguments_peek_lang(int argc, char **argv);
