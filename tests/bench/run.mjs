// Requests a second, processor time a request and latency of the server's hot paths, beside nginx's
// `return` of the same bytes: every row is measured in the same run, round after round, so that a
// machine whose speed drifts does not decide. Prints a Markdown table.
//
//   make bench          node tests/bench/run.mjs [--seconds 4] [--rounds 3] [--connections 64]
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { importCatalog } from '../lib/catalog.mjs';
import { removeDir, tempDir } from '../lib/processes.mjs';
import { startRedis, startServer } from '../lib/harness.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';
import { childrenOf, cpuMicroseconds } from './cpu.mjs';
import { startNginx } from './nginx.mjs';
import { wrk } from './wrk.mjs';

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
  },
});
const seconds = Number(given.seconds);
const rounds = Number(given.rounds);
const connections = Number(given.connections);
const lua = path.join(path.dirname(fileURLToPath(import.meta.url)), 'next.lua');

const creative = (id) => ({
  id, type: 'image', size: '728x90', alt: 'A picture', landing: 'https://shop.example/spring?from=header',
  image: `https://pictures.example/${id}.png`,
});
const catalog = {
  slots: ['plain', 'capped'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    { id: 'plain', slots: 'plain', creatives: [creative('plain-728')] },
    { id: 'capped', slots: 'capped', caps: '1000000/1d', creatives: [creative('capped-728')] },
  ],
};

const dir = tempDir('bench');
const redis = await startRedis({ conf: { appendonly: 'yes', appendfsync: 'everysec' } });
await importCatalog(redis, catalog);
const server = await startServer({ redis, options: { 'server.workers': 1, 'server.max_requests': 1000000000, 'server.demo': 'on', 'bots.clicks_per_minute': 1000000 } });

// Lines for wrk, each a path of its own.
function pathFile(name, count, make) {
  const file = path.join(dir, name);
  writeFileSync(file, Array.from({ length: count }, (_, i) => make(i)).join('\n') + '\n');
  return file;
}

// More tokens than can be used up, so that every event is a first one.
const tokens = Math.ceil(seconds * 60000);
const key = newestKey(path.join(server.options['server.state_dir'], 'keyring'));
// Served a while ago: clicks that come at once are kept apart.
const token = () =>
  signToken(key, { campaign: 'plain', creative: 'plain-728', slot: 'plain', landing: 'https://shop.example/spring?from=header', issued: Date.now() - 60000 });
const eventFile = (kind, round) => pathFile(`${kind}-${round}`, tokens, () => `/v1/${kind}/${token()}`);

const page = `url=${encodeURIComponent('https://blog.example/2026/a-post')}`;
const plainFile = pathFile('plain', 1, () => `/v1/ads?slot=plain:728&${page}`);
const cappedFile = pathFile('capped', 20000, (i) => `/v1/ads?slot=capped:728&${page}&uid=viewer-${String(i).padStart(8, '0')}`);

const sample = await server.get(`/v1/ads?slot=plain:728&${page}`);
const click = await server.get(`/v1/c/${token()}`);
const picture = await server.get('/demo/img/icon.svg');
const pictureFile = pathFile('picture', 1, () => '/demo/img/icon.svg');
const common = `default_type application/json; add_header Cache-Control no-store; add_header Access-Control-Allow-Origin "*"; add_header X-Content-Type-Options nosniff;`;
const nginx = await startNginx({
  '= /v1/ads': `${common} return 200 '${sample.text.replaceAll('$', '')}';`,
  '= /demo/img/icon.svg': `${common} return 200 '${'x'.repeat(picture.text.length)}';`,
  '/v1/i/': `${common} return 204;`,
  '/v1/c/': `${common} return 302 ${click.headers.location};`,
});

const ours = () => ({ base: server.base, pids: childrenOf(server.pid) });
const theirs = () => ({ base: nginx.base, pids: childrenOf(nginx.pid) });
const cases = [
  { name: 'nginx `return 200`, the same bytes', at: theirs, file: () => plainFile },
  { name: 'ad request, no cap', at: ours, file: () => plainFile, beside: 0 },
  { name: 'ad request, one cap (Redis)', at: ours, file: () => cappedFile, beside: 0 },
  { name: 'nginx `return 204`', at: theirs, file: () => eventFile('i', 'nginx') },
  { name: 'impression (Redis)', at: ours, file: (round) => eventFile('i', round), beside: 3 },
  { name: 'nginx `return 200`, as many as a small picture', at: theirs, file: () => pictureFile },
  { name: 'a small picture: HTTP alone', at: ours, file: () => pictureFile, beside: 5 },
  { name: 'nginx `return 302`', at: theirs, file: () => eventFile('c', 'nginx') },
  { name: 'click (Redis)', at: ours, file: (round) => eventFile('c', round), beside: 7 },
];

async function measure(one, round) {
  const { base, pids } = one.at();
  const file = one.file(round);
  const before = { server: cpuMicroseconds(pids), redis: cpuMicroseconds([redis.pid]) };
  const result = await wrk(base, { seconds, connections, script: lua, scriptArgs: [file] });
  return {
    ...result,
    server: (cpuMicroseconds(pids) - before.server) / result.requests,
    redis: one.at === ours ? (cpuMicroseconds([redis.pid]) - before.redis) / result.requests : 0,
  };
}

const measured = cases.map(() => []);
for (let round = 0; round < rounds; round++)
  for (const [i, one] of cases.entries()) measured[i].push(await measure(one, round));

const middle = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const of = (i, name) => measured[i].map((m) => m[name]);
console.log(`${rounds} rounds of ${seconds} s, ${connections} connections, one worker each; medians; ${sample.text.length}-byte answers\n`);
console.log('| | requests/s | CPU µs a request | of it Redis µs | p50 ms | p99 ms | server CPU : nginx |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const [i, one] of cases.entries()) {
  const ratio = one.beside === undefined ? '1' : middle(of(i, 'server').map((n, round) => n / measured[one.beside][round].server)).toFixed(2);
  const cpu = middle(of(i, 'server').map((n, round) => n + measured[i][round].redis));
  const cells = [Math.round(middle(of(i, 'perSecond'))), cpu.toFixed(1), middle(of(i, 'redis')).toFixed(1), middle(of(i, 'p50')).toFixed(2), middle(of(i, 'p99')).toFixed(2), ratio];
  console.log(`| ${one.name} | ${cells.join(' | ')} |`);
}

await nginx.stop();
await server.stop();
await redis.stop();
removeDir(dir);
