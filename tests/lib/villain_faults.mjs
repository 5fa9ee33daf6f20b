// The villain: which faults there are and how each is done and taken back. Every choice comes from the
// seed; what is already under a fault of its kind is left alone meanwhile.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { delay, until } from './processes.mjs';

// How often each is chosen, beside the others.
const weights = {
  'worker killed': 16,
  'workers killed, all of one server': 3,
  'worker stopped': 4,
  'server killed': 4,
  'server killed, its catalog file lost': 1,
  'supervisor killed': 2,
  'server ended and begun again': 3,
  'server reloads': 7,
  'redis killed': 7,
  'redis ended and begun again': 3,
  'redis stopped': 12,
  'redis refuses: memory': 4,
  'redis refuses: replicas': 4,
  'redis refuses: permission': 4,
  'redis pauses clients': 5,
  'redis drops clients': 6,
  'redis forgets scripts': 5,
  'redis rewrites its file': 1,
  'connection cut before the answer': 10,
  'connection cut in the question': 6,
  'connections reset': 6,
  'connections refused': 4,
  'answers late': 6,
  'answers never': 4,
  'disk full': 6,
  'clock moved': 6,
};

// Where the machine that Redis runs on loses its power: what was written in the last second is gone,
// and only who counted it can count it again. So those live on here.
const powerWeights = {
  'redis loses its last second': 12,
  ...Object.fromEntries(Object.entries(weights).filter(([name]) => !/^(workers? killed|server|supervisor)/.test(name))),
};

// Every server lives from begin to end: /stats counts from its begin.
const sparing = (of) => Object.fromEntries(Object.entries(of).filter(([name]) => !/^(server (killed|ended)|supervisor)/.test(name)));

// ---- What it needs of this machine -----------------------------------------------------------------

// A small file system of its own for one folder; null where this machine refuses.
export function mountDisk(folder, megabytes = 24) {
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder]);
  if (done.status !== 0) return null;
  const release = () => spawnSync('umount', ['-l', folder]);
  process.prependOnceListener('exit', release); // before its folder is removed
  return {
    folder,
    release() {
      process.removeListener('exit', release);
      release();
    },
  };
}

// ---- The villain ---------------------------------------------------------------------------------------

export class Villain {
  // { random, redis, servers, proxies, disk, clock, slowest, power, spared }: `disk` is server 0's, `clock`
  // that of the last server; `slowest` is how long Redis is stopped at most, ms; `power`, `spared`: see above.
  constructor(settings) {
    Object.assign(this, settings);
    this.busy = new Set();
    this.under = new Set(); // faults that go on
    this.counts = {};
    this.diary = [];
    this.began = performance.now();
    this.weights = this.power ? powerWeights : this.spared ? sparing(weights) : weights;
    // What can't be done on this machine. It is chosen all the same, so that a seed chooses alike anywhere.
    this.leftOut = [!this.disk && 'disk full', !this.clock && 'clock moved'].filter(Boolean);
  }

  // Chooses a fault and lets it happen; it goes on while this returns.
  strike() {
    const name = this.random.weighted(this.weights);
    const server = this.random.below(this.servers.length);
    const chance = this.random.next();
    const ms = this.random.spread(50, this.slowest);
    const fault = faults[name];
    const target = fault.on === 'server' || fault.on === 'proxy' ? `${fault.on} ${server}` : fault.on;
    if (this.busy.has(target) || this.leftOut.includes(name)) return;
    this.busy.add(target);
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    const note = `${((performance.now() - this.began) / 1000).toFixed(2)} s  ${name}, ${target}, ${ms.toFixed(0)} ms`;
    this.diary.push(note);
    const going = fault
      .act({ villain: this, redis: this.redis, server: this.servers[server], proxy: this.proxies[server], index: server, chance, ms })
      .catch((error) => this.diary.push(`${name} failed: ${error.message}`))
      .finally(() => {
        this.busy.delete(target);
        this.under.delete(going);
      });
    this.under.add(going);
  }

  // All faults end and nothing is left of them.
  async heal() {
    while (this.under.size) await Promise.all(this.under);
    for (const proxy of this.proxies) proxy.heal();
    this.clock?.move(0);
  }
}

