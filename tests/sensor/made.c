// SPDX-License-Identifier: Apache-2.0
#include "tests/sensor/made.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "packet/build.h"

enum {
	INPUT_SIZE_MAX = 1 << 20,
	SEGMENT_SIZE = 1400,
	PCAP_MAGIC = (int)0xa1b2c3d4,
	LINKTYPE_ETHERNET = 1,
	LINKTYPES_MAX = 64, /* of the decoder's inputs */
	START_S = 1700000000,
	STEP_US = 1000,
};

/* How the inputs of a target are sent. Each is made of pieces: a byte of flags and two of the size, then the bytes (see
 * testapp_fuzz). Those whose name ends with "datagrams" go over UDP. */
static const struct made_protocol {
	const char *corpus;
	uint8_t protocol;
	uint16_t port;
	uint8_t skip_size; /* bytes in front of the pieces */
} made_protocols[] = {
	{ "app-bittorrent-dht", PACKET_UDP, 30000, 0 },
	{ "app-dcerpc", PACKET_TCP, 135, 1 },
	{ "app-dhcp", PACKET_UDP, 67, 0 },
	{ "app-dnp3", PACKET_TCP, 20000, 0 },
	{ "app-dns", PACKET_UDP, 53, 0 },
	{ "app-enip", PACKET_TCP, 44818, 0 },
	{ "app-ike", PACKET_UDP, 500, 0 },
	{ "app-krb5", PACKET_TCP, 88, 0 },
	{ "app-ldap", PACKET_TCP, 389, 0 },
	{ "app-modbus", PACKET_TCP, 502, 0 },
	{ "app-mqtt", PACKET_TCP, 1883, 0 },
	{ "app-nfs", PACKET_TCP, 2049, 0 },
	{ "app-ntp", PACKET_UDP, 123, 0 },
	{ "app-pgsql", PACKET_TCP, 5432, 0 },
	{ "app-pop3", PACKET_TCP, 110, 0 },
	{ "app-quic", PACKET_UDP, 443, 0 },
	{ "app-rdp", PACKET_TCP, 3389, 0 },
	{ "app-rfb", PACKET_TCP, 5900, 0 },
	{ "app-sip", PACKET_TCP, 5060, 0 },
	{ "app-smb", PACKET_TCP, 445, 0 },
	{ "app-smtp", PACKET_TCP, 25, 1 },
	{ "app-snmp", PACKET_UDP, 161, 0 },
	{ "app-ssh", PACKET_TCP, 22, 0 },
	{ "app-tftp", PACKET_UDP, 69, 0 },
	{ "app-tls", PACKET_TCP, 443, 0 },
	{ "http1", PACKET_TCP, 80, 0 },
	{ "http2", PACKET_TCP, 80, 0 },
};

enum { PIECE_TO_CLIENT = 1, PIECE_END = 2, PIECE_GAP = 4 };

struct pcap {
	uint8_t *data;
	size_t size, room;
	uint32_t frame_count;
};

static int append(struct pcap *pcap, const void *data, size_t size)
{
	if (pcap->size + size > pcap->room) {
		size_t room = (pcap->size + size) * 2;
		uint8_t *more = realloc(pcap->data, room);

		if (!more)
			return LUYTRE_E_NOMEM;
		pcap->data = more;
		pcap->room = room;
	}
	memcpy(pcap->data + pcap->size, data, size);
	pcap->size += size;
	return 0;
}

/* The file header comes before the first frame. */
static int append_frame(struct pcap *pcap, uint32_t linktype, struct bytes frame)
{
	uint32_t head[] = { (uint32_t)PCAP_MAGIC, 4 << 16 | 2, 0, 0, PACKET_BUILD_SIZE_MAX, linktype };
	uint64_t now_us = (uint64_t)START_S * 1000000 + (uint64_t)pcap->frame_count++ * STEP_US;
	uint32_t record[] = { (uint32_t)(now_us / 1000000), (uint32_t)(now_us % 1000000), (uint32_t)frame.size,
		(uint32_t)frame.size };
	int error = pcap->size ? 0 : append(pcap, head, sizeof(head));

	if (!error)
		error = append(pcap, record, sizeof(record));
	return error || frame.size == 0 ? error : append(pcap, frame.ptr, frame.size);
}

