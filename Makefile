# graftkit. `make help` lists the targets; README.md says what it is.
SHELL := /bin/bash
.DEFAULT_GOAL := all

# ------------------------------------------------------------------ toolchain and flavours
CC      ?= gcc
CXX     ?= g++
ifeq ($(origin CC),default)
CC      := gcc
endif
ifeq ($(origin CXX),default)
CXX     := g++
endif
FLAVOUR ?= release
ARCH    ?= native
BUILD   ?= build
B       := $(BUILD)/$(FLAVOUR)

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
FLAGS.release := -O3 -march=$(ARCH) -g
FLAGS.asan    := -O1 -march=$(ARCH) -g -fsanitize=address -fno-omit-frame-pointer
FLAGS.fuzz    := -O1 -march=$(ARCH) -g -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer
FLAGS.ubsan   := -O1 -march=$(ARCH) -g -fsanitize=undefined -fno-sanitize-recover=all
OPT     := $(FLAGS.$(FLAVOUR))
MULTI   := $(shell $(CC) -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)

# oneDNN is optional at build time: its sgemm is used where it is there.
HAVE_DNNL := $(if $(wildcard /usr/include/oneapi/dnnl/dnnl.h),1,)
DNNL    ?= $(HAVE_DNNL)

CPPFLAGS := -I. -D_GNU_SOURCE -isystem /usr/include/$(MULTI)/blis-openmp -DGK_SOURCE_DIR='"$(CURDIR)"' \
            $(if $(DNNL),-DGK_HAVE_DNNL)
# clang does not vectorise a maximum over floats and says so at every `omp simd reduction(max)`.
CLANG_ONLY := $(if $(findstring clang,$(CC)),-Wno-pass-failed)
CFLAGS   := -std=c11 $(WARN) $(OPT) -fopenmp -fno-math-errno -fno-trapping-math $(CLANG_ONLY)
CXXFLAGS := -std=c++17 $(WARN) $(OPT)
LDFLAGS  := $(filter -fsanitize% -g,$(OPT)) -fopenmp -L/usr/lib/$(MULTI)/blis-openmp
LIBS.core      := -ljansson -lyaml -lcrypto -lutf8proc
LIBS.tokenizer := -lsentencepiece_train -lsentencepiece -lpcre2-8 -lstdc++
LIBS.model     := -lblis $(if $(DNNL),-ldnnl)
LIBS.eval      := -lsqlite3
LIBS           := $(LIBS.tokenizer) $(LIBS.model) $(LIBS.eval) $(LIBS.core) -lm -lpthread

