#include "crypto/secret.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "crypto/evp.h"
#include "crypto/random.h"

struct secret {
	uint8_t *data; /* from sodium_malloc, ends at its guard page */
	size_t len;
};

/* Memory of this process leaves it neither as a core dump nor through ptrace of a fellow process of
 * the same user. */
static enum err forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_from_errno("turning core dumps off");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_from_errno("turning core dumps off");
	return OK;
}

static enum err init_once(void)
{
	if (sodium_init() < 0)
		return err_at(ERR_SYSTEM, "libsodium does not start");
	TRY(evp_init());
	return forbid_dumps();
}

enum err crypto_init(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards done */
	static bool done;
	enum err err = OK;

	pthread_mutex_lock(&lock);
	if (!done)
		err = init_once();
	done = err == OK;
	pthread_mutex_unlock(&lock);
	return err;
}

/* sodium_malloc locks the pages where RLIMIT_MEMLOCK allows and goes on where it does not. */
enum err secret_new(size_t len, struct secret **ret)
{
	struct secret *s = malloc(sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "a secret of %zu bytes", len);
	s->len = len;
	s->data = sodium_malloc(len);
	if (!s->data) {
		free(s);
		return err_at(ERR_NOMEM, "a secret of %zu bytes", len);
	}
	sodium_memzero(s->data, len);
	*ret = s;
	return OK;
}

enum err secret_copy(const void *data, size_t len, struct secret **ret)
{
	struct secret *s = NULL;

	TRY(secret_new(len, &s));
	if (len > 0)
		memcpy(s->data, data, len);
	*ret = s;
	return OK;
}

enum err secret_random(size_t len, struct secret **ret)
{
	struct secret *s = NULL;

	TRY(secret_new(len, &s));
	random_bytes(s->data, len);
	*ret = s;
	return OK;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	sodium_free(s->data); /* wipes */
	free(s);
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

const uint8_t *secret_data(const struct secret *s)
{
	return s->data;
}

uint8_t *secret_edit(struct secret *s)
{
	return s->data;
}

void secret_shrink(struct secret *s, size_t len)
{
	assert(len <= s->len);
	mem_wipe(s->data + len, s->len - len);
	s->len = len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && mem_equal(a->data, b->data, a->len);
}

bool mem_equal(const void *a, const void *b, size_t len)
{
	return len == 0 || sodium_memcmp(a, b, len) == 0;
}

void mem_wipe(void *p, size_t len)
{
	if (len > 0)
		sodium_memzero(p, len);
}