// Replies to the villain may be late or never come: it is what hurts Redis.
const ask = (redis, ...args) => Promise.race([redis.command(...args).catch(() => {}), delay(1000)]);

const childrenOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // gone already
  }
}

const workerOf = (server, chance) => {
  const workers = server.child ? childrenOf(server.pid) : [];
  return workers[Math.floor(chance * workers.length)];
};

// Until it is up again; while a worker of before still has the folder it is refused.
async function begin(server) {
  server.incarnations = (server.incarnations ?? 0) + 1;
  await until(() => server.start().then(() => true), { timeout: 40000, interval: 100, what: 'the server is back' });
}

async function end(server, act) {
  await server.remember();
  await act();
  server.logs.push(server.child.output());
}

async function killServer({ server, ms }, loses = () => {}) {
  await end(server, () => server.kill());
  loses();
  await delay(ms / 4);
  await begin(server);
}

async function refuse({ redis, ms }, option, value, usual) {
  await ask(redis, 'CONFIG', 'SET', option, value);
  await delay(ms);
  await until(async () => (await redis.command('CONFIG', 'SET', option, usual)) === 'OK', { timeout: 30000 });
}

// Leaves no byte free in the file system of a folder; what it gives makes room again.
export function fillUp(folder) {
  const file = path.join(folder, 'filler');
  const fd = openSync(file, 'a');
  for (let size = 1 << 20; size >= 1; size = size > 4096 ? size >> 2 : size >> 12)
    try {
      for (;;) writeSync(fd, Buffer.alloc(size));
    } catch {
      // no more of that size
    }
  closeSync(fd);
  return () => unlinkSync(file);
}

// The file that Redis appends to, and its length.
function appended(redis) {
  const folder = path.join(redis.dir, 'appendonlydir');
  const names = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'));
  const file = path.join(folder, names.sort((a, b) => Number(a.split('.')[2]) - Number(b.split('.')[2])).at(-1));
  return { file, length: statSync(file).size };
}

// The length up to which that file has whole transactions only. (Where a file ends inside of one,
// Redis 7.0 leaves its beginning there, and counts it when it starts the next time but one: operating.md.)
function wholeWithin(file, least, most) {
  const end = '\r\n*1\r\n$4\r\nEXEC\r\n';
  const at = readFileSync(file).subarray(0, most).lastIndexOf(end);
  return Math.max(least, at + end.length);
}

