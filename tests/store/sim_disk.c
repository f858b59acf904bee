#include "tests/store/sim_disk.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define FIXED_PAGES (DISK_FIXED_LEN / SIM_PAGE)
#define ARENA_PAGES 64u
#define DEFAULT_MAX ((1024u << 20) / DISK_BLOCK)

struct table {
	const uint8_t **pages; /* NULL: noise */
	uint64_t count;
};

/* Pages written, freed all at once. */
struct arena {
	struct arena *next;
	unsigned used;
	uint8_t pages[ARENA_PAGES][SIM_PAGE];
};

enum event_kind { EVENT_WRITE, EVENT_FLUSH, EVENT_GROW };
struct event {
	enum event_kind kind;
	enum disk_area area;
	uint64_t at; /* page of a write; blocks after a grow */
	const uint8_t *page;
};

struct fault {
	uint64_t nth;
	enum err err;
	bool for_ever;
};

struct sim {
	pthread_mutex_t lock; /* all below */
	struct sim_options options;
	struct table tables[DISK_AREAS];
	struct arena *arena;
	bool shared; /* pages are in a trace or an image: never written in place */
	bool tracing, read_only, removed, has_failed;
	struct table base[DISK_AREAS]; /* when the trace began */
	struct event *events;
	size_t event_count, event_cap;
	uint64_t counts[SIM_OPS];
	struct fault faults[SIM_OPS];
};

struct sim_handle {
	struct disk disk; /* first member */
	struct sim *sim;
};

static void *must(void *p)
{
	if (p)
		return p;
	fputs("out of memory\n", stderr);
	abort();
}

uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* ---- pages ---- */

static uint8_t noise[SIM_PAGE];

static void noise_init(void)
{
	uint64_t state = 1;

	for (size_t i = 0; i < SIM_PAGE; i += sizeof(uint64_t)) {
		uint64_t r = sim_random(&state);

		memcpy(noise + i, &r, sizeof(r));
	}
}

static uint8_t *page_new(struct sim *s)
{
	if (!s->arena || s->arena->used == ARENA_PAGES) {
		struct arena *a = must(malloc(sizeof(*a)));

		a->next = s->arena;
		a->used = 0;
		s->arena = a;
	}
	return s->arena->pages[s->arena->used++];
}

static const uint8_t *table_page(const struct table *t, uint64_t i)
{
	return i < t->count && t->pages[i] ? t->pages[i] : noise;
}

static void table_grow(struct table *t, uint64_t count)
{
	if (count <= t->count)
		return;
	t->pages = must(realloc(t->pages, count * sizeof(*t->pages)));
	memset(t->pages + t->count, 0, (count - t->count) * sizeof(*t->pages));
	t->count = count;
}

static void tables_copy(struct table to[DISK_AREAS], const struct table from[DISK_AREAS])
{
	for (unsigned i = 0; i < DISK_AREAS; i++) {
		free(to[i].pages);
		to[i].count = from[i].count;
		to[i].pages = must(malloc((to[i].count + 1) * sizeof(*to[i].pages)));
		if (to[i].count)
			memcpy(to[i].pages, from[i].pages, to[i].count * sizeof(*to[i].pages));
	}
}

static void tables_free(struct table t[DISK_AREAS])
{
	for (unsigned i = 0; i < DISK_AREAS; i++)
		free(t[i].pages);
}

/* ---- the sim ---- */

static struct sim *sim_bare(const struct sim_options *options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sim *s = must(calloc(1, sizeof(*s)));

	pthread_once(&once, noise_init);
	pthread_mutex_init(&s->lock, NULL);
	s->options = *options;
	return s;
}

struct sim *sim_new(const struct sim_options *options)
{
	struct sim_options o = options ? *options : (struct sim_options){ 0 };
	struct sim *s;

