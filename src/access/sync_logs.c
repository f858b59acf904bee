#include "access/sync_logs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/io.h"
#include "base/text.h"

#define LOG_MAX (1u << 30)
#define HOST_FILE "host.jsonl"

static enum err join(const char *a, const char *b, char **ret)
{
	*ret = io_path_join(a, b);
	return *ret ? OK : err_at(ERR_NOMEM, "path");
}

static bool begins_with(const struct buf *text, const struct buf *beginning)
{
	return beginning->len <= text->len &&
	       (beginning->len == 0 || memcmp(text->data, beginning->data, beginning->len) == 0);
}

/* ---- ours ---- */

/* The copy there was longer: what is here was cut since. It stays, as the better witness. */
static enum err put_log(struct sync_logs *s, const char *dir, const char *name,
			const struct buf *own, bool judge)
{
	CLEANUP(buf_clear) struct buf there = {0};
	enum err err = sync_read(dir, name, LOG_MAX, &there);

	if (err != OK && err != ERR_NOT_FOUND)
		return s->fault(s->ctx, err, name);
	there.len = text_whole_lines(there.data, there.len);
	if (there.len == own->len && begins_with(own, &there))
		return OK;
	if (judge && there.len > own->len && begins_with(&there, own))
		return s->fault(s->ctx, ERR_LOG_GAP, name);
	if (judge && !begins_with(own, &there))
		TRY(s->fault(s->ctx, ERR_LOG_TAMPERED, name));
	return sync_write(dir, name, own->data ? own->data : "", own->len);
}

struct putting {
	struct sync_logs *s;
	const char *from, *to;
};

static bool is_volume_log(const char *name)
{
	return strspn(name, "0123456789abcdef") == 32 && strcmp(name + 32, ".jsonl") == 0;
}

static enum err put_volume(void *ctx, const char *name)
{
	struct putting *p = ctx;
	CLEANUP(buf_clear) struct buf own = {0};

	if (!is_volume_log(name))
		return OK;
	TRY(sync_read(p->from, name, LOG_MAX, &own));
	own.len = text_whole_lines(own.data, own.len);
	return put_log(p->s, p->to, name, &own, false);
}

static enum err put_own(struct sync_logs *s, const char *logs, const char *id)
{
	CLEANUP(mem_freep) char *dir = NULL;
	CLEANUP(buf_clear) struct buf own = {0};
	struct putting p = {.s = s, .from = home_log_volumes_dir(s->home)};

	TRY(join(logs, id, &dir));
	TRY(sync_folder_make_one(dir, s->folder->mode));
	TRY(io_read_file(home_log_path(s->home), LOG_MAX, &own));
	own.len = text_whole_lines(own.data, own.len);
	TRY(put_log(s, dir, HOST_FILE, &own, true));
	p.to = dir;
	return sync_each_name(p.from, put_volume, &p);
}

/* ---- theirs ---- */

/* What this host saw of another's log: a checkpoint, and how many bytes that was. */
struct peer {
	char id[20];
	struct checkpoint seen;
	off_t bytes, bytes_now;
	time_t when; /* 0: never */
};

struct peers {
	struct sync_logs *s;
	const char *logs, *own, *seen_dir;
	struct peer *list;
	size_t count;
};

static bool is_host(const char *name)
{
	return strncmp(name, "h-", 2) == 0 && strlen(name) == 18 &&
	       strspn(name + 2, "0123456789abcdef") == 16;
}

static void read_seen(const char *dir, struct peer *p)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(mem_freep) char *path = io_path_join(dir, p->id);
	const char *bytes;
	struct stat st;

	if (!path || io_read_own_file(path, CHECKPOINT_NOTE_MAX, &text) != OK ||
	    checkpoint_parse(text.data, text.len, &p->seen) != OK || stat(path, &st) != 0) {
		memset(&p->seen, 0, sizeof(p->seen));
		err_clear();
		return;
	}
	bytes = strstr(text.data, "\n\nbytes ");
	p->bytes = bytes ? (off_t)strtoll(bytes + 8, NULL, 10) : 0;
	p->when = st.st_mtime;
}

static enum err add_peer(void *ctx, const char *name)
{
	struct peers *all = ctx;
	CLEANUP(mem_freep) char *dir = NULL, *path = NULL;
	struct peer *more;
	struct stat st;

