// SPDX-License-Identifier: Apache-2.0
/* Twenty tenants, one or two of them captured and lying as cleverly as we could think of, for most of a day, with a
 * fixed seed. What must hold at every minute: no decoy is blocked, and at most 60 innocent addresses are held at once.
 * Undo-all frees all of them, and through it all an honest victim's attacker is blocked for everybody at once.
 *
 * The liars know all public decisions, see all reports of each other, and do one of these, after twelve hours of
 * farming trust by reporting what everybody sees, what we publish, and what they invent to confirm each other:
 *
 *	flood		report new innocents together as fast as they can
 *	slow		report few, stay below every budget, and renew what ends
 *	alone		one of them only, so that no quorum is needed
 *	shared		carrier NAT addresses
 *	neighbours	addresses around the decoys, and /64 around a decoy's /64, hoping to lift the block over it
 *	spoofed		as flood, while forged packets make all honest sensors "see" the same innocents
 *	veto		as flood, and veto whatever honest tenants block */
#include "hub/decide/test-kit.h"

#define DECOYS       50
#define DECOYS_V6    4
#define TENANTS      20
#define LIAR_A       19
#define LIAR_B       20
#define ATTACKERS    150
#define INNOCENTS    20000
#define HELD_MAX     60
#define FARM_MINUTES (12 * 60)
#define LIE_MINUTES  (8 * 60)

enum strategy { FLOOD, SLOW, ALONE, SHARED, NEIGHBOURS, SPOOFED, VETO, STRATEGIES };

struct world {
	struct kit kit;
	uint64_t random;
	enum strategy strategy;
	uint32_t next_innocent;
	size_t held_max, innocent_vetoes, missed;
	bool lying;
	struct ip_prefix decoys[DECOYS + DECOYS_V6];
};

static uint32_t draw(struct world *world, uint32_t below)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)((world->random >> 20) % below);
}

static struct observable addr_of(uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value };
	struct ip_addr addr = ip_addr_v4(bytes);
	struct observable observable;

	observable_of_addr(&addr, &observable);
	return observable;
}

#define INNOCENT(i) addr_of(0x0a000000u + (i) % INNOCENTS) /* 10.0.0.0 and on */
#define ATTACKER(i) addr_of(0xcb007100u + (i)*7) /* 203.0.113.0 and on, spread */
#define NAT(i)      addr_of(0x64400000u + (i) % 1000) /* 100.64.0.0/16 */
#define DECOY(i)    addr_of(0xc6336400u + (i)*4) /* 198.51.100.0, .4, ... */

static struct observable v6_of(uint32_t net)
{
	char text[64];

	snprintf(text, sizeof(text), "2001:db8:0:%x::/64", net);
	return kit_observable(text);
}

static void world_init(struct world *world, enum strategy strategy)
{
	*world = (struct world){ .random = UINT64_C(88172645463325252) + strategy, .strategy = strategy };
	kit_init(&world->kit, TENANTS, "nat 100.64.0.0/16 users=1000\n");
	for (uint32_t i = 0; i < DECOYS + DECOYS_V6; i++) {
		struct observable decoy = i < DECOYS ? DECOY(i) : v6_of((i - DECOYS) * 0x40);

		assert_int_equal(engine_decoy_add(world->kit.engine, &decoy), 0);
		assert_true(observable_prefix(&decoy.key, &world->decoys[i]));
	}
}

/* A good client visits an honest tenant; its edge knows it, and vetoes a block of it. */
static void visit(struct world *world, uint32_t innocent)
{
	struct observable observable = INNOCENT(innocent);
	struct engine_decision decision;
	uint32_t tenant = 1 + draw(world, LIAR_A - 1);
	struct kit *kit = &world->kit;

	if (engine_find_key(kit->engine, &observable.key, &decision) != 0 || decision.level < DECIDE_PROVISIONAL)
		return;
	assert_int_equal(engine_veto(kit->engine, kit->now_us, decision.id, tenant, tenant), 0);
	world->innocent_vetoes++;
}

