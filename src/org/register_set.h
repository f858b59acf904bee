/* The set of statements behind a register. Private to org: register_set.c holds it, chains.c judges
 * the chains in it, register_file.c makes it durable, register.c is the door. Statements keep their
 * place in memory as long as the register lives. */
#pragma once
#include "org/register.h"

#define NO_SLOT SIZE_MAX

struct org_register {
	struct statement **list; /* owned; in order of clock, then id */
	struct statement **all;	 /* the same ones as they came: a slot is a place here */
	size_t count, cap;
	size_t *table; /* by id: slot + 1, 0 for none; open addressing, size is a power of two */
	size_t table_size;
	bool has_org;
	uint8_t org[ORG_ID_LEN];
	uint8_t writer[WRITER_LEN]; /* of this home, or of this object when it has none */
	bool has_writer;
	/* Of a host's register; NULL otherwise. */
	char *dir, *path, *writer_path;
	size_t end; /* bytes of the file that are in the set */
};

size_t register_slot(const struct org_register *r, const uint8_t id[SHA256_LEN]); /* or NO_SLOT */
/* Takes *s over (it is all-zero then), whether it is new or not. ERR_SENDER for one of another
 * society; the first one of all decides which that is. */
MUST_CHECK enum err register_add(struct org_register *r, struct statement *s, bool *ret_new);
bool register_is_founded(const struct org_register *r);
/* Adds all statements of a text that holds nothing else. With `torn`: a tail that a crash cut is
 * left out; *torn is where it begins (the length when there is none). */
MUST_CHECK enum err register_add_text(struct org_register *r, const char *text, size_t len,
				      bool verify, size_t *torn);

/* What is to be appended, made when the set is what the file has and nobody else can write. */
struct append {
	enum err (*make)(struct org_register *r, void *ctx, struct buf *out);
	void *ctx;
};
/* Brings in what other processes appended, makes the new text, appends it durably and adds it. The
 * text must have been verified. Of a register in memory: without the file. */
MUST_CHECK enum err register_append(struct org_register *r, const struct append *how);
MUST_CHECK enum err register_load(struct org_register *r);
/* Sees to it that r->writer is there. `fresh`: a new one whatever there was. */
MUST_CHECK enum err register_need_writer(struct org_register *r, bool fresh);

/* Of one statement: 0 when its chain is whole up to it and its clock is right. */
#define STANDING_FORK 1u     /* another one has its number */
#define STANDING_CUT 2u	     /* what it names as the one before is not here */
#define STANDING_UNSEEN 4u   /* something it has seen is not here */
#define STANDING_LEAP 8u     /* its clock is not one more than the greatest it names */
#define STANDING_BEHIND 16u  /* behind one of its chain that is forked or cut */
#define STANDING_WAITS 32u   /* names one whose own clock is not settled */
/* Fills flags[slot] for all. */
MUST_CHECK enum err chains_judge(const struct org_register *r, uint8_t *flags);
