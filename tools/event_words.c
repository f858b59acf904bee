#include "tools/event_words.h"

#include <string.h>

#include "tools/cli.h"

static const struct {
	const char *code, *words;
} names[] = {
	{"create", N_("created")},
	{"unlock", N_("opened")},
	{"unlock_fail", N_("not opened")},
	{"lock", N_("closed")},
	{"removed", N_("pulled out")},
	{"unclean", N_("unclean end")},
	{"key_add", N_("person added")},
	{"key_new", N_("key made")},
	{"key_passwd", N_("passphrase changed")},
	{"enrol", N_("enrolled")},
	{"export", N_("copied out")},
	{"write", N_("written")},
	{"check", N_("checked")},
	{"rollback", N_("older state")},
	{"recovered", N_("log repaired")},
	{"rekey", N_("new key")},
	{"reseal_end", N_("re-sealed")},
	{"purge", N_("free space purged")},
	{"salvage", N_("salvaged")},
	{"pack", N_("packed")},
	{"receive", N_("received")},
	{"receipt", N_("receipt taken")},
	{"register", N_("medium registered")},
	{"key_revoke", N_("revoked")},
	{"key_recover", N_("key recovered")},
	{"request", N_("requested")},
	{"approve", N_("approved")},
	{"reject", N_("rejected")},
	{"takeout", N_("taken out")},
	{"return", N_("returned")},
	{"sight", N_("seen in its place")},
	{"erase", N_("erased")},
	{"retire", N_("disposed of")},
	{"incident", N_("incident opened")},
	{"found", N_("found again")},
	{"catalog", N_("catalogue changed")},
	{"policy", N_("rules changed")},
	{"staff", N_("staff registered")},
	{"host", N_("computer registered")},
	{"sync", N_("register exchanged")},
	{"adopt", N_("older state accepted")},
	{"rotate", N_("log key changed")},
	{"clock", N_("clock set back")},
	{"witness", N_("logs compared")},
	{"ok", N_("done")},
	{"refused", N_("refused")},
	{"failed", N_("failed")},
};

const char *event_words(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(names[i].code, code))
			return gettext(names[i].words);
	}
	return code;
}
