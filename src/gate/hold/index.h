// SPDX-License-Identifier: Apache-2.0
/* Which rows of a file of holds are about a place, as a table that is made once and read by any thread: prefixes, longest match or all that
 * overlap, and names. What a place's list means is the maker's: numbers of an array of its own.
 *
 * Prefixes lie sorted, so that what is inside a prefix follows it, and each knows the one around it: an address is found by bisection, then
 * from the innermost outwards. Names lie sorted too, behind a hash table with a random key. Nothing is allocated for a look-up. */
#pragma once

#include "base/holdfile.h"

struct place_list {
	uint32_t first, count;
	uint32_t row_first, row_count; /* of another array, where one sums up what the other has */
};

/* How it is made. 'add' is called for each row at a place, in the order of 'compare', place by place; 'list' is the place's, zeros at its
 * first row. */
struct place_maker {
	const struct holdfile *file; /* whose prefixes and names they are */
	const struct holdfile_row *rows;
	size_t row_count;
	int (*compare)(const struct holdfile_row *left, const struct holdfile_row *right);
	void (*add)(void *context, struct place_list *list, const struct holdfile_row *row);
	void *context;
};

struct place_index;

/* Keeps nothing of 'maker'. LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int place_index_new(const struct place_maker *maker, struct place_index **ret);
void place_index_free(struct place_index *index); /* accepts null */

typedef void (*place_fn)(void *context, const struct ip_prefix *prefix, const struct place_list *list);

/* Prefixes that hold this one, from the longest, then those inside it. */
void place_index_at_prefix(
	const struct place_index *index, const struct ip_prefix *prefix, place_fn each, void *context);
/* The longest that holds it, and where it stands; null: none. */
const struct place_list *place_index_longest(
	const struct place_index *index, const struct ip_prefix *prefix, const struct ip_prefix **ret);
/* In any case, with or without a dot at its end; null: none. */
const struct place_list *place_index_at_name(const struct place_index *index, struct bytes name);

typedef void (*place_name_fn)(void *context, struct bytes name, const struct place_list *list);
/* All of them. */
void place_index_each_name(const struct place_index *index, place_name_fn each, void *context);

/* An IPv4 address in an IPv6 one (::ffff:192.0.2.1) is the IPv4 address. */
struct ip_prefix place_of_address(const struct ip_addr *address);
