// SPDX-License-Identifier: Apache-2.0
/* Frames: four bytes with a size before each message (RFC 1002, section 4.3.1; [MS-SMB2], section 2.1). Long reads and
 * writes go into their file as they come; every other message is taken whole. */
#include "sensor/app/smb/smb.h"
#include "sensor/app/frames.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/table.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"
#include "sensor/stream/stream.h"

enum {
	FRAME_HEAD_SIZE = 4,
	FRAME_MESSAGE = 0x00,
	FRAME_SESSION_REQUEST = 0x81,
	FRAME_KEEP_ALIVE = 0x85,
	BEGIN_SIZE = 256, /* so much of a message is there before its beginning is looked at */
	TX_MAX_DEFAULT = 1024,
};

static const struct app_event smb_events[] = {
#define X(id, name) { name, false },
	SMB_EVENTS(X)
#undef X
		{ NULL, false }
};

/* ---- One frame ---- */

static bool begins(struct bytes data, uint8_t first)
{
	const uint8_t magic[4] = { first, 'S', 'M', 'B' };

	return bytes_starts_with(data, bytes_of(magic, sizeof(magic)));
}

static void message(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes whole, uint64_t now_ns)
{
	struct smb_message none = { .version = 2, .now_ns = now_ns };

	if (begins(whole, 0xff))
		smb1_message(conn, state, dir, whole, now_ns);
	else if (begins(whole, 0xfe))
		smb2_message(conn, state, dir, whole, now_ns);
	else if (!begins(whole, 0xfd) && !begins(whole, 0xfc) && whole.size != 0)
		smb_event(conn, state, &none, dir, SMB_EVENT_MALFORMED_DATA);
}

/* Goes on with a message whose beginning was taken. */
static struct bytes run_rest(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes data)
{
	struct smb_rest *rest = &state->rest[dir];
	struct bytes part = bytes_first(data, rest->data_size);

	if (part.size != 0 && rest->has_fuid)
		smb_file_more(conn, state, &rest->fuid, dir, part);
	rest->data_size -= part.size;
	data = bytes_skip(data, part.size);
	if (rest->data_size == 0 && rest->skip_size != 0) {
		size_t skipped = data.size < rest->skip_size ? data.size : rest->skip_size;

		rest->skip_size -= skipped;
		data = bytes_skip(data, skipped);
	}
	return data;
}

/* Frames: NBSS around messages of each version, with their header and what follows. */
enum smb_frame {
	FRAME_NBSS_PDU,
	FRAME_NBSS_HDR,
	FRAME_NBSS_DATA,
	FRAME_SMB1_PDU,
	FRAME_SMB2_PDU = 6,
	FRAME_SMB3_PDU = 9
};

static const char *const frames[] = { "nbss.pdu", "nbss.hdr", "nbss.data", "smb1.pdu", "smb1.hdr", "smb1.data",
	"smb2.pdu", "smb2.hdr", "smb2.data", "smb3.pdu", "smb3.hdr", "smb3.data", NULL };

static void announce_message(struct app_conn *conn, enum sensor_dir dir, struct bytes part, size_t size)
{
	static const struct {
		uint8_t first, pdu, head_size;
	} rows[] = { { 0xff, FRAME_SMB1_PDU, 32 }, { 0xfe, FRAME_SMB2_PDU, 64 }, { 0xfd, FRAME_SMB3_PDU, 52 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!begins(part, rows[i].first) || part.size < rows[i].head_size)
			continue;
		app_frame(conn, dir, rows[i].pdu, part.ptr, (int64_t)size, NULL);
		app_frame(conn, dir, rows[i].pdu + 1, part.ptr, rows[i].head_size, NULL);
		app_frame(conn, dir, rows[i].pdu + 2, part.ptr + rows[i].head_size, (int64_t)(size - rows[i].head_size),
			NULL);
		return;
	}
}

static void announce(struct app_conn *conn, enum sensor_dir dir, struct bytes part, size_t size)
{
	app_frame_back(conn, dir, FRAME_NBSS_PDU, part.ptr, FRAME_HEAD_SIZE, (int64_t)(FRAME_HEAD_SIZE + size), NULL);
	app_frame_back(conn, dir, FRAME_NBSS_HDR, part.ptr, FRAME_HEAD_SIZE, FRAME_HEAD_SIZE, NULL);
	app_frame(conn, dir, FRAME_NBSS_DATA, part.ptr, (int64_t)size, NULL);
	announce_message(conn, dir, part, size);
}

enum step { STEP_DONE, STEP_MORE, STEP_BAD };

