// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub/api/server.h"

enum { BACKLOG = 511 };

/* Whether somebody answers at a Unix socket. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

int api_listen_unix(const char *path, unsigned int mode, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int fd, bound;

	if (!bytes_to_str(bytes_from_str(path), address.sun_path, sizeof(address.sun_path)))
		return LUYTRE_E_INVALID;
	if (is_alive(&address))
		return LUYTRE_E_EXISTS;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return LUYTRE_E_SYSTEM;
	unlink(path);
	/* Made closed and opened afterwards: nobody gets in between. */
	before = umask(0777);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(before);
	if (bound < 0 || chmod(path, (mode_t)mode) < 0 || listen(fd, BACKLOG) < 0) {
		close(fd);
		return LUYTRE_E_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

static socklen_t fill_address(const struct ip_addr *addr, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){ 0 };
	if (addr->family == IP_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr->bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr->bytes, 16);
	return sizeof(*v6);
}

int api_listen_tcp(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
	struct sockaddr_storage storage;
	struct ip_addr addr;
	socklen_t size;
	int one = 1, fd;

	if (ip_addr_parse(bytes_from_str(address), &addr) < 0)
		return LUYTRE_E_INVALID;
	size = fill_address(&addr, port, &storage);
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return LUYTRE_E_SYSTEM;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&storage, size) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, (struct sockaddr *)&storage, &size) < 0) {
		close(fd);
		return LUYTRE_E_SYSTEM;
	}
	if (ret_port)
		*ret_port = ntohs(addr.family == IP_V4 ? ((struct sockaddr_in *)&storage)->sin_port
						       : ((struct sockaddr_in6 *)&storage)->sin6_port);
	*ret_fd = fd;
	return 0;
}
