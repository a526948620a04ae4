// SPDX-License-Identifier: Apache-2.0
#include "sensor/output/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/worker/worker.h"

enum { FOLLOWED_MAX = 1024 };

struct ring_frame {
	uint64_t flow_id, time_ns;
	uint32_t size, wire_size, linktype;
	bool written;
	uint8_t data[EVIDENCE_FRAME_MAX];
};

struct evidence_file {
	uint32_t tenant, linktype;
	int fd;
	uint64_t size;
};

/* Flows whose next packets are wanted. */
struct followed {
	uint64_t flow_id;
	uint32_t left;
};

struct evidence {
	const struct worker *worker;
	char dir[2048];
	uint32_t before, after;
	uint64_t file_max;
	unsigned int lost_counter, written_counter;
	uint32_t ring_next, followed_next, file_count;
	struct followed followed[FOLLOWED_MAX];
	struct evidence_file files[EVIDENCE_FILES_MAX];
	struct ring_frame ring[EVIDENCE_RING];
};

/* The head of a capture file with times in nanoseconds, and of one frame (pcap-savefile(5)). */
struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, sigfigs, snaplen, linktype;
};

struct pcap_record {
	uint32_t seconds, nanoseconds, size, wire_size;
};

int evidence_open(const struct worker *worker, struct evidence **ret)
{
	const struct sensor_settings *settings = worker->settings;
	const struct conf_node *node = conf_get(settings->root, "evidence");
	const char *dir = conf_text(node, "dir", "evidence");
	struct evidence *e;

	*ret = NULL;
	if (!conf_bool(node, "enabled", false))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return LUYTRE_E_NOMEM;
	e->worker = worker;
	e->before = (uint32_t)conf_u64_between(node, "before", 16, 0, EVIDENCE_RING);
	e->after = (uint32_t)conf_u64_between(node, "after", 32, 0, 1u << 20);
	e->file_max = conf_size(node, "max-size", 64u << 20);
	e->lost_counter = stats_register("evidence.lost");
	e->written_counter = stats_register("evidence.written");
	snprintf(e->dir, sizeof(e->dir), dir[0] == '/' ? "%.0s%s" : "%s/%s", settings->output_dir, dir);
	if (mkdir(e->dir, 0750) && errno != EEXIST) {
		log_error("evidence: cannot make the folder %s: %s", e->dir, strerror(errno));
		free(e);
		return LUYTRE_E_IO;
	}
	*ret = e;
	return 0;
}

void evidence_close(struct evidence *evidence)
{
	if (!evidence)
		return;
	for (uint32_t i = 0; i < evidence->file_count; i++)
		if (evidence->files[i].fd >= 0)
			close(evidence->files[i].fd);
	free(evidence);
}

/* A full disk took part of something: readers would stumble over half of it. */
static void cut(struct evidence_file *file)
{
	if (ftruncate(file->fd, (off_t)file->size))
		file->size = UINT64_MAX / 2; /* above every ceiling: nothing may follow */
}

static void file_begin(struct evidence_file *file)
{
	struct pcap_head head = { 0xa1b23c4d, 2, 4, 0, 0, 262144, file->linktype == 12 ? 101 : file->linktype };
	off_t end = lseek(file->fd, 0, SEEK_END);

	file->size = end > 0 ? (uint64_t)end : 0;
	if (file->size)
		return;
	if (write(file->fd, &head, sizeof(head)) == (ssize_t)sizeof(head))
		file->size = sizeof(head);
	else
		cut(file);
}

/* A capture file has one link type: other kinds of frames of a tenant get a file of their own. */
static struct evidence_file *file_of(struct evidence *e, uint32_t tenant, uint32_t linktype)
{
	const struct policy *policy = e->worker->policy;
	const char *name = policy ? tenants_name(policy->tenants, tenant) : NULL;
	struct evidence_file *file;
	char path[4096];

