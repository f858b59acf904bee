#include "tools/inspect_pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "age/reader.h"
#include "base/text.h"
#include "pack/tail.h"
#include "tools/identities.h"
#include "tools/output.h"
#include "tools/plugins.h"
#include "tools/width.h"

struct listing {
	struct cli *cli;
	uint64_t files, bytes;
};

static enum err put_entry(void *ctx, const struct tail_entry *e)
{
	struct listing *l = ctx;
	const char type[2] = {e->type, '\0'};
	char time[32];

	l->files += e->type == '0';
	l->bytes += e->size;
	text_time((time_t)e->mtime, time);
	time[16] = '\0';
	time[10] = ' ';
	if (e->type == '0')
		out_line(l->cli, "%12llu  %s  %s", (unsigned long long)e->size, time, e->name);
	else
		out_line(l->cli, "%12s  %s  %s%s", "-", time, e->name, e->type == '5' ? "/" : "");
	if (!l->cli->json)
		return OK;
	return out_json(l->cli, "entry",
			json_pack("{s:o,s:s,s:I,s:I}", "name", out_json_text(e->name), "kind", type,
				  "size", (json_int_t)e->size, "mtime", (json_int_t)e->mtime));
}

static enum err list(struct listing *l, const char *path, int fd)
{
	CLEANUP(identities_clear) struct identities ids = {0};
	struct age_plugin_host plugins;
	struct age_who who = {0};
	CLEANUP(age_reader_freep) struct age_reader *pack = NULL;
	enum err err;

	plugins_host(l->cli, &plugins);
	TRY(identities_read(l->cli, &plugins, l->cli->identity, &ids));
	who.identities = ids.all;
	who.count = ids.all_count;
	who.unwrappers = ids.unwrappers;
	who.unwrapper_count = ids.unwrapper_count;
	TRY(age_reader_new(&who, fd, &pack));
	err = tail_read(pack, put_entry, l);
	if (err == ERR_NOT_FOUND || err == ERR_NOT_SUPPORTED) {
		cli_hint(l->cli,
			 _("it has no index that can be listed; %s unpack shows what is in it"),
			 VAULT_NAME);
		return err_at(ERR_NOT_SUPPORTED, "%s", path);
	}
	return err;
}

enum err inspect_pack(struct cli *cli, const char *path)
{
	struct listing l = {.cli = cli};
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char size[32];
	enum err err;

	if (fd < 0)
		return err_from_errno("%s", path);
	/* Whoever names a key of another kind needs no staff key for looking. */
	if (!cli_value(cli, OPT_IDENTITY))
		TRY(cli_unlock(cli, NULL));
	err = list(&l, path, fd);
	if (err == ERR_AGE_HEADER || err == ERR_AGE_HEADER_MAC)
		return err_at(ERR_AGE_PAYLOAD, "%s", path);
	TRY(err);
	out_size(l.bytes, size);
	out_say(cli,
		ngettext("%llu file, %s, as the sender says.",
			 "%llu files, %s, as the sender says.", l.files),
		(unsigned long long)l.files, size);
	return out_json(
		cli, "result",
		json_pack("{s:I,s:I}", "files", (json_int_t)l.files, "bytes", (json_int_t)l.bytes));
}
