// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest/eve.h"

#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/error.h"
#include "base/jsonr.h"
#include "bus/evidence.h"

#define US_PER_S INT64_C(1000000)

/* What edges act on at once (bus) and what is stored here are the same classes. */
static_assert((int)EVIDENCE_E0 == (int)EV_E0 && (int)EVIDENCE_E1 == (int)EV_E1 && (int)EVIDENCE_E2 == (int)EV_E2 &&
		      (int)EVIDENCE_E3 == (int)EV_E3,
	"classes of evidence");

static const struct jsonr_limits line_limits = { .size_max = EV_DETAIL_MAX, .depth_max = 16, .value_max = 4000 };

const char *ingest_fault_name(enum ingest_fault fault)
{
	static const char *const names[] = {
#define X(id, name) [INGEST_##id] = name,
		INGEST_FAULTS(X)
#undef X
	};

	return fault < INGEST_FAULT_COUNT ? names[fault] : "";
}

/* ---- Reading values ---- */

static struct bytes text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

static uint64_t number_of(const json_t *object, const char *key, uint64_t max)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return 0;
	return (uint64_t)json_integer_value(value);
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* The first text of "key": ["text", ...], or "key": "text". */
static struct bytes first_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_array(value))
		value = json_array_get(value, 0);
	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

static struct ip_addr addr_of(const json_t *object, const char *key)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr addr;

	if (ip_addr_parse(text_of(object, key), &addr))
		return (struct ip_addr){ 0 };
	if (addr.family == IP_V6 && memcmp(addr.bytes, mapped, sizeof(mapped)) == 0)
		return ip_addr_v4(addr.bytes + sizeof(mapped));
	return addr;
}

static bool digits(struct bytes text, size_t at, size_t count, int *ret)
{
	*ret = 0;
	for (size_t i = at; i < at + count; i++) {
		if (i >= text.size || !isdigit(text.ptr[i]))
			return false;
		*ret = *ret * 10 + text.ptr[i] - '0';
	}
	return true;
}

/* "Z", "+0700" or "+07:00", in seconds. */
static bool read_zone(struct bytes text, int *ret_s)
{
	int hours, minutes;
	size_t second;

	if (text.size == 1 && (text.ptr[0] == 'Z' || text.ptr[0] == 'z')) {
		*ret_s = 0;
		return true;
	}
	if (text.size < 5 || (text.ptr[0] != '+' && text.ptr[0] != '-') || !digits(text, 1, 2, &hours))
		return false;
	second = text.ptr[3] == ':' ? 4 : 3;
	if (!digits(text, second, 2, &minutes) || text.size != second + 2 || hours > 23 || minutes > 59)
		return false;
	*ret_s = (hours * 60 + minutes) * 60 * (text.ptr[0] == '-' ? -1 : 1);
	return true;
}

bool ingest_time(struct bytes text, int64_t *ret_us)
{
	int year, month, day, hour, minute, second, zone_s, digit;
	int64_t us = 0, unit = US_PER_S / 10;
	size_t at = 19;

	if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) ||
		!digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute) || !digits(text, 17, 2, &second) ||
		text.ptr[4] != '-' || text.ptr[7] != '-' || (text.ptr[10] != 'T' && text.ptr[10] != ' ') ||
		text.ptr[13] != ':' || text.ptr[16] != ':')
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	if (at < text.size && text.ptr[at] == '.') {
		for (at++; digits(text, at, 1, &digit); at++, unit /= 10)
			us += digit * unit;
	}
	if (!read_zone(bytes_skip(text, at), &zone_s))
		return false;
	*ret_us = (date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s) * US_PER_S + us;
	return *ret_us >= 0;
}

/* ---- Templates of paths ---- */

static const char *template_of(struct bytes word)
{
	size_t numbers = 0;

	for (size_t i = 0; i < word.size; i++)
		numbers += isdigit(word.ptr[i]) != 0;
	if (word.size && numbers == word.size)
		return "{n}";
	return word.size > 24 || (numbers >= 4 && numbers < word.size) ? "{w}" : NULL;
}

