// SPDX-License-Identifier: Apache-2.0
/* Records of SMB (user guide, "Event type: SMB"). */
#include <stdio.h>

#include "sensor/app/json.h"
#include "sensor/app/smb/smb.h"

enum { GUID_TEXT_SIZE = 37 };

/* Each group as a little-endian number, the last two included: that is how Suricata shows them. */
static void guid_text(const uint8_t guid[16], char text[GUID_TEXT_SIZE])
{
	snprintf(text, GUID_TEXT_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid[3],
		guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6], guid[9], guid[8], guid[11], guid[10],
		guid[15], guid[14], guid[13], guid[12]);
}

static void log_fuid(const struct smb_fuid *fuid, struct jsonw *json)
{
	const uint8_t *bytes = fuid->bytes;
	char text[GUID_TEXT_SIZE];

	if (fuid->size == SMB_FUID_SIZE)
		guid_text(bytes, text);
	else
		snprintf(text, sizeof(text), "%02x%02x-%02x%02x%02x%02x", bytes[1], bytes[0], bytes[5], bytes[4],
			bytes[3], bytes[2]);
	jsonw_kv_string(json, "fuid", text);
}

/* ---- What every record has ---- */

static void log_command(const struct smb_tx *tx, struct jsonw *json)
{
	const char *name = tx->version == 1 ? smb1_command_name(tx->command) : smb2_command_name(tx->command);
	char text[32];

	if (!name) {
		snprintf(text, sizeof(text), "UNKNOWN_0x%02x", tx->command);
		name = text;
	}
	jsonw_kv_string(json, "command", name);
}

static void log_status(const struct smb_tx *tx, struct jsonw *json)
{
	const char *name;
	char code[16], unknown[32];

	if (!tx->has_status)
		return;
	if (tx->status_is_dos) {
		uint8_t status_class = (uint8_t)tx->status;
		uint16_t number = (uint16_t)(tx->status >> 16);

		name = smb_dos_status_name(status_class, number);
		snprintf(code, sizeof(code), "0x%04x", number);
		snprintf(unknown, sizeof(unknown), "UNKNOWN_%02x_%04x", status_class, number);
	} else {
		name = smb_nt_status_name(tx->status);
		snprintf(code, sizeof(code), "0x%x", tx->status);
		snprintf(unknown, sizeof(unknown), "UNKNOWN_%08x", tx->status);
	}
	jsonw_kv_string(json, "status", name ? name : unknown);
	jsonw_kv_string(json, "status_code", code);
}

/* ---- Kinds ---- */

static void log_guid(const char *key, const uint8_t guid[16], struct jsonw *json)
{
	char text[GUID_TEXT_SIZE];

	guid_text(guid, text);
	jsonw_kv_string(json, key, text);
}

static void log_negotiate(const struct smb_negotiate *negotiate, struct jsonw *json)
{
	jsonw_kv_array_begin(json, "client_dialects");
	for (uint32_t i = 0; i < negotiate->dialect_count; i++)
		app_json_text(json, negotiate->dialects[i]);
	jsonw_array_end(json);
	if (negotiate->has_client_guid)
		log_guid("client_guid", negotiate->client_guid, json);
	if (negotiate->has_server_guid)
		log_guid("server_guid", negotiate->server_guid, json);
	if (negotiate->has_sizes) {
		jsonw_kv_u64(json, "max_read_size", negotiate->max_read_size);
		jsonw_kv_u64(json, "max_write_size", negotiate->max_write_size);
	}
}

static void log_ntlmssp(const struct smb_ntlmssp *ntlmssp, struct jsonw *json)
{
	char text[48];

	jsonw_kv_object_begin(json, "ntlmssp");
	app_json_kv_text(json, "domain", ntlmssp->domain);
	app_json_kv_text(json, "user", ntlmssp->user);
	app_json_kv_text(json, "host", ntlmssp->host);
	if (ntlmssp->has_version) {
		snprintf(text, sizeof(text), "%u.%u build %u rev %u", ntlmssp->version_major, ntlmssp->version_minor,
			ntlmssp->version_build, ntlmssp->version_revision);
		jsonw_kv_string(json, "version", text);
	}
	jsonw_object_end(json);
}

