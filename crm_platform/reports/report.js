// What a page can do beyond being read: charts that tell, tables that sort, contents that show where one is.
// Without it the page says the same. Every text comes from the page itself and is set as text.
"use strict";
(() => {
  const page = document.body, all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const made = (name, attributes) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // --- charts: the mark pointed at, tapped or reached by arrow keys tells its row of the table ---

  const NEAR = 24; // pixels from the middle of a point
  const tip = page.appendChild(made("div", { class: "tip", "aria-hidden": "true", hidden: "" })); // a mark's own name says it
  let shown = null;

  const hide = () => {
    shown?.classList.remove("told");
    shown = null;
    tip.hidden = true;
  };

  const place = () => {
    const at = shown.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = at.left + at.width / 2 - own.width / 2, above = at.top - own.height - 8;
    tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - own.width - 4))}px`;
    tip.style.top = `${above < 4 ? Math.max(4, Math.min(at.bottom + 8, innerHeight - own.height - 4)) : above}px`;
  };

  const show = (mark) => {
    if (mark === shown) return;
    hide();
    shown = mark;
    mark.classList.add("told");
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    place();
  };

  const distance = (mark, event) => {
    const at = mark.getBoundingClientRect();
    return Math.hypot(at.left + at.width / 2 - event.clientX, at.top + at.height / 2 - event.clientY);
  };

  const pointedAt = (marks, event) => {
    if (marks.includes(event.target)) return event.target;
    const nearest = marks.reduce(
      (best, mark) => {
        const away = mark.classList.contains("point") ? distance(mark, event) : NEAR;
        return away < best.away ? { mark, away } : best;
      },
      { mark: null, away: NEAR },
    );
    return nearest.mark;
  };

  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const reached = (marks, from, key) => {
    const place = { Home: 0, End: marks.length - 1 }[key] ?? marks.indexOf(from) + STEPS[key];
    return marks[Math.max(0, Math.min(place, marks.length - 1))];
  };

  for (const chart of all("figure svg")) {
    const marks = all("[aria-label]", chart);
    if (!marks.length) continue;
    chart.setAttribute("role", "group");
    chart.parentElement.removeAttribute("tabindex"); // one stop for the keyboard: the marks
    for (const mark of marks) {
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", mark === marks[0] ? "0" : "-1");
      if (mark.parentElement.classList.contains("mark-symbol")) mark.classList.add("point");
    }
    const point = (event) => {
      const mark = pointedAt(marks, event);
      if (mark) show(mark);
      else hide();
    };
    chart.addEventListener("pointermove", point);
    chart.addEventListener("pointerdown", point);
    chart.addEventListener("pointerleave", (event) => event.pointerType === "touch" || hide());
    chart.addEventListener("focusin", (event) => show(event.target));
    chart.addEventListener("focusout", hide);
    chart.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS || event.key === "Home" || event.key === "End")) return;
      event.preventDefault();
      const mark = reached(marks, event.target, event.key);
      event.target.setAttribute("tabindex", "-1");
      mark.setAttribute("tabindex", "0");
      mark.focus();
    });
  }
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("pointerdown", (event) => event.target.closest?.("figure svg") || hide());
  const follow = () => shown && (shown === document.activeElement ? place() : hide());
  addEventListener("scroll", follow, { capture: true, passive: true });

  // --- tables: a header sorts its column, numbers and months by what they stand for ---

  const status = page.appendChild(made("p", { role: "status", class: "unseen" }));
  const inWords = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const valueOf = (row, column) => row.cells[column].dataset.value;

  const sort = (table, column, direction) => {
    const rows = all("tbody tr", table);
    const isMeasured = rows.some((row) => valueOf(row, column) !== undefined);
    const compared = (one, other) => {
      if (!isMeasured) return direction * inWords.compare(one.cells[column].textContent, other.cells[column].textContent);
      const values = [valueOf(one, column), valueOf(other, column)];
      const unknown = values.map((value) => value === undefined); // stays last either way
      return unknown[0] || unknown[1] ? unknown[0] - unknown[1] : direction * (values[0] - values[1]);
    };
    table.tBodies[0].append(...rows.sort(compared));
  };

  for (const table of all("table")) {
    if (table.tBodies[0].rows.length < 2) continue;
    const headers = all("thead th", table);
    headers.forEach((header, column) => {
      if (!header.textContent.trim()) return;
      const button = made("button", { type: "button" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const rises = header.getAttribute("aria-sort") !== "ascending";
        headers.forEach((each) => each.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", rises ? "ascending" : "descending");
        sort(table, column, rises ? 1 : -1);
        status.textContent = `${button.textContent}: ${rises ? page.dataset.sortedUp : page.dataset.sortedDown}`;
      });
    });
  }

  // --- contents: where one is ---

  const links = all("nav a").map((link) => ({ link, place: document.getElementById(link.hash.slice(1)) }));
  const nav = document.querySelector("nav");
  let here = null;

  const mark = () => {
    const passed = links.filter(({ place }) => place.getBoundingClientRect().top < innerHeight / 3);
    const now = passed.at(-1)?.link ?? null;
    if (now === here) return;
    here?.removeAttribute("aria-current");
    now?.setAttribute("aria-current", "location");
    here = now;
    if (now && nav.scrollHeight > nav.clientHeight) nav.scrollTop = now.offsetTop - nav.clientHeight / 2;
  };

  let isAsked = false;
  addEventListener("scroll", () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      mark();
    });
  }, { passive: true });
  mark();
})();
