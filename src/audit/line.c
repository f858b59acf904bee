#include "audit/line.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include "base/clock.h"
#include "base/text.h"
#include "crypto/labels.h"

#define SIG_FIELD ",\"sig\":\""

/* A JSON string with everything but plain text escaped by the library. */
static enum err put_string(struct buf *out, const char *value)
{
	json_t *json = json_string(value);
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
	enum err err = text ? buf_puts(out, text) : ERR_INVALID;

	free(text);
	json_decref(json);
	return err == ERR_INVALID ? err_at(ERR_INVALID, "text that is not UTF-8") : err;
}

static enum err put_text(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return OK;
	TRY(buf_printf(out, ",\"%s\":", name));
	return put_string(out, value);
}

static enum err put_number(struct buf *out, const char *name, uint64_t value)
{
	return buf_printf(out, ",\"%s\":%" PRIu64, name, value);
}

/* Whether the kernel's clock is kept right by somebody, as far as it says. */
static const char *clock_state(void)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	if (state < 0)
		return "unknown";
	return state == TIME_ERROR || (t.status & STA_UNSYNC) ? "unsynced" : "synced";
}

static enum err put_head(const struct line_place *place, const struct audit_event *e,
			 struct buf *out)
{
	char ts[32];

	text_time(clock_wall().tv_sec, ts);
	TRY(buf_printf(out, "{\"schema\":\"vault.audit/1\",\"seq\":%" PRIu64, place->seq));
	TRY(put_text(out, "ts", ts));
	TRY(put_text(out, "clock", clock_state()));
	TRY(put_text(out, "host", place->host));
	TRY(put_text(out, "tool", VAULT_VERSION));
	TRY(put_text(out, "actor", e->actor ? e->actor : ""));
	TRY(put_text(out, "role", e->role));
	TRY(put_text(out, "approver", e->approver));
	TRY(put_text(out, "counterparty", e->counterparty));
	TRY(put_text(out, "event", audit_code_name(e->code)));
	TRY(put_text(out, "result", audit_result_name(e->result)));
	if (e->reason != OK) {
		TRY(put_text(out, "reason", err_name(e->reason)));
		TRY(buf_printf(out, ",\"reason_id\":\"VLT-%03d\"", (int)e->reason));
	}
	return OK;
}

static enum err put_subject(const struct line_place *place, const struct audit_event *e,
			    struct buf *out)
{
	TRY(put_text(out, "volume_id", e->volume_id ? e->volume_id : ""));
	TRY(put_text(out, "label", e->label));
	TRY(put_text(out, "media_id", e->medium_id));
	TRY(put_text(out, "media_serial", e->medium_serial));
	TRY(put_text(out, "checkout_id", e->checkout_id));
	TRY(put_text(out, "incident_id", e->incident_id));
	TRY(put_text(out, "category", e->category));
	TRY(put_text(out, "purpose", e->purpose));
	TRY(put_text(out, "session", e->session_id));
	TRY(put_text(out, "mode", e->mode));
	TRY(put_text(out, "suite", e->suite));
	if (e->keysep != 0)
		TRY(buf_printf(out, ",\"keysep\":%s", e->keysep > 0 ? "true" : "false"));
	if (e->generation != 0)
		TRY(put_number(out, "generation", e->generation));
	if (e->lost_generations != 0)
		TRY(put_number(out, "lost_generations", e->lost_generations));
	if (e->saved_until != 0) {
		char ts[32];

		text_time((time_t)e->saved_until, ts);
		TRY(put_text(out, "saved_until", ts));
	}
	if (e->has_totals) {
		TRY(put_number(out, "files", e->files));
		TRY(put_number(out, "bytes", e->bytes));
	}
	if (e->has_persons)
		TRY(put_number(out, "persons", e->persons));
	TRY(put_text(out, "pack", e->pack_id));
	TRY(put_text(out, "pack_sha256", e->pack_sha256));
	TRY(put_text(out, "manifest", e->manifest));
	TRY(put_text(out, "superblock", e->super_sha256));
	TRY(put_text(out, "witness", place->witness));
	return put_text(out, "checkpoint", place->checkpoint);
}

static enum err put_chain(const struct line_place *place, const struct sign_key *key,
			  struct buf *out)
{
	uint8_t sum[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];

	const uint8_t *vkey = place->seq == 1 ? sign_key_vkey(key) : place->next_vkey;

	if (vkey) {
		text_hex(vkey, SIGN_VKEY_LEN, hex);
		TRY(put_text(out, "vkey", hex));
	}
	sha256(sign_key_vkey(key), SIGN_VKEY_LEN, sum);
	text_hex(sum, 8, hex);
	TRY(put_text(out, "key_fpr", hex));
	text_hex(place->prev, SHA256_LEN, hex);
	return put_text(out, "prev", hex);
}

/* Signed: the label, then the line up to the comma before its signature. */
static enum err signed_text(const char *text, size_t len, struct buf *out)
{
	TRY(buf_append(out, LABEL_SIG_RECORD, sizeof(LABEL_SIG_RECORD)));
	return buf_append(out, text, len);
}

static enum err put_signature(const struct sign_key *key, size_t begin, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t sig[SIGN_LEN];
	char base64[96];

	TRY(signed_text(out->data + begin, out->len - begin, &text));
	sign_make(key, text.data, text.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	return buf_printf(out, SIG_FIELD "%s\"}\n", base64);
}

enum err line_print(const struct line_place *place, const struct audit_event *event,
		    const struct sign_key *key, struct buf *out)
{
	size_t begin = out->len;

	TRY(put_head(place, event, out));
	TRY(put_subject(place, event, out));
	TRY(put_chain(place, key, out));
	TRY(put_signature(key, begin, out));
	if (out->len - begin > LINE_MAX_LEN)
		return err_at(ERR_INVALID, "record of %zu bytes", out->len - begin);
	return OK;
}
