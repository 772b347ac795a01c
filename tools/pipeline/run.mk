# run.mk: the pipeline, dataset -> base -> finetune -> graft-sweep -> report, and the experiments: the one description of its
# steps. The Makefile of the source tree includes it, and `graftkit run` runs it with make wherever the program is installed.
# $(G) is the program; $(SHARE) is what stands before templates/, train/recipes/ … : nothing in the source tree, else the path
# of share/graftkit/. `make help` and `graftkit run --help` show the lines that begin with #: and the targets with ##.
#
#: RUN=DIR                  the folder of the run [runs/default]
#: FAMILY=NAME              pretrain a model of this family (graftkit list families) [llama]
#: VOCAB=N                  pieces of the tokenizer of a model from scratch; small texts want fewer [2000]
#: MODEL=PATH               start from a Hugging Face folder or a GGUF file instead
#: DATASET=NAME             the facts under test (docs/datasets.md) [fake_movies_fake_actors]
#: SOURCE=PATH              your own data, for the datasets that are made of it
#: TEMPLATES=DIR            the wording [that of the dataset]
#: BASE_ROWS=N              rows of the base corpus [the dataset's own number, as for the next two]
#: RELATION_ROWS=N          rows under test
#: TASK_ROWS=N              rows of the task model; 0: none, and no such model
#: CHUNK_WORDS=N            articles: about so many words a text [120]
#: TASK=NAME                the task model's facts: disjoint, other ones, or reverse, those under test [disjoint]
#: SEED=N                   the run's seed [1]
#: THREADS=N                cores; 0: all [0]
#: SCHEMES='FILE ...'       the grafts (docs/schemes.md), files or names [position, component, hybrid, regimes; without a task model position, component_after_entity, regimes]
#: RECIPE=NAME              how to finetune, a name of train/recipes or a file [relation, task; a pretrained model: by its size]
#: BF16=true                products in bf16, or not: false [the recipe's; a pretrained model: where they are faster]
#: FREEZE=NAMES             components that stay as they are [the recipe's]
#: REGIMES=frozen,free      finetune as the recipe freezes, and freely too (docs/experiments.md) [both; MODEL= or FREEZE=: frozen]
#: FREEZES='NAME=NAMES ...' what the models KIND.NAME of CAST freeze instead
#: MILD=NAME                the mild model's recipe (docs/experiments.md) [relation-mild; a pretrained model: by size]
#: MIX=FILE                 general text for the mild model [the base corpus]
#: MIX_RATIO=SHARE          how much of it [0.3]
#: CAST='NAME=KIND ...'     the models that a sweep grafts, the recipient first [pre=base sft=relation task=task, by REGIMES free=free free_task=free_task]
#: OUT=DIR                  where a sweep's results and its report go [RUN]
#: ATTRIBUTE=NAME           attribute: the parts of the graft, a name of graft/parts or a file (docs/attribution.md) [streams]
#: NAME='NAME ...'          experiment: which ones of experiments/
#: PAPER='NAME ...'         paper, compare: which ones [all]
#: SEEDS='N ...'            experiment, paper: a run for each, RUN/FAMILY-N, and one page of them, RUN/compare.html; replication [1 2 3 4 5]
#: FAMILIES='NAME ...'      experiment, paper: for each of these families, too; replication [llama gpt2]
#: REGIME=free              experiment, paper: of the models that were finetuned freely; their results are in RUN-free
#: DATASETS='NAME ...'      replication with MODEL=: the datasets [the three of films]
#: TABLES=DIR               replication: where its small CSV files go [RUN/replication/tables]
#: DRY=1                    replication: only say what runs there are, and what of them is done
#: ARTICLES=DIR             the articles of the experiment of that name
#: RUNS='DIR ...'           compare: the runs
#: PAGE=FILE                compare: the page [runs/compare.html]
#: ENTITY=FIELD             own_rows: the field that prompts are about [first_actor]
#: TARGET=FIELD             own_rows: the field that they ask for [second_actor]
#: REVERSE=1                own_rows: texts from target to entity too, by exchanging the two in every template
#: KEEP_SHARED_FIRST=1      ask also where the target's first token begins a field of the prompt (docs/guide.md)
#: GENERAL=FILE             general text that a finetuned model should still read well [old prose that comes along]
#: REPLACE=1                make anew what was made from other inputs; nothing is replaced without
# A default is the word in the brackets: here alone, since make has to know it before the program is built; `graftkit list
# defaults` reads it here too. What families, datasets, recipes and experiments there are is the program's to say.
SHELL    := bash
SHARE    ?=
HERE     := $(dir $(lastword $(MAKEFILE_LIST)))
CALLED   ?= make
# NAME=DEFAULT each, or NAME= .
VARIABLES := $(shell sed -n 's/^\#: \([A-Z0-9_]*\)=.*\[\([a-z0-9._/-]*\)[];].*/\1=\2/p; t; s/^\#: \([A-Z0-9_]*=\).*/\1/p' $(HERE)run.mk)
standard  = $(patsubst $1=%,%,$(filter $1=%,$(VARIABLES)))
# A file that is not here may be one that comes along.
shipped   = $(foreach f,$1,$(if $(wildcard $f),$f,$(or $(wildcard $(SHARE)$f),$f)))

