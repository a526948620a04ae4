// SPDX-License-Identifier: Apache-2.0
/* Findings at the size of a nation (1,000,000 unless told): how fast reports come in, how long pages and sums take.
 *
 *	luytre-bench-findings [--place PLACE] [FINDINGS]
 *
 * PLACE is that of a database (db.h); without it a SQLite file in a folder that is removed. 1,000 organisations in 60 groups, each with three
 * systems and a prefix each; 2,000 CVEs, the frequent ones on most systems. The report is in the form of Nuclei's lines, goes through importer and
 * intake as any other, and is made as it is read, so that no file is needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/posture/debt.h"
#include "hub/posture/history.h"
#include "hub/posture/report.h"
#include "hub/posture/search.h"
#include "hub/tenants/tenants.h"

enum {
	GROUPS = 60,
	TENANTS = 1000,
	SYSTEMS = 3,
	CVES = 2000,
	ROUNDS = 20,
	PAGE = 100,
	LINE_SIZE = 1024,
	BLOCK = 64 << 10,
	PLACE_SIZE = 256
};

#define DAY_US INT64_C(86400000000)

static const struct scope nation = { .all = true };

struct bench {
	struct db *db;
	struct audit_origin origin;
	struct facts *facts;
	char folder[32], place[PLACE_SIZE];
	int64_t count, now_us;
	uint32_t below[TENANTS]; /* a group with those below it */
	size_t below_count;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, error_text(error, LUYTRE_LANG_EN));
	exit(1);
}

static void must(const char *what, int error)
{
	if (error)
		die(what, error);
}

static long resident_mib(void)
{
	char line[256];
	long kib = 0;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib >> 10;
}

/* ---- The nation ---- */

static void make_nation(struct bench *bench)
{
	const struct tenants_call call = { .db = bench->db, .scope = &nation, .origin = &bench->origin };
	uint32_t groups[GROUPS] = { 0 };

	must("begin", db_begin(bench->db));
	for (unsigned int i = 0; i < GROUPS + TENANTS; i++) {
		unsigned int number = i - GROUPS;
		struct tenant tenant = { .sector = (enum tenant_sector)(i % TENANT_SECTOR_COUNT),
			.parent = i < GROUPS ? 0 : groups[number % GROUPS] };

		snprintf(tenant.name, sizeof(tenant.name), "Đơn vị %u", i);
		must("a tenant", tenant_create(&call, &tenant, &tenant));
		if (i < GROUPS)
			groups[i] = tenant.id;
		if (i == 0 || (i >= GROUPS && number % GROUPS == 0))
			bench->below[bench->below_count++] = tenant.id;
		for (unsigned int k = 0; i >= GROUPS && k < SYSTEMS; k++) {
			struct tenant_system system = { .tenant = tenant.id, .level = 1 + (number + k) % 5 };
			struct tenant_asset asset = { 0 };

			snprintf(system.name, sizeof(system.name), "Hệ thống %u", k);
			must("a system", tenant_system_create(&call, &system, &system));
			asset.system = system.id;
			snprintf(asset.value, sizeof(asset.value), "10.%u.%u.0/24", (number * SYSTEMS + k) >> 8,
				(number * SYSTEMS + k) & 255);
			must("an asset", tenant_asset_create(&call, &asset, &asset));
		}
	}
	must("commit", db_commit(bench->db));
}

/* ---- The report ---- */

/* Number i: a host and one of its weaknesses, in the order of a scan. */
static size_t line_of(int64_t i, int64_t count, char line[LINE_SIZE])
{
	int64_t hosts = TENANTS * SYSTEMS * 200, host = i * hosts / (count > hosts ? count : hosts) % hosts;
	unsigned int net = (unsigned int)(host / 200), low = (unsigned int)(host % 200) + 1;
	/* The square makes small numbers frequent. */
	unsigned int draw = (unsigned int)((uint64_t)i * 2654435761U % 1000003),
		     cve = draw % 1000 * (draw % 1000) * CVES / 1000000;

	return (size_t)snprintf(line, LINE_SIZE,
		"{\"template-id\":\"CVE-2024-%u\",\"matched-at\":\"https://10.%u.%u.%u/"
		"p%lld\",\"host\":\"10.%u.%u.%u\","
		"\"timestamp\":\"2026-0%u-%02uT08:00:00Z\",\"info\":{\"name\":\"Weakness "
		"%u\",\"severity\":\"%s\",\"classification\":"
		"{\"cve-id\":[\"CVE-2024-%u\"],\"cvss-metrics\":\"CVSS:3.1/AV:N/AC:%c/PR:N/UI:%c/S:U/C:H/I:H/A:%c\"}},"
		"\"extracted-results\":[\"version %lld\"]}\n",
		10000 + cve, net >> 8, net & 255, low, (long long)(i % 97), net >> 8, net & 255, low, 1 + draw % 9,
		1 + draw % 28, cve, cve % 3 ? "high" : "critical", 10000 + cve, cve % 2 ? 'L' : 'H',
		cve % 3 ? 'N' : 'R', cve % 5 ? 'H' : 'L', (long long)i);
}

