// SPDX-License-Identifier: Apache-2.0
/* Any bytes as saved decisions: as they are, and with a right head and checksum so that the entries are reached. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shield/decision-file.h"
#include "shield/decisions.h"

static struct shield_maps *maps;
static struct decisions *decisions;

static bool slot_of_name(void *user, const char *name, uint16_t *ret_slot)
{
	*ret_slot = 1;
	return strlen(name) % 2 == 1;
}

/* One set for all inputs, never committed: making the tables costs more than reading a file. */
static void prepare(void)
{
	static const struct shield_sizes sizes = { .tenants = 2,
		.tenant_prefixes = 2,
		.port_sets = 2,
		.decisions = 1024,
		.decisions_v6 = 1024,
		.sources = 8,
		.proven = 8,
		.flows = 8,
		.fragments = 8,
		.destinations = 8,
		.signatures = 1,
		.cpus = 1 };
	static const struct decisions_config config = { .max_v4 = 1024, .max_v6 = 1024, .fresh = true };

	if (decisions)
		return;
	maps = shield_maps_new(&sizes, 0);
	decisions = maps ? decisions_new(maps, &config) : NULL;
	assert(decisions);
}

static int restore(const uint8_t *file, size_t size)
{
	struct clock now = { .mono_ns = NS_PER_S, .real_ns = 1700000000 * NS_PER_S };
	size_t put, left_out;
	int error = decisions_begin(decisions, DECISIONS_ALL, now.mono_ns);

	assert(error == 0);
	error = decisions_restore_bytes(
		decisions, bytes_of(file, size), ~0ull, now, slot_of_name, NULL, &put, &left_out);
	assert(error != 0 || put + left_out <= size);
	decisions_abort(decisions);
	return error;
}

/* Input: number of entries in two bytes, then entries. */
static void restore_entries(const uint8_t *data, size_t size)
{
	static const uint8_t head[12] = { 'L', 'T', 'D', 'E', 'C', 'I', 'D', 'E', 0, 0, 0, 1 };
	uint8_t *file = malloc(14 + size + 8);
	uint64_t checksum;

	if (!file)
		return;
	memcpy(file, head, sizeof(head));
	memset(file + 12, 0, 2);
	memcpy(file + 14, data, size);
	checksum = __builtin_bswap64(decision_file_checksum(bytes_of(file, 14 + size)));
	memcpy(file + 14 + size, &checksum, sizeof(checksum));
	restore(file, 14 + size + 8);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	restore(data, size);
	if (size >= 2)
		restore_entries(data, size);
	return 0;
}
