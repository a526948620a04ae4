// SPDX-License-Identifier: Apache-2.0
/* What the files of `luytre gate` give each other besides gate-tool.h and gate-request.h. */
#pragma once

#include <stdio.h>

#include "cli/gate-request.h"
#include "cli/gate-tool.h"

int gate_explain(const struct cli_options *options);
int gate_rules(const struct cli_options *options);

/* "deny" */
const char *gate_action_name(enum gate_action action);
/* Standard input for none or "-". Null when that has been said. */
FILE *gate_open_requests(const struct gate_arguments *arguments, const char **ret_name);
/* 'line' counts; 0: that of 'wrong'. */
void gate_print_request_error(const struct cli_options *options, const char *name, unsigned long line, int error,
	const struct gate_request_error *wrong);
