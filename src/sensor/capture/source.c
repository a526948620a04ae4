// SPDX-License-Identifier: Apache-2.0
#include "sensor/capture/source.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/capture/reject.h"
#include "sensor/capture/source-internal.h"

static const struct source_ops *const kinds[] = {
	[SOURCE_AF_PACKET] = &source_afpacket,
	[SOURCE_AF_XDP] = &source_xdp,
	[SOURCE_NFQUEUE] = &source_nfqueue,
	[SOURCE_DIRECTORY] = &source_folder,
};

int source_fail(char *message, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, SOURCE_MESSAGE_SIZE, format, args);
	va_end(args);
	return error;
}

int source_fail_errno(char *message, const char *format, ...)
{
	int code = errno;
	size_t size;
	va_list args;

	va_start(args, format);
	vsnprintf(message, SOURCE_MESSAGE_SIZE, format, args);
	va_end(args);
	size = strlen(message);
	snprintf(message + size, SOURCE_MESSAGE_SIZE - size, ": %s%s", strerror(code),
		code == EPERM || code == EACCES ? ". It needs root, or CAP_NET_RAW and CAP_NET_ADMIN" : "");
	return error_from_errno(code);
}

bool source_wait(const struct source *source, int fd, int fd2, unsigned int wait_ms)
{
	struct pollfd fds[3] = { { .fd = source->wake_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN },
		{ .fd = fd2, .events = POLLIN } };

	return poll(fds, fd2 < 0 ? 2 : 3, (int)wait_ms) > 0;
}

/* As if_nametoindex, which would open a socket. */
static unsigned int index_of(const struct source *source, const char *name)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(source->names_fd, SIOCGIFINDEX, &request) ? 0 : (unsigned int)request.ifr_ifindex;
}

int source_check_interface(struct source *source, int fd, const char *name, unsigned int ifindex)
{
	int code = 0;
	socklen_t size = sizeof(code);

	/* Reading the error clears it, or waiting would not wait. */
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code) {
		source->is_down = true;
		log_warn("%s: %s", name, strerror(code));
	}
	/* An interface goes down first and away then, which no further error tells. */
	if (source->is_down && index_of(source, name) != ifindex) {
		log_error("the interface %s is gone", name);
		return LUYTRE_E_NOT_FOUND;
	}
	return 0;
}

int source_set_open(const struct source_options *options, char message[SOURCE_MESSAGE_SIZE], struct source_set **ret)
{
	message[0] = '\0';
	if (options->worker_count == 0 || options->worker_count > SOURCE_WORKERS_MAX)
		return source_fail(message, LUYTRE_E_RANGE, "%u workers were asked for; 1 to %d are possible",
			options->worker_count, SOURCE_WORKERS_MAX);
	return kinds[options->kind]->set_open(options, message, ret);
}

void source_set_close(struct source_set *set, bool detach)
{
	if (set)
		set->ops->set_close(set, detach);
}

bool source_set_is_inline(const struct source_set *set)
{
	return set->ops->is_inline;
}

bool source_set_is_offline(const struct source_set *set)
{
	return set->ops->is_offline;
}

const char *source_set_describe(const struct source_set *set)
{
	return set->description;
}

int source_open(
	struct source_set *set, unsigned int index, int wake_fd, char message[SOURCE_MESSAGE_SIZE], struct source **ret)
{
	struct source *source = NULL;
	int error;

	message[0] = '\0';
	error = set->ops->open(set, index, message, &source);
	if (error)
		return error;
	source->ops = set->ops;
	source->set = set;
	source->index = index;
	source->wake_fd = wake_fd;
	source->names_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (source->names_fd < 0)
		error = source_fail_errno(message, "cannot make a socket");
	else if (!set->ops->is_offline)
		error = reject_new(source, message, &source->reject);
	if (error) {
		source_close(source);
		return error;
	}
	*ret = source;
	return 0;
}

int source_set_start(struct source_set *set, char message[SOURCE_MESSAGE_SIZE])
{
	message[0] = '\0';
	return set->ops->set_start ? set->ops->set_start(set, message) : 0;
}

int source_receive(struct source *source, unsigned int wait_ms, struct source_frame *ret_frames)
{
	int count = source->ops->receive(source, wait_ms, ret_frames);

	if (count > 0)
		source->is_down = false;
	return count;
}

void source_verdict(struct source *source, const struct source_frame *frame, const struct worker_verdict *verdict)
{
	if (verdict->action & ACTION_REJECT_ANY && source->reject)
		reject_answer(source->reject, frame, verdict->action);
	if (source->ops->verdict)
		source->ops->verdict(source, frame, verdict);
}

void source_release(struct source *source)
{
	source->ops->release(source);
}

void source_stats(struct source *source, struct source_stats *ret)
{
	if (source->ops->read_stats)
		source->ops->read_stats(source);
	*ret = source->stats;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	reject_free(source->reject);
	if (source->names_fd >= 0)
		close(source->names_fd);
	source->ops->close(source);
}
