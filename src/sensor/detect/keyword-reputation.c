// SPDX-License-Identifier: Apache-2.0
/* iprep and geoip: what lists and a database say about a packet's addresses.
 *
 *	iprep: src, CnC, >, 30	iprep: any, CnC, isset
 *	geoip: src, VN, US	geoip: any, !VN
 *
 * Both are read when the first rule of a policy asks, and belong to that policy. Without a configured database a rule with
 * geoip is refused. */
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/reputation.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/number.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"

enum { GEOIP_COUNTRIES_MAX = 64 };
enum side { SIDE_ANY, SIDE_SRC, SIDE_DST, SIDE_BOTH };

static const char *const side_names[] = { "any", "src", "dst", "both", NULL };

/* What a policy has of either; null until a rule asks. */
struct lists {
	uint64_t serial; /* of the policy */
	struct reputation *reputation;
	MMDB_s *countries;
};

/* The one being loaded; each policy's own is freed with it. */
static struct lists current;

static struct lists *lists_of(struct rule_builder *builder)
{
	uint64_t serial = builder->context->policy->serial;

	if (current.serial != serial)
		current = (struct lists){ .serial = serial };
	return &current;
}

/* Any: one of the two addresses; both: each of them. */
static bool on_side(uint8_t side, const struct sensor_packet *packet, const void *condition,
	bool (*holds)(const void *condition, const struct ip_addr *addr))
{
	switch (side) {
	case SIDE_SRC:
		return holds(condition, &packet->src);
	case SIDE_DST:
		return holds(condition, &packet->dst);
	case SIDE_ANY:
		return holds(condition, &packet->src) || holds(condition, &packet->dst);
	default:
		return holds(condition, &packet->src) && holds(condition, &packet->dst);
	}
}

/* ---- iprep ---- */

enum presence { SCORE_TESTED, SCORE_ISSET, SCORE_ISNOTSET };

struct iprep {
	const struct reputation *reputation;
	uint8_t side, category, presence;
	struct rule_number_test test;
};

static bool iprep_holds(const void *condition, const struct ip_addr *addr)
{
	const struct iprep *c = condition;
	int score = reputation_score(c->reputation, addr, c->category);

	if (c->presence != SCORE_TESTED)
		return (score >= 0) == (c->presence == SCORE_ISSET);
	return score >= 0 && rule_number_holds(&c->test, (uint64_t)score);
}

static bool iprep_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct iprep *c = match->data;

	return context->packet->family != 0 && on_side(c->side, context->packet, c, iprep_holds);
}

static const struct rule_match_ops iprep_ops = { .name = "iprep",
	.target = RULE_TARGET_PACKET,
	.flags = RULE_OPS_NOT_PACKET | RULE_OPS_IP_ONLY,
	.match = iprep_match };

static void free_reputation(void *reputation)
{
	reputation_free(reputation);
}

static int need_reputation(struct rule_builder *builder)
{
	struct lists *lists = lists_of(builder);
	char message[REPUTATION_MESSAGE_SIZE] = "";
	int error;

	if (lists->reputation)
		return 0;
	error = reputation_load(builder->context->settings->root, message, &lists->reputation);
	if (error < 0)
		return rule_builder_error(builder, "%s", message);
	if (!lists->reputation)
		return rule_builder_error(builder, "no reputation is configured (reputation-categories-file)");
	error = policy_on_free(builder->context->policy, free_reputation, lists->reputation);
	if (error < 0) {
		reputation_free(lists->reputation);
		lists->reputation = NULL;
	}
	return error;
}

/* "=" and the like, then a score. */
static bool read_test(struct bytes operation, struct bytes value, struct rule_number_test *ret)
{
	char text[32];
	uint32_t score;

	if (!rule_text_u32(value, &score) || score > REPUTATION_SCORE_MAX)
		return false;
	snprintf(text, sizeof(text), "%.*s%u", (int)(operation.size < 4 ? operation.size : 4),
		(const char *)operation.ptr, score);
	return operation.size > 0 && rule_number_parse(bytes_from_str(text), 8, NULL, ret) == NULL;
}

