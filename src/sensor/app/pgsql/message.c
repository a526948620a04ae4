// SPDX-License-Identifier: Apache-2.0
#include "base/cursor.h"
#include "sensor/app/pgsql/pgsql.h"

/* Text with a NUL at its end. */
static bool take_text(struct cursor *cur, struct bytes *ret)
{
	struct bytes rest = cursor_rest(cur);
	size_t end = bytes_index(rest, 0);

	*ret = bytes_first(rest, end);
	return end < rest.size && cursor_skip(cur, end + 1);
}

static void add_pair(struct pgsql_tx *tx, struct pgsql_pairs *list, struct bytes name, struct bytes value)
{
	struct pgsql_pair *pair;

	if (list->count == PGSQL_PARAMETERS_MAX)
		return;
	pair = app_tx_alloc(&tx->common, sizeof(*pair));
	if (!pair)
		return;
	pair->name = app_tx_dup(&tx->common, name);
	pair->value = app_tx_dup(&tx->common, value);
	if (list->last)
		list->last->next = pair;
	else
		list->first = pair;
	list->last = pair;
	list->count++;
}

/* ---- Requests ---- */

static bool read_startup(struct pgsql_tx *tx, struct cursor *cur)
{
	struct bytes name, value;

	tx->request = PGSQL_STARTUP;
	while (cursor_left(cur) > 1) {
		if (!take_text(cur, &name) || !take_text(cur, &value))
			return false;
		if (bytes_equal_str(name, "user"))
			tx->user = app_tx_dup(&tx->common, value);
		else
			add_pair(tx, &tx->options, name, value);
	}
	return tx->user.ptr != NULL;
}

static bool read_first(struct pgsql_tx *tx, struct bytes body)
{
	struct cursor cur = cursor_over(body);
	uint32_t code;

	if (!cursor_u32be(&cur, &code))
		return false;
	if (code == PGSQL_CODE_SSL || code == PGSQL_CODE_GSS) {
		tx->request = code == PGSQL_CODE_SSL ? PGSQL_SSL_REQUEST : PGSQL_GSS_REQUEST;
		return true;
	}
	if (code == PGSQL_CODE_CANCEL) {
		tx->request = PGSQL_CANCEL;
		return cursor_u32be(&cur, &tx->cancel_process_id) && cursor_u32be(&cur, &tx->cancel_secret);
	}
	tx->major = (uint16_t)(code >> 16);
	tx->minor = (uint16_t)code;
	return tx->major == 3 && read_startup(tx, &cur);
}

/* The letter 'p' says password, and what it is depends on what the server asked for. */
static bool read_password(struct pgsql_tx *tx, uint32_t authentication, struct bytes body)
{
	struct cursor cur = cursor_over(body);
	struct bytes text;
	uint32_t size;

	if (authentication == PGSQL_AUTH_SASL) {
		tx->request = PGSQL_SASL_INITIAL;
		if (!take_text(&cur, &text) || !cursor_u32be(&cur, &size))
			return false;
		tx->mechanism = app_tx_dup(&tx->common, text);
		tx->text = app_tx_dup(&tx->common, cursor_rest(&cur));
		return true;
	}
	if (authentication == PGSQL_AUTH_SASL_CONTINUE) {
		tx->request = PGSQL_SASL_RESPONSE;
		tx->text = app_tx_dup(&tx->common, body);
		return true;
	}
	tx->request = PGSQL_PASSWORD;
	if (!take_text(&cur, &text))
		return false;
	tx->text = app_tx_dup(&tx->common, text);
	return true;
}

bool pgsql_read_request(struct pgsql_tx *tx, uint8_t type, uint32_t authentication, struct bytes body)
{
	struct cursor cur = cursor_over(body);
	struct bytes text;

	switch (type) {
	case 0:
		return read_first(tx, body);
	case 'p':
		return read_password(tx, authentication, body);
	case 'Q':
		tx->request = PGSQL_QUERY;
		if (!take_text(&cur, &text))
			return false;
		tx->text = app_tx_dup(&tx->common, text);
		return true;
	default:
		tx->request = PGSQL_TERMINATE;
		return true;
	}
}

/* ---- Responses ---- */

static bool read_authentication(struct pgsql_tx *tx, struct cursor *cur, bool *ret_done)
{
	uint32_t kind;

	if (!cursor_u32be(cur, &kind))
		return false;
	if (kind == PGSQL_AUTH_OK) {
		tx->has_ok = true;
		return true;
	}
	tx->has_authentication = true;
	tx->authentication = kind;
	if (kind == PGSQL_AUTH_MD5)
		tx->salt = app_tx_dup(&tx->common, bytes_first(cursor_rest(cur), 4));
	if (kind == PGSQL_AUTH_SASL_FINAL) {
		tx->final = app_tx_dup(&tx->common, cursor_rest(cur));
		tx->has_final = true;
	}
	/* The client has to answer all but the last. */
	*ret_done = kind != PGSQL_AUTH_SASL_FINAL;
	return true;
}

static bool read_notice(struct pgsql_tx *tx, struct cursor *cur)
{
	tx->notice = (struct pgsql_pairs){ 0 };
	for (;;) {
		struct bytes letter = cursor_rest(cur), value;
		uint8_t field;

		if (!cursor_u8(cur, &field))
			return false;
		if (field == 0)
			return true;
		if (!take_text(cur, &value))
			return false;
		add_pair(tx, &tx->notice, bytes_first(letter, 1), value);
	}
}

static bool read_row(struct pgsql_tx *tx, struct cursor *cur)
{
	uint16_t count;

	if (!cursor_u16be(cur, &count))
		return false;
	tx->row_count++;
	for (uint16_t i = 0; i < count; i++) {
		uint32_t size;

		if (!cursor_u32be(cur, &size))
			return false;
		/* All ones: null, no value follows. */
		if (size == UINT32_MAX)
			continue;
		if (!cursor_skip(cur, size))
			return false;
		tx->row_size += size;
	}
	return true;
}

static bool read_command(struct pgsql_tx *tx, struct cursor *cur)
{
	struct bytes text;

	if (!take_text(cur, &text))
		return false;
	tx->command = app_tx_dup(&tx->common, text);
	return true;
}

static bool read_parameter(struct pgsql_tx *tx, struct cursor *cur)
{
	struct bytes name, value;

	if (!take_text(cur, &name) || !take_text(cur, &value))
		return false;
	add_pair(tx, &tx->parameters, name, value);
	return true;
}

bool pgsql_read_response(struct pgsql_tx *tx, uint8_t type, struct bytes body, bool *ret_done)
{
	struct cursor cur = cursor_over(body);

	*ret_done = false;
	switch (type) {
	case 'R':
		return read_authentication(tx, &cur, ret_done);
	case 'E':
	case 'N':
		return read_notice(tx, &cur);
	case 'S':
		return read_parameter(tx, &cur);
	case 'K':
		tx->has_key = cursor_u32be(&cur, &tx->process_id) && cursor_u32be(&cur, &tx->secret);
		return tx->has_key;
	case 'T':
		tx->has_fields = cursor_u16be(&cur, &tx->field_count);
		return tx->has_fields;
	case 'D':
		return read_row(tx, &cur);
	case 'C':
		return read_command(tx, &cur);
	case 'd':
		tx->copy_out_count++;
		tx->copy_out_size += body.size;
		return true;
	case 'Z':
		*ret_done = true;
		return true;
	default:
		return true;
	}
}
