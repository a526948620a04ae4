// SPDX-License-Identifier: Apache-2.0
/* The detection against simulated traffic: packets are made one by one, a small model of the shield counts, samples and
 * drops them, and time is a number. Every scenario begins with half a minute of peace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shield/flood.h"
#include "shield/signature.h"

enum {
	TENANTS = 4,
	TICK_MS = 100,
	DESTS = 4096,
	REPORTS = 4096,
	PEACE_MS = 30000,
	WEB = 1, /* 20 hosts of web, 1,400 packets/s, and a name server with 800 questions/s */
	SMALL = 2, /* 20 packets/s */
	BIG = 3, /* 1,800 packets/s over 256 hosts of a /24 */
};

#define NS_PER_MS 1000000ull

struct made { /* a packet before it is bytes */
	uint32_t tenant, src, dst; /* addresses in host order */
	uint16_t sport, dport, payload_size;
	uint8_t class_id, protocol, ttl, flags;
	uint8_t payload[16];
	uint16_t reason; /* a static drop, or PASSED */
	bool bad, v6;
};

struct installed {
	struct shield_signature signature;
	bool used;
};

struct world {
	struct flood *flood;
	uint64_t now_ns, random;
	struct flood_traffic traffic[TENANTS][SHIELD_CLASS_COUNT];
	struct flood_destination dests[DESTS];
	struct installed installed[TENANTS][SHIELD_SIGNATURES_PER_TENANT];
	uint32_t bits[TENANTS], every[TENANTS][SHIELD_CLASS_COUNT], countdown[TENANTS][SHIELD_CLASS_COUNT];
	struct flood_report reports[REPORTS];
	size_t report_count;
	uint64_t good, good_dropped, bad, bad_dropped, sampled;
	uint64_t enforced_ns, rearmed_ns, bits_ns; /* when it last happened */
	size_t enforced_count, shadow_count, removed_count;
	bool crowd; /* sources answer challenges */
	double debt[16]; /* fractions of packets, by maker */
	bool swapped; /* WEB and BIG have changed their slots */
};

/* ---- The model ---- */

static uint32_t roll(struct world *w, uint32_t below)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((w->random >> 33) % below);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static size_t transport_size(const struct made *made)
{
	return made->protocol == PACKET_TCP ? 20 : 8;
}

/* Ethernet, IP, transport: what of it fits into a sample. */
static void frame_make(const struct made *made, struct shield_sample *sample)
{
	size_t ip = made->v6 ? 40 : 20, transport = transport_size(made), head = 14 + ip + transport;
	size_t full = head + made->payload_size;
	uint8_t *at = sample->data + 14;
	uint32_t sum = 0;

	memset(sample->data, 0, sizeof(sample->data));
	put16(sample->data + 12, made->v6 ? 0x86dd : 0x0800);
	at[0] = made->v6 ? 0x60 : 0x45;
	if (made->v6) {
		put16(at + 4, (uint32_t)(full - 54));
		at[6] = made->protocol;
		at[7] = made->ttl;
		put32(at + 8, 0x20010db8);
		put32(at + 20, made->src);
		put32(at + 24, 0x20010db8);
		put32(at + 36, made->dst);
	} else {
		put16(at + 2, (uint32_t)(full - 14));
		at[8] = made->ttl;
		at[9] = made->protocol;
		put32(at + 12, made->src);
		put32(at + 16, made->dst);
		for (int i = 0; i < 20; i += 2)
			sum += (uint32_t)at[i] << 8 | at[i + 1];
		sum = (sum & 0xffff) + (sum >> 16);
		put16(at + 10, ~(sum + (sum >> 16)) & 0xffff);
	}
	at += ip;
	put16(at, made->sport);
	put16(at + 2, made->dport);
	if (made->protocol == PACKET_UDP)
		put16(at + 4, (uint32_t)(8 + made->payload_size));
	if (made->protocol == PACKET_TCP) {
		at[12] = 0x50;
		at[13] = made->flags;
	}
	if (made->protocol == PACKET_ICMP)
		at[0] = 8;
	memcpy(at + transport, made->payload, made->payload_size < 16 ? made->payload_size : 16);
	sample->frame_size = (uint16_t)full;
	sample->data_size = full < SHIELD_SAMPLE_BYTES ? (uint16_t)full : SHIELD_SAMPLE_BYTES;
}

static struct signature_sample view_of(const struct made *made)
{
	struct signature_sample view = {
		.size = (uint16_t)((made->v6 ? 40 : 20) + transport_size(made) + made->payload_size),
		.family = made->v6 ? 6 : 4,
		.protocol = made->protocol,
		.ttl = made->ttl,
		.tcp_flags = made->flags,
		.sport = made->protocol == PACKET_ICMP ? 0 : made->sport,
		.dport = made->protocol == PACKET_ICMP ? 0 : made->dport,
	};

	if (made->v6)
		put32(view.dst.byte, 0x20010db8);
	put32(view.dst.byte + (made->v6 ? 12 : 0), made->dst);
	memcpy(view.head, made->payload, made->payload_size < 16 ? made->payload_size : 16);
	return view;
}

