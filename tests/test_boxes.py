"""Models with a layer that is not covered: the others are explained, and nothing is said of it."""

import copy
import json
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import rnnsym

keras = pytest.importorskip("keras")
layers = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x + 1


def convolved():
    return keras.Sequential(
        [keras.Input((8, 3)), layers.Conv1D(4, 2), layers.ReLU(), layers.Bidirectional(layers.LSTM(4)),
         layers.Dense(2)]
    )  # fmt: skip


def text():
    return keras.Sequential(
        [keras.Input((None,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True),
         layers.Conv1D(4, 3, padding="same"), layers.MaxPooling1D(2), layers.GRU(3), layers.Dense(2)]
    )  # fmt: skip


def video():
    return keras.Sequential(
        [keras.Input((4, 6, 6, 1)), layers.TimeDistributed(layers.Conv2D(2, 3)),
         layers.TimeDistributed(layers.Flatten()), layers.LSTM(3), layers.Dense(1)]
    )  # fmt: skip


def last():
    x = keras.Input((6, 3))
    y = layers.GRU(4, return_sequences=True)(x)
    return keras.Model(x, layers.Attention()([y, y]))


def heads():
    x = keras.Input((5, 4))
    y = layers.LSTM(4, return_sequences=True)(x)
    found = layers.MultiHeadAttention(2, 3)(y, y)
    return keras.Model(x, [layers.Dense(2)(layers.GlobalAveragePooling1D()(found)), found])


def by_hand():
    x = keras.Input((5, 4))
    y = layers.LSTM(4, return_sequences=True)(x)
    weights = keras.ops.softmax(layers.Dense(1)(y), axis=1)
    return keras.Model(x, layers.Dense(2)(keras.ops.sum(weights * y, axis=1)))


def twice():
    a, b = keras.Input((5, 4), name="a"), keras.Input((5, 4), name="b")
    shared, cell = layers.Conv1D(4, 2, padding="same"), layers.LSTM(3)
    return keras.Model([a, b], layers.Concatenate()([cell(shared(a)), cell(shared(b))]))


def nested():
    inner = keras.Sequential([keras.Input((8, 3)), layers.Conv1D(4, 2), layers.Dense(3)])
    x = keras.Input((8, 3))
    return keras.Model(x, layers.Dense(1)(layers.SimpleRNN(4)(inner(x))))


def own():
    return keras.Sequential([keras.Input((4, 3)), layers.LSTM(2), Doubled(), layers.Dense(2)])


#: Of each model: its boxes, and how many of its layers are explained.
MODELS = {
    convolved: ({"Conv1D": (7, 4)}, "3 of 4"),
    text: ({"Conv1D": (None, 4), "MaxPooling1D": (None, 4)}, "3 of 5"),
    video: ({"TimeDistributed": (4, 4, 4, 2)}, "3 of 4"),
    last: ({"Attention": (6, 4)}, "1 of 2"),
    heads: ({"MultiHeadAttention": (5, 4)}, "3 of 4"),
    by_hand: ({"Softmax": (5, 1), "Multiply": (5, 4), "Sum": (4,)}, "3 of 6"),
    twice: ({"Conv1D": (5, 4)}, "2 of 3"),
    nested: ({"Sequential": (7, 3)}, "2 of 3"),
    own: ({"Doubled": (2,)}, "2 of 3"),
}


@pytest.fixture(scope="module")
def made():
    keras.utils.set_random_seed(11)
    found = {}
    for make in MODELS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras says that a convolution drops the mask
            found[make] = model = make()
        for variable in model.trainable_variables:  # biases as well
            variable.assign(np.random.default_rng(3).normal(size=variable.shape) * 0.4)
    return found


def sample(model):
    rng = np.random.default_rng(5)
    shapes = [(2, *(7 if a is None else a for a in x.shape[1:])) for x in model.inputs]
    return [rng.integers(0, 9, s) if x.dtype == "int32" else rng.normal(size=s).astype("float32")
            for x, s in zip(model.inputs, shapes)]  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_a_box_is_named_and_sized_and_the_numbers_around_it_are_the_live_model_s(make, made):
    model = made[make]
    net = rnnsym.from_keras(model)
    boxes, count = MODELS[make]
    assert net.coverage == f"{count} layers explained"
    assert {b.kind: b.axes for b in net.boxes} == boxes
    totals = {layer.name: layer.count_params() for layer in model.layers}
    assert [b.count for b in net.boxes] == [totals.get(b.title, 0) for b in net.boxes]
    assert net.parameter_count + sum(b.count for b in net.boxes) == model.count_params()
    x = sample(model)
    found = rnnsym.lambdify(net)(*x)
    wanted = model(x if len(x) > 1 else x[0], training=False)
    pairs = zip(found, wanted) if isinstance(wanted, list) else [(found, wanted)]
    for a, b in pairs:
        assert np.abs(a - np.asarray(b)).max() < 2e-6


@pytest.mark.parametrize("make", [convolved, last, by_hand, twice], ids=lambda f: f.__name__)
def test_the_rest_is_verified_and_the_report_says_what_was_left_out(make, made):
    net = rnnsym.from_keras(made[make])
    report = rnnsym.verify(net, gradient=make is convolved)
    assert report.verdict == rnnsym.Verdict.VERIFIED, str(report)
    assert net.coverage in report.subject and net.boxes[0].kind in report.against
    assert "nothing is said of" in report.remarks[0]
    assert "rnnsym.from_keras(model.layers[i])" in report.remarks[0]
    assert any(c.what.startswith("the live model with random weights") for c in report.comparisons)
    assert not any(net.boxes[0].name + ":" in c.what for c in report.comparisons)


@pytest.mark.parametrize("make", [convolved, by_hand], ids=lambda f: f.__name__)
def test_a_wrong_equation_beside_a_box_is_found(make, made):
    from dataclasses import replace

    net = rnnsym.from_keras(made[make])
    node = next(n for n in net.equations if n.kind == "LSTM")
    o = next(e for e in node.cell.equations if e.lhs.label == "o")
    wrong = [replace(e, expr=o.expr) if e.lhs.label == "f" else e for e in node.cell.equations]
    cell = replace(node.cell, equations=tuple(wrong))
    nodes = tuple(replace(n, cell=cell) if n is node else n for n in net.nodes)
    assert rnnsym.verify(replace(net, nodes=nodes)).verdict == rnnsym.Verdict.WRONG


def test_a_live_model_that_computes_something_else_is_found():
    model = keras.Sequential(
        [keras.Input((8, 3)), layers.Conv1D(4, 2), layers.LSTM(4), layers.Dense(2)]
    )
    net = rnnsym.from_keras(model)
    model.layers[2].call = lambda x, **_: 2 * layers.Dense.call(model.layers[2], x)
    report = rnnsym.verify(net)
    assert report.verdict == rnnsym.Verdict.WRONG
    failed = [c.what for c in report.comparisons if not c.passed]
    assert failed and all(what.startswith("the live model") for what in failed)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(
    "make", [m for m in MODELS if m not in (by_hand, own)], ids=lambda f: f.__name__
)
def test_a_file_tells_the_same(make, ending, made, tmp_path):
    model = made[make]
    model.save(tmp_path / f"m{ending}")
    net, live = rnnsym.from_keras(tmp_path / f"m{ending}"), rnnsym.from_keras(model)
    assert net.coverage == live.coverage
    assert [(b.kind, b.count) for b in net.boxes] == [(b.kind, b.count) for b in live.boxes]
    assert [b.axes for b in net.boxes] == [b.axes for b in live.boxes] or make is nested
    assert list(net.values) == list(live.values)
    assert all((net.values[k] == live.values[k]).all() for k in net.values)
    with pytest.raises(rnnsym.InputError, match="only a live model tells"):
        rnnsym.lambdify(net)(*sample(model))


def test_a_file_with_operations_as_boxes(made, tmp_path):
    made[by_hand].save(tmp_path / "m.keras")
    net = rnnsym.from_keras(tmp_path / "m.keras")
    assert {b.kind: b.axes for b in net.boxes} == MODELS[by_hand][0]
    assert rnnsym.verify(net).verdict == rnnsym.Verdict.VERIFIED


def test_sizes_that_no_file_tells_are_keras_s_own():
    from rnnsym.frameworks.keras.boxes import SIZES, ends_masks, sized

    options = [
        {"strides": 2}, {"padding": "same", "strides": 3}, {"dilation_rate": 2}, {"padding": "same"},
    ]  # fmt: skip
    tried = 0
    for kind in SIZES:
        two = "2D" in kind
        shapes = [(None, 9, 8, 4) if two else (None, 9, 4)]
        given = [{}]
        if "Conv" in kind:
            given = [{"filters": 3, "kernel_size": 2, **o} for o in options]
        elif "Pooling" in kind:
            given = [{"pool_size": 2, **o} for o in [*options[:2], *options[3:], {}]]
        elif kind == "MultiHeadAttention":
            given = [{"num_heads": 2, "key_dim": 3}]
        elif kind == "GroupNormalization":
            given = [{"groups": 2}]
        if "Attention" in kind:
            shapes = [(None, 5, 4), (None, 9, 6)]
        for o in given:
            layer = getattr(layers, kind)(**o)
            reads = [keras.KerasTensor(s) for s in shapes]
            out = (
                layer(*reads)
                if kind == "MultiHeadAttention"
                else layer(reads if len(reads) > 1 else reads[0])
            )
            config = json.loads(json.dumps(layer.get_config()))
            assert sized(kind, config, [s[1:] for s in shapes]).axes == tuple(out.shape[1:]), (
                kind,
                o,
            )
            tried += 1
        if ends_masks(kind):
            assert not layer.supports_masking
    assert tried > 30


def test_what_may_be_a_stranger_s_code_is_no_box():
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.LSTM(2),
            layers.Lambda(lambda x: x),
            layers.Dense(2),
        ]
    )
    with pytest.raises(rnnsym.InputError, match=r"(?i)lambda") as caught:
        rnnsym.from_keras(model)
    assert "\n" not in str(caught.value)


