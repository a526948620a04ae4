// SPDX-License-Identifier: Apache-2.0
/* The control socket: accepts, reads one line, answers, closes (docs/control.md). What the requests
 * do is in control-commands.c. A client that is slow, silent or many is the one that loses: bounded
 * number, bounded line, bounded output, bounded time. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/internal.h"
#include "packet/parse.h"
#include "packet/text.h"
#include "shield/emulate.h"

enum {
	CLIENTS_MAX = 32,
	LINE_MAX_SIZE = 4096,
	REPLY_MAX_SIZE = 64 << 20,
	BACKLOG_MAX_SIZE = 256 << 10, /* a reader of samples that falls behind loses samples */
	CLIENT_IDLE_S = 10,
};

struct client {
	struct control *control;
	struct loop_source *source;
	int fd;
	uint64_t since_ns;
	size_t line_size;
	char line[LINE_MAX_SIZE];
	char *out; /* owned */
	size_t out_size, out_sent;
	bool streams;
	uint64_t lost;
};

struct control {
	struct edge *edge;
	struct loop_source *source;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client *clients[CLIENTS_MAX];
	size_t streaming;
};

static void close_client(struct client *client)
{
	struct control *control = client->control;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i] == client)
			control->clients[i] = NULL;
	if (client->streams)
		control->streaming--;
	loop_remove(control->edge->loop, client->source);
	close(client->fd);
	free(client->out);
	free(client);
}

/* False: the client is gone. */
static bool flush(struct client *client)
{
	while (client->out_sent < client->out_size) {
		ssize_t n = send(
			client->fd, client->out + client->out_sent, client->out_size - client->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			(void)!loop_set_events(client->control->edge->loop, client->source, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n <= 0) {
			close_client(client);
			return false;
		}
		client->out_sent += (size_t)n;
	}
	client->out_size = client->out_sent = 0;
	if (!client->streams) {
		close_client(client);
		return false;
	}
	(void)!loop_set_events(client->control->edge->loop, client->source, EPOLLIN);
	return true;
}

static bool append(struct client *client, const char *text, size_t size)
{
	char *grown;

	if (client->out_sent) {
		memmove(client->out, client->out + client->out_sent, client->out_size - client->out_sent);
		client->out_size -= client->out_sent;
		client->out_sent = 0;
	}
	grown = realloc(client->out, client->out_size + size + 1);
	if (!grown)
		return false;
	client->out = grown;
	memcpy(grown + client->out_size, text, size);
	grown[client->out_size + size] = '\n';
	client->out_size += size + 1;
	return true;
}

static void answer(struct client *client)
{
	struct jsonw out;
	struct bytes text;
	bool stream = false;

	jsonw_init(&out, REPLY_MAX_SIZE);
	control_run(client->control->edge, client->line, &out, &stream);
	client->streams = stream;
	if (stream)
		client->control->streaming++;
	else if (jsonw_text(&out, &text) || !append(client, (const char *)text.ptr, text.size))
		append(client, "{\"error\":{\"code\":\"full\",\"message\":\"The reply is too long.\"}}", 60);
	jsonw_done(&out);
	flush(client);
}

static void on_client(struct loop *loop, uint64_t events, void *context)
{
	struct client *client = context;
	char *end;
	ssize_t n;

	if (client->out_size && (events & EPOLLOUT) && !flush(client))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(client->fd, client->line + client->line_size, LINE_MAX_SIZE - 1 - client->line_size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || client->streams || client->out_size) {
		if (n <= 0)
			close_client(client);
		return;
	}
	client->line_size += (size_t)n;
	client->line[client->line_size] = 0;
	end = strchr(client->line, '\n');
	if (end) {
		*end = 0;
		answer(client);
	} else if (client->line_size >= LINE_MAX_SIZE - 1) {
		close_client(client);
	}
}

static void drop_idle(struct control *control, uint64_t now_ns)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = control->clients[i];

		if (client && !client->streams && now_ns - client->since_ns > CLIENT_IDLE_S * NS_PER_S)
			close_client(client);
	}
}

