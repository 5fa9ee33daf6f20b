// How much a request may have of everything (the catalogue's row H12).
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { raw } from '../lib/harness.mjs';
import { assertRefused, get, head, leavesNoTrace, post, startWire } from '../lib/wire.mjs';

const lineMax = 8192;
const headMax = 16384;
const headersMax = 100;
const bodyMax = 65536;

async function statusOf(server, bytes) {
  const { responses } = await raw(server.port, bytes, { count: 1 });
  return responses[0]?.status;
}

// A request whose line has `length` bytes, one whose header lines have, and so on.
const withLine = (length) => get(`/${'a'.repeat(length - 'GET / HTTP/1.1'.length)}`);
const withHead = (length) => get('/tag.js', `A: ${'a'.repeat(length - 'Host: localhost\r\nA: \r\n'.length)}`);
const withHeaders = (count) => get('/tag.js', ...Array.from({ length: count - 1 }, (_, i) => `A${i}: b`));
const withBody = (length) => post(`Content-Length: ${length}`) + ' '.repeat(length);
const withChunks = (length, size) => {
  const chunk = `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`;
  return `${post('Transfer-Encoding: chunked')}${chunk.repeat(length / size)}0\r\n\r\n`;
};

test('limits of a request', async (t) => {
  const server = await startWire(t);

  await t.test('exactly at each limit a request is taken', async () => {
    assert.equal(await statusOf(server, withLine(lineMax)), 404);
    assert.equal(await statusOf(server, withHead(headMax)), 200);
    assert.equal(await statusOf(server, withHeaders(headersMax)), 200);
    assert.notEqual(await statusOf(server, withBody(bodyMax)), 413);
    assert.notEqual(await statusOf(server, withChunks(bodyMax, 4096)), 413);
    assert.equal(await statusOf(server, get('/tag.js', 'Content-Length: 5') + 'hello'), 200);
  });

  await t.test('one more of anything is refused', () =>
    leavesNoTrace(server, async () => {
      await assertRefused(server, withLine(lineMax + 1), 414);
      await assertRefused(server, withLine(100_000), 414);
      await assertRefused(server, withHead(headMax + 1), 431);
      await assertRefused(server, withHead(100_000), 431);
      await assertRefused(server, withHeaders(headersMax + 1), 431);
      await assertRefused(server, withBody(bodyMax + 1), 413);
      await assertRefused(server, withChunks(bodyMax + 4096, 4096), 413);
      await assertRefused(server, get('/tag.js', `Content-Length: ${bodyMax + 1}`), 413);
      await assertRefused(server, post('Content-Length: 9223372036854775807'), 413);
      await assertRefused(server, `${post('Transfer-Encoding: chunked')}7fffffffffffff\r\n`, 413);
      await assertRefused(server, post('Content-Length: 18446744073709551616'), 400);
      await assertRefused(server, `${head('POST /v1/ads HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked')}0\r\n${'A: b\r\n'.repeat(101)}\r\n`, 431);
      await assertRefused(server, withChunks(20_000, 1), 400); // six bytes of framing for each of data
    }),
  );

  await t.test('no more is read than a limit and a little', async () => {
    for (const start of ['GET /', get('/tag.js').slice(0, -2) + 'A: ', post('Content-Length: 1000000000')]) {
      const { taken, answer } = await pour(server.port, start, 64 * 1024 * 1024);
      assert.match(answer, /^HTTP\/1\.1 4(?:13|14|31) /);
      // What the kernel takes into its own buffers does not tell what the server read, but it is bounded.
      assert.ok(taken < 32 * 1024 * 1024, `${taken} bytes taken after ${JSON.stringify(start.slice(0, 20))}`);
    }
  });
});

// Writes `start` and then up to `length` bytes of anything, as fast as they are taken, until the
// server closes.
function pour(port, start, length) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const piece = Buffer.alloc(65536, 'a');
    let answer = '';
    const more = () => {
      while (!socket.destroyed && socket.bytesWritten < length && socket.write(piece));
    };
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')));
    socket.on('drain', more);
    socket.on('error', () => {});
    socket.once('close', () => resolve({ taken: socket.bytesWritten, answer }));
    socket.write(start);
    more();
  });
}
