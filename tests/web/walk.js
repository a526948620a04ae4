// SPDX-License-Identifier: Apache-2.0
// Walks through every page of a console in Chromium, in both languages, narrow and wide, light and dark, and fails on: an axe
// violation, a message of the browser's console, a request to another origin, a page that is wider than the screen, a word of the
// other language in a heading, a page that is not there. Screenshots are for people to look at.
//
//	node walk.js URL OUT [--login NAME --password FIRST] [--quick]
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [address, out, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const origin = new URL(address).origin;
const failures = [];
let slowest = 0;
const fail = (where, what) => {
  failures.push(`${where}: ${what}`);
  console.error(`not ok  ${where}: ${what}`);
};

// A link of the list opens the object's own page; a list without one is looked at as it is.
const pages = [
  { name: 'board', path: '/' },
  { name: 'tenants', path: '/tenants', open: 'table tbody a' },
  { name: 'tenant-assets', path: '/tenants', open: 'table tbody a', then: '?tab=assets' },
  { name: 'events', path: '/events', open: '.rows tbody .plainlink' },
  { name: 'campaigns', path: '/campaigns', open: '.list a' },
  { name: 'shield', path: '/shield' },
  { name: 'decisions', path: '/decisions', open: 'table tbody a' },
  { name: 'appeals', path: '/decisions?view=appeals' },
  { name: 'posture', path: '/posture' },
  { name: 'posture-level', path: '/posture?by=level' },
  { name: 'findings', path: '/findings', open: 'table tbody a' },
  { name: 'holds', path: '/findings?view=holds' },
  { name: 'imports', path: '/findings?view=imports' },
  { name: 'assessments', path: '/assessments', open: 'table tbody a' },
  { name: 'incidents', path: '/incidents' },
  { name: 'lookups-retro', path: '/look-ups?kind=text&value=jndi' },
  { name: 'lookups-probes', path: '/look-ups?view=probes' },
  { name: 'lookups-consents', path: '/look-ups?view=consents' },
  { name: 'lookups-catalogues', path: '/look-ups?view=catalogues' },
  { name: 'lookups-packages', path: '/look-ups?view=packages' },
  { name: 'policies', path: '/policies' },
  { name: 'edges', path: '/edges', open: 'table tbody a' },
  { name: 'users', path: '/users', open: 'table tbody a' },
  { name: 'roles', path: '/users?view=roles' },
  { name: 'account', path: '/account' },
  { name: 'audit', path: '/audit' },
  { name: 'settings', path: '/settings' },
  { name: 'missing', path: '/no-such-page' },
];
const sizes = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
const rounds = rest.includes('--quick')
  ? [['vi', 'wide', 'light']]
  : [['vi', 'wide', 'light'], ['vi', 'narrow', 'light'], ['en', 'wide', 'dark'], ['en', 'narrow', 'dark'], ['vi', 'wide', 'dark'], ['en', 'narrow', 'light']];

mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

// Here a refusal is wanted.
const REFUSED = 'a file that is no catalogue';

function watch(page, where) {
  // What the browser says of an answer of the hub that is not success is the hub's business where the page shows it.
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !/^Failed to load resource: .*(401|404)/.test(message.text()) && !(where() === REFUSED && /400/.test(message.text())) && fail(where(), `console: ${message.text()}`));
  page.on('pageerror', (error) => fail(where(), `script: ${error.message}`));
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.origin !== origin && !['data:', 'blob:'].includes(to.protocol)) fail(where(), `request to ${to.origin}`);
  });
  page.on('response', (answer) => answer.status() >= 500 && fail(where(), `${answer.status()} of ${new URL(answer.url()).pathname}`));
}

async function settle(page) {
  await page.waitForFunction(() => !document.querySelector('.bones'), undefined, { timeout: 15_000 }).catch(() => {});
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(150);
}

