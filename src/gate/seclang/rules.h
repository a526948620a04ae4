// SPDX-License-Identifier: Apache-2.0
/* Rules as SecLang files say them, read and checked: what the engine compiles into a plan.
 *
 * SecLang is the language of ModSecurity v3 (reference manual: "Configuration Directives", "Actions"); the OWASP Core Rule Set is
 * written in it. This folder reads files and text (comments, line ends quoted by a backslash, quoted and single-quoted arguments, Include with
 * patterns, directive names without case), applies SecDefaultAction, SecRuleRemoveBy..., SecRuleUpdateTargetBy..., SecRuleUpdateActionById, resolves
 * `block`, checks chains, markers, ids and every name, and compiles operators with constant parameters.
 *
 *	struct sec_rules *rules = sec_rules_new();
 *	sec_rules_load_file(rules, path)		as often as there are files, in order
 *	sec_rules_load_text(rules, text, "name")
 *	sec_rules_finish(rules)				what must be known of all: chains, markers, removals
 *	...
 *	sec_rules_free(rules)
 *
 * Nothing stops at the first mistake: each is a message with file, line, what is wrong and what would be right; the calls return
 * LUYTRE_E_SYNTAX when there was any. All memory belongs to the rules; views and pointers live as long as they. Immutable after
 * sec_rules_finish(): any thread may read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "gate/operator/operator.h"
#include "gate/seclang/variables.h"
#include "gate/transform/transform.h"
#include "match/regex.h"

enum sec_select {
	SEC_SELECT_ALL, /* the scalar, or all of the collection */
	SEC_SELECT_NAME, /* ARGS:name, compared without case */
	SEC_SELECT_REGEX, /* ARGS:/pattern/ or ARGS:'/pattern/' */
	SEC_SELECT_MACRO, /* TX:%{name}: known only at run time */
};

struct sec_target {
	enum variable variable;
	enum sec_select select;
	bool exclude; /* !ARGS:name: takes what other targets gave away again */
	bool count; /* &ARGS: the number of values */
	struct bytes selector; /* as written, without quotes and slashes; the expression for XML */
	struct regex *regex; /* owned; SEC_SELECT_REGEX */
};

/* Actions that do something when a rule matches, in the order in which they are written. */
enum sec_action_kind {
	SEC_ACTION_CTL, /* 'name' is the option, 'value' what is behind '=' */
	SEC_ACTION_EXPIREVAR, /* 'name' collection.key, 'value' seconds */
	SEC_ACTION_INITCOL, /* 'name' collection, 'value' key */
	SEC_ACTION_SETENV, /* 'name', 'value' */
	SEC_ACTION_SETRSC, /* 'value' */
	SEC_ACTION_SETSID, /* 'value' */
	SEC_ACTION_SETUID, /* 'value' */
	SEC_ACTION_SETVAR, /* see enum sec_setvar */
};

enum sec_setvar { SEC_SETVAR_SET, SEC_SETVAR_ADD, SEC_SETVAR_SUBTRACT, SEC_SETVAR_UNSET };

/* Options of ctl: table in seclang/rule-ctl.c. */
enum sec_ctl {
	SEC_CTL_AUDIT_ENGINE,
	SEC_CTL_AUDIT_LOG_PARTS,
	SEC_CTL_FORCE_REQUEST_BODY_VARIABLE,
	SEC_CTL_PARSE_XML_INTO_ARGS,
	SEC_CTL_REQUEST_BODY_ACCESS,
	SEC_CTL_REQUEST_BODY_PROCESSOR,
	SEC_CTL_RULE_ENGINE,
	SEC_CTL_RULE_REMOVE_BY_ID,
	SEC_CTL_RULE_REMOVE_BY_MSG,
	SEC_CTL_RULE_REMOVE_BY_TAG,
	SEC_CTL_RULE_REMOVE_TARGET_BY_ID,
	SEC_CTL_RULE_REMOVE_TARGET_BY_MSG,
	SEC_CTL_RULE_REMOVE_TARGET_BY_TAG,
};

/* First and last of a range of ids. */
struct sec_range {
	uint64_t first, last;
};

