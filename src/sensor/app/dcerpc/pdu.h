// SPDX-License-Identifier: Apache-2.0
/* Messages of DCE/RPC (The Open Group C706, chapter 12): the connection-oriented form, which TCP and the named pipes of
 * SMB carry, and the head of the connectionless form. Views point into the message. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum dcerpc_type {
	DCERPC_REQUEST,
	DCERPC_PING,
	DCERPC_RESPONSE,
	DCERPC_FAULT,
	DCERPC_WORKING,
	DCERPC_NOCALL,
	DCERPC_REJECT,
	DCERPC_ACK,
	DCERPC_CL_CANCEL,
	DCERPC_FACK,
	DCERPC_CANCEL_ACK,
	DCERPC_BIND,
	DCERPC_BIND_ACK,
	DCERPC_BIND_NAK,
	DCERPC_ALTER_CONTEXT,
	DCERPC_ALTER_CONTEXT_RESP,
	DCERPC_AUTH3,
	DCERPC_SHUTDOWN,
	DCERPC_CO_CANCEL,
	DCERPC_ORPHANED,
	DCERPC_TYPE_COUNT
};

enum dcerpc_flag { DCERPC_FIRST = 0x01, DCERPC_LAST = 0x02, DCERPC_OBJECT = 0x80 };
enum { DCERPC_HEAD_SIZE = 16, DCERPC_DATAGRAM_HEAD_SIZE = 80, DCERPC_UUID_SIZE = 16 };

/* C706, section 12.6.3.1. */
struct dcerpc_head {
	uint8_t version, version_minor;
	uint8_t type; /* enum dcerpc_type, or more than that */
	uint8_t flags; /* enum dcerpc_flag */
	bool little; /* byte order of all numbers */
	uint16_t fragment_size; /* of this message, with the head */
	uint16_t auth_size;
	uint32_t call_id;
};

/* False: fewer than 16 bytes. */
MUST_CHECK bool dcerpc_head_read(struct bytes in, struct dcerpc_head *ret);

/* Whether this can be the head of a message of version 5. */
bool dcerpc_head_plausible(const struct dcerpc_head *head);

/* True for what a server sends. */
bool dcerpc_is_answer(uint8_t type);

/* "REQUEST", "BINDACK"; "UNKNOWN" for what is not in the list. */
const char *dcerpc_type_name(uint8_t type);

/* A presentation context of a bind (section 12.6.3.1, p_cont_elem_t) and what the answer says about it. */
struct dcerpc_interface {
	uint8_t uuid[DCERPC_UUID_SIZE]; /* in the order of its text */
	uint16_t context_id;
	uint16_t version, version_minor;
	bool answered;
	uint16_t ack_result, ack_reason;
};

/* Lists of contexts are read one by one: begin, then next until false. */
struct dcerpc_list {
	struct bytes rest;
	bool little;
	uint8_t left; /* items */
};

/* Body of a bind or alter context; false: too short. */
MUST_CHECK bool dcerpc_bind_begin(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_list *ret);
MUST_CHECK bool dcerpc_bind_next(struct dcerpc_list *list, struct dcerpc_interface *ret);
/* Results in an answer to them, in the order of the question. */
MUST_CHECK bool dcerpc_results_begin(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_list *ret);
MUST_CHECK bool dcerpc_results_next(struct dcerpc_list *list, uint16_t *ret_result, uint16_t *ret_reason);

/* A request's or response's own head, and what follows: the object's UUID when the flag says so, stub data, and a trailer
 * when there is authentication. Suricata takes all of it for the stub, and rules count on that. */
struct dcerpc_body {
	uint16_t context_id;
	uint16_t opnum; /* of a request */
	struct bytes stub;
};
MUST_CHECK bool dcerpc_body_read(const struct dcerpc_head *head, struct bytes pdu, struct dcerpc_body *ret);

/* Section 12.5.1: a datagram. */
struct dcerpc_datagram {
	uint8_t type;
	uint8_t flags;
	bool little;
	uint8_t interface[DCERPC_UUID_SIZE], activity[DCERPC_UUID_SIZE];
	uint32_t interface_version, sequence;
	uint16_t opnum, fragment;
	struct bytes stub;
};
enum dcerpc_datagram_flag { DCERPC_DATAGRAM_LAST = 0x02, DCERPC_DATAGRAM_FRAGMENT = 0x04 };
MUST_CHECK bool dcerpc_datagram_read(struct bytes in, struct dcerpc_datagram *ret);

/* "12345678-1234-abcd-ef00-0123456789ab" and its NUL. */
enum { DCERPC_UUID_TEXT_SIZE = 37 };
void dcerpc_uuid_text(const uint8_t uuid[DCERPC_UUID_SIZE], char text[DCERPC_UUID_TEXT_SIZE]);
