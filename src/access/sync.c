#include "access/sync.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/contents.h"
#include "access/escrow.h"
#include "access/report.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

#define NAME_HEX (2u * SHA256_LEN)
#define NAME_LEN (NAME_HEX + 4u) /* ".txt" */
#define TRIES 2u

struct exchange {
	struct home *home;
	const struct recorder *recorder;
	struct org_register *own;   /* owned */
	struct org_register *there; /* owned: ours and what is sound in the folder */
	struct roster *roster;	    /* owned */
	char *base, *statements;    /* owned: of our society */
	struct sync_result *ret;
};

static void exchange_clear(struct exchange *x)
{
	roster_free(x->roster);
	register_free(x->own);
	register_free(x->there);
	free(x->base);
	free(x->statements);
}

void sync_result_clear(struct sync_result *r)
{
	free(r->faults);
	memset(r, 0, sizeof(*r));
}

static enum err add_fault(struct sync_result *r, enum err what, const char *name)
{
	struct sync_fault *more = realloc(r->faults, (r->fault_count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "faults");
	r->faults = more;
	more[r->fault_count].what = what;
	text_copy(more[r->fault_count++].name, sizeof(more->name), name);
	return OK;
}

/* ---- the folder -------------------------------------------------------------------------------
 */

static enum err join_path(const char *a, const char *b, char **ret)
{
	*ret = io_path_join(a, b);
	return *ret ? OK : err_at(ERR_NOMEM, "path");
}

/* Folders that others of the society are to use as well; who may is the file system's to say. */
static enum err make_folder(const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return OK;
	return err_from_errno("%s", path);
}

static enum err open_folders(struct exchange *x, const char *dir)
{
	CLEANUP(mem_freep) char *top = NULL;
	char hex[2 * ORG_ID_LEN + 1];
	struct stat st;

	if (stat(dir, &st) != 0)
		return err_from_errno("%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_at(ERR_NOT_DIR, "%s", dir);
	text_hex(register_org(x->own), ORG_ID_LEN, hex);
	TRY(join_path(dir, SYNC_FOLDER, &top));
	TRY(join_path(top, hex, &x->base));
	TRY(join_path(x->base, "statements", &x->statements));
	TRY(make_folder(top));
	TRY(make_folder(x->base));
	return make_folder(x->statements);
}

static bool parse_name(const char *name, uint8_t id[SHA256_LEN])
{
	char hex[NAME_HEX + 1];

	if (strlen(name) != NAME_LEN || strcmp(name + NAME_HEX, ".txt") != 0 ||
	    strspn(name, "0123456789abcdef") != NAME_HEX)
		return false;
	memcpy(hex, name, NAME_HEX);
	hex[NAME_HEX] = '\0';
	return text_unhex(hex, id, SHA256_LEN) == OK;
}

/* ---- what is there ------------------------------------------------------------------------------
 */

/* What was not written whole is no statement; it is told, and left to whoever put it there. */
static enum err read_statement(const char *path, const uint8_t id[SHA256_LEN],
			       struct statement *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t sum[SHA256_LEN];

	TRY(io_read_file(path, STATEMENT_MAX, &text));
	sha256(text.data ? text.data : "", text.len, sum);
	if (memcmp(sum, id, SHA256_LEN) != 0)
		return err_at(ERR_FORGED, "%s", path);
	return statement_read(text.data ? text.data : "", text.len, ret);
}

static bool is_sound(enum err err)
{
	return err == OK;
}

static enum err fetch_one(struct exchange *x, const char *name, struct org_register *into)
{
	CLEANUP(statement_clear) struct statement s = {0};
	CLEANUP(mem_freep) char *path = NULL;
	uint8_t id[SHA256_LEN];
	enum err err;

	if (!parse_name(name, id) || register_find(into, id))
		return OK;
	TRY(join_path(x->statements, name, &path));
	err = read_statement(path, id, &s);
	if (is_sound(err))
		err = register_take(into, s.text, s.len, NULL);
	switch (err) {
	case OK:
		return OK;
	case ERR_NOMEM:
		return err;
	case ERR_NEWER_FORMAT: /* a newer version of the program knows it */
	case ERR_PERM:
	case ERR_IO:
		return add_fault(x->ret, err, name);
	default:
		return add_fault(x->ret, ERR_LOG_TAMPERED, name);
	}
}

/* Everything sound that the folder has, beside what is here already. */
static enum err fetch_all(struct exchange *x)
{
	DIR *d = opendir(x->statements);
	struct dirent *entry;
	enum err err = OK;

