// SPDX-License-Identifier: Apache-2.0
/* What web servers say of holds, as an edge, or who has taken its place, may send it. */
#include <stdlib.h>
#include <string.h>

#include "hub/core/holds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *line = json_loadb((const char *)data, size, 0, NULL);
	static struct hold_report report;
	bool valid = false;

	if (!line)
		return 0;
	if (holds_read(line, &report, &valid) && valid) {
		if (!report.gate[0] || memchr(report.gate, '\0', sizeof(report.gate)) == NULL || report.stamp < 0 ||
			report.worker >= report.workers || report.workers > HOLD_WORKERS_MAX || report.part < 1 ||
			report.part > report.parts || report.parts > HOLD_PARTS_MAX ||
			report.row_count > HOLD_REPORT_ROWS_MAX)
			abort();
		for (uint32_t i = 0; i < report.row_count; i++)
			if (!report.rows[i].hold || !report.rows[i].rule ||
				report.rows[i].verdict < HOLD_VERDICT_GOOD ||
				report.rows[i].verdict >= HOLD_VERDICT_COUNT)
				abort();
	}
	json_decref(line);
	return 0;
}
