// SPDX-License-Identifier: Apache-2.0
/* Deciding by hand, lifting, lifting everything. An order is written down before it comes into force, and what it became after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/console/decisions.h"
#include "hub/console/operations.h"
#include "hub/console/settings.h"

enum { LIFTS_LOOKED_AT = 8 }; /* records about one decision, the newest */

void decision_settings_read(struct db *db, struct decision_settings *ret)
{
	struct console_settings settings;

	/* Without them the careful ones. */
	*ret = (struct decision_settings){ .two_persons_v4 = 24, .two_persons_v6 = 48 };
	if (settings_get(db, &settings))
		return;
	*ret = (struct decision_settings){ .two_persons_v4 = (uint8_t)settings.two_persons_above_v4,
		.two_persons_v6 = (uint8_t)settings.two_persons_above_v6,
		.enforced = settings.collective_blocks,
		.share_names = settings.share_tenant_names };
}

/* ---- Orders ---- */

bool decision_wish_check(const struct decision_settings *settings, struct decision_wish *wish)
{
	uint8_t level, least;

	if (!order_level(&wish->order, &level) ||
		ip_prefix_parse(bytes_from_str(wish->order.source), IP_PREFIX_MASK_HOST_BITS, &wish->prefix))
		return false;
	ip_prefix_format(&wish->prefix, wish->order.source);
	least = wish->prefix.addr.family == IP_V4 ? settings->two_persons_v4 : settings->two_persons_v6;
	wish->wide = wish->prefix.length < least;
	return wish->prefix.length > 0;
}

static void engine_order_of(const struct decision_wish *wish, struct observable *observable, struct engine_order *ret)
{
	observable_of_prefix(&wish->prefix, observable);
	*ret = (struct engine_order){ .observable = observable,
		.class = DECIDE_SCAN,
		.lifetime_s = wish->order.lifetime_s,
		.person = wish->order.person,
		.second_person = wish->order.second_person };
	(void)order_level(&wish->order, &ret->level);
}

int decision_wish_try(struct core *core, const struct decision_wish *wish, size_t *ret_good)
{
	struct observable observable;
	struct engine_order order;
	int error;

	engine_order_of(wish, &observable, &order);
	if (!order.second_person) /* whether there will be one is asked elsewhere */
		order.second_person = order.person ^ 1;
	core_lock(core);
	error = engine_order_try(core_engine(core), &order, ret_good);
	core_unlock(core);
	return error;
}

/* Under the core's lock. */
static int put_in_force(struct core *core, const struct decision_settings *settings, int64_t now_us,
	const struct decision_wish *wish, uint64_t *ret_decision)
{
	struct engine_decision decision;
	struct observable observable;
	struct engine_order order;
	int error;

	if (wish->order.tenant) {
		order_decision(&wish->order, &decision);
		decision.started_us = now_us;
		error = orders_put(core_orders(core), &decision);
		if (!error)
			engine_announce(core_engine(core), now_us, ENGINE_ADD, &decision);
		return error;
	}
	engine_order_of(wish, &observable, &order);
	engine_set_two_persons(core_engine(core), settings->two_persons_v4, settings->two_persons_v6);
	return engine_order(core_engine(core), now_us, &order, ret_decision);
}

/* The row says first that it holds: after a crash an order of a tenant is read again from it. */
static int enforce(struct core *core, struct db *db, const struct decision_settings *settings,
	const struct audit_origin *origin, struct decision_wish *wish)
{
	uint64_t decision = 0;
	int error, second;

	wish->order.state = ORDER_DONE;
	wish->order.expires_us = origin->now_us + wish->order.lifetime_s * INT64_C(1000000);
	error = order_update(db, origin, "decision.enforce", &wish->order);
	if (error)
		return error;
	core_lock(core);
	error = put_in_force(core, settings, origin->now_us, wish, &decision);
	core_unlock(core);
	wish->order.decision = decision;
	if (error)
		wish->order.state = ORDER_REFUSED;
	if (error || decision) {
		second = order_update(db, origin, error ? "decision.refuse" : "decision.stand", &wish->order);
		error = error ? error : second;
	}
	return error;
}

