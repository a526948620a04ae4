// SPDX-License-Identifier: Apache-2.0
/* The sensor's end of the control socket (docs/sensor.md): base/control.h has the server, top.c what the requests do. */
#include "base/control.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/worker/sensor-internal.h"

enum { REPLY_MAX_SIZE = 16 << 20, CLIENT_IDLE_S = 60 };

static enum control_answer run_line(void *context, char *line, struct jsonw *out)
{
	jsonw_object_begin(out);
	if (!sensor_command(context, line, out))
		return CONTROL_LATER;
	jsonw_object_end(out);
	return CONTROL_ANSWERED;
}

static void write_reload(void *context, struct jsonw *out)
{
	jsonw_object_begin(out);
	sensor_write_reload(context, out);
	jsonw_object_end(out);
}

void sensor_control_reloaded(struct sensor *sensor)
{
	control_server_answer(sensor->control, write_reload, sensor);
}

int sensor_control_open(struct sensor *sensor, const char *path)
{
	const struct control_options options = { .path = path,
		.reply_max_size = REPLY_MAX_SIZE,
		.idle_s = CLIENT_IDLE_S,
		.run = run_line,
		.context = sensor };
	char why[256];
	int error = control_server_open(sensor->loop, &options, why, sizeof(why), &sensor->control);

	if (error == LUYTRE_E_SYSTEM)
		log_error("%s", why);
	return error;
}

void sensor_control_close(struct sensor *sensor)
{
	control_server_close(sensor->control);
	sensor->control = NULL;
}
