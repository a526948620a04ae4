// SPDX-License-Identifier: Apache-2.0
// An answer of the hub that a page shows: read when its address changes, shown from memory meanwhile, read again when
// the live stream says that its topic changed.
import { untrack } from 'svelte';
import { address, get, Problem, type GetAnswer, type GetPath, type GetQuery } from './api';
import { subscribe, type Topic } from './live.svelte';
import { prefs } from './prefs.svelte';

export interface Resource<T> {
  readonly data: T | undefined;
  readonly problem: Problem | null;
  readonly loading: boolean;
  reload(): void;
  /** Shows something before the hub has confirmed it. */
  assume(change: (data: T) => T): void;
}

const remembered = new Map<string, unknown>();
const REMEMBERED_MAX = 60;

export function forget(): void {
  remembered.clear();
}

function remember(key: string, value: unknown): void {
  remembered.delete(key);
  remembered.set(key, value);
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!);
}

interface Asked<P extends GetPath> {
  params?: Record<string, string>;
  query?: GetQuery<P>;
}

/** `ask` is read as an effect: what it reads is what the answer depends on; null asks nothing. */
export function resource<P extends GetPath>(path: P, ask: () => Asked<P> | null, topics: Topic[] = []): Resource<GetAnswer<P>> {
  let data = $state.raw<GetAnswer<P> | undefined>(undefined);
  let problem = $state.raw<Problem | null>(null);
  let loading = $state(true);
  let turn = $state(0);
  let shown = '';

  $effect(() => {
    const asked = ask();
    void turn;
    void prefs.language;
    if (!asked) {
      loading = false;
      return;
    }
    const key = address(path, asked.params, asked.query as object | undefined);
    const stop = new AbortController();
    // The range follows the clock, so keys differ each minute; what differs only there may stay on the screen.
    const kind = key.replace(/([?&])(from|until)=[^&]*/g, '$1');
    untrack(() => {
      if (kind !== shown) data = remembered.get(kind) as GetAnswer<P> | undefined;
      shown = kind;
      loading = data === undefined;
    });
    get(path, asked.params, asked.query, stop.signal).then(
      (answer) => {
        if (stop.signal.aborted) return;
        data = answer;
        problem = null;
        loading = false;
        remember(kind, answer);
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        problem = error instanceof Problem ? error : new Problem('internal', 0, String(error));
        loading = false;
      },
    );
    return () => stop.abort();
  });

  if (topics.length > 0) $effect(() => subscribe(topics, () => turn++));

  return {
    get data() {
      return data;
    },
    get problem() {
      return problem;
    },
    get loading() {
      return loading;
    },
    reload: () => void turn++,
    assume: (changed) => {
      if (data !== undefined) data = changed(data);
    },
  };
}
