// Child processes, free ports and folders of one test file, none of which outlives it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const children = new Set();
const folders = new Set();
const taken = new Set();

// The last line of defence: whatever a failed test left behind ends with this process. Each child
// leads a process group of its own, so that a server's workers are met too.
process.on('exit', () => {
  for (const child of children) killGroup(child, 'SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // gone already
  }
}

const endings = new WeakMap();

// Calls `action` when the test with context `t` ends: the last one noted goes first, and each is
// called whatever became of those before it. Without a `t` nothing is noted.
export function whenDone(t, action) {
  if (!t) return;
  if (!endings.has(t)) {
    endings.set(t, []);
    t.after(() => finish(endings.get(t)));
  }
  endings.get(t).push(action);
}

async function finish(actions) {
  const failures = [];
  while (actions.length) await Promise.resolve().then(actions.pop()).catch((e) => failures.push(e));
  if (failures.length) throw failures[0];
}

// A folder of our own, removed when the test file ends.
export function tempDir(name = 'test') {
  const folder = mkdtempSync(path.join(tmpdir(), `masthead-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeDir(folder) {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

// A loopback port that nobody listens on. Taken below the range from which the system gives ports to
// outgoing connections, and never given twice by one test file.
export async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 22000);
    if (taken.has(port)) continue;
    taken.add(port);
    if (await canListen(port)) return port;
  }
}

function canListen(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

// Calls `check` until it gives something true, and gives that back. A check that throws is one that
// has not come true yet; what it threw last is told when time is up. Without a `timeout` that is the
// patience of a test on a busy machine, and no claim: who claims how soon something is gives one, or
// measures it.
export async function until(check, { timeout = 20000, interval = 10, what = 'condition' } = {}) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) break;
    await delay(interval);
  }
  const reason = last ? `; last: ${last.message}` : '';
  throw new Error(`${what}: not within ${timeout} ms${reason}`);
}

export function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// A child process, its standard error and output collected as they come.
//   exited    promise of { code, signal }
//   output()  all it wrote so far
export class Child {
  constructor(command, args, { cwd, env, name = path.basename(command) } = {}) {
    this.name = name;
    this.chunks = [];
    this.status = null;
    this.process = spawn(command, args, {
      cwd: cwd ?? repository,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    children.add(this.process);
    for (const stream of [this.process.stdout, this.process.stderr])
      stream.on('data', (chunk) => this.chunks.push(chunk));
    this.exited = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => {
        this.status = { code, signal };
        children.delete(this.process);
        resolve(this.status);
      });
    });
    this.exited.catch(() => {});
  }

  get pid() {
    return this.process.pid;
  }

  get running() {
    return this.status === null;
  }

  output() {
    return Buffer.concat(this.chunks).toString();
  }

  signal(name) {
    this.process.kill(name);
  }

  // Sends `name` and waits for the end; a process that does not end in time is killed and told of.
  async end(name = 'SIGTERM', timeout = 15000) {
    if (!this.running) return this.status;
    this.signal(name);
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, null)));
    const status = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (status) return status;
    killGroup(this.process, 'SIGKILL');
    await this.exited;
    throw new Error(`${this.name} did not end within ${timeout} ms of ${name}\n${this.output()}`);
  }
}

// Runs a command to its end.
export function run(command, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: cwd ?? repository,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    children.add(child);
    const out = [];
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.stdin.on('error', () => {}); // it may not want to read
    child.stdin.end(input ?? '');
    child.once('error', reject);
    child.once('close', (code, signal) => {
      children.delete(child);
      const text = (chunks) => Buffer.concat(chunks).toString();
      resolve({ code, signal, stdout: text(out), stderr: text(err) });
    });
  });
}
