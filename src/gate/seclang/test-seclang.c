// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "gate/seclang/rules.h"

/* Loads 'text' and finishes; what both calls say, the first error before others. */
static int load(struct sec_rules *rules, const char *text)
{
	int loaded = sec_rules_load_text(rules, bytes_from_str(text), "t.conf"), finished = sec_rules_finish(rules);

	return loaded < 0 ? loaded : finished;
}

static bool says(const struct sec_rules *rules, const char *wanted)
{
	size_t count;
	const struct sec_message *messages = sec_rules_messages(rules, &count);
	char text[1200];

	for (size_t i = 0; i < count; i++) {
		sec_message_format(&messages[i], text, sizeof(text));
		if (strstr(text, wanted))
			return true;
	}
	return false;
}

/* A set with 'text' loaded without a mistake. */
static struct sec_rules *good(const char *text)
{
	struct sec_rules *rules = sec_rules_new();

	assert_non_null(rules);
	if (load(rules, text) != 0) {
		size_t count;
		const struct sec_message *messages = sec_rules_messages(rules, &count);

		fail_msg("%s\n%s", text, count ? messages[0].text : "no message");
	}
	return rules;
}

static const struct sec_rule *rule_at(const struct sec_rules *rules, size_t index)
{
	size_t count;
	struct sec_rule *const *list = sec_rules_list(rules, &count);

	assert_true(index < count);
	return list[index];
}

