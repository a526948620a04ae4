// SPDX-License-Identifier: Apache-2.0
/* SMB: versions 1 ([MS-CIFS], [MS-SMB]), 2 and 3 ([MS-SMB2]), framed by NBSS (RFC 1002, section 4.3) on port 139 and by
 * its four bytes alone on port 445.
 *
 *	smb.c		frames, gaps, the protocol's tables
 *	smb1.c, smb2.c	messages of the two families
 *	session.c	transactions, trees, open files and what waits for an answer
 *	file.c		content of files out of reads and writes
 *	pipe.c		DCE/RPC inside named pipes
 *	security.c	NTLMSSP and Kerberos out of session setups
 *	names.c		names of commands, results, dialects
 *	log.c, keywords.c
 *
 * A transaction is a question with its answer; reads and writes have none of their own: those of one open file in one
 * direction are one transaction with one file, and those of a pipe are calls of DCE/RPC. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/dcerpc/call.h"

struct table;

enum { SMB_COMPLETE = 1 };

/* Names of events; the numbers are positions in smb_events. */
#define SMB_EVENTS(X)                                                                                                  \
	X(INTERNAL_ERROR, "internal_error")                                                                            \
	X(MALFORMED_DATA, "malformed_data")                                                                            \
	X(RECORD_OVERFLOW, "record_overflow")                                                                          \
	X(MALFORMED_NTLMSSP_REQUEST, "malformed_ntlmssp_request")                                                      \
	X(MALFORMED_NTLMSSP_RESPONSE, "malformed_ntlmssp_response")                                                    \
	X(DUPLICATE_NEGOTIATE, "duplicate_negotiate")                                                                  \
	X(NEGOTIATE_MALFORMED_DIALECTS, "negotiate_malformed_dialects")                                                \
	X(FILE_OVERLAP, "file_overlap")                                                                                \
	X(REQUEST_TO_CLIENT, "request_to_client")                                                                      \
	X(RESPONSE_TO_SERVER, "response_to_server")                                                                    \
	X(NEGOTIATE_MAX_READ_SIZE_TOO_LARGE, "negotiate_max_read_size_too_large")                                      \
	X(NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE, "negotiate_max_write_size_too_large")                                    \
	X(READ_REQUEST_TOO_LARGE, "read_request_too_large")                                                            \
	X(READ_RESPONSE_TOO_LARGE, "read_response_too_large")                                                          \
	X(READ_QUEUE_SIZE_EXCEEDED, "read_queue_size_exceeded")                                                        \
	X(READ_QUEUE_CNT_EXCEEDED, "read_queue_cnt_exceeded")                                                          \
	X(WRITE_REQUEST_TOO_LARGE, "write_request_too_large")                                                          \
	X(WRITE_QUEUE_SIZE_EXCEEDED, "write_queue_size_exceeded")                                                      \
	X(WRITE_QUEUE_CNT_EXCEEDED, "write_queue_cnt_exceeded")                                                        \
	X(TOO_MANY_TRANSACTIONS, "too_many_transactions")

enum smb_event {
#define X(id, name) SMB_EVENT_##id,
	SMB_EVENTS(X)
#undef X
		SMB_EVENT_COUNT
};

/* "app-layer.protocols.smb": 0 means no limit. Index: the direction of the data (reads to the client, writes to the
 * server). */
struct smb_config {
	uint64_t max_size[SENSOR_DIRS]; /* of one read or write */
	uint64_t queue_max_size[SENSOR_DIRS]; /* of what came too early */
	uint64_t queue_max_count[SENSOR_DIRS];
};

/* Ceilings of what one connection makes us keep. */
enum {
	SMB_TREES_MAX = 1024,
	SMB_OPENS_MAX = 1024,
	SMB_PENDING_MAX = 1024,
	SMB_RECORD_MAX = 1 << 20, /* longer messages, other than reads and writes, are passed over */
	SMB_NAME_MAX = 4096,
	SMB_DIALECTS_MAX = 64,
	SMB_FUID_SIZE = 16,
};

/* Identity of an open file: SMB2's FileId, or SMB1's FID and UID. */
struct smb_fuid {
	uint8_t bytes[SMB_FUID_SIZE];
	uint8_t size; /* 16 or 6 */
};

/* The head of a message, of either family. */
struct smb_message {
	uint8_t version; /* 1 or 2 */
	uint16_t command;
	bool is_response, is_async;
	uint32_t status;
	bool status_is_dos; /* SMB1: class in the low byte, code in the upper half */
	bool unicode; /* SMB1 */
	uint64_t session_id, message_id;
	uint32_t tree_id;
	uint32_t chain; /* SMB1: number of the record that asked; 0: none */
	struct bytes whole; /* offsets in messages count from its start */
	uint64_t now_ns;
};

enum smb_kind {
	SMB_TX_PLAIN,
	SMB_TX_NEGOTIATE,
	SMB_TX_SESSION,
	SMB_TX_TREE,
	SMB_TX_CREATE,
	SMB_TX_FILE,
	SMB_TX_RENAME,
	SMB_TX_SET_INFO,
	SMB_TX_IOCTL,
	SMB_TX_CALL,
};

