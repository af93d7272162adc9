// Forms with many lines: search while typing, the next field by Enter, lines that come as they are needed, and sums that
// the server adds up. Nothing here knows money.
(() => {
  const later = (wait, work) => { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => work(...args), wait); }; };

  // -- search while typing: the options come from the server, arrows choose, Enter takes --
  const close = (finder) => {
    const input = finder.querySelector("[role=combobox]"), list = finder.querySelector("[role=listbox]");
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (finder, option) => {
    const input = finder.querySelector("[role=combobox]");
    for (const other of finder.querySelectorAll("[role=option]")) other.setAttribute("aria-selected", other === option);
    if (!option) return;
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const take = (finder, option) => {
    if (finder.matches("[data-scan]")) { close(finder); return scan(finder, option.dataset.value); }
    const input = finder.querySelector("[role=combobox]"), note = finder.querySelector("[data-known]");
    if (option.dataset.why) {  // it may be found, but not be taken; why stands at the field
      close(finder);
      input.classList.add("is-invalid");
      note.className = "wrong";
      note.textContent = option.dataset.why;
      return input.select();
    }
    input.value = option.dataset.value;
    input.classList.remove("is-invalid");
    note.className = "hint";
    const free = option.querySelector(".option-free");
    note.textContent = option.dataset.label + (free && option.dataset.free ? " · " + free.textContent : "");
    if ("dimensions" in option.dataset) carry(finder.closest("[data-row]"), option.dataset.dimensions.split(" "));
    close(finder);
    input.dispatchEvent(new Event("change", { bubbles: true }));
    const next = following(input);
    if (next) next.focus();
  };
  const search = later(140, async (finder) => {
    const input = finder.querySelector("[role=combobox]"), list = finder.querySelector("[role=listbox]");
    const asked = input.value;
    if (!asked.trim()) return close(finder);  // it was scanned before the search began
    const place = input.form.elements.warehouse;
    const query = new URLSearchParams({ q: asked, warehouse: place && finder.dataset.find === "products" ? place.value : "" });
    const answer = await fetch(`/find/${finder.dataset.find}?${query}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer || !answer.ok || input.value !== asked || document.activeElement !== input) return;
    list.innerHTML = await answer.text();
    list.dataset.asked = asked;
    for (const option of list.querySelectorAll("[role=option]")) option.id = `${list.id}-${option.id}`;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    choose(finder, list.querySelector("[role=option]"));
  });
  document.addEventListener("input", (event) => {
    const finder = event.target.closest("[data-find]");
    if (!finder) return;
    finder.querySelector("[data-known]").textContent = "";
    if (event.target.value.trim()) search(finder); else close(finder);
  });
  document.addEventListener("focusout", (event) => {
    const finder = event.target.closest("[data-find]");
    if (finder) setTimeout(() => { if (!finder.contains(document.activeElement)) close(finder); }, 150);
  });
  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[data-find] [role=option]");
    if (option) { event.preventDefault(); take(option.closest("[data-find]"), option); }
  });

  // -- the keyboard: Enter goes on to the next field, Ctrl+Enter submits --
  const following = (field) => {
    const fields = [...field.form.querySelectorAll("input:not([type=hidden]), select, textarea, button[type=submit]")].filter((one) => one.offsetParent);
    return fields[fields.indexOf(field) + 1];
  };
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    const finder = field.closest?.("[data-find]");
    const list = finder && finder.querySelector("[role=listbox]");
    if (finder?.matches("[data-scan]") && event.key === "Enter") {
      event.preventDefault();
      const code = field.value.trim();
      const option = !list.hidden && list.dataset.asked === field.value && list.querySelector("[aria-selected=true]");
      close(finder);  // a reader types faster than the search answers: then the code itself is what counts
      return code ? scan(finder, option ? option.dataset.value : code) : undefined;
    }
    if (list && !list.hidden) {
      const options = [...list.querySelectorAll("[role=option]")];
      const here = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        return choose(finder, options[(here + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length]);
      }
      if (event.key === "Escape") return close(finder);
      if (event.key === "Enter" && here >= 0 && !event.ctrlKey) { event.preventDefault(); return take(finder, options[here]); }
    }
    if (event.key !== "Enter" || !field.form?.matches("[data-entry]")) return;
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); return field.form.requestSubmit(); }
    if (field.matches("input, select")) {
      event.preventDefault();
      let next = following(field);
      const lines = field.closest("[data-lines]");
      if (lines && next && !lines.contains(next)) { more(lines); next = following(field); }
      if (next) { next.focus(); next.select?.(); }
    }
  });

  // -- what a line carries besides: the fields that its account usually has, all of them by a button --
  const carry = (row, names) => {
    for (const dim of row.querySelectorAll("[data-dim]")) dim.hidden = !names.includes(dim.dataset.dim) && !dim.querySelector("input").value;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-more-dims]");
    if (!button) return;
    const dims = [...button.closest("td").querySelectorAll("[data-dim]")];
    const first = dims.find((dim) => dim.hidden) ?? dims[0];
    for (const dim of dims) dim.hidden = false;
    first.querySelector("input").focus();
  });

  // -- Tab in the last field of the last line adds one, if anything stands in that line (so nobody is caught in them) --
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest?.("[data-lines] [data-row]");
    if (event.key !== "Tab" || event.shiftKey || !row || row.nextElementSibling) return;
    const inputs = [...row.querySelectorAll("input")].filter((one) => one.offsetParent);
    if (event.target !== inputs.at(-1) || !inputs.some((one) => one.value.trim())) return;
    event.preventDefault();
    more(row.closest("[data-lines]")).querySelector("input").focus();
  });

  // -- "=" (also the wide one of a Chinese keyboard) in an amount asks the server what it has to be for both sides to be equal --
  document.addEventListener("beforeinput", async (event) => {
    const input = event.target, lines = input.closest?.("[data-lines][data-fills]");
    if (!["=", "＝"].includes(event.data) || !lines || !input.matches(".num .form-control")) return;
    event.preventDefault();
    const twin = [...input.closest("[data-row]").querySelectorAll(".num > .form-control")].find((one) => one !== input);
    const found = await totals(lines, { fill: input.name });
    if (!found) return;
    if (twin) twin.value = "";
    input.value = found.querySelector("[data-fill]")?.textContent ?? "";
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // -- lines --
  const more = (lines) => {
    const rows = lines.querySelectorAll("[data-row]"), last = rows[rows.length - 1];
    const row = last.cloneNode(true), from = last.dataset.row, n = String(Number(from) + 1);
    row.dataset.row = n;
    row.querySelector(".nth").textContent = String(rows.length + 1);
    for (const one of row.querySelectorAll("[id], [name], [for], [aria-controls], [aria-describedby], [data-net]")) {
      for (const name of ["id", "name", "for", "aria-controls", "aria-describedby"]) {
        if (one.hasAttribute(name)) one.setAttribute(name, one.getAttribute(name).replace(`lines.${from}.`, `lines.${n}.`).replace(`lines-${from}-`, `lines-${n}-`));
      }
      if (one.dataset.net) one.dataset.net = n;
    }
    clear(row);
    last.after(row);
    return row;
  };
  const clear = (row) => {
    for (const input of row.querySelectorAll("input")) { input.value = ""; input.classList.remove("is-invalid"); }
    for (const note of row.querySelectorAll("[data-known], output")) { note.textContent = ""; if (note.matches("[data-known]")) note.className = "hint"; }
    for (const wrong of row.querySelectorAll("td > .wrong, .dim .field:not(.finder) .wrong")) wrong.remove();
    if (row.querySelector("[data-dim]")) carry(row, []);
  };
  document.addEventListener("click", (event) => {
    const lines = event.target.closest("[data-lines]");
    if (!lines) return;
    if (event.target.closest("[data-more]")) more(lines).querySelector("input").focus();
    if (event.target.closest("[data-clear]")) { const row = event.target.closest("[data-row]"); clear(row); row.querySelector("input").focus(); add(lines); }
  });
  const totals = async (lines, more = {}) => {
    const body = new URLSearchParams(new FormData(lines.closest("form")));
    for (const [name, value] of Object.entries(more)) body.set(name, value);
    const answer = await fetch(lines.dataset.totals, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
    return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  };
  const add = later(250, async (lines) => {
    const found = await totals(lines);
    if (!found) return;
    for (const place of lines.querySelectorAll("[data-net]")) {
      place.textContent = found.querySelector(`[data-net="${place.dataset.net}"]`)?.textContent ?? "";
    }
    lines.querySelector("[data-sums]").innerHTML = found.querySelector("[data-sums]").innerHTML;
  });

  // -- scanning: what is read goes to the top of the running list, once more of the same adds one --
  const scan = async (finder, code) => {
    const scanner = finder.closest("[data-scanner]"), list = scanner.querySelector(".scanned-list");
    const input = finder.querySelector("input"), note = finder.querySelector("[data-known]");
    input.value = "";
    note.textContent = "";
    input.focus();
    let row = [...list.children].find((one) => one.dataset.sku.toLowerCase() === code.toLowerCase());
    if (row) bump(row, 1);
    else {
      const n = Math.max(-1, ...[...list.children].map((one) => Number(one.dataset.row))) + 1;
      const answer = await fetch(`/stock/scan?${new URLSearchParams({ mode: scanner.dataset.scanner, code, n })}`, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (!answer || !answer.ok) { note.textContent = "✕ " + code; input.value = code; return input.select(); }
      const holder = document.createElement("ol");
      holder.innerHTML = await answer.text();
      row = holder.querySelector(".scanned");
      if (!row) { note.innerHTML = holder.innerHTML; return; }
      const twin = [...list.children].find((one) => one.dataset.sku === row.dataset.sku);  // found by its name
      if (twin) { bump(twin, 1); row = twin; }
    }
    list.prepend(row);
    row.classList.remove("now");
    void row.offsetWidth;
    row.classList.add("now");
    sum();
  };
  const quantityOf = (row) => row.querySelector(".stepper input");
  const bump = (row, by) => {
    const input = quantityOf(row), held = Number(input.value);
    if (Number.isFinite(held)) input.value = String(Math.max(0, Math.round((held + by) * 1e6) / 1e6));
  };
  const sum = () => {
    const place = document.querySelector("[data-scanned]");
    if (!place) return;
    const held = [...document.querySelectorAll(".scanned")].map((row) => quantityOf(row).value).filter((value) => value.trim());
    const total = held.reduce((all, value) => all + (Number(value) || 0), 0);
    place.textContent = held.length ? place.dataset.words.replace("{n}", held.length).replace("{q}", Math.round(total * 1e6) / 1e6) : "";
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".scanned"), by = event.target.closest("[data-add]");
    if (row && by) bump(row, Number(by.dataset.add));
    if (row && event.target.closest("[data-drop]")) row.remove();
    if (event.target.closest("[data-fill]")) {
      for (const input of document.querySelectorAll(".stepper input[data-left]")) input.value = input.dataset.left;
    }
    sum();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest(".scanned")) { event.preventDefault(); document.getElementById("f-scan").focus(); }
  });
  document.addEventListener("input", (event) => { if (event.target.closest(".scanned")) sum(); });
  document.addEventListener("DOMContentLoaded", sum);

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const lines = event.target.closest("[data-lines][data-totals]");
      if (lines) add(lines);
    });
  }
})();
