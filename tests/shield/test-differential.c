// SPDX-License-Identifier: Apache-2.0
/* The kernel's build and the user-space build of the pipeline, side by side: the same tables, the same packets, and each
 * packet must get the same verdict, the same reason and, when it is answered, the same answer.
 *
 *	test-differential [packets [seed]]
 *
 * The packets are those of the test cases, bent: bytes, lengths and addresses are changed at random, IPv4 checksums are
 * mended for most so that the change gets further than the first step. Both builds remember flows, fragments, proven
 * sources and limits on the way. Limits are put so low that the first packet uses them up for the time of the test,
 * which makes them independent of the clock; the coarse clock that the kernel reads is read for the other build too,
 * never near its tick. Needs root; else exits with 77. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/net.h"
#include "case.h"
#include "runner.h"
#include "shield/loader.h"
#include "tables.h"

enum {
	EXIT_SKIPPED = 77,
	PACKETS = 150000,
	PACKETS_ENOUGH = 150000 / 2,
	FIGHT_S = 60,
	FRAMES_MAX = 1024,
	REASONS_WANTED = 100, /* different ones, or the packets are not worth much */
	CHANGE_EVERY = 2000, /* packets between two changes of attack bits and flags */
	NEAR_TICK_NS = 500000,
};

struct frame {
	size_t size;
	uint8_t data[RUNNER_FRAME_MAX];
};

struct duel {
	struct shield_maps *ours, *theirs; /* user space, kernel */
	struct shield *shield;
	uint64_t random, tick_ns;
	struct frame seeds[FRAMES_MAX];
	size_t seed_count;
	struct frame challenge; /* the last answer */
	bool seen[SHIELD_REASON_COUNT];
};

static uint64_t draw(struct duel *duel)
{
	duel->random ^= duel->random << 13;
	duel->random ^= duel->random >> 7;
	duel->random ^= duel->random << 17;
	return duel->random;
}

static uint32_t below(struct duel *duel, uint32_t limit)
{
	return (uint32_t)(draw(duel) >> 32) % limit;
}

/* ---- packets -------------------------------------------------------------------------------------*/

static void gather_seeds(struct duel *duel)
{
	const struct shield_case *c;

	for (size_t i = 0; (c = case_at(i)); i++)
		for (size_t k = 0; k < CASE_STEPS_MAX && duel->seed_count < FRAMES_MAX; k++) {
			const struct case_step *step = &c->steps[k];
			struct frame *frame = &duel->seeds[duel->seed_count];

			if (step->raw) {
				memcpy(frame->data, step->raw, step->raw_size);
				frame->size = step->raw_size;
			} else if (!step->packet.src ||
				   packet_build(&step->packet, frame->data, sizeof(frame->data), &frame->size)) {
				continue;
			}
			duel->seed_count++;
		}
}

static void mend_checksum(struct frame *frame)
{
	struct packet p;
	size_t header;
	uint16_t sum;

	packet_decode(frame->data, frame->size, &p);
	if (p.family != 4)
		return;
	header = (frame->data[p.l3_offset] & 15) * 4u;
	if (header < 20 || p.l3_offset + header > frame->size)
		return;
	memset(frame->data + p.l3_offset + 10, 0, 2);
	sum = __builtin_bswap16(packet_checksum(frame->data + p.l3_offset, header));
	memcpy(frame->data + p.l3_offset + 10, &sum, 2);
}

static void change_bytes(struct duel *duel, struct frame *frame)
{
	size_t room = frame->size < 120 ? frame->size : 120;

	for (uint32_t i = below(duel, 4); i; i--)
		frame->data[below(duel, (uint32_t)room)] = (uint8_t)draw(duel);
}

static void change_size(struct duel *duel, struct frame *frame)
{
	size_t size = below(duel, 2) ? below(duel, (uint32_t)frame->size) : frame->size + below(duel, 40);

	if (size < 14)
		size = 14;
	if (size > 1500)
		size = 1500;
	if (size > frame->size)
		memset(frame->data + frame->size, 0xa5, size - frame->size);
	frame->size = size;
}

