// SPDX-License-Identifier: Apache-2.0
/* CVSS scores from their vectors: 2.0 ("AV:N/AC:L/Au:N/C:P/I:P/A:P", also in brackets), 3.0 and 3.1, 4.0 (FIRST's
 * specifications). Scores that a report states are never used when it has a vector. Plain functions: any thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum cvss_version { CVSS_2 = 20, CVSS_30 = 30, CVSS_31 = 31, CVSS_4 = 40 };

struct cvss {
	enum cvss_version version;
	uint8_t base10; /* ten times the base score: 98 is 9.8; of 4.0 the score with all metrics that are given */
	uint8_t score10; /* with temporal, environmental, threat metrics where they are given; else as base10 */
	uint8_t band; /* 0 none, 1 low, 2 medium, 3 high, 4 critical, of score10 */
};

/* LUYTRE_E_SYNTAX (not a vector, a metric twice, one missing), LUYTRE_E_VERSION. */
MUST_CHECK int cvss_score(struct bytes vector, struct cvss *ret);
