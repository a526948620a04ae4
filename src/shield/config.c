// SPDX-License-Identifier: Apache-2.0
/* Reads a configuration file by the rows of schema.c.
 *
 * libyaml turns the text into events; the reader walks them together with the schema, section by section, so the
 * nesting of its calls is that of the schema and not of the file. A wrong value is an error that is noted, and reading
 * goes on after it; broken YAML, an anchor or an alias stop the reading at once, because what follows cannot be trusted.
 * Values that must be unique (names, prefixes of tenants) are noted as claims and compared when everything is read. */
#include "shield/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/error.h"
#include "shield/config-error.h"
#include "shield/config-value.h"
#include "shield/schema.h"

#define ARENA_CEILING  ((size_t)512 << 20) /* no file of CONFIG_FILE_MAX bytes makes a larger configuration */
#define NESTING_MAX    16 /* of what is skipped because its name is unknown */
#define VALUE_SIZE_MAX 4096
#define PAIR_NAME_MAX  255 /* with dots: the path of an option */
#define CLAIMS_MAX     (CONFIG_PREFIXES_MAX + CONFIG_TENANTS_MAX + CONFIG_LISTS_MAX + 2)
#define ROWS_MAX       64 /* settings of one section: one bit each */

/* read_sections stores a pointer and then the count. */
static_assert(offsetof(struct config, list_count) == offsetof(struct config, lists) + sizeof(void *), "not adjacent");
static_assert(offsetof(struct config_sensor, output_count) == offsetof(struct config_sensor, outputs) + sizeof(void *),
	"not adjacent");
static_assert(
	offsetof(struct config, tenant_count) == offsetof(struct config, tenants) + sizeof(void *), "not adjacent");

/* A growing array of items of one size. */
struct vector {
	uint8_t *items; /* owned */
	size_t item_size;
	size_t count;
	size_t capacity;
};

/* A value that may appear only once. */
struct claim {
	const struct schema_row *row;
	unsigned int line;
	alignas(max_align_t) uint8_t item[CONFIG_VALUE_ITEM_MAX];
};

struct loader {
	yaml_parser_t parser;
	yaml_event_t event; /* the present one; its memory is released when the next is taken */
	bool stopped; /* no further event may be taken */
	struct bytes text; /* the whole file */
	struct config_value_context context;
	struct config_errors *errors;
	struct vector claims;
	struct vector items; /* bytes of the items of the list that is being read */
	struct vector lines; /* their lines */
	char setting[sizeof(((struct config_error *)0)->setting)];
};

static int vector_add(struct vector *vector, const void *item)
{
	if (vector->count == vector->capacity) {
		size_t capacity = vector->capacity ? vector->capacity * 2 : 16;
		uint8_t *items = realloc(vector->items, capacity * vector->item_size);

		if (!items)
			return LUYTRE_E_NOMEM;
		vector->items = items;
		vector->capacity = capacity;
	}
	memcpy(vector->items + vector->count * vector->item_size, item, vector->item_size);
	vector->count++;
	return 0;
}

static void *vector_at(const struct vector *vector, size_t index)
{
	return vector->items + index * vector->item_size;
}

/* Empties the vector for items of another size. */
static void vector_reset(struct vector *vector, size_t item_size)
{
	vector->capacity = vector->capacity * vector->item_size / item_size;
	vector->item_size = item_size;
	vector->count = 0;
}

/* Goes one step down in the name of the present setting; returns what setting_leave needs. */
PRINTF_LIKE(2, 3) static size_t setting_enter(struct loader *loader, const char *format, ...)
{
	size_t length = strlen(loader->setting);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(loader->setting + length, sizeof(loader->setting) - length, format, arguments);
	va_end(arguments);
	return length;
}

static void setting_leave(struct loader *loader, size_t length)
{
	loader->setting[length] = '\0';
}

/* Notes an error whose other texts are filled in. 0, or LUYTRE_E_INVALID when there were enough: stop reading. */
static int note(struct loader *loader, unsigned int line, struct config_error *error)
{
	error->line = line;
	memcpy(error->setting, loader->setting, sizeof(error->setting));
	if (config_errors_add(loader->errors, error))
		return 0;
	loader->stopped = true;
	return LUYTRE_E_INVALID;
}

static int note_texts(
	struct loader *loader, unsigned int line, const char *found, const char *expected, const char *remedy)
{
	struct config_error error = { .line = 0 };

	snprintf(error.found, sizeof(error.found), "%s", found);
	snprintf(error.expected, sizeof(error.expected), "%s", expected);
	snprintf(error.remedy, sizeof(error.remedy), "%s", remedy);
	return note(loader, line, &error);
}

