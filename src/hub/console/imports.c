// SPDX-License-Identifier: Apache-2.0
/* POST /imports: the server has put the body into a file; what is in it is imported by the thread of bulk actions. */
#include "hub/console/imports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/console/operations.h"
#include "hub/posture/unpack.h"

/* ---- Reading ---- */

static int ignore_record(void *context, const struct record *record)
{
	return 0;
}

static int survey_piece(void *context, struct bytes piece)
{
	return import_feed(context, piece);
}

/* What the report says of itself, wherever that stands in it. What is wrong with it is told by the second reading. The row is as it was: 'step' hears that nothing was
 * done yet. */
static int survey(int fd, const struct report_row *row, uint8_t *block, imports_step_fn step, void *context,
	struct report_known *ret, bool *ret_stopped)
{
	const struct import_sink sink = { .record = ignore_record };
	const char *format = row->about.format;
	struct import_result result = { .format = "" };
	struct unpack *unpack = NULL;
	struct import *import;
	ssize_t size = 1;
	int error = lseek(fd, 0, SEEK_SET) < 0 ? LUYTRE_E_IO : import_begin(format[0] ? format : NULL, &sink, &import);

	if (error)
		return error;
	error = unpack_new(REPORT_UNPACKED_MAX, survey_piece, import, &unpack);
	while (!error && size != 0) {
		*ret_stopped = step && !step(context, row);
		if (*ret_stopped)
			break;
		size = read(fd, block, IMPORTS_BLOCK);
		if (size > 0)
			error = unpack_feed(unpack, bytes_of(block, (size_t)size));
		else if (size < 0 && errno != EINTR)
			break;
	}
	if (unpack)
		(void)!unpack_end(unpack);
	(void)!import_end(import, &result, NULL);
	snprintf(ret->target, sizeof(ret->target), "%s", result.target);
	ret->scanned_us = result.scanned_us;
	return 0;
}

static int feed_all(
	struct report *report, int fd, uint8_t *block, imports_step_fn step, void *context, bool *ret_stopped)
{
	ssize_t size;
	int error = 0;

	while (!error && !*ret_stopped && (size = read(fd, block, IMPORTS_BLOCK)) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		error = size < 0 ? LUYTRE_E_IO : report_feed(report, bytes_of(block, (size_t)size));
		*ret_stopped = step && !step(context, report_so_far(report));
	}
	return error;
}

int imports_run(const struct finding_call *call, int64_t id, int fd, imports_step_fn step, void *context,
	struct report_row *ret)
{
	uint8_t *block = malloc(IMPORTS_BLOCK);
	struct report *report = NULL;
	bool stopped = false;
	struct report_known known = { .scanned_us = 0 };
	int error = block ? report_get(call->db, id, ret) : LUYTRE_E_NOMEM, ended;

	if (!error)
		error = survey(fd, ret, block, step, context, &known, &stopped);
	if (!error && lseek(fd, 0, SEEK_SET) < 0)
		error = LUYTRE_E_IO;
	if (!error)
		error = report_begin(call, id, &known, &report);
	if (report) {
		error = feed_all(report, fd, block, step, context, &stopped);
		ended = report_end(report, stopped, ret);
	} else {
		ended = report_give_up(call->db, id, error, ret);
	}
	error = error ? error : ended;
	free(block);
	return error;
}

/* ---- Out ---- */

void imports_write(struct jsonw *json, const struct report_row *row)
{
	static const char *const outcomes[FINDING_OUTCOME_COUNT] = {
#define X(id, word) word,
		FINDING_OUTCOMES(X)
#undef X
	};

	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)row->id);
	console_kv_id_or_null(json, "tenant", row->about.tenant);
	jsonw_kv_string(json, "state", report_state_words[row->state]);
	console_kv_text_or_null(json, "message", row->message);
	console_kv_text_or_null(json, "format", row->about.format);
	console_kv_text_or_null(json, "name", row->about.name);
	console_kv_text_or_null(json, "target", row->about.target);
	console_kv_text_or_null(json, "tool", row->tool);
	console_kv_text_or_null(json, "tool_version", row->tool_version);
	jsonw_kv_string(json, "by", strchr(row->by, ' ') ? strchr(row->by, ' ') + 1 : row->by);
	console_kv_time(json, "started", row->started_us);
	console_kv_time_or_null(json, "ended", row->ended_us);
	jsonw_kv_i64(json, "bytes", row->bytes);
	jsonw_kv_i64(json, "records", row->records);
	jsonw_kv_i64(json, "others", row->others);
	for (int i = 0; i < FINDING_OUTCOME_COUNT; i++)
		jsonw_kv_i64(json, outcomes[i], row->outcomes[i]);
	jsonw_kv_i64(json, "refused", row->refused);
	jsonw_object_end(json);
}

struct refusing {
	struct jsonw *json;
	uint32_t left;
	int64_t last;
	bool more;
};

