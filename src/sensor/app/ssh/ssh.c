// SPDX-License-Identifier: Apache-2.0
/* SSH (RFC 4253): banners, key exchange proposals and their fingerprints (HASSH), until everything is encrypted.
 *
 * A connection is one transaction. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"
#include "sensor/detect/detect.h"
#include "sensor/worker/worker.h"

/* Progress of a direction. PROPOSED: the key exchange proposal was seen, or nobody asked for fingerprints. */
enum { SSH_BANNER_DONE = 1, SSH_PROPOSED, SSH_FINISHED };

enum { BANNER_MAX = 256, RECORD_SIZE_MAX = 65536, MESSAGE_KEXINIT = 20, MESSAGE_NEWKEYS = 21, LINES_BEFORE_MAX = 1024 };

enum ssh_event { SSH_EVENT_INVALID_BANNER, SSH_EVENT_LONG_BANNER, SSH_EVENT_INVALID_RECORD, SSH_EVENT_LONG_KEX_RECORD };

static const struct app_event events[] = {
	{ "invalid_banner", false },
	{ "long_banner", false },
	{ "invalid_record", false },
	{ "long_kex_record", false },
	{ NULL, false },
};

enum ssh_switch { SSH_SWITCH_NO, SSH_SWITCH_YES, SSH_SWITCH_AUTO };

struct ssh_config {
	enum app_encryption encryption;
	enum ssh_switch hassh;
};

struct ssh_side {
	struct bytes proto, software;
	struct bytes hassh_hash, hassh_text;
};

struct ssh_tx {
	struct app_tx tx;
	struct ssh_side side[SENSOR_DIRS];
};

struct ssh_reader {
	bool banner_done, rest_of_banner, encrypted;
	size_t skip_size; /* of a record in which nothing is looked at */
	unsigned int lines_before;
};

struct ssh_state {
	const struct ssh_config *config;
	struct ssh_tx *tx;
	struct ssh_reader reader[SENSOR_DIRS];
	bool hassh;
};

static struct ssh_tx *ssh_of(struct app_tx *tx)
{
	return (struct ssh_tx *)tx;
}

/* ---- Configuration ---- */

static int ssh_configure(const struct conf_node *node, void **ret_config)
{
	static const char *const encryption_names[] = { "track-only", "bypass", "full", NULL };
	static const char *const switch_names[] = { "no", "yes", "auto", NULL };
	struct ssh_config *config = malloc(sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->encryption = (enum app_encryption)conf_choice(
		node, "encryption-handling", encryption_names, APP_ENCRYPTION_TRACK_ONLY);
	config->hassh = (enum ssh_switch)conf_choice(node, "hassh", switch_names, SSH_SWITCH_AUTO);
	*ret_config = config;
	return 0;
}

static void *ssh_open(struct app_conn *conn, const void *opaque)
{
	const struct ssh_config *config = opaque;
	const struct detect_engine *engine = conn->worker->engine;
	struct ssh_state *state = app_alloc(conn, sizeof(*state));

	if (!state)
		return NULL;
	state->config = config;
	state->hassh = config->hassh == SSH_SWITCH_YES ||
		       (config->hassh == SSH_SWITCH_AUTO && engine && detect_engine_needs(engine)->hassh);
	return state;
}

static void ssh_close(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct ssh_state));
}

enum ssh_frame { SSH_FRAME_HDR, SSH_FRAME_DATA, SSH_FRAME_PDU };

static const char *const frames[] = {
	[SSH_FRAME_HDR] = "record.hdr", [SSH_FRAME_DATA] = "record.data", [SSH_FRAME_PDU] = "record.pdu", NULL
};

/* ---- Banner (RFC 4253, section 4.2) ---- */

