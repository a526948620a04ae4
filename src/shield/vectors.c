// SPDX-License-Identifier: Apache-2.0
/* The rows of the attack catalogue. See vectors.h. */
#include "shield/vectors.h"

#include <string.h>

#include "base/compiler.h"
#include "shield/emulate.h"

#define ROW(id, kind, en, vi, where)                                                                                   \
	{                                                                                                              \
		id, SHIELD_ANSWER_##kind, { en, vi }, where                                                            \
	}

static const struct shield_vector vectors[] = {
	/* A: TCP floods */
	ROW("A1", CHALLENGE, "SYN flood from forged sources", "Tràn ngập SYN từ nguồn giả mạo", ""),
	ROW("A2", LIMIT, "SYN flood from real sources", "Tràn ngập SYN từ nguồn thật", ""),
	ROW("A3", DROP, "SYN with data", "SYN mang dữ liệu", "A tenant may allow TCP Fast Open."),
	ROW("A4", DROP, "reflected SYN-ACK flood", "Tràn ngập SYN-ACK phản xạ",
		"Where what leaves is not watched, limited for tenants that have clients."),
	ROW("A5", DROP, "TCP middlebox reflection", "Phản xạ TCP qua thiết bị trung gian", ""),
	ROW("A6", DROP, "ACK flood", "Tràn ngập ACK", "Under attack; else the TCP limit."),
	ROW("A7", DROP, "PSH-ACK flood", "Tràn ngập PSH-ACK", "Under attack; else the TCP limit."),
	ROW("A8", DROP, "RST and FIN flood", "Tràn ngập RST và FIN",
		"Under attack; else the TCP limit. Sequence windows are not followed."),
	ROW("A9", DROP, "impossible TCP flags", "Cờ TCP không thể có", ""),
	ROW("A10", DROP, "bad TCP header", "Phần đầu TCP sai", "TCP checksums are left to the card and the host."),
	ROW("A11", DROP, "land", "Nguồn trùng đích (land)", ""),
	ROW("A12", LIMIT, "connection flood", "Tràn ngập kết nối",
		"New connections are limited; open ones are counted by the gate."),
	ROW("A13", ELSEWHERE, "sockstress, zero window", "Cửa sổ TCP bằng không", "The gate's send timeout."),
	ROW("A14", DROP, "small MSS abuse", "Lạm dụng MSS nhỏ", "Long SACK runs are left to the host."),
	ROW("A15", CHALLENGE, "fake session", "Phiên giả", ""),
	ROW("A16", DROP, "forged proof of a source", "Giả mạo chứng minh nguồn",
		"Keyed cookie, two epochs, wrong answers limited for each source."),
	ROW("A17", DROP, "Fast Open cookie flood", "Tràn ngập cookie Fast Open", "While the tenant is challenged."),

	/* B: UDP and ICMP floods */
	ROW("B1", DROP, "UDP flood to random ports", "Tràn ngập UDP vào cổng ngẫu nhiên", ""),
	ROW("B2", DROP, "UDP flood to an open port", "Tràn ngập UDP vào cổng mở",
		"Payloads of DNS, NTP, QUIC, SIP and Source queries are checked; the rest is limited."),
	ROW("B3", DROP, "bad or empty UDP", "UDP sai độ dài hoặc rỗng", ""),
	ROW("B4", DROP, "UDP without checksum over IPv6", "UDP trên IPv6 không tổng kiểm", ""),
	ROW("B5", LIMIT, "DNS query flood", "Tràn ngập truy vấn DNS",
		"Each source is limited; truncated answers and cookies are the DNS server's."),
	ROW("B6", ELSEWHERE, "DNS water torture", "Tra tấn DNS bằng tên con ngẫu nhiên", "The DNS server."),
	ROW("B7", ELSEWHERE, "DNS laundering", "Rửa truy vấn DNS", "The DNS server."),
	ROW("B8", ELSEWHERE, "costly DNS delegations and keys", "Ủy quyền và khóa DNS tốn kém", "A patched resolver."),
	ROW("B9", DROP, "QUIC Initial flood", "Tràn ngập QUIC Initial",
		"Initials that are too short; Retry is the server's."),
	ROW("B10", LIMIT, "QUIC version negotiation flood", "Tràn ngập thương lượng phiên bản QUIC", ""),
	ROW("B11", LIMIT, "SIP flood", "Tràn ngập SIP", "Each source is limited, not each method."),
	ROW("B12", LIMIT, "game query flood", "Tràn ngập truy vấn máy chủ trò chơi",
		"Each source is limited; the challenge form of the query is the game server's."),
	ROW("B13", LIMIT, "ICMP echo flood", "Tràn ngập ICMP echo", ""),
	ROW("B14", DROP, "ICMP error flood", "Tràn ngập lỗi ICMP",
		"Errors about foreign packets; the rest is limited."),
	ROW("B15", DROP, "oversize fragments (ping of death)", "Mảnh quá cỡ (ping of death)", ""),
	ROW("B16", DROP, "smurf and fraggle", "Smurf và fraggle", ""),
	ROW("B17", DROP, "retired ICMP types from outside", "Loại ICMP đã bỏ từ bên ngoài", ""),
	ROW("B18", DROP, "services that answer each other", "Dịch vụ trả lời lẫn nhau", ""),

	/* C: reflection */
	ROW("C1", DROP, "DNS reflection", "Phản xạ DNS", ""),
	ROW("C2", DROP, "NTP monlist and NTP reflection", "Phản xạ NTP monlist", ""),
	ROW("C3", DROP, "NTP control reflection", "Phản xạ NTP điều khiển", ""),
	ROW("C4", DROP, "SSDP reflection", "Phản xạ SSDP", ""),
	ROW("C5", DROP, "CLDAP reflection", "Phản xạ CLDAP", ""),
	ROW("C6", DROP, "memcached reflection", "Phản xạ memcached", ""),
	ROW("C7", DROP, "chargen reflection", "Phản xạ chargen", ""),
	ROW("C8", DROP, "QOTD reflection", "Phản xạ QOTD", ""),
	ROW("C9", DROP, "SNMP reflection", "Phản xạ SNMP", ""),
	ROW("C10", DROP, "portmap reflection", "Phản xạ portmap", ""),
	ROW("C11", DROP, "RIPv1 reflection", "Phản xạ RIPv1", ""),
	ROW("C12", DROP, "multicast DNS reflection", "Phản xạ mDNS", ""),
	ROW("C13", DROP, "NetBIOS name reflection", "Phản xạ NetBIOS", ""),
	ROW("C14", DROP, "TFTP reflection", "Phản xạ TFTP", ""),
	ROW("C15", DROP, "WS-Discovery reflection", "Phản xạ WS-Discovery", ""),
	ROW("C16", DROP, "Apple remote management reflection", "Phản xạ quản trị từ xa Apple", ""),
	ROW("C17", DROP, "CoAP reflection", "Phản xạ CoAP", ""),
	ROW("C18", DROP, "DTLS reflection", "Phản xạ DTLS", ""),
	ROW("C19", DROP, "Plex reflection", "Phản xạ Plex", ""),
	ROW("C20", DROP, "STUN reflection", "Phản xạ STUN", ""),
	ROW("C21", DROP, "SLP reflection", "Phản xạ SLP", ""),
	ROW("C22", DROP, "Mitel TP240 reflection", "Phản xạ Mitel TP240", ""),
	ROW("C23", DROP, "Jenkins discovery reflection", "Phản xạ Jenkins", ""),
	ROW("C24", DROP, "Source engine reflection", "Phản xạ máy chủ Source", ""),
	ROW("C25", DROP, "Quake 3 reflection", "Phản xạ Quake 3", ""),
	ROW("C26", DROP, "BitTorrent DHT reflection", "Phản xạ BitTorrent DHT", ""),
	ROW("C27", DROP, "Kad reflection", "Phản xạ Kad", ""),
	ROW("C28", DROP, "LDAP reflection", "Phản xạ LDAP", "Over TCP as C52."),
	ROW("C29", DROP, "RDP over UDP reflection", "Phản xạ RDP qua UDP", ""),
	ROW("C30", DROP, "MSSQL reflection", "Phản xạ MSSQL", ""),
	ROW("C31", DROP, "Ubiquiti discovery reflection", "Phản xạ Ubiquiti", ""),
	ROW("C32", DROP, "Sentinel licence reflection", "Phản xạ Sentinel", ""),
	ROW("C33", DROP, "DVR discovery reflection", "Phản xạ đầu ghi hình DVR", ""),
	ROW("C34", DROP, "IPMI reflection", "Phản xạ IPMI", ""),
	ROW("C35", DROP, "XDMCP reflection", "Phản xạ XDMCP", ""),
	ROW("C36", DROP, "Citrix reflection", "Phản xạ Citrix", ""),
	ROW("C37", DROP, "VxWorks debug reflection", "Phản xạ VxWorks WDB", ""),
	ROW("C38", DROP, "Lantronix reflection", "Phản xạ Lantronix", ""),
	ROW("C39", DROP, "Crestron reflection", "Phản xạ Crestron", ""),
	ROW("C40", DROP, "BACnet reflection", "Phản xạ BACnet", ""),
	ROW("C41", DROP, "OpenVPN reflection", "Phản xạ OpenVPN", ""),
	ROW("C42", DROP, "IKE reflection", "Phản xạ IKE", ""),
	ROW("C43", DROP, "L2TP reflection", "Phản xạ L2TP", ""),
	ROW("C44", DROP, "SIP reflection", "Phản xạ SIP", ""),
	ROW("C45", DROP, "TeamSpeak reflection", "Phản xạ TeamSpeak", ""),
	ROW("C46", DROP, "RakNet reflection", "Phản xạ RakNet", ""),
	ROW("C47", DROP, "echo, daytime and time reflection", "Phản xạ echo, daytime, time", ""),
	ROW("C48", DROP, "QUIC server reflection", "Phản xạ máy chủ QUIC", ""),
	ROW("C49", DROP, "DNS over QUIC reflection", "Phản xạ DNS qua QUIC", ""),
	ROW("C50", DROP, "GTP reflection", "Phản xạ GTP", ""),
	ROW("C51", DROP, "unknown UDP reflection", "Phản xạ UDP chưa biết", "By a signature learned during the flood."),
	ROW("C52", DROP, "reflection by TCP services", "Phản xạ qua dịch vụ TCP", ""),

	/* D: fragments and malformed IP */
	ROW("D1", LIMIT, "flood of later fragments", "Tràn ngập mảnh sau",
		"Under attack unknown ones are dropped, else limited."),
	ROW("D2", DROP, "tail of a reflected answer", "Phần đuôi câu trả lời phản xạ", ""),
	ROW("D3", DROP, "tiny first fragment", "Mảnh đầu quá nhỏ", ""),
	ROW("D4", DROP, "TCP fragment at offset one", "Mảnh TCP ở vị trí một", ""),
	ROW("D5", DROP, "overlapping fragments", "Mảnh chồng lấn",
		"Impossible middle fragments; other overlaps are limited and left to the host."),
	ROW("D6", DROP, "bad IP header", "Phần đầu IP sai", ""),
	ROW("D7", DROP, "IPv4 options and source routing", "Tùy chọn IPv4 và định tuyến nguồn", ""),
	ROW("D8", DROP, "bogon source", "Nguồn bogon", "The ranges are a list, not code."),
	ROW("D9", DROP, "own address as source", "Địa chỉ của mình làm nguồn", ""),
	ROW("D10", DROP, "multicast or broadcast source", "Nguồn đa hướng hoặc quảng bá",
		"Such destinations belong to no tenant."),
	ROW("D11", DROP, "protocol not in use", "Giao thức không dùng", ""),
	ROW("D12", DROP, "stacked VLAN tags and MPLS labels", "Chồng thẻ VLAN và nhãn MPLS", ""),

	/* E: IPv6 and tunnels */
	ROW("E1", DROP, "long IPv6 header chain", "Chuỗi phần đầu IPv6 dài", ""),
	ROW("E2", DROP, "hop-by-hop options", "Tùy chọn từng chặng", ""),
	ROW("E3", DROP, "routing header type 0", "Phần đầu định tuyến loại 0", ""),
	ROW("E4", DROP, "atomic fragments", "Mảnh nguyên tử", ""),
	ROW("E5", LIMIT, "neighbour discovery exhaustion", "Làm cạn bảng láng giềng", "Under attack."),
	ROW("E6", DROP, "ICMPv6 abuse", "Lạm dụng ICMPv6", ""),
	ROW("E7", LIMIT, "source rotation inside a prefix", "Xoay nguồn trong một dải", ""),
	ROW("E8", DROP, "GRE flood", "Tràn ngập GRE", ""),
	ROW("E9", DROP, "ESP and AH flood", "Tràn ngập ESP và AH", "Limited for tenants that use them."),
	ROW("E10", DROP, "plain tunnels", "Đường hầm không mã hóa", ""),
	ROW("E11", DROP, "SCTP flood", "Tràn ngập SCTP", ""),
	ROW("E12", DROP, "tunnel loops", "Vòng lặp đường hầm", "IPv4 inside GRE and IPIP."),

	/* F: shapes */
	ROW("F1", DETECT, "carpet bombing", "Rải thảm cả dải",
		"Counters of the host, the /24, the tenant and the edge."),
	ROW("F2", DETECT, "pulse wave", "Tấn công từng nhịp", "Mitigations stay warm."),
	ROW("F3", DETECT, "hit and run", "Đánh nhanh rút nhanh", ""),
	ROW("F4", DROP, "several vectors at once", "Nhiều kiểu cùng lúc", "Up to eight signatures a tenant."),
	ROW("F5", LIMIT, "low and wide", "Ít nhưng rộng", "Prefix limits; the challenge; learned signatures."),
	ROW("F6", DETECT, "probing before the attack", "Thăm dò trước tấn công", ""),
	ROW("F7", DETECT, "flash crowd", "Lượng người dùng tăng đột biến", "Recognised, and left alone."),
	ROW("F8", DROP, "exhaustion of the defender's state", "Làm cạn trạng thái của bên phòng thủ",
		"Fixed tables with eviction; a tenant may choose to fail closed."),
	ROW("F9", DESIGN, "forged sources on block lists", "Nguồn giả bị đưa vào danh sách chặn",
		"No packet writes a decision: only lists and people do."),
	ROW("F10", LIMIT, "reflection through the defender", "Phản xạ qua chính bên phòng thủ",
		"The answer is never larger than the packet."),
	ROW("F11", DESIGN, "many tenants at once", "Nhiều tổ chức cùng lúc",
		"Each tenant has its share of each table."),

	/* G: application layer */
	ROW("G1", ELSEWHERE, "HTTP request flood", "Tràn ngập yêu cầu HTTP", "The gate."),
	ROW("G2", ELSEWHERE, "slowloris", "Slowloris", "The gate."),
	ROW("G3", ELSEWHERE, "slow POST", "POST chậm", "The gate."),
	ROW("G4", ELSEWHERE, "slow read", "Đọc chậm", "The gate."),
	ROW("G5", ELSEWHERE, "HTTP/2 rapid reset", "HTTP/2 rapid reset", "The gate."),
	ROW("G6", ELSEWHERE, "HTTP/2 CONTINUATION flood", "Tràn ngập HTTP/2 CONTINUATION", "The gate."),
	ROW("G7", ELSEWHERE, "HTTP/2 MadeYouReset", "HTTP/2 MadeYouReset", "The gate."),
	ROW("G8", ELSEWHERE, "HTTP/2 control frame floods", "Tràn ngập khung điều khiển HTTP/2", "The gate."),
	ROW("G9", ELSEWHERE, "header compression bombs", "Bom nén phần đầu", "The gate."),
	ROW("G10", ELSEWHERE, "TLS handshake flood", "Tràn ngập bắt tay TLS",
		"The gate; the shield limits new connections."),
	ROW("G11", ELSEWHERE, "partial ClientHello", "ClientHello dở dang", "The gate."),
	ROW("G12", ELSEWHERE, "WebSocket and gRPC floods", "Tràn ngập WebSocket và gRPC", "The gate."),
	ROW("G13", ELSEWHERE, "expanding bodies", "Nội dung tự phình", "The gate."),
	ROW("G14", ELSEWHERE, "costly paths", "Đường dẫn tốn kém", "The gate."),
	ROW("G15", ELSEWHERE, "DNS at the application", "DNS ở tầng ứng dụng", "The DNS server; see B5 to B8."),
	ROW("G16", ELSEWHERE, "mail command floods", "Tràn ngập lệnh thư điện tử",
		"The mail server; the shield limits new connections."),

	/* H: scans and abuse */
	ROW("H1", ELSEWHERE, "horizontal scan", "Quét ngang", "The sensor; closed ports are dropped and counted here."),
	ROW("H2", ELSEWHERE, "vertical scan", "Quét dọc", "The sensor; closed ports are dropped and counted here."),
	ROW("H3", ELSEWHERE, "slow scan", "Quét chậm", "The sensor."),
	ROW("H4", ELSEWHERE, "distributed scan", "Quét phân tán", "The sensor."),
	ROW("H5", ELSEWHERE, "stateless scanners", "Máy quét không trạng thái", "The sensor."),
	ROW("H6", DESIGN, "idle and decoy scans", "Quét ẩn và mồi nhử", "As F9."),
	ROW("H7", LIMIT, "brute force over many connections", "Dò mật khẩu qua nhiều kết nối", ""),
	ROW("H8", ELSEWHERE, "password spraying", "Rải mật khẩu", "The gate."),
	ROW("H9", DROP, "a tenant's open reflector", "Máy phản xạ mở trong tổ chức",
		"Requests to ports that are not open."),
	ROW("H10", DROP, "known bad sources", "Nguồn xấu đã biết", ""),
	ROW("H11", DROP, "unrouted sources", "Nguồn không được định tuyến", "A bogon list."),
	ROW("H12", DETECT, "attack from inside", "Tấn công từ bên trong",
		"What leaves is counted for tenants with `direction: both`."),
};

