// SPDX-License-Identifier: Apache-2.0
#include "gate/hold/samples.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/jsonr.h"

#define MEMORY_MAX    ((size_t)64 << 20)
#define LINE_SIZE_MAX ((size_t)1 << 20)
#define VALUES_MAX    (3 * HOLD_SAMPLES_HEADERS_MAX + HOLD_SAMPLES_EXPECT_MAX + 64)
#define TEXT_MAX      ((size_t)1 << 20)

static const char attack_end[] = "-attack", twin_end[] = "-twin";

struct header {
	struct bytes name, value;
};

struct hold_sample {
	struct bytes stem; /* its id without the end */
	bool attack, twin;
	const char *client;
	struct bytes method, target, protocol, body;
	struct header *headers;
	size_t header_count;
	uint64_t expect[HOLD_SAMPLES_EXPECT_MAX];
	size_t expect_count;
};

/* A rule's two. */
struct proof {
	uint64_t rule;
	uint32_t number; /* of the attack */
	const struct hold_sample *attack, *twin;
};

struct hold_samples {
	struct arena arena;
	struct hold_sample **all;
	size_t count;
	struct proof *proofs; /* by rule */
	size_t proof_count;
};

void hold_samples_free(struct hold_samples *samples)
{
	if (!samples)
		return;
	free(samples->all);
	free(samples->proofs);
	arena_done(&samples->arena);
	free(samples);
}

/* ---- one line ---- */

struct reader {
	struct arena *arena;
	bool no_memory;
};

static void *take(struct reader *reader, size_t size)
{
	void *memory = arena_alloc(reader->arena, size);

	reader->no_memory |= !memory;
	return memory;
}

/* One character for each byte: those from U+0080 to U+00FF are bytes. */
static struct bytes wire_text(struct reader *reader, struct bytes text)
{
	uint8_t *room = take(reader, text.size + 1);
	size_t size = 0;

	for (size_t i = 0; room && i < text.size; i++) {
		if ((text.ptr[i] & 0xfe) == 0xc2 && i + 1 < text.size) {
			room[size++] = (uint8_t)((text.ptr[i] & 3) << 6 | (text.ptr[i + 1] & 0x3f));
			i++;
		} else {
			room[size++] = text.ptr[i];
		}
	}
	return bytes_of(room, room ? size : 0);
}

static struct bytes read_text(
	struct reader *reader, const struct jsonr *root, const char *key, enum jsonr_need need, const char *otherwise)
{
	struct bytes text;

	return jsonr_string(root, key, need, 0, TEXT_MAX, &text) ? wire_text(reader, text) : bytes_from_str(otherwise);
}

static struct bytes text_of(const json_t *value)
{
	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

static void read_headers(struct reader *reader, const struct jsonr *root, struct hold_sample *sample)
{
	struct jsonr list;
	size_t count;

	if (!jsonr_array(root, "headers", JSONR_OPTIONAL, HOLD_SAMPLES_HEADERS_MAX, &list))
		return;
	count = json_array_size(list.value);
	sample->headers = take(reader, (count + 1) * sizeof(*sample->headers));
	for (size_t i = 0; sample->headers && i < count; i++) {
		struct jsonr pair = jsonr_item(&list, i);
		const json_t *name = json_array_get(pair.value, 0), *value = json_array_get(pair.value, 1);

		if (!json_is_string(name) || !json_is_string(value)) {
			jsonr_fail(&pair, JSONR_TYPE, 0, 0);
			return;
		}
		sample->headers[sample->header_count++] =
			(struct header){ wire_text(reader, text_of(name)), wire_text(reader, text_of(value)) };
	}
}

static void read_expect(const struct jsonr *root, struct hold_sample *sample)
{
	struct jsonr list;

	if (!jsonr_array(root, "expect", JSONR_NEEDED, HOLD_SAMPLES_EXPECT_MAX, &list))
		return;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct jsonr item = jsonr_item(&list, i);

		if (!json_is_integer(item.value) || json_integer_value(item.value) <= 0)
			jsonr_fail(&item, JSONR_TYPE, 0, 0);
		else
			sample->expect[sample->expect_count++] = (uint64_t)json_integer_value(item.value);
	}
}

