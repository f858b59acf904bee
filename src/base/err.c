#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 512

struct fact {
	enum err err;
	int errno_;
	int exit_code;
	const char *name;
	const char *message;
};

static const struct fact facts[] = {
	{OK, 0, 0, "OK", N_("done")},
#define ERR(name, number, errno_, exit_, message) {ERR_##name, errno_, exit_, #name, message},
#include "base/err_table.h"
#undef ERR
};

static _Thread_local char detail[DETAIL_MAX];

/* A number outside the table is a slip of ours, so it gets the words of ERR_INTERNAL. */
static const struct fact *fact_of(enum err err)
{
	const struct fact *internal = &facts[0];

	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		if (facts[i].err == err)
			return &facts[i];
		if (facts[i].err == ERR_INTERNAL)
			internal = &facts[i];
	}
	return internal;
}

const char *err_name(enum err err)
{
	return fact_of(err)->name;
}

const char *err_message(enum err err)
{
	return fact_of(err)->message;
}

int err_errno(enum err err)
{
	return fact_of(err)->errno_;
}

int err_exit_code(enum err err)
{
	return fact_of(err)->exit_code;
}

/* Formats aside first: the arguments may point into the detail that is being replaced. */
static void PRINTF_LIKE(1, 0) detail_keep(const char *format, va_list args)
{
	char text[DETAIL_MAX];

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	memcpy(detail, text, strlen(text) + 1);
}

static void detail_add_errno(int code)
{
	char words[128];
	size_t used = strlen(detail);

	snprintf(detail + used, sizeof(detail) - used, ": %s",
		 strerror_r(code, words, sizeof(words)));
}

enum err err_at(enum err err, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	detail_keep(format, args);
	va_end(args);
	errno = saved;
	return err;
}

enum err err_errno_at(enum err err, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	detail_keep(format, args);
	va_end(args);
	detail_add_errno(saved);
	errno = saved;
	return err;
}

static enum err code_of_errno(int code)
{
	static const struct {
		int code;
		enum err err;
	} fits[] = {
		{ENOMEM, ERR_NOMEM},
		{ENOSPC, ERR_NO_SPACE},
		{EDQUOT, ERR_NO_SPACE},
		{ENOENT, ERR_NOT_FOUND},
		{EEXIST, ERR_EXISTS},
		{EACCES, ERR_PERM},
		{EPERM, ERR_PERM},
		{EROFS, ERR_READ_ONLY},
		{ENOTDIR, ERR_NOT_DIR},
		{EISDIR, ERR_IS_DIR},
		{ENOTEMPTY, ERR_NOT_EMPTY},
		{ENAMETOOLONG, ERR_NAME_TOO_LONG},
		{EFBIG, ERR_TOO_BIG},
		{EINVAL, ERR_INVALID},
		{ENODATA, ERR_NO_DATA},
		{ERANGE, ERR_RANGE},
		{EOPNOTSUPP, ERR_NOT_SUPPORTED},
		{ENOSYS, ERR_NOT_SUPPORTED},
		{EMLINK, ERR_TOO_MANY_LINKS},
		{EXDEV, ERR_CROSS},
		{EBUSY, ERR_BUSY},
		{ETXTBSY, ERR_BUSY},
		{EINTR, ERR_INTERRUPTED},
		{EIO, ERR_IO},
		{ENODEV, ERR_REMOVED},
		{ENOMEDIUM, ERR_REMOVED},
		{ESHUTDOWN, ERR_REMOVED},
	};

	for (size_t i = 0; i < ARRAY_LEN(fits); i++) {
		if (fits[i].code == code)
			return fits[i].err;
	}
	return ERR_SYSTEM;
}

enum err err_from_errno(const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	detail_keep(format, args);
	va_end(args);
	detail_add_errno(saved);
	errno = saved;
	return code_of_errno(saved);
}

const char *err_detail(void)
{
	return detail;
}

void err_clear(void)
{
	detail[0] = '\0';
}
