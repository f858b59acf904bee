/* Plays a fuzzer's kept inputs through it in the ordinary suite: each of them whole and cut short,
 * and then mutations of them, the same ones in each run. What harms is kept as replay-NAME.bad in
 * the build folder.
 * .../tests/MODULE/replay_NAME reads tests/corpus/MODULE-NAME/ or tests/corpus/NAME/.
 * FUZZ_RUNS: how many mutations; SEED: other ones. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUTS 256u
#define RUNS 200000u
#define GROW 64u /* bytes that a mutation may add */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* How many times dearer than a cheap one this fuzzer is; it says so itself, or not. */
extern const unsigned fuzz_cost __attribute__((weak));

struct input {
	char *name;
	uint8_t *data;
	size_t size;
};

static unsigned cost(void)
{
	return &fuzz_cost ? fuzz_cost : 1;
}

/* ---- what harms is kept ---- */

static struct {
	const uint8_t *data;
	size_t size;
	char path[600];
} now;

static void keep_now(void)
{
	int fd = open(now.path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, now.data, now.size) < 0 || close(fd) != 0)
		return;
	fprintf(stderr, "# this input harms: %s\n", now.path);
}

static void on_abort(int number)
{
	signal(number, SIG_DFL);
	keep_now();
	raise(number);
}

/* A sanitizer that is there calls back before it ends the program. */
void __sanitizer_set_death_callback(void (*call)(void)) __attribute__((weak));

static void watch(const char *program, const char *name)
{
	snprintf(now.path, sizeof(now.path), "%.*s%s.bad", (int)(name - program), program, name);
	signal(SIGABRT, on_abort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_now);
	else
		signal(SIGSEGV, on_abort);
}

/* In memory of just that size, so that a sanitizer sees a step past its end. */
static void play(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (!copy && size > 0)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	now.data = copy;
	now.size = size;
	(void)LLVMFuzzerTestOneInput(copy, size);
	now.size = 0;
	free(copy);
}

static void play_cut(const struct input *input)
{
	size_t step = input->size / (CUTS / cost() + 1) + 1;

	for (size_t cut = 0; cut < input->size; cut += step)
		play(input->data, cut);
	play(input->data, input->size);
}

/* ---- mutations ---- */

static uint64_t state;

