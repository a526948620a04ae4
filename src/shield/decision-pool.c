// SPDX-License-Identifier: Apache-2.0
#include "shield/decision-pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "shield/decisions.h"

int decision_pool_init(struct decision_pool *pool, uint32_t limit, uint32_t run_size)
{
	*pool = (struct decision_pool){ .limit = limit, .run_size = run_size };
	/* The system gives its pages when they are written first: numbers that never return cost nothing. */
	pool->link = calloc(limit ? limit : 1, sizeof(*pool->link));
	if (!pool->link)
		return LUYTRE_E_NOMEM;
	decision_pool_reset(pool);
	return 0;
}

void decision_pool_done(struct decision_pool *pool)
{
	free(pool->link);
	*pool = (struct decision_pool){ 0 };
}

void decision_pool_reset(struct decision_pool *pool)
{
	pool->next = 1;
	pool->used = 0;
	memset(pool->free, 0, sizeof(pool->free));
	memset(pool->returned, 0, sizeof(pool->returned));
	memset(pool->waiting, 0, sizeof(pool->waiting));
}

static void list_push(struct decision_pool *pool, struct decision_pool_list *list, uint32_t number)
{
	pool->link[number] = list->head;
	list->head = number;
	if (list->count++ == 0)
		list->tail = number;
}

static uint32_t list_pop(struct decision_pool *pool, struct decision_pool_list *list)
{
	uint32_t number = list->head;

	if (number) {
		list->head = pool->link[number];
		list->count--;
	}
	return number;
}

/* Moves all of 'from' in front of 'to'. */
static void list_splice(struct decision_pool *pool, struct decision_pool_list *from, struct decision_pool_list *to)
{
	if (from->count == 0)
		return;
	pool->link[from->tail] = to->head;
	if (to->count == 0)
		to->tail = from->tail;
	to->head = from->head;
	to->count += from->count;
	*from = (struct decision_pool_list){ 0 };
}

static uint32_t class_size(const struct decision_pool *pool, enum decision_pool_class class_id)
{
	return class_id == DECISION_POOL_RUN ? pool->run_size : 1;
}

void decision_pool_turn(struct decision_pool *pool, uint64_t now_ns)
{
	bool waited = now_ns >= pool->waiting_since_ns && now_ns - pool->waiting_since_ns >= DECISIONS_GRACE_NS;
	bool waits = false;

	for (uint32_t i = 0; i < DECISION_POOL_CLASSES; i++) {
		if (waited) {
			pool->used -= pool->waiting[i].count * class_size(pool, i);
			list_splice(pool, &pool->waiting[i], &pool->free[i]);
		}
		waits |= pool->waiting[i].count > 0;
	}
	if (waits)
		return;
	for (uint32_t i = 0; i < DECISION_POOL_CLASSES; i++)
		list_splice(pool, &pool->returned[i], &pool->waiting[i]);
	pool->waiting_since_ns = now_ns;
}

bool decision_pool_has(const struct decision_pool *pool, enum decision_pool_class class_id, uint32_t count)
{
	uint64_t fresh = pool->next < pool->limit ? pool->limit - pool->next : 0;

	if (class_id == DECISION_POOL_RUN)
		return pool->free[DECISION_POOL_RUN].count > 0 || fresh >= pool->run_size;
	return fresh + pool->free[DECISION_POOL_SINGLE].count +
		       (uint64_t)pool->free[DECISION_POOL_RUN].count * pool->run_size >=
	       count;
}

static uint32_t take_fresh(struct decision_pool *pool, uint32_t size)
{
	uint32_t number = pool->next;

	if (number > pool->limit || pool->limit - number < size)
		return 0;
	pool->next += size;
	return number;
}

/* Makes a free run into free singles; false when there is none. */
static bool split_run(struct decision_pool *pool)
{
	uint32_t run = list_pop(pool, &pool->free[DECISION_POOL_RUN]);

	for (uint32_t i = 0; run && i < pool->run_size; i++)
		list_push(pool, &pool->free[DECISION_POOL_SINGLE], run + i);
	return run != 0;
}

uint32_t decision_pool_take(struct decision_pool *pool, enum decision_pool_class class_id)
{
	uint32_t size = class_size(pool, class_id), number = list_pop(pool, &pool->free[class_id]);

	if (!number)
		number = take_fresh(pool, size);
	if (!number && class_id == DECISION_POOL_SINGLE && split_run(pool))
		number = list_pop(pool, &pool->free[class_id]);
	if (number)
		pool->used += size;
	return number;
}

void decision_pool_return(struct decision_pool *pool, enum decision_pool_class class_id, uint32_t number)
{
	list_push(pool, &pool->returned[class_id], number);
}