static uint32_t judge(struct world *w, const struct made *made)
{
	struct signature_sample view = view_of(made);
	bool hit = false;

	if (made->reason != SHIELD_REASON_PASSED)
		return made->reason;
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		struct installed *installed = &w->installed[made->tenant][i];

		if (installed->used && signature_matches(&installed->signature, &view)) {
			installed->signature.hits++;
			hit |= installed->signature.enforce;
		}
	}
	if (hit)
		return SHIELD_REASON_SIGNATURE;
	if (made->class_id == SHIELD_CLASS_SYN && w->bits[made->tenant] & SHIELD_ATTACK_SYN)
		return made->bad || roll(w, 2) ? SHIELD_REASON_CHALLENGED : SHIELD_REASON_PROVEN;
	if (made->class_id == SHIELD_CLASS_TCP && w->bits[made->tenant] & SHIELD_ATTACK_TCP && made->bad)
		return SHIELD_REASON_UNPROVEN;
	if (made->class_id == SHIELD_CLASS_FRAGMENT && w->bits[made->tenant] & SHIELD_ATTACK_FRAGMENT && made->bad)
		return SHIELD_REASON_FRAGMENT_UNKNOWN;
	return SHIELD_REASON_PASSED;
}

static void count_destination(struct world *w, const struct made *made)
{
	uint32_t address, slot;

	put32((uint8_t *)&address, made->dst);
	if (made->v6)
		address = made->dst * 2654435761u;
	for (slot = address * 2654435761u >> 20;; slot = (slot + 1) % DESTS) {
		struct flood_destination *dest = &w->dests[slot];

		if (!dest->family)
			*dest = (struct flood_destination){ address, 0, (uint16_t)made->tenant, made->v6 ? 6 : 4, 0 };
		if (dest->address == address && dest->family == (made->v6 ? 6 : 4)) {
			dest->packets++;
			return;
		}
	}
}

static void deliver(struct world *w, const struct made *made)
{
	struct flood_traffic *traffic = &w->traffic[made->tenant][made->class_id];
	uint32_t reason = judge(w, made), every = w->every[made->tenant][made->class_id];
	uint32_t *countdown = &w->countdown[made->tenant][made->class_id];
	uint32_t bytes = 14 + 20u + (uint32_t)transport_size(made) + made->payload_size;
	/* To the client, a challenge that it answers is not a loss. */
	bool lost = reason != SHIELD_REASON_PASSED && (made->bad || reason == SHIELD_REASON_SIGNATURE);
	struct shield_sample sample = { 0 };

	traffic->packets++;
	traffic->bytes += bytes;
	traffic->passed_packets += reason == SHIELD_REASON_PASSED;
	traffic->passed_bytes += reason == SHIELD_REASON_PASSED ? bytes : 0;
	count_destination(w, made);
	*(made->bad ? &w->bad : &w->good) += 1;
	*(made->bad ? &w->bad_dropped : &w->good_dropped) += lost;
	if (!every)
		return;
	if (*countdown > every)
		*countdown = every;
	if (*countdown > 1) {
		--*countdown;
		return;
	}
	*countdown = every;
	sample.weight = every;
	sample.tenant = (uint16_t)made->tenant;
	sample.reason = (uint16_t)reason;
	sample.class_id = made->class_id;
	frame_make(made, &sample);
	flood_sample(w->flood, &sample);
	w->sampled++;
}

static void send_packet(struct world *w, struct made *made)
{
	if (w->swapped && made->tenant != SMALL)
		made->tenant = made->tenant == WEB ? BIG : WEB;
	deliver(w, made);
}

static void tick(struct world *w)
{
	struct flood_input input = {
		.tenants = TENANTS,
		.traffic = (const struct flood_traffic(*)[SHIELD_CLASS_COUNT])w->traffic,
		.destinations = w->dests,
		.destination_count = DESTS,
	};

	w->now_ns += TICK_MS * NS_PER_MS;
	input.now_ns = w->now_ns;
	flood_tick(w->flood, &input);
	for (int i = 0; i < DESTS; i++)
		w->dests[i].packets = 0;
}

/* ---- Operations ---- */

static void op_set_attack(void *user, uint32_t tenant, uint32_t bits)
{
	struct world *w = user;

	w->bits[tenant] = bits;
	w->bits_ns = w->now_ns;
}

static int op_install(void *user, uint32_t tenant, const struct shield_signature *signature, uint32_t *ret_slot)
{
	struct world *w = user;

	for (uint32_t i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (w->installed[tenant][i].used)
			continue;
		w->installed[tenant][i] = (struct installed){ .signature = *signature, .used = true };
		w->enforced_count += signature->enforce;
		w->shadow_count += !signature->enforce;
		if (signature->enforce)
			w->enforced_ns = w->now_ns;
		*ret_slot = i;
		return 0;
	}
	return LUYTRE_E_FULL;
}

static void op_enforce(void *user, uint32_t tenant, uint32_t slot, uint32_t enforce)
{
	struct world *w = user;

	assert_true(w->installed[tenant][slot].used);
	w->installed[tenant][slot].signature.enforce = enforce;
	if (enforce)
		w->rearmed_ns = w->now_ns;
}

static void op_remove(void *user, uint32_t tenant, uint32_t slot)
{
	struct world *w = user;

	assert_true(w->installed[tenant][slot].used);
	w->installed[tenant][slot].used = false;
	w->removed_count++;
}

static uint64_t op_hits(void *user, uint32_t tenant, uint32_t slot)
{
	struct world *w = user;

	return w->installed[tenant][slot].signature.hits;
}

static void op_sample(void *user, uint32_t tenant, uint32_t class_id, uint32_t every)
{
	struct world *w = user;

	w->every[tenant][class_id] = every;
}

