// SPDX-License-Identifier: Apache-2.0
// The provider, a browser, and all that a token can be wrong in. Each browser comes from an address of its own, for the API counts
// attempts to log in by address.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const luytre = process.env.LUYTRE;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'luytre-sign-on-'));
const file = (name) => path.join(dir, name);
const b64 = (data) => Buffer.from(data).toString('base64url');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => Math.floor(Date.now() / 1000);

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// ---- Keys and tokens ----

const rsa = (bits) => crypto.generateKeyPairSync('rsa', { modulusLength: bits });
const ec = (curve) => crypto.generateKeyPairSync('ec', { namedCurve: curve });
const jwk = (pair, kid, more = {}) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig', ...more });

const keys = { rs: rsa(2048), ps: rsa(2048), es: ec('P-256'), weak: rsa(1024), es384: ec('P-384'), enc: rsa(2048), stranger: rsa(2048) };
let published = [
  jwk(keys.rs, 'rs', { alg: 'RS256' }), jwk(keys.ps, 'ps'), jwk(keys.es, 'es'), jwk(keys.weak, 'weak'), jwk(keys.es384, 'es384'),
  jwk(keys.enc, 'enc', { use: 'enc' }), { kty: 'oct', kid: 'oct', k: b64('a secret of everybody'), alg: 'HS256' },
];

function sign(alg, key, text) {
  switch (alg) {
    case 'RS256': return crypto.sign('sha256', text, key);
    case 'PS256': return crypto.sign('sha256', text, { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'ES256': return crypto.sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' });
    case 'ES384': return crypto.sign('sha384', text, { key, dsaEncoding: 'ieee-p1363' });
    case 'HS256': return crypto.createHmac('sha256', key).update(text).digest();
    default: return Buffer.alloc(0);
  }
}

function token(header, claims, key) {
  const text = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(claims))}`;
  return `${text}.${b64(sign(header.alg, key, Buffer.from(text)))}`;
}

const byRs = (claims) => token({ alg: 'RS256', kid: 'rs' }, claims, keys.rs.privateKey);

// ---- The provider ----

const provider = { make: byRs, person: {}, mangle: (claims) => claims, answer: null, asked: 0, keysAsked: 0 };
const codes = new Map();
let issuer, redirect;

function answerJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
}

function giveToken(request, response, body) {
  const form = new URLSearchParams(body);
  const code = codes.get(form.get('code'));
  const basic = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
  provider.asked++;
  if (provider.answer) return provider.answer(response);
  codes.delete(form.get('code'));
  const challenge = b64(crypto.createHash('sha256').update(form.get('code_verifier') ?? '').digest());
  if (!code || basic !== 'luy%20tre:s%2Fcret%3A%25' || form.get('redirect_uri') !== redirect || challenge !== code.challenge ||
      form.get('grant_type') !== 'authorization_code' || form.get('client_secret'))
    return answerJson(response, 400, { error: 'invalid_grant' });
  const claims = provider.mangle({
    iss: issuer, aud: 'luy tre', sub: 'an-1', iat: now(), exp: now() + 300, nonce: code.nonce, email: 'an@example.gov.vn',
    email_verified: true, ...provider.person,
  });
  return answerJson(response, 200, { access_token: 'x', token_type: 'Bearer', id_token: provider.make(claims) });
}

function serve(request, response) {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    if (request.url === '/realm/.well-known/openid-configuration')
      return answerJson(response, 200, { issuer, authorization_endpoint: `${issuer}/authorize?tenant=1`, token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`, token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] });
    if (request.url === '/realm/keys') {
      provider.keysAsked++;
      return answerJson(response, 200, { keys: published });
    }
    if (request.url.startsWith('/realm/authorize')) { // whoever comes here says yes; providers add words of their own
      const { code, state } = authorise(new URL(request.url, issuer));
      response.writeHead(302, { location: `${redirect}?${new URLSearchParams({ code, state, iss: issuer, session_state: 'x' })}` });
      return response.end();
    }
    if (request.url === '/realm/token' && request.method === 'POST') return giveToken(request, response, body);
    return answerJson(response, 404, {});
  });
}

// What a person at the provider's page would do: says yes, and is sent back.
function authorise(url) {
  const asked = new URL(url), code = b64(crypto.randomBytes(16));
  assert.equal(asked.origin + asked.pathname, `${issuer}/authorize`);
  assert.equal(asked.searchParams.get('tenant'), '1');
  assert.equal(asked.searchParams.get('response_type'), 'code');
  assert.equal(asked.searchParams.get('client_id'), 'luy tre');
  assert.equal(asked.searchParams.get('redirect_uri'), redirect);
  assert.equal(asked.searchParams.get('code_challenge_method'), 'S256');
  assert.match(asked.searchParams.get('scope'), /openid/);
  codes.set(code, { nonce: asked.searchParams.get('nonce'), challenge: asked.searchParams.get('code_challenge') });
  return { code, state: asked.searchParams.get('state') };
}

