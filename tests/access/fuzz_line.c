/* A line of the volume's own log, as whoever has a key may have written it: what is taken has its form,
 * and reading it again says the same. */
#include "tests/fuzz.h"
#include "access/lineage.h"

const unsigned fuzz_cost = 1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session_line line, again;
	struct seen was = { 0 };

	if (session_line_parse((const char *)data, size, &line) != OK)
		return 0;
	MUST(line.event[0] != '\0' || size > 0);
	MUST(strlen(line.event) < sizeof(line.event));
	MUST(line.head.passed_count <= STORE_PASSED_MAX);
	MUST(line.has_head || line.head.generation == 0);
	MUST(session_line_parse((const char *)data, size, &again) == OK);
	MUST(memcmp(&line, &again, sizeof(line)) == 0);
	/* A state is in the past of itself. */
	was.generation = line.head.generation;
	memcpy(was.super_sha256, line.head.super_sha256, SHA256_LEN);
	MUST(!line.has_head || head_reaches(&line.head, &was) == REACH_WHOLE);
	return 0;
}
