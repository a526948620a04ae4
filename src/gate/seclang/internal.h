// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. Reading goes in steps:
 *
 *	load.c			files and texts into memory, Include, folders
 *	lexer.c			text into directives with arguments (struct sec_line)
 *	directives.c		the table of all directives; settings.c does those that set a value
 *	rule.c			SecRule, SecAction, SecMarker, SecDefaultAction into drafts
 *	rule-targets.c		variables; rule-operator.c: operators; rule-actions.c, rule-data.c, rule-ctl.c: actions
 *	updates.c		SecRuleRemoveBy..., SecRuleUpdate...: kept until the end
 *	finish.c		applies defaults and updates to the drafts, compiles operators, makes the list
 *
 * A mistake is reported (report.c) and reading goes on; functions return false when what they read cannot be used.
 * Running out of memory is remembered in sec_rules.no_memory and ends the reading at the next directive. */
#pragma once

#include "base/arena.h"
#include "base/table.h"
#include "gate/seclang/rules.h"

/* A list that grows in the arena; what it outgrows stays there until the end. */
struct sec_list {
	void *items;
	size_t count, capacity;
};

/* A file or a text while it is read. */
struct sec_source {
	const char *name; /* for messages and for what is relative to it */
	struct bytes text;
	unsigned int depth; /* of Include */
	size_t position; /* of the lexer */
	uint32_t line; /* of 'position', from 1 */
};

/* An argument of a directive. */
struct sec_arg {
	struct bytes text; /* without quotes, quoted line ends taken out */
	size_t start; /* of the text in the source */
	bool quoted;
	bool joined; /* 'text' is a copy without line ends: see sec_arg_position() */
};

#define SEC_ARGS_MAX 128

/* A directive as it stands in a source. args[0] is its name. */
struct sec_line {
	const struct sec_source *source;
	size_t start, end; /* in the source; 'end' is that of the last argument */
	uint32_t number; /* the line of 'start' */
	struct sec_arg args[SEC_ARGS_MAX];
	size_t arg_count;
	size_t excess; /* where the argument too much begins; 0: none */
};

/* A rule as it was said, before defaults and updates. */
struct sec_draft {
	struct sec_rule rule; /* what 'targets', 'tags' ... point to is set at the end from the lists */
	struct sec_draft *next; /* of the chain */
	bool broken; /* a mistake was reported: it is left out of the list */
	bool chained; /* has `chain` */
	bool said_disruptive, said_block, said_status, said_phase, said_none;
	bool said_log, said_auditlog;
	struct sec_list targets; /* struct sec_target */
	struct sec_list transforms; /* const struct transform * */
	struct sec_list actions; /* struct sec_action */
	struct sec_list tags; /* struct bytes */
};

/* The code page of which t:urlDecodeUni has a map (transform/transform.h); the file of SecUnicodeMapFile itself is
 * not read. */
#define SEC_CODE_PAGE 20127

enum sec_by { SEC_BY_ID, SEC_BY_TAG, SEC_BY_MSG };

/* A SecRuleRemoveBy..., SecRuleUpdateTargetBy... or SecRuleUpdateActionById. */
struct sec_update {
	enum sec_by by;
	const char *directive;
	const struct sec_range *ranges;
	size_t range_count;
	uint32_t offset; /* ID:offset, which rule of the chain */
	struct bytes text; /* of the tag or message */
	bool remove;
	struct sec_list targets; /* struct sec_target */
	const struct sec_draft *actions; /* null without */
};

struct sec_rules {
	struct arena arena; /* everything below */
	struct sec_settings settings;
	struct sec_list drafts; /* struct sec_draft *, chains as one */
	struct sec_list updates; /* struct sec_update */
	struct sec_list regexes; /* struct regex *, owned */
	struct sec_list compiled; /* struct sec_rule * whose 'compiled' is owned */
	struct sec_list messages; /* struct sec_message */
	struct sec_list list; /* struct sec_rule *: the result */
	struct sec_list removed; /* struct sec_removed */
	struct sec_list mime_types; /* struct bytes */
	bool mime_types_said; /* they are not the default any more */
	struct table *ids; /* uint64_t, of rules */
	struct table *warned; /* const char *, names of directives that were warned of */
	struct sec_draft *defaults[6]; /* SecDefaultAction by phase */
	struct sec_draft *chain_end; /* the last rule so far when it has `chain` */
	size_t file_count;
	/* ModSecurity v3 counts some places of a directive twice, and its columns are what people compare ours with. */
	uint32_t column_shift;
	size_t error_count;
	bool no_files;
	bool no_memory;
	bool remote_warn; /* SecRemoteRulesFailAction Warn */
	bool finished;
};

