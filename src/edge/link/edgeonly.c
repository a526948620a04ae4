// SPDX-License-Identifier: Apache-2.0
#include "edge/link/edgeonly.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/payload.h"
#include "bus/policyfile.h"

void edgeonly_init(struct edgeonly *list)
{
	*list = (struct edgeonly){ 0 };
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
	pthread_mutex_unlock(&list->lock);
	free(before);
	return 0;
}

bool edgeonly_is_any(struct edgeonly *list)
{
	return atomic_load_explicit(&list->count, memory_order_relaxed) != 0;
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
	if (src.family && dst.family && !*ret_about)
		return 0;
	return payload_strip(bytes_of(event, size), event, ret_size, ret_removed);
}