// ---- The browser ----

let hubPort, hubCa, addresses = 2;

class Browser {
  cookies = new Map();
  address = `127.0.${Math.floor(addresses / 250)}.${2 + (addresses++ % 250)}`;
  csrf = '';

  ask(method, where, body) {
    return new Promise((done, failed) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '), 'x-csrf-token': this.csrf };
      if (text !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      const request = https.request({ host: '127.0.0.1', port: hubPort, ca: hubCa, method, path: `/api/v1${where}`, headers,
        localAddress: this.address, agent: false }, (response) => {
        let answer = '';
        response.on('data', (data) => { answer += data; });
        response.on('end', () => {
          for (const line of response.headers['set-cookie'] ?? []) this.keep(line);
          done({ status: response.statusCode, body: answer ? JSON.parse(answer) : null });
        });
      });
      request.on('error', failed);
      request.end(text);
    });
  }

  keep(line) {
    const [pair] = line.split(';'), at = pair.indexOf('=');
    assert.match(line, /; Path=\/; Secure; HttpOnly; SameSite=Strict/);
    if (/Max-Age=0/.test(line)) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }

  async begin() {
    const answer = await this.ask('POST', '/session/oidc');
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.ok(this.cookies.has('__Host-luytre-oidc'));
    return authorise(answer.body.url);
  }

  async finish(back) {
    const answer = await this.ask('PUT', '/session/oidc', back);
    if (answer.status === 201) this.csrf = answer.body.csrf;
    return answer;
  }

  async signOn(more = {}) {
    return this.finish({ ...await this.begin(), ...more });
  }
}

function reset() {
  Object.assign(provider, { make: byRs, person: {}, mangle: (claims) => claims, answer: null });
}

async function refused(what, change, status = 401) {
  reset();
  change();
  const browser = new Browser(), answer = await browser.signOn();
  assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
  assert.ok(!browser.cookies.has('__Host-luytre'), `${what}: a session`);
  assert.ok(!browser.cookies.has('__Host-luytre-oidc'), `${what}: the ticket is left`);
  reset();
}

const claimed = (more) => () => { provider.mangle = (claims) => ({ ...claims, ...more }); };
const signed = (header, key) => () => { provider.make = (claims) => token(header, claims, key); };
const publicPem = () => keys.rs.publicKey.export({ type: 'spki', format: 'pem' });

// ---- The story ----

async function good() {
  for (const [alg, key] of [['RS256', 'rs'], ['PS256', 'ps'], ['ES256', 'es']]) {
    const browser = new Browser();
    signed({ alg, kid: key, typ: 'JWT' }, keys[key].privateKey)();
    const answer = await browser.signOn({ iss: issuer });
    assert.equal(answer.status, 201, `${alg}: ${JSON.stringify(answer.body)}`);
    assert.equal(answer.body.password_expired, false);
    const who = await browser.ask('GET', '/session');
    assert.equal(who.status, 200);
    assert.equal(who.body.user, answer.body.user);
    assert.equal((await browser.ask('DELETE', '/session')).status, 204);
    assert.equal((await browser.ask('GET', '/session')).status, 401);
  }
  reset();
}

async function whoIsWho() {
  const first = (await new Browser().signOn()).body.user;
  // The same person under a new address, and without one.
  provider.person = { email: 'binh@example.gov.vn' };
  assert.equal((await new Browser().signOn()).body.user, first);
  provider.person = { email: undefined };
  assert.equal((await new Browser().signOn()).body.user, first);
  await refused('another person with the address of the first', () => { provider.person = { sub: 'an-2' }; });
  await refused('nobody here', () => { provider.person = { sub: 'x', email: 'nobody@example.gov.vn' }; });
  await refused('an address that nobody vouches for', () => { provider.person = { sub: 'b', email: 'binh@example.gov.vn', email_verified: false }; });
  await refused('"true" is no true', () => { provider.person = { sub: 'b', email: 'binh@example.gov.vn', email_verified: 'true' }; });
  provider.person = { sub: 'binh', email: 'BINH@example.gov.vn' };
  const second = await new Browser().signOn();
  assert.equal(second.status, 201);
  assert.notEqual(second.body.user, first);
  reset();
}

