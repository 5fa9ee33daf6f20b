// Signed addresses: nothing but what was signed leads anywhere.
import assert from 'node:assert/strict';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import {
  connect,
  importCatalog,
  removeDir,
  request,
  smallCatalog,
  startRedis,
  startServer,
  tempDir,
  until,
  whenDone,
} from '../lib/harness.mjs';
import { browser, inParallel, keptAlive, report, startServers, stream } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const TOKENS = 100;
const day = 86400;

async function start(t, settings) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, ...settings });
  return { redis, server };
}

const ringOf = (server) => server.options['tokens.keyring'] ?? path.join(server.dir, 'state', 'keyring');

// Writes a key ring as adserver/store/keyring.h documents it: [[id, made (unix seconds)], …].
function writeRing(file, keys) {
  const lines = keys.map(({ id, made, secret }) => `${id.toString('hex')} ${made} ${secret.toString('base64url')}\n`);
  writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

const makeKey = (number, made) => ({ id: Buffer.from([0, 0, 0, number]), made, secret: Buffer.alloc(32, number) });
const seconds = () => Math.floor(Date.now() / 1000);

// Tokens out of real answers, two a page.
async function tokensOf(server, count) {
  const tokens = [];
  while (tokens.length < count)
    for (const ad of await server.ads({ slot: ['header', 'post-top'] })) tokens.push(ad.click_url.split('/v1/c/')[1]);
  return tokens.slice(0, count);
}

// ---- Very many requests, as bytes -----------------------------------------------------------------------

// GETs the paths (Buffers), `batch` of them one behind the other on a connection; gives
// { status: count } and fails on any Location. Where the server closes after an answer, the rest goes
// on a new connection.
async function sweep(server, paths, { width = 8, batch = 50 } = {}) {
  const counts = {};
  let next = 0;
  const lane = async () => {
    while (next < paths.length) {
      let mine = paths.slice(next, next + batch);
      next += mine.length;
      while (mine.length) {
        const statuses = await exchange(server.port, mine);
        assert.ok(statuses.length > 0, `no answer to ${JSON.stringify(mine[0].toString('latin1'))}`);
        for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
        mine = mine.slice(statuses.length);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return counts;
}

const requestTail = Buffer.from(` HTTP/1.1\r\nHost: a\r\nUser-Agent: ${browser}\r\n\r\n`);

// Pipelines requests on one connection; the statuses of the answers until all are there, each of them
// a JSON error, or the server closes.
function exchange(port, paths) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    const bodies = () => text.split('{"error":').length - 1;
    const done = () => {
      socket.destroy();
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1]);
      if (/\r\nlocation:/i.test(text)) reject(new Error(`a Location among the answers: ${text}`));
      else if (bodies() !== statuses.length) reject(new Error(`not errors alone: ${text}`));
      else resolve(statuses);
    };
    socket.setTimeout(20000, () => socket.destroy(new Error('no answer in 20 s')));
    socket.once('connect', () => socket.write(Buffer.concat(paths.flatMap((one) => [Buffer.from('GET '), one, requestTail]))));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (bodies() >= paths.length) done();
    });
    socket.once('end', done);
    socket.once('error', (error) => (text ? done() : reject(error)));
  });
}

const badTokens = async (server) => (await server.stats()).events.bad_token;

async function assertRefused(server, paths, t, settings) {
  const before = await badTokens(server);
  const statuses = await sweep(server, paths, settings);
  const counted = (await badTokens(server)) - before;
  t.diagnostic(`${paths.length} requests: ${JSON.stringify(statuses)}, bad_token ${counted}`);
  assert.deepEqual(Object.keys(statuses).filter((status) => !['400', '403'].includes(status)), []);
  assert.equal((statuses[403] ?? 0) + (statuses[400] ?? 0), paths.length);
  assert.equal(counted, statuses[403] ?? 0, 'counted as bad_token');
  return statuses;
}

const pathOf = (kind, token) => Buffer.from(`/v1/${kind}/${token}`, 'latin1');

// Every bit of a token, flipped in its text.
function flipped(kind, token) {
  const start = `/v1/${kind}/`.length;
  return Array.from({ length: token.length * 8 }, (_, bit) => {
    const bytes = pathOf(kind, token);
    bytes[start + (bit >> 3)] ^= 1 << (bit & 7);
    return bytes;
  });
}

// What may not stand in a request line at all.
const isAllowed = (bytes) => bytes.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23);

