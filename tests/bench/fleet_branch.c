#include "tests/bench/fleet_branch.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

#define DAY 86400
#define OFFICE_OPENS 30600 /* 8:30 */
#define OFFICE_SECONDS 32400
#define LINES_PER_SESSION 5

const char *defect_name(enum defect defect)
{
	static const char *const names[DEFECTS] = {
		"none",		"cut-tail",	"edit-line",	   "remove-line", "swap-line",
		"swap-log",	"rewrite-tail", "drop-checkpoint", "turn-clock",  "replay",
		"hide-session", "fork-volume",	"cut-volume",
	};

	return names[defect];
}

/* ---- time: only while the office is open ---- */

static _Thread_local int64_t now;

struct timespec branch_clock(void)
{
	return (struct timespec){.tv_sec = now};
}

static void set_time(struct branch *b, int64_t office_time)
{
	int64_t day = office_time / OFFICE_SECONDS;

	b->office_time = office_time;
	now = b->plan->begin + (day / 5 * 7 + day % 5) * DAY + OFFICE_OPENS +
	      office_time % OFFICE_SECONDS - b->clock_behind;
}

static void pass_time(struct branch *b, int64_t most)
{
	set_time(b, b->office_time + (int64_t)dice_below(&b->dice, (uint64_t)most + 1));
}

/* ---- lines ---- */

static struct audit_event event_of(const struct stick *s, const struct member *m,
				   enum audit_code code)
{
	return (struct audit_event){
		.code = code,
		.actor = m->actor,
		.role = "staff",
		.volume_id = s->log.id,
		.label = s->label,
		.suite = "xaes256gcm-1",
		.keysep = 1,
	};
}

static enum err begin_line(const char *event, const char *session, struct buf *ret)
{
	char time[32];

	text_time(now, time);
	return buf_printf(ret, "{\"event\":\"%s\",\"ts\":\"%s\",\"session\":\"%s\"", event, time,
			  session);
}

static enum err tell_stick_opening(struct stick *s, const struct member *m, const char *session)
{
	CLEANUP(buf_clear) struct buf line = {0};

	TRY(begin_line("unlock", session, &line));
	TRY(buf_printf(&line,
		       ",\"host\":\"%s\",\"actor\":\"%s\",\"epoch\":1,\"generation\":%" PRIu64
		       ",\"superblock\":\"%s\",\"from\":\"%s\",\"clean\":%s",
		       m->log.id, m->fpr, s->generation, s->super, s->session,
		       s->clean ? "true" : "false"));
	return volume_log_append(&s->log, &line, &m->log);
}

static enum err tell_stick_closing(struct stick *s, const struct member *m)
{
	CLEANUP(buf_clear) struct buf line = {0};

	TRY(begin_line("lock", s->session, &line));
	TRY(buf_printf(&line, ",\"files\":%" PRIu64 ",\"bytes\":%" PRIu64, s->files, s->bytes));
	return volume_log_append(&s->log, &line, &m->log);
}

/* ---- a session ---- */

struct session {
	struct stick *stick;
	struct member *member;
	unsigned holder;
	bool reads_only;
	bool is_hidden; /* from the host's log */
	char id[33];
};

static enum err open_host(struct branch *b, const struct session *s)
{
	struct audit_event e = event_of(s->stick, s->member, AUDIT_UNLOCK);
	CLEANUP(buf_clear) struct buf head = {0};

	if (!s->stick->clean) {
		struct audit_event left = event_of(s->stick, s->member, AUDIT_UNCLEAN);

		left.session_id = s->stick->session;
		left.saved_until = now - DAY;
		left.generation = s->stick->generation;
		TRY(host_log_append(&s->member->log, &left));
	}
	TRY(volume_log_head(&s->stick->log, &head));
	s->stick->copied[s->holder] = s->stick->log.text.len;
	e.session_id = s->reads_only ? s->stick->session : s->id;
	e.mode = s->reads_only ? "ro" : "rw";
	e.generation = s->stick->generation;
	e.witness = head.data;
	return host_log_append(&s->member->log, &e);
}

static enum err open_session(struct branch *b, const struct session *s)
{
	if (!s->is_hidden)
		TRY(open_host(b, s));
	if (s->reads_only)
		return OK;
	TRY(tell_stick_opening(s->stick, s->member, s->id));
	memcpy(s->stick->session, s->id, sizeof(s->id));
	dice_hex(&b->dice, 64, s->stick->super);
	s->stick->generation += 2;
	s->stick->clean = false;
	return OK;
}

