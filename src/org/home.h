/* All state of one host, as one folder (PVAULT_HOME) or the XDG folders: staff keys, the host key,
 * device secrets, the host log, what was last seen of each vault, what is open now. Folders are made
 * with mode 0700, files with 0600. docs/FORMAT.md, "The host's folder". */
#pragma once
#include "base/err.h"
#include "crypto/sign.h"

struct home;

/* From the environment: PVAULT_HOME, else XDG_DATA_HOME/XDG_STATE_HOME/XDG_RUNTIME_DIR or their
 * defaults below HOME. Makes nothing. */
MUST_CHECK enum err home_open(struct home **ret);
void home_close(struct home *h);
DEFINE_FREEP(struct home, home_close)
/* Makes the folders and the host key when they are missing. */
MUST_CHECK enum err home_prepare(struct home *h);
const char *home_keys_dir(const struct home *h);    /* staff keys: NAME.age */
const char *home_devices_dir(const struct home *h); /* device secrets: VOLUME-ID-FPR.age */
const char *home_people_dir(const struct home *h);  /* whom this host knows: NAME.json */
const char *home_register_dir(const struct home *h); /* the register; escrow/, contents/ below */
const char *home_seen_dir(const struct home *h);    /* last seen state: VOLUME-ID.json */
const char *home_run_dir(const struct home *h);	    /* sessions that are open now */
const char *home_log_volumes_dir(const struct home *h); /* copies of volumes' logs: VOLUME-ID.jsonl */
const char *home_log_path(const struct home *h);    /* host.jsonl */
/* The host's signing key and id ("h-" and 16 hex digits of its vkey's SHA-256). Borrowed. Read on
 * first use; ERR_KEY_NOT_FOUND before home_prepare. */
MUST_CHECK enum err home_host_key(struct home *h, const struct sign_key **ret);
MUST_CHECK enum err home_host_id(struct home *h, const char **ret);
/* The host key must not outlive its use in a process that keeps running. */
void home_forget_host_key(struct home *h);
