#include "tools/copy.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/report.h"
#include "tools/visit.h"

#define CHUNK (1u << 20)
#define HOLE 65536u /* zeros of this length are left out */
#define LINK_MAX_LEN 4096u

struct seen_file {
	uint64_t dev, ino;
	char *to;
};

static int compare_seen(const void *a, const void *b)
{
	const struct seen_file *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return 0;
}

static void free_seen(void *node)
{
	struct seen_file *f = node;

	free(f->to);
	free(f);
}

enum err copy_init(struct copy *c, struct cli *cli, struct side *from, struct side *to,
		   bool recursive)
{
	*c = (struct copy){.cli = cli, .from = from, .to = to, .recursive = recursive};
	c->buffer = malloc(CHUNK);
	progress_begin(&c->progress, cli, _("copying"), 0);
	return c->buffer ? OK : ERR_NOMEM;
}

void copy_clear(struct copy *c)
{
	progress_end(&c->progress);
	tdestroy(c->links, free_seen);
	free(c->buffer);
}

/* ---- measuring ------------------------------------------------------------------------------- */

struct below {
	struct copy *c;
	const char *from, *to;
};

static enum err measure_name(void *ctx, const char *name)
{
	struct below *b = ctx;
	CLEANUP(mem_freep) char *path = io_path_join(b->from, name);

	if (!path)
		return ERR_NOMEM;
	copy_measure(b->c, path);
	return interrupt_seen() ? ERR_INTERRUPTED : OK;
}

