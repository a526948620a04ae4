// SPDX-License-Identifier: Apache-2.0
/* Compiles a policy into an engine: what kind each rule is, under which headers and lists it stands, what it looks for. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/detect/inspect.h"
#include "sensor/detect/internal.h"
#include "sensor/rules/address.h"
#include "sensor/rules/buffers.h"
#include "sensor/settings.h"

static const uint64_t HEADER_FLAGS = RULE_SRC_ANY | RULE_DST_ANY | RULE_SPORT_ANY | RULE_DPORT_ANY;

/* What makes a rule more than addresses, ports and protocols. */
static const uint64_t FLOW_FLAGS = RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT | RULE_FLOW_ESTABLISHED |
				   RULE_FLOW_NOT_ESTABLISHED | RULE_FLOW_STATELESS | RULE_ONLY_STREAM | RULE_NO_STREAM |
				   RULE_ONLY_FRAG | RULE_NO_FRAG;

static bool has_ip_protocol(const struct rule *rule, unsigned int protocol)
{
	return (rule->ip_protocols[protocol / 8] >> (protocol % 8) & 1) != 0;
}

static bool is_packet_buffer(const struct rule_buffer *list)
{
	return rule_buffer_packet(list->buffer) != NULL;
}

static bool is_app_buffer(const struct rule_buffer *list)
{
	return list->buffer != RULE_BUFFER_PAYLOAD && list->buffer != RULE_BUFFER_BASE64 && !is_packet_buffer(list);
}

static const uint32_t LAYER_CONDITIONS = RULE_PROTO_PACKET_ONLY | RULE_PROTO_STREAM_ONLY | RULE_PROTO_PKTHDR;

/* ---- Headers ---- */

static uint32_t hash_header(const struct detect_header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*header); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

struct header_index { /* open addressing; slots hold index + 1 */
	uint32_t *slots;
	uint32_t mask;
};

static uint32_t header_of(struct detect_engine *engine, struct header_index *index, const struct rule *rule)
{
	struct detect_header header;
	uint32_t slot;

	memset(&header, 0, sizeof(header)); /* padding is hashed and compared */
	header.src = rule->src;
	header.dst = rule->dst;
	header.flags = rule->flags & HEADER_FLAGS;
	header.layer_flags = rule->layer_flags & (RULE_PROTO_IPV4_ONLY | RULE_PROTO_IPV6_ONLY);
	header.tenant_set = rule->tenant_set;
	memcpy(header.protocols, rule->ip_protocols, sizeof(header.protocols));
	for (slot = hash_header(&header) & index->mask; index->slots[slot]; slot = (slot + 1) & index->mask)
		if (memcmp(&engine->headers[index->slots[slot] - 1], &header, sizeof(header)) == 0)
			return index->slots[slot] - 1;
	engine->headers[engine->header_count] = header;
	index->slots[slot] = ++engine->header_count;
	return engine->header_count - 1;
}

/* ---- Kinds ---- */

static bool is_frame_buffer(const struct rule_buffer *list)
{
	unsigned int protocol, type;

	return rule_buffer_frame(list->buffer, &protocol, &type);
}

static bool has_frames(const struct rule *rule)
{
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (is_frame_buffer(list))
			return true;
	return false;
}

static bool needs_transaction(const struct rule *rule)
{
	if (rule->tx || rule->files || rule->has_hook || (rule->flags & (RULE_NEEDS_TX | RULE_NEEDS_FILE)) != 0)
		return true;
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (is_app_buffer(list))
			return true;
	return false;
}

static const struct rule_buffer *payload_list(const struct rule *rule)
{
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (list->buffer == RULE_BUFFER_PAYLOAD)
			return list;
	return NULL;
}

/* Only app-layer-protocol conditions and directions: asked when a protocol was found. */
static bool is_protocol_rule(const struct rule *rule)
{
	if (!rule->packet || rule->buffers || rule->app ||
		(rule->flags & FLOW_FLAGS & ~(RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT)))
		return false;
	for (const struct rule_match *match = rule->packet; match; match = match->next)
		if (!detect_is_protocol_match(match))
			return false;
	return true;
}

