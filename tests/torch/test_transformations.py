"""Stochastic layers under PyTorch's transformations: compiled, traced, differentiated, mapped.

`torch.compile` runs with ``aot_eager``, which captures forward and backward pass as ``inductor``
does, without a C++ compiler.
"""

import copy
import gc
import io

import pytest

import qconv

torch = pytest.importorskip("torch", reason="PyTorch is an extra of its own")

from torch import nn  # noqa: E402
from torch.func import functional_call  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.utils import parametrizations, parametrize, prune  # noqa: E402

from qconv.torch import StochasticConv2d, convert  # noqa: E402
from tests.torch.test_torch import _seeded, small  # noqa: E402, F401  (a fixture)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*quantiz.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*quantize_per_tensor.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*quantization is deprecated.*:UserWarning"),
]


def images(count=2):
    return torch.rand(count, 2, 6, 6)


def network(shots):
    return nn.Sequential(small(shots=shots, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(126, 2))


class TestCompiled:
    @pytest.mark.parametrize("full", [False, True], ids=["breaks", "one graph"])
    def test_gradients_are_those_of_the_plain_network(self, full):
        torch.compiler.reset()
        model, x = network(None), images()
        plain = copy.deepcopy(model)
        plain(x).sum().backward()
        compiled = torch.compile(model, backend="aot_eager", fullgraph=full)
        torch.testing.assert_close(compiled(x), plain(x))
        compiled(x).sum().backward()
        for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad)

    def test_a_layer_in_place(self):
        """The compiled layer draws new shots, trains, counts, and accepts other shot numbers."""
        torch.compiler.reset()
        layer, x = small(shots=5, padding_mode="circular", padding=1), images()
        layer.compile(backend="aot_eager")
        first = layer(x)
        assert not torch.equal(first, layer(x))
        assert layer.executions == 5 * first.numel()
        first.sum().backward()
        assert layer.weight.grad is not None
        with torch.compiler.set_stance("fail_on_recompile"):
            layer.shots = 7
            layer(x)
        assert layer.executions == 7 * first.numel()
        layer.shots = None
        exact = convert(nn.Sequential(layer), shots=None)(x)
        torch.testing.assert_close(layer(x), exact)

    def test_a_compiled_model_is_converted(self):
        torch.compiler.reset()
        model, x = nn.Sequential(nn.Conv2d(2, 3, 3)), images()
        compiled = torch.compile(model, backend="aot_eager")
        compiled(x)
        measured = convert(compiled, shots=5)
        assert not torch.equal(measured(x), measured(x))
        assert torch.equal(compiled(x), compiled(x))


class TestTraced:
    """Graphs refer to the layer's options by a number, and draw new shots."""

    @pytest.mark.parametrize(
        "trace",
        [
            lambda model, x: torch.fx.symbolic_trace(model),
            lambda model, x: torch.jit.trace(model, x, check_trace=False),
            lambda model, x: torch.export.export(model, (x,)).module(),
            lambda model, x: torch.fx.experimental.proxy_tensor.make_fx(model)(x),
            lambda model, x: torch.func.functionalize(model),
        ],
        ids=["fx", "jit", "export", "make_fx", "functionalize"],
    )
    @pytest.mark.filterwarnings("ignore:.*get_attr Node.*:UserWarning")
    def test_graphs_measure(self, trace):
        model, x, other = nn.Sequential(small(shots=20), nn.Tanh()), images(), images()
        graph = trace(model, x)
        with torch.no_grad():
            assert not torch.equal(graph(other), graph(other))
            model[0].shots = 2000
            exact = convert(model, shots=None)(other)
            assert float((graph(other) - exact).abs().max()) < 0.2

    def test_a_graph_without_shots_draws_none(self):
        layer, x = small(shots=None), images()
        graph = torch.fx.symbolic_trace(nn.Sequential(layer))
        alone = torch.fx.symbolic_trace(layer)
        torch.testing.assert_close(alone(x), layer(x))
        layer.shots = 5
        with pytest.raises(RuntimeError, match="StochasticConv2d: expected shots=None, as when"):
            graph(x)

    def test_a_graph_without_its_layer(self):
        graph = torch.export.export(nn.Sequential(small(shots=3)), (images(),))
        gc.collect()
        with pytest.raises(RuntimeError, match="StochasticConv2d: expected the layer from which"):
            graph.module()(images())

    def test_meta_tensors_have_a_shape(self):
        with torch.device("meta"):
            model = nn.Sequential(nn.Conv2d(2, 3, 3))
        measured = convert(model, shots=5)
        assert measured(images().to("meta")).shape == (2, 3, 4, 4)
        with pytest.raises(TypeError, match="StochasticConv2d: expected tensors with values, got"):
            measured[0].one_shot_variance(images().to("meta"))
        filled = measured.to_empty(device="cpu")
        filled.load_state_dict(nn.Sequential(nn.Conv2d(2, 3, 3)).state_dict())
        assert filled(images()).isfinite().all()


