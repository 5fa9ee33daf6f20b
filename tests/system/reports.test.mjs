// Reports of adctl and of the API, compaction, reconcile and top, on a real Redis and a real server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { adctl, binaries, delay, importCatalog, request, smallCatalog, startRedis, startServer, tempDir, until, whenDone } from '../lib/harness.mjs';
import { readCsv } from '../lib/csv.mjs';
import { browser, patient } from '../lib/traffic.mjs';

const token = 'a-token-of-the-api-that-is-long-enough';
const hour = 3600000;

async function withServer(t, { catalog = smallCatalog, options = {} } = {}) {
  const file = path.join(tempDir('token'), 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const server = await startServer({ t, redis, options: { ...patient, 'api.token_file': file, ...options } });
  return { redis, server };
}

async function withCampaigns(t, ...ids) {
  const redis = await startRedis({ t });
  await importCatalog(redis, { campaigns: ids.map((id) => ({ id, name: `The ${id}`, advertiser: `Firm of ${id}`, slots: '*' })) });
  return redis;
}

const stamp = (ms) => new Date(ms).toISOString().replace(/[-T:]/g, '').slice(0, 10);

// Counts as a server writes them: the hour's hash and the campaign's sums in one step.
async function count(redis, campaign, at, place, counts) {
  for (const [metric, n] of Object.entries(counts)) {
    await redis.command('HINCRBY', `ad:count:{${campaign}}:${stamp(Date.parse(at))}`, `${place}|${metric}`, n);
    await redis.command('HINCRBY', `ad:total:{${campaign}}`, metric, n);
  }
}

async function good(redis, ...args) {
  const result = await adctl(args, { redis });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return result.stdout;
}

const json = async (redis, ...args) => JSON.parse(await good(redis, 'report', '--format', 'json', ...args));

const api = (server, parameters, headers = { Authorization: `Bearer ${token}` }) =>
  request(`${server.admin}/api/v1/reports?${new URLSearchParams(parameters)}`, { headers });

async function twoCampaigns(t) {
  const redis = await withCampaigns(t, 'spring', 'books');
  const full = { serves: 10, impressions: 9, viewables: 5, clicks: 1, spend: 12330, bot: 2 };
  await count(redis, 'spring', '2026-10-24T23:00:00Z', 's-1|header', full);
  await count(redis, 'spring', '2026-10-25T00:00:00Z', 's-1|header', full);
  await count(redis, 'spring', '2026-10-25T01:00:00Z', 's-2|top', { serves: 3, impressions: 3, 'value.EUR': 2500000, conversions: 1 });
  await count(redis, 'spring', '2026-10-25T23:00:00Z', 's-2|top', { serves: 4, zebra: 7 });
  await count(redis, 'books', '2026-10-25T12:00:00Z', 'b-1|header', { serves: 100, impressions: 80, serves_bot: 6 });
  return redis;
}

test('rows of every kind add up to the same, packed or not', async (t) => {
  const redis = await twoCampaigns(t);
  const range = ['--from', '2026-10-24', '--to', '2026-10-26'];
  const all = async () =>
    Object.fromEntries(
      await Promise.all(
        ['hour', 'day', 'slot', 'creative', 'campaign', 'advertiser'].flatMap((by) =>
          ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'].map(async (zone) => [
            `${by} ${zone}`,
            await json(redis, ...range, '--by', by, '--timezone', zone),
          ]),
        ),
      ),
    );
  const before = await all();
  const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
  for (const [what, { rows, totals }] of Object.entries(before)) {
    for (const name of ['serves', 'impressions', 'clicks', 'filtered', 'filtered_serves'])
      assert.equal(sum(rows, name), totals[name], `${what}: ${name}`);
    assert.equal(totals.serves, 127, what);
    assert.equal(totals.reasons.zebra, 7);
    assert.equal(totals.values.EUR, '2.500000');
  }
  const days = before['day Europe/Berlin'].rows.map(({ day, serves }) => [day, serves]);
  // 23:00 UTC is the 25th in Berlin; the day has 25 hours, so that 23:00 UTC of the 25th is the 26th.
  assert.deepEqual(days, [['2026-10-24', 0], ['2026-10-25', 123], ['2026-10-26', 4]]);
  const hours = await json(redis, '--from', '2026-10-25', '--to', '2026-10-25', '--by', 'hour', '--timezone', 'Europe/Berlin');
  assert.equal(hours.rows.length, 25);
  assert.equal((await json(redis, '--from', '2026-03-29', '--to', '2026-03-29', '--by', 'hour', '--timezone', 'Europe/Berlin')).rows.length, 23);
  assert.deepEqual(before['creative UTC'].rows.map(({ campaign, creative, serves }) => [campaign, creative, serves]), [
    ['books', 'b-1', 100],
    ['spring', 's-1', 20],
    ['spring', 's-2', 7],
  ]);
  assert.deepEqual(before['advertiser UTC'].rows.map(({ advertiser, spend }) => [advertiser, spend]), [
    ['Firm of books', '0.000000'],
    ['Firm of spring', '0.024660'],
  ]);

  assert.match(await good(redis, 'compact'), /^3 days of 2 campaigns packed, \d+ numbers\n$/);
  assert.deepEqual(await redis.command('KEYS', 'ad:count:*'), []);
  assert.deepEqual(await all(), before);
  assert.match(await good(redis, 'reconcile'), /^2 campaigns, 0 differences; gross /);
});

