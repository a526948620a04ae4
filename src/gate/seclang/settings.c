// SPDX-License-Identifier: Apache-2.0
/* Directives that set a value. Defaults are ModSecurity's. */
#include <errno.h>
#include <stdio.h>

#include "base/ascii.h"
#include "gate/seclang/internal.h"

void sec_settings_init(struct sec_settings *settings)
{
	*settings = (struct sec_settings){ .mode = SEC_ON,
		.request_body_access = true,
		.response_body_access = true,
		.request_body_limit = 134217728,
		.request_body_no_files_limit = 1048576,
		.response_body_limit = 524288,
		.args_max = 1000,
		.json_depth_max = 10000,
		.files_max = 100,
		.args_separator = '&',
		.audit_dir_mode = 0750,
		.audit_file_mode = 0640,
		.collection_timeout_s = 3600 };
	for (const char *part = "ABCFHZ"; *part != '\0'; part++)
		settings->audit_parts |= UINT32_C(1) << (*part - 'A');
}

/* The number of the word in a blank-separated list, or -1. */
static int find_word(struct bytes text, const char *words)
{
	for (int i = 0;; i++) {
		size_t size = strcspn(words, " ");

		if (ascii_equal_nocase(text, bytes_of(words, size)))
			return i;
		if (words[size] == '\0')
			return -1;
		words += size + 1;
	}
}

static bool read_octal(struct bytes text, uint64_t max, uint32_t *ret)
{
	uint64_t number = 0;

	if (text.size == 0 || text.size > 8)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '7')
			return false;
		number = 8 * number + (text.ptr[i] - '0');
	}
	*ret = (uint32_t)number;
	return number <= max;
}

/* A number above the maximum means the maximum: "no limit" is written in many ways. */
static bool read_number(struct bytes text, uint64_t max, uint64_t *ret)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	if (!sec_number(text, max, ret))
		*ret = max;
	return text.size != 0;
}

static bool set(struct sec_settings *settings, const struct sec_setting *setting, struct bytes text)
{
	void *field = (uint8_t *)settings + setting->offset;
	uint64_t number = 0;
	int word;

	switch (setting->kind) {
	case SEC_SET_BOOL:
		word = find_word(text, "Off On");
		*(bool *)field = word > 0;
		return word >= 0;
	case SEC_SET_WORD:
		word = find_word(text, setting->words);
		*(unsigned int *)field = word < 0 ? 0 : (unsigned int)word;
		return word >= 0;
	case SEC_SET_TRUE_WORD:
		word = find_word(text, setting->words);
		*(bool *)field = word > 0;
		return word >= 0;
	case SEC_SET_OCTAL:
		return read_octal(text, setting->max, field);
	case SEC_SET_TEXT:
		*(struct bytes *)field = text;
		return text.size != 0;
	case SEC_SET_U8:
	case SEC_SET_U32:
	case SEC_SET_U64:
		break;
	}
	if (!read_number(text, setting->max, &number))
		return false;
	if (setting->kind == SEC_SET_U8)
		*(uint8_t *)field = (uint8_t)number;
	else if (setting->kind == SEC_SET_U32)
		*(uint32_t *)field = (uint32_t)number;
	else
		*(uint64_t *)field = number;
	return true;
}

static const char *describe(const struct sec_setting *setting)
{
	switch (setting->kind) {
	case SEC_SET_BOOL:
		return "On or Off";
	case SEC_SET_WORD:
	case SEC_SET_TRUE_WORD:
		return setting->words;
	case SEC_SET_OCTAL:
		return "a file mode in octal digits, such as 0640";
	case SEC_SET_TEXT:
		return "a text";
	case SEC_SET_U8:
	case SEC_SET_U32:
	case SEC_SET_U64:
		break;
	}
	return "a number without sign or unit";
}

bool sec_setting_read(struct sec_rules *rules, const struct sec_line *line, const struct sec_setting *setting)
{
	bool is_word =
		setting->kind == SEC_SET_BOOL || setting->kind == SEC_SET_WORD || setting->kind == SEC_SET_TRUE_WORD;
	struct sec_settings trial = rules->settings;

	if (line->arg_count < 2)
		return false;
	if (line->arg_count > 2) {
		sec_error_rest(rules, line, line->args[2].start, SEC_INVALID_INPUT, "one value only");
	} else if (set(&trial, setting, line->args[1].text)) {
		rules->settings = trial;
		return true;
	} else {
		sec_error_rest(
			rules, line, is_word ? line->args[1].start : line->start, SEC_INVALID_INPUT, describe(setting));
	}
	return false;
}

static struct bytes lower(struct sec_rules *rules, struct bytes text)
{
	uint8_t *copy = sec_alloc(rules, text.size);

