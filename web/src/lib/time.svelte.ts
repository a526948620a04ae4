// SPDX-License-Identifier: Apache-2.0
// Times are shown in Asia/Ho_Chi_Minh, with UTC on hover. The range of the whole console stands in the address: either
// ?range=24h, which goes along with the clock, or ?from=…&until=…, which stands still.
import { prefs } from './prefs.svelte';
import { route, set } from './route.svelte';

export const ZONE = 'Asia/Ho_Chi_Minh';
export const RANGES = { '1h': 3600, '6h': 21600, '24h': 86400, '7d': 604800, '30d': 2592000 } as const;
export type RangeName = keyof typeof RANGES;

/** A clock that ticks each half minute, so that "three minutes ago" and ranges that follow the clock stay true. */
export const clock = $state({ now: Date.now() });
setInterval(() => (clock.now = Date.now()), 30_000);

export interface Span {
  name: RangeName | null;
  from: Date;
  until: Date;
}

export function span(): Span {
  const from = Date.parse(route.query.get('from') ?? ''), until = Date.parse(route.query.get('until') ?? '');
  const said = (route.query.get('range') ?? '24h') as RangeName;
  const name = said in RANGES ? said : '24h';

  if (from < until) return { name: null, from: new Date(from), until: new Date(until) };
  return { name, from: new Date(clock.now - RANGES[name] * 1000), until: new Date(clock.now) };
}

export const pickRange = (name: RangeName) => set({ range: name === '24h' ? null : name, from: null, until: null });
export const pickSpan = (from: Date, until: Date) =>
  set({ range: null, from: from.toISOString().slice(0, 19) + 'Z', until: until.toISOString().slice(0, 19) + 'Z' });

/** Parameters of the API for the range: whole minutes, so that the answer is that of a roll-up. */
export function spanQuery(): { from: string; until?: string } {
  const { name, from, until } = span();
  const minute = (date: Date) => new Date(Math.floor(date.getTime() / 60_000) * 60_000).toISOString();

  return name ? { from: minute(from) } : { from: from.toISOString(), until: until.toISOString() };
}

/** A step that gives some hundred points, out of a list that people can read. */
export function stepSeconds(): number {
  const { from, until } = span();
  const wanted = (until.getTime() - from.getTime()) / 1000 / 96;

  return [60, 300, 900, 1800, 3600, 7200, 21600, 86400].find((step) => step >= wanted) ?? 86400;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = prefs.language + JSON.stringify(options);
  let made = formats.get(key);

  if (!made) {
    made = new Intl.DateTimeFormat(prefs.language === 'vi' ? 'vi-VN' : 'en-GB', { timeZone: ZONE, hourCycle: 'h23', ...options });
    formats.set(key, made);
  }
  return made;
}

const valid = (at: string | Date | null | undefined): Date | null => {
  const date = at ? new Date(at) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
};

const sameDay = (date: Date) => {
  const day = format({ day: '2-digit', month: '2-digit', year: 'numeric' });
  return day.format(date) === day.format(clock.now);
};

/** "08:12:03", and with the date when it is another day than today. */
export function shortTime(at: string | Date | null | undefined): string {
  const date = valid(at);
  if (!date) return '—';
  const clockTime = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date);
  return sameDay(date) ? clockTime : `${format({ day: '2-digit', month: '2-digit' }).format(date)} ${clockTime}`;
}

export function fullTime(at: string | Date | null | undefined): string {
  const date = valid(at);
  if (!date) return '—';
  return `${format({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(date)} ${format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date)}`;
}

/** For axes: hours within a day, days beyond. */
export function axisTime(seconds: number, withDate: boolean): string {
  return format(withDate ? { day: '2-digit', month: '2-digit' } : { hour: '2-digit', minute: '2-digit' }).format(seconds * 1000);
}

export const utcTime = (at: string | Date | null | undefined): string => {
  const date = valid(at);
  return date ? date.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC') : '';
};

/** "in 2 hours", "3 minutes ago", in the language of the page. */
export function relativeTime(at: string | Date | null | undefined): string {
  const date = valid(at);
  if (!date) return '—';
  const words = new Intl.RelativeTimeFormat(prefs.language, { numeric: 'auto' });
  const seconds = (date.getTime() - clock.now) / 1000, size = Math.abs(seconds);

  if (size < 60) return words.format(Math.round(seconds), 'second');
  if (size < 3600) return words.format(Math.round(seconds / 60), 'minute');
  if (size < 172800) return words.format(Math.round(seconds / 3600), 'hour');
  return words.format(Math.round(seconds / 86400), 'day');
}
