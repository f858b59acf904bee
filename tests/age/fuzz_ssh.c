/* Any bytes as an ssh key: the first byte chooses the public line, the private file, or what is
 * behind the private file's base64. A key that is taken has one spelling, and its halves fit. */
#include "tests/fuzz.h"
#include "age/ssh_identity.h"
#include "base/buf.h"
#include "base/text.h"

#define BYTES_MAX 1024u

/* Costs some guarded memory and a few multiplications each. */
const unsigned fuzz_cost = 20;

static void try_line(const char *line, size_t len)
{
	struct age_ssh_recipient r, again;
	char text[AGE_SSH_TEXT];

	if (age_ssh_recipient_parse(line, len, &r) != OK)
		return;
	age_ssh_recipient_print(&r, text);
	MUST(age_ssh_recipient_parse(text, strlen(text), &again) == OK);
	MUST(memcmp(&r, &again, sizeof(r)) == 0);
	MUST(age_ssh_likely(line, len));
}

static void try_file(const char *text, size_t len)
{
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = NULL;
	char line[AGE_SSH_TEXT];

	if (age_ssh_identity_parse(text, len, &id) != OK)
		return;
	age_ssh_recipient_print(age_ssh_identity_recipient(id), line);
	try_line(line, strlen(line));
}

static void try_bytes(const uint8_t *data, size_t len)
{
	CLEANUP(buf_clear) struct buf text = {0};
	char digits[BYTES_MAX / 3 * 4 + 8];

	text_base64(data, MIN(len, (size_t)BYTES_MAX), true, digits);
	MUST(buf_printf(&text,
			"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n"
			"-----END OPENSSH PRIVATE KEY-----\n",
			digits) == OK);
	try_file(text.data, text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;

	if (!begun && crypto_init() != OK)
		abort();
	begun = true;
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		try_line((const char *)data + 1, size - 1);
	else if (data[0] % 3 == 1)
		try_file((const char *)data + 1, size - 1);
	else
		try_bytes(data + 1, size - 1);
	return 0;
}
