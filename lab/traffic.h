// SPDX-License-Identifier: Apache-2.0
/* Ordinary people: short HTTP connections to all sites and questions to the UDP service, the whole time.
 *
 * One process in each place with clients. It starts a new connection at fixed moments, whether earlier ones are done or
 * not (an open loop: what fails does not slow the rest down), from each source address in turn, to each site in turn,
 * over IPv4 and IPv6. A connection is good when the whole page arrives within TRAFFIC_TIMEOUT_MS; a question when its
 * answer arrives. Results go to the lab through memory that both share, one ring for each process. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "lab/topology.h"

enum { TRAFFIC_TIMEOUT_MS = 2000 };

enum traffic_kind { TRAFFIC_HTTP, TRAFFIC_UDP };

struct traffic_result {
	uint64_t start_ns, end_ns; /* monotonic */
	uint32_t connect_us; /* until the connection stood, or the answer came; when good */
	uint8_t kind; /* enum traffic_kind */
	uint8_t site;
	bool good;
	bool translated; /* from behind the NAT */
};

/* A socket address of either family. */
struct traffic_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* 0 or LUYTRE_E_SYNTAX. */
MUST_CHECK int traffic_address_parse(const char *text, uint16_t port, struct traffic_address *ret);
socklen_t traffic_address_size(const struct traffic_address *address);

/* The addresses that clients in a place have, and the attacker none. */
size_t traffic_source_count(enum lab_place place);
const char *traffic_source(enum lab_place place, size_t index);

struct traffic; /* all the clients; opaque */

/* Null without memory or when a process cannot be started, logged. */
struct traffic *traffic_start(const struct topology *topology);

/* Ends the clients and frees. Accepts null. */
void traffic_stop(struct traffic *traffic);

/* False when a client process has ended although it should run. */
bool traffic_is_running(struct traffic *traffic);

/* Takes one result that has come in since; false when there is none. */
bool traffic_next(struct traffic *traffic, struct traffic_result *ret);
