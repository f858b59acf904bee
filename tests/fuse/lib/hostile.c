/* Preloaded into the program under test: makes its medium slow, or broken. The file that $HOSTILE
 * names says how at each moment: "slow MS" lets every write and flush of a positioned file sleep,
 * "fail ERRNO" makes them fail, "fail-reads ERRNO" the reads too. No file, no harm. Only files in a
 * folder X.VLT are hurt, so that the host's own stay healthy. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mood {
	char word[16];
	int number;
};

static struct mood mood_now(void)
{
	struct mood m = {"", 0};
	const char *path = getenv("HOSTILE");
	FILE *f = path ? fopen(path, "re") : NULL;

	if (f && fscanf(f, "%15s %d", m.word, &m.number) != 2)
		m.word[0] = '\0';
	if (f)
		fclose(f);
	return m;
}

static int on_medium(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return strstr(path, ".VLT/") != NULL;
}

/* 1: the call fails, errno is set. */
static int hurt(int fd, int reading)
{
	struct mood m = mood_now();

	if (!m.word[0] || !on_medium(fd))
		return 0;
	if (!strcmp(m.word, "slow") && !reading) {
		const struct timespec t = {m.number / 1000, m.number % 1000 * 1000000L};

		nanosleep(&t, NULL);
	}
	if (strcmp(m.word, "fail-reads") != 0 && (reading || strcmp(m.word, "fail") != 0))
		return 0;
	errno = m.number;
	return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	return hurt(fd, 0) ? -1 : REAL(pwrite64)(fd, buf, len, off);
}

ssize_t pread64(int fd, void *buf, size_t len, off64_t off)
{
	return hurt(fd, 1) ? -1 : REAL(pread64)(fd, buf, len, off);
}

int fdatasync(int fd)
{
	return hurt(fd, 0) ? -1 : REAL(fdatasync)(fd);
}