	o.blocks_max = o.blocks_max ? o.blocks_max : DEFAULT_MAX;
	o.step_blocks = o.step_blocks ? o.step_blocks : 1;
	s = sim_bare(&o);
	for (unsigned i = 0; i < DISK_DATA; i++)
		table_grow(&s->tables[i], FIXED_PAGES);
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	while (s->arena) {
		struct arena *next = s->arena->next;

		free(s->arena);
		s->arena = next;
	}
	tables_free(s->tables);
	tables_free(s->base);
	free(s->events);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct sim *sim_copy(struct sim *from)
{
	struct sim *s = sim_bare(&from->options);

	from->shared = true;
	tables_copy(s->tables, from->tables);
	s->shared = true; /* what it has now is not its own */
	return s;
}

uint64_t sim_blocks(const struct sim *s)
{
	return s->tables[DISK_DATA].count;
}

void sim_set_read_only(struct sim *s, bool read_only)
{
	s->read_only = read_only;
}

void sim_set_max(struct sim *s, uint64_t blocks_max)
{
	s->options.blocks_max = blocks_max;
}

static void event_add(struct sim *s, enum event_kind kind, enum disk_area area, uint64_t at,
		      const uint8_t *page)
{
	if (!s->tracing)
		return;
	if (s->event_count == s->event_cap) {
		s->event_cap = s->event_cap ? s->event_cap * 2 : 1024;
		s->events = must(realloc(s->events, s->event_cap * sizeof(*s->events)));
	}
	s->events[s->event_count++] = (struct event){ kind, area, at, page };
}

/* Within one page. */
static void write_piece(struct sim *s, enum disk_area area, uint64_t off, const void *buf,
			size_t len)
{
	struct table *t = &s->tables[area];
	uint64_t at = off / SIM_PAGE;
	const uint8_t *old = t->pages[at];
	uint8_t *page = old && !s->shared ? (uint8_t *)old : page_new(s);

	if (page != old && len < SIM_PAGE)
		memcpy(page, old ? old : noise, SIM_PAGE);
	memcpy(page + off % SIM_PAGE, buf, len);
	t->pages[at] = page;
	event_add(s, EVENT_WRITE, area, at, page);
}

static void write_all(struct sim *s, enum disk_area area, uint64_t off, const uint8_t *buf,
		      size_t len)
{
	while (len > 0) {
		size_t piece = MIN(len, SIM_PAGE - off % SIM_PAGE);

		write_piece(s, area, off, buf, piece);
		off += piece;
		buf += piece;
		len -= piece;
	}
}

const uint8_t *sim_page(const struct sim *s, enum disk_area area, uint64_t page)
{
	return table_page(&s->tables[area], page);
}

void sim_poke(struct sim *s, enum disk_area area, uint64_t off, const void *buf, size_t len)
{
	write_all(s, area, off, buf, len);
}

void sim_flip(struct sim *s, enum disk_area area, uint64_t off, uint8_t mask)
{
	uint8_t byte = sim_page(s, area, off / SIM_PAGE)[off % SIM_PAGE] ^ mask;

	sim_poke(s, area, off, &byte, 1);
}

/* ---- faults ---- */

uint64_t sim_count(const struct sim *s, enum sim_op op)
{
	return s->counts[op];
}

void sim_fail(struct sim *s, enum sim_op op, uint64_t nth, enum err err, bool for_ever)
{
	s->faults[op] = (struct fault){ nth, err, for_ever };
	s->has_failed = false;
}

bool sim_has_failed(const struct sim *s)
{
	return s->has_failed;
}

void sim_heal(struct sim *s)
{
	memset(s->faults, 0, sizeof(s->faults));
	s->removed = false;
}

void sim_remove(struct sim *s)
{
	pthread_mutex_lock(&s->lock);
	s->removed = true;
	pthread_mutex_unlock(&s->lock);
}

/* Counts the call; gives the error it is to fail with. */
static enum err fault_next(struct sim *s, enum sim_op op)
{
	const struct fault *f = &s->faults[op];
	uint64_t n = s->counts[op]++;

