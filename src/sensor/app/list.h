// SPDX-License-Identifier: Apache-2.0
/* The visible list of application protocols: one line each, X(identifier), where app/<folder>/ defines
 * `const struct app_protocol app_protocol_<identifier>`. Order is that of detection when several would match. */
#pragma once

#define APP_PROTOCOLS(X)                                                                                               \
	X(dns)                                                                                                         \
	X(pop3)                                                                                                        \
	X(ftp)                                                                                                         \
	X(ftp_data)                                                                                                    \
	X(smb)                                                                                                         \
	X(dcerpc)                                                                                                      \
	X(smtp)                                                                                                        \
	X(imap)                                                                                                        \
	X(telnet)                                                                                                      \
	X(ntp)                                                                                                         \
	X(tftp)                                                                                                        \
	X(dhcp)                                                                                                        \
	X(snmp)                                                                                                        \
	X(sip)                                                                                                         \
	X(http2)                                                                                                       \
	X(doh2)                                                                                                        \
	X(http)                                                                                                        \
	X(tls)                                                                                                         \
	X(ssh)                                                                                                         \
	X(quic)                                                                                                        \
	X(mqtt)                                                                                                        \
	X(ldap)                                                                                                        \
	X(rfb)                                                                                                         \
	X(krb5)                                                                                                        \
	X(websocket)                                                                                                   \
	X(pgsql)                                                                                                       \
	X(ike)                                                                                                         \
	X(rdp)                                                                                                         \
	X(dnp3)                                                                                                        \
	X(modbus)                                                                                                      \
	X(nfs)                                                                                                         \
	X(bittorrent_dht)                                                                                              \
	X(enip)
