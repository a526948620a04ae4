// SPDX-License-Identifier: Apache-2.0
/* What a request and its response say, kept as variables. Their meaning is that of ModSecurity's reference manual (v3, "Variables"). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "gate/engine/internal.h"
#include "gate/engine/keys.h"
#include "match/finder.h"

/* Pieces of a body are joined in one buffer: grown by doubling, so at most half of it is unused. */
#define BODY_ROOM_MIN 4096
/* Between two looks at the clock a parser is given this much. */
#define BODY_PIECE_SIZE ((size_t)64 << 10)
/* Of each uploaded file, for rules that look into files. */
#define FILE_CONTENT_MAX (128 << 10)

static bool is_name(struct bytes name, const char *wanted)
{
	return key_equal(name, bytes_from_str(wanted));
}

static void set_scalar(struct gate_tx *tx, enum variable variable, struct bytes value)
{
	tx->scalars[variable] = tx_value(tx, value);
	value_expect(tx, tx->scalars[variable]);
}

static void set_number(struct gate_tx *tx, enum variable variable, uint64_t value)
{
	set_scalar(tx, variable, tx_printf(tx, "%llu", (unsigned long long)value));
}

void gate_tx_connection(struct gate_tx *tx, const char *client_address, uint16_t client_port,
	const char *server_address, uint16_t server_port)
{
	tx->client_address = tx_copy(tx, bytes_from_str(client_address));
	tx->server_address = tx_copy(tx, bytes_from_str(server_address));
	tx->client_port = client_port;
	tx->server_port = server_port;
	set_scalar(tx, VARIABLE_REMOTE_ADDR, tx->client_address);
	set_scalar(tx, VARIABLE_REMOTE_HOST, tx->client_address);
	set_scalar(tx, VARIABLE_SERVER_ADDR, tx->server_address);
	set_number(tx, VARIABLE_REMOTE_PORT, client_port);
	set_number(tx, VARIABLE_SERVER_PORT, server_port);
}

/* ---- request line ---- */

/* %XX only; what is none stays. */
static struct bytes decode_path(struct gate_tx *tx, struct bytes in)
{
	uint8_t *out;
	size_t size = 0;

	if (bytes_index(in, '%') == in.size)
		return in;
	out = tx_alloc(tx, in.size);
	if (!out)
		return in;
	for (size_t i = 0; i < in.size; i++) {
		int high = in.ptr[i] == '%' && i + 2 < in.size ? ascii_hex_value(in.ptr[i + 1]) : -1;
		int low = high >= 0 ? ascii_hex_value(in.ptr[i + 2]) : -1;

		if (low >= 0) {
			out[size++] = (uint8_t)(high << 4 | low);
			i += 2;
		} else {
			out[size++] = in.ptr[i];
		}
	}
	return bytes_of(out, size);
}

/* "http://host/path" is "/path". */
static struct bytes without_host(struct bytes target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t size = strlen(schemes[i]);
		struct bytes rest;

		if (!is_name(bytes_first(target, size), schemes[i]))
			continue;
		rest = bytes_skip(target, size);
		rest = bytes_skip(rest, bytes_index(rest, '/'));
		return rest.size ? rest : bytes_of("/", 1);
	}
	return target;
}

static struct bytes basename_of(struct bytes path)
{
	size_t start = path.size;

	while (start > 0 && path.ptr[start - 1] != '/' && path.ptr[start - 1] != '\\')
		start--;
	return bytes_skip(path, start);
}

static void add_query_arg(void *context, struct bytes name, struct bytes value)
{
	struct gate_tx *tx = context;

	TRACE(tx, 4, "Adding request argument (GET): name \"%.*s\", value \"%.*s\"", (int)name.size, name.ptr,
		(int)value.size, value.ptr);
	entries_add(tx, &tx->collections[VARIABLE_ARGS_GET], name, value);
}

static struct body_limits limits_of(const struct gate_tx *tx, size_t args_already)
{
	const struct sec_settings *settings = tx->plan->settings;
	uint32_t args_max = settings->args_max ? settings->args_max : UINT32_MAX;

	return (struct body_limits){
		.args_max = args_already < args_max ? args_max - (uint32_t)args_already : 0,
		.json_depth_max = settings->json_depth_max,
		.files_max = settings->files_max,
		.separator = settings->args_separator,
		.file_content_max = tx->plan->reads_files || tx->trace ? FILE_CONTENT_MAX : 0,
	};
}

