"""Programs that a trial on one machine is made of: started in the foreground, watched, and ended. For the scripts beside it."""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
START_SECONDS = 30
STOP_SECONDS = 15
RESTART_SECONDS = 3

# No proxy from the environment: everything is on loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """What went wrong, in words for the person at the terminal."""


class Part:
    """One program: how it is started, the process it is now, and its log in the folder."""

    def __init__(self, folder, name, command, env=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.env = {**os.environ, **{key: str(value) for key, value in (env or {}).items()}}
        self.log = folder / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self.process = None
        self.restart_at = None

    def start(self):
        # A session of its own: Ctrl-C at the terminal reaches the script alone, which ends the parts in order.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
            )
        self.restart_at = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def how_it_ended(self):
        code = self.process.returncode
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def die_with_parent():
    """Linux: should the script be killed outright, the kernel ends what it started."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def port_from_env(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Failed(f"{name}={text} is not a port")
    return int(text)


def found(name):
    """The path of a program, if it is installed; Debian keeps some in /usr/sbin, scripts/setup others in .run/tools."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + f":/usr/sbin:{ROOT}/.run/tools/bin")


def program(name, package=None):
    path = found(name)
    if path is None:
        raise Failed(f"{name} is not installed: `scripts/setup {package or name}` installs it, or says how")
    return path


def built(name, variable):
    """A program of ours: the one that the environment names, or the one that `make build` made."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    path = ROOT / (os.environ.get(variable) or target / "debug" / name)
    if not os.access(path, os.X_OK):
        raise Failed(f"there is no {name} at {path}: `make build` makes it")
    return path


def require_free(ports):
    """`ports`: each with the environment variable that moves it."""
    seen = {}
    for port, variable in ports:
        if port > 65535:
            raise Failed(f"{variable} leads to port {port}, which does not exist")
        if port in seen:
            raise Failed(f"{variable} and {seen[port]} both want port {port}")
        seen[port] = variable
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise Failed(
                    f"port {port} can't be used ({error.strerror}): end what listens there, or set {variable}"
                ) from error


def start(parts, is_ready, what):
    """Starts them, and waits until `is_ready(part)` holds for each; a part that ends meanwhile has failed."""
    for part in parts:
        part.start()
    deadline = time.monotonic() + START_SECONDS
    waiting = list(parts)
    while waiting:
        waiting = [part for part in waiting if not is_ready(part)]
        for part in waiting:
            if not part.alive():
                raise Failed(f"{part.name} {part.how_it_ended()} before it was {what}{tail(part)}")
            if time.monotonic() > deadline:
                raise Failed(f"{part.name} was not {what} within {START_SECONDS} s{tail(part)}")
        time.sleep(0.05 if waiting else 0)


def tail(part):
    lines = part.log.read_text(errors="replace").splitlines()[-15:]
    return f"; {part.log.relative_to(ROOT)} ends:\n" + "\n".join(f"    {line}" for line in lines)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def answers_ok(url):
    try:
        with DIRECT.open(url, timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def stop(parts):
    """SIGTERM to all of them, and SIGKILL to those that have not ended in time."""
    running = [part for part in parts if part.alive()]
    for part in running:
        part.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for part in running:
        try:
            part.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{part.name} did not end within {STOP_SECONDS} s: killed")
            part.process.kill()
            part.process.wait()


def stop_for_good(*groups):
    """One group after the other. From here on a second Ctrl-C must not leave anything behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if any(part.alive() for group in groups for part in group):
        say("\nstopping")
    for group in groups:
        stop(group)


def watch(parts):
    """Until Ctrl-C: starts again what has died."""
    while True:
        now = time.monotonic()
        for part in parts:
            if part.alive():
                continue
            if part.restart_at is None:
                log = part.log.relative_to(ROOT)
                say(f"{part.name} {part.how_it_ended()}: starting it again in {RESTART_SECONDS} s ({log})")
                part.restart_at = now + RESTART_SECONDS
            elif now >= part.restart_at:
                part.start()
                say(f"{part.name} is started again, pid {part.process.pid}")
        time.sleep(0.2)


def say(line):
    print(line, flush=True)


def interrupt(*_):
    raise KeyboardInterrupt


def run(name, main):
    """Runs a script's `main`, until Ctrl-C or to its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        main()
    except KeyboardInterrupt:
        pass
    except Failed as failure:
        sys.exit(f"{name}: {failure}")


# What both `make cluster` and `make stack` have.


def redis_part(folder, name, port, *more):
    data = folder / name
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    command = [program("redis-server", "redis"), ROOT / "deploy/redis/redis.conf", "--bind", HOST, "--port", port]
    return Part(folder, name, [*command, "--dir", data, *more])


def gateway_parts(folder, client_ports, admin_ports, url, env):
    """Gateways on one store, with this environment beside their names and addresses."""
    binary = built("ringback-gateway", "GATEWAY_BIN")
    return [
        Part(
            folder,
            f"gw-{number}",
            [binary],
            {
                # Short, so that Ctrl-C is: nobody's calls depend on this cluster.
                "RINGBACK_DRAIN__WINDOW_MS": os.environ.get("RINGBACK_DRAIN__WINDOW_MS", "1000"),
                "RINGBACK_NODE__ID": f"gw-{number}",
                "RINGBACK_SERVER__LISTEN": f"{HOST}:{client_port}",
                "RINGBACK_ADMIN__LISTEN": f"{HOST}:{admin_port}",
                "RINGBACK_STORE__URL": url,
                **env,
            },
        )
        for number, (client_port, admin_port) in enumerate(zip(client_ports, admin_ports), start=1)
    ]


def haproxy_part(folder, port, client_ports, admin_ports):
    env = {"LISTEN": f"{HOST}:{port}"}
    for number, (client_port, admin_port) in enumerate(zip(client_ports, admin_ports), start=1):
        env[f"GATEWAY_{number}"] = f"{HOST}:{client_port}"
        env[f"GATEWAY_{number}_ADMIN"] = str(admin_port)
    return Part(folder, "haproxy", [program("haproxy"), "-db", "-f", ROOT / "deploy/haproxy/haproxy.cfg"], env)


def start_gateways(gateways, admin_ports):
    admin_of = dict(zip(gateways, admin_ports))
    start(gateways, lambda part: answers_ok(f"http://{HOST}:{admin_of[part]}/readyz"), "ready")


def say_where_gateways_are(haproxy, port, gateways, client_ports, admin_ports):
    say(f"\nclients   http://{HOST}:{port}   (HAProxy, pid {haproxy.process.pid})")
    for gateway, client_port, admin_port in zip(gateways, client_ports, admin_ports):
        admin = f"http://{HOST}:{admin_port}"
        say(f"{gateway.name}      http://{HOST}:{client_port}   admin {admin}   (pid {gateway.process.pid})")
