/* Statements that wait for a second officer. */
#pragma once
#include "org/roster.h"

/* Whether a statement counts for nothing only because no other officer approved it yet. */
bool pending_is(const struct roster *roster, const struct statement *s);
