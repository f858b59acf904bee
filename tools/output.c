#include "tools/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* C0 and DEL are one byte; C1 and the marks that reorder a line (U+202A to U+202E, U+2066 to
 * U+2069) are found by their UTF-8 bytes. */
static size_t obeyed_len(const unsigned char *s)
{
	if ((s[0] < 0x20 && s[0] != '\n' && s[0] != '\t') || s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return 2;
	if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
		return 3;
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
		return 3;
	return 0;
}

void out_clean(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;

	while (*from) {
		size_t len = obeyed_len(from);

		if (!len) {
			*to++ = *from++;
			continue;
		}
		*to++ = '?';
		from += len;
	}
	*to = '\0';
}

/* Asked once: a list has many lines, and standard output stays what it is. */
static bool is_for_a_screen(void)
{
	static int known = -1;

	if (known < 0)
		known = isatty(STDOUT_FILENO);
	return known > 0;
}

static void print(FILE *to, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return;
	if (to == stderr || is_for_a_screen())
		out_clean(text);
	(void)fputs(text, to);
	(void)putc('\n', to);
	free(text);
}

void out_say(const struct cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->json || cli->quiet)
		return;
	va_start(args, format);
	print(stdout, format, args);
	va_end(args);
}

void out_line(const struct cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->json)
		return;
	va_start(args, format);
	print(stdout, format, args);
	va_end(args);
}

void out_talk(const struct cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	fflush(stdout);
	va_start(args, format);
	print(stderr, format, args);
	va_end(args);
}

void out_warn(const struct cli *cli, const char *format, ...)
{
	CLEANUP(mem_freep) char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		return;
	fflush(stdout);
	if (out_json(cli, "warning", json_pack("{s:o}", "message", out_json_text(text))) != OK)
		fprintf(stderr, "%s: %s\n", VAULT_NAME, _("out of memory"));
	out_clean(text);
	fprintf(stderr, _("%s: warning: %s\n"), VAULT_NAME, text);
}

enum err out_json(const struct cli *cli, const char *type, json_t *fields)
{
	json_t *line = NULL;
	int done;

	if (!cli->json) {
		json_decref(fields);
		return OK;
	}
	line = json_pack("{s:s}", "type", type);
	if (!fields || !line || json_object_update(line, fields) < 0) {
		json_decref(fields);
		json_decref(line);
		return ERR_NOMEM;
	}
	done = json_dumpf(line, stdout, JSON_COMPACT);
	json_decref(fields);
	json_decref(line);
	if (done < 0 || putchar('\n') == EOF || fflush(stdout) == EOF)
		return err_errno_at(ERR_IO, "stdout");
	return OK;
}

enum err out_finish(void)
{
	if (fflush(stdout) == EOF || ferror(stdout))
		return err_errno_at(ERR_IO, "stdout");
	return OK;
}

/* ---- values -------------------------------------------------------------------------------- */

static size_t utf8_len(const char *s)
{
	for (size_t len = 4; len > 0; len--) {
		if (strnlen(s, len) == len && text_is_utf8(s, len))
			return len > 1 && text_is_utf8(s, 1) ? 1 : len;
	}
	return 0;
}

json_t *out_json_text(const char *text)
{
	CLEANUP(buf_clear) struct buf whole = {0};

	if (text_is_utf8(text, strlen(text)))
		return json_string(text);
	while (*text) {
		size_t len = utf8_len(text);
		enum err err =
			len ? buf_append(&whole, text, len) : buf_puts(&whole, "\xef\xbf\xbd");

		if (err != OK)
			return NULL;
		text += len ? len : 1;
	}
	return json_string(whole.data);
}

void out_size(uint64_t bytes, char out[32])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(out, 32, ngettext("%u byte", "%u bytes", (unsigned)bytes),
			 (unsigned)bytes);
		return;
	}
	for (value /= 1000; value >= 999.5 && unit + 1 < ARRAY_LEN(units); unit++)
		value /= 1000;
	snprintf(out, 32, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