struct smb_negotiate {
	uint32_t dialect_count;
	struct bytes dialects[SMB_DIALECTS_MAX]; /* names */
	bool has_client_guid, has_server_guid, has_sizes;
	uint8_t client_guid[16], server_guid[16];
	uint32_t max_read_size, max_write_size;
};

struct smb_ntlmssp {
	struct bytes domain, user, host;
	bool has_version;
	uint8_t version_major, version_minor, version_revision;
	uint16_t version_build;
};

enum { SMB_SNAMES_MAX = 8 };

struct smb_kerberos {
	struct bytes realm;
	uint32_t sname_count;
	struct bytes snames[SMB_SNAMES_MAX];
};

struct smb_setup {
	struct smb_ntlmssp *ntlmssp; /* or null */
	struct smb_kerberos *kerberos; /* or null */
	bool has_native[SENSOR_DIRS];
	struct bytes native_os[SENSOR_DIRS], native_lm[SENSOR_DIRS];
};

struct smb_tree_connect {
	struct bytes name;
	bool is_pipe;
	bool answered;
	uint8_t share_type; /* SMB2 */
	bool has_service[SENSOR_DIRS]; /* SMB1 */
	struct bytes service[SENSOR_DIRS];
};

struct smb_create {
	struct bytes name;
	uint32_t disposition;
	bool delete_on_close, directory, answered;
	uint64_t created, accessed, modified, changed; /* FILETIME */
	uint64_t size;
};

struct smb_set_info {
	struct bytes name, new_name;
	const char *class_name, *level_name; /* SMB2; may be null */
	const char *function, *level_of_interest; /* SMB1; may be null */
	bool is_disposition, delete_on_close;
};

struct smb_file_tx {
	struct smb_file *file; /* file.c; null once it is closed */
	struct bytes name, share;
};

struct smb_ioctl {
	uint32_t function;
};

struct smb_tx {
	struct app_tx common;
	uint8_t kind; /* enum smb_kind */
	uint8_t version; /* of the question */
	uint16_t command;
	uint64_t session_id, message_id;
	uint32_t tree_id;
	uint32_t chain; /* SMB1: commands of one record have the same; 0: none */
	bool has_status, status_is_dos;
	uint32_t status;
	const char *dialect; /* of the connection, when the answer came */
	bool has_fuid;
	struct smb_fuid fuid;
	union {
		struct smb_negotiate *negotiate;
		struct smb_setup *setup;
		struct smb_tree_connect *tree;
		struct smb_create *create;
		struct smb_set_info *set_info; /* also of a rename */
		struct smb_file_tx *file;
		struct smb_ioctl *ioctl;
		struct dcerpc_call *call;
	};
};

/* A tree that was connected. */
struct smb_tree {
	uint8_t *name; /* app_alloc */
	uint32_t name_size;
	bool is_pipe;
};

/* A pipe: what was agreed on in it, and a message that is not complete. */
struct smb_pipe {
	struct dcerpc_association association;
	uint8_t *data[SENSOR_DIRS]; /* app_alloc */
	size_t size[SENSOR_DIRS], room[SENSOR_DIRS];
};

/* An open file or pipe. */
struct smb_open {
	struct smb_fuid fuid;
	uint32_t tree_id;
	uint8_t *name; /* app_alloc, may be null */
	uint32_t name_size;
	struct smb_pipe *pipe; /* app_alloc, or null */
	struct smb_file *files[SENSOR_DIRS]; /* or null */
};

/* A read, or a pipe's exchange, that waits for its answer. */
struct smb_pending {
	uint64_t message_id;
	uint16_t command;
	struct smb_fuid fuid;
	uint64_t offset;
};

/* The rest of a read or write whose beginning has come. */
struct smb_rest {
	uint64_t data_size; /* of the file */
	uint64_t skip_size; /* behind that */
	struct smb_fuid fuid;
	bool has_fuid; /* else data_size is passed over too */
};

struct smb_state {
	const struct smb_config *config;
	uint16_t dialect; /* SMB2; 0: not known */
	const char *dialect_name; /* "unknown" */
	char dialect_text[64]; /* SMB1's own, when the server took one */
	bool lost[SENSOR_DIRS]; /* behind a gap */
	bool too_many; /* transactions: the parser gives up */
	struct smb_rest rest[SENSOR_DIRS];
	struct table *trees; /* by tree id: struct smb_tree * */
	struct table *opens; /* by struct smb_fuid: struct smb_open * */
	struct smb_pending *pending; /* app_alloc; oldest first */
	uint32_t pending_count, pending_room;
	uint32_t chain_count; /* SMB1's records so far */
	/* Compounds of SMB2: what "related" operations refer to. */
	bool has_related;
	struct smb_fuid related;
};

/* ---- session.c ---- */

/* A new transaction for a question; null at the ceiling, and then state->too_many is set. */
struct smb_tx *smb_tx_new(
	struct app_conn *conn, struct smb_state *state, const struct smb_message *message, enum smb_kind kind);
