// SPDX-License-Identifier: Apache-2.0
#include "tests/sensor/questions.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "sensor/app/app.h"
#include "sensor/decode/events.h"
#include "sensor/rules/keyword.h"

/* Rules that remember, count, take apart, or look beyond one buffer. */
static const char *const stateful[] = {
	"flowbits:set,seen; content:\"e\"; noalert",
	"flowbits:isset,seen; content:\"a\"; threshold:type both, track by_src, count 3, seconds 60",
	"flowint:count,+,1; flowint:count,>,3; content:\"o\"; detection_filter:track by_dst, count 2, seconds 10",
	"xbits:set,pair,track ip_pair,expire 30; content:\"GET\"",
	"xbits:isset,pair,track ip_pair; content:\"200\"",
	"hostbits:set,host,src; content:\"POST\"",
	"content:\"|00|\"; byte_test:2,>,100,0,relative; byte_jump:1,0,relative; isdataat:1,relative",
	"content:\"|00|\"; byte_extract:2,0,size,relative; content:\"|00|\"; within:size; distance:0",
	"content:\"|01|\"; byte_math:bytes 1,offset 0,oper *,rvalue 3,result end,relative; isdataat:end,relative",
	"content:\"=\"; base64_decode:bytes 40,offset 0,relative; base64_data; content:\"a\"",
	"pcre:\"/[a-z]{4,}[^a-z]{1,3}[0-9]+/is\"; content:!\"zzzz\"",
	"dsize:>500; content:\"e\"; fast_pattern; content:\"t\"; distance:-20; within:40",
	"stream_size:both,>,100; content:\"r\"; tag:session,3,packets",
	"flow.age:>1; flow.pkts:toserver,>2; content:\"i\"",
	"entropy:value > 6; content:\"e\"",
	"filestore; filemagic:\"data\"",
	"filesize:>10; fileext:\"txt\"",
	"file.data; content:\"e\"; file.name; content:\".\"",
	"fragbits:M; ttl:>1; ipopts:any",
	"flags:S,12; window:>0; tcp.mss:>0",
	"itype:>0; icode:>0",
};

/* Transforms whose value has to be something. */
static const char *const transforms[] = { "pcrexform:\"([a-z]+)\"", "xor:\"0d0ac8ff\"",
	"from_base64:offset 1, mode rfc4648", "gunzip:max-size 4096", "zlib_deflate:max-size 4096",
	"url_decode; to_sha256", "strip_whitespace; to_lowercase" };

struct writer {
	FILE *out;
	unsigned int sid;
};

/* One rule; 'protocol' may be null: any. */
PRINTF_LIKE(3, 4)
static void ask(struct writer *w, const char *protocol, const char *format, ...)
{
	va_list arguments;

	w->sid++;
	fprintf(w->out, "alert %s any any -> any any (msg:\"question %u\"; ", protocol ? protocol : "ip", w->sid);
	va_start(arguments, format);
	vfprintf(w->out, format, arguments);
	va_end(arguments);
	fprintf(w->out, "; sid:%u;)\n", w->sid);
}

static void ask_buffer(struct writer *w, const char *name)
{
	ask(w, NULL, "%s; content:\"e\"; nocase", name);
	ask(w, NULL, "%s; %s; content:\"a\"; endswith", name, transforms[w->sid % ARRAY_COUNT(transforms)]);
	ask(w, NULL, "%s; bsize:>3; pcre:\"/[a-z][^a-z0-9]+[a-z0-9]/i\"", name);
}

static void ask_number(struct writer *w, const struct app_number *number)
{
	if (number->flags & APP_NUMBER_BOOL)
		ask(w, NULL, "%s:true", number->name);
	else if (number->names && number->names[0].name)
		ask(w, NULL, "%s:%s", number->name, number->names[0].name);
	else
		ask(w, NULL, "%s:>0", number->name);
}

static void ask_keywords(struct writer *w)
{
	for (unsigned int i = 0; i < rule_keyword_count(); i++) {
		const struct rule_keyword_entry *entry = rule_keyword_at(i);

		if (entry->kind == RULE_KEYWORD_BUFFER)
			ask_buffer(w, entry->name);
		else if (entry->kind == RULE_KEYWORD_MODIFIER)
			ask(w, NULL, "content:\"o\"; %s", entry->name);
		else if (entry->kind == RULE_KEYWORD_NUMBER)
			ask_number(w, entry->number);
		else if (entry->row->flags & KEYWORD_TRANSFORM && entry->row->flags & KEYWORD_NO_VALUE)
			ask(w, NULL, "http.uri; %s; content:\"/\"", entry->name);
	}
}

static void ask_protocol(struct writer *w, const struct app_protocol *protocol)
{
	ask(w, NULL, "app-layer-protocol:%s", protocol->name);
	for (const struct app_event *event = protocol->events; event && event->name; event++)
		ask(w, protocol->name, "app-layer-event:%s.%s", protocol->name, event->name);
	for (const char *const *frame = protocol->frames; frame && *frame; frame++)
		ask(w, protocol->name, "frame:%s.%s; content:\"e\"", protocol->name, *frame);
}

static void ask_all(struct writer *w)
{
	for (size_t i = 0; i < ARRAY_COUNT(stateful); i++)
		ask(w, NULL, "%s", stateful[i]);
	ask_keywords(w);
	for (unsigned int i = 0; i < app_protocol_count(); i++)
		ask_protocol(w, app_protocol_at(i));
#define X(id, name, effect) ask(w, "pkthdr", "decode-event:%s", name);
	DECODE_EVENTS(X)
#undef X
#define X(id, name) ask(w, "tcp", "stream-event:%s", name);
	STREAM_EVENTS(X)
#undef X
}

char *questions_make(void)
{
	char *text = NULL;
	size_t size = 0;
	struct writer w = { .out = open_memstream(&text, &size) };

	if (!w.out)
		return NULL;
	ask_all(&w);
	if (fclose(w.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
