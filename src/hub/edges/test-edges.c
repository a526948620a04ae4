// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "hub/edges/csrtest.h"
#include "hub/edges/edges.h"
#include "hub/store/pgtest.h"

#define NOW INT64_C(1795000000000000)
#define DAY (INT64_C(86400) * 1000000)

static char dir[64], place[PGTEST_PLACE_SIZE],
	postgres_place[PGTEST_PLACE_SIZE]; /* of postgres: "" in the first round */
static struct ca *ca;
static struct db *db;
static struct edges *edges;
static char *request;

static struct audit_origin at(int64_t now_us)
{
	return (struct audit_origin){ .actor = "account:1 lan", .now_us = now_us };
}

static int setup(void **state)
{
	char why[DB_WHY_SIZE];

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-edges-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	if (postgres_place[0])
		memcpy(place, postgres_place, sizeof(place));
	else
		snprintf(place, sizeof(place), "sqlite:%s/control.db", dir);
	request = csrtest_pem(NULL, NULL, NULL);
	return ca_open(dir, NOW, &ca) || db_open(place, &db, why) || audit_setup(db) || edges_open(db, ca, &edges);
}

static int teardown(void **state)
{
	static const char *const names[] = { "authority.key", "authority.pem", "control.db", "control.db-wal",
		"control.db-shm" };
	char path[128];

	edges_close(edges);
	db_close(db);
	ca_free(ca);
	free(request);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void reopen(void)
{
	char why[DB_WHY_SIZE];

	edges_close(edges);
	db_close(db);
	assert_int_equal(db_open(place, &db, why), 0);
	assert_int_equal(edges_open(db, ca, &edges), 0);
}

static int enrol(const char *token, int64_t now_us, struct edges_enrolled *ret)
{
	struct audit_origin origin = at(now_us);

	return edges_enrol(
		edges, &origin, bytes_from_str(token), bytes_from_str(request), bytes_from_str("luytre 0.1.0"), ret);
}

static int check(const char *pem, int64_t now_us, uint32_t *ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der), error;

	assert_true(size > 0);
	error = edges_check(edges, bytes_of(der, (size_t)size), now_us, ret);
	OPENSSL_free(der);
	X509_free(certificate);
	BIO_free(bio);
	return error;
}

static const uint32_t served[] = { 9, 7, 9 };

static int invite_as(const struct audit_origin *origin, const char *name, char token[EDGES_TOKEN_SIZE])
{
	const struct edges_invitation in = {
		.name = name, .province = 31, .bound = { .tenants = served, .tenant_count = ARRAY_COUNT(served) }
	};
	uint32_t id = 0;
	int error = edges_token(edges, origin, &in, token, &id);

	assert_true(error || id);
	return error;
}

static void invite(char token[EDGES_TOKEN_SIZE])
{
	struct audit_origin origin = at(NOW);

	assert_int_equal(invite_as(&origin, "Hải Phòng 1", token), 0);
}

/* As the TLS library tells of a certificate. */
static void test_known(uint32_t edge)
{
	static const char *const wrong[] = { "", "edge-", "edge-0", "edge-01", "edge- 1", "edge-1 ", "Edge-1",
		"luytre hub", "edge-4294967297", "edge--1" };
	char name[32], serial[CA_SERIAL_SIZE];
	uint32_t found = 0;

	snprintf(name, sizeof(name), "edge-%u", edge);
	snprintf(serial, sizeof(serial), "%s", edges_find(edges, edge)->serial);
	assert_int_equal(edges_known(edges, name, serial, NOW, &found), 0);
	assert_int_equal(found, edge);
	for (size_t i = 0; serial[i]; i++)
		serial[i] = (char)tolower((unsigned char)serial[i]);
	assert_int_equal(edges_known(edges, name, serial, NOW, &found), 0);
	assert_int_equal(edges_known(edges, name, "", NOW, &found), LUYTRE_E_PERMISSION);
	assert_int_equal(edges_known(edges, name, "00", NOW, &found), LUYTRE_E_PERMISSION);
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(edges_known(edges, wrong[i], serial, NOW, &found), LUYTRE_E_PERMISSION);
}

