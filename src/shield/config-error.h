// SPDX-License-Identifier: Apache-2.0
/* Collects the errors of one configuration. Private to its reader; what callers see is in config.h. */
#pragma once

#include "shield/config.h"

/* True when 'text' can be shown on a terminal as it is: no control characters, none that turn the writing direction. */
bool config_text_safe(struct bytes text);

/* Copies 'text' into 'ret' with unsafe characters as '?', cut with "..." when it is too long. */
void config_text_copy(struct bytes text, char *ret, size_t ret_size);

/* Adds one error. False when the list is full: the error is only counted. */
bool config_errors_add(struct config_errors *errors, const struct config_error *error);

/* Brings the errors into the order of their lines. */
void config_errors_sort(struct config_errors *errors);
