// SPDX-License-Identifier: Apache-2.0
/* Histograms of rates, quick percentiles, and their saved form (see baseline.h). */
#include "shield/baseline.h"

#include <math.h>

#include "base/cursor.h"
#include "base/siphash.h"

#define BUCKETS_PER_OCTAVE 4
#define QUICK_STEP_MIN     0.0005f
#define QUICK_BALANCE      (0.05f / 0.95f)
#define QUICK_MEAN_WEIGHT  (1.0f / 64)

static const char magic[8] = "LuyTreBL";

/* A checksum against damage, not against forgery: the key is no secret. */
static const struct siphash_key checksum_key = { 0x6261736c696e6531, 0x6c75797472652e31 };

enum record_kind { RECORD_RATES = 1, RECORD_QUICK = 2 };

static unsigned int bucket_of(double rate)
{
	int bucket;

	if (!(rate >= 1))
		return 0;
	bucket = 1 + (int)(log2(rate) * BUCKETS_PER_OCTAVE);
	return bucket < BASELINE_BUCKETS ? (unsigned int)bucket : BASELINE_BUCKETS - 1;
}

static double bucket_floor(unsigned int bucket)
{
	return bucket == 0 ? 0 : exp2((double)(bucket - 1) / BUCKETS_PER_OCTAVE);
}

static void baseline_halve(struct baseline *baseline)
{
	baseline->total = 0;
	for (int i = 0; i < BASELINE_BUCKETS; i++) {
		baseline->count[i] /= 2;
		baseline->total += baseline->count[i];
	}
}

void baseline_add(struct baseline *baseline, double rate, bool unusual)
{
	uint32_t thin = baseline->total >= BASELINE_YOUNG ? BASELINE_THIN : 1;

	if (unusual && thin < BASELINE_THIN_UNUSUAL)
		thin = BASELINE_THIN_UNUSUAL;
	if (++baseline->thin < thin)
		return;
	baseline->thin = 0;
	baseline->count[bucket_of(rate)]++;
	if (++baseline->total >= BASELINE_WINDOW)
		baseline_halve(baseline);
}

double baseline_quantile(const struct baseline *baseline, double quantile)
{
	double wanted = quantile * baseline->total, seen = 0;

	if (baseline->total == 0)
		return 0;
	for (unsigned int i = 0; i < BASELINE_BUCKETS; i++) {
		double low = bucket_floor(i), high = bucket_floor(i + 1);

		if (seen + baseline->count[i] >= wanted && baseline->count[i])
			return low + (high - low) * (wanted - seen) / baseline->count[i];
		seen += baseline->count[i];
	}
	return bucket_floor(BASELINE_BUCKETS);
}

/* How far an estimate moves at once: less and less as it ages, so that it cannot be led up quickly. */
static float quick_step(const struct baseline_quick *quick)
{
	float step = 1.0f / (float)quick->seconds;

	return step > QUICK_STEP_MIN ? step : QUICK_STEP_MIN;
}

void baseline_quick_add(struct baseline_quick *quick, double rate, double harmless)
{
	float value = rate > 0 ? (float)rate : 0;

	if (quick->seconds < BASELINE_WARM) {
		/* Too few to speak of percentiles: the highest so far, and the plain mean. */
		quick->high = value > quick->high ? value : quick->high;
		quick->mean += (value - quick->mean) / (float)(quick->seconds + 1);
	} else {
		float step = quick_step(quick), up = quick->high * (1 + step);

		if (value > quick->high)
			quick->high = fminf(value, fmaxf(up, (float)harmless));
		else
			quick->high *= 1 - step * QUICK_BALANCE;
		quick->mean += (value - quick->mean) * QUICK_MEAN_WEIGHT;
	}
	if (quick->seconds < UINT16_MAX)
		quick->seconds++;
}

void baseline_quick_idle(struct baseline_quick *quick, uint32_t seconds)
{
	uint32_t after = quick->seconds + (seconds < UINT16_MAX ? seconds : UINT16_MAX);

	if (quick->seconds >= BASELINE_WARM)
		quick->high *= powf(1 - quick_step(quick) * QUICK_BALANCE, (float)seconds);
	quick->mean *= powf(1 - QUICK_MEAN_WEIGHT, (float)seconds);
	quick->seconds = (uint16_t)(after < UINT16_MAX ? after : UINT16_MAX);
}

/* ---- The saved form ---- */

static void put(struct baseline_writer *writer, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		writer->data[writer->used++] = (uint8_t)(value >> (8 * i));
}

static bool has_room(struct baseline_writer *writer, size_t size)
{
	if (writer->full || writer->size - writer->used < size)
		writer->full = true;
	return !writer->full;
}

void baseline_write_begin(struct baseline_writer *writer, uint8_t *data, size_t size)
{
	*writer = (struct baseline_writer){ .data = data, .size = size };
	if (has_room(writer, BASELINE_HEADER_SIZE))
		writer->used = BASELINE_HEADER_SIZE;
}

void baseline_write_rates(
	struct baseline_writer *writer, const struct baseline_rates_key *key, const struct baseline *baseline)
{
	size_t buckets = 0;

