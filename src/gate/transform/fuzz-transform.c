// SPDX-License-Identifier: Apache-2.0
/* The first byte chooses the transformation, the rest is the value. The result lies in a block of exactly the room that was asked for,
 * and must agree with what the classes of the value promise. */
#include <stdlib.h>

#include "gate/transform/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct transform *transform = &transform_url_decode_uni_20127;
	struct bytes in = bytes_of(data + 1, size - 1);
	size_t room, used;
	uint8_t *out;

	if (size == 0)
		return 0;
	if (data[0] % (transform_count + 1) < transform_count)
		transform = &transforms[data[0] % (transform_count + 1)];
	room = transform->room(in.size);
	out = malloc(room ? room : 1);
	if (!out)
		return 0;
	used = transform->run(in, out);
	if (used > room)
		abort();
	if (transform->acts_on != CLASS_ANY && !(transform_classes(in) & transform->acts_on) &&
		!bytes_equal(in, bytes_of(out, used)))
		abort();
	free(out);
	return 0;
}
