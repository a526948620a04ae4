// SPDX-License-Identifier: Apache-2.0
/* The world of the lab: namespaces, links, routes, and the programs that live in them. README.md has the drawing.
 *
 * Everything is named after the run (guard.h), so labs stand side by side, and is taken away by the guardian: there is
 * no function here that removes anything but processes. */
#pragma once

#include <sys/types.h>

#include "base/compiler.h"
#include "lab/guard.h"
#include "lab/text.h"

enum lab_place {
	LAB_INTERNET, /* a router between all that is outside, and the edge */
	LAB_HOMES, /* clients with addresses of their own */
	LAB_NAT, /* a Linux router that translates and drops what conntrack calls invalid */
	LAB_OFFICE, /* clients behind it */
	LAB_ATTACKER,
	LAB_EDGE, /* luytre runs here */
	LAB_HEALTH, /* organisations behind the edge */
	LAB_LAND,
	LAB_PLACE_COUNT
};

enum { LAB_SITE_COUNT = 2, LAB_UDP_PORT = 5000, LAB_UDP_SITE = 1 };

/* Where the attacker sends its frames: the router's end of their link, link number 3 in topology.c. */
#define LAB_ATTACK_MAC "02:4c:54:00:03:01"

/* An organisation: its tenant, its network, its site. */
struct lab_site {
	const char *name; /* of the tenant, and of the namespace */
	struct lab_text title;
	enum lab_place place;
	const char *prefix4, *prefix6;
	const char *address4, *address6; /* of the web server; and of the UDP service, at LAB_UDP_SITE */
};

extern const struct lab_site lab_sites[LAB_SITE_COUNT];

struct topology {
	const struct guard_names *names; /* borrowed */
	const char *luytre; /* the program */
	enum luytre_lang lang;
	char control[96]; /* path of the control socket */
	char log[96]; /* of luytre */
	pid_t edge, udp_service, web[LAB_SITE_COUNT];
};

/* "lt-1234-edge"; the result lives until the next call but three. */
const char *topology_netns(const struct topology *topology, enum lab_place place);

/* Makes the namespaces, links, routes and files, and starts nginx, the UDP service and luytre. Returns when the sites
 * and the control socket answer. 0, or an error that has been logged. */
MUST_CHECK int topology_start(struct topology *topology);

/* Null, or the name of the first program that has ended although it should run. */
const char *topology_failed(struct topology *topology);

/* Ends the programs in order. */
void topology_stop(struct topology *topology);
