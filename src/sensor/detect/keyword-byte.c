// SPDX-License-Identifier: Apache-2.0
/* byte_test, byte_jump, byte_extract, byte_math: numbers that stand in the buffer.
 *
 * byte_extract and byte_math keep theirs in a variable of the rule for conditions further on; byte_jump, byte_extract and
 * byte_math move the cursor behind what they read. */
#include "base/error.h"
#include "sensor/detect/value.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

enum byte_operation { OP_LESS, OP_GREATER, OP_EQUAL, OP_AND, OP_XOR, OP_LESS_EQUAL, OP_GREATER_EQUAL };

struct byte_test {
	struct value_place place;
	uint8_t operation; /* enum byte_operation */
	bool negated;
	uint64_t value;
	int8_t value_var;
};

struct byte_jump {
	struct value_place place;
	bool align, from_beginning, from_end;
	uint32_t multiplier;
	int32_t post_offset;
	int8_t post_offset_var;
};

struct byte_extract {
	struct value_place place;
	uint32_t multiplier, align;
	uint8_t variable;
};

struct byte_math {
	struct value_place place;
	char operation; /* + - * / l r : the last two are shifts */
	uint64_t value;
	int8_t value_var;
	uint8_t variable;
};

enum { MULTIPLIER_MAX = 65535 };

static int read_size_offset(
	struct rule_builder *builder, struct bytes size, struct bytes offset, struct value_place *place)
{
	int64_t value;
	int error = value_parse_operand(builder, size, "count of bytes", 0, 23, &value, &place->size_var);

	if (error)
		return error;
	place->size = (uint32_t)value;
	error = value_parse_operand(builder, offset, "offset", -65535, 65535, &value, &place->offset_var);
	place->offset = (int32_t)value;
	return error;
}

static int finish(
	struct rule_builder *builder, const struct rule_match_ops *ops, const struct value_place *place, void *data)
{
	const char *wrong = value_check(place);

	if (wrong)
		return rule_builder_error(builder, "%s: %s", ops->name, wrong);
	if (place->endian == VALUE_ENDIAN_DCE && place->is_text)
		return rule_builder_error(builder, "%s: dce and string contradict each other", ops->name);
	return value_add(builder, ops, data, place->relative) ? 0 : LUYTRE_E_NOMEM;
}

static int bad_option(struct rule_builder *builder, struct bytes word)
{
	return rule_builder_error(builder, "unknown option \"%.*s\"", (int)word.size, word.ptr);
}

/* "multiplier 4": true when 'word' begins with 'name' and a number within bounds follows. */
static bool option_number(struct bytes word, const char *name, uint32_t max, uint32_t *ret)
{
	size_t size = strlen(name);

	return word.size > size && rule_text_is(bytes_first(word, size), name) &&
	       rule_text_u32(rule_text_trim(bytes_skip(word, size)), ret) && *ret <= max;
}

/* ---- byte_test ---- */

static bool test_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct byte_test *test = match->data;
	uint64_t found, value = test->value_var < 0 ? test->value : context->variables[test->value_var & 15];
	int64_t end;
	bool holds = false;

	if (!value_read(context, target, &test->place, &found, &end))
		return false;
	switch (test->operation) {
	case OP_LESS:
		holds = found < value;
		break;
	case OP_GREATER:
		holds = found > value;
		break;
	case OP_EQUAL:
		holds = found == value;
		break;
	case OP_AND:
		holds = (found & value) != 0;
		break;
	case OP_XOR:
		holds = (found ^ value) != 0;
		break;
	case OP_LESS_EQUAL:
		holds = found <= value;
		break;
	case OP_GREATER_EQUAL:
		holds = found >= value;
		break;
	}
	return holds != test->negated;
}

static const struct rule_match_ops test_ops = {
	.name = "byte_test", .target = RULE_TARGET_BUFFER, .match = test_match
};

