// explain: why each campaign is served to a described request, or not, asked of adctl and of the API.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { binaries, importCatalog, request, run, startRedis, startServer, tempDir, until } from '../lib/harness.mjs';
import { patient } from '../lib/traffic.mjs';

const token = 'a-token-of-the-api-that-is-long-enough';
const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0';
const creative = (id, fields = {}) => ({
  id,
  type: 'image',
  size: '728x90',
  image: 'https://pictures.example/a.png',
  landing: 'https://shop.example/',
  ...fields,
});
const campaign = (id, fields = {}) => ({ slots: '*', creatives: [creative(id)], id, ...fields });
const slots = [{ id: 'header', sizes: '728x90' }, { id: 'post-top', sizes: '728x90' }];

async function start(t, campaigns, options = {}) {
  const file = path.join(tempDir('token'), 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const redis = await startRedis({ t });
  await importCatalog(redis, { slots, campaigns });
  const server = await startServer({ t, redis, options: { 'api.token_file': file, ...patient, ...options } });
  return { redis, server };
}

const api = (server, where, headers = {}, settings = {}) =>
  request(`${server.admin}${where}`, { headers: { Authorization: `Bearer ${token}`, ...headers }, ...settings });

const query = (described) =>
  new URLSearchParams(Object.entries(described).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));

async function explain(server, described) {
  const answer = await api(server, `/api/v1/explain?${query(described)}`);
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

async function verdicts(server, described, at = 0) {
  const { slots: told } = (await explain(server, described)).json();
  return Object.fromEntries(told[at].listed.map((verdict) => [verdict.campaign, verdict]));
}

// The same question to adctl.
function adctl(server, described, ...more) {
  const options = Object.entries(described).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (name.startsWith('kv.') ? ['--kv', `${name.slice(3)}=${one}`] : [`--${name}`, one])),
  );
  return server.adctl(['explain', ...options, ...more]);
}

// Every key with its value and its time to live, but for what servers write by the clock: traffic, compaction.
async function contents(redis) {
  const keys = (await redis.command('KEYS', '*')).filter((key) => !/^ad:(traffic$|compact)/.test(key)).sort();
  const each = await Promise.all(
    keys.map(async (key) => [key, await redis.command('DUMP', key), await redis.command('PEXPIRETIME', key)]),
  );
  return JSON.stringify(each);
}

test('a cap that is reached is told with its count and the time it opens again', async (t) => {
  const { redis, server } = await start(t, [
    campaign('spring', { caps: '3/1d', timezone: 'Europe/Berlin' }),
    campaign('house', { tier: 'house' }),
  ]);
  const viewer = { slot: 'header', uid: 'viewer-0001' };
  for (let i = 0; i < 3; i++) assert.equal((await server.ads(viewer, { headers: { 'User-Agent': browser } }))[0].campaign, 'spring');
  const [key] = await redis.command('KEYS', 'ad:cap:*');
  const now = Date.now();
  await redis.command('PEXPIREAT', key, String(now + 3600000));

  const told = await verdicts(server, viewer);
  assert.equal(told.spring.verdict, 'cap');
  assert.equal(told.spring.draws, 0);
  assert.equal(told.house.verdict, 'served');
  assert.equal(told.house.draws, 1000);
  const form = { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const shown = [-1000, 0, 1000].map((off) => new Date(Math.ceil((now + 3600000 + off) / 60000) * 60000).toLocaleTimeString('en-GB', form));
  assert.match(told.spring.detail, /^cap 3\/1d: 3 served, opens again (\d{4}-\d\d-\d\d )?\d\d:\d\d$/);
  assert.ok(shown.includes(told.spring.detail.slice(-5)), `${told.spring.detail}, not ${shown}`);

  const table = await adctl(server, viewer);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /spring +cap +0 +cap 3\/1d: 3 served, opens again/);
  assert.equal((await verdicts(server, { slot: 'header', uid: 'viewer-0002' })).spring.verdict, 'served');
  // When the window is over, it serves again.
  const later = new Date(now + 3660000).toISOString().replace(/\.\d+/, '');
  assert.equal((await verdicts(server, { ...viewer, at: later })).spring.verdict, 'served');
  // Without an id it is address, browser and site.
  await redis.command('DEL', key);
  for (let i = 0; i < 3; i++) await server.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } });
  const daily = await explain(server, { slot: 'header', ip: '127.0.0.1', ua: browser });
  assert.equal(daily.json().viewer, 'daily-hash');
  assert.equal(daily.json().slots[0].verdicts.cap, 1);
});

// Requests until all that was drawn has been served. The rarest of the campaigns below is drawn once in twenty: it
// misses so many about once in 10^33 runs.
const servedMost = 1500;

