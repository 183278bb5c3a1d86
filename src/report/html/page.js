// What the page does beyond being read: the time panel of all arms with one zoom and one hover, filters of the decisions, and,
// while a run goes on, what comes in. Without this script the same charts stand there as drawings.
(() => {
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faded = (colour, share) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${share})`;
};

// ---- numbers as people write them

function digits(value, matter = 3) {
  if (value === 0) return "0";
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  const text = value.toFixed(Math.min(9, Math.max(0, matter - before)));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function latency(ms) {
  if (ms == null || !Number.isFinite(ms)) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${digits(ms * 1e3)} µs`;
  if (ms < 999.5) return `${digits(ms)} ms`;
  return ms < 599500 ? `${digits(ms / 1e3)} s` : `${digits(ms / 60e3)} min`;
}

function clock(seconds, tenths = false) {
  const sign = seconds < -1e-9 ? "−" : "";
  const size = Math.abs(seconds);
  if (size < 1e-9) return "0";
  if (size < 60) return `${sign}${tenths ? size.toFixed(1) : digits(size)} s`;
  if (size >= 3600) {
    return `${sign}${Math.floor(size / 3600)}:${String(Math.floor(size / 60) % 60).padStart(2, "0")} h`;
  }
  const rest = Math.floor(size % 60);
  return `${sign}${Math.floor(size / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""} min`;
}

const count = (value) => (value == null ? "–" : digits(value, 4));

// ---- the time panel

const KEY = "panel";
const LEFT = 58;
const SHORTEST = 3; // seconds one can zoom to

