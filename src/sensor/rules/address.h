// SPDX-License-Identifier: Apache-2.0
/* Address and port expressions of rules.
 *
 *	any   192.0.2.1   192.0.2.0/24   192.0.2.0/255.255.255.0   192.0.2.1-192.0.2.9   2001:db8::/32   $HOME_NET
 *	![192.0.2.0/24, !192.0.2.7]     80   8000:8100   :1023   1024:   [$HTTP_PORTS,!81]
 *
 * A list is what its plain items give less what its negated items take away; a list of negated items alone starts from
 * everything (of the families it names). What leaves nothing ("!any", "[10.0.0.0/8,!10.0.0.0/8]") is an error, as is a
 * variable that nobody defined.
 *
 * Each expression has a number; the same text gives the same number, 0 is "any". Its ranges are evaluated with the
 * variables of the default; address_sets_tenant evaluates the expressions that name variables once more with the variables
 * of a tenant, so that a tenant costs as much as the expressions that differ, not as the rules.
 *
 * Sets are filled by one thread and then only read, by any number of threads. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

struct address_sets;
struct port_sets;
struct regions;
struct conf_node;

enum { ADDRESS_MESSAGE_SIZE = 256, ADDRESS_SETS_MAX = 65536, ADDRESS_RANGES_MAX = 1 << 20, ADDRESS_DEPTH_MAX = 32 };

/* 'vars' has the variables by name, may be null, is borrowed and outlives the sets. Null without memory. */
struct address_sets *address_sets_new(const struct conf_node *vars);
struct port_sets *port_sets_new(const struct conf_node *vars);
void address_sets_free(struct address_sets *sets);
void port_sets_free(struct port_sets *sets);

/* The number of an expression. 0, or LUYTRE_E_SYNTAX, LUYTRE_E_FULL, LUYTRE_E_NOMEM with a sentence in 'message'. */
MUST_CHECK int address_sets_intern(
	struct address_sets *sets, struct bytes text, char message[ADDRESS_MESSAGE_SIZE], uint32_t *ret);
MUST_CHECK int port_sets_intern(
	struct port_sets *sets, struct bytes text, char message[ADDRESS_MESSAGE_SIZE], uint32_t *ret);

/* The variables of tenant 1, 2, ...: those of 'vars' first, then those of the default. */
MUST_CHECK int address_sets_tenant(
	struct address_sets *sets, uint32_t tenant, const struct conf_node *vars, char message[ADDRESS_MESSAGE_SIZE]);
MUST_CHECK int port_sets_tenant(
	struct port_sets *sets, uint32_t tenant, const struct conf_node *vars, char message[ADDRESS_MESSAGE_SIZE]);

bool address_sets_match(const struct address_sets *sets, uint32_t set, uint32_t tenant, const struct ip_addr *addr);
bool port_sets_match(const struct port_sets *sets, uint32_t set, uint32_t tenant, uint16_t port);

/* True when the expression is everything for every tenant so far; when it has a negated part. */
bool address_sets_is_any(const struct address_sets *sets, uint32_t set);
bool address_sets_is_negated(const struct address_sets *sets, uint32_t set);
bool port_sets_is_any(const struct port_sets *sets, uint32_t set);
uint32_t address_sets_count(const struct address_sets *sets);
uint32_t port_sets_count(const struct port_sets *sets);

/* Regions: addresses (or ports) of one region are in the same sets, whatever set and tenant is asked about, so what was found out
 * for one holds for all. They are few: as many as the sets cut the numbers into. The sets must not change any more.
 * LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. '*ret' is freed with regions_free (null is allowed). */
MUST_CHECK int address_sets_regions(const struct address_sets *sets, struct regions **ret);
MUST_CHECK int port_sets_regions(const struct port_sets *sets, struct regions **ret);
void regions_free(struct regions *regions);
/* The same number for each address of a region; families count apart. */
uint32_t regions_address(const struct regions *regions, const struct ip_addr *addr);
uint32_t regions_port(const struct regions *regions, uint16_t port);
