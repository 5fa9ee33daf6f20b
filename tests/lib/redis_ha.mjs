// Redis in several processes: a primary with replicas and sentinels that watch over it, and what is
// between them. All on free ports, all gone with the test; their clocks are set so that a fail-over
// takes a second or two.
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Child, freePort, removeDir, tempDir, until, whenDone } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { RedisClient } from './resp.mjs';

export const downAfterMs = 1000; // less, and a busy machine sees primaries die that have not

// What makes replication of a test quick; a write is refused where no replica has kept up.
export const replicated = {
  'repl-diskless-sync-delay': 0,
  'repl-ping-replica-period': 1,
  'repl-timeout': 5,
  'min-replicas-to-write': 1,
  'min-replicas-max-lag': 1,
  appendonly: 'no',
};

class Sentinel {
  constructor(port, password) {
    this.port = port;
    this.password = password;
    this.dir = tempDir('sentinel');
    this.client = new RedisClient({ port, password });
  }

  async start(lines) {
    const file = path.join(this.dir, 'sentinel.conf');
    const all = [`port ${this.port}`, 'bind 127.0.0.1', `dir ${this.dir}`, ...lines];
    if (this.password) all.push(`requirepass ${this.password}`);
    writeFileSync(file, all.map((line) => `${line}\n`).join(''));
    this.child = new Child('redis-server', [file, '--sentinel']);
    await until(async () => (await this.client.command('PING')) === 'PONG', { what: 'a sentinel answers' });
    await this.client.command('SENTINEL', 'DEBUG', 'INFO-PERIOD', '200', 'PING-PERIOD', '100', 'ASK-PERIOD', '100',
      'PUBLISH-PERIOD', '200');
  }

  pause() {
    this.child.signal('SIGSTOP');
  }

  resume() {
    if (this.child.running) this.child.signal('SIGCONT');
  }

  async stop() {
    await this.client.close();
    this.resume();
    await this.child.end('SIGKILL');
    removeDir(this.dir);
  }
}

// `conf` is every server's. With `proxied` sentinels, replicas and clients find the first primary at a
// proxy, which can cut it off; `password` is the sentinels' own.
export async function startSentinels({ t, replicas = 2, sentinels = 3, conf = {}, proxied = false, password, downAfter = downAfterMs } = {}) {
  const all = { ...replicated, ...conf };
  const first = await startRedis({ t, conf: { ...all, 'min-replicas-to-write': 0 } });
  const proxy = proxied ? await startProxy(t, first.port) : null;
  const port = proxy ? proxy.port : first.port;
  const followers = [];
  while (followers.length < replicas)
    followers.push(await startRedis({ t, conf: { ...all, replicaof: `127.0.0.1 ${port}` } }));
  await until(async () => (await replicasOf(first)) === replicas, { what: 'replicas follow', timeout: 10000 });
  await first.command('CONFIG', 'SET', 'min-replicas-to-write', String(all['min-replicas-to-write']));
  await first.command('CONFIG', 'REWRITE'); // also when it is started again
  const group = new SentinelGroup({ first, proxy, servers: [first, ...followers], credentials: credentials(conf, password) });
  const lines = [
    `sentinel monitor ads 127.0.0.1 ${port} ${Math.floor(sentinels / 2) + 1}`,
    `sentinel down-after-milliseconds ads ${downAfter}`,
    'sentinel failover-timeout ads 1500',
    ...(all.requirepass ? [`sentinel auth-pass ads ${all.requirepass}`] : []),
  ];
  for (let i = 0; i < sentinels; i++) {
    const sentinel = new Sentinel(await freePort(), password);
    whenDone(t, () => sentinel.stop());
    await sentinel.start(lines);
    group.sentinels.push(sentinel);
  }
  await until(() => group.agrees(replicas), { what: 'the sentinels know each other', timeout: 10000 });
  return group;
}