	if (!is_host(name) || strcmp(name, all->own) == 0)
		return OK;
	TRY(join(all->logs, name, &dir));
	TRY(join(dir, HOST_FILE, &path));
	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return OK;
	more = realloc(all->list, (all->count + 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "logs");
	all->list = more;
	more += all->count;
	*more = (struct peer){.bytes_now = st.st_size};
	memcpy(more->id, name, strlen(name) + 1);
	read_seen(all->seen_dir, more);
	if (more->bytes != more->bytes_now)
		all->count++;
	return OK;
}

static int longest_ago(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;

	return x->when != y->when ? (x->when < y->when ? -1 : 1) : strcmp(x->id, y->id);
}

/* The tree of the log there; false: it does not go on from what was seen. */
static bool follows(const struct buf *text, const struct checkpoint *seen, struct merkle *tree)
{
	const char *at = text->data ? text->data : "", *end = at + text->len, *stop;
	uint8_t leaf[SHA256_LEN], root[SHA256_LEN];

	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
		merkle_leaf(at, (size_t)(stop - at), leaf);
		merkle_add(tree, leaf);
		if (tree->size != seen->size)
			continue;
		merkle_root(tree, root);
		if (memcmp(root, seen->root, SHA256_LEN) != 0)
			return false;
	}
	return true;
}

static enum err keep_seen(const struct peers *all, const struct checkpoint *c, const char *id,
			  size_t bytes)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(mem_freep) char *path = NULL;

	TRY(join(all->seen_dir, id, &path));
	TRY(checkpoint_print(c, &text));
	TRY(buf_printf(&text, "\nbytes %zu\n", bytes));
	return io_replace_file(path, text.data, text.len, 0600);
}

static enum err witness(struct peers *all, const struct checkpoint *c)
{
	struct sync_logs *s = all->s;
	CLEANUP(buf_clear) struct buf text = {0};
	struct audit_event event = {.code = AUDIT_WITNESS, .actor = s->actor};

	TRY(checkpoint_print(c, &text));
	event.witness = text.data;
	return s->recorder->record(s->recorder->ctx, &event) == OK ? OK : ERR_LOG_WRITE;
}

static enum err look_at(struct peers *all, const struct peer *p)
{
	CLEANUP(mem_freep) char *dir = NULL;
	CLEANUP(buf_clear) struct buf text = {0};
	struct merkle tree = {0};
	struct checkpoint now;
	enum err err;

	TRY(join(all->logs, p->id, &dir));
	err = sync_read(dir, HOST_FILE, LOG_MAX, &text);
	if (err != OK)
		return err == ERR_NOMEM ? err : all->s->fault(all->s->ctx, err, p->id);
	if (!follows(&text, &p->seen, &tree))
		return all->s->fault(all->s->ctx, ERR_LOG_TAMPERED, p->id);
	/* Another folder may have had a newer one; whether this one was cut, the auditor sees. */
	if (tree.size <= p->seen.size)
		return OK;
	checkpoint_make(&now, ORIGIN_HOST, p->id, &tree);
	TRY(witness(all, &now));
	all->s->witnessed++;
	return keep_seen(all, &now, p->id, text.len);
}

static enum err look_at_others(struct sync_logs *s, const char *logs, const char *id)
{
	CLEANUP(mem_freep) char *dir = NULL;
	struct peers all = {.s = s, .logs = logs, .own = id};
	enum err err;

	TRY(join(home_log_volumes_dir(s->home), "../peers", &dir));
	all.seen_dir = dir;
	TRY(io_make_dirs(home_log_volumes_dir(s->home), 0700));
	TRY(io_make_dirs(dir, 0700));
	err = sync_each_name(logs, add_peer, &all);
	if (err == OK && all.count > 1)
		qsort(all.list, all.count, sizeof(*all.list), longest_ago);
	for (size_t i = 0; err == OK && i < MIN(all.count, (size_t)SYNC_WITNESSED); i++)
		err = look_at(&all, &all.list[i]);
	free(all.list);
	return err;
}

enum err sync_logs_exchange(struct sync_logs *s)
{
	CLEANUP(mem_freep) char *logs = NULL;
	const char *id;

	TRY(home_host_id(s->home, &id));
	TRY(join(s->folder->base, "logs", &logs));
	TRY(sync_folder_make_one(logs, s->folder->mode));
	TRY(look_at_others(s, logs, id));
	return put_own(s, logs, id);
}
