// SPDX-License-Identifier: Apache-2.0
/* Lines as an edge, or another program in its place, may send them. */
#include <stdlib.h>

#include "base/error.h"
#include "hub/ingest/eve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void owner(void *context, const struct ip_addr *addr, struct ingest_owner *ret)
{
	if (addr->bytes[0] == 198)
		*ret = (struct ingest_owner){ 7, 70 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ingest_options options = { .edge = 1, .now_us = INT64_C(1795000000000000), .owner = owner };
	struct ingest in;
	enum ingest_fault fault;
	char path[INGEST_PATH_SIZE];

	ingest_path_template(bytes_of(data, size), path);
	if (ingest_line(bytes_of(data, size), &options, &in, &fault))
		return 0;
	if (in.event.kind >= EV_KIND_COUNT || in.event.action >= EV_ACTION_COUNT ||
		in.event.evidence >= EV_EVIDENCE_COUNT || in.event.severity < 1 || in.event.severity > 4 ||
		in.event.time_us < 0 || in.event.count < 1)
		abort();
	if (in.has_sighting && in.sighting.evidence == EV_E3 && in.event.protocol == 17 && in.event.kind == EV_ALERT)
		abort();
	ingest_done(&in);
	return 0;
}
