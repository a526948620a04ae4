// SPDX-License-Identifier: Apache-2.0
/* The edge's end of the control socket (docs/control.md): base/control.h has the server, control-commands.c what the
 * requests do; here are the stream of samples and the opening. */
#include <stdlib.h>

#include "base/control.h"
#include "edge/internal.h"
#include "packet/parse.h"
#include "packet/text.h"
#include "shield/emulate.h"

enum { REPLY_MAX_SIZE = 64 << 20, CLIENT_IDLE_S = 10 };

struct control {
	struct edge *edge;
	struct control_server *server;
};

static enum control_answer run_line(void *context, char *line, struct jsonw *out)
{
	struct control *control = context;
	bool stream = false;

	control_run(control->edge, line, out, &stream);
	return stream ? CONTROL_STREAM : CONTROL_ANSWERED;
}

void control_sample(struct control *control, const struct shield_sample *sample)
{
	struct jsonw out;
	struct bytes text;
	struct packet packet;
	char words[PACKET_TEXT_SIZE];

	if (!control_server_streams(control->server))
		return;
	packet_parse_part(sample->data, sample->data + sample->data_size, sample->frame_size, &packet);
	packet_describe(&packet, words);
	jsonw_init(&out, 4096);
	jsonw_object_begin(&out);
	jsonw_kv_u64(&out, "time_ns", sample->time_ns);
	jsonw_kv_string(&out, "tenant", policy_name(control->edge->policy, sample->tenant));
	jsonw_kv_string(&out, "step", shield_step_name(shield_reason_step(sample->reason)));
	jsonw_kv_string(&out, "reason", shield_reason_name(sample->reason));
	jsonw_kv_bool(&out, "shadow", sample->shadow);
	jsonw_kv_string(&out, "vectors", shield_reason_vectors(sample->reason));
	jsonw_kv_string(&out, "text", shield_reason_text(sample->reason, edge_lang(control->edge) == LUYTRE_LANG_VI));
	jsonw_kv_u64(&out, "weight", sample->weight);
	jsonw_kv_u64(&out, "size", sample->frame_size);
	jsonw_kv_string(&out, "packet", words);
	jsonw_object_end(&out);
	if (!jsonw_text(&out, &text))
		control_server_stream(control->server, text);
	jsonw_done(&out);
}

uint64_t control_samples_lost(const struct control *control)
{
	return control_server_lost(control->server);
}

int control_open(struct edge *edge, struct control **ret, char *why, size_t why_size)
{
	struct control *control = calloc(1, sizeof(*control));
	const struct control_options options = { .path = edge->config->control_socket,
		.group = edge->config->control_group,
		.reply_max_size = REPLY_MAX_SIZE,
		.idle_s = CLIENT_IDLE_S,
		.run = run_line,
		.context = control };
	int error;

	if (!control)
		return LUYTRE_E_NOMEM;
	control->edge = edge;
	error = control_server_open(edge->loop, &options, why, why_size, &control->server);
	if (error) {
		free(control);
		return error;
	}
	*ret = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	control_server_close(control->server);
	free(control);
}