static const struct {
	const char *name, *text;
} answers[] = {
#define X(id, name, en) { name, en },
	SHIELD_ANSWERS(X)
#undef X
};

const struct shield_vector *shield_vector_at(size_t index)
{
	return index < ARRAY_COUNT(vectors) ? &vectors[index] : NULL;
}

const struct shield_vector *shield_vector_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
		if (!strcmp(vectors[i].id, id))
			return &vectors[i];
	return NULL;
}

const char *shield_answer_name(enum shield_answer_kind answer)
{
	return (unsigned int)answer < SHIELD_ANSWER_COUNT ? answers[answer].name : NULL;
}

const char *shield_answer_text(enum shield_answer_kind answer)
{
	return (unsigned int)answer < SHIELD_ANSWER_COUNT ? answers[answer].text : NULL;
}

bool shield_vector_has_verdict(const struct shield_vector *vector)
{
	return vector->answer == SHIELD_ANSWER_DROP || vector->answer == SHIELD_ANSWER_LIMIT ||
	       vector->answer == SHIELD_ANSWER_CHALLENGE;
}

bool shield_vector_named(const char *ids, const char *id)
{
	size_t length = strlen(id);

	for (const char *at = ids; *at; at += *at == ',') {
		size_t word = strcspn(at, ",");

		if (word == length && !strncmp(at, id, length))
			return true;
		at += word;
	}
	return false;
}

/* Is the vector named by itself, and not only as one of its group? */
static bool has_own_reason(const struct shield_vector *vector)
{
	for (size_t i = 0; i < SHIELD_REASON_COUNT; i++)
		if (shield_vector_named(shield_reason_vectors((enum shield_reason)i), vector->id))
			return true;
	return false;
}

enum shield_reason shield_vector_reason(const struct shield_vector *vector, size_t *at)
{
	const char group[2] = { vector->id[0], 0 };
	bool own = has_own_reason(vector);

	while ((own || shield_vector_has_verdict(vector)) && *at < SHIELD_REASON_COUNT) {
		enum shield_reason reason = (enum shield_reason)(*at)++;

		if (shield_vector_named(shield_reason_vectors(reason), own ? vector->id : group))
			return reason;
	}
	return SHIELD_REASON_NONE;
}