void gate_tx_request_line(struct gate_tx *tx, struct bytes method, struct bytes target, struct bytes protocol)
{
	struct body_sink sink = { .context = tx, .arg = add_query_arg };
	struct body_limits limits = limits_of(tx, 0);
	struct bytes uri, path;
	size_t question;

	tx->method = tx_copy(tx, method);
	tx->uri_raw = tx_copy(tx, target);
	tx->protocol = tx_copy(tx, protocol);
	uri = without_host(tx->uri_raw);
	uri = bytes_first(uri, bytes_index(uri, '#')); /* no client sends a fragment, unless to hide something */
	question = bytes_index(uri, '?');
	tx->path = bytes_first(uri, question);
	path = decode_path(tx, tx->path);
	set_scalar(tx, VARIABLE_REQUEST_METHOD, tx->method);
	set_scalar(tx, VARIABLE_REQUEST_PROTOCOL, tx->protocol);
	set_scalar(tx, VARIABLE_REQUEST_URI, uri);
	set_scalar(tx, VARIABLE_REQUEST_URI_RAW, tx->uri_raw);
	set_scalar(tx, VARIABLE_REQUEST_LINE,
		tx_join(tx,
			(struct bytes[]){ tx->method, bytes_of(" ", 1), tx->uri_raw, bytes_of(" ", 1), tx->protocol },
			5));
	set_scalar(tx, VARIABLE_REQUEST_FILENAME, path);
	set_scalar(tx, VARIABLE_PATH_INFO, path);
	set_scalar(tx, VARIABLE_REQUEST_BASENAME, basename_of(path));
	set_scalar(tx, VARIABLE_QUERY_STRING, bytes_skip(uri, question + 1));
	if (question < uri.size) {
		bool broken = false;

		body_urlencoded(bytes_skip(uri, question + 1), &limits, &sink, &tx->arena, &broken);
		tx->args_error |= broken;
	}
}

/* ---- request headers ---- */

static void add_cookie(void *context, struct bytes name, struct bytes value)
{
	struct gate_tx *tx = context;

	entries_add(tx, &tx->collections[VARIABLE_REQUEST_COOKIES], name, value);
}

static void header_cookie(struct gate_tx *tx, struct bytes value)
{
	struct body_sink sink = { .context = tx, .arg = add_cookie };

	body_cookies(value, &sink, &tx->arena);
}

static bool contains_nocase(struct bytes text, const char *wanted)
{
	struct finder finder;

	finder_init(&finder, bytes_from_str(wanted), true);
	return finder_find(&finder, text) != FINDER_NONE;
}

void request_set_processor(struct gate_tx *tx, struct bytes name)
{
	static const char *const names[] = { "URLENCODED", "MULTIPART", "JSON", "XML" };

	tx->body_processor = NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (is_name(name, names[i]))
			tx->body_processor = names[i];
	}
	set_scalar(tx, VARIABLE_REQBODY_PROCESSOR, tx->body_processor ? bytes_from_str(tx->body_processor) : name);
}

static void header_content_type(struct gate_tx *tx, struct bytes value)
{
	tx->content_type = value;
	if (contains_nocase(value, "multipart/form-data"))
		request_set_processor(tx, bytes_from_str("MULTIPART"));
	else if (contains_nocase(value, "application/x-www-form-urlencoded"))
		request_set_processor(tx, bytes_from_str("URLENCODED"));
}

static void header_host(struct gate_tx *tx, struct bytes value)
{
	size_t size = value.size;

	/* [2001:db8::1]:443 keeps its brackets' colons. */
	if (size != 0 && value.ptr[0] == '[')
		size = bytes_index(value, ']') + 1;
	else
		size = bytes_index(value, ':');
	tx->host = bytes_first(value, size);
	set_scalar(tx, VARIABLE_SERVER_NAME, tx->host);
}

/* The user's name in "Basic dXNlcjpwYXNz" (RFC 7617 section 2). */
static struct bytes basic_user(struct gate_tx *tx, struct bytes coded)
{
	uint8_t *out = tx_alloc(tx, coded.size + 1);
	struct bytes credentials;
	size_t used;

	if (!out)
		return (struct bytes){ 0 };
	credentials = bytes_of(out, ascii_base64_decode(coded, out, &used));
	return bytes_first(credentials, bytes_index(credentials, ':'));
}

