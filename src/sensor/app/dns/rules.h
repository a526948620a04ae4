// SPDX-License-Identifier: Apache-2.0
/* What rules see of a DNS message, for DNS itself and for DNS over HTTPS.
 *
 * Getters of a message and the rows of tables that call them: a protocol says where the message of a transaction and a
 * direction lies (DNS_GETTERS) and at which progress it is there (the ROWS). */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/dns/log.h"
#include "sensor/app/dns/message.h"

#define DNS_VIEWS(X, message_of)                                                                                       \
	X(query, message_of)                                                                                           \
	X(answer, message_of)                                                                                          \
	X(authority, message_of)                                                                                       \
	X(additional, message_of)                                                                                      \
	X(response_name, message_of)
#define DNS_VALUES(X, message_of)                                                                                      \
	X(opcode, message_of)                                                                                          \
	X(rcode, message_of)                                                                                           \
	X(type, message_of)

#define X(name, unused) bool dns_view_##name(const struct dns_message *message, uint32_t index, struct app_view *ret);
DNS_VIEWS(X, )
#undef X
#define X(name, unused)                                                                                                \
	bool dns_value_##name(const struct dns_message *message, enum sensor_dir dir, uint32_t index, uint64_t *ret);
DNS_VALUES(X, )
#undef X

#define DNS_VIEW_GETTER(name, message_of)                                                                              \
	static bool get_dns_##name(                                                                                    \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		const struct dns_message *message = message_of(tx, dir);                                               \
                                                                                                                       \
		return message && dns_view_##name(message, index, ret);                                                \
	}
#define DNS_VALUE_GETTER(name, message_of)                                                                             \
	static bool get_dns_##name(                                                                                    \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)        \
	{                                                                                                              \
		const struct dns_message *message = message_of(tx, dir);                                               \
                                                                                                                       \
		return message && dns_value_##name(message, dir, index, ret);                                          \
	}

/* Functions for the rows; 'message_of(tx, dir)' gives a message or null. */
#define DNS_GETTERS(message_of)                                                                                        \
	DNS_VIEWS(DNS_VIEW_GETTER, message_of)                                                                         \
	DNS_VALUES(DNS_VALUE_GETTER, message_of)

#define DNS_BUFFER_ROW(name, alias, dirs, progress, getter)                                                            \
	{                                                                                                              \
		name, alias, NULL, NULL, dirs, { progress, progress }, APP_BUFFER_MULTI, getter                        \
	}
#define DNS_NUMBER_ROW(name, progress, bits, flags, names, getter)                                                     \
	{                                                                                                              \
		name, NULL, DIR_BOTH, { progress, progress }, bits, flags, names, getter                               \
	}

/* Rows of struct app_buffer and of struct app_number. */
#define DNS_BUFFER_ROWS(progress)                                                                                      \
	DNS_BUFFER_ROW("dns.query", "dns_query", DIR_TO_SERVER, progress, get_dns_query),                              \
		DNS_BUFFER_ROW("dns.queries.rrname", "dns.query.name", DIR_BOTH, progress, get_dns_query),             \
		DNS_BUFFER_ROW("dns.answers.rrname", "dns.answer.name", DIR_BOTH, progress, get_dns_answer),           \
		DNS_BUFFER_ROW("dns.authorities.rrname", NULL, DIR_BOTH, progress, get_dns_authority),                 \
		DNS_BUFFER_ROW("dns.additionals.rrname", NULL, DIR_BOTH, progress, get_dns_additional),                \
		DNS_BUFFER_ROW("dns.response.rrname", NULL, DIR_TO_CLIENT, progress, get_dns_response_name)
#define DNS_NUMBER_ROWS(progress)                                                                                      \
	DNS_NUMBER_ROW("dns.opcode", progress, 8, 0, NULL, get_dns_opcode),                                            \
		DNS_NUMBER_ROW("dns.rcode", progress, 16, 0, dns_rcode_names, get_dns_rcode),                          \
		DNS_NUMBER_ROW("dns.rrtype", progress, 16, APP_NUMBER_MULTI, dns_type_names, get_dns_type)