	for (int i = 0; i < BASELINE_BUCKETS; i++)
		buckets += baseline->count[i] != 0;
	if (!has_room(writer, 12 + buckets * 3))
		return;
	put(writer, RECORD_RATES, 1);
	put(writer, key->owner, 8);
	put(writer, key->class_id, 1);
	put(writer, key->metric, 1);
	put(writer, buckets, 1);
	for (unsigned int i = 0; i < BASELINE_BUCKETS; i++) {
		if (baseline->count[i]) {
			put(writer, i, 1);
			put(writer, baseline->count[i], 2);
		}
	}
}

/* Rates are stored in sixteenths. */
static uint32_t rate_stored(float rate)
{
	return rate < (float)(1u << 27) ? (uint32_t)(rate * 16) : 1u << 31;
}

void baseline_write_quick(
	struct baseline_writer *writer, const struct baseline_quick_key *key, const struct baseline_quick *quick)
{
	if (!has_room(writer, BASELINE_QUICK_SIZE))
		return;
	put(writer, RECORD_QUICK, 1);
	put(writer, key->owner, 8);
	put(writer, key->level, 1);
	put(writer, key->family, 1);
	memcpy(writer->data + writer->used, &key->address, sizeof(key->address));
	writer->used += sizeof(key->address);
	put(writer, rate_stored(quick->high), 4);
	put(writer, rate_stored(quick->mean), 4);
	put(writer, quick->seconds, 2);
}

int baseline_write_end(struct baseline_writer *writer, size_t *ret_used)
{
	size_t used = writer->used;

	if (writer->full)
		return LUYTRE_E_FULL;
	memcpy(writer->data, magic, sizeof(magic));
	writer->used = sizeof(magic);
	put(writer, BASELINE_VERSION, 4);
	put(writer, used - BASELINE_HEADER_SIZE, 4);
	put(writer, siphash24(checksum_key, writer->data + BASELINE_HEADER_SIZE, used - BASELINE_HEADER_SIZE), 8);
	writer->used = used;
	*ret_used = used;
	return 0;
}

static bool read_rates(struct cursor *cur, const struct baseline_reader *reader)
{
	struct baseline_rates_key key;
	struct baseline baseline = { 0 };
	uint8_t buckets;

	if (!cursor_u64le(cur, &key.owner) || !cursor_u8(cur, &key.class_id) || !cursor_u8(cur, &key.metric) ||
		!cursor_u8(cur, &buckets))
		return false;
	for (int i = 0; i < buckets; i++) {
		uint8_t bucket;
		uint16_t count;

		if (!cursor_u8(cur, &bucket) || !cursor_u16le(cur, &count) || bucket >= BASELINE_BUCKETS ||
			baseline.count[bucket] || !count)
			return false;
		baseline.count[bucket] = count;
		baseline.total += count;
	}
	if (baseline.total >= BASELINE_WINDOW)
		return false;
	if (reader)
		reader->rates(reader->user, &key, &baseline);
	return true;
}

static bool read_quick(struct cursor *cur, const struct baseline_reader *reader)
{
	struct baseline_quick_key key;
	struct baseline_quick quick;
	uint32_t high, mean;

	if (!cursor_u64le(cur, &key.owner) || !cursor_u8(cur, &key.level) || !cursor_u8(cur, &key.family) ||
		!cursor_copy(cur, sizeof(key.address), &key.address) || !cursor_u32le(cur, &high) ||
		!cursor_u32le(cur, &mean) || !cursor_u16le(cur, &quick.seconds))
		return false;
	quick.high = (float)high / 16;
	quick.mean = (float)mean / 16;
	if (reader)
		reader->quick(reader->user, &key, &quick);
	return true;
}

/* With a null reader it only checks. */
static bool read_records(struct bytes body, const struct baseline_reader *reader)
{
	struct cursor cur = cursor_over(body);
	uint8_t kind;

	while (cursor_u8(&cur, &kind)) {
		if (kind == RECORD_RATES ? !read_rates(&cur, reader)
					 : kind != RECORD_QUICK || !read_quick(&cur, reader))
			return false;
	}
	return true;
}

int baseline_read(struct bytes data, const struct baseline_reader *reader)
{
	struct cursor cur = cursor_over(data);
	struct bytes head, body;
	uint32_t version, size;
	uint64_t checksum;

	if (!cursor_take(&cur, sizeof(magic), &head))
		return LUYTRE_E_TRUNCATED;
	if (!bytes_equal(head, bytes_of(magic, sizeof(magic))))
		return LUYTRE_E_VERSION;
	if (!cursor_u32le(&cur, &version))
		return LUYTRE_E_TRUNCATED;
	if (version != BASELINE_VERSION)
		return LUYTRE_E_VERSION;
	if (!cursor_u32le(&cur, &size) || !cursor_u64le(&cur, &checksum) || !cursor_take(&cur, size, &body))
		return LUYTRE_E_TRUNCATED;
	if (cursor_left(&cur) || siphash24(checksum_key, body.ptr, body.size) != checksum || !read_records(body, NULL))
		return LUYTRE_E_CORRUPT;
	(void)read_records(body, reader); /* just checked */
	return 0;
}