static bool banner_read(struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir, struct bytes line)
{
	struct ssh_side *side = &state->tx->side[dir];
	size_t dash;

	while (line.size != 0 && (line.ptr[line.size - 1] == '\r' || line.ptr[line.size - 1] == '\n'))
		line.size--;
	line = bytes_skip(line, 4);
	dash = bytes_index(line, '-');
	if (dash == line.size || dash == 0) {
		app_tx_event(conn, &state->tx->tx, SSH_EVENT_INVALID_BANNER);
		return false;
	}
	side->proto = app_tx_dup(&state->tx->tx, bytes_first(line, dash));
	line = bytes_skip(line, dash + 1);
	side->software = app_tx_dup(&state->tx->tx, bytes_first(line, bytes_index(line, ' ')));
	return true;
}

static void banner_over(struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir)
{
	state->reader[dir].banner_done = true;
	app_tx_progress(conn, &state->tx->tx, dir, state->hassh ? SSH_BANNER_DONE : SSH_PROPOSED);
	app_raw_trigger(conn, dir);
}

/* A server may send other lines before its banner. APP_OK with '*ret_used' bytes gone, or the others. */
static enum app_status banner_step(
	struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir, struct bytes in, size_t *ret_used)
{
	struct ssh_reader *reader = &state->reader[dir];
	size_t end = bytes_index(in, '\n');
	bool whole = end != in.size;

	if (!whole && in.size < BANNER_MAX && !reader->rest_of_banner)
		return APP_MORE;
	*ret_used = whole ? end + 1 : in.size;
	if (reader->rest_of_banner) {
		reader->rest_of_banner = !whole;
		if (whole)
			banner_over(conn, state, dir);
		return APP_OK;
	}
	if (!bytes_starts_with(in, bytes_from_str("SSH-"))) {
		if (dir == TO_CLIENT && whole && ++reader->lines_before <= LINES_BEFORE_MAX)
			return APP_OK;
		app_tx_event(conn, &state->tx->tx, SSH_EVENT_INVALID_BANNER);
		return APP_ERROR;
	}
	if (!banner_read(conn, state, dir, bytes_first(in, *ret_used)))
		return APP_ERROR;
	if (*ret_used > BANNER_MAX || !whole)
		app_tx_event(conn, &state->tx->tx, SSH_EVENT_LONG_BANNER);
	reader->rest_of_banner = !whole;
	if (whole)
		banner_over(conn, state, dir);
	return APP_OK;
}

/* ---- Key exchange proposal (section 7.1) ---- */

static bool name_list(struct cursor *cur, struct bytes *ret)
{
	uint32_t size;

	return cursor_u32be(cur, &size) && cursor_take(cur, size, ret);
}

static bool proposal_read(struct ssh_state *state, enum sensor_dir dir, struct bytes body)
{
	enum { LISTS = 8 };
	/* Key exchange; then of the sender's direction: ciphers, MACs, compressions. */
	const unsigned int chosen[4] = { 0, dir == TO_SERVER ? 2 : 3, dir == TO_SERVER ? 4 : 5,
		dir == TO_SERVER ? 6 : 7 };
	struct ssh_side *side = &state->tx->side[dir];
	struct cursor cur = cursor_over(body);
	struct bytes lists[LISTS];
	uint8_t hash[16];
	size_t size = 0;
	char *text, *hex;

	if (!cursor_skip(&cur, 16))
		return false;
	for (unsigned int i = 0; i < LISTS; i++)
		if (!name_list(&cur, &lists[i]))
			return false;
	text = app_tx_alloc(&state->tx->tx, body.size + 4);
	hex = app_tx_alloc(&state->tx->tx, sizeof(hash) * 2 + 1);
	if (!text || !hex)
		return false;
	for (unsigned int i = 0; i < ARRAY_COUNT(chosen); i++) {
		struct bytes list = lists[chosen[i]];

		if (i != 0)
			text[size++] = ';';
		if (list.size != 0)
			memcpy(text + size, list.ptr, list.size);
		size += list.size;
	}
	if (EVP_Digest(text, size, hash, NULL, EVP_md5(), NULL) != 1)
		return false;
	app_hex(bytes_of(hash, sizeof(hash)), hex);
	side->hassh_text = bytes_of(text, size);
	side->hassh_hash = bytes_of(hex, sizeof(hash) * 2);
	return true;
}

