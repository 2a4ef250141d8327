{{/* The gateways' file of settings: what is chosen by `settings`, and what the chart knows. */}}
{{- define "ringback.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $known := dict
  "server" (dict "listen" (printf "%s:8080" .Values.bindAddress))
  "admin" (dict "listen" (printf "%s:9090" .Values.bindAddress))
  "store" (dict "url" (include "ringback.redisUrl" .)) -}}
{{- with include "ringback.redisUser" (list . "ringback") }}{{ $_ := set $known.store "username" . }}{{ end -}}
{{- with .Values.redis.sentinel.username }}{{ $_ := set $known.store "sentinel_username" . }}{{ end -}}
{{- range $port, $section := dict "clients" $known.server "admin" $known.admin }}
{{- if (index $.Values.tls $port).secretName }}
{{- $_ := set $section "tls_cert" (printf "/etc/ringback/%s-tls/tls.crt" $port) }}
{{- $_ := set $section "tls_key" (printf "/etc/ringback/%s-tls/tls.key" $port) }}
{{- end }}
{{- end }}
{{- if .Values.auth.dev }}{{ $_ := set $known "auth" (dict "dev" true "dev_anywhere" true) }}{{ end -}}
{{- $settings = mergeOverwrite (dict "log" (dict "format" "json")) $settings $known -}}
{{- range $section, $keys := $settings }}
[{{ $section }}]
{{- range $key, $value := $keys }}
{{ $key }} = {{ include "ringback.toml" $value }}
{{- end }}
{{ end -}}
{{- end -}}

{{/* A value in TOML. Helm reads every number as a float, which the gateway would take for one. */}}
{{- define "ringback.toml" -}}
{{- if kindIs "slice" . -}}
[{{ range $i, $each := . }}{{ if $i }}, {{ end }}{{ include "ringback.toml" $each }}{{ end }}]
{{- else if or (kindIs "string" .) (kindIs "bool" .) -}}
{{- toRawJson . -}}
{{- else -}}
{{- int64 . -}}
{{- end -}}
{{- end -}}

{{- define "ringback.redisUrl" -}}
{{- if .Values.redis.bundled.enabled -}}
{{- if .Values.redis.url }}{{ fail "redis.url and redis.bundled.enabled: only one of them" }}{{ end -}}
redis://{{ include "ringback.fullname" . }}-redis:6379
{{- else -}}
{{- if regexMatch "(?i)password=" .Values.redis.url }}{{ fail "redis.url has a password in it, and would be in a ConfigMap: redis.passwordSecret, redis.sentinel.passwordSecret" }}{{ end -}}
{{- required "redis.url is needed: redis://..., redis-cluster://... or redis-sentinel://... (or redis.bundled.enabled=true, for a trial)" .Values.redis.url -}}
{{- end -}}
{{- end -}}

{{/* (list . "ringback"): who one is in Redis. The bundled one has users of its own, where there is a password. */}}
{{- define "ringback.redisUser" -}}
{{- $redis := (index . 0).Values.redis -}}
{{- if not $redis.bundled.enabled }}{{ $redis.username }}
{{- else if or $redis.password $redis.passwordSecret.name }}{{ index . 1 }}
{{- end -}}
{{- end -}}