/* As note_texts, and reading ends here. */
static int stop(struct loader *loader, unsigned int line, const char *found, const char *expected, const char *remedy)
{
	note_texts(loader, line, found, expected, remedy);
	loader->stopped = true;
	return LUYTRE_E_INVALID;
}

static unsigned int event_line(const struct loader *loader)
{
	return (unsigned int)loader->event.start_mark.line + 1;
}

static struct bytes event_text(const struct loader *loader)
{
	return bytes_of(loader->event.data.scalar.value, loader->event.data.scalar.length);
}

/* The line of a byte of the file; libyaml gives no more for characters that it cannot read. */
static unsigned int line_of(struct bytes text, size_t offset)
{
	struct bytes before = bytes_first(text, offset);
	unsigned int line = 1;

	for (size_t i = 0; i < before.size; i++)
		line += before.ptr[i] == '\n';
	return line;
}

static int stop_at_bad_yaml(struct loader *loader)
{
	static const char advice[] = "indent with spaces, not tabs, and put a value that begins with a sign, such as "
				     "\"::1\", between quotes";
	const yaml_parser_t *parser = &loader->parser;
	unsigned int line = (unsigned int)parser->problem_mark.line + 1;
	char found[sizeof(((struct config_error *)0)->found)];
	char remedy[sizeof(((struct config_error *)0)->remedy)];

	if (parser->error == YAML_MEMORY_ERROR) {
		loader->stopped = true;
		return LUYTRE_E_NOMEM;
	}
	loader->setting[0] = '\0'; /* the place is the line; the setting read last may be far above it */
	snprintf(found, sizeof(found), "bad YAML: %s", parser->problem ? parser->problem : "unreadable text");
	if (parser->error == YAML_READER_ERROR)
		return stop(loader, line_of(loader->text, parser->problem_offset), found, "text in UTF-8",
			"save the file as UTF-8 without control characters");
	if (parser->context)
		snprintf(remedy, sizeof(remedy), "%s that begins in line %zu; %s", parser->context,
			parser->context_mark.line + 1, advice);
	else
		snprintf(remedy, sizeof(remedy), "%s", advice);
	return stop(loader, line, found, "\"name: value\"", remedy);
}

/* Anchors and aliases make small files huge, tags choose types: neither has a place in a configuration. */
static int refuse_features(struct loader *loader)
{
	const yaml_event_t *event = &loader->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return stop(loader, event_line(loader), "a YAML alias", "a plain value", "write the value out");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return stop(loader, event_line(loader), "a YAML anchor", "a plain value",
			"remove it, or put the value between quotes when it begins with &");
	if (tag)
		return stop(loader, event_line(loader), "a YAML tag", "a plain value",
			"remove it, or put the value between quotes when it begins with !");
	return 0;
}

/* Takes the next event into loader->event. */
static int take(struct loader *loader)
{
	if (loader->stopped)
		return LUYTRE_E_INVALID;
	yaml_event_delete(&loader->event);
	if (!yaml_parser_parse(&loader->parser, &loader->event))
		return stop_at_bad_yaml(loader);
	return refuse_features(loader);
}

/* Passes over the value that the present event begins. */
static int skip_value(struct loader *loader)
{
	unsigned int depth = 0;

	for (;;) {
		switch (loader->event.type) {
		case YAML_SEQUENCE_START_EVENT:
		case YAML_MAPPING_START_EVENT:
			if (++depth > NESTING_MAX)
				return stop(loader, event_line(loader), "too deep nesting",
					"settings as on the reference page", "");
			break;
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_END_EVENT:
			depth--;
			break;
		default:
			break;
		}
		if (!depth)
			return 0;
		if (take(loader))
			return LUYTRE_E_INVALID;
	}
}

/* What the present event begins, for the 'found' of an error. */
static void describe_found(const struct loader *loader, char *ret, size_t ret_size)
{
	char text[72];

	if (loader->event.type == YAML_SEQUENCE_START_EVENT) {
		snprintf(ret, ret_size, "a list");
	} else if (loader->event.type == YAML_MAPPING_START_EVENT) {
		snprintf(ret, ret_size, "a group of settings");
	} else if (!loader->event.data.scalar.length) {
		snprintf(ret, ret_size, "nothing");
	} else {
		config_text_copy(event_text(loader), text, sizeof(text));
		snprintf(ret, ret_size, "\"%s\"", text);
	}
}

