// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/dns/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/net.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"

/* IANA "Resource Record (RR) TYPEs". */
const struct app_name_value dns_type_names[] = { { "A", 1 }, { "NS", 2 }, { "MD", 3 }, { "MF", 4 }, { "CNAME", 5 },
	{ "SOA", 6 }, { "MB", 7 }, { "MG", 8 }, { "MR", 9 }, { "NULL", 10 }, { "WKS", 11 }, { "PTR", 12 },
	{ "HINFO", 13 }, { "MINFO", 14 }, { "MX", 15 }, { "TXT", 16 }, { "RP", 17 }, { "AFSDB", 18 }, { "X25", 19 },
	{ "ISDN", 20 }, { "RT", 21 }, { "NSAP", 22 }, { "NSAPPTR", 23 }, { "SIG", 24 }, { "KEY", 25 }, { "PX", 26 },
	{ "GPOS", 27 }, { "AAAA", 28 }, { "LOC", 29 }, { "NXT", 30 }, { "SRV", 33 }, { "ATMA", 34 }, { "NAPTR", 35 },
	{ "KX", 36 }, { "CERT", 37 }, { "A6", 38 }, { "DNAME", 39 }, { "OPT", 41 }, { "APL", 42 }, { "DS", 43 },
	{ "SSHFP", 44 }, { "IPSECKEY", 45 }, { "RRSIG", 46 }, { "NSEC", 47 }, { "DNSKEY", 48 }, { "DHCID", 49 },
	{ "NSEC3", 50 }, { "NSEC3PARAM", 51 }, { "TLSA", 52 }, { "HIP", 55 }, { "CDS", 59 }, { "CDNSKEY", 60 },
	{ "SVCB", 64 }, { "HTTPS", 65 }, { "SPF", 99 }, { "TKEY", 249 }, { "TSIG", 250 }, { "MAILA", 254 },
	{ "ANY", 255 }, { "URI", 256 }, { NULL, 0 } };

/* IANA "DNS RCODEs". */
const struct app_name_value dns_rcode_names[] = { { "NOERROR", 0 }, { "FORMERR", 1 }, { "SERVFAIL", 2 },
	{ "NXDOMAIN", 3 }, { "NOTIMP", 4 }, { "REFUSED", 5 }, { "YXDOMAIN", 6 }, { "YXRRSET", 7 }, { "NXRRSET", 8 },
	{ "NOTAUTH", 9 }, { "NOTZONE", 10 }, { "BADVERS", 16 }, { "BADSIG", 16 }, { "BADKEY", 17 }, { "BADTIME", 18 },
	{ "BADMODE", 19 }, { "BADNAME", 20 }, { "BADALG", 21 }, { "BADTRUNC", 22 }, { NULL, 0 } };

static void name_or_number(struct jsonw *json, const char *key, const struct app_name_value *names, uint16_t value)
{
	char text[8];

	for (; names->name; names++) {
		if (names->value == value) {
			jsonw_kv_string(json, key, names->name);
			return;
		}
	}
	snprintf(text, sizeof(text), "%u", value);
	jsonw_kv_string(json, key, text);
}

unsigned int dns_log_version(const struct conf_node *options)
{
	const char *text = getenv("SURICATA_EVE_DNS_VERSION");
	uint64_t version = text ? strtoul(text, NULL, 10) : conf_u64(options, "version", 3);

	return version == 2 ? 2 : 3;
}

/* ---- What is wanted ---- */

static bool type_listed(const struct conf_node *types, uint16_t type)
{
	for (size_t i = 0; i < conf_values_count(types); i++) {
		const char *text = conf_value_at(types, i);

		for (const struct app_name_value *name = dns_type_names; text && name->name; name++)
			if (name->value == type && strcasecmp(name->name, text) == 0)
				return true;
	}
	return false;
}

bool dns_log_wanted(const struct dns_message *message, const struct conf_node *options)
{
	const struct conf_node *types = conf_get(options, "types");
	bool is_answer = message->flags & DNS_QR;

	if (!conf_bool(options, is_answer ? "responses" : "requests", true) ||
		!conf_bool(options, is_answer ? "answer" : "query", true))
		return false;
	if (conf_values_count(types) == 0)
		return true;
	for (uint32_t i = 0; i < message->question_count; i++)
		if (type_listed(types, message->questions[i].type))
			return true;
	return false;
}

static bool format_wanted(const struct conf_node *options, const char *format)
{
	const struct conf_node *formats = conf_get(options, "formats");

	if (conf_values_count(formats) == 0)
		return true;
	for (size_t i = 0; i < conf_values_count(formats); i++)
		if (strcasecmp(conf_value_at(formats, i), format) == 0)
			return true;
	return false;
}

/* ---- Records ---- */

