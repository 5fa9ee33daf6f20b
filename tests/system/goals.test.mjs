// Goals, budgets and daily ceilings are exact: over many processes, with beacons that never come and
// workers that are killed.
//
//   GOALS_RUNS=20 GOALS_SIZE=10000   how often the hardest of these is run, and how large its goal is
import assert from 'node:assert/strict';
import test from 'node:test';
import { delay, importCatalog, request, setHash, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, stream } from '../lib/traffic.mjs';

const runs = Number(process.env.GOALS_RUNS ?? 2);
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
    const workers = stats?.workers.filter((worker) => worker.pid > 0) ?? [];
    if (!workers.length) return;
    try {
      process.kill(workers[Math.floor(Math.random() * workers.length)].pid, 'SIGKILL');
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
    const servers = await startServers({ t, redis, count: 2, options, allowErrors: true });
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
  const servers = await startServers({ t, redis, count: 2, options, allowErrors: true });
  await storm(t, { redis, servers, enough: (sums) => sums.impressions >= 999 });
  const sums = await total(redis);
  assert.deepEqual([sums.impressions, sums.spend], [999, 999 * 1371]);
});
