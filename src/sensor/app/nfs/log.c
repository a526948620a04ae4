// SPDX-License-Identifier: Apache-2.0
/* NFS in EVE: "rpc" and "nfs" (Suricata user guide, "Event type: NFS"). */
#include <stdio.h>

#include "sensor/app/json.h"
#include "sensor/app/nfs/nfs.h"

enum { NUMBER_TEXT_SIZE = 16 };

static const char *const names2[] = { "NULL", "GETATTR", "SETATTR", "ROOT", "LOOKUP", "READLINK", "READ", "WRITECACHE",
	"WRITE", "CREATE", "REMOVE", "RENAME", "LINK", "SYMLINK", "MKDIR", "RMDIR", "READDIR", "STATFS" };
static const char *const names3[] = { "NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE",
	"CREATE", "MKDIR", "SYMLINK", "MKNOD", "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS", "FSSTAT",
	"FSINFO", "PATHCONF", "COMMIT" };

static const struct {
	uint32_t status;
	const char *name;
} statuses[] = { { 0, "OK" }, { 1, "ERR_PERM" }, { 2, "ERR_NOENT" }, { 5, "ERR_IO" }, { 6, "ERR_NXIO" },
	{ 13, "ERR_ACCES" }, { 17, "ERR_EXIST" }, { 18, "ERR_XDEV" }, { 19, "ERR_NODEV" }, { 20, "ERR_NOTDIR" },
	{ 21, "ERR_ISDIR" }, { 22, "ERR_INVAL" }, { 27, "ERR_FBIG" }, { 28, "ERR_NOSPC" }, { 30, "ERR_ROFS" },
	{ 31, "ERR_MLINK" }, { 63, "ERR_NAMETOOLONG" }, { 66, "ERR_NOTEMPTY" }, { 69, "ERR_DQUOT" },
	{ 70, "ERR_STALE" }, { 71, "ERR_REMOTE" }, { 10001, "ERR_BADHANDLE" }, { 10002, "ERR_NOT_SYNC" },
	{ 10003, "ERR_BAD_COOKIE" }, { 10004, "ERR_NOTSUPP" }, { 10005, "ERR_TOOSMALL" }, { 10006, "ERR_SERVERFAULT" },
	{ 10007, "ERR_BADTYPE" }, { 10008, "ERR_JUKEBOX" } };

static void log_number_or_name(struct jsonw *json, const char *key, const char *name, uint32_t number)
{
	char text[NUMBER_TEXT_SIZE];

	snprintf(text, sizeof(text), "%u", number);
	jsonw_kv_string(json, key, name ? name : text);
}

static const char *procedure_name(const struct nfs_tx *tx)
{
	if (tx->version == 4)
		return tx->procedure == NFS4_OP_READ ? "READ" : tx->procedure == NFS4_OP_WRITE ? "WRITE" : NULL;
	if (tx->version == 3)
		return tx->procedure < ARRAY_COUNT(names3) ? names3[tx->procedure] : NULL;
	return tx->procedure < ARRAY_COUNT(names2) ? names2[tx->procedure] : NULL;
}

static const char *status_name(uint32_t status)
{
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].name;
	return NULL;
}

static uint32_t crc32_of(struct bytes in)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < in.size; i++) {
		crc ^= in.ptr[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void log_rpc(struct jsonw *json, const struct nfs_tx *tx)
{
	static const char *const flavors[] = { "NULL", "UNIX", "SHORT", "DH", NULL, NULL, "GSS" };
	static const char *const accepted[] = { "ACCEPTED", "DENIED" };

	jsonw_kv_object_begin(json, "rpc");
	jsonw_kv_u64(json, "xid", tx->xid);
	if (tx->has_reply)
		jsonw_kv_string(json, "status", accepted[tx->rpc_status != 0]);
	log_number_or_name(json, "auth_type", tx->auth.flavor < ARRAY_COUNT(flavors) ? flavors[tx->auth.flavor] : NULL,
		tx->auth.flavor);
	if (tx->auth.flavor == 1) {
		jsonw_kv_object_begin(json, "creds");
		app_json_kv_text(json, "machine_name", tx->auth.machine);
		jsonw_kv_u64(json, "uid", tx->auth.uid);
		jsonw_kv_u64(json, "gid", tx->auth.gid);
		jsonw_object_end(json);
	}
	jsonw_object_end(json);
}

static void log_chunks(struct jsonw *json, const struct nfs_tx *tx)
{
	jsonw_kv_object_begin(json, tx->dir == TO_SERVER ? "write" : "read");
	jsonw_kv_bool(json, "first", tx->first);
	jsonw_kv_bool(json, "last", tx->last);
	jsonw_kv_u64(json, "last_xid", tx->last_xid);
	jsonw_kv_u64(json, "chunks", tx->chunks);
	jsonw_object_end(json);
}

bool nfs_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct nfs_tx *nfs = (const struct nfs_tx *)tx;
	char hash[NUMBER_TEXT_SIZE];

	log_rpc(json, nfs);
	jsonw_kv_object_begin(json, "nfs");
	jsonw_kv_u64(json, "version", nfs->version);
	log_number_or_name(json, "procedure", procedure_name(nfs), nfs->procedure);
	app_json_kv_text(json, "filename", nfs->name);
	if (nfs->handle.size != 0) {
		snprintf(hash, sizeof(hash), "%08x", crc32_of(bytes_of(nfs->handle.data, nfs->handle.size)));
		jsonw_kv_string(json, "hhash", hash);
	}
	jsonw_kv_u64(json, "id", tx->id + 1);
	jsonw_kv_bool(json, "file_tx", nfs->is_file);
	if (nfs->is_file)
		log_chunks(json, nfs);
	if (nfs->renames) {
		jsonw_kv_object_begin(json, "rename");
		app_json_kv_text(json, "from", nfs->name);
		app_json_kv_text(json, "to", nfs->new_name);
		jsonw_object_end(json);
	}
	jsonw_kv_string(json, "type", nfs->has_reply ? "response" : "request");
	if (nfs->has_reply)
		log_number_or_name(json, "status", status_name(nfs->status), nfs->status);
	jsonw_object_end(json);
	return true;
}
