#include "access/lineage.h"
#include <string.h>
#include "base/text.h"

#define TAIL_MAX 8u /* generations; as many as an opening may step back over */

/* ---- heads ---- */

void head_of_vault(const struct vault *v, struct head *ret)
{
	const struct store_report *r = &v->facts.store;
	struct store_info info;

	store_info(v->store, &info);
	*ret = (struct head){.generation = r->generation, .clean = r->was_clean};
	/* Slots of much newer states beside an old image do not make these its future. */
	if (r->unbroken || r->newest_seen - r->generation <= TAIL_MAX) {
		ret->passed_count = r->passed_count;
		memcpy(ret->passed_sha256, r->passed_sha256, sizeof(ret->passed_sha256));
	}
	memcpy(ret->super_sha256, v->opened_sha256, SHA256_LEN);
	memcpy(ret->session_id, r->session_id, STORE_ID_LEN);
}

static bool is_same_session(const struct head *head, const struct seen *was)
{
	return memcmp(head->session_id, was->session_id, STORE_ID_LEN) == 0;
}

static bool has_passed(const struct head *head, const struct seen *was)
{
	for (unsigned i = 0; i < head->passed_count; i++)
		if (mem_equal(head->passed_sha256[i], was->super_sha256, SHA256_LEN))
			return true;
	return false;
}

static enum reach when(bool yes, enum reach how)
{
	return yes ? how : REACH_NOT;
}

enum reach head_reaches(const struct head *head, const struct seen *was)
{
	if (head->generation == was->generation)
		return when(mem_equal(head->super_sha256, was->super_sha256, SHA256_LEN),
			    REACH_WHOLE);
	if (head->generation > was->generation)
		return when(is_same_session(head, was), REACH_WHOLE);
	/* The state seen before is on the medium and not whole. */
	if (has_passed(head, was))
		return REACH_LOST;
	if (!is_same_session(head, was))
		return REACH_NOT;
	/* A clean end stands twice: its first copy is as good as its second. */
	if (was->clean)
		return when(head->clean && head->generation + 1 == was->generation, REACH_WHOLE);
	/* A session that lost its tail when the medium was pulled. */
	return when(was->generation - head->generation <= TAIL_MAX, REACH_LOST);
}

/* ---- the log ---- */

struct search {
	const struct seen *was;
	enum reach reach;
};

static enum err look_at(void *ctx, uint64_t number, const char *text, size_t len)
{
	struct search *s = ctx;
	struct session_line line;

	if (session_line_parse(text, len, &line) == OK && line.has_head)
		s->reach = head_reaches(&line.head, s->was);
	return s->reach == REACH_NOT ? OK : ERR_CANCELLED;
}

/* The session that opened the state seen stands right behind the lines that were there then, or
 * before them where a tail was lost. */
static enum err find_follower(struct vault *v, const struct seen *was, enum reach *ret)
{
	struct search s = {.was = was};
	uint64_t from = was->log.count > TAIL_MAX ? was->log.count - TAIL_MAX : 0;
	enum err err = journal_each(v->store, from, look_at, &s);

	if (err != OK && s.reach == REACH_NOT)
		return err;
	err_clear();
	*ret = s.reach;
	return OK;
}

/* Lines are written with the event in front. */
bool session_line_adopts(const char *line)
{
	static const char begin[] = "{\"event\":\"adopt\"";

	return strncmp(line, begin, sizeof(begin) - 1) == 0;
}

static enum err note_line(void *ctx, uint64_t number, const char *line, size_t len)
{
	struct seen_log *log = ctx;

	if (session_line_adopts(line))
		sha256(line, len, log->adopted_sha256);
	if (number + 1 == log->count)
		sha256(line, len, log->last_sha256);
	return OK;
}

/* Lines that were there when the state seen was need no second look. */
static enum err note_log(struct vault *v, const struct seen *was, bool kept)
{
	struct seen_log log = {0};
	uint64_t from = was && kept && was->log.count > 0 ? was->log.count - 1 : 0;

	TRY(journal_count(v->store, &log.count));
	if (from > 0)
		memcpy(log.adopted_sha256, was->log.adopted_sha256, SHA256_LEN);
	TRY(journal_each(v->store, from, note_line, &log));
	v->log = log;
	return OK;
}

/* What the log was when the state seen was, it must be still. */
static enum err is_kept(struct vault *v, const struct seen *was, bool *ret)
{
	uint8_t hash[SHA256_LEN];
	char line[JOURNAL_LINE_MAX + 1];
	size_t len;
	enum err err;

	*ret = was->log.count == 0;
	if (*ret)
		return OK;
	err = journal_line(v->store, was->log.count - 1, line, &len);
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	sha256(line, len, hash);
	*ret = memcmp(hash, was->log.last_sha256, SHA256_LEN) == 0;
	return OK;
}

