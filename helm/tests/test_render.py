"""That both Helms render the chart, alike, and that Kubernetes would take what comes of it."""

import copy
import subprocess
import tempfile
import unittest

import jsonschema
import kubernetes_validate
import yaml

import schemas
from chart import CHART, EXAMPLES, HELMS, ROOT, TRIAL, given, helm, objects, of_kind, renderings, template

VERSIONS = ("1.30", "1.34")


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

    def test_names_can_be_chosen(self):
        for values in (["fullnameOverride=calls"], ["nameOverride=signals"], ["commonLabels.team=voice"]):
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
