/* Salvaging files: from the items that a damaged volume still gives to files in their folders.
 *
 * What always holds: a file gets its own name only if every byte of it was authenticated and
 * nothing of it is missing or known to be of an older state. Otherwise its name ends with
 * ".damaged" (a part is lost; zeroes stand there) or ".older" (whole, but what the last state said
 * of it is lost). What has no name that can be read is put into "lost+found" as "inode-N".
 * Everything that is not as it was is told as a flaw. What was deleted is not brought back where
 * the volume still says so.
 *
 * One thread. docs/FORMAT.md, "Salvage". */
#pragma once
#include "store/salvage.h"
#include "volume/volume.h"

enum salvage_flaw_kind {
	FLAW_LOST,	    /* named, and nothing of it is there; nothing was written */
	FLAW_DAMAGED,	    /* bytes `from` to `to` are lost; told for each such range */
	FLAW_PROPERTIES,    /* owner, permissions, size and times are lost, so its end may be too */
	FLAW_OLDER,	    /* whole, but of an older state */
	FLAW_UNPROVEN,	    /* whole, but may be of an older state */
	FLAW_NAME_LOST,	    /* its name or its folder is lost */
	FLAW_NAME_UNPROVEN, /* its name is, or may be, of an older state */
	FLAW_OTHER_NAME,    /* one more name that it had is lost */
	FLAW_NAMES,	    /* a folder: names in it may be lost */
	FLAW_ATTRIBUTES,    /* extended attributes of it are lost or older, or may be */
	FLAW_RENAMED,	    /* its own name is not possible there: `why` */
	FLAW_NOT_WRITTEN,   /* read, but could not be written: `why` */
	FLAW_KINDS
};

struct salvage_flaw {
	enum salvage_flaw_kind kind;
	const char *path;  /* where it was put; if nothing was written, where it was */
	uint64_t from, to; /* FLAW_DAMAGED */
	enum err why;	   /* FLAW_RENAMED, FLAW_NOT_WRITTEN */
};

/* Where the files go. Paths are relative, without a slash at either end; "" is the top. Names are
 * bytes as FORMAT.md 9.5 allows them, so never "", ".", ".." and without a slash. A folder comes
 * before what is in it. Between begin and end or drop no other file is begun. ERR_EXISTS and
 * ERR_NAME_TOO_LONG make the caller try another name; ERR_INTERRUPTED, ERR_NO_SPACE, ERR_NOMEM and
 * ERR_REMOVED end everything; other errors are told as FLAW_NOT_WRITTEN. */
struct salvage_sink {
	enum err (*folder)(void *ctx, const char *path);
	enum err (*begin)(void *ctx); /* a regular file, without a name as yet */
	enum err (*data)(void *ctx, uint64_t off, const void *data, size_t len);
	enum err (*end)(void *ctx, const char *path, const struct volume_attr *attr);
	void (*drop)(void *ctx);
	enum err (*link)(void *ctx, const char *old, const char *path); /* one more name */
	enum err (*symlink)(void *ctx, const char *target, const char *path,
			    const struct volume_attr *attr);
	enum err (*special)(void *ctx, const char *path, const struct volume_attr *attr);
	/* path NULL: of the file that was begun. */
	enum err (*xattr)(void *ctx, const char *path, const char *name, const void *value,
			  size_t len);
	enum err (*folder_end)(void *ctx, const char *path, const struct volume_attr *attr);
	enum err (*flaw)(void *ctx, const struct salvage_flaw *flaw);
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	void *ctx;
};

struct salvage_result {
	uint64_t files;	  /* that were written, with links, pipes and sockets, without folders */
	uint64_t folders; /* without the root */
	uint64_t bytes;
	uint64_t not_whole; /* of `files`: damaged or older */
	uint64_t lost;	    /* known by name only */
	uint64_t flaws;
};

/* `ret_label` is "" when it cannot be read. *ret tells how far it got, also after an error. */
MUST_CHECK enum err volume_salvage(struct salvage *s, const struct salvage_sink *sink,
				   char ret_label[65], struct salvage_result *ret);