static void import_all(struct bench *bench)
{
	const struct finding_call call = { .db = bench->db, .scope = &nation, .origin = &bench->origin };
	const struct report_about about = { .format = "nuclei", .name = "bench" };
	struct report *report;
	struct report_row row;
	char *block = malloc(BLOCK);
	size_t size = 0;
	uint64_t began_ns = clock_mono_ns();
	double seconds;
	int64_t id;

	if (!block)
		die("memory", LUYTRE_E_NOMEM);
	must("announce", report_announce(bench->db, &bench->origin, &about, "bench", &id));
	must("begin", report_begin(&call, id, NULL, &report));
	for (int64_t i = 0; i < bench->count; i++) {
		if (size + LINE_SIZE > BLOCK) {
			must("feed", report_feed(report, bytes_of(block, size)));
			size = 0;
		}
		size += line_of(i, bench->count, block + size);
	}
	must("feed", report_feed(report, bytes_of(block, size)));
	must("end", report_end(report, false, &row));
	free(block);
	seconds = (double)clock_since_ns(clock_mono_ns(), began_ns) / (double)NS_PER_S;
	printf("import: %lld records, %lld made, %lld joined, %lld seen, %lld refused, %.0f MB in %.1f s: %.0f "
	       "records/s, "
	       "%.1f MB/s, %ld MiB resident\n",
		(long long)row.records, (long long)row.outcomes[FINDING_MADE], (long long)row.outcomes[FINDING_JOINED],
		(long long)row.outcomes[FINDING_SEEN], (long long)row.refused, (double)row.bytes / 1e6, seconds,
		(double)row.records / seconds, (double)row.bytes / 1e6 / seconds, resident_mib());
}

/* A share of everything is held, verified, in KEV, not exposed, as it would be. */
static void spread_states(struct bench *bench)
{
	must("states",
		db_run(bench->db,
			"update finding set state = case when id % 10 = 0 then 3 when id % 5 = 1 then 1 else 0 end,"
			" live = case when id % 10 = 0 then 0 else 1 end, held_us = case when id % 5 = 1 then 1 else 0 "
			"end,"
			" kev = case when id % 50 = 6 then 1 else 0 end, exposed = id % 3, change = change + 10000000",
			DB_NO_ARGS, NULL));
}

/* ---- Questions ---- */

static int take(void *context, const struct finding *finding)
{
	(*(size_t *)context)++;
	return 0;
}

static int skip(void *context, const struct finding *finding)
{
	return FINDING_SKIP;
}

struct page {
	const char *what;
	struct finding_filter filter;
	bool group, deep, none;
};

static void time_page(struct bench *bench, const struct page *page)
{
	const struct scope below = { .tenants = bench->below, .tenant_count = bench->below_count };
	const struct finding_call call = {
		.db = bench->db, .scope = page->group ? &below : &nation, .origin = &bench->origin
	};
	uint64_t worst_ns = 0, all_ns = 0;
	size_t found = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct finding_filter filter = page->filter;
		struct finding_next next;
		uint64_t began_ns = clock_mono_ns(), took_ns;

		filter.limit = PAGE;
		if (page->deep) {
			filter.after_due_us = bench->now_us - (i - ROUNDS / 2) * 5 * DAY_US;
			filter.after_id = 1;
		}
		found = 0;
		must(page->what, finding_search(&call, &filter, page->none ? skip : take, &found, &next));
		took_ns = clock_since_ns(clock_mono_ns(), began_ns);
		all_ns += took_ns;
		worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
	}
	printf("%-52s %4zu rows, %7.1f ms average, %7.1f ms worst\n", page->what, found,
		(double)all_ns / ROUNDS / (double)NS_PER_MS, (double)worst_ns / (double)NS_PER_MS);
}

