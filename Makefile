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
FLAGS.ubsan   := -O1 -march=$(ARCH) -g -fsanitize=undefined -fno-sanitize-recover=all
OPT     := $(FLAGS.$(FLAVOUR))
MULTI   := $(shell $(CC) -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)

# oneDNN is optional at build time: its sgemm is used where it is there.
HAVE_DNNL := $(if $(wildcard /usr/include/oneapi/dnnl/dnnl.h),1,)
DNNL    ?= $(HAVE_DNNL)

CPPFLAGS := -I. -D_GNU_SOURCE -isystem /usr/include/$(MULTI)/blis-openmp -DGK_SOURCE_DIR='"$(CURDIR)"' \
            $(if $(DNNL),-DGK_HAVE_DNNL)
CFLAGS   := -std=c11 $(WARN) $(OPT) -fopenmp -fno-math-errno -fno-trapping-math
CXXFLAGS := -std=c++17 $(WARN) $(OPT)
LDFLAGS  := $(filter -fsanitize% -g,$(OPT)) -fopenmp -L/usr/lib/$(MULTI)/blis-openmp
LIBS.core      := -ljansson -lyaml -lmd
LIBS.tokenizer := -lsentencepiece_train -lsentencepiece -lstdc++
LIBS.model     := -lblis $(if $(DNNL),-ldnnl)
LIBS.eval      := -lsqlite3
LIBS           := $(LIBS.tokenizer) $(LIBS.model) $(LIBS.eval) $(LIBS.core) -lm -lpthread

# Link order: users before what they use.
MODULES := eval graft train data model tokenizer core
OBJS     = $(patsubst %,$(B)/%.o,$(wildcard $(1)/*.c $(1)/*.cc))
LIBFILES := $(foreach m,$(MODULES),$(B)/lib$(m).a)
TESTS   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
BENCHES := $(patsubst tools/%.c,$(B)/%,$(wildcard tools/bench_*.c))
TOOLS   := $(filter-out tools/bench_%,$(wildcard tools/*.c))

.PHONY: all
all: $(B)/graftkit ## build build/release/graftkit

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(B)/%: $(B)/%.o
define MODULE_RULE
$(B)/lib$(1).a: $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(patsubst %.cc,$(B)/%.cc.o,$(wildcard $(1)/*.cc))
	@mkdir -p $$(@D); rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call MODULE_RULE,$(m))))

$(B)/graftkit: $(patsubst %.c,$(B)/%.o,$(TOOLS)) $(LIBFILES)
	$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
# A test suite links only the modules that its `modules:` comment names, so that it can run alone.
define TEST_RULE
$(B)/tests/$(1): $(B)/tests/$(1).o $(foreach m,$(shell sed -n 's/^.*modules: *\([a-z ]*\).*/\1/p' tests/$(1).c | head -1),$(B)/lib$(m).a)
	$(CC) $(LDFLAGS) $$^ $(foreach m,$(shell sed -n 's/^.*modules: *\([a-z ]*\).*/\1/p' tests/$(1).c | head -1),$(LIBS.$(m))) \
	    $(LIBS.core) -lcheck -lsubunit -lrt -lm -lpthread -o $$@
endef
$(foreach t,$(notdir $(TESTS)),$(eval $(call TEST_RULE,$(t))))
-include $(shell find $(B) -name '*.d' 2>/dev/null)