static void log_name(struct jsonw *json, const char *key, const struct dns_name *name)
{
	app_json_kv_text(json, key, name->text);
	if (name->flags & (DNS_NAME_LONG | DNS_NAME_LABELS)) {
		char truncated[32];

		snprintf(truncated, sizeof(truncated), "%s_truncated", key);
		jsonw_kv_bool(json, truncated, true);
	}
}

static void log_soa(struct jsonw *json, const struct dns_record *record)
{
	static const char *const names[] = { "serial", "refresh", "retry", "expire", "minimum" };

	log_name(json, "mname", &record->target);
	log_name(json, "rname", &record->rname);
	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
		jsonw_kv_u64(json, names[i], record->numbers[i]);
}

static void log_srv(struct jsonw *json, const struct dns_record *record)
{
	jsonw_kv_u64(json, "priority", record->numbers[0]);
	jsonw_kv_u64(json, "weight", record->numbers[1]);
	jsonw_kv_u64(json, "port", record->numbers[2]);
	log_name(json, "name", &record->target);
}

static void log_sshfp(struct jsonw *json, const struct dns_record *record)
{
	app_json_kv_hex(json, "fingerprint", record->text, ':');
	jsonw_kv_u64(json, "algo", record->numbers[0]);
	jsonw_kv_u64(json, "type", record->numbers[1]);
}

/* RFC 6891, section 6.1.2: code, length, data. */
static void log_opt(struct jsonw *json, const struct dns_record *record)
{
	struct bytes rest = record->text;

	while (rest.size >= 4) {
		size_t size = (size_t)rest.ptr[2] << 8 | rest.ptr[3];

		if (size > rest.size - 4)
			return;
		jsonw_object_begin(json);
		jsonw_kv_u64(json, "code", (uint64_t)rest.ptr[0] << 8 | rest.ptr[1]);
		app_json_kv_hex(json, "data", bytes_of(rest.ptr + 4, size), 0);
		jsonw_object_end(json);
		rest = bytes_skip(rest, 4 + size);
	}
}

static void log_data(struct jsonw *json, const struct dns_record *record)
{
	switch (record->data) {
	case DNS_DATA_A:
	case DNS_DATA_AAAA:
		jsonw_key(json, "rdata");
		app_json_addr(json, record->text);
		break;
	case DNS_DATA_NAME:
		log_name(json, "rdata", &record->target);
		break;
	case DNS_DATA_TEXT:
		app_json_kv_text(json, "rdata", record->text);
		break;
	case DNS_DATA_SOA:
		jsonw_kv_object_begin(json, "soa");
		log_soa(json, record);
		jsonw_object_end(json);
		break;
	case DNS_DATA_SRV:
		jsonw_kv_object_begin(json, "srv");
		log_srv(json, record);
		jsonw_object_end(json);
		break;
	case DNS_DATA_SSHFP:
		jsonw_kv_object_begin(json, "sshfp");
		log_sshfp(json, record);
		jsonw_object_end(json);
		break;
	case DNS_DATA_OPT:
		jsonw_kv_array_begin(json, "opt");
		log_opt(json, record);
		jsonw_array_end(json);
		break;
	default:
		break;
	}
}

static void log_records(struct jsonw *json, const char *key, const struct dns_record *records, uint32_t count)
{
	bool opened = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct dns_record *record = &records[i];

		/* An OPT record without options says nothing about names. */
		if (record->type == 41 && record->data == DNS_DATA_NONE)
			continue;
		if (!opened)
			jsonw_kv_array_begin(json, key);
		opened = true;
		jsonw_object_begin(json);
		log_name(json, "rrname", &record->name);
		name_or_number(json, "rrtype", dns_type_names, record->type);
		jsonw_kv_u64(json, "ttl", record->ttl);
		log_data(json, record);
		jsonw_object_end(json);
	}
	if (opened)
		jsonw_array_end(json);
}

/* ---- Answers by type ---- */

static void log_grouped_value(struct jsonw *json, const struct dns_record *record)
{
	switch (record->data) {
	case DNS_DATA_A:
	case DNS_DATA_AAAA:
		app_json_addr(json, record->text);
		break;
	case DNS_DATA_NAME:
		app_json_text(json, record->target.text);
		break;
	case DNS_DATA_TEXT:
		app_json_text(json, record->text);
		break;
	case DNS_DATA_SOA:
		jsonw_object_begin(json);
		log_soa(json, record);
		jsonw_object_end(json);
		break;
	case DNS_DATA_SRV:
		jsonw_object_begin(json);
		log_srv(json, record);
		jsonw_object_end(json);
		break;
	default:
		jsonw_object_begin(json);
		log_sshfp(json, record);
		jsonw_object_end(json);
		break;
	}
}