/* Real attackers at honest tenants; the liars' own edges see them as well. */
static void honest_minute(struct world *world)
{
	struct kit *kit = &world->kit;

	for (int i = 0; i < 3; i++) {
		struct observable attacker = ATTACKER(draw(world, ATTACKERS));
		uint32_t tenant = 1 + draw(world, world->lying ? LIAR_A - 1 : TENANTS);

		kit_report_as(kit, tenant, &attacker, draw(world, 3) ? EV_E2 : EV_E3, RULE_SURE);
	}
	for (int i = 0; i < 2; i++)
		visit(world, draw(world, INNOCENTS / 4)); /* three quarters of the innocents never come by */
}

static void both(struct world *world, const struct observable *observable)
{
	struct kit *kit = &world->kit;
	bool first = draw(world, 2);

	kit_report_as(kit, first ? LIAR_A : LIAR_B, observable, EV_E3, RULE_SURE);
	if (world->strategy != ALONE)
		kit_report_as(kit, first ? LIAR_B : LIAR_A, observable, EV_E3, RULE_SURE);
}

/* What nobody else ever sees, so that only they confirm each other. */
static void farm_minute(struct world *world)
{
	struct observable invented = addr_of(0xac100000u + draw(world, 60000));

	if (draw(world, 4) == 0)
		both(world, &invented);
}

static void lie_minute(struct world *world)
{
	struct kit *kit = &world->kit;
	struct observable observable;

	for (int i = 0; i < (world->strategy == SLOW ? 1 : 40); i++) {
		switch (world->strategy) {
		case SHARED:
			observable = NAT(draw(world, 1000));
			break;
		case NEIGHBOURS:
			if (draw(world, 2)) {
				observable = addr_of(0xc6336400u + draw(world, DECOYS) * 4 + 1 + draw(world, 3));
				break;
			}
			observable = v6_of(draw(world, DECOYS_V6) * 0x40 + 1 + draw(world, 8));
			break;
		case SLOW:
			observable = INNOCENT(INNOCENTS / 4 + draw(world, 200)); /* the same few, again and again */
			break;
		default:
			observable = INNOCENT(world->next_innocent++);
			break;
		}
		for (uint32_t tenant = 1; world->strategy == SPOOFED && tenant < LIAR_A; tenant++)
			assert_int_equal(kit_report_as(kit, tenant, &observable, EV_E0, RULE_SURE), ENGINE_PATTERN);
		both(world, &observable);
	}
	for (int i = 0; world->strategy == VETO && i < 20; i++) {
		struct observable attacker = ATTACKER(draw(world, ATTACKERS));
		struct engine_decision decision;

		if (engine_find_key(kit->engine, &attacker.key, &decision) == 0)
			assert_int_equal(
				engine_veto(kit->engine, kit->now_us, decision.id, LIAR_A + draw(world, 2), 1), 0);
	}
}

struct held {
	struct world *world;
	size_t innocents;
};

static bool is_attacker(const struct observable_key *key)
{
	uint32_t value = (uint32_t)key->bytes[0] << 24 | (uint32_t)key->bytes[1] << 16 | (uint32_t)key->bytes[2] << 8 |
			 key->bytes[3];

	return key->kind == OBSERVABLE_ADDR && key->family == IP_V4 && value - 0xcb007100u < ATTACKERS * 7 &&
	       (value - 0xcb007100u) % 7 == 0;
}

static void count_held(void *context, const struct engine_change *change)
{
	const struct engine_decision *decision = &change->decision;
	struct held *held = context;
	struct ip_prefix prefix;

	if (decision->level < DECIDE_PROVISIONAL || is_attacker(&decision->key))
		return;
	held->innocents++;
	assert_true(observable_prefix(&decision->key, &prefix));
	for (size_t i = 0; i < ARRAY_COUNT(held->world->decoys); i++)
		assert_false(ip_prefix_covers(&prefix, &held->world->decoys[i]));
}

static void check_minute(struct world *world)
{
	struct held held = { .world = world };

	if (world->lying || draw(world, 30) == 0)
		engine_each(world->kit.engine, count_held, &held);
	if (held.innocents > world->held_max)
		world->held_max = held.innocents;
	assert_true(held.innocents <= HELD_MAX);
}

