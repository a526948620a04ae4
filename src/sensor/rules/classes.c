// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/classes.h"

#include "base/error.h"
#include "sensor/rules/text.h"

struct reference {
	struct reference *next;
	const char *kind, *prefix;
};

struct rule_classes {
	struct arena *arena;
	struct rule_class items[RULE_CLASSES_MAX];
	uint16_t count;
	struct reference *references;
};

/* The names and texts that public rule sets and the readers of EVE expect. */
static const struct {
	const char *name, *text;
	uint8_t priority;
} built_in[] = {
	{ "not-suspicious", "Not Suspicious Traffic", 3 },
	{ "unknown", "Unknown Traffic", 3 },
	{ "bad-unknown", "Potentially Bad Traffic", 2 },
	{ "attempted-recon", "Attempted Information Leak", 2 },
	{ "successful-recon-limited", "Information Leak", 2 },
	{ "successful-recon-largescale", "Large Scale Information Leak", 2 },
	{ "attempted-dos", "Attempted Denial of Service", 2 },
	{ "successful-dos", "Denial of Service", 2 },
	{ "attempted-user", "Attempted User Privilege Gain", 1 },
	{ "unsuccessful-user", "Unsuccessful User Privilege Gain", 1 },
	{ "successful-user", "Successful User Privilege Gain", 1 },
	{ "attempted-admin", "Attempted Administrator Privilege Gain", 1 },
	{ "successful-admin", "Successful Administrator Privilege Gain", 1 },
	{ "rpc-portmap-decode", "Decode of an RPC Query", 2 },
	{ "shellcode-detect", "Executable code was detected", 1 },
	{ "string-detect", "A suspicious string was detected", 3 },
	{ "suspicious-filename-detect", "A suspicious filename was detected", 2 },
	{ "suspicious-login", "An attempted login using a suspicious username was detected", 2 },
	{ "system-call-detect", "A system call was detected", 2 },
	{ "tcp-connection", "A TCP connection was detected", 4 },
	{ "trojan-activity", "A Network Trojan was detected", 1 },
	{ "unusual-client-port-connection", "A client was using an unusual port", 2 },
	{ "network-scan", "Detection of a Network Scan", 3 },
	{ "denial-of-service", "Detection of a Denial of Service Attack", 2 },
	{ "non-standard-protocol", "Detection of a non-standard protocol or event", 2 },
	{ "protocol-command-decode", "Generic Protocol Command Decode", 3 },
	{ "web-application-activity", "access to a potentially vulnerable web application", 2 },
	{ "web-application-attack", "Web Application Attack", 1 },
	{ "misc-activity", "Misc activity", 3 },
	{ "misc-attack", "Misc Attack", 2 },
	{ "icmp-event", "Generic ICMP event", 3 },
	{ "inappropriate-content", "Inappropriate Content was Detected", 1 },
	{ "policy-violation", "Potential Corporate Privacy Violation", 1 },
	{ "default-login-attempt", "Attempt to login by a default username and password", 2 },
	{ "targeted-activity", "Targeted Malicious Activity was Detected", 1 },
	{ "exploit-kit", "Exploit Kit Activity Detected", 1 },
	{ "external-ip-check", "Device Retrieving External IP Address Detected", 2 },
	{ "domain-c2", "Domain Observed Used for C2 Detected", 1 },
	{ "pup-activity", "Possibly Unwanted Program Detected", 2 },
	{ "credential-theft", "Successful Credential Theft Detected", 1 },
	{ "social-engineering", "Possible Social Engineering Attempted", 2 },
	{ "coin-mining", "Crypto Currency Mining Activity Detected", 2 },
	{ "command-and-control", "Malware Command and Control Activity Detected", 1 },
};

static const struct {
	const char *kind, *prefix;
} built_in_references[] = {
	{ "cve", "https://cve.mitre.org/cgi-bin/cvename.cgi?name=" },
	{ "url", "https://" },
	{ "bugtraq", "https://www.securityfocus.com/bid/" },
	{ "bid", "https://www.securityfocus.com/bid/" },
	{ "nessus", "https://www.tenable.com/plugins/nessus/" },
	{ "mcafee", "https://vil.nai.com/vil/content/v_" },
	{ "md5", "https://www.threatexpert.com/report.aspx?md5=" },
	{ "secunia", "https://www.secunia.com/advisories/" },
	{ "arachnids", "https://www.whitehats.com/info/IDS" },
	{ "exploitdb", "https://www.exploit-db.com/exploits/" },
	{ "msft", "https://technet.microsoft.com/security/bulletin/" },
	{ "et", "https://doc.emergingthreats.net/" },
	{ "etpro", "https://doc.emergingthreatspro.com/" },
};

struct rule_classes *rule_classes_new(struct arena *arena)
{
	struct rule_classes *classes = arena_alloc(arena, sizeof(*classes));

