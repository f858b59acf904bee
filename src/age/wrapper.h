/* Recipients and identities of types that age's own format does not name: an ssh key, a plugin.
 *
 * A wrapper makes the stanzas of one such recipient for a file key; an unwrapper looks at all
 * stanzas of a header and gives the file key. Both are values over a borrowed context, which knows
 * whether threads may share it. age.md, "Recipient stanza". */
#pragma once
#include "age/stanza.h"
#include "crypto/secret.h"

/* Stanzas of one file key, in order. All-zero is the valid empty state. */
struct age_wrapped {
	struct age_stanza *list; /* owned */
	size_t count, room;
	/* Labels say with whom a recipient may be mixed: with those of the same set only. Here they
	 * are sorted, each once, with spaces between; NULL: the empty set, as of X25519. Owned. */
	char *labels;
};
void age_wrapped_clear(struct age_wrapped *w);
/* Takes over what *s holds, on failure too. ERR_INVALID for an scrypt stanza, which stands alone
 * and comes from a passphrase only, and for an X25519 stanza of a wrong form. */
MUST_CHECK enum err age_wrapped_add(struct age_wrapped *w, struct age_stanza *s);
/* Moves all stanzas of `from` behind those of `w`. */
MUST_CHECK enum err age_wrapped_move(struct age_wrapped *w, struct age_wrapped *from);
/* The set of `count` labels, in any order, of visible ASCII; replaces the one before. */
MUST_CHECK enum err age_wrapped_label(struct age_wrapped *w, const char *const *labels,
				      size_t count);
bool age_wrapped_mixes(const struct age_wrapped *a, const struct age_wrapped *b);

struct age_wrapper {
	/* Adds one or more stanzas to *out, which is empty, and its labels. */
	enum err (*wrap)(void *ctx, const struct secret *file_key, struct age_wrapped *out);
	void *ctx;
};

struct age_unwrapper {
	/* ERR_NO_KEY_FITS when no stanza is for it; *ret goes to the caller. */
	enum err (*unwrap)(void *ctx, const struct age_stanza *stanzas, size_t count,
			   struct secret **ret);
	void *ctx;
};
