// SPDX-License-Identifier: Apache-2.0
/* Bits on hosts and on pairs of hosts: xbits and hostbits of the rule language, shared by all workers of a process.
 *
 * Tables with keyed hashes, a ceiling and expiry by packet time; a refusal is counted. Guarded by one lock: only rules
 * that matched otherwise come here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/net.h"

enum host_track { HOST_SRC, HOST_DST, HOST_PAIR, HOST_TX };
enum { HOST_BITS_MAX = 262144 };

/* 'other' is used by HOST_PAIR only; a pair has no direction. */
void host_bit_set(
	uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other, uint64_t expires_ns);
void host_bit_unset(uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other);
bool host_bit_is_set(
	uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other, uint64_t now_ns);
uint64_t host_bits_refused(void);
/* Forgets everything: between runs of a test. */
void host_bits_clear(void);