static bool read_operation(struct bytes word, struct byte_test *test)
{
	static const struct {
		const char *sign;
		uint8_t operation;
	} rows[] = {
		{ "<=", OP_LESS_EQUAL },
		{ ">=", OP_GREATER_EQUAL },
		{ "<", OP_LESS },
		{ ">", OP_GREATER },
		{ "=", OP_EQUAL },
		{ "&", OP_AND },
		{ "^", OP_XOR },
	};

	if (word.size > 0 && word.ptr[0] == '!') {
		test->negated = true;
		word = rule_text_trim(bytes_skip(word, 1));
		if (word.size == 0) {
			test->operation = OP_EQUAL;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (bytes_equal_str(word, rows[i].sign)) {
			test->operation = rows[i].operation;
			return true;
		}
	return false;
}

static int parse_test(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct byte_test *test = arena_alloc(rule_builder_arena(builder), sizeof(*test));
	struct bytes size, operation, wanted, offset, word;
	uint64_t number;
	int index, error;

	if (!test)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &size) || !rule_text_item(&value, ',', &operation) ||
		!rule_text_item(&value, ',', &wanted) || !rule_text_item(&value, ',', &offset))
		return rule_builder_error(builder, "byte_test needs bytes, operator, value and offset");
	if (!read_operation(operation, test))
		return rule_builder_error(builder, "\"%.*s\" is no operator", (int)operation.size, operation.ptr);
	error = read_size_offset(builder, size, offset, &test->place);
	if (error)
		return error;
	test->value_var = -1;
	if (rule_text_u64(wanted, &number)) {
		test->value = number;
	} else {
		index = rule_builder_variable(builder, wanted);
		if (index < 0)
			return rule_builder_error(
				builder, "\"%.*s\" is neither a number nor a variable", (int)wanted.size, wanted.ptr);
		test->value_var = (int8_t)index;
	}
	while (rule_text_item(&value, ',', &word))
		if (!value_parse_option(word, &test->place))
			return bad_option(builder, word);
	return finish(builder, &test_ops, &test->place, test);
}

/* ---- byte_jump ---- */

static bool jump_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct byte_jump *jump = match->data;
	struct detect_buffer *buffer = target;
	int64_t end, base, size = (int64_t)buffer->data.size;
	uint64_t found;

	if (!value_read(context, buffer, &jump->place, &found, &end))
		return false;
	if (jump->multiplier > 1)
		found *= jump->multiplier;
	if (jump->align && found % 4 != 0)
		found += 4 - found % 4;
	if (found > INT32_MAX)
		return false;
	base = jump->from_beginning ? 0 : jump->from_end ? size : end;
	base += (int64_t)found;
	base += jump->post_offset_var < 0 ? jump->post_offset : (int64_t)context->variables[jump->post_offset_var & 15];
	if (base < 0)
		base = 0;
	if (base >= size)
		return false;
	buffer->cursor = (uint32_t)base;
	return true;
}

static const struct rule_match_ops jump_ops = {
	.name = "byte_jump", .target = RULE_TARGET_BUFFER, .match = jump_match
};

static int read_jump_option(struct rule_builder *builder, struct bytes word, struct byte_jump *jump)
{
	int64_t number;

	if (value_parse_option(word, &jump->place))
		return 0;
	if (rule_text_is(word, "align"))
		jump->align = true;
	else if (rule_text_is(word, "from_beginning"))
		jump->from_beginning = true;
	else if (rule_text_is(word, "from_end"))
		jump->from_end = true;
	else if (word.size > 12 && rule_text_is(bytes_first(word, 12), "post_offset ")) {
		int error = value_parse_operand(builder, rule_text_trim(bytes_skip(word, 12)), "offset", -65535, 65535,
			&number, &jump->post_offset_var);

		jump->post_offset = (int32_t)number;
		return error;
	} else if (!option_number(word, "multiplier ", MULTIPLIER_MAX, &jump->multiplier) || jump->multiplier == 0) {
		return bad_option(builder, word);
	}
	return 0;
}

