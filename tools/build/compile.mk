# compile.mk: how graftkit is compiled. The Makefile includes it in a make of its own (COMPILING=1), after tools/build/find.sh has
# looked for compilers and libraries: $(B)/config.mk says what it found, $(B)/config/NAME changes when that does.
include $(B)/config.mk

ifeq ($(origin AR),default)
AR     := $(FOUND_AR)
endif
Q      := $(if $(V),,@)
SILENT := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
# By make itself, since a process a line is a tenth of the time that compiling takes; so is bash.
say     = $(if $(V)$(SILENT),,$(info $()  $1  $2))
SHELL  := /bin/sh

# ------------------------------------------------------------------ flags
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
FLAGS.release := -O2
FLAGS.asan    := -O1 -fsanitize=address -fno-omit-frame-pointer
FLAGS.fuzz    := -O1 -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer
FLAGS.ubsan   := -O1 -fsanitize=undefined -fno-sanitize-recover=all
# One set of objects serves the program, the static and the shared library; only what a public header declares leaves the last.
SHARED  := -fPIC -fvisibility=hidden -fno-semantic-interposition
# ARCH=native compiles what is not a kernel for this processor too; the kernels are chosen at run time either way.
OPT     := $(if $(ARCH),-march=$(ARCH)) $(if $(filter release,$(FLAVOUR)),,-g) $(FLAGS.$(FLAVOUR)) $(SHARED)
ROOT    := $(if $(SYSROOT),--sysroot=$(SYSROOT))
CPP_FLAGS := $(ROOT) -I. -Iinclude -D_GNU_SOURCE $(FOUND_CPPFLAGS) -DGK_SOURCE_DIR='"$(SOURCE_DIR)"'
# clang does not vectorise a maximum over floats and says so at every `omp simd reduction(max)`.
CLANG_ONLY := $(if $(filter clang,$(COMPILER)),-Wno-pass-failed)
# CFLAGS and their like are the user's and come last.
CC_FLAGS   := -std=c11 $(WARN) $(OPT) -fopenmp -fno-math-errno -fno-trapping-math $(CLANG_ONLY)
CXX_FLAGS  := -std=c++17 $(WARN) $(OPT)
LD_FLAGS   := $(ROOT) $(filter -fsanitize% -g%,$(OPT)) -fopenmp $(FOUND_LDFLAGS)
HAVE       := $(if $(HAS_DNNL),-DGK_HAVE_DNNL)

# What was given in other words is compiled, or linked, again.
FLAGS_NOW   = $(OPTIMISE.baseline) $(KERNEL_FLAGS) $(LIGHT) | $(CPP_FLAGS) $(CPPFLAGS) | $(CC_FLAGS) $(CFLAGS) | $(CXX_FLAGS) $(CXXFLAGS)
LDFLAGS_NOW = $(CC) $(LD_FLAGS) $(LDFLAGS)
SOURCES_NOW = $(C_SOURCES) $(CC_SOURCES)
note = $(file >$@.new,$1)cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/config/flags: FORCE
	@$(call note,$(FLAGS_NOW))
$(B)/config/ldflags: FORCE
	@$(call note,$(LDFLAGS_NOW))
$(B)/config/sources: FORCE
	@$(call note,$(SOURCES_NOW))
FORCE:

# ------------------------------------------------------------------ modules: their libraries, their users before what they use
MODULES := report eval graft train data model tokenizer core
PACKAGES.core      := jansson yaml openssl utf8proc
PACKAGES.tokenizer := sentencepiece pcre2
PACKAGES.model     := blis dnnl pcre2
PACKAGES.eval      := sqlite3
LINK.jansson       := -ljansson
LINK.yaml          := -lyaml
LINK.openssl       := -lcrypto
LINK.sentencepiece := -lsentencepiece_train -lsentencepiece -lstdc++
LINK.pcre2         := -lpcre2-8
LINK.utf8proc      := -lutf8proc
LINK.blis          := -lblis
LINK.dnnl          := $(if $(HAS_DNNL),-ldnnl)
LINK.sqlite3       := -lsqlite3
LINK.check         := -lcheck -lsubunit -lrt
packages_of = $(foreach m,$1 core,$(PACKAGES.$m))
libs_of     = $(foreach p,$1,$(LINK.$p)) -lm -lpthread
found       = $(1:%=$(B)/config/%) $(B)/config/ldflags
LIBFILES   := $(MODULES:%=$(B)/lib%.a)
ALL        := $(call packages_of,$(filter-out core,$(MODULES)))

C_SOURCES  := $(foreach d,$(MODULES),$(wildcard $d/*.c $d/*/*.c)) $(wildcard tools/*.c tools/*/*.c tests/*/*.c)
CC_SOURCES := $(foreach d,$(MODULES),$(wildcard $d/*.cc $d/*/*.cc))

