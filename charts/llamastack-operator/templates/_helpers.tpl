{{- define "operator.labels" -}}
app.kubernetes.io/name: llamastack-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: llamastack-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.account" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{- define "operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* All that the operator may do. Server-side apply of an object that does not exist needs create beside patch. */}}
{{- define "operator.rules" -}}
- apiGroups: [llamastack.dev]
  resources: [llamastacks]
  verbs: [get, list, watch]
- apiGroups: [llamastack.dev]
  resources: [llamastackbuilds]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [llamastack.dev]
  resources: [llamastacks/status, llamastackbuilds/status]
  verbs: [patch]
# blockOwnerDeletion on the children, where the OwnerReferencesPermissionEnforcement plugin is on.
- apiGroups: [llamastack.dev]
  resources: [llamastacks/finalizers, llamastackbuilds/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Of builds' pods alone: how far they are, and the lock, which is larger than a termination message can be.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# By name only, to see that a Secret and its keys exist: Kubernetes has no narrower right.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# Created to tell what changed, listed to tell why the pod of a build is refused.
- apiGroups: [""]
  resources: [events]
  verbs: [create, list]
{{- end }}

{{/* Looking up names, wherever the cluster's server of names is: a pod, or an address of the node. */}}
{{- define "operator.lookups" -}}
- to:
  - namespaceSelector: {}
  - ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}
  - ipBlock: {cidr: "::/0", except: ["fd00:ec2::254/128"]}
  ports:
  - {protocol: UDP, port: 53}
  - {protocol: TCP, port: 53}
{{- end }}
