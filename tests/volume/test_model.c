/* A volume and a plain model of it, told the same random things, never differ; a crash takes both
 * back to the last sync. */
#include "tests/volume/fixture.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FILES 40
#define FOLDERS 4 /* 0 is the root */
#define NAMES 8	  /* in each folder */
#define SIZE_MAX_ 400000u

struct model_file {
	uint64_t ino;
	unsigned links;
	uint8_t *data;
	size_t size;
	char xattr[8];
	size_t xattr_len;
};

struct model {
	struct model_file files[FILES];
	int names[FOLDERS][NAMES]; /* file, or -1 */
	uint64_t folders[FOLDERS];
};

static uint32_t seed_now;
static bool may_be_full; /* a lack of space is an answer, as if nothing had been asked */
static unsigned refusals;

static bool did(enum err err)
{
	if (may_be_full && err == ERR_NO_SPACE) {
		refusals++;
		return false;
	}
	assert_ok(err);
	return true;
}

static uint32_t dice(uint32_t sides)
{
	seed_now = seed_now * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed_now >> 4) * sides) >> 28);
}

static struct model *model_copy(const struct model *m)
{
	struct model *copy = malloc(sizeof(*copy));

	*copy = *m;
	for (int i = 0; i < FILES; i++) {
		copy->files[i].data = calloc(1, SIZE_MAX_);
		memcpy(copy->files[i].data, m->files[i].data, m->files[i].size);
	}
	return copy;
}

static void model_free(struct model *m)
{
	for (int i = 0; i < FILES; i++)
		free(m->files[i].data);
	free(m);
}

static struct model *model_new(struct fixture *f)
{
	struct model *m = calloc(1, sizeof(*m));

	memset(m->names, -1, sizeof(m->names));
	m->folders[0] = VOLUME_ROOT;
	for (int i = 0; i < FILES; i++)
		m->files[i].data = calloc(1, SIZE_MAX_);
	for (int i = 1; i < FOLDERS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "d%d", i);
		m->folders[i] = make_folder(f, i < 3 ? VOLUME_ROOT : m->folders[2], name);
	}
	return m;
}

static const char *name_of(unsigned n)
{
	static const char *const names[NAMES] = {"a", "b", "書類.txt", "d", "e", "f", "g", "h"};

	return names[n];
}

struct pick {
	unsigned folder, name;
	int file;
	uint64_t parent;
	const char *text;
};

static struct pick pick_name(struct model *m)
{
	struct pick p = {.folder = dice(FOLDERS), .name = dice(NAMES)};

	p.file = m->names[p.folder][p.name];
	p.parent = m->folders[p.folder];
	p.text = name_of(p.name);
	return p;
}

static struct model_file *pick_file(struct model *m)
{
	for (int tries = 0; tries < 20; tries++) {
		struct model_file *file = &m->files[dice(FILES)];

		if (file->links > 0)
			return file;
	}
	return NULL;
}

static int free_file(struct model *m)
{
	for (int i = 0; i < FILES; i++) {
		if (m->files[i].links == 0)
			return i;
	}
	return -1;
}

static void do_make(struct fixture *f, struct model *m)
{
	struct pick p = pick_name(m);
	int i = free_file(m);
	struct volume_attr attr;

	if (i < 0)
		return;
	if (p.file >= 0) {
		assert_err(volume_make(f->v, p.parent, p.text, S_IFREG | 0600, 0, 0, &attr),
			   ERR_EXISTS);
		return;
	}
	if (!did(volume_make(f->v, p.parent, p.text, S_IFREG | 0600, 0, 0, &attr)))
		return;
	m->files[i].ino = attr.ino;
	m->files[i].links = 1;
	m->files[i].size = 0;
	m->files[i].xattr_len = 0;
	memset(m->files[i].data, 0, SIZE_MAX_);
	m->names[p.folder][p.name] = i;
}

