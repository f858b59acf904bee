/* Plays a fuzzer's kept inputs, and each of them cut short, through it in the ordinary suite.
 * .../tests/MODULE/replay_NAME reads tests/corpus/MODULE-NAME/ or tests/corpus/NAME/. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUTS 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of just that size, so that a sanitizer sees a step past its end. */
static void play(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (!copy && size > 0)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int play_file(const char *dir, const char *name)
{
	static uint8_t data[1 << 20];
	char path[1024];
	size_t size, step;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (!file)
		return -1;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	step = size / CUTS + 1;
	for (size_t cut = 0; cut < size; cut += step)
		play(data, cut);
	play(data, size);
	return 0;
}

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
	snprintf(dir, cap, "tests/corpus/%.*s-%s", (int)(name - module), module, name + 8);
	count = scandir(dir, ret, is_input, alphasort);
	if (count >= 0)
		return count;
	snprintf(dir, cap, "tests/corpus/%s", name + 8);
	return scandir(dir, ret, is_input, alphasort);
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	char dir[512];
	int count = list(argv[0], dir, sizeof(dir), &entries), failed = 0;

	if (count <= 0) {
		printf("not ok 1 - %s has a corpus\n1..1\n", argv[0]);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		int bad = play_file(dir, entries[i]->d_name);

		printf("%sok %d - %s/%s is judged without harm\n", bad ? "not " : "", i + 1,
		       strrchr(dir, '/') + 1, entries[i]->d_name);
		fflush(stdout); /* the next one may end the program */
		failed += bad != 0;
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", count);
	return failed > 0;
}
