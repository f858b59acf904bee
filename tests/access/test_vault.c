/* A vault between people and hosts: who gets in, what the log says, what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/keyfile_format.h"
#include "access/vault.h"
#include "base/io.h"
#include "base/text.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/check.h"

struct fixture {
	char dir[64];
	struct person a, b;
	char *path; /* of a vault that a made */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = { .label = "OSAKA-03", .separated = true };

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-access-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	what.dir = f->dir;
	assert_ok(vault_create(&f->a.actor, &what, &f->path));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->a);
	person_clear(&f->b);
	shell("chmod -R u+rwX '%s' && rm -rf '%s'", f->dir, f->dir);
	free(f->path);
	free(f);
	return 0;
}

static void write_file(struct vault *v, const char *name, const char *text)
{
	struct volume_attr attr;

	assert_ok(volume_make(vault_volume(v), VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_write(vault_volume(v), attr.ino, 0, text, strlen(text)));
}

static void expect_file(struct vault *v, const char *name, const char *text)
{
	char got[256] = "";
	struct volume_attr attr;
	size_t len;

	assert_ok(volume_lookup(vault_volume(v), VOLUME_ROOT, name, &attr));
	assert_ok(volume_read(vault_volume(v), attr.ino, 0, got, sizeof(got) - 1, &len));
	assert_string_equal(got, text);
}

static struct vault *open_as(struct person *p, const char *path, struct vault_facts *facts)
{
	struct vault *v;

	assert_ok(vault_open(&p->actor, path, false, NULL, &v, facts));
	return v;
}

static enum err try_open(struct person *p, const char *path)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err = vault_open(&p->actor, path, false, NULL, &v, &facts);

	if (err == OK)
		assert_ok(vault_close(v));
	return err;
}

static void enrol(struct fixture *f, struct person *who)
{
	char ticket[128];
	struct device facts;

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->a.actor, f->path, &who->info.recipient, ticket));
	assert_ok(vault_enrol(&who->actor, ticket, &facts));
	assert_string_equal(facts.label, "OSAKA-03");
}

/* The whole log of a person as one text; it must verify. */
static enum err collect(void *ctx, const char *text, size_t len, enum err fault)
{
	TRY(fault);
	TRY(buf_append(ctx, text, len));
	return buf_puts(ctx, "\n");
}

static void expect_log(struct person *p, const char *last_event, const char *text)
{
	struct buf all = { 0 };
	char want[64];
	const char *line;

	assert_ok(audit_log_read(home_log_path(p->home), NULL, collect, &all));
	all.data[all.len - 1] = '\0';
	line = strrchr(all.data, '\n');
	line = line ? line + 1 : all.data;
	snprintf(want, sizeof(want), "\"event\":\"%s\"", last_event);
	if (!strstr(line, want) || !strstr(line, text))
		fail_msg("no %s with %s in: %s", want, text, line);
	buf_clear(&all);
}

static void what_one_person_writes_another_reads_on_another_host(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	assert_true(facts.store.was_clean);
	assert_string_equal(facts.label, "OSAKA-03");
	write_file(v, "健診結果.csv", "1,2,3");
	assert_ok(vault_close(v));
	expect_log(&f->a, "lock", "\"files\":1,\"bytes\":5");
	enrol(f, &f->b);
	v = open_as(&f->b, f->path, &facts);
	assert_true(facts.first_sight);
	expect_file(v, "健診結果.csv", "1,2,3");
	expect_log(&f->b, "unlock", "\"label\":\"OSAKA-03\"");
	assert_ok(vault_close(v));
	assert_ok(try_open(&f->a, f->path));
}

static void creating_is_recorded_and_leaves_8_3_names(void **state)
{
	struct fixture *f = *state;

	assert_non_null(strstr(f->path, "/OSAKA-03.VLT"));
	expect_log(&f->a, "create", "\"keysep\":true");
	shell("cd '%s' && test \"$(ls | tr '\\n' ' ')\" = "
	    "'HEAD0.BIN HEAD1.BIN KEY0.AGE KEY1.AGE README.TXT S0000000.SEG ' || ls '%s'",
	    f->path, f->path);
}

static void a_label_that_is_no_short_name_stays_inside(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = { .dir = f->dir, .label = "大阪支部 第3", .separated = true };
	struct vault_facts facts;
	struct vault *v;
	char *path;

	assert_ok(vault_create(&f->a.actor, &what, &path));
	assert_non_null(strstr(path, "/VAULT001.VLT"));
	v = open_as(&f->a, path, &facts);
	assert_string_equal(facts.label, "大阪支部 第3");
	assert_ok(vault_close(v));
	free(path);
}

