# run.mk: the pipeline, dataset -> base -> finetune -> graft-sweep -> report, and the experiments: the one description of its
# steps. The Makefile of the source tree includes it, and `graftkit run` runs it with make wherever the program is installed.
# $(G) is the program; $(SHARE) is what stands before templates/, train/recipes/ … : nothing in the source tree, else the path
# of share/graftkit/. `make help` and `graftkit run --help` show the lines that begin with #: and the targets with ##.
#
#: RUN=runs/default         the folder of the run
#: FAMILY=llama             pretrain a llama, gpt2, gpt_neox, gemma, gemma2, qwen2 or olmo2
#: MODEL=PATH               start from a Hugging Face folder or a GGUF file instead
#: DATASET=NAME             the facts under test (docs/datasets.md) [fake_movies_fake_actors]
#: SOURCE=PATH              your own data, for the datasets that are made of it
#: TEMPLATES=DIR            the wording [that of the dataset]
#: BASE_ROWS=N              rows of the base corpus [the dataset's own number, as for the next two]
#: RELATION_ROWS=N          rows under test
#: TASK_ROWS=N              rows of the task model
#: CHUNK_WORDS=N            articles: about so many words a text [120]
#: TASK=disjoint            the task model's facts: other ones, or those under test in reverse
#: SEED=1                   the run's seed
#: THREADS=0                cores; 0: all
#: SCHEMES='FILE ...'       the grafts (docs/schemes.md) [position, component and hybrid]
#: RECIPE=NAME              how to finetune, a name of train/recipes or a file (docs/training.md)
#: FREEZE=NAMES             components that stay as they are [the recipe's]
#: MILD=NAME                the mild model's recipe (docs/experiments.md) [relation-mild]
#: MIX=FILE                 general text for the mild model [the base corpus]
#: MIX_RATIO=0.3            how much of it
#: CAST='NAME=KIND ...'     the models that a sweep grafts, the recipient first [pre=base sft=relation task=task]
#: OUT=DIR                  where a sweep's results and its report go [RUN]
#: NAME='NAME ...'          experiment: which ones of experiments/
#: PAPER='NAME ...'         paper, compare: which ones [all]
#: ARTICLES=DIR             the articles of the experiment of that name
#: RUNS='DIR ...'           compare: the runs
#: PAGE=FILE                compare: the page [runs/compare.html]
SHELL    := bash
SHARE    ?=
HERE     := $(dir $(lastword $(MAKEFILE_LIST)))
CALLED   ?= make
# A file that is not here may be one that comes along.
shipped   = $(foreach f,$1,$(if $(wildcard $f),$f,$(or $(wildcard $(SHARE)$f),$f)))

RUN      ?= runs/default
FAMILY   ?= llama
DATASET  ?= fake_movies_fake_actors
SOURCE   ?=
TEMPLATES ?= $(SHARE)templates/$(DATASET)
BASE_ROWS ?=
RELATION_ROWS ?=
TASK_ROWS ?=
CHUNK_WORDS ?=
TASK     ?= disjoint
SEED     ?= 1
THREADS  ?= 0
# Templates that name no film have no place for the schemes of its title.
SCHEMES  ?= $(addprefix $(SHARE)graft/schemes/,position$(if $(shell grep -s movie_title $(TEMPLATES)/eval.jsonl),,_untitled).yaml component.yaml hybrid.yaml)
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
    RECIPE MILD MIX MIX_RATIO CAST OUT SHARE CALLED

ifneq ($(SHARE),)
override TEMPLATES := $(call shipped,$(TEMPLATES))
override SCHEMES := $(call shipped,$(SCHEMES))
endif
include $(HERE)names.mk
$(if $(RUN),,$(error RUN is empty: name a folder for the run))
$(call no_blank,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT PAGE)
$(call no_odd,RUN MODEL DATASET SOURCE TEMPLATES RECIPE MILD MIX OUT CAST SCHEMES NAME PAPER RUNS PAGE)

BASE     := $(if $(MODEL),$(MODEL),$(RUN)/base)
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
recipe_file     = $(if $(or $(findstring /,$1),$(findstring .,$1)),$1,$(SHARE)train/recipes/$1.yaml)
ASK_DATA       := $(if $(SOURCE),--source $(SOURCE)) $(if $(filter-out $(SHARE)templates/$(DATASET),$(TEMPLATES)),--templates $(TEMPLATES)) \
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
	@$(SHELL) $(HERE)asked.sh $@
FORCE:

$(RUN)/data/card.json: $(RUN)/asked $(wildcard $(TEMPLATES)/*.json*) $(wildcard $(SHARE)data/lists/* $(SHARE)data/articles/*/*) \
    $(if $(SOURCE),$(wildcard $(SOURCE) $(SOURCE)/* $(SOURCE)/*/*)) | $(G)
	$(G) dataset --name $(DATASET) --out $(@D) --seed $(SEED) $(ASK_DATA)
$(RUN)/tokenizer/tokenizer.model: $(RUN)/data/card.json | $(G)
	$(G) tokenizer --texts $(RUN)/data/tokenizer.jsonl --vocab 2000 --out $(@D)
$(RUN)/base/train.json: $(RUN)/tokenizer/tokenizer.model $(SHARE)train/recipes/base.yaml | $(G)
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
	+@G=$(G) MAKE="$(MAKE)" MAKEFILE=$(firstword $(MAKEFILE_LIST)) $(SHELL) $(HERE)experiments.sh $(NAME)
paper: | $(G) ## every experiment that applies, and RUN/paper.html with all of them (docs/experiments.md)
	+@G=$(G) MAKE="$(MAKE)" MAKEFILE=$(firstword $(MAKEFILE_LIST)) $(SHELL) $(HERE)experiments.sh --all
compare: | $(G) ## RUNS="runs/a runs/b": PAGE=runs/compare.html and .csv, their experiments side by side
	$(G) compare $(RUNS:%=--run %) $(PAPER:%=--experiment %) --out $(PAGE) --csv $(basename $(PAGE)).csv
