"""That the policies hold, and that each of them would notice."""

import copy
import unittest

import policies
from chart import EXAMPLES, HELMS, RELEASE, gateways, given, objects, of_kind, pods, renderings

SMALL = next(example for example in EXAMPLES if example.stem == "small")
ZONES = next(example for example in EXAMPLES if example.stem == "multi-zone")
LARGE = next(example for example in EXAMPLES if example.stem == "large")
LOAD = next(example for example in EXAMPLES if example.stem == "loadtest")
TRIAL = next(example for example in EXAMPLES if example.stem == "trial")


def of_the_pod(change):
    def breaks(all_of_them):
        _, _, spec = gateways(all_of_them)
        change(spec, spec["containers"][0])
    return breaks


def of(kind, change):
    def breaks(all_of_them):
        for each in of_kind(all_of_them, kind)[:1]:
            change(each)
    return breaks


def unset(key):
    return lambda spec, container: container.pop(key)


# A policy, what is rendered, and what is done to it.
BROKEN = [
    (policies.nobody_is_root, SMALL, of_the_pod(lambda spec, _: spec["securityContext"].pop("runAsNonRoot"))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda spec, _: spec["securityContext"].pop("seccompProfile"))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda spec, _: spec.pop("automountServiceAccountToken"))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda _, container: container["securityContext"].update(readOnlyRootFilesystem=False))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda _, container: container["securityContext"].update(capabilities={}))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda _, container: container["securityContext"].update(allowPrivilegeEscalation=True))),
    (policies.nobody_is_root, SMALL, of_the_pod(lambda spec, _: spec.update(hostNetwork=True))),
    (policies.resources_are_bounded, SMALL, of_the_pod(lambda _, container: container["resources"].pop("limits"))),
    (policies.images_are_versions, SMALL, of_the_pod(lambda _, container: container.update(image="ringback-gateway:latest"))),
    (policies.images_are_versions, SMALL, of_the_pod(lambda _, container: container.update(image="registry:5000/ringback-gateway"))),
    (policies.health_is_asked, SMALL, of_the_pod(unset("readinessProbe"))),
    (policies.health_is_asked, SMALL, of_the_pod(lambda _, container: container["readinessProbe"]["httpGet"].update(path="/healthz"))),
    (policies.there_is_time_to_drain, SMALL, of_the_pod(lambda spec, _: spec.update(terminationGracePeriodSeconds=49))),
    (policies.an_update_takes_none_away, SMALL, of("Deployment", lambda each: each["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1))),
    (policies.selectors_find_their_pods, SMALL, of("Service", lambda each: each["spec"]["selector"].update({"app.kubernetes.io/component": "gatewy"}))),
    (policies.selectors_find_their_pods, SMALL, of("PodDisruptionBudget", lambda each: each["spec"]["selector"]["matchLabels"].pop("app.kubernetes.io/component"))),
    (policies.ports_exist, SMALL, of("Service", lambda each: each["spec"]["ports"][0].update(targetPort="client"))),
    (policies.the_admin_port_stays_inside, SMALL, of("Ingress", lambda each: each["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(name=f"{RELEASE}-ringback-admin"))),
    (policies.the_admin_port_stays_inside, ZONES, of("HTTPRoute", lambda each: each["spec"]["rules"][0]["backendRefs"][0].update(port=9090))),
    (policies.the_admin_port_stays_inside, SMALL, of("NetworkPolicy", lambda each: each["spec"]["ingress"][1].pop("from"))),
    (policies.secrets_are_referred_to, SMALL, of_the_pod(lambda _, container: container["env"].append({"name": "RINGBACK_TURN__SECRET", "value": "x"}))),
    (policies.what_is_mounted_exists, SMALL, of_the_pod(lambda spec, _: spec.update(volumes=[]))),
    (policies.what_is_mounted_exists, SMALL, of("ConfigMap", lambda each: each["metadata"].update(name="another"))),
    (policies.what_is_referred_to_exists, SMALL, of("Ingress", lambda each: each["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"].update(name="htp"))),
    (policies.what_is_referred_to_exists, ZONES, of("HTTPRoute", lambda each: each["spec"]["rules"][0]["backendRefs"][0].update(port=81))),
    (policies.what_is_referred_to_exists, LARGE, of("HorizontalPodAutoscaler", lambda each: each["spec"]["scaleTargetRef"].update(name="another"))),
    (policies.what_is_referred_to_exists, LARGE, of("Deployment", lambda each: each["spec"].update(replicas=3))),
    (policies.what_is_referred_to_exists, LARGE, of("ServiceMonitor", lambda each: each["spec"]["endpoints"][0].update(port="http"))),
    (policies.what_is_referred_to_exists, ZONES, of("PodMonitor", lambda each: each["spec"]["podMetricsEndpoints"][0].update(port="http"))),
    (policies.what_is_referred_to_exists, SMALL, of("NetworkPolicy", lambda each: each["spec"]["ingress"][0]["ports"][0].update(port="http"))),
    (policies.what_is_referred_to_exists, LOAD, of("StatefulSet", lambda each: each["spec"].update(serviceName="another"))),
    (policies.what_is_referred_to_exists, SMALL, of_the_pod(lambda spec, _: spec.update(serviceAccountName="another"))),
    (policies.what_is_referred_to_exists, SMALL, of_the_pod(lambda _, container: container["livenessProbe"]["httpGet"].update(port="http"))),
    (policies.gateways_are_spread, SMALL, of_the_pod(lambda spec, _: spec["topologySpreadConstraints"].pop(0))),
    (policies.names_fit, SMALL, of("Deployment", lambda each: each["metadata"].update(name="n" * 32))),
]


class Policies(unittest.TestCase):
    def test_they_hold_for_all_renderings(self):
        for name, all_of_them in renderings():
            for policy in policies.ALL:
                with self.subTest(f"{name}: {policy.__name__}"):
                    self.assertEqual([], list(policy(all_of_them)))

    def test_each_of_them_would_notice(self):
        for policy, example, breaks in BROKEN:
            broken = copy.deepcopy(objects("helm4", "-f", str(example)))
            breaks(broken)
            with self.subTest(policy.__name__):
                self.assertNotEqual([], list(policy(broken)), "it does not notice")
        self.assertEqual(set(policies.ALL), {policy for policy, _, _ in BROKEN}, "each policy is seen to fail")

    def test_a_secret_that_is_given_is_in_no_other_object(self):
        mark = "marked-" + "0123456789" * 3
        values = [f"auth.hs256Secret=a{mark}", f"redis.password=b{mark}", f"turn.secret=c{mark}", f'webhooks.secrets=["whsec_{mark}"]', f'policy.secrets=["whsec_{mark}"]',
                  "redis.bundled.enabled=true", 'settings.turn.urls=["turn:t:1"]', "settings.webhooks.url=http://w", "settings.policy.url=http://p", "loadtest.enabled=true"]
        for which in HELMS:
            all_of_them = objects(which, *given(values))
            (secret,) = of_kind(all_of_them, "Secret")
            self.assertEqual({"hs256-secret", "redis-password", "turn-secret", "webhook-secrets", "policy-secrets"}, set(secret["data"]))
            for each in all_of_them:
                if each is not secret:
                    self.assertNotIn(mark, str(each))
            for name, _, spec in pods(all_of_them):
                for container in spec["containers"]:
                    for variable in container.get("env") or []:
                        reference = variable.get("valueFrom", {}).get("secretKeyRef")
                        if reference:
                            self.assertEqual(secret["metadata"]["name"], reference["name"], name)
                            self.assertIn(reference["key"], secret["data"], name)

    def test_other_settings_are_new_pods(self):
        def sums(*more):
            deployment, _, _ = gateways(objects("helm4", "-f", str(TRIAL), *given(more)))
            return deployment["spec"]["template"]["metadata"]["annotations"]
        before = sums()
        self.assertEqual(before, sums("replicaCount=7"))
        self.assertNotEqual(before["checksum/config"], sums("settings.timeouts.ringing_ms=5000")["checksum/config"])
        self.assertNotEqual(before["checksum/secret"], sums("turn.secret=x")["checksum/secret"])


if __name__ == "__main__":
    unittest.main()
