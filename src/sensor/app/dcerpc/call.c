// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/dcerpc/call.h"

#include <stdio.h>

#include "sensor/app/app.h"

void dcerpc_association_done(struct app_conn *conn, struct dcerpc_association *association)
{
	app_free(conn, association->interfaces, association->room * sizeof(*association->interfaces));
	*association = (struct dcerpc_association){ 0 };
}

void dcerpc_call_done(struct app_conn *conn, struct dcerpc_call *call)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		app_free(conn, call->stub[dir].data, call->stub[dir].room);
		call->stub[dir].data = NULL;
	}
}

/* ---- Stub data ---- */

static bool stub_room(struct app_conn *conn, struct dcerpc_stub *stub, size_t wanted)
{
	size_t room = stub->room < 256 ? 256 : stub->room;
	uint8_t *grown;

	if (wanted <= stub->room)
		return true;
	while (room < wanted)
		room *= 2;
	/* A first fragment is often all: no more than it needs. */
	if (stub->room == 0)
		room = wanted;
	grown = stub->data ? app_realloc(conn, stub->data, stub->room, room) : app_alloc(conn, room);
	if (!grown)
		return false;
	stub->data = grown;
	stub->room = room;
	return true;
}

void dcerpc_stub_add(struct app_conn *conn, struct dcerpc_stub *stub, struct bytes data)
{
	struct bytes kept = bytes_first(data, DCERPC_STUB_MAX - stub->size);

	stub->fragment_count++;
	stub->seen_size += data.size;
	if (kept.size == 0 || !stub_room(conn, stub, stub->size + kept.size))
		return;
	memcpy(stub->data + stub->size, kept.ptr, kept.size);
	stub->size += kept.size;
}

/* ---- Interfaces ---- */

static void bind_read(struct app_tx *tx, struct dcerpc_call *call, const struct dcerpc_head *head, struct bytes pdu)
{
	struct dcerpc_list list;
	struct dcerpc_interface item;

	call->bind_first = (head->flags & DCERPC_FIRST) != 0;
	if (call->interfaces || !dcerpc_bind_begin(head, pdu, &list) || list.left == 0)
		return;
	call->interfaces = app_tx_alloc(tx, list.left * sizeof(*call->interfaces));
	while (call->interfaces && dcerpc_bind_next(&list, &item))
		call->interfaces[call->interface_count++] = item;
}

static struct dcerpc_interface *find_context(const struct dcerpc_association *association, uint16_t context_id)
{
	/* The same number may be agreed on again: the last one holds. */
	for (uint32_t i = association->count; i-- > 0;)
		if (association->interfaces[i].context_id == context_id)
			return &association->interfaces[i];
	return NULL;
}

static void association_add(
	struct app_conn *conn, struct dcerpc_association *association, const struct dcerpc_interface *item)
{
	struct dcerpc_interface *old = find_context(association, item->context_id);

	if (old) {
		*old = *item;
		return;
	}
	if (association->count == DCERPC_INTERFACES_MAX)
		return;
	if (association->count == association->room) {
		uint32_t room = association->room ? 2 * association->room : 4;
		size_t size = sizeof(*association->interfaces);
		struct dcerpc_interface *grown =
			association->interfaces
				? app_realloc(conn, association->interfaces, association->room * size, room * size)
				: app_alloc(conn, room * size);

		if (!grown)
			return;
		association->interfaces = grown;
		association->room = room;
	}
	association->interfaces[association->count++] = *item;
}

/* The answer to a bind: what was accepted is agreed on. */
static void results_read(struct app_conn *conn, struct dcerpc_call *call, struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu)
{
	struct dcerpc_list list;

	if (!dcerpc_results_begin(head, pdu, &list))
		return;
	for (uint32_t i = 0; i < call->interface_count; i++) {
		struct dcerpc_interface *item = &call->interfaces[i];

		if (!dcerpc_results_next(&list, &item->ack_result, &item->ack_reason))
			return;
		item->answered = true;
		if (item->ack_result == 0 && call->bind_first)
			association_add(conn, association, item);
	}
}

/* ---- Messages ---- */

static void head_note(struct dcerpc_call *call, const struct dcerpc_head *head)
{
	call->version = head->version;
	call->version_minor = head->version_minor;
	call->call_id = head->call_id;
}

static void request_read(struct app_tx *tx, struct dcerpc_call *call, const struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu)
{
	struct dcerpc_stub *stub = &call->stub[TO_SERVER];
	const struct dcerpc_interface *agreed;
	struct dcerpc_interface *copy;
	struct dcerpc_body body;

	if (!dcerpc_body_read(head, pdu, &body))
		return;
	if (stub->fragment_count == 0) {
		call->context_id = body.context_id;
		call->opnum = body.opnum;
		stub->little = head->little;
		agreed = find_context(association, body.context_id);
		copy = agreed ? app_tx_alloc(tx, sizeof(*copy)) : NULL;
		if (copy) {
			*copy = *agreed;
			call->interfaces = copy;
			call->interface_count = 1;
		}
	}
	dcerpc_stub_add(tx->conn, stub, body.stub);
}

