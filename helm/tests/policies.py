"""What holds for every rendering. Each policy is a function of its objects that yields what is wrong."""

import json
import re
import tomllib

from chart import gateways, of_kind, pods, settings

SECRET_WORDS = re.compile(r"secret|password|token|key", re.IGNORECASE)


def nobody_is_root(objects):
    for name, _, spec in pods(objects):
        security = spec.get("securityContext", {})
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{name} may run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name} has a token of Kubernetes' API"
        for container in spec["containers"] + spec.get("initContainers", []):
            security = container.get("securityContext", {})
            if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
                yield f"{name} may become more than it is"
            if security.get("readOnlyRootFilesystem") is not True:
                yield f"{name} may write to its root file system"
            if security.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name} has capabilities"
        if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")) or any("hostPath" in each for each in spec.get("volumes", [])):
            yield f"{name} has a part of its node"


def resources_are_bounded(objects):
    for name, _, spec in pods(objects):
        for container in spec["containers"]:
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
                yield f"{name} does not say how much it needs, or how much at most"


def images_are_versions(objects):
    for name, _, spec in pods(objects):
        for container in spec["containers"]:
            image = container["image"]
            if not re.search(r"(:[^:/@]+|@sha256:[0-9a-f]{64})$", image) or image.endswith(":latest"):
                yield f"{name} has the image {image}, which is another each day"


