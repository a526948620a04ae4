// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/probe/dns.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <netdb.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "hub/posture/evidence/rules.h"
#include "hub/posture/probe/consent.h"
#include "hub/tenants/canon.h"

enum { ANSWER_MAX = 16 << 10, TEXT_SIZE = 1024 };

/* What came of one question. */
enum dns_status { DNS_DATA, DNS_NOTHING /* the name is there, not such a record */, DNS_NO_NAME, DNS_FAILED };

struct dns_answer {
	uint8_t bytes[ANSWER_MAX];
	ns_msg message;
};

/* ---- Questions ---- */

static int resolver_open(const struct dns_resolver *resolver, struct __res_state *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (res_ninit(ret))
		return LUYTRE_E_SYSTEM;
	ret->retrans = DNS_QUESTION_S;
	ret->retry = 1;
	ret->options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
	if (resolver && resolver->addr.family == IP_V4) {
		ret->nscount = 1;
		ret->nsaddr_list[0] = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_port = htons(resolver->port ? resolver->port : NS_DEFAULTPORT) };
		memcpy(&ret->nsaddr_list[0].sin_addr, resolver->addr.bytes, 4);
	}
	return 0;
}

static enum dns_status ask(struct __res_state *state, const char *name, int type, struct dns_answer *ret)
{
	int size = res_nquery(state, name, ns_c_in, type, ret->bytes, sizeof(ret->bytes));

	if (size < 0)
		return state->res_h_errno == HOST_NOT_FOUND ? DNS_NO_NAME
		       : state->res_h_errno == NO_DATA      ? DNS_NOTHING
							    : DNS_FAILED;
	if ((size_t)size > sizeof(ret->bytes) || ns_initparse(ret->bytes, size, &ret->message))
		return DNS_FAILED;
	return DNS_DATA;
}

/* The first record of this type in an answer. */
static bool find_record(struct dns_answer *answer, ns_type type, int from, ns_rr *ret, int *ret_next)
{
	for (int i = from; i < ns_msg_count(answer->message, ns_s_an); i++) {
		if (ns_parserr(&answer->message, ns_s_an, i, ret) || ns_rr_type(*ret) != type)
			continue;
		*ret_next = i + 1;
		return true;
	}
	return false;
}

/* The strings of a TXT record as one (RFC 7208, section 3.3). */
static void join_text(const ns_rr *record, char text[TEXT_SIZE])
{
	const uint8_t *at = ns_rr_rdata(*record), *end = at + ns_rr_rdlen(*record);
	size_t size = 0;

	while (at < end) {
		size_t part = *at++;

		if (part > (size_t)(end - at) || part > TEXT_SIZE - 1 - size)
			break;
		memcpy(text + size, at, part);
		size += part;
		at += part;
	}
	text[size] = '\0';
}

/* The TXT record that begins with 'tag'; false without one. */
static bool find_text(struct dns_answer *answer, const char *tag, char text[TEXT_SIZE])
{
	int next = 0;
	ns_rr record;

	while (find_record(answer, ns_t_txt, next, &record, &next)) {
		join_text(&record, text);
		if (strncasecmp(text, tag, strlen(tag)) == 0)
			return true;
	}
	return false;
}

/* ---- What is wrong ---- */

PRINTF_LIKE(3, 4) static void add(struct dns_found *found, enum perimeter_rule rule, const char *format, ...)
{
	va_list args;

	if (found->count == DNS_FOUND_MAX)
		return;
	va_start(args, format);
	vsnprintf(found->what[found->count], sizeof(found->what[0]), format, args);
	va_end(args);
	found->rules[found->count++] = perimeter_rules[rule].word;
}

static void judge_spf(struct __res_state *state, const char *name, struct dns_answer *answer, struct dns_found *ret)
{
	enum dns_status status = ask(state, name, ns_t_txt, answer);
	char text[TEXT_SIZE];

	if (status == DNS_FAILED)
		ret->answered = false;
	else if (status != DNS_DATA || !find_text(answer, "v=spf1", text))
		add(ret, PERIMETER_NO_SPF, "%s takes mail and has no record v=spf1", name);
	else if (strstr(text, "+all") || strcmp(text + strlen("v=spf1"), " all") == 0)
		add(ret, PERIMETER_OPEN_SPF, "%s: \"%.160s\"", name, text);
}

