// SPDX-License-Identifier: Apache-2.0
// Texts from outside (titles of findings, names, requests) may hold characters that are not seen but change what is: U+202E turns "exe.fdp"
// into "pdf.exe". Every answer of the hub is read here, and such a character becomes its number in brackets, wherever it is shown then.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** The same as it stands in JSON, escaped or not; what is not there need not be looked for in each text. */
const ESCAPED = /\\u(?:00[01789a]|061c|180e|20[0-6]|feff|fff[9-b]|db40)/i;

/** Of what is shown otherwise than it came, how it came: a form sends back as it was what nobody has edited. The oldest go first. */
const came = new Map<string, string>();
const CAME_MAX = 2000, CAME_TEXT_MAX = 4096;

export function plain(text: string): string {
  const shown = text.replace(HIDDEN, (one) => `[U+${one.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`);

  if (shown !== text && shown.length <= CAME_TEXT_MAX) {
    came.delete(shown);
    came.set(shown, text);
    if (came.size > CAME_MAX) came.delete(came.keys().next().value!);
  }
  return shown;
}

export function readJson(text: string): unknown {
  HIDDEN.lastIndex = 0;
  return HIDDEN.test(text) || ESCAPED.test(text) ? JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? plain(value) : value)) : JSON.parse(text);
}

/** The body of a request. A text that stands as it was shown goes as it came; an edited one goes as the person left it. */
export const writeJson = (body: unknown): string => JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? (came.get(value) ?? value) : value));
