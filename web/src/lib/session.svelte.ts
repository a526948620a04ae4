// SPDX-License-Identifier: Apache-2.0
// Who is logged in, and what they may do; the console shows no button that the hub would refuse.
import { caller, get, post, Problem, put, remove, type Schemas } from './api';
import { connect, disconnect } from './live.svelte';
import { choose, untouched } from './prefs.svelte';
import { forget } from './resource.svelte';

export type Permission = Schemas['Permission'];

export const session = $state<{
  state: 'asking' | 'out' | 'in' | 'unreachable';
  who: Schemas['Session'] | null;
}>({ state: 'asking', who: null });

export function enter(who: Schemas['Session']): void {
  session.who = who;
  session.state = 'in';
  caller.csrf = who.csrf;
  if (untouched) choose({ language: who.language });
  if (ready()) connect();
}

/** Nothing holds them back: no password to change, no second factor to set up first. */
export function ready(): boolean {
  return session.who !== null && !session.who.password_expired && session.who.second_factor !== 'required';
}

function left(): void {
  disconnect();
  forget();
  caller.csrf = '';
  session.who = null;
  session.state = 'out';
}
caller.lost = left;

export async function ask(): Promise<void> {
  try {
    enter(await get('/session'));
  } catch (error) {
    if (error instanceof Problem && error.status === 0) session.state = 'unreachable';
    else left();
  }
}

export async function logIn(login: string, password: string, code: string): Promise<void> {
  enter(await post('/session', { body: code ? { login, password, code } : { login, password } }));
}

/** Away to the provider, which sends the browser back to /sign-on. */
export async function signOn(): Promise<void> {
  location.assign((await post('/session/oidc', {})).url);
}

export async function signedOn(code: string, state: string, iss: string | null): Promise<void> {
  enter(await put('/session/oidc', { body: iss ? { code, state, iss } : { code, state } }));
}

export async function logOut(): Promise<void> {
  try {
    await remove('/session');
  } finally {
    left();
  }
}

export const may = (permission: Permission): boolean => session.who?.permissions.includes(permission) ?? false;
