// SPDX-License-Identifier: Apache-2.0
// A hub of made-up answers, for work on pages without one: `npm run try`. The same at each
// start. It is part of the development server alone; no product build reads this folder.
let seed = 20261122;
const random = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32);
const below = (n) => Math.floor(random() * n);
const one = (list) => list[below(list.length)];
const now = Date.now();
const ago = (seconds) => new Date(now - seconds * 1000).toISOString().replace('Z', '000Z');
const wave = (count, height) => Array.from({ length: count }, (_, i) => Math.max(0, Math.round(height * (0.5 + 0.3 * Math.sin(i / 7) + 0.4 * random() + (i === 61 || i === 62 ? 2 : 0)))));

const tenants = [
  ['Bộ Y tế', 'ministry', 'health', '01', null], ['Cục Công nghệ thông tin, Bộ Y tế', 'organisation', 'health', '01', '1'], ['UBND thành phố Hà Nội', 'province', 'government', '01', null], ['Sở Y tế Hà Nội', 'organisation', 'health', '01', '3'],
  ['Cổng dịch vụ công Hà Nội', 'organisation', 'government', '01', '3'], ['UBND Thành phố Hồ Chí Minh', 'province', 'government', '79', null], ['Sở Khoa học và Công nghệ TP. Hồ Chí Minh', 'organisation', 'information', '79', '6'], ['UBND thành phố Đà Nẵng', 'province', 'government', '48', null],
  ['Trung tâm Giám sát thông minh Đà Nẵng', 'organisation', 'information', '48', '8'], ['UBND tỉnh Lào Cai', 'province', 'government', '15', null], ['Sở Y tế tỉnh Lào Cai', 'organisation', 'health', '15', '10'], ['UBND thành phố Cần Thơ', 'province', 'government', '92', null],
  ['Bệnh viện Đa khoa Trung ương Cần Thơ', 'organisation', 'health', '92', '1'], ['Ngân hàng Ngoại thương', 'organisation', 'banking', '01', null], ['Tổng công ty Điện lực miền Trung', 'organisation', 'energy', '48', null], ['Đại học Huế', 'organisation', 'education', '46', null],
  ['UBND tỉnh Khánh Hòa', 'province', 'government', '56', null], ['Cảng vụ Hàng hải Hải Phòng', 'organisation', 'transport', '31', null], ['Kho bạc Nhà nước', 'organisation', 'finance', '01', null], ['UBND tỉnh Quảng Ninh', 'province', 'government', '22', null],
].map(([name, kind, sector, province, parent], i) => ({ id: String(i + 1), revision: 1, name, kind, sector, province, parent, path: parent ? [parent] : [], contact: i % 3 ? `Phòng An toàn thông tin, 024 3826 ${1000 + i * 37}` : null, children: 0, systems: 1 + below(5), assets: 2 + below(14), trust: 0.4 + random() * 0.6, updated: ago(86400 * below(90)) }));
for (const tenant of tenants) if (tenant.parent) tenants[tenant.parent - 1].children++;
const edges = [['Hà Nội 1', '01', 'up'], ['Hà Nội 2', '01', 'up'], ['Hồ Chí Minh 1', '79', 'up'], ['Đà Nẵng 1', '48', 'late'], ['Lào Cai', '15', 'up'], ['Cần Thơ', '92', 'down'], ['Hải Phòng', '31', 'up']].map(([name, province, state], i) => ({
  id: String(i + 1), revision: 3, name, province, state, tenants: [String(i + 3)], all_tenants: i === 0, policy: 41 - (i === 3), decisions: 90210 - (i === 5 ? 340 : 0), lag_s: state === 'up' ? random() * 0.4 : state === 'late' ? 42 : 1830, spool: state === 'down' ? 4120 : 0,
  drift: i === 3 ? ['policy'] : [], failing_open: i === 5, certificate_until: ago(-86400 * 60), last_seen: ago(state === 'up' ? 2 : 1830), version: '0.1.0', packets_ps: 900000 * random(),
}));
const signatures = [['942100', 'Tiêm mã SQL qua tham số id', 'gate'], ['930120', 'Đọc tệp hệ thống qua đường dẫn', 'gate'], ['932160', 'Chèn lệnh hệ điều hành', 'gate'], ['2034567', 'ET EXPLOIT Apache Log4j RCE', 'alert'], ['2019401', 'ET SCAN dò cổng quản trị', 'alert'], ['910001', 'Dò mật khẩu trang đăng nhập', 'guard'], [null, 'SYN flood tới cổng 443', 'attack'], [null, 'Phản xạ NTP', 'drops']];
const sources = Array.from({ length: 24 }, (_, i) => (i % 6 ? `198.51.${100 + below(3)}.${below(255)}` : `2001:db8:${(4096 + below(60000)).toString(16)}::${below(255).toString(16)}`));
const events = Array.from({ length: 1400 }, (_, i) => {
  const [rule, signature, kind] = one(signatures);
  return { id: String(1849268633600001400n - BigInt(i)), time: ago(i * 55 + random() * 30), tenant: String(1 + below(20)), system: null, edge: String(1 + below(7)), kind, action: one(['stopped', 'stopped', 'stopped', 'stopped', 'shadow', 'passed', 'seen']), evidence: one(['e0', 'e1', 'e2', 'e3']), severity: one([1, 2, 2, 3, 3, 3, 4]), protocol: 6, source: one(sources), source_port: 1024 + below(60000), target: `203.0.113.${below(60)}`, target_port: one([80, 443, 443, 22, 8443]), rule, signature, decision: i % 9 ? null : '90210', count: 1 + (kind === 'drops' ? below(90000) : below(4)), acknowledged: i % 17 === 0 };
});
const why = (source, i) => ({ vi: `Chặn địa chỉ ${source}: 2-4 tổ chức báo cáo khai thác lỗ hổng web với bằng chứng có độ chính xác cao (độ tin cậy 0.${70 + i}, ước tính 1 người dùng hợp lệ), đến 2026-11-22 16:00 UTC.`, en: `Blocked: address ${source} was reported by 2-4 organisations for web exploitation with proof of high precision (belief 0.${70 + i}, about 1 legitimate users), until 2026-11-22 16:00 UTC.` });
const decisions = sources.map((source, i) => ({ id: String(90210 - i), revision: 1, source: source + (source.includes(':') ? '/64' : '/32'), action: one(['block', 'block', 'block', 'challenge', 'watch', 'limit']), state: i < 14 ? 'standing' : one(['provisional', 'expired', 'lifted', 'pending']), class: one(['web', 'login', 'scan', 'ddos']), tenant: i % 7 ? null : '4', campaign: i % 4 ? null : '8', owner: i % 6 ? 'hub' : 'Nguyễn An', explanation: why(source, i), belief: 0.7 + i / 100, groups: 2 + below(5), users_estimated: below(4), shadow: i === 5, hits: below(90000), edges_standing: 6, appeals: 0, created: ago(i * 600 + 300), expires: ago(-3600 * (1 + below(8))) }));
const campaigns = [['Dò cổng dịch vụ công', 'confirmed'], ['Khai thác Log4j quy mô rộng', 'suspected'], ['Phát tán thư lừa đảo thuế', 'closed']].map(([name, state], i) => ({ id: String(8 - i), revision: 2, name, state, explanation: { vi: 'Mười bốn nguồn dùng cùng dấu vân máy khách TLS và cùng chuỗi đường dẫn nhắm vào sáu đơn vị trong hai giờ; hai dấu hiệu hiếm thuộc hai nhóm khác nhau trùng khớp.', en: 'Fourteen sources with the same TLS client fingerprint and the same series of paths hit six organisations in two hours; two rare features of two families agree.' }, features: [{ kind: 'ja4', value: 't13d1516h2_8daaf6152771_02713d6af862', rarity: 14.2 }, { kind: 'path', value: '/dichvucong/api/v2/hoso?id=', rarity: 11.7 }, { kind: 'asn', value: 'AS64501', rarity: 4.1 }], sources: 14 - i, tenants: 6, events: 1820, next_likely: ['12', '15', '20'], trend: wave(24, 40), note: null, first: ago(7200), last: ago(140 * (i + 1)) }));
const policies = ['41', '40', '39', '42'].map((id, i) => ({ id, revision: 2, base: id === '39' ? null : String(id - 1), state: ['standing', 'replaced', 'replaced', 'proposed'][i], reason: ['Hai tuần chạy bóng không báo nhầm, chuyển cổng web của Sở Y tế Lào Cai sang thực thi.', 'Tăng giới hạn UDP cho Cảng vụ Hải Phòng.', 'Phiên bản đầu.', 'Bật cảm biến thực thi cho UBND tỉnh Quảng Ninh.'][i], author: 'Nguyễn An', approver: i === 3 ? null : 'Trần Bình', edges_standing: 6, edges: 7, changes: [], created: ago(86400 * (i + 1)), approved: i === 3 ? null : ago(86400 * i) })).sort((a, b) => b.id - a.id);
const grants = [{ id: '1', user: '1', role: 'nation-admin', tenant: null }, { id: '2', user: '2', role: 'tenant-operator', tenant: '11', tenant_name: tenants[10].name }, { id: '3', user: '3', role: 'auditor', tenant: null }];
const users = [['admin', 'Quản trị', 'totp'], ['an.nguyen', 'Nguyễn An', 'totp'], ['binh.tran', 'Trần Bình', 'none'], ['chi.le', 'Lê Chi', 'none']].map(([login, name, second_factor], i) => ({ id: String(i + 1), revision: 1, login, name, tenant: null, mail: `${login}@example.vn`, language: 'vi', disabled: i === 3, second_factor, last_login: i === 3 ? null : ago(3600 * i + 60), grants: grants.filter((grant) => grant.user === String(i + 1)), created: ago(86400 * 30) }));
const audits = Array.from({ length: 60 }, (_, i) => ({ id: String(160 - i), time: ago(i * 700), actor: one(['Quản trị', 'Nguyễn An', 'Trần Bình']), actor_id: '1', address: '192.0.2.7', action: one(['decision.lift', 'tenant.update', 'session.create', 'policy.approve', 'session.refuse', 'asset.create']), object: `decision/${90210 - i}`, tenant: i % 3 ? null : '4', outcome: i % 11 ? 'done' : 'refused', detail: { reason: 'Đã xác nhận qua điện thoại với đơn vị.', before: 'standing', after: 'lifted' }, hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }));
const permissions = 'tenants.read tenants.write events.read events.write decisions.read decisions.write policy.read policy.write campaigns.read campaigns.write indicators.read indicators.write edges.read edges.write drills.read drills.write users.read users.write audit.read settings.read settings.write undo-all findings.read findings.write findings.judge assessments.read assessments.write assessments.sign assessments.run catalogues.write'.split(' ');
const session = { user: '1', name: 'Quản trị', language: 'vi', second_factor: 'totp', csrf: 'dev', password_expired: false, grants: [grants[0]], permissions, expires: ago(-36000) };
const number = (value) => ({ value, trend: wave(48, value / 40) });
const page = (items) => ({ items, next: null });
const title = (event) => ({ vi: event.signature, en: event.signature });

