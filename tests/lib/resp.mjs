// A small Redis client: RESP2 over one connection that is opened when first needed and again after it
// was lost. Replies become numbers, strings (or Buffers), null, arrays; an error reply rejects.
import net from 'node:net';

const CRLF = Buffer.from('\r\n');

export class RedisError extends Error {}

// Reads one reply from `bytes` at `at`: { value, next }, or null when it is not all there yet.
function parse(bytes, at, binary) {
  const end = bytes.indexOf(CRLF, at);
  if (end < 0) return null;
  const line = bytes.toString('utf8', at + 1, end);
  const next = end + CRLF.length;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: line, next };
    case '-':
      return { value: new RedisError(line), next };
    case ':':
      return { value: Number(line), next };
    case '$':
      return parseBulk(bytes, next, Number(line), binary);
    case '*':
      return parseArray(bytes, next, Number(line), binary);
    default:
      throw new Error(`not a Redis reply: ${bytes.toString('latin1', at, at + 40)}`);
  }
}

function parseBulk(bytes, at, length, binary) {
  if (length < 0) return { value: null, next: at };
  if (bytes.length < at + length + CRLF.length) return null;
  const value = bytes.subarray(at, at + length);
  return { value: binary ? value : value.toString('utf8'), next: at + length + CRLF.length };
}

function parseArray(bytes, at, count, binary) {
  if (count < 0) return { value: null, next: at };
  const value = [];
  for (let i = 0; i < count; i++) {
    const item = parse(bytes, at, binary);
    if (!item) return null;
    value.push(item.value);
    at = item.next;
  }
  return { value, next: at };
}

function encode(args) {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

export class RedisClient {
  // { port, host } or { path }; `binary` gives bulk replies as Buffers.
  constructor({ port, host = '127.0.0.1', path, binary = false, password }) {
    this.password = password;
    this.address = path ? { path } : { port, host };
    this.binary = binary;
    this.socket = null;
  }

  // One command: client.command('HSET', key, field, value).
  async command(...args) {
    const [reply] = await this.pipeline([args]);
    if (reply instanceof RedisError) throw reply;
    return reply;
  }

  // Many commands in one write; error replies stand in the result as RedisError.
  async pipeline(commands) {
    const socket = await this.connect();
    return Promise.all(
      commands.map((args) => {
        const reply = new Promise((resolve, reject) => socket.waiting.push({ resolve, reject }));
        socket.write(encode(args));
        return reply;
      }),
    );
  }

  // A hash as an object.
  async hash(key) {
    const flat = await this.command('HGETALL', key);
    const object = {};
    for (let i = 0; i < flat.length; i += 2) object[flat[i]] = flat[i + 1];
    return object;
  }

  connect() {
    if (this.socket) return this.socket;
    this.socket = new Promise((resolve, reject) => {
      const socket = net.connect(this.address);
      socket.waiting = [];
      socket.unread = Buffer.alloc(0);
      socket.once('connect', () => {
        if (this.password) {
          socket.waiting.push({ resolve() {}, reject() {} });
          socket.write(encode(['AUTH', this.password]));
        }
        resolve(socket);
      });
      socket.once('error', (error) => {
        socket.failure = error;
        reject(error);
      });
      socket.once('close', () => this.lost(socket));
      socket.on('data', (chunk) => this.read(socket, chunk));
    });
    this.socket.catch(() => {});
    return this.socket;
  }

  lost(socket) {
    this.socket = null;
    const failure = socket.failure ?? new Error('Redis closed the connection');
    for (const { reject } of socket.waiting.splice(0)) reject(failure);
  }

  read(socket, chunk) {
    const bytes = socket.unread.length ? Buffer.concat([socket.unread, chunk]) : chunk;
    let at = 0;
    for (let reply; at < bytes.length && (reply = parse(bytes, at, this.binary)); at = reply.next)
      socket.waiting.shift()?.resolve(reply.value);
    socket.unread = bytes.subarray(at);
  }

  async close() {
    if (!this.socket) return;
    const socket = await this.socket.catch(() => null);
    socket?.destroy();
    this.socket = null;
  }
}
