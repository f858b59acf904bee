#include "pack/stage.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/io.h"
#include "crypto/random.h"

#define PRIVATE ".vault-"
#define PRIVATE_DIGITS 16u
#define FRESH "new" /* below the private folder: what came out of the pack */
#define ASIDE "old" /* and what it replaced */
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct folder {
	char *name;
	struct stage_facts facts;
};

struct stage {
	int into, base, root; /* the target folder, the private one in it, and FRESH in that */
	char *into_path;
	char private_name[32];
	struct folder *folders;
	size_t folder_count, folder_cap;
	/* The folder that was reached last; most names that follow are in it too. */
	char *last;
	int last_fd;
};

static void folder_forget(struct stage *s)
{
	free(TAKE(s->last));
	fd_closep(&s->last_fd);
	s->last_fd = -1;
}

/* ---- removing ---- */

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_list(int folder, const char *name)
{
	int fd = openat(folder, name, FOLDER_FLAGS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Empties the folder `name` of `base`; folders in it become folders of `base`, so that no depth
 * needs more than two descriptors. Whether there were any. */
static bool flatten(int base, const char *name, uint64_t *number)
{
	DIR *dir = open_list(base, name);
	struct dirent *entry;
	bool moved = false;
	char fresh[24];

	while (dir && (entry = readdir(dir))) {
		if (is_dots(entry->d_name) || unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			continue;
		/* Moving a folder changes its "..", for which it must be writable. */
		(void)!fchmodat(dirfd(dir), entry->d_name, 0700, 0);
		snprintf(fresh, sizeof(fresh), "%llu", (unsigned long long)++*number);
		moved |= renameat(dirfd(dir), entry->d_name, base, fresh) == 0;
	}
	if (dir)
		closedir(dir);
	return moved;
}

/* One round over what is in `base`; whether anything changed. */
static bool remove_round(int base, uint64_t *number)
{
	DIR *dir = open_list(base, ".");
	struct dirent *entry;
	bool removed = false;

	while (dir && (entry = readdir(dir))) {
		if (is_dots(entry->d_name))
			continue;
		if (unlinkat(base, entry->d_name, 0) == 0) {
			removed = true;
			continue;
		}
		(void)!fchmodat(base, entry->d_name, 0700, 0);
		removed |= flatten(base, entry->d_name, number);
		removed |= unlinkat(base, entry->d_name, AT_REMOVEDIR) == 0;
	}
	if (dir)
		closedir(dir);
	return removed;
}

/* Removes a private folder with a tree of our own making and what was put aside. Never follows a
 * link. */
static void remove_private(int into, const char *name)
{
	int base = openat(into, name, FOLDER_FLAGS);
	uint64_t number = 0;

	while (base >= 0 && remove_round(base, &number))
		;
	fd_closep(&base);
	(void)!unlinkat(into, name, AT_REMOVEDIR);
}

static enum err make_folder(int from, const char *name, const char *told, int *ret)
{
	if (mkdirat(from, name, 0700) != 0)
		return err_from_errno("%s", told);
	*ret = openat(from, name, FOLDER_FLAGS);
	return *ret >= 0 ? OK : err_from_errno("%s", told);
}

/* ---- what a run left that was killed ---- */

static bool is_private_name(const char *name)
{
	return strlen(name) == sizeof(PRIVATE) - 1 + PRIVATE_DIGITS &&
	       strncmp(name, PRIVATE, sizeof(PRIVATE) - 1) == 0 &&
	       strspn(name + sizeof(PRIVATE) - 1, "0123456789abcdef") == PRIVATE_DIGITS;
}

static bool is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where the file system knows no renaming without replacing, looking before must do. */
static int move(int from, int to, const char *name)
{
	if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (is_there(to, name)) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from, name, to, name);
}

/* What had been put aside and has nothing in its place goes back. False: something could not. */
static bool put_back(int base, int into)
{
	DIR *dir = open_list(base, ASIDE);
	struct dirent *entry;
	bool whole = dir || !is_there(base, ASIDE);

	while (dir && (entry = readdir(dir)))
		if (!is_dots(entry->d_name) && move(dirfd(dir), into, entry->d_name) != 0 &&
		    errno != EEXIST)
			whole = false;
	if (dir)
		closedir(dir);
	return whole;
}

static bool holds_only_ours(int base)
{
	DIR *dir = open_list(base, ".");
	struct dirent *entry;
	bool ours = dir != NULL;

	while (dir && (entry = readdir(dir)))
		ours &= is_dots(entry->d_name) || strcmp(entry->d_name, FRESH) == 0 ||
			strcmp(entry->d_name, ASIDE) == 0 ||
			strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
	if (dir)
		closedir(dir);
	return ours;
}

/* Nothing of it was promised to anybody. Another run that is at work holds the lock. */
static void clean_one(int into, const char *name)
{
	CLEANUP(fd_closep) int base = openat(into, name, FOLDER_FLAGS);
	struct stat st;

	if (base < 0 || fstat(base, &st) != 0 || st.st_uid != geteuid() ||
	    flock(base, LOCK_EX | LOCK_NB) != 0)
		return;
	if (holds_only_ours(base) && put_back(base, into))
		remove_private(into, name);
}

static void clean_up(int into)
{
	DIR *dir = open_list(into, ".");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_private_name(entry->d_name))
			clean_one(into, entry->d_name);
	if (dir)
		closedir(dir);
}

/* ---- beginning ---- */

static enum err open_into(struct stage *s, const char *into)
{
	s->into = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->into < 0)
		return err_from_errno("%s", into);
	s->into_path = strdup(into);
	return s->into_path ? OK : err_at(ERR_NOMEM, "%s", into);
}

