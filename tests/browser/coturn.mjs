// A real TURN server, which takes credentials that are made with a secret (the TURN REST scheme).

import { freePort, answers, start, until } from './parts.mjs';

/** Relays between browsers on this machine alone. */
export async function startCoturn(secret) {
  const port = await freePort();
  const settings = {
    'listening-ip': '127.0.0.1',
    'relay-ip': '127.0.0.1',
    'listening-port': port,
    realm: 'ringback.test',
    'static-auth-secret': secret,
    // Nothing is read or written beside the tests.
    userdb: ':memory:',
    pidfile: '/dev/null',
    'log-file': 'stdout',
  };
  const switches = ['-n', '--use-auth-secret', '--fingerprint', '--no-tls', '--no-dtls', '--no-cli', '--allow-loopback-peers'];
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const { stop, log } = start('turnserver', [...switches, ...args]);
  await until(() => `coturn answers\n${log()}`, () => answers(port));
  return { udp: `turn:127.0.0.1:${port}`, tcp: `turn:127.0.0.1:${port}?transport=tcp`, stop };
}
