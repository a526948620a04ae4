// SPDX-License-Identifier: Apache-2.0
/* The tables, words, and small things that all files of this folder need. */
#include "hub/posture/internal.h"

static const struct db_migration migrations[] = {
	/* What catalogues say of a CVE. kev_us: listed since (0: not); answers as enum finding_answer, impact yes is "total". */
	{ "create table cve (cve text primary key, kev_us integer not null, kev_due_us integer not null, ransomware "
	  "integer not null,"
	  " epss real, percentile real, automatable integer not null, impact integer not null);"
	  "create index cve_kev on cve (kev_us);"
	  "create table finding (id integer primary key, revision integer not null, identity blob not null unique,"
	  " tenant integer not null, system integer not null, asset integer not null, host text not null,"
	  " protocol integer not null, port integer not null, path text not null, cve text not null, tool text not "
	  "null,"
	  " rule text not null, title text not null, vector text not null, severity integer not null,"
	  " exploited integer not null, state integer not null, live integer not null, since_us integer not null,"
	  " first_us integer not null, last_us integer not null, reason text not null, claimant text not null,"
	  " expires_us integer not null, held_us integer not null, hold text not null, contradicted integer not null,"
	  " proof_count integer not null, exposed integer not null, kev integer not null, automatable integer not null,"
	  " total integer not null, forensic integer not null, step integer not null, start_us integer not null,"
	  " set_us integer not null, due_us integer not null);"
	  "create index finding_due on finding (due_us, id);"
	  "create index finding_live on finding (live, due_us, id);"
	  "create index finding_tenant on finding (tenant, due_us, id);"
	  "create index finding_tenant_live on finding (tenant, live, due_us, id);"
	  "create index finding_expires on finding (state, expires_us);"
	  "create index finding_cve on finding (cve);"
	  "create table proof (finding integer not null references finding (id), number integer not null,"
	  " tool text not null, rule text not null, first_us integer not null, last_us integer not null, seen integer "
	  "not null,"
	  " confidence integer not null, exploited integer not null, hash blob not null, evidence text not null,"
	  " primary key (finding, number));" },
};

int posture_setup(struct db *db)
{
	return db_migrate(db, "posture", migrations, ARRAY_COUNT(migrations));
}

const struct finding_state_text finding_states[FINDING_STATE_COUNT] = {
#define X(id, word, live, en, vi) { word, live, en, vi },
	FINDING_STATES(X)
#undef X
};

static const struct {
	const char *slug;
	int error;
	const char *en, *vi;
} reasons[FINDING_REASON_COUNT] = { { "", 0, "", "" },
#define X(id, slug, error, en, vi) { slug, error, en, vi },
	FINDING_REASONS(X)
#undef X
};

const char *finding_reason_slug(enum finding_reason reason)
{
	return reasons[reason].slug;
}

const char *finding_reason_text(enum finding_reason reason, enum luytre_lang lang)
{
	return lang == LUYTRE_LANG_VI ? reasons[reason].vi : reasons[reason].en;
}

int finding_refuse(const struct finding_call *call, enum finding_reason reason)
{
	if (call->why)
		*call->why = reason;
	return reasons[reason].error;
}

int posture_run(struct db *db, posture_fn work, void *context)
{
	bool own = !db_in_transaction(db);
	int error = own ? db_begin(db) : 0;

	if (!error)
		error = work(context);
	if (own && !error)
		error = db_commit(db);
	else if (own)
		db_rollback(db);
	return error;
}

/* Bytes of the character at the beginning (RFC 3629, section 4); 0: it is none. */
static size_t character(struct bytes in)
{
	static const struct {
		uint8_t first, last, low, high, size; /* of the first byte; of the second; in all */
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		size_t size = forms[i].size;

		if (in.ptr[0] < forms[i].first || in.ptr[0] > forms[i].last)
			continue;
		if (size > in.size || (size > 1 && (in.ptr[1] < forms[i].low || in.ptr[1] > forms[i].high)))
			return 0;
		for (size_t k = 2; k < size; k++)
			if ((in.ptr[k] & 0xc0) != 0x80)
				return 0;
		return size;
	}
	return 0;
}

char *posture_text(struct bytes in, bool lines, char *out, size_t out_size)
{
	size_t used = 0;

	while (!bytes_empty(in)) {
		size_t size = character(in);
		bool plain = size > 1 || (size == 1 && in.ptr[0] >= ' ' && in.ptr[0] != 0x7f) ||
			     (lines && (in.ptr[0] == '\n' || in.ptr[0] == '\t'));

		if (used + (plain ? size : 1) >= out_size)
			break;
		if (plain) {
			memcpy(out + used, in.ptr, size);
			used += size;
		} else {
			out[used++] = '?';
		}
		in = bytes_skip(in, size ? size : 1);
	}
	out[used] = '\0';
	return out;
}

void posture_column(const struct db_value *column, char *text, size_t text_size)
{
	size_t size = column->bytes.size < text_size ? column->bytes.size : text_size - 1;

	if (size > 0)
		memcpy(text, column->bytes.ptr, size);
	text[size] = '\0';
}
