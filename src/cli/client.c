// SPDX-License-Identifier: Apache-2.0
/* The program's end of the control socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

enum { REPLY_MAX_SIZE = 65 << 20 };

static int say_unreachable(const struct cli_options *options, int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr, "luytre: %s\n",
			cli_text(options,
				"no shield runs here. `luytre run` starts one; --socket names another control socket.",
				"không có lá chắn nào đang chạy ở đây. `luytre run` khởi động; --socket chỉ ổ cắm "
				"khác."));
	else if (error == EACCES || error == EPERM)
		fprintf(stderr, "luytre: %s: %s\n", options->socket,
			cli_text(options, "no permission. Use sudo, or join the control_group.",
				"không có quyền. Hãy dùng sudo hoặc vào nhóm control_group."));
	else
		fprintf(stderr, "luytre: %s: %s\n", options->socket, strerror(error));
	return -1;
}

static int connect_daemon(const struct cli_options *options)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return say_unreachable(options, errno);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", options->socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int error = errno;

		close(fd);
		return say_unreachable(options, error);
	}
	return fd;
}

static int send_line(const struct cli_options *options, const char *request)
{
	int fd = connect_daemon(options);

	if (fd < 0)
		return -1;
	if (dprintf(fd, "%s\n", request) < 0) {
		perror("luytre");
		close(fd);
		return -1;
	}
	return fd;
}

int cli_request(const struct cli_options *options, const char *request, char **ret_reply)
{
	int fd = send_line(options, request);
	size_t size = 0, room = 1 << 16;
	char *reply = malloc(room);
	ssize_t n = 0;

	while (fd >= 0 && reply && size < REPLY_MAX_SIZE && (n = read(fd, reply + size, room - size - 1)) > 0) {
		size += (size_t)n;
		if (room - size < 4096) {
			char *grown = realloc(reply, room * 2);

			if (!grown)
				break;
			reply = grown;
			room *= 2;
		}
	}
	if (fd >= 0)
		close(fd);
	if (fd < 0 || !reply || n < 0 || !size) {
		free(reply);
		if (fd >= 0)
			fprintf(stderr, "luytre: the daemon closed the connection without a reply\n");
		return CLI_FAILED;
	}
	reply[size] = 0;
	*ret_reply = reply;
	return CLI_DONE;
}

int cli_stream(const struct cli_options *options, const char *request,
	void (*print)(const struct cli_options *options, const char *text))
{
	int fd = send_line(options, request);
	char *line = NULL;
	size_t room = 0;
	FILE *in;

	if (fd < 0)
		return CLI_FAILED;
	in = fdopen(fd, "r");
	while (in && getline(&line, &room, in) > 0) {
		print(options, line);
		if (fflush(stdout))
			break;
	}
	free(line);
	if (in)
		fclose(in);
	return CLI_DONE;
}
