/* Reading and verifying a host log: needs no secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audit/line.h"
#include "audit/log.h"

struct reading {
	uint8_t vkey[SIGN_VKEY_LEN];
	bool has_vkey;
	uint64_t seq; /* of the line before */
	uint8_t sha256[SHA256_LEN];
	bool torn; /* what stands before is no record: only a `recovered` one may follow */
};

static bool is_recovered(const char *text, size_t len)
{
	static const char mark[] = "\"event\":\"recovered\"";

	return memmem(text, len, mark, sizeof(mark) - 1) != NULL;
}

static enum err check_chain(struct reading *r, const struct line_facts *facts)
{
	if (facts->seq > r->seq + 1)
		return err_at(ERR_LOG_GAP, "records %llu to %llu are missing",
			      (unsigned long long)r->seq + 1, (unsigned long long)facts->seq - 1);
	if (facts->seq != r->seq + 1 || !mem_equal(facts->prev, r->sha256, SHA256_LEN))
		return err_at(ERR_LOG_TAMPERED, "record %llu does not follow record %llu",
			      (unsigned long long)facts->seq, (unsigned long long)r->seq);
	return OK;
}

/* A line that is no record: a crash may have torn it (more than once, when it struck again while
 * recovering), which the next record has to tell. The last line has none behind it; there, only one
 * without its newline can be torn. */
static enum err check_torn(struct reading *r, bool last, bool whole)
{
	r->torn = true;
	return last && whole ? err_at(ERR_LOG_TAMPERED, "the last line is no record") : OK;
}

static enum err check_record(struct reading *r, const struct line_facts *facts, const char *text,
			     size_t len)
{
	TRY(line_verify(text, facts, r->vkey));
	if (r->torn && !is_recovered(text, len))
		return err_at(ERR_LOG_TAMPERED, "something before record %llu is no record",
			      (unsigned long long)facts->seq);
	return check_chain(r, facts);
}

static enum err check_line(struct reading *r, const char *text, size_t len, bool last, bool whole)
{
	struct line_facts facts;
	enum err err = line_parse(text, len, &facts);

	if (err == ERR_LOG_TAMPERED)
		return check_torn(r, last, whole);
	TRY(err);
	if (!r->has_vkey && facts.has_vkey) {
		memcpy(r->vkey, facts.vkey, SIGN_VKEY_LEN);
		r->has_vkey = true;
	}
	if (!r->has_vkey)
		return err_at(ERR_LOG_TAMPERED, "the first record with its key is missing");
	err = check_record(r, &facts, text, len);
	r->torn = false;
	r->seq = facts.seq;
	sha256(text, len, r->sha256);
	return err;
}

/* The findings by weight: changed, then missing. */
static enum err worse(enum err a, enum err b)
{
	if (a == ERR_LOG_TAMPERED || b == OK)
		return a;
	return b;
}

static bool at_end(FILE *file)
{
	int c = getc(file);

	if (c == EOF)
		return true;
	ungetc(c, file);
	return false;
}

static enum err read_lines(FILE *file, struct reading *r,
			   enum err (*line)(void *ctx, const char *text, size_t len, enum err fault),
			   void *ctx)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	enum err worst = OK, err = OK;

	while (err == OK && (len = getline(&text, &cap, file)) >= 0) {
		bool whole = text[len - 1] == '\n';
		size_t text_len = whole ? (size_t)len - 1 : (size_t)len;
		enum err fault = check_line(r, text, text_len, at_end(file), whole);

		if (fault != OK && fault != ERR_LOG_TAMPERED && fault != ERR_LOG_GAP)
			err = fault; /* no finding: it could not be judged */
		worst = worse(worst, fault);
		if (err == OK && line)
			err = line(ctx, text, text_len, fault);
	}
	if (err == OK && ferror(file))
		err = err_from_errno("log");
	free(text);
	return err != OK ? err : worst;
}

enum err audit_log_read(const char *path, const uint8_t *vkey,
			enum err (*line)(void *ctx, const char *text, size_t len, enum err fault),
			void *ctx)
{
	struct reading r = { 0 };
	FILE *file = fopen(path, "re");
	enum err err;

	if (!file)
		return errno == ENOENT ? err_at(ERR_NOT_FOUND, "%s", path)
				       : err_from_errno("%s", path);
	if (vkey) {
		memcpy(r.vkey, vkey, SIGN_VKEY_LEN);
		r.has_vkey = true;
	}
	err = read_lines(file, &r, line, ctx);
	fclose(file);
	return err;
}