/* The present event begins something else than the row takes. */
static int refuse_value(struct loader *loader, const struct schema_row *row, const char *remedy)
{
	struct config_error error = { .line = 0 };

	describe_found(loader, error.found, sizeof(error.found));
	config_value_expect(row, &error);
	snprintf(error.remedy, sizeof(error.remedy), "%s", remedy);
	if (note(loader, event_line(loader), &error))
		return LUYTRE_E_INVALID;
	return skip_value(loader);
}

/* Reads the scalar of the present event. '*ret_good' tells whether '*ret' was written; an error that is only noted
 * is no failure. */
static int read_scalar(struct loader *loader, const struct schema_row *row, void *ret, bool *ret_good)
{
	struct config_error error = { .line = 0 };
	struct bytes text = event_text(loader);
	int result;

	*ret_good = false;
	if (!config_text_safe(text))
		return refuse_value(loader, row, "control characters are not allowed");
	if (text.size > VALUE_SIZE_MAX)
		return refuse_value(loader, row, "the value is too long");
	loader->context.line = event_line(loader);
	result = config_value_read(&loader->context, row, (const char *)loader->event.data.scalar.value, &error, ret);
	if (result == LUYTRE_E_INVALID) {
		describe_found(loader, error.found, sizeof(error.found));
		return note(loader, event_line(loader), &error);
	}
	*ret_good = !result;
	return result;
}

static int claim(struct loader *loader, const struct schema_row *row, unsigned int line, const void *item, size_t size)
{
	struct claim claim = { .row = row, .line = line };

	if (loader->claims.count == CLAIMS_MAX)
		return stop(loader, line, "too many prefixes and names", "at most 65536 prefixes in all",
			"join neighbouring prefixes");
	memcpy(claim.item, item, size);
	return vector_add(&loader->claims, &claim);
}

/* Reads the value that the present event begins as item number 'index' of a list. */
static int read_item(struct loader *loader, const struct schema_row *row, size_t index)
{
	size_t entered = setting_enter(loader, "[%zu]", index);
	unsigned int line = event_line(loader);
	alignas(max_align_t) uint8_t item[CONFIG_VALUE_ITEM_MAX] = { 0 };
	bool good;
	int result;

	if (loader->event.type != YAML_SCALAR_EVENT) {
		result = refuse_value(loader, row, "");
		good = false;
	} else {
		result = read_scalar(loader, row, item, &good);
	}
	setting_leave(loader, entered);
	if (result || !good)
		return result;
	if (vector_add(&loader->items, item) || vector_add(&loader->lines, &line))
		return LUYTRE_E_NOMEM;
	return row->unique ? claim(loader, row, line, item, loader->items.item_size) : 0;
}

/* The present event begins an item beyond the 'max' of its list. */
static int refuse_more(struct loader *loader, size_t max)
{
	char found[64], expected[64];

	snprintf(found, sizeof(found), "item number %zu of a list", max + 1);
	snprintf(expected, sizeof(expected), "at most %zu", max);
	if (note_texts(loader, event_line(loader), found, expected, ""))
		return LUYTRE_E_INVALID;
	return skip_value(loader);
}

/* Collects the items of the list that the present event begins; a value alone is a list of one. */
static int read_items(struct loader *loader, const struct schema_row *row)
{
	size_t max = (size_t)row->max;

	if (loader->event.type == YAML_MAPPING_START_EVENT)
		return refuse_value(loader, row, "write a list: [a, b]");
	if (loader->event.type == YAML_SCALAR_EVENT && !loader->event.data.scalar.length)
		return refuse_value(loader, row, "write [] for an empty list");
	if (loader->event.type == YAML_SCALAR_EVENT)
		return read_item(loader, row, 0);
	for (size_t index = 0;; index++) {
		int result = take(loader);

		if (result || loader->event.type == YAML_SEQUENCE_END_EVENT)
			return result;
		if (index < max)
			result = read_item(loader, row, index);
		else if (index == max)
			result = refuse_more(loader, max);
		else
			result = skip_value(loader);
		if (result)
			return result;
	}
}

