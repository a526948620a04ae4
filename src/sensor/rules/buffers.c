// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/buffers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sensor/app/frames.h"
#include "sensor/detect/file-buffers.h"
#include "sensor/rules/text.h"

enum { NAMES_MAX = 4 * RULE_BUFFERS_MAX, PROTOCOLS_MAX = 64, PROVIDERS_MAX = 4096, FRAMES_MAX = 384 };

/* One protocol's row for a buffer; those of one buffer are a list. */
struct provider {
	const struct app_buffer *row;
	uint8_t protocol; /* app_protocol_index() */
	uint16_t next; /* index + 1 */
};

struct buffer {
	const char *name;
	const struct packet_buffer *packet;
	uint64_t protocols;
	uint8_t flags;
	uint16_t first; /* index of a provider + 1 */
	uint16_t frame; /* index of a frame + 1 */
};

/* The buffer over one type of frame. */
struct frame {
	char name[48];
	struct app_buffer row;
	uint8_t protocol, type;
};

enum name_kind { NAME_STICKY, NAME_MODIFIER, NAME_PCRE };

struct name {
	const char *text;
	uint16_t buffer;
	uint8_t kind; /* enum name_kind */
	uint8_t dirs; /* NAME_PCRE: where the letter holds */
};

static struct {
	pthread_once_t once;
	struct buffer buffers[RULE_BUFFERS_MAX];
	struct name names[NAMES_MAX];
	struct provider providers[PROVIDERS_MAX];
	struct frame frames[FRAMES_MAX];
	unsigned int buffer_count, name_count, provider_count, frame_count;
} registry = { .once = PTHREAD_ONCE_INIT };

static int find(struct bytes text, enum name_kind kind)
{
	for (unsigned int i = 0; i < registry.name_count; i++) {
		const struct name *name = &registry.names[i];

		if (name->kind == kind && rule_text_is(text, name->text))
			return name->buffer;
	}
	return -1;
}

static void add_name(const char *text, int buffer, enum name_kind kind, uint8_t dirs)
{
	struct name *name = &registry.names[registry.name_count];

	if (!text || buffer < 0 || registry.name_count == NAMES_MAX)
		return;
	for (unsigned int i = 0; i < registry.name_count; i++) {
		struct name *old = &registry.names[i];

		if (old->kind == kind && old->buffer == buffer && strcmp(old->text, text) == 0) {
			old->dirs |= dirs;
			return;
		}
	}
	*name = (struct name){ .text = text, .buffer = (uint16_t)buffer, .kind = (uint8_t)kind, .dirs = dirs };
	registry.name_count++;
}

static int add_buffer(const char *text)
{
	int number = find(bytes_from_str(text), NAME_STICKY);

	if (number >= 0 || registry.buffer_count == RULE_BUFFERS_MAX)
		return number;
	number = (int)registry.buffer_count++;
	registry.buffers[number].name = text;
	add_name(text, number, NAME_STICKY, 0);
	return number;
}

static void add_provider(const struct app_buffer *row, unsigned int protocol)
{
	int number = add_buffer(row->name);
	struct buffer *buffer;
	struct provider *provider;

	if (number < 0 || registry.provider_count == PROVIDERS_MAX || protocol >= PROTOCOLS_MAX)
		return;
	buffer = &registry.buffers[number];
	provider = &registry.providers[registry.provider_count++];
	*provider = (struct provider){ .row = row, .protocol = (uint8_t)protocol, .next = buffer->first };
	buffer->first = (uint16_t)registry.provider_count;
	buffer->protocols |= 1ull << protocol;
	buffer->flags |= row->flags;
	add_name(row->alias, number, NAME_STICKY, 0);
	add_name(row->modifier, number, NAME_MODIFIER, 0);
	add_name(row->pcre_flag, number, NAME_PCRE, row->dirs);
}

/* What every protocol with files has beside its data. */
static void add_file_buffers(const struct app_buffer *data, unsigned int protocol)
{
	static struct app_buffer rows[PROTOCOLS_MAX * 2];
	static unsigned int count;

	for (const struct app_buffer *row = detect_file_buffers; row->name && count < PROTOCOLS_MAX * 2; row++) {
		rows[count] = *row;
		rows[count].dirs = data->dirs;
		memcpy(rows[count].progress, data->progress, sizeof(data->progress));
		add_provider(&rows[count++], protocol);
	}
}

static void add_frame(const struct app_protocol *protocol, uint8_t type)
{
	struct frame *frame = &registry.frames[registry.frame_count];
	int number;

	if (registry.frame_count == FRAMES_MAX)
		return;
	snprintf(frame->name, sizeof(frame->name), "frame:%s.%s",
		protocol->rule_alias ? protocol->rule_alias : protocol->name, app_frame_type_name(protocol, type));
	frame->row = (struct app_buffer){ .name = frame->name, .dirs = DIR_BOTH, .flags = APP_BUFFER_STREAMING };
	frame->protocol = (uint8_t)app_protocol_index(protocol);
	frame->type = type;
	add_provider(&frame->row, frame->protocol);
	number = find(bytes_from_str(frame->name), NAME_STICKY);
	if (number >= 0)
		registry.buffers[number].frame = (uint16_t)++registry.frame_count;
}