static void op_report(void *user, const struct flood_report *report)
{
	struct world *w = user;
	char text[FLOOD_TEXT_SIZE];

	assert_true(strlen(flood_report_text(report, LUYTRE_LANG_VI, text, sizeof(text))) > 20);
	flood_report_text(report, LUYTRE_LANG_EN, text, sizeof(text));
	if (getenv("FLOOD_TRACE"))
		printf("%8.1f s  %s\n", (double)w->now_ns / 1e9, text);
	if (w->report_count < REPORTS)
		w->reports[w->report_count++] = *report;
}

static uint32_t op_hash6(void *user, const struct packet_addr *address)
{
	return packet_swap32(address->word[3]) * 2654435761u;
}

static const struct flood_config config_default = {
	.tick_ms = TICK_MS,
	.floor_pps = 2000,
	.factor = 4,
	.signature_budget = 0.005,
	.hold_s = 10,
	.warm_s = 600,
	.samples_pps = 2000,
	.tenants_max = TENANTS,
	.destinations_max = 8192,
	.seed = 42,
};

static struct world *world_new(const struct flood_config *config)
{
	static const uint64_t keys[TENANTS] = { 0, 101, 102, 103 };
	struct world *w = aligned_alloc(_Alignof(struct world), sizeof(*w));
	struct flood_ops ops = {
		.user = w,
		.set_attack = op_set_attack,
		.install_signature = op_install,
		.set_enforce = op_enforce,
		.remove_signature = op_remove,
		.read_hits = op_hits,
		.set_sample_every = op_sample,
		.report = op_report,
		.hash_v6 = op_hash6,
	};

	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	w->random = 7;
	w->flood = flood_new(config, &ops);
	assert_non_null(w->flood);
	assert_int_equal(flood_rebind(w->flood, keys, TENANTS), 0);
	return w;
}

static void world_free(struct world *w)
{
	flood_free(w->flood);
	free(w);
}

/* ---- Traffic ---- */

/* How many packets a maker sends in this tick: the rate with 10 % of jitter, fractions kept. */
static uint32_t quota(struct world *w, int maker, double pps)
{
	double wanted = pps * TICK_MS / 1000 * (0.9 + roll(w, 201) / 1000.0) + w->debt[maker];

	w->debt[maker] = wanted - (uint32_t)wanted;
	return (uint32_t)wanted;
}

static uint8_t usual_ttl(struct world *w)
{
	return (uint8_t)((roll(w, 2) ? 64 : 128) - 5 - roll(w, 15));
}

static uint32_t client(struct world *w)
{
	return 0x0a000000u + roll(w, 1 << 24);
}

static struct made web_packet(struct world *w, uint32_t tenant, uint32_t dst)
{
	uint32_t kind = roll(w, 100);
	struct made made = {
		.tenant = tenant,
		.src = client(w),
		.dst = dst,
		.sport = (uint16_t)(1024 + roll(w, 64000)),
		.dport = roll(w, 4) ? 443 : 80,
		.protocol = PACKET_TCP,
		.ttl = usual_ttl(w),
		.reason = SHIELD_REASON_PASSED,
	};

	made.class_id = kind < 8 ? SHIELD_CLASS_SYN : SHIELD_CLASS_TCP;
	made.flags = kind < 8    ? PACKET_SYN
		     : kind < 60 ? PACKET_ACK
		     : kind < 92 ? PACKET_PSH | PACKET_ACK
				 : PACKET_FIN | PACKET_ACK;
	made.payload_size = kind >= 60 && kind < 92 ? (uint16_t)(100 + roll(w, 1300)) : 0;
	for (int i = 0; i < 16; i++)
		made.payload[i] = (uint8_t)roll(w, 256);
	return made;
}

#define WEB_HOST(n) (0xc0000200u + (n)) /* 192.0.2.n */
#define WEB_DNS     WEB_HOST(53)
#define BIG_HOST(n) (0xcb007100u + (n)) /* 203.0.113.n */
#define SMALL_HOST  0xc6336401u /* 198.51.100.1 */

static struct made dns_question(struct world *w)
{
	static const uint8_t head[12] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	struct made made = {
		.tenant = WEB,
		.src = client(w),
		.dst = WEB_DNS,
		.sport = (uint16_t)(1024 + roll(w, 64000)),
		.dport = 53,
		.payload_size = (uint16_t)(30 + roll(w, 40)),
		.class_id = SHIELD_CLASS_UDP,
		.protocol = PACKET_UDP,
		.ttl = usual_ttl(w),
		.reason = SHIELD_REASON_PASSED,
	};

	memcpy(made.payload, head, sizeof(head));
	put16(made.payload, roll(w, 65536));
	for (int i = 12; i < 16; i++)
		made.payload[i] = (uint8_t)(3 + roll(w, 60));
	return made;
}

static void send_peace(struct world *w, double scale)
{
	struct made made;

	for (uint32_t n = quota(w, 0, 1400 * scale); n > 0; n--) {
		made = web_packet(w, WEB, WEB_HOST(1 + roll(w, 20)));
		send_packet(w, &made);
	}
	for (uint32_t n = quota(w, 1, 800); n > 0; n--) {
		made = dns_question(w);
		send_packet(w, &made);
	}
	for (uint32_t n = quota(w, 2, 20); n > 0; n--) {
		made = web_packet(w, SMALL, SMALL_HOST);
		send_packet(w, &made);
	}
	for (uint32_t n = quota(w, 3, 1800); n > 0; n--) {
		made = web_packet(w, BIG, BIG_HOST(roll(w, 256)));
		send_packet(w, &made);
	}
}

typedef struct made (*maker_fn)(struct world *w);