static void model_lose(struct model *m, struct pick *p)
{
	m->files[p->file].links--;
	m->names[p->folder][p->name] = -1;
}

static void do_unlink(struct fixture *f, struct model *m)
{
	struct pick p = pick_name(m);

	if (p.file < 0) {
		assert_err(volume_unlink(f->v, p.parent, p.text, NULL), ERR_NOT_FOUND);
		return;
	}
	assert_ok(volume_unlink(f->v, p.parent, p.text, NULL));
	model_lose(m, &p);
}

static void do_link(struct fixture *f, struct model *m)
{
	struct pick from = pick_name(m), to = pick_name(m);
	struct volume_attr attr;

	if (from.file < 0)
		return;
	if (to.file >= 0) {
		assert_err(volume_link(f->v, m->files[from.file].ino, to.parent, to.text, &attr),
			   ERR_EXISTS);
		return;
	}
	if (!did(volume_link(f->v, m->files[from.file].ino, to.parent, to.text, &attr)))
		return;
	m->files[from.file].links++;
	m->names[to.folder][to.name] = from.file;
}

static void do_rename(struct fixture *f, struct model *m)
{
	struct pick from = pick_name(m), to = pick_name(m);
	unsigned flags = dice(3) == 0 ? RENAME_EXCHANGE : dice(3) == 0 ? RENAME_NOREPLACE : 0;
	enum err want = OK, err;

	if (from.file < 0)
		want = ERR_NOT_FOUND;
	else if (to.file >= 0 && flags == RENAME_NOREPLACE)
		want = ERR_EXISTS;
	else if (to.file < 0 && flags == RENAME_EXCHANGE)
		want = ERR_NOT_FOUND;
	err = volume_rename(f->v, from.parent, from.text, to.parent, to.text, flags);
	if (want != OK)
		assert_err(err, want);
	if (want != OK || !did(err) || from.file == to.file)
		return;
	if (flags == RENAME_EXCHANGE) {
		m->names[from.folder][from.name] = to.file;
	} else {
		if (to.file >= 0)
			model_lose(m, &to);
		m->names[from.folder][from.name] = -1;
	}
	m->names[to.folder][to.name] = from.file;
}

static uint32_t some_offset(const struct model_file *file)
{
	switch (dice(5)) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)file->size;
	case 2:
		return dice(SIZE_MAX_ / 65536) * 65536;
	case 3:
		return dice(5000);
	default:
		return dice((uint32_t)file->size + 1);
	}
}

static uint32_t some_len(void)
{
	switch (dice(4)) {
	case 0:
		return 1 + dice(100);
	case 1:
		return 4096;
	case 2:
		return 1 + dice(5000);
	default:
		return 1 + dice(150000);
	}
}

static void do_write(struct fixture *f, struct model *m, bool append)
{
	static uint8_t data[SIZE_MAX_];
	struct model_file *file = pick_file(m);
	uint32_t off, len;

	if (!file)
		return;
	off = append ? (uint32_t)file->size : some_offset(file);
	len = some_len();
	if (off + len > SIZE_MAX_)
		return;
	pattern_fill(data, off, len, seed_now);
	if (!did(append ? volume_append(f->v, file->ino, data, len)
			: volume_write(f->v, file->ino, off, data, len)))
		return;
	memcpy(file->data + off, data, len);
	file->size = MAX(file->size, off + len);
}

static void do_truncate(struct fixture *f, struct model *m)
{
	struct model_file *file = pick_file(m);
	struct volume_attr in = {0};
	uint32_t size;

	if (!file)
		return;
	size = dice(3) == 0 ? 0 : some_offset(file);
	in.size = size;
	if (!did(volume_setattr(f->v, file->ino, VOLUME_SET_SIZE, &in, NULL)))
		return;
	if (size < file->size)
		memset(file->data + size, 0, file->size - size);
	file->size = size;
}

