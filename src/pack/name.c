#include "pack/name.h"
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

/* Windows' Japanese, which old archivers write without saying so. */
static char *from_cp932(const char *raw)
{
	size_t in_left = strlen(raw), cap = in_left * 3 + 1, out_left = cap - 1;
	iconv_t cd = iconv_open("UTF-8", "CP932");
	char *in = (char *)raw, *out = calloc(1, cap), *to = out;

	if (cd != (iconv_t)-1 && out && iconv(cd, &in, &in_left, &to, &out_left) != (size_t)-1) {
		(void)iconv_close(cd);
		return out;
	}
	if (cd != (iconv_t)-1)
		(void)iconv_close(cd);
	free(out);
	return NULL;
}

static bool has_control(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return true;
	return false;
}

/* Appends the components of `from` to `to`, which has room. */
static enum err put_components(const char *from, char *to)
{
	unsigned depth = 0;
	char *at = to;

	while (*from) {
		size_t len = strcspn(from, "/");

		if (len > PACK_COMPONENT_MAX)
			return err_at(ERR_NAME_TOO_LONG, "%s", from);
		if (len == 2 && from[0] == '.' && from[1] == '.')
			return err_at(ERR_UNSAFE, "%s", from);
		if (len > 0 && !(len == 1 && from[0] == '.')) {
			if (++depth > PACK_DEPTH_MAX)
				return err_at(ERR_NAME_TOO_LONG, "%s", from);
			if (at > to)
				*at++ = '/';
			memcpy(at, from, len);
			at += len;
		}
		from += len;
		from += *from == '/';
	}
	*at = '\0';
	return OK;
}

static enum err normalise(const char *text, char **ret)
{
	char *name;
	enum err err;

	if (text[0] == '/')
		return err_at(ERR_UNSAFE, "%s", text);
	if (has_control(text))
		return err_at(ERR_BAD_FORMAT, "a name with control characters");
	if (strlen(text) > PACK_PATH_MAX)
		return err_at(ERR_NAME_TOO_LONG, "%s", text);
	name = malloc(strlen(text) + 1);
	if (!name)
		return err_at(ERR_NOMEM, "name");
	err = put_components(text, name);
	if (err != OK) {
		free(name);
		return err;
	}
	*ret = name;
	return OK;
}

enum err pack_name(const char *raw, char **ret)
{
	CLEANUP(mem_freep) char *converted = NULL;

	if (text_is_utf8(raw, strlen(raw)))
		return normalise(raw, ret);
	converted = from_cp932(raw);
	if (!converted)
		return err_at(ERR_BAD_FORMAT, "a name that is neither UTF-8 nor CP932");
	return normalise(converted, ret);
}

static unsigned folders_above(const char *name)
{
	unsigned count = 0;

	for (; *name; name++)
		count += *name == '/';
	return count;
}

bool pack_link_is_inside(const char *name, const char *target)
{
	unsigned above = folders_above(name);
	bool below = false;

	if (!target[0] || target[0] == '/')
		return false;
	while (*target) {
		size_t len = strcspn(target, "/");
		bool up = len == 2 && target[0] == '.' && target[1] == '.';

		if (up && (below || above == 0))
			return false;
		above -= up;
		below = below || (!up && len > 0 && !(len == 1 && target[0] == '.'));
		target += len;
		target += *target == '/';
	}
	return true;
}

bool pack_name_is_below(const char *name, const char *path)
{
	size_t len = strlen(path);

	return strncmp(name, path, len) == 0 && (name[len] == '\0' || name[len] == '/' || len == 0);
}
