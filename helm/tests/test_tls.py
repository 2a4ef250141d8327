"""That gateways which speak TLS by themselves are asked, and found, by TLS."""

import os
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

import policies
from chart import HELMS, TRIAL, gateways, given, objects, of_kind, settings
from test_render import problems_of
from test_settings import gateway

BOTH = [*TRIAL, "tls.clients.secretName=clients", "tls.admin.secretName=admin", "loadtest.enabled=true", "monitoring.podMonitor.enabled=true"]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def schemes(all_of_them):
    """By which the clients' port, the admin port and the admin Service are spoken to."""
    _, _, spec = gateways(all_of_them)
    probes = {spec["containers"][0][probe]["httpGet"]["scheme"].lower() for probe in PROBES}
    services = {port["targetPort"]: port["appProtocol"] for each in of_kind(all_of_them, "Service") for port in each["spec"]["ports"]}
    return services["clients"], services["admin"], *probes


class Tls(unittest.TestCase):
    def test_each_port_is_asked_as_it_speaks(self):
        for which in HELMS:
            for values, expected in ((TRIAL, ("http", "http", "http")), (BOTH, ("https", "https", "https")),
                                     (BOTH[:3], ("https", "http", "http"))):
                self.assertEqual(expected, schemes(objects(which, *given(values))), values)

    def test_kubernetes_takes_it_and_finds_all_that_is_referred_to(self):
        for which in HELMS:
            all_of_them = objects(which, *given(BOTH))
            for each in all_of_them:
                with self.subTest(f"{which}: {each['kind']} {each['metadata']['name']}"):
                    self.assertEqual([], problems_of(each))
            self.assertEqual([], list(policies.what_is_referred_to_exists(all_of_them)))
            (scraped,) = [each for each in of_kind(all_of_them, "PodMonitor") if "loadtest" not in each["metadata"]["name"]]
            self.assertEqual("https", scraped["spec"]["podMetricsEndpoints"][0]["scheme"])
            (job,) = of_kind(all_of_them, "Job")
            (call,) = of_kind(all_of_them, "Pod")
            for container in (job["spec"]["template"]["spec"]["containers"][0], call["spec"]["containers"][0]):
                self.assertTrue([word for word in container["args"] if word.startswith("--target=wss://")], container["args"])

    def test_a_gateway_takes_a_secret_of_kubernetes_as_it_is_mounted(self):
        all_of_them = objects("helm4", *given(BOTH))
        _, _, spec = gateways(all_of_them)
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
        mounts = {secrets[mount["name"]]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"] if mount["name"] in secrets}
        with tempfile.TemporaryDirectory() as folder:
            text = settings(all_of_them)
            for secret, path in mounts.items():
                here = pathlib.Path(folder) / secret
                here.mkdir()
                # As kubernetes.io/tls has them.
                new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=x"]
                subprocess.run([*new, "-keyout", here / "tls.key", "-out", here / "tls.crt"], check=True, capture_output=True)
                text = text.replace(f"{path}/", f"{here}/")
            self.assertEqual({"clients", "admin"}, set(mounts))
            config = pathlib.Path(folder) / "gateway.toml"
            config.write_text(text)
            self.assertTrue(tomllib.loads(text)["server"]["tls_cert"])
            done = subprocess.run([gateway(), "check-config"], env={"PATH": os.environ["PATH"], "RINGBACK_CONFIG": str(config)},
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(0, done.returncode, done.stderr)


if __name__ == "__main__":
    unittest.main()
