/* QR codes: what is drawn is what a scanner reads. zbarimg is the judge. */
#include "base/qr.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "tests/check.h"

#define SCALE 4u
#define QUIET 4u

static void draw(const struct qr *q, const char *path)
{
	unsigned side = (qr_size(q) + 2 * QUIET) * SCALE;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "P1\n%u %u\n", side, side);
	for (unsigned y = 0; y < side; y++)
		for (unsigned x = 0; x < side; x++)
			fprintf(file, "%d\n", qr_is_dark(q, x / SCALE - QUIET, y / SCALE - QUIET));
	assert_int_equal(fclose(file), 0);
}

static void scan(const char *text)
{
	char dir[] = "/tmp/vault-qr-XXXXXX", path[64], command[160], *got = calloc(1, 4096);
	struct qr *q;
	FILE *judge;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/code.pbm", dir);
	assert_ok(qr_make(text, strlen(text), &q));
	draw(q, path);
	qr_free(q);
	snprintf(command, sizeof(command), "zbarimg -q --raw --oneshot -Sbinary '%s' 2>/dev/null",
		 path);
	judge = popen(command, "r");
	assert_non_null(judge);
	assert_true(fread(got, 1, 4095, judge) > 0);
	assert_int_equal(pclose(judge), 0);
	assert_int_equal(strncmp(got, text, strlen(text)), 0);
	free(got);
	unlink(path);
	rmdir(dir);
}

static void a_scanner_reads_what_was_drawn(void **state)
{
	char large[701];

	if (system("command -v zbarimg >/dev/null") != 0)
		skip_because("no zbarimg here");
	scan("portable-vault/host/"
	     "h-0123456789abcdef\n412\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n");
	memset(large, 'x', sizeof(large) - 1);
	large[700] = '\0';
	scan(large);
	for (size_t i = 0; i < 699; i += 3)
		memcpy(large + i, "\xe9\x87\x91", 3);
	large[699] = '.';
	scan(large);
}

static void too_much_or_nothing_is_refused(void **state)
{
	char *huge = calloc(1, QR_TEXT_MAX + 1);
	struct qr *q = NULL;

	memset(huge, 'x', QR_TEXT_MAX + 1);
	assert_err(qr_make(huge, QR_TEXT_MAX + 1, &q), ERR_TOO_BIG);
	assert_err(qr_make(huge, 0, &q), ERR_INVALID);
	assert_ok(qr_make(huge, QR_TEXT_MAX, &q));
	qr_free(q);
	free(huge);
}

/* Every module of the matrix is in the picture once, and the quiet zone is empty. */
static void text_and_svg_have_the_same_modules(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0}, svg = {0};
	unsigned dark = 0, drawn = 0, run, size;
	const char *at;
	struct qr *q;

	assert_ok(qr_make("vault", 5, &q));
	size = qr_size(q);
	for (unsigned y = 0; y < size; y++)
		for (unsigned x = 0; x < size; x++)
			dark += qr_is_dark(q, x, y);
	assert_ok(qr_put_text(q, false, &text));
	assert_int_equal(text.len, (size + 2 * QUIET) * (2 * (size + 2 * QUIET) + 1));
	for (at = text.data; (at = strstr(at, "  ")); at += 2)
		drawn++;
	assert_int_equal(drawn, dark);
	assert_ok(qr_put_svg(q, "a <b> & c", &svg));
	assert_non_null(strstr(svg.data, "<title>a &lt;b> &amp; c</title>"));
	drawn = 0;
	for (at = strstr(svg.data, "#000"); at && (at = strchr(at, 'h')); at++) {
		assert_int_equal(sscanf(at, "h%uv1", &run), 1);
		drawn += run;
		at = strchr(at, 'z');
	}
	assert_int_equal(drawn, dark);
	qr_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scanner_reads_what_was_drawn),
		cmocka_unit_test(too_much_or_nothing_is_refused),
		cmocka_unit_test(text_and_svg_have_the_same_modules),
	};

	return cmocka_run_group_tests_name("QR codes", tests, NULL, NULL);
}
