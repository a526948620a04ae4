// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Reflection and amplification: one row per protocol of the attack catalogue, group C.
 *
 * A reflected packet is a reply that nobody asked for: the well-known port is its source port. A
 * row matches a UDP packet by source port and by the first 16 payload bytes under a mask, both as
 * they lie in memory, and by the payload's size. Figures and formats come from US-CERT TA14-017A
 * and the papers named in the catalogue.
 *
 * Rows of one port stand together (a look-up finds the first and goes on while the port fits);
 * rows for any port stand last. A tenant opens a row by its name, then its replies are limited
 * instead of dropped.
 *
 * X(id, name, vector, port_first, port_last, size_min, size_max, LIMIT or DROP, value, mask, what)
 * 'value' and 'mask' are string literals of at most 16 bytes. */
#pragma once

#define SHIELD_REFLECT_ANY_PORT 0
#define SHIELD_SIZE_ANY         0, 65535

#define SHIELD_REFLECT_PORT_ROWS(X)                                                                                    \
	X(ECHO, "echo", "C47", 7, 7, 1, 65535, DROP, "", "", "echo")                                                   \
	X(DAYTIME, "daytime", "C47", 13, 13, 1, 65535, DROP, "", "", "daytime")                                        \
	X(QOTD, "qotd", "C8", 17, 17, 1, 65535, DROP, "", "", "quote of the day")                                      \
	X(CHARGEN, "chargen", "C7", 19, 19, 1, 65535, DROP, "", "", "character generator")                             \
	X(TIME, "time", "C47", 37, 37, 4, 4, DROP, "", "", "time protocol")                                            \
	X(DNS, "dns", "C1", 53, 53, 12, 65535, DROP, "\0\0\x80", "\0\0\x80", "DNS answers")                            \
	X(TFTP, "tftp", "C14", 69, 69, 4, 65535, DROP, "\0\1", "\xff\xf9", "TFTP data and errors")                     \
	X(PORTMAP, "portmap", "C10", 111, 111, 24, 65535, DROP, "\0\0\0\0\0\0\0\1", "\0\0\0\0\xff\xff\xff\xff",        \
		"portmap replies")                                                                                     \
	X(NTP_PRIVATE, "ntp-monlist", "C2", 123, 123, 8, 65535, DROP, "\x07", "\x07", "NTP mode 7")                    \
	X(NTP_CONTROL, "ntp-control", "C3", 123, 123, 12, 65535, DROP, "\x06\x80", "\x07\x80", "NTP mode 6")           \
	X(NTP, "ntp", "C2", 123, 123, 48, 65535, LIMIT, "\x04", "\x07", "NTP server answers")                          \
	X(NETBIOS, "netbios", "C13", 137, 137, 12, 65535, DROP, "\0\0\x84", "\0\0\xfe", "NetBIOS name answers")        \
	X(SNMP, "snmp", "C9", 161, 161, 8, 65535, DROP, "\x30", "\xff", "SNMP responses")                              \
	X(XDMCP, "xdmcp", "C35", 177, 177, 6, 65535, DROP, "\0\1\0\5", "\xff\xff\xff\xff", "XDMCP willing")            \
	X(CLDAP, "cldap", "C5,C28", 389, 389, 11, 65535, DROP, "\x30", "\xff", "connectionless LDAP results")          \
	X(SLP, "slp", "C21", 427, 427, 5, 65535, DROP, "\0\0", "\xfc\xf0", "service location replies")                 \
	X(DTLS, "dtls", "C18", 443, 443, 13, 65535, DROP, "\x16\xfe", "\xff\xff", "DTLS handshakes from 443")          \
	X(QUIC, "quic", "C48", 443, 443, 5, 65535, DROP, "\x80", "\x80", "QUIC long headers from 443")                 \
	X(IKE, "ike", "C42", 500, 500, 28, 65535, LIMIT, "", "", "IKE answers")                                        \
	X(RIP, "rip", "C11", 520, 520, 4, 65535, DROP, "\2\1\0\0", "\xff\xff\xff\xff", "RIPv1 responses")              \
	X(IPMI, "ipmi", "C34", 623, 623, 4, 65535, DROP, "\6\0\xff\7", "\xff\xff\xff\xff", "IPMI and RMCP")            \
	X(DNS_QUIC, "dns-quic", "C49", 853, 853, 5, 65535, DROP, "\x80", "\x80", "DNS over QUIC")                      \
	X(OPENVPN, "openvpn", "C41", 1194, 1194, 14, 65535, DROP, "\x40", "\xf8", "OpenVPN server resets")             \
	X(MSSQL, "mssql", "C30", 1434, 1434, 3, 65535, DROP, "\5", "\xff", "MSSQL resolution")                         \
	X(CITRIX, "citrix", "C36", 1604, 1604, 4, 65535, DROP, "", "", "Citrix ICA browser")                           \
	X(L2TP, "l2tp", "C43", 1701, 1701, 6, 65535, DROP, "\xc8\2", "\xff\xff", "L2TP control")                       \
	X(SSDP, "ssdp", "C4", 1900, 1900, 1, 65535, DROP, "", "", "SSDP from its own port")                            \
	X(GTP, "gtp", "C50", 2123, 2152, 8, 65535, DROP, "\x30", "\xf0", "GTP echo and user plane")                    \
	X(ARMS, "arms", "C16", 3283, 3283, 4, 65535, DROP, "", "", "Apple remote management")                          \
	X(RDP, "rdp", "C29", 3389, 3389, 8, 65535, DROP, "", "", "RDP over UDP")                                       \
	X(STUN, "stun", "C20", 3478, 3478, 20, 65535, LIMIT, "\1\1\0\0\x21\x12\xa4\x42",                               \
		"\xff\xff\0\0\xff\xff\xff\xff", "STUN binding answers")                                                \
	X(WSD, "ws-discovery", "C15", 3702, 3702, 1, 65535, DROP, "", "", "WS-Discovery from its own port")            \
	X(DTLS_4433, "dtls-4433", "C18", 4433, 4433, 13, 65535, DROP, "\x16\xfe", "\xff\xff", "DTLS from 4433")        \
	X(SIP, "sip", "C44", 5060, 5060, 8, 65535, LIMIT, "SIP/2.0 ", "\xff\xff\xff\xff\xff\xff\xff\xff",              \
		"SIP answers")                                                                                         \
	X(SENTINEL, "sentinel", "C32", 5093, 5093, 4, 65535, DROP, "", "", "Sentinel licence server")                  \
	X(MDNS, "mdns", "C12", 5353, 5353, 12, 65535, DROP, "\0\0\x80", "\0\0\x80", "multicast DNS answers")           \
	X(COAP, "coap", "C17", 5683, 5683, 4, 65535, DROP, "\x40\x40", "\xc0\xe0", "CoAP content")                     \
	X(DTLS_5684, "dtls-5684", "C18", 5684, 5684, 13, 65535, DROP, "\x16\xfe", "\xff\xff", "DTLS from 5684")        \
	X(STUN_8088, "stun-8088", "C20", 8088, 8088, 20, 65535, LIMIT, "\1\1\0\0\x21\x12\xa4\x42",                     \
		"\xff\xff\0\0\xff\xff\xff\xff", "STUN from 8088")                                                      \
	X(TEAMSPEAK, "teamspeak", "C45", 9987, 9987, 8, 65535, LIMIT, "TS3INIT1", "\xff\xff\xff\xff\xff\xff\xff\xff",  \
		"TeamSpeak 3 init")                                                                                    \
	X(UBIQUITI, "ubiquiti", "C31", 10001, 10001, 4, 65535, DROP, "", "", "Ubiquiti discovery")                     \
	X(TP240, "tp240", "C22", 10074, 10074, 1, 65535, DROP, "", "", "Mitel TP240 driver")                           \
	X(MEMCACHED, "memcached", "C6", 11211, 11211, 8, 65535, DROP, "\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\xff\xff",      \
		"memcached over UDP")                                                                                  \
	X(WDB, "wdb", "C37", 17185, 17185, 8, 65535, DROP, "\0\0\0\0\0\0\0\1", "\0\0\0\0\xff\xff\xff\xff",             \
		"VxWorks debug agent")                                                                                 \
	X(RAKNET, "raknet", "C46", 19132, 19132, 17, 65535, LIMIT, "\x1c", "\xff", "Minecraft and RakNet")             \
	X(SOURCE_ENGINE, "source-engine", "C24", 27015, 27050, 5, 65535, DROP, "\xff\xff\xff\xff\x40",                 \
		"\xff\xff\xff\xff\xd0", "Source engine replies")                                                       \
	X(QUAKE, "quake", "C25", 27951, 27970, 8, 65535, DROP, "\xff\xff\xff\xff", "\xff\xff\xff\xff",                 \
		"Quake 3 family replies")                                                                              \
	X(LANTRONIX, "lantronix", "C38", 30718, 30718, 4, 65535, DROP, "\0\0\0\xf1", "\xff\xff\xff\xf1",               \
		"Lantronix discovery")                                                                                 \
	X(PLEX, "plex", "C19", 32410, 32414, 8, 65535, DROP, "HTTP/1.0", "\xff\xff\xff\xff\xff\xff\xff\xff",           \
		"Plex discovery")                                                                                      \
	X(JENKINS, "jenkins", "C23", 33848, 33848, 8, 65535, DROP, "<hudson>", "\xff\xff\xff\xff\xff\xff\xff\xff",     \
		"Jenkins discovery")                                                                                   \
	X(DVR, "dvr", "C33", 37810, 37810, 8, 65535, DROP, "\x20\0\0\0DHIP", "\xff\xff\xff\xff\xff\xff\xff\xff",       \
		"DVR discovery")                                                                                       \
	X(STUN_37833, "stun-37833", "C20", 37833, 37833, 20, 65535, LIMIT, "\1\1\0\0\x21\x12\xa4\x42",                 \
		"\xff\xff\0\0\xff\xff\xff\xff", "STUN from 37833")                                                     \
	X(CRESTRON, "crestron", "C39", 41794, 41794, 4, 65535, DROP, "\x14\0\0\0", "\xff\xff\xff\xff",                 \
		"Crestron control")                                                                                    \
	X(BACNET, "bacnet", "C40", 47808, 47808, 4, 65535, DROP, "\x81", "\xff", "BACnet")

#define SHIELD_REFLECT_ANY_ROWS(X)                                                                                     \
	X(SSDP_HIGH, "ssdp-high", "C4", 0, 0, 16, 65535, DROP, "HTTP/1.1 200 OK",                                      \
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "SSDP from a high port")               \
	X(WSD_HIGH, "ws-discovery-high", "C15", 0, 0, 32, 65535, DROP,                                                 \
		"<?xml version=", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",                          \
		"WS-Discovery from a high port")                                                                       \
	X(TFTP_HIGH, "tftp-high", "C14", 0, 0, 516, 516, LIMIT, "\0\3\0\1", "\xff\xff\xff\xff",                        \
		"TFTP first block from a high port")                                                                   \
	X(BITTORRENT, "bittorrent", "C26", 0, 0, 12, 65535, LIMIT,                                                     \
		"d1:rd2:id20:", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "BitTorrent DHT replies")          \
	X(KAD, "kad", "C27", 0, 0, 34, 65535, LIMIT, "\xe4\x29", "\xfe\xff", "Kad search replies")

#define SHIELD_REFLECT_ROWS(X) SHIELD_REFLECT_PORT_ROWS(X) SHIELD_REFLECT_ANY_ROWS(X)
