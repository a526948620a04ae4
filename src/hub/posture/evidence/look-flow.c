// SPDX-License-Identifier: Apache-2.0
/* Records of flows: what is answered to the world. A connection counts when both sides completed the handshake and the server has sent data: a
 * port that merely accepts, as tarpits and proxies do for all of them, says nothing. Ports are those of the IANA registry and of the products'
 * manuals; where the sensor knows the protocol, that counts, on any port. */
#include <stdlib.h>

#include "base/ascii.h"
#include "hub/posture/evidence/look.h"

enum { TCP_SYN = 0x02, TCP_PSH = 0x08, TCP_ACK = 0x10 };

static const struct {
	uint16_t port; /* 0: by protocol alone */
	const char *app; /* of the sensor; null: by port, when the sensor knows nothing else */
	enum perimeter_rule rule;
	const char *shown;
	bool web; /* speaks HTTP: elsewhere HTTP on this port is some web server */
} services[] = {
	{ 0, "telnet", PERIMETER_TELNET, "Telnet", false },
	{ 0, "rdp", PERIMETER_RDP_OPEN, "RDP", false },
	{ 0, "rfb", PERIMETER_VNC_OPEN, "VNC", false },
	{ 0, "ssh", PERIMETER_SSH_OPEN, "SSH", false },
	{ 0, "smb", PERIMETER_SMB_OPEN, "SMB", false },
	{ 0, "imap", PERIMETER_IMAP_CLEAR, "IMAP", false },
	{ 0, "pgsql", PERIMETER_DATABASE_OPEN, "PostgreSQL", false },
	{ 0, "nfs", PERIMETER_SHARE_OPEN, "NFS", false },
	{ 0, "ldap", PERIMETER_SHARE_OPEN, "LDAP", false },
	{ 0, "dcerpc", PERIMETER_SHARE_OPEN, "DCE/RPC", false },
	{ 0, "modbus", PERIMETER_CONTROL_OPEN, "Modbus", false },
	{ 0, "dnp3", PERIMETER_CONTROL_OPEN, "DNP3", false },
	{ 0, "enip", PERIMETER_CONTROL_OPEN, "EtherNet/IP", false },
	{ 23, NULL, PERIMETER_TELNET, "Telnet", false },
	{ 102, NULL, PERIMETER_CONTROL_OPEN, "S7", false },
	{ 111, NULL, PERIMETER_SHARE_OPEN, "port mapper", false },
	{ 135, NULL, PERIMETER_SHARE_OPEN, "RPC endpoint mapper", false },
	{ 139, NULL, PERIMETER_SMB_OPEN, "NetBIOS session", false },
	{ 389, NULL, PERIMETER_SHARE_OPEN, "LDAP", false },
	{ 445, NULL, PERIMETER_SMB_OPEN, "SMB", false },
	{ 502, NULL, PERIMETER_CONTROL_OPEN, "Modbus", false },
	{ 873, NULL, PERIMETER_SHARE_OPEN, "rsync", false },
	{ 1433, NULL, PERIMETER_DATABASE_OPEN, "SQL Server", false },
	{ 1521, NULL, PERIMETER_DATABASE_OPEN, "Oracle", false },
	{ 2049, NULL, PERIMETER_SHARE_OPEN, "NFS", false },
	{ 2375, NULL, PERIMETER_ADMIN_OPEN, "Docker", true },
	{ 2379, NULL, PERIMETER_DATABASE_OPEN, "etcd", true },
	{ 3306, NULL, PERIMETER_DATABASE_OPEN, "MySQL", false },
	{ 3389, NULL, PERIMETER_RDP_OPEN, "RDP", false },
	{ 5432, NULL, PERIMETER_DATABASE_OPEN, "PostgreSQL", false },
	{ 5900, NULL, PERIMETER_VNC_OPEN, "VNC", false },
	{ 5984, NULL, PERIMETER_DATABASE_OPEN, "CouchDB", true },
	{ 5985, NULL, PERIMETER_WINRM_OPEN, "WinRM", true },
	{ 5986, NULL, PERIMETER_WINRM_OPEN, "WinRM", true },
	{ 6379, NULL, PERIMETER_DATABASE_OPEN, "Redis", false },
	{ 8291, NULL, PERIMETER_ADMIN_OPEN, "Winbox", false },
	{ 9042, NULL, PERIMETER_DATABASE_OPEN, "Cassandra", false },
	{ 9200, NULL, PERIMETER_DATABASE_OPEN, "Elasticsearch", true },
	{ 10250, NULL, PERIMETER_ADMIN_OPEN, "kubelet", true },
	{ 11211, NULL, PERIMETER_DATABASE_OPEN, "memcached", false },
	{ 20000, NULL, PERIMETER_CONTROL_OPEN, "DNP3", false },
	{ 27017, NULL, PERIMETER_DATABASE_OPEN, "MongoDB", false },
	{ 44818, NULL, PERIMETER_CONTROL_OPEN, "EtherNet/IP", false },
};

static unsigned int flags_of(const json_t *tcp, const char *key)
{
	const char *text = json_string_value(json_object_get(tcp, key));

	return text ? (unsigned int)strtoul(text, NULL, 16) : 0;
}

/* The client began it, the server agreed, the client went on, and the server sent data. */
static bool is_answered(const json_t *root)
{
	const json_t *tcp = json_object_get(root, "tcp"), *flow = json_object_get(root, "flow");
	unsigned int client = flags_of(tcp, "tcp_flags_ts"), server = flags_of(tcp, "tcp_flags_tc");
	struct bytes state = look_text(flow, "state");

	return (bytes_equal_str(state, "established") || bytes_equal_str(state, "closed")) &&
	       (client & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) &&
	       (server & (TCP_SYN | TCP_ACK | TCP_PSH)) == (TCP_SYN | TCP_ACK | TCP_PSH) &&
	       !bytes_equal_str(look_text(flow, "action"), "drop");
}

void look_flow(struct look *look)
{
	struct bytes app = look_text(look->root, "app_proto");
	bool known = !bytes_empty(app) && !bytes_equal_str(app, "failed") && !bytes_equal_str(app, "unknown");

	if (!is_answered(look->root))
		return;
	look->answered = true;
	for (size_t i = 0; i < ARRAY_COUNT(services); i++) {
		bool by_port =
			services[i].port == look->port &&
			(!known || bytes_equal_str(app, "tls") || (services[i].web && bytes_equal_str(app, "http")));

		if (!(services[i].app ? bytes_equal_str(app, services[i].app) : by_port))
			continue;
		look_add(look, services[i].rule, "%s answered on TCP port %u", services[i].shown, look->port);
		return;
	}
}