/* A flood to the name server's own port: constant bytes in the payload, all else as in real questions. */
static struct made flood_dns_port(struct world *w)
{
	struct made made = dns_question(w);

	memcpy(made.payload + 2, "\x41\x41\x41\x41", 4);
	made.bad = true;
	return made;
}

/* Nothing to hold on to: every field is drawn as in the real questions. */
static struct made flood_same_as_peace(struct world *w)
{
	struct made made = dns_question(w);

	made.bad = true;
	return made;
}

static struct made flood_carpet(struct world *w)
{
	struct made made = dns_question(w);

	made.tenant = BIG;
	made.dst = BIG_HOST(roll(w, 256));
	made.dport = (uint16_t)roll(w, 65536);
	made.payload_size = 1000;
	made.bad = true;
	return made;
}

static struct made flood_syn(struct world *w)
{
	struct made made = web_packet(w, WEB, WEB_HOST(5));

	made.class_id = SHIELD_CLASS_SYN;
	made.flags = PACKET_SYN;
	made.payload_size = 0;
	made.bad = true;
	return made;
}

static struct made flood_icmp(struct world *w)
{
	struct made made = dns_question(w);

	made.class_id = SHIELD_CLASS_ICMP;
	made.protocol = PACKET_ICMP;
	made.dst = WEB_HOST(9);
	made.bad = true;
	return made;
}

static struct made flood_small(struct world *w)
{
	struct made made = flood_icmp(w);

	made.tenant = SMALL;
	made.dst = SMALL_HOST;
	return made;
}

static struct made flood_ntp(struct world *w)
{
	struct made made = dns_question(w);

	made.dst = WEB_HOST(3);
	made.sport = 123;
	made.dport = (uint16_t)roll(w, 65536);
	made.reason = SHIELD_REASON_REFLECT_NTP_PRIVATE;
	made.bad = true;
	return made;
}

static struct made flood_ack(struct world *w)
{
	struct made made = web_packet(w, WEB, WEB_HOST(7));

	made.class_id = SHIELD_CLASS_TCP;
	made.flags = PACKET_ACK;
	made.payload_size = 0;
	made.bad = true;
	return made;
}

static struct made flood_fragment(struct world *w)
{
	struct made made = dns_question(w);

	made.class_id = SHIELD_CLASS_FRAGMENT;
	made.bad = true;
	return made;
}

static struct made flood_v6(struct world *w)
{
	struct made made = flood_dns_port(w);

	made.v6 = true;
	made.dst = 0x99;
	return made;
}

static struct made one_big_host(struct world *w)
{
	struct made made = flood_carpet(w);

	made.dst = BIG_HOST(77);
	return made;
}

static void send_flood(struct world *w, maker_fn make, int maker, double pps)
{
	for (uint32_t n = quota(w, maker, pps); n > 0; n--) {
		struct made made = make(w);

		send_packet(w, &made);
	}
}

static void run(struct world *w, uint32_t ms, maker_fn make, double pps)
{
	for (uint32_t i = 0; i < ms / TICK_MS; i++) {
		send_peace(w, 1);
		if (make)
			send_flood(w, make, 8, pps);
		tick(w);
	}
}

static void forget_losses(struct world *w)
{
	w->good = w->good_dropped = w->bad = w->bad_dropped = 0;
}

static const struct flood_report *report_of(const struct world *w, enum flood_phase phase, uint32_t tenant)
{
	for (size_t i = 0; i < w->report_count; i++) {
		if (w->reports[i].phase == phase && w->reports[i].tenant == tenant &&
			w->reports[i].scope != FLOOD_SCOPE_PLATFORM)
			return &w->reports[i];
	}
	return NULL;
}