/* Order of two claims without their lines; 0 when the second repeats the first. */
static int compare_values(const struct claim *left, const struct claim *right)
{
	if (left->row != right->row && left->row->unique && right->row->unique) {
		int order = strcmp(left->row->unique, right->row->unique);

		if (order)
			return order;
	}
	return config_value_compare(left->row->kind, left->item, right->item);
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = compare_values(a, b);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* What was claimed, as text for an error. */
static void describe_claim(const struct claim *claim, char *ret, size_t ret_size)
{
	char prefix_text[IP_PREFIX_TEXT_SIZE];
	struct config_port_range range;
	struct ip_prefix prefix;
	const char *name;

	switch (claim->row->kind) {
	case SCHEMA_PREFIXES:
		memcpy(&prefix, claim->item, sizeof(prefix));
		snprintf(ret, ret_size, "%s again", ip_prefix_format(&prefix, prefix_text));
		break;
	case SCHEMA_PORTS:
		memcpy(&range, claim->item, sizeof(range));
		snprintf(ret, ret_size, "%u-%u again", range.first, range.last);
		break;
	case SCHEMA_PROTOCOLS:
		snprintf(ret, ret_size, "protocol %u again", claim->item[0]);
		break;
	default: /* a text, or a struct config_word, which begins with one */
		memcpy(&name, claim->item, sizeof(name));
		snprintf(ret, ret_size, "\"%s\" again", name);
		break;
	}
}

/* Sorts the claims and notes each that equals the one before it. */
static int check_claims(struct loader *loader, struct claim *claims, size_t count)
{
	if (count < 2)
		return 0;
	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < count; i++) {
		struct config_error error = { .expected = "each only once" };
		size_t entered;
		int result;

		if (compare_values(&claims[i], &claims[i - 1]))
			continue;
		describe_claim(&claims[i], error.found, sizeof(error.found));
		snprintf(error.remedy, sizeof(error.remedy), "it is already in line %u", claims[i - 1].line);
		entered = setting_enter(loader, "%s", loader->setting[0] ? "" : claims[i].row->name);
		result = note(loader, claims[i].line, &error);
		setting_leave(loader, entered);
		if (result)
			return result;
	}
	return 0;
}

/* The items of one list must differ. */
static int check_items(struct loader *loader, const struct schema_row *row)
{
	size_t count = loader->items.count;
	struct claim *claims;
	int result;

	if (count < 2)
		return 0;
	claims = calloc(count, sizeof(*claims));
	if (!claims)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		claims[i].row = row;
		memcpy(&claims[i].line, vector_at(&loader->lines, i), sizeof(claims[i].line));
		memcpy(claims[i].item, vector_at(&loader->items, i), loader->items.item_size);
	}
	result = check_claims(loader, claims, count);
	free(claims);
	return result;
}

static int read_list(struct loader *loader, const struct schema_row *row, void *field)
{
	size_t errors_before = loader->errors->total;
	unsigned int line = event_line(loader);
	int result;

	vector_reset(&loader->items, config_value_item_size(row->kind));
	vector_reset(&loader->lines, sizeof(line));
	result = read_items(loader, row);
	if (result)
		return result;
	if (row->required && !loader->items.count && loader->errors->total == errors_before) {
		struct config_error error = { .found = "an empty list", .remedy = "write at least one" };

		config_value_expect(row, &error);
		if (note(loader, line, &error))
			return LUYTRE_E_INVALID;
	}
	result = row->unique ? 0 : check_items(loader, row);
	if (result)
		return result;
	return config_value_store(&loader->context, row->kind, loader->items.items, loader->items.count, field);
}

/* Sets one row of a fresh section to its default, which goes through the reader of the file. A default that is
 * refused is a mistake in schema.c. */
static int set_default(struct loader *loader, const struct schema_row *row, void *field)
{
	size_t item_size = config_value_item_size(row->kind);
	struct config_error error;
	alignas(max_align_t) uint8_t items[16 * CONFIG_VALUE_ITEM_MAX];
	size_t count = 0;
	char text[64];

	if (!item_size) {
		int result = config_value_read(&loader->context, row, row->fallback, &error, field);

		assert(result != LUYTRE_E_INVALID);
		return result;
	}
	assert(strlen(row->fallback) < sizeof(text));
	strcpy(text, row->fallback);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		int result = config_value_read(&loader->context, row, word, &error, items + count++ * item_size);

		assert(result != LUYTRE_E_INVALID);
		if (result)
			return result;
	}
	return config_value_store(&loader->context, row->kind, items, count, field);
}

static int set_defaults(struct loader *loader, const struct schema_section *section, uint8_t *object)
{
	for (size_t i = 0; i < section->row_count; i++) {
		const struct schema_row *row = &section->rows[i];
		int result = 0;

		if (row->kind == SCHEMA_SECTION)
			result = set_defaults(loader, row->section, object + row->offset);
		else if (row->fallback)
			result = set_default(loader, row, object + row->offset);
		if (result)
			return result;
	}
	return 0;
}

static int read_section(struct loader *loader, const struct schema_section *section, uint8_t *object);