// What a group at the provider gives and takes; "an" is an analyst by hand and stays one.
async function groups() {
  provider.person = { groups: ['kiem-toan', 'somebody', 7] };
  const member = new Browser();
  assert.equal((await member.signOn()).status, 201);
  assert.equal((await member.ask('GET', '/audit')).status, 200);
  provider.person = { groups: 'kiem-toan' }; // no list, no group
  const former = new Browser();
  assert.equal((await former.signOn()).status, 201);
  assert.equal((await former.ask('GET', '/audit')).status, 403);
  assert.equal((await member.ask('GET', '/audit')).status, 403, 'a session that stands');
  assert.equal((await former.ask('GET', '/decisions')).status, 200);
  reset();
}

async function wrongTokens() {
  await refused('nonce of another', claimed({ nonce: b64(crypto.randomBytes(32)) }));
  await refused('no nonce', claimed({ nonce: undefined }));
  await refused('over', claimed({ iat: now() - 500, exp: now() - 61 }));
  await refused('old', claimed({ iat: now() - 700 }));
  await refused('no end', claimed({ exp: undefined }));
  await refused('an end that is no number', claimed({ exp: '9999999999' }));
  await refused('no beginning', claimed({ iat: undefined }));
  await refused('from the future', claimed({ iat: now() + 120 }));
  await refused('not yet', claimed({ nbf: now() + 120 }));
  await refused('for another', claimed({ aud: 'somebody' }));
  await refused('for nobody', claimed({ aud: undefined }));
  await refused('for several, and no party', claimed({ aud: ['luy tre', 'somebody'] }));
  await refused('for several, of another party', claimed({ aud: ['luy tre', 'somebody'], azp: 'somebody' }));
  await refused('of another party', claimed({ azp: 'somebody' }));
  await refused('of another provider', claimed({ iss: 'https://elsewhere.example' }));
  await refused('of a longer name', claimed({ iss: `${issuer}/` }));
  await refused('about nobody', claimed({ sub: undefined }));
  await refused('about a very long one', claimed({ sub: 'a'.repeat(256) }));
}

async function wrongSignatures() {
  await refused('none', signed({ alg: 'none' }, null));
  await refused('none with a key', signed({ alg: 'none', kid: 'rs' }, null));
  await refused('nOnE', signed({ alg: 'nOnE', kid: 'rs' }, null));
  await refused('HS256 with the public key', signed({ alg: 'HS256', kid: 'rs' }, publicPem()));
  await refused('HS256 with the modulus', signed({ alg: 'HS256', kid: 'rs' }, keys.rs.publicKey.export({ format: 'jwk' }).n));
  await refused('HS256 with a published secret', signed({ alg: 'HS256', kid: 'oct' }, 'a secret of everybody'));
  await refused('a stranger', signed({ alg: 'RS256', kid: 'rs' }, keys.stranger.privateKey));
  await refused('a key in the token', () => {
    const own = { alg: 'RS256', jwk: keys.stranger.publicKey.export({ format: 'jwk' }) };
    provider.make = (claims) => token(own, claims, keys.stranger.privateKey);
  });
  await refused('no key named, where several fit', signed({ alg: 'PS256' }, keys.stranger.privateKey));
  await refused('RSA of 1,024 bits', signed({ alg: 'RS256', kid: 'weak' }, keys.weak.privateKey));
  await refused('a key for another use', signed({ alg: 'RS256', kid: 'enc' }, keys.enc.privateKey));
  await refused('a key for another algorithm', signed({ alg: 'PS256', kid: 'rs' }, keys.rs.privateKey));
  await refused('ES384', signed({ alg: 'ES384', kid: 'es384' }, keys.es384.privateKey));
  await refused('another curve', signed({ alg: 'ES256', kid: 'es384' }, keys.es384.privateKey));
  await refused('an unknown extension', signed({ alg: 'RS256', kid: 'rs', crit: ['x'], x: 1 }, keys.rs.privateKey));
  await refused('other claims under the signature', () => {
    provider.make = (claims) => {
      const parts = byRs(claims).split('.');
      return [parts[0], b64(JSON.stringify({ ...claims, sub: 'binh' })), parts[2]].join('.');
    };
  });
  await refused('encrypted', () => { provider.make = () => `${b64('{"alg":"RSA-OAEP","enc":"A256GCM"}')}.a.b.c.d`; });
  await refused('rubbish', () => { provider.make = () => 'rubbish'; });
  await refused('a very long one', () => { provider.make = (claims) => byRs({ ...claims, x: 'x'.repeat(20000) }); });
}

