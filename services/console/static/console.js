// What the pages cannot do without: the look before the first paint, and small comforts. Nothing here knows money.
(() => {
  const root = document.documentElement;
  if (!root.dataset.bsTheme) {
    root.dataset.bsTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  // On a phone the tab where one is may be beyond the edge.
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".tabs [aria-current], .ways [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
    for (const open of document.querySelectorAll("details.menu[open], details.more[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  // A form is sent once; when the page comes back from the browser's memory it may be sent again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button[type=submit]")) button.classList.add("sending");
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const open of document.querySelectorAll("details[open]")) open.open = false;
    }
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing) {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });

  // The feed stays as long as it began; what is older is in the lists.
  document.addEventListener("htmx:after:swap", () => {
    const feed = document.getElementById("feed");
    while (feed && feed.children.length > 60) feed.lastElementChild.remove();
  });
})();
