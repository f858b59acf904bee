/* A disk: the few files of one medium, behind five operations, so that a simulated disk can reorder,
 * tear, lose, lie and fail.
 *
 * Areas KEY0, KEY1, HEAD0, HEAD1 are DISK_FIXED_LEN bytes each from birth to death. DATA is a linear
 * space of blocks that only grows (the folder disk cuts it into segment files; nobody above sees
 * that). Offsets and lengths are bytes; the store uses multiples of DISK_BLOCK in DATA.
 * A write may be lost, torn at 512 bytes or reordered until the next successful flush of its area.
 * read and write may be called by many threads at once; flush, grow and list by one at a time.
 * Any ERR_ may come back; ERR_REMOVED means that the medium is gone. docs/FORMAT.md, "Files". */
#pragma once
#include <stdbool.h>
#include "base/err.h"

#define DISK_BLOCK 4096u
#define DISK_FIXED_LEN 65536u

enum disk_area { DISK_KEY0, DISK_KEY1, DISK_HEAD0, DISK_HEAD1, DISK_DATA, DISK_AREAS };

struct disk_info {
	uint64_t blocks;      /* of DATA, owned now */
	uint64_t more_blocks; /* that grow could still add, as far as the host tells */
	uint64_t step_blocks; /* grow by multiples of this where possible */
	bool read_only;
};

struct disk;
struct disk_ops {
	enum err (*read)(struct disk *d, enum disk_area area, uint64_t off, void *buf, size_t len);
	enum err (*write)(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			  size_t len);
	enum err (*flush)(struct disk *d, enum disk_area area);
	/* Makes DATA at least `blocks` long; durable on return. The new blocks' content is anything. */
	enum err (*grow)(struct disk *d, uint64_t blocks);
	/* The present extent; also finds out whether the medium is still there. */
	enum err (*list)(struct disk *d, struct disk_info *ret);
	void (*close)(struct disk *d); /* frees d; no flush */
};

struct disk {
	const struct disk_ops *ops;
};

MUST_CHECK static inline enum err disk_read(struct disk *d, enum disk_area area, uint64_t off,
					    void *buf, size_t len)
{
	return d->ops->read(d, area, off, buf, len);
}
MUST_CHECK static inline enum err disk_write(struct disk *d, enum disk_area area, uint64_t off,
					     const void *buf, size_t len)
{
	return d->ops->write(d, area, off, buf, len);
}
MUST_CHECK static inline enum err disk_flush(struct disk *d, enum disk_area area)
{
	return d->ops->flush(d, area);
}
MUST_CHECK static inline enum err disk_grow(struct disk *d, uint64_t blocks)
{
	return d->ops->grow(d, blocks);
}
MUST_CHECK static inline enum err disk_list(struct disk *d, struct disk_info *ret)
{
	return d->ops->list(d, ret);
}
static inline void disk_close(struct disk *d)
{
	if (d)
		d->ops->close(d);
}
DEFINE_FREEP(struct disk, disk_close)
