"""`qconv.torch`: a replacement for ``torch.nn.Conv2d``; measured outputs, exact gradients.

False-alarm rates are those of `tests.chance`, unless a test states its own. Skipped where PyTorch
is missing.
"""

import copy
import inspect
import io
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import qconv
from tests.layer.test_layer import configurations

torch = pytest.importorskip("torch", reason="PyTorch is an extra of its own")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from qconv.torch import StochasticConv2d, convert  # noqa: E402

pytestmark = [
    # Warnings of torch about its own copies, and about its functions that gradcheck calls.
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _seeded():
    """One thread: the tensors are small, and more threads would wait for each other."""
    torch.manual_seed(16)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small(**how):
    return StochasticConv2d(2, 3, (3, 2), **how)


class TestFunctional:
    def test_exact_over_random_configurations(self):
        """150 layers of random shape: stride, padding, dilation, groups, bias, single images."""
        for array, weight, bias, how in configurations(150, seed=2):
            tensors = [None if part is None else torch.from_numpy(part) for part in (weight, bias)]
            exact = functional.conv2d(torch.from_numpy(array), *tensors, **how).numpy()
            result = qconv.conv2d(array, weight, bias, **how, shots=None)
            assert result.image.shape == exact.shape
            scale = max(1.0, np.abs(array).max() * np.abs(weight).sum())
            assert np.abs(result.image - exact).max() <= 1e-10 * scale

    def test_complex_numbers(self):
        """Complex kernels are not conjugated."""
        for array, weight, bias, how in configurations(30, seed=3):
            given = [array * (1 + 2j), weight * (0.5 - 1j), None if bias is None else bias * 1j]
            tensors = [None if part is None else torch.from_numpy(part) for part in given]
            exact = functional.conv2d(*tensors, **how).numpy()
            result = qconv.conv2d(*given, **how, shots=None)
            scale = max(1.0, np.abs(given[0]).max() * np.abs(given[1]).sum())
            assert np.abs(result.image - exact).max() <= 1e-10 * scale

    def test_one_axis(self):
        for array, weight, bias, how in configurations(60, seed=3):
            line, kernel = array[..., 0], weight[..., 0]
            flat = {
                name: value[0] if isinstance(value, list) else value for name, value in how.items()
            }
            tensors = [None if part is None else torch.from_numpy(part) for part in (kernel, bias)]
            exact = functional.conv1d(torch.from_numpy(line), *tensors, **flat).numpy()
            found = qconv.conv1d(line, kernel, bias, **flat, shots=None).image
            np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10 * (1 + np.abs(exact).max()))

    @pytest.mark.parametrize(
        "change",
        [
            {"input": (4, 9, 8)},
            {"input": (0, 4, 9, 8)},
            {"input": (4, 9)},
            {"input": (1, 1, 4, 9, 8)},
            {"input": (2, 3, 9, 8)},
            {"input": (2, 0, 9, 8)},
            {"weight": (6, 4, 3, 3)},
            {"weight": (5, 2, 3, 3)},
            {"weight": (6, 2, 3)},
            {"weight": (6, 2, 10, 3)},
            {"bias": (5,)},
            {"bias": (6, 1)},
            {"stride": 0},
            {"stride": (1, 2, 3)},
            {"stride": (3,)},
            {"padding": -1},
            {"padding": (1,)},
            {"padding": (1, 2, 3)},
            {"padding": "reflect"},
            {"padding": "same"},
            {"padding": "same", "stride": 2},
            {"padding": "valid", "stride": 2},
            {"dilation": 0},
            {"dilation": 5},
            {"dilation": (1, 4)},
            {"groups": 0},
            {"groups": 3},
            {"groups": 1},
        ],
        ids=str,
    )
    def test_takes_and_refuses_what_torch_does(self, change):
        shapes = {"input": (2, 4, 9, 8), "weight": (6, 2, 3, 3), "bias": (6,)}
        how = {"groups": 2}
        arrays = {}
        for name, value in shapes.items():
            arrays[name] = np.random.default_rng(1).normal(size=change.get(name, value))
        how |= {name: value for name, value in change.items() if name not in shapes}
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        try:
            exact = functional.conv2d(**tensors, **how).numpy()
        except (RuntimeError, ValueError, TypeError):
            with pytest.raises((ValueError, TypeError)):
                qconv.conv2d(**arrays, **how, shots=None)
        else:
            found = qconv.conv2d(**arrays, **how, shots=None).image
            np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10)