static void test_life(void **state)
{
	char token[EDGES_TOKEN_SIZE];
	struct edges_enrolled one, two;
	struct ca_certificate newer, newest;
	struct audit_origin origin = at(NOW + 20 * DAY);
	uint32_t edge = 0;

	invite(token);
	assert_int_equal(enrol(token, NOW + 1, &one), 0);
	assert_int_equal(enrol(token, NOW + 2, &two), LUYTRE_E_PERMISSION); /* once */
	assert_int_equal(check(one.certificate.pem, NOW + 1, &edge), 0);
	assert_int_equal(edge, one.id);
	test_known(edge);
	assert_string_equal(edges_find(edges, edge)->name, "Hải Phòng 1");
	assert_string_equal(edges_find(edges, edge)->version, "luytre 0.1.0");
	assert_int_equal(
		edges_renew(edges, &origin, edge, edges_find(edges, edge)->serial, bytes_from_str(request), &newer), 0);
	assert_int_equal(check(one.certificate.pem, NOW + 21 * DAY, &edge), 0); /* the one before still counts */
	assert_int_equal(check(newer.pem, NOW + 21 * DAY, &edge), 0);
	reopen();
	assert_int_equal(check(one.certificate.pem, NOW + 21 * DAY, &edge), 0);
	assert_int_equal(
		edges_renew(edges, &origin, edge, edges_find(edges, edge)->serial, bytes_from_str(request), &newest),
		0);
	assert_int_equal(check(one.certificate.pem, NOW + 21 * DAY, &edge), LUYTRE_E_PERMISSION); /* two back */
	assert_int_equal(check(newer.pem, NOW + 21 * DAY, &edge), 0);
	assert_int_equal(edges_revoke(edges, &origin, edge, "lost"), 0);
	assert_int_equal(check(newest.pem, NOW + 21 * DAY, &edge), LUYTRE_E_PERMISSION);
	assert_int_equal(
		edges_renew(edges, &origin, edge, edges_find(edges, edge)->serial, bytes_from_str(request), &newest),
		LUYTRE_E_PERMISSION);
	reopen();
	assert_true(edges_find(edges, one.id)->revoked);
	assert_int_equal(edges_revoke(edges, &origin, 4711, NULL), LUYTRE_E_NOT_FOUND);
	free(one.certificate.pem);
	free(newer.pem);
	free(newest.pem);
}

static int renew(uint32_t edge, const char *serial, int64_t now_us, char ret_serial[CA_SERIAL_SIZE])
{
	struct audit_origin origin = at(now_us);
	struct ca_certificate made;
	int error = edges_renew(edges, &origin, edge, serial, bytes_from_str(request), &made);

	if (!error) {
		memcpy(ret_serial, made.serial, CA_SERIAL_SIZE);
		free(made.pem);
	}
	return error;
}

static int known(uint32_t edge, const char *serial, int64_t now_us)
{
	char name[32];
	uint32_t found;

	snprintf(name, sizeof(name), "edge-%u", edge);
	return edges_known(edges, name, serial, now_us, &found);
}

/* Answers may be lost: the certificate that asks is never shut out by what it asked for. Once the new one is in use, the old one gets
 * no further one. */