/* A message that is not all there; '*ret_needed' with STEP_MORE. */
static enum step incomplete(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes part,
	size_t size, uint64_t now_ns, size_t *ret_needed)
{
	bool secret = begins(part, 0xfd) || begins(part, 0xfc);

	if (part.size < 4 || (part.size < BEGIN_SIZE && !secret)) {
		*ret_needed = FRAME_HEAD_SIZE + (size < BEGIN_SIZE ? size : BEGIN_SIZE);
		return STEP_MORE;
	}
	if ((begins(part, 0xfe) && smb2_begin(conn, state, dir, part, size, now_ns)) ||
		(begins(part, 0xff) && smb1_begin(conn, state, dir, part, size, now_ns)))
		return STEP_DONE;
	if (secret || size > SMB_RECORD_MAX) {
		struct smb_message none = { .version = 2, .now_ns = now_ns };

		if (!secret)
			smb_event(conn, state, &none, dir, SMB_EVENT_RECORD_OVERFLOW);
		state->rest[dir] = (struct smb_rest){ .skip_size = size - part.size };
		return STEP_DONE;
	}
	*ret_needed = FRAME_HEAD_SIZE + size;
	return STEP_MORE;
}

static enum step frame(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes *data,
	uint64_t now_ns, size_t *ret_needed)
{
	struct cursor cur = cursor_over(*data);
	struct bytes whole;
	uint32_t head;
	uint8_t type;
	size_t size;
	enum step step;

	*ret_needed = FRAME_HEAD_SIZE;
	if (!cursor_u32be(&cur, &head))
		return STEP_MORE;
	type = (uint8_t)(head >> 24);
	size = head & 0xffffff;
	if (type != FRAME_MESSAGE && (type < FRAME_SESSION_REQUEST || type > FRAME_KEEP_ALIVE))
		return STEP_BAD;
	if (cursor_take(&cur, size, &whole)) {
		*data = cursor_rest(&cur);
		announce(conn, dir, whole, size);
		if (type == FRAME_MESSAGE)
			message(conn, state, dir, whole, now_ns);
		return STEP_DONE;
	}
	if (type != FRAME_MESSAGE) {
		*ret_needed = FRAME_HEAD_SIZE + size;
		return STEP_MORE;
	}
	step = incomplete(conn, state, dir, cursor_rest(&cur), size, now_ns, ret_needed);
	if (step == STEP_DONE) {
		announce(conn, dir, cursor_rest(&cur), size);
		*data = (struct bytes){ 0 };
	}
	return step;
}

/* ---- Streams ---- */

/* Behind a gap, or among what is no frame: the next place where a message begins. */
static bool resync(struct smb_state *state, enum sensor_dir dir, struct bytes *data)
{
	for (size_t i = FRAME_HEAD_SIZE; i + 4 <= data->size; i++) {
		struct bytes at = bytes_skip(*data, i);

		if (data->ptr[i + 1] != 'S' || (!begins(at, 0xff) && !begins(at, 0xfe) && !begins(at, 0xfd)))
			continue;
		if (data->ptr[i - 4] != FRAME_MESSAGE)
			continue;
		*data = bytes_skip(*data, i - FRAME_HEAD_SIZE);
		state->lost[dir] = false;
		return true;
	}
	return false;
}

static struct app_result gap(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, uint64_t size)
{
	struct smb_rest *rest = &state->rest[dir];
	uint64_t part = size < rest->data_size ? size : rest->data_size;

	if (part != 0 && rest->has_fuid)
		smb_file_gap(conn, state, &rest->fuid, dir, part);
	rest->data_size -= part;
	size -= part;
	part = size < rest->skip_size ? size : rest->skip_size;
	rest->skip_size -= part;
	/* A gap that ends within a long message leaves the frames in step. */
	if (size != part)
		state->lost[dir] = true;
	return APP_RESULT_OK;
}

static struct app_result parse(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;
	size_t needed = 0;

	if (in->gap_size != 0)
		return gap(conn, state, dir, in->gap_size);
	while (data.size != 0) {
		enum step step;

		data = run_rest(conn, state, dir, data);
		if (data.size == 0)
			break;
		if (state->lost[dir] && !resync(state, dir, &data)) {
			/* A message may begin in the last bytes. */
			size_t kept = data.size < 7 ? data.size : 7;

			return APP_RESULT_MORE(in->data.size - kept, kept + 1);
		}
		step = frame(conn, state, dir, &data, in->now_ns, &needed);
		if (state->too_many)
			return APP_RESULT_ERROR;
		if (step == STEP_MORE)
			return APP_RESULT_MORE(in->data.size - data.size, needed);
		if (step == STEP_BAD) {
			struct smb_message none = { .version = 2, .now_ns = in->now_ns };

			smb_event(conn, state, &none, dir, SMB_EVENT_MALFORMED_DATA);
			state->lost[dir] = true;
			continue;
		}
	}
	if (in->eof)
		smb_files_end(conn, state, dir);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, TO_CLIENT, in);
}

/* ---- Recognition ---- */

static bool is_smb_port(uint16_t port)
{
	return port == 139 || port == 445;
}