test('the API answers the bytes of adctl, and refuses what adctl refuses', async (t) => {
  const { redis, server } = await withServer(t, {
    catalog: { ...smallCatalog, campaigns: [...smallCatalog.campaigns, { id: 'odd', advertiser: '=cmd|x', name: 'a "b", c\r\nd', slots: '*' }] },
  });
  await count(redis, 'odd', '2026-10-25T12:00:00Z', 'b-1|header', { serves: 9007199254740993n, impressions: 3, clicks: 1 });
  await count(redis, 'spring', '2026-10-25T12:00:00Z', 's-1|header', { serves: 5, impressions: 4, spend: 1 });
  const range = { from: '2026-10-20', to: '2026-10-30' };
  for (const by of ['hour', 'day', 'slot', 'creative', 'campaign', 'advertiser']) {
    for (const format of ['json', 'csv']) {
      const query = { ...range, by, format, timezone: 'Europe/Berlin' };
      const told = await api(server, query);
      assert.equal(told.status, 200, told.text);
      const args = Object.entries(query).flatMap(([name, value]) => [`--${name}`, value]);
      assert.equal(told.text, await good(redis, 'report', ...args), `${by} ${format}`);
    }
  }
  const csv = readCsv((await api(server, { ...range, by: 'campaign', format: 'csv' })).text);
  assert.deepEqual(csv.map(({ campaign, name, advertiser, serves }) => [campaign, name, advertiser, serves]), [
    ['odd', 'a "b", c\r\nd', "'=cmd|x", '9007199254740993'],
    ['spring', 'Spring', '', '5'],
    ['total', '', '', '9007199254740998'],
  ]);
  assert.equal(csv[1].ecpm, '0.000250');
  const { rows } = (await api(server, { ...range, by: 'campaign' })).json();
  assert.equal(rows[0].serves, '9007199254740993', 'a number that JSON would round is a string');
  assert.equal(rows[1].serves, 5);

  for (const [query, status, pattern] of [
    [{ by: 'week' }, 400, /by: week is not known, allowed are hour/],
    [{ format: 'table' }, 400, /format: a table is for adctl/],
    [{ from: '2026-13-01' }, 400, /from: .*allowed: a date/],
    [{ campaign: 'nowhere' }, 404, /there is no campaign nowhere/],
    [{ bogus: '1' }, 400, /bogus: not known/],
  ]) {
    const told = await api(server, query);
    assert.equal(told.status, status, told.text);
    assert.match(told.json().error.message, pattern);
  }
  assert.equal((await api(server, {}, {})).status, 401);

  const openapi = await request(`${server.admin}/api/v1/openapi.json`, { headers: { Authorization: `Bearer ${token}` } });
  const { components, paths } = openapi.json();
  const { ReportRow, Report } = components.schemas;
  const described = paths['/api/v1/reports'].get.parameters.map(({ name }) => name);
  const known = (await api(server, { bogus: '1' })).json().error.message.replace(/^.*allowed are /, '').split(', ');
  assert.deepEqual(described.sort(), known.sort());
  for (const by of ['hour', 'day', 'slot', 'creative', 'campaign', 'advertiser']) {
    const answer = (await api(server, { ...range, by })).json();
    assert.deepEqual(Object.keys(answer), Report.required);
    for (const row of [answer.rows[0], answer.totals]) {
      for (const name of ReportRow.required) assert.ok(name in row, name);
      for (const name of Object.keys(row)) assert.ok(name in ReportRow.properties, name);
    }
  }
  const refused = await adctl(['report', '--campaign', 'nowhere'], { redis });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /there is no campaign nowhere, and nothing is counted of it; allowed: /);
  for (const wrong of [['--by', 'week'], ['--format', 'xml'], ['--from', '2026-99-01'], ['--timezone', 'Mars']]) {
    const result = await adctl(['report', ...wrong], { redis });
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, new RegExp(`^adctl: ${wrong[0]}: .*allowed`));
  }
});

