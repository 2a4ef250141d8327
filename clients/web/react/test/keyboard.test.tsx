// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import { CallView } from "../src/index.ts";
import { FakeMediaDevices, MICROPHONES } from "./support/fake-media-devices.ts";
import { AUDIO, BOB, Room, VIDEO, button, happens, pressed, screen } from "./support/room.tsx";

beforeEach(() => {
  FakeMediaDevices.install().list = [...MICROPHONES];
});

const focused = () => document.activeElement?.getAttribute("data-testid");

describe("with the keyboard alone", () => {
  test("a call is answered, muted and hung up, and the focus never gets lost", async () => {
    const room = await Room.open();
    const call = await room.stage.rung("c1", VIDEO);
    room.shows(<CallView call={call} autoFocus />);
    expect(focused(), "it is where reading begins, and not on a button").toBe("call-view");
    await room.user.keyboard("{Enter} ");
    expect(call.answering).toBe(false);
    await room.user.tab();
    expect(focused()).toBe("decline");
    await room.user.tab();
    await room.user.keyboard("{Enter}");
    expect([call.answering, focused()], "the button that had it is gone").toEqual([true, "call-view"]);
    await room.user.tab();
    await room.user.keyboard(" ");
    expect([focused(), pressed("Mute")]).toEqual(["mute", "true"]);
    for (const next of ["camera", "screen", "devices", "hangup"]) {
      await room.user.tab();
      expect(focused()).toBe(next);
    }
    await room.user.keyboard("{Enter}");
    expect([call.state, focused()]).toEqual(["ended", "call-view"]);
  });

  test("the focus stays on a switch while what it asks for is waited for", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    let allow = () => {};
    room.stage.devices.hesitation = new Promise((done) => (allow = done));
    room.shows(<CallView call={call} />);
    button("Camera").focus();
    await room.user.keyboard("{Enter}{Enter}");
    expect([focused(), button("Camera").getAttribute("aria-disabled"), room.stage.devices.asked.length]).toEqual(["camera", "true", 2]);
    await happens(() => allow());
    expect([focused(), pressed("Camera"), button("Camera").getAttribute("aria-disabled")]).toEqual(["camera", "true", null]);
  });

  test("the choice of devices opens, and closes with Escape, with the focus on its button", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    room.shows(<CallView call={call} />);
    button("Devices").focus();
    await room.user.keyboard("{Enter}");
    expect([button("Devices").getAttribute("aria-expanded"), screen.getByRole("group", { name: "Devices" }).id]).toEqual([
      "true",
      button("Devices").getAttribute("aria-controls"),
    ]);
    await room.user.tab();
    expect(focused()).toBe("microphone");
    await room.user.keyboard("{Escape}");
    expect([focused(), screen.queryByTestId("device-menu"), button("Devices").getAttribute("aria-expanded")]).toEqual(["devices", null, "false"]);
    await room.user.keyboard("{Enter}");
    await room.user.click(document.body);
    expect(screen.queryByTestId("device-menu")).toBeNull();
  });

  test("a view that did not have the focus does not take it", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    room.shows(
      <>
        <input data-testid="elsewhere" />
        <CallView call={call} />
      </>,
    );
    button("Mute").focus();
    screen.getByTestId("elsewhere").focus();
    await happens(() => room.stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB }));
    expect(focused()).toBe("elsewhere");
  });

  test("the call ends under the hand of a person: the view has the focus", async () => {
    const room = await Room.open();
    const call = await room.stage.talks(AUDIO);
    room.shows(<CallView call={call} />);
    button("Mute").focus();
    await happens(() => room.stage.tells("c1", { type: "call:ended", reason: "hangup", by: BOB }));
    expect(focused()).toBe("call-view");
  });
});
