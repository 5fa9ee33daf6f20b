// runs alone: it measures how soon all is normal after a fail-over
//
// A Redis Cluster: three primaries with a replica each. Keys are found wherever they are, a slot may
// be moved and a primary killed under load; caps and goals hold, what was acknowledged is counted.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { delay, importCatalog, request, setCampaign, startServer, until, whenDone } from '../lib/harness.mjs';
import { startCluster } from '../lib/redis_ha.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, stream } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const recoveryMs = 5000; // after the promotion
const goal = 300;
const headers = { 'User-Agent': browser };

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const creatives = (id) => [{ id: `${id}-1`, ...picture }];
const counted = Array.from({ length: 6 }, (_, i) => `open-${i}`); // campaigns whose counts stand at several servers
const catalog = {
  slots: ['capped', 'bound', 'free'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    { id: 'three', tier: 'sponsorship', slots: 'capped', caps: '3/1d', creatives: creatives('three') },
    { id: 'booked', tier: 'sponsorship', slots: 'bound', goal_impressions: goal, pacing: 'asap', creatives: creatives('booked') },
    ...counted.map((id) => ({ id, tier: 'house', slots: '*', creatives: creatives(id) })),
  ],
};

async function start(t, { count = 2, options = {}, ...settings } = {}) {
  const cluster = await startCluster({ t, ...settings });
  await importCatalog(cluster, catalog);
  const servers = await startServers({ t, redis: cluster, count, options: { 'server.workers': 2, ...options }, allowErrors: /redis/i });
  await untilNormal(servers);
  return { cluster, servers };
}

// Everything that a page and a browser ask for, without end; stop() gives what came of it.
function traffic(t, servers) {
  const agent = keptAlive(t);
  const key = newestKey(servers[0].options['tokens.keyring']);
  const told = { acknowledged: Object.fromEntries(counted.map((id) => [id, 0])), refused: 0, pages: 0, served: {} };
  const at = (n) => servers[n % servers.length].base;
  const page = async (n, query) => {
    const answer = await request(`${at(n)}/v1/ads?${query}`, { agent, headers });
    assert.equal(answer.status, 200, answer.text);
    told.pages++;
    return answer.json().ads[0];
  };
  const capped = stream(6, async (lane, turn) => {
    const uid = `viewer-${turn % 40}-of-lanes`;
    if ((await page(lane + turn, `slot=capped&uid=${uid}`)).campaign === 'three') told.served[uid] = (told.served[uid] ?? 0) + 1;
  });
  const bound = stream(2, async (lane, turn) => {
    const ad = await page(lane + turn, `slot=bound&uid=reader-${lane}-${turn}`);
    await report(ad.impression_url, { agent });
  });
  const events = stream(4, async (lane, turn) => {
    const campaign = counted[(lane + turn) % counted.length];
    const token = signToken(key, { campaign, creative: `${campaign}-1`, slot: 'free' });
    for (let again = 0; ; again++) {
      const answer = await report(`${at(lane + turn + again)}/v1/i/${token}`, { agent });
      assert.ok([204, 503].includes(answer.status), String(answer.status));
      if (answer.status === 204) break;
      told.refused++;
      await delay(10);
    }
    told.acknowledged[campaign]++;
  });
  whenDone(t, () => Promise.all([capped, bound, events].map((one) => one.stop()))); // where a test fails before it does
  return {
    told,
    async stop() {
      for (const one of [capped, bound, events]) assert.deepEqual((await one.stop()).errors, []);
      return told;
    },
  };
}

const ready = async (server) => (await request(`${server.admin}/readyz`)).status === 200;

// At every server capped ads are served to viewers whose counters stand anywhere, and events taken.
async function untilNormal(servers) {
  const began = performance.now();
  const wait = { interval: 10, timeout: 20000 };
  for (const server of servers) {
    await until(() => ready(server), { ...wait, what: 'it is ready' });
    const all = async () => {
      const ads = await inParallel(12, 12, async () =>
        (await server.ads({ slot: 'capped', uid: `new-viewer-${Math.random().toString(36).slice(2)}` }, { headers }))[0]);
      if (!ads.every((ad) => ad.campaign === 'three')) return false;
      return (await Promise.all(ads.map((ad) => report(ad.impression_url)))).every(({ status }) => status === 204);
    };
    await until(all, { ...wait, what: 'capped ads and events are back' });
  }
  return performance.now() - began;
}

// What came while its server of Redis was away is counted from the spool, at its own pace.
const untilReplayed = (servers) =>
  until(async () => (await Promise.all(servers.map((one) => one.stats()))).every(({ spool }) => spool.waiting === 0), {
    timeout: 30000,
    what: 'the spools are empty',
  });