static const struct {
	const char *text, *message; /* no message: it loads */
} texts[] = {
	{ "SecRule ARGS \"@rx x\" \"id:1\"", NULL },
	{ "secrule args:a \"x\" \"ID:1,PHASE:1,LOG\"", NULL },
	{ "# a comment \\\nSecAction \"id:1\"\n\n  # another", NULL },
	{ "SecAction \"id:1,\\\n  phase:2,\\\r\n\tlog\" # behind it", NULL },
	{ "SecRule ARGS \"@rx a\" \"id:1,phase:1,block", NULL },
	{ "SecRule ARGS:'/a b|c/'|ARGS:/^(a|b)$/ x \"id:1\"", NULL },
	{ "SecAction \"id:1,chain\"\nSecRule ARGS x \"t:none\"", NULL },
	{ "SecAction \"id:'1',phase:'2',severity:'CRITICAL',maturity:'9',msg:'a, \\'b\\'',tag:x y\"", NULL },
	{ "SecTmpDir /tmp\nSecHttpBlKey x\nSecUploadKeepFiles On", NULL },
	{ "SecAction \"id:1,skipAfter:NOWHERE\"", NULL },
	{ "SecRuleEngine On\nSecRule ARGS \"@rx (value1)\" \"id:-1,phase:2,pass,t:trim\"",
		"Rules error. File: t.conf. Line: 2. Column: 56. Expecting an action, got:  "
		"id:-1,phase:2,pass,t:trim\"" },
	{ "\nSecRule ARGS \"@rx (value1)\" \"id:'1,phase:2,pass,t:trim\"",
		"Line: 2. Column: 56. Expecting an action, got:  id:'1,phase:2,pass,t:trim\"" },
	{ "SecRule ARGS x \"id:1',phase:2\"", "Expecting an action, got:  ',phase:2\"" },
	{ "SecAction \"id:99999999999999999999\"",
		"The input \"99999999999999999999\" does not seems to be a valid rule id." },
	{ "SecAction \\\n\"id:1,\\\nfoo,\\\nlog\"", "Line: 3. Column: 6. Expecting an action, got:  foo,\\" },
	{ "SecRule ARGS x \"id:1\" extra", "Line: 1. Column: 28. Invalid input:  extra" },
	{ "SecRule ARGS \"@contains x\" ops \"id:1\"", "Expecting an action, got:  ops \"id:1\"" },
	{ "SecRule ARGS x", "Rules must have an ID. File: t.conf at line: 1" },
	{ "SecRule ARGS x \"id:40\"\nSecRule ARGS x \"id:40\"", "Line: 2. Column: 22. Rule id: 40 is duplicated" },
	{ "secrule WEBSERVER_ERROR_LOG \"@contains test\" \"id:1\"",
		"Line: 1. Column: 27. Variable VARIABLE_WEBSERVER_ERROR_LOG is not supported by libModSecurity" },
	{ "SecRule FOO x \"id:1\"", "Expecting a variable, got:  :  FOO x \"id:1\"" },
	{ "SecRule REMOTE_ADDR:x x \"id:1\"", "Expecting a variable, got:  :  :x x \"id:1\"" },
	{ "SecRule ARGS| x \"id:1\"", "Expecting a variable" },
	{ "SecRule ARGS:/(/ x \"id:1\"", "The pattern /(/ cannot be used" },
	{ "SecRule ARGS \"@nothing x\" \"id:1\"", "There is no operator @nothing" },
	{ "SecRule ARGS \"@rx (\" \"id:1\"", "Line: 1. @rx: " },
	{ "SecRule ARGS \"@within %{foo}\" \"id:1\"", "Expecting a variable, got:  :  foo}\"" },
	{ "SecAction \"id:1,msg:'%{tx'\"", "Expecting a variable, got:  :  tx'\"" },
	{ "SecAction \"id:1,msg:'\\%{tx %{TX.a} %{unique_id}'\"", NULL },
	{ "SecRule ARGS x \"id:1,chain,deny\"\nSecRule ARGS x \"pass\"",
		"Disruptive actions can only be specified by chain starter rules." },
	{ "SecDefaultAction \"phase:2,t:none\"",
		"The transformation none is not suitable to be part of the SecDefaultActions" },
	{ "SecDefaultAction \"phase:2,id:1,pass\"",
		"The action 'id' is not suitable to be part of the SecDefaultActions" },
	{ "SecDefaultAction \"phase:2,log\"", "SecDefaultAction must specify a disruptive action." },
	{ "SecDefaultAction \"phase:2,pass\"\nSecDefaultAction \"phase:2,deny\"",
		"can only be placed once per phase and configuration context. Phase 2 was informed already." },
	{ "SecAction \"id:1,xmlns:soap'http://x'\"", "XMLS: Bad format, missing equals sign" },
	{ "SecAction \"id:1,xmlns:=\"", "XMLS: XMLNS is invalid. Expecting a name=value format." },
	{ "SecAction \"id:1,xmlns:a='b/c'\"", "XMLS: Missing xmlns href for prefix: `b/c'." },
	{ "SecAction \"id:1,pause:5\"", "Action: Pause is not yet supported." },
	{ "SecAction \"id:1,exec:/bin/true\"", "exec: /bin/true" },
	{ "SecAction \"id:1,phase:6\"", "Unknown phase: 6" },
	{ "SecAction \"id:1,deny:1\"", "Expecting an action, got:  :1\"" },
	{ "SecAction \"id:1,msg:'a'b\"", "Expecting an action, got:  b\"" },
	{ "SecAction \"id:1,log nolog\"", "Expecting an action, got:   nolog\"" },
	{ "SecAction \"id:1,t:foo\"", "Expecting an action, got:  t:foo\"" },
	{ "SecAction \"id:1,setvar:env.a=1\"", "Expecting an action, got:  env.a=1\"" },
	{ "SecAction \"id:1,initcol:session=1\"", "Something wrong with initcol" },
	{ "SecAction \"id:1,ctl:ruleEngine=x\"", "Expecting an action, got:  x\"" },
	{ "SecAction \"id:1,ctl:foo=1\"", "Expecting an action, got:  ctl:foo=1\"" },
	{ "SecAction \"id:1,ctl:ruleRemoveById=9-5\"", "Invalid range: 9-5" },
	{ "SecAction \"id:1,ctl:ruleRemoveTargetById=1\"", "1 is not a valid `ID;VARIABLE'" },
	{ "SecAction \"id:1,ctl:ruleRemoveTargetByTag=a\"", "a is not a valid `TAG;VARIABLE'" },
	{ "SecRemoteRules key https://example.org/rules", "Failed to download" },
	{ "SecRemoteRulesFailAction Warn\nSecRemoteRules key https://example.org/rules", NULL },
	{ "SecUnicodeMapFile um dois does-not-exist 20127",
		"Failed to locate the unicode map file from: um dois does-not-exist" },
	{ "SecUnicodeMapFile does-not-exist eita", "Invalid input:  SecUnicodeMapFile does-not-exist eita" },
	{ "SecChrootDir /x", "SecChrootDir is not supported." },
	{ "SecRuleEngine Foo", "Line: 1. Column: 18. Invalid input:  Foo" },
	{ "SecRequestBodyLimit x", "Invalid input:  SecRequestBodyLimit x" },
	{ "SecFoo bar", "Line: 1. Column: 11. Invalid input:  SecFoo bar" },
	{ "Include does-not-exist.conf", "Line: 1. Column: 27. does-not-exist.conf: Not able to open file." },
	{ "SecRuleRemoveById 1 abc", "SecRuleRemoveById: failed to load:1 abc. Not a number or range: abc" },
	{ "SecRuleUpdateTargetById abc !ARGS", "The input \"abc\" does not seems to be a valid rule id." },
	{ "SecRuleUpdateActionById 1 foo", "Expecting an action, got:  foo" },
};