static void header_authorization(struct gate_tx *tx, struct bytes value)
{
	struct bytes type = bytes_first(value, bytes_index(value, ' '));

	tx->authorization = value;
	set_scalar(tx, VARIABLE_AUTH_TYPE, type);
	if (!is_name(type, "Basic"))
		return;
	tx->user = basic_user(tx, bytes_skip(value, type.size + 1));
	set_scalar(tx, VARIABLE_REMOTE_USER, tx->user);
}

void gate_tx_request_header(struct gate_tx *tx, struct bytes name, struct bytes value)
{
	static const struct {
		const char *name;
		void (*read)(struct gate_tx *tx, struct bytes value);
	} known[] = {
		{ "authorization", header_authorization },
		{ "content-type", header_content_type },
		{ "cookie", header_cookie },
		{ "host", header_host },
	};

	name = tx_copy(tx, name);
	value = tx_copy(tx, value);
	entries_add(tx, &tx->collections[VARIABLE_REQUEST_HEADERS], name, value);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (is_name(name, known[i].name))
			known[i].read(tx, value);
	}
}

/* ---- request body ---- */

void request_headers_done(struct gate_tx *tx)
{
	set_scalar(tx, VARIABLE_UNIQUE_ID, tx->id);
	set_scalar(tx, VARIABLE_WEBAPPID, tx->plan->settings->web_app_id);
	set_number(tx, VARIABLE_URLENCODED_ERROR, tx->args_error);
}

bool gate_tx_wants_request_body(const struct gate_tx *tx)
{
	return tx->mode != SEC_OFF && !tx->stopped && tx->body_access && !tx->body_over;
}

/* Adds to a buffer of the arena that doubles; what is beyond 'limit' is left out. True when something was. */
static bool append(struct gate_tx *tx, uint8_t **bytes, size_t *size, size_t *room, struct bytes piece, uint64_t limit)
{
	bool over = piece.size > limit - *size;

	piece = bytes_first(piece, limit - *size);
	if (piece.size > *room - *size) {
		size_t wanted = *room ? 2 * *room : BODY_ROOM_MIN;
		uint8_t *grown;

		while (wanted - *size < piece.size)
			wanted *= 2;
		grown = tx_alloc(tx, wanted);
		if (!grown)
			return true;
		if (*size != 0)
			memcpy(grown, *bytes, *size);
		*bytes = grown;
		*room = wanted;
	}
	if (piece.size != 0)
		memcpy(*bytes + *size, piece.ptr, piece.size);
	*size += piece.size;
	return over;
}

/* A body grew from 'before' to 'size' bytes, of which the site lets 'limit' be inspected. */
static void allow_more(struct gate_tx *tx, uint64_t before, uint64_t size, uint64_t limit)
{
	if (size > limit)
		size = limit;
	if (before < USUAL_BODY_SIZE)
		before = USUAL_BODY_SIZE;
	if (size <= before)
		return;
	tx->allowance.left_ns += (size - before) * BODY_TIME_NS;
	tx->regex_left_ns += (size - before) * BODY_REGEX_NS;
}

void gate_tx_request_body(struct gate_tx *tx, struct bytes piece)
{
	const struct sec_settings *settings = tx->plan->settings;
	uint64_t before = tx->body_size;

	if (!gate_tx_wants_request_body(tx))
		return;
	tx->body_over =
		append(tx, &tx->body_bytes, &tx->body_size, &tx->body_room, piece, settings->request_body_limit);
	allow_more(tx, before, tx->body_size, settings->request_body_no_files_limit);
	if (tx->body_over && !settings->request_body_partial)
		tx_limit(tx, 403, "body-limit");
}

static bool is_json(const struct gate_tx *tx)
{
	return tx->body_processor && strcmp(tx->body_processor, "JSON") == 0;
}

/* As in ModSecurity v3, only what comes from a form is ARGS_POST. */
static void add_body_arg(void *context, struct bytes name, struct bytes value)
{
	struct gate_tx *tx = context;
	bool json = is_json(tx);

	TRACE(tx, 4, "Adding request argument (%s): name \"%.*s\", value \"%.*s\"", json ? "JSON" : "BODY",
		(int)name.size, name.ptr, (int)value.size, value.ptr);
	entries_add(tx, &tx->collections[json ? VARIABLE_ARGS : VARIABLE_ARGS_POST], name, value);
}

