/* README.TXT of every vault: a note for who finds the medium. The same bytes everywhere, so that they
 * tell nothing; UTF-8 with a byte order mark and CRLF, for any editor. */
#pragma once

extern const char finder_note[];