static int write_refusal(void *context, const struct report_refusal *refusal)
{
	struct refusing *refusing = context;
	struct jsonw *json = refusing->json;

	refusing->more = refusing->left == 0;
	if (refusing->more)
		return 1;
	refusing->left--;
	refusing->last = refusal->number;
	jsonw_object_begin(json);
	jsonw_kv_i64(json, "number", refusal->number);
	if (refusal->position)
		jsonw_kv_i64(json, "position", refusal->position);
	else
		jsonw_kv_null(json, "position");
	jsonw_kv_string_bytes(json, "reason", refusal->slug);
	jsonw_kv_string_bytes(json, "text", refusal->text);
	jsonw_object_end(json);
	return 0;
}

int imports_write_refusals(
	struct jsonw *json, struct db *db, int64_t id, int64_t after, uint32_t limit, int64_t *ret_last)
{
	struct refusing refusing = { .json = json, .left = limit };
	int error;

	jsonw_array_begin(json);
	error = report_refusal_each(db, id, after, limit + 1, write_refusal, &refusing);
	jsonw_array_end(json);
	*ret_last = refusing.more ? refusing.last : 0;
	return error < 0 ? error : 0;
}

/* ---- One import as an operation ---- */

struct job {
	int fd; /* owned */
	int64_t id, size;
	uint32_t tenant, account;
	struct auth_scope scope;
	struct operation *operation; /* while it runs */
	struct posture *posture;
};