/* The one that waits for this answer; null: none. */
struct smb_tx *smb_tx_find(struct app_conn *conn, const struct smb_message *message);
/* Notes the result and completes the direction of the answer. */
void smb_tx_answer(
	struct app_conn *conn, struct smb_state *state, struct smb_tx *tx, const struct smb_message *message);
void smb_tx_status(struct smb_tx *tx, const struct smb_message *message);
/* An event for what has no transaction. */
void smb_event(struct app_conn *conn, struct smb_state *state, const struct smb_message *message, enum sensor_dir dir,
	enum smb_event event);
void smb_tx_free(struct app_conn *conn, struct app_tx *common);

void smb_tree_add(struct app_conn *conn, struct smb_state *state, uint32_t tree_id, struct bytes name, bool is_pipe);
struct smb_tree *smb_tree_find(const struct smb_state *state, uint32_t tree_id);
void smb_tree_remove(struct app_conn *conn, struct smb_state *state, uint32_t tree_id);

/* Finds or makes. Null: no memory. */
struct smb_open *smb_open_get(
	struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, uint32_t tree_id);
struct smb_open *smb_open_find(const struct smb_state *state, const struct smb_fuid *fuid);
void smb_open_name(struct app_conn *conn, struct smb_open *open, struct bytes name);
/* The file is closed: its transactions end. */
void smb_open_close(struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid);

/* Nothing more comes in this direction: files that are not closed yet are cut. */
void smb_files_end(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir);

void smb_pending_add(struct app_conn *conn, struct smb_state *state, const struct smb_pending *pending);
/* Takes it off the list; false: nothing waits for that. */
bool smb_pending_take(struct smb_state *state, uint64_t message_id, uint16_t command, struct smb_pending *ret);
/* Looks only. */
bool smb_pending_peek(const struct smb_state *state, uint64_t message_id, uint16_t command, struct smb_pending *ret);

void smb_state_done(struct app_conn *conn, struct smb_state *state);

/* Text of a message in the transaction's arena as UTF-8, without what follows a NUL. */
struct bytes smb_text(struct app_tx *tx, struct bytes text, bool unicode);

/* ---- file.c ---- */

/* Content of a read or write that lies at 'offset' of the file; 'size' may be more than is there: the rest comes by
 * smb_file_more(). False: the file's transaction could not be made. */
bool smb_file_data(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	const struct smb_fuid *fuid, enum sensor_dir dir, uint64_t offset, struct bytes data, uint64_t size);
void smb_file_more(struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, enum sensor_dir dir,
	struct bytes data);
void smb_file_gap(struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, enum sensor_dir dir,
	uint64_t size);
/* 'whole': the client closed it; false: the connection ends before that. */
void smb_file_close(struct app_conn *conn, struct smb_file *file, bool whole);
/* The transaction goes before the file was closed. */
void smb_file_orphan(struct app_conn *conn, struct smb_file *file);

/* ---- pipe.c ---- */

/* Whether reads and writes of this file are those of a pipe; 'data' decides when nothing else says. */
bool smb_is_pipe(const struct smb_state *state, const struct smb_message *message, const struct smb_fuid *fuid,
	struct bytes data);
void smb_pipe_data(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	const struct smb_fuid *fuid, enum sensor_dir dir, struct bytes data);

/* ---- security.c ---- */

/* A security blob of a session setup: NTLMSSP or Kerberos, alone or inside SPNEGO (RFC 4178). False: it is broken. */
MUST_CHECK bool smb_security_read(struct app_tx *tx, struct smb_setup *setup, struct bytes blob);

/* ---- smb1.c, smb2.c ---- */

/* One message; 'whole' is all of it. */
void smb1_message(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes whole, uint64_t now_ns);
void smb2_message(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes whole, uint64_t now_ns);
/* The beginning of a long message whose end is 'size' bytes behind its start: true when it is a read or write of a file
 * and state->rest[dir] says how it goes on. */
MUST_CHECK bool smb1_begin(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes head,
	uint64_t size, uint64_t now_ns);
MUST_CHECK bool smb2_begin(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes head,
	uint64_t size, uint64_t now_ns);

/* ---- names.c ---- */

const char *smb1_command_name(uint16_t command); /* null: unknown */
const char *smb2_command_name(uint16_t command);
const char *smb_nt_status_name(uint32_t status);
const char *smb_dos_status_name(uint8_t status_class, uint16_t code);
const char *smb2_dialect_name(uint16_t dialect);
const char *smb_fsctl_name(uint32_t function);
const char *smb2_info_class_name(uint8_t info_class);
const char *smb2_info_level_name(uint8_t info_class, uint8_t level);
const char *smb_disposition_name(uint32_t disposition);

/* ---- log.c, keywords.c ---- */

bool smb_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
extern const struct app_buffer smb_buffers[];
extern const struct rule_keyword smb_keywords[];
/* The call of a transaction of SMB, or null. */
const struct dcerpc_call *smb_call_of(const struct app_tx *tx);
