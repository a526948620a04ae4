// SPDX-License-Identifier: Apache-2.0
/* The sensor's control socket: one line in, one line of JSON out, closed (docs/sensor.md). A client that is slow, silent or
 * many is the one that loses: bounded number, line, answer and time. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/worker/sensor-internal.h"

enum { CLIENTS_MAX = 16, LINE_SIZE = 1024, REPLY_MAX = 16 << 20, IDLE_S = 60 };

struct client {
	struct control *control;
	struct loop_source *source;
	int fd;
	uint64_t since_ns;
	char line[LINE_SIZE];
	size_t line_size;
	struct jsonw out;
	size_t sent_size;
	bool waiting; /* for the end of a reload */
	bool answering;
};

struct control {
	struct sensor *sensor;
	struct loop_source *source;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client *clients[CLIENTS_MAX];
};

static void close_client(struct client *client)
{
	struct control *control = client->control;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i] == client)
			control->clients[i] = NULL;
	loop_remove(control->sensor->loop, client->source);
	close(client->fd);
	jsonw_done(&client->out);
	free(client);
}

/* Sends what there is and closes behind the end. */
static void send_answer(struct client *client)
{
	struct bytes text;

	if (jsonw_text(&client->out, &text)) {
		close_client(client);
		return;
	}
	/* The NUL behind the text goes out as the line's end. */
	while (client->sent_size < text.size + 1) {
		const void *from = client->sent_size < text.size ? (const void *)(text.ptr + client->sent_size) : "\n";
		size_t size = client->sent_size < text.size ? text.size - client->sent_size : 1;
		ssize_t n = send(client->fd, from, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (loop_set_events(client->control->sensor->loop, client->source, EPOLLOUT))
				close_client(client);
			return;
		}
		if (n <= 0)
			break;
		client->sent_size += (size_t)n;
	}
	close_client(client);
}

static void run_command(struct client *client)
{
	jsonw_object_begin(&client->out);
	if (!sensor_command(client->control->sensor, client->line, &client->out)) {
		client->waiting = true;
		return;
	}
	jsonw_object_end(&client->out);
	client->answering = true;
	send_answer(client);
}

static void on_client(struct loop *loop, uint64_t events, void *context)
{
	struct client *client = context;
	char *end;
	ssize_t n;

	if (client->answering) {
		send_answer(client);
		return;
	}
	n = recv(client->fd, client->line + client->line_size, LINE_SIZE - 1 - client->line_size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || client->waiting) {
		close_client(client);
		return;
	}
	client->line_size += (size_t)n;
	client->line[client->line_size] = 0;
	end = strchr(client->line, '\n');
	if (end) {
		*end = 0;
		run_command(client);
	} else if (client->line_size == LINE_SIZE - 1) {
		close_client(client);
	}
}

void sensor_control_reloaded(struct sensor *sensor)
{
	for (size_t i = 0; sensor->control && i < CLIENTS_MAX; i++) {
		struct client *client = sensor->control->clients[i];

		if (!client || !client->waiting)
			continue;
		client->waiting = false;
		client->answering = true;
		sensor_write_reload(sensor, &client->out);
		jsonw_object_end(&client->out);
		send_answer(client);
	}
}

static void on_connect(struct loop *loop, uint64_t events, void *context)
{
	struct control *control = context;
	uint64_t now_ns = clock_mono_ns();
	struct client *client;
	size_t at = 0;
	int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *old = control->clients[i];

		if (old && !old->waiting && now_ns - old->since_ns > IDLE_S * NS_PER_S)
			close_client(old);
	}
	while (at < CLIENTS_MAX && control->clients[at])
		at++;
	client = at < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->fd = fd;
	client->since_ns = now_ns;
	jsonw_init(&client->out, REPLY_MAX);
	if (loop_add_fd(loop, fd, EPOLLIN, on_client, client, &client->source)) {
		close(fd);
		free(client);
		return;
	}
	control->clients[at] = client;
}

static int listen_at(struct control *control, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[sizeof(address.sun_path)];
	char *slash;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	strcpy(folder, path);
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = 0;
		if (mkdir(folder, 0755) && errno != EEXIST)
			return -1;
	}
	unlink(path);
	if (bind(control->fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0600) ||
		listen(control->fd, 16))
		return -1;
	strcpy(control->path, path);
	return 0;
}

int sensor_control_open(struct sensor *sensor, const char *path)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return LUYTRE_E_NOMEM;
	control->sensor = sensor;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	sensor->control = control;
	if (control->fd < 0 || listen_at(control, path)) {
		log_error("cannot listen on %s: %s", path, strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return loop_add_fd(sensor->loop, control->fd, EPOLLIN, on_connect, control, &control->source);
}

void sensor_control_close(struct sensor *sensor)
{
	struct control *control = sensor->control;

	if (!control)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i])
			close_client(control->clients[i]);
	loop_remove(sensor->loop, control->source);
	if (control->fd >= 0)
		close(control->fd);
	if (control->path[0])
		unlink(control->path);
	free(control);
	sensor->control = NULL;
}
