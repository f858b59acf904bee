#include "org/catalogue.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

void catalogue_clear(struct catalogue *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->list[i].purposes);
	free(c->list);
	free(c->text);
	*c = (struct catalogue){0};
}

/* ---- reading ---- */

static bool id_is_good(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= CATALOGUE_ID_MAX &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static bool flags_are_good(const char *flags)
{
	return *flags && strspn(flags, "ABCDEFGHIJKLMNOPQRSTUVWXYZ?,-") == strlen(flags);
}

static enum err split_purposes(char *text, struct category *ret)
{
	for (char *purpose; (purpose = strsep(&text, "|"));) {
		const char **more =
			realloc(ret->purposes, (ret->purpose_count + 1) * sizeof(*more));

		if (!more)
			return err_at(ERR_NOMEM, "catalogue");
		ret->purposes = more;
		ret->purposes[ret->purpose_count++] = purpose;
	}
	return OK;
}

static enum err parse_line(char *line, struct category *ret)
{
	char *purposes;

	ret->id = strsep(&line, "\t");
	ret->flags = strsep(&line, "\t");
	ret->name = strsep(&line, "\t");
	purposes = strsep(&line, "\t");
	if (!purposes || line || !id_is_good(ret->id) || !flags_are_good(ret->flags) ||
	    !*ret->name || !*purposes)
		return ERR_BAD_FORMAT;
	return split_purposes(purposes, ret);
}

static enum err add_line(struct catalogue *c, char *line)
{
	struct category *more = realloc(c->list, (c->count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "catalogue");
	c->list = more;
	c->list[c->count++] = (struct category){0};
	TRY(parse_line(line, &c->list[c->count - 1]));
	return catalogue_find(c, c->list[c->count - 1].id) == &c->list[c->count - 1]
		       ? OK
		       : ERR_BAD_FORMAT;
}

static bool says_something(const char *line)
{
	return *line && *line != '#';
}

static enum err parse_lines(struct catalogue *c)
{
	char *rest = c->text;
	unsigned number = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		size_t len = strlen(line);
		enum err err = OK;

		number++;
		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (says_something(line))
			err = add_line(c, line);
		if (err == ERR_BAD_FORMAT)
			return err_at(err, "catalogue, line %u", number);
		TRY(err);
	}
	return c->count > 0 ? OK : err_at(ERR_BAD_FORMAT, "catalogue, no line");
}

enum err catalogue_parse(const char *text, size_t len, struct catalogue *ret)
{
	static const char mark[] = "\xef\xbb\xbf"; /* as some editors begin a file */
	struct catalogue c = {0};
	enum err err;

	if (len > CATALOGUE_MAX)
		return err_at(ERR_TOO_BIG, "catalogue");
	if (!text_is_utf8(text, len) || memchr(text, 0, len))
		return err_at(ERR_BAD_FORMAT, "catalogue, not UTF-8");
	if (len >= 3 && memcmp(text, mark, 3) == 0) {
		text += 3;
		len -= 3;
	}
	c.text = strndup(text, len);
	if (!c.text)
		return err_at(ERR_NOMEM, "catalogue");
	err = parse_lines(&c);
	if (err != OK) {
		catalogue_clear(&c);
		return err;
	}
	*ret = c;
	return OK;
}

/* ---- asking ---- */

static const struct category *find(const struct catalogue *c, const char *id, size_t len)
{
	for (size_t i = 0; i < c->count; i++)
		if (strlen(c->list[i].id) == len && memcmp(c->list[i].id, id, len) == 0)
			return &c->list[i];
	return NULL;
}

const struct category *catalogue_find(const struct catalogue *c, const char *id)
{
	return find(c, id, strlen(id));
}

enum err catalogue_check_category(const struct catalogue *c, const char *id)
{
	return catalogue_find(c, id) ? OK : err_at(ERR_INVALID, "%s", id);
}

enum err catalogue_check_purpose(const struct catalogue *c, const char *id)
{
	const char *dot = strrchr(id, '.');
	const struct category *category = dot ? find(c, id, (size_t)(dot - id)) : NULL;
	char *end = NULL;
	unsigned long number;

	if (!category || dot[1] < '1' || dot[1] > '9')
		return err_at(ERR_INVALID, "%s", id);
	number = strtoul(dot + 1, &end, 10);
	if (*end || number > category->purpose_count || !*category->purposes[number - 1])
		return err_at(ERR_INVALID, "%s", id);
	return OK;
}

enum err catalogue_line(const struct category *category, struct buf *to)
{
	TRY(buf_printf(to, "%s\t%s\t%s\t", category->id, category->flags, category->name));
	for (size_t i = 0; i < category->purpose_count; i++)
		TRY(buf_printf(to, "%s%s", i ? "|" : "", category->purposes[i]));
	return OK;
}

/* ---- comparing ---- */

static const char *purpose_at(const struct category *c, size_t i)
{
	return i < c->purpose_count ? c->purposes[i] : "";
}

static enum err compare_purposes(const struct category *before, const struct category *after,
				 catalogue_fn *each, void *ctx)
{
	for (size_t i = 0; i < MAX(before->purpose_count, after->purpose_count); i++) {
		const char *was = purpose_at(before, i), *is = purpose_at(after, i);

		if (strcmp(was, is) == 0)
			continue;
		/* A place that is empty among the old ones was used before. */
		if (!*is)
			TRY(each(ctx, PURPOSE_ENDED, i, before, after));
		else if (i >= before->purpose_count)
			TRY(each(ctx, PURPOSE_NEW, i, before, after));
		else
			TRY(each(ctx, PURPOSE_REWORDED, i, before, after));
	}
	return OK;
}

static enum err compare_categories(const struct category *before, const struct category *after,
				   catalogue_fn *each, void *ctx)
{
	if (strcmp(before->name, after->name) != 0)
		TRY(each(ctx, CATEGORY_RENAMED, 0, before, after));
	if (strcmp(before->flags, after->flags) != 0)
		TRY(each(ctx, CATEGORY_FLAGS, 0, before, after));
	return compare_purposes(before, after, each, ctx);
}

enum err catalogue_compare(const struct catalogue *before, const struct catalogue *after,
			   catalogue_fn *each, void *ctx)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct category *now = catalogue_find(after, before->list[i].id);

		if (now)
			TRY(compare_categories(&before->list[i], now, each, ctx));
		else
			TRY(each(ctx, CATEGORY_ENDED, 0, &before->list[i], NULL));
	}
	for (size_t i = 0; i < after->count; i++)
		if (!catalogue_find(before, after->list[i].id))
			TRY(each(ctx, CATEGORY_NEW, 0, NULL, &after->list[i]));
	return OK;
}

static enum err refuse_other_meaning(void *ctx, enum catalogue_change change, size_t index,
				     const struct category *before, const struct category *after)
{
	if (change == CATEGORY_RENAMED)
		return err_at(ERR_INVALID, "%s: \"%s\" -> \"%s\"", before->id, before->name,
			      after->name);
	if (change == PURPOSE_REWORDED)
		return err_at(ERR_INVALID, "%s.%zu: \"%s\" -> \"%s\"", before->id, index + 1,
			      purpose_at(before, index), purpose_at(after, index));
	return OK;
}

enum err catalogue_may_follow(const struct catalogue *before, const struct catalogue *after)
{
	return catalogue_compare(before, after, refuse_other_meaning, NULL);
}