// on: what the fault is done to; each server, its proxy, Redis's process, settings, the disk and the
// clock have one fault at a time, and those of different ones meet.
const faults = {
  'worker killed': { on: 'worker', act: async ({ server, chance, villain }) => {
    const pid = workerOf(server, chance);
    if (pid) villain.workersKilled = (villain.workersKilled ?? 0) + 1;
    if (pid) signal(pid, 'SIGKILL');
  } },
  'workers killed, all of one server': { on: 'worker', act: async ({ server }) => {
    for (const pid of server.child ? childrenOf(server.pid) : []) signal(pid, 'SIGKILL');
  } },
  'worker stopped': { on: 'worker', act: async ({ server, chance, ms }) => {
    const pid = workerOf(server, chance);
    if (!pid) return;
    signal(pid, 'SIGSTOP');
    await delay(Math.min(ms, 3000));
    signal(pid, 'SIGCONT');
  } },
  'server killed': { on: 'server', act: (of) => killServer(of) },
  'server killed, its catalog file lost': { on: 'server', act: (of) => killServer(of, () => rmSync(path.join(of.server.options['server.state_dir'], 'catalog'), { force: true })) },
  'supervisor killed': { on: 'server', act: async ({ server }) => {
    await end(server, async () => {
      signal(server.pid, 'SIGKILL');
      await server.child.exited; // and the workers, which have its output
    });
    await begin(server);
  } },
  'server ended and begun again': { on: 'server', act: async ({ server }) => {
    await end(server, () => server.child.end('SIGTERM', 30000));
    await begin(server);
  } },
  'server reloads': { on: 'server', act: async ({ server, ms, chance }) => {
    server.reconfigure({ 'server.workers': 1 + Math.floor(chance * 3) });
    await delay(ms);
  } },
  'redis killed': { on: 'redis', act: async ({ redis, ms, chance }) => {
    await redis.kill('SIGKILL');
    await delay(chance < 0.5 ? 0 : ms / 4);
    await redis.start();
  } },
  'redis loses its last second': { on: 'redis', act: async ({ redis, ms, chance }) => {
    const before = appended(redis);
    await delay(Math.min(ms, 900));
    await redis.kill('SIGKILL');
    const after = appended(redis);
    if (after.file === before.file) truncateSync(after.file, wholeWithin(after.file, before.length, before.length + Math.floor(chance * (after.length - before.length))));
    await redis.start();
  } },
  'redis ended and begun again': { on: 'redis', act: async ({ redis }) => redis.restart() },
  'redis stopped': { on: 'redis', act: async ({ redis, ms }) => {
    redis.pause();
    await delay(ms);
    redis.resume();
  } },
  'redis refuses: memory': { on: 'settings', act: (of) => refuse(of, 'maxmemory', '1', '0') },
  'redis refuses: replicas': { on: 'settings', act: (of) => refuse(of, 'min-replicas-to-write', '1', '0') },
  // Not while Redis begins again: 7.0 then leaves out of its file what the new rules forbid.
  'redis refuses: permission': { on: 'redis', act: async ({ redis, ms }) => {
    await ask(redis, 'ACL', 'SETUSER', 'default', '-bitfield');
    await delay(ms);
    await until(async () => (await redis.command('ACL', 'SETUSER', 'default', '+bitfield')) === 'OK', { timeout: 30000 });
  } },
  'redis pauses clients': { on: 'settings', act: async ({ redis, ms, chance }) => {
    await ask(redis, 'CLIENT', 'PAUSE', Math.ceil(Math.min(ms, 3000)), chance < 0.5 ? 'ALL' : 'WRITE');
  } },
  'redis drops clients': { on: 'settings', act: async ({ redis }) => ask(redis, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes') },
  'redis forgets scripts': { on: 'settings', act: async ({ redis }) => ask(redis, 'SCRIPT', 'FLUSH') },
  'redis rewrites its file': { on: 'settings', act: async ({ redis }) => ask(redis, 'BGREWRITEAOF') },
  'connection cut before the answer': { on: 'proxy', act: async ({ proxy, chance }) => proxy.tear('answered', chance < 0.7 ? 0 : 1 + Math.floor(chance * 8)) },
  'connection cut in the question': { on: 'proxy', act: async ({ proxy, chance }) => proxy.tear('asked', Math.floor(chance * 600)) },
  'connections reset': { on: 'proxy', act: async ({ proxy }) => proxy.reset() },
  'connections refused': { on: 'proxy', act: async ({ proxy, ms }) => {
    await proxy.close();
    await delay(Math.min(ms, 3000));
    await proxy.open();
  } },
  'answers late': { on: 'proxy', act: async ({ proxy, ms, chance }) => {
    proxy.delay = 10 + 300 * chance ** 2;
    await delay(Math.min(ms, 3000));
    proxy.delay = 0;
  } },
  'answers never': { on: 'proxy', act: async ({ proxy, ms }) => {
    proxy.mute = true;
    await delay(Math.min(ms, 2000));
    proxy.mute = false;
    proxy.reset();
  } },
  'disk full': { on: 'disk', act: async ({ villain, ms }) => {
    villain.disk.fullSince = performance.now();
    const free = fillUp(villain.disk.folder);
    await delay(Math.min(ms * 2, 6000));
    free();
    await delay(2000); // the spool has noticed
    villain.disk.fullSince = Infinity;
    villain.disk.freedAt = performance.now();
  } },
  'clock moved': { on: 'clock', act: async ({ villain, chance, ms }) => {
    const shifts = [3600, -3600, 1800, -1800, 120, -120, 5, -5, 1, -1];
    villain.clock.move(shifts[Math.floor(chance * shifts.length)]);
    await delay(ms);
    if (chance < 0.5) villain.clock.move(0);
  } },
};
