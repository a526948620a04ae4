// SPDX-License-Identifier: Apache-2.0
/* What of an event is content, and not about it: the one table of members that are taken out of events about systems which may only be
 * watched at the edge (edge-only), and the scanner that takes them out and finds them.
 *
 * An event is one JSON object as text. A member goes with everything in it when its name is in the table, if the table names a member around it
 * only inside of that one. A name that is written with an escape goes too: no program that writes events does so, and it would get by.
 * Sizes, hashes, addresses, names of hosts and files, methods, codes and times stay: they are about the traffic.
 *
 * Nothing is parsed into memory: one pass over the text, bounded in depth. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

/* X(around, name, why): 'around' "" is anywhere; "*" at the end of a name: whatever begins so. */
#define PAYLOAD_MEMBERS(X)                                                                                             \
	X("", "payload*", "bytes of the stream or the packet, encoded or printable")                                   \
	X("", "packet", "the whole packet, encoded")                                                                   \
	X("", "http_body*", "what was sent over HTTP")                                                                 \
	X("", "http_request_body*", "what was sent to the site: forms, uploads, passwords")                            \
	X("", "http_response_body*", "what the site answered")                                                         \
	X("", "request_body*", "as http_request_body, of other programs")                                              \
	X("", "response_body*", "as http_response_body, of other programs")                                            \
	X("", "body", "of a message")                                                                                  \
	X("", "body_printable", "of a message")                                                                        \
	X("", "stream_data*", "bytes of the stream")                                                                   \
	X("", "capture_file", "a file with the packets: none is kept")                                                 \
	X("", "matched_data", "the part of a request that a rule matched")                                             \
	X("", "password", "a secret that was typed")                                                                   \
	X("ftp", "command_data", "what was typed, passwords among it")                                                 \
	X("ftp", "reply", "text of the server")                                                                        \
	X("request", "args", "what was typed (POP3), passwords among it")                                              \
	X("response", "data", "text of messages (POP3)")                                                               \
	X("publish", "message", "what a device said (MQTT)")                                                           \
	X("will", "message", "what a device left to say (MQTT)")                                                       \
	X("request", "simple_query", "a query with its values (PostgreSQL)")                                           \
	X("request", "message", "a message with its values (PostgreSQL)")                                              \
	X("", "secret_key", "a secret of a connection (PostgreSQL)")                                                   \
	X("", "sasl_response", "a secret of a login")                                                                  \
	X("modbus", "data", "values of a device")                                                                      \
	X("write", "data", "values of a device (Modbus)")                                                              \
	X("read", "data", "values of a device (Modbus)")                                                               \
	X("", "points", "values of a device (DNP3)")                                                                   \
	X("", "attribute_value_assertion", "a value that was compared (LDAP)")                                         \
	X("snmp", "community", "the password of SNMP 1 and 2c")

enum { PAYLOAD_DEPTH_MAX = 32 };

/* Writes the event without such members to 'out', which has room for event.size bytes and may be where the event is. '*ret_removed': how many
 * went. LUYTRE_E_SYNTAX: not an object, or nested too deep; 'out' means nothing then. */
MUST_CHECK int payload_strip(struct bytes event, uint8_t *out, size_t *ret_size, size_t *ret_removed);

/* Members that payload_strip would take out; the name of the first is written to 'name' (not null), "" when there is none. LUYTRE_E_SYNTAX. */
enum { PAYLOAD_NAME_SIZE = 48 };
MUST_CHECK int payload_count(struct bytes event, size_t *ret_count, char name[PAYLOAD_NAME_SIZE]);

/* The event's own "src_ip" and "dest_ip"; family 0 for one that is missing or none. LUYTRE_E_SYNTAX. */
MUST_CHECK int payload_ends(struct bytes event, struct ip_addr *ret_src, struct ip_addr *ret_dst);
