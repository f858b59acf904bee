#include <ctype.h>
#include <utf8proc.h>

#include "base/text.h"
#include "tools/prompt.h"

/* NFKC makes at most 18 characters of one. */
#define FOLD_MAX 18u

static void look_at(const uint8_t *s, size_t len, struct prompt_notes *notes)
{
	bool lower = false, upper = false;

	for (size_t i = 0; i < len; i++) {
		notes->not_ascii |= s[i] >= 0x80;
		lower |= islower(s[i]) != 0;
		upper |= isupper(s[i]) != 0;
	}
	notes->all_upper = upper && !lower;
}

/* The characters are worked on in guarded memory; utf8proc writes UTF-8 over them in place. */
enum err prompt_fold(const struct secret *typed, struct secret **ret,
		     struct prompt_notes *ret_notes)
{
	const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE;
	CLEANUP(secret_freep) struct secret *room = NULL;
	CLEANUP(secret_freep) struct secret *folded = NULL;
	size_t len = secret_len(typed), cap = len * FOLD_MAX + 1;
	utf8proc_ssize_t count;
	utf8proc_int32_t *codes;

	*ret_notes = (struct prompt_notes){0};
	if (!text_is_utf8((const char *)secret_data(typed), len))
		return err_at(ERR_INVALID, "%s", _("the passphrase is no UTF-8 text"));
	TRY(secret_new((cap + 1) * sizeof(*codes), &room));
	codes = (utf8proc_int32_t *)(void *)secret_edit(room);
	count = utf8proc_decompose(secret_data(typed), (utf8proc_ssize_t)len, codes,
				   (utf8proc_ssize_t)cap, how);
	if (count < 0 || (size_t)count > cap)
		return ERR_INVALID;
	count = utf8proc_reencode(codes, count, how);
	if (count < 0)
		return ERR_INVALID;
	TRY(secret_copy(codes, (size_t)count, &folded));
	look_at(secret_data(folded), (size_t)count, ret_notes);
	ret_notes->was_wide = !secret_equal(typed, folded);
	*ret = TAKE(folded);
	return OK;
}