async function look(page, where, picture) {
  await settle(page);
  if (await page.locator('.bones').count()) fail(where, 'a skeleton stays');
  if (await page.locator('main .failure, dialog .notice.bad').count()) fail(where, `a problem: ${(await page.locator('main .failure, dialog .notice.bad').first().innerText()).replaceAll('\n', ' ')}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 1) {
    const which = await page.evaluate(() => [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 4).map((one) => `${one.tagName}.${one.className}`).join(' '));
    fail(where, `${wide} pixels wider than the screen: ${which}`);
  }
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  for (const one of found.violations) fail(where, `axe ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
  await page.screenshot({ path: `${out}/${picture}.png`, fullPage: false });
}

async function logIn(context) {
  const page = await context.newPage();
  watch(page, () => 'log-in');
  await page.goto(address);
  await look(page, 'log-in', 'login');
  if (!option('--login')) return page.close();
  const password = option('--password');
  const fresh = option('--new') ?? `${password}-walked`;
  await page.fill('input[name=login]', option('--login'));
  await page.fill('input[type=password]', password);
  await page.click('form button.main');
  await page.waitForFunction(() => document.querySelector('nav.rail') || document.querySelectorAll('input[type=password]').length === 2 || document.querySelector('.notice.bad'), undefined, { timeout: 15_000 });
  if ((await page.locator('input[autocomplete=new-password]').count()) === 2) {
    await look(page, 'first password', 'login-change');
    const fields = page.locator('input[autocomplete=new-password]');
    await fields.nth(0).fill(fresh);
    await fields.nth(1).fill(fresh);
    await page.click('form button.main');
    await page.waitForFunction(() => !document.querySelector('input[autocomplete=new-password]') || document.querySelector('.notice.bad'), undefined, { timeout: 15_000 });
  }
  await settle(page);
  if (await page.locator('main.door button.main').count()) await secondFactor(page);
  if (!(await page.locator('nav.rail').count())) fail('log-in', `not inside: ${await page.locator('main').innerText()}`);
  await page.close();
}

// An assessment, through its form: the pages then have something to show.
async function assess(context) {
  const page = await context.newPage();
  watch(page, () => 'assess');
  await page.goto(`${origin}/assessments`);
  await page.locator('.head .button.main').click();
  await page.locator('dialog[open] input').first().fill('Đợt đánh giá năm 2026');
  await page.locator('dialog[open] select').first().selectOption('vn-2026').catch(() => fail('assess', 'the profile vn-2026 is not offered'));
  await page.locator('dialog[open] input[type=date]').fill('2027-06-30');
  await page.locator('dialog[open] footer .button.main').click();
  await page.waitForFunction(() => /^\/assessments\/\d+$/.test(location.pathname), undefined, { timeout: 15_000 }).catch(() => fail('assess', 'no assessment was begun'));
  await page.close();
}

// The second factor that the nation's administrators must have, by the key that the page shows (RFC 6238).
async function secondFactor(page) {
  const { createHmac } = await import('node:crypto');
  await look(page, 'second factor', 'login-totp-before');
  await page.click('main.door button.main');
  await page.waitForSelector('svg[role=img] path');
  await look(page, 'second factor', 'login-totp');
  const secret = (await page.locator('form code').innerText()).replaceAll(/\s/g, '');
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', key).update(count).digest();
  const at = hash[19] & 15;
  const code = String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  await page.fill('input[autocomplete=one-time-code]', code);
  await page.click('form button.main');
  await page.waitForSelector('.codes', { timeout: 10_000 });
  await look(page, 'recovery codes', 'login-recovery');
  await page.click('button.main');
  await page.waitForSelector('nav.rail', { timeout: 10_000 });
}

async function round(context, [language, size, theme]) {
  let where = '';
  const page = await context.newPage();
  watch(page, () => where);
  await page.setViewportSize(sizes[size]);
  await page.addInitScript((chosen) => localStorage.setItem('luytre', JSON.stringify(chosen)), { language, theme, dense: false });
  for (const { name, path, open, then } of pages) {
    where = `${name} ${language} ${size} ${theme}`;
    const began = Date.now();
    await page.goto(origin + path);
    await page.waitForSelector('h1', { timeout: 15_000 });
    const first = Date.now() - began;
    slowest = Math.max(slowest, first);
    if (name !== 'missing' && first > 3000) fail(where, `${first} ms to the first heading`);
    if ((await page.evaluate(() => document.documentElement.lang)) !== language) fail(where, 'another language');
    const heading = await page.locator('h1').first().innerText();
    if (language === 'en' && /[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]/i.test(heading) && !open) fail(where, `the heading is "${heading}"`);
    if (!then) await look(page, where, `${name}-${language}-${size}-${theme}`);
    else await settle(page);
    if (open && (await page.locator(open).count())) {
      where += ' (open)';
      await page.locator(open).first().click();
      if (then) await page.goto(page.url().split('?')[0] + then);
      await page.waitForTimeout(100);
      await look(page, where, `${name}-open-${language}-${size}-${theme}`);
    }
  }
  await page.close();
}

// Forms: what opens them, and that they close again.
const forms = [
  ['decide', '/decisions', '.head .button.main'], ['undo-all', '/decisions', '.head .button.grave'], ['tenant', '/tenants', '.head .button.main'], ['edge', '/edges', '.head .button.main'],
  ['policy', '/policies', '.head .button.main'], ['import', '/findings', '.head .button.main'], ['assessment', '/assessments', '.head .button.main'], ['incident', '/incidents', '.head .button.main'], ['consent', '/look-ups?view=consents', 'main .button.main'], ['catalogue', '/look-ups?view=catalogues', 'main .button.main'], ['views', '/findings?overdue=1', '.filters details summary'], ['user', '/users', '.head .button.main'], ['acknowledge', '/events', '.head .button'], ['range', '/', '.range summary'], ['tenant-picker', '/', '.picker summary'], ['menu', '/', '.menu summary'],
];
async function dialogs(context, [language, size, theme]) {
  let where = '';
  const page = await context.newPage();
  watch(page, () => where);
  await page.setViewportSize(sizes[size]);
  await page.addInitScript((chosen) => localStorage.setItem('luytre', JSON.stringify(chosen)), { language, theme, dense: true });
  for (const [name, path, button] of forms) {
    where = `form ${name} ${language} ${size} ${theme}`;
    await page.goto(origin + path);
    await page.waitForSelector('h1');
    await settle(page);
    await page.locator(button).first().click();
    await page.waitForSelector('dialog[open], details[open] .panel', { timeout: 5000 }).catch(() => fail(where, 'does not open'));
    await look(page, where, `form-${name}-${language}-${size}-${theme}`);
    await page.keyboard.press('Escape');
    if (await page.locator('dialog[open]').count()) fail(where, 'Esc does not close it');
  }
  await page.goto(`${origin}/?wall=1`);
  await page.waitForSelector('h1');
  await look(page, `wall ${language} ${size} ${theme}`, `wall-${language}-${size}-${theme}`);
  await page.close();
}

// The keyboard alone: to a page, along a list, into an object and out again; the help.
async function keyboard(context) {
  const page = await context.newPage();
  watch(page, () => 'keyboard');
  await page.setViewportSize(sizes.wide);
  await page.goto(address);
  await settle(page);
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await page.waitForFunction(() => location.pathname === '/events');
  await settle(page);
  if (await page.locator('.rows tbody tr').count()) {
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search.includes('open='), undefined, { timeout: 5000 }).catch(() => fail('keyboard', 'Enter opens nothing'));
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !location.search.includes('open='), undefined, { timeout: 5000 }).catch(() => fail('keyboard', 'Esc closes nothing'));
  }
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await look(page, 'keyboard help', 'keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('198.51.100.9');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.search.includes('source=198.51.100.9'), undefined, { timeout: 5000 }).catch(() => fail('keyboard', 'search finds no way'));
  await page.close();
}

