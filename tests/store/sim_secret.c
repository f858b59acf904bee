/* Memory for secrets that costs no system calls: a gate opens a volume a thousand times a second, and a
 * quarter of that was guard pages coming and going. Takes libsodium's names over; what does not come
 * from the pool goes on to libsodium. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "tests/store/sim_gate.h"

#define CELLS 2048u
#define CELL_LEN 256u

union cell {
	union cell *next;
	alignas(64) unsigned char bytes[CELL_LEN];
};

static union cell cells[CELLS];
static union cell *free_cells;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *(*real_malloc)(size_t len);
static void (*real_free)(void *p);

void sim_secret_pool(void)
{
	if (free_cells)
		return;
	for (size_t i = 0; i < CELLS; i++) {
		cells[i].next = free_cells;
		free_cells = &cells[i];
	}
}

static union cell *cell_take(void)
{
	union cell *c;

	pthread_mutex_lock(&lock);
	c = free_cells;
	if (c)
		free_cells = c->next;
	pthread_mutex_unlock(&lock);
	return c;
}

/* Weak, so that a test may have its own. */
__attribute__((weak)) void *sodium_malloc(size_t len);
void sodium_free(void *p);

void *sodium_malloc(size_t len)
{
	union cell *c = len <= CELL_LEN ? cell_take() : NULL;

	if (c)
		return memset(c, 0xdb, CELL_LEN);
	if (!real_malloc)
		real_malloc = dlsym(RTLD_NEXT, "sodium_malloc");
	if (!real_malloc)
		abort();
	return real_malloc(len);
}

void sodium_free(void *p)
{
	union cell *c = p;

	if (c < cells || c >= cells + CELLS) {
		if (!real_free)
			real_free = dlsym(RTLD_NEXT, "sodium_free");
		if (!real_free)
			abort();
		real_free(p);
		return;
	}
	memset(c, 0, CELL_LEN);
	pthread_mutex_lock(&lock);
	c->next = free_cells;
	free_cells = c;
	pthread_mutex_unlock(&lock);
}
