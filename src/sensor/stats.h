// SPDX-License-Identifier: Apache-2.0
/* Counters: one array per worker, summed by the reader; the names are those of EVE's "stats" tree.
 *
 * Fixed counters are in the list below. Families (events of the decoder, protocols) are registered once at start by
 * stats_register() and counted through the index it gives. Only the worker writes its array, without atomics: a reader
 * sees each 64-bit value whole on the machines we run on. */
#pragma once

#include <stdint.h>

#include "base/jsonw.h"

#define SENSOR_COUNTERS(X)                                                                                             \
	X(DECODER_PKTS, "decoder.pkts")                                                                                \
	X(DECODER_BYTES, "decoder.bytes")                                                                              \
	X(DECODER_INVALID, "decoder.invalid")                                                                          \
	X(DECODER_IPV4, "decoder.ipv4")                                                                                \
	X(DECODER_IPV6, "decoder.ipv6")                                                                                \
	X(DECODER_ETHERNET, "decoder.ethernet")                                                                        \
	X(DECODER_ARP, "decoder.arp")                                                                                  \
	X(DECODER_UNKNOWN_ETHERTYPE, "decoder.unknown_ethertype")                                                      \
	X(DECODER_CHDLC, "decoder.chdlc")                                                                              \
	X(DECODER_RAW, "decoder.raw")                                                                                  \
	X(DECODER_NULL, "decoder.null")                                                                                \
	X(DECODER_SLL, "decoder.sll")                                                                                  \
	X(DECODER_SLL2, "decoder.sll2")                                                                                \
	X(DECODER_TCP, "decoder.tcp")                                                                                  \
	X(DECODER_UDP, "decoder.udp")                                                                                  \
	X(DECODER_SCTP, "decoder.sctp")                                                                                \
	X(DECODER_ESP, "decoder.esp")                                                                                  \
	X(DECODER_ICMPV4, "decoder.icmpv4")                                                                            \
	X(DECODER_ICMPV6, "decoder.icmpv6")                                                                            \
	X(DECODER_PPP, "decoder.ppp")                                                                                  \
	X(DECODER_PPPOE, "decoder.pppoe")                                                                              \
	X(DECODER_GENEVE, "decoder.geneve")                                                                            \
	X(DECODER_GRE, "decoder.gre")                                                                                  \
	X(DECODER_VLAN, "decoder.vlan")                                                                                \
	X(DECODER_VLAN_QINQ, "decoder.vlan_qinq")                                                                      \
	X(DECODER_VLAN_QINQINQ, "decoder.vlan_qinqinq")                                                                \
	X(DECODER_VXLAN, "decoder.vxlan")                                                                              \
	X(DECODER_VNTAG, "decoder.vntag")                                                                              \
	X(DECODER_IEEE8021AH, "decoder.ieee8021ah")                                                                    \
	X(DECODER_TEREDO, "decoder.teredo")                                                                            \
	X(DECODER_IPV4_IN_IPV4, "decoder.ipv4_in_ipv4")                                                                \
	X(DECODER_IPV6_IN_IPV4, "decoder.ipv6_in_ipv4")                                                                \
	X(DECODER_IPV4_IN_IPV6, "decoder.ipv4_in_ipv6")                                                                \
	X(DECODER_IPV6_IN_IPV6, "decoder.ipv6_in_ipv6")                                                                \
	X(DECODER_MPLS, "decoder.mpls")                                                                                \
	X(DECODER_ERSPAN, "decoder.erspan")                                                                            \
	X(DECODER_NSH, "decoder.nsh")                                                                                  \
	X(DECODER_AVG_PKT_SIZE, "decoder.avg_pkt_size")                                                                \
	X(DECODER_MAX_PKT_SIZE, "decoder.max_pkt_size")                                                                \
	X(DECODER_TOO_MANY_LAYERS, "decoder.too_many_layers")                                                          \
	X(DEFRAG_IPV4_FRAGMENTS, "defrag.ipv4.fragments")                                                              \
	X(DEFRAG_IPV4_REASSEMBLED, "defrag.ipv4.reassembled")                                                          \
	X(DEFRAG_IPV6_FRAGMENTS, "defrag.ipv6.fragments")                                                              \
	X(DEFRAG_IPV6_REASSEMBLED, "defrag.ipv6.reassembled")                                                          \
	X(DEFRAG_TRACKER_SOFT_REUSE, "defrag.tracker_soft_reuse")                                                      \
	X(DEFRAG_TRACKER_HARD_REUSE, "defrag.tracker_hard_reuse")                                                      \
	X(DEFRAG_MAX_TRACKERS, "defrag.max_trackers_reached")                                                          \
	X(DEFRAG_MEMUSE, "defrag.memuse")                                                                              \
	X(TCP_SYN, "tcp.syn")                                                                                          \
	X(TCP_SYNACK, "tcp.synack")                                                                                    \
	X(TCP_RST, "tcp.rst")                                                                                          \
	X(TCP_URG, "tcp.urg")                                                                                          \
	X(TCP_SESSIONS, "tcp.sessions")                                                                                \
	X(TCP_ACTIVE_SESSIONS, "tcp.active_sessions")                                                                  \
	X(TCP_SSN_MEMCAP_DROP, "tcp.ssn_memcap_drop")                                                                  \
	X(TCP_SSN_FROM_CACHE, "tcp.ssn_from_cache")                                                                    \
	X(TCP_PSEUDO, "tcp.pseudo")                                                                                    \
	X(TCP_INVALID_CHECKSUM, "tcp.invalid_checksum")                                                                \
	X(TCP_MIDSTREAM_PICKUPS, "tcp.midstream_pickups")                                                              \
	X(TCP_PKT_ON_WRONG_THREAD, "tcp.pkt_on_wrong_thread")                                                          \
	X(TCP_ACK_UNSEEN_DATA, "tcp.ack_unseen_data")                                                                  \
	X(TCP_SEGMENT_MEMCAP_DROP, "tcp.segment_memcap_drop")                                                          \
	X(TCP_STREAM_DEPTH_REACHED, "tcp.stream_depth_reached")                                                        \
	X(TCP_REASSEMBLY_GAP, "tcp.reassembly_gap")                                                                    \
	X(TCP_OVERLAP, "tcp.overlap")                                                                                  \
	X(TCP_OVERLAP_DIFF_DATA, "tcp.overlap_diff_data")                                                              \
	X(TCP_INSERT_DATA_NORMAL_FAIL, "tcp.insert_data_normal_fail")                                                  \
	X(TCP_INSERT_DATA_OVERLAP_FAIL, "tcp.insert_data_overlap_fail")                                                \
	X(TCP_URGENT_OOB_DATA, "tcp.urgent_oob_data")                                                                  \
	X(TCP_MEMUSE, "tcp.memuse")                                                                                    \
	X(TCP_REASSEMBLY_MEMUSE, "tcp.reassembly_memuse")                                                              \
	X(STREAM_WRONG_THREAD, "stream.wrong_thread")                                                                  \
	X(STREAM_PKT_INVALID_TIMESTAMP, "stream.pkt_invalid_timestamp")                                                \
	X(FLOW_MEMCAP, "flow.memcap")                                                                                  \
	X(FLOW_TOTAL, "flow.total")                                                                                    \
	X(FLOW_ACTIVE, "flow.active")                                                                                  \
	X(FLOW_TCP, "flow.tcp")                                                                                        \
	X(FLOW_UDP, "flow.udp")                                                                                        \
	X(FLOW_ICMPV4, "flow.icmpv4")                                                                                  \
	X(FLOW_ICMPV6, "flow.icmpv6")                                                                                  \
	X(FLOW_TCP_REUSE, "flow.tcp_reuse")                                                                            \
	X(FLOW_EMERG_ENTERED, "flow.emerg_mode_entered")                                                               \
	X(FLOW_EMERG_OVER, "flow.emerg_mode_over")                                                                     \
	X(FLOW_MEMUSE, "flow.memuse")                                                                                  \
	X(FLOW_END_STATE_NEW, "flow.end.state.new")                                                                    \
	X(FLOW_END_STATE_ESTABLISHED, "flow.end.state.established")                                                    \
	X(FLOW_END_STATE_CLOSED, "flow.end.state.closed")                                                              \
	X(FLOW_END_STATE_LOCAL_BYPASSED, "flow.end.state.local_bypassed")                                              \
	X(FLOW_END_STATE_CAPTURE_BYPASSED, "flow.end.state.capture_bypassed")                                          \
	X(FLOW_BYPASSED_LOCAL_PKTS, "flow_bypassed.local_pkts")                                                        \
	X(FLOW_BYPASSED_LOCAL_BYTES, "flow_bypassed.local_bytes")                                                      \
	X(FLOW_BYPASSED_LOCAL_CAPTURE_PKTS, "flow_bypassed.local_capture_pkts")                                        \
	X(FLOW_BYPASSED_LOCAL_CAPTURE_BYTES, "flow_bypassed.local_capture_bytes")                                      \
	X(FLOW_BYPASSED_CLOSED, "flow_bypassed.closed")                                                                \
	X(FLOW_BYPASSED_PKTS, "flow_bypassed.pkts")                                                                    \
	X(FLOW_BYPASSED_BYTES, "flow_bypassed.bytes")                                                                  \
	X(DETECT_ALERT, "detect.alert")                                                                                \
	X(DETECT_ALERT_QUEUE_OVERFLOW, "detect.alert_queue_overflow")                                                  \
	X(DETECT_ALERTS_SUPPRESSED, "detect.alerts_suppressed")                                                        \
	X(DETECT_THRESHOLDS_REFUSED, "detect.thresholds_refused")                                                      \
	X(DETECT_HOST_BITS_REFUSED, "detect.host_bits_refused")                                                        \
	X(DETECT_TAGGED_HOSTS_REFUSED, "detect.tagged_hosts_refused")                                                  \
	X(DETECT_DATASETS_REFUSED, "detect.datasets_refused")                                                          \
	X(DETECT_PCRE_LIMIT, "detect.pcre_match_limit")                                                                \
	X(OUTPUT_EVENTS_LOST, "output.events_lost")                                                                    \
	X(OUTPUT_CONTENT_REMOVED, "output.content_removed")                                                            \
	X(IPS_ACCEPTED, "ips.accepted")                                                                                \
	X(IPS_BLOCKED, "ips.blocked")                                                                                  \
	X(IPS_REJECTED, "ips.rejected")                                                                                \
	X(IPS_REPLACED, "ips.replaced")                                                                                \
	X(APP_EXPECTATIONS, "app_layer.expectations")                                                                  \
	X(HTTP_MEMUSE, "http.memuse")                                                                                  \
	X(HTTP_BYTERANGE_MEMUSE, "http.byterange.memuse")                                                              \
	X(FTP_MEMUSE, "ftp.memuse")                                                                                    \
	X(FTP_MEMCAP, "ftp.memcap")                                                                                    \
	X(FILE_STORE_FS_ERRORS, "file_store.fs_errors")                                                                \
	X(FILE_STORE_OPEN_FILES_MAX_HIT, "file_store.open_files_max_hit")                                              \
	X(FILE_STORE_OPEN_FILES, "file_store.open_files")                                                              \
	X(MEMCAP_PRESSURE, "memcap.pressure")                                                                          \
	X(MEMCAP_PRESSURE_MAX, "memcap.pressure_max")

enum sensor_counter {
#define X(id, name) COUNTER_##id,
	SENSOR_COUNTERS(X)
#undef X
		COUNTER_FIXED
};

enum { STATS_COUNTERS_MAX = 2048 };

/* The index of a counter with this dotted name, made when there is none yet; only before workers start. At
 * STATS_COUNTERS_MAX everything further shares one counter "stats.overflow". */
unsigned int stats_register(const char *name);
unsigned int stats_count(void);
const char *stats_name(unsigned int index);

/* Writes the tree of 'values' (nested objects from the dotted names) as members of the open object. 'more' (may be null)
 * is called in each object, with its dotted path, and may add members. */
typedef void (*stats_more_fn)(void *context, const char *path, struct jsonw *json);
void stats_write(const uint64_t *values, stats_more_fn more, void *context, struct jsonw *json);
