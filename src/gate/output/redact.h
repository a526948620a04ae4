// SPDX-License-Identifier: Apache-2.0
/* Secrets leave no log: what is replaced, and by what.
 *
 * A value in a field with a secret's name (a table in event-redact.c: passwords, tokens, one-time codes, sessions, keys, card checks; in
 * English and Vietnamese; the name counts from its last "." or "[", without "_", "-" and case) becomes "[password 8]": its kind and its length
 * in bytes. So does what Cookie and Authorization headers hold. Anywhere in a text, payment cards (13 to 19 digits, issuer range, Luhn check;
 * ISO/IEC 7812) become "[card 16]" and personal identification numbers (12 digits: code of a province, digit of sex and century, year of birth not in the
 * future; Decree 137/2015/ND-CP article 13) "[citizen 12]"; digits may stand in groups parted by a blank, "+", "-" or "%20". */
#pragma once

#include "base/bytes.h"
#include "gate/output/text.h"

/* The kind of secret that a field of this name holds; null for a name that is none. */
const char *redact_kind(struct bytes name);

/* Appends the text without its secrets: numbers, and values behind `name=` and `"name":` with a secret's name. */
void redact_text(struct out_text *out, struct bytes text);

/* Appends the value of a field. */
void redact_value(struct out_text *out, struct bytes name, struct bytes value);

/* As redact_value, of a variable of the rules ("ARGS:password", "REQUEST_COOKIES:x"). */
void redact_variable(struct out_text *out, struct bytes variable, struct bytes value);