/* alloc.c: zero-filled, or null, which is remembered. */
void *sec_alloc(struct sec_rules *rules, size_t size);
struct bytes sec_dup(struct sec_rules *rules, struct bytes text);
/* A new zero-filled element at the end of 'list', or null. */
void *sec_append(struct sec_rules *rules, struct sec_list *list, size_t item_size);

/* Text without blanks at both ends. */
struct bytes sec_trim(struct bytes text);
bool sec_same(struct bytes text, const char *name); /* without regard to case */
/* Digits and nothing else, not above 'max'. */
bool sec_number(struct bytes text, uint64_t max, uint64_t *ret);
/* 'text' without the single quotes around it, if both are there. */
struct bytes sec_unquote(struct bytes text);

/* lexer.c: false at the end of the text. */
bool sec_lex(struct sec_rules *rules, struct sec_source *source, struct sec_line *ret);
/* Where byte 'offset' of the argument stands in the source. */
size_t sec_arg_position(const struct sec_line *line, const struct sec_arg *arg, size_t offset);
/* From 'position' to the end of its line of text. */
struct bytes sec_rest(const struct sec_line *line, size_t position);

/* report.c: 'position' is where in the source the reading stopped. */
void sec_error(struct sec_rules *rules, const struct sec_line *line, size_t position, const char *format, ...)
	PRINTF_LIKE(4, 5);
void sec_warn(struct sec_rules *rules, const struct sec_line *line, const char *format, ...) PRINTF_LIKE(3, 4);
/* Of a rule that was read long ago. */
void sec_error_rule(struct sec_rules *rules, const struct sec_rule *rule, const char *format, ...) PRINTF_LIKE(3, 4);
void sec_warn_rule(struct sec_rules *rules, const struct sec_rule *rule, const char *format, ...) PRINTF_LIKE(3, 4);
/* "WHAT, got:  REST OF THE LINE. HINT" and the column behind the rest, as ModSecurity puts it. */
void sec_error_rest(
	struct sec_rules *rules, const struct sec_line *line, size_t position, const char *what, const char *hint);

#define SEC_EXPECTING_ACTION   "Expecting an action, got:  "
#define SEC_EXPECTING_VARIABLE "Expecting a variable, got:  :  "
#define SEC_INVALID_INPUT      "Invalid input:  "

/* macro.c: are the names in %{...} variables? A mistake is reported; 'offset' is where 'text' begins in 'arg'. */
bool sec_macro_check(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, size_t offset,
	struct bytes text);
bool sec_macro_has(struct bytes text);

/* rule-targets.c: appends the targets of bytes 'offset' to 'end' of 'arg' to 'list'. */
bool sec_targets_parse(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, size_t offset,
	size_t end, struct sec_list *list);

/* rule-operator.c */
bool sec_operator_parse(
	struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, struct sec_rule *rule);
bool sec_operator_compile(struct sec_rules *rules, struct sec_rule *rule);

enum sec_use { SEC_USE_RULE, SEC_USE_DEFAULT, SEC_USE_UPDATE };

/* One action while it is read. */
struct sec_item {
	struct sec_rules *rules;
	const struct sec_line *line;
	const struct sec_arg *arg;
	enum sec_use use;
	size_t offset; /* of its name in the argument */
	size_t name_end;
	size_t value_offset; /* of 'value' */
	struct bytes value; /* quotes taken off */
	bool has_value, quoted;
};

/* rule-actions.c */
bool sec_actions_parse(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg,
	enum sec_use use, struct sec_draft *draft);