test('every single bit of 100 tokens flipped: 403, no Location, counted as bad_token', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 2 } });
  const tokens = await tokensOf(server, TOKENS);
  const paths = tokens.flatMap((token) => flipped('c', token));
  const allowed = paths.filter(isAllowed);
  const statuses = await assertRefused(server, allowed, t);
  assert.deepEqual(statuses, { 403: allowed.length });
  // A flip that makes a byte no request line may hold is refused one layer below.
  const impossible = paths.filter((one) => !isAllowed(one));
  await assertRefused(server, impossible, t, { width: 32, batch: 1 });

  for (const kind of ['i', 'v']) {
    const some = flipped(kind, tokens[0]).filter(isAllowed);
    assert.deepEqual(await assertRefused(server, some, t), { 403: some.length });
  }
  // And the tokens themselves were good all the time.
  for (const token of tokens) assert.equal((await report(`${server.base}/v1/c/${token}`)).status, 302);
});

test('every truncation of 100 tokens, from either end', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 2 } });
  const tokens = await tokensOf(server, TOKENS);
  const paths = tokens.flatMap((token) =>
    Array.from({ length: token.length }, (_, cut) => [pathOf('c', token.slice(0, cut)), pathOf('c', token.slice(cut + 1))]).flat(),
  );
  assert.deepEqual(await assertRefused(server, paths, t), { 403: paths.length });
});

// Where the parts of a token's bytes begin (adserver/serve/token.h).
function partsOf(token) {
  const bytes = Buffer.from(token, 'base64url');
  const at = [0, 1, 5, 11, 27];
  for (let text = 0; text < 3; text++) at.push(at.at(-1) + 1 + bytes[at.at(-1)]);
  at.push(at.at(-1) + 2 + bytes.readUInt16BE(at.at(-1)));
  at.push(bytes.length);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

test('every swap of parts between two tokens, and every splice', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 2 } });
  const tokens = await tokensOf(server, TOKENS);
  const paths = [];
  for (let i = 0; i + 3 < TOKENS; i += 2) {
    const [a, b] = [tokens[i], tokens[i + 3]]; // of different pages, campaigns, creatives, slots
    const [left, right] = [partsOf(a), partsOf(b)];
    assert.equal(left.length, 9);
    const made = new Set();
    for (let mask = 1; mask < 1 << left.length; mask++)
      made.add(Buffer.concat(left.map((part, n) => (mask & (1 << n) ? right[n] : part))).toString('base64url'));
    for (let cut = 1; cut < Math.min(a.length, b.length); cut++) {
      made.add(a.slice(0, cut) + b.slice(cut));
      made.add(b.slice(0, cut) + a.slice(cut));
    }
    made.delete(a);
    made.delete(b);
    paths.push(...[...made].map((token) => pathOf('c', token)));
  }
  assert.deepEqual(await assertRefused(server, paths, t), { 403: paths.length });
});

test('other spellings of a good token are not it', async (t) => {
  const { server } = await start(t);
  const [token] = await tokensOf(server, 1);
  const escaped = `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`;
  const paths = ['', '=', '==', '/', '.gif', '%00', '%20', ';dest=https://evil.example/', '/../'].map((end) => token + end);
  paths.push(escaped, token.toLowerCase(), `x/${token}`, `/${token}`, token.repeat(2), token.replace(/[-_]/g, '+'), 'A'.repeat(7000));
  const bad = paths.filter((one) => one !== token).map((one) => pathOf('c', one));
  const statuses = await sweep(server, bad);
  assert.deepEqual(Object.keys(statuses).filter((status) => status !== '403' && status !== '404' && status !== '400'), []);
  const hex = Buffer.from(token, 'base64url').toString('hex');
  assert.deepEqual(await sweep(server, [pathOf('c', hex), pathOf('c', hex.toUpperCase())]), { 403: 2 });
});

// ---- Where a click goes -----------------------------------------------------------------------------------

