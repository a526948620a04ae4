// SPDX-License-Identifier: Apache-2.0
/* Classes of rules and kinds of references, from files or built in.
 *
 *	config classification: web-application-attack,Web Application Attack,1
 *	config reference: cve https://cve.mitre.org/cgi-bin/cvename.cgi?name=
 *
 * Names are looked up in any case. Everything lies in the arena given. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum { RULE_CLASSES_MAX = 4096 };

struct rule_class {
	const char *name, *text;
	uint16_t index; /* from 1 */
	uint8_t priority;
};

struct rule_classes;

/* Null without memory. */
struct rule_classes *rule_classes_new(struct arena *arena);

/* Read a file's text; a line that is neither a comment nor as above is LUYTRE_E_SYNTAX, and '*ret_line' its number. */
MUST_CHECK int rule_classes_read(struct rule_classes *classes, struct bytes text, uint32_t *ret_line);
MUST_CHECK int rule_classes_read_references(struct rule_classes *classes, struct bytes text, uint32_t *ret_line);

/* What holds when no file is given. */
MUST_CHECK int rule_classes_built_in(struct rule_classes *classes);
MUST_CHECK int rule_classes_built_in_references(struct rule_classes *classes);

/* Null: unknown. */
const struct rule_class *rule_classes_find(const struct rule_classes *classes, struct bytes name);
/* The prefix of a kind of reference. */
const char *rule_classes_reference(const struct rule_classes *classes, struct bytes kind);

/* A further class, or the one of that name with new values. Null without memory or at the ceiling. */
const struct rule_class *rule_classes_add(
	struct rule_classes *classes, struct bytes name, struct bytes text, uint8_t priority);
