// runs alone: it measures processor time and how long others wait
//
// Slow, idle and too many clients (the catalogue's rows D1 to D6).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import test from 'node:test';
import { connect, delay, raw, request, until } from '../lib/harness.mjs';
import { get, head, leavesNoTrace, post, processorMs, residentBytes, startWire, workerPid } from '../lib/wire.mjs';

const closes = async (server, reason) => (await server.stats()).closes[reason];

// A client of its own making: `onOpen(socket)` when it is connected; ends with what it received, how
// long that took, and when it was closed.
function client(port, onOpen, { localAddress } = {}) {
  const began = performance.now();
  const socket = net.connect({ port, host: '127.0.0.1', localAddress });
  const self = { socket, text: '', ms: null };
  socket.setNoDelay(true);
  socket.on('data', (bytes) => (self.text += bytes.toString('latin1')));
  socket.on('error', () => {});
  socket.on('end', () => (self.ms ??= performance.now() - began));
  self.closed = new Promise((resolve) => socket.once('close', () => resolve((self.ms ??= performance.now() - began))));
  self.opened = new Promise((resolve) => socket.once('connect', resolve));
  if (onOpen) socket.once('connect', () => onOpen(socket));
  return self;
}

// Writes a byte every `interval` ms until the connection is closed.
function drip(interval, start) {
  return (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.writable && socket.write('a'), interval);
    socket.once('close', () => clearInterval(timer));
  };
}

// How long ordinary requests take: the 99th percentile of `count`, one after the other.
async function p99(server, count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    assert.equal((await request(`${server.base}/tag.js`)).status, 200);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(count * 0.99)];
}

test('D1: a thousand clients that send their heads slowly', { timeout: 240_000 }, async (t) => {
  const server = await startWire(t, { 'server.header_timeout': '10s' });
  await leavesNoTrace(server, async () => {
    await p99(server, 200); // warms both sides
    const before = await p99(server, 1000);
    const slow = Array.from({ length: 1000 }, () => client(server.port, drip(1000, 'GET /tag.js HTTP/1.1\r\nA: ')));
    await Promise.all(slow.map(({ opened }) => opened));
    const beside = await p99(server, 1000);
    await Promise.all(slow.map(({ closed }) => closed));
    // Before them and behind them: where the machine got busy meanwhile it was not they.
    const alone = Math.max(before, await p99(server, 1000));
    t.diagnostic(`p99 alone ${alone.toFixed(2)} ms, beside them ${beside.toFixed(2)} ms`);
    assert.ok(beside < 2 * alone + 5, `p99 ${beside} ms beside them, ${alone} ms alone`);
    for (const { ms, text } of slow) {
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.ok(ms > 9900 && ms < 14_000, `cut after ${ms} ms`);
    }
    assert.equal(await closes(server, 'head_deadline'), 1000);
  });
});

test('D1: a client that sends nothing at all is closed too', async (t) => {
  const server = await startWire(t, { 'server.header_timeout': '300ms' });
  const silent = client(server.port);
  assert.ok((await silent.closed) < 3000);
  assert.equal(silent.text, '');
});

test('D2: a body has to come within the time for a whole request', async (t) => {
  const server = await startWire(t, { 'server.header_timeout': '500ms', 'server.request_timeout': '1500ms' });
  await leavesNoTrace(server, async () => {
    const start = post('Content-Length: 60000');
    const chunks = post('Transfer-Encoding: chunked');
    const slow = [...Array(20)].map((_, i) => client(server.port, i % 2 ? drip(100, start) : drip(100, `${chunks}ffff\r\n`)));
    await Promise.all(slow.map(({ closed }) => closed));
    for (const { ms, text } of slow) {
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.ok(ms > 1400 && ms < 5000, `cut after ${ms} ms`);
    }
    assert.equal(await closes(server, 'request_deadline'), 20);
  });
});

test('D3: a client that asks and does not read', async (t) => {
  // What AddressSanitizer adds to memory, kept after free() or put around it, is not the server's.
  const env = { ASAN_OPTIONS: 'exitcode=99:quarantine_size_mb=0:thread_local_quarantine_size_kb=0:max_redzone=16' };
  const server = await startWire(t, { 'server.write_timeout': '1s' }, { env });
  await leavesNoTrace(server, async () => {
    const pid = await workerPid(server);
    const before = residentBytes(pid);
    // Far more answers than the kernel keeps for both sides.
    const requests = get('/tag.js').repeat(20_000);
    const greedy = [...Array(20)].map(() =>
      client(server.port, (socket) => {
        socket.pause();
        socket.write(requests);
      }),
    );
    await until(async () => (await closes(server, 'write_deadline')) === 20, { timeout: 20_000, what: 'all are cut' });
    const grown = residentBytes(pid) - before;
    assert.ok(grown < 20 * 256 * 1024, `${grown} bytes more for 20 clients`);
    for (const { socket } of greedy) socket.destroy();
  });
});