test('no parameter, header, cookie or body chooses where a click goes', async (t) => {
  const { server } = await start(t);
  const [ad] = await server.ads({ slot: 'header' });
  const landing = 'https://shop.example/spring?from=header';
  const evil = 'https://evil.example/';
  const once = encodeURIComponent(evil);
  const names = ['dest', 'url', 'to', 'redirect', 'r', 'ct0', 'landing', 'oadest', 'maxdest', 'next', 'u'];
  const queries = names.flatMap((name) => [`${name}=${evil}`, `${name}=${once}`, `${name}=${encodeURIComponent(once)}`, `${name}=x&${name}=${once}`]);
  queries.push('', evil, once, `/${evil}`, '%0d%0aLocation:%20https://evil.example/', `dest[]=${once}`);
  for (const query of queries) {
    const answer = await report(`${ad.click_url}?${query}`);
    assert.deepEqual([answer.status, answer.headers.location], [302, landing], query);
  }
  const headers = { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example', 'X-Original-URL': evil, 'X-Rewrite-URL': evil, Cookie: `dest=${evil}`, Referer: evil, Origin: evil };
  for (const [name, value] of Object.entries(headers)) {
    const answer = await report(ad.click_url, { headers: { [name]: value } });
    assert.deepEqual([answer.status, answer.headers.location], [302, landing], name);
  }
  const posted = await report(ad.click_url, { method: 'POST', body: `dest=${once}`, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.location, undefined);
});

test('addresses in answers come from the configuration, never from the request', async (t) => {
  const { server } = await start(t, { options: { 'server.public_url': 'https://ads.example/base' } });
  for (const headers of [{ Host: 'evil.example' }, { 'X-Forwarded-Host': 'evil.example' }, { 'X-Forwarded-Proto': 'http', Forwarded: 'host=evil.example' }]) {
    const answer = await server.get('/v1/ads?slot=header', { headers });
    const [ad] = answer.json().ads;
    for (const name of ['click_url', 'impression_url', 'viewable_url']) assert.match(ad[name], /^https:\/\/ads\.example\/base\/v1\/[civ]\//);
    assert.ok(!answer.text.includes('evil'));
  }
});

test('the answer to a click has these headers and no others', async (t) => {
  const { server } = await start(t);
  const [ad] = await server.ads({ slot: 'header' });
  const connection = await connect(server.port);
  t.after(() => connection.close());
  connection.send(`GET ${new URL(ad.click_url).pathname} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${browser}\r\n\r\n`);
  const answer = await connection.response();
  assert.equal(answer.status, 302);
  const { date, ...headers } = answer.headers;
  assert.deepEqual(headers, {
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
    'content-length': '0',
    location: 'https://shop.example/spring?from=header',
    'referrer-policy': 'no-referrer-when-downgrade',
    'x-content-type-options': 'nosniff',
  });
  assert.equal(answer.body.length, 0);
  assert.equal(answer.rawHeaders.filter(([name]) => name.toLowerCase() === 'location').length, 1);
});

// Signed with the right key, as a server that knew no better would have done.
const hostileLandings = [
  '',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  '//evil.example/',
  '\\\\evil.example\\',
  'https:evil.example',
  'https:/evil.example',
  'http://',
  'https:///path',
  'https://good.example@evil.example/',
  'https://user:password@evil.example/',
  'https://shop.example/\r\nSet-Cookie: a=b',
  'https://shop.example/\nX: y',
  'https://shop.example/\0',
  'https://shop.example/\t',
  'https://shop.example/a b',
  'https://shop.example/ä',
  'https://shop.example\\@evil.example/',
  'https://shop.example/"><script>',
  '/relative',
  'shop.example',
];

test('a landing page is looked at again when redirecting, whoever signed it', async (t) => {
  const { server } = await start(t);
  const key = newestKey(ringOf(server));
  const parts = { campaign: 'spring', creative: 'spring-970', slot: 'header' };
  const good = signToken(key, { ...parts, landing: 'https://shop.example/x?a=b#c' });
  assert.equal((await report(`${server.base}/v1/c/${good}`)).headers.location, 'https://shop.example/x?a=b#c');
  const before = await badTokens(server);
  for (const landing of hostileLandings) {
    const answer = await report(`${server.base}/v1/c/${signToken(key, { ...parts, landing: Buffer.from(landing, 'latin1') })}`);
    assert.equal(answer.status, 403, JSON.stringify(landing));
    assert.equal(answer.headers.location, undefined);
  }
  assert.equal((await badTokens(server)) - before, hostileLandings.length);
});

// ---- Keys ---------------------------------------------------------------------------------------------------

test('keys rotate under load on two servers: no valid click is lost, no restart', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const dir = tempDir('ring');
  whenDone(t, () => removeDir(dir));
  const ring = path.join(dir, 'keyring');
  const keys = [makeKey(1, seconds() - 100)];
  writeRing(ring, keys);
  const servers = await startServers({ t, redis, count: 2, options: { 'server.workers': 2, 'tokens.keyring': ring } });
  const workers = async () => (await Promise.all(servers.map((server) => server.stats()))).flatMap((stats) => stats.workers.map(({ pid }) => pid));
  const before = await workers();
  const agent = keptAlive(t);
  const headers = { 'User-Agent': browser };
  const seen = new Set();
  const load = stream(8, async (lane, turn) => {
    const [from, to] = turn % 2 ? servers : [...servers].reverse();
    const [ad] = await from.ads({ slot: 'header' }, { agent, headers });
    const token = ad.click_url.split('/v1/c/')[1];
    seen.add(Buffer.from(token, 'base64url').subarray(1, 5).toString('hex'));
    const answer = await request(`${to.base}/v1/c/${token}`, { agent, headers });
    assert.equal(answer.status, 302, answer.text);
  });
  for (let round = 2; round <= 7; round++) {
    keys.push(makeKey(round, seconds() - 100 + round));
    writeRing(ring, keys);
    await until(() => seen.has(`000000${String(round).padStart(2, '0')}`), { what: `key ${round} signs` });
  }
  const { results, errors } = await load.stop();
  t.diagnostic(`${results.length} clicks over ${keys.length} rotations`);
  assert.deepEqual(errors, []);
  assert.ok(results.length > 50);
  assert.deepEqual(await workers(), before);
});

test('`adctl keys rotate` while it serves', async (t) => {
  const { server } = await start(t);
  const [old] = await tokensOf(server, 1);
  const before = newestKey(ringOf(server)).id.toString('hex');
  const result = await server.adctl(['keys', 'rotate']);
  assert.equal(result.code, 0, result.stderr);
  const after = newestKey(ringOf(server)).id.toString('hex');
  assert.notEqual(after, before);
  const keyOf = (token) => Buffer.from(token, 'base64url').subarray(1, 5).toString('hex');
  await until(async () => keyOf((await tokensOf(server, 1))[0]) === after, { what: 'the new key signs' });
  assert.equal((await report(`${server.base}/v1/c/${old}`)).status, 302);
});

test('a retired key is good for page_ttl and refused from then on', async (t) => {
  const { server } = await start(t, { options: { 'tokens.page_ttl': '24h' } });
  const parts = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };
  const now = seconds();
  const [ancient, retired, fresh] = [makeKey(1, now - 9 * day), makeKey(2, now - day - 60), makeKey(3, now - day + 60)];
  const click = async (key) => (await report(`${server.base}/v1/c/${signToken(key, parts)}`)).status;

  writeRing(ringOf(server), [ancient, retired]); // the first was retired a day and a minute ago
  await until(async () => (await click(retired)) === 302);
  assert.equal(await click(ancient), 403);
  writeRing(ringOf(server), [ancient, fresh]); // … a day less a minute ago
  await until(async () => (await click(fresh)) === 302);
  assert.equal(await click(ancient), 302);
  assert.equal(await click(retired), 403, 'a key that is not in the ring');
  assert.equal(await click({ ...fresh, secret: Buffer.alloc(32, 9) }), 403, 'another secret');
});

test('a ring that becomes readable by others is not taken over', async (t) => {
  const { server } = await start(t, { allowErrors: /key ring/ });
  const ring = ringOf(server);
  const [token] = await tokensOf(server, 1);
  writeFileSync(`${ring}.new`, `00000009 ${seconds()} ${Buffer.alloc(32, 9).toString('base64url')}\n`);
  chmodSync(`${ring}.new`, 0o644);
  renameSync(`${ring}.new`, ring);
  await until(() => /the new key ring is refused/.test(server.log()), { what: 'the log says so' });
  assert.equal((await report(`${server.base}/v1/c/${token}`)).status, 302);
  const [next] = await tokensOf(server, 1);
  assert.equal(next.slice(2, 6), token.slice(2, 6), 'the old key goes on signing');
});

test('many clicks at once, each lands where it should', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 2 } });
  const key = newestKey(ringOf(server));
  const agent = keptAlive(t, 64);
  await inParallel(500, 64, async (i) => {
    const landing = `https://shop.example/${i}`;
    const token = signToken(key, { campaign: 'spring', creative: 'spring-970', slot: 'header', landing });
    const answer = await report(`${server.base}/v1/c/${token}`, { agent });
    assert.deepEqual([answer.status, answer.headers.location], [302, landing]);
  });
});