/* Whether a message behind a frame's head is a question or an answer; an encrypted one does not say, but ports may. */
static enum app_probe_answer confirm(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct bytes whole = bytes_skip(data, FRAME_HEAD_SIZE);
	bool swapped = is_smb_port(flow->client_port) && !is_smb_port(flow->server_port);
	bool response = (dir == TO_CLIENT) != swapped;

	if (flow->protocol != 6 || data.ptr[0] != FRAME_MESSAGE)
		return APP_PROBE_NO;
	if (begins(whole, 0xff)) {
		if (whole.size < 10)
			return APP_PROBE_MORE;
		response = (whole.ptr[9] & 0x80) != 0;
	} else if (begins(whole, 0xfe)) {
		if (whole.size < 17)
			return APP_PROBE_MORE;
		response = (whole.ptr[16] & 0x01) != 0;
	}
	return response == (dir == TO_CLIENT) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_pattern patterns[] = {
	{ TO_SERVER, "\xff\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_CLIENT, "\xff\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_SERVER, "\xfe\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_CLIENT, "\xfe\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_SERVER, "\xfd\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_CLIENT, "\xfd\x53\x4d\x42", 4, 4, 8, false, confirm },
	{ TO_SERVER, "", 0, 0, 0, false, NULL },
};

/* A session of NetBIOS begins with names, not with a message (RFC 1002, section 4.3.2). Elsewhere in a connection that is
 * joined midway the first bytes may be the middle of a message. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	uint32_t size = (uint32_t)data.ptr[1] << 16 | (uint32_t)data.ptr[2] << 8 | data.ptr[3];

	if (data.ptr[0] == FRAME_SESSION_REQUEST && dir == TO_SERVER && size >= 64 && size <= 72)
		return APP_PROBE_YES;
	if (data.ptr[0] > FRAME_SESSION_REQUEST && data.ptr[0] <= FRAME_KEEP_ALIVE && size <= 6 && dir == TO_CLIENT)
		return APP_PROBE_YES;
	return APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ "139,445", 6, 4, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- The protocol ---- */

enum { SIZE_DEFAULT = 16 << 20, QUEUE_SIZE_DEFAULT = 64 << 20, QUEUE_COUNT_DEFAULT = 64 };

static int configure(const struct conf_node *node, void **ret_config)
{
	struct smb_config *config = calloc(1, sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->max_size[TO_CLIENT] = conf_size(node, "max-read-size", SIZE_DEFAULT);
	config->max_size[TO_SERVER] = conf_size(node, "max-write-size", SIZE_DEFAULT);
	config->queue_max_size[TO_CLIENT] = conf_size(node, "max-read-queue-size", QUEUE_SIZE_DEFAULT);
	config->queue_max_size[TO_SERVER] = conf_size(node, "max-write-queue-size", QUEUE_SIZE_DEFAULT);
	config->queue_max_count[TO_CLIENT] = conf_u64(node, "max-read-queue-cnt", QUEUE_COUNT_DEFAULT);
	config->queue_max_count[TO_SERVER] = conf_u64(node, "max-write-queue-cnt", QUEUE_COUNT_DEFAULT);
	*ret_config = config;
	return 0;
}

static void close_state(struct app_conn *conn, void *opaque)
{
	smb_state_done(conn, opaque);
	app_free(conn, opaque, sizeof(struct smb_state));
}

static void *open_state(struct app_conn *conn, const void *config)
{
	struct smb_state *state = app_alloc(conn, sizeof(*state));
	struct siphash_key key;

	if (!state)
		return NULL;
	if (siphash_key_random(&key) != 0) {
		app_free(conn, state, sizeof(*state));
		return NULL;
	}
	state->config = config;
	state->dialect_name = "unknown";
	state->trees = table_new(sizeof(uint32_t), sizeof(struct smb_tree *), SMB_TREES_MAX, key);
	state->opens = table_new(sizeof(struct smb_fuid), sizeof(struct smb_open *), SMB_OPENS_MAX, key);
	if (!state->trees || !state->opens) {
		close_state(conn, state);
		return NULL;
	}
	/* Files are large: the depth of streams does not hold unless "stream-depth" says so. */
	if (conn->flow->tcp) {
		stream_set_depth(conn->flow->tcp, 0);
		conn->flags |= APP_CONN_STREAM_DEPTH_SET;
	}
	return state;
}

extern const struct app_protocol app_protocol_smb;

const struct app_protocol app_protocol_smb = {
	.name = "smb",
	.event_type = "smb",
	.log_key = "smb",
	.transports = APP_TCP,
	.gaps_ok = true,
	.tx_max = TX_MAX_DEFAULT,
	.complete = { SMB_COMPLETE, SMB_COMPLETE },
	.patterns = patterns,
	.probes = probes,
	.buffers = smb_buffers,
	.events = smb_events,
	.frames = frames,
	.keywords = smb_keywords,
	.configure = configure,
	.configure_free = free,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.tx_free = smb_tx_free,
	.log = smb_log,
};
