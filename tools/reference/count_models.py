"""Of the decoder models that TransformerLens lists: which graftkit opens, by configuration, which not and why.

    count_models.py GRAFTKIT TRANSFORMER_LENS [-v]

TRANSFORMER_LENS is the installed package, or its wheel unpacked: its list OFFICIAL_MODEL_NAMES is read, nothing is imported. The
checkpoints' config.json are written out below by rows of names, as they are published: every setting that chooses what is computed; sizes are those
of one of the row's models. Names that no row knows are an error, so that a newer list cannot pass unseen. What is no decoder, and what TransformerLens
keeps in a format of its own, without a config.json, is told apart and not counted.
"""
import argparse
import ast
import collections
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NO_DECODER = r"(google-bert|google-t5)/.*|facebook/(hubert|wav2vec2)-.*"
OWN_FORMAT = r"(NeelNanda|ArthurConmy|Baidicoot)/.*"  # what it calls TL_LEGACY_PREFIXES


def like_llama(kind, arch, d=4096, ffn=11008, layers=32, heads=32, kv=None, vocab=32000, positions=4096, **more):
    return dict(dict(model_type=kind, architectures=[arch], hidden_size=d, intermediate_size=ffn, num_hidden_layers=layers, num_attention_heads=heads,
                     num_key_value_heads=kv or heads, vocab_size=vocab, max_position_embeddings=positions, hidden_act="silu", rms_norm_eps=1e-5,
                     bos_token_id=1, eos_token_id=2, tie_word_embeddings=False, torch_dtype="bfloat16", use_cache=True, initializer_range=0.02), **more)


def llama(**more):
    return like_llama("llama", "LlamaForCausalLM", **dict(dict(pretraining_tp=1, rope_scaling=None, attention_bias=False), **more))


def llama3_scaling(factor):
    return dict(factor=factor, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192, rope_type="llama3")


def neox(**more):
    return dict(dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], hidden_size=512, intermediate_size=2048, num_hidden_layers=6,
                     num_attention_heads=8, vocab_size=50304, max_position_embeddings=2048, hidden_act="gelu", layer_norm_eps=1e-5, rotary_pct=0.25,
                     rotary_emb_base=10000, use_parallel_residual=True, bos_token_id=0, eos_token_id=0, tie_word_embeddings=False, torch_dtype="float16",
                     initializer_range=0.02, use_cache=True), **more)


def gpt2(**more):
    return dict(dict(model_type="gpt2", architectures=["GPT2LMHeadModel"], n_embd=768, n_layer=12, n_head=12, n_positions=1024, n_ctx=1024, vocab_size=50257,
                     activation_function="gelu_new", layer_norm_epsilon=1e-5, bos_token_id=50256, eos_token_id=50256, attn_pdrop=0.1, embd_pdrop=0.1,
                     resid_pdrop=0.1, initializer_range=0.02, summary_type="cls_index", summary_use_proj=True, summary_first_dropout=0.1), **more)


