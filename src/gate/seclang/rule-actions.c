// SPDX-License-Identifier: Apache-2.0
/* The actions of a rule: "id:1,phase:2,msg:'a, b',t:none". The table at the end lists all of them, in alphabetical
 * order. */
#include <stdarg.h>
#include <stdio.h>

#include "gate/seclang/internal.h"

enum value_need { VALUE_NONE, VALUE_OPTIONAL, VALUE_NEEDED };

enum action_flags {
	NOT_IN_DEFAULT = 1 << 0, /* SecDefaultAction refuses it */
	NOT_IN_UPDATE = 1 << 1, /* SecRuleUpdateActionById leaves it out */
	UNSUPPORTED = 1 << 2, /* of ModSecurity 2 alone */
};

struct action_row {
	const char *name;
	enum value_need need;
	unsigned int flags;
	bool (*read)(const struct sec_item *item, struct sec_draft *draft, int number);
	int number; /* handed to 'read' */
};

bool sec_item_refuse(const struct sec_item *item, const char *hint)
{
	sec_error_rest(item->rules, item->line, sec_arg_position(item->line, item->arg, item->offset),
		SEC_EXPECTING_ACTION, hint);
	return false;
}

bool sec_item_error(const struct sec_item *item, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	sec_error(item->rules, item->line, sec_arg_position(item->line, item->arg, item->offset), "%s", text);
	return false;
}

static int shown(struct bytes text)
{
	return (int)(text.size < 200 ? text.size : 200);
}

/* A number in single quotes or without; blanks around it do no harm. */
static bool read_number(const struct sec_item *item, uint64_t max, uint64_t *ret)
{
	return sec_number(sec_trim(item->value), max, ret);
}

static bool read_id(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes text = sec_trim(item->value);
	size_t digits = 0;

	while (digits < text.size && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (digits == 0)
		return sec_item_refuse(item, "a rule's id is a number without a sign");
	if (digits < text.size) {
		sec_error_rest(item->rules, item->line,
			sec_arg_position(item->line, item->arg, (size_t)(text.ptr - item->arg->text.ptr) + digits),
			SEC_EXPECTING_ACTION, "a rule's id is a number and nothing else");
		return false;
	}
	if (!sec_number(text, INT64_MAX, &draft->rule.id))
		return sec_item_error(item,
			"The input \"%.*s\" does not seems to be a valid rule id. It is at most 9223372036854775807",
			shown(text), (const char *)text.ptr);
	draft->rule.flags |= SEC_HAS_ID;
	return true;
}

static bool read_phase(const struct sec_item *item, struct sec_draft *draft, int number)
{
	static const struct {
		const char *name;
		uint8_t phase;
	} names[] = { { "request", 2 }, { "response", 4 }, { "logging", 5 } };
	struct bytes text = sec_trim(item->value);
	uint64_t phase = 0;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (sec_same(text, names[i].name))
			phase = names[i].phase;
	if (phase == 0 && !sec_number(text, 1000000, &phase))
		return sec_item_refuse(item, "phase is 1 to 5, request, response or logging");
	if (phase > 5)
		return sec_item_error(item, "Unknown phase: %llu; there are 1 to 5", (unsigned long long)phase);
	if (phase == 0) {
		sec_warn(item->rules, item->line, "phase 0 is taken as 1, the first that sees a request");
		phase = 1;
	}
	draft->rule.phase = (uint8_t)phase;
	draft->said_phase = true;
	return true;
}

static bool read_severity(const struct sec_item *item, struct sec_draft *draft, int number)
{
	static const char *const names[] = { "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO",
		"DEBUG" };
	struct bytes text = sec_trim(item->value);
	uint64_t severity = 0;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (sec_same(text, names[i])) {
			draft->rule.severity = (int8_t)i;
			return true;
		}
	}
	if (!sec_number(text, 1000000, &severity))
		return sec_item_refuse(
			item, "severity is 0 to 7 or EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG");
	if (severity > 7)
		sec_warn(item->rules, item->line, "severity %llu is taken as 7, the lowest",
			(unsigned long long)severity);
	draft->rule.severity = (int8_t)(severity > 7 ? 7 : severity);
	return true;
}

