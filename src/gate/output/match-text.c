// SPDX-License-Identifier: Apache-2.0
/* One line about a rule that matched, in the words of ModSecurity v3's error log. */
#include <ctype.h>
#include <stdio.h>

#include "gate/output/event.h"
#include "gate/output/redact.h"
#include "gate/output/text.h"

/* Longer values are cut: the line is for people. */
#define VALUE_SHOWN   100
#define PARAMETER_MAX 200

static void add_cut(struct out_text *out, struct bytes text, size_t max)
{
	out_quoted(out, bytes_first(text, max));
	if (text.size > max)
		out_format(out, " (%zu characters omitted)", text.size - max);
}

static void add_field(struct out_text *out, const char *name, struct bytes text)
{
	out_format(out, " [%s \"", name);
	out_quoted(out, text);
	out_str(out, "\"]");
}

static void add_redacted(struct out_text *out, const char *name, struct bytes variable, struct bytes text)
{
	struct out_text clean = { 0 };

	if (redact_kind(variable) != NULL)
		redact_variable(&clean, variable, text);
	else
		redact_text(&clean, text);
	add_field(out, name, out_view(&clean));
	out_done(&clean);
}

static void add_what(struct out_text *out, const struct gate_match *match)
{
	struct out_text value = { 0 };

	if (!match->operator_name) {
		out_str(out, "Unconditional match in SecAction.");
		return;
	}
	redact_variable(&value, match->variable, match->value);
	out_format(out, "Matched \"Operator `%s%c%s' with parameter `", match->negated ? "!" : "",
		toupper((unsigned char)match->operator_name[0]), match->operator_name + 1);
	add_cut(out, match->parameter, PARAMETER_MAX);
	out_str(out, "' against variable `");
	out_quoted(out, match->variable);
	out_str(out, "' (Value: `");
	add_cut(out, out_view(&value), VALUE_SHOWN);
	out_str(out, "' )\"");
	out_done(&value);
}

static void add_begin(struct out_text *out, const struct gate_tx *tx, const struct gate_match *match)
{
	const struct gate_verdict *verdict = gate_tx_verdict(tx);

	if (match->disruptive && verdict->action != GATE_PASS)
		out_format(out, "ModSecurity: Access denied with %s %u (phase %u). ",
			verdict->action == GATE_REDIRECT ? "redirection, status" : "code", verdict->status,
			match->phase);
	else
		out_str(out, "ModSecurity: Warning. ");
}

char *match_text(const struct gate_tx *tx, const struct gate_match *match)
{
	struct gate_facts facts = gate_tx_facts(tx);
	struct out_text out = { 0 };

	add_begin(&out, tx, match);
	add_what(&out, match);
	out_format(&out, " [file \"%s\"] [line \"%u\"] [id \"%llu\"]", match->file ? match->file : "", match->line,
		(unsigned long long)match->rule_id);
	add_field(&out, "rev", match->rev);
	add_field(&out, "msg", match->msg);
	add_redacted(&out, "data", match->variable, match->data);
	out_format(&out, " [severity \"%d\"]", match->severity < 0 ? 0 : match->severity);
	add_field(&out, "ver", match->ver);
	out_format(&out, " [maturity \"%d\"] [accuracy \"%d\"]", match->maturity < 0 ? 0 : match->maturity,
		match->accuracy < 0 ? 0 : match->accuracy);
	for (size_t i = 0; i < match->tag_count; i++)
		add_field(&out, "tag", match->tags[i]);
	add_field(&out, "hostname", facts.host.size ? facts.host : facts.server_address);
	add_redacted(&out, "uri", (struct bytes){ 0 }, facts.path);
	add_field(&out, "unique_id", facts.id);
	add_field(&out, "ref", match->ref);
	return out_take(&out);
}