	if (!d)
		return err_from_errno("%s", x->statements);
	while (err == OK && (entry = readdir(d)) != NULL)
		err = fetch_one(x, entry->d_name, x->there);
	closedir(d);
	return err;
}

/* ---- what goes there ----------------------------------------------------------------------------
 */

static enum err send_one(struct exchange *x, const struct statement *s)
{
	CLEANUP(mem_freep) char *path = NULL;
	CLEANUP(buf_clear) struct buf there = {0};
	char name[NAME_LEN + 1];
	struct stat st;

	text_hex(s->id, SHA256_LEN, name);
	strcat(name, ".txt");
	TRY(join_path(x->statements, name, &path));
	/* One that was spoilt there is put right. */
	if (stat(path, &st) == 0 && (size_t)st.st_size == s->len &&
	    io_read_file(path, STATEMENT_MAX, &there) == OK &&
	    memcmp(there.data, s->text, s->len) == 0)
		return OK;
	TRY(io_replace_file(path, s->text, s->len, 0644));
	x->ret->went++;
	return OK;
}

static enum err send_all(struct exchange *x)
{
	for (size_t i = 0; i < register_count(x->own); i++)
		TRY(send_one(x, register_at(x->own, i)));
	return OK;
}

/* ---- the rest of it
 * ------------------------------------------------------------------------------ */

static enum err note_finding(void *ctx, const struct register_finding *f)
{
	struct exchange *x = ctx;
	char hex[2 * SHA256_LEN + 1];
	enum err what = f->fault == REGISTER_FORK ? ERR_FORK : ERR_LOG_GAP;

	text_hex(f->statement->id, SHA256_LEN, hex);
	hex[12] = '\0';
	return add_fault(x->ret, what, hex);
}

static enum err remake(struct exchange *x)
{
	roster_free(TAKE(x->roster));
	return roster_make(x->own, &x->roster);
}

static enum err exchange_sealed(struct exchange *x)
{
	CLEANUP(mem_freep) char *contents = NULL, *here = NULL;
	size_t came = 0, went = 0;

	TRY(escrow_exchange(x->home, x->roster, x->base, &x->ret->sealed_came,
			    &x->ret->sealed_went));
	TRY(join_path(x->base, "contents", &contents));
	TRY(join_path(home_register_dir(x->home), "contents", &here));
	TRY(contents_exchange(here, contents, &came, &went));
	x->ret->sealed_came += came;
	x->ret->sealed_went += went;
	return OK;
}

/* What the host says of itself is about the register as it is now, and goes out at once. */
static enum err report_self(struct exchange *x)
{
	enum err err = report_write(x->home, x->own, x->roster, &x->ret->reported);

	if (err == ERR_HOST_UNKNOWN || err == ERR_REVOKED_HOST) {
		x->ret->unregistered = true;
		err_clear();
		return OK;
	}
	TRY(err);
	return x->ret->reported ? remake(x) : OK;
}

static enum err exchange_all(struct exchange *x, const char *dir)
{
	size_t came = 0;

	TRY(open_folders(x, dir));
	TRY(register_new(&x->there));
	TRY(register_merge(x->there, x->own, NULL));
	TRY(fetch_all(x));
	TRY(register_merge(x->own, x->there, &came));
	x->ret->came = came;
	TRY(remake(x));
	/* Before anything that may fail: this is what the officer waits for. */
	TRY(vault_destroy_revoked(x->home, x->roster, x->recorder, &x->ret->destroyed));
	TRY(report_self(x));
	TRY(send_all(x));
	TRY(exchange_sealed(x));
	return register_check(x->own, note_finding, x);
}

/* The gravest, in the order of the exit codes 21, 23, 22. */
static enum err worst_of(const struct sync_result *r)
{
	static const enum err order[] = {ERR_LOG_TAMPERED, ERR_FORK, ERR_LOG_GAP};

	for (unsigned n = 0; n < ARRAY_LEN(order); n++)
		for (size_t i = 0; i < r->fault_count; i++)
			if (r->faults[i].what == order[n])
				return err_at(order[n], "%s", r->faults[i].name);
	for (size_t i = 0; i < r->fault_count; i++)
		return err_at(r->faults[i].what, "%s", r->faults[i].name);
	return OK;
}

static enum err record_sync(struct exchange *x, enum err how)
{
	struct audit_event event = {
		.code = AUDIT_SYNC,
		.result = how == OK ? AUDIT_OK : AUDIT_FAILED,
		.reason = how,
	};
	char detail[512];
	enum err err;

