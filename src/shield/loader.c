// SPDX-License-Identifier: Apache-2.0
/* See loader.h. */
#include "shield/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated file's */
#include "shield.skel.h"
#pragma GCC diagnostic pop

enum { TC_HANDLE = 0x4c54, TC_PRIORITY = 1 }; /* "LT": ours among other filters */

struct shield {
	struct shield_bpf *bpf;
	struct shield_maps maps;
	struct ring_buffer *ring;
	shield_sample_fn sample;
	void *sample_user;
	const char *mode;
	bool adopted;
	bool pinned;
	int links[2]; /* outside, inside; -1: none */
	char dir[PATH_MAX];
	char *error;
	size_t error_size;
};

PRINTF_LIKE(2, 3) static int fail(struct shield *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, s->error_size, format, args);
	va_end(args);
	return LUYTRE_E_SYSTEM;
}

PRINTF_LIKE(2, 0) static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];

	/* A map that does not fit is an expected case, answered below; the rest is for debugging. */
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = 0;
	if (level == LIBBPF_WARN)
		log_debug("libbpf: %s", line);
	return 0;
}

void shield_grace(void)
{
	/* A global membarrier is a synchronize_rcu(), and XDP programs run inside RCU. Where the kernel
	 * refuses it, ten milliseconds are longer than any packet takes. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(10000);
}

/* ---- pins --------------------------------------------------------------------------------------*/

static int make_dirs(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *at = copy + 1; *at; at++)
		if (*at == '/') {
			*at = 0;
			if (mkdir(copy, 0700) && errno != EEXIST)
				return -1;
			*at = '/';
		}
	return mkdir(copy, 0700) && errno != EEXIST ? -1 : 0;
}

/* The pin folder must lie on a BPF file system; the usual place gets one when it has none. */
static int prepare_pins(struct shield *s, const char *pin_dir)
{
	struct statfs fs;

	if (!strncmp(pin_dir, "/sys/fs/bpf", 11) && (statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC) &&
		mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"))
		return fail(s, "cannot mount the BPF file system on /sys/fs/bpf: %s. Mount it, or set pin_dir.",
			strerror(errno));
	if (make_dirs(s->dir))
		return fail(s, "cannot make %s: %s", s->dir, strerror(errno));
	if (statfs(s->dir, &fs) || fs.f_type != BPF_FS_MAGIC)
		return fail(s, "%s is not on a BPF file system. Set pin_dir to a folder below /sys/fs/bpf.", s->dir);
	return 0;
}

static void pin_path(const struct shield *s, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/%s", s->dir, name);
}

static void unpin_maps(const struct shield *s)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	bpf_object__for_each_map(map, s->bpf->obj)
	{
		pin_path(s, bpf_map__name(map), path);
		unlink(path);
	}
}

/* ---- loading -----------------------------------------------------------------------------------*/

static int size_maps(struct shield *s, const struct shield_sizes *sizes)
{
	struct shield_maps layout;
	int error = 0;

	shield_maps_layout(sizes, &layout);
#define X(name, type)                                                                                                  \
	error |= bpf_map__set_max_entries(s->bpf->maps.name, layout.name##_count);                                     \
	s->maps.name##_count = layout.name##_count;
	SHIELD_MAPS(X)
#undef X
	return error ? fail(s, "cannot set the sizes of the tables") : 0;
}

static int open_object(struct shield *s, const struct shield_options *options)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int error;

	s->bpf = shield_bpf__open();
	if (!s->bpf)
		return fail(s, "cannot open the BPF object: %s", strerror(errno));
	error = size_maps(s, &options->sizes);
	if (error || !s->pinned)
		return error;
	bpf_object__for_each_map(map, s->bpf->obj)
	{
		if (bpf_map__is_internal(map) || !strcmp(bpf_map__name(map), "scratch"))
			continue;
		pin_path(s, bpf_map__name(map), path);
		if (bpf_map__set_pin_path(map, path))
			return fail(s, "cannot set the pin path %s", path);
	}
	return 0;
}

static int load_error(struct shield *s, int error)
{
	if (error == -EPERM || error == -EACCES)
		return fail(s,
			"the kernel refuses to load the filter: %s. It needs root, or CAP_BPF and CAP_NET_ADMIN.",
			strerror(-error));
	if (error == -ENOMEM)
		return fail(s, "not enough memory for the tables. Lower the section 'capacity'.");
	return fail(s, "the kernel refuses to load the filter: %s", strerror(-error));
}

