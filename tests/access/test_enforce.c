/* The register's word on what is done with vaults: who is refused with which reason, what the
 * record says, and that a vault gets a new key by itself when somebody was revoked who could open
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "access/revoke.h"
#include "access/salvage.h"
#include "base/clock.h"
#include "base/text.h"
#include "tests/access/books.h"
#include "tests/check.h"

/* The officer o made a vault for a and b; all three have what it takes to open it, and grants. */
struct fixture {
	char dir[64];
	struct person o, a, b;
	char *path;
	uint8_t volume_id[VOLUME_ID_LEN];
};

static void enrol(struct fixture *f, struct person *who)
{
	struct device d = {0};
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->o.actor, f->path, &who->info.recipient, ticket));
	assert_ok(vault_enrol(&who->actor, ticket, &d));
}

static void tell_all(struct fixture *f)
{
	books_carry(&f->o, &f->a);
	books_carry(&f->o, &f->b);
}

static void make_vault(struct fixture *f)
{
	struct vault_new what = {.dir = f->dir, .label = "OSAKA-03", .separated = true};
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_create(&f->o.actor, &what, &f->path));
	enrol(f, &f->a);
	enrol(f, &f->b);
	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	memcpy(f->volume_id, facts.volume_id, VOLUME_ID_LEN);
	assert_ok(vault_close(v));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-rules-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->o, f->dir, "o");
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	make_vault(f);
	books_found(&f->o);
	books_staff(&f->o, &f->a);
	books_staff(&f->o, &f->b);
	books_medium(&f->o, f->path, "U-012");
	books_grant(&f->o, &f->a, "receipt", NULL);
	books_grant(&f->o, &f->b, "*", NULL);
	tell_all(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->o);
	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f->path);
	free(f);
	return 0;
}

static enum err try_open(struct fixture *f, struct person *p, bool read_only,
			 struct vault_facts *ret)
{
	struct vault *v;
	enum err err = vault_open(&p->actor, f->path, read_only, NULL, &v, ret);

	if (err == OK)
		assert_ok(vault_close(v));
	return err;
}

static enum err reads(struct fixture *f, struct person *p)
{
	struct vault_facts facts;

	return try_open(f, p, true, &facts);
}

static enum err writes(struct fixture *f, struct person *p)
{
	struct vault_facts facts;

	return try_open(f, p, false, &facts);
}

static uint32_t epoch_of(struct fixture *f)
{
	struct vault_facts facts;
	struct vault *v;
	uint32_t epoch;

	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	epoch = v->key.epoch;
	assert_ok(vault_close(v));
	return epoch;
}

/* ---- the log ---- */

static enum err collect(void *ctx, const char *text, size_t len, enum err fault)
{
	TRY(fault);
	TRY(buf_append(ctx, text, len));
	return buf_puts(ctx, "\n");
}

/* The last record of that event in a person's log has all of these in it. */
static void expect_record(struct person *p, const char *event, const char *const parts[])
{
	struct buf all = {0};
	char tag[64], *line = NULL, *end;

	snprintf(tag, sizeof(tag), "\"event\":\"%s\"", event);
	assert_ok(audit_log_read(home_log_path(p->home), NULL, collect, &all));
	for (char *at = all.data; (at = strstr(at, tag)); at++)
		line = at;
	assert_non_null(line);
	end = strchr(line, '\n');
	*end = '\0';
	while (line > all.data && line[-1] != '\n')
		line--;
	for (; *parts; parts++)
		if (!strstr(line, *parts))
			fail_msg("not %s in %s", *parts, line);
	buf_clear(&all);
}
#define expect_log(p, event, ...) expect_record(p, event, (const char *const[]){__VA_ARGS__, NULL})

static unsigned count_records(struct person *p, const char *event)
{
	struct buf all = {0};
	unsigned count = 0;
	char tag[64];

	snprintf(tag, sizeof(tag), "\"event\":\"%s\"", event);
	assert_ok(audit_log_read(home_log_path(p->home), NULL, collect, &all));
	for (char *at = all.data; (at = strstr(at, tag)); at++)
		count++;
	buf_clear(&all);
	return count;
}

