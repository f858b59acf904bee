/* A line of the volume's log says the same whether it is taken as it is printed or the long way. */
#include <stdio.h>
#include <string.h>
#include "access/lineage.h"
#include "tests/check.h"

#define ID(c) #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c
#define SESSION "\"session\":\"" ID(ab) "\""
#define BEGIN "{\"event\":\"unlock\",\"ts\":\"2026-11-23T07:45:35+00:00\"," SESSION
#define WHO ",\"host\":\"h-352977fa15141df8\",\"actor\":\"843a00427ab0fcf7\""
#define STATE                                                                                      \
	",\"epoch\":1,\"generation\":19,\"superblock\":\"" ID(0f)                                  \
		ID(e1) "\",\"from\":\"" ID(cd) "\",\"clean\":true"
#define HEAD ",\"head\":\"portable-vault/host/h-1\\n4\\nYWvM=\\n\\n\xe2\x80\x94 h-1 AIGo=\\n\""

static void parses(const char *text, struct session_line *ret)
{
	memset(ret, 0x55, sizeof(*ret));
	assert_ok(session_line_parse(text, strlen(text), ret));
}

/* A space behind the brace is no matter to JSON, and never printed. */
static void says_the_same_with_a_space(const char *text)
{
	struct session_line printed, spaced;
	char other[1024];

	snprintf(other, sizeof(other), "{ %s", text + 1);
	parses(text, &printed);
	parses(other, &spaced);
	assert_string_equal(printed.event, spaced.event);
	assert_memory_equal(printed.session_id, spaced.session_id, STORE_ID_LEN);
	assert_string_equal(printed.host, spaced.host);
	assert_int_equal(printed.has_head, spaced.has_head);
	assert_int_equal(printed.head.generation, spaced.head.generation);
	assert_int_equal(printed.head.clean, spaced.head.clean);
	assert_int_equal(printed.head.passed_count, spaced.head.passed_count);
	assert_memory_equal(printed.head.super_sha256, spaced.head.super_sha256, SHA256_LEN);
	assert_memory_equal(printed.head.session_id, spaced.head.session_id, STORE_ID_LEN);
}

static void every_form_that_is_printed_says_the_same_both_ways(void **state)
{
	static const char *const lines[] = {
		BEGIN "}",
		BEGIN WHO "}",
		BEGIN WHO STATE "}",
		BEGIN WHO STATE HEAD "}",
		BEGIN STATE "}",
		BEGIN ",\"files\":4,\"bytes\":0" HEAD "}",
		BEGIN WHO STATE ",\"passed\":[\"" ID(12) ID(34) "\"]" HEAD "}",
		BEGIN WHO STATE ",\"over\":{\"epoch\":1,\"generation\":7}" HEAD "}",
		BEGIN WHO ",\"later\":\"field\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		says_the_same_with_a_space(lines[i]);
}

static void an_opening_tells_who_where_and_from_which_state(void **state)
{
	struct session_line line;
	uint8_t session[STORE_ID_LEN], from[STORE_ID_LEN];

	memset(session, 0xab, sizeof(session));
	memset(from, 0xcd, sizeof(from));
	parses(BEGIN WHO STATE HEAD "}", &line);
	assert_string_equal(line.event, "unlock");
	assert_string_equal(line.host, "h-352977fa15141df8");
	assert_memory_equal(line.session_id, session, sizeof(session));
	assert_true(line.has_head);
	assert_true(line.head.clean);
	assert_int_equal(line.head.generation, 19);
	assert_memory_equal(line.head.session_id, from, sizeof(from));
}

static void what_no_session_wrote_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"{}",
		"{" SESSION "}",
		BEGIN,
		BEGIN "},",
		BEGIN "," SESSION "}",
		BEGIN WHO WHO "}",
		BEGIN HEAD HEAD "}",
		BEGIN ",\"files\":04,\"bytes\":0" HEAD "}",
		BEGIN WHO ",\"epoch\":1,\"generation\":19,\"superblock\":\"" ID(00) "\"}",
		BEGIN ",\"head\":\"\xe2\x80\"}",
		BEGIN ",\"head\":\"\\x\"}",
		BEGIN ",\"head\":\"\n\"}",
		"{\"event\":\"an_event_with_a_long_name\",\"ts\":\"\"," SESSION "}",
		"{\"event\":\"unlock\",\"ts\":\"\",\"session\":\"" ID(ag) "\"}",
	};
	struct session_line line;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(session_line_parse(lines[i], strlen(lines[i]), &line),
				 ERR_BAD_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_that_is_printed_says_the_same_both_ways),
		cmocka_unit_test(an_opening_tells_who_where_and_from_which_state),
		cmocka_unit_test(what_no_session_wrote_is_refused),
	};

	return cmocka_run_group_tests_name("session_line", tests, NULL, NULL);
}
