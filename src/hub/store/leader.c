// SPDX-License-Identifier: Apache-2.0
#include "hub/store/leader.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

#define PLACE "postgres:"

enum { NAME_SIZE = 64, LOOK_MS = 20 };

static int make_name(const char *run, char ret[NAME_SIZE])
{
	int size = snprintf(ret, NAME_SIZE, LEADER_NAME_PREFIX "%s", run);

	return size > 0 && size < NAME_SIZE ? 0 : LUYTRE_E_RANGE;
}

int leader_name(const char *run)
{
	char name[NAME_SIZE];
	int error = make_name(run, name);

	if (error)
		return error;
	return setenv("PGAPPNAME", name, 1) ? LUYTRE_E_NOMEM : 0; /* chapter 34.15 of PostgreSQL's documentation */
}

static const char *const statements[] = {
	"set client_min_messages = error",
	"create table if not exists hub_leader (one integer primary key check (one = 1), name text not null)",
	"insert into hub_leader (one, name) values (1, $1) on conflict (one) do update set name = excluded.name",
};

/* Gives a row for each that is still there: the function only sends a signal, and whoever gets it may be in the middle of a commit. */
#define END_OTHERS                                                                                                     \
	"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"                    \
	" and application_name like '" LEADER_NAME_PREFIX "%' and application_name <> $1"

/* A name in the place would be in the place of leader_name's: nobody would be kept from writing. */
static int check_place(const char *info, char why[DB_WHY_SIZE])
{
	char *reason = NULL;
	PQconninfoOption *options = PQconninfoParse(info, &reason), *option = options;
	int error = options ? 0 : LUYTRE_E_INVALID;

	if (error)
		snprintf(why, DB_WHY_SIZE, "%s", reason ? reason : "no memory");
	for (; option && option->keyword && !error; option++)
		if (option->val && strcmp(option->keyword, "application_name") == 0)
			error = LUYTRE_E_INVALID;
	if (error && options)
		snprintf(why, DB_WHY_SIZE,
			"with several hubs the place of the control database must not set application_name");
	PQfreemem(reason);
	PQconninfoFree(options);
	return error;
}

static int run_one(PGconn *connection, const char *sql, const char *name, int *ret_rows)
{
	const char *parameters[1] = { name };
	PGresult *result = PQexecParams(connection, sql, strstr(sql, "$1") ? 1 : 0, NULL, parameters, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	*ret_rows = PQntuples(result);
	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : LUYTRE_E_IO;
}

/* '*ret_rows': how many are there all the same. */
static int end_others(PGconn *connection, const char *name, int *ret_rows)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * (long)NS_PER_MS };
	int error;

	for (unsigned int waited_ms = 0;; waited_ms += LOOK_MS) {
		error = run_one(connection, END_OTHERS, name, ret_rows);
		if (error || !*ret_rows || waited_ms >= LEADER_WAIT_MS)
			return error;
		nanosleep(&pause, NULL);
	}
}

int leader_enter(const char *place, const char *run, char why[DB_WHY_SIZE])
{
	const char *const keywords[] = { "connect_timeout", "tcp_user_timeout", "dbname", "application_name", NULL };
	const char *const values[] = { "3", "5000", place + strlen(PLACE), "luytre-enters", NULL };
	char name[NAME_SIZE];
	PGconn *connection;
	int error = make_name(run, name), rows;

	if (error || strncmp(place, PLACE, strlen(PLACE)) != 0) {
		snprintf(why, DB_WHY_SIZE, "several hubs need a control database in PostgreSQL");
		return LUYTRE_E_INVALID;
	}
	error = check_place(place + strlen(PLACE), why);
	if (error)
		return error;
	connection = PQconnectdbParams(keywords, values, 1);
	error = PQstatus(connection) == CONNECTION_OK ? 0 : LUYTRE_E_IO;
	for (size_t i = 0; i < ARRAY_COUNT(statements) && !error; i++)
		error = run_one(connection, statements[i], name, &rows);
	if (!error)
		error = end_others(connection, name, &rows);
	if (error)
		snprintf(why, DB_WHY_SIZE, "%s", PQerrorMessage(connection));
	if (!error && rows) {
		error = LUYTRE_E_IO;
		snprintf(why, DB_WHY_SIZE, "connections of the hub that led before have not ended yet");
	}
	PQfinish(connection);
	return error;
}
