// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/catalogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/jsonr.h"
#include "hub/posture/internal.h"

static const struct jsonr_limits limits = { .size_max = CATALOGUE_FILE_MAX, .depth_max = 32, .value_max = 2000000 };

/* As published: capital letters. */
static bool cve_valid(struct bytes text)
{
	if (text.size < 13 || text.size >= FINDING_CVE_SIZE || !bytes_starts_with(text, bytes_from_str("CVE-")) ||
		text.ptr[8] != '-')
		return false;
	for (size_t i = 4; i < text.size; i++)
		if (i != 8 && (text.ptr[i] < '0' || text.ptr[i] > '9'))
			return false;
	return true;
}

/* "2026-06-30" as its first microsecond. */
static bool date_of(struct bytes text, int64_t *ret_us)
{
	int numbers[3] = { 0 };

	if (text.size != 10)
		return false;
	for (size_t i = 0, part = 0; i < text.size; i++) {
		if (i == 4 || i == 7) {
			if (text.ptr[i] != '-')
				return false;
			part++;
		} else if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		} else {
			numbers[part] = 10 * numbers[part] + text.ptr[i] - '0';
		}
	}
	if (numbers[0] < 1990 || numbers[1] < 1 || numbers[1] > 12 || numbers[2] < 1 || numbers[2] > 31)
		return false;
	*ret_us = date_days(numbers[0], numbers[1], numbers[2]) * CLOCK_DAY_US;
	return true;
}

static int note(struct db *db, const struct audit_origin *origin, const char *action, const char *subject,
	const struct catalogue_result *result)
{
	return audit_append(db, origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.fields = (const struct audit_field[]){ { "version", db_str(result->version) },
				{ "rows", db_i64((int64_t)result->rows) },
				{ "refused", db_i64((int64_t)result->refused) } },
			.field_count = 3 });
}

static void refuse(struct catalogue_result *result, uint64_t position)
{
	if (result->refused++ == 0)
		result->first_refused = position;
}

/* ---- KEV ---- */

struct kev {
	struct db *db;
	const struct audit_origin *origin;
	struct jsonr list;
	struct catalogue_result result;
};

static int kev_row(struct kev *kev, size_t position)
{
	struct jsonr item = jsonr_item(&kev->list, position);
	struct bytes cve, added, due, ransomware = { 0 };
	int64_t added_us, due_us;

	if (!jsonr_string(&item, "cveID", JSONR_NEEDED, 1, 64, &cve) || !cve_valid(cve) ||
		!jsonr_string(&item, "dateAdded", JSONR_NEEDED, 1, 32, &added) || !date_of(added, &added_us) ||
		!jsonr_string(&item, "dueDate", JSONR_NEEDED, 1, 32, &due) || !date_of(due, &due_us)) {
		refuse(&kev->result, position + 1);
		return 0;
	}
	jsonr_string(&item, "knownRansomwareCampaignUse", JSONR_OPTIONAL, 1, 64, &ransomware);
	kev->result.rows++;
	return db_run(kev->db,
		"insert into cve (cve, kev_us, kev_due_us, ransomware, automatable, impact) values (?1, ?2, ?3, ?4, 0, "
		"0)"
		" on conflict (cve) do update set kev_us = excluded.kev_us, kev_due_us = excluded.kev_due_us,"
		" ransomware = excluded.ransomware",
		DB_ARGS(db_text(cve), db_i64(added_us), db_i64(due_us), db_i64(bytes_equal_str(ransomware, "Known"))),
		NULL);
}

static int kev_work(void *context)
{
	struct kev *kev = context;
	int error = db_run(kev->db, "update cve set kev_us = 0, kev_due_us = 0, ransomware = 0 where kev_us > 0",
		DB_NO_ARGS, NULL);

	for (size_t i = 0; i < json_array_size(kev->list.value) && !error; i++)
		error = kev_row(kev, i);
	if (!error && kev->result.rows == 0)
		error = LUYTRE_E_CORRUPT;
	return error ? error : note(kev->db, kev->origin, "catalogue.kev", "catalogue:kev", &kev->result);
}

int catalogue_kev(struct db *db, const struct audit_origin *origin, struct bytes text, struct catalogue_result *ret)
{
	struct kev kev = { .db = db, .origin = origin };
	struct jsonr_errors errors = { 0 };
	struct jsonr root;
	struct bytes version = { 0 };
	json_t *document;
	int64_t count;
	int error = jsonr_parse(text, &limits, &errors, &document);

	if (error)
		return error;
	jsonr_root(&root, document, &errors);
	if (!jsonr_string(&root, "catalogVersion", JSONR_NEEDED, 1, 60, &version) ||
		!jsonr_i64(&root, "count", JSONR_NEEDED, 0, 1000000, &count) ||
		!jsonr_array(&root, "vulnerabilities", JSONR_NEEDED, 1000000, &kev.list))
		error = LUYTRE_E_SYNTAX;
	else if (count == 0 || (size_t)count != json_array_size(kev.list.value))
		error = LUYTRE_E_CORRUPT;
	posture_text(version, false, kev.result.version, sizeof(kev.result.version));
	if (!error)
		error = db_atomically(db, kev_work, &kev);
	json_decref(document);
	if (!error)
		*ret = kev.result;
	return error;
}