/* Whether the policy is "none": tags end with ';' (RFC 7489, section 6.4), and sp= is another one. */
static bool is_weak(const char *text)
{
	for (const char *at = text; *at; at += *at == ';') {
		size_t name;

		at += strspn(at, " \t");
		name = strcspn(at, " \t=;");
		if (name == 1 && (*at == 'p' || *at == 'P')) {
			at += name + strspn(at + name, " \t");
			if (*at == '=') {
				at += 1 + strspn(at + 1, " \t");
				return strcspn(at, " \t;") == 4 && strncasecmp(at, "none", 4) == 0;
			}
		}
		at += strcspn(at, ";");
	}
	return false;
}

static void judge_dmarc(struct __res_state *state, const char *name, struct dns_answer *answer, struct dns_found *ret)
{
	char place[NS_MAXDNAME], text[TEXT_SIZE];
	enum dns_status status;

	if (snprintf(place, sizeof(place), "_dmarc.%s", name) >= (int)sizeof(place))
		return;
	status = ask(state, place, ns_t_txt, answer);
	if (status == DNS_FAILED) {
		ret->answered = false;
		return;
	}
	if (status != DNS_DATA || !find_text(answer, "v=DMARC1", text)) {
		add(ret, PERIMETER_NO_DMARC, "%s has no record", place);
		return;
	}
	if (is_weak(text))
		add(ret, PERIMETER_WEAK_DMARC, "%s: \"%.160s\"", place, text);
}

/* The name is another one's alias, and that one does not exist. */
static void judge_alias(struct __res_state *state, const char *name, struct dns_answer *answer, struct dns_found *ret)
{
	enum dns_status status = ask(state, name, ns_t_cname, answer);
	char target[NS_MAXDNAME];
	ns_rr record;
	int next;

	if (status == DNS_FAILED)
		ret->answered = false;
	if (status != DNS_DATA || !find_record(answer, ns_t_cname, 0, &record, &next) ||
		ns_name_uncompress(ns_msg_base(answer->message), ns_msg_end(answer->message), ns_rr_rdata(record),
			target, sizeof(target)) < 0)
		return;
	status = ask(state, target, ns_t_a, answer);
	if (status == DNS_FAILED)
		ret->answered = false;
	else if (status == DNS_NO_NAME)
		add(ret, PERIMETER_DANGLING, "%s is an alias of %.120s, which does not exist", name, target);
}

/* An answer may hold an alias alone; an MX of "." says that there is no mail (RFC 7505). */
static bool takes_mail(struct dns_answer *answer)
{
	ns_rr record;
	int next;

	return find_record(answer, ns_t_mx, 0, &record, &next) && ns_rr_rdlen(record) > 3;
}

int dns_look(const struct dns_resolver *resolver, const char *name, struct dns_found *ret)
{
	struct __res_state state;
	struct dns_answer answer;
	enum dns_status status;
	int error = resolver_open(resolver, &state);

	*ret = (struct dns_found){ .answered = true };
	if (error)
		return error;
	status = ask(&state, name, ns_t_mx, &answer);
	ret->answered = status != DNS_FAILED;
	ret->mail = status == DNS_DATA && takes_mail(&answer);
	if (ret->mail) {
		judge_spf(&state, name, &answer, ret);
		judge_dmarc(&state, name, &answer, ret);
	}
	judge_alias(&state, name, &answer, ret);
	res_nclose(&state);
	return 0;
}

/* ---- Findings ---- */

struct name_row {
	char name[NS_MAXDNAME];
	uint32_t tenant;
};

static int row_name(void *context, const struct db_value *columns, size_t column_count)
{
	struct name_row *row = context;

	row->tenant = (uint32_t)columns[1].integer;
	return bytes_to_str(columns[0].bytes, row->name, sizeof(row->name)) ? 1 : LUYTRE_E_CORRUPT;
}