/* ---- who gets in ---- */

static void who_is_on_the_register_with_a_grant_opens_as_before(void **state)
{
	struct fixture *f = *state;

	assert_ok(writes(f, &f->a));
	expect_log(&f->a, "unlock", "\"result\":\"ok\"", "\"role\":\"staff\"",
		   "\"media_id\":\"U-012\"");
	expect_log(&f->a, "lock", "\"role\":\"staff\"");
	assert_ok(writes(f, &f->o));
	expect_log(&f->o, "unlock", "\"role\":\"officer\"");
	assert_int_equal(epoch_of(f), 1);
}

static void a_host_without_the_register_goes_on_as_before(void **state)
{
	struct fixture *f = *state;

	books_revoke(&f->o, "b");
	books_burn(&f->b);
	assert_ok(writes(f, &f->b));
	assert_int_equal(count_records(&f->b, "rekey"), 0);
}

static void a_revoked_key_is_refused_and_the_record_says_so(void **state)
{
	struct fixture *f = *state;

	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->b);
	shell("cp -r '%s' '%s.before'", f->path, f->path);
	assert_err(reads(f, &f->b), ERR_REVOKED_KEY);
	assert_string_equal(err_detail(), "b");
	assert_err(writes(f, &f->b), ERR_REVOKED_KEY);
	expect_log(&f->b, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"",
		   "\"role\":\"staff\"");
	shell("diff -r '%s' '%s.before'", f->path, f->path);
}

static void nothing_opens_on_a_revoked_host(void **state)
{
	struct fixture *f = *state;

	books_revoke(&f->o, "host-b");
	books_carry(&f->o, &f->b);
	assert_err(reads(f, &f->b), ERR_REVOKED_HOST);
	expect_log(&f->b, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-142\"");
}

static void a_grant_that_ended_is_told_as_such(void **state)
{
	struct fixture *f = *state;

	books_grant(&f->o, &f->b, "*", "2020-03-31");
	tell_all(f);
	assert_err(reads(f, &f->b), ERR_GRANT_EXPIRED);
	expect_log(&f->b, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-144\"",
		   "\"media_id\":\"U-012\"");
	assert_ok(reads(f, &f->a));
}

static void a_medium_that_nobody_entered_stays_closed(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = {
		.dir = f->dir, .label = "TOKYO-01", .separated = true, .category = "receipt"};
	char *known = f->path;

	assert_ok(vault_create(&f->a.actor, &what, &f->path));
	assert_err(reads(f, &f->a), ERR_MEDIUM_UNKNOWN);
	expect_log(&f->a, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-301\"");
	free(f->path);
	f->path = known;
}

static void a_host_that_is_not_in_sync_opens_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_wall().tv_sec;

	books_policy(&f->o, "unsynced-days 10");
	tell_all(f);
	assert_ok(register_note_sync(f->a.home, now - 9 * 86400));
	assert_ok(register_note_sync(f->b.home, now - 11 * 86400));
	assert_ok(reads(f, &f->a));
	assert_err(reads(f, &f->b), ERR_UNSYNCED);
}

/* ---- what else asks ---- */

static void everything_else_that_opens_a_vault_asks_too(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey rekey = {0};
	struct vault_rekeyed rekeyed;
	struct vault_salvage how = {0};
	struct vault_salvaged salvaged;
	char label[VAULT_LABEL_MAX + 1];

	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->b);
	assert_err(vault_rekey(&f->b.actor, f->path, &rekey, &rekeyed), ERR_REVOKED_KEY);
	expect_log(&f->b, "rekey", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"");
	assert_err(vault_purge(&f->b.actor, f->path, NULL, NULL, label), ERR_REVOKED_KEY);
	expect_log(&f->b, "purge", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"");
	assert_err(vault_salvage(&f->b.actor, f->path, NULL, &how, &salvaged), ERR_REVOKED_KEY);
	expect_log(&f->b, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"");
	assert_err(vault_grant(&f->b.actor, f->path, &f->a.info.recipient, NULL), ERR_REVOKED_KEY);
	expect_log(&f->b, "key_add", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"");
}

