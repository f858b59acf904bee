/* The two talks with a plugin, recipient-v1 and identity-v1, over a dialogue that is open. For this
 * module, and for tests that play a plugin. age-plugin.md, "State machines". */
#pragma once
#include "age/dialogue.h"
#include "age/plugin.h"

/* Who is asked, and about which key. */
struct plugin_talk {
	struct dialogue *with;
	const char *name;
	const struct age_plugin_ui *ui;
	bool identity;
	const char *text; /* of the recipient or identity, ended by NUL */
};

MUST_CHECK enum err plugin_talk_wrap(const struct plugin_talk *t, const struct secret *file_key,
				     struct age_wrapped *out);
/* ERR_NO_KEY_FITS when the plugin knows none of the stanzas. */
MUST_CHECK enum err plugin_talk_unwrap(const struct plugin_talk *t,
				       const struct age_stanza *stanzas, size_t count,
				       struct secret **ret);
