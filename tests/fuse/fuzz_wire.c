/* What the processes of a mount tell each other, and the file that says what is mounted. The first
 * byte chooses: a result, an event, any message, a session file. What is taken goes out again and
 * comes back the same. */
#include "tests/fuzz.h"
#include <sys/mman.h>
#include <unistd.h>
#include "fuse/session.h"
#include "fuse/wire.h"

const unsigned fuzz_cost = 2;

static int ends[2], file;

/* As a packet through the socket; false when it is longer than a packet may be. */
static bool travel(const uint8_t *packet, size_t len, struct message *ret)
{
	enum err err;

	MUST(write(ends[0], packet, len) == (ssize_t)len);
	err = wire_receive(ends[1], ret);
	MUST((err == OK) == (len <= WIRE_MAX + 1));
	return err == OK;
}

static void try_result(const struct message *m)
{
	uint8_t extra[8], again[8];
	char detail[512];
	struct message back;
	enum err err;

	memset(extra, 0, sizeof(extra));
	err = wire_read_result(m, extra, sizeof(extra));
	if (err == ERR_INTERNAL)
		return; /* it was none, or told of such an error */
	snprintf(detail, sizeof(detail), "%s", err_detail());
	MUST(wire_send_result(ends[0], WIRE_RESULT, err, extra, sizeof(extra)) == OK);
	MUST(wire_receive(ends[1], &back) == OK && back.type == WIRE_RESULT);
	if (err != OK) {
		/* Only the code and the text count then. */
		MUST(wire_read_result(&back, NULL, 0) == err && !strcmp(detail, err_detail()));
		return;
	}
	MUST(wire_read_result(&back, again, sizeof(again)) == OK);
	MUST(!memcmp(extra, again, sizeof(extra)));
}

/* The numbers are compared as they are, texts by their letters. */
static void same_text(const char *a, const char *b)
{
	MUST(!a == !b && (!a || !strcmp(a, b)));
}

static void try_event(const struct message *m)
{
	struct audit_event a, b;
	struct message back;

	if (wire_read_event(m, &a) != OK)
		return;
	MUST(a.code < AUDIT_CODES && a.result <= AUDIT_FAILED);
	MUST(wire_send_event(ends[0], &a) == OK);
	MUST(wire_receive(ends[1], &back) == OK && wire_read_event(&back, &b) == OK);
	MUST(a.code == b.code && a.result == b.result && a.reason == b.reason &&
	     a.keysep == b.keysep && a.generation == b.generation && a.files == b.files &&
	     a.lost_generations == b.lost_generations && a.saved_until == b.saved_until &&
	     a.has_totals == b.has_totals && a.bytes == b.bytes);
	same_text(a.actor, b.actor);
	same_text(a.counterparty, b.counterparty);
	same_text(a.volume_id, b.volume_id);
	same_text(a.label, b.label);
	same_text(a.medium_serial, b.medium_serial);
	same_text(a.category, b.category);
	same_text(a.purpose, b.purpose);
	same_text(a.session_id, b.session_id);
	same_text(a.mode, b.mode);
	same_text(a.suite, b.suite);
	same_text(a.super_sha256, b.super_sha256);
}

static void ended(const char *text, size_t cap)
{
	MUST(strnlen(text, cap) < cap);
}

static void try_session(const uint8_t *data, size_t len)
{
	static struct session session;

	MUST(ftruncate(file, 0) == 0 && pwrite(file, data, len, 0) == (ssize_t)len);
	if (session_read(file, &session) != OK)
		return;
	ended(session.s.volume_id, sizeof(session.s.volume_id));
	ended(session.s.label, sizeof(session.s.label));
	ended(session.s.mountpoint, sizeof(session.s.mountpoint));
	ended(session.s.medium, sizeof(session.s.medium));
	ended(session.s.actor, sizeof(session.s.actor));
	ended(session.session_id, sizeof(session.session_id));
	ended(session.mode, sizeof(session.mode));
	ended(session.suite, sizeof(session.suite));
}

static void prepare(void)
{
	MUST(wire_pair(ends) == OK);
	file = memfd_create("session", MFD_CLOEXEC);
	MUST(file >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m;

	if (ends[1] == 0)
		prepare();
	if (size < 2 || size > 40000)
		return 0;
	if (data[0] % 4 == 3)
		try_session(data + 1, size - 1);
	else if (travel(data + 1, size - 1, &m) && data[0] % 4 != 1)
		try_result(&m);
	else if (m.type > 0 && data[0] % 4 == 1)
		try_event(&m);
	return 0;
}
