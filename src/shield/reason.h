// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Every way a packet's journey through the shield can end: one list.
 *
 * The list makes the enum, the metric label, the sentence of `luytre shield explain`, the manual
 * table and the counters' layout. The rows of reflection.h are appended as reasons of their own,
 * so that each catalogue row has its own counter.
 *
 * X(id, metric name, step, verdict, catalogue ids, English, Vietnamese) */
#pragma once

#include "shield/reflection.h"

/* X(id, name): the steps in the order in which a packet meets them. */
#define SHIELD_STEPS(X)                                                                                                \
	X(PARSE, "parse")                                                                                              \
	X(TENANT, "tenant")                                                                                            \
	X(BOGON, "bogon")                                                                                              \
	X(LIST, "list")                                                                                                \
	X(POLICY, "policy")                                                                                            \
	X(REFLECT, "reflection")                                                                                       \
	X(SIGNATURE, "signature")                                                                                      \
	X(FRAGMENT, "fragment")                                                                                        \
	X(CHALLENGE, "challenge")                                                                                      \
	X(LIMIT, "limit")                                                                                              \
	X(DONE, "done")

enum shield_step {
#define X(id, name) SHIELD_STEP_##id,
	SHIELD_STEPS(X)
#undef X
		SHIELD_STEP_COUNT
};

enum shield_verdict {
	SHIELD_PASS,
	SHIELD_DROP,
	SHIELD_ANSWER, /* the shield sends a challenge back in the packet's place */
};

