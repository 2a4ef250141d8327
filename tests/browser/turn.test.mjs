// Media by a real TURN server and by nothing else, with the credentials that the gateways issue.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchChromium } from './chromium.mjs';
import { startCoturn } from './coturn.mjs';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';
import { serveSdk } from './sdk.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];
const skip = spawnSync('turnserver', ['--version']).error && 'needs coturn';

describe('relayed media', { timeout: 120_000, skip }, () => {
  let browser;
  let coturn;
  let parts;
  let people = [];

  const withTurn = async (urls, secret = 'north') => {
    const settings = { RINGBACK_TURN__URLS: urls, RINGBACK_TURN__SECRET: secret };
    parts = await startParts({ settings, launch: () => undefined });
  };

  /** A call between two who take no other way. */
  const answered = async (...names) => {
    for (const [index, name] of names.entries()) {
      people.push(await Person.online({ ...parts, browser }, index, name, { query: '&transport=relay' }));
    }
    const [alice, bob] = people;
    await alice.calls(bob.name);
    await bob.clicks('answer');
    return people;
  };

  /** What the SDK has to say of the servers before a call. */
  const preflight = async (person) => {
    await serveSdk(person.page);
    const { checks } = await person.page.evaluate(async () => {
      const { preflight } = await import('/sdk/index.js');
      const url = `${location.origin.replace('http', 'ws')}/v1/ws`;
      return preflight({ url, token: 'somebody', media: { audio: false, video: false } });
    });
    return checks.filter(({ name }) => name.startsWith('turn'));
  };

  before(async () => {
    browser = await launchChromium();
    coturn = await startCoturn('north');
  });

  afterEach(async () => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    await parts?.stop();
    assert.deepEqual(errors, []);
  });

  after(async () => {
    await browser?.close();
    await coturn?.stop();
  });

  for (const transport of ['udp', 'tcp']) {
    test(`flow both ways over ${transport} to the server`, async () => {
      await withTurn(coturn[transport]);
      const [alice, bob] = await answered('anna', 'bert');
      await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
      for (const person of people) {
        const [own, theirs] = await person.path();
        assert.deepEqual([own.candidateType, own.relayProtocol, theirs.candidateType], ['relay', transport, 'relay']);
      }
      const [{ name, status }] = await preflight(alice);
      assert.deepEqual([name, status], [`turn-${transport}`, 'ok']);
      await bob.clicks('hangup');
      await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
    });
  }

  test('do not begin with credentials that the server refuses: the call is over, and it is said why', async () => {
    await withTurn(coturn.udp, 'south');
    const [alice, bob] = await answered('cleo', 'dirk');
    await Promise.all([alice.outcome('ice_failed'), bob.outcome('ice_failed')]);
    // Who found out first says so to the gateway; the other hears of the end.
    await until('the cause is reported', () =>
      people.flatMap(({ said }) => said).some(({ type, stats }) => type === 'call:report' && / 401 /.test(stats.detail)),
    );
    const [{ status, message }] = await preflight(alice);
    assert.equal(status, 'failed');
    assert.match(message, /401/);
  });
});
