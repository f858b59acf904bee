#include "access/sync.h"
#include <stdlib.h>
#include <string.h>
#include "access/contents.h"
#include "access/escrow.h"
#include "access/report.h"
#include "access/sync_folder.h"
#include "access/sync_logs.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

struct exchange {
	const struct sync_ask *ask;
	struct sync_folder folder;
	struct org_register *own;     /* owned */
	struct org_register *there;   /* owned: ours and what is sound in the folder */
	struct roster *roster;	      /* owned */
	uint8_t (*sound)[SHA256_LEN]; /* owned: what the folder has as it should be */
	size_t sound_count;
	uint64_t bytes;
	struct sync_result *ret;
};

static void exchange_clear(struct exchange *x)
{
	sync_folder_clear(&x->folder);
	roster_free(x->roster);
	register_free(x->own);
	register_free(x->there);
	free(x->sound);
}

void sync_result_clear(struct sync_result *r)
{
	free(r->faults);
	memset(r, 0, sizeof(*r));
}

static enum err add_fault(struct sync_result *r, enum err what, const char *name, const char *by)
{
	struct sync_fault *more = realloc(r->faults, (r->fault_count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "faults");
	r->faults = more;
	more += r->fault_count++;
	more->what = what;
	text_copy(more->name, sizeof(more->name), name);
	text_copy(more->by, sizeof(more->by), by);
	return OK;
}

static enum err note_fault(void *ctx, enum err what, const char *name)
{
	struct exchange *x = ctx;

	return add_fault(x->ret, what, name, "");
}

/* ---- what is there ---- */

static enum err add_sound(struct exchange *x, const uint8_t id[SHA256_LEN])
{
	size_t cap = x->sound_count;
	uint8_t(*more)[SHA256_LEN] = x->sound;

	/* Powers of two are where it is full. */
	if ((cap & (cap - 1)) == 0)
		more = realloc(x->sound, (cap ? 2 * cap : 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "statements");
	x->sound = more;
	memcpy(x->sound[x->sound_count++], id, SHA256_LEN);
	return OK;
}

/* Of what is known already the text is enough, and no signature has to be looked at. */
static bool is_as_known(const struct exchange *x, const char *name, const uint8_t id[SHA256_LEN])
{
	const struct statement *known = register_find(x->there, id);
	CLEANUP(buf_clear) struct buf text = {0};

	return known && sync_read(x->folder.statements, name, STATEMENT_MAX, &text) == OK &&
	       text.len == known->len && memcmp(text.data, known->text, known->len) == 0;
}

static enum err fetch_one(struct exchange *x, const char *name, const uint8_t id[SHA256_LEN])
{
	CLEANUP(statement_clear) struct statement s = {0};
	bool fresh = false;

	if (is_as_known(x, name, id))
		return add_sound(x, id);

	TRY(sync_read_statement(x->folder.statements, name, id, &s));
	TRY(register_take(x->there, s.text, s.len, &fresh));
	if (fresh)
		x->bytes += s.len;
	return add_sound(x, id);
}

/* What is not as it should be is told, and left to whoever can put it right. */
static enum err fetch(void *ctx, const char *name)
{
	struct exchange *x = ctx;
	uint8_t id[SHA256_LEN];
	enum err err;

	sync_tidy(x->folder.statements, name);
	if (!sync_parse_name(name, id))
		return OK;
	err = fetch_one(x, name, id);
	if (err == OK || err == ERR_NOMEM)
		return err;
	if (err == ERR_NOT_FOUND) /* gone meanwhile */
		return OK;
	/* Of another society, in the folder of this one. */
	return add_fault(x->ret, err == ERR_SENDER ? ERR_LOG_TAMPERED : err, name, "");
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

static enum err fetch_all(struct exchange *x)
{
	TRY(register_new(&x->there));
	TRY(register_merge(x->there, x->own, NULL));
	TRY(sync_each_name(x->folder.statements, fetch, x));
	if (x->sound_count > 1)
		qsort(x->sound, x->sound_count, SHA256_LEN, by_id);
	return OK;
}

/* ---- what goes there ---- */

static bool is_there(const struct exchange *x, const struct statement *s)
{
	return x->sound_count > 0 &&
	       bsearch(s->id, x->sound, x->sound_count, SHA256_LEN, by_id) != NULL;
}

static enum err send_all(struct exchange *x)
{
	for (size_t i = 0; i < register_count(x->own); i++) {
		const struct statement *s = register_at(x->own, i);
		char name[SYNC_NAME];

		if (is_there(x, s))
			continue;
		/* What was spoilt there is put right by this, too. */
		if (x->ret->went == 0)
			TRY(sync_folder_make(&x->folder));
		sync_print_name(s->id, name);
		TRY(sync_write(x->folder.statements, name, s->text, s->len));
		x->ret->went++;
		x->bytes += s->len;
	}
	return OK;
}

/* A folder that takes nothing has given what it had all the same. */
static enum err send(struct exchange *x)
{
	enum err err = send_all(x);

