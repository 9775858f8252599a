{{- define "pasarela.nombre" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "pasarela.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pasarela.etiquetas" -}}
{{ include "pasarela.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "pasarela.cuenta" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "pasarela.nombre" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "pasarela.imagen" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "pasarela.contenedor" -}}
image: {{ include "pasarela.imagen" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "pasarela.seguridad" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What serve and migrate both need to reach the database. */}}
{{- /* Nine tenths of resources.limits.memory, in bytes: what Go keeps to; the rest is for what it does not count. */ -}}
{{- define "pasarela.memoria" -}}
{{- $texto := .Values.resources.limits.memory | toString }}
{{- if kindIs "float64" .Values.resources.limits.memory }}{{ $texto = .Values.resources.limits.memory | int64 | toString }}{{ end }}
{{- if not (regexMatch "^[0-9]+([kMG]|[KMG]i)?$" $texto) }}{{ fail (printf "resources.limits.memory: %q; un entero con Mi o Gi, como 512Mi" $texto) }}{{ end }}
{{- $unidades := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 }}
{{- div (mul (regexFind "^[0-9]+" $texto | int64) (get $unidades (regexFind "[kMGKi]*$" $texto)) 9) 10 }}
{{- end }}

{{- define "pasarela.entorno" -}}
{{- if and (.Values.resources.limits).memory (not (hasKey .Values.env "GOMEMLIMIT")) }}
- {name: GOMEMLIMIT, value: {{ include "pasarela.memoria" . | quote }}}
{{- end }}
- {name: GATEWAY_DATA_DIR, value: /data}
- {name: GATEWAY_DATABASE_URL, value: {{ .Values.database.url | quote }}}
- {name: GATEWAY_BLOB_URL, value: {{ .Values.blobUrl | quote }}}
- {name: GATEWAY_API_KEYS_FILE, value: /run/secrets/pasarela/claves/keys.json}
{{- if .Values.database.passwordSecret.name }}
- {name: GATEWAY_DATABASE_PASSWORD_FILE, value: /run/secrets/pasarela/database/password}
{{- end }}
{{- if .Values.database.caConfigMap.name }}
- {name: PGSSLROOTCERT, value: /run/secrets/pasarela/database-ca/ca.crt}
{{- end }}
{{- end }}

{{- define "pasarela.montajes" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
- {name: claves, mountPath: /run/secrets/pasarela/claves, readOnly: true}
{{- if .Values.database.passwordSecret.name }}
- {name: database, mountPath: /run/secrets/pasarela/database, readOnly: true}
{{- end }}
{{- if .Values.database.caConfigMap.name }}
- {name: database-ca, mountPath: /run/secrets/pasarela/database-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "pasarela.volumenes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: claves
  secret: {secretName: {{ required "apiKeys.secretName: el Secret con keys.json" .Values.apiKeys.secretName }}, defaultMode: 0440, items: [{key: {{ .Values.apiKeys.key }}, path: keys.json}]}
{{- with .Values.database.passwordSecret }}{{ if .name }}
- name: database
  secret: {secretName: {{ .name }}, defaultMode: 0440, items: [{key: {{ .key }}, path: password}]}
{{- end }}{{ end }}
{{- with .Values.database.caConfigMap }}{{ if .name }}
- name: database-ca
  configMap: {name: {{ .name }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}{{ end }}
{{- end }}
