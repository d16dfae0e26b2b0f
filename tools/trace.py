"""Every requirement id with the tests that carry it (`@pytest.mark.req`); rows without a test come last.

Ids and titles are read from the contract when it lies beside the repository (../shared/requirements.md),
else only the ids that the tests name are listed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT.parent / "shared" / "requirements.md"
ROW = re.compile(r"^\| ([A-Z]\d{2}) \| ([^|\n]*)\|", re.MULTILINE)
TITLE_CHARS = 90
LATER = "Requirements of later work, no test carries them yet:"


def marked(node: ast.AST) -> list[str]:
    """Requirement ids named by one decorator or `pytestmark` expression."""
    return [
        arg.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "req"
        for arg in call.args
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    ]


def collect() -> dict[str, list[str]]:
    """Requirement id -> "file::test" names, in file order."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = [
            req
            for stmt in tree.body
            if isinstance(stmt, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in stmt.targets)
            for req in marked(stmt.value)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                for req in dict.fromkeys(whole + [r for d in node.decorator_list for r in marked(d)]):
                    found[req].append(f"{path.relative_to(ROOT)}::{node.name}")
    return found


def titles(contract: str) -> dict[str, str]:
    """Requirement id -> its sentence without emphasis, cut to TITLE_CHARS, in the order of the contract."""
    plain = {req: text.replace("**", "").strip() for req, text in ROW.findall(contract)}
    return {req: _cut(text) for req, text in plain.items()}


def _cut(text: str) -> str:
    return text if len(text) <= TITLE_CHARS else f"{text[: TITLE_CHARS - 1]}…"


def table(found: dict[str, list[str]], named: dict[str, str]) -> list[str]:
    """The lines to print: what has tests first, then what has none under a heading of its own."""
    lines = []
    for req in [req for req in named if found.get(req)]:
        lines.append(f"{req}  {len(found[req])} tests  {named[req]}".rstrip())
        lines += [f"     {name}" for name in found[req]]
    without = [req for req in named if not found.get(req)]
    if without:
        lines += ["", f"{LATER} {len(without)}"]
    return lines + [f"{req}  no test yet  {named[req]}".rstrip() for req in without]


def main() -> int:
    """Print the table."""
    found = collect()
    if CONTRACT.exists():
        named = titles(CONTRACT.read_text(encoding="utf-8"))
    else:
        named = dict.fromkeys(sorted(found), "")
        sys.stdout.write("No ../shared/requirements.md: only the ids that tests name are listed.\n\n")
    sys.stdout.writelines(f"{line}\n" for line in table(found, named))
    return 0


if __name__ == "__main__":
    sys.exit(main())
