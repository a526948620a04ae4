// SPDX-License-Identifier: Apache-2.0
/* Compiling a policy, and its sites. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gate/nginx/policy-internal.h"
#include "gate/output/event.h"
#include "gate/output/progress.h"
#include "gate/seclang/rules.h"

/* All policies of the process that are alive: after a reload those of the old configuration too, whose plans are still right when no
 * file has changed. Only the configuration's thread touches it. */
static struct policy *alive;

struct policy *policy_new(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->next = alive;
	alive = policy;
	return policy;
}

void policy_prepared_free(struct policy_prepared *prepared, size_t site_count)
{
	for (size_t i = 0; prepared->sites && i < site_count; i++)
		gate_site_unref(prepared->sites[i]);
	free(prepared->sites);
	gate_plan_unref(prepared->plan);
	files_free(&prepared->files);
	*prepared = (struct policy_prepared){ 0 };
}

void policy_free(struct policy *policy)
{
	struct policy **link = &alive;

	if (!policy)
		return;
	while (*link && *link != policy)
		link = &(*link)->next;
	if (*link)
		*link = policy->next;
	gate_worker_free(policy->worker);
	audit_log_close(policy->audit);
	for (size_t i = 0; i < policy->site_count; i++) {
		gate_site_unref(policy->sites[i].handle->site);
		free(policy->sites[i].handle);
	}
	free(policy->sites);
	policy_prepared_free(&policy->prepared, policy->site_count);
	gate_plan_unref(policy->plan);
	files_free(&policy->files);
	for (size_t i = 0; i < policy->path_count; i++)
		free(policy->paths[i]);
	free(policy->paths);
	free(policy);
}

int policy_add_path(struct policy *policy, const char *path)
{
	char **paths = realloc(policy->paths, (policy->path_count + 1) * sizeof(*paths));

	if (!paths)
		return LUYTRE_E_NOMEM;
	policy->paths = paths;
	paths[policy->path_count] = strdup(path);
	if (!paths[policy->path_count])
		return LUYTRE_E_NOMEM;
	policy->path_count++;
	return 0;
}

size_t policy_path_count(const struct policy *policy)
{
	return policy->path_count;
}

const char *policy_path(const struct policy *policy, size_t number)
{
	return policy->paths[number];
}

int policy_add_site(struct policy *policy, const struct gate_site_settings *settings, struct policy_site **ret)
{
	struct policy_entry *sites = policy->sites;

	/* Thousands of sites: grown by doubling. */
	if ((policy->site_count & (policy->site_count - 1)) == 0) {
		sites = realloc(sites, (policy->site_count ? 2 * policy->site_count : 1) * sizeof(*sites));
		if (!sites)
			return LUYTRE_E_NOMEM;
		policy->sites = sites;
	}
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return LUYTRE_E_NOMEM;
	(*ret)->policy = policy;
	sites[policy->site_count++] = (struct policy_entry){ .handle = *ret, .settings = settings };
	return 0;
}

/* ---- compiling ---- */

