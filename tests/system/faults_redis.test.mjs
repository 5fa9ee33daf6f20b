// runs alone: answers have to come in time while other tests would keep the machine busy
//
// The network between a server and its Redis: slow, narrow, torn, cut, dead without a sign. What was
// acknowledged is counted once, caps hold, and pages never wait.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { delay, importCatalog, request, startRedis, startServer, until, whenDone } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, instrumented, keptAlive, report } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';
import { startProxy } from '../lib/villain_proxy.mjs';

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const catalog = {
  slots: [{ id: 'header', sizes: '728x90' }],
  campaigns: [
    { id: 'capped', tier: 'sponsorship', slots: 'header', caps: '2/1d', creatives: [{ id: 'capped-1', ...picture }] },
    { id: 'open', slots: 'header', creatives: [{ id: 'open-1', ...picture }] },
  ],
};
const asBrowser = { headers: { 'User-Agent': browser } };
const open = { campaign: 'open', creative: 'open-1', slot: 'header', landing: picture.landing };

async function start(t, { shape = {}, options } = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const proxy = Object.assign(await startProxy(redis.port), shape);
  whenDone(t, () => proxy.close());
  const server = await startServer({ t, redis: proxy, options: { 'server.workers': 2, 'bots.clicks_per_minute': 0, 'bots.fast_click': '0ms', ...options }, allowErrors: /redis/i });
  const key = newestKey(`${server.options['server.state_dir']}/keyring`);
  return { redis, proxy, server, key };
}

// Readers, each of whom reports an impression twice, sees another one, and clicks a third. Of an impression
// of its own each: an event that waits in the spool may be counted behind one that came later, and
// what that implied is then the duplicate. Gives how many readers.
async function visits({ server, key }, count, { width = 16, agent } = {}) {
  await inParallel(count, width, async () => {
    const url = (kind, token = signToken(key, open)) => `${server.base}/v1/${kind}/${token}`;
    const first = url('i');
    for (const one of [first, url('v'), first]) assert.equal((await report(one, { agent })).status, 204);
    assert.equal((await report(url('c'), { agent })).status, 302);
  });
  return count;
}

// What is counted is what was acknowledged, and nothing else.
async function assertCounted({ redis, server }, n) {
  await until(async () => (await server.stats()).spool.waiting === 0, { timeout: 20000, what: 'nothing waits any more' });
  const { sums, total } = await countsInRedis(redis, 'open');
  const { impressions, viewables, clicks, duplicate } = total;
  assert.deepEqual({ impressions, viewables, clicks, duplicate }, { impressions: 3 * n, viewables: n, clicks: n, duplicate: n });
  assert.deepEqual({ ...sums, serves: 0 }, { ...total, serves: 0 });
}

async function untilNormal({ server }) {
  const ready = async () => {
    const answer = await request(`${server.admin}/readyz`);
    const { workers } = await server.stats();
    return answer.status === 200 && answer.json().events === 'redis' && workers.every((worker) => worker.redis_connected);
  };
  await until(ready, { timeout: 20000, what: 'events go to Redis again, from all workers' });
}

// Ads of `viewers`, so many at once that each of them asks for more than its cap.
async function assertCapsHold({ server }, viewers, agent) {
  const served = {};
  await inParallel(viewers.length * 6, 12, async (i) => {
    const uid = viewers[i % viewers.length];
    const [ad] = await server.ads({ slot: 'header', uid }, { agent, ...asBrowser });
    assert.ok(['capped', 'open'].includes(ad.campaign), JSON.stringify(ad));
    if (ad.campaign === 'capped') served[uid] = (served[uid] ?? 0) + 1;
  });
  assert.deepEqual(Object.entries(served).filter(([, n]) => n > 2), [], 'more serves than the cap of 2');
  return served;
}

const shapes = {
  'a byte at a time': { slice: 1 },
  'seven bytes at a time': { slice: 7 },
  'at 64 KB a second': { rate: 65536 },
  '1 ms late': { delay: 1 },
  '30 ms late': { delay: 30 },
  '200 ms late': { delay: 200 },
  '500 ms late': { delay: 500 },
};

