// SPDX-License-Identifier: Apache-2.0
/* All directives of ModSecurity v3's reference manual, in alphabetical order: read, left out with a warning, or
 * refused as v3 refuses them. */
#include <stddef.h>
#include <stdio.h>

#include "gate/seclang/internal.h"

enum directive_kind {
	READ, /* by 'read' */
	READ_BY, /* by 'read_by', which learns by what rules are named */
	SET, /* by 'setting' */
	IGNORED, /* 'text' says why */
	REFUSED, /* 'text' says why */
};

struct directive {
	const char *name;
	enum directive_kind kind;
	void (*read)(struct sec_rules *rules, const struct sec_line *line);
	void (*read_by)(struct sec_rules *rules, const struct sec_line *line, enum sec_by by);
	enum sec_by by;
	struct sec_setting setting;
	const char *text;
};

static void read_remote(struct sec_rules *rules, const struct sec_line *line)
{
	const struct sec_arg *last = &line->args[line->arg_count - 1];
	int shown = (int)(last->text.size < 300 ? last->text.size : 300);

	if (rules->remote_warn)
		sec_warn(rules, line, "SecRemoteRules is left out: rules are never fetched");
	else
		sec_error(rules, line, line->end,
			"Failed to download: \"%.*s\". Rules are never fetched; load them from a file", shown,
			(const char *)last->text.ptr);
}

static void read_remote_action(struct sec_rules *rules, const struct sec_line *line)
{
	if (line->arg_count == 2 && sec_same(line->args[1].text, "Warn"))
		rules->remote_warn = true;
	else if (line->arg_count == 2 && sec_same(line->args[1].text, "Abort"))
		rules->remote_warn = false;
	else
		sec_error_rest(rules, line, line->arg_count > 1 ? line->args[1].start : line->start, SEC_INVALID_INPUT,
			"Abort or Warn");
}

static void read_keep_files(struct sec_rules *rules, const struct sec_line *line)
{
	if (line->arg_count == 2 && sec_same(line->args[1].text, "RelevantOnly"))
		sec_error(rules, line, line->end,
			"SecUploadKeepFiles RelevantOnly is not currently supported. Accepted values are On or Off");
	else if (line->arg_count == 2 && sec_same(line->args[1].text, "On"))
		sec_warn(rules, line,
			"SecUploadKeepFiles On is left out: uploaded files are looked at in memory and never kept");
	else if (line->arg_count != 2 || !sec_same(line->args[1].text, "Off"))
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "On or Off");
}

#define SETTING(field) offsetof(struct sec_settings, field)
#define BOOL(name, field)                                                                                              \
	{                                                                                                              \
		name, SET, .setting = { SEC_SET_BOOL, SETTING(field), 0, NULL }                                        \
	}
#define NUMBER(name, set_kind, field, max)                                                                             \
	{                                                                                                              \
		name, SET, .setting = { set_kind, SETTING(field), max, NULL }                                          \
	}
#define WORD(name, field, words)                                                                                       \
	{                                                                                                              \
		name, SET, .setting = { SEC_SET_WORD, SETTING(field), 0, words }                                       \
	}
#define TRUE_WORD(name, field, words)                                                                                  \
	{                                                                                                              \
		name, SET, .setting = { SEC_SET_TRUE_WORD, SETTING(field), 0, words }                                  \
	}
#define TEXT(name, field)                                                                                              \
	{                                                                                                              \
		name, SET, .setting = { SEC_SET_TEXT, SETTING(field), 0, NULL }                                        \
	}
#define CALL(name, function)                                                                                           \
	{                                                                                                              \
		name, READ, .read = function                                                                           \
	}
#define CALL_BY(name, function, what)                                                                                  \
	{                                                                                                              \
		name, READ_BY, .read_by = function, .by = what                                                         \
	}
#define IGNORE(name, why)                                                                                              \
	{                                                                                                              \
		name, IGNORED, .text = why                                                                             \
	}
#define REFUSE(name, why)                                                                                              \
	{                                                                                                              \
		name, REFUSED, .text = why                                                                             \
	}

