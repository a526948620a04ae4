// SPDX-License-Identifier: Apache-2.0
/* Reputation of addresses: lists of addresses and networks with a score in numbered categories.
 *
 * User guide, "IP Reputation Format". The categories file says "number,name,description" a line, reputation files
 * "address,category,score" with scores 0 to 127; empty lines and lines with '#' do not count. The longest network that has a
 * score in the category wins; of two equal lines the last. Read once for a policy, then immutable. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

enum {
	REPUTATION_CATEGORIES_MAX = 61, /* numbers 0 to 60 */
	REPUTATION_NAME_MAX = 31,
	REPUTATION_SCORE_MAX = 127,
	REPUTATION_ENTRIES_MAX = 8 << 20,
	REPUTATION_MESSAGE_SIZE = 256,
};

struct reputation;
struct conf_node;

/* Null without memory. */
struct reputation *reputation_new(void);
void reputation_free(struct reputation *reputation);

/* The names of categories. Lines that are no such lines are counted, not errors; LUYTRE_E_NOMEM. */
MUST_CHECK int reputation_read_categories(struct reputation *reputation, struct bytes text, unsigned int *ret_bad);
/* Entries of one file; may be called for several. LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int reputation_read_entries(struct reputation *reputation, struct bytes text, unsigned int *ret_bad);
/* After the last file, before the first question. */
void reputation_finish(struct reputation *reputation);

/* All of it by "reputation-categories-file", "default-reputation-path" and "reputation-files". '*ret' is null when none is
 * configured. 0, or an error with a sentence in 'message'. */
MUST_CHECK int reputation_load(
	const struct conf_node *root, char message[REPUTATION_MESSAGE_SIZE], struct reputation **ret);

/* The number of a category by name; -1: unknown. */
int reputation_category(const struct reputation *reputation, struct bytes name);
/* The score of an address; -1: it has none in this category. */
int reputation_score(const struct reputation *reputation, const struct ip_addr *addr, unsigned int category);
