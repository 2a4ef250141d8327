import { describe, expect, test } from "vitest";
import type { Call, RingbackError } from "../src/index.ts";
import type { FakeStream, FakeTrack } from "./support/fake-media.ts";
import { AUDIO, Stage, VIDEO } from "./support/stage.ts";
import { settle } from "./support/virtual-timers.ts";

/** What the peer gets of this kind. */
function sent(stage: Stage, kind: string): FakeTrack | null | undefined {
  return stage.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind)?.sender.track;
}

const given = (stage: Stage, index: number) => (stage.devices.given[index] as FakeStream).getTracks()[0] as FakeTrack;
const shown = (call: Call) => call.localStream?.getTracks() as unknown as FakeTrack[];

describe("the screen", () => {
  test("takes the camera's place with no new offer, and gives it back", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    const camera = sent(stage, "video");
    await call.shareScreen(true);
    expect([call.screenOn, call.cameraOn, sent(stage, "video")]).toEqual([true, true, given(stage, 1)]);
    expect(shown(call)).toEqual([sent(stage, "audio"), given(stage, 1)]);
    await call.shareScreen(false);
    expect([call.screenOn, sent(stage, "video"), given(stage, 1).readyState]).toEqual([false, camera, "ended"]);
    await settle();
    expect(stage.count("webrtc:offer")).toBe(1);
  });

  test("of an audio call is offered", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    await call.shareScreen(true);
    expect((await stage.acks("webrtc:offer")).sdp).toMatch(/audio video$/);
    await stage.tells("c1", { type: "webrtc:answer", sdp: "answer audio video" });
    // The camera waits behind it.
    await call.camera(true);
    await settle();
    expect([call.cameraOn, sent(stage, "video"), stage.count("webrtc:offer")]).toEqual([true, given(stage, 1), 2]);
    await call.camera(false);
    expect([call.cameraOn, sent(stage, "video")]).toEqual([false, given(stage, 1)]);
  });

  test("is gone when the person ends it in the browser's own controls, which is no trouble", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    const trouble: RingbackError[] = [];
    call.on("trouble", (error) => trouble.push(error));
    const camera = sent(stage, "video");
    await call.shareScreen(true);
    given(stage, 1).vanishes();
    await settle();
    expect([call.screenOn, sent(stage, "video"), trouble]).toEqual([false, camera, []]);
    expect(shown(call)).toContain(camera);
  });

  test("refused, nothing changes", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    stage.devices.failing = { screen: "NotAllowedError" };
    await expect(call.shareScreen(true)).rejects.toMatchObject({ code: "permission_denied" });
    expect([call.screenOn, call.cameraOn, call.state]).toEqual([false, true, "connected"]);
  });
});

describe("another device", () => {
  test("is taken without a word to the peer, and the one before is let go of", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    const [microphone, camera] = [sent(stage, "audio"), sent(stage, "video")];
    await call.useMicrophone("headset");
    await call.useCamera("back");
    expect(stage.devices.asked.slice(1)).toEqual([{ audio: { deviceId: { exact: "headset" } } }, { video: { deviceId: { exact: "back" } } }]);
    expect([microphone?.readyState, camera?.readyState, stage.devices.live, stage.count("webrtc:offer")]).toEqual(["ended", "ended", 2, 1]);
    expect(shown(call)).toEqual([given(stage, 1), given(stage, 2)]);
    expect(stage.pc.sending).toEqual(["audio", "video"]);
  });

  test("is muted if the one before was", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    call.mute();
    await call.useMicrophone("headset");
    expect([call.muted, sent(stage, "audio")?.enabled]).toEqual([true, false]);
  });

  test("that is not there leaves the one in use", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    stage.devices.failing = { audio: "OverconstrainedError" };
    await expect(call.useMicrophone("gone")).rejects.toMatchObject({ code: "device_not_found" });
    expect(sent(stage, "audio")?.readyState).toBe("live");
  });

  test("on a phone that has one camera at a time", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    const front = sent(stage, "video");
    stage.devices.busyUnless(() => front?.readyState === "ended");
    await call.useCamera("back");
    expect([front?.readyState, sent(stage, "video")?.readyState, stage.devices.live]).toEqual(["ended", "live", 2]);
  });
});

describe("a device that is unplugged", () => {
  test("is followed by the next microphone", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    const trouble: RingbackError[] = [];
    call.on("trouble", (error) => trouble.push(error));
    sent(stage, "audio")?.vanishes();
    await settle();
    expect([sent(stage, "audio")?.readyState, trouble, stage.devices.live]).toEqual(["live", [], 1]);
  });

  test("and no other is there: the call goes on, and the person is told", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(VIDEO);
    const trouble: RingbackError[] = [];
    call.on("trouble", (error) => trouble.push(error));
    stage.devices.failing = { audio: "NotFoundError" };
    sent(stage, "audio")?.vanishes();
    sent(stage, "video")?.vanishes();
    await settle();
    expect([trouble, call.state, call.cameraOn]).toMatchObject([[{ code: "device_lost" }, { code: "device_lost" }], "connected", false]);
    expect(stage.pc.sending).toEqual([]);
  });

  test("after the call is no news", async () => {
    const stage = await Stage.online();
    const call = await stage.talks(AUDIO);
    const microphone = sent(stage, "audio");
    void call.end();
    expect(microphone?.listening).toBe(0);
  });
});

test("the devices are asked for as the application wants them", async () => {
  const constraints = { audio: { noiseSuppression: false }, video: { width: 640 } };
  const stage = await Stage.online({ constraints });
  const call = await stage.talks(VIDEO);
  await call.useCamera("back");
  expect(stage.devices.asked).toEqual([constraints, { video: { width: 640, deviceId: { exact: "back" } } }]);
});

test("the application's own servers come first", async () => {
  const own = { urls: "turn:own.example.org", username: "u", credential: "c" };
  const stage = await Stage.online({ configuration: { iceServers: [own], iceTransportPolicy: "relay" } });
  await stage.calls(AUDIO);
  expect(stage.pc.configuration).toEqual({ iceServers: [own, { urls: ["stun:stun.example.org:3478"] }], iceTransportPolicy: "relay" });
});

test("ICE is restarted with the servers that the gateway named last", async () => {
  const stage = await Stage.online();
  await stage.talks(AUDIO);
  const servers = [{ urls: ["turn:turn.example.org"], username: "1790000000:alice", credential: "new" }];
  await stage.comesBack({ resumed: true, ice_servers: servers });
  expect(stage.pc.configuration.iceServers).not.toEqual(servers);
  stage.pc.becomes("failed");
  await settle();
  expect([stage.pc.configuration.iceServers, stage.asked("webrtc:offer").sdp]).toEqual([servers, expect.stringMatching(/restart/)]);
});

test("a fresh token brings servers with fresh credentials", async () => {
  const stage = await Stage.online({ token: () => "t" }, { token_expires_at: 1_790_000_040_000 });
  const servers = [{ urls: ["turn:turn.example.org"], username: "1790086400:u", credential: "new" }];
  await stage.timers.pass(86_400_000);
  await stage.acks("token", { ice_servers: servers });
  await stage.calls(AUDIO);
  expect(stage.pc.configuration.iceServers).toEqual(servers);
});
