// SPDX-License-Identifier: Apache-2.0
/* Sticky buffers that every protocol with files has: where its table has "file.data", rules/buffers.c adds these rows with
 * the same directions and progress. */
#pragma once

#include "sensor/app/app.h"

extern const struct app_buffer detect_file_buffers[]; /* ends with a null name */
