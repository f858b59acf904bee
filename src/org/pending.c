#include "org/pending.h"

static bool needs_approval(enum statement_kind kind)
{
	switch (kind) {
	case STATEMENT_OFFICER:
	case STATEMENT_GRANT:
	case STATEMENT_POLICY:
	case STATEMENT_CATALOG:
	case STATEMENT_RECOVERY:
	case STATEMENT_ADOPT:
		return true;
	default:
		return false;
	}
}

bool pending_is(const struct roster *roster, const struct statement *s)
{
	const struct roster_person *signer = roster_signer(roster, s->signer);

	return roster->policy.second_officer && needs_approval(s->kind) && signer &&
	       signer->officer && !signer->revoked.is && !roster_counts(roster, s);
}