// As they stand in the URL: before the name, and behind all.
function credentials({ requirepass }, password) {
  return { before: requirepass ? `:${requirepass}@` : '', behind: password ? `?sentinel_password=${password}` : '' };
}

async function replicasOf(redis) {
  const [, , list] = await redis.command('ROLE');
  return Array.isArray(list) ? list.length : 0;
}

class SentinelGroup {
  constructor({ first, proxy, servers, credentials }) {
    Object.assign(this, { first, proxy, servers, credentials, sentinels: [] });
  }

  get url() {
    const { before, behind } = this.credentials;
    return `redis-sentinel://${before}ads@${this.sentinels.map((one) => `127.0.0.1:${one.port}`).join(',')}/0${behind}`;
  }

  async agrees(replicas) {
    for (const { client } of this.sentinels) {
      const flat = await client.command('SENTINEL', 'MASTER', 'ads');
      const about = Object.fromEntries(flat.flatMap((name, i) => (i % 2 ? [] : [[name, flat[i + 1]]])));
      if (Number(about['num-slaves']) !== replicas) return false;
      if (Number(about['num-other-sentinels']) !== this.sentinels.length - 1) return false;
    }
    return true;
  }

  // The port that most sentinels name.
  async named() {
    const ports = [];
    for (const { client, child } of this.sentinels) {
      if (!child.running) continue;
      const [, port] = await client.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'ads');
      ports.push(Number(port));
    }
    return ports.sort((a, b) => a - b)[Math.floor(ports.length / 2)];
  }

  async primary() {
    const port = await this.named();
    return this.servers.find((one) => one.port === port) ?? this.first;
  }

  // Waits until another server than `old` has been promoted, and gives that one.
  async promoted(old) {
    return until(
      async () => {
        for (const one of this.servers) {
          if (one === old || !one.child.running) continue;
          if ((await one.command('ROLE'))[0] === 'master') return one;
        }
        return null;
      },
      { timeout: 45000, interval: 20, what: 'a replica is promoted' },
    );
  }

  async command(...args) {
    return (await this.primary()).command(...args);
  }

  // What tests/lib/catalog.mjs and traffic.mjs work on.
  get client() {
    return {
      command: (...args) => this.command(...args),
      hash: async (key) => (await this.primary()).client.hash(key),
    };
  }
}

// A way to a port that can be cut for all but our own connections: those that give the name of an ad
// server or of adctl. What is cut is not closed: bytes vanish, as behind a broken switch.
async function startProxy(t, to) {
  const proxy = { port: await freePort(), cut: false, connections: new Set() };
  const server = net.createServer((inner) => join(proxy, inner, to));
  await new Promise((resolve) => server.listen(proxy.port, '127.0.0.1', resolve));
  whenDone(t, async () => {
    for (const socket of proxy.connections) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return proxy;
}

function join(proxy, inner, to) {
  const outer = net.connect(to, '127.0.0.1');
  let ours = false;
  for (const [from, into] of [[inner, outer], [outer, inner]]) {
    proxy.connections.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      proxy.connections.delete(from);
      into.destroy();
    });
    from.on('data', (bytes) => {
      ours ||= from === inner && bytes.includes('masthead-');
      if (ours || !proxy.cut) into.write(bytes);
    });
  }
}

// ---- Redis Cluster ----

export const slotCount = 16384;
export const nodeTimeoutMs = 1500; // likewise

// { t, primaries, replicas (of each), conf }
export async function startCluster({ t, primaries = 3, replicas = 1, conf = {} } = {}) {
  const nodes = [];
  for (let i = 0; i < primaries * (1 + replicas); i++) {
    const own = {
      'cluster-enabled': 'yes',
      'cluster-config-file': 'nodes.conf',
      'cluster-port': await freePort(),
      'cluster-node-timeout': nodeTimeoutMs,
      'cluster-require-full-coverage': 'no',
      'cluster-replica-validity-factor': 0,
      'repl-diskless-sync-delay': 0,
      'repl-ping-replica-period': 1,
      'repl-timeout': 5,
    };
    const node = await startRedis({ t, conf: { ...own, ...conf } });
    node.busPort = own['cluster-port'];
    node.id = await node.command('CLUSTER', 'MYID');
    nodes.push(node);
  }
  const cluster = new Cluster(nodes, conf.requirepass);
  whenDone(t, () => cluster.close());
  await cluster.join(primaries, replicas);
  return cluster;
}