	if (!copy)
		return (struct bytes){ 0 };
	for (size_t i = 0; i < text.size; i++)
		copy[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (uint8_t)(text.ptr[i] | 0x20) : text.ptr[i];
	return bytes_of(copy, text.size);
}

/* Both SecResponseBodyMimeType, of which the first takes the place of the default and the others add to it, and
 * SecResponseBodyMimeTypesClear. */
void sec_read_mime_types(struct sec_rules *rules, const struct sec_line *line)
{
	if (sec_same(line->args[0].text, "SecResponseBodyMimeTypesClear")) {
		if (line->arg_count > 1)
			sec_error_rest(rules, line, line->args[1].start, SEC_INVALID_INPUT, "it takes no value");
		rules->mime_types = (struct sec_list){ 0 };
		return;
	}
	if (line->arg_count < 2)
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "types such as text/html");
	if (!rules->mime_types_said)
		rules->mime_types = (struct sec_list){ 0 };
	rules->mime_types_said = true;
	for (size_t i = 1; i < line->arg_count; i++) {
		struct bytes *type = sec_append(rules, &rules->mime_types, sizeof(*type));

		if (type)
			*type = lower(rules, line->args[i].text);
	}
}

void sec_read_audit_parts(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes text = line->args[line->arg_count - 1].text;
	uint32_t parts = 0;

	for (size_t i = 0; i < text.size && line->arg_count == 2; i++) {
		uint8_t part = text.ptr[i] & 0xdf;

		if (part < 'A' || (part > 'K' && part != 'Z')) {
			parts = 0;
			break;
		}
		parts |= UINT32_C(1) << (part - 'A');
	}
	if (parts)
		rules->settings.audit_parts = parts;
	else
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "letters from A to K, and Z");
}

void sec_read_audit_status(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes text = line->args[line->arg_count - 1].text;
	char message[REGEX_MESSAGE_SIZE];
	struct regex_limits limits = { 0 };
	struct regex **owner;

	if (line->arg_count != 2 || !text.size) {
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "a pattern of statuses, such as \"^[45]\"");
		return;
	}
	owner = sec_append(rules, &rules->regexes, sizeof(struct regex *));
	if (!owner)
		return;
	if (regex_compile(text, 0, limits, message, owner) < 0) {
		rules->regexes.count--;
		sec_error(rules, line, line->end, "SecAuditLogRelevantStatus: %s", message);
		return;
	}
	rules->settings.audit_status = *owner;
}

void sec_read_component(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes old = rules->settings.component, text = line->args[line->arg_count - 1].text;
	uint8_t *joined;

	if (line->arg_count != 2 || !text.size) {
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "a name in quotes");
		return;
	}
	joined = sec_alloc(rules, old.size + 1 + text.size);
	if (!joined)
		return;
	if (old.size) {
		memcpy(joined, old.ptr, old.size);
		joined[old.size++] = ' ';
	}
	memcpy(joined + old.size, text.ptr, text.size);
	rules->settings.component = bytes_of(joined, old.size + text.size);
}

void sec_read_separator(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes text = line->args[line->arg_count - 1].text;

	if (line->arg_count != 2 || text.size != 1)
		sec_error(rules, line, line->end, "Argument separator should be set to a single character.");
	else
		rules->settings.args_separator = text.ptr[0];
}

void sec_read_cookie_format(struct sec_rules *rules, const struct sec_line *line)
{
	if (line->arg_count == 2 && bytes_equal_str(line->args[1].text, "1"))
		sec_error(rules, line, line->end, "SecCookieFormat 1 is not yet supported.");
	else if (line->arg_count != 2 || !bytes_equal_str(line->args[1].text, "0"))
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "0, the format of today's browsers");
}

/* FILE CODE_PAGE, where FILE may hold blanks. */
void sec_read_unicode_map(struct sec_rules *rules, const struct sec_line *line)
{
	const struct sec_arg *last = &line->args[line->arg_count - 1];
	struct bytes name;
	char path[4096];
	uint64_t page;

	if (line->arg_count < 3 || !sec_number(last->text, UINT32_MAX, &page)) {
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "a file and the number of a code page");
		return;
	}
	name = bytes_of(line->source->text.ptr + line->args[1].start,
		line->arg_count == 3 ? line->args[1].text.size : last->start - line->args[1].start);
	name = sec_trim(name);
	if (rules->no_files || !sec_find_file(line->source, name, path, sizeof(path))) {
		sec_error(rules, line, line->end, "Failed to locate the unicode map file from: %.*s",
			(int)(name.size < 300 ? name.size : 300), (const char *)name.ptr);
		return;
	}
	rules->settings.unicode_map = sec_dup(rules, bytes_from_str(path));
	rules->settings.unicode_code_page = (uint32_t)page;
	if (page != SEC_CODE_PAGE)
		sec_warn(rules, line, "SecUnicodeMapFile is left out: there is a map of code page %d only",
			SEC_CODE_PAGE);
}

void sec_read_geo_db(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes name = line->args[line->arg_count - 1].text;
	char path[4096];

	if (line->arg_count != 2)
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "the path of a data base");
	else if (rules->no_files || !sec_find_file(line->source, name, path, sizeof(path)))
		sec_error(rules, line, line->end, "Failed to load locate the GeoDB file from: %.*s",
			(int)(name.size < 300 ? name.size : 300), (const char *)name.ptr);
	else
		rules->settings.geo_db = sec_dup(rules, bytes_from_str(path));
}