/* Loads over the pinned tables when they fit, over fresh ones when not. */
static int load_object(struct shield *s, const struct shield_options *options)
{
	char path[PATH_MAX];
	int error;

	error = open_object(s, options);
	if (error)
		return error;
	pin_path(s, "globals", path);
	s->adopted = s->pinned && !access(path, F_OK);
	error = shield_bpf__load(s->bpf);
	if (error == -EINVAL && s->adopted) {
		log_warn("the tables of the shield have another layout now: starting with fresh ones");
		unpin_maps(s);
		shield_bpf__destroy(s->bpf);
		s->adopted = false;
		error = open_object(s, options);
		if (error)
			return error;
		error = shield_bpf__load(s->bpf);
	}
	return error ? load_error(s, error) : 0;
}

static int map_table(struct shield *s, const char *name, int fd, size_t size, void **ret)
{
	*ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*ret != MAP_FAILED)
		return 0;
	*ret = NULL;
	return fail(s, "cannot map the table %s: %s", name, strerror(errno));
}

static int map_tables(struct shield *s)
{
	void *at;
	int error;

#define X(name, type)                                                                                                  \
	error = map_table(s, #name, bpf_map__fd(s->bpf->maps.name), (size_t)s->maps.name##_count * sizeof(type), &at); \
	if (error)                                                                                                     \
		return error;                                                                                          \
	s->maps.name = at;
	SHIELD_MAPS(X)
#undef X
	return 0;
}

static int read_sample(void *context, void *data, size_t size)
{
	struct shield *s = context;

	if (size >= sizeof(struct shield_sample) && s->sample)
		s->sample(s->sample_user, data);
	return 0;
}

static int open_ring(struct shield *s)
{
	s->ring = ring_buffer__new(bpf_map__fd(s->bpf->maps.samples), read_sample, s, NULL);
	return s->ring ? 0 : fail(s, "cannot read the ring of samples: %s", strerror(errno));
}

/* ---- attaching ---------------------------------------------------------------------------------*/

static int create_link(struct shield *s, int program, int ifindex, enum config_attach attach)
{
	static const struct {
		enum config_attach only;
		uint32_t flags;
		const char *name;
	} modes[] = { { CONFIG_ATTACH_NATIVE, XDP_FLAGS_DRV_MODE, "native" },
		{ CONFIG_ATTACH_GENERIC, XDP_FLAGS_SKB_MODE, "generic" } };
	int fd = -1;

	for (size_t i = 0; i < ARRAY_COUNT(modes) && fd < 0; i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[i].flags);

		if (attach != CONFIG_ATTACH_AUTO && attach != modes[i].only)
			continue;
		fd = bpf_link_create(program, ifindex, BPF_XDP, &opts);
		s->mode = modes[i].name;
	}
	return fd;
}

/* Exchanges the program of a pinned link, or makes and pins a new one. */
static int attach_xdp(struct shield *s, int which, const char *interface, int program, enum config_attach attach)
{
	const char *name = which ? "link-inside" : "link";
	int ifindex = (int)if_nametoindex(interface), fd;
	char path[PATH_MAX];

	if (!ifindex)
		return fail(s, "there is no interface %s. `ip link` shows those that exist.", interface);
	pin_path(s, name, path);
	fd = s->pinned ? bpf_obj_get(path) : -1;
	if (fd >= 0) {
		if (!bpf_link_update(fd, program, NULL)) {
			s->links[which] = fd;
			s->mode = "as before";
			return 0;
		}
		close(fd); /* its interface is gone: a new one of the same name stands there now */
		unlink(path);
	}
	fd = create_link(s, program, ifindex, attach);
	if (fd < 0)
		return fail(s, "cannot attach to %s: %s.%s", interface, strerror(-fd),
			fd == -EBUSY || fd == -EEXIST ? " Another XDP program is there; `ip link` shows it." : "");
	s->links[which] = fd;
	if (s->pinned && bpf_obj_pin(fd, path))
		return fail(s, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

static int attach_egress(struct shield *s, const char *interface)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		.prog_fd = bpf_program__fd(s->bpf->progs.shield_egress), .flags = BPF_TC_F_REPLACE);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		return fail(s, "cannot watch what leaves %s: %s", interface, strerror(-error));
	error = bpf_tc_attach(&hook, &opts);
	return error ? fail(s, "cannot watch what leaves %s: %s", interface, strerror(-error)) : 0;
}

static int attach(struct shield *s, const struct shield_options *options)
{
	struct shield_globals *g = s->maps.globals;
	int error;

	if (!options->interface)
		return 0;
	g->protected_ifindex = if_nametoindex(options->interface);
	g->peer_ifindex = options->peer ? if_nametoindex(options->peer) : 0;
	if (options->peer) {
		error = attach_xdp(s, 1, options->peer, bpf_program__fd(s->bpf->progs.shield_inside), options->attach);
		if (error)
			return error;
	} else if (options->watch_outbound) {
		error = attach_egress(s, options->interface);
		if (error)
			return error;
	}
	if (options->peer || options->watch_outbound)
		__atomic_or_fetch(&g->flags, SHIELD_GLOBAL_SEES_OUTBOUND, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&g->flags, ~(uint32_t)SHIELD_GLOBAL_SEES_OUTBOUND, __ATOMIC_RELAXED);
	return attach_xdp(s, 0, options->interface, bpf_program__fd(s->bpf->progs.shield_xdp), options->attach);
}

