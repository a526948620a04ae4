// SPDX-License-Identifier: Apache-2.0
/* The part of a host's name under which others register theirs: "co.uk" of "www.example.co.uk".
 *
 * By the Public Suffix List (publicsuffix.org, section "Format"), read once for the process from the file that the system's
 * package "publicsuffix" brings; both of its parts (ICANN's and private domains) count. All functions may be called from
 * any thread. Names are compared without regard to the case of ASCII letters; names in other scripts are looked up as
 * they are written. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

#define SUFFIX_LIST_PATH "/usr/share/publicsuffix/public_suffix_list.dat"

/* Reads the list if that was not done. False: it is not there or no memory is. */
bool suffix_load(void);
/* Reads a list from a text instead, before any other use: for tests. */
bool suffix_load_text(struct bytes text);

/* The public suffix of a name; the name itself when it is one; its last label when no rule fits; the whole when it has
 * none. '*ret' is a view of 'name'. */
void suffix_public(struct bytes name, struct bytes *ret);

/* The suffix with one label more before it; 'name' as it is when there is none. */
void suffix_domain(struct bytes name, struct bytes *ret);