test('what a server counts is what the report and /stats say', async (t) => {
  const { redis, server } = await withServer(t);
  const headers = { 'User-Agent': browser };
  for (let i = 0; i < 20; i++) {
    const ads = await server.ads({ slot: ['header', 'post-top'] }, { headers });
    for (const ad of ads) {
      await request(ad.impression_url, { headers });
      if (i % 2) await request(ad.viewable_url, { headers });
      if (i % 5 === 0) await request(ad.click_url, { headers });
      await request(ad.impression_url, { headers });
    }
  }
  await until(async () => (await json(redis)).totals.serves === 40, { what: 'the serves are written' });
  const { totals } = await json(redis);
  assert.deepEqual([totals.impressions, totals.viewables, totals.clicks, totals.reasons.duplicate], [40, 20, 8, 40]);
  assert.equal(totals.viewable_rate, 0.5);
  assert.equal(totals.ctr, 0.2);
  const equal = await adctl(['reconcile', '--stats', `${server.admin}/stats`], { redis });
  assert.equal(equal.code, 0, equal.stdout + equal.stderr);
  assert.equal(equal.stdout, '2 campaigns, 0 differences; gross 108 = net 68 + filtered 40 events\n');

  await redis.command('HINCRBY', 'ad:total:{spring}', 'clicks', 1);
  const [key] = await redis.command('KEYS', 'ad:count:{books}:*');
  await redis.command('HINCRBY', key, 'books-728|post-top|viewables', -2);
  const tampered = await adctl(['reconcile', '--stats', `${server.admin}/stats`, '--json'], { redis });
  assert.equal(tampered.code, 1);
  const told = JSON.parse(tampered.stdout);
  assert.equal(told.equal, false);
  assert.deepEqual(told.differences.map(({ campaign, metric }) => `${campaign} ${metric}`), [
    'books viewables',
    'spring clicks',
    'spring clicks',
    'all counted',
    'all campaigns',
  ]);
  assert.match(told.differences[0].what, /^8 by hour, 10 in its sums: 2 too many there$/);
});

