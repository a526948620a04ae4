// SPDX-License-Identifier: Apache-2.0
/* See control.h. */
#include "lab/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "shield/emulate.h"

enum { REPLY_MAX = 1 << 20, TIMEOUT_S = 2 };

enum shield_reason control_reason_find(const char *name)
{
	int at = 0;

	while (at < SHIELD_REASON_COUNT && strcmp(shield_reason_name((enum shield_reason)at), name))
		at++;
	return (enum shield_reason)at;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads to the end of the connection; the result is freed by the caller. Null when something is amiss. */
static char *read_all(int fd, size_t *ret_size)
{
	char *text = malloc(REPLY_MAX);
	size_t size = 0;
	ssize_t got = text ? 1 : -1;

	while (got > 0 && size < REPLY_MAX) {
		got = recv(fd, text + size, REPLY_MAX - size, 0);
		size += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		free(text);
		return NULL;
	}
	*ret_size = size;
	return text;
}

static int request_json(const char *path, const char *request, json_t **ret)
{
	char line[512], *text = NULL;
	int fd = connect_to(path), length;
	size_t size = 0;

	if (fd < 0)
		return LUYTRE_E_IO;
	length = snprintf(line, sizeof(line), "%s\n", request);
	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) == length)
		text = read_all(fd, &size);
	close(fd);
	if (!text)
		return LUYTRE_E_IO;
	*ret = json_loadb(text, size, 0, NULL);
	free(text);
	return *ret ? 0 : LUYTRE_E_SYNTAX;
}

int control_ask(const char *socket_path, const char *request, const char *key, char *ret, size_t size)
{
	json_t *reply;
	const json_t *failure, *value;
	int error = request_json(socket_path, request, &reply);

	if (error)
		return error;
	failure = json_object_get(reply, "error");
	value = key ? json_object_get(reply, key) : NULL;
	if (failure) {
		const char *message = json_string_value(json_object_get(failure, "message"));

		log_error("luytre refuses '%s': %s", request, message ? message : "no reason given");
		error = LUYTRE_E_INVALID;
	} else if (json_is_string(value)) {
		snprintf(ret, size, "%s", json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(ret, size, "%lld", (long long)json_integer_value(value));
	} else if (key) {
		log_error("luytre answers '%s' without %s", request, key);
		error = LUYTRE_E_SYNTAX;
	}
	json_decref(reply);
	return error;
}

int control_command(const char *socket_path, const char *request)
{
	int error = control_ask(socket_path, request, NULL, NULL, 0);

	if (error && error != LUYTRE_E_INVALID)
		log_error("luytre does not answer '%s': %s", request, error_text(error, LUYTRE_LANG_EN));
	return error;
}

bool control_stands(const char *socket_path, const char *prefix)
{
	const json_t *decision;
	const char *text;
	json_t *reply;
	bool stands = false;
	size_t i;

	if (request_json(socket_path, "decisions", &reply))
		return false;
	json_array_foreach (json_object_get(reply, "decisions"), i, decision) {
		text = json_string_value(json_object_get(decision, "prefix"));
		stands = stands || (text && !strcmp(text, prefix));
	}
	json_decref(reply);
	return stands;
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void add_reason(struct control_stats *stats, const char *name, const json_t *counters)
{
	enum shield_reason reason = control_reason_find(name);
	uint64_t packets = number(counters, "packets"), bytes = number(counters, "bytes");
	uint64_t shadow_packets = number(counters, "shadow_packets"), shadow_bytes = number(counters, "shadow_bytes");

	stats->arrived_packets += packets + shadow_packets;
	stats->arrived_bytes += bytes + shadow_bytes;
	stats->passed_packets += shadow_packets;
	stats->passed_bytes += shadow_bytes;
	if (reason == SHIELD_REASON_COUNT)
		return;
	if (shield_reason_verdict(reason) == SHIELD_PASS) {
		stats->passed_packets += packets;
		stats->passed_bytes += bytes;
	}
	stats->reasons[reason].packets += packets;
	stats->reasons[reason].shadow_packets += shadow_packets;
}

static void add_attack(struct control_stats *stats, const json_t *attack)
{
	const char *phase = json_string_value(json_object_get(attack, "phase"));
	const char *text = json_string_value(json_object_get(attack, "text"));

	if (!text || stats->attack_count == CONTROL_ATTACKS_MAX || (phase && !strcmp(phase, "end")))
		return;
	snprintf(stats->attacks[stats->attack_count++], CONTROL_TEXT_SIZE, "%s", text);
}

int control_read_stats(const char *socket_path, struct control_stats *ret)
{
	struct control_stats stats = { .now_ns = clock_mono_ns() };
	json_t *reply, *tenant, *counters;
	const char *name;
	size_t i;
	int error = request_json(socket_path, "stats", &reply);

	if (error)
		return error;
	if (!json_is_array(json_object_get(reply, "tenants")))
		error = LUYTRE_E_SYNTAX;
	json_array_foreach (json_object_get(reply, "tenants"), i, tenant)
		json_object_foreach (json_object_get(tenant, "reasons"), name, counters)
			add_reason(&stats, name, counters);
	json_array_foreach (json_object_get(reply, "attacks"), i, tenant)
		add_attack(&stats, tenant);
	json_decref(reply);
	if (!error)
		*ret = stats;
	return error;
}

int control_read_hub(const char *socket_path, struct control_hub *ret)
{
	const json_t *levels, *edge;
	json_t *reply;
	size_t i;
	int error = request_json(socket_path, "status", &reply);

	if (error)
		return error;
	levels = json_object_get(reply, "decisions");
	if (!json_is_object(levels))
		error = LUYTRE_E_SYNTAX;
	*ret = (struct control_hub){ .watch = number(levels, "watch"),
		.challenge = number(levels, "challenge"),
		.block = number(levels, "provisional") + number(levels, "block") + number(levels, "long") };
	json_array_foreach (json_object_get(reply, "edges"), i, edge)
		ret->edges_current += json_is_true(json_object_get(edge, "current"));
	json_decref(reply);
	return error;
}
