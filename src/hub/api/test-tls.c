// SPDX-License-Identifier: Apache-2.0
/* TLS inside the server, with client certificates as edges have them: what is signed by the authority is known by serial,
 * name and fingerprint; no certificate, one that somebody else signed, and one whose time is over are not. */
#include "hub/api/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "hub/api/notes/notes.h"

struct identity {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t key_pem, crt_pem;
};

static void make(struct identity *identity, const char *name, uint8_t serial, const struct identity *signer, int age_s,
	int life_s)
{
	time_t now = time(NULL);

	gnutls_x509_privkey_init(&identity->key);
	assert_int_equal(gnutls_x509_privkey_generate(
				 identity->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_init(&identity->crt);
	gnutls_x509_crt_set_version(identity->crt, 3);
	gnutls_x509_crt_set_serial(identity->crt, &serial, 1);
	gnutls_x509_crt_set_key(identity->crt, identity->key);
	gnutls_x509_crt_set_dn_by_oid(identity->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned int)strlen(name));
	gnutls_x509_crt_set_activation_time(identity->crt, now - age_s);
	gnutls_x509_crt_set_expiration_time(identity->crt, now - age_s + life_s);
	gnutls_x509_crt_set_basic_constraints(identity->crt, signer == identity, -1);
	if (signer == identity)
		gnutls_x509_crt_set_key_usage(identity->crt, GNUTLS_KEY_KEY_CERT_SIGN);
	assert_int_equal(gnutls_x509_crt_sign2(identity->crt, signer->crt, signer->key, GNUTLS_DIG_SHA256, 0), 0);
	gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &identity->key_pem);
	gnutls_x509_crt_export2(identity->crt, GNUTLS_X509_FMT_PEM, &identity->crt_pem);
}

static void done(struct identity *identity)
{
	gnutls_x509_privkey_deinit(identity->key);
	gnutls_x509_crt_deinit(identity->crt);
	gnutls_free(identity->key_pem.data);
	gnutls_free(identity->crt_pem.data);
}

/* What the server learned of the last caller. */
static struct api_certificate seen;

static int authenticate(void *context, void *worker, const struct api_request *request, struct api_caller *ret)
{
	seen = request->certificate;
	if (!seen.present)
		return LUYTRE_E_NOT_FOUND;
	ret->id = 1;
	snprintf(ret->name, sizeof(ret->name), "%.63s", seen.name);
	return 0;
}

static int dial(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Asks who it is, 'count' times on one connection; the status of the last answer, 0 when there was none. */
static int ask(
	uint16_t port, const struct identity *ca, const struct identity *client, const char *priorities, int count)
{
	/* What only a proxy may say is always there, and never counts. */
	static const char text[] = "GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Client-Verify: SUCCESS\r\n"
				   "X-Client-Serial: 2a\r\nX-Client-Subject: CN=edge-17\r\n\r\n";
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_crt_t trusted = ca->crt;
	gnutls_session_t session;
	char answer[4096] = "";
	int fd = dial(port), status = 0;

	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_certificate_set_x509_trust(credentials, &trusted, 1);
	if (client)
		gnutls_certificate_set_x509_key_mem(
			credentials, &client->crt_pem, &client->key_pem, GNUTLS_X509_FMT_PEM);
	gnutls_init(&session, GNUTLS_CLIENT);
	gnutls_priority_set_direct(session, priorities, NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_session_set_verify_cert(session, NULL, 0);
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, 10000);
	gnutls_record_set_timeout(session, 10000);
	if (gnutls_handshake(session) == 0) {
		for (int i = 0; i < count; i++) {
			ssize_t size = -1;

			if (gnutls_record_send(session, text, strlen(text)) > 0)
				size = gnutls_record_recv(session, answer, sizeof(answer) - 1);
			status = size > 12 && strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
		}
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	close(fd);
	return status;
}

static void test_client_certificates(void **state)
{
	static const char modern[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	struct identity ca = { 0 }, hub = { 0 }, edge = { 0 }, forger = { 0 }, forged = { 0 }, old = { 0 };
	struct api_config config = { .admin_fd = -1 };
	struct api_server *server;
	struct notes *notes = NULL;
	uint16_t port;

	make(&ca, "Authority", 1, &ca, 60, 3600);
	make(&hub, "hub", 2, &ca, 60, 3600);
	make(&edge, "edge-17", 0x2a, &ca, 60, 3600);
	make(&forger, "Authority", 1, &forger, 60, 3600);
	make(&forged, "edge-17", 0x2a, &forger, 60, 3600);
	make(&old, "edge-17", 0x2b, &ca, 3600, 60);
	assert_int_equal(notes_new(&stream_settings_default, &notes), 0);
	notes_configure(notes, &config);
	config.auth = (struct api_auth){ .authenticate = authenticate };
	config.tls = (struct api_tls){ (const char *)hub.crt_pem.data, (const char *)hub.key_pem.data,
		(const char *)ca.crt_pem.data };
	assert_int_equal(api_listen_tcp("127.0.0.1", 0, &config.listen_fd, &port), 0);
	assert_int_equal(api_server_new(&config, &server), 0);

	assert_int_equal(ask(port, &ca, &edge, modern, 3), 200);
	assert_string_equal(seen.name, "edge-17");
	assert_string_equal(seen.serial, "2a");
	assert_int_equal(ask(port, &ca, NULL, modern, 1), 401);
	assert_int_not_equal(ask(port, &ca, &forged, modern, 1), 200);
	assert_int_equal(ask(port, &ca, &old, modern, 1), 401);
	assert_int_equal(ask(port, &ca, &edge, "NORMAL:-VERS-ALL:+VERS-TLS1.1:@SECLEVEL=0", 1), 0);
	/* Somebody else's authority is refused by the client. */
	assert_int_equal(ask(port, &forger, &edge, modern, 1), 0);

	api_server_free(server);
	notes_free(notes);
	done(&ca);
	done(&hub);
	done(&edge);
	done(&forger);
	done(&forged);
	done(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_client_certificates) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
