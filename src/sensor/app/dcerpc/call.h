// SPDX-License-Identifier: Apache-2.0
/* Calls of DCE/RPC, wherever they travel: a question with its answer, both put together from fragments. TCP, UDP and the
 * named pipes of SMB have one in a transaction each; rules and records look at it there.
 *
 * Stub data lies in memory of the connection (app_alloc) and has a ceiling; interfaces lie in the transaction's arena. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/dcerpc/pdu.h"
#include "sensor/rules/keyword.h"

enum {
	DCERPC_STUB_MAX = 1 << 20, /* bytes of a call that are kept in each direction; what follows is only counted */
	DCERPC_INTERFACES_MAX = 1024, /* contexts of one association */
};

/* The contexts that a connection or a pipe has agreed on. */
struct dcerpc_association {
	struct dcerpc_interface *interfaces; /* app_alloc */
	uint32_t count, room;
};

void dcerpc_association_done(struct app_conn *conn, struct dcerpc_association *association);

struct dcerpc_stub {
	uint8_t *data; /* app_alloc */
	size_t size, room;
	uint64_t seen_size; /* what came, kept or not */
	uint32_t fragment_count;
	bool little; /* byte order */
};

struct dcerpc_call {
	bool has_request, has_response;
	bool pipe; /* inside SMB */
	uint8_t version, version_minor;
	uint8_t request, response; /* enum dcerpc_type */
	uint32_t call_id;
	uint16_t context_id, opnum;
	struct dcerpc_stub stub[SENSOR_DIRS];
	/* Of a bind: what it asks for. Of a request: the one context it uses, when that was agreed on. */
	struct dcerpc_interface *interfaces;
	uint32_t interface_count;
	bool bind_first; /* the bind said that it is a first fragment: without that its contexts do not count */
	/* UDP. */
	bool datagram;
	uint8_t activity[DCERPC_UUID_SIZE];
	uint32_t sequence;
};

void dcerpc_call_done(struct app_conn *conn, struct dcerpc_call *call);

/* Whether 'type' answers this call's question. */
bool dcerpc_call_answered_by(const struct dcerpc_call *call, uint8_t type);

/* Takes in one message of the caller or of the server; true: that side has said all. 'pdu' has the whole message. */
bool dcerpc_call_request(struct app_tx *tx, struct dcerpc_call *call, const struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu);
bool dcerpc_call_response(struct app_tx *tx, struct dcerpc_call *call, struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu);
void dcerpc_stub_add(struct app_conn *conn, struct dcerpc_stub *stub, struct bytes data);

/* Members of EVE's object "dcerpc". */
void dcerpc_call_log(const struct dcerpc_call *call, struct jsonw *json);

/* ---- What rules see: for the tables of dcerpc and smb ---- */

/* The call of a transaction of either protocol; null: it has none. */
const struct dcerpc_call *dcerpc_call_of(const struct app_tx *tx);
extern const struct rule_keyword dcerpc_keywords[];
/* The buffer "dcerpc.stub_data". */
bool dcerpc_stub_get(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret);

#define DCERPC_STUB_BUFFER(done)                                                                                       \
	{                                                                                                              \
		.name = "dcerpc.stub_data", .alias = "dce_stub_data", .dirs = DIR_BOTH, .progress = { done, done },    \
		.get = dcerpc_stub_get                                                                                 \
	}