/* number: 0 maturity, 1 accuracy. */
static bool read_mark(const struct sec_item *item, struct sec_draft *draft, int number)
{
	const char *name = number ? "Accuracy" : "Maturity";
	struct bytes text = sec_trim(item->value);
	uint64_t mark;

	if (!sec_number(text, 127, &mark))
		return sec_item_error(item, "%s: The input \"%.*s\" is not a number from 1 to 9", name, shown(text),
			(const char *)text.ptr);
	*(number ? &draft->rule.accuracy : &draft->rule.maturity) = (int8_t)mark;
	return true;
}

static bool read_status(const struct sec_item *item, struct sec_draft *draft, int number)
{
	uint64_t status;

	if (!read_number(item, 999, &status) || status < 100)
		return sec_item_refuse(item, "status is an HTTP status, 100 to 999");
	draft->rule.status = (uint16_t)status;
	draft->said_status = true;
	return true;
}

static bool read_skip(const struct sec_item *item, struct sec_draft *draft, int number)
{
	uint64_t count;

	if (!read_number(item, UINT32_MAX, &count))
		return sec_item_refuse(item, "skip takes a number of rules");
	draft->rule.skip = (uint32_t)count;
	return true;
}

static bool read_skip_after(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->rule.skip_after = sec_trim(item->value);
	return draft->rule.skip_after.size || sec_item_refuse(item, "skipAfter takes a marker's name or a rule's id");
}

static bool read_disruptive(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->said_disruptive = true;
	draft->rule.disruptive = (enum sec_disruptive)number;
	if (number == SEC_ALLOW && item->has_value) {
		struct bytes text = sec_trim(item->value);

		if (!sec_same(text, "phase") && !sec_same(text, "request")) {
			sec_error_rest(item->rules, item->line, sec_arg_position(item->line, item->arg, item->name_end),
				SEC_EXPECTING_ACTION, "allow, allow:phase or allow:request");
			return false;
		}
		draft->rule.disruptive = sec_same(text, "phase") ? SEC_ALLOW_PHASE : SEC_ALLOW_REQUEST;
	}
	return true;
}

static bool read_redirect(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->rule.redirect = sec_trim(item->value);
	if (draft->rule.redirect.size == 0)
		return sec_item_refuse(item, "redirect takes an address");
	return read_disruptive(item, draft, number) &&
	       sec_macro_check(item->rules, item->line, item->arg, item->value_offset, item->value);
}

static bool read_block(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->said_block = true;
	draft->rule.flags |= SEC_DISRUPTIVE_BLOCK;
	return true;
}

static bool read_chain(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->chained = true;
	return true;
}

static bool read_flag(const struct sec_item *item, struct sec_draft *draft, int number)
{
	draft->rule.flags |= (uint32_t)number;
	return true;
}

enum log_word { LOG_YES, LOG_NO, AUDIT_YES, AUDIT_NO };

/* The last word counts; nolog means the audit log too, log does not. */
static bool read_log(const struct sec_item *item, struct sec_draft *draft, int number)
{
	static const struct {
		uint32_t set, clear;
	} words[] = {
		[LOG_YES] = { SEC_LOG | SEC_AUDITLOG, 0 },
		[LOG_NO] = { 0, SEC_LOG | SEC_AUDITLOG },
		[AUDIT_YES] = { SEC_AUDITLOG, 0 },
		[AUDIT_NO] = { 0, SEC_AUDITLOG },
	};

	draft->rule.flags = (draft->rule.flags | words[number].set) & ~words[number].clear;
	draft->said_log |= number <= LOG_NO;
	draft->said_auditlog = true;
	return true;
}

static bool read_transform(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes name = sec_trim(item->value);
	const struct transform **transform;

	if (sec_same(name, "none")) {
		if (item->use == SEC_USE_DEFAULT)
			return sec_item_error(
				item, "The transformation none is not suitable to be part of the SecDefaultActions");
		draft->said_none = true;
		draft->transforms.count = 0;
		return true;
	}
	if (!transform_find(name))
		return sec_item_refuse(item, "there is no transformation of this name");
	transform = sec_append(item->rules, &draft->transforms, sizeof(struct transform *));
	if (!transform)
		return false;
	*transform = transform_find(name);
	return true;
}

static bool read_tag(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes *tag = sec_append(item->rules, &draft->tags, sizeof(*tag));

	if (!tag)
		return false;
	*tag = item->value;
	return sec_macro_check(item->rules, item->line, item->arg, item->value_offset, item->value);
}

enum text_field { TEXT_MSG, TEXT_LOGDATA, TEXT_REV, TEXT_VER };

