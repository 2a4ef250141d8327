// @vitest-environment jsdom
import type { Call, RingbackClient } from "@ringback/client";
import { renderHook } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { useActiveCall, useCall, useCalls, useConnection, useIncomingCalls, useNetworkQuality, useRingbackClient } from "../src/index.ts";
import { AUDIO, BOB, Room, VIDEO, happens } from "./support/room.tsx";

const CAROL = { user: "carol", device: "desk" };

/** How many listen to a client and its calls. */
function countListeners(client: RingbackClient): () => number {
  let listening = 0;
  const count = (emitter: RingbackClient | Call) => {
    const on = emitter.on.bind(emitter) as (name: string, listener: unknown) => () => void;
    vi.spyOn(emitter, "on").mockImplementation(((name: string, listener: unknown) => {
      const off = on(name, listener);
      listening += 1;
      return () => {
        listening -= 1;
        off();
      };
    }) as never);
  };
  client.on("call", count);
  count(client);
  return () => listening;
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the client", () => {
  test("is the one of the provider; without one it is said what is missing", async () => {
    const { stage, wrapper } = await Room.open();
    expect(renderHook(useRingbackClient, { wrapper }).result.current).toBe(stage.client);
    const complaint = vi.spyOn(console, "error").mockImplementation(() => undefined);
    expect(() => renderHook(useConnection)).toThrow("RingbackProvider");
    complaint.mockRestore();
  });

  test("its state is shown as it changes, and not shown anew when nothing has", async () => {
    const { stage, wrapper } = await Room.open();
    const { result, rerender } = renderHook(useConnection, { wrapper });
    const before = result.current;
    expect(before).toMatchObject({ state: "online", user: "alice", elsewhere: [] });
    rerender();
    expect(result.current).toBe(before);
    await happens(() => stage.socket.breaks());
    expect(result.current.state).toBe("waiting");
  });

  test("nobody listens any more when nothing is shown, also after a call has ended", async () => {
    const { stage, wrapper } = await Room.open();
    const listening = countListeners(stage.client);
    const { result, unmount } = renderHook(() => useCall(useActiveCall().call), { wrapper });
    const call = await happens(() => stage.talks(AUDIO));
    expect([result.current?.state, listening() > 0]).toEqual(["connected", true]);
    await happens(() => void call.end());
    expect(result.current?.state).toBe("ended");
    await happens(() => stage.talks(AUDIO, "c2"));
    unmount();
    expect(listening()).toBe(0);
  });
});

describe("lists of calls", () => {
  test("a call rings until it is answered, declined, or over", async () => {
    const { stage, wrapper } = await Room.open();
    const { result } = renderHook(() => useIncomingCalls().map(({ id }) => id), { wrapper });
    await happens(() => stage.rung("c1"));
    await happens(() => stage.tells("c2", { type: "call:incoming", from: CAROL, media: AUDIO }));
    await happens(() => stage.tells("c3", { type: "call:incoming", from: BOB, media: AUDIO }));
    expect(result.current).toEqual(["c1", "c2", "c3"]);
    const [first, second] = stage.rings;
    await happens(() => void first?.accept());
    expect(result.current, "before the gateway has said a word").toEqual(["c2", "c3"]);
    await happens(() => void second?.reject());
    await happens(() => stage.tells("c3", { type: "call:ended", reason: "cancelled" }));
    expect(result.current).toEqual([]);
  });

  test("a list is the same one for as long as it has the same calls", async () => {
    const { stage, wrapper } = await Room.open();
    const { result } = renderHook(useCalls, { wrapper });
    const call = await happens(() => stage.calls(AUDIO));
    const before = result.current;
    expect(before).toEqual([call]);
    await happens(() => call.mute());
    expect(result.current).toBe(before);
  });

  test("calls that are there already are shown at once", async () => {
    const { stage, wrapper } = await Room.open();
    await stage.talks(AUDIO);
    await stage.rung("c2");
    const { result } = renderHook(() => [useCalls().length, useIncomingCalls().length, useActiveCall().call?.id], { wrapper });
    expect(result.current).toEqual([2, 1, "c1"]);
  });

  test("the active call is the one that was made or answered last, and stays when it is over until it is dismissed", async () => {
    const { stage, wrapper } = await Room.open();
    const { result } = renderHook(useActiveCall, { wrapper });
    const first = await happens(() => stage.talks(AUDIO));
    expect(result.current.call).toBe(first);
    await happens(() => stage.tells("c2", { type: "call:incoming", from: CAROL, media: AUDIO }));
    expect(result.current.call).toBe(first);
    const second = stage.rings.at(-1);
    await happens(() => void second?.accept());
    expect(result.current.call).toBe(second);
    await happens(() => void second?.end());
    expect(result.current.call, "the one that is left").toBe(first);
    await happens(() => void first.end());
    expect([result.current.call, first.state]).toEqual([first, "ended"]);
    await happens(() => result.current.dismiss());
    expect(result.current.call).toBeUndefined();
  });

  test("a call that nobody answered is not in hand afterwards", async () => {
    const { stage, wrapper } = await Room.open();
    const { result } = renderHook(useActiveCall, { wrapper });
    await happens(() => stage.rung("c1"));
    await happens(() => stage.tells("c1", { type: "call:ended", reason: "cancelled" }));
    expect(result.current.call).toBeUndefined();
  });
});