static void test_renewals(void **state)
{
	char token[EDGES_TOKEN_SIZE], first[CA_SERIAL_SIZE], next[CA_SERIAL_SIZE], other[CA_SERIAL_SIZE];
	struct edges_enrolled enrolled;
	uint32_t edge;

	invite(token);
	assert_int_equal(enrol(token, NOW, &enrolled), 0);
	edge = enrolled.id;
	memcpy(first, enrolled.certificate.serial, sizeof(first));
	free(enrolled.certificate.pem);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(known(edge, first, NOW + DAY), 0);
		assert_int_equal(renew(edge, first, NOW + DAY, next), 0);
	}
	assert_int_equal(known(edge, first, NOW + DAY), 0);
	reopen();
	assert_int_equal(renew(edge, first, NOW + DAY, next), 0);
	assert_int_equal(known(edge, next, NOW + DAY), 0);
	assert_int_equal(known(edge, first, NOW + DAY), 0); /* requests that were on their way */
	assert_int_equal(renew(edge, first, NOW + DAY, other), LUYTRE_E_PERMISSION);
	assert_int_equal(known(edge, next, NOW + DAY), 0);
	assert_int_equal(renew(edge, "", NOW + DAY, other), LUYTRE_E_PERMISSION);
	assert_int_equal(renew(edge, "00", NOW + DAY, other), LUYTRE_E_PERMISSION);
	assert_int_equal(renew(4711, next, NOW + DAY, other), LUYTRE_E_PERMISSION);
	assert_int_equal(known(edge, next, NOW + 31 * DAY), LUYTRE_E_PERMISSION); /* its time is over */
	for (int i = 0; i < EDGES_RENEWALS_MAX; i++)
		assert_int_equal(renew(edge, next, NOW + 3 * DAY, next), 0);
	assert_int_equal(renew(edge, next, NOW + 3 * DAY, next), LUYTRE_E_BUSY);
	assert_int_equal(renew(edge, next, NOW + 4 * DAY, next), 0);
}

static int take_text(void *context, const struct db_value *columns, size_t column_count)
{
	return bytes_to_str(columns[0].bytes, context, 512) ? 0 : LUYTRE_E_RANGE;
}

/* What is written down about an entry names the edge, and nothing that a terminal would obey. */
static void test_texts(void **state)
{
	char token[EDGES_TOKEN_SIZE], text[512] = "";
	struct audit_origin origin = at(NOW);
	struct edges_enrolled enrolled;

	invite(token);
	assert_int_equal(edges_enrol(edges, &origin, bytes_from_str(token), bytes_from_str(request),
				 bytes_from_str("\x1b[2J"), &enrolled),
		LUYTRE_E_INVALID);
	assert_int_equal(enrol(token, NOW, &enrolled), 0);
	free(enrolled.certificate.pem);
	assert_int_equal(
		db_each(db, "select detail from audit order by sequence desc limit 1", DB_NO_ARGS, take_text, text), 0);
	assert_non_null(strstr(text, "Hải Phòng 1"));
	assert_int_equal(invite_as(&origin, "a\nb", token), LUYTRE_E_INVALID);
}

static void test_tokens(void **state)
{
	char token[EDGES_TOKEN_SIZE], altered[EDGES_TOKEN_SIZE];
	struct edges_enrolled enrolled;
	size_t size, count = edges_count(edges);
	struct audit_origin origin = at(NOW);
	char *good = request;

	invite(token);
	size = strlen(token);
	for (size_t i = 0; i < size; i++) {
		memcpy(altered, token, sizeof(altered));
		altered[i] = '\0';
		assert_int_equal(enrol(altered, NOW, &enrolled), LUYTRE_E_PERMISSION);
	}
	for (size_t i = 0; i < 8 + 42; i++) { /* the word and the secret; the fingerprint behind it is for the edge */
		memcpy(altered, token, sizeof(altered));
		altered[i] = altered[i] == 'A' ? 'B' : 'A';
		assert_int_equal(enrol(altered, NOW, &enrolled), LUYTRE_E_PERMISSION);
	}
	assert_int_equal(enrol(token, NOW + DAY, &enrolled), LUYTRE_E_PERMISSION); /* too old */
	request = strdup("-----BEGIN NONSENSE-----");
	assert_int_equal(enrol(token, NOW, &enrolled), LUYTRE_E_SYNTAX); /* does not use it up */
	free(request);
	request = good;
	assert_int_equal(edges_count(edges), count);
	assert_int_equal(enrol(token, NOW, &enrolled), 0);
	assert_int_equal(edges_count(edges), count + 1);
	free(enrolled.certificate.pem);
	assert_int_equal(invite_as(&origin, "", token), LUYTRE_E_INVALID);
}