static void add_file(void *context, const struct body_file *file)
{
	struct gate_tx *tx = context;
	char size[24];
	int length = snprintf(size, sizeof(size), "%llu", (unsigned long long)file->size);

	entries_add(tx, &tx->collections[VARIABLE_FILES], file->field, file->name);
	entries_add(tx, &tx->collections[VARIABLE_FILES_NAMES], file->field, file->field);
	entries_add(
		tx, &tx->collections[VARIABLE_FILES_SIZES], file->field, tx_copy(tx, bytes_of(size, (size_t)length)));
	entries_add(tx, &tx->collections[VARIABLE_FILES_TMP_CONTENT], file->field, file->content);
}

static void add_part_name(void *context, struct bytes name, bool of_file)
{
	struct gate_tx *tx = context;

	entries_add(tx, &tx->collections[of_file ? VARIABLE_MULTIPART_FILENAME : VARIABLE_MULTIPART_NAME], name, name);
}

static void add_part_header(void *context, struct bytes part_name, struct bytes line)
{
	struct gate_tx *tx = context;

	entries_add(tx, &tx->collections[VARIABLE_MULTIPART_PART_HEADERS], part_name, line);
}

static void trace_body(void *context, const char *text)
{
	struct gate_tx *tx = context;

	TRACE(tx, 4, "%s", text);
}

static void set_multipart(struct gate_tx *tx, const struct multipart_flags *flags)
{
	const struct {
		enum variable variable;
		unsigned int value;
	} rows[] = {
		{ VARIABLE_MULTIPART_BOUNDARY_QUOTED, flags->boundary_quoted },
		{ VARIABLE_MULTIPART_BOUNDARY_WHITESPACE, flags->boundary_whitespace },
		{ VARIABLE_MULTIPART_CRLF_LF_LINES, flags->crlf_lf_lines },
		{ VARIABLE_MULTIPART_DATA_AFTER, flags->data_after },
		{ VARIABLE_MULTIPART_DATA_BEFORE, flags->data_before },
		{ VARIABLE_MULTIPART_FILE_LIMIT_EXCEEDED, flags->file_limit_exceeded },
		{ VARIABLE_MULTIPART_HEADER_FOLDING, flags->header_folding },
		{ VARIABLE_MULTIPART_INVALID_HEADER_FOLDING, flags->invalid_header_folding },
		{ VARIABLE_MULTIPART_INVALID_PART, flags->invalid_part },
		{ VARIABLE_MULTIPART_INVALID_QUOTING, flags->invalid_quoting },
		{ VARIABLE_MULTIPART_LF_LINE, flags->lf_line },
		{ VARIABLE_MULTIPART_MISSING_SEMICOLON, flags->missing_semicolon },
		{ VARIABLE_MULTIPART_STRICT_ERROR, flags->strict_error },
		{ VARIABLE_MULTIPART_UNMATCHED_BOUNDARY, flags->unmatched_boundary },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		set_number(tx, rows[i].variable, rows[i].value);
}

static void set_body_error(struct gate_tx *tx, const char *message)
{
	tx->body_trouble = true;
	tx->body_error_msg = tx_copy(tx, bytes_from_str(message));
}

static void take_result(struct gate_tx *tx, enum body_kind kind, const struct body_result *result)
{
	if (result->error) {
		TRACE(tx, 4, "%s", result->message);
		set_body_error(tx, result->message);
	}
	if (result->args_over) {
		TRACE(tx, 4, "Skipping request argument, over limit (%s)", kind == BODY_JSON ? "JSON" : "BODY");
		if (kind == BODY_JSON && !result->error)
			set_body_error(tx, "JSON parsing error: more arguments than SecArgumentsLimit");
	}
	tx->memory_refused |= result->out_of_memory;
	if (kind == BODY_MULTIPART)
		set_multipart(tx, &result->multipart);
	tx->args_error |= result->urlencoded_error;
	tx->args_over |= result->args_over;
	tx->xml = result->xml;
	if (tx->xml && tx->xml_args != SEC_XML_ARGS_OFF)
		xml_args_add(tx, tx->xml);
	if (tx->xml_args == SEC_XML_ARGS_ONLY)
		tx->xml = NULL;
	set_number(tx, VARIABLE_FILES_COMBINED_SIZE, result->files_size);
}

static void parse_body(struct gate_tx *tx, enum body_kind kind, struct bytes body)
{
	struct body_sink sink = { .context = tx,
		.arg = add_body_arg,
		.file = add_file,
		.part_header = add_part_header,
		.part_name = add_part_name,
		.trace = tx->trace ? trace_body : NULL };
	struct body_limits limits = limits_of(tx, tx->collections[VARIABLE_ARGS_GET].count);

	if (body_new(kind, tx->content_type, &limits, &sink, &tx->arena, &tx->body) < 0) {
		tx->memory_refused = true;
		return;
	}
	while (body.size != 0 && allowance_look(tx, 0)) {
		body_feed(tx->body, bytes_first(body, BODY_PIECE_SIZE), true);
		body = bytes_skip(body, BODY_PIECE_SIZE);
	}
	take_result(tx, kind, body_end(tx->body, tx->body_over));
}

static bool kind_of(const char *processor, enum body_kind *ret)
{
	static const struct {
		const char *name;
		enum body_kind kind;
	} rows[] = {
		{ "URLENCODED", BODY_URLENCODED },
		{ "MULTIPART", BODY_MULTIPART },
		{ "JSON", BODY_JSON },
		{ "XML", BODY_XML },
	};

	for (size_t i = 0; processor && i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].name, processor) == 0) {
			*ret = rows[i].kind;
			return true;
		}
	}
	return false;
}

