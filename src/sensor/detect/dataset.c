// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/net.h"
#include "base/siphash.h"
#include "sensor/detect/base64.h"
#include "sensor/rules/text.h"

struct entry {
	struct entry *next;
	uint64_t hash;
	uint32_t order; /* of arrival */
	uint32_t size, json_size;
	uint16_t reputation;
	uint8_t bytes[]; /* the value, then the JSON text */
};

struct dataset {
	struct dataset *next; /* in the registry */
	char name[DATASET_NAME_MAX + 1];
	uint8_t type, format;
	bool dynamic, reputation, keep, changed;
	uint64_t serial; /* of the policy it belongs to, if it is not dynamic */
	unsigned int reference_count;
	pthread_rwlock_t lock;
	struct siphash_key key;
	struct entry **buckets;
	size_t bucket_count, count;
	uint32_t order;
	uint64_t memory_size, memcap_size, refused;
	uint64_t hash_size; /* of the order in which values are saved */
	char *save_path; /* owned; null: not saved */
};

static struct {
	pthread_mutex_t lock;
	struct dataset *first;
	unsigned int count;
	uint64_t refused;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- The table ---- */

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The form in which a value is kept; false: it cannot be of this type. 'scratch' has 16 bytes. */
static bool normal_form(const struct dataset *set, struct bytes in, uint8_t *scratch, struct bytes *ret)
{
	*ret = in;
	switch (set->type) {
	case DATASET_STRING:
		return in.size > 0 && in.size <= DATASET_VALUE_MAX;
	case DATASET_MD5:
		return in.size == 16;
	case DATASET_SHA256:
		return in.size == 32;
	case DATASET_IPV4:
		return in.size == 4;
	default:
		if (in.size == 4) {
			memcpy(scratch, mapped_prefix, sizeof(mapped_prefix));
			memcpy(scratch + sizeof(mapped_prefix), in.ptr, 4);
			*ret = bytes_of(scratch, 16);
		}
		return ret->size == 16;
	}
}

static struct entry **find_link(const struct dataset *set, struct bytes value)
{
	uint64_t hash = siphash24(set->key, value.ptr, value.size);
	struct entry **link = &set->buckets[hash & (set->bucket_count - 1)];

