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
LIBS.core      := -ljansson -lyaml -lcrypto
LIBS.tokenizer := -lsentencepiece_train -lsentencepiece -lpcre2-8 -lutf8proc -lstdc++
LIBS.model     := -lpcre2-8 -lblis $(if $(DNNL),-ldnnl)
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
	@echo; echo "  Variables: RUN=runs/default FAMILY=llama|gpt2|… MODEL=PATH DATASET=NAME SCHEMES='FILE…' SEED=1 THREADS=0 FREEZE=NAMES"
	@echo "             SOURCE=PATH TEMPLATES=DIR BASE_ROWS=N RELATION_ROWS=N TASK_ROWS=N CHUNK_WORDS=N TASK=disjoint|reverse (docs/datasets.md)"
	@echo "             NAME='position …' RUNS='DIR…' PAGE=FILE RECIPE=NAME MILD=NAME MIX=FILE ARTICLES=DIR (docs/experiments.md)"
	@echo "             FLAVOUR=release|asan|ubsan CC=gcc|clang ARCH=native BUILD=build DNNL=1 (empty: without oneDNN)"

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
SHARED  := templates data/lists data/articles graft/schemes train/recipes experiments
$(B)/graftkit.1: $(B)/graftkit
	$< man >$@.tmp && mv $@.tmp $@
man: $(B)/graftkit.1 ## the manual page, build/release/graftkit.1
install: $(B)/graftkit $(B)/graftkit.1 ## install to PREFIX=/usr/local, under DESTDIR= if given (ARCH=x86-64-v3: for other CPUs too)
	install -d '$(PLACE)/bin' '$(PLACE)/share/man/man1' '$(PLACE)/share/doc/graftkit' \
	    $(foreach d,$(SHARED),'$(PLACE)/share/graftkit/$(d)')
	install $(B)/graftkit '$(PLACE)/bin'
	install -m 644 $(B)/graftkit.1 '$(PLACE)/share/man/man1'
	$(foreach d,$(SHARED),cp -R $(d)/. '$(PLACE)/share/graftkit/$(d)' &&) true
	cp -R README.md LICENSE docs '$(PLACE)/share/doc/graftkit'
clean: ## remove build/ (runs/ stays)
	rm -rf $(BUILD)

# ------------------------------------------------------------------ the pipeline: dataset -> base -> finetune -> graft-sweep -> report
RUN      ?= runs/default
FAMILY   ?= llama
DATASET  ?= fake_movies_fake_actors
SOURCE   ?=
TEMPLATES ?= templates/$(DATASET)
BASE_ROWS ?=
RELATION_ROWS ?=
TASK_ROWS ?=
CHUNK_WORDS ?=
TASK     ?= disjoint
SEED     ?= 1
THREADS  ?= 0
# Templates that name no film have no place for the schemes of its title.
SCHEMES  ?= graft/schemes/position$(if $(shell grep -s movie_title $(TEMPLATES)/eval.jsonl),,_untitled).yaml graft/schemes/component.yaml graft/schemes/hybrid.yaml
MODEL    ?=
FREEZE   ?=
# The recipes of the finetuned models and of the mild one, names of train/recipes or files; general text for the mild one.
RECIPE   ?=
MILD     ?= relation-mild
MIX      ?=
MIX_RATIO ?= 0.3
# Which models a sweep grafts, as NAME=KIND (KINDS below), the recipient first, and where its results go.
CAST     ?= pre=base sft=relation task=task
OUT      ?= $(RUN)
export RUN FAMILY MODEL DATASET SOURCE TEMPLATES BASE_ROWS RELATION_ROWS TASK_ROWS CHUNK_WORDS TASK SEED THREADS SCHEMES FREEZE \
    RECIPE MILD MIX MIX_RATIO CAST OUT

# Make and the shell split names at blanks and read these characters as their own: such a name would become another.
ODD := : ; ' " ` \ ? * [ ] ( ) { } < > & | ! ~ % \# $$
$(if $(RUN),,$(error RUN is empty: name a folder for the run))
$(foreach v,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT PAGE,$(if $(filter 1,$(words |$($v)|)),,\
    $(error $v='$($v)' holds a blank: use a path without blanks and without any of $(ODD))))
$(foreach v,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT CAST SCHEMES NAME PAPER RUNS PAGE,$(foreach c,$(ODD),$(if $(findstring $c,$($v)),\
    $(error $v='$($v)' holds $c : use a path without blanks and without any of $(ODD)))))