	if (classes)
		classes->arena = arena;
	return classes;
}

const struct rule_class *rule_classes_find(const struct rule_classes *classes, struct bytes name)
{
	for (uint16_t i = 0; i < classes->count; i++)
		if (rule_text_is(name, classes->items[i].name))
			return &classes->items[i];
	return NULL;
}

const struct rule_class *rule_classes_add(
	struct rule_classes *classes, struct bytes name, struct bytes text, uint8_t priority)
{
	const struct rule_class *old = rule_classes_find(classes, name);
	struct rule_class *class = old ? &classes->items[old->index - 1] : &classes->items[classes->count];

	if (!old && classes->count == RULE_CLASSES_MAX)
		return NULL;
	class->name = arena_dup_str(classes->arena, name);
	class->text = arena_dup_str(classes->arena, text);
	class->priority = priority;
	if (!class->name || !class->text)
		return NULL;
	if (!old)
		class->index = ++classes->count;
	return class;
}

/* Behind "config WORD:". */
static bool take_head(struct bytes *line, const char *word)
{
	size_t colon = bytes_index(*line, ':');
	struct bytes head = rule_text_trim(bytes_first(*line, colon)), second;
	size_t blank = bytes_index(head, ' ');

	second = rule_text_trim(bytes_skip(head, blank));
	if (colon == line->size || !rule_text_is(bytes_first(head, blank), "config") || !rule_text_is(second, word))
		return false;
	*line = rule_text_trim(bytes_skip(*line, colon + 1));
	return true;
}

static bool read_class(struct rule_classes *classes, struct bytes line)
{
	struct bytes name, text, priority;
	uint32_t number;

	return take_head(&line, "classification") && rule_text_item(&line, ',', &name) &&
	       rule_text_item(&line, ',', &text) && rule_text_item(&line, ',', &priority) && line.size == 0 &&
	       name.size > 0 && rule_text_u32(priority, &number) && number > 0 && number <= UINT8_MAX &&
	       rule_classes_add(classes, name, text, (uint8_t)number) != NULL;
}

static bool add_reference(struct rule_classes *classes, struct bytes kind, struct bytes prefix)
{
	struct reference *reference = arena_alloc(classes->arena, sizeof(*reference));

	if (!reference)
		return false;
	reference->kind = arena_dup_str(classes->arena, kind);
	reference->prefix = arena_dup_str(classes->arena, prefix);
	reference->next = classes->references;
	classes->references = reference;
	return reference->kind && reference->prefix;
}

static bool read_reference(struct rule_classes *classes, struct bytes line)
{
	struct bytes kind;
	size_t blank = 0;

	if (!take_head(&line, "reference"))
		return false;
	while (blank < line.size && line.ptr[blank] != ' ' && line.ptr[blank] != '\t')
		blank++;
	kind = bytes_first(line, blank);
	line = rule_text_trim(bytes_skip(line, blank));
	return kind.size > 0 && line.size > 0 && add_reference(classes, kind, line);
}

static int read_lines(struct rule_classes *classes, struct bytes text, uint32_t *ret_line,
	bool (*read)(struct rule_classes *classes, struct bytes line))
{
	struct bytes line;

	for (*ret_line = 1; rule_text_item(&text, '\n', &line); ++*ret_line)
		if (line.size > 0 && line.ptr[0] != '#' && !read(classes, line))
			return LUYTRE_E_SYNTAX;
	return 0;
}

int rule_classes_read(struct rule_classes *classes, struct bytes text, uint32_t *ret_line)
{
	return read_lines(classes, text, ret_line, read_class);
}

int rule_classes_read_references(struct rule_classes *classes, struct bytes text, uint32_t *ret_line)
{
	return read_lines(classes, text, ret_line, read_reference);
}

int rule_classes_built_in(struct rule_classes *classes)
{
	for (size_t i = 0; i < ARRAY_COUNT(built_in); i++)
		if (!rule_classes_add(classes, bytes_from_str(built_in[i].name), bytes_from_str(built_in[i].text),
			    built_in[i].priority))
			return LUYTRE_E_NOMEM;
	return 0;
}

int rule_classes_built_in_references(struct rule_classes *classes)
{
	for (size_t i = 0; i < ARRAY_COUNT(built_in_references); i++)
		if (!add_reference(classes, bytes_from_str(built_in_references[i].kind),
			    bytes_from_str(built_in_references[i].prefix)))
			return LUYTRE_E_NOMEM;
	return 0;
}

const char *rule_classes_reference(const struct rule_classes *classes, struct bytes kind)
{
	for (const struct reference *reference = classes->references; reference; reference = reference->next)
		if (rule_text_is(kind, reference->kind))
			return reference->prefix;
	return NULL;
}
