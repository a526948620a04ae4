// SPDX-License-Identifier: Apache-2.0
/* What a report of a scanner says about one place: the common form that every importer makes of its format.
 *
 * A record is about a target (an address or a name, as the tool wrote it), a port, a path, and one weakness: a CVE,
 * or a rule of the tool where there is none. A weakness with several CVEs is several records. Records of services
 * say what answers there without anything being wrong; of components, what a system is built of.
 *
 * All texts are borrowed until the call that hands the record over returns; empty means that the tool did not say.
 * Words of severity differ between tools, so the word is kept as it was and 'severity' is a number made of it by a
 * table; scores are computed from vectors (cvss.h) and never taken from the report when there is a vector. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	RECORD_TEXT_MAX = 4096, /* longer texts are cut by the importer, at a whole character */
	RECORD_EVIDENCE_MAX = 16 << 10,
	RECORD_REFERENCES_MAX = 16,
};

/* X(identifier, word). Numbers are stored: add at the end. */
#define RECORD_KINDS(X)                                                                                                \
	X(WEAKNESS, "weakness") /* something is wrong */                                                               \
	X(SERVICE, "service") /* something answers */                                                                  \
	X(COMPONENT, "component") /* something is part of it */                                                        \
	X(STATEMENT, "statement") /* a supplier says whether a weakness concerns a product (CSAF, VEX) */

enum record_kind {
#define X(id, word) RECORD_##id,
	RECORD_KINDS(X)
#undef X
		RECORD_KIND_COUNT
};

/* X(identifier, word): what a statement says, in the words of CSAF 2.0 and of CycloneDX mapped to them. */
#define RECORD_STATEMENTS(X)                                                                                           \
	X(NONE, "none")                                                                                                \
	X(AFFECTED, "known_affected")                                                                                  \
	X(NOT_AFFECTED, "known_not_affected")                                                                          \
	X(FIXED, "fixed")                                                                                              \
	X(INVESTIGATED, "under_investigation")

enum record_statement {
#define X(id, word) RECORD_IS_##id,
	RECORD_STATEMENTS(X)
#undef X
		RECORD_STATEMENT_COUNT
};

struct record {
	enum record_kind kind;
	/* Address, name or URL's host; the artifact's name for components. Empty: what the import's result says. */
	struct bytes target;
	struct bytes address; /* where the tool says both */
	uint16_t port; /* 0: the host as a whole */
	uint8_t protocol; /* IANA: 6, 17, 132; 0: not said */
	struct bytes service; /* "https" */
	struct bytes path; /* of a URL, with its leading slash, without query */

	struct bytes cve; /* "CVE-2021-44228", capital letters; empty: the tool's own rule alone */
	struct bytes rule; /* template-id, OID, pluginID, script id */
	struct bytes title;
	struct bytes severity_word;
	/* 0 none or not known, 1 low, 2 medium, 3 high, 4 critical; of the word, or of the number some tools have
	 * beside a coarse one. */
	uint8_t severity;
	struct bytes cvss; /* the vector, the newest version that is there */
	uint8_t confidence; /* 0 to 100: quality of detection; 0: not said */
	bool exploited; /* the tool has shown it, not concluded it from a version */

	struct bytes product, version, cpe, purl;
	struct bytes fixed_version;
	enum record_statement statement;
	struct bytes justification; /* of a statement: flag label or CycloneDX justification */

	struct bytes references[RECORD_REFERENCES_MAX];
	size_t reference_count;
	struct bytes evidence; /* what the tool saw; it may hold anything, and is shown as text alone */
	int64_t time_us; /* when the tool looked; 0: not said */
};