async function assertHeld(cluster, told, servers) {
  await untilReplayed(servers);
  assert.deepEqual(Object.entries(told.served).filter(([, n]) => n > 3), [], 'viewers over their cap of 3');
  assert.ok(Object.keys(told.served).length > 0);
  for (const id of counted) {
    const { fields } = await countsInRedis(cluster, id);
    assert.equal(fields[`${id}-1|free|impressions`] ?? 0, told.acknowledged[id], id);
  }
  const booked = (await countsInRedis(cluster, 'booked')).total.impressions ?? 0;
  assert.ok(booked > 0 && booked <= goal, `${booked} impressions of ${goal} booked`);
  await assertReconciled(servers[0]);
}

// adctl looks at all servers: every campaign's hours add up to its sums. Serves are written a moment later.
async function assertReconciled(server) {
  let said;
  await until(async () => (said = await server.adctl(['reconcile'])).code === 0, { timeout: 20000, what: 'all sums agree' })
    .catch((error) => assert.fail(`${error.message}: ${said.stdout}${said.stderr}`));
  const told = Number(/^(\d+) campaigns, 0 differences/.exec(said.stdout)?.[1]);
  assert.ok(told > counted.length, said.stdout);
}

test('keys are found at all servers, and changes heard from all', async (t) => {
  const { cluster, servers } = await start(t);
  const three = await inParallel(200, 100, async (n) =>
    (await servers[n % 2].ads({ slot: 'capped', uid: 'everybody-at-once' }, { headers }))[0].campaign);
  assert.equal(three.filter((campaign) => campaign === 'three').length, 3);
  const holders = new Set();
  for (const id of counted) holders.add(await cluster.holder(await cluster.slotOf(`{${id}}`)));
  assert.ok(holders.size >= 2, 'the counts stand at more than one server');
  for (const id of counted) {
    await setCampaign(cluster, id, { status: 'paused' });
    const gone = performance.now();
    await until(async () => {
      const ads = await inParallel(30, 30, async (n) => (await servers[n % 2].ads({ slot: 'free' }, { headers }))[0].campaign);
      return !ads.includes(id);
    }, { what: `${id} is paused` });
    assert.ok(performance.now() - gone < 2000);
  }
  const { redis } = await servers[0].stats();
  assert.equal(redis.connected, true);
  assert.equal(redis.errors, 0);
  assert.deepEqual(redis.servers.map(({ address }) => address).sort(), cluster.nodes.slice(0, 3).map(({ port }) => `127.0.0.1:${port}`).sort());
  assert.ok(redis.servers.every(({ connected, pending }) => connected && Number.isInteger(pending)));
});

test('slots are moved under load: of viewers, of campaigns, of the catalog', async (t) => {
  const { cluster, servers } = await start(t, { options: patient });
  const load = traffic(t, servers);
  const [one, , three] = cluster.nodes;
  const moved = ['{open-0}', '{open-1}', '{booked}', 'ad:slots', 'ad:campaign:three'];
  for (const key of moved) {
    const slot = await cluster.slotOf(key);
    const from = await cluster.holder(slot);
    await cluster.migrate(slot, from === one ? three : one, { step: 20, between: () => delay(20) });
  }
  await untilNormal(servers);
  await setCampaign(cluster, 'three', { weight: 2 });
  const told = await load.stop();
  t.diagnostic(JSON.stringify({ ...told, served: Object.keys(told.served).length }));
  await assertHeld(cluster, told, servers);
  const { workers } = await servers[0].stats();
  assert.ok(workers.every((worker) => worker.restarts === 0));
});

test('a primary is killed under load: its keys alone are away, and soon back', async (t) => {
  const { cluster, servers } = await start(t);
  const load = traffic(t, servers);
  await until(() => Object.keys(load.told.served).length === 40, { timeout: 20000 });
  const old = await cluster.holder(await cluster.slotOf('{open-0}'));
  const heir = await cluster.replicaOf(old);
  const others = cluster.nodes.filter((node) => node !== old && node !== heir);
  await old.kill();
  let capped = 0;
  let wasReady = 0;
  let told = 0;
  while ((await heir.command('ROLE'))[0] !== 'master') {
    const [ad] = await servers[0].ads({ slot: 'capped', uid: `meanwhile-${Math.random().toString(36).slice(2)}` }, { headers });
    if (ad.campaign === 'three') capped++;
    const { servers: seen } = (await servers[0].stats()).redis;
    const gone = seen.find(({ address }) => address === `127.0.0.1:${old.port}`);
    if (gone && !gone.connected && gone.error) told++;
    if (await ready(servers[0])) wasReady++;
    await delay(5);
  }
  const took = await untilNormal(servers);
  t.diagnostic(`${capped} capped ads before the promotion, normal ${took.toFixed(0)} ms after it`);
  assert.ok(capped > 0, 'viewers whose counters stand elsewhere are served on');
  assert.ok(told > 0, '/stats says which server is away');
  assert.ok(wasReady > 0, 'one server away is no reason to leave the balancer');
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  await old.start();
  await until(() => cluster.isWhole(), { timeout: 20000, what: 'the old primary follows' });
  await untilNormal(servers);
  const result = await load.stop();
  t.diagnostic(JSON.stringify({ ...result, served: Object.keys(result.served).length }));
  assert.equal(others.length, 4);
  await assertHeld(cluster, result, servers);
});

