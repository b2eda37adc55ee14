# `make` alone prints what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK = uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command 'make lock'

# Tests on as many processes, each with an API server of its own where it needs one.
PARALLEL = -n 2

# The tests start hundreds of processes: what Python compiles is kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-cluster test-e2e unit check generate lock faults science agents bench cluster-up cluster-down cluster-status clean

help: ## Print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

quickstart: $(VENV)/quickstart ## Set up, and run the example jobs on this machine
	$(BIN)/qjob run manifests/examples/*.yaml

test: $(VENV)/dev ## Everything that CI runs: checks, unit tests, and the tests on a real Kubernetes
	$(MAKE) check
	$(MAKE) --jobs=2 test-cluster test-e2e

# Much of either is waiting, so that both at once take little longer than one.
test-cluster: $(VENV)/dev
	$(BIN)/python -m pytest -q $(PARALLEL) --dist loadfile --no-loadscope-reorder tests/cluster tests/contract

test-e2e: $(VENV)/dev
	$(BIN)/python -m pytest -q tests/e2e

unit: $(VENV)/dev ## The tests that need no cluster
	$(BIN)/python -m pytest -q $(PARALLEL) --dist loadfile tests/unit

check: $(VENV)/dev ## Format, lint, types, layers, generated files and unit tests: all that CI runs but the cluster
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy operator adapters tests/testcluster
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(PARALLEL) --dist loadfile tests/unit

generate: $(VENV)/dev ## Write crds/, the charts' generated files and docs/reference/ from the types
	$(BIN)/python -m quantum_operator.api.generate
	$(BIN)/python -m quantum_operator.cli.reference > docs/reference/cli.md
	$(BIN)/python -m quantum_operator.decide.lifecycle > docs/reference/joblife.md
	$(BIN)/python -m quantum_operator.decide.breakerlife > docs/reference/breaker.md
	$(BIN)/python -m quantum_operator.agent.lifecycle > docs/reference/lifecycle.md
	cp operator/quantum_operator/local/backends.yaml charts/quantum-operator/files/backends.yaml
	PYTHONPATH=tests $(BIN)/python tests/support/chartvalues.py charts/quantum-operator
	PYTHONPATH=tests $(BIN)/python tests/support/chartvalues.py charts/quantum-operator-agent

lock: ## Pin every dependency anew (needs uv)
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) pyproject.toml --extra operator -o requirements/operator.txt
	$(LOCK) pyproject.toml --extra runner -o requirements/runner.txt
	$(LOCK) pyproject.toml --extra runner --extra cli -o requirements/quickstart.txt
	$(LOCK) pyproject.toml --all-extras -o requirements/dev.txt
	$(LOCK) pyproject.toml --constraints requirements/dev.txt --extra operator --extra runner --extra ibm -o requirements/agent-ibm.txt
	$(LOCK) pyproject.toml --constraints requirements/dev.txt --extra operator --extra runner --extra braket -o requirements/agent-braket.txt

faults: $(VENV)/dev ## Only the tests that crash, break, evict and remove things: in memory, on this machine, on a real Kubernetes
	$(BIN)/python -m pytest --faults=all tests/unit/reconcile tests/unit/agent tests/contract/test_local_crashes.py
	$(BIN)/python -m pytest -q -s --faults=all tests/cluster/test_crash_matrix.py tests/cluster/test_fault_matrix.py
	$(BIN)/python -m pytest -q -s --faults=all tests/cluster/test_agent_crashes.py tests/cluster/test_agent_writes.py
	$(BIN)/python -m pytest -q -s --faults=all tests/cluster/test_agent_faults.py tests/cluster/test_agent_surprises.py tests/cluster/test_agent_together.py
	$(BIN)/python -m pytest -q -s --faults=all tests/cluster/test_agent_pauses.py tests/cluster/test_agent_namespaces.py
	$(BIN)/python -m pytest -q -s --faults=all tests/cluster/test_two_of_each.py tests/cluster/test_budgets.py tests/cluster/test_resilience.py tests/cluster/test_reapplied.py
	$(BIN)/python -m pytest -v --faults=all tests/e2e/test_operator_dies.py tests/e2e/test_failures.py tests/e2e/test_pause_and_cancel.py

science: $(VENV)/dev ## Only the tests of figures: circuits and statistics, and 25 circuits through a real Kubernetes
	$(BIN)/python -m pytest tests/unit/circuits
	$(BIN)/python -m pytest -v --circuits=all tests/e2e/test_bench_circuits.py

agents: $(VENV)/dev ## Build the image of each provider's agent, and run a job through it on a real Kubernetes (not part of `make test`)
	$(BIN)/python -m pytest -v tests/images

bench: $(VENV)/dev ## Every benchmark on a real Kubernetes, see benchmarks/README.md (half an hour or more)
	PYTHONPATH=tests $(BIN)/python benchmarks/assignments.py
	PYTHONPATH=tests $(BIN)/python benchmarks/apply_to_complete.py
	PYTHONPATH=tests $(BIN)/python benchmarks/operator_cost.py
	PYTHONPATH=tests $(BIN)/python benchmarks/provider_path.py
	PYTHONPATH=tests $(BIN)/python benchmarks/many_jobs.py

cluster-up: $(VENV)/dev ## Start a real Kubernetes with one node on this machine (Linux, root)
	PYTHONPATH=tests $(BIN)/python -m testcluster up

cluster-status: $(VENV)/dev ## What of it runs
	PYTHONPATH=tests $(BIN)/python -m testcluster status

cluster-down: $(VENV)/dev ## Remove it
	PYTHONPATH=tests $(BIN)/python -m testcluster down

clean: ## Remove the virtual environment and what the tools cached here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/quickstart $(VENV)/dev: $(VENV)/%: requirements/%.txt requirements/build.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$*.txt -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@
