// SPDX-License-Identifier: Apache-2.0
/* Data sets: many values that rules look a buffer up in, and add to.
 *
 * User guide, "Datasets". A set has a name and a type; values come from a file (one a line, or JSON objects that go with the
 * alert) and from rules ("set"), and may be saved at the end. Sets that only load a file belong to one policy and are read
 * again with the next; all others ("dynamic") outlive a reload by their name, and the last policy that lets go of them
 * writes them to their file.
 *
 * All workers share a set. A set that nobody changes is read without a lock, others under a read-write lock. The hash is
 * keyed; a set has a ceiling in bytes ("memcap") and counts what it refuses. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"

enum {
	DATASET_NAME_MAX = 63,
	DATASET_MESSAGE_SIZE = 256,
	DATASET_VALUE_MAX = 65535,
	DATASET_HASH_SIZE_DEFAULT = 4096,
	DATASET_SETS_MAX = 4096,
};
#define DATASET_MEMCAP_DEFAULT ((uint64_t)100 << 20)
#define DATASET_FILE_MAX       ((size_t)1 << 30)

enum dataset_type { DATASET_STRING, DATASET_MD5, DATASET_SHA256, DATASET_IPV4, DATASET_IP };
enum dataset_format { DATASET_CSV, DATASET_JSON, DATASET_JSON_LINES };

struct dataset;

/* What a rule or the configuration says about a set. Texts are copied; null: not said. */
struct dataset_options {
	uint8_t type; /* enum dataset_type */
	uint8_t format; /* enum dataset_format */
	bool has_type, remove_key;
	bool reputation; /* each value comes with a number */
	const char *load_path; /* must be there */
	const char *state_path; /* read when it is there, written at the end */
	const char *save_path; /* written at the end */
	const char *value_key, *array_key; /* JSON: dotted paths */
	uint64_t memcap_size; /* 0: the default */
	uint64_t hash_size; /* 0: the default */
	bool keep; /* the configuration defines it: outlives every policy */
};

/* Finds the set 'name' or makes it and reads its file. A set that is there needs no options; those given must not
 * contradict. 'serial' is the policy's. Let go with dataset_unref. 0, or an error with its sentence in 'message'. For one
 * thread at a time. */
MUST_CHECK int dataset_open(const char *name, const struct dataset_options *options, uint64_t serial,
	char message[DATASET_MESSAGE_SIZE], struct dataset **ret);
/* Null is allowed. The last one writes the set to its file, if it has one and the set changed. */
void dataset_unref(struct dataset *set);
/* Rules will change it: before any worker sees it. */
void dataset_set_dynamic(struct dataset *set);
/* Writes all sets with a file of their own. 0, or the first error, which was logged. */
int datasets_save(void);

enum dataset_type dataset_type(const struct dataset *set);
bool dataset_has_json(const struct dataset *set);
size_t dataset_count(const struct dataset *set);
uint64_t dataset_refused(const struct dataset *set);
/* Of all sets since the start, also of those that are gone. */
uint64_t datasets_refused(void);

struct dataset_hit {
	uint16_t reputation;
	struct bytes json; /* text of the object that the value stands in, in 'arena'; empty: none */
};

/* Looks up a value as it stands in a buffer: text, a digest's bytes, an address of 4 or 16 bytes. '*ret' may be null. */
bool dataset_find(struct dataset *set, struct bytes value, struct arena *arena, struct dataset_hit *ret);
/* The value, or what remains of it behind each further dot: ".a.example" finds ".example". */
bool dataset_find_subdomain(struct dataset *set, struct bytes value, struct arena *arena, struct dataset_hit *ret);
/* True when the value was not in the set and is now. */
bool dataset_add(struct dataset *set, struct bytes value);
/* True when the value was in the set and is no more. */
bool dataset_remove(struct dataset *set, struct bytes value);

/* ---- Reading ---- */

/* Values of a file into the set: lines of text, or JSON. 0, or an error with a sentence that names the line. */
MUST_CHECK int dataset_read(struct dataset *set, struct bytes text, const struct dataset_options *options,
	char message[DATASET_MESSAGE_SIZE]);
/* dataset-json.c */
MUST_CHECK int dataset_read_json(struct dataset *set, struct bytes text, const struct dataset_options *options,
	char message[DATASET_MESSAGE_SIZE]);
/* A value as it stands in a file, with its number or its JSON text; the first of two equal ones stays. 0,
 * LUYTRE_E_SYNTAX: it is not of the set's type, LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int dataset_put(
	struct dataset *set, struct bytes text, bool is_plain, uint16_t reputation, struct bytes json);

/* ---- What a rule found, for its alert ---- */

struct detect_context;
struct rule;

/* Notes JSON text under 'key' for the alert of 'rule' on the packet in hand. */
void detect_context_note(struct detect_context *context, const struct rule *rule, const char *key, struct bytes json);
/* What was noted for the rule, for packet_alert.context; null: nothing. Lives until the next packet. */
void *detect_context_take(struct detect_context *context, const struct rule *rule);
/* Writes "context": {...} into the open object. */
void detect_context_write(const void *context, struct jsonw *json);
