// SPDX-License-Identifier: Apache-2.0
#include "hub/api/peer.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "hub/api/exchange.h"

struct peer {
	bool asked;
	struct api_certificate certificate;
};

void peer_notify(
	void *context, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = calloc(1, sizeof(struct peer));
	} else {
		free(*state);
		*state = NULL;
	}
}

static bool read_fields(gnutls_x509_crt_t crt, const gnutls_datum_t *der, struct api_certificate *ret)
{
	uint8_t serial[32];
	size_t serial_size = sizeof(serial), name_size = sizeof(ret->name);

	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) < 0 ||
		gnutls_x509_crt_get_serial(crt, serial, &serial_size) < 0 ||
		gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, ret->name, &name_size) < 0)
		return false;
	sodium_bin2hex(ret->serial, sizeof(ret->serial), serial, serial_size);
	return digest_sha256(bytes_of(der->data, der->size), ret->fingerprint) == 0;
}

/* Good but for its age: somebody has to know, because its owner cannot come back alone. */
static void say_ended(gnutls_x509_crt_t crt, const struct api_certificate *certificate)
{
	time_t end = gnutls_x509_crt_get_expiration_time(crt);
	char text[32] = "";
	struct tm parts;

	if (gmtime_r(&end, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	log_limited(clock_mono_ns(), LOG_LEVEL_WARN,
		"%s is refused: its certificate ended on %s; it has to enrol again", certificate->name, text);
}

static void ask(gnutls_session_t session, struct api_certificate *ret)
{
	const unsigned int too_old = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED;
	unsigned int status = 0, count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	struct api_certificate read = { 0 };
	gnutls_x509_crt_t crt;

	if (!chain || count == 0 || gnutls_certificate_verify_peers2(session, &status) < 0 ||
		(status != 0 && status != too_old))
		return;
	if (gnutls_x509_crt_init(&crt) < 0)
		return;
	read.present = read_fields(crt, &chain[0], &read);
	if (read.present && status == 0)
		*ret = read;
	else if (read.present)
		say_ended(crt, &read);
	gnutls_x509_crt_deinit(crt);
}

void peer_certificate(struct MHD_Connection *connection, const struct api_server *server, struct api_certificate *ret)
{
	const union MHD_ConnectionInfo *context, *info;
	struct peer *peer;

	if (!server->config.tls.client_ca)
		return;
	context = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	peer = context ? context->socket_context : NULL;
	if (!peer)
		return;
	if (!peer->asked) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		peer->asked = true;
		if (info)
			ask(info->tls_session, &peer->certificate);
	}
	if (peer->certificate.present)
		*ret = peer->certificate;
}

/* The common name of a distinguished name as RFC 2253 writes it; escapes are not taken apart, so a name with one is none. */
static bool common_name(const char *subject, char name[128])
{
	const char *found = strncmp(subject, "CN=", 3) == 0 ? subject : strstr(subject, ",CN=");
	struct bytes value;

	if (!found || strchr(subject, '\\') || strchr(subject, '"'))
		return false;
	found += *found == ',' ? 4 : 3;
	value = bytes_of(found, strcspn(found, ",+"));
	return !bytes_empty(value) && bytes_to_str(value, name, 128);
}

void peer_from_proxy(const struct api_headers *headers, struct api_certificate *ret)
{
	struct bytes serial;

	if (!headers->client_verify || strcmp(headers->client_verify, "SUCCESS") != 0 || !headers->client_serial ||
		!headers->client_subject)
		return;
	serial = bytes_from_str(headers->client_serial);
	if (bytes_empty(serial) || strspn(headers->client_serial, "0123456789abcdefABCDEF") != serial.size ||
		!bytes_to_str(serial, ret->serial, sizeof(ret->serial)) ||
		!common_name(headers->client_subject, ret->name))
		return;
	for (char *at = ret->serial; *at; at++)
		*at = (char)(*at >= 'A' && *at <= 'F' ? *at | 0x20 : *at);
	ret->present = true;
}

void peer_send(struct MHD_Connection *connection, struct bytes text)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_session_t session = info ? info->tls_session : NULL;

	if (session) {
		(void)!gnutls_record_send(session, text.ptr, text.size);
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		(void)!send(info->connect_fd, text.ptr, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
}