class Panel {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.repeat = null;
    this.shown = new Set(data.first);
    this.plots = [];
    this.going = null; // the arm of the run under way
    this.range = null;
    this.settling = false;
    this.whole = null;
    this.readouts = new Map();
    this.frame();
    // the plots measure and draw with the page's typeface: once, when it is there
    document.fonts.ready.then(() => this.draw());
    matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => this.draw());
    let width = innerWidth;
    new ResizeObserver(() => {
      if (innerWidth !== width) { width = innerWidth; requestAnimationFrame(() => this.draw()); }
    }).observe(document.documentElement);
  }

  // Controls, a place per arm, and a line that tells those who can't see where the cursor is.
  frame() {
    const button = (label, title, act) => make("button", { type: "button", title, "aria-label": label === "All" ? null : title, onclick: act }, label);
    this.repeats = make("select", { "aria-label": "Which repeat is shown", onchange: () => this.pick(Number(this.repeats.value)) });
    this.arms = make("span", { class: "arms" });
    this.span = make("span", { class: "span hint" });
    const controls = make("div", { class: "controls" },
      make("label", { class: "repeats" }, "Repeat ", this.repeats),
      this.arms,
      make("span", { class: "buttons" },
        button("+", "Zoom in", () => this.scale(0.5)),
        button("−", "Zoom out", () => this.scale(2)),
        button("←", "Earlier", () => this.move(-0.25)),
        button("→", "Later", () => this.move(0.25)),
        button("All", "Show the whole run", () => this.zoom(null))),
      this.span);
    this.said = make("p", { class: "unseen", role: "status" });
    this.grid = make("div", { class: "panels" });
    this.host.replaceChildren(controls, this.grid, this.said,
      make("p", { class: "hint" }, "Drag to zoom, double-click to see all. Keys: ", make("kbd", {}, "← →"), " move the cursor, ",
        make("kbd", {}, "+ −"), " zoom, ", make("kbd", {}, "0"), " shows all. All arms share zoom and cursor."));
    this.grid.tabIndex = 0;
    this.grid.setAttribute("role", "application");
    this.grid.setAttribute("aria-label", "Load, replicas and latency of all arms over time; arrow keys move the cursor, plus and minus zoom, 0 shows all");
    this.grid.addEventListener("keydown", (event) => this.key(event));
  }

  // What can be chosen, as the data have it.
  choices() {
    const repeats = [...new Set(this.data.runs.map((run) => run.repeat))].sort((a, b) => a - b);
    if (!repeats.includes(this.repeat)) this.repeat = repeats[0] ?? null;
    this.repeats.replaceChildren(...repeats.map((repeat) => {
      const bad = this.data.runs.some((run) => run.repeat === repeat && !run.valid);
      return make("option", { value: repeat, selected: repeat === this.repeat }, `${repeat}${bad ? " (not valid)" : ""}`);
    }));
    this.repeats.parentElement.hidden = repeats.length < 2;
    const drawn = this.data.first.length < this.data.arms.length ? [`${this.shown.size} of ${this.data.arms.length} arms are drawn:`] : [];
    this.arms.replaceChildren(...drawn, ...(this.data.arms.length < 3 ? [] : this.data.arms.map((name, arm) =>
      make("label", {}, make("input", {
        type: "checkbox", checked: this.shown.has(arm),
        onchange: (event) => { this.shown[event.target.checked ? "add" : "delete"](arm); this.draw(); },
      }), make("span", { class: `chip arm${arm % 8}` }), name))));
  }

  runs() {
    return this.data.arms.map((_, arm) => this.data.runs.find((run) => run.arm === arm && run.repeat === this.repeat))
      .filter((run) => run && this.shown.has(run.arm));
  }

  draw() {
    this.choices();
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    this.readouts = new Map();
    const runs = this.runs();
    const rows = runs.map((run) => table(run));
    const known = (of) => rows.flatMap((columns) => of(columns)).filter((value) => value != null);
    const most = (values, least) => values.reduce((a, b) => Math.max(a, b), least);
    const ends = [known((c) => c.t).reduce((a, b) => Math.min(a, b), Infinity), most(known((c) => c.t), -Infinity)];
    this.whole = ends[1] > ends[0] ? ends : null;
    if (!this.whole) {
      this.grid.replaceChildren(make("p", { class: "hint" }, "No timeline to show."));
      return;
    }
    const medians = known((c) => c.p50).filter((value) => value > 0).sort((a, b) => a - b);
    const slowest = most(known((c) => c.p99), this.data.slo * 1.2);
    const typical = Math.min(medians[medians.length >> 1] ?? this.data.slo, this.data.slo);
    this.scales = {
      load: [0, most(known((c) => [...c.planned, ...c.delivered]), 1) * 1.06],
      replicas: [0, most(known((c) => [...c.ready, ...c.desired, ...c.demand]), 1) * 1.12],
      latency: slowest > typical * 12 ? [Math.min(medians[0] ?? typical, typical) * 0.7, slowest * 1.3] : [0, slowest * 1.06],
      log: slowest > typical * 12,
    };
    // measured once its columns stand: their widths are the plots' widths
    const places = runs.map((run) => {
      const chip = make("span", { class: `chip arm${run.arm % 8}` });
      const readout = make("p", { class: "readout" });
      const place = make("div", { class: "arm" }, make("h4", {}, chip, this.data.arms[run.arm],
        run.valid ? "" : make("span", { class: "no" }, " not valid")), readout);
      this.readouts.set(run, readout);
      return place;
    });
    this.grid.replaceChildren(...places);
    runs.forEach((run, at) => this.arm(places[at], run, rows[at]));
    this.zoom(this.range);
    this.tell(null);
  }

  // The three plots of one arm.
  arm(place, run, c) {
    const ink = style("--ink"), muted = style("--muted"), line = style("--line"), axis = style("--axis");
    const own = style(`--arm${run.arm % 8}`);
    const width = Math.floor(place.clientWidth);
    const font = "11px Inter,system-ui,sans-serif";
    const stepped = uPlot.paths.stepped({ align: 1 });
    const level = (labels) => ({
      stroke: muted, font, size: labels ? 30 : 6, grid: { stroke: line, width: 1 }, ticks: { show: labels, stroke: axis, size: 4 },
      values: (_, splits) => splits.map((split) => (labels ? clock(split) : "")),
      incrs: [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400], space: 64,
    });
    const upright = (values, more = {}) => ({ stroke: muted, font, size: LEFT, grid: { stroke: line, width: 1 }, ticks: { show: false }, values, ...more });
    const plot = (name, height, labels, axisUp, series, columns, hooks, more = {}) => {
      const wrap = make("div", { class: "plot" }, make("p", { class: "hint" }, ...name));
      place.append(wrap);
      const options = {
        width, height: height + (labels ? 24 : 0), padding: [9, 22, 0, 0], legend: { show: false },
        scales: { x: { time: false, range: (_, min, max) => [min, max] }, y: more.y },
        axes: [level(labels), axisUp],
        series: [{}, ...series],
        bands: more.bands,
        cursor: {
          points: { show: false }, x: true, y: false, drag: { x: true, y: false, setScale: true },
          sync: { key: KEY, setSeries: false, scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        },
        hooks: {
          drawAxes: [(u) => faults(u, run)],
          draw: hooks,
          setScale: [(u, key) => { if (key === "x") this.follow(u); }],
          setCursor: [(u) => { if (u === this.plots[0]) this.tell(u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, "x")); }],
        },
      };
      const made = new uPlot(options, [c.t, ...columns], wrap);
      made.over.addEventListener("dblclick", () => this.zoom(null));
      this.plots.push(made);
    };
    const none = { points: { show: false }, spanGaps: false };
    const key = (kind, label) => make("span", { class: "key" }, make("span", { class: `swatch ${kind}`, style: `--own:var(--arm${run.arm % 8})` }), label);
    plot(["requests/s", key("load", "planned"), key("line", "delivered")], 84, false, upright((_, s) => s.map((v) => count(v)), { space: 26 }), [
      { ...none, paths: stepped, fill: style("--load"), width: 0 },
      { ...none, paths: stepped, stroke: own, width: 1.5 },
    ], [c.planned, c.delivered], [], { y: { range: () => this.scales.load } });
    const needed = c.demand.some((value) => value != null)
      ? [key("dots", "needed"), key("under", "too few"), key("over", "too many")] : [];
    plot(["replicas", key("line", "ready"), key("thin", "asked for"), ...needed], 120, false,
      upright((_, s) => s.map((v) => (Number.isInteger(v) ? v : "")), { space: 18, incrs: [1, 2, 5, 10, 20, 50, 100, 1000] }), [
      { ...none, paths: stepped, stroke: ink, width: 1.25, dash: [2, 3] },
      { ...none, paths: stepped, stroke: ink, width: 1.25 },
      { ...none, paths: stepped, stroke: own, width: 2.5 },
    ], [c.demand, c.desired, c.ready], [(u) => marks(u, run, own)],
      { y: { range: () => this.scales.replicas } });
    // the fills come before the lines
    const replicas = this.plots[this.plots.length - 1];
    replicas.hooks.drawAxes.push((u) => provision(u, c));
    const bands = [{ series: [3, 2], fill: faded(own, 0.16) }, { series: [2, 1], fill: faded(own, 0.36) }];
    plot(["latency from sent", key("line", "p50"), key("p95", "to p95"), key("p99", "to p99"), key("dash", `objective ${latency(this.data.slo)}`)], 180, true, upright((_, s) => s.map((v) => (v == null ? "" : latency(v))), { space: 34 }), [
      { ...none, stroke: own, width: 2 },
      { ...none, stroke: faded(own, 0.8), width: 0.75 },
      { ...none, stroke: faded(own, 0.4), width: 0.5 },
    ], [c.p50, c.p95, c.p99], [(u) => objective(u, this.data.slo, ink)],
      { bands, y: { distr: this.scales.log ? 3 : 1, range: () => this.scales.latency } });
  }

  // One zoom for all plots.
  follow(plot) {
    if (this.settling || !this.plots.includes(plot)) return;
    this.zoom([plot.scales.x.min, plot.scales.x.max]);
  }

  zoom(range) {
    if (!this.whole) return;
    const [from, to] = this.whole;
    let [min, max] = range ?? [from, to];
    if (max - min < SHORTEST) [min, max] = [(min + max - SHORTEST) / 2, (min + max + SHORTEST) / 2];
    if (max - min >= to - from) [min, max] = [from, to];
    if (min < from) [min, max] = [from, from + max - min];
    if (max > to) [min, max] = [to - (max - min), to];
    this.range = min === from && max === to ? null : [min, max];
    this.settling = true;
    for (const plot of this.plots) plot.setScale("x", { min, max });
    this.settling = false;
    this.span.textContent = this.range ? `${clock(min, true)} to ${clock(max, true)}` : "";
  }

  scale(by) {
    if (!this.whole) return;
    const [from, to] = this.range ?? this.whole;
    const centre = this.at != null && this.at > from && this.at < to ? this.at : (from + to) / 2;
    this.zoom([centre - (centre - from) * by, centre + (to - centre) * by]);
  }

  move(by) {
    if (!this.range) return;
    const [from, to] = this.range;
    this.zoom([from + (to - from) * by, to + (to - from) * by]);
  }

  key(event) {
    if (!this.whole) return;
    const [from, to] = this.range ?? this.whole;
    const step = Math.max(1, Math.round((to - from) / (event.shiftKey ? 12 : 120)));
    const act = {
      ArrowLeft: () => this.point((this.at ?? to) - step), ArrowRight: () => this.point((this.at ?? from - step) + step),
      "+": () => this.scale(0.5), "=": () => this.scale(0.5), "-": () => this.scale(2), 0: () => this.zoom(null), Home: () => this.zoom(null),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  // Puts the cursor somewhere without a mouse.
  point(at) {
    if (!this.whole) return;
    const [from, to] = this.range ?? this.whole;
    const wanted = Math.min(to, Math.max(from, at));
    const plot = this.plots[0];
    if (!plot) return;
    for (const each of this.plots) each.setCursor({ left: each.valToPos(wanted, "x"), top: 0 }, each === plot);
    this.tell(wanted);
    this.said.textContent = [...this.readouts].map(([run, readout]) => `${this.data.arms[run.arm]}: ${readout.textContent}`).join("; ");
  }

  // What every arm did at that moment.
  tell(at) {
    this.at = at;
    for (const [run, readout] of this.readouts) {
      const row = at == null ? -1 : rowAt(run, at);
      if (row < 0) {
        readout.textContent = at == null ? "Point at a moment to read its values." : `${clock(at, true)}: nothing recorded`;
        continue;
      }
      const of = (name) => run[name][row];
      const parts = [`${clock(run.t0 + row * run.group, false)}: ${count(of("planned"))} → ${count(of("delivered"))} requests/s`];
      const needed = of("demand") == null ? "" : `, ${count(of("demand"))} needed`;
      parts.push(`${count(of("ready"))} ready, ${count(of("desired"))} asked for${needed}`);
      if (of("p50") != null) parts.push(`p50 ${latency(of("p50"))}, p95 ${latency(of("p95"))}, p99 ${latency(of("p99"))}`);
      const near = run.marks.filter(([when]) => when >= run.t0 + row * run.group && when < run.t0 + (row + 1) * run.group);
      for (const [, before, after] of near) parts.push(`scaled ${before} → ${after}`);
      for (const [from, to, what] of run.faults) if (at >= from && at < (to ?? Infinity)) parts.push(`fault: ${what}`);
      readout.textContent = parts.join(" · ");
    }
  }

  // A repeat, and an arm that then is among those drawn.
  pick(repeat, arm = null) {
    this.repeat = repeat;
    if (arm != null) this.shown.add(arm);
    this.draw();
  }

  // The same panel with more data.
  feed(data) {
    this.data = data;
    for (const run of data.runs.filter((run) => run.live)) {
      this.repeat = run.repeat;
      // what has begun is looked for, once
      if (this.going !== run.arm) this.shown.add(run.arm);
      this.going = run.arm;
    }
    this.draw();
  }
}

// The columns of a run, with a last row that lets the last second have its width.
function table(run) {
  const length = run.planned.length;
  const columns = { t: Array.from({ length: length + 1 }, (_, row) => run.t0 + row * run.group) };
  for (const name of ["planned", "delivered", "ready", "desired", "demand", "p50", "p95", "p99"]) {
    columns[name] = [...run[name], length ? run[name][length - 1] : null];
  }
  if (!length) columns.t = [];
  return columns;
}

function rowAt(run, t) {
  const row = Math.floor((t - run.t0) / run.group);
  return row >= 0 && row < run.planned.length ? row : -1;
}

// Fills what was lacking and what was in excess.
function provision(u, c) {
  const { ctx, bbox } = u;
  const [under, over] = [style("--under"), style("--over")];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (let row = 0; row + 1 < c.t.length;) {
    const [ready, demand] = [c.ready[row], c.demand[row]];
    // one area for as long as nothing changes: seams between seconds would show
    let next = row + 1;
    while (next + 1 < c.t.length && c.ready[next] === ready && c.demand[next] === demand) next++;
    if (ready != null && demand != null && ready !== demand) {
      const [from, to] = [u.valToPos(c.t[row], "x", true), u.valToPos(c.t[next], "x", true)];
      const [low, high] = [u.valToPos(Math.min(ready, demand), "y", true), u.valToPos(Math.max(ready, demand), "y", true)];
      ctx.fillStyle = ready < demand ? under : over;
      ctx.globalAlpha = ready < demand ? 0.8 : 0.75;
      ctx.fillRect(from, high, to - from, low - high);
    }
    row = next;
  }
  ctx.restore();
}

// Bands where something went wrong on purpose; a moment is a line.
function faults(u, run) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = style("--muted");
  for (const [from, to] of run.faults) {
    const inside = (t) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, u.valToPos(t, "x", true)));
    const left = inside(from);
    const right = to == null ? bbox.left + bbox.width : inside(to);
    ctx.globalAlpha = right - left < 2 ? 0.8 : 0.16;
    if (right > bbox.left && left < bbox.left + bbox.width) ctx.fillRect(left, bbox.top, Math.max(right - left, 1.5), bbox.height);
  }
  ctx.restore();
}

