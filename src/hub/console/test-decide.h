// SPDX-License-Identifier: Apache-2.0
/* For tests of decisions and campaigns: edges that send batches and acknowledge, past the port. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "hub/console/test-kit.h"

static inline int64_t decide_now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

/* A request for a certificate; freed by the caller. */
static inline char *decide_request_pem(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *made = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	assert_true(made && bio && X509_REQ_set_pubkey(made, key) && X509_REQ_sign(made, key, EVP_sha256()) > 0);
	assert_true(PEM_write_bio_X509_REQ(bio, made));
	size = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)size);
	BIO_free(bio);
	X509_REQ_free(made);
	EVP_PKEY_free(key);
	return text;
}

/* An edge that stands before one tenant. */
static inline uint32_t decide_edge(struct kit *kit, const char *name, uint32_t tenant)
{
	const struct audit_origin origin = { .actor = "test", .now_us = decide_now_us() };
	const struct edges_invitation invitation = { .name = name, .bound = { .tenants = &tenant, .tenant_count = 1 } };
	char token[EDGES_TOKEN_SIZE], *pem = decide_request_pem();
	struct edges_enrolled enrolled;
	uint32_t id;

	core_lock(kit->core);
	assert_int_equal(edges_token(core_edges(kit->core), &origin, &invitation, token, &id), 0);
	assert_int_equal(edges_enrol(core_edges(kit->core), &origin, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	core_unlock(kit->core);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

/* One batch with these lines. */
static inline void decide_send(struct kit *kit, uint32_t edge, uint64_t seq, const char *const *lines, size_t count)
{
	struct batch_head head = { .edge = edge, .seq = seq, .made_us = decide_now_us() };
	struct batch_writer *writer;
	struct bytes packed;
	struct core_ack ack;

	snprintf(head.boot, sizeof(head.boot), "%032x", edge);
	assert_int_equal(batch_writer_new(&writer), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(batch_add(writer, bytes_from_str(lines[i])), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(kit->core, edge, packed, decide_now_us(), &ack), 0);
	batch_writer_free(writer);
}

static inline const char *decide_stamp(char text[40])
{
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

/* What a virtual patch (E3) stopped. */
static inline void decide_hold(struct kit *kit, uint32_t edge, uint64_t seq, const char *source, const char *target)
{
	char line[1024], stamp[40];
	const char *const lines[] = { line };

	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"gate\",\"src_ip\":\"%s\",\"src_port\":4711,\"dest_ip\":\"%s\","
		"\"dest_port\":443,\"proto\":\"TCP\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":"
		"false,"
		"\"rule\":8100010,\"hold\":\"CVE-2021-44228\",\"reason\":\"rule\"},"
		"\"rules\":[{\"id\":8100010,\"msg\":\"Log4Shell\"}],\"http\":{\"url\":\"/tim?q=x\"}}",
		decide_stamp(stamp), source, target);
	decide_send(kit, edge, seq, lines, 1);
}

/* The edge has everything that was told so far. */
static inline void decide_stands(struct kit *kit, uint32_t edge)
{
	uint64_t epoch, number;

	core_position(kit->core, &epoch, &number);
	assert_int_equal(core_stands(kit->core, edge, 0, epoch, number, decide_now_us()), 0);
}
