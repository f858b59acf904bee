/* What a forger does to the files of a branch, and writing them. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/io.h"
#include "tests/bench/fleet_branch.h"

#define CUT_LINES 40

/* ---- defects ---- */

/* Where a line begins: the first behind `from` that has `word`. */
static size_t find_line(const struct buf *text, size_t from, const char *word)
{
	const char *at = from < text->len ? strstr(text->data + from, word) : NULL;

	while (at && at > text->data && at[-1] != '\n')
		at--;
	return at ? (size_t)(at - text->data) : text->len;
}

static size_t line_len(const struct buf *text, size_t at)
{
	return (size_t)((const char *)memchr(text->data + at, '\n', text->len - at) -
			(text->data + at)) +
	       1;
}

static enum err put_instead(struct buf *text, size_t at, const char *line, size_t len)
{
	size_t gone = line_len(text, at);
	CLEANUP(buf_clear) struct buf rest = {0};

	TRY(buf_append(&rest, text->data + at + gone, text->len - at - gone));
	text->len = at;
	TRY(buf_append(text, line, len));
	return buf_append(text, rest.data ? rest.data : "", rest.len);
}

static void cut_lines(struct buf *text, unsigned count)
{
	while (count-- > 0 && text->len > 0) {
		const char *stop = memrchr(text->data, '\n', text->len - 1);

		text->len = stop ? (size_t)(stop - text->data) + 1 : 0;
	}
}

static enum err spoil_host(struct branch *b)
{
	struct buf *text = &b->members[0].log.text, *other = &b->members[b->hosts - 1].log.text;
	size_t at = find_line(text, text->len / 2, "\"event\":\"write\"");

	if (at == text->len)
		return b->plan->defect == DEFECT_NONE ? OK : err_at(ERR_INVALID, "too few events");
	switch (b->plan->defect) {
	case DEFECT_CUT_TAIL:
		cut_lines(text, CUT_LINES);
		return OK;
	case DEFECT_EDIT_LINE:
		*strstr(text->data + at, "clerk") = 'C';
		return OK;
	case DEFECT_REMOVE_LINE:
		return put_instead(text, at, "", 0);
	case DEFECT_SWAP_LINE: {
		size_t from = find_line(other, other->len / 2, "{\"schema\"");

		return put_instead(text, at, other->data + from, line_len(other, from));
	}
	case DEFECT_SWAP_LOG:
		text->len = 0;
		return buf_append(text, other->data, other->len);
	default:
		return OK;
	}
}

/* ---- files ---- */

static enum err write_file(const char *path, const struct buf *text)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_from_errno("%s", path);
	return io_pwrite_full(fd, text->data ? text->data : "", text->len, 0);
}

static size_t copy_len(const struct branch *b, const struct stick *s, unsigned holder)
{
	size_t cut = s->log.text.len * 3 / 4;

	if (b->plan->defect != DEFECT_CUT_VOLUME || s != b->sticks)
		return s->copied[holder];
	return MIN(s->copied[holder], find_line(&s->log.text, cut, "{"));
}

static enum err write_copy(struct branch *b, const struct stick *s, unsigned holder,
			   const char *folder, struct fleet_totals *totals)
{
	CLEANUP(buf_clear) struct buf path = {0}, copy = {0};
	size_t at;

	if (s->copied[holder] == 0)
		return OK;
	TRY(buf_printf(&path, "%s/%s.jsonl", folder, s->log.id));
	TRY(buf_append(&copy, s->log.text.data, copy_len(b, s, holder)));
	totals->bytes += copy.len;
	if (b->plan->defect == DEFECT_FORK_VOLUME && s == b->sticks && holder == 0) {
		at = find_line(&copy, copy.len / 2, "\"event\":\"lock\"");
		if (at == copy.len)
			return err_at(ERR_INVALID, "too few events");
		memcpy(strstr(copy.data + at, "lock"), "left", 4);
	}
	return write_file(path.data, &copy);
}

static enum err write_copies(struct branch *b, unsigned host, const char *folder,
			     struct fleet_totals *totals)
{
	for (unsigned i = 0; i < b->volumes; i++)
		for (unsigned k = 0; k < b->sticks[i].holder_count; k++)
			if (b->sticks[i].holders[k] == host)
				TRY(write_copy(b, &b->sticks[i], k, folder, totals));
	return OK;
}

/* Makes the folder `name` in *path, and goes into it. */
static enum err enter(struct buf *path, const char *name)
{
	TRY(buf_printf(path, "/%s", name));
	return mkdir(path->data, 0700) == 0 || errno == EEXIST ? OK
							       : err_from_errno("%s", path->data);
}

static enum err write_member(struct branch *b, unsigned i, struct fleet_totals *totals)
{
	const struct host_log *log = &b->members[i].log;
	bool foreign = b->plan->defect == DEFECT_SWAP_LOG && i == 0;
	CLEANUP(buf_clear) struct buf folder = {0}, path = {0};

	TRY(buf_puts(&folder, b->plan->out));
	TRY(enter(&folder, log->id));
	TRY(enter(&folder, "log"));
	TRY(buf_printf(&path, "%s/%s.jsonl", folder.data, foreign ? log->id : "host"));
	TRY(write_file(path.data, &log->text));
	totals->bytes += log->text.len;
	TRY(enter(&folder, "volumes"));
	return write_copies(b, i, folder.data, totals);
}

enum err branch_write(struct branch *b, struct fleet_totals *totals)
{
	TRY(spoil_host(b));
	for (unsigned i = 0; i < b->hosts; i++)
		TRY(write_member(b, i, totals));
	return OK;
}