/* A new attacker at one honest tenant: is the next one safe before it is touched? */
static void fresh_attack(struct world *world, uint32_t number)
{
	struct observable attacker = addr_of(0xc0000200u + number);
	uint32_t victim = 1 + draw(world, LIAR_A - 1);
	struct engine_decision decision;

	kit_report_as(&world->kit, victim, &attacker, EV_E3, RULE_SURE);
	if (engine_find_key(world->kit.engine, &attacker.key, &decision) != 0 || decision.level < DECIDE_PROVISIONAL)
		world->missed++;
	/* It is known to be an attacker, so it is not counted among the innocents. */
	if (engine_find_key(world->kit.engine, &attacker.key, &decision) == 0)
		assert_int_equal(engine_lift(world->kit.engine, world->kit.now_us, decision.id, 1, false), 0);
}

static void play(enum strategy strategy)
{
	static const char *const names[STRATEGIES] = { "flood", "slow", "alone", "shared", "neighbours", "spoofed",
		"veto" };
	struct world world;
	struct held left = { .world = &world };
	struct kit *kit = &world.kit;
	uint32_t attacks = 0;

	world_init(&world, strategy);
	for (int minute = 0; minute < FARM_MINUTES + LIE_MINUTES; minute++) {
		world.lying = minute >= FARM_MINUTES;
		kit_advance(kit, MINUTE);
		honest_minute(&world);
		if (world.lying)
			lie_minute(&world);
		else
			farm_minute(&world);
		check_minute(&world);
		if (world.lying && minute % 10 == 0)
			fresh_attack(&world, attacks++);
	}
	printf("%-10s innocents held at most %zu, vetoes %zu, trust of the liars %.3f %.3f, fresh attacks missed %zu "
	       "of %u\n",
		names[strategy], world.held_max, world.innocent_vetoes,
		reporters_trust(kit->reporters, kit->now_us, LIAR_A),
		reporters_trust(kit->reporters, kit->now_us, LIAR_B), world.missed, attacks);
	assert_false(engine_stopped(kit->engine));
	assert_int_equal(world.missed, 0);
	assert_true(kit->alarms[ENGINE_ALARM_DECOY] == 0); /* they never hit one: else it would be easy */
	engine_undo_all(kit->engine, kit->now_us, 1);
	engine_each(kit->engine, count_held, &left);
	assert_int_equal(left.innocents, 0);
	kit_done(kit);
}

static void one_or_two_liars_harm_few(void **state)
{
	for (int strategy = 0; strategy < STRATEGIES; strategy++)
		play((enum strategy)strategy);
}

/* Forged packets at every sensor: not one decision about a source. */
static void spoofed_floods_decide_nothing(void **state)
{
	struct engine_stats stats;
	struct world world;

	world_init(&world, SPOOFED);
	for (uint32_t i = 0; i < 50000; i++) {
		struct observable observable = INNOCENT(i);

		assert_int_equal(
			kit_report_as(&world.kit, 1 + i % TENANTS, &observable, EV_E0, RULE_SURE), ENGINE_PATTERN);
	}
	engine_stats(world.kit.engine, &stats);
	assert_int_equal(stats.records, 0);
	kit_done(&world.kit);
}

/* Whoever tries the clean ones too is out at once. */
static void a_liar_who_hits_a_decoy_is_out(void **state)
{
	struct world world;
	struct held held = { .world = &world };

	world_init(&world, FLOOD);
	for (uint32_t i = 0; i < 100; i++) {
		struct observable observable = i == 60 ? DECOY(3) : INNOCENT(i);

		kit_report_as(&world.kit, LIAR_A, &observable, EV_E3, RULE_SURE);
	}
	engine_each(world.kit.engine, count_held, &held);
	assert_int_equal(held.innocents, 0);
	assert_true(reporters_trust(world.kit.reporters, world.kit.now_us, LIAR_A) == 0);
	kit_done(&world.kit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_or_two_liars_harm_few),
		cmocka_unit_test(spoofed_floods_decide_nothing),
		cmocka_unit_test(a_liar_who_hits_a_decoy_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
