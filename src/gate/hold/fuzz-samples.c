// SPDX-License-Identifier: Apache-2.0
/* Whatever is accepted is played to its end by an engine that nothing can stop. */
#include <assert.h>
#include <stdint.h>

#include "base/error.h"
#include "gate/engine/testengine.h"
#include "gate/hold/samples.h"

static void play(struct test_engine *engine, const struct hold_sample *sample)
{
	struct gate_tx *tx;

	if (!sample || gate_tx_new(engine->worker, engine->site, &tx) < 0)
		return;
	hold_sample_play(sample, tx);
	assert(gate_tx_verdict(tx)->action == GATE_PASS);
	gate_tx_free(tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gate_site_settings settings = { .name = "fuzz", .mode = GATE_SHADOW };
	static struct gate_plan_options options;
	static struct test_engine engine; /* made once: lives as long as the program */
	struct hold_samples *samples;
	size_t line;
	int error = hold_samples_read(bytes_of(data, size), &samples, &line);

	if (error < 0) {
		assert(error == LUYTRE_E_SYNTAX || error == LUYTRE_E_FULL || error == LUYTRE_E_NOMEM);
		return 0;
	}
	if (!engine.plan)
		test_open(&engine,
			test_plan("SecRuleEngine On\nSecRequestBodyAccess On\nSecRule ARGS|REQUEST_HEADERS \"@contains "
				  "a\" "
				  "\"id:1,phase:2,deny\"\n",
				&options),
			&settings);
	for (uint64_t rule = 0; rule < 64; rule++) {
		play(&engine, hold_samples_attack(samples, rule));
		play(&engine, hold_samples_twin(samples, rule));
	}
	hold_samples_free(samples);
	return 0;
}