/* ---- Connections ---- */

struct talk {
	struct pcap *pcap;
	uint8_t protocol;
	uint16_t client_port, server_port;
	uint32_t sent[2]; /* sequence numbers; 0: the client's */
};

static int send_frame(struct talk *t, bool to_client, uint8_t flags, struct bytes payload)
{
	static uint8_t frame[PACKET_BUILD_SIZE_MAX];
	struct packet_spec spec = { .src = to_client ? "198.51.100.7" : "192.0.2.9",
		.dst = to_client ? "192.0.2.9" : "198.51.100.7",
		.protocol = t->protocol,
		.sport = to_client ? t->server_port : t->client_port,
		.dport = to_client ? t->client_port : t->server_port,
		.tcp_flags = flags,
		.tcp_seq = t->sent[to_client],
		.tcp_ack = flags & PACKET_ACK ? t->sent[!to_client] : 0,
		.payload = payload.ptr,
		.payload_size = payload.size };
	size_t size;
	int error = packet_build(&spec, frame, sizeof(frame), &size);

	t->sent[to_client] += (uint32_t)payload.size + ((flags & (PACKET_SYN | PACKET_FIN)) != 0);
	return error ? error : append_frame(t->pcap, LINKTYPE_ETHERNET, bytes_of(frame, size));
}

static int open_talk(struct talk *t)
{
	int error = 0;

	if (t->protocol == PACKET_TCP)
		error = send_frame(t, false, PACKET_SYN, (struct bytes){ 0 });
	if (!error && t->protocol == PACKET_TCP)
		error = send_frame(t, true, PACKET_SYN | PACKET_ACK, (struct bytes){ 0 });
	if (!error && t->protocol == PACKET_TCP)
		error = send_frame(t, false, PACKET_ACK, (struct bytes){ 0 });
	return error;
}

static int send_piece(struct talk *t, uint8_t flags, struct bytes piece)
{
	bool to_client = flags & PIECE_TO_CLIENT;
	int error = 0;

	if (t->protocol == PACKET_UDP)
		return send_frame(t, to_client, 0, bytes_first(piece, UINT16_MAX - 64));
	while (!error && piece.size != 0) {
		error = send_frame(t, to_client, PACKET_ACK | PACKET_PSH, bytes_first(piece, SEGMENT_SIZE));
		if (!error)
			error = send_frame(t, !to_client, PACKET_ACK, (struct bytes){ 0 });
		piece = bytes_skip(piece, SEGMENT_SIZE);
	}
	if (!error && flags & PIECE_END)
		error = send_frame(t, to_client, PACKET_FIN | PACKET_ACK, (struct bytes){ 0 });
	return error;
}

static int send_input(struct talk *t, struct bytes in)
{
	int error = open_talk(t);

	while (!error && in.size >= 3) {
		uint8_t flags = in.ptr[0];
		size_t size = (size_t)in.ptr[1] << 8 | in.ptr[2];
		struct bytes piece = bytes_first(bytes_skip(in, 3), size);

		in = bytes_skip(in, 3);
		if (flags & PIECE_GAP) {
			t->sent[flags & PIECE_TO_CLIENT] += (uint32_t)size;
			continue;
		}
		in = bytes_skip(in, piece.size);
		error = send_piece(t, flags, piece);
	}
	return error;
}

/* ---- Files ---- */

typedef int (*input_fn)(void *context, const char *name, struct bytes input);

