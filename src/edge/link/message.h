// SPDX-License-Identifier: Apache-2.0
/* What the edge daemon and its link to the hub say to one another, over a socket pair of datagrams (SOCK_SEQPACKET). Both ends are one
 * program, started from one file, so records are sent as they lie in memory; each end checks kind, count and size all the same.
 *
 *	link -> daemon	BEGIN, CHANGES ..., COMMIT	the whole list of the hub, which takes the place of the one before at once
 *			CHANGES				decisions that come and go
 *			VOID				the hub's list is empty from now on
 *			SYNC				answer with STANDS when everything before this stands
 *			HELLO				a new link: what an earlier one began is dropped
 *			STATUS				its figures, for metrics
 *			POLICY				a policy of the hub lies in LINK_POLICY_NEW
 *	daemon -> link	STANDS				the token of a SYNC or COMMIT, with its outcome
 *			POLICY_STANDS			which policy is in force, and which one could not be taken
 *			DROPS				packets that the shield dropped, from its samples
 *			SHIELD				what the shield has counted, every few seconds
 *
 * COMMIT fails with LUYTRE_E_BUSY when a reload of the configuration came between: the link sends the list again. */
#pragma once

#include <stdint.h>

#include "base/net.h"
#include "bus/delta.h"
#include "shield/reason.h"

enum link_kind {
	LINK_HELLO,
	LINK_BEGIN,
	LINK_CHANGES,
	LINK_COMMIT,
	LINK_VOID,
	LINK_SYNC,
	LINK_STATUS,
	LINK_STANDS,
	LINK_DROPS,
	LINK_SHIELD,
	LINK_POLICY,
	LINK_POLICY_STANDS,
	LINK_KIND_COUNT
};

enum { LINK_RECORDS_MAX = 64, LINK_TENANT_SIZE = 64 };

/* X(identifier, word): what stands at the edge differs from what is wanted. */
#define LINK_DRIFTS(X)                                                                                                 \
	X(CONFIGURATION, "configuration") /* the last reload was refused: an older one is in use */                    \
	X(DECISIONS, "decisions") /* the shield refused some since it was given all */                                 \
	X(TABLE, "decision-table") /* more decisions than the link has room for */                                     \
	X(POLICY, "policy") /* the policy of the hub could not be taken */                                             \
	X(SETTINGS, "settings") /* modes or limits in the shield's tables are not those that are wanted */             \
	X(MAPS, "maps") /* decisions that should stand are not in the shield's tables */                               \
	X(HOLDS, "holds") /* the web server does not get the holds that the hub gave */                                \
	X(SENSOR, "sensor-policy") /* the sensor does not get the policy that the hub gave */

enum link_drift {
#define X(id, word) LINK_DRIFT_##id,
	LINK_DRIFTS(X)
#undef X
		LINK_DRIFT_COUNT
};

/* Which list a change is for. */
enum link_list { LINK_LIST_HUB, LINK_LIST_EDGE };

struct link_change {
	struct ip_prefix prefix;
	uint8_t op; /* enum delta_op */
	uint8_t list; /* enum link_list */
	uint32_t tenant; /* its number at the hub; 0: everybody */
	int64_t until_us; /* real time */
	char reason[DELTA_REASON_SIZE];
};

struct link_drop {
	struct ip_addr src, dst;
	uint16_t reason; /* enum shield_reason */
	uint8_t protocol, shadow;
	uint64_t packets, bytes; /* what the sample stands for */
	char tenant[LINK_TENANT_SIZE];
};

