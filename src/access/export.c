#include "access/export.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/verify_internal.h"
#include "audit/checkpoint.h"
#include "audit/record.h"
#include "audit/tiles.h"
#include "base/io.h"
#include "base/text.h"

#define PATH_LEN 160u

/* The newest head of a volume's log that one host cosigned. */
struct cosigned {
	char name[ORIGIN_MAX]; /* of who cosigned it */
	uint8_t vkey[SIGN_VKEY_LEN];
	struct checkpoint said;
	char *note; /* owned */
};
struct export
{
	char *dir; /* owned */
	struct export_facts facts;
	struct cosigned *heads; /* owned */
	size_t head_count, head_cap;
};

void export_free(struct export *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->head_count; i++)
		free(e->heads[i].note);
	free(e->heads);
	free(e->dir);
	free(e);
}

const struct export_facts *export_facts(const struct export *e)
{
	return &e->facts;
}

/* ---- the folder ---- */

static enum err check_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!dir)
		return err_from_errno("%s", path);
	while (err == OK && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = err_at(ERR_NOT_EMPTY, "%s", path);
	closedir(dir);
	return err;
}

enum err export_begin(const char *dir, struct export **ret)
{
	CLEANUP(export_freep) struct export *e = calloc(1, sizeof(*e));

	if (!e || !(e->dir = strdup(dir)))
		return err_at(ERR_NOMEM, "export");
	TRY(io_make_dirs(dir, 0700));
	TRY(check_empty(dir));
	*ret = TAKE(e);
	return OK;
}

enum err export_create(struct export *e, const char *path, mode_t mode, FILE **ret)
{
	CLEANUP(mem_freep) char *whole = io_path_join(e->dir, path);
	CLEANUP(fd_closep) int fd = -1;
	char *slash = whole ? strrchr(whole, '/') : NULL;

	if (!slash)
		return err_at(ERR_NOMEM, "export");
	*slash = '\0';
	TRY(io_make_dirs(whole, 0700));
	*slash = '/';
	fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_from_errno("%s", whole);
	*ret = fdopen(fd, "w");
	if (!*ret)
		return err_at(ERR_NOMEM, "export");
	fd = -1;
	return OK;
}

enum err export_close(FILE **file, const char *path)
{
	bool failed = ferror(*file) != 0;
	int code = fclose(*file);

	*file = NULL;
	if (code != 0)
		return err_from_errno("%s", path);
	return failed ? err_at(ERR_IO, "%s", path) : OK;
}

static enum err put_file(struct export *e, const char *path, const void *data, size_t len)
{
	FILE *file;

	TRY(export_create(e, path, 0600, &file));
	if (len > 0)
		(void)fwrite(data, 1, len, file); /* told by closing it */
	return export_close(&file, path);
}

enum err export_end(struct export *e)
{
	CLEANUP(fd_closep) int fd = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) != 0)
		return err_from_errno("%s", e->dir);
	return io_sync_dir_of(e->dir);
}

/* ---- what a host's log tells of itself and of others ---- */

/* What is gathered while its records are read. */
struct telling {
	struct export *e;
	char name[ORIGIN_MAX];
	uint8_t vkey[SIGN_VKEY_LEN];
	struct buf vkeys;
	char *newest; /* owned: the newest closing checkpoint; NULL: no period ended */
	struct checkpoint said;
	size_t first_head; /* of those that this host cosigned */
};

static enum err take_key(struct telling *t, const struct record *r)
{
	memcpy(t->vkey, r->vkey, SIGN_VKEY_LEN);
	TRY(note_vkey_print(t->name, r->vkey, &t->vkeys));
	return buf_puts(&t->vkeys, "\n");
}

/* Gives a note that the record has; *ret stays NULL when there is none of that form. */
static enum err take_note(struct span text, struct checkpoint *said, char **ret)
{
	char note[CHECKPOINT_NOTE_MAX];

	if (!text.at)
		return OK;
	if (span_text(text, note, sizeof(note)) != OK ||
	    checkpoint_parse(note, strlen(note), said) != OK) {
		err_clear();
		return OK;
	}
	*ret = strdup(note);
	return *ret ? OK : err_at(ERR_NOMEM, "export");
}

static enum err take_closing(struct telling *t, const struct record *r)
{
	char *note = NULL;
	struct checkpoint said;