static void a_new_vault_is_for_who_is_on_the_staff(void **state)
{
	struct fixture *f = *state;
	struct person stranger;
	struct vault_new what = {
		.dir = f->dir, .label = "TOKYO-01", .separated = true, .category = "checkup"};
	char *path, folder[128];

	person_make(&stranger, f->dir, "stranger");
	assert_err(vault_create(&f->a.actor, &what, &path), ERR_OUT_OF_SCOPE);
	expect_log(&f->a, "create", "\"result\":\"refused\"", "\"reason_id\":\"VLT-302\"",
		   "\"category\":\"checkup\"");
	what.category = "receipt";
	what.to = &stranger.info.recipient;
	what.to_count = 1;
	assert_err(vault_create(&f->a.actor, &what, &path), ERR_NOT_ON_STAFF);
	snprintf(folder, sizeof(folder), "%s/TOKYO-01.VLT", f->dir);
	shell("test ! -e '%s'%s", folder, "");
	person_clear(&stranger);
}

static void nobody_is_let_in_past_the_register(void **state)
{
	struct fixture *f = *state;
	struct person stranger;

	person_make(&stranger, f->dir, "stranger");
	assert_err(vault_grant(&f->a.actor, f->path, &stranger.info.recipient, NULL),
		   ERR_NOT_ON_STAFF);
	expect_log(&f->a, "key_add", "\"result\":\"refused\"", "\"reason_id\":\"VLT-191\"");
	books_revoke(&f->o, "b");
	tell_all(f);
	assert_err(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, NULL), ERR_REVOKED_KEY);
	person_clear(&stranger);
}

static void no_ticket_is_taken_from_or_by_who_was_revoked(void **state)
{
	struct fixture *f = *state;
	struct device d = {0};
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->b.actor, f->path, &f->a.info.recipient, ticket));
	books_revoke(&f->o, "b");
	tell_all(f);
	assert_err(vault_enrol(&f->a.actor, ticket, &d), ERR_REVOKED_KEY);
	expect_log(&f->a, "enrol", "\"result\":\"refused\"", "\"reason_id\":\"VLT-141\"");
	assert_ok(vault_grant(&f->o.actor, f->path, &f->a.info.recipient, ticket));
	assert_ok(vault_enrol(&f->a.actor, ticket, &d));
}

/* ---- a new key by itself ---- */

static void the_next_writing_gives_a_new_key_without_who_was_revoked(void **state)
{
	struct fixture *f = *state;
	char fpr[STAFF_FPR_LEN], part[64];
	struct vault_facts facts;

	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->a);
	assert_ok(try_open(f, &f->a, true, &facts));
	assert_false(facts.new_key);
	assert_int_equal(epoch_of(f), 1);
	assert_ok(try_open(f, &f->a, false, &facts));
	assert_true(facts.new_key);
	assert_int_equal(facts.left_out, 1);
	assert_int_equal(epoch_of(f), 2);
	staff_fpr(&f->b.info.recipient, fpr);
	snprintf(part, sizeof(part), "\"counterparty\":\"%s\"", fpr);
	expect_log(&f->a, "rekey", "\"result\":\"ok\"", "\"reason_id\":\"VLT-141\"", part,
		   "\"role\":\"staff\"");
	assert_ok(try_open(f, &f->o, false, &facts));
	assert_false(facts.new_key);
	assert_int_equal(epoch_of(f), 2);
	books_burn(&f->b);
	assert_err(reads(f, &f->b), ERR_NO_KEY_FITS);
}

