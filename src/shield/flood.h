// SPDX-License-Identifier: Apache-2.0
/* Flood detection and learned signatures: what is too much, what it is, and what to do about it.
 *
 * Called every tick (100 ms or so) with the counters of the shield and, in between, with the sampled packets. It
 * compares the rates of each destination, of its /24, of each tenant and of the whole edge with what they are in peace
 * (baseline.h), names what is over (catalogue groups A to D, F1 to F7), and asks its owner through 'struct flood_ops' to
 * set attack bits, to install learned signatures (signature.h, C51) and to sample more. It never names sources (F9).
 *
 * The story of one attack: a rate over factor x baseline raises the sampling at once; two ticks of three over it, with
 * the mean over it too, make the attack. Samples taken from its beginning say which vector and which scope it is. What
 * a static step of the shield stops already is only reported. What passes is met with attack bits (SYN, TCP,
 * fragments) or signatures, each judged against the samples of peace time before it is enforced. The attack is over
 * when the arrivals, dropped or not, have been low for hold_s; its signatures then count on unenforced for warm_s and
 * re-arm within one tick when their traffic returns (F2). Nothing is learned as peace from a tenant that is over its
 * baseline, nor from the three seconds before.
 *
 * No operating system, no clock, no threads: time comes in with each tick and the calls are those of one thread. All
 * memory is taken in flood_new(); every table has a ceiling, an eviction rule and a counter (struct flood_stats).
 * docs/detection.md explains the figures. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "shield/abi.h"

enum {
	FLOOD_TEXT_SIZE = 1024, /* room for the longest flood_report_text(), with its NUL */
	FLOOD_SIGNATURE_TEXT_SIZE = 256,
	FLOOD_SLOT_NONE = UINT32_MAX,
};

/* The settings of the section 'detection' (config.h), and sizes. */
struct flood_config {
	uint32_t tick_ms;
	uint32_t floor_pps; /* below this nothing is ever a flood */
	double factor; /* x baseline */
	double signature_budget; /* share of peace-time packets that a signature may hit */
	uint32_t hold_s, warm_s;
	uint32_t samples_pps; /* of all tenants together */
	uint32_t tenants_max; /* slots, slot 0 (SHIELD_TENANT_UNMAPPED) included */
	uint32_t destinations_max; /* hosts with a baseline of their own; half as many /24s come on top */
	uint64_t seed; /* for hashes and reservoirs: random in the daemon, fixed in tests */
};

/* Totals since the start of the shield, summed over CPUs (struct shield_traffic). They may restart at zero. */
struct flood_traffic {
	uint64_t packets, bytes; /* that reached the tenant whole */
	uint64_t passed_packets, passed_bytes; /* that were let through */
};

/* What one destination received since the last tick: one entry for each destination. */
struct flood_destination {
	uint32_t address; /* IPv4 in network order; IPv6: ops.hash_v6 of the address */
	uint32_t packets;
	uint16_t tenant; /* slot */
	uint8_t family; /* 4 or 6 */
	uint8_t pad;
};

/* All arrays are the caller's and read during the call only. */
struct flood_input {
	uint64_t now_ns; /* monotonic; time since the last tick gives the rates */
	uint32_t tenants; /* slots in use, from 0; at most tenants_max */
	const struct flood_traffic (*traffic)[SHIELD_CLASS_COUNT]; /* [tenants] */
	const struct flood_destination *destinations;
	size_t destination_count; /* those without packets may be left out */
};

enum flood_phase { FLOOD_BEGIN, FLOOD_UPDATE, FLOOD_END };

enum flood_scope { FLOOD_SCOPE_HOST, FLOOD_SCOPE_PREFIX, FLOOD_SCOPE_TENANT, FLOOD_SCOPE_PLATFORM };

/* X(id, name, catalogue ids, English, Vietnamese): what a flood can be. REFLECTION stands for the rows of
 * reflection.h, STATIC for any other drop reason of a fixed step: flood_report.reason then says which. */
