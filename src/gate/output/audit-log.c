// SPDX-License-Identifier: Apache-2.0
/* The audit log in ModSecurity's formats (reference manual: SecAuditLogParts, SecAuditLogFormat, SecAuditLogType): a record for each
 * request that the rules want one of. Native records are parts between lines `---boundary---A--`, JSON records are one line. A serial
 * log is one file; a concurrent one has a file for each record under SecAuditLogStorageDir (YYYYMMDD/YYYYMMDD-HHMM/...), and a line about
 * it in the file of SecAuditLog. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/siphash.h"
#include "gate/output/event.h"
#include "gate/output/redact.h"
#include "gate/seclang/rules.h"

#define PATH_SIZE     4096
#define BOUNDARY_SIZE 9
#define MODE_FILE     0640
#define MODE_DIR      0750
#define RECORD_MAX    OUT_TEXT_MAX
#define PART(letter)  (UINT32_C(1) << ((letter) - 'A'))
#define PRODUCER      "Luy Tre gate " LUYTRE_VERSION
#define BODIES_SHOWN  ((size_t)1 << 20) /* of each body; the rest is left out, saying so */

struct audit_log {
	bool concurrent;
	int files[2]; /* SecAuditLog, SecAuditLog2; -1 without */
	char dir[PATH_SIZE];
	mode_t dir_mode, file_mode;
};

bool audit_log_wanted(const struct gate_tx *tx)
{
	return gate_tx_facts(tx).audit;
}

/* ---- native ---- */

static void add_header(void *context, struct bytes name, struct bytes value)
{
	struct out_text *out = context;

	out_add(out, name);
	out_str(out, ": ");
	redact_value(out, name, value);
	out_str(out, "\n");
}

static void add_body(struct out_text *out, struct bytes body)
{
	redact_text(out, bytes_first(body, BODIES_SHOWN));
	if (body.size > BODIES_SHOWN)
		out_format(out, "[%zu bytes left out]", body.size - BODIES_SHOWN);
	out_str(out, "\n");
}

/* "22/Nov/2026:05:00:00 +0000" */
static void add_time(struct out_text *out, const struct gate_facts *facts)
{
	char text[64] = "";
	struct tm time;

	if (localtime_r(&facts->started.tv_sec, &time))
		(void)strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S %z", &time);
	out_str(out, text);
}

static void part_a(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	(void)tx;
	out_str(out, "[");
	add_time(out, facts);
	out_str(out, "] ");
	out_add(out, facts->id);
	out_format(out, " %.*s %u %.*s %u\n", (int)facts->client_address.size, (const char *)facts->client_address.ptr,
		facts->client_port, (int)facts->server_address.size, (const char *)facts->server_address.ptr,
		facts->server_port);
}

static void part_b(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	out_add(out, facts->method);
	out_str(out, " ");
	redact_text(out, facts->target);
	out_str(out, " ");
	out_add(out, facts->protocol);
	out_str(out, "\n");
	gate_tx_each_header(tx, false, add_header, out);
}

static void part_c(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	(void)tx;
	add_body(out, facts->request_body);
}

static void part_e(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	(void)tx;
	add_body(out, facts->response_body);
}

/* What the client got: our own answer after a denial, whose headers the server makes. */
static unsigned int final_status(const struct gate_tx *tx, const struct gate_facts *facts)
{
	const struct gate_verdict *verdict = gate_tx_verdict(tx);

	if (verdict->action != GATE_PASS)
		return verdict->status;
	return facts->response_status ? facts->response_status : 200;
}

static void part_f(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	struct bytes protocol = facts->response_protocol.size ? facts->response_protocol : facts->protocol;

	out_add(out, protocol);
	out_format(out, " %u\n", final_status(tx, facts));
	gate_tx_each_header(tx, true, add_header, out);
}

static void part_h(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	for (size_t i = 0; i < count; i++) {
		char *line = matches[i].audit_log ? match_text(tx, &matches[i]) : NULL;

		if (line)
			out_str(out, line);
		out_str(out, line ? "\n" : "");
		free(line);
	}
	out_format(out, "Stopwatch: %llu us\nProducer: %s\n", (unsigned long long)facts->duration_us, PRODUCER);
}

