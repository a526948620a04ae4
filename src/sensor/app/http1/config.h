// SPDX-License-Identifier: Apache-2.0
/* Options of HTTP: "app-layer.protocols.http.libhtp" (default-config, and server-config by address of the server), and
 * what "outputs.eve-log" wants in records. Read once for a policy, then shared and never changed. */
#pragma once

#include "base/net.h"
#include "sensor/app/decompress.h"
#include "sensor/app/http1/uri.h"
#include "sensor/common.h"

struct conf_node;

enum http_personality {
	HTTP_IDS,
	HTTP_MINIMAL,
	HTTP_GENERIC,
	HTTP_IIS_4_0,
	HTTP_IIS_5_0,
	HTTP_IIS_5_1,
	HTTP_IIS_6_0,
	HTTP_IIS_7_0,
	HTTP_IIS_7_5,
	HTTP_APACHE,
	HTTP_APACHE_2_2
};

struct http_settings {
	uint8_t personality; /* enum http_personality */
	struct uri_options uri;
	uint32_t body_limit_size[SENSOR_DIRS]; /* bytes of a body that are kept and inspected; 0: all */
	uint32_t inspect_min_size[SENSOR_DIRS]; /* not inspected before so many are there, or all */
	uint32_t inspect_window_size[SENSOR_DIRS]; /* of these, older ones are inspected again with new ones */
	uint8_t body_inline; /* enum http_body_inline: inspect what is there at once */
	uint8_t layers_max; /* of Content-Encoding; 0: DECOMPRESS_LAYERS_MAX */
	bool lzma_enabled;
	struct decompress_limits decompress;
	uint32_t headers_max; /* of a message */
	bool swf_enabled;
	uint8_t swf_types; /* enum http_swf_type */
	uint32_t swf_compress_depth, swf_decompress_depth;
};

enum http_body_inline { HTTP_INLINE_NO, HTTP_INLINE_YES, HTTP_INLINE_AUTO };
enum http_swf_type { HTTP_SWF_DEFLATE = 1, HTTP_SWF_LZMA = 2 };

struct http_server_settings {
	struct http_server_settings *next;
	struct http_settings settings;
	unsigned int prefix_count;
	struct ip_prefix prefixes[32];
};

enum { HTTP_CUSTOM_MAX = 64 };

/* What EVE shall show beyond the usual; united over all outputs. */
struct http_record_options {
	bool loaded;
	bool extended; /* more than host, URL, agent and type in records; alerts always have more */
	bool dump_headers[SENSOR_DIRS];
	bool body, body_printable; /* in alerts */
	unsigned int custom_count;
	const char *custom[HTTP_CUSTOM_MAX]; /* names as configured: "accept_encoding"; borrowed from the tree */
};

struct http_config {
	struct http_settings settings;
	struct http_server_settings *servers;
	struct http_record_options
		*record; /* owned; read when the first flow is opened: it is another part of the tree */
};

/* 'node' is app-layer.protocols.http, null for built-in values. 0 or LUYTRE_E_NOMEM. */
int http_config_load(const struct conf_node *node, void **ret_config);
void http_config_free(void *config);
const struct http_settings *http_config_for(const struct http_config *config, const struct ip_addr *server);
/* Reads the options of "outputs", once. */
void http_record_options_load(const struct conf_node *root, struct http_record_options *ret);