	TRY(take_note(r->checkpoint, &said, &note));
	if (!note)
		return OK;
	free(t->newest);
	t->newest = note;
	t->said = said;
	return OK;
}

static struct cosigned *head_of(struct telling *t, const char *origin)
{
	struct export *e = t->e;
	size_t cap = e->head_cap ? 2 * e->head_cap : 16;
	struct cosigned *more = e->heads;

	for (size_t i = t->first_head; i < e->head_count; i++)
		if (strcmp(e->heads[i].said.origin, origin) == 0)
			return &e->heads[i];
	if (e->head_count == e->head_cap) {
		more = realloc(more, cap * sizeof(*more));
		if (!more)
			return NULL;
		e->heads = more;
		e->head_cap = cap;
	}
	memset(&more[e->head_count], 0, sizeof(*more));
	return &more[e->head_count++];
}

static enum err take_witness(struct telling *t, const struct record *r)
{
	CLEANUP(mem_freep) char *note = NULL;
	struct checkpoint said;
	struct cosigned *head;

	TRY(take_note(r->witness, &said, &note));
	if (!note)
		return OK;
	head = head_of(t, said.origin);
	if (!head)
		return err_at(ERR_NOMEM, "export");
	free(head->note);
	head->note = TAKE(note);
	head->said = said;
	memcpy(head->vkey, t->vkey, SIGN_VKEY_LEN);
	text_copy(head->name, sizeof(head->name), t->name);
	return OK;
}

static enum err take_records(struct telling *t, const struct buf *text)
{
	const char *at = text->data ? text->data : "", *end = at + text->len, *stop;

	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
		struct record r;

		if (record_parse(at, (size_t)(stop - at), &r) != OK)
			continue;
		if (r.seq == 1 && r.has_vkey)
			TRY(take_key(t, &r));
		TRY(take_closing(t, &r));
		TRY(take_witness(t, &r));
		if (r.seq > 1 && r.has_vkey)
			TRY(take_key(t, &r));
	}
	err_clear();
	return OK;
}

/* ---- a log ---- */

struct below {
	struct export *e;
	const char *id;
};

static enum err put_below(void *ctx, const char *path, const void *data, size_t len)
{
	const struct below *b = ctx;
	char whole[PATH_LEN];

	snprintf(whole, sizeof(whole), "tiles/%s/%s", b->id, path);
	return put_file(b->e, whole, data, len);
}

/* A partial tile may be one of both sizes. */
static enum err put_partial(void *ctx, const char *path, const void *data, size_t len)
{
	const struct below *b = ctx;
	CLEANUP(mem_freep) char *whole = NULL;
	char name[PATH_LEN];

	snprintf(name, sizeof(name), "tiles/%s/%s", b->id, path);
	whole = io_path_join(b->e->dir, name);
	if (!whole)
		return err_at(ERR_NOMEM, "export");
	return access(whole, F_OK) == 0 ? OK : put_file(b->e, name, data, len);
}

/* The tiles of the log as it is, and those that whoever begins with the checkpoint asks for. */
static enum err put_tiles(struct below *b, const struct tiles *tiles, const char *note,
			  uint64_t size)
{
	struct tile_sink all = {put_below, b}, partial = {put_partial, b};

	TRY(tiles_put(tiles, tiles_size(tiles), &all));
	if (!note || size == 0 || size > tiles_size(tiles))
		return OK;
	TRY(tiles_put_partial(tiles, size, &partial));
	return put_below(b, "checkpoint", note, strlen(note));
}

static enum err put_host_parts(struct below *b, const struct buf *text, struct telling *t)
{
	CLEANUP(tiles_freep) struct tiles *tiles = NULL;

	TRY(take_records(t, text));
	TRY(tiles_new(text->data, text->len, &tiles));
	b->e->facts.lines += tiles_size(tiles);
	TRY(put_below(b, "vkeys", t->vkeys.data, t->vkeys.len));
	return put_tiles(b, tiles, t->newest, t->newest ? t->said.size : 0);
}

static enum err put_host(struct below *b, const struct buf *text)
{
	struct telling t = {.e = b->e, .first_head = b->e->head_count};
	enum err err;

	b->e->facts.hosts++;
	snprintf(t.name, sizeof(t.name), ORIGIN_HOST "%s", b->id);
	err = put_host_parts(b, text, &t);
	buf_clear(&t.vkeys);
	free(t.newest);
	return err;
}

