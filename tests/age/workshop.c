#include "tests/age/workshop.h"

#include "tests/check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"

void workshop_open(struct workshop *w)
{
	strcpy(w->dir, "/tmp/age-workshop-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
}

void workshop_close(struct workshop *w)
{
	DIR *dir = opendir(w->dir);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	assert_int_equal(rmdir(w->dir), 0);
}

char *workshop_place(const struct workshop *w, const char *name)
{
	char *path = io_path_join(w->dir, name);

	assert_non_null(path);
	return path;
}

void workshop_put(const struct workshop *w, const char *name, const void *data, size_t len,
		  unsigned mode)
{
	CLEANUP(mem_freep) char *path = workshop_place(w, name);

	assert_ok(io_replace_file(path, data, len, mode));
	assert_int_equal(chmod(path, mode), 0);
}

void workshop_get(const struct workshop *w, const char *name, struct buf *out)
{
	CLEANUP(mem_freep) char *path = workshop_place(w, name);

	assert_ok(io_read_file(path, 1 << 24, out));
}

void workshop_copy(const struct workshop *w, const char *name, const char *from, unsigned mode)
{
	CLEANUP(buf_clear) struct buf text = {0};

	assert_ok(io_read_file(from, 1 << 20, &text));
	workshop_put(w, name, text.data, text.len, mode);
}

static _Noreturn void become(const char *dir, const char *const *argv)
{
	char path[512];
	int in = open("/dev/null", O_RDONLY);

	snprintf(path, sizeof(path), "%s:%s", getenv("PATH"), dir);
	setenv("PATH", path, 1);
	if (chdir(dir) == 0) {
		int said = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(in, 0);
		dup2(said, 1);
		dup2(said, 2);
		execvp(argv[0], (char *const *)argv);
	}
	_exit(127);
}

int workshop_run(const struct workshop *w, const char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		become(w->dir, argv);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool workshop_has(const char *program)
{
	const char *const argv[] = {program, "--version", NULL};
	struct workshop w;
	int status;

	workshop_open(&w);
	status = workshop_run(&w, argv);
	workshop_close(&w);
	return status == 0;
}
