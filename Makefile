# Everything runs from a virtual environment in .venv, which the first run creates.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Container images often set it. Then each of the hundreds of processes of `make test` would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo messages screenshots pictures docs reset test test-dynamodb-local lint format
.PHONY: package deploy rehearse policies benchmarks faults fuzz requirements coverage conformance

help:
	@echo "make run                  start Lanyard on http://127.0.0.1:8000/ (PORT=, DYNAMODB_PORT= change the ports;"
	@echo "                          PUBLIC_URL= sets its address behind a proxy)"
	@echo "make demo                 start Lanyard and an application that connects to it, on http://127.0.0.1:8080/ (DEMO_PORT=;"
	@echo "                          PLATFORM=box_office: with a platform's own log-in, people and permissions)"
	@echo "make test                 run the whole test suite (WORKERS=0 for one process, ARGS= for pytest)"
	@echo "make coverage             run it with branch coverage of chalicelib/ and tests/, and list what no test reaches"
	@echo "make test-dynamodb-local  run the tests of atomic writes on AWS's own engine (Java 17 and Maven)"
	@echo "make faults               make every call to the store fail in every way (FLOW=refresh KIND=hung WORKERS=2, ARGS=--document)"
	@echo "make conformance          run the OpenID Foundation's conformance suite, at SUITE=https://..., against Lanyard (PLAN=, URL=)"
	@echo "make docs                 regenerate docs/http-api.md and docs/standards.md"
	@echo "make lint                 check formatting, lint rules and types"
	@echo "make format               fix the formatting"
	@echo "make messages             collect the pages' messages and compile the translations"
	@echo "make screenshots          regenerate docs/screenshots/"
	@echo "make pictures             take a picture of every page in every variant, in .local/pictures/"
	@echo "make package STAGE=prod   write one CloudFormation template and the zip to dist/prod/"
	@echo "make deploy STAGE=prod    deploy tables, functions, API and alarms (DRY_RUN=yes only prints the changes)"
	@echo "make rehearse             rehearse the whole deployment on a local AWS, with IAM enforced"
	@echo "make policies             write .chalice/policy-*.json from infra/deployment/policy.py"
	@echo "make fuzz                 compare random actions of users, applications and operators with a model (EXAMPLES=300 STEPS=40)"
	@echo "make requirements         pin the packages of requirements*.in, with hashes (UPGRADE=name or UPGRADE=all)"
	@echo "make benchmarks           measure store round trips, capacity units, costs and cold starts"
	@echo "make reset                delete local data (.local/)"

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Lanyard needs Python 3.11 or newer. Set PYTHON= to one." >&2; exit 2; }
	@echo "Creating a virtual environment in $(VENV) (once; takes about a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	  || { rm -rf $(VENV); echo "Python's venv module is missing. Install it: sudo apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m infra.laptop.install requirements-dev.txt
	@touch $@

# Packages that only the test suite needs are installed by its first run, so the first `make run` does not wait for them.
$(VENV)/.tests: $(VENV)/.ready requirements-test.txt
	@$(BIN)/python -m infra.laptop.install requirements-test.txt
	@touch $@

run: $(VENV)/.ready
	@PORT="$(PORT)" DYNAMODB_PORT="$(DYNAMODB_PORT)" exec $(BIN)/python -m infra.laptop.local

demo: $(VENV)/.ready
	@PORT="$(PORT)" DYNAMODB_PORT="$(DYNAMODB_PORT)" DEMO_PORT="$(DEMO_PORT)" PLATFORM="$(PLATFORM)" exec $(BIN)/python -m infra.laptop.demo_client

messages: $(VENV)/.ready
	@$(BIN)/python -m infra.documents.messages

screenshots: $(VENV)/.ready
	@$(BIN)/python -m docs.screenshots

pictures: $(VENV)/.tests
	@LANYARD_PICTURES=.local/pictures exec $(BIN)/python -m pytest tests/browser/test_every_page.py -k axe_finds_nothing $(ARGS)

reset:
	@rm -rf .local && echo "Deleted .local/"

# Several processes, each with its own store and server. WORKERS=0: a single process, for a debugger.
SHARED := -n $(or $(WORKERS),auto) --dist worksteal

test: $(VENV)/.tests
	@exec $(BIN)/python -m pytest $(SHARED) $(ARGS)

coverage: $(VENV)/.tests
	@exec $(BIN)/python -m pytest $(SHARED) --cov --cov-report=term-missing $(ARGS)

fuzz: $(VENV)/.tests
	@LANYARD_FUZZ_EXAMPLES="$(or $(EXAMPLES),300)" LANYARD_FUZZ_STEPS="$(or $(STEPS),40)" exec $(BIN)/python -m pytest tests/fuzz $(ARGS)

# Runs the tests of atomic writes on AWS's own engine. Needs Java 17 and Maven.
.local/dynamodb-local: infra/laptop/dynamodb_local/pom.xml
	@echo "Downloading DynamoDB Local"
	@mvn -q -B -f infra/laptop/dynamodb_local/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$@
	@touch $@

test-dynamodb-local: $(VENV)/.tests .local/dynamodb-local
	@LANYARD_TEST_STORE=dynamodb-local exec $(BIN)/python -m pytest $(SHARED) tests/models tests/flows $(ARGS)

# Every store call of every flow with every kind of fault: about twelve minutes on two processors. See docs/reliability.md.
faults: $(VENV)/.tests
	@exec $(BIN)/python -m tests.faults --flow "$(FLOW)" --kind "$(KIND)" --workers $(or $(WORKERS),2) $(ARGS)

conformance: $(VENV)/.tests
	@exec $(BIN)/python -m tests.conformance --suite "$(SUITE)" --url "$(URL)" --plan "$(PLAN)"

docs: $(VENV)/.tests
	@exec $(BIN)/python -m infra.documents

lint: $(VENV)/.tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

package: $(VENV)/.ready
	@exec $(BIN)/python -m infra.deployment.package $(STAGE)

deploy: $(VENV)/.ready
	@exec $(BIN)/python -m infra.deployment.deploy $(STAGE) $(if $(DRY_RUN),--dry-run)

rehearse: $(VENV)/.ready
	@exec $(BIN)/python -m infra.rehearsal.rehearse

policies: $(VENV)/.ready
	@exec $(BIN)/python -m infra.deployment.policy

benchmarks: $(VENV)/.ready
	@exec $(BIN)/python -m benchmarks

# Pinned versions stay as they are, except for new packages and those that UPGRADE names.
UV := .local/uv/bin/uv
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate \
  --no-emit-package pip --custom-compile-command "make requirements" $(if $(UPGRADE),$(if $(filter all,$(UPGRADE)),-U,-P $(UPGRADE)))

$(UV):
	@$(PYTHON) -m venv .local/uv && .local/uv/bin/pip install -q --disable-pip-version-check uv==0.13.9

requirements: $(UV)
	@$(COMPILE) requirements.in -o requirements.txt
	@$(COMPILE) requirements-dev.in -o requirements-dev.txt
	@$(COMPILE) requirements-test.in -o requirements-test.txt
