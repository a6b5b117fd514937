() => {
  // What can be done with an answer, and a word when the server is gone. Delegated: Gradio replaces elements as it likes.
  const says = () => document.getElementById("fn-ask-says")?.dataset ?? {};
  const find = (selector) => document.querySelector(selector);
  const box = () => find("#fn-question textarea");
  const turns = () => document.querySelectorAll("#fn-chat .fn-question");
  const turnOf = (element) => Number(/t(\d+)-/.exec(element.getAttribute("href"))?.[1] ?? 0);
  const receiptOf = (turn) => JSON.parse(document.getElementById(`t${turn}`)?.dataset.receipt ?? "null");

  const fill = (area, text) => {
    // Past Gradio's own setter, which would not tell it.
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(area), "value").set.call(area, text);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const { command, make } = globalThis.footnote;
  const asked = (turn) => {
    const question = turns()[turn - 1]?.cloneNode(true);
    question?.querySelector(".fn-hidden")?.remove();
    return question?.textContent ?? "";
  };

  // Copying: what is said, then where it stands

  const copy = async (turn, button) => {
    const group = document.getElementById(`t${turn}`);
    const text = (from, name) => from.querySelector(name)?.textContent.trim() ?? "";
    const answer = button.closest(".fn-answer");
    const lines = [asked(turn), "", text(answer, ".fn-short"), ""];
    for (const card of group?.querySelectorAll(".fn-card") ?? []) {
      const about = [...card.querySelectorAll(".fn-meta > :not(.fn-support)")].map((part) => part.textContent);
      const number = text(card, ".fn-number") || "–";
      const address = card.querySelector(".fn-actions a")?.href ?? "";
      lines.push(`“${text(card, ".fn-cited")}” [${number}]`, `  [${number}] ${[text(card, ".fn-title"), ...about].join(", ")}`, `  ${address}`);
    }
    await navigator.clipboard.writeText(lines.filter((line, at) => line || lines[at - 1]).join("\n").trim());
    tell(button, says().copied);
  };
  const tell = (button, text) => {
    const answer = button.closest(".fn-acts");
    answer.querySelector(".fn-told")?.remove();
    answer.append(make("span", { className: "fn-told", textContent: text, role: "status" }));
    setTimeout(() => answer.querySelector(".fn-told")?.remove(), 4000);
  };

  // Editing the last question

  let editing = 0;
  const stopEditing = () => {
    editing = 0;
    find("#fn-editing")?.remove();
  };
  const edit = (turn) => {
    stopEditing();
    editing = turn;
    const cancel = make("button", { type: "button", textContent: says().cancel, className: "fn-plain" });
    cancel.addEventListener("click", () => { stopEditing(); fill(box(), ""); box().focus(); });
    find("#fn-form").before(make("p", { id: "fn-editing", className: "fn-note", role: "status" }, `${says().editing} `, cancel));
    fill(box(), asked(turn));
    box().focus();
  };
  const sendEdited = (event) => {
    if (!editing || !box().value.trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    command({ do: "edit", turn: editing, question: box().value.trim() });
    stopEditing();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === box()) sendEdited(event);
    if (event.key === "Escape" && editing && event.target === box()) { stopEditing(); fill(box(), ""); }
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest("#fn-ask-button")) sendEdited(event);
    if (event.target.closest("#fn-new")) stopEditing();
  }, true);

  // What a reader thinks of an answer; it stays on this machine

  const send = async (turn, button, rating, reason, comment) => {
    const receipt = receiptOf(turn) ?? {};
    const citations = (receipt.citations ?? []).slice(0, 20).map((one) => ({
      article_id: one.article_id, start_char_index: one.start, end_char_index: one.end, cited_text: one.cited_text,
    }));
    const said = {
      answer_id: receipt.id, question: asked(turn), standalone_question: receipt.standalone_question, rating, reason, comment, citations,
      outcome: receipt.outcome, generation: receipt.generation,
    };
    const known = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ""));
    let ok = false;
    try {
      const headers = { "Content-Type": "application/json" };
      ok = (await fetch(globalThis.footnote.address("v1/feedback"), { method: "POST", headers, body: JSON.stringify(known) })).ok;
    } catch { /* said below */ }
    if (ok) {
      for (const one of button.closest(".fn-acts").querySelectorAll(".fn-act-up, .fn-act-down")) {
        one.classList.toggle("fn-chosen", one.classList.contains(`fn-act-${rating}`));
      }
    }
    tell(button, ok ? says().feedbackThanks : says().feedbackFailed);
  };
  const name = (reason) => says()[`feedback-${reason.replaceAll("_", "-")}`.replace(/-(.)/g, (_, letter) => letter.toUpperCase())];
  const askWhy = (turn, button) => {
    find("#fn-why")?.remove();
    const reasons = says().reasons.split(" ").map((reason, at) =>
      make("label", {}, make("input", { type: "radio", name: "fn-reason", value: reason, checked: !at }), ` ${name(reason)}`));
    const comment = make("textarea", { rows: 2, maxLength: 2000 });
    const cancel = make("button", { type: "button", textContent: says().cancel, className: "fn-plain" });
    const form = make("form", { id: "fn-why" },
      make("fieldset", {}, make("legend", { textContent: says().feedbackWhy }), ...reasons),
      make("label", { className: "fn-comment" }, says().feedbackComment, comment),
      make("p", {}, make("button", { type: "submit", textContent: says().feedbackSend, className: "fn-plain" }), cancel));
    const close = () => { form.remove(); button.focus(); };
    cancel.addEventListener("click", close);
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(turn, button, "down", form.elements["fn-reason"].value, comment.value.trim());
      close();
    });
    button.closest(".fn-answer").append(form);
    form.scrollIntoView({ block: "nearest" });
    form.querySelector("input").focus({ preventScroll: true });
  };

  const acts = {
    copy, up: (turn, button) => send(turn, button, "up"), down: askWhy, edit,
    again: (turn) => command({ do: "again", turn, question: asked(turn) }),
    undo: (turn) => { command({ do: "undo", turn, question: asked(turn) }); box().focus(); },
  };
  document.addEventListener("click", (event) => {
    const act = event.target.closest(".fn-act");
    const go = event.target.closest(".fn-go");
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      acts[/fn-act-(\w+)/.exec(act.className)[1]](turnOf(act), act);
    } else if (go) {
      command({ do: "again", turn: Number(go.dataset.turn), question: go.textContent });
      box().focus();
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches("a[role=button]")) {
      event.preventDefault();
      event.target.click();
    }
  });

  // From one quotation to the next: with buttons, and with [ and ] while reading sources

  const step = (from, by) => {
    const cards = [...from.closest(".fn-group").querySelectorAll(".fn-card")];
    const card = cards[(cards.indexOf(from.closest(".fn-card")) + by + cards.length) % cards.length];
    document.querySelector(`#fn-chat a[href='#${card.id}']`)?.click();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".fn-step");
    if (button) step(button, Number(button.dataset.by));
  });
  document.addEventListener("keydown", (event) => {
    const by = { "[": -1, "]": 1 }[event.key];
    const card = event.target.closest?.("#fn-sources .fn-card");
    if (by && card && !event.target.matches("input, textarea")) step(card, by);
  });

  // The server may be stopped while the page is open

  let missed = 0;
  globalThis.footnote.listen(({ alive }) => {
    missed = alive ? 0 : missed + 1;
    const shown = find("#fn-gone");
    if (missed > 1 && !shown) find("#fn-header")?.after(make("p", { id: "fn-gone", role: "alert", textContent: says().serverGone }));
    if (alive) shown?.remove();
  });

  const tidy = () => {
    if (!navigator.clipboard) document.querySelectorAll(".fn-act-copy").forEach((link) => link.remove());
  };
  new MutationObserver(tidy).observe(document.body, { subtree: true, childList: true });
}
