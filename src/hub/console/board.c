// SPDX-License-Identifier: Apache-2.0
#include "hub/console/board.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define US_PER_S INT64_C(1000000)

enum {
	LOOK_MS = 200,
	LOOKED_AT_S = 60, /* somebody has asked */
	BEFORE_S = 60,
	OLDER_S = 900,
	TENANTS_FIRST = 256,
};

struct hour {
	int64_t number; /* since 1970 */
	int64_t made_us; /* 0: not known */
	struct board sums; /* of one hour, by minutes */
};

struct boards {
	struct desk *desk;
	pthread_mutex_t lock;
	struct hour hours[BOARD_HOURS]; /* by number % BOARD_HOURS */
	_Atomic int64_t stored_us[BOARD_HOURS]; /* when the last event of the hour was stored */
	int64_t asked_us;
	uint64_t forgotten; /* how often: what was begun before does not count */
	pthread_t thread;
	_Atomic bool stop;
	bool thread_runs;
};

void board_done(struct board *board)
{
	free(board->tenants);
	board->tenants = NULL;
}

/* ---- Counting ---- */

static int add_action(void *context, const struct ev_count *count)
{
	struct board *board = context;
	size_t step = (size_t)((count->time_us - board->from_us) / (board->step_s * US_PER_S));

	if (step >= board->steps)
		return 0;
	if (count->key == EV_STOPPED)
		board->stopped[step] += count->events;
	else if (count->key == EV_SEEN)
		board->unknown[step] += count->events;
	else
		board->passed[step] += count->events;
	return 0;
}