	if (err == OK || err == ERR_NOMEM)
		return err;
	return add_fault(x->ret, err, x->folder.statements, "");
}

/* ---- sealed things ---- */

static enum err exchange_contents(struct exchange *x)
{
	CLEANUP(mem_freep) char *here = io_path_join(home_register_dir(x->ask->home), "contents");
	size_t came = 0, went = 0;
	enum err err;

	if (!here)
		return err_at(ERR_NOMEM, "path");
	err = contents_exchange(here, x->folder.contents, &came, &went);
	x->ret->sealed_came += came;
	x->ret->sealed_went += went;
	if (err == OK || err == ERR_NOMEM)
		return err;
	return add_fault(x->ret, err == ERR_READ_ONLY ? ERR_PERM : err, x->folder.contents, "");
}

static enum err exchange_sealed(struct exchange *x)
{
	CLEANUP(mem_freep) char *here = io_path_join(home_register_dir(x->ask->home), "escrow");
	struct escrow_exchange e = {.here = here,
				    .there = x->folder.escrow,
				    .roster = x->roster,
				    .fault = note_fault,
				    .ctx = x};

	if (!here)
		return err_at(ERR_NOMEM, "path");
	(void)!sync_folder_make(&x->folder); /* where it is missing and may be made */
	TRY(home_host_id(x->ask->home, &e.host_id));
	TRY(escrow_exchange(&e));
	x->ret->sealed_came = e.came;
	x->ret->sealed_went = e.went;
	return exchange_contents(x);
}

/* ---- the rest of it ---- */

static const char *name_of(const struct roster *r, const uint8_t vkey[SIGN_VKEY_LEN])
{
	const struct roster_person *p = roster_signer(r, vkey);

	for (size_t i = 0; !p && i < r->host_count; i++)
		if (memcmp(r->hosts[i].vkey, vkey, SIGN_VKEY_LEN) == 0)
			return r->hosts[i].name;
	return p ? p->name : "";
}

static bool is_told(const struct exchange *x, const uint8_t id[SHA256_LEN])
{
	char name[SYNC_NAME];

	sync_print_name(id, name);
	for (size_t i = 0; i < x->ret->fault_count; i++)
		if (strcmp(x->ret->faults[i].name, name) == 0)
			return true;
	return false;
}

/* What it follows from is missing because the file was not taken; that was told. */
static bool is_explained(const struct exchange *x, const struct statement *s)
{
	size_t missing = 0, told = 0;

	for (size_t i = 0; i <= s->seen_count; i++) {
		const uint8_t *id = i < s->seen_count ? s->seen[i] : s->prev;

		if ((i == s->seen_count && s->seq == 1) || register_find(x->own, id))
			continue;
		missing++;
		told += is_told(x, id);
	}
	return missing > 0 && told == missing;
}

static enum err note_finding(void *ctx, const struct register_finding *f)
{
	struct exchange *x = ctx;
	char hex[2 * SHA256_LEN + 1];
	enum err what = f->fault == REGISTER_FORK ? ERR_FORK : ERR_LOG_GAP;

	if (what == ERR_LOG_GAP && is_explained(x, f->statement))
		return OK;
	text_hex(f->statement->id, SHA256_LEN, hex);
	hex[12] = '\0';
	return add_fault(x->ret, what, hex, name_of(x->roster, f->statement->signer));
}

static enum err remake(struct exchange *x, const struct org_register *from)
{
	roster_free(TAKE(x->roster));
	return roster_make(from, &x->roster);
}

/* What the host says of itself is about the register as it is now, and goes out at once. */
static enum err report_self(struct exchange *x)
{
	enum err err = report_write(x->ask->home, x->own, x->roster, &x->ret->reported);

	if (err == ERR_HOST_UNKNOWN || err == ERR_REVOKED_HOST) {
		x->ret->unregistered = true;
		err_clear();
		return OK;
	}
	TRY(err);
	return x->ret->reported ? remake(x, x->own) : OK;
}

/* What the officer waits for comes before anything that may fail: also where the register cannot be
 * kept here, what it says about lost media is done. */
static enum err take_in(struct exchange *x)
{
	enum err err = register_merge(x->own, x->there, &x->ret->came);
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	TRY(remake(x, err == OK ? x->own : x->there));
	TRY(vault_destroy_revoked(x->ask->home, x->roster, x->ask->recorder, &x->ret->destroyed));
	return err == OK ? OK : err_at(err, "%s", detail);
}

/* A folder that takes nothing keeps the register from nobody; that the log stays here is told. */
static enum err exchange_logs(struct exchange *x)
{
	struct sync_logs logs = {.home = x->ask->home,
				 .folder = &x->folder,
				 .recorder = x->ask->recorder,
				 .actor = x->ask->actor,
				 .fault = note_fault,
				 .ctx = x};
	enum err err = sync_logs_exchange(&logs);