static enum err put_deed(struct branch *b, const struct session *s)
{
	static const enum audit_code deeds[] = {AUDIT_WRITE,  AUDIT_WRITE,  AUDIT_WRITE,
						AUDIT_EXPORT, AUDIT_EXPORT, AUDIT_CHECK,
						AUDIT_KEY_ADD};
	enum audit_code code = deeds[dice_below(&b->dice, ARRAY_LEN(deeds))];
	struct audit_event e = event_of(s->stick, s->member, code);

	if (s->reads_only && code != AUDIT_CHECK)
		e.code = AUDIT_EXPORT;
	pass_time(b, 60);
	switch (e.code) {
	case AUDIT_KEY_ADD:
		e.counterparty = b->members[dice_below(&b->dice, b->hosts)].fpr;
		e.generation = s->stick->generation;
		e.session_id = s->id;
		break;
	case AUDIT_WRITE:
		s->stick->files += e.files = 1 + dice_below(&b->dice, 30);
		s->stick->bytes += e.bytes = dice_below(&b->dice, 40000000);
		e.has_totals = true;
		break;
	case AUDIT_EXPORT:
		e.has_totals = true;
		e.files = 1 + dice_below(&b->dice, 10);
		e.bytes = dice_below(&b->dice, 10000000);
		e.purpose = "窓口での照会";
		break;
	default:
		break;
	}
	return host_log_append(&s->member->log, &e);
}

static enum err put_deeds(struct branch *b, const struct session *s)
{
	for (uint64_t left = dice_below(&b->dice, 4); left > 0; left--)
		TRY(put_deed(b, s));
	return OK;
}

static enum err close_host(const struct session *s, enum audit_code code)
{
	struct audit_event e = event_of(s->stick, s->member, code);
	CLEANUP(buf_clear) struct buf head = {0};

	e.session_id = s->stick->session;
	e.mode = s->reads_only ? "ro" : "rw";
	e.generation = s->stick->generation;
	e.has_totals = true;
	e.files = s->stick->files;
	e.bytes = s->stick->bytes;
	e.super_sha256 = s->stick->super;
	if (code == AUDIT_LOCK) {
		TRY(volume_log_head(&s->stick->log, &head));
		s->stick->copied[s->holder] = s->stick->log.text.len;
		e.witness = head.data;
	} else {
		e.result = AUDIT_FAILED;
		e.reason = ERR_REMOVED;
	}
	return host_log_append(&s->member->log, &e);
}

/* Mostly with an eject; else pulled out; seldom the computer went off, and nobody tells. */
static enum err close_session(struct branch *b, const struct session *s)
{
	uint64_t how = s->is_hidden ? 1000 : dice_below(&b->dice, 1000);

	if (how >= 15 || s->reads_only) {
		if (!s->reads_only) {
			TRY(tell_stick_closing(s->stick, s->member));
			s->stick->generation += 2;
			s->stick->clean = true;
		}
		return s->is_hidden ? OK : close_host(s, AUDIT_LOCK);
	}
	return how >= 5 ? close_host(s, AUDIT_REMOVED) : OK;
}

/* ---- what else happens ---- */

static enum err put_sync(struct branch *b, struct member *m)
{
	const struct audit_event sync = {.code = AUDIT_SYNC, .actor = m->actor, .role = "staff"};

	TRY(host_log_append(&m->log, &sync));
	for (unsigned i = 0; i < b->hosts; i++) {
		CLEANUP(buf_clear) struct buf text = {0};
		struct audit_event e = {.code = AUDIT_WITNESS, .actor = m->actor};
		struct checkpoint c;

		if (&b->members[i] == m)
			continue;
		checkpoint_make(&c, ORIGIN_HOST, b->members[i].log.id, &b->members[i].log.tree);
		TRY(checkpoint_print(&c, &text));
		e.witness = text.data;
		TRY(host_log_append(&m->log, &e));
	}
	return OK;
}

static enum err put_pack(struct branch *b, struct member *m, enum audit_code code)
{
	struct audit_event e = {.code = code, .actor = m->actor, .role = "staff"};
	char id[33], sum[65];

