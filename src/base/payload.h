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

/* X(around, name, why): 'around' is the innermost name, "" is anywhere; "*" at an end of either: whatever begins, or ends, so. */
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
	X("rules", "data", "the part of a request that a rule of the gate matched")                                    \
	X("rules", "msg", "of a rule of the gate: quotes the request")                                                 \
	X("details", "data", "as rules.data, in an audit log")                                                         \
	X("details", "match", "as rules.data, in an audit log")                                                        \
	X("messages", "message", "as rules.msg, in an audit log")                                                      \
	X("request", "headers", "cookies, tokens (audit log)")                                                         \
	X("response", "headers", "cookies, tokens (audit log)")                                                        \
	X("request_headers", "value", "cookies, tokens, passwords (HTTP)")                                             \
	X("response_headers", "value", "cookies, tokens (HTTP)")                                                       \
	X("http", "cookie*", "a session")                                                                              \
	X("http", "set_cookie*", "a session")                                                                          \
	X("http", "authorization*", "a password or a token")                                                           \
	X("http", "proxy_authorization*", "a password or a token")                                                     \
	X("metadata", "flowvars", "what rules cut out of the stream")                                                  \
	X("metadata", "pktvars", "what rules cut out of the packet")                                                   \
	X("", "password", "a secret that was typed")                                                                   \
	X("", "secret_key", "a secret of a connection (PostgreSQL)")                                                   \
	X("", "encryption_key", "a secret of a call (SDP)")                                                            \
	X("sdp", "attributes", "keys of a call among them (SDP)")                                                      \
	X("media_descriptions", "attributes", "keys of a call among them (SDP)")                                       \
	X("ftp", "command_data", "what was typed, passwords among it")                                                 \
	X("ftp", "reply", "text of the server")                                                                        \
	X("email", "subject", "of a message")                                                                          \
	X("email", "url", "out of a message")                                                                          \
	X("request", "args", "what was typed (POP3), passwords among it")                                              \
	X("response", "header", "text of the server (POP3)")                                                           \
	X("response", "data", "text of messages (POP3), values of a device (Modbus)")                                  \
	X("publish", "message", "what a device said (MQTT)")                                                           \
	X("will", "message", "what a device left to say (MQTT)")                                                       \
	X("", "properties", "what programs add to messages, secrets of logins among it (MQTT)")                        \
	X("request", "simple_query", "a query with its values (PostgreSQL)")                                           \
	X("request", "message", "a message with its values (PostgreSQL)")                                              \
	X("response", "message", "an error that quotes values (PostgreSQL)")                                           \
	X("response", "detail", "an error that quotes values (PostgreSQL)")                                            \
	X("response", "hint", "an error that quotes values (PostgreSQL)")                                              \
	X("response", "where", "an error that quotes values (PostgreSQL)")                                             \
	X("response", "internal_query", "a query with its values (PostgreSQL)")                                        \
	X("", "sasl_response", "a secret of a login")                                                                  \
	X("", "sasl_param", "a secret of a login")                                                                     \
	X("", "authentication_sasl_final", "a secret of a login")                                                      \
	X("", "authentication_md5_password", "a secret of a login: what the password is hashed with")                  \
	X("sasl", "credentials", "a secret of a login (LDAP)")                                                         \
	X("attributes", "values", "values of an entry (LDAP)")                                                         \
	X("", "attribute_values", "values of an entry (LDAP)")                                                         \
	X("", "attribute_value_assertion", "a value that was compared (LDAP)")                                         \
	X("modification", "value", "a value of an entry (LDAP)")                                                       \
	X("extended_request", "value", "what an operation takes, passwords among it (LDAP)")                           \
	X("*_response", "value", "what an operation gives (LDAP)")                                                     \
	X("*_response", "message", "text of the server (LDAP)")                                                        \
	X("search_result_*", "message", "text of the server (LDAP)")                                                   \
	X("vnc", "challenge", "a secret of a login: what the password encrypts")                                       \
	X("vnc", "response", "a secret of a login: what the password made of it")                                      \
	X("request", "data", "values of a device (Modbus)")                                                            \
	X("diagnostic", "data", "values of a device (Modbus)")                                                         \
	X("mei", "data", "values of a device (Modbus)")                                                                \
	X("write", "data", "values of a device (Modbus)")                                                              \
	X("write", "and_mask", "values of a device (Modbus)")                                                          \
	X("write", "or_mask", "values of a device (Modbus)")                                                           \
	X("read", "data", "values of a device (Modbus)")                                                               \
	X("", "points", "values of a device (DNP3)")                                                                   \
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
