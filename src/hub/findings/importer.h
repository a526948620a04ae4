// SPDX-License-Identifier: Apache-2.0
/* Reports of scanners, read as they come: one importer for each format, one file for each importer, one line in
 * importers.c.
 *
 *	error = import_begin(NULL, &sink, &import)		the format is found by the beginning
 *	while (...) error = import_feed(import, piece)		pieces of any size, from any source
 *	error = import_end(import, &result)
 *
 * Memory is bounded whatever the size of the report: what an importer holds is one element (IMPORT_HELD_MAX), never
 * the whole. What is not as the format says is refused with its position and a reason, and the rest is taken: a
 * report is only given up when nothing more can be read of it (not well-formed, too deep). Nothing outside of the
 * report is ever opened: no entities, no DTD, no URL.
 *
 * An import belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "hub/findings/record.h"

enum {
	IMPORT_HELD_MAX =
		8 << 20, /* of one element of the report, with all that is in it; of JSON also 100,000 values */
	IMPORT_DEPTH_MAX = 64,
	IMPORT_SNIFF_MAX = 4096,
	IMPORT_REASON_SIZE = 160,
	IMPORT_CVE_SIZE = 32,
};

struct import_sink {
	void *context;
	/* Not 0 ends the import with that error. */
	int (*record)(void *context, const struct record *record);
	/* 'position': line for formats of lines, else byte (of XML where the start tag ends), both from 1. 'reason'
	 * in English: texts for people are made of its first word. */
	void (*refused)(void *context, uint64_t position, const char *reason);
};

struct import_result {
	uint64_t records, refused, bytes;
	const char *format; /* the importer's name */
	char tool[64], tool_version[64]; /* as the report says; "" when it does not */
	/* What the report as a whole is about (an image, a folder, a system), for records without a target: formats
	 * that name it once may do so behind the last record. "" when it does not say. */
	char target[256];
	int64_t scanned_us; /* when the scan began; 0: not said */
};

struct import;

/* 'format': the name of an importer, or null to find it. */
MUST_CHECK int import_begin(const char *format, const struct import_sink *sink, struct import **ret);
/* LUYTRE_E_SYNTAX (not well-formed; what came before stays), LUYTRE_E_NOT_FOUND (no importer knows this beginning),
 * LUYTRE_E_NOMEM, or what the sink said. After an error only import_end may be called. One element that is too large
 * is refused, and the rest is taken. */
MUST_CHECK int import_feed(struct import *import, struct bytes piece);
/* What is known until now; lives as long as the import. */
const struct import_result *import_so_far(const struct import *import);
/* Frees it. The error of the import, also of its end: LUYTRE_E_TRUNCATED. '*ret' is written in any case; may be
 * null. 'message' (IMPORT_REASON_SIZE; may be null) says where and why it was given up. */
MUST_CHECK int import_end(struct import *import, struct import_result *ret, char *message);

/* ---- For importers ---- */

/* One format. 'begin' makes the state; feed and end see every byte once, in order. */
struct importer {
	const char *name, *title; /* "nuclei", "Nuclei JSON lines" */
	/* Whether a report that begins so is one of this format: 0 no, 1 perhaps, 2 yes. */
	int (*sniff)(struct bytes beginning);
	int (*begin)(struct import *import, void **ret_state);
	int (*feed)(void *state, struct bytes piece);
	int (*end)(void *state); /* also checks that the report is whole */
	void (*free)(void *state);
};

/* Hands a record over: checks and normalises it (capital letters of a CVE, cut texts) and counts. 0 or what the sink
 * said. */
MUST_CHECK int import_record(struct import *import, struct record *record);
PRINTF_LIKE(3, 4) void import_refuse(struct import *import, uint64_t position, const char *format, ...);
/* Why the whole is given up; returns 'error'. */
PRINTF_LIKE(3, 4) int import_fail(struct import *import, int error, const char *format, ...);
void import_tool(struct import *import, struct bytes name, struct bytes version, int64_t scanned_us);

void import_target(struct import *import, struct bytes target);

/* 0 (none, not known) to 4 (critical), of the words that tools use; without case. Of a number, as some have in place
 * of the word, by the bands of CVSS: "9.8" is 4. */
uint8_t import_severity(struct bytes word);
/* "CVE-YYYY-NNNN...", in any case and with blanks around: true with the canonical form. */
bool import_cve(struct bytes text, char ret[IMPORT_CVE_SIZE]);
/* RFC 3339, also with a blank for the 'T', without a zone (taken as UTC) and with up to nine digits of seconds; or
 * seconds since 1970. 0 for what is none: "not said". */
int64_t import_time(struct bytes text);
struct bytes import_trim(struct bytes text);
/* Decimal digits alone, at most 65535. */
bool import_port(struct bytes text, uint16_t *ret);
/* 6 of "tcp", without case; 0 of what is not known. */
uint8_t import_protocol(struct bytes word);

/* Parts of "https://user@host:8443/path?query", "host:22", "[2001:db8::1]:443" or a name alone. The port is that of
 * the scheme when there is none. */
struct import_url {
	struct bytes scheme, host, path;
	uint16_t port;
};
void import_url(struct bytes text, struct import_url *ret);

/* "pkg:type/namespace/name@version?...": the parts as written but for percent signs, which stay. False when it is
 * none. */
bool import_purl(struct bytes purl, struct bytes *ret_type, struct bytes *ret_name, struct bytes *ret_version);

/* Hands the record over once for each CVE in 'cves', whose words are parted by blanks or commas; once with its rule
 * when there is none among them. */
MUST_CHECK int import_each_cve(struct import *import, struct record *record, struct bytes cves);

/* All importers; ends with null. */
extern const struct importer *const importers[];
