"""Writes a BERT-shaped embedding model (safetensors) as ONNX, with the fused operators of onnxruntime.

The graph is what onnxruntime's own transformers optimiser arrives at for BERT (Attention, SkipLayerNormalization,
BiasGelu), written directly, so that no training framework is needed. Mean pooling and unit length are in the graph.
"""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from safetensors.numpy import load_file

MS = "com.microsoft"


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def add(self, kind, inputs, domain="", outputs=1, **attributes):
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0]


def build(model_dir: Path) -> Graph:
    config = json.loads((model_dir / "config.json").read_text())
    weights = {k.removeprefix("bert."): v.astype(np.float32) for k, v in load_file(model_dir / "model.safetensors").items()}
    heads, eps, g = config["num_attention_heads"], config["layer_norm_eps"], Graph()

    def linear(name):
        return g.weight(f"{name}.w", weights[f"{name}.weight"].T), g.weight(f"{name}.b", weights[f"{name}.bias"])

    def norm(name):
        return g.weight(f"{name}.g", weights[f"{name}.weight"]), g.weight(f"{name}.beta", weights[f"{name}.bias"])

    word = g.weight("word", weights["embeddings.word_embeddings.weight"])
    # Every token is of type 0 here: the type row is added to the positions once.
    position = g.weight("position", weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0])
    length = g.add("Gather", [g.add("Shape", ["input_ids"]), g.weight("one", np.array(1, np.int64))], axis=0)
    steps = g.add("Range", [g.weight("zero", np.array(0, np.int64)), length, "one"])
    x = g.add("Add", [g.add("Gather", [word, "input_ids"]), g.add("Gather", [position, steps])])
    x = g.add("LayerNormalization", [x, *norm("embeddings.LayerNorm")], axis=-1, epsilon=eps)
    for layer in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{layer}."
        parts = [p + f"attention.self.{n}" for n in ("query", "key", "value")]
        qkv = g.weight(p + "qkv.w", np.concatenate([weights[n + ".weight"].T for n in parts], axis=1))
        bias = g.weight(p + "qkv.b", np.concatenate([weights[n + ".bias"] for n in parts]))
        attended = g.add("Attention", [x, qkv, bias, "mask"], domain=MS, num_heads=heads)
        w, b = linear(p + "attention.output.dense")
        x = g.add("SkipLayerNormalization", [g.add("MatMul", [attended, w]), x, *norm(p + "attention.output.LayerNorm"), b], domain=MS, epsilon=eps)
        w, b = linear(p + "intermediate.dense")
        inner = g.add("BiasGelu", [g.add("MatMul", [x, w]), b], domain=MS)
        w, b = linear(p + "output.dense")
        x = g.add("SkipLayerNormalization", [g.add("MatMul", [inner, w]), x, *norm(p + "output.LayerNorm"), b], domain=MS, epsilon=eps)
    share = g.add("Cast", ["mask"], to=TensorProto.FLOAT)
    axis = g.weight("axis1", np.array([1], np.int64))
    column = g.add("Unsqueeze", [share, g.weight("axis2", np.array([2], np.int64))])
    total = g.add("ReduceSum", [g.add("Mul", [x, column]), axis], keepdims=0)
    mean = g.add("Div", [total, g.add("ReduceSum", [share, axis], keepdims=1)])
    g.nodes.append(helper.make_node("LpNormalization", [mean], ["embedding"], axis=1, p=2))
    return g


def write(model_dir: Path, out: Path) -> tuple[Path, Path]:
    """Writes the f32 and the int8 model below `out` (once) and returns their paths."""
    f32, int8 = out / "model.f32.onnx", out / "model.int8.onnx"
    if not (f32.exists() and int8.exists()):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        out.mkdir(parents=True, exist_ok=True)
        g = build(model_dir)
        shape = ["batch", "length"]
        graph = helper.make_graph(
            g.nodes, "encoder",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape), helper.make_tensor_value_info("mask", TensorProto.INT32, shape)],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "width"])],
            g.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)], ir_version=8)
        checker.check_model(model)
        save(model, str(f32))
        quantize_dynamic(f32, int8, op_types_to_quantize=["MatMul", "Attention"], weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": TensorProto.FLOAT})
    return f32, int8
