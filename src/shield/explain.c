// SPDX-License-Identifier: Apache-2.0
/* Builds the shield in memory, plays a capture through it, and says what came of it. See explain.h. */
#include "shield/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/table.h"
#include "packet/capture.h"
#include "packet/text.h"
#include "shield/config.h"
#include "shield/emulate.h"
#include "shield/lists.h"

enum {
	START_NS = 0, /* the decisions' time: none of them expires */
	LINE_MAX_SIZE = 16384,
	SUMMARY_MAX_SIZE = 64 << 20,
};

/* The emulated clock begins here: some way behind zero, so that nothing looks new only because time began. */
#define FIRST_PACKET_NS (1000 * NS_PER_S)

static const char example_config[] = "interface: none\n"
				     "capacity:\n"
				     "  decisions: 1024\n"
				     "  decisions_v6: 1024\n"
				     "tenants:\n"
				     "  - name: example\n"
				     "    prefixes: [0.0.0.0/0, \"::/0\"]\n"
				     "    mode: enforce\n"
				     "    bogons: false\n"
				     "    tcp_ports: 1-65535\n"
				     "    udp_ports: 1-65535\n"
				     "    challenge: off\n";

/* Words of the output, by language. */
static const struct {
	const char *pass, *drop, *answer, *outbound, *shadow, *cut, *steps, *ok, *packets, *tenant, *reason, *count,
		*bytes, *sources, *dropped, *of, *others;
} words[] = {
	[LUYTRE_LANG_EN] = { "pass", "drop", "answer", "leaves", "in shadow", "cut in the capture", "steps", "ok",
		"packets", "tenant", "reason", "packets", "bytes", "Busiest sources", "dropped", "of",
		"more sources were not counted" },
	[LUYTRE_LANG_VI] = { "cho qua", "chặn", "thử thách", "đi ra", "chế độ bóng", "bị cắt trong tệp bắt gói",
		"các bước", "đạt", "gói tin", "đơn vị", "lý do", "gói tin", "byte", "Nguồn nhiều nhất", "bị chặn",
		"trên", "nguồn nữa không được đếm" },
};

struct source_count {
	uint64_t packets, bytes, dropped;
};

struct explain {
	const struct explain_options *options;
	FILE *out, *errors;
	struct config *config;
	struct shield_maps *maps;
	struct policy *policy;
	struct decisions *decisions;
	struct packet_capture *capture;
	struct table *sources; /* struct ip_addr to struct source_count; summary only */
	struct jsonw json;
	uint64_t first_ns, now_ns; /* of the capture; of the emulated clock */
	uint64_t packets, bytes, outbound;
	uint8_t frame[PACKET_CAPTURE_FRAME_MAX];
};

/* One packet and what became of it. */
struct outcome {
	uint64_t number;
	double time_s;
	bool outbound, cut;
	struct shield_result result;
	struct shield_trace trace;
};

/* ---- setting up ----------------------------------------------------------------------------------*/

static const char *reflect_name(size_t row)
{
	return shield_reflect_name(row);
}

static int read_config(struct explain *x)
{
	struct config_errors errors;
	int error;

	if (x->options->config)
		error = config_load(x->options->config, reflect_name, &errors, &x->config);
	else
		error = config_load_bytes(bytes_from_str(example_config), "example", reflect_name, &errors, &x->config);
	if (error)
		config_errors_print(x->errors, &errors);
	return error;
}

