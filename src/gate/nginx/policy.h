// SPDX-License-Identifier: Apache-2.0
/* A policy: a list of rule files, the plan they compile to, and the sites that use it. Knows nothing of nginx.
 *
 *	policy_new(), policy_add_path() ...		while the configuration is read
 *	policy_add_site() ...
 *	policy_load()					once: compiles with all processors, or shares the plan of a policy with the same files
 *	policy_watch_start()				in a worker: a thread looks at the files and compiles what has changed
 *	policy_watch_poll()				in the worker's event loop: puts new plans in place
 *
 * The request path reads 'site->site' of its handle and needs no lock: only policy_watch_poll, in the same thread, changes it.
 * Transactions that run keep their old plan by reference. What the thread makes becomes the event loop's under a mutex; references are
 * counted by the event loop alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gate/gate.h"

struct policy;
struct audit_log; /* gate/output/event.h */

/* Room for what is wrong with rules: the first few messages, "file:line: reason", one a line. */
#define POLICY_WHY_SIZE 2048

/* What locations hold. */
struct policy_site {
	struct gate_site *site; /* changes with a swap: to be read anew for each request */
	struct policy *policy;
};

/* Null without memory. Every policy of the process is known to policy_load until it is freed. */
struct policy *policy_new(void);
void policy_free(struct policy *policy); /* accepts null; its sites as well */

/* A file, or a folder of *.conf. The path is copied. LUYTRE_E_NOMEM. */
MUST_CHECK int policy_add_path(struct policy *policy, const char *path);
size_t policy_path_count(const struct policy *policy);
const char *policy_path(const struct policy *policy, size_t number);

/* 'settings' and all it points to live as long as the policy. The handle belongs to the policy. LUYTRE_E_NOMEM. */
MUST_CHECK int policy_add_site(
	struct policy *policy, const struct gate_site_settings *settings, struct policy_site **ret);

/* Compiles the plan and makes all sites. Writes what is wrong into 'why'. LUYTRE_E_SYNTAX and others. */
MUST_CHECK int policy_load(struct policy *policy, const char *cache_dir, char why[POLICY_WHY_SIZE]);

struct policy_info {
	struct gate_plan_info plan;
	size_t site_count, site_memory_bytes;
	bool shared; /* the plan was compiled before, for another policy of this process */
};
struct policy_info policy_info(const struct policy *policy);

/* Its plan at present, not counted; null before policy_load(). */
struct gate_plan *policy_plan(const struct policy *policy);
/* The scratch memory of this process for the policy's plan, made when it is first asked for. Null without memory. */
struct gate_worker *policy_worker(struct policy *policy);
/* Its audit log; null when the rules want none or it cannot be opened. */
struct audit_log *policy_audit_log(const struct policy *policy);
/* Opens the audit log and makes the scratch memory fit, which the first request would have to wait for. */
void policy_warm(struct policy *policy);

/* ---- change without a reload ---- */

struct policy_watch;

/* Starts the thread: every 'interval_ms' it looks whether files have changed, and compiles once nothing has for as long again, so that
 * a set of files that is being copied is not read half. It compiles alone and with low priority, what the plan in place does not
 * have; processes with the same 'cache_dir' share that (match/obtain.h). 'cache_dir' may be null. LUYTRE_E_SYSTEM, LUYTRE_E_NOMEM. */
MUST_CHECK int policy_watch_start(struct policy *const *policies, size_t count, unsigned int interval_ms,
	const char *cache_dir, struct policy_watch **ret);
/* Waits for a compilation that is under way. Accepts null. */
void policy_watch_stop(struct policy_watch *watch);

enum policy_change { POLICY_SAME, POLICY_SWAPPED, POLICY_REFUSED };

/* Takes what the thread has made for one policy; says in 'why' what is wrong with rules that were refused: then everything stays. */
enum policy_change policy_watch_poll(struct policy_watch *watch, struct policy *policy, char why[POLICY_WHY_SIZE]);
