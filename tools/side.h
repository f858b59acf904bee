/* One side of a copy: the files of this computer, or the inside of a vault, behind the same few
 * operations, so that the one who walks and copies does not care which way it goes.
 *
 * Paths are absolute or relative as that side understands them; symbolic links are never followed,
 * except by side_local for the folders on the way. A file is written under a passing name and gets
 * its own in finish, so a name never stands for half a content. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include "base/err.h"

struct side_attr {
	uint32_t mode; /* type and permissions */
	uint64_t size;
	uint64_t dev, ino, nlink; /* to find hard links again */
	struct timespec atime, mtime;
};

struct side;
struct side_file;

typedef enum err (*side_name_fn)(void *ctx, const char *name);
typedef enum err (*side_xattr_fn)(void *ctx, const char *name, const void *value, size_t len);

struct side_ops {
	enum err (*stat)(struct side *s, const char *path, struct side_attr *ret);
	/* Names in no order, without "." and "..". They are collected first: fn may change the
	 * folder. */
	enum err (*list)(struct side *s, const char *path, side_name_fn fn, void *ctx);
	enum err (*read_link)(struct side *s, const char *path, char *out, size_t cap);
	enum err (*xattrs)(struct side *s, const char *path, side_xattr_fn fn,
			   void *ctx); /* user.* */
	enum err (*open)(struct side *s, const char *path, struct side_file **ret);
	enum err (*read)(struct side_file *f, uint64_t off, void *buf, size_t len, size_t *ret_len);

	enum err (*make_dir)(struct side *s, const char *path); /* OK when it is there */
	/* These three replace what has the name, unless it is a folder. */
	enum err (*symlink)(struct side *s, const char *target, const char *path);
	enum err (*link)(struct side *s, const char *old, const char *path);
	enum err (*fifo)(struct side *s, const char *path);
	enum err (*create)(struct side *s, const char *path, struct side_file **ret);
	enum err (*write)(struct side_file *f, uint64_t off, const void *buf, size_t len);
	enum err (*set_xattr)(struct side *s, struct side_file *f, const char *path,
			      const char *name, const void *value, size_t len); /* f or path */
	enum err (*finish)(struct side_file *f, const struct side_attr *attr);	/* frees f if OK */
	void (*discard)(struct side_file *f); /* closes and frees f */
	enum err (*set_attr)(struct side *s, const char *path, const struct side_attr *attr);
	void (*close)(struct side *s);
};

struct side {
	const struct side_ops *ops;
};

MUST_CHECK enum err side_local_new(struct side **ret);
struct vault;
/* Borrows `vault` until close. */
MUST_CHECK enum err side_vault_new(struct vault *vault, struct side **ret);
static inline void side_freep(struct side **s)
{
	if (*s)
		(*s)->ops->close(*s);
}
