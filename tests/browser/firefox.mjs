// Firefox, driven over WebDriver BiDi, and a person in front of it.

import puppeteer from 'puppeteer-core';
import { Person } from './person.mjs';

const FIREFOX = process.env.RINGBACK_FIREFOX ?? '/usr/bin/firefox-esr';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export const launchFirefox = () =>
  puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, extraPrefsFirefox: PREFERENCES });

/** The part of a Playwright locator that `Person` uses. */
class Part {
  #page;
  #selector;

  constructor(page, id) {
    this.#page = page;
    this.#selector = `[data-testid="${id}"]`;
  }

  first() {
    return this;
  }

  isVisible() {
    return this.#page.evaluate((selector) => document.querySelector(selector)?.checkVisibility() ?? false, this.#selector);
  }

  textContent() {
    return this.#page.$eval(this.#selector, (element) => element.textContent);
  }

  getAttribute(name) {
    return this.#page.$eval(this.#selector, (element, name) => element.getAttribute(name), name);
  }

  click() {
    return this.#page.$eval(this.#selector, (element) => element.click());
  }

  fill(text) {
    return this.#page.$eval(this.#selector, (element, text) => (element.value = text), text);
  }
}

export class FirefoxPerson extends Person {
  static async online(firefox, parts, gateway, name) {
    const page = await firefox.newPage();
    const person = new FirefoxPerson(name, page);
    await page.goto(`${parts.gateways[gateway].url}?user=${name}`);
    await person.sees('status', /^online( ·|$)/i);
    return person;
  }

  at(id) {
    return new Part(this.page, id);
  }

  async leaves() {
    await this.page.close();
  }
}
