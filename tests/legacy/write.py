"""Writes the files of Keras 2 in this folder, with what they give: `python tests/legacy/write.py`.

Needs tf_keras, Keras 2 as it is still maintained: `pip install tf_keras`. Each model is written in
both formats, as `NAME.h5` and `NAME.keras`; `NAME.npz` holds inputs and outputs of tf_keras itself.
"""

from pathlib import Path

import numpy as np
import tf_keras as keras

HERE = Path(__file__).parent
layers = keras.layers


def sequence():
    return keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True),
            layers.BatchNormalization(),
            layers.LeakyReLU(alpha=0.2),
            layers.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid"),
            layers.Dense(2, activation="softmax"),
        ],
        name="sequence",
    )


def nested():
    x = keras.Input((None, 3), name="x")
    h0, c0 = keras.Input((4,), name="h0"), keras.Input((4,), name="c0")
    y = layers.LSTM(4, return_sequences=True, name="first")(x, initial_state=[h0, c0])
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(y)
    inner = keras.Sequential(
        [
            keras.Input((None, 6)),
            layers.Dense(5, activation="hard_sigmoid"),
            layers.TimeDistributed(layers.Dense(2)),
        ],
        name="inner",
    )
    z = inner(y)
    a = keras.Input((None, 2))
    twice = keras.Model(a, layers.SimpleRNN(3, return_sequences=True)(a), name="twice")
    out = layers.Concatenate()([layers.GlobalAveragePooling1D()(twice(z)), h0])
    return keras.Model([x, h0, c0], [layers.Dense(1, name="out")(out), twice(z), z], name="nested")


def masked():
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    y = layers.Embedding(7, 3, mask_zero=True)(tokens)
    y = layers.LSTM(4, return_sequences=True)(y)
    y = layers.LayerNormalization()(y)
    return keras.Model(tokens, layers.Dense(1)(layers.GRU(3)(y)), name="masked")


def cells():
    return keras.Sequential(
        [
            keras.Input((4, 2)),
            layers.RNN(
                [layers.LSTMCell(3, recurrent_activation="hard_sigmoid"), layers.GRUCell(2)],
                return_sequences=True,
            ),
            layers.Bidirectional(layers.SimpleRNN(3, activation="relu"), merge_mode="sum"),
        ],
        name="cells",
    )


def written():
    x = keras.Input((4, 3), name="x")
    y = layers.LSTM(5, return_sequences=True)(x)
    last = y[:, -1, :]
    z = (3.0 - (last * 2.0 + 1.0)) / 4.0 - last
    some = layers.GRU(2)(y[:, 1:3] * 0.5)
    return keras.Model(
        x,
        [
            layers.PReLU(alpha_initializer="ones")(-z),
            some,
            layers.Permute((2, 1))(y),
            layers.Dot(axes=1)([last, z]),
            y[:, ::2],
        ],
        name="written",
    )


def residual():
    x = keras.Input((4, 3))
    y = layers.Add()([layers.Dense(3)(x), x])
    y = layers.Multiply()([y, layers.Subtract()([x, y[:]]), x])
    return keras.Model(x, layers.Dot(axes=(2, 2))([y, x + y * 2.0]), name="residual")


def main():
    for make in (sequence, nested, masked, cells, written, residual):
        keras.utils.set_random_seed(7)
        model = make()
        rng = np.random.default_rng(11)
        model.set_weights(
            [abs(w) + 0.5 if "variance" in v.name else rng.normal(size=w.shape) * 0.6
             for w, v in zip(model.get_weights(), model.weights)]
        )  # fmt: skip
        inputs = [
            rng.integers(0, 7, (2, 5)) if x.dtype == "int32"
            else rng.normal(size=(2, *(n or 4 for n in x.shape[1:]))).astype("float32") * 2
            for x in model.inputs
        ]  # fmt: skip
        outputs = model(inputs if len(inputs) > 1 else inputs[0])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        for suffix in ("h5", "keras"):
            model.save(HERE / f"{model.name}.{suffix}")
        arrays = {f"input{i}": x for i, x in enumerate(inputs)}
        arrays |= {f"output{i}": np.asarray(y) for i, y in enumerate(outputs)}
        np.savez(HERE / f"{model.name}.npz", **arrays)
        print(model.name, keras.__version__)


if __name__ == "__main__":
    main()
