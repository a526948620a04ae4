// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL in EVE. */
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "sensor/app/json.h"
#include "sensor/app/pgsql/pgsql.h"
#include "sensor/config/tree.h"

/* The names that PostgreSQL writes with capitals. */
static void log_pairs(struct jsonw *json, const char *key, const struct pgsql_pairs *list)
{
	static const char *const names[][2] = { { "DateStyle", "date_style" }, { "TimeZone", "time_zone" },
		{ "IntervalStyle", "interval_style" } };

	if (!list->first)
		return;
	jsonw_kv_array_begin(json, key);
	for (const struct pgsql_pair *pair = list->first; pair; pair = pair->next) {
		struct bytes name = pair->name;

		for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
			if (ascii_equal_nocase_str(name, names[i][0]))
				name = bytes_from_str(names[i][1]);
		jsonw_object_begin(json);
		jsonw_key_bytes(json, name);
		app_json_text(json, pair->value);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_startup(struct jsonw *json, const struct pgsql_tx *tx)
{
	char version[16];

	snprintf(version, sizeof(version), "%u.%u", tx->major, tx->minor);
	jsonw_kv_string(json, "protocol_version", version);
	jsonw_kv_object_begin(json, "startup_parameters");
	app_json_kv_text(json, "user", tx->user);
	log_pairs(json, "optional_parameters", &tx->options);
	jsonw_object_end(json);
}

static void log_mechanism(struct jsonw *json, struct bytes mechanism)
{
	const char *name = bytes_equal_str(mechanism, "SCRAM-SHA-256")        ? "scram_SHA256"
			   : bytes_equal_str(mechanism, "SCRAM-SHA-256-PLUS") ? "scram_SHA256_plus"
									      : NULL;

	if (name)
		jsonw_kv_string(json, "sasl_authentication_mechanism", name);
	else
		app_json_kv_text(json, "sasl_authentication_mechanism", mechanism);
}

static void log_request(struct jsonw *json, const struct pgsql_tx *tx, bool passwords)
{
	switch (tx->request) {
	case PGSQL_SSL_REQUEST:
		jsonw_kv_string(json, "message", "SSL Request");
		break;
	case PGSQL_GSS_REQUEST:
		jsonw_kv_string(json, "message", "GSSENC Request");
		break;
	case PGSQL_STARTUP:
		log_startup(json, tx);
		break;
	case PGSQL_CANCEL:
		jsonw_kv_string(json, "message", "cancel_request");
		jsonw_kv_u64(json, "process_id", tx->cancel_process_id);
		jsonw_kv_u64(json, "secret_key", tx->cancel_secret);
		break;
	case PGSQL_PASSWORD:
		if (passwords)
			app_json_kv_text(json, "password", tx->text);
		else
			jsonw_kv_bool(json, "password_redacted", true);
		break;
	case PGSQL_SASL_INITIAL:
		log_mechanism(json, tx->mechanism);
		app_json_kv_text(json, "sasl_param", tx->text);
		break;
	case PGSQL_SASL_RESPONSE:
		app_json_kv_text(json, "sasl_response", tx->text);
		break;
	case PGSQL_QUERY:
		app_json_kv_text(json, "simple_query", tx->text);
		break;
	default:
		jsonw_kv_string(json, "message", "termination_message");
		break;
	}
	if (tx->copy_in_count != 0) {
		jsonw_kv_object_begin(json, "copy_data_in");
		jsonw_kv_u64(json, "msg_count", tx->copy_in_count);
		jsonw_kv_u64(json, "data_size", tx->copy_in_size);
		jsonw_object_end(json);
	}
}

/* "Error and Notice Message Fields" of the manual. */
static void log_notice(struct jsonw *json, const struct pgsql_tx *tx)
{
	static const struct {
		char letter;
		const char *name;
	} fields[] = { { 'S', "severity_localizable" }, { 'V', "severity_non_localizable" }, { 'C', "code" },
		{ 'M', "message" }, { 'D', "detail" }, { 'H', "hint" }, { 'P', "position" },
		{ 'p', "internal_position" }, { 'q', "internal_query" }, { 'W', "where" }, { 's', "schema_name" },
		{ 't', "table_name" }, { 'c', "column_name" }, { 'd', "data_type" }, { 'n', "constraint_name" },
		{ 'F', "file" }, { 'L', "line" }, { 'R', "routine" } };

	for (const struct pgsql_pair *pair = tx->notice.first; pair; pair = pair->next)
		for (unsigned int i = 0; i < ARRAY_COUNT(fields); i++)
			if (pair->name.size == 1 && pair->name.ptr[0] == (uint8_t)fields[i].letter)
				app_json_kv_text(json, fields[i].name, pair->value);
}

static void log_authentication(struct jsonw *json, const struct pgsql_tx *tx)
{
	const char *message = NULL;

	if (tx->has_final)
		app_json_kv_text(json, "authentication_sasl_final", tx->final);
	if (tx->has_authentication) {
		switch (tx->authentication) {
		case PGSQL_AUTH_CLEARTEXT:
			message = "authentication_cleartext_password";
			break;
		case PGSQL_AUTH_MD5:
			app_json_kv_text(json, "authentication_md5_password", tx->salt);
			break;
		case PGSQL_AUTH_SASL:
			message = "authentication_sasl";
			break;
		case PGSQL_AUTH_SASL_CONTINUE:
			message = "authentication_sasl_continue";
			break;
		case PGSQL_AUTH_SASL_FINAL:
			break;
		default:
			message = "authentication_other";
			break;
		}
	}
	if (tx->has_ok)
		message = "authentication_ok";
	/* An error has a message of its own. */
	if (message && !tx->notice.first)
		jsonw_kv_string(json, "message", message);
}

static void log_response(struct jsonw *json, const struct pgsql_tx *tx)
{
	if (tx->has_ssl)
		jsonw_kv_bool(json, "ssl_accepted", tx->ssl_accepted);
	log_notice(json, tx);
	log_authentication(json, tx);
	log_pairs(json, "parameter_status", &tx->parameters);
	if (tx->has_key) {
		jsonw_kv_u64(json, "process_id", tx->process_id);
		jsonw_kv_u64(json, "secret_key", tx->secret);
	}
	if (tx->has_fields)
		jsonw_kv_u64(json, "field_count", tx->field_count);
	if (tx->row_count != 0) {
		jsonw_kv_u64(json, "data_rows", tx->row_count);
		jsonw_kv_u64(json, "data_size", tx->row_size);
	}
	if (tx->copy_out_count != 0) {
		jsonw_kv_object_begin(json, "copy_data_out");
		jsonw_kv_u64(json, "row_count", tx->copy_out_count);
		jsonw_kv_u64(json, "data_size", tx->copy_out_size);
		jsonw_object_end(json);
	}
	if (tx->command.ptr)
		app_json_kv_text(json, "command_completed", tx->command);
}

static bool has_response(const struct pgsql_tx *tx)
{
	return tx->has_ssl || tx->notice.first || tx->has_authentication || tx->has_ok || tx->parameters.first ||
	       tx->has_key || tx->has_fields || tx->row_count != 0 || tx->copy_out_count != 0 || tx->command.ptr;
}

bool pgsql_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct pgsql_tx *pgsql = (const struct pgsql_tx *)tx;
	const struct conf_node *options = alert ? NULL : tx->conn->log_options;

	jsonw_kv_u64(json, "tx_id", tx->id + 1);
	if (pgsql->request != PGSQL_NO_REQUEST) {
		jsonw_kv_object_begin(json, "request");
		log_request(json, pgsql, conf_bool(options, "passwords", false));
		jsonw_object_end(json);
	}
	if (has_response(pgsql)) {
		jsonw_kv_object_begin(json, "response");
		log_response(json, pgsql);
		jsonw_object_end(json);
	}
	return true;
}
