// SPDX-License-Identifier: Apache-2.0
#include "base/control.h"

#include <errno.h>
#include <grp.h>
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

#define TOO_LONG "{\"error\":{\"code\":\"full\",\"message\":\"The reply is too long.\"}}"

struct client {
	struct control_server *server;
	struct loop_source *source;
	int fd;
	uint64_t since_ns;
	size_t line_size;
	char line[CONTROL_LINE_MAX + 1];
	char *out; /* owned */
	size_t out_size, out_sent;
	bool streams, waits;
};

struct control_server {
	struct loop *loop;
	struct loop_source *source;
	struct control_options options;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client *clients[CONTROL_CLIENTS_MAX];
	size_t streaming;
	uint64_t lost; /* lines of streams */
};

static void close_client(struct client *client)
{
	struct control_server *server = client->server;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (server->clients[i] == client)
			server->clients[i] = NULL;
	if (client->streams)
		server->streaming--;
	loop_remove(server->loop, client->source);
	close(client->fd);
	free(client->out);
	free(client);
}

/* Sends what there is; behind the end of an answer the client is gone. */
static void send_out(struct client *client)
{
	struct loop *loop = client->server->loop;

	while (client->out_sent < client->out_size) {
		ssize_t n = send(
			client->fd, client->out + client->out_sent, client->out_size - client->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (loop_set_events(loop, client->source, client->streams ? EPOLLIN | EPOLLOUT : EPOLLOUT))
				close_client(client);
			return;
		}
		if (n <= 0) {
			close_client(client);
			return;
		}
		client->out_sent += (size_t)n;
	}
	client->out_size = client->out_sent = 0;
	if (!client->streams || loop_set_events(loop, client->source, EPOLLIN))
		close_client(client);
}

static bool append(struct client *client, struct bytes text)
{
	char *grown;

	if (client->out_sent) {
		memmove(client->out, client->out + client->out_sent, client->out_size - client->out_sent);
		client->out_size -= client->out_sent;
		client->out_sent = 0;
	}
	grown = realloc(client->out, client->out_size + text.size + 1);
	if (!grown)
		return false;
	client->out = grown;
	memcpy(grown + client->out_size, text.ptr, text.size);
	grown[client->out_size + text.size] = '\n';
	client->out_size += text.size + 1;
	return true;
}

static void send_answer(struct client *client, struct jsonw *json)
{
	struct bytes text;

	if (jsonw_text(json, &text))
		text = bytes_from_str(TOO_LONG);
	if (append(client, text))
		send_out(client);
	else
		close_client(client);
}

static void run_line(struct client *client)
{
	const struct control_options *options = &client->server->options;
	struct jsonw json;

	jsonw_init(&json, options->reply_max_size);
	switch (options->run(options->context, client->line, &json)) {
	case CONTROL_LATER:
		client->waits = true;
		break;
	case CONTROL_STREAM:
		client->streams = true;
		client->server->streaming++;
		break;
	default:
		send_answer(client, &json);
	}
	jsonw_done(&json);
}

/* What a client says after its line is of no interest, except that it goes. */
static void ignore_input(struct client *client)
{
	ssize_t n = recv(client->fd, client->line, CONTROL_LINE_MAX, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_client(client);
}

static void on_client(struct loop *loop, uint64_t events, void *context)
{
	struct client *client = context;
	char *end;
	ssize_t n;

	if (client->out_size && !(client->streams && !(events & EPOLLOUT))) {
		send_out(client);
		return;
	}
	if (client->streams || client->waits) {
		ignore_input(client);
		return;
	}
	n = recv(client->fd, client->line + client->line_size, CONTROL_LINE_MAX - client->line_size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_client(client);
		return;
	}
	client->line_size += (size_t)n;
	client->line[client->line_size] = 0;
	end = strchr(client->line, '\n');
	if (end) {
		*end = 0;
		run_line(client);
	} else if (client->line_size == CONTROL_LINE_MAX) {
		close_client(client);
	}
}

static void drop_idle(struct control_server *server, uint64_t now_ns)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (client && !client->streams && !client->waits &&
			now_ns - client->since_ns > server->options.idle_s * NS_PER_S)
			close_client(client);
	}
}

static void on_connect(struct loop *loop, uint64_t events, void *context)
{
	struct control_server *server = context;
	int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;
	size_t at = 0;

	if (fd < 0)
		return;
	drop_idle(server, clock_mono_ns());
	while (at < CONTROL_CLIENTS_MAX && server->clients[at])
		at++;
	client = at < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->server = server;
	client->fd = fd;
	client->since_ns = clock_mono_ns();
	if (loop_add_fd(loop, fd, EPOLLIN, on_client, client, &client->source)) {
		close(fd);
		free(client);
		return;
	}
	server->clients[at] = client;
}

void control_server_answer(struct control_server *server, control_late_fn write, void *context)
{
	for (size_t i = 0; server && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];
		struct jsonw json;

		if (!client || !client->waits)
			continue;
		client->waits = false;
		jsonw_init(&json, server->options.reply_max_size);
		write(context, &json);
		send_answer(client, &json);
		jsonw_done(&json);
	}
}

size_t control_server_streams(const struct control_server *server)
{
	return server->streaming;
}

uint64_t control_server_lost(const struct control_server *server)
{
	return server->lost;
}

void control_server_stream(struct control_server *server, struct bytes line)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = server->clients[i];

		if (!client || !client->streams)
			continue;
		if (client->out_size - client->out_sent > CONTROL_BACKLOG_MAX || !append(client, line))
			server->lost++;
		else
			send_out(client);
	}
}

/* ---- Opening ---- */

static int make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = 0;
	return mkdir(folder, 0755) && errno != EEXIST ? -1 : 0;
}

/* 0 or -1 with errno. */
static int listen_at(struct control_server *server, const char *path, const char *group_name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct group *group = group_name ? getgrnam(group_name) : NULL;

	if (group_name && !group) {
		errno = ENOENT;
		return -1;
	}
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	if (make_folder(path))
		return -1;
	unlink(path);
	if (bind(server->fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	strcpy(server->path, path);
	if (chmod(path, group ? 0660 : 0600) || (group && chown(path, (uid_t)-1, group->gr_gid)))
		return -1;
	return listen(server->fd, 16);
}

int control_server_open(struct loop *loop, const struct control_options *options, char *why, size_t why_size,
	struct control_server **ret)
{
	struct control_server *server = calloc(1, sizeof(*server));
	int error;

	if (!server)
		return LUYTRE_E_NOMEM;
	server->loop = loop;
	server->options = *options;
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0 || listen_at(server, options->path, options->group)) {
		snprintf(why, why_size, "cannot listen on %s: %s", options->path, strerror(errno));
		error = LUYTRE_E_SYSTEM;
	} else {
		error = loop_add_fd(loop, server->fd, EPOLLIN, on_connect, server, &server->source);
	}
	if (error) {
		control_server_close(server);
		return error;
	}
	*ret = server;
	return 0;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (server->clients[i])
			close_client(server->clients[i]);
	loop_remove(server->loop, server->source);
	if (server->fd >= 0)
		close(server->fd);
	if (server->path[0])
		unlink(server->path);
	free(server);
}
