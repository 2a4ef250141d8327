"""That the bundled Redis starts as the chart has it, whatever its password is."""

import os
import pathlib
import socket
import subprocess
import tempfile
import time
import tomllib
import unittest

from chart import TRIAL, objects, of_kind, settings

# All that a shell and a configuration file have their own ideas of.
PASSWORD = """a "word" of 'many' $HOME `marks` \\n %s #"""
PATIENCE = 20


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


class Bundled(unittest.TestCase):
    def started(self, *values, env):
        """The container's own command, on a port and in folders of ours; and its readiness probe, once it is content."""
        (each,) = of_kind(objects("helm4", *[word for value in (*TRIAL, *values) for word in ("--set", value)]), "StatefulSet")
        (container,) = each["spec"]["template"]["spec"]["containers"]
        folder, port = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())), free_port()
        (folder / "conf").mkdir()
        (folder / "data").mkdir()

        def here(command):
            for theirs, ours in (("/conf", f"{folder}/conf"), ("/data", f"{folder}/data"), ("redis-cli", f"redis-cli -p {port}"),
                                 ("--appendonly", f"--port {port} --bind 127.0.0.1 --appendonly")):
                command = [word.replace(theirs, ours) for word in command]
            return command

        env = {"PATH": os.environ["PATH"], **env}
        log = self.enterContext((folder / "log").open("w"))
        server = subprocess.Popen(here(container["command"]), env=env, stdout=log, stderr=log)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        probe = here(container["readinessProbe"]["exec"]["command"])
        until = time.monotonic() + PATIENCE
        while subprocess.run(probe, env=env, capture_output=True, timeout=PATIENCE).returncode != 0:
            self.assertIsNone(server.poll(), (folder / "log").read_text())
            self.assertLess(time.monotonic(), until, "the probe is not content")
            time.sleep(0.05)
        return port

    def asked(self, port, *words, user=None, password=None):
        env = os.environ | ({"REDISCLI_AUTH": password} if password else {})
        who = ["--user", user] if user else []
        done = subprocess.run(["redis-cli", *who, "-p", port, *words], env=env, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.split()

    def test_it_asks_for_its_password_whatever_that_is(self):
        port = self.started(env={"RINGBACK_STORE__PASSWORD": PASSWORD})
        self.assertEqual(["PONG"], self.asked(port, "ping", user="ringback", password=PASSWORD))
        self.assertEqual("NOAUTH", self.asked(port, "ping")[0])
        self.assertEqual("NOAUTH", self.asked(port, "ping", password=PASSWORD)[0], "as nobody in particular")

    def test_each_may_do_what_it_needs_and_no_more(self):
        port = self.started(env={"RINGBACK_STORE__PASSWORD": PASSWORD})
        for user, command, may in (("ringback", "set rb1:{p1}:x 1", True), ("ringback", "get rbload:{x}:start", False),
                                   ("ringback", "keys *", False), ("ringback", "config get save", False),
                                   ("loadtest", "incr rbload:{x}:joined", True), ("loadtest", "get rb1:{p1}:x", False)):
            said = self.asked(port, *command.split(), user=user, password=PASSWORD)
            with self.subTest(f"{user}: {command}"):
                self.assertEqual(may, said[0] != "NOPERM", said)

    def test_pods_know_who_they_are(self):
        for given, gateway in (([], None), (["redis.password=sesame"], "ringback"), (["redis.passwordSecret.name=s"], "ringback")):
            words = [word for value in (*TRIAL, *given) for word in ("--set", value)]
            store = tomllib.loads(settings(objects("helm4", *words)))["store"]
            self.assertEqual(gateway, store.get("username"), given)

    def test_it_keeps_what_it_has_and_lets_pods_in(self):
        port = self.started("redis.bundled.maxmemory=64mb", env={})
        for name, value in (("maxmemory-policy", "noeviction"), ("maxmemory", str(64 << 20)), ("appendonly", "yes"), ("protected-mode", "no")):
            self.assertEqual([name, value], self.asked(port, "config", "get", name))


if __name__ == "__main__":
    unittest.main()
