/* vault cat: prints a file that is inside a vault. */
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "tools/inside.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/place.h"
#include "tools/verbs.h"
#include "tools/visit.h"

#define CHUNK (1u << 20)

/* Every byte that is printed was verified before; at damage the printing ends. */
static enum err print(struct volume *volume, const char *path, uint64_t *ret_bytes)
{
	CLEANUP(mem_freep) uint8_t *buffer = malloc(CHUNK);
	struct volume_attr attr;
	size_t len = CHUNK;

	TRY(inside_find(volume, path, &attr));
	if (S_ISDIR(attr.mode))
		return err_at(ERR_IS_DIR, "%s", path);
	if (!S_ISREG(attr.mode))
		return err_at(ERR_NOT_SUPPORTED, "%s", path);
	if (!buffer)
		return ERR_NOMEM;
	for (uint64_t off = 0; len == CHUNK; off += len) {
		enum err err = volume_read(volume, attr.ino, off, buffer, CHUNK, &len);

		if (err != OK)
			return err_at(err, "%s", path);
		if (interrupt_seen())
			return ERR_INTERRUPTED;
		TRY(io_write_full(STDOUT_FILENO, buffer, len));
		*ret_bytes += len;
	}
	return OK;
}

static enum err run(struct cli *cli)
{
	CLEANUP(place_clear) struct place place = {0};
	uint64_t bytes = 0;
	struct visit v;
	enum err err, recorded;

	TRY(place_parse(cli_argument(cli, 0), &place));
	if (!place.inside)
		return cli_usage(_("\"%s\" names no file; say MEDIUM:/PATH"), cli_argument(cli, 0));
	TRY(visit_begin(cli, place.medium, true, &v));
	interrupt_watch();
	err = print(vault_volume(v.vault), place.path, &bytes);
	recorded = visit_record(&v, AUDIT_EXPORT, err, err == OK, bytes);
	return visit_end(&v, worse(err, recorded));
}

const struct verb verb_cat = {
	.name = "cat",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "MEDIUM:/PATH",
	.summary = N_("print a file that is inside, without mounting"),
	.about = N_("Prints verified bytes only: where the file is damaged, the output ends and "
		    "the exit "
		    "code is 20."),
	.examples = {{"cat OSAKA-03:/2026/list.csv", N_("to the screen")},
		     {"cat OSAKA-03:/2026/list.csv | wc -l", N_("to another program")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};
