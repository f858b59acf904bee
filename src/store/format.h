/* Numbers of the on-disk format, version 1. docs/FORMAT.md explains each. */
#pragma once

#define FORMAT_VERSION 1u
#define FORMAT_INCOMPAT 0u  /* feature bits this program knows: must all be known to open */
#define FORMAT_RO_COMPAT 0u /* unknown ones allow reading only */

#define FORMAT_NODE_LEN 16384u /* on the disk: nonce, tag, sealed page */
#define FORMAT_NODE_HEAD 40u
#define FORMAT_PAGE_LEN (FORMAT_NODE_LEN - FORMAT_NODE_HEAD)
#define FORMAT_NODE_BLOCKS 4u
#define FORMAT_DEPTH_MAX 10u
#define FORMAT_ADDR_MAX (UINT64_C(1) << 48)
/* Numbers that nobody gets to by committing: the first refuses writers, the second everybody. */
#define FORMAT_GENERATION_LAST (UINT64_C(1) << 61)
#define FORMAT_GENERATION_MAX (UINT64_C(1) << 62)

#define FORMAT_SLOT_LEN 4096u
#define FORMAT_SLOTS 16u /* in each HEAD file */
#define FORMAT_SLOT_MAGIC "VLTHEAD1"
#define FORMAT_EPOCHS_MAX 8u

/* What a block is; byte 4 of the additional data it is sealed with. */
enum format_kind { FORMAT_NODE = 1, FORMAT_RECORD = 2, FORMAT_SUPER = 3 };
