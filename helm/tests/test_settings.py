"""That gateways and the load tool, the programs themselves, take what the chart renders for them."""

import json
import os
import pathlib
import runpy
import subprocess
import tempfile
import tomllib
import unittest

from chart import CHART, EXAMPLES, HELMS, ROOT, TRIAL, gateways, given, objects, of_kind, settings

SMALL = CHART / "examples/small.yaml"


def program(name):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return os.environ.get(f"RINGBACK_{name.upper()}", target / f"debug/ringback-{name}")


def gateway():
    return program("gateway")


def schema_of_settings():
    """Of each section its keys' schemas."""
    whole = json.loads((CHART / "values.schema.json").read_text())
    return {section: its["properties"] for section, its in whole["properties"]["settings"]["properties"].items()}


class Settings(unittest.TestCase):
    def check_config(self, all_of_them):
        """A gateway's judgement of its pod's settings and environment, in which what is referred to is there."""
        _, _, spec = gateways(all_of_them)
        env = {"PATH": os.environ["PATH"]}
        for variable in spec["containers"][0]["env"]:
            secret = "whsec_" + "c2VzYW1l" * 4 if variable["name"].split("__")[0] in ("RINGBACK_WEBHOOKS", "RINGBACK_POLICY") else "0123456789abcdef" * 2
            known = "a-pod" if "fieldRef" in variable.get("valueFrom", {}) else secret
            env[variable["name"]] = variable.get("value", known)
        # The file that it names is in a pod alone, and a gateway does not start without it.
        env.pop("SSL_CERT_FILE", None)
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(settings(all_of_them))
            file.flush()
            return subprocess.run([gateway(), "check-config"], env=env | {"RINGBACK_CONFIG": file.name}, capture_output=True, text=True, timeout=20)

    def test_gateways_take_the_settings_of_all_examples(self):
        for example in EXAMPLES:
            done = self.check_config(objects("helm4", "-f", str(example)))
            self.assertEqual(0, done.returncode, f"{example.stem}: {done.stderr}")
            self.assertNotIn("0123456789abcdef", done.stdout)

    def test_gateways_take_every_setting_there_is_as_it_was_given(self):
        known = schema_of_settings()
        defaults = tomllib.loads(subprocess.run([gateway(), "--print-defaults"], capture_output=True, text=True, timeout=20).stdout)
        owned = runpy.run_path(str(ROOT / "scripts/chart"))["OWNED"]
        self.assertEqual({f"{section}.{key}" for section, keys in known.items() for key in keys} | owned,
                         {f"{section}.{key}" for section, keys in defaults.items() for key in keys})
        theirs = {section: {key: value for key, value in defaults[section].items() if key in keys} for section, keys in known.items()}
        for which in HELMS:
            all_of_them = objects(which, *given(TRIAL), "--set-json", f"settings={json.dumps(theirs)}")
            written = tomllib.loads(settings(all_of_them))
            for section, keys in theirs.items():
                for key, value in keys.items():
                    self.assertEqual((type(value), value), (type(written[section][key]), written[section][key]), f"{section}.{key}")
        self.assertEqual(0, (done := self.check_config(all_of_them)).returncode, done.stderr)

    def test_gateways_know_each_word_that_the_schema_has(self):
        chosen = [(f"{section}.{key}", word) for section, keys in schema_of_settings().items() for key, its in keys.items() for word in its.get("enum", [])]
        self.assertGreaterEqual(len(chosen), 8)
        for name, word in chosen:
            with self.subTest(f"{name}: {word}"):
                done = self.check_config(objects("helm4", "-f", str(SMALL), *given([f"settings.{name}={word}"])))
                self.assertEqual(0, done.returncode, done.stderr)
        words = schema_of_settings()["events"]["types"]["items"]["enum"]
        done = self.check_config(objects("helm4", "-f", str(SMALL), "--set-json", f"settings.events.types={json.dumps(words)}"))
        self.assertEqual(0, done.returncode, done.stderr)

    def test_a_gateway_that_would_not_start_is_noticed(self):
        done = self.check_config(objects("helm4", "-f", str(SMALL), *given(["settings.store.partitions=2000"])))
        self.assertNotEqual(0, done.returncode)
        self.assertIn("store.partitions", done.stderr)

    def test_gateways_can_listen_where_there_are_ipv6_addresses_alone(self):
        for which in HELMS:
            all_of_them = objects(which, *given([*TRIAL, "loadtest.enabled=true"]), "--set", "bindAddress=[::]")
            written = tomllib.loads(settings(all_of_them))
            self.assertEqual(("[::]:8080", "[::]:9090"), (written["server"]["listen"], written["admin"]["listen"]))
            self.assertEqual(0, (done := self.check_config(all_of_them)).returncode, done.stderr)
            (job,) = of_kind(all_of_them, "Job")
            self.assertIn("--metrics-listen=[::]:9464", job["spec"]["template"]["spec"]["containers"][0]["args"])

    def test_the_load_tool_takes_the_scenarios_of_examples(self):
        found = [each["data"]["scenario.toml"] for example in EXAMPLES for each in of_kind(objects("helm4", "-f", str(example)), "ConfigMap")
                 if "scenario.toml" in each["data"]]
        self.assertNotEqual([], found)
        for text in found:
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(text)
                file.flush()
                done = subprocess.run([program("loadtest"), "check", file.name], capture_output=True, text=True, timeout=20)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
