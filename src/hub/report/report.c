// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/report/internal.h"

int report_new(bool landscape, struct report **ret)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return LUYTRE_E_NOMEM;
	arena_init(&report->arena, REPORT_SIZE_MAX);
	report->landscape = landscape;
	report->name = "";
	*ret = report;
	return 0;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	arena_done(&report->arena);
	free(report->items);
	free(report);
}

static const char *keep(struct report *report, const char *text)
{
	const char *copy = arena_strdup(&report->arena, text ? text : "");

	if (!copy)
		report->error = LUYTRE_E_FULL;
	return copy ? copy : "";
}

static struct report_item *add(struct report *report, enum report_kind kind, const char *const *texts, size_t count)
{
	const char **copies;

	if (!report->error && report->count == REPORT_ITEMS_MAX)
		report->error = LUYTRE_E_FULL;
	if (!report->error && report->count == report->room) {
		size_t room = report->room ? 2 * report->room : 64;
		struct report_item *items = realloc(report->items, room * sizeof(*items));

		if (items) {
			report->items = items;
			report->room = room;
		} else {
			report->error = LUYTRE_E_NOMEM;
		}
	}
	copies = report->error ? NULL : arena_alloc(&report->arena, (count + 1) * sizeof(*copies));
	if (!copies) {
		if (!report->error)
			report->error = LUYTRE_E_FULL;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		copies[i] = keep(report, texts[i]);
	report->items[report->count] = (struct report_item){ .kind = kind, .texts = copies };
	return &report->items[report->count++];
}

void report_name(struct report *report, const char *text)
{
	report->name = keep(report, text);
}

void report_heading(struct report *report, enum report_style style, const char *text)
{
	struct report_item *item = add(report, REPORT_HEADING, &text, 1);

	if (item)
		item->style = style;
}

void report_field(struct report *report, const char *label, const char *value)
{
	(void)add(report, REPORT_FIELD, (const char *const[]){ label, value }, 2);
}

void report_table(struct report *report, const struct report_column *columns, size_t count)
{
	if (count > REPORT_COLUMNS_MAX || report->column_count) {
		report->error = LUYTRE_E_INVALID;
		return;
	}
	report->columns = columns;
	report->column_count = count;
	(void)add(report, REPORT_TABLE, NULL, 0);
}

void report_row(struct report *report, const char *const *cells)
{
	(void)add(report, REPORT_ROW, cells, report->column_count);
}

void report_out_free(struct report_out *out)
{
	free(out->ptr);
	*out = (struct report_out){ 0 };
}

int report_put(struct report_out *out, size_t *room, struct bytes bytes)
{
	size_t need = out->size + bytes.size, more = *room ? *room : 4096;
	unsigned char *ptr;

	if (need > REPORT_OUT_MAX)
		return LUYTRE_E_FULL;
	while (more < need)
		more *= 2;
	if (more != *room) {
		ptr = realloc(out->ptr, more);
		if (!ptr)
			return LUYTRE_E_NOMEM;
		out->ptr = ptr;
		*room = more;
	}
	if (bytes.size)
		memcpy(out->ptr + out->size, bytes.ptr, bytes.size);
	out->size = need;
	return 0;
}