BASE     := $(if $(MODEL),$(MODEL),$(RUN)/base)
G        := $(B)/graftkit
COMMON   := --seed $(SEED) --threads $(THREADS) --replace
# The models of a run beside its base: the rows that each is trained on, its texts (A2B: from entity to target, as the prompts
# ask; B2A: back) and its recipe. TASK=reverse trains the task model on the relation's rows, target to entity.
KINDS          := base relation task forward reverse mild
ROWS.relation  := relation
ROWS.task      := $(if $(filter reverse,$(TASK)),relation,task)
ROWS.forward   := relation
ROWS.reverse   := relation
ROWS.mild      := relation
TEXTS.relation := relation/A2B relation/B2A
TEXTS.task     := $(if $(filter reverse,$(TASK)),relation/B2A,task/A2B task/B2A)
TEXTS.forward  := relation/A2B
TEXTS.reverse  := relation/B2A
TEXTS.mild     := relation/A2B relation/B2A
RECIPE.relation := $(or $(RECIPE),relation)
RECIPE.task    := $(or $(RECIPE),task)
RECIPE.forward := $(or $(RECIPE),relation)
RECIPE.reverse := $(or $(RECIPE),relation)
RECIPE.mild    := $(MILD)
# The file of a recipe, so that make sees it change.
recipe_file     = $(if $(or $(findstring /,$1),$(findstring .,$1)),$1,train/recipes/$1.yaml)
ASK_DATA       := $(if $(SOURCE),--source $(SOURCE)) $(if $(filter-out templates/$(DATASET),$(TEMPLATES)),--templates $(TEMPLATES)) \
                  $(if $(BASE_ROWS),--base-rows $(BASE_ROWS)) $(if $(RELATION_ROWS),--relation-rows $(RELATION_ROWS)) \
                  $(if $(TASK_ROWS),--task-rows $(TASK_ROWS)) $(if $(CHUNK_WORDS),--chunk-words $(CHUNK_WORDS)) $(if $(MODEL),--tokenizer $(MODEL))