static int parse_jump(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct byte_jump *jump = arena_alloc(rule_builder_arena(builder), sizeof(*jump));
	struct bytes size, offset, word;
	int error;

	if (!jump)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &size) || !rule_text_item(&value, ',', &offset))
		return rule_builder_error(builder, "byte_jump needs bytes and offset");
	error = read_size_offset(builder, size, offset, &jump->place);
	if (error)
		return error;
	jump->post_offset_var = -1;
	while (rule_text_item(&value, ',', &word)) {
		error = read_jump_option(builder, word, jump);
		if (error)
			return error;
	}
	if (jump->from_beginning && jump->from_end)
		return rule_builder_error(builder, "from_beginning and from_end contradict each other");
	return finish(builder, &jump_ops, &jump->place, jump);
}

/* ---- byte_extract ---- */

static bool extract_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct byte_extract *extract = match->data;
	struct detect_buffer *buffer = target;
	uint64_t found;
	int64_t end;

	if (!value_read(context, buffer, &extract->place, &found, &end))
		return false;
	if (extract->multiplier > 1)
		found *= extract->multiplier;
	if (extract->align > 1 && found % extract->align != 0)
		found += extract->align - found % extract->align;
	context->variables[extract->variable & 15] = found;
	buffer->cursor = (uint32_t)end;
	return true;
}

static const struct rule_match_ops extract_ops = {
	.name = "byte_extract", .target = RULE_TARGET_BUFFER, .match = extract_match
};

static int new_variable(struct rule_builder *builder, struct bytes name, uint8_t *ret)
{
	int index;

	if (name.size == 0 || (name.ptr[0] >= '0' && name.ptr[0] <= '9'))
		return rule_builder_error(builder, "\"%.*s\" is no name of a variable", (int)name.size, name.ptr);
	if (rule_builder_variable(builder, name) >= 0)
		index = rule_builder_variable(builder, name);
	else
		index = rule_builder_new_variable(builder, name);
	if (index < 0)
		return rule_builder_error(builder, "a rule has at most 16 variables");
	*ret = (uint8_t)index;
	return 0;
}

static int parse_extract(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct byte_extract *extract = arena_alloc(rule_builder_arena(builder), sizeof(*extract));
	struct bytes size, offset, name, word;
	int error;

	if (!extract)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &size) || !rule_text_item(&value, ',', &offset) ||
		!rule_text_item(&value, ',', &name))
		return rule_builder_error(builder, "byte_extract needs bytes, offset and a name");
	error = read_size_offset(builder, size, offset, &extract->place);
	if (error)
		return error;
	while (rule_text_item(&value, ',', &word)) {
		if (value_parse_option(word, &extract->place))
			continue;
		if (option_number(word, "multiplier ", MULTIPLIER_MAX, &extract->multiplier) && extract->multiplier > 0)
			continue;
		if (option_number(word, "align ", 4, &extract->align) && (extract->align == 2 || extract->align == 4))
			continue;
		return bad_option(builder, word);
	}
	if (extract->place.size == 0 && extract->place.size_var < 0)
		return rule_builder_error(builder, "byte_extract needs at least one byte");
	error = new_variable(builder, name, &extract->variable);
	return error ? error : finish(builder, &extract_ops, &extract->place, extract);
}

/* ---- byte_math ---- */

static bool math_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct byte_math *math = match->data;
	uint64_t found, value = math->value_var < 0 ? math->value : context->variables[math->value_var & 15];
	struct detect_buffer *buffer = target;
	int64_t end;

	if (!value_read(context, buffer, &math->place, &found, &end))
		return false;
	switch (math->operation) {
	case '+':
		found += value;
		break;
	case '-':
		found -= value;
		break;
	case '*':
		found *= value;
		break;
	case '/':
		if (value == 0)
			return false;
		found /= value;
		break;
	case 'l':
		found = value < 64 ? found << value : 0;
		break;
	default:
		found = value < 64 ? found >> value : 0;
		break;
	}
	context->variables[math->variable & 15] = found;
	buffer->cursor = (uint32_t)end;
	return true;
}

static const struct rule_match_ops math_ops = {
	.name = "byte_math", .target = RULE_TARGET_BUFFER, .match = math_match
};

