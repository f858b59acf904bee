/* A vault's files out of its folder, on a simulated disk. */
#pragma once
#include "tests/store/sim_disk.h"

struct sim *sim_load(const char *path); /* sim_free it; what fails ends the test */
