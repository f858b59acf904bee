#include "audit/chain.h"
#include <stdio.h>
#include <string.h>

/* Details have no numbers in them: they are sentences that people read in their language. */
static enum err tampered(const char *what)
{
	return err_at(ERR_LOG_TAMPERED, "%s", what);
}

static enum err gap(const char *what)
{
	return err_at(ERR_LOG_GAP, "%s", what);
}

static void take_key(struct chain *c, const uint8_t vkey[SIGN_VKEY_LEN])
{
	memcpy(c->vkey, vkey, SIGN_VKEY_LEN);
	key_fpr(vkey, c->fpr);
}

void chain_begin(struct chain *c, enum chain_proof proof, const uint8_t *vkey)
{
	memset(c, 0, sizeof(*c));
	c->proof = proof;
	if (!vkey)
		return;
	c->has_vkey = true;
	memcpy(c->host_vkey, vkey, SIGN_VKEY_LEN);
	take_key(c, vkey);
}

/* ---- what one record must keep ---- */

static enum err check_place(const struct chain *c, const struct record *r)
{
	if (r->seq > c->seq + 1)
		return gap(N_("records before it are missing"));
	if (r->seq != c->seq + 1 || memcmp(r->prev, c->sha256, SHA256_LEN) != 0)
		return tampered(N_("it does not follow the record before it"));
	return OK;
}

static bool is_host_key(const struct chain *c, const struct record *r)
{
	uint8_t fpr[KEY_FPR_LEN];

	key_fpr(c->host_vkey, fpr);
	return memcmp(fpr, r->key_fpr, KEY_FPR_LEN) == 0;
}

/* The host key may begin a new period when the key of the one before was lost; that is told. */
static enum err check_key(struct chain *c, const char *text, const struct record *r, bool last)
{
	bool begins = r->has_vkey && span_is(r->event, "rotate");

	if (memcmp(r->key_fpr, c->fpr, KEY_FPR_LEN) == 0) {
		bool looked_at = c->proof == CHAIN_EACH || c->broken || last;

		return !looked_at || record_is_signed(text, r, c->vkey)
			       ? OK
			       : tampered(N_("its signature does not fit"));
	}
	if (!begins || !is_host_key(c, r) || !record_is_signed(text, r, c->host_vkey))
		return tampered(N_("it is not signed by the key of its period"));
	c->unclosed = false;
	take_key(c, c->host_vkey);
	return gap(N_("the key of the period before it was lost"));
}

static bool is_checkpoint_of(const struct chain *c, const char *note, size_t len)
{
	char origin[ORIGIN_MAX];
	struct checkpoint said;
	uint8_t root[SHA256_LEN];

	snprintf(origin, sizeof(origin), ORIGIN_HOST "%s", c->host);
	merkle_root(&c->tree, root);
	return checkpoint_parse(note, len, &said) == OK && strcmp(said.origin, origin) == 0 &&
	       (c->broken ||
		(said.size == c->tree.size && memcmp(said.root, root, SHA256_LEN) == 0)) &&
	       note_verify(note, len, origin, c->closing);
}

static enum err check_closing(struct chain *c, const struct record *r)
{
	char note[CHECKPOINT_NOTE_MAX];

	if (!c->unclosed)
		return r->checkpoint.at ? tampered(N_("a checkpoint where no period ended")) : OK;
	if (!r->checkpoint.at)
		return gap(N_("the period before it has no closing checkpoint"));
	if (span_text(r->checkpoint, note, sizeof(note)) != OK ||
	    !is_checkpoint_of(c, note, strlen(note)))
		return tampered(N_("the closing checkpoint is not of the lines before it"));
	c->periods++;
	return OK;
}

/* Logs of the first version did not announce it. */
static enum err check_time(const struct chain *c, const struct record *r)
{
	if (r->time >= c->time || c->periods == 0 || span_is(r->event, "clock"))
		return OK;
	return tampered(N_("time runs back, and nothing announces it"));
}

static enum err check_host(struct chain *c, const struct record *r)
{
	if (!c->host[0] && r->host.at)
		return span_text(r->host, c->host, sizeof(c->host)) == OK
			       ? OK
			       : tampered(N_("the host is none"));
	return span_is(r->host, c->host) ? OK : tampered(N_("it is of another computer"));
}

static enum err check_record(struct chain *c, const char *text, const struct record *r, bool last)
{
	enum err worst = check_host(c, r);

	worst = worst == OK ? check_key(c, text, r, last) : worst;
	if (worst != ERR_LOG_TAMPERED && c->torn && !span_is(r->event, "recovered"))
		return tampered(N_("something before it is no record"));
	if (worst == OK)
		worst = check_place(c, r);
	if (worst == OK)
		worst = check_closing(c, r);
	return worst == OK ? check_time(c, r) : worst;
}

/* ---- going on ---- */

static void add_line(struct chain *c, const char *text, size_t len)
{
	uint8_t leaf[SHA256_LEN];

	merkle_leaf(text, len, leaf);
	merkle_add(&c->tree, leaf);
}

static void go_on(struct chain *c, const struct record *r, const char *text, size_t len)
{
	c->torn = false;
	c->seq = r->seq;
	c->time = r->time;
	sha256(text, len, c->sha256);
	c->unclosed = r->has_vkey && span_is(r->event, "rotate");
	if (c->unclosed) {
		memcpy(c->closing, c->vkey, SIGN_VKEY_LEN);
		take_key(c, r->vkey);
	}
}

/* A line that is no record: a crash may have torn it (more than once, when it struck again while
 * recovering), which the next record has to tell. The last line has none behind it; there, only one
 * without its line feed can be torn. */
static enum err check_torn(struct chain *c, bool last, bool whole)
{
	c->torn = true;
	return last && whole ? tampered(N_("the last line is no record")) : OK;
}

enum err chain_line(struct chain *c, const char *text, size_t len, bool last, bool whole,
		    struct record *ret)
{
	struct record r = {0};
	enum err err = record_parse(text, len, &r);

	if (err == OK && !c->has_vkey && r.has_vkey && r.seq == 1) {
		c->has_vkey = true;
		memcpy(c->host_vkey, r.vkey, SIGN_VKEY_LEN);
		take_key(c, r.vkey);
	}
	if (err == OK && !c->has_vkey)
		err = tampered(N_("the first record with its key is missing"));
	else if (err == OK)
		err = check_record(c, text, &r, last);
	else
		err = check_torn(c, last, whole);
	c->broken = c->broken || err != OK;
	if (r.seq > 0 && c->has_vkey)
		go_on(c, &r, text, len);
	add_line(c, text, len);
	*ret = r;
	return err;
}
