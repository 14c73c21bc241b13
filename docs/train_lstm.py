# %% [markdown]
# ## A model, trained
#
# The task: every step brings a number and a mark; at the end, say whether the number that was
# marked was positive. All the others are noise: the network has to let one number in and keep it.
# `python docs/train_lstm.py` does all of this in less than a minute.

# %%
import tempfile
from pathlib import Path

import keras
import numpy as np

import rnnsym

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
T = 16


def sequences(count):
    x = np.zeros((count, T, 2), "float32")
    x[:, :, 0] = rng.normal(size=(count, T))
    marked = rng.integers(0, T, count)
    x[np.arange(count), marked, 1] = 1
    return x, (x[np.arange(count), marked, :1] > 0).astype("float32")


model = keras.Sequential(
    [
        keras.Input((T, 2)),
        keras.layers.LSTM(4, name="memory"),
        keras.layers.Dense(1, activation="sigmoid", name="answer"),
    ],
    name="keep_the_marked",
)
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
model.fit(*sequences(4000), batch_size=64, epochs=25, verbose=0)
loss, accuracy = model.evaluate(*sequences(1000), verbose=0)
print(f"on sequences it has not seen: loss {loss:.3f}, {accuracy:.1%} right")

path = Path(tempfile.mkdtemp()) / "keep_the_marked.keras"
model.save(path)

# %% [markdown]
# ## Its own equations
#
# From here on Keras is only a witness: the file is read by our own reader.

# %%
net = rnnsym.from_keras(path)
print(net)

# %% [markdown]
# The same call as the Keras layer's, with the model's own weights, and every gate at every step.

# %%
f = rnnsym.lambdify(net)
x, y = sequences(6)
answer, trace = f(x, trace=True)
print("right answers:", y.ravel().astype(int), " its answers:", answer.ravel().round(2))
mark = int(x[0, :, 1].argmax())
for gate, words in (("i", "input"), ("f", "forget")):
    values = trace["memory"][gate][0]
    others = np.delete(values, mark, axis=0).mean(axis=0)
    print(f"{words} gate at the marked step {values[mark].round(2)}, elsewhere {others.round(2)}")

# %% [markdown]
# ## How far it can be trusted

# %%
report = rnnsym.verify(net)
print(report)
