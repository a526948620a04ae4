// SPDX-License-Identifier: Apache-2.0
/* libpcap reads the file format; this file turns what it hands out into Ethernet frames. A link type is a row: the
 * size of its header and a function that finds the Ethernet type. Ethernet itself is handed through uncopied. */
#include "packet/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "packet/wire.h"

enum { ETHERNET_SIZE = 14, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };

struct link {
	int type;
	uint8_t header_size; /* to be taken off */
	uint16_t (*ether_type)(struct bytes record); /* gets at least the header; 0 for no IP */
};

struct packet_capture {
	pcap_t *pcap;
	const struct link *link; /* null for Ethernet */
	char *name;
	char message[PACKET_CAPTURE_MESSAGE_SIZE];
	uint8_t frame[PACKET_CAPTURE_FRAME_MAX];
};

static uint16_t type_of_raw(struct bytes record)
{
	uint8_t version = bytes_empty(record) ? 0 : record.ptr[0] >> 4;

	if (version == 4)
		return TYPE_IPV4;
	return version == 6 ? TYPE_IPV6 : 0;
}

static uint16_t type_of_cooked(struct bytes record)
{
	return packet_be16(record.ptr + 14);
}

static uint16_t type_of_cooked2(struct bytes record)
{
	return packet_be16(record.ptr);
}

/* The address family of the capturing machine, in its byte order or, for DLT_LOOP, the network's. IPv6 has another
 * number on each system. */
static uint16_t type_of_loopback(struct bytes record)
{
	uint32_t family = packet_load32(record.ptr);

	if (family > 0xffff)
		family = packet_swap32(family);
	switch (family) {
	case 2:
		return TYPE_IPV4;
	case 10:
	case 24:
	case 28:
	case 30:
		return TYPE_IPV6;
	default:
		return 0;
	}
}

static const struct link links[] = {
	{ DLT_RAW, 0, type_of_raw },
	{ DLT_IPV4, 0, type_of_raw },
	{ DLT_IPV6, 0, type_of_raw },
	{ DLT_LINUX_SLL, 16, type_of_cooked },
	{ DLT_LINUX_SLL2, 20, type_of_cooked2 },
	{ DLT_NULL, 4, type_of_loopback },
	{ DLT_LOOP, 4, type_of_loopback },
};

static int find_link(int type, const struct link **ret)
{
	*ret = NULL;
	if (type == DLT_EN10MB)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
		if (links[i].type == type) {
			*ret = &links[i];
			return 0;
		}
	}
	return LUYTRE_E_UNSUPPORTED;
}

int packet_capture_open(const char *path, char message[PACKET_CAPTURE_MESSAGE_SIZE], struct packet_capture **ret)
{
	FILE *stream = fopen(path, "rbe");

	if (!stream) {
		int system_errno = errno;

		snprintf(message, PACKET_CAPTURE_MESSAGE_SIZE, "%.200s: %s", path, strerror(system_errno));
		return error_from_errno(system_errno);
	}
	return packet_capture_open_stream(stream, path, message, ret);
}

int packet_capture_open_stream(
	FILE *stream, const char *name, char message[PACKET_CAPTURE_MESSAGE_SIZE], struct packet_capture **ret)
{
	struct packet_capture *capture = calloc(1, sizeof(*capture));
	char reason[PCAP_ERRBUF_SIZE] = "";
	const char *link_name;
	int type, error = LUYTRE_E_NOMEM;

	snprintf(message, PACKET_CAPTURE_MESSAGE_SIZE, "%.200s: not enough memory", name);
	if (!capture)
		goto close_stream;
	capture->name = strdup(name);
	if (!capture->name)
		goto close_stream;
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!capture->pcap) {
		snprintf(message, PACKET_CAPTURE_MESSAGE_SIZE, "%.100s: not a capture file: %.180s", name, reason);
		error = LUYTRE_E_SYNTAX;
		goto close_stream;
	}
	type = pcap_datalink(capture->pcap);
	error = find_link(type, &capture->link);
	if (error) {
		link_name = pcap_datalink_val_to_name(type);
		snprintf(message, PACKET_CAPTURE_MESSAGE_SIZE,
			"%.100s: link type %s (%d) is not Ethernet, raw IP, Linux cooked or loopback", name,
			link_name ? link_name : "unknown", type);
		goto close_capture;
	}
	message[0] = '\0';
	*ret = capture;
	return 0;

close_stream: /* libpcap has not taken it */
	fclose(stream);
close_capture:
	packet_capture_close(capture);
	return error;
}

/* Puts an Ethernet header where the file's own link header was. */
static void rewrite_link(struct packet_capture *capture, struct bytes record, struct packet_frame *frame)
{
	const struct link *link = capture->link;
	uint16_t type = record.size < link->header_size ? 0 : packet_swap16(link->ether_type(record));
	struct bytes rest =
		bytes_first(bytes_skip(record, link->header_size), PACKET_CAPTURE_FRAME_MAX - ETHERNET_SIZE);

	memset(capture->frame, 0, 12);
	memcpy(capture->frame + 12, &type, sizeof(type));
	if (!bytes_empty(rest))
		memcpy(capture->frame + ETHERNET_SIZE, rest.ptr, rest.size);
	frame->data = bytes_of(capture->frame, ETHERNET_SIZE + rest.size);
	frame->wire_size = frame->wire_size < link->header_size ? 0 : frame->wire_size - link->header_size;
	frame->wire_size += ETHERNET_SIZE;
}

int packet_capture_next(struct packet_capture *capture, struct packet_frame *ret)
{
	struct pcap_pkthdr *header;
	const uint8_t *data;
	struct packet_frame frame = { 0 };
	int status = pcap_next_ex(capture->pcap, &header, &data);

	if (status == PCAP_ERROR_BREAK)
		return 0;
	if (status != 1) {
		snprintf(capture->message, sizeof(capture->message), "%.100s: %.200s", capture->name,
			pcap_geterr(capture->pcap));
		return LUYTRE_E_CORRUPT;
	}
	/* With nanosecond precision libpcap stores nanoseconds in tv_usec. */
	frame.time_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	frame.wire_size = header->len;
	if (capture->link)
		rewrite_link(capture, bytes_of(data, header->caplen), &frame);
	else
		frame.data = bytes_first(bytes_of(data, header->caplen), PACKET_CAPTURE_FRAME_MAX);
	if (frame.wire_size < frame.data.size)
		frame.wire_size = (uint32_t)frame.data.size;
	*ret = frame;
	return 1;
}

const char *packet_capture_message(const struct packet_capture *capture)
{
	return capture->message;
}

void packet_capture_close(struct packet_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture->name);
	free(capture);
}
