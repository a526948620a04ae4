// SPDX-License-Identifier: Apache-2.0
/* The pool of packets, link types, options and counters of the decoder. */
#include "sensor/decode/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "sensor/config/tree.h"
#include "sensor/decode/defrag.h"
#include "sensor/decode/internal.h"
#include "sensor/worker/worker.h"

enum {
	CHECKSUM_SAMPLE_COUNT = 1000, /* frames to look at before judging */
	CHECKSUM_BAD_RATIO = 10, /* one wrong in so many means offloading */
	CHECKSUM_MODE_NO = 0, /* settings.checksum_mode */
	CHECKSUM_MODE_AUTO = 2,
};

/* A row per link type (https://www.tcpdump.org/linktypes.html); raw IP has a number in files and others in libpcap. */
static const struct linktype {
	uint32_t number;
	uint32_t shown; /* as libpcap numbers it */
	const char *name;
	decode_fn decode;
} linktypes[] = {
	{ 1, 1, "EN10MB", decode_ethernet },
	{ 0, 0, "NULL", decode_null },
	{ 9, 9, "PPP", decode_ppp },
	{ 12, DLT_RAW_IP, "RAW", decode_raw },
	{ 14, DLT_RAW_IP, "RAW", decode_raw },
	{ 50, 50, "PPP_SERIAL", decode_ppp },
	{ 51, 51, "PPP_ETHER", decode_pppoe_session },
	{ 101, DLT_RAW_IP, "RAW", decode_raw },
	{ 104, 104, "C_HDLC", decode_chdlc },
	{ 108, 108, "LOOP", decode_loop },
	{ 113, 113, "LINUX_SLL", decode_sll },
	{ 228, 228, "IPv4", decode_raw },
	{ 229, 229, "IPv6", decode_raw },
	{ 276, 276, "LINUX_SLL2", decode_sll2 },
	{ 778, 778, "GRE_OVER_IP", decode_raw },
};

static const struct linktype *find_linktype(uint32_t number)
{
	for (size_t i = 0; i < sizeof(linktypes) / sizeof(*linktypes); i++)
		if (linktypes[i].number == number)
			return &linktypes[i];
	return NULL;
}

bool decoder_knows_linktype(uint32_t linktype)
{
	return find_linktype(linktype) != NULL;
}

const char *decoder_linktype_name(uint32_t linktype)
{
	const struct linktype *row = find_linktype(linktype);

	return row ? row->name : NULL;
}

/* ---- Options ---- */

bool tunnel_port(const struct tunnel_ports *ports, uint16_t port)
{
	for (uint8_t i = 0; i < ports->count; i++)
		if (ports->ports[i] == port)
			return true;
	return ports->any;
}

/* "3544", "[8472, 4789]", "any", or the name of a port group with a dollar sign. */
static void read_ports(const struct conf_node *root, const char *text, struct tunnel_ports *ports)
{
	char path[CONF_PATH_MAX];

	if (*text == '$') {
		snprintf(path, sizeof(path), "vars.port-groups.%s", text + 1);
		text = conf_text(root, path, "");
	}
	ports->any = !strcasecmp(text, "any");
	ports->count = 0;
	while (ports->count < PORTS_MAX && *(text += strcspn(text, "0123456789")) != '\0') {
		char *end;
		unsigned long port = strtoul(text, &end, 10);

		if (port <= UINT16_MAX)
			ports->ports[ports->count++] = (uint16_t)port;
		text = end;
	}
}

static void read_tunnel(const struct conf_node *root, const char *name, const char *fallback, struct tunnel_ports *ret)
{
	const struct conf_node *node = conf_get(root, name), *list = conf_child(node, "ports");
	char joined[64] = "";

	ret->enabled = conf_bool(node, "enabled", true);
	if (list && list->first) { /* a YAML list in place of a text */
		for (size_t i = 0; i < conf_values_count(list) && i < PORTS_MAX; i++)
			snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%.8s ",
				conf_value_at(list, i) ? conf_value_at(list, i) : "");
		read_ports(root, joined, ret);
		return;
	}
	read_ports(root, conf_text(node, "ports", fallback), ret);
}

