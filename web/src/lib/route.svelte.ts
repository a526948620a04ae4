// SPDX-License-Identifier: Apache-2.0
// The page is what the address says: path, filters, time range. `tenant` and the range go along from page to page.
const GLOBAL = ['range', 'from', 'until', 'tenant'];

export const route = $state({ path: location.pathname, query: new URLSearchParams(location.search) });

function took() {
  route.path = location.pathname;
  route.query = new URLSearchParams(location.search);
}

/** The address of a page, with what goes along; a null takes a word out. */
export function href(path: string, query: Record<string, string | null | undefined> = {}): string {
  const next = new URLSearchParams();

  for (const key of GLOBAL) if (route.query.has(key)) next.set(key, route.query.get(key)!);
  for (const [key, value] of Object.entries(query)) {
    if (value) next.set(key, value);
    else next.delete(key);
  }
  const tail = next.toString().replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%2F', '/');
  return tail ? `${path}?${tail}` : path;
}

export function go(path: string, query: Record<string, string | null | undefined> = {}): void {
  history.pushState(null, '', href(path, query));
  took();
  scrollTo(0, 0);
}

/** Changes words of the address and stays on the page; what was typed replaces, what was clicked is a step back. */
export function set(words: Record<string, string | null | undefined>, replace = false): void {
  const all = Object.fromEntries(route.query);
  const to = href(route.path, { ...all, ...words });

  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  took();
}

export const word = (name: string): string => route.query.get(name) ?? '';
export const list = (name: string): string[] => word(name).split(',').filter(Boolean);

/** Links are links: middle click and copying work, a plain click stays in the page. */
function clicked(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest?.('a[href]');

  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL((link as HTMLAnchorElement).href);
  if (to.origin !== location.origin || link.hasAttribute('download') || link.hasAttribute('target') || to.pathname.startsWith('/api/')) return;
  event.preventDefault();
  history.pushState(null, '', to);
  took();
  scrollTo(0, 0);
}

addEventListener('popstate', took);
document.addEventListener('click', clicked);