#define FLOOD_VECTORS(X)                                                                                               \
	X(UNKNOWN, "unknown", "C51", "flood of an unknown kind", "tấn công tràn ngập chưa rõ loại")                    \
	X(SYN, "syn-flood", "A1", "SYN flood", "tấn công tràn ngập SYN")                                               \
	X(SYN_ACK, "syn-ack-flood", "A4", "SYN-ACK flood", "tấn công tràn ngập SYN-ACK")                               \
	X(ACK, "ack-flood", "A6", "ACK flood", "tấn công tràn ngập ACK")                                               \
	X(PUSH_ACK, "psh-ack-flood", "A7", "PSH-ACK flood", "tấn công tràn ngập PSH-ACK")                              \
	X(RST_FIN, "rst-fin-flood", "A8", "RST or FIN flood", "tấn công tràn ngập RST hoặc FIN")                       \
	X(UDP_PORTS, "udp-flood-ports", "B1", "UDP flood to many ports", "tấn công tràn ngập UDP vào nhiều cổng")      \
	X(UDP, "udp-flood", "B2", "UDP flood to one port", "tấn công tràn ngập UDP vào một cổng")                      \
	X(ICMP, "icmp-flood", "B13", "ICMP flood", "tấn công tràn ngập ICMP")                                          \
	X(FRAGMENT, "fragment-flood", "D1", "fragment flood", "tấn công tràn ngập gói phân mảnh")                      \
	X(REPLY, "reply-flood", "C", "flood of replies from opened services",                                          \
		"tấn công tràn ngập gói trả lời từ dịch vụ đã mở")                                                     \
	X(OTHER, "other-flood", "B10", "flood of another IP protocol", "tấn công tràn ngập bằng giao thức IP khác")    \
	X(REFLECTION, "reflection", "C", "reflection", "tấn công phản xạ")                                             \
	X(STATIC, "static", "", "flood that a fixed rule drops", "tấn công tràn ngập bị luật cố định chặn")            \
	X(CROWD, "flash-crowd", "F7", "flash crowd, not an attack",                                                    \
		"lượng người dùng tăng đột biến, không phải tấn công")

enum flood_vector {
#define X(id, ...) FLOOD_VECTOR_##id,
	FLOOD_VECTORS(X)
#undef X
		FLOOD_VECTOR_COUNT
};

enum flood_done { /* bits of flood_report.done */
	FLOOD_DONE_STATIC = 1 << 0, /* a fixed step of the shield stops most of it already */
	FLOOD_DONE_BITS = 1 << 1, /* attack bits are set */
	FLOOD_DONE_SIGNATURE = 1 << 2, /* an enforced signature */
	FLOOD_DONE_SHADOW = 1 << 3, /* a signature that only counts: it would hit too much peace traffic */
	FLOOD_DONE_SPARED = 1 << 4, /* left alone as a flash crowd */
	FLOOD_DONE_NO_SIGNATURE = 1 << 5, /* nothing separates it from ordinary traffic; the limits stand */
};

struct flood_report {
	uint32_t id; /* of the attack; the same in all its reports, and in its signatures */
	enum flood_phase phase;
	uint32_t tenant; /* slot; SHIELD_TENANT_UNMAPPED when scope is PLATFORM */
	const char *tenant_name; /* null: the text shows the slot's number; for the caller to fill in */
	enum flood_scope scope;
	struct packet_addr address; /* HOST, PREFIX: host bits are zero */
	uint8_t family; /* 4, 6; 0 when the scope has no address */
	uint8_t prefix_length; /* 32, 24, 128, 64 */
	uint8_t class_id; /* enum shield_class */
	bool cold; /* the baseline is not learned yet: judged by the floor alone */
	bool warm; /* it returned within warm_s: a pulse wave (F2) */
	bool carpet; /* many hosts of a prefix, none of them alone (F1) */
	bool multi; /* other vectors hit the tenant at the same time (F4) */
	enum flood_vector vector;
	uint16_t reason; /* enum shield_reason for REFLECTION and STATIC, else SHIELD_REASON_NONE */
	char catalogue[32]; /* "A1", "C1,F1", ... */
	uint64_t started_ns, now_ns;
	uint64_t pps, bps,
		peak_pps; /* arriving now, in the class and scope; bps in bits, estimated for hosts and prefixes */
	uint64_t baseline_pps;
	uint32_t attack_bits; /* SHIELD_ATTACK_*, of the tenant now */
	uint32_t done; /* enum flood_done */
	uint32_t signatures; /* of the tenant, enforced now */
	char signature[FLOOD_SIGNATURE_TEXT_SIZE]; /* the newest of this attack, or "" */
	double peace_share; /* of peace-time packets of the tenant that it would have hit */
	double peace_share_bound; /* upper end of the 95 % confidence interval of that */
	double coverage; /* share of the excess that the attack's signatures match */
};

