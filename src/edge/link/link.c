// SPDX-License-Identifier: Apache-2.0
#include "edge/link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "edge/link/internal.h"

#define SPOOL_DIR "spool"

enum {
	CLOCK_JUMP_US = 2000000,
	IDENTITY_EVERY_S = 2,
	SPOOL_WAIT_MS = 100,
	SPOOL_TRIES = 100,
	KEEPER_WAIT_MAX_S = 30,
	MESSAGES_AT_ONCE = 64,
	SOCKET_BUFFER = 1 << 20,
};

int64_t link_real_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

/* ---- Opening ---- */

static int open_dirs(struct link *link, char *why, size_t why_size)
{
	char spool[PATH_MAX + 16];
	int error = LUYTRE_E_BUSY;

	snprintf(link->dir, sizeof(link->dir), "%s/" LINK_DIR, link->config->state_dir);
	if ((mkdir(link->config->state_dir, 0700) && errno != EEXIST) || (mkdir(link->dir, 0700) && errno != EEXIST)) {
		snprintf(why, why_size, "%.400s: %s", link->dir, strerror(errno));
		return error_from_errno(errno);
	}
	link->dir_fd = open(link->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (link->dir_fd < 0)
		return error_from_errno(errno);
	snprintf(spool, sizeof(spool), "%s/" SPOOL_DIR, link->dir);
	/* The link of an earlier daemon may be about to end. */
	for (int i = 0; i < SPOOL_TRIES && error == LUYTRE_E_BUSY; i++) {
		const struct timespec wait = { .tv_nsec = SPOOL_WAIT_MS * (long)NS_PER_MS };

		error = spool_open(spool, link->config->hub.spool_size, &link->spool);
		if (error == LUYTRE_E_BUSY)
			nanosleep(&wait, NULL);
	}
	if (error)
		snprintf(why, why_size, "%.400s: %s", spool, error_text(error, LUYTRE_LANG_EN));
	return error;
}

static void start_thread(struct link *link, void *(*run)(void *), const char *name)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, link)) {
		log_error("a thread cannot be started: %s", strerror(errno));
		return;
	}
	pthread_setname_np(thread, name);
	pthread_detach(thread); /* nothing waits for the network: they end with the process */
}

/* An edge that is enrolled while it runs goes on from there. */
static void look_for_identity(struct link *link)
{
	struct identity identity;
	int error;

	if (link->enrolled)
		return;
	error = identity_load(link->dir, &identity);
	if (error && error != LUYTRE_E_NOT_FOUND)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "%s/identity.json: %s", link->dir,
			error_text(error, LUYTRE_LANG_EN));
	if (error)
		return;
	link->enrolled = true;
	atomic_store(&link->edge, identity.edge);
	log_info("this is edge %u of %s", identity.edge, identity.url);
	start_thread(link, upload_main, "upload");
	if (link->daemon_fd >= 0)
		start_thread(link, ack_main, "ack");
	if (link->daemon_fd >= 0 || link->config->gate.holds_file) {
		start_thread(link, stream_main, "stream");
		start_thread(link, policy_main, "policy");
	}
}

/* ---- The loop ---- */

static void on_stands(struct link *link, const struct link_message *message)
{
	if (message->result) {
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the shield did not take the hub's decisions: %s",
			error_text(message->result, LUYTRE_LANG_EN));
		/* A reload came between. What does not fit would not fit again. */
		if (message->result == LUYTRE_E_BUSY)
			atomic_store(&link->want_resend, true);
		return;
	}
	pthread_mutex_lock(&link->ack_bell.lock);
	link->stands_epoch = message->epoch;
	link->stands_number = message->token;
	link->stands_us = link_real_us();
	link->stands_count++;
	pthread_mutex_unlock(&link->ack_bell.lock);
	bell_ring(&link->ack_bell);
}

static void on_daemon(struct loop *loop, uint64_t events, void *context)
{
	struct link *link = context;
	struct link_message message;

	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		ssize_t size = recv(link->daemon_fd, &message, sizeof(message), MSG_DONTWAIT);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size <= 0) { /* the daemon is gone */
			loop_stop(loop);
			return;
		}
		if (!link_message_is_whole(&message, (size_t)size))
			continue;
		if (message.kind == LINK_DROPS)
			intake_drops(link, &message);
		else if (message.kind == LINK_STANDS)
			on_stands(link, &message);
		else if (message.kind == LINK_SHIELD)
			report_shield(link, &message);
		else if (message.kind == LINK_POLICY_STANDS)
			policy_answered(link, &message);
	}
}

/* Expiries are real times, the shield counts monotonic ones. */
static void watch_clock(struct link *link)
{
	struct clock now = clock_now();
	int64_t offset_us = (int64_t)(now.real_ns / NS_PER_US) - (int64_t)(now.mono_ns / NS_PER_US);
	int64_t jump_us = offset_us - link->clock_offset_us;

	link->clock_offset_us = offset_us;
	if (jump_us < CLOCK_JUMP_US && jump_us > -CLOCK_JUMP_US)
		return;
	LINK_COUNT(link, clock_jumps, 1);
	log_warn("the real time has jumped by %lld s: expiries are set again", (long long)(jump_us / 1000000));
	atomic_store(&link->want_resend, link->daemon_fd >= 0);
}

