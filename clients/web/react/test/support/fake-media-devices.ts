import { afterEach } from "vitest";
import { FakeTarget } from "../../../client/test/support/fake-target.ts";

/** The browser's list of devices: jsdom has none. */
export class FakeMediaDevices extends FakeTarget {
  list: Partial<MediaDeviceInfo>[] = [];

  readonly enumerateDevices = async () => [...this.list];
  readonly getDisplayMedia = () => undefined;

  static install(): FakeMediaDevices {
    const devices = new FakeMediaDevices();
    Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: devices });
    return devices;
  }
}

export const MICROPHONES = [
  { kind: "audioinput", deviceId: "default", label: "Built-in microphone" },
  { kind: "audioinput", deviceId: "headset", label: "Headset" },
] as const;

export const CAMERAS = [
  { kind: "videoinput", deviceId: "default", label: "Front camera" },
  { kind: "videoinput", deviceId: "back", label: "Back camera" },
] as const;

export const SPEAKERS = [
  { kind: "audiooutput", deviceId: "default", label: "Built-in speaker" },
  { kind: "audiooutput", deviceId: "headset", label: "" },
] as const;

/** A browser in which a speaker can be chosen. */
export function withSpeakers(): { chosen: string[] } {
  const chosen: string[] = [];
  Object.defineProperty(HTMLMediaElement.prototype, "setSinkId", { configurable: true, value: async (id: string) => void chosen.push(id) });
  return { chosen };
}

afterEach(() => {
  Reflect.deleteProperty(navigator, "mediaDevices");
  Reflect.deleteProperty(HTMLMediaElement.prototype, "setSinkId");
});
