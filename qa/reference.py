"""The page at `/docs`: the routes as OpenAPI has them, in plain HTML that loads nothing from anywhere."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .25rem; }} code, pre {{ font-family: ui-monospace, monospace; }}
pre {{ overflow-x: auto; padding: .5rem; border: 1px solid #8884; }} .method {{ font-weight: 700; }}
td, th {{ text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0; }} p {{ margin: .25rem 0; }}
</style></head><body><main><h1>{title} {version}</h1><p>{description}</p>
<p>The same for machines: <a href="openapi.json">openapi.json</a></p>
{operations}<h1>Objects</h1>
{objects}</main></body></html>
"""


def render(document: Mapping[str, Any]) -> str:
    """Render an OpenAPI document."""
    info = document["info"]
    operations = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document.get("components", {}).get("schemas", {})
    return PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        description=escape(info.get("description", "")),
        operations="".join(operations),
        objects="".join(_schema(name, schema) for name, schema in sorted(schemas.items())),
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    heading = f'<h2><span class="method">{escape(method.upper())}</span> <code>{escape(path)}</code></h2>'
    parameters = "".join(_parameter(parameter) for parameter in operation.get("parameters", ()))
    table = f"<table>{parameters}</table>" if parameters else ""
    body = operation.get("requestBody", {}).get("content", {})
    sends = "".join(
        f"<p>Send {escape(kind)}: {_reference(content.get('schema', {}))}</p>" for kind, content in body.items()
    )
    returns = "".join(_response(status, response) for status, response in operation.get("responses", {}).items())
    return f"{heading}<p>{escape(operation.get('description', ''))}</p>{table}{sends}{returns}\n"


def _parameter(parameter: Mapping[str, Any]) -> str:
    name, place = escape(parameter["name"]), escape(parameter["in"])
    described = escape(parameter.get("description", ""))
    return f"<tr><td><code>{name}</code></td><td>{place}</td><td>{described}</td></tr>"


def _response(status: str, response: Mapping[str, Any]) -> str:
    kinds = response.get("content", {})
    bodies = ", ".join(_reference(content.get("schema", {})) for content in kinds.values())
    return f"<p>{escape(status)}: {escape(response.get('description', ''))} {bodies}</p>"


def _reference(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    named = [_reference(choice) for choice in choices if choice.get("type") != "null"]
    return " or ".join(named) or f"<code>{escape(str(schema.get('title') or schema.get('type') or 'any'))}</code>"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    shown = json.dumps(schema.get("properties", schema), ensure_ascii=False, indent=1)
    described = escape(schema.get("description", ""))
    return f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{described}</p><pre>{escape(shown)}</pre>\n'
