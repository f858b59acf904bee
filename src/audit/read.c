/* Reading and verifying a host log: needs no secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audit/chain.h"
#include "audit/log.h"

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

static enum err
read_lines(FILE *file, struct chain *c,
	   enum err (*line)(void *ctx, const char *text, size_t len, enum err fault), void *ctx)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	enum err worst = OK, err = OK;

	while (err == OK && (len = getline(&text, &cap, file)) >= 0) {
		bool whole = text[len - 1] == '\n';
		size_t text_len = whole ? (size_t)len - 1 : (size_t)len;
		struct record record;
		enum err fault = chain_line(c, text, text_len, at_end(file), whole, &record);

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
	struct chain chain;
	FILE *file = fopen(path, "re");
	enum err err;

	if (!file)
		return errno == ENOENT ? err_at(ERR_NOT_FOUND, "%s", path)
				       : err_from_errno("%s", path);
	chain_begin(&chain, CHAIN_EACH, vkey);
	err = read_lines(file, &chain, line, ctx);
	fclose(file);
	return err;
}
