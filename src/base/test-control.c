// SPDX-License-Identifier: Apache-2.0
#include "base/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

enum { REPLY_MAX = 1 << 20 };

struct fixture {
	struct loop *loop;
	struct control_server *server;
	char dir[64], path[108];
	unsigned int lines_count;
	char last_line[64];
};

/* Requests: "echo", "later", "stream", and "long" whose answer does not fit. */
static enum control_answer run_line(void *context, char *line, struct jsonw *out)
{
	struct fixture *f = context;

	f->lines_count++;
	snprintf(f->last_line, sizeof(f->last_line), "%s", line);
	jsonw_object_begin(out);
	if (!strcmp(line, "later"))
		return CONTROL_LATER;
	if (!strcmp(line, "stream"))
		return CONTROL_STREAM;
	for (int i = 0; i < (strcmp(line, "long") ? 1 : REPLY_MAX); i++)
		jsonw_kv_string(out, "line", line);
	jsonw_object_end(out);
	return CONTROL_ANSWERED;
}

static void write_late(void *context, struct jsonw *out)
{
	jsonw_object_begin(out);
	jsonw_kv_bool(out, "late", true);
	jsonw_object_end(out);
}

static void stop(struct loop *loop, uint64_t periods, void *context)
{
	loop_stop(loop);
}

/* Whatever is ready is done. */
static void turn(struct fixture *f)
{
	struct loop_source *timer;

	assert_int_equal(loop_add_timer(f->loop, 20, stop, f, &timer), 0);
	assert_int_equal(loop_run(f->loop), 0);
	loop_remove(f->loop, timer);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct control_options options = { .reply_max_size = REPLY_MAX, .idle_s = 60, .run = run_line, .context = f };
	char why[256];

	*state = f;
	strcpy(f->dir, "/tmp/luytre-test-XXXXXX");
	if (!mkdtemp(f->dir) || loop_new(&f->loop))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/run/control.sock", f->dir);
	options.path = f->path;
	return control_server_open(f->loop, &options, why, sizeof(why), &f->server);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char folder[80];

	control_server_close(f->server);
	loop_free(f->loop);
	snprintf(folder, sizeof(folder), "%s/run", f->dir);
	if (!access(f->path, F_OK) || rmdir(folder) || rmdir(f->dir))
		return -1;
	free(f);
	return 0;
}

static int connect_to(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, f->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What has come so far; -1: closed, with nothing before. */
static ssize_t hear(int fd, char *ret, size_t size)
{
	ssize_t n = recv(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = 0;
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return n == 0 ? -1 : n;
}

static void a_line_is_answered_and_closed(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	char text[256];
	struct stat info;

	assert_int_equal(stat(f->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	say(fd, "ec");
	turn(f);
	assert_int_equal(hear(fd, text, sizeof(text)), 0);
	say(fd, "ho\n");
	turn(f);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "{\"line\":\"echo\"}\n");
	assert_int_equal(hear(fd, text, sizeof(text)), -1);
	close(fd);
}

static void a_long_line_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	char text[CONTROL_LINE_MAX + 1];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	say(fd, text);
	turn(f);
	assert_int_equal(hear(fd, text, sizeof(text)), -1);
	assert_int_equal(f->lines_count, 0);
	close(fd);
}

static void an_answer_that_is_too_long_says_so(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	char text[256];

	say(fd, "long\n");
	turn(f);
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"code\":\"full\""));
	close(fd);
}

static void one_client_more_is_closed(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX + 1];
	char text[256];

	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
		fds[i] = connect_to(f);
		turn(f);
	}
	assert_int_equal(hear(fds[CONTROL_CLIENTS_MAX], text, sizeof(text)), -1);
	say(fds[0], "echo\n");
	turn(f);
	assert_true(hear(fds[0], text, sizeof(text)) > 0);
	for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	turn(f);
}

static void those_who_wait_are_answered_together(void **state)
{
	struct fixture *f = *state;
	int fds[3] = { connect_to(f), connect_to(f), connect_to(f) };
	char text[256];

	for (int i = 0; i < 3; i++)
		say(fds[i], "later\n");
	turn(f);
	close(fds[2]); /* who goes is not missed */
	turn(f);
	assert_int_equal(hear(fds[0], text, sizeof(text)), 0);
	control_server_answer(f->server, write_late, NULL);
	for (int i = 0; i < 2; i++) {
		assert_true(hear(fds[i], text, sizeof(text)) > 0);
		assert_string_equal(text, "{\"late\":true}\n");
		assert_int_equal(hear(fds[i], text, sizeof(text)), -1);
		close(fds[i]);
	}
}

static void a_stream_goes_on_and_loses_what_its_reader_leaves(void **state)
{
	struct fixture *f = *state;
	char text[256], *line = calloc(1, 1 << 16);
	int fd = connect_to(f);

	assert_non_null(line);
	memset(line, 'x', (1 << 16) - 1);
	assert_int_equal(control_server_streams(f->server), 0);
	say(fd, "stream\n");
	turn(f);
	assert_int_equal(control_server_streams(f->server), 1);
	control_server_stream(f->server, bytes_from_str("one"));
	control_server_stream(f->server, bytes_from_str("two"));
	assert_true(hear(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "one\ntwo\n");
	for (int i = 0; i < 64; i++)
		control_server_stream(f->server, bytes_from_str(line));
	assert_true(control_server_lost(f->server) > 0);
	close(fd);
	turn(f);
	assert_int_equal(control_server_streams(f->server), 0);
	free(line);
}

static void what_cannot_be_bound_is_said(void **state)
{
	struct fixture *f = *state;
	struct control_options options = { .path = "/proc/no/such.sock", .run = run_line };
	struct control_server *server = NULL;
	char why[256] = "", path[200];

	assert_int_equal(control_server_open(f->loop, &options, why, sizeof(why), &server), LUYTRE_E_SYSTEM);
	assert_non_null(strstr(why, "/proc/no/such.sock"));
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	options.path = path;
	assert_int_equal(control_server_open(f->loop, &options, why, sizeof(why), &server), LUYTRE_E_SYSTEM);
	options = (struct control_options){ .path = f->path, .group = "no-such-group", .run = run_line };
	assert_int_equal(control_server_open(f->loop, &options, why, sizeof(why), &server), LUYTRE_E_SYSTEM);
	assert_null(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_answered_and_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_line_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_is_too_long_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_client_more_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_who_wait_are_answered_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_goes_on_and_loses_what_its_reader_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_bound_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
