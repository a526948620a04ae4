// SPDX-License-Identifier: Apache-2.0
// A list that goes on: the first page is a resource, which is read again when something changes; what follows is asked for by hand and goes
// when the first page is another.
import type { Resource } from './resource.svelte';
import { sayProblem } from './toast.svelte';

interface Page<T> {
  items: T[];
  next: string | null;
}

export interface More<T> {
  readonly items: T[];
  /** Whether there is more to ask for. */
  readonly goesOn: boolean;
  load: () => Promise<void>;
}

/** `read` asks for the page at a cursor, with the filters of the first. */
export function more<T>(first: Resource<Page<T>>, read: (cursor: string) => Promise<Page<T>>): More<T> {
  let behind = $state.raw<T[]>([]);
  let next = $state<string | null>(null);
  let turn = 0;

  $effect(() => {
    behind = [];
    next = first.data?.next ?? null;
    turn++;
  });
  const items = $derived([...(first.data?.items ?? []), ...behind]);

  return {
    get items() {
      return items;
    },
    get goesOn() {
      return next !== null;
    },
    async load() {
      const asked = turn;
      try {
        const page = await read(next!);
        if (asked !== turn) return;
        behind = [...behind, ...page.items];
        next = page.next;
      } catch (error) {
        sayProblem(error);
      }
    },
  };
}