struct sec_action {
	enum sec_action_kind kind;
	enum sec_setvar setvar;
	enum sec_ctl ctl;
	enum variable collection; /* of setvar, expirevar, initcol: TX, IP, SESSION, ... */
	struct bytes name; /* of setvar, expirevar: the key; may hold macros. Of setenv: the name */
	struct bytes value; /* may hold macros. Of ctl: the whole text behind '=' */
	/* ctl:ruleRemoveById (all ranges), ctl:ruleRemoveTargetById (all ranges) */
	const struct sec_range *ranges;
	size_t range_count;
	struct bytes
		pattern; /* ctl:rule...ByTag, ByMsg: what the tag or message has to contain (v3 compares whole tags; see the source) */
	const struct sec_target *target; /* ctl:ruleRemoveTarget...; null without */
};

enum sec_disruptive { SEC_PASS, SEC_DENY, SEC_DROP, SEC_REDIRECT, SEC_ALLOW, SEC_ALLOW_PHASE, SEC_ALLOW_REQUEST };

enum sec_kind { SEC_RULE, SEC_ACTION, SEC_MARKER };

enum sec_rule_flags {
	SEC_CAPTURE = 1 << 0,
	SEC_MULTIMATCH = 1 << 1,
	SEC_LOG = 1 << 2, /* log, not nolog; defaults of the phase applied */
	SEC_AUDITLOG = 1 << 3,
	SEC_NEGATED = 1 << 4, /* !@op */
	SEC_MACRO = 1 << 5, /* the operator's parameter has macros: 'compiled' is null */
	SEC_DISRUPTIVE_BLOCK = 1 << 6, /* it was written `block` */
	SEC_HAS_ID = 1 << 7, /* rules further on in a chain have none */
};

struct sec_rule {
	enum sec_kind kind;
	uint32_t flags; /* an or of sec_rule_flags */
	uint64_t id; /* 0 for a marker */
	uint8_t phase; /* 1..5; of a chain: the first rule's */
	const char *file;
	uint32_t line; /* of its first line, from 1 */
	struct bytes marker; /* SEC_MARKER: its name */

	const struct sec_target *targets; /* empty for SEC_ACTION */
	size_t target_count;
	const struct transform *const *transforms; /* after the last t:none; those of SecDefaultAction first */
	size_t transform_count;
	const struct operator* operator;
	struct bytes parameter; /* as written */
	void *compiled; /* owned; freed by operator->free */

	const struct sec_action *actions;
	size_t action_count;
	enum sec_disruptive disruptive;
	uint16_t status; /* of deny and redirect; 403 and 302 unless told */
	struct bytes redirect; /* may hold macros */
	uint32_t skip; /* skip:N */
	struct bytes skip_after; /* marker's name or rule id; empty without */
	struct sec_rule *chain; /* the next rule of the chain, not in the list; null at its end */

	struct bytes msg, logdata; /* may hold macros; empty without */
	struct bytes rev, ver;
	struct bytes xmlns; /* prefix=uri pairs, blank-separated */
	const struct bytes *tags; /* may hold macros */
	size_t tag_count;
	int8_t severity; /* 0 emergency .. 7 debug; -1 without */
	int8_t maturity, accuracy; /* -1 without */
	struct bytes text; /* as it stands in the file, for `explain` and the RULE variable */
};

enum sec_mode { SEC_OFF, SEC_ON, SEC_DETECTION_ONLY };
enum sec_audit { SEC_AUDIT_OFF, SEC_AUDIT_ON, SEC_AUDIT_RELEVANT_ONLY };

/* OnlyArgs: and not into XML. */
enum sec_xml_args { SEC_XML_ARGS_OFF, SEC_XML_ARGS_ON, SEC_XML_ARGS_ONLY };

/* What directives other than rules say; defaults are ModSecurity's. What looks at requests is on unless a directive says Off, as it
 * is in libmodsecurity where nothing was said, except that rules act without `SecRuleEngine On` too: whoever loads rules wants them. */
