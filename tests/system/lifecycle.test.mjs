// runs alone: reloads are counted against a load that takes what the machine has
//
// Starting, reloading and ending: no request may notice.
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, readFileSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import {
  connect,
  freePort,
  importCatalog,
  raw,
  request,
  run,
  smallCatalog,
  startRedis,
  startServer,
  until,
} from '../lib/harness.mjs';
import { assertNoErrors, browser, patient, startWrk } from '../lib/traffic.mjs';

const head = `GET /v1/ads?slot=header HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${browser}\r\n`;

async function start(t, { options, ...settings } = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { 'server.workers': 2, ...options }, ...settings });
  return { redis, server };
}

const serving = async (server) => (await server.stats()).workers.filter((worker) => !worker.draining);

// Reloads and waits until none of the workers from before is left.
async function reload(server, options = {}) {
  const before = new Set((await server.stats()).workers.map((worker) => worker.pid));
  server.reconfigure(options);
  await until(async () => !(await server.stats()).workers.some((worker) => before.has(worker.pid)), {
    timeout: 15000,
    what: 'new workers have taken over',
  });
}

function refuses(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket.destroy() && false));
    socket.once('error', () => resolve(true));
  });
}

for (const [how, headers] of [
  ['kept-alive connections', {}],
  ['a connection for each request', { Connection: 'close' }],
]) {
  test(`20 reloads under 64 clients, ${how}: no error`, async (t) => {
    const { server } = await start(t);
    const wrk = startWrk(t, `${server.base}/v1/ads?slot=header`, { connections: 64, headers });
    await until(async () => (await server.stats()).requests.ads > 100, { what: 'the load is there' });
    for (let i = 0; i < 20; i++) await reload(server);
    const result = await wrk.stop();
    t.diagnostic(JSON.stringify(result));
    assertNoErrors(result);
    const stats = await server.stats();
    assert.ok(stats.requests.ads >= result.requests, 'counts of the workers before are kept');
    assert.deepEqual(stats.workers.map((worker) => worker.restarts), [0, 0]);
  });
}

