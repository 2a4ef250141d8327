// Real parts for a test: a Redis, two gateways on it, a browser. Each is ended by its own process, never by name.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from './chromium.mjs';

const GATEWAY =
  process.env.RINGBACK_GATEWAY ?? fileURLToPath(new URL('../../target/debug/ringback-gateway', import.meta.url));

/** Asks again until the answer is truthy; fails with what was last seen. */
export async function until(what, ask, limitMs = 20_000) {
  const deadline = Date.now() + limitMs;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not in ${limitMs} ms: ${typeof what === 'function' ? what() : what} (last: ${last?.message ?? last})`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = [];
  const keep = (chunk) => {
    log.push(chunk.toString());
    if (log.length > 500) log.shift();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((done) => {
    child.once('exit', done);
    child.once('error', (error) => {
      log.push(`can't start ${program}: ${error.message}`);
      done();
    });
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { child, log: () => log.join(''), stop };
}

export const answers = (port) =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => done(true));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });

/** A way to a gateway that can be cut, and turned to another gateway. */
export async function startLine(url) {
  const sockets = new Set();
  let target = new URL(url);
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(target.port, target.hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.pipe(other);
      one.once('error', () => other.destroy());
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const drop = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    cut() {
      isCut = true;
      drop();
    },
    mend() {
      isCut = false;
    },
    /** Nothing passes any more, and nobody is told: a zombie. */
    freeze() {
      for (const socket of sockets) socket.pause().unpipe();
    },
    turnTo(other) {
      target = new URL(other);
      drop();
    },
    stop() {
      server.close();
      drop();
    },
  };
}

/**
 * Everything a test needs; `stop` ends it. Each gateway listens on one of the `hosts`, and with `settings` beside the usual;
 * `launch` gets the browser, or nothing where the test has browsers of its own.
 */
export async function startParts({ hosts = ['127.0.0.1', '127.0.0.1'], settings = {}, launch = launchChromium } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ringback-browser-'));
  const running = [];
  const parts = {
    folder,
    gateways: [],
    async stop() {
      await parts.browser?.close();
      for (const part of running.reverse()) await part.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    const redisPort = await freePort();
    const options = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    running.push(start('redis-server', options));
    await until('redis-server answers', () => answers(redisPort));
    for (const [index, host] of hosts.entries()) {
      const name = `gw-${index + 1}`;
      const [port, admin] = [await freePort(), await freePort()];
      const gateway = start(GATEWAY, [], {
        RINGBACK_NODE__ID: name,
        RINGBACK_SERVER__LISTEN: `${host}:${port}`,
        RINGBACK_ADMIN__LISTEN: `127.0.0.1:${admin}`,
        RINGBACK_STORE__URL: `redis://127.0.0.1:${redisPort}`,
        RINGBACK_AUTH__DEV: 'true',
        RINGBACK_TIMEOUTS__RINGING_MS: '30000',
        ...settings,
      });
      running.push(gateway);
      parts.gateways.push({ name, admin: `http://127.0.0.1:${admin}/`, url: `http://${host}:${port}/`, log: gateway.log, kill: gateway.stop });
      await until(() => `${name} is ready\n${gateway.log()}`, async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    }
    parts.browser = await launch();
    return parts;
  } catch (error) {
    await parts.stop();
    throw error;
  }
}