static int read_input(const char *path, uint8_t **ret_data, size_t *ret_size)
{
	FILE *file = fopen(path, "rbe");

	*ret_data = file ? malloc(INPUT_SIZE_MAX) : NULL;
	if (*ret_data)
		*ret_size = fread(*ret_data, 1, INPUT_SIZE_MAX, file);
	if (file)
		fclose(file);
	return *ret_data ? 0 : file ? LUYTRE_E_NOMEM : LUYTRE_E_IO;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* All inputs of a corpus, by name. */
static int each_input(const char *corpora, const char *corpus, input_fn take, void *context)
{
	struct dirent **entries = NULL;
	char path[4096];
	int count, error = 0;

	snprintf(path, sizeof(path), "%s/%s", corpora, corpus);
	count = scandir(path, &entries, is_visible, alphasort);
	if (count <= 0)
		error = LUYTRE_E_NOT_FOUND;
	for (int i = 0; i < count; i++) {
		uint8_t *data = NULL;
		size_t size = 0;

		snprintf(path, sizeof(path), "%s/%s/%s", corpora, corpus, entries[i]->d_name);
		if (!error)
			error = read_input(path, &data, &size);
		if (!error)
			error = take(context, entries[i]->d_name, bytes_of(data, size));
		free(data);
		free(entries[i]);
	}
	free(entries);
	return error;
}

struct connections {
	struct pcap pcap;
	const struct made_protocol *protocol;
	uint16_t count;
};

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static int add_connection(void *context, const char *name, struct bytes input)
{
	struct connections *c = context;
	struct talk talk = { .pcap = &c->pcap,
		.protocol = ends_with(name, "datagrams") ? PACKET_UDP : c->protocol->protocol,
		.client_port = (uint16_t)(40000 + c->count++),
		.server_port = c->protocol->port,
		.sent = { 1000, 2000 } };

	return send_input(&talk, bytes_skip(input, c->protocol->skip_size));
}

static int make_protocol(
	const char *corpora, const struct made_protocol *protocol, made_take_fn take, void *take_context)
{
	struct connections c = { .protocol = protocol };
	int error = each_input(corpora, protocol->corpus, add_connection, &c);

	if (!error)
		error = take(take_context, protocol->corpus, bytes_of(c.pcap.data, c.pcap.size));
	free(c.pcap.data);
	return error;
}

/* ---- Frames of the decoder's inputs: one capture for each link type ---- */

struct links {
	struct pcap pcaps[LINKTYPES_MAX];
	uint8_t types[LINKTYPES_MAX];
	unsigned int count;
};

/* A byte of the link type, then frames with their size in two bytes. */
static int add_frames(void *context, const char *name, struct bytes in)
{
	struct links *links = context;
	unsigned int i = 0;
	int error = 0;

	if (in.size == 0)
		return 0;
	while (i < links->count && links->types[i] != in.ptr[0])
		i++;
	if (i == LINKTYPES_MAX)
		return 0;
	if (i == links->count)
		links->types[links->count++] = in.ptr[0];
	for (in = bytes_skip(in, 1); !error && in.size >= 2;) {
		struct bytes frame = bytes_first(bytes_skip(in, 2), (size_t)(in.ptr[0] << 8 | in.ptr[1]));

		error = append_frame(&links->pcaps[i], links->types[i], frame);
		in = bytes_skip(in, 2 + frame.size);
	}
	return error;
}

static int make_links(const char *corpora, made_take_fn take, void *context)
{
	static struct links links;
	int error;

	links = (struct links){ 0 };
	error = each_input(corpora, "decode", add_frames, &links);
	for (unsigned int i = 0; i < links.count; i++) {
		struct pcap *pcap = &links.pcaps[i];
		char name[32];

		snprintf(name, sizeof(name), "link-type-%u", links.types[i]);
		if (!error && pcap->size != 0)
			error = take(context, name, bytes_of(pcap->data, pcap->size));
		free(pcap->data);
	}
	return error;
}

int made_captures(const char *corpora, made_take_fn take, void *context)
{
	int error = make_links(corpora, take, context);

	for (size_t i = 0; i < ARRAY_COUNT(made_protocols) && !error; i++)
		error = make_protocol(corpora, &made_protocols[i], take, context);
	return error;
}
