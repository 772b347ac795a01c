# graftkit. `make help` lists the targets; README.md says what it is.
SHELL := /bin/bash
.DEFAULT_GOAL := all

# ------------------------------------------------------------------ toolchain and flavours
ifeq ($(origin CC),default)
CC      := gcc
endif
ifeq ($(origin CXX),default)
CXX     := g++
endif
FLAVOUR ?= release
ARCH    ?=
BUILD   ?= build
SYSROOT ?=
B       := $(BUILD)/$(FLAVOUR)
# oneDNN is used where it is there, unless DNNL= says otherwise.
WITH_DNNL := $(if $(filter undefined,$(origin DNNL)),auto,$(DNNL))

include tools/pipeline/names.mk
$(call no_blank,BUILD SYSROOT ARCH SOURCE_DIR)$(call no_odd,BUILD SYSROOT ARCH SOURCE_DIR CC CXX)
$(if $(filter release asan ubsan fuzz,$(FLAVOUR)),,$(error FLAVOUR='$(FLAVOUR)' must be release, asan, ubsan or fuzz))

# Where the program looks for what a run needs when it is not installed.
SOURCE_DIR ?= $(CURDIR)
VERSION := $(shell sed -n 's/^\#define GK_VERSION "\(.*\)"/\1/p' include/graftkit/core/base.h 2>/dev/null)
SHARED_LIBRARY := $(B)/libgraftkit.so.$(VERSION)

