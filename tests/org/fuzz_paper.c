/* A text with a recovery sheet in it, and the 40 bytes of a sheet themselves. */
#include "tests/fuzz.h"
#include "org/paper.h"

const unsigned fuzz_cost = 4;

/* What was taken prints as what was read. */
static void again(const struct paper *p)
{
	char text[PAPER_LINES * (PAPER_LINE_LEN + 1)];
	struct paper back = { 0 };
	unsigned line;

	for (unsigned n = 0; n < PAPER_LINES; n++) {
		paper_line(p, n + 1, text + n * (PAPER_LINE_LEN + 1));
		text[n * (PAPER_LINE_LEN + 1) + PAPER_LINE_LEN] = '\n';
	}
	MUST(paper_read(text, sizeof(text), &back, &line) == OK);
	MUST(back.needed == p->needed && back.total == p->total &&
	     back.share.number == p->share.number && memcmp(back.set, p->set, PAPER_SET_LEN) == 0 &&
	     secret_equal(back.share.data, p->share.data));
	paper_clear(&back);
}

static void try_text(const uint8_t *data, size_t size)
{
	struct age_identity *key = NULL;
	enum paper_verdict verdict;
	struct paper p = { 0 };
	unsigned line = 99;

	if (paper_read((const char *)data, size, &p, &line) != OK) {
		MUST(line <= PAPER_LINES && !p.share.data);
		return;
	}
	again(&p);
	MUST(p.needed >= 1 && p.needed <= p.total && p.share.number <= p.total);
	MUST(paper_join(&p, 1, &verdict, &key) == OK);
	MUST((verdict == PAPER_FITS) == (key != NULL));
	age_identity_free(key);
	paper_clear(&p);
}

static void try_bytes(const uint8_t *data)
{
	struct paper p = { .needed = data[1], .total = data[2] };

	if (p.needed < 1 || p.needed > p.total || data[3] < 1 || data[3] > p.total)
		return;
	memcpy(p.set, data + 4, PAPER_SET_LEN);
	p.share.number = data[3];
	MUST(secret_copy(data + 8, SHARE_LEN, &p.share.data) == OK);
	again(&p);
	paper_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (crypto_init() != OK)
		abort();
	try_text(data, size);
	if (size == PAPER_BYTES)
		try_bytes(data);
	return 0;
}