FILLERS  := $(wildcard $(TEMPLATES)/fillers.json)
EVAL     := --templates $(TEMPLATES)/eval.jsonl $(if $(FILLERS),--fillers $(FILLERS)) --target second_actor
# General text for the mild model: MIX=FILE, else the base corpus where there is one; without any, none.
MIXED     = $$(for f in $(or $(MIX),$(RUN)/data/base/texts.jsonl); do [ ! -s $$f ] || echo --mix $$f --mix-ratio $(MIX_RATIO); done)
# After each epoch a finetuned model is asked for its rows, in the words of its texts and in those of the evaluation.
LEARNED   = --eval-rows $(RUN)/data/$(ROWS.$*)/metadata.jsonl $(EVAL) \
            $(foreach t,$(filter-out %/eval.jsonl %/reverse.jsonl,$(wildcard $(TEMPLATES)/*.jsonl)),--train-templates $(t))

# What this sweep grafts.
$(foreach c,$(CAST),$(if $(filter $(KINDS:%=\%=%),$c),,$(error CAST: '$c' must be NAME=KIND; kinds are: $(KINDS))))
PATH_OF         = $(firstword $(subst =, ,$1))=$(if $(filter %=base,$1),$(BASE),$(RUN)/$(lastword $(subst =, ,$1)))
RECIPIENT      := $(call PATH_OF,$(firstword $(CAST)))
DONORS         := $(foreach c,$(wordlist 2,99,$(CAST)),$(call PATH_OF,$c))
TRAINED        := $(filter-out base,$(foreach c,$(CAST),$(lastword $(subst =, ,$c))))

.PHONY: dataset base finetune graft-sweep report experiment paper compare FORCE
dataset: $(RUN)/data/card.json ## make the dataset: rows, texts, splits
base: $(if $(MODEL),$(RUN)/asked,$(RUN)/base/gate.json) ## pretrain the base model and check what it knows (nothing to do with MODEL=DIR)
	$(if $(MODEL),@echo "base: nothing to do: $(MODEL) is used as it is")
finetune: $(TRAINED:%=$(RUN)/%/train.json) ## finetune the relation and the task model
graft-sweep: $(OUT)/summary.json ## evaluate every scheme on every prompt
report: $(OUT)/report/index.html ## all of the above, then the report

# What a run is asked for, checked before anything is written: everything below hangs on these two files. Make only sees that
# a step may have to be done again; graftkit compares the inputs themselves (--replace): equal ones are left alone, another
# SEED or FAMILY in the same RUN makes it anew instead of mixing.
$(RUN)/asked $(OUT)/asked-schemes: FORCE
	@tools/asked.sh $@
FORCE:

$(RUN)/data/card.json: $(RUN)/asked $(wildcard $(TEMPLATES)/*.json*) $(wildcard data/lists/* data/articles/*/*) \
    $(if $(SOURCE),$(wildcard $(SOURCE) $(SOURCE)/* $(SOURCE)/*/*)) | $(G)
	$(G) dataset --name $(DATASET) --out $(@D) --seed $(SEED) $(ASK_DATA)
$(RUN)/tokenizer/tokenizer.model: $(RUN)/data/card.json | $(G)
	$(G) tokenizer --texts $(RUN)/data/tokenizer.jsonl --vocab 2000 --out $(@D)
$(RUN)/base/train.json: $(RUN)/tokenizer/tokenizer.model train/recipes/base.yaml | $(G)
	$(G) base --family $(FAMILY) --tokenizer $(RUN)/tokenizer --texts $(RUN)/data/base/texts.jsonl --recipe base \
	    --out $(@D) $(COMMON)
	@touch $@
$(RUN)/base/gate.json: $(RUN)/base/train.json $(TEMPLATES)/eval.jsonl $(FILLERS) | $(G)
	$(G) gate --model $(RUN)/base --rows $(RUN)/data/base/metadata.jsonl $(EVAL) --top 5 --min 0.90 --out $@

define FINETUNE
$(RUN)/$1/train.json: $(call recipe_file,$(RECIPE.$1))
endef
$(foreach k,$(filter-out base,$(KINDS)),$(eval $(call FINETUNE,$k)))
$(RUN)/mild/train.json: $(MIX)
$(patsubst %,$(RUN)/%/train.json,$(filter-out base,$(KINDS))): $(RUN)/%/train.json: $(if $(MODEL),,$(RUN)/base/train.json) \
    $(RUN)/data/card.json | $(G) $(if $(MODEL),,$(RUN)/base/gate.json)
	$(G) finetune --model $(BASE) --recipe $(RECIPE.$*) \
	    $$(for t in $(TEXTS.$*); do [ ! -s $(RUN)/data/$$t.jsonl ] || echo --texts $(RUN)/data/$$t.jsonl; done) \
	    $(if $(filter mild,$*),$(MIXED)) \
	    --out $(@D) $(COMMON) $(if $(FREEZE),--freeze $(FREEZE)) $(LEARNED)
	@touch $@

$(OUT)/summary.json: $(TRAINED:%=$(RUN)/%/train.json) $(if $(MODEL),,$(RUN)/base/train.json) $(OUT)/asked-schemes \
    $(TEMPLATES)/eval.jsonl $(FILLERS) | $(G)
	$(G) sweep --recipient $(RECIPIENT) $(DONORS:%=--donor %) $(foreach s,$(SCHEMES),--schemes $(s)) \
	    --rows $(RUN)/data/relation/metadata.jsonl $(EVAL) --out $(OUT)/results.db --whole-target $(COMMON)
	$(G) export --db $(OUT)/results.db --summary $@ --cells $(OUT)/cells.csv --results $(OUT)/results.csv \
	    --differences $(OUT)/differences.csv
$(OUT)/report/index.html: $(OUT)/summary.json $(if $(MODEL),,$(RUN)/base/gate.json) | $(G)
	$(G) report --db $(OUT)/results.db $(if $(MODEL),,--base $(RUN)/base --gate $(RUN)/base/gate.json) \
	    $(DONORS:%=--donor %) --card $(RUN)/data/card.json --out $@ \
	    $(if $(TITLE),--title "$$TITLE") $(if $(ABOUT),--about "$$ABOUT")
	@echo "open $@"

# ------------------------------------------------------------------ experiments/, several of them in one run, several runs on one page
PAPER    ?= position component hybrid layers dropout head directions reversal training patching articles
NAME     ?=
ARTICLES ?=
RUNS     ?=
PAGE     ?= runs/compare.html
export KINDS PAPER ARTICLES
experiment: | $(G) ## NAME="position …": experiments of experiments/, each with its report in RUN/experiments/NAME
	+@G=$(G) MAKE="$(MAKE)" tools/experiments.sh $(NAME)
paper: | $(G) ## every experiment that applies, and RUN/paper.html with all of them (docs/experiments.md)
	+@G=$(G) MAKE="$(MAKE)" tools/experiments.sh --all
compare: | $(G) ## RUNS="runs/a runs/b": PAGE=runs/compare.html and .csv, their experiments side by side
	$(G) compare $(RUNS:%=--run %) $(PAPER:%=--experiment %) --out $(PAGE) --csv $(basename $(PAGE)).csv
