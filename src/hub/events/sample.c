// SPDX-License-Identifier: Apache-2.0
#include "hub/events/sample.h"

#include <math.h>
#include <stdio.h>

#define RULES    400
#define LATE_ONE 50 /* one of so many events comes late */

/* SplitMix64: G. Steele, D. Lea, C. Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014. */
uint64_t sample_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static double unit(uint64_t random)
{
	return (double)(random >> 11) / (double)(UINT64_C(1) << 53);
}

/* 1 to 'most', with as many between 1 and 10 as between 10 and 100. */
static uint32_t log_uniform(uint64_t random, uint32_t most)
{
	uint32_t value = (uint32_t)exp(unit(random) * log((double)most + 1));

	return value < 1 ? 1 : value > most ? most : value;
}

static struct ip_addr source(uint64_t number)
{
	uint64_t state = number, mixed = sample_random(&state);
	struct ip_addr addr = { .family = mixed % 100 < 8 ? IP_V6 : IP_V4 };

	if (addr.family == IP_V6) {
		addr.bytes[0] = 0x20;
		addr.bytes[1] = 0x01;
		addr.bytes[2] = 0x0d;
		addr.bytes[3] = 0xb8;
		memcpy(addr.bytes + 8, &mixed, sizeof(mixed));
	} else {
		addr.bytes[0] = (uint8_t)(1 + mixed % 200);
		memcpy(addr.bytes + 1, (const uint8_t *)&mixed + 2, 3);
	}
	return addr;
}

static void write_texts(struct sample_text *text, struct ev_event *event, uint64_t number, uint64_t random)
{
	static const char *const agents[] = { "curl/7.88.1", "python-requests/2.31", "Mozilla/5.0 (X11; Linux x86_64)",
		"Go-http-client/1.1", "zgrab/0.x" };
	static const char *const paths[] = { "/wp-login.php", "/.env", "/api/v1/users", "/tìm-kiếm", "/cgi-bin/luci",
		"/owa/auth/logon.aspx" };
	int size = 0;

	if (event->rule != 0)
		size = snprintf(text->signature, sizeof(text->signature), "LT RULE %llu suspicious request of kind %s",
			(unsigned long long)event->rule, ev_kind_name((enum ev_kind)event->kind));
	event->signature = bytes_of(text->signature, (size_t)size);
	size = 0;
	if (number % 16 != 0)
		size = snprintf(text->detail, sizeof(text->detail),
			"{\"seq\":%llu,\"flow_id\":%llu,\"http\":{\"url\":\"%s?id=%u\",\"user_agent\":\"%s\","
			"\"status\":%u,"
			"\"length\":%u},\"flow\":{\"pkts\":%u,\"bytes\":%u}}",
			(unsigned long long)number, (unsigned long long)(random >> 8), paths[random % 6],
			(unsigned int)(random >> 40) % 5000, agents[random / 7 % 5],
			200 + 100 * (unsigned int)(random % 4), (unsigned int)(random >> 20) % 100000,
			(unsigned int)(random % 50), (unsigned int)(random >> 30) % 70000);
	event->detail = bytes_of(text->detail, (size_t)size);
}

void sample_event(const struct sample *sample, uint64_t number, struct sample_text *text, struct ev_event *ret)
{
	static const uint16_t ports[] = { 443, 80, 22, 53, 25, 8080, 3389, 445 };
	uint64_t state = number * 31 + 7;
	uint64_t a = sample_random(&state), b = sample_random(&state), c = sample_random(&state),
		 d = sample_random(&state), e = sample_random(&state);
	int64_t late_us = a % LATE_ONE == 0 ? (int64_t)(b % (uint64_t)(sample->span_us / 20 + 1)) : 0;

	*ret = (struct ev_event){
		.time_us = sample->begin_us + late_us * -1 +
			   (int64_t)((double)sample->span_us * ((double)number / (double)sample->count)),
		.tenant = log_uniform(b, sample->tenants) - 1,
		.system = (uint32_t)(c % 7),
		.edge = 1 + (uint32_t)(a >> 32) % 4,
		.kind = (uint8_t)((a >> 8) % 16 < 9 ? EV_DROPS : (a >> 8) % EV_KIND_COUNT),
		.action = (uint8_t)((a >> 16) % EV_ACTION_COUNT),
		.evidence = (uint8_t)((a >> 20) % EV_EVIDENCE_COUNT),
		.severity = (uint8_t)(1 + ((a >> 24) % 10 < 1 ? 0 : (a >> 24) % 4)),
		.protocol = (a >> 28) % 4 == 0 ? 17 : 6,
		.src_port = (uint16_t)(1024 + c % 60000),
		.dst_port = ports[log_uniform(d, ARRAY_COUNT(ports)) - 1],
		.count = (uint8_t)((a >> 8) % 16 < 9) ? 1 + (uint32_t)(c >> 20) % 500 : 1,
		.decision = (c >> 50) % 3 == 0 ? 1 + (c >> 40) % 1000 : 0,
	};
	if ((a >> 40) % 64 != 0)
		ret->src = source(log_uniform(c, sample->sources));
	if ((a >> 46) % 64 != 0)
		ret->dst = source(UINT64_C(1) << 40 | (ret->tenant * 16 + c % 16));
	if ((a >> 52) % 16 != 0)
		ret->rule = log_uniform(e, RULES);
	write_texts(text, ret, number, b ^ c);
}