static void add_frames(const struct app_protocol *protocol)
{
	for (uint8_t i = 0; protocol->frames && protocol->frames[i] && i < APP_FRAME_TYPES_MAX; i++)
		add_frame(protocol, i);
	if (protocol->transports & APP_TCP && app_protocol_has_parser(protocol))
		add_frame(protocol, APP_FRAME_STREAM);
}

static void build(void)
{
	add_buffer("payload");
	add_buffer("base64_data");
	for (const struct packet_buffer *row = detect_packet_buffers; row->name; row++) {
		int number = add_buffer(row->name);

		if (number < 0)
			continue;
		registry.buffers[number].packet = row;
		add_name(row->alias, number, NAME_STICKY, 0);
	}
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);

		for (const struct app_buffer *row = protocol->buffers; row && row->name; row++)
			add_provider(row, app_protocol_index(protocol));
		for (const struct app_buffer *row = protocol->buffers; row && row->name; row++)
			if (strcmp(row->name, "file.data") == 0)
				add_file_buffers(row, app_protocol_index(protocol));
		add_frames(protocol);
	}
}

static void ensure(void)
{
	pthread_once(&registry.once, build);
}

int rule_buffer_find(struct bytes name)
{
	int number;

	ensure();
	number = find(name, NAME_STICKY);
	return number == RULE_BUFFER_PAYLOAD ? -1 : number;
}

int rule_buffer_find_modifier(struct bytes name)
{
	ensure();
	return find(name, NAME_MODIFIER);
}

int rule_buffer_find_pcre_flag(char flag, bool is_request)
{
	ensure();
	for (unsigned int i = 0; i < registry.name_count; i++) {
		const struct name *name = &registry.names[i];

		if (name->kind == NAME_PCRE && strchr(name->text, flag) &&
			(name->dirs & (is_request ? DIR_TO_SERVER : DIR_TO_CLIENT)) != 0)
			return name->buffer;
	}
	return -1;
}

const char *rule_buffer_name(unsigned int number)
{
	ensure();
	return number < registry.buffer_count ? registry.buffers[number].name : "";
}

unsigned int rule_buffer_count(void)
{
	ensure();
	return registry.buffer_count;
}

uint64_t rule_buffer_protocols(unsigned int number)
{
	ensure();
	return number < registry.buffer_count ? registry.buffers[number].protocols : 0;
}

uint8_t rule_buffer_dirs(unsigned int number, uint64_t protocols)
{
	uint8_t dirs = 0;

	ensure();
	if (number >= registry.buffer_count || registry.buffers[number].first == 0)
		return DIR_BOTH;
	for (unsigned int i = registry.buffers[number].first; i != 0; i = registry.providers[i - 1].next)
		if ((protocols >> registry.providers[i - 1].protocol & 1) != 0)
			dirs |= registry.providers[i - 1].row->dirs;
	return dirs;
}

uint8_t rule_buffer_flags(unsigned int number)
{
	ensure();
	return number < registry.buffer_count ? registry.buffers[number].flags : 0;
}

unsigned int rule_buffer_scanned(unsigned int number)
{
	bool within = false;
	int found;

	ensure();
	if (number >= registry.buffer_count)
		return number;
	/* All protocols must agree. */
	for (unsigned int i = registry.buffers[number].first; i != 0; i = registry.providers[i - 1].next) {
		within = (registry.providers[i - 1].row->flags & APP_BUFFER_IN_FILE_DATA) != 0;
		if (!within)
			return number;
	}
	found = within ? find(bytes_from_str("file.data"), NAME_STICKY) : -1;
	return found < 0 ? number : (unsigned int)found;
}

const struct app_buffer *rule_buffer_for(unsigned int number, const struct app_protocol *protocol)
{
	unsigned int index = app_protocol_index(protocol);

	ensure();
	if (number >= registry.buffer_count)
		return NULL;
	for (unsigned int i = registry.buffers[number].first; i != 0; i = registry.providers[i - 1].next)
		if (registry.providers[i - 1].protocol == index)
			return registry.providers[i - 1].row;
	return NULL;
}

const struct packet_buffer *rule_buffer_packet(unsigned int number)
{
	ensure();
	return number < registry.buffer_count ? registry.buffers[number].packet : NULL;
}

int rule_buffer_find_frame(const struct app_protocol *protocol, struct bytes type)
{
	int wanted = app_frame_type_find(protocol, type);
	unsigned int index = app_protocol_index(protocol);

	ensure();
	for (unsigned int i = 0; wanted >= 0 && i < registry.frame_count; i++)
		if (registry.frames[i].protocol == index && registry.frames[i].type == wanted)
			return find(bytes_from_str(registry.frames[i].name), NAME_STICKY);
	return -1;
}

bool rule_buffer_frame(unsigned int number, unsigned int *ret_protocol, unsigned int *ret_type)
{
	const struct frame *frame;

	ensure();
	if (number >= registry.buffer_count || registry.buffers[number].frame == 0)
		return false;
	frame = &registry.frames[registry.buffers[number].frame - 1];
	*ret_protocol = frame->protocol;
	*ret_type = frame->type;
	return true;
}