void ingest_path_template(struct bytes url, char ret[INGEST_PATH_SIZE])
{
	size_t size = 0, end = bytes_index(bytes_first(url, bytes_index(url, '?')), '#');

	url = bytes_first(url, end);
	ret[0] = '\0';
	while (!bytes_empty(url)) {
		struct bytes word = bytes_first(url, bytes_index(url, '/'));
		const char *instead = template_of(word);
		int wrote = instead ? snprintf(ret + size, INGEST_PATH_SIZE - size, "%s", instead)
				    : snprintf(ret + size, INGEST_PATH_SIZE - size, "%.*s", (int)word.size,
					      (const char *)word.ptr);

		if (wrote < 0 || size + (size_t)wrote + 1 >= INGEST_PATH_SIZE)
			return;
		size += (size_t)wrote;
		if (word.size < url.size) {
			ret[size++] = '/';
			ret[size] = '\0';
		}
		url = bytes_skip(url, word.size + 1);
	}
}

/* ---- What kind of event ---- */

static const struct {
	const char *type;
	enum ev_kind kind;
} kinds[] = {
	{ "alert", EV_ALERT },
	{ "drop", EV_DROPS },
	{ "drops", EV_DROPS },
	{ "attack", EV_ATTACK },
	{ "gate", EV_GATE },
	{ "anomaly", EV_ANOMALY },
	{ "inventory", EV_INVENTORY },
	{ "edge", EV_EDGE },
};

static enum ev_kind kind_of(const json_t *root, struct bytes type)
{
	if (bytes_equal_str(type, "gate") && json_is_object(json_object_get(json_object_get(root, "gate"), "guard")))
		return EV_GUARD;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		if (bytes_equal_str(type, kinds[i].type))
			return kinds[i].kind;
	return EV_OTHER;
}

/* Classes of rules (classification.config of Suricata: the text of "category") and what they are here. The first that occurs. */
static const struct {
	const char *word;
	enum decide_class class;
} categories[] = {
	{ "denial of service", DECIDE_DDOS },
	{ "network scan", DECIDE_SCAN },
	{ "information leak", DECIDE_SCAN },
	{ "scan", DECIDE_SCAN },
	{ "brute", DECIDE_LOGIN },
	{ "default username", DECIDE_LOGIN },
	{ "suspicious user", DECIDE_LOGIN },
	{ "unsuccessful user", DECIDE_LOGIN },
	{ "command and control", DECIDE_C2 },
	{ "trojan", DECIDE_C2 },
	{ "malware", DECIDE_C2 },
	{ "phishing", DECIDE_PHISHING },
	{ "credential theft", DECIDE_PHISHING },
	{ "web application", DECIDE_WEB },
	{ "privilege gain", DECIDE_WEB },
	{ "exploit", DECIDE_WEB },
	{ "executable code", DECIDE_WEB },
	{ "shellcode", DECIDE_WEB },
};

static bool has_word(struct bytes text, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= text.size; i++)
		if (strncasecmp((const char *)text.ptr + i, word, size) == 0)
			return true;
	return false;
}