bool dcerpc_call_request(struct app_tx *tx, struct dcerpc_call *call, const struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu)
{
	call->has_request = true;
	call->request = head->type;
	head_note(call, head);
	switch (head->type) {
	case DCERPC_BIND:
	case DCERPC_ALTER_CONTEXT:
		bind_read(tx, call, head, pdu);
		return true;
	case DCERPC_REQUEST:
		request_read(tx, call, association, head, pdu);
		return (head->flags & DCERPC_LAST) != 0;
	default:
		return true;
	}
}

bool dcerpc_call_response(struct app_tx *tx, struct dcerpc_call *call, struct dcerpc_association *association,
	const struct dcerpc_head *head, struct bytes pdu)
{
	struct dcerpc_body body;

	call->has_response = true;
	call->response = head->type;
	head_note(call, head);
	switch (head->type) {
	case DCERPC_BIND_ACK:
	case DCERPC_ALTER_CONTEXT_RESP:
		results_read(tx->conn, call, association, head, pdu);
		return true;
	case DCERPC_RESPONSE:
		if (call->stub[TO_CLIENT].fragment_count == 0)
			call->stub[TO_CLIENT].little = head->little;
		/* Over TCP Suricata counts the answer's own head (allocation hint, context, cancels) with the stub. */
		if (!call->pipe)
			body.stub = bytes_skip(bytes_first(pdu, head->fragment_size), DCERPC_HEAD_SIZE);
		else if (!dcerpc_body_read(head, pdu, &body))
			return true;
		dcerpc_stub_add(tx->conn, &call->stub[TO_CLIENT], body.stub);
		return (head->flags & DCERPC_LAST) != 0;
	default:
		return true;
	}
}

bool dcerpc_call_answered_by(const struct dcerpc_call *call, uint8_t type)
{
	switch (type) {
	case DCERPC_BIND_ACK:
	case DCERPC_BIND_NAK:
		return call->request == DCERPC_BIND;
	case DCERPC_ALTER_CONTEXT_RESP:
		return call->request == DCERPC_ALTER_CONTEXT;
	case DCERPC_RESPONSE:
		return call->request == DCERPC_REQUEST;
	default:
		return true;
	}
}

/* ---- Records ---- */

static void log_interfaces(const struct dcerpc_call *call, struct jsonw *json)
{
	if (call->interface_count == 0)
		return;
	jsonw_kv_array_begin(json, "interfaces");
	for (uint32_t i = 0; i < call->interface_count; i++) {
		const struct dcerpc_interface *item = &call->interfaces[i];
		char text[DCERPC_UUID_TEXT_SIZE];

		jsonw_object_begin(json);
		dcerpc_uuid_text(item->uuid, text);
		jsonw_kv_string(json, "uuid", text);
		snprintf(text, sizeof(text), "%u.%u", item->version, item->version_minor);
		jsonw_kv_string(json, "version", text);
		if (item->answered) {
			jsonw_kv_u64(json, "ack_result", item->ack_result);
			if (call->pipe)
				jsonw_kv_u64(json, "ack_reason", item->ack_reason);
		}
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_stub(
	const struct dcerpc_call *call, const char *key, enum sensor_dir dir, bool opnum, struct jsonw *json)
{
	jsonw_kv_object_begin(json, key);
	if (opnum)
		jsonw_kv_u64(json, "opnum", call->opnum);
	jsonw_kv_u64(json, "frag_cnt", call->stub[dir].fragment_count);
	jsonw_kv_u64(json, "stub_data_size", call->stub[dir].seen_size);
	jsonw_object_end(json);
}

static void log_ends(const struct dcerpc_call *call, struct jsonw *json)
{
	char text[DCERPC_UUID_TEXT_SIZE];

	if (call->datagram) {
		dcerpc_uuid_text(call->activity, text);
		jsonw_kv_string(json, "activityuuid", text);
		jsonw_kv_u64(json, "seqnum", call->sequence);
		jsonw_kv_string(json, "rpc_version", "4.0");
		return;
	}
	jsonw_kv_u64(json, "call_id", call->call_id);
	snprintf(text, sizeof(text), "%u.%u", call->version, call->version_minor);
	jsonw_kv_string(json, "rpc_version", text);
}

void dcerpc_call_log(const struct dcerpc_call *call, struct jsonw *json)
{
	const char *missing = call->pipe ? "UNREPLIED" : "RESPONSE_LOST";

	jsonw_kv_string(json, "request", call->has_request ? dcerpc_type_name(call->request) : "REQUEST_LOST");
	if (call->has_request && call->request == DCERPC_REQUEST) {
		if (call->pipe)
			jsonw_kv_u64(json, "opnum", call->opnum);
		log_stub(call, "req", TO_SERVER, !call->pipe, json);
	}
	jsonw_kv_string(json, "response", call->has_response ? dcerpc_type_name(call->response) : missing);
	if (call->has_response && call->response == DCERPC_RESPONSE)
		log_stub(call, "res", TO_CLIENT, false, json);
	log_interfaces(call, json);
	if (call->pipe)
		jsonw_kv_u64(json, "call_id", call->call_id);
	else
		log_ends(call, json);
}
