/* Any bytes as what is in a sealed file: its index is listed from the end, and nothing outside of
 * it is read. */
#include <sys/mman.h>
#include <unistd.h>
#include "tests/fuzz.h"
#include "age/identity.h"
#include "base/io.h"
#include "pack/tail.h"

const unsigned fuzz_cost = 25;

static struct age_identity *me;

static enum err each(void *ctx, const struct tail_entry *e)
{
	uint64_t *seen = ctx;

	MUST(strlen(e->name) > 0 || *e->name == '\0');
	*seen += 1;
	return OK;
}

static int sealed(const void *data, size_t len)
{
	CLEANUP(buf_clear) struct buf file = {0};
	struct age_recipient to;
	int fd = memfd_create("pack", MFD_CLOEXEC);

	age_identity_recipient(me, &to);
	MUST(fd >= 0 && age_seal_buf(&to, 1, 0, data, len, &file) == OK);
	MUST(io_write_full(fd, file.data, file.len) == OK && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct age_identity *ids[1];
	const struct age_who who = {.identities = ids, .count = 1};
	CLEANUP(age_reader_freep) struct age_reader *pack = NULL;
	uint64_t seen = 0;
	enum err err;
	int fd;

	if (!me)
		MUST(crypto_init() == OK && age_identity_new_random(&me) == OK);
	ids[0] = me;
	fd = sealed(data, size);
	MUST(age_reader_new(&who, fd, &pack) == OK);
	err = tail_read(pack, each, &seen);
	MUST(err == OK || err == ERR_NOT_FOUND || err == ERR_BAD_FORMAT || err == ERR_TOO_BIG);
	close(fd);
	return 0;
}
