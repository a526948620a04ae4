// SPDX-License-Identifier: Apache-2.0
/* Any file is read as a data set of each type and format; what is in it afterwards can be asked. The first byte chooses. */
#include <stdlib.h>

#include "sensor/detect/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dataset_options options = { .has_type = true, .value_key = "a.b", .memcap_size = 1 << 20 };
	char message[DATASET_MESSAGE_SIZE];
	struct dataset_hit hit;
	struct dataset *set;
	struct arena memory;

	if (size == 0)
		return 0;
	options.type = data[0] % (DATASET_IP + 1);
	options.format = data[0] / 8 % (DATASET_JSON_LINES + 1);
	options.reputation = (data[0] & 0x40) != 0;
	options.remove_key = (data[0] & 0x80) != 0;
	if (dataset_open("fuzz", &options, 1, message, &set) < 0)
		abort();
	if (dataset_read(set, bytes_of(data + 1, size - 1), &options, message) == 0 && dataset_refused(set) != 0)
		abort();
	arena_init(&memory, 1 << 22);
	dataset_find(set, bytes_of(data, size < 4 ? size : 4), &memory, &hit);
	dataset_find_subdomain(set, bytes_of(data, size), &memory, &hit);
	arena_done(&memory);
	dataset_unref(set);
	return 0;
}
