// SPDX-License-Identifier: Apache-2.0
/* How the link is: figures for the daemon's metrics, and status.json for people (`luytre edge status`). */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/jsonw.h"
#include "edge/link/files.h"
#include "edge/link/internal.h"

enum { STATUS_MAX = 8192 };

void status_gather(struct link *link, struct link_figures *ret)
{
	struct spool_stats spool;
	struct gates_sum gates;

	spool_read_stats(link->spool, &spool);
	/* The table may be in use for long: its figures are then those of before. */
	if (!pthread_mutex_trylock(&link->table_lock)) {
		struct standing_stats table;

		standing_read_stats(link->standing, &table);
		pthread_mutex_unlock(&link->table_lock);
		atomic_store(&link->counters.decisions, table.count);
		atomic_store(&link->counters.unplaced, table.unplaced);
		atomic_store(&link->counters.vetoed, table.vetoed);
		atomic_store(&link->counters.table_full, table.refused);
	}
	atomic_store(&link->counters.epoch, atomic_load(&link->epoch));
	atomic_store(&link->counters.number, atomic_load(&link->number));
	atomic_store(&link->counters.spool_files, spool.files);
	atomic_store(&link->counters.spool_bytes, spool.size_bytes);
	atomic_store(&link->counters.delivered, spool.delivered);
	atomic_store(&link->counters.lost, spool_lost(link->spool));
	atomic_store(&link->counters.drops_evicted, drops_evicted(link->drops));
	gates_sum_up(&link->gates, &gates);
	atomic_store(&link->counters.gates, gates.workers);
	atomic_store(&link->counters.edge_only, atomic_load(&link->edgeonly.count));
	atomic_store(&link->counters.edge_only_unknown, atomic_load(&link->edgeonly.unknown));
	atomic_store(&link->counters.edge_only_open, gates_open(&link->gates));
	atomic_store(&link->counters.holds_standing, gates.standing);
	atomic_store(&link->counters.holds_stamp, (uint64_t)gates.stamp);
#define X(field, type, name, help) ret->field = atomic_load(&link->counters.field);
	LINK_FIGURES(X)
#undef X
}

static void write_status(struct link *link, const struct link_figures *figures)
{
	int problem = atomic_load(&link->problem);
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, STATUS_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_i64(&json, "time_us", link_real_us());
	jsonw_kv_u64(&json, "edge", atomic_load(&link->edge));
	jsonw_kv_string(&json, "boot", spool_boot(link->spool));
	jsonw_kv_bool(&json, "enrolled", link->enrolled);
	jsonw_kv_string(&json, "problem", problem ? error_name(problem) : NULL);
#define X(field, type, name, help) jsonw_kv_u64(&json, #field, figures->field);
	LINK_FIGURES(X)
#undef X
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		(void)!files_write_soon(link->dir_fd, "status.json", 0600, text); /* the next one comes in a second */
	jsonw_done(&json);
}

void status_tick(struct link *link)
{
	struct link_message message = { .kind = LINK_STATUS };

	status_gather(link, &message.figures);
	write_status(link, &message.figures);
	if (link->daemon_fd >= 0)
		(void)!send(link->daemon_fd, &message, link_message_size(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
}
