// A call between two browsers that are not the same.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { FirefoxPerson, launchFirefox } from './firefox.mjs';
import { startParts } from './parts.mjs';
import { Person } from './person.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];

describe('Chromium and Firefox', { timeout: 120_000 }, () => {
  let parts;
  let firefox;
  let people = [];

  /** Alice has Chromium, bob has Firefox. */
  const meet = async (one, other) => {
    const alice = await Person.online(parts, 0, one);
    const bob = await FirefoxPerson.online(firefox, parts, 1, other);
    people = [alice, bob];
    return people;
  };

  const flows = () => Promise.all(people.map((person) => person.receives(...ALL)));

  before(async () => {
    parts = await startParts();
    firefox = await launchFirefox();
  });

  afterEach(async () => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    assert.deepEqual(errors, []);
  });

  after(async () => {
    await firefox?.close();
    await parts?.stop();
  });

  test('call each other, either way', async () => {
    const [alice, bob] = await meet('anna', 'bert');
    for (const [caller, callee] of [[alice, bob], [bob, alice]]) {
      await caller.calls(callee.name);
      await callee.clicks('answer');
      await flows();
      await callee.clicks('hangup');
      await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
    }
  });

  test('renegotiate, restart ICE, and go on when either page is loaded anew', async () => {
    const [alice, bob] = await meet('cleo', 'dirk');
    await bob.calls('cleo', 'audio');
    await alice.clicks('answer');
    await Promise.all(people.map((person) => person.receives('audioPackets', 'audioEnergy')));
    await Promise.all(people.map((person) => person.clicks('camera')));
    await flows();
    for (const person of people) {
      await person.page.evaluate(() => window.__ringback.pc.restartIce());
      await flows();
    }
    for (const person of people) {
      await person.page.reload();
      await person.sees('incall');
      await flows();
    }
    await alice.clicks('hangup');
    await bob.outcome('hangup');
  });
});
