// SPDX-License-Identifier: Apache-2.0
/* Tests of events and where they go. */
#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/output/event.h"
#include "gate/output/testtx.h"

static const char rules[] =
	"SecRuleEngine On\n"
	"SecRule ARGS:q \"@contains <script\" \"id:10,phase:2,pass,log,msg:'a "
	"script',logdata:'%{MATCHED_VAR}',severity:2,tag:'attack-xss'\"\n"
	"SecRule ARGS \"@rx ^geheim$\" \"id:11,phase:2,pass,log,msg:'a secret',logdata:'%{MATCHED_VAR}'\"\n"
	"SecRule ARGS:q \"@contains <script\" \"id:12,phase:2,deny,status:403,log,msg:'held',tag:'hold/vn-1'\"\n";

static json_t *event_with(const struct gate_tx *tx, const struct event_guard *guard)
{
	struct jsonw json;
	struct bytes text;
	json_t *event;

	jsonw_init(&json, 1 << 20);
	event_write(tx, guard, &json);
	assert_int_equal(jsonw_text(&json, &text), 0);
	event = json_loadb((const char *)text.ptr, text.size, 0, NULL);
	assert_non_null(event);
	assert_null(strstr((const char *)text.ptr, "geheim"));
	assert_null(strstr((const char *)text.ptr, "QWxhZGRpbjpvcGVu"));
	assert_null(strstr((const char *)text.ptr, "0123456789abcdef"));
	jsonw_done(&json);
	return event;
}

static json_t *event_of(const struct gate_tx *tx)
{
	return event_with(tx, NULL);
}

static const char *text_at(const json_t *object, const char *first, const char *second)
{
	const json_t *inner = json_object_get(object, first);
	const char *text = json_string_value(second ? json_object_get(inner, second) : inner);

	return text ? text : "";
}

static void blocked(void **state)
{
	struct testtx test;
	json_t *event, *first;

	(void)state;
	testtx_begin(&test, rules, "/?password=geheim", "q=%3Cscript%3E&pin=geheim");
	assert_true(event_wanted(test.tx));
	event = event_of(test.tx);
	assert_string_equal(text_at(event, "event_type", NULL), "gate");
	assert_string_equal(text_at(event, "tenant", NULL), "ministry");
	assert_string_equal(text_at(event, "id", NULL), "id-1");
	assert_string_equal(text_at(event, "src_ip", NULL), "192.0.2.7");
	assert_string_equal(text_at(event, "http", "url"), "/?password=[password 6]");
	assert_string_equal(text_at(event, "http", "http_refer"), "http://a.example/?token=[token 6]");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "http"), "status")), 403);
	assert_string_equal(text_at(event, "gate", "action"), "deny");
	assert_string_equal(text_at(event, "gate", "hold"), "vn-1");
	assert_int_equal(json_array_size(json_object_get(event, "rules")), 3);
	first = json_array_get(json_object_get(event, "rules"), 0);
	assert_string_equal(text_at(first, "data", NULL), "<script>");
	assert_string_equal(text_at(first, "var", NULL), "ARGS:q");
	json_decref(event);
	testtx_end(&test);
}

static void quiet(void **state)
{
	struct testtx test;

	(void)state;
	testtx_begin(&test, rules, "/", "q=hello");
	assert_false(event_wanted(test.tx));
	testtx_end(&test);
}

static void long_texts(void **state)
{
	struct testtx test;
	char target[3000];
	json_t *event;

	(void)state;
	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	target[sizeof(target) - 1] = '\0';
	testtx_begin(&test, rules, target, "q=<script");
	event = event_of(test.tx);
	assert_non_null(strstr(text_at(event, "http", "url"), "a [cut, 2999 bytes]"));
	json_decref(event);
	testtx_end(&test);
}

static void score_is_told(void **state)
{
	static const char scored[] =
		"SecAction \"id:1,phase:1,pass,nolog,setvar:tx.blocking_inbound_anomaly_score=5\"\n"
		"SecRule ARGS:q \"@streq x\" \"id:2,phase:2,pass,log,msg:'seen',"
		"setvar:tx.blocking_inbound_anomaly_score=+3\"\n";
	struct testtx test;
	json_t *event;

	(void)state;
	testtx_begin(&test, scored, "/?q=x", "");
	event = event_of(test.tx);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "gate"), "score")), 8);
	json_decref(event);
	testtx_end(&test);
	testtx_begin(&test, rules, "/?q=x", "");
	event = event_of(test.tx);
	assert_null(json_object_get(json_object_get(event, "gate"), "score"));
	assert_null(json_object_get(json_object_get(event, "gate"), "guard"));
	json_decref(event);
	testtx_end(&test);
}

