// make bench-reports: how long reports over a year of many campaigns take, from adctl and from the API,
// and what the counts take in Redis as hours and packed.
//
//   node tests/bench/reports.mjs [--campaigns 1000] [--months 12] [--repeat 3] [--written 50]
//
// Every campaign counts in every hour: two creatives on two slots, each with serves, impressions,
// viewables, spend, and now and then clicks and a bot. A month at a time is written as servers write
// it and packed by adctl compact, so that the hours of a year need not fit into the memory.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { adctl, importCatalog, request, startRedis, startServer, tempDir } from '../lib/harness.mjs';

const given = Object.fromEntries(process.argv.slice(2).join(' ').split('--').filter(Boolean).map((one) => one.trim().split(/[ =]/)));
const campaigns = Number(given.campaigns ?? 1000);
const months = Number(given.months ?? 12);
const repeat = Number(given.repeat ?? 3);
const written = Math.min(campaigns, Number(given.written ?? 50));
const token = 'a-token-of-the-api-that-is-long-enough';

// One call writes one campaign's month; numbers vary with the hour, without chance.
const fill = `
local totals = {}
for i = 1, #KEYS - 1 do
  local args, n = {}, 0
  local function put(place, metric, value)
    if value > 0 then
      args[n + 1], args[n + 2], n = place .. metric, value, n + 2
      totals[metric] = (totals[metric] or 0) + value
    end
  end
  for c = 1, 2 do
    for s = 1, 2 do
      local place = ARGV[1] .. '-' .. c .. '|slot-' .. s .. '|'
      local serves = 10 + (i * 7 + c * 3 + s * 5) % 90
      local seen = serves - serves % 7
      put(place, 'serves', serves)
      put(place, 'impressions', seen)
      put(place, 'viewables', seen - seen % 3)
      put(place, 'spend', seen * 1370)
      put(place, 'clicks', (i + c + s) % 9 == 0 and 1 or 0)
      put(place, 'bot', (i + c * 2 + s) % 5 == 0 and 2 or 0)
    end
  end
  redis.call('HSET', KEYS[i], unpack(args))
end
for metric, value in pairs(totals) do redis.call('HINCRBY', KEYS[#KEYS], metric, value) end
return 1`;

const id = (n) => `campaign-${String(n).padStart(4, '0')}`;
const stamp = (hour) => new Date(hour * 3600000).toISOString().replace(/[-T]/g, '').slice(0, 10);
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(2);
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

// The whole months before this one, oldest first.
function spans() {
  const now = new Date();
  return Array.from({ length: months }, (_, i) => {
    const at = (more) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months + i + more, 1) / 3600000;
    return [at(0), at(1)];
  });
}

async function memory(redis) {
  const text = await redis.command('INFO', 'memory');
  return Number(/used_memory:(\d+)/.exec(text)[1]) / 1024 / 1024;
}

async function fillMonth(redis, [from, to], count) {
  for (let n = 0; n < count; n++) {
    const keys = Array.from({ length: to - from }, (_, i) => `ad:count:{${id(n)}}:${stamp(from + i)}`);
    await redis.command('EVAL', fill, keys.length + 1, ...keys, `ad:total:{${id(n)}}`, id(n));
  }
}

async function time(what, once, more = undefined) {
  const taken = [];
  for (let i = 0; i < repeat; i++) {
    const since = performance.now();
    await once();
    taken.push(seconds(since));
  }
  row(what, ...taken, ...(more ? [more()] : []));
}

// Seconds of processor time that ended children and Redis have used, which a busy machine does not stretch.
const ticks = (file, from) => readFileSync(file, 'utf8').replace(/^.*\) /, '').split(' ').slice(from, from + 2).reduce((sum, one) => sum + Number(one), 0);
function processorTime(redis) {
  return { adctl: ticks('/proc/self/stat', 13) / 100, redis: ticks(`/proc/${redis.pid}/stat`, 11) / 100 };
}
const workersTime = (pids) => pids.reduce((sum, pid) => sum + ticks(`/proc/${pid}/stat`, 11), 0) / 100;

const redis = await startRedis();
await importCatalog(redis, {
  slots: [{ id: 'slot-1', sizes: '728x90' }],
  campaigns: Array.from({ length: campaigns }, (_, n) => ({ id: id(n), slots: '*', advertiser: `advertiser ${n % 50}` })),
});
const tokenFile = path.join(tempDir('token'), 'token');
writeFileSync(tokenFile, `${token}\n`);
chmodSync(tokenFile, 0o600);

