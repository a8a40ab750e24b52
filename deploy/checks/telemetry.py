"""Holds alert rules, dashboards, collectors and CloudWatch alarms to the list of metrics (deploy/telemetry/metrics.toml).

Names, labels and values that the list does not have are errors; so is a rate of a gauge, or a counter without one.
    telemetry.py                 the files
    telemetry.py NODE.txt ...    also what nodes say at /metrics, saved: together they give every metric of the list, and no other

Prints each problem with its file, and ends with 1 when there is any.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy" / "telemetry"
FUNCTIONS = set(
    "sum min max avg count topk rate increase changes histogram_quantile time by without and or unless on ignoring"
    " group_left group_right bool absent".split()
)
COUNTING = ("rate", "increase")


class Catalogue:
    """The metrics by the name that a query uses."""

    def __init__(self, path):
        listed = tomllib.loads(path.read_text(encoding="utf-8"))
        self.everywhere = set(listed["exporter"]["labels"]) | {"job", "instance"}
        self.labels, self.kinds, self.values, self.types, self.names = {}, {}, {}, {}, set()
        self.problems = []
        # What CloudWatch has, with its dimensions.
        self.emf = {metric["name"]: metric["emf"] for metric in listed["metric"] if "emf" in metric}
        for metric in listed["metric"]:
            self.add(metric, listed["exporter"])
        for metric in listed["outside"]:
            self.labels[metric["name"]] = set(metric["labels"])
            self.kinds[metric["name"]] = "gauge"

    def add(self, metric, exporter):
        name, kind = metric["name"], metric["type"]
        say = self.problems.append
        if name in self.names:
            say(f"{name} is listed twice")
        self.names.add(name)
        self.types[name] = kind
        if not re.fullmatch(r"rag_enabler_[a-z0-9_]+", name):
            say(f"{name} does not begin with rag_enabler_")
        if (kind == "counter") != name.endswith("_total"):
            say(f"{name}: a counter's name ends in _total, and only a counter's")
        for key in ("unit", "help", "from", "roles"):
            if not metric.get(key):
                say(f"{name} has no `{key}`")
        if kind == "histogram":
            if metric.get("buckets") not in exporter:
                say(f"{name}: its buckets {metric.get('buckets')!r} are not in [exporter]")
            for part in ("_bucket", "_sum", "_count"):
                self.labels[name + part] = set(metric["labels"]) | ({"le"} if part == "_bucket" else set())
                self.kinds[name + part] = "counter"
        elif kind in ("counter", "gauge"):
            self.labels[name] = set(metric["labels"])
            self.kinds[name] = kind
        else:
            say(f"{name}: there is no type {kind!r}")
        for label in set(metric.get("emf", [])) - set(metric["labels"]):
            say(f"{name}: its dimension {label} is no label of it")
        for label, values in metric.get("values", {}).items():
            if label not in metric["labels"]:
                say(f"{name}: values of {label}, which is no label of it")
            for part in ("", "_bucket", "_sum", "_count"):
                self.values[name + part, label] = set(values)


def strings_away(text):
    """The expression with what stands in quotes emptied, character for character."""
    return re.sub(r'"[^"]*"', lambda found: '"' + "\0" * (len(found[0]) - 2) + '"', text)


def check_expression(catalogue, text):
    """Every problem of one PromQL expression, and the labels that its result may carry."""
    problems, bare = [], strings_away(text)
    selectors = {}
    blank = list(bare)
    for found in re.finditer(r"\{([^{}]*)\}", bare):
        before = re.search(r"([a-zA-Z_:][\w:]*)$", bare[: found.start()])
        if not before:
            problems.append(f"a selector without a name at {found.start()}")
            continue
        inside = text[found.start() + 1 : found.end() - 1]
        matchers = re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inside)
        if strings_away(inside).count("=") + strings_away(inside).count("!~") < len(matchers) or not matchers:
            problems.append(f"matchers that cannot be read: {inside}")
        selectors.setdefault(before[1], []).extend(matchers)
        blank[found.start() : found.end()] = " " * (found.end() - found.start())
    rest = "".join(blank)
    grouped = set()
    for found in re.finditer(r"\b(by|without|on|ignoring)\s*\(([^)]*)\)", rest):
        grouped |= {label.strip() for label in found[2].split(",") if label.strip()}
    rest = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", rest)
    rest = re.sub(r"\[[^\]]*\]", lambda found: "[" + " " * (len(found[0]) - 2) + "]", rest)
    used, carried = set(), set(catalogue.everywhere)
    for found in re.finditer(r"[a-zA-Z_:][\w:]*", rest):
        word = found[0]
        if word in FUNCTIONS:
            continue
        if word not in catalogue.labels:
            problems.append(f"there is no metric {word}")
            continue
        used.add(word)
        carried |= catalogue.labels[word]
        calls = re.findall(r"([a-z_]+)\s*\(\s*$", rest[: found.start()])
        counts = bool(calls) and calls[-1] in COUNTING
        if catalogue.kinds[word] == "counter" and not counts:
            problems.append(f"{word} counts upwards for ever: take its rate or increase")
        if catalogue.kinds[word] == "gauge" and counts:
            problems.append(f"{word} is a gauge: it has no rate")
    for word, matchers in selectors.items():
        for label, how, value in matchers:
            if word in catalogue.labels and label not in catalogue.labels[word] | catalogue.everywhere:
                problems.append(f"{word} has no label {label}")
            known = catalogue.values.get((word, label))
            if known is None:
                continue
            named = value.split("|") if how in ("=~", "!~") else [value]
            problems += [
                f"{word}: {label} is never {one!r}" for one in named if re.fullmatch(r"\w+", one) and one not in known
            ]
    for label in grouped - carried:
        problems.append(f"no metric of the expression has the label {label}")
    if not used:
        problems.append("the expression names no metric")
    return problems, carried | grouped


def alerts(catalogue):
    """Problems of the alert rules."""
    path = FILES / "alerts.yml"
    seen = set()
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            if name in seen:
                yield path, f"{name} is there twice"
            seen.add(name)
            problems, carried = check_expression(catalogue, rule["expr"])
            for problem in problems:
                yield path, f"{name}: {problem}"
            if rule["labels"].get("severity") not in ("critical", "warning", "info"):
                yield path, f"{name}: severity is critical, warning or info"
            for text in rule["annotations"].values():
                for label in re.findall(r"\$labels\.(\w+)", text):
                    if label not in carried:
                        yield path, f"{name}: its text names the label {label}, which it does not have"


def dashboards(catalogue):
    """Problems of the dashboards."""
    uids = {}
    for path in sorted((FILES / "dashboards").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        if board["uid"] in uids or path.stem != board["uid"]:
            yield path, f"its uid {board['uid']} is taken or is not the file's name"
        uids[board["uid"]] = path
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                problems, carried = check_expression(catalogue, target["expr"])
                for problem in problems:
                    yield path, f"{panel['title']}: {problem}"
                for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                    if label not in carried:
                        yield path, f"{panel['title']}: its legend names {label}, which it does not have"


def collectors(catalogue):
    """Problems of what is sent to CloudWatch, and of the alarms on it."""
    path = FILES / "collector.aws.yaml"
    exporter = yaml.safe_load(path.read_text(encoding="utf-8"))["exporters"]["awsemf"]
    sent = {}
    for declaration in exporter["metric_declarations"]:
        for selector in declaration["metric_name_selectors"]:
            name = selector.removeprefix("^").removesuffix("$")
            if name not in catalogue.names:
                yield path, f"there is no metric {name}"
                continue
            for dimensions in declaration["dimensions"]:
                sent.setdefault(name, []).append(dimensions)
                labels = catalogue.labels[name if name in catalogue.labels else name + "_sum"]
                for dimension in set(dimensions) - labels:
                    yield path, f"{name} has no label {dimension}"
    for name in sorted(set(sent) | set(catalogue.emf)):
        if sent.get(name) != [catalogue.emf.get(name)]:
            yield path, f"{name}: dimensions {sent.get(name)}, and {catalogue.emf.get(name)} in the list (emf)"
    for path in sorted((ROOT / "deploy" / "terraform").rglob("*.tf")):
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            metric = re.search(r'"(rag_enabler_\w+)"', line)
            given = re.search(r"dimensions\s*=\s*\{([^}]*)\}", line)
            if metric and given and metric[1] in sent:
                names = re.findall(r"(\w+)\s*=", given[1])
                if sorted(names) != sorted(sent[metric[1]][0]):
                    yield path, f"{metric[1]} is looked for by {names} and sent by {sent[metric[1]][0]}"
        for name in re.findall(r'"(rag_enabler_\w+)"', text):
            if name not in sent:
                yield path, f"{name} is not sent to CloudWatch by collector.aws.yaml"


def exported(catalogue, paths):
    """Problems of what nodes really say: names, types, labels and values that the list does not have, and what is missing."""
    kinds = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(maxsplit=3)
                kinds[name] = kind
                continue
            found = re.match(r"(rag_enabler_\w+)(?:\{(.*)\})? ", line)
            if not found:
                continue
            name, labels = found[1], dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            if name not in catalogue.labels:
                yield path, f"{name} is said and not listed"
                continue
            if wrong := set(labels) ^ (catalogue.labels[name] | (catalogue.everywhere - {"job", "instance"})):
                yield path, f"{name}: labels that are listed or said, not both: {', '.join(sorted(wrong))}"
            for label, value in labels.items():
                known = catalogue.values.get((name, label))
                if known is not None and value not in known:
                    yield path, f"{name}: {label} is {value!r}, which is not listed"
    for name in sorted(catalogue.names - set(kinds)):
        yield FILES / "metrics.toml", f"{name} is listed, and no node says it"
    for name in sorted(catalogue.names & set(kinds)):
        if kinds[name] != catalogue.types[name]:
            yield FILES / "metrics.toml", f"{name} is a {kinds[name]} of the nodes and a {catalogue.types[name]} here"


def main():
    catalogue = Catalogue(FILES / "metrics.toml")
    problems = [(FILES / "metrics.toml", problem) for problem in catalogue.problems]
    for check in (alerts, dashboards, collectors):
        problems += check(catalogue)
    if len(sys.argv) > 1:
        problems += exported(catalogue, [Path(name).resolve() for name in sys.argv[1:]])
    for path, problem in problems:
        print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {problem}")
    print(f"telemetry: {len(catalogue.names)} metrics, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
