/* A plain file system in memory, as POSIX tells it: what a volume is compared with.
 *
 * Inodes are named by the numbers that the volume gave them; the model never makes one up. Every
 * change takes the time that it is to be stamped with. Nothing is shared with src/volume but its
 * constants and error codes. */
#pragma once
#include "volume/volume.h"

struct model;

/* A tree of one folder, mode 0700: the root of a volume, or a folder below that nobody else touches. */
struct model *model_new(uint64_t ino, uint32_t uid, uint32_t gid, struct timespec now);
struct model *model_clone(const struct model *m); /* without holds: as it is after reopening */
void model_free(struct model *m);
DEFINE_FREEP(struct model, model_free)

/* The volume made inode `ino` with it. `target` for symbolic links. */
enum err model_make(struct model *m, uint64_t parent, const char *name, uint32_t mode,
		    const char *target, uint32_t uid, uint32_t gid, uint64_t ino,
		    struct timespec now);
enum err model_link(struct model *m, uint64_t ino, uint64_t parent, const char *name,
		    struct timespec now);
enum err model_remove(struct model *m, uint64_t parent, const char *name, bool folder,
		      struct timespec now);
enum err model_rename(struct model *m, uint64_t parent, const char *name, uint64_t new_parent,
		      const char *new_name, unsigned flags, struct timespec now);
enum err model_write(struct model *m, uint64_t ino, uint64_t off, const void *buf, size_t len,
		     struct timespec now);
enum err model_fallocate(struct model *m, uint64_t ino, int mode, uint64_t off, uint64_t len,
			 struct timespec now);
enum err model_setattr(struct model *m, uint64_t ino, unsigned mask, const struct volume_attr *in,
		       struct timespec now);
enum err model_set_xattr(struct model *m, uint64_t ino, const char *name, const void *value,
			 size_t len, int flags, struct timespec now);
enum err model_remove_xattr(struct model *m, uint64_t ino, const char *name, struct timespec now);
enum err model_note(struct model *m, const void *data, size_t len); /* the register's */
enum err model_log(struct model *m, const char *line, size_t len);  /* one more line */
void model_hold(struct model *m, uint64_t ino);
void model_release(struct model *m, uint64_t ino);

/* ---- looking ---- */
uint64_t model_lookup(const struct model *m, uint64_t parent, const char *name); /* 0: none */
/* The n-th of the inodes that live, whatever n; 0 when there is none of that kind. */
uint64_t model_pick(const struct model *m, uint64_t n, uint32_t type);
uint32_t model_type(const struct model *m, uint64_t ino); /* S_IFMT bits; 0: no such inode */
uint64_t model_size(const struct model *m, uint64_t ino);
size_t model_count(const struct model *m); /* inodes with a name */
/* The n-th name of a folder, whatever n; NULL when it is empty. */
const char *model_name(const struct model *m, uint64_t folder, uint64_t n);
const uint8_t *model_data(const struct model *m, uint64_t ino);
/* The whole tree as text, one line a name, as volume_listing makes it of a volume. */
char *model_listing(const struct model *m);