def test_a_box_within_a_model_that_holds_code_is_refused(tmp_path):
    from hostile import archive, swapped

    for kind in ("TFSMLayer", "TorchModuleWrapper", "Lambda"):
        path = archive(tmp_path / f"{kind}.keras", swapped(2, class_name=kind))
        with pytest.raises(rnnsym.InputError, match=f"{kind}' is not covered"):
            rnnsym.from_keras(path)


def test_a_mask_that_may_reach_a_layer_through_a_box_is_refused():
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True),
         layers.UnitNormalization(), layers.LSTM(3)]
    )  # fmt: skip
    with pytest.raises(rnnsym.InputError, match=r"UnitNormalization.*a mask may reach lstm"):
        rnnsym.from_keras(model)


def test_what_rests_on_a_box_is_refused_in_one_line(made):
    net = rnnsym.from_keras(made[convolved])
    x = sample(made[convolved])
    for act, words in (
        (
            lambda: rnnsym.lambdify(net, gradient=True)(*x, np.ones((2, 2), "float32")),
            "no gradient goes",
        ),
        (lambda: rnnsym.lambdify(net)(*x, mask=np.ones((2, 8), bool)), "with a mask"),
        (lambda: net.in_training(), "in training"),
        (lambda: rnnsym.lambdify(net)(*x, weights=net.values), "its own weights"),
        (lambda: rnnsym.equal(net, net), "equal to none"),
        (lambda: rnnsym.lambdify(pickle.loads(pickle.dumps(net)))(*x), "only a live model"),
    ):
        with pytest.raises(rnnsym.InputError, match=words) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert rnnsym.lambdify(copy.copy(net))(*x).shape == (2, 2)


