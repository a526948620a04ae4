// SPDX-License-Identifier: Apache-2.0
#include "hub/api/problem.h"

static const struct api_problem_row rows[API_PROBLEM_COUNT] = {
#define X(id, word, status, en, vi) [API_PROBLEM_##id] = { word, status, { en, vi } },
	API_PROBLEMS(X)
#undef X
};

const struct api_problem_row *api_problem_row(enum api_problem problem)
{
	return &rows[problem];
}

enum api_problem api_problem_of_error(int error)
{
	switch (error) {
	case LUYTRE_E_INVALID:
	case LUYTRE_E_SYNTAX:
	case LUYTRE_E_RANGE:
	case LUYTRE_E_UNIT:
	case LUYTRE_E_HOST_BITS:
		return API_PROBLEM_INVALID;
	case LUYTRE_E_NOT_FOUND:
		return API_PROBLEM_NOT_FOUND;
	case LUYTRE_E_EXISTS:
		return API_PROBLEM_EXISTS;
	case LUYTRE_E_CONFLICT:
		return API_PROBLEM_CONFLICT;
	case LUYTRE_E_PERMISSION:
		return API_PROBLEM_FORBIDDEN;
	case LUYTRE_E_UNSUPPORTED:
		return API_PROBLEM_UNSUPPORTED;
	case LUYTRE_E_BUSY:
	case LUYTRE_E_NOMEM:
		return API_PROBLEM_OVERLOADED;
	case LUYTRE_E_TIMEOUT:
		return API_PROBLEM_TIMEOUT;
	case LUYTRE_E_FULL:
		return API_PROBLEM_STORAGE;
	default:
		return API_PROBLEM_INTERNAL;
	}
}