static void do_fallocate(struct fixture *f, struct model *m)
{
	static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_ZERO_RANGE,
				    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0};
	struct model_file *file = pick_file(m);
	int mode = modes[dice(4)];
	uint32_t off, len;

	if (!file)
		return;
	off = some_offset(file);
	len = some_len();
	if (off + len > SIZE_MAX_)
		return;
	if (!did(volume_fallocate(f->v, file->ino, mode, off, len)))
		return;
	if (mode != 0 && off < file->size)
		memset(file->data + off, 0, MIN(len, file->size - off));
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		file->size = MAX(file->size, off + len);
}

static void do_xattr(struct fixture *f, struct model *m)
{
	struct model_file *file = pick_file(m);
	char text[sizeof(file->xattr)];
	size_t len;
	enum err err;

	if (!file)
		return;
	if (dice(3) == 0) {
		err = volume_remove_xattr(f->v, file->ino, "user.note");
		if (file->xattr_len == 0)
			assert_err(err, ERR_NO_DATA);
		else if (did(err))
			file->xattr_len = 0;
		return;
	}
	len = 1 + dice(sizeof(text));
	memset(text, 'a' + (int)dice(26), sizeof(text));
	if (!did(volume_set_xattr(f->v, file->ino, "user.note", text, len, 0)))
		return;
	file->xattr_len = len;
	memcpy(file->xattr, text, sizeof(text));
}

static void compare_range(struct fixture *f, const struct model_file *file, uint32_t off,
			  uint32_t len)
{
	static uint8_t have[SIZE_MAX_];
	size_t got, want = off < file->size ? MIN(len, file->size - off) : 0;

	assert_ok(volume_read(f->v, file->ino, off, have, len, &got));
	assert_int_equal(got, want);
	assert_memory_equal(have, file->data + off, want);
}

static void do_read(struct fixture *f, struct model *m)
{
	struct model_file *file = pick_file(m);
	uint32_t off;

	if (!file)
		return;
	off = some_offset(file);
	compare_range(f, file, off, MIN(some_len(), SIZE_MAX_ - off));
}

/* What is called a hole must be zero, and data and holes must take turns up to the end. */
static void compare_holes(struct fixture *f, const struct model_file *file)
{
	uint64_t at = 0, data, hole;

	while (at < file->size) {
		enum err err = volume_seek(f->v, file->ino, at, SEEK_DATA, &data);

		if (err == ERR_OFFSET)
			data = file->size;
		else
			assert_ok(err);
		for (uint64_t i = at; i < data; i++)
			assert_int_equal(file->data[i], 0);
		if (data == file->size)
			return;
		assert_ok(volume_seek(f->v, file->ino, data, SEEK_HOLE, &hole));
		assert_true(hole > data);
		at = hole;
	}
}

static void compare_file(struct fixture *f, const struct model_file *file)
{
	struct volume_attr attr;
	char xattr[16];
	size_t len;

	assert_ok(volume_getattr(f->v, file->ino, &attr));
	assert_int_equal(attr.size, file->size);
	assert_int_equal(attr.nlink, file->links);
	compare_range(f, file, 0, SIZE_MAX_);
	compare_holes(f, file);
	if (file->xattr_len == 0) {
		assert_err(volume_get_xattr(f->v, file->ino, "user.note", xattr, 16, &len),
			   ERR_NO_DATA);
		return;
	}
	assert_ok(volume_get_xattr(f->v, file->ino, "user.note", xattr, 16, &len));
	assert_int_equal(len, file->xattr_len);
	assert_memory_equal(xattr, file->xattr, len);
}

static void compare_all(struct fixture *f, const struct model *m)
{
	for (unsigned folder = 0; folder < FOLDERS; folder++) {
		for (unsigned name = 0; name < NAMES; name++) {
			int file = m->names[folder][name];

			assert_int_equal(lookup(f, m->folders[folder], name_of(name)),
					 file < 0 ? 0 : m->files[file].ino);
		}
	}
	for (int i = 0; i < FILES; i++) {
		if (m->files[i].links > 0)
			compare_file(f, &m->files[i]);
	}
}

