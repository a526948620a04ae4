// SPDX-License-Identifier: Apache-2.0
/* @ipMatch, @ipMatchFromFile: is the value an address in one of many networks?
 *
 * The networks are sorted, and those inside others taken away: what is left does not overlap, and the last that begins at or before
 * an address is the only one that can hold it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/net.h"
#include "gate/operator/operator-internal.h"

struct networks {
	struct ip_prefix *list; /* owned; sorted */
	size_t count, capacity;
};

void operator_address_free(void *compiled)
{
	struct networks *networks = compiled;

	if (!networks)
		return;
	free(networks->list);
	free(networks);
}

static int add(struct networks *networks, struct bytes text, char message[OPERATOR_MESSAGE_SIZE])
{
	struct ip_prefix prefix;

	if (ip_prefix_parse(text, IP_PREFIX_MASK_HOST_BITS, &prefix) < 0) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "\"%.*s\" is not an address or a network",
			text.size > 100 ? 100 : (int)text.size, (const char *)text.ptr);
		return LUYTRE_E_SYNTAX;
	}
	if (networks->count == networks->capacity) {
		size_t capacity = networks->capacity ? 2 * networks->capacity : 8;
		struct ip_prefix *grown = reallocarray(networks->list, capacity, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		networks->list = grown;
		networks->capacity = capacity;
	}
	networks->list[networks->count++] = prefix;
	return 0;
}

static int compare(const void *left, const void *right)
{
	return ip_prefix_compare(left, right);
}

/* Sorts, and takes away what another network covers. Takes 'networks' over in any case. */
static int finish(struct networks *networks, int error, void **ret)
{
	size_t kept = 0;

	if (error < 0) {
		operator_address_free(networks);
		return error;
	}
	if (networks->count != 0)
		qsort(networks->list, networks->count, sizeof(*networks->list), compare);
	for (size_t i = 0; i < networks->count; i++) {
		if (kept == 0 || !ip_prefix_covers(&networks->list[kept - 1], &networks->list[i]))
			networks->list[kept++] = networks->list[i];
	}
	networks->count = kept;
	*ret = networks;
	return 0;
}

OPERATOR_COMPILE(operator_address_compile)
{
	struct networks *networks = calloc(1, sizeof(*networks));
	struct bytes rest = parameter, text;
	int error = networks ? 0 : LUYTRE_E_NOMEM;

	while (error == 0 && operator_next(&rest, ",", &text))
		error = add(networks, operator_trim(text), message);
	return finish(networks, error, ret);
}

OPERATOR_COMPILE(operator_address_file_compile)
{
	struct networks *networks = calloc(1, sizeof(*networks));
	struct bytes rest, line;
	uint8_t *data = NULL;
	size_t size = 0;
	int error =
		networks ? operator_file_read(setup, operator_trim(parameter), message, &data, &size) : LUYTRE_E_NOMEM;

	rest = bytes_of(data, size);
	while (error == 0 && operator_next_line(&rest, &line))
		error = add(networks, operator_trim(line), message);
	free(data);
	return finish(networks, error, ret);
}

OPERATOR_MATCH(operator_address_match)
{
	const struct networks *networks = compiled;
	size_t low = 0, high = networks->count;
	struct ip_addr addr;

	if (networks->count == 0 || ip_addr_parse(value, &addr) < 0)
		return false;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (ip_addr_compare(&networks->list[middle].addr, &addr) <= 0)
			low = middle;
		else
			high = middle;
	}
	return ip_prefix_contains(&networks->list[low], &addr) && operator_found(call, value);
}
