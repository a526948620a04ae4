// SPDX-License-Identifier: Apache-2.0
/* What policy.c (compiling), files.c (which files, and have they changed) and watch.c (the thread) share. */
#pragma once

#include "gate/nginx/policy.h"

/* Files and folders whose change means other rules. Of a folder count *.conf and *.data, what rules are made of. */
struct files {
	char **paths; /* owned */
	size_t count;
};

MUST_CHECK int files_add(struct files *files, const char *path);
/* The folder a rule file lies in, once: its neighbours are what it includes, and the data of its operators. */
MUST_CHECK int files_add_folder_of(struct files *files, const char *path);
MUST_CHECK int files_copy(const struct files *files, struct files *ret);
void files_free(struct files *files);
/* Of names, sizes, times and inodes; never 0. Any thread. */
uint64_t files_fingerprint(const struct files *files);

/* A plan with a site for each of the policy's, not in place yet. */
struct policy_prepared {
	struct gate_plan *plan;
	struct gate_site **sites;
	struct files files;
	uint64_t fingerprint; /* 0: they changed while they were read */
};

struct policy_entry {
	struct policy_site *handle; /* owned */
	const struct gate_site_settings *settings; /* borrowed */
};

struct policy {
	struct policy *next; /* of those alive */
	char **paths;
	size_t path_count;
	struct policy_entry *sites;
	size_t site_count;
	struct gate_plan *plan;
	struct files files;
	uint64_t fingerprint; /* of 'files' when 'plan' was compiled */
	bool shared;
	struct gate_worker *worker;
	struct audit_log *audit;

	/* Between thread and event loop, under the watch's mutex. */
	enum policy_change waiting;
	struct policy_prepared prepared;
	char why[POLICY_WHY_SIZE];
	/* The thread's alone. */
	uint64_t seen, refused; /* fingerprints */
};

/* Any thread: changes nothing of the policy. 'options' say how the plan is compiled. */
MUST_CHECK int policy_prepare(const struct policy *policy, const struct gate_plan_options *options,
	struct policy_prepared *ret, char why[POLICY_WHY_SIZE]);
/* Puts it in place of what is there; empties it. */
void policy_put(struct policy *policy, struct policy_prepared *prepared);
void policy_prepared_free(struct policy_prepared *prepared, size_t site_count);