static void test_texts(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct sec_rules *rules = sec_rules_new();
		int error = load(rules, texts[i].text);

		if (error != (texts[i].message ? LUYTRE_E_SYNTAX : 0) ||
			(texts[i].message && !says(rules, texts[i].message)))
			fail_msg("%zu: %s: %d", i, texts[i].text, error);
		sec_rules_free(rules);
	}
}

static const struct {
	const char *text;
	size_t count;
	struct sec_target last; /* of the list */
	const char *selector;
} targets[] = {
	{ "ARGS", 1, { .variable = VARIABLE_ARGS }, "" },
	{ "\"ARGS|REQUEST_BODY\"", 2, { .variable = VARIABLE_REQUEST_BODY }, "" },
	{ "ARGS,!args:token", 2, { .variable = VARIABLE_ARGS, .select = SEC_SELECT_NAME, .exclude = true }, "token" },
	{ "&REQUEST_HEADERS:User-Agent", 1,
		{ .variable = VARIABLE_REQUEST_HEADERS, .select = SEC_SELECT_NAME, .count = true }, "User-Agent" },
	{ "TX:/^score_/", 1, { .variable = VARIABLE_TX, .select = SEC_SELECT_REGEX }, "^score_" },
	{ "ARGS|ARGS:'/a|b c/'", 2, { .variable = VARIABLE_ARGS, .select = SEC_SELECT_REGEX }, "a|b c" },
	{ "ARGS:/^(a|b)$/|TX.x", 2, { .variable = VARIABLE_TX, .select = SEC_SELECT_NAME }, "x" },
	{ "TX:a.b", 1, { .variable = VARIABLE_TX, .select = SEC_SELECT_NAME }, "a.b" },
	{ "TX:%{ARGS.a}", 1, { .variable = VARIABLE_TX, .select = SEC_SELECT_MACRO }, "%{ARGS.a}" },
	{ "XML:/*", 1, { .variable = VARIABLE_XML, .select = SEC_SELECT_NAME }, "/*" },
	{ "ARGS|XML://@*", 2, { .variable = VARIABLE_XML, .select = SEC_SELECT_NAME }, "//@*" },
	{ "XML:/soap:Envelope/a[contains(.,'|')]|ARGS|XML:/b", 3,
		{ .variable = VARIABLE_XML, .select = SEC_SELECT_NAME }, "/b" },
	{ "MULTIPART_SEMICOLON_MISSING", 1, { .variable = VARIABLE_MULTIPART_MISSING_SEMICOLON }, "" },
};

static void test_targets(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
		char text[256];
		struct sec_rules *rules;
		const struct sec_target *last;

		snprintf(text, sizeof(text), "SecRule %s \"@rx x\" \"id:1\"", targets[i].text);
		rules = good(text);
		assert_int_equal(rule_at(rules, 0)->target_count, targets[i].count);
		last = &rule_at(rules, 0)->targets[targets[i].count - 1];
		assert_int_equal(last->variable, targets[i].last.variable);
		assert_int_equal(last->select, targets[i].last.select);
		assert_int_equal(last->exclude, targets[i].last.exclude);
		assert_int_equal(last->count, targets[i].last.count);
		assert_true(bytes_equal_str(last->selector, targets[i].selector));
		assert_int_equal(last->regex != NULL, last->select == SEC_SELECT_REGEX);
		sec_rules_free(rules);
	}
}

#define BOTH (SEC_LOG | SEC_AUDITLOG)

