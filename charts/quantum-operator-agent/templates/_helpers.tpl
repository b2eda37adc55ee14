{{/* The name of everything. There is one account in a namespace, and so Helm refuses a second release there. */}}
{{- define "quantum-operator-agent.name" -}}
quantum-operator-agent
{{- end -}}

{{/* The name of what has no namespace. */}}
{{- define "quantum-operator-agent.clusterName" -}}
{{- printf "quantum-operator-agent:%s" .Release.Namespace -}}
{{- end -}}

{{- define "quantum-operator-agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "quantum-operator-agent.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "quantum-operator-agent.selectorLabels" -}}
app.kubernetes.io/name: quantum-operator-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quantum-operator-agent.labels" -}}
{{ include "quantum-operator-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quantum-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The reference of the image. A digest says which image it is, whatever the tag. */}}
{{- define "quantum-operator-agent.image" -}}
{{- $repository := .Values.image.repository | default (printf "quantum-operator-agent-%s" .Values.adapter) -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The environment variables that name the proxy. The API server is never behind it. */}}
{{- define "quantum-operator-agent.proxyEnv" -}}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- if or .Values.proxy.http .Values.proxy.https }}
- name: NO_PROXY
  value: {{ append .Values.proxy.noProxy "$(KUBERNETES_SERVICE_HOST)" | join "," | quote }}
{{- end }}
{{- end -}}

{{/* The agent's settings, as environment variables. */}}
{{- define "quantum-operator-agent.settings" -}}
- name: QUANTUM_AGENT_NAMESPACE
  value: {{ .Release.Namespace }}
- name: QUANTUM_AGENT_ADAPTER
  value: {{ .Values.adapter | quote }}
- name: QUANTUM_AGENT_SETTINGS
  value: /etc/quantum-operator/settings
{{- if .Values.credentialsSecret }}
- name: QUANTUM_AGENT_CREDENTIALS
  value: /etc/quantum-operator/credentials
{{- end }}
- name: QUANTUM_AGENT_LEASE
  value: {{ printf "%s/%s" .Release.Namespace (include "quantum-operator-agent.name" .) | quote }}
- name: QUANTUM_AGENT_LEASE_FILE
  value: /tmp/lease
- name: QUANTUM_AGENT_COMPILER_SOCKET
  value: /run/quantum-operator/compiler/socket
- name: QUANTUM_AGENT_POLL_SECONDS
  value: {{ .Values.pollSeconds | quote }}
- name: QUANTUM_AGENT_HEALTH_SECONDS
  value: {{ .Values.healthSeconds | quote }}
- name: QUANTUM_AGENT_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end -}}
