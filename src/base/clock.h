/* The clock, replaceable in tests. Wall time is for records and time stamps, monotonic for timers. */
#pragma once
#include <stdint.h>
#include <time.h>

struct timespec clock_wall(void);
int64_t clock_monotonic_ms(void);
/* Tests only: NULL puts the real clock back. */
void clock_override(struct timespec (*wall)(void));
