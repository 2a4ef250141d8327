"""A Redis and gateways for one measurement, on free ports, and calls between them. For the scripts beside it."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request

SECRET = "a secret for measurements on this machine alone"
# How long what was started may take to end, in seconds. One that is slowed down by what measures it takes its time.
ENDING = 60


def free_ports(count):
    """Below those that the kernel gives to outgoing connections: the load tool's would take them."""
    found = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


def ask(port, path, timeout=60):
    """What an admin port answers. One whose gateway is slowed down by what measures it takes its time."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
        return answer.read().decode()


def settings(**ours):
    """The environment of a gateway that is measured: no setting of the shell's is among it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return others | {f"RINGBACK_{name}": value for name, value in ours.items()}


def end(processes):
    """Asks all of them to end, the last first, and kills who does not."""
    for process in reversed(processes):
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            print(f"{process.args[0]} did not end within {ENDING} s and is killed", file=sys.stderr)
            process.kill()
            process.wait()


def wait_until_ready(port, process):
    for _ in range(600):
        with contextlib.suppress(OSError):
            ask(port, "/readyz", timeout=5)
            return
        if process.poll() is not None:
            sys.exit(f"a gateway ended with exit code {process.returncode}")
        time.sleep(0.1)
    sys.exit("a gateway is not ready after a minute")


class Stand:
    """Gateways that are ready; the first is the one that is measured."""

    def __init__(self, pid, admin, load):
        self.pid, self.admin, self._load = pid, admin, load

    def load(self, folder, scenario):
        """The command that runs a scenario on them."""
        path = folder / "scenario.toml"
        path.write_text(scenario)
        return [self._load[0], "run", str(path), *self._load[1:]]


@contextlib.contextmanager
def gateways(folder, count, before=()):
    """So many of them, which end with the block. `before` is put before the command of the first."""
    target = pathlib.Path(os.environ.get("TARGET", "target/dist"))
    redis_port, *ports = free_ports(1 + 2 * count)
    listens, admins = ports[:count], ports[count:]
    started = []
    try:
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), "--save", "", "--appendonly", "no"]
        started.append(subprocess.Popen(redis, stdout=subprocess.DEVNULL))
        for number, (listen, admin) in enumerate(zip(listens, admins)):
            environment = settings(
                SERVER__LISTEN=f"127.0.0.1:{listen}",
                ADMIN__LISTEN=f"127.0.0.1:{admin}",
                NODE__ID=f"gateway-{number}",
                STORE__URL=f"redis://127.0.0.1:{redis_port}",
                AUTH__HS256_SECRET=SECRET,
            )
            command = [*(before if number == 0 else ()), str(target / "ringback-gateway")]
            with (folder / f"gateway-{number}.log").open("w") as log:
                started.append(subprocess.Popen(command, env=environment, stderr=log))
            wait_until_ready(admin, started[-1])
        load = [str(target / "ringback-loadtest"), "--hs256-secret", SECRET]
        load += [word for port in listens for word in ("--target", f"ws://127.0.0.1:{port}/v1/ws")]
        yield Stand(started[1].pid, admins[0], load)
    finally:
        end(started)
