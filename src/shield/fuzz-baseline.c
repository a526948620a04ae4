// SPDX-License-Identifier: Apache-2.0
/* The reader of saved baselines: once as it comes, and once behind a header that is right, so that the records are
 * reached without guessing a checksum. */
#include <stdint.h>
#include <stdlib.h>

#include "shield/baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_rates(void *user, const struct baseline_rates_key *key, const struct baseline *baseline)
{
	double *most = user;
	double high = baseline_quantile(baseline, 0.95);

	*most = high > *most ? high : *most;
}

static void take_quick(void *user, const struct baseline_quick_key *key, const struct baseline_quick *quick)
{
	double *most = user;

	*most = quick->high > *most ? quick->high : *most;
}

/* Writes the header that belongs to these records. */
static void seal(uint8_t *data, size_t size)
{
	struct baseline_writer writer;
	size_t used;

	baseline_write_begin(&writer, data, size);
	writer.used = size;
	if (baseline_write_end(&writer, &used))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	double most = 0;
	const struct baseline_reader reader = { &most, take_rates, take_quick };
	uint8_t *sealed = malloc(BASELINE_HEADER_SIZE + size);

	if (!sealed)
		return 0;
	(void)!baseline_read(bytes_of(data, size), &reader);
	if (size)
		memcpy(sealed + BASELINE_HEADER_SIZE, data, size);
	seal(sealed, BASELINE_HEADER_SIZE + size);
	(void)!baseline_read(bytes_of(sealed, BASELINE_HEADER_SIZE + size), &reader);
	if (most > 1e12)
		abort();
	free(sealed);
	return 0;
}
