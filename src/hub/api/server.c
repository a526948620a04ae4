// SPDX-License-Identifier: Apache-2.0
/* The connections, on libmicrohttpd. Its threads never wait: a request that needs a worker suspends its connection, and the
 * worker resumes it with the reply; a stream suspends while it has nothing to send. */
#include "hub/api/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/api/exchange.h"
#include "hub/api/peer.h"

enum {
	CONNECTION_MEMORY = 32 << 10, /* request line and headers, and what is sent */
	STREAM_BLOCK = 16 << 10,
	BODY_FIRST = 4 << 10,
};

static const struct {
	const char *name;
	size_t offset;
} header_rows[] = {
#define HEADER(name, field)                                                                                            \
	{                                                                                                              \
		name, offsetof(struct api_headers, field)                                                              \
	}
	HEADER("Authorization", authorization),
	HEADER("Cookie", cookie),
	HEADER("X-CSRF-Token", csrf),
	HEADER("If-Match", if_match),
	HEADER("If-None-Match", if_none_match),
	HEADER("Idempotency-Key", idempotency_key),
	HEADER("Accept-Language", accept_language),
	HEADER("Accept-Encoding", accept_encoding),
	HEADER("Content-Type", content_type),
	HEADER("Content-Length", content_length),
	HEADER("Transfer-Encoding", transfer_encoding),
	HEADER("traceparent", traceparent),
	HEADER("Last-Event-ID", last_event_id),
	HEADER("X-Real-IP", real_ip),
	HEADER("X-Client-Verify", client_verify),
	HEADER("X-Client-Serial", client_serial),
	HEADER("X-Client-Subject", client_subject),
	HEADER("User-Agent", user_agent),
	HEADER("Origin", origin),
	HEADER("Host", host),
#undef HEADER
};

static const struct api_header security_headers[] = {
	{ "Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
};

static enum MHD_Result read_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct api_headers *headers = context;

	for (size_t i = 0; i < ARRAY_COUNT(header_rows); i++) {
		const char **field = (const char **)((char *)headers + header_rows[i].offset);

		/* Of two with one name the first counts. */
		if (strcasecmp(name, header_rows[i].name) == 0 && !*field)
			*field = value;
	}
	return MHD_YES;
}

/* The address of the other end; or, when a proxy stands there that may say so, of who is behind it. */
static void read_client(struct exchange *exchange)
{
	const struct api_config *config = &exchange->server->config;
	struct api_request *request = &exchange->request;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	bool local = !address || (address->sa_family != AF_INET && address->sa_family != AF_INET6);

	request->client = (struct ip_addr){ 0 };
	if (!local && address->sa_family == AF_INET)
		request->client = ip_addr_v4(&((const struct sockaddr_in *)address)->sin_addr);
	else if (!local)
		request->client = ip_addr_v6(&((const struct sockaddr_in6 *)address)->sin6_addr);
	if ((local || config->trust_proxy) && request->headers.real_ip &&
		ip_addr_parse(bytes_from_str(request->headers.real_ip), &request->client) < 0)
		request->client = (struct ip_addr){ 0 };
	if (local || config->trust_proxy)
		peer_from_proxy(&request->headers, &request->certificate);
}

static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange_init(exchange, context);
	exchange->connection = connection;
	exchange->target = bytes_of(arena_strdup(&exchange->arena, target), strlen(target));
	if (!exchange->target.ptr)
		exchange->target.size = 0;
	return exchange;
}

static void on_completed(
	void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;
	struct api_server *server = context;
	size_t index = server->config.table->operation_count;

	if (!exchange)
		return;
	if (exchange->request.operation)
		index = exchange->request.index;
	/* A stream lasts as long as somebody looks: its time says nothing. */
	if (!exchange->client)
		metrics_count(server->metrics, index, exchange->reply.status,
			clock_since_ns(clock_mono_ns(), exchange->request.now.mono_ns));
	exchange_done(exchange);
	free(exchange);
	*state = NULL;
}

static void add_headers(struct MHD_Response *response, const struct exchange *exchange)
{
	const struct api_reply *reply = &exchange->reply;
	char parent[64];
	bool cached = false;

	for (size_t i = 0; i < ARRAY_COUNT(security_headers); i++)
		MHD_add_response_header(response, security_headers[i].name, security_headers[i].value);
	if (exchange->server->config.tls.certificate)
		MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
	snprintf(parent, sizeof(parent), "00-%s-%s-01", exchange->request.trace, exchange->request.span);
	MHD_add_response_header(response, "traceparent", parent);
	for (size_t i = 0; i < reply->header_count; i++) {
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
		cached = cached || strcasecmp(reply->headers[i].name, "Cache-Control") == 0;
	}
	if (!cached)
		MHD_add_response_header(response, "Cache-Control", "no-store");
}