/* The rules that matched, one a line. */
static void part_k(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	(void)facts;
	for (size_t i = 0; i < count; i++)
		out_format(out, "%llu phase %u %s:%u\n", (unsigned long long)matches[i].rule_id, matches[i].phase,
			matches[i].file ? matches[i].file : "", matches[i].line);
}

/* I is the body without files, J says what files there were: no file's content is ever in our record of a form, so I is C. */
static const struct {
	char letter;
	void (*write)(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts);
} parts[] = {
	{ 'B', part_b },
	{ 'C', part_c },
	{ 'E', part_e },
	{ 'F', part_f },
	{ 'H', part_h },
	{ 'I', part_c },
	{ 'J', NULL },
	{ 'K', part_k },
};

static void write_native(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	struct siphash_key key = { 0 };
	char boundary[BOUNDARY_SIZE];

	/* Only to tell records apart: from the id, which no client chooses. */
	snprintf(boundary, sizeof(boundary), "%08x", (unsigned int)siphash24(key, facts->id.ptr, facts->id.size));
	out_format(out, "---%s---A--\n", boundary);
	part_a(out, tx, facts);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!(facts->audit_parts & PART(parts[i].letter)) ||
			(parts[i].letter == 'I' && (facts->audit_parts & PART('C'))))
			continue;
		out_format(out, "\n---%s---%c--\n", boundary, parts[i].letter);
		if (parts[i].write)
			parts[i].write(out, tx, facts);
	}
	out_format(out, "\n---%s---Z--\n\n", boundary);
}

/* ---- JSON ---- */

static void json_clean(struct jsonw *json, const char *key, struct bytes text)
{
	struct out_text clean = { 0 };

	redact_text(&clean, bytes_first(text, BODIES_SHOWN));
	jsonw_kv_string_bytes(json, key, out_view(&clean));
	out_done(&clean);
}

static void json_header(void *context, struct bytes name, struct bytes value)
{
	struct jsonw *json = context;
	struct out_text clean = { 0 };

	redact_value(&clean, name, value);
	jsonw_key_bytes(json, name);
	jsonw_string_bytes(json, out_view(&clean));
	out_done(&clean);
}

static void json_headers(struct jsonw *json, const struct gate_tx *tx, bool response)
{
	jsonw_kv_object_begin(json, "headers");
	gate_tx_each_header(tx, response, json_header, json);
	jsonw_object_end(json);
}

static void json_request(struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts)
{
	size_t slash = bytes_index(facts->protocol, '/');

	jsonw_kv_object_begin(json, "request");
	jsonw_kv_string_bytes(json, "method", facts->method);
	jsonw_kv_string_bytes(json, "http_version", bytes_skip(facts->protocol, slash + 1));
	json_clean(json, "uri", facts->target);
	if (facts->audit_parts & (PART('C') | PART('I')))
		json_clean(json, "body", facts->request_body);
	if (facts->audit_parts & PART('B'))
		json_headers(json, tx, false);
	jsonw_object_end(json);
}

static void json_response(struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts)
{
	jsonw_kv_object_begin(json, "response");
	if (facts->audit_parts & PART('E'))
		json_clean(json, "body", facts->response_body);
	jsonw_kv_u64(json, "http_code", final_status(tx, facts));
	if (facts->audit_parts & PART('F'))
		json_headers(json, tx, true);
	jsonw_object_end(json);
}

static void json_kv_number(struct jsonw *json, const char *key, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value < 0 ? 0 : value);
	jsonw_kv_string(json, key, text);
}

