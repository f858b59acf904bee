#include "access/witness.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/lineage.h"
#include "base/io.h"
#include "base/text.h"

#define COPY_MAX (1u << 30)
#define ASIDE_MAX 10000

/* ---- the tree ---- */

static enum err set_text(struct vault *v)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct checkpoint c;

	checkpoint_make(&c, ORIGIN_VOLUME, v->volume_hex, &v->witness.tree);
	TRY(checkpoint_print(&c, &text));
	if (text.len >= sizeof(v->witness.text))
		return err_at(ERR_INTERNAL, "checkpoint of %zu bytes", text.len);
	memcpy(v->witness.text, text.data, text.len + 1);
	return OK;
}

static void add_leaf(struct merkle *tree, const char *line, size_t len)
{
	uint8_t leaf[SHA256_LEN];

	merkle_leaf(line, len, leaf);
	merkle_add(tree, leaf);
}

/* ---- the copy ---- */

static char *copy_path(const struct vault *v)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.jsonl", v->volume_hex);
	return io_path_join(home_log_volumes_dir(v->actor.home), name);
}

/* Without the copy there is no witness; it is part of the log. */
static enum err no_log(enum err err)
{
	char detail[512];

	if (err == OK || err == ERR_NOMEM)
		return err;
	text_copy(detail, sizeof(detail), err_detail());
	return err_at(ERR_LOG_WRITE, "%s", detail);
}

/* What the volume has, held against what the copy has. */
struct comparison {
	struct merkle tree;
	const char *at, *end; /* the rest of the copy */
	bool differs;
	bool adopted;	  /* where it differs, an officer accepted another state */
	struct buf fresh; /* lines that the copy lacks */
};

static enum err compare_line(void *ctx, uint64_t number, const char *line, size_t len)
{
	struct comparison *c = ctx;

	(void)number;
	add_leaf(&c->tree, line, len);
	if (c->at < c->end && !c->differs) {
		if ((size_t)(c->end - c->at) <= len || memcmp(c->at, line, len) != 0 ||
		    c->at[len] != '\n')
			c->differs = true;
		else
			c->at += len + 1;
		if (!c->differs)
			return OK;
	}
	c->adopted = c->adopted || (c->differs && session_line_adopts(line));
	TRY(buf_append(&c->fresh, line, len));
	return buf_puts(&c->fresh, "\n");
}

static enum err add_to_copy(const char *path, size_t end, const struct buf *fresh, bool durable)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)end) != 0)
		return err_from_errno("%s", path);
	if (fresh->len > 0)
		TRY(io_pwrite_full(fd, fresh->data, fresh->len, (off_t)end));
	if (durable && fdatasync(fd) != 0)
		return err_from_errno("%s", path);
	return OK;
}

static enum err put_aside(const char *path)
{
	for (int i = 1; i < ASIDE_MAX; i++) {
		CLEANUP(buf_clear) struct buf aside = {0};

		TRY(buf_printf(&aside, "%s.%d", path, i));
		if (link(path, aside.data) == 0)
			return unlink(path) == 0 ? OK : err_from_errno("%s", path);
		if (errno != EEXIST)
			return rename(path, aside.data) == 0 ? OK : err_from_errno("%s", path);
	}
	return err_at(ERR_EXISTS, "%s.%d", path, ASIDE_MAX - 1);
}

/* ---- opening ---- */

/* Lines may be gone where the state was: with a tail, by damage, or because an officer said so. */
static bool may_have_lost(const struct vault *v)
{
	return v->stepped_back || v->facts.adopted || v->adopting;
}

static enum err not_the_one(const struct vault *v, const struct comparison *c)
{
	bool shorter = !c->differs && c->at < c->end;

	return err_at(shorter ? ERR_ROLLBACK : ERR_FORK,
		      "the log in %s does not go on from what this computer has seen of it",
		      v->facts.path);
}

