// SPDX-License-Identifier: Apache-2.0
/* The API itself: whether it answers, and its description. */
#include "hub/console/internal.h"

void handle_get_health(struct api_request *request, struct api_reply *reply)
{
	struct jsonw *json = api_reply_json(reply, 200);

	jsonw_object_begin(json);
	jsonw_kv_string(json, "state", "up");
	jsonw_kv_string(json, "version", LUYTRE_VERSION);
	console_kv_time(json, "time", console_now_us(request));
	console_kv_text_or_null(
		json, "sign_on", console_of(request)->oidc ? oidc_name(console_of(request)->oidc) : NULL);
	jsonw_object_end(json);
}

void handle_get_description(struct api_request *request, struct api_reply *reply)
{
	api_reply_bytes(reply, 200, "application/json", hub_table.description);
}

/* The server itself answers streams: whoever comes here asked in another way than the description says. */
void handle_get_stream(struct api_request *request, struct api_reply *reply)
{
	api_reply_problem(reply, API_PROBLEM_UNSUPPORTED, NULL);
}