/* Counters of events: "decoder.event.ipv4.pkt_too_small". Too many layers is a fixed one. */
static void register_events(struct decoder *d, const struct conf_node *root)
{
	const char *prefix = conf_text(root, "stats.decoder-events-prefix", "decoder.event");
	bool wanted = conf_bool(root, "stats.decoder-events", true);
	char name[128];

	for (uint16_t event = 0; event < EVENT_DECODE_COUNT; event++) {
		d->event_counters[event] = STATS_COUNTERS_MAX;
		if (event == EVENT_TOO_MANY_LAYERS) {
			d->event_counters[event] = COUNTER_DECODER_TOO_MANY_LAYERS;
		} else if (wanted) {
			snprintf(name, sizeof(name), "%s.%s", prefix, event_name(event));
			d->event_counters[event] = (uint16_t)stats_register(name);
		}
	}
}

struct decoder *decoder_new(const struct sensor_settings *settings, uint64_t *counters, struct siphash_key key)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->settings = settings;
	d->counters = counters;
	d->max_layers = settings->max_layers ? settings->max_layers : PACKET_LAYERS_MAX;
	d->erspan_type1 = conf_bool(settings->root, "decoder.erspan.typeI.enabled", true);
	d->vntag = conf_bool(settings->root, "decoder.vntag.enabled", true);
	d->ignore_checksums = settings->no_checksums || settings->checksum_mode == CHECKSUM_MODE_NO;
	d->sample_checksums = !d->ignore_checksums && settings->checksum_mode == CHECKSUM_MODE_AUTO;
	read_tunnel(settings->root, "decoder.teredo", "any", &d->teredo);
	read_tunnel(settings->root, "decoder.vxlan", "4789", &d->vxlan);
	read_tunnel(settings->root, "decoder.geneve", "6081", &d->geneve);
	register_events(d, settings->root);
	d->defrag = defrag_new(settings, counters, key);
	if (!d->defrag) {
		free(d);
		return NULL;
	}
	return d;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	defrag_free(decoder->defrag);
	free(decoder);
}

void decoder_set_alerts(struct decoder *decoder, struct packet_alert *alerts)
{
	for (size_t i = 0; i < DECODER_PACKETS_MAX; i++)
		decoder->pool[i].alerts = alerts;
}

/* ---- Packets of a frame ---- */

struct sensor_packet *decoder_inner(
	struct decoder *d, struct sensor_packet *parent, enum packet_source source, struct bytes frame)
{
	struct sensor_packet *p;

	if (d->pool_used == DECODER_PACKETS_MAX)
		return NULL;
	p = &d->pool[d->pool_used++];
	packet_reset(p);
	p->frame = frame;
	p->wire_size = (uint32_t)frame.size;
	p->time_ns = parent->time_ns;
	p->number = parent->number;
	p->tenant = parent->tenant;
	p->verdict_context = parent->verdict_context;
	p->linktype = DLT_RAW_IP;
	p->source = (uint8_t)source;
	p->root = parent->root ? parent->root : parent;
	p->layers = parent->layers;
	p->recursion = parent->recursion;
	p->flags = parent->flags & (PKT_IGNORE_CHECKSUM | PKT_MEMCAP_FLOW | PKT_MEMCAP_SSN | PKT_MEMCAP_REASSEMBLY);
	return p;
}

/* Counts what is known about the packet now, and puts it at the end of the list. */
void decoder_commit(struct decoder *d, struct sensor_packet *p)
{
	for (uint8_t i = 0; i < p->event_count; i++)
		if (p->events[i] < EVENT_DECODE_COUNT && d->event_counters[p->events[i]] < STATS_COUNTERS_MAX)
			d->counters[d->event_counters[p->events[i]]]++;
	if (p->flags & PKT_INVALID)
		decoder_count(d, COUNTER_DECODER_INVALID);
	*d->last = p;
	d->last = &p->next;
}

