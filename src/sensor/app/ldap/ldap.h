// SPDX-License-Identifier: Apache-2.0
/* What the files of LDAP share. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/ldap/message.h"

enum { LDAP_COMPLETE = 1, LDAP_RESPONSES_MAX = 1024 /* kept of one transaction; all are counted */ };

struct ldap_tx {
	struct app_tx common;
	bool has_request, complete;
	struct ldap_message request;
	struct ldap_message *first, *last; /* responses */
	uint32_t response_count, kept_count;
};

bool ldap_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);

extern const struct app_name_value ldap_operation_names[], ldap_result_names[];
extern const struct app_buffer ldap_buffers[];
extern const struct app_number ldap_numbers[];
