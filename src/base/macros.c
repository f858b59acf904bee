#include "base/macros.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void mem_freep(void *p)
{
	void **owned = p;

	free(*owned);
	*owned = NULL;
}

/* Keeps errno, since it runs on the way out of a step that just failed. A close that fails is not
 * repeated (the descriptor is gone on Linux); whoever needs its result calls fsync before. */
void fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}
