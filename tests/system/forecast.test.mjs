// adctl forecast against what then really happens: real server, real Redis, real adctl.
import assert from 'node:assert/strict';
import test from 'node:test';
import { adctl, importCatalog, request, setCampaign, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, inParallel, keptAlive, patient } from '../lib/traffic.mjs';

const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';
const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const campaign = (id, fields) => ({ id, slots: ['header', 'top'], ...fields, creatives: [{ id: `${id}-1`, ...picture }] });

const catalog = {
  slots: [
    { id: 'header', sizes: ['728x90'] },
    { id: 'top', sizes: ['728x90'] },
  ],
  campaigns: [
    campaign('spring', { weight: 3, caps: ['2/1d'] }),
    campaign('summer', { weight: 2, devices: ['desktop'] }),
    campaign('books', { slots: ['top'], tier: 'remnant', cpm: 2 }),
    campaign('house', { slots: ['header'], tier: 'house' }),
  ],
};
const autumn = campaign('autumn', { weight: 4, caps: ['1/1d'], start: '2030-01-01T00:00:00Z', end: '2030-03-01T00:00:00Z' });

async function setUp(t, options = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const server = await startServer({ t, redis, options: { ...patient, 'forecast.sample_ppm': 1000000, ...options } });
  const forecast = (file, ...args) => adctl(['forecast', '-', ...args], { redis, input: JSON.stringify(file) });
  return { redis, server, forecast };
}

const logged = async (redis) => Number(await redis.command('XLEN', 'ad:requests'));

// 2400 viewers, a third of them on phones, ask for two or three pages each; one in ten does not say who it is.
const PAGES = 6000;
const BATCH = 400; // fewer than a worker keeps for the log between two of its flushes
async function drive(t, { redis, server }) {
  const agent = keptAlive(t);
  const won = {};
  const already = await logged(redis);
  const ask = async (i) => {
    const viewer = i % 2400;
    const uid = i % 10 === 9 ? '' : `&uid=viewer-${String(viewer).padStart(4, '0')}`;
    const slots = i % 3 === 0 ? 'slot=header' : 'slot=header&slot=top';
    const { ads } = (
      await request(`${server.base}/v1/ads?${slots}${uid}`, {
        agent,
        headers: { 'User-Agent': viewer % 3 === 0 ? phone : browser },
      })
    ).json();
    for (const ad of ads) {
      const name = ad.campaign ?? 'unfilled';
      won[name] = (won[name] ?? 0) + 1;
    }
  };
  for (let from = 0; from < PAGES; from += BATCH) {
    await inParallel(BATCH, 16, (i) => ask(from + i));
    await until(async () => (await logged(redis)) === already + from + BATCH, { what: 'all requests are in the log' });
  }
  return won;
}

