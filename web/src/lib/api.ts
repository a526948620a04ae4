// SPDX-License-Identifier: Apache-2.0
// Questions to the hub, typed by its description: a path, a parameter or a body that the description does not know is a compile error.
import type { components, paths } from '../api/description';
import { readJson, writeJson } from './plain';

export type Schemas = components['schemas'];
type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<P extends keyof paths, V extends Verb> = V extends keyof paths[P] ? paths[P][V] : never;
export type PathsWith<V extends Verb> = { [P in keyof paths]: [paths[P][V & keyof paths[P]]] extends [undefined] ? never : P }[keyof paths];
export type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type Body<O> = O extends { requestBody: { content: infer C } } ? C[keyof C] : undefined;
type Content<R> = R extends { content: { 'application/json': infer T } } ? T : undefined;
export type Answer<O> = O extends { responses: infer R }
  ? R extends { 200: infer A } ? Content<A> : R extends { 201: infer A } ? Content<A> : R extends { 202: infer A } ? Content<A> : undefined
  : never;
export type GetPath = PathsWith<'get'>;
export type GetQuery<P extends GetPath> = Query<Operation<P, 'get'>>;
export type GetAnswer<P extends GetPath> = Answer<Operation<P, 'get'>>;

/** What the hub answers instead of success (RFC 9457); its title is in the language of the page. */
export class Problem extends Error {
  constructor(
    readonly type: string,
    readonly status: number,
    title: string,
    readonly detail?: string,
    readonly errors: { pointer?: string; parameter?: string; code: string; detail: string }[] = [],
    readonly instance?: string,
  ) {
    super(title);
  }
}

export const caller = {
  csrf: '',
  language: 'vi' as 'vi' | 'en',
  /** Called when the hub no longer knows us. */
  lost: () => {},
};

const BASE = '/api/v1';
const etags = new Map<string, string>();

export function address(path: string, params: Record<string, string> = {}, query?: object): string {
  const text = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    search.set(key, Array.isArray(value) ? value.join(',') : String(value));
  }
  const tail = search.toString();
  return BASE + text + (tail ? `?${tail}` : '');
}

async function failure(answer: Response): Promise<Problem> {
  try {
    const said = readJson(await answer.text()) as Schemas['Problem'];
    return new Problem(said.type, answer.status, said.title, said.detail, said.errors, said.instance);
  } catch {
    return new Problem('internal', answer.status, `HTTP ${answer.status}`);
  }
}

async function ask(verb: string, url: string, body: unknown, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  let answer: Response;

  headers['Accept-Language'] = caller.language;
  if (body !== undefined) headers['Content-Type'] = verb === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  if (verb !== 'GET' && caller.csrf) headers['X-CSRF-Token'] = caller.csrf;
  try {
    answer = await fetch(url, { method: verb, headers, signal, credentials: 'same-origin', body: body === undefined ? undefined : writeJson(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem('unreachable', 0, '');
  }
  if (!answer.ok) {
    const problem = await failure(answer);
    if (problem.type === 'unauthenticated') caller.lost();
    throw problem;
  }
  return answer;
}

async function read<T>(answer: Response, url: string): Promise<T> {
  const etag = answer.headers.get('ETag');

  if (etag) etags.set(url, etag);
  return (answer.status === 204 ? undefined : readJson(await answer.text())) as T;
}

export async function get<P extends GetPath>(path: P, params: Record<string, string> = {}, query?: GetQuery<P>, signal?: AbortSignal): Promise<GetAnswer<P>> {
  const url = address(path, params, query as object | undefined);
  return read(await ask('GET', url, undefined, {}, signal), url);
}

/** Not crypto.randomUUID, which a page over plain HTTP (behind a proxy of the house) does not have. */
const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

interface Change<O> {
  params?: Record<string, string>;
  body?: Body<O>;
  /** The revision that is changed; without it, when `ifMatch` is set, the one that was read last from that path. */
  revision?: number;
  /** The path whose revision is meant, where it is not the one that is called. */
  of?: string;
  ifMatch?: boolean;
}

async function change<P extends keyof paths, V extends Verb>(verb: V, path: P, options: Change<Operation<P, V>>): Promise<Answer<Operation<P, V>>> {
  const url = address(path, options.params);
  const headers: Record<string, string> = {};

  if (options.ifMatch || options.revision !== undefined) {
    const known = etags.get(address(options.of ?? path, options.params));
    headers['If-Match'] = options.revision !== undefined ? `"r${options.revision}"` : (known ?? '"r0"');
  }
  if (verb === 'post') headers['Idempotency-Key'] = randomKey();
  return read(await ask(verb.toUpperCase(), url, options.body, headers), url);
}

export const post = <P extends PathsWith<'post'>>(path: P, options: Change<Operation<P, 'post'>>) => change('post', path, options);
export const put = <P extends PathsWith<'put'>>(path: P, options: Change<Operation<P, 'put'>>) => change('put', path, options);
export const patch = <P extends PathsWith<'patch'>>(path: P, options: Change<Operation<P, 'patch'>>) => change('patch', path, options);
export const remove = <P extends PathsWith<'delete'>>(path: P, options: Change<Operation<P, 'delete'>> = {}) => change('delete', path, options);

/** A post that is answered with a file. */
export async function fetchFile(path: string, params: Record<string, string>, query: object, body: unknown): Promise<Blob> {
  return (await ask('POST', address(path, params, query), body, {})).blob();
}

/** A catalogue as the body; `tell` hears which share of it was sent. Not fetch, which does not know that. */
export function sendCatalogue(catalogue: string, file: Blob, tell: (share: number) => void): Promise<Schemas['CatalogueTaken']> {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();

    asked.open('PUT', address('/catalogues', {}, { catalogue }));
    asked.setRequestHeader('Accept-Language', caller.language);
    asked.setRequestHeader('Content-Type', 'application/octet-stream');
    if (caller.csrf) asked.setRequestHeader('X-CSRF-Token', caller.csrf);
    asked.upload.onprogress = (event) => event.lengthComputable && tell(event.loaded / event.total);
    asked.onerror = () => reject(new Problem('unreachable', 0, ''));
    asked.onload = () => {
      const answer = new Response(asked.responseText, { status: asked.status });

      if (answer.ok) resolve(readJson(asked.responseText) as Schemas['CatalogueTaken']);
      else void failure(answer).then(reject);
    };
    asked.send(file);
  });
}

/** A file as the body. */
export async function upload(path: string, query: object, file: Blob): Promise<Schemas['Import']> {
  const url = address(path, {}, query);
  const headers: Record<string, string> = { 'Accept-Language': caller.language, 'Content-Type': 'application/octet-stream' };
  let answer: Response;

  if (caller.csrf) headers['X-CSRF-Token'] = caller.csrf;
  try {
    answer = await fetch(url, { method: 'POST', headers, credentials: 'same-origin', body: file });
  } catch {
    throw new Problem('unreachable', 0, '');
  }
  if (!answer.ok) throw await failure(answer);
  return read(answer, url);
}
