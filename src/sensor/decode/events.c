// SPDX-License-Identifier: Apache-2.0
/* Names and effects of events, from the lists in events.h. */
#include "sensor/decode/events.h"

struct event_row {
	const char *eve_name;
	uint8_t prefix_size; /* of "decoder." or "stream." */
	uint8_t effect;
};

static const struct event_row rows[EVENT_COUNT] = {
#define X(id, name, effect) [EVENT_##id] = { "decoder." name, sizeof("decoder.") - 1, effect },
	DECODE_EVENTS(X)
#undef X
#define X(id, name) [EVENT_STREAM_##id] = { "stream." name, sizeof("stream.") - 1, EVENT_NOTE },
		STREAM_EVENTS(X)
#undef X
};

const char *event_name(uint16_t event)
{
	return event < EVENT_COUNT ? rows[event].eve_name + rows[event].prefix_size : "unknown";
}

const char *event_eve_name(uint16_t event)
{
	return event < EVENT_COUNT ? rows[event].eve_name : "unknown";
}

bool event_is_invalid(uint16_t event)
{
	return event < EVENT_COUNT && rows[event].effect == EVENT_INVALID;
}

int event_find(struct bytes name, bool stream)
{
	uint16_t first = stream ? EVENT_DECODE_COUNT : 0;
	uint16_t end = stream ? EVENT_COUNT : EVENT_DECODE_COUNT;

	for (uint16_t event = first; event < end; event++)
		if (bytes_equal_str(name, event_name(event)))
			return event;
	return -1;
}