/* Addresses, ports and protocols alone. */
static bool is_address_rule(const struct policy *policy, const struct rule *rule)
{
	if (rule->app || rule->app_named || rule->buffers || rule->layer_flags & LAYER_CONDITIONS ||
		rule->dsize_low > 0 || rule->dsize_high < UINT16_MAX ||
		(rule->flags & (FLOW_FLAGS | RULE_LIKE_IP_ONLY | RULE_NEEDS_FLOW)) != 0)
		return false;
	for (const struct rule_match *match = rule->packet; match; match = match->next)
		if ((match->ops->flags & RULE_OPS_IP_ONLY) == 0)
			return false;
	return (rule->flags & RULE_IP_ONLY) != 0 ||
	       (!address_sets_is_negated(policy->addresses, rule->src.address_set) &&
		       !address_sets_is_negated(policy->addresses, rule->dst.address_set));
}

static uint8_t kind_of(const struct policy *policy, const struct rule *rule, const struct rule_buffer *payload)
{
	if (has_frames(rule))
		return DETECT_FRAME;
	if (needs_transaction(rule))
		return DETECT_TX;
	if (is_protocol_rule(rule))
		return DETECT_PROTOCOL;
	if (is_address_rule(policy, rule))
		return DETECT_IP_ONLY;
	if (!payload || (rule->flags & RULE_NEEDS_STREAM) == 0)
		return DETECT_PACKET;
	return (rule->flags & RULE_NEEDS_PACKET) != 0 ? DETECT_PACKET_STREAM : DETECT_STREAM;
}

static void add_step(struct detect_rule *rule, struct detect_step step)
{
	if (step.dirs == 0)
		step.dirs = DIR_BOTH;
	if (rule->step_count < DETECT_STEPS_MAX)
		rule->steps[rule->step_count++] = step;
}

static int make_steps(struct detect_engine *engine, struct detect_rule *rule)
{
	const struct rule *source = rule->rule;
	unsigned int count = 1;

	for (const struct rule_buffer *list = source->buffers; list; list = list->next)
		count++;
	for (const struct rule_match *match = source->tx; match; match = match->next)
		count++;
	rule->steps = arena_alloc(&engine->memory, count * sizeof(*rule->steps));
	if (!rule->steps)
		return LUYTRE_E_NOMEM;
	if (count > DETECT_STEPS_MAX)
		log_warn("rule %u has more than %d conditions on transactions: the rest is not asked", source->sid,
			DETECT_STEPS_MAX);
	/* The list that brought the rule here first: most often it decides. */
	if (source->fast_buffer && is_app_buffer(source->fast_buffer))
		add_step(rule,
			(struct detect_step){
				.kind = STEP_BUFFER, .dirs = source->fast_buffer->dirs, .list = source->fast_buffer });
	for (const struct rule_match *match = source->tx; match; match = match->next)
		add_step(rule, (struct detect_step){ .kind = STEP_MATCH, .dirs = match->dirs, .match = match });
	for (const struct rule_buffer *list = source->buffers; list; list = list->next)
		if (is_app_buffer(list) && list != source->fast_buffer)
			add_step(rule, (struct detect_step){ .kind = STEP_BUFFER, .dirs = list->dirs, .list = list });
	if (source->files)
		add_step(
			rule, (struct detect_step){ .kind = STEP_FILES, .dirs = source->dirs, .match = source->files });
	if (rule->payload)
		add_step(rule,
			(struct detect_step){ .kind = STEP_PAYLOAD, .dirs = source->dirs, .list = rule->payload });
	return 0;
}

static uint64_t protocols_of(const struct rule *rule)
{
	uint64_t protocols = 0;

	if (rule->app)
		protocols |= 1ull << app_protocol_index(rule->app);
	for (uint8_t i = 0; i < rule->app_count; i++)
		protocols |= 1ull << app_protocol_index(rule->apps[i]);
	return protocols;
}