TESTS   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/*/test_*.c))
FUZZERS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
EXAMPLES := $(patsubst examples/%.c,$(B)/examples/%,$(wildcard examples/*.c))
BENCHES := $(patsubst tools/bench/%.c,$(B)/%,$(wildcard tools/bench/bench_*.c))

ifdef COMPILING
include tools/build/compile.mk
else
# One step at a time, whatever -j says, which is for compiling: `make deps report` installs first, and a run's steps take all
# cores each.
.NOTPARALLEL:
# $(call compile,GOALS): by a make of its own, after what it needs was looked for, with all cores unless told otherwise.
# `make -n` says so and goes no deeper.
compile = $(if $(findstring n,$(firstword -$(MAKEFLAGS))),,+)B='$(B)' CC='$(CC)' CXX='$(CXX)' ARCH='$(ARCH)' SYSROOT='$(SYSROOT)' DNNL='$(WITH_DNNL)' \
    WANTS=$(if $(filter suites $(B)/tests/%,$1),tests) tools/build/find.sh && \
    $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$$(nproc)) COMPILING=1 $1

# What is to be noted is told by `make`, and by what needs the program once it is another one.
.PHONY: all
all: $(B)/graftkit ## build build/release/graftkit
$(B)/graftkit: FORCE
	@$(call compile,$@)
	@$(if $(filter 0,$(MAKELEVEL)),[ ! -s $(B)/config/note ] || $(if $(filter-out all,$(MAKECMDGOALS)),[ $(B)/config/told -nt $@ ] ||) \
	    { echo "make: $$(<$(B)/config/note)"; touch $(B)/config/told; })
$(TESTS) $(FUZZERS) $(BENCHES) $(EXAMPLES) $(B)/libgraftkit.a $(SHARED_LIBRARY) $(B)/link-private suites: FORCE
	@$(call compile,$@)

# ------------------------------------------------------------------ what people type
.PHONY: help deps deps-dev deps-deb examples lib install-lib deb test check-asan check-ubsan check-debian check-arm64 check-deb fuzz fuzz-run fmt lint man install clean bench bench-all bench-train bench-sweep bench-pipeline bench-draw
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22
	@echo; echo "  Variables:"; sed -n 's/^#: /  /p' $(MAKEFILE_LIST)
	@echo "  FLAVOUR=release|asan|ubsan CC=gcc|clang ARCH= (native: for this CPU alone) BUILD=build DNNL=1 (empty: without oneDNN)"
	@echo "  CFLAGS= CXXFLAGS= CPPFLAGS= LDFLAGS= SYSROOT= V=1 RELEASE=trixie|bookworm (docs/building.md)"

# The names are those of Debian 12 and 13; ?NAME: only where this release has it for this machine.
LIBRARIES := libblis-openmp-dev ?libdnnl-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev libjansson-dev libyaml-dev \
            libssl-dev libsqlite3-dev check libsubunit-dev
PACKAGES := gcc g++ make librsvg2-bin $(LIBRARIES)
DEV_PACKAGES := clang libomp-dev clang-format clang-tidy libclang-rt-dev valgrind ?chromium
deps: ## install the Debian packages that building, testing and the report need
	@tools/build/deps.sh $(PACKAGES:?%='?%')
deps-deb: ## install what make deb needs besides
	@tools/build/deps.sh build-essential debhelper fakeroot lintian pkgconf
deps-dev: ## install what make fmt, make lint and CC=clang need besides
	@tools/build/deps.sh $(DEV_PACKAGES:?%='?%')

test: ## run every test suite and replay the fuzzers' seeds
	@$(call compile,suites)
	@GRAFTKIT=$(abspath $(B)/graftkit) EACH_ISA=$(if $(filter release,$(FLAVOUR)),1) tests/run.sh $(TESTS) $(FUZZERS)
check-asan: ## the tests under AddressSanitizer and LeakSanitizer, in build/asan
	$(MAKE) test FLAVOUR=asan
check-ubsan: ## the tests under UndefinedBehaviorSanitizer, in build/ubsan
	$(MAKE) test FLAVOUR=ubsan
# These need root. REPORT: variables for the report, nothing for the default one; SUITES: those to run on arm64.
RELEASE  ?= trixie
REPORT   ?= BASE_ROWS=100 RELATION_ROWS=20 TASK_ROWS=8
SUITES   ?=
check-debian: ## RELEASE=trixie|bookworm: what a new user does, in a clean root: make deps report, make deps test, and again
	@B='$(BUILD)/debian' REPORT='$(REPORT)' tools/build/check_debian.sh '$(RELEASE)'
check-arm64: ## cross-compiled for arm64, and the suites of core, tokenizer, model, graft and eval run by qemu-user
	@B='$(BUILD)/debian' SUITES='$(SUITES)' LIBRARIES='$(LIBRARIES:?%=%)' tools/build/check_debian.sh '$(RELEASE)' arm64
check-deb: ## RELEASE=trixie|bookworm: make deb in a clean root, and what it makes installed and used in another
	@B='$(BUILD)/debian' LIBRARIES='$(LIBRARIES)' tools/build/check_debian.sh '$(RELEASE)' packages
# Inputs found go to build/fuzz/found/NAME and crashes to build/fuzz/crashes; the seeds stay as they are.
FUZZ     ?= gguf
SECONDS  ?= 600
fuzz: ## fuzz one parser: FUZZ=gguf|safetensors|… (tests/fuzz/fuzz_*.c) SECONDS=600 (needs clang)
	$(MAKE) CC=clang CXX=clang++ FLAVOUR=fuzz fuzz-run
fuzz-run: $(B)/tests/fuzz/fuzz_$(FUZZ)
	@mkdir -p $(B)/found/$(FUZZ) $(B)/crashes
	$< -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(B)/crashes/$(FUZZ)- \
	    -print_final_stats=1 $(B)/found/$(FUZZ) tests/fuzz/seeds/$(FUZZ)
# auto: bench/results/, a file for each processor; empty: figures are shown and not noted.
CSV       ?= auto
bench: $(B)/graftkit ## run the benchmarks, here and below with figures noted in CSV=bench/results/PROCESSOR.csv (CSV= : not noted)
	@$(call compile,$(BENCHES))
	@BIN=$(B) CSV='$(CSV)' tools/bench/bench.sh
bench-draw: ## draw bench/results/*.csv: docs/results/speed.svg and sweep-curve.svg
	@tools/bench/draw.sh
ROUNDS    ?= 3
SHAPES    ?= gpt2-124m
PYTHON    ?=
COMPILE   ?=
TOKENIZER ?=
# The source tree of an older graftkit that is built: what is measured here is measured there in turn, and told beside.
OLDER     ?=
IN_TURN    = BIN=$(B) PYTHON='$(PYTHON)' CSV='$(CSV)' ROUNDS='$(ROUNDS)' OLDER='$(OLDER)'
bench-train: $(B)/bench_train $(B)/graftkit ## training speed by SHAPES="small texts gpt2-124m …"; PYTHON=python3: beside PyTorch, OLDER=DIR: an older build (tools/bench/bench_train.sh)
	@$(IN_TURN) SHAPES='$(SHAPES)' COMPILE='$(COMPILE)' THREADS='$(THREADS)' TOKENIZER='$(TOKENIZER)' tools/bench/bench_train.sh

GGUF      ?=
PARTS     ?= gpt2 smollm2 bf16 generate grid export curve derived
PROMPTS   ?= 200
bench-sweep: $(B)/bench_sweep $(B)/graftkit ## graft sweeps by PARTS="gpt2 smollm2 bf16 …"; PYTHON, OLDER as above, GGUF=SmolLM2 (tools/bench/bench_sweep.sh)
	@$(IN_TURN) GGUF='$(GGUF)' PARTS='$(PARTS)' PROMPTS='$(PROMPTS)' THREADS='$(if $(filter 0,$(THREADS)),2,$(THREADS))' tools/bench/bench_sweep.sh
bench-pipeline: $(B)/graftkit ## the default pipeline with two finetunings; OLDER as above
	@$(IN_TURN) tools/bench/bench_pipeline.sh
bench-all: bench ## all of these, in SHAPES and PARTS that say how fast graftkit is, and their figure
	$(MAKE) bench-train SHAPES='small gpt2-124m smollm2-135m llama-3.2-1b llama-3.2-1b:8'
	$(MAKE) bench-sweep
	$(MAKE) bench-pipeline
	$(MAKE) bench-draw

SOURCES  = $(shell git ls-files "*.[ch]" "*.cc")
fmt: ## format the sources
	clang-format -i $(SOURCES)
lint: ## check the format, clang's warnings and clang-tidy
	clang-format --dry-run -Werror $(SOURCES)
	@$(call compile,lint-sources)

# What comes along with the program goes to share/graftkit, in the folders that it looks in (core/shipped.c).
PREFIX  ?= /usr/local
DESTDIR ?=
PLACE   := $(DESTDIR)$(PREFIX)
$(B)/graftkit.1: $(B)/graftkit
	GRAFTKIT_HOME='$(CURDIR)' $< man >$@.tmp && mv $@.tmp $@
man: $(B)/graftkit.1 ## the manual page, build/release/graftkit.1
install: $(B)/graftkit $(B)/graftkit.1 ## install to PREFIX=/usr/local, under DESTDIR= if given
	install -d '$(PLACE)/bin' '$(PLACE)/share/man/man1' '$(PLACE)/share/doc/graftkit'
	install $(B)/graftkit '$(PLACE)/bin'
	install -m 644 $(B)/graftkit.1 '$(PLACE)/share/man/man1'
	for d in $$($< list folders); do \
	    install -d '$(PLACE)/share/graftkit'/$$d && cp -R $$d/. '$(PLACE)/share/graftkit'/$$d || exit 1; done
	cp -R README.md LICENSE CITATION.cff docs '$(PLACE)/share/doc/graftkit'
LIBDIR  ?= $(PREFIX)/lib
examples: $(EXAMPLES) ## build the programs of examples/ into build/release/examples
lib: $(B)/libgraftkit.a $(SHARED_LIBRARY) ## the library, build/release/libgraftkit.a and .so
install-lib: lib $(B)/link-private ## install the library with headers and graftkit.pc (LIBDIR=PREFIX/lib)
	tools/build/install_lib.sh '$(B)' '$(VERSION)' '$(DESTDIR)' '$(PREFIX)' '$(LIBDIR)'
deb: ## Debian packages of all of it, in build/deb (make deps-deb installs what this needs)
	@LIBRARIES='$(LIBRARIES)' tools/build/deb.sh '$(BUILD)/deb' '$(VERSION)'
clean: ## remove build/ (runs/ stays)
	@tools/build/folder.sh clean '$(BUILD)'

# ------------------------------------------------------------------ the pipeline: dataset -> base -> finetune -> graft-sweep -> report
G := $(B)/graftkit
BUILD_VARIABLES := CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS FLAVOUR ARCH BUILD DNNL SYSROOT V PREFIX DESTDIR LIBDIR SOURCE_DIR FUZZ SECONDS \
    ROUNDS SHAPES OLDER PYTHON COMPILE TOKENIZER GGUF PARTS PROMPTS CSV RELEASE REPORT SUITES INSTALL AR COMPILING
include tools/pipeline/run.mk
endif
