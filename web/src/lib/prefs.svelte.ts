// SPDX-License-Identifier: Apache-2.0
// What a person chose for this browser: language, light or dark, density of tables.
import { caller } from './api';

export type Language = 'vi' | 'en';
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'luytre';

function stored(): Partial<{ language: Language; theme: Theme; dense: boolean }> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    return {};
  }
}

const before = stored();

export const prefs = $state({
  language: (before.language === 'en' ? 'en' : 'vi') as Language,
  theme: (before.theme ?? 'system') as Theme,
  dense: before.dense ?? false,
  /** What the eye sees, whoever chose it. */
  dark: false,
});

const system = matchMedia('(prefers-color-scheme: dark)');

export function apply(): void {
  prefs.dark = prefs.theme === 'dark' || (prefs.theme === 'system' && system.matches);
  document.documentElement.lang = prefs.language;
  document.documentElement.dataset.theme = prefs.dark ? 'dark' : 'light';
  document.documentElement.dataset.density = prefs.dense ? 'dense' : 'normal';
  caller.language = prefs.language;
}

export function choose(changes: Partial<{ language: Language; theme: Theme; dense: boolean }>): void {
  Object.assign(prefs, changes);
  apply();
  try {
    localStorage.setItem(KEY, JSON.stringify({ language: prefs.language, theme: prefs.theme, dense: prefs.dense }));
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}

/** True when nothing was chosen here yet, so that the account's own language may come in. */
export const untouched = before.language === undefined;

system.addEventListener('change', apply);
apply();
