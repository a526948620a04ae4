// SPDX-License-Identifier: Apache-2.0
/* LDAP in EVE: the request and the list of its responses. */
#include "sensor/app/json.h"
#include "sensor/app/ldap/ldap.h"

static const char *name_of(const struct app_name_value *names, int64_t value)
{
	for (; names->name; names++)
		if ((int64_t)names->value == value)
			return names->name;
	return NULL;
}

static void log_values(struct jsonw *json, const char *key, const struct ldap_attribute *attribute)
{
	jsonw_kv_array_begin(json, key);
	for (const struct ldap_value *value = attribute->values; value; value = value->next)
		app_json_text(json, value->text);
	jsonw_array_end(json);
}

static void log_attributes(struct jsonw *json, const struct ldap_message *message, const char *type_key)
{
	if (!message->attributes)
		return;
	jsonw_kv_array_begin(json, "attributes");
	for (const struct ldap_attribute *at = message->attributes; at; at = at->next) {
		jsonw_object_begin(json);
		app_json_kv_text(json, type_key, at->type);
		log_values(json, "values", at);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_types(struct jsonw *json, const struct ldap_message *message, const char *key)
{
	if (!message->attributes)
		return;
	jsonw_kv_array_begin(json, key);
	for (const struct ldap_attribute *at = message->attributes; at; at = at->next)
		app_json_text(json, at->type);
	jsonw_array_end(json);
}

static void log_changes(struct jsonw *json, const struct ldap_message *message)
{
	static const struct app_name_value kinds[] = { { "add", 0 }, { "delete", 1 }, { "replace", 2 },
		{ "increment", 3 }, { NULL, 0 } };

	jsonw_kv_array_begin(json, "changes");
	for (const struct ldap_attribute *at = message->attributes; at; at = at->next) {
		const char *kind = name_of(kinds, at->change);

		jsonw_object_begin(json);
		jsonw_kv_string(json, "operation", kind ? kind : "unknown");
		jsonw_kv_object_begin(json, "modification");
		app_json_kv_text(json, "attribute_type", at->type);
		if (at->values)
			log_values(json, "attribute_values", at);
		jsonw_object_end(json);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void log_optional(struct jsonw *json, const char *key, struct bytes text)
{
	if (text.ptr)
		app_json_kv_text(json, key, text);
}

static void log_result(struct jsonw *json, const struct ldap_message *message)
{
	const char *name = name_of(ldap_result_names, message->result_code);

	if (!message->has_result)
		return;
	if (name)
		jsonw_kv_string(json, "result_code", name);
	else
		jsonw_kv_i64(json, "result_code", message->result_code);
	app_json_kv_text(json, "matched_dn", message->matched_dn);
	app_json_kv_text(json, "message", message->diagnostic);
}

static void log_bind(struct jsonw *json, const struct ldap_message *message)
{
	jsonw_kv_i64(json, "version", message->numbers[0]);
	app_json_kv_text(json, "name", message->dn);
	if (!message->mechanism.ptr)
		return;
	jsonw_kv_object_begin(json, "sasl");
	app_json_kv_text(json, "mechanism", message->mechanism);
	log_optional(json, "credentials", message->credentials);
	jsonw_object_end(json);
}

static void log_search(struct jsonw *json, const struct ldap_message *message)
{
	app_json_kv_text(json, "base_object", message->dn);
	jsonw_kv_i64(json, "scope", message->numbers[0]);
	jsonw_kv_i64(json, "deref_alias", message->numbers[1]);
	jsonw_kv_i64(json, "size_limit", message->numbers[2]);
	jsonw_kv_i64(json, "time_limit", message->numbers[3]);
	jsonw_kv_bool(json, "types_only", message->flag);
	log_types(json, message, "attributes");
}

static void log_compare(struct jsonw *json, const struct ldap_message *message)
{
	app_json_kv_text(json, "entry", message->dn);
	jsonw_kv_object_begin(json, "attribute_value_assertion");
	app_json_kv_text(json, "description", message->attributes->type);
	app_json_kv_text(json, "value", message->attributes->values->text);
	jsonw_object_end(json);
}

static void log_mod_dn(struct jsonw *json, const struct ldap_message *message)
{
	app_json_kv_text(json, "entry", message->dn);
	app_json_kv_text(json, "new_rdn", message->new_rdn);
	jsonw_kv_bool(json, "delete_old_rdn", message->flag);
	log_optional(json, "new_superior", message->new_superior);
}

static void log_request_body(struct jsonw *json, const struct ldap_message *message)
{
	switch (message->operation) {
	case LDAP_BIND_REQUEST:
		log_bind(json, message);
		break;
	case LDAP_SEARCH_REQUEST:
		log_search(json, message);
		break;
	case LDAP_MODIFY_REQUEST:
		app_json_kv_text(json, "object", message->dn);
		log_changes(json, message);
		break;
	case LDAP_ADD_REQUEST:
		app_json_kv_text(json, "entry", message->dn);
		log_attributes(json, message, "name");
		break;
	case LDAP_DEL_REQUEST:
		app_json_kv_text(json, "dn", message->dn);
		break;
	case LDAP_MOD_DN_REQUEST:
		log_mod_dn(json, message);
		break;
	case LDAP_COMPARE_REQUEST:
		log_compare(json, message);
		break;
	case LDAP_ABANDON_REQUEST:
		jsonw_kv_i64(json, "message_id", message->numbers[0]);
		break;
	default:
		log_optional(json, "name", message->name);
		log_optional(json, "value", message->value);
		break;
	}
}

static void log_response_body(struct jsonw *json, const struct ldap_message *message)
{
	log_result(json, message);
	if (message->operation == LDAP_SEARCH_ENTRY) {
		app_json_kv_text(json, "base_object", message->dn);
		log_attributes(json, message, "type");
	}
	if (message->operation == LDAP_SEARCH_REFERENCE)
		log_types(json, message, "uris");
	log_optional(json, "name", message->name);
	log_optional(json, "value", message->value);
}

static void log_message(struct jsonw *json, const struct ldap_message *message)
{
	const char *name = name_of(ldap_operation_names, message->operation);

	jsonw_kv_string(json, "operation", name);
	jsonw_kv_i64(json, "message_id", message->id);
	if (message->operation == LDAP_UNBIND_REQUEST)
		return;
	jsonw_kv_object_begin(json, name);
	if (ldap_is_request(message->operation))
		log_request_body(json, message);
	else
		log_response_body(json, message);
	jsonw_object_end(json);
}

bool ldap_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct ldap_tx *ldap = (const struct ldap_tx *)tx;

	if (ldap->has_request) {
		jsonw_kv_object_begin(json, "request");
		log_message(json, &ldap->request);
		jsonw_object_end(json);
	}
	if (ldap->first) {
		jsonw_kv_array_begin(json, "responses");
		for (const struct ldap_message *at = ldap->first; at; at = at->next) {
			jsonw_object_begin(json);
			log_message(json, at);
			jsonw_object_end(json);
		}
		jsonw_array_end(json);
	}
	return ldap->has_request || ldap->first;
}
