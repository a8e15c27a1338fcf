"""Converts models for ONNX Runtime Web, and says how far the converted ones are from what LiteRT answers to the same random input.

to_onnx.py FOLDER MODEL..., of which each becomes a file of its name in the folder, with .onnx at the end. Quantised models become floats
between pairs of QuantizeLinear and DequantizeLinear, of which ONNX Runtime makes integers again.
"""

import sys
from pathlib import Path

import numpy
import onnxruntime
import tf2onnx
from ai_edge_litert.interpreter import Interpreter, OpResolverType

OPSET = 17


def main(folder: Path, models: list[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for model in models:
        converted = folder / f"{model.stem}.onnx"
        try:
            tf2onnx.convert.from_tflite(str(model), opset=OPSET, output_path=str(converted))
            found = f"differs by {difference(model, converted):.3g} of the greatest output"
        except Exception as error:  # Whatever one model makes them throw, the others are still to be converted.
            converted.unlink(missing_ok=True)
            found = f"cannot be converted: {error!r}"
        print(f"{model.stem}: {found}", flush=True)


def difference(model: Path, converted: Path) -> float:
    interpreter = Interpreter(str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    random = numpy.random.default_rng(1)
    if wanted["dtype"] == numpy.float32:
        given = random.uniform(-1, 1, wanted["shape"]).astype(numpy.float32)
    else:
        given = random.integers(-128, 128, wanted["shape"]).astype(wanted["dtype"])
    interpreter.set_tensor(wanted["index"], given)
    interpreter.invoke()
    session = onnxruntime.InferenceSession(converted, providers=["CPUExecutionProvider"])
    answers = dict(zip([each.name for each in session.get_outputs()], session.run(None, {session.get_inputs()[0].name: given})))
    expected = [interpreter.get_tensor(each["index"]).astype(float) for each in interpreter.get_output_details()]
    names = [each["name"] for each in interpreter.get_output_details()]
    return max(
        numpy.abs(answers[name].astype(float).reshape(value.shape) - value).max() / max(1e-9, numpy.abs(value).max())
        for name, value in zip(names, expected)
    )


main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
