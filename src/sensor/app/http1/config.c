// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/config.h"

#include <stdlib.h>

#include "base/error.h"
#include "sensor/app/http1/range.h"
#include "sensor/config/tree.h"

static const char *const personalities[] = { "ids", "minimal", "generic", "iis_4_0", "iis_5_0", "iis_5_1", "iis_6_0",
	"iis_7_0", "iis_7_5", "apache", "apache_2_2", NULL };

/* What each server does with paths. */
static void personality_uri(enum http_personality personality, struct uri_options *uri)
{
	bool apache = personality == HTTP_APACHE || personality == HTTP_APACHE_2_2;
	bool minimal = personality == HTTP_MINIMAL;

	uri->backslash_to_slash = uri->decode_separators = !apache && !minimal;
	uri->compress_separators = !minimal;
	uri->decode_u = personality == HTTP_IDS || personality == HTTP_IIS_6_0;
	uri->utf8_bestfit = personality == HTTP_IDS;
	uri->invalid_percent = URI_PERCENT_KEEP;
	uri->bestfit_replacement = '?';
	uri->nul_encoded_ends = uri->nul_raw_ends = false;
}

static void defaults(struct http_settings *ret)
{
	*ret = (struct http_settings){ .personality = HTTP_IDS,
		.body_limit_size = { 4096, 4096 },
		.inspect_min_size = { 32768, 32768 },
		.inspect_window_size = { 4096, 4096 },
		.body_inline = HTTP_INLINE_AUTO,
		.layers_max = 2,
		.decompress = { .bomb_size = 1 << 20, .bomb_ratio = 2048, .lzma_memory_size = 1 << 20 },
		.headers_max = 1024,
		.swf_types = HTTP_SWF_DEFLATE | HTTP_SWF_LZMA };
	personality_uri(HTTP_IDS, &ret->uri);
}

