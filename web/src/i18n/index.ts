// SPDX-License-Identifier: Apache-2.0
// The words of the console. `en` has the type of `vi`, so a word that lacks in one language does not compile.
import { prefs } from '../lib/prefs.svelte';
import { en } from './en';
import { vi } from './vi';

const catalogues = { vi, en };

/** m.nav.board is the word in the language of the page; reading it in a template follows the language. */
export const m: typeof vi = new Proxy(vi, { get: (_, section: keyof typeof vi) => catalogues[prefs.language][section] });

/** The word for a value of the API; a value that is newer than this console is shown as it is. */
export const wordOf = (words: Record<string, string>, value: string | null | undefined): string => (value ? (words[value] ?? value) : '—');