static void on_tick(struct loop *loop, uint64_t missed, void *context)
{
	const uint64_t per_second = MS_PER_S / LINK_TICK_MS;
	struct link *link = context;

	link->ticks++;
	intake_tick(link, clock_mono_ns());
	if (link->ticks % per_second)
		return;
	watch_clock(link);
	stream_expire(link);
	veto_tick(link);
	status_tick(link);
	report_tick(link, clock_mono_ns());
	if (link->ticks % (IDENTITY_EVERY_S * per_second) == 0)
		look_for_identity(link);
}

static void on_stop(struct loop *loop, uint64_t number, void *context)
{
	loop_stop(loop);
}

static int open_loop(struct link *link)
{
	int error = loop_new(&link->loop);

	if (!error)
		error = loop_add_signal(link->loop, SIGTERM, on_stop, link, NULL);
	if (!error)
		error = loop_add_signal(link->loop, SIGINT, on_stop, link, NULL);
	if (!error)
		error = loop_add_timer(link->loop, LINK_TICK_MS, on_tick, link, NULL);
	if (!error && link->daemon_fd >= 0)
		error = loop_add_fd(link->loop, link->daemon_fd, EPOLLIN, on_daemon, link, NULL);
	return error;
}

static int open_all(struct link *link, bool sandbox, char *why, size_t why_size)
{
	const struct config_capacity *capacity = &link->config->capacity;
	struct clock now = clock_now();
	int error = sodium_init() < 0 ? LUYTRE_E_SYSTEM : http_start();

	link->clock_offset_us = (int64_t)(now.real_ns / NS_PER_US) - (int64_t)(now.mono_ns / NS_PER_US);
	bell_init(&link->upload_bell);
	bell_init(&link->ack_bell);
	bell_init(&link->policy_bell);
	pthread_mutex_init(&link->table_lock, NULL);
	link->standing = standing_new((size_t)capacity->decisions + capacity->decisions_v6);
	if (!error && !link->standing)
		error = LUYTRE_E_NOMEM;
	if (!error)
		veto_open(link);
	if (!error)
		error = open_dirs(link, why, why_size);
	if (!error)
		policy_open(link);
	if (!error)
		error = open_loop(link);
	if (!error)
		error = intake_open(link, why, why_size);
	if (!error && sandbox)
		error = sandbox_enter(SANDBOX_THREADS | SANDBOX_UNIX_SOCKETS | SANDBOX_NETWORK, why, why_size);
	return error;
}

/* Before anything else is said. */
static void say_hello(const struct link *link)
{
	const struct link_message message = { .kind = LINK_HELLO };

	if (link->daemon_fd >= 0)
		(void)!send(link->daemon_fd, &message, link_message_size(&message), MSG_NOSIGNAL);
}

int link_run(const struct link_options *options)
{
	struct link *link = calloc(1, sizeof(*link));
	char why[512] = "";
	int error;

	if (!link)
		return LUYTRE_E_NOMEM;
	link->config = options->config;
	holdlist_init(&link->holds);
	handout_init(&link->sensor, "the policy of sensors");
	edgeonly_init(&link->edgeonly, link->config);
	link->daemon_fd = options->daemon_fd;
	link->dir_fd = link->events_fd = -1;
	error = siphash_key_random(&link->sample.key);
	if (!error)
		error = open_all(link, options->sandbox, why, sizeof(why));
	if (error) {
		log_error("the link to the hub: %s", why[0] ? why : error_text(error, LUYTRE_LANG_EN));
	} else {
		log_info("events are taken on %s", link->config->hub.events_socket);
		say_hello(link);
		look_for_identity(link);
		if (!link->enrolled)
			log_warn("this edge is not enrolled: `luytre edge enrol` does it; events are kept until then");
		error = loop_run(link->loop);
		intake_close(link);
	}
	/* Threads may be deep in the network and use all of this: the process ends now, and what is on the disk is whole. */
	atomic_store(&link->stop, true);
	return error;
}

/* ---- The keeper ---- */

static pid_t kept;

static void pass_on(int number)
{
	if (kept > 0)
		kill(kept, SIGTERM);
	_exit(0);
}

static void run_child(const struct config *config, int fd, bool sandbox)
{
	struct link_options options = { .config = config, .daemon_fd = fd, .sandbox = sandbox };

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "luytre-link");
	_exit(link_run(&options) ? 1 : 0);
}

/* Starts the link again when it dies; ends when it has ended by itself, which it does when the daemon is gone. */
static void keep(const struct config *config, int fd, bool sandbox)
{
	unsigned int wait_s = 1;
	int status = 0;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "luytre-keeper");
	signal(SIGTERM, pass_on);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (true) {
		uint64_t began_ns = clock_mono_ns();

		kept = fork();
		if (!kept)
			run_child(config, fd, sandbox);
		while (kept > 0 && waitpid(kept, &status, 0) < 0 && errno == EINTR)
			;
		if (kept > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
			_exit(0);
		kept = 0;
		if (clock_since_ns(clock_mono_ns(), began_ns) > KEEPER_WAIT_MAX_S * NS_PER_S)
			wait_s = 1;
		log_warn("the link to the hub died; it is started again in %u s", wait_s);
		sleep(wait_s);
		wait_s = 2 * wait_s < KEEPER_WAIT_MAX_S ? 2 * wait_s : KEEPER_WAIT_MAX_S;
	}
}

int link_start(const struct config *config, bool sandbox, int *ret_fd)
{
	int ends[2], buffer = SOCKET_BUFFER;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return LUYTRE_E_SYSTEM;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	pid = fork();
	if (!pid) {
		close(ends[0]);
		keep(config, ends[1], sandbox);
	}
	close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
		close(ends[0]);
		return LUYTRE_E_SYSTEM;
	}
	*ret_fd = ends[0];
	return 0;
}