class TestDropIn:
    def test_same_constructor(self):
        theirs = inspect.signature(nn.Conv2d).parameters
        ours = inspect.signature(StochasticConv2d).parameters
        assert list(ours)[: len(theirs)] == list(theirs)
        for name, parameter in theirs.items():
            assert ours[name].default == parameter.default
        assert [p.kind for p in list(ours.values())[len(theirs) :]] == [
            inspect.Parameter.KEYWORD_ONLY
        ] * 3

    def test_same_weights_same_state(self):
        torch.manual_seed(3)
        theirs = nn.Conv2d(2, 3, 3)
        torch.manual_seed(3)
        ours = StochasticConv2d(2, 3, 3)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        assert torch.equal(ours.weight, theirs.weight)
        assert ours.load_state_dict(theirs.state_dict()).missing_keys == []
        theirs.load_state_dict(ours.state_dict())
        assert repr(ours) == "Stochastic" + repr(theirs)[:-1] + ", shots=1024)"

    @pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
    @pytest.mark.parametrize("padding", [0, (2, 1), "same", "valid"], ids=str)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_exact_as_theirs(self, mode, padding, dtype):
        how = {"padding": padding, "padding_mode": mode, "groups": 2, "dtype": dtype}
        theirs = nn.Conv2d(2, 4, (3, 2), **how)
        ours = StochasticConv2d(2, 4, (3, 2), **how, shots=None)
        ours.load_state_dict(theirs.state_dict())
        for shape in ((5, 2, 6, 7), (2, 6, 7)):
            x = torch.rand(shape, dtype=dtype)
            assert ours(x).dtype == dtype
            torch.testing.assert_close(ours(x), theirs(x))

    def test_what_torch_refuses(self):
        with pytest.raises(RuntimeError):
            small()(torch.rand(1, 3, 6, 6))
        with pytest.raises(ValueError, match="groups"):
            StochasticConv2d(2, 3, 3, groups=2)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"shots": 0}, ValueError),
            ({"shots": 1.5}, TypeError),
            ({"method": 1}, TypeError),
            ({"method": qconv.Fourier()}, TypeError),
            ({"backend": "aer"}, TypeError),
        ],
        ids=str,
    )
    def test_options_are_checked_at_once(self, change, error):
        with pytest.raises(error, match=next(iter(change))):
            small(**change)
        if "shots" in change:
            layer = small()
            with pytest.raises(error, match="shots"):
                layer.shots = change["shots"]
            assert layer.shots == 1024

    def test_not_a_number(self):
        with pytest.raises(ValueError, match="input: expected finite numbers"):
            small()(torch.full((1, 2, 5, 5), math.nan))

    def test_memory_formats(self):
        x = torch.rand(2, 2, 6, 7)
        layer = small(shots=None)
        torch.testing.assert_close(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))

    def test_an_empty_batch(self):
        assert small(shots=5)(torch.rand(0, 2, 6, 6)).shape == (0, 3, 4, 5)

    def test_changed_in_place(self):
        model = nn.Sequential(small(shots=3), nn.ReLU(inplace=True))
        x = torch.rand(1, 2, 5, 5, requires_grad=True)
        model(x).sum().backward()
        assert x.grad is not None

    def test_refused_where_it_would_be_wrong(self):
        with pytest.raises(TypeError, match=r"expected real numbers, got torch\.complex64"):
            small(dtype=torch.complex64)(torch.ones(1, 2, 5, 5, dtype=torch.complex64))
        with pytest.raises(TypeError, match=r"StochasticConv2d: expected .* got torch\.jit"):
            torch.jit.script(nn.Sequential(small()))

    def test_copies_and_pickles(self):
        layer = small(shots=7, method=qconv.Collapse(baseline=True), padding=1)
        x = torch.rand(2, 2, 5, 5)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        copies = [
            copy.deepcopy(layer),
            pickle.loads(pickle.dumps(layer)),
            torch.load(file, weights_only=False),
        ]
        outputs = []
        for model in (layer, *copies):
            torch.manual_seed(1)
            outputs.append(model(x))
        assert all(torch.equal(outputs[0], output) for output in outputs[1:])
        copies[0].shots = 8
        assert layer.shots == 7

    def test_a_copy_with_a_backend(self):
        layer = copy.deepcopy(small(shots=3, backend=AerSimulator()))
        assert layer(torch.rand(1, 2, 4, 4)).shape == (1, 3, 2, 3)