# Link order: users before what they use.
MODULES := eval graft train data model tokenizer core
LIBFILES := $(foreach m,$(MODULES),$(B)/lib$(m).a)
TESTS   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
FUZZERS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst tools/%.c,$(B)/%,$(wildcard tools/bench_*.c))
TOOLS   := $(filter-out tools/bench_%,$(wildcard tools/*.c))

.PHONY: all
all: $(B)/graftkit ## build build/release/graftkit

# Contraction to fused multiply-add (clang does it unless told not to, gcc with -std=c11 only when told to) is on for the
# operators and off for the random numbers, which are the same from every compiler on every CPU.
$(patsubst %.c,$(B)/%.o,$(wildcard model/*.c train/adamw*.c)): CFLAGS += -ffp-contract=fast
$(B)/core/rng.o $(B)/tests/test_rng.o: CFLAGS += -ffp-contract=off
# gcc carries gk__exp's bounds out of their branch and multiplies every x by what the bound becomes, 6e-39: a subnormal,
# which takes the processor a hundred cycles a vector. SiLU and GELU are ten times as fast without.
ifeq ($(findstring clang,$(CC)),)
$(patsubst %.c,$(B)/%.o,$(wildcard model/ops_*.c)): CFLAGS += -fno-thread-jumps
endif

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@
define MODULE_RULE
$(B)/lib$(1).a: $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(patsubst %.cc,$(B)/%.cc.o,$(wildcard $(1)/*.cc))
	@mkdir -p $$(@D); rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call MODULE_RULE,$(m))))

$(B)/graftkit: $(patsubst %.c,$(B)/%.o,$(TOOLS)) $(LIBFILES)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
# A test suite links only the modules that its `modules:` comment names, so that it can run alone.
modules_of = $(shell sed -n 's/^.*modules: *\([a-z ]*\).*/\1/p' $(1) | head -1)
define TEST_RULE
$(B)/tests/$(1): $(B)/tests/$(1).o $(foreach m,$(call modules_of,tests/$(1).c),$(B)/lib$(m).a)
	$$(CC) $$(LDFLAGS) $$^ $(foreach m,$(call modules_of,tests/$(1).c),$(LIBS.$(m))) \
	    $(LIBS.core) -lcheck -lsubunit -lrt -lm -lpthread -o $$@
endef
$(foreach t,$(notdir $(TESTS)),$(eval $(call TEST_RULE,$(t))))
# A fuzz target's own main replays its seeds; libFuzzer brings another. shared.c stands in for mapped files.
FUZZ_MAIN := $(if $(filter fuzz,$(FLAVOUR)),,$(B)/tests/fuzz/replay.o)
FUZZ_LINK := -Wl,--wrap=gk_map_open,--wrap=gk_map_close $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer,-lcheck -lsubunit)
define FUZZ_RULE
$(B)/tests/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(B)/tests/fuzz/shared.o $(FUZZ_MAIN) \
                      $(foreach m,$(call modules_of,tests/fuzz/$(1).c),$(B)/lib$(m).a)
	$$(CC) $$(LDFLAGS) $$^ $(foreach m,$(call modules_of,tests/fuzz/$(1).c),$(LIBS.$(m))) \
	    $(FUZZ_LINK) $(LIBS.core) -lrt -lm -lpthread -o $$@
endef
$(foreach t,$(notdir $(FUZZERS)),$(eval $(call FUZZ_RULE,$(t))))
$(BENCHES): $(B)/%: $(B)/tools/%.o $(B)/tools/args.o $(LIBFILES)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ------------------------------------------------------------------ what people type
.PHONY: help deps deps-dev test check-asan check-ubsan fuzz fuzz-run fmt lint man install clean bench bench-train bench-sweep
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22
	@echo; echo "  Variables:"; sed -n 's/^#: /  /p' $(MAKEFILE_LIST)
	@echo "  FLAVOUR=release|asan|ubsan CC=gcc|clang ARCH=native BUILD=build DNNL=1 (empty: without oneDNN)"

PACKAGES := gcc g++ make libblis-openmp-dev libdnnl-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev \
            libjansson-dev libyaml-dev \
            libssl-dev libsqlite3-dev gnuplot-nox check libsubunit-dev
DEV_PACKAGES := clang libomp-dev clang-format clang-tidy libclang-rt-14-dev valgrind chromium
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
define INSTALL
	@if ! command -v apt-get >/dev/null; then \
	  echo "no apt here; graftkit needs these libraries (Debian names): $(1)"; exit 1; fi; \
	missing=$$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -z "$$missing" ]; then echo "deps: everything is installed"; else \
	  $(SUDO) apt-get update -q && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -q -y --no-install-recommends $$missing; fi
endef
deps: ## install the Debian packages that building, testing and the report need
	$(call INSTALL,$(PACKAGES))
deps-dev: ## install what make fmt, make lint and CC=clang need besides
	$(call INSTALL,$(DEV_PACKAGES))

test: ## run every test suite and replay the fuzzers' seeds
	@$(MAKE) --no-print-directory -j$$(nproc) suites
	@GRAFTKIT=$(abspath $(B)/graftkit) tests/run.sh $(TESTS) $(FUZZERS)
.PHONY: suites
suites: $(B)/graftkit $(TESTS) $(FUZZERS)
check-asan: ## the tests under AddressSanitizer and LeakSanitizer, in build/asan
	$(MAKE) test FLAVOUR=asan
check-ubsan: ## the tests under UndefinedBehaviorSanitizer, in build/ubsan
	$(MAKE) test FLAVOUR=ubsan
# Inputs found go to build/fuzz/found/NAME and crashes to build/fuzz/crashes; the seeds stay as they are.
FUZZ     ?= gguf
SECONDS  ?= 600
fuzz: ## fuzz one parser: FUZZ=gguf|safetensors|… (tests/fuzz/fuzz_*.c) SECONDS=600 (needs clang)
	$(MAKE) CC=clang CXX=clang++ FLAVOUR=fuzz fuzz-run
