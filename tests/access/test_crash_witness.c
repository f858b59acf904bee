/* The power goes at every write to the medium around an opening and a clean end, in every way a
 * medium can lose writes, and the host's folder is as it was at that moment. Whoever opens next
 * finds the truth told: the end that was none is in a record, and the host's log and the volume's
 * agree in the auditor's eyes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "access/internal.h"
#include "access/verify.h"
#include "base/io.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/access/sim_load.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"

#define MOMENTS_MAX 16u

struct fixture {
	char dir[64];
	struct person a, b;
	struct sim *sim; /* holds the vault of both */
	struct recorder snapping;
	/* The host's folder as it was from that event of the medium on, in DIR/moment-N. */
	size_t moments[MOMENTS_MAX];
	unsigned moment_count;
};

/* ---- the host's folder, moment by moment ---- */

static void snap(struct fixture *f)
{
	char name[80];

	assert_true(f->moment_count < MOMENTS_MAX);
	snprintf(name, sizeof(name), "%s/moment-%u", f->dir, f->moment_count);
	shell("rm -rf '%s' && mkdir '%s'", name, name);
	shell("cp -r '%s' '%s/'", f->a.dir, name);
	f->moments[f->moment_count++] = sim_trace_len(f->sim);
}

static enum err record_and_snap(void *ctx, const struct audit_event *event)
{
	struct fixture *f = ctx;
	enum err err = f->a.recorder.record(f->a.recorder.ctx, event);

	snap(f);
	return err;
}

static enum err head(void *ctx, struct buf *out)
{
	struct fixture *f = ctx;

	return f->a.recorder.head(f->a.recorder.ctx, out);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = {.dir = f->dir, .label = "CRASH", .separated = true};
	struct device d = {0};
	struct vault_facts facts;
	struct vault *v;
	char ticket[96], *path;

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-cut-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	assert_ok(vault_create(&f->a.actor, &what, &path));
	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->a.actor, path, &f->b.info.recipient, ticket));
	assert_ok(vault_enrol(&f->b.actor, ticket, &d));
	assert_ok(vault_open(&f->b.actor, path, false, NULL, &v, &facts));
	assert_ok(vault_close(v));
	assert_ok(vault_open(&f->a.actor, path, false, NULL, &v, &facts));
	assert_ok(vault_close(v));
	f->sim = sim_load(path);
	f->snapping = (struct recorder){record_and_snap, f, head};
	free(path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_free(f->sim);
	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f);
	return 0;
}

/* An opening, something written, a clean end; every record leaves a copy of the folder. */
static void play_session(struct fixture *f)
{
	struct vault_actor actor = f->a.actor;
	struct volume_attr attr;
	struct vault_facts facts;
	struct vault *v;

	actor.recorder = &f->snapping;
	snap(f);
	assert_ok(vault_open_disk(&actor, sim_disk(f->sim), false, &v, &facts));
	assert_ok(volume_make(vault_volume(v), VOLUME_ROOT, "x", S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_sync(vault_volume(v)));
	assert_ok(vault_close(v));
	snap(f);
}

/* ---- afterwards ---- */

struct aftermath {
	const struct fixture *f;
	char dir[80]; /* with the folders of both hosts */
	struct person next;
	size_t at;
	const struct sim_crash *how;
};

static void blame(const struct aftermath *m, const char *what)
{
	fail_msg("event %zu, mode %d, lies %u, seed %llu: %s (%s)", m->at, (int)m->how->mode,
		 m->how->lies, (unsigned long long)m->how->seed, what, err_detail());
}

static unsigned moment_of(const struct fixture *f, size_t at)
{
	unsigned i = 0;

	while (i + 1 < f->moment_count && f->moments[i + 1] <= at)
		i++;
	return i;
}

/* Both folders as the power cut left them; `by_b`: the other host opens next. */
static void bring_back(struct aftermath *m, bool by_b)
{
	const struct fixture *f = m->f;
	struct person a = f->a;

	snprintf(m->dir, sizeof(m->dir), "%s/after", f->dir);
	shell("rm -rf '%s' && mkdir '%s'", m->dir, m->dir);
	snprintf(a.dir, sizeof(a.dir), "%.40s/moment-%u/a", f->dir, moment_of(f, m->at));
	if (by_b) {
		shell("cp -r '%s' '%s/a'", a.dir, m->dir);
		person_copy(&m->next, &f->b, m->dir);
	} else {
		shell("cp -r '%s' '%s/b'", f->b.dir, m->dir);
		person_copy(&m->next, &a, m->dir);
	}
}

static void expect_agreement(const struct aftermath *m)
{
	struct log_files files = {0};
	struct verify_result result = {0};
	struct verify_ask ask = {.files = &files, .threads = 1};

	assert_ok(log_files_find(&files, m->dir));
	log_files_sort(&files);
	assert_ok(verify_logs(&ask, &result));
	if (result.verdict != OK)
		blame(m, result.finding_count ? result.findings[0].other : "the auditor");
	assert_int_equal(result.counts[VERIFY_HOST_ABSENT], 0);
	verify_clear(&result);
	log_files_clear(&files);
}

/* That an end was none stands in the log of whoever opened next. */
static void expect_told(const struct aftermath *m)
{
	char path[128];
	CLEANUP(buf_clear) struct buf text = {0};

	snprintf(path, sizeof(path), "%s/log/host.jsonl", m->next.dir);
	assert_ok(io_read_file(path, 1u << 24, &text));
	if (!strstr(text.data, "\"event\":\"unclean\""))
		blame(m, "nothing tells of the unclean end");
}

static void open_again(struct aftermath *m, struct sim *image, bool by_b)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err;

	bring_back(m, by_b);
	err = vault_open_disk(&m->next.actor, sim_disk(image), false, &v, &facts);
	/* A medium that lied to a host that heard of the end: the host says so, and does not go on.
	 */
	if (m->how->lies > 0 && (err == ERR_ROLLBACK || err == ERR_FORK)) {
		person_clear(&m->next);
		return;
	}
	if (err != OK)
		blame(m, err_name(err));
	if (!facts.store.was_clean)
		expect_told(m);
	assert_ok(vault_close(v));
	expect_agreement(m);
	person_clear(&m->next);
}