static void do_anything(struct fixture *f, struct model *m)
{
	switch (dice(16)) {
	case 0:
	case 1:
		do_make(f, m);
		break;
	case 2:
		do_unlink(f, m);
		break;
	case 3:
		do_link(f, m);
		break;
	case 4:
		do_rename(f, m);
		break;
	case 5:
		do_truncate(f, m);
		break;
	case 6:
		do_fallocate(f, m);
		break;
	case 7:
		do_xattr(f, m);
		break;
	case 8:
	case 9:
		do_read(f, m);
		break;
	case 10:
		do_write(f, m, true);
		break;
	default:
		do_write(f, m, false);
	}
}

static void live(struct fixture *f, uint32_t seed, unsigned steps)
{
	struct model *m, *saved;

	seed_now = seed;
	m = model_new(f);
	assert_ok(volume_sync(f->v));
	saved = model_copy(m);
	for (unsigned step = 0; step < steps; step++) {
		uint32_t event = dice(120);

		if (event < 3) {
			assert_ok(volume_sync(f->v));
			model_free(saved);
			saved = model_copy(m);
		} else if (event == 3) {
			fixture_reopen(f);
			model_free(saved);
			saved = model_copy(m);
			compare_all(f, m);
		} else if (event == 4) {
			fixture_crash(f);
			model_free(m);
			m = model_copy(saved);
			compare_all(f, m);
		} else {
			uint64_t commits = f->v->commits.started;

			do_anything(f, m);
			if (commits == f->v->commits.started)
				continue;
			/* It made room by a commit: let the model know what a crash leads to. */
			assert_ok(volume_sync(f->v));
			model_free(saved);
			saved = model_copy(m);
		}
	}
	compare_all(f, m);
	assert_whole(f);
	fixture_reopen(f);
	compare_all(f, m);
	assert_whole(f);
	model_free(m);
	model_free(saved);
}

static void live_with_records(unsigned shift, uint32_t seed)
{
	struct fixture *f = fixture_new(shift);

	live(f, seed, 1500);
	fixture_free(f);
}

static void records_of_16_kib_agree_with_the_model(void **state)
{
	live_with_records(14, 1);
}

static void records_of_32_kib_agree_with_the_model(void **state)
{
	live_with_records(15, 2);
}

static void records_of_64_kib_agree_with_the_model(void **state)
{
	live_with_records(16, 3);
}

static void records_of_128_kib_agree_with_the_model(void **state)
{
	live_with_records(17, 4);
}

static void live_on_a_small_disk(unsigned shift, uint32_t seed)
{
	struct fixture *f = fixture_new_sim(shift, 900);

	may_be_full = true;
	refusals = 0;
	live(f, seed, 3000);
	assert_true(refusals > 0);
	may_be_full = false;
	fixture_free(f);
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
	live_on_a_small_disk(15, 5);
	live_on_a_small_disk(17, 6);
}

static uint32_t more_seed;

static void another_seed_agrees_with_the_model(void **state)
{
	live_with_records(14 + more_seed % 4, more_seed);
	live_on_a_small_disk(14 + more_seed / 4 % 4, more_seed);
}

/* With numbers: one run for each of them. */
int main(int argc, char **argv)
{
	const struct CMUnitTest more[] = {
		cmocka_unit_test(another_seed_agrees_with_the_model),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_16_kib_agree_with_the_model),
		cmocka_unit_test(records_of_32_kib_agree_with_the_model),
		cmocka_unit_test(records_of_64_kib_agree_with_the_model),
		cmocka_unit_test(records_of_128_kib_agree_with_the_model),
		cmocka_unit_test(a_full_disk_refuses_and_loses_nothing),
	};

	for (int i = 1; i < argc; i++) {
		more_seed = (uint32_t)strtoul(argv[i], NULL, 10);
		if (cmocka_run_group_tests(more, NULL, NULL) != 0)
			return 1;
	}
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
