// What the tests of the HTTP room share: one server a file, requests as bytes, a look at its process.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { importCatalog, smallCatalog } from './catalog.mjs';
import { raw, request } from './http.mjs';
import { until } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { startServer } from './server.mjs';

// A server with one worker, whose /tag.js answers 200 and whose /v1/ads takes POST.
export async function startWire(t, options = {}, settings = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  return startServer({ t, redis, options, ...settings });
}

export const get = (path, ...lines) => head(`GET ${path} HTTP/1.1`, 'Host: localhost', ...lines);
export const post = (...lines) => head('POST /v1/ads HTTP/1.1', 'Host: localhost', ...lines);
export const head = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;

// Sends the bytes and asserts that the server refuses them: one answer with that status (any of
// `statuses`), JSON, Connection: close, and then the end.
export async function assertRefused(server, bytes, statuses, settings) {
  const { responses, rest, closed } = await raw(server.port, bytes, settings);
  const shown = JSON.stringify(bytes.toString('latin1').slice(0, 300));
  assert.equal(closed, 'end', `not closed in order after ${shown}`);
  assert.equal(responses.length, 1, `${responses.length} answers to ${shown}`);
  assert.ok([statuses].flat().includes(responses[0].status), `${responses[0].status} to ${shown}`);
  assert.equal(responses[0].headers.connection, 'close');
  const { error } = responses[0].json();
  assert.equal(typeof error.code, 'string');
  assert.equal(typeof error.message, 'string');
  assert.equal(rest.length, 0);
}

export async function assertAlive(server) {
  assert.equal((await request(`${server.base}/tag.js`)).status, 200);
}

export async function workerPid(server) {
  return (await server.stats()).workers[0].pid;
}

export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

// Processor time it has had, in milliseconds (a tick of /proc is 10 ms).
export function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

// Runs `action`; afterwards the server is as it was: alive, no connection left, no descriptor more.
export async function leavesNoTrace(server, action) {
  await assertAlive(server);
  const pid = await workerPid(server);
  const before = descriptors(pid);
  await action();
  await assertAlive(server);
  assert.equal(await workerPid(server), pid, 'the worker is another one');
  await until(() => descriptors(pid) <= before, {
    timeout: 8000,
    what: `descriptors back at ${before}`,
  });
}