class TestFunctions:
    """`torch.func`: equal to a plain layer's, if the function is linear in the output."""

    def test_reverse_mode(self):
        layer, x = small(shots=3), images()
        plain = nn.Conv2d(2, 3, (3, 2))
        plain.load_state_dict(layer.state_dict())

        def total(model):
            return lambda parameters, x: functional_call(model, parameters, (x,)).sum()

        parameters = dict(layer.named_parameters())
        for transform in (torch.func.grad, torch.func.jacrev):
            ours, theirs = (transform(total(model))(parameters, x) for model in (layer, plain))
            torch.testing.assert_close(ours, theirs)
        output, pull = torch.func.vjp(layer, x)
        torch.testing.assert_close(pull(output), torch.func.vjp(plain, x)[1](output))

    def test_forward_mode(self):
        layer, x = small(shots=3), images()
        plain = nn.Conv2d(2, 3, (3, 2))
        plain.load_state_dict(layer.state_dict())
        ours, theirs = (torch.func.jvp(each, (x,), (x**2,))[1] for each in (layer, plain))
        torch.testing.assert_close(ours, theirs)
        ours = torch.func.jacfwd(layer, randomness="same")(x[0])
        torch.testing.assert_close(ours, torch.func.jacfwd(plain)(x[0]))
        layer.shots = None
        ours, theirs = (
            torch.func.hessian(lambda x, each=each: each(x).pow(2).sum())(x[:1, :, :4, :3])
            for each in (layer, plain)
        )
        torch.testing.assert_close(ours, theirs)

    def test_mapped(self):
        layer, x = small(shots=4, dtype=torch.float64), torch.rand(3, 2, 2, 6, 6).double()
        same = torch.stack([x[0]] * 3)
        different = torch.func.vmap(layer, randomness="different")(same)
        assert not torch.equal(different[0], different[1])
        assert layer.executions == 4 * different.numel()
        shared = torch.func.vmap(layer, randomness="same")(same)
        assert torch.equal(shared[0], shared[1])
        with pytest.raises(RuntimeError, match="StochasticConv2d: expected randomness="):
            torch.func.vmap(layer)(x)
        layer.shots = None
        exact = torch.stack([layer(each) for each in x])
        torch.testing.assert_close(torch.func.vmap(layer)(x), exact)
        moved = torch.func.vmap(layer, in_dims=2, out_dims=1)(x.movedim(0, 2))
        torch.testing.assert_close(moved, exact.movedim(0, 1))

    def test_gradients_per_sample_and_ensembles(self):
        layers, x = [small(shots=None) for _ in range(3)], images()
        parameters, buffers = torch.func.stack_module_state(layers)
        base = copy.deepcopy(layers[0])

        def output(parameters, buffers, x):
            return functional_call(base, (parameters, buffers), (x,))

        together = torch.func.vmap(output, (0, 0, None))(parameters, buffers, x)
        torch.testing.assert_close(together, torch.stack([layer(x) for layer in layers]))

        def loss(parameters, x):
            return functional_call(base, parameters, (x[None],)).pow(2).sum()

        own = {name: value.detach() for name, value in base.named_parameters()}
        found = torch.func.vmap(torch.func.grad(loss), (None, 0))(own, x)
        alone = torch.func.grad(loss)(own, x[1])
        torch.testing.assert_close(found["weight"][1], alone["weight"])


