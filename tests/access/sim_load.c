#include "tests/access/sim_load.h"
#include "store/folder_disk.h"
#include "tests/check.h"

struct sim *sim_load(const char *path)
{
	struct sim *sim = sim_new(NULL);
	struct disk *from, *to = sim_disk(sim);
	struct disk_info info;
	uint8_t page[SIM_PAGE];

	assert_ok(folder_disk_open(path, true, &from));
	assert_ok(disk_list(from, &info));
	assert_ok(disk_grow(to, info.blocks));
	for (unsigned area = 0; area < DISK_AREAS; area++) {
		uint64_t len = area == DISK_DATA ? info.blocks * DISK_BLOCK : DISK_FIXED_LEN;

		for (uint64_t at = 0; at < len; at += SIM_PAGE) {
			assert_ok(disk_read(from, (enum disk_area)area, at, page, sizeof(page)));
			sim_poke(sim, (enum disk_area)area, at, page, sizeof(page));
		}
	}
	disk_close(from);
	disk_close(to);
	return sim;
}
