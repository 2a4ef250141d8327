// @vitest-environment jsdom
import type { Call } from "@ringback/client";
import { render } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeStream, type FakeTrack } from "../../client/test/support/fake-media.ts";
import { CallView } from "../src/index.ts";
import { CAMERAS, FakeMediaDevices, MICROPHONES, SPEAKERS, withSpeakers } from "./support/fake-media-devices.ts";
import { AUDIO, BOB, Room, VIDEO, button, buttons, happens, pressed, screen, status } from "./support/room.tsx";

const IN_CALL = ["Mute", "Camera", "Share screen", "Devices", "Hang up"];

let devices: FakeMediaDevices;

beforeEach(() => {
  devices = FakeMediaDevices.install();
  devices.list = [...MICROPHONES, ...CAMERAS, ...SPEAKERS];
});

afterEach(() => {
  vi.useRealTimers();
});

function view(): HTMLElement {
  return screen.getByRole("region", { name: "Call with bob" });
}

/** A picture of the peer comes in, or none any more. */
function receives(track: FakeTrack, isSeen: boolean): void {
  track.muted = !isSeen;
  track.fire(isSeen ? "unmute" : "mute");
}

async function talking(media = AUDIO): Promise<{ room: Room; call: Call }> {
  const room = await Room.open();
  const call = await room.stage.talks(media);
  room.shows(<CallView call={call} />);
  await happens(() => undefined);
  return { room, call };
}

describe("each state", () => {
  test("a video call comes in: it is answered with or without the camera, or declined", async () => {
    const room = await Room.open();
    const call = await room.stage.rung("c1", VIDEO);
    room.shows(<CallView call={call} />);
    expect([view().dataset.phase, status(), buttons()]).toEqual(["incoming", "wants a video call with you", ["Decline", "Answer", "Answer without camera"]]);
    await room.user.click(button("Answer without camera"));
    expect([view().dataset.phase, status(), buttons()]).toEqual(["connecting", "Connecting…", IN_CALL]);
    expect(room.stage.devices.asked).toEqual([{ audio: true }]);
  });

  test("a voice call comes in, and is declined", async () => {
    const room = await Room.open();
    const call = await room.stage.rung("c1", AUDIO);
    room.shows(<CallView call={call} />);
    expect([status(), buttons()]).toEqual(["calls you", ["Decline", "Answer"]]);
    await room.user.click(button("Decline"));
    expect(room.stage.asked("call:reject").call).toBe("c1");
    expect([view().dataset.phase, status()]).toEqual(["ended", "You declined"]);
  });

  test("the application may answer by itself", async () => {
    const room = await Room.open();
    const call = await room.stage.rung("c1", VIDEO);
    const answer = vi.fn();
    room.shows(<CallView call={call} onAnswer={answer} />);
    await room.user.click(button("Answer"));
    expect([answer.mock.calls, room.stage.count("call:accept")]).toEqual([[[call, VIDEO]], 0]);
  });

  test("a call goes out: calling, ringing, cancelled; and waiting where there is no connection", async () => {
    const room = await Room.open();
    const call = room.stage.client.call("bob", AUDIO);
    room.shows(<CallView call={call} />);
    expect([view().dataset.phase, status(), buttons()]).toEqual(["outgoing", "Calling…", ["Cancel"]]);
    await happens(() => room.stage.acks("call:init", { call: "c1" }));
    await happens(() => room.stage.socket.breaks());
    expect(status()).toBe("Waiting for the connection…");
    await happens(() => room.stage.comesBack({ resumed: true }));
    await happens(() => room.stage.tells("c1", { type: "call:ringing" }));
    expect(status()).toBe("Ringing…");
    await room.user.click(button("Cancel"));
    expect([view().dataset.phase, status()]).toEqual(["ended", "Call cancelled"]);
  });

  test("connected, with voice alone: an initial, the time, what can be done", async () => {
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    vi.setSystemTime((call.connectedAt ?? 0) + 61_000);
    room.shows(<CallView call={call} />);
    expect([view().dataset.phase, view().dataset.video, status(), buttons()]).toEqual(["connected", undefined, "Connected", IN_CALL]);
    expect(screen.getByText("B").getAttribute("aria-hidden")).toBe("true");
    expect(screen.getByRole("timer").textContent).toBe("1:01");
    await happens(() => vi.advanceTimersByTimeAsync(2000));
    expect(screen.getByRole("timer").textContent).toBe("1:03");
    expect([pressed("Mute"), pressed("Camera"), pressed("Share screen")]).toEqual(["false", "false", "false"]);
  });

  test("a picture of the peer takes the place of the initial, and goes again", async () => {
    const { room } = await talking(VIDEO);
    const remote = new FakeStream("audio", "video");
    const [track] = remote.getVideoTracks() as [FakeTrack];
    track.muted = true;
    await happens(() => room.stage.pc.brings(remote));
    expect(view().dataset.video).toBeUndefined();
    await happens(() => receives(track, true));
    expect([view().dataset.video, screen.queryByText("B")]).toEqual(["true", null]);
    expect(screen.getByTestId<HTMLVideoElement>("remote-video").srcObject).toBe(remote);
    await happens(() => receives(track, false));
    expect(screen.getByText("B")).toBeTruthy();
  });

  test("our media are gone, then the peer's way to the gateway is: both are said, and over when they are back", async () => {
    const { room } = await talking();
    await happens(() => room.stage.pc.becomes("disconnected"));
    expect([status(), screen.getByTestId("reconnecting").textContent]).toEqual(["Connection lost. Reconnecting…", "Connection lost. Reconnecting…"]);
    await happens(() => room.stage.pc.becomes("connected"));
    expect([status(), screen.queryByTestId("reconnecting")]).toEqual(["Connected", null]);
    await happens(() => room.stage.tells("c1", { type: "call:peer", status: "reconnecting" }));
    expect(status()).toBe("bob is reconnecting…");
    await happens(() => room.stage.tells("c1", { type: "call:peer", status: "back", resumed: true }));
    expect(status()).toBe("Connected");
  });

  test("over: why, for how long, and what next", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(VIDEO);
    const [again, close] = [vi.fn(), vi.fn()];
    room.shows(<CallView call={call} onCallAgain={again} onClose={close} />);
    await happens(() => room.stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB, duration_ms: 125_000 }));
    expect([view().dataset.phase, status(), buttons()]).toEqual(["ended", "Call ended", ["Close", "Call again"]]);
    expect([screen.getByText("2:05"), screen.queryByTestId("remote-video"), screen.queryByTestId("own-video")]).toEqual([expect.anything(), null, null]);
    await room.user.click(button("Call again"));
    await room.user.click(button("Close"));
    expect([again.mock.calls, close.mock.calls]).toEqual([[[call]], [[call]]]);
  });

  test("over, in a place that has nothing to go on with", async () => {
    const { room } = await talking();
    await room.user.click(button("Hang up"));
    expect([status(), screen.queryAllByRole("button")]).toEqual(["Call ended", []]);
  });
});