/* Of a multipart form: the heads of its parts and what its fields hold. */
static uint64_t size_without_files(const struct gate_tx *tx, enum body_kind kind)
{
	static const enum variable kinds[] = { VARIABLE_MULTIPART_PART_HEADERS, VARIABLE_ARGS_POST };
	uint64_t size = 0;

	if (kind != BODY_MULTIPART)
		return tx->body_size;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		const struct entries *entries = &tx->collections[kinds[k]];

		for (uint32_t i = 0; i < entries->count; i++)
			size += entries->items[i].value->bytes.size;
	}
	return size;
}

/* As v3, which refuses documents that are too large without having read them. */
static bool is_too_large(const struct gate_tx *tx, enum body_kind kind)
{
	uint64_t limit = tx->plan->settings->request_body_no_files_limit;

	return limit != 0 && tx->body_size > limit && (kind == BODY_JSON || kind == BODY_XML);
}

void request_body_done(struct gate_tx *tx)
{
	const struct sec_settings *settings = tx->plan->settings;
	struct bytes body = bytes_of(tx->body_bytes, tx->body_size);
	enum body_kind kind = BODY_URLENCODED;

	/* A form in parts says how it is parted in its header, so one without a body is looked at too, as v3 does. */
	if (tx->body_access && (tx->body_size != 0 || (kind_of(tx->body_processor, &kind) && kind == BODY_MULTIPART))) {
		if (kind_of(tx->body_processor, &kind) && !is_too_large(tx, kind))
			parse_body(tx, kind, body);
		if (settings->request_body_no_files_limit != 0 &&
			size_without_files(tx, kind) > settings->request_body_no_files_limit) {
			TRACE(tx, 4, "Request body excluding files is bigger than the maximum expected.");
			set_body_error(tx, "Request body excluding files is bigger than the maximum expected.");
		}
		/* As ModSecurity 2.9: what is said in XML and in multipart forms is their values, and names of elements or the bytes of
		 * uploads are not text (v3 has the raw body here always; rules then fire on markup). */
		if (tx->body_forced || !tx->body_processor || kind == BODY_URLENCODED || kind == BODY_JSON)
			set_scalar(tx, VARIABLE_REQUEST_BODY, body);
		set_number(tx, VARIABLE_REQUEST_BODY_LENGTH, tx->body_size);
	}
	set_number(tx, VARIABLE_INBOUND_DATA_ERROR, tx->body_over);
	set_number(tx, VARIABLE_URLENCODED_ERROR, tx->args_error);
	set_number(tx, VARIABLE_REQBODY_ERROR, tx->body_trouble);
	set_number(tx, VARIABLE_REQBODY_PROCESSOR_ERROR, tx->body_trouble);
	if (tx->body_trouble) {
		set_scalar(tx, VARIABLE_REQBODY_ERROR_MSG, tx->body_error_msg);
		set_scalar(tx, VARIABLE_REQBODY_PROCESSOR_ERROR_MSG, tx->body_error_msg);
	}
	tx->scalars[VARIABLE_ARGS_COMBINED_SIZE] = NULL; /* made anew when asked for */
	tx->scalars[VARIABLE_FULL_REQUEST] = NULL;
}

