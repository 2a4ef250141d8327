{{/* Names, labels, images. */}}

{{- define "ringback.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 24 | trimSuffix "-" -}}
{{- end -}}

{{/* Short: a pod's name is a gateway's name in the cluster, of 48 characters at most, and has 17 more than this. */}}
{{- define "ringback.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "ringback.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 30 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ringback.labels" -}}
{{- include "ringback.labelsAnd" (list . dict) -}}
{{- end -}}

{{/* (list . .Values.monitoring.podMonitor.labels): and those, which win over yours for every object. */}}
{{- define "ringback.labelsAnd" -}}
{{- $ := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "ringback.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- with merge (deepCopy (index . 1)) $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (list . "gateway"): what never changes of a part's pods. */}}
{{- define "ringback.selector" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ include "ringback.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* (list . "gateway" .Values.podLabels): the same, and yours: without the chart's version, for which alone no pod is to be started anew. */}}
{{- define "ringback.podLabels" -}}
{{ include "ringback.selector" . }}
{{- with merge (deepCopy (index . 2)) (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (list . .Values.image) */}}
{{- define "ringback.image" -}}
{{- $ := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default $.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "ringback.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "ringback.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Nobody's root, and nothing to write to. */}}
{{- define "ringback.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "ringback.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "ringback.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Of `settings`, or the gateway's default, in milliseconds. */}}
{{- define "ringback.drainWindow" -}}
{{- dig "drain" "window_ms" 30000 .Values.settings | int64 -}}
{{- end -}}

{{/* In which a gateway drains, in seconds: its window, rounded up, and what it needs beside. */}}
{{- define "ringback.gracePeriod" -}}
{{- add .Values.shutdown.preStopSeconds (div (add (include "ringback.drainWindow" . | int64) 999) 1000) 15 -}}
{{- end -}}
