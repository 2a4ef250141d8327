// A person in front of the demo page, and what can be measured of the media there.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './parts.mjs';

const SCREENSHOTS = process.env.RINGBACK_SCREENSHOTS;
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

export class Person {
  constructor(name, page) {
    this.name = name;
    this.page = page;
    this.errors = [];
    /** All that the gateway has sent to this page, since it was loaded. */
    this.heard = [];
    /** All that this page has sent to the gateway. */
    this.said = [];
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => this.heard.push(JSON.parse(payload)));
      socket.on('framesent', ({ payload }) => this.said.push(JSON.parse(payload)));
    });
  }

  /** Opens the page of a gateway, or of another way there (`url`), and goes online. */
  static async online(parts, gateway, name, { viewport = SIZES.desktop, permissions = ['camera', 'microphone'], url, query = '', prepare } = {}) {
    const context = await parts.browser.newContext({ viewport, permissions });
    if (prepare !== undefined) await context.addInitScript(prepare);
    const person = await Person.at(context, `${url ?? parts.gateways[gateway].url}?user=${name}${query}`, name);
    await person.sees('status', /^online( ·|$)/i);
    return person;
  }

  static async at(context, url, name) {
    const page = await context.newPage();
    const person = new Person(name, page);
    await page.goto(url);
    return person;
  }

  /** Loads the page anew in the middle of whatever goes on. */
  async reloads() {
    this.heard = [];
    await this.page.reload();
  }

  /** What the gateway has sent to this page, or will, with these fields. */
  async hears(fields, limitMs) {
    const covers = (frame) => Object.entries(fields).every(([name, value]) => frame[name] === value);
    return until(`${this.name} hears ${JSON.stringify(fields)}`, () => this.heard.find(covers), limitMs);
  }

  /** Another tab of the same browser. */
  async opensTab() {
    return Person.at(this.page.context(), this.page.url(), this.name);
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  async sees(id, text) {
    await until(`${this.name} sees ${id} ${text ?? ''}`, async () => {
      const element = this.at(id).first();
      if (!(await element.isVisible())) return false;
      return text === undefined || text.test((await element.textContent()) ?? '');
    });
  }

  /** What the page says of the connection; behind a call it can't be seen. */
  async isOnline(wanted) {
    await until(`${this.name}'s connection is ${wanted}`, async () => wanted.test((await this.at('status').textContent()) ?? ''));
  }

  async misses(id) {
    await until(`${this.name} sees no ${id}`, async () => !(await this.at(id).first().isVisible()));
  }

  async calls(name, kind = 'video') {
    // The last call is still to be seen for a moment, unless it was this person who ended it.
    if (await this.at('over').isVisible()) await this.at('dismiss').click();
    await this.at('callee-input').fill(name);
    await this.at(kind === 'video' ? 'call-video' : 'call-audio').click();
  }

  /** Names somebody, and waits with the call for what this returns to be run: it presses the button whatever has come over it meanwhile. */
  async isAboutToCall(name, kind) {
    await this.at('callee-input').fill(name);
    return () => this.at(`call-${kind}`).dispatchEvent('click');
  }

  async clicks(id) {
    await this.sees(id);
    await this.at(id).click();
  }

  /** A switch, that stays where it is. */
  async hasPressed(id, pressed = true) {
    await until(`${this.name} has pressed ${id}: ${pressed}`, async () => {
      return (await this.at(id).getAttribute('aria-pressed')) === `${pressed}`;
    });
  }

  /** Why the last call ended, by the page. */
  async outcome(reason) {
    await until(`${this.name}'s outcome is ${reason}`, async () => {
      return (await this.at('outcome').first().getAttribute('data-reason')) === reason;
    });
  }

  /** The two ends of the path that the media take, ours first. */
  async path() {
    return this.page.evaluate(async () => {
      const stats = await window.__ringback.pc.getStats();
      const { selectedCandidatePairId } = [...stats.values()].find(({ type }) => type === 'transport');
      const pair = stats.get(selectedCandidatePairId);
      return [pair.localCandidateId, pair.remoteCandidateId].map((id) => {
        const { address, candidateType, relayProtocol } = stats.get(id);
        return { address, candidateType, relayProtocol };
      });
    });
  }

  /** What has come in from the peer so far. */
  async inbound() {
    return this.page.evaluate(async () => {
      const sum = { audioPackets: 0, videoPackets: 0, framesDecoded: 0, audioEnergy: 0 };
      const pc = window.__ringback.pc;
      if (!pc) return sum;
      // Firefox never answers for a peer connection that is closed meanwhile.
      const gone = new Promise((_, fail) => setTimeout(() => fail(new Error('no statistics')), 2_000));
      for (const report of (await Promise.race([pc.getStats(), gone])).values()) {
        if (report.type !== 'inbound-rtp') continue;
        if (report.kind === 'audio') {
          sum.audioPackets += report.packetsReceived ?? 0;
          sum.audioEnergy += report.totalAudioEnergy ?? 0;
        } else {
          sum.videoPackets += report.packetsReceived ?? 0;
          sum.framesDecoded += report.framesDecoded ?? 0;
        }
      }
      return sum;
    });
  }

  /** Waits until each of these counters has grown from where it is now. */
  async receives(...counters) {
    const before = await this.inbound();
    await until(`${this.name} receives ${counters} (from ${JSON.stringify(before)})`, async () => {
      const now = await this.inbound();
      return counters.every((counter) => now[counter] > before[counter]);
    });
    return { before, now: await this.inbound() };
  }

  /** The name of the present ICE generation on this side: another after each restart. */
  async generation() {
    return this.page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.__ringback.pc?.localDescription?.sdp ?? '')?.[1]);
  }

  /** Is looked at on a phone and on a desktop, in each of these schemes of colours; a picture is kept where a folder for them is named. */
  async poses(state, { schemes = ['light'], look } = {}) {
    if (!SCREENSHOTS && !look) return;
    const usual = this.page.viewportSize();
    for (const colorScheme of schemes) {
      await this.page.emulateMedia({ colorScheme });
      for (const [kind, size] of Object.entries(SIZES)) {
        await this.page.setViewportSize(size);
        await this.#stands();
        const name = `${state}-${kind}${colorScheme === 'light' ? '' : `-${colorScheme}`}`;
        if (SCREENSHOTS) await this.#keeps(name);
        await look?.(name);
      }
    }
    await this.page.emulateMedia({ colorScheme: null });
    await this.page.setViewportSize(usual);
  }

  /** Whatever moves, and is to come to an end, is there. To wait for it would be to wait for ever on a page that draws nothing. */
  async #stands() {
    await this.page.evaluate(() => {
      for (const animation of document.getAnimations()) {
        if (animation.effect.getComputedTiming().endTime !== Infinity) animation.finish();
      }
    });
  }

  async #keeps(name) {
    await mkdir(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }

  async leaves() {
    await this.page.context().close();
  }
}
