// What sends the villain's events: connections that are kept alive, one request at a time on each, so
// that of every event it is known whether it was acknowledged, refused, or never heard of again.
import net from 'node:net';

const answerWithin = 15000; // ms

// { status, head }: an answer. 'refused': nobody listens, nothing was sent. 'broken': sent, no answer.
export class Client {
  constructor(ports) {
    this.ports = ports;
    this.lines = ports.map(() => null);
  }

  async send(server, method, path, headers) {
    const line = this.lines[server]?.isOpen ? this.lines[server] : await this.connect(server);
    if (!line) return 'refused';
    return line.ask(method, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  }

  async connect(server) {
    const line = new Line();
    this.lines[server] = line;
    return (await line.open(this.ports[server])) ? line : null;
  }

  close() {
    for (const line of this.lines) line?.end();
  }
}

class Line {
  open(port) {
    this.text = '';
    this.isOpen = false;
    this.resolve = null;
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => this.read(text));
    this.socket.on('end', () => this.end());
    this.socket.on('error', () => this.end());
    this.socket.on('close', () => this.end());
    return new Promise((resolve) => {
      this.opened = resolve;
      this.socket.once('connect', () => {
        this.isOpen = true;
        resolve(true);
      });
    });
  }

  ask(method, text) {
    this.method = method;
    return new Promise((resolve) => {
      this.resolve = resolve;
      this.timer = setTimeout(() => this.end(), answerWithin);
      this.socket.write(text, 'latin1');
    });
  }

  read(text) {
    this.text += text;
    const headEnd = this.text.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.text.slice(0, headEnd);
    const length = this.method === 'HEAD' ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.text.length < headEnd + 4 + length) return;
    this.text = '';
    if (/\r\nconnection: close/i.test(head)) {
      this.isOpen = false;
      this.socket.destroy();
    }
    this.finish({ status: Number(head.slice(9, 12)), head });
  }

  end() {
    this.isOpen = false;
    this.socket.destroy();
    this.opened(false);
    this.finish('broken');
  }

  finish(result) {
    clearTimeout(this.timer);
    const resolve = this.resolve;
    this.resolve = null;
    resolve?.(result);
  }
}
