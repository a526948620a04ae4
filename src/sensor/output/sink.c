// SPDX-License-Identifier: Apache-2.0
#include "sensor/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { BUFFER_SIZE = 1 << 20, ROTATIONS = 9, RECONNECT_S = 1 };

struct sink {
	pthread_mutex_t lock;
	struct sink_options options;
	char *path;
	int fd;
	uint8_t *buffer;
	size_t used;
	bool torn; /* the file ends with half a line */
	uint64_t written_size, opened_ns, retry_ns, lost;
};

static int open_socket(struct sink *sink)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int type = sink->options.kind == SINK_UNIX_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
	int fd;

	if (strlen(sink->path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, sink->path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		int failed = -errno;

		close(fd);
		return failed;
	}
	return fd;
}

static int open_target(struct sink *sink)
{
	uint32_t mode = sink->options.mode ? sink->options.mode : 0640;
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (sink->options.append ? O_APPEND : O_TRUNC);
	struct stat st;
	int fd;

	if (sink->options.kind != SINK_FILE)
		return open_socket(sink);
	fd = open(sink->path, flags, mode);
	if (fd < 0)
		return -errno;
	sink->torn = false;
	sink->written_size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return fd;
}

int sink_open(const char *path, const struct sink_options *options, struct sink **ret)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return LUYTRE_E_NOMEM;
	sink->options = *options;
	sink->path = strdup(path);
	sink->buffer = malloc(BUFFER_SIZE);
	sink->fd = -1;
	pthread_mutex_init(&sink->lock, NULL);
	if (!sink->path || !sink->buffer) {
		sink_close(sink);
		return LUYTRE_E_NOMEM;
	}
	sink->fd = open_target(sink);
	if (sink->fd < 0 && options->kind == SINK_FILE) {
		int failed = -sink->fd;

		log_error("cannot open %s for events: %s", path, strerror(failed));
		sink_close(sink);
		return error_from_errno(failed);
	}
	if (sink->fd < 0)
		log_warn("nobody listens on %s yet: %s; events are counted as lost until somebody does", path,
			strerror(-sink->fd));
	*ret = sink;
	return 0;
}

/* Under the lock; read without it. */
static void count_lost(struct sink *sink, uint64_t count)
{
	__atomic_store_n(&sink->lost, sink->lost + count, __ATOMIC_RELAXED);
}

/* Writes all of it; what does not fit on the disk is lost and counted by lines. Half a line that the disk took ends where the
 * next one begins, so that a reader loses that line alone. */
static void write_file(struct sink *sink, struct bytes data)
{
	const uint8_t *begin = data.ptr;

	if (sink->torn && write(sink->fd, "\n", 1) == 1)
		sink->torn = false;
	while (data.size) {
		ssize_t done = sink->torn ? -1 : write(sink->fd, data.ptr, data.size);

		if (done < 0 && errno == EINTR && !sink->torn)
			continue;
		if (done <= 0) {
			sink->torn |= data.ptr > begin && data.ptr[-1] != '\n';
			for (size_t i = 0; i < data.size; i++)
				count_lost(sink, data.ptr[i] == '\n');
			return;
		}
		sink->written_size += (uint64_t)done;
		data = bytes_skip(data, (size_t)done);
	}
}

static void flush_locked(struct sink *sink)
{
	if (sink->used && sink->fd >= 0)
		write_file(sink, bytes_of(sink->buffer, sink->used));
	sink->used = 0;
}

/* PATH.8 becomes PATH.9 and so on; the present file PATH.1. */
static void rotate(struct sink *sink, uint64_t now_ns)
{
	char from[4096], to[4096];

	flush_locked(sink);
	for (int i = ROTATIONS; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%d", sink->path, i);
		snprintf(from, sizeof(from), i == 1 ? "%s" : "%s.%d", sink->path, i - 1);
		if (rename(from, to) && errno != ENOENT)
			log_warn("cannot rename %s: %s", from, strerror(errno));
	}
	close(sink->fd);
	sink->fd = open_target(sink);
	sink->opened_ns = now_ns;
	if (sink->fd < 0)
		log_error("cannot open %s again: %s; events are lost", sink->path, strerror(-sink->fd));
}

static bool is_due(const struct sink *sink, uint64_t now_ns)
{
	const struct sink_options *o = &sink->options;

	if (o->rotate_size && sink->written_size + sink->used > o->rotate_size)
		return true;
	return o->rotate_interval_s && sink->opened_ns && now_ns > sink->opened_ns + o->rotate_interval_s * NS_PER_S;
}

static void write_socket(struct sink *sink, struct bytes line, uint64_t now_ns)
{
	if (sink->fd < 0 && now_ns >= sink->retry_ns) {
		sink->fd = open_socket(sink);
		sink->retry_ns = now_ns + RECONNECT_S * NS_PER_S;
	}
	if (sink->fd < 0 || send(sink->fd, line.ptr, line.size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)line.size) {
		count_lost(sink, 1);
		/* A stream that took half a line would be out of step: begin anew. */
		if (sink->fd >= 0 && (sink->options.kind == SINK_UNIX_STREAM || errno != EAGAIN)) {
			close(sink->fd);
			sink->fd = -1;
		}
	}
}

void sink_write(struct sink *sink, struct bytes line, uint64_t now_ns)
{
	pthread_mutex_lock(&sink->lock);
	if (sink->options.kind != SINK_FILE) {
		write_socket(sink, line, now_ns);
	} else {
		if (sink->opened_ns == 0)
			sink->opened_ns = now_ns;
		if (is_due(sink, now_ns))
			rotate(sink, now_ns);
		if (sink->used + line.size > BUFFER_SIZE)
			flush_locked(sink);
		if (sink->fd < 0) {
			count_lost(sink, 1);
		} else if (line.size > BUFFER_SIZE) {
			write_file(sink, line);
		} else {
			memcpy(sink->buffer + sink->used, line.ptr, line.size);
			sink->used += line.size;
		}
	}
	pthread_mutex_unlock(&sink->lock);
}

void sink_flush(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	flush_locked(sink);
	pthread_mutex_unlock(&sink->lock);
}

void sink_reopen(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	flush_locked(sink);
	if (sink->fd >= 0)
		close(sink->fd);
	sink->options.append = true;
	sink->fd = open_target(sink);
	pthread_mutex_unlock(&sink->lock);
}

uint64_t sink_lost(const struct sink *sink)
{
	return __atomic_load_n(&sink->lost, __ATOMIC_RELAXED);
}

bool sink_is_socket(const struct sink *sink)
{
	return sink->options.kind != SINK_FILE;
}

void sink_close(struct sink *sink)
{
	if (!sink)
		return;
	flush_locked(sink);
	if (sink->lost)
		log_warn("%s: %llu events could not be written", sink->path, (unsigned long long)sink->lost);
	if (sink->fd >= 0)
		close(sink->fd);
	pthread_mutex_destroy(&sink->lock);
	free(sink->buffer);
	free(sink->path);
	free(sink);
}
