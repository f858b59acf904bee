/* Erasing a vault that is at hand: the KEY files and superblock slots become noise, after which no
 * staff key opens it. On flash an overwrite may leave copies elsewhere; what makes the content
 * unreadable for certain is that its device secret is destroyed on every host (access/destroy.h).
 * docs/DESIGN.md, "Erasing". */
#pragma once
#include "access/vault.h"

/* `path` is a .VLT folder that is not open anywhere. Flushed on return, and read back. No record:
 * the caller leaves one before. ERR_VAULT_BUSY, ERR_READ_ONLY, ERR_IO when what is read back is not
 * what was written. */
MUST_CHECK enum err vault_overwrite(const char *path);
/* Whether the actor still gets in, with whatever this host has: OK means that the vault is shut for
 * good here. ERR_EXISTS: it opens. */
MUST_CHECK enum err vault_is_shut(const struct vault_actor *actor, const char *path);
