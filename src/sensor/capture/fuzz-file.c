// SPDX-License-Identifier: Apache-2.0
/* Any bytes are read as a capture file, twice: each frame must lie within its bounds, an error must stay and have a
 * sentence, and both times must give the same. */
#include <stdlib.h>

#include "sensor/capture/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Packed input may unpack to much more than a target should spend its time on. */
#define FRAMES_MAX 20000

static uint64_t mixed(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * UINT64_C(0x100000001b3);
}

/* Mixes everything of a frame, so that every byte of it is touched. */
static uint64_t frame_sum(const struct capture_frame *frame, uint64_t number, uint64_t sum)
{
	if (frame->number != number || frame->data.size > CAPTURE_FRAME_MAX || frame->time_us > 999999)
		abort();
	sum = mixed(mixed(mixed(sum, frame->time_ns), frame->linktype), frame->wire_size);
	for (size_t i = 0; i < frame->data.size; i++)
		sum = mixed(sum, frame->data.ptr[i]);
	return sum;
}

static uint64_t file_sum(struct bytes data)
{
	char message[CAPTURE_MESSAGE_SIZE] = "";
	struct capture_file *file;
	struct capture_frame frame;
	uint64_t number = 0;
	uint64_t sum = 0;
	int found = capture_file_open_memory(data, "fuzz", message, &file);

	if (found != 0) {
		if (found > 0 || message[0] == '\0')
			abort();
		return (uint64_t)found;
	}
	while (number < FRAMES_MAX && (found = capture_file_next(file, &frame)) == 1)
		sum = frame_sum(&frame, ++number, sum);
	if (found < 0 && (capture_file_message(file)[0] == '\0' || capture_file_next(file, &frame) != found))
		abort();
	capture_file_close(file);
	return mixed(sum, (uint64_t)found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (file_sum(bytes_of(data, size)) != file_sum(bytes_of(data, size)))
		abort();
	return 0;
}