static int read_name(const struct finding_call *call, uint32_t asset, struct name_row *ret)
{
	struct asset_value value;
	int error = db_each(call->db,
		"select asset.value, system.tenant from asset join system on system.id = asset.system where asset.id = "
		"?1",
		DB_ARGS(db_i64(asset)), row_name, ret);

	if (error < 0)
		return error;
	if (error != 1 || !scope_has(call->scope, ret->tenant) ||
		asset_value_parse(bytes_from_str(ret->name), &value) || value.kind != ASSET_KIND_NAME)
		return LUYTRE_E_NOT_FOUND;
	return 0;
}

static int import_found(const struct finding_call *call, const char *name, const struct dns_found *found)
{
	struct finding_import *import;
	int error = finding_import_begin(call, PERIMETER_TOOL, 0, &import), end_error;

	if (error)
		return error;
	for (size_t i = 0; i < found->count && !error; i++) {
		const struct perimeter_rule_row *rule = perimeter_rule_find(bytes_from_str(found->rules[i]));
		char title[FINDING_TITLE_SIZE];
		enum finding_outcome outcome;
		struct record record = { .kind = RECORD_WEAKNESS,
			.target = bytes_from_str(name),
			.rule = bytes_from_str(rule->word),
			.severity = rule->severity,
			.confidence = rule->confidence,
			.evidence = bytes_from_str(found->what[i]),
			.time_us = call->origin->now_us };
		int64_t id;

		snprintf(title, sizeof(title), "%s / %s", rule->vi, rule->en);
		record.title = bytes_from_str(title);
		error = finding_import(import, &record, &outcome, &id);
	}
	end_error = finding_import_end(import);
	return error ? error : end_error;
}

static bool is_found(const struct dns_found *found, const char *rule)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->rules[i], rule) == 0)
			return true;
	return false;
}

struct open_rows {
	const struct dns_found *found;
	int64_t ids[DNS_FOUND_MAX], revisions[DNS_FOUND_MAX];
	size_t count;
};

static int row_open(void *context, const struct db_value *columns, size_t column_count)
{
	struct open_rows *rows = context;
	char rule[FINDING_RULE_SIZE];

	if (rows->count == DNS_FOUND_MAX || !bytes_to_str(columns[2].bytes, rule, sizeof(rule)) ||
		strncmp(rule, "dns-", 4) != 0 || is_found(rows->found, rule))
		return 0;
	rows->ids[rows->count] = columns[0].integer;
	rows->revisions[rows->count++] = columns[1].integer;
	return 0;
}

static int close_gone(const struct finding_call *call, uint32_t asset, const struct dns_found *found)
{
	struct open_rows rows = { .found = found };
	int error = db_each(call->db,
		"select id, revision, rule from finding where asset = ?1 and port = 0 and tool = ?2 and cve = '' and "
		"live = 1",
		DB_ARGS(db_i64(asset), db_str(PERIMETER_TOOL)), row_open, &rows);

	for (size_t i = 0; i < rows.count && !error; i++)
		error = finding_change(call,
			&(struct finding_change){ .id = rows.ids[i],
				.revision = rows.revisions[i],
				.to = FINDING_VERIFIED,
				.reason = "the DNS does not show it any more" },
			NULL);
	return error;
}

int dns_probe(const struct finding_call *call, const struct dns_resolver *resolver, uint32_t asset, uint32_t *ret_count)
{
	struct dns_found found;
	struct name_row row;
	int error = read_name(call, asset, &row);

	*ret_count = 0;
	if (!error)
		error = consent_check(call->db, asset, CONSENT_DNS, call->origin->now_us);
	if (!error)
		error = dns_look(resolver, row.name, &found);
	if (!error && !found.answered)
		error = LUYTRE_E_TIMEOUT;
	if (!error)
		error = import_found(call, row.name, &found);
	if (!error)
		error = close_gone(call, asset, &found);
	if (!error)
		*ret_count = (uint32_t)found.count;
	return error;
}

int dns_look_again(const struct finding_call *call, const struct finding *finding, enum verify_outcome *ret)
{
	struct dns_found found;
	struct name_row row;
	int error = read_name(call, finding->asset, &row);

	if (!error)
		error = dns_look(NULL, row.name, &found);
	if (error)
		return error;
	*ret = !found.answered ? VERIFY_UNREACHABLE : is_found(&found, finding->rule) ? VERIFY_STILL : VERIFY_GONE;
	return 0;
}
