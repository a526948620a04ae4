// SPDX-License-Identifier: Apache-2.0
/* What rules see of SMB. */
#include "base/error.h"
#include "sensor/app/smb/smb.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

static const struct smb_tx *smb_of(const struct app_tx *tx)
{
	return (const struct smb_tx *)tx;
}

static bool view_of(struct bytes part, struct app_view *ret)
{
	*ret = (struct app_view){ .data = part, .last = true };
	return part.ptr != NULL;
}

/* Whether a tree is a pipe is said by the answer. Until then the question is that of a share, as it is for Suricata; by its
 * reserved name it is that of a pipe too. */
static bool may_be_pipe(const struct smb_tree_connect *tree)
{
	if (tree->is_pipe || tree->answered || tree->name.size < 5)
		return tree->is_pipe;
	return bytes_equal_str(bytes_skip(tree->name, tree->name.size - 5), "\\IPC$");
}

static bool get_pipe(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return smb_of(tx)->kind == SMB_TX_TREE && may_be_pipe(smb_of(tx)->tree) && view_of(smb_of(tx)->tree->name, ret);
}

static bool get_share(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return smb_of(tx)->kind == SMB_TX_TREE && !smb_of(tx)->tree->is_pipe && view_of(smb_of(tx)->tree->name, ret);
}

static const struct smb_ntlmssp *ntlmssp_of(const struct app_tx *tx)
{
	return smb_of(tx)->kind == SMB_TX_SESSION ? smb_of(tx)->setup->ntlmssp : NULL;
}

static bool get_user(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct smb_ntlmssp *ntlmssp = ntlmssp_of(tx);

	return ntlmssp && view_of(ntlmssp->user, ret);
}

static bool get_domain(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct smb_ntlmssp *ntlmssp = ntlmssp_of(tx);

	return ntlmssp && view_of(ntlmssp->domain, ret);
}

#define REQUEST .dirs = DIR_TO_SERVER, .progress = { 0, 0 }

const struct app_buffer smb_buffers[] = {
	{ .name = "smb.named_pipe", .alias = "smb_named_pipe", REQUEST, .get = get_pipe },
	{ .name = "smb.share", .alias = "smb_share", REQUEST, .get = get_share },
	{ .name = "smb.ntlmssp_user", .alias = "smb_ntlmssp_user", REQUEST, .get = get_user },
	{ .name = "smb.ntlmssp_domain", .alias = "smb_ntlmssp_domain", REQUEST, .get = get_domain },
	DCERPC_STUB_BUFFER(SMB_COMPLETE),
	{ .name = "file.data",
		.alias = "file_data",
		.dirs = DIR_BOTH,
		.flags = APP_BUFFER_STREAMING | APP_BUFFER_FILE },
	{ .name = NULL },
};

/* ---- smb.version ---- */

struct version_wanted {
	uint8_t version;
};

static bool version_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return smb_of(target)->version == ((const struct version_wanted *)match->data)->version;
}

static const struct rule_match_ops version_ops = {
	.name = "smb.version", .target = RULE_TARGET_TX, .match = version_match
};

static int parse_version(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct version_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	uint32_t version;
	int error = rule_builder_protocol(builder, "smb");

	if (error != 0)
		return error;
	if (!wanted)
		return LUYTRE_E_NOMEM;
	if (!rule_text_u32(value, &version) || (version != 1 && version != 2))
		return rule_builder_error(builder, "smb.version is 1 or 2");
	for (const struct rule_match *at = rule_builder_rule(builder)->tx; at; at = at->next)
		if (at->ops == &version_ops)
			return rule_builder_error(builder, "smb.version can stand only once");
	wanted->version = (uint8_t)version;
	return rule_builder_add(builder, &version_ops, wanted) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword smb_keywords[] = {
	{ "smb.version", NULL, KEYWORD_QUOTES, parse_version, "the family of messages: 1, or 2 for SMB 2 and 3" },
	{ NULL, NULL, 0, NULL, NULL },
};
