"""That both Helms render the chart, alike, and that Kubernetes would take what comes of it."""

import copy
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema
import kubernetes_validate
import yaml

import schemas
from chart import CHART, EXAMPLES, HELMS, RELEASE, ROOT, TRIAL, given, helm, loaded, objects, of_kind, renderings, template

# The oldest there may be, one between, and the newest there are types of.
VERSIONS = ("1.30", "1.34", "1.37")


def problems_of(each):
    """What Kubernetes, or who defined the kind, would not take of an object."""
    if each["kind"] in schemas.KINDS:
        return [error.message for error in jsonschema.Draft202012Validator(schemas.KINDS[each["kind"]]).iter_errors(each)]
    problems = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(f"{version}: {error.message} at {'.'.join(map(str, error.path))}")
    return problems


class Rendering(unittest.TestCase):
    def test_lint_finds_nothing(self):
        for which in HELMS:
            for example in EXAMPLES:
                done = helm(which, "lint", "--strict", CHART, "-f", example)
                self.assertEqual(0, done.returncode, f"{which} {example.stem}: {done.stdout}{done.stderr}")

    def test_both_helms_make_the_same_of_it(self):
        for example in EXAMPLES:
            both = [sorted(map(str, objects(which, "-f", str(example)))) for which in HELMS]
            self.assertEqual(*both, example.stem)

    def test_kubernetes_takes_it(self):
        kinds = set()
        for name, all_of_them in renderings():
            for each in all_of_them:
                kinds.add(each["kind"])
                with self.subTest(f"{name}: {each['kind']} {each['metadata']['name']}"):
                    self.assertEqual([], problems_of(each))
        self.assertLessEqual({"Deployment", "StatefulSet", "Job", "HorizontalPodAutoscaler", "NetworkPolicy", "PodMonitor", "ServiceMonitor",
                              "PrometheusRule", "HTTPRoute", "Ingress"}, kinds, "the examples show all there is")

    def test_what_kubernetes_would_not_take_is_noticed(self):
        large = copy.deepcopy(objects("helm4", "-f", str(CHART / "examples/large.yaml")))
        for each in large:
            each["spec" if "spec" in each else "metadata"]["oops"] = 1
            self.assertNotEqual([], problems_of(each), each["kind"])

    def test_older_kubernetes_is_refused(self):
        for which in HELMS:
            done = template(which, *given(TRIAL), "--kube-version", "1.29")
            self.assertNotEqual(0, done.returncode)
            self.assertIn("1.30", done.stderr)

    def test_it_is_the_same_on_each_kubernetes_with_all_kinds_and_in_an_upgrade(self):
        kinds = ["--api-versions", "monitoring.coreos.com/v1", "--api-versions", "gateway.networking.k8s.io/v1"]
        large = ("-f", str(CHART / "examples/large.yaml"))
        for which in HELMS:
            for words in (*(("--kube-version", version) for version in VERSIONS), kinds, ["--is-upgrade"]):
                self.assertEqual(objects(which, *large), objects(which, *large, *words), f"{which} {words}")

    def test_what_never_may_change_does_not(self):
        """Kubernetes refuses other selectors, and another claim, of what is there."""
        def fixed(*words):
            parts = of_kind(objects("helm4", *words), "Deployment") + of_kind(objects("helm4", *words), "StatefulSet")
            return [(part["metadata"]["name"], part["spec"]["selector"], part["spec"].get("serviceName")) for part in parts]
        another = ["commonLabels.team=voice", "podLabels.tier=front", "image.tag=9.9.9", "replicaCount=9", "settings.drain.window_ms=1"]
        self.assertEqual(fixed(*given(TRIAL)), fixed(*given(TRIAL), *given(another)))

    def test_a_packed_chart_has_all_of_it(self):
        large = str(CHART / "examples/large.yaml")
        for which in HELMS:
            with tempfile.TemporaryDirectory() as folder:
                done = helm(which, "package", CHART, "--destination", folder)
                self.assertEqual(0, done.returncode, done.stderr)
                (packed,) = pathlib.Path(folder).glob("*.tgz")
                self.assertEqual(objects(which, "-f", large), loaded(helm(which, "template", RELEASE, packed, "-f", large).stdout))

    def test_one_is_told_what_to_do_next(self):
        """Helm 4 says so without a cluster."""
        gateway_api = ["httpRoute.enabled=true", 'httpRoute.parentRefs=[{"name":"public"}]']
        for values, said in (([], "ANYBODY CAN BE ANYBODY"), ([], "port-forward service/story-ringback 8080:80"),
                             (["ingress.enabled=true", 'ingress.hosts=["a.example.org"]'], "  ws://a.example.org/v1/ws"),
                             (gateway_api, "describe httproute/story-ringback"), (["service.type=LoadBalancer"], "--watch"),
                             ([*gateway_api, 'httpRoute.hostnames=["b.example.org"]'], "  wss://b.example.org/v1/ws"),
                             (["service.type=NodePort"], "a node's port"), (["loadtest.enabled=true"], "job/story-ringback-loadtest-1")):
            done = helm("helm4", "install", RELEASE, CHART, "--dry-run=client", "-n", "voice", *given(TRIAL), *given(values))
            notes = done.stdout.partition("NOTES:")[2]
            self.assertIn(said, notes, done.stderr)
            self.assertIn("helm test -n voice story", notes)
            self.assertNotIn("<no value>", notes)

    def test_a_label_of_yours_is_rendered_once(self):
        labels = ["commonLabels.team=all", "podLabels.team=pods", "monitoring.podMonitor.enabled=true", "monitoring.podMonitor.labels.team=watch",
                  "monitoring.dashboards.enabled=true", "monitoring.dashboards.labels.team=drawn"]
        for which in HELMS:
            all_of_them = objects(which, *given(TRIAL), *given(labels))
            for kind, team in (("PodMonitor", "watch"), ("Service", "all")):
                self.assertEqual({team}, {each["metadata"]["labels"]["team"] for each in of_kind(all_of_them, kind)})
            (deployment,) = of_kind(all_of_them, "Deployment")
            self.assertEqual("pods", deployment["spec"]["template"]["metadata"]["labels"]["team"])

    def test_names_can_be_chosen(self):
        for values in (["fullnameOverride=calls"], ["nameOverride=signals"], ["serviceAccount.name=caller"]):
            all_of_them = objects("helm4", *given(TRIAL), *given(values))
            for each in all_of_them:
                self.assertEqual([], problems_of(each))
            self.assertIn(values[0].split("=")[1], str(all_of_them))

    def test_rules_are_rules(self):
        rules = of_kind(objects("helm4", "-f", str(CHART / "examples/large.yaml")), "PrometheusRule")
        self.assertEqual(len(list((ROOT / "deploy/prometheus/rules").glob("*.yml"))), len(rules))
        for each in rules:
            with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                yaml.safe_dump(each["spec"], file)
                file.flush()
                done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_dashboards_are_those_of_grafana(self):
        maps = of_kind(objects("helm4", "-f", str(CHART / "examples/large.yaml")), "ConfigMap")
        drawn = {name: yaml.safe_load(text) for each in maps for name, text in each["data"].items() if name.endswith(".json")}
        files = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
        self.assertEqual(files, drawn)


if __name__ == "__main__":
    unittest.main()
