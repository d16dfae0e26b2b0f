"""Every requirement id with the tests that carry it (`@pytest.mark.req`); rows without a test come last.

The ids are read from the contract when it lies beside the repository,
else only those that the tests name are listed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT.parent / "shared" / "requirements.md"
ROW = re.compile(r"^\| ([A-Z]\d{2}) \|", re.MULTILINE)


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


def main() -> int:
    """Print the table."""
    found = collect()
    ids = ROW.findall(CONTRACT.read_text(encoding="utf-8")) if CONTRACT.exists() else sorted(found)
    for req in [i for i in ids if found.get(i)]:
        sys.stdout.write(f"{req}  {len(found[req])} tests\n")
        sys.stdout.writelines(f"     {name}\n" for name in found[req])
    for req in [i for i in ids if not found.get(i)]:
        sys.stdout.write(f"{req}  no test yet\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
