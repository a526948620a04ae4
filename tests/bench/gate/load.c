// SPDX-License-Identifier: Apache-2.0
/* See load.h. */
#include "tests/bench/gate/load.h"

#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/error.h"
#include "lab/process.h"

/* Shared with the child. */
struct job {
	const struct engine_kind *kind;
	const char *rules_path, *cache_dir;
	unsigned int sites;
	int error;
	struct load_cost cost;
};

static double anonymous_mb(void)
{
	char line[128];
	unsigned long kb = 0;
	FILE *in = fopen("/proc/self/status", "re");

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "RssAnon: %lu kB", &kb) == 1)
			break;
	}
	if (in)
		fclose(in);
	return (double)kb * 1024 / 1e6;
}

static int measure(struct job *job)
{
	static struct request_list list;
	struct engine *engine;
	uint64_t start_ns;
	double before_mb;
	unsigned int told;
	int error = request_list_init(&list, REQUEST_FORM);

	if (error < 0)
		return error;
	before_mb = anonymous_mb();
	start_ns = clock_id_ns(CLOCK_PROCESS_CPUTIME_ID);
	error = job->kind->open(job->rules_path, job->cache_dir, &engine);
	if (error < 0)
		return error;
	job->cost.load_ms = (double)(clock_id_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns) / (double)NS_PER_MS;
	error = job->kind->judge(engine, &list.items[0], &told);
	job->cost.one_site_mb = anonymous_mb() - before_mb;
	for (unsigned int i = 0; i < job->sites && error == 0; i++)
		error = job->kind->add_site(engine);
	job->cost.more_sites_mb = anonymous_mb() - before_mb;
	return error;
}

static int run(void *context)
{
	struct job *job = context;

	job->error = measure(job);
	return 0;
}

int load_measure(const struct engine_kind *kind, const char *rules_path, const char *cache_dir, unsigned int sites,
	struct load_cost *ret)
{
	struct job *job = mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error;

	if (job == MAP_FAILED)
		return LUYTRE_E_NOMEM;
	*job = (struct job){ .kind = kind, .rules_path = rules_path, .cache_dir = cache_dir, .sites = sites };
	error = process_call(NULL, run, job);
	if (error == 0)
		error = job->error;
	*ret = job->cost;
	munmap(job, sizeof(*job));
	return error;
}