/* A file becomes the response's. */
static struct MHD_Response *make_response(struct api_reply *reply)
{
	struct MHD_Response *response;

	if (reply->file < 0)
		/* The library does not write to it, whatever its signature says. */
		return MHD_create_response_from_buffer(
			reply->body.size, (void *)(uintptr_t)reply->body.ptr, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_fd64(reply->file_size, reply->file);
	if (response)
		reply->file = -1;
	return response;
}

static enum MHD_Result send_reply(struct exchange *exchange)
{
	const struct api_reply *reply = &exchange->reply;
	struct MHD_Response *response = make_response(&exchange->reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (reply->content_type)
		MHD_add_response_header(response, "Content-Type", reply->content_type);
	add_headers(response, exchange);
	atomic_store(&exchange->state, EXCHANGE_SENT);
	result = MHD_queue_response(exchange->connection, (unsigned int)reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static void suspend(void *connection)
{
	MHD_suspend_connection(connection);
}

static void resume(void *connection)
{
	MHD_resume_connection(connection);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size)
{
	struct exchange *exchange = context;
	ssize_t part = stream_client_read(exchange->client, out, size, suspend, resume, exchange->connection);

	return part < 0 ? MHD_CONTENT_READER_END_OF_STREAM : part;
}

static enum MHD_Result send_stream(struct exchange *exchange)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, exchange, NULL);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	add_headers(response, exchange);
	atomic_store(&exchange->state, EXCHANGE_SENT);
	result = MHD_queue_response(exchange->connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

/* The same to a file. */
static bool spool_body(struct exchange *exchange, const char *data, size_t size)
{
	struct api_request *request = &exchange->request;

	if (request->body_size + size > request->operation->body_max) {
		process_problem(exchange, API_PROBLEM_TOO_LARGE);
		return false;
	}
	if (!process_spool(exchange, size)) {
		api_reply_finish(&exchange->reply);
		return false;
	}
	request->body_size += size;
	while (size > 0) {
		ssize_t part = write(request->body_file, data, size);

		if (part < 0 && errno != EINTR) {
			process_problem(exchange, API_PROBLEM_STORAGE);
			return false;
		}
		if (part > 0) {
			data += part;
			size -= (size_t)part;
		}
	}
	return true;
}

/* Adds a part of the body. False when it is beyond a bound, which is answered when all of it has come. */
static bool add_body(struct exchange *exchange, const char *data, size_t size)
{
	struct api_server *server = exchange->server;
	size_t wanted = exchange->body_size + size;

	if (exchange->request.operation->spooled)
		return spool_body(exchange, data, size);
	if (wanted > exchange->request.operation->body_max) {
		process_problem(exchange, API_PROBLEM_TOO_LARGE);
		return false;
	}
	if (wanted > exchange->body_room) {
		size_t room = exchange->body_room ? exchange->body_room * 2 : BODY_FIRST;
		size_t more;
		uint8_t *body;

		room = room < wanted ? wanted : room;
		more = room - exchange->body_room;
		if (atomic_fetch_add(&server->bodies, more) + more > server->config.bodies_max ||
			!(body = realloc(exchange->body, room))) {
			atomic_fetch_sub(&server->bodies, more);
			atomic_fetch_add(&server->overloaded, 1);
			process_problem(exchange, API_PROBLEM_OVERLOADED);
			return false;
		}
		exchange->body = body;
		exchange->body_room = room;
	}
	memcpy(exchange->body + exchange->body_size, data, size);
	exchange->body_size = wanted;
	return true;
}

/* From the worker: the reply is ready, or the body may come. */
static void resume_exchange(struct exchange *exchange)
{
	bool checked = atomic_load(&exchange->state) == EXCHANGE_CHECKING && exchange->reply.status == 0;

	atomic_store(&exchange->state, checked ? EXCHANGE_CHECKED : EXCHANGE_DONE);
	MHD_resume_connection(exchange->connection);
}

/* To a worker, which leaves the connection suspended until it is done. */
static enum MHD_Result dispatch(struct exchange *exchange, enum exchange_state state)
{
	struct api_server *server = exchange->server;
	enum api_lane lane = exchange->request.operation->lane;

	if (lane == API_LANE_INLINE) {
		process_run(exchange, NULL);
		return send_reply(exchange);
	}
	atomic_store(&exchange->state, state);
	/* Before the worker sees it, which may be done with it at once. */
	MHD_suspend_connection(exchange->connection);
	if (work_add(server->work, exchange, lane) < 0) {
		atomic_fetch_add(&server->overloaded, 1);
		process_problem(exchange, API_PROBLEM_OVERLOADED);
		resume_exchange(exchange);
	}
	return MHD_YES;
}

static enum MHD_Result begin(struct exchange *exchange, const char *method)
{
	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, read_header, &exchange->request.headers);
	read_client(exchange);
	peer_certificate(exchange->connection, exchange->server, &exchange->request.certificate);
	if (!process_begin(exchange, method)) {
		if (exchange->request.operation->spooled)
			return dispatch(exchange, EXCHANGE_CHECKING);
		atomic_store(&exchange->state, EXCHANGE_READING);
		return MHD_YES;
	}
	/* A reply before the body ends the connection, so where none comes it waits for the next call. */
	if (exchange->request.headers.content_length || exchange->request.headers.transfer_encoding)
		return send_reply(exchange);
	atomic_store(&exchange->state, EXCHANGE_DONE);
	return MHD_YES;
}

/* The library ends who sends nothing; this is for who sends a byte now and then. */
static bool is_slow(struct exchange *exchange, size_t size)
{
	const struct api_config *config = &exchange->server->config;
	const uint64_t pace_ns = config->pace_ms * NS_PER_MS, now_ns = clock_mono_ns();
	bool slow = false;

	if (!exchange->pace_end_ns) {
		exchange->pace_end_ns = now_ns + 2 * pace_ns;
	} else if (now_ns >= exchange->pace_end_ns) {
		slow = exchange->pace_bytes < config->pace_bytes;
		exchange->pace_end_ns = now_ns + pace_ns;
		exchange->pace_bytes = 0;
	}
	exchange->pace_bytes += size;
	return slow;
}

/* The library takes no reply in the middle of a body, so this one is written here, and the connection ends. */
static enum MHD_Result end_slow(struct exchange *exchange)
{
	struct api_reply *reply = &exchange->reply;
	char text[2048];
	int size;

	reply->header_count = 0;
	process_problem(exchange, API_PROBLEM_SLOW);
	size = snprintf(text, sizeof(text),
		"HTTP/1.1 %d Request Timeout\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: %s\r\n"
		"X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n\r\n%.*s",
		reply->status, reply->content_type, reply->body.size, (int)reply->body.size,
		(const char *)reply->body.ptr);
	if (size > 0 && (size_t)size < sizeof(text))
		peer_send(exchange->connection, bytes_of(text, (size_t)size));
	return MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **state)
{
	struct exchange *exchange = *state;

	if (!exchange)
		return MHD_NO;
	switch (atomic_load(&exchange->state)) {
	case EXCHANGE_NEW:
		return begin(exchange, method);
	case EXCHANGE_CHECKED:
		/* The library asks once more before it reads the body. */
		atomic_store(&exchange->state, EXCHANGE_READING);
		return MHD_YES;
	case EXCHANGE_READING:
		if (*data_size == 0)
			return dispatch(exchange, EXCHANGE_RUNNING);
		if (is_slow(exchange, *data_size))
			return end_slow(exchange);
		if (!add_body(exchange, data, *data_size)) {
			process_unspool(exchange);
			atomic_store(&exchange->state, EXCHANGE_REFUSED);
		}
		*data_size = 0;
		return MHD_YES;
	case EXCHANGE_REFUSED:
		if (*data_size == 0)
			return send_reply(exchange);
		if (is_slow(exchange, *data_size))
			return end_slow(exchange);
		exchange->body_size += *data_size;
		*data_size = 0;
		/* Who does not stop is cut off. */
		return exchange->body_size > 4 * (size_t)API_BODY_MAX ? MHD_NO : MHD_YES;
	case EXCHANGE_DONE:
		return exchange->client ? send_stream(exchange) : send_reply(exchange);
	default:
		return MHD_NO;
	}
}

static PRINTF_LIKE(2, 0) void on_log(void *context, const char *format, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_limited(clock_mono_ns(), LOG_LEVEL_DEBUG, "api: %s", text);
}

static void write_figure(struct metrics_text *out, const char *name, const char *kind, const char *help, uint64_t value)
{
	metrics_print(out, "# HELP luytre_%s %s\n# TYPE luytre_%s %s\nluytre_%s %llu\n", name, help, name, kind, name,
		(unsigned long long)value);
}

/* Writes all figures. */
static void write_metrics(struct api_server *server, struct metrics_text *out)
{
	struct api_share_stats spools;
	struct stream_stats stats;

	metrics_write(server->metrics, out);
	write_figure(out, "api_overloaded_total", "counter", "Requests that were refused because nobody was free.",
		atomic_load(&server->overloaded));
	write_figure(
		out, "api_exchanges", "gauge", "Requests that are being answered.", atomic_load(&server->exchanges));
	write_figure(out, "api_body_bytes", "gauge", "Bodies of requests in memory.", atomic_load(&server->bodies));
	api_share_stats(server->spools, &spools);
	write_figure(out, "api_spooled_bytes", "gauge", "Bodies of requests on the disk.", spools.bytes);
	metrics_print(out,
		"# HELP luytre_api_spool_refused_total Bodies that were refused, by whose share was used up.\n"
		"# TYPE luytre_api_spool_refused_total counter\n"
		"luytre_api_spool_refused_total{share=\"caller\"} %llu\n"
		"luytre_api_spool_refused_total{share=\"all\"} %llu\n",
		(unsigned long long)spools.refused_each, (unsigned long long)spools.refused_all);
	write_figure(out, "api_limit_uncounted_total", "counter", "Requests that no bucket could be kept for.",
		limit_uncounted(server->limit));
	work_write(server->work, out);
	if (server->config.stream) {
		stream_stats(server->config.stream, &stats);
		write_figure(out, "stream_clients", "gauge", "Who listens for changes.", stats.clients);
		write_figure(out, "stream_events_total", "counter", "Changes that were published.", stats.published);
		write_figure(
			out, "stream_resyncs_total", "counter", "Listeners that had to read all anew.", stats.resyncs);
		write_figure(out, "stream_refused_total", "counter", "Listeners that were refused.", stats.refused);
	}
	if (server->config.collect)
		server->config.collect(server->config.collect_context, out);
}

static enum MHD_Result on_admin(void *context, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **state)
{
	struct metrics_text out = { 0 };
	struct MHD_Response *response;
	unsigned int status = 404;
	enum MHD_Result result;

	if (*data_size > 0)
		return MHD_NO;
	if (strcmp(url, "/metrics") == 0 && strcmp(method, "GET") == 0) {
		write_metrics(context, &out);
		status = out.failed ? 500 : 200;
	}
	response = MHD_create_response_from_buffer(
		status == 200 ? out.size : 0, status == 200 ? out.text : NULL, MHD_RESPMEM_MUST_COPY);
	metrics_text_done(&out);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Every request would look the same up: its size and end are checked by the library, the rest is ours (uri.h). */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

static int start_daemon(struct api_server *server)
{
	const struct api_config *config = &server->config;
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[24];
	size_t count = 0;

#define OPTION(option, number, pointer)                                                                                \
	(options[count++] = (struct MHD_OptionItem){ option, (intptr_t)(number), (void *)(uintptr_t)(pointer) })
	OPTION(MHD_OPTION_LISTEN_SOCKET, config->listen_fd, NULL);
	OPTION(MHD_OPTION_THREAD_POOL_SIZE, config->threads, NULL);
	OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL);
	OPTION(MHD_OPTION_CONNECTION_LIMIT, config->connections_max, NULL);
	OPTION(MHD_OPTION_CONNECTION_TIMEOUT, config->timeout_s, NULL);
	OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
	OPTION(MHD_OPTION_URI_LOG_CALLBACK, on_target, server);
	OPTION(MHD_OPTION_NOTIFY_COMPLETED, on_completed, server);
	OPTION(MHD_OPTION_NOTIFY_CONNECTION, peer_notify, NULL);
	OPTION(MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL);
	if (config->connections_per_address)
		OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connections_per_address, NULL);
	if (config->tls.certificate) {
		flags |= MHD_USE_TLS;
		OPTION(MHD_OPTION_HTTPS_MEM_CERT, 0, config->tls.certificate);
		OPTION(MHD_OPTION_HTTPS_MEM_KEY, 0, config->tls.key);
		OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE");
		if (config->tls.client_ca)
			OPTION(MHD_OPTION_HTTPS_MEM_TRUST, 0, config->tls.client_ca);
	}
	OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log,
		NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return server->daemon ? 0 : LUYTRE_E_SYSTEM;
}

static int start_admin(struct api_server *server)
{
	if (server->config.admin_fd < 0)
		return 0;
	server->admin = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_admin, server,
		MHD_OPTION_LISTEN_SOCKET, server->config.admin_fd, MHD_OPTION_CONNECTION_LIMIT, 16U,
		MHD_OPTION_CONNECTION_TIMEOUT, 10U, MHD_OPTION_END);
	return server->admin ? 0 : LUYTRE_E_SYSTEM;
}

static void set_defaults(struct api_config *config)
{
	config->threads = config->threads ? config->threads : 2;
	config->workers = config->workers ? config->workers : 4;
	config->heavy_workers = config->heavy_workers ? config->heavy_workers : 2;
	for (size_t i = 0; i < config->table->operation_count && !config->question_workers; i++)
		if (config->table->operations[i].lane == API_LANE_QUESTION)
			config->question_workers = 4;
	config->connections_max = config->connections_max ? config->connections_max : 4000;
	config->timeout_s = config->timeout_s ? config->timeout_s : 30;
	config->bodies_max = config->bodies_max ? config->bodies_max : (size_t)256 << 20;
	config->spools_max = config->spools_max ? config->spools_max : UINT64_C(4) << 30;
	config->spool_share = config->spool_share ? config->spool_share : UINT64_C(1) << 30;
	config->pace_ms = config->pace_ms ? config->pace_ms : 30000;
	config->pace_bytes = config->pace_bytes ? config->pace_bytes : 64 << 10;
	config->limits = config->limits ? config->limits : &limit_settings_default;
}

static int check_config(const struct api_config *config)
{
	if (config->tls.certificate && !config->tls.key)
		return LUYTRE_E_INVALID;
	for (size_t i = 0; i < config->table->operation_count; i++) {
		if (!config->handlers[i] && config->table->operations[i].lane != API_LANE_STREAM) {
			log_error("api: operation %s has no handler", config->table->operations[i].id);
			return LUYTRE_E_INVALID;
		}
	}
	return 0;
}

static int start(struct api_server *server)
{
	const struct api_config *config = &server->config;
	int error = check_config(config);

	if (error < 0)
		return error;
	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	if (config->cursor_key)
		memcpy(server->cursor_key, config->cursor_key, API_CURSOR_KEY_SIZE);
	else
		randombytes_buf(server->cursor_key, sizeof(server->cursor_key));
	server->limit = limit_new(config->limits);
	server->again = again_new(&again_settings_default);
	server->metrics = metrics_new(config->table);
	server->spools = api_share_new(config->spools_max, config->spool_share);
	if (!server->limit || !server->again || !server->metrics || !server->spools)
		return LUYTRE_E_NOMEM;
	error = work_new(server, resume_exchange, &server->work);
	if (error == 0)
		error = start_daemon(server);
	if (error == 0)
		error = start_admin(server);
	return error;
}

int api_server_new(const struct api_config *config, struct api_server **ret)
{
	struct api_server *server = calloc(1, sizeof(*server));
	int error = LUYTRE_E_NOMEM;

	if (server) {
		server->config = *config;
		set_defaults(&server->config);
		error = start(server);
	}
	if (error == 0) {
		*ret = server;
		return 0;
	}
	/* What a daemon took over it closes itself. */
	if (!server || !server->daemon)
		close(config->listen_fd);
	if (config->admin_fd >= 0 && (!server || !server->admin))
		close(config->admin_fd);
	if (server)
		server->config.stream = NULL;
	api_server_free(server);
	return error;
}

void api_server_free(struct api_server *server)
{
	if (!server)
		return;
	/* Workers and streams first: the library must not be stopped while a connection is suspended. */
	if (server->daemon) {
		MHD_socket fd = MHD_quiesce_daemon(server->daemon);

		if (fd != MHD_INVALID_SOCKET)
			close(fd);
	}
	if (server->config.stream)
		stream_stop(server->config.stream);
	if (server->work)
		work_stop(server->work);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	if (server->admin)
		MHD_stop_daemon(server->admin);
	work_free(server->work);
	metrics_free(server->metrics);
	api_share_free(server->spools);
	again_free(server->again);
	limit_free(server->limit);
	sodium_memzero(server->cursor_key, sizeof(server->cursor_key));
	free(server);
}
