// SPDX-License-Identifier: Apache-2.0
#include "match/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "match/internal.h"
#include "match/scratch.h"

/* Under a limit of time, bytes that may be read before the clock is: places that are tried by bytes behind each. What that takes
 * at worst is some milliseconds. */
#define WINDOW_BYTES      ((size_t)1 << 19)
#define WINDOW_MIN        8
#define WINDOW_BYTES_HARD (WINDOW_BYTES / 16)
#define WINDOW_MIN_HARD   2
#define STEP_BYTES        ((size_t)20 << 20)
#define STEPS_GROWTH      4
/* What the further steps of one part may read at most: some milliseconds in the quickest loops of the machine code. */
#define PART_BYTES ((size_t)100 << 20)
#define LOOK_NS    UINT64_C(200000)
/* Subjects below this size are matched at once, and timed with the clock that costs nothing to read; it runs on while the thread has to wait,
 * so what is counted has a ceiling: nanoseconds by the square of the size. */
#define SHORT_SIZE   512
#define SHORT_NS_MAX 16
#define SHORT_STEPS  4096
/* Subjects below this size are matched without a search for the byte that they need. */
#define NEEDED_SIZE 32

/* For patterns that the compiler of PCRE2 does not know: memory of one interpreted match. */
#define REGEX_HEAP_KIB 4096

/* Two of them at one moment: that of the machine, and the processor time of this thread. */
struct clocks {
	uint64_t mono_ns, own_ns;
};