fuzz-run: $(B)/tests/fuzz/fuzz_$(FUZZ)
	@mkdir -p $(B)/found/$(FUZZ) $(B)/crashes
	$< -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(B)/crashes/$(FUZZ)- \
	    -print_final_stats=1 $(B)/found/$(FUZZ) tests/fuzz/seeds/$(FUZZ)
bench: $(BENCHES) ## run the benchmarks; the last line of each is RESULT name=value …
	@for b in $(BENCHES); do $$b || exit 1; done
ROUNDS    ?= 3
SHAPES    ?= gpt2-124m
PYTHON    ?=
COMPILE   ?=
TOKENIZER ?=
bench-train: $(B)/bench_train $(B)/graftkit ## training speed by SHAPES="small texts gpt2-124m …"; PYTHON=python3: beside PyTorch (tools/bench_train.sh)
	@BIN=$(B) PYTHON='$(PYTHON)' SHAPES='$(SHAPES)' COMPILE='$(COMPILE)' ROUNDS='$(ROUNDS)' THREADS='$(THREADS)' \
	    TOKENIZER='$(TOKENIZER)' tools/bench_train.sh

GGUF      ?=
PARTS     ?= gpt2 smollm2 curve grid derived
PROMPTS   ?= 200
PLOT      ?=
bench-sweep: $(B)/bench_sweep $(B)/graftkit ## graft sweeps by PARTS="gpt2 smollm2 curve grid derived"; PYTHON=python3: beside PyTorch, GGUF=SmolLM2 (tools/bench_sweep.sh)
	@BIN=$(B) PYTHON='$(PYTHON)' GGUF='$(GGUF)' PARTS='$(PARTS)' PROMPTS='$(PROMPTS)' PLOT='$(PLOT)' \
	    THREADS='$(if $(filter 0,$(THREADS)),2,$(THREADS))' tools/bench_sweep.sh

SOURCES  := $(wildcard core/*.[ch] tokenizer/*.[ch] tokenizer/*.cc model/*.[ch] train/*.[ch] graft/*.[ch] data/*.[ch] \
            eval/*.[ch] tools/*.[ch] tests/*.[ch] tests/fuzz/*.[ch])
fmt: ## format the sources
	clang-format -i $(SOURCES)
lint: ## check the format, clang's warnings and clang-tidy
	clang-format --dry-run -Werror $(SOURCES)
	clang-tidy --quiet $(filter %.c,$(SOURCES)) -- $(CPPFLAGS) -std=c11 $(WARN)

# What a run needs beside the program goes to share/graftkit, where the program looks for it (tools/args.c).
PREFIX  ?= /usr/local
DESTDIR ?=
PLACE   := $(DESTDIR)$(PREFIX)
SHARED  := templates data/lists data/articles data/general graft/schemes train/recipes experiments
$(B)/graftkit.1: $(B)/graftkit
	$< man >$@.tmp && mv $@.tmp $@
man: $(B)/graftkit.1 ## the manual page, build/release/graftkit.1
install: $(B)/graftkit $(B)/graftkit.1 ## install to PREFIX=/usr/local, under DESTDIR= if given (ARCH=x86-64-v3: for other CPUs too)
	install -d '$(PLACE)/bin' '$(PLACE)/share/man/man1' '$(PLACE)/share/doc/graftkit' \
	    $(foreach d,$(SHARED) pipeline,'$(PLACE)/share/graftkit/$(d)')
	install $(B)/graftkit '$(PLACE)/bin'
	install -m 644 $(B)/graftkit.1 '$(PLACE)/share/man/man1'
	$(foreach d,$(SHARED),cp -R $(d)/. '$(PLACE)/share/graftkit/$(d)' &&) true
	cp -R tools/pipeline/. '$(PLACE)/share/graftkit/pipeline'
	cp -R README.md LICENSE docs '$(PLACE)/share/doc/graftkit'
clean: ## remove build/ (runs/ stays)
	rm -rf $(BUILD)

# ------------------------------------------------------------------ the pipeline: dataset -> base -> finetune -> graft-sweep -> report
G := $(B)/graftkit
BUILD_VARIABLES := CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS FLAVOUR ARCH BUILD DNNL SYSROOT V PREFIX DESTDIR LIBDIR SOURCE_DIR FUZZ SECONDS \
    ROUNDS SHAPES PYTHON COMPILE TOKENIZER GGUF PARTS PROMPTS PLOT RELEASE REPORT SUITES INSTALL AR COMPILING
include tools/pipeline/run.mk