/* Whoever was told to send it again does: it was done, only not stored safely yet. */
static bool was_done(struct core *core, struct db *db, int64_t now_us, struct decision_wish *wish)
{
	const struct order *order = &wish->order;
	struct engine_decision decision;
	struct order before;
	bool stands;

	if (order_newest(db, order, &before) || before.state != ORDER_DONE ||
		before.changed_us < now_us - ORDERS_AGAIN_S * INT64_C(1000000) ||
		(before.person != order->person && before.second_person != order->person) ||
		before.lifetime_s != order->lifetime_s || before.shadow != order->shadow ||
		strcmp(before.action, order->action) != 0)
		return false;
	core_lock(core);
	if (before.tenant)
		stands = orders_find(core_orders(core), before.id) != NULL;
	else
		stands = before.decision && !engine_find(core_engine(core), before.decision, &decision) &&
			 decision.by_person;
	core_unlock(core);
	if (stands)
		wish->order = before;
	return stands;
}

int decision_wish_do(struct core *core, struct db *db, const struct decision_settings *settings,
	const struct audit_origin *origin, struct decision_wish *wish)
{
	int error = 0;

	if (!wish->order.id && was_done(core, db, origin->now_us, wish))
		return 0;
	if (!wish->order.id) {
		wish->order.state = ORDER_PENDING;
		error = order_create(db, origin, &wish->order);
	}
	if (error || (wish->wide && !wish->order.second_person))
		return error;
	return enforce(core, db, settings, origin, wish);
}

/* ---- createDecision ---- */

static bool read_tenant(struct api_reply *reply, const struct api_request *request, struct bytes text, uint32_t *ret)
{
	char copy[24], *end;
	unsigned long long id;

	*ret = 0;
	if (!text.ptr)
		return true;
	if (!bytes_to_str(text, copy, sizeof(copy))) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return false;
	}
	id = strtoull(copy, &end, 10);
	if (*end || id == 0 || id > UINT32_MAX) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return false;
	}
	*ret = (uint32_t)id;
	return console_allowed(request, reply, AUTH_DECISIONS_WRITE, *ret);
}

/* For everybody decides who may decide everywhere; others name a tenant. */
static bool may_decide_for_all(const struct api_request *request, struct api_reply *reply)
{
	if (auth_check(console_principal(request), console_worker_of(request)->tree, AUTH_DECISIONS_WRITE, 0))
		return true;
	api_reply_problem(reply, API_PROBLEM_FORBIDDEN,
		request->lang == LUYTRE_LANG_VI
			? "Quyết định cho mọi tổ chức thuộc thẩm quyền quốc gia; hãy nêu tổ chức của bạn."
			: "Decisions for everybody are the nation's; name your organisation.");
	return false;
}

static bool read_wish(struct api_request *request, struct api_reply *reply, struct decision_wish *ret, bool *ret_dry)
{
	const struct auth_principal *principal = console_principal(request);
	struct bytes source = { 0 }, action = { 0 }, reason = { 0 }, tenant = { 0 };
	struct jsonr_errors errors;
	struct order *order = &ret->order;
	struct jsonr body;
	int64_t lifetime_s = 0;

	*ret = (struct decision_wish){ .order = { .person = principal->account } };
	*ret_dry = false;
	api_body(request, &errors, &body);
	jsonr_string(&body, "source", JSONR_NEEDED, 1, IP_PREFIX_TEXT_SIZE - 1, &source);
	jsonr_string(&body, "action", JSONR_NEEDED, 1, ORDER_WORD_SIZE - 1, &action);
	jsonr_string(&body, "reason", JSONR_NEEDED, 3, 500, &reason);
	jsonr_string(&body, "tenant", JSONR_OPTIONAL, 1, 19, &tenant);
	jsonr_i64(&body, "lifetime_s", JSONR_NEEDED, 60, 2592000, &lifetime_s);
	jsonr_bool(&body, "shadow", JSONR_OPTIONAL, &order->shadow);
	jsonr_bool(&body, "dry_run", JSONR_OPTIONAL, ret_dry);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return false;
	}
	order->lifetime_s = (uint32_t)lifetime_s;
	(void)bytes_to_str(source, order->source, sizeof(order->source));
	(void)bytes_to_str(action, order->action, sizeof(order->action));
	(void)bytes_to_str(reason, order->reason, sizeof(order->reason));
	snprintf(order->owner, sizeof(order->owner), "%s", principal->name);
	if (!read_tenant(reply, request, tenant, &order->tenant))
		return false;
	return order->tenant || may_decide_for_all(request, reply);
}

