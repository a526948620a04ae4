// SPDX-License-Identifier: Apache-2.0
/* What the world knows of a CVE: used already (KEV), likely to be used (EPSS), can it be automated and what does it give (CISA's SSVC
 * answers inside of CVE records). Three public files, read into one table; the clocks of findings follow with finding_reclock.
 *
 * Each read is one transaction (the caller's if there is one) and one record of the audit log: a file that is not as it should be changes
 * nothing. Files come as they were published but for packing: EPSS is given unpacked. Nothing is fetched here. A handle belongs to its
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/posture/finding.h"

enum {
	CATALOGUE_FILE_MAX = 32 << 20, /* of KEV and of one CVE record */
	CATALOGUE_LINE_MAX = 256, /* of EPSS; longer lines are refused */
	CATALOGUE_VERSION_SIZE = 64,
	CATALOGUE_EPSS_MAX = 4000000, /* rows */
};

struct catalogue_result {
	uint64_t rows, refused; /* taken; not as the format says */
	uint64_t first_refused; /* line (EPSS) or place in the list (KEV), from 1; 0: none */
	char version[CATALOGUE_VERSION_SIZE];
};

/* "known_exploited_vulnerabilities.json": the whole list, so what is not in it any more is not listed. LUYTRE_E_SYNTAX, LUYTRE_E_FULL, and
 * LUYTRE_E_CORRUPT when it is empty or does not have as many entries as it says. */
MUST_CHECK int catalogue_kev(
	struct db *db, const struct audit_origin *origin, struct bytes text, struct catalogue_result *ret);

/* One CVE record (JSON, version 5): the newest SSVC answers of it. LUYTRE_E_SYNTAX; LUYTRE_E_NOT_FOUND: it has none, or was rejected, and nothing
 * changed. */
MUST_CHECK int catalogue_cve(struct db *db, const struct audit_origin *origin, struct bytes text);

/* The EPSS list, in pieces of any size. The whole is one transaction from begin to end, which nothing else may use. */
struct catalogue_epss;
MUST_CHECK int catalogue_epss_begin(struct db *db, const struct audit_origin *origin, struct catalogue_epss **ret);
MUST_CHECK int catalogue_epss_feed(struct catalogue_epss *epss, struct bytes piece);
/* Frees it. LUYTRE_E_CORRUPT: no row at all; then, and after an error of feed, nothing is stored. */
MUST_CHECK int catalogue_epss_end(struct catalogue_epss *epss, struct catalogue_result *ret);

struct catalogue_entry {
	int64_t kev_us, kev_due_us; /* listed on, to be fixed by; 0: not */
	bool ransomware; /* used in campaigns of extortion */
	double epss, percentile; /* 0 to 1; below 0: not known */
	enum finding_answer automatable, total;
};

/* LUYTRE_E_NOT_FOUND. */
MUST_CHECK int catalogue_get(struct db *db, const char *cve, struct catalogue_entry *ret);
