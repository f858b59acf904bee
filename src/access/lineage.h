/* Whether the state that is found follows from the one that this host saw last. Private to access.
 *
 * A generation number alone does not tell: an old image can be written on until it is the greater
 * one. So each session that writes names the state it opened, in the volume's own log. The states
 * of one session stand in one line, since one process made them, one after the other. Hence the
 * state seen last is in the past of the one found when that is a later state of the same session,
 * or when its log has a session that opened such a one. Three losses are no alarm: the second of
 * the two states of a clean end, up to 8 states of a session that had no end, and states that are
 * on the medium and not whole, which is damage and told as such. docs/FORMAT.md, section 15. */
#pragma once
#include "access/internal.h"

/* A state that was opened, now or by a session that the log tells of. */
struct head {
	uint64_t generation;
	uint8_t super_sha256[SHA256_LEN];
	uint8_t session_id[STORE_ID_LEN];
	bool clean;
	/* States behind it that were on the medium and not whole. */
	unsigned passed_count;
	uint8_t passed_sha256[STORE_PASSED_MAX][SHA256_LEN];
};
void head_of_vault(const struct vault *v, struct head *ret);
enum reach { REACH_NOT, REACH_LOST, REACH_WHOLE };
/* Whether `was` was in the past of `head`, or lost in one of the ways above when that was opened.
 */
enum reach head_reaches(const struct head *head, const struct seen *was);

/* A line of the volume's log; fields that are not there are empty. */
struct session_line {
	char event[16];
	uint8_t session_id[STORE_ID_LEN];
	char host[20]; /* "" where it names none */
	bool has_head;
	struct head head;
};
/* ERR_BAD_FORMAT for what no session wrote. */
MUST_CHECK enum err session_line_parse(const char *text, size_t len, struct session_line *ret);

/* Whether it is one that adopts a state. */
bool session_line_adopts(const char *line);

enum lineage {
	LINEAGE_FOLLOWS, /* proved */
	LINEAGE_UNTOLD,	 /* the state seen had no log, or the log cannot be read: numbers must do */
	LINEAGE_BROKEN
};
/* Whether the state (generation and hash) is the one that is open, or one that a line of its log
 * names; or the first of a clean end of which it was the second. */
MUST_CHECK enum err lineage_has(struct vault *v, const struct seen *state, bool *ret);
/* The same question as below about a state that another host reported. Where the report does not
 * tell its session, only what contradicts it counts: LINEAGE_UNTOLD when nothing does. */
MUST_CHECK enum err lineage_judge_reported(struct vault *v, const struct seen *reported,
					   bool has_session, enum lineage *ret);
/* Sets v->log too, as of the state that is open. `was` NULL: nothing was seen. */
MUST_CHECK enum err lineage_judge(struct vault *v, const struct seen *was, enum lineage *ret);
