/* The files of a host's folder, through the doors that read them. The first byte chooses:
 *   seen       what was last seen of a vault; what is taken is written and read the same
 *   device     the bytes of a device secret; what is taken has one spelling
 *   public     NAME.pub of a staff key
 *   default    the name of the first staff key
 *   host key   the host's signing key */
#include "tests/fuzz.h"
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "org/device_format.h"
#include "org/seen.h"
#include "org/staff_key.h"

#define RECIPIENT "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"

const unsigned fuzz_cost = 2;

static const uint8_t volume_id[VOLUME_ID_LEN] = "volume of a fuzz";
static struct home *home;
static char base[64];

static void path_of(char out[256], const char *name)
{
	MUST(snprintf(out, 256, "%s/%s", base, name) < 256);
}

static void remove_all(void)
{
	static const char *const names[] = {"keys/a.pub", "keys/default", "host.key", "keys",
					    "devices",	  "seen",	  "log",      "run"};
	char path[256], hex[2 * VOLUME_ID_LEN + 1], seen[64];

	text_hex(volume_id, sizeof(volume_id), hex);
	snprintf(seen, sizeof(seen), "seen/%s.json", hex);
	path_of(path, seen);
	(void)!remove(path);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		path_of(path, names[i]);
		(void)!remove(path);
	}
	(void)!rmdir(base);
}

/* In memory where the system has such a folder: thousands of files are written a second. */
static void prepare(void)
{
	snprintf(base, sizeof(base), "%s/vault-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(crypto_init() == OK);
	MUST(mkdtemp(base) && setenv("PVAULT_HOME", base, 1) == 0);
	MUST(home_open(&home) == OK && home_prepare(home) == OK);
	atexit(remove_all);
}

static void write_file(const char *name, const void *data, size_t len)
{
	char path[256];
	FILE *file;

	path_of(path, name);
	file = fopen(path, "wb");
	MUST(file && fwrite(data, 1, len, file) == len && fclose(file) == 0);
}

static void try_seen(const void *data, size_t len)
{
	char hex[2 * VOLUME_ID_LEN + 1], name[64];
	struct seen seen, again;

	text_hex(volume_id, sizeof(volume_id), hex);
	snprintf(name, sizeof(name), "seen/%s.json", hex);
	write_file(name, data, len);
	if (seen_load(home, volume_id, &seen) != OK)
		return;
	MUST(strnlen(seen.label, sizeof(seen.label)) < sizeof(seen.label));
	MUST(strnlen(seen.medium, sizeof(seen.medium)) < sizeof(seen.medium));
	MUST(seen_save(home, volume_id, &seen) == OK && seen_load(home, volume_id, &again) == OK);
	MUST(again.generation == seen.generation && again.epoch == seen.epoch &&
	     again.clean == seen.clean && !strcmp(again.label, seen.label) &&
	     !strcmp(again.medium, seen.medium) &&
	     !memcmp(again.super_sha256, seen.super_sha256, sizeof(seen.super_sha256)) &&
	     !memcmp(again.session_id, seen.session_id, sizeof(seen.session_id)));
}

static void try_device(const uint8_t *data, size_t len)
{
	struct reader r = reader_make(data, len);
	struct device d = {0};
	uint8_t again[DEVICE_LEN];
	struct writer w = writer_make(again, sizeof(again));

	if (device_decode(&r, &d) == OK) {
		MUST(r.left == len - DEVICE_LEN && d.label[0] &&
		     text_is_utf8(d.label, strlen(d.label)));
		device_encode(&d, &w);
		MUST(writer_ok(&w) && w.left == 0 && !memcmp(again, data, DEVICE_LEN));
	} else {
		MUST(!d.secret);
	}
	device_clear(&d);
}

static void try_public(const void *data, size_t len)
{
	struct staff_key_info info;
	char text[AGE_RECIPIENT_TEXT];

	write_file("keys/a.pub", data, len);
	if (staff_key_info(home, "a", &info) != OK)
		return;
	age_recipient_print(&info.recipient, text);
	MUST(len >= AGE_RECIPIENT_LEN && !memcmp(text, data, AGE_RECIPIENT_LEN));
}

/* The name leads to a file of the keys folder and to none outside. */
static void try_default(const void *data, size_t len)
{
	struct staff_key_info info;

	write_file("keys/a.pub", RECIPIENT "\n", sizeof(RECIPIENT));
	write_file("keys/default", data, len);
	if (staff_key_info(home, NULL, &info) == OK)
		MUST(!strcmp(info.name, "a"));
}

static void try_host_key(const void *data, size_t len)
{
	static const uint8_t marker[] = "# made again by the fuzzer\n";
	const struct sign_key *key;
	uint8_t vkey[SIGN_VKEY_LEN];
	char text[64 + sizeof(marker)];

	home_forget_host_key(home);
	write_file("host.key", data, len);
	if (home_host_key(home, &key) != OK)
		return;
	memcpy(vkey, sign_key_vkey(key), sizeof(vkey));
	memcpy(text, marker, sizeof(marker));
	text_base64(sign_key_seed(key), SIGN_SEED_LEN, true, text + sizeof(marker) - 1);
	home_forget_host_key(home);
	write_file("host.key", text, strlen(text));
	MUST(home_host_key(home, &key) == OK && !memcmp(vkey, sign_key_vkey(key), sizeof(vkey)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!home)
		prepare();
	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		try_seen(data + 1, size - 1);
		break;
	case 1:
		try_device(data + 1, size - 1);
		break;
	case 2:
		try_public(data + 1, size - 1);
		break;
	case 3:
		try_default(data + 1, size - 1);
		break;
	default:
		try_host_key(data + 1, size - 1);
	}
	return 0;
}
