// Keeps a page true without reloading it: a job's page by its events, other pages by asking again.
// The server renders everything; this only moves numbers in between. Without it the pages are right, too.
(() => {
  "use strict";
  const root = document.querySelector("[data-live]");
  if (!root) return;
  const part = (name) => root.querySelector(`[data-${name}]`);
  const ended = (status) => ["done", "failed", "cancelled", "expired"].includes(status);

  // ---- The page, asked for again -------------------------------------------------------------------------

  const focusKey = (element) => element && (element.id || element.getAttribute("href") || element.getAttribute("type"));

  function replace(region, fresh) {
    const key = region.contains(document.activeElement) ? focusKey(document.activeElement) : null;
    const scroll = region.querySelector(".scroll");
    const left = scroll ? scroll.scrollLeft : 0;
    region.replaceChildren(...fresh.childNodes);
    const scrolled = region.querySelector(".scroll");
    if (scrolled) scrolled.scrollLeft = left;
    if (key) Array.from(region.querySelectorAll("a, button, [tabindex]")).find((e) => focusKey(e) === key)?.focus();
  }

  /** Asks for this page and takes over every region that has changed. */
  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) throw new Error("another page");
    for (const region of root.querySelectorAll("[data-region]")) {
      const other = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
      if (other && !region.isEqualNode(other)) replace(region, other);
    }
    for (const name of ["status", "stage", "events"]) {
      if (fresh.dataset[name] === undefined) delete root.dataset[name];
      else root.dataset[name] = fresh.dataset[name];
    }
    if (root.querySelector("[data-viewer]")) loadViewer();
    document.title = page.title;
    tell("");
  }

  /** The result has come: a page of an unfinished job has no need of its viewer before. */
  function loadViewer() {
    const address = "/static/viewer.js";
    if (document.querySelector(`script[src="${address}"]`)) return;
    const script = document.createElement("script");
    script.src = address;
    document.head.append(script);
  }

  function tell(text) {
    const line = part("link");
    if (line.textContent !== text) line.textContent = text;
    line.hidden = text === "";
  }

  /** Asks again and again while `wanted` says so; a time that fails does not end it. */
  let asking = false;
  async function poll(wanted) {
    if (asking) return;
    asking = true;
    while (wanted()) {
      if (!document.hidden) await refresh().catch(() => tell("The server does not answer; trying again."));
      await new Promise((done) => setTimeout(done, Number(root.dataset.every) || 2000));
    }
    asking = false;
  }

  if (!root.dataset.events) {
    if (root.dataset.every) poll(() => true);
    return;
  }

  // ---- A job, by its events ------------------------------------------------------------------------------

  const address = root.dataset.events;
  const job = {};
  let made = new Map();
  let lastId = "";
  let source = null;
  let told = 0;
  let refreshing = null;

  /** The server's words for a new status or stage; one request at a time. */
  function renew() {
    refreshing ??= refresh()
      .then(show)
      .catch(() => poll(() => root.dataset.events !== undefined && !source))
      .finally(() => { refreshing = null; });
    return refreshing;
  }

  function duration(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }

  function setText(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function tiles() {
    if (job.grain !== "whole") return `${job.received_tiles} of ${job.total_tiles} tiles`;
    if (!job.worker) return "the whole picture waits for a worker";
    return job.status === "done" ? `made whole by ${job.worker}` : `${job.worker} has the whole picture`;
  }

  function show() {
    if (job.progress === undefined || !root.dataset.events) return;
    const percent = Math.min(Math.floor(job.progress * 100), job.status === "done" ? 100 : 99);
    const bar = part("bar");
    if (bar) bar.value = percent;
    setText(part("percent"), `${percent} %`);
    setText(part("tiles"), tiles());
    setText(part("eta"), job.eta_seconds == null ? "" : `about ${duration(job.eta_seconds)} left`);
    document.title = document.title.replace(/^(\d+ % )?/, ended(job.status) ? "" : `${percent} % `);
    const quarter = Math.floor(percent / 25) * 25;
    if (quarter > told && quarter < 100) {
      told = quarter;
      setText(part("announce"), `${quarter} % done`);
      // The picture may have come meanwhile.
      renew();
    }
    draw();
  }

  function take(tiles) {
    if (tiles.reset) made = new Map();
    for (const [worker, ranges] of Object.entries(tiles.made)) {
      if (!made.has(worker)) made.set(worker, new Set());
      for (const range of ranges.split(",")) {
        const [first, last] = range.split("-").map(Number);
        for (let tile = first; tile <= (last ?? first); tile += 1) made.get(worker).add(tile);
      }
    }
  }

  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  /** Draws the tiles as the server does: a path for each worker, and a legend. */
  function draw() {
    const picture = root.querySelector("svg.mosaic");
    if (!picture || made.size === 0) return;
    const columns = Number(picture.dataset.columns);
    const legend = root.querySelector(".legend");
    picture.querySelectorAll("path:not(.missing)").forEach((path) => path.remove());
    const lines = [];
    [...made.keys()].sort().forEach((worker, at) => {
      const tiles = [...made.get(worker)];
      const d = tiles.map((tile) => `M${tile % columns} ${Math.floor(tile / columns)}h1v1h-1z`).join("");
      picture.append(svg("path", { class: `w${at % 8}`, d }));
      const key = svg("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" });
      key.append(svg("path", { class: `w${at % 8}`, d: "M0 0h1v1h-1z" }));
      const line = document.createElement("li");
      line.append(key, ` ${worker}: ${tiles.length}`);
      lines.push(line);
    });
    const rest = Array.from(legend.children).filter((line) => line.querySelector(".missing"));
    legend.replaceChildren(...lines, ...rest);
  }

  function hear(event) {
    lastId = event.lastEventId;
    const { tiles, changes, ...fields } = JSON.parse(event.data);
    Object.assign(job, fields);
    if (tiles) take(tiles);
    tell("");
    const isOther = job.status !== root.dataset.status || String(job.stage + 1) !== root.dataset.stage;
    if (ended(job.status)) close();
    if (isOther) renew();
    show();
  }

  function close() {
    source?.close();
    source = null;
  }

  function open() {
    if (source || !root.dataset.events || document.hidden) return;
    const from = lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : "";
    source = new EventSource(address + from);
    source.addEventListener("snapshot", hear);
    source.addEventListener("change", hear);
    source.addEventListener("waiting", () => tell("The job store does not answer now; waiting for it."));
    source.addEventListener("gone", () => { close(); location.reload(); });
    source.addEventListener("error", () => {
      tell("The connection is lost; trying again.");
      // A browser comes again by itself unless it was refused: then the page is asked for, and later the events.
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      poll(() => root.dataset.events !== undefined && !source);
      setTimeout(open, 10000);
    });
  }

  // A browser has few connections to one server: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  if (window.EventSource) open();
  else poll(() => root.dataset.events !== undefined);
})();
