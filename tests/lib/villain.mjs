// The proof that counting never lies: events go through several servers to one Redis while a villain
// breaks things; when all is whole again, what was acknowledged is compared with what is counted.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { importCatalog } from './catalog.mjs';
import { makeClock } from './clock.mjs';
import { delay, removeDir, repository, tempDir, until, whenDone } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { adctl, startServer } from './server.mjs';
import { newestKey } from './tokens.mjs';
import { countsInRedis } from './traffic.mjs';
import { Book, brokenSums, compare } from './villain_book.mjs';
import { Client } from './villain_client.mjs';
import { mountDisk, Villain } from './villain_faults.mjs';
import { disguiseWords, kinds, Plan, villainCatalog } from './villain_plan.mjs';
import { startProxy } from './villain_proxy.mjs';
import { Random } from './villain_random.mjs';

export const serverCount = 3;
const clientCount = 24;

// { t, seed, events, rate, faults, slowest }
//   events    how many are sent, at most `rate` a second
//   faults    how many, about
//   slowest   how long Redis is stopped at most, ms
//   power     true: Redis loses what it wrote last; no process of ours dies
//   spared    true: no server ends as a whole; only then can /stats of all of them be what is counted
// Gives { seed, acknowledged, unknown, lost, double, wrong, faults, diary, leftOut, stats, seconds }.
export async function runVillain({ t, seed, events, rate = 5000, faults = 30, slowest = 12000, power = false, spared = false }) {
  const began = performance.now();
  const stage = await build(t, { seed, events, slowest, power, spared });
  await send(stage, { seed, events, rate, faults });
  await stage.villain.heal();
  await drain(stage);
  const result = await judge(stage);
  await tearDown(stage);
  return { seed, ...result, seconds: (performance.now() - began) / 1000 };
}

// ---- Before --------------------------------------------------------------------------------------------

// Redis with the settings that we recommend, on a port and in a folder of its own.
function redisSettings() {
  const lines = readFileSync(path.join(repository, 'config/redis.conf'), 'utf8').split('\n');
  const directives = lines.filter((line) => /^[a-z]/.test(line)).map((line) => line.split(/ (.*)/));
  return Object.fromEntries(directives.filter(([name]) => !['bind', 'port'].includes(name)));
}

async function build(t, { seed, events, slowest, power, spared }) {
  const redis = await startRedis({ t, conf: redisSettings() });
  const catalog = villainCatalog(events);
  await importCatalog(redis, catalog);
  const folder = tempDir('villain');
  whenDone(t, () => removeDir(folder));
  const stateDirs = Array.from({ length: serverCount }, (_, i) => path.join(folder, `state-${i}`));
  for (const one of stateDirs) mkdirSync(one, { mode: 0o755 });
  const disk = mountDisk(stateDirs[0]);
  const clock = makeClock();
  whenDone(t, () => (clock?.release(), disk?.release()));
  const proxies = [];
  const servers = [];
  for (const [i, stateDir] of stateDirs.entries()) {
    proxies.push(await startProxy(redis.port));
    whenDone(t, () => proxies[i].close());
    servers.push(await startOne({ t, redis: proxies[i], stateDir, folder, clock: i === serverCount - 1 ? clock : null, fsync: ['always', 'interval', 'off'][(seed + i) % 3] }));
  }
  const key = newestKey(path.join(folder, 'keyring'));
  const villain = new Villain({ random: new Random(seed, 'villain'), redis, servers, proxies, disk, clock, slowest, power, spared });
  return { redis, catalog, stateDirs, servers, proxies, villain, disk, key, book: new Book() };
}

async function startOne({ t, redis, stateDir, folder, clock, fsync }) {
  const options = {
    'bots.clicks_per_minute': 0, // the clicks are the villain's own, and as fast as they come
    'bots.fast_click': '0ms',
    'server.workers': 2,
    'server.state_dir': stateDir,
    'server.drain_seconds': '10s',
    'spool.fsync': fsync,
    'tokens.keyring': path.join(folder, 'keyring'),
  };
  const server = await startServer({ t, redis, options, env: clock?.env, allowErrors: true, allowDeaths: /signal=9\b/ });
  server.ready = 'alive'; // from now on, whatever becomes of Redis
  server.logs = [];
  server.events = {};
  server.campaigns = {};
  server.remember = () => rememberEvents(server);
  return server;
}

// What a server that is about to end has counted.
async function rememberEvents(server) {
  const stats = await Promise.race([server.stats().catch(() => null), delay(500)]);
  for (const [word, n] of Object.entries(stats?.events ?? {})) server.events[word] = (server.events[word] ?? 0) + n;
  for (const [campaign, counters] of Object.entries(stats?.campaigns ?? {}))
    for (const metric of kinds) {
      const sums = (server.campaigns[campaign] ??= {});
      sums[metric] = (sums[metric] ?? 0) + (counters[metric] ?? 0);
    }
}

// ---- Meanwhile -----------------------------------------------------------------------------------------

async function send(stage, { seed, events, rate, faults }) {
  const { villain, book, servers } = stage;
  const chance = new Random(seed, 'client');
  const plan = new Plan(new Random(seed, 'plan'), stage.key, servers.length);
  const gap = events / (faults + 1);
  let sent = 0;
  let strikeAt = gap;
  let turn = performance.now();
  const next = async () => {
    turn = Math.max(turn + 1000 / rate, performance.now() - 50);
    const wait = turn - performance.now();
    if (wait > 1) await delay(wait);
    if (sent >= events) return null;
    sent++;
    if (sent >= strikeAt) {
      strikeAt += gap * (0.3 + 1.4 * villain.random.next());
      villain.strike();
    }
    return plan.next();
  };
  const client = async () => {
    const connections = new Client(servers.map((server) => server.port));
    for (let event; (event = await next()); ) {
      const acknowledged = await sendOne(stage, connections, event);
      book.note(event, acknowledged);
      if (!acknowledged && chance.chance(0.5)) plan.repeat(event, 200 + chance.below(2000));
    }
    connections.close();
  };
  await Promise.all(Array.from({ length: clientCount }, client));
}