static void a_stranger_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_err(try_open(&f->b, f->path), ERR_NO_KEY_FITS);
	expect_log(&f->b, "unlock_fail", "\"reason_id\":\"VLT-121\"");
}

static void a_recipient_without_the_device_secret_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_ok(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, NULL));
	assert_err(try_open(&f->b, f->path), ERR_NOT_ENROLLED);
	expect_log(&f->b, "unlock_fail", "\"reason\":\"NOT_ENROLLED\"");
}

static void a_device_secret_without_being_a_recipient_is_refused(void **state)
{
	struct fixture *f = *state;

	shell("cp '%s'/devices/* '%s'/devices/", f->a.dir, f->b.dir);
	assert_err(try_open(&f->b, f->path), ERR_NO_KEY_FITS);
}

static void a_ticket_for_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;
	struct device facts;
	char ticket[128];

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->a.actor, f->path, &f->a.info.recipient, ticket));
	assert_err(vault_enrol(&f->b.actor, ticket, &facts), ERR_NO_KEY_FITS);
	expect_log(&f->b, "enrol", "\"result\":\"refused\"");
}

static void a_second_opening_is_refused_while_the_first_lasts(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	assert_err(try_open(&f->a, f->path), ERR_VAULT_BUSY);
	assert_ok(vault_close(v));
	assert_ok(try_open(&f->a, f->path));
}

static void swap_old_image(struct fixture *f)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s' && mv '%s/old' '%s'", f->path, f->dir,
		 f->path);
	assert_int_equal(system(command), 0);
}

static void an_older_image_put_back_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v;

	shell("cp -a '%s' '%s/old'", f->path, f->dir);
	v = open_as(&f->a, f->path, &facts);
	write_file(v, "x", "y");
	assert_ok(vault_close(v));
	swap_old_image(f);
	assert_err(try_open(&f->a, f->path), ERR_ROLLBACK);
	expect_log(&f->a, "rollback", "\"reason_id\":\"VLT-023\"");
}

static void a_session_that_died_is_told_at_the_next_opening(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	write_file(v, "x", "saved");
	assert_ok(volume_sync(vault_volume(v)));
	shell("cp -a '%s' '%s/old'", f->path, f->dir); /* what a pulled medium would hold */
	assert_ok(vault_close(v));
	swap_old_image(f);
	shell("cd '%s' && rm -rf seen/* log/volumes%s", f->a.dir, "");
	v = open_as(&f->a, f->path, &facts);
	assert_false(facts.store.was_clean);
	expect_file(v, "x", "saved");
	assert_ok(vault_close(v));
	shell("grep -q '\"event\":\"unclean\"' '%s'/log/host.jsonl%s", f->a.dir, "");
}

static void no_log_no_vault(void **state)
{
	struct fixture *f = *state;

	shell("mv '%s/log' '%s/log.gone'", f->a.dir, f->a.dir);
	assert_err(try_open(&f->a, f->path), ERR_LOG_WRITE);
	shell("mv '%s/log.gone' '%s/log'", f->a.dir, f->a.dir);
	assert_ok(try_open(&f->a, f->path));
}

static void no_log_no_new_vault_either(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = { .dir = f->dir, .label = "NEW", .separated = true };
	char *path;

	shell("mv '%s/log' '%s/log.gone'", f->a.dir, f->a.dir);
	assert_err(vault_create(&f->a.actor, &what, &path), ERR_LOG_WRITE);
	shell("test ! -e '%s/NEW.VLT' && test $(ls '%s/a/devices' | wc -l) = 1", f->dir, f->dir);
}

static void flip(const char *path, const char *file, long at)
{
	char name[512];
	FILE *fp;
	int c;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	fp = fopen(name, "r+b");
	assert_non_null(fp);
	assert_int_equal(fseek(fp, at, SEEK_SET), 0);
	c = fgetc(fp);
	assert_int_equal(fseek(fp, at, SEEK_SET), 0);
	assert_int_equal(fputc(c ^ 1, fp), c ^ 1);
	assert_int_equal(fclose(fp), 0);
}

static enum err try_read(struct person *p, const char *path)
{
	struct vault_facts facts;
	struct vault *v;

	TRY(vault_open(&p->actor, path, true, NULL, &v, &facts));
	return vault_close(v);
}

