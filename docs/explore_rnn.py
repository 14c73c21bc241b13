# %% [markdown]
# ## The sizes and the data
#
# One sample of ten steps with three features. The notebook drew its input with the number of
# outputs where the number of features is meant; that worked only because both are 3.

# %%
import keras
import numpy as np

import rnnsym

N, T, D, M, K = 1, 10, 3, 5, 3
rng = np.random.default_rng(0)
X = rng.normal(size=(N, T, D)).astype("float32")
print(X.shape)

# %% [markdown]
# ## The model
#
# A `SimpleRNN` of five units and a `Dense` readout of three. `return_sequences=True` keeps the
# output of every step, so that all ten can be compared and not the last one alone.

# %%
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((T, D)),
        keras.layers.SimpleRNN(M, return_sequences=True, bias_initializer="random_normal"),
        keras.layers.Dense(K, bias_initializer="random_normal"),
    ]
)
for layer in model.layers:
    print(f"{type(layer).__name__:10} {layer.count_params():3} parameters")
print("in all", model.count_params())

# %% [markdown]
# ## The weights and their shapes
#
# Keras starts with zero biases, and a zero bias hides a missing one: here they are random.

# %%
names = ["W", "U", "b", "V", "c"]
weights = dict(zip(names, model.get_weights()))
for name, array in weights.items():
    print(name, array.shape)

# %% [markdown]
# ## The formula
#
# The notebook shows a picture here, behind a link that is dead. Instead the two layers are taken
# from the catalogue and joined; the formula, its parameter count and everything below follow.

# %%
net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=D, M=M, K=K)
print(net)
print(net.parameter_count, "=", net.parameter_count.subs(net.sizes))

# %% [markdown]
# ## The loop, by hand
#
# What the notebook codes, for its one sample and from a zero state:

# %%
h = np.zeros(M)
by_hand = []
for x in X[0]:
    h = np.tanh(x.dot(weights["W"]) + h.dot(weights["U"]) + weights["b"])
    by_hand.append(h.dot(weights["V"]) + weights["c"])
print("last step, by hand:", by_hand[-1])

# %% [markdown]
# ## The loop, generated
#
# The same from the formula, for a batch, one line an equation:

# %%
f = rnnsym.lambdify(net)
print(f.source)

# %% [markdown]
# ## The same numbers
#
# The ten steps through Keras and through our function, in float32 as in the notebook and in
# float64.

# %%
ours = f(X, **weights)
theirs = model.predict(X, verbose=0)
print("last step, ours:   ", ours[0, -1])
print("last step, Keras:  ", theirs[0, -1])
print("largest difference of all ten steps:", np.abs(ours - theirs).max())

X64 = X.astype("float64")
exact = keras.models.clone_model(
    model,
    clone_function=lambda layer: type(layer).from_config(layer.get_config() | {"dtype": "float64"}),
)
weights64 = {name: array.astype("float64") for name, array in weights.items()}
exact.set_weights(list(weights64.values()))
ours64 = f(X64, **weights64)
theirs64 = np.asarray(exact(X64))
print("the same in float64:", np.abs(ours64 - theirs64).max(), ours64.dtype, theirs64.dtype)
trace = f(X64, trace=True, **weights64)