/* Where the file system knows no locks, nobody cleans up either: that takes a lock, too. */
enum err stage_new(const char *into, struct stage **ret)
{
	CLEANUP(stage_freep) struct stage *s = calloc(1, sizeof(*s));
	uint64_t number;

	if (!s)
		return err_at(ERR_NOMEM, "%s", into);
	s->base = s->root = s->last_fd = -1;
	TRY(open_into(s, into));
	clean_up(s->into);
	random_bytes(&number, sizeof(number));
	snprintf(s->private_name, sizeof(s->private_name), PRIVATE "%016llx",
		 (unsigned long long)number);
	if (mkdirat(s->into, s->private_name, 0700) != 0) {
		enum err err = err_from_errno("%s", into);

		s->private_name[0] = '\0';
		return err;
	}
	s->base = openat(s->into, s->private_name, FOLDER_FLAGS);
	if (s->base < 0)
		return err_from_errno("%s", into);
	(void)!flock(s->base, LOCK_EX | LOCK_NB);
	TRY(make_folder(s->base, FRESH, into, &s->root));
	*ret = TAKE(s);
	return OK;
}

void stage_free(struct stage *s)
{
	if (!s)
		return;
	folder_forget(s);
	fd_closep(&s->root);
	/* What was put aside and not replaced is somebody's file, not ours to remove. */
	if (s->base >= 0 && put_back(s->base, s->into))
		remove_private(s->into, s->private_name);
	else if (s->base < 0 && s->private_name[0])
		(void)!unlinkat(s->into, s->private_name, AT_REMOVEDIR);
	fd_closep(&s->base);
	fd_closep(&s->into);
	for (size_t i = 0; i < s->folder_count; i++)
		free(s->folders[i].name);
	free(s->folders);
	free(s->into_path);
	free(s);
}

