// SPDX-License-Identifier: Apache-2.0
/* For tests of detection: an engine of a few rules, and packets made by hand. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { TEST_ALERTS_MAX = 16 };

struct test_rules {
	struct conf_tree *tree;
	struct sensor_settings settings;
	struct policy *policy;
	struct detect_engine *engine;
	struct worker worker;
	struct detect_context *context;
	struct packet_alert alerts[TEST_ALERTS_MAX];
};

/* False when the rules do not load. */
static inline bool test_rules_open(struct test_rules *test, const char *text, bool ips)
{
	char path[] = "/tmp/luytre-rules-XXXXXX", message[CONF_MESSAGE_SIZE];
	struct policy_source source = { .path = path };
	struct policy_options options = { .sources = &source, .source_count = 1, .errors_fatal = true };
	int fd = mkstemp(path);
	bool good;

	memset(test, 0, sizeof(*test));
	log_set_level(LOG_LEVEL_ERROR);
	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && conf_tree_stock(message, &test->tree) == 0;
	close(fd);
	test->settings = (struct sensor_settings){ .tree = test->tree,
		.root = conf_root(test->tree),
		.work_dir = ".",
		.inspection_limit = INSPECTION_LIMIT_DEFAULT,
		.packet_alert_max = TEST_ALERTS_MAX,
		.ips = ips };
	good = good && rules_load(&test->settings, &options, &test->policy) == 0 &&
	       detect_engine_new(test->policy, NULL, &test->engine) == 0;
	unlink(path);
	if (!good)
		return false;
	test->worker.settings = &test->settings;
	test->worker.policy = test->policy;
	test->worker.engine = test->engine;
	test->context = detect_context_new(&test->worker);
	return test->context != NULL;
}

static inline void test_rules_close(struct test_rules *test)
{
	detect_context_free(test->context);
	detect_engine_free(test->engine);
	rules_free(test->policy);
	conf_tree_free(test->tree);
}

/* A UDP packet from 192.0.2.1:1024 to 192.0.2.2:53. */
static inline struct sensor_packet test_packet(struct test_rules *test, struct bytes payload)
{
	struct sensor_packet packet = { .payload = payload, .family = 4, .protocol = 17, .has_udp = true };

	packet.src = ip_addr_v4("\xc0\x00\x02\x01");
	packet.dst = ip_addr_v4("\xc0\x00\x02\x02");
	packet.sport = 1024;
	packet.dport = 53;
	packet.alerts = test->alerts;
	return packet;
}
