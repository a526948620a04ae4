// SPDX-License-Identifier: Apache-2.0
/* Session descriptions (SDP, RFC 8866) carried by other protocols, as a list of lines "k=value". */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"

enum { SDP_LINES_MAX = 512 };

struct sdp_line {
	char kind; /* 'o', 's', ... */
	uint16_t media; /* 0: of the session, else the number of the media description, from 1 */
	struct bytes value;
};

struct sdp {
	struct sdp_line *lines; /* in the arena; values are views into the text */
	uint32_t count;
	uint16_t media_count;
};

/* 0; LUYTRE_E_SYNTAX when it is no description, LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int sdp_parse(struct bytes text, struct arena *arena, struct sdp *ret);

/* The value of the line 'kind' at 'index' among those of the session, or of all media. Null pointer: none. */
struct bytes sdp_session(const struct sdp *sdp, char kind, uint32_t index);
struct bytes sdp_media(const struct sdp *sdp, char kind, uint32_t index);

/* Members of the open object. */
void sdp_log(struct jsonw *json, const struct sdp *sdp);