static uint32_t size32(const struct conf_node *node, const char *name, uint32_t fallback)
{
	uint64_t value = conf_size(node, name, fallback);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void read_bodies(const struct conf_node *node, struct http_settings *ret)
{
	static const char *const inlines[] = { "no", "yes", "auto", NULL };

	ret->body_limit_size[TO_SERVER] = size32(node, "request-body-limit", ret->body_limit_size[TO_SERVER]);
	ret->body_limit_size[TO_CLIENT] = size32(node, "response-body-limit", ret->body_limit_size[TO_CLIENT]);
	ret->inspect_min_size[TO_SERVER] =
		size32(node, "request-body-minimal-inspect-size", ret->inspect_min_size[TO_SERVER]);
	ret->inspect_min_size[TO_CLIENT] =
		size32(node, "response-body-minimal-inspect-size", ret->inspect_min_size[TO_CLIENT]);
	ret->inspect_window_size[TO_SERVER] =
		size32(node, "request-body-inspect-window", ret->inspect_window_size[TO_SERVER]);
	ret->inspect_window_size[TO_CLIENT] =
		size32(node, "response-body-inspect-window", ret->inspect_window_size[TO_CLIENT]);
	ret->body_inline = (uint8_t)conf_choice(node, "http-body-inline", inlines, ret->body_inline);
}

static void read_compression(const struct conf_node *node, struct http_settings *ret)
{
	static const char *const types[] = { "deflate", "lzma", "both", NULL };
	const struct conf_node *swf = conf_get(node, "swf-decompression");

	ret->layers_max = (uint8_t)conf_u64_between(
		node, "response-body-decompress-layer-limit", ret->layers_max, 0, DECOMPRESS_LAYERS_MAX);
	ret->lzma_enabled = conf_bool(node, "lzma-enabled", ret->lzma_enabled);
	ret->decompress.lzma_memory_size = conf_size(node, "lzma-memlimit", ret->decompress.lzma_memory_size);
	ret->decompress.bomb_size = size32(node, "compression-bomb-limit", ret->decompress.bomb_size);
	ret->swf_enabled = conf_bool(swf, "enabled", ret->swf_enabled);
	if (conf_get(swf, "type"))
		ret->swf_types = (uint8_t)(conf_choice(swf, "type", types, 2) + 1);
	ret->swf_compress_depth = size32(swf, "compress-depth", ret->swf_compress_depth);
	ret->swf_decompress_depth = size32(swf, "decompress-depth", ret->swf_decompress_depth);
}

static void read_settings(const struct conf_node *node, struct http_settings *ret)
{
	struct uri_options *uri = &ret->uri;

	if (conf_get(node, "personality")) {
		ret->personality = (uint8_t)conf_choice(node, "personality", personalities, ret->personality);
		personality_uri(ret->personality, uri);
	}
	read_bodies(node, ret);
	read_compression(node, ret);
	ret->headers_max = (uint32_t)conf_u64_between(node, "headers-limit", ret->headers_max, 1, 65536);
	uri->double_decode_path = conf_bool(node, "double-decode-path", uri->double_decode_path);
	uri->double_decode_query = conf_bool(node, "double-decode-query", uri->double_decode_query);
	uri->include_all = conf_bool(node, "uri-include-all", uri->include_all);
	uri->plus_to_space = conf_bool(node, "query-plusspace-decode", uri->plus_to_space);
	uri->backslash_to_slash = conf_bool(node, "path-convert-backslash-separators", uri->backslash_to_slash);
	uri->lowercase = conf_bool(node, "path-convert-lowercase", uri->lowercase);
	uri->decode_separators = conf_bool(node, "path-separators-decode", uri->decode_separators);
	uri->compress_separators = conf_bool(node, "path-separators-compress", uri->compress_separators);
	uri->decode_u = conf_bool(node, "path-u-encoding-decode", uri->decode_u);
	uri->utf8_bestfit = conf_bool(node, "path-utf8-convert-bestfit", uri->utf8_bestfit);
	uri->nul_encoded_ends = conf_bool(node, "path-nul-encoded-terminates", uri->nul_encoded_ends);
	uri->nul_raw_ends = conf_bool(node, "path-nul-raw-terminates", uri->nul_raw_ends);
}

/* The options of a server stand in a mapping under its name, or beside the name, as the list is written. */
static int read_server(const struct conf_node *item, struct http_config *config)
{
	const struct conf_node *options = conf_item_options(item), *address;
	struct http_server_settings *server = calloc(1, sizeof(*server));

	if (!server)
		return LUYTRE_E_NOMEM;
	server->settings = config->settings;
	read_settings(options, &server->settings);
	address = conf_get(options, "address");
	for (size_t i = 0; i < conf_values_count(address) && server->prefix_count < 32; i++) {
		const char *text = conf_value_at(address, i);

		if (text && ip_prefix_parse(bytes_from_str(text), IP_PREFIX_MASK_HOST_BITS,
				    &server->prefixes[server->prefix_count]) == 0)
			server->prefix_count++;
		else
			conf_complain(address, "this is no address or network: %s", text ? text : "");
	}
	server->next = config->servers;
	config->servers = server;
	return 0;
}

static void read_record(const struct conf_node *options, struct http_record_options *ret)
{
	static const char *const dumps[] = { "none", "request", "response", "both", NULL };
	int dump = conf_choice(options, "dump-all-headers", dumps, 0);
	const struct conf_node *custom = conf_get(options, "custom");

	ret->extended |= conf_bool(options, "extended", false);
	ret->dump_headers[TO_SERVER] |= (dump & 1) != 0;
	ret->dump_headers[TO_CLIENT] |= (dump & 2) != 0;
	for (size_t i = 0; i < conf_values_count(custom) && ret->custom_count < HTTP_CUSTOM_MAX; i++) {
		const char *text = conf_value_at(custom, i);

		if (text)
			ret->custom[ret->custom_count++] = text;
	}
}

void http_record_options_load(const struct conf_node *root, struct http_record_options *ret)
{
	if (ret->loaded)
		return;
	ret->loaded = true;
	CONF_FOR(output, conf_get(root, "outputs"))
	{
		const struct conf_node *types = conf_get(conf_item_options(output), "types");

		if (strcmp(conf_item_name(output), "eve-log") != 0)
			continue;
		CONF_FOR(type, types)
		{
			const struct conf_node *options = conf_item_options(type);

			if (strcmp(conf_item_name(type), "http") == 0) {
				read_record(options, ret);
			} else if (strcmp(conf_item_name(type), "alert") == 0) {
				ret->body |= conf_bool(options, "http-body", false);
				ret->body_printable |= conf_bool(options, "http-body-printable", false);
			}
		}
	}
}

int http_config_load(const struct conf_node *node, void **ret_config)
{
	struct http_config *config = calloc(1, sizeof(*config));
	int error = 0;

	if (!config)
		return LUYTRE_E_NOMEM;
	config->record = calloc(1, sizeof(*config->record));
	if (!config->record) {
		free(config);
		return LUYTRE_E_NOMEM;
	}
	http_range_use();
	defaults(&config->settings);
	read_settings(conf_get(node, "libhtp.default-config"), &config->settings);
	CONF_FOR(item, conf_get(node, "libhtp.server-config"))
	{
		if (error == 0)
			error = read_server(item, config);
	}
	if (error != 0) {
		http_config_free(config);
		return error;
	}
	*ret_config = config;
	return 0;
}

void http_config_free(void *config)
{
	struct http_config *http = config;

	if (!http)
		return;
	while (http->servers) {
		struct http_server_settings *next = http->servers->next;

		free(http->servers);
		http->servers = next;
	}
	http_range_unuse();
	free(http->record);
	free(http);
}

const struct http_settings *http_config_for(const struct http_config *config, const struct ip_addr *server)
{
	for (const struct http_server_settings *entry = config->servers; entry; entry = entry->next)
		for (unsigned int i = 0; i < entry->prefix_count; i++)
			if (ip_prefix_contains(&entry->prefixes[i], server))
				return &entry->settings;
	return &config->settings;
}