static const struct {
	const char *defaults, *actions;
	enum sec_disruptive disruptive;
	unsigned int status;
	uint32_t log; /* of SEC_LOG and SEC_AUDITLOG */
	const char *transforms;
} resolved[] = {
	{ "", "t:lowercase,t:none,t:trim", SEC_PASS, 403, BOTH, "trim " },
	{ "", "block", SEC_PASS, 403, BOTH, "" },
	{ "", "deny,nolog", SEC_DENY, 403, 0, "" },
	{ "", "nolog,auditlog", SEC_PASS, 403, SEC_AUDITLOG, "" },
	{ "", "log,noauditlog", SEC_PASS, 403, SEC_LOG, "" },
	{ "", "redirect:'http://x/,y'", SEC_REDIRECT, 302, BOTH, "" },
	{ "", "allow:request", SEC_ALLOW_REQUEST, 403, BOTH, "" },
	{ "", "pass,deny", SEC_DENY, 403, BOTH, "" },
	{ "phase:1,deny,status:404,nolog,t:lowercase", "t:trim", SEC_PASS, 404, 0, "lowercase trim " },
	{ "phase:1,deny,status:404", "block", SEC_DENY, 404, BOTH, "" },
	{ "phase:1,deny,status:404", "block,pass", SEC_PASS, 404, BOTH, "" },
	{ "phase:1,deny,status:404", "deny,status:405,block", SEC_DENY, 405, BOTH, "" },
	{ "phase:1,redirect:'http://x/'", "block,status:301", SEC_REDIRECT, 301, BOTH, "" },
	{ "phase:1,nolog,pass,t:lowercase", "log,t:none", SEC_PASS, 403, BOTH, "" },
	{ "phase:2,deny", "block", SEC_PASS, 403, BOTH, "" },
};

static void test_defaults(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(resolved); i++) {
		char text[512], names[256] = "";
		struct sec_rules *rules;
		const struct sec_rule *rule;

		/* The default may stand behind the rule. */
		snprintf(text, sizeof(text), "SecRule ARGS x \"id:1,phase:1,%s\"\n%s%s%s", resolved[i].actions,
			resolved[i].defaults[0] ? "SecDefaultAction \"" : "", resolved[i].defaults,
			resolved[i].defaults[0] ? "\"" : "");
		rules = good(text);
		rule = rule_at(rules, 0);
		for (size_t j = 0; j < rule->transform_count; j++) {
			size_t used = strlen(names);

			snprintf(names + used, sizeof(names) - used, "%s ", rule->transforms[j]->name);
		}
		assert_int_equal(rule->disruptive, resolved[i].disruptive);
		assert_int_equal(rule->status, resolved[i].status);
		assert_int_equal(rule->flags & BOTH, resolved[i].log);
		assert_string_equal(names, resolved[i].transforms);
		sec_rules_free(rules);
	}
}

static const struct {
	const char *text;
	enum sec_setvar setvar;
	enum variable collection;
	const char *name, *value;
} setvars[] = {
	{ "setvar:tx.a", SEC_SETVAR_SET, VARIABLE_TX, "a", "1" },
	{ "setvar:TX.a=b c", SEC_SETVAR_SET, VARIABLE_TX, "a", "b c" },
	{ "setvar:'tx.a=b, c'", SEC_SETVAR_SET, VARIABLE_TX, "a", "b, c" },
	{ "setvar:!tx.a", SEC_SETVAR_UNSET, VARIABLE_TX, "a", "" },
	{ "setvar:'!ip.a'", SEC_SETVAR_UNSET, VARIABLE_IP, "a", "" },
	{ "setvar:session.a=+1", SEC_SETVAR_ADD, VARIABLE_SESSION, "a", "1" },
	{ "setvar:tx.a=-%{tx.b}", SEC_SETVAR_SUBTRACT, VARIABLE_TX, "a", "%{tx.b}" },
	{ "setvar:tx.%{rule.id}-x-%{matched_var_name}=%{matched_var}", SEC_SETVAR_SET, VARIABLE_TX,
		"%{rule.id}-x-%{matched_var_name}", "%{matched_var}" },
	{ "setvar:'tx.a=c=d'", SEC_SETVAR_SET, VARIABLE_TX, "a", "c=d" },
};

static void test_setvar(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(setvars); i++) {
		char text[256];
		struct sec_rules *rules;
		const struct sec_action *action;

		snprintf(text, sizeof(text), "SecAction \"id:1,%s,nolog\"", setvars[i].text);
		rules = good(text);
		assert_int_equal(rule_at(rules, 0)->action_count, 1);
		action = rule_at(rules, 0)->actions;
		assert_int_equal(action->kind, SEC_ACTION_SETVAR);
		assert_int_equal(action->setvar, setvars[i].setvar);
		assert_int_equal(action->collection, setvars[i].collection);
		assert_true(bytes_equal_str(action->name, setvars[i].name));
		assert_true(bytes_equal_str(action->value, setvars[i].value));
		sec_rules_free(rules);
	}
}

