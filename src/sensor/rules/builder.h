// SPDX-License-Identifier: Apache-2.0
/* A rule in the making: what the language module itself knows about it beyond rules/keyword.h.
 *
 * policy.c makes one builder for each rule text: rule_builder_parse() reads header and options through the keyword tables,
 * rule_builder_finish() (finish.c) draws the conclusions: protocols, directions, limits, fast pattern, kind of rule. */
#pragma once

#include "base/arena.h"
#include "base/compiler.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/rule.h"
#include "sensor/rules/text.h"

struct policy;
struct sensor_settings;
struct rule_classes;

enum { RULE_BUILDER_MESSAGE_SIZE = 256, RULE_VARIABLES_MAX = 16, RULE_LISTS_MAX = 256 };

/* What all rules of one load share. */
struct rules_context {
	struct policy *policy;
	const struct sensor_settings *settings;
	struct arena *arena; /* the policy's */
	struct rule_classes *classes; /* rules/classes.h */
	uint64_t protocols_off; /* by app_protocol_index(): switched off in the configuration */
	uint64_t protocols_all;
	bool ja3, ja4; /* fingerprints are made */
};

struct rule_builder {
	struct rules_context *context;
	struct arena *arena;
	struct rule *rule;
	const char *file_name;
	/* Where conditions go now. */
	unsigned int buffer; /* number of the sticky buffer, RULE_BUFFER_PAYLOAD: none */
	uint8_t buffer_dirs; /* "http.connection: to_client", 0: not said */
	struct policy_transform_set *transforms; /* of the sticky buffer, pending; in the arena */
	struct rule_buffer *list; /* null: not chosen yet */
	struct rule_buffer *last_buffer; /* end of rule->buffers */
	bool sticky_used; /* the sticky buffer has a condition */
	struct rule_match *last_content, *last_match;
	struct rule_buffer *last_content_list;
	bool raw; /* rawbytes was seen */
	uint32_t list_count;
	/* Whose rule it is: bits by app_protocol_index(). */
	uint64_t header_protocols; /* 0: the header names none */
	uint64_t protocols; /* that provide everything asked for so far; all ones: no restriction */
	uint8_t dirs; /* by rule_builder_dirs */
	bool has_flow_option, has_sid, has_fast_pattern, skipped;
	bool flow_option_matches; /* "flow" says more than a direction */
	struct bytes variables[RULE_VARIABLES_MAX];
	const char *keyword; /* in hand, for the report */
	bool keyword_unknown;
	char message[RULE_BUILDER_MESSAGE_SIZE];
};

void rule_builder_init(struct rule_builder *builder, struct rules_context *context);

/* Reads a whole rule. 0; LUYTRE_E_SYNTAX with builder->message; LUYTRE_E_UNSUPPORTED when its 'requires' do not hold. */
MUST_CHECK int rule_builder_parse(struct rule_builder *builder, struct bytes text, uint32_t line);

/* header.c: action, protocol, addresses, ports. */
MUST_CHECK int rule_header_read(struct rule_builder *builder, const struct rule_text *text);

/* finish.c */
MUST_CHECK int rule_builder_finish(struct rule_builder *builder);
/* limits.c: what contents and sizes say about each other; then offset and depth of all contents are as narrow as can be. */
MUST_CHECK int rule_limits_apply(struct rule_builder *builder);
/* fast.c: the content that is searched for first. */
void rule_fast_pattern_choose(struct rule *rule);

/* The protocols that a name in a header stands for ("http": HTTP/1 and HTTP/2); 0: unknown. */
uint64_t rule_protocols_named(const char *name);

/* Only these protocols provide 'what'; an error when none is left. */
MUST_CHECK int rule_builder_restrict(struct rule_builder *builder, uint64_t protocols, const char *what);

/* Takes "to_server" or "to_client" (and a comma behind it) off a value; DIR_*, or 0 without. */
uint8_t rule_builder_take_dirs(struct bytes *value);

/* Moves the last content from the payload to a buffer: "content:"x"; http_uri;". */
MUST_CHECK int rule_builder_modifier(struct rule_builder *builder, unsigned int buffer);
/* The sticky buffer by number, or the payload again; 'dirs' 0: any. */
MUST_CHECK int rule_builder_sticky(struct rule_builder *builder, unsigned int buffer, uint8_t dirs);

/* keyword-content.c: contents. */
extern const struct rule_match_ops rule_content_ops;
MUST_CHECK int rule_content_add(struct rule_builder *builder, struct bytes text, bool negated);

/* keyword-requires.c: asks all 'requires' options before anything else is read. 0, LUYTRE_E_UNSUPPORTED: they do not hold,
 * LUYTRE_E_SYNTAX. */
MUST_CHECK int rule_requires_check(struct rule_builder *builder, struct bytes options);

/* keyword-threshold.c: "by_src" and the like; -1: none of them. */
int rule_threshold_track(struct bytes word);
int rule_threshold_type(struct bytes word);

static inline bool rule_match_is_content(const struct rule_match *match)
{
	return match->kind == MATCH_CONTENT;
}
