#include "tools/identities.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define FILE_MAX 65536u

void identities_clear(struct identities *i)
{
	for (size_t n = 0; n < i->own_count; n++)
		age_identity_free(i->own[n]);
	for (size_t n = 0; n < i->ssh_count; n++)
		age_ssh_identity_free(i->ssh[n]);
	for (size_t n = 0; n < i->plugin_count; n++)
		age_plugin_free(i->plugins[n]);
	free(i->own);
	free(i->ssh);
	free(i->plugins);
	free(i->all);
	free(i->recipients);
	free(i->unwrappers);
	*i = (struct identities){0};
}

/* Room for one more pointer. */
static enum err grow(void *list, size_t count)
{
	void **at = list, *more = realloc(*at, (count + 1) * sizeof(void *));

	if (!more)
		return err_at(ERR_NOMEM, "identities");
	*at = more;
	return OK;
}

static enum err add_own(struct identities *i, const char *text, size_t len)
{
	TRY(grow(&i->own, i->own_count));
	TRY(age_identity_parse(text, len, &i->own[i->own_count]));
	i->own_count++;
	return OK;
}

static enum err add_ssh(struct identities *i, const char *text, size_t len)
{
	TRY(grow(&i->ssh, i->ssh_count));
	TRY(age_ssh_identity_parse(text, len, &i->ssh[i->ssh_count]));
	i->ssh_count++;
	return OK;
}

static enum err add_plugin(struct identities *i, const struct age_plugin_host *host,
			   const char *text, size_t len)
{
	TRY(grow(&i->plugins, i->plugin_count));
	TRY(age_plugin_parse(host, text, len, &i->plugins[i->plugin_count]));
	i->plugin_count++;
	return age_plugin_is_identity(i->plugins[i->plugin_count - 1])
		       ? OK
		       : err_at(ERR_BAD_FORMAT, "a recipient opens nothing");
}

static enum err add_line(struct identities *i, const struct age_plugin_host *host, const char *line,
			 size_t len)
{
	if (len && line[len - 1] == '\r')
		len--;
	if (len == 0 || *line == '#')
		return OK;
	return age_plugin_likely(line, len) ? add_plugin(i, host, line, len)
					    : add_own(i, line, len);
}

static enum err read_secret(const char *path, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;

	if (fd < 0)
		return err_from_errno("%s", path);
	TRY(secret_new(FILE_MAX + 1, &text));
	TRY(io_read_full(fd, secret_edit(text), FILE_MAX + 1, &len));
	if (len > FILE_MAX)
		return err_at(ERR_TOO_BIG, "%s", path);
	secret_shrink(text, len);
	*ret = TAKE(text);
	return OK;
}

static enum err add_text(struct identities *i, const struct age_plugin_host *host, const char *text,
			 size_t len)
{
	if (age_ssh_identity_likely(text, len))
		return add_ssh(i, text, len);
	for (const char *at = text, *end = text + len; at < end;) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		size_t line = next ? (size_t)(next - at) : (size_t)(end - at);

		TRY(add_line(i, host, at, line));
		at += line + 1;
	}
	return OK;
}

static enum err add_file(struct cli *cli, struct identities *i, const struct age_plugin_host *host,
			 const char *path)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	size_t before = i->own_count + i->ssh_count + i->plugin_count;
	enum err err;

	TRY(read_secret(path, &text));
	err = add_text(i, host, (const char *)secret_data(text), secret_len(text));
	if (err == ERR_NOT_SUPPORTED)
		cli_hint(
			cli,
			_("an ssh-ed25519 key without a passphrase is wanted: a copy of it is made "
			  "with \"ssh-keygen -p -N '' -f COPY\""));
	if (err == ERR_NOT_SUPPORTED || err == ERR_BAD_FORMAT)
		return err_at(err, "%s", path);
	TRY(err);
	if (i->own_count + i->ssh_count + i->plugin_count == before)
		return err_at(ERR_BAD_FORMAT, "%s", path);
	return OK;
}

static enum err make_lists(struct identities *i, const struct age_identity *staff)
{
	i->all = calloc(i->own_count + 1, sizeof(*i->all));
	i->recipients = calloc(i->own_count + 1, sizeof(*i->recipients));
	i->unwrappers = calloc(i->ssh_count + i->plugin_count + 1, sizeof(*i->unwrappers));
	if (!i->all || !i->recipients || !i->unwrappers)
		return err_at(ERR_NOMEM, "identities");
	if (staff)
		i->all[i->all_count++] = staff;
	for (size_t n = 0; n < i->own_count; n++) {
		i->all[i->all_count++] = i->own[n];
		age_identity_recipient(i->own[n], &i->recipients[n]);
	}
	for (size_t n = 0; n < i->ssh_count; n++)
		i->unwrappers[i->unwrapper_count++] = age_ssh_unwrapper(i->ssh[n]);
	for (size_t n = 0; n < i->plugin_count; n++)
		i->unwrappers[i->unwrapper_count++] = age_plugin_unwrapper(i->plugins[n]);
	return OK;
}

enum err identities_read(struct cli *cli, const struct age_plugin_host *host,
			 const struct age_identity *staff, struct identities *ret)
{
	const char *path;

	for (size_t n = 0; (path = cli_value_at(cli, OPT_IDENTITY, n)); n++)
		TRY(add_file(cli, ret, host, path));
	return make_lists(ret, staff);
}

bool identities_stand_for(void *ctx, const char *text)
{
	const struct identities *i = ctx;

	for (size_t n = 0; n < i->ssh_count; n++) {
		char own[AGE_SSH_TEXT];

		age_ssh_recipient_print(age_ssh_identity_recipient(i->ssh[n]), own);
		if (!strcmp(own, text))
			return true;
	}
	for (size_t n = 0; n < i->plugin_count; n++) {
		const char *name = age_plugin_name(i->plugins[n]);
		size_t len = strlen(name);

		if (!strncmp(text, "age1", 4) && !strncmp(text + 4, name, len) &&
		    text[4 + len] == '1')
			return true;
	}
	return false;
}