static void say_messages(const struct sec_rules *rules, int error, char why[POLICY_WHY_SIZE])
{
	size_t count, size = 0;
	const struct sec_message *messages = sec_rules_messages(rules, &count);

	why[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		char line[512];
		int length;

		if (messages[i].warning)
			continue;
		length = snprintf(line, sizeof(line), "%s%s:%u: %s", size ? "\n" : "", messages[i].file,
			messages[i].line, messages[i].text);
		if (length < 0 || size + (size_t)length + 1 > POLICY_WHY_SIZE)
			break;
		if ((size_t)length >= sizeof(line))
			length = sizeof(line) - 1;
		memcpy(why + size, line, (size_t)length + 1);
		size += (size_t)length;
	}
	if (size == 0)
		snprintf(why, POLICY_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
}

static int list_files(const struct policy *policy, const struct sec_rules *rules, struct files *ret)
{
	size_t count;
	struct sec_rule *const *list = sec_rules_list(rules, &count);
	int error = 0;

	for (size_t i = 0; i < policy->path_count && error == 0; i++)
		error = files_add(ret, policy->paths[i]);
	for (size_t i = 0; i < count && error == 0; i++) {
		if (i == 0 || list[i]->file != list[i - 1]->file)
			error = files_add_folder_of(ret, list[i]->file);
	}
	return error;
}

static int read_rules(const struct policy *policy, struct sec_rules **ret, char why[POLICY_WHY_SIZE])
{
	struct sec_rules *rules = sec_rules_new();
	int error = rules ? 0 : LUYTRE_E_NOMEM;

	for (size_t i = 0; i < policy->path_count && error == 0; i++)
		error = sec_rules_load_file(rules, policy->paths[i]);
	if (error == 0)
		error = sec_rules_finish(rules);
	if (error < 0) {
		if (rules)
			say_messages(rules, error, why);
		else
			snprintf(why, POLICY_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
		sec_rules_free(rules);
		return error;
	}
	*ret = rules;
	return 0;
}

static int make_sites(const struct policy *policy, struct policy_prepared *prepared, char why[POLICY_WHY_SIZE])
{
	int error = 0;

	prepared->sites = calloc(policy->site_count + 1, sizeof(struct gate_site *));
	if (!prepared->sites)
		error = LUYTRE_E_NOMEM;
	for (size_t i = 0; i < policy->site_count && error == 0; i++) {
		error = gate_site_new(prepared->plan, policy->sites[i].settings, &prepared->sites[i]);
		if (error < 0)
			snprintf(why, POLICY_WHY_SIZE,
				"site %s: %s A target of luytre_gate_except is written like in SecLang: ARGS:name.",
				policy->sites[i].settings->name, error_text(error, LUYTRE_LANG_EN));
	}
	if (error == LUYTRE_E_NOMEM)
		snprintf(why, POLICY_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

int policy_prepare(const struct policy *policy, const struct gate_plan_options *options, struct policy_prepared *ret,
	char why[POLICY_WHY_SIZE])
{
	struct policy_prepared prepared = { 0 };
	uint64_t before = files_fingerprint(&policy->files);
	struct sec_rules *rules = NULL;
	int error = read_rules(policy, &rules, why);

	if (error < 0)
		return error;
	error = list_files(policy, rules, &prepared.files);
	prepared.fingerprint = files_fingerprint(&prepared.files);
	/* Changed while they were read: whatever came out, they are to be read again. */
	if (policy->files.count != 0 && files_fingerprint(&policy->files) != before)
		prepared.fingerprint = 0;
	if (error < 0) {
		sec_rules_free(rules);
	} else {
		error = gate_plan_build(rules, options, &prepared.plan);
	}
	if (error < 0)
		snprintf(why, POLICY_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
	else
		error = make_sites(policy, &prepared, why);
	if (error < 0) {
		policy_prepared_free(&prepared, policy->site_count);
		return error;
	}
	*ret = prepared;
	return 0;
}

void policy_put(struct policy *policy, struct policy_prepared *prepared)
{
	for (size_t i = 0; i < policy->site_count; i++) {
		gate_site_unref(policy->sites[i].handle->site);
		policy->sites[i].handle->site = prepared->sites[i];
		prepared->sites[i] = NULL;
	}
	gate_plan_unref(policy->plan);
	policy->plan = prepared->plan;
	prepared->plan = NULL;
	files_free(&policy->files);
	policy->files = prepared->files;
	policy->fingerprint = prepared->fingerprint;
	policy->shared = false;
	prepared->files = (struct files){ 0 };
	policy_prepared_free(prepared, policy->site_count);
}

/* ---- loading ---- */

static bool same_paths(const struct policy *left, const struct policy *right)
{
	if (left->path_count != right->path_count)
		return false;
	for (size_t i = 0; i < left->path_count; i++) {
		if (strcmp(left->paths[i], right->paths[i]) != 0)
			return false;
	}
	return true;
}

/* Somebody who has compiled the files as they are now. */
static const struct policy *find_compiled(const struct policy *policy)
{
	for (const struct policy *other = alive; other; other = other->next) {
		if (other != policy && other->plan && other->fingerprint != 0 && same_paths(policy, other) &&
			files_fingerprint(&other->files) == other->fingerprint)
			return other;
	}
	return NULL;
}

/* Whose plan has most in common with the one to come: of the same files, else any. Null when there is none. */
static const struct gate_plan *find_similar(const struct policy *policy)
{
	const struct gate_plan *plan = NULL;

	for (const struct policy *other = alive; other; other = other->next) {
		if (other->plan && same_paths(policy, other))
			return other->plan;
		if (other->plan && !plan)
			plan = other->plan;
	}
	return plan;
}

/* Nothing else is to be done meanwhile: all processors are taken. */
static int prepare_first(
	const struct policy *policy, const char *cache_dir, struct policy_prepared *ret, char why[POLICY_WHY_SIZE])
{
	struct progress progress;
	struct gate_plan_options options = {
		.cache_dir = cache_dir, .before = find_similar(policy), .progress = progress_show, .context = &progress
	};
	int error;

	progress_begin(&progress, progress_lang());
	error = policy_prepare(policy, &options, ret, why);
	progress_end(&progress);
	return error;
}

int policy_load(struct policy *policy, const char *cache_dir, char why[POLICY_WHY_SIZE])
{
	const struct policy *other = find_compiled(policy);
	struct policy_prepared prepared = { 0 };
	int error;

	if (other) {
		prepared.plan = gate_plan_ref(other->plan);
		prepared.fingerprint = other->fingerprint;
		error = files_copy(&other->files, &prepared.files);
		if (error == 0)
			error = make_sites(policy, &prepared, why);
		if (error < 0)
			policy_prepared_free(&prepared, policy->site_count);
	} else {
		error = prepare_first(policy, cache_dir, &prepared, why);
	}
	if (error < 0)
		return error;
	policy_put(policy, &prepared);
	policy->shared = other != NULL;
	return 0;
}

struct policy_info policy_info(const struct policy *policy)
{
	struct policy_info info = { .site_count = policy->site_count, .shared = policy->shared };

	if (policy->plan)
		info.plan = gate_plan_info(policy->plan);
	for (size_t i = 0; i < policy->site_count; i++) {
		if (policy->sites[i].handle->site)
			info.site_memory_bytes += gate_site_memory(policy->sites[i].handle->site);
	}
	return info;
}

struct gate_plan *policy_plan(const struct policy *policy)
{
	return policy->plan;
}

struct gate_worker *policy_worker(struct policy *policy)
{
	if (!policy->worker)
		policy->worker = gate_worker_new();
	return policy->worker;
}

struct audit_log *policy_audit_log(const struct policy *policy)
{
	return policy->audit;
}

void policy_warm(struct policy *policy)
{
	struct gate_worker *worker = policy_worker(policy);
	struct gate_tx *tx;

	audit_log_close(policy->audit);
	policy->audit = NULL;
	if (audit_log_open(policy->plan, &policy->audit) < 0)
		policy->audit = NULL;
	if (worker && policy->site_count != 0 && gate_tx_new(worker, policy->sites[0].handle->site, &tx) == 0)
		gate_tx_free(tx);
}