static int compare_tenants(const void *left, const void *right)
{
	const struct board_tenant *a = left, *b = right;

	return (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

/* Each tenant once, from 'first' on. */
static void merge_tenants(struct board *board, size_t first)
{
	size_t count = board->tenant_count - first, kept = 0;
	struct board_tenant *tenants;

	if (!count)
		return;
	tenants = board->tenants + first;
	qsort(tenants, count, sizeof(*tenants), compare_tenants);
	for (size_t i = 1; i < count; i++) {
		if (tenants[i].tenant != tenants[kept].tenant) {
			tenants[++kept] = tenants[i];
			continue;
		}
		tenants[kept].events += tenants[i].events;
		if (tenants[i].severity < tenants[kept].severity)
			tenants[kept].severity = tenants[i].severity;
	}
	board->tenant_count = first + kept + 1;
}

/* Steps are counted from 1970: the first one may begin before the span. */
static size_t trend_step(const struct board *board, int64_t time_us)
{
	int64_t trend_us = board->trend_s * US_PER_S;

	return (size_t)(time_us / trend_us - board->from_us / trend_us);
}

/* The trend step of those before is complete. */
static void end_step(struct board *board, int64_t time_us)
{
	size_t step = trend_step(board, time_us);

	merge_tenants(board, board->step_first);
	if (step < board->trend_steps)
		board->hit[step] = (uint32_t)(board->tenant_count - board->step_first);
	board->step_first = board->tenant_count;
}

static bool add_hit(struct board *board, int64_t time_us, const struct board_tenant *tenant)
{
	if (board->tenant_count > board->step_first &&
		trend_step(board, time_us) != trend_step(board, board->last_time_us))
		end_step(board, board->last_time_us);
	if (board->tenant_count == board->tenant_room) {
		size_t room = board->tenant_room ? 2 * board->tenant_room : TENANTS_FIRST;
		struct board_tenant *tenants = realloc(board->tenants, room * sizeof(*tenants));

		board->no_memory = !tenants;
		if (!tenants)
			return false;
		board->tenants = tenants;
		board->tenant_room = room;
	}
	board->tenants[board->tenant_count++] = *tenant;
	board->last_time_us = time_us;
	return true;
}

/* Rows ascend by time, tenant and severity; those of nobody are no tenant's. */
static int add_tenant(void *context, const struct ev_count *count)
{
	const struct board_tenant tenant = {
		.tenant = (uint32_t)(count->key >> 4), .severity = (uint8_t)(count->key & 15), .events = count->events
	};

	return tenant.tenant && !add_hit(context, count->time_us, &tenant);
}

static void end_board(struct board *board)
{
	if (board->tenant_count > board->step_first)
		end_step(board, board->last_time_us);
	merge_tenants(board, 0);
}

/* Empty, with its spans; 'hours' 0 is the one that 'now_us' lies in. */
static void begin_board(struct board *board, uint32_t hours, uint32_t step_s, int64_t now_us)
{
	*board = (struct board){ .hours = hours, .step_s = step_s };
	board->from_us = now_us / EV_HOUR_US * EV_HOUR_US - hours * EV_HOUR_US;
	if (board->from_us < 0)
		board->from_us = 0;
	board->steps = (hours + 1) * 3600 / step_s;
	board->trend_s = hours <= 24 ? 3600 : 6 * 3600;
	board->trend_steps = trend_step(board, board->from_us + (hours + 1) * EV_HOUR_US - 1) + 1;
}

/* Of single tenants, rows by minute are many: whole hours where it is more than two. */
static uint32_t step_of(uint32_t hours, bool nation)
{
	return hours <= 2 ? 60 : hours <= 24 && nation ? 900 : 3600;
}

static int count_board(struct desk *desk, const struct scope *scope, struct board *board)
{
	const struct ev_filter filter = { .scope = scope,
		.from_us = board->from_us,
		.until_us = board->from_us + (board->hours + 1) * EV_HOUR_US,
		.kinds = DESK_ATTACKS };
	struct ev_reader *reader;
	int error = desk_reader_take(desk, &reader);

	if (error)
		return error;
	error = ev_count_by(reader, &filter, EV_DIM_ACTION, board->step_s, add_action, board);
	if (!error)
		error = ev_count_by(reader, &filter, EV_DIM_TENANT_SEVERITY, board->trend_s, add_tenant, board);
	if (!error && board->no_memory)
		error = LUYTRE_E_NOMEM;
	desk_reader_give(desk, reader);
	end_board(board);
	return error;
}

int board_scope(struct desk *desk, const struct scope *scope, uint32_t hours, int64_t now_us, struct board *ret)
{
	begin_board(ret, hours, step_of(hours, false), now_us);
	return count_board(desk, scope, ret);
}

/* ---- The nation's hours ---- */

static struct hour *hour_at(struct boards *boards, int64_t number)
{
	return &boards->hours[(size_t)(number % BOARD_HOURS)];
}

static bool is_ahead(const struct hour *hour, int64_t now_us)
{
	return hour->made_us > now_us || hour->number > now_us / EV_HOUR_US;
}

/* Works one out and puts it in its place. */
static int refresh(struct boards *boards, int64_t number)
{
	const struct scope nation = { .all = true };
	int64_t began_us = (int64_t)(clock_real_ns() / NS_PER_US);
	struct board sums, old;
	struct hour *hour;
	uint64_t forgotten;
	int error;

	pthread_mutex_lock(&boards->lock);
	forgotten = boards->forgotten;
	pthread_mutex_unlock(&boards->lock);
	begin_board(&sums, 0, 60, number * EV_HOUR_US);
	error = count_board(boards->desk, &nation, &sums);
	if (error) {
		board_done(&sums);
		return error;
	}
	pthread_mutex_lock(&boards->lock);
	hour = hour_at(boards, number);
	old = sums;
	/* Somebody else may have done the same meanwhile, or it is a matter of the past. What was made later than now is from before the clock
	 * was set back. */
	if (boards->forgotten == forgotten && (is_ahead(hour, (int64_t)(clock_real_ns() / NS_PER_US)) ||
						      (hour->number <= number && hour->made_us <= began_us))) {
		old = hour->sums;
		*hour = (struct hour){ .number = number, .made_us = began_us, .sums = sums };
	}
	pthread_mutex_unlock(&boards->lock);
	board_done(&old);
	return 0;
}

void boards_events(struct boards *boards, const struct ev_event *events, size_t count)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US), running = now_us / EV_HOUR_US;

	for (size_t i = 0; i < count; i++) {
		int64_t number = events[i].time_us / EV_HOUR_US;

		if (number > running - BOARD_HOURS && number <= running)
			boards->stored_us[(size_t)(number % BOARD_HOURS)] = now_us;
	}
}

