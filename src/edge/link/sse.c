// SPDX-License-Identifier: Apache-2.0
#include "edge/link/sse.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int sse_init(struct sse *sse)
{
	memset(sse, 0, sizeof(*sse));
	sse->line = malloc(SSE_LINE_MAX);
	sse->data = malloc(SSE_LINE_MAX);
	if (!sse->line || !sse->data) {
		sse_done(sse);
		return LUYTRE_E_NOMEM;
	}
	return 0;
}

void sse_done(struct sse *sse)
{
	free(sse->line);
	free(sse->data);
	memset(sse, 0, sizeof(*sse));
}

static void begin_event(struct sse *sse)
{
	sse->data_size = 0;
	sse->name[0] = '\0';
	sse->event_bad = sse->has_data = false;
}

void sse_reset(struct sse *sse)
{
	begin_event(sse);
	sse->line_size = 0;
	sse->line_long = sse->after_cr = false;
}

/* Lines of data are joined by line feeds. */
static void add_data(struct sse *sse, struct bytes value)
{
	size_t feed = sse->has_data;

	if (sse->data_size + feed + value.size > SSE_LINE_MAX) {
		sse->event_bad = true;
		return;
	}
	if (feed)
		sse->data[sse->data_size++] = '\n';
	if (value.size)
		memcpy(sse->data + sse->data_size, value.ptr, value.size);
	sse->data_size += value.size;
	sse->has_data = true;
}

static void take_field(struct sse *sse, struct bytes line)
{
	struct bytes name = bytes_first(line, bytes_index(line, ':')), value = bytes_skip(line, name.size + 1);

	if (value.size && value.ptr[0] == ' ')
		value = bytes_skip(value, 1);
	if (bytes_equal_str(name, "data"))
		add_data(sse, value);
	else if (bytes_equal_str(name, "event") && !bytes_to_str(value, sse->name, sizeof(sse->name)))
		sse->event_bad = true; /* none of ours is that long */
	else if (bytes_equal_str(name, "id") && value.size < sizeof(sse->id))
		(void)bytes_to_str(value, sse->id, sizeof(sse->id));
}

/* Answers whether to go on. */
static bool end_line(struct sse *sse, sse_event_fn event, void *context)
{
	bool go_on = true;

	if (sse->line_long) {
		sse->event_bad = true;
	} else if (sse->line_size) {
		take_field(sse, bytes_of(sse->line, sse->line_size));
	} else {
		if (sse->event_bad)
			sse->dropped++;
		else if (sse->has_data)
			go_on = event(
				context, sse->name[0] ? sse->name : "message", bytes_of(sse->data, sse->data_size));
		begin_event(sse);
	}
	sse->line_size = 0;
	sse->line_long = false;
	return go_on;
}

bool sse_feed(struct sse *sse, struct bytes in, sse_event_fn event, void *context)
{
	for (size_t i = 0; i < in.size; i++) {
		uint8_t c = in.ptr[i];
		bool second = c == '\n' && sse->after_cr;

		sse->after_cr = c == '\r';
		if (second)
			continue;
		if (c == '\n' || c == '\r') {
			if (!end_line(sse, event, context))
				return false;
		} else if (sse->line_size < SSE_LINE_MAX) {
			sse->line[sse->line_size++] = c;
		} else {
			sse->line_long = true;
		}
	}
	return true;
}
