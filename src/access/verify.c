#include "access/verify.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "access/verify_internal.h"
#include "base/io.h"
#include "base/text.h"

#define THREADS_MAX 64u
#define UNSEEN_SECONDS (31 * 86400)

void verify_clear(struct verify_result *r)
{
	free(r->logs);
	free(r->findings);
	memset(r, 0, sizeof(*r));
}

enum err verify_weight(enum verify_what what)
{
	if (what <= VERIFY_COPIES_DIFFER)
		return ERR_LOG_TAMPERED;
	if (what <= VERIFY_NO_LOG)
		return ERR_LOG_GAP;
	if (what == VERIFY_VOLUME_FORKED)
		return ERR_ROLLBACK;
	return what == VERIFY_AFTER_REVOCATION ? ERR_REVOKED : OK;
}

/* ---- threads ---- */

static bool take_next(struct verify *v, uint32_t *ret)
{
	bool more;

	pthread_mutex_lock(&v->lock);
	more = v->err == OK && v->next < v->log_count;
	*ret = v->next++;
	pthread_mutex_unlock(&v->lock);
	return more;
}

static void *work(void *ctx)
{
	struct verify *v = ctx;
	struct batch b = {0};
	enum err err = OK;
	uint32_t log;

	while (err == OK && take_next(v, &log))
		err = v->step(v, log, &b);
	pthread_mutex_lock(&v->lock);
	if (err == OK)
		err = batch_join(&v->all, &b);
	if (err != OK && v->err == OK) {
		v->err = err;
		text_copy(v->detail, sizeof(v->detail), err_detail());
	}
	pthread_mutex_unlock(&v->lock);
	batch_clear(&b);
	return NULL;
}

static unsigned thread_count(const struct verify *v)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (v->ask->threads > 0)
		return MIN(v->ask->threads, THREADS_MAX);
	return cores > 1 ? (unsigned)MIN(cores, (long)THREADS_MAX) : 1;
}

static enum err for_all(struct verify *v,
			enum err (*step)(struct verify *v, uint32_t log, struct batch *b))
{
	pthread_t threads[THREADS_MAX];
	unsigned count = 0, wanted = thread_count(v);

	v->step = step;
	v->next = 0;
	while (count + 1 < wanted && pthread_create(&threads[count], NULL, work, v) == 0)
		count++;
	work(v);
	while (count > 0)
		pthread_join(threads[--count], NULL);
	return v->err == OK ? OK : err_at(v->err, "%s", v->detail);
}

/* ---- logs ---- */

uint32_t verify_place(const struct verify *v, enum log_kind kind, const char *id, size_t len)
{
	size_t low = 0, high = v->log_count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct vlog *l = &v->logs[mid];
		int order = (int)kind - (int)l->facts.kind;

		if (order == 0)
			order = strncmp(id, l->facts.id, len);
		if (order == 0)
			order = 0 - (l->facts.id[len] != '\0');
		if (order == 0)
			return (uint32_t)mid;
		*(order < 0 ? &high : &low) = order < 0 ? mid : mid + 1;
	}
	return UINT32_MAX;
}

static enum err list_logs(struct verify *v)
{
	const struct log_files *files = v->ask->files;

	v->logs = calloc(files->count + 1, sizeof(*v->logs));
	if (!v->logs)
		return err_at(ERR_NOMEM, "logs");
	for (size_t i = 0; i < files->count; i++) {
		const struct log_file *f = &files->files[i];
		struct vlog *l = v->log_count ? &v->logs[v->log_count - 1] : NULL;

		if (strcmp(f->id, "?") == 0) {
			TRY(batch_find(&v->all, VERIFY_UNREADABLE, f->path, "", 1, 0));
			continue;
		}
		if (!l || l->facts.kind != f->kind || strcmp(l->facts.id, f->id) != 0) {
			l = &v->logs[v->log_count++];
			l->facts.kind = f->kind;
			text_copy(l->facts.id, sizeof(l->facts.id), f->id);
			l->copies = f;
		}
		l->copy_count++;
	}
	return OK;
}