static void both_logs_agree_after_a_power_cut_at_any_write(void **state)
{
	struct fixture *f = *state;
	struct sim_cursor *c;
	uint64_t seed = 0;
	bool more = true;

	sim_trace_begin(f->sim);
	play_session(f);
	for (c = sim_cursor_new(f->sim); more; more = sim_cursor_step(c)) {
		for (unsigned mode = 0; mode < SIM_MODES; mode++) {
			for (unsigned lies = 0; lies < 2; lies++) {
				struct sim_crash how = {
					.mode = (enum sim_mode)mode, .lies = lies, .seed = ++seed};
				struct aftermath m = {.f = f, .at = sim_cursor_at(c), .how = &how};
				struct sim *image = sim_cursor_crash(c, &how);

				open_again(&m, image, seed % 2 == 0);
				sim_free(image);
			}
		}
	}
	sim_cursor_free(c);
	assert_true(seed > 8 * 10);
}

static void verify_folder(const char *dir, struct verify_result *ret)
{
	struct log_files files = {0};
	struct verify_ask ask = {.files = &files};

	assert_ok(log_files_find(&files, dir));
	log_files_sort(&files);
	assert_ok(verify_logs(&ask, ret));
	log_files_clear(&files);
}

/* As a backup of the folder would do it: the volume knows more of this host than it tells itself.
 */
static void a_log_that_went_back_shows_in_the_volume(void **state)
{
	struct fixture *f = *state;
	struct verify_result result = {0};
	struct vault_facts facts;
	struct vault *v;
	char dir[80];

	sim_trace_begin(f->sim);
	play_session(f);
	assert_ok(vault_open_disk(&f->b.actor, sim_disk(f->sim), false, &v, &facts));
	assert_ok(vault_close(v));
	snprintf(dir, sizeof(dir), "%s/copies", f->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	shell("cp -r '%s' '%s'", f->b.dir, dir);
	snprintf(dir, sizeof(dir), "%s/moment-0/a", f->dir);
	shell("cp -r '%s' '%s/copies'", dir, f->dir);
	snprintf(dir, sizeof(dir), "%s/copies", f->dir);
	verify_folder(dir, &result);
	assert_int_equal(result.verdict, ERR_LOG_GAP);
	assert_int_equal(result.counts[VERIFY_CUT], 1);
	verify_clear(&result);
}

static enum err keep_quiet(void *ctx, const struct audit_event *event)
{
	(void)ctx;
	(void)event;
	return OK;
}

/* Somebody changed the program on the host: it opens, and its log has nothing of it. */
static void a_mount_that_a_patched_client_hid_shows_in_the_volume(void **state)
{
	static const struct recorder quiet = {.record = keep_quiet};
	struct fixture *f = *state;
	struct verify_result result = {0};
	struct vault_actor actor = f->b.actor;
	struct vault_facts facts;
	struct vault *v;

	actor.recorder = &quiet;
	assert_ok(vault_open_disk(&actor, sim_disk(f->sim), false, &v, &facts));
	assert_ok(vault_close(v));
	assert_ok(vault_open_disk(&f->a.actor, sim_disk(f->sim), false, &v, &facts));
	assert_ok(vault_close(v));
	verify_folder(f->dir, &result);
	assert_int_equal(result.verdict, ERR_LOG_TAMPERED);
	assert_int_equal(result.counts[VERIFY_HIDDEN_MOUNT], 1);
	verify_clear(&result);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(both_logs_agree_after_a_power_cut_at_any_write),
		STORY(a_log_that_went_back_shows_in_the_volume),
		STORY(a_mount_that_a_patched_client_hid_shows_in_the_volume),
	};

	return cmocka_run_group_tests_name("power cuts and witnesses", tests, NULL, NULL);
}