class TestRandomness:
    def test_governed_by_torch(self):
        layer, x = small(shots=5), torch.rand(2, 2, 6, 6)
        torch.manual_seed(1)
        first, second = layer(x), layer(x)
        torch.manual_seed(1)
        assert torch.equal(layer(x), first)
        assert torch.equal(layer(x), second)
        assert not torch.equal(first, second)

    def test_exact_draws_nothing(self):
        layer, x = small(shots=None), torch.rand(2, 2, 6, 6)
        before = torch.get_rng_state()
        layer(x)
        assert torch.equal(before, torch.get_rng_state())

    def test_shots_may_change(self):
        layer, x = small(shots=5), torch.rand(2, 2, 6, 6)
        rough = layer(x)
        layer.shots = None
        exact = layer(x)
        layer.shots = 100_000
        fine = layer(x)
        assert (fine - exact).abs().max() < 0.1 * (rough - exact).abs().max()
        assert layer.executions == 100_000 * exact.numel()


class TestVariance:
    def test_as_predicted(self):
        """The mean square of 50,000 z-scores has a standard deviation below 0.01."""
        layer, x = small(shots=20, dtype=torch.float64), torch.rand(400, 2, 8, 8).double()
        with torch.no_grad():
            expected = functional.conv2d(x, layer.weight, layer.bias)
            z = (layer(x) - expected) / (layer.one_shot_variance(x) / 20).sqrt()
        assert z.numel() >= 50_000
        assert float((z**2).mean()) == pytest.approx(1, abs=0.06)
        assert layer.added_variance == pytest.approx(
            float(layer.one_shot_variance(x).mean()) / 20, rel=1e-9
        )

    @pytest.mark.parametrize("mode", ["zeros", "circular"])
    def test_by_definition(self, mode):
        how = {"padding": 1, "padding_mode": mode, "dtype": torch.float64, "shots": None}
        layer = small(**how, method=qconv.Collapse())
        x = torch.rand(3, 2, 5, 5).double()
        plain = nn.Conv2d(2, 3, (3, 2), padding=1, padding_mode=mode, bias=False).double()
        with torch.no_grad():
            plain.weight.copy_(layer.weight)
            mean = plain(x)
            plain.weight.copy_(layer.weight.abs())
            size = layer.weight.abs().sum(dim=(1, 2, 3)).reshape(-1, 1, 1)
            torch.testing.assert_close(layer.one_shot_variance(x), size * plain(x**2) - mean**2)

    def test_shots_for_an_error(self):
        layer, x = small(), torch.rand(20, 2, 8, 8)
        layer.shots = layer.shots_for(x, 0.02)
        layer(x)
        assert 0.0195**2 < layer.added_variance <= 0.02**2 * (1 + 1e-9)
        assert layer.shots_for(x, 1e9) == 1
        with pytest.raises(ValueError, match="stderr: expected a number > 0"):
            layer.shots_for(x, 0)
        with pytest.raises(ValueError, match="stderr: expected an error that"):
            layer.shots_for(x, 1e-200)
        with pytest.raises(ValueError, match="input: expected at least one image"):
            layer.shots_for(x[:0], 0.1)
        with pytest.raises(TypeError, match="stderr"):
            layer.shots_for(x, "small")

    def test_exact_adds_none(self):
        layer = small(shots=None)
        assert layer.added_variance is None
        layer(torch.rand(1, 2, 5, 5))
        assert layer.added_variance == 0
        assert layer.executions == 0