/* ---- Records (section 6) ---- */

static void new_keys(struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir)
{
	state->reader[dir].encrypted = true;
	app_tx_progress(conn, &state->tx->tx, dir, SSH_FINISHED);
	if (state->reader[sensor_dir_opposite(dir)].encrypted)
		app_encrypted(conn, state->config->encryption);
}

static enum app_status record_step(struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir, struct bytes in,
	size_t *ret_used, size_t *ret_needed)
{
	struct ssh_reader *reader = &state->reader[dir];
	struct cursor cur = cursor_over(in);
	uint32_t size;
	uint8_t padding, type;

	*ret_needed = 6;
	if (!cursor_u32be(&cur, &size) || !cursor_u8(&cur, &padding) || !cursor_u8(&cur, &type))
		return APP_MORE;
	if (size < 2 || size > RECORD_SIZE_MAX) {
		app_tx_event(conn, &state->tx->tx, SSH_EVENT_INVALID_RECORD);
		return APP_ERROR;
	}
	*ret_needed = 4 + (size_t)size;
	if (type == MESSAGE_KEXINIT && state->hassh) {
		if (in.size < *ret_needed)
			return APP_MORE;
		if (!proposal_read(state, dir, bytes_of(in.ptr + 6, size - 2)))
			app_tx_event(conn, &state->tx->tx, SSH_EVENT_INVALID_RECORD);
	}
	app_frame(conn, dir, SSH_FRAME_HDR, in.ptr, 6, &state->tx->tx);
	app_frame(conn, dir, SSH_FRAME_DATA, in.ptr + 6, (int64_t)size - 2, &state->tx->tx);
	app_frame(conn, dir, SSH_FRAME_PDU, in.ptr, (int64_t)size + 4, &state->tx->tx);
	if (type == MESSAGE_KEXINIT)
		app_tx_progress(conn, &state->tx->tx, dir, SSH_PROPOSED);
	if (type == MESSAGE_NEWKEYS)
		new_keys(conn, state, dir);
	*ret_used = in.size < *ret_needed ? in.size : *ret_needed;
	reader->skip_size = *ret_needed - *ret_used;
	return APP_OK;
}

static struct app_result parse_bytes(
	struct app_conn *conn, struct ssh_state *state, enum sensor_dir dir, struct bytes in)
{
	struct ssh_reader *reader = &state->reader[dir];
	size_t used = 0;

	while (in.size != 0 && !reader->encrypted) {
		size_t step_size = reader->skip_size < in.size ? reader->skip_size : in.size, needed = 0;
		enum app_status status = APP_OK;

		reader->skip_size -= step_size;
		if (step_size == 0 && !reader->banner_done)
			status = banner_step(conn, state, dir, in, &step_size);
		else if (step_size == 0)
			status = record_step(conn, state, dir, in, &step_size, &needed);
		if (status == APP_ERROR)
			return APP_RESULT_ERROR;
		if (status == APP_MORE)
			return APP_RESULT_MORE(used, needed);
		used += step_size;
		in = bytes_skip(in, step_size);
	}
	return APP_RESULT_OK;
}

static struct app_result parse_dir(struct app_conn *conn, void *opaque, enum sensor_dir dir, const struct app_input *in)
{
	struct ssh_state *state = opaque;

