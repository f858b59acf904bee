#include "fuse/device.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

/* One mount a process. The kernel's first request is INIT, and everything waits for its answer. */
static _Atomic uint64_t init_unique;

static ssize_t device_read(int fd, void *buf, size_t len, void *userdata)
{
	ssize_t n = read(fd, buf, len);
	const struct fuse_in_header *head = buf;
	const struct fuse_init_in *init = (const void *)(head + 1);

	if (n >= (ssize_t)(sizeof(*head) + offsetof(struct fuse_init_in, flags2)) &&
	    head->opcode == FUSE_INIT && init->flags & FUSE_HANDLE_KILLPRIV_V2)
		atomic_store(&init_unique, head->unique);
	return n;
}

/* The library's answer to INIT, with one flag more. */
static void accept_offer(struct iovec *parts, int count)
{
	const struct fuse_out_header *head = parts[0].iov_base;
	struct fuse_init_out *answer;

	if (head->unique == 0 || head->unique != atomic_load(&init_unique) || head->error != 0 ||
	    count < 2 || parts[1].iov_len < offsetof(struct fuse_init_out, max_background))
		return;
	answer = parts[1].iov_base;
	answer->flags |= FUSE_HANDLE_KILLPRIV_V2;
	atomic_store(&init_unique, 0);
}

static ssize_t device_writev(int fd, struct iovec *parts, int count, void *userdata)
{
	if (atomic_load_explicit(&init_unique, memory_order_relaxed) != 0)
		accept_offer(parts, count);
	return writev(fd, parts, count);
}

enum err device_take(struct fuse_session *fuse)
{
	static const struct fuse_custom_io io = {.writev = device_writev, .read = device_read};
	int status = fuse_session_custom_io(fuse, &io, fuse_session_fd(fuse));

	errno = -status;
	return status == 0 ? OK : err_from_errno("/dev/fuse");
}