// Whether it was acknowledged. A server where nobody listens is passed by: nothing was sent there.
async function sendOne(stage, connections, { kind, server, method, path: where, headers }) {
  for (let at = server; ; at = (at + 1) % serverCount) {
    const began = performance.now();
    const answer = await connections.send(at, method, where, headers);
    if (answer === 'refused') {
      await delay(20);
      continue;
    }
    if (answer === 'broken' || answer.status === 503) return false;
    assert.match(answer.head, /\r\nCache-Control: no-store/i, answer.head);
    if (kind < 2) return (assert.ok([200, 204].includes(answer.status), answer.head), true);
    assert.equal(answer.status, 302, answer.head);
    assert.match(answer.head, /\r\nLocation: https:\/\/shop\.example\//, answer.head);
    // A reader is sent on also where the event could be kept nowhere.
    return !(at === 0 && mayBeFull(stage.disk, began));
  }
}

function mayBeFull(disk, since) {
  return Boolean(disk) && (disk.fullSince < Infinity && disk.fullSince !== undefined ? true : (disk.freedAt ?? -1) >= since);
}

// ---- Afterwards ----------------------------------------------------------------------------------------

const spoolFiles = (stateDir) => {
  const folder = path.join(stateDir, 'spool');
  return existsSync(folder) ? readdirSync(folder).filter((name) => /\.(spool|bad)$/.test(name)) : [];
};

async function drain({ servers, stateDirs }) {
  const isEmpty = async (server, i) => {
    const { spool, workers, redis } = await server.stats();
    const files = spoolFiles(stateDirs[i]);
    if (spool.waiting > 0 || files.length > 0 || !redis.connected || workers.length === 0) throw new Error(`server ${i}: ${JSON.stringify(spool)} ${files}`);
  };
  await until(async () => (await Promise.all(servers.map(isEmpty)), true), { timeout: 90000, interval: 100, what: 'the spools are empty' });
}

async function judge({ redis, catalog, servers, villain, book }) {
  const counts = {};
  const wrong = [];
  for (const campaign of catalog.campaigns) {
    counts[campaign.id] = await countsInRedis(redis, campaign.id);
    wrong.push(...brokenSums(campaign, counts[campaign.id], await redis.client.hash(`ad:goal:{${campaign.id}}`)));
  }
  const bound = ['goal', 'money', 'daily'];
  const result = compare(book, counts, bound);
  result.wrong.push(...wrong);
  for (const server of servers) await server.remember();
  const restarted = servers.reduce((sum, server) => sum + (server.incarnations ?? 0), 0);
  const stats = statsBeside(servers, counts);
  const comparable = restarted === 0 && !villain.power;
  if (comparable) result.wrong.push(...stats.wrong);
  result.wrong.push(...(await reconcile(redis, comparable ? servers : [])));
  return {
    acknowledged: book.acknowledged,
    unknown: book.unknown,
    ...result,
    faults: villain.counts,
    diary: villain.diary,
    leftOut: villain.leftOut,
    stats: stats.beside,
    restarted,
  };
}

// What `adctl` says of hours, packed days, sums and servers that do not agree.
async function reconcile(redis, servers) {
  const urls = servers.map((server) => `${server.admin}/stats`).join(',');
  const { code, stdout, stderr } = await adctl(['reconcile', ...(urls ? ['--stats', urls] : [])], { redis });
  return code === 0 ? [] : [`adctl reconcile: ${stdout}${stderr}`];
}

// What /stats of all servers say more (or less) than Redis, by word; and in words what differs, for each
// campaign as well.
function statsBeside(servers, counts) {
  const totals = Object.values(counts).map(({ total }) => total);
  const inRedis = (metrics) => totals.reduce((sum, total) => sum + metrics.reduce((n, metric) => n + (total[metric] ?? 0), 0), 0);
  const inStats = (word) => servers.reduce((sum, server) => sum + (server.events[word] ?? 0), 0);
  const beside = { counted: inStats('counted') - inRedis(kinds) };
  for (const word of ['duplicate', 'over_goal', ...disguiseWords]) beside[word] = inStats(word) - inRedis([word]);
  const wrong = Object.entries(beside).filter(([, n]) => n !== 0).map(([word, n]) => `/stats: ${n} of ${word} more than in Redis`);
  for (const [campaign, { total }] of Object.entries(counts))
    for (const metric of kinds) {
      const told = servers.reduce((sum, server) => sum + (server.campaigns[campaign]?.[metric] ?? 0), 0);
      if (told !== (total[metric] ?? 0)) wrong.push(`/stats: ${told} ${metric} of ${campaign}, ${total[metric] ?? 0} in Redis`);
    }
  return { beside, wrong };
}

const unsound = /(?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|check failed|CHECK/;

async function tearDown({ servers, redis, proxies, disk }) {
  const logs = servers.flatMap((server) => [...server.logs, server.log()]);
  for (const server of servers) await server.stop();
  for (const log of logs) assert.ok(!unsound.test(log), log.slice(-4000));
  for (const proxy of proxies) await proxy.close().catch(() => {});
  await redis.stop();
  disk?.release();
}