	while (*link && ((*link)->hash != hash || !bytes_equal(bytes_of((*link)->bytes, (*link)->size), value)))
		link = &(*link)->next;
	return link;
}

static void grow(struct dataset *set)
{
	size_t count = set->bucket_count * 2;
	struct entry **buckets = calloc(count, sizeof(struct entry *));

	if (!buckets)
		return; /* longer chains, nothing worse */
	for (size_t i = 0; i < set->bucket_count; i++) {
		struct entry *entry = set->buckets[i];

		while (entry) {
			struct entry *next = entry->next;
			struct entry **bucket = &buckets[entry->hash & (count - 1)];

			entry->next = *bucket;
			*bucket = entry;
			entry = next;
		}
	}
	free(set->buckets);
	set->buckets = buckets;
	set->bucket_count = count;
}

static void count_refused(struct dataset *set)
{
	set->refused++;
	__atomic_add_fetch(&registry.refused, 1, __ATOMIC_RELAXED);
}

/* 1: added, 0: it was there, negative: an error. */
static int insert(struct dataset *set, struct bytes value, uint16_t reputation, struct bytes json)
{
	struct entry **link = find_link(set, value), *entry;
	size_t size = sizeof(*entry) + value.size + json.size;

	if (*link)
		return 0;
	if (set->memory_size + size > set->memcap_size) {
		count_refused(set);
		return LUYTRE_E_FULL;
	}
	entry = malloc(size);
	if (!entry) {
		count_refused(set);
		return LUYTRE_E_NOMEM;
	}
	*entry = (struct entry){ .hash = siphash24(set->key, value.ptr, value.size),
		.order = set->order++,
		.size = (uint32_t)value.size,
		.json_size = (uint32_t)json.size,
		.reputation = reputation };
	memcpy(entry->bytes, value.ptr, value.size);
	if (json.size != 0)
		memcpy(entry->bytes + value.size, json.ptr, json.size);
	*link = entry;
	set->memory_size += size;
	if (++set->count > set->bucket_count)
		grow(set);
	return 1;
}

static bool look_up(struct dataset *set, struct bytes value, struct arena *arena, struct dataset_hit *ret)
{
	uint8_t scratch[16];
	const struct entry *entry;

	if (!normal_form(set, value, scratch, &value))
		return false;
	entry = *find_link(set, value);
	if (!entry)
		return false;
	if (ret) {
		uint8_t *json = entry->json_size
					? arena_dup(arena, bytes_of(entry->bytes + entry->size, entry->json_size))
					: NULL;

		*ret = (struct dataset_hit){ entry->reputation, bytes_of(json, json ? entry->json_size : 0) };
	}
	return true;
}

bool dataset_find(struct dataset *set, struct bytes value, struct arena *arena, struct dataset_hit *ret)
{
	bool found;

	if (!set->dynamic)
		return look_up(set, value, arena, ret);
	pthread_rwlock_rdlock(&set->lock);
	found = look_up(set, value, arena, ret);
	pthread_rwlock_unlock(&set->lock);
	return found;
}

bool dataset_find_subdomain(struct dataset *set, struct bytes value, struct arena *arena, struct dataset_hit *ret)
{
	/* No name of a host has more labels (RFC 1035, section 2.3.4). */
	for (int labels = 0; value.size > 0 && labels < 128; labels++) {
		if (dataset_find(set, value, arena, ret))
			return true;
		value = bytes_skip(value, 1);
		value = bytes_skip(value, bytes_index(value, '.'));
	}
	return false;
}

bool dataset_add(struct dataset *set, struct bytes value)
{
	uint8_t scratch[16];
	bool added;

	if (!normal_form(set, value, scratch, &value) || dataset_find(set, value, NULL, NULL))
		return false;
	pthread_rwlock_wrlock(&set->lock);
	added = insert(set, value, 0, (struct bytes){ 0 }) > 0;
	set->changed |= added;
	pthread_rwlock_unlock(&set->lock);
	return added;
}

bool dataset_remove(struct dataset *set, struct bytes value)
{
	struct entry **link, *entry;
	uint8_t scratch[16];

	if (!normal_form(set, value, scratch, &value))
		return false;
	pthread_rwlock_wrlock(&set->lock);
	link = find_link(set, value);
	entry = *link;
	if (entry) {
		*link = entry->next;
		set->count--;
		set->memory_size -= sizeof(*entry) + entry->size + entry->json_size;
		set->changed = true;
	}
	pthread_rwlock_unlock(&set->lock);
	free(entry);
	return entry != NULL;
}

enum dataset_type dataset_type(const struct dataset *set)
{
	return set->type;
}

bool dataset_has_json(const struct dataset *set)
{
	return set->format != DATASET_CSV;
}

size_t dataset_count(const struct dataset *set)
{
	return set->count;
}

uint64_t datasets_refused(void)
{
	return __atomic_load_n(&registry.refused, __ATOMIC_RELAXED);
}

uint64_t dataset_refused(const struct dataset *set)
{
	return set->refused;
}

/* ---- Files ---- */

static bool read_hex(struct bytes text, uint8_t *out, size_t size)
{
	if (text.size != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = ascii_hex_value(text.ptr[2 * i]), low = ascii_hex_value(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_address(const struct dataset *set, struct bytes text, uint8_t *out, struct bytes *ret)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr) < 0 || (set->type == DATASET_IPV4 && addr.family != IP_V4))
		return false;
	memcpy(out, addr.bytes, 16);
	*ret = bytes_of(out, addr.family == IP_V4 ? 4 : 16);
	return true;
}

/* A value as a file has it; strings in JSON stand as they are ('is_plain'), elsewhere in base64. */
static bool parse_value(const struct dataset *set, struct bytes text, bool is_plain, uint8_t *buffer, struct bytes *ret)
{
	size_t size;

	switch (set->type) {
	case DATASET_STRING:
		if (is_plain) {
			*ret = text;
			return true;
		}
		if (text.size > DATASET_VALUE_MAX / 3 * 4 || !base64_decode(text, BASE64_STRICT, buffer, &size))
			return false;
		*ret = bytes_of(buffer, size);
		return true;
	case DATASET_MD5:
		*ret = bytes_of(buffer, 16);
		return read_hex(text, buffer, 16);
	case DATASET_SHA256:
		*ret = bytes_of(buffer, 32);
		return read_hex(text, buffer, 32);
	default:
		return read_address(set, text, buffer, ret);
	}
}

int dataset_put(struct dataset *set, struct bytes text, bool is_plain, uint16_t reputation, struct bytes json)
{
	uint8_t buffer[DATASET_VALUE_MAX + 3], scratch[16];
	struct bytes value;
	int error;

	if (!parse_value(set, text, is_plain, buffer, &value) || !normal_form(set, value, scratch, &value))
		return LUYTRE_E_SYNTAX;
	error = insert(set, value, reputation, json);
	return error < 0 ? error : 0;
}

static const char *const value_problems[] = { "bad base64 encoding", "no MD5 digest in hex", "no SHA-256 digest in hex",
	"no IPv4 address", "no address" };

/* "value" or "value,number". */
static int read_line(struct dataset *set, struct bytes line, bool reputation, const char **ret_problem)
{
	size_t comma = bytes_index(line, ',');
	struct bytes value = rule_text_trim(bytes_first(line, comma));
	uint64_t number = 0;
	int error;

	*ret_problem = "a number from 0 to 65535 is missing behind the value";
	if (reputation && comma == line.size)
		return LUYTRE_E_SYNTAX;
	if (comma != line.size &&
		(!rule_text_u64(rule_text_trim(bytes_skip(line, comma + 1)), &number) || number > UINT16_MAX))
		return LUYTRE_E_SYNTAX;
	error = dataset_put(set, value, false, (uint16_t)number, (struct bytes){ 0 });
	*ret_problem = error == LUYTRE_E_SYNTAX ? value_problems[set->type] : error_text(error, LUYTRE_LANG_EN);
	return error;
}

int dataset_read(struct dataset *set, struct bytes text, const struct dataset_options *options,
	char message[DATASET_MESSAGE_SIZE])
{
	unsigned int number = 0;

	if (options->format != DATASET_CSV)
		return dataset_read_json(set, text, options, message);
	while (text.size > 0) {
		size_t end = bytes_index(text, '\n');
		struct bytes line = rule_text_trim(bytes_first(text, end));
		const char *problem = NULL;
		int error;

		number++;
		text = bytes_skip(text, end + 1);
		error = line.size > 0 ? read_line(set, line, options->reputation, &problem) : 0;
		if (error < 0) {
			snprintf(message, DATASET_MESSAGE_SIZE, "data set %s, line %u: %s", set->name, number, problem);
			return error;
		}
	}
	return 0;
}

static int read_all(int fd, size_t size, uint8_t *out, size_t *ret_size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(fd, out + done, size - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_from_errno(errno);
		if (count == 0)
			break;
		done += (size_t)count;
	}
	*ret_size = done;
	return 0;
}

static int read_path(struct dataset *set, const char *path, const struct dataset_options *options, bool optional,
	char message[DATASET_MESSAGE_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	uint8_t *text = NULL;
	struct stat facts;
	size_t size = 0;

	if (fd < 0 && errno == ENOENT && optional)
		return 0;
	if (fd < 0 || fstat(fd, &facts) < 0)
		error = error_from_errno(errno);
	else if (!S_ISREG(facts.st_mode))
		error = LUYTRE_E_INVALID;
	else if ((uint64_t)facts.st_size > DATASET_FILE_MAX)
		error = LUYTRE_E_FULL;
	else if (!(text = malloc((size_t)facts.st_size + 1)))
		error = LUYTRE_E_NOMEM;
	if (!error)
		error = read_all(fd, (size_t)facts.st_size, text, &size);
	if (error)
		snprintf(message, DATASET_MESSAGE_SIZE, "data set %s: cannot read %.120s: %s", set->name, path,
			error_text(error, LUYTRE_LANG_EN));
	else
		error = dataset_read(set, bytes_of(text, size), options, message);
	free(text);
	if (fd >= 0)
		close(fd);
	return error;
}

/* ---- Saving ---- */

/* Bob Jenkins' hash "lookup3" (2006, public domain), which orders the values of a saved file: files of two runs with the
 * same values are the same, and the same as Suricata's with its hash seed switched off. */
static uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

static uint32_t word_at(struct bytes in, size_t at)
{
	uint32_t word = 0;

	for (size_t i = at; i < at + 4 && i < in.size; i++)
		word |= (uint32_t)in.ptr[i] << 8 * (i - at);
	return word;
}

static uint32_t save_hash(struct bytes in)
{
	static const uint8_t mix_bits[] = { 4, 6, 8, 16, 19, 4 }, final_bits[] = { 14, 11, 25, 16, 4, 14, 24 };
	uint32_t v[3] = { 0, 0, 0 };

	v[0] = v[1] = v[2] = 0xdeadbeef + (uint32_t)in.size;
	for (; in.size > 12; in = bytes_skip(in, 12)) {
		for (size_t i = 0; i < 3; i++)
			v[i] += word_at(in, 4 * i);
		for (size_t i = 0; i < 6; i++) {
			uint32_t *x = &v[i % 3], *y = &v[(i + 2) % 3], *z = &v[(i + 1) % 3];

			*x -= *y;
			*x ^= rotate(*y, mix_bits[i]);
			*y += *z;
		}
	}
	if (in.size == 0)
		return v[2];
	for (size_t i = 0; i < 3; i++)
		v[i] += word_at(in, 4 * i);
	for (size_t i = 0; i < 7; i++) {
		uint32_t *x = &v[(i + 2) % 3], *y = &v[(i + 1) % 3];

		*x ^= *y;
		*x -= rotate(*y, final_bits[i]);
	}
	return v[2];
}

struct saved {
	const struct entry *entry;
	uint64_t bucket;
};

static int compare_saved(const void *left, const void *right)
{
	const struct saved *a = left, *b = right;

	if (a->bucket != b->bucket)
		return a->bucket < b->bucket ? -1 : 1;
	return (a->entry->order < b->entry->order) - (a->entry->order > b->entry->order);
}

static void write_base64(FILE *file, struct bytes in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; in.size > 0; in = bytes_skip(in, 3)) {
		uint32_t group = (uint32_t)in.ptr[0] << 16;

		group |= in.size > 1 ? (uint32_t)in.ptr[1] << 8 : 0;
		group |= in.size > 2 ? in.ptr[2] : 0;
		fputc(digits[group >> 18], file);
		fputc(digits[group >> 12 & 63], file);
		fputc(in.size > 1 ? digits[group >> 6 & 63] : '=', file);
		fputc(in.size > 2 ? digits[group & 63] : '=', file);
	}
}

static void write_value(const struct dataset *set, FILE *file, struct bytes value)
{
	const uint8_t *b = value.ptr;

	switch (set->type) {
	case DATASET_STRING:
		write_base64(file, value);
		break;
	case DATASET_IPV4:
		fprintf(file, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		break;
	case DATASET_IP:
		if (memcmp(b, mapped_prefix, sizeof(mapped_prefix)) == 0) {
			fprintf(file, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
			break;
		}
		for (int i = 0; i < 16; i += 2)
			fprintf(file, "%s%02x%02x", i == 0 ? "" : ":", b[i], b[i + 1]);
		break;
	default:
		for (size_t i = 0; i < value.size; i++)
			fprintf(file, "%02x", b[i]);
		break;
	}
}

static struct saved *in_order(const struct dataset *set)
{
	struct saved *list = calloc(set->count + 1, sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; list && i < set->bucket_count; i++)
		for (const struct entry *entry = set->buckets[i]; entry; entry = entry->next)
			list[count++] = (struct saved){ entry,
				save_hash(bytes_of(entry->bytes, entry->size)) % set->hash_size };
	if (list)
		qsort(list, count, sizeof(*list), compare_saved);
	return list;
}

static int write_entries(const struct dataset *set, const struct saved *list, FILE *file)
{
	for (size_t i = 0; i < set->count; i++) {
		write_value(set, file, bytes_of(list[i].entry->bytes, list[i].entry->size));
		if (set->reputation)
			fprintf(file, ",%u", list[i].entry->reputation);
		fputc('\n', file);
	}
	return ferror(file) ? LUYTRE_E_IO : 0;
}

/* A reader of the file sees the old one or the new one, never half of it. */
static int save_to(const struct dataset *set, const char *path)
{
	struct saved *list = in_order(set);
	char *temporary = NULL;
	FILE *file = NULL;
	int error = list && asprintf(&temporary, "%s.new", path) > 0 ? 0 : LUYTRE_E_NOMEM;

	if (!error && !(file = fopen(temporary, "we")))
		error = error_from_errno(errno);
	if (!error)
		error = write_entries(set, list, file);
	if (file && fclose(file) != 0 && !error)
		error = LUYTRE_E_IO;
	if (!error && rename(temporary, path) < 0)
		error = error_from_errno(errno);
	if (error && file)
		unlink(temporary);
	free(temporary);
	free(list);
	return error;
}

static int save(struct dataset *set)
{
	int error;

	if (!set->save_path || !set->changed)
		return 0;
	pthread_rwlock_rdlock(&set->lock);
	error = save_to(set, set->save_path);
	pthread_rwlock_unlock(&set->lock);
	if (error)
		log_error("data set %s is not saved to %s: %s", set->name, set->save_path,
			error_text(error, LUYTRE_LANG_EN));
	else
		set->changed = false;
	return error;
}

/* ---- The registry ---- */

static void set_free(struct dataset *set)
{
	for (size_t i = 0; set->buckets && i < set->bucket_count; i++)
		while (set->buckets[i]) {
			struct entry *next = set->buckets[i]->next;

			free(set->buckets[i]);
			set->buckets[i] = next;
		}
	free(set->buckets);
	free(set->save_path);
	pthread_rwlock_destroy(&set->lock);
	free(set);
}

static struct dataset *set_new(const char *name, const struct dataset_options *options, uint64_t serial)
{
	struct dataset *set = calloc(1, sizeof(*set));
	const char *save_path = options->state_path ? options->state_path : options->save_path;

	if (!set)
		return NULL;
	pthread_rwlock_init(&set->lock, NULL);
	snprintf(set->name, sizeof(set->name), "%s", name);
	set->type = options->type;
	set->format = options->format;
	set->reputation = options->reputation;
	set->keep = options->keep;
	set->dynamic = !options->load_path || save_path || options->keep;
	set->serial = serial;
	set->memcap_size = options->memcap_size ? options->memcap_size : DATASET_MEMCAP_DEFAULT;
	set->hash_size = options->hash_size ? options->hash_size : DATASET_HASH_SIZE_DEFAULT;
	set->bucket_count = 256;
	set->buckets = calloc(set->bucket_count, sizeof(struct entry *));
	set->save_path = save_path ? strdup(save_path) : NULL;
	if (!set->buckets || (save_path && !set->save_path) || siphash_key_random(&set->key) < 0) {
		set_free(set);
		return NULL;
	}
	return set;
}

static struct dataset *find_set(const char *name, uint64_t serial)
{
	for (struct dataset *set = registry.first; set; set = set->next)
		if (strcmp(set->name, name) == 0 && (set->dynamic || set->serial == serial))
			return set;
	return NULL;
}

static int check_same(
	const struct dataset *set, const struct dataset_options *options, char message[DATASET_MESSAGE_SIZE])
{
	const char *problem = NULL;

	if (options->has_type && options->type != set->type)
		problem = "it has another type already";
	else if (options->reputation != set->reputation && !set->keep)
		problem = "it is a set with numbers in one place and without in another";
	if (!problem)
		return 0;
	snprintf(message, DATASET_MESSAGE_SIZE, "data set %s: %s", set->name, problem);
	return LUYTRE_E_CONFLICT;
}

static int make_set(const char *name, const struct dataset_options *options, uint64_t serial,
	char message[DATASET_MESSAGE_SIZE], struct dataset **ret)
{
	const char *path = options->load_path ? options->load_path : options->state_path;
	struct dataset *set;
	int error = 0;

	if (!options->has_type) {
		snprintf(message, DATASET_MESSAGE_SIZE, "data set %s is not defined: its type is missing", name);
		return LUYTRE_E_NOT_FOUND;
	}
	set = registry.count < DATASET_SETS_MAX ? set_new(name, options, serial) : NULL;
	if (!set) {
		snprintf(message, DATASET_MESSAGE_SIZE, "no memory for the data set %s, or too many sets", name);
		return LUYTRE_E_NOMEM;
	}
	if (path)
		error = read_path(set, path, options, !options->load_path, message);
	if (error < 0) {
		set_free(set);
		return error;
	}
	set->next = registry.first;
	registry.first = set;
	registry.count++;
	*ret = set;
	return 0;
}

int dataset_open(const char *name, const struct dataset_options *options, uint64_t serial,
	char message[DATASET_MESSAGE_SIZE], struct dataset **ret)
{
	struct dataset *set;
	int error;

	pthread_mutex_lock(&registry.lock);
	set = find_set(name, serial);
	error = set ? check_same(set, options, message) : make_set(name, options, serial, message, &set);
	if (!error) {
		set->reference_count++;
		*ret = set;
	}
	pthread_mutex_unlock(&registry.lock);
	return error;
}

void dataset_set_dynamic(struct dataset *set)
{
	set->dynamic = true;
}

void dataset_unref(struct dataset *set)
{
	struct dataset **link = &registry.first;

	if (!set)
		return;
	pthread_mutex_lock(&registry.lock);
	if (--set->reference_count == 0) {
		save(set);
		while (*link != set)
			link = &(*link)->next;
		if (!set->keep) {
			*link = set->next;
			registry.count--;
			set_free(set);
		}
	}
	pthread_mutex_unlock(&registry.lock);
}

int datasets_save(void)
{
	int error = 0;

	pthread_mutex_lock(&registry.lock);
	for (struct dataset *set = registry.first; set; set = set->next) {
		int problem = save(set);

		error = error ? error : problem;
	}
	pthread_mutex_unlock(&registry.lock);
	return error;
}
