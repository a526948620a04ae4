// SPDX-License-Identifier: Apache-2.0
/* What rules see of LDAP. */
#include "sensor/app/ldap/ldap.h"

static const struct ldap_tx *ldap_of(const struct app_tx *tx)
{
	return (const struct ldap_tx *)tx;
}

static const struct ldap_message *response_at(const struct app_tx *tx, uint32_t index)
{
	const struct ldap_message *at = ldap_of(tx)->first;

	while (at && index--)
		at = at->next;
	return at;
}

static bool view_of(struct bytes part, struct app_view *ret)
{
	*ret = (struct app_view){ .data = part, .last = true };
	return true;
}

static bool get_request_dn(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ldap_tx *ldap = ldap_of(tx);

	return ldap->has_request && ldap->request.dn.ptr && view_of(ldap->request.dn, ret);
}

/* A response that names no entry is an empty buffer: the positions of both stay the same. */
static bool get_responses_dn(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ldap_message *message = response_at(tx, index);

	return message && view_of(message->has_result ? message->matched_dn : message->dn, ret);
}

static bool get_responses_message(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ldap_message *message = response_at(tx, index);

	return message && view_of(message->diagnostic, ret);
}

static const struct ldap_attribute *attribute_at(const struct ldap_message *message, uint32_t *index)
{
	const struct ldap_attribute *at = message->operation == LDAP_SEARCH_REFERENCE ? NULL : message->attributes;

	for (; at; at = at->next)
		if ((*index)-- == 0)
			return at;
	return NULL;
}

static bool get_request_type(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ldap_attribute *at = ldap_of(tx)->has_request ? attribute_at(&ldap_of(tx)->request, &index) : NULL;

	return at && view_of(at->type, ret);
}

static bool get_responses_type(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	for (const struct ldap_message *message = ldap_of(tx)->first; message; message = message->next) {
		const struct ldap_attribute *at = attribute_at(message, &index);

		if (at)
			return view_of(at->type, ret);
	}
	return false;
}

static bool make_pair(struct app_tx *tx, const struct ldap_attribute *attribute, struct ldap_value *value)
{
	size_t size = attribute->type.size + 1 + value->text.size;
	uint8_t *text;

	if (value->pair.ptr)
		return true;
	text = app_tx_alloc(tx, size);
	if (!text)
		return false;
	if (attribute->type.size != 0)
		memcpy(text, attribute->type.ptr, attribute->type.size);
	text[attribute->type.size] = '=';
	if (value->text.size != 0)
		memcpy(text + attribute->type.size + 1, value->text.ptr, value->text.size);
	value->pair = bytes_of(text, size);
	return true;
}

/* "type=value" of the value at the index; the index counts on when it is not in this message. */
static bool pair_at(struct app_tx *tx, const struct ldap_message *message, uint32_t *index, struct app_view *ret)
{
	for (const struct ldap_attribute *at = message->attributes; at; at = at->next)
		for (struct ldap_value *value = at->values; value; value = value->next)
			if ((*index)-- == 0)
				return make_pair(tx, at, value) && view_of(value->pair, ret);
	return false;
}

static bool get_request_pair(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return ldap_of(tx)->has_request && pair_at(tx, &ldap_of(tx)->request, &index, ret);
}

static bool get_responses_pair(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	for (const struct ldap_message *message = ldap_of(tx)->first; message; message = message->next)
		if (pair_at(tx, message, &index, ret))
			return true;
	return false;
}

#define REQUEST  .dirs = DIR_TO_SERVER, .progress = { LDAP_COMPLETE, LDAP_COMPLETE }
#define RESPONSE .dirs = DIR_TO_CLIENT, .progress = { LDAP_COMPLETE, LDAP_COMPLETE }

const struct app_buffer ldap_buffers[] = {
	{ .name = "ldap.request.dn", REQUEST, .get = get_request_dn },
	{ .name = "ldap.responses.dn", RESPONSE, .flags = APP_BUFFER_MULTI, .get = get_responses_dn },
	{ .name = "ldap.responses.message", RESPONSE, .flags = APP_BUFFER_MULTI, .get = get_responses_message },
	{ .name = "ldap.request.attribute_type", REQUEST, .flags = APP_BUFFER_MULTI, .get = get_request_type },
	{ .name = "ldap.responses.attribute_type", RESPONSE, .flags = APP_BUFFER_MULTI, .get = get_responses_type },
	{ .name = "ldap.request.attributes", REQUEST, .flags = APP_BUFFER_MULTI, .get = get_request_pair },
	{ .name = "ldap.responses.attributes", RESPONSE, .flags = APP_BUFFER_MULTI, .get = get_responses_pair },
	{ .name = NULL },
};

static bool get_operation(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ldap_of(tx)->request.operation;
	return ldap_of(tx)->has_request && index == 0;
}

static bool get_operations(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct ldap_message *message = response_at(tx, index);

	*ret = message ? message->operation : 0;
	return message != NULL;
}

static bool get_count(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ldap_of(tx)->response_count;
	return index == 0;
}

static bool get_codes(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	for (const struct ldap_message *at = ldap_of(tx)->first; at; at = at->next) {
		if (!at->has_result || index-- != 0)
			continue;
		*ret = (uint64_t)at->result_code;
		return true;
	}
	return false;
}

const struct app_number ldap_numbers[] = {
	{ .name = "ldap.request.operation", REQUEST, .bits = 8, .names = ldap_operation_names, .get = get_operation },
	{ .name = "ldap.responses.operation",
		RESPONSE,
		.bits = 8,
		.flags = APP_NUMBER_MULTI,
		.names = ldap_operation_names,
		.get = get_operations },
	{ .name = "ldap.responses.count", RESPONSE, .bits = 32, .get = get_count },
	{ .name = "ldap.responses.result_code",
		RESPONSE,
		.bits = 32,
		.flags = APP_NUMBER_MULTI,
		.names = ldap_result_names,
		.get = get_codes },
	{ .name = NULL },
};