static void log_kerberos(const struct smb_kerberos *kerberos, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "kerberos");
	app_json_kv_text(json, "realm", kerberos->realm);
	jsonw_kv_array_begin(json, "snames");
	for (uint32_t i = 0; i < kerberos->sname_count; i++)
		app_json_text(json, kerberos->snames[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void log_setup(const struct smb_setup *setup, struct jsonw *json)
{
	static const char *const keys[SENSOR_DIRS] = { [TO_SERVER] = "request", [TO_CLIENT] = "response" };

	if (setup->ntlmssp)
		log_ntlmssp(setup->ntlmssp, json);
	if (setup->kerberos)
		log_kerberos(setup->kerberos, json);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		if (!setup->has_native[dir])
			continue;
		jsonw_kv_object_begin(json, keys[dir]);
		app_json_kv_text(json, "native_os", setup->native_os[dir]);
		app_json_kv_text(json, "native_lm", setup->native_lm[dir]);
		jsonw_object_end(json);
	}
}

static const char *share_type_name(uint8_t type)
{
	static const char *const names[] = { "UNKNOWN", "FILE", "PIPE", "PRINT" };

	return type < ARRAY_COUNT(names) ? names[type] : names[0];
}

static void log_tree(const struct smb_tx *tx, struct jsonw *json)
{
	const struct smb_tree_connect *tree = tx->tree;

	app_json_kv_text(json, tree->is_pipe ? "named_pipe" : "share", tree->name);
	if (tx->version == 2) {
		jsonw_kv_string(json, "share_type", share_type_name(tree->share_type));
		return;
	}
	jsonw_kv_object_begin(json, "service");
	if (tree->has_service[TO_SERVER])
		app_json_kv_text(json, "request", tree->service[TO_SERVER]);
	if (tree->has_service[TO_CLIENT])
		app_json_kv_text(json, "response", tree->service[TO_CLIENT]);
	jsonw_object_end(json);
}

/* From hundreds of nanoseconds since 1601 to seconds since 1970; 0 means unknown in both. */
static uint64_t unix_seconds(uint64_t filetime)
{
	uint64_t seconds = filetime / 10000000;

	return seconds > 11644473600 ? seconds - 11644473600 : 0;
}

static void log_name(const char *key, struct bytes name, struct jsonw *json)
{
	if (name.size != 0)
		app_json_kv_text(json, key, name);
	else
		jsonw_kv_string(json, "filename", "<share_root>");
}

static void log_create(const struct smb_create *create, struct jsonw *json)
{
	log_name(create->directory ? "directory" : "filename", create->name, json);
	jsonw_kv_string(json, "disposition", smb_disposition_name(create->disposition));
	jsonw_kv_string(json, "access", create->delete_on_close ? "delete on close" : "normal");
	jsonw_kv_u64(json, "created", unix_seconds(create->created));
	jsonw_kv_u64(json, "accessed", unix_seconds(create->accessed));
	jsonw_kv_u64(json, "modified", unix_seconds(create->modified));
	jsonw_kv_u64(json, "changed", unix_seconds(create->changed));
	jsonw_kv_u64(json, "size", create->size);
}

static void log_file(const struct smb_file_tx *file, struct jsonw *json)
{
	log_name("filename", file->name, json);
	if (file->share.size != 0)
		app_json_kv_text(json, "share", file->share);
}

static void log_set_info(const struct smb_tx *tx, struct jsonw *json)
{
	const struct smb_set_info *info = tx->set_info;

	if (tx->kind == SMB_TX_RENAME) {
		if (info->class_name) {
			jsonw_kv_object_begin(json, "set_info");
			jsonw_kv_string(json, "class", info->class_name);
			jsonw_kv_string(json, "info_level", info->level_name);
			jsonw_object_end(json);
		}
		jsonw_kv_object_begin(json, "rename");
		app_json_kv_text(json, "from", info->name);
		app_json_kv_text(json, "to", info->new_name);
		jsonw_object_end(json);
		return;
	}
	log_name("filename", info->name, json);
	if (info->is_disposition)
		jsonw_kv_string(json, "access", info->delete_on_close ? "delete on close" : "normal");
	if (info->function)
		jsonw_kv_string(json, "function", info->function);
	if (info->level_of_interest)
		jsonw_kv_string(json, "level_of_interest", info->level_of_interest);
	if (info->class_name) {
		jsonw_kv_object_begin(json, "set_info");
		jsonw_kv_string(json, "class", info->class_name);
		jsonw_kv_string(json, "info_level", info->level_name);
		jsonw_object_end(json);
	}
}

static void log_ioctl(const struct smb_ioctl *ioctl, struct jsonw *json)
{
	const char *name = smb_fsctl_name(ioctl->function);
	char text[16];

	if (!name) {
		snprintf(text, sizeof(text), "0x%08x", ioctl->function);
		name = text;
	}
	jsonw_kv_string(json, "function", name);
}

bool smb_log(struct app_tx *common, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct smb_tx *tx = (const struct smb_tx *)common;

	jsonw_kv_u64(json, "id", common->id + 1);
	jsonw_kv_string(json, "dialect", tx->dialect);
	log_command(tx, json);
	log_status(tx, json);
	jsonw_kv_u64(json, "session_id", tx->session_id);
	jsonw_kv_u64(json, "tree_id", tx->tree_id);
	switch (tx->kind) {
	case SMB_TX_NEGOTIATE:
		log_negotiate(tx->negotiate, json);
		break;
	case SMB_TX_SESSION:
		log_setup(tx->setup, json);
		break;
	case SMB_TX_TREE:
		log_tree(tx, json);
		break;
	case SMB_TX_CREATE:
		log_create(tx->create, json);
		break;
	case SMB_TX_FILE:
		log_file(tx->file, json);
		break;
	case SMB_TX_RENAME:
	case SMB_TX_SET_INFO:
		log_set_info(tx, json);
		break;
	case SMB_TX_IOCTL:
		log_ioctl(tx->ioctl, json);
		break;
	case SMB_TX_CALL:
		jsonw_kv_object_begin(json, "dcerpc");
		dcerpc_call_log(tx->call, json);
		jsonw_object_end(json);
		break;
	default:
		break;
	}
	if (tx->has_fuid)
		log_fuid(&tx->fuid, json);
	return true;
}