static void a_grant_and_a_new_key_by_hand_leave_them_out_too(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = {0};
	struct vault_rekeyed got;

	books_revoke(&f->o, "b");
	assert_ok(vault_rekey(&f->o.actor, f->path, &how, &got));
	assert_int_equal(got.epoch, 2);
	assert_int_equal(got.recipients, 2);
	books_burn(&f->b);
	assert_err(reads(f, &f->b), ERR_NO_KEY_FITS);
	assert_ok(writes(f, &f->o));
	assert_int_equal(epoch_of(f), 2);
}

static void a_grant_first_leaves_out_who_was_revoked(void **state)
{
	struct fixture *f = *state;

	books_revoke(&f->o, "b");
	assert_ok(vault_grant(&f->o.actor, f->path, &f->a.info.recipient, NULL));
	assert_int_equal(epoch_of(f), 2);
	books_burn(&f->b);
	assert_err(reads(f, &f->b), ERR_NO_KEY_FITS);
}

static void a_revoked_host_takes_the_keys_on_it_along(void **state)
{
	struct fixture *f = *state;

	books_report(&f->b, f->volume_id);
	books_carry(&f->b, &f->o);
	books_revoke(&f->o, "host-b");
	tell_all(f);
	assert_ok(writes(f, &f->a));
	assert_int_equal(epoch_of(f), 2);
	books_burn(&f->b);
	assert_err(reads(f, &f->b), ERR_NO_KEY_FITS);
	assert_ok(writes(f, &f->o));
	assert_int_equal(epoch_of(f), 2);
}

