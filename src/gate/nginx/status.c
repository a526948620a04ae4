// SPDX-License-Identifier: Apache-2.0
/* `luytre_gate_status`: what was counted, as Prometheus reads it (text format 0.0.4) or, for who accepts JSON, as one object. Sums of all
 * workers since nginx began, reloads included; what other workers' engines counted may be a second old. */
#include "base/jsonw.h"
#include "gate/nginx/guard.h"

#define PREFIX   "luytre_gate_"
#define TEXT_MAX ((size_t)64 << 10)

struct sample {
	const char *name, *label, *value, *help; /* label null: the only one of its name */
	uint64_t number;
	bool gauge; /* no sum */
};

/* Samples of one name come one after the other. */
struct writer {
	const char *last; /* name */
	struct jsonw *json; /* null: text */
	bool inside; /* an object of samples with labels */
	u_char *text, *end;
};

static void write_text(struct writer *writer, const struct sample *sample)
{
	const char *tail = sample->gauge ? "" : "_total";

	if (!writer->last || strcmp(writer->last, sample->name) != 0)
		writer->text = ngx_slprintf(writer->text, writer->end,
			"# HELP " PREFIX "%s%s %s\n# TYPE " PREFIX "%s%s %s\n", sample->name, tail, sample->help,
			sample->name, tail, sample->gauge ? "gauge" : "counter");
	writer->text = ngx_slprintf(writer->text, writer->end, PREFIX "%s%s", sample->name, tail);
	if (sample->label)
		writer->text = ngx_slprintf(writer->text, writer->end, "{%s=\"%s\"}", sample->label, sample->value);
	writer->text = ngx_slprintf(writer->text, writer->end, " %uL\n", sample->number);
}

static void write_json(struct writer *writer, const struct sample *sample)
{
	bool other = !writer->last || strcmp(writer->last, sample->name) != 0;

	if (other && writer->inside)
		jsonw_object_end(writer->json);
	if (other)
		writer->inside = sample->label;
	if (other && sample->label)
		jsonw_kv_object_begin(writer->json, sample->name);
	jsonw_kv_u64(writer->json, sample->label ? sample->value : sample->name, sample->number);
}

static void put(struct writer *writer, const struct sample *sample)
{
	if (writer->json)
		write_json(writer, sample);
	else
		write_text(writer, sample);
	writer->last = sample->name;
}

/* ---- what there is ---- */

static uint64_t sum(const struct guard_zone *zone, enum guard_count which)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < GUARD_WORKERS; i++)
		all += guard_counted(zone, i, which);
	return all;
}

static void put_counts(struct writer *writer, const struct guard_zone *zone)
{
	static const struct sample rows[] = {
#define X(id, name, label, value, help) { name, label, value, help, 0, false },
		GUARD_COUNTS(X)
#undef X
	};

	for (unsigned int i = 0; i < GUARD_COUNT_COUNT; i++) {
		struct sample sample = rows[i];

		sample.number = sum(zone, i);
		put(writer, &sample);
	}
}

static void put_workers(struct writer *writer, const struct guard_zone *zone)
{
	const ngx_core_conf_t *core = (ngx_core_conf_t *)ngx_get_conf(ngx_cycle->conf_ctx, ngx_core_module);

	for (unsigned int i = 0; i < GUARD_WORKERS && i < (unsigned int)core->worker_processes; i++) {
		u_char number[NGX_INT_T_LEN + 1];
		struct sample sample = { "worker_requests", "worker", (char *)number,
			"Requests that rules looked at, by worker", guard_counted(zone, i, GUARD_ENGINE_REQUESTS),
			false };

		ngx_sprintf(number, "%ud%Z", i);
		put(writer, &sample);
	}
}

static void put_reasons(struct writer *writer, const struct abuse_counters *counters)
{
	for (unsigned int i = ABUSE_NONE + 1; i < ABUSE_REASON_COUNT; i++) {
		struct sample sample = { "guard_verdicts", "reason", abuse_reason_name(i),
			"Verdicts of guards other than to pass, in shadow as well", counters->verdicts[i], false };

		put(writer, &sample);
	}
}

struct table_row {
	const char *name, *help;
	size_t offset; /* in struct abuse_table_counters */
	bool gauge;
};

