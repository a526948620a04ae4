// SPDX-License-Identifier: Apache-2.0
/* Actions that write something when the rule matches: setvar, expirevar, initcol, setenv, setsid and the like, and
 * xmlns. */

#include "base/ascii.h"
#include "gate/seclang/internal.h"

static size_t offset_of(const struct sec_item *item, struct bytes part)
{
	return (size_t)(part.ptr - item->arg->text.ptr);
}

static bool check_macros(const struct sec_item *item, struct bytes part)
{
	return part.size == 0 || sec_macro_check(item->rules, item->line, item->arg, offset_of(item, part), part);
}

/* The first '=' outside of %{...}, or the size. */
static size_t find_equals(struct bytes text)
{
	bool inside = false;

	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] == '{' && i > 0 && text.ptr[i - 1] == '%')
			inside = true;
		else if (text.ptr[i] == '}')
			inside = false;
		else if (text.ptr[i] == '=' && !inside)
			return i;
	}
	return text.size;
}

/* "tx.name" or "tx:name". */
static bool read_key(const struct sec_item *item, struct bytes text, struct sec_action *action)
{
	size_t point = 0;

	while (point < text.size && text.ptr[point] != '.' && text.ptr[point] != ':')
		point++;
	action->collection = variable_find(sec_trim(bytes_first(text, point)));
	action->name = sec_trim(bytes_skip(text, point + 1));
	if (action->collection == VARIABLE_COUNT || variables[action->collection].shape != VARIABLE_STORE) {
		sec_error_rest(item->rules, item->line, sec_arg_position(item->line, item->arg, offset_of(item, text)),
			SEC_EXPECTING_ACTION, "rules can write to tx, ip, session, user, global and resource");
		return false;
	}
	if (action->name.size == 0)
		return sec_item_refuse(item, "a name stands behind the collection, as in tx.score");
	return check_macros(item, action->name);
}

static struct sec_action *append(const struct sec_item *item, struct sec_draft *draft, enum sec_action_kind kind)
{
	struct sec_action *action = sec_append(item->rules, &draft->actions, sizeof(*action));

	if (action)
		*action = (struct sec_action){ .kind = kind, .collection = VARIABLE_COUNT };
	return action;
}

bool sec_read_setvar(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes text = sec_trim(item->value), value = item->value;
	struct sec_action *action = append(item, draft, SEC_ACTION_SETVAR);
	size_t equals;

	if (!action)
		return false;
	if (text.size && text.ptr[0] == '!') {
		action->setvar = SEC_SETVAR_UNSET;
		return read_key(item, bytes_skip(text, 1), action);
	}
	equals = find_equals(value);
	if (!read_key(item, sec_trim(bytes_first(value, equals)), action))
		return false;
	if (equals == value.size) {
		action->value = bytes_from_str("1");
		return true;
	}
	action->value = bytes_skip(value, equals + 1);
	if (action->value.size && (action->value.ptr[0] == '+' || action->value.ptr[0] == '-')) {
		action->setvar = action->value.ptr[0] == '+' ? SEC_SETVAR_ADD : SEC_SETVAR_SUBTRACT;
		action->value = bytes_skip(action->value, 1);
	}
	item->rules->column_shift++;
	return check_macros(item, action->value);
}

bool sec_read_expirevar(const struct sec_item *item, struct sec_draft *draft, int number)
{
	size_t equals = find_equals(item->value);
	struct sec_action *action = append(item, draft, SEC_ACTION_EXPIREVAR);

	if (!action)
		return false;
	if (equals == item->value.size)
		return sec_item_refuse(item, "expirevar takes collection.name=seconds");
	action->value = sec_unquote(sec_trim(bytes_skip(item->value, equals + 1)));
	return read_key(item, sec_trim(bytes_first(item->value, equals)), action) && check_macros(item, action->value);
}

bool sec_read_initcol(const struct sec_item *item, struct sec_draft *draft, int number)
{
	size_t equals = find_equals(item->value);
	struct bytes name = sec_trim(bytes_first(item->value, equals));
	struct sec_action *action = append(item, draft, SEC_ACTION_INITCOL);

	if (!action)
		return false;
	if (equals == item->value.size)
		return sec_item_refuse(item, "initcol takes collection=key");
	action->name = name;
	action->collection = variable_find(name);
	action->value = sec_unquote(sec_trim(bytes_skip(item->value, equals + 1)));
	if (action->collection != VARIABLE_IP && action->collection != VARIABLE_GLOBAL &&
		action->collection != VARIABLE_RESOURCE)
		return sec_item_error(item,
			"Something wrong with initcol: collection must be `ip', `global' or `resource' "
			"(setsid and setuid open session and user)");
	return check_macros(item, action->value);
}

bool sec_read_setenv(const struct sec_item *item, struct sec_draft *draft, int number)
{
	size_t equals = find_equals(item->value);
	struct bytes name = sec_trim(bytes_first(item->value, equals));
	struct sec_action *action = append(item, draft, SEC_ACTION_SETENV);

	if (!action)
		return false;
	if (name.size && name.ptr[0] == '!') {
		action->setvar = SEC_SETVAR_UNSET;
		name = bytes_skip(name, 1);
	}
	if (name.size == 0)
		return sec_item_refuse(item, "setenv takes name=value");
	action->name = name;
	action->value = bytes_skip(item->value, equals + 1);
	return check_macros(item, name) && check_macros(item, action->value);
}

bool sec_read_setid(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct sec_action *action = append(item, draft, (enum sec_action_kind)number);

	if (!action)
		return false;
	action->value = sec_trim(item->value);
	return check_macros(item, action->value);
}

bool sec_read_xmlns(const struct sec_item *item, struct sec_draft *draft, int number)
{
	struct bytes text = item->value, old = draft->rule.xmlns, name, href;
	size_t equals = bytes_index(text, '=');
	uint8_t *joined;

	if (equals == text.size)
		return sec_item_error(item, "XMLS: Bad format, missing equals sign.");
	name = sec_trim(bytes_first(text, equals));
	href = sec_unquote(sec_trim(bytes_skip(text, equals + 1)));
	if (name.size == 0 || href.size == 0)
		return sec_item_error(item, "XMLS: XMLNS is invalid. Expecting a name=value format.");
	if (!ascii_starts_nocase_str(href, "http"))
		return sec_item_error(item, "XMLS: Missing xmlns href for prefix: `%.*s'.",
			(int)(href.size < 200 ? href.size : 200), (const char *)href.ptr);
	joined = sec_alloc(item->rules, old.size + 1 + name.size + 1 + href.size);
	if (!joined)
		return false;
	if (old.size) {
		memcpy(joined, old.ptr, old.size);
		joined[old.size++] = ' ';
	}
	memcpy(joined + old.size, name.ptr, name.size);
	joined[old.size + name.size] = '=';
	memcpy(joined + old.size + name.size + 1, href.ptr, href.size);
	draft->rule.xmlns = bytes_of(joined, old.size + name.size + 1 + href.size);
	return true;
}