static int fail(struct explain *x, int error, const char *what)
{
	fprintf(x->errors, "%s: %s\n", what, error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int make_tables(struct explain *x)
{
	const struct config_capacity *c = &x->config->capacity;
	struct shield_sizes sizes = policy_sizes(x->config, 1);
	struct decisions_config ceilings = { .max_v4 = c->decisions, .max_v6 = c->decisions_v6, .fresh = true };
	struct siphash_key key;

	x->maps = shield_maps_new(&sizes, START_NS);
	x->policy = x->maps ? policy_new(x->maps) : NULL;
	x->decisions = x->policy ? decisions_new(x->maps, &ceilings) : NULL;
	if (x->options->summary && !siphash_key_random(&key))
		x->sources = table_new(sizeof(struct ip_addr), sizeof(struct source_count), EXPLAIN_SOURCES_MAX, key);
	if (!x->decisions || (x->options->summary && !x->sources))
		return fail(x, LUYTRE_E_NOMEM, "the tables");
	return 0;
}

static int fill_tables(struct explain *x)
{
	const char *what = "";
	char why[512];
	int error = policy_load(x->policy, x->config, &what);

	if (error)
		return fail(x, error, what);
	/* The example's addresses are everybody's, so nobody's source is forged. */
	if (!x->options->config)
		return 0;
	error = decisions_begin(x->decisions, DECISIONS_ALL, START_NS);
	if (!error) {
		error = lists_put(x->decisions, x->policy, x->config, why, sizeof(why));
		if (error) {
			fprintf(x->errors, "%s\n", why);
			return error;
		}
		error = decisions_commit(x->decisions, START_NS);
	}
	if (error) {
		lists_explain_error(x->decisions, error, why, sizeof(why));
		fprintf(x->errors, "%s\n", why);
	}
	return error;
}

static int open_capture(struct explain *x)
{
	char message[PACKET_CAPTURE_MESSAGE_SIZE];
	int error = packet_capture_open(x->options->pcap, message, &x->capture);

	if (error)
		fprintf(x->errors, "%s\n", message);
	return error;
}

/* ---- one packet ----------------------------------------------------------------------------------*/

/* From a tenant to somebody who is none. */
static bool is_outbound(const struct explain *x, const struct packet *p)
{
	return p->family && shield_emulate_tenant(x->maps, &p->src, p->family) &&
	       !shield_emulate_tenant(x->maps, &p->dst, p->family);
}

/* Copies the frame, as long as it was on the wire. */
static size_t take_frame(struct explain *x, const struct packet_frame *in)
{
	size_t size = in->wire_size < sizeof(x->frame) ? in->wire_size : sizeof(x->frame);

	if (size < in->data.size)
		size = in->data.size;
	memcpy(x->frame, in->data.ptr, in->data.size);
	memset(x->frame + in->data.size, 0, size - in->data.size);
	return size;
}

/* A capture may step back in time; the shield's clock never does. */
static void move_clock(struct explain *x, uint64_t time_ns)
{
	if (!x->packets)
		x->first_ns = time_ns;
	if (time_ns >= x->first_ns && time_ns - x->first_ns + FIRST_PACKET_NS > x->now_ns)
		x->now_ns = time_ns - x->first_ns + FIRST_PACKET_NS;
}

static void judge(struct explain *x, const struct packet_frame *in, struct outcome *ret)
{
	size_t size = take_frame(x, in);

	move_clock(x, in->time_ns);
	*ret = (struct outcome){ .number = ++x->packets,
		.time_s = (double)(int64_t)(in->time_ns - x->first_ns) / (double)NS_PER_S,
		.cut = size > in->data.size };
	x->bytes += size;
	packet_decode(x->frame, size, &ret->result.packet);
	ret->outbound = is_outbound(x, &ret->result.packet);
	if (!ret->outbound) {
		shield_emulate(x->maps, x->frame, size, x->now_ns, NULL, NULL, &ret->trace, &ret->result);
		return;
	}
	x->outbound++;
	if (x->config->watch_outbound || x->config->peer)
		x->maps->globals->flags |= SHIELD_GLOBAL_SEES_OUTBOUND;
	shield_emulate_outbound(x->maps, x->frame, size, x->now_ns);
}

static const char *verdict_word(const struct explain *x, const struct outcome *o)
{
	const char *const names[] = { [SHIELD_PASS] = words[x->options->lang].pass,
		[SHIELD_DROP] = words[x->options->lang].drop,
		[SHIELD_ANSWER] = words[x->options->lang].answer };

	return o->outbound ? words[x->options->lang].outbound : names[o->result.verdict];
}

static const char *tenant_of(const struct explain *x, const struct outcome *o)
{
	uint32_t slot = o->outbound ? shield_emulate_tenant(x->maps, &o->result.packet.src, o->result.packet.family)
				    : o->result.tenant;

	return policy_name(x->policy, slot);
}

static void print_steps(const struct explain *x, const struct outcome *o)
{
	fprintf(x->out, "\t%s:", words[x->options->lang].steps);
	for (size_t i = 0; i < o->trace.count; i++) {
		enum shield_reason reason = o->trace.steps[i].reason;

		fprintf(x->out, "%s %s %s", i ? "," : "", shield_step_name(o->trace.steps[i].step),
			reason ? shield_reason_name(reason) : words[x->options->lang].ok);
	}
	fputc('\n', x->out);
}

static void print_packet(const struct explain *x, const struct outcome *o)
{
	enum shield_reason reason = o->result.reason;
	char text[PACKET_TEXT_SIZE];

	fprintf(x->out, "%" PRIu64 " %.6f %s: %s %s", o->number, o->time_s, packet_describe(&o->result.packet, text),
		words[x->options->lang].tenant, tenant_of(x, o));
	fprintf(x->out, ": %s (%s", verdict_word(x, o), o->outbound ? "-" : shield_reason_name(reason));
	if (o->result.shadow)
		fprintf(x->out, ", %s", words[x->options->lang].shadow);
	if (o->cut)
		fprintf(x->out, ", %s", words[x->options->lang].cut);
	fprintf(x->out, ")\n");
	if (o->outbound)
		return;
	print_steps(x, o);
	fprintf(x->out, "\t%s", shield_reason_text(reason, x->options->lang == LUYTRE_LANG_VI));
	if (shield_reason_vectors(reason)[0])
		fprintf(x->out, " [%s]", shield_reason_vectors(reason));
	if (reason == SHIELD_REASON_LISTED)
		fprintf(x->out, " (%s)", lists_name(x->config, o->result.list));
	fputc('\n', x->out);
}

static void write_steps(struct jsonw *json, const struct shield_trace *trace)
{
	jsonw_kv_array_begin(json, "steps");
	for (size_t i = 0; i < trace->count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "step", shield_step_name(trace->steps[i].step));
		jsonw_kv_string(
			json, "reason", trace->steps[i].reason ? shield_reason_name(trace->steps[i].reason) : NULL);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_addresses(struct jsonw *json, const struct packet *p)
{
	char text[IP_ADDR_TEXT_SIZE];
	struct ip_addr src = p->family == 6 ? ip_addr_v6(p->src.byte) : ip_addr_v4(p->src.byte);
	struct ip_addr dst = p->family == 6 ? ip_addr_v6(p->dst.byte) : ip_addr_v4(p->dst.byte);

	if (!p->family)
		return;
	jsonw_kv_string(json, "src", ip_addr_format(&src, text));
	jsonw_kv_string(json, "dst", ip_addr_format(&dst, text));
	jsonw_kv_u64(json, "protocol", p->protocol);
	if (p->sport || p->dport) {
		jsonw_kv_u64(json, "sport", p->sport);
		jsonw_kv_u64(json, "dport", p->dport);
	}
}

/* One line of text that programs read; the names in it never change with the language. */
static int print_json(struct explain *x)
{
	struct bytes text;
	int error = jsonw_text(&x->json, &text);

	if (error)
		return fail(x, error, "JSON");
	fwrite(text.ptr, 1, text.size, x->out);
	fputc('\n', x->out);
	return 0;
}

static void write_verdict(struct explain *x, const struct outcome *o)
{
	static const char *const verdicts[] = {
		[SHIELD_PASS] = "pass", [SHIELD_DROP] = "drop", [SHIELD_ANSWER] = "answer"
	};
	enum shield_reason reason = o->result.reason;
	struct jsonw *json = &x->json;

	jsonw_kv_string(json, "verdict", verdicts[o->result.verdict]);
	jsonw_kv_string(json, "reason", shield_reason_name(reason));
	jsonw_kv_string(json, "vectors", shield_reason_vectors(reason));
	jsonw_kv_bool(json, "shadow", o->result.shadow);
	if (reason == SHIELD_REASON_LISTED)
		jsonw_kv_string(json, "list", lists_name(x->config, o->result.list));
	jsonw_kv_string(json, "text", shield_reason_text(reason, x->options->lang == LUYTRE_LANG_VI));
	write_steps(json, &o->trace);
}

static int write_packet(struct explain *x, const struct outcome *o)
{
	struct jsonw *json = &x->json;
	char text[PACKET_TEXT_SIZE];

	jsonw_reset(json);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "number", o->number);
	jsonw_kv_double(json, "time_s", o->time_s);
	jsonw_kv_string(json, "packet", packet_describe(&o->result.packet, text));
	write_addresses(json, &o->result.packet);
	jsonw_kv_u64(json, "size", o->result.packet.size);
	jsonw_kv_bool(json, "cut", o->cut);
	jsonw_kv_string(json, "tenant", tenant_of(x, o));
	jsonw_kv_string(json, "direction", o->outbound ? "out" : "in");
	if (!o->outbound)
		write_verdict(x, o);
	jsonw_object_end(json);
	return print_json(x);
}

/* ---- the summary ---------------------------------------------------------------------------------*/

static void count_source(struct explain *x, const struct outcome *o)
{
	const struct packet *p = &o->result.packet;
	struct source_count *count;
	struct ip_addr src;

	if (!p->family || o->outbound)
		return;
	src = p->family == 6 ? ip_addr_v6(p->src.byte) : ip_addr_v4(p->src.byte);
	count = table_insert(x->sources, &src, NULL);
	if (!count)
		return;
	count->packets++;
	count->bytes += p->size;
	count->dropped += shield_reason_verdict(o->result.reason) != SHIELD_PASS;
}

struct top_source {
	struct ip_addr addr;
	struct source_count count;
};

static bool is_busier(const struct source_count *left, const struct source_count *right)
{
	return left->dropped != right->dropped ? left->dropped > right->dropped : left->packets > right->packets;
}

/* The busiest first; returns how many. Equal ones in the order of their addresses, so that the same file always gives
 * the same text. */
static size_t find_top(const struct explain *x, struct top_source top[EXPLAIN_TOP_SOURCES])
{
	size_t pos = 0, count = 0;
	const void *key;
	void *value;

	while (table_next(x->sources, &pos, &key, &value)) {
		struct top_source now = { *(const struct ip_addr *)key, *(const struct source_count *)value };
		size_t at = count;

		while (at && (is_busier(&now.count, &top[at - 1].count) ||
				     (!is_busier(&top[at - 1].count, &now.count) &&
					     ip_addr_compare(&now.addr, &top[at - 1].addr) < 0)))
			at--;
		if (at == EXPLAIN_TOP_SOURCES)
			continue;
		if (count < EXPLAIN_TOP_SOURCES)
			count++;
		memmove(&top[at + 1], &top[at], (count - 1 - at) * sizeof(*top));
		top[at] = now;
	}
	return count;
}

/* Calls 'show' for each counter that is not zero. */
typedef void (*counter_fn)(
	struct explain *x, uint32_t slot, enum shield_reason reason, bool shadow, const struct shield_counter *counter);

static void each_counter(struct explain *x, counter_fn show)
{
	for (uint32_t slot = 0; slot < policy_slot_count(x->policy); slot++)
		for (uint32_t i = 0; i < SHIELD_REASON_COUNT * 2; i++) {
			const struct shield_counter *counter = &x->maps->counters[slot * SHIELD_REASON_SLOTS * 2 + i];

			if (counter->packets)
				show(x, slot, (enum shield_reason)(i / 2), i & 1, counter);
		}
}

static void print_counter(
	struct explain *x, uint32_t slot, enum shield_reason reason, bool shadow, const struct shield_counter *counter)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s%s", shield_reason_name(reason), shadow ? " (" : "",
		shadow ? words[x->options->lang].shadow : "", shadow ? ")" : "");
	fprintf(x->out, "%-20s %-36s %12" PRIu64 " %14" PRIu64 "\n", policy_name(x->policy, slot), name,
		counter->packets, counter->bytes);
}

static int print_summary(struct explain *x)
{
	struct top_source top[EXPLAIN_TOP_SOURCES];
	size_t count = find_top(x, top);
	char text[IP_ADDR_TEXT_SIZE];
	uint64_t missed = table_refused(x->sources);

	fprintf(x->out, "%" PRIu64 " %s, %" PRIu64 " %s, %.3f s\n\n", x->packets, words[x->options->lang].packets,
		x->bytes, words[x->options->lang].bytes,
		x->packets ? (double)(x->now_ns - FIRST_PACKET_NS) / (double)NS_PER_S : 0.0);
	fprintf(x->out, "%-20s %-36s %12s %14s\n", words[x->options->lang].tenant, words[x->options->lang].reason,
		words[x->options->lang].count, words[x->options->lang].bytes);
	each_counter(x, print_counter);
	if (x->outbound)
		fprintf(x->out, "%-20s %-36s %12" PRIu64 "\n", "", words[x->options->lang].outbound, x->outbound);
	if (count)
		fprintf(x->out, "\n%s\n", words[x->options->lang].sources);
	for (size_t i = 0; i < count; i++)
		fprintf(x->out, "%-40s %12" PRIu64 " %s %s %" PRIu64 "\n", ip_addr_format(&top[i].addr, text),
			top[i].count.dropped, words[x->options->lang].dropped, words[x->options->lang].of,
			top[i].count.packets);
	if (missed)
		fprintf(x->out, "%" PRIu64 " %s\n", missed, words[x->options->lang].others);
	return 0;
}

static void write_counter(
	struct explain *x, uint32_t slot, enum shield_reason reason, bool shadow, const struct shield_counter *counter)
{
	jsonw_object_begin(&x->json);
	jsonw_kv_string(&x->json, "tenant", policy_name(x->policy, slot));
	jsonw_kv_string(&x->json, "reason", shield_reason_name(reason));
	jsonw_kv_bool(&x->json, "shadow", shadow);
	jsonw_kv_u64(&x->json, "packets", counter->packets);
	jsonw_kv_u64(&x->json, "bytes", counter->bytes);
	jsonw_object_end(&x->json);
}

static int write_summary(struct explain *x)
{
	struct top_source top[EXPLAIN_TOP_SOURCES];
	size_t count = find_top(x, top);
	struct jsonw *json = &x->json;
	char text[IP_ADDR_TEXT_SIZE];

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "packets", x->packets);
	jsonw_kv_u64(json, "bytes", x->bytes);
	jsonw_kv_u64(json, "outbound", x->outbound);
	jsonw_kv_double(
		json, "duration_s", x->packets ? (double)(x->now_ns - FIRST_PACKET_NS) / (double)NS_PER_S : 0.0);
	jsonw_kv_array_begin(json, "counters");
	each_counter(x, write_counter);
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "sources");
	for (size_t i = 0; i < count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "source", ip_addr_format(&top[i].addr, text));
		jsonw_kv_u64(json, "packets", top[i].count.packets);
		jsonw_kv_u64(json, "bytes", top[i].count.bytes);
		jsonw_kv_u64(json, "dropped", top[i].count.dropped);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_kv_u64(json, "sources_not_counted", table_refused(x->sources));
	jsonw_object_end(json);
	return print_json(x);
}

