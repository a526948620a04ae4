// SPDX-License-Identifier: Apache-2.0
/* TCP: header and options (RFC 9293, section 3.1 and 3.2; RFC 7323, 2018, 2385, 5925, 7413). */
#include "sensor/decode/internal.h"

enum {
	TCP_SIZE = 20,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_OK = 4,
	OPTION_SACK = 5,
	OPTION_TS = 8,
	OPTION_MD5 = 19,
	OPTION_AO = 29,
	OPTION_TFO = 34,
	OPTION_EXPERIMENT1 = 253,
	OPTION_EXPERIMENT2 = 254,
	WSCALE_MAX = 14,
	SACK_SIZE = 8,
	TFO_MAGIC = 0xf989, /* of the experimental option (RFC 7413, appendix A) */
};

/* Each takes a whole option whose size is in range, and answers false when it was there already. */
typedef bool (*option_fn)(struct packet_tcp *tcp, struct bytes option);

static bool first_time(bool *has)
{
	bool first = !*has;

	*has = true;
	return first;
}

static bool take_mss(struct packet_tcp *tcp, struct bytes option)
{
	if (!first_time(&tcp->has_mss))
		return false;
	tcp->mss = read_u16(option.ptr + 2);
	return true;
}

static bool take_wscale(struct packet_tcp *tcp, struct bytes option)
{
	if (!first_time(&tcp->has_wscale))
		return false;
	tcp->wscale = option.ptr[2] <= WSCALE_MAX ? option.ptr[2] : 0;
	return true;
}

static bool take_sack_ok(struct packet_tcp *tcp, struct bytes option)
{
	(void)option;
	return first_time(&tcp->has_sack_ok);
}

static bool take_sack(struct packet_tcp *tcp, struct bytes option)
{
	if (tcp->sack_count)
		return false;
	tcp->sacks = bytes_skip(option, 2);
	tcp->sack_count = (uint8_t)(tcp->sacks.size / SACK_SIZE);
	return true;
}

static bool take_ts(struct packet_tcp *tcp, struct bytes option)
{
	if (!first_time(&tcp->has_ts))
		return false;
	tcp->ts_val = read_u32(option.ptr + 2);
	tcp->ts_ecr = read_u32(option.ptr + 6);
	return true;
}

static bool take_md5(struct packet_tcp *tcp, struct bytes option)
{
	(void)option;
	return first_time(&tcp->has_md5);
}

static bool take_ao(struct packet_tcp *tcp, struct bytes option)
{
	(void)option;
	return first_time(&tcp->has_ao);
}

static bool take_tfo(struct packet_tcp *tcp, struct bytes option)
{
	if (!first_time(&tcp->has_tfo))
		return false;
	tcp->tfo = bytes_skip(option, 2);
	return true;
}

/* Sizes with the two bytes of type and size; 'step' is what they may grow by. */
static const struct tcp_option {
	uint8_t type, least, most, step;
	option_fn take;
} tcp_options[] = {
	{ OPTION_TS, 10, 10, 1, take_ts },
	{ OPTION_SACK, 2, 34, SACK_SIZE, take_sack },
	{ OPTION_MSS, 4, 4, 1, take_mss },
	{ OPTION_WSCALE, 3, 3, 1, take_wscale },
	{ OPTION_SACK_OK, 2, 2, 1, take_sack_ok },
	{ OPTION_MD5, 18, 18, 1, take_md5 },
	{ OPTION_AO, 4, 40, 1, take_ao },
	{ OPTION_TFO, 2, 18, 2, take_tfo },
};

static void experiment(struct sensor_packet *p, struct bytes option)
{
	if (option.size < 4 || read_u16(option.ptr + 2) != TFO_MAGIC)
		return;
	if (option.size > 20 || option.size % 2)
		decoder_raise(p, EVENT_TCP_OPT_INVALID_LEN);
	else if (!first_time(&p->tcp.has_tfo))
		decoder_raise(p, EVENT_TCP_OPT_DUPLICATE);
	else
		p->tcp.tfo = bytes_skip(option, 4);
}

static void one_option(struct sensor_packet *p, struct bytes option)
{
	if (option.ptr[0] == OPTION_EXPERIMENT1 || option.ptr[0] == OPTION_EXPERIMENT2) {
		experiment(p, option);
		return;
	}
	for (size_t i = 0; i < sizeof(tcp_options) / sizeof(*tcp_options); i++) {
		const struct tcp_option *row = &tcp_options[i];

		if (row->type != option.ptr[0])
			continue;
		if (option.size < row->least || option.size > row->most || (option.size - row->least) % row->step)
			decoder_raise(p, EVENT_TCP_OPT_INVALID_LEN);
		else if (!row->take(&p->tcp, option))
			decoder_raise(p, EVENT_TCP_OPT_DUPLICATE);
		return;
	}
}

static void decode_options(struct sensor_packet *p)
{
	struct bytes in = p->tcp.options;

	while (!bytes_empty(in) && in.ptr[0] != OPTION_END) {
		size_t size = 1;

		if (in.ptr[0] != OPTION_NOP) {
			if (in.size < 2)
				return;
			size = in.ptr[1];
			if (size < 2 || size > in.size) {
				decoder_raise(p, EVENT_TCP_OPT_INVALID_LEN);
				return;
			}
			one_option(p, bytes_first(in, size));
		}
		in = bytes_skip(in, size);
	}
}

/* Bytes with a wrong checksum never reach the application of the receiver: the stream must not use them either. */
static void heed_checksum(struct decoder *d, struct sensor_packet *p)
{
	if (p->flags & PKT_IGNORE_CHECKSUM || !d->settings->stream_checksum_validation || packet_checksum_l4(p))
		return;
	p->flags |= PKT_BAD_CHECKSUM;
	d->sample_bad_count++;
}

bool decode_tcp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	struct packet_tcp *tcp = &p->tcp;
	size_t header_size;

	decoder_count(d, COUNTER_DECODER_TCP);
	if (in.size < TCP_SIZE)
		return decoder_fail(p, EVENT_TCP_PKT_TOO_SMALL);
	header_size = (size_t)(in.ptr[12] >> 4) * 4;
	if (header_size < TCP_SIZE)
		return decoder_fail(p, EVENT_TCP_HLEN_TOO_SMALL);
	if (header_size > in.size)
		return decoder_fail(p, EVENT_TCP_INVALID_OPTLEN);
	*tcp = (struct packet_tcp){ .seq = read_u32(in.ptr + 4),
		.ack = read_u32(in.ptr + 8),
		.window = read_u16(in.ptr + 14),
		.urgent = read_u16(in.ptr + 18),
		.flags = in.ptr[13],
		.header_size = (uint8_t)header_size,
		.reserved4 = in.ptr[12] & 15,
		.options = bytes_of(in.ptr + TCP_SIZE, header_size - TCP_SIZE) };
	p->has_tcp = true;
	p->sport = read_u16(in.ptr);
	p->dport = read_u16(in.ptr + 2);
	p->payload = bytes_skip(in, header_size);
	if (header_size > TCP_SIZE)
		decode_options(p);
	heed_checksum(d, p);
	return true;
}