/* Under the lock. How old an hour may be, in seconds. */
static bool is_old(const struct boards *boards, int64_t number, int64_t running, int64_t now_us)
{
	const struct hour *hour = &boards->hours[(size_t)(number % BOARD_HOURS)];
	bool changed = boards->stored_us[(size_t)(number % BOARD_HOURS)] >= hour->made_us;
	int64_t most_s = number == running || changed ? BOARD_RUNNING_S : number == running - 1 ? BEFORE_S : OLDER_S;

	return hour->number != number || !hour->made_us || is_ahead(hour, now_us) ||
	       now_us - hour->made_us > most_s * US_PER_S;
}

/* The newest hour that should be worked out; -1: none. */
static int64_t next_hour(struct boards *boards)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US), running = now_us / EV_HOUR_US, found = -1;

	pthread_mutex_lock(&boards->lock);
	for (int64_t number = running; number > running - BOARD_HOURS && number >= 0 && found < 0; number--) {
		const struct hour *hour = hour_at(boards, number);
		bool known = hour->number == number && hour->made_us;

		if (!known ||
			(now_us - boards->asked_us < LOOKED_AT_S * US_PER_S && is_old(boards, number, running, now_us)))
			found = number;
	}
	pthread_mutex_unlock(&boards->lock);
	return found;
}

static void *run_thread(void *context)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * (long)NS_PER_MS };
	struct boards *boards = context;

	while (!boards->stop) {
		int64_t number = next_hour(boards);
		int error = number < 0 ? LUYTRE_E_NOT_FOUND : refresh(boards, number);

		if (error && number >= 0)
			log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the situation board cannot count events: %s",
				error_text(error, LUYTRE_LANG_EN));
		if (error)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* Under the lock. */
static bool add_hour(struct board *board, const struct hour *hour)
{
	for (size_t i = 0; i < hour->sums.steps; i++) {
		int64_t time_us = hour->sums.from_us + (int64_t)i * 60 * US_PER_S;
		size_t step = (size_t)((time_us - board->from_us) / (board->step_s * US_PER_S));

		if (time_us < board->from_us || step >= board->steps)
			continue;
		board->stopped[step] += hour->sums.stopped[i];
		board->passed[step] += hour->sums.passed[i];
		board->unknown[step] += hour->sums.unknown[i];
	}
	for (size_t i = 0; i < hour->sums.tenant_count; i++)
		if (!add_hit(board, hour->sums.from_us, &hour->sums.tenants[i]))
			return false;
	return true;
}

int boards_nation(struct boards *boards, uint32_t hours, int64_t now_us, struct board *ret)
{
	int64_t running = now_us / EV_HOUR_US;
	int error = 0;

	begin_board(ret, hours, step_of(hours, true), now_us);
	pthread_mutex_lock(&boards->lock);
	boards->asked_us = now_us;
	for (int64_t number = ret->from_us / EV_HOUR_US; number <= running && !error; number++) {
		const struct hour *hour = hour_at(boards, number);

		if (hour->number != number || !hour->made_us ||
			(number == running && now_us - hour->made_us > BOARD_OLD_S * US_PER_S)) {
			pthread_mutex_unlock(&boards->lock);
			error = refresh(boards, number);
			pthread_mutex_lock(&boards->lock);
		}
		if (!error && hour->number == number && !add_hour(ret, hour))
			error = LUYTRE_E_NOMEM;
	}
	pthread_mutex_unlock(&boards->lock);
	end_board(ret);
	return error;
}

void boards_forget(struct boards *boards)
{
	pthread_mutex_lock(&boards->lock);
	boards->forgotten++;
	for (size_t i = 0; i < BOARD_HOURS; i++)
		boards->hours[i].made_us = 0;
	pthread_mutex_unlock(&boards->lock);
}

int boards_open(struct desk *desk, struct boards **ret)
{
	struct boards *boards = calloc(1, sizeof(*boards));

	if (!boards)
		return LUYTRE_E_NOMEM;
	boards->desk = desk;
	pthread_mutex_init(&boards->lock, NULL);
	if (pthread_create(&boards->thread, NULL, run_thread, boards)) {
		boards_close(boards);
		return LUYTRE_E_SYSTEM;
	}
	boards->thread_runs = true;
	*ret = boards;
	return 0;
}

void boards_close(struct boards *boards)
{
	if (!boards)
		return;
	boards->stop = true;
	if (boards->thread_runs)
		pthread_join(boards->thread, NULL);
	for (size_t i = 0; i < BOARD_HOURS; i++)
		board_done(&boards->hours[i].sums);
	pthread_mutex_destroy(&boards->lock);
	free(boards);
}