test('what is told is what is served: all of it, and nothing else', async (t) => {
  const campaigns = [
    campaign('a', { weight: 3 }),
    campaign('b', { weight: 2 }),
    campaign('once', { tier: 'sponsorship', caps: '1/1h' }),
    campaign('tea', { keywords: 'tea', tier: 'sponsorship', share: 30 }),
    campaign('desktop', { devices: 'desktop', weight: 2 }),
    campaign('mobile', { devices: 'mobile' }),
    campaign('sport', { paths: '/sport/*' }),
    campaign('shop', { 'kv.section': 'shop' }),
    campaign('house', { tier: 'house' }),
    campaign('late', { start: '2099-01-01T00:00:00Z' }),
  ];
  // How soon Redis answers is not what is asked here.
  const { server } = await start(t, campaigns, { 'server.deadline_ms': '10s' });
  const pages = [
    {},
    { kw: 'tea' },
    { url: 'https://blog.example/sport/a' },
    { 'kv.section': 'shop', kw: 'Tea,beer', url: 'https://blog.example/news' },
  ];
  for (const [i, page] of pages.entries()) {
    const viewer = (n) => ({ slot: ['header', 'post-top'], uid: `viewer-${i}-${n}-000`, ...page });
    const { slots: told } = (await explain(server, { ...viewer(0), ua: browser })).json();
    told.forEach((slot) => assert.equal(slot.campaigns, campaigns.length));
    const drawn = told.map((slot) => new Set(slot.listed.filter(({ draws }) => draws > 0).map((one) => one.campaign)));
    const missing = drawn.map((names) => new Set(names));
    let n = 0;
    for (; n < servedMost && (n < 50 || missing.some((names) => names.size > 0)); n++) {
      const ads = await server.ads(viewer(n), { headers: { 'User-Agent': browser } });
      ads.forEach((ad, at) => {
        assert.ok(drawn[at].has(ad.campaign), `slot ${at} of page ${i}: ${ad.campaign} (${ad.unfilled}) is not among ${[...drawn[at]]}`);
        missing[at].delete(ad.campaign);
      });
    }
    assert.deepEqual(missing.map((names) => [...names]), [[], []], `page ${i} after ${n} requests`);
  }
});

test('nothing is changed, neither in Redis nor in the counts', async (t) => {
  const { redis, server } = await start(t, [campaign('spring', { caps: '3/1d,9/lifetime' }), campaign('house', { tier: 'house' })]);
  const viewer = { slot: ['header', 'post-top'], uid: 'viewer-0001' };
  await server.ads(viewer, { headers: { 'User-Agent': browser } });
  await until(async () => (await redis.command('EXISTS', 'ad:total:{spring}', 'ad:total:{house}')) === 2, {
    what: 'the serves are written',
  });
  const before = await contents(redis);
  const counts = (await server.stats()).campaigns;
  for (let i = 0; i < 5; i++) {
    await explain(server, viewer);
    const told = await adctl(server, { slot: 'header', uid: 'viewer-0001' });
    assert.equal(told.code, 0, told.stderr);
  }
  assert.equal(await contents(redis), before);
  assert.deepEqual((await server.stats()).campaigns, counts);
});

test('a goal that is reached and a budget that is spent are told with their figures', async (t) => {
  const { redis, server } = await start(t, [
    campaign('goal', { goal_impressions: 4, tier: 'sponsorship' }),
    campaign('money', { budget: '0.004', cpm: '2', pacing: 'asap' }),
    campaign('far', { goal_impressions: 1000000, weight: 3 }),
    campaign('house', { tier: 'house' }),
  ]);
  await redis.command('HSET', 'ad:total:{goal}', 'impressions', '4');
  await redis.command('HSET', 'ad:total:{money}', 'impressions', '2', 'spend', '4000');
  await redis.command('HSET', 'ad:goal:{far}', `reserved:${Date.now() - 3600000}:20200101`, '7'); // long over
  const before = await contents(redis);
  const at = new Date().toISOString().replace(/\.\d+/, '');
  const answer = await explain(server, { slot: 'header', at });
  const told = Object.fromEntries(answer.json().slots[0].listed.map((verdict) => [verdict.campaign, verdict]));
  assert.equal(told.goal.verdict, 'goal_met');
  assert.equal(told.goal.detail, 'goal_impressions 4: 4 delivered');
  assert.equal(told.money.verdict, 'budget_spent');
  assert.equal(told.money.detail, 'budget 0.004: 0.004 spent');
  assert.equal(told.far.draws, 1000);
  assert.equal((await adctl(server, { slot: 'header', at }, '--json')).stdout, answer.text);
  assert.equal(await contents(redis), before, 'asking has changed something');
  for (let i = 0; i < 20; i++)
    assert.equal((await server.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } }))[0].campaign, 'far');
});

