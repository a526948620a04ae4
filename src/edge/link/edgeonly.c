// SPDX-License-Identifier: Apache-2.0
#include "edge/link/edgeonly.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/payload.h"
#include "bus/policyfile.h"

void edgeonly_init(struct edgeonly *list, const struct config *config)
{
	*list = (struct edgeonly){ .config = config };
	pthread_mutex_init(&list->lock, NULL);
}

void edgeonly_done(struct edgeonly *list)
{
	free(list->prefixes);
	pthread_mutex_destroy(&list->lock);
}

/* Another hub counts anew. */
static bool is_older(const struct edgeonly *list, const struct bundle *bundle)
{
	if (memcmp(list->key_id, bundle->key_id, sizeof(list->key_id)) != 0)
		return false;
	return bundle->revision < list->revision ||
	       (bundle->revision == list->revision && bundle->made_us < list->made_us);
}

static int collect(const struct policyfile *file, struct ip_prefix **ret, size_t *ret_count)
{
	struct ip_prefix *prefixes = calloc(file->row_count + 1, sizeof(*prefixes));
	size_t count = 0;

	if (!prefixes)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < file->row_count; i++) /* in order */
		if (file->rows[i].edge_only)
			prefixes[count++] = file->rows[i].prefix;
	*ret = prefixes;
	*ret_count = count;
	return 0;
}

int edgeonly_take(struct edgeonly *list, const struct bundle *bundle)
{
	struct ip_prefix *prefixes = NULL, *before;
	struct policyfile file;
	struct bytes text;
	size_t count = 0;
	int error;

	if (is_older(list, bundle))
		return 0;
	error = bundle_find(bundle, POLICYFILE_NAME, &text) ? policyfile_read(text, &file) : LUYTRE_E_CORRUPT;
	if (error)
		return error;
	error = collect(&file, &prefixes, &count);
	policyfile_done(&file);
	if (error)
		return error;
	memcpy(list->key_id, bundle->key_id, sizeof(list->key_id));
	list->revision = bundle->revision;
	list->made_us = bundle->made_us;
	pthread_mutex_lock(&list->lock);
	before = list->prefixes;
	list->prefixes = prefixes;
	atomic_store(&list->count, count);
	atomic_store(&list->unknown, false);
	pthread_mutex_unlock(&list->lock);
	free(before);
	return 0;
}

void edgeonly_set_unknown(struct edgeonly *list)
{
	atomic_store(&list->unknown, true);
}

bool edgeonly_is_any(struct edgeonly *list)
{
	return atomic_load_explicit(&list->count, memory_order_relaxed) != 0 || atomic_load(&list->unknown);
}

bool edgeonly_covers(struct edgeonly *list, const struct ip_addr *addr)
{
	struct ip_prefix wanted;
	size_t low = 0, high;
	bool covers;

	if (!addr->family)
		return false;
	wanted = ip_prefix_of_addr(addr);
	pthread_mutex_lock(&list->lock);
	high = atomic_load(&list->count);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ip_prefix_compare(&list->prefixes[middle], &wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	covers = low && ip_prefix_covers(&list->prefixes[low - 1], &wanted);
	pthread_mutex_unlock(&list->lock);
	return covers;
}

/* Addresses that others are translated to (RFC 1918, 6598, 4193), or that stay on the machine or its link. */
static bool is_local(const struct ip_addr *addr)
{
	static const char *const texts[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct ip_prefix prefix;

		if (ip_prefix_parse(bytes_from_str(texts[i]), 0, &prefix) || ip_prefix_contains(&prefix, addr))
			return true;
	}
	return false;
}

static bool is_configured(const struct config *config, const struct ip_addr *addr)
{
	for (size_t t = 0; config && t < config->tenant_count; t++) {
		const struct config_prefixes *own = &config->tenants[t].prefixes;

		for (size_t i = 0; i < own->count; i++)
			if (ip_prefix_contains(&own->items[i], addr))
				return true;
	}
	return false;
}

/* An event of a gate whose server's address says nothing of whom it is about. */
static bool is_translated(const struct edgeonly *list, struct bytes event, const struct ip_addr *dst)
{
	static const char word[] = "\"gate\"";

	return memmem(event.ptr, event.size, word, sizeof(word) - 1) &&
	       (is_local(dst) || !is_configured(list->config, dst));
}

int edgeonly_strip(
	struct edgeonly *list, uint8_t *event, size_t size, size_t *ret_size, size_t *ret_removed, bool *ret_about)
{
	struct ip_addr src, dst;
	int error = payload_ends(bytes_of(event, size), &src, &dst);

	*ret_size = size;
	*ret_removed = 0;
	*ret_about = false;
	if (error)
		return error;
	*ret_about = edgeonly_covers(list, &src) || edgeonly_covers(list, &dst);
	if (src.family && dst.family && !*ret_about && !atomic_load(&list->unknown) &&
		!is_translated(list, bytes_of(event, size), &dst))
		return 0;
	return payload_strip(bytes_of(event, size), event, ret_size, ret_removed);
}