/* Reads one entry of a list of sections and adds it to 'entries'. */
static int read_entry(struct loader *loader, const struct schema_row *row, struct vector *entries)
{
	size_t entered = setting_enter(loader, "[%zu]", entries->count);
	uint8_t *object = calloc(1, row->section->size);
	int result = object ? 0 : LUYTRE_E_NOMEM;

	if (!result && loader->event.type != YAML_MAPPING_START_EVENT)
		result = refuse_value(loader, row, "");
	else if (!result)
		result = set_defaults(loader, row->section, object);
	if (!result && loader->event.type == YAML_MAPPING_START_EVENT)
		result = read_section(loader, row->section, object);
	if (!result)
		result = vector_add(entries, object);
	free(object);
	setting_leave(loader, entered);
	return result;
}

static int read_entries(struct loader *loader, const struct schema_row *row, struct vector *entries)
{
	size_t max = row->section->item_max;

	for (size_t index = 0;; index++) {
		int result = take(loader);

		if (result || loader->event.type == YAML_SEQUENCE_END_EVENT)
			return result;
		if (index < max)
			result = read_entry(loader, row, entries);
		else if (index == max)
			result = refuse_more(loader, max);
		else
			result = skip_value(loader);
		if (result)
			return result;
	}
}

/* Reads a list of sections into the pointer and the count at 'field'. */
static int read_sections(struct loader *loader, const struct schema_row *row, uint8_t *field)
{
	struct vector entries = { .item_size = row->section->size };
	const void *copy;
	int result;

	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse_value(loader, row, "write [] for none");
	result = read_entries(loader, row, &entries);
	if (!result && entries.count) {
		copy = arena_dup(loader->context.arena, bytes_of(entries.items, entries.count * entries.item_size));
		if (copy) {
			memcpy(field, &copy, sizeof(copy));
			memcpy(field + sizeof(copy), &entries.count, sizeof(entries.count));
		} else {
			result = LUYTRE_E_NOMEM;
		}
	}
	free(entries.items);
	return result;
}

/* ---- Mappings of names that the operator chooses ---- */

/* Adds the present event to the text of a pair. 0 with '*good' false when it was refused, which is noted. */
static int add_pair_text(
	struct loader *loader, const struct schema_row *row, const char *before, char *ret, size_t ret_size, bool *good)
{
	struct bytes text = loader->event.type == YAML_SCALAR_EVENT ? event_text(loader) : (struct bytes){ 0 };
	size_t used = strlen(ret);

	if (!*good)
		return skip_value(loader); /* one error a pair is enough */
	*good = text.size && config_text_safe(text) && used + text.size + sizeof("[,]") <= ret_size;
	if (!*good)
		return refuse_value(
			loader, row, "each name has one value or a list of them, without control characters");
	snprintf(ret + used, ret_size - used, "%s%.*s", before, (int)text.size, (const char *)text.ptr);
	return 0;
}

/* Reads the value of a pair, one or a list, as text into 'ret'. 0 with '*ret_good' false when it was refused. */
static int read_pair_value(
	struct loader *loader, const struct schema_row *row, char *ret, size_t ret_size, bool *ret_good)
{
	ret[0] = '\0';
	*ret_good = true;
	if (loader->event.type != YAML_SEQUENCE_START_EVENT)
		return add_pair_text(loader, row, "", ret, ret_size, ret_good);
	for (;;) {
		int result = take(loader);

		if (result)
			return result;
		if (loader->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		result = add_pair_text(loader, row, ret[0] ? "," : "[", ret, ret_size, ret_good);
		if (result)
			return result;
	}
	strcat(ret, ret[0] ? "]" : "[]");
	return 0;
}

/* The present event is the name of a pair. */
static int read_pair(struct loader *loader, const struct schema_row *row, struct vector *pairs)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-.";
	struct config_pair pair = { .line = event_line(loader) };
	char name[PAIR_NAME_MAX + 1], value[VALUE_SIZE_MAX];
	bool scalar = loader->event.type == YAML_SCALAR_EVENT, good = false;
	struct bytes text = scalar ? event_text(loader) : (struct bytes){ 0 };
	size_t max = row->dotted ? PAIR_NAME_MAX : CONFIG_NAME_MAX, fitting = 0, entered;
	int result;