static bool read_text(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes *fields[] = {
		[TEXT_MSG] = &draft->rule.msg,
		[TEXT_LOGDATA] = &draft->rule.logdata,
		[TEXT_REV] = &draft->rule.rev,
		[TEXT_VER] = &draft->rule.ver,
	};

	*fields[number] = item->value;
	return number > TEXT_LOGDATA ||
	       sec_macro_check(item->rules, item->line, item->arg, item->value_offset, item->value);
}

static bool read_exec(const struct sec_item *item, struct sec_draft *draft, int number)
{
	return sec_item_error(item, "exec: %.*s: rules start no programs or scripts here", shown(item->value),
		(const char *)item->value.ptr);
}

static const struct action_row rows[] = {
	{ "accuracy", VALUE_NEEDED, NOT_IN_DEFAULT, read_mark, 1 },
	{ "allow", VALUE_OPTIONAL, 0, read_disruptive, SEC_ALLOW },
	{ "Append", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "auditlog", VALUE_NONE, 0, read_log, AUDIT_YES },
	{ "block", VALUE_NONE, 0, read_block, 0 },
	{ "capture", VALUE_NONE, 0, read_flag, SEC_CAPTURE },
	{ "chain", VALUE_NONE, NOT_IN_DEFAULT | NOT_IN_UPDATE, read_chain, 0 },
	{ "ctl", VALUE_NEEDED, 0, sec_read_ctl, 0 },
	{ "deny", VALUE_NONE, 0, read_disruptive, SEC_DENY },
	{ "DeprecateVar", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "drop", VALUE_NONE, 0, read_disruptive, SEC_DROP },
	{ "exec", VALUE_NEEDED, 0, read_exec, 0 },
	{ "expirevar", VALUE_NEEDED, 0, sec_read_expirevar, 0 },
	{ "id", VALUE_NEEDED, NOT_IN_DEFAULT | NOT_IN_UPDATE, read_id, 0 },
	{ "initcol", VALUE_NEEDED, 0, sec_read_initcol, 0 },
	{ "log", VALUE_NONE, 0, read_log, LOG_YES },
	{ "logdata", VALUE_NEEDED, 0, read_text, TEXT_LOGDATA },
	{ "maturity", VALUE_NEEDED, NOT_IN_DEFAULT, read_mark, 0 },
	{ "msg", VALUE_NEEDED, 0, read_text, TEXT_MSG },
	{ "multiMatch", VALUE_NONE, 0, read_flag, SEC_MULTIMATCH },
	{ "noauditlog", VALUE_NONE, 0, read_log, AUDIT_NO },
	{ "nolog", VALUE_NONE, 0, read_log, LOG_NO },
	{ "pass", VALUE_NONE, 0, read_disruptive, SEC_PASS },
	{ "Pause", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "phase", VALUE_NEEDED, NOT_IN_UPDATE, read_phase, 0 },
	{ "Prepend", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "Proxy", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "redirect", VALUE_NEEDED, 0, read_redirect, SEC_REDIRECT },
	{ "rev", VALUE_NEEDED, NOT_IN_DEFAULT, read_text, TEXT_REV },
	{ "SanitiseArg", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "SanitiseMatched", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "SanitiseMatchedBytes", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "SanitiseRequestHeader", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "SanitiseResponseHeader", VALUE_OPTIONAL, UNSUPPORTED, NULL, 0 },
	{ "setenv", VALUE_NEEDED, 0, sec_read_setenv, 0 },
	{ "setrsc", VALUE_NEEDED, 0, sec_read_setid, SEC_ACTION_SETRSC },
	{ "setsid", VALUE_NEEDED, 0, sec_read_setid, SEC_ACTION_SETSID },
	{ "setuid", VALUE_NEEDED, 0, sec_read_setid, SEC_ACTION_SETUID },
	{ "setvar", VALUE_NEEDED, 0, sec_read_setvar, 0 },
	{ "severity", VALUE_NEEDED, 0, read_severity, 0 },
	{ "skip", VALUE_NEEDED, 0, read_skip, 0 },
	{ "skipAfter", VALUE_NEEDED, 0, read_skip_after, 0 },
	{ "status", VALUE_NEEDED, 0, read_status, 0 },
	{ "t", VALUE_NEEDED, 0, read_transform, 0 },
	{ "tag", VALUE_NEEDED, 0, read_tag, 0 },
	{ "ver", VALUE_NEEDED, NOT_IN_DEFAULT, read_text, TEXT_VER },
	{ "xmlns", VALUE_NEEDED, 0, sec_read_xmlns, 0 },
};