class TestTypes:
    def test_half_precision_that_overflows(self):
        """Outputs are infinite, as those of a plain layer, and not NaN."""
        layer = small(shots=None, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.fill_(1e4)
        assert layer.half()(images().half()).isposinf().any()

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
    def test_autocast_and_half(self, dtype):
        layer, x = small(shots=5), images()
        with torch.autocast("cpu", dtype=dtype):
            output = layer(x)
        output.sum().backward()
        assert (output.dtype, layer.weight.grad.dtype) == (dtype, torch.float32)
        assert layer.to(dtype)(x.to(dtype)).dtype == dtype

    def test_memory_format_is_kept(self):
        x = images().to(memory_format=torch.channels_last)
        layer = small(shots=5).to(memory_format=torch.channels_last)
        assert layer(x).stride() == functional.conv2d(x, layer.weight).stride()


def _pruned(layer):
    prune.l1_unstructured(layer, "weight", 0.5)
    prune.ln_structured(layer, "weight", 0.4, n=2, dim=0)
    return layer


class TestConverted:
    @pytest.mark.parametrize(
        "change",
        [
            _pruned,
            nn.utils.weight_norm,
            nn.utils.spectral_norm,
            parametrizations.weight_norm,
            parametrizations.spectral_norm,
            parametrizations.orthogonal,
        ],
        ids=["pruned", "hook weight", "hook spectral", "weight", "spectral", "orthogonal"],
    )
    def test_weights_that_are_computed(self, change):
        model, x = nn.Sequential(change(nn.Conv2d(2, 3, 3)), nn.ReLU()).eval(), images()
        measured = convert(model, shots=None)
        torch.testing.assert_close(measured(x), model(x))
        assert measured.state_dict().keys() == model.state_dict().keys()
        again = convert(measured, shots=3)
        again(x).sum().backward()
        assert all(p.grad is not None for p in again.parameters())
        assert all(p.grad is None for p in model.parameters())
        assert isinstance(again[0], StochasticConv2d)
        again[0].shots = None
        torch.testing.assert_close(again(x), model(x))

    def test_a_parametrisation_can_be_removed(self):
        layer = nn.Conv2d(2, 3, 3)
        parametrizations.spectral_norm(layer)
        measured = convert(nn.Sequential(layer), shots=3)
        parametrize.remove_parametrizations(measured[0], "weight")
        assert type(measured[0]) is StochasticConv2d
        file = io.BytesIO()
        torch.save(measured, file)
        file.seek(0)
        assert torch.load(file, weights_only=False)[0].shots == 3

    def test_quantised_and_scripted_layers_are_refused(self):
        plain = nn.Conv2d(2, 3, 3)
        for other in (torch.ao.nn.quantized.Conv2d(3, 3, 3), torch.jit.script(nn.Conv2d(3, 3, 3))):
            with pytest.raises(TypeError, match=r"model: expected plain Conv2d layers, .* at '1'"):
                convert(nn.Sequential(plain, other))

    def test_a_model_that_cannot_be_copied(self):
        model = nn.Sequential(nn.Conv2d(2, 3, 3))
        model.generator = (each for each in ())
        with pytest.raises(TypeError, match="model: expected a model that can be copied, got"):
            convert(model)

    def test_options_of_a_deep_copy_are_its_own(self):
        layer = small(shots=5, method=qconv.Collapse(shared=True))
        copied = copy.deepcopy(layer)
        copied.shots = 9
        assert (layer.shots, copied.shots, copied.method) == (5, 9, layer.method)
        copied(images())
        assert (layer.executions, copied.executions) == (0, 27)