static void test_ctl(void **state)
{
	struct sec_rules *rules =
		good("SecAction \"id:1,ctl:ruleRemoveById=5-7,ctl:ruleRemoveTargetById=9;ARGS:'/a,b/',"
		     "ctl:ruleRemoveTargetByTag=attack x;REQUEST_COOKIES,CTL:RULEENGINE=off,ctl:ruleRemoveByMsg=m\"");
	const struct sec_action *actions = rule_at(rules, 0)->actions;

	assert_int_equal(rule_at(rules, 0)->action_count, 5);
	assert_int_equal(actions[0].ctl, SEC_CTL_RULE_REMOVE_BY_ID);
	assert_int_equal(actions[0].ranges[0].first, 5);
	assert_int_equal(actions[0].ranges[0].last, 7);
	assert_int_equal(actions[1].ranges[0].last, 9);
	assert_int_equal(actions[1].target->select, SEC_SELECT_REGEX);
	assert_true(bytes_equal_str(actions[1].target->selector, "a,b"));
	assert_true(bytes_equal_str(actions[2].pattern, "attack x"));
	assert_int_equal(actions[2].target->variable, VARIABLE_REQUEST_COOKIES);
	assert_int_equal(actions[3].ctl, SEC_CTL_RULE_ENGINE);
	assert_true(bytes_equal_str(actions[3].value, "off"));
	assert_true(bytes_equal_str(actions[4].pattern, "m"));
	sec_rules_free(rules);
}

static const char updates_text[] = "SecRuleRemoveById 2 10-19\n"
				   "SecRule ARGS x \"id:1,tag:a,msg:'one'\"\n"
				   "SecRule ARGS x \"id:2\"\n"
				   "SecRule ARGS x \"id:3,tag:b,tag:gone\"\n"
				   "SecRule ARGS x \"id:4,msg:'leave me'\"\n"
				   "SecRule ARGS x \"id:15\"\n"
				   "SecMarker END\n"
				   "SecRule ARGS x \"id:5,chain,skipAfter:END\"\n"
				   "SecRule ARGS x \"t:none\"\n"
				   "SecRuleRemoveByTag gone\n"
				   "SecRuleRemoveByMsg \"leave me\"\n"
				   "SecRuleUpdateTargetById 1 \"!ARGS:q|REQUEST_BODY\"\n"
				   "SecRuleUpdateTargetById 5:1 TX:a\n"
				   "SecRuleUpdateTargetByTag a !ARGS:r\n"
				   "SecRuleUpdateTargetByMsg one !ARGS:s\n"
				   "SecRuleUpdateActionById 1 \"deny,status:444,msg:'new',tag:z,id:77\"\n";

static void test_updates(void **state)
{
	struct sec_rules *rules = good(updates_text);
	const struct sec_removed *removed;
	const struct sec_rule *rule = rule_at(rules, 0);
	size_t count;

	assert_int_equal(rule->id, 1);
	assert_int_equal(rule->target_count, 5);
	assert_true(rule->targets[1].exclude && rule->targets[3].exclude && rule->targets[4].exclude);
	assert_int_equal(rule->targets[2].variable, VARIABLE_REQUEST_BODY);
	assert_int_equal(rule->disruptive, SEC_DENY);
	assert_int_equal(rule->status, 444);
	assert_true(bytes_equal_str(rule->msg, "new"));
	assert_int_equal(rule->tag_count, 2);
	assert_int_equal(rule_at(rules, 1)->kind, SEC_MARKER);
	assert_true(bytes_equal_str(rule_at(rules, 1)->marker, "END"));
	rule = rule_at(rules, 2);
	assert_int_equal(rule->id, 5);
	assert_int_equal(rule->target_count, 1);
	assert_int_equal(rule->chain->target_count, 2);
	assert_null(rule->chain->chain);
	assert_true(bytes_equal_str(rule->text, "SecRule ARGS x \"id:5,chain,skipAfter:END\""));
	assert_int_equal(rule->line, 8);
	(void)sec_rules_list(rules, &count);
	assert_int_equal(count, 3);
	removed = sec_rules_removed(rules, &count);
	assert_int_equal(count, 4);
	assert_string_equal(removed[1].directive, "SecRuleRemoveByTag");
	assert_int_equal(removed[1].id, 3);
	assert_true(says(rules, "SecRuleUpdateActionById cannot change id"));
	sec_rules_free(rules);
}

