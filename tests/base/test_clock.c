#include "tests/check.h"

#include "base/clock.h"

static struct timespec fixed(void)
{
	return (struct timespec){.tv_sec = 1795306443, .tv_nsec = 5};
}

static void wall_clock_can_be_replaced_and_put_back(void **state)
{
	clock_override(fixed);
	assert_int_equal(clock_wall().tv_sec, 1795306443);
	assert_int_equal(clock_wall().tv_nsec, 5);
	clock_override(NULL);
	assert_int_not_equal(clock_wall().tv_sec, 1795306443);
}

static void monotonic_clock_never_goes_back(void **state)
{
	int64_t before = clock_monotonic_ms();

	clock_override(fixed);
	assert_true(before > 0);
	assert_true(clock_monotonic_ms() >= before);
	clock_override(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_clock_can_be_replaced_and_put_back),
		cmocka_unit_test(monotonic_clock_never_goes_back),
	};

	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
