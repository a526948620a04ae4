// SPDX-License-Identifier: Apache-2.0
/* Logins: who fails too often, for too many names, from too many places.
 *
 * No single measure holds: an attacker with ten thousand addresses tries each once, one behind an office's address hides in its crowd. So
 * four are kept, per address, name, fingerprint and site, and each asks for failures *and* for their share, because crowds mostly succeed. */
#include "gate/guard/abuse-internal.h"

/* A name's hash does not depend on case or outer spaces, and is cut at 256 bytes. */
static uint64_t name_hash(const struct abuse *abuse, uint64_t site, struct bytes name)
{
	uint8_t folded[256];
	size_t size = 0;

	while (name.size != 0 && name.ptr[0] <= ' ')
		name = bytes_skip(name, 1);
	while (name.size != 0 && name.ptr[name.size - 1] <= ' ')
		name.size--;
	for (; size < name.size && size < sizeof(folded); size++) {
		uint8_t c = name.ptr[size];

		folded[size] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	return abuse_mix(siphash24(abuse->key, folded, size), site);
}

static struct name_entry *name_of(struct abuse *abuse, uint64_t hash, uint64_t now_ns)
{
	return ways_get(abuse_table(abuse, ABUSE_NAMES), hash, now_ns);
}

static struct site_entry *site_of(struct abuse *abuse, uint64_t site, uint64_t now_ns)
{
	return ways_get(abuse_table(abuse, ABUSE_SITES), site, now_ns);
}

/* The share of failures that is usual is learned from windows with enough logins, slowly: at most a quarter up at a time, so that an
 * attack that goes on for hours does not become usual soon. */
static void learn(const struct abuse_settings *limits, struct site_entry *site)
{
	uint32_t share;

	if (site->logins == 0 || site->logins < limits->site_logins_min)
		return;
	share = (uint32_t)((uint64_t)site->failures * 16000 / site->logins);
	if (!site->known) {
		/* The first window may be an attack's: more than half is not believed. */
		site->learned = share > 8000 ? 8000 : share;
		site->known = true;
		return;
	}
	if (share > site->learned + site->learned / 4 + 160)
		share = site->learned + site->learned / 4 + 160;
	site->learned = (site->learned * 7 + share) / 8;
}

static void site_turn(
	const struct abuse *abuse, const struct abuse_settings *limits, struct site_entry *site, uint64_t now_ns)
{
	uint64_t number = now_ns / abuse->window_ns + 1;

	if (site->number == number)
		return;
	learn(limits, site);
	site->number = number;
	site->logins = 0;
	site->failures = 0;
}

/* Three times what is usual, and a fifth of all more; failing from many addresses. */
static bool is_under_attack(
	const struct abuse *abuse, const struct abuse_settings *limits, struct site_entry *site, uint64_t now_ns)
{
	uint64_t share;

	if (!site->known || site->logins == 0 || site->logins < limits->site_logins_min)
		return false;
	share = (uint64_t)site->failures * 16000 / site->logins;
	return share > site->learned * UINT64_C(3) && share > site->learned + 3200 &&
	       distinct_sum(&site->failing, now_ns, abuse->window_ns) >= 20;
}

bool abuse_login_shares(struct abuse *abuse, const struct abuse_settings *limits, uint64_t site, uint64_t now_ns,
	uint32_t *ret_learned, uint32_t *ret_present)
{
	struct site_entry *entry = site_of(abuse, site, now_ns);

	site_turn(abuse, limits, entry, now_ns);
	*ret_learned = entry->learned / 16;
	*ret_present = entry->logins == 0 ? 0 : (uint32_t)((uint64_t)entry->failures * 1000 / entry->logins);
	return entry->known;
}

static bool fails_mostly(struct abuse *abuse, struct client_entry *entry, uint32_t percent, uint64_t now_ns)
{
	uint64_t logins = window_sum(&entry->logins, now_ns, abuse->window_ns);
	uint64_t failures = window_sum(&entry->failures, now_ns, abuse->window_ns);

	return failures * 100 >= logins * percent;
}

static void hold_client(const struct abuse_settings *limits, struct client_entry *entry, enum abuse_action action,
	enum abuse_reason reason, uint64_t now_ns)
{
	entry->held_action = action;
	entry->held_reason = reason;
	entry->held_until_ns = now_ns + limits->hold_ms * NS_PER_MS;
}

static bool is_at_home(const struct name_entry *name, uint64_t address)
{
	for (unsigned int i = 0; i < NAME_ADDRESSES; i++) {
		if (name->good_addresses[i] == address && address != 0)
			return true;
	}
	return false;
}

void abuse_login_ask(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	struct bytes name, uint64_t now_ns, struct abuse_verdict *ret)
{
	struct client_entry *address = abuse_address(abuse, client, now_ns);
	struct client_entry *cluster = abuse_cluster(abuse, client, now_ns);
	struct name_entry *person = name_of(abuse, name_hash(abuse, client->site, name), now_ns);
	struct site_entry *site = site_of(abuse, client->site, now_ns);
	uint64_t until_ns = now_ns + abuse->window_ns;

	*ret = (struct abuse_verdict){ 0 };
	site_turn(abuse, limits, site, now_ns);
	/* Who has logged in from here before is let through, whatever strangers do to the name or share with it. */
	if (is_at_home(person, client->address))
		return;
	if (address->held_until_ns > now_ns && address->held_reason <= ABUSE_LOGIN_SITE) {
		abuse_say(abuse, address->held_action, address->held_reason, address->held_until_ns, ret);
		return;
	}
	if (cluster->held_until_ns > now_ns && cluster->held_reason <= ABUSE_LOGIN_SITE) {
		abuse_say(abuse, ABUSE_CHALLENGE, ABUSE_LOGIN_CLUSTER, cluster->held_until_ns, ret);
		return;
	}
	if (window_sum(&person->failures, now_ns, abuse->window_ns) >= limits->name_failures_max) {
		abuse_say(abuse, ABUSE_CHALLENGE, ABUSE_LOGIN_NAME, until_ns, ret);
		return;
	}
	if (is_under_attack(abuse, limits, site, now_ns) &&
		window_sum(&address->failures, now_ns, abuse->window_ns) > 0 &&
		fails_mostly(abuse, address, 100, now_ns))
		abuse_say(abuse, ABUSE_CHALLENGE, ABUSE_LOGIN_SITE, until_ns, ret);
}

static void count_success(struct abuse *abuse, const struct abuse_client *client, struct name_entry *person,
	struct client_entry *address, uint64_t hash, uint64_t now_ns)
{
	distinct_add(&address->good_names, hash, now_ns, abuse->window_ns);
	person->failures = (struct window){ 0 };
	if (is_at_home(person, client->address))
		return;
	person->good_addresses[person->good_next] = client->address;
	person->good_next = (person->good_next + 1) % NAME_ADDRESSES;
}

static void count_failure(struct abuse *abuse, const struct abuse_settings *limits, struct client_entry *address,
	struct client_entry *cluster, uint64_t hash, uint64_t now_ns)
{
	window_add(&address->failures, 1, now_ns, abuse->window_ns);
	window_add(&cluster->failures, 1, now_ns, abuse->window_ns);
	distinct_add(&address->failed_names, hash, now_ns, abuse->window_ns);
	distinct_add(&cluster->failed_names, hash, now_ns, abuse->window_ns);
	if (distinct_sum(&address->failed_names, now_ns, abuse->window_ns) > limits->address_names_max &&
		fails_mostly(abuse, address, limits->address_failed_percent, now_ns))
		hold_client(limits, address, ABUSE_DENY, ABUSE_LOGIN_ADDRESS, now_ns);
	if (distinct_sum(&cluster->failed_names, now_ns, abuse->window_ns) > limits->cluster_names_max &&
		fails_mostly(abuse, cluster, limits->cluster_failed_percent, now_ns))
		hold_client(limits, cluster, ABUSE_CHALLENGE, ABUSE_LOGIN_CLUSTER, now_ns);
}

void abuse_login_done(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	struct bytes name, bool success, uint64_t now_ns)
{
	struct client_entry *address = abuse_address(abuse, client, now_ns);
	struct client_entry *cluster = abuse_cluster(abuse, client, now_ns);
	uint64_t hash = name_hash(abuse, client->site, name);
	struct name_entry *person = name_of(abuse, hash, now_ns);
	struct site_entry *site = site_of(abuse, client->site, now_ns);

	site_turn(abuse, limits, site, now_ns);
	site->logins++;
	window_add(&address->logins, 1, now_ns, abuse->window_ns);
	window_add(&cluster->logins, 1, now_ns, abuse->window_ns);
	if (success) {
		count_success(abuse, client, person, address, hash, now_ns);
		return;
	}
	site->failures++;
	distinct_add(&site->failing, client->address, now_ns, abuse->window_ns);
	window_add(&person->failures, 1, now_ns, abuse->window_ns);
	count_failure(abuse, limits, address, cluster, hash, now_ns);
}