	while (fitting < text.size && text.ptr[fitting] && strchr(letters, text.ptr[fitting]) &&
		(text.ptr[fitting] != '.' || row->dotted))
		fitting++;
	if (!text.size || fitting < text.size || text.size > max) {
		if (note_texts(loader, pair.line, text.size > max ? "a longer name" : "a name with other letters",
			    row->dotted ? "letters, digits, _ - : and dots, at most 255"
					: "letters, digits, _ - and :, at most 63",
			    "") ||
			skip_value(loader) || take(loader))
			return LUYTRE_E_INVALID;
		return skip_value(loader);
	}
	config_text_copy(text, name, sizeof(name));
	entered = setting_enter(loader, ".%s", name);
	result = take(loader);
	if (!result)
		result = read_pair_value(loader, row, value, sizeof(value), &good);
	for (size_t i = 0; !result && good && i < pairs->count; i++) {
		const struct config_pair *other = vector_at(pairs, i);

		if (!strcmp(other->name, name)) {
			result = note_texts(
				loader, pair.line, "the same name again", "each name only once", "remove one");
			good = false;
			break;
		}
	}
	setting_leave(loader, entered);
	if (result || !good)
		return result;
	pair.name = arena_strdup(loader->context.arena, name);
	pair.value = arena_strdup(loader->context.arena, value);
	return pair.name && pair.value ? vector_add(pairs, &pair) : LUYTRE_E_NOMEM;
}

