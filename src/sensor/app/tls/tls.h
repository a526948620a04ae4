// SPDX-License-Identifier: Apache-2.0
/* TLS and SSL (RFC 8446, 5246; SSL 2.0 hellos): what the files of this folder share.
 *
 * A connection is one transaction. Texts and messages that rules look at lie in its arena. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/tls/certificate.h"
#include "sensor/app/tls/hello.h"
#include "sensor/rules/keyword.h"

/* Progress of a direction; the names are those of rule hooks ("tls:client_hello_done"). */
enum { TLS_CLIENT_HELLO_DONE = 1, TLS_CLIENT_CERT_DONE, TLS_CLIENT_HANDSHAKE_DONE, TLS_CLIENT_FINISHED };
enum {
	TLS_SERVER_HELLO = 1,
	TLS_SERVER_CERT_DONE,
	TLS_SERVER_HELLO_DONE,
	TLS_SERVER_HANDSHAKE_DONE,
	TLS_SERVER_FINISHED
};

enum { TLS_CHAIN_MAX = 64, TLS_MESSAGE_MAX = 256 * 1024 };

#define TLS_EVENTS(X)                                                                                                  \
	X(INVALID_SSLV2_HEADER, "invalid_sslv2_header")                                                                \
	X(INVALID_TLS_HEADER, "invalid_tls_header")                                                                    \
	X(INVALID_RECORD_VERSION, "invalid_record_version")                                                            \
	X(INVALID_RECORD_TYPE, "invalid_record_type")                                                                  \
	X(INVALID_RECORD_LENGTH, "invalid_record_length")                                                              \
	X(INVALID_HANDSHAKE_MESSAGE, "invalid_handshake_message")                                                      \
	X(HEARTBEAT_MESSAGE, "heartbeat_message")                                                                      \
	X(INVALID_HEARTBEAT_MESSAGE, "invalid_heartbeat_message")                                                      \
	X(OVERFLOW_HEARTBEAT_MESSAGE, "overflow_heartbeat_message")                                                    \
	X(DATALEAK_HEARTBEAT_MISMATCH, "dataleak_heartbeat_mismatch")                                                  \
	X(HANDSHAKE_INVALID_LENGTH, "handshake_invalid_length")                                                        \
	X(MULTIPLE_SNI_EXTENSIONS, "multiple_sni_extensions")                                                          \
	X(INVALID_SNI_TYPE, "invalid_sni_type")                                                                        \
	X(INVALID_SNI_LENGTH, "invalid_sni_length")                                                                    \
	X(TOO_MANY_RECORDS_IN_PACKET, "too_many_records_in_packet")                                                    \
	X(INVALID_ALERT_MESSAGE, "invalid_alert_message")                                                              \
	X(INVALID_CERTIFICATE, "invalid_certificate")                                                                  \
	X(CERTIFICATE_INVALID_LENGTH, "certificate_invalid_length")                                                    \
	X(CERTIFICATE_INVALID_VERSION, "certificate_invalid_version")                                                  \
	X(CERTIFICATE_INVALID_SERIAL, "certificate_invalid_serial")                                                    \
	X(CERTIFICATE_INVALID_ALGORITHMIDENTIFIER, "certificate_invalid_algorithmidentifier")                          \
	X(CERTIFICATE_INVALID_X509NAME, "certificate_invalid_x509name")                                                \
	X(CERTIFICATE_INVALID_DATE, "certificate_invalid_date")                                                        \
	X(CERTIFICATE_INVALID_EXTENSIONS, "certificate_invalid_extensions")                                            \
	X(CERTIFICATE_INVALID_DER, "certificate_invalid_der")                                                          \
	X(CERTIFICATE_INVALID_SUBJECT, "certificate_invalid_subject")                                                  \
	X(CERTIFICATE_INVALID_ISSUER, "certificate_invalid_issuer")                                                    \
	X(CERTIFICATE_INVALID_VALIDITY, "certificate_invalid_validity")                                                \
	X(ERROR_MESSAGE_ENCOUNTERED, "error_message_encountered")                                                      \
	X(INVALID_SSL_RECORD, "invalid_ssl_record")

enum tls_event {
#define X(id, name) TLS_EVENT_##id,
	TLS_EVENTS(X)
#undef X
};

enum tls_switch { TLS_SWITCH_NO, TLS_SWITCH_YES, TLS_SWITCH_AUTO };

struct tls_config {
	enum app_encryption encryption;
	enum tls_switch ja3, ja4;
};

/* What one side said. */
struct tls_side {
	uint16_t version; /* of its hello, before that of its records; 0: nothing seen */
	bool hello_seen, change_cipher_seen, key_exchange_seen;
	struct tls_hello hello; /* views into the transaction's arena */
	struct bytes ja3_text, ja3_hash; /* JA3 of the client, JA3S of the server; empty: off */
	char ja4[TLS_JA4_SIZE + 1]; /* client; empty: off */
	struct bytes chain[TLS_CHAIN_MAX]; /* certificates as DER, that of the side itself first */
	uint32_t chain_count;
	bool has_certificate;
	struct tls_certificate certificate; /* chain[0] */
};

struct tls_tx {
	struct app_tx tx;
	struct tls_side side[SENSOR_DIRS]; /* by direction: TO_SERVER is what the client sent */
	bool resumed; /* session id or ticket was taken up again */
	bool handshake_done;
};

static inline struct tls_tx *tls_of(struct app_tx *tx)
{
	return (struct tls_tx *)tx;
}

/* handshake.c: one whole handshake message. False: no memory. */
bool tls_handshake_message(struct app_conn *conn, const struct tls_config *config, struct tls_tx *tx,
	enum sensor_dir dir, uint8_t type, struct bytes body);

/* log.c */
bool tls_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
const char *tls_version_name(uint16_t version, char buffer[24]);
/* The server's version is 1.3 or a draft of it: certificates are not readable. */
bool tls_is_13(uint16_t version);

/* buffers.c, keywords.c */
extern const struct app_buffer tls_buffers[];
extern const struct app_number tls_numbers[];
extern const struct rule_keyword tls_keywords[];