static const struct flood_report *last_report(const struct world *w, uint32_t tenant)
{
	for (size_t i = w->report_count; i > 0; i--) {
		if (w->reports[i - 1].tenant == tenant && w->reports[i - 1].scope != FLOOD_SCOPE_PLATFORM)
			return &w->reports[i - 1];
	}
	return NULL;
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

/* ---- Scenarios ---- */

static void test_peace_is_quiet(void **state)
{
	struct world *w = world_new(&config_default);

	run(w, 120000, NULL, 0);
	assert_int_equal(w->report_count, 0);
	assert_int_equal(w->enforced_count + w->shadow_count, 0);
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(w->bits[i], 0);
	/* No more samples than asked for, with some room for rates that change between two looks. */
	assert_true(w->sampled < 120 * config_default.samples_pps);
	world_free(w);
}

static const struct filtered_case {
	const char *name;
	maker_fn make;
	double pps;
	uint32_t tenant, named_ms, filtered_ms;
	enum flood_vector vector;
	enum flood_scope scope;
	const char *catalogue;
	double bad_dropped; /* at least, once filtered */
} filtered_cases[] = {
	{ "one host at 5 x its baseline, same port", flood_dns_port, 3200, WEB, 1000, 1500, FLOOD_VECTOR_UDP,
		FLOOD_SCOPE_HOST, "B2", 0.95 },
	{ "ICMP to one host", flood_icmp, 4000, WEB, 1000, 1500, FLOOD_VECTOR_ICMP, FLOOD_SCOPE_HOST, "B13", 0.95 },
	{ "small tenant, just over the floor", flood_small, 2600, SMALL, 1000, 1500, FLOOD_VECTOR_ICMP,
		FLOOD_SCOPE_HOST, "B13", 0.95 },
	{ "carpet bombing of a /24", flood_carpet, 20000, BIG, 1500, 3000, FLOOD_VECTOR_UDP_PORTS, FLOOD_SCOPE_PREFIX,
		"B1,F1", 0.95 },
	{ "one host of many, IPv6", flood_v6, 6000, WEB, 1000, 1500, FLOOD_VECTOR_UDP, FLOOD_SCOPE_HOST, "B2", 0.95 },
	{ "one host of a large tenant", one_big_host, 3000, BIG, 1000, 1500, FLOOD_VECTOR_UDP_PORTS, FLOOD_SCOPE_HOST,
		"B1", 0.95 },
	{ "a hundred times the usual", flood_dns_port, 80000, WEB, 1000, 1500, FLOOD_VECTOR_UDP, FLOOD_SCOPE_HOST, "B2",
		0.95 },
};

static void test_filtered(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(filtered_cases); i++) {
		const struct filtered_case *c = &filtered_cases[i];
		struct world *w = world_new(&config_default);
		const struct flood_report *begin;
		uint64_t start_ns;

		run(w, c->tenant == SMALL ? 2 * PEACE_MS : PEACE_MS, NULL, 0); /* few packets, fewer samples */
		assert_int_equal(w->report_count, 0);
		start_ns = w->now_ns;
		run(w, 3000, c->make, c->pps);
		begin = report_of(w, FLOOD_BEGIN, c->tenant);
		if (!begin || !w->enforced_ns)
			fail_msg("%s: begun %d, enforced %d", c->name, begin != NULL, w->enforced_ns != 0);
		print_message("%s: named after %.1f s, filtered after %.1f s\n", c->name,
			(double)(begin->now_ns - start_ns) / 1e9, (double)(w->enforced_ns - start_ns) / 1e9);
		assert_true(begin->now_ns - start_ns <= c->named_ms * NS_PER_MS);
		assert_int_equal(begin->vector, c->vector);
		assert_int_equal(begin->scope, c->scope);
		assert_string_equal(begin->catalogue, c->catalogue);
		forget_losses(w);
		w->enforced_ns = w->enforced_ns ? w->enforced_ns : UINT64_MAX;
		assert_true(w->enforced_ns - start_ns <= c->filtered_ms * NS_PER_MS);
		run(w, 5000, c->make, c->pps);
		print_message("    dropped %.2f %% of the flood, %.3f %% of the rest; %s\n",
			share(w->bad_dropped, w->bad) * 100, share(w->good_dropped, w->good) * 100,
			last_report(w, c->tenant)->signature);
		assert_true(share(w->bad_dropped, w->bad) >= c->bad_dropped);
		assert_true(share(w->good_dropped, w->good) <= config_default.signature_budget);
		assert_true(last_report(w, c->tenant)->peace_share_bound <= config_default.signature_budget);
		assert_true(last_report(w, c->tenant)->done & FLOOD_DONE_SIGNATURE);
		world_free(w);
	}
}

static void test_good_traffic_on_the_same_port(void **state)
{
	struct world *w = world_new(&config_default);
	uint64_t questions = 0, lost = 0;

	run(w, PEACE_MS, NULL, 0);
	run(w, 2000, flood_dns_port, 40000);
	for (int i = 0; i < 20000; i++) {
		struct made made = dns_question(w);

		questions++;
		lost += judge(w, &made) != SHIELD_REASON_PASSED;
	}
	assert_true(share(lost, questions) <= 0.01);
	world_free(w);
}

static void test_nothing_tells_it_apart(void **state)
{
	struct world *w = world_new(&config_default);
	const struct flood_report *last;

	run(w, PEACE_MS, NULL, 0);
	run(w, 10000, flood_same_as_peace, 8000);
	last = last_report(w, WEB);
	assert_non_null(last);
	assert_int_equal(w->enforced_count, 0);
	assert_int_equal(w->good_dropped, 0);
	assert_true(last->done & FLOOD_DONE_NO_SIGNATURE);
	assert_false(last->done & FLOOD_DONE_SIGNATURE);
	world_free(w);
}

static void test_syn_bits_come_and_go(void **state)
{
	struct world *w = world_new(&config_default);
	uint64_t start_ns;

	run(w, PEACE_MS, NULL, 0);
	start_ns = w->now_ns;
	run(w, 3000, flood_syn, 20000);
	assert_int_equal(w->bits[WEB], SHIELD_ATTACK_SYN);
	assert_true(w->bits_ns - start_ns <= 1000 * NS_PER_MS);
	assert_int_equal(report_of(w, FLOOD_BEGIN, WEB)->vector, FLOOD_VECTOR_SYN);
	assert_string_equal(report_of(w, FLOOD_BEGIN, WEB)->catalogue, "A1");
	assert_int_equal(w->bits[BIG], 0);
	/* It stays on while the flood arrives, though nothing of it gets through. */
	run(w, 60000, flood_syn, 20000);
	assert_int_equal(w->bits[WEB], SHIELD_ATTACK_SYN);
	assert_null(report_of(w, FLOOD_END, WEB));
	run(w, (config_default.hold_s + 2) * 1000, NULL, 0);
	assert_int_equal(w->bits[WEB], 0);
	assert_non_null(report_of(w, FLOOD_END, WEB));
	assert_int_equal(w->enforced_count, 0);
	world_free(w);
}