/* ---- life cycle --------------------------------------------------------------------------------*/

static int build(struct shield *s, const struct shield_options *options)
{
	int error;

	if (options->pin_dir && options->interface) {
		s->pinned = true;
		snprintf(s->dir, sizeof(s->dir), "%.3000s/%s/v%d", options->pin_dir, options->interface,
			SHIELD_ABI_VERSION);
		error = prepare_pins(s, options->pin_dir);
		if (error)
			return error;
	}
	error = load_object(s, options);
	if (!error)
		error = map_tables(s);
	if (!error && !s->maps.globals->tenants)
		error = shield_maps_format(&s->maps, &options->sizes, clock_mono_ns());
	if (!error)
		error = open_ring(s);
	if (!error)
		error = attach(s, options);
	return error;
}

int shield_open(const struct shield_options *options, struct shield **ret, char *error_text, size_t error_size)
{
	struct shield *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return LUYTRE_E_NOMEM;
	s->links[0] = s->links[1] = -1;
	s->error = error_text;
	s->error_size = error_size;
	s->mode = "none";
	libbpf_set_print(print_libbpf);
	error = build(s, options);
	if (error) {
		shield_close(s);
		return error;
	}
	*ret = s;
	return 0;
}

void shield_close(struct shield *s)
{
	if (!s)
		return;
#define X(name, type)                                                                                                  \
	if (s->maps.name)                                                                                              \
		munmap(s->maps.name, (size_t)s->maps.name##_count * sizeof(type));
	SHIELD_MAPS(X)
#undef X
	for (int i = 0; i < 2; i++)
		if (s->links[i] >= 0)
			close(s->links[i]);
	ring_buffer__free(s->ring);
	shield_bpf__destroy(s->bpf);
	free(s);
}

static void remove_folder(const char *dir)
{
	static const char *const others[] = { "link", "link-inside", "samples" };
	char path[PATH_MAX];

#define X(name, type)                                                                                                  \
	snprintf(path, sizeof(path), "%.4000s/%s", dir, #name);                                                        \
	unlink(path);
	SHIELD_MAPS(X)
#undef X
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		snprintf(path, sizeof(path), "%.4000s/%s", dir, others[i]);
		unlink(path);
	}
	rmdir(dir);
}

int shield_detach(const char *pin_dir, const char *interface, char *error, size_t error_size)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	char dir[PATH_MAX], link[PATH_MAX + 8];

	libbpf_set_print(print_libbpf);
	snprintf(dir, sizeof(dir), "%.3000s/%s/v%d", pin_dir, interface, SHIELD_ABI_VERSION);
	snprintf(link, sizeof(link), "%s/link", dir);
	if (access(link, F_OK)) {
		snprintf(error, error_size, "no shield is pinned at %s", dir);
		return LUYTRE_E_NOT_FOUND;
	}
	if (hook.ifindex)
		bpf_tc_detach(&hook, &opts);
	remove_folder(dir);
	*strrchr(dir, '/') = 0;
	rmdir(dir);
	rmdir(pin_dir); /* refused while another interface has its pins there */
	return 0;
}

struct shield_maps *shield_maps_of(struct shield *s)
{
	return &s->maps;
}
bool shield_adopted(const struct shield *s)
{
	return s->adopted;
}
const char *shield_attach_mode(const struct shield *s)
{
	return s->mode;
}
int shield_sample_fd(const struct shield *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int shield_sample_read(struct shield *s, shield_sample_fn fn, void *user)
{
	s->sample = fn;
	s->sample_user = user;
	return ring_buffer__consume(s->ring);
}

int shield_test_run(struct shield *s, const uint8_t *frame, size_t size, uint32_t repeat, uint8_t *out, size_t out_size,
	struct shield_test *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)size, .data_out = out,
		.data_size_out = (uint32_t)out_size, .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(bpf_program__fd(s->bpf->progs.shield_xdp), &opts))
		return error_from_errno(errno);
	ret->verdict = opts.retval == XDP_DROP ? SHIELD_DROP : opts.retval == XDP_TX ? SHIELD_ANSWER : SHIELD_PASS;
	ret->size = opts.data_size_out;
	ret->duration_ns = opts.duration;
	return 0;
}

int shield_test_outbound(struct shield *s, const uint8_t *frame, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)size, .repeat = 1);

	return bpf_prog_test_run_opts(bpf_program__fd(s->bpf->progs.shield_egress), &opts) ? error_from_errno(errno)
											   : 0;
}