void decoder_abandon(struct decoder *d, struct sensor_packet *inner)
{
	if (inner == &d->pool[d->pool_used - 1])
		d->pool_used--;
}

bool decode_tunnel(
	struct decoder *d, struct sensor_packet *parent, enum packet_source source, struct bytes in, decode_fn decode)
{
	struct sensor_packet *inner;

	if (!decoder_layer(d, parent))
		return false;
	inner = decoder_inner(d, parent, source, in);
	if (!inner)
		return decoder_fail(parent, EVENT_TOO_MANY_LAYERS);
	inner->flags |= PKT_TUNNEL;
	inner->recursion++;
	inner->vni = parent->vni;
	if (!decode(d, inner, in)) {
		decoder_abandon(d, inner);
		return false;
	}
	decoder_commit(d, inner);
	return true;
}

/* After so many frames: many wrong checksums mean that the capturing host lets its network card work them out. */
static void judge_checksums(struct decoder *d)
{
	if (++d->sample_count < CHECKSUM_SAMPLE_COUNT)
		return;
	d->sample_checksums = false;
	if (d->sample_bad_count && d->sample_count / d->sample_bad_count < CHECKSUM_BAD_RATIO)
		d->ignore_checksums = true;
}

static void count_frame(struct decoder *d, const struct worker_frame *frame)
{
	uint64_t *counters = d->counters;

	counters[COUNTER_DECODER_PKTS]++;
	counters[COUNTER_DECODER_BYTES] += frame->data.size;
	counters[COUNTER_DECODER_AVG_PKT_SIZE] = counters[COUNTER_DECODER_BYTES] / counters[COUNTER_DECODER_PKTS];
	if (counters[COUNTER_DECODER_MAX_PKT_SIZE] < frame->data.size)
		counters[COUNTER_DECODER_MAX_PKT_SIZE] = frame->data.size;
}

/* Test hooks: the frame whose turn it is meets a full memory. */
static uint32_t simulated(const struct sensor_settings *settings, uint64_t number)
{
	uint32_t flags = 0;

	if (!number)
		return 0;
	if (number == settings->simulate_flow_memcap)
		flags |= PKT_MEMCAP_FLOW;
	if (number == settings->simulate_ssn_memcap)
		flags |= PKT_MEMCAP_SSN;
	if (number == settings->simulate_reassembly_memcap)
		flags |= PKT_MEMCAP_REASSEMBLY;
	if (number == settings->simulate_defrag_memcap)
		flags |= PKT_MEMCAP_DEFRAG;
	return flags;
}

void decoder_frame(
	struct decoder *decoder, const struct worker_frame *frame, decoder_packet_fn packet_fn, void *context)
{
	const struct linktype *link = find_linktype(frame->linktype);
	struct sensor_packet *p = &decoder->pool[0], *next;

	packet_reset(p);
	p->frame = frame->data;
	p->time_ns = frame->time_ns;
	p->number = frame->number;
	p->wire_size = frame->wire_size;
	p->tenant = frame->tenant;
	p->linktype = link ? link->shown : frame->linktype;
	p->flags = simulated(decoder->settings, frame->number);

	decoder->pool_used = 1;
	decoder->first = NULL;
	decoder->last = &decoder->first;
	count_frame(decoder, frame);
	if (decoder->sample_checksums)
		judge_checksums(decoder);
	if (decoder->ignore_checksums || frame->no_checksums)
		p->flags |= PKT_IGNORE_CHECKSUM;
	defrag_frame(decoder->defrag, frame->time_ns);

	if (link)
		link->decode(decoder, p, frame->data);
	else
		p->flags |= PKT_INVALID;
	decoder_commit(decoder, p);
	for (p = decoder->first; p; p = next) {
		next = p->next;
		packet_fn(context, p);
	}
}
