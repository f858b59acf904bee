/* vault inspect: what anyone can see of a vault, without a key. */
#include <dirent.h>
#include <stdio.h>
#include <strings.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tools/inspect_pack.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/verbs.h"

struct seen_from_outside {
	uint64_t bytes;
	unsigned segments, others;
};

static bool is_segment(const char *name)
{
	return strlen(name) == 12 && (name[0] == 'S' || name[0] == 's') &&
	       !strcasecmp(name + 8, ".SEG");
}

static enum err add_file(const char *dir, const char *name, struct seen_from_outside *o)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);
	struct stat st;

	if (!path)
		return ERR_NOMEM;
	if (lstat(path, &st) < 0)
		return err_from_errno("%s", path);
	if (!S_ISREG(st.st_mode))
		return OK;
	o->bytes += (uint64_t)st.st_size;
	if (is_segment(name))
		o->segments++;
	else
		o->others++;
	return OK;
}

static enum err look(const char *path, struct seen_from_outside *o)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!dir)
		return err_from_errno("%s", path);
	while (err == OK && (entry = readdir(dir)))
		err = add_file(path, entry->d_name, o);
	closedir(dir);
	return err;
}

static bool is_file(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	struct seen_from_outside o = {0};
	char size[32];

	if (is_file(cli_argument(cli, 0)))
		return inspect_pack(cli, cli_argument(cli, 0));
	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(look(medium.path, &o));
	out_size(o.bytes, size);
	out_say(cli,
		ngettext("%s is a vault: %s in %u segment.", "%s is a vault: %s in %u segments.",
			 o.segments),
		medium.path, size, o.segments);
	if (medium.volume_id[0])
		out_say(cli, _("This computer knows it as %s (%s)."), medium.label,
			medium.volume_id);
	else
		out_say(cli, _("This computer has never opened it."));
	out_say(cli,
		_("Label, names, number and sizes of files, who can open it and the version of the "
		  "format are sealed; without a key nobody can tell them."));
	return out_json(cli, "result",
			json_pack("{s:o,s:s*,s:s*,s:i,s:I}", "path", out_json_text(medium.path),
				  "label", medium.volume_id[0] ? medium.label : NULL, "volume_id",
				  medium.volume_id[0] ? medium.volume_id : NULL, "segments",
				  (int)o.segments, "bytes", (json_int_t)o.bytes));
}

const struct verb verb_inspect = {
	.name = "inspect",
	.group = GROUP_LOOK,
	.run = run,
	.words = "[MEDIUM|FILE]",
	.summary = N_("what can be seen of a vault, or what is in a pack"),
	.about = N_("Of a vault: what a finder could see, too: that it is one, and how large it is; no "
		    "passphrase is asked, no record left. Of a pack: what is in it, for who can open it, "
		    "listed at once whatever its size. The list is what the sender says; \"unpack\" "
		    "verifies."),
	.examples = {{"inspect /media/hanako/USB", N_("a medium that someone found")},
		     {"inspect r.tar.zst.age", N_("the names and sizes in a pack")}},
	.options = OPT_BIT(OPT_IDENTITY) | OPT_BIT(OPT_KEY),
	.max = 1,
};
