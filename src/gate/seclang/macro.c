// SPDX-License-Identifier: Apache-2.0
/* %{...} in texts of rules: the name has to be a variable's. A backslash before it takes its meaning away. */
#include "gate/seclang/internal.h"

/* The next "%{" at or behind 'at', or the end. */
static size_t next_macro(struct bytes text, size_t at)
{
	for (; at + 1 < text.size; at++) {
		if (text.ptr[at] == '\\')
			at++;
		else if (text.ptr[at] == '%' && text.ptr[at + 1] == '{')
			return at;
	}
	return text.size;
}

bool sec_macro_has(struct bytes text)
{
	return next_macro(text, 0) < text.size;
}

bool sec_macro_check(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, size_t offset,
	struct bytes text)
{
	for (size_t at = next_macro(text, 0); at < text.size; at = next_macro(text, at)) {
		struct bytes inside = bytes_skip(text, at + 2);
		size_t close = bytes_index(inside, '}'), name = 0, wrong = at + 2;
		enum variable variable;

		while (name < close && inside.ptr[name] != '.' && inside.ptr[name] != ':')
			name++;
		variable = variable_find(bytes_first(inside, name));
		if (variable != VARIABLE_COUNT && close < inside.size) {
			if (name == close || variables[variable].shape != VARIABLE_SCALAR) {
				at += 2 + close;
				continue;
			}
			wrong += name;
		}
		sec_error_rest(rules, line, sec_arg_position(line, arg, offset + wrong), SEC_EXPECTING_VARIABLE,
			"%{NAME} or %{COLLECTION.key} takes the name of a variable; \\%{ stands for itself");
		return false;
	}
	return true;
}
