// SPDX-License-Identifier: Apache-2.0
#include "hub/api/validate.h"

#include <stdio.h>

#include "base/net.h"
#include "hub/api/moment.h"

struct verdict {
	bool good;
	enum jsonr_fault fault;
	int64_t low, high;
};

static const struct verdict fine = { .good = true };

static struct verdict bad(enum jsonr_fault fault, int64_t low, int64_t high)
{
	return (struct verdict){ .fault = fault, .low = low, .high = high };
}

static bool in_set(const struct api_pattern_piece *piece, uint8_t byte)
{
	return byte < 128 && (piece->set[byte / 32] >> (byte % 32) & 1);
}

static bool fits_pattern(const struct api_schema *schema, struct bytes text)
{
	for (size_t i = 0; i < schema->pattern_count; i++) {
		const struct api_pattern_piece *piece = &schema->pattern[i];
		size_t count = 0;

		while (count < text.size && count < piece->max && in_set(piece, text.ptr[count]))
			count++;
		if (count < piece->min)
			return false;
		text = bytes_skip(text, count);
	}
	return bytes_empty(text);
}

/* One '@' with something on both sides and a dot behind it: whether a mailbox exists only a letter tells. */
static bool is_email(struct bytes text)
{
	size_t at = bytes_index(text, '@');
	struct bytes domain = bytes_skip(text, at + 1);
	size_t dot = bytes_index(domain, '.');

	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] == '<' || text.ptr[i] == '>' || text.ptr[i] == '"')
			return false;
	}
	return at > 0 && bytes_index(domain, '@') == domain.size && dot > 0 && dot + 1 < domain.size;
}

static bool fits_format(enum api_format format, struct bytes text, int64_t *ret_us)
{
	struct ip_prefix prefix;
	struct ip_addr addr;

	switch (format) {
	case API_FORMAT_DATE_TIME:
		return moment_parse(text, ret_us) == 0;
	case API_FORMAT_IP:
		return ip_addr_parse(text, &addr) == 0;
	case API_FORMAT_PREFIX:
		return ip_prefix_parse(text, 0, &prefix) == 0;
	case API_FORMAT_EMAIL:
		return is_email(text);
	default:
		return true;
	}
}

/* Control characters would let a name draw on somebody's terminal or forge lines of a log. */
static bool is_clean(struct bytes text, bool lines)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.ptr[i];

		if ((byte < ' ' && !(lines && (byte == '\n' || byte == '\t'))) || byte == 0x7f)
			return false;
	}
	return true;
}

static struct verdict check_string(const struct api_schema *schema, struct bytes text, int64_t *ret_us)
{
	int64_t length = (int64_t)jsonr_length(text);
	size_t word = 0;

	if (length < schema->min || length > schema->max)
		return bad(JSONR_LENGTH, schema->min, schema->max);
	while (word < schema->word_count && !bytes_equal_str(text, schema->words[word]))
		word++;
	if (schema->word_count && word == schema->word_count)
		return bad(JSONR_ENUM, 0, 0);
	if (!is_clean(text, schema->format == API_FORMAT_TEXT) || (schema->pattern && !fits_pattern(schema, text)) ||
		!fits_format(schema->format, text, ret_us))
		return bad(JSONR_FORM, 0, 0);
	return fine;
}

static struct verdict check_number(const struct api_schema *schema, const json_t *value)
{
	if (json_is_integer(value)) {
		int64_t integer = json_integer_value(value);

		return integer >= schema->min && integer <= schema->max ? fine
									: bad(JSONR_RANGE, schema->min, schema->max);
	}
	return json_real_value(value) >= (double)schema->min && json_real_value(value) <= (double)schema->max
		       ? fine
		       : bad(JSONR_RANGE, schema->min, schema->max);
}

static uint8_t types_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return API_TYPE_OBJECT;
	case JSON_ARRAY:
		return API_TYPE_ARRAY;
	case JSON_STRING:
		return API_TYPE_STRING;
	case JSON_INTEGER:
		return API_TYPE_INTEGER | API_TYPE_NUMBER;
	case JSON_REAL:
		return API_TYPE_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return API_TYPE_BOOLEAN;
	default:
		return API_TYPE_NULL;
	}
}

static void check_array(const struct api_schema *schema, const struct jsonr *array)
{
	size_t count = json_array_size(array->value);

	if ((int64_t)count < schema->min || (int64_t)count > schema->max) {
		jsonr_fail(array, JSONR_ITEMS, schema->min, schema->max);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct jsonr item = jsonr_item(array, i);

		validate_json(schema->items, &item);
	}
}

