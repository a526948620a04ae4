// SPDX-License-Identifier: Apache-2.0
#include "hub/events/clickhouse-own.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/events/clickhouse-http.h"

#define START_MS 30000
#define POLL_MS  100

extern char **environ;

/* Debian's, and that of the project's own packages. */
static const char *const programs[] = { "/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server" };

static const char config[] =
	"<yandex><logger><level>warning</level><log>%s/log</log><errorlog>%s/errors</errorlog></logger>"
	"<http_port>%u</http_port><tcp_port>%u</tcp_port><listen_host>127.0.0.1</listen_host>"
	"<path>%s/data/</path><tmp_path>%s/tmp/</tmp_path><users_config>%s/users.xml</users_config>"
	"<default_profile>default</default_profile><default_database>default</default_database>"
	"<mark_cache_size>67108864</mark_cache_size></yandex>\n";
static const char users[] = "<yandex><profiles><default></default></profiles><users><default><password></password>"
			    "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>"
			    "</default></users><quotas><default></default></quotas></yandex>\n";

/* A port that nobody has at this moment. */
static unsigned int free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int port = 0;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		getsockname(fd, (struct sockaddr *)&addr, &size) == 0)
		port = ntohs(addr.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static int write_config(const struct clickhouse_own *own)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.xml", own->dir);
	file = fopen(path, "we");
	if (!file)
		return LUYTRE_E_SYSTEM;
	fprintf(file, config, own->dir, own->dir, own->port, free_port(), own->dir, own->dir, own->dir);
	fclose(file);
	snprintf(path, sizeof(path), "%s/users.xml", own->dir);
	file = fopen(path, "we");
	if (!file)
		return LUYTRE_E_SYSTEM;
	fputs(users, file);
	fclose(file);
	return 0;
}

static const char *find_program(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
		if (access(programs[i], X_OK) == 0)
			return programs[i];
	}
	return NULL;
}

static int spawn(struct clickhouse_own *own, const char *program)
{
	char name[] = "clickhouse-server", option[96];
	char *arguments[] = { name, option, NULL };
	posix_spawn_file_actions_t actions;
	int result;

	snprintf(option, sizeof(option), "--config-file=%s/config.xml", own->dir);
	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd <= 2; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	result = posix_spawn(&own->pid, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return result == 0 ? 0 : LUYTRE_E_SYSTEM;
}

static int wait_for_answer(const struct clickhouse_own *own)
{
	char url[64];
	struct clickhouse *server;
	int error = LUYTRE_E_CLOSED;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", own->port);
	server = clickhouse_new(bytes_from_str(url), NULL);
	for (unsigned int waited_ms = 0; server && waited_ms < START_MS && error != 0; waited_ms += POLL_MS) {
		usleep(POLL_MS * 1000);
		error = clickhouse_run(server, "select 1", (struct bytes){ 0 }, 1000, NULL);
	}
	clickhouse_free(server);
	return error == 0 ? 0 : LUYTRE_E_SYSTEM;
}

int clickhouse_own_start(struct clickhouse_own *ret)
{
	struct clickhouse_own own = { .dir = "/tmp/luytre-clickhouse.XXXXXX" };
	const char *program = find_program();
	int error;

	if (!program)
		return LUYTRE_E_NOT_FOUND;
	if (!mkdtemp(own.dir))
		return LUYTRE_E_SYSTEM;
	own.port = free_port();
	error = write_config(&own);
	if (error == 0)
		error = spawn(&own, program);
	if (error == 0)
		error = wait_for_answer(&own);
	if (error != 0)
		clickhouse_own_stop(&own);
	else
		*ret = own;
	return error;
}

void clickhouse_own_stop(struct clickhouse_own *own)
{
	char command[96];

	if (own->pid > 0) {
		kill(own->pid, SIGKILL);
		waitpid(own->pid, NULL, 0);
		own->pid = 0;
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", own->dir);
	if (system(command) != 0)
		fprintf(stderr, "%s was not removed\n", own->dir);
}

void clickhouse_own_place(const struct clickhouse_own *own, const char *database, char *place, size_t place_size)
{
	snprintf(place, place_size, "clickhouse:http://127.0.0.1:%u/%s", own->port, database);
}
