#include "fuse/mountpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "fuse/helper.h"

/* ---- what is mounted where ---- */

/* mountinfo writes blanks, tabs, newlines and backslashes as three octal digits. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* The fifth field is the mount point; the one behind " - " the type. */
static bool line_is(char *line, const char *path, char type[64])
{
	char *tail = strstr(line, " - ");
	char *field = line;

	if (!tail || sscanf(tail, " - %63s", type) != 1)
		return false;
	for (int i = 0; i < 4 && field; i++) {
		field = strchr(field, ' ');
		if (field)
			field++;
	}
	if (!field)
		return false;
	field[strcspn(field, " ")] = '\0';
	unescape(field);
	return strcmp(field, path) == 0;
}

/* The type of what is on top there; false when `path` is no mount point. */
static bool mount_type(const char *path, char ret[64])
{
	CLEANUP(mem_freep) char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	size_t cap = 0;
	char type[64];

	if (!f)
		return false;
	while (getline(&line, &cap, f) > 0) {
		if (!line_is(line, path, type))
			continue;
		memcpy(ret, type, sizeof(type));
		found = true;
	}
	fclose(f);
	return found;
}

bool mountpoint_is_mounted(const char *path)
{
	char type[64];

	return mount_type(path, type) && strcmp(type, "fuse." VAULT_NAME) == 0;
}

/* ---- taking a mount down ---- */

enum err mountpoint_unmount(const char *path, bool detach)
{
	enum err err;

	if (!mountpoint_is_mounted(path))
		return OK;
	err = helper_unmount(path, detach);
	return err != OK && !mountpoint_is_mounted(path) ? OK : err;
}

/* ---- before the mount ---- */

static enum err unusable(const char *path, const char *why)
{
	return err_at(ERR_MOUNTPOINT, "%s: %s", path, why);
}

/* A server that died leaves a mount on which everything says ENOTCONN. */
static enum err clear_dead(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 || (errno != ENOTCONN && errno != ECONNABORTED))
		return OK;
	if (mountpoint_unmount(path, true) != OK)
		return unusable(path, "a dead mount that cannot be taken away");
	if (stat(path, &st) != 0 && errno == ENOTCONN)
		return unusable(path, "a dead mount of another program");
	return OK;
}

static enum err make_if_absent(const char *path, bool *ret_created)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return OK;
	if (errno != ENOENT || io_make_dirs(path, 0700) != OK)
		return err_errno_at(ERR_MOUNTPOINT, "%s", path);
	*ret_created = true;
	return OK;
}

static bool dir_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	bool empty = true;

	while (dir && empty) {
		struct dirent *entry = readdir(dir);

		if (!entry)
			break;
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	}
	if (dir)
		closedir(dir);
	return empty && dir;
}

/* What fusermount3 will ask for, asked early so that the answer can be told in our words. */
static enum err check_usable(struct mountpoint *mp)
{
	char type[64];
	struct stat st;

	if (mount_type(mp->path, type))
		return unusable(mp->path, "something is mounted there already");
	if (stat(mp->path, &st) != 0)
		return err_errno_at(ERR_MOUNTPOINT, "%s", mp->path);
	if (!S_ISDIR(st.st_mode))
		return unusable(mp->path, "not a folder");
	mp->mode = st.st_mode & 07777;
	if (st.st_uid == geteuid() && (st.st_mode & 0700) != 0700)
		if (chmod(mp->path, mp->mode | 0700) != 0)
			return err_errno_at(ERR_MOUNTPOINT, "%s", mp->path);
	if (access(mp->path, R_OK | W_OK | X_OK) != 0)
		return unusable(mp->path, "you may not write there");
	if (geteuid() != 0 && st.st_mode & S_ISVTX && st.st_uid != geteuid())
		return unusable(mp->path, "a shared folder that belongs to somebody else");
	if (!dir_is_empty(mp->path))
		return unusable(mp->path, "the folder is not empty");
	mp->fd = open(mp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mp->fd < 0)
		return err_errno_at(ERR_MOUNTPOINT, "%s", mp->path);
	return OK;
}

static enum err prepare(const char *path, struct mountpoint *mp)
{
	CLEANUP(mem_freep) char *real = NULL;

	TRY(clear_dead(path));
	TRY(make_if_absent(path, &mp->created));
	real = realpath(path, NULL);
	if (!real || strlen(real) >= sizeof(mp->path))
		return err_errno_at(ERR_MOUNTPOINT, "%s", path);
	memcpy(mp->path, real, strlen(real) + 1);
	return check_usable(mp);
}

enum err mountpoint_prepare(const char *path, struct mountpoint *ret)
{
	struct mountpoint mp = {.fd = -1};
	enum err err = prepare(path, &mp);

	if (err != OK) {
		if (mp.created)
			rmdir(path);
		return err;
	}
	*ret = mp;
	return OK;
}

/* Not being able to is no reason to refuse the mount: the folder may belong to somebody else. */
void mountpoint_bar(struct mountpoint *mp)
{
	if (mp->fd >= 0 && fchmod(mp->fd, (mp->mode | 0500) & ~0222u) != 0)
		err_clear();
}

void mountpoint_leave(struct mountpoint *mp, bool mounted)
{
	if (mp->created)
		rmdir(mp->path);
	else if (!mounted && mp->fd >= 0 && fchmod(mp->fd, mp->mode) != 0)
		err_clear();
	fd_closep(&mp->fd);
}
