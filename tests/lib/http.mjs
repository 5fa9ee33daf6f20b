// HTTP/1.1 as bytes: what the tests of a strict server need and no client library lets through.
import http from 'node:http';
import net from 'node:net';

// Sends `bytes` (string as Latin-1, Buffer, or a list of them: one write each, `pause` ms apart) and
// collects what comes back until the server closes, `count` answers are complete, or time is up.
//
//   port      a port of 127.0.0.1, or { path } of a Unix socket
//   methods   the requests' methods in order, so that an answer to HEAD is read without a body
//   half      true: close our side for writing once all is sent
//
// Gives { bytes, text, responses, rest, closed }; `closed` is 'end', 'reset' or null (still open).
export function raw(port, bytes, { count = Infinity, methods, half, pause = 0, timeout = 5000 } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(typeof port === 'object' ? port : { port, host: '127.0.0.1' });
    const chunks = [];
    let connected = false;
    let finished = false;
    const finish = (closed) => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      socket.destroy();
      const all = Buffer.concat(chunks);
      try {
        const parsed = parseResponses(all, methods, closed !== null);
        resolve({ bytes: all, text: all.toString('latin1'), ...parsed, closed });
      } catch (error) {
        reject(error);
      }
    };
    const complete = () => {
      try {
        return parseResponses(Buffer.concat(chunks), methods).responses.length >= count;
      } catch {
        return true; // finish() tells
      }
    };
    const timer = setTimeout(finish, timeout, null);
    socket.setNoDelay(true);
    socket.once('connect', () => {
      connected = true;
      writeAll(socket, Array.isArray(bytes) ? bytes : [bytes], pause).then(
        () => half && socket.end(),
        () => {}, // the server closed first; what it said is in `chunks`
      );
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (count < Infinity && complete()) finish(null);
    });
    socket.once('end', () => finish('end'));
    socket.once('close', () => finish('end'));
    socket.on('error', (error) => {
      if (connected) return finish('reset');
      clearTimeout(timer);
      reject(error);
    });
  });
}

async function writeAll(socket, pieces, pause) {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
    await new Promise((resolve, reject) => socket.write(bytes, (e) => (e ? reject(e) : resolve())));
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

// A connection that is spoken on in turns: const c = await connect(port); c.send('GET …');
// await c.response(); … c.close(). It waits for what must come with a busy machine's patience.
export async function connect(port, { timeout = 20000 } = {}) {
  const connection = new Connection(port, timeout);
  await connection.opened;
  return connection;
}

class Connection {
  constructor(port, timeout) {
    this.timeout = timeout;
    this.unread = Buffer.alloc(0);
    this.closed = null;
    this.wake = () => {};
    this.socket = net.connect(typeof port === 'object' ? port : { port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
    this.socket.on('data', (chunk) => {
      this.unread = Buffer.concat([this.unread, chunk]);
      this.wake();
    });
    this.socket.on('end', () => this.over('end'));
    this.socket.on('close', () => this.over('end'));
    this.socket.on('error', () => this.over('reset'));
  }

  over(how) {
    this.closed ??= how;
    this.wake();
  }

  send(bytes) {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  // The next answer. `method` HEAD: an answer without a body.
  async response({ method = 'GET', timeout = this.timeout } = {}) {
    const end = Date.now() + timeout;
    for (;;) {
      const found = parseResponse(this.unread, 0, method, this.closed !== null);
      if (found) {
        this.unread = this.unread.subarray(found.next);
        return found.response;
      }
      if (this.closed) throw new Error(`closed (${this.closed}) before an answer was complete`);
      await this.more(end, 'an answer');
    }
  }

  // Resolves with how the server closed: 'end' or 'reset'.
  async untilClosed({ timeout = this.timeout } = {}) {
    const end = Date.now() + timeout;
    while (!this.closed) await this.more(end, 'the server to close');
    return this.closed;
  }

  more(end, what) {
    return new Promise((resolve, reject) => {
      const left = end - Date.now();
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), Math.max(left, 0));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close() {
    this.socket.destroy();
  }
}

// All complete answers in `bytes`, and what stands behind them. `ended`: the server has closed, which
// completes a body without a length. Throws on what is not HTTP/1.1.
export function parseResponses(bytes, methods = [], ended = false) {
  const responses = [];
  let at = 0;
  while (at < bytes.length) {
    const found = parseResponse(bytes, at, methods[finals(responses)] ?? 'GET', ended);
    if (!found) break;
    responses.push(found.response);
    at = found.next;
  }
  return { responses, rest: bytes.subarray(at) };
}

const finals = (responses) => responses.filter((response) => response.status >= 200).length;

function parseResponse(bytes, at, method, ended) {
  const headEnd = bytes.indexOf('\r\n\r\n', at);
  if (headEnd < 0) return null;
  const [first, ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first);
  if (!status) throw new Error(`not an HTTP/1.1 status line: ${JSON.stringify(first)}`);
  const response = { status: Number(status[1]), reason: status[2], headers: {}, rawHeaders: [] };
  for (const line of lines) addHeader(response, line);
  const body = readBody(bytes, headEnd + 4, response, method, ended);
  if (!body) return null;
  response.body = body.bytes;
  response.text = body.bytes.toString('utf8');
  response.json = () => JSON.parse(response.text);
  return { response, next: body.next };
}

function addHeader(response, line) {
  const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
  if (!field) throw new Error(`not a header line: ${JSON.stringify(line)}`);
  const name = field[1].toLowerCase();
  const value = field[2].trim();
  response.rawHeaders.push([field[1], value]);
  response.headers[name] = name in response.headers ? `${response.headers[name]}, ${value}` : value;
}

function readBody(bytes, at, { status, headers }, method, ended) {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return { bytes: Buffer.alloc(0), next: at };
  if (headers['transfer-encoding']) return readChunks(bytes, at);
  if (headers['content-length'] === undefined)
    return ended ? { bytes: bytes.subarray(at), next: bytes.length } : null;
  const next = at + Number(headers['content-length']);
  return bytes.length < next ? null : { bytes: bytes.subarray(at, next), next };
}

function readChunks(bytes, at) {
  const parts = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = parseInt(bytes.toString('latin1', at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (bytes.length < at) return null;
    if (size === 0) return { bytes: Buffer.concat(parts), next: at };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
  }
}

// An ordinary request on a connection of its own (or of `agent`); redirects are not followed. `url`
// as a string, or { socketPath, path } for a Unix socket. A server may take its whole deadline to answer,
// which is ten seconds where it is `patient` (traffic.mjs).
export function request(url, { method = 'GET', headers = {}, body, agent = false, timeout = 30000 } = {}) {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent, timeout };
    const onResponse = (message) => {
      const chunks = [];
      message.on('data', (chunk) => chunks.push(chunk));
      message.once('error', reject);
      message.once('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString('utf8');
        const { statusCode: status, headers: fields } = message;
        resolve({ status, headers: fields, body: bytes, text, json: () => JSON.parse(text) });
      });
    };
    const sent =
      typeof url === 'string'
        ? http.request(url, options, onResponse)
        : http.request({ ...url, ...options }, onResponse);
    sent.once('timeout', () => sent.destroy(new Error(`${method} ${url}: no answer in ${timeout} ms`)));
    sent.once('error', reject);
    sent.end(body);
  });
}
