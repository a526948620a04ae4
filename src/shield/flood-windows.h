// SPDX-License-Identifier: Apache-2.0
/* Where sampled packets wait and stay: a part of the flood detection.
 *
 * A sample of a calm tenant waits WINDOWS_DELAY_MS in the tenant's waiting room, because the first packets of a flood
 * come before it is noticed; then it joins the tenant's peace: up to WINDOWS_PEACE_MAX samples (half as many when there
 * are more than WINDOWS_TENANTS_MANY tenants), filled fast and then renewed at random places, with a mean age of
 * WINDOWS_PEACE_S. When the tenant is suspected the waiting room is emptied and one of FLOOD_CAPTURES_MAX windows is
 * given to it: a ring of the newest samples, for as long as the suspicion or the attack lasts.
 *
 * Memory: taken at once in windows_new(), used as tenants get traffic: 64 KiB to 146 KiB for each. */
#pragma once

#include "shield/signature.h"

enum {
	FLOOD_CAPTURES_MAX = 64,
	WINDOWS_PEACE_MAX = 2048,
	WINDOWS_TENANTS_MANY = 256,
	WINDOWS_WAITING_MAX = 256,
	WINDOWS_CAPTURE_MAX = 2048,
	WINDOWS_DELAY_MS = 3000,
	WINDOWS_PEACE_S = 4 * 3600,
};

struct windows;

struct windows *windows_new(uint32_t tenants, uint32_t tick_ms, uint64_t seed);
void windows_free(struct windows *windows);

/* sample->tick is now. */
void windows_add(struct windows *windows, uint32_t tenant, const struct signature_sample *sample);

/* Lets those in whose time has come; about once a second. */
void windows_mature(struct windows *windows, uint32_t tenant, uint32_t tick);

/* False when all windows are in use. Asking again is fine. */
bool windows_capture(struct windows *windows, uint32_t tenant);
void windows_release(struct windows *windows, uint32_t tenant);

/* Views that are valid until the next call that changes the tenant. The window is in no order. */
const struct signature_sample *windows_peace(const struct windows *windows, uint32_t tenant, size_t *ret_count);
const struct signature_sample *windows_captured(const struct windows *windows, uint32_t tenant, size_t *ret_count);

void windows_forget(struct windows *windows, uint32_t tenant);

/* Peace moves with its tenant: slot i becomes new_slot[i], a permutation of all slots. All windows are released. */
void windows_rebind(struct windows *windows, const uint16_t *new_slot);

uint64_t windows_skipped(const struct windows *windows);
uint64_t windows_refused(const struct windows *windows);
