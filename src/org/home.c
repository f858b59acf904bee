#include "org/home.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "crypto/hash.h"

#define APP "portable-vault"
#define HOST_FILE "host.key"
#define HOST_FILE_MAX 1024u

struct home {
	char *host, *keys, *devices, *people, *org, *seen, *log, *log_path, *log_volumes, *run;
	struct sign_key *key;
	char id[24];
};

/* malloc'd "$NAME" or "$HOME/fallback". */
static char *xdg(const char *name, const char *fallback)
{
	const char *value = getenv(name), *user = getenv("HOME");

	if (value && value[0] == '/')
		return io_path_join(value, APP);
	if (!user || user[0] != '/')
		return NULL;
	char *base = io_path_join(user, fallback);
	char *path = base ? io_path_join(base, APP) : NULL;

	free(base);
	return path;
}

/* The run folder's default when nobody set one: it need not survive a restart. */
static char *xdg_run(const char *state)
{
	const char *value = getenv("XDG_RUNTIME_DIR");

	if (value && value[0] == '/' && access(value, W_OK) == 0)
		return io_path_join(value, APP);
	return io_path_join(state, "run");
}

static enum err fill_paths(struct home *h, const char *data, const char *state, char *run)
{
	h->run = run;
	if (!data || !state)
		return err_at(ERR_USAGE, "neither PVAULT_HOME nor HOME is set");
	h->host = io_path_join(data, HOST_FILE);
	h->keys = io_path_join(data, "keys");
	h->devices = io_path_join(data, "devices");
	h->people = io_path_join(data, "people");
	h->org = io_path_join(data, "register");
	h->seen = io_path_join(state, "seen");
	h->log = io_path_join(state, "log");
	h->log_path = h->log ? io_path_join(h->log, "host.jsonl") : NULL;
	h->log_volumes = h->log ? io_path_join(h->log, "volumes") : NULL;
	if (!h->host || !h->keys || !h->devices || !h->people || !h->org ||
	    !h->seen || !h->log_path || !h->log_volumes || !h->run)
		return err_at(ERR_NOMEM, "paths");
	return OK;
}

/* A full path, so that a changed working folder moves nothing. */
static char *full_path(const char *path)
{
	char *cwd, *full;

	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	full = cwd ? io_path_join(cwd, path) : NULL;
	free(cwd);
	return full;
}

enum err home_open(struct home **ret)
{
	CLEANUP(home_closep) struct home *h = calloc(1, sizeof(*h));
	const char *all = getenv("PVAULT_HOME");
	char *data, *state;
	enum err err;

	if (!h)
		return err_at(ERR_NOMEM, "paths");
	if (all && all[0]) {
		data = full_path(all);
		state = data ? strdup(data) : NULL;
		err = fill_paths(h, data, state, data ? io_path_join(data, "run") : NULL);
	} else {
		data = xdg("XDG_DATA_HOME", ".local/share");
		state = xdg("XDG_STATE_HOME", ".local/state");
		err = fill_paths(h, data, state, state ? xdg_run(state) : NULL);
	}
	free(data);
	free(state);
	TRY(err);
	*ret = TAKE(h);
	return OK;
}

void home_close(struct home *h)
{
	if (!h)
		return;
	sign_key_free(h->key);
	free(h->host);
	free(h->keys);
	free(h->devices);
	free(h->people);
	free(h->org);
	free(h->seen);
	free(h->log);
	free(h->log_path);
	free(h->log_volumes);
	free(h->run);
	free(h);
}

const char *home_keys_dir(const struct home *h)
{
	return h->keys;
}

const char *home_devices_dir(const struct home *h)
{
	return h->devices;
}

const char *home_people_dir(const struct home *h)
{
	return h->people;
}

const char *home_register_dir(const struct home *h)
{
	return h->org;
}

const char *home_seen_dir(const struct home *h)
{
	return h->seen;
}

const char *home_run_dir(const struct home *h)
{
	return h->run;
}

const char *home_log_volumes_dir(const struct home *h)
{
	return h->log_volumes;
}

const char *home_log_path(const struct home *h)
{
	return h->log_path;
}

/* ---- the host key ---- */

static void set_key(struct home *h, struct sign_key *key)
{
	uint8_t sum[SHA256_LEN];

	h->key = key;
	sha256(sign_key_vkey(key), SIGN_VKEY_LEN, sum);
	memcpy(h->id, "h-", 2);
	text_hex(sum, 8, h->id + 2);
}

static enum err parse_key(const char *text, struct sign_key **ret)
{
	const char *line = text;

	while (*line == '#') {
		line = strchr(line, '\n');
		if (!line)
			return err_at(ERR_BAD_FORMAT, "host key");
		line++;
	}
	CLEANUP(secret_freep) struct secret *seed = NULL;
	size_t got, len = strcspn(line, "\r\n");

	TRY(secret_new(SIGN_SEED_LEN, &seed));
	if (text_unbase64(line, len, true, secret_edit(seed), SIGN_SEED_LEN, &got) != OK ||
	    got != SIGN_SEED_LEN)
		return err_at(ERR_BAD_FORMAT, "host key");
	return sign_key_new(secret_data(seed), ret);
}

static void buf_wipe(struct buf *b)
{
	if (b->data)
		mem_wipe(b->data, b->len);
	buf_clear(b);
}

static enum err load_key(struct home *h)
{
	CLEANUP(buf_wipe) struct buf text = { 0 };
	struct sign_key *key = NULL;
	enum err err = io_read_file(h->host, HOST_FILE_MAX, &text);

	if (err == ERR_NOT_FOUND)
		return err_at(ERR_KEY_NOT_FOUND, "%s", h->host);
	TRY(err);
	TRY(parse_key(text.data, &key));
	set_key(h, key);
	return OK;
}

static enum err make_key(struct home *h)
{
	CLEANUP(buf_wipe) struct buf text = { 0 };
	struct sign_key *key = NULL;
	char base64[64];
	enum err err;

	TRY(sign_key_random(&key));
	text_base64(sign_key_seed(key), SIGN_SEED_LEN, true, base64);
	err = buf_printf(&text, "# portable-vault: signing key of this computer. Keep it here.\n%s\n",
			 base64);
	mem_wipe(base64, sizeof(base64));
	if (err == OK)
		err = io_create_file(h->host, text.data, text.len, 0600);
	if (err != OK) {
		sign_key_free(key);
		/* Somebody else made it at the same moment: theirs counts. */
		return err == ERR_EXISTS ? load_key(h) : err;
	}
	set_key(h, key);
	return OK;
}

enum err home_prepare(struct home *h)
{
	TRY(io_make_dirs(h->keys, 0700));
	TRY(io_make_dirs(h->devices, 0700));
	TRY(io_make_dirs(h->seen, 0700));
	TRY(io_make_dirs(h->log, 0700));
	TRY(io_make_dirs(h->run, 0700));
	if (h->key)
		return OK;
	if (access(h->host, F_OK) == 0)
		return load_key(h);
	return make_key(h);
}

enum err home_host_key(struct home *h, const struct sign_key **ret)
{
	if (!h->key)
		TRY(load_key(h));
	*ret = h->key;
	return OK;
}

enum err home_host_id(struct home *h, const char **ret)
{
	if (!h->id[0])
		TRY(load_key(h));
	*ret = h->id;
	return OK;
}

void home_forget_host_key(struct home *h)
{
	sign_key_free(TAKE(h->key));
}
