// SPDX-License-Identifier: Apache-2.0
/* Everything odd that a packet can be: one list for decoder, defrag and stream.
 *
 * The names are those of the rule keywords "decode-event:NAME" and "stream-event:NAME". In EVE ("anomaly.event") a
 * decoder event is "decoder.NAME", a stream event "stream.NAME"; counters are "decoder.event.NAME" and "stream.NAME".
 * An event marked EVENT_INVALID ends the packet's career: its headers cannot be trusted, it has no flow, no transport
 * and is seen by decode-event rules alone (PKT_INVALID). EVENT_NOTE leaves the packet as it is.
 *
 * Raise one with packet_event(packet, EVENT_...); decoders use decoder_raise(), which also heeds EVENT_INVALID. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { EVENT_NOTE = 0, EVENT_INVALID = 1 };

/* X(id, name, EVENT_NOTE or EVENT_INVALID) */
#define DECODE_EVENTS(X)                                                                                               \
	X(IPV4_PKT_TOO_SMALL, "ipv4.pkt_too_small", EVENT_INVALID)                                                     \
	X(IPV4_HLEN_TOO_SMALL, "ipv4.hlen_too_small", EVENT_INVALID)                                                   \
	X(IPV4_IPLEN_SMALLER_THAN_HLEN, "ipv4.iplen_smaller_than_hlen", EVENT_INVALID)                                 \
	X(IPV4_TRUNC_PKT, "ipv4.trunc_pkt", EVENT_INVALID)                                                             \
	X(IPV4_OPT_INVALID, "ipv4.opt_invalid", EVENT_NOTE)                                                            \
	X(IPV4_OPT_INVALID_LEN, "ipv4.opt_invalid_len", EVENT_NOTE)                                                    \
	X(IPV4_OPT_MALFORMED, "ipv4.opt_malformed", EVENT_NOTE)                                                        \
	X(IPV4_OPT_PAD_REQUIRED, "ipv4.opt_pad_required", EVENT_NOTE)                                                  \
	X(IPV4_OPT_EOL_REQUIRED, "ipv4.opt_eol_required", EVENT_NOTE)                                                  \
	X(IPV4_OPT_DUPLICATE, "ipv4.opt_duplicate", EVENT_NOTE)                                                        \
	X(IPV4_OPT_UNKNOWN, "ipv4.opt_unknown", EVENT_NOTE)                                                            \
	X(IPV4_WRONG_IP_VERSION, "ipv4.wrong_ip_version", EVENT_INVALID)                                               \
	X(IPV4_ICMPV6, "ipv4.icmpv6", EVENT_INVALID)                                                                   \
	X(IPV4_FRAG_PKT_TOO_LARGE, "ipv4.frag_pkt_too_large", EVENT_NOTE)                                              \
	X(IPV4_FRAG_OVERLAP, "ipv4.frag_overlap", EVENT_NOTE)                                                          \
	X(IPV4_FRAG_IGNORED, "ipv4.frag_ignored", EVENT_NOTE)                                                          \
	X(ICMPV4_PKT_TOO_SMALL, "icmpv4.pkt_too_small", EVENT_INVALID)                                                 \
	X(ICMPV4_UNKNOWN_TYPE, "icmpv4.unknown_type", EVENT_NOTE)                                                      \
	X(ICMPV4_UNKNOWN_CODE, "icmpv4.unknown_code", EVENT_NOTE)                                                      \
	X(ICMPV4_IPV4_TRUNC_PKT, "icmpv4.ipv4_trunc_pkt", EVENT_NOTE)                                                  \
	X(ICMPV4_IPV4_UNKNOWN_VER, "icmpv4.ipv4_unknown_ver", EVENT_NOTE)                                              \
	X(ICMPV6_UNKNOWN_TYPE, "icmpv6.unknown_type", EVENT_NOTE)                                                      \
	X(ICMPV6_UNKNOWN_CODE, "icmpv6.unknown_code", EVENT_NOTE)                                                      \
	X(ICMPV6_PKT_TOO_SMALL, "icmpv6.pkt_too_small", EVENT_INVALID)                                                 \
	X(ICMPV6_IPV6_UNKNOWN_VERSION, "icmpv6.ipv6_unknown_version", EVENT_NOTE)                                      \
	X(ICMPV6_IPV6_TRUNC_PKT, "icmpv6.ipv6_trunc_pkt", EVENT_NOTE)                                                  \
	X(ICMPV6_MLD_MESSAGE_WITH_INVALID_HL, "icmpv6.mld_message_with_invalid_hl", EVENT_NOTE)                        \
	X(ICMPV6_UNASSIGNED_TYPE, "icmpv6.unassigned_type", EVENT_NOTE)                                                \
	X(ICMPV6_EXPERIMENTATION_TYPE, "icmpv6.experimentation_type", EVENT_NOTE)                                      \
	X(IPV6_PKT_TOO_SMALL, "ipv6.pkt_too_small", EVENT_INVALID)                                                     \
	X(IPV6_TRUNC_PKT, "ipv6.trunc_pkt", EVENT_INVALID)                                                             \
	X(IPV6_TRUNC_EXTHDR, "ipv6.trunc_exthdr", EVENT_INVALID)                                                       \
	X(IPV6_EXTHDR_DUPL_FH, "ipv6.exthdr_dupl_fh", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_USELESS_FH, "ipv6.exthdr_useless_fh", EVENT_NOTE)                                                \
	X(IPV6_EXTHDR_DUPL_RH, "ipv6.exthdr_dupl_rh", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_DUPL_HH, "ipv6.exthdr_dupl_hh", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_DUPL_DH, "ipv6.exthdr_dupl_dh", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_DUPL_AH, "ipv6.exthdr_dupl_ah", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_DUPL_EH, "ipv6.exthdr_dupl_eh", EVENT_NOTE)                                                      \
	X(IPV6_EXTHDR_INVALID_OPTLEN, "ipv6.exthdr_invalid_optlen", EVENT_NOTE)                                        \
	X(IPV6_WRONG_IP_VERSION, "ipv6.wrong_ip_version", EVENT_INVALID)                                               \
	X(IPV6_EXTHDR_AH_RES_NOT_NULL, "ipv6.exthdr_ah_res_not_null", EVENT_NOTE)                                      \
	X(IPV6_HOPOPTS_UNKNOWN_OPT, "ipv6.hopopts_unknown_opt", EVENT_NOTE)                                            \
	X(IPV6_HOPOPTS_ONLY_PADDING, "ipv6.hopopts_only_padding", EVENT_NOTE)                                          \
	X(IPV6_DSTOPTS_UNKNOWN_OPT, "ipv6.dstopts_unknown_opt", EVENT_NOTE)                                            \
	X(IPV6_DSTOPTS_ONLY_PADDING, "ipv6.dstopts_only_padding", EVENT_NOTE)                                          \
	X(IPV6_RH_TYPE_0, "ipv6.rh_type_0", EVENT_NOTE)                                                                \
	X(IPV6_ZERO_LEN_PADN, "ipv6.zero_len_padn", EVENT_NOTE)                                                        \
	X(IPV6_FH_NON_ZERO_RESERVED_FIELD, "ipv6.fh_non_zero_reserved_field", EVENT_NOTE)                              \
	X(IPV6_DATA_AFTER_NONE_HEADER, "ipv6.data_after_none_header", EVENT_NOTE)                                      \
	X(IPV6_UNKNOWN_NEXT_HEADER, "ipv6.unknown_next_header", EVENT_NOTE)                                            \
	X(IPV6_ICMPV4, "ipv6.icmpv4", EVENT_INVALID)                                                                   \
	X(IPV6_FRAG_PKT_TOO_LARGE, "ipv6.frag_pkt_too_large", EVENT_NOTE)                                              \
	X(IPV6_FRAG_OVERLAP, "ipv6.frag_overlap", EVENT_NOTE)                                                          \
	X(IPV6_FRAG_INVALID_LENGTH, "ipv6.frag_invalid_length", EVENT_NOTE)                                            \
	X(IPV6_FRAG_IGNORED, "ipv6.frag_ignored", EVENT_NOTE)                                                          \
	X(IPV4_IN_IPV6_PKT_TOO_SMALL, "ipv6.ipv4_in_ipv6_too_small", EVENT_INVALID)                                    \
	X(IPV4_IN_IPV6_WRONG_IP_VER, "ipv6.ipv4_in_ipv6_wrong_version", EVENT_INVALID)                                 \
	X(IPV6_IN_IPV6_PKT_TOO_SMALL, "ipv6.ipv6_in_ipv6_too_small", EVENT_INVALID)                                    \
	X(IPV6_IN_IPV6_WRONG_IP_VER, "ipv6.ipv6_in_ipv6_wrong_version", EVENT_INVALID)                                 \
	X(TCP_PKT_TOO_SMALL, "tcp.pkt_too_small", EVENT_INVALID)                                                       \
	X(TCP_HLEN_TOO_SMALL, "tcp.hlen_too_small", EVENT_INVALID)                                                     \
	X(TCP_INVALID_OPTLEN, "tcp.invalid_optlen", EVENT_INVALID)                                                     \
	X(TCP_OPT_INVALID_LEN, "tcp.opt_invalid_len", EVENT_NOTE)                                                      \
	X(TCP_OPT_DUPLICATE, "tcp.opt_duplicate", EVENT_NOTE)                                                          \
	X(UDP_PKT_TOO_SMALL, "udp.pkt_too_small", EVENT_INVALID)                                                       \
	X(UDP_HLEN_TOO_SMALL, "udp.hlen_too_small", EVENT_INVALID)                                                     \
	X(UDP_HLEN_INVALID, "udp.hlen_invalid", EVENT_INVALID)                                                         \
	X(UDP_LEN_INVALID, "udp.len_invalid", EVENT_INVALID)                                                           \
	X(SLL_PKT_TOO_SMALL, "sll.pkt_too_small", EVENT_INVALID)                                                       \
	X(SLL2_PKT_TOO_SMALL, "sll2.pkt_too_small", EVENT_INVALID)                                                     \
	X(ETHERNET_PKT_TOO_SMALL, "ethernet.pkt_too_small", EVENT_INVALID)                                             \
	X(ETHERNET_UNKNOWN_ETHERTYPE, "ethernet.unknown_ethertype", EVENT_NOTE)                                        \
	X(PPP_PKT_TOO_SMALL, "ppp.pkt_too_small", EVENT_INVALID)                                                       \
	X(PPP_VJU_PKT_TOO_SMALL, "ppp.vju_pkt_too_small", EVENT_INVALID)                                               \
	X(PPP_IP4_PKT_TOO_SMALL, "ppp.ip4_pkt_too_small", EVENT_INVALID)                                               \
	X(PPP_IP6_PKT_TOO_SMALL, "ppp.ip6_pkt_too_small", EVENT_INVALID)                                               \
	X(PPP_WRONG_TYPE, "ppp.wrong_type", EVENT_INVALID)                                                             \
	X(PPP_UNSUP_PROTO, "ppp.unsup_proto", EVENT_NOTE)                                                              \
	X(PPPOE_PKT_TOO_SMALL, "pppoe.pkt_too_small", EVENT_INVALID)                                                   \
	X(PPPOE_WRONG_CODE, "pppoe.wrong_code", EVENT_INVALID)                                                         \
	X(PPPOE_MALFORMED_TAGS, "pppoe.malformed_tags", EVENT_NOTE)                                                    \
	X(GRE_PKT_TOO_SMALL, "gre.pkt_too_small", EVENT_INVALID)                                                       \
	X(GRE_WRONG_VERSION, "gre.wrong_version", EVENT_INVALID)                                                       \
	X(GRE_VERSION0_RECUR, "gre.version0_recur", EVENT_INVALID)                                                     \
	X(GRE_VERSION0_FLAGS, "gre.version0_flags", EVENT_INVALID)                                                     \
	X(GRE_VERSION0_HDR_TOO_BIG, "gre.version0_hdr_too_big", EVENT_INVALID)                                         \
	X(GRE_VERSION0_MALFORMED_SRE_HDR, "gre.version0_malformed_sre_hdr", EVENT_INVALID)                             \
	X(GRE_VERSION1_CHKSUM, "gre.version1_chksum", EVENT_INVALID)                                                   \
	X(GRE_VERSION1_ROUTE, "gre.version1_route", EVENT_INVALID)                                                     \
	X(GRE_VERSION1_SSR, "gre.version1_ssr", EVENT_INVALID)                                                         \
	X(GRE_VERSION1_RECUR, "gre.version1_recur", EVENT_INVALID)                                                     \
	X(GRE_VERSION1_FLAGS, "gre.version1_flags", EVENT_INVALID)                                                     \
	X(GRE_VERSION1_NO_KEY, "gre.version1_no_key", EVENT_INVALID)                                                   \
	X(GRE_VERSION1_WRONG_PROTOCOL, "gre.version1_wrong_protocol", EVENT_INVALID)                                   \
	X(GRE_VERSION1_MALFORMED_SRE_HDR, "gre.version1_malformed_sre_hdr", EVENT_INVALID)                             \
	X(GRE_VERSION1_HDR_TOO_BIG, "gre.version1_hdr_too_big", EVENT_INVALID)                                         \
	X(VLAN_HEADER_TOO_SMALL, "vlan.header_too_small", EVENT_INVALID)                                               \
	X(VLAN_UNKNOWN_TYPE, "vlan.unknown_type", EVENT_INVALID)                                                       \
	X(VLAN_TOO_MANY_LAYERS, "vlan.too_many_layers", EVENT_INVALID)                                                 \
	X(IEEE8021AH_HEADER_TOO_SMALL, "ieee8021ah.header_too_small", EVENT_INVALID)                                   \
	X(VNTAG_HEADER_TOO_SMALL, "vntag.header_too_small", EVENT_INVALID)                                             \
	X(VNTAG_UNKNOWN_TYPE, "vntag.unknown_type", EVENT_INVALID)                                                     \
	X(IPRAW_INVALID_IP_VERSION, "ipraw.invalid_ip_version", EVENT_INVALID)                                         \
	X(LTNULL_PKT_TOO_SMALL, "ltnull.pkt_too_small", EVENT_INVALID)                                                 \
	X(LTNULL_UNSUPPORTED_TYPE, "ltnull.unsupported_type", EVENT_NOTE)                                              \
	X(SCTP_PKT_TOO_SMALL, "sctp.pkt_too_small", EVENT_INVALID)                                                     \
	X(ESP_PKT_TOO_SMALL, "esp.pkt_too_small", EVENT_INVALID)                                                       \
	X(MPLS_HEADER_TOO_SMALL, "mpls.header_too_small", EVENT_INVALID)                                               \
	X(MPLS_PKT_TOO_SMALL, "mpls.pkt_too_small", EVENT_INVALID)                                                     \
	X(MPLS_BAD_LABEL_ROUTER_ALERT, "mpls.bad_label_router_alert", EVENT_NOTE)                                      \
	X(MPLS_BAD_LABEL_IMPLICIT_NULL, "mpls.bad_label_implicit_null", EVENT_NOTE)                                    \
	X(MPLS_BAD_LABEL_RESERVED, "mpls.bad_label_reserved", EVENT_NOTE)                                              \
	X(MPLS_UNKNOWN_PAYLOAD_TYPE, "mpls.unknown_payload_type", EVENT_INVALID)                                       \
	X(VXLAN_UNKNOWN_PAYLOAD_TYPE, "vxlan.unknown_payload_type", EVENT_NOTE)                                        \
	X(GENEVE_UNKNOWN_PAYLOAD_TYPE, "geneve.unknown_payload_type", EVENT_NOTE)                                      \
	X(ERSPAN_HEADER_TOO_SMALL, "erspan.header_too_small", EVENT_NOTE)                                              \
	X(ERSPAN_UNSUPPORTED_VERSION, "erspan.unsupported_version", EVENT_NOTE)                                        \
	X(ERSPAN_TOO_MANY_VLAN_LAYERS, "erspan.too_many_vlan_layers", EVENT_NOTE)                                      \
	X(DCE_PKT_TOO_SMALL, "dce.pkt_too_small", EVENT_INVALID)                                                       \
	X(CHDLC_PKT_TOO_SMALL, "chdlc.pkt_too_small", EVENT_INVALID)                                                   \
	X(NSH_HEADER_TOO_SMALL, "nsh.header_too_small", EVENT_INVALID)                                                 \
	X(NSH_UNSUPPORTED_VERSION, "nsh.unsupported_version", EVENT_INVALID)                                           \
	X(NSH_BAD_HEADER_LENGTH, "nsh.bad_header_length", EVENT_INVALID)                                               \
	X(NSH_RESERVED_TYPE, "nsh.reserved_type", EVENT_INVALID)                                                       \
	X(NSH_UNSUPPORTED_TYPE, "nsh.unsupported_type", EVENT_INVALID)                                                 \
	X(NSH_UNKNOWN_PAYLOAD, "nsh.unknown_payload", EVENT_INVALID)                                                   \
	X(ARP_PKT_TOO_SMALL, "arp.pkt_too_small", EVENT_INVALID)                                                       \
	X(ARP_UNSUPPORTED_HARDWARE, "arp.unsupported_hardware", EVENT_INVALID)                                         \
	X(ARP_UNSUPPORTED_PROTOCOL, "arp.unsupported_protocol", EVENT_INVALID)                                         \
	X(ARP_UNSUPPORTED_PKT, "arp.unsupported_pkt", EVENT_INVALID)                                                   \
	X(ARP_INVALID_HARDWARE_SIZE, "arp.invalid_hardware_size", EVENT_INVALID)                                       \
	X(ARP_INVALID_PROTOCOL_SIZE, "arp.invalid_protocol_size", EVENT_INVALID)                                       \
	X(ARP_UNSUPPORTED_OPCODE, "arp.unsupported_opcode", EVENT_INVALID)                                             \
	X(AFPACKET_TRUNC_PKT, "afpacket.trunc_pkt", EVENT_NOTE)                                                        \
	X(TOO_MANY_LAYERS, "too_many_layers", EVENT_INVALID)