/* X(field, type, name of the metric, help): all 64 bits. */
#define LINK_FIGURES(X)                                                                                                \
	X(connected, "gauge", "hub_connected", "1 while the stream of the hub is open.")                               \
	X(epoch, "gauge", "hub_epoch", "Epoch of the hub's decisions.")                                                \
	X(number, "gauge", "hub_number", "Last change of decisions that was taken.")                                   \
	X(decisions, "gauge", "hub_decisions", "Decisions of the hub that are known here.")                            \
	X(spool_files, "gauge", "hub_spool_files", "Batches that wait for the hub.")                                   \
	X(spool_bytes, "gauge", "hub_spool_bytes", "Bytes of them on the disk.")                                       \
	X(events, "counter", "hub_events_total", "Events taken from sensor and gate.")                                 \
	X(events_bad, "counter", "hub_events_bad_total", "Events that are not a line of JSON.")                        \
	X(unsampled, "counter", "hub_unsampled_total", "Ordinary requests and connections beyond hub.ordinary_per_s.") \
	X(delivered, "counter", "hub_delivered_total", "Events that the hub has acknowledged.")                        \
	X(lost, "counter", "hub_lost_total", "Events given up: spool full, disk full, or refused.")                    \
	X(batches, "counter", "hub_batches_total", "Batches sent and acknowledged.")                                   \
	X(upload_failures, "counter", "hub_upload_failures_total", "Requests with events that failed.")                \
	X(stream_failures, "counter", "hub_stream_failures_total", "Ends of the stream, and failures to open it.")     \
	X(refused, "counter", "hub_refused_total", "Answers 401 and 403: the certificate is not good.")                \
	X(resyncs, "counter", "hub_resyncs_total", "Decisions fetched whole.")                                         \
	X(changes, "counter", "hub_changes_total", "Changes of decisions taken.")                                      \
	X(unplaced, "counter", "hub_unplaced_total", "Decisions that this edge cannot enforce: only counted.")         \
	X(vetoed, "counter", "hub_vetoed_total", "Decisions that this edge refused for hub.never_block.")              \
	X(vetoes_lost, "counter", "hub_vetoes_lost_total", "Of these, how many the hub could not be told of.")         \
	X(table_full, "counter", "hub_table_full_total", "Decisions beyond the ceiling of the link's table.")          \
	X(local_blocks, "counter", "hub_local_blocks_total", "Sources blocked here at once on evidence E3.")           \
	X(local_missed, "counter", "hub_local_missed_total", "Such blocks that the daemon could not take.")            \
	X(drops_evicted, "counter", "hub_drops_evicted_total", "Packets whose source fell out of the table of drops.") \
	X(clock_jumps, "counter", "hub_clock_jumps_total", "Jumps of the real time: expiries were set again.")         \
	X(acks, "counter", "hub_acks_total", "Acknowledgements of decisions sent.")                                    \
	X(gates, "gauge", "hub_gates", "Workers of web servers that have said which holds stand there.")               \
	X(holds_standing, "gauge", "hub_holds_standing", "Holds that stand at each of these workers.")                 \
	X(holds_stamp, "gauge", "hub_holds_stamp", "Stamp of the oldest list of holds that one of them has.")          \
	X(holds_words, "counter", "hub_holds_words_total", "Words of gates about holds, told the hub.")                \
	X(edge_only, "gauge", "hub_edge_only", "Prefixes of systems that may only be watched at the edge.")            \
	X(edge_only_unknown, "gauge", "hub_edge_only_unknown",                                                         \
		"1 while the kept policy cannot be read: every event loses its content.")                              \
	X(content_removed, "counter", "hub_content_removed_total",                                                     \
		"Members with content, taken out of events about these.")                                              \
	X(edge_only_opened, "counter", "hub_edge_only_opened_total",                                                   \
		"Requests to these that a web server here has looked into.")                                           \
	X(edge_only_open, "gauge", "hub_edge_only_open", "Sites of these that a worker of a web server may open.")

struct link_figures {
#define X(field, type, name, help) uint64_t field;
	LINK_FIGURES(X)
#undef X
};

enum { LINK_POLICY_WHY_SIZE = 200 };

/* Holds that the web server should have (holdlist.h). */
struct link_holds {
	uint64_t wanted;
	int64_t stamp; /* of the hub's list; 0: it gave none yet */
	char why[LINK_POLICY_WHY_SIZE]; /* it does not get them; "" it does */
};

/* Sums over tenants, since the shield was loaded. */
struct link_shield {
	uint32_t drift; /* a bit for each enum link_drift */
	uint32_t failing_open; /* packets reach the interface and not the shield */
	struct link_holds holds;
	struct {
		uint64_t packets, bytes; /* enforced */
		uint64_t shadow_packets, shadow_bytes;
	} reasons[SHIELD_REASON_COUNT];
};

/* In the folder of the link; the daemon moves the new one over another when it stands. All are signed bundles. The third is there only
 * while of the last bundle the holds alone could be taken: they do not wait for tables that a policy does not fit into. */
#define LINK_POLICY_NEW   "policy.new"
#define LINK_POLICY_SAVED "policy.bundle"
#define LINK_HOLDS_SAVED  "holds.bundle"

struct link_policy {
	uint64_t
		laid; /* how often the tenants of the tables were made anew: what stands for one of them has to be put again */
	uint64_t stands; /* version; 0: none */
	uint64_t failed; /* 0: none */
	char why[LINK_POLICY_WHY_SIZE];
};

struct link_message {
	uint32_t kind; /* enum link_kind */
	uint32_t count; /* of records */
	int32_t result; /* of STANDS */
	uint32_t refused; /* of STANDS: changes since the last one that did not fit */
	uint64_t epoch, token; /* of SYNC and COMMIT, and given back with STANDS: epoch and number of the last change */
	union {
		struct link_change changes[LINK_RECORDS_MAX];
		struct link_drop drops[LINK_RECORDS_MAX];
		struct link_figures figures;
		struct link_shield shield;
		struct link_policy policy;
	};
};

/* Bytes of a message with its records, and whether 'size' bytes are such a message. */
size_t link_message_size(const struct link_message *message);
bool link_message_is_whole(const struct link_message *message, size_t size);
