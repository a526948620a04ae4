// SPDX-License-Identifier: Apache-2.0
#include "hub/tenants/tree.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/tenants/tenants.h"

struct node {
	uint32_t id, parent;
	uint32_t parent_at, child_at, sibling_at; /* positions among the nodes; NONE */
	uint32_t order, end; /* its run in 'ids' */
};

enum { NONE = UINT32_MAX };

struct tenants_tree {
	atomic_uint holders;
	int64_t generation;
	struct node *nodes; /* owned; by id */
	uint32_t *ids; /* owned; each before those below it */
	size_t count, room;
};

static int row_add(void *context, const struct db_value *columns, size_t column_count)
{
	struct tenants_tree *tree = context;

	if (tree->count == tree->room) {
		size_t room = tree->room ? 2 * tree->room : 256;
		struct node *grown = realloc(tree->nodes, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		tree->nodes = grown;
		tree->room = room;
	}
	tree->nodes[tree->count++] = (struct node){ .id = (uint32_t)columns[0].integer,
		.parent = (uint32_t)columns[1].integer,
		.parent_at = NONE,
		.child_at = NONE,
		.sibling_at = NONE };
	return 0;
}

static struct node *find(const struct tenants_tree *tree, uint32_t id)
{
	size_t low = 0, high = tree->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tree->nodes[middle].id == id)
			return &tree->nodes[middle];
		if (tree->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* From the back, so that children are listed by id. */
static int link_nodes(struct tenants_tree *tree, uint32_t *ret_first)
{
	*ret_first = NONE;
	for (size_t i = tree->count; i-- > 0;) {
		struct node *node = &tree->nodes[i], *parent = node->parent ? find(tree, node->parent) : NULL;
		uint32_t *list = parent ? &parent->child_at : ret_first;

		if (node->parent && !parent)
			return LUYTRE_E_CORRUPT;
		if (parent)
			node->parent_at = (uint32_t)(parent - tree->nodes);
		node->sibling_at = *list;
		*list = (uint32_t)i;
	}
	return 0;
}

/* Down, then to the side, then up; nodes of a circle are never reached. */
static int order_nodes(struct tenants_tree *tree, uint32_t at)
{
	uint32_t order = 0;

	while (at != NONE) {
		struct node *node = &tree->nodes[at];

		node->order = order;
		tree->ids[order++] = node->id;
		if (node->child_at != NONE) {
			at = node->child_at;
			continue;
		}
		for (;;) {
			tree->nodes[at].end = order;
			if (tree->nodes[at].sibling_at != NONE) {
				at = tree->nodes[at].sibling_at;
				break;
			}
			at = tree->nodes[at].parent_at;
			if (at == NONE)
				break;
		}
	}
	return order == tree->count ? 0 : LUYTRE_E_CORRUPT;
}

int tenants_tree_load(struct db *db, struct tenants_tree **ret)
{
	struct tenants_tree *tree = calloc(1, sizeof(*tree));
	uint32_t first = NONE;
	int error;

	if (!tree)
		return LUYTRE_E_NOMEM;
	atomic_init(&tree->holders, 1);
	/* The generation first: what changes between the two is read again by the next refresh. */
	error = tenants_generation(db, &tree->generation);
	if (!error)
		error = db_each(db, "select id, parent from tenant order by id", DB_NO_ARGS, row_add, tree);
	if (!error) {
		tree->ids = malloc((tree->count + 1) * sizeof(*tree->ids));
		error = tree->ids ? link_nodes(tree, &first) : LUYTRE_E_NOMEM;
	}
	if (!error)
		error = order_nodes(tree, first);
	if (error)
		tenants_tree_unref(tree);
	else
		*ret = tree;
	return error;
}

int tenants_tree_refresh(struct db *db, struct tenants_tree **tree)
{
	struct tenants_tree *newer;
	int64_t generation = 0;
	int error = tenants_generation(db, &generation);

	if (error || (*tree && (*tree)->generation == generation))
		return error;
	error = tenants_tree_load(db, &newer);
	if (error)
		return error;
	tenants_tree_unref(*tree);
	*tree = newer;
	return 0;
}

struct tenants_tree *tenants_tree_ref(struct tenants_tree *tree)
{
	atomic_fetch_add_explicit(&tree->holders, 1, memory_order_relaxed);
	return tree;
}

void tenants_tree_unref(struct tenants_tree *tree)
{
	if (!tree || atomic_fetch_sub_explicit(&tree->holders, 1, memory_order_acq_rel) != 1)
		return;
	free(tree->nodes);
	free(tree->ids);
	free(tree);
}

size_t tenants_tree_count(const struct tenants_tree *tree)
{
	return tree->count;
}

bool tenants_tree_has(const struct tenants_tree *tree, uint32_t tenant)
{
	return find(tree, tenant) != NULL;
}

uint32_t tenants_tree_parent(const struct tenants_tree *tree, uint32_t tenant)
{
	const struct node *node = find(tree, tenant);

	return node ? node->parent : 0;
}

bool tenants_tree_inside(const struct tenants_tree *tree, uint32_t tenant, uint32_t ancestor)
{
	const struct node *node = find(tree, tenant), *above = find(tree, ancestor);

	return node && above && node->order >= above->order && node->order < above->end;
}

const uint32_t *tenants_tree_below(const struct tenants_tree *tree, uint32_t tenant, size_t *ret_count)
{
	const struct node *node = find(tree, tenant);

	*ret_count = node ? node->end - node->order : 0;
	return node ? tree->ids + node->order : NULL;
}
