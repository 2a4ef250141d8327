/// <reference types="vite/client" />
import { expect, test } from "vitest";

const sources = import.meta.glob<string>(["./*.ts", "!./*.test.ts"], { eager: true, query: "?raw", import: "default" });

test.each(Object.entries(sources))("%s has no clock, no timers, no randomness, no I/O", (_name, source) => {
  const impure = /\b(Date\.now|new Date|performance|setTimeout|setInterval|queueMicrotask|Math\.random|crypto|WebSocket|new RTCPeerConnection|navigator|localStorage|async|await|Promise)\b/;
  expect(source.replace(/\/\*[^]*?\*\/|\/\/.*/g, "")).not.toMatch(impure);
  for (const [, from] of source.matchAll(/from "([^"]+)"/g)) expect(from).toMatch(/^(\.\/|\.\.\/(protocol|errors)\.ts$)/);
});