/* Reports "Expecting an action, got:" for the whole action; returns false. */
bool sec_item_refuse(const struct sec_item *item, const char *hint);
/* Reports a sentence; returns false. */
bool sec_item_error(const struct sec_item *item, const char *format, ...) PRINTF_LIKE(2, 3);

/* rule-data.c: actions that write: setvar and its like. Readers of actions have one form; 'number' is what the table
 * of actions gives them, of use to those that stand for several. */
bool sec_read_setvar(const struct sec_item *item, struct sec_draft *draft, int number);
bool sec_read_expirevar(const struct sec_item *item, struct sec_draft *draft, int number);
bool sec_read_initcol(const struct sec_item *item, struct sec_draft *draft, int number);
bool sec_read_setenv(const struct sec_item *item, struct sec_draft *draft, int number);
bool sec_read_setid(const struct sec_item *item, struct sec_draft *draft, int number);
bool sec_read_xmlns(const struct sec_item *item, struct sec_draft *draft, int number);

/* rule-ctl.c */
bool sec_read_ctl(const struct sec_item *item, struct sec_draft *draft, int number);
/* "1", "5-9", several of them with blanks or commas between. False: 'message' says why. */
#define SEC_RANGES_MESSAGE_SIZE 160
bool sec_ranges_parse(struct sec_rules *rules, struct bytes text, const struct sec_range **ret, size_t *ret_count,
	char message[SEC_RANGES_MESSAGE_SIZE]);

/* rule.c */
void sec_read_rule(struct sec_rules *rules, const struct sec_line *line);
void sec_read_action(struct sec_rules *rules, const struct sec_line *line);
void sec_read_marker(struct sec_rules *rules, const struct sec_line *line);
void sec_read_default_action(struct sec_rules *rules, const struct sec_line *line);

/* updates.c */
void sec_read_remove(struct sec_rules *rules, const struct sec_line *line, enum sec_by by);
void sec_read_update_target(struct sec_rules *rules, const struct sec_line *line, enum sec_by by);
void sec_read_update_action(struct sec_rules *rules, const struct sec_line *line);
void sec_updates_apply(struct sec_rules *rules, struct sec_draft *draft, bool *ret_removed);

/* directives.c */
void sec_directive_read(struct sec_rules *rules, const struct sec_line *line);

/* settings.c: a directive that sets a value, by the row that directives.c has for it. */
enum sec_setting_kind {
	SEC_SET_BOOL, /* On, Off */
	SEC_SET_U8,
	SEC_SET_U32,
	SEC_SET_U64,
	SEC_SET_OCTAL, /* a uint32_t, of file modes */
	SEC_SET_WORD, /* one of 'words', its number into an enum of unsigned int */
	SEC_SET_TRUE_WORD, /* one of two words: the second means true */
	SEC_SET_TEXT, /* a struct bytes */
};

struct sec_setting {
	enum sec_setting_kind kind;
	size_t offset; /* in struct sec_settings */
	uint64_t max; /* of a number */
	const char *words; /* blank-separated, of a word */
};

bool sec_setting_read(struct sec_rules *rules, const struct sec_line *line, const struct sec_setting *setting);
void sec_settings_init(struct sec_settings *settings);
void sec_read_mime_types(struct sec_rules *rules, const struct sec_line *line);
void sec_read_audit_parts(struct sec_rules *rules, const struct sec_line *line);
void sec_read_audit_status(struct sec_rules *rules, const struct sec_line *line);
void sec_read_component(struct sec_rules *rules, const struct sec_line *line);
void sec_read_separator(struct sec_rules *rules, const struct sec_line *line);
void sec_read_cookie_format(struct sec_rules *rules, const struct sec_line *line);
void sec_read_unicode_map(struct sec_rules *rules, const struct sec_line *line);
void sec_read_geo_db(struct sec_rules *rules, const struct sec_line *line);

/* load.c */
void sec_read_include(struct sec_rules *rules, const struct sec_line *line);
/* Finds 'name' beside the source or where the program runs; false when it is in neither place. */
bool sec_find_file(const struct sec_source *source, struct bytes name, char *ret, size_t size);
