"""The network of the demo model: three convolutions along time, an average over time, one dense layer."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from accelerometer import CHANNELS
from condition import CONDITIONS
from dataset import INPUT_LIMIT, WINDOW_FRAMES, Dataset
from recipes import Recipe

FILTERS = (8, 16, 24)
KERNELS = (9, 5, 5)
STRIDES = (4, 2, 2)
BATCH = 64
LEARNING_RATE = 3e-3
CALIBRATION_WINDOWS = 500


def train(recipe: Recipe, dataset: Dataset) -> keras.Model:
    """The same recipe and data give the same weights on the same kind of processor."""
    # Names in the file would otherwise count the models made before.
    keras.backend.clear_session()
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    network = _build()
    steps = recipe.epochs * -(-len(dataset.labels) // BATCH)
    network.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
        ),
        loss="sparse_categorical_crossentropy",
    )
    network.fit(dataset.windows, dataset.labels, epochs=recipe.epochs, batch_size=BATCH, verbose=2)
    return network


def convert(network: keras.Model, dataset: Dataset) -> bytes:
    """The `.tflite` file: batch 1, full-integer quantisation, int8 at both ends."""

    def calibration() -> Iterator[list[np.ndarray]]:
        chosen = np.random.default_rng(0).choice(
            len(dataset.labels), CALIBRATION_WINDOWS, replace=False
        )
        for index in chosen:
            window = dataset.windows[index : index + 1].copy()
            # Both ends of the input's range are shown, so that its scale is the same for every recipe.
            window[0, 0, 0, 0], window[0, 1, 0, 0] = -INPUT_LIMIT, INPUT_LIMIT
            yield [window]

    single = _build(batch=1)
    single.set_weights(network.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    model: bytes = converter.convert()
    return model


def count_macs() -> int:
    """Multiply-accumulates of one window."""
    macs, frames, depth = 0, WINDOW_FRAMES, CHANNELS
    for filters, kernel, stride in zip(FILTERS, KERNELS, STRIDES, strict=True):
        frames = -(-frames // stride)
        macs += frames * filters * kernel * depth
        depth = filters
    return macs + depth * len(CONDITIONS)


def _build(batch: int | None = None) -> keras.Model:
    shape = (batch, WINDOW_FRAMES, 1, CHANNELS)
    layers: list[keras.layers.Layer] = [keras.layers.Input(batch_shape=shape, name="window")]
    for filters, kernel, stride in zip(FILTERS, KERNELS, STRIDES, strict=True):
        layers.append(
            keras.layers.Conv2D(
                filters, (kernel, 1), strides=(stride, 1), padding="same", activation="relu"
            )
        )
    frames = WINDOW_FRAMES // int(np.prod(STRIDES))
    return keras.Sequential(
        [
            *layers,
            keras.layers.AveragePooling2D((frames, 1)),
            keras.layers.Reshape((FILTERS[-1],)),
            keras.layers.Dense(len(CONDITIONS), activation="softmax"),
        ]
    )
