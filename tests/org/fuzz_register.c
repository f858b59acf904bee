/* The text of a register, signatures passed over so that everything behind them is reached: as a
 * file, whose tail a crash may have torn, and as what a medium or a folder holds. What is taken is
 * the same register when it comes in the opposite order, and prints and reads back. */
#include "tests/fuzz.h"
#include "org/register_set.h"

const unsigned fuzz_cost = 4;

static struct org_register *fresh(void)
{
	struct org_register *r;

	MUST(register_new(&r) == OK);
	return r;
}

static enum err count_one(void *ctx, const struct register_finding *f)
{
	size_t *count = ctx;

	MUST(f->statement->text != NULL);
	++*count;
	return OK;
}

static void must_be_the_same(const struct org_register *a, const struct org_register *b)
{
	uint8_t x[SHA256_LEN], y[SHA256_LEN];
	bool *p = calloc(register_count(a) + 1, 1), *q = calloc(register_count(a) + 1, 1);
	size_t found = 0, found_again = 0;

	register_digest(a, x);
	register_digest(b, y);
	MUST(memcmp(x, y, sizeof(x)) == 0);
	MUST(p && q && register_standing(a, p) == OK && register_standing(b, q) == OK);
	MUST(memcmp(p, q, register_count(a)) == 0);
	MUST(register_check(a, count_one, &found) == OK);
	MUST(register_check(b, count_one, &found_again) == OK);
	MUST(found == found_again);
	free(p);
	free(q);
}

static void backwards(const struct org_register *r)
{
	struct org_register *other = fresh();

	for (size_t i = register_count(r); i-- > 0;) {
		const struct statement *s = register_at(r, i);

		MUST(register_add_text(other, s->text, s->len, false, NULL) == OK);
		MUST(register_find(other, s->id) != NULL);
	}
	must_be_the_same(r, other);
	register_free(other);
}

static void printed(const struct org_register *r)
{
	struct org_register *other = fresh();
	struct buf text = { 0 };
	size_t torn;

	MUST(register_print(r, &text) == OK);
	MUST(register_add_text(other, text.data ? text.data : "", text.len, false, &torn) == OK);
	MUST(torn == text.len);
	must_be_the_same(r, other);
	buf_clear(&text);
	register_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct org_register *r = fresh(), *file = fresh(), *read = NULL;
	size_t torn = 0;

	if (register_add_text(r, (const char *)data, size, false, NULL) == OK) {
		backwards(r);
		printed(r);
		MUST(register_add_text(file, (const char *)data, size, false, &torn) == OK);
		MUST(torn == size);
	} else if (register_add_text(file, (const char *)data, size, false, &torn) == OK) {
		MUST(torn < size);
		printed(file);
	}
	if (register_read((const char *)data, size, &read) == OK)
		printed(read);
	register_free(read);
	register_free(file);
	register_free(r);
	return 0;
}
