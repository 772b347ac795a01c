"""The families that check_families.py draws: model_type and a random small configuration of it, by the names of its class.

`odd` draws shapes that a kernel may get wrong: three or five heads, heads of 6 or 10, a width that does not divide by 8. Texts have up
to 24 tokens, so a window of 2 to 7 is shorter; every vocabulary has VOCAB tokens, and no row is wider than WIDEST, as the definition
that the engine is compared with (tests/support/definition.h) has room for.
"""
VOCAB, LONGEST, WIDEST = 67, 24, 200  # the last: four times the widest model
SILU = ("silu",)
GELUS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu")


def sizes(r, odd, group=True):
    """Layers, heads, heads of keys and values, head_dim, the width, the MLP's width."""
    heads, head_dim = (r.choice((3, 5)), r.choice((6, 10))) if odd else (4, r.choice((4, 8)))
    kv = r.choice([n for n in (1, 2, 3, 4, 5) if heads % n == 0]) if group else heads
    return r.choice((2, 3, 4)), heads, kv, head_dim, heads * head_dim, r.choice((33, 42) if odd else (24, 40))


ROPES, PARTS = ("default", "default", "linear", "llama3"), (0.25, 0.4, 0.5, 0.67, 1.0)


def rope(r, rotary=None, kinds=ROPES, head_dim=8):
    p = dict(rope_type=r.choice(kinds), rope_theta=r.choice((100.0, 10000.0, 500000.0)))
    if p["rope_type"] != "default":
        p["factor"] = r.choice((2.0, 4.0))
    if p["rope_type"] == "llama3":
        p.update(low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
    if p["rope_type"] == "yarn":
        p.update(original_max_position_embeddings=16, beta_fast=r.choice((32.0, 4.0)), beta_slow=1.0)
    if p["rope_type"] == "longrope":
        p.update(original_max_position_embeddings=r.choice((16, 64)), short_factor=[1 + 0.1 * i for i in range(head_dim // 2)],
                 long_factor=[2 + 0.5 * i for i in range(head_dim // 2)])
    if rotary:
        p["partial_rotary_factor"] = rotary
    return p


def layer_types(r, n):
    """In any order, at least one of each."""
    kinds = ["sliding_attention", "full_attention"] + [r.choice(("sliding_attention", "full_attention")) for _ in range(n - 2)]
    r.shuffle(kinds)
    return kinds


def llama_like(r, odd, head_dim=True, group=True, acts=SILU, eps="rms_norm_eps", kinds=ROPES, partial=False, **more):
    """With a head_dim of its own where the class has one, and rotary positions on a part of it where it can."""
    layers, heads, kv, hd, d, ffn = sizes(r, odd, group)
    c = dict(vocab_size=VOCAB, hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv,
             intermediate_size=ffn, max_position_embeddings=48, hidden_act=r.choice(acts), tie_word_embeddings=r.random() < 0.5,
             bos_token_id=1, eos_token_id=2, pad_token_id=None)
    c[eps] = r.choice((1e-5, 1e-3))
    if head_dim:
        hd = c["head_dim"] = r.choice((4, 6, 10)) if odd else hd
    c["rope_parameters"] = rope(r, r.choice([p for p in PARTS if int(hd * p) % 2 == 0 and hd * p >= 2]) if partial else None, kinds, hd)
    return dict(c, **more)


def bools(r, *keys):
    return {k: r.random() < 0.5 for k in keys}


def window(r, chance=0.7):
    return r.choice((2, 3, 5, 7)) if r.random() < chance else None


def gpt_like(r, odd, **more):
    layers, heads, _, hd, d, ffn = sizes(r, odd)
    return dict(dict(vocab_size=VOCAB, n_embd=d, n_layer=layers, n_head=heads, n_positions=r.choice((25, 32)), n_inner=r.choice((None, ffn)),
                     activation_function=r.choice(GELUS), layer_norm_epsilon=r.choice((1e-5, 1e-3)), bos_token_id=1, eos_token_id=2,
                     tie_word_embeddings=r.random() < 0.5), **more)


def llama(r, odd):
    return llama_like(r, odd, **bools(r, "attention_bias", "mlp_bias"))


def gpt2(r, odd):
    return gpt_like(r, odd, scale_attn_by_inverse_layer_idx=r.random() < 0.3, scale_attn_weights=r.random() < 0.8)


def gpt_neox(r, odd):
    c = llama_like(r, odd, False, False, GELUS, "layer_norm_eps", partial=True, **bools(r, "use_parallel_residual", "attention_bias"))
    return without(c, "num_key_value_heads")


def without(c, *keys):
    return {k: v for k, v in c.items() if k not in keys}


def gemma(r, odd):
    return llama_like(r, odd, acts=("gelu_pytorch_tanh", "gelu", "silu"), **bools(r, "attention_bias"))


def gemma2(r, odd):
    c = llama_like(r, odd)
    return without(dict(c, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=r.choice((6, c["head_dim"])), sliding_window=r.choice((2, 3, 7)),
                        attn_logit_softcapping=r.choice((None, 2.0)), final_logit_softcapping=r.choice((None, 5.0)),
                        layer_types=layer_types(r, c["num_hidden_layers"])), "hidden_act")


def by_kind(r, *ropes):
    return dict(zip(("sliding_attention", "full_attention"), ropes))


def gemma3_text(r, odd):
    c = gemma2(r, odd)
    return dict(c, rope_parameters=by_kind(r, rope(r, kinds=("default",)), rope(r, kinds=("default", "linear"))))


def wrapped(text, vision, **more):
    """A class with a tower beside the text model: `text_config` holds the latter."""
    return lambda r, odd: dict(text_config=text(r, odd), vision_config=vision, **more)


def siglip():
    return dict(model_type="siglip_vision_model", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)


def pixtral():
    return dict(model_type="pixtral", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, head_dim=4, image_size=28, patch_size=14)


def qwen2(r, odd):
    c = llama_like(r, odd, False)
    if r.random() < 0.6:  # by the switches or by the list
        c.update(use_sliding_window=True, sliding_window=r.choice((2, 3, 7)))
        if r.random() < 0.5:
            c["max_window_layers"] = r.randrange(c["num_hidden_layers"])
        else:
            c["layer_types"] = layer_types(r, c["num_hidden_layers"])
    return c


def olmo2(r, odd):
    return llama_like(r, odd, False, **bools(r, "attention_bias"))


def mistral(r, odd):
    return llama_like(r, odd, sliding_window=window(r))


def ministral(r, odd):
    c = llama_like(r, odd, sliding_window=r.choice((2, 5)))
    return dict(c, layer_types=layer_types(r, c["num_hidden_layers"]))


def phi3(r, odd):
    c = llama_like(r, odd, False, sliding_window=window(r))
    hd = c["hidden_size"] // c["num_attention_heads"]
    part = r.choice([p for p in PARTS if int(hd * p) % 2 == 0 and hd * p >= 2])
    dim = int(hd * part)
    c["rope_parameters"] = rope(r, part, ("default", "longrope"), dim)
    if c["rope_parameters"]["rope_type"] == "longrope":
        c["rope_parameters"].pop("factor")
        c["original_max_position_embeddings"] = c["rope_parameters"]["original_max_position_embeddings"]
    return c


def stablelm(r, odd):
    return llama_like(r, odd, False, eps="layer_norm_eps", kinds=("default",), partial=True,
                      **bools(r, "use_qkv_bias", "qk_layernorm", "use_parallel_residual"))


def starcoder2(r, odd):
    return llama_like(r, odd, False, acts=GELUS, eps="norm_epsilon", sliding_window=window(r), **bools(r, "use_bias"))


def gpt_bigcode(r, odd):
    return gpt_like(r, odd, **bools(r, "multi_query"))


def seed_oss(r, odd):
    return llama_like(r, odd, **bools(r, "attention_bias", "attention_out_bias", "mlp_bias"))


def gpt_neo(r, odd):
    layers, heads, _, _, d, ffn = sizes(r, odd)
    kinds = [r.choice(("global", "local")) for _ in range(layers)]
    return dict(vocab_size=VOCAB, hidden_size=d, num_layers=layers, num_heads=heads, intermediate_size=r.choice((None, ffn)), window_size=r.choice((2, 3, 7)),
                attention_types=[[kinds, 1]] if r.random() < 0.5 else [[[k], 1] for k in kinds], activation_function=r.choice(GELUS),
                max_position_embeddings=32, layer_norm_epsilon=1e-5, bos_token_id=1, eos_token_id=2, tie_word_embeddings=r.random() < 0.5)


def qwen3(r, odd):
    return dict(qwen2(r, odd), head_dim=r.choice((6, 10)) if odd else 8, **bools(r, "attention_bias"))


def exaone4(r, odd):
    c = llama_like(r, odd, False, sliding_window=r.choice((2, 5)))
    return dict(c, layer_types=layer_types(r, c["num_hidden_layers"])) if r.random() < 0.6 else dict(c, sliding_window_pattern=r.choice((2, 3)))


def smollm3(r, odd):
    c = llama_like(r, odd, False, **bools(r, "attention_bias", "mlp_bias"))
    c["no_rope_layers"] = [r.choice((0, 1)) for _ in range(c["num_hidden_layers"])]
    return dict(c, use_sliding_window=True, sliding_window=3) if r.random() < 0.3 else c


def cohere(r, odd):
    return llama_like(r, odd, False, eps="layer_norm_eps", logit_scale=r.choice((0.25, 1.0)), **bools(r, "attention_bias", "use_qk_norm"))


def cohere2(r, odd):
    c = llama_like(r, odd, False, eps="layer_norm_eps", logit_scale=r.choice((0.25, 1.0)), sliding_window=r.choice((2, 5)), **bools(r, "attention_bias"))
    return dict(c, layer_types=layer_types(r, c["num_hidden_layers"]))


def opt(r, odd):
    layers, heads, _, _, d, ffn = sizes(r, odd)
    before = r.random() < 0.7
    return dict(vocab_size=VOCAB, hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, ffn_dim=ffn, max_position_embeddings=32,
                do_layer_norm_before=before, word_embed_proj_dim=r.choice((d, 14)), activation_function=r.choice(GELUS), enable_bias=r.random() < 0.8,
                layer_norm_elementwise_affine=r.random() < 0.8, tie_word_embeddings=r.random() < 0.7, bos_token_id=1, eos_token_id=2, pad_token_id=1)


def phi(r, odd):
    return llama_like(r, odd, False, acts=GELUS, eps="layer_norm_eps", kinds=("default",), partial=True, **bools(r, "qk_layernorm"))


def gptj(r, odd):
    c = gpt_like(r, odd, tie_word_embeddings=False)
    return dict(c, rotary_dim=r.choice((2, 4)))


def codegen(r, odd):
    """Its fused matrix is in four parts whatever the size, so heads divide by 4."""
    return dict(gptj(r, odd), n_head=4, n_embd=4 * (6 if odd else 8), n_ctx=32)


def falcon(r, odd):
    layers, heads, kv, _, d, ffn = sizes(r, odd)
    c = dict(vocab_size=VOCAB, hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, layer_norm_epsilon=1e-5, max_position_embeddings=48,
             ffn_hidden_size=r.choice((None, ffn)), activation=r.choice(GELUS), bos_token_id=1, eos_token_id=2, tie_word_embeddings=r.random() < 0.7,
             rope_parameters=rope(r, kinds=("default", "linear")), **bools(r, "alibi", "new_decoder_architecture", "multi_query", "parallel_attn", "bias"))
    if c["new_decoder_architecture"]:
        c.update(num_kv_heads=kv, num_ln_in_parallel_attn=r.choice((None, 1, 2)))
    return c


def glm(r, odd):
    c = llama_like(r, odd, kinds=("default",), partial=True, **bools(r, "attention_bias"))
    return dict(c, head_dim=8)


def bloom(r, odd):
    layers, heads, _, _, d, _ = sizes(r, odd)
    return dict(vocab_size=VOCAB, hidden_size=d, n_layer=layers, n_head=heads, layer_norm_epsilon=1e-5, bos_token_id=1, eos_token_id=2,
                apply_residual_connection_post_layernorm=r.random() < 0.3, tie_word_embeddings=r.random() < 0.7)


def mpt(r, odd):
    layers, heads, _, _, d, _ = sizes(r, odd)
    return dict(vocab_size=VOCAB, d_model=d, n_layers=layers, n_heads=heads, expansion_ratio=r.choice((2, 3)), max_seq_len=32, layer_norm_epsilon=1e-5,
                no_bias=True, tie_word_embeddings=r.random() < 0.7, logit_scale=r.choice((None, 0.5)),
                attn_config=dict(alibi=True, alibi_bias_max=r.choice((8, 4)), clip_qkv=r.choice((None, 1.0)), softmax_scale=r.choice((None, 0.5))))


def granite(r, odd):
    return llama_like(r, odd, False, embedding_multiplier=r.choice((1.0, 3.0)), logits_scaling=r.choice((1.0, 2.0)), residual_multiplier=r.choice((1.0, 0.4)),
                      attention_multiplier=r.choice((1.0, 0.3)), **bools(r, "attention_bias", "mlp_bias"))


def olmo(r, odd):
    return without(llama_like(r, odd, False, clip_qkv=r.choice((None, 1.0)), **bools(r, "attention_bias")), "rms_norm_eps")


def olmo3(r, odd):
    c = llama_like(r, odd, False, sliding_window=r.choice((2, 5)), **bools(r, "attention_bias"))
    return dict(c, layer_types=layer_types(r, c["num_hidden_layers"]), rope_parameters=by_kind(r, rope(r, kinds=("default",)), rope(r, kinds=("default", "yarn"))))


def nemotron(r, odd):
    return llama_like(r, odd, acts=("relu2", "silu"), eps="norm_eps", kinds=("default",), partial=True,
                      **bools(r, "attention_bias", "mlp_bias"))


def arcee(r, odd):
    return llama_like(r, odd, acts=("relu2",), kinds=("default", "yarn"), **bools(r, "attention_bias", "mlp_bias"))


def apertus(r, odd):
    return llama_like(r, odd, False, acts=("xielu",), **bools(r, "attention_bias"))


def helium(r, odd):
    c = llama_like(r, odd, kinds=("default",), **bools(r, "attention_bias", "mlp_bias"))
    return dict(c, head_dim=c["hidden_size"] // c["num_attention_heads"])


def mixtral(r, odd):
    return llama_like(r, odd, num_local_experts=5, num_experts_per_tok=r.choice((1, 2, 3)), sliding_window=window(r, 0.4))


def olmoe(r, odd):
    return llama_like(r, odd, False, num_experts=5, num_experts_per_tok=r.choice((1, 2, 3)), clip_qkv=r.choice((None, 1.0)), **bools(r, "attention_bias", "norm_topk_prob"))


def qwen3_moe(r, odd):
    c = llama_like(r, odd, num_experts=5, num_experts_per_tok=r.choice((1, 2, 3)), moe_intermediate_size=18, decoder_sparse_step=r.choice((1, 2)),
                   **bools(r, "attention_bias", "norm_topk_prob"))
    return dict(c, mlp_only_layers=r.choice(([], [0])))


def gpt_oss(r, odd):
    c = llama_like(r, odd, num_local_experts=5, num_experts_per_tok=r.choice((1, 2, 3)), sliding_window=r.choice((2, 5)), attention_bias=True,
                   swiglu_limit=r.choice((7.0, 1.0)), kinds=("default", "yarn"))
    return dict(c, layer_types=layer_types(r, c["num_hidden_layers"]))


def granitemoe(r, odd):
    return without(dict(granite(r, odd), num_local_experts=5, num_experts_per_tok=2), "mlp_bias")


# model_type: (what draws it, the architecture's name in llama.cpp where gguf_of (check_families.py) can write it)
FAMILIES = {
    "llama": (llama, "llama"), "gpt2": (gpt2, "gpt2"), "gpt_neox": (gpt_neox, None), "gemma": (gemma, "gemma"), "gemma2": (gemma2, "gemma2"),
    "qwen2": (qwen2, "qwen2"), "olmo2": (olmo2, "olmo2"),
    # step 0 and 1
    "mistral": (mistral, "llama"), "ministral": (ministral, None), "phi3": (phi3, "phi3"), "stablelm": (stablelm, "stablelm"),
    "starcoder2": (starcoder2, "starcoder2"), "gpt_bigcode": (gpt_bigcode, None), "seed_oss": (seed_oss, "seed_oss"), "gpt_neo": (gpt_neo, None),
    # steps 3 and 4
    "qwen3": (qwen3, "qwen3"), "gemma3_text": (gemma3_text, "gemma3"), "gemma3": (wrapped(gemma3_text, siglip(), mm_tokens_per_image=4), None),
    "exaone4": (exaone4, "exaone4"), "smollm3": (smollm3, "smollm3"), "cohere": (cohere, None), "cohere2": (cohere2, "cohere2"),
    "mistral3": (wrapped(lambda r, odd: dict(mistral(r, odd), model_type="mistral"), pixtral()), None),
    # steps 5 to 7
    "opt": (opt, None), "phi": (phi, "phi2"), "gptj": (gptj, None), "codegen": (codegen, None), "falcon": (falcon, None), "glm": (glm, None), "glm4": (glm, None),
    "bloom": (bloom, None), "mpt": (mpt, None),
    # step 8
    "granite": (granite, "granite"), "olmo": (olmo, None), "olmo3": (olmo3, None), "nemotron": (nemotron, "nemotron"), "arcee": (arcee, "arcee"),
    "apertus": (apertus, None), "helium": (helium, None),
    # step 9
    "mixtral": (mixtral, None), "olmoe": (olmoe, None), "qwen3_moe": (qwen3_moe, None), "gpt_oss": (gpt_oss, None), "granitemoe": (granitemoe, None),
}
