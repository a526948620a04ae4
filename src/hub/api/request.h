// SPDX-License-Identifier: Apache-2.0
/* What a handler sees: the request, already authenticated, allowed and checked against the description, and the reply
 * that it writes. A handler is one function, named after its operationId (getTenant: handle_get_tenant), and runs on a
 * worker:
 *
 *	void handle_get_tenant(struct api_request *request, struct api_reply *reply)
 *	{
 *		struct bytes id = api_path(request, "tenant");
 *		...
 *		if (error < 0)
 *			return api_reply_error(reply, error, NULL);
 *		if (api_reply_unmodified(reply, tenant.revision))
 *			return;
 *		json = api_reply_json(reply, 200);
 *		jsonw_object_begin(json);
 *		...
 *	}
 *
 * Everything the request points to lives until the handler returns; memory from request->arena until the answer is
 * sent. A handler must write a reply; JSON that is not complete becomes the problem "internal". Asking for a parameter
 * that the description does not have is a programming mistake and ends the program. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "base/net.h"
#include "hub/api/problem.h"
#include "hub/api/route.h"
#include "hub/api/validate.h"

enum {
	API_TRACE_SIZE = 33, /* hex with a NUL */
	API_SPAN_SIZE = 17,
	API_REPLY_HEADERS_MAX = 12,
	API_REPLY_SIZE_MAX = 16 << 20,
	API_ETAG_SIZE = 24,
	API_CURSOR_SIZE = 44, /* base64url of 32 bytes with a NUL */
	API_CURSOR_KEY_SIZE = 32,
	API_CALLER_NAME_SIZE = 64,
};

/* Who asks. All zeros: nobody. */
struct api_caller {
	uint64_t id; /* of the account, token or edge; unique together with 'kind'; 0: nobody */
	uint32_t kind; /* the authenticator's own */
	bool by_cookie; /* unsafe methods need the CSRF token */
	char csrf[64]; /* what X-CSRF-Token must say */
	char name[API_CALLER_NAME_SIZE]; /* for logs */
	void *data; /* the authenticator's own, given to its release function */
};

/* Certificate of the other end, checked against the authority: by this server's own TLS, or by the proxy before it. */
struct api_certificate {
	bool present;
	char serial[65]; /* hex, small letters */
	char name[128]; /* common name */
	uint8_t fingerprint[32]; /* SHA-256 of the whole certificate; zeros from a proxy, which does not tell it */
};

/* Borrowed; null when not there. */
struct api_headers {
	const char *authorization, *cookie, *csrf, *if_match, *if_none_match, *idempotency_key, *accept_language,
		*accept_encoding, *content_type, *content_length, *transfer_encoding, *traceparent, *last_event_id,
		*real_ip, *client_verify, *client_serial, *client_subject, *user_agent, *origin, *host;
};

struct api_request {
	const struct api_operation *operation;
	size_t index; /* of the operation */
	struct bytes path;
	struct bytes path_values[API_PATH_DEPTH_MAX];
	struct api_value values[API_PARAMS_MAX]; /* in the operation's order; those of the path are not filled in */
	struct api_headers headers;
	struct bytes body; /* as it came */
	int body_file; /* of a spooled operation: the body, read from its beginning; the server's, so who keeps it dups it. -1: none */
	uint64_t body_size;
	const json_t *json; /* the body, checked; null without one */
	struct api_caller caller;
	struct api_certificate certificate;
	struct ip_addr client; /* family 0: a local socket without a proxy in front */
	struct clock now;
	enum luytre_lang lang;
	char trace[API_TRACE_SIZE];
	char span[API_SPAN_SIZE]; /* ours */
	struct arena *arena;
	void *context; /* the program's, of the server */
	void *worker; /* the program's, of this thread */
	const uint8_t *cursor_key;
};

struct api_header {
	const char *name, *value;
};

struct api_reply {
	const struct api_request *request;
	int status; /* 0: nothing written yet */
	const char *content_type; /* null: no body */
	struct bytes body; /* points into 'json' or elsewhere, where it lives long enough */
	struct jsonw json;
	struct api_header headers[API_REPLY_HEADERS_MAX];
	size_t header_count;
	void (*release)(void *context); /* of the body, when the answer was sent; null: nothing */
	void *release_context;
	int file; /* owned: the body is what stands in it; -1: none */
	uint64_t file_size;
};

/* Value of a parameter of the path. */
struct bytes api_path(const struct api_request *request, const char *name);
/* Value of a parameter of the query; never null. */
const struct api_value *api_query(const struct api_request *request, const char *name);

/* Reader over the body, for jsonr.h; 'errors' begins empty. */
void api_body(const struct api_request *request, struct jsonr_errors *errors, struct jsonr *ret);

/* Where a page begins: what the last item of the page before was ordered by. All zeros is the first page. */
struct api_position {
	uint64_t key, id;
};

/* Reads the parameter "cursor". False when it is forged or of another question, and the reply says so. */
bool api_page_begin(const struct api_request *request, struct api_reply *reply, struct api_position *ret);
/* Writes the member "next": a cursor behind 'last', or null when there is no more. */
void api_page_end(const struct api_request *request, struct jsonw *json, bool more, struct api_position last);

/* Begins a JSON answer; a second call drops what the first wrote. */
struct jsonw *api_reply_json(struct api_reply *reply, int status);
/* Answers without a body: 204, 304. */
void api_reply_empty(struct api_reply *reply, int status);
/* Answers bytes, which must live until the answer was sent: constant, or from the arena. */
void api_reply_bytes(struct api_reply *reply, int status, const char *content_type, struct bytes body);
/* The same with a body that may be large and is shared: 'release' is called when the answer was sent or given up, on any thread. */
void api_reply_shared(struct api_reply *reply, int status, const char *content_type, struct bytes body,
	void (*release)(void *context), void *context);
/* The same with a body of any size that stands in a file, which becomes the reply's: it is sent from there, piece by piece. */
void api_reply_file(struct api_reply *reply, int status, const char *content_type, int fd, uint64_t size);
/* Adds a header; both strings must live as long. Beyond API_REPLY_HEADERS_MAX it is left away. */
void api_reply_header(struct api_reply *reply, const char *name, const char *value);
/* As printf, into the arena. */
PRINTF_LIKE(3, 4) void api_reply_header_format(struct api_reply *reply, const char *name, const char *format, ...);

/* A problem. 'detail' is a sentence in the caller's language, or null. */
void api_reply_problem(struct api_reply *reply, enum api_problem problem, const char *detail);
/* The problem that an error of a library means; 'detail' may be null. */
void api_reply_error(struct api_reply *reply, int error, const char *detail);
/* The problem "invalid-request" with all that is wrong. */
void api_reply_invalid(struct api_reply *reply, const struct jsonr_errors *errors);

/* Revisions. Each answer about a single resource carries its ETag. */
void api_reply_etag(struct api_reply *reply, uint64_t revision);
/* Sets the ETag; when the caller has this revision it answers 304 and returns true. */
bool api_reply_unmodified(struct api_reply *reply, uint64_t revision);
/* Whether If-Match names this revision; if not, the reply is the problem "changed". */
bool api_reply_matches(struct api_reply *reply, uint64_t revision);

/* For the server: begin, and release. */
void api_reply_init(struct api_reply *reply, const struct api_request *request);
void api_reply_done(struct api_reply *reply);
/* Closes the JSON; a reply that was never written or is broken becomes "internal". */
void api_reply_finish(struct api_reply *reply);