#define NO_UPLOADS  "uploaded files are looked at in memory and never written"
#define NO_FETCHING "no other service is asked"

static const struct directive directives[] = {
	CALL("Include", sec_read_include),
	CALL("SecAction", sec_read_action),
	CALL("SecArgumentSeparator", sec_read_separator),
	NUMBER("SecArgumentsLimit", SEC_SET_U32, args_max, UINT32_MAX),
	WORD("SecAuditEngine", audit, "Off On RelevantOnly"),
	TEXT("SecAuditLog", audit_log),
	TEXT("SecAuditLog2", audit_log2),
	NUMBER("SecAuditLogDirMode", SEC_SET_OCTAL, audit_dir_mode, 07777),
	NUMBER("SecAuditLogFileMode", SEC_SET_OCTAL, audit_file_mode, 07777),
	TRUE_WORD("SecAuditLogFormat", audit_json, "Native JSON"),
	CALL("SecAuditLogParts", sec_read_audit_parts),
	CALL("SecAuditLogRelevantStatus", sec_read_audit_status),
	TEXT("SecAuditLogStorageDir", audit_dir),
	TRUE_WORD("SecAuditLogType", audit_concurrent, "Serial Concurrent Parallel"),
	REFUSE("SecCacheTransformations", "not supported."),
	REFUSE("SecChrootDir", "not supported."),
	NUMBER("SecCollectionTimeout", SEC_SET_U32, collection_timeout_s, UINT32_MAX),
	CALL("SecComponentSignature", sec_read_component),
	REFUSE("SecConnEngine", "not yet supported."),
	REFUSE("SecConnReadStateLimit", "not yet supported."),
	REFUSE("SecConnWriteStateLimit", "not yet supported."),
	REFUSE("SecContentInjection", "not yet supported."),
	CALL("SecCookieFormat", sec_read_cookie_format),
	REFUSE("SecCookieV0Separator", "not yet supported."),
	TEXT("SecDataDir", data_dir),
	TEXT("SecDebugLog", debug_log),
	NUMBER("SecDebugLogLevel", SEC_SET_U8, debug_level, 255),
	CALL("SecDefaultAction", sec_read_default_action),
	REFUSE("SecDisableBackendCompression", "not supported."),
	CALL("SecGeoLookupDb", sec_read_geo_db),
	REFUSE("SecGsbLookupDb", "not supported."),
	REFUSE("SecGuardianLog", "not supported."),
	REFUSE("SecHashEngine", "not yet supported."),
	REFUSE("SecHashKey", "not yet supported."),
	REFUSE("SecHashMethodPm", "not yet supported."),
	REFUSE("SecHashMethodRx", "not yet supported."),
	REFUSE("SecHashParam", "not yet supported."),
	IGNORE("SecHttpBlKey", NO_FETCHING),
	REFUSE("SecInterceptOnError", "not yet supported."),
	CALL("SecMarker", sec_read_marker),
	WORD("SecParseXmlIntoArgs", xml_into_args, "Off On OnlyArgs"),
	NUMBER("SecPcreMatchLimit", SEC_SET_U32, steps_max, UINT32_MAX),
	NUMBER("SecPcreMatchLimitRecursion", SEC_SET_U32, depth_max, UINT32_MAX),
	CALL("SecRemoteRules", read_remote),
	CALL("SecRemoteRulesFailAction", read_remote_action),
	BOOL("SecRequestBodyAccess", request_body_access),
	REFUSE("SecRequestBodyInMemoryLimit", "no longer supported as of ModSecurity version 3.0. Instead, you can use "
					      "your web server configurations to control "
					      "those values. ModSecurity will follow the web server decision."),
	NUMBER("SecRequestBodyJsonDepthLimit", SEC_SET_U32, json_depth_max, UINT32_MAX),
	NUMBER("SecRequestBodyLimit", SEC_SET_U64, request_body_limit, UINT64_MAX),
	TRUE_WORD("SecRequestBodyLimitAction", request_body_partial, "Reject ProcessPartial"),
	NUMBER("SecRequestBodyNoFilesLimit", SEC_SET_U64, request_body_no_files_limit, UINT64_MAX),
	BOOL("SecResponseBodyAccess", response_body_access),
	NUMBER("SecResponseBodyLimit", SEC_SET_U64, response_body_limit, UINT64_MAX),
	TRUE_WORD("SecResponseBodyLimitAction", response_body_partial, "Reject ProcessPartial"),
	CALL("SecResponseBodyMimeType", sec_read_mime_types),
	CALL("SecResponseBodyMimeTypesClear", sec_read_mime_types),
	CALL("SecRule", sec_read_rule),
	WORD("SecRuleEngine", mode, "Off On DetectionOnly"),
	REFUSE("SecRuleInheritance", "not yet supported."),
	REFUSE("SecRulePerfTime", "not yet supported."),
	CALL_BY("SecRuleRemoveById", sec_read_remove, SEC_BY_ID),
	CALL_BY("SecRuleRemoveByMsg", sec_read_remove, SEC_BY_MSG),
	CALL_BY("SecRuleRemoveByTag", sec_read_remove, SEC_BY_TAG),
	REFUSE("SecRuleScript", "not supported: rules start no programs or scripts here."),
	CALL("SecRuleUpdateActionById", sec_read_update_action),
	CALL_BY("SecRuleUpdateTargetById", sec_read_update_target, SEC_BY_ID),
	CALL_BY("SecRuleUpdateTargetByMsg", sec_read_update_target, SEC_BY_MSG),
	CALL_BY("SecRuleUpdateTargetByTag", sec_read_update_target, SEC_BY_TAG),
	REFUSE("SecSensorId", "not yet supported."),
	REFUSE("SecServerSignature", "not supported."),
	IGNORE("SecStatusEngine", NO_FETCHING),
	REFUSE("SecStreamInBodyInspection", "not supported."),
	REFUSE("SecStreamOutBodyInspection", "not supported."),
	IGNORE("SecTmpDir", NO_UPLOADS),
	IGNORE("SecTmpSaveUploadedFiles", NO_UPLOADS),
	CALL("SecUnicodeMapFile", sec_read_unicode_map),
	IGNORE("SecUploadDir", NO_UPLOADS),
	NUMBER("SecUploadFileLimit", SEC_SET_U32, files_max, UINT32_MAX),
	IGNORE("SecUploadFileMode", NO_UPLOADS),
	CALL("SecUploadKeepFiles", read_keep_files),
	TEXT("SecWebAppId", web_app_id),
	BOOL("SecXmlExternalEntity", xml_external_entity),
};