static int make_rule(struct detect_engine *engine, struct header_index *index, struct rule *source)
{
	struct detect_rule *rule = &engine->rules[source->index];

	rule->rule = source;
	rule->apps = protocols_of(source);
	rule->header = header_of(engine, index, source);
	rule->payload = payload_list(source);
	rule->kind = kind_of(engine->policy, source, rule->payload);
	rule->dirs = source->dirs ? source->dirs : DIR_BOTH;
	if ((source->flags & RULE_TRANSACTIONAL_BIDIR) == 0) {
		bool server = (source->flags & RULE_DIR_TO_SERVER) != 0,
		     client = (source->flags & RULE_DIR_TO_CLIENT) != 0;

		if (server != client)
			rule->dirs &= server ? DIR_TO_SERVER : DIR_TO_CLIENT;
	}
	if (source->has_hook)
		rule->dirs = (uint8_t)(1 << source->hook_dir);
	rule->has_files = source->files != NULL || (source->flags & RULE_NEEDS_FILE) != 0;
	rule->checks_size = source->dsize_low > 0 || source->dsize_high < 65535;
	rule->needs_real_packet = rule->kind == DETECT_PACKET && (source->flags & RULE_NEEDS_PACKET) != 0;
	/* What is about the flow as a whole acts on it (user guide, "Rule Types"). */
	rule->acts_on_flow = rule->kind == DETECT_IP_ONLY || rule->kind == DETECT_PROTOCOL ||
			     (source->flags & RULE_LIKE_IP_ONLY) != 0 ||
			     (rule->kind == DETECT_PACKET && source->app && !source->buffers &&
				     (source->flags & RULE_NEEDS_PACKET) == 0);
	for (struct rule_buffer *list = source->buffers; list; list = list->next) {
		int error = inspect_prepare(list, &engine->memory);

		if (error)
			return error;
		detect_entropy_name(list);
		rule->has_packet_buffers |= is_packet_buffer(list);
		if ((rule_buffer_flags(list->buffer) & APP_BUFFER_FILE) != 0)
			rule->has_files = true;
	}
	source->detect = rule;
	return rule->kind == DETECT_TX ? make_steps(engine, rule) : 0;
}

/* ---- Lists of rules without a literal ---- */

struct list_builder {
	uint32_t *rules;
	uint32_t count, room;
};

static int list_add(struct list_builder *builder, uint32_t rule)
{
	if (builder->count == builder->room) {
		uint32_t room = builder->room ? 2 * builder->room : 16;
		uint32_t *grown = realloc(builder->rules, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		builder->rules = grown;
		builder->room = room;
	}
	builder->rules[builder->count++] = rule;
	return 0;
}

static int compare_header(const void *left, const void *right, void *context)
{
	const struct detect_engine *engine = context;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	uint32_t header_a = engine->rules[a].header, header_b = engine->rules[b].header;

	if (header_a != header_b)
		return header_a < header_b ? -1 : 1;
	return (a > b) - (a < b);
}

/* Sorts by header, moves into the engine's memory, and forgets the builder. */
static int list_finish(struct detect_engine *engine, struct list_builder *builder, struct detect_list *ret)
{
	uint32_t groups = 0;

	if (builder->count == 0)
		return 0;
	qsort_r(builder->rules, builder->count, sizeof(*builder->rules), compare_header, engine);
	ret->rules = arena_dup(&engine->memory, bytes_of(builder->rules, builder->count * sizeof(*builder->rules)));
	ret->rule_count = builder->count;
	for (uint32_t i = 0; i < builder->count; i++)
		groups += i == 0 ||
			  engine->rules[builder->rules[i]].header != engine->rules[builder->rules[i - 1]].header;
	ret->groups = arena_alloc(&engine->memory, groups * sizeof(*ret->groups));
	if (!ret->rules || !ret->groups)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < builder->count; i++) {
		uint32_t header = engine->rules[builder->rules[i]].header;

		if (i == 0 || header != ret->groups[ret->group_count - 1].header)
			ret->groups[ret->group_count++] = (struct detect_group){ .header = header, .first = i };
		ret->groups[ret->group_count - 1].count++;
	}
	free(builder->rules);
	*builder = (struct list_builder){ 0 };
	return 0;
}