struct sec_settings {
	enum sec_mode mode; /* SecRuleEngine */
	bool request_body_access, response_body_access;
	uint64_t request_body_limit; /* 134217728 */
	uint64_t request_body_no_files_limit; /* 1048576 */
	bool request_body_partial; /* SecRequestBodyLimitAction ProcessPartial, not Reject */
	uint64_t response_body_limit; /* 524288 */
	bool response_body_partial;
	uint32_t args_max; /* SecArgumentsLimit, 1000; 0: none */
	uint32_t json_depth_max; /* 10000 */
	uint32_t files_max; /* SecUploadFileLimit, 100 */
	bool xml_external_entity; /* SecXMLExternalEntity: never honoured beyond not counting as an error; see docs */
	uint8_t args_separator;
	uint32_t steps_max, depth_max; /* SecPcreMatchLimit, SecPcreMatchLimitRecursion; 0: default */
	const struct bytes *response_mime_types; /* lower case; text/plain and text/html unless told */
	size_t response_mime_type_count;
	enum sec_audit audit; /* SecAuditEngine */
	bool audit_json; /* SecAuditLogFormat */
	bool audit_concurrent; /* SecAuditLogType Concurrent, not Serial */
	uint32_t audit_parts; /* bit 0: A .. bit 25: Z */
	struct bytes audit_log, audit_log2, audit_dir; /* paths */
	uint32_t audit_dir_mode, audit_file_mode;
	struct regex *audit_status; /* SecAuditLogRelevantStatus; null without */
	struct bytes debug_log;
	uint8_t debug_level;
	struct bytes web_app_id; /* SecWebAppId */
	struct bytes geo_db; /* SecGeoLookupDb */
	struct bytes component; /* SecComponentSignature, blank-separated */
	struct bytes data_dir; /* SecDataDir */
	uint32_t collection_timeout_s; /* SecCollectionTimeout, 3600 */
	struct bytes
		unicode_map; /* SecUnicodeMapFile; checked to be there, its map is built in for code page 20127 (a warning for others) */
	uint32_t unicode_code_page;
	enum sec_xml_args xml_into_args; /* SecParseXmlIntoArgs */
};

struct sec_rules;

/* Null without memory. */
struct sec_rules *sec_rules_new(void);
void sec_rules_free(struct sec_rules *rules);

/* A file; a folder means its *.conf in name order; Include inside may have wildcards, relative to the including file. LUYTRE_E_SYNTAX, or an error of the file
 * system or LUYTRE_E_NOMEM; messages tell. */
MUST_CHECK int sec_rules_load_file(struct sec_rules *rules, const char *path);
MUST_CHECK int sec_rules_load_text(struct sec_rules *rules, struct bytes text, const char *name);
MUST_CHECK int sec_rules_finish(struct sec_rules *rules);

/* From now on nothing but the text itself is read: Include, files of operators and data bases are refused. For text of strangers. */
void sec_rules_forbid_files(struct sec_rules *rules);

/* Ceilings: a rule file, Include inside Include, files in all, rules in all, memory. */
#define SEC_FILE_SIZE_MAX     ((size_t)16 << 20)
#define SEC_INCLUDE_DEPTH_MAX 16
#define SEC_FILES_MAX         4096
#define SEC_RULES_MAX         1000000
#define SEC_MEMORY_MAX        ((size_t)1 << 30)

/* All rules, actions and markers in the order of the files, removed ones left out, chains as one. Valid after sec_rules_finish(). */
struct sec_rule *const *sec_rules_list(const struct sec_rules *rules, size_t *ret_count);
const struct sec_settings *sec_rules_settings(const struct sec_rules *rules);

/* Ids removed by SecRuleRemoveById, ByTag, ByMsg, for the trace. */
struct sec_removed {
	uint64_t id;
	const char *directive; /* "SecRuleRemoveByMsg" */
	uint8_t phase;
};
const struct sec_removed *sec_rules_removed(const struct sec_rules *rules, size_t *ret_count);

struct sec_message {
	const char *file;
	uint32_t line;
	uint32_t column; /* where the reading stopped, from 1; 0: unknown */
	bool warning; /* of something that is read and left out */
	const char *text;
};

/* The first SEC_MESSAGES_MAX of them. */
#define SEC_MESSAGES_MAX 1000
const struct sec_message *sec_rules_messages(const struct sec_rules *rules, size_t *ret_count);

/* One line as ModSecurity v3 writes it: "Rules error. File: a.conf. Line: 2. Column: 56. Expecting an action, got:  ...". Cut at
 * 'size', which counts the final NUL. */
void sec_message_format(const struct sec_message *message, char *text, size_t size);