test('what waits for a primary that is away holds up nobody else, and is counted when it is back', async (t) => {
  const conf = { appendonly: 'yes', 'cluster-require-full-coverage': 'no' };
  const { cluster, servers } = await start(t, { count: 1, replicas: 0, conf, options: { ...patient, 'server.workers': 1 } });
  const [server] = servers;
  const holderOf = async (id) => cluster.holder(await cluster.slotOf(`{${id}}`));
  const away = await holderOf(counted[0]);
  const holders = await Promise.all(counted.map(holderOf));
  const stranded = counted.filter((_, i) => holders[i] === away);
  const others = counted.filter((id) => !stranded.includes(id));
  assert.ok(others.length > 0);
  const refuse = (nodes, bytes) => Promise.all(nodes.map((node) => node.command('CONFIG', 'SET', 'maxmemory', bytes)));
  await refuse(cluster.nodes, 1);
  const key = newestKey(server.options['tokens.keyring']);
  const agent = keptAlive(t);
  // More than are under way at a time, one after the other: first those that will have to wait.
  for (const [campaigns, events] of [[stranded, 200], [others, 50]])
    for (let i = 0; i < events; i++)
      for (const campaign of campaigns.slice(0, 1)) {
        const token = signToken(key, { campaign, creative: `${campaign}-1`, slot: 'free' });
        assert.equal((await report(`${server.base}/v1/i/${token}`, { agent })).status, 204);
      }
  assert.ok((await server.stats()).spool.waiting >= 200);
  await away.kill();
  await refuse(cluster.nodes.filter((node) => node !== away), 0);
  const impressions = async (id) => Number((await (await holderOf(id)).command('HGET', `ad:total:{${id}}`, 'impressions')) ?? 0);
  await until(async () => (await impressions(others[0])) === 50, { timeout: 20000, what: 'the others are counted' });
  assert.ok((await server.stats()).spool.waiting >= 200, 'those of the one that is away wait');
  await away.start();
  await untilReplayed(servers);
  assert.equal(await impressions(stranded[0]), 200);
  assert.equal(await impressions(others[0]), 50);
});

test('adctl: a change over all servers, also while a slot is on its way', async (t) => {
  const cluster = await startCluster({ t, replicas: 0, conf: { requirepass: 'of-all', masterauth: 'of-all' } });
  const server = await startServer({ t, redis: { url: cluster.url }, ready: 'alive', allowErrors: /redis/i });
  const file = path.join(server.dir, 'catalog.json');
  writeFileSync(file, JSON.stringify(catalog));
  const run = async (...args) => {
    const result = await server.adctl(args);
    assert.equal(result.code, 0, result.stderr);
    return result.stdout;
  };
  assert.match(await run('import', file), /three/);
  await untilNormal([server]);
  assert.equal(await run('import', file), 'nothing changes\n');
  const exported = JSON.parse(await run('export'));
  assert.equal(exported.campaigns.length, catalog.campaigns.length);

  // The slot of one campaign stands half here, half there: what is not at its holder's any more is asked for
  // at the next one's.
  const slot = await cluster.slotOf('ad:campaign:three');
  const from = await cluster.holder(slot);
  const to = cluster.nodes.find((node) => node !== from);
  let steps = 0;
  await cluster.migrate(slot, to, {
    async between() {
      await run('campaign', steps++ % 2 ? 'resume' : 'pause', 'three');
      assert.match(await run('campaign', 'show', 'three'), steps % 2 ? /paused/ : /active/);
    },
  });
  assert.ok(steps >= 2);
  if (steps % 2) await run('campaign', 'resume', 'three');
  assert.match(await run('explain', '--slot', 'capped', '--uid', 'somebody-new'), /three/);
  await run('campaign', 'delete', 'three', '--with-creatives');
  await until(async () => (await server.ads({ slot: 'capped', uid: 'somebody-new' }, { headers }))[0].campaign !== 'three');
  const audit = await cluster.command('XLEN', 'ad:audit');
  assert.ok(audit >= 2 + steps, `${audit} lines of audit`);
  assert.equal((await server.adctl(['-o', `redis.url=${cluster.url.replace('of-all', 'wrong')}`, 'campaign', 'list'])).code, 1);
});
