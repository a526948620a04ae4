// SPDX-License-Identifier: Apache-2.0
/* Names of products: CPE 2.3 formatted strings and CPE 2.2 URIs (NIST IR 7695, 7696), package URLs, and ranges of
 * versions. Plain functions: any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { CPE_PARTS = 11, CPE_PART_SIZE = 96 };

enum cpe_part {
	CPE_PART,
	CPE_VENDOR,
	CPE_PRODUCT,
	CPE_VERSION,
	CPE_UPDATE,
	CPE_EDITION,
	CPE_LANGUAGE,
	CPE_SW_EDITION,
	CPE_TARGET_SW,
	CPE_TARGET_HW,
	CPE_OTHER
};

struct cpe {
	/* Small letters; quoting is removed but before '*', '?', '\\', and a '-' that is the whole value. "*" is
	 * ANY, "-" is NA. */
	char part[CPE_PARTS][CPE_PART_SIZE];
};

enum cpe_relation { CPE_DISJOINT, CPE_SUBSET, CPE_SUPERSET, CPE_EQUAL, CPE_UNDEFINED };

/* Either form. LUYTRE_E_SYNTAX, LUYTRE_E_RANGE (a part is too long). */
MUST_CHECK int cpe_parse(struct bytes text, struct cpe *ret);
/* How the set of products of 'source' lies to that of 'target' (NIST IR 7696, section 6). CPE_UNDEFINED: they
 * overlap, or the target has a wildcard. */
enum cpe_relation cpe_compare(const struct cpe *source, const struct cpe *target);

/* How to compare versions. X(identifier, word of CVE JSON 5 or of a package URL's type). The generic order takes
 * numbers and words in turn; words such as "rc" come before the end, all others behind it. */
#define VERSION_SCHEMES(X)                                                                                             \
	X(GENERIC, "custom")                                                                                           \
	X(SEMVER, "semver")                                                                                            \
	X(DEB, "deb")                                                                                                  \
	X(RPM, "rpm")                                                                                                  \
	X(MAVEN, "maven")                                                                                              \
	X(PYTHON, "python")

enum version_scheme {
#define X(id, word) VERSION_##id,
	VERSION_SCHEMES(X)
#undef X
		VERSION_SCHEME_COUNT
};

enum version_scheme version_scheme_of(struct bytes word);
/* Below, equal to, above 0. */
int version_compare(enum version_scheme scheme, struct bytes a, struct bytes b);

struct version_range {
	enum version_scheme scheme;
	struct bytes from, until; /* empty: no bound */
	bool from_excluded, until_included;
};
bool version_in(const struct version_range *range, struct bytes version);