// A triangle for every change that was asked for: up points up.
function marks(u, run, colour) {
  const { ctx, bbox } = u;
  const size = 4 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colour;
  for (const [t, from, to] of run.marks) {
    const x = u.valToPos(t, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const [foot, tip] = to > from ? [bbox.top, bbox.top - 1.8 * size] : [bbox.top - 1.8 * size, bbox.top];
    ctx.beginPath();
    ctx.moveTo(x - size, foot);
    ctx.lineTo(x + size, foot);
    ctx.lineTo(x, tip);
    ctx.fill();
  }
  ctx.restore();
}

function objective(u, slo, colour) {
  const { ctx, bbox } = u;
  const y = u.valToPos(slo, "y", true);
  if (!Number.isFinite(y) || y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

// ---- the decisions

function decisions(panel) {
  const host = one("#decisions");
  const rows = all("#decisions tbody tr");
  if (!host || !rows.length) return;
  const options = (key) => [...new Set(rows.map((row) => row.dataset[key]))];
  const picker = (label, key, written = (value) => value) => {
    const select = make("select", { onchange: () => filter() }, make("option", { value: "" }, "all"),
      ...options(key).map((value) => make("option", { value }, written(value))));
    select.dataset.key = key;
    return make("label", {}, `${label} `, select);
  };
  const words = make("input", { type: "search", placeholder: "in the reasons", oninput: () => filter() });
  const said = make("span", { class: "hint", role: "status" });
  const controls = make("div", { class: "controls" }, picker("Arm", "arm"), picker("Repeat", "repeat"), picker("Kind", "kind"),
    make("label", {}, "Search ", words), said);
  const filter = () => {
    const wanted = all("select", controls).map((select) => [select.dataset.key, select.value]).filter(([, value]) => value);
    const text = words.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = wanted.some(([key, value]) => row.dataset[key] !== value) || !row.textContent.toLowerCase().includes(text);
      shown += row.hidden ? 0 : 1;
    }
    said.textContent = `${shown} of ${rows.length} shown`;
  };
  filter();
  one("#decisions .controls")?.remove();
  one("#decisions .scroll").before(controls);
  if (!panel) return;
  for (const row of rows) {
    const cell = one("td.when", row);
    if (one("button", cell)) continue;
    const show = () => {
      const t = Number(row.dataset.t);
      const arm = panel.data.arms.indexOf(row.dataset.arm);
      panel.pick(Number(row.dataset.repeat), arm < 0 ? null : arm);
      panel.zoom([t - 20, t + 20]);
      one("#timeline").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion)").matches ? "auto" : "smooth" });
      panel.point(t);
    };
    cell.replaceChildren(make("button", { type: "button", class: "link", title: "Show this moment in the time panel", onclick: show }, cell.textContent));
  }
}

// ---- while a run goes on

function live(panel) {
  const bar = one("#live");
  if (!bar) return;
  const refresh = async () => {
    const answer = await fetch("/");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of all("[data-part]", fresh)) {
      const old = one(`[data-part="${part.dataset.part}"]`);
      if (!old || part.dataset.part === "timeline") continue;
      const next = document.importNode(part, true);
      // what a reader has opened stays open
      const name = (summary) => summary.firstChild.textContent;
      const open = new Set(all("details[open] > summary", old).map(name));
      for (const summary of all("details > summary", next)) summary.parentElement.open = open.has(name(summary));
      old.replaceWith(next);
    }
    panel?.feed(JSON.parse(one("#data", fresh).textContent));
    decisions(panel);
  };
  const events = new EventSource("/events");
  const say = (text) => { bar.textContent = text; };
  events.addEventListener("second", (event) => {
    const { said, run } = JSON.parse(event.data);
    say(said);
    if (!panel || !run) return;
    const others = panel.data.runs.filter((known) => known.arm !== run.arm || known.repeat !== run.repeat);
    panel.feed({ ...panel.data, runs: [...others.map((known) => ({ ...known, live: false })), run] });
  });
  events.addEventListener("run", () => refresh());
  events.addEventListener("end", (event) => { events.close(); say(JSON.parse(event.data).said); refresh(); });
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) say("watchtower is gone: this page does not change any more."); };
}

const stored = one("#data");
const host = one("#timeline .interactive");
let panel = null;
if (stored && host) {
  const data = JSON.parse(stored.textContent);
  if (data.runs.length || one("#live")) {
    host.hidden = false;
    document.documentElement.classList.add("scripted");
    panel = new Panel(host, data);
  }
}
decisions(panel);
live(panel);
})();