/* Whoever ordered is not told that it holds before the next hub would know it. */
static void reply_unsettled(struct api_request *request, struct api_reply *reply)
{
	api_reply_problem(reply, API_PROBLEM_OVERLOADED,
		request->lang == LUYTRE_LANG_VI ? "Đã nhận nhưng chưa được lưu chắc chắn; hãy gửi lại."
						: "It was taken, but is not stored safely yet; send it again.");
}

static void reply_refusal(struct api_request *request, struct api_reply *reply, int error, size_t good)
{
	bool vi = request->lang == LUYTRE_LANG_VI;
	char text[256];

	if (error == LUYTRE_E_CONFLICT) {
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Nguồn này thuộc danh sách được bảo vệ hoặc là mồi nhử."
			   : "This source is on a list of protected addresses, or a decoy.");
	} else if (error == LUYTRE_E_RANGE) {
		snprintf(text, sizeof(text),
			vi ? "Sẽ chặn nhầm %zu khách hàng hợp lệ; quá nhiều."
			   : "It would stop %zu good clients: too many.",
			good);
		api_reply_problem(reply, API_PROBLEM_CONFLICT, text);
	} else if (error == LUYTRE_E_BUSY) {
		reply_unsettled(request, reply);
	} else {
		api_reply_error(reply, error, NULL);
	}
}

/* What it would be. Number 0: nothing was done. */
static void reply_dry(struct api_request *request, struct api_reply *reply, const struct decision_wish *wish)
{
	struct decision_view view;
	struct order order = wish->order;

	order.state = wish->wide ? ORDER_PENDING : ORDER_DONE;
	order.created_us = order.changed_us = console_now_us(request);
	order.expires_us = order.created_us + order.lifetime_s * INT64_C(1000000);
	decision_of_order(&order, order.created_us, &view);
	decision_write(api_reply_json(reply, 200), console_db(request), &view);
}

/* Somebody else asked for the same and waits. False: the reply says what is wrong. */
static bool join_waiting(struct api_request *request, struct api_reply *reply, struct decision_wish *wish)
{
	uint32_t person = wish->order.person;
	struct order waiting;

	if (!wish->wide || order_waiting(console_db(request), &wish->order, console_now_us(request), &waiting))
		return true;
	if (waiting.person == person) {
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			request->lang == LUYTRE_LANG_VI ? "Quyết định này của bạn đang chờ người thứ hai."
							: "This order of yours is waiting for a second person.");
		return false;
	}
	wish->order = waiting;
	wish->order.second_person = person;
	return true;
}