	for (uint32_t i = 0; i < e->file_count; i++)
		if (e->files[i].tenant == tenant && e->files[i].linktype == linktype)
			return &e->files[i];
	if (e->file_count == EVIDENCE_FILES_MAX)
		return NULL;
	file = &e->files[e->file_count++];
	file->tenant = tenant;
	file->linktype = linktype;
	snprintf(path, sizeof(path), "%s/%s-%u-%u.pcap", e->dir, name ? name : "default", e->worker->index, linktype);
	for (char *c = path + strlen(e->dir) + 1; *c; c++)
		if (*c == '/')
			*c = '_';
	file->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (file->fd < 0)
		log_error("evidence: cannot open %s: %s", path, strerror(errno));
	else
		file_begin(file);
	return file;
}

static void write_frame(struct evidence *e, uint32_t tenant, struct ring_frame *frame)
{
	struct evidence_file *file = file_of(e, tenant, frame->linktype);
	struct {
		struct pcap_record record;
		uint8_t data[EVIDENCE_FRAME_MAX];
	} out = { { (uint32_t)(frame->time_ns / NS_PER_S), (uint32_t)(frame->time_ns % NS_PER_S), frame->size,
			  frame->wire_size },
		{ 0 } };
	size_t size = sizeof(out.record) + frame->size;
	uint64_t *counters = (uint64_t *)(uintptr_t)e->worker->counters;

	frame->written = true;
	memcpy(out.data, frame->data, frame->size);
	if (file && file->fd >= 0 && file->size == 0)
		file_begin(file); /* there was no room for its head before */
	if (!file || file->fd < 0 || file->size == 0 || file->size + size > e->file_max) {
		counters[e->lost_counter]++;
		return;
	}
	if (write(file->fd, &out, size) != (ssize_t)size) {
		cut(file);
		counters[e->lost_counter]++;
		return;
	}
	file->size += size;
	counters[e->written_counter]++;
}

static struct followed *follow_of(struct evidence *e, uint64_t flow_id)
{
	for (uint32_t i = 0; i < FOLLOWED_MAX && i < e->followed_next; i++)
		if (e->followed[i].left && e->followed[i].flow_id == flow_id)
			return &e->followed[i];
	return NULL;
}

static void follow(struct evidence *e, uint64_t flow_id)
{
	struct followed *f = follow_of(e, flow_id);

	if (!f)
		f = &e->followed[e->followed_next++ % FOLLOWED_MAX];
	f->flow_id = flow_id;
	f->left = e->after;
}

/* The flow's frames that the ring still has, oldest first, at most 'before' of them. */
static void write_before(struct evidence *e, const struct sensor_packet *packet, uint64_t flow_id)
{
	uint32_t wanted[EVIDENCE_RING], count = 0;

	for (uint32_t back = 2; back <= EVIDENCE_RING && back <= e->ring_next && count < e->before; back++) {
		uint32_t at = (e->ring_next - back) % EVIDENCE_RING;

		if (e->ring[at].flow_id == flow_id && !e->ring[at].written)
			wanted[count++] = at;
	}
	while (count)
		write_frame(e, packet->tenant, &e->ring[wanted[--count]]);
}

static bool has_alert(const struct sensor_packet *packet)
{
	for (uint16_t i = 0; i < packet->alert_count; i++)
		if (!(packet->alerts[i].flags & ALERT_NO_LOG))
			return true;
	return false;
}

void evidence_packet(struct evidence *evidence, struct sensor_packet *packet)
{
	struct ring_frame *frame;
	struct followed *f;
	uint64_t flow_id = packet->flow ? packet->flow->id : 0;

	if (!evidence || !packet->frame.size || packet->root || packet->edge_only)
		return;
	frame = &evidence->ring[evidence->ring_next++ % EVIDENCE_RING];
	frame->flow_id = flow_id;
	frame->time_ns = packet->time_ns;
	frame->linktype = packet->linktype;
	frame->wire_size = packet->wire_size;
	frame->written = false;
	frame->size = (uint32_t)(packet->frame.size < EVIDENCE_FRAME_MAX ? packet->frame.size : EVIDENCE_FRAME_MAX);
	memcpy(frame->data, packet->frame.ptr, frame->size);
	f = flow_id ? follow_of(evidence, flow_id) : NULL;
	if (has_alert(packet)) {
		if (flow_id)
			write_before(evidence, packet, flow_id);
		write_frame(evidence, packet->tenant, frame);
		if (flow_id)
			follow(evidence, flow_id);
	} else if (f) {
		f->left--;
		write_frame(evidence, packet->tenant, frame);
	}
}