// What somebody else changes appears without a reload.
async function live(context) {
  const page = await context.newPage();
  watch(page, () => 'live');
  await page.goto(`${origin}/tenants`);
  await page.waitForSelector('.live.live', { timeout: 10_000 }).catch(() => fail('live', 'the stream is not open'));
  await settle(page);
  const name = `Đơn vị mới ${Date.now()}`;
  const status = await page.evaluate(async (called) => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const answer = await fetch('/api/v1/tenants', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify({ name: called, parent: null, kind: 'organisation' }) });
    return answer.status;
  }, name);
  if (status !== 201) fail('live', `a new organisation is answered ${status}`);
  await page.locator('main').getByText(name).first().waitFor({ timeout: 8000 }).catch(() => fail('live', 'a new organisation does not appear by itself'));
  await page.close();
}

// One entry of CISA's catalogue, in its form.
const KEV = JSON.stringify({ catalogVersion: '2026.11.22', dateReleased: '2026-11-22T00:00:00Z', count: 1, vulnerabilities: [{ cveID: 'CVE-2021-44228', vendorProject: 'Apache', product: 'Log4j2', vulnerabilityName: 'Log4Shell', dateAdded: '2021-12-10', shortDescription: 'x', requiredAction: 'x', dueDate: '2021-12-24', knownRansomwareCampaignUse: 'Known' }] });

