// SPDX-License-Identifier: Apache-2.0
/* Conversations as packets, and what becomes of them. */
#include "sensor/hold/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "packet/build.h"
#include "sensor/output/eve.h"
#include "sensor/rules/places.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum {
	SEGMENT_SIZE = 1400,
	FRAME_SIZE = 2048,
	LINK_ETHERNET = 1,
	CLIENT_PORT = 49152,
	CLIENT_SEQ = 100000,
	SERVER_SEQ = 900000,
	WINDOW = 65535,
};

/* A worker for one conversation is small. */
enum { FLOW_HASH_COUNT = 256 };
#define MEMORY_SIZE ((uint64_t)16 << 20)
#define STEP_NS     NS_PER_MS

/* RFC 5737: addresses that nobody has. */
static const struct ip_addr client_addr = { .family = IP_V4, .bytes = { 198, 51, 100, 33 } };
static const struct ip_addr server_addr = { .family = IP_V4, .bytes = { 192, 0, 2, 33 } };

struct player {
	struct worker *worker;
	const struct hold_talk *talk;
	struct hold_playing how;
	uint32_t sequence[2]; /* what client and server say next */
	uint64_t now_ns;
	bool stopped;
	int error;
};

/* ---- packets ---- */

static void send_packet(struct player *p, bool from_server, uint8_t tcp_flags, uint32_t sequence, struct bytes data)
{
	struct packet_spec spec = {
		.src_addr = from_server ? &server_addr : &client_addr,
		.dst_addr = from_server ? &client_addr : &server_addr,
		.protocol = p->talk->is_udp ? PACKET_UDP : PACKET_TCP,
		.sport = from_server ? p->talk->port : CLIENT_PORT,
		.dport = from_server ? CLIENT_PORT : p->talk->port,
		.tcp_flags = tcp_flags,
		.tcp_seq = sequence,
		.tcp_ack = tcp_flags & PACKET_ACK ? p->sequence[!from_server] : 0,
		.tcp_window = WINDOW,
		.tcp_mss = tcp_flags & PACKET_SYN ? SEGMENT_SIZE : 0,
		.payload = data.ptr,
		.payload_size = data.size,
	};
	struct worker_frame in = { .linktype = LINK_ETHERNET };
	struct worker_verdict verdict;
	uint8_t frame[FRAME_SIZE];
	size_t size;

	if (p->stopped || p->error)
		return;
	p->error = packet_build(&spec, frame, sizeof(frame), &size);
	if (p->error)
		return;
	p->now_ns += STEP_NS;
	in.data = bytes_of(frame, size);
	in.wire_size = (uint32_t)size;
	in.time_ns = p->now_ns;
	worker_frame(p->worker, &in, &verdict);
	p->stopped = verdict.drop;
}

static void send_segments(struct player *p, const struct hold_turn *turn)
{
	size_t step = p->how.segment_size && p->how.segment_size < SEGMENT_SIZE ? p->how.segment_size : SEGMENT_SIZE;
	size_t count = (turn->data.size + step - 1) / step;
	uint32_t *next = &p->sequence[turn->from_server];

	for (size_t i = 0; i < count; i++) {
		size_t at = (p->how.reversed ? count - 1 - i : i) * step;

		send_packet(p, turn->from_server, PACKET_PSH | PACKET_ACK, *next + (uint32_t)at,
			bytes_first(bytes_skip(turn->data, at), step));
	}
	*next += (uint32_t)turn->data.size;
	send_packet(p, !turn->from_server, PACKET_ACK, p->sequence[!turn->from_server], (struct bytes){ 0 });
}

