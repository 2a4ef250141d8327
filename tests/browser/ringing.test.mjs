// Who rings, for how long, and who gets the call: several devices, nobody, both at once.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startParts } from './parts.mjs';
import { Person } from './person.mjs';

const AUDIO = ['audioPackets', 'audioEnergy'];

describe('ringing', { timeout: 120_000 }, () => {
  let parts;
  let people = [];

  const online = async (gateway, name) => {
    const person = await Person.online(parts, gateway, name);
    people.push(person);
    return person;
  };

  const talk = (...pair) => Promise.all(pair.map((person) => person.receives(...AUDIO)));

  /** Each calls the other, at the same moment: whose is first, and what each has heard of the other's by then, is left to chance. */
  const callEachOther = async (one, other) => {
    const presses = [await one.isAboutToCall(other.name, 'audio'), await other.isAboutToCall(one.name, 'audio')];
    await Promise.all(presses.map((press) => press()));
  };

  /** Both have one and the same call. */
  const haveOneCall = async (...pair) => {
    const connected = await Promise.all(pair.map((person) => person.hears({ type: 'call:connected' })));
    assert.equal(connected[0].call, connected[1].call);
  };

  before(async () => {
    parts = await startParts({ settings: { RINGBACK_TIMEOUTS__RINGING_MS: '5000' } });
  });

  afterEach(async () => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    assert.deepEqual(errors, []);
  });

  after(() => parts?.stop());

  test('a call that nobody answers is missed, on both sides', async () => {
    const alice = await online(0, 'anna');
    const bob = await online(1, 'bert');
    await alice.calls('bert');
    await bob.sees('incoming', /anna/);
    await Promise.all([alice.outcome('no_answer'), bob.outcome('no_answer')]);
    await Promise.all([alice.misses('cancel'), bob.misses('incoming')]);
  });

  test('of three devices all ring, one answers, and two hear that it was elsewhere', async () => {
    const alice = await online(0, 'cleo');
    const devices = [await online(0, 'dirk'), await online(1, 'dirk'), await online(1, 'dirk')];
    await alice.calls('dirk', 'audio');
    await Promise.all(devices.map((device) => device.sees('incoming', /cleo/)));
    const [answers, ...others] = devices.toReversed();
    await answers.clicks('answer');
    await talk(alice, answers);
    await Promise.all(others.map((device) => device.outcome('answered_elsewhere')));
    await Promise.all(others.map((device) => device.misses('incoming')));
    await answers.clicks('hangup');
    await alice.outcome('hangup');
  });

  test('both call at once: one call, and both are in it', async () => {
    const alice = await online(0, 'emma');
    const bob = await online(1, 'fred');
    await callEachOther(alice, bob);
    await talk(alice, bob);
    await haveOneCall(alice, bob);
    await alice.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
  });

  test('both call at once, and one of them has the page open in two tabs', async () => {
    const alice = await online(0, 'gina');
    const bob = await online(1, 'hugo');
    const standby = await bob.opensTab();
    await standby.sees('status', /another tab/);
    await callEachOther(alice, standby);
    await talk(alice, standby);
    await haveOneCall(alice, standby);
    await Promise.all([bob.misses('incall'), bob.misses('incoming')]);
    await standby.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), standby.outcome('hangup')]);
    assert.deepEqual(standby.errors, []);
  });
});
