{{/* The name of everything that is not cluster-wide. */}}
{{- define "quantum-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quantum-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "quantum-operator.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* `qjob doctor` finds the operator by app.kubernetes.io/name. */}}
{{- define "quantum-operator.selectorLabels" -}}
app.kubernetes.io/name: quantum-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of everything but the operator's own pods. */}}
{{- define "quantum-operator.commonLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quantum-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quantum-operator.labels" -}}
app.kubernetes.io/name: quantum-operator
{{ include "quantum-operator.commonLabels" . }}
{{- end -}}

{{/* The reference of an image: [image, default tag]. A digest says which image it is, whatever the tag. */}}
{{- define "quantum-operator.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 1)) -}}
{{- end -}}
{{- end -}}

{{/* What the restricted standard asks of a pod. */}}
{{- define "quantum-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What the restricted standard asks of a container, and a read-only root file system besides. */}}
{{- define "quantum-operator.securityContext" -}}
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
privileged: false
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The environment variables that name the proxy. The API server is never behind it. */}}
{{- define "quantum-operator.proxyEnv" -}}
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

{{/* The namespace of the test's job: one that the operator watches. */}}
{{- define "quantum-operator.testNamespace" -}}
{{- if or (not .Values.watchNamespaces) (has .Release.Namespace .Values.watchNamespaces) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- first .Values.watchNamespaces -}}
{{- end -}}
{{- end -}}

{{/* The operator's settings, as environment variables. */}}
{{- define "quantum-operator.settings" -}}
- name: QUANTUM_OPERATOR_RUNNER_IMAGE
  value: {{ include "quantum-operator.image" (list .Values.runs.image .Chart.AppVersion) | quote }}
- name: QUANTUM_OPERATOR_RUNNER_PULL_POLICY
  value: {{ .Values.runs.image.pullPolicy }}
{{- with .Values.runs.imagePullSecrets }}
{{- $names := list }}
{{- range . }}{{ $names = append $names .name }}{{ end }}
- name: QUANTUM_OPERATOR_RUNNER_PULL_SECRETS
  value: {{ join "," $names | quote }}
{{- end }}
{{- with .Values.runs.priorityClassName }}
- name: QUANTUM_OPERATOR_RUNNER_PRIORITY_CLASS
  value: {{ . | quote }}
{{- end }}
- name: QUANTUM_OPERATOR_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: QUANTUM_OPERATOR_LEASE
  value: {{ printf "%s/%s" .Release.Namespace (include "quantum-operator.fullname" .) | quote }}
- name: QUANTUM_OPERATOR_LEASE_FILE
  value: /tmp/lease
- name: QUANTUM_OPERATOR_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end -}}

{{/* Selects the pods of runs. */}}
{{- define "quantum-operator.runSelector" -}}
matchExpressions:
  - {key: quantum-operator.dev/job-uid, operator: Exists}
{{- end -}}

{{/* The binding of an admission policy: [., kind, the policy's last name, what a namespace without BackendPolicies gets]. */}}
{{- define "quantum-operator.admissionBinding" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $policy := printf "%s-%s" (include "quantum-operator.fullname" $root) (index . 2) -}}
apiVersion: admissionregistration.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $policy }}
  labels:
    {{- include "quantum-operator.labels" $root | nindent 4 }}
spec:
  policyName: {{ $policy }}
  {{- if eq $kind "ValidatingAdmissionPolicyBinding" }}
  validationActions: [Deny]
  {{- end }}
  {{- if gt (len .) 3 }}
  paramRef:
    selector: {}
    parameterNotFoundAction: {{ index . 3 }}
  {{- end }}
  {{- with $root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml . | nindent 12 }}
  {{- end }}
{{- end -}}