uint64_t stage_space(const struct stage *s)
{
	struct statvfs st;

	if (fstatvfs(s->root, &st) != 0)
		return UINT64_MAX;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

/* ---- finding a place ---- */

static enum err taken(const char *name)
{
	return err_at(ERR_UNSAFE, "%s: twice, or in the place of something else", name);
}

/* Opens the folder `name` below `from`, made if need be. A link there is refused by O_NOFOLLOW. */
static enum err enter(int from, const char *part, const char *name, int *ret)
{
	if (mkdirat(from, part, 0700) != 0 && errno != EEXIST)
		return err_from_errno("%s", name);
	*ret = openat(from, part, FOLDER_FLAGS);
	if (*ret >= 0)
		return OK;
	return errno == ELOOP || errno == ENOTDIR ? taken(name) : err_from_errno("%s", name);
}

static enum err reach(struct stage *s, const char *path, const char *name, int *ret)
{
	int fd = dup(s->root);
	enum err err = fd < 0 ? err_from_errno("%s", name) : OK;

	while (err == OK && *path) {
		size_t len = strcspn(path, "/");
		char part[256];
		int next = -1;

		memcpy(part, path, len); /* pack_name keeps components below 256 bytes */
		part[len] = '\0';
		err = enter(fd, part, name, &next);
		close(fd);
		fd = next;
		path += len;
		path += *path == '/';
	}
	if (err != OK)
		return err;
	*ret = fd;
	return OK;
}

/* The folder that holds `name`, borrowed, and the last component. */
static enum err parent_of(struct stage *s, const char *name, int *ret_fd, const char **ret_last)
{
	const char *slash = strrchr(name, '/');
	CLEANUP(mem_freep) char *folder = strndup(name, slash ? (size_t)(slash - name) : 0);

	if (!folder)
		return err_at(ERR_NOMEM, "%s", name);
	*ret_last = slash ? slash + 1 : name;
	if (!s->last || strcmp(s->last, folder) != 0) {
		folder_forget(s);
		TRY(reach(s, folder, name, &s->last_fd));
		s->last = TAKE(folder);
	}
	*ret_fd = s->last_fd;
	return OK;
}

/* ---- making ---- */

enum err stage_file(struct stage *s, const char *name, int *ret_fd)
{
	const char *last;
	int folder;

	TRY(parent_of(s, name, &folder, &last));
	*ret_fd = openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret_fd >= 0)
		return OK;
	return errno == EEXIST ? taken(name) : err_from_errno("%s", name);
}

/* Some file systems have no modes; what is there is as private as all of them then. */
static enum err set_facts(int fd, mode_t mode, const struct timespec times[2], const char *name)
{
	if (fchmod(fd, mode) != 0 && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return err_from_errno("%s", name);
	return futimens(fd, times) == 0 ? OK : err_from_errno("%s", name);
}

enum err stage_file_done(struct stage *s, int fd, const char *name, uint64_t size,
			 const struct stage_facts *facts)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, facts->mtime};

	if (ftruncate(fd, (off_t)size) != 0)
		return err_from_errno("%s", name);
	return set_facts(fd, facts->mode & 0777, times, name);
}

static enum err note_folder(struct stage *s, const char *name, const struct stage_facts *facts)
{
	if (s->folder_count == s->folder_cap) {
		size_t cap = s->folder_cap ? s->folder_cap * 2 : 64;
		struct folder *grown = realloc(s->folders, cap * sizeof(*grown));

		if (!grown)
			return err_at(ERR_NOMEM, "%s", name);
		s->folders = grown;
		s->folder_cap = cap;
	}
	s->folders[s->folder_count] = (struct folder){strdup(name), *facts};
	return s->folders[s->folder_count++].name ? OK : err_at(ERR_NOMEM, "%s", name);
}

enum err stage_folder(struct stage *s, const char *name, const struct stage_facts *facts)
{
	const char *last;
	int folder, made;

	if (!name[0])
		return OK; /* the folder itself */
	TRY(parent_of(s, name, &folder, &last));
	TRY(enter(folder, last, name, &made));
	close(made);
	return note_folder(s, name, facts);
}

enum err stage_link(struct stage *s, const char *name, const char *target)
{
	const char *last;
	int folder;

	TRY(parent_of(s, name, &folder, &last));
	if (symlinkat(target, folder, last) == 0)
		return OK;
	return errno == EEXIST ? taken(name) : err_from_errno("%s", name);
}

enum err stage_hard_link(struct stage *s, const char *name, const char *target)
{
	const char *last, *target_last;
	CLEANUP(fd_closep) int from = -1;
	struct stat st;
	int folder;

