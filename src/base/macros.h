/* Small language helpers used everywhere: checked returns, owned variables, hand-over. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
/* The variable is released by `fn(&variable)` on every path out of its block. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
/* Hands the pointer over: the variable becomes NULL, the value goes to the new owner. */
#define TAKE(ptr)                                                                                  \
	__extension__({                                                                            \
		__typeof__(ptr) take_ = (ptr);                                                     \
		(ptr) = NULL;                                                                      \
		take_;                                                                             \
	})
/* Defines x_freep for use with CLEANUP from x_free. */
#define DEFINE_FREEP(type, fn)                                                                     \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		fn(*p);                                                                            \
	}
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

void mem_freep(void *p); /* CLEANUP(mem_freep) for malloc'd memory */
void fd_closep(int *fd); /* CLEANUP(fd_closep) for a descriptor; -1 is welcome */
