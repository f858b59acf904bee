#include "tools/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/output.h"

#define SILENT_MS 1000 /* what is done sooner needs no progress */
#define TERMINAL_MS 200
#define PLAIN_MS 5000

/* A line that rewrites itself is a kind of decoration, so NO_COLOR and dumb terminals get plain
 * ones. */
static bool rewrites(void)
{
	const char *plain = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && !(plain && *plain) && !(term && !strcmp(term, "dumb"));
}

/* Asked once: what is told of every small file should cost next to nothing. */
static int64_t choose_pause(const struct cli *cli)
{
	if (cli->json)
		return SILENT_MS;
	return rewrites() ? TERMINAL_MS : PLAIN_MS;
}

void progress_begin(struct progress *p, const struct cli *cli, const char *what, uint64_t total)
{
	*p = (struct progress){
		.cli = cli, .what = what, .total = total, .pause_ms = choose_pause(cli)};
	p->begun_ms = clock_monotonic_ms();
}

static int64_t seconds_left(const struct progress *p, int64_t now)
{
	if (!p->total || !p->done || p->done > p->total)
		return -1;
	return (int64_t)((double)(now - p->begun_ms) * (double)(p->total - p->done) /
			 (double)p->done / 1000);
}

static void print_json(const struct progress *p, int64_t left)
{
	json_t *line =
		json_pack("{s:I,s:I}", "done", (json_int_t)p->done, "total", (json_int_t)p->total);

	if (line && left >= 0)
		json_object_set_new(line, "seconds_left", json_integer(left));
	if (out_json(p->cli, "progress", line) != OK)
		return;
}

static void print_words(struct progress *p, int64_t left)
{
	char done[32], total[32], time[64] = "";

	out_size(p->done, done);
	out_size(p->total, total);
	if (left >= 60)
		snprintf(time, sizeof(time), _(", %d min left"), (int)((left + 59) / 60));
	else if (left >= 0)
		snprintf(time, sizeof(time), _(", %d s left"), (int)left);
	if (rewrites())
		fprintf(stderr, "\r\033[K");
	if (p->total)
		fprintf(stderr, _("%s: %d%%, %s of %s%s"), p->what,
			(int)(100.0 * (double)p->done / (double)p->total), done, total, time);
	else
		fprintf(stderr, "%s: %s", p->what, done);
	if (!rewrites())
		fprintf(stderr, "\n");
	fflush(stderr);
	p->on_line = rewrites();
}

void progress_set(struct progress *p, uint64_t done)
{
	int64_t now = clock_monotonic_ms();
	int64_t left;

	p->done = done;
	if (now - p->begun_ms < SILENT_MS || (p->shown && now - p->shown_ms < p->pause_ms))
		return;
	p->shown = true;
	p->shown_ms = now;
	left = seconds_left(p, now);
	if (p->cli->json)
		print_json(p, left);
	else if (!p->cli->quiet)
		print_words(p, left);
}

void progress_pause(struct progress *p)
{
	if (p->on_line)
		fprintf(stderr, "\r\033[K");
	p->on_line = false;
}

void progress_end(struct progress *p)
{
	progress_pause(p);
}
