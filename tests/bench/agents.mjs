// Usage: node tests/bench/agents.mjs [COUNT] > agents.txt
//
// User agents of a day's traffic, one a line, from a fixed seed: browsers by how often they are seen (npm
// user-agents has the weights) and, one request in ten, a crawler (npm crawler-user-agents).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const file = new URL('../../node_modules/user-agents/dist/user-agents.json', import.meta.url);
const seen = JSON.parse(readFileSync(file, 'utf8'));
const crawlers = require('crawler-user-agents').flatMap(({ instances }) => instances);

let seed = 1;
const draw = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
let sum = 0;
const bounds = seen.map(({ weight }) => (sum += weight));

function browser() {
  const at = draw() * sum;
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle] < at) low = middle + 1;
    else high = middle;
  }
  return seen[low].userAgent;
}

const count = Number(process.argv[2] ?? 200000);
const lines = Array.from({ length: count }, () => (draw() < 0.1 ? crawlers[Math.floor(draw() * crawlers.length)] : browser()));
process.stdout.write(`${lines.join('\n')}\n`);