/* Fields of "bytes 4, offset 0, ..." that were seen. */
enum math_field {
	MATH_BYTES = 1,
	MATH_OFFSET = 2,
	MATH_OPER = 4,
	MATH_RVALUE = 8,
	MATH_RESULT = 16,
	MATH_REQUIRED = 31
};

static int read_math_operator(struct rule_builder *builder, struct bytes word, struct byte_math *math)
{
	if (word.size == 1 && memchr("+-*/", word.ptr[0], 4))
		math->operation = (char)word.ptr[0];
	else if (bytes_equal_str(word, "<<"))
		math->operation = 'l';
	else if (bytes_equal_str(word, ">>"))
		math->operation = 'r';
	else
		return rule_builder_error(builder, "\"%.*s\" is no operator", (int)word.size, word.ptr);
	return 0;
}

static int read_math_field(struct rule_builder *builder, struct bytes word, struct byte_math *math, unsigned int *seen,
	struct bytes *ret_result)
{
	size_t gap = bytes_index(word, ' ');
	struct bytes name = bytes_first(word, gap), value = rule_text_trim(bytes_skip(word, gap));
	unsigned int field = 0;
	int64_t number = 0;
	int error = 0;

	if (rule_text_is(name, "bytes")) {
		field = MATH_BYTES;
		error = value_parse_operand(builder, value, "count of bytes", 1, 10, &number, &math->place.size_var);
		math->place.size = (uint32_t)number;
	} else if (rule_text_is(name, "offset")) {
		field = MATH_OFFSET;
		error = value_parse_operand(builder, value, "offset", -65535, 65535, &number, &math->place.offset_var);
		math->place.offset = (int32_t)number;
	} else if (rule_text_is(name, "oper")) {
		field = MATH_OPER;
		error = read_math_operator(builder, value, math);
	} else if (rule_text_is(name, "rvalue")) {
		field = MATH_RVALUE;
		error = value_parse_operand(builder, value, "rvalue", 1, UINT32_MAX, &number, &math->value_var);
		math->value = (uint64_t)number;
	} else if (rule_text_is(name, "result")) {
		field = MATH_RESULT;
		*ret_result = value;
	} else if (rule_text_is(name, "endian") && value_parse_option(value, &math->place)) {
		return 0;
	} else if (rule_text_is(name, "string") && value_parse_option(value, &math->place)) {
		math->place.is_text = true;
		return 0;
	} else if (!value_parse_option(word, &math->place)) {
		return bad_option(builder, word);
	}
	if (!error && (*seen & field) != 0)
		return rule_builder_error(builder, "\"%.*s\" is given twice", (int)name.size, name.ptr);
	*seen |= field;
	return error;
}

static int parse_math(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct byte_math *math = arena_alloc(rule_builder_arena(builder), sizeof(*math));
	struct bytes word, result = { 0 };
	unsigned int seen = 0;
	int error;

	if (!math)
		return LUYTRE_E_NOMEM;
	math->place.size_var = math->place.offset_var = -1;
	while (rule_text_item(&value, ',', &word)) {
		error = read_math_field(builder, word, math, &seen, &result);
		if (error)
			return error;
	}
	if ((seen & MATH_REQUIRED) != MATH_REQUIRED)
		return rule_builder_error(builder, "byte_math needs bytes, offset, oper, rvalue and result");
	if ((math->operation == 'l' || math->operation == 'r') && math->value_var < 0 && math->place.size > 4)
		return rule_builder_error(builder, "shifts are for at most four bytes");
	error = new_variable(builder, result, &math->variable);
	return error ? error : finish(builder, &math_ops, &math->place, math);
}

const struct rule_keyword detect_byte_keywords[] = {
	{ "byte_test", NULL, 0, parse_test, "compares a number in the buffer" },
	{ "byte_jump", NULL, 0, parse_jump, "moves the cursor by a number in the buffer" },
	{ "byte_extract", NULL, 0, parse_extract, "keeps a number of the buffer in a variable" },
	{ "byte_math", NULL, 0, parse_math, "computes with a number of the buffer and keeps the result" },
	{ 0 },
};
