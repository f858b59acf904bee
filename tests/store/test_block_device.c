/* Knowing that a stick was pulled while its file system still answers from memory. What really
 * happens to a device is played in tests/fuse/media.py; here are the edges. */
#include <fcntl.h>
#include <unistd.h>
#include "store/block_device.h"
#include "tests/check.h"

static void a_folder_without_a_device_never_looks_unplugged(void **state)
{
	struct block_device d;
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	block_device_find(fd, &d);
	assert_false(d.known);
	assert_true(block_device_present(&d));
	close(fd);
}

static void a_descriptor_that_is_none_has_no_device(void **state)
{
	struct block_device d;

	block_device_find(-1, &d);
	assert_true(block_device_present(&d));
}

static void a_device_that_the_kernel_does_not_list_was_unplugged(void **state)
{
	const struct block_device d = {.major = 4000, .minor = 4000, .known = true};

	assert_false(block_device_present(&d));
}

int main(void)
{
	const struct CMUnitTest stories[] = {
		cmocka_unit_test(a_folder_without_a_device_never_looks_unplugged),
		cmocka_unit_test(a_descriptor_that_is_none_has_no_device),
		cmocka_unit_test(a_device_that_the_kernel_does_not_list_was_unplugged),
	};

	return cmocka_run_group_tests(stories, NULL, NULL);
}
