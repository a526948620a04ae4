// SPDX-License-Identifier: Apache-2.0
/* The shield's pipeline in user space: the same steps over tables in ordinary memory.
 *
 * For replay and explain without root, for the differential test against the kernel's build, and
 * for benchmarks by instruction count. One packet at a time; the machine may be used by any one
 * thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net.h"
#include "shield/maps.h"

enum { SHIELD_TRACE_MAX = SHIELD_STEP_COUNT };

/* What each step said of one packet, in order. */
struct shield_trace {
	size_t count;
	struct {
		enum shield_step step;
		enum shield_reason reason; /* NONE: go on */
	} steps[SHIELD_TRACE_MAX];
};

struct shield_result {
	enum shield_verdict verdict; /* what happens to the packet; in shadow PASS */
	enum shield_reason reason; /* what was decided, also in shadow */
	bool shadow; /* the reason was counted but not carried out */
	uint32_t tenant; /* slot */
	uint32_t signature; /* id, or 0 */
	uint8_t list;
	uint8_t class_id;
	struct packet packet;
	size_t answer_size; /* verdict ANSWER: bytes of the answer, which has replaced the frame */
};

typedef void (*shield_sample_fn)(void *user, const struct shield_sample *sample);

/* Judges one frame at time 'now_ns'. 'frame' is changed when the verdict is ANSWER. 'trace' and
 * 'sample' may be null. */
void shield_emulate(struct shield_maps *maps, uint8_t *frame, size_t size, uint64_t now_ns, shield_sample_fn sample,
	void *sample_user, struct shield_trace *trace, struct shield_result *ret);

/* What an inside host sent: makes its flow known, as the egress program does. */
void shield_emulate_outbound(struct shield_maps *maps, const uint8_t *frame, size_t size, uint64_t now_ns);

/* The slot of the tenant that an address belongs to, or SHIELD_TENANT_UNMAPPED. */
uint32_t shield_emulate_tenant(struct shield_maps *maps, const struct packet_addr *address, uint8_t family);

/* Whether the tables have any decision about the first address of a prefix; of IPv6 one of exactly this length. */
bool shield_emulate_decided(struct shield_maps *maps, const struct ip_prefix *prefix);

/* The word under which the destinations table counts an address. */
uint32_t shield_emulate_destination(struct shield_maps *maps, const struct packet_addr *address, uint8_t family);

/* The table's rows, for people: names of reasons, steps, classes, reflection rows. Null past the end. */
const char *shield_reason_name(enum shield_reason reason);
const char *shield_reason_text(enum shield_reason reason, bool vietnamese);
const char *shield_reason_vectors(enum shield_reason reason);
enum shield_step shield_reason_step(enum shield_reason reason);
enum shield_verdict shield_reason_verdict(enum shield_reason reason);
const char *shield_step_name(enum shield_step step);
const char *shield_class_name(enum shield_class class_id);
const char *shield_reflect_name(size_t row);
const char *shield_table_event_name(enum shield_table_event event);
const char *shield_table_event_help(enum shield_table_event event);