static void test_positions(void **state)
{
	struct batch_head head = {
		.boot = "0123456789abcdef0123456789abcdef", .seq = 5, .lost = 2, .policy = 3, .epoch = 1, .have = 9
	};
	char token[EDGES_TOKEN_SIZE];
	struct edges_enrolled enrolled;

	invite(token);
	assert_int_equal(enrol(token, NOW, &enrolled), 0);
	free(enrolled.certificate.pem);
	head.edge = enrolled.id;
	assert_false(edges_batch_known(edges, &head));
	assert_int_equal(edges_batch_stored(edges, &head, NOW + 7), 0);
	assert_true(edges_batch_known(edges, &head));
	head.seq = 4;
	assert_true(edges_batch_known(edges, &head));
	assert_int_equal(edges_batch_stored(edges, &head, NOW + 7), 0); /* the slower of two */
	assert_true(edges_find(edges, head.edge)->acked == 5);
	head.seq = 9;
	assert_false(edges_batch_known(edges, &head));
	head.seq = 1;
	head.boot[0] = 'f';
	assert_false(edges_batch_known(edges, &head));
	head.boot[0] = '0';
	assert_int_equal(edges_stands(edges, head.edge, 4, 1, 10, NOW + 8), 0);
	reopen();
	assert_true(edges_batch_known(edges, &head));
	assert_true(edges_find(edges, head.edge)->acked == 5 && edges_find(edges, head.edge)->have == 10);
	assert_true(edges_find(edges, head.edge)->lost == 2 && edges_find(edges, head.edge)->policy == 4);
	assert_true(edges_find(edges, head.edge)->have_us == NOW + 8);
	head.edge = 4711;
	assert_true(edges_batch_known(edges, &head));
	assert_int_equal(edges_stands(edges, 4711, 0, 0, 0, NOW), LUYTRE_E_NOT_FOUND);
}

/* Whom an edge serves: what the token said, over a restart, until a person says otherwise. */
static void test_bound(void **state)
{
	static const uint32_t others[] = { 3 }, bad[] = { 3, 0 };
	char token[EDGES_TOKEN_SIZE], text[EDGES_BOUND_TEXT_SIZE];
	struct audit_origin origin = at(NOW);
	struct edges_enrolled enrolled;
	struct edges_change change = { .name = "Hải Phòng 2", .bound = { .tenants = others, .tenant_count = 1 } };
	const struct edge_view *view;
	const struct edges_bound *held;

	invite(token);
	assert_int_equal(enrol(token, NOW, &enrolled), 0);
	free(enrolled.certificate.pem);
	for (int i = 0; i < 2; i++) {
		view = edges_find(edges, enrolled.id);
		assert_string_equal(edges_bound_text(view->bound, text), "7,9");
		assert_true(edges_bound_names(view->bound, 7) && !edges_bound_names(view->bound, 8));
		assert_true(view->revision == 1 && view->province == 31);
		reopen();
	}
	held = edges_bound_ref(edges_find(edges, enrolled.id)->bound);
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 2, &change), LUYTRE_E_CONFLICT);
	assert_int_equal(edges_update(edges, &origin, 4711, 1, &change), LUYTRE_E_NOT_FOUND);
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 1, &change), 0);
	assert_true(edges_bound_names(held, 7)); /* who reads a batch by it goes on */
	edges_bound_unref(held);
	change.bound.all = true;
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 2, &change), LUYTRE_E_INVALID); /* some and all */
	change.bound = (struct edges_bound){ .tenants = bad, .tenant_count = 2 };
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 2, &change), LUYTRE_E_INVALID);
	change.bound = (struct edges_bound){ 0 };
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 2, &change), LUYTRE_E_INVALID); /* nobody */
	reopen();
	view = edges_find(edges, enrolled.id);
	assert_string_equal(edges_bound_text(view->bound, text), "3");
	assert_string_equal(view->name, "Hải Phòng 2");
	assert_true(view->revision == 2);
	change.bound.all = true;
	change.name = view->name; /* as it is */
	assert_int_equal(edges_update(edges, &origin, enrolled.id, 2, &change), 0);
	reopen();
	view = edges_find(edges, enrolled.id);
	assert_true(view->bound->all && view->bound->tenant_count == 0);
	assert_string_equal(view->name, "Hải Phòng 2");
}