function counts(query) {
  const length = 96;
  return { by: 'action', step_s: 900, from: ago(length * 900), series: [['stopped', 60], ['shadow', 14], ['passed', 6], ['seen', 20]].map(([key, high]) => ({ key, events: wave(length, high), sums: wave(length, high * 3) })) };
}
const routes = [
  [/^\/session$/, () => session],
  [/^\/health$/, () => ({ state: 'up', version: '0.1.0', time: ago(0) })],
  [/^\/overview$/, () => ({ numbers: { attacks: number(18422), stopped: number(18107), decisions: number(214), tenants_hit: number(17) }, timeline: { from: ago(86400), step_s: 900, stopped: wave(96, 180), passed: wave(96, 8), unknown: wave(96, 20) }, provinces: [['01', 1, 5120], ['79', 2, 3120], ['48', 2, 980], ['15', 3, 240], ['92', 4, 61], ['31', 3, 188], ['56', 4, 12], ['22', 4, 9], ['46', 0, 0]].map(([province, severity, n]) => ({ province, severity, events: n, tenants: 2, edges_down: province === '92' ? 1 : 0 })), gravest: [...events.filter((event) => event.severity <= 2).slice(0, 7).map((event) => ({ kind: 'event', id: event.id, title: title(event), tenant: event.tenant, severity: event.severity, time: event.time })), { kind: 'campaign', id: '8', title: { vi: 'Chiến dịch: Dò cổng dịch vụ công', en: 'Campaign: Dò cổng dịch vụ công' }, tenant: null, severity: 1, time: ago(900) }, { kind: 'edge', id: '6', title: { vi: 'Điểm biên Cần Thơ mất liên lạc', en: 'Edge Cần Thơ is down' }, tenant: null, severity: 2, time: ago(1830) }], edges })],
  [/^\/tenants$/, (q) => page(tenants.filter((t) => (!q.get('province') || t.province === q.get('province')) && (!q.get('text') || t.name.toLowerCase().includes(q.get('text').toLowerCase()))))],
  [/^\/tenants\/(\d+)$/, (q, id) => tenants[id - 1]],
  [/^\/tenants\/(\d+)\/systems$/, (q, id) => page([['Cổng dịch vụ công', 3], ['Thư điện tử công vụ', 2]].map(([name, level], i) => ({ id: String(i + 1), revision: 1, tenant: id, name, level, owner: 'Sở Y tế', operator: null, contact: null, edge_only: i === 1, assets: 2, updated: ago(9000) })))],
  [/^\/tenants\/(\d+)\/assets$/, (q, id) => page([['prefix', '203.0.113.0/28', '1'], ['name', 'dichvucong.laocai.gov.vn', '1'], ['prefix', '2001:db8:15::/48', '2']].map(([kind, value, system], i) => ({ id: String(i + 1), revision: 1, tenant: id, tenant_name: '', system, kind, value, fail: 'open', modes: { shield: 'enforce', sensor: 'shadow', gate: i === 1 ? 'enforce' : 'off' }, updated: ago(9000) })))],
  [/^\/unmapped$/, () => page([{ address: '203.0.113.99', edge: '2', first: ago(86400), last: ago(600), packets: 190221 }])],
  [/^\/edges$/, () => page(edges)], [/^\/edges\/(\d+)$/, (q, id) => edges[id - 1]],
  [/^\/enrolments$/, () => page([{ id: '5', name: 'Biên Lào Cai 2', province: '15', tenants: ['11'], all_tenants: false, expires: ago(-7200), created_by: 'Quản trị' }])],
  [/^\/events$/, (q) => { const from = Number(q.get('cursor') ?? 0), limit = Number(q.get('limit') ?? 100); const found = events.filter((e) => (!q.get('source') || e.source === q.get('source')) && (!q.get('tenant') || e.tenant === q.get('tenant')) && (!q.get('rule') || e.rule === q.get('rule')) && (!q.get('action') || q.get('action').split(',').includes(e.action)) && (!q.get('severity') || e.severity <= q.get('severity'))); return { items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : null, approx_total: found.length }; }],
  [/^\/events\/(\d+)$/, (q, id) => ({ ...events.find((e) => e.id === id), detail: { timestamp: ago(60), event_type: 'alert', src_ip: '198.51.100.9', dest_ip: '203.0.113.7', proto: 'TCP', alert: { signature_id: 942100, severity: 1, action: 'blocked' }, http: { hostname: 'dichvucong.laocai.gov.vn', url: "/hoso?id=1' or 1=1--", http_method: 'GET', status: 403 } } })],
  [/^\/event-counts$/, counts],
  [/^\/event-top$/, (q) => ({ what: q.get('what'), items: q.get('what') === 'tenant' ? tenants.map((t) => ({ key: t.id, sum: below(4000) })).sort((a, b) => b.sum - a.sum) : q.get('what') === 'rule' ? signatures.filter(([r]) => r).map(([key, text], i) => ({ key, text, sum: 900 - i * 130 })) : sources.slice(0, 8).map((key, i) => ({ key, sum: 4711 - i * 520 })) })],
  [/^\/decisions$/, (q) => page(decisions.filter((d) => !q.get('state') || q.get('state').split(',').includes(d.state)))], [/^\/decisions\/(\d+)$/, (q, id) => decisions.find((d) => d.id === id)],
  [/^\/decisions\/(\d+)\/evidence$/, () => page(['e3', 'e2', 'e2', 'e1'].map((cls, i) => ({ time: ago(i * 40 + 20), group: String(i + 1), tenant: i === 1 ? '4' : null, class: cls, rule: '942100', text: signatures[i][1], event: null, trust: 0.9 - i / 10, precision: 0.95, weight: 0.88 - i / 8 })))],
  [/^\/decisions\/(\d+)\/trace$/, () => page(edges.map((e, i) => ({ edge: e.id, name: e.name, state: e.state === 'down' ? 'waiting' : 'standing', sent: ago(300), standing: e.state === 'down' ? null : new Date(now - 300000 + 20 + i * 31).toISOString(), vetoed: i === 6, first_hit: null })))],
  [/^\/appeals$/, () => page([{ id: '3', revision: 1, decision: '90209', source: decisions[1].source, state: 'open', text: 'Đây là địa chỉ cổng của đối tác thanh toán, đã có hợp đồng.', contact: 'truc@example.vn', answer: null, by: 'Lê Chi', created: ago(4000) }])],
  [/^\/campaigns$/, () => page(campaigns)], [/^\/campaigns\/(\d+)$/, (q, id) => campaigns.find((c) => c.id === id)],
  [/^\/campaigns\/(\d+)\/matrix$/, () => ({ sources: sources.slice(0, 12), tenants: [4, 5, 7, 9, 11, 13].map((id) => ({ id: String(id), name: tenants[id - 1].name })), times: [ago(7200), ago(3600), ago(0)], cells: Array.from({ length: 60 }, () => [below(12), below(6), below(3), 1 + below(40)]), more: 0 })],
  [/^\/policies$/, () => page(policies)], [/^\/policies\/(\d+)$/, (q, id) => policies.find((p) => p.id === id)],
  [/^\/policies\/(\d+)\/diff$/, (q, id) => ({ from: String(id - 1), to: id, changes: [{ pointer: '/tenants/11/gate', label: tenants[10].name, before: 'shadow', after: 'enforce' }, { pointer: '/tenants/18/limits/udp_pps', label: tenants[17].name, before: 20000, after: 50000 }] })],
  [/^\/policies\/(\d+)\/rollout$/, (q, id) => page(edges.map((e) => ({ edge: e.id, name: e.name, policy: id, state: e.state === 'up' ? 'standing' : e.state === 'late' ? 'sent' : 'waiting', since: ago(900), why: null })))],
  [/^\/users$/, () => page(users)], [/^\/users\/(\d+)$/, (q, id) => users[id - 1]], [/^\/users\/(\d+)\/sessions$/, () => page([{ id: '12', created: ago(4000), last_used: ago(30), address: '192.0.2.7', agent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130' }])],
  [/^\/grants$/, (q) => page(grants.filter((g) => g.user === q.get('user')))], [/^\/tokens$/, () => page([{ id: '3', name: 'Xuất báo cáo hằng đêm', permissions: ['events.read'], created: ago(9000), expires: ago(-86400 * 80), last_used: ago(3000) }])],
  [/^\/audit$/, () => page(audits)], [/^\/audit\/verification$/, () => ({ whole: true, records: 4711, broken_at: null, head: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', signed_heads: 12, last_signed: ago(700) })],
  [/^\/settings$/, () => ({ revision: 3, keep_events_days: 30, keep_audit_days: 3650, collective_blocks: true, two_persons_above_v4: 24, two_persons_above_v6: 48, second_factor_required: 'admins', session_idle_min: 30, share_tenant_names: false, notice: null })],
  [/^\/shield$/, () => ({ from: ago(3600), estimated: false, funnel: [['arrived', 91827364], ['parse', 120331], ['bogon', 88010], ['list', 8123400], ['policy', 1200210], ['reflection', 21002001], ['signature', 14200100], ['fragment', 3210], ['challenge', 501200], ['limit', 2100333], ['passed', 44488569]].map(([step, packets]) => ({ step, packets, shadow: step === 'policy' ? 40210 : 0 })), edges: edges.map((e) => ({ id: e.id, name: e.name, packets_ps: e.packets_ps, drops_ps: e.packets_ps * random() * 0.7, cpu: random() * 0.6, failing_open: e.failing_open })), reasons: [['ntp-monlist', 12000000], ['signature', 9200100], ['listed', 8123400], ['limit-source', 2100333], ['out-of-state', 900000], ['bogon', 88010]].map(([reason, packets]) => ({ reason, packets })), minutes: { arrived: wave(60, 1500000), dropped: wave(60, 600000) } })],
  [/^\/operations\/(\d+)$/, (q, id) => ({ id, kind: 'acknowledge', state: 'done', done: 12, total: 12, failed: 0 })],
];

function answer(request, response, next) {
  const url = new URL(request.url, 'http://localhost');
  if (!url.pathname.startsWith('/api/v1/')) return next();
  const path = url.pathname.slice('/api/v1'.length);
  if (path === '/stream') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(': made up\n\n');
    return undefined;
  }
  for (const [pattern, make] of routes) {
    const match = pattern.exec(path);
    const body = match && (request.method === 'GET' || path === '/session') ? make(url.searchParams, match[1]) : undefined;
    if (body) {
      response.writeHead(200, { 'Content-Type': 'application/json', ETag: '"r1"' });
      return response.end(JSON.stringify(body));
    }
  }
  response.writeHead(request.method === 'GET' ? 404 : 202, { 'Content-Type': 'application/json' });
  return response.end(JSON.stringify(request.method === 'GET' ? { type: 'not-found', title: 'Không tìm thấy đối tượng.', status: 404, instance: '' } : { id: '2', kind: 'made-up', state: 'running', done: 0, total: 1, explanation: { vi: 'Sẽ chặn.', en: 'Would block.' } }));
}

export const fixtures = () => ({ name: 'fixtures', configureServer: (server) => void server.middlewares.use(answer), configurePreviewServer: (server) => void server.middlewares.use(answer) });
