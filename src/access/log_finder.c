#include "access/log_finder.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/record.h"
#include "base/io.h"

#define DEPTH_MAX 8
#define END ".jsonl"

void log_files_clear(struct log_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].path);
	free(f->files);
	memset(f, 0, sizeof(*f));
}

static bool is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static bool is_host_id(const char *text, size_t len)
{
	return len == 18 && strncmp(text, "h-", 2) == 0 && is_hex(text + 2, 16);
}

/* The host that the first line names. */
static void read_host(const char *path, char id[40])
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = malloc(LINE_MAX_LEN), *end;
	struct record r;
	size_t len = 0;

	strcpy(id, "?");
	if (fd >= 0 && text && io_read_full(fd, text, LINE_MAX_LEN, &len) == OK) {
		end = memchr(text, '\n', len);
		if (end && record_parse(text, (size_t)(end - text), &r) == OK && r.host.at &&
		    (span_text(r.host, id, 40) != OK || !is_host_id(id, strlen(id))))
			strcpy(id, "?");
	}
	err_clear();
	free(text);
}

static bool is_log(const char *path, const char *name, struct log_file *ret)
{
	size_t len = strlen(name), stem = len - strlen(END);

	if (len <= strlen(END) || strcmp(name + stem, END) != 0)
		return false;
	ret->kind = LOG_HOST;
	if (strcmp(name, "host" END) == 0) {
		read_host(path, ret->id);
		return true;
	}
	if (is_host_id(name, stem)) {
		memcpy(ret->id, name, stem);
		return true;
	}
	if (stem != 32 || !is_hex(name, 32))
		return false;
	ret->kind = LOG_VOLUME;
	memcpy(ret->id, name, stem);
	return true;
}

static enum err add(struct log_files *f, const struct log_file *found, const char *path)
{
	struct log_file *more = f->files;

	/* Powers of two are where it is full. */
	if ((f->count & (f->count - 1)) == 0)
		more = realloc(more, (f->count ? 2 * f->count : 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "logs");
	f->files = more;
	more[f->count] = *found;
	more[f->count].path = strdup(path);
	if (!more[f->count].path)
		return err_at(ERR_NOMEM, "logs");
	f->count++;
	return OK;
}

static enum err look_at(struct log_files *f, const char *path, unsigned depth);

static enum err look_into(struct log_files *f, const char *path, unsigned depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!dir)
		return err_from_errno("%s", path);
	while (err == OK && (entry = readdir(dir))) {
		CLEANUP(mem_freep) char *inner = NULL;

		if (entry->d_name[0] == '.')
			continue;
		inner = io_path_join(path, entry->d_name);
		err = inner ? look_at(f, inner, depth + 1) : err_at(ERR_NOMEM, "logs");
	}
	closedir(dir);
	return err;
}

static enum err look_at(struct log_files *f, const char *path, unsigned depth)
{
	const char *slash = strrchr(path, '/');
	struct log_file found = {0};
	struct stat st;

	if ((depth == 0 ? stat(path, &st) : lstat(path, &st)) != 0)
		return depth > 0 && errno == ENOENT ? OK : err_from_errno("%s", path);
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? look_into(f, path, depth) : OK;
	found.size = st.st_size;
	if (!S_ISREG(st.st_mode) || !is_log(path, slash ? slash + 1 : path, &found))
		return OK;
	return add(f, &found, path);
}

enum err log_files_find(struct log_files *f, const char *path)
{
	return look_at(f, path, 0);
}

static int in_order(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;
	int by_id = strcmp(x->id, y->id);

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (by_id != 0)
		return by_id;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->path, y->path);
}

void log_files_sort(struct log_files *f)
{
	if (f->count > 1)
		qsort(f->files, f->count, sizeof(*f->files), in_order);
}

bool log_files_is_shorter(const struct log_files *f, size_t i)
{
	const struct log_file *file = &f->files[i];

	return i > 0 && file->kind == file[-1].kind && strcmp(file->id, file[-1].id) == 0 &&
	       strcmp(file->id, "?") != 0;
}
