// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/dns/rules.h"

/* ---- Buffers ---- */

static bool view_of(const struct dns_name *name, struct app_view *ret)
{
	*ret = (struct app_view){ .data = name->text, .last = true };
	return true;
}

bool dns_view_query(const struct dns_message *message, uint32_t index, struct app_view *ret)
{
	return index < message->question_count && view_of(&message->questions[index].name, ret);
}

bool dns_view_answer(const struct dns_message *message, uint32_t index, struct app_view *ret)
{
	return index < message->answer_count && view_of(&message->answers[index].name, ret);
}

bool dns_view_authority(const struct dns_message *message, uint32_t index, struct app_view *ret)
{
	return index < message->authority_count && view_of(&message->authorities[index].name, ret);
}

bool dns_view_additional(const struct dns_message *message, uint32_t index, struct app_view *ret)
{
	return index < message->additional_count && view_of(&message->additionals[index].name, ret);
}

/* The names that a record has beside its own: answers false and takes off what it has. */
static bool names_of(const struct dns_record *record, uint32_t *index, struct app_view *ret)
{
	const struct dns_name *names[3] = { &record->name };
	uint32_t count = 1;

	if (record->data == DNS_DATA_NAME || record->data == DNS_DATA_SOA || record->data == DNS_DATA_SRV)
		names[count++] = &record->target;
	if (record->data == DNS_DATA_SOA)
		names[count++] = &record->rname;
	if (*index < count)
		return view_of(names[*index], ret);
	*index -= count;
	return false;
}

/* Every name in a response. */
bool dns_view_response_name(const struct dns_message *message, uint32_t index, struct app_view *ret)
{
	const struct {
		const struct dns_record *records;
		uint32_t count;
	} sections[] = {
		{ message->answers, message->answer_count },
		{ message->authorities, message->authority_count },
		{ message->additionals, message->additional_count },
	};

	if (index < message->question_count)
		return view_of(&message->questions[index].name, ret);
	index -= message->question_count;
	for (unsigned int s = 0; s < ARRAY_COUNT(sections); s++)
		for (uint32_t i = 0; i < sections[s].count; i++)
			if (names_of(&sections[s].records[i], &index, ret))
				return true;
	return false;
}

/* ---- Numbers ---- */

bool dns_value_opcode(const struct dns_message *message, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = dns_message_opcode(message);
	return index == 0 && message->readable;
}

bool dns_value_rcode(const struct dns_message *message, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = dns_message_rcode(message);
	return index == 0 && message->readable;
}

bool dns_value_type(const struct dns_message *message, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	if (index < message->question_count) {
		*ret = message->questions[index].type;
		return true;
	}
	index -= message->question_count;
	if (dir == TO_CLIENT && index < message->answer_count) {
		*ret = message->answers[index].type;
		return true;
	}
	return false;
}
