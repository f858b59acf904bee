#include "store/block_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macros.h"

/* The number of the mount that `fd` was opened through; -1 when the kernel does not say. */
static int mount_of(int fd)
{
	char path[64], line[128];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && id < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	if (f)
		fclose(f);
	return id;
}

/* "ID PARENT M:m ROOT POINT OPTIONS [TAGS] - TYPE SOURCE OPTIONS" (proc(5)). btrfs has a device
 * number of its own making in the third field, so the source is asked. */
static bool source_of(const char *line, int mount, struct stat *ret)
{
	const char *tail = strstr(line, " - ");
	char source[256];
	int id;

	return tail && sscanf(line, "%d", &id) == 1 && id == mount &&
	       sscanf(tail, " - %*s %255s", source) == 1 && source[0] == '/' &&
	       stat(source, ret) == 0 && S_ISBLK(ret->st_mode);
}

static bool in_kernels_list(const struct block_device *d)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", d->major, d->minor);
	return access(path, F_OK) == 0;
}

void block_device_find(int fd, struct block_device *ret)
{
	CLEANUP(mem_freep) char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int mount = mount_of(fd);
	size_t cap = 0;
	struct stat st;

	*ret = (struct block_device){ 0 };
	while (f && mount >= 0 && !ret->known && getline(&line, &cap, f) > 0) {
		if (!source_of(line, mount, &st))
			continue;
		ret->major = major(st.st_rdev);
		ret->minor = minor(st.st_rdev);
		ret->known = true;
	}
	if (f)
		fclose(f);
	/* A list that is not there (no sysfs) must not look like a device that left. */
	ret->known = ret->known && in_kernels_list(ret) && block_device_present(ret);
}

bool block_device_present(const struct block_device *d)
{
	unsigned long long sectors = 1;
	char path[64];
	FILE *f;

	if (!d->known)
		return true;
	if (!in_kernels_list(d))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/size", d->major, d->minor);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &sectors) != 1)
		sectors = 1;
	if (f)
		fclose(f);
	return sectors != 0;
}
