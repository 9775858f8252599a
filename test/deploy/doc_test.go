// Package deploy holds what operators run against what it is for: alerts and
// dashboard against a real Prometheus that has read a real gateway, the chart
// against Kubernetes' own types, the pages' commands against a gateway with data.
package deploy