static enum err compare(struct vault *v, const char *path, struct comparison *c)
{
	CLEANUP(buf_clear) struct buf copy = {0};
	size_t end;
	enum err err = io_read_own_file(path, COPY_MAX, &copy);

	if (err != OK && err != ERR_NOT_FOUND)
		return no_log(err);
	end = text_whole_lines(copy.data, copy.len);
	c->at = copy.data;
	c->end = copy.data ? copy.data + end : NULL;
	TRY(journal_each(v->store, 0, compare_line, c));
	if (!c->differs && c->at == c->end)
		return no_log(add_to_copy(path, end, &c->fresh, false));
	if (!may_have_lost(v) && !c->adopted)
		return not_the_one(v, c);
	/* All of it, from the first line on. */
	v->witness.lost = true;
	TRY(no_log(put_aside(path)));
	buf_clear(&c->fresh);
	*c = (struct comparison){0};
	TRY(journal_each(v->store, 0, compare_line, c));
	return no_log(add_to_copy(path, 0, &c->fresh, false));
}

enum err witness_opening(struct vault *v)
{
	struct comparison c = {0};
	CLEANUP(mem_freep) char *path = copy_path(v);
	enum err err;

	if (v->facts.forked)
		return OK;
	if (!path)
		return err_at(ERR_NOMEM, "log");
	/* Not the folder around it: a log that is gone is not begun anew by the way. */
	if (mkdir(home_log_volumes_dir(v->actor.home), 0700) != 0 && errno != EEXIST)
		return no_log(err_from_errno("%s", home_log_volumes_dir(v->actor.home)));
	err = compare(v, path, &c);
	buf_clear(&c.fresh);
	/* A log that the medium does not give back, or that has no right form, is damage: check
	 * tells it, and who only reads gets at what is left. Nothing is written behind such a log.
	 */
	if (err != OK && (v->facts.store.damaged || (v->facts.read_only && err == ERR_MALFORMED)) &&
	    err != ERR_NOMEM && err != ERR_FORK && err != ERR_ROLLBACK) {
		err_clear();
		return OK;
	}
	TRY(err);
	v->witness.tree = c.tree;
	v->witness.is_known = true;
	return set_text(v);
}

const char *witness_text(const struct vault *v)
{
	return v->witness.text[0] ? v->witness.text : NULL;
}

/* ---- closing ---- */

static enum err take_line(void *ctx, uint64_t number, const char *line, size_t len)
{
	struct vault *v = ctx;

	(void)number;
	add_leaf(&v->witness.tree, line, len);
	TRY(buf_append(&v->witness.fresh, line, len));
	return buf_puts(&v->witness.fresh, "\n");
}

void witness_closing(struct vault *v)
{
	enum err err;

	v->witness.text[0] = '\0';
	if (!v->witness.is_known)
		return;
	err = journal_each(v->store, v->witness.tree.size, take_line, v);
	if (err == OK)
		err = set_text(v);
	if (err != OK) {
		v->witness.is_known = false;
		err_clear();
	}
}

void witness_closed(struct vault *v)
{
	CLEANUP(mem_freep) char *path = copy_path(v);
	CLEANUP(fd_closep) int fd = -1;
	off_t end;

	if (!path || !v->witness.is_known || v->witness.fresh.len == 0)
		return;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	/* What is missing is taken out of the volume at the next opening. */
	if (end < 0 || add_to_copy(path, (size_t)end, &v->witness.fresh, true) != OK)
		err_clear();
}

/* ---- the other way round ---- */

enum err witness_put_head(const struct vault *v, struct buf *line)
{
	const struct recorder *recorder = v->actor.recorder;
	CLEANUP(buf_clear) struct buf note = {0};
	enum err err;

	if (!recorder || !recorder->head)
		return OK;
	err = recorder->head(recorder->ctx, &note);
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	TRY(buf_puts(line, ",\"head\":\""));
	for (const char *at = note.data; *at; at++)
		TRY(*at == '\n' ? buf_puts(line, "\\n") : buf_append(line, at, 1));
	return buf_puts(line, "\"");
}
