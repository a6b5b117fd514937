() => {
  // Conversations are kept in this browser: each under a key of its own, so that two open tabs touch different ones.
  const PREFIX = "footnote.conversations.";
  const CURRENT = "footnote.conversation";
  const MOST_CONVERSATIONS = 200;
  // What the server takes in one piece: see desk.py.
  const MOST_TURNS = 100;
  const MOST_CHARS = 1_900_000;
  const LONGEST_NAME = 120;
  const UNDO_MS = 10_000;
  const OPENING_MS = 20_000;

  const find = (selector, within = document) => within.querySelector(selector);
  const make = (tag, about = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), about);
    element.append(...children);
    return element;
  };
  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  };

  // ---------------------------------------------------------------- what is kept

  const storage = (() => {
    try {
      localStorage.setItem("footnote.probe", "1");
      localStorage.removeItem("footnote.probe");
      return localStorage;
    } catch {
      return null;
    }
  })();
  const load = (id) => {
    const kept = storage && id ? parsed(storage.getItem(PREFIX + id)) : null;
    return kept && Array.isArray(kept.turns) && kept.turns.every((turn) => turn?.id) ? kept : null;
  };
  const all = () => {
    if (!storage) return [];
    const ids = Object.keys(storage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
    return ids.map(load).filter(Boolean).sort((one, other) => other.updated - one.updated);
  };
  const remove = (id) => storage?.removeItem(PREFIX + id);
  const dropOldest = (except) => {
    const oldest = all().filter((one) => one.id !== except).pop();
    if (!oldest) return false;
    remove(oldest.id);
    tell(say("dropped", oldest.name));
    return true;
  };
  const save = (kept) => {
    if (!storage) return false;
    for (;;) {
      try {
        storage.setItem(PREFIX + kept.id, JSON.stringify(kept));
        break;
      } catch {
        if (!dropOldest(kept.id)) {
          tell(say("full"));
          return false;
        }
      }
    }
    const count = Object.keys(storage).filter((key) => key.startsWith(PREFIX)).length;
    for (let over = count; over > MOST_CONVERSATIONS && dropOldest(kept.id); over -= 1);
    return true;
  };

  // ---------------------------------------------------------------- what is on the page

  // `skipped` is how many kept turns come before the first on the page; below 0 where the first ones are not kept.
  let current = parsed(sessionStorage.getItem(CURRENT));
  let known = load(current?.id)?.turns.map((turn) => turn.id).join() ?? "";
  let opening = null;
  let undoing = false;
  let last = "";
  // The answers that this page has put away already, wherever.
  const filed = new Set();

  const setCurrent = (id, skipped = 0) => {
    current = id ? { id, skipped } : null;
    if (current) sessionStorage.setItem(CURRENT, JSON.stringify(current));
    else sessionStorage.removeItem(CURRENT);
  };
  const newId = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
  const nameOf = (turns) => (turns[0]?.question ?? "").trim().replace(/\s+/g, " ").slice(0, LONGEST_NAME);

  const begin = (turns, skipped) => {
    const now = Date.now();
    setCurrent(newId(), skipped);
    write({ id: current.id, name: nameOf(turns), named: false, created: now, updated: now }, turns);
  };
  const write = (kept, turns) => {
    known = turns.map((turn) => turn.id).join();
    save({ ...kept, name: kept.named ? kept.name : nameOf(turns), updated: Date.now(), turns });
    render();
  };

  const shown = () => {
    const groups = [...document.querySelectorAll("#fn-panel .fn-group[data-receipt]")];
    return groups.map((group) => ({ turn: Number(group.id.slice(1)), id: group.dataset.answer, group }));
  };
  const sync = () => {
    const groups = shown().sort((one, other) => one.turn - other.turn);
    const key = groups.map((one) => `${one.turn}:${one.id}`).join();
    if (key === last && !opening) return;
    last = key;
    if (opening && !settle(groups)) return;
    if (!groups.length) {
      if (undoing) emptied();
      return;
    }
    undoing = false;
    const receipts = new Map(groups.map((one) => [one.id, parsed(one.group.dataset.receipt)]));
    file(groups.filter((one) => receipts.get(one.id)), receipts);
    groups.forEach((one) => filed.add(one.id));
  };
  const file = (groups, receipts) => {
    const kept = load(current?.id);
    if (!kept) {
      // A new conversation, or one that was deleted meanwhile: what was deleted stays deleted.
      const fresh = groups.filter((one) => !filed.has(one.id));
      if (fresh.length) begin(fresh.map((one) => receipts.get(one.id)), 1 - fresh[0].turn);
      return;
    }
    const old = new Map(kept.turns.map((turn) => [turn.id, turn]));
    const now = (one) => old.get(one.id) ?? receipts.get(one.id);
    if (kept.turns.map((turn) => turn.id).join() !== known) {
      // The same conversation goes on in another tab: from here on, this is another one.
      if (groups.some((one) => !old.has(one.id))) begin(groups.map(now), 1 - groups[0].turn);
      return;
    }
    const places = new Map(groups.map((one) => [one.turn, one]));
    const turns = kept.turns.slice(0, Math.max(0, current.skipped));
    for (let turn = 1; turn <= groups.at(-1).turn; turn += 1) {
      const one = places.get(turn);
      // The server forgets the sources of early answers; they are still kept here.
      const receipt = one ? now(one) : kept.turns[current.skipped + turn - 1];
      if (receipt) turns.push(receipt);
    }
    if (turns.map((turn) => turn.id).join() !== known) write(kept, turns);
  };
  // The only question was taken back.
  const emptied = () => {
    undoing = false;
    const kept = load(current?.id);
    if (kept && current.skipped > 0) write(kept, kept.turns.slice(0, current.skipped));
    else if (kept) {
      remove(kept.id);
      setCurrent(null);
      render();
    }
  };

  // ---------------------------------------------------------------- opening

  const open = (id) => {
    const kept = load(id);
    if (!kept?.turns.length) return;
    let from = Math.max(0, kept.turns.length - MOST_TURNS);
    while (from < kept.turns.length - 1 && JSON.stringify(kept.turns.slice(from)).length > MOST_CHARS) from += 1;
    find("#fn-stop-button")?.click();
    const late = setTimeout(() => {
      opening = null;
      tell(say("notOpened"));
    }, OPENING_MS);
    opening = { id, skipped: from, ids: new Set(kept.turns.map((turn) => turn.id)), known: kept.turns.map((turn) => turn.id).join(), late };
    globalThis.footnote.command({ do: "open", turns: kept.turns.slice(from) });
  };
  // Whether the page now shows what was opened.
  const settle = (groups) => {
    if (!groups.some((one) => opening.ids.has(one.id))) return false;
    clearTimeout(opening.late);
    known = opening.known;
    setCurrent(opening.id, opening.skipped);
    opening = null;
    render();
    return true;
  };
  const leave = () => {
    if (opening) clearTimeout(opening.late);
    opening = null;
    setCurrent(null);
    render();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("#fn-new")) leave();
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest("#fn-command")) undoing = parsed(event.target.value)?.do === "undo";
  }, true);

  // ---------------------------------------------------------------- the tab

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
    if (kept.id === current?.id) {
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
    here.append(
      make("div", { id: "fn-history-tools" }, search, button("save-all", say("saveAll")), button("delete-all", say("deleteAll"))),
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
    find("#fn-history-tools").hidden = !kept.length;
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
    if (id === current?.id) clear();
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
    Object.keys(storage).filter((key) => key.startsWith(PREFIX)).forEach((key) => storage.removeItem(key));
    clear();
    render();
    tell(say("deletedAll"));
    const none = find("#fn-history-none h3");
    none.tabIndex = -1;
    none.focus();
  };

  // ---------------------------------------------------------------- saving to a file

  const download = (name, type, text) => {
    const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
    const link = make("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const fileName = (name) => `footnote-${name.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60).replace(/^-+|-+$/g, "") || "conversation"}`;
  const plain = (kept) => ({
    name: kept.name, created: new Date(kept.created).toISOString(), updated: new Date(kept.updated).toISOString(), turns: kept.turns,
  });
  const asJson = (value) => `${JSON.stringify(value, null, 2)}\n`;

  // Text of others means nothing to Markdown, nor to HTML inside it.
  const inert = (text) => String(text ?? "").replace(/\s+/g, " ").trim().replace(/[\\`*_{}[\]<>#|~&]/g, "\\$&").replace(/^(?:\d+(?=[.)])|(?=[-+] ))/, "$&\\");
  const markdown = (kept) => {
    const head = [`# ${inert(kept.name)}`, `*${inert(say("savedFrom").replace("{date}", () => written(Date.now(), { timeStyle: undefined })))}*`];
    return `${[...head, ...kept.turns.flatMap(turnLines)].filter(Boolean).join("\n\n")}\n`;
  };
  const turnLines = (turn) => {
    const citations = turn.citations ?? [];
    const conflicts = turn.conflicts ?? [];
    const missing = (turn.missing ?? []).join(", ");
    const near = turn.outcome === "partly" && !turn.answered;
    const partly = say(near ? "sayNearMiss" : "sayPartly").replace("{missing}", () => missing);
    return [
      `## ${inert(turn.question)}`,
      turn.standalone_question !== turn.question ? `*${inert(`${say("sayUnderstoodAs")} ${turn.standalone_question}`)}*` : "",
      turn.outcome === "not_in_articles" ? `**${inert(say("sayNotInArticles"))}**` : "",
      turn.outcome === "partly" ? `**${inert(partly)}**` : "",
      ...conflicts.map((conflict) => [`**${inert(say("sayDisagree"))}**`, "", ...conflict.sides.map((side) =>
        `- “${inert(side.sentence.quote)}” (${inert(side.sentence.article_id)})`)].join("\n")),
      turn.short_answer && turn.answered && !conflicts.length ? `**${inert(turn.short_answer)}**` : "",
      ...(turn.written ? writtenLines(turn.written) : []),
      near ? inert(say("sayClosest")) : "",
      ...citations.map((one) => `> ${inert(one.cited_text)} [${one.index}]`),
      turn.outcome === "not_in_articles" && turn.evidence?.[0]?.quote ? closestLines(turn.evidence[0]) : "",
      citations.length ? `### ${inert(say("saySources"))}` : "",
      citations.map(sourceLine).join("\n"),
    ];
  };
  const writtenLines = (made) => [
    `*${inert(say("sayWrittenBy").replace("{model}", () => made.model))}*`,
    made.sentences.filter((one) => one.supported).map((one) => `${inert(one.text)} ${one.cites.map((n) => `[${n}]`).join(" ")}`).join(" "),
  ];
  const closestLines = (one) => `${inert(say("sayClosest"))}\n\n> ${inert(one.quote)} (${inert(one.article_id)})`;
  const sourceLine = (one) => {
    const about = [one.title, one.source, one.published ?? say("sayDateUnknown")].filter(Boolean).map(inert).join(", ");
    const address = /^https?:\/\/[^\s<>]+$/.test(one.url ?? "") ? ` <${one.url}>` : "";
    const doubt = one.verified ? "" : ` ${inert(say("sayNotVerified"))}`;
    return `${one.index}. ${about}${address} (${inert(one.article_id)}, ${one.start}–${one.end})${doubt}`;
  };

  const acts = {
    open: (id) => {
      find("#fn-tabs button[role='tab']")?.click();
      find("#fn-tabs button[role='tab']")?.focus();
      if (id !== current?.id) open(id);
    },
    rename,
    markdown: (id) => download(`${fileName(load(id).name)}.md`, "text/markdown", markdown(load(id))),
    json: (id) => download(`${fileName(load(id).name)}.json`, "application/json", asJson(plain(load(id)))),
    delete: forget,
    "save-all": () => download("footnote-conversations.json", "application/json", asJson(all().map(plain))),
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

  // ---------------------------------------------------------------- from the beginning

  let restored = false;
  const watch = () => {
    if (!restored && find("#fn-panel .fn-empty")) {
      // The page is up: what was open in this tab comes back.
      restored = true;
      if (current) open(current.id);
    }
    sync();
    build();
  };
  new MutationObserver(watch).observe(document.body, { subtree: true, childList: true });
  watch();
}
