#include "fuse/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define PROGRAM "fusermount3"
#define WORDS_MAX 512
#define CONNECTION_FD 3 /* where the helper finds the socket that it answers on */

extern char **environ;

/* The helper's environment: ours, and where to send the connection. */
static char **environment_with(char *extra)
{
	size_t count = 0;
	char **copy;

	while (environ[count])
		count++;
	copy = calloc(count + 2, sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, environ, count * sizeof(*copy));
	copy[count] = extra;
	return copy;
}

static enum err spawn(const char *const argv[], int err_fd, int connection, pid_t *ret)
{
	char variable[] = "_FUSE_COMMFD=3";
	CLEANUP(mem_freep) char **env = environment_with(connection >= 0 ? variable : NULL);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int status;

	if (!env)
		return err_at(ERR_NOMEM, PROGRAM);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	if (connection >= 0)
		posix_spawn_file_actions_adddup2(&actions, connection, CONNECTION_FD);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	status = posix_spawnp(ret, argv[0], &actions, &attr, (char **)(uintptr_t)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0 ? OK : err_at(ERR_FUSE, PROGRAM " did not start; is fuse3 installed?");
}

/* The first line of what it said. */
static void read_words(int fd, char words[WORDS_MAX])
{
	size_t len = 0;

	if (io_read_full(fd, words, WORDS_MAX - 1, &len) != OK)
		len = 0;
	words[len] = '\0';
	words[strcspn(words, "\n")] = '\0';
}

/* Runs it to its end. It gives its reasons in words only, in English whatever the locale. */
static enum err run(const char *const argv[], int connection, const char *path)
{
	CLEANUP(fd_closep) int in = -1, out = -1;
	char words[WORDS_MAX];
	int ends[2], status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_from_errno("pipe");
	in = ends[0];
	out = ends[1];
	TRY(spawn(argv, out, connection, &pid));
	fd_closep(&out);
	read_words(in, words);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	if (strstr(words, "busy"))
		return err_at(ERR_BUSY, "%s", path);
	return err_at(ERR_FUSE, "%s", words[0] ? words : path);
}

static enum err receive_fd(int socket_fd, int *ret)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr packet = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	struct cmsghdr *head;

	if (recvmsg(socket_fd, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return err_errno_at(ERR_FUSE, PROGRAM " sent no connection");
	head = CMSG_FIRSTHDR(&packet);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_at(ERR_FUSE, PROGRAM " sent no connection");
	memcpy(ret, CMSG_DATA(head), sizeof(*ret));
	return OK;
}

/* dup2 onto itself would leave close-on-exec set, so our end must not lie where the helper's will.
 */
enum err helper_mount(const char *path, const char *options, int *ret_fd)
{
	const char *const argv[] = {PROGRAM, "-o", options, "--", path, NULL};
	CLEANUP(fd_closep) int here = -1, there = -1;
	int ends[2];

	if (access("/dev/fuse", F_OK) != 0)
		return err_at(ERR_FUSE,
			      "/dev/fuse is missing: the kernel has no FUSE (modprobe fuse)");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return err_from_errno("socket pair");
	here = ends[0];
	there = fcntl(ends[1], F_DUPFD_CLOEXEC, CONNECTION_FD + 1);
	close(ends[1]);
	if (there < 0)
		return err_from_errno("socket pair");
	TRY(run(argv, there, path));
	return receive_fd(here, ret_fd);
}

enum err helper_unmount(const char *path, bool detach)
{
	const char *const argv[] = {
		PROGRAM, "-u", detach ? "-z" : "--", detach ? "--" : path, detach ? path : NULL,
		NULL};

	return run(argv, -1, path);
}
