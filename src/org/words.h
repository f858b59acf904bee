/* 256 short English words, one for each value of a byte, chosen so that no two sound alike on the
 * telephone. Their order is part of how fingerprints are read out and never changes. */
#pragma once

extern const char *const fingerprint_words[256];
