"""The stack of docker-compose.yml, brought up by podman-compose in the store of scripts/podman. For the scripts beside it."""

import base64
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PODMAN = str(ROOT / "scripts/podman")
TOOLS = ROOT / ".run/tools/containers"
PROJECT = "ringback-check"
GATEWAYS = {"gw-1": 9091, "gw-2": 9092, "gw-3": 9093}
# Short, so that the check is; the gateway's own default is 30 s.
DRAIN_MS = 6_000
SETTINGS = {"DRAIN_WINDOW_MS": str(DRAIN_MS)}
# No proxy from the environment: everything is on loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """What was not as it should be."""


def expect(holds, what):
    if not holds:
        raise Failed(what)


def until(holds, what, seconds=30, every=0.1):
    """Waits for it; what it gives, when that is something."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        expect(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(every)
    return found


def run(*command, check=True, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, **more)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(command[:9])} ended with {done.returncode}:\n{tail(done.stdout + done.stderr)}")
    return done


def tail(text, lines=30):
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def podman(*words, **more):
    return run(PODMAN, *words, **more).stdout.strip()


def ask(port, path, timeout=2):
    """Status and text of an answer; no status when there is none."""
    try:
        with DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return None, str(error)


def skipped():
    """Why no containers can be run here, if so."""
    if os.getuid() != 0:
        return "it needs root"
    if not shutil.which("dpkg-query") or not pathlib.Path("/usr/bin/podman").exists():
        return "it needs podman on Debian: scripts/setup containers"
    if run("unshare", "--mount", "--net", "true", check=False).returncode != 0:
        return "no namespaces here"
    if run(PODMAN, "info", check=False).returncode != 0:
        return "podman does not work here: scripts/podman info"
    return None


class Stack:
    """Containers of the compose file, of which some are up."""

    def __init__(self, env_file=None):
        self.loads = []
        self.command = [sys.executable, "-B", str(TOOLS / "podman_compose.py"), "--podman-path", PODMAN, "--project-name", PROJECT]
        if env_file:
            self.command += ["--env-file", str(ROOT / env_file)]
        self.env = os.environ | SETTINGS

    def compose(self, *words, **more):
        return run(*self.command, *words, env=self.env, **more)

    def __enter__(self):
        # What a run that was killed has left.
        self.compose("down", "--volumes", "--timeout", "0", check=False)
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.clear_away()
        else:
            self.down()

    def clear_away(self):
        """After a failure, which is what is to be told of."""
        for gateway in GATEWAYS:
            print(self.logs(gateway), file=sys.stderr)
        for load in self.loads:
            load.kill()
            load.wait()
        for container in self.ours():
            run(PODMAN, "rm", "--force", "--time", "0", container, check=False)
        self.compose("down", "--volumes", "--timeout", "0", check=False)

    def ours(self):
        return podman("ps", "--all", "--quiet", "--filter", f"label=io.podman.compose.project={PROJECT}").split()

    def up(self, *services):
        done = self.compose("up", "--detach", "--no-build", *services)
        for service in services:
            if run(PODMAN, "container", "exists", self.container(service), check=False).returncode != 0:
                raise Failed(f"{service} did not start:\n{tail(done.stderr)}")

    def stop(self, *gateways):
        """Tells them to stop: they have to end by themselves, in time. How long it took."""
        begun = time.monotonic()
        self.compose("stop", *gateways)
        took = time.monotonic() - begun
        for gateway in gateways:
            state = self.state(gateway)
            ended = state["Status"] == "exited" and state["ExitCode"] == 0
            expect(ended, f"{gateway} was told to stop: {state['Status']}, {state['ExitCode']}\n{self.logs(gateway)}")
        expect(took < DRAIN_MS / 1000 + 15, f"{', '.join(gateways)} took {took:.0f} s to stop")
        return took

    def down(self):
        self.stop(*GATEWAYS)
        self.compose("down", "--volumes", "--timeout", "30")
        left = self.ours() + podman("network", "ls", "--quiet", "--filter", f"name={PROJECT}").split()
        expect(not left, f"left after `down`: {left}")

    def container(self, service):
        return f"{PROJECT}_{service}_1"

    def inspect(self, service):
        return json.loads(podman("inspect", "--type", "container", self.container(service)))[0]

    def state(self, service):
        return self.inspect(service)["State"]

    def logs(self, service):
        done = run(PODMAN, "logs", "--tail", "30", self.container(service), check=False)
        return f"{service} says last:\n{tail(done.stdout + done.stderr)}"

    def ready(self, *gateways, seconds=30):
        for gateway in gateways:
            until(lambda: ask(GATEWAYS[gateway], "/readyz")[0] == 200, f"{gateway} is ready", seconds)

    def connections(self, gateway):
        status, text = ask(GATEWAYS[gateway], "/healthz")
        return json.loads(text)["connections"] if status == 200 else 0

    def calls(self, gateway):
        """Calls that are connected, of users who are at this gateway."""
        found = re.search(r'^ringback_calls\{state="connected"\} (\d+)', ask(GATEWAYS[gateway], "/metrics")[1], re.MULTILINE)
        return int(found[1]) if found else 0

    def load(self, scenario, mounted=None):
        """The load tool of the compose file, under way: a process, which ends with the tool's exit code."""
        mount = ["--volume", f"{mounted}:/etc/ringback/scenarios/{scenario}.toml:ro"] if mounted else []
        load = subprocess.Popen(
            [*self.command, "--profile", "load", "run", "--rm", "-T", *mount, "loadtest"],
            env=self.env | {"SCENARIO": scenario}, cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.loads.append(load)
        return load


def passed(load, what, seconds=120):
    """Waits for the load tool: nothing was lost and no call failed, or it says what."""
    try:
        output, _ = load.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{what}: the load tool does not end") from None
    expect(load.returncode == 0, f"{what}: the load tool ended with {load.returncode}:\n{tail(output, 60)}")
    calls = re.search(r"^\s*calls\s+(\d+)", output, re.MULTILINE)
    expect(calls and int(calls[1]) > 0, f"{what}: no call was made:\n{tail(output)}")
    return int(calls[1])


def hello(port, user):
    """What a gateway answers to a client's first frame."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        stream = client.makefile("rwb")
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        stream.write(
            f"GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        frame = json.dumps({"type": "hello", "id": 1, "token": user}).encode()
        # A text frame, shorter than 126 bytes, with a mask of zeros.
        stream.write(bytes([0x81, 0x80 | len(frame)]) + bytes(4) + frame)
        stream.flush()
        expect(b" 101 " in stream.readline(), "the load balancer does not upgrade to a WebSocket")
        while stream.readline().strip():
            pass
        size = stream.read(2)[1]
        if size == 126:
            (size,) = struct.unpack(">H", stream.read(2))
        return json.loads(stream.read(size))