static void test_other_bits(void **state)
{
	static const struct {
		maker_fn make;
		uint32_t bits;
		enum flood_vector vector;
	} cases[] = {
		{ flood_ack, SHIELD_ATTACK_SYN | SHIELD_ATTACK_TCP, FLOOD_VECTOR_ACK },
		{ flood_fragment, SHIELD_ATTACK_FRAGMENT, FLOOD_VECTOR_FRAGMENT },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct world *w = world_new(&config_default);

		run(w, PEACE_MS, NULL, 0);
		run(w, 3000, cases[i].make, 20000);
		assert_int_equal(w->bits[WEB], cases[i].bits);
		assert_int_equal(report_of(w, FLOOD_BEGIN, WEB)->vector, cases[i].vector);
		world_free(w);
	}
}

static void test_static_is_only_reported(void **state)
{
	struct world *w = world_new(&config_default);
	const struct flood_report *begin;

	run(w, PEACE_MS, NULL, 0);
	run(w, 10000, flood_ntp, 20000);
	begin = report_of(w, FLOOD_BEGIN, WEB);
	assert_non_null(begin);
	assert_int_equal(begin->vector, FLOOD_VECTOR_REFLECTION);
	assert_int_equal(begin->reason, SHIELD_REASON_REFLECT_NTP_PRIVATE);
	assert_string_equal(begin->catalogue, "C2");
	assert_int_equal(last_report(w, WEB)->done, FLOOD_DONE_STATIC);
	assert_int_equal(w->enforced_count + w->shadow_count, 0);
	assert_int_equal(w->bits[WEB], 0);
	world_free(w);
}

/* F2: bursts of ten seconds with pauses longer than hold_s. */
static void test_pulse_rearms_in_one_tick(void **state)
{
	struct world *w = world_new(&config_default);
	size_t installed;

	run(w, PEACE_MS, NULL, 0);
	run(w, 10000, flood_dns_port, 8000);
	installed = w->enforced_count;
	assert_true(installed >= 1);
	for (int pulse = 0; pulse < 3; pulse++) {
		uint64_t start_ns;

		run(w, 30000, NULL, 0);
		for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) /* warm: there, and not enforced */
			assert_true(!w->installed[WEB][i].used || !w->installed[WEB][i].signature.enforce);
		start_ns = w->now_ns;
		run(w, 10000, flood_dns_port, 8000);
		assert_int_equal(w->rearmed_ns - start_ns, TICK_MS * NS_PER_MS);
		assert_true(last_report(w, WEB)->warm);
	}
	assert_int_equal(w->enforced_count, installed);
	/* Cold after warm_s. */
	run(w, (config_default.warm_s + config_default.hold_s + 5) * 1000, NULL, 0);
	assert_int_equal(w->removed_count, w->enforced_count + w->shadow_count);
	world_free(w);
}

static void test_flash_crowd_is_spared(void **state)
{
	struct world *w = world_new(&config_default);
	const struct flood_report *begin;

	run(w, 300000, NULL, 0);
	for (int i = 0; i < 600; i++) { /* to ten times the usual in 40 s */
		send_peace(w, i < 400 ? 1 + i * 9 / 400.0 : 10);
		tick(w);
	}
	begin = report_of(w, FLOOD_BEGIN, WEB);
	assert_non_null(begin);
	assert_int_equal(begin->vector, FLOOD_VECTOR_CROWD);
	assert_true(last_report(w, WEB)->done & FLOOD_DONE_SPARED);
	assert_int_equal(w->enforced_count + w->shadow_count, 0);
	assert_int_equal(w->bits[WEB] & ~(uint32_t)SHIELD_ATTACK_SYN, 0);
	assert_int_equal(w->good_dropped, 0);
	world_free(w);
}

static void test_slow_ramp_is_not_learned(void **state)
{
	struct world *w = world_new(&config_default);

	run(w, 600000, NULL, 0);
	for (int i = 0; i < 3000 && !w->enforced_ns; i++) { /* to eight times the usual in five minutes */
		send_peace(w, 1);
		send_flood(w, flood_dns_port, 8, 800 * 8.0 * i / 3000);
		tick(w);
	}
	assert_non_null(report_of(w, FLOOD_BEGIN, WEB));
	assert_true(w->enforced_ns != 0);
	assert_true(report_of(w, FLOOD_BEGIN, WEB)->pps < 800 * 8);
	world_free(w);
}

/* From the first tick, and nobody knows what is normal: named and reported, nothing dropped but by a challenge. */
static void test_attack_at_cold_start(void **state)
{
	struct world *w = world_new(&config_default);

	run(w, 20000, flood_dns_port, 8000);
	assert_non_null(report_of(w, FLOOD_BEGIN, WEB));
	assert_true(report_of(w, FLOOD_BEGIN, WEB)->cold);
	assert_int_equal(w->enforced_count, 0);
	assert_int_equal(w->bits[WEB], 0);
	/* It ends, peace is learned, and then the same flood is filtered. */
	run(w, 60000, NULL, 0);
	assert_non_null(report_of(w, FLOOD_END, WEB));
	run(w, 3000, flood_dns_port, 8000);
	assert_true(w->enforced_count >= 1);
	world_free(w);
}

/* A tenant with more than the floor from the first tick on is not under attack for ever. */
static void test_cold_start_adopts_what_lasts(void **state)
{
	struct flood_config config = config_default;
	struct world *w;

	config.floor_pps = 500;
	w = world_new(&config);
	run(w, 180000, NULL, 0);
	assert_non_null(report_of(w, FLOOD_END, WEB));
	w->report_count = 0;
	run(w, 60000, NULL, 0);
	assert_int_equal(w->report_count, 0);
	run(w, 3000, flood_dns_port, 8000);
	assert_false(last_report(w, WEB)->cold);
	world_free(w);
}