static void play_tcp(struct player *p)
{
	const struct bytes none = { 0 };

	p->sequence[false] = CLIENT_SEQ;
	p->sequence[true] = SERVER_SEQ;
	send_packet(p, false, PACKET_SYN, p->sequence[false]++, none);
	send_packet(p, true, PACKET_SYN | PACKET_ACK, p->sequence[true]++, none);
	send_packet(p, false, PACKET_ACK, p->sequence[false], none);
	for (size_t i = 0; i < p->talk->turn_count; i++)
		send_segments(p, &p->talk->turns[i]);
	send_packet(p, false, PACKET_FIN | PACKET_ACK, p->sequence[false]++, none);
	send_packet(p, true, PACKET_FIN | PACKET_ACK, p->sequence[true]++, none);
	send_packet(p, false, PACKET_ACK, p->sequence[false], none);
}

static void play_udp(struct player *p)
{
	for (size_t i = 0; i < p->talk->turn_count; i++)
		send_packet(p, p->talk->turns[i].from_server, 0, 0, p->talk->turns[i].data);
}

/* As those at work, but for room and for what is kept. */
static struct sensor_settings small(const struct sensor_settings *settings)
{
	struct sensor_settings copy = *settings;

	copy.no_traces = true;
	copy.flow_prealloc_count = 0;
	copy.flow_hash_count = FLOW_HASH_COUNT;
	copy.flow_memcap_size = copy.stream_memcap_size = copy.reassembly_memcap_size = MEMORY_SIZE;
	return copy;
}

/* At both ends: what is held may be either. */
static int arm(uint32_t sid, struct places **ret)
{
	const struct ip_addr *const ends[] = { &client_addr, &server_addr };
	struct places_hold holds[ARRAY_COUNT(ends)];
	struct places_row rows[ARRAY_COUNT(ends)];

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		rows[i] = (struct places_row){ .prefix = ip_prefix_of_addr(ends[i]), .mode = TENANT_SHADOW };
		holds[i] = (struct places_hold){ .prefix = rows[i].prefix, .hold = sid, .sid = sid, .enforce = true };
	}
	return places_build(rows, ARRAY_COUNT(rows), holds, ARRAY_COUNT(holds), ret);
}

int hold_talk_play(const struct sensor_settings *settings, const struct policy *policy,
	const struct detect_engine *engine, const struct hold_talk *talk, const struct hold_playing *how,
	enum hold_answer *ret)
{
	struct sensor_settings own = small(settings);
	struct player p = { .talk = talk, .how = *how, .now_ns = clock_real_ns() };
	struct places *places = NULL;

	p.error = arm(talk->sid, &places);
	p.worker = p.error ? NULL : worker_new(&own, policy, engine, NULL, 0);
	if (!p.error && !p.worker)
		p.error = LUYTRE_E_NOMEM;
	if (!p.error) {
		worker_places(p.worker, places);
		if (talk->is_udp)
			play_udp(&p);
		else
			play_tcp(&p);
	}
	worker_free(p.worker);
	places_discard(places);
	if (!p.error)
		*ret = p.stopped ? HOLD_ANSWER_STOPPED : HOLD_ANSWER_PASSED;
	return p.error;
}

/* ---- what rows say ---- */

struct answer {
	uint32_t sid;
	bool known;
	enum hold_answer attack, twin;
};

struct proof_row {
	uint64_t hold;
	uint32_t answer; /* in 'answers' */
	uint8_t mode;
	bool is_idle; /* at one of its prefixes it is not armed, or nothing judges */
};

struct hold_proof {
	int64_t stamp;
	struct proof_row *rows;
	size_t row_count;
	struct answer *answers; /* by rule */
	size_t answer_count;
};

static int compare_answers(const void *left, const void *right)
{
	const struct answer *a = left, *b = right;

	return (a->sid > b->sid) - (a->sid < b->sid);
}

/* Rules that rows name, each once. */
static int gather(struct hold_proof *proof, const struct holdfile *file)
{
	size_t kept = 0;

	proof->rows = calloc(file->row_count + 1, sizeof(*proof->rows));
	proof->answers = calloc(file->row_count + 1, sizeof(*proof->answers));
	if (!proof->rows || !proof->answers)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < file->row_count; i++)
		if (file->rows[i].part == HOLDFILE_PART_SENSOR)
			proof->answers[proof->answer_count++].sid = (uint32_t)file->rows[i].rule;
	qsort(proof->answers, proof->answer_count, sizeof(*proof->answers), compare_answers);
	for (size_t i = 0; i < proof->answer_count; i++)
		if (!kept || proof->answers[kept - 1].sid != proof->answers[i].sid)
			proof->answers[kept++] = proof->answers[i];
	proof->answer_count = kept;
	return 0;
}

