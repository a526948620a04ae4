// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/probe/verify.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/evidence/rules.h"
#include "hub/posture/probe/consent.h"
#include "hub/posture/probe/dns.h"
#include "hub/posture/probe/service.h"
#include "hub/tenants/index.h"

enum { SOON_DAYS = 14, DAY_S = 86400, RSA_BITS_MIN = 2048, EC_BITS_MIN = 224 };

const char *const verify_outcomes[VERIFY_OUTCOME_COUNT] = {
#define X(id, word) word,
	VERIFY_OUTCOMES(X)
#undef X
};

/* What is asked, and of whom. */
struct question {
	const struct finding *finding;
	struct ip_addr addr;
	int64_t now_s;
	int number; /* of the row */
	const char *text, *more;
};

static enum verify_outcome from_answer(enum service_answer answer, bool still)
{
	if (answer == SERVICE_UNREACHABLE)
		return VERIFY_UNREACHABLE;
	return answer == SERVICE_YES && still ? VERIFY_STILL : VERIFY_GONE;
}

static enum verify_outcome ask_version(const struct question *question)
{
	return from_answer(service_speaks(&question->addr, question->finding->port, question->number), true);
}

enum certificate_part { EXPIRED, SOON, SELF, KEY, SIGNATURE };

static bool certificate_bad(const struct service_certificate *certificate, enum certificate_part part, int64_t now_s)
{
	switch (part) {
	case EXPIRED:
		return certificate->not_after_s < now_s;
	case SOON:
		return certificate->not_after_s < now_s + SOON_DAYS * DAY_S;
	case SELF:
		return certificate->self_signed;
	case KEY:
		return certificate->key_bits < (strcmp(certificate->key, "ec") == 0 ? EC_BITS_MIN : RSA_BITS_MIN) &&
		       certificate->key[0];
	default:
		return certificate->weak_signature;
	}
}

static enum verify_outcome ask_certificate(const struct question *question)
{
	struct service_certificate certificate = { .not_after_s = 0 };
	enum service_answer answer = service_certificate(&question->addr, question->finding->port, &certificate);

	if (answer != SERVICE_YES) /* without TLS there is no certificate that could be good */
		return VERIFY_UNREACHABLE;
	return certificate_bad(&certificate, (enum certificate_part)question->number, question->now_s) ? VERIFY_STILL
												       : VERIFY_GONE;
}

enum header_kind { HEADER_WANTED, HEADER_SECURE /* only what comes over TLS counts */, HEADER_UNWANTED };

static bool is_page(const char *head)
{
	return strncmp(head, "HTTP/1.", 7) == 0 && head[7] && strncmp(head + 8, " 200", 4) == 0;
}

static enum verify_outcome ask_header(const struct question *question)
{
	char head[SERVICE_HEAD_MAX];
	bool tls, there;

	if (service_head(&question->addr, question->finding->port, question->finding->host, head, &tls) !=
			SERVICE_YES ||
		(question->number == HEADER_SECURE && !tls))
		return VERIFY_UNREACHABLE;
	there = service_has_header(head, question->text, question->more);
	if (question->number == HEADER_UNWANTED) /* the front page says nothing of the others */
		return there ? VERIFY_STILL : VERIFY_CANNOT;
	if (!is_page(head))
		return VERIFY_CANNOT;
	return there ? VERIFY_GONE : VERIFY_STILL;
}

static const struct {
	enum perimeter_rule rule;
	enum verify_outcome (*ask)(const struct question *question);
	int number;
	const char *text, *more;
} rows[] = {
	{ PERIMETER_TLS_1_0, ask_version, TLS1_VERSION, NULL, NULL },
	{ PERIMETER_TLS_1_1, ask_version, TLS1_1_VERSION, NULL, NULL },
	{ PERIMETER_CERT_EXPIRED, ask_certificate, EXPIRED, NULL, NULL },
	{ PERIMETER_CERT_SOON, ask_certificate, SOON, NULL, NULL },
	{ PERIMETER_CERT_SELF, ask_certificate, SELF, NULL, NULL },
	{ PERIMETER_CERT_KEY, ask_certificate, KEY, NULL, NULL },
	{ PERIMETER_CERT_SIGNATURE, ask_certificate, SIGNATURE, NULL, NULL },
	{ PERIMETER_HTTP_NOSNIFF, ask_header, HEADER_WANTED, "x-content-type-options", "nosniff" },
	{ PERIMETER_HTTP_CSP, ask_header, HEADER_WANTED, "content-security-policy", "" },
	{ PERIMETER_HTTP_FRAME, ask_header, HEADER_WANTED, "x-frame-options", "" },
	{ PERIMETER_HTTP_HSTS, ask_header, HEADER_SECURE, "strict-transport-security", "max-age" },
	{ PERIMETER_HTTP_BASIC, ask_header, HEADER_UNWANTED, "www-authenticate", "basic" },
};

static enum verify_outcome ask_service(const struct finding *finding, enum verify_reach reach, int64_t now_us)
{
	struct question question = { .finding = finding, .now_s = now_us / 1000000 };

	if (ip_addr_parse(bytes_from_str(finding->host), &question.addr) || !finding->port ||
		(reach != VERIFY_ANY && !perimeter_is_public(&question.addr)))
		return VERIFY_CANNOT;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (strcmp(perimeter_rules[rows[i].rule].word, finding->rule) != 0)
			continue;
		question.number = rows[i].number;
		question.text = rows[i].text;
		question.more = rows[i].more;
		return rows[i].ask(&question);
	}
	return VERIFY_CANNOT;
}

/* ---- What follows ---- */

static int say_gone(const struct finding_call *call, int64_t id)
{
	struct finding row;
	int error = finding_get(call, id, &row); /* it may have been changed meanwhile */

	if (error || !finding_states[row.state].live)
		return error;
	return finding_change(call,
		&(struct finding_change){ .id = id,
			.revision = row.revision,
			.to = FINDING_VERIFIED,
			.reason = "a probe with the owner's consent found it gone" },
		NULL);
}

static int say_still(const struct finding_call *call, const struct finding *finding)
{
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(finding->host),
		.port = finding->port,
		.protocol = finding->protocol,
		.path = bytes_from_str(finding->path),
		.rule = bytes_from_str(finding->rule),
		.confidence = 100,
		.evidence = bytes_from_str("a probe with the owner's consent found it still there"),
		.time_us = call->origin->now_us };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;
	int error = finding_import_begin(call, PERIMETER_TOOL, 0, &import), end_error;

	if (error)
		return error;
	error = finding_import(import, &record, &outcome, &id);
	end_error = finding_import_end(import);
	return error ? error : end_error;
}

int verify_finding(const struct finding_call *call, int64_t id, enum verify_reach reach, enum verify_outcome *ret)
{
	struct finding finding;
	bool of_name;
	int error = finding_get(call, id, &finding);

	*ret = VERIFY_CANNOT;
	if (error || strcmp(finding.tool, PERIMETER_TOOL) != 0 || finding.cve[0])
		return error;
	of_name = strncmp(finding.rule, "dns-", 4) == 0;
	error = consent_check(call->db, finding.asset, of_name ? CONSENT_DNS : CONSENT_SERVICE, call->origin->now_us);
	if (error)
		return error;
	if (of_name) {
		error = dns_look_again(call, &finding, ret);
		if (error)
			return error;
	} else {
		*ret = ask_service(&finding, reach, call->origin->now_us);
	}
	if (*ret == VERIFY_GONE)
		return say_gone(call, id);
	return *ret == VERIFY_STILL ? say_still(call, &finding) : 0;
}
