#include "fuse/users.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/supervisor.h"

typedef enum err user_fn(void *ctx, const char *program, pid_t pid, const char *path);

struct search {
	const char *mountpoint;
	user_fn *fn;
	void *ctx;
	pid_t pid;
	char program[64];
	char last[4096]; /* what was told last of this program, so that it is told once */
};

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static enum err tell(struct search *s, const char *path)
{
	if (!is_below(path, s->mountpoint) || strcmp(path, s->last) == 0)
		return OK;
	snprintf(s->last, sizeof(s->last), "%s", path);
	return s->fn(s->ctx, s->program, s->pid, path);
}

static enum err tell_link(struct search *s, int dir_fd, const char *name)
{
	char path[4096];
	ssize_t n = readlinkat(dir_fd, name, path, sizeof(path) - 1);

	if (n <= 0)
		return OK;
	path[n] = '\0';
	return tell(s, path);
}

static enum err look_at_fds(struct search *s, int proc_fd)
{
	int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	enum err err = OK;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return OK;
	}
	while (err == OK && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = tell_link(s, dirfd(dir), entry->d_name);
	closedir(dir);
	return err;
}

/* A file may be mapped without being open. The path is what follows the sixth blank-separated
 * field. */
static enum err look_at_maps(struct search *s, int proc_fd)
{
	CLEANUP(mem_freep) char *line = NULL;
	int fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	FILE *maps = fd >= 0 ? fdopen(fd, "r") : NULL;
	enum err err = OK;
	size_t cap = 0;

	if (!maps) {
		if (fd >= 0)
			close(fd);
		return OK;
	}
	while (err == OK && getline(&line, &cap, maps) > 0) {
		char *path = strchr(line, '/');

		if (!path)
			continue;
		path[strcspn(path, "\n")] = '\0';
		err = tell(s, path);
	}
	fclose(maps);
	return err;
}

static void read_program(struct search *s, int proc_fd)
{
	int fd = openat(proc_fd, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, s->program, sizeof(s->program) - 1) : 0;

	s->program[n > 0 ? n : 0] = '\0';
	s->program[strcspn(s->program, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static enum err look_at_process(struct search *s, int proc_fd)
{
	read_program(s, proc_fd);
	if (strcmp(s->program, SUPERVISOR_NAME) == 0)
		return OK;
	s->last[0] = '\0';
	TRY(tell_link(s, proc_fd, "cwd"));
	TRY(tell_link(s, proc_fd, "root"));
	TRY(look_at_fds(s, proc_fd));
	return look_at_maps(s, proc_fd);
}

enum err mount_users(const char *mountpoint, user_fn *fn, void *ctx)
{
	CLEANUP(mem_freep) struct search *s = calloc(1, sizeof(*s));
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	enum err err = OK;

	if (s)
		*s = (struct search){.mountpoint = mountpoint, .fn = fn, .ctx = ctx};
	while (err == OK && s && proc && (entry = readdir(proc))) {
		int fd;

		s->pid = atoi(entry->d_name);
		if (s->pid <= 0)
			continue;
		fd = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		err = look_at_process(s, fd);
		close(fd);
	}
	if (proc)
		closedir(proc);
	return s ? err : err_at(ERR_NOMEM, "search");
}