/* Where the interesting values are: ports, flags, types, lengths. */
static void change_field(struct duel *duel, struct frame *frame)
{
	static const uint16_t values[] = { 0, 1, 7, 19, 53, 69, 80, 123, 161, 389, 443, 500, 1199, 1200, 1900, 4000,
		5060, 11211, 27015, 40001, 0xffff, 0x8000, 0x2000, 0x0001, 0x0008 };
	struct packet p;
	uint16_t value = __builtin_bswap16(values[below(duel, ARRAY_COUNT(values))]);
	size_t at;

	packet_decode(frame->data, frame->size, &p);
	at = p.l3_offset + 2 * below(duel, 32);
	if (at + 2 <= frame->size)
		memcpy(frame->data + at, &value, 2);
}

/* Puts the addresses of another seed in place of its own, so that packets meet the state of others. */
static void change_addresses(struct duel *duel, struct frame *frame)
{
	const struct frame *other = &duel->seeds[below(duel, (uint32_t)duel->seed_count)];
	struct packet mine, theirs;
	size_t at;

	packet_decode(frame->data, frame->size, &mine);
	packet_decode(other->data, other->size, &theirs);
	if (!mine.family || mine.family != theirs.family)
		return;
	at = mine.l3_offset + (mine.family == 4 ? 12u : 8u);
	if (below(duel, 2))
		memcpy(frame->data + at, theirs.src.byte, mine.family == 4 ? 4 : 16);
	else
		memcpy(frame->data + at + (mine.family == 4 ? 4 : 16), theirs.dst.byte, mine.family == 4 ? 4 : 16);
}

/* A client's RST to the last challenge. */
static bool make_proof(struct duel *duel, struct frame *frame)
{
	struct packet answer;
	struct ip_addr src, dst;
	struct packet_spec rst = {
		.protocol = PACKET_TCP, .tcp_flags = PACKET_RST, .src_addr = &src, .dst_addr = &dst
	};

	packet_decode(duel->challenge.data, duel->challenge.size, &answer);
	if (!answer.family)
		return false;
	src = answer.family == 4 ? ip_addr_v4(answer.dst.byte) : ip_addr_v6(answer.dst.byte);
	dst = answer.family == 4 ? ip_addr_v4(answer.src.byte) : ip_addr_v6(answer.src.byte);
	rst.sport = answer.dport;
	rst.dport = answer.sport;
	rst.tcp_seq = answer.tcp_ack;
	return !packet_build(&rst, frame->data, sizeof(frame->data), &frame->size);
}

static void make_frame(struct duel *duel, struct frame *frame)
{
	void (*const changes[])(struct duel *, struct frame *) = { change_bytes, change_size, change_field,
		change_field, change_addresses, change_addresses };

	if (!below(duel, 40) && make_proof(duel, frame))
		return;
	*frame = duel->seeds[below(duel, (uint32_t)duel->seed_count)];
	for (uint32_t i = below(duel, 4); i; i--)
		changes[below(duel, ARRAY_COUNT(changes))](duel, frame);
	if (below(duel, 8))
		mend_checksum(frame);
}

/* ---- the two builds ------------------------------------------------------------------------------*/

/* Limits that the first packet uses up; tables large enough that nothing is put out of them. */
static void freeze_limits(struct shield_maps *maps)
{
	for (uint32_t i = 0; i < maps->tenants_count; i++) {
		struct shield_tenant *t = &maps->tenants[i];

		for (size_t k = 0; k < SHIELD_LIMIT_SOURCE_KINDS; k++)
			t->source[k] = t->source[k].burst == 20000000 >> 8 ? (struct shield_rate){ .cost = INT32_MAX }
									   : (struct shield_rate){ 0 };
		for (size_t k = 0; k < SHIELD_LIMIT_KINDS; k++)
			t->limit[k] = t->limit[k].cost == NS_PER_S << 8
					      ? (struct shield_class_rate){ .cost = 3600 * NS_PER_S << 8 }
					      : (struct shield_class_rate){ 0 };
		t->challenge_prefix = t->wrong_answer = (struct shield_rate){ 0 };
	}
}

