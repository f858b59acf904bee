#include "audit/event.h"
#include <string.h>

static const char *const codes[AUDIT_CODES] = {
	[AUDIT_CREATE] = "create",
	[AUDIT_UNLOCK] = "unlock",
	[AUDIT_UNLOCK_FAIL] = "unlock_fail",
	[AUDIT_LOCK] = "lock",
	[AUDIT_REMOVED] = "removed",
	[AUDIT_UNCLEAN] = "unclean",
	[AUDIT_KEY_ADD] = "key_add",
	[AUDIT_KEY_NEW] = "key_new",
	[AUDIT_KEY_PASSWD] = "key_passwd",
	[AUDIT_ENROL] = "enrol",
	[AUDIT_EXPORT] = "export",
	[AUDIT_WRITE] = "write",
	[AUDIT_CHECK] = "check",
	[AUDIT_ROLLBACK] = "rollback",
	[AUDIT_RECOVERED] = "recovered",
	[AUDIT_REKEY] = "rekey",
	[AUDIT_RESEAL_END] = "reseal_end",
	[AUDIT_PURGE] = "purge",
	[AUDIT_SALVAGE] = "salvage",
	[AUDIT_PACK] = "pack",
	[AUDIT_RECEIVE] = "receive",
	[AUDIT_RECEIPT] = "receipt",
	[AUDIT_REGISTER] = "register",
	[AUDIT_KEY_REVOKE] = "key_revoke",
	[AUDIT_KEY_RECOVER] = "key_recover",
	[AUDIT_REQUEST] = "request",
	[AUDIT_APPROVE] = "approve",
	[AUDIT_REJECT] = "reject",
	[AUDIT_TAKEOUT] = "takeout",
	[AUDIT_RETURN] = "return",
	[AUDIT_SIGHT] = "sight",
	[AUDIT_ERASE] = "erase",
	[AUDIT_RETIRE] = "retire",
	[AUDIT_INCIDENT] = "incident",
	[AUDIT_FOUND] = "found",
	[AUDIT_CATALOG] = "catalog",
	[AUDIT_POLICY] = "policy",
	[AUDIT_STAFF] = "staff",
	[AUDIT_HOST] = "host",
	[AUDIT_SYNC] = "sync",
	[AUDIT_ADOPT] = "adopt",
	[AUDIT_ROTATE] = "rotate",
	[AUDIT_CLOCK] = "clock",
	[AUDIT_WITNESS] = "witness",
};

const char *audit_code_name(enum audit_code code)
{
	return (unsigned)code < AUDIT_CODES ? codes[code] : "unknown";
}

const char *audit_result_name(enum audit_result result)
{
	switch (result) {
	case AUDIT_OK:
		return "ok";
	case AUDIT_REFUSED:
		return "refused";
	default:
		return "failed";
	}
}

enum err audit_code_parse(const char *name, enum audit_code *ret)
{
	for (unsigned i = 0; i < AUDIT_CODES; i++) {
		if (strcmp(codes[i], name) == 0) {
			*ret = (enum audit_code)i;
			return OK;
		}
	}
	return err_at(ERR_BAD_FORMAT, "event \"%s\"", name);
}