test('D3: one that reads slowly gets all of it', async (t) => {
  const server = await startWire(t, { 'server.write_timeout': '500ms', 'server.idle_timeout': '5s' });
  const count = 3000;
  const slow = client(server.port, (socket) => socket.write(get('/tag.js').repeat(count)));
  const answers = () => slow.text.split('HTTP/1.1 200 OK\r\n').length - 1;
  const timer = setInterval(() => (slow.socket.isPaused() ? slow.socket.resume() : slow.socket.pause()), 20);
  await until(() => answers() === count, { timeout: 30_000, what: 'all answers' });
  clearInterval(timer);
  slow.socket.destroy();
  assert.equal(await closes(server, 'write_deadline'), 0);
});

test('D4: idle connections, and those that are used for ever', async (t) => {
  const server = await startWire(t, { 'server.idle_timeout': '600ms', 'server.max_requests': 5 });
  await leavesNoTrace(server, async () => {
    const idle = await connect(server.port);
    const began = performance.now(); // before it can be idle, however late its answer is read
    idle.send(get('/tag.js'));
    assert.equal((await idle.response()).status, 200);
    assert.equal(await idle.untilClosed(), 'end');
    const waited = performance.now() - began;
    assert.ok(waited > 580 && waited < 3000, `closed after ${waited} ms`);
    assert.equal(await closes(server, 'idle'), 1);

    const { responses, closed } = await raw(server.port, get('/tag.js').repeat(10));
    assert.deepEqual(responses.map(({ status, headers }) => [status, headers.connection]), [
      [200, undefined], [200, undefined], [200, undefined], [200, undefined], [200, 'close'],
    ]);
    assert.equal(closed, 'end');
  });
});

test('D5: more clients than descriptors', async (t) => {
  const server = await startWire(t);
  const pid = await workerPid(server);
  const limit = (files) => execFileSync('prlimit', ['--pid', pid, `--nofile=${files}`]);
  const kept = await connect(server.port);
  limit(64);
  const crowd = [...Array(200)].map(() => client(server.port));
  await Promise.all(crowd.map(({ opened }) => opened)); // by the kernel
  await until(() => /accepting pauses/.test(server.log()), { what: 'a line in the log' });

  const spent = processorMs(pid);
  const lines = server.log().split('\n').length;
  await delay(3000);
  const share = (processorMs(pid) - spent) / 3000;
  assert.ok(share < 0.05, `${share * 100} % of a core while it waits`);
  assert.ok(server.log().split('\n').length - lines <= 4, server.log());
  kept.send(get('/tag.js'));
  assert.equal((await kept.response()).status, 200, 'who is in is served');
  kept.close();

  for (const { socket } of crowd) socket.destroy();
  const began = performance.now();
  assert.equal((await request(`${server.base}/tag.js`)).status, 200);
  assert.ok(performance.now() - began < 1000, 'it recovers within a second');
  assert.match(await server.metrics(), /accept_paused_total [1-9]/);
});

test('D6: a cap on connections, and one on those of an address', async (t) => {
  const server = await startWire(t, { 'server.max_connections': 30, 'server.max_connections_per_ip': 20 });
  const status = ({ text }) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
  const ask = (localAddress) => client(server.port, (socket) => socket.write(get('/tag.js')), { localAddress });
  const open = async (count, localAddress) => {
    const clients = [...Array(count)].map(() => ask(localAddress));
    await until(() => clients.every((one) => status(one) || one.ms !== null), { what: 'all are answered' });
    return clients;
  };
  const first = await open(20, '127.0.0.2');
  assert.ok(first.every((one) => status(one) === '200'));
  const second = await open(5, '127.0.0.2');
  assert.ok(second.every((one) => status(one) === '503'), second.map(status).join());
  for (const { text } of second) assert.match(text, /Retry-After: 1\r\n/);
  const third = await open(10, '127.0.0.3');
  assert.ok(third.every((one) => status(one) === '200'), 'another address is not touched');
  const fourth = await open(5, '127.0.0.4');
  assert.ok(fourth.every((one) => status(one) === '503'));

  first[0].socket.write(get('/tag.js'));
  await until(() => first[0].text.split('HTTP/1.1 200').length === 3, { what: 'who is in is served' });
  for (const { socket } of [...first, ...second, ...third, ...fourth]) socket.destroy();
  const again = await until(async () => {
    const [one] = await open(1, '127.0.0.2');
    one.socket.destroy();
    return status(one) === '200' && one;
  }, { what: 'there is room again' });
  assert.ok(again);
  assert.ok((await closes(server, 'connection_limit')) >= 10);
});

test('a client that closes its half is answered by a handler that waits', async (t) => {
  const server = await startWire(t);
  const { responses } = await raw(server.port, get('/v1/ads?slot=header&uid=viewer-0001'), { half: true });
  assert.deepEqual(responses.map(({ status }) => status), [200]);
  const { responses: old } = await raw(server.port, head('GET /tag.js HTTP/1.0'), { half: true });
  assert.deepEqual(old.map(({ status }) => status), [200]);
});
