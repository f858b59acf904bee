/* The bytes inside a KEY file. Private to access and its fuzzer. FORMAT.md, "KEY file". */
#pragma once
#include "access/keyfile.h"

#define KEYFILE_MAGIC "VLTKEY01"
#define KEYFILE_PAYLOAD_MAGIC "VLTKEYP1"
#define KEYFILE_SEPARATED 1u
/* Places for recipients come in whole groups, as their stanzas do: otherwise the length of the file,
 * which stands in clear, would tell how many people there are. */
#define KEYFILE_GROUP 8u
#define KEYFILE_PLACES(n) (((n) + KEYFILE_GROUP - 1) / KEYFILE_GROUP * KEYFILE_GROUP)
#define KEYFILE_FIELDS_LEN(n)                                                                      \
	(8u + 16u + 16u + 8u + 4u + 4u + 8u + 32u + SIGN_VKEY_LEN + 4u + KEYFILE_PLACES(n) * 32u)
#define KEYFILE_PAYLOAD_MAX (KEYFILE_FIELDS_LEN(KEYFILE_RECIPIENTS_MAX) + SIGN_LEN)

/* An opened payload and the age header it came with. ERR_FORGED, ERR_NEWER_FORMAT. */
MUST_CHECK enum err keyfile_decode(const void *header, size_t header_len, const uint8_t *payload,
				   size_t len, struct keyfile *ret);
/* The same bytes in the other place, flushed. */
MUST_CHECK enum err keyfile_copy(struct disk *disk, enum disk_area from, enum disk_area to);
