/* vault version. */
#include "tools/output.h"
#include "tools/verbs.h"

static enum err run(struct cli *cli)
{
	out_line(cli, "portable-vault %s", VAULT_VERSION);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s,s:s}", "name", "portable-vault", "program",
				  VAULT_NAME, "version", VAULT_VERSION, "suite", VAULT_SUITE));
}

const struct verb verb_version = {
	.name = "version",
	.group = GROUP_AROUND,
	.run = run,
	.words = "",
	.summary = N_("the version of this program"),
	.examples = {{"version --json", N_("for a program")}},
	.max = 0,
};
