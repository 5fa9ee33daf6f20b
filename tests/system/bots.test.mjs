// Traffic that is not a reader's: it gets its ad and its acknowledgement, and is counted apart, under
// its reason (G1 to G6).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';
import { isbot } from 'isbot';
import {
  binaries,
  importCatalog,
  removeDir,
  repository,
  request,
  run,
  smallCatalog,
  startRedis,
  startServer,
  tempDir,
  until,
} from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, statsOfAll } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const require = createRequire(import.meta.url);
const header = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };
const googlebot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const headless = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.0.0 Safari/537.36';

async function start(t, { options, ...settings } = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...options }, ...settings });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  return { redis, server, key };
}

const click = (server, key, settings) => report(`${server.base}/v1/c/${signToken(key, header)}`, settings);

// ---- Who it is (G1, G2, G3) -------------------------------------------------------------------------

const crawlers = [...new Set(require('crawler-user-agents').flatMap(({ instances }) => instances))];
const readers = [
  ...new Set([
    ...JSON.parse(readFileSync(path.join(repository, 'node_modules/user-agents/dist/user-agents.json'), 'utf8')).map(({ userAgent }) => userAgent),
    ...require('top-user-agents'),
  ]),
];

// Samples of crawlers that the judge takes for browsers, by what they call themselves: some are people in
// an app (Instagram, Facebook), some editors that show pages (Code, Trae).
const missed = ['Instagram 406', 'Code/1.115', 'MetaIAB Facebook', 'Trae/1.107', 'Fluid/0.9', 'TSM-turingos', 'GTmetrix', 'Miniature.io', 'YLT'];
const flagged = []; // real browsers that it takes for crawlers

// Reports an impression for each user agent, as a campaign's of its own: what is counted of that campaign
// is the verdict. { agent: metric }
async function verdicts(t, agents) {
  const { redis, server, key } = await start(t, { options: { 'server.workers': 2 } });
  const agent = keptAlive(t, 16);
  await inParallel(agents.length, 16, async (i) => {
    const token = signToken(key, { ...header, campaign: `c${i}` });
    const bytes = Buffer.from(agents[i]).toString('latin1');
    assert.equal((await report(`${server.base}/v1/i/${token}`, { agent, headers: { 'User-Agent': bytes } })).status, 204, agents[i]);
  });
  const totals = await redis.client.pipeline(agents.map((_, i) => ['HGETALL', `ad:total:{c${i}}`]));
  const said = Object.fromEntries(agents.map((name, i) => [name, totals[i][0]]));
  totals.forEach((total, i) => assert.deepEqual(total.slice(1), ['1'], agents[i]));
  return { said, stats: await server.stats() };
}