/* With a set of what was seen: a list may have thousands of items. */
static void check_unique(const struct jsonr *array)
{
	json_t *seen = json_object();
	size_t count = json_array_size(array->value);

	for (size_t i = 0; seen && i < count; i++) {
		struct jsonr item = jsonr_item(array, i);
		const char *text = json_string_value(item.value);
		char number[24];

		if (json_is_integer(item.value)) {
			snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(item.value));
			text = number;
		}
		if (!text)
			continue;
		if (json_object_get(seen, text))
			jsonr_fail(&item, JSONR_UNIQUE, 0, 0);
		else if (json_object_set_new_nocheck(seen, text, json_true()) < 0)
			break;
	}
	json_decref(seen);
}

static const struct api_property *find_property(const struct api_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->property_count; i++) {
		if (strcmp(schema->properties[i].name, name) == 0)
			return &schema->properties[i];
	}
	return NULL;
}

static void check_object(const struct api_schema *schema, const struct jsonr *object)
{
	/* Jansson's iterators are not const, though they change nothing. */
	json_t *value = (json_t *)(uintptr_t)object->value;
	int64_t count = (int64_t)json_object_size(value);

	if (count < schema->min || (count > schema->max && schema->others))
		jsonr_fail(object, JSONR_ITEMS, schema->min, schema->max);
	for (size_t i = 0; i < schema->property_count; i++) {
		struct jsonr member = jsonr_member(object, schema->properties[i].name);

		if (!member.value && schema->properties[i].required)
			jsonr_fail(&member, JSONR_MISSING, 0, 0);
	}
	for (void *iter = json_object_iter(value); iter; iter = json_object_iter_next(value, iter)) {
		const char *key = json_object_iter_key(iter);
		const struct api_property *property = find_property(schema, key);
		const struct api_schema *inner = property ? property->schema : schema->others;
		struct jsonr member = jsonr_member(object, key);

		if (inner)
			validate_json(inner, &member);
		else if (schema->closed)
			jsonr_fail(&member, JSONR_UNKNOWN, 0, 0);
	}
}

void validate_json(const struct api_schema *schema, const struct jsonr *value)
{
	struct verdict verdict = fine;
	int64_t us;

	if (!(types_of(value->value) & schema->types)) {
		jsonr_fail(value, JSONR_TYPE, 0, 0);
		return;
	}
	if (json_is_string(value->value))
		verdict = check_string(
			schema, bytes_of(json_string_value(value->value), json_string_length(value->value)), &us);
	else if (json_is_number(value->value))
		verdict = check_number(schema, value->value);
	else if (json_is_array(value->value))
		check_array(schema, value);
	else if (json_is_object(value->value))
		check_object(schema, value);
	if (!verdict.good)
		jsonr_fail(value, verdict.fault, verdict.low, verdict.high);
	if (schema->unique && json_is_array(value->value))
		check_unique(value);
}

void validate_note(struct jsonr_errors *errors, const char *name, enum jsonr_fault fault, int64_t low, int64_t high)
{
	struct jsonr at = { .errors = errors };
	size_t index = errors->count;

	jsonr_fail(&at, fault, low, high);
	if (errors->count > index)
		snprintf(errors->items[index].pointer, sizeof(errors->items[index].pointer), "?%.60s", name);
}

/* Decimal, a minus, no plus, no leading zeros. */
static bool parse_i64(struct bytes text, int64_t *ret)
{
	bool negative = text.size > 0 && text.ptr[0] == '-';
	struct bytes number = bytes_skip(text, negative);
	int64_t value = 0;

	if (bytes_empty(number) || (number.ptr[0] == '0' && text.size > 1))
		return false;
	for (size_t i = 0; i < number.size; i++) {
		int digit = number.ptr[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_sub_overflow(value, digit, &value))
			return false;
	}
	/* Counted downwards, because there is one negative number more. */
	return negative ? (*ret = value, true) : !__builtin_sub_overflow(0, value, ret);
}

bool validate_text(const struct api_schema *schema, const char *name, struct bytes text, struct jsonr_errors *errors,
	struct api_value *ret)
{
	struct verdict verdict = fine;

	ret->text = text;
	if (schema->types & API_TYPE_INTEGER) {
		if (!parse_i64(text, &ret->integer))
			verdict = bad(JSONR_TYPE, 0, 0);
		else if (ret->integer < schema->min || ret->integer > schema->max)
			verdict = bad(JSONR_RANGE, schema->min, schema->max);
	} else if (schema->types & API_TYPE_BOOLEAN) {
		ret->flag = bytes_equal_str(text, "true");
		if (!ret->flag && !bytes_equal_str(text, "false"))
			verdict = bad(JSONR_TYPE, 0, 0);
	} else {
		verdict = check_string(schema, text, &ret->integer);
	}
	if (!verdict.good)
		validate_note(errors, name, verdict.fault, verdict.low, verdict.high);
	return verdict.good;
}
