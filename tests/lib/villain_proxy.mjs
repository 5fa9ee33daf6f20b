// A TCP proxy between a server and its Redis that loses what a network loses: it delays, tears, and
// cuts a connection between what was asked and what was answered.
import net from 'node:net';
import { freePort } from './processes.mjs';

export async function startProxy(redisPort) {
  const proxy = new Proxy(await freePort(), redisPort);
  await proxy.open();
  return proxy;
}

class Proxy {
  constructor(port, redisPort) {
    this.port = port;
    this.redisPort = redisPort;
    this.url = `redis://127.0.0.1:${port}/0`;
    this.pairs = new Set();
    this.delay = 0; // ms that replies wait
    this.mute = false; // replies are thrown away
  }

  open() {
    this.listener = net.createServer({ noDelay: true }, (near) => this.pairs.add(new Pair(this, near)));
    return new Promise((resolve, reject) => {
      this.listener.once('error', reject);
      this.listener.listen(this.port, '127.0.0.1', resolve);
    });
  }

  // Nobody is let in, and those that are in are cut off.
  async close() {
    this.reset();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  reset() {
    for (const pair of [...this.pairs]) pair.cut();
  }

  // Of the next bytes in that direction ('asked' or 'answered') only the first `keep` pass; then the
  // connection is gone. Redis has dealt with what came before, and nobody is told.
  tear(direction, keep) {
    for (const pair of this.pairs) pair.torn = { direction, keep };
  }

  heal() {
    this.delay = 0;
    this.mute = false;
    for (const pair of this.pairs) pair.torn = null;
  }
}

class Pair {
  constructor(proxy, near) {
    this.proxy = proxy;
    this.torn = null;
    this.near = near;
    this.far = net.connect({ port: proxy.redisPort, host: '127.0.0.1', noDelay: true });
    this.last = Promise.resolve(); // replies stay in their order
    this.near.on('data', (bytes) => this.pass('asked', this.far, bytes));
    this.far.on('data', (bytes) => this.answer(bytes));
    for (const socket of [this.near, this.far]) {
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
  }

  answer(bytes) {
    if (this.proxy.mute) return;
    if (!this.proxy.delay && !this.waiting) return this.pass('answered', this.near, bytes);
    this.waiting = (this.waiting ?? 0) + 1;
    const due = new Promise((resolve) => setTimeout(resolve, this.proxy.delay));
    this.last = Promise.all([this.last, due]).then(() => {
      this.waiting--;
      this.pass('answered', this.near, bytes);
    });
  }

  pass(direction, to, bytes) {
    if (to.destroyed) return;
    if (this.torn?.direction !== direction) return void to.write(bytes);
    const { keep } = this.torn;
    if (keep > 0) to.write(bytes.subarray(0, keep), () => this.cut());
    else this.cut();
    this.torn = null;
  }

  cut() {
    if (!this.proxy.pairs.delete(this)) return;
    for (const socket of [this.near, this.far])
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
  }
}
