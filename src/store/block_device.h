/* The block device that a folder lies on, as the kernel lists it: so that a stick that was pulled is
 * noticed also while its file system still answers from memory. Borrows nothing; one thread at a
 * time. A folder without such a device (network, memory, overlay) has none, which is no error. */
#pragma once
#include <stdbool.h>

struct block_device {
	unsigned major, minor;
	bool known; /* all-zero: no device, always there */
};

/* Finds the device of the file system that the open file or folder `fd` is on. */
void block_device_find(int fd, struct block_device *ret);
/* False: it was unplugged, or its slot is empty (a card reader stays without its card). */
bool block_device_present(const struct block_device *d);
