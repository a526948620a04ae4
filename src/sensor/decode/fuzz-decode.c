// SPDX-License-Identifier: Apache-2.0
/* Frames of any link type: each packet keeps the promises of check.h.
 *
 * The first byte is the link type (two of the high numbers stand for those beyond a byte), then frames, each with its
 * size in two bytes; the last one may be cut. Inputs share a decoder, a day apart, so that no fragment waits for the
 * next input. */
#include <stdlib.h>

#include "sensor/decode/check.h"
#include "sensor/decode/decode.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/worker/worker.h"

enum { BYTE_SLL2 = 253, BYTE_GRE = 254, LINKTYPE_SLL2 = 276, LINKTYPE_GRE = 778, INPUT_GAP_S = 86400 };

static uint64_t counters[STATS_COUNTERS_MAX];

static void see(void *context, struct sensor_packet *p)
{
	unsigned int *count = context;

	check_packet(p);
	++*count;
}

static void feed(struct decoder *decoder, uint32_t linktype, uint64_t start_s, struct bytes in)
{
	for (uint64_t number = 1; in.size >= 2; number++) {
		size_t size = (size_t)(in.ptr[0] << 8 | in.ptr[1]);
		struct worker_frame frame = { .data = bytes_first(bytes_skip(in, 2), size),
			.time_ns = (start_s + number) * 1000000000,
			.number = number,
			.linktype = linktype };
		unsigned int count = 0;

		frame.wire_size = (uint32_t)frame.data.size;
		decoder_frame(decoder, &frame, see, &count);
		assert(count >= 1 && count <= DECODER_PACKETS_MAX);
		in = bytes_skip(in, 2 + frame.data.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sensor_settings *settings;
	static struct decoder *decoder;
	static uint64_t now_s;
	uint32_t linktype;

	if (!decoder) {
		if (sensor_settings_load(&(struct sensor_options){ .offline = true }, &settings))
			abort();
		decoder = decoder_new(settings, counters, (struct siphash_key){ 1, 2 });
		assert(decoder);
	}
	if (size == 0)
		return 0;
	now_s += INPUT_GAP_S;
	linktype = data[0] == BYTE_SLL2 ? LINKTYPE_SLL2 : data[0] == BYTE_GRE ? LINKTYPE_GRE : data[0];
	feed(decoder, linktype, now_s, bytes_of(data + 1, size - 1));
	return 0;
}