/* Different every CHANGE_EVERY packets, the same in both. */
static void change_state(struct duel *duel)
{
	uint32_t attack = below(duel, 16), flags = below(duel, 4);
	struct shield_maps *both[] = { duel->ours, duel->theirs };

	for (size_t m = 0; m < ARRAY_COUNT(both); m++) {
		both[m]->globals->flags = flags;
		for (uint32_t i = 0; i < both[m]->tenant_states_count; i++)
			both[m]->tenant_states[i].attack = attack;
	}
	for (size_t m = 0; m < ARRAY_COUNT(both); m++)
		tables_set_enforce(both[m], attack != 7);
}

/* A moment well inside a tick of the coarse clock: both builds will read the same time. */
static void avoid_tick(const struct duel *duel)
{
	while (clock_mono_ns() - clock_id_ns(CLOCK_MONOTONIC_COARSE) + NEAR_TICK_NS > duel->tick_ns)
		;
}

static uint64_t counted(const struct shield_maps *maps, size_t index)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < maps->globals->cpus; cpu++)
		sum += maps->counters[cpu * tables_count_size(maps) + index].packets;
	return sum;
}

static bool differ(const struct frame *frame, const char *what, const struct shield_result *ours, int theirs)
{
	fprintf(stderr, "FAILED: %s: user space says %d, %s, tenant %u; the kernel says %d. The frame, %zu bytes:\n",
		what, ours->verdict, shield_reason_name(ours->reason), ours->tenant, theirs, frame->size);
	for (size_t i = 0; i < frame->size; i++)
		fprintf(stderr, "%02x%s", frame->data[i], i + 1 < frame->size ? "" : "\n");
	return false;
}

static bool judge(struct duel *duel, const struct frame *frame)
{
	static struct frame mine, other;
	struct shield_result ours;
	struct shield_test theirs;
	size_t slot;

	avoid_tick(duel);
	if (shield_test_run(duel->shield, frame->data, frame->size, 1, other.data, sizeof(other.data), &theirs))
		abort();
	mine = *frame;
	shield_emulate(duel->ours, mine.data, mine.size, clock_id_ns(CLOCK_MONOTONIC_COARSE), NULL, NULL, NULL, &ours);
	duel->seen[ours.reason] = true;
	slot = (ours.tenant * SHIELD_REASON_SLOTS + ours.reason) * 2 + ours.shadow;
	if (ours.verdict != theirs.verdict)
		return differ(frame, "verdict", &ours, (int)theirs.verdict);
	if (counted(duel->ours, slot) != counted(duel->theirs, slot))
		return differ(frame, "counter", &ours, (int)theirs.verdict);
	if (ours.verdict != SHIELD_ANSWER)
		return true;
	if (ours.answer_size != theirs.size || memcmp(mine.data, other.data, theirs.size))
		return differ(frame, "answer", &ours, (int)theirs.size);
	duel->challenge.size = theirs.size;
	memcpy(duel->challenge.data, other.data, theirs.size);
	return true;
}

/* Turns a packet round: what came in would now go out, between the same ends. */
static void turn_round(struct frame *frame)
{
	uint8_t copy[16], *at;
	struct packet p;
	size_t size;

	packet_decode(frame->data, frame->size, &p);
	if (!p.family || (p.flags & PACKET_LATER_FRAGMENT) || p.l4_offset + 4u > frame->size)
		return;
	size = p.family == 4 ? 4 : 16;
	at = frame->data + p.l3_offset + (p.family == 4 ? 12 : 8);
	memcpy(copy, at, size);
	memmove(at, at + size, size);
	memcpy(at + size, copy, size);
	at = frame->data + p.l4_offset;
	memcpy(copy, at, 2);
	memmove(at, at + 2, 2);
	memcpy(at + 2, copy, 2);
}

