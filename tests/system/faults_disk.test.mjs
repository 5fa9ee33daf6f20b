// Disks that are full, Redis's and our own, and a Redis that cannot save: what can be kept is
// acknowledged and counted once, what cannot is refused and said to be, and ads go on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { importCatalog, removeDir, request, smallCatalog, startRedis, startServer, tempDir, until, whenDone } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, patient, report } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';
import { fillUp, mountDisk } from '../lib/villain_faults.mjs';

const asBrowser = { headers: { 'User-Agent': browser } };
const spring = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };

// A folder on a disk of its own of so many megabytes; null where this machine does not allow that.
function smallDisk(t, megabytes) {
  const folder = tempDir('disk');
  const disk = mountDisk(folder, megabytes);
  whenDone(t, () => (disk?.release(), removeDir(folder)));
  if (!disk) t.skip('no disk can be mounted here');
  return disk;
}

const eventsGo = async (server) => (await request(`${server.admin}/readyz`)).json().events;
const metric = async (server, name) => Number(new RegExp(`^masthead_${name} (.*)$`, 'm').exec(await server.metrics())?.[1]);
const winner = async (server) => (await server.ads({ slot: 'header' }, asBrowser))[0].campaign;

// So many impressions, each of an ad of its own: { acknowledged, refused }.
async function impressions(server, count) {
  const key = newestKey(server.options['tokens.keyring'] ?? path.join(server.options['server.state_dir'], 'keyring'));
  const answers = await inParallel(count, 16, () => report(`${server.base}/v1/i/${signToken(key, spring)}`));
  const acknowledged = answers.filter(({ status }) => status === 204).length;
  const refused = answers.filter(({ status, text }) => status === 503 && JSON.parse(text).error.code === 'not_counted').length;
  assert.equal(acknowledged + refused, count, 'any other answer');
  return { acknowledged, refused };
}

async function assertCounted({ redis, server }, n) {
  await until(async () => (await server.stats()).spool.waiting === 0, { timeout: 20000, what: 'nothing waits any more' });
  const { total, sums } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.impressions, sums.impressions, total.duplicate], [n, n, undefined]);
}

// Redis takes no writes: all is kept here, told of, and counted when it does again.
async function assertSpoolsMeanwhile(all, refuse, heal) {
  const { redis, server } = all;
  await impressions(server, 20);
  await assertCounted(all, 20);
  const { spooled } = (await server.stats()).events;
  await refuse();
  assert.deepEqual(await impressions(server, 100), { acknowledged: 100, refused: 0 });
  await until(async () => (await eventsGo(server)) === 'spool', { what: 'a worker that has found out is asked' });
  assert.equal(await winner(server), 'spring');
  await until(async () => (await metric(server, 'spool_waiting')) > 0, { what: 'the alarm is told' });
  assert.equal((await server.stats()).events.spooled, spooled + 100);
  assert.equal((await countsInRedis(redis, 'spring')).total.impressions, 20);
  await heal();
  await until(async () => (await eventsGo(server)) === 'redis', { timeout: 20000, what: 'Redis takes events again' });
  await impressions(server, 20);
  await assertCounted(all, 140);
}

async function start(t, { conf, options, ...settings } = {}) {
  const redis = await startRedis({ t, conf });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, 'server.workers': 2, ...options }, allowErrors: /redis|spool/i, ...settings });
  return { redis, server };
}