test('adctl and the API tell the same, word for word', async (t) => {
  const { server } = await start(t, [
    campaign('spring', { caps: '1/1d', timezone: 'Europe/Berlin' }),
    campaign('german', { countries: 'DE, AT' }),
    campaign('mobile', { devices: 'mobile', 'kv.colour': 'red' }),
    campaign('wide', { creatives: [creative('wide', { size: '970x250' })] }),
    campaign('house', { tier: 'house' }),
  ]);
  await server.ads({ slot: 'header', uid: 'viewer-0001' }, { headers: { 'User-Agent': browser } });
  for (const described of [
    { slot: 'header' },
    { slot: ['header:320', 'post-top', 'nowhere'], uid: 'viewer-0001', kw: 'tea', 'kv.colour': ['red', 'blue'] },
    { slot: 'header', url: 'https://Blog.example/a?b', ref: 'https://search.example/', ua: browser, lang: 'de-DE,en;q=0.5', ip: '192.0.2.7' },
    { slot: 'post-top', campaign: 'german', consent: 'nonsense' },
  ]) {
    const at = new Date().toISOString().replace(/\.\d+/, '');
    const told = await adctl(server, { ...described, at }, '--json');
    assert.equal(told.code, 0, told.stderr);
    assert.equal(told.stdout, (await explain(server, { ...described, at })).text);
  }
});

test('adctl says beside it that a user agent is no reader\'s', async (t) => {
  const { server } = await start(t, [campaign('house')]);
  const told = async (agent, more = []) => {
    const { code, stdout, stderr } = await server.adctl(['explain', '--slot', 'header', '--ua', agent, ...more]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /house +served/);
    return stderr.replace(/^adctl: note: /, '').trim();
  };
  assert.equal(await told(browser), '');
  const counts = 'it gets its ads, and nothing of it is counted';
  assert.equal(await told('Googlebot/2.1'), `--ua: it is bot (Googlebot): ${counts}`);
  assert.equal(await told('curl/8.5.0'), `--ua: it is not_browser (curl): ${counts}`);
  assert.equal(await told('acme-agent/0.1'), `--ua: it is not_browser: ${counts}`);
});

test('how adctl is called', async (t) => {
  const { server } = await start(t, [campaign('house')]);
  for (const [args, code, pattern] of [
    [[], 2, /--slot: missing/],
    [['--slot', 'no such'], 2, /--slot: /],
    [['--slot', 'header', '--ip', '1.2.3'], 2, /--ip: .*no IPv4 or IPv6 address/],
    [['--slot', 'header', '--at', 'noon'], 2, /--at: /],
    [['--slot', 'header', '--kv', 'colour'], 2, /--kv: .*NAME=VALUE/],
    [['--slot', 'nowhere'], 1, /--slot: there is no such slot/],
    [['--slot', 'header', '--campaign', 'nobody'], 1, /--campaign: there is no such campaign/],
    [['--slot', 'header', '--width', 'x'], 2, /--slot: the width/],
  ]) {
    const told = await server.adctl(['explain', ...args]);
    assert.equal(told.code, code, `${args.join(' ')}: ${told.stderr}`);
    assert.match(told.stderr, pattern);
    assert.equal(told.stdout, '');
  }
  const narrow = await server.adctl(['explain', '--slot', 'header', '--width', '320']);
  assert.match(narrow.stdout, /house +size +0 +size: 728x90 does not fit 320 wide/);
});