static void log_grouped(struct jsonw *json, const struct dns_message *message)
{
	/* In the order of their names; a row is a type whose data were taken apart. */
	static const struct app_name_value groups[] = { { "A", 1 }, { "AAAA", 28 }, { "CNAME", 5 }, { "MX", 15 },
		{ "NS", 2 }, { "NULL", 10 }, { "PTR", 12 }, { "SOA", 6 }, { "SRV", 33 }, { "SSHFP", 44 },
		{ "TXT", 16 } };
	bool opened = false;

	for (unsigned int g = 0; g < ARRAY_COUNT(groups); g++) {
		bool group_opened = false;

		for (uint32_t i = 0; i < message->answer_count; i++) {
			const struct dns_record *record = &message->answers[i];

			if (record->type != groups[g].value || record->data == DNS_DATA_NONE)
				continue;
			if (!opened)
				jsonw_kv_object_begin(json, "grouped");
			if (!group_opened)
				jsonw_kv_array_begin(json, groups[g].name);
			opened = group_opened = true;
			log_grouped_value(json, record);
		}
		if (group_opened)
			jsonw_array_end(json);
	}
	if (opened)
		jsonw_object_end(json);
}

/* ---- Messages ---- */

static void log_flags(struct jsonw *json, const struct dns_message *message)
{
	static const struct app_name_value flags[] = { { "qr", DNS_QR }, { "aa", DNS_AA }, { "tc", DNS_TC },
		{ "rd", DNS_RD }, { "ra", DNS_RA }, { "z", DNS_Z } };
	char text[5];
	size_t zeros = 0;

	app_hex(bytes_of((uint8_t[]){ (uint8_t)(message->flags >> 8), (uint8_t)message->flags }, 2), text);
	while (zeros < 3 && text[zeros] == '0')
		zeros++;
	jsonw_kv_string(json, "flags", text + zeros);
	for (unsigned int i = 0; i < ARRAY_COUNT(flags); i++)
		if (message->flags & flags[i].value)
			jsonw_kv_bool(json, flags[i].name, true);
	jsonw_kv_u64(json, "opcode", dns_message_opcode(message));
}

static void log_question(struct jsonw *json, const struct dns_question *question)
{
	log_name(json, "rrname", &question->name);
	name_or_number(json, "rrtype", dns_type_names, question->type);
}

static void log_version3(
	struct jsonw *json, const struct dns_message *message, uint64_t tx_id, const struct conf_node *options)
{
	jsonw_kv_u64(json, "version", 3);
	jsonw_kv_string(json, "type", message->flags & DNS_QR ? "response" : "request");
	jsonw_kv_u64(json, "tx_id", tx_id);
	jsonw_kv_u64(json, "id", message->id);
	log_flags(json, message);
	name_or_number(json, "rcode", dns_rcode_names, dns_message_rcode(message));
	if (message->question_count != 0) {
		jsonw_kv_array_begin(json, "queries");
		for (uint32_t i = 0; i < message->question_count; i++) {
			jsonw_object_begin(json);
			log_question(json, &message->questions[i]);
			jsonw_object_end(json);
		}
		jsonw_array_end(json);
	}
	if (!(message->flags & DNS_QR)) {
		log_records(json, "answers", message->answers, message->answer_count);
	} else {
		if (format_wanted(options, "detailed"))
			log_records(json, "answers", message->answers, message->answer_count);
		if (format_wanted(options, "grouped"))
			log_grouped(json, message);
	}
	log_records(json, "authorities", message->authorities, message->authority_count);
	log_records(json, "additionals", message->additionals, message->additional_count);
}

static void log_query2(struct jsonw *json, const struct dns_message *message, uint64_t tx_id)
{
	jsonw_kv_string(json, "type", "query");
	jsonw_kv_u64(json, "id", message->id);
	if (message->question_count != 0)
		log_question(json, &message->questions[0]);
	jsonw_kv_u64(json, "tx_id", tx_id);
	if (message->flags & DNS_Z)
		jsonw_kv_bool(json, "z", true);
	jsonw_kv_u64(json, "opcode", dns_message_opcode(message));
}

static void log_answer2(struct jsonw *json, const struct dns_message *message, const struct conf_node *options)
{
	jsonw_kv_u64(json, "version", 2);
	jsonw_kv_string(json, "type", "answer");
	jsonw_kv_u64(json, "id", message->id);
	log_flags(json, message);
	if (message->question_count != 0)
		log_question(json, &message->questions[0]);
	name_or_number(json, "rcode", dns_rcode_names, dns_message_rcode(message));
	if (format_wanted(options, "detailed"))
		log_records(json, "answers", message->answers, message->answer_count);
	if (format_wanted(options, "grouped"))
		log_grouped(json, message);
	log_records(json, "authorities", message->authorities, message->authority_count);
}

void dns_log_message(struct jsonw *json, const struct dns_message *message, uint64_t tx_id,
	const struct conf_node *options, bool alert)
{
	/* Version 2 is for records; alerts have had the newer form only since there is one. */
	if (alert || dns_log_version(options) == 3)
		log_version3(json, message, tx_id, options);
	else if (message->flags & DNS_QR)
		log_answer2(json, message, options);
	else
		log_query2(json, message, tx_id);
}
