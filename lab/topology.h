// SPDX-License-Identifier: Apache-2.0
/* The world of the lab: namespaces, links, routes, and the programs that live in them. README.md has the drawing.
 *
 * Everything is named after the run (guard.h), so labs stand side by side, and is taken away by the guardian: there is
 * no function here that removes anything but processes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
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
	LAB_HEALTH, /* organisations behind the edge, each on a line of its own */
	LAB_LAND,
	LAB_CITIZENS, /* clients of everybody */
	LAB_EDGE2, /* and here */
	LAB_NEAR, /* the other organisations behind the first edge */
	LAB_FAR, /* those behind the second */
	LAB_HUB, /* both edges reach it over lines of their own */
	LAB_PLACE_COUNT
};

enum {
	LAB_EDGE_COUNT = 2,
	LAB_SITE_COUNT = 20,
	LAB_NEAR_COUNT = 10, /* the first ones are behind the first edge */
	LAB_FLOOD_SITES = 2, /* and the first of them are flooded: LAB_HEALTH and LAB_LAND, with IPv6 */
	LAB_UDP_PORT = 5000,
	LAB_UDP_SITE = 1
};

/* Where the attacker sends its frames: the router's end of their link, link number 3 in topology.c. */
#define LAB_ATTACK_MAC "02:4c:54:00:03:01"

/* Whence the attacks on many come: every address of it is the attacker's. Only its last number differs. */
#define LAB_ATTACK_NET "185.234.216."

/* An organisation: its tenant, its network, its site. */
struct lab_site {
	const char *name; /* of the tenant */
	struct lab_text title;
	enum lab_place place;
	const char *prefix4, *prefix6; /* prefix6, address6: null without */
	const char *address4, *address6; /* of the web server; and of the UDP service, at LAB_UDP_SITE */
	unsigned int province; /* its code */
	const char *sector; /* a word of the hub's */
	unsigned int level; /* of its system, 1 to 5 */
};

extern const struct lab_site lab_sites[LAB_SITE_COUNT];

struct topology {
	const struct guard_names *names; /* borrowed */
	const char *luytre; /* the program */
	const char *gate,
		*holds; /* nginx's module, the folder of its rules (rules/gate); "": no gate stands before the sites */
	enum luytre_lang lang;
	char control[96], control2[96], hub_control[96]; /* paths of control sockets: of both edges, of the hub */
	char log[96]; /* of luytre, all parts */
	char hub_output[96]; /* what the hub says */
	uint16_t console_port; /* of this machine's 127.0.0.1 */
	pid_t edge, edge2, hub, relay, udp_service, web[LAB_PLACE_COUNT], sensors[LAB_EDGE_COUNT];
};

/* "lt-1234-edge"; the result lives until the next call but three. */
const char *topology_netns(const struct topology *topology, enum lab_place place);

/* "edge". */
const char *topology_place_name(enum lab_place place);

/* Makes the namespaces, links, routes and files, and starts the hub, nginx, the UDP service and both edges, which it enrols.
 * Returns when the sites and the control sockets answer. 0, or an error that has been logged. */
MUST_CHECK int topology_start(struct topology *topology);

/* Starts the sensors of both edges. What they look for is in sites.c. Does not wait for them. */
MUST_CHECK int topology_start_sensors(struct topology *topology);

/* Whether a gate stands before the sites of this place: it is that of most of them behind the first edge. */
bool topology_has_gate(const struct topology *topology, enum lab_place place);

/* Path of the control socket of a sensor. */
void topology_sensor_socket(const struct topology *topology, size_t edge, char *ret, size_t size);

/* Null, or the name of the first program that has ended although it should run. */
const char *topology_failed(struct topology *topology);

/* Ends the programs in order. */
void topology_stop(struct topology *topology);