test('of the samples of crawlers at least 99 % are caught, each by its reason; the others are known', async (t) => {
  const { said, stats } = await verdicts(t, crawlers);
  const through = crawlers.filter((agent) => said[agent] === 'impressions');
  t.diagnostic(`${crawlers.length - through.length} of ${crawlers.length} caught`);
  assert.ok(crawlers.length > 2000);
  assert.ok(through.length <= crawlers.length / 100, through.join('\n'));
  assert.deepEqual(through.filter((agent) => !missed.some((name) => agent.includes(name))), []);
  assert.equal(through.length, missed.length);
  // The judge is isbot's: PCRE and JavaScript read its patterns alike.
  assert.deepEqual(through, crawlers.filter((agent) => !isbot(agent)));
  const metrics = [...new Set(Object.values(said))].sort();
  assert.deepEqual(metrics, ['bot', 'impressions', 'not_browser']);
  for (const agent of crawlers.filter((name) => /^(?:curl|python-requests|Wget|okhttp)\//i.test(name))) assert.equal(said[agent], 'not_browser', agent);
  for (const agent of crawlers.filter((name) => /Googlebot|bingbot|AhrefsBot|GPTBot/.test(name))) assert.equal(said[agent], 'bot', agent);
  assert.equal(stats.events.bot + stats.events.not_browser, crawlers.length - missed.length);
  assert.ok(stats.crawlers.Googlebot.requests > 3);
  const named = Object.values(stats.crawlers).reduce((sum, { requests }) => sum + requests, 0);
  t.diagnostic(`${named} of them by name, ${Object.keys(stats.crawlers).length} names`);
  assert.ok(named > 0.98 * (crawlers.length - missed.length), `${named} named`);
});

test('of real browsers at most 0.4 % are taken for crawlers', async (t) => {
  const { said } = await verdicts(t, readers);
  const caught = readers.filter((agent) => said[agent] !== 'impressions');
  t.diagnostic(`${caught.length} of ${readers.length} browsers taken for crawlers`);
  assert.ok(readers.length > 900);
  assert.ok(caught.length <= 0.004 * readers.length, caught.join('\n'));
  assert.deepEqual(caught, flagged);
});

test('programs, prefetches and HEAD: an ad, an acknowledgement, and a reason', async (t) => {
  const { redis, server, key } = await start(t);
  const ways = [
    ['not_browser', { headers: { 'User-Agent': '' } }],
    ['not_browser', { headers: { 'User-Agent': 'curl/8.5.0' } }],
    ['not_browser', { headers: { 'User-Agent': 'our-monitor/1.0' } }],
    ['bot', { headers: { 'User-Agent': googlebot } }],
    ['bot', { headers: { 'User-Agent': headless } }],
    ['prefetch', { headers: { 'Sec-Purpose': 'prefetch' } }],
    ['prefetch', { headers: { 'Sec-Purpose': 'prefetch;prerender' } }],
    ['prefetch', { headers: { Purpose: 'prefetch' } }],
    ['prefetch', { headers: { Purpose: 'preview' } }],
    ['prefetch', { headers: { 'X-Purpose': 'preview' } }],
    ['prefetch', { headers: { 'X-Moz': 'prefetch' } }],
    ['head', { method: 'HEAD' }],
  ];
  const expected = {};
  for (const [reason, settings] of ways) {
    const answer = await report(`${server.base}/v1/ads?slot=header`, settings);
    assert.equal(answer.status, 200);
    if (reason !== 'head') assert.equal(answer.json().ads[0].campaign, 'spring');
    for (const kind of ['i', 'v', 'c']) {
      const { status } = await report(`${server.base}/v1/${kind}/${signToken(key, header)}`, settings);
      assert.equal(status, kind === 'c' ? 302 : 204, reason);
    }
    expected[reason] = (expected[reason] ?? 0) + 3;
    expected[`serves_${reason}`] = (expected[`serves_${reason}`] ?? 0) + 1;
  }
  const served = ways.length;
  const all = (total) => Object.entries(total).reduce((sum, [name, n]) => sum + (name.startsWith('serves_') ? n : 0), 0);
  await until(async () => all((await countsInRedis(redis, 'spring')).total) === served, { what: 'serves are written' });
  const { total, sums } = await countsInRedis(redis, 'spring');
  assert.deepEqual(total, expected);
  assert.deepEqual(sums, expected);
  const { slots, campaigns } = await server.stats();
  const told = Object.fromEntries(Object.entries(expected).filter(([name]) => name.startsWith('serves_')));
  assert.deepEqual(campaigns.spring, { serves: 0, ...told, impressions: 0, viewables: 0, clicks: 0, rejected: {} });
  assert.deepEqual(slots.header.filtered, Object.fromEntries(Object.entries(told).map(([name, n]) => [name.slice(7), n])));
  assert.equal(slots.header.filled, served);
  const metrics = (await request(`${server.admin}/metrics`)).text;
  assert.match(metrics, /^masthead_slot_filtered_total\{slot="header",reason="prefetch"\} 6$/m);
  assert.match(metrics, /^masthead_campaign_serves_filtered_total\{campaign="spring",reason="bot"\} 2$/m);
  assert.match(metrics, /^masthead_crawler_requests_total\{crawler="Googlebot"\} 4$/m);
});

// ---- Where it comes from (G4) -----------------------------------------------------------------------

test('internal networks never count, by the address that trusted proxies tell', async (t) => {
  const options = { 'server.trusted_proxies': '127.0.0.1', 'bots.internal': '10.0.0.0/8, 2001:db8::/32' };
  const { redis, server, key } = await start(t, { options });
  const from = (address) => ({ headers: { 'User-Agent': browser, 'X-Forwarded-For': address } });
  for (const address of ['10.1.2.3', '2001:db8::1']) {
    const [ad] = await server.ads({ slot: 'header' }, from(address));
    assert.equal(ad.campaign, 'spring');
    assert.equal((await report(ad.impression_url, from(address))).status, 204);
    assert.equal((await report(ad.click_url, from(address))).status, 302);
  }
  for (const address of ['11.1.2.3', '2001:db9::1', '203.0.113.9, 10.1.2.3'.split(', ')[0]])
    assert.equal((await report(`${server.base}/v1/i/${signToken(key, header)}`, from(address))).status, 204);
  await until(async () => (await countsInRedis(redis, 'spring')).total.serves_internal === 2, { what: 'serves are written' });
  assert.deepEqual((await countsInRedis(redis, 'spring')).total, { serves_internal: 2, internal: 4, impressions: 3 });
  assert.equal((await server.stats()).events.internal, 4);
  // The networks are read again like all of the configuration.
  server.reconfigure({ 'bots.internal': '' });
  await until(async () => {
    await report(`${server.base}/v1/i/${signToken(key, header)}`, from('10.1.2.3'));
    return (await countsInRedis(redis, 'spring')).total.impressions > 3;
  });
});

// ---- How often (G5) ---------------------------------------------------------------------------------

test('clicks beyond bots.clicks_per_minute of one viewer do not count, over all servers', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { ...patient, 'server.workers': 2, 'bots.clicks_per_minute': 10 };
  const servers = await startServers({ t, redis, count: 2, options });
  const key = newestKey(servers[0].options['tokens.keyring']);
  const agent = keptAlive(t, 16);
  const clicks = (count, as) => inParallel(count, 8, (i) => click(servers[i % 2], key, { agent, ...as }));
  const answers = await clicks(25);
  assert.ok(answers.every(({ status, headers }) => status === 302 && headers.location === header.landing), 'readers get where they go');
  const total = async () => (await countsInRedis(redis, 'spring')).total;
  assert.deepEqual(await total(), { clicks: 10, impressions: 10, click_rate: 15 });
  // Nobody else is concerned, and other events are not.
  await clicks(4, { headers: { 'User-Agent': `${browser} another` } });
  await report(`${servers[0].base}/v1/i/${signToken(key, header)}`, { agent });
  assert.deepEqual(await total(), { clicks: 14, impressions: 15, click_rate: 15 });
  assert.equal((await statsOfAll(servers)).events.click_rate, 15);
  // What Redis holds for it names nobody and ends within a minute.
  const keys = await redis.command('KEYS', 'ad:clicks:*');
  assert.equal(keys.length, 2);
  for (const name of keys) {
    assert.match(name, /^ad:clicks:\{[\w-]{12}\}$/);
    const left = await redis.command('PTTL', name);
    assert.ok(left > 0 && left <= 60000);
  }
  // When the window is over they count again.
  await redis.command('DEL', ...keys);
  await clicks(12);
  assert.deepEqual(await total(), { clicks: 24, impressions: 25, click_rate: 17 });
});

test('what is kept apart anyway is not asked about; a click that is repeated counts for the rate', async (t) => {
  const { redis, server, key } = await start(t, { options: { 'bots.clicks_per_minute': 3 } });
  const token = signToken(key, header);
  for (let i = 0; i < 3; i++) await click(server, key, { headers: { 'User-Agent': googlebot } });
  assert.deepEqual(await redis.command('KEYS', 'ad:clicks:*'), []);
  for (let i = 0; i < 5; i++) await report(`${server.base}/v1/c/${token}`);
  assert.deepEqual((await countsInRedis(redis, 'spring')).total, { bot: 3, clicks: 1, impressions: 1, duplicate: 2, click_rate: 2 });
  server.reconfigure({ 'bots.clicks_per_minute': 0 });
  await until(async () => {
    await click(server, key);
    return (await countsInRedis(redis, 'spring')).total.clicks > 3;
  });
});

test('where Redis does not answer a click is redirected all the same', async (t) => {
  const options = { 'bots.clicks_per_minute': 3, 'server.deadline_ms': '50ms' };
  const { redis, server, key } = await start(t, { options });
  assert.equal((await click(server, key)).status, 302);
  redis.pause();
  const answers = await Promise.all(Array.from({ length: 5 }, () => click(server, key)));
  assert.ok(answers.every(({ status, headers }) => status === 302 && headers.location === header.landing));
  redis.resume();
});

// ---- The list of one's own --------------------------------------------------------------------------

test('bots.list replaces what is built in, is read again at SIGHUP, and is refused by its line', async (t) => {
  const dir = tempDir('bots');
  t.after(() => removeDir(dir));
  const list = path.join(dir, 'crawlers.txt');
  writeFileSync(list, '# ours\n\n(?-i)Inspector/\\d\n');
  const { redis, server, key } = await start(t, { options: { 'bots.list': list }, allowErrors: /reload: refused/ });
  const seen = async (agent) => {
    await redis.command('DEL', 'ad:total:{spring}');
    await report(`${server.base}/v1/i/${signToken(key, header)}`, { headers: { 'User-Agent': agent } });
    return Object.keys((await countsInRedis(redis, 'spring')).total).join();
  };
  assert.equal(await seen(`${browser} Inspector/2`), 'bot');
  assert.equal(await seen(`${browser} inspector/2`), 'impressions');
  assert.equal(await seen(googlebot), 'impressions');
  assert.equal(await seen(''), 'not_browser');

  writeFileSync(list, 'fine\n(not\n');
  server.signal('SIGHUP');
  await until(() => server.log().includes('reload: refused'), { what: 'the refusal is logged' });
  assert.match(server.log(), /adserver\.conf:\d+: bots\.list.*crawlers\.txt:2: no pattern at its character 5/);
  assert.equal(await seen(`${browser} Inspector/2`), 'bot');

  writeFileSync(list, 'firefox\n');
  server.signal('SIGHUP');
  await until(async () => (await seen(browser)) === 'bot', { what: 'the new list is in effect' });
});

test('-t names file and line of a list that is wrong', async (t) => {
  const dir = tempDir('bots');
  t.after(() => removeDir(dir));
  const list = path.join(dir, 'crawlers.txt');
  const check = async (text) => {
    if (text !== null) writeFileSync(list, text);
    return run(path.join(binaries, 'adserver'), ['-t', '-o', `bots.list=${text === null ? `${list}.none` : list}`]);
  };
  assert.equal((await check('bot\n')).code, 0);
  for (const [text, says] of [
    ['bot\n[a-\n', /bots\.list: .*crawlers\.txt:2: no pattern at its character 4: .*; allowed is a PCRE/],
    ['bot\n.*\n', /crawlers\.txt:2: \.\* is in every user agent, allowed is/],
    ['# nobody\n', /crawlers\.txt: holds no pattern, allowed is one PCRE a line/],
    [null, /crawlers\.txt\.none cannot be opened: No such file/],
  ]) {
    const { code, stderr } = await check(text);
    assert.equal(code, 2, text);
    assert.match(stderr, says);
  }
  const folder = await run(path.join(binaries, 'adserver'), ['-t', '-o', `bots.list=${dir}`]);
  assert.match(folder.stderr, /is not a regular file/);
  const wrong = await run(path.join(binaries, 'adserver'), ['-t', '-o', 'bots.internal=10.0.0.1/8']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /bots\.internal: /);
});

// ---- All of it together (G6) ------------------------------------------------------------------------

test('gross is net and the reasons: for every campaign, slot and hour, of serves and of events', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, {
    slots: ['header', 'post-top', 'footer'].map((id) => ({ id, sizes: '728x90' })),
    campaigns: ['one', 'two', 'bound'].map((id) => ({
      id,
      slots: '*',
      ...(id === 'bound' ? { goal_impressions: 20 } : {}),
      creatives: [{ id: `${id}-728`, type: 'image', size: '728x90', image: 'https://pictures.example/a.png', alt: '', landing: 'https://shop.example/' }],
    })),
  });
  const options = {
    ...patient,
    'server.workers': 2,
    'server.trusted_proxies': '127.0.0.1',
    'bots.internal': '10.0.0.0/8',
    'bots.clicks_per_minute': 10,
    'bots.click_share': 50,
    'bots.click_share_from': 5,
    'tokens.page_ttl': '2h',
  };
  const servers = await startServers({ t, redis, count: 2, options });
  const key = newestKey(servers[0].options['tokens.keyring']);
  const agent = keptAlive(t, 16);
  let seed = 4711; // the same visits each time
  const draw = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * n);
  };
  const as = (headers, rest) => ({ agent, headers: { 'User-Agent': browser, ...headers }, ...rest });
  const ways = [
    () => as({ 'X-Forwarded-For': `192.0.2.${draw(4)}` }), // few: some of them click too often
    () => as({ 'X-Forwarded-For': `198.51.100.${draw(250)}` }),
    () => as({ 'X-Forwarded-For': '203.0.113.7', 'User-Agent': `${browser} another/${draw(1000)}` }), // clicks all, as many
    () => as({ 'X-Forwarded-For': '10.0.0.7' }),
    () => as({ 'User-Agent': googlebot }),
    () => as({ 'User-Agent': '' }),
    () => as({ 'Sec-Purpose': 'prefetch' }),
  ];
  const sent = {}; // 'campaign|slot': { serves, events }
  const note = (campaign, slot, what, n = 1) => {
    const row = (sent[`${campaign}|${slot}`] ??= { serves: 0, events: 0 });
    row[what] += n;
  };
  const visits = Array.from({ length: 300 }, () => ({ way: ways[draw(ways.length)](), first: draw(2), late: draw(10) === 0, again: draw(5) === 0 }));
  // Each kind in turn, so that none implies another.
  await inParallel(visits.length, 16, async (i) => {
    const { way, first, late, again } = visits[i];
    const ads = await servers[first].ads({ slot: ['header', 'post-top', 'footer'] }, way);
    for (const { slot, campaign, creative, click_url: url } of ads) {
      if (!campaign) continue;
      note(campaign, slot, 'serves');
      const token = late ? signToken(key, { ...header, campaign, creative, slot, issued: Date.now() - 3 * 3600000 }) : url.split('/v1/c/')[1];
      for (const kind of again ? ['i', 'i', 'v', 'c', 'c'] : ['i', 'v', 'c']) {
        const { status } = await report(`${servers[1 - first].base}/v1/${kind}/${token}`, way);
        assert.equal(status, kind === 'c' ? 302 : 204);
        note(campaign, slot, 'events');
      }
    }
  });
  await Promise.all(['header', 'footer'].map(async (slot) => {
    for (let i = 0; i < 30; i++) {
      const token = signToken(key, { ...header, campaign: 'bound', creative: 'bound-728', slot });
      assert.equal((await report(`${servers[0].base}/v1/i/${token}`, { agent })).status, 204);
      note('bound', slot, 'events');
    }
  }));

  const isServe = (metric) => metric.startsWith('serves');
  const all = async () => Object.fromEntries(await Promise.all(['one', 'two', 'bound'].map(async (id) => [id, await countsInRedis(redis, id)])));
  const serves = (counts) => Object.values(counts).flatMap(({ sums }) => Object.entries(sums)).reduce((sum, [metric, n]) => sum + (isServe(metric) ? n : 0), 0);
  const expected = Object.values(sent).reduce((sum, row) => sum + row.serves, 0);
  await until(async () => serves(await all()) === expected, { what: 'serves are written' });
  const counts = await all();

  const counted = {};
  const stats = await statsOfAll(servers);
  const reasons = new Set();
  for (const [campaign, { hours, sums, total }] of Object.entries(counts)) {
    assert.deepEqual(total, sums, `${campaign}: the hours are the total`);
    for (const hour of Object.values(hours))
      for (const [field, n] of Object.entries(hour)) {
        const [, slot, metric] = field.split('|');
        const row = (counted[`${campaign}|${slot}`] ??= { serves: 0, events: 0 });
        row[isServe(metric) ? 'serves' : 'events'] += n;
        reasons.add(metric);
      }
    // /stats has the net, and each reason of the serves.
    for (const [metric, n] of Object.entries(total))
      if (isServe(metric) || ['impressions', 'viewables', 'clicks'].includes(metric)) assert.equal(stats.campaigns[campaign][metric], n, `${campaign} ${metric}`);
  }
  assert.deepEqual(counted, sent, 'gross of every campaign and slot');
  for (const name of ['internal', 'bot', 'not_browser', 'prefetch', 'late', 'duplicate', 'over_goal', 'click_rate', 'click_share'])
    assert.ok(reasons.has(name), `${name} is among them`);
  for (const name of ['internal', 'bot', 'not_browser', 'prefetch']) assert.ok(reasons.has(`serves_${name}`), `serves_${name} is among them`);
  // Events of /stats are the same by reason.
  for (const name of ['internal', 'bot', 'not_browser', 'prefetch', 'late', 'duplicate', 'over_goal', 'click_rate', 'click_share'])
    assert.equal(stats.events[name], Object.values(counts).reduce((sum, { sums }) => sum + (sums[name] ?? 0), 0), name);
  t.diagnostic(JSON.stringify(Object.fromEntries(Object.entries(counts).map(([id, { total }]) => [id, total]))));
});
