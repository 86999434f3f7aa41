"use strict";
// The kernel: by name, typed into a grid of 3 x 3 or 5 x 5 fields, or changed with buttons.

const Editor = (() => {
  const at = (id) => document.getElementById(id);
  let kernel = [], entry = 0, changed = () => {};

  /** Create the input fields. */
  function makeGrid() {
    const side = Maths.side(kernel);
    at("grid").replaceChildren();
    at("grid").className = `grid grid-${side}`;
    at("grid").setAttribute("aria-label", `Kernel, ${side} by ${side}: type any numbers`);
    kernel.forEach((_, j) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "number", step: "any", autocomplete: "off" });
      input.setAttribute("aria-label", `row ${Math.floor(j / side)}, column ${j % side}`);
      input.addEventListener("focus", () => choose(j));
      input.addEventListener("input", () => enter(j, input.value === "" ? NaN : Number(input.value)));
      input.addEventListener("change", showGrid);
      at("grid").append(input);
    });
    entry = Maths.centre(kernel);
    document.querySelector(`[name=side][value="${side}"]`).checked = true;
  }

  /** Select the entry that the buttons below the grid change. */
  function choose(j) {
    entry = j;
    [...at("grid").children].forEach((input, i) => input.classList.toggle("chosen", i === j));
  }

  /** Colour a field by the sign of its entry. */
  function colour(j) {
    at("grid").children[j].classList.toggle("positive", kernel[j] > 0);
    at("grid").children[j].classList.toggle("negative", kernel[j] < 0);
  }

  /** Show the kernel in its fields; a field that is being edited stays unchanged. */
  function showGrid() {
    kernel.forEach((k, j) => {
      const input = at("grid").children[j];
      if (input !== document.activeElement || Number(input.value) !== k) {
        input.value = String(Number(k.toPrecision(kernel.length > 9 ? 2 : 4)));
      }
      colour(j);
    });
    choose(entry);
  }

  /** Show another kernel; `name` is null for one that was typed or drawn. */
  function show(values, name) {
    const resized = values.length !== kernel.length;
    kernel = values.slice();
    if (resized) makeGrid();
    at("kernel-name").value = name || "drawn";
    at("kernel-error").textContent = "";
    showGrid();
  }

  /** Use a kernel that was typed or drawn, unless something is wrong with it. */
  function use(values) {
    const problem = Address.problem(values);
    at("kernel-error").textContent = problem;
    if (problem) return false;
    kernel = values;
    at("kernel-name").value = "drawn";
    changed(null, kernel.slice());
    return true;
  }

  /** Change one entry of the kernel, by typing or with a button. */
  function enter(j, value) {
    if (use(Object.assign(kernel.slice(), { [j]: value }))) colour(j);
  }

  /** Apply a button below the grid to the selected entry. */
  function nudge(how) {
    const k = kernel[entry];
    enter(entry, { minus: k - 1, plus: k + 1, sign: -k, zero: 0 }[how]);
    showGrid();
  }

  /** Surround the kernel with zeros, or keep its middle, to reach a number of rows and columns. */
  function resize(side) {
    const from = Maths.side(kernel), shift = (from - side) / 2;
    const inside = (i) => i + shift >= 0 && i + shift < from;
    const values = Array.from({ length: side * side }, (_, j) => {
      const row = Math.floor(j / side), column = j % side;
      return inside(row) && inside(column) ? kernel[(row + shift) * from + column + shift] : 0;
    });
    if (use(values)) makeGrid();
    else document.querySelector(`[name=side][value="${from}"]`).checked = true;
    showGrid();
  }

  /** Set what receives a new kernel, as a name and values. */
  function connect(receiver) {
    changed = receiver;
    for (const { name } of Kernels) at("kernel-name").add(new Option(name));
    const drawn = new Option("typed or drawn", "drawn");
    drawn.disabled = true;
    at("kernel-name").add(drawn);
    at("kernel-name").addEventListener("change", ({ target }) => {
      const named = Kernels.find(({ name }) => name === target.value);
      show(named.kernel, named.name);
      changed(named.name, named.kernel.slice());
    });
    const each = (selector, action) => document.querySelectorAll(selector).forEach(action);
    each("[data-nudge]", (button) => button.addEventListener("click", () => nudge(button.dataset.nudge)));
    each("[name=side]", (input) => input.addEventListener("change", () => resize(Number(input.value))));
  }

  return { connect, show };
})();
