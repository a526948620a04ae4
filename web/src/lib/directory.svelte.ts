// SPDX-License-Identifier: Apache-2.0
// Names of organisations and edges: answers of the hub carry numbers. The first thousand are read at once, others when they are met.
import { SvelteMap } from 'svelte/reactivity';
import { get, type Schemas } from './api';
import { may } from './session.svelte';

type Tenant = Schemas['Tenant'];
type Edge = Schemas['Edge'];

export const tenants = new SvelteMap<string, Tenant>();
export const edges = new SvelteMap<string, Edge>();
const asked = new Set<string>();

export async function readDirectory(): Promise<void> {
  const read: Promise<unknown>[] = [];

  asked.clear();
  if (may('tenants.read')) read.push(get('/tenants', {}, { limit: 1000 }).then((answer) => answer.items.forEach((tenant) => tenants.set(tenant.id, tenant))));
  if (may('edges.read')) read.push(get('/edges', {}, { limit: 1000 }).then((answer) => answer.items.forEach((edge) => edges.set(edge.id, edge))));
  await Promise.allSettled(read);
}

/** At most once for each number, and not while a template is being read. */
function fetchOnce(key: string, read: () => Promise<unknown>): void {
  if (asked.has(key) || asked.size > 5000) return;
  asked.add(key);
  setTimeout(() => void read().catch(() => undefined), 0);
}

export function tenantName(id: string | null | undefined, nobody: string): string {
  if (!id || id === '0') return nobody;
  const known = tenants.get(id);
  if (!known && may('tenants.read')) fetchOnce(`t${id}`, async () => tenants.set(id, await get('/tenants/{tenant}', { tenant: id })));
  return known ? known.name : `#${id}`;
}

export function edgeName(id: string | null | undefined): string {
  if (!id || id === '0') return '—';
  const known = edges.get(id);
  if (!known && may('edges.read')) fetchOnce(`e${id}`, async () => edges.set(id, await get('/edges/{edge}', { edge: id })));
  return known ? known.name : `#${id}`;
}
