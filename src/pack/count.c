#include "pack/count.h"
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "pack/first_name.h"
#include "pack/name.h"
#include "pack/unpack.h"
#include "pack/walk.h"

struct pack_count {
	const struct pack_source *sources;
	size_t source_count;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	/* Of the thread, until it ended. */
	struct first_names names;
	struct pack_counted counted;
	enum err failed;
	char detail[512];
};

static enum err check_carried(const struct walk_entry *entry)
{
	CLEANUP(mem_freep) char *name = NULL;
	char target[PATH_MAX];

	TRY(pack_name(entry->name, &name));
	if (strcmp(name, entry->name) != 0)
		return err_at(ERR_INVALID, "%s", entry->name);
	if (!S_ISLNK(entry->st->st_mode))
		return OK;
	TRY(walk_read_link(entry, target));
	return pack_link_is_inside(name, target)
		       ? OK
		       : err_at(ERR_NOT_SUPPORTED, "%s -> %s", entry->path, target);
}

enum err pack_count_add(const struct walk_entry *entry, struct pack_counted *counted)
{
	TRY(check_carried(entry));
	if (++counted->entries > UNPACK_ENTRIES_MAX)
		return err_at(ERR_TOO_BIG, "more than %u entries", UNPACK_ENTRIES_MAX);
	if (!S_ISREG(entry->st->st_mode))
		return OK;
	counted->files++;
	counted->bytes += (uint64_t)entry->st->st_size;
	return OK;
}

static enum err count_entry(void *ctx, const struct walk_entry *entry)
{
	struct pack_count *c = ctx;
	const char *same_as;

	if (c->stop)
		return err_at(ERR_INTERRUPTED, "%s", entry->path);
	TRY(pack_count_add(entry, &c->counted));
	TRY(first_name_find(&c->names, entry, &same_as));
	if (!same_as)
		return OK;
	c->counted.files--;
	c->counted.bytes -= (uint64_t)entry->st->st_size;
	return OK;
}

static enum err count_all(struct pack_count *c)
{
	for (size_t i = 0; i < c->source_count; i++)
		if (!c->sources[i].is_stream)
			TRY(walk_sources(&c->sources[i], 1, count_entry, c));
	return OK;
}

static void *run(void *arg)
{
	struct pack_count *c = arg;

	c->failed = count_all(c);
	if (c->failed != OK)
		text_copy(c->detail, sizeof(c->detail), err_detail());
	first_names_clear(&c->names);
	return NULL;
}

enum err pack_count_new(const struct pack_source *sources, size_t count, struct pack_count **ret)
{
	struct pack_count *c = calloc(1, sizeof(*c));

	if (!c)
		return err_at(ERR_NOMEM, "counting");
	c->sources = sources;
	c->source_count = count;
	c->running = pthread_create(&c->thread, NULL, run, c) == 0;
	if (!c->running) {
		free(c);
		return err_at(ERR_SYSTEM, "starting a thread");
	}
	*ret = c;
	return OK;
}

static void end(struct pack_count *c)
{
	if (c->running)
		pthread_join(c->thread, NULL);
	c->running = false;
}

void pack_count_free(struct pack_count *c)
{
	if (!c)
		return;
	c->stop = true;
	end(c);
	free(c);
}

enum err pack_count_wait(struct pack_count *c, struct pack_counted *ret)
{
	end(c);
	if (c->failed != OK)
		return err_at(c->failed, "%s", c->detail);
	*ret = c->counted;
	return OK;
}