def gpt_neo(layers, kinds, **more):
    return dict(dict(model_type="gpt_neo", architectures=["GPTNeoForCausalLM"], hidden_size=768, num_layers=layers, num_heads=12, intermediate_size=None,
                     attention_types=[[kinds, layers // len(kinds)]], attention_layers=kinds * (layers // len(kinds)), window_size=256, vocab_size=50257,
                     max_position_embeddings=2048, activation_function="gelu_new", layer_norm_epsilon=1e-5, attention_dropout=0, embed_dropout=0,
                     resid_dropout=0, gradient_checkpointing=False, bos_token_id=50256, eos_token_id=50256, use_cache=True), **more)


def qwen2(**more):
    return like_llama("qwen2", "Qwen2ForCausalLM", **dict(dict(vocab=151936, positions=32768, rms_norm_eps=1e-6, rope_theta=1000000.0, attention_dropout=0.0,
                      use_sliding_window=False, sliding_window=32768, max_window_layers=21, bos_token_id=151643, eos_token_id=151643), **more))


def gemma3_text(**more):
    return like_llama("gemma3_text", "Gemma3ForCausalLM", **dict(dict(d=1152, ffn=6912, layers=26, heads=4, kv=1, vocab=262144, positions=32768, head_dim=256,
                      hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6, attention_bias=False, attn_logit_softcapping=None, final_logit_softcapping=None,
                      query_pre_attn_scalar=256, rope_theta=1000000, rope_local_base_freq=10000, rope_scaling=None, sliding_window=512,
                      sliding_window_pattern=6, cache_implementation="hybrid", tie_word_embeddings=True), **more))


def gemma3(**more):
    text = gemma3_text(d=2560, ffn=10240, layers=34, heads=8, kv=4, positions=131072, rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=1024, vocab=262208)
    vision = dict(model_type="siglip_vision_model", hidden_size=1152, image_size=896, intermediate_size=4304, num_attention_heads=16, num_hidden_layers=27, patch_size=14,
                  vision_use_head=False)
    return dict(model_type="gemma3", architectures=["Gemma3ForConditionalGeneration"], text_config=dict(text, **more), vision_config=vision, mm_tokens_per_image=256,
                boi_token_index=255999, eoi_token_index=256000, image_token_index=262144, eos_token_id=[1, 106], initializer_range=0.02, torch_dtype="bfloat16")


def gemma2(**more):
    return like_llama("gemma2", "Gemma2ForCausalLM", **dict(dict(d=2304, ffn=9216, layers=26, heads=8, kv=4, vocab=256000, positions=8192, head_dim=256, rms_norm_eps=1e-6,
                      hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh", attn_logit_softcapping=50.0, final_logit_softcapping=30.0, attention_bias=False,
                      query_pre_attn_scalar=256, sliding_window=4096, cache_implementation="hybrid", rope_theta=10000.0, tie_word_embeddings=True), **more))


def olmo3():
    kinds = ["sliding_attention"] * 3 + ["full_attention"]
    scaling = dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=8192, attention_factor=1.2079441541679836, beta_fast=32.0, beta_slow=1.0)
    return like_llama("olmo3", "Olmo3ForCausalLM", vocab=100278, positions=65536, attention_bias=False, rms_norm_eps=1e-6, rope_theta=500000, sliding_window=4096,
                      layer_types=kinds * 8, rope_scaling=scaling, bos_token_id=None, eos_token_id=100257)


PHI = dict(model_type="phi", architectures=["PhiForCausalLM"], hidden_size=2048, intermediate_size=8192, num_hidden_layers=24, num_attention_heads=32, num_key_value_heads=None,
           vocab_size=51200, max_position_embeddings=2048, hidden_act="gelu_new", layer_norm_eps=1e-5, partial_rotary_factor=0.5, qk_layernorm=False, rope_theta=10000.0,
           rope_scaling=None, tie_word_embeddings=False, resid_pdrop=0.0, embd_pdrop=0.0, bos_token_id=None, eos_token_id=None)
BLOOM = dict(model_type="bloom", architectures=["BloomForCausalLM"], hidden_size=1024, n_layer=24, n_head=16, vocab_size=250880, layer_norm_epsilon=1e-5,
             apply_residual_connection_post_layernorm=False, attention_softmax_in_fp32=True, masked_softmax_fusion=True, bias_dropout_fusion=True, offset_alibi=100,
             pretraining_tp=1, skip_bias_add=True, skip_bias_add_qkv=False, slow_but_exact=False, seq_length=2048, unk_token_id=0, bos_token_id=1, eos_token_id=2, pad_token_id=3)
OPT = dict(model_type="opt", architectures=["OPTForCausalLM"], hidden_size=768, ffn_dim=3072, num_hidden_layers=12, num_attention_heads=12, vocab_size=50272, word_embed_proj_dim=768,
           max_position_embeddings=2048, activation_function="relu", do_layer_norm_before=True, _remove_final_layer_norm=False, layerdrop=0.0, init_std=0.02, prefix="</s>",
           bos_token_id=2, eos_token_id=2, pad_token_id=1, torch_dtype="float16", dropout=0.1, attention_dropout=0.0)
APERTUS = like_llama("apertus", "ApertusForCausalLM", ffn=21504, kv=8, vocab=131072, positions=65536, hidden_act="xielu", mlp_bias=False, attention_bias=False, qk_norm=True,
                     post_norm=False, rope_theta=12000000, rope_scaling=llama3_scaling(8.0))
GPT_OSS = like_llama("gpt_oss", "GptOssForCausalLM", d=2880, ffn=2880, layers=24, heads=64, kv=8, vocab=201088, positions=131072, head_dim=64, attention_bias=True,
                     num_local_experts=32, num_experts_per_tok=4, experts_per_token=4, sliding_window=128, layer_types=["sliding_attention", "full_attention"] * 12, rope_theta=150000,
                     rope_scaling=dict(rope_type="yarn", factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=4096), swiglu_limit=7.0,
                     initial_context_length=4096, output_router_logits=False, router_aux_loss_coef=0.9, eos_token_id=200002,
                     quantization_config=dict(quant_method="mxfp4", modules_to_not_convert=["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]))
MIXTRAL = like_llama("mixtral", "MixtralForCausalLM", ffn=14336, kv=8, positions=32768, num_local_experts=8, num_experts_per_tok=2, output_router_logits=False,
                     router_aux_loss_coef=0.02, rope_theta=1000000.0, sliding_window=None)
QWEN = dict(model_type="qwen", architectures=["QWenLMHeadModel"], auto_map=dict(AutoConfig="configuration_qwen.QWenConfig", AutoModelForCausalLM="modeling_qwen.QWenLMHeadModel"),
            hidden_size=4096, intermediate_size=22016, num_hidden_layers=32, num_attention_heads=32, kv_channels=128, vocab_size=151936, seq_length=8192, rotary_pct=1.0, no_bias=True)
SANTACODER = gpt2(model_type="gpt2", architectures=["GPT2LMHeadCustomModel"], auto_map=dict(AutoConfig="configuration_gpt2_mq.GPT2CustomConfig"), attention_head_type="multiquery",
                  n_embd=2048, n_layer=24, n_head=16, n_positions=2048, vocab_size=49280)
PHI3 = like_llama("phi3", "Phi3ForCausalLM", d=3072, ffn=8192, vocab=32064, attention_bias=False, attention_dropout=0.0, original_max_position_embeddings=4096, rope_theta=10000.0,
                  rope_scaling=None, sliding_window=2047, pad_token_id=32000, eos_token_id=32000, embd_pdrop=0.0, resid_pdrop=0.0,
                  auto_map=dict(AutoConfig="configuration_phi3.Phi3Config", AutoModelForCausalLM="modeling_phi3.Phi3ForCausalLM"))
MISTRAL = dict(ffn=14336, kv=8, positions=32768, rope_theta=10000.0)

ROWS = [
    (r"01-ai/Yi-.*", llama(kv=4, vocab=64000, rope_theta=5000000.0, pad_token_id=0)),
    (r"llama-\d+b-hf", llama(positions=2048, rms_norm_eps=1e-6, pad_token_id=-1)),
    (r"meta-llama/Llama-2-(7|13)b-.*", llama()),
    (r"meta-llama/Llama-2-70b-.*", llama(d=8192, ffn=28672, layers=80, heads=64, kv=8)),
    (r"meta-llama/Meta-Llama-3-.*", llama(ffn=14336, kv=8, vocab=128256, positions=8192, rope_theta=500000.0)),
    (r"meta-llama/Llama-3.[13]-.*", llama(ffn=14336, kv=8, vocab=128256, positions=131072, rope_theta=500000.0, rope_scaling=llama3_scaling(8.0), mlp_bias=False,
                                          eos_token_id=[128001, 128008, 128009])),
    (r"meta-llama/Llama-3.2-.*", llama(d=2048, ffn=8192, layers=16, kv=8, vocab=128256, positions=131072, head_dim=64, rope_theta=500000.0, mlp_bias=False,
                                       rope_scaling=llama3_scaling(32.0), tie_word_embeddings=True)),
    (r"codellama/.*", llama(vocab=32016, positions=16384, rope_theta=1000000)),
    (r"ai-forever/mGPT", gpt2(n_embd=2048, n_layer=24, n_head=16, n_positions=2048, vocab_size=100000, scale_attn_weights=True, n_inner=None, gradient_checkpointing=False)),
    (r"(distil)?gpt2(-medium|-large|-xl)?", gpt2(task_specific_params={"text-generation": dict(do_sample=True, max_length=50)})),
    (r"stanford-crfm/.*", gpt2(n_inner=None, reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True, scale_attn_weights=True, torch_dtype="float32", use_cache=False)),
    (r"bigcode/santacoder", SANTACODER),
    (r"EleutherAI/pythia-.*", neox()),
    (r"EleutherAI/gpt-neox-20b", neox(hidden_size=6144, intermediate_size=24576, num_hidden_layers=44, num_attention_heads=64, vocab_size=50432, hidden_act="gelu_fast",
                                      attention_probs_dropout_prob=0, hidden_dropout_prob=0, eos_token_id=0)),
    (r"stabilityai/stablelm-(base|tuned)-alpha-.*", neox(hidden_size=4096, intermediate_size=16384, num_hidden_layers=16, num_attention_heads=32, vocab_size=50688,
                                                         max_position_embeddings=4096)),
    (r"EleutherAI/gpt-j-6B", dict(gpt2(model_type="gptj", architectures=["GPTJForCausalLM"], n_embd=4096, n_layer=28, n_head=16, n_positions=2048, n_inner=None, rotary=True,
                                       rotary_dim=64, scale_attn_weights=True, gradient_checkpointing=False, tie_word_embeddings=False, vocab_size=50400))),
    (r"EleutherAI/gpt-neo-.*", gpt_neo(12, ["global", "local"])),
    (r"roneneldan/TinyStories-.*1Layer.*", gpt_neo(1, ["global"], num_heads=16, hidden_size=1024)),
    (r"roneneldan/TinyStories-.*", gpt_neo(8, ["global", "local"], num_heads=16, hidden_size=64)),
    (r"facebook/opt-.*", OPT),
    (r"bigscience/bloom-.*", BLOOM),
    (r"google/gemma-[27]b.*", like_llama("gemma", "GemmaForCausalLM", d=2048, ffn=16384, layers=18, heads=8, kv=1, vocab=256000, positions=8192, head_dim=256, rms_norm_eps=1e-6,
                                         hidden_act="gelu", hidden_activation=None, attention_bias=False, rope_scaling=None, rope_theta=10000.0, tie_word_embeddings=True)),
    (r"google/gemma-2-27b.*", gemma2(d=4608, ffn=36864, layers=46, heads=32, kv=16, head_dim=128, query_pre_attn_scalar=144)),
    (r"google/gemma-2-.*", gemma2()),
    (r"google/gemma-3-1b-.*", gemma3_text()),
    (r"google/gemma-3-270m.*", gemma3_text(d=640, ffn=2048, layers=18, use_bidirectional_attention=False, _sliding_window_pattern=6,
                                           layer_types=(["sliding_attention"] * 5 + ["full_attention"]) * 3)),
    (r"google/medgemma-27b-text-it", gemma3_text(d=5376, ffn=21504, layers=62, heads=32, kv=16, head_dim=128, query_pre_attn_scalar=168, positions=131072,
                                                 rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=1024)),
    (r"google/(gemma-3|medgemma)-.*", gemma3()),
    (r"microsoft/phi-(1|1_5|2)", PHI),
    (r"microsoft/Phi-3-mini-4k-instruct", PHI3),
    (r"microsoft/phi-4", like_llama("phi3", "Phi3ForCausalLM", d=5120, ffn=17920, layers=40, heads=40, kv=10, vocab=100352, positions=16384, attention_bias=False, rope_theta=250000,
                                    original_max_position_embeddings=16384, rope_scaling=None, sliding_window=None)),
    (r"mistralai/Mistral-7B-.*v0.1", like_llama("mistral", "MistralForCausalLM", sliding_window=4096, **MISTRAL)),
    (r"mistralai/Mistral-(Nemo|Small)-.*", like_llama("mistral", "MistralForCausalLM", **dict(MISTRAL, d=5120, layers=40, vocab=131072, head_dim=128, rope_theta=1000000.0,
                                                                                              sliding_window=None, attention_dropout=0.0))),
    (r"mistralai/Mixtral-.*", MIXTRAL),
    (r"openai/gpt-oss-20b", GPT_OSS),
    (r"Qwen/Qwen-.*", QWEN),
    (r"Qwen/(Qwen1.5|Qwen2|Qwen2.5|QwQ)-.*", qwen2()),
    (r"Qwen/Qwen3-.*", dict(qwen2(d=1024, ffn=3072, layers=28, heads=16, kv=8, head_dim=128, positions=40960, attention_bias=False, rope_scaling=None, sliding_window=None,
                                  max_window_layers=28, tie_word_embeddings=True), model_type="qwen3", architectures=["Qwen3ForCausalLM"])),
    (r"allenai/OLMo-[17]B-hf", {k: v for k, v in like_llama("olmo", "OlmoForCausalLM", d=2048, ffn=8192, layers=16, heads=16, vocab=50304, positions=2048, attention_bias=False,
                                                            clip_qkv=None, rope_scaling=None, rope_theta=10000.0, pad_token_id=1, bos_token_id=None).items() if k != "rms_norm_eps"}),
    (r"allenai/OLMo-2-.*", like_llama("olmo2", "Olmo2ForCausalLM", vocab=100352, attention_bias=False, rope_theta=500000, rope_scaling=None, rms_norm_eps=1e-6)),
    (r"allenai/Olmo-3.*", olmo3()),
    (r"allenai/OLMoE-.*", like_llama("olmoe", "OlmoeForCausalLM", d=2048, ffn=1024, layers=16, heads=16, vocab=50304, attention_bias=False, clip_qkv=None, norm_topk_prob=False,
                                     num_experts=64, num_experts_per_tok=8, output_router_logits=False, router_aux_loss_coef=0.01, rope_scaling=None)),
    (r"swiss-ai/Apertus-.*", APERTUS),
]


def official_names(package):
    path = next(p for p in (package / "supported_models.py", package / "transformer_lens/supported_models.py") if p.is_file())
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and getattr(node.target if isinstance(node, ast.AnnAssign) else node.targets[0], "id", "") == "OFFICIAL_MODEL_NAMES":
            return ast.literal_eval(node.value)
    raise SystemExit(f"{path}: no OFFICIAL_MODEL_NAMES")


def why_not(program, config, folder):
    """None where graftkit takes the configuration: what it then misses is the weights, which the folder does not have."""
    if "auto_map" in config and not config["architectures"][0].startswith(("Phi3",)):
        return "code of its own, not a class of transformers"
    (folder / "config.json").write_text(json.dumps(config))
    p = subprocess.run([program, "inspect", "--model", folder], capture_output=True, text=True)
    line = [l for l in p.stderr.splitlines() if l.strip()][-1]
    return None if "config.json" not in line and "model.safetensors" in line else line.split("config.json: ")[-1].split("; `graftkit models`")[0]


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("graftkit", type=Path)
    o.add_argument("package", type=Path)
    o.add_argument("-v", action="store_true", help="every name")
    o = o.parse_args()
    names, opened, count = official_names(o.package), 0, collections.Counter()
    table, reasons = collections.defaultdict(lambda: [0, 0, collections.Counter()]), {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if re.fullmatch(NO_DECODER, name) or re.fullmatch(OWN_FORMAT, name):
                count["no decoder" if re.fullmatch(NO_DECODER, name) else "own format"] += 1
                continue
            row = next((i for i, (pattern, _) in enumerate(ROWS) if re.fullmatch(pattern, name)), None)
            if row is None:
                raise SystemExit(f"{name}: no row of ROWS says what its configuration is")
            if row not in reasons:
                reasons[row] = why_not(o.graftkit, ROWS[row][1], Path(folder))
            why, entry = reasons[row], table[ROWS[row][1]["model_type"]]
            entry[0] += why is None
            entry[1] += 1
            entry[2][why] += why is not None
            opened += why is None
            count["decoders"] += 1
            if o.v:
                print(f"{'opens ' if why is None else 'not   '} {name}{': ' + why if why else ''}")
    print(f"{'family':12} opens   of  why not")
    for family, (yes, of, whys) in sorted(table.items(), key=lambda e: (-e[1][1], e[0])):
        print(f"{family:12} {yes:5} {of:4}  {'; '.join(w for w, n in whys.items() if n)[:150]}")
    print(f"{len(names)} names: {count['decoders']} decoders, {count['no decoder']} encoders and the like, {count['own format']} in TransformerLens' own format")
    print(f"opens {opened} of {count['decoders']}")


if __name__ == "__main__":
    sys.exit(main())