RUN      ?= $(call standard,RUN)
OUT      ?= $(RUN)
# What decides a run, all of it noted in RUN/asked as NAME=VALUE. What is not given is as it was asked for before; asked.sh
# refuses what is given and differs.
DECIDE   := FAMILY VOCAB MODEL DATASET SOURCE TEMPLATES BASE_ROWS RELATION_ROWS TASK_ROWS CHUNK_WORDS TASK ENTITY TARGET REVERSE \
            SEED FREEZE REGIMES RECIPE BF16 MILD MIX MIX_RATIO GENERAL KEEP_SHARED_FIRST
is_given  = $(filter-out undefined default,$(firstword $(origin $1)))
GIVEN    := $(strip $(foreach v,RUN $(DECIDE) SCHEMES CAST FREEZES ATTRIBUTE,$(if $(call is_given,$v),$v)))
# The words of a file that begin with NAME=, without that.
noted     = $(patsubst $1=%,%,$(filter $1=%,$(if $(wildcard $2),$(file <$2))))
$(foreach v,$(filter-out $(GIVEN),$(DECIDE)),$(if $(call noted,$v,$(RUN)/asked),$(eval $v := $$(call noted,$v,$$(RUN)/asked))))
# What a model from scratch has does not stay beside MODEL.
$(if $(MODEL),$(foreach v,$(filter-out $(GIVEN),FAMILY VOCAB),$(eval $v :=)))
# Neither schemes nor models take away from what is there.
$(foreach v,$(filter-out $(GIVEN),SCHEMES CAST FREEZES),$(if $(call noted,$v,$(OUT)/asked-schemes),$(if $(REPLACE),,\
    $(eval $v := $$(call noted,$v,$$(OUT)/asked-schemes)))))
$(if $(filter ATTRIBUTE,$(GIVEN)),,$(eval ATTRIBUTE := $$(or $$(call noted,ATTRIBUTE,$$(OUT)/attribution/asked),$$(call standard,ATTRIBUTE))))
FAMILY   ?= $(if $(MODEL),,$(call standard,FAMILY))
VOCAB    ?= $(if $(MODEL),,$(call standard,VOCAB))
DATASET  ?= $(call standard,DATASET)
TASK     ?= $(call standard,TASK)
SEED     ?= $(call standard,SEED)
THREADS  ?= $(call standard,THREADS)
OWN_TEMPLATES := $(SHARE)templates/$(DATASET)
ifeq ($(TEMPLATES),)
override TEMPLATES := $(OWN_TEMPLATES)
endif
# The recipes of the finetuned models and of the mild one are names of train/recipes or files.
MILD     ?= $(if $(MODEL),auto-mild,$(call standard,MILD))
MIX_RATIO ?= $(call standard,MIX_RATIO)
include $(HERE)names.mk
$(if $(RUN),,$(error RUN is empty: name a folder for the run))
$(foreach f,$(FREEZES),$(if $(and $(findstring =,$f),$(filter 2,$(words $(subst =, ,$f)))),,$(error FREEZES: '$f' must be NAME=COMPONENTS)))
$(call no_blank,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT ATTRIBUTE PAGE GENERAL ENTITY TARGET)
$(call no_odd,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT CAST FREEZES SCHEMES ATTRIBUTE NAME PAPER RUNS PAGE GENERAL ENTITY TARGET)
# Templates that name no film, and no preposition before it, have no place for the schemes of its title.
# Without rows for a task model there is none, and neither the paper's component schemes nor its hybrids. Of a pretrained model another
# regime costs as much as the first.
NO_TASK  := $(and $(filter 0,$(TASK_ROWS)),$(filter disjoint,$(TASK)))
comma    := ,
REGIMES  ?= frozen$(if $(MODEL)$(FREEZE),,$(comma)free)
FREE     := $(findstring free,$(REGIMES))
in_words  = $(shell grep -s '{$1}' $(TEMPLATES)/eval.jsonl)
USUAL_SCHEMES := $(addprefix $(SHARE)graft/schemes/,position$(if $(and $(call in_words,movie_title),$(call in_words,preposition)),,_untitled).yaml \
                 $(if $(NO_TASK),component_after_entity.yaml,component.yaml hybrid.yaml) $(if $(FREE),regimes.yaml $(if $(NO_TASK),,regimes_task.yaml)))
