() => {
  // Conversations as files: written as Markdown and as JSON, and read again from JSON.
  const { make } = globalThis.footnote;
  const { LONGEST_NAME, all, save, newId, nameOf, idsOf, parsed } = globalThis.footnote.keeping;
  const { say, counted, written, tell, render } = globalThis.footnote.history;
  // Browsers keep about 5 MB for a page. The other two are those of receipts.py.
  const MOST_MB = 10;
  const MOST_CHARS = 20_000;
  const MOST_ITEMS = 64;

  // ---------------------------------------------------------------- writing

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

  // Text of others means nothing to Markdown, nor to HTML and formulas inside it, and an address in it is no link.
  const inert = (text) => String(text ?? "").replace(/\s+/g, " ").trim().replace(/[\\`*_{}[\]<>#|~&$]/g, "\\$&").replace(/:(?=\/\/)|(?<=www)\./gi, "\\$&").replace(/^(?:\d+(?=[.)])|(?=[-+] ))/, "$&\\");
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

  // ---------------------------------------------------------------- reading

  // Only the shape, so that the list can be shown and written again. What it says is looked up in the articles of today
  // when it is opened: see receipts.py.
  const isThing = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const isText = (value) => typeof value === "string" && value.length <= MOST_CHARS;
  const isTextOrNone = (value) => value === undefined || value === null || isText(value);
  const isList = (value, isOne) => value === undefined || (Array.isArray(value) && value.length <= MOST_ITEMS && value.every(isOne));
  const isQuoted = (one) => isThing(one) && isText(one.article_id) && isTextOrNone(one.quote);
  const isCitation = (one) => isThing(one) && Number.isInteger(one.index) && Number.isInteger(one.start) && Number.isInteger(one.end)
    && isText(one.article_id) && isText(one.cited_text) && [one.title, one.source, one.published, one.url].every(isTextOrNone);
  const isConflict = (one) => isThing(one) && Array.isArray(one.sides) && isList(one.sides, (side) => isThing(side) && isQuoted(side.sentence));
  const isWritten = (one) => isThing(one) && isText(one.model) && Array.isArray(one.sentences)
    && isList(one.sentences, (each) => isThing(each) && isText(each.text) && Array.isArray(each.cites) && isList(each.cites, Number.isInteger));
  const isTurn = (turn) => isThing(turn) && turn.version === 1 && isText(turn.id) && turn.id !== "" && isText(turn.question)
    && [turn.standalone_question, turn.outcome, turn.short_answer].every(isTextOrNone) && isList(turn.citations, isCitation)
    && isList(turn.evidence, isQuoted) && isList(turn.conflicts, isConflict) && isList(turn.missing, isText)
    && (turn.written === undefined || turn.written === null || isWritten(turn.written));
  const isConversation = (one) => isThing(one) && Array.isArray(one.turns) && one.turns.length > 0 && one.turns.every(isTurn);
  const timeOf = (text) => Math.min(Date.parse(text) || Date.now(), Date.now());
  const conversation = ({ name, created, updated, turns }) => {
    const given = isText(name) ? name.trim().replace(/\s+/g, " ").slice(0, LONGEST_NAME) : "";
    const own = nameOf(turns);
    return { id: newId(), name: given || own, named: given !== "" && given !== own, created: timeOf(created), updated: timeOf(updated), turns };
  };
  const read = async (file) => {
    if (file.size > MOST_MB * 2 ** 20) return { problem: say("fileTooLarge", file.name).replace("{mb}", MOST_MB) };
    const found = [parsed(await file.text().catch(() => ""))].flat();
    return found.length && found.every(isConversation) ? { found: found.map(conversation) } : { problem: say("fileUnreadable", file.name) };
  };
  const bringIn = async (files) => {
    const counts = { imported: 0, known: 0, noRoom: 0 };
    const problems = [];
    for (const file of files) {
      const { found = [], problem } = await read(file);
      if (problem) problems.push(problem);
      // The newest first: if there is no room for all, they are the ones to have.
      for (const one of found.sort((left, right) => right.updated - left.updated)) {
        const ids = idsOf(one.turns);
        // What goes on here since it was saved is here as well.
        const isKnown = all().some((other) => `${idsOf(other.turns)},`.startsWith(`${ids},`));
        counts[isKnown ? "known" : save(one, { added: true }) ? "imported" : "noRoom"] += 1;
      }
    }
    render();
    tell([...Object.keys(counts).filter((key) => counts[key]).map((key) => counted(key, counts[key])), ...problems].join(" "));
  };

  document.addEventListener("change", async (event) => {
    if (event.target.id !== "fn-history-files") return;
    await bringIn([...event.target.files]);
    event.target.value = "";
  });
  const drops = (event) => document.getElementById("fn-history")?.offsetParent && event.dataTransfer?.types.includes("Files");
  const light = (on) => document.getElementById("fn-history")?.classList.toggle("fn-dragging", on);
  document.addEventListener("dragover", (event) => {
    if (!drops(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    light(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) light(false); });
  document.addEventListener("drop", (event) => {
    if (!drops(event)) return;
    event.preventDefault();
    light(false);
    bringIn([...event.dataTransfer.files]);
  });

  globalThis.footnote.saving = {
    markdown: (kept) => download(`${fileName(kept.name)}.md`, "text/markdown", markdown(kept)),
    json: (kept) => download(`${fileName(kept.name)}.json`, "application/json", asJson(plain(kept))),
    all: () => download("footnote-conversations.json", "application/json", asJson(all().map(plain))),
  };
}