/* ---- CVE records ---- */

struct ssvc {
	struct db *db;
	const struct audit_origin *origin;
	struct bytes cve, time; /* RFC 3339 in UTC sorts as text */
	enum finding_answer automatable, total;
};

static enum finding_answer answer_of(struct bytes word, const char *no, const char *yes)
{
	return bytes_equal_str(word, yes) ? FINDING_YES : bytes_equal_str(word, no) ? FINDING_NO : FINDING_UNKNOWN;
}

/* "content" of a metric of the type "ssvc". */
static void ssvc_read(struct ssvc *ssvc, const struct jsonr *content)
{
	struct bytes time = { 0 }, word;
	struct jsonr options;

	jsonr_string(content, "timestamp", JSONR_OPTIONAL, 1, 64, &time);
	if (bytes_compare(time, ssvc->time) < 0 || !jsonr_array(content, "options", JSONR_NEEDED, 16, &options))
		return;
	ssvc->time = time;
	for (size_t i = 0; i < json_array_size(options.value); i++) {
		struct jsonr option = jsonr_item(&options, i);

		if (jsonr_string(&option, "Automatable", JSONR_OPTIONAL, 1, 16, &word))
			ssvc->automatable = answer_of(word, "no", "yes");
		if (jsonr_string(&option, "Technical Impact", JSONR_OPTIONAL, 1, 16, &word))
			ssvc->total = answer_of(word, "partial", "total");
	}
}

static void ssvc_find(struct ssvc *ssvc, const struct jsonr *adp)
{
	for (size_t i = 0; i < json_array_size(adp->value); i++) {
		struct jsonr container = jsonr_item(adp, i), metrics;

		if (!jsonr_array(&container, "metrics", JSONR_OPTIONAL, 1000, &metrics))
			continue;
		for (size_t k = 0; k < json_array_size(metrics.value); k++) {
			struct jsonr metric = jsonr_item(&metrics, k), other, content;
			struct bytes type;

			if (jsonr_object(&metric, "other", JSONR_OPTIONAL, &other) &&
				jsonr_string(&other, "type", JSONR_NEEDED, 1, 64, &type) &&
				bytes_equal_str(type, "ssvc") &&
				jsonr_object(&other, "content", JSONR_NEEDED, &content))
				ssvc_read(ssvc, &content);
		}
	}
}

static int ssvc_work(void *context)
{
	struct ssvc *ssvc = context;
	char subject[FINDING_CVE_SIZE];
	int error = db_run(ssvc->db,
		"insert into cve (cve, kev_us, kev_due_us, ransomware, automatable, impact) values (?1, 0, 0, 0, ?2, "
		"?3)"
		" on conflict (cve) do update set automatable = excluded.automatable, impact = excluded.impact",
		DB_ARGS(db_text(ssvc->cve), db_i64(ssvc->automatable), db_i64(ssvc->total)), NULL);

	if (error)
		return error;
	return audit_append(ssvc->db, ssvc->origin,
		&(struct audit_record){ .action = "catalogue.cve",
			.subject = posture_text(ssvc->cve, false, subject, sizeof(subject)),
			.fields = (const struct audit_field[]){ { "automatable", db_i64(ssvc->automatable) },
				{ "impact", db_i64(ssvc->total) } },
			.field_count = 2 });
}

int catalogue_cve(struct db *db, const struct audit_origin *origin, struct bytes text)
{
	struct ssvc ssvc = { .db = db, .origin = origin };
	struct jsonr_errors errors = { 0 };
	struct jsonr root, metadata, containers, adp;
	struct bytes state = { 0 };
	json_t *document;
	int error = jsonr_parse(text, &limits, &errors, &document);

	if (error)
		return error;
	jsonr_root(&root, document, &errors);
	if (!jsonr_object(&root, "cveMetadata", JSONR_NEEDED, &metadata) ||
		!jsonr_string(&metadata, "cveId", JSONR_NEEDED, 1, 64, &ssvc.cve) || !cve_valid(ssvc.cve) ||
		!jsonr_string(&metadata, "state", JSONR_NEEDED, 1, 64, &state) ||
		!jsonr_object(&root, "containers", JSONR_NEEDED, &containers))
		error = LUYTRE_E_SYNTAX;
	else if (bytes_equal_str(state, "PUBLISHED") && jsonr_array(&containers, "adp", JSONR_OPTIONAL, 1000, &adp))
		ssvc_find(&ssvc, &adp);
	if (!error && !ssvc.automatable && !ssvc.total)
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		error = db_atomically(db, ssvc_work, &ssvc);
	json_decref(document);
	return error;
}

/* ---- EPSS ---- */

