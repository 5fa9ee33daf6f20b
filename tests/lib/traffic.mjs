// Many requests at once, several servers on one Redis, and what has been counted afterwards.
import assert from 'node:assert/strict';
import http from 'node:http';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, removeDir, tempDir, whenDone } from './processes.mjs';
import { request } from './http.mjs';
import { startServer } from './server.mjs';

export const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

// A build with sanitizers is several times slower: how soon it answers says nothing. (scripts/test sets it.)
export const instrumented = Boolean(process.env.SANITIZER);

// For tests of what is counted: on a machine that is busy with other things nothing is given up for time,
// and the one client there is may click as often and as soon as it likes.
export const patient = { 'server.deadline_ms': '10s', 'bots.clicks_per_minute': 0, 'bots.fast_click': '0ms' };

// Servers on one Redis with one key ring, as in one installation.
export async function startServers({ t, redis, count, options = {}, ...settings }) {
  const dir = tempDir('ring');
  whenDone(t, () => removeDir(dir));
  const shared = { 'tokens.keyring': path.join(dir, 'keyring'), ...options };
  const servers = [];
  while (servers.length < count)
    servers.push(await startServer({ t, redis, options: shared, ...settings }));
  return servers;
}

// Connections that are kept alive, as a browser's are.
export function keptAlive(t, maxSockets = Infinity) {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  whenDone(t, () => agent.destroy());
  return agent;
}

// Calls `action` with 0 to count - 1, at most `width` at a time; the results in order.
export async function inParallel(count, width, action) {
  const results = new Array(count);
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const mine = next++;
      results[mine] = await action(mine);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return results;
}

// What a browser does with an address out of an ad: await report(ad.impression_url).
export function report(url, { headers = {}, ...settings } = {}) {
  return request(url, { ...settings, headers: { 'User-Agent': browser, ...headers } });
}

// A parallel, endless stream of `action`s; await stream.stop() gives { results, errors }.
export function stream(width, action) {
  const results = [];
  const errors = [];
  let going = true;
  const worker = async (lane) => {
    for (let turn = 0; going; turn++)
      await action(lane, turn).then((result) => results.push(result), (error) => errors.push(error));
  };
  const workers = Promise.all(Array.from({ length: width }, (_, lane) => worker(lane)));
  return {
    results,
    errors,
    async stop() {
      going = false;
      await workers;
      return { results, errors };
    },
  };
}

const wrkEnd = `
done = function(summary, latency)
  local e = summary.errors
  print(string.format('RESULT {"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d,' ..
    '"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}', summary.requests, e.connect, e.read, e.write, e.timeout,
    e.status, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
`;

// wrk, going until stop(), which gives what its `done` tells: requests, errors by kind, latency.
//   lua   further functions for it, such as request()
export function startWrk(t, url, { connections = 64, headers = {}, lua = '' } = {}) {
  const dir = tempDir('wrk');
  whenDone(t, () => removeDir(dir));
  const script = path.join(dir, 'script.lua');
  writeFileSync(script, lua + wrkEnd);
  const extra = Object.entries({ 'User-Agent': browser, ...headers }).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ]);
  const args = ['-t', '1', '-c', String(connections), '-d', '120', '--timeout', '10', '-s', script, ...extra, url];
  const child = new Child('wrk', args);
  return {
    async stop() {
      const status = await child.end('SIGINT');
      const line = /^RESULT (.*)$/m.exec(child.output());
      assert.ok(line, `wrk ended with ${JSON.stringify(status)}:\n${child.output()}`);
      return JSON.parse(line[1]);
    },
  };
}

// Asserts that wrk met nothing but answers below 400.
export function assertNoErrors({ requests, connect, read, write, timeout, status }) {
  assert.deepEqual({ connect, read, write, timeout, status }, { connect: 0, read: 0, write: 0, timeout: 0, status: 0 });
  assert.ok(requests > 0);
}

// The counts of a campaign as they stand in Redis:
//   hours   { '2026010112': { 'creative|slot|metric': n } }
//   fields  { 'creative|slot|metric': n } over all hours
//   sums    { metric: n } of these fields
//   total   { metric: n } of ad:total:{campaign}
export async function countsInRedis(redis, campaign, prefix = 'ad:') {
  const keys = await redis.command('KEYS', `${prefix}count:{${campaign}}:*`);
  const hours = {};
  const fields = {};
  const sums = {};
  for (const key of keys) {
    const hash = numbers(await redis.client.hash(key));
    hours[key.slice(key.lastIndexOf(':') + 1)] = hash;
    for (const [field, n] of Object.entries(hash)) {
      const metric = field.slice(field.lastIndexOf('|') + 1);
      fields[field] = (fields[field] ?? 0) + n;
      sums[metric] = (sums[metric] ?? 0) + n;
    }
  }
  return { hours, fields, sums, total: numbers(await redis.client.hash(`${prefix}total:{${campaign}}`)) };
}

function numbers(hash) {
  return Object.fromEntries(Object.entries(hash).map(([name, value]) => [name, Number(value)]));
}

// /stats of several servers, added up where they are counts: { requests, responses, events, campaigns, slots }.
export async function statsOfAll(servers) {
  const all = await Promise.all(servers.map((server) => server.stats()));
  const families = ['requests', 'responses', 'events', 'campaigns', 'slots'];
  return Object.fromEntries(families.map((family) => [family, all.map((one) => one[family]).reduce(added)]));
}

function added(a, b) {
  if (typeof a === 'number' || typeof b === 'number') return (a ?? 0) + (b ?? 0);
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return Object.fromEntries([...names].map((name) => [name, added(a?.[name], b?.[name])]));
}
