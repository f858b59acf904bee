/* The text form of an age file: strict PEM (RFC 7468, figure 3) of 64 columns with the label "AGE
 * ENCRYPTED FILE". Streams in constant memory.
 *
 * Read strictly, since looser armor would let anybody change the text of a file: canonical base64
 * with padding, full lines but the last, nothing but whitespace lines before and whitespace after.
 * Lines end with LF or CRLF. Rules: age.md, "ASCII armor". */
#pragma once
#include "age/pipe.h"

#define AGE_ARMOR_COLUMNS 64u
#define AGE_ARMOR_BYTES 48u	  /* of a full line */
#define AGE_ARMOR_SPACE_MAX 1024u /* whitespace before the first line, and after the last */

struct age_armor_writer {
	struct age_sink into;
	bool begun;
	size_t len;
	uint8_t line[AGE_ARMOR_BYTES];
};
struct age_armor_writer age_armor_writer_make(struct age_sink into);
struct age_sink age_armor_sink(struct age_armor_writer *w); /* what it takes comes out as armor */
/* Writes what is left and the last line; to be called once. */
MUST_CHECK enum err age_armor_finish(struct age_armor_writer *w);

/* The armor is read from `in`. Faults up to the first line are ERR_AGE_HEADER, later ones
 * ERR_AGE_PAYLOAD. */
struct age_armor_reader {
	struct age_inflow *in;
	bool begun, short_line, ended;
	size_t at, len;
	uint8_t line[AGE_ARMOR_BYTES];
};
struct age_armor_reader age_armor_reader_make(struct age_inflow *in);
struct age_source age_armor_source(struct age_armor_reader *r);
/* Whether bytes that start with `first` can only be armor: an age file starts with 'a'. */
bool age_armor_likely(uint8_t first);