struct catalogue_epss {
	struct db *db;
	const struct audit_origin *origin;
	bool own; /* the transaction */
	int error;
	uint64_t line; /* that is being read */
	bool skipped; /* the line is too long */
	char text[CATALOGUE_LINE_MAX + 1];
	size_t size;
	struct catalogue_result result;
};

int catalogue_epss_begin(struct db *db, const struct audit_origin *origin, struct catalogue_epss **ret)
{
	struct catalogue_epss *epss = calloc(1, sizeof(*epss));
	int error;

	if (!epss)
		return LUYTRE_E_NOMEM;
	epss->db = db;
	epss->origin = origin;
	epss->line = 1;
	epss->own = !db_in_transaction(db);
	error = epss->own ? db_begin(db) : 0;
	if (error)
		free(epss);
	else
		*ret = epss;
	return error;
}

/* "0.97565", of digits and one point alone, from 0 to 1; 'text' goes on behind it. */
static bool share_of(const char **text, char end, double *ret)
{
	size_t size = strspn(*text, "0123456789.");
	char *stop;

	if (size == 0 || size > 24 || (*text)[size] != end)
		return false;
	*ret = strtod(*text, &stop);
	if (stop != *text + size || !(*ret >= 0 && *ret <= 1))
		return false;
	*text += size + (end != '\0');
	return true;
}

static int epss_line(struct catalogue_epss *epss)
{
	const char *rest;
	struct bytes cve;
	double score, percentile;

	if (epss->size > 0 && epss->text[epss->size - 1] == '\r')
		epss->size--;
	epss->text[epss->size] = '\0';
	if (epss->line == 1 && epss->text[0] == '#') {
		posture_text(bytes_from_str(epss->text + 1), false, epss->result.version, sizeof(epss->result.version));
		return 0;
	}
	if (epss->size == 0 || (epss->line <= 2 && strcmp(epss->text, "cve,epss,percentile") == 0))
		return 0;
	cve = bytes_of(epss->text, strcspn(epss->text, ","));
	rest = epss->text + cve.size + (epss->text[cve.size] == ',');
	if (epss->skipped || !cve_valid(cve) || !share_of(&rest, ',', &score) || !share_of(&rest, '\0', &percentile)) {
		refuse(&epss->result, epss->line);
		return 0;
	}
	if (epss->result.rows++ >= CATALOGUE_EPSS_MAX)
		return LUYTRE_E_FULL;
	return db_run(epss->db,
		"insert into cve (cve, kev_us, kev_due_us, ransomware, epss, percentile, automatable, impact)"
		" values (?1, 0, 0, 0, ?2, ?3, 0, 0)"
		" on conflict (cve) do update set epss = excluded.epss, percentile = excluded.percentile",
		DB_ARGS(db_text(cve), db_real(score), db_real(percentile)), NULL);
}

int catalogue_epss_feed(struct catalogue_epss *epss, struct bytes piece)
{
	for (size_t i = 0; i < piece.size && !epss->error; i++) {
		if (piece.ptr[i] == '\n') {
			epss->error = epss_line(epss);
			epss->line++;
			epss->size = 0;
			epss->skipped = false;
		} else if (epss->size < CATALOGUE_LINE_MAX) {
			epss->text[epss->size++] = (char)piece.ptr[i];
		} else {
			epss->skipped = true;
		}
	}
	return epss->error;
}

int catalogue_epss_end(struct catalogue_epss *epss, struct catalogue_result *ret)
{
	int error = epss->error;

	if (!error && epss->size > 0)
		error = epss_line(epss);
	if (!error && epss->result.rows == 0)
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = note(epss->db, epss->origin, "catalogue.epss", "catalogue:epss", &epss->result);
	if (epss->own && !error)
		error = db_commit(epss->db);
	else if (epss->own)
		db_rollback(epss->db);
	if (!error)
		*ret = epss->result;
	free(epss);
	return error;
}

/* ---- Looking up ---- */

static double share(const struct db_value *column)
{
	return column->type == DB_REAL ? column->real : -1;
}

static int row_entry(void *context, const struct db_value *columns, size_t column_count)
{
	*(struct catalogue_entry *)context = (struct catalogue_entry){
		.kev_us = columns[0].integer,
		.kev_due_us = columns[1].integer,
		.ransomware = columns[2].integer != 0,
		.epss = share(&columns[3]),
		.percentile = share(&columns[4]),
		.automatable = (enum finding_answer)columns[5].integer,
		.total = (enum finding_answer)columns[6].integer,
	};
	return 1;
}

int catalogue_get(struct db *db, const char *cve, struct catalogue_entry *ret)
{
	int error = db_each(db,
		"select kev_us, kev_due_us, ransomware, epss, percentile, automatable, impact from cve where cve = ?1",
		DB_ARGS(db_str(cve)), row_entry, ret);

	return error == 1 ? 0 : error == 0 ? LUYTRE_E_NOT_FOUND : error;
}