/* Only for the progress: what fails here fails again, and is told, when it is copied. */
void copy_measure(struct copy *c, const char *path)
{
	struct below b = {.c = c, .from = path};
	struct side_attr attr;

	if (c->from->ops->stat(c->from, path, &attr) != OK)
		return;
	if (S_ISREG(attr.mode))
		c->progress.total += attr.size;
	if (S_ISDIR(attr.mode) && c->recursive &&
	    c->from->ops->list(c->from, path, measure_name, &b) != OK)
		return;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool is_hole(const uint8_t *data, size_t len)
{
	return len >= HOLE && data[0] == 0 && !memcmp(data, data + 1, len - 1);
}

static enum err copy_content(struct copy *c, struct side_file *from, struct side_file *to,
			     uint64_t *ret_size)
{
	uint64_t off = 0;

	for (;;) {
		size_t len = 0;

		if (interrupt_seen())
			return ERR_INTERRUPTED;
		TRY(c->from->ops->read(from, off, c->buffer, CHUNK, &len));
		if (len && !is_hole(c->buffer, len))
			TRY(c->to->ops->write(to, off, c->buffer, len));
		off += len;
		progress_set(&c->progress, c->progress.done + len);
		if (len < CHUNK)
			break;
	}
	*ret_size = off;
	return OK;
}

struct target {
	struct copy *c;
	struct side_file *file; /* NULL: by path */
	const char *path;
};

static enum err copy_xattr(void *ctx, const char *name, const void *value, size_t len)
{
	struct target *t = ctx;

	return t->c->to->ops->set_xattr(t->c->to, t->file, t->path, name, value, len);
}

static enum err fill(struct copy *c, const char *from, const char *to, struct side_file *in,
		     struct side_file *out, struct side_attr *attr)
{
	struct target t = {c, out, to};

	TRY(copy_content(c, in, out, &attr->size));
	TRY(c->from->ops->xattrs(c->from, from, copy_xattr, &t));
	return c->to->ops->finish(out, attr);
}

static enum err copy_file(struct copy *c, const char *from, const char *to, struct side_attr attr)
{
	struct side_file *in = NULL, *out = NULL;
	enum err err;

	TRY(c->from->ops->open(c->from, from, &in));
	err = c->to->ops->create(c->to, to, &out);
	if (err == OK) {
		err = fill(c, from, to, in, out, &attr);
		if (err != OK)
			c->to->ops->discard(out);
	}
	c->from->ops->discard(in);
	if (err == OK) {
		c->files++;
		c->bytes += attr.size;
	}
	return err;
}

static enum err remember_link(struct copy *c, const struct side_attr *attr, const char *to)
{
	struct seen_file *f = calloc(1, sizeof(*f));

	if (f)
		f->to = strdup(to);
	if (!f || !f->to) {
		free(f);
		return ERR_NOMEM;
	}
	f->dev = attr->dev;
	f->ino = attr->ino;
	if (!tsearch(f, &c->links, compare_seen)) {
		free_seen(f);
		return ERR_NOMEM;
	}
	return OK;
}

/* The second name of a file becomes a second name there too, where that side knows such a thing. */
static enum err copy_regular(struct copy *c, const char *from, const char *to,
			     const struct side_attr *attr)
{
	const struct seen_file key = {.dev = attr->dev, .ino = attr->ino};
	struct seen_file *const *found = NULL;

	if (attr->nlink > 1)
		found = tfind(&key, &c->links, compare_seen);
	if (found && c->to->ops->link(c->to, (*found)->to, to) == OK) {
		c->files++;
		progress_set(&c->progress, c->progress.done + attr->size);
		return OK;
	}
	TRY(copy_file(c, from, to, *attr));
	return attr->nlink > 1 && !found ? remember_link(c, attr, to) : OK;
}

static enum err copy_symlink(struct copy *c, const char *from, const char *to,
			     const struct side_attr *attr)
{
	char target[LINK_MAX_LEN];

	TRY(c->from->ops->read_link(c->from, from, target, sizeof(target)));
	TRY(c->to->ops->symlink(c->to, target, to));
	c->files++;
	return c->to->ops->set_attr(c->to, to, attr);
}

static enum err copy_fifo(struct copy *c, const char *to, const struct side_attr *attr)
{
	TRY(c->to->ops->fifo(c->to, to));
	c->files++;
	return c->to->ops->set_attr(c->to, to, attr);
}

/* ---- folders --------------------------------------------------------------------------------- */

static bool is_final(enum err err)
{
	return err == ERR_NO_SPACE || err == ERR_FROZEN || err == ERR_REMOVED ||
	       err == ERR_INTERRUPTED || err == ERR_READ_ONLY || err == ERR_NOMEM;
}

/* Tells of a part that failed, and goes on unless that is useless. */
static enum err pass_over(struct copy *c, enum err err)
{
	if (err == OK || is_final(err))
		return err;
	progress_pause(&c->progress);
	report_part(c->cli, err);
	c->failed++;
	c->worst = worse(c->worst, err);
	return OK;
}

static enum err copy_name(void *ctx, const char *name)
{
	struct below *b = ctx;
	CLEANUP(mem_freep) char *from = io_path_join(b->from, name);
	CLEANUP(mem_freep) char *to = io_path_join(b->to, name);

	if (!from || !to)
		return ERR_NOMEM;
	return copy_item(b->c, from, to);
}

static enum err copy_dir(struct copy *c, const char *from, const char *to,
			 const struct side_attr *attr)
{
	struct below b = {c, from, to};
	struct target t = {.c = c, .path = to};
	struct side_attr there;
	bool existed = c->to->ops->stat(c->to, to, &there) == OK;
	enum err listed;

	if (!c->recursive)
		return err_at(ERR_IS_DIR, "%s", from);
	TRY(c->to->ops->make_dir(c->to, to));
	listed = c->from->ops->list(c->from, from, copy_name, &b);
	if (existed || is_final(listed))
		return listed;
	TRY(pass_over(c, listed));
	TRY(c->from->ops->xattrs(c->from, from, copy_xattr, &t));
	return c->to->ops->set_attr(c->to, to, attr);
}

enum err copy_one(struct copy *c, const char *from, const char *to)
{
	struct side_attr attr;

	if (interrupt_seen())
		return ERR_INTERRUPTED;
	TRY(c->from->ops->stat(c->from, from, &attr));
	switch (attr.mode & S_IFMT) {
	case S_IFDIR:
		return copy_dir(c, from, to, &attr);
	case S_IFREG:
		return copy_regular(c, from, to, &attr);
	case S_IFLNK:
		return copy_symlink(c, from, to, &attr);
	case S_IFIFO:
		return copy_fifo(c, to, &attr);
	default:
		return err_at(ERR_NOT_SUPPORTED, _("%s: devices and sockets are not copied"), from);
	}
}

enum err copy_item(struct copy *c, const char *from, const char *to)
{
	return pass_over(c, copy_one(c, from, to));
}
