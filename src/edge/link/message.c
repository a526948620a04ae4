// SPDX-License-Identifier: Apache-2.0
#include "edge/link/message.h"

#include <stddef.h>

static size_t record_size(uint32_t kind)
{
	return kind == LINK_CHANGES ? sizeof(struct link_change) : kind == LINK_DROPS ? sizeof(struct link_drop) : 0;
}

size_t link_message_size(const struct link_message *message)
{
	size_t head = offsetof(struct link_message, changes);

	if (message->kind == LINK_STATUS)
		return head + sizeof(struct link_figures);
	if (message->kind == LINK_SHIELD)
		return head + sizeof(struct link_shield);
	if (message->kind == LINK_POLICY_STANDS)
		return head + sizeof(struct link_policy);
	return head + message->count * record_size(message->kind);
}

bool link_message_is_whole(const struct link_message *message, size_t size)
{
	if (size < offsetof(struct link_message, changes) || message->kind >= LINK_KIND_COUNT ||
		message->count > LINK_RECORDS_MAX)
		return false;
	return size == link_message_size(message);
}
