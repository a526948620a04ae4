// SPDX-License-Identifier: Apache-2.0
// One stream of changes for the whole console. A page says which topics it shows; it is told at most once in two seconds
// that they changed, and reads again, so a storm of events costs the browser no more than a breeze.
export const TOPICS = ['overview', 'events', 'decisions', 'campaigns', 'edges', 'tenants', 'policies', 'findings', 'operations', 'settings'] as const;
export type Topic = (typeof TOPICS)[number];

const PAUSE_MS = 2000;

/** 'off' before log-in, 'live', or 'lost' while the browser tries again. */
export const live = $state<{ state: 'off' | 'live' | 'lost'; since: number }>({ state: 'off', since: 0 });

interface Listener {
  topics: ReadonlySet<string>;
  tell: () => void;
  told: number;
  timer: number;
}

const listeners = new Set<Listener>();
let source: EventSource | null = null;

function hear(listener: Listener): void {
  if (listener.timer) return;
  const wait = Math.max(0, listener.told + PAUSE_MS - Date.now());
  listener.timer = setTimeout(() => {
    listener.timer = 0;
    listener.told = Date.now();
    if (!document.hidden) listener.tell();
    else document.addEventListener('visibilitychange', () => listeners.has(listener) && listener.tell(), { once: true });
  }, wait);
}

export function subscribe(topics: readonly Topic[], tell: () => void): () => void {
  const listener: Listener = { topics: new Set(topics), tell, told: Date.now(), timer: 0 };

  listeners.add(listener);
  return () => {
    clearTimeout(listener.timer);
    listeners.delete(listener);
  };
}

function mark(state: 'off' | 'live' | 'lost'): void {
  if (live.state !== state) {
    live.state = state;
    live.since = Date.now();
  }
}

export function connect(): void {
  if (source) return;
  source = new EventSource(`/api/v1/stream?topics=${TOPICS.join(',')}`);
  source.onopen = () => {
    if (live.state === 'lost') for (const listener of listeners) hear(listener);
    mark('live');
  };
  source.onerror = () => {
    mark('lost');
    // A refusal (not a broken line) closes it for good; then the next try is ours.
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => live.state === 'lost' && connect(), 10_000);
    }
  };
  source.addEventListener('resync', () => {
    for (const listener of listeners) hear(listener);
  });
  for (const topic of TOPICS)
    source.addEventListener(topic, () => {
      for (const listener of listeners) if (listener.topics.has(topic)) hear(listener);
    });
}

export function disconnect(): void {
  source?.close();
  source = null;
  mark('off');
}
