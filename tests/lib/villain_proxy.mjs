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
    this.slice = 0; // bytes of replies that are sent at a time; 0: as they come
    this.rate = 0; // bytes of replies a second and connection; 0: as fast as they come
    this.opened = 0; // connections so far
    this.cuts = 0; // of these, those that tear() has ended
  }

  open() {
    this.listener = net.createServer({ noDelay: true }, (near) => {
      this.opened++;
      this.pairs.add(new Pair(this, near));
    });
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

  // The connections that there are stay open and pass no byte any more in that direction, 'asked' or
  // 'answered', nor tell anybody; new ones pass.
  strand(direction) {
    for (const pair of this.pairs) pair.stranded.add(direction);
  }

  heal() {
    this.delay = 0;
    this.mute = false;
    this.slice = 0;
    this.rate = 0;
    for (const pair of this.pairs) pair.torn = null;
  }
}

class Pair {
  constructor(proxy, near) {
    this.proxy = proxy;
    this.torn = null;
    this.stranded = new Set();
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
    const { delay, slice, rate } = this.proxy;
    if (!delay && !slice && !rate && !this.waiting) return this.pass('answered', this.near, bytes);
    this.waiting = (this.waiting ?? 0) + 1;
    const due = new Promise((resolve) => setTimeout(resolve, delay));
    this.last = Promise.all([this.last, due])
      .then(() => this.trickle(bytes, slice, rate))
      .then(() => this.waiting--);
  }

  // Each piece is given to the system before the next one, and so is a segment of its own.
  async trickle(bytes, slice, rate) {
    const length = slice || (rate ? Math.ceil(rate / 100) : bytes.length);
    for (let at = 0; at < bytes.length && !this.near.destroyed; at += length) {
      this.pass('answered', this.near, bytes.subarray(at, at + length));
      await new Promise((resolve) => (rate ? setTimeout(resolve, 10) : setImmediate(resolve)));
    }
  }

  pass(direction, to, bytes) {
    if (to.destroyed || this.stranded.has(direction)) return;
    if (this.torn?.direction !== direction) return void to.write(bytes);
    const { keep } = this.torn;
    this.proxy.cuts++;
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
