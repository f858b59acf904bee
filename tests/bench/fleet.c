/* Makes a collection of logs as an auditor of a large society has it, a year of a thousand
 * computers:
 *
 *     fleet OUT [--hosts N] [--events N] [--seed N] [--threads N] [--defect NAME]
 *
 * writes OUT/HOST-ID/log/host.jsonl and OUT/HOST-ID/log/volumes/VOLUME-ID.jsonl, and a line of JSON
 * that says what there is. The same numbers make the same logs. `--defect help` lists the defects;
 * one is made in the first branch (fleet_branch.h). */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "tests/bench/fleet_branch.h"

#define MONDAY 1774796400 /* 2026-03-30, at midnight in Japan */
#define YEAR (364 * 86400)
#define THREADS_MAX 64u

struct fleet {
	const char *out;
	uint64_t hosts, events, seed, branches;
	unsigned threads;
	enum defect defect;
	pthread_mutex_t lock;
	uint64_t next;
	struct fleet_totals totals;
	enum err err;
	char detail[512];
};

static void plan_branch(const struct fleet *f, uint64_t number, struct branch_plan *ret)
{
	uint64_t first = number * BRANCH_HOSTS, end = MIN(first + BRANCH_HOSTS, f->hosts);

	*ret = (struct branch_plan){
		.out = f->out,
		.seed = f->seed,
		.number = number,
		.hosts = (unsigned)(end - first),
		.lines = f->events * end / f->hosts - f->events * first / f->hosts,
		.begin = MONDAY,
		.seconds = YEAR,
		.defect = number == 0 ? f->defect : DEFECT_NONE,
	};
}

static bool take_branch(struct fleet *f, uint64_t *ret)
{
	bool more;

	pthread_mutex_lock(&f->lock);
	more = f->err == OK && f->next < f->branches;
	*ret = f->next++;
	pthread_mutex_unlock(&f->lock);
	return more;
}

static void add_totals(struct fleet *f, const struct fleet_totals *t, enum err err)
{
	pthread_mutex_lock(&f->lock);
	f->totals.hosts += t->hosts;
	f->totals.volumes += t->volumes;
	f->totals.lines += t->lines;
	f->totals.sessions += t->sessions;
	f->totals.bytes += t->bytes;
	f->totals.volume_lines += t->volume_lines;
	if (err != OK && f->err == OK) {
		f->err = err;
		snprintf(f->detail, sizeof(f->detail), "%s", err_detail());
	}
	pthread_mutex_unlock(&f->lock);
}

static void *work(void *ctx)
{
	struct fleet *f = ctx;
	struct fleet_totals totals = {0};
	struct branch_plan plan;
	enum err err = OK;
	uint64_t number;

	while (err == OK && take_branch(f, &number)) {
		plan_branch(f, number, &plan);
		err = branch_make(&plan, &totals);
	}
	add_totals(f, &totals, err);
	return NULL;
}

static void make_all(struct fleet *f)
{
	pthread_t threads[THREADS_MAX];
	unsigned count = 0;

	while (count + 1 < f->threads && pthread_create(&threads[count], NULL, work, f) == 0)
		count++;
	work(f);
	while (count > 0)
		pthread_join(threads[--count], NULL);
}

static int usage(void)
{
	fprintf(stderr, "usage: fleet OUT [--hosts N] [--events N] [--seed N] [--threads N] "
			"[--defect NAME]\ndefects:");
	for (unsigned i = 0; i < DEFECTS; i++)
		fprintf(stderr, " %s", defect_name((enum defect)i));
	fprintf(stderr, "\n");
	return 2;
}

static bool parse_defect(const char *name, enum defect *ret)
{
	for (unsigned i = 0; i < DEFECTS; i++) {
		if (strcmp(defect_name((enum defect)i), name) != 0)
			continue;
		*ret = (enum defect)i;
		return true;
	}
	return false;
}

static bool parse(int argc, char **argv, struct fleet *f)
{
	static const struct option options[] = {
		{"hosts", required_argument, NULL, 'h'},  {"events", required_argument, NULL, 'e'},
		{"seed", required_argument, NULL, 's'},	  {"threads", required_argument, NULL, 't'},
		{"defect", required_argument, NULL, 'd'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t number = c == '?' || c == 'd' ? 0 : strtoull(optarg, NULL, 10);

		if (c == 'h')
			f->hosts = number;
		else if (c == 'e')
			f->events = number;
		else if (c == 's')
			f->seed = number;
		else if (c == 't')
			f->threads = (unsigned)MIN(number, (uint64_t)THREADS_MAX);
		else if (c != 'd' || !parse_defect(optarg, &f->defect))
			return false;
	}
	f->out = argv[optind];
	return argc == optind + 1 && f->hosts > 0 && f->threads > 0 && f->events < UINT32_MAX;
}

int main(int argc, char **argv)
{
	struct fleet f = {.hosts = 1000, .events = 5000000, .seed = 1, .threads = 2};
	const struct fleet_totals *t = &f.totals;

	if (!parse(argc, argv, &f))
		return usage();
	if (crypto_init() != OK || pthread_mutex_init(&f.lock, NULL) != 0 ||
	    setenv("TZ", "JST-9", 1) != 0)
		return 1;
	if (mkdir(f.out, 0700) != 0 && errno != EEXIST) {
		perror(f.out);
		return 1;
	}
	tzset();
	clock_override(branch_clock);
	f.branches = (f.hosts + BRANCH_HOSTS - 1) / BRANCH_HOSTS;
	make_all(&f);
	if (f.err != OK) {
		fprintf(stderr, "%s: %s\n", err_name(f.err), f.detail);
		return 1;
	}
	printf("{\"hosts\":%" PRIu64 ",\"volumes\":%" PRIu64 ",\"events\":%" PRIu64
	       ",\"sessions\":%" PRIu64 ",\"volume_lines\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
	       t->hosts, t->volumes, t->lines, t->sessions, t->volume_lines, t->bytes);
	return 0;
}