test('answers of Redis in slices, slowly, late: read as they are meant, counted once', async (t) => {
  // The catalog comes byte by byte, too; that the one worker has it is what ready means.
  const all = await start(t, { shape: { slice: 1 }, options: { 'server.workers': 1, 'server.deadline_ms': '10s' } });
  const { server, proxy } = all;
  assert.equal((await server.stats()).catalog.campaigns, 2);
  const agent = keptAlive(t);
  let sent = 0;
  for (const [what, shape] of Object.entries(shapes)) {
    proxy.heal();
    await untilNormal(all);
    Object.assign(proxy, shape);
    const served = await assertCapsHold(all, [1, 2, 3, 4].map((n) => `reader-${n}-${Object.keys(shapes).indexOf(what)}`), agent);
    assert.deepEqual(Object.values(served), [2, 2, 2, 2], `${what}: exactly as often as the cap allows`);
    sent += await visits(all, 30, { agent }); // those that Redis does not take in time wait here
    proxy.heal();
    await untilNormal(all);
    await assertCounted(all, sent);
  }
  const { redis, workers } = await server.stats();
  assert.equal(redis.errors, 0, 'no answer was taken for another');
  assert.ok(workers.every(({ restarts }) => restarts === 0));
});

test('the connection breaks between an event and its answer, or in the middle of either: counted once', async (t) => {
  const all = await start(t, { options: { 'server.deadline_ms': '10s' } });
  const { proxy, server } = all;
  const agent = keptAlive(t);
  let sent = 0;
  for (const [direction, keep] of [0, 1, 2, 5, 9, 40, 200].flatMap((bytes) => [['answered', bytes], ['asked', bytes]])) {
    await untilNormal(all);
    const before = proxy.cuts;
    proxy.tear(direction, keep);
    sent += await visits(all, 4, { width: 4, agent });
    await until(() => proxy.cuts > before, { what: `cut behind ${keep} bytes ${direction}` });
    proxy.heal();
  }
  await untilNormal(all);
  await assertCounted(all, sent);
  assert.ok((await server.stats()).redis.reconnects >= 7, 'it was connected anew each time');
});

test('connections that Redis kills while events are under way: each counts once', async (t) => {
  const all = await start(t, { options: { 'server.deadline_ms': '10s' } });
  const { redis, server } = all;
  const agent = keptAlive(t);
  let going = true;
  const killing = (async () => {
    for (; going; await delay(15)) await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  })();
  let sent = 0;
  do sent += await visits(all, instrumented ? 60 : 200, { agent });
  while ((await server.stats()).redis.reconnects <= 2);
  going = false;
  await killing;
  await untilNormal(all);
  await assertCounted(all, sent);
});

test('a partition without a sign, one way and both: the dead connection is left, all is counted once', async (t) => {
  const directions = [['asked'], ['answered'], ['asked', 'answered']];
  await Promise.all(directions.map(async (dead) => {
    const all = await start(t);
    const { proxy, server } = all;
    await visits(all, 5);
    const before = proxy.opened;
    for (const direction of dead) proxy.strand(direction);
    const cut = performance.now();
    // Pages go on, what needs Redis rests, events are kept here.
    for (let i = 0; i < 8; i++) {
      const [ad] = await server.ads({ slot: 'header', uid: `somebody-${dead}-${i}`.replace(',', '-') }, asBrowser);
      assert.equal(ad.campaign, 'open');
    }
    await visits(all, 5);
    await until(() => proxy.opened > before, { timeout: 10000, what: 'it connects anew' });
    await untilNormal(all);
    const took = performance.now() - cut;
    t.diagnostic(`${dead}: normal after ${took.toFixed(0)} ms`);
    assert.ok(instrumented || took < 8000, `${took} ms: as long as TCP takes to tell`);
    await visits(all, 5);
    await assertCounted(all, 15);
  }));
});