static uint64_t next(void)
{
	uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static size_t below(size_t end)
{
	return end > 0 ? (size_t)(next() % end) : 0;
}

/* Words that parsers ask for, and numbers at which arithmetic turns. */
static const struct {
	const char *bytes;
	size_t len;
} words[] = {
#define WORD(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	WORD("\0"),
	WORD("\xff"),
	WORD("\x7f"),
	WORD("\x80"),
	WORD("\0\0"),
	WORD("\xff\xff"),
	WORD("\0\0\0\x80"),
	WORD("\xff\xff\xff\x7f"),
	WORD("\xff\xff\xff\xff"),
	WORD("\xff\xff\xff\xff\xff\xff\xff\xff"),
	WORD("\0\0\0\0\0\0\0\x80"),
	WORD("\0\0\0\0\0\0\0\0"),
	WORD("\0\x10\0\0"),
	WORD("\n"),
	WORD("\r\n"),
	WORD(" "),
	WORD("--"),
	WORD("="),
	WORD("/"),
	WORD("../"),
	WORD(":/"),
	WORD("\n-> X25519 "),
	WORD("\n--- "),
	WORD("-> scrypt "),
	WORD("AGE-SECRET-KEY-1"),
	WORD("age1"),
	WORD("\","),
	WORD("\":"),
	WORD("{"),
	WORD("}"),
	WORD("null"),
	WORD("1e9"),
	WORD("18446744073709551615"),
	WORD("\\u0000"),
	WORD("\xe2\x80\xae"),
	WORD("\xc3"),
	WORD("VLT"),
	WORD("01"),
};

/* Puts `len` bytes in at `at`, over what is there or between. */
static size_t put(uint8_t *data, size_t size, size_t cap, size_t at, const void *bytes, size_t len)
{
	if (next() % 2 && size + len <= cap) {
		memmove(data + at + len, data + at, size - at);
		memcpy(data + at, bytes, len);
		return size + len;
	}
	len = len < size - at ? len : size - at;
	memcpy(data + at, bytes, len);
	return size;
}

static size_t cut_out(uint8_t *data, size_t size)
{
	size_t at = below(size), len = 1 + below(size - at < 64 ? size - at : 64);

	len = len < size - at ? len : size - at;
	memmove(data + at, data + at + len, size - at - len);
	return size - len;
}

/* A piece of another input, up to its end now and then. */
static size_t put_piece(uint8_t *data, size_t size, size_t cap, const struct input *other)
{
	size_t at = below(size + 1), from = below(other->size);
	size_t len = next() % 4 ? below(64) : other->size - from;

	len = len < other->size - from ? len : other->size - from;
	return put(data, size, cap, at, other->data + from, len);
}

static size_t mutate(uint8_t *data, size_t size, size_t cap, const struct input *other)
{
	size_t at = below(size), word = below(sizeof(words) / sizeof(words[0]));

	if (size == 0)
		return put(data, size, cap, 0, words[word].bytes, words[word].len);
	switch (next() % 8) {
	case 0:
	case 1:
		data[at] ^= (uint8_t)(1u << next() % 8);
		return size;
	case 2:
		data[at] = (uint8_t)next();
		return size;
	case 3:
		data[at] = (uint8_t)(data[at] + next() % 9 - 4);
		return size;
	case 4:
		return cut_out(data, size);
	case 5:
		return put_piece(data, size, cap, other);
	default:
		return put(data, size, cap, at, words[word].bytes, words[word].len);
	}
}

static void play_mutations(const struct input *inputs, size_t count, unsigned runs)
{
	size_t most = 0, cap;
	uint8_t *data;

	for (size_t i = 0; i < count; i++)
		most = inputs[i].size > most ? inputs[i].size : most;
	cap = most + GROW;
	data = malloc(cap);
	if (!data)
		abort();
	for (unsigned i = 0; i < runs; i++) {
		const struct input *from = &inputs[below(count)];
		size_t size = from->size;

		if (size > 0)
			memcpy(data, from->data, size);
		for (unsigned steps = 1 + (unsigned)below(4); steps > 0; steps--)
			size = mutate(data, size, cap, &inputs[below(count)]);
		play(data, size);
	}
	free(data);
}

/* ---- the corpus ---- */

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int list(const char *program, char *dir, size_t cap, struct dirent ***ret)
{
	const char *name = strrchr(program, '/'), *module = name;
	int count;

	if (!name || strncmp(name, "/replay_", 8) != 0)
		return -1;
	while (module > program && module[-1] != '/')
		module--;
	watch(program, name);
	snprintf(dir, cap, "tests/corpus/%.*s-%s", (int)(name - module), module, name + 8);
	count = scandir(dir, ret, is_input, alphasort);
	if (count >= 0)
		return count;
	snprintf(dir, cap, "tests/corpus/%s", name + 8);
	return scandir(dir, ret, is_input, alphasort);
}

static void load(const char *dir, const char *name, struct input *ret)
{
	static uint8_t data[1 << 20];
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (!file)
		abort();
	ret->size = fread(data, 1, sizeof(data), file);
	fclose(file);
	ret->data = malloc(ret->size + 1);
	ret->name = strdup(name);
	if (!ret->data || !ret->name)
		abort();
	memcpy(ret->data, data, ret->size);
}

static void unload(struct input *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(inputs[i].name);
		free(inputs[i].data);
	}
	free(inputs);
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

static void play_all(const char *dir, const struct input *inputs, size_t count)
{
	unsigned runs = (unsigned)number("FUZZ_RUNS", RUNS / cost());

	for (size_t i = 0; i < count; i++) {
		play_cut(&inputs[i]);
		printf("ok %zu - %s/%s is judged without harm\n", i + 1, strrchr(dir, '/') + 1,
		       inputs[i].name);
		fflush(stdout); /* the next one may end the program */
	}
	state = number("SEED", 1);
	play_mutations(inputs, count, runs);
	printf("ok %zu - %u mutations of %s are judged without harm\n1..%zu\n", count + 1, runs,
	       strrchr(dir, '/') + 1, count + 1);
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	struct input *inputs;
	char dir[512];
	int count = list(argv[0], dir, sizeof(dir), &entries);

	if (count <= 0) {
		printf("not ok 1 - %s has a corpus\n1..1\n", argv[0]);
		return 1;
	}
	inputs = calloc((size_t)count, sizeof(*inputs));
	if (!inputs)
		abort();
	for (int i = 0; i < count; i++) {
		load(dir, entries[i]->d_name, &inputs[i]);
		free(entries[i]);
	}
	free(entries);
	play_all(dir, inputs, (size_t)count);
	unload(inputs, (size_t)count);
	return 0;
}
