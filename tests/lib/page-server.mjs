// A publisher's web server: pages of a test's own, on an origin that is not the ad server's.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { freePort, repository, whenDone } from './processes.mjs';

// Serves `pages` until the test with context `t` ends:
//
//   const blog = await startPages({ t, pages: { '/': '<!doctype html>…' } });
//   blog.origin            http://blog.localhost:PORT, which browsers take for this machine
//   blog.requests          what was asked for, as { method, url, headers }
//
// A page is its HTML, or { body, status, headers }, or (request, response) => … . What is not in
// `pages` is answered with 404.
export async function startPages({ t, pages, host = 'blog.localhost' }) {
  const server = new PageServer(await freePort(), pages, host);
  whenDone(t, () => server.stop());
  await server.start();
  return server;
}

class PageServer {
  constructor(port, pages, host) {
    this.port = port;
    this.pages = pages;
    this.origin = `http://${host}:${port}`;
    this.requests = [];
    this.server = http.createServer((request, response) => this.answer(request, response));
  }

  start() {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  answer(request, response) {
    const { method, url, headers } = request;
    this.requests.push({ method, url, headers });
    const page = this.pages[new URL(url, this.origin).pathname];
    if (typeof page === 'function') return page(request, response);
    const { body, status = 200, headers: extra } =
      typeof page === 'string' ? { body: page } : page ?? { body: 'not here', status: 404 };
    response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', ...extra });
    response.end(body);
  }

  // Closes the port and what is connected to it; harmless the second time.
  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

// tag.js as the server sends it, for tests in which something else than the server answers.
export function packedTag() {
  const tool = path.join(repository, 'scripts/strip-js');
  return execFileSync(tool, [path.join(repository, 'adserver/web/tag.js')], { encoding: 'utf8' });
}
