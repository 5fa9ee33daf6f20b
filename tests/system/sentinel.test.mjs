// runs alone: it measures how soon all is normal after a fail-over
//
// A primary with replicas and sentinels: whatever becomes of the primary, pages go on, caps and goals
// hold, what was acknowledged is counted, and soon after a promotion all is as before.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { delay, importCatalog, request, setCampaign, startServer, until, whenDone } from '../lib/harness.mjs';
import { startSentinels } from '../lib/redis_ha.mjs';
import { browser, countsInRedis, inParallel, keptAlive, report, startServers, stream } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const recoveryMs = 5000; // after the promotion
const goal = 400;

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const creatives = (id) => [{ id: `${id}-1`, ...picture }];
const catalog = {
  slots: ['capped', 'bound', 'free'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    { id: 'three', tier: 'sponsorship', slots: 'capped', caps: '3/1d', creatives: creatives('three') },
    { id: 'booked', tier: 'sponsorship', slots: 'bound', goal_impressions: goal, pacing: 'asap', creatives: creatives('booked') },
    { id: 'open', tier: 'house', slots: '*', creatives: creatives('open') },
  ],
};

const headers = { 'User-Agent': browser };

// Everything that a page and a browser ask for, without end, of both servers; stop() gives what came of it.
function traffic(t, servers) {
  const agent = keptAlive(t);
  const key = newestKey(servers[0].options['tokens.keyring']);
  const told = { acknowledged: 0, refused: 0, pages: 0, served: {}, bound: 0, slowest: 0 };
  const at = (n) => servers[n % servers.length].base;
  const page = async (n, query) => {
    const began = performance.now();
    const answer = await request(`${at(n)}/v1/ads?${query}`, { agent, headers });
    told.slowest = Math.max(told.slowest, performance.now() - began);
    assert.equal(answer.status, 200, answer.text);
    told.pages++;
    return answer.json().ads[0];
  };
  const capped = stream(6, async (lane, turn) => {
    const uid = `viewer-${turn % 40}-of-lanes`; // all lanes the same ones
    if ((await page(lane + turn, `slot=capped&uid=${uid}`)).campaign === 'three') told.served[uid] = (told.served[uid] ?? 0) + 1;
  });
  const bound = stream(2, async (lane, turn) => {
    const ad = await page(lane + turn, `slot=bound&uid=reader-${lane}-${turn}`);
    if (ad.campaign === 'booked') told.bound++;
    await report(ad.impression_url, { agent });
  });
  const events = stream(4, async (lane, turn) => {
    const token = signToken(key, { campaign: 'open', creative: 'open-1', slot: 'free' });
    for (let again = 0; ; again++) {
      const answer = await report(`${at(lane + turn + again)}/v1/i/${token}`, { agent });
      assert.ok([204, 503].includes(answer.status), String(answer.status));
      if (answer.status === 204) break;
      told.refused++;
      await delay(10);
    }
    told.acknowledged++;
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

async function start(t, settings = {}, { count = 2 } = {}) {
  const group = await startSentinels({ t, ...settings });
  await importCatalog(group, catalog);
  const replicas = group.servers.length - 1;
  await until(async () => (await group.first.command('WAIT', String(replicas), '1000')) === replicas, { timeout: 20000, what: 'the replicas have the catalog' });
  const options = { 'server.workers': 2 };
  const servers = await startServers({ t, redis: group, count, options, allowErrors: /redis/i });
  return { group, servers };
}

const ready = async (server) => (await request(`${server.admin}/readyz`)).status === 200;

// All that needs Redis works again at every server: readiness, caps, events.
async function untilNormal(servers) {
  const began = performance.now();
  const wait = { interval: 10, timeout: 20000 };
  for (const [n, server] of servers.entries()) {
    const fresh = () => `new-viewer-${n}-${Math.random().toString(36).slice(2)}`;
    await until(() => ready(server), { ...wait, what: 'it is ready' });
    await until(
      async () => (await server.ads({ slot: 'capped', uid: fresh() }, { headers }))[0].campaign === 'three',
      { ...wait, what: 'capped ads are back' },
    );
    await until(
      async () => {
        const [ad] = await server.ads({ slot: 'capped', uid: fresh() }, { headers });
        return (await report(ad.impression_url)).status === 204;
      },
      { ...wait, what: 'events are taken' },
    );
  }
  return performance.now() - began;
}

// More than allowed to none of them, over everything that was served before and after.
function assertCapsHeld(served) {
  assert.deepEqual(Object.entries(served).filter(([, n]) => n > 3), [], 'viewers over their cap of 3');
  assert.ok(Object.keys(served).length > 0);
}

// What came while Redis was away is counted from the spool, at its own pace.
const untilReplayed = (servers) =>
  until(async () => (await Promise.all(servers.map((one) => one.stats()))).every(({ spool }) => spool.waiting === 0), {
    timeout: 30000,
    what: 'the spools are empty',
  });

// Other impressions of `open` come from the pages of those who were over their cap, in other slots.
async function assertCounted(redis, told, servers) {
  await untilReplayed(servers);
  const { fields } = await countsInRedis(redis, 'open');
  assert.equal(fields['open-1|free|impressions'], told.acknowledged, 'impressions counted and acknowledged');
  const booked = (await countsInRedis(redis, 'booked')).total.impressions ?? 0;
  assert.ok(booked <= goal, `${booked} impressions of ${goal} booked`);
}

test('the primary is killed under load, and again the next one', async (t) => {
  const { group, servers } = await start(t);
  const load = traffic(t, servers);
  for (let round = 0; round < 2; round++) {
    await untilNormal(servers);
    const old = await group.primary();
    await old.kill();
    const killed = performance.now();
    const next = await group.promoted(old);
    const waited = performance.now() - killed;
    const took = await untilNormal(servers);
    t.diagnostic(`promoted after ${waited.toFixed(0)} ms, normal ${took.toFixed(0)} ms later`);
    assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
    await old.start(); // a replica from now on, so that the next one has one as well
    await until(async () => (await next.command('ROLE'))[2].length === 2, { timeout: 20000, what: 'it follows' });
  }
  // One viewer, 200 requests at once, just when the primary goes.
  const last = await group.primary();
  const rush = inParallel(200, 200, async (n) => {
    const [ad] = await servers[n % 2].ads({ slot: 'capped', uid: 'everybody-at-once' }, { headers });
    return ad.campaign;
  });
  await last.kill();
  const heir = await group.promoted(last); // which a busy sentinel names a little later
  const took = await untilNormal(servers);
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  const more = await inParallel(200, 200, async (n) => (await servers[n % 2].ads({ slot: 'capped', uid: 'everybody-at-once' }, { headers }))[0].campaign);
  const three = [...(await rush), ...more].filter((campaign) => campaign === 'three').length;
  assert.equal(three, 3);

  const told = await load.stop();
  t.diagnostic(JSON.stringify({ ...told, served: Object.keys(told.served).length }));
  assertCapsHeld(told.served);
  assert.ok(told.refused > 0 || told.acknowledged > 0);
  await assertCounted(heir, told, servers);
});

test('the primary is cut off from all but us and goes on answering: we leave it', async (t) => {
  const { group, servers } = await start(t, { proxied: true });
  await untilNormal(servers);
  const load = traffic(t, servers);
  const old = group.first;
  group.proxy.cut = true;
  const next = await group.promoted(old);
  assert.equal((await old.command('ROLE'))[0], 'master', 'nobody has told the old one');
  const took = await untilNormal(servers);
  t.diagnostic(`normal ${took.toFixed(0)} ms after the promotion`);
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  await until(async () => !(await clientsOf(old)).some((line) => /name=masthead-/.test(line)), { what: 'nobody of ours is left there' });
  group.proxy.cut = false;
  await until(async () => (await next.command('ROLE'))[2].length === 2, { timeout: 20000, what: 'the old one follows' });
  await untilNormal(servers);
  const told = await load.stop();
  t.diagnostic(JSON.stringify({ ...told, served: Object.keys(told.served).length }));
  await assertCounted(next, told, servers);
});

const clientsOf = async (redis) => (await redis.command('CLIENT', 'LIST')).split('\n');

test('a primary that stands still is left for the promoted one, and is no use when it wakes up', async (t) => {
  const { group, servers } = await start(t);
  await untilNormal(servers);
  const load = traffic(t, servers);
  const old = await group.primary();
  old.pause();
  const next = await group.promoted(old);
  const took = await untilNormal(servers);
  t.diagnostic(`normal ${took.toFixed(0)} ms after the promotion`);
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  old.resume();
  await until(async () => (await next.command('ROLE'))[2].length === 2, { timeout: 20000, what: 'it follows' });
  await untilNormal(servers);
  const told = await load.stop();
  assertCapsHeld(told.served);
  await assertCounted(next, told, servers);
});

test('a fail-over by hand, without a fault: READONLY is the only sign', async (t) => {
  const { group, servers } = await start(t, {}, { count: 1 });
  const [server] = servers;
  await untilNormal(servers);
  const old = await group.primary();
  await group.sentinels[0].client.command('SENTINEL', 'FAILOVER', 'ads');
  await group.promoted(old);
  const took = await untilNormal(servers);
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  await until(async () => (await old.command('ROLE'))[0] === 'slave', { timeout: 20000, what: 'the old one is told' });
  await untilNormal(servers);
  // On a busy machine the sentinels may by now prefer yet another one.
  const paused = async () => setCampaign({ client: (await group.primary()).client }, 'three', { status: 'paused' }).then(() => true, (error) => /READONLY/.test(error.message) ? false : Promise.reject(error));
  await until(paused, { timeout: 20000, what: 'the campaign is paused' });
  await until(async () => (await server.ads({ slot: 'capped', uid: 'somebody-new' }, { headers }))[0].campaign === 'open', { what: 'the catalog is heard from the new one' });
  await until(async () => {
    const { redis } = await server.stats();
    const primary = await group.primary();
    return redis.connected && redis.servers.length === 1 && redis.servers[0].address === `127.0.0.1:${primary.port}`;
  }, { timeout: 20000, what: '/stats names the primary' });
});

test('sentinels away: the primary is used on; they are back: it is followed again', async (t) => {
  const { group, servers } = await start(t, { sentinels: 1 }, { count: 1 });
  const [server] = servers;
  await untilNormal(servers);
  const [sentinel] = group.sentinels;
  sentinel.pause();
  const primary = group.first;
  await primary.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {});
  await untilNormal(servers);
  sentinel.resume();
  await primary.kill();
  await group.promoted(primary);
  const took = await untilNormal(servers);
  assert.ok(took <= recoveryMs, `${took} ms after the promotion`);
  assert.match(server.log(), /sentinel 127\.0\.0\.1:\d+/);
});

test('passwords: of the servers and, apart from it, of the sentinels; adctl finds its way too', async (t) => {
  const conf = { requirepass: 'of-servers', masterauth: 'of-servers', 'min-replicas-to-write': 0 };
  // One sentinel and one replica, so it had better not be hasty.
  const group = await startSentinels({ t, replicas: 1, sentinels: 1, conf, password: 'of-sentinels', downAfter: 3000 });
  const server = await startServer({ t, redis: { url: group.url }, ready: 'alive', allowErrors: /redis/i });
  const file = path.join(server.dir, 'catalog.json');
  writeFileSync(file, JSON.stringify(catalog));
  const imported = await server.adctl(['import', file]);
  assert.equal(imported.code, 0, imported.stderr);
  await untilNormal([server]);
  await group.first.command('SET', 'ad:mark', '1');
  assert.equal(await group.first.command('WAIT', '1', '20000'), 1, 'the replica has it all');
  await group.first.kill();
  await group.promoted(group.first);
  await untilNormal([server]);
  const shown = await server.adctl(['campaign', 'pause', 'three']);
  assert.equal(shown.code, 0, shown.stderr);

  const without = group.url.replace(/\?.*/, '');
  const refused = await server.adctl(['-o', `redis.url=${without}`, 'campaign', 'list']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /NOAUTH/);
});