describe("what a person does in a call", () => {
  test("mute and unmute: the name stays, the switch tells", async () => {
    const { room, call } = await talking();
    await room.user.click(button("Mute"));
    expect([pressed("Mute"), call.muted]).toEqual(["true", true]);
    await room.user.click(button("Mute"));
    expect([pressed("Mute"), call.muted]).toEqual(["false", false]);
  });

  test("the camera: their own picture is a mirror, a shared screen is not", async () => {
    const { room, call } = await talking();
    expect(screen.queryByTestId("own-video")).toBeNull();
    await room.user.click(button("Camera"));
    await happens(() => undefined);
    expect([pressed("Camera"), call.cameraOn, screen.getByTestId("own-video").dataset.mirrored]).toEqual(["true", true, "true"]);
    await room.user.click(button("Share screen"));
    await happens(() => undefined);
    expect([pressed("Share screen"), call.screenOn, screen.getByTestId("own-video").dataset.mirrored]).toEqual(["true", true, undefined]);
    await room.user.click(button("Share screen"));
    await room.user.click(button("Camera"));
    await happens(() => undefined);
    expect([pressed("Camera"), call.cameraOn, screen.queryByTestId("own-video")]).toEqual(["false", false, null]);
  });

  test("the camera is not to be had: why is said, and the call goes on", async () => {
    const { room } = await talking();
    room.stage.devices.failing = { video: "NotReadableError" };
    await room.user.click(button("Camera"));
    await happens(() => undefined);
    expect(screen.getByRole("alert").textContent).toBe("The camera is in use by another program.");
    expect([pressed("Camera"), view().dataset.phase]).toEqual(["false", "connected"]);
    room.stage.devices.failing = {};
    await room.user.click(button("Camera"));
    await happens(() => undefined);
    expect([pressed("Camera"), screen.getByRole("alert").textContent]).toEqual(["true", ""]);
  });

  test("who chooses no screen is told nothing; where there is none to be had, there is no button", async () => {
    const { room, call } = await talking();
    room.stage.devices.failing = { screen: "NotAllowedError" };
    await room.user.click(button("Share screen"));
    await happens(() => undefined);
    expect([pressed("Share screen"), screen.getByRole("alert").textContent]).toEqual(["false", ""]);
    Reflect.deleteProperty(navigator, "mediaDevices");
    await happens(() => call.mute());
    expect(screen.queryByRole("button", { name: "Share screen" })).toBeNull();
  });

  test("a camera that is unplugged is missed, and said so", async () => {
    const { room } = await talking(VIDEO);
    const camera = room.stage.devices.given.flatMap((stream) => stream.getVideoTracks())[0];
    await happens(() => camera?.vanishes());
    expect([screen.getByRole("alert").textContent, pressed("Camera")]).toEqual(["A microphone or camera was unplugged.", "false"]);
  });

  test("microphone and camera are chosen, and the speaker where the browser can", async () => {
    const { chosen } = withSpeakers();
    const { room } = await talking(VIDEO);
    await room.user.click(button("Devices"));
    const choices = () => screen.getAllByRole<HTMLSelectElement>("combobox").map(({ value, labels }) => [labels[0]?.textContent, value]);
    expect(choices()).toEqual([["Microphone", "default"], ["Camera", "default"], ["Speaker", "default"]]);
    await room.user.selectOptions(screen.getByLabelText("Microphone"), "Headset");
    await room.user.selectOptions(screen.getByLabelText("Camera"), "Back camera");
    await room.user.selectOptions(screen.getByLabelText("Speaker"), "Device 2");
    await happens(() => undefined);
    expect(choices()).toEqual([["Microphone", "headset"], ["Camera", "back"], ["Speaker", "headset"]]);
    expect([...new Set(chosen)]).toEqual(["headset"]);
    expect(room.stage.devices.asked.slice(1)).toEqual([{ audio: { deviceId: { exact: "headset" } } }, { video: { deviceId: { exact: "back" } } }]);
  });

  test("the camera that was chosen is the one that comes back, for as long as it is there", async () => {
    const { room, call } = await talking(VIDEO);
    const camera = () => call.localStream?.getVideoTracks()[0]?.getSettings().deviceId;
    await room.user.click(button("Devices"));
    await room.user.selectOptions(screen.getByLabelText("Camera"), "Back camera");
    await room.user.click(button("Camera"));
    expect([pressed("Camera"), camera()]).toEqual(["false", undefined]);
    await room.user.click(button("Camera"));
    expect([pressed("Camera"), camera()]).toEqual(["true", "back"]);
    await room.user.click(button("Camera"));
    room.stage.devices.missing.add("back");
    await room.user.click(button("Camera"));
    expect([pressed("Camera"), camera(), screen.getByRole("alert").textContent]).toEqual(["true", "default", ""]);
  });

  test("a device that is plugged in is in the list; a camera that is off can't be chosen", async () => {
    const { room } = await talking(AUDIO);
    await room.user.click(button("Devices"));
    expect(screen.getAllByRole("combobox").map((choice) => choice.getAttribute("data-testid"))).toEqual(["microphone"]);
    devices.list = [...MICROPHONES, { kind: "audioinput", deviceId: "new", label: "New one" }];
    await happens(() => devices.fire("devicechange"));
    expect(screen.getAllByRole("option").map(({ textContent }) => textContent)).toEqual(["Built-in microphone", "Headset", "New one"]);
  });
});

describe("where it is put", () => {
  test("without a provider, in colours and with a class of the application's", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    render(<CallView call={call} theme="dark" className="mine" />);
    expect([view().dataset.theme, view().className, status()]).toEqual(["dark", "ringback-call mine", "Connected"]);
  });

  test("another call is another view: nothing of the last one is left in it", async () => {
    const room = await Room.open();
    const [first, second] = [await room.stage.talks(AUDIO), await room.stage.talks(AUDIO, "c2")];
    const { rerender } = render(<CallView call={first} />);
    await room.user.click(button("Devices"));
    expect(screen.queryByTestId("device-menu")).not.toBeNull();
    rerender(<CallView call={second} />);
    expect(screen.queryByTestId("device-menu")).toBeNull();
  });
});

describe("words", () => {
  test("are replaced one by one", async () => {
    const room = await Room.open();
    const call = await room.stage.rung("c1", AUDIO);
    room.shows(<CallView call={call} words={{ answer: "Annehmen", call: (user) => `Anruf mit ${user}`, rings: () => "ruft an" }} />);
    expect([buttons(), status()]).toEqual([["Decline", "Annehmen"], "ruft an"]);
    expect(screen.getByRole("region", { name: "Anruf mit bob" })).toBeTruthy();
  });
});