/* All tables of one name, then those of the next. */
static void put_tables(
	struct writer *writer, const struct abuse_counters *counters, const struct abuse_table_counters *sessions)
{
	static const struct table_row rows[] = {
		{ "table_used", "Entries, those included whose time is over",
			offsetof(struct abuse_table_counters, used), true },
		{ "table_places", "Room for entries", offsetof(struct abuse_table_counters, places), true },
		{ "table_created", "Entries made", offsetof(struct abuse_table_counters, created), false },
		{ "table_expired", "Entries whose place was taken when their time was over",
			offsetof(struct abuse_table_counters, expired), false },
		{ "table_evicted", "Entries thrown out before their time",
			offsetof(struct abuse_table_counters, evicted), false },
	};

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		for (unsigned int i = 0; i <= ABUSE_TABLE_COUNT; i++) {
			const struct abuse_table_counters *table =
				i < ABUSE_TABLE_COUNT ? &counters->tables[i] : sessions;
			struct sample sample = { rows[row].name, "table",
				i < ABUSE_TABLE_COUNT ? abuse_table_name(i) : "sessions", rows[row].help, 0,
				rows[row].gauge };

			memcpy(&sample.number, (const u_char *)table + rows[row].offset, sizeof(sample.number));
			put(writer, &sample);
		}
	}
}

static void put_all(struct writer *writer, const struct guard_zone *zone)
{
	struct guard_capacity capacity = guard_zone_capacity(zone);
	struct leak_session_counters sessions;
	struct abuse_table_counters table;
	struct abuse_counters counters;
	struct sample size = { "table_bytes", NULL, NULL, "Memory of all tables", capacity.size, true };
	struct sample cut = { "leak_sessions_cut", NULL, NULL, "Sessions and addresses that went over their bound", 0,
		false };

	guard_lock(zone);
	abuse_counters(zone->abuse, &counters);
	sessions = leak_sessions_counters(zone->sessions);
	guard_unlock(zone);
	table = (struct abuse_table_counters){ .created = sessions.created,
		.expired = sessions.expired,
		.evicted = sessions.evicted,
		.used = sessions.created - sessions.expired - sessions.evicted,
		.places = capacity.session_places };
	cut.number = sessions.cut;
	put_counts(writer, zone);
	put_workers(writer, zone);
	put_reasons(writer, &counters);
	put(writer, &cut);
	put(writer, &size);
	put_tables(writer, &counters, &table);
}

/* ---- the answer ---- */

static ngx_buf_t *make_text(ngx_http_request_t *r, const struct guard_zone *zone)
{
	ngx_buf_t *buf = ngx_create_temp_buf(r->pool, TEXT_MAX);
	struct writer writer = { 0 };

	if (!buf)
		return NULL;
	writer.text = buf->last;
	writer.end = buf->end;
	put_all(&writer, zone);
	buf->last = writer.text;
	return buf;
}

static ngx_buf_t *make_json(ngx_http_request_t *r, const struct guard_zone *zone)
{
	static struct jsonw json;
	struct writer writer = { .json = &json };
	struct bytes text;
	ngx_buf_t *buf = NULL;

	jsonw_init(&json, TEXT_MAX);
	jsonw_object_begin(&json);
	put_all(&writer, zone);
	if (writer.inside)
		jsonw_object_end(&json);
	jsonw_object_end(&json);
	if (jsonw_text(&json, &text) == 0)
		buf = ngx_create_temp_buf(r->pool, text.size + 1);
	if (buf) {
		buf->last = ngx_cpymem(buf->last, text.ptr, text.size);
		*buf->last++ = '\n';
	}
	jsonw_done(&json);
	return buf;
}

static ngx_int_t handle(ngx_http_request_t *r)
{
	static const ngx_str_t types[] = { ngx_string("text/plain; version=0.0.4; charset=utf-8"),
		ngx_string("application/json") };
	struct gate_main *conf = ngx_http_get_module_main_conf(r, ngx_http_luytre_gate_module);
	bool json = gate_page_is_json(r);
	ngx_chain_t out = { 0 };
	ngx_int_t result;

	if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)))
		return NGX_HTTP_NOT_ALLOWED;
	result = ngx_http_discard_request_body(r);
	if (result != NGX_OK)
		return result;
	guard_publish(conf);
	out.buf = json ? make_json(r, conf->zone) : make_text(r, conf->zone);
	if (!out.buf)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	out.buf->last_buf = r == r->main;
	out.buf->last_in_chain = 1;
	r->headers_out.status = NGX_HTTP_OK;
	r->headers_out.content_type = types[json];
	r->headers_out.content_type_len = types[json].len;
	r->headers_out.content_length_n = out.buf->last - out.buf->pos;
	result = ngx_http_send_header(r);
	if (result == NGX_ERROR || result > NGX_OK || r->header_only)
		return result;
	return ngx_http_output_filter(r, &out);
}

char *guard_directive_status(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
	struct gate_main *main = ngx_http_conf_get_module_main_conf(cf, ngx_http_luytre_gate_module);
	ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

	core->handler = handle;
	main->zone_wanted = true;
	return NGX_CONF_OK;
}
