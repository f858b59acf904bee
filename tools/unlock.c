#include "tools/unlock.h"

#include <stdio.h>
#include <string.h>

#include "crypto/random.h"
#include "tools/output.h"
#include "tools/prompt.h"

#define TRIES 3
#define TYPED_MIN 8u /* characters of a passphrase that a person made up */
#define GROUPS 5u
#define GROUP_LEN 4u
#define MADE_LEN (GROUPS * (GROUP_LEN + 1) - 1)

/* What may have gone wrong, from the look of the answer alone. */
static const char *trouble_with(const struct prompt_notes *notes)
{
	if (notes->was_wide || notes->not_ascii)
		return _("it was typed with the Japanese input method on; switch it off and try "
			 "again");
	if (notes->all_upper)
		return _("it was all in capitals; Caps Lock may be on");
	return NULL;
}

static void tell_trouble(const struct cli *cli, const struct prompt_notes *notes, int left)
{
	const char *trouble = trouble_with(notes);

	fprintf(stderr,
		ngettext("%s: wrong passphrase (%d try left)",
			 "%s: wrong passphrase (%d tries left)", left),
		VAULT_NAME, left);
	fprintf(stderr, "\n");
	if (trouble)
		fprintf(stderr, _("hint: %s\n"), trouble);
}

static enum err question_for(const char *name, const char *medium, struct buf *to)
{
	if (medium)
		return buf_printf(to, _("%s: passphrase for your key \"%s\": "), medium, name);
	return buf_printf(to, _("Passphrase for your key \"%s\": "), name);
}

/* One answer tried out. ret_notes is filled when there was an answer. */
static enum err attempt(struct cli *cli, const char *name, const char *question,
			const char *trouble, struct prompt_notes *ret_notes,
			struct age_identity **ret, struct secret **ret_passphrase)
{
	CLEANUP(secret_freep) struct secret *passphrase = NULL;

	TRY(prompt_secret(cli, question, trouble, &passphrase, ret_notes));
	TRY(staff_key_unlock(cli->home, name, passphrase, ret));
	if (ret_passphrase)
		*ret_passphrase = TAKE(passphrase);
	return OK;
}

enum err unlock_staff_key(struct cli *cli, const char *name, const char *medium,
			  struct age_identity **ret, struct secret **ret_passphrase)
{
	CLEANUP(buf_clear) struct buf question = {0};
	struct prompt_notes notes = {0};
	const char *trouble = NULL;
	int tries = prompt_source(cli) == PROMPT_FD ? 1 : TRIES;
	enum err err = OK;

	TRY(question_for(name, medium, &question));
	while (tries > 0) {
		err = attempt(cli, name, question.data, trouble, &notes, ret, ret_passphrase);
		if (err != ERR_PASSPHRASE || --tries == 0)
			break;
		if (prompt_source(cli) == PROMPT_TERMINAL)
			tell_trouble(cli, &notes, tries);
		trouble = trouble_with(&notes) ? trouble_with(&notes) : _("wrong passphrase");
	}
	if (err == ERR_PASSPHRASE) {
		if (trouble_with(&notes))
			cli_hint(cli, "%s", trouble_with(&notes));
		return err_at(ERR_PASSPHRASE, "%s", name);
	}
	return err;
}

/* ---- a new one ----------------------------------------------------------------------------- */

/* Letters and digits that sit in the same place on Japanese and US keyboards and do not look alike:
 * 31 signs, so 20 of them carry 99 bits. The hyphen sits right of the zero on both. */
static enum err make_up(struct secret **ret)
{
	static const char signs[] = "abcdefghjkmnpqrstuvwxyz23456789";
	const size_t count = sizeof(signs) - 1;
	CLEANUP(secret_freep) struct secret *made = NULL;
	uint8_t *out;

	TRY(secret_new(MADE_LEN, &made));
	out = secret_edit(made);
	for (size_t i = 0; i < MADE_LEN;) {
		uint8_t byte = 0;

		if (i % (GROUP_LEN + 1) == GROUP_LEN) {
			out[i++] = '-';
			continue;
		}
		random_bytes(&byte, 1);
		if (byte < 256 - 256 % count)
			out[i++] = (uint8_t)signs[byte % count];
		mem_wipe(&byte, 1);
	}
	*ret = TAKE(made);
	return OK;
}

static enum err made_up_passphrase(struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *made = NULL;
	CLEANUP(secret_freep) struct secret *page = NULL;
	const char *above =
		_("This passphrase was made for you. It is shown only now; write it down:");
	const char *below = _("When you have written it down, press Enter.");
	size_t len = strlen(above) + strlen(below) + MADE_LEN + 16;

	TRY(make_up(&made));
	TRY(secret_new(len, &page));
	snprintf((char *)secret_edit(page), len, "%s\n\n    %.*s\n\n%s\n", above, (int)MADE_LEN,
		 (const char *)secret_data(made), below);
	TRY(prompt_show_once((const char *)secret_data(page)));
	*ret = TAKE(made);
	return OK;
}

static enum err check_typed(const struct secret *typed, const struct prompt_notes *notes)
{
	if (notes->not_ascii)
		return err_at(
			ERR_INVALID, "%s",
			_("a passphrase is made of the letters, digits and signs of the keyboard"));
	if (secret_len(typed) < TYPED_MIN)
		return err_at(ERR_INVALID, _("a passphrase has at least %u characters"), TYPED_MIN);
	return OK;
}

/* At a terminal or in a window: typed twice, or made up. */
static enum err choose(struct cli *cli, const char *name, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *first = NULL;
	CLEANUP(secret_freep) struct secret *again = NULL;
	CLEANUP(buf_clear) struct buf question = {0};
	struct prompt_notes notes;
	bool terminal = prompt_source(cli) == PROMPT_TERMINAL;

	TRY(buf_printf(&question,
		       terminal ? _("New passphrase for the key \"%s\" (Enter alone: one is made "
				    "for you): ")
				: _("New passphrase for the key \"%s\": "),
		       name));
	TRY(prompt_secret(cli, question.data, NULL, &first, &notes));
	if (secret_len(first) == 0 && terminal)
		return made_up_passphrase(ret);
	TRY(check_typed(first, &notes));
	TRY(prompt_secret(cli, _("The same once more: "), NULL, &again, &notes));
	if (!secret_equal(first, again))
		return err_at(ERR_CONFIRM, "%s", _("the two passphrases differ"));
	*ret = TAKE(first);
	return OK;
}

enum err unlock_ask_new(struct cli *cli, const char *name, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *given = NULL;
	struct prompt_notes notes;

	if (prompt_source(cli) != PROMPT_FD)
		return choose(cli, name, ret);
	TRY(prompt_secret(cli, "", NULL, &given, &notes));
	if (secret_len(given) == 0)
		return err_at(ERR_INVALID, "%s", _("the passphrase is empty"));
	*ret = TAKE(given);
	return OK;
}