	text_copy(detail, sizeof(detail), err_detail());
	err = x->recorder->record(x->recorder->ctx, &event);
	if (err == OK && how != OK)
		return err_at(how, "%s", detail);
	return err == OK ? OK : ERR_LOG_WRITE;
}

enum err vault_sync(struct home *h, const char *dir, const struct recorder *recorder,
		    struct sync_result *ret)
{
	CLEANUP(exchange_clear) struct exchange x = {.home = h, .recorder = recorder, .ret = ret};
	enum err err;

	*ret = (struct sync_result){.came = 0};
	TRY(register_open(h, &x.own));
	if (register_is_empty(x.own))
		return err_at(ERR_NOT_FOUND, "no register on this host");
	err = exchange_all(&x, dir);
	if (err != OK)
		return record_sync(&x, err);
	TRY(register_note_sync(h, clock_wall().tv_sec));
	return record_sync(&x, worst_of(ret));
}

/* ---- the first time
 * ------------------------------------------------------------------------------- */

/* The founding statement of the society whose folder is `hex`. */
static enum err find_founding(const char *top, const char *hex, struct statement *ret)
{
	CLEANUP(mem_freep) char *base = NULL, *path = NULL;
	struct dirent *entry;
	uint8_t org[ORG_ID_LEN];
	enum err err = ERR_NOT_FOUND;
	DIR *d;

	if (strlen(hex) != 2 * ORG_ID_LEN || text_unhex(hex, org, ORG_ID_LEN) != OK)
		return ERR_NOT_FOUND;
	TRY(join_path(top, hex, &base));
	TRY(join_path(base, "statements", &path));
	d = opendir(path);
	while (d && err == ERR_NOT_FOUND && (entry = readdir(d)) != NULL) {
		CLEANUP(mem_freep) char *file = NULL;
		uint8_t id[SHA256_LEN];

		/* Its id begins with the society's. */
		if (!parse_name(entry->d_name, id) || memcmp(id, org, ORG_ID_LEN) != 0)
			continue;
		err = join_path(path, entry->d_name, &file);
		if (err == OK)
			err = read_statement(file, id, ret);
		if (err == OK && ret->kind != STATEMENT_ORG) {
			statement_clear(ret);
			err = ERR_NOT_FOUND;
		}
	}
	if (d)
		closedir(d);
	return err;
}

static enum err tell_society(const struct statement *s,
			     enum err (*each)(void *ctx, const struct sync_society *society),
			     void *ctx)
{
	struct sync_society one = {.name = ""};
	const char *name = statement_value(s, "name");

	memcpy(one.org, s->org, ORG_ID_LEN);
	text_copy(one.name, sizeof(one.name), name ? name : "");
	register_words(one.org, one.words);
	return each(ctx, &one);
}

enum err sync_societies(const char *dir,
			enum err (*each)(void *ctx, const struct sync_society *society), void *ctx)
{
	CLEANUP(mem_freep) char *top = NULL;
	struct dirent *entry;
	enum err err = OK;
	DIR *d;

	TRY(join_path(dir, SYNC_FOLDER, &top));
	d = opendir(top);
	if (!d)
		return err_from_errno("%s", top);
	while (err == OK && (entry = readdir(d)) != NULL) {
		CLEANUP(statement_clear) struct statement s = {0};

		if (find_founding(top, entry->d_name, &s) == OK)
			err = tell_society(&s, each, ctx);
	}
	closedir(d);
	return err;
}

enum err sync_join(struct home *h, const char *dir, const uint8_t org[ORG_ID_LEN])
{
	CLEANUP(register_freep) struct org_register *own = NULL;
	CLEANUP(statement_clear) struct statement s = {0};
	CLEANUP(mem_freep) char *top = NULL;
	char hex[2 * ORG_ID_LEN + 1];

	TRY(register_open(h, &own));
	if (!register_is_empty(own))
		return err_at(ERR_EXISTS, "a register is there already");
	text_hex(org, ORG_ID_LEN, hex);
	TRY(join_path(dir, SYNC_FOLDER, &top));
	TRY(find_founding(top, hex, &s));
	return register_take(own, s.text, s.len, NULL);
}
