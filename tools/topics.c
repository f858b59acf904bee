#include "tools/topics.h"

#include <string.h>

#include "base/err.h"

static const struct {
	const char *name, *text;
} topics[] = {
	{"passphrase",
	 N_("Passphrases\n"
	    "A passphrase is asked at the terminal, whatever stdin is; without a terminal but with "
	    "a "
	    "desktop, pinentry asks (PVAULT_PINENTRY names another one). What was typed before the "
	    "question is dropped.\n"
	    "\n"
	    "For scripts: --passphrase-fd N reads a line from descriptor N for each question. "
	    "There is "
	    "no way to put a passphrase into the command line or the environment.\n"
	    "\n"
	    "  vault mount OSAKA-03 --passphrase-fd 3 3</run/secret\n"
	    "\n"
	    "A new one: press Enter at the question, and five groups of four are made up; they "
	    "carry 99 "
	    "bits and sit at the same keys on Japanese and US keyboards. One of your own has at "
	    "least "
	    "8 characters. Full-width letters are folded, so an input method left on does no "
	    "harm.\n"
	    "\n"
	    "A forgotten passphrase cannot be looked up. Make a new key, and have somebody who can "
	    "open "
	    "the vault grant it.\n")},
	{"json",
	 N_("JSON Lines\n"
	    "With --json, stdout has one object a line. Its \"type\" is:\n"
	    "\n"
	    "  result    what the verb gives; fields are listed in docs/CLI.md\n"
	    "  progress  done, total (bytes), seconds_left\n"
	    "  warning   message\n"
	    "  damage    path, name, number, why (from check)\n"
	    "  missing   file (from salvage)\n"
	    "  flaw      path, kind, from, to, why (from salvage)\n"
	    "  user      program, pid, path (from eject, when busy)\n"
	    "  person, host, medium, grant, rule, category, change, pending, finding, may_open:\n"
	    "            lists of the register, see docs/CLI.md\n"
	    "  error     id (\"VLT-012\"), name, exit, message, detail\n"
	    "\n"
	    "Names of fields, ids and the message of an error are never translated. The exit code "
	    "is "
	    "the same as without --json. \"log --json\" prints the records as they were written, "
	    "and nothing among them.\n")},
	{"files",
	 N_("Files and environment\n"
	    "PVAULT_HOME       one folder for all that belongs to this computer; default:\n"
	    "                  ~/.local/share/portable-vault  keys, device secrets\n"
	    "                  ~/.local/state/portable-vault  log, what was last seen\n"
	    "PVAULT_PINENTRY   the program that asks when there is no terminal\n"
	    "PVAULT_CATALOGUE  another table of categories and purposes\n"
	    "PVAULT_FORWARD    copies of records: auto, off, journal:SOCKET, syslog:SOCKET\n"
	    "LANG, LANGUAGE    language of messages, unless --lang is given\n"
	    "NO_COLOR          plain lines of progress\n"
	    "\n"
	    "On the medium, LABEL.VLT holds README.TXT for a finder, KEY0.AGE, KEY1.AGE, "
	    "HEAD0.BIN, "
	    "HEAD1.BIN and segments of 64 MiB. Copy the folder whole or not at all.\n")},
};

const char *topic_text(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (!strcmp(topics[i].name, name))
			return topics[i].text;
	}
	return NULL;
}
