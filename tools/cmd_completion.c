/* vault completion bash: a completion script made from the tables of verbs and options; and the
 * labels it asks for while somebody types. */
#include <stdio.h>
#include <string.h>

#include "tools/medium.h"
#include "tools/output.h"
#include "tools/verbs.h"

static void print_options(const struct verb *verb)
{
	const char *blank = "";

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!row->name || !row->help || !verb_takes(verb, row->id))
			continue;
		printf("%s--%s%s", blank, row->name, row->value ? "=" : "");
		blank = " ";
	}
}

/* "key new" completes in two steps: "key", then "new". */
static void print_first_words(void)
{
	for (size_t i = 0; i < verb_count; i++) {
		const char *name = verbs[i]->name;
		size_t len = strcspn(name, " ");

		if (i > 0 && !strncmp(name, verbs[i - 1]->name, len) && name[len] == ' ')
			continue;
		printf("%s%.*s", i ? " " : "", (int)len, name);
	}
}

/* "grant list" beside "grant": what follows "grant" is a medium more often than not. */
static bool stands_alone(const char *name)
{
	char first[32];
	size_t words;

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, " "), name);
	return verb_find(first, NULL, &words) != NULL;
}

static bool begins_family(size_t i)
{
	const char *name = verbs[i]->name;
	size_t len = strcspn(name, " ");

	return name[len] && (i == 0 || strncmp(name, verbs[i - 1]->name, len + 1) != 0);
}

/* The second words of the verbs that begin like this one. */
static void print_second_words(const char *name)
{
	size_t len = strcspn(name, " ") + 1;
	const char *blank = "";

	for (size_t i = 0; i < verb_count; i++) {
		if (strncmp(verbs[i]->name, name, len) != 0)
			continue;
		printf("%s%s", blank, verbs[i]->name + len);
		blank = " ";
	}
}

static void print_families(void)
{
	printf("\tcase $verb in\n");
	for (size_t i = 0; i < verb_count; i++) {
		if (!begins_family(i) || stands_alone(verbs[i]->name))
			continue;
		printf("\t%.*s)\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
		       "\t\t\tCOMPREPLY=($(compgen -W \"",
		       (int)strcspn(verbs[i]->name, " "), verbs[i]->name);
		print_second_words(verbs[i]->name);
		printf("\" -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n"
		       "\t\tverb=\"$verb ${COMP_WORDS[2]}\"\n\t\t;;\n");
	}
	printf("\tesac\n");
}

static void print_bash(void)
{
	printf("# bash completion for %s; made by \"%s completion bash\"\n", VAULT_NAME,
	       VAULT_NAME);
	printf("_%s()\n{\n", VAULT_NAME);
	printf("\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} options=\n");
	printf("\tCOMPREPLY=()\n");
	printf("\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \"");
	print_first_words();
	printf("\" -- \"$cur\"))\n\t\treturn\n\tfi\n");
	print_families();
	printf("\tcase $verb in\n");
	for (size_t i = 0; i < verb_count; i++) {
		printf("\t\"%s\"", verbs[i]->name);
		if (verbs[i]->alias)
			printf(" | \"%s\"", verbs[i]->alias);
		printf(") options=\"");
		print_options(verbs[i]);
		printf("\" ;;\n");
	}
	printf("\tesac\n");
	printf("\tcase $cur in\n\t-*)\n\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n");
	printf("\t\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o "
	       "nospace\n\t\treturn\n\t\t;;\n\tesac\n");
	printf("\tlocal IFS=$'\\n'\n");
	printf("\tCOMPREPLY=($(compgen -W \"$(%s completion labels 2>/dev/null)\" -- \"$cur\")\n",
	       VAULT_NAME);
	printf("\t\t$(compgen -f -- \"$cur\"))\n");
	printf("\tcompopt -o filenames\n}\ncomplete -F _%s %s\n", VAULT_NAME, VAULT_NAME);
}

static enum err print_label(void *ctx, const char *path, const char *label)
{
	printf("%s\n", label);
	return OK;
}

static enum err run(struct cli *cli)
{
	const char *what = cli_argument(cli, 0);

	if (!strcmp(what, "labels"))
		return medium_each(cli, print_label, NULL);
	if (strcmp(what, "bash") != 0)
		return cli_usage(_("there is a completion for bash only, not for \"%s\""), what);
	print_bash();
	return OK;
}

const struct verb verb_completion = {
	.name = "completion",
	.group = GROUP_AROUND,
	.run = run,
	.words = "bash",
	.summary = N_("print a completion script for the shell"),
	.about = N_("Completes verbs, options, files, and the labels of what is plugged in."),
	.examples = {{"completion bash >~/.local/share/bash-completion/completions/vault",
		      N_("for myself")}},
	.min = 1,
	.max = 1,
};
