#include "tools/recipients.h"

#include <stdlib.h>

#include "org/people.h"

void recipients_clear(struct recipients *r)
{
	free(r->list);
	*r = (struct recipients){0};
}

/* A recipient as it stands, or somebody this computer knows. */
static enum err recipient_of(struct cli *cli, const char *word, struct age_recipient *ret)
{
	struct person who;
	struct home *home = NULL;

	if (age_recipient_parse(word, ret) == OK)
		return OK;
	TRY(cli_home(cli, &home));
	TRY(people_find(home, word, &who));
	*ret = who.recipient;
	return OK;
}

enum err recipients_of(struct cli *cli, enum option_id id, struct recipients *ret)
{
	const char *word;

	for (size_t i = 0; (word = cli_value_at(cli, id, i)); i++) {
		struct age_recipient *more = realloc(ret->list, (i + 1) * sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		ret->list = more;
		if (recipient_of(cli, word, &ret->list[i]) != OK) {
			cli_hint(cli,
				 _("a recipient is the line age1... that \"%s key show\" prints"),
				 VAULT_NAME);
			return cli_usage(_("\"%s\" is no recipient"), word);
		}
		ret->count = i + 1;
	}
	return OK;
}

enum err recipients_read(struct cli *cli, struct recipients *ret)
{
	return recipients_of(cli, OPT_TO, ret);
}