class TestGradients:
    @pytest.mark.parametrize(
        "how",
        [
            {},
            {"stride": 2, "padding": 1},
            {"padding": "same", "dilation": 2},
            {"padding": 1, "padding_mode": "reflect", "method": qconv.Collapse(baseline=True)},
        ],
        ids=str,
    )
    def test_gradcheck_of_the_exact_layer(self, how):
        layer = StochasticConv2d(2, 2, (3, 2), dtype=torch.float64, shots=None, **how)
        x = torch.rand(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
        parameters = dict(layer.named_parameters())

        def output(x, weight, bias):
            return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

        inputs = (x, parameters["weight"], parameters["bias"])
        assert torch.autograd.gradcheck(output, inputs, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(output, inputs, fast_mode=True)  # random directions

    def test_equal_to_those_of_a_plain_layer(self):
        """For a given gradient of the output, gradients do not depend on the measured values."""
        layer, x = small(shots=1, padding=1), torch.rand(2, 2, 5, 5, requires_grad=True)
        other = torch.rand_like(x).copy_(x).detach().requires_grad_()
        plain = nn.Conv2d(2, 3, (3, 2), padding=1)
        plain.load_state_dict(layer.state_dict())
        out = layer(x)
        upstream = torch.rand_like(out)
        out.backward(upstream)
        plain(other).backward(upstream)
        torch.testing.assert_close(x.grad, other.grad)
        torch.testing.assert_close(layer.weight.grad, plain.weight.grad)
        torch.testing.assert_close(layer.bias.grad, plain.bias.grad)

    def test_stochastic_gradients_are_unbiased(self):
        """Two layers and a quadratic loss of their output: the mean of 400 gradients.

        The noise of the first layer affects the gradients of the second layer through its input.
        The noise of both layers affects all gradients through the loss. Each of the 61 components
        is a mean of 400 independent gradients, compared in units of its standard error: |t| < 7 for
        all, false alarm below 1e-9 (Student's distribution with 399 degrees of freedom, 61
        components).
        """
        model = nn.Sequential(
            StochasticConv2d(1, 2, 2, dtype=torch.float64, shots=5),
            StochasticConv2d(2, 1, 2, dtype=torch.float64, shots=5),
        )
        x = torch.rand(1, 1, 6, 6, dtype=torch.float64)
        target = torch.rand(1, 1, 4, 4, dtype=torch.float64)
        weights = [*model.parameters()]

        def gradient():
            loss = (model(x) * target).sum() + 0.5 * model[1].bias.pow(2).sum()
            return torch.cat([g.ravel() for g in torch.autograd.grad(loss, weights)])

        measured = torch.stack([gradient() for _ in range(400)])
        for layer in model:
            layer.shots = None
        exact = gradient()
        error = measured.std(dim=0) / 20
        noisy = error > 1e-12
        assert int(noisy.sum()) > 5
        assert float(((measured.mean(dim=0) - exact)[noisy] / error[noisy]).abs().max()) < 7
        torch.testing.assert_close(measured.mean(dim=0)[~noisy], exact[~noisy])

    def test_learns(self):
        """A layer with 20 shots learns the kernel that produced its targets."""
        truth = nn.Conv2d(1, 1, 3, padding=1)
        layer = StochasticConv2d(1, 1, 3, padding=1, shots=20)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        x = torch.rand(16, 1, 12, 12)
        with torch.no_grad():
            target = truth(x)
        for _ in range(150):
            optimizer.zero_grad()
            functional.mse_loss(layer(x), target).backward()
            optimizer.step()
        layer.shots = None
        with torch.no_grad():
            assert float(functional.mse_loss(layer(x), target)) < 0.02 * float(target.var())

    def test_no_graph_without_need(self):
        with torch.no_grad():
            assert small(shots=2)(torch.rand(1, 2, 4, 4)).grad_fn is None


class Twice(nn.Module):
    """A module that uses one convolution twice, and another in a list."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.again = self.first
        self.rest = nn.ModuleList([nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))])

    def forward(self, x):
        return self.rest[0](self.again(self.first(x)))


class Own(nn.Conv2d):
    """A convolution with an additional property, which a stochastic layer would lose."""


class TestConvert:
    def test_every_convolution(self):
        model = Twice().eval()
        model.first.weight.requires_grad_(False)
        calls = []
        model.rest[0][0].register_forward_hook(lambda *_: calls.append(1))
        exact = convert(model, shots=None)
        x = torch.rand(3, 1, 7, 7)
        torch.testing.assert_close(exact(x), model(x))
        assert len(calls) == 2
        assert exact.first is exact.again
        assert not exact.first.weight.requires_grad
        assert not exact.training
        assert exact.first.weight is not model.first.weight
        assert type(model.first) is nn.Conv2d
        assert sum(isinstance(m, StochasticConv2d) for m in exact.modules()) == 2
        assert exact.state_dict().keys() == model.state_dict().keys()

    def test_measured_with_options(self):
        method = qconv.Collapse(baseline=True, shared=True)
        measured = convert(Twice(), 50, method=method, backend=AerSimulator())
        layer = measured.first
        assert (layer.shots, layer.method) == (50, method)
        measured(torch.rand(1, 1, 7, 7))
        assert layer.executions == 50

    def test_kept_elsewhere_too(self):
        """In a list that torch does not track, and as a bound method."""
        model = Twice()
        model.hidden = [model.first]
        model.call = model.first.forward
        measured = convert(model, 1)
        x = torch.rand(1, 1, 7, 7)
        assert measured.hidden[0] is measured.first
        assert not torch.equal(measured.hidden[0](x), measured.hidden[0](x))
        assert not torch.equal(measured.call(x), measured.call(x))

    def test_converted_again(self):
        again = convert(convert(Twice(), 50), 60)
        assert {m.shots for m in again.modules() if isinstance(m, StochasticConv2d)} == {60}

    def test_a_layer_alone(self):
        layer = convert(nn.Conv2d(1, 1, 3), shots=9)
        assert isinstance(layer, StochasticConv2d)
        assert layer.shots == 9

    def test_trains_and_loads(self):
        model = convert(Twice(), 3)
        model(torch.rand(2, 1, 7, 7)).sum().backward()
        assert model.first.weight.grad is not None
        Twice().load_state_dict(model.state_dict())

    @pytest.mark.parametrize(
        ("model", "error", "message"),
        [
            (nn.Linear(2, 2), ValueError, "at least one Conv2d, got none in Linear"),
            (nn.Sequential(nn.LazyConv2d(2, 3)), TypeError, r"got .*\.LazyConv2d at '0'"),
            (nn.Sequential(nn.Conv2d(1, 1, 3), Own(1, 1, 3)), TypeError, r"got .*\.Own at '1'"),
            ("a model", TypeError, "model: expected a torch.nn.Module"),
        ],
        ids=["none", "lazy", "subclass", "text"],
    )
    def test_refused(self, model, error, message):
        with pytest.raises(error, match=message):
            convert(model)

    def test_noise_moves_the_output(self):
        noise = NoiseModel()
        noise.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx", "cz"])
        model = nn.Sequential(nn.Conv2d(1, 2, 3))
        x = torch.rand(2, 1, 8, 8)
        noisy = convert(model, 2000, backend=AerSimulator(noise_model=noise))
        clean = convert(model, 2000)
        assert (noisy(x) - model(x)).abs().mean() > 2 * (clean(x) - model(x)).abs().mean()


def test_missing_torch_is_said_clearly():
    code = "import sys; sys.modules['torch'] = None; import qconv.torch"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'qconv[torch]'" in found.stderr.splitlines()[-1]