struct lists {
	struct list_builder ip_only[CLASS_COUNT], events, transactional, packets[CLASS_COUNT][SENSOR_DIRS];
	struct list_builder app_packets[DETECT_PROTOCOLS_MAX][SENSOR_DIRS],
		transactions[DETECT_PROTOCOLS_MAX][SENSOR_DIRS], frames[DETECT_PROTOCOLS_MAX][SENSOR_DIRS];
};

static bool rule_in_class(const struct rule *rule, unsigned int class)
{
	static const uint8_t protocols[] = { [CLASS_TCP] = 6, [CLASS_UDP] = 17, [CLASS_ICMP4] = 1, [CLASS_ICMP6] = 58 };

	if (class != CLASS_OTHER)
		return has_ip_protocol(rule, protocols[class]);
	for (unsigned int i = 0; i < 256; i++)
		if (i != 6 && i != 17 && i != 1 && i != 58 && has_ip_protocol(rule, i))
			return true;
	return false;
}

/* Protocols whose transactions or frames can have what the rule asks for. */
static uint64_t transaction_protocols(const struct detect_rule *rule)
{
	uint64_t protocols = rule->apps ? rule->apps : UINT64_MAX;

	for (const struct rule_buffer *list = rule->rule->buffers; list; list = list->next)
		if (is_app_buffer(list))
			protocols &= rule_buffer_protocols(list->buffer);
	return protocols;
}

static int place_by_protocol(
	struct list_builder (*lists)[SENSOR_DIRS], const struct detect_rule *rule, uint64_t protocols)
{
	for (unsigned int i = 0; i < app_protocol_count() && i < DETECT_PROTOCOLS_MAX; i++)
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
			if ((protocols >> i & 1) != 0 && (rule->dirs >> dir & 1) != 0) {
				int error = list_add(&lists[i][dir], rule->rule->index);

				if (error)
					return error;
			}
	return 0;
}

static int place_rule(struct lists *lists, const struct detect_rule *rule, bool has_literal)
{
	int error = 0;

	if ((rule->rule->flags & RULE_DECODE_EVENT_ONLY) != 0)
		error = list_add(&lists->events, rule->rule->index);
	if (error || has_literal)
		return error;
	if ((rule->rule->flags & RULE_TRANSACTIONAL_BIDIR) != 0)
		return list_add(&lists->transactional, rule->rule->index);
	if (rule->kind == DETECT_TX)
		return place_by_protocol(lists->transactions, rule, transaction_protocols(rule));
	if (rule->kind == DETECT_FRAME)
		return place_by_protocol(lists->frames, rule, transaction_protocols(rule));
	if (rule->apps)
		return place_by_protocol(lists->app_packets, rule, rule->apps);
	for (unsigned int class = 0; class < CLASS_COUNT && !error; class ++) {
		if (!rule_in_class(rule->rule, class))
			continue;
		if (rule->kind == DETECT_IP_ONLY)
			error = list_add(&lists->ip_only[class], rule->rule->index);
		for (unsigned int dir = 0; dir < SENSOR_DIRS && rule->kind != DETECT_IP_ONLY && !error; dir++)
			if ((rule->dirs >> dir & 1) != 0)
				error = list_add(&lists->packets[class][dir], rule->rule->index);
	}
	return error;
}

static int finish_lists(struct detect_engine *engine, struct lists *lists)
{
	int error = list_finish(engine, &lists->events, &engine->events);

	if (!error)
		error = list_finish(engine, &lists->transactional, &engine->transactional);

	for (unsigned int class = 0; class < CLASS_COUNT && !error; class ++) {
		error = list_finish(engine, &lists->ip_only[class], &engine->ip_only[class]);
		for (unsigned int dir = 0; dir < SENSOR_DIRS && !error; dir++)
			error = list_finish(engine, &lists->packets[class][dir], &engine->packets[class][dir]);
	}
	for (unsigned int i = 0; i < DETECT_PROTOCOLS_MAX && !error; i++)
		for (unsigned int dir = 0; dir < SENSOR_DIRS && !error; dir++) {
			error = list_finish(engine, &lists->app_packets[i][dir], &engine->app_packets[i][dir]);
			if (!error)
				error = list_finish(
					engine, &lists->transactions[i][dir], &engine->transactions[i][dir]);
			if (!error)
				error = list_finish(engine, &lists->frames[i][dir], &engine->frames[i][dir]);
		}
	return error;
}