static void time_pages(struct bench *bench)
{
	const struct page pages[] = {
		{ "soonest due, live", { .state = -1, .live = FINDING_WITH }, false, false, false },
		{ "soonest due, live or not", { .state = -1 }, false, false, false },
		{ "a page in the middle", { .state = -1, .live = FINDING_WITH }, false, true, false },
		{ "one CVE, frequent", { .state = -1, .cve = "CVE-2024-10000" }, false, false, false },
		{ "one CVE, rare", { .state = -1, .cve = "CVE-2024-11990" }, false, false, false },
		{ "KEV and held", { .state = -1, .kev = FINDING_WITH, .held = FINDING_WITH, .live = FINDING_WITH },
			false, false, false },
		{ "verified", { .state = FINDING_VERIFIED }, false, false, false },
		{ "accepted: there is none", { .state = FINDING_ACCEPTED }, false, false, false },
		{ "a system", { .state = -1, .system = 2000, .live = FINDING_WITH }, false, false, false },
		{ "a ministry with all below it", { .state = -1, .live = FINDING_WITH }, true, false, false },
		{ "a ministry, KEV, verified: rare", { .state = FINDING_VERIFIED, .kev = FINDING_WITH }, true, false,
			false },
		{ "a text that stands nowhere: as far as one page looks", { .state = -1, .live = FINDING_WITH }, false,
			false, true },
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		time_page(bench, &pages[i]);
}

static double ms_since(uint64_t began_ns)
{
	return (double)clock_since_ns(clock_mono_ns(), began_ns) / (double)NS_PER_MS;
}

static int count_day(void *context, const struct debt_sum *sum)
{
	return 0;
}

static void time_board(struct bench *bench, const char *what, const struct scope *scope, enum debt_group group)
{
	struct facts_board board;
	uint64_t began_ns = clock_mono_ns();

	must(what, facts_board(bench->facts, bench->db, scope, group, bench->now_us, &board));
	printf("%-52s %4zu groups, %7.1f ms, held share %.1f %%\n", what, board.groups.count, ms_since(began_ns),
		board.whole.open ? 100.0 * (double)board.whole.held / (double)board.whole.open : 0);
	facts_board_done(&board);
}

static void time_sums(struct bench *bench)
{
	const struct scope below = { .tenants = bench->below, .tenant_count = bench->below_count };
	const struct finding_call call = { .db = bench->db, .scope = &nation, .origin = &bench->origin };
	long before_mib = resident_mib();
	struct facts_fix *fixes;
	size_t count, total;
	uint64_t began_ns;
	FILE *out;

	time_board(bench, "the board, first reading of all facts", &nation, DEBT_BY_NATION);
	printf("facts in memory: %ld MiB\n", resident_mib() - before_mib);
	time_board(bench, "the board again", &nation, DEBT_BY_NATION);
	time_board(bench, "the board by organisation", &nation, DEBT_BY_TENANT);
	time_board(bench, "the board by system", &nation, DEBT_BY_SYSTEM);
	time_board(bench, "the board of a ministry", &below, DEBT_BY_TENANT);
	began_ns = clock_mono_ns();
	must("fixes", facts_fixes(bench->facts, bench->db, &nation, FACTS_BY_DEBT, 20, bench->now_us, &fixes, &count,
			      &total));
	printf("%-52s %4zu of %zu, %7.1f ms; the first helps %lld systems\n", "fix once, helps many", count, total,
		ms_since(began_ns), count ? (long long)fixes[0].systems : 0);
	free(fixes);
	began_ns = clock_mono_ns();
	must("history", history_write(bench->db, bench->facts, bench->now_us));
	printf("%-52s %7.1f ms\n", "the day's rows of all organisations", ms_since(began_ns));
	began_ns = clock_mono_ns();
	must("history", history_each(bench->db, &nation, bench->now_us / DAY_US - 90, count_day, NULL));
	printf("%-52s %7.1f ms\n", "90 days", ms_since(began_ns));
	out = tmpfile();
	began_ns = clock_mono_ns();
	if (out)
		must("export", debt_export(&call, bench->now_us, out));
	printf("%-52s %7.1f ms, %.0f MB\n", "the facts written out", ms_since(began_ns),
		out ? (double)ftell(out) / 1e6 : 0);
	if (out)
		fclose(out);
}

/* ---- Open and close ---- */

static void open_bench(struct bench *bench, const char *place)
{
	char why[DB_WHY_SIZE];

	bench->now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	bench->origin = (struct audit_origin){ .actor = "system", .now_us = bench->now_us };
	snprintf(bench->folder, sizeof(bench->folder), "/tmp/findings-XXXXXX");
	if (!place && !mkdtemp(bench->folder))
		die("a folder", LUYTRE_E_IO);
	if (place)
		snprintf(bench->place, sizeof(bench->place), "%s", place);
	else
		snprintf(bench->place, sizeof(bench->place), "sqlite:%s/db", bench->folder);
	if (db_open(bench->place, &bench->db, why)) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	must("audit", audit_setup(bench->db));
	must("tenants", tenants_setup(bench->db));
	must("posture", posture_setup(bench->db));
	must("history", history_setup(bench->db));
	must("reports", report_setup(bench->db));
	must("facts", facts_new(&bench->facts));
}

static void close_bench(struct bench *bench, bool own)
{
	static const char *const names[] = { "db", "db-wal", "db-shm" };
	char path[64];

	facts_free(bench->facts);
	db_close(bench->db);
	for (size_t i = 0; own && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", bench->folder, names[i]);
		unlink(path);
	}
	if (own)
		rmdir(bench->folder);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .count = 1000000 };
	const char *place = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--place") == 0 && i + 1 < argc)
			place = argv[++i];
		else
			bench.count = strtoll(argv[i], NULL, 10);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_bench(&bench, place);
	make_nation(&bench);
	import_all(&bench);
	spread_states(&bench);
	time_pages(&bench);
	time_sums(&bench);
	close_bench(&bench, !place);
	return 0;
}
