"""What people write between layers: slices, arithmetic, and the simple layers that do the like."""

import dataclasses

import numpy as np
import pytest

import rnnsym

keras = pytest.importorskip("keras")
layers = keras.layers


def numbers(model, seed=3):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    return model


def make(steps=4):
    x = keras.Input((steps, 3))
    y = layers.LSTM(5, return_sequences=True)(x)
    last = y[:, -1, :]
    z = 0.5 * ((3.0 - (last * 2.0 + 1.0)) / 4.0 - last) ** 2
    return x, y, last, z


MODELS = {
    "arithmetic": lambda x, y, last, z: [z, -z, 1 / (z + 3.0), z * last, y + y],
    "slices": lambda x, y, last, z: [y[:, 1:3], y[..., 0:2], y[:, ::-1], y[:, ::2, 1:], last],
    "a slice that is read on": lambda x, y, last, z: [layers.GRU(2)(y[:, 1:] * 0.5)],
    "permute": lambda x, y, last, z: [layers.GRU(2)(layers.Permute((2, 1))(y))],
    "prelu": lambda x, y, last, z: [layers.PReLU(shared_axes=[1])(y), layers.PReLU()(last)],
    "dot": lambda x, y, last, z: [
        layers.Dot(axes=1)([last, z]), layers.Dot(axes=(2, 2))([y, y[:, 1:3]]),
        layers.Dot(axes=(1, 1))([y, y]), layers.Dot(axes=(1, 2))([last, y]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_what_stands_between_layers_is_what_keras_computes(name, tmp_path):
    x, *rest = make()
    model = numbers(keras.Model(x, MODELS[name](x, *rest)))
    given = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
    theirs = model(given)
    theirs = theirs if isinstance(theirs, list) else [theirs]
    for suffix in ("keras", "h5"):
        path = tmp_path / f"model.{suffix}"
        model.save(path)
        found = rnnsym.lambdify(rnnsym.from_keras(path))(given)
        found = found if isinstance(found, (list, tuple)) else [found]
        for ours, other in zip(found, theirs, strict=True):
            assert np.abs(ours - np.asarray(other)).max() < 2e-6
    report = rnnsym.verify(rnnsym.from_keras(model), gradient=True)
    assert report.verdict == "verified", report


def test_a_length_that_is_open_stays_open():
    x, y, last, _ = make(None)
    model = numbers(keras.Model(x, [last, layers.GRU(2)(y[:, 1:])]))
    ours = rnnsym.from_keras(model)
    for steps in (3, 6):
        given = np.random.default_rng(steps).normal(size=(2, steps, 3)).astype("float32")
        for found, wanted in zip(rnnsym.lambdify(ours)(given), model(given), strict=True):
            assert np.abs(found - np.asarray(wanted)).max() < 2e-6
    assert "[:, -1, :]" in rnnsym.to_text(ours)


REFUSED = {
    "normalised": (lambda x, y, last, z: layers.Dot(axes=1, normalize=True)([last, z]), "normalised"),
    "slopes": (lambda x, y, last, z: layers.PReLU()(y), "slopes that differ from step to step"),
}  # fmt: skip
BOXED = {
    "shapes": (lambda x, y, last, z: y + last[:, None, :] * 1.0, "GetItem"),
    "a power": (lambda x, y, last, z: keras.ops.power(last, z), "Power"),
    "a function": (lambda x, y, last, z: keras.ops.arctan2(last, z), "Arctan2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOXED)
def test_an_operation_that_is_not_covered_is_a_box(name):
    make_output, kind = BOXED[name]
    x, *rest = make()
    net = rnnsym.from_keras(keras.Model(x, make_output(x, *rest)))
    assert kind in [b.kind for b in net.boxes] and next(net.equations)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_covered_is_refused_by_name(name):
    make_output, words = REFUSED[name]
    x, *rest = make()
    with pytest.raises(rnnsym.InputError, match=words):
        rnnsym.from_keras(keras.Model(x, make_output(x, *rest)))


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        ("slice", {"index": ((None, None, None), -1, (1, None, 2)), "words": ""}),
        ("slice", {"index": ((None, None, None), (None, None, -2)), "words": ""}),
        ("permute", {"order": (2, 1)}),
    ],
)
def test_the_adjoint_of_an_operation_is_its_transpose(operation, options):
    from rnnsym.numeric.operations import OPERATIONS

    rng = np.random.default_rng(5)
    x, dx = rng.normal(size=(2, 2, 4, 5))
    entry = OPERATIONS[operation]
    g = rng.normal(size=entry.forward(x, **options).shape)
    assert np.isclose((entry.forward(dx, **options) * g).sum(),
                      (dx * entry.backward(g, x, **options)).sum())  # fmt: skip


def test_both_adjoints_of_a_product():
    from rnnsym.numeric.operations import OPERATIONS

    rng = np.random.default_rng(6)
    entry = OPERATIONS["dot"]
    for shapes, along in (
        (((4, 5), (3, 5)), (2, 2)),
        (((5,), (5,)), (1, 1)),
        (((5,), (4, 5)), (1, 2)),
    ):
        a, b = (rng.normal(size=(2, *s)) for s in shapes)
        g = rng.normal(size=entry.forward(a, b, along=along).shape)
        for n, given in enumerate((a, b)):
            change = rng.normal(size=given.shape)
            pair = [change, b] if n == 0 else [a, change]
            there = (entry.forward(*pair, along=along) * g).sum()
            back = entry.backward(g, a, b, along=along)[n]
            assert np.isclose(there, (change * back).sum())


def test_where_a_layer_is_refused_the_advice_reads_another():
    model = keras.Sequential(
        [keras.Input((8, 3)), layers.Lambda(lambda x: x), layers.Bidirectional(layers.LSTM(4))]
    )
    with pytest.raises(rnnsym.InputError, match="is not covered") as caught:
        rnnsym.from_keras(model)
    advised = str(caught.value).rpartition("from_keras(")[2].rstrip(")")
    kind = str(caught.value).rpartition("its ")[2].partition(" can")[0]
    place = int(advised.removeprefix("model.layers[").rstrip("]"))
    assert type(model.layers[place]).__name__ == kind == "Bidirectional"
    assert rnnsym.from_keras(model.layers[place]).weights


def test_the_source_of_a_model_runs_and_has_what_is_shared_once():
    model = keras.Sequential(
        [keras.Input((None, 3)), layers.LSTM(4, return_sequences=True), layers.GRU(2)]
    )
    names: dict = {}
    source = rnnsym.lambdify(rnnsym.from_keras(model)).source
    exec(source, names)
    assert source.count("def sigmoid(") == 1 == source.count("import numpy")
    assert sum(callable(f) for n, f in names.items() if not n.startswith("_")) == 3


def test_a_model_whose_numbers_are_not_finite_has_no_power():
    """A root of what may be negative: where Keras gives a number, both agree, and no more is said."""
    x = keras.Input((4, 3))
    y = layers.LSTM(2, return_sequences=True)(x)
    net = rnnsym.from_keras(keras.Model(x, layers.GRU(2)(y**0.5)))
    report = rnnsym.verify(net, gradient=True)
    assert report.verdict == rnnsym.Verdict.NO_POWER
    assert "not finite" in report.weak and any(
        "where it is finite" in c.what for c in report.comparisons
    )
    node = next(n for n in net.equations if n.kind == "LSTM")
    o = next(e for e in node.cell.equations if e.lhs.label == "o")
    wrong = tuple(
        dataclasses.replace(e, expr=o.expr) if e.lhs.label == "c" else e
        for e in node.cell.equations
    )
    cell = dataclasses.replace(node.cell, equations=wrong)
    nodes = tuple(dataclasses.replace(n, cell=cell) if n is node else n for n in net.nodes)
    assert rnnsym.verify(dataclasses.replace(net, nodes=nodes)).verdict == rnnsym.Verdict.WRONG


def test_attention_by_hand_is_explained_whole():
    x = keras.Input((5, 3))
    y = layers.GRU(4, return_sequences=True)(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1, activation="tanh")(y))
    pooled = layers.Flatten()(layers.Dot(axes=1)([weights, y]))
    model = numbers(keras.Model(x, layers.Dense(2)(pooled)))
    net = rnnsym.from_keras(model)
    assert not net.boxes and rnnsym.verify(net, gradient=True).verdict == rnnsym.Verdict.VERIFIED
    given = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("float32")
    found = rnnsym.lambdify(net)(given)
    assert np.abs(np.squeeze(found) - np.asarray(model(given))).max() < 2e-6


def test_an_autoencoder_is_checked_with_power():
    """Its decoder reads the same vector at every step: there x_{t-1} for x_t shows at the first alone."""
    model = numbers(keras.Sequential(
        [keras.Input((8, 4)), layers.LSTM(3), layers.RepeatVector(4),
         layers.LSTM(3, return_sequences=True), layers.TimeDistributed(layers.Dense(4))]
    ))  # fmt: skip
    report = rnnsym.verify(rnnsym.from_keras(model))
    assert report.verdict == rnnsym.Verdict.VERIFIED, str(report)
    assert any("by itself on random sequences" in c.what for c in report.comparisons)
