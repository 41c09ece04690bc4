// The controls of a wall, and how a wall comes to life.

let walls = 0;

/** Build the controls into a wall's root; return them by name. @param {Live} live @returns {Record<string, any>} */
function controls(live) {
  const id = `pruninglab-live-${++walls}`;
  const { noun, sent, cut } = live;
  /** @type {Record<string, any>} */
  const at = {};
  /** @param {string} name @param {string} kind @param {Record<string, any>} [properties] @param {(Node | string)[]} children */
  const named = (name, kind, properties = {}, ...children) => (at[name] = element(kind, properties, ...children));
  /** @param {string} name @param {string} words */
  const number = (name, words) => element("div", {}, named(name, "b", {}, "–"), named(`${name}Words`, "span", {}, words));
  /** @param {string} name @param {string} words */
  const bar = (name, words) => element("div", { className: `bar ${name}` }, element("span", {}, words),
    element("span", { className: "track" }, named(`${name}Bar`, "i")), named(`${name}Time`, "span", {}, "–"));
  /** @param {string} group @param {string} words @param {Record<string, string>} options @param {string} chosen @param {(value: string) => void} chose */
  const choice = (group, words, options, chosen, chose) => element("fieldset", {}, element("legend", {}, words),
    ...Object.entries(options).map(([value, text]) => element("label", {},
      element("input", { type: "radio", name: `${id}-${group}`, value, checked: value === chosen, onchange: () => chose(value) }), element("span", {}, text))));
  /** @param {string} name @param {string} words @param {number} value @param {number} low @param {number} high @param {number} step */
  const setting = (name, words, value, low, high, step) => element("label", { className: "setting" }, element("span", {}, words),
    element("input", { type: "number", value, min: low, max: high, step, onchange: (/** @type {any} */ event) => {
      if (event.target.reportValidity()) live.set({ [name]: Number(event.target.value) });
    } }));
  const ticks = () => element("div", { className: "ticks", ariaHidden: "true" },
    ...TICKS.map((density) => Object.assign(element("span", {}, `${100 * density}${density === 1 ? " %" : ""}`), { style: `left:${100 * along(density)}%` })));

  const lottery = () => element("section", { className: "lottery" }, element("div", {}, element("h3", {}, "Would the survivors have learnt alone?"),
    element("p", {}, "Train a small network on 2,000 digits, take 60 % of its weights away, put the survivors back to their first weights, and train again: five times. Rivals get other first weights, or other places."),
    element("div", { className: "buttons" },
      named("train", "button", { type: "button", onclick: () => live.train(SEEDS) }, `Train ${SEEDS * 21} networks here`),
      named("stop", "button", { type: "button", disabled: true, onclick: () => live.stop() }, "Stop"))),
    element("div", {}, named("tickets", "div", { className: "curve" }), named("progress", "p", { className: "small", role: "status" })));

  at.wall = element("canvas", { role: "img" });
  at.living = element("span");
  at.slider = element("input", { type: "range", id: `${id}-slider`, min: 0, max: STOPS.length - 1, step: 1, value: 0 });
  at.bet = element("input", { type: "range", id: `${id}-bet`, min: 0, max: STOPS.length - 1, step: 1, value: 20 });
  at.mark = element("i", { className: "half", hidden: true, title: "half is red here" });
  const guess = element("output", {}, percent(STOPS[20]));
  at.pad = element("canvas", { className: "pad", role: "application", ariaLabel: "Write a digit: mouse, finger, or the keys: space puts the pen down and lifts it, arrows move it" });
  at.sure = element("table", { className: "sure" }, element("caption", {}, "all weights · yours"),
    ...Array.from({ length: sent.classes }, (_, digit) => element("tr", {}, element("td", {}, element("i")), element("th", { scope: "row" }, String(digit)), element("td", {}, element("i")))));
  at.error = element("p", { className: "error", role: "alert", hidden: true });
  at.ribbon = element("div", { className: "ribbon", role: "img", ariaLabel: "not read yet" });

  const board = element("div", { className: "board" },
    element("div", { className: "numbers" }, number("right", `of ${thousands(sent.labels.length)} right`),
      element("div", {}, named("density", "b", {}, "–"), at.living), number("times", "as fast as all")),
    element("label", { htmlFor: at.slider.id, className: "what" }, "Weights that stay"),
    element("div", { className: "scale" }, at.slider, at.mark, ticks()),
    choice("score", "First to go", { ...SCORE_NAMES }, cut.score, (score) => live.set({ score })),
    named("sentence", "p", { className: "sentence", ariaLive: "polite" }),
    bar("all", "all weights"), bar("yours", "yours"),
    element("p", { className: "small" }, `Milliseconds for these ${thousands(sent.labels.length)} ${noun} on your device, by the same plain JavaScript. It skips zeros. Libraries that do not are faster with all weights, and zeros gain them nothing: lesson 08.`),
    element("form", { className: "bet", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); live.bet().catch((error) => live.fail(error)); } },
      element("label", { htmlFor: at.bet.id }, "Your bet: where will half of the wall be red?"),
      element("div", { className: "scale" }, at.bet), guess, element("button", { type: "submit" }, "Bet"),
      named("answer", "p", { ariaLive: "polite" })),
    element("details", { open: cut.budget !== "share" }, element("summary", {}, "More choices"),
      choice("scope", "Who competes", { neuron: "one neuron", layer: "one layer", global: "all weights" }, cut.scope, (scope) => live.set({ scope })),
      choice("budget", "How many go", { share: "a share", pq: "PQ bound", signal: "signal share" }, cut.budget, (budget) => live.set({ budget })),
      named("pqSettings", "div", { className: "settings", hidden: true }, setting("p", "p", cut.p, 0.1, 2, 0.1), setting("q", "q", cut.q, 0.2, 4, 0.1),
        setting("eta", "η", cut.eta, 0, 1, 0.05), setting("gamma", "γ", cut.gamma, 0.1, 10, 0.1)),
      named("signalSettings", "div", { className: "settings", hidden: true }, setting("alpha", "α", cut.alpha, 0, 1, 0.01)),
      element("button", { type: "button", onclick: () => live.refresh(true) }, "Again: the budget once more on the living"),
      element("p", { className: "small" }, "Nothing is trained. Quietest keeps the signals of the whole network.")));

  // The picture stays until the network has been read for the first time.
  const still = live.root.querySelector(".stage > img") ?? "";
  live.root.replaceChildren(
    element("div", { className: "first" },
      element("div", { className: "stage" }, still, at.wall, element("p", { className: "small" }, element("b", { className: "legend" }), " misread. Touch one to see how it is read.")), board),
    element("div", { className: "more" },
      element("section", {}, element("h3", {}, "Write your own"),
        element("div", { className: "own" }, at.pad, at.sure),
        element("p", {}, named("both", "span"), " ", named("down", "span")),
        element("div", { className: "scale" }, at.ribbon, ticks()),
        element("div", { className: "buttons" }, element("button", { type: "button", onclick: () => { live.pad.clear(); } }, "Clear"),
          element("button", { type: "button", onclick: () => live.nextMisread() }, "A misread one"))),
      element("section", {}, element("h3", {}, "Where you have been"), named("curve", "div", { className: "curve" }),
        element("p", { className: "key" }, ...Object.entries(SCORE_NAMES).map(([score, name]) => element("span", { className: score }, name))),
        element("p", { className: "small" }, `${noun} read right, %, over weights that stay, %. Dashed: all weights. Open: other choices.`)),
      element("section", {}, element("h3", {}, "Who is left"), element("div", { className: "left" }, named("blot", "canvas", { role: "img", ariaLabel: "how many weights look at each pixel" }),
        named("neurons", "canvas", { role: "img", ariaLabel: "living weights of 24 neurons" })), named("who", "p"),
        element("p", { className: "small" }, "Large: how many weights look at each pixel. Small: 24 neurons; teal wants ink, brown wants none.")),
      ...(sent.small ? [lottery()] : [])),
    at.error);

  at.slider.addEventListener("input", () => {
    live.touched = true;
    live.move(Number(at.slider.value));
  });
  for (const touch of ["pointerdown", "keydown"]) live.root.addEventListener(touch, () => (live.touched = true));
  at.bet.addEventListener("input", () => {
    guess.textContent = percent(STOPS[at.bet.value]);
    at.bet.setAttribute("aria-valuetext", guess.textContent);
  });
  at.wall.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const n = live.wall.under(event);
    if (n >= 0) live.look(n);
  });
  return at;
}