def health_is_asked(objects):
    for name, _, spec in pods(objects):
        if spec.get("restartPolicy") == "Never":
            continue
        for container in spec["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{name} has no {probe}"
    _, _, spec = gateways(objects)
    (gateway,) = spec["containers"]
    asked = [gateway.get(probe, {}).get("httpGet", {}).get("path") for probe in ("readinessProbe", "livenessProbe")]
    if asked != ["/readyz", "/healthz"]:
        yield "gateways are asked the wrong thing"


def there_is_time_to_drain(objects):
    _, _, spec = gateways(objects)
    window = tomllib.loads(settings(objects)).get("drain", {}).get("window_ms", 30_000)
    before = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    least = before + window / 1000 + 15
    if spec["terminationGracePeriodSeconds"] < least:
        yield f"gateways are killed after {spec['terminationGracePeriodSeconds']} s, and need {least}"


def an_update_takes_none_away(objects):
    deployment, _, _ = gateways(objects)
    update = deployment["spec"]["strategy"]["rollingUpdate"]
    if str(update["maxUnavailable"]) not in ("0", "0%") or str(update["maxSurge"]) in ("0", "0%"):
        yield f"an update takes gateways away before others are there: {update}"


def selectors_find_their_pods(objects):
    labels = {name: metadata["labels"] for name, metadata, _ in pods(objects)}
    services = {each["metadata"]["name"]: each for each in of_kind(objects, "Service")}

    def found(selector):
        return [name for name, had in labels.items() if selector.items() <= had.items()]

    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        spec = each.get("spec", {})
        match each["kind"]:
            case "Service":
                selector, wanted = spec["selector"], 1
            case "PodDisruptionBudget" | "PodMonitor" | "Deployment" | "StatefulSet":
                selector, wanted = spec["selector"]["matchLabels"], 1
            case "NetworkPolicy":
                selector, wanted = spec["podSelector"]["matchLabels"], 1
            case "ServiceMonitor":
                selector = spec["selector"]["matchLabels"]
                if sum(selector.items() <= service["metadata"]["labels"].items() for service in services.values()) != 1:
                    yield f"{name} does not find its Service"
                continue
            case _:
                continue
        if len(found(selector)) != wanted:
            yield f"{name} selects {found(selector)}"


def ports_exist(objects):
    described = list(pods(objects))
    for service in of_kind(objects, "Service"):
        for _, metadata, spec in described:
            if not service["spec"]["selector"].items() <= metadata["labels"].items():
                continue
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in named_ports(spec):
                    yield f"Service {service['metadata']['name']} leads to {port['targetPort']}, which no container has"


def named_ports(spec):
    return {port["name"] for container in spec["containers"] for port in container.get("ports", [])}


def what_is_referred_to_exists(objects):
    """By name, or by a port's name; what is selected by labels has policies of its own."""
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    described = list(pods(objects))

    def ports_of(service):
        ports = by_name.get(("Service", service), {"spec": {"ports": []}})["spec"]["ports"]
        return {port["name"] for port in ports} | {port["port"] for port in ports}

    def selected(labels):
        return [(name, spec) for name, metadata, spec in described if labels.items() <= metadata["labels"].items()]

    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        spec = each.get("spec", {})
        match each["kind"]:
            case "Ingress":
                services = [path["backend"]["service"] for rule in spec["rules"] for path in rule["http"]["paths"]]
                wanted = [(service["name"], *service["port"].values()) for service in services]
            case "HTTPRoute":
                wanted = [(backend["name"], backend["port"]) for rule in spec["rules"] for backend in rule["backendRefs"]]
            case "ServiceMonitor":
                labels = spec["selector"]["matchLabels"].items()
                services = [name for (kind, name), had in by_name.items() if kind == "Service" and labels <= had["metadata"]["labels"].items()]
                wanted = [(service, endpoint["port"]) for service in services for endpoint in spec["endpoints"]]
            case "HorizontalPodAutoscaler":
                target = by_name.get((spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]))
                if target is None or "replicas" in target["spec"]:
                    yield f"{name} scales what is not there, or what each upgrade scales back"
                continue
            case "PodMonitor":
                asked = {endpoint["port"] for endpoint in spec["podMetricsEndpoints"]}
                yield from (f"{name} asks {pod} at {asked}" for pod, its in selected(spec["selector"]["matchLabels"]) if not asked <= named_ports(its))
                continue
            case "NetworkPolicy":
                opened = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
                yield from (f"{name} opens {opened} of {pod}" for pod, its in selected(spec["podSelector"]["matchLabels"]) if not opened <= named_ports(its))
                continue
            case "StatefulSet":
                if ("Service", spec["serviceName"]) not in by_name:
                    yield f"{name} has the Service {spec['serviceName']}, which is not there"
                continue
            case _:
                continue
        yield from (f"{name} leads to {service}, port {port}" for service, port in wanted if port not in ports_of(service))
    for name, _, spec in described:
        account = spec.get("serviceAccountName", "default")
        if account != "default" and ("ServiceAccount", account) not in by_name:
            yield f"{name} is the ServiceAccount {account}, which is nobody"
        for container in spec["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                port = next((how["port"] for how in container.get(probe, {}).values() if isinstance(how, dict) and "port" in how), None)
                if port is not None and port not in named_ports(spec):
                    yield f"{name}'s {probe} asks at {port}"


def gateways_are_spread(objects):
    _, _, spec = gateways(objects)
    over = {each["topologyKey"] for each in spec.get("topologySpreadConstraints", [])}
    if not {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} <= over:
        yield f"gateways are spread over {over or 'nothing'}"


def the_admin_port_stays_inside(objects):
    admin = [each for each in of_kind(objects, "Service") if any(port["targetPort"] == "admin" for port in each["spec"]["ports"])]
    names = {each["metadata"]["name"] for each in admin}
    for each in admin:
        if each["spec"].get("type", "ClusterIP") != "ClusterIP" or len(each["spec"]["ports"]) != 1:
            yield f"Service {each['metadata']['name']} shows the admin port beside others, or outside"
    for each in of_kind(objects, "Ingress") + of_kind(objects, "HTTPRoute"):
        text = json.dumps(each)
        if any(f'"{name}"' in text for name in names) or '"admin"' in text or "9090" in text:
            yield f"{each['kind']} leads to the admin port"
    for each in of_kind(objects, "NetworkPolicy"):
        for rule in each["spec"].get("ingress", []):
            if any(port["port"] in ("admin", 9090) for port in rule["ports"]) and not rule.get("from"):
                yield f"NetworkPolicy {each['metadata']['name']} lets everybody ask the admin port"


def secrets_are_referred_to(objects):
    """That given ones are nowhere else, a test with marked secrets shows."""
    for name, _, spec in pods(objects):
        for container in spec["containers"]:
            for variable in container.get("env") or []:
                if SECRET_WORDS.search(variable["name"]) and "secretKeyRef" not in variable.get("valueFrom", {}):
                    yield f"{name} has {variable['name']} in plain text"
            for word in container.get("args", []) + container.get("command", []):
                if re.search(r"--(hs256-secret|password|requirepass)[= ]", word):
                    yield f"{name} has a secret among its arguments"


def what_is_mounted_exists(objects):
    """ConfigMaps and Secrets of this release: those of others are theirs."""
    here = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for name, _, spec in pods(objects):
        volumes = {volume["name"]: volume for volume in spec.get("volumes") or []}
        claims = {claim["metadata"]["name"] for each in of_kind(objects, "StatefulSet") for claim in each["spec"].get("volumeClaimTemplates", [])}
        for container in spec["containers"]:
            for mount in container.get("volumeMounts") or []:
                if mount["name"] not in volumes.keys() | claims:
                    yield f"{name} mounts {mount['name']}, which is nowhere"
        for volume in volumes.values():
            mine = volume.get("configMap", {}).get("name", "")
            if mine.startswith("story-") and ("ConfigMap", mine) not in here:
                yield f"{name} mounts the ConfigMap {mine}, which is nowhere"


def names_fit(objects):
    """A gateway's name is its pod's, and has 48 characters at most."""
    deployment, _, _ = gateways(objects)
    if len(deployment["metadata"]["name"]) + len("-0123456789-abcde") > 48:
        yield f"{deployment['metadata']['name']} is too long for a name of gateways"


ALL = [
    nobody_is_root, resources_are_bounded, images_are_versions, health_is_asked, there_is_time_to_drain, an_update_takes_none_away,
    selectors_find_their_pods, ports_exist, the_admin_port_stays_inside, secrets_are_referred_to, what_is_mounted_exists,
    what_is_referred_to_exists, gateways_are_spread, names_fit,
]
