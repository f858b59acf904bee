/* Every label under which a key is derived or a text is signed, in one place, so that a test can
 * show that no two are alike. docs/FORMAT.md, "Keys". */
#pragma once

#define LABEL_EPOCH "vault/v1/epoch"             /* K_e from share A and device secret D */
#define LABEL_SUPER "vault/v1/superblock"        /* seals superblock slots */
#define LABEL_COMMIT "vault/v1/slot-commitment"  /* HMAC over a slot */
#define LABEL_NODE "vault/v1/node"               /* seals tree nodes */
#define LABEL_DATA "vault/v1/data"               /* seals data records */
#define LABEL_KEYFILE "vault/v1/key-file"        /* HMAC over a KEY file */
#define LABEL_OLDER_KEYS "vault/v1/older-keys"   /* seals keys of older epochs in a KEY file */
#define LABEL_STAFF_SIGN "vault/v1/staff-sign"   /* Ed25519 seed from an age identity */
#define LABEL_SIG_KEYFILE "vault-key/1"          /* signed: KEY file payload */
#define LABEL_SIG_TICKET "vault-ticket/1"        /* signed: ticket */
#define LABEL_SIG_SESSION "vault-session/1"      /* signed: session certificate */
#define LABEL_SIG_SUPER "vault-superblock/1"     /* signed: superblock content */
#define LABEL_SIG_RECORD "vault-record/1"        /* signed: a line of the host log */
#define LABEL_SIG_REGISTER "vault-register/1"    /* signed: a statement of the register */
#define LABEL_SIG_CONTENTS "vault-contents/1"    /* signed: a list of contents */
#define LABEL_SIG_RECEIPT "vault-receipt/1"      /* signed: a receipt */
#define LABEL_PAPER_LINE "vault-recovery-line/1"  /* checks of the lines of a recovery sheet */