#define SHIELD_PLAIN_REASONS(X)                                                                                        \
	X(NONE, "none", DONE, PASS, "", "Not judged yet.", "Chưa xét.")                                                \
	X(PASSED, "passed", DONE, PASS, "", "Nothing spoke against the packet.", "Không có gì chống lại gói tin.")     \
	X(NOT_IP, "not-ip", PARSE, PASS, "", "Not IP (ARP and the like): left to the host.",                           \
		"Không phải IP (như ARP): để máy chủ xử lý.")                                                          \
	X(LINK_CONTROL, "link-control", PARSE, PASS, "E6", "Neighbour discovery from the link itself.",                \
		"Dò tìm láng giềng từ chính liên kết.")                                                                \
	X(OUTBOUND, "outbound", DONE, PASS, "H12", "Left a tenant that has both directions counted.",                  \
		"Rời khỏi tổ chức có đếm cả hai chiều.")                                                               \
	X(UNMAPPED, "unmapped", TENANT, PASS, "", "The destination belongs to no tenant; passed by default.",          \
		"Địa chỉ đích không thuộc tổ chức nào; cho qua theo mặc định.")                                        \
	X(UNKNOWN_DESTINATION, "unknown-destination", TENANT, DROP, "",                                                \
		"The destination belongs to no tenant and the edge drops such traffic.",                               \
		"Địa chỉ đích không thuộc tổ chức nào và cổng biên chặn lưu lượng đó.")                                \
	X(LINK, "link", PARSE, DROP, "D6", "The frame ends inside the link header.",                                   \
		"Khung kết thúc ngay trong phần đầu liên kết.")                                                        \
	X(TAGS, "tags", PARSE, DROP, "D12", "More VLAN tags or MPLS labels than any real network uses.",               \
		"Nhiều thẻ VLAN hoặc nhãn MPLS hơn mạng thật nào dùng.")                                               \
	X(IP_HEADER, "ip-header", PARSE, DROP, "D6", "The IP header is cut short or has a wrong version.",             \
		"Phần đầu IP bị cắt ngắn hoặc sai phiên bản.")                                                         \
	X(IP_LENGTH, "ip-length", PARSE, DROP, "D6", "The IP length field does not fit the frame.",                    \
		"Trường độ dài IP không khớp khung.")                                                                  \
	X(IP_CHECKSUM, "ip-checksum", PARSE, DROP, "D6", "The IPv4 header checksum is wrong.",                         \
		"Tổng kiểm phần đầu IPv4 sai.")                                                                        \
	X(TTL_ZERO, "ttl-zero", PARSE, DROP, "D6", "The time to live is zero.", "Thời gian sống bằng không.")          \
	X(SOURCE_ROUTE, "source-route", PARSE, DROP, "D7", "An IPv4 source route option.",                             \
		"Tùy chọn định tuyến nguồn IPv4.")                                                                     \
	X(IP_OPTIONS_BAD, "ip-options-bad", PARSE, DROP, "D7", "The IPv4 options run past their header.",              \
		"Tùy chọn IPv4 vượt quá phần đầu.")                                                                    \
	X(LAND, "land", PARSE, DROP, "A11", "Source equals destination.", "Nguồn trùng đích.")                         \
	X(SOURCE_CAST, "source-cast", PARSE, DROP, "D10", "The source is a multicast or broadcast address.",           \
		"Nguồn là địa chỉ đa hướng hoặc quảng bá.")                                                            \
	X(FRAGMENT_TINY, "fragment-tiny", PARSE, DROP, "D3", "The first fragment lacks the transport header.",         \
		"Mảnh đầu thiếu phần đầu giao vận.")                                                                   \
	X(FRAGMENT_OFFSET_ONE, "fragment-offset-one", PARSE, DROP, "D4", "A TCP fragment at offset 8 bytes.",          \
		"Mảnh TCP ở vị trí 8 byte.")                                                                           \
	X(FRAGMENT_OVERSIZE, "fragment-oversize", PARSE, DROP, "B15", "The fragment ends past 65,535 bytes.",          \
		"Mảnh kết thúc sau byte 65.535.")                                                                      \
	X(FRAGMENT_ATOMIC, "fragment-atomic", PARSE, DROP, "E4", "A fragment header on a whole packet.",               \
		"Phần đầu phân mảnh trên gói nguyên vẹn.")                                                             \
	X(FRAGMENT_SIZE, "fragment-size", PARSE, DROP, "D5",                                                           \
		"A middle fragment that is empty or not a multiple of 8 bytes, as overlaps need.",                     \
		"Mảnh giữa rỗng hoặc không là bội của 8 byte, như kiểu chồng lấn cần.")                                \
	X(IPV6_CHAIN, "ipv6-chain", PARSE, DROP, "E1", "The IPv6 header chain is too long or cut short.",              \
		"Chuỗi phần đầu IPv6 quá dài hoặc bị cắt.")                                                            \
	X(IPV6_HOPBYHOP, "ipv6-hopbyhop", PARSE, DROP, "E2", "Hop-by-hop options from outside.",                       \
		"Tùy chọn từng chặng IPv6 từ bên ngoài.")                                                              \
	X(IPV6_ROUTING, "ipv6-routing", PARSE, DROP, "E3", "An IPv6 routing header of type 0.",                        \
		"Phần đầu định tuyến IPv6 loại 0.")                                                                    \
	X(TCP_HEADER, "tcp-header", PARSE, DROP, "A10", "The TCP header is cut short or its offset is wrong.",         \
		"Phần đầu TCP bị cắt hoặc sai độ dài.")                                                                \
	X(TCP_FLAGS, "tcp-flags", PARSE, DROP, "A9", "TCP flags that cannot stand together.",                          \
		"Các cờ TCP không thể đi cùng nhau.")                                                                  \
	X(PORT_ZERO, "port-zero", PARSE, DROP, "A10", "Port zero.", "Cổng số không.")                                  \
	X(UDP_LENGTH, "udp-length", PARSE, DROP, "B3", "The UDP length does not fit the datagram.",                    \
		"Độ dài UDP không khớp gói.")                                                                          \
	X(ICMP_HEADER, "icmp-header", PARSE, DROP, "B13", "The ICMP header is cut short.", "Phần đầu ICMP bị cắt.")    \
	X(SCTP_HEADER, "sctp-header", PARSE, DROP, "E11", "The SCTP header is cut short.", "Phần đầu SCTP bị cắt.")    \
	X(GRE_HEADER, "gre-header", PARSE, DROP, "E8", "The GRE header is cut short.", "Phần đầu GRE bị cắt.")         \
	X(BOGON, "bogon", BOGON, DROP, "D8,H11", "The source is in address space that nobody may use.",                \
		"Nguồn thuộc vùng địa chỉ không ai được dùng.")                                                        \
	X(OWN_SOURCE, "own-source", BOGON, DROP, "D9", "A protected address as source, coming from outside.",          \
		"Địa chỉ được bảo vệ làm nguồn nhưng đến từ ngoài.")                                                   \
	X(BROADCAST, "broadcast", BOGON, DROP, "B16", "To the network or broadcast address of a protected prefix.",    \
		"Đến địa chỉ mạng hoặc quảng bá của dải được bảo vệ.")                                                 \
	X(LISTED, "listed", LIST, DROP, "H10", "A decision or a list names the source.",                               \
		"Nguồn nằm trong quyết định hoặc danh sách chặn.")                                                     \
	X(PROTOCOL, "protocol", POLICY, DROP, "D11,E8,E9,E10,E11", "The tenant does not use this IP protocol.",        \
		"Tổ chức không dùng giao thức IP này.")                                                                \
	X(IP_OPTIONS, "ip-options", POLICY, DROP, "D7", "IPv4 options that the tenant does not allow.",                \
		"Tùy chọn IPv4 mà tổ chức không cho phép.")                                                            \
	X(PORT, "port", POLICY, DROP, "B1,H9", "Nobody inside offers this port.", "Bên trong không ai mở cổng này.")   \
	X(LOOP_PORTS, "loop-ports", POLICY, DROP, "B18", "Two services that would answer each other for ever.",        \
		"Hai dịch vụ sẽ trả lời nhau mãi không dứt.")                                                          \
	X(UDP_EMPTY, "udp-empty", POLICY, DROP, "B3", "An empty datagram.", "Gói UDP rỗng.")                           \
	X(UDP_CHECKSUM, "udp-checksum", POLICY, DROP, "B4", "UDP over IPv6 without a checksum.",                       \
		"UDP trên IPv6 không có tổng kiểm.")                                                                   \
	X(SYN_DATA, "syn-data", POLICY, DROP, "A3", "A SYN with data and no Fast Open.",                               \
		"SYN mang dữ liệu mà không có Fast Open.")                                                             \
	X(SYN_FAST_OPEN, "syn-fast-open", POLICY, DROP, "A17", "Fast Open while the tenant is under SYN attack.",      \
		"Fast Open khi tổ chức đang bị tấn công SYN.")                                                         \
	X(SYN_MSS, "syn-mss", POLICY, DROP, "A14", "A SYN with an absurdly small segment size.",                       \
		"SYN có kích thước đoạn nhỏ vô lý.")                                                                   \
	X(OUT_OF_STATE, "out-of-state", POLICY, DROP, "A4,A5,C52",                                                     \
		"A TCP answer to a question that nobody inside asked.",                                                \
		"Câu trả lời TCP cho câu hỏi không ai bên trong đặt ra.")                                              \
	X(ICMP_TYPE, "icmp-type", POLICY, DROP, "B17,E6", "An ICMP type that has no business coming from outside.",    \
		"Loại ICMP không có lý do đến từ bên ngoài.")                                                          \
	X(ICMP_FOREIGN, "icmp-foreign", POLICY, DROP, "B14",                                                           \
		"An ICMP error about a packet that was never sent from here.",                                         \
		"Lỗi ICMP về gói tin chưa hề gửi từ đây.")                                                             \
	X(TUNNEL_LOOP, "tunnel-loop", POLICY, DROP, "E12",                                                             \
		"A tunnel that carries a protected address as inner source.",                                          \
		"Đường hầm mang địa chỉ được bảo vệ làm nguồn bên trong.")                                             \
	X(QUIC_INITIAL, "quic-initial", POLICY, DROP, "B9", "A QUIC Initial below 1,200 bytes.",                       \
		"QUIC Initial dưới 1.200 byte.")                                                                       \
	X(PAYLOAD, "payload", POLICY, DROP, "B2", "The payload is not what this port speaks.",                         \
		"Nội dung không phải giao thức của cổng này.")                                                         \
	X(SIGNATURE, "signature", SIGNATURE, DROP, "C51,F4", "A signature of the flood that is going on.",             \
		"Trùng dấu hiệu của đợt tấn công đang diễn ra.")                                                       \
	X(FRAGMENT_FOLLOWS, "fragment-follows", FRAGMENT, DROP, "D2", "The first fragment was dropped.",               \
		"Mảnh đầu đã bị chặn.")                                                                                \
	X(FRAGMENT_UNKNOWN, "fragment-unknown", FRAGMENT, DROP, "D1",                                                  \
		"Under attack, and the first fragment was never seen.",                                                \
		"Đang bị tấn công và chưa từng thấy mảnh đầu.")                                                        \
	X(LIMIT_SOURCE, "limit-source", LIMIT, DROP, "B,F5", "The source is over its rate.",                           \
		"Nguồn vượt tốc độ cho phép.")                                                                         \
	X(LIMIT_SOURCE_SYN, "limit-source-syn", LIMIT, DROP, "A2,A12,H7",                                              \
		"The source opens connections faster than allowed.", "Nguồn mở kết nối nhanh hơn mức cho phép.")       \
	X(LIMIT_PREFIX, "limit-prefix", LIMIT, DROP, "F5,E7", "The source's /24 or /64 is over its rate.",             \
		"Dải /24 hoặc /64 của nguồn vượt tốc độ.")                                                             \
	X(LIMIT_PREFIX56, "limit-prefix56", LIMIT, DROP, "E7", "The source's /56 is over its rate.",                   \
		"Dải /56 của nguồn vượt tốc độ.")                                                                      \
	X(LIMIT_PREFIX48, "limit-prefix48", LIMIT, DROP, "E7", "The source's /48 is over its rate.",                   \
		"Dải /48 của nguồn vượt tốc độ.")                                                                      \
	X(LIMIT_TOTAL, "limit-total", LIMIT, DROP, "B", "The tenant's total rate.", "Vượt tổng tốc độ của tổ chức.")   \
	X(LIMIT_SYN, "limit-syn", LIMIT, DROP, "A1", "The tenant's rate of new connections.",                          \
		"Vượt tốc độ kết nối mới của tổ chức.")                                                                \
	X(LIMIT_TCP, "limit-tcp", LIMIT, DROP, "A6,A7,A8", "The tenant's TCP rate.", "Vượt tốc độ TCP của tổ chức.")   \
	X(LIMIT_UDP, "limit-udp", LIMIT, DROP, "B1,B2", "The tenant's UDP rate.", "Vượt tốc độ UDP của tổ chức.")      \
	X(LIMIT_ICMP, "limit-icmp", LIMIT, DROP, "B13", "The tenant's ICMP rate.", "Vượt tốc độ ICMP của tổ chức.")    \
	X(LIMIT_FRAGMENT, "limit-fragment", LIMIT, DROP, "D1,D5", "The tenant's fragment rate.",                       \
		"Vượt tốc độ phân mảnh của tổ chức.")                                                                  \
	X(LIMIT_REPLY, "limit-reply", LIMIT, DROP, "C", "The tenant's rate of replies from opened services.",          \
		"Vượt tốc độ câu trả lời từ dịch vụ đã mở.")                                                           \
	X(LIMIT_OTHER, "limit-other", LIMIT, DROP, "B10,E9", "The tenant's rate of everything else.",                  \
		"Vượt tốc độ của các loại còn lại.")                                                                   \
	X(LIMIT_DESTINATION, "limit-destination", LIMIT, DROP, "E5",                                                   \
		"New destinations inside a protected /64 faster than anybody needs.",                                  \
		"Địa chỉ đích mới trong dải /64 được bảo vệ nhiều bất thường.")                                        \
	X(TABLE_FULL, "table-full", LIMIT, DROP, "F8", "The tenant's source table is full and fails closed.",          \
		"Bảng nguồn của tổ chức đã đầy và được đặt đóng khi đầy.")                                             \
	X(CHALLENGED, "challenged", CHALLENGE, ANSWER, "A1,A15", "A new source must prove that it is there.",          \
		"Nguồn mới phải chứng minh mình có thật.")                                                             \
	X(CHALLENGE_BUDGET, "challenge-budget", CHALLENGE, DROP, "F10",                                                \
		"Too many challenges to this source prefix or in total.",                                              \
		"Quá nhiều thử thách gửi tới dải nguồn này hoặc tổng cộng.")                                           \
	X(PROVEN, "proven", CHALLENGE, DROP, "A1", "A right answer to a challenge: taken in, the source is proven.",   \
		"Trả lời đúng thử thách: ghi nhận nguồn có thật.")                                                     \
	X(CHALLENGE_WRONG, "challenge-wrong", CHALLENGE, DROP, "A16", "A wrong answer to a challenge.",                \
		"Trả lời sai thử thách.")                                                                              \
	X(UNPROVEN, "unproven", CHALLENGE, DROP, "A6,A7,A8,A15",                                                       \
		"Under attack: neither the source is proven nor the connection known.",                                \
		"Đang bị tấn công: nguồn chưa chứng minh và kết nối không quen.")

enum shield_reason {
#define X(id, name, step, verdict, vectors, en, vi) SHIELD_REASON_##id,
	SHIELD_PLAIN_REASONS(X)
#undef X
#define X(id, ...) SHIELD_REASON_REFLECT_##id,
		SHIELD_REFLECT_ROWS(X)
#undef X
			SHIELD_REASON_COUNT
};

enum {
	SHIELD_REASON_REFLECT_FIRST = SHIELD_REASON_REFLECT_ECHO,
	SHIELD_REASON_SLOTS = 160, /* counters a tenant; room to grow without a new layout */
};
_Static_assert((int)SHIELD_REASON_COUNT <= (int)SHIELD_REASON_SLOTS, "raise SHIELD_REASON_SLOTS");