USUAL_CAST := pre=base sft=relation$(if $(NO_TASK),, task=task)$(if $(FREE), free=free$(if $(NO_TASK),, free_task=free_task))
SCHEMES  ?= $(USUAL_SCHEMES)
# Which models a sweep grafts, as NAME=KIND (KINDS below) or NAME=KIND.FREEZE, the recipient first; where its results go is OUT.
CAST     ?= $(USUAL_CAST)
ifneq ($(SHARE),)
override TEMPLATES := $(call shipped,$(TEMPLATES))
override SCHEMES := $(call shipped,$(SCHEMES))
endif
export $(DECIDE) DECIDE RUN OUT THREADS SCHEMES ATTRIBUTE USUAL_SCHEMES CAST FREEZES USUAL_CAST REPLACE SHARE CALLED

# A variable that is mistyped would be as good as not given. BUILD_VARIABLES are the Makefile's.
KNOWN    := $(foreach v,$(VARIABLES),$(firstword $(subst =, ,$v))) G SHARE CALLED TITLE ABOUT MAKE SHELL MAKEFLAGS $(BUILD_VARIABLES)
$(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$(if $(filter $(KNOWN) -*-command-variables-*-,$v),,\
    $(error $v is no variable$(foreach n,$(shell $(SHELL) $(HERE)nearest.sh '$v' $(KNOWN)),; did you mean $n?)))))

BASE     := $(if $(MODEL),$(MODEL),$(RUN)/base)
COMMON   := --seed $(SEED) --threads $(THREADS) $(if $(REPLACE),--replace)
# The models of a run beside its base: the rows that each is trained on, its texts (A2B: from entity to target, as the prompts
# ask; B2A: back), its recipe and what it freezes instead of that. TASK=reverse trains the task model on the relation's rows,
# target to entity. A model KIND.NAME is KIND but for the freeze, which FREEZES says.
KINDS          := base relation task free free_task forward reverse mild
KIND_OF         = $(firstword $(subst ., ,$1))
ROWS.relation  := relation
ROWS.task      := $(if $(filter reverse,$(TASK)),relation,task)
# How an article is asked about is taught by articles of other facts, with questions.
TEXTS.relation := relation/A2B relation/B2A $(if $(filter invented_articles,$(DATASET)),task/A2B task/B2A)
TEXTS.task     := $(if $(filter reverse,$(TASK)),relation/B2A,task/A2B task/B2A)
# What a pretrained model is finetuned with follows from its size.
RECIPE.relation := $(or $(RECIPE),$(if $(MODEL),auto,relation))
RECIPE.task    := $(or $(RECIPE),$(if $(MODEL),auto,task))
export RECIPES := $(RECIPE.relation) $(RECIPE.task) $(MILD)
$(foreach v,ROWS TEXTS RECIPE,$(foreach k,free forward reverse mild,$(eval $v.$k := $$($v.relation)))$(eval $v.free_task := $$($v.task)))
TEXTS.forward  := relation/A2B
TEXTS.reverse  := relation/B2A
RECIPE.mild    := $(MILD)
FREEZE.free    := lnf,own_head
FREEZE.free_task := lnf,own_head
OWN_FREEZE      = $(patsubst $1=%,%,$(filter $1=%,$(FREEZES)))
FREEZE_OF       = $(or $(call OWN_FREEZE,$(subst .,,$(suffix $1))),$(FREEZE.$(KIND_OF)),$(FREEZE))
ASK_DATA       := $(if $(SOURCE),--source $(SOURCE)) $(if $(filter-out $(OWN_TEMPLATES),$(TEMPLATES)),--templates $(TEMPLATES)) \
                  $(if $(BASE_ROWS),--base-rows $(BASE_ROWS)) $(if $(RELATION_ROWS),--relation-rows $(RELATION_ROWS)) \
                  $(if $(TASK_ROWS),--task-rows $(TASK_ROWS)) $(if $(CHUNK_WORDS),--chunk-words $(CHUNK_WORDS)) $(if $(MODEL),--tokenizer $(MODEL)) \
                  $(if $(ENTITY),--entity $(ENTITY)) $(if $(TARGET),--target $(TARGET)) $(if $(REVERSE),--reverse) $(if $(REPLACE),--replace)
