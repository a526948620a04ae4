// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/sdp/sdp.h"

#include "base/error.h"
#include "sensor/app/json.h"

/* Takes the first line off, without its end. */
static bool next_line(struct bytes *text, struct bytes *ret)
{
	size_t end = bytes_index(*text, '\n');

	if (text->size == 0)
		return false;
	*ret = bytes_first(*text, end);
	*text = bytes_skip(*text, end + 1);
	if (ret->size != 0 && ret->ptr[ret->size - 1] == '\r')
		ret->size--;
	return true;
}

static uint32_t count_lines(struct bytes text)
{
	struct bytes line;
	uint32_t count = 0;

	while (count <= SDP_LINES_MAX && next_line(&text, &line))
		count++;
	return count;
}

int sdp_parse(struct bytes text, struct arena *arena, struct sdp *ret)
{
	uint32_t room = count_lines(text);
	struct bytes line;

	*ret = (struct sdp){ 0 };
	if (room > SDP_LINES_MAX)
		return LUYTRE_E_FULL;
	/* The version comes first (section 5.1). */
	if (text.size < 2 || text.ptr[0] != 'v' || text.ptr[1] != '=')
		return LUYTRE_E_SYNTAX;
	ret->lines = arena_alloc(arena, room * sizeof(*ret->lines));
	if (!ret->lines)
		return LUYTRE_E_NOMEM;
	while (next_line(&text, &line)) {
		if (line.size == 0)
			continue;
		if (line.size < 2 || line.ptr[1] != '=' || line.ptr[0] < 'a' || line.ptr[0] > 'z')
			return LUYTRE_E_SYNTAX;
		if (line.ptr[0] == 'm')
			ret->media_count++;
		ret->lines[ret->count++] = (struct sdp_line){ .kind = (char)line.ptr[0],
			.media = ret->media_count,
			.value = bytes_of(line.ptr + 2, line.size - 2) };
	}
	return 0;
}

struct bytes sdp_session(const struct sdp *sdp, char kind, uint32_t index)
{
	for (uint32_t i = 0; i < sdp->count && sdp->lines[i].media == 0; i++)
		if (sdp->lines[i].kind == kind && index-- == 0)
			return sdp->lines[i].value;
	return (struct bytes){ 0 };
}

struct bytes sdp_media(const struct sdp *sdp, char kind, uint32_t index)
{
	for (uint32_t i = 0; i < sdp->count; i++)
		if (sdp->lines[i].media != 0 && sdp->lines[i].kind == kind && index-- == 0)
			return sdp->lines[i].value;
	return (struct bytes){ 0 };
}

/* ---- EVE ---- */

static void log_first(struct jsonw *json, const struct sdp *sdp, uint16_t media, char kind, const char *key)
{
	for (uint32_t i = 0; i < sdp->count; i++) {
		if (sdp->lines[i].media != media || sdp->lines[i].kind != kind)
			continue;
		app_json_kv_text(json, key, sdp->lines[i].value);
		return;
	}
}

static void log_all(struct jsonw *json, const struct sdp *sdp, uint16_t media, char kind, const char *key)
{
	bool any = false;

	for (uint32_t i = 0; i < sdp->count; i++) {
		if (sdp->lines[i].media != media || sdp->lines[i].kind != kind)
			continue;
		if (!any)
			jsonw_kv_array_begin(json, key);
		any = true;
		app_json_text(json, sdp->lines[i].value);
	}
	if (any)
		jsonw_array_end(json);
}

/* A repetition belongs to the time in front of it (section 5.10). */
static void log_times(struct jsonw *json, const struct sdp *sdp)
{
	bool any = false;

	for (uint32_t i = 0; i < sdp->count && sdp->lines[i].media == 0; i++) {
		if (sdp->lines[i].kind != 't')
			continue;
		if (!any)
			jsonw_kv_array_begin(json, "time_descriptions");
		any = true;
		jsonw_object_begin(json);
		app_json_kv_text(json, "time", sdp->lines[i].value);
		if (i + 1 < sdp->count && sdp->lines[i + 1].kind == 'r')
			app_json_kv_text(json, "repeat_time", sdp->lines[i + 1].value);
		jsonw_object_end(json);
	}
	if (any)
		jsonw_array_end(json);
}

static void log_media(struct jsonw *json, const struct sdp *sdp)
{
	if (sdp->media_count == 0)
		return;
	jsonw_kv_array_begin(json, "media_descriptions");
	for (uint16_t media = 1; media <= sdp->media_count; media++) {
		jsonw_object_begin(json);
		log_first(json, sdp, media, 'm', "media");
		log_first(json, sdp, media, 'i', "media_info");
		log_all(json, sdp, media, 'b', "bandwidths");
		log_first(json, sdp, media, 'c', "connection_data");
		log_first(json, sdp, media, 'k', "encryption_key");
		log_all(json, sdp, media, 'a', "attributes");
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

void sdp_log(struct jsonw *json, const struct sdp *sdp)
{
	log_first(json, sdp, 0, 'o', "origin");
	log_first(json, sdp, 0, 's', "session_name");
	log_first(json, sdp, 0, 'i', "session_info");
	log_first(json, sdp, 0, 'u', "uri");
	log_first(json, sdp, 0, 'e', "email");
	log_first(json, sdp, 0, 'p', "phone_number");
	log_first(json, sdp, 0, 'c', "connection_data");
	log_all(json, sdp, 0, 'b', "bandwidths");
	log_times(json, sdp);
	log_first(json, sdp, 0, 'z', "timezone");
	log_first(json, sdp, 0, 'k', "encryption_key");
	log_all(json, sdp, 0, 'a', "attributes");
	log_media(json, sdp);
}
