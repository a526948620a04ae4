// SPDX-License-Identifier: Apache-2.0
/* A DNS message in EVE ("dns" object), for DNS itself and for DNS over HTTPS. */
#pragma once

#include "base/jsonw.h"
#include "sensor/app/app.h"
#include "sensor/app/dns/message.h"

struct conf_node;

/* 2 or 3: what SURICATA_EVE_DNS_VERSION in the environment says, else "version" of the record's options, else 3. */
unsigned int dns_log_version(const struct conf_node *options);
/* False: the options say that this message is not to be shown ("requests: no", "types: [a]"). */
bool dns_log_wanted(const struct dns_message *message, const struct conf_node *options);
/* Members of the open object. */
void dns_log_message(struct jsonw *json, const struct dns_message *message, uint64_t tx_id,
	const struct conf_node *options, bool alert);

extern const struct app_name_value dns_type_names[], dns_rcode_names[];
