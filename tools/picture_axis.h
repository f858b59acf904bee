/* The time axis of a picture: where a moment stands, and the days or months to be named below. */
#pragma once
#include "tools/html.h"

#define AXIS_TICKS 24u

struct axis {
	int64_t from, to;   /* seconds */
	double left, right; /* where they stand */
	size_t count;
	struct axis_tick {
		double x;
		char label[HTML_TIME];
	} ticks[AXIS_TICKS];
};
/* Ticks at whole hours, days, months or years, local time, as close as their names allow. */
void axis_make(struct axis *a, const struct html *h);
/* Moments outside are put at the edge. */
double axis_place(const struct axis *a, int64_t when);
