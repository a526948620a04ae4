// SPDX-License-Identifier: Apache-2.0
// What the hub says in one word, for people: the shield's reasons come from its own list (scripts/web-reasons).
import reasons from '../api/reasons.json';
import { m } from '../i18n';
import { prefs } from './prefs.svelte';

export const reasonWords = (reason: string): string => (reasons as Record<string, { vi: string; en: string }>)[reason]?.[prefs.language] ?? reason;

export function signatureWords(event: { kind: string; signature?: string }): string {
  if (!event.signature) return m.kind[event.kind] ?? event.kind;
  return event.kind === 'drops' ? reasonWords(event.signature) : event.signature;
}