static void json_match(struct jsonw *json, const struct gate_tx *tx, const struct gate_match *match)
{
	char *line = match_text(tx, match);
	const char *what = line ? strstr(line, "Matched ") : NULL;
	const char *end = what ? strstr(what, " [file \"") : NULL;

	jsonw_object_begin(json);
	jsonw_kv_string_bytes(json, "message", match->msg);
	jsonw_kv_object_begin(json, "details");
	jsonw_kv_string_bytes(json, "match", end ? bytes_of(what, (size_t)(end - what)) : bytes_of("", 0));
	jsonw_kv_string_bytes(json, "reference", match->ref);
	json_kv_number(json, "ruleId", (long long)match->rule_id);
	jsonw_kv_string(json, "file", match->file ? match->file : "");
	json_kv_number(json, "lineNumber", match->line);
	json_clean(json, "data", match->data);
	json_kv_number(json, "severity", match->severity);
	jsonw_kv_string_bytes(json, "ver", match->ver);
	jsonw_kv_string_bytes(json, "rev", match->rev);
	jsonw_kv_array_begin(json, "tags");
	for (size_t i = 0; i < match->tag_count; i++)
		jsonw_string_bytes(json, match->tags[i]);
	jsonw_array_end(json);
	json_kv_number(json, "maturity", match->maturity);
	json_kv_number(json, "accuracy", match->accuracy);
	jsonw_object_end(json);
	jsonw_object_end(json);
	free(line);
}

static void json_producer(struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts)
{
	struct bytes component = gate_tx_settings(tx)->component;

	jsonw_kv_object_begin(json, "producer");
	jsonw_kv_string(json, "modsecurity", PRODUCER);
	jsonw_kv_string(json, "connector", "");
	jsonw_kv_string(json, "secrules_engine", facts->shadow ? "DetectionOnly" : "Enabled");
	jsonw_kv_array_begin(json, "components");
	if (component.size != 0)
		jsonw_string_bytes(json, component);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void json_transaction(
	struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts, const char *time)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	jsonw_kv_object_begin(json, "transaction");
	jsonw_kv_string_bytes(json, "client_ip", facts->client_address);
	jsonw_kv_string(json, "time_stamp", time);
	jsonw_kv_string(json, "server_id", facts->site);
	jsonw_kv_u64(json, "client_port", facts->client_port);
	jsonw_kv_string_bytes(json, "host_ip", facts->server_address);
	jsonw_kv_u64(json, "host_port", facts->server_port);
	jsonw_kv_string_bytes(json, "unique_id", facts->id);
	json_request(json, tx, facts);
	json_response(json, tx, facts);
	if (facts->audit_parts & PART('H')) {
		json_producer(json, tx, facts);
		jsonw_kv_array_begin(json, "messages");
		for (size_t i = 0; i < count; i++) {
			if (matches[i].audit_log)
				json_match(json, tx, &matches[i]);
		}
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

static void write_json(struct out_text *out, const struct gate_tx *tx, const struct gate_facts *facts)
{
	char day[64] = "";
	struct jsonw json;
	struct bytes text;
	struct tm time;

	if (localtime_r(&facts->started.tv_sec, &time))
		(void)strftime(day, sizeof(day), "%a %b %e %H:%M:%S %Y", &time);
	jsonw_init(&json, RECORD_MAX);
	jsonw_object_begin(&json);
	json_transaction(&json, tx, facts, day);
	jsonw_object_end(&json);
	if (jsonw_text(&json, &text) == 0) {
		out_add(out, text);
		out_str(out, "\n");
	} else {
		out->failed = true;
	}
	jsonw_done(&json);
}

int audit_log_format(const struct gate_tx *tx, char **ret)
{
	struct gate_facts facts = gate_tx_facts(tx);
	struct out_text out = { 0 };

	if (gate_tx_settings(tx)->audit_json)
		write_json(&out, tx, &facts);
	else
		write_native(&out, tx, &facts);
	*ret = out_take(&out);
	return *ret ? 0 : LUYTRE_E_NOMEM;
}

/* ---- files ---- */

static int open_log(struct bytes path, mode_t mode)
{
	char name[PATH_SIZE];

	if (path.size == 0 || !bytes_to_str(path, name, sizeof(name)))
		return -1;
	return open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
}

int audit_log_open(const struct gate_plan *plan, struct audit_log **ret)
{
	const struct sec_settings *settings = gate_plan_settings(plan);
	struct audit_log *log = calloc(1, sizeof(*log));
	bool failed;

	if (!log)
		return LUYTRE_E_NOMEM;
	log->concurrent = settings->audit_concurrent;
	log->file_mode = settings->audit_file_mode ? settings->audit_file_mode : MODE_FILE;
	log->dir_mode = settings->audit_dir_mode ? settings->audit_dir_mode : MODE_DIR;
	log->files[0] = open_log(settings->audit_log, log->file_mode);
	failed = settings->audit_log.size != 0 && log->files[0] < 0;
	log->files[1] = open_log(settings->audit_log2, log->file_mode);
	failed |= settings->audit_log2.size != 0 && log->files[1] < 0;
	if (!bytes_to_str(settings->audit_dir, log->dir, sizeof(log->dir)))
		failed = true;
	if (failed) {
		audit_log_close(log);
		return LUYTRE_E_SYSTEM;
	}
	*ret = log;
	return 0;
}

void audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		if (log->files[i] >= 0)
			close(log->files[i]);
	}
	free(log);
}

