"""What the interactive page shares: links, Python programs, and the circuits of any kernel."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

import qconv
from tests.browser.test_explore_maths import chi_square
from tests.browser.test_explore_page import wait_for
from tests.cli.test_explore import exporter

#: Everything that the page shows, as text: pictures pixel by pixel, numbers, fields and drawings.
SHOWN = """
() => {
  const shown = (id) => document.getElementById(id).toDataURL();
  const every = (selector) => [...document.querySelectorAll(selector)];
  const visible = (selector) => every(selector).filter((e) => e.getClientRects().length);
  const {picture, kernel, name, mode, baseline, seed} = Explore.state;
  const collapse = ["measured", "exact", "difference"];
  const pictures = mode === "collapse" ? collapse : ["cloud", "heat", "cloud-difference"];
  const drawn = [".numbers", "#plot", "#zoom", ".facts", ".where", "#distance-plot", "#state"];
  return JSON.stringify([
    pictures.map(shown), Array.from(picture.data),
    kernel, name, mode, baseline, seed, Explore.address(),
    every("input, select").map((e) => [e.id, e.value, e.checked, e.disabled]),
    drawn.map((selector) => visible(selector).map((e) => e.outerHTML)),
  ]);
}"""


def idle(page):
    page.evaluate("Collapse.idle()")


def press(page, selector, key="Enter"):
    """Operate a control by keyboard alone."""
    page.focus(selector)
    page.keyboard.press(key)
    idle(page)


def collapse_by_keyboard(page):
    """Change every control of the mode Collapse."""
    press(page, "[name=photo][value=camera]", "ArrowRight")
    page.focus("#kernel-name")
    page.keyboard.type("sob")
    press(page, "[name=side]", "ArrowRight")
    page.focus("#grid input:nth-child(3)")
    page.keyboard.type("1.5")
    press(page, "[data-nudge=sign]")
    press(page, "#baseline", "Space")
    page.focus("#seed")
    page.keyboard.press("Control+A")
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    press(page, "#reset")
    for shots in ("10", "1", "1", "1000"):
        press(page, f"[data-shots='{shots}']")
    press(page, "#measured", "Shift+ArrowLeft")
    press(page, "#measured")
    press(page, "#drop")
    press(page, "[data-shots='10']")
    press(page, "#measured", "ArrowUp")


def diffusion_by_keyboard(page):
    """Change every control of the mode Diffusion."""
    press(page, "[name=photo][value=camera]", "ArrowLeft")
    press(page, "[name=mode]", "ArrowRight")
    press(page, "[data-use=magnitudes]")
    press(page, "[data-nudge=plus]")
    press(page, "#restart")
    press(page, "[data-particles='1000000']")
    for _ in range(3):
        press(page, "#step")


def link_of(page):
    """Press *Copy link* by keyboard; return the part of the link after the page's own address."""
    press(page, "#copy-link")
    page.wait_for_selector("#shared:not([hidden])")
    text = page.input_value("#shared-text")
    press(page, "#shared-close")
    return text[text.index("#") :]


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1400, "light")])
@pytest.mark.parametrize("use", [collapse_by_keyboard, diffusion_by_keyboard])
def test_a_link_shows_the_same_elsewhere(use, width, scheme, opened):
    page = opened(width=width, color_scheme=scheme, reduced_motion="reduce")
    use(page)
    link, shown = link_of(page), page.evaluate(SHOWN)
    other = opened(width=width, link=link, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("document.activeElement.blur()")
    assert other.evaluate(SHOWN) == shown
    for part in ("kernel", "photo", "seed"):
        assert f"{part}=" in link
    # The address is updated automatically, and a changed address changes the page.
    wait_for(other, f"location.hash === {json.dumps(link)}")
    other.evaluate("location.hash = '#kernel=box&photo=coins&shots=10&seed=3'")
    wait_for(other, "Explore.state.name === 'box'")
    idle(other)
    assert other.inner_text("#shots") == "10"


def test_an_address_with_errors_says_so(opened):
    page = opened(
        link="#kernel=1,2;3,4&photo=mine&seed=-1&shots=1,@2&steps=x&colour=red&particles=10"
    )
    said = page.inner_text("#status")
    for part in ("kernel", "photo", "seed", "shots", "steps", "colour"):
        assert part in said
    assert "particles" not in said
    assert page.input_value("#kernel-name") == "edge"


@pytest.mark.parametrize(("width", "press"), [(1280, "a.skip"), (400, ".jump a")])
def test_a_link_within_the_page_changes_nothing(width, press, opened):
    page = opened(width=width, link="#kernel=box&photo=coins&seed=5&shots=1,10")
    wait_for(page, "location.hash === Explore.address()")
    link, shown = page.evaluate("location.hash"), page.evaluate(SHOWN)
    page.focus(press)
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    assert page.evaluate("location.hash") == link
    page.evaluate("document.activeElement.blur()")
    assert page.evaluate(SHOWN) == shown


@pytest.mark.parametrize("entry", ["0", "-0", "5e-324", "1e-110", "NaN", "1e7", "<b>"])
def test_a_kernel_that_cannot_be_shown_is_not_taken(entry, opened):
    page = opened(link=f"#kernel={entry},0,0;0,0,0;0,0,0&seed=1")
    assert "kernel" in page.inner_text("#status")
    assert page.input_value("#kernel-name") == "edge"


def test_many_shots_in_a_link_leave_the_page_responsive(opened):
    """Different numbers are added in turn; none is repeated, although a timer fires meanwhile."""
    page, number = opened(), 20_000
    added = """async (link) => {
      location.hash = link;
      await new Promise((resume) => setTimeout(resume, 300));
      const added = Collapse.events().length;
      location.hash = "#kernel=edge&seed=1&shots=3";
      return added;
    }"""
    shots = ",".join(["1", "2"] * (number // 2))
    assert page.evaluate(added, f"#kernel=box&seed=1&shots={shots}") < number
    wait_for(page, "Explore.state.name === 'edge'")
    idle(page)
    assert page.inner_text("#shots") == "3"


def test_a_link_is_followed_although_the_address_is_written_meanwhile(opened):
    page = opened(link="#kernel=box&photo=coins&seed=5&shots=1")
    page.evaluate("""() => {
      const before = location.hash;
      location.hash = "#kernel=edge&photo=coins&seed=1&shots=3";
      history.replaceState(null, "", before);
    }""")
    wait_for(page, "Explore.state.name === 'edge'")
    idle(page)
    assert page.inner_text("#shots") == "3"


def test_other_particles_drop_the_steps_of_a_link(opened):
    page = opened()
    steps = page.evaluate("""async () => {
      location.hash = "#kernel=box&seed=1&mode=diffusion&particles=1000000&steps=300";
      while (Diffusion.state().number !== 1_000_000) {
        await new Promise((resume) => setTimeout(resume, 10));
      }
      document.querySelector("[data-particles='10']").click();
      await new Promise((resume) => setTimeout(resume, 600));
      return Diffusion.state().steps;
    }""")
    assert steps == 0


def test_start_again_draws_other_shots(opened):
    page = opened(seed=5)
    before = page.evaluate("Array.from(Collapse.verdict().estimate).join()")
    page.click("#reset")
    page.click("[data-shots='1']")
    idle(page)
    assert page.input_value("#seed") == "6"
    assert page.evaluate("Array.from(Collapse.verdict().estimate).join()") != before


def program(page):
    """Copy the Python program and run it; return what it defines."""
    page.click("#copy-python")
    page.wait_for_selector("#shared:not([hidden])")
    defined = {}
    exec(page.input_value("#shared-text"), defined)
    return defined


@pytest.mark.parametrize(
    "link",
    [
        "#kernel=edge&photo=camera&seed=7&shots=1000",
        "#kernel=0.5,-1,2;0,3,-4;1,1,0.125&photo=coins&baseline=off&seed=8&shots=1000",
        "#kernel=gaussian-5&photo=astronaut&seed=9&shots=1000",
    ],
)
def test_the_copied_program_computes_the_same(link, opened, capsys):
    page = opened(link=link)
    found = program(page)
    given = page.evaluate("""(() => {
      const {propagator, exact, picture, deviation} = Collapse.setting();
      const [first, second, third] = [exact, picture.data, deviation].map((x) => Array.from(x));
      return {...propagator, exact: first, data: second, deviation: third};
    })()""")
    given = {name: np.array(values) for name, values in given.items()}
    assert (found["image"].ravel() == given["data"]).all()
    p, w = found["propagator"].probabilities.ravel(), found["propagator"].weights.ravel()
    np.testing.assert_allclose(p, given["p"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(w, given["w"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        found["exact"].ravel(), given["exact"], atol=1e-12 * 255 * np.abs(w).max()
    )
    stderr = given["deviation"] / np.sqrt(found["shots"])
    np.testing.assert_allclose(found["result"].stderr.ravel(), stderr, rtol=1e-12)
    state = (
        Statevector(found["circuit"])
        .probabilities()
        .reshape([2**q.size for q in found["circuit"].qregs])
    )
    side = len(found["kernel"])
    np.testing.assert_allclose(state[:side, :side].ravel(), given["p"], rtol=0, atol=1e-12)
    assert found["counts"].sum() == 1000
    chi_square(found["counts"], given["p"])
    assert "RMSE" in capsys.readouterr().out.upper()


def test_the_copied_program_of_particles_computes_the_same(opened, capsys):
    link = "#kernel=gaussian&photo=coins&seed=7&mode=diffusion&particles=1000000&steps=2"
    page = opened(link=link)
    found = program(page)
    exact = np.array(page.evaluate("Array.from(Diffusion.state().exact)"))
    np.testing.assert_allclose(found["exact"].ravel(), exact, rtol=1e-12)
    chi_square(found["counts"], exact / exact.sum())
    counts = page.evaluate("""(() => {
      const {particles, picture} = Diffusion.state(), counts = Array(picture.data.length).fill(0);
      for (const pixel of particles.pixel) counts[pixel]++;
      return counts;
    })()""")
    chi_square(counts, exact / exact.sum())
    assert "RMSE" in capsys.readouterr().out


def test_the_copied_program_holds_a_picture_of_ones_own(opened, tmp_path):
    from PIL import Image

    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    page = opened()
    page.set_input_files("#file", tmp_path / "mine.png")
    page.wait_for_selector(".photos .own")
    idle(page)
    np.testing.assert_array_equal(program(page)["image"], pixels)
    assert "photo=" not in link_of(page)


def drawn_kernels(number, side, rng):
    """Return random kernels of any sign, typed numbers, and kernels with holes."""
    kernels = rng.normal(size=(number, side, side))
    kernels[1::4] = rng.integers(-9, 10, kernels[1::4].shape)
    kernels[2::4] *= rng.random(kernels[2::4].shape) < 0.7
    return kernels


def same_circuits(page, kernels):
    """Compare the page's circuits with the library's; return the longest time, in seconds.

    If a circuit takes more than a second, the shortest of three times is returned, because other
    processes share the cores.
    """
    script = """
    (all) => all.map((kernel) => {
      const propagator = Maths.propagator(kernel);
      let took = Infinity;
      for (let i = 0; i < 3 && took > 1000; i++) {
        const start = performance.now();
        Circuit.show(kernel, propagator, false);
        took = Math.min(took, performance.now() - start);
      }
      return [Preparation.gates(propagator.p), took];
    })"""
    found = page.evaluate(script, [kernel.ravel().tolist() for kernel in kernels])
    for kernel, (gates, _) in zip(kernels, found, strict=True):
        amplitudes = np.sqrt(np.abs(kernel) / np.abs(kernel).sum())
        wanted = qconv.encode_amplitudes(amplitudes)
        circuit = QuantumCircuit(wanted.num_qubits)
        for name, qubits, *angle in gates:
            getattr(circuit, name)(*angle, *qubits)
        two = [sum(len(gate.qubits) == 2 for gate in one.data) for one in (circuit, wanted)]
        assert two[0] == two[1]
        overlap = np.vdot(Statevector(circuit).data, Statevector(wanted).data)
        assert abs(abs(overlap) - 1) < 1e-12
    return max(took for _, took in found) / 1000


def test_circuits_of_named_kernels_have_the_librarys_gates(opened):
    kernels = []
    for _, call, options in exporter().KERNELS:
        kernels.append(qconv.named_kernel(call, **options))
        if np.count_nonzero(kernels[-1]) > 1:  # the kernel that remains with a baseline
            kernels.append(kernels[-1].copy())
            kernels[-1][tuple(np.array(kernels[-1].shape) // 2)] = 0
    assert same_circuits(opened(), kernels) <= 1


@pytest.mark.parametrize(("number", "side"), [(20, 3), (5, 5)])
def test_circuits_of_drawn_kernels_have_the_librarys_gates(number, side, opened):
    kernels = drawn_kernels(number, side, np.random.default_rng(11))
    seconds = same_circuits(opened(), kernels)
    print(f"{number} kernels of {side} x {side}: at most {seconds:.2f} s each")
    assert seconds <= 1
