// Two people in real browsers, each on a gateway of its own, with one Redis between them.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];

describe('a call between two browsers on two gateways', { timeout: 180_000 }, () => {
  let parts;
  let people = [];

  const online = async (gateway, name, options) => {
    const person = await Person.online(parts, gateway, name, options);
    people.push(person);
    return person;
  };

  before(async () => {
    parts = await startParts();
  });

  afterEach(async (context) => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    assert.deepEqual(errors, [], `errors on a page in "${context.name}"`);
  });

  after(async () => {
    for (const gateway of parts?.gateways ?? []) {
      assert.doesNotMatch(gateway.log(), /panicked/, `${gateway.name} panicked`);
    }
    await parts?.stop();
  });

  test('media flow both ways, and a hang-up is seen by the other', async (context) => {
    const alice = await online(0, 'alice');
    const bob = await online(1, 'bob');
    await alice.poses('1-online');
    await alice.calls('bob');
    await bob.sees('incoming', /alice/);
    await alice.sees('cancel');
    await alice.poses('2-calling');
    await bob.poses('3-incoming');
    await bob.clicks('answer');
    await Promise.all([alice.sees('incall'), bob.sees('incall')]);
    const [atAlice, atBob] = await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    context.diagnostic(`alice received ${JSON.stringify(atAlice.now)}`);
    context.diagnostic(`bob received ${JSON.stringify(atBob.now)}`);
    await alice.poses('4-in-call');
    await bob.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
    await Promise.all([alice.misses('incall'), bob.misses('incall')]);
    assert.equal(await alice.page.evaluate(() => window.__ringback.pc), null, 'the peer connection is let go');
    await alice.poses('5-after');
  });

  test('the caller hangs up, and a second call between the two goes through', async () => {
    const alice = await online(0, 'anna');
    const bob = await online(1, 'ben');
    for (const hangsUp of [alice, bob]) {
      await alice.calls('ben', 'audio');
      await bob.clicks('answer');
      await Promise.all([alice.receives('audioPackets', 'audioEnergy'), bob.receives('audioPackets', 'audioEnergy')]);
      await hangsUp.clicks('hangup');
      await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
    }
  });

  test('a page is loaded anew in the middle of a call, and the call goes on', async (context) => {
    const alice = await online(0, 'judy');
    const bob = await online(1, 'karl');
    await alice.calls('karl');
    await bob.clicks('answer');
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    const { call } = await alice.hears({ type: 'call:connected' });
    for (const [reloads, stays] of [[alice, bob], [bob, alice]]) {
      await reloads.reloads();
      const welcome = await reloads.hears({ type: 'ack', resumed: false });
      assert.deepEqual(welcome.calls.map(({ call, state }) => ({ call, state })), [{ call, state: 'connected' }]);
      await reloads.sees('incall');
      await stays.hears({ type: 'call:peer', call, status: 'back', resumed: false });
      // The page that is new first: its counters begin at nothing, so they grow only once the two have negotiated anew.
      const atNew = await reloads.receives(...ALL);
      const atOld = await stays.receives(...ALL);
      context.diagnostic(`${reloads.name}, loaded anew, received ${JSON.stringify(atNew.now)}`);
      context.diagnostic(`${stays.name} received ${JSON.stringify(atOld.now)}`);
    }
    for (const { heard, name } of [alice, bob]) {
      assert.ok(!heard.some(({ type }) => type === 'call:incoming' || type === 'call:ended'), `${name} has the same call`);
    }
    await alice.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
    await bob.hears({ type: 'call:ended', call, reason: 'hangup' });
  });

  test('a call is declined', async () => {
    const alice = await online(0, 'carla');
    const bob = await online(1, 'dave');
    await alice.calls('dave');
    await bob.clicks('decline');
    await alice.outcome('rejected');
    await bob.misses('incoming');
    await alice.poses('6-declined');
  });

  test('a call is cancelled while it rings', async () => {
    const alice = await online(0, 'erin');
    const bob = await online(1, 'frank');
    await alice.calls('frank');
    await bob.sees('incoming', /erin/);
    await alice.clicks('cancel');
    await bob.misses('incoming');
    await alice.outcome('cancelled');
  });

  test('the callee is offline', async () => {
    const alice = await online(0, 'grace');
    await alice.calls('nobody-is-called-so');
    await alice.outcome('offline');
  });

  test('answered on one of two devices, the other stops ringing', async () => {
    const alice = await online(0, 'heidi');
    const desk = await online(1, 'ivan');
    const phone = await online(0, 'ivan', { viewport: { width: 390, height: 844 } });
    await alice.calls('ivan');
    await Promise.all([desk.sees('incoming'), phone.sees('incoming')]);
    await phone.clicks('answer');
    await desk.misses('incoming');
    await desk.outcome('answered_elsewhere');
    await Promise.all([alice.receives(...ALL), phone.receives(...ALL)]);
    await until('the desk has no media', async () => (await desk.inbound()).audioPackets === 0);
    await alice.clicks('hangup');
    await phone.outcome('hangup');
  });
});