// As many processes as 50: one server has 32 at most.
test('very many processes that lose Redis again and again come back in their own time', async (t) => {
  const each = instrumented ? 3 : 25;
  const options = { 'server.workers': each, 'server.max_connections': 200 };
  const all = await start(t, { options });
  const { redis, proxy, server } = all;
  const servers = [server, await startServer({ t, redis: proxy, options, allowErrors: /redis/i })];
  const workers = each * servers.length;
  const connected = async () => {
    const stats = await Promise.all(servers.map((one) => one.stats()));
    return stats.flatMap((one) => one.workers).filter((worker) => worker.redis_connected).length;
  };
  await until(async () => (await connected()) === workers, { timeout: 30000 });
  const held = proxy.pairs.size;
  const info = async (section, name) => Number(new RegExp(`^${name}:(?:calls=)?([\\d.]+)`, 'm').exec(await redis.command('INFO', section))?.[1] ?? 0);
  const counted = async () => ({ cpu: (await info('cpu', 'used_cpu_user')) + (await info('cpu', 'used_cpu_sys')), scripts: await info('commandstats', 'cmdstat_script\\|load'), sent: proxy.opened });

  // Cut again and again, as soon as they are back: one connection for each that was cut, no more.
  const began = performance.now();
  const before = await counted();
  let cut = 0;
  for (let storm = 0; storm < 100; storm++) {
    cut += proxy.pairs.size;
    proxy.reset();
    await delay(20);
  }
  await until(async () => (await connected()) === workers && proxy.pairs.size === held, { timeout: 20000, what: 'all are back' });
  const seconds = (performance.now() - began) / 1000;
  const after = await counted();
  t.diagnostic(`${workers} workers, ${cut} connections cut: ${after.sent - before.sent} made again, ${(after.cpu - before.cpu).toFixed(2)} s of Redis's processor in ${seconds.toFixed(1)} s`);
  assert.ok(after.sent - before.sent <= cut + held, 'more connections than were lost');
  assert.ok(after.cpu - before.cpu < 0.5 * seconds, 'Redis is kept busy by those who come back');
  assert.equal(after.scripts, before.scripts, 'scripts are not loaded again and again');

  // While nobody is there they try less and less often: pauses double from 50 ms to a second, half of
  // each at least.
  await proxy.close();
  const refusing = await startRefuser(t, proxy.port);
  await delay(2000);
  const tries = refusing.times.length;
  await refusing.close();
  t.diagnostic(`${tries} attempts of ${held} connections in 2 seconds`);
  assert.ok(tries >= held && tries <= 9 * held, `${tries} attempts of ${held} connections`);
  assert.ok(busiest(refusing.times, 100) < 3 * held, 'they come one by one and not in step');
  await proxy.open();
  await until(async () => (await connected()) === workers, { timeout: 20000, what: 'all are back' });
  await visits(all, 10);
  await assertCounted(all, 10);
});

// The most of `times` within so many milliseconds.
const busiest = (times, ms) => Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + ms).length));

// Takes connections and drops them at once.
async function startRefuser(t, port) {
  const times = [];
  const listener = net.createServer((socket) => {
    times.push(performance.now());
    socket.on('error', () => {});
    socket.resetAndDestroy();
  });
  await new Promise((resolve, reject) => listener.once('error', reject).listen(port, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => listener.close(resolve));
  whenDone(t, () => listener.listening && close());
  return { times, close };
}

// As a proxy tells it that says 6 for 7.
test('a Redis older than 7 is told of in the log', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const sockets = new Set();
  const listener = net.createServer((socket) => {
    const upstream = net.connect(redis.port, '127.0.0.1');
    for (const one of [socket, upstream]) sockets.add(one.on('error', () => {}));
    socket.pipe(upstream);
    upstream.on('data', (bytes) => socket.write(Buffer.from(bytes.toString('latin1').replace('redis_version:7', 'redis_version:6'), 'latin1')));
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  whenDone(t, () => (sockets.forEach((socket) => socket.destroy()), new Promise((resolve) => listener.close(resolve))));
  const server = await startServer({ t, redis: { url: `redis://127.0.0.1:${listener.address().port}/0` }, allowErrors: /older/ });
  await until(() => /is older than what counting has been proven with.* version=6\.\S+ needed=7/.test(server.log()));
  const [ad] = await server.ads({ slot: 'header' }, asBrowser);
  assert.ok(['capped', 'open'].includes(ad.campaign));
});