	dice_hex(&b->dice, 32, id);
	dice_hex(&b->dice, 64, sum);
	e.pack_id = id;
	e.pack_sha256 = sum;
	e.counterparty = b->members[dice_below(&b->dice, b->hosts)].fpr;
	e.suite = "age-v1";
	e.has_totals = true;
	e.files = 1 + dice_below(&b->dice, 100);
	e.bytes = dice_below(&b->dice, 100000000);
	e.has_persons = true;
	e.persons = dice_below(&b->dice, 500);
	return host_log_append(&m->log, &e);
}

static enum err put_other(struct branch *b, struct member *m)
{
	uint64_t what = dice_below(&b->dice, 80);

	if (what < 2)
		return put_sync(b, m);
	if (what >= 20)
		return OK;
	return put_pack(b, m, what < 10 ? AUDIT_PACK : what < 15 ? AUDIT_RECEIVE : AUDIT_RECEIPT);
}

/* ---- defects that come about on the way ---- */

static bool is_turn(const struct branch *b, const struct session *s, enum defect defect)
{
	return b->plan->defect == defect && !b->is_done && s->member == b->members &&
	       !s->reads_only && b->sessions > b->plan->lines / LINES_PER_SESSION / 2;
}

static enum err replay(struct branch *b, const struct session *s)
{
	struct session again = *s;

	again.stick->clean = true;
	again.reads_only = false;
	b->is_done = true;
	TRY(open_host(b, &again));
	return close_host(&again, AUDIT_LOCK);
}

static enum err turn_clock(struct branch *b, const struct session *s)
{
	enum err err;

	b->is_done = true;
	b->clock_behind = 2 * DAY;
	err = put_deed(b, s);
	b->clock_behind = 0;
	set_time(b, b->office_time);
	return err;
}

/* ---- one after the other ---- */

static void choose(struct branch *b, struct session *s)
{
	unsigned one = (unsigned)dice_below(&b->dice, b->volumes),
		 other = (unsigned)dice_below(&b->dice, b->volumes);

	*s = (struct session){.stick = &b->sticks[MIN(one, other)]};
	if (dice_below(&b->dice, 100) < 20)
		s->stick->at = (unsigned)dice_below(&b->dice, s->stick->holder_count);
	s->holder = s->stick->at;
	s->member = &b->members[s->stick->holders[s->holder]];
	s->reads_only = s->stick->clean && dice_below(&b->dice, 100) < 15;
	dice_hex(&b->dice, 32, s->id);
	s->is_hidden = is_turn(b, s, DEFECT_HIDE_SESSION);
	b->is_done = b->is_done || s->is_hidden;
}

static void mark(struct branch *b, const struct session *s)
{
	if (s->member != b->members || s->reads_only || b->plan->defect != DEFECT_REWRITE_TAIL)
		return;
	host_log_mark(&s->member->log, &b->mark);
	b->mark_time = b->office_time;
	b->has_mark = true;
}

static enum err run_session(struct branch *b)
{
	struct session s;

	choose(b, &s);
	pass_time(b, b->step);
	mark(b, &s);
	if (is_turn(b, &s, DEFECT_DROP_CHECKPOINT))
		s.member->log.omits_checkpoints = b->is_done = true;
	TRY(open_session(b, &s));
	s.member->log.omits_checkpoints = false;
	if (!s.is_hidden)
		TRY(put_deeds(b, &s));
	if (is_turn(b, &s, DEFECT_TURN_CLOCK))
		TRY(turn_clock(b, &s));
	pass_time(b, b->step);
	TRY(close_session(b, &s));
	if (is_turn(b, &s, DEFECT_REPLAY))
		TRY(replay(b, &s));
	b->sessions++;
	return put_other(b, &b->members[dice_below(&b->dice, b->hosts)]);
}

/* Whoever has the folder now has the key of the last period: other deeds, and good signatures. */
static enum err rewrite_tail(struct branch *b)
{
	struct session s = {.stick = &b->sticks[0], .member = b->members};

	if (!b->has_mark)
		return err_at(ERR_INVALID, "no session to write anew");
	TRY(host_log_go_back(&s.member->log, &b->mark));
	set_time(b, b->mark_time);
	dice_hex(&b->dice, 32, s.id);
	s.stick->clean = true;
	TRY(open_host(b, &s));
	TRY(put_deed(b, &s));
	return close_host(&s, AUDIT_LOCK);
}

/* ---- how it begins ---- */

static enum err begin_member(struct branch *b, unsigned i)
{
	struct member *m = &b->members[i];
	const struct audit_event first = {.code = AUDIT_KEY_NEW, .actor = m->actor};