# ------------------------------------------------------------------ kernels, once for each instruction set (core/isa.h says how)
KERNELS    := $(patsubst %.c,%,$(filter-out %/kernels.c,$(shell grep -l '^#include "[a-z/]*/kernels.h"' $(C_SOURCES))))
ISAS       := baseline $(if $(findstring x86_64,$(MACHINE)),avx2 avx512)
ISA.avx2   := -march=x86-64-v3
ISA.avx512 := -march=x86-64-v4 -mprefer-vector-width=512
# Contraction to fused multiply-add (clang does it unless told not to, gcc with -std=c11 only when told to) is on for the
# kernels and off for the random numbers, which are the same from every compiler on every CPU.
# Left to thread jumps, gcc multiplies every x by what gk_op__exp's bound becomes, 6e-39, before it chooses: a subnormal, which
# takes the processor a hundred cycles a vector. SiLU and GELU are ten times as fast without.
OBJECTS    := $(patsubst %,$(B)/%.o,$(filter-out $(KERNELS),$(C_SOURCES:.c=)) $(foreach i,$(ISAS),$(KERNELS:=.$i)) $(CC_SOURCES))
$(shell mkdir -p $(sort $(dir $(OBJECTS))))
# Baseline is what no processor of x86 since 2015 runs; elsewhere it is all that there is.
OPTIMISE.baseline := $(if $(findstring x86_64,$(MACHINE)),-O2,-O3)
OPTIMISE.avx2     := -O3
OPTIMISE.avx512   := -O3
KERNEL_FLAGS := -ffp-contract=fast $(if $(filter gcc,$(COMPILER)),-fno-thread-jumps)
# Half of the sources, and nothing that a run waits for: -O2 would cost three seconds of the first build.
LIGHT   := $(if $(filter release,$(FLAVOUR)),-O1)
$(foreach d,data eval report tools tests,$(B)/$d/%.o): CC_FLAGS += $(LIGHT)
# But every page waits for its intervals.
$(foreach f,draws metrics percentiles,$(B)/eval/measure/$f.o): CC_FLAGS += $(if $(LIGHT),-O2)
# And they are the same from every instruction set.
$(ISAS:%=$(B)/eval/measure/sum_lanes.%.o): KERNEL_FLAGS += -ffp-contract=off
$(B)/core/rng.o $(B)/tests/core/test_rng.o: CC_FLAGS += -ffp-contract=off
$(B)/tokenizer/spm/spm.cc.o: HAVE += -DGK_SENTENCEPIECE_VERSION='"$(SENTENCEPIECE_VERSION)"'

# An object depends on the packages whose headers its source includes, through others too.
$(foreach s,$(C_SOURCES),$(eval $(B)/$(s:.c=.o) $(ISAS:%=$(B)/$(s:.c=).%.o): $(USES.$s:%=$(B)/config/%)))
$(foreach s,$(CC_SOURCES),$(eval $(B)/$s.o: $(USES.$s:%=$(B)/config/%)))
$(B)/%.o: %.c $(B)/config/cc $(B)/config/flags
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_FLAGS) $(HAVE) $(CC_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
# What core/embed.h puts into an object.
$(B)/report/page/files.o: $(wildcard report/*.css report/*.js report/*.html)
$(B)/eval/store/files.o: $(wildcard eval/store/*.sql)
define ISA_RULE
$(B)/%.$1.o: %.c $(B)/config/cc $(B)/config/flags
	$$(call say,CC,$$< ($1))
	$$(Q)$$(CC) $$(CPP_FLAGS) $$(CC_FLAGS) $$(if $$(filter release,$$(FLAVOUR)),$$(OPTIMISE.$1)) $$(KERNEL_FLAGS) $$(ISA.$1) -DGK_ISA='"$1"' -DGK_PUBLIC_BEGIN= -DGK_PUBLIC_END= $$(CPPFLAGS) $$(CFLAGS) -MMD -MP -c $$< -o $$@
endef
$(foreach i,$(ISAS),$(eval $(call ISA_RULE,$i)))
$(B)/%.cc.o: %.cc $(B)/config/cxx $(B)/config/flags
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CPP_FLAGS) $(HAVE) $(CXX_FLAGS) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(OBJECTS:.o=.d))

define MODULE_RULE
$(B)/lib$(1).a: $(filter $(B)/$(1)/%,$(OBJECTS)) $(B)/config/sources
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@; $(AR) qcs $$@ $$(filter %.o,$$^)
endef
$(foreach m,$(MODULES),$(eval $(call MODULE_RULE,$(m))))

# ------------------------------------------------------------------ programs
# $(call link,OBJECTS AND LIBRARIES,PACKAGES): the packages' files are what a link depends on too.
link = $(Q)$(CC) $(LD_FLAGS) $(LDFLAGS) $1 $(call libs_of,$2) -o $@

$(B)/graftkit: $(patsubst %.c,$(B)/%.o,$(wildcard tools/*.c tools/commands/*.c)) $(LIBFILES) $(call found,$(ALL))
	$(call say,LD,$@)
	$(call link,$(filter %.o %.a,$^),$(ALL))
$(BENCHES): $(B)/%: $(B)/tools/bench/%.o $(B)/tools/args.o $(LIBFILES) $(call found,$(ALL))
	$(call say,LD,$@)
	$(call link,$(filter %.o %.a,$^),$(ALL))

# A test suite links only the modules that its `modules:` comment names, so that it can run alone.
$(foreach w,$(shell sed -n 's/^.*modules: *\([a-z ]*\).*/\1/;T;s/ *$$//;s/ /:/g;F;p' /dev/null $(wildcard tests/*/test_*.c tests/fuzz/fuzz_*.c)),\
    $(if $(findstring .c,$w),$(eval NOW := $w),$(if $(MODULES.$(NOW)),,$(eval MODULES.$(NOW) := $(subst :, ,$w)))))
suite_packages = $(call packages_of,$(filter-out core,$(MODULES.$1))) check
define TEST_RULE
$(B)/tests/$(1): $(B)/tests/$(1).o $(foreach m,$(MODULES.tests/$(1).c),$(B)/lib$(m).a) \
    $(call found,$(call suite_packages,tests/$(1).c))
	$$(call say,LD,$$@)
	$$(call link,$$(filter %.o %.a,$$^),$(call suite_packages,tests/$(1).c))
endef
$(foreach t,$(TESTS:$(B)/tests/%=%),$(eval $(call TEST_RULE,$(t))))
# A fuzz target's own main replays its seeds; libFuzzer brings another. shared.c stands in for mapped files.
FUZZ_MAIN := $(if $(filter fuzz,$(FLAVOUR)),,$(B)/tests/fuzz/replay.o)
FUZZ_LINK := -Wl,--wrap=gk_map_open,--wrap=gk_map_close $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer)
define FUZZ_RULE
$(B)/tests/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(B)/tests/fuzz/shared.o $(FUZZ_MAIN) \
    $(foreach m,$(MODULES.tests/fuzz/$(1).c),$(B)/lib$(m).a) $(call found,$(call suite_packages,tests/fuzz/$(1).c))
	$$(call say,LD,$$@)
	$$(call link,$$(filter %.o %.a,$$^) $$(FUZZ_LINK),$(call suite_packages,tests/fuzz/$(1).c))