/** The bytes of a text that Python has packed. @param {any} about @param {string} text */
async function inflated(about, text) {
  const zipped = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let start = 0;
  return about.lengths.map((/** @type {number} */ length) => bytes.slice(start, (start += length)));
}

/** Fetch what the walls of a page need, and start them: a script, since pages opened from a file fetch nothing else. @param {HTMLElement} root */
function fetched(root) {
  const script = element("script", { src: root.dataset.sent });
  script.onload = async () => {
    const [about, text] = /** @type {any} */ (window).pruninglabSent;
    root.classList.add("alive");
    new Live(root, about, await inflated(about, text));
  };
  document.head.append(script);
}

/** A wall is fetched when it comes near. */
function mountAll() {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      fetched(/** @type {HTMLElement} */ (target));
    }
  }, { rootMargin: "600px" });
  document.querySelectorAll(".pruninglab-live[data-sent]").forEach((root) => near.observe(root));
}

/** In JupyterLab the page asks the kernel for the network. @param {{model: any, el: HTMLElement}} view */
function render({ model, el }) {
  const root = element("div", { className: "pruninglab-live" });
  el.append(root);
  model.on("msg:custom", (/** @type {any} */ { about }, /** @type {DataView[]} */ buffers) => {
    if (root.firstChild) return; // that was for another view of it
    new Live(root, about, buffers.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)));
  });
  model.send({});
}

if (typeof document !== "undefined") mountAll();
