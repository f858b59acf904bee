#include "tests/crypto/hex.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/random.h"

static void *init_again(void *arg)
{
	*(enum err *)arg = crypto_init();
	return NULL;
}

static void init_may_be_called_again_from_anywhere(void **state)
{
	enum err errs[4];
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, init_again, &errs[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(errs[i], OK);
	}
}

static void init_turns_core_dumps_off(void **state)
{
	struct rlimit core;

	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	assert_int_equal(core.rlim_max, 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

static void new_secret_is_zero_filled(void **state)
{
	CLEANUP(secret_freep) struct secret *s = NULL;

	assert_ok(secret_new(5000, &s));
	assert_int_equal(secret_len(s), 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(secret_data(s)[i], 0);
	secret_edit(s)[4999] = 1;
	assert_int_equal(secret_data(s)[4999], 1);
}

static void empty_secret_is_welcome(void **state)
{
	CLEANUP(secret_freep) struct secret *a = NULL;
	CLEANUP(secret_freep) struct secret *b = NULL;
	CLEANUP(secret_freep) struct secret *c = NULL;

	assert_ok(secret_new(0, &a));
	assert_ok(secret_copy(NULL, 0, &b));
	assert_ok(secret_random(0, &c));
	assert_int_equal(secret_len(a), 0);
	assert_true(secret_equal(a, b));
	secret_shrink(a, 0);
	secret_free(NULL);
}

static void secrets_are_equal_by_length_and_bytes(void **state)
{
	CLEANUP(secret_freep) struct secret *a = NULL;
	CLEANUP(secret_freep) struct secret *b = NULL;
	CLEANUP(secret_freep) struct secret *longer = NULL;

	assert_ok(secret_copy("same", 4, &a));
	assert_ok(secret_copy("same", 4, &b));
	assert_ok(secret_copy("same!", 5, &longer));
	assert_true(secret_equal(a, b));
	assert_false(secret_equal(a, longer));
	for (size_t i = 0; i < 4; i++) {
		secret_edit(b)[i] ^= 0x80;
		assert_false(secret_equal(a, b));
		secret_edit(b)[i] ^= 0x80;
	}
	assert_true(secret_equal(a, b));
}

static void shrunk_secret_forgets_its_end(void **state)
{
	CLEANUP(secret_freep) struct secret *s = NULL;

	assert_ok(secret_copy("keep-forget", 11, &s));
	secret_shrink(s, 4);
	assert_int_equal(secret_len(s), 4);
	assert_memory_equal(secret_data(s), "keep\0\0\0\0\0\0\0", 11);
}

/* Reads the freed bytes through the kernel, which says EFAULT where nothing is mapped any more;
 * then they are out of reach, otherwise they must be wiped. */
static void freed_secret_is_gone(void **state)
{
	static const uint8_t pattern[32] = "0123456789abcdefghijklmnopqrstu";
	struct secret *s = NULL;
	uint8_t seen[32] = {0};
	const uint8_t *where;
	int ends[2];

	assert_ok(secret_copy(pattern, sizeof(pattern), &s));
	where = secret_data(s);
	secret_free(s);
	assert_int_equal(pipe(ends), 0);
	if (write(ends[1], where, sizeof(seen)) == (ssize_t)sizeof(seen))
		assert_int_equal(read(ends[0], seen, sizeof(seen)), sizeof(seen));
	assert_memory_not_equal(seen, pattern, sizeof(pattern));
	close(ends[0]);
	close(ends[1]);
}

/* Runs in a child, which the guard page ends. */
static void guard_page_stops_a_read_past_the_end(void **state)
{
	CLEANUP(secret_freep) struct secret *s = NULL;
	int status = 0;
	pid_t child;

	assert_ok(secret_new(32, &s));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		volatile uint8_t past;

		signal(SIGSEGV, SIG_DFL);
		past = secret_data(s)[32];
		_exit(past == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(!WIFEXITED(status) || WEXITSTATUS(status) > 1);
}

static void no_room_for_locked_memory_is_not_an_error(void **state)
{
	CLEANUP(secret_freep) struct secret *s = NULL;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	assert_ok(secret_copy("still works", 11, &s));
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
	assert_memory_equal(secret_data(s), "still works", 11);
}

static void impossible_length_is_out_of_memory(void **state)
{
	struct secret *s = NULL;

	assert_err(secret_new(SIZE_MAX - 100, &s), ERR_NOMEM);
	assert_null(s);
}

static void memory_is_compared_and_wiped(void **state)
{
	char text[] = "secret";

	assert_true(mem_equal("abc", "abc", 3));
	assert_false(mem_equal("abc", "abd", 3));
	assert_true(mem_equal("abc", "abd", 2));
	assert_true(mem_equal(NULL, NULL, 0));
	mem_wipe(NULL, 0);
	mem_wipe(text, 6);
	assert_memory_equal(text, "\0\0\0\0\0\0", 6);
}

static void random_bytes_fill_and_differ(void **state)
{
	static const uint8_t zeroes[32];
	uint8_t a[1000] = {0}, b[1000] = {0};

	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + sizeof(a) - 32, zeroes, 32);
	random_bytes(NULL, 0);
}

static void all_sevens(void *out, size_t len)
{
	memset(out, 7, len);
}

static void random_source_can_be_replaced_and_put_back(void **state)
{
	static const uint8_t sevens[16] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
	CLEANUP(secret_freep) struct secret *replaced = NULL;
	CLEANUP(secret_freep) struct secret *real = NULL;

	random_override(all_sevens);
	assert_ok(secret_random(16, &replaced));
	random_override(NULL);
	assert_ok(secret_random(16, &real));
	assert_memory_equal(secret_data(replaced), sevens, 16);
	assert_memory_not_equal(secret_data(real), sevens, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_may_be_called_again_from_anywhere),
		cmocka_unit_test(init_turns_core_dumps_off),
		cmocka_unit_test(new_secret_is_zero_filled),
		cmocka_unit_test(empty_secret_is_welcome),
		cmocka_unit_test(secrets_are_equal_by_length_and_bytes),
		cmocka_unit_test(shrunk_secret_forgets_its_end),
		cmocka_unit_test(freed_secret_is_gone),
		cmocka_unit_test(guard_page_stops_a_read_past_the_end),
		cmocka_unit_test(no_room_for_locked_memory_is_not_an_error),
		cmocka_unit_test(impossible_length_is_out_of_memory),
		cmocka_unit_test(memory_is_compared_and_wiped),
		cmocka_unit_test(random_bytes_fill_and_differ),
		cmocka_unit_test(random_source_can_be_replaced_and_put_back),
	};

	return cmocka_run_group_tests_name("crypto/secret", tests, start_crypto, NULL);
}