static void on_connect(struct loop *loop, uint64_t events, void *context)
{
	struct control *control = context;
	int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;
	size_t at = 0;

	if (fd < 0)
		return;
	drop_idle(control, clock_mono_ns());
	while (at < CLIENTS_MAX && control->clients[at])
		at++;
	client = at < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->fd = fd;
	client->since_ns = clock_mono_ns();
	if (loop_add_fd(loop, fd, EPOLLIN, on_client, client, &client->source)) {
		close(fd);
		free(client);
		return;
	}
	control->clients[at] = client;
}

void control_sample(struct control *control, const struct shield_sample *sample)
{
	struct jsonw out;
	struct bytes text;
	struct packet packet;
	char words[PACKET_TEXT_SIZE];

	if (!control->streaming)
		return;
	packet_parse_part(sample->data, sample->data + sample->data_size, sample->frame_size, &packet);
	packet_describe(&packet, words);
	jsonw_init(&out, 4096);
	jsonw_object_begin(&out);
	jsonw_kv_u64(&out, "time_ns", sample->time_ns);
	jsonw_kv_string(&out, "tenant", policy_name(control->edge->policy, sample->tenant));
	jsonw_kv_string(&out, "step", shield_step_name(shield_reason_step(sample->reason)));
	jsonw_kv_string(&out, "reason", shield_reason_name(sample->reason));
	jsonw_kv_bool(&out, "shadow", sample->shadow);
	jsonw_kv_string(&out, "vectors", shield_reason_vectors(sample->reason));
	jsonw_kv_string(&out, "text", shield_reason_text(sample->reason, edge_lang(control->edge) == LUYTRE_LANG_VI));
	jsonw_kv_u64(&out, "weight", sample->weight);
	jsonw_kv_u64(&out, "size", sample->frame_size);
	jsonw_kv_string(&out, "packet", words);
	jsonw_object_end(&out);
	if (!jsonw_text(&out, &text))
		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			struct client *client = control->clients[i];

			if (!client || !client->streams)
				continue;
			if (client->out_size - client->out_sent > BACKLOG_MAX_SIZE ||
				!append(client, (const char *)text.ptr, text.size))
				client->lost++;
			else
				flush(client);
		}
	jsonw_done(&out);
}

/* ---- opening -----------------------------------------------------------------------------------*/

static int make_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = 0;
	return mkdir(folder, 0755) && errno != EEXIST ? -1 : 0;
}

static int bind_path(struct control *control, const struct config *config)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct group *group = config->control_group ? getgrnam(config->control_group) : NULL;

	if (config->control_group && !group) {
		errno = ENOENT;
		return -1;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", config->control_socket);
	snprintf(control->path, sizeof(control->path), "%s", config->control_socket);
	if (make_folder(address.sun_path))
		return -1;
	unlink(address.sun_path);
	if (bind(control->fd, (struct sockaddr *)&address, sizeof(address)) ||
		chmod(address.sun_path, group ? 0660 : 0600) || (group && chown(address.sun_path, 0, group->gr_gid)) ||
		listen(control->fd, 16))
		return -1;
	return 0;
}

int control_open(struct edge *edge, struct control **ret, char *why, size_t why_size)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return LUYTRE_E_NOMEM;
	control->edge = edge;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (strlen(edge->config->control_socket) >= sizeof(control->path) || control->fd < 0 ||
		bind_path(control, edge->config)) {
		snprintf(why, why_size, "cannot listen on %s: %s", edge->config->control_socket, strerror(errno));
		if (control->fd >= 0)
			close(control->fd);
		free(control);
		return LUYTRE_E_SYSTEM;
	}
	if (loop_add_fd(edge->loop, control->fd, EPOLLIN, on_connect, control, &control->source)) {
		close(control->fd);
		free(control);
		return LUYTRE_E_NOMEM;
	}
	*ret = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i])
			close_client(control->clients[i]);
	loop_remove(control->edge->loop, control->source);
	close(control->fd);
	unlink(control->path);
	free(control);
}