FILLERS  := $(wildcard $(TEMPLATES)/fillers.json)
EVAL     := --templates $(TEMPLATES)/eval.jsonl $(if $(FILLERS),--fillers $(FILLERS)) --target $(or $(TARGET),$(call standard,TARGET)) \
            $(if $(KEEP_SHARED_FIRST),--keep-shared-first)
# General text for the mild model: MIX=FILE, else the base corpus where there is one; without any, none.
MIXED     = $$(for f in $(or $(MIX),$(RUN)/data/base/texts.jsonl); do [ ! -s $$f ] || echo --mix $$f --mix-ratio $(MIX_RATIO); done)
# After each epoch a finetuned model is asked for its rows, in the words of its texts and in those of the evaluation.
LEARNED   = $(if $(GENERAL),--general $(GENERAL)) --eval-rows $(RUN)/data/$(ROWS.$(call KIND_OF,$*))/metadata.jsonl $(EVAL) \
            $(foreach t,$(wildcard $(addprefix $(TEMPLATES)/,article.jsonl qa.jsonl)),--train-templates $(t))

# What this sweep grafts.
OWN            := $(foreach f,$(FREEZES),$(firstword $(subst =, ,$f)))
$(foreach c,$(CAST),$(if $(filter $(KINDS:%=\%=%) $(foreach k,$(filter-out base,$(KINDS)),$(OWN:%=\%=$k.%)),$c),,\
    $(error CAST: '$c' must be NAME=KIND; kinds are: $(KINDS); or NAME=KIND.FREEZE, a word of FREEZES='$(FREEZES)')))
PATH_OF         = $(firstword $(subst =, ,$1))=$(if $(filter %=base,$1),$(BASE),$(RUN)/$(lastword $(subst =, ,$1)))
RECIPIENT      := $(call PATH_OF,$(firstword $(CAST)))
DONORS         := $(foreach c,$(wordlist 2,99,$(CAST)),$(call PATH_OF,$c))
# What stands in a donor's place as a floor: the model that was finetuned on other facts.
PLACEBO        := $(foreach p,sft=relation@task=task free=free@free_task=free_task,$(if $(filter-out $(CAST),$(subst @, ,$p)),,\
                  --placebo $(firstword $(subst =, ,$p))=$(lastword $(subst =, ,$p))))
# The base model's training and gate belong to a report whose sweep grafts into it.
OF_BASE        := $(if $(MODEL),,$(if $(filter %=base,$(firstword $(CAST))),--base $(RUN)/base --gate $(RUN)/base/gate.json))
TRAINED        := $(filter-out base,$(foreach c,$(CAST),$(lastword $(subst =, ,$c))))

.PHONY: dataset base finetune graft-sweep report attribute experiment paper compare replication checked plausible FORCE
dataset: $(RUN)/data/card.json ## make the dataset: rows, texts, splits
base: $(if $(MODEL),$(RUN)/asked,$(RUN)/base/gate.json) ## pretrain the base model and check what it knows (nothing to do with MODEL=DIR)
	$(if $(MODEL),@echo "base: nothing to do: $(MODEL) is used as it is")
finetune: $(TRAINED:%=$(RUN)/%/train.json) ## finetune the relation and the task model
graft-sweep: $(OUT)/summary.json ## evaluate every scheme on every prompt
report: $(OUT)/report/index.html ## all of the above, then the report
	@echo "open $<"