enum err verify_is_beginning(const struct buf *whole, const char *copy, bool *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	const char *end;
	size_t len;

	TRY(io_read_file(copy, VERIFY_LOG_MAX, &text));
	end = text.len ? memrchr(text.data, '\n', text.len) : NULL;
	len = end ? (size_t)(end - text.data) + 1 : 0;
	*ret = len <= whole->len && (len == 0 || memcmp(whole->data, text.data, len) == 0);
	return OK;
}

/* ---- claims and sessions, in order ---- */

static int claims_in_order(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->by < y->by ? -1 : x->by > y->by;
}

static int sessions_in_order(const void *a, const void *b)
{
	const struct told_session *x = a, *y = b;
	int order = memcmp(x->id, y->id, SESSION_LEN);

	if (order != 0)
		return order;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

const struct claim *verify_claims_of(const struct verify *v, uint32_t log, size_t *ret_count)
{
	size_t low = 0, high = v->all.claim_count, begin;

	while (low < high) {
		size_t mid = (low + high) / 2;

		*(v->all.claims[mid].target < log ? &low : &high) =
			v->all.claims[mid].target < log ? mid + 1 : mid;
	}
	begin = low;
	while (low < v->all.claim_count && v->all.claims[low].target == log)
		low++;
	*ret_count = low - begin;
	return v->all.claims + begin;
}

const char *verify_by(const struct verify *v, const struct claim *c)
{
	return c->by == CLAIM_KEPT ? "" : v->logs[c->by].facts.id;
}

static void sort_claims(struct verify *v)
{
	struct claim *c = v->all.claims;
	size_t kept = 0;

	if (v->all.claim_count == 0)
		return;
	qsort(c, v->all.claim_count, sizeof(*c), claims_in_order);
	for (size_t i = 1; i < v->all.claim_count; i++)
		if (c[i].target != c[kept].target || c[i].size != c[kept].size ||
		    memcmp(c[i].root, c[kept].root, SHA256_LEN) != 0)
			c[++kept] = c[i];
	v->all.claim_count = kept + 1;
}

/* The same session opened twice, be it on one host or on two. */
static enum err check_sessions(struct verify *v)
{
	const struct told_session *opened = NULL, *s = v->all.sessions;
	char hex[2 * SESSION_LEN + 1];

	if (v->all.session_count > 1)
		qsort(v->all.sessions, v->all.session_count, sizeof(*s), sessions_in_order);
	for (size_t i = 0; i < v->all.session_count; i++, s++) {
		if (!s->opened)
			continue;
		if (opened && memcmp(opened->id, s->id, SESSION_LEN) == 0) {
			text_hex(s->id, SESSION_LEN, hex);
			TRY(batch_find(&v->all, VERIFY_REPLAYED, v->logs[s->host].facts.id, hex,
				       s->seq, 0));
		}
		opened = s;
	}
	return OK;
}

/* ---- the register ---- */

static int by_volume(const void *a, const void *b)
{
	return strcmp(((const struct expected_volume *)a)->id,
		      ((const struct expected_volume *)b)->id);
}

static enum err ask_register(struct verify *v)
{
	const struct roster *r = v->ask->roster;

	if (!r)
		return OK;
	v->revoked = calloc(r->person_count + 1, sizeof(*v->revoked));
	v->expected = calloc(r->medium_count + 1, sizeof(*v->expected));
	if (!v->revoked || !v->expected)
		return err_at(ERR_NOMEM, "register");
	for (size_t i = 0; i < r->person_count; i++) {
		if (!r->people[i].revoked.is)
			continue;
		staff_fpr(&r->people[i].recipient, v->revoked[v->revoked_count].fpr);
		v->revoked[v->revoked_count++].when = r->people[i].revoked.when;
	}
	for (size_t i = 0; i < r->medium_count; i++) {
		struct expected_volume *e = &v->expected[v->expected_count];
		const struct roster_medium *m = &r->media[i];

		if (!m->has_volume)
			continue;
		v->expected_count++;
		text_hex(m->volume_id, VOLUME_ID_LEN, e->id);
		e->medium = m;
		e->revoked = m->revoked.is ? m->revoked.when : 0;
		e->last = MAX(m->sighted, m->opened);
	}
	if (v->expected_count > 1)
		qsort(v->expected, v->expected_count, sizeof(*v->expected), by_volume);
	return OK;
}

static bool is_about(const struct roster_medium *m)
{
	return !m->revoked.is && m->state != MEDIUM_LOST && m->state != MEDIUM_ERASED &&
	       m->state != MEDIUM_RETIRED;
}

static enum err check_unseen(struct verify *v)
{
	for (size_t i = 0; i < v->expected_count; i++) {
		const struct expected_volume *e = &v->expected[i];

		if (is_about(e->medium) && v->ask->now - e->last > UNSEEN_SECONDS)
			TRY(batch_find(&v->all, VERIFY_UNSEEN, e->medium->number, "", 0, e->last));
	}
	return OK;
}

/* ---- all of it ---- */

static enum err one_host(struct verify *v, uint32_t log, struct batch *b)
{
	return v->logs[log].facts.kind == LOG_HOST ? verify_host(v, log, b) : OK;
}

static enum err one_volume(struct verify *v, uint32_t log, struct batch *b)
{
	return v->logs[log].facts.kind == LOG_VOLUME ? verify_volume(v, log, b) : OK;
}

static enum err judge(struct verify *v)
{
	TRY(list_logs(v));
	TRY(ask_register(v));
	if (v->ask->checkpoints)
		TRY(verify_gather_kept(v, v->ask->checkpoints));
	TRY(for_all(v, verify_gather));
	sort_claims(v);
	TRY(for_all(v, one_host));
	TRY(check_sessions(v));
	TRY(for_all(v, one_volume));
	return check_unseen(v);
}

static int findings_in_order(const void *a, const void *b)
{
	const struct verify_finding *x = a, *y = b;
	int order = (int)x->what - (int)y->what;

	if (order == 0)
		order = strcmp(x->log, y->log);
	if (order == 0)
		order = x->seq < y->seq ? -1 : x->seq > y->seq;
	return order != 0 ? order : strcmp(x->other, y->other);
}

/* Changed before an older state before missing before the rest: the worst finding wins. */
static int rank(enum err weight)
{
	static const enum err order[] = {OK, ERR_REVOKED, ERR_LOG_GAP, ERR_ROLLBACK,
					 ERR_LOG_TAMPERED};

	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		if (order[i] == weight)
			return (int)i;
	return 0;
}

static void weigh(const struct verify *v, struct verify_result *ret)
{
	for (unsigned i = 0; i < VERIFY_KINDS; i++) {
		enum err weight = verify_weight((enum verify_what)i);

		ret->counts[i] = v->all.counts[i];
		if (v->all.counts[i] > 0 && rank(weight) > rank(ret->verdict))
			ret->verdict = weight;
	}
}

static enum err conclude(struct verify *v, struct verify_result *ret)
{
	struct batch *all = &v->all;

	ret->logs = calloc(v->log_count + 1, sizeof(*ret->logs));
	if (!ret->logs)
		return err_at(ERR_NOMEM, "logs");
	for (size_t i = 0; i < v->log_count; i++) {
		ret->logs[i] = v->logs[i].facts;
		if (v->logs[i].facts.kind == LOG_HOST)
			ret->lines += v->logs[i].facts.lines;
	}
	ret->log_count = v->log_count;
	ret->openings = all->openings;
	ret->heads = all->claim_count;
	if (all->finding_count > 1)
		qsort(all->findings, all->finding_count, sizeof(*all->findings), findings_in_order);
	ret->findings = TAKE(all->findings);
	ret->finding_count = all->finding_count;
	weigh(v, ret);
	return OK;
}

enum err verify_logs(const struct verify_ask *ask, struct verify_result *ret)
{
	struct verify v = {.ask = ask};
	struct verify_result result = {0};
	enum err err;

	if (pthread_mutex_init(&v.lock, NULL) != 0)
		return err_at(ERR_NOMEM, "lock");
	err = judge(&v);
	if (err == OK)
		err = conclude(&v, &result);
	pthread_mutex_destroy(&v.lock);
	batch_clear(&v.all);
	free(v.logs);
	free(v.revoked);
	free(v.expected);
	if (err != OK) {
		verify_clear(&result);
		return err;
	}
	*ret = result;
	return OK;
}