endef
$(foreach t,$(notdir $(FUZZERS)),$(eval $(call FUZZ_RULE,$(t))))

# ------------------------------------------------------------------ the library: all modules in one
# Files of different modules have the same name: q keeps them all.
LIB_OBJECTS := $(foreach m,$(MODULES),$(filter $(B)/$m/%,$(OBJECTS)))
$(B)/libgraftkit.a: $(LIB_OBJECTS) $(B)/config/sources
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) qcs $@ $(LIB_OBJECTS)
# The first number of the version is that of the interface.
# Of what the compilers add by themselves (templates of C++, locks of OpenMP) nothing leaves the library either.
# The sanitizers' own functions are the program's.
COMMA := ,
SHARED_LINK := -shared $(if $(filter release,$(FLAVOUR)),-Wl$(COMMA)-z$(COMMA)defs) -Wl,-soname,libgraftkit.so.$(firstword $(subst ., ,$(VERSION))) -Wl,--version-script=tools/build/libgraftkit.map
$(B)/libgraftkit.so.$(VERSION): $(LIB_OBJECTS) tools/build/libgraftkit.map $(B)/config/sources $(call found,$(ALL))
	$(call say,LD,$@)
	$(call link,$(SHARED_LINK) $(LIB_OBJECTS),$(ALL))
# What a program that takes the archive links too, for graftkit.pc.
LINK_PRIVATE = $(FOUND_LDFLAGS) -fopenmp $(call libs_of,$(ALL))
$(B)/link-private: FORCE
	@$(call note,$(LINK_PRIVATE))

# As a user's program is: it sees include/ and the archive.
$(EXAMPLES): $(B)/examples/%: examples/%.c $(B)/libgraftkit.a $(wildcard include/graftkit/*.h include/graftkit/*/*.h) $(call found,$(ALL)) $(B)/config/cc $(B)/config/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ROOT) -Iinclude -std=c11 $(WARN) $(CPPFLAGS) $(CFLAGS) $< $(B)/libgraftkit.a $(LD_FLAGS) $(LDFLAGS) $(call libs_of,$(ALL)) -o $@

.PHONY: suites lint-sources
suites: $(B)/graftkit $(TESTS) $(FUZZERS) $(B)/libgraftkit.a $(B)/libgraftkit.so.$(VERSION) $(B)/link-private $(EXAMPLES)
lint-sources:
	$(Q)clang-tidy --quiet $(C_SOURCES) $(wildcard examples/*.c) -- $(CPP_FLAGS) $(HAVE) -std=c11 $(WARN)