// What people do, through the forms: each ends with what the hub then says.
async function deeds(context) {
  let where = '';
  const page = await context.newPage();
  watch(page, () => where);
  await page.setViewportSize(sizes.wide);
  await page.addInitScript(() => localStorage.setItem('luytre', JSON.stringify({ language: 'en', theme: 'light', dense: false })));
  const open = async (path, button) => {
    await page.goto(origin + path);
    await page.waitForSelector('h1');
    await settle(page);
    if (button) await page.locator(button).first().click();
  };
  const submit = async () => {
    await page.locator('dialog[open] footer .button:last-child').click();
    await page.waitForFunction(() => !document.querySelector('dialog[open]') || document.querySelector('dialog[open] .notice.bad') || document.querySelector('dialog[open] .field > .row code'), undefined, { timeout: 15_000 }).catch(() => {});
    if (await page.locator('dialog[open] .notice.bad').count()) fail(where, await page.locator('dialog[open] .notice.bad').first().innerText());
  };
  const expect = async (locator, what) => locator.first().waitFor({ timeout: 10_000 }).catch(() => fail(where, `does not show ${what}`));
  const reason = () => page.locator('dialog[open] textarea').first().fill('Confirmed with the operator by telephone.');

  where = 'decide';
  await open('/decisions', '.head .button.main');
  await page.locator('dialog[open] input').first().fill('203.0.113.77');
  await reason();
  await page.getByRole('button', { name: 'Dry run' }).click();
  await expect(page.locator('dialog[open] .notice.good'), 'what it would do');
  await submit();
  await page.waitForURL(/\/decisions\/\d+/, { timeout: 10_000 }).catch(() => fail(where, 'the decision is not opened'));
  await expect(page.locator('.sentence'), 'the sentence');
  where = 'appeal';
  await page.getByRole('button', { name: 'Appeal…' }).click();
  await reason();
  await submit();
  where = 'lift';
  await page.getByRole('button', { name: 'Lift', exact: true }).click();
  await reason();
  await submit();
  await expect(page.locator('.card header').getByText('Lifted'), 'that it was lifted');

  where = 'acknowledge';
  await open('/events', '.rows tbody tr .plainlink');
  await page.locator('.drawer').getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('dialog[open] textarea').fill('Seen in the exercise.');
  await submit();
  await expect(page.getByText(/events acknowledged/), 'how many were acknowledged');

  where = 'tenant';
  await open('/tenants', '.head .button.main');
  await page.locator('dialog[open] input').first().fill('Trường Đại học Cần Thơ');
  await submit();
  await page.waitForURL(/\/tenants\/\d+/, { timeout: 10_000 }).catch(() => fail(where, 'is not opened'));
  where = 'change a tenant';
  await expect(page.locator('.detail .head h1'), 'its name');
  await page.locator('.detail').getByRole('button', { name: 'Edit' }).click();
  await page.locator('dialog[open] input').last().fill('024 3826 1000');
  await submit();
  await expect(page.locator('.contact').getByText('024 3826 1000'), 'the contact');
  where = 'hidden characters go back as they came';
  await page.locator('.detail').getByRole('button', { name: 'Edit' }).click();
  await page.locator('dialog[open] input').last().fill('024\u200b 3826 1000');
  await submit();
  await expect(page.locator('.contact').getByText('024[U+200B] 3826 1000'), 'the character by its number');
  await page.locator('.detail').getByRole('button', { name: 'Edit' }).click();
  await submit();
  if (!(await page.evaluate(async () => (await (await fetch(`/api/v1/tenants/${location.pathname.split('/').pop()}`)).text()).includes('024\u200b 3826 1000')))) fail(where, 'the number was saved in its place');
  where = 'system and asset';
  await page.goto(`${page.url().split('?')[0]}?tab=assets`);
  await page.getByRole('button', { name: 'Add a system' }).click();
  await page.locator('dialog[open] input').first().fill('Cổng thông tin');
  await submit();
  await page.getByRole('button', { name: 'Add an asset' }).click();
  await page.locator('dialog[open] input').first().fill('192.0.2.0/28');
  await submit();
  await expect(page.locator('code').getByText('192.0.2.0/28'), 'the asset');

  where = 'policy';
  await open('/policies', '.head .button.main');
  await page.locator('dialog[open] select').first().selectOption({ index: 1 });
  await page.locator('dialog[open] .three select').first().selectOption('shadow');
  await reason();
  await submit();
  await expect(page.locator('.versions').getByText('Proposed'), 'the proposal');

  where = 'account';
  await open('/users', '.head .button.main');
  await page.locator('dialog[open] input').first().fill('an.nguyen');
  await page.locator('dialog[open] input').nth(1).fill('Nguyễn An');
  await submit();
  await expect(page.locator('dialog[open] code'), 'the first password');
  await page.keyboard.press('Escape');
  where = 'grant';
  await page.getByRole('button', { name: 'Grant', exact: true }).click();
  await page.locator('dialog[open] select').first().selectOption('analyst');
  await submit();
  await expect(page.locator('.lines').getByText('Analyst'), 'the grant');

  where = 'token';
  await open('/account');
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.locator('dialog[open] input').first().fill('Nightly export');
  await page.locator('dialog[open] input[type=checkbox]').first().check();
  await submit();
  await expect(page.locator('dialog[open] code'), 'the token');

  where = 'edge';
  await open('/edges', '.head .button.main');
  await page.locator('dialog[open] input').first().fill('Điểm biên Huế');
  await page.locator('dialog[open] input[type=checkbox]').first().check();
  await submit();
  await expect(page.locator('dialog[open] code').getByText('luytre edge enrol'), 'the command');

  where = 'settings';
  await open('/settings');
  await page.locator('input[type=number]').nth(2).fill('45');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved.'), 'that it was saved');

  where = 'audit';
  await open('/audit', '.head .button');
  await expect(page.getByText(/The chain is whole/), 'that the chain is whole');

  where = 'finding';
  await page.goto(`${origin}/findings?live=1`);
  await page.locator('table tbody a').first().click();
  await page.locator('.body .button.main').first().click();
  await page.locator('dialog[open] textarea').fill('Bản vá đã cài.');
  await submit();
  await expect(page.locator('.state', { hasText: 'Said to be fixed' }).first(), 'that it is said to be fixed');

  where = 'a title with hidden characters';
  await page.goto(`${origin}/findings?text=odd-title`);
  await settle(page);
  if (!(await page.locator('table tbody tr').count())) await page.goto(`${origin}/findings?text=${encodeURIComponent('Tệp đính kèm')}`);
  await expect(page.locator('tbody a').getByText('[U+202E]'), 'what is hidden in it');
  if (await page.evaluate(() => /[\u200b\u202a-\u202e\u2066-\u2069\u0007]/.test(document.documentElement.innerHTML))) fail(where, 'the character is in the page');

  where = 'incident';
  await open('/incidents', '.head .button.main');
  await page.locator('dialog[open] input').first().fill('Trang chủ bị thay đổi');
  await page.locator('dialog[open] select').first().selectOption({ index: 1 });
  await submit();
  await expect(page.locator('li b', { hasText: 'Trang chủ bị thay đổi' }).first(), 'the incident');

  where = 'consent';
  await open('/look-ups?view=consents', 'main .button.main');
  await page.locator('dialog[open] select').first().selectOption({ index: 1 });
  await page.locator('dialog[open] input:not([type=checkbox], [type=date])').last().fill('Công văn 12/SYT-CNTT ngày 20/11/2026');
  await submit();
  await expect(page.locator('td').getByText('Công văn 12/SYT-CNTT'), 'the consent');
  where = 'withdraw a consent';
  await page.getByRole('button', { name: 'Withdraw' }).first().click();
  await submit();
  await expect(page.getByText('No consent was noted'), 'that none is left');

  where = 'catalogue';
  await open('/look-ups?view=catalogues', 'main .button.main');
  await page.locator('dialog[open] input[type=file]').setInputFiles({ name: 'kev.json', mimeType: 'application/json', buffer: Buffer.from(KEV) });
  await submit();
  await expect(page.getByText('1 entries taken, 0 refused.'), 'what was taken');
  await expect(page.locator('td').getByText('2026.11.22'), 'its version');
  where = REFUSED;
  await page.locator('main .button.main').first().click();
  await page.locator('dialog[open] input[type=file]').setInputFiles({ name: 'kev.json', mimeType: 'application/json', buffer: Buffer.from('{}') });
  await page.locator('dialog[open] footer .button:last-child').click();
  await expect(page.locator('dialog[open] .notice.bad'), 'why it was refused');
  await page.keyboard.press('Escape');

  where = 'search the past';
  await open('/look-ups');
  await page.locator('main form input').first().fill('CVE-2021-44228');
  await page.locator('main form .button.main').click();
  await expect(page.locator('h2', { hasText: 'CVE-2021-44228' }), 'the question');
  await expect(page.locator('header .state', { hasText: /Hit|Nothing/ }), 'an answer');

  where = 'sealed package';
  await open('/look-ups?view=packages');
  await page.locator('main form select').first().selectOption({ index: 1 });
  await page.locator('main form input.mono').first().fill('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  const [file] = await Promise.all([page.waitForEvent('download', { timeout: 15_000 }).catch(() => null), page.getByRole('button', { name: 'Make and download' }).click()]);
  if (!file || !/^assessment-\d+\.luytre$/.test(file.suggestedFilename())) fail(where, 'no file is given');

  where = 'allowed services';
  await page.goto(`${origin}/tenants`);
  await page.locator('table tbody a').first().click();
  await page.goto(`${page.url().split('?')[0]}?tab=assets`);
  await page.getByRole('button', { name: 'Services…' }).first().click();
  await page.locator('dialog[open] input').fill('80, 443');
  await look(page, where, 'form-services');
  await submit();
  await page.getByRole('button', { name: 'Services…' }).first().click();
  await page.waitForFunction(() => document.querySelector('dialog[open] input')?.value === '80, 443', undefined, { timeout: 10_000 }).catch(() => fail(where, 'the list was not kept'));
  await page.keyboard.press('Escape');

  where = 'saved view';
  await page.goto(`${origin}/findings?overdue=1`);
  await page.locator('.filters details summary').first().click();
  await page.getByRole('button', { name: 'Save view…' }).click();
  await page.locator('dialog[open] input').first().fill('Quá hạn');
  await submit();
  await page.goto(`${origin}/findings`);
  await settle(page);
  await page.locator('.filters details summary').first().click();
  await page.locator('.filters details .item').getByText('Quá hạn').click();
  await page.waitForFunction(() => location.search.includes('overdue=1'), undefined, { timeout: 5000 }).catch(() => fail(where, 'is not used'));

  where = 'questionnaire';
  await page.goto(`${origin}/assessments`);
  await page.locator('table tbody a').first().click();
  await page.locator('.said select').first().selectOption('yes');
  await page.locator('.head .button.main').click();
  await expect(page.getByText('Saved.'), 'that answers were saved');

  where = 'undo all';
  await open('/decisions', '.head .button.grave');
  await reason();
  await page.locator('dialog[open] input').fill('undo-all');
  await submit();
  await expect(page.getByText('All were lifted.'), 'that all were lifted');
  await page.close();
}

try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce' });
  await logIn(context);
  if (option('--login')) await assess(context);
  for (const one of rounds) await round(context, one);
  await dialogs(context, rounds[0]);
  await dialogs(context, ['en', 'narrow', 'dark']);
  await keyboard(context);
  if (option('--login')) {
    await live(context);
    await deeds(context);
  }
} finally {
  await browser.close();
}
console.log(failures.length === 0 ? `ok: ${pages.length} pages, ${rounds.length} rounds, at most ${slowest} ms to a heading; screenshots in ${out}` : `${failures.length} failures; screenshots in ${out}`);
process.exit(failures.length === 0 ? 0 : 1);