void handle_create_decision(struct api_request *request, struct api_reply *reply)
{
	struct decision_settings settings;
	struct decision_wish wish;
	struct decision_view view;
	struct console_call call;
	size_t good = 0;
	bool dry;
	int error;

	if (!read_wish(request, reply, &wish, &dry))
		return;
	decision_settings_read(console_db(request), &settings);
	if (!decision_wish_check(&settings, &wish)) {
		api_reply_error(reply, LUYTRE_E_INVALID, NULL);
		return;
	}
	error = decision_wish_try(console_core(request), &wish, &good);
	if (!error && dry) {
		reply_dry(request, reply, &wish);
		return;
	}
	if (!error && !join_waiting(request, reply, &wish))
		return;
	console_call(request, &call);
	if (!error)
		error = decision_wish_do(console_core(request), console_db(request), &settings, &call.origin, &wish);
	if (!error && wish.order.state != ORDER_PENDING)
		error = core_settle(console_core(request));
	if (error) {
		reply_refusal(request, reply, error, good);
		return;
	}
	if (wish.order.state == ORDER_PENDING)
		decision_publish(console_of(request), wish.order.id, wish.order.tenant, "put");
	if (!decision_find(request, reply, wish.order.decision ? wish.order.decision : wish.order.id, &view))
		return;
	api_reply_etag(reply, decision_revision(&view));
	decision_write(api_reply_json(reply, 201), console_db(request), &view);
}

/* ---- liftDecision ---- */

static bool read_reason(struct api_request *request, struct api_reply *reply, struct bytes *ret)
{
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	jsonr_string(&body, "reason", JSONR_NEEDED, 3, 500, ret);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

static int audit_lift(
	struct db *db, const struct audit_origin *origin, const struct decision_view *view, struct bytes reason)
{
	char subject[40], source[OBSERVABLE_TEXT_SIZE];
	const struct audit_field fields[] = { { "source", db_str(source) }, { "reason", db_text(reason) } };
	const struct audit_record record = { .action = "decision.lift",
		.subject = subject,
		.tenant = view->decision.tenant,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields) };

	snprintf(subject, sizeof(subject), "decision:%llu", (unsigned long long)view->id);
	decision_source(view, source);
	return audit_append(db, origin, &record);
}

/* An order that waits is refused; one that holds for a tenant is taken back. */
static int end_order(struct api_request *request, const struct audit_origin *origin, const struct decision_view *view)
{
	struct core *core = console_core(request);
	struct engine_decision gone;
	struct order order;
	int error = order_get(console_db(request), view->id, &order);

	if (error)
		return error;
	order.state = view->state == DECISION_PENDING ? ORDER_REFUSED : ORDER_LIFTED;
	error = order_update(console_db(request), origin, "decision.withdraw", &order);
	if (error || order.state == ORDER_REFUSED)
		return error;
	core_lock(core);
	if (!orders_remove(core_orders(core), view->id, &gone))
		engine_announce(core_engine(core), origin->now_us, ENGINE_DELETE, &gone);
	core_unlock(core);
	return core_settle(core);
}

int decision_lift(struct api_request *request, const struct decision_view *view)
{
	struct core *core = console_core(request);
	struct console_call call;
	struct order order;
	int error;

	console_call(request, &call);
	if (view->by_order)
		return end_order(request, &call.origin, view);
	core_lock(core);
	error = engine_lift(
		core_engine(core), console_now_us(request), view->id, console_principal(request)->account, true);
	core_unlock(core);
	if (!error && view->decision.by_person && !order_of_decision(console_db(request), view->id, &order)) {
		order.state = ORDER_LIFTED;
		error = order_update(console_db(request), &call.origin, "decision.withdraw", &order);
	}
	return error ? error : core_settle(core);
}

bool decision_lives(const struct decision_view *view)
{
	return view->state == DECISION_PENDING || view->state == DECISION_PROVISIONAL ||
	       view->state == DECISION_STANDING;
}

struct lifting {
	const struct audit_origin *origin;
	bool found;
};

static int take_lift(void *context, const struct audit_entry *entry)
{
	struct lifting *lifting = context;

	lifting->found = lifting->found ||
			 (bytes_equal_str(entry->action, "decision.lift") &&
				 bytes_equal_str(entry->actor, lifting->origin->actor) &&
				 entry->time_us >= lifting->origin->now_us - ORDERS_AGAIN_S * INT64_C(1000000));
	return 0;
}

