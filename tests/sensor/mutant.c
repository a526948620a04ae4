// SPDX-License-Identifier: Apache-2.0
#include "tests/sensor/mutant.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sensor/capture/file.h"

enum {
	HEADERS_SIZE = 54, /* Ethernet, IPv4 and TCP without options: what is flipped seldom */
	WINDOW_MAX = 32,
	DELAY_MAX = 16, /* a duplicate comes at most so many frames later */
	FLIPS_MAX = 8,
};

static const char *const names[MUTATION_COUNT] = {
#define X(id, name) [MUTATION_##id] = name,
	MUTATIONS(X)
#undef X
};

const char *mutation_name(enum mutation mutation)
{
	return names[mutation];
}

enum mutation mutation_find(const char *name)
{
	enum mutation found = MUTATION_NONE;

	while (found < MUTATION_COUNT && strcmp(names[found], name) != 0)
		found++;
	return found;
}

uint32_t mutant_random(uint64_t *state, uint32_t bound)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((mixed ^ mixed >> 31) % bound);
}

/* One of 2, 4 ... 64: a mutation happens to one in so many frames of a capture. */
static uint32_t random_rate(uint64_t *random)
{
	return 2u << mutant_random(random, 6);
}

/* A copy in a block of its own; one byte at least, because malloc(0) may answer null. */
static uint8_t *copy_bytes(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (copy && size != 0)
		memcpy(copy, data, size);
	return copy;
}

static int add(struct mutant *m, const struct mutant_frame *frame)
{
	struct mutant_frame own = *frame;

	if (m->count == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		struct mutant_frame *more = realloc(m->frames, room * sizeof(*more));

		if (!more)
			return LUYTRE_E_NOMEM;
		m->frames = more;
		m->room = room;
	}
	own.data = copy_bytes(frame->data, frame->size);
	if (!own.data)
		return LUYTRE_E_NOMEM;
	m->frames[m->count++] = own;
	return 0;
}

static int read_frames(struct bytes file, struct mutant *m)
{
	char message[CAPTURE_MESSAGE_SIZE];
	struct capture_file *capture = NULL;
	struct capture_frame in;
	size_t byte_count = 0;
	int error = capture_file_open_memory(file, "mutant", message, &capture);

	while (!error && m->count < MUTANT_FRAMES_MAX && byte_count < MUTANT_BYTES_MAX &&
		capture_file_next(capture, &in) == 1) {
		uint8_t *data = copy_bytes(in.data.ptr, in.data.size);
		struct mutant_frame frame = { .data = data,
			.size = (uint32_t)in.data.size,
			.wire_size = in.wire_size,
			.linktype = in.linktype,
			.time_ns = in.time_ns };

		byte_count += in.data.size;
		error = data ? add(m, &frame) : LUYTRE_E_NOMEM;
		free(data);
	}
	capture_file_close(capture);
	return error;
}

static void flip(uint8_t *data, size_t size, uint64_t *random)
{
	size_t first = size > HEADERS_SIZE && mutant_random(random, 4) != 0 ? HEADERS_SIZE : 0;

	for (uint32_t i = 1 + mutant_random(random, FLIPS_MAX); i > 0 && size > 0; i--)
		data[first + mutant_random(random, (uint32_t)(size - first))] ^=
			(uint8_t)(1u << mutant_random(random, 8));
}

/* ---- Each mutation; 0 or LUYTRE_E_NOMEM. ---- */

static int cut_frames(struct mutant *m, uint64_t *random)
{
	uint32_t rate = random_rate(random);

	for (size_t i = 0; i < m->count; i++) {
		struct mutant_frame *f = &m->frames[i];
		uint8_t *cut;

		if (f->size == 0 || mutant_random(random, rate) != 0)
			continue;
		f->size = mutant_random(random, f->size);
		cut = copy_bytes(f->data, f->size);
		if (!cut)
			return LUYTRE_E_NOMEM;
		free(f->data);
		f->data = cut;
		if (mutant_random(random, 2))
			f->wire_size = f->size;
	}
	return 0;
}

static int flip_bits(struct mutant *m, uint64_t *random)
{
	uint32_t rate = random_rate(random);

	for (size_t i = 0; i < m->count; i++)
		if (mutant_random(random, rate) == 0)
			flip(m->frames[i].data, m->frames[i].size, random);
	return 0;
}