static struct answer *answer_of(const struct hold_proof *proof, uint32_t sid)
{
	const struct answer wanted = { .sid = sid };

	return bsearch(&wanted, proof->answers, proof->answer_count, sizeof(wanted), compare_answers);
}

static void note_known(struct hold_proof *proof, const struct policy *policy)
{
	for (uint32_t i = 0; i < policy->rule_count && proof->answer_count; i++) {
		const struct rule *rule = policy->rules[i];
		struct answer *answer = rule->gid == 1 && rule->flags & RULE_HOLD ? answer_of(proof, rule->sid) : NULL;

		if (answer)
			answer->known = true;
	}
}

/* 'bad' is what should not be: one sample for which it is decides. */
static int play_all(
	const struct hold_proof_input *in, uint32_t sid, bool twins, enum hold_answer bad, enum hold_answer *ret)
{
	static const struct hold_playing whole = { 0 };
	size_t count;
	const struct hold_talk *talk = hold_talks_of(in->talks, sid, twins, &count);
	int error = 0;

	*ret = HOLD_ANSWER_NONE;
	for (size_t i = 0; i < count && *ret != bad && !error; i++)
		error = hold_talk_play(in->settings, in->policy, in->engine, &talk[i], &whole, ret);
	return error;
}

/* Whether what is armed at a place does what the row says, or more. Inside of the row's prefix another hold may say it. */
static bool does(const struct places_hold *hold, const struct holdfile_row *row, bool is_inside)
{
	return hold->enforce || (row->mode != HOLDFILE_MODE_ENFORCE && (is_inside || hold->hold == row->hold));
}

/* At the place of the prefix and at all inside of it, or, where the prefix is wider than what is placed here, at some inside. */
static bool is_armed_at(
	const struct hold_proof_input *in, const struct ip_prefix *prefix, const struct holdfile_row *row)
{
	uint32_t place = places_find_prefix(in->places, prefix), sid = (uint32_t)row->rule, inside = PLACE_NONE;
	const struct ip_addr *addr = &prefix->addr;
	bool is_armed = false;

	do {
		const struct places_hold *hold = places_hold_of(in->places, place, sid);

		if (hold && (!does(hold, row, inside != PLACE_NONE) ||
				    !places_is_judged(in->places, place, in->policy->tenants, addr, 1, sid)))
			return false;
		is_armed |= hold && (hold->enforce || hold->hold == row->hold);
		place = inside = places_inside(in->places, prefix, inside);
		addr = place ? &places_prefix(in->places, place)->addr : NULL;
	} while (place);
	return is_armed;
}

static void fill_rows(struct hold_proof *proof, const struct hold_proof_input *in)
{
	for (size_t i = 0; i < in->file->row_count; i++) {
		const struct holdfile_row *from = &in->file->rows[i];
		struct proof_row *row = &proof->rows[proof->row_count];

		if (from->part != HOLDFILE_PART_SENSOR)
			continue;
		*row = (struct proof_row){ .hold = from->hold, .mode = from->mode };
		row->answer = (uint32_t)(answer_of(proof, (uint32_t)from->rule) - proof->answers);
		row->is_idle = !from->prefix_count;
		for (size_t k = 0; k < from->prefix_count && !row->is_idle; k++)
			row->is_idle = !is_armed_at(in, &in->file->prefixes[from->prefix_first + k], from);
		proof->row_count++;
	}
}

