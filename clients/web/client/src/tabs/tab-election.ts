import { Alarm } from "../alarm.ts";
import type { Platform, TabChannel } from "../platform.ts";
import { Settlement } from "../settlement.ts";
import type { TabCall, TabMessage } from "./tab-message.ts";

export interface TabElectionOptions {
  platform: Pick<Platform, "locks" | "channel" | "timers" | "randomId">;
  /** Tabs of one name share one connection. */
  name: string;
  /** This tab has it now. */
  won: () => void;
  /** Another tab has it now. */
  lost: () => void;
  /** Whether another tab may have it: nothing goes on here that can't go on there. */
  mayYield: () => boolean;
  /** What goes on here, for the others to show. */
  calls: () => TabCall[];
  /** What goes on in the tab that has it. */
  elsewhere: (calls: TabCall[]) => void;
}

/** A tab that has it and does not answer for so long is frozen: nothing goes on there. */
const ANSWER_MS = 1_000;

/**
 * Which of a device's tabs is online: whoever holds a lock (Web Locks), which the browser passes on when a tab is closed or
 * crashes. A tab in which a person does something asks for it.
 */
export class TabElection {
  readonly #options: TabElectionOptions;
  readonly #id: string;
  readonly #limit: Alarm;
  #channel: TabChannel | undefined;
  /** Ends the waiting in the lock's queue. */
  #queued = new AbortController();
  #release: (() => void) | undefined;
  #asking: Settlement<boolean> | undefined;

  constructor(options: TabElectionOptions) {
    this.#options = options;
    this.#id = options.platform.randomId();
    this.#limit = new Alarm(options.platform.timers);
  }

  get isOwner(): boolean {
    return this.#release !== undefined;
  }

  join(): void {
    if (this.#channel !== undefined) return;
    this.#channel = this.#options.platform.channel(`ringback:${this.#options.name}`);
    this.#channel.onmessage = ({ data }) => this.#hear(data as TabMessage);
    this.#post({ type: "who" });
    this.#queue();
  }

  /** Whether this tab has it in the end: not while another one is in a call. */
  takeOver(): Promise<boolean> {
    if (this.isOwner) return Promise.resolve(true);
    if (this.#channel === undefined) return Promise.resolve(false);
    if (this.#asking !== undefined) return this.#asking.promise;
    this.#asking = new Settlement();
    this.#limit.set(ANSWER_MS, () => this.#steal());
    this.#post({ type: "ask", from: this.#id });
    return this.#asking.promise;
  }

  /** The others can see what has changed here. */
  announce(): void {
    if (this.isOwner) this.#post({ type: "calls", calls: this.#options.calls() });
  }

  leave(): void {
    if (this.isOwner) this.#post({ type: "calls", calls: [] });
    this.#channel?.close();
    this.#channel = undefined;
    this.#queued.abort();
    this.#release?.();
    this.#release = undefined;
    this.#settle(false);
  }

  #queue(): void {
    this.#queued = new AbortController();
    this.#request({ signal: this.#queued.signal });
  }

  #steal(): void {
    this.#queued.abort();
    this.#request({ steal: true });
  }

  #request(options: LockOptions): void {
    const { locks } = this.#options.platform;
    // Without locks (a page that is not secure) every tab is for itself.
    if (locks === undefined) void this.#hold();
    else locks.request(`ringback:${this.#options.name}`, options, () => this.#hold()).catch(() => this.#stolen());
  }

  #hold(): Promise<void> {
    if (this.#channel === undefined) return Promise.resolve();
    const held = new Promise<void>((release) => (this.#release = release));
    this.#options.elsewhere([]);
    this.#settle(true);
    this.#options.won();
    this.announce();
    return held;
  }

  /** The lock is another's now. (Or we have left the queue.) */
  #stolen(): void {
    if (!this.isOwner) return;
    this.#release = undefined;
    this.#options.lost();
    this.#queue();
    this.#post({ type: "who" });
  }

  #hear(message: TabMessage): void {
    switch (message.type) {
      case "who":
        return this.announce();
      case "calls":
        return this.isOwner ? undefined : this.#options.elsewhere(message.calls);
      case "ask":
        if (this.isOwner) this.#post({ type: this.#options.mayYield() ? "yes" : "no", to: message.from });
        return;
      case "yes":
        if (message.to === this.#id && this.#limit.isSet) this.#agreed();
        return;
      case "no":
        if (message.to === this.#id) this.#settle(false);
    }
  }

  #agreed(): void {
    this.#limit.clear();
    this.#steal();
  }

  #settle(isOurs: boolean): void {
    this.#limit.clear();
    this.#asking?.resolve(isOurs);
    this.#asking = undefined;
  }

  #post(message: TabMessage): void {
    this.#channel?.post(message);
  }
}