	TRY(parent_of(s, target, &folder, &target_last));
	from = dup(folder);
	if (from < 0)
		return err_from_errno("%s", name);
	if (fstatat(from, target_last, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return err_at(ERR_UNSAFE, "%s: a link to %s, which is not in the pack", name,
			      target);
	TRY(parent_of(s, name, &folder, &last));
	if (linkat(from, target_last, folder, last, 0) == 0)
		return OK;
	return errno == EEXIST ? taken(name) : err_from_errno("%s", name);
}

/* ---- releasing ---- */

/* Deepest first: a folder's time changes when something below it is renamed or made, and nothing
 * is. */
static enum err finish_folders(struct stage *s)
{
	folder_forget(s);
	for (size_t i = s->folder_count; i-- > 0;) {
		const struct folder *f = &s->folders[i];
		struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, f->facts.mtime};
		enum err err;
		int fd;

		TRY(reach(s, f->name, f->name, &fd));
		err = set_facts(fd, (f->facts.mode & 0777) | 0700, times, f->name);
		close(fd);
		TRY(err);
	}
	return OK;
}

struct names {
	char **at;
	size_t count, cap;
};

static void names_clear(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
}

static enum err names_add(struct names *n, const char *name)
{
	if (n->count == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 32;
		char **grown = realloc(n->at, cap * sizeof(*grown));

		if (!grown)
			return err_at(ERR_NOMEM, "names");
		n->at = grown;
		n->cap = cap;
	}
	n->at[n->count] = strdup(name);
	return n->at[n->count++] ? OK : err_at(ERR_NOMEM, "names");
}

/* What stands at the top of what came out. */
static enum err top_names(struct stage *s, struct names *n)
{
	int fd = openat(s->base, FRESH, FOLDER_FLAGS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	enum err err = OK;

	if (!dir) {
		err = err_from_errno("%s", s->into_path);
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (err == OK && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = names_add(n, entry->d_name);
	closedir(dir);
	return err;
}

static enum err put_one(struct stage *s, int aside, const char *name)
{
	if (aside >= 0 && is_there(s->into, name) && move(s->into, aside, name) != 0)
		return err_from_errno("%s/%s", s->into_path, name);
	if (move(s->root, s->into, name) == 0)
		return OK;
	return errno == EEXIST ? err_at(ERR_EXISTS, "%s/%s", s->into_path, name)
			       : err_from_errno("%s/%s", s->into_path, name);
}

/* Back to how it was, as far as that is possible. */
static void take_back(struct stage *s, int aside, const struct names *n, size_t done)
{
	for (size_t i = 0; i <= done && i < n->count; i++) {
		if (i < done)
			(void)!move(s->into, s->root, n->at[i]);
		if (aside >= 0)
			(void)!move(aside, s->into, n->at[i]);
	}
}

static enum err release_names(struct stage *s, const struct names *n, int aside)
{
	for (size_t i = 0; i < n->count; i++) {
		enum err err = put_one(s, aside, n->at[i]);

		if (err != OK) {
			take_back(s, aside, n, i);
			return err;
		}
	}
	return fsync(s->into) == 0 ? OK : err_from_errno("%s", s->into_path);
}

enum err stage_ready(struct stage *s, bool replace)
{
	CLEANUP(names_clear) struct names n = {0};

	TRY(finish_folders(s));
	/* Files reach the disk before their names do. */
	if (syncfs(s->root) != 0)
		return err_from_errno("%s", s->into_path);
	TRY(top_names(s, &n));
	for (size_t i = 0; i < n.count && !replace; i++)
		if (is_there(s->into, n.at[i]))
			return err_at(ERR_EXISTS, "%s/%s", s->into_path, n.at[i]);
	return OK;
}

enum err stage_release(struct stage *s, bool replace)
{
	CLEANUP(names_clear) struct names n = {0};
	CLEANUP(fd_closep) int aside = -1;

	TRY(top_names(s, &n));
	if (replace)
		TRY(make_folder(s->base, ASIDE, s->into_path, &aside));
	return release_names(s, &n, aside);
}
