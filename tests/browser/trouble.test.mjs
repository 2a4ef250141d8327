// What goes wrong between a browser and its gateway, or in the browser itself, in the middle of real calls.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { connections, inUse, keepMade } from './left-behind.mjs';
import { startLine, startParts, until } from './parts.mjs';
import { Person } from './person.mjs';
import { serveSdk } from './sdk.mjs';

const AUDIO = ['audioPackets', 'audioEnergy'];
const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];

describe('trouble in a call', { timeout: 300_000 }, () => {
  let parts;
  let people = [];
  let lines = [];

  const online = async (gateway, name, options) => {
    const person = await Person.online(parts, gateway, name, options);
    people.push(person);
    return person;
  };

  /** Two people in a call; the caller's way to the gateway is `line`. */
  const talking = async (caller, callee, kind = 'audio') => {
    const line = await startLine(parts.gateways[0].url);
    lines.push(line);
    const alice = await online(0, caller, { url: line.url });
    const bob = await online(1, callee);
    await alice.calls(callee, kind);
    await bob.clicks('answer');
    const what = kind === 'audio' ? AUDIO : ALL;
    await Promise.all([alice.receives(...what), bob.receives(...what)]);
    return { alice, bob, line };
  };

  before(async () => {
    parts = await startParts();
  });

  afterEach(async (context) => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    for (const line of lines) line.stop();
    people = [];
    lines = [];
    assert.deepEqual(errors, [], `errors on a page in "${context.name}"`);
  });

  after(() => parts?.stop());

  test('the socket is cut: the media go on, and so does the call when it is back', async () => {
    const { alice, bob, line } = await talking('anna', 'bert');
    line.cut();
    await alice.isOnline(/trying again/);
    await bob.sees('reconnecting', /anna is reconnecting/);
    // For five seconds, and then it is mended.
    const end = Date.now() + 5_000;
    do await Promise.all([alice.receives(...AUDIO), bob.receives(...AUDIO)]);
    while (Date.now() < end);
    line.mend();
    await alice.isOnline(/^online/i);
    await bob.misses('reconnecting');
    await bob.clicks('hangup');
    await alice.outcome('hangup');
  });

  test('the socket is a zombie: news of the network is reason to look', async () => {
    const { alice, bob, line } = await talking('cleo', 'dora');
    line.freeze();
    await alice.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await alice.isOnline(/^(connecting|no connection)/i);
    await alice.isOnline(/^online/i);
    await bob.clicks('hangup');
    await alice.outcome('hangup');
  });

  test('a page that is loaded anew goes on with its call', async () => {
    const { alice, bob } = await talking('emma', 'fred', 'video');
    await alice.clicks('mute');
    await alice.hasPressed('mute');
    for (const person of [bob, alice]) {
      await person.page.reload();
      await person.sees('incall');
      await Promise.all([alice.receives(...ALL), bob.receives('audioPackets', 'videoPackets', 'framesDecoded')]);
    }
    await alice.hasPressed('mute');
    await alice.clicks('mute');
    await bob.receives(...ALL);
    await alice.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
  });

  test('a camera is turned on later, on both sides at once', async () => {
    const { alice, bob } = await talking('gina', 'hugo');
    await Promise.all([alice.clicks('camera'), bob.clicks('camera')]);
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    await alice.clicks('camera');
    await until('bob sees her no more', async () => {
      const before = await bob.inbound();
      await alice.receives('framesDecoded');
      return (await bob.inbound()).framesDecoded === before.framesDecoded;
    });
    await bob.receives(...AUDIO);
    await bob.clicks('hangup');
    await alice.outcome('hangup');
  });

  test('of two tabs one rings; it is closed, and the other rings', async () => {
    const alice = await online(0, 'ida');
    const first = await online(1, 'jon');
    const second = await first.opensTab();
    await second.sees('status', /another tab/);
    await alice.calls('jon');
    await first.sees('incoming', /ida/);
    assert.equal(await second.at('incoming').isVisible(), false);
    await first.page.close();
    await second.clicks('answer');
    await Promise.all([alice.receives(...ALL), second.receives(...ALL)]);
    await alice.clicks('hangup');
    await second.outcome('hangup');
    assert.deepEqual(second.errors, []);
  });

  test('a tab in which a person calls is the one that is online', async () => {
    const bob = await online(1, 'kim');
    const first = await online(0, 'leo');
    const second = await first.opensTab();
    await second.sees('status', /another tab/);
    await second.calls('kim', 'audio');
    await first.sees('status', /another tab/);
    await bob.clicks('answer');
    await second.receives(...AUDIO);
    // And the first one can't take it away from there.
    await first.calls('kim', 'audio');
    await first.outcome('failed');
    await second.receives(...AUDIO);
    await bob.clicks('hangup');
    await second.outcome('hangup');
  });

  const deny = () => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  };

  test('the microphone is not allowed to who calls: it stops ringing over there', async () => {
    const alice = await online(0, 'sara', { prepare: deny });
    const bob = await online(1, 'theo');
    await alice.calls('theo');
    await alice.outcome('media_denied');
    await bob.misses('incoming');
    assert.equal(await bob.page.evaluate(() => window.__ringback.pc), null);
  });

  test('the microphone is not allowed to who answers: both know why', async () => {
    const alice = await online(0, 'mia');
    const bob = await online(1, 'nils', { prepare: deny });
    await alice.calls('nils');
    await bob.clicks('answer');
    await Promise.all([alice.outcome('media_denied'), bob.outcome('media_denied')]);
    await bob.sees('outcome', /not allowed/);
  });

  test('before a call: what works, and what does not, as ES modules that the browser loads as they are', async () => {
    const alice = await online(0, 'olga');
    await serveSdk(alice.page);
    const report = await alice.page.evaluate(async () => {
      const { preflight } = await import('/sdk/index.js');
      const url = `${location.origin.replace('http', 'ws')}/v1/ws`;
      const good = await preflight({ url, token: 'olga' });
      const bad = await preflight({ url: 'ws://127.0.0.1:9/v1/ws', token: 'olga', media: { audio: false, video: false } });
      return { good, bad };
    });
    const words = ({ checks }) => checks.filter(({ name }) => name !== 'stun').map(({ name, status }) => `${name} ${status}`);
    assert.deepEqual(words(report.good), ['socket ok', 'token ok', 'microphone ok', 'camera ok']);
    assert.deepEqual(words(report.bad), ['socket failed', 'token skipped']);
    // The page itself is as it was.
    await alice.sees('status', /^online/i);
  });

  test('after fifty calls nothing is left in the page: no peer connection, no track, no listener, no lock', async () => {
    const alice = await online(0, 'quin', { prepare: keepMade });
    const bob = await online(1, 'ruth', { prepare: keepMade });
    const before = await Promise.all([alice, bob].map(({ page }) => inUse(page)));
    for (let number = 0; number < 50; number += 1) {
      const [caller, callee] = number % 2 === 0 ? [alice, bob] : [bob, alice];
      await caller.calls(callee.name, number % 3 === 0 ? 'video' : 'audio');
      await callee.clicks('answer');
      await Promise.all([alice.receives('audioPackets'), bob.receives('audioPackets')]);
      await (number % 4 < 2 ? caller : callee).clicks('hangup');
      await Promise.all([caller.misses('incall'), callee.misses('incall')]);
    }
    for (const [index, { name, page }] of [alice, bob].entries()) {
      await until(`${name} has let go of everything`, async () => {
        assert.deepEqual(await inUse(page), before[index]);
        return true;
      });
      assert.equal(await connections(page), 50);
    }
  });

  test('the gateway of one side is killed: its people come back elsewhere, and nothing is heard of it', async () => {
    const { alice, bob, line } = await talking('paul', 'rosa', 'video');
    await parts.gateways[0].kill();
    line.turnTo(parts.gateways[1].url);
    await alice.isOnline(/gw-2/);
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    await alice.clicks('hangup');
    await Promise.all([alice.outcome('hangup'), bob.outcome('hangup')]);
  });
});
