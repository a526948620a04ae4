// SPDX-License-Identifier: Apache-2.0
/* Who changed what: a log of the control database that cannot be altered unseen.
 *
 * Each record's hash is BLAKE2b-256 over the hash before it and the record (every field with its length in front,
 * numbers in network order), so a record that is changed, removed, put in or moved breaks the chain from there on.
 * The end of the chain (its "head") is signed with Ed25519 from time to time, and the signed head handed to a
 * second party as a line of text:
 *
 *	luytre-audit-head 1 SEQUENCE TIME_US HASH PUBLIC_KEY SIGNATURE
 *
 * Whoever rules the database alone can rewrite at most what came after the newest signed head that others hold. A
 * record is written in the transaction of the change it speaks of: either both are stored or neither.
 *
 * No secret stands in a record: the value of a field with a name like "password" or "token" is replaced, and so is
 * anything that looks like an API token. Calls of one handle belong to its thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"

enum {
	AUDIT_HASH_SIZE = 32,
	AUDIT_PUBLIC_KEY_SIZE = 32,
	AUDIT_SECRET_KEY_SIZE = 64,
	AUDIT_SIGNATURE_SIZE = 64,
	AUDIT_FIELDS_MAX = 32,
	AUDIT_DETAIL_MAX = 16 << 10, /* longer is refused */
	AUDIT_LINE_SIZE = 384,
	AUDIT_LOOK_MAX = 20000, /* records that one question looks at, whosever they are */
	AUDIT_ARCHIVE_MAX = 20000, /* records that leave in one turn, or as many as stand in front of one signed head */
};

/* Who does something, from where, when. Handed down to every function that changes control data. */
struct audit_origin {
	const char *actor; /* "account:7 lan", "token:12 lan", "system" */
	const char *address; /* of the client; null: none */
	int64_t now_us;
};

struct audit_field {
	const char *name;
	struct db_value value;
};

struct audit_record {
	const char *action; /* "tenant.create": kind of thing, dot, verb */
	const char *subject; /* "tenant:12" */
	uint32_t tenant; /* whose it is; 0: the nation's */
	const struct audit_field *fields; /* may be null */
	size_t field_count;
};

/* Makes the tables. */
MUST_CHECK int audit_setup(struct db *db);

/* Within the caller's transaction, or in one of its own where there is none. LUYTRE_E_FULL: the fields are too long. */
MUST_CHECK int audit_append(struct db *db, const struct audit_origin *origin, const struct audit_record *record);

struct audit_entry {
	int64_t sequence, time_us;
	struct bytes actor, address, action, subject, detail; /* borrowed; detail is a JSON object */
	uint32_t tenant;
};

typedef int (*audit_fn)(void *context, const struct audit_entry *entry); /* not 0 stops and is returned */

/* Newest first, below 'before' (0: from the newest), at most 'limit'. '*ret_next' (may be null) is not 0 when AUDIT_LOOK_MAX records were
 * looked at: there may be more below that number. */
MUST_CHECK int audit_each(struct db *db, const struct scope *scope, int64_t before, uint32_t limit, audit_fn fn,
	void *context, int64_t *ret_next);

/* The same of one subject ("finding:12"), found by an index. */
MUST_CHECK int audit_each_of(struct db *db, const struct scope *scope, const char *subject, int64_t before,
	uint32_t limit, audit_fn fn, void *context);

struct audit_key {
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];
	uint8_t secret_key[AUDIT_SECRET_KEY_SIZE];
};

/* The signing key of a file (hex of the secret key, mode 0600), made when there is none. LUYTRE_E_IO, LUYTRE_E_CORRUPT,
 * LUYTRE_E_PERMISSION when others may read it. */
MUST_CHECK int audit_key_load(const char *path, struct audit_key *ret);

/* Signs the head, if records came since the last time (else LUYTRE_E_NOT_FOUND), stores it, and writes its line,
 * without newline. Nothing may be under way in the handle. */
MUST_CHECK int audit_sign(struct db *db, const struct audit_key *key, int64_t now_us, char ret_line[AUDIT_LINE_SIZE]);

/* When the newest signed head was signed; 0: there is none. */
MUST_CHECK int audit_signed_us(struct db *db, int64_t *ret);

/* Adds a line to a file of the second party and waits until it is on the disk. */
MUST_CHECK int audit_export(const char *path, const char *line);

struct audit_head {
	int64_t sequence; /* 0: no record yet, and the hash is zeros */
	uint8_t hash[AUDIT_HASH_SIZE];
};

/* Moves records that are older out of the database, up to a signed head and AUDIT_ARCHIVE_MAX at a time, into FOLDER/audit-FIRST-LAST.jsonl:
 * one line that says where the chain stood before, the records, the signed head. The file is on the disk before anything is removed; the
 * place where the chain begins from then on is signed with the key, and a record of the chain names the file. The end of the chain stays.
 * LUYTRE_E_NOT_FOUND: there is nothing to do. LUYTRE_E_CORRUPT: the chain is broken there, or signed with another key: all stays where it is. */
MUST_CHECK int audit_archive(struct db *db, const struct audit_key *key, int64_t keep_from_us, int64_t now_us,
	const char *folder, int64_t *ret_count);
/* Reads such a file. 0: it is whole and its head is signed with this key; it leads from '*ret_after' (the end of the archive before) to
 * '*ret_last' (where the next one, or the database, goes on). LUYTRE_E_CORRUPT, LUYTRE_E_IO. */
MUST_CHECK int audit_archive_verify(
	const char *path, const uint8_t *public_key, struct audit_head *ret_after, struct audit_head *ret_last);

/* How far the archives of a folder prove the chain, one behind the other from its beginning: '*ret_last' is the last record that they
 * prove. 0 also when there are none. LUYTRE_E_IO, LUYTRE_E_NOMEM. */
MUST_CHECK int audit_archives_verify(const char *folder, const uint8_t *public_key, struct audit_head *ret_last);

/* X(identifier, word) */
#define AUDIT_FAULTS(X)                                                                                                \
	X(WHOLE, "whole")                                                                                              \
	X(CHANGED, "changed") /* record or order do not fit the hash */                                                \
	X(MISSING, "missing") /* a sequence number is not there */                                                     \
	X(TRUNCATED, "truncated") /* ends before a signed head, or before what the database itself notes as the end */ \
	X(REWRITTEN, "rewritten") /* whole in itself, but not what was signed */                                       \
	X(SIGNATURE, "signature") /* a head that this key did not sign */

enum audit_fault {
#define X(id, word) AUDIT_##id,
	AUDIT_FAULTS(X)
#undef X
};

struct audit_result {
	enum audit_fault fault;
	int64_t record_count; /* read */
	int64_t first_broken; /* sequence; after REWRITTEN the first that may be false; 0: whole */
	int64_t signed_until; /* the newest signed head that fits */
	int64_t head_count; /* signed heads compared */
	int64_t archived_until; /* the chain begins behind this record: older ones are in archives; 0: none */
	uint8_t archived_hash[AUDIT_HASH_SIZE]; /* of that record */
};

/* Reads the whole chain. 'public_key' may be null: then signatures are not looked at. 'heads' is the text of a
 * second party's file and may be empty. 0 also when the chain is broken: that stands in '*ret'. LUYTRE_E_SYNTAX for
 * a line that is no head. */
MUST_CHECK int audit_verify(struct db *db, const uint8_t *public_key, struct bytes heads, struct audit_result *ret);

const char *audit_fault_name(enum audit_fault fault);