static void one_damaged_key_file_is_survived_and_two_are_told(void **state)
{
	struct fixture *f = *state;

	flip(f->path, "KEY0.AGE", 60000);
	assert_ok(try_read(&f->a, f->path));
	flip(f->path, "KEY1.AGE", 300);
	assert_err(try_open(&f->a, f->path), ERR_FORGED);
}

static void a_damaged_key_file_is_made_good_by_the_next_session(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		flip(f->path, i ? "KEY1.AGE" : "KEY0.AGE", 60000);
		assert_ok(try_open(&f->a, f->path));
		shell("cmp '%s'/KEY?.AGE%s", f->path, "");
	}
}

static void not_a_vault_is_told_from_a_missing_one(void **state)
{
	struct fixture *f = *state;
	char *path;

	assert_err(vault_find(f->a.home, "/nonexistent/X.VLT", &path), ERR_MEDIUM_NOT_FOUND);
	assert_err(vault_find(f->a.home, f->a.dir, &path), ERR_NOT_A_VAULT);
	assert_err(vault_find(f->a.home, "KYOTO-01", &path), ERR_MEDIUM_NOT_FOUND);
	assert_ok(vault_find(f->a.home, f->dir, &path));
	assert_string_equal(path, f->path);
	free(path);
	assert_ok(vault_find(f->a.home, "OSAKA-03", &path)); /* seen there last */
	assert_string_equal(path, f->path);
	free(path);
	assert_err(try_open(&f->a, f->a.dir), ERR_NOT_A_VAULT);
}

static void a_truncated_head_file_is_no_vault(void **state)
{
	struct fixture *f = *state;

	shell("truncate -s 4096 '%s/HEAD1.BIN'%s", f->path, "");
	assert_err(try_open(&f->a, f->path), ERR_NOT_A_VAULT);
}

static void a_newer_key_file_is_told(void **state)
{
	struct fixture *f = *state;

	shell("for k in 0 1; do printf VLTKEY99 | dd of='%s'/KEY$k.AGE conv=notrunc status=none; done%s",
	    f->path, "");
	assert_err(try_open(&f->a, f->path), ERR_NEWER_FORMAT);
}

/* What stands in clear before the age file: the magic and its length. */
static void clear_words(struct fixture *f, uint8_t out[12])
{
	char name[512];
	FILE *fp;

	snprintf(name, sizeof(name), "%s/KEY0.AGE", f->path);
	fp = fopen(name, "rb");
	assert_non_null(fp);
	assert_int_equal(fread(out, 1, 12, fp), 12);
	fclose(fp);
}

static void the_count_of_recipients_does_not_show(void **state)
{
	struct fixture *f = *state;
	uint8_t words[12], first_words[12];
	unsigned first = 0;

	clear_words(f, first_words);

	for (unsigned n = 1; n <= 7; n++) {
		struct age_identity *id;
		struct age_recipient r;
		char command[256];
		FILE *pipe;
		unsigned stanzas;

		snprintf(command, sizeof(command), "grep -a -c '^-> ' '%s/KEY0.AGE'", f->path);
		pipe = popen(command, "r");
		assert_int_equal(fscanf(pipe, "%u", &stanzas), 1);
		pclose(pipe);
		if (n == 1)
			first = stanzas;
		assert_int_equal(stanzas, first);
		clear_words(f, words);
		assert_memory_equal(words, first_words, sizeof(words));
		assert_ok(age_identity_new_random(&id));
		age_identity_recipient(id, &r);
		assert_ok(vault_grant(&f->a.actor, f->path, &r, NULL));
		age_identity_free(id);
	}
	assert_int_equal(first, 8);
}

/* A crash after any step of a grant leaves a vault that its people open. */
static void a_grant_cut_short_leaves_the_old_people_in(void **state)
{
	struct fixture *f = *state;

	shell("cp -a '%s' '%s/old'", f->path, f->dir);
	enrol(f, &f->b);
	/* Only the new KEY file was written, in the place not in force (KEY1, since KEY0 is named). */
	shell("cp '%s/KEY1.AGE' '%s/old/KEY1.AGE'", f->path, f->dir);
	swap_old_image(f);
	shell("cd '%s' && rm -rf seen/* log/volumes%s", f->a.dir, "");
	assert_ok(try_open(&f->a, f->path));
}

