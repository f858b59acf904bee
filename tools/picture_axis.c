#include "tools/picture_axis.h"

#include <stdio.h>
#include <time.h>

#include "tools/cli.h"

#define TICK_ROOM 52 /* units that a name needs */

enum unit { HOURS, DAYS, MONTHS };
static const struct step {
	enum unit unit;
	int count, seconds; /* about */
} steps[] = {
	{HOURS, 1, 3600},	  {HOURS, 3, 10800},	  {HOURS, 6, 21600},
	{HOURS, 12, 43200},	  {DAYS, 1, 86400},	  {DAYS, 2, 172800},
	{DAYS, 7, 604800},	  {DAYS, 14, 1209600},	  {MONTHS, 1, 2629746},
	{MONTHS, 2, 5259492},	  {MONTHS, 3, 7889238},	  {MONTHS, 6, 15778476},
	{MONTHS, 12, 31556952},	  {MONTHS, 24, 63113904}, {MONTHS, 60, 157784760},
	{MONTHS, 120, 315569520},
};

double axis_place(const struct axis *a, int64_t when)
{
	when = MAX(a->from, MIN(a->to, when));
	return a->left +
	       (a->right - a->left) * ((double)(when - a->from) / (double)MAX(a->to - a->from, 1));
}

/* The last whole step before `when`. */
static void begin_at(const struct step *step, int64_t when, struct tm *tm)
{
	time_t t = (time_t)when;

	if (!localtime_r(&t, tm))
		*tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	tm->tm_sec = tm->tm_min = 0;
	tm->tm_isdst = -1;
	tm->tm_hour = step->unit == HOURS ? tm->tm_hour - tm->tm_hour % step->count : 0;
	if (step->unit == DAYS && step->count >= 7)
		tm->tm_mday -= (tm->tm_wday + 6) % 7;
	if (step->unit != MONTHS)
		return;
	tm->tm_mday = 1;
	tm->tm_mon -= (tm->tm_year * 12 + tm->tm_mon) % step->count;
}

static void go_on(const struct step *step, struct tm *tm)
{
	tm->tm_isdst = -1;
	if (step->unit == HOURS)
		tm->tm_hour += step->count;
	else if (step->unit == DAYS)
		tm->tm_mday += step->count;
	else
		tm->tm_mon += step->count;
}

static void name_tick(const struct step *step, const struct html *h, const struct tm *tm,
		      int64_t when, char out[HTML_TIME])
{
	if (step->unit == MONTHS)
		html_month(h, when, out);
	else if (step->unit == HOURS && tm->tm_hour != 0)
		snprintf(out, HTML_TIME, "%02d:%02d", tm->tm_hour, tm->tm_min);
	else
		/* TRANSLATORS: month and day, as short as can be */
		snprintf(out, HTML_TIME, _("%1$02d-%2$02d"), tm->tm_mon + 1, tm->tm_mday);
}

void axis_make(struct axis *a, const struct html *h)
{
	const struct step *step = steps;
	double room = TICK_ROOM * (double)(a->to - a->from) / (a->right - a->left);
	struct tm tm;

	while (step < steps + ARRAY_LEN(steps) - 1 && step->seconds < room)
		step++;
	a->count = 0;
	for (begin_at(step, a->from, &tm); a->count < AXIS_TICKS; go_on(step, &tm)) {
		int64_t when = mktime(&tm);

		if (when > a->to || when == -1)
			break;
		if (when < a->from)
			continue;
		a->ticks[a->count].x = axis_place(a, when);
		name_tick(step, h, &tm, when, a->ticks[a->count++].label);
	}
}