# --- what was found by somebody who looked for a false "verified"


class Second(layers.Layer):
    """Gives two arrays; the second one is read."""

    def call(self, x):
        return x * 2, x + 1

    def compute_output_shape(self, shape):
        return shape, shape


class Handed(layers.Layer):
    """Hands on the very array that it is given, and with it the mask that hangs on it."""

    def call(self, x):
        return x


class Making(layers.Layer):
    """Makes a mask of its own."""

    def call(self, x):
        return x * 1.0

    def compute_mask(self, x, mask=None):
        return keras.ops.any(keras.ops.not_equal(x, 0), -1)


class Counting(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.n.assign_add(1.0)
        return x * 2


def tokens():
    return keras.Input((None,), dtype="int32")


def hiding(kind):
    """Models in which a mask is made, or handed on, inside of what is not looked into."""
    x = tokens()
    if kind == "nested":
        t = tokens()
        e = layers.Embedding(9, 4, mask_zero=True)(t)
        return keras.Model(
            x, layers.LSTM(3)(keras.Model(t, layers.MultiHeadAttention(2, 3)(e, e))(x))
        )
    if kind == "sequence":
        inner = keras.Sequential(
            [layers.Embedding(9, 4, mask_zero=True), layers.UnitNormalization()]
        )
        return keras.Model(x, layers.GRU(3)(inner(x)))
    if kind == "a layer of tokens":
        return keras.Sequential(
            [x, layers.ReversibleEmbedding(9, 4, mask_zero=True), layers.LSTM(3)]
        )
    if kind == "made by hand":
        return keras.Sequential([keras.Input((8, 4)), Making(), layers.LSTM(3)])
    if kind == "taken off":
        e, y = layers.Embedding(9, 4, mask_zero=True)(x), keras.Input((None, 4))
        a = layers.GlobalMaxPooling1D()(layers.MultiHeadAttention(2, 3)(e, e))
        return keras.Model([x, y], [layers.Dense(2)(layers.Multiply()([e, y])), a])
    if kind == "handed on":
        return keras.Model(x, layers.LSTM(3)(Handed()(layers.Embedding(9, 4, mask_zero=True)(x))))
    i, x = keras.Input((None, 4)), keras.Input((6, 4))
    inner = keras.Model(i, layers.UnitNormalization()(layers.Dense(4)(i)))
    y = layers.LSTM(4, return_sequences=True)(inner(layers.Masking()(x)))
    return keras.Model(x, layers.Dense(2)(layers.Attention()([y, y])))


@pytest.mark.parametrize("ending", ["live", ".keras"])
@pytest.mark.parametrize(
    "kind",
    ["nested", "sequence", "handed on", "through a nested model", "a layer of tokens", "made by hand",
     "taken off"],
)  # fmt: skip
def test_a_mask_that_nobody_sees_is_not_overlooked(kind, ending, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = hiding(kind)
        subject = model
        if ending != "live":
            subject = tmp_path / "m.keras"
            model.save(subject)
        # A class of one's own in a file is refused by its name.
        own = kind in ("handed on", "made by hand") and ending != "live"
        with pytest.raises(
            rnnsym.InputError, match="is not covered" if own else "a mask may reach|under a mask"
        ):
            rnnsym.from_keras(subject)


def test_layers_that_use_no_mask_go_on_behind_one_that_is_not_told():
    x = tokens()
    y = layers.LSTM(4, return_sequences=True)(layers.Embedding(9, 4, mask_zero=True)(x))
    y = layers.LayerNormalization()(layers.Add()([y, layers.MultiHeadAttention(2, 3)(y, y)]))
    net = rnnsym.from_keras(keras.Model(x, layers.Dense(2)(layers.GlobalMaxPooling1D()(y))))
    assert net.coverage == "6 of 7 layers explained"
    assert rnnsym.verify(net).verdict == rnnsym.Verdict.VERIFIED


@pytest.mark.parametrize(
    "after", [lambda y: layers.Conv1D(3, 2)(y), lambda y: layers.Attention()([y, y])]
)
def test_a_layer_before_a_box_is_asked_as_well(after):
    x = keras.Input((6, 4))
    first = layers.LSTM(4, return_sequences=True)
    model = keras.Model(x, after(first(x)))
    net = rnnsym.from_keras(model)
    assert rnnsym.verify(net).verdict == rnnsym.Verdict.VERIFIED
    first.call = lambda x, **_: 2 * layers.LSTM.call(first, x)
    assert rnnsym.verify(net).verdict == rnnsym.Verdict.WRONG


def odd(kind):
    x = keras.Input((6, 4))
    y = layers.LSTM(4, return_sequences=True)(x)
    if kind == "a second output":
        return keras.Model(x, layers.Dense(2)(Second()(y)[1]))
    if kind == "the scores alone":
        scores = layers.MultiHeadAttention(2, 3)(y, x, return_attention_scores=True)[1]
        return keras.Model(x, [layers.Dense(2)(y), scores])
    if kind == "calls in another order":
        shared = layers.Conv1D(4, 3, padding="same")
        deep = shared(y)
        return keras.Model(x, layers.Dense(2)(layers.Concatenate()([deep, shared(x)])))
    if kind == "two samples":
        x = keras.Input(batch_shape=(2, 8, 3))
        return keras.Model(x, layers.LSTM(3)(layers.Conv1D(4, 2)(x)))
    if kind == "by keyword":
        return keras.Model(x, layers.Dense(2)(layers.MultiHeadAttention(2, 3)(query=y, value=x)))
    if kind == "keywords in another order":
        z = layers.GRU(4, return_sequences=True)(x)
        return keras.Model(x, layers.Dense(2)(layers.MultiHeadAttention(2, 3)(value=z, query=y)))
    if kind == "other samples":
        flat = layers.Dense(3)(keras.ops.reshape(y, (-1, 4)))
        return keras.Model(x, layers.LSTM(2)(keras.ops.reshape(flat, (-1, 6, 3))))
    if kind == "a scalar":
        return keras.Model(x, layers.Dense(2)(y * keras.ops.sum(y)))
    if kind == "even lengths":
        x = keras.Input((None, 3))
        pooled = layers.UpSampling1D(2)(layers.AveragePooling1D(2)(x))
        return keras.Model(x, layers.LSTM(3)(layers.Add()([x, pooled])))
    if kind == "long sequences":
        x = keras.Input((None, 3))
        return keras.Model(x, layers.LSTM(2)(layers.Conv1D(4, 9)(x)))
    if kind == "built elsewhere":
        cell = layers.LSTM(3)
        cell.build((None, 5, 4))
        return keras.Sequential([keras.Input((8, 3)), layers.Conv1D(4, 2), cell, layers.Dense(2)])
    assert kind == "many calls"
    conv = layers.Conv1D(4, 1)
    for _ in range(60):
        y = layers.ReLU()(conv(y))
    return keras.Model(x, layers.Dense(2)(y))


ODD = ["a second output", "the scores alone", "calls in another order", "two samples", "by keyword", "keywords in another order",
       "other samples", "a scalar", "even lengths", "long sequences", "built elsewhere",
       "many calls"]  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_box_has_its_numbers_and_the_rest_its_verdict(kind):
    keras.utils.set_random_seed(4)
    model = odd(kind)
    net = rnnsym.from_keras(model)
    x = [np.random.default_rng(2).normal(size=[16 if a is None else a for a in (i.shape[0] or 2, *i.shape[1:])])
         .astype("float32") for i in model.inputs]  # fmt: skip
    found, wanted = rnnsym.lambdify(net)(*x), model(x[0])
    pairs = zip(found, wanted) if isinstance(wanted, list) else [(found, wanted)]
    for a, b in pairs:
        assert a.shape == b.shape and np.abs(a - np.asarray(b)).max() < 1e-5
    report = rnnsym.verify(net)
    assert report.verdict == rnnsym.Verdict.VERIFIED, str(report)


def test_what_a_call_changes_in_a_box_is_put_back():
    box = Counting()
    model = keras.Sequential(
        [keras.Input((6, 4)), layers.LSTM(3, return_sequences=True), box, layers.Dense(2)]
    )
    before = float(box.n.value)
    net = rnnsym.from_keras(model)
    rnnsym.verify(net)
    rnnsym.lambdify(net)(np.ones((2, 6, 4), "float32"))
    assert float(box.n.value) == before
    assert net.coverage == "2 of 3 layers explained" and net.boxes[0].count == 1


def edited(tmp_path, change):
    """The file of a model with a box, its configuration changed by a stranger."""
    import zipfile

    x = keras.Input((8, 3))
    y = layers.LSTM(4, return_sequences=True, name="lstm")(layers.Conv1D(4, 2, name="conv")(x))
    keras.Model(x, layers.Dense(2, name="out")(keras.ops.sum(y, axis=1))).save(tmp_path / "a.keras")
    path = tmp_path / "b.keras"
    with zipfile.ZipFile(tmp_path / "a.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                entries = {
                    e.get("name") or e["config"]["name"]: e for e in config["config"]["layers"]
                }
                changed = change(config["config"], entries)
                data = json.dumps(config if changed is None else changed).encode()
            new.writestr(name, data)
    return path


def tensor_of(entry):
    return entry["inbound_nodes"][0]["args"][0]["config"]


def called(config, entries, name):
    """The sum over the steps is called otherwise, wherever it is named."""
    (old,) = (n for n, e in entries.items() if e["class_name"] == "Sum")
    whole = {
        "module": "keras",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }
    return json.loads(json.dumps(whole).replace(f'"{old}"', f'"{name}"'))


HOSTILE = {
    "a far output": (lambda c, e: tensor_of(e["lstm"]).update(keras_history=["conv", 0, 3_000_000]), "names no output"),
    "a farther one": (lambda c, e: tensor_of(e["lstm"]).update(keras_history=["conv", 0, 10**30]), "names no output"),
    "an end": (lambda c, e: c.update(output_layers=[["conv", 0, 10**7]]), "names no output"),
    "it reads nothing": (lambda c, e: e["conv"].update(inbound_nodes=[{"args": [1], "kwargs": {}}]), "reads nothing"),
    "no options": (lambda c, e: e["conv"].update(config=7), "no name|not covered"),
    "two shapes": (lambda c, e: e["lstm"]["inbound_nodes"].append(
        {"args": [{"class_name": "__keras_tensor__", "config": {**tensor_of(e["lstm"]), "shape": [None, 3, 4]}}],
         "kwargs": {}}), "is recorded to give"),
    "an operation's name": (lambda c, e: called(c, e, "a\\u001b[2J"), "no plain text"),
    "a long name": (lambda c, e: called(c, e, "a" * 300), "no plain text"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_with_a_box_is_refused_in_one_line(name, tmp_path):
    change, words = HOSTILE[name]
    path = edited(tmp_path, change)
    with pytest.raises(rnnsym.InputError, match=words) as caught:
        rnnsym.from_keras(path)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


def test_what_a_file_claims_of_a_box_is_held_to_its_options(tmp_path):
    path = edited(tmp_path, lambda c, e: tensor_of(e["lstm"]).update(shape=[None, 70, 4]))
    assert rnnsym.from_keras(path).boxes[0].axes == (7, 4)
    path = edited(tmp_path, lambda c, e: e["lstm"]["inbound_nodes"][0]["kwargs"].update(mask={
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 9], "dtype": "bool", "keras_history": ["conv", 0, 1]}}))  # fmt: skip
    with pytest.raises(rnnsym.InputError, match="Keras cannot run") as caught:
        rnnsym.verify(rnnsym.from_keras(path))
    assert "\n" not in str(caught.value)


def test_a_live_model_that_keeps_states_is_compared_from_its_beginning():
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(2, 8, 4)),
            layers.Conv1D(4, 2),
            layers.LSTM(3, stateful=True),
            layers.Dense(1),
        ]
    )
    model(np.ones((2, 8, 4), "float32"))
    assert rnnsym.verify(rnnsym.from_keras(model)).verdict == rnnsym.Verdict.VERIFIED


