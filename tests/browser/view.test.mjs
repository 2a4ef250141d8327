// Every state of a call as people see it: on a phone and a desktop, light and dark, by axe and by what covers what.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { barriers, misfits } from './fit.mjs';
import { startLine, startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded'];

/** Before the page begins: whoever is asked for a microphone answers when `__allow` is called. */
const hesitates = () => {
  const devices = navigator.mediaDevices;
  const get = devices.getUserMedia.bind(devices);
  const allowed = new Promise((allow) => (window.__allow = allow));
  devices.getUserMedia = async (constraints) => {
    await allowed;
    return get(constraints);
  };
};

const refuses = () => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
};

describe('what a person sees of a call', { timeout: 300_000 }, () => {
  let parts;
  let people = [];
  let lines = [];

  const online = async (gateway, name, options) => {
    const person = await Person.online(parts, gateway, name, options);
    people.push(person);
    return person;
  };

  const looks = (person, state) =>
    person.poses(`view-${state}`, {
      schemes: ['light', 'dark'],
      look: async (name) => {
        assert.deepEqual(await barriers(person.page), [], `${name}: what axe finds`);
        assert.deepEqual(await misfits(person.page), [], `${name}: what does not fit`);
      },
    });

  const phase = (person, wanted) =>
    until(`${person.name}'s view is ${wanted}`, async () => (await person.at('call-view').getAttribute('data-phase')) === wanted);

  /** Does something with a view that goes by itself: so it stays. */
  const keeps = async (person) => {
    await phase(person, 'ended');
    await person.page.keyboard.press('Shift');
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

  test('the page without a call: before there is a name, and after', async () => {
    const alice = await online(0, 'alice');
    await looks(alice, 'home');
    await alice.page.goto(parts.gateways[0].url);
    await alice.sees('name-input');
    await looks(alice, 'sign-in');
  });

  test('from the first ring to a picture', async () => {
    const alice = await online(0, 'alice');
    const bob = await online(1, 'bob', { prepare: hesitates });
    await alice.calls('bob');
    await alice.sees('calling', /Ringing/);
    await looks(alice, 'outgoing');
    await bob.sees('incoming', /wants a video call with you/);
    await looks(bob, 'incoming');
    await bob.clicks('answer');
    await Promise.all([phase(alice, 'connecting'), phase(bob, 'connecting')]);
    await looks(alice, 'connecting');
    await bob.page.evaluate(() => window.__allow());
    await Promise.all([alice.receives(...ALL), bob.receives(...ALL)]);
    await alice.sees('quality');
    await looks(alice, 'connected-video');
    await alice.clicks('mute');
    await alice.clicks('camera');
    await alice.hasPressed('camera', false);
    await looks(alice, 'muted-camera-off');
    await until('bob sees her no more', async () => !(await bob.page.locator('.ringback-call[data-video]').isVisible()));
    await looks(bob, 'peer-camera-off');
    await alice.clicks('screen');
    await alice.hasPressed('screen');
    await until('bob sees her screen', () => bob.page.locator('.ringback-call[data-video]').isVisible());
    await looks(alice, 'screen-shared');
    await alice.clicks('devices');
    await alice.sees('device-menu', /Microphone/);
    await looks(alice, 'devices');
    await alice.page.keyboard.press('Escape');
    await alice.misses('device-menu');
    await bob.clicks('hangup');
    await keeps(alice);
    await looks(alice, 'ended-hangup');
    await alice.clicks('dismiss');
    await looks(alice, 'home-with-log');
  });

  test('voice alone; the way of one to the gateway is cut, then the way of the media', async () => {
    const line = await startLine(parts.gateways[0].url);
    lines.push(line);
    const alice = await online(0, 'alice', { url: line.url });
    const bob = await online(1, 'a-person-with-quite-a-long-name@calls.example.org');
    await alice.calls(bob.name, 'audio');
    await bob.sees('incoming', /alice/);
    await looks(bob, 'incoming-voice');
    await bob.clicks('answer');
    await Promise.all([alice.receives('audioPackets'), bob.receives('audioPackets')]);
    await alice.sees('quality');
    await looks(alice, 'connected-voice');
    line.cut();
    await bob.sees('reconnecting', /alice is reconnecting/);
    await looks(bob, 'peer-reconnecting');
    line.mend();
    await bob.misses('reconnecting');
    // To really cut the path takes a network of its own (path.test.mjs); here the browser only says that it is cut.
    await alice.page.evaluate(() => {
      const { pc } = window.__ringback;
      Object.defineProperty(pc, 'connectionState', { configurable: true, get: () => 'disconnected' });
      pc.dispatchEvent(new Event('connectionstatechange'));
    });
    await alice.sees('reconnecting', /Reconnecting/);
    await looks(alice, 'reconnecting');
  });

  test('with the keyboard alone a call is answered and ended, and without movement for who wants none', async () => {
    const alice = await online(0, 'alice');
    const bob = await online(1, 'bob');
    await bob.page.emulateMedia({ reducedMotion: 'reduce' });
    const focused = (person) => person.page.evaluate(() => document.activeElement?.getAttribute('data-testid'));
    const press = async (...keys) => {
      for (const key of keys) await bob.page.keyboard.press(key);
    };
    await bob.at('callee-input').focus();
    await alice.calls('bob', 'audio');
    await bob.sees('incoming');
    await press('Enter', 'Space');
    assert.equal(await focused(bob), 'call-view', 'who was just typing has not answered by accident');
    assert.equal(await bob.page.locator('.ringback-avatar[data-pulsing]').evaluate((avatar) => getComputedStyle(avatar).animationName), 'none');
    await press('Tab', 'Tab', 'Enter');
    await phase(bob, 'connected');
    assert.equal(await focused(bob), 'call-view');
    await press('Tab', 'Space');
    await bob.hasPressed('mute');
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Enter');
    await bob.outcome('hangup');
    await bob.misses('incall');
    assert.equal(await focused(bob), 'call-video');
    await phase(alice, 'ended');
    assert.equal(await focused(alice), 'call-view');
  });

  test('a call that stops ringing gives the focus back', async () => {
    const alice = await online(0, 'alice');
    const bob = await online(1, 'bob');
    await bob.at('callee-input').focus();
    await alice.calls('bob');
    await bob.sees('incoming');
    await alice.clicks('cancel');
    await bob.misses('incoming');
    assert.equal(await bob.page.evaluate(() => document.activeElement?.id), 'callee');
  });

  test('over: declined, nobody there, no microphone', async () => {
    const alice = await online(0, 'alice');
    const bob = await online(1, 'bob', { prepare: refuses });
    await alice.calls('bob');
    await bob.clicks('decline');
    await keeps(alice);
    await alice.sees('over', /bob declined/);
    await looks(alice, 'ended-declined');
    await alice.calls('nobody-is-called-so');
    await alice.sees('over', /nobody-is-called-so is not there/);
    await keeps(alice);
    await looks(alice, 'ended-offline');
    await alice.calls('bob');
    await bob.clicks('answer');
    await keeps(bob);
    await bob.sees('over', /not allowed/);
    await looks(bob, 'ended-media-denied');
  });

  test('why a call came to nothing is told by the gateway', async () => {
    const alice = await online(0, 'alice');
    await alice.calls('nobody-is-called-so');
    await alice.sees('over', /nobody-is-called-so is not there/);
    await alice.clicks('dismiss');
    await alice.clicks('why');
    await alice.sees('verdict', /No device of the callee was connected\./);
    await looks(alice, 'home-why');
  });
});