static void read_body(struct reader *reader, const struct jsonr *root, struct hold_sample *sample)
{
	struct jsonr at = jsonr_member(root, "body_base64");
	struct bytes text;
	uint8_t *room;
	size_t used;

	if (!jsonr_string(root, "body_base64", JSONR_OPTIONAL, 0, TEXT_MAX, &text))
		return;
	room = take(reader, text.size + 1);
	if (!room)
		return;
	sample->body = bytes_of(room, ascii_base64_decode(text, room, &used));
	for (; used < text.size; used++) {
		if (text.ptr[used] != '=') {
			jsonr_fail(&at, JSONR_FORM, 0, 0);
			return;
		}
	}
}

static bool ends_with(struct bytes text, const char *end)
{
	size_t size = strlen(end);

	return text.size > size && memcmp(text.ptr + text.size - size, end, size) == 0;
}

static void read_name(struct reader *reader, const struct jsonr *root, struct hold_sample *sample)
{
	struct bytes id = read_text(reader, root, "id", JSONR_NEEDED, "");

	sample->attack = ends_with(id, attack_end);
	sample->twin = ends_with(id, twin_end);
	if (sample->attack)
		id.size -= sizeof(attack_end) - 1;
	else if (sample->twin)
		id.size -= sizeof(twin_end) - 1;
	sample->stem = id;
}

static struct hold_sample *read_object(struct reader *reader, const struct jsonr *root)
{
	struct hold_sample *sample = take(reader, sizeof(*sample));
	struct bytes client;

	if (!sample)
		return NULL;
	read_name(reader, root, sample);
	client = read_text(reader, root, "client_ip", JSONR_OPTIONAL, "192.0.2.10");
	sample->client = arena_dup_str(reader->arena, client);
	reader->no_memory |= !sample->client;
	sample->method = read_text(reader, root, "method", JSONR_NEEDED, "");
	sample->target = read_text(reader, root, "uri", JSONR_NEEDED, "");
	sample->protocol = read_text(reader, root, "protocol", JSONR_OPTIONAL, "HTTP/1.1");
	read_headers(reader, root, sample);
	read_expect(root, sample);
	read_body(reader, root, sample);
	return sample;
}

static int read_line(struct hold_samples *samples, struct bytes line)
{
	static const struct jsonr_limits limits = {
		.size_max = LINE_SIZE_MAX, .depth_max = 8, .value_max = VALUES_MAX
	};
	struct reader reader = { .arena = &samples->arena };
	struct jsonr_errors errors = { 0 };
	struct hold_sample *sample;
	struct jsonr root;
	json_t *document;
	int error = jsonr_parse(line, &limits, &errors, &document);

	if (error < 0)
		return error == LUYTRE_E_RANGE ? LUYTRE_E_SYNTAX : error;
	jsonr_root(&root, document, &errors);
	sample = json_is_object(document) ? read_object(&reader, &root) : NULL;
	if (!json_is_object(document) || errors.count != 0)
		error = LUYTRE_E_SYNTAX;
	else if (reader.no_memory)
		error = LUYTRE_E_NOMEM;
	else if (samples->count == HOLD_SAMPLES_MAX)
		error = LUYTRE_E_FULL;
	else
		samples->all[samples->count++] = sample;
	json_decref(document);
	return error;
}

/* ---- the file ---- */