/* So that an older key has something to open. */
static void put_file(struct fixture *f)
{
	static const uint8_t data[40000];
	struct vault_facts facts;
	struct volume_attr attr;
	struct vault *v;

	assert_ok(vault_open(&f->o.actor, f->path, false, NULL, &v, &facts));
	assert_ok(volume_make(v->volume, VOLUME_ROOT, "f", S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_write(v->volume, attr.ino, 0, data, sizeof(data)));
	assert_ok(vault_close(v));
}

static void with_eight_keys_in_use_it_opens_for_reading_until_rekey_waited(void **state)
{
	struct fixture *f = *state;
	struct vault_rekey how = {0};
	struct vault_rekeyed got;

	put_file(f);
	for (unsigned i = 0; i < STORE_OLDER_MAX; i++)
		assert_ok(vault_rekey(&f->o.actor, f->path, &how, &got));
	books_revoke(&f->o, "b");
	books_carry(&f->o, &f->a);
	assert_err(writes(f, &f->a), ERR_TOO_MANY_EPOCHS);
	assert_ok(reads(f, &f->a));
	how.wait = true;
	assert_ok(vault_rekey(&f->a.actor, f->path, &how, &got));
	assert_ok(writes(f, &f->a));
	books_burn(&f->b);
	assert_err(reads(f, &f->b), ERR_NO_KEY_FITS);
}

/* ---- what a vault brings along ---- */

static void a_revocation_comes_with_the_vault_itself(void **state)
{
	struct fixture *f = *state;

	books_revoke(&f->o, "host-b");
	assert_ok(writes(f, &f->o));
	assert_err(reads(f, &f->b), ERR_REVOKED_HOST);
	expect_log(&f->b, "unlock_fail", "\"result\":\"refused\"", "\"reason_id\":\"VLT-142\"");
}

static void a_host_destroys_what_another_vault_says_is_revoked(void **state)
{
	struct vault_new what = {.label = "TOKYO-01", .separated = true, .category = "receipt"};
	struct fixture *f = *state;
	struct vault_facts facts;
	char *known = f->path;
	struct device d = {0};
	struct vault *v;
	uint8_t id[VOLUME_ID_LEN];

	what.dir = f->dir;
	assert_ok(vault_create(&f->o.actor, &what, &f->path));
	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	memcpy(id, facts.volume_id, sizeof(id));
	assert_ok(vault_close(v));
	books_medium(&f->o, f->path, "U-013");
	enrol(f, &f->a);
	assert_ok(device_load(f->a.home, id, f->a.id, &d));
	device_clear(&d);
	books_revoke(&f->o, "U-013");
	free(f->path);
	f->path = known;
	assert_ok(writes(f, &f->o));
	assert_ok(reads(f, &f->a));
	assert_err(device_load(f->a.home, id, f->a.id, &d), ERR_NOT_ENROLLED);
	expect_log(&f->a, "erase", "\"result\":\"ok\"");
}

/* ---- recovery ---- */

static bool opens_for(struct fixture *f, const struct age_recipient *who)
{
	struct vault_facts facts;
	bool found = false;
	struct vault *v;

	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	for (size_t i = 0; i < v->key.recipient_count; i++)
		found = found || age_recipient_equal(&v->key.recipients[i], who);
	assert_ok(vault_close(v));
	return found;
}

static void the_recovery_key_is_let_in_at_the_next_writing(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = {.dir = f->dir, .label = "TOKYO-01", .separated = true};
	struct age_identity *sheet;
	struct age_recipient on_paper;
	char *known = f->path;

	assert_ok(age_identity_new_random(&sheet));
	age_identity_recipient(sheet, &on_paper);
	books_recovery(&f->o, &on_paper);
	tell_all(f);
	assert_ok(reads(f, &f->a));
	assert_false(opens_for(f, &on_paper));
	assert_ok(writes(f, &f->a));
	assert_true(opens_for(f, &on_paper));
	expect_log(&f->a, "key_add", "\"result\":\"ok\"");
	books_revoke(&f->o, "b");
	assert_ok(writes(f, &f->o));
	assert_true(opens_for(f, &on_paper));
	assert_int_equal(epoch_of(f), 2);
	assert_ok(vault_create(&f->o.actor, &what, &f->path));
	assert_true(opens_for(f, &on_paper));
	free(f->path);
	f->path = known;
	age_identity_free(sheet);
}

static void a_new_sheet_of_paper_takes_the_old_one_out(void **state)
{
	struct fixture *f = *state;
	struct age_recipient first, second;
	struct age_identity *sheet;

	assert_ok(age_identity_new_random(&sheet));
	age_identity_recipient(sheet, &first);
	age_identity_free(sheet);
	assert_ok(age_identity_new_random(&sheet));
	age_identity_recipient(sheet, &second);
	age_identity_free(sheet);
	books_recovery(&f->o, &first);
	assert_ok(writes(f, &f->o));
	assert_true(opens_for(f, &first));
	books_recovery(&f->o, &second);
	assert_ok(writes(f, &f->o));
	assert_int_equal(epoch_of(f), 2);
	assert_true(opens_for(f, &second));
	assert_false(opens_for(f, &first));
	assert_ok(writes(f, &f->o));
	assert_int_equal(epoch_of(f), 2);
}

/* ---- revoking ---- */

static enum err try_revoke(struct person *by, const char *word)
{
	struct revoke_reach reach = {0};
	struct society s = {0};
	enum err err;

	assert_ok(society_load(by->home, &s));
	err = vault_revoke_reach(&s, by->home, word, &by->info.recipient, &reach);
	if (err == OK)
		err = vault_revoke(&by->actor, &s, &reach, REVOKE_LEFT);
	revoke_reach_clear(&reach);
	society_clear(&s);
	return err;
}

static void only_an_officer_revokes_and_never_the_last_one(void **state)
{
	struct fixture *f = *state;

	assert_err(try_revoke(&f->a, "b"), ERR_NOT_OFFICER);
	expect_log(&f->a, "key_revoke", "\"result\":\"refused\"", "\"reason_id\":\"VLT-308\"");
	assert_err(try_revoke(&f->o, "o"), ERR_POLICY);
	assert_err(try_revoke(&f->o, "host-o"), ERR_POLICY);
	books_officer(&f->o, &f->a);
	assert_err(try_revoke(&f->o, "o"), ERR_POLICY);
	books_carry(&f->o, &f->a);
	assert_ok(try_revoke(&f->a, "o"));
	assert_err(try_revoke(&f->a, "a"), ERR_POLICY);
	books_carry(&f->a, &f->o);
	assert_err(reads(f, &f->o), ERR_REVOKED_KEY);
	assert_err(try_revoke(&f->o, "b"), ERR_REVOKED_KEY);
}

static void a_word_that_names_nothing_is_not_found(void **state)
{
	struct fixture *f = *state;

	assert_err(try_revoke(&f->o, "nobody"), ERR_NOT_FOUND);
}

static void the_reach_names_vaults_hosts_and_keys(void **state)
{
	struct fixture *f = *state;
	struct revoke_reach reach = {0};
	struct society s = {0};

	books_report(&f->b, f->volume_id);
	books_carry(&f->b, &f->o);
	assert_ok(society_load(f->o.home, &s));
	assert_ok(vault_revoke_reach(&s, f->o.home, "host-b", NULL, &reach));
	assert_int_equal(reach.what, REVOKE_HOST);
	assert_int_equal(reach.person_count, 1);
	assert_string_equal(reach.people[0].name, "b");
	assert_int_equal(reach.vault_count, 1);
	assert_string_equal(reach.vaults[0].label, "OSAKA-03");
	revoke_reach_clear(&reach);
	assert_ok(vault_revoke_reach(&s, f->o.home, "b", NULL, &reach));
	assert_int_equal(reach.what, REVOKE_KEY);
	assert_int_equal(reach.host_count, 1);
	assert_string_equal(reach.hosts[0].name, "host-b");
	assert_int_equal(reach.vault_count, 1);
	revoke_reach_clear(&reach);
	assert_ok(vault_revoke_reach(&s, f->o.home, "OSAKA-03", NULL, &reach));
	assert_int_equal(reach.what, REVOKE_MEDIUM);
	assert_string_equal(reach.id, "U-012");
	assert_true(reach.separated);
	assert_int_equal(reach.host_count, 2); /* b said so, and the officer's own */
	revoke_reach_clear(&reach);
	society_clear(&s);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(who_is_on_the_register_with_a_grant_opens_as_before),
		STORY(a_host_without_the_register_goes_on_as_before),
		STORY(a_revoked_key_is_refused_and_the_record_says_so),
		STORY(nothing_opens_on_a_revoked_host),
		STORY(a_grant_that_ended_is_told_as_such),
		STORY(a_medium_that_nobody_entered_stays_closed),
		STORY(a_host_that_is_not_in_sync_opens_nothing),
		STORY(everything_else_that_opens_a_vault_asks_too),
		STORY(a_new_vault_is_for_who_is_on_the_staff),
		STORY(nobody_is_let_in_past_the_register),
		STORY(no_ticket_is_taken_from_or_by_who_was_revoked),
		STORY(the_next_writing_gives_a_new_key_without_who_was_revoked),
		STORY(a_grant_and_a_new_key_by_hand_leave_them_out_too),
		STORY(a_grant_first_leaves_out_who_was_revoked),
		STORY(a_revoked_host_takes_the_keys_on_it_along),
		STORY(with_eight_keys_in_use_it_opens_for_reading_until_rekey_waited),
		STORY(a_revocation_comes_with_the_vault_itself),
		STORY(a_host_destroys_what_another_vault_says_is_revoked),
		STORY(the_recovery_key_is_let_in_at_the_next_writing),
		STORY(a_new_sheet_of_paper_takes_the_old_one_out),
		STORY(only_an_officer_revokes_and_never_the_last_one),
		STORY(a_word_that_names_nothing_is_not_found),
		STORY(the_reach_names_vaults_hosts_and_keys),
	};

	return cmocka_run_group_tests_name("the register is asked", tests, NULL, NULL);
}
