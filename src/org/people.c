#include "org/people.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "org/roster.h"

#define FILE_MAX 4096u
#define SUFFIX ".json"

static bool name_is_plain(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > STAFF_NAME_MAX || name[0] == '.' || !text_is_utf8(name, len))
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == '/' || *name == 0x7f)
			return false;
	return true;
}

static enum err person_path(struct home *h, const char *name, struct buf *ret)
{
	if (!name_is_plain(name))
		return err_at(ERR_INVALID, "%s", name);
	return buf_printf(ret, "%s/%s" SUFFIX, home_people_dir(h), name);
}

static enum err parse(const json_t *json, struct person *ret)
{
	const char *recipient = json_string_value(json_object_get(json, "recipient"));
	const char *key = json_string_value(json_object_get(json, "key"));

	if (!recipient || age_recipient_parse(recipient, &ret->recipient) != OK)
		return err_at(ERR_BAD_FORMAT, "%s: recipient", ret->name);
	if (!json_object_get(json, "key"))
		return OK;
	if (!key || strlen(key) != 2 * SIGN_VKEY_LEN ||
	    text_unhex(key, ret->vkey, SIGN_VKEY_LEN) != OK)
		return err_at(ERR_BAD_FORMAT, "%s: key", ret->name);
	ret->has_key = true;
	return OK;
}

/* ---- of the register ---- */

/* NULL for both when this host has no society. */
static enum err open_roster(struct home *h, struct org_register **ret_books, struct roster **ret)
{
	CLEANUP(register_freep) struct org_register *books = NULL;

	TRY(register_open(h, &books));
	if (register_is_empty(books))
		return OK;
	TRY(roster_make(books, ret));
	*ret_books = TAKE(books);
	return OK;
}

static void from_roster(const struct roster_person *p, struct person *ret)
{
	*ret = (struct person){ .recipient = p->recipient, .has_key = p->has_key };
	text_copy(ret->name, sizeof(ret->name), p->name);
	memcpy(ret->vkey, p->vkey, SIGN_VKEY_LEN);
}

/* ---- of this host alone ---- */

static enum err find_own(struct home *h, const char *name, struct person *ret)
{
	CLEANUP(buf_clear) struct buf path = {0};
	CLEANUP(buf_clear) struct buf text = {0};
	struct person who = {0};
	json_t *json;
	enum err err;

	TRY(person_path(h, name, &path));
	TRY(io_read_file(path.data, FILE_MAX, &text));
	text_copy(who.name, sizeof(who.name), name);
	json = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, NULL);
	err = json_is_object(json) ? parse(json, &who) : err_at(ERR_BAD_FORMAT, "%s", path.data);
	json_decref(json);
	TRY(err);
	*ret = who;
	return OK;
}

enum err people_find(struct home *h, const char *name, struct person *ret)
{
	CLEANUP(register_freep) struct org_register *books = NULL;
	CLEANUP(roster_freep) struct roster *roster = NULL;
	const struct roster_person *p;

	if (!name_is_plain(name))
		return err_at(ERR_INVALID, "%s", name);
	TRY(open_roster(h, &books, &roster));
	p = roster ? roster_person_named(roster, name) : NULL;
	if (!p)
		return find_own(h, name, ret);
	from_roster(p, ret);
	return OK;
}

enum err people_save(struct home *h, const struct person *who)
{
	CLEANUP(buf_clear) struct buf path = {0};
	char recipient[AGE_RECIPIENT_TEXT], key[2 * SIGN_VKEY_LEN + 1];
	json_t *json;
	char *text;
	enum err err;

	TRY(person_path(h, who->name, &path));
	TRY(io_make_dirs(home_people_dir(h), 0700));
	age_recipient_print(&who->recipient, recipient);
	text_hex(who->vkey, SIGN_VKEY_LEN, key);
	json = json_pack("{s:s,s:s*}", "recipient", recipient, "key", who->has_key ? key : NULL);
	text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	err = text ? io_replace_file(path.data, text, strlen(text), 0600)
		   : err_at(ERR_NOMEM, "%s", path.data);
	free(text);
	json_decref(json);
	return err;
}

enum err people_remove(struct home *h, const char *name)
{
	CLEANUP(buf_clear) struct buf path = {0};

	TRY(person_path(h, name, &path));
	if (unlink(path.data) != 0)
		return err_from_errno("%s", path.data);
	return io_sync_dir_of(path.data);
}

static int is_person(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

	return entry->d_name[0] != '.' && len > suffix &&
	       strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

typedef enum err person_fn(void *ctx, const struct person *who);

static enum err each_registered(const struct roster *roster, person_fn *each, void *ctx)
{
	for (size_t i = 0; roster && i < roster->person_count; i++) {
		struct person who;

		from_roster(&roster->people[i], &who);
		TRY(each(ctx, &who));
	}
	return OK;
}

/* Unless the register has somebody of that name. */
static enum err call_own(struct home *h, const struct roster *roster, char *file, person_fn *each,
			 void *ctx)
{
	struct person who;

	file[strlen(file) - strlen(SUFFIX)] = '\0';
	if (roster && roster_person_named(roster, file))
		return OK;
	TRY(find_own(h, file, &who));
	return each(ctx, &who);
}

static enum err each_own(struct home *h, const struct roster *roster, person_fn *each, void *ctx)
{
	struct dirent **list = NULL;
	int count = scandir(home_people_dir(h), &list, is_person, alphasort);
	enum err err = OK;

	if (count < 0)
		return errno == ENOENT ? OK : err_from_errno("%s", home_people_dir(h));
	for (int i = 0; i < count; i++) {
		if (err == OK)
			err = call_own(h, roster, list[i]->d_name, each, ctx);
		free(list[i]);
	}
	free(list);
	return err;
}

enum err people_each(struct home *h, person_fn *each, void *ctx)
{
	CLEANUP(register_freep) struct org_register *books = NULL;
	CLEANUP(roster_freep) struct roster *roster = NULL;

	TRY(open_roster(h, &books, &roster));
	TRY(each_registered(roster, each, ctx));
	return each_own(h, roster, each, ctx);
}

struct search {
	const uint8_t *vkey;
	struct person *ret;
	bool found;
};

static enum err compare(void *ctx, const struct person *who)
{
	struct search *s = ctx;

	if (s->found || !who->has_key || memcmp(who->vkey, s->vkey, SIGN_VKEY_LEN) != 0)
		return OK;
	*s->ret = *who;
	s->found = true;
	return OK;
}

enum err people_find_signer(struct home *h, const uint8_t vkey[SIGN_VKEY_LEN], struct person *ret)
{
	struct search s = { .vkey = vkey, .ret = ret };

	TRY(people_each(h, compare, &s));
	return s.found ? OK : ERR_NOT_FOUND;
}