/* Whether the same person lifted it just now, and sends that again. */
static bool was_lifted(struct db *db, const struct audit_origin *origin, uint64_t id)
{
	static const struct scope everything = { .all = true };
	struct lifting lifting = { .origin = origin };
	char subject[40];

	snprintf(subject, sizeof(subject), "decision:%llu", (unsigned long long)id);
	return !audit_each_of(db, &everything, subject, 0, LIFTS_LOOKED_AT, take_lift, &lifting) && lifting.found;
}

static int lift(struct api_request *request, const struct audit_origin *origin, const struct decision_view *view,
	struct bytes reason)
{
	int error = decision_lives(view) ? 0 : LUYTRE_E_CONFLICT;

	if (!error)
		error = audit_lift(console_db(request), origin, view, reason);
	if (!error)
		error = decision_lift(request, view);
	if (!error && view->state == DECISION_PENDING)
		decision_publish(console_of(request), view->id, view->decision.tenant, "lift");
	return error;
}

void handle_lift_decision(struct api_request *request, struct api_reply *reply)
{
	struct decision_view view;
	struct console_call call;
	struct bytes reason;
	uint64_t id;
	int error = 0;
	bool again;

	if (!console_path_id(request, reply, "decision", &id))
		return;
	console_call(request, &call);
	again = was_lifted(console_db(request), &call.origin, id);
	/* What was lifted is seen, as lifted, when that is stored. */
	if (again && core_settle(console_core(request))) {
		reply_unsettled(request, reply);
		return;
	}
	if (!decision_find(request, reply, id, &view))
		return;
	again = again && view.state == DECISION_LIFTED;
	if ((!again && !api_reply_matches(reply, decision_revision(&view))) || !read_reason(request, reply, &reason))
		return;
	if (view.decision.tenant ? !console_allowed(request, reply, AUTH_DECISIONS_WRITE, view.decision.tenant)
				 : !may_decide_for_all(request, reply))
		return;
	if (!again)
		error = lift(request, &call.origin, &view, reason);
	if (error == LUYTRE_E_BUSY) {
		reply_unsettled(request, reply);
		return;
	}
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	if (!decision_find(request, reply, view.id, &view))
		return;
	api_reply_etag(reply, decision_revision(&view));
	decision_write(api_reply_json(reply, 200), console_db(request), &view);
}

/* ---- undoAllDecisions ---- */

struct undo {
	uint32_t person;
};

static int run_undo(void *context, struct operation *operation, struct db *db)
{
	const struct undo *undo = context;
	struct audit_origin origin = operation_origin(operation);
	struct core *core = operation_console(operation)->core;
	size_t lifted;

	core_lock(core);
	lifted = engine_undo_all(core_engine(core), origin.now_us, undo->person);
	core_unlock(core);
	operation_result(operation, "lifted", lifted);
	operation_total(operation, lifted);
	(void)operation_step(operation, lifted, 0);
	return core_settle(core);
}

void handle_undo_all_decisions(struct api_request *request, struct api_reply *reply)
{
	struct undo *undo;
	struct operation_plan plan = { .kind = "undo-all", .run = run_undo, .release = free };
	struct audit_field field = { .name = "reason" };
	struct audit_record record = {
		.action = "decision.undo-all", .subject = "decisions", .fields = &field, .field_count = 1
	};
	struct console_call call;
	struct bytes reason;
	uint64_t id;
	int error;

	if (!read_reason(request, reply, &reason))
		return;
	console_call(request, &call);
	field.value = db_text(reason);
	error = audit_append(console_db(request), &call.origin, &record);
	undo = error ? NULL : malloc(sizeof(*undo));
	if (!undo) {
		api_reply_error(reply, error ? error : LUYTRE_E_NOMEM, NULL);
		return;
	}
	undo->person = console_principal(request)->account;
	plan.context = undo;
	error = operations_start(request, &plan, &id);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		operations_reply(request, reply, 202, id);
}
