// SPDX-License-Identifier: Apache-2.0
/* Where events go: a Unix datagram socket or a file. Nothing is waited for; what does not go out is counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "gate/output/event.h"

#define EVENT_MAX    ((size_t)256 << 10)
#define DATAGRAM_MAX ((size_t)128 << 10) /* below net.core.wmem_default of every kernel */
#define FILE_MODE    0640
#define RETRY_NS     (1 * NS_PER_S) /* between attempts to connect or open */

struct event_sink {
	bool is_socket;
	int file; /* -1: not connected, not open */
	char *path;
	uint64_t tried_ns;
	struct jsonw json;
	struct event_sink_counters counters;
};

static int connect_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int file;

	memcpy(address.sun_path, path, strlen(path) + 1);
	file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (file >= 0 && connect(file, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(file);
		return -1;
	}
	return file;
}

static void close_file(struct event_sink *sink)
{
	if (sink->file >= 0)
		close(sink->file);
	sink->file = -1;
}

static void open_file(struct event_sink *sink)
{
	close_file(sink);
	sink->tried_ns = clock_mono_ns();
	if (sink->is_socket)
		sink->file = connect_socket(sink->path);
	else
		sink->file = open(sink->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
}

int event_sink_open(const char *target, struct event_sink **ret)
{
	static const char prefix[] = "unix:";
	bool is_socket = strncmp(target, prefix, sizeof(prefix) - 1) == 0;
	const char *path = is_socket ? target + sizeof(prefix) - 1 : target;
	struct event_sink *sink;

	if (!path[0] || (is_socket && strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)))
		return LUYTRE_E_INVALID;
	sink = calloc(1, sizeof(*sink));
	if (!sink)
		return LUYTRE_E_NOMEM;
	jsonw_init(&sink->json, EVENT_MAX);
	sink->file = -1;
	sink->is_socket = is_socket;
	sink->path = strdup(path);
	if (!sink->path) {
		event_sink_close(sink);
		return LUYTRE_E_NOMEM;
	}
	open_file(sink);
	if (!is_socket && sink->file < 0) {
		event_sink_close(sink);
		return LUYTRE_E_SYSTEM;
	}
	*ret = sink;
	return 0;
}

void event_sink_close(struct event_sink *sink)
{
	if (!sink)
		return;
	close_file(sink);
	jsonw_done(&sink->json);
	free(sink->path);
	free(sink);
}

void event_sink_reopen(struct event_sink *sink)
{
	open_file(sink);
}

/* In one call, so that lines of several writers do not mix. */
static bool append_line(int file, struct bytes text)
{
	struct iovec pieces[] = { { (void *)(uintptr_t)text.ptr, text.size }, { (char[]){ '\n' }, 1 } };

	return writev(file, pieces, 2) == (ssize_t)text.size + 1;
}

static bool send_event(struct event_sink *sink, struct bytes text)
{
	if (sink->file < 0 && clock_since_ns(clock_mono_ns(), sink->tried_ns) >= RETRY_NS)
		open_file(sink);
	if (sink->file < 0)
		return false;
	if (!sink->is_socket)
		return append_line(sink->file, text);
	if (send(sink->file, text.ptr, text.size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)text.size)
		return true;
	/* A reader that is slow is waited for by nobody; one that went away may be back under its name. */
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS && errno != EMSGSIZE)
		close_file(sink);
	return false;
}

bool event_sink_put(struct event_sink *sink, struct bytes text)
{
	return (!sink->is_socket || text.size <= DATAGRAM_MAX) && send_event(sink, text);
}

void event_sink_write(struct event_sink *sink, const struct gate_tx *tx, const struct event_guard *guard)
{
	struct bytes text;

	jsonw_reset(&sink->json);
	event_write(tx, guard, &sink->json);
	if (jsonw_text(&sink->json, &text) < 0 || (sink->is_socket && text.size > DATAGRAM_MAX)) {
		sink->counters.cut++;
		return;
	}
	if (send_event(sink, text))
		sink->counters.written++;
	else
		sink->counters.dropped++;
}

struct event_sink_counters event_sink_counters(const struct event_sink *sink)
{
	return sink->counters;
}
