// SPDX-License-Identifier: Apache-2.0
/* Handshake messages (RFC 8446, section 4; RFC 5246, section 7.4). */
#include "base/cursor.h"
#include "sensor/app/tls/tls.h"
#include "sensor/detect/detect.h"
#include "sensor/worker/worker.h"

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, SERVER_HELLO_DONE = 14, CLIENT_KEY_EXCHANGE = 16 };

static bool is_on(enum tls_switch wanted, bool asked)
{
	return wanted == TLS_SWITCH_YES || (wanted == TLS_SWITCH_AUTO && asked);
}

static void sni_events(struct app_conn *conn, struct tls_tx *tx, uint8_t trouble)
{
	if (trouble & TLS_SNI_MULTIPLE)
		app_tx_event(conn, &tx->tx, TLS_EVENT_MULTIPLE_SNI_EXTENSIONS);
	if (trouble & TLS_SNI_BAD_TYPE)
		app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_SNI_TYPE);
	if (trouble & TLS_SNI_BAD_LENGTH)
		app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_SNI_LENGTH);
}

static bool client_hello(struct app_conn *conn, const struct tls_config *config, struct tls_tx *tx, struct bytes body)
{
	const struct detect_engine *engine = conn->worker->engine;
	const struct detect_needs *needs = engine ? detect_engine_needs(engine) : NULL;
	struct tls_side *side = &tx->side[TO_SERVER];
	bool done = true;

	if (side->hello_seen)
		return true;
	body = app_tx_dup(&tx->tx, body);
	if (!body.ptr)
		return false;
	if (!tls_client_hello_read(body, &side->hello))
		app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
	sni_events(conn, tx, side->hello.sni_trouble);
	side->hello_seen = true;
	side->version = side->hello.version;
	if (is_on(config->ja3, needs && needs->ja3))
		done = tls_ja3(&side->hello, &tx->tx.arena, &side->ja3_text, &side->ja3_hash);
	if (is_on(config->ja4, needs && needs->ja4))
		tls_ja4(&side->hello, 't', side->ja4);
	app_tx_recount(&tx->tx);
	app_tx_progress(conn, &tx->tx, TO_SERVER, TLS_CLIENT_HELLO_DONE);
	app_raw_trigger(conn, TO_SERVER);
	return done;
}

static bool server_hello(struct app_conn *conn, const struct tls_config *config, struct tls_tx *tx, struct bytes body)
{
	const struct detect_engine *engine = conn->worker->engine;
	const struct detect_needs *needs = engine ? detect_engine_needs(engine) : NULL;
	struct tls_side *side = &tx->side[TO_CLIENT], *client = &tx->side[TO_SERVER];
	bool done = true;

	if (side->hello_seen)
		return true;
	body = app_tx_dup(&tx->tx, body);
	if (!body.ptr)
		return false;
	if (!tls_server_hello_read(body, &side->hello))
		app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
	side->hello_seen = true;
	side->version = side->hello.version;
	if (client->hello.session_id.size != 0 && bytes_equal(client->hello.session_id, side->hello.session_id))
		tx->resumed = true;
	if (is_on(config->ja3, needs && needs->ja3))
		done = tls_ja3s(&side->hello, &tx->tx.arena, &side->ja3_text, &side->ja3_hash);
	app_tx_recount(&tx->tx);
	app_tx_progress(conn, &tx->tx, TO_CLIENT, TLS_SERVER_HELLO);
	app_raw_trigger(conn, TO_CLIENT);
	return done;
}

/* ---- Certificates ---- */

static void certificate_event(struct app_conn *conn, struct tls_tx *tx, enum tls_certificate_status status)
{
	static const uint8_t events[] = {
		[TLS_CERT_BAD_DER] = TLS_EVENT_CERTIFICATE_INVALID_DER,
		[TLS_CERT_BAD_VERSION] = TLS_EVENT_CERTIFICATE_INVALID_VERSION,
		[TLS_CERT_BAD_SERIAL] = TLS_EVENT_CERTIFICATE_INVALID_SERIAL,
		[TLS_CERT_BAD_ALGORITHM] = TLS_EVENT_CERTIFICATE_INVALID_ALGORITHMIDENTIFIER,
		[TLS_CERT_BAD_NAME] = TLS_EVENT_CERTIFICATE_INVALID_X509NAME,
		[TLS_CERT_BAD_DATE] = TLS_EVENT_CERTIFICATE_INVALID_DATE,
		[TLS_CERT_BAD_EXTENSIONS] = TLS_EVENT_CERTIFICATE_INVALID_EXTENSIONS,
	};

	if (status <= TLS_CERT_NO_MEMORY)
		return;
	app_tx_event(conn, &tx->tx, events[status]);
	app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_CERTIFICATE);
}

static bool size24(struct cursor *cur, struct bytes *ret)
{
	uint8_t high;
	uint16_t low;

	return cursor_u8(cur, &high) && cursor_u16be(cur, &low) && cursor_take(cur, (size_t)high << 16 | low, ret);
}

static bool certificates(struct app_conn *conn, struct tls_tx *tx, enum sensor_dir dir, struct bytes body)
{
	struct tls_side *side = &tx->side[dir];
	struct bytes list, der;
	struct cursor cur;

	if (side->chain_count != 0)
		return true;
	body = app_tx_dup(&tx->tx, body);
	if (!body.ptr)
		return false;
	cur = cursor_over(body);
	if (!size24(&cur, &list)) {
		app_tx_event(conn, &tx->tx, TLS_EVENT_CERTIFICATE_INVALID_LENGTH);
		return true;
	}
	cur = cursor_over(list);
	while (side->chain_count < TLS_CHAIN_MAX && cursor_left(&cur) != 0) {
		if (!size24(&cur, &der)) {
			app_tx_event(conn, &tx->tx, TLS_EVENT_CERTIFICATE_INVALID_LENGTH);
			break;
		}
		side->chain[side->chain_count++] = der;
	}
	if (side->chain_count != 0) {
		enum tls_certificate_status status =
			tls_certificate_read(side->chain[0], &tx->tx.arena, &side->certificate);

		side->has_certificate = true;
		certificate_event(conn, tx, status);
		app_tx_recount(&tx->tx);
	}
	app_tx_progress(conn, &tx->tx, dir, dir == TO_SERVER ? TLS_CLIENT_CERT_DONE : TLS_SERVER_CERT_DONE);
	return true;
}

bool tls_handshake_message(struct app_conn *conn, const struct tls_config *config, struct tls_tx *tx,
	enum sensor_dir dir, uint8_t type, struct bytes body)
{
	switch (type) {
	case CLIENT_HELLO:
		if (dir == TO_SERVER)
			return client_hello(conn, config, tx, body);
		break;
	case SERVER_HELLO:
		if (dir == TO_CLIENT)
			return server_hello(conn, config, tx, body);
		break;
	case CERTIFICATE:
		return certificates(conn, tx, dir, body);
	case SERVER_HELLO_DONE:
		if (dir == TO_CLIENT)
			app_tx_progress(conn, &tx->tx, TO_CLIENT, TLS_SERVER_HELLO_DONE);
		return true;
	case CLIENT_KEY_EXCHANGE:
		tx->side[dir].key_exchange_seen = true;
		return true;
	default:
		/* The registry of RFC 8446, section 4, and its predecessors end at 67; 254 is the hash of messages. */
		if (type <= 67 || type == 254)
			return true;
		break;
	}
	app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
	return true;
}
