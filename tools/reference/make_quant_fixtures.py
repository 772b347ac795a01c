"""Writes tests/fixtures/quant.gguf: blocks of every element type that graftkit reads, and what gguf-py makes of them,
for tests/test_quant.c; and metadata of every type, for tests/test_gguf.c.

Needs gguf and numpy. Usage: python3 tools/reference/make_quant_fixtures.py tests/fixtures/quant.gguf

Tensor "Q4_K" holds blocks, tensor "Q4_K.f32" their values. The blocks: random bytes with a sensible scale; random bytes
throughout (some scales are infinite or NaN); all zeros; all ones; and every scale at an extreme (largest, smallest normal and
subnormal, negative zero). Where gguf-py can quantise, also values it rounded.
"""

import sys

import gguf
import numpy as np

TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "TQ1_0",
         "TQ2_0", "MXFP4"]
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "Q2_K": [80, 82], "Q3_K": [108], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64]}
EXTREMES = [0x7BFF, 0xFBFF, 0x0400, 0x0001, 0x83FF, 0x8000]
VALUES = 2048  # of each type, about


def with_scale(blocks, at, codes):
    for offset in at:
        blocks[:, offset : offset + 2] = np.asarray(codes, "<u2").reshape(-1, 1).view(np.uint8)
    return blocks


def make_blocks(name, rng):
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    at, n = SCALES.get(name, []), max(VALUES // block - len(EXTREMES) - 2, 2) if block > 1 else VALUES
    sensible = rng.normal(0, 0.05, n - n // 4).astype(np.float16).view(np.uint16)
    parts = [
        with_scale(rng.integers(0, 256, (n - n // 4, size), np.uint8), at, sensible),
        rng.integers(0, 256, (n // 4, size), np.uint8),
        np.zeros((1, size), np.uint8),
        np.full((1, size), 255, np.uint8),
        with_scale(rng.integers(0, 256, (len(EXTREMES), size), np.uint8), at, EXTREMES),
    ]
    values = rng.normal(0, 1, (1, 8 * block)).astype(np.float32)
    try:
        parts.append(gguf.quants.quantize(values, gguf.GGMLQuantizationType[name]).view(np.uint8).reshape(-1, size))
    except NotImplementedError:
        pass
    return np.concatenate(parts)


def main():
    rng = np.random.default_rng(11)
    w = gguf.GGUFWriter(sys.argv[1], "test")
    w.add_uint8("a.u8", 200), w.add_int8("a.i8", -100), w.add_uint16("a.u16", 60000), w.add_int16("a.i16", -30000)
    w.add_uint32("a.u32", 4000000000), w.add_int32("a.i32", -2000000000), w.add_uint64("a.u64", 2**64 - 1)
    w.add_int64("a.i64", -(2**63)), w.add_float32("a.f32", 0.1), w.add_float64("a.f64", 0.1), w.add_bool("a.bool", True)
    w.add_string("a.string", "naïve"), w.add_array("a.strings", ["x", "", "ü y"]), w.add_array("a.ints", [3, -1, 4])
    w.add_array("a.bools", [True, False]), w.add_array("a.floats", [0.5, -1.5])
    for name in TYPES:
        blocks, kind = make_blocks(name, rng), gguf.GGMLQuantizationType[name]
        if name == "F16":  # gguf-py takes this one as an array of halves, not of bytes
            blocks = blocks.view(np.float16)
        with np.errstate(all="ignore"):
            values = gguf.quants.dequantize(blocks, kind).astype(np.float32)
        w.add_tensor(name, blocks, raw_dtype=kind)
        w.add_tensor(name + ".f32", values.reshape(1, -1))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
