// SPDX-License-Identifier: Apache-2.0
/* See wire.h. */
#include "wire.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"

struct wire {
	int outside, inside; /* sockets */
};

extern char **environ;

int wire_command(const char *line)
{
	char copy[256], *words[32], *save = NULL;
	size_t count = 0;
	pid_t child;
	int status;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word && count < ARRAY_COUNT(words) - 1;
		word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	words[count] = NULL;
	if (!count)
		return -1;
	if (posix_spawnp(&child, words[0], NULL, NULL, words, environ) || waitpid(child, &status, 0) < 0)
		return -1;
	return status;
}

int wire_attach_pass(const char *interface)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", program, ARRAY_COUNT(program), NULL);
	int error;

	if (fd < 0)
		return -1;
	error = bpf_xdp_attach((int)if_nametoindex(interface), fd, XDP_FLAGS_DRV_MODE, NULL);
	close(fd);
	return error;
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, room = 16 << 20;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return written < 0 ? -1 : 0;
}

struct wire *wire_open(char *why, size_t why_size)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		abort();
	wire->outside = wire->inside = -1;
	if (unshare(CLONE_NEWNET)) {
		snprintf(why, why_size, "no network namespace: %s", strerror(errno));
		goto failed;
	}
	/* Without IPv6 the kernel would talk by itself. */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	if (wire_command("ip link add " WIRE_OUTSIDE " type veth peer name " WIRE_INSIDE) ||
		wire_attach_pass(WIRE_OUTSIDE) || wire_command("ip link set " WIRE_OUTSIDE " up arp off") ||
		wire_command("ip link set " WIRE_INSIDE " up arp off")) {
		snprintf(why, why_size, "no veth pair");
		goto failed;
	}
	wire->outside = open_socket(WIRE_OUTSIDE);
	wire->inside = open_socket(WIRE_INSIDE);
	if (wire->outside < 0 || wire->inside < 0) {
		snprintf(why, why_size, "no packet socket: %s", strerror(errno));
		goto failed;
	}
	return wire;
failed:
	wire_close(wire);
	return NULL;
}

void wire_close(struct wire *wire)
{
	if (!wire)
		return;
	if (wire->outside >= 0)
		close(wire->outside);
	if (wire->inside >= 0)
		close(wire->inside);
	free(wire);
}

static void send_on(int fd, const uint8_t *frame, size_t size)
{
	if (send(fd, frame, size, 0) == (ssize_t)size)
		return;
	fprintf(stderr, "cannot send a frame of %zu bytes: %s\n", size, strerror(errno));
	abort();
}

void wire_send(struct wire *wire, const uint8_t *frame, size_t size)
{
	send_on(wire->outside, frame, size);
}

void wire_send_outbound(struct wire *wire, const uint8_t *frame, size_t size)
{
	struct pollfd ready = { .fd = wire->outside, .events = POLLIN };
	uint8_t taken[4096];

	send_on(wire->inside, frame, size);
	if (poll(&ready, 1, 2000) != 1 || !wire_receive_outside(wire, taken, sizeof(taken))) {
		fprintf(stderr, "what was sent from inside did not come out\n");
		abort();
	}
}

size_t wire_receive_outside(struct wire *wire, uint8_t *frame, size_t room)
{
	ssize_t size = recv(wire->outside, frame, room, 0);

	return size > 0 ? (size_t)size : 0;
}

uint64_t wire_take_inside(struct wire *wire)
{
	uint8_t byte;
	uint64_t count = 0;

	while (recv(wire->inside, &byte, 1, MSG_TRUNC) > 0)
		count++;
	return count;
}