async function wrongReturns() {
  const browser = new Browser(), back = await browser.begin(), ticket = browser.cookies.get('__Host-luytre-oidc');
  assert.equal((await browser.finish(back)).status, 201);
  // The same state once more, with a code that the provider would take.
  const asked = provider.asked;
  browser.cookies.set('__Host-luytre-oidc', ticket);
  const other = new Browser(), again = await other.begin();
  assert.equal((await browser.finish({ ...back, code: again.code })).status, 401, 'a state twice');
  assert.equal((await new Browser().finish(again)).status, 401, 'without a ticket');
  const third = new Browser();
  await third.begin();
  assert.equal((await third.finish(again)).status, 401, 'the state of another browser');
  const fourth = new Browser(), fresh = await fourth.begin();
  assert.equal((await fourth.finish({ ...fresh, iss: 'https://elsewhere.example' })).status, 401, 'of another provider');
  const fifth = new Browser(), forged = await fifth.begin();
  const whole = fifth.cookies.get('__Host-luytre-oidc');
  fifth.cookies.set('__Host-luytre-oidc', (whole[0] === 'A' ? 'B' : 'A') + whole.slice(1));
  assert.equal((await fifth.finish(forged)).status, 401, 'a forged ticket');
  assert.equal(provider.asked, asked, 'the provider is not asked for these');
  const sixth = new Browser(), seventh = new Browser(), mine = await sixth.begin(), theirs = await seventh.begin();
  const swapped = await sixth.finish({ ...mine, code: theirs.code });
  assert.equal(swapped.status, 503, 'the code of another browser'); // the provider refuses it: PKCE
  // Nobody can say where to come back to.
  const eighth = new Browser();
  assert.equal((await eighth.ask('POST', '/session/oidc?redirect_uri=https://evil.example')).status, 400);
  assert.equal((await eighth.finish({ code: 'x' })).status, 400);
}

async function wrongProvider() {
  await refused('an error', () => { provider.answer = (response) => answerJson(response, 500, {}); }, 503);
  await refused('no token', () => { provider.answer = (response) => answerJson(response, 200, {}); }, 503);
  await refused('no JSON', () => { provider.answer = (response) => answerJson(response, 200, '<html>'); }, 503);
  await refused('too much', () => { provider.answer = (response) => answerJson(response, 200, { id_token: 'x'.repeat(1 << 20) }); }, 503);
  await refused('elsewhere', () => {
    provider.answer = (response) => { response.writeHead(307, { location: 'https://127.0.0.1:1/' }); response.end(); };
  }, 503);
}

async function newKeys() {
  const asked = provider.keysAsked, fresh = rsa(2048);
  published = [jwk(fresh, 'rs-2')];
  provider.make = (claims) => token({ alg: 'RS256', kid: 'rs-2' }, claims, fresh.privateKey);
  await sleep(10500);
  assert.equal((await new Browser().signOn()).status, 201, 'a new key');
  assert.equal(provider.keysAsked, asked + 1);
  provider.make = byRs;
  assert.equal((await new Browser().signOn()).status, 401, 'the old key');
  assert.equal(provider.keysAsked, asked + 1, 'not asked again at once');
  reset();
  provider.make = (claims) => token({ alg: 'RS256' }, claims, fresh.privateKey); // one key only: it need not be named
  assert.equal((await new Browser().signOn()).status, 201);
}

function totp(secret) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now() / 30)));
  const mac = crypto.createHmac('sha1', key).update(counter).digest(), at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0');
}

async function secondFactor() {
  const make = provider.make, browser = new Browser();
  provider.person = { sub: 'chi', email: 'chi@example.gov.vn' };
  let answer = await browser.signOn();
  assert.equal(answer.status, 201);
  assert.equal(answer.body.second_factor, 'required'); // who rules the nation's needs one, here or there
  assert.equal((await browser.ask('GET', '/users')).status, 403);
  provider.person.amr = ['pwd', 'otp', 'mfa'];
  const strong = new Browser();
  answer = await strong.signOn();
  assert.equal(answer.status, 201);
  assert.notEqual(answer.body.second_factor, 'required');
  assert.equal((await strong.ask('GET', '/users')).status, 200);
  const { secret } = (await browser.ask('POST', '/session/totp')).body;
  assert.equal((await browser.ask('PUT', '/session/totp', { code: totp(secret) })).status, 200);
  delete provider.person.amr;
  answer = await new Browser().signOn();
  assert.equal(answer.status, 401);
  assert.match(answer.body.type, /second-factor-required/);
  provider.person.amr = ['mfa'];
  assert.equal((await new Browser().signOn()).status, 201);
  reset();
  provider.make = make;
}