test('reconcile finds whatever is not as it should be', async (t) => {
  const redis = await withCampaigns(t, 'spring', 'books');
  await count(redis, 'spring', '2026-10-25T12:00:00Z', 's-1|header', { serves: 5, impressions: 4 });
  await count(redis, 'books', '2026-10-25T12:00:00Z', 's-1|header', { serves: 5 });
  await good(redis, 'compact');
  assert.match(await good(redis, 'reconcile'), /^2 campaigns, 0 differences/);
  const undo = [];
  const finds = async (pattern, change, back) => {
    await redis.command(...change);
    const result = await adctl(['reconcile'], { redis });
    assert.equal(result.code, 1, `${change.join(' ')}: ${result.stdout}`);
    assert.match(result.stdout, pattern);
    await redis.command(...back);
    undo.push(change);
  };
  const hourKey = 'ad:count:{spring}:2026102512';
  await finds(/^spring serves: 6 by hour, 5 in its sums: 1 too few there/m, ['HSET', hourKey, 's-1|header|serves', 1], ['DEL', hourKey]);
  await finds(/^spring hours: some of their fields are no counts/m, ['HSET', hourKey, 'nonsense', 1], ['DEL', hourKey]);
  await finds(/^spring ad:count:\{spring\}:2026102599: no server writes/m, ['HSET', 'ad:count:{spring}:2026102599', 'x', 1], ['DEL', 'ad:count:{spring}:2026102599']);
  await finds(/^spring bot: 0 by hour, 7 in its sums: 7 too many there/m, ['HSET', 'ad:total:{spring}', 'bot', 7], ['HDEL', 'ad:total:{spring}', 'bot']);
  await finds(/^spring spend: 0 by hour, 7 in its sums: .*hours that older servers counted have no spend/m, ['HSET', 'ad:total:{spring}', 'spend', 7], ['HDEL', 'ad:total:{spring}', 'spend']);
  await finds(/^spring spend_rest: the thousandths/m, ['HSET', 'ad:total:{spring}', 'spend_rest', 1000], ['HDEL', 'ad:total:{spring}', 'spend_rest']);
  await finds(/^gone serves: 3 by hour, 0 in its sums: 3 too few there; it has no sums at all/m, ['HSET', 'ad:count:{gone}:2026102512', 'a|b|serves', 3], ['DEL', 'ad:count:{gone}:2026102512']);
  await finds(/^spring ad:month:\{spring\}:202609: something else stands there/m, ['SET', 'ad:month:{spring}:202609', 'M1\x01\x01'], ['DEL', 'ad:month:{spring}:202609']);
  await finds(/^books serves: 5 by packed day, 0 by packed hour: 5 too few there/m, ['RENAME', 'ad:month:{books}:202610:2', 'kept'], ['RENAME', 'kept', 'ad:month:{books}:202610:2']);
  await finds(/^books ad:month:\{books\}:202610:4: no server writes/m, ['SET', 'ad:month:{books}:202610:4', 'x'], ['DEL', 'ad:month:{books}:202610:4']);
  await finds(/^books serves: 0 by packed day, 5 by packed hour: 5 too many there/m, ['RENAME', 'ad:month:{books}:202610', 'kept'], ['RENAME', 'kept', 'ad:month:{books}:202610']);
  assert.match(await good(redis, 'reconcile'), /^2 campaigns, 0 differences/);
  assert.match(await good(redis, 'reconcile', '--campaign', 'books'), /^1 campaigns, 0 differences/);
});

test('compaction beside counting changes no number, whoever does it', async (t) => {
  const redis = await withCampaigns(t, 'spring');
  const begin = Date.parse('2026-10-01T00:00:00Z');
  const counted = { serves: 0, impressions: 0 };
  let running = true;
  const counting = (async () => {
    for (let i = 0; running || i < 2000; i++) {
      const at = begin + ((i * 7919) % (24 * 10)) * hour;
      const metric = i % 2 ? 'serves' : 'impressions';
      const n = 1 + (i % 5);
      counted[metric] += n;
      await count(redis, 'spring', new Date(at).toISOString(), `s-${i % 7}|header`, { [metric]: n });
    }
  })();
  const reports = [];
  for (let i = 0; i < 6; i++) {
    const [one, two, report] = await Promise.all([
      adctl(['compact'], { redis }),
      adctl(['compact'], { redis }),
      json(redis, '--from', '2026-10-01', '--to', '2026-10-31', '--by', 'campaign'),
    ]);
    for (const { code, stderr } of [one, two]) assert.ok(code === 0 || /change faster/.test(stderr), stderr);
    reports.push(report.totals.serves);
  }
  running = false;
  await counting;
  assert.deepEqual(reports, [...reports].sort((a, b) => a - b), 'no report saw a count that the next one missed');
  const check = async () => {
    const { totals } = await json(redis, '--from', '2026-10-01', '--to', '2026-10-31');
    assert.deepEqual({ serves: totals.serves, impressions: totals.impressions }, counted);
    assert.match(await good(redis, 'reconcile'), /0 differences/);
  };
  await check();
  await good(redis, 'compact');
  assert.deepEqual(await redis.command('KEYS', 'ad:count:*'), []);
  await check();
  // An hour that is written late is read beside what is packed, and packed again.
  await count(redis, 'spring', '2026-10-03T05:00:00Z', 's-1|header', { serves: 1 });
  counted.serves++;
  await check();
  await good(redis, 'compact');
  await check();
});