	TRY(host_log_begin(&m->log, &b->dice));
	dice_hex(&b->dice, 16, m->fpr);
	snprintf(m->actor, sizeof(m->actor), "clerk%u/", i + 1);
	memcpy(m->actor + strlen(m->actor), m->fpr, sizeof(m->fpr));
	return host_log_append(&m->log, &first);
}

/* The one who makes it lets the others in. */
static enum err grant(struct branch *b, struct stick *s)
{
	struct member *boss = &b->members[s->holders[0]];
	char session[33];

	for (unsigned i = 1; i < s->holder_count; i++) {
		struct member *m = &b->members[s->holders[i]];
		struct audit_event add = event_of(s, boss, AUDIT_KEY_ADD),
				   enrol = event_of(s, m, AUDIT_ENROL);

		dice_hex(&b->dice, 32, session);
		add.counterparty = m->fpr;
		add.session_id = session;
		add.generation = s->generation;
		TRY(host_log_append(&boss->log, &add));
		TRY(tell_stick_opening(s, boss, session));
		memcpy(s->session, session, sizeof(session));
		dice_hex(&b->dice, 64, s->super);
		s->generation += 2;
		TRY(host_log_append(&m->log, &enrol));
	}
	return OK;
}

static enum err begin_stick(struct branch *b, unsigned i)
{
	struct stick *s = &b->sticks[i];
	struct member *boss;
	struct audit_event e;
	CLEANUP(buf_clear) struct buf line = {0};

	s->holder_count = MIN(3 + i % 2, b->hosts);
	for (unsigned k = 0; k < s->holder_count; k++)
		s->holders[k] = (i * b->hosts / b->volumes + k) % b->hosts;
	dice_hex(&b->dice, 32, s->log.id);
	dice_hex(&b->dice, 32, s->session);
	dice_hex(&b->dice, 64, s->super);
	snprintf(s->label, sizeof(s->label), "USB-%04" PRIu64,
		 b->plan->number * BRANCH_VOLUMES + i);
	s->generation = 2;
	s->clean = true;
	boss = &b->members[s->holders[0]];
	e = event_of(s, boss, AUDIT_CREATE);
	e.session_id = "";
	e.mode = "rw";
	e.generation = s->generation;
	TRY(host_log_append(&boss->log, &e));
	TRY(begin_line("create", s->session, &line));
	TRY(buf_printf(&line, ",\"host\":\"%s\",\"actor\":\"%s\"", boss->log.id, boss->fpr));
	TRY(volume_log_append(&s->log, &line, NULL));
	return grant(b, s);
}

uint64_t branch_lines(const struct branch *b)
{
	uint64_t lines = 0;

	for (unsigned i = 0; i < b->hosts; i++)
		lines += b->members[i].log.seq;
	return lines;
}

static enum err live(struct branch *b)
{
	set_time(b, 0);
	for (unsigned i = 0; i < b->hosts; i++)
		TRY(begin_member(b, i));
	for (unsigned i = 0; i < b->volumes; i++)
		TRY(begin_stick(b, i));
	while (branch_lines(b) < b->plan->lines)
		TRY(run_session(b));
	return b->plan->defect == DEFECT_REWRITE_TAIL ? rewrite_tail(b) : OK;
}

static enum err make(struct branch *b, struct fleet_totals *totals)
{
	TRY(live(b));
	totals->hosts += b->hosts;
	totals->volumes += b->volumes;
	totals->sessions += b->sessions;
	totals->lines += branch_lines(b);
	for (unsigned i = 0; i < b->volumes; i++)
		totals->volume_lines += b->sticks[i].log.tree.size;
	return branch_write(b, totals);
}

enum err branch_make(const struct branch_plan *plan, struct fleet_totals *totals)
{
	struct branch b = {.plan = plan, .dice = {plan->seed * 1000003 + plan->number}};
	uint64_t sessions = plan->lines / LINES_PER_SESSION + 1;
	enum err err;

	b.hosts = MIN(plan->hosts, BRANCH_HOSTS);
	b.volumes = MIN(BRANCH_VOLUMES, b.hosts);
	b.step = plan->seconds / 7 * 5 / DAY * OFFICE_SECONDS / (int64_t)sessions;
	err = make(&b, totals);
	for (unsigned i = 0; i < b.hosts; i++)
		host_log_clear(&b.members[i].log);
	for (unsigned i = 0; i < b.volumes; i++)
		buf_clear(&b.sticks[i].log.text);
	mem_wipe(&b.mark, sizeof(b.mark));
	return err;
}