static int compare_proofs(const void *left, const void *right)
{
	const struct proof *a = left, *b = right;
	int order = (a->rule > b->rule) - (a->rule < b->rule);

	return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static const struct hold_sample *find_twin(const struct hold_samples *samples, uint32_t number)
{
	const struct hold_sample *attack = samples->all[number];

	/* It mostly stands next to it. */
	for (size_t i = 1; i < samples->count; i++) {
		const struct hold_sample *sample = samples->all[(number + i) % samples->count];

		if (sample->twin && bytes_equal(sample->stem, attack->stem))
			return sample;
	}
	return NULL;
}

static int make_proofs(struct hold_samples *samples)
{
	size_t room = 0, kept = 0;

	for (size_t i = 0; i < samples->count; i++)
		room += samples->all[i]->attack ? samples->all[i]->expect_count : 0;
	samples->proofs = calloc(room + 1, sizeof(*samples->proofs));
	if (!samples->proofs)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < samples->count; i++) {
		const struct hold_sample *sample = samples->all[i];
		const struct hold_sample *twin = sample->attack ? find_twin(samples, i) : NULL;

		for (size_t k = 0; sample->attack && k < sample->expect_count; k++)
			samples->proofs[samples->proof_count++] = (struct proof){ sample->expect[k], i, sample, twin };
	}
	qsort(samples->proofs, samples->proof_count, sizeof(*samples->proofs), compare_proofs);
	for (size_t i = 0; i < samples->proof_count; i++) {
		if (kept == 0 || samples->proofs[kept - 1].rule != samples->proofs[i].rule)
			samples->proofs[kept++] = samples->proofs[i];
	}
	samples->proof_count = kept;
	return 0;
}

static bool is_blank(struct bytes line)
{
	for (size_t i = 0; i < line.size; i++) {
		if (line.ptr[i] > ' ')
			return false;
	}
	return true;
}

static int read_lines(struct hold_samples *samples, struct bytes text, size_t *ret_line)
{
	int error = 0;

	for (*ret_line = 0; text.size != 0 && error == 0;) {
		struct bytes line = bytes_first(text, bytes_index(text, '\n'));

		text = bytes_skip(text, line.size + 1);
		++*ret_line;
		if (!is_blank(line))
			error = read_line(samples, line);
	}
	return error;
}

int hold_samples_read(struct bytes text, struct hold_samples **ret, size_t *ret_line)
{
	struct hold_samples *samples;
	int error;

	*ret_line = 0;
	if (text.size > HOLD_SAMPLES_SIZE_MAX)
		return LUYTRE_E_FULL;
	samples = calloc(1, sizeof(*samples));
	if (!samples)
		return LUYTRE_E_NOMEM;
	arena_init(&samples->arena, MEMORY_MAX);
	samples->all = calloc(HOLD_SAMPLES_MAX, sizeof(struct hold_sample *));
	error = samples->all ? read_lines(samples, text, ret_line) : LUYTRE_E_NOMEM;
	if (error == 0)
		error = make_proofs(samples);
	if (error < 0) {
		hold_samples_free(samples);
		return error;
	}
	*ret = samples;
	return 0;
}

static const struct proof *find(const struct hold_samples *samples, uint64_t rule_id)
{
	size_t low = 0, high = samples ? samples->proof_count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (samples->proofs[middle].rule == rule_id)
			return &samples->proofs[middle];
		if (samples->proofs[middle].rule < rule_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct hold_sample *hold_samples_attack(const struct hold_samples *samples, uint64_t rule_id)
{
	const struct proof *proof = find(samples, rule_id);

	return proof ? proof->attack : NULL;
}

const struct hold_sample *hold_samples_twin(const struct hold_samples *samples, uint64_t rule_id)
{
	const struct proof *proof = find(samples, rule_id);

	return proof ? proof->twin : NULL;
}

/* ---- playing ---- */

static bool is_final(const struct gate_tx *tx)
{
	return gate_tx_verdict(tx)->action != GATE_PASS;
}

void hold_sample_play(const struct hold_sample *sample, struct gate_tx *tx)
{
	gate_tx_connection(tx, sample->client, 12345, "127.0.0.1", 80);
	gate_tx_request_line(tx, sample->method, sample->target, sample->protocol);
	for (size_t i = 0; i < sample->header_count; i++)
		gate_tx_request_header(tx, sample->headers[i].name, sample->headers[i].value);
	gate_tx_request_headers_end(tx);
	if (!is_final(tx) && gate_tx_wants_request_body(tx))
		gate_tx_request_body(tx, sample->body);
	if (!is_final(tx))
		gate_tx_request_body_end(tx);
	gate_tx_log(tx);
}