/* ---- response ---- */

void gate_tx_response_line(struct gate_tx *tx, unsigned int status, struct bytes protocol)
{
	tx->response_status = status;
	tx->response_protocol = tx_copy(tx, protocol);
	set_number(tx, VARIABLE_RESPONSE_STATUS, status);
	set_scalar(tx, VARIABLE_RESPONSE_PROTOCOL, tx->response_protocol);
	set_scalar(tx, VARIABLE_STATUS_LINE,
		tx_printf(tx, "%.*s %u", (int)bytes_first(protocol, 31).size, (const char *)protocol.ptr, status));
}

void gate_tx_response_header(struct gate_tx *tx, struct bytes name, struct bytes value)
{
	name = tx_copy(tx, name);
	value = tx_copy(tx, value);
	entries_add(tx, &tx->collections[VARIABLE_RESPONSE_HEADERS], name, value);
	if (is_name(name, "content-type")) {
		tx->response_content_type = bytes_first(value, bytes_index(value, ';'));
		set_scalar(tx, VARIABLE_RESPONSE_CONTENT_TYPE, value);
	}
}

bool gate_tx_wants_response_body(const struct gate_tx *tx)
{
	const struct sec_settings *settings = tx->plan->settings;
	struct bytes type = tx->response_content_type;

	if (tx->mode == SEC_OFF || tx->stopped || !tx->response_access || tx->response_over)
		return false;
	while (type.size != 0 && type.ptr[type.size - 1] == ' ')
		type.size--;
	for (size_t i = 0; i < settings->response_mime_type_count; i++) {
		if (key_equal(settings->response_mime_types[i], type))
			return true;
	}
	return false;
}

void gate_tx_response_body(struct gate_tx *tx, struct bytes piece)
{
	const struct sec_settings *settings = tx->plan->settings;
	uint64_t before = tx->response_size;

	if (!gate_tx_wants_response_body(tx))
		return;
	tx->response_over = append(
		tx, &tx->response_bytes, &tx->response_size, &tx->response_room, piece, settings->response_body_limit);
	allow_more(tx, before, tx->response_size, settings->response_body_limit);
	if (tx->response_over && !settings->response_body_partial)
		tx_limit(tx, 403, "response-limit");
}

/* ---- variables that are made when somebody asks ---- */

static uint64_t combined_size(const struct entries *entries)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < entries->count; i++)
		size += entries->items[i].name.size + entries->items[i].value->bytes.size;
	return size;
}

static struct bytes make_full_request(struct gate_tx *tx)
{
	const struct entries *headers = &tx->collections[VARIABLE_REQUEST_HEADERS];
	struct bytes *parts = tx_alloc(tx, (4 * (size_t)headers->count + 4) * sizeof(*parts));
	size_t count = 0;

	if (!parts)
		return (struct bytes){ 0 };
	if (tx->scalars[VARIABLE_REQUEST_LINE])
		parts[count++] = tx->scalars[VARIABLE_REQUEST_LINE]->bytes;
	parts[count++] = bytes_of("\n", 1);
	for (uint32_t i = 0; i < headers->count; i++) {
		parts[count++] = headers->items[i].name;
		parts[count++] = bytes_of(": ", 2);
		parts[count++] = headers->items[i].value->bytes;
		parts[count++] = bytes_of("\n", 1);
	}
	parts[count++] = bytes_of("\n\n", 2);
	parts[count++] = bytes_of(tx->body_bytes, tx->body_size);
	return tx_join(tx, parts, count);
}

static struct bytes make_time(struct gate_tx *tx, enum variable variable)
{
	const struct tm *time = &tx->local_time;