static void test_settings(void **state)
{
	struct sec_rules *rules =
		good("SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecRequestBodyLimit 100\n"
		     "SecRequestBodyLimitAction ProcessPartial\nSecResponseBodyMimeType Text/XML a/b\n"
		     "SecAuditLogType Parallel\nSecAuditLogParts ABz\nSecAuditLogDirMode 0766\n"
		     "SecAuditLogRelevantStatus \"^(?:5|4(?!04))\"\nSecArgumentSeparator \";\"\n"
		     "SecComponentSignature \"a/1\"\nSecComponentSignature \"b/2\"\nSecWebAppId \"x\"\n"
		     "SecArgumentsLimit 99999999999999999999\nSecParseXmlIntoArgs OnlyArgs\n");
	const struct sec_settings *settings = sec_rules_settings(rules);

	assert_int_equal(settings->mode, SEC_DETECTION_ONLY);
	assert_true(settings->request_body_access && settings->request_body_partial && settings->audit_concurrent);
	assert_true(settings->response_body_access);
	assert_int_equal(settings->request_body_limit, 100);
	assert_int_equal(settings->response_body_limit, 524288);
	assert_int_equal(settings->response_mime_type_count, 2);
	assert_true(bytes_equal_str(settings->response_mime_types[0], "text/xml"));
	assert_int_equal(settings->audit_parts, 1 | 2 | 1 << 25);
	assert_int_equal(settings->audit_dir_mode, 0766);
	assert_non_null(settings->audit_status);
	assert_int_equal(settings->args_separator, ';');
	assert_int_equal(settings->args_max, UINT32_MAX);
	assert_int_equal(settings->xml_into_args, SEC_XML_ARGS_ONLY);
	assert_true(bytes_equal_str(settings->component, "a/1 b/2"));
	sec_rules_free(rules);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/test-seclang-XXXXXX", path[256];
	struct sec_rules *rules;
	size_t count;

	assert_non_null(mkdtemp(folder));
	write_file(folder, "b.conf", "SecAction \"id:2\"\nInclude sub*.rules\n");
	write_file(folder, "a.conf", "SecAction \"id:1\"\n");
	write_file(folder, "sub1.rules", "SecAction \"id:3\"");
	write_file(folder, "sub2.rules", "\nSecAction \"id:4,foo\"");
	write_file(folder, "loop.rules", "Include loop.rules\n");

	rules = sec_rules_new();
	assert_int_equal(sec_rules_load_file(rules, folder), LUYTRE_E_SYNTAX);
	snprintf(path, sizeof(path), "%s/sub2.rules. Line: 2. Column: 21. Expecting an action, got:  foo\"", folder);
	assert_true(says(rules, path));
	assert_int_equal(sec_rules_finish(rules), LUYTRE_E_SYNTAX);
	(void)sec_rules_list(rules, &count);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(rule_at(rules, i)->id, i + 1);
	sec_rules_free(rules);

	rules = sec_rules_new();
	snprintf(path, sizeof(path), "%s/loop.rules", folder);
	assert_int_equal(sec_rules_load_file(rules, path), LUYTRE_E_SYNTAX);
	assert_true(says(rules, "There are too many files inside files"));
	snprintf(path, sizeof(path), "%s/nothing", folder);
	assert_int_equal(sec_rules_load_file(rules, path), LUYTRE_E_NOT_FOUND);
	sec_rules_forbid_files(rules);
	assert_int_equal(sec_rules_load_text(rules, bytes_from_str("Include /etc/passwd"), "x"), LUYTRE_E_SYNTAX);
	assert_true(says(rules, "Include is forbidden here"));
	sec_rules_free(rules);

	remove_file(folder, "a.conf");
	remove_file(folder, "b.conf");
	remove_file(folder, "sub1.rules");
	remove_file(folder, "sub2.rules");
	remove_file(folder, "loop.rules");
	assert_int_equal(rmdir(folder), 0);
}

static void test_variables(void **state)
{
	for (int i = 0; i < VARIABLE_COUNT; i++)
		assert_int_equal(variable_find(bytes_from_str(variables[i].name)), i);
	assert_int_equal(variable_find(bytes_from_str("matched_vars_names")), VARIABLE_MATCHED_VARS_NAMES);
	assert_int_equal(variable_find(bytes_from_str("ARG")), VARIABLE_COUNT);
	assert_int_equal(variable_find(bytes_from_str("ARGSX")), VARIABLE_COUNT);
	assert_int_equal(variable_find((struct bytes){ 0 }), VARIABLE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_setvar),
		cmocka_unit_test(test_ctl),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