/* The newest head of these very lines that some host cosigned. */
static const struct cosigned *head_that_fits(const struct export *e, const char *origin,
					     const struct tiles *tiles)
{
	const struct cosigned *best = NULL;
	uint8_t root[SHA256_LEN];

	for (size_t i = 0; i < e->head_count; i++) {
		const struct cosigned *h = &e->heads[i];

		if (strcmp(h->said.origin, origin) != 0 || h->said.size > tiles_size(tiles) ||
		    (best && best->said.size >= h->said.size))
			continue;
		tiles_root(tiles, h->said.size, root);
		if (memcmp(root, h->said.root, SHA256_LEN) == 0)
			best = h;
	}
	return best;
}

static enum err put_volume(struct below *b, const struct buf *text)
{
	CLEANUP(tiles_freep) struct tiles *tiles = NULL;
	CLEANUP(buf_clear) struct buf vkeys = {0};
	const struct cosigned *head;
	char origin[ORIGIN_MAX];

	b->e->facts.volumes++;
	snprintf(origin, sizeof(origin), ORIGIN_VOLUME "%s", b->id);
	TRY(tiles_new(text->data, text->len, &tiles));
	b->e->facts.lines += tiles_size(tiles);
	head = head_that_fits(b->e, origin, tiles);
	if (head) {
		TRY(note_vkey_print_witness(head->name, head->vkey, &vkeys));
		TRY(buf_puts(&vkeys, "\n"));
		TRY(put_below(b, "vkeys", vkeys.data, vkeys.len));
	}
	return put_tiles(b, tiles, head ? head->note : NULL, head ? head->said.size : 0);
}

/* One that does not tell whose it is: as it is, and no more. */
static enum err put_unreadable(struct export *e, const struct buf *text)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "logs/unreadable-%zu.jsonl", ++e->facts.unreadable);
	return put_file(e, path, text->data ? text->data : "", text->len);
}

static enum err put_log(struct export *e, const struct log_file *log)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct below b = {e, log->id};
	char path[PATH_LEN];

	TRY(io_read_file(log->path, VERIFY_LOG_MAX, &text));
	TRY(buf_puts(&text, "")); /* never NULL */
	if (strcmp(log->id, "?") == 0)
		return put_unreadable(e, &text);
	snprintf(path, sizeof(path), "logs/%s.jsonl", log->id);
	TRY(put_file(e, path, text.data, text.len));
	return log->kind == LOG_HOST ? put_host(&b, &text) : put_volume(&b, &text);
}

/* Of shorter copies only those that go on differently: they are evidence. */
static enum err put_copy(struct export *e, const struct log_file *longest,
			 const struct log_file *copy, size_t number)
{
	CLEANUP(buf_clear) struct buf text = {0};
	char path[PATH_LEN];
	bool is_beginning;

	TRY(io_read_file(longest->path, VERIFY_LOG_MAX, &text));
	TRY(verify_is_beginning(&text, copy->path, &is_beginning));
	if (is_beginning)
		return OK;
	buf_clear(&text);
	TRY(io_read_file(copy->path, VERIFY_LOG_MAX, &text));
	snprintf(path, sizeof(path), "logs/copy-%zu/%s.jsonl", number, copy->id);
	e->facts.different++;
	return put_file(e, path, text.data, text.len);
}

/* Hosts come first, so that what they cosigned is known. */
enum err export_logs(struct export *e, const struct log_files *files)
{
	const struct log_file *longest = NULL;

	for (size_t i = 0; i < files->count; i++) {
		const struct log_file *f = &files->files[i];

		if (log_files_is_shorter(files, i)) {
			TRY(put_copy(e, longest, f, (size_t)(f - longest) + 1));
			continue;
		}
		longest = f;
		TRY(put_log(e, f));
	}
	return OK;
}

enum err export_keys(struct export *e, const struct roster *roster)
{
	CLEANUP(buf_clear) struct buf text = {0};

	for (size_t i = 0; i < roster->host_count; i++) {
		const struct roster_host *h = &roster->hosts[i];
		char hex[2 * SIGN_VKEY_LEN + 1];

		text_hex(h->vkey, SIGN_VKEY_LEN, hex);
		TRY(buf_printf(&text, "%s %s %s\n", h->id, hex, h->name));
	}
	return put_file(e, "keys.txt", text.data ? text.data : "", text.len);
}
