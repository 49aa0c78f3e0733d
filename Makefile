# The commands of the README. Each makes the environment it needs in a folder
# beside this file, once; it is renewed when setup.cfg, setup.py or
# pyproject.toml change.
#
#   make demo                  stylise photographs, write a contact sheet
#   make test                  run the tests (ARGS="..." goes to pytest)
#   make lint                  check the style
#   make bench                 run the benchmarks
#   make test-oldest           run them on the oldest supported versions
#   make test-jax, test-torch  run what needs no TensorFlow without it
#   make test-numerics         run layers, losses, metrics with 1, 2, 4 threads,
#                              and without oneDNN
#
# PYTHON=... names the interpreter; WORKERS=... the tests run side by side.

WORKERS ?= 2

PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
PYTHONS_OF_OLDEST = $(PYTHON) python3.12 python3.11 python3 python
# A line of setup.cfg that states a requirement, by the list it stands in.
REQUIREMENTS = sed -n '/^install_requires =/,/^$$/s/^ *\(.*>=.*\)/\1/p' setup.cfg
TEST_REQUIREMENTS = sed -n '/^test =/,/^$$/s/^ *\(.*>=.*\)/\1/p' setup.cfg
LOWER_ENDS = sed 's/>=\([0-9.]*\),.*/==\1/'
KEY := $(shell cat setup.cfg setup.py pyproject.toml | cksum | cut -d' ' -f1)
SOURCES = $(shell find keras_comic zoo -type f -not -name '*.pyc')

OLDEST_TESTS = $(wildcard $(addprefix tests/,layers losses metrics data \
	test_presets.py training/callbacks training/test_gan.py models/features \
	models/adain/test_style_transfer_gan.py models/test_drawing.py \
	models/test_generator.py models/test_image_files.py \
	export/test_saved_model.py export/test_versions.py export/test_warmup.py))
# Numbers that hold on any processor and with any number of threads.
NUMERIC_TESTS = $(addprefix tests/,layers losses metrics)

# In variables, since `call` takes a comma for the end of an argument.
EXTRAS = beam,export,remote,search,serving,video,web
TESTED = -e '.[test,test-serving,$(EXTRAS)]'
OLDEST = -c .venv-oldest/constraints.txt -e '.[test,serving,tfio,video]'

PYTEST = -m pytest -n $(WORKERS)

export TF_CPP_MIN_LOG_LEVEL = 3
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint bench test-oldest test-jax test-torch test-numerics

demo: $(or $(wildcard .venv/tested-$(KEY)),.venv/installed-$(KEY))
	.venv/bin/python examples/demo.py $(ARGS)

test: .venv/tested-$(KEY)
	.venv/bin/python $(PYTEST) $(ARGS)

test-numerics: .venv/tested-$(KEY)
	for threads in 1 2 4; do \
		TF_NUM_INTRAOP_THREADS=$$threads .venv/bin/python $(PYTEST) \
			$(NUMERIC_TESTS) $(ARGS) || exit 1; \
	done
	TF_ENABLE_ONEDNN_OPTS=0 .venv/bin/python $(PYTEST) $(NUMERIC_TESTS) $(ARGS)

lint: .venv/tested-$(KEY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

bench: .venv/tested-$(KEY)
	@for script in $(filter-out %/benchmark.py, \
			$(wildcard examples/benchmarks/*.py)); do \
		.venv/bin/python $$script $(ARGS) || exit 1; \
	done

# What others' old versions warn of is not a failure here.
test-oldest: .venv-oldest/tested-$(KEY)
	.venv-oldest/bin/keras-comic --help >/dev/null
	.venv-oldest/bin/python $(PYTEST) -W default $(OLDEST_TESTS) $(ARGS)

test-jax test-torch: BACKEND_TESTS = $(wildcard $(addprefix tests/,backends layers \
	losses metrics test_compat.py))
test-jax test-torch: test-%: .venv-%/wheel-$(KEY)
	cd .venv-$* && KERAS_BACKEND=$* bin/python -c "$$CHECK_WHEEL"
	$(if $(BACKEND_TESTS),KERAS_BACKEND=$* .venv-$*/bin/python \
		$(PYTEST) $(BACKEND_TESTS) $(ARGS))

define CHECK_WHEEL
import importlib.util
import keras_comic
assert importlib.util.find_spec("tensorflow") is None
assert "site-packages" in keras_comic.__file__, keras_comic.__file__
for name in keras_comic.list_presets():
    print(name, keras_comic.verify_preset(name))
endef
export CHECK_WHEEL

# $(call make_environment,FOLDER,INTERPRETERS,NEWEST MINOR VERSION)
define make_environment
	@$(1)/bin/python -m pip --version >/dev/null 2>&1 || { \
		for python in $(2); do \
			if $$python -c "import ensurepip, sys, venv; sys.exit(not \
					(3, 11) <= sys.version_info[:2] <= (3, $(3)))" \
					>/dev/null 2>&1; then \
				echo "Making $(1) with `$$python --version`"; \
				$$python -m venv --clear $(1); exit; \
			fi; \
		done; \
		echo "No Python 3.11 to 3.$(3) that can make an environment among:" \
			"$(2). Name one: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	}
	@rm -f $(1)/installed-* $(1)/tested-* $(1)/wheel-*
endef

# $(call install,FOLDER,ARGUMENTS OF PIP): a second try after a lost connection.
define install
	@echo "Installing into $(1); the first time takes some minutes"
	@$(1)/bin/python -m pip install -qq $(2) || { \
		sleep 10; $(1)/bin/python -m pip install -qq $(2); }
endef

.venv/installed-$(KEY):
	$(call make_environment,.venv,$(PYTHONS),13)
	$(call install,.venv,-e .)
	@touch $@

.venv/tested-$(KEY):
	$(call make_environment,.venv,$(PYTHONS),13)
	$(call install,.venv,$(TESTED))
	@touch .venv/installed-$(KEY) $@

.venv-oldest/tested-$(KEY):
	$(call make_environment,.venv-oldest,$(PYTHONS_OF_OLDEST),12)
	@$(REQUIREMENTS) | $(LOWER_ENDS) >.venv-oldest/constraints.txt
	$(call install,.venv-oldest,$(OLDEST))
	@touch $@

.venv-jax/installed-$(KEY) .venv-torch/installed-$(KEY): \
		.venv-%/installed-$(KEY):
	$(call make_environment,.venv-$*,$(PYTHONS),13)
	@{ $(REQUIREMENTS); $(TEST_REQUIREMENTS); echo $*; } \
		| grep -v '^tensorflow' >.venv-$*/requirements.txt
	$(call install,.venv-$*,-r .venv-$*/requirements.txt)
	@touch $@

.venv-jax/wheel-$(KEY) .venv-torch/wheel-$(KEY): \
		.venv-%/wheel-$(KEY): .venv-%/installed-$(KEY) $(SOURCES)
	@rm -rf build
	$(call install,.venv-$*,--no-deps --force-reinstall .)
	@touch $@