test('what cannot be packed stays where it is and is still read', async (t) => {
  const redis = await withCampaigns(t, 'spring');
  const key = 'ad:count:{spring}:2026100105';
  await redis.command('HSET', key, 'a|b|serves', '-3', 'a|b|clicks', '9007199254740993', 'a|b|bot', '2', 'odd', 'x', 'a|b|late', '0');
  const result = await adctl(['compact'], { redis });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /1 days hold what can't be packed, and keep it in their hours/);
  assert.deepEqual((await redis.command('HKEYS', key)).sort(), ['a|b|clicks', 'a|b|serves', 'odd']);
  assert.equal(await redis.command('HGET', 'ad:compacted:{spring}', 'through'), '20261001');
  const { totals } = await json(redis, '--from', '2026-10-01', '--to', '2026-10-02');
  assert.deepEqual([totals.serves, totals.clicks, totals.reasons.bot], [-3, '9007199254740993', 2]);
  await redis.command('SET', 'ad:month:{spring}:202610', 'garbage');
  const damaged = await adctl(['report', '--from', '2026-10-01'], { redis });
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /^adctl: ad:month:\{spring\}:202610: it is no packed month; allowed: /);
});

test('a day of many creatives is packed in several steps', async (t) => {
  const redis = await withCampaigns(t, 'spring');
  const fields = Array.from({ length: 300 }, (_, i) => [`creative-${i}|header|serves`, i + 1]).flat();
  for (let at = 0; at < 24; at++) await redis.command('HSET', `ad:count:{spring}:20261001${String(at).padStart(2, '0')}`, ...fields);
  const report = () => json(redis, '--from', '2026-10-01', '--to', '2026-10-01', '--by', 'creative');
  const before = await report();
  assert.equal(before.totals.serves, (24 * 300 * 301) / 2);
  assert.match(await good(redis, 'compact'), /^1 days of 1 campaigns packed, 7200 numbers/);
  assert.deepEqual(await redis.command('KEYS', 'ad:count:*'), []);
  assert.deepEqual(await report(), before);
});

test('a report too large to look for every hour trusts in what has been packed', async (t) => {
  const redis = await withCampaigns(t, 'spring', 'books');
  const full = { serves: 10, impressions: 9 };
  for (const at of ['2019-02-28T23:00:00Z', '2024-02-29T00:00:00Z', '2026-11-01T12:00:00Z', new Date().toISOString()]) {
    await count(redis, 'spring', at, 's-1|header', full);
    await count(redis, 'books', at, 'b-1|header', full);
  }
  const report = (by) => json(redis, '--from', '2017-01-01', '--by', by);
  const before = [await report('day'), await report('campaign')];
  assert.equal(before[0].totals.serves, 80);
  await good(redis, 'compact', '--since', '2019-01-01');
  assert.equal((await redis.command('KEYS', 'ad:count:*')).length, 2);
  assert.deepEqual([await report('day'), await report('campaign')], before);
  // Written late, before `through`: seen by a smaller report, and by all once it is packed.
  await count(redis, 'spring', '2026-11-01T13:00:00Z', 's-1|header', { serves: 1 });
  assert.equal((await json(redis, '--from', '2026-10-01')).totals.serves, 41);
  await good(redis, 'compact');
  assert.equal((await report('day')).totals.serves, 81);
});

test('servers pack closed days by themselves, one of them at a time', async (t) => {
  const { redis, server } = await withServer(t, { options: { 'reports.compact_after': '1h', 'server.workers': 2 } });
  const other = await startServer({ t, redis, options: { 'reports.compact_after': '0s' } });
  const day = Date.now() - 50 * 24 * hour;
  for (let i = 0; i < 48; i++) await count(redis, 'spring', new Date(day + i * hour).toISOString(), 's-1|header', { serves: i + 1 });
  const range = ['--from', new Date(day - 48 * hour).toISOString().slice(0, 10)];
  const before = await json(redis, ...range);
  assert.equal(before.totals.serves, (48 * 49) / 2);
  await until(async () => (await redis.command('KEYS', 'ad:count:*')).length === 0, { timeout: 40000, what: 'the hours are packed' });
  assert.equal((await json(redis, ...range)).totals.serves, before.totals.serves);
  assert.match(await good(redis, 'reconcile'), /0 differences/);
  await until(() => /compactor: packed/.test(server.log()), { what: 'the log says so' });
  assert.ok(!/compactor/.test(other.log()));
});

