// SPDX-License-Identifier: Apache-2.0
// Short sentences in the corner: what was done, what was refused and why.
import { Problem } from './api';
import { m } from '../i18n';

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

export const toasts = $state<Toast[]>([]);
let last = 0;

export function drop(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export function say(text: string, bad = false): void {
  const id = ++last;
  toasts.push({ id, text, bad });
  if (toasts.length > 4) toasts.shift();
  setTimeout(() => drop(id), bad ? 12_000 : 5_000);
}

/** A refusal in words: the hub's own sentence, and what is wrong where. */
export function sentence(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  if (error.status === 0) return m.problem.unreachable;
  if (error.type === 'changed') return m.problem.changed;
  const places = error.errors.map((one) => `${(one.pointer ?? one.parameter ?? '').replace(/^\//, '')}: ${one.detail}`);
  return [error.message, error.detail, ...places].filter(Boolean).join(' ');
}

export const sayProblem = (error: unknown) => say(sentence(error), true);
