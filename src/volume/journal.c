#include "volume/journal.h"
#include <string.h>
#include "volume/internal.h"

static enum err count_locked(struct store *s, uint64_t *ret)
{
	const struct store_key last = item_key(0, ITEM_LOG, UINT64_MAX);
	struct store_view view;
	enum err err = store_find_le(s, &last, &view);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err != OK || !item_is(&view, 0, ITEM_LOG)) {
		*ret = 0;
		return OK;
	}
	if (view.key.offset >= JOURNAL_LINES_MAX)
		return err_at(ERR_MALFORMED, "number of a line");
	*ret = view.key.offset + 1;
	return OK;
}

enum err journal_count(struct store *s, uint64_t *ret)
{
	enum err err;

	store_read_begin(s);
	err = count_locked(s, ret);
	store_read_end(s);
	return err;
}

static enum err put_line(struct store *s, const char *line, size_t len)
{
	struct store_key key;
	uint64_t number;
	enum err err;

	TRY(store_write_begin(s, 1, true));
	err = count_locked(s, &number);
	if (err == OK) {
		key = item_key(0, ITEM_LOG, number);
		err = store_put(s, &key, line, len);
	}
	if (err == OK)
		store_write_end(s);
	else
		store_write_abort(s);
	return err;
}

enum err journal_append(struct store *s, const char *line, size_t len)
{
	if (!log_line_is_sane(line, len))
		return err_at(ERR_INVALID, "line for the volume's log");
	return put_line(s, line, len);
}

enum err journal_line(struct store *s, uint64_t number, char *out, size_t *ret_len)
{
	struct store_key key = item_key(0, ITEM_LOG, number);
	struct store_view view;
	enum err err;

	store_read_begin(s);
	err = store_find(s, &key, &view);
	if (err == OK)
		err = log_check(&view);
	if (err == OK) {
		memcpy(out, view.value, view.len);
		out[view.len] = '\0';
		*ret_len = view.len;
	}
	store_read_end(s);
	return err;
}

enum err journal_each(struct store *s, uint64_t from,
		      enum err (*fn)(void *ctx, uint64_t number, const char *line, size_t len),
		      void *ctx)
{
	char line[JOURNAL_LINE_MAX + 1];
	uint64_t count;
	size_t len;

	TRY(journal_count(s, &count));
	for (uint64_t number = from; number < count; number++) {
		enum err err = journal_line(s, number, line, &len);

		if (err == ERR_NOT_FOUND)
			err = err_at(ERR_MALFORMED, "the volume's log lacks line %llu",
				     (unsigned long long)number);
		TRY(err);
		TRY(fn(ctx, number, line, len));
	}
	return OK;
}

/* ---- within a volume ---- */

static enum err append_once(struct volume *v, const char *line, size_t len)
{
	enum err err;

	TRY(volume_room(v, 0));
	pthread_rwlock_rdlock(&v->ops);
	pthread_mutex_lock(&v->names); /* one adds at a time */
	err = journal_append(v->store, line, len);
	if (err == OK) {
		v->tree_changes++;
		commits_note_change(v);
	}
	pthread_mutex_unlock(&v->names);
	pthread_rwlock_unlock(&v->ops);
	return err;
}

enum err volume_log_append(struct volume *v, const char *line, size_t len)
{
	unsigned tries = 0;
	enum err err;

	do
		err = append_once(v, line, len);
	while (volume_space_again(v, err, &tries));
	return err;
}
