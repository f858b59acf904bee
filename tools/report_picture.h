/* The picture of who had which medium where: a lane for each medium, a row in it for each colleague
 * at a computer, time from left to right. Drawn in black and white; shapes and hatching carry the
 * meaning. However many openings there are, it stays readable: those that stand too close together
 * for the paper are one bar, the taller the more of them; exceptions are always drawn one by one. A
 * lane is a row of a table, so that the page can break between two and repeats the time axis. */
#pragma once
#include "tools/report_page.h"

MUST_CHECK enum err picture_put(const struct report_page *p, const struct html *h);
