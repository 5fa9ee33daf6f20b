// runs alone: it measures how soon a killed worker is back
//
// One worker's end is nobody else's business.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {
  binaries,
  connect,
  freePort,
  importCatalog,
  removeDir,
  run,
  smallCatalog,
  startRedis,
  startServer,
  tempDir,
  until,
} from '../lib/harness.mjs';
import { browser, keptAlive, stream } from '../lib/traffic.mjs';

const ask = `GET /v1/ads?slot=header HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${browser}\r\n\r\n`;

// A worker that is told to crash does so at once, and not after a sanitizer's report of it.
const env = { ASAN_OPTIONS: 'handle_segv=0:exitcode=99' };

async function start(t, options, allowDeaths) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  return startServer({ t, redis, env, allowDeaths, options: { 'server.workers': 3, ...options } });
}

const pids = (stats) => stats.workers.map((worker) => worker.pid);

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// `count` connections that have been answered once.
async function openConnections(t, server, count) {
  const connections = [];
  t.after(() => connections.forEach((connection) => connection.close()));
  while (connections.length < count) {
    const connection = await connect(server.port);
    connections.push(connection);
    connection.send(ask);
    assert.equal((await connection.response()).status, 200);
  }
  return connections;
}

// Until every worker but `gone` serves the same catalog; how long that took.
async function untilBack(server, gone, workers) {
  const began = performance.now();
  const stats = await until(
    async () => {
      const found = await server.stats();
      const revisions = new Set(found.workers.map((worker) => worker.catalog_revision));
      const full = found.workers.length === workers && !pids(found).some((pid) => gone.includes(pid));
      return full && revisions.size === 1 && found.workers.every((worker) => worker.redis_connected) && found;
    },
    { interval: 5, what: 'the worker is back' },
  );
  return { took: performance.now() - began, stats };
}

for (const signal of ['SIGKILL', 'SIGSEGV']) {
  test(`a worker ended by ${signal} is back within a second, the others notice nothing`, async (t) => {
    const server = await start(t, {}, new RegExp(`signal=${os.constants.signals[signal]}\\b`));
    const agent = keptAlive(t);
    const connections = await openConnections(t, server, 60);
    const before = await server.stats();
    // Who has how many is the kernel's choice; the one with the fewest leaves the most to notice nothing.
    const [victim] = before.workers.filter((worker) => worker.connections > 0).sort((a, b) => a.connections - b.connections);
    const load = stream(4, () => server.get('/v1/ads?slot=header', { agent }));

    process.kill(victim.pid, signal);
    const { took, stats } = await untilBack(server, [victim.pid], 3);
    const { results, errors } = await load.stop();

    t.diagnostic(`back after ${took.toFixed(0)} ms`);
    assert.ok(took < 1000, `it took ${took} ms`);
    assert.deepEqual(stats.workers.map((worker) => worker.restarts).sort(), [0, 0, 1]);
    for (const worker of before.workers)
      if (worker !== victim) assert.ok(pids(stats).includes(worker.pid), 'another worker has gone');
    assert.ok(results.length > 0 && results.every((answer) => answer.status === 200));
    // What the load may lose is the connections that the worker held, one request each.
    assert.ok(errors.length <= 4, `${errors.length} errors: ${errors[0]}`);

    const open = connections.filter((connection) => !connection.closed);
    const lost = connections.length - open.length;
    assert.ok(lost > 0 && lost <= victim.connections, `${lost} of its ${victim.connections} were lost`);
    for (const connection of open) {
      connection.send(ask);
      assert.equal((await connection.response()).status, 200);
    }
  });
}

test('a worker that dies of what nobody meant fails the test it serves', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ redis, env, allowErrors: true, allowDeaths: /signal=11\b/ });
  const gone = pids(await server.stats());
  process.kill(gone[0], 'SIGKILL');
  await untilBack(server, gone, 1);
  await assert.rejects(server.stop(), /workers died:.*\n.*signal=9\b/);
});

test('one worker a core, unless it is told otherwise', async (t) => {
  const server = await start(t, { 'server.workers': 'auto' });
  assert.equal((await server.stats()).workers.length, Math.min(os.cpus().length, 32));
});

test('all workers killed again and again: it is there each time, and counts go on', async (t) => {
  const server = await start(t, {}, /signal=9\b/);
  let served = 0;
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 10; i++) served += (await server.ads({ slot: 'header' })).length;
    const gone = pids(await server.stats());
    for (const pid of gone) process.kill(pid, 'SIGKILL');
    const { stats } = await untilBack(server, gone, 3);
    assert.equal(stats.requests.ads, served, 'the counts of dead workers are lost');
    assert.deepEqual(stats.workers.map((worker) => worker.restarts), [round, round, round]);
  }
});

test('a stopped worker keeps nobody waiting: the others accept', async (t) => {
  const server = await start(t, { 'server.workers': 2 });
  const [stopped] = pids(await server.stats());
  process.kill(stopped, 'SIGSTOP');
  try {
    for (let i = 0; i < 50; i++) assert.equal((await server.get('/v1/ads?slot=header')).status, 200);
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
});

test('workers end with their supervisor', async (t) => {
  const server = await start(t, { 'server.workers': 2 });
  const workers = pids(await server.stats());
  server.signal('SIGKILL');
  await until(() => !workers.some(isAlive), { timeout: 10000, what: 'the workers have gone' });
  await server.child.exited;
  server.child = null;
});

// /proc tells who a process is.
const userOf = (pid) => /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')).slice(1, 4);

test('started as root it becomes server.user, also after a reload', { skip: process.getuid() !== 0 }, async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const dir = tempDir('state');
  t.after(() => removeDir(dir));
  chmodSync(dir, 0o755);
  const options = { 'server.user': 'nobody', 'server.workers': 2, 'server.state_dir': path.join(dir, 'state') };
  const server = await startServer({ t, redis, options });
  chmodSync(server.dir, 0o755); // the configuration is read again as that user
  const nobody = ['65534', '65534', '65534'];
  const check = async () => {
    for (const pid of [server.pid, ...pids(await server.stats())]) assert.deepEqual(userOf(pid), nobody);
  };
  await check();
  assert.equal((await server.ads({ slot: 'header' }))[0].campaign, 'spring');
  const before = pids(await server.stats());
  server.signal('SIGHUP');
  await untilBack(server, before, 2);
  await check();
});

test('started as root it gives away no file that its account has linked to', { skip: process.getuid() !== 0 }, async (t) => {
  const dir = tempDir('state');
  t.after(() => removeDir(dir));
  const secret = path.join(dir, 'of-root');
  const state = path.join(dir, 'state');
  writeFileSync(secret, 'not for everybody', { mode: 0o600 });
  mkdirSync(state);
  symlinkSync(secret, path.join(state, 'keyring'));
  chmodSync(dir, 0o755);
  const options = {
    'server.user': 'nobody',
    'server.state_dir': state,
    'server.listen': `127.0.0.1:${await freePort()}`,
    'server.admin_listen': `127.0.0.1:${await freePort()}`,
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const { code, stderr } = await run(path.join(binaries, 'adserver'), args);
  assert.equal(code, 1);
  assert.match(stderr, /keyring: cannot be opened: Permission denied/);
  assert.equal(statSync(secret).uid, 0);
});
