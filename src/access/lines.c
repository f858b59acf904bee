/* What a session says of itself in the volume's own log. FORMAT.md, "The volume's log". */
#include <inttypes.h>
#include <string.h>
#include "access/lineage.h"
#include "access/witness.h"
#include "base/clock.h"
#include "base/text.h"

static enum err begin_line(const struct vault *v, const char *event, struct buf *ret)
{
	struct store_info info;
	char time[32], session[2 * STORE_ID_LEN + 1];

	store_info(v->store, &info);
	text_time(clock_wall().tv_sec, time);
	text_hex(info.session_id, STORE_ID_LEN, session);
	return buf_printf(ret, "{\"event\":\"%s\",\"ts\":\"%s\",\"session\":\"%s\"", event, time,
			  session);
}

static enum err add_who(const struct vault *v, struct buf *ret)
{
	char fpr[STAFF_FPR_LEN] = "";
	struct age_recipient me;
	const char *host;

	TRY(home_host_id(v->actor.home, &host));
	if (v->actor.identity) {
		age_identity_recipient(v->actor.identity, &me);
		staff_fpr(&me, fpr);
	}
	return buf_printf(ret, ",\"host\":\"%s\",\"actor\":\"%s\"", host, fpr);
}

static enum err add_head(const struct head *head, uint32_t epoch, struct buf *ret)
{
	char super[2 * SHA256_LEN + 1], from[2 * STORE_ID_LEN + 1];

	text_hex(head->super_sha256, SHA256_LEN, super);
	text_hex(head->session_id, STORE_ID_LEN, from);
	return buf_printf(ret,
			  ",\"epoch\":%" PRIu32 ",\"generation\":%" PRIu64
			  ",\"superblock\":\"%s\",\"from\":\"%s\",\"clean\":%s",
			  epoch, head->generation, super, from, head->clean ? "true" : "false");
}

/* Only where there are any, which is seldom. */
static enum err add_passed(const struct head *head, struct buf *ret)
{
	char hex[2 * SHA256_LEN + 1];

	for (unsigned i = 0; i < head->passed_count; i++) {
		text_hex(head->passed_sha256[i], SHA256_LEN, hex);
		TRY(buf_printf(ret, "%s\"%s\"", i ? "," : ",\"passed\":[", hex));
	}
	return head->passed_count ? buf_puts(ret, "]") : OK;
}

static enum err add_over(const struct seen *over, struct buf *ret)
{
	char super[2 * SHA256_LEN + 1];

	if (!over)
		return OK;
	text_hex(over->super_sha256, SHA256_LEN, super);
	return buf_printf(ret,
			  ",\"over\":{\"epoch\":%" PRIu32 ",\"generation\":%" PRIu64
			  ",\"superblock\":\"%s\"}",
			  over->epoch, over->generation, super);
}

static enum err opening_line(const struct vault *v, const char *event, const struct seen *over,
			     struct buf *ret)
{
	struct head head;

	head_of_vault(v, &head);
	TRY(begin_line(v, event, ret));
	TRY(add_who(v, ret));
	TRY(add_head(&head, v->opened_epoch, ret));
	TRY(add_passed(&head, ret));
	TRY(add_over(over, ret));
	TRY(witness_put_head(v, ret));
	return buf_puts(ret, "}");
}

static enum err put_line(struct vault *v, const struct buf *line)
{
	TRY(journal_append(v->store, line->data, line->len));
	sha256(line->data, line->len, v->line_sha256);
	v->has_line = true;
	return OK;
}

enum err vault_line_create(struct vault *v)
{
	CLEANUP(buf_clear) struct buf line = { 0 };

	TRY(begin_line(v, "create", &line));
	TRY(add_who(v, &line));
	TRY(buf_puts(&line, "}"));
	return put_line(v, &line);
}

enum err vault_line_open(struct vault *v)
{
	CLEANUP(buf_clear) struct buf line = { 0 };

	if (v->facts.read_only || v->has_line)
		return OK;
	TRY(opening_line(v, "unlock", NULL, &line));
	return put_line(v, &line);
}

enum err vault_line_adopt(struct vault *v, const struct seen *over)
{
	CLEANUP(buf_clear) struct buf line = { 0 };

	TRY(opening_line(v, "adopt", over, &line));
	TRY(put_line(v, &line));
	memcpy(v->log.adopted_sha256, v->line_sha256, SHA256_LEN);
	return OK;
}

enum err vault_line_adopted(struct vault *v)
{
	CLEANUP(buf_clear) struct buf line = { 0 };
	struct head head = { .clean = true };
	struct store_info info;

	store_info(v->store, &info);
	head.generation = info.generation;
	memcpy(head.super_sha256, info.super_sha256, SHA256_LEN);
	memcpy(head.session_id, info.session_id, STORE_ID_LEN);
	TRY(begin_line(v, "adopted", &line));
	TRY(add_head(&head, info.epoch, &line));
	TRY(buf_puts(&line, "}"));
	return journal_append(v->store, line.data, line.len);
}

static void put_head_or_none(const struct vault *v, struct buf *line)
{
	size_t len = line->len;

	if (witness_put_head(v, line) == OK)
		return;
	line->len = len;
	err_clear();
}

/* One that finds no place is missing where the host's own log still has it. */
void vault_line_close(struct vault *v)
{
	CLEANUP(buf_clear) struct buf line = { 0 };
	struct volume_totals totals;
	enum err err;

	if (v->facts.read_only)
		return;
	volume_totals(v->volume, &totals);
	err = begin_line(v, "lock", &line);
	if (err == OK)
		err = buf_printf(&line, ",\"files\":%" PRIu64 ",\"bytes\":%" PRIu64, totals.files,
				 totals.bytes);
	if (err == OK)
		put_head_or_none(v, &line);
	if (err == OK)
		err = buf_puts(&line, "}");
	if (err == OK)
		err = volume_log_append(v->volume, line.data, line.len);
	if (err != OK)
		err_clear();
}
