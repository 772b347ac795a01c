"""What check_families.py writes beside Hugging Face folders: GGUF files as llama.cpp's converter lays them out, and a tokenizer of letters."""
import json

import gguf
import numpy as np
from safetensors.numpy import load_file

END = 2
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+*/="


# ---------------------------------------------------------------- a tokenizer with a letter a token

def letters(ids):
    """The first three tokens are marks, which stand for no letter."""
    return [max(i, 3) for i in ids]


def text_of(ids):
    return "".join(LETTERS[i - 3] for i in letters(ids))


def with_end(ids):
    """As finetuning reads it."""
    return letters(ids) + [END]


def write_tokenizer(folder, vocab):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    folder.mkdir(exist_ok=True)
    names = ["<unk>", "<s>", "</s>", *LETTERS][:vocab]
    t = Tokenizer(models.BPE(vocab={n: i for i, n in enumerate(names)}, merges=[], unk_token="<unk>"))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.add_special_tokens(names[:3])
    t.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(tokenizer_class="PreTrainedTokenizerFast", eos_token="</s>", unk_token="<unk>")))


# ---------------------------------------------------------------- GGUF

NEOX_TANH = ("gelu_new", "gelu_pytorch_tanh")
INTERLEAVED = ("llama", "granite", "smollm3", "arcee")  # whose converter interleaves the halves of q's and k's heads
ACTS = {"gpt2": NEOX_TANH, "gemma": ("gelu_pytorch_tanh",), "gemma2": ("gelu_pytorch_tanh",), "gemma3": ("gelu_pytorch_tanh",), "starcoder2": NEOX_TANH,
        "phi2": NEOX_TANH, "nemotron": ("relu2",), "arcee": ("relu2",)}


def of(c, *keys, default=None):
    return next((getattr(c, k) for k in keys if getattr(c, k, None) is not None), default)


def says(arch, c):
    """Whether a file of this architecture can say what the configuration has; what llama.cpp takes as fixed is not written."""
    rope = of(c, "rope_parameters", default={})
    kinds = of(c, "layer_types", default=[])
    if of(c, "hidden_act", "hidden_activation", "activation_function") not in ACTS.get(arch, ("silu",)):
        return False
    if arch == "gpt2" and (c.scale_attn_by_inverse_layer_idx or not c.scale_attn_weights):
        return False
    if arch in ("gemma3", "exaone4", "cohere2", "smollm3") and not regular(arch, c):
        return False
    if arch == "gemma2" and (kinds != [("sliding_attention", "full_attention")[i % 2] for i in range(len(kinds))] or not c.attn_logit_softcapping or not c.final_logit_softcapping):
        return False
    if arch in ("gemma2", "gemma3") and c.query_pre_attn_scalar != c.head_dim:  # which llama.cpp takes for it
        return False
    if arch in ("llama", "qwen2", "qwen3", "starcoder2", "phi3") and (of(c, "sliding_window") and ("sliding_attention" in kinds or not kinds)):
        return False
    if arch == "nemotron" and (c.attention_bias or c.mlp_bias):
        return False
    return not (getattr(c, "qk_layernorm", False) or any(isinstance(v, dict) for v in rope.values()) or rope.get("rope_type", "default") not in ("default", "linear"))


def regular(arch, c):
    period = {"gemma3": 6, "exaone4": 4, "cohere2": 4, "smollm3": 4}[arch]
    if arch == "smollm3":
        return c.no_rope_layers == [int((i + 1) % period != 0) for i in range(c.num_hidden_layers)] and not c.use_sliding_window
    return c.layer_types == ["full_attention" if (i + 1) % period == 0 else "sliding_attention" for i in range(c.num_hidden_layers)]


def halves_interleaved(x, heads):
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def converted(name, x, arch, c):
    if arch in INTERLEAVED and ".q_proj." in name:
        return halves_interleaved(x, c.num_attention_heads)
    if arch in INTERLEAVED and ".k_proj." in name:
        return halves_interleaved(x, c.num_key_value_heads)
    if (arch.startswith("gemma") and "norm" in name) or (arch == "nemotron" and name.endswith("norm.weight")):
        return x + np.float32(1)
    if arch == "gpt2" and x.ndim == 2 and ".c_" in name:
        return np.ascontiguousarray(x.T)
    return x


def write_sizes(w, arch, c):
    d, heads = of(c, "hidden_size", "n_embd"), of(c, "num_attention_heads", "n_head")
    head_dim = of(c, "head_dim", default=d // heads)
    w.add_vocab_size(c.vocab_size)
    w.add_embedding_length(d)
    w.add_block_count(of(c, "num_hidden_layers", "n_layer"))
    w.add_feed_forward_length(of(c, "intermediate_size", "n_inner", default=4 * d))
    w.add_head_count(heads)
    w.add_context_length(of(c, "max_position_embeddings", "n_positions"))
    w.add_head_count_kv(of(c, "num_key_value_heads", default=heads))
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    if of(c, "rms_norm_eps") is not None:
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
    else:
        w.add_layer_norm_eps(of(c, "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"))
    rope = of(c, "rope_parameters", default={})
    if rope:
        w.add_rope_freq_base(rope["rope_theta"])
        w.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1)))
        if rope["rope_type"] == "linear":
            w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            w.add_rope_scaling_factor(rope["factor"])


def write_switches(w, arch, c):
    if of(c, "attn_logit_softcapping"):
        w.add_attn_logit_softcapping(c.attn_logit_softcapping)
    if of(c, "final_logit_softcapping"):
        w.add_final_logit_softcapping(c.final_logit_softcapping)
    if of(c, "sliding_window") and "sliding_attention" in of(c, "layer_types", default=[]):
        w.add_sliding_window(c.sliding_window)
    if arch == "stablelm":
        w.add_parallel_residual(c.use_parallel_residual)
    if arch == "cohere2":
        w.add_logit_scale(c.logit_scale)
    if arch == "granite":
        w.add_attention_scale(c.attention_multiplier)
        w.add_embedding_scale(c.embedding_multiplier)
        w.add_residual_scale(c.residual_multiplier)
        w.add_logit_scale(c.logits_scaling)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)


def write(path, arch, folder, c):
    """False, and no file, where the format cannot say this configuration."""
    if not says(arch, c) or (arch.startswith("gemma") and not c.tie_word_embeddings):
        return False
    kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch)
    names = gguf.get_tensor_name_map(kind, of(c, "num_hidden_layers", "n_layer"))
    w = gguf.GGUFWriter(path, arch)
    write_sizes(w, arch, c)
    write_switches(w, arch, c)
    for name, x in load_file(folder / "model.safetensors").items():
        to = names.get_name(name, (".weight", ".bias"))
        if to is None:
            raise ValueError(f"gguf-py has no name for {name} of {arch}")
        w.add_tensor(to, np.ascontiguousarray(converted(name, x.astype(np.float32), arch, c)))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return True
