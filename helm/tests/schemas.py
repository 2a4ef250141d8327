"""Kinds that others define: what of them the chart uses, as JSON schemas. Anything else is an error."""

TEXT = {"type": "string", "minLength": 1}
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}


def of(properties, *optional):
    return {"type": "object", "properties": properties, "additionalProperties": False,
            "required": [name for name in properties if name not in optional]}


def listed(items):
    return {"type": "array", "minItems": 1, "items": items}


def kind(api, name, spec):
    metadata = of({"name": TEXT, "labels": LABELS, "annotations": LABELS}, "annotations")
    return of({"apiVersion": {"const": api}, "kind": {"const": name}, "metadata": metadata, "spec": spec})


MONITORING = "monitoring.coreos.com/v1"
ENDPOINTS = listed(of({"port": TEXT, "path": {"const": "/metrics"}, "interval": DURATION,
                       "scheme": {"enum": ["http", "https"]}, "tlsConfig": of({"insecureSkipVerify": {"type": "boolean"}}),
                       "relabelings": listed(of({"targetLabel": TEXT, "replacement": TEXT}))}, "scheme", "tlsConfig"))
SELECTOR = of({"matchLabels": LABELS})
RULE = {"oneOf": [
    of({"record": TEXT, "expr": TEXT, "labels": LABELS}, "labels"),
    of({"alert": TEXT, "expr": TEXT, "for": DURATION, "labels": LABELS, "annotations": LABELS}, "for"),
]}

KINDS = {
    "ServiceMonitor": kind(MONITORING, "ServiceMonitor", of({"selector": SELECTOR, "endpoints": ENDPOINTS})),
    "PodMonitor": kind(MONITORING, "PodMonitor", of({"selector": SELECTOR, "podMetricsEndpoints": ENDPOINTS})),
    "PrometheusRule": kind(MONITORING, "PrometheusRule", of({
        "groups": listed(of({"name": TEXT, "interval": DURATION, "rules": listed(RULE)}, "interval"))})),
    "HTTPRoute": kind("gateway.networking.k8s.io/v1", "HTTPRoute", of({
        "parentRefs": listed(of({"name": TEXT, "namespace": TEXT, "sectionName": TEXT, "port": {"type": "integer"}}, "namespace", "sectionName", "port")),
        "hostnames": listed(TEXT),
        "rules": listed(of({
            "matches": listed(of({"path": of({"type": {"enum": ["Exact", "PathPrefix"]}, "value": {"type": "string", "pattern": "^/"}})})),
            "timeouts": of({"request": {"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}}),
            "backendRefs": listed(of({"name": TEXT, "port": {"type": "integer", "minimum": 1, "maximum": 65535}})),
        }))}, "hostnames")),
}
