// SPDX-License-Identifier: Apache-2.0
/* What the DNS says of an organisation's own names: may anybody send mail as them (SPF: RFC 7208, DMARC: RFC 7489), and does a name point to one that
 * does not exist, which a stranger could register (dangling)?
 *
 * Asked are the resolvers of the host (resolv.conf), or one that the caller names. Only with the owner's consent (consent.h). An answer that does not
 * come, or is none, says nothing. Blocking, up to DNS_QUESTION_S for each of a few questions; any thread. */
#pragma once

#include "base/compiler.h"
#include "base/net.h"
#include "hub/posture/finding.h"
#include "hub/posture/probe/verify.h"

enum { DNS_QUESTION_S = 3, DNS_FOUND_MAX = 8 };

struct dns_resolver {
	struct ip_addr addr; /* family 0: those of the host; IPv4 */
	uint16_t port; /* 0: 53 */
};

struct dns_found {
	bool mail; /* the name takes mail: there is an MX */
	bool answered; /* all questions were */
	const char *rules[DNS_FOUND_MAX]; /* words of rules.h */
	char what[DNS_FOUND_MAX][256];
	size_t count;
};

/* Without a database. LUYTRE_E_SYSTEM: there is no resolver. */
MUST_CHECK int dns_look(const struct dns_resolver *resolver, const char *name, struct dns_found *ret);

/* Looks at one asset that is a name, and makes findings of what is wrong; what is gone is verified as fixed. '*ret_count': what is wrong now.
 * FINDING_BY_EVIDENCE. LUYTRE_E_PERMISSION without consent, LUYTRE_E_NOT_FOUND (no such asset, or no name), LUYTRE_E_TIMEOUT (not all questions were
 * answered, and nothing was changed). */
MUST_CHECK int dns_probe(
	const struct finding_call *call, const struct dns_resolver *resolver, uint32_t asset, uint32_t *ret_count);

/* For verify.c: the same question again, by the host's resolvers. Consent was asked for. */
MUST_CHECK int dns_look_again(const struct finding_call *call, const struct finding *finding, enum verify_outcome *ret);
