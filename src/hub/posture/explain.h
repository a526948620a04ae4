// SPDX-License-Identifier: Apache-2.0
/* Why a finding has the date that it has, in one sentence. Plain functions: any thread. */
#pragma once

#include "hub/posture/finding.h"

enum { FINDING_SENTENCE_SIZE = 1024 };

/* 'level': of the system. Returns 'text'. */
const char *finding_explain(
	const struct finding *finding, uint32_t level, enum luytre_lang lang, char *text, size_t text_size);
