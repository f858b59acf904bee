/* One volume's log: that its copies go on from each other, that it is what others witnessed, and
 * that the hosts it names tell the same sessions. */
#include <stdlib.h>
#include <string.h>
#include "access/lineage.h"
#include "access/verify_internal.h"
#include "base/io.h"
#include "base/text.h"

struct reading {
	struct verify *v;
	struct batch *b;
	struct vlog *log;
	uint32_t place;
	struct merkle tree;
	const struct claim *claims;
	size_t claim_count, claim_at;
	uint8_t (*told)[SESSION_LEN]; /* owned: sessions that have a line */
	size_t told_count, told_cap;
	bool differs;	 /* told already */
	unsigned untold; /* sessions without a line that were looked for in vain */
	char absent[20]; /* host whose log is not here, told last */
};

static enum err find(struct reading *r, enum verify_what what, const char *other)
{
	return batch_find(r->b, what, r->log->facts.id, other, r->tree.size + 1, 0);
}

/* That lines went another way is told by whoever lost some; then it is no secret. */
static enum err differs(struct reading *r, const char *other)
{
	if (r->differs)
		return OK;
	r->differs = true;
	return find(r, r->log->stepped_back ? VERIFY_STEPPED_BACK : VERIFY_VOLUME_FORKED, other);
}

static enum err check_claims(struct reading *r)
{
	uint8_t root[SHA256_LEN];
	bool has_root = false;

	while (r->claim_at < r->claim_count && r->claims[r->claim_at].size == r->tree.size) {
		const struct claim *c = &r->claims[r->claim_at++];

		if (!has_root)
			merkle_root(&r->tree, root);
		has_root = true;
		if (memcmp(root, c->root, SHA256_LEN) != 0)
			TRY(differs(r, verify_by(r->v, c)));
	}
	return OK;
}

static enum err check_end(struct reading *r)
{
	const struct claim *c;

	if (r->claim_at == r->claim_count)
		return OK;
	c = &r->claims[r->claim_count - 1];
	if (r->log->stepped_back)
		return differs(r, verify_by(r->v, c));
	return batch_find(r->b, VERIFY_CUT, r->log->facts.id, verify_by(r->v, c), c->size, 0);
}

/* ---- sessions ---- */

static enum err add_told(struct reading *r, const uint8_t id[SESSION_LEN])
{
	uint8_t(*more)[SESSION_LEN] =
		batch_grow(r->told, &r->told_count, &r->told_cap, SESSION_LEN);

	if (!more)
		return err_at(ERR_NOMEM, "sessions");
	r->told = more;
	memcpy(r->told[r->told_count - 1], id, SESSION_LEN);
	return OK;
}

/* Mostly it is the last one. */
static bool is_told(const struct reading *r, const uint8_t id[SESSION_LEN])
{
	for (size_t i = r->told_count; i-- > 0;)
		if (memcmp(r->told[i], id, SESSION_LEN) == 0)
			return true;
	return false;
}

static int by_id(const void *key, const void *item)
{
	return memcmp(key, ((const struct told_session *)item)->id, SESSION_LEN);
}

static bool host_tells(const struct verify *v, const uint8_t id[SESSION_LEN], uint32_t host)
{
	const struct told_session *all = v->all.sessions, *end = all + v->all.session_count;
	const struct told_session *s;

	s = v->all.session_count ? bsearch(id, all, v->all.session_count, sizeof(*s), by_id) : NULL;
	if (!s)
		return false;
	while (s > all && memcmp(s[-1].id, id, SESSION_LEN) == 0)
		s--;
	for (; s < end && memcmp(s->id, id, SESSION_LEN) == 0; s++)
		if (s->host == host)
			return true;
	return false;
}

static enum err check_host(struct reading *r, const char *host, const uint8_t session[SESSION_LEN])
{
	uint32_t place = verify_place(r->v, LOG_HOST, host, strlen(host));

	if (place != UINT32_MAX && r->v->logs[place].incomplete)
		return OK;
	if (place != UINT32_MAX)
		return host_tells(r->v, session, place) ? OK : find(r, VERIFY_HIDDEN_MOUNT, host);
	if (strcmp(r->absent, host) == 0)
		return OK;
	text_copy(r->absent, sizeof(r->absent), host);
	return find(r, VERIFY_HOST_ABSENT, host);
}

static enum err check_from(struct reading *r, const struct session_line *line)
{
	char hex[2 * SESSION_LEN + 1];

	/* The log of a volume may be younger than the volume. */
	if (!line->has_head || r->tree.size == 0 || r->untold >= VERIFY_KEPT ||
	    is_told(r, line->head.session_id))
		return OK;
	r->untold++;
	text_hex(line->head.session_id, SESSION_LEN, hex);
	return find(r, VERIFY_UNTOLD_SESSION, hex);
}

static bool begins_session(const struct session_line *line)
{
	return strcmp(line->event, "unlock") == 0 || strcmp(line->event, "create") == 0 ||
	       strcmp(line->event, "adopt") == 0;
}

static enum err judge_line(struct reading *r, const char *text, size_t len)
{
	struct session_line line;
	uint8_t leaf[SHA256_LEN];
	enum err err = session_line_parse(text, len, &line);

	if (err == ERR_NOMEM)
		return err;
	if (err != OK) {
		err_clear();
		TRY(find(r, VERIFY_UNREADABLE, ""));
	} else {
		TRY(check_from(r, &line));
		if (begins_session(&line)) {
			if (strcmp(line.event, "create") !=
			    0) /* whose record knows no session yet */
				TRY(check_host(r, line.host, line.session_id));
			TRY(add_told(r, line.session_id));
		}
	}
	merkle_leaf(text, len, leaf);
	merkle_add(&r->tree, leaf);
	return check_claims(r);
}

static enum err judge(struct reading *r, const struct buf *text)
{
	const char *at = text->data ? text->data : "", *end = at + text->len, *stop;

	/* Half a line at the end is what a crash left of a copy. */
	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1)
		TRY(judge_line(r, at, (size_t)(stop - at)));
	return check_end(r);
}

enum err verify_volume(struct verify *v, uint32_t log, struct batch *b)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct reading r = {.v = v, .b = b, .log = &v->logs[log], .place = log};
	enum err err;

	TRY(io_read_file(r.log->copies[0].path, VERIFY_LOG_MAX, &text));
	r.claims = verify_claims_of(v, log, &r.claim_count);
	err = judge(&r, &text);
	free(r.told);
	TRY(err);
	r.log->facts.lines = r.tree.size;
	r.log->facts.witnessed = r.claim_count;
	for (size_t i = 1; i < r.log->copy_count; i++) {
		bool is_beginning;

		TRY(verify_is_beginning(&text, r.log->copies[i].path, &is_beginning));
		if (!is_beginning)
			TRY(differs(&r, r.log->copies[i].path));
	}
	return OK;
}