static void free_lists(struct lists *lists)
{
	struct list_builder *first = (struct list_builder *)lists;

	for (size_t i = 0; i < sizeof(*lists) / sizeof(*first); i++)
		free(first[i].rules);
	free(lists);
}

/* ---- Which sets are scanned where ---- */

static int compare_progress(const void *left, const void *right, void *context)
{
	const struct detect_app_set *a = left, *b = right;
	unsigned int dir = *(const unsigned int *)context;

	return (int)a->row->progress[dir] - (int)b->row->progress[dir];
}

static int place_app_sets(struct detect_engine *engine, const struct app_protocol *protocol, unsigned int dir)
{
	struct detect_app_sets *sets = &engine->app_sets[app_protocol_index(protocol)][dir];

	for (unsigned int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < engine->set_count; i++) {
			const struct detect_set *set = &engine->sets[i];
			const struct app_buffer *row = rule_buffer_for(set->buffer, protocol);

			if (set->place != PLACE_APP || set->dir != dir || !row ||
				(row->dirs && (row->dirs >> dir & 1) == 0))
				continue;
			if (pass == 1)
				sets->items[sets->count] = (struct detect_app_set){ .row = row, .set = i };
			sets->count++;
		}
		if (pass == 0) {
			sets->items = arena_alloc(&engine->memory, sets->count * sizeof(*sets->items));
			if (!sets->items)
				return LUYTRE_E_NOMEM;
			sets->count = 0;
		}
	}
	qsort_r(sets->items, sets->count, sizeof(*sets->items), compare_progress, &dir);
	return 0;
}

static int place_sets(struct detect_engine *engine)
{
	engine->packet_sets = arena_alloc(&engine->memory, engine->set_count * sizeof(*engine->packet_sets));
	engine->frame_sets = arena_alloc(&engine->memory, engine->set_count * sizeof(*engine->frame_sets));
	if (!engine->packet_sets || !engine->frame_sets)
		return LUYTRE_E_NOMEM;
	memset(engine->payload_sets, -1, sizeof(engine->payload_sets));
	for (uint32_t i = 0; i < engine->set_count; i++) {
		const struct detect_set *set = &engine->sets[i];

		unsigned int protocol, type;

		if (set->place == PLACE_PACKET)
			engine->packet_sets[engine->packet_set_count++] = i;
		else if (set->place == PLACE_FRAME && rule_buffer_frame(set->buffer, &protocol, &type))
			engine->frame_sets[engine->frame_set_count++] = (struct detect_frame_set){
				.set = i, .protocol = (uint8_t)protocol, .type = (uint8_t)type
			};
		else if (set->place != PLACE_APP)
			engine->payload_sets[set->dir][set->place] = (int32_t)i;
	}
	for (unsigned int i = 0; i < app_protocol_count() && i < DETECT_PROTOCOLS_MAX; i++)
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			int error = place_app_sets(engine, app_protocol_at(i), dir);

			if (error)
				return error;
		}
	return 0;
}

/* ---- What others have to do for the rules ---- */

static void collect_needs(struct detect_needs *needs, const struct detect_rule *rule)
{
	static const struct {
		const char *prefix;
		size_t field;
	} rows[] = {
		{ "file", offsetof(struct detect_needs, file_data) },
		{ "ja3", offsetof(struct detect_needs, ja3) },
		{ "ja4", offsetof(struct detect_needs, ja4) },
		{ "ssh.hassh", offsetof(struct detect_needs, hassh) },
		{ "tls.cert", offsetof(struct detect_needs, tls_certs) },
		{ "file.magic", offsetof(struct detect_needs, file_magic) },
	};
	static const struct {
		const char *name;
		size_t field;
	} keywords[] = {
		{ "filemagic", offsetof(struct detect_needs, file_magic) },
		{ "filemd5", offsetof(struct detect_needs, file_md5) },
		{ "filesha1", offsetof(struct detect_needs, file_sha1) },
		{ "filesha256", offsetof(struct detect_needs, file_sha256) },
	};

	unsigned int protocol, type;

	if (rule->payload && rule->kind != DETECT_PACKET)
		needs->stream_raw = true;
	for (const struct rule_buffer *list = rule->rule->buffers; list; list = list->next)
		if (rule_buffer_frame(list->buffer, &protocol, &type) && protocol < DETECT_FRAME_PROTOCOLS)
			needs->frames[protocol] |= 1u << type;
	for (const struct rule_buffer *list = rule->rule->buffers; list; list = list->next)
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
			if (strncmp(rule_buffer_name(list->buffer), rows[i].prefix, strlen(rows[i].prefix)) == 0)
				*((bool *)needs + rows[i].field) = true;
	for (const struct rule_match *match = rule->rule->files; match; match = match->next)
		for (size_t i = 0; i < ARRAY_COUNT(keywords); i++)
			if (strcmp(match->ops->name, keywords[i].name) == 0)
				*((bool *)needs + keywords[i].field) = true;
}