/* False: nothing that is worth a sighting (policy violations, protocol oddities). */
static bool class_of(struct bytes said, struct bytes category, enum decide_class *ret)
{
	for (int i = 0; i < DECIDE_CLASS_COUNT; i++) {
		if (!bytes_empty(said) && bytes_equal_str(said, formula_class((enum decide_class)i)->word)) {
			*ret = (enum decide_class)i;
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(categories); i++) {
		if (has_word(category, categories[i].word)) {
			*ret = categories[i].class;
			return true;
		}
	}
	return false;
}

static uint8_t protocol_of(struct bytes name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} rows[] = { { "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP }, { "ICMP", IPPROTO_ICMP },
		{ "IPv6-ICMP", IPPROTO_ICMPV6 }, { "ICMPv6", IPPROTO_ICMPV6 }, { "SCTP", IPPROTO_SCTP },
		{ "GRE", IPPROTO_GRE } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (name.size == strlen(rows[i].name) &&
			strncasecmp((const char *)name.ptr, rows[i].name, name.size) == 0)
			return rows[i].number;
	return 0;
}

static enum ev_action action_of(const json_t *root, enum ev_kind kind)
{
	const json_t *alert = json_object_get(root, "alert"), *gate = json_object_get(root, "gate");
	const json_t *drops = json_object_get(root, "drops");

	if (kind == EV_DROPS)
		return is_true(drops, "shadow") ? EV_SHADOW : EV_STOPPED;
	if (kind == EV_GATE || kind == EV_GUARD) {
		if (is_true(gate, "shadow") && !bytes_equal_str(text_of(gate, "wanted"), "pass"))
			return EV_SHADOW;
		return bytes_equal_str(text_of(gate, "action"), "pass") ? EV_SEEN : EV_STOPPED;
	}
	if (kind == EV_ALERT)
		return bytes_equal_str(text_of(alert, "action"), "blocked") ? EV_STOPPED : EV_PASSED;
	return EV_SEEN;
}

/* ---- Parts of an event ---- */

static void read_alert(struct ingest *in, const json_t *alert)
{
	in->event.rule = number_of(alert, "signature_id", INT64_MAX);
	in->event.signature = bytes_first(text_of(alert, "signature"), EV_SIGNATURE_MAX);
	in->event.severity = (uint8_t)number_of(alert, "severity", 4);
}

static void read_gate(struct ingest *in, const json_t *gate, const json_t *rules)
{
	const json_t *guard = json_object_get(gate, "guard");
	uint64_t rule = number_of(gate, "rule", INT64_MAX);
	const json_t *match;
	size_t i;

	in->event.rule = rule;
	in->event.severity = in->event.action == EV_SEEN ? 3 : 2;
	in->event.signature = text_of(guard ? guard : gate, "reason");
	json_array_foreach (rules, i, match) {
		if (number_of(match, "id", INT64_MAX) == rule || (i == 0 && !guard))
			in->event.signature = text_of(match, "msg");
		if (number_of(match, "id", INT64_MAX) == rule)
			break;
	}
	in->event.signature = bytes_first(in->event.signature, EV_SIGNATURE_MAX);
}

static void read_drops(struct ingest *in, const json_t *drops)
{
	uint64_t packets = number_of(drops, "packets", UINT32_MAX);

	in->event.count = packets ? (uint32_t)packets : 1;
	in->event.rule = number_of(drops, "rule", INT64_MAX);
	in->event.decision = number_of(drops, "decision", INT64_MAX);
	in->event.signature = bytes_first(text_of(drops, "reason"), EV_SIGNATURE_MAX);
	in->event.severity = 4;
}

static void turn_ends(struct ev_event *event)
{
	struct ip_addr addr = event->src;
	uint16_t port = event->src_port;

	event->src = event->dst;
	event->dst = addr;
	event->src_port = event->dst_port;
	event->dst_port = port;
}

static void find_owner(struct ev_event *event, const struct ingest_options *options)
{
	struct ingest_owner source = { 0 }, target = { 0 };

	if (event->dst.family)
		options->owner(options->context, &event->dst, &target);
	if (event->src.family)
		options->owner(options->context, &event->src, &source);
	if (!target.tenant && source.tenant) { /* seen on an answer, or leaving: the other end is the stranger */
		turn_ends(event);
		target = source;
	}
	event->tenant = target.tenant;
	event->system = target.system;
}

static void read_payload(const json_t *root, struct ingest_sighting *ret)
{
	const json_t *http = json_object_get(root, "http");
	struct bytes url = text_of(http, "url");

	if (!bytes_empty(url))
		ingest_path_template(url, ret->path);
	ret->payload = !bytes_empty(url) ? url : text_of(root, "payload_printable");
	(void)bytes_to_str(text_of(json_object_get(root, "tls"), "ja4"), ret->ja4, sizeof(ret->ja4));
}

/* Addresses that many networks use for themselves (RFC 6890), multicast and what is no address of anybody: what one edge saw of such a
 * one says nothing to another, and a decision about it would stop the other's own machines. */
static bool is_shared_address(const struct ip_addr *addr)
{
	static const struct {
		uint8_t bytes[4], bits;
	} rows[] = { { { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 }, { { 169, 254 }, 16 },
		{ { 172, 16 }, 12 }, { { 192, 168 }, 16 }, { { 224 }, 3 } };

	if (addr->family == IP_V6)
		return (addr->bytes[0] & 0xe0) != 0x20; /* not 2000::/3 */
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct ip_prefix prefix = { .addr = ip_addr_v4(rows[i].bytes), .length = rows[i].bits };

		if (ip_prefix_contains(&prefix, addr))
			return true;
	}
	return false;
}

static void make_sighting(struct ingest *in)
{
	const json_t *root = in->root, *alert = json_object_get(root, "alert");
	const json_t *metadata = json_object_get(alert, "metadata"), *gate = json_object_get(root, "gate");
	struct ingest_sighting *seen = &in->sighting;
	enum ev_kind kind = (enum ev_kind)in->event.kind;
	struct bytes said = first_text(metadata, "luytre_class");
	bool attack = kind == EV_ALERT || ((kind == EV_GATE || kind == EV_GUARD) && in->event.action != EV_SEEN);

	if (!attack || !in->event.src.family || !in->event.tenant || is_shared_address(&in->event.src))
		return;
	if (kind == EV_GUARD)
		said = bytes_from_str(
			bytes_starts_with(in->event.signature, bytes_from_str("login")) ? "login" : "scan");
	else if (kind == EV_GATE)
		said = bytes_from_str("web");
	if (kind == EV_GUARD && bytes_equal_str(text_of(json_object_get(gate, "guard"), "kind"), "leak"))
		return; /* says something of the application, not of who asked */
	if (!class_of(said, text_of(alert, "category"), &seen->class))
		return;
	seen->src = in->event.src;
	seen->evidence = (uint8_t)evidence_of(root);
	seen->tenant = in->event.tenant;
	seen->rule = in->event.rule;
	seen->port = in->event.dst_port;
	seen->stopped = in->event.action == EV_STOPPED;
	read_payload(root, seen);
	in->has_sighting = true;
}

static int read_line(struct ingest *in, const struct ingest_options *options, enum ingest_fault *ret_fault)
{
	const json_t *root = in->root;
	struct ev_event *event = &in->event;
	struct bytes type = text_of(root, "event_type");

	*ret_fault = INGEST_TYPE;
	if (bytes_empty(type))
		return LUYTRE_E_SYNTAX;
	*ret_fault = INGEST_TIME;
	if (!ingest_time(text_of(root, "timestamp"), &event->time_us))
		return LUYTRE_E_SYNTAX;
	if (event->time_us > options->now_us + INGEST_AHEAD_MAX_S * US_PER_S)
		event->time_us = options->now_us;
	event->kind = (uint8_t)kind_of(root, type);
	event->action = (uint8_t)action_of(root, (enum ev_kind)event->kind);
	event->edge = options->edge;
	event->count = 1;
	event->severity = 3;
	event->src = addr_of(root, "src_ip");
	event->dst = addr_of(root, "dest_ip");
	event->src_port = (uint16_t)number_of(root, "src_port", UINT16_MAX);
	event->dst_port = (uint16_t)number_of(root, "dest_port", UINT16_MAX);
	event->protocol = protocol_of(text_of(root, "proto"));
	if (event->kind == EV_ALERT)
		read_alert(in, json_object_get(root, "alert"));
	else if (event->kind == EV_GATE || event->kind == EV_GUARD)
		read_gate(in, json_object_get(root, "gate"), json_object_get(root, "rules"));
	else if (event->kind == EV_DROPS)
		read_drops(in, json_object_get(root, "drops"));
	else
		event->signature = bytes_first(type, EV_SIGNATURE_MAX);
	if (!event->severity)
		event->severity = 4;
	find_owner(event, options);
	make_sighting(in);
	event->evidence = in->has_sighting ? in->sighting.evidence : (uint8_t)evidence_proof(root);
	return 0;
}

int ingest_line(
	struct bytes line, const struct ingest_options *options, struct ingest *ret, enum ingest_fault *ret_fault)
{
	struct jsonr_errors errors = { 0 };
	struct ingest in = { 0 };
	int error;

	*ret_fault = line.size > EV_DETAIL_MAX ? INGEST_SIZE : INGEST_SYNTAX;
	if (line.size > EV_DETAIL_MAX || jsonr_parse(line, &line_limits, &errors, &in.root))
		return LUYTRE_E_SYNTAX;
	if (!json_is_object(in.root)) {
		json_decref(in.root);
		return LUYTRE_E_SYNTAX;
	}
	in.event.detail = line;
	error = read_line(&in, options, ret_fault);
	if (error)
		json_decref(in.root);
	else
		*ret = in;
	return error;
}

void ingest_done(struct ingest *ingest)
{
	json_decref(ingest->root);
	ingest->root = NULL;
}