try {
  const all = spans();
  console.log(`${campaigns} campaigns, ${months} months; ${written} of them written hour by hour:\n`);
  row('month', 'hours, MiB', 'packed, MiB more', 'packing, s');
  row('---', '---', '---', '---');
  for (const span of all) {
    const before = await memory(redis);
    await fillMonth(redis, span, written);
    const full = await memory(redis);
    const since = performance.now();
    const since_day = new Date(span[0] * 3600000).toISOString().slice(0, 10);
    const done = await adctl(['compact', '--since', since_day], { redis });
    if (done.code !== 0) throw new Error(done.stderr);
    row(stamp(span[0]).slice(0, 6), (full - before).toFixed(0), ((await memory(redis)) - before).toFixed(0), seconds(since));
  }
  for (let n = written; n < campaigns; n++) {
    for (const key of await redis.command('KEYS', `ad:*:{${id(n % written)}}*`))
      await redis.command('COPY', key, key.replace(`{${id(n % written)}}`, `{${id(n)}}`), 'REPLACE');
  }
  console.log(`\nall ${campaigns} campaigns, packed: ${(await memory(redis)).toFixed(0)} MiB`);
  // What a running site has: the hours of the day that is not closed.
  const hour = Math.floor(Date.now() / 3600000);
  await fillMonth(redis, [Math.floor(hour / 24) * 24 - 24, hour], campaigns);
  const from = new Date(all[0][0] * 3600000).toISOString().slice(0, 10);
  const range = ['--from', from];
  console.log('\nseconds of each run:\n');
  const used = async (what, once) => {
    const before = processorTime(redis);
    await time(what, once);
    const after = processorTime(redis);
    const each = (name) => ((after[name] - before[name]) / repeat).toFixed(2);
    costs.push([what, each('adctl'), each('redis')]);
  };
  const costs = [];
  const report = async (...args) => {
    const done = await adctl(['report', ...range, ...args, '--format', 'json'], { redis });
    if (done.code !== 0) throw new Error(done.stderr);
    return done.stdout;
  };
  row('adctl report', ...Array.from({ length: repeat }, (_, i) => i + 1));
  row('---', ...Array.from({ length: repeat }, () => '---'));
  for (const by of ['day', 'slot', 'creative', 'campaign', 'advertiser', 'hour']) await used(`--by ${by}`, () => report('--by', by));
  await used('--by day --timezone Europe/Berlin', () => report('--by', 'day', '--timezone', 'Europe/Berlin'));
  await used('--by day --campaign (one)', () => report('--by', 'day', '--campaign', id(7)));
  console.log('\nprocessor seconds of one run:\n');
  row('', 'adctl', 'Redis');
  row('---', '---', '---');
  for (const cost of costs) row(...cost);
  console.log('\nseconds of each run, and processor seconds of one in the server:\n');
  row('API', ...Array.from({ length: repeat }, (_, i) => i + 1), 'processor');
  row('---', ...Array.from({ length: repeat }, () => '---'), '---');
  const server = await startServer({ redis, options: { 'api.token_file': tokenFile, 'reports.compact_after': '0s' } });
  const ask = async (by, zone = 'UTC') => {
    const answer = await request(`${server.admin}/api/v1/reports?by=${by}&from=${from}&timezone=${zone}`, {
      headers: { Authorization: `Bearer ${token}` },
      timeout: 60000,
    });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.text;
  };
  const { workers } = (await request(`${server.admin}/stats`)).json();
  const asked = async (what, once) => {
    const before = workersTime(workers.map(({ pid }) => pid));
    await time(what, once, () => ((workersTime(workers.map(({ pid }) => pid)) - before) / repeat).toFixed(2));
  };
  for (const by of ['day', 'slot', 'creative', 'campaign', 'advertiser', 'hour']) await asked(`/api/v1/reports?by=${by}`, () => ask(by));
  await asked('/api/v1/reports?by=day&timezone=Europe/Berlin', () => ask('day', 'Europe/Berlin'));
  // One ad after the other, for some seconds: alone, and while reports are made one after the other.
  const ads = async (what, meanwhile) => {
    const taken = [];
    const until = performance.now() + 4000;
    let asking = true;
    const beside = (async () => {
      while (asking && meanwhile) await meanwhile();
    })();
    while (performance.now() < until) {
      const since = performance.now();
      await server.ads({ slot: 'slot-1' });
      taken.push(performance.now() - since);
    }
    asking = false;
    await beside;
    taken.sort((a, b) => a - b);
    const at = (share) => taken[Math.floor(share * (taken.length - 1))].toFixed(2);
    row(what, taken.length, at(0.5), at(0.99), at(1));
  };
  console.log('\nad requests, one after the other (milliseconds):\n');
  row('', 'requests', 'p50', 'p99', 'max');
  row('---', '---', '---', '---', '---');
  await ads('alone');
  for (const by of ['day', 'hour', 'creative']) await ads(`beside reports by ${by}`, () => ask(by));
  const same = (await ask('day')) === (await report('--by', 'day'));
  console.log(`\nthe API's bytes are adctl's: ${same}`);
  const checked = await adctl(['reconcile'], { redis });
  console.log(`adctl reconcile: ${checked.stdout.trim()}`);
  await server.stop();
} finally {
  await redis.stop();
}