test('what is forecast is what then happens', async (t) => {
  const { redis, server, forecast } = await setUp(t, { 'viewer.identity': 'first-party' });
  const before = await drive(t, { redis, server });
  const keys = (await redis.command('KEYS', '*')).sort();
  const result = await forecast({ campaigns: [autumn] }, '--json');
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stderr, '');
  assert.deepEqual((await redis.command('KEYS', '*')).sort(), keys, 'nothing is written');
  const said = JSON.parse(result.stdout);
  assert.equal(said.log.logged, PAGES);
  assert.equal(said.log.requests, PAGES);
  assert.equal(said.period.seconds, 59 * 86400);
  assert.equal(said.sampling_error, 0);

  // The same again with the campaign really in, and caps as they were at first.
  const caps = await redis.command('KEYS', 'ad:cap:*');
  await redis.command('DEL', ...caps);
  const { revision } = (await server.stats()).catalog;
  await importCatalog(redis, { slots: [], campaigns: [{ ...autumn, start: '', end: '' }] });
  await until(async () => (await server.stats()).catalog.revision !== revision, { what: 'the campaign is live' });
  await until(async () => (await server.stats()).catalog.creatives === 5, { what: 'its creative is live' });
  const after = await drive(t, { redis, server });

  // Both sides are draws: they differ by chance, with a standard deviation below √n each.
  const near = (told, real, what) =>
    assert.ok(Math.abs(told - real) <= 4 * Math.sqrt(2 * Math.max(real, 25)), `${what}: ${told} told, ${real} real`);
  for (const row of said.campaigns) {
    near(row.before, before[row.campaign] ?? 0, `${row.campaign} before`);
    near(row.after, after[row.campaign] ?? 0, `${row.campaign} after`);
    assert.equal(row.difference, row.after - row.before);
  }
  near(said.serves, after.autumn, 'autumn');
  near(said.unfilled.before, before.unfilled ?? 0, 'unfilled before');
  near(said.unfilled.after, after.unfilled ?? 0, 'unfilled after');
  assert.ok(said.reach > 1200 && said.reach <= 2160, `${said.reach} viewers`);
  assert.ok(said.reasons.cap > 0 && said.reasons.no_viewer > 0 && said.reasons.outweighed > 0);
  const taken = Object.fromEntries(said.campaigns.map((row) => [row.campaign, row.difference]));
  assert.ok(taken.spring < 0 && taken.summer < 0, JSON.stringify(taken));
  t.diagnostic(`told ${JSON.stringify(said.campaigns)}, real before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
});

test('for people: when, how many, what it takes from whom', async (t) => {
  const { redis, server, forecast } = await setUp(t, { 'viewer.identity': 'first-party' });
  await drive(t, { redis, server });
  await redis.command('XADD', 'ad:requests', '*', 'r', 'rubbish');
  await redis.command('SADD', 'ad:campaigns', 'broken');
  await setCampaign(redis, 'broken', { slots: '*', weight: 'many' });
  const { code, stdout, stderr } = await forecast({ campaigns: [{ ...autumn, status: 'paused' }] }, '--days', '3');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /entries with mistakes are left out: 1/);
  assert.match(stderr, /requests that can't be read are left out: 1/);
  assert.match(stdout, /^Campaign autumn, had it run from \d{4}-\d\d-\d\dT/);
  assert.match(stdout, /^6000 logged requests stand for 6000; the sample is 100 %$/m);
  assert.match(stdout, /begin when the log begins and to run as long as it would, 59\.0 days; 0\.0 of them are in the log/);
  assert.match(stdout, /Its status is not active; it is taken to be/);
  assert.match(stdout, /^serves {2}\d+$/m);
  assert.match(stdout, /^reach {3}\d+ viewers/m);
  assert.match(stdout, /^header +6000 +\d+ +\d+\.\d %$/m);
  assert.match(stdout, /^outweighed +\d+ +\d+\.\d %$/m);
  assert.match(stdout, /^spring +\d+ +\d+ +-\d+$/m);
  assert.match(stdout, /^\(unfilled\) +\d+ +\d+ +[+-]\d+$/m);
  // Replacing a campaign by itself changes nothing for anybody.
  const same = await forecast({ campaigns: [catalog.campaigns[1]] }, '--json');
  assert.equal(same.code, 0, same.stderr);
  const said = JSON.parse(same.stdout);
  assert.equal(said.replaces, true);
  assert.deepEqual(said.campaigns.map(({ campaign: id, difference }) => [id, difference]), [['summer', 0]]);
});

test('without a log it says how to get one', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const none = await adctl(['forecast', '-'], { redis, input: JSON.stringify({ campaigns: [autumn] }) });
  assert.equal(none.code, 1);
  assert.equal(none.stdout, '');
  assert.match(none.stderr, /ad:requests: no requests have been logged; allowed: .*forecast\.sample_ppm/);
  await redis.command('SET', 'ad:requests', 'x');
  const other = await adctl(['forecast', '-'], { redis, input: JSON.stringify({ campaigns: [autumn] }) });
  assert.equal(other.code, 1);
  assert.match(other.stderr, /ad:requests: it is a string; allowed: a stream/);
});

test('a file that import would refuse is refused, and so is more than one campaign', async (t) => {
  const redis = await startRedis({ t });
  const run = (file, ...args) => adctl(['forecast', '-', ...args], { redis, input: JSON.stringify(file) });
  const refused = async (file, pattern) => {
    const result = await run(file);
    assert.equal(result.code, 1, result.stdout);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, pattern);
  };
  await refused({ campaigns: [{ ...autumn, weight: 0 }] }, /campaigns\[0\]\.weight: .*allowed/);
  await refused({ campaigns: [autumn, { ...autumn, id: 'other', creatives: [] }] }, /campaigns: there are 2; allowed: one/);
  await refused({ campaigns: [] }, /campaigns: there are 0; allowed: one/);
  await refused({ slots: [{ id: 'x' }], campaigns: [autumn] }, /slots: .*allowed: none/);
  for (const days of ['0', 'x', '-1', '367'])
    assert.equal((await run({ campaigns: [autumn] }, '--days', days)).code, 2, days);
  assert.deepEqual(await redis.command('KEYS', '*'), []);
});
