"""The cases of the conformance set: each operator and attribute that the demo and the first models use."""

from __future__ import annotations

from collections.abc import Iterator

from operators import (
    Case,
    add,
    as_float,
    conv,
    dense,
    depthwise,
    dequantize,
    mean,
    pool,
    quantize,
    relu,
    reshape,
    softmax,
)


def all_cases() -> Iterator[Case]:
    yield from _convolutions()
    yield from _depthwise_convolutions()
    yield from _fully_connected()
    yield from _pools()
    yield from _additions()
    yield from _reshapes()
    yield from _softmaxes()
    yield from _floats()


def _convolutions() -> Iterator[Case]:
    yield conv("valid", (1, 7, 6, 3), 4, (3, 3))
    yield conv(
        "same_stride2_relu",
        (1, 7, 8, 3),
        5,
        (3, 3),
        stride=(2, 2),
        padding="SAME",
        activation="RELU",
    )
    yield conv(
        "same_relu6_per_channel",
        (1, 6, 5, 4),
        8,
        (3, 3),
        padding="SAME",
        activation="RELU6",
        per_channel=True,
    )
    yield conv("dilation2_per_channel", (1, 9, 9, 2), 3, (3, 3), dilation=(2, 2), per_channel=True)
    yield conv(
        "same_dilation_3x2",
        (1, 9, 7, 2),
        3,
        (3, 2),
        dilation=(3, 2),
        padding="SAME",
        per_channel=True,
    )
    yield conv("pointwise_per_channel", (1, 4, 5, 16), 17, (1, 1), per_channel=True)
    yield conv(
        "pointwise_stride2_no_bias",
        (2, 5, 5, 8),
        4,
        (1, 1),
        stride=(2, 2),
        bias=False,
        per_channel=True,
    )
    yield conv(
        "time_9x1_stride4",
        (1, 32, 1, 3),
        8,
        (9, 1),
        stride=(4, 1),
        padding="SAME",
        activation="RELU",
        per_channel=True,
    )
    yield conv(
        "even_kernel_batch2",
        (2, 6, 6, 3),
        4,
        (2, 4),
        padding="SAME",
        activation="RELU_N1_TO_1",
        per_channel=True,
    )


def _depthwise_convolutions() -> Iterator[Case]:
    yield depthwise("valid", (1, 6, 6, 5), 1, (3, 3))
    yield depthwise(
        "same_relu6_per_channel",
        (1, 6, 7, 8),
        1,
        (3, 3),
        padding="SAME",
        activation="RELU6",
        per_channel=True,
    )
    yield depthwise(
        "same_stride2_multiplier2",
        (1, 7, 7, 3),
        2,
        (3, 3),
        stride=(2, 2),
        padding="SAME",
        activation="RELU",
        per_channel=True,
    )
    yield depthwise(
        "multiplier8_depth1",
        (1, 8, 6, 1),
        8,
        (5, 3),
        stride=(2, 2),
        padding="SAME",
        per_channel=True,
    )
    yield depthwise(
        "dilation2_per_channel", (1, 9, 8, 4), 1, (3, 3), dilation=(2, 2), per_channel=True
    )


def _fully_connected() -> Iterator[Case]:
    yield dense("plain", (1, 24), 10)
    yield dense("relu_batch3", (3, 17), 5, activation="RELU")
    yield dense("no_bias_odd", (1, 33), 7, bias=False)
    yield dense("flattens", (1, 2, 3, 4), 6, activation="RELU6")


def _pools() -> Iterator[Case]:
    for code in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield pool(code, "valid_2x2", (1, 6, 5, 3), (2, 2), stride=(2, 2))
        yield pool(
            code,
            "same_3x3_relu",
            (1, 5, 6, 4),
            (3, 3),
            stride=(2, 2),
            padding="SAME",
            activation="RELU",
        )
        yield pool(code, "global", (1, 16, 1, 24), (16, 1))


def _additions() -> Iterator[Case]:
    yield add("same_shape", (1, 4, 4, 6), (1, 4, 4, 6), scales=(0.05, 0.05, 0.1))
    yield add(
        "scales_relu", (1, 3, 5, 4), (1, 3, 5, 4), scales=(0.02, 0.11, 0.09), activation="RELU"
    )
    yield add("channel_broadcast", (1, 4, 3, 5), (1, 1, 1, 5), scales=(0.04, 0.03, 0.06))
    yield add(
        "scalar_broadcast_relu6", (2, 3, 4), (1,), scales=(0.05, 0.02, 0.06), activation="RELU6"
    )


def _reshapes() -> Iterator[Case]:
    yield reshape("flatten", (1, 4, 1, 6), (1, 24))
    yield reshape("inferred", (2, 3, 4), (4, -1))


def _softmaxes() -> Iterator[Case]:
    yield softmax("four_classes", (1, 4), 0.02, 1.0)
    yield softmax("batch3_beta", (3, 12), 0.03, 0.5)
    yield softmax("steep", (1, 10), 0.25, 1.0)


def _floats() -> Iterator[Case]:
    yield as_float(
        conv(
            "same_stride2_relu6",
            (1, 7, 8, 3),
            11,
            (3, 3),
            stride=(2, 2),
            padding="SAME",
            activation="RELU6",
        )
    )
    yield as_float(conv("dilation2_no_bias", (2, 9, 8, 2), 4, (3, 2), dilation=(2, 2), bias=False))
    yield as_float(
        depthwise(
            "same_stride2_multiplier2",
            (1, 7, 7, 5),
            2,
            (3, 3),
            stride=(2, 2),
            padding="SAME",
            activation="RELU_N1_TO_1",
        )
    )
    yield as_float(depthwise("valid", (2, 6, 5, 8), 1, (3, 3)))
    yield as_float(dense("relu_batch3", (3, 17), 10, activation="RELU"))
    yield as_float(dense("no_bias", (1, 33), 7, bias=False))
    for code in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield as_float(
            pool(
                code,
                "same_3x3_relu",
                (1, 5, 6, 4),
                (3, 3),
                stride=(2, 2),
                padding="SAME",
                activation="RELU",
            )
        )
    yield as_float(add("same_shape", (1, 4, 4, 6), (1, 4, 4, 6), scales=(1, 1, 1)))
    yield as_float(
        add(
            "channel_broadcast_relu_n1_to_1",
            (1, 4, 3, 5),
            (1, 1, 1, 5),
            scales=(1, 1, 1),
            activation="RELU_N1_TO_1",
        )
    )
    yield as_float(softmax("batch3_beta", (3, 12), 1, 2.5))
    yield as_float(mean("height_width_keep", (2, 4, 5, 3), (1, 2), keep=True))
    yield as_float(mean("channels", (2, 3, 7), (2,), keep=False))
    yield as_float(relu("RELU", "plain", (2, 3, 4)))
    yield as_float(relu("RELU6", "plain", (2, 3, 4)))
    yield as_float(reshape("flatten", (1, 4, 1, 6), (1, 24)))
    yield quantize("from_float", (3, 20), 0.006)
    yield dequantize("to_float", (3, 20))
