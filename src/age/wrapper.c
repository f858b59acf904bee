#include "age/wrapper.h"

#include <stdlib.h>
#include <string.h>
#include "age/passphrase.h"
#include "age/recipient.h"
#include "age/x25519.h"

void age_wrapped_clear(struct age_wrapped *w)
{
	for (size_t i = 0; i < w->count; i++)
		age_stanza_clear(&w->list[i]);
	free(w->list);
	free(w->labels);
	memset(w, 0, sizeof(*w));
}

static enum err stanza_check(const struct age_stanza *s)
{
	uint8_t share[X25519_LEN];

	if (age_stanza_is(s, SCRYPT_STANZA))
		return err_at(ERR_INVALID, "an scrypt stanza without a passphrase");
	if (age_stanza_is(s, X25519_STANZA) && age_recipient_check(s, share) != OK)
		return err_at(ERR_INVALID, "an X25519 stanza of a wrong form");
	return OK;
}

static enum err room_for(struct age_wrapped *w, size_t more)
{
	size_t room = MAX(w->count + more, w->room > 0 ? 2 * w->room : 8);
	struct age_stanza *list;

	if (w->room - w->count >= more)
		return OK;
	list = realloc(w->list, room * sizeof(*list));
	if (!list)
		return err_at(ERR_NOMEM, "age header");
	w->list = list;
	w->room = room;
	return OK;
}

enum err age_wrapped_add(struct age_wrapped *w, struct age_stanza *s)
{
	CLEANUP(age_stanza_clear) struct age_stanza own = *s;

	*s = (struct age_stanza){0};
	TRY(stanza_check(&own));
	TRY(room_for(w, 1));
	w->list[w->count++] = own;
	own = (struct age_stanza){0};
	return OK;
}

enum err age_wrapped_move(struct age_wrapped *w, struct age_wrapped *from)
{
	TRY(room_for(w, from->count));
	memcpy(w->list + w->count, from->list, from->count * sizeof(*from->list));
	w->count += from->count;
	from->count = 0;
	return OK;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `sorted` joined, each once. */
static enum err labels_join(const char *const *sorted, size_t count, struct buf *text)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0)
			continue;
		if (i > 0)
			TRY(buf_puts(text, " "));
		TRY(buf_puts(text, sorted[i]));
	}
	return OK;
}

enum err age_wrapped_label(struct age_wrapped *w, const char *const *labels, size_t count)
{
	CLEANUP(mem_freep) const char **sorted = calloc(MAX(count, (size_t)1), sizeof(*sorted));
	CLEANUP(buf_clear) struct buf text = {0};

	if (!sorted)
		return err_at(ERR_NOMEM, "labels");
	if (count > 0)
		memcpy(sorted, labels, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_text);
	TRY(labels_join(sorted, count, &text));
	free(w->labels);
	w->labels = TAKE(text.data);
	return OK;
}

bool age_wrapped_mixes(const struct age_wrapped *a, const struct age_wrapped *b)
{
	return strcmp(a->labels ? a->labels : "", b->labels ? b->labels : "") == 0;
}