	if (!state->tx && in->data.size != 0) {
		state->tx = (struct ssh_tx *)app_tx_new(conn, sizeof(*state->tx), in->now_ns);
		if (!state->tx)
			return APP_RESULT_ERROR;
	}
	return in->data.size != 0 ? parse_bytes(conn, state, dir, in->data) : APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

static const struct app_pattern patterns[] = {
	{ TO_SERVER, "SSH-", 4, 0, 4, false, NULL },
	{ TO_CLIENT, "SSH-", 4, 0, 4, false, NULL },
	{ 0, NULL, 0, 0, 0, false, NULL },
};

/* ---- What rules see ---- */

#define GETTER(name, member)                                                                                           \
	static bool name(                                                                                              \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		*ret = (struct app_view){ .data = ssh_of(tx)->side[dir].member, .last = true };                        \
		return index == 0 && ret->data.size != 0;                                                              \
	}

GETTER(get_proto, proto)
GETTER(get_software, software)
GETTER(get_hassh, hassh_hash)
GETTER(get_hassh_text, hassh_text)

#define AT_BANNER                                                                                                      \
	{                                                                                                              \
		SSH_BANNER_DONE, SSH_BANNER_DONE                                                                       \
	}
#define AT_PROPOSAL                                                                                                    \
	{                                                                                                              \
		SSH_PROPOSED, SSH_PROPOSED                                                                             \
	}

static const struct app_buffer buffers[] = {
	{ "ssh.proto", "ssh_proto", NULL, NULL, DIR_BOTH, AT_BANNER, 0, get_proto },
	{ "ssh.software", "ssh_software", NULL, NULL, DIR_BOTH, AT_BANNER, 0, get_software },
	{ "ssh.hassh", "ssh-hassh", NULL, NULL, DIR_TO_SERVER, AT_PROPOSAL, APP_BUFFER_LOWERCASE, get_hassh },
	{ "ssh.hassh.string", "ssh-hassh-string", NULL, NULL, DIR_TO_SERVER, AT_PROPOSAL, 0, get_hassh_text },
	{ "ssh.hassh.server", "ssh-hassh-server", NULL, NULL, DIR_TO_CLIENT, AT_PROPOSAL, APP_BUFFER_LOWERCASE,
		get_hassh },
	{ "ssh.hassh.server.string", "ssh-hassh-server-string", NULL, NULL, DIR_TO_CLIENT, AT_PROPOSAL, 0,
		get_hassh_text },
	{ .name = NULL },
};

static const struct app_state_name states[] = {
	{ "request_in_progress", TO_SERVER, 0 },
	{ "request_banner_done", TO_SERVER, SSH_BANNER_DONE },
	{ "request_finished", TO_SERVER, SSH_FINISHED },
	{ "response_in_progress", TO_CLIENT, 0 },
	{ "response_banner_done", TO_CLIENT, SSH_BANNER_DONE },
	{ "response_finished", TO_CLIENT, SSH_FINISHED },
	{ NULL, 0, 0 },
};

/* ---- EVE ---- */

static bool log_side(struct jsonw *json, const char *key, const struct ssh_side *side)
{
	if (side->proto.size == 0)
		return false;
	jsonw_kv_object_begin(json, key);
	app_json_kv_text(json, "proto_version", side->proto);
	if (side->software.size != 0)
		app_json_kv_text(json, "software_version", side->software);
	if (side->hassh_hash.size != 0) {
		jsonw_kv_object_begin(json, "hassh");
		jsonw_kv_string_bytes(json, "hash", side->hassh_hash);
		app_json_kv_text(json, "string", side->hassh_text);
		jsonw_object_end(json);
	}
	jsonw_object_end(json);
	return true;
}

static bool ssh_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	bool client = log_side(json, "client", &ssh_of(tx)->side[TO_SERVER]);
	bool server = log_side(json, "server", &ssh_of(tx)->side[TO_CLIENT]);

	return client || server;
}

extern const struct app_protocol app_protocol_ssh;

const struct app_protocol app_protocol_ssh = {
	.name = "ssh",
	.event_type = "ssh",
	.log_key = "ssh",
	.transports = APP_TCP,
	.one_tx = true,
	.complete = { SSH_FINISHED, SSH_FINISHED },
	.log_progress = { SSH_PROPOSED, SSH_PROPOSED },
	.patterns = patterns,
	.buffers = buffers,
	.events = events,
	.frames = frames,
	.states = states,
	.configure = ssh_configure,
	.configure_free = free,
	.open = ssh_open,
	.close = ssh_close,
	.parse = { parse_to_server, parse_to_client },
	.log = ssh_log,
};
