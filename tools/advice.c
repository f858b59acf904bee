#include "tools/advice.h"

#define UNCHANGED N_("nothing was changed")
#define CLOSED N_("the vault stays closed, and nothing in it was changed")
#define REST_IS_WHOLE N_("everything that does not appear in an error can still be read")
#define ASK_OFFICER                                                                                \
	N_("tell the person responsible for personal information, with the number in brackets")

/* clang-format off */
static const struct advice table[] = {
	{ERR_INTERNAL, NULL, ASK_OFFICER},
	{ERR_NOMEM, NULL, N_("close other programs and try again")},
	{ERR_IO, NULL, N_("check that the medium is plugged in properly, then try again")},
	{ERR_SYSTEM, NULL, N_("try again; if it happens again, call your administrator")},
	{ERR_PERM, UNCHANGED, N_("check that the file or folder belongs to you")},
	{ERR_EXISTS, N_("what is there was not touched"), N_("choose another name")},
	{ERR_IS_DIR, NULL, N_("to copy a folder with all that is in it, add -r")},
	{ERR_READ_ONLY, N_("the vault can be read as before"), N_("check the write protection of the medium")},
	{ERR_FROZEN, NULL, N_("eject it if it is still open, then look for what is wrong with the medium: vault check MEDIUM")},
	{ERR_MEDIUM_NOT_FOUND, NULL, N_("plug the medium in, or give the path of its .VLT folder")},
	{ERR_KEY_NOT_FOUND, NULL, N_("make your staff key first: vault key new")},
	{ERR_NOT_A_VAULT, UNCHANGED, N_("a vault is a folder NAME.VLT with the files KEY0.AGE and HEAD0.BIN in it")},
	{ERR_NEWER_FORMAT, UNCHANGED, N_("use the version of the program that made it, or a newer one")},
	{ERR_BAD_FORMAT, UNCHANGED, N_("check that this is the right file, and that it was copied whole")},
	{ERR_PASSPHRASE, CLOSED, N_("a forgotten passphrase cannot be looked up: make a new key and ask for access with it")},
	{ERR_NO_KEY_FITS, CLOSED, N_("ask someone who can open it to run \"vault grant\" for you; \"vault key show\" prints what they need")},
	{ERR_NO_ANSWER, UNCHANGED, N_("run it at a terminal, or hand the passphrase over with --passphrase-fd N")},
	{ERR_CANCELLED, UNCHANGED, NULL},
	{ERR_CONFIRM, UNCHANGED, NULL},
	{ERR_REVOKED, CLOSED, ASK_OFFICER},
	{ERR_REVOKED_KEY, CLOSED, N_("if it is your own: make a new key with \"vault key new\", and ask the officer to enter it")},
	{ERR_REVOKED_HOST, CLOSED, N_("bring this computer to the officer; nothing opens on it any more")},
	{ERR_REVOKED_MEDIUM, CLOSED, N_("if you found it: give it to the officer, who sees that it is erased")},
	{ERR_GRANT_EXPIRED, CLOSED, N_("ask the officer for a new permission, with what it is for")},
	{ERR_NOT_ON_STAFF, CLOSED, N_("fetch the register (vault sync DIR), or ask the officer to enter you: \"vault key show\" prints what they need")},
	{ERR_HOST_UNKNOWN, CLOSED, N_("fetch the register (vault sync DIR), or ask the officer to enter this computer: \"vault host show\" prints what they need")},
	{ERR_MEDIUM_UNKNOWN, CLOSED, N_("ask the officer to enter the medium; until then only an officer opens it")},
	{ERR_OUT_OF_SCOPE, CLOSED, N_("ask the officer for a permission, with what it is for")},
	{ERR_UNSYNCED, CLOSED, N_("fetch the register: vault sync DIR")},
	{ERR_TRAINING, CLOSED, N_("take part in the training; the officer enters the day")},
	{ERR_SEPARATION, CLOSED, N_("make the vault with --key-separation on")},
	{ERR_CHECKOUT, CLOSED, N_("ask for it first: vault checkout MEDIUM")},
	{ERR_SECOND_PERSON, UNCHANGED, N_("have somebody else approve it")},
	{ERR_NOT_OFFICER, UNCHANGED, N_("ask an officer to do it")},
	{ERR_BUSY, N_("it stays open, and everything in it is there"), N_("close the programs that use it, then try again")},
	{ERR_VAULT_BUSY, UNCHANGED, N_("close it where it is open, then try again; \"vault status\" shows what is open here")},
	{ERR_TOO_MANY_EPOCHS, UNCHANGED, N_("run \"vault rekey\" with --wait, or leave it mounted until \"vault status\" speaks of no re-sealing any more; read-only it opens all the while")},
	{ERR_MOUNTPOINT, CLOSED, N_("name an empty folder of your own, or none: then it opens below ~/Vault")},
	{ERR_FUSE, CLOSED, N_("install the package fuse3, or work without mounting: vault ls, vault cp, vault cat")},
	{ERR_NOT_ENROLLED, CLOSED, N_("ask someone who can open it for a ticket (vault grant MEDIUM --to RECIPIENT --ticket FILE), then run \"vault enrol FILE\" here")},
	{ERR_DAMAGED, REST_IS_WHOLE, N_("copy out what can be read: vault cp -r MEDIUM:/ FOLDER")},
	{ERR_FORGED, REST_IS_WHOLE, N_("see what is hurt with \"vault check MEDIUM\", and copy out the rest: vault cp -r MEDIUM:/ FOLDER")},
	{ERR_AGE_PAYLOAD, UNCHANGED, N_("have the file sent again")},
	{ERR_TRUNCATED, UNCHANGED, N_("have the file sent again, or look at the medium with \"vault check MEDIUM\"")},
	{ERR_NO_STATE, N_("nothing was written to the medium"), N_("bring out what is left with \"vault salvage MEDIUM -o DIR\", and keep the medium as it is")},
	{ERR_MALFORMED, REST_IS_WHOLE, ASK_OFFICER},
	{ERR_UNSAFE, UNCHANGED, N_("use nothing from it, and tell whoever sent it")},
	{ERR_SALVAGE_LOSS, N_("the medium was only read, and what has its own name is whole"), N_("keep the medium until what is missing was found elsewhere; look at what ends in .damaged or .older before using it")},
	{ERR_LOG_TAMPERED, N_("the vaults themselves are not touched by this"), N_("leave the log as it is and show it to the auditor")},
	{ERR_LOG_GAP, N_("the vaults themselves are not touched by this"), N_("leave the log as it is and show it to the auditor")},
	{ERR_ROLLBACK, CLOSED, N_("someone may have put an older copy back; ask who had the medium, and tell the person responsible for personal information. If a backup was put back on purpose: \"vault adopt MEDIUM\"")},
	{ERR_FORK, CLOSED, N_("an older copy was put back and used; look at it with --read-only, ask who had the medium, and tell the person responsible for personal information. If it is to stay: \"vault adopt MEDIUM\"")},
	{ERR_LOG_WRITE, CLOSED, N_("make room on this computer's disk, or check that the log belongs to you; without a record nothing is opened")},
	{ERR_REMOVED, N_("everything saved before it was pulled out is there"), N_("plug it in again and mount it; next time run \"vault eject\" first")},
	{ERR_NO_SPACE, N_("what was there before is safe"), N_("remove something, or use a larger medium")},
	{ERR_POLICY, CLOSED, ASK_OFFICER},
	{ERR_SENDER, UNCHANGED, N_("use nothing from it before the sender has confirmed it by another route")},
	{ERR_INTERRUPTED, N_("no file was left half written under its name"), NULL},
};
/* clang-format on */

const struct advice *advice_for(enum err err)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].err == err)
			return &table[i];
	}
	return NULL;
}
