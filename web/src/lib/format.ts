// SPDX-License-Identifier: Apache-2.0
// Numbers as the reader writes them: 1.234,5 in Vietnamese, 1,234.5 in English.
import { prefs } from './prefs.svelte';

const locale = () => (prefs.language === 'vi' ? 'vi-VN' : 'en-GB');

export const whole = (value: number | null | undefined): string => (value == null ? '—' : new Intl.NumberFormat(locale()).format(Math.round(value)));
export const decimal = (value: number | null | undefined, digits = 1): string =>
  value == null ? '—' : new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
export const percent = (value: number | null | undefined, digits = 0): string =>
  value == null ? '—' : new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits }).format(value);

/** "1,2 tr", "812 N": short enough for an axis, in the words of the language. */
export const short = (value: number): string => new Intl.NumberFormat(locale(), { notation: 'compact', maximumFractionDigits: 1 }).format(value);

/** "2 h 30 min"; for lags below a minute with one decimal. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return '—';
  const vi = prefs.language === 'vi';
  const units: [number, string, string][] = [[86400, 'ngày', 'd'], [3600, 'giờ', 'h'], [60, 'phút', 'min'], [1, 'giây', 's']];

  if (seconds < 60) return `${decimal(seconds)} ${vi ? 'giây' : 's'}`;
  const parts: string[] = [];
  let left = Math.round(seconds);
  for (const [size, viWord, enWord] of units) {
    const count = Math.floor(left / size);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${vi ? viWord : enWord}`);
    left -= count * size;
  }
  return parts.join(' ');
}

export const protocolName = (number: number | undefined): string =>
  ({ 1: 'ICMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 50: 'ESP', 58: 'ICMPv6', 132: 'SCTP' })[number ?? -1] ?? (number === undefined ? '' : `IP ${number}`);

export const endpoint = (host: string | null | undefined, port: number | undefined): string =>
  !host ? '—' : !port ? host : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