/* ---- The engine ---- */

static int make_rules(struct detect_engine *engine, struct lists *lists)
{
	const struct policy *policy = engine->policy;
	struct header_index index = { .mask = 1 };
	int error = 0;

	while (index.mask < 2 * policy->rule_count)
		index.mask = 2 * index.mask + 1;
	index.slots = calloc((size_t)index.mask + 1, sizeof(*index.slots));
	if (!index.slots)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < policy->rule_count && !error; i++) {
		struct detect_rule *rule = &engine->rules[i];
		bool has_literal = false;

		error = make_rule(engine, &index, policy->rules[i]);
		/* A literal does not decide where both directions have their say, nor where the rule waits for a state. */
		if (!error && (policy->rules[i]->flags & RULE_TRANSACTIONAL_BIDIR) == 0 &&
			(!policy->rules[i]->has_hook || policy->rules[i]->hook_progress == 0))
			error = prefilter_add_rule(engine, rule, &has_literal);
		if (!error)
			error = place_rule(lists, rule, has_literal);
		if (!error)
			collect_needs(&engine->needs, rule);
	}
	free(index.slots);
	return error;
}

static int build(struct detect_engine *engine, const char *cache_dir)
{
	struct lists *lists = calloc(1, sizeof(*lists));
	int error = lists ? make_rules(engine, lists) : LUYTRE_E_NOMEM;

	if (!error)
		error = finish_lists(engine, lists);
	if (!error)
		error = address_sets_regions(engine->policy->addresses, &engine->address_regions);
	if (!error)
		error = port_sets_regions(engine->policy->ports, &engine->port_regions);
	if (!error)
		error = prefilter_compile(engine, cache_dir);
	if (!error)
		error = place_sets(engine);
	if (lists)
		free_lists(lists);
	return error;
}

int detect_engine_new(struct policy *policy, const char *cache_dir, struct detect_engine **ret)
{
	struct detect_engine *engine = calloc(1, sizeof(*engine));
	int error = LUYTRE_E_NOMEM;

	if (!engine)
		return error;
	arena_init(&engine->memory, SIZE_MAX);
	engine->policy = policy;
	engine->rule_count = policy->rule_count;
	engine->guess_tx = policy->settings && policy->settings->root &&
			   conf_bool(policy->settings->root, "detect.guess-applayer-tx", false);
	engine->rules = arena_alloc(&engine->memory, policy->rule_count * sizeof(*engine->rules));
	engine->headers = arena_alloc(&engine->memory, policy->rule_count * sizeof(*engine->headers));
	if (engine->rules && engine->headers)
		error = build(engine, cache_dir);
	if (error) {
		log_error("the rules do not compile: %s", error_text(error, LUYTRE_LANG_EN));
		detect_engine_free(engine);
		return error;
	}
	*ret = engine;
	return 0;
}

void detect_engine_free(struct detect_engine *engine)
{
	if (!engine)
		return;
	prefilter_free(engine);
	regions_free(engine->address_regions);
	regions_free(engine->port_regions);
	arena_done(&engine->memory);
	free(engine);
}

const struct detect_needs *detect_engine_needs(const struct detect_engine *engine)
{
	return &engine->needs;
}
