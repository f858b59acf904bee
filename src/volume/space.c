/* Space promised before it is needed, so that a commit never lacks it.
 *
 * The exact worst case of one item is a path of nodes of its own, some 80 KiB. Promising that for
 * each of thousands of small files would let a nearly empty medium seem full and make the disk grow
 * for nothing, so what waits in memory promises what it takes together:
 *   - an item that is new beside other new ones (numbers of inodes count upwards, a file is mostly
 *     written forwards) takes its bytes, with leaves half full;
 *   - an item somewhere in the old tree takes a leaf of its own and its bytes;
 *   - the nodes above the leaves are shared. A node has at least 72 children when half full, so all
 *     of them together are at most one in 71 of the blocks in use. The fund holds that, and the
 * worst case that the store asks for at the beginning of each batch of changes in a commit. It is
 *     reserved all the time and let go while a commit brings memory to the tree.
 * Behind the fund stands the store's own reserve for commits. */
#include "volume/internal.h"

#define LEAF_BLOCKS 4u
#define BYTES_BLOCKS 1u	 /* INODE with ORPHAN, or EXTENTs of one window: below 1 KiB */
#define INLINE_BLOCKS 2u /* three of the longest fit into half a leaf */
#define FUND_BATCH 1024u /* above 2 * INODE_BATCH items at a depth of 6, less is mostly needed */
#define FUND_SHARE 64u
#define FUND_MAX 16384u

uint64_t inode_node_blocks(const struct inode *inode)
{
	return inode->in_tree ? LEAF_BLOCKS + BYTES_BLOCKS : BYTES_BLOCKS;
}

/* Window 0 lies beside the INODE item, which is dirty too and has promised the leaf. */
uint64_t chunk_node_blocks(const struct inode *inode, uint64_t index)
{
	if (index == 0)
		return INLINE_BLOCKS;
	return chunk_find(inode, index - 1) ? BYTES_BLOCKS : LEAF_BLOCKS + BYTES_BLOCKS;
}

/* On a disk so full that there is nothing to set aside, commits live on the store's reserve. */
void fund_fill(struct volume *v)
{
	struct store_info info;
	uint64_t want;

	store_info(v->store, &info);
	want = FUND_BATCH + MIN(info.used_blocks / FUND_SHARE, FUND_MAX);
	want = MIN(want, info.total_blocks / 8);
	if (want <= v->fund || store_reserve(v->store, want - v->fund, true) != OK)
		return;
	v->fund = want;
}

void fund_spend(struct volume *v)
{
	store_unreserve(v->store, v->fund);
	v->fund = 0;
}

/* Not from within a commit: flushing a chunk may drop the last reference of a file without a name,
 * whose removal must then do without. */
static bool commit_would_help(struct volume *v)
{
	struct commits *c = &v->commits;
	bool help;

	pthread_mutex_lock(&c->lock);
	help = v->changed || c->unripe > 0;
	if (c->started > c->done && pthread_equal(c->runner, pthread_self()))
		help = false;
	pthread_mutex_unlock(&c->lock);
	return help;
}

bool volume_space_again(struct volume *v, enum err err, unsigned *tries)
{
	if (err != ERR_NO_SPACE || *tries >= 2 || !commit_would_help(v))
		return false;
	*tries += 1;
	return volume_commit_now(v) == OK;
}
