// SPDX-License-Identifier: Apache-2.0
/* Any bytes are a file: its frames keep to their ceiling, and each gets through the decoder. */
#include <assert.h>

#include "packet/capture.h"
#include "packet/check.h"

/* A file of empty records is as long as the input over sixteen. */
#define FRAME_COUNT_MAX 4096

static void read_frames(struct packet_capture *capture)
{
	for (int i = 0; i < FRAME_COUNT_MAX; i++) {
		struct packet_frame frame;
		struct packet packet;
		enum packet_fault fault;
		int status = packet_capture_next(capture, &frame);

		if (status <= 0) {
			assert((status < 0) == (packet_capture_message(capture)[0] != '\0'));
			return;
		}
		assert(frame.data.size <= PACKET_CAPTURE_FRAME_MAX && frame.data.size <= frame.wire_size);
		fault = packet_decode(frame.data.ptr, frame.data.size, &packet);
		packet_check(frame.data.ptr, frame.data.size, &packet, fault);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[PACKET_CAPTURE_MESSAGE_SIZE];
	struct packet_capture *capture;
	FILE *file = tmpfile();

	/* A real file: libpcap asks for its descriptor. */
	assert(file && fwrite(data, 1, size, file) == size);
	rewind(file);
	if (packet_capture_open_stream(file, "fuzz", message, &capture) == 0) {
		read_frames(capture);
		packet_capture_close(capture);
	} else {
		assert(message[0] != '\0');
	}
	return 0;
}