/* One write each, so records of several processes do not mix; what a full disk cuts stays cut. */
static void append(int file, struct bytes text)
{
	ssize_t written;

	do
		written = write(file, text.ptr, text.size);
	while (written < 0 && errno == EINTR);
}

/* Makes the folders and the file of one record; its name below the storage folder goes to 'ret'. */
static int open_record(const struct audit_log *log, const struct gate_facts *facts, char *ret, size_t size)
{
	char path[2 * PATH_SIZE], day[16], minute[24], second[24];
	struct tm time;
	int used;

	if (!localtime_r(&facts->started.tv_sec, &time) || strftime(day, sizeof(day), "%Y%m%d", &time) == 0 ||
		strftime(minute, sizeof(minute), "%Y%m%d-%H%M", &time) == 0 ||
		strftime(second, sizeof(second), "%Y%m%d-%H%M%S", &time) == 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/%s", log->dir, day);
	if (mkdir(path, log->dir_mode) < 0 && errno != EEXIST)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/%s/%s", log->dir, day, minute);
	if (mkdir(path, log->dir_mode) < 0 && errno != EEXIST)
		return -1;
	used = snprintf(
		ret, size, "/%s/%s/%s-%.*s", day, minute, second, (int)facts->id.size, (const char *)facts->id.ptr);
	/* The id may come from the server: it must not lead out of the folder. */
	if (used < 0 || (size_t)used >= size || memchr(facts->id.ptr, '/', facts->id.size))
		return -1;
	(void)snprintf(path, sizeof(path), "%s%s", log->dir, ret);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, log->file_mode);
}

static void write_concurrent(struct audit_log *log, const struct gate_tx *tx, struct bytes record)
{
	struct gate_facts facts = gate_tx_facts(tx);
	struct out_text line = { 0 };
	char name[PATH_SIZE];
	int file = open_record(log, &facts, name, sizeof(name));

	if (file < 0)
		return;
	append(file, record);
	close(file);
	out_add(&line, facts.host);
	out_format(&line, " %.*s - - [", (int)facts.client_address.size, (const char *)facts.client_address.ptr);
	add_time(&line, &facts);
	out_str(&line, "] \"");
	redact_text(&line, facts.target);
	out_format(&line, "\" %u ", final_status(tx, &facts));
	out_add(&line, facts.id);
	out_format(&line, " %s 0 %zu\n", name, record.size);
	for (unsigned int i = 0; i < 2 && !line.failed; i++) {
		if (log->files[i] >= 0)
			append(log->files[i], out_view(&line));
	}
	out_done(&line);
}

void audit_log_write(struct audit_log *log, const struct gate_tx *tx)
{
	char *record;

	if (!audit_log_wanted(tx) || audit_log_format(tx, &record) < 0)
		return;
	if (log->concurrent) {
		write_concurrent(log, tx, bytes_from_str(record));
	} else {
		for (unsigned int i = 0; i < 2; i++) {
			if (log->files[i] >= 0)
				append(log->files[i], bytes_from_str(record));
		}
	}
	free(record);
}
