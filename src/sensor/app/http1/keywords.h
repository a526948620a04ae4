// SPDX-License-Identifier: Apache-2.0
/* Keywords of HTTP that are neither buffers nor numbers. */
#pragma once

#include "sensor/rules/keyword.h"

extern const struct rule_keyword http_keywords[];