	if (time->tm_mday == 0)
		localtime_r(&tx->started.tv_sec, &tx->local_time);
	switch (variable) {
	case VARIABLE_TIME:
		return tx_printf(tx, "%02d:%02d:%02d", time->tm_hour, time->tm_min, time->tm_sec);
	case VARIABLE_TIME_DAY:
		return tx_printf(tx, "%d", time->tm_mday);
	case VARIABLE_TIME_EPOCH:
		return tx_printf(tx, "%lld", (long long)tx->started.tv_sec);
	case VARIABLE_TIME_HOUR:
		return tx_printf(tx, "%02d", time->tm_hour);
	case VARIABLE_TIME_MIN:
		return tx_printf(tx, "%02d", time->tm_min);
	case VARIABLE_TIME_MON:
		return tx_printf(tx, "%d", time->tm_mon);
	case VARIABLE_TIME_SEC:
		return tx_printf(tx, "%02d", time->tm_sec);
	case VARIABLE_TIME_WDAY:
		return tx_printf(tx, "%d", time->tm_wday);
	default:
		return tx_printf(tx, "%d", time->tm_year + 1900);
	}
}

static struct gate_value *make_scalar(struct gate_tx *tx, enum variable variable)
{
	switch (variable) {
	case VARIABLE_ARGS_COMBINED_SIZE:
		return tx_value(tx, tx_printf(tx, "%" PRIu64,
					    combined_size(&tx->collections[VARIABLE_ARGS_GET]) +
						    combined_size(&tx->collections[VARIABLE_ARGS_POST]) +
						    combined_size(&tx->collections[VARIABLE_ARGS])));
	case VARIABLE_FULL_REQUEST:
		return tx_value(tx, make_full_request(tx));
	case VARIABLE_FULL_REQUEST_LENGTH:
		return tx_value(tx, tx_printf(tx, "%zu", make_full_request(tx).size));
	case VARIABLE_MODSEC_BUILD:
		return tx_value(tx, bytes_from_str("030009000"));
	case VARIABLE_TIME:
	case VARIABLE_TIME_DAY:
	case VARIABLE_TIME_EPOCH:
	case VARIABLE_TIME_HOUR:
	case VARIABLE_TIME_MIN:
	case VARIABLE_TIME_MON:
	case VARIABLE_TIME_SEC:
	case VARIABLE_TIME_WDAY:
	case VARIABLE_TIME_YEAR:
		return tx_value(tx, make_time(tx, variable));
	case VARIABLE_RESPONSE_BODY:
		return tx->response_size ? tx_value(tx, bytes_of(tx->response_bytes, tx->response_size)) : NULL;
	case VARIABLE_RESPONSE_CONTENT_LENGTH:
		return tx->response_size ? tx_value(tx, tx_printf(tx, "%zu", tx->response_size)) : NULL;
	case VARIABLE_OUTBOUND_DATA_ERROR:
		return tx_value(tx, bytes_from_str(tx->response_over ? "1" : "0"));
	default:
		return NULL;
	}
}

static struct gate_value *make_changing(struct gate_tx *tx, enum variable variable)
{
	struct timespec now;

	switch (variable) {
	case VARIABLE_DURATION:
		clock_gettime(CLOCK_MONOTONIC, &now);
		return tx_value(tx, tx_printf(tx, "%lld",
					    (long long)(now.tv_sec - tx->started_steady.tv_sec) * 1000 +
						    (now.tv_nsec - tx->started_steady.tv_nsec) / 1000000));
	case VARIABLE_HIGHEST_SEVERITY:
		return tx_value(tx, tx_printf(tx, "%d", tx->highest_severity < 0 ? 255 : tx->highest_severity));
	case VARIABLE_MATCHED_VAR:
		return tx->matched_name.ptr ? tx_value(tx, tx->matched_value) : NULL;
	case VARIABLE_MATCHED_VAR_NAME:
		return tx->matched_name.ptr ? tx_value(tx, tx->matched_name) : NULL;
	case VARIABLE_MSC_PCRE_LIMITS_EXCEEDED:
	case VARIABLE_MSC_PCRE_ERROR:
		return tx_value(tx, bytes_from_str(tx->pcre_limits ? "1" : "0"));
	case VARIABLE_SESSIONID:
		return tx->session_id.ptr ? tx_value(tx, tx->session_id) : NULL;
	case VARIABLE_USERID:
		return tx->user_id.ptr ? tx_value(tx, tx->user_id) : NULL;
	default:
		return NULL;
	}
}

struct gate_value *request_scalar(struct gate_tx *tx, enum variable variable)
{
	struct gate_value *value = tx->scalars[variable];

	if (value)
		return value;
	value = make_changing(tx, variable);
	if (value)
		return value;
	value = make_scalar(tx, variable);
	tx->scalars[variable] = value;
	return value;
}