static void test_multi_vector(void **state)
{
	struct world *w = world_new(&config_default);
	bool multi = false;

	run(w, PEACE_MS, NULL, 0);
	for (int i = 0; i < 80; i++) {
		if (i == 30)
			forget_losses(w);
		send_peace(w, 1);
		send_flood(w, flood_dns_port, 8, 8000);
		send_flood(w, flood_icmp, 9, 8000);
		send_flood(w, flood_syn, 10, 8000);
		tick(w);
	}
	for (size_t i = 0; i < w->report_count; i++)
		multi |= w->reports[i].multi;
	assert_true(multi);
	assert_int_equal(w->bits[WEB], SHIELD_ATTACK_SYN);
	assert_true(w->enforced_count >= 2);
	assert_true(share(w->bad_dropped, w->bad) >= 0.95);
	assert_true(share(w->good_dropped, w->good) <= config_default.signature_budget);
	world_free(w);
}

/* Every tenant stays below the floor, the edge as a whole does not. */
static void test_platform(void **state)
{
	static const uint32_t targets[] = { WEB_HOST(9), SMALL_HOST, BIG_HOST(9) };
	struct world *w = world_new(&config_default);
	bool platform = false;

	run(w, PEACE_MS, NULL, 0);
	for (int i = 0; i < 50; i++) {
		send_peace(w, 1);
		for (uint32_t tenant = WEB; tenant <= BIG; tenant++) {
			for (uint32_t n = quota(w, 8, 1500); n > 0; n--) {
				struct made made = flood_icmp(w);

				made.tenant = tenant;
				made.dst = targets[tenant - WEB];
				send_packet(w, &made);
			}
		}
		tick(w);
	}
	for (size_t i = 0; i < w->report_count; i++) {
		platform |= w->reports[i].scope == FLOOD_SCOPE_PLATFORM && w->reports[i].class_id == SHIELD_CLASS_ICMP;
		assert_int_equal(w->reports[i].scope, FLOOD_SCOPE_PLATFORM);
	}
	assert_true(platform);
	assert_int_equal(w->enforced_count, 0);
	world_free(w);
}

static void test_restart_keeps_baselines(void **state)
{
	struct world *w = world_new(&config_default), *next = world_new(&config_default);
	size_t size, used, again;
	uint8_t *data, *copy;

	run(w, 60000, NULL, 0);
	size = flood_save_size(w->flood);
	data = malloc(size);
	copy = malloc(size);
	assert_non_null(data);
	assert_non_null(copy);
	assert_int_equal(flood_save(w->flood, data, size, &used), 0);
	assert_true(used <= size);
	assert_int_equal(flood_load(next->flood, bytes_of(data, used)), 0);
	assert_int_equal(flood_save(next->flood, copy, size, &again), 0);
	assert_int_equal(again, used);
	/* Known at once: the flood is judged by the baseline, not by the floor. */
	run(next, 1000, NULL, 0);
	run(next, 2000, flood_dns_port, 8000);
	assert_false(report_of(next, FLOOD_BEGIN, WEB)->cold);
	assert_true(report_of(next, FLOOD_BEGIN, WEB)->baseline_pps > 700);
	assert_true(report_of(next, FLOOD_BEGIN, WEB)->baseline_pps < 1100);
	/* Damage anywhere is found, and changes nothing. */
	for (size_t i = 0; i < used; i += 97) {
		data[i] ^= 0x10;
		assert_true(flood_load(next->flood, bytes_of(data, used)) < 0);
		data[i] ^= 0x10;
		assert_true(flood_load(next->flood, bytes_of(data, i)) < 0);
	}
	assert_int_equal(flood_save(next->flood, copy, 100, &again), LUYTRE_E_FULL);
	free(data);
	free(copy);
	world_free(w);
	world_free(next);
}

static void test_rebind_moves_what_was_learned(void **state)
{
	static const uint64_t swapped[TENANTS] = { 0, 103, 102, 101 };
	struct world *w = world_new(&config_default);

	run(w, PEACE_MS, NULL, 0);
	run(w, 2000, flood_dns_port, 8000);
	assert_true(w->enforced_count >= 1);
	assert_int_equal(flood_rebind(w->flood, swapped, TENANTS), 0);
	assert_int_equal(w->removed_count, w->enforced_count + w->shadow_count);
	assert_non_null(report_of(w, FLOOD_END, WEB));
	/* Each knows its traffic in its new slot. */
	w->report_count = w->enforced_count = 0;
	w->swapped = true;
	memset(w->traffic, 0, sizeof(w->traffic));
	run(w, 10000, NULL, 0);
	assert_int_equal(w->report_count, 0);
	run(w, 2000, flood_dns_port, 8000);
	assert_false(report_of(w, FLOOD_BEGIN, BIG)->cold);
	assert_true(report_of(w, FLOOD_BEGIN, BIG)->baseline_pps < 1100);
	assert_true(w->enforced_count >= 1);
	world_free(w);
}

static void test_operator_withdraws(void **state)
{
	struct world *w = world_new(&config_default);
	struct flood_stats stats;

	run(w, PEACE_MS, NULL, 0);
	run(w, 3000, flood_dns_port, 8000);
	flood_stats(w->flood, &stats);
	assert_int_equal(stats.attacks, 1);
	assert_true(stats.signatures_enforced >= 1);
	flood_withdraw(w->flood, WEB, true);
	flood_stats(w->flood, &stats);
	assert_int_equal(stats.attacks, 0);
	assert_int_equal(stats.signatures, 0);
	/* Forgotten: the flood is the new normal, and twice of it is no attack. */
	run(w, 30000, flood_dns_port, 8000);
	w->report_count = 0;
	run(w, 5000, flood_dns_port, 16000);
	assert_null(report_of(w, FLOOD_BEGIN, WEB));
	world_free(w);
}

