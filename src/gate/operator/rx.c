// SPDX-License-Identifier: Apache-2.0
/* Operators with a regular expression: @rx and @rxGlobal, and those that look for numbers with a check digit, whose pattern says
 * where a number may stand. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"

/* Matches of one value that @rxGlobal and the verify operators look at. A value with more is not what they are made for. */
#define ROUNDS_MAX 1000

OPERATOR_COMPILE(operator_regex_compile)
{
	struct regex_limits limits = { .steps = setup->steps_max, .depth = setup->depth_max };
	struct regex *regex;
	char reason[REGEX_MESSAGE_SIZE];
	int error;

	_Static_assert(REGEX_MESSAGE_SIZE <= OPERATOR_MESSAGE_SIZE, "the reason must fit");
	error = regex_compile(parameter, OPERATOR_REGEX_FLAGS, limits, reason, &regex);
	if (error == 0)
		*ret = regex;
	else
		snprintf(message, OPERATOR_MESSAGE_SIZE, "%s",
			error == LUYTRE_E_SYNTAX ? reason : error_text(error, LUYTRE_LANG_EN));
	return error;
}

void operator_regex_free(void *compiled)
{
	regex_free(compiled);
}

static bool search(const struct regex *regex, struct operator_call *call, struct bytes value, size_t start,
	struct regex_captures *ret)
{
	enum regex_status status = regex_match(regex, call->scratch, value, start, ret);

	call->limit |= status == REGEX_LIMIT;
	return status == REGEX_MATCH;
}

static void capture(struct operator_call *call, const struct regex_captures *found)
{
	uint32_t count = found->count < OPERATOR_CAPTURES_MAX ? found->count : OPERATOR_CAPTURES_MAX;

	for (uint32_t i = call->capture_count; i < count; i++)
		call->captures[i] = (struct bytes){ 0 };
	for (uint32_t i = 0; i < count; i++) {
		if (found->group[i].ptr || i >= call->capture_count)
			call->captures[i] = found->group[i];
	}
	if (count > call->capture_count)
		call->capture_count = count;
}

static bool match_first(const struct regex *regex, struct bytes value, struct operator_call *call)
{
	struct regex_captures found;

	if (!search(regex, call, value, 0, &found))
		return false;
	call->matched = found.group[0];
	if (call->capture)
		capture(call, &found);
	return true;
}

/* Where the search goes on behind a match: at least one byte further. */
static size_t behind(struct bytes value, size_t start, struct bytes match)
{
	size_t end = match.ptr ? (size_t)(match.ptr - value.ptr) + match.size : start;

	return end > start ? end : start + 1;
}

/* Later matches overwrite the groups of earlier ones. */
static bool match_all(const struct regex *regex, struct bytes value, struct operator_call *call)
{
	struct regex_captures found;
	size_t start = 0;
	bool any = false;

	for (unsigned int round = 0; round < ROUNDS_MAX; round++) {
		if (start > value.size || !search(regex, call, value, start, &found))
			break;
		if (!any)
			call->matched = found.group[0];
		any = true;
		if (!call->capture)
			break;
		capture(call, &found);
		start = behind(value, start, found.group[0]);
	}
	return any;
}

typedef bool (*regex_use_fn)(const struct regex *regex, struct bytes value, struct operator_call *call);

/* A pattern with a macro is compiled for this one call. One that has become wrong matches nothing. */
static bool with_regex(
	const void *compiled, struct bytes parameter, struct bytes value, struct operator_call *call, regex_use_fn use)
{
	struct regex *regex;
	bool matched;

	if (compiled)
		return use(compiled, value, call);
	if (regex_compile(parameter, OPERATOR_REGEX_FLAGS, (struct regex_limits){ 0 }, NULL, &regex) < 0)
		return false;
	matched = use(regex, value, call);
	regex_free(regex);
	return matched;
}

OPERATOR_MATCH(operator_rx)
{
	return with_regex(compiled, parameter, value, call, match_first);
}

OPERATOR_MATCH(operator_rx_global)
{
	return with_regex(compiled, parameter, value, call, match_all);
}

/* Where the pattern matches, and what it matches has the right check digits. */
static bool verify(
	const struct regex *regex, struct bytes value, struct operator_call *call, bool (*is_number)(struct bytes text))
{
	struct regex_captures found;
	size_t start = 0;

	for (unsigned int round = 0; round < ROUNDS_MAX && start < value.size; round++) {
		if (!search(regex, call, value, start, &found))
			return false;
		if (is_number(found.group[0]))
			return operator_found(call, found.group[0]);
		start = behind(value, start, bytes_first(found.group[0], 1));
	}
	return false;
}

OPERATOR_MATCH(operator_verify_cc)
{
	return verify(compiled, value, call, operator_is_card);
}

OPERATOR_MATCH(operator_verify_cpf)
{
	return verify(compiled, value, call, operator_is_cpf);
}

OPERATOR_MATCH(operator_verify_ssn)
{
	return verify(compiled, value, call, operator_is_ssn);
}

OPERATOR_MATCH(operator_verify_svnr)
{
	return verify(compiled, value, call, operator_is_svnr);
}

struct nid {
	struct regex *regex; /* owned */
	bool (*is_number)(struct bytes text);
};

void operator_nid_free(void *compiled)
{
	struct nid *nid = compiled;

	if (!nid)
		return;
	regex_free(nid->regex);
	free(nid);
}

/* "cl PATTERN" (Chile) or "us PATTERN". */
OPERATOR_COMPILE(operator_nid_compile)
{
	struct bytes country = bytes_first(parameter, 3);
	struct nid *nid;
	void *regex;
	int error;

	if (!bytes_equal_str(country, "cl ") && !bytes_equal_str(country, "us ")) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "expected cl or us and a pattern");
		return LUYTRE_E_SYNTAX;
	}
	error = operator_regex_compile(setup, bytes_skip(parameter, 3), message, &regex);
	if (error < 0)
		return error;
	nid = calloc(1, sizeof(*nid));
	if (!nid) {
		regex_free(regex);
		return LUYTRE_E_NOMEM;
	}
	nid->regex = regex;
	nid->is_number = country.ptr[0] == 'c' ? operator_is_rut : operator_is_ssn;
	*ret = nid;
	return 0;
}

OPERATOR_MATCH(operator_nid_match)
{
	const struct nid *nid = compiled;

	return verify(nid->regex, value, call, nid->is_number);
}
