"""Native LiteRT as a peer: runs a model as often as each line of the input says, and answers with microseconds for one inference.

litert_native.py MODEL INPUT, where INPUT has the bytes of the only input. The interpreter of Python calls once for each inference, which is
about a microsecond of every answer.
"""

import sys
import time

import numpy
from ai_edge_litert.interpreter import Interpreter


def main(model: str, values: str) -> None:
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    with open(values, "rb") as file:
        found = numpy.frombuffer(file.read(), dtype=wanted["dtype"])
    interpreter.set_tensor(wanted["index"], found.reshape(wanted["shape"]))
    interpreter.invoke()
    print("ready", flush=True)
    for line in sys.stdin:
        repeats = int(line)
        began = time.perf_counter_ns()
        for _ in range(repeats):
            interpreter.invoke()
        print((time.perf_counter_ns() - began) / repeats / 1000, flush=True)


main(*sys.argv[1:])
