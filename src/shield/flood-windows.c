// SPDX-License-Identifier: Apache-2.0
/* Samples of peace and of attacks (see flood-windows.h). */
#include "shield/flood-windows.h"

#include <stdlib.h>
#include <string.h>

struct room { /* of one tenant */
	uint32_t storage; /* which part of the two arrays below is this tenant's; moves with it */
	uint32_t peace_count, waiting_first, waiting_count;
	uint32_t accept_tick; /* a full peace takes no sample before */
	uint32_t capture; /* index + 1; 0: none */
};

struct capture {
	struct signature_sample samples[WINDOWS_CAPTURE_MAX];
	uint32_t count, next;
	bool used;
};

struct windows {
	struct room *rooms, *spare;
	struct signature_sample *peace, *waiting;
	struct capture *captures;
	uint32_t tenants, peace_max, delay_ticks, renew_ticks;
	uint64_t random, skipped, refused;
};

static uint32_t windows_random(struct windows *windows)
{
	windows->random = windows->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(windows->random >> 32);
}

struct windows *windows_new(uint32_t tenants, uint32_t tick_ms, uint64_t seed)
{
	struct windows *windows = calloc(1, sizeof(*windows));

	if (!windows)
		return NULL;
	windows->tenants = tenants;
	windows->peace_max = tenants > WINDOWS_TENANTS_MANY + 1 ? WINDOWS_PEACE_MAX / 2 : WINDOWS_PEACE_MAX;
	windows->delay_ticks = WINDOWS_DELAY_MS / tick_ms + 1;
	windows->renew_ticks = (uint32_t)((uint64_t)WINDOWS_PEACE_S * 1000 / tick_ms / windows->peace_max);
	windows->random = seed;
	windows->rooms = calloc(tenants, sizeof(*windows->rooms));
	windows->spare = calloc(tenants, sizeof(*windows->spare));
	windows->peace = calloc((size_t)tenants * windows->peace_max, sizeof(*windows->peace));
	windows->waiting = calloc((size_t)tenants * WINDOWS_WAITING_MAX, sizeof(*windows->waiting));
	windows->captures = calloc(FLOOD_CAPTURES_MAX, sizeof(*windows->captures));
	if (!windows->rooms || !windows->spare || !windows->peace || !windows->waiting || !windows->captures) {
		windows_free(windows);
		return NULL;
	}
	for (uint32_t i = 0; i < tenants; i++)
		windows->rooms[i].storage = i;
	return windows;
}

void windows_free(struct windows *windows)
{
	if (!windows)
		return;
	free(windows->rooms);
	free(windows->spare);
	free(windows->peace);
	free(windows->waiting);
	free(windows->captures);
	free(windows);
}

static struct signature_sample *peace_of(const struct windows *windows, const struct room *room)
{
	return windows->peace + (size_t)room->storage * windows->peace_max;
}

static struct signature_sample *waiting_of(const struct windows *windows, const struct room *room)
{
	return windows->waiting + (size_t)room->storage * WINDOWS_WAITING_MAX;
}

static void peace_add(struct windows *windows, struct room *room, const struct signature_sample *sample, uint32_t tick)
{
	struct signature_sample *peace = peace_of(windows, room);

	if (room->peace_count < windows->peace_max) {
		peace[room->peace_count++] = *sample;
		return;
	}
	if ((int32_t)(tick - room->accept_tick) < 0)
		return;
	room->accept_tick = tick + windows->renew_ticks;
	peace[windows_random(windows) % windows->peace_max] = *sample;
}

void windows_mature(struct windows *windows, uint32_t tenant, uint32_t tick)
{
	struct room *room = &windows->rooms[tenant];
	struct signature_sample *waiting = waiting_of(windows, room);

	while (room->waiting_count && tick - waiting[room->waiting_first].tick >= windows->delay_ticks) {
		peace_add(windows, room, &waiting[room->waiting_first], tick);
		room->waiting_first = (room->waiting_first + 1) % WINDOWS_WAITING_MAX;
		room->waiting_count--;
	}
}

void windows_add(struct windows *windows, uint32_t tenant, const struct signature_sample *sample)
{
	struct room *room = &windows->rooms[tenant];

	if (room->capture) {
		struct capture *capture = &windows->captures[room->capture - 1];

		capture->samples[capture->next] = *sample;
		capture->next = (capture->next + 1) % WINDOWS_CAPTURE_MAX;
		capture->count += capture->count < WINDOWS_CAPTURE_MAX;
		return;
	}
	if (room->waiting_count == WINDOWS_WAITING_MAX)
		windows_mature(windows, tenant, sample->tick);
	if (room->waiting_count == WINDOWS_WAITING_MAX) {
		windows->skipped++;
		return;
	}
	waiting_of(windows, room)[(room->waiting_first + room->waiting_count++) % WINDOWS_WAITING_MAX] = *sample;
}

bool windows_capture(struct windows *windows, uint32_t tenant)
{
	struct room *room = &windows->rooms[tenant];

	room->waiting_count = 0;
	if (room->capture)
		return true;
	for (uint32_t i = 0; i < FLOOD_CAPTURES_MAX; i++) {
		if (windows->captures[i].used)
			continue;
		windows->captures[i].used = true;
		windows->captures[i].count = windows->captures[i].next = 0;
		room->capture = i + 1;
		return true;
	}
	windows->refused++;
	return false;
}

void windows_release(struct windows *windows, uint32_t tenant)
{
	struct room *room = &windows->rooms[tenant];

	if (room->capture)
		windows->captures[room->capture - 1].used = false;
	room->capture = 0;
}

const struct signature_sample *windows_peace(const struct windows *windows, uint32_t tenant, size_t *ret_count)
{
	const struct room *room = &windows->rooms[tenant];

	*ret_count = room->peace_count;
	return peace_of(windows, room);
}

const struct signature_sample *windows_captured(const struct windows *windows, uint32_t tenant, size_t *ret_count)
{
	const struct room *room = &windows->rooms[tenant];

	*ret_count = room->capture ? windows->captures[room->capture - 1].count : 0;
	return room->capture ? windows->captures[room->capture - 1].samples : NULL;
}

void windows_forget(struct windows *windows, uint32_t tenant)
{
	windows->rooms[tenant].peace_count = 0;
	windows->rooms[tenant].waiting_count = 0;
}

void windows_rebind(struct windows *windows, const uint16_t *new_slot)
{
	for (uint32_t i = 0; i < windows->tenants; i++)
		windows_release(windows, i);
	memcpy(windows->spare, windows->rooms, windows->tenants * sizeof(*windows->rooms));
	for (uint32_t i = 0; i < windows->tenants; i++)
		windows->rooms[new_slot[i]] = windows->spare[i];
}

uint64_t windows_skipped(const struct windows *windows)
{
	return windows->skipped;
}

uint64_t windows_refused(const struct windows *windows)
{
	return windows->refused;
}
