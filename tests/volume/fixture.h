/* A volume on a store, on a folder disk in a temporary folder or on a simulated disk. */
#pragma once
#include "crypto/random.h"
#include "store/folder_disk.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"
#include "volume/internal.h"

struct fixture {
	char dir[64];	 /* of the folder disk */
	struct sim *sim; /* or NULL */
	struct disk *disk;
	struct store *store;
	struct store_report report;
	struct secret *epoch_key;
	struct sign_key *host;
	struct store_door door;
	struct store_unlock unlock;
	struct volume *v;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
struct fixture *fixture_new(unsigned record_shift);
struct fixture *fixture_new_sim(unsigned record_shift, uint64_t blocks_max);
void fixture_free(struct fixture *f);
void fixture_reopen(struct fixture *f); /* closes properly */
void fixture_crash(struct fixture *f);	/* what was not committed is gone */
void fixture_reopen_read_only(struct fixture *f);

/* Short forms. Each must succeed. */
uint64_t make_file(struct fixture *f, uint64_t parent, const char *name);
uint64_t make_folder(struct fixture *f, uint64_t parent, const char *name);
void write_text(struct fixture *f, uint64_t ino, uint64_t off, const char *text);
void write_pattern(struct fixture *f, uint64_t ino, uint64_t off, size_t len, uint32_t seed);
void assert_pattern(struct fixture *f, uint64_t ino, uint64_t off, size_t len, uint32_t seed);
void assert_zeroes(struct fixture *f, uint64_t ino, uint64_t off, size_t len);
void assert_text(struct fixture *f, uint64_t ino, const char *text);
void set_size(struct fixture *f, uint64_t ino, uint64_t size);
struct volume_attr attr_of(struct fixture *f, uint64_t ino);
uint64_t lookup(struct fixture *f, uint64_t parent, const char *name); /* 0 when there is none */
void assert_whole(struct fixture *f);			      /* volume_check finds nothing */
size_t tree_items(struct fixture *f, uint64_t ino, int kind); /* kind -1: of any */
void pattern_fill(uint8_t *out, uint64_t off, size_t len, uint32_t seed);
