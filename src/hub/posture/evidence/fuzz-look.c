// SPDX-License-Identifier: Apache-2.0
/* Any line of an edge, looked at: whatever stands in it, what is found is bounded and ended texts. */
#include <stdlib.h>

#include "base/jsonr.h"
#include "hub/posture/evidence/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jsonr_limits limits = { .size_max = 16 << 10, .depth_max = 16, .value_max = 4000 };
	struct look look = { .time_us = INT64_C(1795000000000000) };
	struct jsonr_errors errors = { 0 };
	json_t *root;

	if (jsonr_parse(bytes_of(data, size), &limits, &errors, &root))
		return 0;
	look.root = root;
	look.port = (uint16_t)look_number(root, "dest_port");
	if (look_at(look_text(root, "event_type"), &look) != look_wants(look_text(root, "event_type")))
		abort();
	for (size_t i = 0; i < look.count; i++)
		if ((int)look.found[i].rule >= PERIMETER_RULE_COUNT ||
			!memchr(look.found[i].what, '\0', LOOK_WHAT_SIZE) ||
			!memchr(look.found[i].path, '\0', LOOK_PATH_SIZE) || !look.found[i].what[0])
			abort();
	json_decref(root);
	return 0;
}
