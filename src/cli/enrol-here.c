// SPDX-License-Identifier: Apache-2.0
#include "cli/enrol-here.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "edge/link/enrol.h"
#include "edge/link/identity.h"
#include "edge/link/link.h"

enum { WAIT_STEP_MS = 100, WAIT_STEPS = 600, REQUEST_SIZE = 4000, NAME_MAX_SIZE = 64 };

/* This hub's only edge: it stands before all organisations of it. */
#define INVITE "invite * %s"

static bool answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return good;
}

static bool wait_for_hub(const char *path)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * (long)NS_PER_MS };

	for (int i = 0; i < WAIT_STEPS; i++) {
		if (answers(path))
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* The member 'key' of the answer, to be freed; null when the hub refuses, which is logged. */
static char *ask(const char *path, const char *request, const char *key)
{
	const struct cli_options options = { .socket = path };
	const char *message;
	char *reply = NULL, *text = NULL;
	json_t *json;

	if (cli_request(&options, request, &reply))
		return NULL;
	json = json_loads(reply, 0, NULL);
	message = json_string_value(json_object_get(json_object_get(json, "error"), "message"));
	if (message)
		log_warn("the hub: %s", message);
	else if (json_is_string(json_object_get(json, key)))
		text = strdup(json_string_value(json_object_get(json, key)));
	else
		text = strdup("");
	json_decref(json);
	free(reply);
	return text;
}

static void register_tenant(const struct enrol_here *here, const struct config_tenant *tenant)
{
	const char *name = tenant->title ? tenant->title : here->tenant ? here->tenant : tenant->name;
	char request[REQUEST_SIZE], text[IP_PREFIX_TEXT_SIZE];
	size_t used = (size_t)snprintf(request, sizeof(request), "tenant ");

	for (size_t i = 0; i < tenant->prefixes.count && used < sizeof(request); i++)
		used += (size_t)snprintf(request + used, sizeof(request) - used, "%s%s", i ? "," : "",
			ip_prefix_format(&tenant->prefixes.items[i], text));
	if (used < sizeof(request))
		used += (size_t)snprintf(request + used, sizeof(request) - used, " %s", name);
	if (used >= sizeof(request)) {
		log_warn("tenant %s has too many prefixes for one request; register it with `luytre hub tenant`", name);
		return;
	}
	free(ask(here->socket, request, "tenant"));
}

static int enrol_with(const struct enrol_here *here, const char *dir)
{
	struct enrol_options options = { .url = here->url, .dir = dir };
	char host[NAME_MAX_SIZE] = "", request[NAME_MAX_SIZE + 32], why[512] = "";
	uint32_t edge = 0;
	char *token;
	int error;

	if (gethostname(host, sizeof(host) - 1) || !host[0])
		snprintf(host, sizeof(host), "localhost");
	snprintf(request, sizeof(request), INVITE, host);
	token = ask(here->socket, request, "token");
	if (!token)
		return CLI_FAILED;
	options.token = token;
	error = enrol(&options, why, sizeof(why), &edge);
	free(token);
	if (error) {
		log_error("the hub on this machine did not enrol the edge: %s %s", error_text(error, LUYTRE_LANG_EN),
			why);
		return CLI_FAILED;
	}
	log_info("the edge is enrolled at the hub on this machine, as edge %" PRIu32, edge);
	return CLI_DONE;
}

int enrol_here(void *context)
{
	const struct enrol_here *here = context;
	struct identity identity;
	char dir[PATH_MAX];
	int error;

	snprintf(dir, sizeof(dir), "%s/" LINK_DIR, here->config->state_dir);
	error = identity_load(dir, &identity);
	if (!error)
		return CLI_DONE;
	if (error != LUYTRE_E_NOT_FOUND) {
		log_error("%s: %s", dir, error_text(error, LUYTRE_LANG_EN));
		return CLI_FAILED;
	}
	if (mkdir(here->config->state_dir, 0700) && errno != EEXIST) {
		log_error("%s: %s", here->config->state_dir, strerror(errno));
		return CLI_FAILED;
	}
	if (!wait_for_hub(here->socket)) {
		log_error("the hub on this machine does not answer on %s", here->socket);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < here->config->tenant_count; i++)
		register_tenant(here, &here->config->tenants[i]);
	return enrol_with(here, dir);
}
