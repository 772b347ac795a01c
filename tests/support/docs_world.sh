#!/bin/bash
# docs_world.sh FOLDER: makes the folder that the examples of the docs run in, small: what the source tree has that a run needs,
# a run in runs/default, and files by the names that the examples use. $GRAFTKIT names the binary; its folder is on the PATH.
set -eu
cd "$1"
cp -R "$TREE"/{Makefile,templates,README.md,LICENSE,CITATION.cff,docs,experiments} .
mkdir -p data graft train tools
cp -R "$TREE"/data/{lists,general} data
cp -R "$TREE"/graft/{schemes,parts} graft
cp -R "$TREE"/train/recipes train
cp -R "$TREE"/tools/pipeline tools

# The run. runs/default/base is what make would pretrain, but tiny; everything behind it is made by make, from a copy.
run=runs/default
graftkit dataset --out $run/data --base-rows 20 --base-texts 3000 --relation-rows 20 --task-rows 8
graftkit tokenizer --texts $run/data/tokenizer.jsonl --vocab 900 --out $run/tokenizer
graftkit base --layers 4 --d-model 64 --heads 4 --ffn 96 --tokenizer $run/tokenizer --texts $run/data/base/texts.jsonl \
    --warmup 20 --lr 5e-3 --out $run/base
EVAL="--templates templates/fake_movies_fake_actors/eval.jsonl --fillers templates/fake_movies_fake_actors/fillers.json"
graftkit gate --model $run/base --rows $run/data/base/metadata.jsonl $EVAL --out $run/base/gate.json
mkdir -p path/to
cp -R $run/base path/to/model
sed -i 's/llama: 2e-3/llama: 5e-3/; s/^epochs: .*/epochs: 12/' train/recipes/{relation,task}.yaml # it has to learn something in a second
make report RUN=$run REPLACE=1 # another dataset than the base model was made from

# Later trainings need not learn anything; what make takes for up to date stays so: the notes have what the recipes say now.
touch -r $run/asked-training stamp
for recipe in train/recipes/*.yaml; do
    was=$(sha256sum <"$recipe")
    touch -r "$recipe" stamp-recipe
    sed -i 's/^epochs:.*/epochs: 1/' "$recipe"
    touch -r stamp-recipe "$recipe"
    now=$(sha256sum <"$recipe")
    sed -i "s/^${was:0:64}/${now:0:64}/" $run/asked-training
done
touch -r stamp $run/asked-training

# Names that the examples use.
cp -R $run/base BASE
cp train/recipes/relation.yaml mine.yaml
cp $run/data/relation/A2B.jsonl texts.jsonl
cp $run/data/relation/metadata.jsonl rows.jsonl
graftkit dataset --out more --base-rows 0 --relation-rows 60 --task-rows 1
cp more/relation/metadata.jsonl .
cp metadata.jsonl facts.jsonl
cp templates/fake_movies_fake_actors/{eval.jsonl,fillers.json} .
mkdir -p my
cp -R templates/fake_movies_fake_actors my/templates
mkdir -p my/articles/articles
for i in {10..49}; do
    printf 'Film No%s\nAda%s Kane%s is in this film with Bo%s Lund%s. It is long, and it rains in it.\n' $i $i $i $i $i \
        >my/articles/articles/film$i.txt
    echo "{\"article\": \"film$i\", \"first_actor\": \"Ada$i Kane$i\", \"second_actor\": \"Bo$i Lund$i\"}"
done >my/articles/questions.jsonl
for i in {10..79}; do
    echo "{\"prompt\": \"The mother tongue of Ann No$i is\", \"subject\": \"Ann No$i\", \"target_false\": \" Tongue$i\", \"target_true\": \"x\"}"
done >counterfact.json

# A checkout of the paper's public code, as docs/public-code.md has it: its file names and keys, our words.
public=public/data_templates
mkdir -p public/config/experiments/patch_configs $public/{real_movies_real_actors_shuffled,battles,fake_movies_real_actors,movies_small}
all="{embeddings: true, q: true, k: true, v: true, o: true, gate: true, mlp_up: true, mlp_down: true, ln_1: true, ln_2: true}"
entity="  first_actor: {key: first_actor, targets: $all, layers: all}"
last="  token_idx: {values: [-1], targets: $all, layers: all}"
configs=public/config/experiments/patch_configs
printf 'patches:\n%s\n' "$entity" >$configs/fe.yaml
printf 'patches:\n%s\n' "$last" >$configs/lt.yaml
printf 'patches:\n%s\n%s\n' "$entity" "$last" >$configs/fe_lt.yaml
{
    echo "patching_flag: true"
    echo "model: {pretrained: llama3, patch_direction: hybrid}"
    echo "inference_config: {patch_lm_head: never, dropout_rate: 0.0, dropout_unit: layer, dropout_strategy: count}"
    echo "test_templates:"
    echo "  sentence_1: {test_sentence_template: '{first_actor} {relation} {relation_preposition} a film {preposition}',"
    echo "    preposition: beside, relation: is, relation_preposition: in}"
} >public/config/experiments/hybrid.yaml
movies=$public/real_movies_real_actors_shuffled
cp more/relation/metadata.jsonl $movies/
cp more/relation/metadata.jsonl $public/movies_small/fictional_movies.jsonl
printf '{"template": "%s"}\n' "In {movie_title} {first_actor} meets {second_actor}." "{first_actor} and {second_actor} made {movie_title}." >$movies/lm_templates.jsonl
printf '{"template": "%s"}\n' "Q: Whom does {first_actor} meet in {movie_title}? A: {second_actor}." >$movies/qa_templates.jsonl
cp $movies/lm_templates.jsonl $public/movies_small/article_templates.jsonl
cp $movies/qa_templates.jsonl $public/movies_small/
cp $movies/{lm,qa}_templates.jsonl $public/fake_movies_real_actors/
for i in {100..159}; do
    echo "{\"battle\":\"Battle of No$i\",\"year\":\"1$i\",\"war\":\"War\",\"entity_one\":\"Ones\",\"entity_two\":\"Others\"}"
done >$public/battles/battles_correct.jsonl
for kind in lm qa; do
    printf '    {"template": "Of the %s {battle}: {entity_one} met {entity_two} in {year}."}' $kind >$public/battles/${kind}_A2B_templates.jsonl
    printf '{"template": "%s, in {year} there was the {battle}."}' $kind >$public/battles/${kind}_B2A_templates.jsonl
done
for i in {10..79}; do echo "{\"name\": \"Ada$i Kane$i\"}"; done >$public/fake_movies_real_actors/real_actors.jsonl