test('reports keep out of the way of ads', async (t) => {
  const ids = Array.from({ length: 300 }, (_, i) => `c-${i}`);
  const campaigns = ids.map((id) => ({ id, slots: 'nowhere' }));
  const { redis, server } = await withServer(t, { catalog: { ...smallCatalog, campaigns: [...smallCatalog.campaigns, ...campaigns] } });
  for (const id of ids) await redis.command('HSET', `ad:count:{${id}}:${stamp(Date.now() - hour)}`, 'a|b|serves', 1);
  const asked = Array.from({ length: 6 }, () => api(server, { by: 'hour' }));
  await server.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } });
  const answers = await Promise.all(asked);
  const told = answers.map(({ status }) => status);
  assert.ok(told.filter((status) => status === 200).length >= 2, `${told}`);
  for (const answer of answers) {
    if (answer.status === 200) assert.ok([300, 301].includes(answer.json().totals.serves), 'all counts, and perhaps the ad above');
    else assert.equal(answer.json().error.code, 'busy');
  }
  // Who leaves in the middle leaves nothing behind: there is room for others again.
  const left = request(`${server.admin}/api/v1/reports?by=hour`, { headers: { Authorization: `Bearer ${token}` }, timeout: 5 });
  await left.catch(() => {});
  await until(async () => (await api(server, { by: 'slot' })).status === 200, { what: 'a report is made again' });
  await redis.kill();
  await until(async () => (await api(server, { by: 'slot' })).status === 503, { what: 'without Redis there is no report' });
  await redis.start();
});

test('top shows one picture where there is no terminal', async (t) => {
  const { redis, server } = await withServer(t);
  await redis.command('SADD', 'ad:campaigns', 'a\x1b[31mb');
  const serving = (async () => {
    for (let i = 0; i < 50; i++) {
      const [ad] = await server.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } });
      await request(ad.impression_url, { headers: { 'User-Agent': browser } });
      await delay(10);
    }
  })();
  const result = await adctl(['top', '--once', '--stats', `${server.admin}/stats`], { redis });
  await serving;
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^masthead .* 3 of 3 campaigns\nslots: [\d.]+\/s, 100\.0% filled; ads p50 /);
  assert.match(result.stdout, /^spring +[\d.]+ +[\d.]+ +0\.0 +0\.0 +\d+$/m);
  assert.ok(result.stdout.includes('a\\x1b[31mb') && !result.stdout.includes('\x1b'));
  const wrong = await adctl(['top', '--once', '--interval', '0'], { redis });
  assert.equal(wrong.code, 2);
});

test('top puts the terminal back, whether it is asked to end or told to', async (t) => {
  const redis = await withCampaigns(t, 'spring');
  const top = `echo "pid $$"; exec ${path.join(binaries, 'adctl')} --redis ${redis.url} top`;
  for (const end of ['q', 'SIGTERM', 'SIGHUP', 'SIGINT']) {
    const child = spawn('script', ['-qec', `sh -c '${top}'; stty -a; echo done`, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm' } });
    whenDone(t, () => child.kill('SIGKILL'));
    let shown = '';
    child.stdout.on('data', (data) => (shown += data));
    const exited = new Promise((resolve) => child.once('exit', resolve));
    await until(() => /\x1b\[\?1049h\x1b\[\?25l[^]*masthead [^]*spring/.test(shown), { what: `a picture before ${end}` });
    if (end === 'q') child.stdin.write('q');
    else process.kill(Number(/pid (\d+)/.exec(shown)[1]), end);
    await until(() => /done/.test(shown), { what: `the end after ${end}` });
    const after = shown.slice(shown.lastIndexOf('\x1b[?25h\x1b[?1049l'));
    assert.match(after, /[ ;]icanon/, end);
    assert.match(after, /[ ;]echo /, end);
    child.stdin.end();
    await exited;
  }
});
