// SPDX-License-Identifier: Apache-2.0
/* What was found in stored events, as a proof at the findings it concerns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/digest.h"
#include "hub/posture/internal.h"
#include "hub/posture/retro.h"

struct attach {
	const struct finding_call *call;
	const char *cve;
	const struct retro_answer *answer;
	uint32_t count;
};

struct rows {
	struct finding *rows; /* FINDING_PAGE_MAX */
	size_t count;
};

static int keep_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct rows *rows = context;

	finding_row_read(columns, &rows->rows[rows->count++]);
	return 0;
}

static const struct retro_tenant *tenant_of(const struct retro_answer *answer, uint32_t tenant)
{
	size_t low = 0, high = answer->tenant_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (answer->tenants[middle].tenant == tenant)
			return &answer->tenants[middle];
		if (answer->tenants[middle].tenant < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const char *print_time(int64_t time_us, char text[32])
{
	time_t time = (time_t)(time_us / 1000000);
	struct tm parts;

	if (!gmtime_r(&time, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(text, 32, "?");
	return text;
}

/* An organisation sees its own alone. Rules and sources are known of all that were hit together, so they are named only when it was this one. */
static void print_evidence(const struct attach *attach, const struct retro_tenant *hit, char *text, size_t text_size)
{
	const struct retro_answer *answer = attach->answer;
	char first[32], last[32], addr[IP_ADDR_TEXT_SIZE];
	size_t size;

	size = (size_t)snprintf(text, text_size,
		"%s was attacked here before: first %s, last %s, %llu times, stopped %llu times", attach->cve,
		print_time(hit->first_us, first), print_time(hit->last_us, last), (unsigned long long)hit->events,
		(unsigned long long)hit->stopped);
	if (answer->tenant_count != 1)
		return;
	for (size_t i = 0; i < answer->rule_count && i < 8 && size < text_size; i++)
		size += (size_t)snprintf(text + size, text_size - size, "%s %llu", i == 0 ? "; rules" : "",
			(unsigned long long)answer->rules[i]);
	for (size_t i = 0; i < answer->source_count && i < 8 && size < text_size; i++)
		size += (size_t)snprintf(text + size, text_size - size, "%s %s", i == 0 ? "; sources" : "",
			ip_addr_format(&answer->sources[i].addr, addr));
}

/* The newest one takes the place of the one before. */
static int put_proof(
	struct db *db, struct finding *row, const struct retro_tenant *hit, const char *cve, const char *evidence)
{
	uint8_t hash[FINDING_HASH_SIZE];
	uint64_t changes = 0;
	int64_t number = 1;
	int error = digest_sha256(bytes_from_str(evidence), hash);

	if (!error)
		error = db_run(db,
			"update proof set first_us = ?4, last_us = ?5, hash = ?6, evidence = ?7, seen = seen + 1"
			" where finding = ?1 and tool = ?2 and rule = ?3",
			DB_ARGS(db_i64(row->id), db_str(RETRO_TOOL), db_str(cve), db_i64(hit->first_us),
				db_i64(hit->last_us), db_blob(bytes_of(hash, sizeof(hash))), db_str(evidence)),
			&changes);
	if (error || changes)
		return error;
	error = db_integer(db, "select coalesce(max(number), 0) + 1 from proof where finding = ?1",
		DB_ARGS(db_i64(row->id)), &number);
	if (!error && row->proof_count >= FINDING_PROOFS_MAX) {
		error = db_run(db,
			"delete from proof where finding = ?1 and number = (select number from proof where finding = ?1"
			" order by last_us, number limit 1)",
			DB_ARGS(db_i64(row->id)), NULL);
		row->proof_count--;
	}
	row->proof_count++;
	return error ? error
		     : db_run(db,
			       "insert into proof (finding, number, tool, rule, first_us, last_us, seen, confidence, "
			       "exploited,"
			       " hash, evidence) values (?1, ?2, ?3, ?4, ?5, ?6, 1, 100, 0, ?7, ?8)",
			       DB_ARGS(db_i64(row->id), db_i64(number), db_str(RETRO_TOOL), db_str(cve),
				       db_i64(hit->first_us), db_i64(hit->last_us),
				       db_blob(bytes_of(hash, sizeof(hash))), db_str(evidence)),
			       NULL);
}

static int attach_one(struct attach *attach, struct finding *row)
{
	const struct retro_tenant *hit = tenant_of(attach->answer, row->tenant);
	char evidence[1024];
	int error;

	if (!hit || !scope_has(attach->call->scope, row->tenant))
		return 0;
	print_evidence(attach, hit, evidence, sizeof(evidence));
	error = put_proof(attach->call->db, row, hit, attach->cve, evidence);
	row->forensic = true;
	if (!error)
		error = finding_row_update(attach->call->db, row);
	if (error)
		return error;
	attach->count++;
	return finding_audit(attach->call, "retro", row,
		(const struct audit_field[]){ { "cve", db_str(attach->cve) }, { "first_us", db_i64(hit->first_us) },
			{ "last_us", db_i64(hit->last_us) }, { "events", db_i64((int64_t)hit->events) } },
		4);
}

static int attach_work(void *context)
{
	struct attach *attach = context;
	struct rows page = { .rows = calloc(FINDING_PAGE_MAX, sizeof(*page.rows)) };
	int64_t after = 0;
	int error = page.rows ? 0 : LUYTRE_E_NOMEM;

	do {
		page.count = 0;
		if (!error)
			error = db_each(attach->call->db,
				"select " FINDING_COLUMNS
				" from finding where cve = ?1 and id > ?2 order by id limit ?3",
				DB_ARGS(db_str(attach->cve), db_i64(after), db_i64(FINDING_PAGE_MAX)), keep_row, &page);
		for (size_t i = 0; i < page.count && !error; i++) {
			after = page.rows[i].id;
			error = attach_one(attach, &page.rows[i]);
		}
	} while (!error && page.count == FINDING_PAGE_MAX);
	free(page.rows);
	return error;
}

int retro_attach(
	const struct finding_call *call, const char *cve, const struct retro_answer *answer, uint32_t *ret_count)
{
	struct attach attach = { .call = call, .cve = cve, .answer = answer };
	int error;

	*ret_count = 0;
	if (!call->scope || !call->origin)
		return LUYTRE_E_INVALID;
	if (call->part != FINDING_BY_EVIDENCE)
		return finding_refuse(call, FINDING_WHY_PART);
	error = db_atomically(call->db, attach_work, &attach);
	if (!error)
		*ret_count = attach.count;
	return error;
}