// Row A1.
test('who does not bear the token learns nothing', async (t) => {
  const { server } = await start(t, [campaign('house')]);
  const where = '/api/v1/explain?slot=header';
  const refusals = await Promise.all([
    request(`${server.admin}${where}`),
    request(`${server.admin}${where}&token=${token}&access_token=${token}`),
    ...[`Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, `Bearer ${token.slice(0, 8)}`, 'Bearer ', `Basic ${token}`, token].map((Authorization) =>
      api(server, where, { Authorization }),
    ),
    api(server, where, { Authorization: [`Bearer ${token}`, `Bearer ${token}`] }),
    api(server, '/api/v1/nothing', { Authorization: 'Bearer wrong' }),
  ]);
  for (const refusal of refusals) {
    assert.equal(refusal.status, 401);
    assert.equal(refusal.headers['www-authenticate'], 'Bearer');
    assert.equal(refusal.text, refusals[0].text);
    assert.ok(!refusal.text.includes(token));
  }
  assert.equal((await api(server, where, { Authorization: `bearer ${token}` })).status, 200);
  assert.ok(!server.log().includes(token), 'the log has the token');
});

// Rows A2 and A6.
test('the API is on the admin listener alone, for GET and HEAD alone, and for no other origin', async (t) => {
  const { server } = await start(t, [campaign('house')]);
  const where = '/api/v1/explain?slot=header';
  const outside = await request(`${server.base}${where}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(outside.status, 404);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await api(server, where, {}, { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
    assert.equal(answer.json().error.code, 'method_not_allowed');
  }
  const tunnelled = await api(server, where, { 'X-HTTP-Method-Override': 'DELETE', Origin: 'https://evil.example' });
  assert.equal(tunnelled.status, 200);
  const preflight = await api(server, where, { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'GET' }, { method: 'OPTIONS' });
  const head = await api(server, where, { Origin: 'https://evil.example' }, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  for (const answer of [tunnelled, preflight, head, outside])
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
});

test('without a token the API is closed; a token that others may read, or a short one, is refused', async (t) => {
  const { server } = await start(t, [campaign('house')], { 'api.token_file': '' });
  const closed = await api(server, '/api/v1/explain?slot=header');
  assert.equal(closed.status, 403);
  assert.equal(closed.json().error.code, 'no_token');
  assert.match(closed.json().error.message, /api\.token_file/);

  const file = path.join(tempDir('token'), 'token');
  for (const [text, mode, pattern] of [
    [token, 0o644, /token_file.*mode 0644/],
    ['short', 0o600, /token_file.*32 to 512/],
    [`${token} ${token}`, 0o600, /token_file.*without blanks/],
  ]) {
    writeFileSync(file, text);
    chmodSync(file, mode);
    const refused = await run(path.join(binaries, 'adserver'), ['-t', '-c', server.config, '-o', `api.token_file=${file}`]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, pattern);
  }
});

test('what is asked wrongly', async (t) => {
  const { server } = await start(t, [campaign('house')]);
  for (const [where, status, code] of [
    ['/api/v1/explain', 400, 'bad_parameter'],
    ['/api/v1/explain?slot=header&ip=1', 400, 'bad_parameter'],
    ['/api/v1/explain?slot=header&at=noon', 400, 'bad_parameter'],
    ['/api/v1/explain?slot=header&nonsense=1', 400, 'bad_parameter'],
    ['/api/v1/explain?slot=header&ua=%', 400, 'bad_parameter'],
    ['/api/v1/explain?slot=nowhere', 404, 'unknown_slot'],
    ['/api/v1/explain?slot=header&campaign=nobody', 404, 'unknown_campaign'],
    ['/api/v1/nothing', 404, 'not_found'],
    ['/api/', 404, 'not_found'],
  ]) {
    const answer = await api(server, where);
    assert.equal(answer.status, status, `${where}: ${answer.text}`);
    assert.equal(answer.json().error.code, code, where);
  }
});

test('openapi.json describes what is answered', async (t) => {
  const { server } = await start(t, [campaign('spring', { caps: '1/1d' }), campaign('house')]);
  const document = (await api(server, '/api/v1/openapi.json')).json();
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(Object.keys(document.paths).sort(), ['/api/v1/explain', '/api/v1/openapi.json', '/api/v1/reports']);
  const { parameters } = document.paths['/api/v1/explain'].get;
  const refused = (await api(server, '/api/v1/explain?slot=header&nonsense=1')).json().error.message;
  const names = refused.replace(/^.*allowed are /, '').split(', ').map((name) => name.replace('.<name>', ''));
  assert.deepEqual(names.sort(), parameters.map(({ name }) => name).sort());

  // Every member of an answer is in the schema, and every required one in the answer.
  const { schemas } = document.components;
  const check = (schema, value, where) => {
    const rule = schema.$ref ? schemas[schema.$ref.split('/').pop()] : schema;
    if (Array.isArray(value)) value.forEach((item, i) => check(rule.items, item, `${where}[${i}]`));
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const name of rule.required ?? []) assert.ok(name in value, `${where}.${name} is missing`);
    if (rule.additionalProperties) return;
    for (const [name, item] of Object.entries(value)) {
      assert.ok(rule.properties[name], `${where}.${name} is not described`);
      check(rule.properties[name], item, `${where}.${name}`);
    }
  };
  const answer = (await explain(server, { slot: ['header:728', 'nowhere'], kw: 'tea', 'kv.a': 'b' })).json();
  check(schemas.Explanation, answer, 'answer');
  check(schemas.Error, (await api(server, '/api/v1/nothing')).json(), 'error');
});