int hold_proof_new(const struct hold_proof_input *input, struct hold_proof **ret)
{
	static const struct holdfile none = { 0 };
	struct hold_proof_input in = *input;
	struct hold_proof *proof = calloc(1, sizeof(*proof));
	int error;

	if (!in.file)
		in.file = &none;
	if (!proof)
		return LUYTRE_E_NOMEM;
	proof->stamp = in.file->stamp;
	error = gather(proof, in.file);
	if (!error) {
		note_known(proof, in.policy);
		fill_rows(proof, &in);
	}
	for (size_t i = 0; i < proof->answer_count && !error; i++) {
		struct answer *answer = &proof->answers[i];

		if (answer->known)
			error = play_all(&in, answer->sid, false, HOLD_ANSWER_PASSED, &answer->attack);
		if (answer->known && !error)
			error = play_all(&in, answer->sid, true, HOLD_ANSWER_STOPPED, &answer->twin);
	}
	if (error) {
		hold_proof_free(proof);
		return error;
	}
	*ret = proof;
	return 0;
}

void hold_proof_free(struct hold_proof *proof)
{
	if (!proof)
		return;
	free(proof->rows);
	free(proof->answers);
	free(proof);
}

/* ---- telling ---- */

static enum hold_answer attack_of(const struct hold_proof *proof, const struct proof_row *row)
{
	const struct answer *answer = &proof->answers[row->answer];

	return row->is_idle && answer->attack == HOLD_ANSWER_STOPPED ? HOLD_ANSWER_PASSED : answer->attack;
}

size_t hold_proof_count(const struct hold_proof *proof)
{
	return proof->row_count;
}

size_t hold_proof_standing(const struct hold_proof *proof)
{
	size_t count = 0;

	for (size_t i = 0; i < proof->row_count; i++)
		count += attack_of(proof, &proof->rows[i]) == HOLD_ANSWER_STOPPED &&
			 proof->answers[proof->rows[i].answer].twin == HOLD_ANSWER_PASSED;
	return count;
}

size_t hold_proof_parts(const struct hold_proof *proof)
{
	return proof->row_count ? (proof->row_count + HOLD_PROOF_ROWS - 1) / HOLD_PROOF_ROWS : 1;
}

static void write_row(const struct hold_proof *proof, const struct proof_row *row, struct jsonw *json)
{
	static const char *const words[] = {
		[HOLD_ANSWER_NONE] = "none", [HOLD_ANSWER_STOPPED] = "stopped", [HOLD_ANSWER_PASSED] = "passed"
	};
	const struct answer *answer = &proof->answers[row->answer];

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "hold", row->hold);
	jsonw_kv_u64(json, "rule", answer->sid);
	jsonw_kv_string(json, "mode", holdfile_modes[row->mode]);
	jsonw_kv_bool(json, "known", answer->known);
	jsonw_kv_string(json, "attack", words[attack_of(proof, row)]);
	jsonw_kv_string(json, "twin", words[answer->twin]);
	jsonw_object_end(json);
}

void hold_proof_write(
	const struct hold_proof *proof, const char *gate, size_t part, uint64_t now_ns, struct jsonw *json)
{
	size_t first = part * HOLD_PROOF_ROWS;
	char time[EVE_TIME_SIZE];

	jsonw_object_begin(json);
	jsonw_kv_string(json, "timestamp", eve_time(now_ns, time));
	jsonw_kv_string(json, "event_type", "holds");
	jsonw_kv_i64(json, "stamp", proof->stamp);
	jsonw_kv_string(json, "gate", gate);
	jsonw_kv_u64(json, "worker", 0);
	jsonw_kv_u64(json, "workers", 1);
	jsonw_kv_array_begin(json, "holds");
	for (size_t i = first; i < proof->row_count && i < first + HOLD_PROOF_ROWS; i++)
		write_row(proof, &proof->rows[i], json);
	jsonw_array_end(json);
	jsonw_kv_u64(json, "part", part + 1);
	jsonw_kv_u64(json, "parts", hold_proof_parts(proof));
	jsonw_object_end(json);
}
