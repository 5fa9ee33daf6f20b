// A real redis-server of the test's own: a free port, a folder of its own, gone with the test.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, freePort, removeDir, tempDir, until, whenDone } from './processes.mjs';
import { RedisClient } from './resp.mjs';

const defaults = {
  bind: '127.0.0.1',
  save: '""',
  appendonly: 'no',
  'notify-keyspace-events': 'Kgshx',
  'maxmemory-policy': 'noeviction',
};

// { t, conf, env }: `conf` overrides redis.conf directives, such as { appendonly: 'yes' }, `env` is added to its
// environment; with `t`, a test's context, the Redis stops when that test ends.
export async function startRedis({ t, conf = {}, env } = {}) {
  const redis = new Redis(await freePort(), conf, env);
  whenDone(t, () => redis.stop());
  await redis.start();
  return redis;
}

class Redis {
  constructor(port, conf, env) {
    this.port = port;
    this.env = env;
    this.dir = tempDir('redis');
    this.url = `redis://127.0.0.1:${port}/0`;
    this.client = new RedisClient({ port, password: conf.requirepass });
    const directives = { port, dir: this.dir, ...defaults, ...conf };
    const lines = Object.entries(directives).map(([key, value]) => `${key} ${value}\n`);
    this.file = path.join(this.dir, 'redis.conf');
    writeFileSync(this.file, lines.join(''));
  }

  get pid() {
    return this.child.pid;
  }

  async start() {
    this.child = new Child('redis-server', [this.file], { env: this.env });
    await until(
      async () => {
        if (!this.child.running) throw new Error(this.child.output());
        return (await this.client.command('PING')) === 'PONG';
      },
      { timeout: 10000, what: 'Redis answers' },
    );
  }

  command(...args) {
    return this.client.command(...args);
  }

  log() {
    return this.child.output();
  }

  // Ends the process and leaves its data; start() brings it back on the same port.
  async kill(signal = 'SIGKILL') {
    this.resume();
    await this.child.end(signal);
  }

  async restart(signal = 'SIGTERM') {
    await this.kill(signal);
    await this.start();
  }

  // The process stands still; the kernel goes on taking connections and bytes for it.
  pause() {
    this.child.signal('SIGSTOP');
  }

  resume() {
    if (this.child?.running) this.child.signal('SIGCONT');
  }

  async stop() {
    await this.client.close();
    if (this.child?.running) await this.kill('SIGTERM');
    removeDir(this.dir);
  }
}
