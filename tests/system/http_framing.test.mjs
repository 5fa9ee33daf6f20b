// What a request may look like on the wire (the catalogue's rows H1 to H11 and H15).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { connect, raw, sharedTestData } from '../lib/harness.mjs';
import { inParallel } from '../lib/traffic.mjs';
import { assertRefused, get, head, leavesNoTrace, post, startWire } from '../lib/wire.mjs';

const width = 16;

const methodOf = (bytes) => /^\s*([A-Z]*)/.exec(bytes)[1];
const chunked = (body) => post('Transfer-Encoding: chunked') + body;
const G = (...lines) => get('/tag.js', ...lines);

async function assertAllRefused(server, rows, statuses) {
  await leavesNoTrace(server, () =>
    inParallel(rows.length, width, (i) => assertRefused(server, rows[i], statuses)),
  );
}

async function assertAnswered(server, bytes, expected, settings) {
  const { responses, closed } = await raw(server.port, bytes, { count: expected.length, ...settings });
  const statuses = responses.map(({ status }) => status);
  assert.deepEqual(statuses, expected, JSON.stringify(String(bytes).slice(0, 300)));
  return { responses, closed };
}

test('requests on the wire', async (t) => {
  const server = await startWire(t);

  await t.test('H1, H2: what nginx and Node both refuse or accept', async (t) => {
    const file = sharedTestData('corpora/http1-cases.json');
    if (!file) return t.skip('the shared test data is not here');
    const cases = JSON.parse(readFileSync(file, 'utf8'));
    await leavesNoTrace(server, () =>
      inParallel(cases.length * 2, width, async (i) => {
        const { id, send_latin1: bytes, expect } = cases[i >> 1];
        const half = i % 2 === 1; // once leaving our side open, once closing it
        const count = expect === 'accept' ? 1 : undefined;
        const methods = [methodOf(bytes)];
        const { responses, closed } = await raw(server.port, bytes, { half, count, methods, timeout: 3000 });
        const statuses = responses.map(({ status }) => status);
        if (expect === 'accept') {
          assert.ok(statuses.length >= 1, `${id}: no answer`);
          assert.ok(statuses[0] < 500 && ![400, 413, 431].includes(statuses[0]), `${id}: ${statuses}`);
        } else {
          assert.equal(closed, 'end', `${id}: not closed`);
          assert.ok(statuses.length <= 1, `${id}: ${statuses}`);
          for (const status of statuses)
            assert.ok((status >= 400 && status < 500) || status === 501 || status === 505, `${id}: ${status}`);
        }
      }),
    );
  });

  await t.test('H3: more than one length', () =>
    assertAllRefused(
      server,
      [
        post('Content-Length: 2', 'Content-Length: 2') + '{}',
        post('Content-Length: 2', 'Content-Length: 3') + '{}',
        post('Content-Length: 2, 2') + '{}',
        post('Content-Length: 2,3') + '{}',
      ],
      400,
    ),
  );

  await t.test('H4: transfer codings', () => {
    const codings = ['gzip', 'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'xchunked',
      'chunkedx', ',chunked', 'chunked,', '"chunked"', 'chunked;q=1', '\x0bchunked', '[chunked]', ''];
    return assertAllRefused(
      server,
      [
        post('Content-Length: 3', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
        post('Transfer-Encoding: chunked', 'Content-Length: 3') + '0\r\n\r\n',
        post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
        post('Transfer-Encoding: chunked', 'Transfer-Encoding: gzip') + '0\r\n\r\n',
        head('POST /v1/ads HTTP/1.0', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
        post('Transfer-Encoding : chunked') + '0\r\n\r\n',
        post('Transfer-Encoding\t: chunked') + '0\r\n\r\n',
        post('Transfer-Encoding:\r\n chunked') + '0\r\n\r\n',
        ...codings.map((coding) => post(`Transfer-Encoding: ${coding}`) + '0\r\n\r\n'),
      ],
      [400, 501],
    );
  });

  await t.test('H5: chunks', async () => {
    const sizes = ['0x5', '+5', '-5', ' 5', '5 ', '5\t', '0000000000000005', 'fffffffffffffffff', '', '5_', '5g'];
    await assertAllRefused(
      server,
      [
        ...sizes.map((size) => chunked(`${size}\r\nhello\r\n0\r\n\r\n`)),
        chunked(`5;${'x'.repeat(65536)}\r\nhello\r\n0\r\n\r\n`),
        chunked('5\nhello\r\n0\r\n\r\n'),
        chunked('5;a\nhello\r\n0\r\n\r\n'),
        chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'),
        chunked('5\r\nhello\n0\r\n\r\n'),
        chunked('5\r\nhello0\r\n\r\n'),
        chunked('5\r\nhelloXX0\r\n\r\n'),
        chunked('0\n\n'),
        chunked('0\r\n\n'),
        chunked('0\r\nA: b\n\r\n'),
      ],
      400,
    );
    // Trailers are dropped: what they say about the next request is not heard.
    const body = '{"slot":["header"]}';
    const size = body.length.toString(16);
    const trailers = 'Host: evil\r\nContent-Length: 100\r\nConnection: close\r\n';
    await assertAnswered(server, chunked(`${size}\r\n${body}\r\n0\r\n${trailers}\r\n`) + G(), [200, 200]);
    await assertAnswered(server, chunked(`3;a=b\r\n${body.slice(0, 3)}\r\n010\r\n${body.slice(3)}\r\n0\r\n\r\n`), [200]);
  });

  await t.test('H6, H7: bytes that do not belong into a head', () =>
    assertAllRefused(
      server,
      [
        ...['\0', '\r', '\x01', '\x0b', '\x0c', '\x1b', '\x7f'].map((byte) => G(`A: b${byte}c`)),
        ...['\0', '\r', '\x01', '\x7f', '\x80', '\xe4', ' ', '\t', '(', '@', '"', '/'].map((byte) => G(`A${byte}B: c`)),
        ...['\0', '\x01', '\t', '\x7f', '\x80', '\xff'].map((byte) => get(`/tag${byte}.js`)),
        G().replaceAll('\r\n', '\n'),
        G().replace('\r\n', '\n'),
        G('A: b').replace('b\r\n', 'b\n'),
        G('A: b').replace(/\r\n$/, '\n'),
        G('A: b', ' c'),
        G('A: b', '\tc'),
        G('A:', ' b'),
        G(' A: b'),
        G('A : b'),
        G(': b'),
        G('A'),
        head('GET  /tag.js HTTP/1.1', 'Host: x'),
        head('GET /tag.js  HTTP/1.1', 'Host: x'),
        head('GET /tag.js HTTP/1.1 ', 'Host: x'),
        head(' GET /tag.js HTTP/1.1', 'Host: x'),
        head('get /tag.js HTTP/1.1', 'Host: x'),
        head('GET tag.js HTTP/1.1', 'Host: x'),
        head('GET /tag.js http/1.1', 'Host: x'),
        head('GET /tag.js', 'Host: x'),
      ],
      400,
    ),
  );

  await t.test('H8: hosts', async () => {
    const hosts = ['', 'a, b', 'a,b', 'a b', 'u@a', 'u:p@a', 'a/b', 'http://a', 'a?b', 'a#b', 'a\\b', 'a\0b', 'a:x',
      'a:99999', ':80', '[::1', '::1', '[]', '[x]', '\xe4'];
    await assertAllRefused(
      server,
      [
        head('GET /tag.js HTTP/1.1'),
        head('GET /tag.js HTTP/1.1', 'Host: a', 'Host: a'),
        head('GET /tag.js HTTP/1.1', 'Host: a', 'host: b'),
        ...hosts.map((host) => head('GET /tag.js HTTP/1.1', `Host: ${host}`)),
        head('GET http://a.example/tag.js HTTP/1.1', 'Host: b.example'),
        head('GET http://a.example:80/tag.js HTTP/1.1', 'Host: a.example:81'),
        head('GET http://u@a.example/tag.js HTTP/1.1', 'Host: a.example'),
        head('GET http://a.example/tag.js HTTP/1.1'),
      ],
      400,
    );
    for (const host of ['a', 'A.example:8080', '127.0.0.1', '[::1]:8080', 'a_b', 'a:'])
      await assertAnswered(server, head('GET /tag.js HTTP/1.1', `Host: ${host}`), [200]);
    await assertAnswered(server, head('GET http://A.example/tag.js?x HTTP/1.1', 'Host: a.example'), [200]);
  });

  // Each of these gives the same however it comes in pieces.
  const ad = '{"slot":["header"]}';
  const good = [
    G(), G('Connection: close'), `\r\n${G()}`, get('/tag.js?a=b&c'), get('/nothing'), get('/v1/ads?slot=header'),
    get('/v1/ads'), G('X: caf\xe9', 'Y:', 'Z: \t z \t'), G('Upgrade: h2c', 'Connection: Upgrade'),
    head('HEAD /tag.js HTTP/1.1', 'Host: x'), head('OPTIONS * HTTP/1.1', 'Host: x'),
    head('OPTIONS /v1/ads HTTP/1.1', 'Host: x', 'Origin: https://blog.example'),
    head('DELETE /tag.js HTTP/1.1', 'Host: x'), head('GET /tag.js HTTP/1.0'),
    head('GET /tag.js HTTP/1.0', 'Connection: keep-alive'),
    head('GET http://x/tag.js HTTP/1.1', 'Host: x'), G('Content-Length: 3') + 'abc',
    post(`Content-Length: ${ad.length}`) + ad, chunked(`${ad.length.toString(16)}\r\n${ad}\r\n0\r\n\r\n`),
    chunked(`5\r\n${ad.slice(0, 5)}\r\n${(ad.length - 5).toString(16)};x="y"\r\n${ad.slice(5)}\r\n00\r\nT: x\r\n\r\n`),
  ];
  const bad = [
    G().replace('\r\n', '\n'), G('A: b\rc'), G('A: b\0'), G('A : b'), G('A: b', ' c'), G(': b'),
    get('/tag\x01.js'), head('GET /tag.js HTTP/1.1'), head('GET /tag.js HTTP/1.1', 'Host: a', 'Host: b'),
    head('GET http://a/ HTTP/1.1', 'Host: b'), head('GET /tag.js HTTP/2.0'), head('GET /tag.js'),
    head('TRACE / HTTP/1.1', 'Host: x'), post('Content-Length: 1', 'Content-Length: 1') + 'a',
    post('Content-Length: +1') + 'a', post('Content-Length: 1', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
    post('Transfer-Encoding: gzip') + 'a', chunked('5 \r\nhello\r\n0\r\n\r\n'), chunked('5\r\nhello0\r\n\r\n'),
    post('Expect: tea', 'Content-Length: 1') + 'a',
  ];
  // Everything of an answer that does not differ from one time to the next.
  const essence = ({ responses, closed }) => [
    closed,
    ...responses.map(({ status, headers, body }) => {
      const { date, ...others } = headers;
      assert.ok(date);
      const same = status !== 200 || !String(headers['content-type']).includes('json');
      return [status, { ...others, 'content-length': same && others['content-length'] }, same && body.toString('hex')];
    }),
  ];
  const settings = (bytes, isBad) => ({ methods: [methodOf(bytes)], count: isBad ? undefined : 1 });

  await t.test('H9: cut anywhere, and a byte a packet', async () => {
    assert.deepEqual([good.length, bad.length], [20, 20]);
    await leavesNoTrace(server, async () => {
      for (const bytes of [...good, ...bad]) {
        const isBad = bad.includes(bytes);
        const whole = essence(await raw(server.port, bytes, settings(bytes, isBad)));
        assert.equal(whole.length, 2, JSON.stringify(bytes));
        await inParallel(bytes.length, width, async (at) => {
          const pieces = at === 0 ? [...bytes] : [bytes.slice(0, at), bytes.slice(at)];
          const settled = { ...settings(bytes, isBad), pause: 1 };
          const cut = essence(await raw(server.port, pieces, settled));
          assert.deepEqual(cut, whole, `${JSON.stringify(bytes)} cut at ${at}`);
        });
      }
    });
  });

  await t.test('H10: pipelines', async () => {
    const paths = Array.from({ length: 100 }, (_, i) => (i % 3 ? '/tag.js' : '/nothing'));
    const expected = paths.map((path) => (path === '/tag.js' ? 200 : 404));
    await assertAnswered(server, paths.map((path) => get(path)).join(''), expected);
    const { responses, closed } = await raw(server.port, G() + get('/nothing') + head('GET / HTTP/1.1') + G());
    assert.deepEqual(responses.map(({ status }) => status), [200, 404, 400]);
    assert.equal(closed, 'end');
  });

  await t.test('H10: a pipeline whose client stops sending is answered to its end', async () => {
    const bytes = get('/v1/ads?slot=header').repeat(5) + G();
    const { responses, closed } = await raw(server.port, bytes, { half: true });
    assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200, 200, 200, 200]);
    assert.equal(closed, 'end');
  });

  await t.test('H11: Expect', async () => {
    const client = await connect(server.port);
    client.send(post('Expect: 100-continue', `Content-Length: ${ad.length}`));
    assert.equal((await client.response()).status, 100);
    client.send(ad);
    assert.equal((await client.response()).status, 200);
    client.send(post('Expect: 100-continue', 'Content-Length: 65537'));
    assert.equal((await client.response()).status, 413);
    assert.equal(await client.untilClosed(), 'end');
    client.close();
    await assertAnswered(server, post('Expect: 100-continue', `Content-Length: ${ad.length}`) + ad, [200]);
    for (const value of ['', '200-ok', '100-continue, tea', '100 continue'])
      await assertRefused(server, post(`Expect: ${value}`, 'Content-Length: 2') + '{}', 417);
  });

  await t.test('H11: methods', async () => {
    const { responses } = await assertAnswered(
      server, head('HEAD /tag.js HTTP/1.1', 'Host: x') + G(), [200, 200], { methods: ['HEAD', 'GET'] });
    assert.equal(responses[0].body.length, 0);
    assert.equal(responses[0].headers['content-length'], responses[1].headers['content-length']);

    const { responses: [star] } = await assertAnswered(server, head('OPTIONS * HTTP/1.1', 'Host: x'), [204]);
    assert.equal(star.headers.allow, 'GET, HEAD, POST, OPTIONS');
    assert.equal(star.headers['content-length'], undefined);
    for (const method of ['DELETE', 'PUT', 'PATCH', 'POST']) {
      const { responses: [answer] } = await assertAnswered(server, head(`${method} /tag.js HTTP/1.1`, 'Host: x'), [405]);
      assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
    }
    await assertAnswered(server, head('BREW /tag.js HTTP/1.1', 'Host: x') + G(), [501, 200]);
    await assertRefused(server, head('TRACE /tag.js HTTP/1.1', 'Host: x'), [405, 501]);
    await assertRefused(server, head('CONNECT x:443 HTTP/1.1', 'Host: x:443'), [405, 501]);
    await assertRefused(server, 'X'.repeat(100_000), [400, 501]);
  });

  await t.test('H15: other protocols', async () => {
    const hello = Buffer.from('16030100c8010000c40303' + '5a'.repeat(194), 'hex');
    await leavesNoTrace(server, () =>
      Promise.all([
        assertRefused(server, 'GET /tag.js\r\n', 400),
        assertRefused(server, 'GET /tag.js\r\n\r\n', 400),
        assertRefused(server, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]),
        assertRefused(server, hello, 400),
        assertRefused(server, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 80\r\n${G()}`, 400),
        assertRefused(server, `\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c${G()}`, 400),
        assertRefused(server, head('GET /tag.js HTTP/3.0', 'Host: x'), 505),
        assertRefused(server, head('GET /tag.js RTSP/1.0', 'Host: x'), [400, 505]),
      ]),
    );
  });
});