/* X(id, name) */
#define STREAM_EVENTS(X)                                                                                               \
	X(3WHS_ACK_IN_WRONG_DIR, "3whs_ack_in_wrong_dir")                                                              \
	X(3WHS_ASYNC_WRONG_SEQ, "3whs_async_wrong_seq")                                                                \
	X(3WHS_RIGHT_SEQ_WRONG_ACK_EVASION, "3whs_right_seq_wrong_ack_evasion")                                        \
	X(3WHS_SYNACK_IN_WRONG_DIRECTION, "3whs_synack_in_wrong_direction")                                            \
	X(3WHS_SYNACK_RESEND_WITH_DIFFERENT_ACK, "3whs_synack_resend_with_different_ack")                              \
	X(3WHS_SYNACK_RESEND_WITH_DIFF_SEQ, "3whs_synack_resend_with_diff_seq")                                        \
	X(3WHS_SYNACK_TOSERVER_ON_SYN_RECV, "3whs_synack_toserver_on_syn_recv")                                        \
	X(3WHS_SYNACK_WITH_WRONG_ACK, "3whs_synack_with_wrong_ack")                                                    \
	X(3WHS_SYNACK_FLOOD, "3whs_synack_flood")                                                                      \
	X(3WHS_SYNACK_TFO_DATA_IGNORED, "3whs_synack_tfo_data_ignored")                                                \
	X(3WHS_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV, "3whs_syn_resend_diff_seq_on_syn_recv")                                \
	X(3WHS_SYN_TOCLIENT_ON_SYN_RECV, "3whs_syn_toclient_on_syn_recv")                                              \
	X(3WHS_SYN_FLOOD, "3whs_syn_flood")                                                                            \
	X(3WHS_WRONG_SEQ_WRONG_ACK, "3whs_wrong_seq_wrong_ack")                                                        \
	X(3WHS_ACK_DATA_INJECT, "3whs_ack_data_inject")                                                                \
	X(4WHS_SYNACK_WITH_WRONG_ACK, "4whs_synack_with_wrong_ack")                                                    \
	X(4WHS_SYNACK_WITH_WRONG_SYN, "4whs_synack_with_wrong_syn")                                                    \
	X(4WHS_WRONG_SEQ, "4whs_wrong_seq")                                                                            \
	X(4WHS_INVALID_ACK, "4whs_invalid_ack")                                                                        \
	X(CLOSEWAIT_ACK_OUT_OF_WINDOW, "closewait_ack_out_of_window")                                                  \
	X(CLOSEWAIT_FIN_OUT_OF_WINDOW, "closewait_fin_out_of_window")                                                  \
	X(CLOSEWAIT_PKT_BEFORE_LAST_ACK, "closewait_pkt_before_last_ack")                                              \
	X(CLOSEWAIT_INVALID_ACK, "closewait_invalid_ack")                                                              \
	X(CLOSING_ACK_WRONG_SEQ, "closing_ack_wrong_seq")                                                              \
	X(CLOSING_INVALID_ACK, "closing_invalid_ack")                                                                  \
	X(EST_PACKET_OUT_OF_WINDOW, "est_packet_out_of_window")                                                        \
	X(EST_PKT_BEFORE_LAST_ACK, "est_pkt_before_last_ack")                                                          \
	X(EST_SYNACK_RESEND, "est_synack_resend")                                                                      \
	X(EST_SYNACK_RESEND_WITH_DIFFERENT_ACK, "est_synack_resend_with_different_ack")                                \
	X(EST_SYNACK_RESEND_WITH_DIFF_SEQ, "est_synack_resend_with_diff_seq")                                          \
	X(EST_SYNACK_TOSERVER, "est_synack_toserver")                                                                  \
	X(EST_SYN_RESEND, "est_syn_resend")                                                                            \
	X(EST_SYN_RESEND_DIFF_SEQ, "est_syn_resend_diff_seq")                                                          \
	X(EST_SYN_TOCLIENT, "est_syn_toclient")                                                                        \
	X(EST_INVALID_ACK, "est_invalid_ack")                                                                          \
	X(FIN_INVALID_ACK, "fin_invalid_ack")                                                                          \
	X(FIN1_ACK_WRONG_SEQ, "fin1_ack_wrong_seq")                                                                    \
	X(FIN1_FIN_WRONG_SEQ, "fin1_fin_wrong_seq")                                                                    \
	X(FIN1_INVALID_ACK, "fin1_invalid_ack")                                                                        \
	X(FIN2_ACK_WRONG_SEQ, "fin2_ack_wrong_seq")                                                                    \
	X(FIN2_FIN_WRONG_SEQ, "fin2_fin_wrong_seq")                                                                    \
	X(FIN2_INVALID_ACK, "fin2_invalid_ack")                                                                        \
	X(FIN_BUT_NO_SESSION, "fin_but_no_session")                                                                    \
	X(FIN_OUT_OF_WINDOW, "fin_out_of_window")                                                                      \
	X(FIN_SYN, "fin_syn")                                                                                          \
	X(LASTACK_ACK_WRONG_SEQ, "lastack_ack_wrong_seq")                                                              \
	X(LASTACK_INVALID_ACK, "lastack_invalid_ack")                                                                  \
	X(RST_BUT_NO_SESSION, "rst_but_no_session")                                                                    \
	X(TIMEWAIT_ACK_WRONG_SEQ, "timewait_ack_wrong_seq")                                                            \
	X(TIMEWAIT_INVALID_ACK, "timewait_invalid_ack")                                                                \
	X(SHUTDOWN_SYN_RESEND, "shutdown_syn_resend")                                                                  \
	X(PKT_INVALID_TIMESTAMP, "pkt_invalid_timestamp")                                                              \
	X(PKT_INVALID_ACK, "pkt_invalid_ack")                                                                          \
	X(PKT_BROKEN_ACK, "pkt_broken_ack")                                                                            \
	X(RST_INVALID_ACK, "rst_invalid_ack")                                                                          \
	X(PKT_RETRANSMISSION, "pkt_retransmission")                                                                    \
	X(PKT_SPURIOUS_RETRANSMISSION, "pkt_spurious_retransmission")                                                  \
	X(PKT_BAD_WINDOW_UPDATE, "pkt_bad_window_update")                                                              \
	X(SUSPECTED_RST_INJECT, "suspected_rst_inject")                                                                \
	X(WRONG_THREAD, "wrong_thread")                                                                                \
	X(REASSEMBLY_SEGMENT_BEFORE_BASE_SEQ, "reassembly_segment_before_base_seq")                                    \
	X(REASSEMBLY_NO_SEGMENT, "reassembly_no_segment")                                                              \
	X(REASSEMBLY_SEQ_GAP, "reassembly_seq_gap")                                                                    \
	X(REASSEMBLY_OVERLAP_DIFFERENT_DATA, "reassembly_overlap_different_data")                                      \
	X(REASSEMBLY_DEPTH_REACHED, "reassembly_depth_reached")                                                        \
	X(REASSEMBLY_INSERT_MEMCAP, "reassembly_insert_memcap")                                                        \
	X(REASSEMBLY_INSERT_LIMIT, "reassembly_insert_limit")                                                          \
	X(REASSEMBLY_INSERT_INVALID, "reassembly_insert_invalid")                                                      \
	X(REASSEMBLY_URGENT_OOB_LIMIT_REACHED, "reassembly_urgent_oob_limit_reached")

enum sensor_event {
#define X(id, name, effect) EVENT_##id,
	DECODE_EVENTS(X)
#undef X
		EVENT_DECODE_COUNT,
	EVENT_BEFORE_STREAM = EVENT_DECODE_COUNT - 1,
#define X(id, name) EVENT_STREAM_##id,
	STREAM_EVENTS(X)
#undef X
		EVENT_COUNT,
};

/* "decode" or "stream" of "anomaly.type". */
static inline bool event_is_stream(uint16_t event)
{
	return event >= EVENT_DECODE_COUNT;
}

/* "ipv4.pkt_too_small", "3whs_synack_flood": the name in rules. */
const char *event_name(uint16_t event);
/* "decoder.ipv4.pkt_too_small", "stream.3whs_synack_flood": the name in EVE. */
const char *event_eve_name(uint16_t event);
bool event_is_invalid(uint16_t event);
/* The event that decode-event (or, with 'stream', stream-event) knows by that name; -1: none. Exact, lower case. */
int event_find(struct bytes name, bool stream);
