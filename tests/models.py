"""Random Keras layers and models, and how one of them is compared with our function."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import rnnsym
from rnnsym.frameworks.keras.rebuild import Rebuilt
from rnnsym.models import leaves

#: TensorFlow holds the constants of these in float32 even in float64.
ROUNDED = ("gelu", "leaky_relu")
EXACT = ["relu", "relu6", "elu", "selu", "celu", "softplus", "softsign", "squareplus", "soft_shrink",
         "hard_shrink", "sparse_plus", "sparse_sigmoid", "silu", "tanh", "sigmoid",
         "hard_sigmoid", "hard_silu", "hard_tanh", "mish", "log_sigmoid", "softmax", "log_softmax",
         "sparsemax", "linear"]  # fmt: skip
#: Near 0, z - tanh z loses digits in Keras: alone it is compared, within products it is not.
CANCELLING = ["tanh_shrink"]
#: For the gates too; an unbounded gate on an unbounded candidate explodes.
GATES = ["sigmoid", "hard_sigmoid", "softmax", "sparse_sigmoid", "softsign", "tanh"]

sizes = st.integers(1, 4)
flags = st.booleans()


def activations(draw):
    import keras

    choice = draw(st.sampled_from([*EXACT, "tanh", "tanh", "layer"]))
    if choice != "layer":
        return choice
    return draw(st.sampled_from([
        keras.layers.ReLU(max_value=2.0), keras.layers.ReLU(1.5, 0.25, 0.5), keras.layers.ELU(0.5),
        keras.layers.ReLU(threshold=0.25), keras.layers.Softmax(),
        keras.layers.Activation("softsign"),
    ]))  # fmt: skip


@st.composite
def cell_options(draw, kind, training):
    options = {"units": draw(sizes), "use_bias": draw(flags), "activation": activations(draw)}
    if kind != "SimpleRNN":
        options["recurrent_activation"] = draw(st.sampled_from(["sigmoid", *GATES]))
    if kind == "LSTM":
        options["unit_forget_bias"] = draw(flags)
    if kind == "GRU":
        options["reset_after"] = draw(flags)
    if draw(flags):
        options["dropout"] = draw(st.sampled_from([0.0, 0.2, 0.5]))
        options["recurrent_dropout"] = draw(st.sampled_from([0.0, 0.3]))
    return options


KINDS = st.sampled_from(["SimpleRNN", "LSTM", "GRU"])


@st.composite
def run_options(draw, stateful=True):
    return {
        "return_sequences": draw(flags), "return_state": draw(flags), "go_backwards": draw(flags),
        "unroll": draw(flags), "zero_output_for_mask": draw(flags),
        "stateful": stateful and draw(st.integers(0, 5)) == 0,
    }  # fmt: skip


@st.composite
def recurrent_layers(draw, training=False, **fixed):
    import keras

    kind = draw(KINDS)
    run = draw(run_options())
    if draw(st.integers(0, 4)) == 0:
        kinds = draw(st.lists(KINDS, min_size=1, max_size=3))
        cells = [
            getattr(keras.layers, f"{k}Cell")(**draw(cell_options(k, training))) for k in kinds
        ]
        # A mask over states nested in one single list is more than Keras's own loop takes.
        cell = cells[0] if len(cells) == 1 else cells
        if len(cells) > 1:
            run["stateful"] = False
        return keras.layers.RNN(cell, **{**run, **fixed})
    return getattr(keras.layers, kind)(**draw(cell_options(kind, training)), **{**run, **fixed})


@st.composite
def wrapped(draw, training=False):
    import keras

    inner = draw(recurrent_layers(training, go_backwards=False, stateful=False))
    layer = keras.layers.Bidirectional(
        inner, merge_mode=draw(st.sampled_from(["sum", "mul", "ave", "concat", None]))
    )
    return layer


@st.composite
def sequences(draw, training=False):
    """A stack of layers as `Sequential`."""
    import keras
    from keras import layers as L

    steps, width = draw(st.integers(2, 5)), draw(sizes)
    parts = []
    if draw(flags):
        parts += [keras.Input((steps,), dtype="int32"),
                  L.Embedding(draw(st.integers(2, 6)), width, mask_zero=draw(flags))]  # fmt: skip
    else:
        parts.append(keras.Input((steps, width)))
        if draw(flags):
            parts.append(L.Masking(draw(st.sampled_from([0.0, -1.0, 0.5]))))
    plain = [
        lambda: L.Dense(draw(sizes), activation=activations(draw), use_bias=draw(flags)),
        lambda: L.TimeDistributed(L.Dense(draw(sizes), activation="tanh")),
        lambda: L.Activation("softplus"),
        lambda: L.LayerNormalization(
            epsilon=draw(st.sampled_from([1e-3, 1e-5])), center=draw(flags)
        ),
        lambda: L.Dropout(0.3),
        lambda: L.ELU(0.5),
    ]
    if not training:
        plain.append(lambda: L.BatchNormalization(scale=draw(flags)))
    for _ in range(draw(st.integers(1, 3))):
        if draw(flags):
            parts.append(draw(recurrent_layers(training, return_sequences=True, return_state=False,
                                               go_backwards=False, stateful=False)))  # fmt: skip
        elif draw(flags):
            inner = draw(recurrent_layers(training, return_sequences=True, return_state=False,
                                          go_backwards=False, stateful=False))  # fmt: skip
            parts.append(
                L.Bidirectional(
                    inner, merge_mode=draw(st.sampled_from(["concat", "sum", "mul", "ave"]))
                )
            )
        else:
            parts.append(draw(st.sampled_from(plain))())
    end = draw(st.integers(0, 5))
    if end == 0:
        parts.append(L.GlobalAveragePooling1D(keepdims=draw(flags)))
    elif end == 1:
        parts.append(L.GlobalMaxPooling1D())
    elif end == 2:
        parts += [L.Flatten(), L.Dense(2)]
    elif end == 3:
        parts += [draw(recurrent_layers(training, return_sequences=False, return_state=False, stateful=False)),
                  L.RepeatVector(3), L.Reshape((-1, 1)), L.Dense(2)]  # fmt: skip
    return keras.Sequential(parts)


@st.composite
def graphs(draw, training=False):
    """Encoder and decoder, shared layers, joins."""
    import keras
    from keras import layers as L

    steps, width, units = draw(st.integers(2, 5)), draw(sizes), draw(sizes)
    a = keras.Input((steps, width))
    b = keras.Input((steps + 1, draw(sizes)))
    x = L.Masking()(a) if draw(flags) else a
    kind = draw(KINDS)
    options = draw(cell_options(kind, training)) | {"units": units}
    out, *states = getattr(L, kind)(**options, return_sequences=True, return_state=True)(x)
    other = draw(cell_options(kind, training)) | {"units": units}
    # With initial states beside it, Keras takes no mask from what a layer reads.
    read = L.Masking()(b) if draw(flags) else b
    decoded = getattr(L, kind)(**other, return_sequences=True)(read, initial_state=states)
    join = draw(
        st.sampled_from([L.Concatenate(), L.Add(), L.Multiply(), L.Average(), L.Subtract()])
    )
    shared = L.Dense(draw(sizes), activation="tanh")
    ends = [join([out, L.Dense(units)(out)]), shared(decoded)]
    if draw(flags):
        ends.append(L.GlobalAveragePooling1D()(L.Concatenate(axis=1)([shared(out), ends[1]])))
    if draw(flags):
        ends.append(L.TimeDistributed(L.Dense(2))(decoded))
    return keras.Model([a, b], ends if draw(flags) else ends[0])


def relative(found, expected):
    """The error relative to the norm; of other shapes, or NaN, more than any tolerance."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return np.inf
    norm = np.linalg.norm(expected)
    return np.linalg.norm(found - expected) / norm if norm else np.linalg.norm(found)