	x->ret->witnessed = logs.witnessed;
	if (err != ERR_PERM && err != ERR_NO_SPACE)
		return err;
	x->ret->log_stays = true;
	err_clear();
	return OK;
}

static enum err exchange_all(struct exchange *x)
{
	TRY(sync_folder_find(x->ask->dir, register_org(x->own), &x->folder));
	x->ret->fresh = x->folder.fresh;
	TRY(fetch_all(x));
	TRY(take_in(x));
	TRY(report_self(x));
	TRY(send(x));
	TRY(exchange_sealed(x));
	TRY(exchange_logs(x));
	return register_check(x->own, note_finding, x);
}

/* The finding that counts has the highest exit code. */
static enum err worst_of(const struct sync_result *r)
{
	const struct sync_fault *worst = NULL;

	for (size_t i = 0; i < r->fault_count; i++)
		if (!worst || err_exit_code(r->faults[i].what) > err_exit_code(worst->what))
			worst = &r->faults[i];
	return worst ? err_at(worst->what, "%s", worst->name) : OK;
}

static enum err record_sync(const struct exchange *x, enum err how)
{
	const struct recorder *recorder = x->ask->recorder;
	struct audit_event event = {
		.code = AUDIT_SYNC,
		.result = how == OK ? AUDIT_OK : AUDIT_FAILED,
		.reason = how,
		.actor = x->ask->actor,
		.has_totals = true,
		.files = x->ret->came + x->ret->went,
		.bytes = x->bytes,
	};
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	if (recorder->record(recorder->ctx, &event) != OK)
		return ERR_LOG_WRITE;
	return how == OK ? OK : err_at(how, "%s", detail);
}

/* A folder that has nothing of what there was is more likely the wrong one, or a share that is not
 * connected: that is no news of the register. */
static enum err note_time(const struct exchange *x)
{
	struct home *h = x->ask->home;

	if (x->ret->fresh && register_synced(h) != 0)
		return OK;
	return register_note_sync(h, clock_wall().tv_sec);
}

enum err vault_sync(const struct sync_ask *ask, struct sync_result *ret)
{
	CLEANUP(exchange_clear) struct exchange x = {.ask = ask, .ret = ret};
	enum err err;

	*ret = (struct sync_result){.came = 0};
	TRY(register_open(ask->home, &x.own));
	if (register_is_empty(x.own))
		return err_at(ERR_NOT_FOUND, "no register on this host");
	err = exchange_all(&x);
	if (err == OK)
		err = note_time(&x);
	return record_sync(&x, err == OK ? worst_of(ret) : err);
}

/* ---- the first time ---- */

struct founding {
	const char *dir;
	const uint8_t *org;
	struct statement *ret;
	bool found;
};

/* Its id begins with the society's. */
static enum err look_for_founding(void *ctx, const char *name)
{
	struct founding *f = ctx;
	CLEANUP(statement_clear) struct statement s = {0};
	uint8_t id[SHA256_LEN];

	if (f->found || !sync_parse_name(name, id) || memcmp(id, f->org, ORG_ID_LEN) != 0 ||
	    sync_read_statement(f->dir, name, id, &s) != OK || s.kind != STATEMENT_ORG)
		return OK;
	*f->ret = s;
	memset(&s, 0, sizeof(s));
	f->found = true;
	return OK;
}

static enum err find_founding(const char *dir, const uint8_t org[ORG_ID_LEN], struct statement *ret)
{
	CLEANUP(sync_folder_clear) struct sync_folder folder = {0};
	struct founding f = {.org = org, .ret = ret};

	TRY(sync_folder_find(dir, org, &folder));
	f.dir = folder.statements;
	TRY(sync_each_name(folder.statements, look_for_founding, &f));
	return f.found ? OK : err_at(ERR_NOT_FOUND, "%s", folder.statements);
}

struct telling {
	const char *dir;
	enum err (*each)(void *ctx, const struct sync_society *society);
	void *ctx;
};

static enum err tell_society(void *ctx, const char *name)
{
	CLEANUP(statement_clear) struct statement s = {0};
	struct sync_society one = {.name = ""};
	struct telling *t = ctx;
	const char *value;

	if (strlen(name) != 2 * ORG_ID_LEN || text_unhex(name, one.org, ORG_ID_LEN) != OK ||
	    find_founding(t->dir, one.org, &s) != OK)
		return OK;
	value = statement_value(&s, "name");
	text_copy(one.name, sizeof(one.name), value ? value : "");
	register_words(one.org, one.words);
	return t->each(t->ctx, &one);
}

enum err sync_societies(const char *dir,
			enum err (*each)(void *ctx, const struct sync_society *society), void *ctx)
{
	static const uint8_t none[ORG_ID_LEN];
	CLEANUP(sync_folder_clear) struct sync_folder folder = {0};
	struct telling t = {dir, each, ctx};

	TRY(sync_folder_find(dir, none, &folder));
	return sync_each_name(folder.top, tell_society, &t);
}

enum err sync_join(struct home *h, const char *dir, const uint8_t org[ORG_ID_LEN])
{
	CLEANUP(register_freep) struct org_register *own = NULL;
	CLEANUP(statement_clear) struct statement s = {0};

	TRY(register_open(h, &own));
	if (!register_is_empty(own))
		return err_at(ERR_EXISTS, "a register is there already");
	TRY(find_founding(dir, org, &s));
	return register_take(own, s.text, s.len, NULL);
}