class Cluster {
  constructor(nodes, password) {
    this.nodes = nodes;
    this.password = password;
  }

  get url() {
    const credentials = this.password ? `:${this.password}@` : '';
    return `redis-cluster://${credentials}${this.nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`;
  }

  async join(primaries, replicas) {
    const [first, ...others] = this.nodes;
    const share = Math.ceil(slotCount / primaries);
    for (let i = 0; i < primaries; i++) {
      const last = Math.min(slotCount, share * (i + 1)) - 1;
      await this.nodes[i].command('CLUSTER', 'ADDSLOTSRANGE', share * i, last);
      await this.nodes[i].command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const node of others) await node.command('CLUSTER', 'MEET', '127.0.0.1', first.port, first.busPort);
    await until(() => this.everybodyKnows(this.nodes.length), { what: 'the nodes know each other', timeout: 15000 });
    for (let i = 0; i < primaries * replicas; i++)
      await this.nodes[primaries + i].command('CLUSTER', 'REPLICATE', this.nodes[i % primaries].id);
    await until(() => this.isWhole(), { what: 'the cluster is whole', timeout: 15000 });
  }

  async everybodyKnows(count) {
    for (const node of this.nodes) {
      const lines = (await node.command('CLUSTER', 'NODES')).trim().split('\n');
      if (lines.length !== count || lines.some((line) => /handshake|fail|noaddr/.test(line))) return false;
    }
    return true;
  }

  // Every running node says so, and every running replica is in step with its primary.
  async isWhole() {
    for (const node of this.nodes.filter((one) => one.child.running)) {
      if (!(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false;
      const [role, , , state] = await node.command('ROLE');
      if (role === 'slave' && state !== 'connected') return false;
    }
    return true;
  }

  // Who holds the slot, by the word of a running node that is sure of it.
  async holder(slot) {
    for (const node of this.nodes.filter((one) => one.child.running)) {
      const mine = (await node.command('CLUSTER', 'SLOTS')).find(
        ([first, last, [, , id]]) => first <= slot && slot <= last && id === node.id,
      );
      if (mine && (await node.command('ROLE'))[0] === 'master') return node;
    }
    throw new Error(`nobody holds slot ${slot}`);
  }

  slotOf(key) {
    return this.running().command('CLUSTER', 'KEYSLOT', key);
  }

  running() {
    return this.nodes.find((node) => node.child.running);
  }

  async replicaOf(primary) {
    for (const node of this.nodes.filter((one) => one !== primary && one.child.running)) {
      const [role, , port] = await node.command('ROLE');
      if (role === 'slave' && port === primary.port) return node;
    }
    return null;
  }

  async command(...args) {
    const key = String(args[1]); // of KEYS the pattern, which holds its tag
    return (await this.holder(await this.slotOf(key))).command(...args);
  }

  get client() {
    return {
      command: (...args) => this.command(...args),
      hash: async (key) => (await this.holder(await this.slotOf(key))).client.hash(key),
    };
  }

  // Moves a slot as redis-cli's reshard does, so many keys a step; `between` runs before each step.
  async migrate(slot, to, { step = 1, between = async () => {} } = {}) {
    const from = await this.holder(slot);
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    const auth = this.password ? ['AUTH', this.password] : [];
    for (;;) {
      await between();
      const keys = await from.command('CLUSTER', 'GETKEYSINSLOT', slot, step);
      if (!keys.length) break;
      await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, ...auth, 'KEYS', ...keys);
    }
    await to.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    await from.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    return from;
  }

  close() {}
}
