// SPDX-License-Identifier: Apache-2.0
/* The whole detection on hostile samples and counters: the input is cut into records of 32 bytes, each becomes a sample,
 * and every few of them a tick whose counters come from the input too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shield/flood.h"

enum { TENANTS = 3, RECORD = 32, PER_TICK = 16, DESTS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_attack(void *user, uint32_t tenant, uint32_t bits) {}
static void on_enforce(void *user, uint32_t tenant, uint32_t slot, uint32_t enforce) {}
static void on_remove(void *user, uint32_t tenant, uint32_t slot) {}
static void on_sample(void *user, uint32_t tenant, uint32_t class_id, uint32_t every) {}

static int on_install(void *user, uint32_t tenant, const struct shield_signature *signature, uint32_t *ret_slot)
{
	*ret_slot = tenant;
	return tenant == 2 ? LUYTRE_E_FULL : 0;
}

static uint64_t on_hits(void *user, uint32_t tenant, uint32_t slot)
{
	uint64_t *hits = user;

	return *hits += 100;
}

static void on_report(void *user, const struct flood_report *report)
{
	char text[FLOOD_TEXT_SIZE];

	flood_report_text(report, LUYTRE_LANG_VI, text, sizeof(text));
	flood_report_text(report, LUYTRE_LANG_EN, text, 20);
}

static void feed(struct flood *flood, const uint8_t *record)
{
	struct shield_sample sample = { .weight = record[0], .frame_size = record[1] };

	sample.tenant = record[2] % (TENANTS + 1);
	sample.reason = record[3];
	sample.class_id = record[4] & 7;
	sample.shadow = record[5] & 1;
	sample.data_size = record[6];
	sample.frame_size = (uint16_t)(sample.frame_size << (record[7] & 7));
	memcpy(sample.data + 12, record + 8, RECORD - 8);
	for (uint32_t i = 0; i < 8; i++) /* enough of them to be learned from */
		flood_sample(flood, &sample);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t keys[TENANTS] = { 0, 5, 6 };
	const struct flood_config config = { 100, 100, 2, 0.5, 1, 2, 100, TENANTS, 16, 1 };
	struct flood_traffic traffic[TENANTS][SHIELD_CLASS_COUNT] = { 0 };
	struct flood_destination dests[DESTS];
	static uint64_t hits;
	const struct flood_ops ops = { &hits, on_attack, on_install, on_enforce, on_remove, on_hits, on_sample,
		on_report, NULL };
	static struct flood *flood;
	static uint64_t now_ns;

	/* One detection for all inputs: its state is part of what is tried. */
	if (!flood) {
		flood = flood_new(&config, &ops);
		if (!flood || flood_rebind(flood, keys, TENANTS))
			return 0;
	}
	for (size_t i = 0; i + RECORD <= size; i += RECORD) {
		struct flood_input input = { 0, TENANTS, (const struct flood_traffic(*)[SHIELD_CLASS_COUNT])traffic,
			dests, DESTS };

		feed(flood, data + i);
		memcpy(&traffic[data[i] % TENANTS][data[i + 1] % SHIELD_CLASS_COUNT], data + i,
			sizeof(struct flood_traffic));
		if (i / RECORD % PER_TICK)
			continue;
		memset(dests, 0, sizeof(dests));
		for (int j = 0; j < DESTS; j++)
			dests[j] = (struct flood_destination){ data[i + (size_t)j], data[i + 9] * 10u,
				(uint16_t)(data[i + 8] % (TENANTS + 1)), data[i + 7] & 1 ? 4 : 6, 0 };
		now_ns += 100000000;
		input.now_ns = now_ns;
		flood_tick(flood, &input);
	}
	return 0;
}
