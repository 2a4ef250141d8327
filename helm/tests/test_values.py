"""That wrong values are refused, with their names, and that right ones have their effect."""

import tomllib
import unittest

from chart import HELMS, TRIAL, gateways, given, objects, of_kind, settings, template

# A value, and what has to be named.
REFUSED = [
    ("replicaCount=0", "replicaCount"),
    ("replicaCount=three", "replicaCount"),
    ("replicas=3", "replicas"),
    ("image.tag=latest", "tag"),
    ("image.pullPolicy=Sometimes", "pullPolicy"),
    ("settings.timeouts.ringing=3", "ringing"),
    ("settings.timeouts.ringing_ms=soon", "ringing_ms"),
    ("settings.timeouts.ringing_ms=-1", "ringing_ms"),
    ("settings.timeout.ringing_ms=1", "timeout"),
    ("settings.calls.busy=maybe", "busy"),
    ("settings.store.durability=forever", "durability"),
    ("settings.auth.hs256_secret=x", "auth"),
    ("settings.server.listen=x", "server"),
    ('settings.events.types=["call.begun"]', "types"),
    ("redis.url=http://redis:6379", "url"),
    ("redis.url=redis://user:sesame@redis:6379", "url"),
    ("redis.url=redis-cluster://redis:6379?node=user:sesame@redis:6379", "url"),
    ("settings.webhooks.url=https://user:sesame@hooks.example.org", "url"),
    ("settings.policy.url=https://user:sesame@policy.example.org", "url"),
    ("settings.telemetry.otlp_endpoint=http://user:sesame@collector:4317", "otlp_endpoint"),
    *((f'extraEnv=[{{"name":"{name}","value":"sesame"}}]', "extraEnv") for name in
      ("RINGBACK_TURN__SECRET", "RINGBACK_AUTH__HS256_KEYS", "RINGBACK_STORE__URL", "ringback_webhooks__url", "RINGBACK_AUTH__JWKS_URLS")),
    ('settings.auth.hs256_keys=["k=sesame"]', "hs256_keys"),
    ('settings.auth.jwks_urls=["acme=https://u:sesame@keys.example.org"]', "jwks_urls"),
    ('extraEnv=[{"name":"RINGBACK_LOG__FILTER","value":1}]', "value"),
    ("auth.hs256Secret=short", "hs256Secret"),
    ("service.type=Public", "type"),
    ("service.port=70000", "port"),
    ("ingress.hosts=calls.example.org", "hosts"),
    ("shutdown.preStopSeconds=0", "preStopSeconds"),
    ("topologySpread.whenUnsatisfiable=Never", "whenUnsatisfiable"),
    ("autoscaling.targetCPU=many", "targetCPU"),
    ("resources.requests=null", "requests"),
    ("monitoring.serviceMonitor.interval=often", "interval"),
    ("httpRoute.requestTimeout=forever", "requestTimeout"),
    ('webhooks.secrets=["sesame"]', "secrets"),
    ('policy.secrets=["sesame"]', "secrets"),
    ("commonLabels.app\\.kubernetes\\.io/name=x", "commonLabels"),
    ("podLabels.app\\.kubernetes\\.io/component=x", "podLabels"),
    ('networkPolicy.adminFrom=[{"namespace":"monitoring"}]', "namespace"),
    ('networkPolicy.clientsFrom=[{"ipBlock":{"cidr":"everywhere"}}]', "cidr"),
    ('tolerations=[{"keys":"x"}]', "keys"),
    ('ingress.tls=[{"secret":"x"}]', "secret"),
    ('httpRoute.parentRefs=[{"name":"public","section":"x"}]', "section"),
    ("resources.limits.memory=lots", "memory"),
    ("settings=null", "settings"),
    ("redis.bundled=null", "bundled"),
    ("auth.existingSecret.key=null", "key"),
    ("settings.turn=null", "turn"),
    ("loadtest.scenario=steadily", "scenario"),
    ("loadtest.workers=0", "workers"),
    ("redis.bundled.maxmemory=lots", "maxmemory"),
]
# Values that are right by themselves, and what has to be said of them together.
TOGETHER = [
    ([], "auth.existingSecret.name is needed"),
    (["auth.dev=true"], "redis.url is needed"),
    (["auth.dev=true", "redis.url=redis-sentinel://s:26379?sentinelServiceName=m&sentinelPassword=sesame"], "redis.passwordSecret"),
    ([*TRIAL, "redis.url=redis://r:1"], "only one of them"),
    ([*TRIAL, "redis.username=u"], "redis.username"),
    ([*TRIAL, "settings.store.durability=replicated"], "no replica"),
    ([*TRIAL, "redis.tls.caSecret.name=ca"], "redis.tls"),
    ([*TRIAL, "auth.existingSecret.name=s"], "only one of them"),
    ([*TRIAL, 'settings.turn.urls=["turn:t:1"]'], "turn.existingSecret.name"),
    ([*TRIAL, "settings.webhooks.url=http://w"], "webhooks.existingSecret.name"),
    ([*TRIAL, "settings.policy.url=http://p"], "policy.existingSecret.name"),
    ([*TRIAL, "autoscaling.enabled=true", "autoscaling.minReplicas=20"], "autoscaling.minReplicas"),
    ([*TRIAL, "autoscaling.enabled=true", "autoscaling.targetCPU=0"], "autoscaling needs"),
    ([*TRIAL, "monitoring.serviceMonitor.enabled=true", "monitoring.podMonitor.enabled=true"], "counted twice"),
    ([*TRIAL, "strategy.maxSurge=0"], "strategy.maxSurge"),
    ([*TRIAL, "ingress.enabled=true"], "ingress.hosts"),
    ([*TRIAL, "httpRoute.enabled=true"], "httpRoute.parentRefs"),
]