static enum err judge(struct vault *v, const struct seen *was, enum reach reach, enum lineage *ret)
{
	bool kept;

	TRY(is_kept(v, was, &kept));
	TRY(note_log(v, was, kept));
	if (reach == REACH_NOT)
		TRY(find_follower(v, was, &reach));
	v->stepped_back = reach == REACH_LOST;
	/* Where the state was lost, the end of its log may be lost with it. */
	if (reach == REACH_LOST || (reach == REACH_WHOLE && kept))
		*ret = LINEAGE_FOLLOWS;
	else
		*ret = was->log.count == 0 ? LINEAGE_UNTOLD : LINEAGE_BROKEN;
	return OK;
}

/* A log that somebody made wrongly proves nothing. One that the medium does not give back any more
 * is damage, which is told, and opened for reading only. */
static enum err without_log(const struct vault *v, enum err err, enum reach reach,
			    enum lineage *ret)
{
	if (err == ERR_NOMEM || (err != ERR_MALFORMED && !v->facts.store.damaged))
		return err;
	err_clear();
	if (reach != REACH_NOT)
		*ret = LINEAGE_FOLLOWS;
	else
		*ret = v->facts.store.damaged ? LINEAGE_UNTOLD : LINEAGE_BROKEN;
	return OK;
}

enum err lineage_judge(struct vault *v, const struct seen *was, enum lineage *ret)
{
	enum reach reach = REACH_WHOLE;
	struct head head;
	enum err err;

	head_of_vault(v, &head);
	*ret = LINEAGE_FOLLOWS;
	if (was) {
		v->log = was->log; /* unless there is more to know */
		reach = head_reaches(&head, was);
		err = judge(v, was, reach, ret);
	} else {
		err = note_log(v, NULL, false);
	}
	return err == OK ? OK : without_log(v, err, reach, ret);
}

/* ---- states of which little is known ---- */

static bool is_state(const struct head *head, const struct seen *state)
{
	return head->generation == state->generation &&
	       mem_equal(head->super_sha256, state->super_sha256, SHA256_LEN);
}

struct evidence {
	const struct seen *state;
	bool is_reached;     /* by the rules for what this host saw; needs its session */
	bool is_there;	     /* it is named */
	bool is_other;	     /* another one has its number */
	bool may_be_lost;    /* it was lost with a tail, or passed over */
	bool is_half_an_end; /* the first half of a clean end stands for it, perhaps */
};

static void weigh(struct evidence *e, const struct head *head)
{
	const struct seen *state = e->state;

	if (head_reaches(head, state) != REACH_NOT)
		e->is_reached = true;
	if (head->generation == state->generation)
		*(is_state(head, state) ? &e->is_there : &e->is_other) = true;
	if (has_passed(head, state) || (!head->clean && head->generation < state->generation &&
					state->generation - head->generation <= TAIL_MAX))
		e->may_be_lost = true;
	if (head->clean && head->generation + 1 == state->generation)
		e->is_half_an_end = true;
}

/* The newest lines first, as far as they can be about it: generations grow from line to line. */
static enum err gather(struct vault *v, struct evidence *e)
{
	char text[JOURNAL_LINE_MAX + 1];
	struct session_line line;
	uint64_t number;
	struct head head;
	size_t len;

	head_of_vault(v, &head);
	weigh(e, &head);
	TRY(journal_count(v->store, &number));
	while (number-- > 0) {
		TRY(journal_line(v->store, number, text, &len));
		if (session_line_parse(text, len, &line) != OK || !line.has_head)
			continue;
		weigh(e, &line.head);
		if (line.head.generation + 2 * TAIL_MAX < e->state->generation)
			break;
	}
	err_clear();
	return OK;
}

enum err lineage_has(struct vault *v, const struct seen *state, bool *ret)
{
	struct evidence e = {.state = state};
	enum err err = gather(v, &e);

	*ret = err == OK && (e.is_there || e.is_half_an_end);
	return err == ERR_NOMEM ? err : OK;
}

enum err lineage_judge_reported(struct vault *v, const struct seen *reported, bool has_session,
				enum lineage *ret)
{
	struct evidence e = {.state = reported};
	enum err err = gather(v, &e);
	enum lineage none = LINEAGE_UNTOLD;

	if (err == ERR_NOMEM)
		return err;
	if (err == OK && has_session) {
		*ret = e.is_reached ? LINEAGE_FOLLOWS : LINEAGE_BROKEN;
		return OK;
	}
	err_clear();
	if (e.is_other || v->facts.store.generation < reported->generation)
		none = LINEAGE_BROKEN;
	*ret = e.is_there || e.may_be_lost || e.is_half_an_end ? LINEAGE_FOLLOWS : none;
	return OK;
}
