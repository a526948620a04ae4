// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a list of known addresses: our own format, and after a first byte of '{' a warning list. Either an error
 * that can be printed, or a set whose entries are found again. */
#include <assert.h>
#include <stdint.h>

#include "hub/intel/sharedfile.h"

static void check(struct shared *shared)
{
	shared_seal(shared);
	for (size_t i = 0; i < shared_prefix_count(shared); i++) {
		const struct shared_entry *entry = shared_at(shared, i);
		const struct shared_entry *found = shared_find(shared, &entry->prefix.addr);
		struct observable_key key = observable_key_of_prefix(&entry->prefix);

		assert(found && found->prefix.length >= entry->prefix.length);
		assert(entry->kind != SHARED_ALLOW || shared_prefix_allowed(shared, &key, NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shared *shared = shared_new(1000);
	struct bytes text = bytes_of(data, size);
	struct sharedfile_error error;
	char line[640];
	int result;

	if (!shared)
		return 0;
	if (size != 0 && data[0] == '{')
		result = sharedfile_parse_misp(shared, text, "input", SHARED_ALLOW, 0, NULL, &error);
	else
		result = sharedfile_parse(shared, text, "input", NULL, &error);
	if (result == 0) {
		check(shared);
	} else {
		sharedfile_error_text(&error, line, sizeof(line));
		for (const char *at = line; *at; at++)
			assert(*at >= ' ' && *at <= '~');
		assert(error.expected[0]);
	}
	shared_free(shared);
	return 0;
}
