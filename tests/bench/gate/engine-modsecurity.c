// SPDX-License-Identifier: Apache-2.0
/* libmodsecurity 3 through its C interface, in the order of calls of its nginx module. The library is opened at run time: the benchmark
 * builds without it and says that it is missing. Declarations are written from the library's reference manual. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "tests/bench/gate/engine.h"

#define LIBRARY "libmodsecurity.so.3"

enum { SITES_MAX = 1024 };

/* The layout is part of the interface. */
struct intervention {
	int status, pause;
	char *url, *log;
	int disruptive;
};

struct api {
	void *(*init)(void);
	void (*set_log_cb)(void *modsecurity, void (*log)(void *data, const void *message));
	void (*cleanup)(void *modsecurity);
	void *(*create_rules_set)(void);
	int (*rules_add_file)(void *rules, const char *path, const char **error);
	int (*rules_add)(void *rules, const char *text, const char **error);
	int (*rules_merge)(void *to, void *from, const char **error);
	int (*rules_cleanup)(void *rules);
	void *(*new_transaction)(void *modsecurity, void *rules, void *log_data);
	int (*process_connection)(void *tx, const char *client, int client_port, const char *server, int server_port);
	int (*process_uri)(void *tx, const char *uri, const char *method, const char *version);
	int (*add_n_request_header)(
		void *tx, const unsigned char *name, size_t name_size, const unsigned char *value, size_t value_size);
	int (*process_request_headers)(void *tx);
	int (*append_request_body)(void *tx, const unsigned char *body, size_t size);
	int (*process_request_body)(void *tx);
	int (*intervention)(void *tx, struct intervention *ret);
	int (*process_logging)(void *tx);
	void (*transaction_cleanup)(void *tx);
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
	{ "msc_init", offsetof(struct api, init) },
	{ "msc_set_log_cb", offsetof(struct api, set_log_cb) },
	{ "msc_cleanup", offsetof(struct api, cleanup) },
	{ "msc_create_rules_set", offsetof(struct api, create_rules_set) },
	{ "msc_rules_add_file", offsetof(struct api, rules_add_file) },
	{ "msc_rules_add", offsetof(struct api, rules_add) },
	{ "msc_rules_merge", offsetof(struct api, rules_merge) },
	{ "msc_rules_cleanup", offsetof(struct api, rules_cleanup) },
	{ "msc_new_transaction", offsetof(struct api, new_transaction) },
	{ "msc_process_connection", offsetof(struct api, process_connection) },
	{ "msc_process_uri", offsetof(struct api, process_uri) },
	{ "msc_add_n_request_header", offsetof(struct api, add_n_request_header) },
	{ "msc_process_request_headers", offsetof(struct api, process_request_headers) },
	{ "msc_append_request_body", offsetof(struct api, append_request_body) },
	{ "msc_process_request_body", offsetof(struct api, process_request_body) },
	{ "msc_intervention", offsetof(struct api, intervention) },
	{ "msc_process_logging", offsetof(struct api, process_logging) },
	{ "msc_transaction_cleanup", offsetof(struct api, transaction_cleanup) },
};

struct engine {
	void *modsecurity, *rules;
	void *sites[SITES_MAX];
	size_t site_count;
};

static struct api api; /* filled once; the library stays open until the program ends */

static int load_library(void)
{
	void *library;

	if (api.init)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return LUYTRE_E_UNSUPPORTED;
	for (size_t i = 0; i < ARRAY_COUNT(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol) {
			log_error(LIBRARY " has no %s", symbols[i].name);
			api.init = NULL;
			return LUYTRE_E_UNSUPPORTED;
		}
		/* POSIX: a pointer from dlsym holds a function. */
		memcpy((char *)&api + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return 0;
}

/* nginx writes it to the error log; here it is counted. */
static void count_message(void *data, const void *message)
{
	(void)message;
	++*(unsigned int *)data;
}

static void close_engine(struct engine *engine)
{
	if (!engine)
		return;
	for (size_t i = 0; i < engine->site_count; i++)
		api.rules_cleanup(engine->sites[i]);
	if (engine->rules)
		api.rules_cleanup(engine->rules);
	if (engine->modsecurity)
		api.cleanup(engine->modsecurity);
	free(engine);
}

static int open_engine(const char *path, const char *cache_dir, struct engine **ret)
{
	const char *reason = "";
	struct engine *engine;
	int error = load_library();

	(void)cache_dir; /* it has none */
	if (error < 0)
		return error;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return LUYTRE_E_NOMEM;
	engine->modsecurity = api.init();
	engine->rules = api.create_rules_set();
	if (!engine->modsecurity || !engine->rules || api.rules_add_file(engine->rules, path, &reason) < 0) {
		log_error(LIBRARY " refuses %s: %s", path, reason ? reason : "");
		close_engine(engine);
		return LUYTRE_E_SYNTAX;
	}
	api.set_log_cb(engine->modsecurity, count_message);
	*ret = engine;
	return 0;
}

/* What its module does for a server block with one directive of its own. */
static int add_site(struct engine *engine)
{
	const char *reason = NULL;
	void *site = api.create_rules_set();

	if (!site || engine->site_count == SITES_MAX)
		return LUYTRE_E_NOMEM;
	engine->sites[engine->site_count++] = site;
	if (api.rules_add(site, "SecRuleRemoveById 942100", &reason) < 0 ||
		api.rules_merge(site, engine->rules, &reason) < 0)
		return LUYTRE_E_SYNTAX;
	return 0;
}

/* True when the request ends here. */
static bool is_final(void *tx)
{
	struct intervention intervention = { .status = 200 };
	bool final = api.intervention(tx, &intervention) != 0 && intervention.disruptive;

	free(intervention.url);
	free(intervention.log);
	return final;
}

static void run_request(void *tx, const struct request *request)
{
	api.process_connection(tx, "192.0.2.7", 40000, "192.0.2.1", 80);
	api.process_uri(tx, request->target, request->method, "1.1");
	if (is_final(tx))
		return;
	for (size_t i = 0; i < request->header_count; i++) {
		const struct request_header *header = &request->headers[i];

		api.add_n_request_header(tx, (const unsigned char *)header->name, strlen(header->name),
			(const unsigned char *)header->value, strlen(header->value));
	}
	api.process_request_headers(tx);
	if (is_final(tx))
		return;
	if (request->body.size != 0)
		api.append_request_body(tx, request->body.ptr, request->body.size);
	api.process_request_body(tx);
	(void)is_final(tx);
}

static int judge(struct engine *engine, const struct request *request, unsigned int *ret_told)
{
	void *tx;

	*ret_told = 0;
	tx = api.new_transaction(engine->modsecurity, engine->rules, ret_told);
	if (!tx)
		return LUYTRE_E_NOMEM;
	run_request(tx, request);
	api.process_logging(tx);
	api.transaction_cleanup(tx);
	return 0;
}

const struct engine_kind engine_modsecurity = { "libmodsecurity", open_engine, close_engine, judge, add_site };