test('reloads that come faster than they can be done are done in the end', async (t) => {
  const { server } = await start(t);
  const wrk = startWrk(t, `${server.base}/v1/ads?slot=header`, { connections: 16 });
  const [{ pid: before }] = await serving(server);
  for (let i = 0; i < 30; i++) {
    server.signal('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(async () => !(await server.stats()).workers.some(({ pid }) => pid === before), { timeout: 20000 });
  await until(async () => (await server.stats()).workers.length === 2, { timeout: 20000, what: 'two are left' });
  assertNoErrors(await wrk.stop());
});

test('a reload puts a new configuration into effect', async (t) => {
  const { server } = await start(t);
  const second = await freePort();
  const first = server.port;
  await reload(server, { 'server.listen': `127.0.0.1:${first}, 127.0.0.1:${second}`, 'server.workers': 3 });
  assert.equal((await serving(server)).length, 3);
  for (const port of [first, second])
    assert.equal((await request(`http://127.0.0.1:${port}/v1/ads?slot=header`)).status, 200);

  await reload(server, { 'server.listen': `127.0.0.1:${second}`, 'server.public_url': 'https://new.example/x' });
  const { ads } = (await request(`http://127.0.0.1:${second}/v1/ads?slot=header`)).json();
  assert.match(ads[0].click_url, /^https:\/\/new\.example\/x\/v1\/c\//);
  await until(() => refuses(first), { what: 'the port that was given up refuses' });

  await reload(server, { 'server.listen': `127.0.0.1:${first}` });
  assert.equal((await server.get('/v1/ads?slot=header')).status, 200);
});

// What must not get in: [options to change, what the log says why].
const refusals = {
  'an unknown key': [{ 'server.workerz': '2' }, /adserver\.conf:\d+: server\.workerz/],
  'a value that is refused': [{ 'server.workers': 'many' }, /adserver\.conf:\d+: server\.workers/],
  'a port that is taken': [async (taken) => ({ 'server.admin_listen': `127.0.0.1:${taken}` }), /server\.admin_listen/],
};

for (const [what, [options, reason]] of Object.entries(refusals)) {
  test(`a reload with ${what} keeps the running configuration and says why`, async (t) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { server } = await start(t, { allowErrors: /reload: refused/ });
    const before = await serving(server);
    const good = { ...server.options };
    server.reconfigure(typeof options === 'function' ? await options(other.address().port) : options);
    const line = await until(() => /^.*reload: refused.*$/m.exec(server.log()), { what: 'the log says so' });
    assert.match(line[0], reason);
    assert.deepEqual((await serving(server)).map(({ pid }) => pid), before.map(({ pid }) => pid));
    assert.equal((await server.get('/v1/ads?slot=header')).status, 200);

    server.options = good; // mended, it goes through
    await reload(server);
    assert.equal((await server.get('/v1/ads?slot=header')).status, 200);
  });
}

test('a reload with a missing, a garbled or a too open file changes nothing', async (t) => {
  const { server } = await start(t, { allowErrors: /reload: refused/ });
  const before = (await serving(server)).map(({ pid }) => pid);
  const refusalsTold = () => server.log().split('reload: refused').length - 1;
  const hang = async (number) => {
    server.signal('SIGHUP');
    await until(() => refusalsTold() === number, { what: `refusal ${number} is told` });
    assert.deepEqual((await serving(server)).map(({ pid }) => pid), before);
  };
  appendFileSync(server.config, '[server\nlisten');
  await hang(1);
  unlinkSync(server.config);
  await hang(2);
  server.writeConfig();
  chmodSync(path.join(server.dir, 'state', 'keyring'), 0o644);
  await hang(3);
  assert.match(server.log(), /keyring/);
  chmodSync(path.join(server.dir, 'state', 'keyring'), 0o600);
  await reload(server);
});

test('a reload of which one address is taken opens and closes none', async (t) => {
  const { server } = await start(t, { allowErrors: /reload: refused/, allowDeaths: /signal=9\b/ });
  const second = await freePort();
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  server.reconfigure({
    'server.listen': `127.0.0.1:${second}`,
    'server.admin_listen': `127.0.0.1:${server.adminPort}, 127.0.0.1:${taken.address().port}`,
  });
  await until(() => /reload: refused/.test(server.log()), { what: 'it is refused' });
  assert.ok(await refuses(second), 'nobody would accept there');
  const before = (await server.stats()).workers.map((worker) => worker.pid);
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await until(async () => (await serving(server)).every((worker) => !before.includes(worker.pid)), { what: 'they are back' });
  assert.equal((await server.get('/tag.js')).status, 200, 'on the address it had');
});

test('a state directory may be named again, after a reload that was refused too', async (t) => {
  const { server } = await start(t, { allowErrors: /reload: refused/ });
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const home = server.options['server.state_dir'];
  const other = { 'server.state_dir': path.join(server.dir, 'other') };
  server.reconfigure({ ...other, 'server.admin_listen': `127.0.0.1:${taken.address().port}` });
  await until(() => /reload: refused/.test(server.log()), { what: 'it is refused' });
  await reload(server, { ...other, 'server.admin_listen': `127.0.0.1:${server.adminPort}` });
  await reload(server, { 'server.state_dir': home });
  assert.match(server.log(), /level=warning msg="reload: server.state_dir has changed; events that wait/);
  assert.equal(server.log().split('reload: refused').length, 2);
});

test('SIGTERM: requests in flight are answered, then it exits with 0', async (t) => {
  const { redis, server } = await start(t, { options: patient });
  const [ad] = await server.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } });
  const halfSent = await connect(server.port);
  const halfBody = await connect(server.port);
  const idle = await connect(server.port);
  idle.send(`${head}\r\n`);
  assert.equal((await idle.response()).headers.connection, undefined);
  halfSent.send(head);
  halfBody.send(`POST /v1/ads HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${browser}\r\nContent-Length: 17\r\n\r\n{"slot":`);
  redis.pause();
  const click = await connect(server.port); // waits for Redis
  click.send(`GET ${new URL(ad.click_url).pathname} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${browser}\r\n\r\n`);
  const connections = async () => (await server.stats()).workers.reduce((sum, worker) => sum + worker.connections, 0);
  await until(async () => (await connections()) === 5, { what: 'all four have been taken in' });

  server.signal('SIGTERM');
  await until(() => refuses(server.port), { what: 'new connections are refused' });
  assert.ok(await refuses(server.adminPort));
  redis.resume();
  const landed = await click.response();
  assert.equal(landed.status, 302);
  assert.equal(landed.headers.connection, 'close');
  halfSent.send('\r\n');
  halfBody.send('"header"}');
  for (const connection of [halfSent, halfBody]) {
    const answer = await connection.response();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.connection, 'close');
    assert.equal(answer.json().ads[0].campaign, 'spring');
    assert.equal(await connection.untilClosed(), 'end');
  }
  assert.equal(await idle.untilClosed(), 'end');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });

  const total = await redis.client.hash('ad:total:{spring}');
  assert.deepEqual([total.clicks, total.impressions, total.serves], ['1', '1', '4'], 'the last counts are written');
});

