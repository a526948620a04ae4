// SPDX-License-Identifier: Apache-2.0
/* The configuration of the test cases: each tenant has one thing of its own. */
#include "case.h"

#define TENANT(name, prefixes, more)                                                                                   \
	"  - name: " name "\n"                                                                                         \
	"    prefixes: [" prefixes "]\n"                                                                               \
	"    mode: enforce\n"                                                                                          \
	"    bogons: " more
#define WEB "    tcp_ports: [80, 443]\n"
#define ANY_UDP                                                                                                        \
	"    udp_ports: [53, 123, 443, 4000-4999, 5060, 27015-27050]\n"                                                \
	"    challenge: off\n"
#define TIGHT                                                                                                          \
	"    burst_ms: 20\n"                                                                                           \
	"    limits:\n"

const char case_config[] = "interface: test0\n"
			   "tenants:\n"
	/* clang-format off */
	TENANT("site", "198.51.100.0/24, 2001:db8:1::/48", "false\n" WEB ANY_UDP
		"    clients: false\n")
	TENANT("bogons", "198.18.1.0/24, 2001:db8:101::/48", "true\n" WEB ANY_UDP)
	TENANT("open", "198.18.2.0/24, 2001:db8:102::/48", "false\n" WEB ANY_UDP
		"    protocols: [tcp, udp, icmp, icmpv6, gre, ipip, esp, sctp, ipv6]\n"
		"    ipv4_options: true\n"
		"    empty_udp: true\n"
		"    tcp_fast_open: true\n"
		"    min_mss: 0\n")
	TENANT("resolver", "198.18.3.0/24", "false\n" WEB
		"    challenge: off\n"
		"    replies: [echo, daytime, qotd, chargen, time, dns, tftp, portmap, ntp, netbios, snmp, xdmcp, cldap,"
		" slp, dtls, quic, ike, rip, ipmi, dns-quic, openvpn, mssql, citrix, l2tp, ssdp, gtp, arms, rdp, stun,"
		" ws-discovery, sip, sentinel, mdns, coap, teamspeak, ubiquiti, tp240, memcached, wdb, raknet,"
		" source-engine, quake, lantronix, plex, jenkins, dvr, crestron, bacnet, bittorrent, kad]\n")
	TENANT("challenged", "198.18.4.0/24, 2001:db8:104::/48", "false\n" WEB
		"    challenge: on\n"
		"    tcp_fast_open: true\n")
	TENANT("budget", "198.18.5.0/24", "false\n" WEB
		"    challenge: on\n" TIGHT
		"      challenge_pps: 1\n")
	TENANT("per-source", "198.18.6.0/24, 2001:db8:106::/48", "false\n" WEB ANY_UDP TIGHT
		"      source_pps: 1\n"
		"      source_syn_pps: 1\n")
	TENANT("per-prefix", "198.18.7.0/24, 2001:db8:107::/48", "false\n" WEB ANY_UDP TIGHT
		"      prefix_pps: 1\n")
	TENANT("per-56", "2001:db8:108::/48", "false\n" WEB ANY_UDP TIGHT
		"      prefix56_pps: 1\n")
	TENANT("per-48", "2001:db8:109::/48", "false\n" WEB ANY_UDP TIGHT
		"      prefix48_pps: 1\n")
	TENANT("classes", "198.18.10.0/24", "false\n" WEB ANY_UDP
		"    protocols: [tcp, udp, icmp, esp]\n"
		"    replies: [dns]\n" TIGHT
		"      tcp_syn_pps: 1\n"
		"      tcp_pps: 1\n"
		"      udp_pps: 1\n"
		"      icmp_pps: 1\n"
		"      fragment_pps: 1\n"
		"      reply_pps: 1\n"
		"      other_pps: 1\n")
	TENANT("total", "198.18.11.0/24", "false\n" WEB ANY_UDP TIGHT
		"      total_pps: 1\n")
	TENANT("full", "198.18.12.0/24", "false\n" WEB ANY_UDP
		"    full_table: closed\n" TIGHT
		"      source_pps: 1\n")
	TENANT("auto", "198.18.13.0/24", "false\n" WEB
		"    challenge: auto\n"
		"    tcp_fast_open: true\n")
	TENANT("full-open", "198.18.14.0/24", "false\n" WEB ANY_UDP TIGHT
		"      source_pps: 1\n")
	TENANT("clients", "198.18.15.0/24", "false\n" WEB
		"    challenge: off\n")
	TENANT("both-ways", "198.18.16.0/24", "false\n" WEB
		"    direction: both\n");
/* clang-format on */