static void a_key_file_made_without_the_device_secret_is_refused(void **state)
{
	struct fixture *f = *state;
	struct keyfile k = { .epoch = 1, .sequence = 9, .separated = true };
	struct sign_key *signer;
	struct secret *key;
	struct disk *disk;

	/* Somebody who knows the volume id seals a share of his own to a's public key. */
	assert_ok(folder_disk_open(f->path, false, &disk));
	{
		struct keyfile real = { 0 };

		assert_ok(keyfile_read(disk, DISK_KEY0, f->a.id, &real));
		memcpy(k.volume_id, real.volume_id, 16);
		memcpy(k.device_id, real.device_id, 16);
		keyfile_clear(&real);
	}
	k.recipients = malloc(sizeof(*k.recipients));
	k.recipients[0] = f->a.info.recipient;
	k.recipient_count = 1;
	assert_ok(secret_random(32, &k.share));
	assert_ok(secret_random(32, &key));
	assert_ok(sign_key_random(&signer));
	assert_ok(keyfile_write(disk, DISK_KEY0, &k, key, signer));
	assert_ok(keyfile_copy(disk, DISK_KEY0, DISK_KEY1));
	disk_close(disk);
	sign_key_free(signer);
	secret_free(key);
	keyfile_clear(&k);
	assert_err(try_open(&f->a, f->path), ERR_FORGED);
}

static void without_key_separation_the_staff_key_alone_opens(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = { .dir = f->dir, .label = "OPEN", .to = &f->b.info.recipient,
				  .to_count = 1, .separated = false };
	char *path;

	assert_ok(vault_create(&f->a.actor, &what, &path));
	expect_log(&f->a, "create", "\"keysep\":false");
	assert_ok(try_open(&f->b, path));
	free(path);
}

static void a_read_only_opening_changes_no_byte(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	write_file(v, "x", "y");
	assert_ok(vault_close(v));
	shell("cp -a '%s' '%s/old'", f->path, f->dir);
	assert_ok(vault_open(&f->a.actor, f->path, true, NULL, &v, &facts));
	assert_true(facts.read_only);
	expect_file(v, "x", "y");
	assert_ok(vault_close(v));
	shell("diff -r '%s' '%s/old'", f->path, f->dir);
}

static void a_medium_that_failed_is_told_though_nothing_was_lost(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	write_file(v, "x", "y");
	assert_ok(volume_sync(vault_volume(v)));
	volume_freeze(vault_volume(v), ERR_IO);
	assert_err(vault_close(v), ERR_FROZEN);
	expect_log(&f->a, "unclean", "VLT-902");
}

static void errors_of_a_medium_that_then_left_are_told_as_its_leaving(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct vault *v = open_as(&f->a, f->path, &facts);

	write_file(v, "x", "y");
	volume_freeze(vault_volume(v), ERR_IO);
	volume_freeze(vault_volume(v), ERR_REMOVED);
	assert_err(vault_close(v), ERR_REMOVED);
	expect_log(&f->a, "removed", "VLT-025");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_one_person_writes_another_reads_on_another_host),
		STORY(creating_is_recorded_and_leaves_8_3_names),
		STORY(a_label_that_is_no_short_name_stays_inside),
		STORY(a_stranger_is_refused),
		STORY(a_recipient_without_the_device_secret_is_refused),
		STORY(a_device_secret_without_being_a_recipient_is_refused),
		STORY(a_ticket_for_somebody_else_is_refused),
		STORY(a_second_opening_is_refused_while_the_first_lasts),
		STORY(an_older_image_put_back_is_refused),
		STORY(a_session_that_died_is_told_at_the_next_opening),
		STORY(no_log_no_vault),
		STORY(no_log_no_new_vault_either),
		STORY(one_damaged_key_file_is_survived_and_two_are_told),
		STORY(a_damaged_key_file_is_made_good_by_the_next_session),
		STORY(not_a_vault_is_told_from_a_missing_one),
		STORY(a_truncated_head_file_is_no_vault),
		STORY(a_newer_key_file_is_told),
		STORY(the_count_of_recipients_does_not_show),
		STORY(a_grant_cut_short_leaves_the_old_people_in),
		STORY(a_key_file_made_without_the_device_secret_is_refused),
		STORY(without_key_separation_the_staff_key_alone_opens),
		STORY(a_read_only_opening_changes_no_byte),
		STORY(a_medium_that_failed_is_told_though_nothing_was_lost),
		STORY(errors_of_a_medium_that_then_left_are_told_as_its_leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
