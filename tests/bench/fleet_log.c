#include "tests/bench/fleet_log.h"
#include <stdio.h>
#include <string.h>
#include "audit/line.h"
#include "base/clock.h"
#include "base/text.h"

#define PERIOD_SECONDS 86400

/* ---- dice ---- */

uint64_t dice_roll(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t bound)
{
	return dice_roll(d) % bound;
}

void dice_hex(struct dice *d, size_t digits, char *out)
{
	for (size_t i = 0; i < digits; i++)
		out[i] = "0123456789abcdef"[dice_roll(d) >> 60];
	out[digits] = '\0';
}

static enum err draw_key(struct dice *d, struct sign_key **ret)
{
	uint64_t seed[SIGN_SEED_LEN / sizeof(uint64_t)];

	for (size_t i = 0; i < ARRAY_LEN(seed); i++)
		seed[i] = dice_roll(d);
	return sign_key_new((const uint8_t *)seed, ret);
}

/* ---- a host ---- */

enum err host_log_begin(struct host_log *h, struct dice *dice)
{
	uint8_t fpr[KEY_FPR_LEN];

	memset(h, 0, sizeof(*h));
	h->keys.state = dice_roll(dice);
	TRY(draw_key(&h->keys, &h->key));
	key_fpr(sign_key_vkey(h->key), fpr);
	strcpy(h->id, "h-");
	text_hex(fpr, sizeof(fpr), h->id + 2);
	return OK;
}

void host_log_clear(struct host_log *h)
{
	sign_key_free(TAKE(h->key));
	sign_key_free(TAKE(h->closing));
	buf_clear(&h->text);
}

static enum err cosign(const struct host_log *h, const char *text, struct buf *note)
{
	char name[ORIGIN_MAX];
	struct checkpoint c;

	TRY(checkpoint_parse(text, strlen(text), &c));
	snprintf(name, sizeof(name), ORIGIN_HOST "%s", h->id);
	return note_cosign(&c, name, h->key, clock_wall().tv_sec, note);
}

static enum err close_period(const struct host_log *h, struct buf *note)
{
	struct checkpoint c;

	checkpoint_make(&c, ORIGIN_HOST, h->id, &h->tree);
	return note_sign(&c, c.origin, h->closing, note);
}

static enum err put_line(struct host_log *h, const struct audit_event *event,
			 const uint8_t *next_vkey)
{
	CLEANUP(buf_clear) struct buf witness = {0}, checkpoint = {0};
	struct line_place place = {.seq = h->seq + 1, .host = h->id, .next_vkey = next_vkey};
	size_t begin = h->text.len, len;
	uint8_t leaf[SHA256_LEN];

	if (event->witness)
		TRY(cosign(h, event->witness, &witness));
	if (h->closing && !h->omits_checkpoints)
		TRY(close_period(h, &checkpoint));
	place.witness = witness.data;
	place.checkpoint = checkpoint.data;
	memcpy(place.prev, h->prev, SHA256_LEN);
	TRY(line_print(&place, event, h->key, &h->text));
	len = h->text.len - begin - 1;
	sha256(h->text.data + begin, len, h->prev);
	merkle_leaf(h->text.data + begin, len, leaf);
	merkle_add(&h->tree, leaf);
	h->seq++;
	sign_key_free(TAKE(h->closing));
	return OK;
}

static enum err rotate(struct host_log *h)
{
	const struct audit_event event = {.code = AUDIT_ROTATE};
	struct sign_key *next;

	TRY(draw_key(&h->keys, &next));
	h->begun = clock_wall().tv_sec;
	enum err err = put_line(h, &event, sign_key_vkey(next));
	h->closing = h->key;
	h->key = next;
	return err;
}

enum err host_log_append(struct host_log *h, const struct audit_event *event)
{
	bool opens = event->code == AUDIT_UNLOCK && event->result == AUDIT_OK;
	bool old = clock_wall().tv_sec - h->begun >= PERIOD_SECONDS;

	if (h->seq == 0)
		h->begun = clock_wall().tv_sec;
	else if (opens || old)
		TRY(rotate(h));
	return put_line(h, event, NULL);
}

enum err host_log_head(const struct host_log *h, struct buf *out)
{
	struct checkpoint c;

	checkpoint_make(&c, ORIGIN_HOST, h->id, &h->tree);
	return note_sign(&c, c.origin, h->key, out);
}

void host_log_mark(const struct host_log *h, struct host_mark *ret)
{
	memcpy(ret->seed, sign_key_seed(h->key), SIGN_SEED_LEN);
	ret->seq = h->seq;
	ret->begun = h->begun;
	memcpy(ret->prev, h->prev, SHA256_LEN);
	ret->tree = h->tree;
	ret->len = h->text.len;
	ret->keys = h->keys;
}

enum err host_log_go_back(struct host_log *h, const struct host_mark *mark)
{
	sign_key_free(TAKE(h->key));
	sign_key_free(TAKE(h->closing));
	h->seq = mark->seq;
	h->begun = mark->begun;
	memcpy(h->prev, mark->prev, SHA256_LEN);
	h->tree = mark->tree;
	h->text.len = mark->len;
	h->keys = mark->keys;
	return sign_key_new(mark->seed, &h->key);
}

/* ---- a volume ---- */

static enum err put_head(const struct host_log *host, struct buf *out)
{
	CLEANUP(buf_clear) struct buf note = {0};

	TRY(host_log_head(host, &note));
	TRY(buf_puts(out, ",\"head\":\""));
	for (const char *at = note.data; *at; at++)
		TRY(*at == '\n' ? buf_puts(out, "\\n") : buf_append(out, at, 1));
	return buf_puts(out, "\"");
}

enum err volume_log_append(struct volume_log *v, const struct buf *line,
			   const struct host_log *host)
{
	size_t begin = v->text.len;
	uint8_t leaf[SHA256_LEN];

	TRY(buf_append(&v->text, line->data, line->len));
	if (host)
		TRY(put_head(host, &v->text));
	TRY(buf_puts(&v->text, "}\n"));
	merkle_leaf(v->text.data + begin, v->text.len - begin - 1, leaf);
	merkle_add(&v->tree, leaf);
	return OK;
}

enum err volume_log_head(const struct volume_log *v, struct buf *out)
{
	struct checkpoint c;

	checkpoint_make(&c, ORIGIN_VOLUME, v->id, &v->tree);
	return checkpoint_print(&c, out);
}
