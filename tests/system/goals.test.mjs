// Goals, budgets and daily ceilings are exact: over many processes, with beacons that never come and
// workers that are killed.
//
//   GOALS_RUNS=20 GOALS_SIZE=10000   how often the hardest of these is run, and how large its goal is
import assert from 'node:assert/strict';
import test from 'node:test';
import { delay, importCatalog, request, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, stream } from '../lib/traffic.mjs';

const runs = Number(process.env.GOALS_RUNS ?? 1);
const size = Number(process.env.GOALS_SIZE ?? 3000);

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

// A slot, the campaign under test and a house campaign behind it.
async function book(redis, fields, slots = ['header']) {
  const campaign = (id, more) => ({
    id,
    slots: '*',
    ...more,
    creatives: slots.map((_, i) => ({ id: `${id}-${i}`, ...picture })),
  });
  await importCatalog(redis, {
    slots: slots.map((id) => ({ id, sizes: '728x90' })),
    campaigns: [campaign('bound', { pacing: 'asap', ...fields }), campaign('house', { tier: 'house' })],
  });
}

async function start(t, fields, { slots, ...options } = {}) {
  const redis = await startRedis({ t });
  await book(redis, fields, slots);
  const server = await startServer({ t, redis, options: { ...patient, ...options } });
  return { redis, server };
}

const asBrowser = { headers: { 'User-Agent': browser } };
const serve = async (server, query = {}) => (await server.ads({ slot: 'header', ...query }, asBrowser))[0];
const total = async (redis) => (await countsInRedis(redis, 'bound')).total;

// Serves until the campaign rests; what it served.
async function serveAll(server, most = 1000) {
  const ads = [];
  while (ads.length < most) {
    const ad = await serve(server);
    if (ad.campaign !== 'bound') break;
    ads.push(ad);
  }
  return ads;
}

// A worker that dies while it has a request takes the answer with it: then there is nothing to report.
const orNothing = (promise) => promise.catch(() => null);

async function restarts(servers) {
  const all = await Promise.all(servers.map((server) => server.stats()));
  return all.flatMap((stats) => stats.workers).reduce((sum, worker) => sum + worker.restarts, 0);
}

// 64 connections that ask and report, but for every fifth impression; a worker dies each second.
async function storm(t, { redis, servers, enough, kill = true, click = 0 }) {
  const agent = keptAlive(t, 32);
  const tally = { served: 0, reported: 0, killed: 0, seconds: 0 };
  const began = performance.now();
  const dead = new Set();
  let ending = false;
  const load = stream(64, async (lane, turn) => {
    const server = servers[(lane + turn) % servers.length];
    const answer = await orNothing(request(`${server.base}/v1/ads?slot=header`, { agent, ...asBrowser }));
    const ad = answer?.status === 200 ? answer.json().ads[0] : null;
    if (ad?.campaign !== 'bound') return null;
    if (tally.served++ % 5 === 4) return null;
    const beacon = click && tally.served % click === 0 ? ad.click_url : ad.impression_url;
    const told = await orNothing(report(beacon, { agent }));
    if (told) assert.ok([204, 302].includes(told.status), `${told.status} ${told.text}`);
    tally.reported++;
    return null;
  });
  const murders = setInterval(async () => {
    const server = servers[Math.floor(Math.random() * servers.length)];
    const stats = await orNothing(server.stats());
    if (ending) return;
    // What /stats says may be from before the last one died: nobody dies twice.
    const pids = (stats?.workers ?? []).map((worker) => worker.pid).filter((pid) => pid > 0 && !dead.has(pid));
    if (!pids.length) return;
    const pid = pids[Math.floor(Math.random() * pids.length)];
    dead.add(pid);
    try {
      process.kill(pid, 'SIGKILL');
      tally.killed++;
    } catch {
      // it has gone already
    }
  }, 1000);
  if (!kill) clearInterval(murders);
  try {
    await until(async () => enough(await total(redis)), { timeout: 120000, interval: 50, what: `the goal (${JSON.stringify(tally)})` });
    tally.seconds = Math.round(performance.now() - began) / 1000;
    await delay(1000);
  } finally {
    ending = true;
    clearInterval(murders);
    const { errors } = await load.stop();
    assert.deepEqual(errors, []);
  }
  await until(async () => (await restarts(servers)) >= tally.killed, { what: 'the last one is back' });
  assert.equal(await restarts(servers), tally.killed, 'workers that died by themselves');
  return tally;
}

