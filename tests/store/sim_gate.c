#include "tests/store/sim_gate.h"
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "crypto/random.h"
#include "tests/store/sim_disk.h"

#define LONG_RUN 100000u
#define WORKERS_MAX 64u
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 10u /* sanitizers take about so much longer */
#else
#define SLOWER 1u
#endif

static struct sim_tally *mine; /* of this worker; in memory that the parent sees */
static atomic_uint_fast64_t random_state;

static void random_source(void *out, size_t len)
{
	uint64_t call = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15);
	uint64_t state = sim_random(&call);
	uint8_t *p = out;

	while (len > 0) {
		uint64_t r = sim_random(&state);
		size_t part = MIN(len, sizeof(r));

		memcpy(p, &r, part);
		p += part;
		len -= part;
	}
}

void sim_gate_seed(uint64_t seed)
{
	random_state = seed * 1000003;
	random_override(random_source);
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

bool sim_gate_is_long(void)
{
	return from_env("CRASHES", 0) >= LONG_RUN;
}

void sim_gate_fail(const char *format, ...)
{
	va_list args;

	printf("#   seed %llu, %s:\n#   ", (unsigned long long)(mine ? mine->seed : 0),
	       mine ? mine->where : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (getenv("SIM_ABORT"))
		abort();
	_exit(1);
}

/* The test framework would turn a death into an exit without a word. */
static void die_plainly(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
	signal(SIGILL, SIG_DFL);
}

static void worker_run(const struct sim_gate *gate, uint64_t first, uint64_t end, uint64_t step,
		       uint64_t crashes)
{
	/* Volumes are opened and closed a thousand times a second: keep their buffers. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	if (SLOWER == 1)
		sim_secret_pool();
	die_plainly();
	for (uint64_t seed = first; seed < end && mine->crashes < crashes; seed += step) {
		mine->seed = seed;
		snprintf(mine->where, sizeof(mine->where), "beginning");
		sim_gate_seed(seed);
		gate->trial(seed, mine);
		mine->trials++;
	}
}

static bool worker_join(pid_t pid, const struct sim_tally *t)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		printf("#   seed %llu, %s: died of signal %d\n", (unsigned long long)t->seed, t->where,
		       WTERMSIG(status));
	else
		printf("#   seed %llu failed with status %d\n", (unsigned long long)t->seed,
		       WEXITSTATUS(status));
	return false;
}

bool sim_gate_try(void (*fn)(void *ctx, struct sim_tally *tally), void *ctx, char *said, size_t cap)
{
	struct sim_tally tally = { 0 };
	int pipe_ends[2], status = 0;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(pipe_ends) != 0)
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)!dup2(pipe_ends[1], STDOUT_FILENO);
		die_plainly();
		mine = &tally;
		fn(ctx, &tally);
		_exit(0);
	}
	close(pipe_ends[1]);
	while (len + 1 < cap && (got = read(pipe_ends[0], said + len, cap - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	close(pipe_ends[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

static void tally_add(struct sim_tally *sum, const struct sim_tally *t)
{
	sum->trials += t->trials;
	sum->crashes += t->crashes;
	for (unsigned i = 0; i < SIM_KINDS_MAX; i++)
		sum->kinds[i] += t->kinds[i];
}

static void tally_print(const struct sim_gate *gate, const struct sim_tally *t)
{
	printf("# %llu crashes in %llu trials", (unsigned long long)t->crashes,
	       (unsigned long long)t->trials);
	if (gate->trials > 0)
		printf(" of %llu", (unsigned long long)gate->trials);
	printf("\n");
	for (unsigned i = 0; gate->kinds[i]; i++)
		printf("#   %-32s %10llu\n", gate->kinds[i], (unsigned long long)t->kinds[i]);
	fflush(stdout);
}

/* CRASHES is the sum over all gates; each has its part of it. */
static uint64_t crashes_to_make(const struct sim_gate *gate)
{
	uint64_t all = from_env("CRASHES", 0);

	if (all == 0)
		return MAX(gate->crashes / SLOWER, 1);
	return gate->percent ? MAX(all / 100 * gate->percent, 1) : all;
}

bool sim_gate_run(const struct sim_gate *gate, struct sim_tally *ret)
{
	uint64_t crashes = crashes_to_make(gate), seed = from_env("SEED", 1);
	uint64_t end = gate->trials ? seed + gate->trials : UINT64_MAX;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t workers = from_env("WORKERS", crashes >= LONG_RUN && cores > 0 ? (uint64_t)cores : 1);
	struct sim_tally *tallies;
	pid_t pids[WORKERS_MAX];
	bool good = true;

	workers = MIN(MAX(workers, 1), WORKERS_MAX);
	tallies = mmap(NULL, workers * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		return false;
	fflush(stdout);
	for (uint64_t i = 0; i < workers; i++) {
		mine = &tallies[i];
		pids[i] = fork();
		if (pids[i] == 0) {
			worker_run(gate, seed + i, end, workers, (MAX(crashes, 1) - 1) / workers + 1);
			exit(0);
		}
	}
	memset(ret, 0, sizeof(*ret));
	for (uint64_t i = 0; i < workers; i++) {
		bool well = pids[i] > 0 && worker_join(pids[i], &tallies[i]);

		if (good && !well && gate->shorten)
			gate->shorten(tallies[i].seed);
		good = good && well;
		tally_add(ret, &tallies[i]);
	}
	munmap(tallies, workers * sizeof(*tallies));
	mine = NULL;
	tally_print(gate, ret);
	return good;
}