/* ---- the whole -----------------------------------------------------------------------------------*/

static int show(struct explain *x, const struct outcome *o)
{
	if (x->options->summary)
		count_source(x, o);
	else if (x->options->json)
		return write_packet(x, o);
	else
		print_packet(x, o);
	return 0;
}

static int play(struct explain *x)
{
	struct packet_frame frame;
	struct outcome outcome;
	int error = 0, more;

	while ((more = packet_capture_next(x->capture, &frame)) > 0 && !error) {
		judge(x, &frame, &outcome);
		error = show(x, &outcome);
	}
	if (!error && x->options->summary)
		error = x->options->json ? write_summary(x) : print_summary(x);
	if (more < 0)
		fprintf(x->errors, "%s\n", packet_capture_message(x->capture));
	if (fflush(x->out) || ferror(x->out))
		return fail(x, LUYTRE_E_IO, "the output");
	return error ? error : more;
}

int explain_run(const struct explain_options *options, FILE *out, FILE *errors)
{
	struct explain *x = calloc(1, sizeof(*x));
	int error;

	if (!x)
		return LUYTRE_E_NOMEM;
	x->options = options;
	x->out = out;
	x->errors = errors;
	jsonw_init(&x->json, options->summary ? SUMMARY_MAX_SIZE : LINE_MAX_SIZE);
	error = read_config(x);
	if (!error)
		error = open_capture(x);
	if (!error)
		error = make_tables(x);
	if (!error)
		error = fill_tables(x);
	if (!error)
		error = play(x);
	packet_capture_close(x->capture);
	table_free(x->sources);
	jsonw_done(&x->json);
	decisions_free(x->decisions);
	policy_free(x->policy);
	shield_maps_free(x->maps);
	config_free(x->config);
	free(x);
	return error;
}