const refusals = (redis) => ({
  MISCONF: [
    async () => {
      await redis.command('CONFIG', 'SET', 'save', '3600 1');
      await redis.command('CONFIG', 'SET', 'dir', '/proc');
      await redis.command('BGSAVE');
      await until(async () => (await redis.command('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'), { timeout: 10000 });
    },
    async () => {
      await redis.command('CONFIG', 'SET', 'save', '');
      await redis.command('CONFIG', 'SET', 'dir', redis.dir);
    },
  ],
  OOM: [() => redis.command('CONFIG', 'SET', 'maxmemory', '1'), () => redis.command('CONFIG', 'SET', 'maxmemory', '0')],
  READONLY: [() => redis.command('REPLICAOF', '127.0.0.1', '1'), () => redis.command('REPLICAOF', 'NO', 'ONE')],
  NOREPLICAS: [
    () => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    () => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  ],
});

for (const word of ['MISCONF', 'OOM', 'READONLY', 'NOREPLICAS'])
  test(`a Redis that answers ${word} to every write: events are kept here and counted afterwards`, async (t) => {
    const all = await start(t, { conf: { 'enable-protected-configs': 'yes' } });
    const [refuse, heal] = refusals(all.redis)[word];
    await assertSpoolsMeanwhile(all, async () => {
      await refuse();
      const said = await all.redis.command('HSET', 'elsewhere', 'a', '1').then(() => 'written', (error) => error.message);
      assert.match(said, new RegExp(`^${word} `));
    }, heal);
  });

test("Redis's disk is full: events are kept here and counted when it has room", async (t) => {
  const disk = smallDisk(t, 8);
  if (!disk) return;
  const all = await start(t, { conf: { dir: disk.folder, appendonly: 'yes', appendfsync: 'everysec' } });
  let free;
  await assertSpoolsMeanwhile(all, async () => {
    free = fillUp(disk.folder);
    const write = () => all.redis.command('SET', 'elsewhere', 'x'.repeat(1000)).then(() => '', (error) => error.message);
    await until(async () => /^MISCONF .*AOF/.test(await write()), { timeout: 20000, what: 'Redis has noticed' });
  }, () => free());
  // What was counted is on its disk, too.
  await all.redis.restart('SIGTERM');
  await assertCounted(all, 140);
});

test('our own disk is full while Redis is away: 503 to beacons, clicks land, ads go on, an alarm, and it heals', async (t) => {
  const disk = smallDisk(t, 2);
  if (!disk) return;
  const state = path.join(disk.folder, 'state');
  mkdirSync(state);
  const conf = { appendonly: 'yes', appendfsync: 'always' };
  const all = await start(t, { conf, options: { 'server.state_dir': state } });
  const { redis, server } = all;
  assert.deepEqual(await impressions(server, 10), { acknowledged: 10, refused: 0 });
  await until(() => existsSync(path.join(state, 'catalog')), { what: 'the catalog, which is no event, has found room' });
  await redis.kill();
  await until(async () => (await server.stats()).workers.every((worker) => !worker.redis_connected));
  let acknowledged = 10 + (await impressions(server, 40)).acknowledged;
  assert.equal(acknowledged, 50);

  const free = fillUp(disk.folder);
  let refused = 0;
  await until(async () => {
    const full = await impressions(server, 50);
    acknowledged += full.acknowledged; // the last page of a file may have had room
    refused += full.refused;
    return full.refused === 50;
  }, { what: 'no event finds room any more' });
  await until(async () => (await server.stats()).spool.writable === false, { what: 'the gauge is told' });
  assert.equal((await server.stats()).events.failed, refused);
  assert.equal(await metric(server, 'spool_writable'), 0);
  assert.ok((await metric(server, 'spool_refused_total')) > 0, 'the alarm counts');
  const ready = await request(`${server.admin}/readyz`);
  assert.equal(ready.status, 503);
  assert.equal(await winner(server), 'spring', 'ads go on');
  const key = newestKey(path.join(state, 'keyring'));
  const click = await report(`${server.base}/v1/c/${signToken(key, spring)}`);
  assert.deepEqual([click.status, click.headers.location], [302, spring.landing]);

  free();
  await until(async () => {
    const { acknowledged: more } = await impressions(server, 1);
    acknowledged += more;
      return more === 1 && (await server.stats()).spool.writable;
  }, { timeout: 20000, what: 'it writes again' });
  acknowledged += (await impressions(server, 40)).acknowledged;
  await redis.start();
  await until(async () => (await eventsGo(server)) === 'redis', { timeout: 20000, what: 'Redis is back' });
  await assertCounted(all, acknowledged);
});

test('a disk that nobody may write to: it does not start without key ring and spool, and says why', async (t) => {
  const disk = smallDisk(t, 2);
  if (!disk) return;
  const state = path.join(disk.folder, 'state');
  mkdirSync(state);
  assert.equal(spawnSync('mount', ['-o', 'remount,ro', disk.folder]).status, 0);
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const keyring = path.join(tempDir('ring'), 'keyring');
  for (const [options, missing] of [[{}, 'keyring'], [{ 'tokens.keyring': keyring }, 'spool']])
    await assert.rejects(
      startServer({ redis, options: { 'server.state_dir': state, ...options } }),
      new RegExp(`adserver ended as it started:\nadserver: .*state/${missing}: .*Read-only file system`),
    );
});