/* What the detection asks of its owner. All are called inside flood_tick(), flood_rebind() and flood_withdraw(). */
struct flood_ops {
	void *user;
	/* SHIELD_ATTACK_* of a tenant; called when they change. */
	void (*set_attack)(void *user, uint32_t tenant, uint32_t bits);
	/* Takes the signature into use: tenant_states.signature[] and count too. 0 or an error; '*ret_slot' names it in the
	 * calls below. 'hits' of the signature given is 0. */
	int (*install_signature)(
		void *user, uint32_t tenant, const struct shield_signature *signature, uint32_t *ret_slot);
	void (*set_enforce)(void *user, uint32_t tenant, uint32_t slot, uint32_t enforce);
	void (*remove_signature)(void *user, uint32_t tenant, uint32_t slot);
	/* Packets that matched since the signature was installed. */
	uint64_t (*read_hits)(void *user, uint32_t tenant, uint32_t slot);
	/* One packet of 'every' of this class goes to the ring; 0: none. The shield should also cut a longer countdown. */
	void (*set_sample_every)(void *user, uint32_t tenant, uint32_t class_id, uint32_t every);
	void (*report)(void *user, const struct flood_report *report);
	/* The 'address' of an IPv6 flood_destination; null when the caller has none. */
	uint32_t (*hash_v6)(void *user, const struct packet_addr *address);
};

/* Figures for metrics. Gauges first, then counters since flood_new(). */
struct flood_stats {
	uint32_t attacks, signatures, signatures_enforced, hosts, prefixes;
	uint64_t attacks_begun, signatures_learned, signatures_refused, signatures_rearmed;
	uint64_t hosts_evicted; /* a destination's baseline was given to another, the coldest of its set */
	uint64_t samples, samples_bad; /* taken in; not parsable, of no tenant or class */
	uint64_t samples_skipped; /* more than the windows hold: left out at random */
	uint64_t captures_refused; /* more tenants under attack than sample windows: FLOOD_CAPTURES_MAX */
	uint64_t learn_runs; /* searches for a signature */
};

struct flood;

/* Null without memory, or with a setting outside its bounds (tick_ms 10..1000, factor > 1, tenants_max
 * 1..SHIELD_TENANTS_MAX, destinations_max 1..16M). 'ops' is copied; hash_v6 may be null, nothing else. */
struct flood *flood_new(const struct flood_config *config, const struct flood_ops *ops);

/* Accepts null. Calls no op: what is set stays set. */
void flood_free(struct flood *flood);

/* New settings from a reload. The sizes (tenants_max, destinations_max) and the seed stay as they are. */
MUST_CHECK int flood_configure(struct flood *flood, const struct flood_config *config);

/* One sampled packet. Those that the ring gave since the last tick are given before the next. */
void flood_sample(struct flood *flood, const struct shield_sample *sample);

/* Judges. The first call only takes the counters' start values. */
void flood_tick(struct flood *flood, const struct flood_input *input);

/* Tells who has which slot, by a number that stays with the tenant (a hash of its name); 0 for a free slot. Called once
 * before the first tick and after each reload. What was learned follows the tenant to its new slot; attacks and
 * signatures of a tenant that moved or went away are withdrawn (and found again within a second). */
MUST_CHECK int flood_rebind(struct flood *flood, const uint64_t *keys, uint32_t count);

/* Ends all attacks of a tenant, clears its bits and removes its signatures; 'forget' also drops what was learned, so
 * that the present traffic becomes the new normal. For the operator. */
void flood_withdraw(struct flood *flood, uint32_t tenant, bool forget);

void flood_stats(const struct flood *flood, struct flood_stats *ret);

/* What was learned, as bytes with version and checksum: rates and destinations, no packets. flood_save_size() is enough
 * room. Samples of peace are not kept: signatures are enforced again when enough new ones were seen (a minute). */
size_t flood_save_size(const struct flood *flood);
MUST_CHECK int flood_save(const struct flood *flood, uint8_t *data, size_t size, size_t *ret_used);

/* After flood_rebind(), before the first tick. LUYTRE_E_VERSION, LUYTRE_E_CORRUPT or LUYTRE_E_TRUNCATED leave
 * everything as it was; tenants that are bound no longer are passed over. */
MUST_CHECK int flood_load(struct flood *flood, struct bytes data);

/* The active attacks' latest reports, for status displays: how many were written. */
size_t flood_list(const struct flood *flood, struct flood_report *reports, size_t max);

/* A sentence for people. Returns 'text'. */
const char *flood_report_text(const struct flood_report *report, enum luytre_lang lang, char *text, size_t size);

/* "udp-flood", for programs. */
const char *flood_vector_name(enum flood_vector vector);