static void guard_is_told(void **state)
{
	static const char *const names[] = { "citizen", "card" };
	static const uint32_t counts[] = { 21, 0 };
	struct event_guard guard = { .reason = "leak",
		.action = "cut",
		.kind = "citizen",
		.until_s = 1795324800,
		.done = true,
		.stops = true,
		.status = 403,
		.count_names = names,
		.counts = counts,
		.count_count = 2 };
	struct testtx test;
	json_t *event, *gate, *inner;

	(void)state;
	testtx_begin(&test, rules, "/", "");
	assert_false(event_wanted(test.tx));
	event = event_with(test.tx, &guard);
	gate = json_object_get(event, "gate");
	inner = json_object_get(gate, "guard");
	assert_string_equal(text_at(event, "gate", "action"), "deny");
	assert_string_equal(text_at(event, "gate", "reason"), "guard");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "http"), "status")), 403);
	assert_string_equal(text_at(gate, "guard", "reason"), "leak");
	assert_string_equal(text_at(gate, "guard", "kind"), "citizen");
	assert_int_equal(json_integer_value(json_object_get(inner, "until")), 1795324800);
	assert_int_equal(json_object_size(json_object_get(inner, "counts")), 1);
	json_decref(event);
	guard.done = false;
	guard.status = 0;
	event = event_with(test.tx, &guard);
	assert_string_equal(text_at(event, "gate", "action"), "pass");
	assert_string_equal(text_at(event, "gate", "wanted"), "deny");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "http"), "status")), 200);
	json_decref(event);
	testtx_end(&test);
}

static void to_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/test-event-XXXXXX", target[sizeof(address.sun_path) + 8], text[65536];
	struct event_sink *sink;
	struct testtx test;
	int reader;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/events", folder);
	snprintf(target, sizeof(target), "unix:%s", address.sun_path);
	testtx_begin(&test, rules, "/", "q=<script");
	assert_int_equal(event_sink_open(target, &sink), 0);
	event_sink_write(sink, test.tx, NULL);
	assert_int_equal(event_sink_counters(sink).dropped, 1); /* nobody there yet */
	reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(reader >= 0);
	assert_int_equal(bind(reader, (const struct sockaddr *)&address, sizeof(address)), 0);
	event_sink_reopen(sink);
	/* Nobody reads: the queue fills up, the rest is dropped, and no call waits. */
	for (unsigned int i = 0; i < 2000; i++)
		event_sink_write(sink, test.tx, NULL);
	assert_true(event_sink_counters(sink).written > 0);
	assert_true(event_sink_counters(sink).dropped > 1);
	assert_int_equal(event_sink_counters(sink).written + event_sink_counters(sink).dropped, 2001);
	assert_true(recv(reader, text, sizeof(text), 0) > 0);
	assert_memory_equal(text, "{\"timestamp\"", 12);
	close(reader);
	event_sink_close(sink);
	testtx_end(&test);
	unlink(address.sun_path);
	rmdir(folder);
}

static void to_file(void **state)
{
	char folder[] = "/tmp/test-event-XXXXXX", path[64], moved[64];
	struct event_sink *sink;
	struct testtx test;
	struct stat about;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/events", folder);
	snprintf(moved, sizeof(moved), "%s/events.1", folder);
	testtx_begin(&test, rules, "/", "q=<script");
	assert_int_equal(event_sink_open(path, &sink), 0);
	event_sink_write(sink, test.tx, NULL);
	assert_int_equal(rename(path, moved), 0);
	event_sink_write(sink, test.tx, NULL);
	event_sink_reopen(sink);
	event_sink_write(sink, test.tx, NULL);
	assert_int_equal(event_sink_counters(sink).written, 3);
	assert_int_equal(stat(path, &about), 0);
	assert_true(about.st_size > 0);
	event_sink_close(sink);
	assert_true(event_sink_open("/nowhere/at/all", &sink) < 0);
	assert_int_equal(event_sink_open("unix:", &sink), LUYTRE_E_INVALID);
	event_sink_close(NULL);
	unlink(path);
	unlink(moved);
	rmdir(folder);
	testtx_end(&test);
}

static void rules_number_as_hold(void **state)
{
	static const char held[] =
		"SecRule ARGS:q \"@streq x\" \"id:8100010,phase:2,deny,status:403,log,msg:'held',tag:'luytre/hold'\"\n";
	struct testtx test;
	json_t *event;

	(void)state;
	testtx_begin(&test, held, "/?q=x", "");
	event = event_of(test.tx);
	assert_string_equal(text_at(event, "gate", "hold"), "8100010");
	json_decref(event);
	testtx_end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocked),
		cmocka_unit_test(quiet),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(score_is_told),
		cmocka_unit_test(guard_is_told),
		cmocka_unit_test(to_socket),
		cmocka_unit_test(to_file),
		cmocka_unit_test(rules_number_as_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
