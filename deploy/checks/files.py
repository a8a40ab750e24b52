"""Holds what is deployed to the product: settings, routes and commands that are named exist, every alarm has its page, and
every line of the table in docs/deployment.md names a resource that is there.

Prints each problem with its file, and ends with 1 when there is any.
"""

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "deploy" / "terraform"
RUNBOOKS = ROOT / "docs" / "runbooks"


def read(path):
    return path.read_text(encoding="utf-8")


def settings():
    """Variables of the environment that no setting stands behind."""
    sections = tomllib.loads(read(ROOT / "config" / "default.toml"))
    known = {f"RAG_ENABLER_{section}_{name}".upper() for section, keys in sections.items() for name in keys}
    known |= set(re.findall(r'"(RAG_ENABLER_[A-Z_]+)"', read(ROOT / "config" / "src" / "environment.rs")))
    known.discard("RAG_ENABLER_")
    for path in sorted((ROOT / "deploy").rglob("*")) + sorted((ROOT / ".github").rglob("*.yml")):
        if not path.is_file() or path.suffix in (".json", ".py"):
            continue
        for name in sorted(set(re.findall(r"\bRAG_ENABLER_[A-Z_]+\b", read(path)))):
            if name not in known and not name.endswith("_"):
                yield path, f"there is no setting {name}"


def routes_and_commands():
    """Routes and commands that a page names and the product does not have."""
    source = read(ROOT / "http" / "src" / "route.rs")
    routes = [re.sub(r"\{\w+\}", "[^/?]+", path) for path in re.findall(r'\("[A-Z]+", "([^"]+)"\)', source)]
    arguments = read(ROOT / "src" / "cli" / "arguments.rs")
    start = arguments.index("pub(crate) enum Command {")
    names = re.findall(r"\n    ([A-Z]\w+)", arguments[start : arguments.index("\n}", start)])
    commands = {re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower() for name in names}
    pages = sorted(RUNBOOKS.glob("*.md")) + [ROOT / "docs" / "deployment.md", ROOT / "SECURITY.md"]
    for page in pages:
        text = read(page)
        for command in set(re.findall(r"`rag-enabler (?:--\w+ \S+ )*([a-z]+)", text)) - commands:
            yield page, f"there is no command `rag-enabler {command}`"
        for route in set(re.findall(r"(?:GET|POST|PUT|DELETE) (/[^\s`?]*)", text)):
            # The operator's own routes are many; their names stand in one place of the source.
            if route.startswith("/v1/operator/") or any(re.fullmatch(known, route) for known in routes):
                continue
            yield page, f"there is no route {route}"
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            if not (page.parent / link).exists():
                yield page, f"there is no page {link}"


def runbooks():
    """Alarms without a page, pages without an alarm."""
    rules = ROOT / "deploy" / "telemetry" / "alerts.yml"
    used = set()
    for group in yaml.safe_load(read(rules))["groups"]:
        for rule in group["rules"]:
            page = ROOT / rule["annotations"]["runbook_url"]
            used.add(page.name)
            if not page.is_file():
                yield rules, f"{rule['alert']}: there is no page {page.name}"
            elif f"`{rule['alert']}`" not in read(page).split("##")[0]:
                yield page, f"the alarm {rule['alert']} leads here and is not named"
    watch = TERRAFORM / "modules" / "watch" / "main.tf"
    text = read(watch)
    for name in set(re.findall(r'runbook = "([^"$]+)"', text)) | set(re.findall(r"docs/runbooks/([\w-]+)\.md", text)):
        used.add(f"{name}.md")
        if not (RUNBOOKS / f"{name}.md").is_file():
            yield watch, f"there is no page {name}"
    for page in sorted(RUNBOOKS.glob("*.md")):
        if page.name != "README.md" and page.name not in used:
            yield page, "no alarm leads to this page"
        for heading in ("## Symptom", "## Look", "## Do", "## Over"):
            if page.name != "README.md" and heading not in read(page):
                yield page, f"{heading} is missing"


def seeds():
    """Resources that the table names and no file has."""
    page = ROOT / "docs" / "deployment.md"
    there = {}
    for path in TERRAFORM.rglob("*.tf"):
        module = path.parent.name
        for kind, name in re.findall(r'^(?:resource|data|ephemeral) "(\w+)" "(\w+)"', read(path), re.M):
            there.setdefault(module, set()).add(f"{kind}.{name}")
    lines = 0
    for line in read(page).splitlines():
        if not line.startswith("|") or line.startswith(("|--", "| --")):
            continue
        for module, address in re.findall(r"`(\w+): (aws_\w+\.\w+)`", line):
            lines += 1
            if address not in there.get(module, set()):
                yield page, f"module {module} has no {address}"
        for name in re.findall(r"`((?:deploy|docs|config|\.github)/[\w./-]+)`", line):
            lines += 1
            if not (ROOT / name).exists():
                yield page, f"there is no {name}"
    if lines < 60:
        yield page, f"the table of the proposal's lines names only {lines} things"


def log_filters():
    """Fields and routes that CloudWatch looks for in the log of requests, and that no line of it has."""
    service = read(ROOT / "http" / "src" / "service.rs")
    line = re.search(r'tracing::info!\(([^;]*)"answered"\s*\);', service)[1]
    fields = {"message"} | set(re.findall(r"^\s*%?(\w+)(?: =|,)", line, re.M))
    routes = set(re.findall(r'=> "([a-z ]+)"', read(ROOT / "http" / "src" / "route.rs"))) | {"none"}
    for path in sorted(TERRAFORM.rglob("*.tf")):
        for text in read(path).splitlines():
            if r"message = \"answered\"" not in text:
                continue
            for field in sorted(set(re.findall(r"\$\.fields\.(\w+)", text)) - fields):
                yield path, f"no line of a request has the field {field}"
            for route in sorted(set(re.findall(r'fields\.route != \\"([^"\\]+)\\"', text)) - routes):
                yield path, f"no request has the route {route!r}"


def main():
    problems = []
    for check in (settings, routes_and_commands, runbooks, seeds, log_filters):
        problems += check()
    for path, problem in problems:
        print(f"{path.relative_to(ROOT)}: {problem}")
    print(f"files: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