static int parse_iprep(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct iprep *c = arena_alloc(builder->arena, sizeof(*c));
	int error = c ? need_reputation(builder) : LUYTRE_E_NOMEM, side, category;
	struct bytes words[4] = { 0 };
	size_t count = 0;

	if (error < 0)
		return error;
	while (count < 4 && rule_text_item(&value, ',', &words[count]))
		count++;
	if (count < 3 || value.size > 0)
		return rule_builder_error(builder, "expected a side, a category, an operator and a score");
	side = rule_text_choice(words[0], side_names);
	category = reputation_category(current.reputation, words[1]);
	if (side < 0)
		return rule_builder_error(builder, "the side is any, src, dst or both");
	if (category < 0)
		return rule_builder_error(builder, "no category is called \"%.*s\"",
			(int)(words[1].size < 64 ? words[1].size : 64), (const char *)words[1].ptr);
	*c = (struct iprep){ .reputation = current.reputation, .side = (uint8_t)side, .category = (uint8_t)category };
	if (count == 3 && rule_text_is(words[2], "isset"))
		c->presence = SCORE_ISSET;
	else if (count == 3 && rule_text_is(words[2], "isnotset"))
		c->presence = SCORE_ISNOTSET;
	else if (count != 4 || !read_test(words[2], words[3], &c->test))
		return rule_builder_error(builder, "expected <, <=, >, >=, = or != with 0 to 127, isset or isnotset");
	return rule_builder_add(builder, &iprep_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- geoip ---- */

struct geoip {
	MMDB_s *countries;
	uint8_t side;
	uint8_t count;
	bool negated;
	char codes[GEOIP_COUNTRIES_MAX][2];
};

/* The country of an address, two letters; false: the database does not know it. */
static bool country_of(MMDB_s *countries, const struct ip_addr *addr, char ret[2])
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	MMDB_lookup_result_s result;
	MMDB_entry_data_s data;
	int error;

	memcpy(&v4.sin_addr, addr->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, addr->bytes, sizeof(v6.sin6_addr));
	result = MMDB_lookup_sockaddr(
		countries, addr->family == IP_V4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, &error);
	if (error != MMDB_SUCCESS || !result.found_entry ||
		MMDB_get_value(&result.entry, &data, "country", "iso_code", (char *)NULL) != MMDB_SUCCESS ||
		!data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
		return false;
	memcpy(ret, data.utf8_string, 2);
	return true;
}

static bool geoip_holds(const void *condition, const struct ip_addr *addr)
{
	const struct geoip *c = condition;
	bool found = false;
	char code[2];

	if (!country_of(c->countries, addr, code))
		return false;
	for (uint8_t i = 0; i < c->count && !found; i++)
		found = memcmp(c->codes[i], code, sizeof(code)) == 0;
	return found != c->negated;
}

static bool geoip_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct geoip *c = match->data;

	return context->packet->family != 0 && on_side(c->side, context->packet, c, geoip_holds);
}

static const struct rule_match_ops geoip_ops = { .name = "geoip",
	.target = RULE_TARGET_PACKET,
	.flags = RULE_OPS_NOT_PACKET | RULE_OPS_IP_ONLY,
	.match = geoip_match };

static void free_countries(void *countries)
{
	MMDB_close(countries);
	free(countries);
}

static int need_countries(struct rule_builder *builder)
{
	const char *path = conf_text(builder->context->settings->root, "geoip-database", NULL);
	struct lists *lists = lists_of(builder);
	MMDB_s *countries;
	int error;

	if (lists->countries)
		return 0;
	if (!path)
		return rule_builder_error(builder, "no database of countries is configured (geoip-database)");
	countries = calloc(1, sizeof(*countries));
	if (!countries)
		return LUYTRE_E_NOMEM;
	error = MMDB_open(path, MMDB_MODE_MMAP, countries);
	if (error != MMDB_SUCCESS) {
		free(countries);
		return rule_builder_error(builder, "%.150s: %s", path, MMDB_strerror(error));
	}
	error = policy_on_free(builder->context->policy, free_countries, countries);
	if (error < 0)
		free_countries(countries);
	else
		lists->countries = countries;
	return error;
}

static bool read_country(struct geoip *c, struct bytes word)
{
	if (c->count == GEOIP_COUNTRIES_MAX || word.size != 2)
		return false;
	for (int i = 0; i < 2; i++)
		c->codes[c->count][i] = (char)(word.ptr[i] & ~0x20);
	c->count++;
	return true;
}

static int parse_geoip(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct geoip *c = arena_alloc(builder->arena, sizeof(*c));
	int error = c ? need_countries(builder) : LUYTRE_E_NOMEM, side;
	struct bytes word;
	bool first = true;

	if (error < 0)
		return error;
	c->countries = current.countries;
	while (rule_text_item(&value, ',', &word)) {
		side = first ? rule_text_choice(word, side_names) : -1;
		first = false;
		if (side >= 0) {
			c->side = (uint8_t)side;
			continue;
		}
		if (word.size > 0 && word.ptr[0] == '!') {
			c->negated = true;
			word = rule_text_trim(bytes_skip(word, 1));
		}
		if (!read_country(c, word))
			return rule_builder_error(
				builder, "expected a side and up to %d countries of two letters", GEOIP_COUNTRIES_MAX);
	}
	if (c->count == 0)
		return rule_builder_error(builder, "a country is missing");
	return rule_builder_add(builder, &geoip_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_reputation_keywords[] = {
	{ "iprep", NULL, 0, parse_iprep, "the score of an address in a category" },
	{ "geoip", NULL, 0, parse_geoip, "the country of an address" },
	{ 0 },
};
