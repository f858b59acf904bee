#include "access/sync_folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

#define NAME_HEX (2u * SHA256_LEN)
#define FIRST_LINE "portable-vault-register/1\n"
#define LEFTOVER_SECONDS 86400

void sync_folder_clear(struct sync_folder *f)
{
	free(f->top);
	free(f->base);
	free(f->statements);
	free(f->escrow);
	free(f->contents);
	memset(f, 0, sizeof(*f));
}

/* ---- where ---- */

static enum err join(const char *a, const char *b, char **ret)
{
	*ret = io_path_join(a, b);
	return *ret ? OK : err_at(ERR_NOMEM, "path");
}

enum err sync_folder_find(const char *dir, const uint8_t org[ORG_ID_LEN], struct sync_folder *ret)
{
	CLEANUP(sync_folder_clear) struct sync_folder f = {0};
	char hex[2 * ORG_ID_LEN + 1];
	struct stat st;

	if (stat(dir, &st) != 0)
		return err_from_errno("%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_at(ERR_NOT_DIR, "%s", dir);
	f.mode = st.st_mode & 07777;
	text_hex(org, ORG_ID_LEN, hex);
	TRY(join(dir, SYNC_FOLDER, &f.top));
	TRY(join(f.top, hex, &f.base));
	TRY(join(f.base, "statements", &f.statements));
	TRY(join(f.base, "escrow", &f.escrow));
	TRY(join(f.base, "contents", &f.contents));
	f.fresh = lstat(f.statements, &st) != 0 && errno == ENOENT;
	*ret = f;
	memset(&f, 0, sizeof(f));
	return OK;
}

/* Of a folder of somebody else's, "read-only" would be said of the vault. */
static enum err as_permission(enum err err)
{
	return err == ERR_READ_ONLY ? ERR_PERM : err;
}

/* Whoever may write into the folder around it is to write into this one, whatever the umask says.
 */
enum err sync_folder_make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, 0777) == 0) {
		(void)!chmod(path, mode);
		return OK;
	}
	if (errno != EEXIST)
		return as_permission(err_from_errno("%s", path));
	if (lstat(path, &st) != 0)
		return err_from_errno("%s", path);
	return S_ISDIR(st.st_mode) ? OK : err_at(ERR_NOT_DIR, "%s", path);
}

enum err sync_folder_make(const struct sync_folder *f)
{
	const char *const all[] = {f->top, f->base, f->statements, f->escrow, f->contents};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		TRY(sync_folder_make_one(all[i], f->mode));
	return OK;
}

/* ---- names ---- */

static int in_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

enum err sync_each_name(const char *path, enum err (*fn)(void *ctx, const char *name), void *ctx)
{
	struct dirent **list = NULL;
	int count = scandir(path, &list, NULL, in_order);
	enum err err = OK;

	if (count < 0)
		return errno == ENOENT ? OK : err_from_errno("%s", path);
	for (int i = 0; i < count; i++) {
		if (err == OK)
			err = fn(ctx, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return err;
}

bool sync_parse_name(const char *name, uint8_t id[SHA256_LEN])
{
	char hex[NAME_HEX + 1];

	if (strlen(name) != SYNC_NAME - 1 || strcmp(name + NAME_HEX, ".txt") != 0 ||
	    strspn(name, "0123456789abcdef") != NAME_HEX)
		return false;
	memcpy(hex, name, NAME_HEX);
	hex[NAME_HEX] = '\0';
	return text_unhex(hex, id, SHA256_LEN) == OK;
}

void sync_print_name(const uint8_t id[SHA256_LEN], char out[SYNC_NAME])
{
	text_hex(id, SHA256_LEN, out);
	memcpy(out + NAME_HEX, ".txt", 5);
}

void sync_tidy(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = NULL;
	size_t len = strlen(name);
	struct stat st;

	if (strncmp(name, ".vault-", 7) != 0 || len < 11 || strcmp(name + len - 4, ".tmp") != 0)
		return;
	path = io_path_join(dir, name);
	if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    clock_wall().tv_sec - st.st_mtime > LEFTOVER_SECONDS)
		(void)unlink(path);
}

/* ---- files ---- */

enum err sync_read(const char *dir, const char *name, size_t max, struct buf *ret)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);
	struct stat st;

	if (!path)
		return err_at(ERR_NOMEM, "path");
	if (lstat(path, &st) != 0)
		return err_from_errno("%s", path);
	if (!S_ISREG(st.st_mode))
		return err_at(ERR_INVALID, "%s", path);
	/* Should it become a link in between, it is not followed either. */
	return io_read_own_file(path, max, ret);
}

/* A copy that stopped, or a crash that left zeroes behind. */
static bool is_cut(const struct buf *text)
{
	size_t len = MIN(text->len, sizeof(FIRST_LINE) - 1);

	return text->len == 0 || (memcmp(text->data, FIRST_LINE, len) == 0 &&
				  (statement_split(text->data, text->len) == 0 ||
				   memchr(text->data, '\0', text->len) != NULL));
}

static enum err judge(const struct buf *text, const uint8_t id[SHA256_LEN], struct statement *ret)
{
	uint8_t sum[SHA256_LEN];

	sha256(text->data ? text->data : "", text->len, sum);
	if (memcmp(sum, id, SHA256_LEN) != 0)
		return is_cut(text) ? ERR_LOG_GAP : ERR_LOG_TAMPERED;
	return statement_read(text->data ? text->data : "", text->len, ret);
}

enum err sync_read_statement(const char *dir, const char *name, const uint8_t id[SHA256_LEN],
			     struct statement *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	enum err err = sync_read(dir, name, STATEMENT_MAX, &text);

	if (err == OK)
		err = judge(&text, id, ret);
	if (err == ERR_BAD_FORMAT || err == ERR_FORGED || err == ERR_TOO_BIG || err == ERR_INVALID)
		err = ERR_LOG_TAMPERED;
	return err == OK ? OK : err_at(err, "%s", name);
}

enum err sync_write(const char *dir, const char *name, const void *data, size_t len)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);

	if (!path)
		return err_at(ERR_NOMEM, "path");
	return as_permission(io_replace_file(path, data, len, 0644));
}
