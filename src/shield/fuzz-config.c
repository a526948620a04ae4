// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a configuration: either a configuration within its bounds or at least one error that can be shown. */
#include <stdlib.h>
#include <string.h>

#include "shield/config-error.h"

#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *reply_name(size_t index)
{
	static const char *const names[] = { "dns", "ntp" };

	return index < ARRAY_COUNT(names) ? names[index] : NULL;
}

static void require_errors(const struct config_errors *errors)
{
	REQUIRE(errors->count > 0 && errors->count <= CONFIG_ERRORS_MAX && errors->total >= errors->count);
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->items[i];

		REQUIRE(error->found[0] && error->expected[0]);
		REQUIRE(config_text_safe(bytes_from_str(error->found)));
		REQUIRE(config_text_safe(bytes_from_str(error->setting)));
		REQUIRE(config_text_safe(bytes_from_str(error->remedy)));
		REQUIRE(i == 0 || errors->items[i - 1].line <= error->line);
	}
}

static void require_ports(const struct config_ports *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		REQUIRE(ports->ranges[i].first >= 1 && ports->ranges[i].first <= ports->ranges[i].last);
		REQUIRE(i == 0 || ports->ranges[i].first > ports->ranges[i - 1].last + 1);
	}
}

static void require_pairs(const struct config_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		REQUIRE(pairs->items[i].name[0] && pairs->items[i].value[0] && pairs->items[i].line);
		for (size_t j = 0; j < i; j++)
			REQUIRE(strcmp(pairs->items[i].name, pairs->items[j].name) != 0);
	}
}

static void require_sensor(const struct config_sensor *sensor)
{
	require_pairs(&sensor->address_groups);
	require_pairs(&sensor->port_groups);
	require_pairs(&sensor->options);
	REQUIRE(sensor->output_count <= CONFIG_OUTPUTS_MAX && sensor->workers >= 1 &&
		sensor->workers <= CONFIG_WORKERS_MAX);
	for (size_t i = 0; i < sensor->output_count; i++)
		REQUIRE(sensor->outputs[i].path && sensor->outputs[i].line);
	REQUIRE(!sensor->look.line + !sensor->wire.line + !sensor->nfqueue.line + !sensor->folder.line >= 3);
}

static void require_config(const struct config *config)
{
	REQUIRE((config->interface || config->sensor.line) && config->control_socket && config->pin_dir &&
		config->state_dir);
	REQUIRE(config->tenant_count <= config->capacity.tenants);
	require_sensor(&config->sensor);
	for (size_t i = 0; i < config->tenant_count; i++) {
		const struct config_tenant *tenant = &config->tenants[i];

		REQUIRE(tenant->name && strlen(tenant->name) <= CONFIG_NAME_MAX && tenant->prefixes.count > 0);
		for (size_t j = 0; j < tenant->prefixes.count; j++)
			REQUIRE(tenant->prefixes.items[j].length <= ip_addr_bits(&tenant->prefixes.items[j].addr));
		require_ports(&tenant->tcp_ports);
		require_ports(&tenant->udp_ports);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct config_errors errors;
	int result = config_load_bytes(bytes_of(data, size), "dir/fuzz.yaml", reply_name, &errors, &config);

	if (result) {
		REQUIRE(!config);
		require_errors(&errors);
	} else {
		REQUIRE(errors.count == 0);
		require_config(config);
	}
	config_free(config);
	return 0;
}