static void job_free(void *context)
{
	struct job *job = context;

	posture_unspool(job->posture, job->account, (uint64_t)job->size);
	auth_scope_done(&job->scope);
	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

static bool step(void *context, const struct report_row *row)
{
	const struct job *job = context;

	return operation_step(job->operation, (uint64_t)row->bytes, (uint64_t)row->refused);
}

static bool is_of_report(int error)
{
	static const int errors[] = { LUYTRE_E_SYNTAX, LUYTRE_E_TRUNCATED, LUYTRE_E_NOT_FOUND, LUYTRE_E_FULL };

	for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
		if (error == errors[i])
			return true;
	return false;
}

static int job_run(void *context, struct operation *operation, struct db *db)
{
	struct job *job = context;
	const struct audit_origin origin = operation_origin(operation);
	const struct finding_call call = { .db = db, .scope = &job->scope.scope, .origin = &origin };
	struct report_row row = { 0 };
	int error;

	job->operation = operation;
	error = imports_run(&call, job->id, job->fd, step, job, &row);
	operation_result(operation, "import", (uint64_t)job->id);
	operation_result(operation, "made", (uint64_t)row.outcomes[FINDING_MADE]);
	operation_result(operation, "joined", (uint64_t)row.outcomes[FINDING_JOINED]);
	operation_result(operation, "seen", (uint64_t)row.outcomes[FINDING_SEEN]);
	operation_result(operation, "reopened", (uint64_t)row.outcomes[FINDING_REOPENED]);
	operation_result(operation, "refused", (uint64_t)row.refused);
	posture_told(operation_console(operation), job->tenant, 0);
	/* What is wrong with the report is told by the import; the rest is the hub's. */
	return row.state == REPORT_FAILED && is_of_report(error) ? 0 : error;
}

/* The scope is taken over in any case. */
static int start_job(struct api_request *request, struct report_about *about, struct auth_scope scope, int64_t *ret_id)
{
	struct posture *posture = console_of(request)->posture;
	const struct operation_plan plan = { .kind = "findings.import",
		.total = request->body_size,
		.run = job_run,
		.release = job_free,
		.always = true };
	struct operation_plan own = plan;
	struct job *job = calloc(1, sizeof(*job));
	struct report_row row;
	struct console_call call;
	uint64_t operation;
	int error = job ? posture_respool(posture, about->account, request->body_size) : LUYTRE_E_NOMEM;

	if (error) {
		free(job);
		auth_scope_done(&scope);
		return error;
	}
	*job = (struct job){ .scope = scope,
		.tenant = about->tenant,
		.account = about->account,
		.posture = posture,
		.size = (int64_t)request->body_size,
		.fd = fcntl(request->body_file, F_DUPFD_CLOEXEC, 0) };
	own.context = job;
	console_call(request, &call);
	error = job->fd < 0
			? LUYTRE_E_SYSTEM
			: report_announce(console_db(request), &call.origin, about, posture_place(posture), &job->id);
	if (error) {
		job_free(job);
		return error;
	}
	*ret_id = job->id;
	error = operations_start(request, &own, &operation);
	if (error) /* it has no turn, and the row must not say that it waits for one; the answer is the same if that fails */
		(void)!report_give_up(console_db(request), *ret_id, error, &row);
	return error;
}

/* Whose the import is: the tenant that was named, or the nation's. */
static bool read_about(const struct api_request *request, struct api_reply *reply, struct report_about *ret)
{
	struct bytes format = api_query(request, "format")->text;
	bool fits = bytes_to_str(api_query(request, "name")->text, ret->name, sizeof(ret->name)) &&
		    bytes_to_str(api_query(request, "target")->text, ret->target, sizeof(ret->target));

	if (!fits) {
		api_reply_problem(reply, API_PROBLEM_INVALID, NULL);
		return false;
	}
	if (!bytes_equal_str(format, "auto"))
		(void)bytes_to_str(format, ret->format, sizeof(ret->format));
	ret->tenant = (uint32_t)console_query_id(request, "tenant");
	ret->account = console_principal(request)->account;
	return true;
}

static void reply_import(const struct api_request *request, struct api_reply *reply, int status, int64_t id)
{
	struct report_row row;
	int error = report_get(console_db(request), id, &row);

	if (error)
		api_reply_error(reply, error, NULL);
	else
		imports_write(api_reply_json(reply, status), &row);
}

/* What there is too much of, and what to do. */
static void refuse_job(const struct api_request *request, struct api_reply *reply, int error)
{
	static const char *const own[] = {
		[LUYTRE_LANG_VI] = "Tài khoản này có quá nhiều báo cáo đang chờ nạp; hãy đợi chúng nạp xong (GET "
				   "/imports) hoặc hủy bớt.",
		[LUYTRE_LANG_EN] = "This account has too many reports waiting; wait until they are read (GET "
				   "/imports), or cancel some.",
	};
	static const char *const all[] = {
		[LUYTRE_LANG_VI] = "Trung tâm không còn chỗ cho báo cáo chờ nạp; hãy thử lại sau ít phút.",
		[LUYTRE_LANG_EN] = "The hub has no room for waiting reports; try again in some minutes.",
	};

	if (error == LUYTRE_E_BUSY)
		api_reply_problem(reply, API_PROBLEM_TOO_MANY, own[request->lang]);
	else if (error == LUYTRE_E_FULL)
		api_reply_problem(reply, API_PROBLEM_STORAGE, all[request->lang]);
	else
		api_reply_error(reply, error, NULL);
	if (error == LUYTRE_E_BUSY || error == LUYTRE_E_FULL)
		api_reply_header(reply, "Retry-After", "30");
}

void handle_create_import(struct api_request *request, struct api_reply *reply)
{
	struct report_about about = { 0 };
	struct auth_scope scope;
	int64_t id = 0;
	int error;

	if (!read_about(request, reply, &about) || !console_scope_of_query(request, reply, AUTH_FINDINGS_WRITE, &scope))
		return;
	error = start_job(request, &about, scope, &id);
	if (error) {
		refuse_job(request, reply, error);
	} else {
		api_reply_header_format(reply, "Location", "/api/v1/imports/%lld", (long long)id);
		reply_import(request, reply, 202, id);
	}
}

/* ---- What was imported ---- */

/* One's own, and those of the organisations that one may see. */
static bool is_visible(const struct api_request *request, const struct report_row *row)
{
	const struct auth_principal *principal = console_principal(request);

	return row->about.account == principal->account ||
	       auth_check(principal, console_worker_of(request)->tree, AUTH_FINDINGS_READ, row->about.tenant);
}

struct listing {
	const struct api_request *request;
	struct jsonw *json;
	size_t count, limit;
	uint64_t last;
	bool more;
};

static int list_one(void *context, const struct report_row *row)
{
	struct listing *listing = context;

	if (!is_visible(listing->request, row))
		return 0;
	listing->more = listing->count == listing->limit;
	if (listing->more)
		return 1;
	listing->count++;
	listing->last = (uint64_t)row->id;
	imports_write(listing->json, row);
	return 0;
}

void handle_list_imports(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request, .limit = (size_t)console_query_i64(request, "limit", 100) };
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from))
		return;
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = report_each(console_db(request), (int64_t)from.id, REPORTS_MAX, list_one, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(listing.json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
}

static bool find_import(const struct api_request *request, struct api_reply *reply, struct report_row *ret)
{
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "import", &id))
		return false;
	error = report_get(console_db(request), (int64_t)id, ret);
	if (!error && !is_visible(request, ret))
		error = LUYTRE_E_NOT_FOUND;
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

void handle_get_import(struct api_request *request, struct api_reply *reply)
{
	struct report_row row;

	if (find_import(request, reply, &row))
		imports_write(api_reply_json(reply, 200), &row);
}

void handle_list_import_refusals(struct api_request *request, struct api_reply *reply)
{
	struct api_position from;
	struct report_row row;
	struct jsonw *json;
	int64_t last = 0;
	int error;

	if (!api_page_begin(request, reply, &from) || !find_import(request, reply, &row))
		return;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_key(json, "items");
	error = imports_write_refusals(json, console_db(request), row.id, (int64_t)from.id,
		(uint32_t)console_query_i64(request, "limit", 100), &last);
	api_page_end(request, json, last != 0, (struct api_position){ .id = (uint64_t)last });
	jsonw_object_end(json);
	if (error)
		api_reply_error(reply, error, NULL);
}