for (let run = 1; run <= runs; run++) {
  test(`eight processes, 64 connections, goal ${size}, lost beacons, killed workers: run ${run} of ${runs}`, async (t) => {
    const redis = await startRedis({ t });
    await book(redis, { goal_impressions: size });
    const options = { ...patient, 'server.workers': 4, 'goals.hold': '1s' };
    const servers = await startServers({ t, redis, count: 2, options, allowErrors: true, allowDeaths: /signal=9\b/ });
    const tally = await storm(t, { redis, servers, enough: (sums) => sums.impressions >= size });
    const { sums, total: final } = await countsInRedis(redis, 'bound');
    t.diagnostic(JSON.stringify({ ...tally, final: final.impressions, over_goal: final.over_goal ?? 0 }));
    assert.equal(final.impressions, size);
    assert.equal(sums.impressions, size);
    assert.ok(tally.killed > 0);
  });
}

test('a budget is never over, and is spent to the last impression', async (t) => {
  const redis = await startRedis({ t });
  await book(redis, { budget: '1.37', cpm: '1.371' }); // 999 impressions and a rest
  const options = { ...patient, 'server.workers': 4, 'goals.hold': '1s' };
  const servers = await startServers({ t, redis, count: 2, options, allowErrors: true, allowDeaths: /signal=9\b/ });
  await storm(t, { redis, servers, enough: (sums) => sums.impressions >= 999 });
  const sums = await total(redis);
  assert.deepEqual([sums.impressions, sums.spend], [999, 999 * 1371]);
});

test('clicks stop counting at their goal and redirect all the same; then the campaign rests', async (t) => {
  const { redis, server } = await start(t, { goal_clicks: 2 });
  const ads = await inParallel(4, 4, () => serve(server));
  for (const ad of ads) assert.equal(ad.campaign, 'bound');
  for (const ad of ads) assert.equal((await report(ad.click_url)).status, 302);
  await until(async () => (await serve(server)).campaign === 'house', { what: 'it rests' });
  const sums = await total(redis);
  assert.deepEqual([sums.clicks, sums.impressions, sums.over_goal], [2, 4, 2]);
  const { events, campaigns } = await server.stats();
  assert.deepEqual([events.counted, events.over_goal], [6, 2]);
  assert.ok(campaigns.bound.rejected.goal_met > 0);
});

test('a daily ceiling: as many as it says, and what comes later is kept apart', async (t) => {
  const { redis, server } = await start(t, { daily_impressions: 20, timezone: 'Pacific/Auckland' }, { 'goals.hold': '1s' });
  const first = await serveAll(server);
  assert.equal(first.length, 20);
  const second = await until(() => serveAll(server).then((ads) => ads.length && ads), { what: 'they are given back' });
  await Promise.all([...first, ...second].map((ad) => report(ad.impression_url)));
  const sums = await total(redis);
  assert.equal(sums.impressions, 20);
  assert.equal(sums.over_goal, first.length + second.length - 20);
});

test('a cap is not used up where there is no unit, nor a unit where a cap refuses', async (t) => {
  const { server } = await start(t, { goal_impressions: 1, caps: '1/1d' }, { 'goals.hold': '1s' });
  const uid = (n) => ({ uid: `viewer-${n}-goals` });
  assert.equal((await serve(server, uid(1))).campaign, 'bound');
  for (let i = 0; i < 20; i++) assert.equal((await serve(server, uid(2))).campaign, 'house');
  // Nobody has seen it: the unit comes back, and the second viewer's cap still has room.
  await until(async () => (await serve(server, uid(1))).campaign === 'house' && (await serve(server, uid(2))).campaign === 'bound', {
    what: 'the second viewer gets it',
  });
  assert.equal((await serve(server, uid(2))).campaign, 'house');
});

test('the last unit serves one slot of a page', async (t) => {
  const { server } = await start(t, { goal_impressions: 1 }, { slots: ['header', 'post-top'] });
  const ads = await server.ads({ slot: ['header', 'post-top'] }, asBrowser);
  assert.deepEqual(ads.map((ad) => ad.campaign).sort(), ['bound', 'house']);
});

test('crawlers use up nothing', async (t) => {
  const { redis, server } = await start(t, { goal_impressions: 5 });
  for (let i = 0; i < 20; i++) assert.equal((await server.ads({ slot: 'header' }, { headers: { 'User-Agent': '' } }))[0].campaign, 'bound');
  assert.equal((await serveAll(server)).length, 5);
  const { serves, serves_not_browser: kept, ...more } = await until(
    async () => {
      const sums = await total(redis); // serves are written ten times a second
      return sums.serves + sums.serves_not_browser >= 25 && sums;
    },
    { what: 'all serves are written' },
  );
  assert.deepEqual({ serves, kept, ...more }, { serves: 5, kept: 20 });
});