def random_weights(net, rng):
    """Weights scaled by 1/√fan_in, biases that are not zero, variances that are positive."""
    values = {}
    for w in net.weights:
        scale = 1 / np.sqrt(w.shape[0]) if len(w.shape) > 1 else 0.5
        values[w.key] = rng.normal(size=w.shape) * scale
        if w.array == "moving_variance":
            values[w.key] = rng.uniform(0.5, 1.5, w.shape)
        if w.array == "bias" and len(w.shape) > 1:
            values[w.key] = rng.normal(size=w.shape) * 0.5
    return values


def compare(subject, seed, *, shape=None, mask=False, state=False, training=False, samples=2):
    """The largest errors of outputs and of gradients, ours against Keras's."""
    rng = np.random.default_rng(seed)
    if shape is not None:
        subject.build((samples, *shape))
    net = rnnsym.from_keras(subject)
    if training:
        net = net.in_training()
    inputs = []
    for value in net.inputs:
        axes = (samples, *(a or 4 for a in value.axes))
        x = rng.normal(size=axes) if value.kind == "float" else rng.integers(0, 2, size=axes)
        if value.kind == "integer":
            x[:, 0] = 1  # no sample is masked as a whole: its mean would be 0 / 0
        # Where nothing masks them, zeros would stand on kinks, where Keras's slope may be any.
        zeros = any(layer.kind == "Masking" for layer in net.layers)
        if zeros and value.kind == "float" and len(axes) == 3:
            x[0, -1] = 0.0  # a step that `Masking` masks
            if value.axes[0] != 1:
                x[1, 0] = 0.0
        inputs.append(x)
    weights = random_weights(net, rng)
    keras = Rebuilt(net, "float64", samples=samples)
    keras.set_weights(weights)
    given = {"weights": weights}
    states = masks = None
    if state and net.states:
        states = [rng.normal(size=(samples, net.shapes[n].axes[-1])) for n in leaves(net.states)]
        given["initial_state"] = states
    if mask:
        masks = [rng.random(size=x.shape[:2]) > 0.4 for x in inputs]
        given["mask"] = masks if len(masks) > 1 else masks[0]
    dropout = {
        v.name: (rng.random(size=(samples, *(a or 4 for a in v.axes))) > 0.3) / 0.7
        for v in net.dropout
    }
    if net.dropout:
        given["dropout"] = dropout
    f = rnnsym.lambdify(net)
    expected = keras(*inputs, initial_state=states, mask=masks, dropout=dropout)
    found = leaves(f(*inputs, **given))
    assert len(found) == len(expected)
    errors = [relative(a, b) for a, b in zip(found, expected)]
    if max(errors) > 1e-12:
        print(errors, net, [v.name for v in net.dropout], mask, state)
    if any(node.stateful for node in net.nodes):
        given.pop("initial_state", None)
        expected = keras(*inputs, mask=masks, dropout=dropout)
        errors += [relative(a, b) for a, b in zip(leaves(f(*inputs, **given)), expected)]
        return max(errors), 0.0
    targets = [rng.normal(size=y.shape) for y in expected]
    theirs = keras.gradients(inputs, targets, states, masks, dropout)
    _, ours = rnnsym.lambdify(net, gradient=True)(*inputs, targets, **given)
    assert set(theirs) == set(ours)
    gradients = {n: relative(ours[n], g) for n, g in theirs.items()}
    if max(gradients.values(), default=0.0) > 1e-11:
        print(gradients, net)
    return max(errors), max(gradients.values(), default=0.0)