static int see_token(void *context, const struct edges_token_view *token)
{
	struct edges_token_view *last = context;
	char text[EDGES_BOUND_TEXT_SIZE];

	assert_string_equal(edges_bound_text(token->bound, text), "7,9");
	assert_string_equal(token->created_by, "account:1 lan");
	*last = *token;
	return 0;
}

static void test_tokens_listed(void **state)
{
	struct audit_origin origin = at(NOW);
	struct edges_token_view last = { 0 };
	struct edges_invitation in = { .name = "x", .bound = { .all = true }, .lives_s = EDGES_TOKEN_LIVES_MAX_S + 1 };
	char token[EDGES_TOKEN_SIZE];
	struct edges_enrolled enrolled;
	uint32_t id;
	int64_t rows;

	invite(token);
	assert_int_equal(edges_token_each(edges, NOW, 0, 1000, see_token, &last), 0);
	assert_true(last.id && last.until_us == NOW + DAY && last.province == 31);
	id = last.id;
	last.id = 0;
	assert_int_equal(edges_token_each(edges, NOW, id, 1000, see_token, &last), 0);
	assert_int_equal(edges_token_each(edges, NOW + DAY, 0, 1000, see_token, &last), 0); /* too old */
	assert_int_equal(last.id, 0);
	assert_int_equal(edges_token_remove(edges, &origin, id), 0);
	assert_int_equal(edges_token_remove(edges, &origin, id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(edges_token_remove(edges, &origin, 0), LUYTRE_E_NOT_FOUND);
	assert_int_equal(enrol(token, NOW, &enrolled), LUYTRE_E_PERMISSION);
	assert_int_equal(edges_token(edges, &origin, &in, token, &id), LUYTRE_E_INVALID);
	in.lives_s = 3600;
	assert_int_equal(edges_token(edges, &origin, &in, token, &id), 0);
	assert_int_equal(enrol(token, NOW + DAY / 24, &enrolled), LUYTRE_E_PERMISSION);
	in.bound.all = false;
	assert_int_equal(edges_token(edges, &origin, &in, token, &id), LUYTRE_E_INVALID); /* would serve nobody */
	origin = at(NOW + 30 * DAY); /* the old ones go, with what belongs to them */
	assert_int_equal(invite_as(&origin, "y", token), 0);
	assert_int_equal(db_integer(db, "select count(*) from edge_token_tenant", DB_NO_ARGS, &rows), 0);
	assert_int_equal(rows, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_life), cmocka_unit_test(test_renewals),
		cmocka_unit_test(test_bound), cmocka_unit_test(test_tokens_listed), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_tokens), cmocka_unit_test(test_positions) };

	char why[DB_WHY_SIZE];
	int failed = cmocka_run_group_tests_name("SQLite", tests, setup, teardown);

	if (pgtest_start(postgres_place, why)) {
		failed += cmocka_run_group_tests_name("PostgreSQL", tests, setup, teardown);
		pgtest_stop();
	} else {
		print_message("PostgreSQL: skipped, %s\n", why);
	}
	return failed;
}