struct regex {
	pcre2_code *code; /* owned */
	struct regex_limits limits;
	bool whole; /* looks at where the search begins: it cannot be done in parts */
	int needed; /* a byte that stands in all that matches, in this case or the other; -1: not known */
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

static int needed_byte(const pcre2_code *code)
{
	uint32_t known = 0, byte = 0;

	(void)pcre2_pattern_info(code, PCRE2_INFO_LASTCODETYPE, &known);
	(void)pcre2_pattern_info(code, PCRE2_INFO_LASTCODEUNIT, &byte);
	return known == 1 ? (int)byte : -1;
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
	/* \G, or what looks like it. */
	regex->whole = (flags & REGEX_ANCHORED) || memmem(text, pattern.size, "\\G", 2);
	regex->code =
		pcre2_compile(text, pattern.size, options_of(flags) | PCRE2_USE_OFFSET_LIMIT, &error, &offset, NULL);
	if (!regex->code) {
		free(regex);
		if (error == PCRE2_ERROR_HEAP_FAILED)
			return LUYTRE_E_NOMEM;
		describe(error, offset, message);
		return LUYTRE_E_SYNTAX;
	}
	regex->needed = needed_byte(regex->code);
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

static int match_from(const struct regex *regex, struct match_scratch *scratch, struct bytes subject, size_t start,
	size_t last, uint32_t steps)
{
	pcre2_set_match_limit(scratch->regex_context, steps);
	pcre2_set_offset_limit(scratch->regex_context, last);
	return pcre2_match(
		regex->code, subject.ptr, subject.size, start, 0, scratch->regex_data, scratch->regex_context);
}

/* The last place of the part that begins at 'start'. Not all that is read counts as a step: where one part ended at the limit of them, parts
 * are smaller. */
static size_t window_end(const struct regex *regex, size_t size, size_t start, bool hard)
{
	size_t count = (hard ? WINDOW_BYTES_HARD : WINDOW_BYTES) / (size - start + 1);
	size_t least = hard ? WINDOW_MIN_HARD : WINDOW_MIN;

	if (regex->whole)
		return size;
	if (count < least)
		count = least;
	return count > size - start ? size : start + count - 1;
}

/* A step can read as much as there is, so the longer the subject the fewer are tried at first. */
static uint32_t first_steps(const struct regex *regex, size_t size)
{
	size_t steps = STEP_BYTES / size;

	return steps < regex->limits.steps ? (uint32_t)steps + 1 : regex->limits.steps;
}

/* Several times as many, but not so many more that they could take long if each of them reads the whole subject. */
static uint32_t more_steps(const struct regex *regex, uint32_t steps, size_t size)
{
	uint64_t more = PART_BYTES / size + 1, growth = (uint64_t)steps * (STEPS_GROWTH - 1);
	uint64_t sum = steps + (more < growth ? more : growth);

	return sum < regex->limits.steps ? (uint32_t)sum : regex->limits.steps;
}

static void spend(struct match_scratch *scratch, uint64_t ns)
{
	scratch->regex_left_ns -= ns < scratch->regex_left_ns ? ns : scratch->regex_left_ns;
}

/* Takes what the thread used since 'clocks' off the allowance. Its own clock is a call into the kernel: the other one says when that is
 * worth it. */
static void spend_since(struct match_scratch *scratch, struct clocks *clocks, bool now)
{
	uint64_t mono_ns = clock_mono_ns(), own_ns;

	if (!now && mono_ns - clocks->mono_ns < LOOK_NS)
		return;
	own_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID);
	spend(scratch, own_ns - clocks->own_ns);
	*clocks = (struct clocks){ mono_ns, own_ns };
}

/* Whether a part that took 'took_ns' may be tried with more steps: as what it takes has grown until now, and twice that to be sure. */
static bool has_time(const struct match_scratch *scratch, uint64_t took_ns, uint64_t before_ns)
{
	uint64_t growth = before_ns ? took_ns / before_ns + 1 : STEPS_GROWTH;

	return took_ns * growth * 2 <= scratch->regex_left_ns;
}

/* The places from 'start' on in parts, with a look at the clock behind each. A part that ends at the limit of steps is tried with
 * more of them while there seems to be the time; else nobody knows the answer, and the time counts as used. */
static int match_in_time(
	const struct regex *regex, struct match_scratch *scratch, struct bytes subject, size_t start, uint32_t steps)
{
	struct clocks clocks = { clock_mono_ns(), clock_id_ns(CLOCK_THREAD_CPUTIME_ID) };
	uint32_t least = first_steps(regex, subject.size);
	uint64_t before_ns = 0;
	bool hard = false;

	while (scratch->regex_left_ns != 0) {
		size_t last = window_end(regex, subject.size, start, hard);
		uint64_t left_ns = scratch->regex_left_ns, took_ns;
		int result = match_from(regex, scratch, subject, start, last, steps);
		bool ends = result != PCRE2_ERROR_NOMATCH || last == subject.size;

		spend_since(scratch, &clocks, ends);
		took_ns = left_ns - scratch->regex_left_ns;
		if (result == PCRE2_ERROR_MATCHLIMIT && steps < regex->limits.steps) {
			if (!has_time(scratch, took_ns, before_ns))
				break;
			before_ns = hard ? took_ns : 0;
			hard = true;
			steps = more_steps(regex, steps, subject.size);
			continue;
		}
		if (ends)
			return result;
		start = last + 1;
		/* What was enough for this part may be far too much for the next. */
		steps = least;
		before_ns = 0;
	}
	scratch->regex_left_ns = 0;
	return PCRE2_ERROR_MATCHLIMIT;
}

static int match_short(const struct regex *regex, struct match_scratch *scratch, struct bytes subject, size_t start)
{
	uint64_t start_ns = clock_mono_ns(), most_ns = SHORT_NS_MAX * (subject.size + 8) * (subject.size + 8), took_ns;
	uint32_t steps = SHORT_STEPS < regex->limits.steps ? SHORT_STEPS : regex->limits.steps;
	int result;

	if (scratch->regex_left_ns == 0)
		return PCRE2_ERROR_MATCHLIMIT;
	result = match_from(regex, scratch, subject, start, PCRE2_UNSET, steps);
	took_ns = clock_mono_ns() - start_ns;
	spend(scratch, took_ns < most_ns ? took_ns : most_ns);
	if (result != PCRE2_ERROR_MATCHLIMIT || steps == regex->limits.steps)
		return result;
	return match_in_time(regex, scratch, subject, start, more_steps(regex, steps, subject.size + 1));
}

/* PCRE2 itself does not look for it in long subjects. */
static bool lacks_needed(const struct regex *regex, struct bytes subject, size_t start)
{
	struct bytes rest = bytes_skip(subject, start);

	if (regex->needed < 0 || rest.size < NEEDED_SIZE)
		return false;
	return bytes_index(rest, match_lower((uint8_t)regex->needed)) == rest.size &&
	       bytes_index(rest, match_upper((uint8_t)regex->needed)) == rest.size;
}

enum regex_status regex_match(const struct regex *regex, struct match_scratch *scratch, struct bytes subject,
	size_t start, struct regex_captures *ret_captures)
{
	int result;

	if (!subject.ptr)
		subject = bytes_of("", 0);
	if (start > subject.size || lacks_needed(regex, subject, start))
		return REGEX_NO_MATCH;
	pcre2_set_depth_limit(scratch->regex_context, regex->limits.depth);
	pcre2_set_heap_limit(scratch->regex_context, REGEX_HEAP_KIB);
	if (scratch->regex_left_ns == MATCH_NO_LIMIT)
		result = match_from(regex, scratch, subject, start, PCRE2_UNSET, regex->limits.steps);
	else if (subject.size < SHORT_SIZE)
		result = match_short(regex, scratch, subject, start);
	else
		result = match_in_time(regex, scratch, subject, start, first_steps(regex, subject.size));
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