describe("a call", () => {
  test("everything about it is shown as it changes", async () => {
    const { stage, wrapper } = await Room.open();
    const call = await stage.calls(VIDEO);
    const { result } = renderHook(() => useCall(call), { wrapper });
    expect(result.current).toMatchObject({ state: "connecting", role: "caller", peer: BOB, muted: false, cameraOn: true, screenOn: false });
    await happens(() => call.mute());
    expect(result.current.muted).toBe(true);
    await happens(() => call.shareScreen(true));
    expect(result.current.screenOn).toBe(true);
    await happens(() => stage.tells("c1", { type: "call:peer", status: "reconnecting" }));
    expect(result.current.link).toBe("peer_reconnecting");
    await happens(() => stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB }));
    expect(result.current).toMatchObject({ state: "ended", outcome: { reason: "hangup" }, remoteStream: undefined });
  });

  test("what is equal is the same object, whoever asks", async () => {
    const { stage, wrapper } = await Room.open();
    const call = await stage.talks(AUDIO);
    const { result } = renderHook(() => [useCall(call), useCall(call)], { wrapper });
    const [one, other] = result.current;
    expect(one).toBe(other);
    await happens(() => {
      call.mute();
      call.unmute();
    });
    expect(result.current[0]).toEqual(one);
  });

  test("without one there is nothing, and the hook may stay", async () => {
    const { stage, wrapper } = await Room.open();
    const call = await stage.talks(AUDIO);
    const { result, rerender } = renderHook((shown: Call | undefined) => useCall(shown), { wrapper, initialProps: undefined as Call | undefined });
    expect(result.current).toBeUndefined();
    rerender(call);
    expect(result.current?.state).toBe("connected");
  });
});

describe("network quality", () => {
  const stats = (lost: number, packets: number) =>
    ({ path: { local: { type: "host" }, remote: { type: "host" } }, audio: { received: { lost, packets, bytes: 1 } }, video: {} }) as const;

  test("is known from the second look on, and forgotten with the call", async () => {
    vi.useFakeTimers();
    const { stage, wrapper } = await Room.open();
    const call = await stage.talks(AUDIO);
    const look = vi.spyOn(call, "stats").mockResolvedValue(stats(0, 100));
    const { result, rerender, unmount } = renderHook((of: Call | undefined) => useNetworkQuality(of, 2000), { wrapper, initialProps: call as Call | undefined });
    await happens(() => vi.advanceTimersByTimeAsync(1000));
    expect(result.current).toBeUndefined();
    await happens(() => vi.advanceTimersByTimeAsync(1500));
    expect(result.current).toBe("good");
    look.mockResolvedValue(stats(20, 180));
    await happens(() => vi.advanceTimersByTimeAsync(2000));
    expect(result.current).toBe("poor");
    rerender(undefined);
    expect(result.current).toBeUndefined();
    unmount();
    expect(vi.getTimerCount()).toBe(0);
  });
});
