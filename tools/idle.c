#include "tools/idle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/officer.h"

#define IDLE_SECONDS (15 * 60)
#define IDLE_MAX (30u * 24 * 3600)

static const struct {
	const char *suffix;
	unsigned seconds;
} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};

enum err idle_parse(const char *text, unsigned *ret)
{
	char *end = NULL;
	unsigned long number;

	*ret = 0;
	if (!strcmp(text, "never") || !strcmp(text, "0"))
		return OK;
	number = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
	for (size_t i = 0; number && i < ARRAY_LEN(units); i++) {
		if (strcmp(end, units[i].suffix) != 0 || number > IDLE_MAX / units[i].seconds)
			continue;
		*ret = (unsigned)number * units[i].seconds;
		return OK;
	}
	return cli_usage(_("\"%s\" is no time; say 90s, 15m, 2h or never"), text);
}

void idle_print(unsigned seconds, char out[24])
{
	snprintf(out, 24, "never");
	for (size_t i = 0; seconds && i < ARRAY_LEN(units); i++)
		if (seconds % units[i].seconds == 0)
			snprintf(out, 24, "%u%s", seconds / units[i].seconds, units[i].suffix);
}

static enum err refuse(struct cli *cli, const char *wanted, unsigned allowed)
{
	const struct staff_key_info *staff = NULL;
	const struct recorder *recorder = NULL;
	char text[24];

	idle_print(allowed, text);
	cli_hint(cli, _("the longest time that your organisation allows is --idle %s"), text);
	TRY(cli_staff(cli, &staff));
	TRY(cli_recorder(cli, &recorder));
	TRY(recorder->record(recorder->ctx, &(struct audit_event){.code = AUDIT_UNLOCK_FAIL,
								  .result = AUDIT_REFUSED,
								  .reason = ERR_POLICY,
								  .actor = cli->actor}));
	return err_at(ERR_POLICY, "--idle %s", wanted);
}

enum err idle_choose(struct cli *cli, const char *wanted, unsigned *ret)
{
	CLEANUP(officer_clear) struct officer o = {0};
	unsigned limit, seconds = IDLE_SECONDS;

	if (wanted)
		TRY(idle_parse(wanted, &seconds));
	TRY(officer_look(cli, &o));
	limit = (unsigned)MIN(o.roster->policy.idle_seconds, (int64_t)IDLE_MAX);
	if (limit > 0 && !wanted)
		seconds = limit;
	if (limit > 0 && (seconds == 0 || seconds > limit))
		return refuse(cli, wanted, limit);
	*ret = seconds;
	return OK;
}
