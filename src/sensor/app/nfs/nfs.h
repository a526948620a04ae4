// SPDX-License-Identifier: Apache-2.0
/* NFS 2, 3 and 4 over ONC RPC (RFC 5531, RFC 1094, RFC 1813, RFC 7530, RFC 8881), over TCP and UDP: what the files of this
 * folder share.
 *
 * A call with its reply is one transaction. Reads and writes are different: all those of one file and one direction are one
 * transaction, which carries the file; of version 4, whose calls hold many operations each, only those are transactions.
 * The names of files come from the calls that looked them up; names, calls that wait and files are kept in tables with a
 * fixed number of rows, the oldest row goes first. */
#pragma once

#include "base/cursor.h"
#include "sensor/app/app.h"

struct file;

enum {
	NFS_COMPLETE = 1,
	NFS_HANDLE_MAX = 128, /* NFS4_FHSIZE */
	NFS_NAME_MAX = 255,
	NFS_MACHINE_MAX = 64, /* a longer name is cut */
	NFS_NAMES = 64,
	NFS_CALLS = 128,
	NFS_PREFIX_SIZE =
		8192, /* a message is understood by so many of its first bytes; what follows can only be data */
};

enum nfs_procedure {
	NFS_READ = 6,
	NFS3_WRITE = 7,
	NFS3_COMMIT = 21,
	NFS2_LOOKUP = 4,
	NFS4_OP_READ = 25,
	NFS4_OP_WRITE = 38,
};

struct nfs_handle {
	uint8_t size;
	uint8_t data[NFS_HANDLE_MAX];
};

/* A name as it came: in the table of names it is a copy. */
struct nfs_name {
	uint8_t size;
	uint8_t data[NFS_NAME_MAX];
};

/* Who asked, as the call says. */
struct nfs_auth {
	uint32_t flavor; /* RFC 5531, section 8.2: 0 is none, 1 is UNIX */
	struct bytes machine; /* borrowed from the message; a copy in transactions */
	uint32_t uid, gid;
};

struct nfs_tx {
	struct app_tx common;
	uint32_t xid, version, procedure;
	struct nfs_auth auth;
	struct nfs_handle handle;
	struct bytes name, new_name;
	bool renames, has_reply;
	uint32_t rpc_status, status;
	/* Of a file. */
	bool is_file, first, last;
	uint8_t dir; /* enum sensor_dir: where its bytes go */
	struct file *file;
	uint64_t offset; /* bytes before that are in the file */
	uint32_t last_xid;
	uint64_t chunks;
};

enum nfs_event {
	NFS_EVENT_MALFORMED_DATA,
	NFS_EVENT_NON_EXISTING_VERSION,
	NFS_EVENT_UNSUPPORTED_VERSION,
	NFS_EVENT_TOO_MANY_TRANSACTIONS
};

/* A call whose reply has not come. */
struct nfs_call {
	bool used;
	uint32_t xid, version, procedure;
	struct nfs_handle handle;
	struct nfs_name name;
	uint64_t offset; /* of a read */
	struct nfs_auth auth; /* the name of the machine is here: */
	uint8_t machine[NFS_MACHINE_MAX];
};

struct nfs_known_name {
	struct nfs_handle handle;
	struct nfs_name name;
};

/* Bytes of a file that are still to come in the message at hand. */
struct nfs_rest {
	struct nfs_tx *tx; /* null: they are not wanted */
	uint64_t data_size; /* of data, at the front */
	uint64_t message_size; /* all of it, data included */
};

struct nfs_state {
	struct nfs_rest rest[SENSOR_DIRS];
	struct nfs_call calls[NFS_CALLS];
	struct nfs_known_name names[NFS_NAMES];
	uint32_t call_next, name_next;
};

/* The message in hand. */
struct nfs_message {
	enum sensor_dir dir;
	uint64_t now_ns;
	uint32_t xid;
	uint32_t version, procedure; /* of the call, also in its reply */
	struct nfs_auth auth;
	uint32_t rpc_status; /* of a reply: 0 is accepted */
	struct cursor cur; /* behind the header of RPC */
	bool partial; /* the message is longer than what is here */
	struct nfs_rest rest; /* what reading it leaves */
	struct nfs_tx *file_tx; /* whose bytes it carried */
	bool malformed;
};

/* ---- XDR (RFC 4506) ---- */

/* "opaque<>" and "string<>": false when it does not fit; with 'partial' data the bytes that are there are enough. */
bool nfs_read_opaque(struct cursor *cur, struct bytes *ret);
bool nfs_read_data(struct nfs_message *message, struct bytes *ret, uint64_t *ret_missing);
bool nfs_read_handle(struct nfs_message *message, uint32_t version, struct nfs_handle *ret);
bool nfs_read_name(struct nfs_message *message, struct nfs_name *ret);

/* ---- nfs.c: transactions, tables ---- */

struct nfs_tx *nfs_tx_new(struct app_conn *conn, const struct nfs_message *message);
void nfs_tx_done(struct app_conn *conn, struct nfs_tx *tx);
struct nfs_tx *nfs_tx_of_xid(struct app_conn *conn, uint32_t xid);
struct nfs_call *nfs_call_add(struct nfs_state *state, const struct nfs_message *message);
struct nfs_call *nfs_call_find(struct nfs_state *state, uint32_t xid);
void nfs_name_learn(struct nfs_state *state, const struct nfs_handle *handle, const struct nfs_name *name);
/* The name of a file; without one the result has no bytes. */
struct bytes nfs_name_of(const struct nfs_state *state, const struct nfs_handle *handle);
/* The transaction of a file, made when there is none; null without memory. */
struct nfs_tx *nfs_file_tx(struct app_conn *conn, struct nfs_state *state, const struct nfs_message *message,
	const struct nfs_handle *handle, enum sensor_dir dir, uint32_t procedure);
struct nfs_tx *nfs_file_tx_find(struct app_conn *conn, const struct nfs_handle *handle, enum sensor_dir dir);
/* Bytes of a read or a write; 'missing' of them are still to come. */
void nfs_file_data(struct app_conn *conn, struct nfs_message *message, struct nfs_tx *tx, uint64_t offset,
	struct bytes data, uint64_t missing);
void nfs_file_more(struct app_conn *conn, struct nfs_tx *tx, struct bytes data);
void nfs_file_end(struct app_conn *conn, struct nfs_tx *tx, bool whole);

/* ---- nfs23.c, nfs4.c: calls and replies behind the header of RPC ---- */

void nfs23_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message);
void nfs23_reply(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call);
void nfs4_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message);
void nfs4_reply(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call);

/* ---- log.c ---- */

bool nfs_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