static const struct directive *find(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_COUNT(directives); i++)
		if (sec_same(name, directives[i].name))
			return &directives[i];
	return NULL;
}

static void warn_once(struct sec_rules *rules, const struct sec_line *line, const struct directive *directive)
{
	uint64_t index = (uint64_t)(directive - directives);
	bool created;

	if (!table_insert(rules->warned, &index, &created))
		rules->no_memory = true;
	else if (created)
		sec_warn(rules, line, "%s is left out: %s", directive->name, directive->text);
}

void sec_directive_read(struct sec_rules *rules, const struct sec_line *line)
{
	const struct directive *directive = find(line->args[0].text);

	if (!directive || line->args[0].quoted) {
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT, "there is no directive of this name");
		return;
	}
	if (line->excess) {
		sec_error(rules, line, line->excess, "%s has more than %d arguments", directive->name, SEC_ARGS_MAX);
		return;
	}
	switch (directive->kind) {
	case READ:
		directive->read(rules, line);
		return;
	case READ_BY:
		directive->read_by(rules, line, directive->by);
		return;
	case SET:
		if (!sec_setting_read(rules, line, &directive->setting) && line->arg_count < 2)
			sec_error(rules, line, line->end, "syntax error, unexpected end of line: %s takes a value",
				directive->name);
		return;
	case IGNORED:
		warn_once(rules, line, directive);
		return;
	case REFUSED:
		sec_error(rules, line, line->end, "%s is %s", directive->name, directive->text);
		return;
	}
}
