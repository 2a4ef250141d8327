"""The chart as both Helms render it."""

import functools
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "helm/ringback"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
HELMS = ("helm3", "helm4")
RELEASE = "story"
# The least there is to say.
TRIAL = ("redis.bundled.enabled=true", "auth.dev=true")


def helm(which, *words):
    home = ROOT / ".run/helm"
    env = os.environ | {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run([which, *map(str, words)], env=env, capture_output=True, text=True, timeout=60)


def template(which, *words):
    """What Helm says, or why it refuses."""
    return helm(which, "template", RELEASE, CHART, *words)


def given(values):
    return [word for value in values for word in ("--set-json" if value.endswith("]") else "--set", value)]


class Strict(yaml.SafeLoader):
    """Takes no key twice: of two values one would be lost in silence."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"given twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def loaded(text):
    return [each for each in yaml.load_all(text, Strict) if each]


@functools.cache
def objects(which, *words):
    done = template(which, *words)
    if done.returncode != 0:
        raise AssertionError(f"{which} template {words}: {done.stderr}")
    return loaded(done.stdout)


def renderings():
    """Each example, and the least there is to say, by each Helm: a name and its objects."""
    for which in HELMS:
        yield f"{which} trial by flags", objects(which, *given(TRIAL))
        for example in EXAMPLES:
            yield f"{which} {example.stem}", objects(which, "-f", str(example))


def of_kind(all_of_them, kind):
    return [each for each in all_of_them if each["kind"] == kind]


def pods(all_of_them):
    """Where pods are described: a name, the pod's metadata and its spec."""
    for each in all_of_them:
        name = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each["metadata"], each["spec"]
        elif each["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]


def gateways(all_of_them):
    """The Deployment, and its pods' labels and spec."""
    (deployment,) = of_kind(all_of_them, "Deployment")
    template = deployment["spec"]["template"]
    return deployment, template["metadata"]["labels"], template["spec"]


def settings(all_of_them):
    (config,) = [each for each in of_kind(all_of_them, "ConfigMap") if "gateway.toml" in each["data"]]
    return config["data"]["gateway.toml"]
