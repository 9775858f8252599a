# Every door of the project. CI, hooks and people run the same targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := .cache/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
OASDIFF_VERSION := v1.37.0
OASDIFF := .cache/bin/oasdiff-$(OASDIFF_VERSION)
# Its version is in api/lint/package.json.
REDOCLY := .cache/redocly/node_modules/.bin/redocly
CYCLONEDX_VERSION := v1.9.0
CYCLONEDX := .cache/bin/cyclonedx-gomod-$(CYCLONEDX_VERSION)
HELM_VERSION := v3.19.2
HELM := .cache/bin/helm-$(HELM_VERSION)
# A helm made by go install knows no Kubernetes version of its own.
KUBE_VERSION := 1.34.0
FUZZTIME ?= 60s
SCHEMATHESIS := .cache/schemathesis/bin/schemathesis
# The race detector needs a C compiler; without one the tests still run. It does not
# watch SQLite, which is C turned into Go, one connection at a time: that, and the check
# of pointers that comes with it, took three quarters of what a test with a database costs.
RACE := $(shell command -v "$$(go env CC)" >/dev/null 2>&1 && echo "-race '-gcflags=modernc.org/...=-race=false -d=checkptr=0'")
# Tests of a package that run at a time: half of them wait, for clocks and for programs.
PARALLEL := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
# What `gateway version` says. Where there is no git they can be given.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null)
FECHA ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
SELLADO := github.com/pasarela-mx/pasarela/internal/version
SELLO = -X $(SELLADO).name=$(VERSION) -X $(SELLADO).commit=$(COMMIT) -X $(SELLADO).fecha=$(FECHA)

.PHONY: help run demo test clients lint contract properties verify bench generate fuzz build sbom chart

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the sandbox and the gateway, and print curl lines to paste
	@mkdir -p .cache/bin
	@test -e .cache/bin/dev || echo 'Compiling; the first time takes a minute or two.'
	@go build -o .cache/bin/dev ./cmd/dev && exec .cache/bin/dev run

demo: ## Walk every operation against the sandbox, a year of downloads too (two minutes, 1 GB)
	@mkdir -p .cache/bin
	@go build -o .cache/bin/dev ./cmd/dev && exec .cache/bin/dev demo

# The flows come first: they wait for clocks half of the time, and the rest is done meanwhile.
# go vet is make lint's, which has all of it; here it would look at each package once more.
test: ## Run every test, with the race detector where there is a C compiler
	go test -vet=off $(RACE) -parallel $(PARALLEL) -timeout 40m ./test/integration ./...

clients: ## Generate clients in six languages, run them and the examples; SOLO="go php" runs some
	go run ./test/clients $(SOLO)

lint: $(GOLANGCI_LINT) ## Check style and likely mistakes
	$(GOLANGCI_LINT) run

contract: $(REDOCLY) $(OASDIFF) ## Lint api/openapi.yaml, and say what breaks clients of the last landed one
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(REDOCLY) lint --config api/lint/redocly.yaml api/openapi.yaml
	$(OASDIFF) breaking --config api/base/oasdiff.yaml api/base/openapi.yaml api/openapi.yaml
	PASARELA_OASDIFF="$(CURDIR)/$(OASDIFF)" go test ./test/contract -run '^TestBase_' -count=1

verify: generate ## Check that generated files, module files and formatting are as committed
	go mod tidy -diff
	go mod verify
	@unformatted="$$(gofmt -l $$(git ls-files '*.go' ':!gen'))"; test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	git diff --exit-code -- . ':!go.sum'
	@untracked="$$(git ls-files --others --exclude-standard gen docs)"; test -z "$$untracked" || { echo "generated and not committed: $$untracked"; exit 1; }

generate: ## Write the SOAP stubs, the REST types and the generated pages again
	go generate ./gen ./internal/config ./internal/cli ./test/arch

bench: ## Measure speed and memory beside the reference programs (minutes)
	go run ./bench

properties: $(SCHEMATHESIS) ## Ask sandbox and gateway at random what the contract allows, and what not
	PASARELA_SCHEMATHESIS="$(CURDIR)/$(SCHEMATHESIS)" go test ./test/properties -run AtRandom -v -count=1 -timeout 4h

fuzz: ## Fuzz every parser, FUZZTIME each (default 60s)
	@set -e; for pkg in $$(go list ./internal/...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; go test $$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x; \
	  done; done

build: ## Build static binaries into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w $(SELLO)' -o bin/ ./cmd/gateway ./cmd/sandbox

sbom: build $(CYCLONEDX) ## List what is in the gateway's binary: bin/gateway.cdx.json, CycloneDX
	$(CYCLONEDX) bin -json -std -version "$(VERSION)" -output bin/gateway.cdx.json bin/gateway

chart: $(HELM) ## Lint the Helm chart, and hold what it renders against Kubernetes' own types (minutes the first time)
	@cd deploy/helm/_verifica && go build -o "$(CURDIR)/.cache/bin/verifica" .
	@set -e; for f in deploy/helm/pasarela/ci/*-values.yaml; do \
	  $(HELM) lint --strict --quiet --kube-version $(KUBE_VERSION) -f $$f deploy/helm/pasarela; \
	  echo "== $$f"; $(HELM) template pasarela deploy/helm/pasarela --kube-version $(KUBE_VERSION) -f $$f >.cache/chart.yaml; \
	  .cache/bin/verifica <.cache/chart.yaml; \
	done
	@$(HELM) template pasarela deploy/helm/pasarela --kube-version $(KUBE_VERSION) -f deploy/helm/pasarela/ci/minimo-values.yaml --set resources.limits.memory=2Gi | \
	  grep -c 'name: GOMEMLIMIT, value: "1932735283"' | grep -qx 2 || { echo "GOMEMLIMIT of the gateway and its migration is not nine tenths of 2Gi"; exit 1; }
	@! $(HELM) template pasarela deploy/helm/pasarela --kube-version $(KUBE_VERSION) -f deploy/helm/pasarela/ci/minimo-values.yaml --set serviceMonitor.enabled=true >/dev/null 2>&1 || \
	  { echo "a ServiceMonitor that the network policy shuts out is rendered"; exit 1; }

$(GOLANGCI_LINT):
	@mkdir -p $(@D)
	GOBIN="$(CURDIR)/$(@D)" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv "$(@D)/golangci-lint" "$@"

$(OASDIFF):
	@mkdir -p $(@D)
	GOBIN="$(CURDIR)/$(@D)" go install github.com/oasdiff/oasdiff@$(OASDIFF_VERSION)
	@mv "$(@D)/oasdiff" "$@"

$(REDOCLY): api/lint/package-lock.json
	@mkdir -p .cache/redocly && cp api/lint/package.json api/lint/package-lock.json .cache/redocly/
	npm ci --prefix .cache/redocly --ignore-scripts --no-audit --no-fund
	@touch $@

$(CYCLONEDX):
	@mkdir -p $(@D)
	GOBIN="$(CURDIR)/$(@D)" go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
	@mv "$(@D)/cyclonedx-gomod" "$@"

$(HELM):
	@mkdir -p $(@D)
	GOBIN="$(CURDIR)/$(@D)" go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	@mv "$(@D)/helm" "$@"

$(SCHEMATHESIS): test/properties/requirements.txt
	python3 -m venv --clear .cache/schemathesis
	.cache/schemathesis/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
