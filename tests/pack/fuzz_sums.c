/* Any bytes as SHA256SUMS. Lines that are taken are written again as lines of the same meaning. */
#include "tests/fuzz.h"
#include "pack/sums.h"

static void same_again(const struct sums_line *line)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct sums_line again = {0};
	size_t at = 0;

	MUST(sums_add(&text, line->sum, line->name) == OK);
	MUST(sums_next(text.data, text.len, &at, &again) == OK && at == text.len);
	MUST(memcmp(again.sum, line->sum, sizeof(again.sum)) == 0);
	MUST(strcmp(again.name, line->name) == 0);
	free(again.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums_line line = {0};
	size_t at = 0, before = 0;

	while (sums_next((const char *)data, size, &at, &line) == OK) {
		MUST(at > before && at <= size);
		before = at;
		same_again(&line);
		free(line.name);
	}
	MUST(at == before);
	return 0;
}