	if (s->removed)
		return err_at(ERR_REMOVED, "simulated");
	if (f->err == OK || n < f->nth || (n > f->nth && !f->for_ever))
		return OK;
	s->has_failed = true;
	return err_at(f->err, "simulated, call %llu", (unsigned long long)n);
}

/* ---- the disk ---- */

static struct sim *sim_of(struct disk *d)
{
	return ((struct sim_handle *)d)->sim;
}

static bool is_inside(const struct sim *s, enum disk_area area, uint64_t off, size_t len)
{
	uint64_t end = s->tables[area].count * SIM_PAGE;

	return off <= end && len <= end - off;
}

static enum err read_locked(struct sim *s, enum disk_area area, uint64_t off, uint8_t *buf,
			    size_t len)
{
	TRY(fault_next(s, SIM_READ));
	if (!is_inside(s, area, off, len))
		return err_at(ERR_TRUNCATED, "simulated area %u", area);
	while (len > 0) {
		size_t piece = MIN(len, SIM_PAGE - off % SIM_PAGE);

		memcpy(buf, sim_page(s, area, off / SIM_PAGE) + off % SIM_PAGE, piece);
		off += piece;
		buf += piece;
		len -= piece;
	}
	return OK;
}

static enum err sim_disk_read(struct disk *d, enum disk_area area, uint64_t off, void *buf,
			      size_t len)
{
	struct sim *s = sim_of(d);
	enum err err;

	pthread_mutex_lock(&s->lock);
	err = read_locked(s, area, off, buf, len);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static enum err write_locked(struct sim *s, enum disk_area area, uint64_t off, const void *buf,
			     size_t len)
{
	enum err err = fault_next(s, SIM_WRITE);

	if (err == ERR_REMOVED)
		return err;
	if (s->read_only)
		return err_at(ERR_READ_ONLY, "simulated");
	if (!is_inside(s, area, off, len))
		return err_at(ERR_INTERNAL, "write behind the end of area %u", area);
	write_all(s, area, off, buf, err == OK ? len : len / 2);
	return err;
}

static enum err sim_disk_write(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			       size_t len)
{
	struct sim *s = sim_of(d);
	enum err err;

	pthread_mutex_lock(&s->lock);
	err = write_locked(s, area, off, buf, len);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static enum err sim_disk_flush(struct disk *d, enum disk_area area)
{
	struct sim *s = sim_of(d);
	enum err err;

	pthread_mutex_lock(&s->lock);
	err = fault_next(s, SIM_FLUSH);
	if (err == OK)
		event_add(s, EVENT_FLUSH, area, 0, NULL);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static enum err grow_locked(struct sim *s, uint64_t blocks)
{
	TRY(fault_next(s, SIM_GROW));
	if (s->read_only)
		return err_at(ERR_READ_ONLY, "simulated");
	if (blocks > s->options.blocks_max)
		return err_at(ERR_NO_SPACE, "simulated");
	if (blocks <= s->tables[DISK_DATA].count)
		return OK;
	table_grow(&s->tables[DISK_DATA], blocks);
	event_add(s, EVENT_GROW, DISK_DATA, blocks, NULL);
	return OK;
}

static enum err sim_disk_grow(struct disk *d, uint64_t blocks)
{
	struct sim *s = sim_of(d);
	enum err err;

	pthread_mutex_lock(&s->lock);
	err = grow_locked(s, blocks);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static enum err sim_disk_list(struct disk *d, struct disk_info *ret)
{
	struct sim *s = sim_of(d);
	enum err err = OK;

	pthread_mutex_lock(&s->lock);
	if (s->removed)
		err = err_at(ERR_REMOVED, "simulated");
	else
		*ret = (struct disk_info){
			.blocks = sim_blocks(s),
			.more_blocks = s->options.blocks_max - MIN(s->options.blocks_max, sim_blocks(s)),
			.step_blocks = s->options.step_blocks,
			.read_only = s->read_only,
		};
	pthread_mutex_unlock(&s->lock);
	return err;
}

static void sim_disk_close(struct disk *d)
{
	free(d);
}

static const struct disk_ops sim_ops = {
	.read = sim_disk_read,
	.write = sim_disk_write,
	.flush = sim_disk_flush,
	.grow = sim_disk_grow,
	.list = sim_disk_list,
	.close = sim_disk_close,
};

struct disk *sim_disk(struct sim *s)
{
	struct sim_handle *h = must(calloc(1, sizeof(*h)));

	h->disk.ops = &sim_ops;
	h->sim = s;
	return &h->disk;
}

/* ---- the trace ---- */

void sim_trace_begin(struct sim *s)
{
	s->event_count = 0;
	s->tracing = s->shared = true;
	tables_copy(s->base, s->tables);
}

size_t sim_trace_len(const struct sim *s)
{
	size_t n;

	pthread_mutex_lock((pthread_mutex_t *)&s->lock);
	n = s->event_count;
	pthread_mutex_unlock((pthread_mutex_t *)&s->lock);
	return n;
}

/* A write that some crash could still lose. */
struct pending {
	const struct event *event;
	uint64_t flushed; /* number of the first flush of its area after it; 0: none yet */
};

struct sim_cursor {
	struct sim *sim;
	size_t at;
	struct table durable[DISK_AREAS]; /* even if SIM_LIES_MAX flushes did nothing */
	struct pending *pending;
	size_t count, cap;
	uint64_t flushes;
	size_t flush_at[SIM_LIES_MAX + 1]; /* trace position of flush n at n mod the length */
	bool at_flush;
};

struct sim_cursor *sim_cursor_new(struct sim *s)
{
	struct sim_cursor *c = must(calloc(1, sizeof(*c)));

	c->sim = s;
	tables_copy(c->durable, s->base);
	return c;
}

void sim_cursor_free(struct sim_cursor *c)
{
	if (!c)
		return;
	tables_free(c->durable);
	free(c->pending);
	free(c);
}

/* Writes that no lie can take back any more leave the list. */
static void settle(struct sim_cursor *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct pending *p = &c->pending[i];

		if (p->flushed && p->flushed + SIM_LIES_MAX <= c->flushes)
			c->durable[p->event->area].pages[p->event->at] = p->event->page;
		else
			c->pending[kept++] = *p;
	}
	c->count = kept;
}

static void pass_flush(struct sim_cursor *c, enum disk_area area)
{
	c->flush_at[++c->flushes % ARRAY_LEN(c->flush_at)] = c->at;
	for (size_t i = 0; i < c->count; i++)
		if (!c->pending[i].flushed && c->pending[i].event->area == area)
			c->pending[i].flushed = c->flushes;
	settle(c);
}

static void pass_write(struct sim_cursor *c, const struct event *e)
{
	if (c->count == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 256;
		c->pending = must(realloc(c->pending, c->cap * sizeof(*c->pending)));
	}
	c->pending[c->count++] = (struct pending){ .event = e };
}

bool sim_cursor_step(struct sim_cursor *c)
{
	const struct event *e = &c->sim->events[c->at];

	if (c->at == c->sim->event_count)
		return false;
	c->at_flush = e->kind == EVENT_FLUSH;
	if (e->kind == EVENT_WRITE)
		pass_write(c, e);
	else if (e->kind == EVENT_GROW)
		table_grow(&c->durable[DISK_DATA], e->at);
	else
		pass_flush(c, e->area);
	c->at++;
	return true;
}

size_t sim_cursor_at(const struct sim_cursor *c)
{
	return c->at;
}

bool sim_cursor_at_flush(const struct sim_cursor *c)
{
	return c->at_flush;
}

size_t sim_cursor_honest(const struct sim_cursor *c, unsigned lies)
{
	if (lies == 0)
		return c->at;
	if (c->flushes < lies)
		return 0;
	return c->flush_at[(c->flushes - lies + 1) % ARRAY_LEN(c->flush_at)];
}

static bool is_head(const struct event *e)
{
	return e->area == DISK_HEAD0 || e->area == DISK_HEAD1;
}

/* The HEAD page of the last flush of one; NULL when none is remembered. */
static const struct event *newest_slot(const struct sim_cursor *c)
{
	for (size_t i = c->count; i-- > 0;)
		if (c->pending[i].flushed && is_head(c->pending[i].event))
			return c->pending[i].event;
	return NULL;
}

bool sim_cursor_has_slot(const struct sim_cursor *c)
{
	return newest_slot(c) != NULL;
}

/* The page as torn sectors leave it. */
static const uint8_t *torn_page(struct sim *s, const uint8_t *old, const uint8_t *new, uint64_t r)
{
	uint8_t *page = page_new(s);

	for (size_t i = 0; i < SIM_PAGE / SECTOR; i++)
		memcpy(page + i * SECTOR, (r >> i & 1 ? new : old) + i * SECTOR, SECTOR);
	return page;
}

/* One unflushed write meets its fate. */
static void land(struct sim *s, const struct sim_crash *how, const struct event *e, uint64_t r)
{
	const uint8_t **slot = &s->tables[e->area].pages[e->at];

	if (how->mode == SIM_TORN && (r & 0x300) != 0)
		*slot = torn_page(s, *slot ? *slot : noise, e->page, r);
	else if (how->mode == SIM_PREFIX || (how->mode != SIM_NONE && r & 1))
		*slot = e->page;
}

static bool is_durable(const struct sim_cursor *c, const struct pending *p,
		       const struct sim_crash *how)
{
	if (p->flushed && how->heads_arrived && is_head(p->event))
		return true;
	return p->flushed && p->flushed + how->lies <= c->flushes;
}

struct sim *sim_cursor_crash(const struct sim_cursor *c, const struct sim_crash *how)
{
	const struct event *dropped = how->drop_newest_slot ? newest_slot(c) : NULL;
	struct sim *s = sim_bare(&c->sim->options);
	uint64_t state = how->seed;

	tables_copy(s->tables, c->durable);
	s->shared = true;
	for (size_t i = 0; i < c->count; i++) {
		const struct pending *p = &c->pending[i];

		if (dropped && is_head(p->event) && p->event >= dropped)
			continue;
		if (is_durable(c, p, how))
			s->tables[p->event->area].pages[p->event->at] = p->event->page;
		else
			land(s, how, p->event, sim_random(&state));
	}
	if (dropped)
		s->tables[dropped->area].pages[dropped->at] = NULL;
	return s;
}