def test_arrays_that_are_broadcast_are_joined_in_a_box():
    x = keras.Input((5, 3))
    h = layers.GRU(4, return_sequences=True)(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(h))
    model = keras.Model(
        x, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.Multiply()([h, weights])))
    )
    net = rnnsym.from_keras(model)
    assert [b.kind for b in net.boxes] == ["Multiply"] and net.coverage == "5 of 6 layers explained"
    given = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("float32")
    assert np.abs(rnnsym.lambdify(net)(given) - np.asarray(model(given))).max() < 2e-6


def test_a_live_model_that_keeps_states_is_not_asked():
    model = keras.Sequential(
        [keras.Input(batch_shape=(2, 8, 3)), layers.LSTM(4, stateful=True, return_sequences=True),
         layers.Conv1D(4, 2), layers.GRU(2)]
    )  # fmt: skip
    with pytest.raises(rnnsym.InputError, match="keeps states"):
        rnnsym.lambdify(rnnsym.from_keras(model))(np.ones((2, 8, 3), "float32"))


def test_a_model_of_boxes_alone_is_refused_by_the_name_of_the_first():
    model = keras.Sequential([keras.Input((8, 3)), layers.Conv1D(4, 2), layers.MaxPooling1D()])
    with pytest.raises(
        rnnsym.InputError, match=r"'conv1d\w*': layer 'keras.layers.Conv1D' is not covered"
    ):
        rnnsym.from_keras(model)


def test_a_file_with_a_box_is_explained_on_the_command_line(made, tmp_path):
    made[convolved].save(tmp_path / "m.keras")
    command = [sys.executable, "-m", "rnnsym", "explain", tmp_path / "m.keras", "--no-verify"]
    done = subprocess.run(
        [*command, "-o", tmp_path / "out"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stderr
    assert "3 of 4 layers explained" in done.stdout and "not covered: a box" in done.stdout
    for name in ("explanation.md", "explanation.html", "explanation.tex", "explanation.txt"):
        words = (tmp_path / "out" / name).read_text()
        assert "3 of 4 layers explained" in words and "Conv1D" in words, name
    data = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert data["explained"] == "3 of 4 layers explained"
    assert [layer["covered"] for layer in data["layers"]] == [False, True, True, True]
    np.save(tmp_path / "x.npy", np.ones((2, 8, 3), "float32"))
    asked = subprocess.run(
        [*command, "--input", tmp_path / "x.npy"], capture_output=True, text=True
    )
    assert asked.returncode == 2 and asked.stderr.count("\n") == 1 and "live model" in asked.stderr
