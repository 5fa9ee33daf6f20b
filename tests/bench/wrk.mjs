// One bounded run of wrk against an address of this machine.
import assert from 'node:assert/strict';
import { run } from '../lib/processes.mjs';

const milliseconds = { us: 0.001, ms: 1, s: 1000 };

function duration(text, name) {
  const found = new RegExp(`\\s${name}\\s+([0-9.]+)(us|ms|s)`).exec(text);
  return found ? Number(found[1]) * milliseconds[found[2]] : NaN;
}

// { requests, perSecond, p50, p99 }: milliseconds. Any socket error or unexpected status fails.
export async function wrk(url, { seconds, connections = 64, script, scriptArgs = [] }) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  if (script) args.push('-s', script);
  args.push(url);
  if (scriptArgs.length) args.push('--', ...scriptArgs);
  const { code, stdout, stderr } = await run('wrk', args);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /Socket errors|Non-2xx/, stdout);
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)[1]),
    perSecond: Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)[1]),
    p50: duration(stdout, '50%'),
    p99: duration(stdout, '99%'),
  };
}
