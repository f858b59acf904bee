#include "tools/locale.h"

#include <libintl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"

#define DOMAIN "portable-vault"

const char *locale_program_dir(void)
{
	static char path[4096];
	ssize_t len;
	char *slash;

	if (path[0])
		return path;
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return path;
}

/* What the environment asks for, as setlocale would read it. */
static const char *locale_wish(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

/* Texts and names are UTF-8. When the wished locale was not built on this computer, its language is
 * still served through C.UTF-8. */
static void choose_language(const char *lang)
{
	const char *wish = locale_wish();
	bool plain = !strcmp(wish, "C") || !strcmp(wish, "POSIX");

	if (!lang && plain)
		return;
	if (!lang && setlocale(LC_CTYPE, "") && setlocale(LC_MESSAGES, ""))
		return;
	setlocale(LC_CTYPE, "C.UTF-8");
	setlocale(LC_MESSAGES, "C.UTF-8");
	if (lang)
		setenv("LANGUAGE", lang, 1);
	else if (!getenv("LANGUAGE") || !*getenv("LANGUAGE"))
		setenv("LANGUAGE", wish, 1);
}

void locale_setup(const char *lang)
{
	const char *dir = locale_program_dir();
	char places[2][4200];
	const char *found = LOCALEDIR;

	choose_language(lang);
	snprintf(places[0], sizeof(places[0]), "%s/locale", dir);
	snprintf(places[1], sizeof(places[1]), "%s/../share/locale", dir);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char file[8600];

		snprintf(file, sizeof(file), "%s/ja/LC_MESSAGES/" DOMAIN ".mo", places[i]);
		if (access(file, R_OK) == 0) {
			found = places[i];
			break;
		}
	}
	bindtextdomain(DOMAIN, found);
	bind_textdomain_codeset(DOMAIN, "UTF-8");
	textdomain(DOMAIN);
}
