// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/evidence/look.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "hub/posture/internal.h"

static const struct {
	const char *type;
	void (*look)(struct look *look);
} kinds[] = {
	{ "tls", look_tls },
	{ "http", look_http },
	{ "flow", look_flow },
	{ "ssh", look_ssh },
	{ "ftp", look_ftp },
	{ "pop3", look_pop3 },
	{ "rdp", look_rdp },
	{ "smb", look_smb },
};

bool look_wants(struct bytes type)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		if (bytes_equal_str(type, kinds[i].type))
			return true;
	return false;
}

bool look_at(struct bytes type, struct look *look)
{
	look->count = 0;
	look->answered = false;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (!bytes_equal_str(type, kinds[i].type))
			continue;
		kinds[i].look(look);
		return true;
	}
	return false;
}

struct bytes look_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

int64_t look_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

struct look_found *look_add(struct look *look, enum perimeter_rule rule, const char *format, ...)
{
	char what[LOOK_WHAT_SIZE];
	struct look_found *found;
	va_list args;

	if (look->count == LOOK_FOUND_MAX)
		return NULL;
	found = &look->found[look->count++];
	found->rule = rule;
	found->path[0] = found->name[0] = found->cve[0] = '\0';
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	/* Texts of strangers are cut by bytes. */
	posture_text(bytes_from_str(what), false, found->what, sizeof(found->what));
	return found;
}

bool look_has(struct bytes text, const char *word)
{
	for (size_t i = 0; i < text.size; i++)
		if (ascii_starts_nocase_str(bytes_skip(text, i), word))
			return true;
	return false;
}
