// Shows a job's pictures at any size, from their pyramids: result and original under a handle, side by side, or what differs.
// Loads only the tiles that are in sight. Without it the page shows both pictures, smaller.
(() => {
  "use strict";
  const TILE = 256;
  const MOST_TILES = 600;
  const MODES = [["slider", "Slider"], ["side", "Side by side"], ["difference", "Difference"]];

  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  /** A pyramid: its levels, and the tiles that were loaded, the least used first. */
  class Pyramid {
    constructor(base, text, changed) {
      const [width, height, top, full, ext] = text.split(" ");
      Object.assign(this, { base, width: +width, height: +height, top: +top, full: +full, ext, changed });
      this.tiles = new Map();
    }

    level(level) {
      const by = 2 ** (this.full - level);
      return { by, width: Math.ceil(this.width / by), height: Math.ceil(this.height / by) };
    }

    /** A tile if it is loaded; asked for if it is not and is `wanted`. */
    tile(level, column, row, wanted) {
      const key = `${level}/${column}_${row}`;
      let tile = this.tiles.get(key);
      if (tile) {
        this.tiles.delete(key);
        this.tiles.set(key, tile);
      } else if (wanted) {
        tile = new Image();
        tile.decoding = "async";
        tile.onload = () => { tile.isThere = true; this.changed(); };
        tile.onerror = () => setTimeout(() => this.tiles.delete(key), 5000);
        tile.src = `${this.base}/${key}.${this.ext}`;
        this.tiles.set(key, tile);
        if (this.tiles.size > MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
      }
      return tile?.isThere ? tile : null;
    }

    /** Draws it as `view` says into a box of device pixels: each tile, or the part of a coarser one until it is there. */
    draw(context, view, box) {
      const finest = Math.ceil(this.full + Math.log2(view.scale) - 0.01);
      const level = Math.max(0, Math.min(this.top, finest));
      const { by, width, height } = this.level(level);
      const step = by * view.scale;
      const left = box.x + box.width / 2 - view.x * this.width * view.scale;
      const top = box.y + box.height / 2 - view.y * this.height * view.scale;
      const first = (from, edge) => Math.max(0, Math.floor((edge - from) / step / TILE));
      const last = (from, edge, side) => Math.min(Math.ceil(side / TILE), Math.ceil((edge - from) / step / TILE));
      context.imageSmoothingEnabled = step < 3;
      this.tile(0, 0, 0, true);
      for (let row = first(top, box.y); row < last(top, box.y + box.height, height); row += 1) {
        for (let column = first(left, box.x); column < last(left, box.x + box.width, width); column += 1) {
          const w = Math.min(TILE, width - column * TILE);
          const h = Math.min(TILE, height - row * TILE);
          const x = Math.round(left + column * TILE * step);
          const y = Math.round(top + row * TILE * step);
          const right = Math.round(left + (column * TILE + w) * step);
          const bottom = Math.round(top + (row * TILE + h) * step);
          for (let up = 0; up <= level; up += 1) {
            const found = this.tile(level - up, column >> up, row >> up, up === 0);
            if (!found) continue;
            const part = 2 ** up;
            const sx = (column * TILE) / part - (column >> up) * TILE;
            const sy = (row * TILE) / part - (row >> up) * TILE;
            const sw = Math.min(w / part, found.width - sx);
            const sh = Math.min(h / part, found.height - sy);
            if (sw > 0 && sh > 0) context.drawImage(found, sx, sy, sw, sh, x, y, right - x, bottom - y);
            break;
          }
        }
      }
    }
  }

  class Viewer {
    constructor(root) {
      this.root = root;
      root.dataset.open = "";
      const base = `/api/v1/jobs/${root.dataset.job}/pyramid`;
      const open = (name) => (root.dataset[name] ? new Pyramid(`${base}/${name}`, root.dataset[name], () => this.draw()) : null);
      this.original = open("original");
      this.result = open("result");
      this.main = this.result || this.original;
      this.both = Boolean(this.result && this.original);
      this.same = this.both && this.result.width === this.original.width && this.result.height === this.original.height;
      this.view = { x: 0.5, y: 0.5, scale: 0 };
      this.mode = this.same ? "slider" : this.both ? "side" : "one";
      this.part = 0.5;
      this.pointers = new Map();
      this.build();
      this.readHash();
      new ResizeObserver(() => this.draw()).observe(this.stage);
      addEventListener("hashchange", () => { this.readHash(); this.draw(); });
      this.choose(this.mode);
    }

    // ---- What it is made of -------------------------------------------------------------------------------

    build() {
      const button = (label, text, act) => {
        const made = make("button", { type: "button", "aria-label": label, title: label }, text);
        made.addEventListener("click", act);
        return made;
      };
      this.canvas = make("canvas", { role: "img" });
      this.handle = make("div", {
        class: "handle", role: "slider", tabindex: "0", "aria-label": "Part that shows the original",
        "aria-valuemin": "0", "aria-valuemax": "100", "aria-orientation": "horizontal",
      });
      this.stage = make("div", { class: "stage", tabindex: "0", role: "group", "aria-label": "Picture: plus, minus and 0 change its size, arrow keys move it" }, this.canvas, this.handle);
      this.modes = this.same ? MODES.map(([name, text], at) => {
        const made = button(`${text} (${at + 1})`, text, () => this.choose(name));
        made.dataset.mode = name;
        return made;
      }) : [];
      const tools = make("div", { class: "tools", role: "group", "aria-label": "How the picture is shown" },
        make("span", { class: "modes" }, ...this.modes),
        make("span", { class: "sizes" },
          button("Smaller (−)", "−", () => this.zoom(0.5)),
          button("Larger (+)", "+", () => this.zoom(2)),
          button("Whole picture (0)", "Whole", () => this.whole()),
          button("Full screen (F)", "Full screen", () => this.fullScreen())));
      this.said = make("p", { class: "hint said", role: "status" });
      this.root.append(tools, this.stage, this.said);
      this.stage.classList.toggle("clear", [this.original, this.result].some((pyramid) => pyramid?.ext === "png"));
      this.listen();
    }

    listen() {
      const { stage, handle } = this;
      stage.addEventListener("wheel", (event) => {
        event.preventDefault();
        const by = event.deltaMode === 1 ? 30 : 1;
        this.zoom(2 ** (-event.deltaY * by / 300), this.place(event));
      }, { passive: false });
      stage.addEventListener("dblclick", (event) => this.zoom(event.shiftKey ? 0.5 : 2, this.place(event)));
      stage.addEventListener("pointerdown", (event) => this.press(event));
      stage.addEventListener("pointermove", (event) => this.move(event));
      for (const end of ["pointerup", "pointercancel"]) {
        stage.addEventListener(end, (event) => { this.pointers.delete(event.pointerId); this.slides = false; });
      }
      stage.addEventListener("keydown", (event) => this.key(event));
      handle.addEventListener("keydown", (event) => this.handleKey(event));
    }

    place(event) {
      const box = this.stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    }

    press(event) {
      if (event.button !== 0) return;
      this.stage.setPointerCapture(event.pointerId);
      this.slides = event.target === this.handle;
      if (this.slides) this.handle.focus();
      this.pointers.set(event.pointerId, this.place(event));
    }

    move(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = this.place(event);
      if (this.slides) {
        this.slide(now.x / this.stage.clientWidth);
      } else if (this.pointers.size === 1) {
        this.shift(now.x - before.x, now.y - before.y);
      } else {
        const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const apart = (one) => Math.max(10, Math.hypot(one.x - other.x, one.y - other.y));
        this.zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
        this.shift((now.x - before.x) / 2, (now.y - before.y) / 2);
      }
      this.pointers.set(event.pointerId, now);
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const far = 80;
      const acts = {
        "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5), 0: () => this.whole(), f: () => this.fullScreen(),
        ArrowLeft: () => this.shift(far, 0), ArrowRight: () => this.shift(-far, 0), ArrowUp: () => this.shift(0, far), ArrowDown: () => this.shift(0, -far),
      };
      MODES.forEach(([name], at) => { if (this.same) acts[at + 1] = () => this.choose(name); });
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    }

    handleKey(event) {
      const to = {
        ArrowLeft: this.part - 0.02, ArrowDown: this.part - 0.02, ArrowRight: this.part + 0.02, ArrowUp: this.part + 0.02,
        PageDown: this.part - 0.1, PageUp: this.part + 0.1, Home: 0, End: 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.slide(to);
    }

    // ---- Where it looks -----------------------------------------------------------------------------------

    /** The width that a picture has on the stage. */
    room() {
      const { clientWidth, clientHeight } = this.stage;
      return { width: this.mode === "side" ? (clientWidth - 8) / 2 : clientWidth, height: clientHeight };
    }

    /** The scale at which the whole picture is in sight, in CSS pixels for one of the picture's. */
    fit() {
      const { width, height } = this.room();
      const fits = (pyramid) => Math.min(width / pyramid.width, height / pyramid.height);
      return Math.min(...[this.main, this.mode === "side" ? this.original : this.main].map(fits));
    }

    scale() {
      const fit = this.fit();
      // Small pictures are shown at their own size, not blown up.
      const least = Math.min(fit, 1);
      return this.view.scale ? Math.max(least, Math.min(this.view.scale, Math.max(8, fit))) : least;
    }

    whole() {
      this.view = { x: 0.5, y: 0.5, scale: 0 };
      this.changed();
    }

    zoom(by, at) {
      const before = this.scale();
      this.view.scale = before * by;
      const scale = this.scale();
      const { width, height } = this.room();
      if (at) {
        const x = this.mode === "side" && at.x > width ? at.x - width - 8 : at.x;
        const far = 1 / before - 1 / scale;
        this.view.x += ((x - width / 2) * far) / this.main.width;
        this.view.y += ((at.y - height / 2) * far) / this.main.height;
      }
      this.view.scale = scale <= Math.min(this.fit(), 1) ? 0 : scale;
      this.changed();
    }

    shift(x, y) {
      const scale = this.scale();
      this.view.x -= x / scale / this.main.width;
      this.view.y -= y / scale / this.main.height;
      this.changed();
    }

    slide(to) {
      this.part = Math.max(0, Math.min(1, to));
      this.draw();
    }

    choose(mode) {
      this.mode = mode;
      for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
      this.handle.hidden = mode !== "slider";
      this.changed();
    }

    fullScreen() {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.root.requestFullscreen?.().catch(() => {});
    }

    readHash() {
      const found = new URLSearchParams(location.hash.slice(1));
      const at = (found.get("at") || "").split(",").map(Number);
      if (at.length === 3 && at.every(Number.isFinite)) this.view = { x: at[0], y: at[1], scale: at[2] };
      const mode = found.get("show");
      if (this.same && MODES.some(([name]) => name === mode) && mode !== this.mode) this.choose(mode);
    }

    writeHash() {
      const { x, y, scale } = this.view;
      const at = scale ? `at=${x.toFixed(5)},${y.toFixed(5)},${scale.toPrecision(4)}` : "";
      const show = this.same && this.mode !== "slider" ? `show=${this.mode}` : "";
      const hash = [at, show].filter(Boolean).join("&");
      if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    }

    changed() {
      // What is shown never leaves the stage.
      const scale = this.scale();
      const { width, height } = this.room();
      const held = (at, side, room) => {
        const half = room / 2 / scale / side;
        return half >= 0.5 ? 0.5 : Math.max(half, Math.min(1 - half, at));
      };
      this.view.x = held(this.view.x, this.main.width, width);
      this.view.y = held(this.view.y, this.main.height, height);
      clearTimeout(this.writing);
      this.writing = setTimeout(() => this.writeHash(), 250);
      this.draw();
    }

    // ---- Drawing ------------------------------------------------------------------------------------------

    draw() {
      this.drawing ??= requestAnimationFrame(() => {
        this.drawing = null;
        this.paint();
      });
    }

    paint() {
      const { canvas, stage } = this;
      const dense = window.devicePixelRatio || 1;
      const [width, height] = [Math.round(stage.clientWidth * dense), Math.round(stage.clientHeight * dense)];
      if (!width || !height) return;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      const scale = this.scale();
      const view = { ...this.view, scale: scale * dense };
      const box = { x: 0, y: 0, width, height };
      context.globalCompositeOperation = "source-over";
      context.clearRect(0, 0, width, height);
      if (this.mode === "side") {
        const half = Math.floor((width - 8 * dense) / 2);
        const [left, right] = [{ ...box, width: half }, { ...box, x: width - half, width: half }];
        this.clipped(context, left, () => this.original.draw(context, view, left));
        this.clipped(context, right, () => this.result.draw(context, view, right));
      } else if (this.mode === "difference") {
        this.original.draw(context, view, box);
        context.globalCompositeOperation = "difference";
        this.result.draw(context, view, box);
      } else if (this.mode === "slider") {
        const edge = Math.round(width * this.part);
        this.clipped(context, { ...box, width: edge }, () => this.original.draw(context, view, box));
        this.clipped(context, { ...box, x: edge, width: width - edge }, () => this.result.draw(context, view, box));
      } else {
        this.main.draw(context, view, box);
      }
      this.tell(scale);
    }

    clipped(context, box, draw) {
      context.save();
      context.beginPath();
      context.rect(box.x, box.y, box.width, box.height);
      context.clip();
      draw();
      context.restore();
    }

    tell(scale) {
      const percent = Math.round(this.part * 100);
      this.handle.style.left = `${this.part * 100}%`;
      this.handle.setAttribute("aria-valuenow", percent);
      this.handle.setAttribute("aria-valuetext", `${percent} % original, ${100 - percent} % result`);
      this.stage.classList.toggle("moves", this.view.scale !== 0);
      const size = `${this.main.width} × ${this.main.height} pixels`;
      const at = scale >= 0.1 ? `${Math.round(scale * 100)} %` : `${(scale * 100).toFixed(1)} %`;
      const what = {
        slider: "the original on the left of the handle, the result on the right", side: "the original on the left, the result on the right",
        difference: "black where original and result are equal", one: this.result ? "the result" : "the original",
      }[this.mode];
      const text = `${this.view.scale ? "A part" : "The whole picture"} at ${at}, ${size}: ${what}.`;
      if (this.canvas.getAttribute("aria-label") !== text) {
        this.canvas.setAttribute("aria-label", text);
        clearTimeout(this.telling);
        this.telling = setTimeout(() => { this.said.textContent = text; }, 400);
      }
    }
  }

  const openAll = () => document.querySelectorAll("[data-viewer]:not([data-open])").forEach((root) => new Viewer(root));
  openAll();
  // A job's page puts the result in when it is there.
  new MutationObserver(openAll).observe(document.body, { childList: true, subtree: true });
})();
