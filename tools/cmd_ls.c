/* vault ls: lists a folder inside a vault without mounting. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tools/inside.h"
#include "tools/output.h"
#include "tools/place.h"
#include "tools/verbs.h"
#include "tools/visit.h"

static const char *kind_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "symlink";
	case S_IFREG:
		return "file";
	case S_IFIFO:
		return "fifo";
	default:
		return "socket";
	}
}

static void mode_text(uint32_t mode, char out[11])
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISFIFO(mode) ? 'p' : '-';
	for (int i = 0; i < 9; i++)
		out[i + 1] = mode & (0400u >> i) ? letters[i] : '-';
	out[10] = '\0';
}

static enum err line_json(struct cli *cli, const char *name, const struct volume_attr *attr)
{
	CLEANUP(buf_clear) struct buf bytes = {0};
	char mode[8], time[32];
	json_t *line;

	snprintf(mode, sizeof(mode), "%04o", attr->mode & 07777);
	text_time(attr->mtime.tv_sec, time);
	line = json_pack("{s:o,s:s,s:I,s:s,s:s}", "name", out_json_text(name), "kind",
			 kind_of(attr->mode), "size", (json_int_t)attr->size, "mode", mode, "mtime",
			 time);
	if (line && !text_is_utf8(name, strlen(name))) {
		for (const char *c = name; *c; c++)
			TRY(buf_printf(&bytes, "%02x", (unsigned char)*c));
		json_object_set_new(line, "name_bytes", json_string(bytes.data));
	}
	return out_json(cli, "result", line);
}

static enum err show(void *ctx, const char *name, const struct volume_attr *attr)
{
	struct cli *cli = ctx;
	char mode[11], when[32];
	struct tm tm;
	time_t t = attr->mtime.tv_sec;

	if (name[0] == '.' && !cli_has(cli, OPT_HIDDEN_NAMES))
		return OK;
	if (cli->json)
		return line_json(cli, name, attr);
	if (!cli_has(cli, OPT_LONG)) {
		out_line(cli, "%s", name);
		return OK;
	}
	mode_text(attr->mode, mode);
	if (!localtime_r(&t, &tm) || !strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm))
		snprintf(when, sizeof(when), "-");
	out_line(cli, "%s %12llu %16s %s", mode, (unsigned long long)attr->size, when, name);
	return OK;
}

static enum err list(struct cli *cli, const struct visit *v, const char *path)
{
	struct volume *volume = vault_volume(v->vault);
	struct volume_attr attr;
	const char *slash = strrchr(path, '/');

	TRY(inside_find(volume, path, &attr));
	if (S_ISDIR(attr.mode))
		return inside_list(volume, attr.ino, show, cli);
	return show(cli, slash ? slash + 1 : path, &attr);
}

static enum err run(struct cli *cli)
{
	CLEANUP(place_clear) struct place place = {0};
	struct visit v;

	if (cli_argument(cli, 0))
		TRY(place_parse(cli_argument(cli, 0), &place));
	TRY(visit_begin(cli, place.medium, true, &v));
	return visit_end(&v, list(cli, &v, place.path ? place.path : "/"));
}

const struct verb verb_ls = {
	.name = "ls",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "[MEDIUM[:/PATH]]",
	.summary = N_("list a folder inside, without mounting"),
	.about = N_("Opens the vault read-only for a moment. It must not be mounted at that time."),
	.examples = {{"ls OSAKA-03", N_("what is in it")},
		     {"ls -l OSAKA-03:/2026", N_("a folder, with sizes and times")}},
	.options = OPT_BIT(OPT_LONG) | OPT_BIT(OPT_HIDDEN_NAMES) | OPT_BIT(OPT_KEY),
	.max = 1,
};