// The page itself, where there are a Chromium, playwright-core (tests/web) and a console in the program.
async function inChromium() {
  const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((name) => fs.existsSync(name));
  const playwright = await import('../web/node_modules/playwright-core/index.mjs').catch(() => null);
  const page = playwright && chromium ? await new Promise((done) => https.get({ host: '127.0.0.1', port: hubPort, ca: hubCa, path: '/' }, done)) : null;
  page?.resume();
  if (page?.statusCode !== 200) return 'skipped: no Chromium, playwright-core or pages';
  const make = provider.make, browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true }), tab = await context.newPage();
    await tab.goto(`https://127.0.0.1:${hubPort}/`);
    await tab.getByRole('button', { name: /Bộ A/ }).click();
    await tab.waitForURL(`https://127.0.0.1:${hubPort}/`);
    await tab.getByRole('navigation').first().waitFor();
    assert.equal(await tab.getByRole('button', { name: /Bộ A/ }).count(), 0);
    await context.clearCookies();
    provider.person = { sub: 'x', email: 'nobody@example.gov.vn' };
    await tab.goto(`https://127.0.0.1:${hubPort}/`);
    await tab.getByRole('button', { name: /Bộ A/ }).click();
    await tab.getByRole('alert').waitFor();
    assert.equal(new URL(tab.url()).search, '', 'the code stays in the address');
  } finally {
    await browser.close();
    reset();
    provider.make = make;
  }
  return 'as it must be';
}

function makeAuthority() {
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=provider', '-addext',
    'subjectAltName=IP:127.0.0.1', '-keyout', file('provider.key'), '-out', file('provider.pem'));
}

let hub;

async function startHub() {
  const port = await freePort(), settings = file('sign-on.json');
  hubPort = await freePort();
  redirect = `https://127.0.0.1:${hubPort}/sign-on`;
  fs.writeFileSync(file('secret'), 's/cret:%\n', { mode: 0o600 });
  fs.writeFileSync(settings, JSON.stringify({ issuer, client_id: 'luy tre', client_secret_file: file('secret'), redirect, name: 'Bộ A',
    ca_file: file('provider.pem'), groups: [{ group: 'kiem-toan', role: 'auditor' }, { group: 'soc', role: 'analyst' }] }));
  const log = fs.openSync(file('hub.log'), 'a');
  hub = spawn(luytre, ['hub', 'run', '--state', file('state'), '--socket', file('hub.sock'), '--address', '127.0.0.1', '--port', port,
    '--console-port', hubPort, '--sign-on', settings], { stdio: ['ignore', log, log] });
  for (let i = 0; ; i++) {
    try {
      execFileSync(luytre, ['hub', 'status'], { env: { ...process.env, LUYTRE_HUB_SOCKET: file('hub.sock') }, stdio: 'ignore' });
      break;
    } catch (error) {
      if (i > 100 || hub.exitCode !== null) throw new Error(fs.readFileSync(file('hub.log'), 'utf8'));
      await sleep(100);
    }
  }
  hubCa = fs.readFileSync(file('state/authority/authority.pem'));
  for (const [name, role] of [['an@example.gov.vn', 'analyst'], ['binh@example.gov.vn', 'auditor'], ['chi@example.gov.vn', 'nation-admin']])
    execFileSync(luytre, ['hub', 'account', name, role], { env: { ...process.env, LUYTRE_HUB_SOCKET: file('hub.sock') }, stdio: 'pipe' });
}

makeAuthority();
const server = https.createServer({ key: fs.readFileSync(file('provider.key')), cert: fs.readFileSync(file('provider.pem')) }, serve);
await new Promise((done) => server.listen(0, '127.0.0.1', done));
issuer = `https://127.0.0.1:${server.address().port}/realm`;
let failed = false;
try {
  await startHub();
  assert.equal((await new Browser().ask('GET', '/health')).body.sign_on, 'Bộ A');
  for (const part of [good, whoIsWho, groups, wrongTokens, wrongSignatures, wrongReturns, wrongProvider, newKeys, secondFactor, inChromium]) {
    const said = await part();
    console.log(`${part.name}: ${said ?? 'as it must be'}`);
  }
} catch (error) {
  failed = true;
  console.error(error);
  console.error(fs.readFileSync(file('hub.log'), 'utf8').split('\n').slice(-30).join('\n'));
} finally {
  const ended = new Promise((done) => hub.on('exit', done));
  hub.kill('SIGTERM');
  const status = await ended;
  server.close();
  server.closeAllConnections();
  if (status !== 0) {
    failed = true;
    console.error(`the hub ended with ${status}`);
  }
  fs.rmSync(dir, { recursive: true });
}
process.exit(failed ? 1 : 0);
