// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stddef.h>

struct error_row {
	int error;
	const char *name;
	const char *en;
	const char *vi;
};

static const struct error_row error_rows[] = { { LUYTRE_OK, "ok", "Done.", "Đã xong." },
#define X(id, number, name, en, vi) { LUYTRE_E_##id, name, en, vi },
	LUYTRE_ERRORS(X)
#undef X
};

static const struct error_row error_unknown = { 0, "unknown", "Unknown error.", "Lỗi không xác định." };

static const struct {
	int system_errno;
	int error;
} errno_rows[] = {
	{ ENOMEM, LUYTRE_E_NOMEM },
	{ EINVAL, LUYTRE_E_INVALID },
	{ ENOENT, LUYTRE_E_NOT_FOUND },
	{ ESRCH, LUYTRE_E_NOT_FOUND },
	{ ENODEV, LUYTRE_E_NOT_FOUND },
	{ EEXIST, LUYTRE_E_EXISTS },
	{ ENOSPC, LUYTRE_E_FULL },
	{ E2BIG, LUYTRE_E_FULL },
	{ EIO, LUYTRE_E_IO },
	{ ERANGE, LUYTRE_E_RANGE },
	{ EOVERFLOW, LUYTRE_E_RANGE },
	{ EPERM, LUYTRE_E_PERMISSION },
	{ EACCES, LUYTRE_E_PERMISSION },
	{ EOPNOTSUPP, LUYTRE_E_UNSUPPORTED },
	{ ENOSYS, LUYTRE_E_UNSUPPORTED },
	{ EBUSY, LUYTRE_E_BUSY },
	{ EAGAIN, LUYTRE_E_BUSY },
	{ EADDRINUSE, LUYTRE_E_BUSY },
	{ ETIMEDOUT, LUYTRE_E_TIMEOUT },
	{ EPIPE, LUYTRE_E_CLOSED },
	{ ECONNRESET, LUYTRE_E_CLOSED },
};

static const struct error_row *error_find(int error)
{
	for (size_t i = 0; i < ARRAY_COUNT(error_rows); i++) {
		if (error_rows[i].error == error)
			return &error_rows[i];
	}
	return &error_unknown;
}

const char *error_name(int error)
{
	return error_find(error)->name;
}

const char *error_text(int error, enum luytre_lang lang)
{
	const struct error_row *row = error_find(error);

	return lang == LUYTRE_LANG_VI ? row->vi : row->en;
}

int error_from_errno(int system_errno)
{
	for (size_t i = 0; i < ARRAY_COUNT(errno_rows); i++) {
		if (errno_rows[i].system_errno == system_errno)
			return errno_rows[i].error;
	}
	return LUYTRE_E_SYSTEM;
}
