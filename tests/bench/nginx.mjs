// An nginx of our own, one worker, that does nothing but return fixed bytes.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, freePort, removeDir, tempDir, until } from '../lib/processes.mjs';
import { request } from '../lib/http.mjs';

// `locations`: { '/path': 'directives' }. Keep-alive without end and no log, as benchmarks want it.
export async function startNginx(locations) {
  const dir = tempDir('nginx');
  const port = await freePort();
  const file = path.join(dir, 'nginx.conf');
  const blocks = Object.entries(locations).map(([where, what]) => `location ${where} { ${what} }`);
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; server_tokens off;
  client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir};
  uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  server { listen 127.0.0.1:${port} backlog=1024; ${blocks.join('\n')} }
}
`,
  );
  const child = new Child('nginx', ['-p', dir, '-c', file, '-e', 'stderr']);
  const base = `http://127.0.0.1:${port}`;
  await until(() => request(base + Object.keys(locations)[0].split(' ').pop()), { what: 'nginx answers' });
  return {
    base,
    pid: child.pid,
    async stop() {
      await child.end('SIGTERM');
      removeDir(dir);
    },
  };
}
