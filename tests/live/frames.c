// SPDX-License-Identifier: Apache-2.0
/* Sends UDP datagrams as frames, past the sender's own network stack: with VLAN tags, from many addresses.
 *
 *	frames --device DEV --to-mac MAC --from PREFIX4 --to ADDR --port N [--vlan ID] [--count N] [--rate PPS] [--text TEXT]
 *
 * With --count above 1 each datagram has another source: the prefix's network plus the number of the datagram. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "packet/build.h"

struct options {
	const char *device, *to, *text;
	uint8_t to_mac[6];
	struct ip_prefix from;
	uint16_t port, vlan;
	uint32_t count;
	double rate_pps;
};

static int usage(void)
{
	fprintf(stderr,
		"usage: frames --device DEV --to-mac MAC --from PREFIX --to ADDR --port N [--vlan ID] [--count N] "
		"[--rate PPS] [--text TEXT]\n");
	return 2;
}

static bool read_mac(const char *text, uint8_t mac[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static bool read_option(int option, const char *value, struct options *o)
{
	switch (option) {
	case 'd':
		o->device = value;
		return true;
	case 'm':
		return read_mac(value, o->to_mac);
	case 'f':
		return ip_prefix_parse(bytes_from_str(value), IP_PREFIX_MASK_HOST_BITS, &o->from) == 0 &&
		       o->from.addr.family == IP_V4;
	case 't':
		o->to = value;
		return true;
	case 'p':
		o->port = (uint16_t)atoi(value);
		return true;
	case 'v':
		o->vlan = (uint16_t)atoi(value);
		return true;
	case 'c':
		o->count = (uint32_t)atoi(value);
		return true;
	case 'r':
		o->rate_pps = atof(value);
		return true;
	case 'x':
		o->text = value;
		return true;
	default:
		return false;
	}
}

static struct ip_addr source_of(const struct options *o, uint32_t number)
{
	struct ip_addr addr = o->from.addr;
	uint32_t value;

	memcpy(&value, addr.bytes, 4);
	value = htonl(ntohl(value) + number);
	memcpy(addr.bytes, &value, 4);
	return addr;
}

static int send_all(const struct options *o, int fd, const struct sockaddr_ll *to)
{
	uint64_t began_ns = clock_mono_ns();
	struct ip_addr dst;

	if (ip_addr_parse(bytes_from_str(o->to), &dst))
		return usage();
	for (uint32_t i = 0; i < o->count; i++) {
		struct ip_addr src = source_of(o, i);
		struct packet_spec spec = { .dst_mac = o->to_mac,
			.src_addr = &src,
			.dst_addr = &dst,
			.protocol = PACKET_UDP,
			.dport = o->port,
			.payload = o->text,
			.payload_size = strlen(o->text),
			.vlan_count = o->vlan != 0,
			.vlan = { { .id = o->vlan } } };
		uint64_t at_ns = began_ns + (uint64_t)(i * (double)NS_PER_S / o->rate_pps);
		struct timespec at = { .tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S) };
		uint8_t frame[2048];
		size_t size;

		if (packet_build(&spec, frame, sizeof(frame), &size))
			return usage();
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		if (sendto(fd, frame, size, 0, (const struct sockaddr *)to, sizeof(*to)) != (ssize_t)size) {
			fprintf(stderr, "frames: %s: %s\n", o->device, strerror(errno));
			return 1;
		}
	}
	printf("sent %u\n", o->count);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = { { "device", 1, NULL, 'd' }, { "to-mac", 1, NULL, 'm' },
		{ "from", 1, NULL, 'f' }, { "to", 1, NULL, 't' }, { "port", 1, NULL, 'p' }, { "vlan", 1, NULL, 'v' },
		{ "count", 1, NULL, 'c' }, { "rate", 1, NULL, 'r' }, { "text", 1, NULL, 'x' }, { NULL, 0, NULL, 0 } };
	struct options o = { .count = 1, .rate_pps = 10000, .text = "" };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int c, fd, error;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!read_option(c, optarg, &o))
			return usage();
	if (!o.device || !o.to || !o.from.addr.family || !o.port || o.rate_pps <= 0)
		return usage();
	to.sll_ifindex = (int)if_nametoindex(o.device);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || !to.sll_ifindex) {
		fprintf(stderr, "frames: cannot send on %s: %s\n", o.device, strerror(errno));
		return 1;
	}
	error = send_all(&o, fd, &to);
	close(fd);
	return error;
}
