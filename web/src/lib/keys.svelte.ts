// SPDX-License-Identifier: Apache-2.0
// The keyboard: "g" and a letter goes to a page, "/" searches, "?" helps; a list takes j, k, Enter and its own letters.
import { go } from './route.svelte';

export const PAGES: [key: string, path: string, word: 'board' | 'tenants' | 'events' | 'campaigns' | 'shield' | 'decisions' | 'posture' | 'findings' | 'assessments' | 'incidents' | 'policies' | 'edges' | 'users' | 'audit' | 'settings' | 'lookups'][] = [
  ['b', '/', 'board'], ['t', '/tenants', 'tenants'], ['e', '/events', 'events'], ['c', '/campaigns', 'campaigns'], ['s', '/shield', 'shield'], ['d', '/decisions', 'decisions'], ['o', '/posture', 'posture'], ['f', '/findings', 'findings'], ['a', '/assessments', 'assessments'], ['i', '/incidents', 'incidents'], ['r', '/look-ups', 'lookups'],
  ['p', '/policies', 'policies'], ['n', '/edges', 'edges'], ['u', '/users', 'users'], ['l', '/audit', 'audit'], ['x', '/settings', 'settings'],
];

export const help = $state({ open: false });
const lists: ((key: string) => boolean)[] = [];
const globals: Record<string, () => void> = {};
let waiting = 0;

/** A list that listens; the one that came last is asked first. Returns how to stop. */
export function listen(take: (key: string) => boolean): () => void {
  lists.push(take);
  return () => void lists.splice(lists.indexOf(take), 1);
}

export function bind(key: string, act: () => void): void {
  globals[key] = act;
}

const typing = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target)) {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
    return;
  }
  if (document.querySelector('dialog[open]')) return;
  // Enter and the space bar belong to the button or link that has the focus.
  if ((event.key === 'Enter' || event.key === ' ') && event.target instanceof Element && event.target.closest('a, button, summary, [role=button]')) return;
  const within = Date.now() - waiting < 1200;
  waiting = 0;
  const page = within ? PAGES.find(([key]) => key === event.key) : undefined;
  if (page) {
    event.preventDefault();
    go(page[1]);
  } else if (event.key === 'g') {
    waiting = Date.now();
  } else if (event.key === '?') {
    help.open = true;
  } else if ([...lists].reverse().some((take) => take(event.key))) {
    event.preventDefault();
  } else if (globals[event.key]) {
    event.preventDefault();
    globals[event.key]!();
  }
}

document.addEventListener('keydown', pressed);