static const struct action_row *find_row(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (sec_same(name, rows[i].name))
			return &rows[i];
	return NULL;
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The closing quote of the one at 'at', or the size. */
static size_t find_close(struct bytes text, size_t at)
{
	for (at++; at < text.size; at++) {
		if (text.ptr[at] == '\\')
			at++;
		else if (text.ptr[at] == '\'')
			return at;
	}
	return text.size;
}

/* Where a value without quotes ends: at a comma outside of quotes that stand behind '=', ':' or ';'. */
static size_t find_comma(struct bytes text, size_t at)
{
	for (; at < text.size && text.ptr[at] != ','; at++) {
		uint8_t before = at ? text.ptr[at - 1] : 0;
		size_t close;

		if (text.ptr[at] != '\'' || (before != '=' && before != ':' && before != ';'))
			continue;
		close = find_close(text, at);
		at = close < text.size ? close : at;
	}
	return at;
}

/* Reads the value behind ':' at 'at'; where it ends. A quote that is never closed is part of the value. */
static size_t scan_value(struct bytes text, size_t at, struct sec_item *item)
{
	size_t close, end;

	while (at < text.size && is_blank(text.ptr[at]))
		at++;
	item->has_value = true;
	close = at < text.size && text.ptr[at] == '\'' ? find_close(text, at) : text.size;
	if (close < text.size) {
		item->quoted = true;
		item->value_offset = at + 1;
		item->value = bytes_of(text.ptr + at + 1, close - at - 1);
		return close + 1;
	}
	end = at < text.size && text.ptr[at] == '\'' ? at + bytes_index(bytes_skip(text, at), ',')
						     : find_comma(text, at);
	item->value_offset = at;
	item->value = bytes_of(text.ptr + at, end - at);
	return end;
}

static bool apply(struct sec_item *item, struct bytes name, struct sec_draft *draft)
{
	const struct action_row *row = find_row(name);

	if (!row)
		return sec_item_refuse(item, "there is no action of this name");
	if (row->flags & UNSUPPORTED)
		return sec_item_error(item, "Action: %s is not yet supported.", row->name);
	if (item->use == SEC_USE_DEFAULT && row->flags & NOT_IN_DEFAULT)
		return sec_item_error(
			item, "The action '%s' is not suitable to be part of the SecDefaultActions", row->name);
	if (item->use == SEC_USE_UPDATE && row->flags & NOT_IN_UPDATE) {
		sec_warn(
			item->rules, item->line, "SecRuleUpdateActionById cannot change %s; it is left out", row->name);
		return true;
	}
	if (row->need == VALUE_NEEDED && (!item->has_value || (!item->value.size && !item->quoted)) &&
		row->read != read_text && row->read != read_tag)
		return sec_item_refuse(item, "the action takes a value behind ':'");
	if (row->need == VALUE_NONE && item->has_value) {
		sec_error_rest(item->rules, item->line, sec_arg_position(item->line, item->arg, item->name_end),
			SEC_EXPECTING_ACTION, "the action takes no value");
		return false;
	}
	return row->read(item, draft, row->number);
}

bool sec_actions_parse(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg,
	enum sec_use use, struct sec_draft *draft)
{
	struct bytes text = arg->text;
	bool good = true;

	for (size_t at = 0; at < text.size; at++) {
		struct sec_item item = { .rules = rules, .line = line, .arg = arg, .use = use };

		while (at < text.size && (is_blank(text.ptr[at]) || text.ptr[at] == ','))
			at++;
		if (at == text.size)
			break;
		item.offset = at;
		while (at < text.size && text.ptr[at] != ',' && text.ptr[at] != ':' && !is_blank(text.ptr[at]))
			at++;
		item.name_end = at;
		item.value_offset = at;
		item.value = bytes_of(text.ptr + at, 0);
		if (at < text.size && text.ptr[at] == ':')
			at = scan_value(text, at + 1, &item);
		good &= apply(&item, bytes_of(text.ptr + item.offset, item.name_end - item.offset), draft);
		item.offset = at;
		while (at < text.size && is_blank(text.ptr[at]))
			at++;
		if (at < text.size && text.ptr[at] != ',')
			return sec_item_refuse(&item, "actions are separated by commas");
	}
	return good;
}