attribute: report ## what each part of the graft (ATTRIBUTE=) is worth, in the report too (docs/attribution.md)

# What a run is asked for, checked before anything is written: everything below hangs on these files. Make only sees that
# a step may have to be done again; graftkit compares the inputs themselves: equal ones are left alone, others are refused, or
# made anew with REPLACE=1.
# What needs no program is looked at before one is built.
ASK      = @GIVEN='$(GIVEN)' GOALS='$(MAKECMDGOALS)' G='$(G)' $(SHELL) $(HERE)asked.sh
$(RUN)/asked $(RUN)/asked-training $(OUT)/asked-schemes: FORCE | plausible $(G)
	$(ASK) $@
plausible:
	$(ASK)
$(RUN)/asked-training $(OUT)/asked-schemes: $(RUN)/asked
FORCE:

$(RUN)/data/card.json: $(RUN)/asked $(wildcard $(TEMPLATES)/*.json*) $(wildcard $(SHARE)data/lists/* $(SHARE)data/articles/*/*) \
    $(if $(SOURCE),$(wildcard $(SOURCE) $(SOURCE)/* $(SOURCE)/*/*)) | $(G)
	$(G) dataset --name $(DATASET) --out $(@D) --seed $(SEED) $(ASK_DATA)
$(RUN)/tokenizer/tokenizer.model: $(RUN)/data/card.json | $(G)
	$(G) tokenizer --texts $(RUN)/data/tokenizer.jsonl --vocab $(VOCAB) --out $(@D) $(if $(REPLACE),--replace)
	@touch $@
$(RUN)/base/train.json: $(RUN)/tokenizer/tokenizer.model $(SHARE)train/recipes/base.yaml | $(G)
	$(G) base --family $(FAMILY) --tokenizer $(RUN)/tokenizer --texts $(RUN)/data/base/texts.jsonl --recipe base \
	    --out $(@D) $(COMMON)
	@touch $@
$(RUN)/base/gate.json: $(RUN)/base/train.json $(TEMPLATES)/eval.jsonl $(FILLERS) | $(G)
	$(G) gate --model $(RUN)/base --rows $(RUN)/data/base/metadata.jsonl $(EVAL) --texts $(RUN)/data/base/texts.jsonl \
	    --new-rows $(RUN)/data/relation/metadata.jsonl --out $@

# A run that was asked otherwise is left as it is, and told, unless REPLACE=1 says to ask anew: then it is looked at again.
# One with a freeze of its own is looked at every time: no note says what that was, and finetune compares it.
OF_OWN   := $(foreach m,$(TRAINED),$(if $(suffix $m),$m))
$(OF_OWN:%=$(RUN)/%/train.json): FORCE
$(RUN)/mild/train.json: $(MIX)
$(patsubst %,$(RUN)/%/train.json,$(filter-out base,$(KINDS)) $(OF_OWN)): $(RUN)/%/train.json: $(if $(MODEL),,$(RUN)/base/train.json) \
    $(RUN)/data/card.json $(RUN)/asked-training $(if $(REPLACE),FORCE) | $(G) $(if $(MODEL),,$(RUN)/base/gate.json)
	@for t in $(TEXTS.$(call KIND_OF,$*)); do [ ! -s $(RUN)/data/$$t.jsonl ] || exit 0; done; \
	    echo "$(CALLED): there is no text to train the $* model on: $(TEXTS.$(call KIND_OF,$*):%=$(RUN)/data/%.jsonl) is empty" >&2; exit 1
	$(G) finetune --model $(BASE) --recipe $(RECIPE.$(call KIND_OF,$*)) \
	    $$(for t in $(TEXTS.$(call KIND_OF,$*)); do [ ! -s $(RUN)/data/$$t.jsonl ] || echo --texts $(RUN)/data/$$t.jsonl; done) \
	    $(if $(filter mild,$(call KIND_OF,$*)),$(MIXED)) \
	    --out $(@D) $(COMMON) $(addprefix --freeze ,$(call FREEZE_OF,$*)) $(if $(BF16),--bf16 $(BF16)) $(LEARNED)
	$(if $(suffix $*),,@touch $@)