test('a goal that is raised goes on at once', async (t) => {
  const { redis, server } = await start(t, { goal_impressions: 3 });
  for (const ad of await serveAll(server)) assert.equal((await report(ad.impression_url)).status, 204);
  assert.equal((await serve(server)).campaign, 'house');
  await redis.command('HSET', 'ad:campaign:bound', 'goal_impressions', '6');
  await until(async () => (await serve(server)).campaign === 'bound', { timeout: 2000, what: 'it serves again' });
});

// More campaigns than are judged one by one: whoever has nothing to give is not found by the index.
test('many that have met their goals: each is counted with its reason, and is back when its goal is raised', async (t) => {
  const redis = await startRedis({ t });
  const ids = Array.from({ length: 40 }, (_, i) => `c${i}`);
  const isSpent = (id) => ids.indexOf(id) % 4 === 3;
  for (const id of ids) await redis.command('HSET', `ad:total:{${id}}`, 'impressions', '10', 'spend', '1000000');
  await importCatalog(redis, {
    slots: [{ id: 'header', sizes: '728x90' }],
    campaigns: ids.map((id) => ({
      id,
      slots: '*',
      pacing: 'asap',
      ...(isSpent(id) ? { budget: '1', cpm: '1' } : { goal_impressions: 10 }),
      creatives: [{ id, ...picture }],
    })),
  });
  const server = await startServer({ t, redis, options: { ...patient, 'server.workers': 1 } });
  const counted = async () => {
    for (let i = 0; i < 40; i++) assert.equal((await serve(server)).campaign, undefined);
    const { campaigns } = await server.stats();
    return ids.every((id) => campaigns[id]?.rejected[isSpent(id) ? 'budget_spent' : 'goal_met'] > 0);
  };
  await until(counted, { timeout: 60000, what: 'each of them is counted with its reason' });
  assert.equal((await serve(server)).unfilled, 'goal_met');
  const told = await server.adctl(['explain', '--slot', 'header', '--ua', browser]);
  assert.match(told.stdout, /c0 +goal_met/);
  assert.match(told.stdout, /c3 +budget_spent/);

  await redis.command('HSET', 'ad:campaign:c8', 'goal_impressions', '12');
  await until(async () => (await serve(server)).campaign === 'c8', { timeout: 2000, what: 'it serves again' });
  await redis.command('HSET', 'ad:campaign:c3', 'budget', '1.003');
  await until(async () => (await serve(server)).campaign === 'c3', { timeout: 2000, what: 'it serves again, too' });
});

test('Redis hears of a serve neither far from the goal nor when it is met', async (t) => {
  const { redis, server } = await start(t, { goal_impressions: 1000000 });
  const agent = keptAlive(t);
  const calls = async (count) => {
    const before = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))?.[1] ?? 0);
    const began = performance.now();
    await inParallel(count, 16, () => request(`${server.base}/v1/ads?slot=header`, { agent, ...asBrowser }));
    const after = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))[1]);
    // Serves are written ten times a second.
    return after - before - (performance.now() - began) / 100;
  };
  assert.ok((await calls(3000)) < 60);
  await redis.command('HSET', 'ad:total:{bound}', 'impressions', '1000000');
  await until(async () => (await serve(server)).campaign === 'house', { timeout: 20000, what: 'it rests' });
  assert.ok((await calls(3000)) < 60);
});

test('while Redis is away what is bound rests, and is back with it', async (t) => {
  const redis = await startRedis({ t });
  await book(redis, { goal_impressions: 100000 });
  const server = await startServer({ t, redis, options: { 'server.workers': 2 }, allowErrors: /redis/i });
  await until(async () => (await serve(server)).campaign === 'bound', { what: 'it has units within the deadline' });
  redis.pause();
  // A worker that has units in hand notices by its probe, within a second or two.
  const twenty = () => inParallel(20, 4, () => serve(server));
  await until(async () => (await twenty()).every((ad) => ad.campaign === 'house'), { what: 'it rests in both workers' });
  const away = async () => (await twenty()) && (await server.stats()).campaigns.bound.rejected.redis_away > 0;
  await until(away, { what: 'it says so' });
  redis.resume();
  await until(async () => (await serve(server)).campaign === 'bound', { what: 'it is back' });
});
