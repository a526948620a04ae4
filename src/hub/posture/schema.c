// SPDX-License-Identifier: Apache-2.0
/* The tables, words, and small things that all files of this folder need. */
#include "base/utf8.h"
#include "hub/posture/hold.h"
#include "hub/posture/internal.h"
#include "hub/posture/search.h"

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
	int error = db_migrate(db, "posture", migrations, ARRAY_COUNT(migrations));

	if (!error)
		error = finding_search_setup(db);
	return error ? error : hold_setup(db);
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

char *posture_text(struct bytes in, bool lines, char *out, size_t out_size)
{
	size_t used = 0;

	while (!bytes_empty(in)) {
		bool valid, plain;
		size_t size = utf8_sequence(in, &valid);

		plain = valid && (size > 1 || (in.ptr[0] >= ' ' && in.ptr[0] != 0x7f) ||
					 (lines && (in.ptr[0] == '\n' || in.ptr[0] == '\t')));

		if (used + (plain ? size : 1) >= out_size)
			break;
		if (plain) {
			memcpy(out + used, in.ptr, size);
			used += size;
		} else {
			out[used++] = '?';
		}
		in = bytes_skip(in, valid ? size : 1);
	}
	out[used] = '\0';
	return out;
}