test('SIGTERM: a client that never finishes holds it up for drain_seconds and no longer', async (t) => {
  const { server } = await start(t, { options: { 'server.drain_seconds': '1s' } });
  const stuck = await connect(server.port);
  t.after(() => stuck.close());
  stuck.send(head);
  await until(async () => (await server.stats()).workers.some((worker) => worker.connections > 1));
  const began = performance.now();
  server.signal('SIGTERM');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
  const took = performance.now() - began;
  t.diagnostic(`ended after ${took.toFixed(0)} ms`);
  assert.ok(took >= 700 && took < 2000, `${took} ms`);
  assert.match(server.log(), /time to drain was over/);
});

test('a second SIGTERM does not wait', async (t) => {
  const { server } = await start(t, { options: { 'server.drain_seconds': '60s' }, allowDeaths: /signal=9\b/ });
  const stuck = await connect(server.port);
  t.after(() => stuck.close());
  stuck.send(head);
  await until(async () => (await server.stats()).workers.some((worker) => worker.connections > 1));
  server.signal('SIGTERM');
  await until(() => refuses(server.port));
  const began = performance.now();
  server.signal('SIGTERM');
  assert.equal((await server.child.exited).code, 0);
  assert.ok(performance.now() - began < 5000);
});

test('drain_seconds = 0 ends at once', async (t) => {
  const { server } = await start(t, { options: { 'server.drain_seconds': '0s' }, allowDeaths: /signal=9\b/ });
  const stuck = await connect(server.port);
  t.after(() => stuck.close());
  stuck.send(head);
  await until(async () => (await server.stats()).workers.some((worker) => worker.connections > 1));
  server.signal('SIGTERM');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
});

test('while it drains, what is pipelined behind an answer is not answered', async (t) => {
  const { server } = await start(t);
  const connection = await connect(server.port);
  connection.send(head);
  await until(async () => (await server.stats()).workers.some((worker) => worker.connections > 1));
  server.signal('SIGTERM');
  await until(() => refuses(server.port));
  connection.send(`\r\n${head}\r\n`);
  const answer = await connection.response();
  assert.equal(answer.headers.connection, 'close');
  await connection.untilClosed();
  assert.equal(connection.unread.length, 0);
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
});

test('SIGINT ends it too', async (t) => {
  const { server } = await start(t);
  server.signal('SIGINT');
  assert.deepEqual(await server.child.exited, { code: 0, signal: null });
});

const parentOf = (pid) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

test('it starts without standard input, output and error', async (t) => {
  const { server } = await start(t);
  const [port, admin] = [await freePort(), await freePort()];
  const options = [`server.listen=127.0.0.1:${port}`, `server.admin_listen=127.0.0.1:${admin}`];
  const args = [...options, `server.state_dir=${server.dir}/bare`].flatMap((option) => ['-o', option]);
  const command = `exec ${JSON.stringify(server.child.process.spawnfile)} -c ${server.config} ${args.join(' ')} 0<&- 1>&- 2>&-`;
  const ended = run('sh', ['-c', command]);
  const stats = await until(async () => (await request(`http://127.0.0.1:${admin}/stats`)).json());
  const answer = await raw(port, `${head}Connection: close\r\n\r\n`);
  assert.equal(answer.responses[0].status, 200);
  process.kill(parentOf(stats.workers[0].pid), 'SIGTERM');
  assert.equal((await ended).code, 0);
});
