() => {
  // The tab with the conversations: the list, the search, and what can be done with one. keeping.js keeps them.
  const UNDO_MS = 10_000;
  const { make, keeping } = globalThis.footnote;
  const { PREFIX, LONGEST_NAME, storage, load, all, save, remove, removeAll, current, open, leave } = keeping;
  const find = (selector, within = document) => within.querySelector(selector);

  const room = () => find("#fn-history");
  const words = () => room()?.dataset ?? {};
  const say = (key, name = "") => (words()[key] ?? "").replace("{name}", () => name);
  const counted = (key, n) => (words()[n === 1 ? `${key}One` : `${key}Many`] ?? "").replace("{n}", () => n.toLocaleString(words().locale));
  const written = (time, style = {}) =>
    new Intl.DateTimeFormat(words().locale, { dateStyle: "medium", timeStyle: "short", ...style }).format(new Date(time));
  const folded = (text) => text.normalize("NFC").toLocaleLowerCase();

  let renaming = null;
  let sought = "";
  let undo = null;

  const tell = (text, offer) => {
    const line = find("#fn-history-says");
    if (!line) return;
    clearTimeout(undo);
    line.replaceChildren(make("span", { textContent: text }));
    if (!offer) return;
    const button = make("button", { type: "button", className: "fn-plain", textContent: say("restore") });
    button.addEventListener("click", () => {
      clearTimeout(undo);
      offer();
    });
    line.append(" ", button);
    const end = () => {
      // Not under the hand of whoever is about to press it.
      if (line.matches(":hover, :focus-within")) undo = setTimeout(end, UNDO_MS);
      else line.replaceChildren();
    };
    undo = setTimeout(end, UNDO_MS);
  };

  const button = (act, text, name, kind = "fn-plain") => {
    const made = make("button", { type: "button", className: kind, textContent: text });
    made.dataset.act = act;
    // Alike buttons are told apart by what they belong to.
    if (name) made.append(make("span", { className: "fn-hidden", textContent: `: ${name}` }));
    return made;
  };

  // Where a conversation has the words that are looked for: its first question or quotation that has them.
  const spoken = (kept) => kept.turns.flatMap((turn) => [turn.question ?? "", ...(turn.citations ?? []).map((one) => one.cited_text ?? "")]);
  const snippet = (text, wanted) => {
    const at = folded(text).indexOf(wanted);
    const from = Math.max(0, at - 60);
    const mark = make("mark", { textContent: text.slice(at, at + wanted.length) });
    const after = text.slice(at + wanted.length, at + wanted.length + 100);
    const rest = at + wanted.length + 100 < text.length ? "…" : "";
    return make("p", { className: "fn-history-match" }, `${from ? "…" : ""}${text.slice(from, at)}`, mark, after + rest);
  };

  const item = (kept) => {
    const about = make("p", { className: "fn-meta" },
      make("span", { textContent: written(kept.updated) }), make("span", { textContent: counted("questions", kept.turns.length) }));
    const head = kept.id === renaming ? nameBox(kept) : button("open", kept.name, "", "fn-history-open");
    const entry = make("li", {}, head, about);
    entry.dataset.id = kept.id;
    if (kept.id === current()) {
      head.setAttribute("aria-current", "true");
      about.append(make("span", { className: "fn-history-now", textContent: say("current") }));
    }
    const match = sought && spoken(kept).find((text) => folded(text).includes(sought));
    if (match) entry.append(snippet(match, sought));
    const acts = ["rename", "markdown", "json", "delete"].map((act) => button(act, say(act), kept.name));
    entry.append(make("p", { className: "fn-history-acts" }, ...acts));
    return entry;
  };
  const nameBox = (kept) => {
    // What was typed already stays when the list is drawn anew.
    const value = find(".fn-history-name")?.value ?? kept.name;
    const box = make("input", { type: "text", value, maxLength: LONGEST_NAME, className: "fn-history-name" });
    box.setAttribute("aria-label", say("name"));
    return box;
  };

  const build = () => {
    const here = room();
    if (!here || find("#fn-history-list", here)) return;
    const search = make("input", { type: "search", id: "fn-history-search", placeholder: say("search"), autocomplete: "off", value: sought });
    search.setAttribute("aria-label", say("search"));
    const files = make("input", { type: "file", id: "fn-history-files", accept: ".json,application/json", multiple: true, hidden: true });
    here.append(
      make("div", { id: "fn-history-tools", hidden: !storage }, search, button("save-all", say("saveAll")), button("import", say("importFiles")),
        button("delete-all", say("deleteAll")), files),
      make("div", { id: "fn-history-says" }), make("p", { id: "fn-history-count", className: "fn-note" }),
      make("ul", { id: "fn-history-list" }),
      make("div", { id: "fn-history-none", hidden: true }, make("h3", { textContent: say("none") }),
        make("p", { textContent: storage ? say("noneHint") : say("off") })));
    find("#fn-history-says").setAttribute("role", "status");
    find("#fn-history-count").setAttribute("role", "status");
    render();
  };
  const render = () => {
    const list = find("#fn-history-list");
    if (!list) return;
    const kept = all();
    const found = sought ? kept.filter((one) => folded(one.name).includes(sought) || spoken(one).some((text) => folded(text).includes(sought))) : kept;
    const held = list.contains(document.activeElement) ? document.activeElement : null;
    const place = held && [held.closest("li").dataset.id, held.dataset.act];
    list.replaceChildren(...found.map(item));
    if (place) focus(...place);
    // What is saved in a file can be brought in where there is nothing yet.
    for (const tool of find("#fn-history-tools").children) tool.hidden = tool.type === "file" || (tool.dataset.act !== "import" && !kept.length);
    find("#fn-history-none").hidden = kept.length > 0;
    const count = find("#fn-history-count");
    const text = !kept.length ? "" : found.length ? counted("found", found.length) : say("noMatch");
    if (count.textContent !== text) count.textContent = text;
  };
  const focus = (id, act) => {
    const entry = [...document.querySelectorAll("#fn-history-list > li")].find((one) => one.dataset.id === id);
    const target = entry && (find(".fn-history-name", entry) ?? find(`[data-act="${act ?? "open"}"]`, entry));
    (target ?? find("#fn-history-search"))?.focus();
    return Boolean(target);
  };

  // ---------------------------------------------------------------- what can be done there

  const rename = (id) => {
    renaming = id;
    render();
    const box = find(".fn-history-name");
    box?.focus();
    box?.select();
  };
  const renamed = (keep) => {
    const id = renaming;
    const name = (find(".fn-history-name")?.value ?? "").trim().replace(/\s+/g, " ");
    renaming = null;
    const kept = load(id);
    if (keep && kept && name && name !== kept.name) {
      save({ ...kept, name, named: true });
      tell(say("renamed", name));
    }
    render();
    return id;
  };
  const forget = (id) => {
    const kept = load(id);
    if (!kept) return;
    const order = [...document.querySelectorAll("#fn-history-list > li")].map((one) => one.dataset.id);
    const next = order[order.indexOf(id) + 1] ?? order[order.indexOf(id) - 1];
    remove(id);
    if (id === current()) clear();
    render();
    tell(say("deleted", kept.name), () => {
      save(kept);
      render();
      tell(say("restored", kept.name));
      focus(id, "delete");
    });
    if (next) focus(next, "delete");
    else find("#fn-history-says button")?.focus();
  };
  // The page no longer shows what was deleted.
  const clear = () => {
    leave();
    find("#fn-new")?.click();
  };
  const forgetAll = async () => {
    const sure = make("dialog", { id: "fn-history-sure" });
    const form = make("form", { method: "dialog" }, make("p", { id: "fn-history-sure-text", textContent: say("deleteAllSure") }));
    const yes = make("button", { value: "yes", className: "fn-danger", textContent: say("deleteAll") });
    const no = make("button", { value: "", className: "fn-plain", textContent: say("sayCancel"), autofocus: true });
    form.append(make("p", { className: "fn-history-choices" }, yes, no));
    sure.append(form);
    sure.setAttribute("aria-labelledby", "fn-history-sure-text");
    (find("main") ?? document.body).append(sure);
    sure.showModal();
    await new Promise((resolve) => { sure.addEventListener("close", resolve, { once: true }); });
    sure.remove();
    if (sure.returnValue !== "yes") {
      find("[data-act='delete-all']")?.focus();
      return;
    }
    removeAll();
    clear();
    render();
    tell(say("deletedAll"));
    const none = find("#fn-history-none h3");
    none.tabIndex = -1;
    none.focus();
  };

  const acts = {
    open: (id) => {
      find("#fn-tabs button[role='tab']")?.click();
      find("#fn-tabs button[role='tab']")?.focus();
      if (id !== current()) open(id);
    },
    rename,
    markdown: (id) => globalThis.footnote.saving.markdown(load(id)),
    json: (id) => globalThis.footnote.saving.json(load(id)),
    delete: forget,
    "save-all": () => globalThis.footnote.saving.all(),
    import: () => find("#fn-history-files").click(),
    "delete-all": forgetAll,
  };
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("#fn-history [data-act]");
    if (!pressed) return;
    const id = pressed.closest("li")?.dataset.id;
    // Another tab may have deleted it a moment ago.
    if (id && !load(id)) render();
    else acts[pressed.dataset.act](id);
  });
  document.addEventListener("input", (event) => {
    if (event.target.id !== "fn-history-search") return;
    sought = folded(event.target.value.trim());
    render();
  });
  document.addEventListener("keydown", (event) => {
    // While a syllable is being composed, Enter and Escape belong to the keyboard.
    if (!event.target.matches?.(".fn-history-name") || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      focus(renamed(event.key === "Enter"), "rename");
    }
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches?.(".fn-history-name") && event.target.isConnected && renaming && document.hasFocus()) {
      // Whatever takes the focus may be an element that is about to be drawn anew.
      setTimeout(() => { if (renaming && document.activeElement !== find(".fn-history-name")) renamed(true); }, 150);
    }
  });
  addEventListener("storage", (event) => {
    if (!renaming && (event.key === null || event.key.startsWith(PREFIX))) render();
  });

  Object.assign(keeping.told, { changed: () => render(), tell: (key, name) => tell(say(key, name)) });
  globalThis.footnote.history = { say, counted, written, tell, render };
  new MutationObserver(build).observe(document.body, { subtree: true, childList: true });
  build();
}
