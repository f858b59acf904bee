/* A talk in stanzas, as age and its plugins have it. A word is one stanza: its first argument is
 * the command, its body what goes with it (age-plugin.md, "IPC protocol").
 *
 * What is said and heard may be a key, so it passes through guarded memory only; the body of a
 * heard stanza is wiped by age_stanza_clear. The partner is not trusted: what it says is bounded, a
 * word and all in all. One thread at a time. */
#pragma once
#include "age/pipe.h"
#include "age/stanza.h"
#include "crypto/secret.h"

#define DIALOGUE_WORD_MAX 65536u      /* the longest word */
#define DIALOGUE_TOTAL_MAX (1u << 20) /* all words it may say: as much as an age header */

struct dialogue {
	struct age_source from;
	struct age_sink to;
	struct secret *heard; /* bytes that came: up to `len`, the words before `at` are over */
	size_t at, len, total;
};

/* Give both ends; dialogue_close releases neither. */
MUST_CHECK enum err dialogue_open(struct dialogue *d, struct age_source from, struct age_sink to);
void dialogue_close(struct dialogue *d); /* wipes */

MUST_CHECK enum err dialogue_say(struct dialogue *d, const char *const *args, size_t argc,
				 const void *body, size_t len);
/* One word; *ret is to be cleared by the caller. ERR_PLUGIN when the partner ends, says what is no
 * stanza, or too much. */
MUST_CHECK enum err dialogue_hear(struct dialogue *d, struct age_stanza *ret);
