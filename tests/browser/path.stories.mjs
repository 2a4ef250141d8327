// Run by path.test.mjs, in a network namespace of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchChromium } from './chromium.mjs';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];
const nft = (...words) => execFileSync('nft', [words.join(' ')]);

function cut() {
  nft('add table ip cut');
  nft('add chain ip cut in { type filter hook input priority 0 ; }');
  nft('add rule ip cut in meta l4proto udp drop');
}

const mend = () => nft('delete table ip cut');

describe('the path of the media', { timeout: 160_000 }, () => {
  let parts;
  let people = [];

  const talking = async (caller, callee) => {
    const alice = await Person.online(parts, 0, caller);
    const bob = await Person.online(parts, 1, callee);
    people = [alice, bob];
    await alice.calls(callee);
    await bob.clicks('answer');
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    return people;
  };

  before(async () => {
    parts = await startParts({ launch: () => launchChromium(['--allow-loopback-in-peer-connection']) });
  });

  afterEach(async () => {
    for (const person of people) await person.leaves();
  });

  after(() => parts?.stop());

  test('is cut and mended: an ICE restart brings the media back, in the same call', async () => {
    const [alice, bob] = await talking('anna', 'bert');
    const before = await alice.generation();
    cut();
    await Promise.all([alice.sees('reconnecting', /Reconnecting/), bob.sees('reconnecting', /Reconnecting/)]);
    await until('ICE is restarted', async () => (await alice.generation()) !== before);
    mend();
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    await Promise.all([alice.misses('reconnecting'), bob.misses('reconnecting')]);
    await bob.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
  });

  test('is cut for good: a few restarts, and both know why it is over', async () => {
    const [alice, bob] = await talking('cleo', 'dirk');
    cut();
    try {
      const over = (person) => until(`${person.name}'s call is over`, () => person.page.evaluate(() => window.__ringback.pc === null), 60_000);
      await Promise.all([over(alice), over(bob)]);
      await Promise.all([alice.outcome('ice_failed'), bob.outcome('ice_failed')]);
    } finally {
      mend();
    }
    assert.deepEqual([...alice.errors, ...bob.errors], []);
  });
});