static void swap(struct mutant_frame *left, struct mutant_frame *right, bool keeps_time)
{
	struct mutant_frame other = *left;

	*left = *right;
	*right = other;
	if (!keeps_time) {
		right->time_ns = left->time_ns;
		left->time_ns = other.time_ns;
	}
}

static int reorder(struct mutant *m, uint64_t *random)
{
	uint32_t window = 2 + mutant_random(random, WINDOW_MAX - 1);
	bool keeps_time = mutant_random(random, 2);

	for (size_t i = 0; i + 1 < m->count; i++) {
		size_t left = m->count - i;

		swap(&m->frames[i], &m->frames[i + mutant_random(random, (uint32_t)(left < window ? left : window))],
			keeps_time);
	}
	return 0;
}

/* Moves the last frame to 'place'. */
static void move_last(struct mutant *m, size_t place)
{
	struct mutant_frame last = m->frames[m->count - 1];

	memmove(&m->frames[place + 1], &m->frames[place], (m->count - 1 - place) * sizeof(last));
	last.time_ns = m->frames[place + 1].time_ns;
	m->frames[place] = last;
}

static int duplicate(struct mutant *m, uint64_t *random)
{
	uint32_t rate = random_rate(random);
	bool with_others = mutant_random(random, 2);

	for (size_t i = 0; i < m->count && m->count < MUTANT_FRAMES_MAX; i++) {
		struct mutant_frame copied = m->frames[i];
		size_t place = i + 1 + mutant_random(random, DELAY_MAX);

		if (mutant_random(random, rate) != 0)
			continue;
		if (add(m, &copied))
			return LUYTRE_E_NOMEM;
		if (with_others)
			flip(m->frames[m->count - 1].data, m->frames[m->count - 1].size, random);
		if (place < m->count - 1)
			move_last(m, place);
	}
	return 0;
}

static int drop(struct mutant *m, uint64_t *random)
{
	uint32_t rate = random_rate(random);
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (mutant_random(random, rate) == 0)
			free(m->frames[i].data);
		else
			m->frames[kept++] = m->frames[i];
	}
	m->count = kept;
	return 0;
}

static int all(struct mutant *m, uint64_t *random)
{
	int error = drop(m, random);

	if (!error)
		error = duplicate(m, random);
	if (!error)
		error = reorder(m, random);
	if (!error)
		error = flip_bits(m, random);
	return error ? error : cut_frames(m, random);
}

static int (*const mutate_frames[MUTATION_COUNT])(struct mutant *, uint64_t *) = {
	[MUTATION_CUT_FRAMES] = cut_frames,
	[MUTATION_FLIP_BITS] = flip_bits,
	[MUTATION_REORDER] = reorder,
	[MUTATION_DUPLICATE] = duplicate,
	[MUTATION_DROP] = drop,
	[MUTATION_ALL] = all,
};

/* Wrong bits all over the file: a few, or one in some hundred bytes. */
static void damage(uint8_t *data, size_t size, uint64_t *random)
{
	size_t count = mutant_random(random, 2) ? 1 + mutant_random(random, FLIPS_MAX) : 1 + size / 256;

	for (size_t i = 0; i < count && size > 0; i++)
		data[mutant_random(random, (uint32_t)size)] ^= (uint8_t)(1u << mutant_random(random, 8));
}

int mutant_make(struct bytes file, enum mutation mutation, uint64_t seed, struct mutant *ret)
{
	uint64_t random = seed;
	uint8_t *damaged = NULL;
	int error;

	*ret = (struct mutant){ 0 };
	if (mutation == MUTATION_CUT_FILE)
		file = bytes_first(file, mutant_random(&random, (uint32_t)file.size + 1));
	if (mutation == MUTATION_DAMAGE_FILE) {
		damaged = copy_bytes(file.ptr, file.size);
		if (!damaged)
			return LUYTRE_E_NOMEM;
		damage(damaged, file.size, &random);
		file.ptr = damaged;
	}
	error = read_frames(file, ret);
	free(damaged);
	if (!error && mutate_frames[mutation])
		error = mutate_frames[mutation](ret, &random);
	if (error)
		mutant_done(ret);
	return error;
}

void mutant_done(struct mutant *mutant)
{
	for (size_t i = 0; i < mutant->count; i++)
		free(mutant->frames[i].data);
	free(mutant->frames);
	*mutant = (struct mutant){ 0 };
}
