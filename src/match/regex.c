// SPDX-License-Identifier: Apache-2.0
#include "match/regex.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "match/internal.h"
#include "match/scratch.h"

/* For patterns that the compiler of PCRE2 does not know: memory of one interpreted match. */
#define REGEX_HEAP_KIB 4096

struct regex {
	pcre2_code *code; /* owned */
	struct regex_limits limits;
};

static const struct {
	unsigned int flag;
	uint32_t option;
} flag_options[] = {
	{ REGEX_NOCASE, PCRE2_CASELESS },
	{ REGEX_MULTILINE, PCRE2_MULTILINE },
	{ REGEX_DOT_ALL, PCRE2_DOTALL },
	{ REGEX_EXTENDED, PCRE2_EXTENDED },
	{ REGEX_ANCHORED, PCRE2_ANCHORED },
	{ REGEX_DOLLAR_END_ONLY, PCRE2_DOLLAR_ENDONLY },
	{ REGEX_UNGREEDY, PCRE2_UNGREEDY },
};

static uint32_t options_of(unsigned int flags)
{
	uint32_t options = 0;

	for (size_t i = 0; i < ARRAY_COUNT(flag_options); i++) {
		if (flags & flag_options[i].flag)
			options |= flag_options[i].option;
	}
	return options;
}

static void describe(int error, size_t offset, char message[REGEX_MESSAGE_SIZE])
{
	PCRE2_UCHAR reason[REGEX_MESSAGE_SIZE - 40];

	if (!message)
		return;
	/* A sentence that does not fit is cut, which the negative result tells; it has its final NUL all the same. */
	(void)pcre2_get_error_message(error, reason, sizeof(reason));
	snprintf(message, REGEX_MESSAGE_SIZE, "at byte %zu: %s", offset, (const char *)reason);
}

int regex_compile(struct bytes pattern, unsigned int flags, struct regex_limits limits,
	char message[REGEX_MESSAGE_SIZE], struct regex **ret)
{
	struct regex *regex = calloc(1, sizeof(*regex));
	const uint8_t *text = pattern.ptr ? pattern.ptr : (const uint8_t *)"";
	int error;
	size_t offset;

	if (!regex)
		return LUYTRE_E_NOMEM;
	regex->limits.steps = limits.steps ? limits.steps : REGEX_STEPS_DEFAULT;
	regex->limits.depth = limits.depth ? limits.depth : REGEX_DEPTH_DEFAULT;
	regex->code = pcre2_compile(text, pattern.size, options_of(flags), &error, &offset, NULL);
	if (!regex->code) {
		free(regex);
		if (error == PCRE2_ERROR_HEAP_FAILED)
			return LUYTRE_E_NOMEM;
		describe(error, offset, message);
		return LUYTRE_E_SYNTAX;
	}
	/* A pattern that cannot become machine code is interpreted: slower, same answers. */
	(void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	*ret = regex;
	return 0;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	free(regex);
}

static void collect(struct bytes subject, const pcre2_match_data *data, uint32_t count, struct regex_captures *ret)
{
	/* The accessor takes a pointer to what it does not change. */
	pcre2_match_data *readable = (pcre2_match_data *)(uintptr_t)data;
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(readable);

	ret->count = count;
	for (uint32_t i = 0; i < REGEX_CAPTURES_MAX; i++) {
		const PCRE2_SIZE *range = offsets + 2 * (size_t)i;

		ret->group[i] = (struct bytes){ 0 };
		/* \K inside a look-ahead can put the start behind the end. */
		if (i < count && range[0] != PCRE2_UNSET && range[0] <= range[1])
			ret->group[i] = bytes_of(subject.ptr + range[0], range[1] - range[0]);
	}
}

static bool is_limit(int result)
{
	return result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
	       result == PCRE2_ERROR_HEAPLIMIT || result == PCRE2_ERROR_JIT_STACKLIMIT ||
	       result == PCRE2_ERROR_NOMEMORY || result == PCRE2_ERROR_RECURSELOOP;
}

enum regex_status regex_match(const struct regex *regex, struct match_scratch *scratch, struct bytes subject,
	size_t start, struct regex_captures *ret_captures)
{
	int result;

	if (!subject.ptr)
		subject = bytes_of("", 0);
	if (start > subject.size)
		return REGEX_NO_MATCH;
	pcre2_set_match_limit(scratch->regex_context, regex->limits.steps);
	pcre2_set_depth_limit(scratch->regex_context, regex->limits.depth);
	pcre2_set_heap_limit(scratch->regex_context, REGEX_HEAP_KIB);
	result = pcre2_match(
		regex->code, subject.ptr, subject.size, start, 0, scratch->regex_data, scratch->regex_context);
	if (result < 0)
		return is_limit(result) ? REGEX_LIMIT : REGEX_NO_MATCH;
	if (ret_captures)
		/* 0 says that there are more groups than places. */
		collect(subject, scratch->regex_data, result == 0 ? REGEX_CAPTURES_MAX : (uint32_t)result,
			ret_captures);
	return REGEX_MATCH;
}

uint32_t regex_group_count(const struct regex *regex)
{
	uint32_t count = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count;
}

int regex_find_group(const struct regex *regex, const char *name, uint32_t *ret)
{
	int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);

	if (number == PCRE2_ERROR_NOUNIQUESUBSTRING)
		return LUYTRE_E_CONFLICT;
	if (number < 0)
		return LUYTRE_E_NOT_FOUND;
	*ret = (uint32_t)number;
	return 0;
}

bool regex_is_jit(const struct regex *regex)
{
	size_t machine_code = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &machine_code);
	return machine_code != 0;
}

size_t regex_memory(const struct regex *regex)
{
	size_t pattern = 0, machine_code = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &pattern);
	pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &machine_code);
	return sizeof(*regex) + pattern + machine_code;
}