class Values(unittest.TestCase):
    def test_a_wrong_value_is_refused_by_its_name(self):
        for which in HELMS:
            for value, named in REFUSED:
                done = template(which, *given(TRIAL), *given([value]))
                with self.subTest(f"{which}: {value}"):
                    self.assertNotEqual(0, done.returncode, "it is taken")
                    self.assertIn("schema", done.stderr)
                    self.assertIn(named, done.stderr)

    def test_values_that_need_each_other_are_told(self):
        for which in HELMS:
            for values, said in TOGETHER:
                done = template(which, *given(values))
                with self.subTest(f"{which}: {values}"):
                    self.assertNotEqual(0, done.returncode, "it is taken")
                    self.assertIn(said, done.stderr)

    def test_numbers_and_lists_arrive_as_they_are(self):
        values = ["settings.calls.log_ttl_ms=2592000000", "settings.telemetry.sample_percent=0", "settings.telemetry.metrics=false",
                  'settings.ice.urls=["stun:a:1","stun:b:2"]', "settings.log.filter=info\\,ringback_node=debug"]
        for which in HELMS:
            written = tomllib.loads(settings(objects(which, *given(TRIAL), *given(values))))
            self.assertEqual(2_592_000_000, written["calls"]["log_ttl_ms"])
            self.assertEqual({"sample_percent": 0, "metrics": False}, written["telemetry"])
            self.assertEqual(["stun:a:1", "stun:b:2"], written["ice"]["urls"])
            self.assertEqual({"filter": "info,ringback_node=debug", "format": "json"}, written["log"])

    def test_there_is_time_for_each_drain_and_no_more(self):
        for window, before, seconds in ((None, 5, 50), (0, 5, 20), (1, 5, 21), (100_000, 20, 135)):
            values = [f"shutdown.preStopSeconds={before}"] + ([] if window is None else [f"settings.drain.window_ms={window}"])
            _, _, spec = gateways(objects("helm4", *given(TRIAL), *given(values)))
            self.assertEqual(seconds, spec["terminationGracePeriodSeconds"], values)

    def test_what_gateways_connect_to_may_be_reached(self):
        values = ["networkPolicy.egress.enabled=true", "settings.webhooks.url=https://hooks.example.org/ringback", "webhooks.existingSecret.name=s",
                  "settings.telemetry.otlp_endpoint=http://collector:4317", "settings.policy.url=http://policy:7070", 'settings.auth.jwks_urls=["acme=http://keys:7171/jwks.json"]', "policy.existingSecret.name=s",
                  'networkPolicy.egress.collectorTo=[{"namespaceSelector":{"matchLabels":{"a":"b"}}}]']
        for which in HELMS:
            (policy,) = [each for each in of_kind(objects(which, *given(TRIAL), *given(values)), "NetworkPolicy") if "egress" in each["spec"]]
            open_to = {port["port"]: rule.get("to") for rule in policy["spec"]["egress"] for port in rule["ports"]}
            self.assertEqual({53, 6379, 443, 4317, 7070, 7171}, set(open_to))
            self.assertIsNone(open_to[443])
            self.assertEqual([{"namespaceSelector": {"matchLabels": {"a": "b"}}}], open_to[4317])


if __name__ == "__main__":
    unittest.main()