/* F8: more tenants under attack and more destinations than there is room for. */
static void test_tables_have_ceilings(void **state)
{
	struct flood_config config = config_default;
	struct world *w;
	struct flood_stats stats;

	config.destinations_max = 64;
	w = world_new(&config);
	run(w, 20000, flood_carpet, 20000);
	flood_stats(w->flood, &stats);
	assert_true(stats.hosts + stats.prefixes <= 128);
	assert_true(stats.hosts_evicted > 0);
	world_free(w);
}

static void test_bad_samples_are_counted(void **state)
{
	struct world *w = world_new(&config_default);
	struct shield_sample sample = { .weight = 1, .tenant = WEB, .reason = SHIELD_REASON_PASSED };
	struct flood_stats stats;

	flood_sample(w->flood, &sample); /* empty */
	sample.tenant = TENANTS;
	flood_sample(w->flood, &sample);
	sample.tenant = WEB;
	sample.class_id = SHIELD_CLASS_COUNT;
	flood_sample(w->flood, &sample);
	flood_stats(w->flood, &stats);
	assert_int_equal(stats.samples, 3);
	assert_int_equal(stats.samples_bad, 3);
	world_free(w);
}

static void test_settings_are_checked(void **state)
{
	struct flood_ops ops = { 0 };
	struct flood_config config = config_default;

	config.factor = 1;
	assert_null(flood_new(&config, &ops));
	config = config_default;
	config.tick_ms = 0;
	assert_null(flood_new(&config, &ops));
	config = config_default;
	config.tenants_max = SHIELD_TENANTS_MAX + 1;
	assert_null(flood_new(&config, &ops));
}

/* Of this process: what else the machine does is not measured. */
static double spent_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void none_attack(void *user, uint32_t tenant, uint32_t bits) {}
static void none_sample(void *user, uint32_t tenant, uint32_t class_id, uint32_t every) {}
static void none_report(void *user, const struct flood_report *report) {}

/* 1,000 tenants and 64k destinations that all get packets in every tick: a tick must stay far below its 100 ms. */
static void test_cost_of_a_tick(void **state)
{
	enum { MANY = 1001, HOSTS = 65536, TICKS = 100 };
	struct flood_config config = config_default;
	struct flood_ops ops = { .set_attack = none_attack, .set_sample_every = none_sample, .report = none_report };
	struct flood_traffic(*traffic)[SHIELD_CLASS_COUNT] = calloc(MANY, sizeof(*traffic));
	struct flood_destination *dests = calloc(HOSTS, sizeof(*dests));
	struct flood *flood;
	double start, worst = 0, total = 0;
	uint64_t random = 1;

	config.tenants_max = MANY;
	config.destinations_max = HOSTS;
	flood = flood_new(&config, &ops);
	assert_non_null(traffic);
	assert_non_null(dests);
	assert_non_null(flood);
	for (uint32_t i = 0; i < HOSTS; i++) {
		random = random * 6364136223846793005ull + 1;
		dests[i] = (struct flood_destination){ (uint32_t)(random >> 32), 5, (uint16_t)(1 + i % 1000), 4, 0 };
	}
	for (uint64_t n = 1; n <= TICKS; n++) {
		struct flood_input input = { n * 100 * NS_PER_MS, MANY,
			(const struct flood_traffic(*)[SHIELD_CLASS_COUNT])traffic, dests, HOSTS };
		double cost;

		for (int i = 0; i < MANY; i++) {
			for (int j = 0; j < SHIELD_CLASS_COUNT; j++) {
				traffic[i][j].packets += 100;
				traffic[i][j].passed_packets += 100;
			}
		}
		start = spent_us();
		flood_tick(flood, &input);
		cost = spent_us() - start;
		total += n > 1 ? cost : 0;
		worst = cost > worst ? cost : worst;
	}
	print_message("1,000 tenants, 65,536 destinations: %.0f us a tick on average, %.0f us at worst\n",
		total / (TICKS - 1), worst);
	assert_true(total / (TICKS - 1) < 100000);
	flood_free(flood);
	free(traffic);
	free(dests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peace_is_quiet),
		cmocka_unit_test(test_filtered),
		cmocka_unit_test(test_good_traffic_on_the_same_port),
		cmocka_unit_test(test_nothing_tells_it_apart),
		cmocka_unit_test(test_syn_bits_come_and_go),
		cmocka_unit_test(test_other_bits),
		cmocka_unit_test(test_static_is_only_reported),
		cmocka_unit_test(test_pulse_rearms_in_one_tick),
		cmocka_unit_test(test_flash_crowd_is_spared),
		cmocka_unit_test(test_slow_ramp_is_not_learned),
		cmocka_unit_test(test_attack_at_cold_start),
		cmocka_unit_test(test_cold_start_adopts_what_lasts),
		cmocka_unit_test(test_multi_vector),
		cmocka_unit_test(test_platform),
		cmocka_unit_test(test_restart_keeps_baselines),
		cmocka_unit_test(test_rebind_moves_what_was_learned),
		cmocka_unit_test(test_operator_withdraws),
		cmocka_unit_test(test_tables_have_ceilings),
		cmocka_unit_test(test_bad_samples_are_counted),
		cmocka_unit_test(test_settings_are_checked),
		cmocka_unit_test(test_cost_of_a_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
