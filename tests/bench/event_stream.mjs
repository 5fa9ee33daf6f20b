// What an event costs Redis, with events.stream off and on: event.lua called as the server calls it, for
// batches of 1 and of 64 impressions, with and without a price. The processor time is Redis's own.
//
//   node tests/bench/event_stream.mjs [OTHER]     OTHER: another event.lua, measured beside ours in turn
//   EVENTS=200000 ROUNDS=5
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repository, startRedis } from '../lib/harness.mjs';
import { cpuMicroseconds } from './cpu.mjs';

const events = Number(process.env.EVENTS ?? 200000);
const rounds = Number(process.env.ROUNDS ?? 5);
const blockSize = 8192;
const fixed = 14;

// The arguments of one batch, ledger_call.c's; `n` is the number of its first event.
function batch(n, size, { stream, priced }) {
  const block = `ad:seen:{spring}:${Math.floor(n / blockSize)}`;
  const keys = ['ad:mark:{spring}:epoch', 'ad:total:{spring}', 'ad:goal:{spring}', 'ad:count:{spring}:2026112801', block];
  const bytes = Buffer.concat(Array.from({ length: size }, (_, i) => {
    const place = (n + i) % blockSize;
    return Buffer.from([1, 4, 5, place >> 8, place & 255, fixed + 1, 0, 0]);
  }));
  const rules = (priced ? 2 : 0) + (stream ? 8 : 0);
  const numbers = [n / size + 1, 0, 691200000, 864000000, rules, priced ? 1234567 : 0, 0, 0, 0, 0, 0, 0, 0];
  const said = Array.from({ length: size }, () =>
    `impression ${randomBytes(16).toString('base64url')} 1795828384000 1795828385000 `).join('');
  const args = [...numbers.map(String), bytes, 'spring-970|header|', ...(stream ? ['100000', said] : [])];
  if (stream) keys.push('ad:events:{spring}');
  return ['EVALSHA', null, String(keys.length), ...keys, ...args];
}

async function measure(redis, sha, size, how) {
  await redis.command('FLUSHALL');
  const calls = [];
  for (let n = 0; n < events; n += size) calls.push(batch(n, size, how));
  for (const call of calls) call[1] = sha;
  const before = cpuMicroseconds([redis.pid]);
  for (let i = 0; i < calls.length; i += 500) await redis.client.pipeline(calls.slice(i, i + 500));
  const us = (cpuMicroseconds([redis.pid]) - before) / events;
  const length = how.stream ? await redis.command('XLEN', 'ad:events:{spring}') : 0;
  const memory = how.stream ? await redis.command('MEMORY', 'USAGE', 'ad:events:{spring}', 'SAMPLES', '0') : 0;
  return { us, bytes: length ? memory / length : 0 };
}

const redis = await startRedis();
const ours = path.join(repository, 'adserver/store/event.lua');
const load = (file) => redis.command('SCRIPT', 'LOAD', readFileSync(file, 'utf8'));
const scripts = { ours: await load(ours) };
if (process.argv[2]) scripts.other = await load(process.argv[2]);

const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
for (const size of [1, 64]) {
  for (const priced of [false, true]) {
    const results = {};
    for (let round = 0; round < rounds; round++) {
      for (const [name, stream] of [['other', false], ['ours', false], ['ours', true]]) {
        if (!scripts[name]) continue;
        const told = `${name}, ${stream ? 'on' : 'off'}`;
        const { us, bytes } = await measure(redis, scripts[name], size, { stream, priced });
        (results[told] ??= []).push(us);
        if (bytes) results.bytes = bytes;
      }
    }
    const { bytes, ...times } = results;
    const parts = Object.entries(times).map(([name, all]) => `${name} ${median(all).toFixed(2)} µs`);
    console.log(`batches of ${size}${priced ? ', priced' : ''}: ${parts.join('; ')}; an entry ${bytes.toFixed(0)} bytes`);
  }
}
await redis.stop();