static int read_pairs(struct loader *loader, const struct schema_row *row, void *field)
{
	struct vector pairs = { .item_size = sizeof(struct config_pair) };
	struct config_pairs found = { 0 };
	int result = 0;

	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return refuse_value(loader, row, "write {} for none");
	while (!result) {
		result = take(loader);
		if (result || loader->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (pairs.count == (size_t)row->max)
			result = stop(loader, event_line(loader), "too many names", "at most 4096", "");
		else
			result = read_pair(loader, row, &pairs);
	}
	if (!result && pairs.count) {
		found.items = arena_dup(
			loader->context.arena, bytes_of(pairs.items, pairs.count * sizeof(struct config_pair)));
		found.count = pairs.count;
		result = found.items ? 0 : LUYTRE_E_NOMEM;
	}
	free(pairs.items);
	memcpy(field, &found, sizeof(found));
	return result;
}

/* Reads the value that the present event begins into the field of its row. */
static int read_value(struct loader *loader, const struct schema_row *row, uint8_t *field)
{
	unsigned int line = event_line(loader);
	bool good;
	int result;

	if (row->kind == SCHEMA_SECTIONS)
		return read_sections(loader, row, field);
	if (row->kind == SCHEMA_SECTION) {
		if (loader->event.type != YAML_MAPPING_START_EVENT)
			return refuse_value(loader, row, "remove the name when there is nothing to set");
		return read_section(loader, row->section, field);
	}
	if (row->kind == SCHEMA_PAIRS)
		return read_pairs(loader, row, field);
	if (config_value_is_list(row->kind))
		return read_list(loader, row, field);
	if (loader->event.type != YAML_SCALAR_EVENT)
		return refuse_value(loader, row, "");
	result = read_scalar(loader, row, field, &good);
	if (result || !good || !row->unique)
		return result;
	return claim(loader, row, line, field, sizeof(const char *));
}

/* Notes a name that the section does not have, and passes over its value. */
static int refuse_unknown(struct loader *loader, const struct schema_section *section, const char *name)
{
	const char *nearest = schema_nearest(section, name);
	char remedy[128] = "`luytre config reference` lists all settings";

	if (nearest)
		snprintf(remedy, sizeof(remedy), "did you mean '%s'?", nearest);
	if (note_texts(loader, event_line(loader), "an unknown setting", "the name of a setting", remedy) ||
		take(loader))
		return LUYTRE_E_INVALID;
	return skip_value(loader);
}

/* Reads the setting whose name is the present event. 'lines' tells where each row was set before, 0 for not yet. */
static int read_setting(
	struct loader *loader, const struct schema_section *section, uint8_t *object, unsigned int lines[ROWS_MAX])
{
	unsigned int line = event_line(loader);
	const struct schema_row *row;
	char name[64], remedy[64];
	size_t entered, index;
	int result;

	if (loader->event.type != YAML_SCALAR_EVENT) {
		if (note_texts(loader, line, "a list or a group as a name", "the name of a setting", "") ||
			skip_value(loader) || take(loader))
			return LUYTRE_E_INVALID;
		return skip_value(loader);
	}
	config_text_copy(event_text(loader), name, sizeof(name));
	entered = setting_enter(loader, "%s%s", loader->setting[0] ? "." : "", name);
	row = schema_find(section, name);
	index = row ? (size_t)(row - section->rows) : 0;
	if (!row) {
		result = refuse_unknown(loader, section, name);
	} else if (lines[index]) {
		snprintf(remedy, sizeof(remedy), "remove one; it is already in line %u", lines[index]);
		result = note_texts(loader, line, "the same setting again", "each setting only once", remedy);
		if (!result)
			result = take(loader);
		if (!result)
			result = skip_value(loader);
	} else {
		lines[index] = line;
		result = take(loader);
		if (!result)
			result = read_value(loader, row, object + row->offset);
	}
	setting_leave(loader, entered);
	return result;
}

/* Whether the setting 'name' was read; null is none. */
static bool stands_in(const struct schema_section *section, const char *name, const unsigned int lines[ROWS_MAX])
{
	const struct schema_row *row = name ? schema_find(section, name) : NULL;

	return row && lines[row - section->rows];
}

/* Reads the settings of a mapping, whose start is the present event. */
static int read_section(struct loader *loader, const struct schema_section *section, uint8_t *object)
{
	unsigned int line = event_line(loader);
	unsigned int lines[ROWS_MAX] = { 0 };

	assert(section->row_count <= ROWS_MAX);
	if (section->keeps_line)
		memcpy(object, &line, sizeof(line));
	for (;;) {
		int result = take(loader);

		if (result)
			return result;
		if (loader->event.type == YAML_MAPPING_END_EVENT)
			break;
		result = read_setting(loader, section, object, lines);
		if (result)
			return result;
	}
	for (size_t i = 0; i < section->row_count; i++) {
		const struct schema_row *row = &section->rows[i];
		struct config_error error = { .found = "no such setting", .remedy = "it has no default: add it" };
		size_t entered;
		int result;

		if (!row->required || lines[i] || stands_in(section, row->unless, lines))
			continue;
		entered = setting_enter(loader, "%s%s", loader->setting[0] ? "." : "", row->name);
		config_value_expect(row, &error);
		result = note(loader, line, &error);
		setting_leave(loader, entered);
		if (result)
			return result;
	}
	return 0;
}

/* Reads the one document of the file. */
static int read_document(struct loader *loader, struct config *config)
{
	if (take(loader) || take(loader)) /* the start of the stream, then of the document */
		return LUYTRE_E_INVALID;
	if (loader->event.type == YAML_STREAM_END_EVENT)
		return stop(loader, 0, "an empty file", "settings", "begin with \"interface:\"");
	if (take(loader))
		return LUYTRE_E_INVALID;
	if (loader->event.type != YAML_MAPPING_START_EVENT)
		return stop(loader, event_line(loader), "something else", "settings, one a line: \"name: value\"", "");
	return read_section(loader, &schema_root, (uint8_t *)config);
}

/* Nothing may follow the document. */
static int read_end(struct loader *loader)
{
	if (take(loader) || take(loader)) /* the end of the document */
		return LUYTRE_E_INVALID;
	if (loader->event.type != YAML_STREAM_END_EVENT)
		return stop(
			loader, event_line(loader), "a second document", "the end of the file", "remove the line ---");
	return 0;
}

/* Notes the first claim of a row that is beyond 'max'; claims are still in the order of the file. */
static int check_count(
	struct loader *loader, const char *row_name, unsigned int max, const char *capacity_name, const char *found)
{
	const struct schema_section *tenant = schema_find(&schema_root, "tenants")->section;
	const struct schema_row *row = schema_find(tenant, row_name);
	const struct claim *claims = (const struct claim *)loader->claims.items;
	struct config_error error = { .line = 0 };
	unsigned int count = 0;

	for (size_t i = 0; i < loader->claims.count; i++) {
		if (claims[i].row != row || ++count <= max)
			continue;
		snprintf(loader->setting, sizeof(loader->setting), "%s", capacity_name);
		snprintf(error.found, sizeof(error.found), "%s number %u", found, count);
		snprintf(error.expected, sizeof(error.expected), "at most %u", max);
		snprintf(error.remedy, sizeof(error.remedy), "raise %s", capacity_name);
		note(loader, claims[i].line, &error);
		loader->setting[0] = '\0';
		return loader->stopped ? LUYTRE_E_INVALID : 0;
	}
	return 0;
}

/* Packets of the sensor come from one source. */
static int check_source(struct loader *loader, const struct config_sensor *sensor)
{
	const unsigned int lines[] = { sensor->look.line, sensor->wire.line, sensor->nfqueue.line,
		sensor->folder.line };
	unsigned int count = 0, last = 0;
	size_t entered;
	int result;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		count += lines[i] != 0;
		last = lines[i] > last ? lines[i] : last;
	}
	if (count < 2)
		return 0;
	entered = setting_enter(loader, "sensor");
	result = note_texts(loader, last, "a second source of packets", "one of look, wire, nfqueue and folder",
		"run a second sensor with a file of its own");
	setting_leave(loader, entered);
	return result;
}

