"use strict";
// Steps through a recorded run. All text of the run is set as text, never as markup.
(() => {
  const run = JSON.parse(document.getElementById("data").textContent);
  const count = run.events.length;
  const byId = (name) => document.getElementById(name);
  let now = run.opens;
  let playing = null;
  let selected = run.selected;

  // ------------------------------------------------------------------------------------------------------- elements

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function shape(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function show(id, text) {
    byId(id).hidden = !text;
    byId(id).textContent = text || "";
  }

  function list(id, texts) {
    byId(id).hidden = texts.length === 0;
    byId(id).replaceChildren(...texts.map((text) => element("li", text)));
  }

  // ------------------------------------------------------------------------------------------------------ the moment

  function showEvent(event) {
    byId("event-text").textContent = `${event.number}. ${event.byMarket ? "(the market) " : ""}${event.text}`;
    byId("event-time").textContent = event.time;
    show("event-note", event.note);
    show("event-refusal", event.refusal && `Refused: ${event.refusal}. Nothing changed.`);
    list("event-unexpected", event.unexpected.map((line) => `Unexpected: ${line}`));
    byId("sides").hidden = event.theirs.length === 0;
    byId("sides-rows").replaceChildren(...event.theirs.map(side));
  }

  function side(difference) {
    const row = element("tr");
    row.append(...["subject", "field", "ours", "theirs"].map((name) => element("td", difference[name])));
    return row;
  }

  function showChanges(event) {
    const table = byId("changes-table");
    for (const body of [...table.tBodies]) body.remove();
    table.hidden = event.changes.length === 0;
    byId("nothing").hidden = event.changes.length > 0;
    const bodies = new Map();
    for (const change of event.changes) {
      if (!bodies.has(change.subject)) {
        const body = table.createTBody();
        const heading = element("th", change.subject);
        heading.colSpan = 3;
        heading.scope = "rowgroup";
        body.insertRow().append(heading);
        bodies.set(change.subject, body);
      }
      const name = element("th", change.field);
      name.scope = "row";
      bodies.get(change.subject).insertRow().append(name, element("td", change.before), element("td", change.after));
    }
  }

  function showEffects(event) {
    const items = event.effects.map((effect) => {
      const item = element("li");
      const link = element("a", effect.rule);
      link.href = `#rule-${effect.rule}`;
      item.append(link, element("span", effect.text));
      return item;
    });
    byId("effects-list").replaceChildren(...items);
    byId("effects").hidden = items.length === 0;
  }

  function showArithmetic(event) {
    list("arithmetic-list", event.arithmetic);
    byId("arithmetic").hidden = event.arithmetic.length === 0;
  }

  function showRules(event) {
    const shelf = byId("rules-list");
    for (const rule of shelf.children) rule.hidden = true;
    for (const number of event.rules) {
      const rule = byId(`rule-${number}`);
      rule.hidden = false;
      shelf.append(rule);
    }
    byId("rules").hidden = event.rules.length === 0;
  }

  // --------------------------------------------------------------------------------------------------- the lifecycle

  function showLifecycle(event) {
    const position = run.positions.find((entry) => entry.key === selected);
    for (const part of document.querySelectorAll(".diagram .node, .diagram .edge")) {
      part.classList.remove("now", "passed", "taken");
      for (const drawn of part.querySelectorAll("path:not(.reach), text")) drawn.style.fill = "";
    }
    for (const label of byId("positions").children) {
      const moved = event.transitions.some((taken) => taken.position === label.dataset.key);
      label.classList.toggle("moved", moved);
    }
    byId("transitions").replaceChildren(...event.transitions.map(transitionItem));
    if (!position) {
      byId("state").textContent = "No position was ever opened in this run.";
      return;
    }
    const state = position.states[now - 1];
    const holding = position.texts[now - 1];
    byId("state").textContent = `${position.key} is ${position.names[state]}${holding ? `: ${holding}` : ""}`;
    run.events.slice(0, now).forEach((earlier, index) => {
      for (const taken of earlier.transitions.filter((entry) => entry.position === selected)) {
        const edge = byId(taken.edge);
        edge.classList.add("passed");
        for (const end of [taken.source, taken.target]) byId(`state-${end}`).classList.add("passed");
        if (index === now - 1) edge.classList.add("taken");
      }
    });
    const node = byId(`state-${state}`);
    node.classList.add("now");
    for (const drawn of node.querySelectorAll("path")) drawn.style.fill = `var(--state-${state})`;
    for (const drawn of node.querySelectorAll("text")) drawn.style.fill = `var(--on-${state})`;
  }

  // What a transition's trigger and guards are, when it is pointed at; a wide unseen line is easier to point at.
  function explainLifecycle() {
    for (const [id, text] of Object.entries(run.explained)) {
      const part = byId(id);
      (part.querySelector("title") || part.insertBefore(shape("title", {}), part.firstChild)).textContent = text;
      const line = part.classList.contains("edge") && part.querySelector("path");
      if (!line) continue;
      const reach = line.cloneNode();
      reach.setAttribute("class", "reach");
      part.append(reach);
    }
  }

  function transitionItem(taken) {
    const item = element("li", `${taken.position}: ${taken.text}`);
    item.append(element("br"), element("span", taken.why, "why"));
    return item;
  }

  function offerPositions() {
    for (const position of run.positions) {
      const label = element("label");
      const input = element("input");
      input.type = "radio";
      input.name = "position";
      input.value = position.key;
      input.checked = position.key === selected;
      input.addEventListener("change", () => {
        selected = position.key;
        showLifecycle(run.events[now - 1]);
        orderPanels();
      });
      label.dataset.key = position.key;
      label.append(input, element("span", position.key));
      byId("positions").append(label);
    }
    byId("positions").hidden = run.positions.length < 2;
  }

  // ------------------------------------------------------------------------------------------------------- the chart

  const LEFT = 58;
  const RIGHT = 2;
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const full = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });
  const panels = [];

  const scaleText = (value) => (Math.abs(value) < 1e6 ? full : compact).format(value);

  // A panel has a caption that says the moment, and a picture that is redrawn for each width.
  function addPanel(about, className, height, title, caption, draw) {
    const figure = element("figure", undefined, `panel ${className}`);
    const reading = element("span");
    const heading = element("figcaption");
    heading.append(element("b", title), reading);
    const picture = shape("svg", { role: "img", "aria-label": title });
    figure.append(heading, picture);
    byId("panels").append(figure);
    const panel = { about, figure, height, picture, reading, caption, draw, cursor: null };
    picture.addEventListener("click", (click) => {
      const box = picture.getBoundingClientRect();
      go(Math.floor((click.clientX - box.left - LEFT) / ((box.width - LEFT - RIGHT) / count)) + 1);
    });
    panels.push(panel);
  }

  // First what concerns the selected position: its market, its pool, and itself.
  function orderPanels() {
    const position = run.positions.find((entry) => entry.key === selected);
    const concerns = position ? [...position.concerns, ""] : [""];
    const first = panels.filter((panel) => concerns.includes(panel.about));
    byId("panels").append(...[...new Set([...first, ...panels])].map((panel) => panel.figure));
  }

  function drawPanel(panel) {
    const width = Math.max(panel.picture.parentElement.clientWidth, 120);
    const { picture, height } = panel;
    const column = (width - LEFT - RIGHT) / count;
    const across = (event) => LEFT + (event - 1) * column; // the left border of an event's column
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    picture.replaceChildren(
      shape("rect", { class: "frame", x: LEFT, y: 0.5, width: width - LEFT - RIGHT, height: height - 1 }),
    );
    panel.draw(picture, across, column, height);
    for (const block of run.blocks.slice(1)) {
      const x = across(block.first);
      picture.append(shape("line", { class: "border", x1: x, x2: x, y1: 0, y2: height }));
    }
    panel.cursor = shape("rect", { class: "cursor", y: 1, width: Math.max(column, 3), height: height - 2 });
    picture.append(panel.cursor);
    placeCursor(panel);
  }

  function placeCursor(panel) {
    const width = Number(panel.picture.getAttribute("viewBox").split(" ")[2]);
    const column = (width - LEFT - RIGHT) / count;
    panel.cursor.setAttribute("x", LEFT + (now - 1) * column);
    panel.reading.textContent = panel.caption(now - 1);
  }

  function scaleOf(numbers, height) {
    const known = numbers.filter((value) => value !== null);
    let low = Math.min(...known);
    let high = Math.max(...known);
    if (low === high) {
      const room = Math.abs(low) * 0.01 || 1;
      low -= room;
      high += room;
    }
    const pad = 11;
    const place = (value) => height - pad - ((value - low) / (high - low)) * (height - pad * 2);
    return { low, high, place };
  }

  // What is far above or below is cut off, beyond the border of the picture, and marked by an arrow where it begins.
  function cutScale(low, high, height) {
    const pad = 11;
    const inside = (value) => height - pad - ((value - low) / (high - low)) * (height - pad * 2);
    const beyond = (y) => (y < 0 ? -6 : y > height ? height + 6 : y); // so far that nothing of its line is inside
    return { low, high, cut: true, place: (value) => beyond(inside(value)) };
  }

  function drawCuts(picture, values, scale, across, height) {
    const places = values.map((value) => (value === null ? 0 : scale.place(value)));
    const sides = places.map((y) => (y < 0 ? 1 : y > height ? -1 : 0));
    sides.forEach((side, index) => {
      if (!side || side === sides[index - 1]) return;
      const y = side > 0 ? 10 : height - 3;
      picture.append(shape("text", { class: "cut", x: across(index + 1) + 2, y }, side > 0 ? "▲" : "▼"));
    });
  }

  function drawScale(picture, scale, width, values = [scale.low, scale.high]) {
    for (const value of values) {
      const y = scale.place(value);
      picture.append(
        shape("line", { class: "gridline", x1: LEFT, x2: width, y1: y, y2: y }),
        shape("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, scaleText(value)),
      );
    }
  }

  function drawStairs(picture, values, className, scale, across) {
    let path = "";
    values.forEach((value, index) => {
      if (value === null) return;
      const begins = index === 0 || values[index - 1] === null;
      path += `${begins ? "M" : "L"}${across(index + 1)} ${scale.place(value)}H${across(index + 2)}`;
    });
    if (path) picture.append(shape("path", { class: `line ${className}`, d: path }));
  }

  function addMarket(market) {
    const prices = [...market.marks, ...market.trades.map((trade) => trade.price)];
    const caption = (index) => {
      const trades = market.trades.filter((trade) => trade.event === index + 1);
      return [market.texts[index], ...trades.map((trade) => trade.text)].join(", ");
    };
    addPanel(market.name, "market", 70, `${market.name} mark price`, caption, (picture, across, column, height) => {
      const scale = scaleOf(prices, height);
      drawScale(picture, scale, across(count + 1));
      for (const line of market.liquidations) {
        const shown = line.map((value) => (value !== null && value >= scale.low && value <= scale.high ? value : null));
        drawStairs(picture, shown, "liquidation", scale, across);
      }
      drawStairs(picture, market.marks, "mark", scale, across);
      for (const trade of market.trades) {
        const x = across(trade.event) + column / 2;
        picture.append(marker(trade.kind, trade.sells, x, scale.place(trade.price)));
      }
    });
  }

  function marker(kind, sells, x, y) {
    const d = sells ? `M${x - 5} ${y - 4}h10l-5 9z` : `M${x - 5} ${y + 4}h10l-5 -9z`;
    return shape("path", { class: `marker ${kind}`, d });
  }

  function drawAreas(picture, pool, across, column, height) {
    pool.areas.forEach((area, index) => {
      if (area) {
        const place = { x: across(index + 1), y: 1, width: column + 0.5, height: height - 2 };
        picture.append(shape("rect", { class: `area ${area}`, ...place }));
      }
    });
  }

  function addRatio(pool) {
    if (pool.ratios.every((ratio) => ratio === null)) return;
    const title = `${pool.key} margin ratio`;
    addPanel(pool.key, "ratio", 76, title, (index) => pool.ratioTexts[index], (picture, across, column, height) => {
      const scale = cutScale(0, 2.2, height);
      drawAreas(picture, pool, across, column, height);
      drawScale(picture, scale, across(count + 1), [0, 1, 2]);
      drawStairs(picture, pool.shares, "backstop", scale, across);
      drawStairs(picture, pool.ratios.map((ratio) => (ratio === null ? null : 1)), "maintenance", scale, across);
      drawStairs(picture, pool.ratios, "equity", scale, across);
      drawCuts(picture, pool.ratios, scale, across, height);
    });
  }

  function addPool(pool) {
    const margin = Math.max(...pool.margin, 0);
    const caption = (index) => pool.texts[index];
    addPanel(pool.key, "pool", 96, pool.key, caption, (picture, across, column, height) => {
      const whole = scaleOf([...pool.equity, ...pool.margin, ...pool.line], height);
      const high = Math.min(whole.high, 2.5 * margin);
      const low = Math.max(Math.min(whole.low, 0), -0.5 * margin);
      const scale = margin > 0 ? cutScale(low, high, height) : whole;
      drawAreas(picture, pool, across, column, height);
      drawScale(picture, scale, across(count + 1));
      drawStairs(picture, pool.equity, "equity", scale, across);
      drawStairs(picture, pool.line, "backstop", scale, across);
      drawStairs(picture, pool.margin, "maintenance", scale, across);
      if (scale.cut) drawCuts(picture, pool.equity, scale, across, height);
      for (const event of pool.takeovers) {
        const x = across(event) + column / 2;
        picture.append(shape("line", { class: "line takeover", x1: x, x2: x, y1: 0, y2: height }));
      }
    });
  }

  // Runs of equal neighbours, as [value, first, last] with events from 1; absent values are left out.
  function spans(values) {
    const found = [];
    values.forEach((value, index) => {
      const latest = found[found.length - 1];
      if (latest && latest[0] === value) latest[2] = index + 1;
      else found.push([value, index + 1, index + 1]);
    });
    return found.filter(([value]) => value !== null);
  }

  // The first of the texts that fits; null where none does.
  function writeInside(picture, texts, x, width, y) {
    const text = texts.find((candidate) => candidate.length * 6.2 + 2 <= width);
    if (!text) return null;
    picture.append(shape("text", { x: x + width / 2, y, "text-anchor": "middle" }, text));
    return picture.lastChild;
  }

  function addBand(position) {
    const windows = spans(position.windows);
    const height = windows.length ? 44 : 26;
    const caption = (index) => {
      const open = position.windows[index] === null ? "" : `, window to ${position.windows[index]}`;
      return position.names[position.states[index]] + open;
    };
    addPanel(position.key, "band", height, position.key, caption, (picture, across, column) => {
      for (const [state, first, last] of spans(position.states)) {
        if (first === 1 && state === run.initial) continue;
        const width = (last - first + 1) * column;
        const area = shape("rect", { x: across(first), y: 1, width: Math.max(width - 1, 1), height: 24 });
        area.style.fill = `var(--state-${state})`;
        picture.append(area);
        const name = position.names[state];
        area.append(shape("title", {}, name));
        const text = writeInside(picture, [name], across(first), width, 17);
        if (text) text.style.fill = `var(--on-${state})`;
      }
      for (const [end, first, last] of windows) {
        const width = (last - first + 1) * column;
        picture.append(shape("rect", { class: "area window", x: across(first), y: 27, width: width - 1, height: 15 }));
        const text = writeInside(picture, [`window to ${end}`, `to ${end}`, end], across(first), width, 38);
        if (text) text.style.fill = "var(--background)";
      }
    });
  }

  function addSize(position) {
    const caption = (index) => position.texts[index];
    addPanel(position.key, "size", 40, `${position.key} size`, caption, (picture, across, column, height) => {
      const scale = scaleOf([0, ...position.sizes], height);
      position.orders.forEach((order, index) => {
        if (!order) return;
        const size = position.sizes[index];
        const ends = [scale.place(size), scale.place(size > 0 ? size - order : size + order)];
        const place = { x: across(index + 1), y: Math.min(...ends), width: column, height: Math.abs(ends[0] - ends[1]) };
        picture.append(shape("rect", { class: "area order", ...place }));
      });
      drawScale(picture, scale, across(count + 1));
      drawStairs(picture, position.sizes, "size", scale, across);
    });
  }

  function addVault(vault) {
    addPanel(vault.name, "vault", 60, `${vault.name} equity`, (index) => vault.texts[index], (picture, across, column, height) => {
      const scale = scaleOf(vault.equity, height);
      drawScale(picture, scale, across(count + 1));
      drawStairs(picture, vault.equity, "vault", scale, across);
    });
  }

  function addBlocks() {
    const caption = (index) => run.events[index].time;
    addPanel("", "blocks", 24, "time", caption, (picture, across, column) => {
      run.blocks.forEach((block, index) => {
        const width = (block.last - block.first + 1) * column;
        const parity = index % 2 ? "odd" : "even";
        picture.append(
          shape("rect", { class: `block ${parity}`, x: across(block.first), y: 1, width, height: 22 }),
        );
        writeInside(picture, [block.text, block.time], across(block.first), width, 16);
      });
    });
  }

  // The states as they are coloured in the bands, for those whose name has no room there.
  function addStates() {
    const seen = new Set(run.positions.flatMap((position) => position.states));
    for (const [state, name] of Object.entries(run.positions.length ? run.positions[0].names : {})) {
      if (!seen.has(state) || state === run.initial) continue;
      const sample = shape("svg", { viewBox: "0 0 28 14", "aria-hidden": "true" });
      sample.append(shape("rect", { width: 28, height: 14 }));
      sample.firstChild.style.fill = `var(--state-${state})`;
      const item = element("li");
      item.append(sample, element("span", name));
      byId("legend").append(item);
    }
  }

  function addLegend() {
    for (const { text, curve, area, mark } of run.legend) {
      const drawn = curve
        ? shape("path", { class: `line ${curve}`, d: "M0 7H28" })
        : area
          ? shape("rect", { class: `area ${area}`, width: 28, height: 14 })
          : marker(mark.kind, mark.side === "sells", 14, 7);
      const sample = shape("svg", { viewBox: "0 0 28 14", "aria-hidden": "true" });
      sample.append(drawn);
      const item = element("li");
      item.append(sample, element("span", text));
      byId("legend").append(item);
    }
  }

  // --------------------------------------------------------------------------------------------------------- stepping

  const SIGNS = { liquidation: "▲", backstop: "■", refusal: "×", finding: "!" };
  const MEANINGS = {
    liquidation: "a liquidation begins",
    backstop: "the vault takes a pool",
    refusal: "an event is refused",
    finding: run.sides.mark,
  };

  function addMarks() {
    run.events.forEach((event, index) => {
      if (!event.mark) return;
      const mark = element("button", SIGNS[event.mark], event.mark);
      const share = count > 1 ? index / (count - 1) : 0;
      mark.type = "button";
      mark.title = `event ${event.number}: ${event.mark}`;
      mark.setAttribute("aria-label", mark.title);
      mark.style.left = `calc(8px + ${share} * (100% - 16px))`; // the middle of the slider's thumb
      mark.addEventListener("click", () => go(index + 1));
      byId("marks").append(mark);
    });
    const used = Object.keys(SIGNS).filter((name) => run.events.some((event) => event.mark === name));
    const meanings = used.map((name) => `${SIGNS[name]} ${MEANINGS[name]}`).join(", ");
    show("marks-key", meanings && `Below the slider: ${meanings}.`);
  }

  function showMoment(event) {
    now = Math.min(Math.max(event, 1), count);
    const moment = run.events[now - 1];
    byId("slider").value = now;
    byId("slider").setAttribute("aria-valuetext", `${moment.number}: ${moment.text}`);
    byId("counter").textContent = `${moment.number} / ${run.events[count - 1].number}`;
    for (const name of ["first", "previous"]) byId(name).disabled = now === 1;
    for (const name of ["next", "last"]) byId(name).disabled = now === count;
    showEvent(moment);
    showLifecycle(moment);
    showChanges(moment);
    showEffects(moment);
    showArithmetic(moment);
    showRules(moment);
    for (const panel of panels) placeCursor(panel);
  }

  // The address names the event, so that it can be passed on.
  function go(event) {
    showMoment(event);
    history.replaceState(null, "", `#step=${run.events[now - 1].number}`);
  }

  // The place of the event with this number; of the nearest one before it where there is none.
  function place(step, follows) {
    const numbers = run.events.map((event) => event.number.split(".").map(Number));
    return numbers.filter(([one, after = 0]) => one < step || (one === step && after <= follows)).length;
  }

  function follow() {
    const named = /^#step=([0-9]{1,9})(?:\.([0-9]{1,9}))?$/.exec(location.hash);
    if (named) showMoment(place(Number(named[1]), Number(named[2] || 0)));
    return named !== null;
  }

  function pause() {
    clearInterval(playing);
    playing = null;
    byId("play").textContent = "Play";
    byId("play").setAttribute("aria-pressed", "false");
  }

  function play() {
    if (playing !== null) return pause();
    if (now === count) go(1);
    byId("play").textContent = "Pause";
    byId("play").setAttribute("aria-pressed", "true");
    playing = setInterval(() => {
      go(now + 1);
      if (now === count) pause();
    }, 1000);
  }

  const keys = { ArrowLeft: () => go(now - 1), ArrowRight: () => go(now + 1), Home: () => go(1), End: () => go(count) };
  document.addEventListener("keydown", (press) => {
    if (press.key === " " && press.target === document.body) {
      press.preventDefault();
      play();
    }
    const act = keys[press.key];
    const elsewhere = press.altKey || press.ctrlKey || press.metaKey || press.shiftKey;
    // The choice of a position has its own arrow keys.
    if (!act || elsewhere || press.target.type === "radio") return;
    press.preventDefault();
    pause();
    act();
  });

  byId("first").addEventListener("click", () => go(1));
  byId("previous").addEventListener("click", () => go(now - 1));
  byId("next").addEventListener("click", () => go(now + 1));
  byId("last").addEventListener("click", () => go(count));
  byId("play").addEventListener("click", play);
  window.addEventListener("hashchange", follow);
  byId("slider").max = count;
  byId("slider").addEventListener("input", (moved) => go(Number(moved.target.value)));

  byId("verdict").textContent = run.verdict;
  byId("sides-caption").textContent = run.sides.caption;
  byId("sides-ours").textContent = run.sides.names[0];
  byId("sides-theirs").textContent = run.sides.names[1];
  list("all-unexpected", run.unexpected);
  offerPositions();
  run.markets.forEach(addMarket);
  for (const pool of run.pools) {
    addRatio(pool);
    addPool(pool);
  }
  for (const position of run.positions) {
    addBand(position);
    addSize(position);
  }
  addBlocks();
  run.vaults.forEach(addVault);
  addLegend();
  addStates();
  addMarks();
  explainLifecycle();
  orderPanels();
  new ResizeObserver(() => panels.forEach(drawPanel)).observe(byId("panels"));
  panels.forEach(drawPanel);
  if (!follow()) showMoment(run.opens);
})();