static bool send_outbound(struct duel *duel, struct frame *frame)
{
	if (below(duel, 4))
		turn_round(frame);
	avoid_tick(duel);
	if (shield_test_outbound(duel->shield, frame->data, frame->size))
		return true; /* too short for the kernel's test run of this kind of program: then for neither */
	shield_emulate_outbound(duel->ours, frame->data, frame->size, clock_id_ns(CLOCK_MONOTONIC_COARSE));
	return true;
}

/* '*ret_count': how many there was time for. Waiting for a good moment takes most of the time where the coarse clock ticks
 * irregularly, as in a busy virtual machine: then fewer packets have to do. */
static bool fight(struct duel *duel, size_t packets, size_t *ret_count)
{
	uint64_t end_ns = clock_mono_ns() + FIGHT_S * NS_PER_S;
	static struct frame frame;
	size_t i;

	for (i = 0; i < packets && (i % CHANGE_EVERY != 0 || clock_mono_ns() < end_ns); i++) {
		*ret_count = i + 1;
		if (i % CHANGE_EVERY == 0)
			change_state(duel);
		make_frame(duel, &frame);
		if (below(duel, 20) ? !judge(duel, &frame) : !send_outbound(duel, &frame)) {
			fprintf(stderr, "at packet %zu\n", i);
			return false;
		}
	}
	return true;
}

static bool counters_agree(const struct duel *duel)
{
	for (size_t i = 0; i < tables_count_size(duel->ours); i++)
		if (counted(duel->ours, i) != counted(duel->theirs, i)) {
			fprintf(stderr, "FAILED: counter %zu differs at the end\n", i);
			return false;
		}
	return true;
}

static struct shield_sizes large_sizes(uint32_t cpus)
{
	struct shield_sizes sizes = tables_sizes(cpus);

	sizes.sources = sizes.proven = sizes.flows = 4 << 20;
	sizes.fragments = sizes.destinations = 1 << 20;
	return sizes;
}

static int open_duel(struct duel *duel, char *why, size_t why_size)
{
	struct shield_options options = { .attach = CONFIG_ATTACH_NATIVE,
		.sizes = large_sizes((uint32_t)libbpf_num_possible_cpus()) };
	struct shield_sizes sizes = large_sizes(1);
	struct timespec tick;

	if (geteuid()) {
		snprintf(why, why_size, "it needs root");
		return -1;
	}
	if (shield_open(&options, &duel->shield, why, why_size))
		return -1;
	duel->theirs = shield_maps_of(duel->shield);
	duel->ours = shield_maps_new(&sizes, clock_mono_ns());
	if (!duel->ours)
		abort();
	duel->ours->globals->expiry_base_tick = duel->theirs->globals->expiry_base_tick;
	tables_fill(duel->ours);
	tables_fill(duel->theirs);
	freeze_limits(duel->ours);
	freeze_limits(duel->theirs);
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	duel->tick_ns = (uint64_t)tick.tv_nsec;
	return 0;
}

int main(int argc, char **argv)
{
	size_t packets = argc > 1 ? strtoul(argv[1], NULL, 10) : PACKETS, reasons = 0;
	static struct duel duel;
	uint64_t decisions;
	char why[256];
	bool good;

	duel.random = argc > 2 ? strtoull(argv[2], NULL, 10) : 20240229;
	if (open_duel(&duel, why, sizeof(why))) {
		printf("skipped: %s\n", why);
		return EXIT_SKIPPED;
	}
	gather_seeds(&duel);
	decisions = tables_decisions_sum(duel.theirs);
	good = fight(&duel, packets, &packets) && counters_agree(&duel);
	for (size_t i = 0; i < SHIELD_REASON_COUNT; i++)
		reasons += duel.seen[i];
	if (decisions != tables_decisions_sum(duel.theirs)) {
		fprintf(stderr, "FAILED: a packet changed the decisions\n");
		good = false;
	}
	if (good && packets >= PACKETS_ENOUGH && reasons < REASONS_WANTED) {
		fprintf(stderr, "FAILED: only %zu reasons were met\n", reasons);
		good = false;
	}
	printf("%zu packets, %zu different reasons%s\n", packets, reasons, good ? ", no difference" : "");
	shield_close(duel.shield);
	shield_maps_free(duel.ours);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
