// SPDX-License-Identifier: Apache-2.0
/* Preloaded into a program, it moves that program's real time: by as many seconds as the file that CLOCK_SHIFT names says (a signed
 * number of 64 bits in the order of the machine). The file may be written at any time; the clock jumps then. Monotonic time goes on as
 * always, as it does when somebody sets the clock of a machine. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_s;

__attribute__((constructor)) static void open_shift(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *place = file >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;

	if (place == MAP_FAILED)
		_exit(3); /* a test without its clock would prove nothing */
	close(file);
	shift_s = place;
}

/* The parameters' names in the headers are reserved ones. NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int error = (int)syscall(SYS_clock_gettime, clock, ret);

	/* Other libraries may look at the clock before this one is set up. */
	if (!error && shift_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += *shift_s;
	return error;
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
