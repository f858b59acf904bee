/* The people that --to names: recipients age1..., colleagues by name, and for packs also what age takes
 * beside: ssh-ed25519 public keys, keys of plugins (age1NAME1...), and files with such lines. */
#pragma once
#include "age/plugin.h"
#include "age/ssh.h"
#include "tools/cli.h"

struct recipients {
	struct age_recipient *list; /* owned */
	size_t count;
};
/* ERR_USAGE for a word that is no recipient, or that a vault cannot be sealed to. */
MUST_CHECK enum err recipients_read(struct cli *cli, struct recipients *ret);
/* Those that another option names. */
MUST_CHECK enum err recipients_of(struct cli *cli, enum option_id id, struct recipients *ret);
void recipients_clear(struct recipients *r);

/* Recipients of other types, with their texts as a pack's manifest has them. */
struct other_recipient {
	char *text;		      /* owned */
	struct age_ssh_recipient ssh; /* when plugin is NULL */
	struct age_plugin *plugin;    /* owned */
};
struct receivers {
	struct recipients people;
	struct other_recipient **others; /* owned, each of them, too */
	struct age_wrapper *wrappers;	 /* owned: of the others, in their order */
	const char **texts;		 /* owned: likewise; the texts are borrowed from them */
	size_t other_count;
};
/* For a pack. `host` (tools/plugins.h) must live as long. ERR_USAGE; ERR_NOT_FOUND when the program
 * of a plugin is not there. */
MUST_CHECK enum err receivers_read(struct cli *cli, const struct age_plugin_host *host,
				   struct receivers *ret);
void receivers_clear(struct receivers *r);
