// SPDX-License-Identifier: Apache-2.0
/* Which rules can hold a weakness at the perimeter, and which weaknesses: read from the rule files themselves, so that a new rule is a new
 * hold without a list beside it.
 *
 *	gate rule	SecLang (*.conf) with the tag luytre/hold; cve/CVE-... for each weakness, product/NAME
 *	sensor rule	Suricata (*.rules) with reference:cve,... or metadata cve; product NAME and signature_severity in its metadata.
 *			With metadata luytre_hold it can be armed, at sensors that stand inline; without, it only sees the attack ('holds'
 *			is false): it is shown, and what it saw is searched for (retro.h)
 *
 * Immutable once read; counted (_ref, _unref), any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	HOLDRULES_MAX = 65536, /* of gates; as many of sensors */
	HOLDRULES_CVES_MAX = 64, /* of one rule */
	HOLDRULES_FILE_MAX = 64 << 20, /* of a *.rules file */
	HOLDRULES_WHY_SIZE = 512,
	HOLDRULES_FOLDER_SIZE = 4096,
};

/* X(identifier, word) */
#define HOLDRULE_KINDS(X)                                                                                              \
	X(GATE, "gate")                                                                                                \
	X(SENSOR, "sensor")

#define X(id, word) HOLDRULE_##id,
enum holdrule_kind { HOLDRULE_KINDS(X) HOLDRULE_KIND_COUNT };
#undef X
extern const char *const holdrule_kinds[HOLDRULE_KIND_COUNT];

struct holdrule {
	uint64_t rule; /* id or sid */
	enum holdrule_kind kind;
	bool holds; /* can be armed */
	uint8_t severity; /* 0 to 4, as of findings */
	const char *title, *product; /* "" without */
	const char *const *cves; /* "CVE-2021-44228", capital letters; ascending, each once; at least one */
	size_t cve_count;
};

struct holdrules;

/* All *.conf and *.rules of folders, parted by colons: "/etc/luytre/gate/holds:/etc/luytre/sensor/holds". One that is not there is logged and passed
 * over as long as another one is. LUYTRE_E_SYNTAX, LUYTRE_E_NOT_FOUND, LUYTRE_E_FULL, LUYTRE_E_NOMEM, with a sentence in 'why'. */
MUST_CHECK int holdrules_read(const char *folders, struct holdrules **ret, char why[HOLDRULES_WHY_SIZE]);
/* Again, after 'before' of the same folders: one that had rules and is not there now, or has none (its package is being replaced), is
 * LUYTRE_E_NOT_FOUND; one that was not there before is not logged again. */
MUST_CHECK int holdrules_read_again(
	const char *folders, const struct holdrules *before, struct holdrules **ret, char why[HOLDRULES_WHY_SIZE]);
/* None at all; null without memory. */
struct holdrules *holdrules_none(void);
struct holdrules *holdrules_ref(struct holdrules *rules);
void holdrules_unref(struct holdrules *rules); /* accepts null */

/* By kind, then by id. */
size_t holdrules_count(const struct holdrules *rules);
const struct holdrule *holdrules_at(const struct holdrules *rules, size_t index);
/* Null: there is none. */
const struct holdrule *holdrules_find(const struct holdrules *rules, enum holdrule_kind kind, uint64_t rule);

/* Changes when a file of the folders is another one, or there is one more or less; 0: none of them can be read. */
uint64_t holdrules_signature(const char *folders);