{{/* Of an address, http://... or https://... */}}
{{- define "ringback.portOf" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* (list . "RINGBACK_..." reference value "key"): a secret of the environment; of yours, or of the chart's own Secret. */}}
{{- define "ringback.secretEnv" -}}
{{- $ := index . 0 -}}
{{- $reference := index . 2 -}}
{{- $name := $reference.name -}}
{{- $key := $reference.key -}}
{{- if and (not $name) (index . 3) }}{{ $name = include "ringback.fullname" $ }}{{ $key = index . 4 }}{{ end -}}
{{- if $name }}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef: {name: {{ $name }}, key: {{ $key | quote }}}
{{- end -}}
{{- end -}}

{{/* How tokens are signed: also what the load tool needs. */}}
{{- define "ringback.tokenEnv" -}}
{{- if not .Values.auth.dev }}
{{- include "ringback.secretEnv" (list . "RINGBACK_AUTH__HS256_SECRET" .Values.auth.existingSecret .Values.auth.hs256Secret "hs256-secret") }}
{{- include "ringback.secretEnv" (list . "RINGBACK_AUTH__HS256_KEYS" .Values.auth.keysSecret "" "") }}
{{- end }}
{{- end -}}

{{/* How one gets into Redis. */}}
{{- define "ringback.redisEnv" -}}
{{- include "ringback.secretEnv" (list . "RINGBACK_STORE__PASSWORD" .Values.redis.passwordSecret .Values.redis.password "redis-password") }}
{{- include "ringback.secretEnv" (list . "RINGBACK_STORE__SENTINEL_PASSWORD" .Values.redis.sentinel.passwordSecret "" "") }}
{{- if include "ringback.hasCa" . }}
# Read in the place of the image's own certificates: an authority of your own has to be among them.
- name: SSL_CERT_FILE
  value: /etc/ringback/tls/ca.crt
{{- end }}
{{- end -}}

{{- define "ringback.hasCa" -}}
{{- if or .Values.redis.tls.caSecret.name .Values.redis.tls.caConfigMap.name }}yes{{ end -}}
{{- end -}}

{{- define "ringback.caVolume" -}}
{{- with .Values.redis.tls }}
{{- if .caSecret.name }}
- name: redis-ca
  secret:
    secretName: {{ .caSecret.name }}
    items: [{key: {{ .caSecret.key | quote }}, path: ca.crt}]
{{- else if .caConfigMap.name }}
- name: redis-ca
  configMap:
    name: {{ .caConfigMap.name }}
    items: [{key: {{ .caConfigMap.key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.caMount" -}}
{{- if include "ringback.hasCa" . }}
- {name: redis-ca, mountPath: /etc/ringback/tls, readOnly: true}
{{- end }}
{{- end -}}

{{/* Certificates of the gateways' own ports: not by subPath, or new ones would never come. */}}
{{- define "ringback.tlsVolumes" -}}
{{- range $port := list "clients" "admin" }}
{{- with (index $.Values.tls $port).secretName }}
- name: {{ $port }}-tls
  secret: {secretName: {{ . }}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.tlsMounts" -}}
{{- range $port := list "clients" "admin" }}
{{- if (index $.Values.tls $port).secretName }}
- {name: {{ $port }}-tls, mountPath: /etc/ringback/{{ $port }}-tls, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{/* (list . "clients" "http"): with an "s" behind it where that port speaks TLS. */}}
{{- define "ringback.scheme" -}}
{{- index . 2 }}{{ if (index (index . 0).Values.tls (index . 1)).secretName }}s{{ end -}}
{{- end -}}

{{/* What a schema can't see: values that need each other. */}}
{{- define "ringback.check" -}}
{{- $auth := .Values.auth -}}
{{- $keys := or $auth.existingSecret.name $auth.hs256Secret $auth.keysSecret.name (default dict .Values.settings.auth).jwks_urls -}}
{{- if not (or $auth.dev $keys) -}}
{{- fail "auth.existingSecret.name is needed: a Secret with what clients' tokens are signed with (or auth.keysSecret.name, or settings.auth.jwks_urls; or, for a trial, auth.hs256Secret or auth.dev=true)" -}}
{{- end -}}
{{- if and $auth.dev (or $auth.existingSecret.name $auth.hs256Secret $auth.keysSecret.name) -}}
{{- fail "auth.dev and a secret: only one of them" -}}
{{- end -}}
{{- if and (default dict .Values.settings.turn).urls (not (or .Values.turn.existingSecret.name .Values.turn.secret)) -}}
{{- fail "settings.turn.urls needs turn.existingSecret.name: what TURN servers share with the gateways" -}}
{{- end -}}
{{- if and (default dict .Values.settings.webhooks).url (not (or .Values.webhooks.existingSecret.name .Values.webhooks.secrets)) -}}
{{- fail "settings.webhooks.url needs webhooks.existingSecret.name: what webhooks are signed with" -}}
{{- end -}}
{{- if and (default dict .Values.settings.policy).url (not (or .Values.policy.existingSecret.name .Values.policy.secrets)) -}}
{{- fail "settings.policy.url needs policy.existingSecret.name: what questions to it are signed with" -}}
{{- end -}}
{{- if .Values.redis.bundled.enabled -}}
{{- if .Values.redis.username }}{{ fail "redis.username and redis.bundled.enabled: the bundled Redis has users of its own" }}{{ end -}}
{{- if eq (dig "store" "durability" "" .Values.settings) "replicated" }}{{ fail "settings.store.durability=replicated and redis.bundled.enabled: the bundled Redis has no replica, so nothing would ever be acknowledged" }}{{ end -}}
{{- if or .Values.redis.sentinel.username .Values.redis.sentinel.passwordSecret.name (include "ringback.hasCa" .) }}{{ fail "redis.sentinel, redis.tls and redis.bundled.enabled: the bundled Redis has neither" }}{{ end -}}
{{- end -}}
{{- if .Values.autoscaling.enabled -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}{{ fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}{{ end -}}
{{- if not (or .Values.autoscaling.targetCPU .Values.autoscaling.targetConnections .Values.autoscaling.targetCalls) -}}
{{- fail "autoscaling needs targetCPU, targetConnections or targetCalls" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring.serviceMonitor and monitoring.podMonitor: only one of them, or everything is counted twice" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}{{ fail "ingress.hosts is needed with ingress.enabled" }}{{ end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}{{ fail "httpRoute.parentRefs is needed with httpRoute.enabled: your Gateway" }}{{ end -}}
{{- if and (has (toString .Values.strategy.maxSurge) (list "0" "0%")) (has (toString .Values.strategy.maxUnavailable) (list "0" "0%")) -}}
{{- fail "strategy.maxSurge and strategy.maxUnavailable can't both be 0" -}}
{{- end -}}
{{- end -}}