/* What no single row can check. */
static int check_whole(struct loader *loader, const struct config *config)
{
	if (check_source(loader, &config->sensor))
		return LUYTRE_E_INVALID;
	/* With errors before, the capacity may not be the one that the file means. */
	if (!loader->errors->total) {
		if (check_count(loader, "name", config->capacity.tenants, "capacity.tenants", "tenant") ||
			check_count(loader, "prefixes", config->capacity.tenant_prefixes, "capacity.tenant_prefixes",
				"prefix"))
			return LUYTRE_E_INVALID;
	}
	return check_claims(loader, (struct claim *)loader->claims.items, loader->claims.count);
}

static int read_all(struct loader *loader, struct config *config)
{
	int result = set_defaults(loader, &schema_root, (uint8_t *)config);

	if (!result)
		result = read_document(loader, config);
	if (!result)
		result = read_end(loader);
	if (result)
		return result;
	loader->setting[0] = '\0';
	result = check_whole(loader, config);
	if (result)
		return result;
	return loader->errors->total ? LUYTRE_E_INVALID : 0;
}

static void errors_start(struct config_errors *errors, const char *path)
{
	errors->count = 0;
	errors->total = 0;
	config_text_copy(bytes_from_str(path), errors->file, sizeof(errors->file));
}

/* Everything up to the last slash, with it. */
static struct bytes folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? bytes_of(path, (size_t)(slash - path) + 1) : (struct bytes){ 0 };
}

int config_load_bytes(struct bytes text, const char *path, config_name_fn reply_name, struct config_errors *errors,
	struct config **ret)
{
	struct loader loader = { .text = text,
		.errors = errors,
		.claims.item_size = sizeof(struct claim),
		.items.item_size = 1,
		.lines.item_size = 1 };
	struct config *config;
	int result = LUYTRE_E_NOMEM;

	errors_start(errors, path);
	if (text.size > CONFIG_FILE_MAX)
		return stop(&loader, 0, "a larger file", "at most 16 MB",
			"keep long lists of addresses in files of `lists`");
	config = calloc(1, sizeof(*config));
	if (!config)
		return LUYTRE_E_NOMEM;
	arena_init(&config->arena, ARENA_CEILING);
	loader.context = (struct config_value_context){
		.arena = &config->arena, .reply_name = reply_name, .folder = folder_of(path)
	};
	if (yaml_parser_initialize(&loader.parser)) {
		yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&loader.parser, text.ptr, text.size);
		result = read_all(&loader, config);
		yaml_event_delete(&loader.event);
		yaml_parser_delete(&loader.parser);
	}
	free(loader.claims.items);
	free(loader.items.items);
	free(loader.lines.items);
	config_errors_sort(errors);
	if (result)
		config_free(config);
	else
		*ret = config;
	return result;
}

/* Reads the whole file into memory that the caller frees. 0 or an error code, with errno saying why. */
static int read_file(const char *path, uint8_t **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	uint8_t *text = NULL;
	ssize_t got = -1;
	size_t size = 0;

	if (fd < 0)
		return LUYTRE_E_IO;
	if (!fstat(fd, &status)) {
		if (!S_ISREG(status.st_mode))
			errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		else
			text = malloc(CONFIG_FILE_MAX + 1);
	}
	while (text && (got = read(fd, text + size, CONFIG_FILE_MAX + 1 - size)) > 0)
		size += (size_t)got;
	if (got < 0) {
		int reason = errno;

		free(text);
		close(fd);
		errno = reason;
		return LUYTRE_E_IO;
	}
	close(fd);
	*ret = text;
	*ret_size = size;
	return 0;
}

int config_load(const char *path, config_name_fn reply_name, struct config_errors *errors, struct config **ret)
{
	struct config_error error = { .expected = "a regular file that can be read" };
	uint8_t *text;
	size_t size;
	int result;

	errors_start(errors, path);
	if (read_file(path, &text, &size)) {
		snprintf(error.found, sizeof(error.found), "\"%s\"", strerror(errno));
		config_errors_add(errors, &error);
		return LUYTRE_E_IO;
	}
	result = config_load_bytes(bytes_of(text, size), path, reply_name, errors, ret);
	free(text);
	return result;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	arena_done(&config->arena);
	free(config);
}