# Schemes are looked at first, so that nothing is trained for some that cannot be used.
$(OUT)/summary.json: $(OUT)/asked-schemes $(TRAINED:%=$(RUN)/%/train.json) $(if $(MODEL),,$(RUN)/base/train.json) \
    $(TEMPLATES)/eval.jsonl $(FILLERS) | $(G)
	$(G) sweep --recipient $(RECIPIENT) $(DONORS:%=--donor %) $(foreach s,$(SCHEMES),--schemes $(s)) \
	    $(PLACEBO) \
	    --rows $(RUN)/data/relation/metadata.jsonl $(EVAL) $(if $(ENTITY),--entity $(ENTITY)) --out $(OUT)/results.db --whole-target $(COMMON)
	$(G) export --db $(OUT)/results.db --summary $@ --cells $(OUT)/cells.csv --results $(OUT)/results.csv \
	    --differences $(OUT)/differences.csv --contrasts $(OUT)/contrasts.csv
# Once there is one, it is kept as the models are.
ATTRIBUTION := $(if $(filter attribute,$(MAKECMDGOALS)),$(OUT)/attribution/summary.json,$(wildcard $(OUT)/attribution/summary.json))
$(OUT)/attribution/summary.json: $(OUT)/summary.json $(wildcard $(ATTRIBUTE)) $(if $(filter ATTRIBUTE,$(GIVEN)),FORCE) | $(G)
	$(G) attribute --recipient $(RECIPIENT) $(DONORS:%=--donor %) --parts $(ATTRIBUTE) --rows $(RUN)/data/relation/metadata.jsonl $(EVAL) \
	    $(if $(ENTITY),--entity $(ENTITY)) --out $(@D) $(COMMON)
	@echo 'ATTRIBUTE=$(ATTRIBUTE)' >$(@D)/asked
$(OUT)/report/index.html: $(OUT)/summary.json $(ATTRIBUTION) $(if $(MODEL),,$(RUN)/base/gate.json) | $(G)
	$(G) report --db $(OUT)/results.db $(OF_BASE) \
	    $(DONORS:%=--donor %) --card $(RUN)/data/card.json --out $@ $(if $(ATTRIBUTION),--attribution $(OUT)/attribution) \
	    $(if $(TITLE),--title "$$TITLE") $(if $(ABOUT),--about "$$ABOUT")

# ------------------------------------------------------------------ experiments/, several of them in one run, several runs on one page
NAME     ?=
ARTICLES ?=
RUNS     ?=
PAGE     ?= $(call standard,PAGE)
DATASETS ?=
TABLES   ?= $(RUN)/replication/tables
DRY      ?=
export KINDS ARTICLES SEEDS FAMILIES REGIME DATASETS TABLES DRY GIVEN
# Unless it says which, all that come along are meant.
$(if $(call is_given,PAPER),$(eval export PAPER))
PAPER_NOW = $(if $(call is_given,PAPER),$(PAPER),$$($(G) list experiments | cut -f 1))
SCRIPT    = G=$(G) MAKE="$(MAKE)" MAKEFILE=$(firstword $(MAKEFILE_LIST)) $(SHELL) $(HERE)
EXPERIMENTS = +@$(SCRIPT)experiments.sh
experiment: | $(G) ## NAME="position …": experiments of experiments/, each with its report in RUN/experiments/NAME
	$(EXPERIMENTS) $(NAME)
paper: | $(G) ## every experiment that applies, and RUN/paper.html with all of them (docs/experiments.md)
	$(EXPERIMENTS) --all
compare: | $(G) ## RUNS="runs/a runs/b": PAGE=runs/compare.html and .csv, their experiments side by side
	@[ '$(strip $(RUNS))' ] || { echo "$(CALLED): RUNS is empty: name the folders of the runs, RUNS=\"runs/a runs/b\"" >&2; exit 1; }
	$(G) compare $(RUNS:%=--run %) $$(for n in $(PAPER_NOW); do echo --experiment $$n; done) --out $(PAGE) --csv $(basename $(PAGE)).csv \
	    --seeds-csv $(basename $(PAGE))-seeds.csv
# What `make paper` would say is wrong, without doing anything.
checked: plausible | $(G)
	$(ASK) --check
	$(EXPERIMENTS) --check --all
replication: | $(G) ## FAMILIES × SEEDS, or MODEL= × DATASETS, in both regimes, in RUN/replication (docs/experiments.md)
	+@$(SCRIPT)replication.sh
